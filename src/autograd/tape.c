/* tape.c - recording: symbols, values, operators, and what may be asked of them before
 * anything runs. tape_plan.c lays memory out, tape_run.c runs. */
#include "autograd/tape_internal.h"

#include "base/alloc.h"
#include "kernels/matmul.h"

#include <stdio.h>
#include <string.h>

void att_free(void *p)
{
    atti_free(p);
}

att_status att_tape_create(att_tape **out)
{
    if (!out) return atti_fail(ATT_EINVAL, "tape: out is NULL");
    att_tape *t = NULL;
    ATTI_TRY(atti_alloc(&t, 1, sizeof *t, "tape"));
    t->loss = ATT_NO_VAR;
    *out = t;
    return ATT_OK;
}

void att_tape_destroy(att_tape *t)
{
    if (!t) return;
    for (size_t i = 0; i < t->n_values; i++) {
        if (t->values[i].kind == ATTI_VALUE_CONSTANT) atti_free(t->values[i].data);
        atti_free(t->values[i].name);
    }
    for (size_t i = 0; i < t->n_nodes; i++) atti_free(t->nodes[i].attr);
    for (size_t i = 0; i < t->n_symbols; i++) atti_free(t->symbols[i].name);
    atti_free(t->values);
    atti_free(t->nodes);
    atti_free(t->symbols);
    for (size_t i = 0; t->packed && i < t->n_nodes; i++)
        atti_linear_destroy(t->packed[i]);
    atti_free(t->packed);
    atti_free(t->node_plan);
    atti_free(t->arena);
    atti_free(t);
}

att_status atti_tape_keep_packed(att_tape *t)
{
    if (t->packed) return ATT_OK;
    return atti_alloc(&t->packed, t->n_nodes, sizeof *t->packed, "packed weights");
}

/* ---- symbols ---- */

static att_status add_symbol(att_tape *t, att_rows *out, const char *name, int32_t base,
                             int64_t extra)
{
    char *copy = NULL;
    ATTI_TRY(atti_grow(&t->symbols, &t->cap_symbols, t->n_symbols + 1,
                       sizeof *t->symbols, "tape symbols"));
    ATTI_TRY(atti_strdup(&copy, name));
    t->symbols[t->n_symbols] = (atti_symbol){
        .name = copy, .base = base, .extra = extra, .rows = -1, .max = -1};
    *out = -1 - (att_rows)t->n_symbols;
    t->n_symbols++;
    return ATT_OK;
}

static att_status can_grow(const att_tape *t)
{
    if (!t) return atti_fail(ATT_EINVAL, "tape is NULL");
    if (t->planned) return atti_fail(ATT_EINVAL, "tape: it is planned and cannot grow");
    return ATT_OK;
}

static att_status check_rows(const att_tape *t, att_rows rows)
{
    if (rows < 0 && -1 - rows >= (int64_t)t->n_symbols)
        return atti_fail(ATT_EINVAL, "tape: symbol %lld of %zu", (long long)(-1 - rows),
                         t->n_symbols);
    return ATT_OK;
}

att_status att_tape_symbol(att_tape *t, att_rows *out, const char *name)
{
    ATTI_TRY(can_grow(t));
    if (!out || !name) return atti_fail(ATT_EINVAL, "tape symbol: NULL argument");
    return add_symbol(t, out, name, -1, 0);
}

att_status att_tape_symbol_plus(att_tape *t, att_rows *out, att_rows base,
                                int64_t extra)
{
    ATTI_TRY(can_grow(t));
    if (!out || base >= 0)
        return atti_fail(ATT_EINVAL, "tape symbol_plus: base must be a symbol");
    ATTI_TRY(check_rows(t, base));
    if (extra < 0 || extra > INT32_MAX)
        return atti_fail(ATT_EINVAL, "tape symbol_plus: extra %lld", (long long)extra);
    char name[64];
    snprintf(name, sizeof name, "%.40s+%lld", t->symbols[atti_symbol_index(base)].name,
             (long long)extra);
    return add_symbol(t, out, name, atti_symbol_index(base), extra);
}

/* ---- values ---- */

att_var att_tape_find(const att_tape *t, const char *name)
{
    for (size_t i = 0; t && name && i < t->n_values; i++)
        if (t->values[i].name && strcmp(t->values[i].name, name) == 0)
            return (att_var)i;
    return ATT_NO_VAR;
}

static const atti_value *value_at(const att_tape *t, att_var v)
{
    return t && v >= 0 && (size_t)v < t->n_values ? &t->values[v] : NULL;
}

int32_t att_tape_var_count(const att_tape *t)
{
    return t ? (int32_t)t->n_values : 0;
}

const char *att_tape_name(const att_tape *t, att_var v)
{
    const atti_value *x = value_at(t, v);
    return !x ? NULL : x->name ? x->name : "";
}

int32_t att_tape_is_param(const att_tape *t, att_var v)
{
    const atti_value *x = value_at(t, v);
    return x && x->kind == ATTI_VALUE_PARAM;
}

int64_t att_tape_cols(const att_tape *t, att_var v)
{
    const atti_value *x = value_at(t, v);
    return x ? x->shape.cols : -1;
}

att_rows att_tape_rows(const att_tape *t, att_var v)
{
    const atti_value *x = value_at(t, v);
    return x ? x->shape.rows : 0;
}

/* Appends a value. Capacity for a whole operator is reserved by the caller, so that this
 * cannot fail halfway. */
static void push_value(att_tape *t, att_var *out, const atti_value *proto)
{
    t->values[t->n_values] = *proto;
    t->values[t->n_values].at = ATTI_NOWHERE;
    t->values[t->n_values].grad_at = ATTI_NOWHERE;
    t->values[t->n_values].again_at = ATTI_NOWHERE;
    t->values[t->n_values].kept_grad_at = ATTI_NOWHERE;
    *out = (att_var)t->n_values;
    t->n_values++;
}

static att_status named_value(att_tape *t, att_var *out, const char *name,
                              atti_value_kind kind, atti_shape shape)
{
    ATTI_TRY(can_grow(t));
    if (!out || !name || !*name)
        return atti_fail(ATT_EINVAL, "tape: a value needs a name");
    if (att_tape_find(t, name) != ATT_NO_VAR)
        return atti_fail(ATT_EINVAL, "tape: there is a value '%s' already", name);
    ATTI_TRY(check_rows(t, shape.rows));
    if (shape.dtype != ATT_F32 && shape.dtype != ATT_I32)
        return atti_fail(ATT_ENOTSUP, "tape '%s': dtype %s, expected F32 or I32", name,
                         att_dtype_name(shape.dtype));
    int64_t n = shape.rows > 0 ? shape.rows : 1;
    if (shape.cols < 1 || !atti_mul_i64(&n, n, shape.cols) || n > INT64_MAX / 64)
        return atti_fail(ATT_EINVAL, "tape '%s': %lld columns", name,
                         (long long)shape.cols);
    if (t->n_values + 1 > INT32_MAX) return atti_fail(ATT_ENOMEM, "tape: full");
    ATTI_TRY(atti_grow(&t->values, &t->cap_values, t->n_values + 1, sizeof *t->values,
                       "tape values"));
    char *copy = NULL;
    ATTI_TRY(atti_strdup(&copy, name));
    push_value(
        t, out,
        &(atti_value){.name = copy, .kind = kind, .shape = shape, .producer = -1});
    return ATT_OK;
}

att_status att_tape_input(att_tape *t, att_var *out, const char *name, att_dtype dtype,
                          att_rows rows, int64_t cols)
{
    return named_value(t, out, name, ATTI_VALUE_INPUT, (atti_shape){rows, cols, dtype});
}

att_status att_tape_param(att_tape *t, att_var *out, const char *name, int64_t rows,
                          int64_t cols)
{
    if (rows < 1)
        return atti_fail(ATT_EINVAL, "tape parameter '%s': %lld rows", name ? name : "",
                         (long long)rows);
    return named_value(t, out, name, ATTI_VALUE_PARAM,
                       (atti_shape){rows, cols, ATT_F32});
}

att_status att_tape_constant(att_tape *t, att_var *out, const char *name, int64_t rows,
                             int64_t cols, const float *data)
{
    size_t n = 0;
    if (!data || rows < 1 || cols < 1 || !atti_mul_size(&n, (size_t)rows, (size_t)cols))
        return atti_fail(ATT_EINVAL, "tape constant '%s': [%lld,%lld]",
                         name ? name : "", (long long)rows, (long long)cols);
    float *copy = NULL;
    ATTI_TRY(atti_alloc_raw(&copy, n, sizeof *copy, "tape constant"));
    memcpy(copy, data, n * sizeof *copy);
    att_status st = named_value(t, out, name, ATTI_VALUE_CONSTANT,
                                (atti_shape){rows, cols, ATT_F32});
    if (st != ATT_OK) {
        atti_free(copy);
        return st;
    }
    t->values[*out].data = copy;
    return ATT_OK;
}

att_status att_tape_keep(att_tape *t, att_var v)
{
    ATTI_TRY(can_grow(t));
    if (!value_at(t, v)) return atti_fail(ATT_EINVAL, "tape keep: no value %d", (int)v);
    t->values[v].keep = 1;
    return ATT_OK;
}

/* ---- operators ---- */

static att_status fill_inputs(const att_tape *t, atti_infer *f, const att_var *in,
                              const int64_t *begin, const int64_t *end)
{
    atti_node *n = f->node;
    for (int32_t i = 0; i < n->n_in; i++) {
        n->in[i] = in[i];
        if (in[i] == ATT_NO_VAR) continue;
        const atti_value *x = value_at(t, in[i]);
        if (!x)
            return atti_fail(ATT_EINVAL, "%s: operand %d is value %d of %zu",
                             n->op->name, (int)i, (int)in[i], t->n_values);
        f->in[i] = x->shape;
        n->col0[i] = begin ? begin[i] : 0;
        n->col1[i] = end && end[i] > 0 ? end[i] : x->shape.cols;
        if (n->col0[i] < 0 || n->col0[i] >= n->col1[i] || n->col1[i] > x->shape.cols)
            return atti_fail(ATT_ESHAPE, "%s: operand %d: columns %lld..%lld of %lld",
                             n->op->name, (int)i, (long long)n->col0[i],
                             (long long)n->col1[i], (long long)x->shape.cols);
    }
    return ATT_OK;
}

att_status atti_tape_record_ranges(att_tape *t, const atti_op *op, const att_var *in,
                                   const int64_t *begin, const int64_t *end,
                                   int32_t n_in, const void *attr, att_var *outs)
{
    ATTI_TRY(can_grow(t));
    if (!outs) return atti_fail(ATT_EINVAL, "%s: out is NULL", op->name);
    if (n_in < 1 || n_in > ATTI_MAX_IN)
        return atti_fail(ATT_EINVAL, "%s: %d operands, at most %d", op->name, (int)n_in,
                         ATTI_MAX_IN);
    atti_node node = {.op = op, .n_in = n_in, .n_out = 1, .index = (int32_t)t->n_nodes};
    for (int i = 0; i < ATTI_MAX_SAVE; i++) node.save[i].over = -1;
    atti_infer f = {.tape = t, .node = &node, .attr = attr};
    for (int i = 0; i < ATTI_MAX_OUT; i++) f.out[i].dtype = ATT_F32;
    ATTI_TRY(fill_inputs(t, &f, in, begin, end));

    ATTI_TRY(atti_grow(&t->values, &t->cap_values, t->n_values + ATTI_MAX_OUT,
                       sizeof *t->values, "tape values"));
    ATTI_TRY(atti_grow(&t->nodes, &t->cap_nodes, t->n_nodes + 1, sizeof *t->nodes,
                       "tape operators"));
    if (op->attr_bytes > 0) {
        ATTI_TRY(atti_alloc_raw(&node.attr, 1, op->attr_bytes, "tape attributes"));
        memcpy(node.attr, attr, op->attr_bytes);
        f.attr = node.attr;
    }
    att_status st = op->infer(&f);
    if (st != ATT_OK) {
        atti_free(node.attr);
        return st;
    }
    for (int32_t o = 0; o < node.n_out; o++) {
        int sticky = (int)(op->sticky_outs >> o & 1U);
        push_value(t, &node.out[o],
                   &(atti_value){.kind = ATTI_VALUE_RESULT,
                                 .shape = f.out[o],
                                 .producer = node.index,
                                 .out_slot = o,
                                 .keep = sticky});
        outs[o] = node.out[o];
    }
    t->nodes[t->n_nodes++] = node;
    return ATT_OK;
}

att_status atti_tape_record(att_tape *t, const atti_op *op, const att_var *in,
                            int32_t n_in, const void *attr, att_var *outs)
{
    return atti_tape_record_ranges(t, op, in, NULL, NULL, n_in, attr, outs);
}

void atti_tape_forget(att_tape *t, int32_t n_values)
{
    while (t && t->n_nodes > 0 && t->nodes[t->n_nodes - 1].out[0] >= n_values) {
        t->n_nodes--;
        atti_free(t->nodes[t->n_nodes].attr);
        t->n_values = (size_t)t->nodes[t->n_nodes].out[0];
    }
}

/* ---- for people ---- */

atti_tape_shape_text atti_shape_str(const att_tape *t, const atti_shape *s)
{
    atti_tape_shape_text out;
    const char *kind = s->dtype == ATT_F32 ? "" : " i32";
    if (s->rows >= 0)
        snprintf(out.s, sizeof out.s, "[%lld,%lld]%s", (long long)s->rows,
                 (long long)s->cols, kind);
    else
        snprintf(out.s, sizeof out.s, "[%.60s,%lld]%s",
                 t->symbols[atti_symbol_index(s->rows)].name, (long long)s->cols, kind);
    return out;
}

static void print_value(const att_tape *t, att_var v, atti_str *s)
{
    if (v == ATT_NO_VAR)
        atti_str_add(s, "-");
    else if (t->values[v].name)
        atti_str_add(s, t->values[v].name);
    else
        atti_str_addf(s, "%%%d", (int)v);
}

static void print_node(const att_tape *t, const atti_node *n, atti_str *s)
{
    for (int32_t o = 0; o < n->n_out; o++)
        atti_str_addf(s, "%s%%%d %s", o ? ", " : "", (int)n->out[o],
                      atti_shape_str(t, &t->values[n->out[o]].shape).s);
    atti_str_addf(s, " = %s(", n->op->name);
    for (int32_t i = 0; i < n->n_in; i++) {
        if (i) atti_str_add(s, ", ");
        print_value(t, n->in[i], s);
        if (n->in[i] != ATT_NO_VAR &&
            (n->col0[i] > 0 || n->col1[i] < t->values[n->in[i]].shape.cols))
            atti_str_addf(s, "[:,%lld:%lld]", (long long)n->col0[i],
                          (long long)n->col1[i]);
    }
    atti_str_add(s, ")");
    if (n->op->describe) n->op->describe(n, s);
    atti_str_add(s, "\n");
}

att_status att_tape_print(const att_tape *t, char **out)
{
    if (!t || !out) return atti_fail(ATT_EINVAL, "tape print: NULL argument");
    atti_str s = {0};
    for (size_t i = 0; i < t->n_nodes; i++) print_node(t, &t->nodes[i], &s);
    if (t->planned)
        atti_str_addf(
            &s,
            "# arena %.1f MiB: values and saves %.1f, gradients %.1f, scratch "
            "%.1f; %.2f GFLOP forward, %.2f backward\n",
            (double)t->memory.total / 1048576.0,
            (double)t->memory.activations / 1048576.0,
            (double)t->memory.gradients / 1048576.0,
            (double)t->memory.scratch / 1048576.0, t->memory.forward_flops * 1e-9,
            t->memory.backward_flops * 1e-9);
    if (s.status != ATT_OK) {
        att_status st = s.status;
        atti_str_deinit(&s);
        return st;
    }
    return atti_str_take(out, &s);
}
