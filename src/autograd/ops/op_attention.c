/* op_attention.c - attend/attention.h's call on ragged rows, or on the edges of a graph, as an
 * operator: shapes, forward, backward. op_attention_views.c makes tensors of the operands.
 *
 * Kept: q, k, v, out and the log-sum-exp of each row; the weights are never stored. The
 * gradients of q, k and v go straight into column ranges of their values, so a fused
 * projection's gradient is complete when this backward returns. */
#include "attention/attn_check.h"
#include "autograd/op_util.h"
#include "autograd/ops/op_attention_parts.h"
#include "base/alloc.h"

#include <string.h>

void att_op_attention_opts_init(att_op_attention_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    att_attention_desc_init(&o->desc);
    o->q = o->k = o->v = o->q_offsets = o->k_offsets = ATT_NO_VAR;
    o->score_w = o->score_b = o->t5_table = o->rel_k = o->rel_v = ATT_NO_VAR;
    o->sink_logit = o->alibi_slopes = o->rope_freqs = ATT_NO_VAR;
    o->bias = o->prior = o->prior_w = o->block_mask = ATT_NO_VAR;
    o->edge_row_ptr = o->edge_col = o->edge_bias = o->advantage = ATT_NO_VAR;
}

/* ---- shapes ---- */

static att_status want_pars(const atti_infer *f, atti_attention_attr *a)
{
    int bilinear = a->desc.score == ATT_SCORE_BILINEAR;
    if (atti_has(f, ATTN_SCORE_W)) {
        att_rows shared = bilinear ? a->d : 1;
        a->score_per_head = f->in[ATTN_SCORE_W].rows != shared;
        ATTI_TRY(atti_want_shape(f, ATTN_SCORE_W, "score_w",
                                 a->score_per_head ? a->h * shared : shared,
                                 bilinear ? a->dk : a->d));
    }
    ATTI_TRY(atti_want_shape(f, ATTN_SCORE_B, "score_b", a->score_per_head ? a->h : 1,
                             a->d));
    ATTI_TRY(atti_want_shape(f, ATTN_T5, "t5_table", a->desc.t5_buckets, a->h));
    int64_t rel = 2 * (int64_t)a->desc.shaw_clip + 1;
    ATTI_TRY(atti_want_shape(f, ATTN_REL_K, "rel_k", rel, a->d));
    ATTI_TRY(atti_want_shape(f, ATTN_REL_V, "rel_v", rel, a->e));
    ATTI_TRY(atti_want_shape(f, ATTN_SINK, "sink_logit", 1, a->h));
    ATTI_TRY(atti_want_shape(f, ATTN_ALIBI, "alibi_slopes", 1, a->h));
    int64_t turned = a->desc.rope_dims ? a->desc.rope_dims : a->d;
    return atti_want_shape(f, ATTN_ROPE, "rope_freqs", 1, turned / 2);
}

/* Rows of pairs: sequence, head, query. What depends on the batch is seen in a run. */
static att_status want_table(const atti_infer *f, int slot, const char *name,
                             const atti_attention_cut *cut)
{
    const atti_attention_attr *a = f->node->attr;
    att_rows rows = f->in[slot].rows;
    if (!atti_has(f, slot)) return ATT_OK;
    ATTI_TRY(atti_want_f32(f, slot, name));
    if (cut->per_head && !cut->per_sequence && rows >= 0 && rows % a->h != 0)
        return atti_fail(ATT_ESHAPE, "attention: %s is %s, no multiple of %lld heads",
                         name, atti_shape_str(f->tape, &f->in[slot]).s,
                         (long long)a->h);
    return ATT_OK;
}

static att_status want_mask(const atti_infer *f)
{
    const atti_attention_attr *a = f->node->attr;
    const atti_shape *s = &f->in[ATTN_MASK];
    int64_t block = a->desc.block;
    if (!atti_has(f, ATTN_MASK)) return ATT_OK;
    ATTI_TRY(atti_want_i32(f, ATTN_MASK, "block_mask"));
    int64_t parts = block > 0 ? block : a->block_masks > 0 ? a->block_masks : 1;
    if ((block > 0 && s->cols != block) || (s->rows >= 0 && s->rows % parts != 0))
        return atti_fail(ATT_ESHAPE,
                         block > 0 ? "attention: block_mask is %s, blocks are %lld"
                                   : "attention: block_mask is %s, in %lld masks",
                         atti_shape_str(f->tape, s).s, (long long)parts);
    return ATT_OK;
}

static att_status want_pairs(const atti_infer *f)
{
    const atti_attention_attr *a = f->node->attr;
    ATTI_TRY(want_table(f, ATTN_BIAS, "bias", &a->bias));
    ATTI_TRY(want_table(f, ATTN_PRIOR, "prior", &a->prior));
    if (atti_has(f, ATTN_PRIOR) != atti_has(f, ATTN_PRIOR_W))
        return atti_fail(ATT_EINVAL, "attention: %s without %s",
                         atti_has(f, ATTN_PRIOR) ? "prior" : "prior_w",
                         atti_has(f, ATTN_PRIOR) ? "prior_w" : "prior");
    if (atti_has(f, ATTN_PRIOR_W) && f->in[ATTN_PRIOR_W].cols != 1)
        ATTI_TRY(atti_want_shape(f, ATTN_PRIOR_W, "prior_w", 1, a->h));
    ATTI_TRY(atti_want_shape(f, ATTN_PRIOR_W, "prior_w", 1, -1));
    ATTI_TRY(want_mask(f));
    if (atti_has(f, ATTN_ADVANTAGE) != (a->desc.reinforce != 0))
        return atti_fail(ATT_EINVAL, "attention: %s",
                         a->desc.reinforce ? "reinforce without advantage"
                                           : "advantage is given, reinforce is 0");
    return atti_want_shape(f, ATTN_ADVANTAGE, "advantage", f->in[ATTN_Q].rows, a->h);
}

/* Rows of an offsets operand. */
static att_status want_sequences(const atti_infer *f)
{
    ATTI_TRY(atti_want_i32(f, ATTN_Q_OFF, "q_offsets"));
    if (atti_has(f, ATTN_K_OFF)) {
        ATTI_TRY(atti_want_i32(f, ATTN_K_OFF, "k_offsets"));
        if (f->in[ATTN_K_OFF].rows != f->in[ATTN_Q_OFF].rows)
            return atti_fail(ATT_ESHAPE, "attention: q_offsets are %s, k_offsets %s",
                             atti_shape_str(f->tape, &f->in[ATTN_Q_OFF]).s,
                             atti_shape_str(f->tape, &f->in[ATTN_K_OFF]).s);
    } else if (f->in[ATTN_K].rows != f->in[ATTN_Q].rows) {
        return atti_fail(ATT_ESHAPE, "attention: q is %s, k %s, and no k_offsets",
                         atti_shape_str(f->tape, &f->in[ATTN_Q]).s,
                         atti_shape_str(f->tape, &f->in[ATTN_K]).s);
    }
    if (atti_has(f, ATTN_EDGE_COL) || atti_has(f, ATTN_EDGE_BIAS))
        return atti_fail(ATT_EINVAL, "attention: %s without edge_row_ptr",
                         atti_has(f, ATTN_EDGE_COL) ? "edge_col" : "edge_bias");
    return ATT_OK;
}

static att_status want_edges(const atti_infer *f)
{
    const atti_attention_attr *a = f->node->attr;
    static const int refused[] = {ATTN_BIAS,  ATTN_PRIOR, ATTN_MASK,  ATTN_T5,
                                  ATTN_REL_K, ATTN_REL_V, ATTN_ALIBI, ATTN_ROPE};
    att_rows rows;
    ATTI_TRY(atti_want_i32(f, ATTN_EDGE_PTR, "edge_row_ptr"));
    ATTI_TRY(atti_want_i32(f, ATTN_EDGE_COL, "edge_col"));
    ATTI_TRY(atti_rows_minus_one(f, ATTN_EDGE_PTR, &rows));
    if (rows != f->in[ATTN_Q].rows || f->in[ATTN_EDGE_PTR].cols != 1 ||
        f->in[ATTN_EDGE_COL].cols != 1)
        return atti_fail(ATT_ESHAPE,
                         "attention: q is %s, edge_row_ptr %s, edge_col %s; expected "
                         "[N,..], [N+1,1], [edges,1]",
                         atti_shape_str(f->tape, &f->in[ATTN_Q]).s,
                         atti_shape_str(f->tape, &f->in[ATTN_EDGE_PTR]).s,
                         atti_shape_str(f->tape, &f->in[ATTN_EDGE_COL]).s);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (atti_has(f, refused[i]))
            return atti_fail(ATT_EINVAL,
                             "attention: edges with a mask, bias or position term: a "
                             "graph's nodes have no order (edge_bias is its bias)");
    return atti_want_shape(f, ATTN_EDGE_BIAS, "edge_bias", f->in[ATTN_EDGE_COL].rows,
                           f->in[ATTN_EDGE_BIAS].cols == 1 ? 1 : a->h);
}

static att_status infer(atti_infer *f)
{
    atti_attention_attr *a = f->node->attr;
    static const char *const name[] = {"q", "k", "v"};
    for (int i = ATTN_Q; i <= ATTN_V; i++) ATTI_TRY(atti_want_f32(f, i, name[i]));
    if (f->in[ATTN_K].rows != f->in[ATTN_V].rows)
        return atti_fail(ATT_ESHAPE, "attention: k is %s, v is %s",
                         atti_shape_str(f->tape, &f->in[ATTN_K]).s,
                         atti_shape_str(f->tape, &f->in[ATTN_V]).s);
    ATTI_TRY(atti_has(f, ATTN_EDGE_PTR) ? want_edges(f) : want_sequences(f));
    ATTI_TRY(want_pars(f, a));
    ATTI_TRY(want_pairs(f));
    f->out[0] = (atti_shape){f->in[ATTN_Q].rows, a->h * a->e, ATT_F32};
    f->node->n_save = 1;
    f->node->save[0].shape = (atti_shape){f->in[ATTN_Q].rows, a->h, ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = (1U << ATTN_OPERANDS) - 1;
    *outs = 1;
}

/* What the check behind a plan reads: one sequence of all rows, or all edges at one node. */
static att_status plan_contents(atti_call *c, int32_t **own)
{
    int64_t n = c->in[ATTN_Q].rows;
    if (c->node->in[ATTN_EDGE_PTR] != ATT_NO_VAR) {
        int64_t edges = c->in[ATTN_EDGE_COL].rows;
        ATTI_TRY(atti_alloc(own, (size_t)(n + 1 + edges), sizeof **own,
                            "attention plan")); /* zeroed */
        for (int64_t i = 1; i <= n; i++) (*own)[i] = (int32_t)edges;
        c->in[ATTN_EDGE_PTR].i = *own;
        c->in[ATTN_EDGE_COL].i = *own + n + 1;
        return ATT_OK;
    }
    int64_t n_off = c->in[ATTN_Q_OFF].rows;
    ATTI_TRY(atti_alloc(own, (size_t)n_off * 2, sizeof **own, "attention plan"));
    for (int64_t i = 1; i < n_off; i++) {
        (*own)[i] = (int32_t)n;
        (*own)[n_off + i] = (int32_t)c->in[ATTN_K].rows;
    }
    int self = c->node->in[ATTN_K_OFF] == ATT_NO_VAR;
    c->in[ATTN_Q_OFF].i = *own;
    c->in[ATTN_K_OFF].i = self ? *own : *own + n_off;
    return ATT_OK;
}

/* Bytes for the largest batch: shapes count, contents do not, but the check behind it
 * reads offsets and edges, so it is given ones that fit; the other addresses are never
 * followed. */
static att_status scratch(size_t *bytes, const atti_call *c0, int back)
{
    atti_call c = *c0;
    int edges = c.node->in[ATTN_EDGE_PTR] != ATT_NO_VAR;
    size_t mask = atti_attention_mask_bytes(c0);
    *bytes = mask;
    if ((!edges && c.in[ATTN_Q_OFF].rows < 2) || c.in[ATTN_Q].rows == 0 ||
        c.in[ATTN_K].rows == 0)
        return ATT_OK;
    /* Far apart, so that no two operands seem to overlap. */
    enum { FAR = 56 };
    for (int i = 0; i < ATTN_OPERANDS; i++)
        c.in[i].f = (float *)((uintptr_t)(i + 1) << FAR);
    c.out[0].f = (float *)((uintptr_t)(ATTN_OPERANDS + 1) << FAR);
    c.save[0] = (void *)((uintptr_t)(ATTN_OPERANDS + 2) << FAR);
    int32_t *own = NULL;
    ATTI_TRY(plan_contents(&c, &own));
    c.training = 1;
    atti_attention_views w = {0};
    att_attention_desc d;
    att_status st = atti_attention_bind(&w, &d, &c, 1);
    if (st == ATT_OK) st = att_attention_workspace(bytes, &d, &w.args, back);
    if (st == ATT_OK) *bytes += mask;
    atti_free(own);
    return st;
}

static att_status forward(atti_call *c)
{
    atti_attention_views w = {0};
    att_attention_desc d;
    ATTI_TRY(atti_attention_bind(&w, &d, c, 0));
    return att_attention_forward(&d, &w.args);
}

/* The log-sum-exp is still there and comes out the same. */
static int32_t again_level(const atti_node *n, uint32_t *ins)
{
    (void)n;
    *ins = (1U << ATTN_OPERANDS) - 1;
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
static int settle_accumulate(const atti_call *c, att_tensor *const *view)
{
    int add = 0, write = 0;
    for (int i = 0; i < ATTN_OPERANDS; i++) {
        if (!view[i]) continue;
        add |= c->in[i].accumulate;
        write |= !c->in[i].accumulate;
    }
    if (!add || !write) return add;
    for (int i = 0; i < ATTN_OPERANDS; i++)
        if (view[i] && !c->in[i].accumulate) zero_view(view[i]);
    return 1;
}

static att_status backward(atti_call *c)
{
    atti_attention_views w = {0};
    att_attention_desc d;
    att_attention_grads g;
    ATTI_TRY(atti_attention_bind(&w, &d, c, 0));
    att_attention_grads_init(&g);
    w.dout = w.out;
    w.dout.data = c->out[0].grad;
    g.dout = &w.dout;
    att_tensor *view[ATTN_OPERANDS] = {0};
    att_tensor **to[ATTN_OPERANDS] = {[ATTN_Q] = &g.dq,
                                      [ATTN_K] = &g.dk,
                                      [ATTN_V] = &g.dv,
                                      [ATTN_SCORE_W] = &g.dscore_w,
                                      [ATTN_SCORE_B] = &g.dscore_b,
                                      [ATTN_T5] = &g.dt5_table,
                                      [ATTN_REL_K] = &g.drel_k,
                                      [ATTN_REL_V] = &g.drel_v,
                                      [ATTN_SINK] = &g.dsink_logit,
                                      [ATTN_ALIBI] = &g.dalibi_slopes,
                                      [ATTN_BIAS] = &g.dbias,
                                      [ATTN_PRIOR_W] = &g.dprior_w,
                                      [ATTN_EDGE_BIAS] = &g.dedge_bias};
    for (int i = 0; i < ATTN_OPERANDS; i++) {
        if (!c->in[i].grad) continue;
        if (to[i])
            *to[i] = view[i] = atti_attention_dview(&w, c, i);
        else if (!c->in[i].accumulate) /* taken as given: no gradient */
            atti_zero_all(c->in[i].grad, c->in[i].rows * c->in[i].cols);
    }
    g.accumulate = settle_accumulate(c, view);
    return att_attention_backward(&d, &w.args, &g);
}

/* Pairs are not known before a run; a plan counts each sequence at the mean length. */
static double flops(const atti_call *c, int back)
{
    const atti_attention_attr *a = c->node->attr;
    int edges = c->node->in[ATTN_EDGE_PTR] != ATT_NO_VAR;
    double seqs =
        c->in[ATTN_Q_OFF].rows > 1 ? (double)(c->in[ATTN_Q_OFF].rows - 1) : 1.0;
    double pairs = (double)c->in[ATTN_Q].rows * (double)c->in[ATTN_K].rows / seqs;
    if (edges) pairs = (double)c->in[ATTN_EDGE_COL].rows;
    double one = 2.0 * pairs * (double)a->h * (double)(a->d + a->e);
    return (back ? 2.5 : 1.0) * one * (a->desc.causal ? 0.5 : 1.0);
}

static void describe(const atti_node *n, atti_str *s)
{
    static const char *const score[] = {"dot", "bilinear", "additive", "gat", "cosine"};
    static const char *const norm[] = {"softmax", "relu",        "relu_row",
                                       "hard",    "hard_sample", "sparsemax"};
    const atti_attention_attr *a = n->attr;
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
    static const struct {
        int slot;
        const char *name;
    } extra[] = {{ATTN_BIAS, "bias"},
                 {ATTN_PRIOR, "prior"},
                 {ATTN_MASK, "mask"},
                 {ATTN_EDGE_PTR, "edges"},
                 {ATTN_ADVANTAGE, "reinforce"}};
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++)
        if (n->in[extra[i].slot] != ATT_NO_VAR) atti_str_addf(s, " %s", extra[i].name);
    if (d->dropout > 0.0f) atti_str_addf(s, " dropout %g", (double)d->dropout);
}

const atti_op atti_op_attention = {.name = "attention",
                                   .attr_bytes = sizeof(atti_attention_attr),
                                   .infer = infer,
                                   .forward = forward,
                                   .backward = backward,
                                   .needs = needs,
                                   .again = forward,
                                   .again_level = again_level,
                                   .scratch = scratch,
                                   .flops = flops,
                                   .describe = describe,
                                   .sample = atti_attention_sample};

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
    atti_attention_attr a = {.desc = o->desc,
                             .h = o->n_heads,
                             .d = o->d,
                             .bias = {o->bias_per_sequence, o->bias_per_head},
                             .prior = {o->prior_per_sequence, o->prior_per_head},
                             .block_masks = o->block_masks};
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
    const att_var in[ATTN_OPERANDS] = {[ATTN_Q] = v[0],
                                       [ATTN_K] = v[1],
                                       [ATTN_V] = v[2],
                                       [ATTN_Q_OFF] = o->q_offsets,
                                       [ATTN_K_OFF] = o->k_offsets,
                                       [ATTN_SCORE_W] = o->score_w,
                                       [ATTN_SCORE_B] = o->score_b,
                                       [ATTN_T5] = o->t5_table,
                                       [ATTN_REL_K] = o->rel_k,
                                       [ATTN_REL_V] = o->rel_v,
                                       [ATTN_SINK] = o->sink_logit,
                                       [ATTN_ALIBI] = o->alibi_slopes,
                                       [ATTN_ROPE] = o->rope_freqs,
                                       [ATTN_BIAS] = o->bias,
                                       [ATTN_PRIOR] = o->prior,
                                       [ATTN_PRIOR_W] = o->prior_w,
                                       [ATTN_MASK] = o->block_mask,
                                       [ATTN_EDGE_PTR] = o->edge_row_ptr,
                                       [ATTN_EDGE_COL] = o->edge_col,
                                       [ATTN_EDGE_BIAS] = o->edge_bias,
                                       [ATTN_ADVANTAGE] = o->advantage};
    int64_t from[ATTN_OPERANDS] = {col[0], col[1], col[2]};
    int64_t to[ATTN_OPERANDS] = {end[0], end[1], end[2]};
    return atti_tape_record_ranges(tape, &atti_op_attention, in, from, to,
                                   ATTN_OPERANDS, &a, y);
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
    const atti_attention_attr *a = n->attr;
    memset(look, 0, sizeof *look);
    look->desc = a->desc;
    look->heads = a->h, look->kv_heads = a->g;
    look->d = a->d, look->e = a->e;
    look->q_offsets = n->in[ATTN_Q_OFF];
    look->k_offsets = n->in[n->in[ATTN_K_OFF] == ATT_NO_VAR ? ATTN_Q_OFF : ATTN_K_OFF];
}

void atti_attention_look_at(const atti_call *c, atti_attention_look *look)
{
    atti_attention_plan(c->node, look);
    /* The operator itself has run with these operands, so they bind. */
    att_status st = atti_attention_bind(&look->x, &look->desc, c, 0);
    (void)st;
    look->x.args.workspace = NULL;
    look->x.args.workspace_bytes = 0;
    look->x.dout = look->x.out;
    look->x.dout.data = c->out[0].grad;
}
