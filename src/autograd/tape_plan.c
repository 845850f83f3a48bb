/* tape_plan.c - where everything lies: gradients that are wanted, lifetimes, who writes
 * and who adds, what may share memory. tape_place.c then finds the offsets.
 *
 * Time runs 0 .. n-1 over the operators forward and n .. 2n-1 over them backward, so
 * operator i runs at i and at 2n-1-i. A buffer is alive from its first write to its last
 * read, both included; two buffers may share bytes if their lives do not meet. */
#include "autograd/tape_internal.h"
#include "autograd/tape_place.h"
#include "base/alloc.h"
#include "base/threads.h"

#include <string.h>

typedef atti_plan_buffer buffer;

typedef struct range {
    int64_t begin, end;
} range;

typedef struct planner {
    att_tape *t;
    int32_t n; /* nodes */
    int training;
    buffer *buf;
    size_t n_buf, cap_buf;
    int32_t *data_buf, *grad_buf, *kept_buf, *again_buf; /* per value, -1 none */
    int32_t *save_buf;                                   /* per node * ATTI_MAX_SAVE */
    unsigned char *needs, *reach;                        /* per value */
} planner;

void att_tape_plan_opts_init(att_tape_plan_opts *o)
{
    if (!o) return;
    *o = (att_tape_plan_opts){.size = sizeof *o, .loss = ATT_NO_VAR, .recompute = 1};
}

int64_t atti_rows_bound(const att_tape *t, att_rows rows)
{
    return rows >= 0 ? rows : t->symbols[atti_symbol_index(rows)].rows;
}

int64_t atti_rows_max(const att_tape *t, att_rows rows)
{
    return rows >= 0 ? rows : t->symbols[atti_symbol_index(rows)].max;
}

/* Sizes were checked by set_maxima: the product fits. */
size_t atti_shape_bytes_max(const att_tape *t, const atti_shape *s)
{
    return (size_t)atti_rows_max(t, s->rows) * (size_t)s->cols * 4;
}

void atti_call_shapes(const att_tape *t, const atti_node *n,
                      int64_t (*rows_of)(const att_tape *, att_rows), atti_call *c)
{
    memset(c, 0, sizeof *c);
    c->node = n;
    c->bf16 = t->bf16;
    for (int32_t i = 0; i < n->n_in; i++) {
        if (n->in[i] == ATT_NO_VAR) continue;
        const atti_shape *s = &t->values[n->in[i]].shape;
        c->in[i].rows = rows_of(t, s->rows);
        c->in[i].cols = s->cols;
    }
    for (int32_t o = 0; o < n->n_out; o++) {
        const atti_shape *s = &t->values[n->out[o]].shape;
        c->out[o].rows = rows_of(t, s->rows);
        c->out[o].cols = s->cols;
    }
}

static att_status set_maxima(att_tape *t, const att_tape_plan_opts *opts)
{
    if ((size_t)opts->n_max_rows != t->n_symbols ||
        (t->n_symbols > 0 && !opts->max_rows))
        return atti_fail(ATT_EINVAL, "tape plan: %d maxima for %zu symbols",
                         (int)opts->n_max_rows, t->n_symbols);
    for (size_t i = 0; i < t->n_symbols; i++) {
        atti_symbol *s = &t->symbols[i];
        int64_t max =
            s->base < 0 ? opts->max_rows[i] : t->symbols[s->base].max + s->extra;
        if (max < 0 || max > INT32_MAX)
            return atti_fail(ATT_EINVAL, "tape plan: at most %lld of %s, in 0..%d",
                             (long long)max, s->name, INT32_MAX);
        s->max = max;
        s->rows = -1;
    }
    for (size_t i = 0; i < t->n_values; i++) {
        const atti_shape *s = &t->values[i].shape;
        int64_t bytes = 0;
        if (!atti_mul_i64(&bytes, atti_rows_max(t, s->rows), s->cols) ||
            bytes > INT64_MAX / 1024)
            return atti_fail(ATT_ENOMEM, "tape plan: a value of %s does not fit",
                             atti_shape_str(t, s).s);
    }
    return ATT_OK;
}

/* ---- which gradients exist ---- */

static att_var find_loss(const att_tape *t)
{
    for (size_t i = t->n_values; i-- > 0;) {
        const atti_value *v = &t->values[i];
        if (v->kind == ATTI_VALUE_RESULT && v->shape.rows == 1 && v->shape.cols == 1)
            return (att_var)i;
    }
    return ATT_NO_VAR;
}

static int carries_grad(const att_tape *t, att_var v)
{
    if (v == ATT_NO_VAR) return 0;
    const atti_value *x = &t->values[v];
    if (x->shape.dtype != ATT_F32) return 0;
    return x->producer < 0 ||
           !(t->nodes[x->producer].op->no_grad_outs >> x->out_slot & 1U);
}

static void mark_gradients(planner *p)
{
    att_tape *t = p->t;
    for (size_t i = 0; i < t->n_values; i++) {
        const atti_value *v = &t->values[i];
        p->needs[i] =
            v->kind == ATTI_VALUE_PARAM ||
            (v->kind == ATTI_VALUE_INPUT && v->keep && carries_grad(t, (att_var)i));
    }
    for (int32_t i = 0; i < p->n; i++) {
        const atti_node *n = &t->nodes[i];
        int any = 0;
        for (int32_t s = 0; s < n->n_in; s++)
            any |= n->in[s] != ATT_NO_VAR && p->needs[n->in[s]];
        for (int32_t o = 0; o < n->n_out; o++)
            p->needs[n->out[o]] =
                (unsigned char)(any && n->op->backward && carries_grad(t, n->out[o]));
    }
    if (p->training) p->reach[t->loss] = 1;
    for (int32_t i = p->n; i-- > 0;) {
        const atti_node *n = &t->nodes[i];
        int runs = 0;
        for (int32_t o = 0; o < n->n_out; o++)
            runs |= p->reach[n->out[o]] && p->needs[n->out[o]];
        t->node_plan[i].runs_backward = runs;
        for (int32_t s = 0; runs && s < n->n_in; s++)
            if (carries_grad(t, n->in[s])) p->reach[n->in[s]] = 1;
    }
    for (size_t i = 0; i < t->n_values; i++)
        t->values[i].has_grad = p->needs[i] && p->reach[i];
}

/* Writers of one value's gradient in backward order: whoever is first in a range of
 * columns writes, later ones add. Where ranges overlap in part or leave a gap, the first
 * writer finds zeros and all add. */
static void mark_writers(planner *p, att_var v)
{
    att_tape *t = p->t;
    enum { MOST = 64 };
    range seen[MOST];
    int n_seen = 0, tidy = 1, first_node = -1, first_slot = -1;
    int64_t covered = 0;
    for (int32_t i = p->n; i-- > 0;) {
        const atti_node *n = &t->nodes[i];
        if (!t->node_plan[i].runs_backward) continue;
        for (int32_t s = 0; s < n->n_in; s++) {
            if (n->in[s] != v) continue;
            if (first_node < 0) first_node = i, first_slot = s;
            int same = 0, meets = 0;
            for (int k = 0; k < n_seen; k++) {
                same |= seen[k].begin == n->col0[s] && seen[k].end == n->col1[s];
                meets |= seen[k].begin < n->col1[s] && n->col0[s] < seen[k].end;
            }
            t->node_plan[i].accumulate[s] = (unsigned char)same;
            if (same) continue;
            if (meets || n_seen == MOST) {
                tidy = 0;
            } else {
                seen[n_seen++] = (range){n->col0[s], n->col1[s]};
                covered += n->col1[s] - n->col0[s];
            }
        }
    }
    if (first_node < 0) return;
    const atti_value *x = &t->values[v];
    int param = x->kind == ATTI_VALUE_PARAM;
    tidy = tidy && covered == x->shape.cols;
    if (!tidy) t->node_plan[first_node].zero_first[first_slot] = 1;
    for (int32_t i = p->n; i-- > 0;) {
        const atti_node *n = &t->nodes[i];
        for (int32_t s = 0; t->node_plan[i].runs_backward && s < n->n_in; s++) {
            if (n->in[s] != v) continue;
            unsigned char *a = &t->node_plan[i].accumulate[s];
            *a = !tidy ? 1 : *a ? 1 : param ? 2 : 0;
        }
    }
}

/* ---- lifetimes ---- */

static att_status add_buffer(planner *p, int32_t *id, size_t bytes, int32_t birth,
                             int32_t death, int is_grad)
{
    ATTI_TRY(
        atti_grow(&p->buf, &p->cap_buf, p->n_buf + 1, sizeof *p->buf, "tape plan"));
    *id = (int32_t)p->n_buf;
    p->buf[p->n_buf++] = (buffer){.birth = birth,
                                  .death = death,
                                  .root = *id,
                                  .is_grad = is_grad,
                                  .bytes = (bytes + 63) & ~(size_t)63};
    return ATT_OK;
}

static int32_t bwd_time(const planner *p, int32_t node)
{
    return 2 * p->n - 1 - node;
}
static int32_t end_time(const planner *p)
{
    return 2 * p->n;
}

static void node_needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    *ins = *outs = 0;
    if (n->op->needs) n->op->needs(n, ins, outs);
}

static void later(buffer *b, int32_t when)
{
    if (when > b->death) b->death = when;
}

/* Is this node's output made again rather than kept? */
static int made_again(const planner *p, const atti_node *n, uint32_t *ins)
{
    *ins = 0;
    if (!n->op->again || !p->t->node_plan[n->index].runs_backward) return 0;
    for (int32_t o = 0; o < n->n_out; o++)
        if (p->t->values[n->out[o]].keep) return 0;
    return n->op->again_level(n, ins) <= p->t->recompute;
}

/* v is read in backward from time `when` on (an operator's own backward, or its making
 * again): its first buffer lives that long, or, if v is made again, its second one. */
static att_status read_backward(planner *p, att_var v, int32_t when, int32_t node)
{
    att_tape *t = p->t;
    if (v == ATT_NO_VAR || p->data_buf[v] < 0) return ATT_OK;
    int32_t producer = t->values[v].producer;
    uint32_t unused;
    if (!made_again(p, &t->nodes[producer], &unused)) {
        later(&p->buf[p->data_buf[v]], when);
        return ATT_OK;
    }
    if (p->again_buf[v] < 0)
        ATTI_TRY(add_buffer(p, &p->again_buf[v],
                            atti_shape_bytes_max(t, &t->values[v].shape), when, when,
                            0));
    later(&p->buf[p->again_buf[v]], when);
    atti_node_plan *np = &t->node_plan[producer];
    /* Nodes are walked from the last to the first: the first reader is the earliest. */
    if (np->again_before < 0) np->again_before = node;
    return ATT_OK;
}

/* All outputs of a node are made again together: each needs its place from then on. */
static att_status make_again(planner *p, const atti_node *n)
{
    att_tape *t = p->t;
    uint32_t ins;
    int32_t before = t->node_plan[n->index].again_before;
    if (before < 0) return ATT_OK;
    int32_t when = bwd_time(p, before);
    (void)made_again(p, n, &ins);
    t->node_plan[before].makes_again = 1;
    for (int32_t o = 0; o < n->n_out; o++)
        ATTI_TRY(read_backward(p, n->out[o], when, before));
    for (int32_t s = 0; s < n->n_in; s++)
        if (ins >> s & 1U) ATTI_TRY(read_backward(p, n->in[s], when, before));
    return ATT_OK;
}

static att_status forward_lifetimes(planner *p)
{
    att_tape *t = p->t;
    for (int32_t i = 0; i < p->n; i++) {
        const atti_node *n = &t->nodes[i];
        for (int32_t o = 0; o < n->n_out; o++) {
            const atti_value *v = &t->values[n->out[o]];
            ATTI_TRY(add_buffer(p, &p->data_buf[n->out[o]],
                                atti_shape_bytes_max(t, &v->shape), i,
                                v->keep ? end_time(p) : i, 0));
        }
        for (int32_t s = 0; s < n->n_in; s++)
            if (n->in[s] != ATT_NO_VAR && p->data_buf[n->in[s]] >= 0)
                later(&p->buf[p->data_buf[n->in[s]]], i);
        for (int32_t k = 0; t->node_plan[i].runs_backward && k < n->n_save; k++)
            ATTI_TRY(add_buffer(p, &p->save_buf[i * ATTI_MAX_SAVE + k],
                                atti_shape_bytes_max(t, &n->save[k].shape), i,
                                bwd_time(p, i), 0));
    }
    return ATT_OK;
}

static att_status data_lifetimes(planner *p)
{
    att_tape *t = p->t;
    ATTI_TRY(forward_lifetimes(p));
    for (int32_t i = p->n; i-- > 0;) {
        const atti_node *n = &t->nodes[i];
        uint32_t ins, outs;
        if (!t->node_plan[i].runs_backward) continue;
        node_needs(n, &ins, &outs);
        for (int32_t o = 0; o < n->n_out; o++)
            if (outs >> o & 1U)
                ATTI_TRY(read_backward(p, n->out[o], bwd_time(p, i), i));
        /* Before its own reading: being made again reads the inputs earlier. */
        ATTI_TRY(make_again(p, n));
        for (int32_t s = 0; s < n->n_in; s++)
            if (ins >> s & 1U) ATTI_TRY(read_backward(p, n->in[s], bwd_time(p, i), i));
    }
    return ATT_OK;
}

static att_status grad_lifetimes(planner *p)
{
    att_tape *t = p->t;
    for (int32_t i = p->n; i-- > 0;) {
        const atti_node *n = &t->nodes[i];
        if (!t->node_plan[i].runs_backward) continue;
        int32_t now = bwd_time(p, i);
        for (int32_t o = 0; o < n->n_out; o++) {
            const atti_value *v = &t->values[n->out[o]];
            if (!v->has_grad) continue;
            if (n->out[o] == t->loss)
                ATTI_TRY(add_buffer(p, &p->grad_buf[t->loss],
                                    atti_shape_bytes_max(t, &v->shape), now, now, 1));
            later(&p->buf[p->grad_buf[n->out[o]]], now);
            if (v->keep && n->out[o] != t->loss)
                ATTI_TRY(add_buffer(p, &p->kept_buf[n->out[o]],
                                    atti_shape_bytes_max(t, &v->shape), now,
                                    end_time(p), 1));
        }
        for (int32_t s = 0; s < n->n_in; s++) {
            att_var v = n->in[s];
            if (v == ATT_NO_VAR || !t->values[v].has_grad || p->grad_buf[v] >= 0 ||
                t->values[v].kind == ATTI_VALUE_PARAM)
                continue;
            int32_t death = t->values[v].kind == ATTI_VALUE_INPUT ? end_time(p) : now;
            ATTI_TRY(add_buffer(p, &p->grad_buf[v],
                                atti_shape_bytes_max(t, &t->values[v].shape), now,
                                death, 1));
        }
    }
    return ATT_OK;
}

/* ---- sharing ---- */

static buffer *root_of(planner *p, int32_t id)
{
    while (p->buf[id].root != id) id = p->buf[id].root;
    return &p->buf[id];
}

/* `heir` takes over the memory of `old`, which dies at the moment heir is born. */
static void inherit(planner *p, int32_t heir, int32_t old)
{
    buffer *r = root_of(p, old);
    p->buf[heir].root = r->root;
    later(r, p->buf[heir].death);
}

static int same_shape(const atti_shape *a, const atti_shape *b)
{
    return a->rows == b->rows && a->cols == b->cols && a->dtype == b->dtype;
}

static int can_take(planner *p, const atti_node *n, int32_t slot,
                    const atti_shape *want, int32_t now)
{
    if (slot < 0 || n->in[slot] == ATT_NO_VAR) return 0;
    int32_t b = p->data_buf[n->in[slot]];
    const atti_shape *have = &p->t->values[n->in[slot]].shape;
    return b >= 0 && same_shape(have, want) && p->buf[b].death == now &&
           root_of(p, b)->death == now;
}

static void share_data(planner *p)
{
    att_tape *t = p->t;
    for (int32_t i = 0; i < p->n; i++) {
        const atti_node *n = &t->nodes[i];
        for (int32_t k = 0; t->node_plan[i].runs_backward && k < n->n_save; k++)
            if (can_take(p, n, n->save[k].over, &n->save[k].shape, i))
                inherit(p, p->save_buf[i * ATTI_MAX_SAVE + k],
                        p->data_buf[n->in[n->save[k].over]]);
        for (int32_t o = 0; n->op->in_place && o < n->n_out; o++) {
            int32_t slot = n->op->in_place(n, o);
            if (can_take(p, n, slot, &t->values[n->out[o]].shape, i))
                inherit(p, p->data_buf[n->out[o]], p->data_buf[n->in[slot]]);
        }
    }
}

static void share_grads(planner *p)
{
    att_tape *t = p->t;
    for (int32_t i = p->n; i-- > 0;) {
        const atti_node *n = &t->nodes[i];
        if (!t->node_plan[i].runs_backward || !n->op->grad_in_place) continue;
        for (int32_t s = 0; s < n->n_in; s++) {
            int32_t o = n->op->grad_in_place(n, s);
            if (o < 0 || n->in[s] == ATT_NO_VAR) continue;
            int32_t mine = p->grad_buf[n->in[s]], out = p->grad_buf[n->out[o]];
            if (mine < 0 || out < 0 || p->buf[mine].root != mine ||
                p->buf[mine].birth != bwd_time(p, i) || t->node_plan[i].accumulate[s] ||
                t->node_plan[i].zero_first[s] || n->col0[s] != 0 ||
                !same_shape(&t->values[n->in[s]].shape, &t->values[n->out[o]].shape) ||
                root_of(p, out)->death != bwd_time(p, i))
                continue;
            inherit(p, mine, out);
        }
    }
}

static att_status size_scratch(planner *p, att_tape_memory *m)
{
    att_tape *t = p->t;
    for (int32_t i = 0; i < p->n; i++) {
        const atti_node *n = &t->nodes[i];
        atti_call c;
        atti_call_shapes(t, n, atti_rows_max, &c);
        c.training = p->training;
        int back = t->node_plan[i].runs_backward;
        for (int b = 0; b <= back; b++) {
            size_t bytes = 0;
            if (n->op->scratch) ATTI_TRY(n->op->scratch(&bytes, &c, b));
            bytes = (bytes + 63) & ~(size_t)63;
            if (bytes > m->scratch) m->scratch = bytes;
        }
        if (n->op->flops) {
            m->forward_flops += n->op->flops(&c, 0);
            if (back) m->backward_flops += n->op->flops(&c, 1);
        }
    }
    return ATT_OK;
}

/* ---- all of it ---- */

static void store(planner *p)
{
    att_tape *t = p->t;
    for (size_t i = 0; i < t->n_values; i++) {
        atti_value *v = &t->values[i];
        int32_t d = p->data_buf[i], g = p->grad_buf[i], k = p->kept_buf[i];
        v->at = d < 0 ? ATTI_NOWHERE : root_of(p, d)->at;
        v->grad_at = g < 0 ? ATTI_NOWHERE : root_of(p, g)->at;
        v->kept_grad_at = k < 0 ? ATTI_NOWHERE : root_of(p, k)->at;
        int32_t again = p->again_buf[i];
        v->again_at = again < 0 ? ATTI_NOWHERE : root_of(p, again)->at;
    }
    for (int32_t i = 0; i < p->n; i++)
        for (int k = 0; k < ATTI_MAX_SAVE; k++) {
            int32_t b = p->save_buf[i * ATTI_MAX_SAVE + k];
            t->node_plan[i].save_at[k] = b < 0 ? ATTI_NOWHERE : root_of(p, b)->at;
        }
}

static att_status solve(planner *p, att_tape_memory *m)
{
    att_tape *t = p->t;
    mark_gradients(p);
    for (size_t v = 0; v < t->n_values; v++)
        if (t->values[v].has_grad) mark_writers(p, (att_var)v);
    ATTI_TRY(data_lifetimes(p));
    ATTI_TRY(grad_lifetimes(p));
    share_data(p);
    share_grads(p);
    ATTI_TRY(atti_plan_place(p->buf, p->n_buf, &m->total));
    m->activations = atti_plan_most_alive(p->buf, p->n_buf, 0);
    m->gradients = atti_plan_most_alive(p->buf, p->n_buf, 1);
    ATTI_TRY(size_scratch(p, m));
    t->scratch_at = m->total;
    if (!atti_add_size(&m->total, m->total, m->scratch))
        return atti_fail(ATT_ENOMEM, "tape plan: the arena does not fit");
    store(p);
    return ATT_OK;
}

static att_status plan_memory(att_tape *t, const att_tape_plan_opts *opts,
                              att_tape_memory *m)
{
    if (!t || !opts || opts->size != sizeof *opts)
        return atti_fail(ATT_EINVAL, "tape plan: options were not initialised");
    if (t->n_nodes == 0) return atti_fail(ATT_EINVAL, "tape plan: it has no operators");
    if (t->n_nodes > INT32_MAX / 4) return atti_fail(ATT_EINVAL, "tape plan: too long");
    att_var loss = opts->loss != ATT_NO_VAR ? opts->loss : find_loss(t);
    if (opts->training &&
        (loss < 0 || (size_t)loss >= t->n_values || t->values[loss].producer < 0))
        return atti_fail(ATT_EINVAL, "tape plan: value %d is no loss to train",
                         (int)loss);
    if (opts->precision != 0 && opts->precision != 1)
        return atti_fail(ATT_EINVAL, "tape plan: precision %d, expected 0 or 1",
                         (int)opts->precision);
    ATTI_TRY(set_maxima(t, opts));
    planner p = {.t = t, .n = (int32_t)t->n_nodes, .training = opts->training != 0};
    size_t nv = t->n_values, nn = t->n_nodes;
    int32_t *ids = NULL;
    t->loss = loss;
    t->training_plan = p.training;
    t->recompute = opts->recompute;
    t->bf16 = opts->precision;
    t->threads = atti_threads_max();
    atti_free(t->node_plan);
    t->node_plan = NULL;
    ATTI_TRY(atti_alloc(&t->node_plan, nn, sizeof *t->node_plan, "tape plan"));
    for (size_t i = 0; i < nn; i++) t->node_plan[i].again_before = -1;
    ATTI_TRY(atti_alloc(&ids, nv * 5 + nn * ATTI_MAX_SAVE, sizeof *ids, "tape plan"));
    for (size_t i = 0; i < nv * 4 + nn * ATTI_MAX_SAVE; i++) ids[i] = -1;
    p.data_buf = ids;
    p.grad_buf = ids + nv;
    p.kept_buf = ids + 2 * nv;
    p.again_buf = ids + 3 * nv;
    p.save_buf = ids + 4 * nv;
    p.needs = (unsigned char *)(ids + 4 * nv + nn * ATTI_MAX_SAVE);
    p.reach = p.needs + nv;
    *m = (att_tape_memory){.size = sizeof *m};
    att_status st = solve(&p, m);
    atti_free(ids);
    atti_free(p.buf);
    return st;
}

att_status att_tape_measure(att_tape *t, const att_tape_plan_opts *opts,
                            att_tape_memory *out)
{
    if (!out) return atti_fail(ATT_EINVAL, "tape measure: out is NULL");
    if (t && t->planned) return atti_fail(ATT_EINVAL, "tape measure: it is planned");
    att_tape_memory m;
    ATTI_TRY(plan_memory(t, opts, &m));
    /* An older caller's structure is shorter: nothing is written past its end. */
    if (out->size != sizeof *out) {
        return atti_fail(ATT_EINVAL,
                         "tape measure: att_tape_memory of %u bytes, expected %zu",
                         (unsigned)out->size, sizeof *out);
    }
    *out = m;
    return ATT_OK;
}

att_status att_tape_plan(att_tape *t, const att_tape_plan_opts *opts)
{
    att_tape_memory m;
    if (t) {
        atti_free(t->arena);
        t->arena = NULL;
        t->planned = t->ran_forward = t->ran_backward = 0;
    }
    ATTI_TRY(plan_memory(t, opts, &m));
    ATTI_TRY(atti_alloc_raw(&t->arena, m.total, 1, "tape arena"));
    t->memory = m;
    t->planned = 1;
    return ATT_OK;
}
