/* tape_run.c - a planned tape at work: bind rows, point at data, forward, backward, look. */
#include "autograd/tape_internal.h"
#include "base/alloc.h"
#include "base/threads.h"

#include <string.h>

static att_status is_planned(const att_tape *t, const char *what)
{
    if (!t) return atti_fail(ATT_EINVAL, "tape %s: tape is NULL", what);
    if (!t->planned) return atti_fail(ATT_EINVAL, "tape %s: it is not planned", what);
    return ATT_OK;
}

static att_status get_value(const att_tape *t, att_var v, const char *what)
{
    if (!t) return atti_fail(ATT_EINVAL, "tape %s: tape is NULL", what);
    if (v < 0 || (size_t)v >= t->n_values)
        return atti_fail(ATT_EINVAL, "tape %s: value %d of %zu", what, (int)v,
                         t->n_values);
    return ATT_OK;
}

att_status att_tape_set_param(att_tape *t, att_var v, float *value, float *grad)
{
    ATTI_TRY(get_value(t, v, "set_param"));
    if (t->values[v].kind != ATTI_VALUE_PARAM)
        return atti_fail(ATT_EINVAL, "tape set_param: value %d is no parameter",
                         (int)v);
    if (!value)
        return atti_fail(ATT_EINVAL, "tape set_param '%s': NULL", t->values[v].name);
    if ((uintptr_t)value % sizeof *value || (uintptr_t)grad % sizeof *grad)
        return atti_fail(ATT_EINVAL, "tape set_param '%s': not aligned as floats are",
                         t->values[v].name);
    t->values[v].data = value;
    t->values[v].grad = grad;
    return ATT_OK;
}

att_status att_tape_set(att_tape *t, att_var v, const void *data)
{
    ATTI_TRY(get_value(t, v, "set"));
    if (t->values[v].kind != ATTI_VALUE_INPUT)
        return atti_fail(ATT_EINVAL, "tape set: value %d is no input", (int)v);
    /* Inputs are only ever read; the cast is for the union of kinds in one field. */
    t->values[v].data = (void *)(uintptr_t)data;
    return ATT_OK;
}

att_status att_tape_bind(att_tape *t, att_rows symbol, int64_t rows)
{
    ATTI_TRY(is_planned(t, "bind"));
    if (symbol >= 0 || atti_symbol_index(symbol) >= (int32_t)t->n_symbols)
        return atti_fail(ATT_EINVAL, "tape bind: %lld is no symbol", (long long)symbol);
    int32_t k = atti_symbol_index(symbol);
    atti_symbol *s = &t->symbols[k];
    if (s->base >= 0)
        return atti_fail(ATT_EINVAL, "tape bind: %s follows %s", s->name,
                         t->symbols[s->base].name);
    if (rows < 0 || rows > s->max)
        return atti_fail(ATT_EINVAL, "tape bind: %lld of %s, planned for at most %lld",
                         (long long)rows, s->name, (long long)s->max);
    s->rows = rows;
    /* A derived symbol is made after its base, so one pass in order settles chains. */
    for (size_t i = (size_t)k + 1; i < t->n_symbols; i++)
        if (t->symbols[i].base >= 0 && t->symbols[t->symbols[i].base].rows >= 0)
            t->symbols[i].rows =
                t->symbols[t->symbols[i].base].rows + t->symbols[i].extra;
    return ATT_OK;
}

/* ---- one operator's call ---- */

static void *data_of(const att_tape *t, att_var v, int backward)
{
    const atti_value *x = &t->values[v];
    if (x->kind != ATTI_VALUE_RESULT) return x->data;
    if (backward && x->again_at != ATTI_NOWHERE) return t->arena + x->again_at;
    return x->at == ATTI_NOWHERE ? NULL : t->arena + x->at;
}

static float *grad_of(const att_tape *t, att_var v)
{
    const atti_value *x = &t->values[v];
    if (!x->has_grad) return NULL;
    if (x->kind == ATTI_VALUE_PARAM) return x->grad;
    return x->grad_at == ATTI_NOWHERE ? NULL : (float *)(void *)(t->arena + x->grad_at);
}

static void fill_mat(const att_tape *t, atti_mat *m, att_var v, int backward)
{
    void *data = data_of(t, v, backward);
    if (t->values[v].shape.dtype == ATT_I32)
        m->i = data;
    else
        m->f = data;
}

static void make_call(const att_tape *t, const atti_node *n, atti_call *c, int backward)
{
    const atti_node_plan *p = &t->node_plan[n->index];
    atti_call_shapes(t, n, atti_rows_bound, c);
    for (int32_t i = 0; i < n->n_in; i++)
        if (n->in[i] != ATT_NO_VAR) fill_mat(t, &c->in[i], n->in[i], backward);
    for (int32_t o = 0; o < n->n_out; o++) fill_mat(t, &c->out[o], n->out[o], backward);
    for (int32_t k = 0; k < n->n_save; k++)
        c->save[k] = p->save_at[k] == ATTI_NOWHERE ? NULL : t->arena + p->save_at[k];
    c->scratch = t->arena + t->scratch_at;
    c->scratch_bytes = t->memory.scratch;
    c->training = t->ran_training;
    c->key = atti_key(t->seed, t->step, (uint64_t)n->index);
    int fixed = t->packed && !backward && !c->training && n->n_in > 1 &&
                n->in[1] != ATT_NO_VAR && t->values[n->in[1]].kind == ATTI_VALUE_PARAM;
    c->packed = fixed ? &t->packed[n->index] : NULL;
}

/* ---- forward ---- */

static att_status ready(const att_tape *t)
{
    for (size_t i = 0; i < t->n_symbols; i++)
        if (t->symbols[i].rows < 0)
            return atti_fail(ATT_EINVAL, "tape forward: %s is not bound",
                             t->symbols[i].name);
    for (size_t i = 0; i < t->n_values; i++) {
        const atti_value *v = &t->values[i];
        if (v->kind != ATTI_VALUE_RESULT && !v->data &&
            atti_rows_bound(t, v->shape.rows) > 0)
            return atti_fail(ATT_EINVAL, "tape forward: '%s' is not set", v->name);
    }
    return atti_kernels_check();
}

static void watch(const att_tape *t, int32_t node, int backward)
{
    if (t->watch) t->watch(t->watch_user, node, backward);
}

static att_status show(const att_tape *t, const atti_call *c, int backward)
{
    return t->observe ? t->observe(t->observe_user, c, backward) : ATT_OK;
}

static att_status run_forward(att_tape *t)
{
    atti_call c;
    for (size_t i = 0; i < t->n_nodes; i++) {
        watch(t, (int32_t)i, 0);
        make_call(t, &t->nodes[i], &c, 0);
        ATTI_TRY(t->nodes[i].op->forward(&c));
        ATTI_TRY(show(t, &c, 0));
    }
    watch(t, -1, 0);
    return ATT_OK;
}

/* Scratch was sized for the threads in force at planning: use no more. */
static int32_t limit_threads(const att_tape *t)
{
    return atti_threads_max() > t->threads ? att_set_threads(t->threads) : -1;
}

static void restore_threads(int32_t before)
{
    if (before >= 0) (void)att_set_threads(before);
}

att_status att_tape_forward(att_tape *t, uint64_t seed, uint64_t step, int32_t training)
{
    ATTI_TRY(is_planned(t, "forward"));
    if (training && !t->training_plan)
        return atti_fail(ATT_EINVAL, "tape forward: training, planned without");
    t->ran_forward = t->ran_backward = 0;
    ATTI_TRY(ready(t));
    t->seed = seed;
    t->step = step;
    t->ran_training = training != 0;
    int32_t before = limit_threads(t);
    att_status st = run_forward(t);
    restore_threads(before);
    t->ran_forward = st == ATT_OK;
    return st;
}

/* ---- backward ---- */

static void zero_rows(float *g, int64_t rows, int64_t cols)
{
    if (rows * cols > 0) memset(g, 0, (size_t)(rows * cols) * sizeof *g);
}

static void add_gradients(const att_tape *t, const atti_node *n, atti_call *c,
                          int accumulate)
{
    const atti_node_plan *p = &t->node_plan[n->index];
    for (int32_t o = 0; o < n->n_out; o++) {
        c->out[o].grad = grad_of(t, n->out[o]);
        const atti_value *v = &t->values[n->out[o]];
        if (v->kept_grad_at != ATTI_NOWHERE && c->out[o].grad)
            memcpy(t->arena + v->kept_grad_at, c->out[o].grad,
                   (size_t)(c->out[o].rows * c->out[o].cols) * sizeof(float));
    }
    for (int32_t i = 0; i < n->n_in; i++) {
        if (n->in[i] == ATT_NO_VAR) continue;
        atti_mat *m = &c->in[i];
        m->grad = grad_of(t, n->in[i]);
        m->accumulate = p->accumulate[i] == 2 ? accumulate : p->accumulate[i];
        int param = t->values[n->in[i]].kind == ATTI_VALUE_PARAM;
        if (p->zero_first[i] && m->grad && !(param && accumulate))
            zero_rows(m->grad, m->rows, m->cols);
    }
}

/* What this node's backward is the first to read again, in the order of making. */
static att_status make_again(att_tape *t, int32_t before)
{
    atti_call c;
    for (int32_t i = 0; i <= before; i++) {
        if (t->node_plan[i].again_before != before) continue;
        make_call(t, &t->nodes[i], &c, 1);
        ATTI_TRY(t->nodes[i].op->again(&c));
    }
    return ATT_OK;
}

static att_status run_backward(att_tape *t, int accumulate)
{
    atti_call c;
    for (size_t i = t->n_nodes; i-- > 0;) {
        if (!t->node_plan[i].runs_backward) continue;
        watch(t, (int32_t)i, 1);
        if (t->node_plan[i].makes_again) ATTI_TRY(make_again(t, (int32_t)i));
        make_call(t, &t->nodes[i], &c, 1);
        add_gradients(t, &t->nodes[i], &c, accumulate);
        ATTI_TRY(show(t, &c, 1));
        ATTI_TRY(t->nodes[i].op->backward(&c));
    }
    watch(t, -1, 1);
    return ATT_OK;
}

att_status atti_tape_backward_from(att_tape *t, const float *dloss, float scale,
                                   int accumulate)
{
    const atti_value *v = &t->values[t->loss];
    float *g = grad_of(t, t->loss);
    if (g) {
        int64_t n = atti_rows_bound(t, v->shape.rows) * v->shape.cols;
        for (int64_t i = 0; i < n; i++) g[i] = dloss ? dloss[i] * scale : scale;
        int32_t before = limit_threads(t);
        att_status st = run_backward(t, accumulate);
        restore_threads(before);
        if (st != ATT_OK) return st;
    }
    /* What the buffers held forward has been overwritten by gradients. */
    t->ran_training = 0;
    t->ran_backward = 1;
    return ATT_OK;
}

att_status att_tape_backward(att_tape *t, att_var loss, float scale, int32_t accumulate)
{
    ATTI_TRY(is_planned(t, "backward"));
    ATTI_TRY(get_value(t, loss, "backward"));
    if (loss != t->loss)
        return atti_fail(ATT_EINVAL, "tape backward: value %d, planned for loss %d",
                         (int)loss, (int)t->loss);
    const atti_shape *s = &t->values[loss].shape;
    if (s->rows != 1 || s->cols != 1)
        return atti_fail(ATT_ESHAPE, "tape backward: loss %s, expected [1,1]",
                         atti_shape_str(t, s).s);
    if (!t->ran_forward || !t->ran_training)
        return atti_fail(ATT_EINVAL, "tape backward: no training forward before it");
    return atti_tape_backward_from(t, NULL, scale, accumulate != 0);
}

/* ---- looking ---- */

static att_status view_of(const att_tape *t, att_tensor *view, att_var v, void *data)
{
    const atti_shape *s = &t->values[v].shape;
    int64_t shape[2] = {atti_rows_bound(t, s->rows), s->cols};
    if (shape[0] < 0) return atti_fail(ATT_EINVAL, "tape value: rows are not bound");
    return att_tensor_view(view, data, s->dtype, 2, shape);
}

att_status att_tape_value(const att_tape *t, att_tensor *view, att_var v)
{
    ATTI_TRY(get_value(t, v, "value"));
    if (!view) return atti_fail(ATT_EINVAL, "tape value: view is NULL");
    const atti_value *x = &t->values[v];
    if (x->kind == ATTI_VALUE_RESULT) {
        ATTI_TRY(is_planned(t, "value"));
        if (!x->keep)
            return atti_fail(ATT_EINVAL, "tape value: %d was not kept", (int)v);
        if (!t->ran_forward) return atti_fail(ATT_EINVAL, "tape value: nothing ran");
    } else if (!x->data) {
        return atti_fail(ATT_EINVAL, "tape value: '%s' is not set", x->name);
    }
    return view_of(t, view, v, data_of(t, v, 0));
}

att_status att_tape_grad(const att_tape *t, att_tensor *view, att_var v)
{
    ATTI_TRY(get_value(t, v, "grad"));
    ATTI_TRY(is_planned(t, "grad"));
    if (!view) return atti_fail(ATT_EINVAL, "tape grad: view is NULL");
    const atti_value *x = &t->values[v];
    void *g =
        x->kind == ATTI_VALUE_RESULT
            ? (x->kept_grad_at == ATTI_NOWHERE ? NULL : t->arena + x->kept_grad_at)
            : (void *)grad_of(t, v);
    if (!g || !t->ran_backward)
        return atti_fail(ATT_EINVAL,
                         "tape grad: there is none of value %d (not kept, not "
                         "reached from the loss, or backward did not run)",
                         (int)v);
    return view_of(t, view, v, g);
}
