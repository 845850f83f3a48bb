/* op_attention.c - attend/attention.h's call on ragged rows, as an operator.
 *
 * Kept: q, k, v, out and the log-sum-exp of each row; the weights are never stored. The
 * gradients of q, k and v go straight into column ranges of their values, so a fused
 * projection's gradient is complete when this backward returns. */
#include "attention/attn_check.h"
#include "autograd/op_attention.h"
#include "autograd/op_util.h"
#include "base/alloc.h"

#include <assert.h>
#include <string.h>

typedef struct attn_attr {
    att_attention_desc desc;
    int64_t h, g, d, dk, e;
    int32_t score_per_head;
} attn_attr;

enum {
    Q,
    K,
    V,
    Q_OFF,
    K_OFF,
    SCORE_W,
    SCORE_B,
    T5,
    REL_K,
    REL_V,
    SINK,
    ALIBI,
    ROPE,
    N_OPERANDS
};

void att_op_attention_opts_init(att_op_attention_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    att_attention_desc_init(&o->desc);
    o->q = o->k = o->v = o->q_offsets = o->k_offsets = ATT_NO_VAR;
    o->score_w = o->score_b = o->t5_table = o->rel_k = o->rel_v = ATT_NO_VAR;
    o->sink_logit = o->alibi_slopes = o->rope_freqs = ATT_NO_VAR;
}

/* ---- tensors over operands ---- */

typedef atti_attention_views views;
static_assert((int)N_OPERANDS <= (int)ATTI_ATTENTION_OPERANDS, "a place for each");

static att_tensor rows_view(void *data, int64_t rows, int64_t ld, int64_t heads,
                            int64_t width)
{
    att_tensor t = {.data = data, .dtype = ATT_F32, .ndim = 3};
    t.shape[0] = rows, t.shape[1] = heads, t.shape[2] = width;
    t.stride[0] = ld, t.stride[1] = width, t.stride[2] = 1;
    return t;
}

static att_tensor flat_view(void *data, att_dtype dtype, int32_t ndim, int64_t a,
                            int64_t b, int64_t c)
{
    att_tensor t = {.data = data, .dtype = dtype, .ndim = ndim};
    const int64_t dim[3] = {a, b, c};
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        t.shape[i] = dim[i];
        t.stride[i] = stride;
        stride *= dim[i];
    }
    return t;
}

/* A parameter operand in the shape that the descriptor wants. */
static att_tensor par_view(const attn_attr *a, int slot, const atti_mat *m, void *data)
{
    if (slot == SINK || slot == ALIBI) return flat_view(data, ATT_F32, 1, a->h, 0, 0);
    if (slot == ROPE) return flat_view(data, ATT_F32, 1, m->cols, 0, 0);
    if (slot == SCORE_W && a->desc.score == ATT_SCORE_BILINEAR)
        return a->score_per_head ? flat_view(data, ATT_F32, 3, a->h, a->d, a->dk)
                                 : flat_view(data, ATT_F32, 2, a->d, a->dk, 0);
    if (slot == SCORE_W || slot == SCORE_B) /* additive and GAT */
        return a->score_per_head ? flat_view(data, ATT_F32, 2, a->h, a->d, 0)
                                 : flat_view(data, ATT_F32, 1, a->d, 0, 0);
    return flat_view(data, ATT_F32, 2, m->rows, m->cols, 0);
}

static float *columns(const atti_call *c, int slot, float *base)
{
    return base ? base + c->node->col0[slot] : NULL;
}

static void make_views(views *w, const atti_call *c)
{
    const attn_attr *a = c->node->attr;
    const atti_mat *q = &c->in[Q], *k = &c->in[K], *v = &c->in[V];
    w->q = rows_view(columns(c, Q, q->f), q->rows, q->cols, a->h, a->d);
    w->k = rows_view(columns(c, K, k->f), k->rows, k->cols, a->g, a->dk);
    w->v = rows_view(columns(c, V, v->f), v->rows, v->cols, a->g, a->e);
    w->out = rows_view(c->out[0].f, q->rows, c->out[0].cols, a->h, a->e);
    w->lse = flat_view(c->save[0], ATT_F32, 2, q->rows, a->h, 0);
    w->off_q = flat_view((void *)(uintptr_t)c->in[Q_OFF].i, ATT_I32, 1,
                         c->in[Q_OFF].rows, 0, 0);
    int self = c->node->in[K_OFF] == ATT_NO_VAR;
    const atti_mat *ko = &c->in[self ? Q_OFF : K_OFF];
    w->off_k = flat_view((void *)(uintptr_t)ko->i, ATT_I32, 1, ko->rows, 0, 0);

    att_attention_args *p = &w->args;
    att_attention_args_init(p);
    p->q = &w->q, p->k = &w->k, p->v = &w->v, p->out = &w->out;
    p->lse = c->save[0] ? &w->lse : NULL;
    p->q_offsets = &w->off_q, p->k_offsets = &w->off_k;
    const att_tensor **to[N_OPERANDS] = {
        [SCORE_W] = &p->score_w,    [SCORE_B] = &p->score_b, [T5] = &p->t5_table,
        [REL_K] = &p->rel_k,        [REL_V] = &p->rel_v,     [SINK] = &p->sink_logit,
        [ALIBI] = &p->alibi_slopes, [ROPE] = &p->rope_freqs};
    for (int i = SCORE_W; i < N_OPERANDS; i++) {
        if (c->node->in[i] == ATT_NO_VAR) continue;
        w->par[i] = par_view(a, i, &c->in[i], c->in[i].f);
        *to[i] = &w->par[i];
    }
    p->workspace = c->scratch;
    p->workspace_bytes = c->scratch_bytes;
}

static att_attention_desc desc_of(const atti_call *c)
{
    const attn_attr *a = c->node->attr;
    att_attention_desc d = a->desc;
    d.seed = c->key;
    if (!c->training) d.dropout = 0.0f;
    /* Evaluation draws nothing: the likeliest key in place of a drawn one. */
    if (!c->training && d.normalise == ATT_NORM_HARD_SAMPLE)
        d.normalise = ATT_NORM_HARD_ARGMAX;
    return d;
}

/* ---- shapes ---- */

static att_status want_pars(const atti_infer *f, attn_attr *a)
{
    int bilinear = a->desc.score == ATT_SCORE_BILINEAR;
    if (atti_has(f, SCORE_W)) {
        att_rows shared = bilinear ? a->d : 1;
        a->score_per_head = f->in[SCORE_W].rows != shared;
        ATTI_TRY(atti_want_shape(f, SCORE_W, "score_w",
                                 a->score_per_head ? a->h * shared : shared,
                                 bilinear ? a->dk : a->d));
    }
    ATTI_TRY(
        atti_want_shape(f, SCORE_B, "score_b", a->score_per_head ? a->h : 1, a->d));
    ATTI_TRY(atti_want_shape(f, T5, "t5_table", a->desc.t5_buckets, a->h));
    int64_t rel = 2 * (int64_t)a->desc.shaw_clip + 1;
    ATTI_TRY(atti_want_shape(f, REL_K, "rel_k", rel, a->d));
    ATTI_TRY(atti_want_shape(f, REL_V, "rel_v", rel, a->e));
    ATTI_TRY(atti_want_shape(f, SINK, "sink_logit", 1, a->h));
    ATTI_TRY(atti_want_shape(f, ALIBI, "alibi_slopes", 1, a->h));
    int64_t turned = a->desc.rope_dims ? a->desc.rope_dims : a->d;
    return atti_want_shape(f, ROPE, "rope_freqs", 1, turned / 2);
}

static att_status infer(atti_infer *f)
{
    attn_attr *a = f->node->attr;
    static const char *const name[] = {"q", "k", "v"};
    for (int i = Q; i <= V; i++) ATTI_TRY(atti_want_f32(f, i, name[i]));
    ATTI_TRY(atti_want_i32(f, Q_OFF, "q_offsets"));
    if (f->in[K].rows != f->in[V].rows)
        return atti_fail(ATT_ESHAPE, "attention: k is %s, v is %s",
                         atti_shape_str(f->tape, &f->in[K]).s,
                         atti_shape_str(f->tape, &f->in[V]).s);
    if (atti_has(f, K_OFF)) {
        ATTI_TRY(atti_want_i32(f, K_OFF, "k_offsets"));
        if (f->in[K_OFF].rows != f->in[Q_OFF].rows)
            return atti_fail(ATT_ESHAPE, "attention: q_offsets are %s, k_offsets %s",
                             atti_shape_str(f->tape, &f->in[Q_OFF]).s,
                             atti_shape_str(f->tape, &f->in[K_OFF]).s);
    } else if (f->in[K].rows != f->in[Q].rows) {
        return atti_fail(ATT_ESHAPE, "attention: q is %s, k %s, and no k_offsets",
                         atti_shape_str(f->tape, &f->in[Q]).s,
                         atti_shape_str(f->tape, &f->in[K]).s);
    }
    ATTI_TRY(want_pars(f, a));
    f->out[0] = (atti_shape){f->in[Q].rows, a->h * a->e, ATT_F32};
    f->node->n_save = 1;
    f->node->save[0].shape = (atti_shape){f->in[Q].rows, a->h, ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = (1U << N_OPERANDS) - 1;
    *outs = 1;
}

/* Bytes for the largest batch: shapes count, contents do not, but the check behind it
 * reads offsets, so it is given ones that fit; the other addresses are never followed. */
static att_status scratch(size_t *bytes, const atti_call *c0, int back)
{
    atti_call c = *c0;
    int self = c.node->in[K_OFF] == ATT_NO_VAR;
    int64_t n_off = c.in[Q_OFF].rows;
    *bytes = 0;
    if (n_off < 2 || c.in[Q].rows == 0 || c.in[K].rows == 0) return ATT_OK;
    int32_t *off = NULL;
    ATTI_TRY(atti_alloc(&off, (size_t)n_off * 2, sizeof *off, "attention plan"));
    for (int64_t i = 1; i < n_off; i++) {
        off[i] = (int32_t)c.in[Q].rows;
        off[n_off + i] = (int32_t)c.in[K].rows;
    }
    /* Far apart, so that no two operands seem to overlap. */
    enum { FAR = 42 };
    for (int i = 0; i < N_OPERANDS; i++)
        c.in[i].f = (float *)((uintptr_t)(i + 1) << FAR);
    c.out[0].f = (float *)((uintptr_t)(N_OPERANDS + 1) << FAR);
    c.save[0] = (void *)((uintptr_t)(N_OPERANDS + 2) << FAR);
    c.in[Q_OFF].i = off;
    c.in[K_OFF].i = self ? off : off + n_off;
    c.training = 1;
    views w = {0};
    make_views(&w, &c);
    w.args.workspace = NULL;
    w.args.workspace_bytes = 0;
    att_attention_desc d = desc_of(&c);
    att_status st = att_attention_workspace(bytes, &d, &w.args, back);
    atti_free(off);
    return st;
}

static att_status forward(atti_call *c)
{
    views w = {0};
    make_views(&w, c);
    att_attention_desc d = desc_of(c);
    return att_attention_forward(&d, &w.args);
}

/* The log-sum-exp is still there and comes out the same. */
static int32_t again_level(const atti_node *n, uint32_t *ins)
{
    (void)n;
    *ins = (1U << N_OPERANDS) - 1;
    return 2;
}

/* ---- backward ---- */

static void zero_view(const att_tensor *t)
{
    if (t->ndim != 3 || t->stride[0] == t->shape[1] * t->shape[2]) {
        int64_t n = 1;
        for (int i = 0; i < t->ndim; i++) n *= t->shape[i];
        atti_zero_all(t->data, n);
        return;
    }
    size_t bytes = (size_t)(t->shape[1] * t->shape[2]) * sizeof(float);
    for (int64_t r = 0; r < t->shape[0]; r++)
        memset((float *)t->data + r * t->stride[0], 0, bytes);
}

/* The call adds to all gradients or to none: where some are to be written and some added
 * to, the former are zeroed first. */
static int settle_accumulate(views *w, const atti_call *c, att_tensor *const *view)
{
    int add = 0, write = 0;
    for (int i = 0; i < N_OPERANDS; i++) {
        if (!view[i]) continue;
        add |= c->in[i].accumulate;
        write |= !c->in[i].accumulate;
    }
    (void)w;
    if (!add || !write) return add;
    for (int i = 0; i < N_OPERANDS; i++)
        if (view[i] && !c->in[i].accumulate) zero_view(view[i]);
    return 1;
}

static att_status backward(atti_call *c)
{
    const attn_attr *a = c->node->attr;
    views w = {0};
    make_views(&w, c);
    att_attention_grads g;
    att_attention_grads_init(&g);
    w.dout = w.out;
    w.dout.data = c->out[0].grad;
    g.dout = &w.dout;
    att_tensor *view[N_OPERANDS] = {0};
    att_tensor **to[N_OPERANDS] = {[Q] = &g.dq,
                                   [K] = &g.dk,
                                   [V] = &g.dv,
                                   [SCORE_W] = &g.dscore_w,
                                   [SCORE_B] = &g.dscore_b,
                                   [T5] = &g.dt5_table,
                                   [REL_K] = &g.drel_k,
                                   [REL_V] = &g.drel_v,
                                   [SINK] = &g.dsink_logit,
                                   [ALIBI] = &g.dalibi_slopes};
    w.dq = w.q, w.dk = w.k, w.dv = w.v;
    att_tensor *wide[3] = {&w.dq, &w.dk, &w.dv};
    for (int i = 0; i < N_OPERANDS; i++) {
        float *grad = c->in[i].grad;
        if (!grad || !to[i]) continue;
        if (i <= V) {
            wide[i]->data = columns(c, i, grad);
            view[i] = wide[i];
        } else {
            w.dpar[i] = par_view(a, i, &c->in[i], grad);
            view[i] = &w.dpar[i];
        }
        *to[i] = view[i];
    }
    g.accumulate = settle_accumulate(&w, c, view);
    att_attention_desc d = desc_of(c);
    return att_attention_backward(&d, &w.args, &g);
}

/* Pairs are not known before a run; a plan counts each sequence at the mean length. */
static double flops(const atti_call *c, int back)
{
    const attn_attr *a = c->node->attr;
    double seqs = c->in[Q_OFF].rows > 1 ? (double)(c->in[Q_OFF].rows - 1) : 1.0;
    double pairs = (double)c->in[Q].rows * (double)c->in[K].rows / seqs;
    double one = 2.0 * pairs * (double)a->h * (double)(a->d + a->e);
    return (back ? 2.5 : 1.0) * one * (a->desc.causal ? 0.5 : 1.0);
}

static void describe(const atti_node *n, atti_str *s)
{
    static const char *const score[] = {"dot", "bilinear", "additive", "gat", "cosine"};
    static const char *const norm[] = {"softmax", "relu",        "relu_row",
                                       "hard",    "hard_sample", "sparsemax"};
    const attn_attr *a = n->attr;
    const att_attention_desc *d = &a->desc;
    atti_str_addf(s, " heads %lld", (long long)a->h);
    if (a->g != a->h) atti_str_addf(s, " kv %lld", (long long)a->g);
    atti_str_addf(s, " width %lld", (long long)a->d);
    if (d->score >= 0 && d->score <= 4) atti_str_addf(s, " %s", score[d->score]);
    if (d->normalise >= 0 && d->normalise <= 5)
        atti_str_addf(s, " %s", norm[d->normalise]);
    if (d->causal) atti_str_add(s, " causal");
    if (d->left >= 0 || d->right >= 0)
        atti_str_addf(s, " window %lld %lld", (long long)d->left, (long long)d->right);
    if (d->dropout > 0.0f) atti_str_addf(s, " dropout %g", (double)d->dropout);
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t off_q[4] = {0, 3, 3, 7}, off_k[4] = {0, 2, 4, 9};
    if (variant > 9) return ATT_ENOTFOUND;
    int cross = variant == 1, h = 2, d = 4;
    att_op_attention_opts o;
    att_op_attention_opts_init(&o);
    o.n_heads = h;
    o.d = d;
    o.q_offsets = atti_sample_ints(s, 4, off_q);
    if (cross) {
        o.k_offsets = atti_sample_ints(s, 4, off_k);
        o.q = atti_sample_param(s, 7, h * d, -1, 1, 0.0f);
        o.k = o.v = atti_sample_param(s, 9, 2 * h * d, -1, 1, 0.0f);
        o.v_col = h * d;
    } else {
        o.q = o.k = o.v = atti_sample_param(s, 7, 3 * h * d, -1, 1, 0.0f);
        o.k_col = h * d, o.v_col = 2 * h * d;
    }
    switch (variant) {
    case 2: o.desc.causal = 1; break;
    case 3: o.desc.dropout = 0.3f; break;
    case 4: /* the simplest form: q, k and v are one value, so three gradients add up */
        o.k_col = o.v_col = 0;
        o.desc.scale = 1.0f;
        break;
    case 5:
        o.desc.score = ATT_SCORE_BILINEAR;
        o.score_w = atti_sample_param(s, h * d, d, -1, 1, 0.0f);
        break;
    case 6:
        o.desc.score = ATT_SCORE_ADDITIVE;
        o.score_w = atti_sample_param(s, h, d, -1, 1, 0.0f);
        o.score_b = atti_sample_param(s, h, d, -1, 1, 0.0f);
        break;
    case 7:
        o.desc.t5_buckets = 8, o.desc.t5_bidirectional = 1, o.desc.t5_max_distance = 16;
        o.t5_table = atti_sample_param(s, 8, h, -1, 1, 0.0f);
        break;
    case 8:
        o.desc.shaw_clip = 2;
        o.rel_k = atti_sample_param(s, 5, d, -1, 1, 0.0f);
        o.rel_v = atti_sample_param(s, 5, d, -1, 1, 0.0f);
        break;
    case 9: o.desc.score = ATT_SCORE_COSINE; break;
    default: break;
    }
    if (s->status != ATT_OK) return s->status;
    return att_op_attention(s->tape, &s->out, &o);
}

const atti_op atti_op_attention = {.name = "attention",
                                   .attr_bytes = sizeof(attn_attr),
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward,
                                   .needs = needs,
                                   .again = forward,
                                   .again_level = again_level,
                                   .scratch = scratch,
                                   .flops = flops,
                                   .describe = describe,
                                   .sample = sample};

/* q, k and v may be the same columns (softmax(X X^T) X). Backward writes three gradients at
 * once, which then need three places: an identity copy gives one its own. */
static att_status own_columns(att_tape *tape, att_var *v, int64_t *col, int64_t width,
                              const att_var *others, const int64_t *from,
                              const int64_t *to, int n)
{
    for (int i = 0; i < n; i++) {
        if (others[i] != *v || *col >= to[i] || from[i] >= *col + width) continue;
        ATTI_TRY(att_op_slice_cols(tape, v, *v, *col, *col + width));
        *col = 0;
        return ATT_OK;
    }
    return ATT_OK;
}

static att_status record(att_tape *tape, att_var *y, const att_op_attention_opts *o)
{
    attn_attr a = {.desc = o->desc, .h = o->n_heads, .d = o->d};
    a.g = o->n_kv_heads ? o->n_kv_heads : a.h;
    a.e = o->e ? o->e : a.d;
    a.dk = o->dk ? o->dk : a.d;
    if (a.h < 1 || a.g < 1 || a.h % a.g != 0 || a.d < 1 || a.e < 1 || a.dk < 1 ||
        a.h > 65536 || a.d > 256 || a.e > 256 || a.dk > 256)
        return atti_fail(ATT_EINVAL,
                         "attention: %lld heads, %lld key heads, widths %lld %lld %lld",
                         (long long)a.h, (long long)a.g, (long long)a.d,
                         (long long)a.dk, (long long)a.e);
    att_var v[3] = {o->q, o->k, o->v};
    int64_t col[3] = {o->q_col, o->k_col, o->v_col}, end[3];
    const int64_t width[3] = {a.h * a.d, a.g * a.dk, a.g * a.e};
    for (int i = 0; i < 3; i++) {
        if (col[i] < 0) return atti_fail(ATT_EINVAL, "attention: a negative column");
        if (i > 0)
            ATTI_TRY(own_columns(tape, &v[i], &col[i], width[i], v, col, end, i));
        end[i] = col[i] + width[i];
    }
    const att_var in[N_OPERANDS] = {v[0],         v[1],          v[2],
                                    o->q_offsets, o->k_offsets,  o->score_w,
                                    o->score_b,   o->t5_table,   o->rel_k,
                                    o->rel_v,     o->sink_logit, o->alibi_slopes,
                                    o->rope_freqs};
    int64_t from[N_OPERANDS] = {col[0], col[1], col[2]};
    int64_t to[N_OPERANDS] = {end[0], end[1], end[2]};
    return atti_tape_record_ranges(tape, &atti_op_attention, in, from, to, N_OPERANDS,
                                   &a, y);
}

att_status att_op_attention(att_tape *tape, att_var *y, const att_op_attention_opts *o)
{
    if (!o || o->size != sizeof *o)
        return atti_fail(ATT_EINVAL, "attention: options were not initialised");
    ATTI_TRY(atti_attn_check_desc(&o->desc));
    int32_t before = att_tape_var_count(tape);
    att_status st = record(tape, y, o);
    if (st != ATT_OK) atti_tape_forget(tape, before);
    return st;
}

/* ---- for those who look ---- */

bool atti_is_attention(const atti_node *n)
{
    return n->op == &atti_op_attention;
}

void atti_attention_plan(const atti_node *n, atti_attention_look *look)
{
    const attn_attr *a = n->attr;
    memset(look, 0, sizeof *look);
    look->desc = a->desc;
    look->heads = a->h, look->kv_heads = a->g;
    look->d = a->d, look->e = a->e;
    look->q_offsets = n->in[Q_OFF];
    look->k_offsets = n->in[n->in[K_OFF] == ATT_NO_VAR ? Q_OFF : K_OFF];
}

void atti_attention_look_at(const atti_call *c, atti_attention_look *look)
{
    atti_attention_plan(c->node, look);
    make_views(&look->x, c);
    look->x.args.workspace = NULL;
    look->x.args.workspace_bytes = 0;
    look->x.dout = look->x.out;
    look->x.dout.data = c->out[0].grad;
    look->desc = desc_of(c);
}
