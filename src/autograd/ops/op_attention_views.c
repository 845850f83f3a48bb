/* op_attention_views.c - the attention operator's operands as attend/attention.h's call takes
 * them: rows of a tape's matrices become tensors of heads, tables, masks, edges. */
#include "autograd/op_util.h"
#include "autograd/ops/op_attention_parts.h"

#include <assert.h>

typedef atti_attention_views views;
static_assert((int)ATTN_OPERANDS <= (int)ATTI_ATTENTION_OPERANDS, "a place for each");
static_assert((int)ATTN_OPERANDS <= (int)ATTI_MAX_IN, "a slot for each");

static att_tensor rows_view(void *data, int64_t rows, int64_t ld, int64_t heads,
                            int64_t width)
{
    att_tensor t = {.data = data, .dtype = ATT_F32, .ndim = 3};
    t.shape[0] = rows, t.shape[1] = heads, t.shape[2] = width;
    t.stride[0] = ld, t.stride[1] = width, t.stride[2] = 1;
    return t;
}

static att_tensor packed(void *data, att_dtype dtype, int32_t ndim, const int64_t *dim)
{
    att_tensor t = {.data = data, .dtype = dtype, .ndim = ndim};
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        t.shape[i] = dim[i];
        t.stride[i] = stride;
        stride *= dim[i];
    }
    return t;
}

static att_tensor flat_view(void *data, att_dtype dtype, int32_t ndim, int64_t a,
                            int64_t b, int64_t c)
{
    const int64_t dim[3] = {a, b, c};
    return packed(data, dtype, ndim, dim);
}

/* Integers are only ever read; the cast is for the one kind of pointer in a tensor. */
static att_tensor ints_view(const atti_mat *m)
{
    return flat_view((void *)(uintptr_t)m->i, ATT_I32, 1, m->rows, 0, 0);
}

/* A parameter in the shape that the descriptor wants. */
static att_tensor par_view(const atti_attention_attr *a, int slot, const atti_mat *m,
                           void *data)
{
    switch (slot) {
    case ATTN_SINK:
    case ATTN_ALIBI: return flat_view(data, ATT_F32, 1, a->h, 0, 0);
    case ATTN_ROPE:
    case ATTN_PRIOR_W: return flat_view(data, ATT_F32, 1, m->cols, 0, 0);
    case ATTN_EDGE_BIAS:
        return flat_view(data, ATT_F32, m->cols > 1 ? 2 : 1, m->rows, m->cols, 0);
    case ATTN_SCORE_W:
        if (a->desc.score == ATT_SCORE_BILINEAR)
            return a->score_per_head ? flat_view(data, ATT_F32, 3, a->h, a->d, a->dk)
                                     : flat_view(data, ATT_F32, 2, a->d, a->dk, 0);
        break;
    case ATTN_SCORE_B: break;
    default: return flat_view(data, ATT_F32, 2, m->rows, m->cols, 0);
    }
    /* additive and GAT */
    return a->score_per_head ? flat_view(data, ATT_F32, 2, a->h, a->d, 0)
                             : flat_view(data, ATT_F32, 1, a->d, 0, 0);
}

static int64_t sequences(const atti_call *c)
{
    return c->node->in[ATTN_Q_OFF] == ATT_NO_VAR ? 1 : c->in[ATTN_Q_OFF].rows - 1;
}

/* A table of pairs, [sequences or 1, heads or 1, queries or 1, keys or 1]. */
static att_status table_view(att_tensor *out, const atti_call *c, int slot,
                             const atti_attention_cut *cut, const char *name)
{
    const atti_attention_attr *a = c->node->attr;
    const atti_mat *m = &c->in[slot];
    int64_t nb = cut->per_sequence ? sequences(c) : 1, nh = cut->per_head ? a->h : 1;
    int64_t parts = nb * nh,
            dim[4] = {nb, nh, parts > 0 ? m->rows / parts : 1, m->cols};
    if (parts > 0 && m->rows % parts != 0)
        return atti_fail(ATT_ESHAPE,
                         "attention: %s of %lld rows for %lld sequences and %lld heads",
                         name, (long long)m->rows, (long long)nb, (long long)nh);
    *out = packed(m->f, ATT_F32, 4, dim);
    return ATT_OK;
}

/* For sizes: one table that is long enough for any batch. */
static att_tensor table_plan(const atti_call *c, int slot)
{
    const atti_mat *m = &c->in[slot];
    const int64_t dim[4] = {1, 1, c->in[ATTN_Q].rows,
                            m->cols > 1 ? c->in[ATTN_K].rows : 1};
    return packed(m->f, ATT_F32, 4, dim);
}

size_t atti_attention_mask_bytes(const atti_call *c)
{
    if (c->node->in[ATTN_MASK] == ATT_NO_VAR) return 0;
    const atti_mat *m = &c->in[ATTN_MASK];
    return ((size_t)m->rows * (size_t)m->cols + 63) & ~(size_t)63;
}

static att_status mask_view(att_tensor *out, const atti_call *c)
{
    const atti_attention_attr *a = c->node->attr;
    const atti_mat *m = &c->in[ATTN_MASK];
    int64_t n = a->block_masks < 0    ? sequences(c)
                : a->block_masks == 0 ? 1
                                      : a->block_masks;
    if (a->desc.block > 0) n = m->rows / a->desc.block;
    int64_t rows = n > 0 ? m->rows / n : 0;
    if (rows * n != m->rows || n < 1)
        return atti_fail(ATT_ESHAPE, "attention: block_mask of %lld rows in %lld masks",
                         (long long)m->rows, (long long)n);
    unsigned char *byte = c->scratch;
    for (int64_t i = 0; i < m->rows * m->cols; i++) byte[i] = m->i[i] != 0;
    *out = flat_view(byte, ATT_U8, 3, n, rows, m->cols);
    return ATT_OK;
}

static att_tensor mask_plan(const atti_call *c)
{
    const atti_attention_attr *a = c->node->attr;
    int64_t block = a->desc.block;
    return flat_view(c->in[ATTN_MASK].f, ATT_U8, 3, 1,
                     block ? block : c->in[ATTN_Q].rows,
                     block ? block : c->in[ATTN_K].rows);
}

static float *columns(const atti_call *c, int slot, float *base)
{
    return base ? base + c->node->col0[slot] : NULL;
}

static void bind_rows(views *w, const atti_call *c)
{
    const atti_attention_attr *a = c->node->attr;
    const atti_mat *q = &c->in[ATTN_Q], *k = &c->in[ATTN_K], *v = &c->in[ATTN_V];
    att_attention_args *p = &w->args;
    w->q = rows_view(columns(c, ATTN_Q, q->f), q->rows, q->cols, a->h, a->d);
    w->k = rows_view(columns(c, ATTN_K, k->f), k->rows, k->cols, a->g, a->dk);
    w->v = rows_view(columns(c, ATTN_V, v->f), v->rows, v->cols, a->g, a->e);
    w->out = rows_view(c->out[0].f, q->rows, c->out[0].cols, a->h, a->e);
    w->lse = flat_view(c->save[0], ATT_F32, 2, q->rows, a->h, 0);
    p->q = &w->q, p->k = &w->k, p->v = &w->v, p->out = &w->out;
    p->lse = c->save[0] ? &w->lse : NULL;
    if (c->node->in[ATTN_EDGE_PTR] != ATT_NO_VAR) {
        w->par[ATTN_EDGE_PTR] = ints_view(&c->in[ATTN_EDGE_PTR]);
        w->par[ATTN_EDGE_COL] = ints_view(&c->in[ATTN_EDGE_COL]);
        p->edge_row_ptr = &w->par[ATTN_EDGE_PTR];
        p->edge_col = &w->par[ATTN_EDGE_COL];
        return; /* edges say who belongs together, not offsets */
    }
    int self = c->node->in[ATTN_K_OFF] == ATT_NO_VAR;
    w->off_q = ints_view(&c->in[ATTN_Q_OFF]);
    w->off_k = ints_view(&c->in[self ? ATTN_Q_OFF : ATTN_K_OFF]);
    p->q_offsets = &w->off_q, p->k_offsets = &w->off_k;
}

static att_attention_desc desc_of(const atti_call *c)
{
    const atti_attention_attr *a = c->node->attr;
    att_attention_desc d = a->desc;
    d.seed = c->key;
    if (c->bf16) d.precision = 1;
    if (c->training) return d;
    d.dropout = 0.0f;
    /* Evaluation draws nothing: the likeliest key in place of a drawn one. */
    if (d.normalise == ATT_NORM_HARD_SAMPLE) d.normalise = ATT_NORM_HARD_ARGMAX;
    d.reinforce = 0;
    return d;
}

att_status atti_attention_bind(views *w, att_attention_desc *desc, const atti_call *c,
                               int plan)
{
    const atti_attention_attr *a = c->node->attr;
    att_attention_args *p = &w->args;
    *desc = desc_of(c);
    att_attention_args_init(p);
    bind_rows(w, c);
    const att_tensor **to[ATTN_OPERANDS] = {
        [ATTN_SCORE_W] = &p->score_w,     [ATTN_SCORE_B] = &p->score_b,
        [ATTN_T5] = &p->t5_table,         [ATTN_REL_K] = &p->rel_k,
        [ATTN_REL_V] = &p->rel_v,         [ATTN_SINK] = &p->sink_logit,
        [ATTN_ALIBI] = &p->alibi_slopes,  [ATTN_ROPE] = &p->rope_freqs,
        [ATTN_BIAS] = &p->bias,           [ATTN_PRIOR] = &p->prior,
        [ATTN_PRIOR_W] = &p->prior_w,     [ATTN_MASK] = &p->block_mask,
        [ATTN_EDGE_BIAS] = &p->edge_bias, [ATTN_ADVANTAGE] = &p->advantage};
    for (int i = ATTN_SCORE_W; i < ATTN_OPERANDS; i++) {
        if (c->node->in[i] == ATT_NO_VAR || !to[i]) continue;
        if (i == ATTN_ADVANTAGE && !desc->reinforce) continue;
        att_tensor *t = &w->par[i];
        *to[i] = t;
        if (i == ATTN_BIAS || i == ATTN_PRIOR) {
            const atti_attention_cut *cut = i == ATTN_BIAS ? &a->bias : &a->prior;
            if (plan)
                *t = table_plan(c, i);
            else
                ATTI_TRY(table_view(t, c, i, cut, i == ATTN_BIAS ? "bias" : "prior"));
        } else if (i == ATTN_MASK) {
            if (plan)
                *t = mask_plan(c);
            else
                ATTI_TRY(mask_view(t, c));
        } else {
            *t = par_view(a, i, &c->in[i], c->in[i].f);
        }
    }
    size_t mask = atti_attention_mask_bytes(c);
    p->workspace = c->scratch ? (unsigned char *)c->scratch + mask : NULL;
    p->workspace_bytes = c->scratch ? c->scratch_bytes - mask : 0;
    return ATT_OK;
}

att_tensor *atti_attention_dview(views *w, const atti_call *c, int slot)
{
    float *grad = c->in[slot].grad;
    if (!grad) return NULL;
    if (slot <= ATTN_V) {
        const att_tensor *of = slot == ATTN_Q ? &w->q : slot == ATTN_K ? &w->k : &w->v;
        att_tensor *d = slot == ATTN_Q ? &w->dq : slot == ATTN_K ? &w->dk : &w->dv;
        *d = *of;
        d->data = columns(c, slot, grad);
        return d;
    }
    w->dpar[slot] = w->par[slot];
    w->dpar[slot].data = grad;
    return &w->dpar[slot];
}
