/* attn_check_extra.c - the optional operands of a call: additive terms, masks, learned
 * parameters, edges. An operand that the descriptor does not use is refused rather than
 * ignored: it is a misunderstanding, and silence would train the wrong model. */
#include "attention/attn_check.h"
#include "base/checked.h"

static int32_t real_dtype(const atti_attn_call *c)
{
    return c->dtype == ATT_F64 ? ATT_F64 : ATT_F32;
}

att_status atti_attn_resolve_bias(atti_attn_bias *out, const atti_attn_call *c,
                                  const att_tensor *t, const char *name)
{
    ATTI_TRY(atti_attn_sane(t, name));
    if (t->dtype != real_dtype(c))
        return atti_fail(ATT_ESHAPE, "%s is %s, expected %s", name,
                         att_dtype_name((att_dtype)t->dtype),
                         att_dtype_name((att_dtype)real_dtype(c)));
    if (t->ndim > 4)
        return atti_fail(ATT_ESHAPE, "%s is %s, more dimensions than [B,H,T,S]", name,
                         atti_attn_shape_text(t).s);
    const int64_t want[4] = {c->n_batch, c->heads, c->t, c->s};
    int64_t stride[4] = {0, 0, 0, 0};
    for (int32_t i = 0; i < t->ndim; i++) {
        int32_t at = 4 - t->ndim + i;
        int64_t n = t->shape[i];
        /* A ragged call's T and S are the longest; a longer table serves as well. */
        bool fits = n == want[at] || (at >= 2 && c->ragged && n > want[at]);
        if (!fits && n != 1)
            return atti_fail(
                ATT_ESHAPE, "%s is %s, does not broadcast to [%lld,%lld,%lld,%lld]",
                name, atti_attn_shape_text(t).s, (long long)want[0], (long long)want[1],
                (long long)want[2], (long long)want[3]);
        stride[at] = n == 1 ? 0 : t->stride[i];
    }
    if (c->dtype == ATT_F64)
        out->data64 = t->data;
    else
        out->data = t->data;
    out->sb = stride[0];
    out->sh = stride[1];
    out->st = stride[2];
    out->ss = stride[3];
    return ATT_OK;
}

static att_status unused(const att_tensor *t, const char *name, const char *wants)
{
    if (!t) return ATT_OK;
    return atti_fail(ATT_EINVAL, "attention: %s is given but %s", name, wants);
}

static att_status needed(const att_tensor *t, const char *name, const char *why)
{
    if (t) return ATT_OK;
    return atti_fail(ATT_EINVAL, "attention: %s is missing: %s", name, why);
}

/* A parameter of shape `shape`, or with a leading H. */
static att_status per_head(const void **data, int64_t *head, const atti_attn_call *c,
                           const att_tensor *t, const char *name, int32_t ndim,
                           const int64_t *shape)
{
    int64_t full[4] = {c->heads, 0, 0, 0}, count = 1;
    for (int32_t i = 0; i < ndim; i++) {
        full[i + 1] = shape[i];
        count *= shape[i];
    }
    ATTI_TRY(atti_attn_sane(t, name));
    bool heads = t->ndim == ndim + 1;
    ATTI_TRY(atti_attn_expect_packed(t, name, real_dtype(c), heads ? ndim + 1 : ndim,
                                     heads ? full : shape));
    *data = t->data;
    *head = heads ? count : 0;
    return ATT_OK;
}

static att_status score_params(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    int64_t wshape[2] = {c->d, c->dk};
    switch (c->desc->score) {
    case ATT_SCORE_BILINEAR:
        ATTI_TRY(needed(a->score_w, "score_w", "the bilinear score is q W k"));
        ATTI_TRY(per_head(&c->score_w, &c->score_w_head, c, a->score_w, "score_w", 2,
                          wshape));
        return unused(a->score_b, "score_b", "the bilinear score has none");
    case ATT_SCORE_ADDITIVE:
    case ATT_SCORE_GAT:
        ATTI_TRY(
            needed(a->score_w, "score_w", "additive and gat scores are w . f(q + k)"));
        ATTI_TRY(per_head(&c->score_w, &c->score_w_head, c, a->score_w, "score_w", 1,
                          wshape));
        if (!a->score_b) return ATT_OK;
        return per_head(&c->score_b, &c->score_b_head, c, a->score_b, "score_b", 1,
                        wshape);
    default:
        ATTI_TRY(unused(a->score_w, "score_w", "this score has no parameter"));
        return unused(a->score_b, "score_b", "this score has no parameter");
    }
}

static att_status term_params(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    const int32_t real = real_dtype(c);
    if (a->sink_logit) {
        if (c->desc->normalise != ATT_NORM_SOFTMAX)
            return unused(a->sink_logit, "sink_logit",
                          "only softmax has a denominator for it");
        ATTI_TRY(
            atti_attn_expect_packed(a->sink_logit, "sink_logit", real, 1, &c->heads));
        c->sink_logit = a->sink_logit->data;
    }
    if (a->alibi_slopes) {
        if (!c->use_alibi)
            return unused(a->alibi_slopes, "alibi_slopes", "desc.alibi is 0");
        ATTI_TRY(atti_attn_expect_packed(a->alibi_slopes, "alibi_slopes", real, 1,
                                         &c->heads));
        c->alibi = a->alibi_slopes->data;
    }
    if (c->t5_buckets > 0) {
        int64_t shape[2] = {c->t5_buckets, c->heads};
        ATTI_TRY(needed(a->t5_table, "t5_table", "desc.t5_buckets is above 0"));
        ATTI_TRY(atti_attn_expect_packed(a->t5_table, "t5_table", real, 2, shape));
        c->t5_table = a->t5_table->data;
    } else {
        ATTI_TRY(unused(a->t5_table, "t5_table", "desc.t5_buckets is 0"));
    }
    if (c->shaw > 0) {
        int64_t k[2] = {2 * c->shaw + 1, c->d}, v[2] = {2 * c->shaw + 1, c->e};
        if (!a->rel_k && !a->rel_v)
            return needed(NULL, "rel_k",
                          "desc.shaw_clip is above 0 (rel_k, rel_v or both)");
        if (a->rel_k) {
            ATTI_TRY(atti_attn_expect_packed(a->rel_k, "rel_k", real, 2, k));
            c->rel_k = a->rel_k->data;
        }
        if (a->rel_v) {
            ATTI_TRY(atti_attn_expect_packed(a->rel_v, "rel_v", real, 2, v));
            c->rel_v = a->rel_v->data;
        }
    } else {
        ATTI_TRY(unused(a->rel_k, "rel_k", "desc.shaw_clip is 0"));
        ATTI_TRY(unused(a->rel_v, "rel_v", "desc.shaw_clip is 0"));
    }
    return ATT_OK;
}

static att_status rope_params(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    if (c->desc->rope == ATT_ROPE_NONE)
        return unused(a->rope_freqs, "rope_freqs", "desc.rope is 0");
    int64_t widest = c->d < c->dk ? c->d : c->dk;
    if (c->rope_dims > widest)
        return atti_fail(ATT_EINVAL, "attention: rope_dims is %lld, the width is %lld",
                         (long long)c->rope_dims, (long long)widest);
    if (c->rope_dims % 2)
        return atti_fail(
            ATT_EINVAL,
            "attention: rope over %lld dimensions, odd: rotation takes pairs",
            (long long)c->rope_dims);
    if (!a->rope_freqs) return ATT_OK;
    int64_t half = c->rope_dims / 2;
    ATTI_TRY(
        atti_attn_expect_packed(a->rope_freqs, "rope_freqs", real_dtype(c), 1, &half));
    c->rope_freqs = a->rope_freqs->data;
    return ATT_OK;
}

att_status atti_attn_resolve_params(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    ATTI_TRY(score_params(c));
    ATTI_TRY(term_params(c));
    ATTI_TRY(rope_params(c));
    if (a->prior) {
        ATTI_TRY(needed(a->prior_w, "prior_w", "prior_w * prior is what is added"));
        ATTI_TRY(atti_attn_resolve_bias(&c->prior, c, a->prior, "prior"));
        ATTI_TRY(atti_attn_sane(a->prior_w, "prior_w"));
        bool shared = a->prior_w->ndim == 1 && a->prior_w->shape[0] == 1;
        int64_t n = shared ? 1 : c->heads;
        ATTI_TRY(atti_attn_expect_packed(a->prior_w, "prior_w", real_dtype(c), 1, &n));
        c->prior_w = a->prior_w->data;
        c->prior_w_head = shared ? 0 : 1;
    } else {
        ATTI_TRY(unused(a->prior_w, "prior_w", "there is no prior"));
    }
    if (a->advantage && !c->desc->reinforce)
        return unused(a->advantage, "advantage", "desc.reinforce is 0");
    return atti_attn_resolve_rowwise(&c->advantage, c, a->advantage, "advantage",
                                     real_dtype(c));
}

static att_status block_mask(atti_attn_call *c)
{
    const att_tensor *t = c->args->block_mask;
    if (!t) return ATT_OK;
    ATTI_TRY(atti_attn_sane(t, "block_mask"));
    if (t->dtype != ATT_BOOL && t->dtype != ATT_U8)
        return atti_fail(ATT_ESHAPE, "block_mask is %s, expected BOOL or U8",
                         att_dtype_name((att_dtype)t->dtype));
    int64_t rows = c->block > 0 ? c->block : c->t,
            cols = c->block > 0 ? c->block : c->s;
    bool fits = t->ndim == 3 && t->shape[0] >= 1;
    if (fits && c->block == 0 && c->ragged)
        fits = t->shape[1] >= rows && t->shape[2] >= cols;
    else if (fits)
        fits = t->shape[1] == rows && t->shape[2] == cols;
    if (!fits)
        return atti_fail(ATT_ESHAPE, "block_mask is %s, expected [n,%lld,%lld]",
                         atti_attn_shape_text(t).s, (long long)rows, (long long)cols);
    if (!atti_attn_packed(t))
        return atti_fail(ATT_EINVAL, "block_mask is not contiguous");
    c->block_mask = t->data;
    c->mask_blocks = t->shape[0];
    c->mask_t = t->shape[1];
    c->mask_s = t->shape[2];
    return ATT_OK;
}

static att_status edge_contents(const atti_attn_call *c)
{
    int64_t before = 0;
    for (int64_t n = 0; n <= c->n_rows; n++) {
        int64_t at = atti_attn_edge_begin(c, n);
        if (n == 0 && at != 0)
            return atti_fail(ATT_EINVAL, "edge_row_ptr[0] is %lld, not 0",
                             (long long)at);
        if (at < before || at > c->n_edges)
            return atti_fail(
                ATT_EINVAL, "edge_row_ptr[%lld] is %lld, not in %lld..%lld",
                (long long)n, (long long)at, (long long)before, (long long)c->n_edges);
        before = at;
    }
    if (before != c->n_edges)
        return atti_fail(ATT_EINVAL, "edge_row_ptr ends at %lld, edge_col has %lld",
                         (long long)before, (long long)c->n_edges);
    /* One unsigned comparison a column, without a branch: a million edges a call. */
    uint32_t worst = 0;
    for (int64_t i = 0; i < c->n_edges; i++) {
        uint32_t col = (uint32_t)c->edge_col[i];
        worst = col > worst ? col : worst;
    }
    if (c->n_edges > 0 && (int64_t)worst >= c->s)
        return atti_fail(ATT_EINVAL, "edge_col holds %d, not in 0..%lld",
                         (int)(int32_t)worst, (long long)c->s - 1);
    return ATT_OK;
}

att_status atti_attn_resolve_edges(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    const att_attention_desc *d = c->desc;
    if (!a->edge_row_ptr) {
        ATTI_TRY(unused(a->edge_col, "edge_col", "there is no edge_row_ptr"));
        return unused(a->edge_bias, "edge_bias", "there is no edge_row_ptr");
    }
    ATTI_TRY(needed(a->edge_col, "edge_col", "edge_row_ptr needs it"));
    if (c->n_batch != 1)
        return atti_fail(ATT_EINVAL,
                         "attention: edges with batch %lld: nodes of all graphs "
                         "are rows of one [N,H,D]",
                         (long long)c->n_batch);
    if (c->left >= 0 || c->right >= 0 || c->sinks || c->block || a->block_mask ||
        a->bias || a->prior || a->k_lengths || a->page_table || d->rope || d->alibi ||
        d->t5_buckets || d->shaw_clip)
        return atti_fail(ATT_EINVAL,
                         "attention: edges with a mask, bias or position term: a "
                         "graph's nodes have no order (edge_bias is its bias)");
    ATTI_TRY(atti_attn_sane(a->edge_row_ptr, "edge_row_ptr"));
    int64_t want = c->n_rows + 1;
    c->edge_row_ptr64 = a->edge_row_ptr->dtype == ATT_I64;
    ATTI_TRY(atti_attn_expect_packed(a->edge_row_ptr, "edge_row_ptr",
                                     c->edge_row_ptr64 ? ATT_I64 : ATT_I32, 1, &want));
    ATTI_TRY(atti_attn_sane(a->edge_col, "edge_col"));
    c->n_edges = a->edge_col->ndim == 1 ? a->edge_col->shape[0] : -1;
    ATTI_TRY(atti_attn_expect_packed(a->edge_col, "edge_col", ATT_I32, 1, &c->n_edges));
    c->edge_row_ptr = a->edge_row_ptr->data;
    c->edge_col = a->edge_col->data;
    c->edges = true;
    ATTI_TRY(edge_contents(c));
    if (!a->edge_bias) return ATT_OK;
    int64_t shape[2] = {c->n_edges, c->heads};
    ATTI_TRY(atti_attn_sane(a->edge_bias, "edge_bias"));
    bool heads = a->edge_bias->ndim == 2;
    ATTI_TRY(atti_attn_expect_packed(a->edge_bias, "edge_bias", real_dtype(c),
                                     heads ? 2 : 1, shape));
    c->edge_bias = a->edge_bias->data;
    c->edge_bias_ld = heads ? c->heads : 1;
    c->edge_bias_head = heads ? 1 : 0;
    return ATT_OK;
}

att_status atti_attn_resolve_extras(atti_attn_call *c)
{
    ATTI_TRY(atti_attn_resolve_edges(c));
    ATTI_TRY(atti_attn_resolve_params(c));
    if (c->args->bias)
        ATTI_TRY(atti_attn_resolve_bias(&c->bias, c, c->args->bias, "bias"));
    ATTI_TRY(block_mask(c));
    const att_attention_args *a = c->args;
    if (a->workspace && ((uintptr_t)a->workspace & 63))
        return atti_fail(ATT_EINVAL, "attention: workspace is not 64-byte aligned");
    return ATT_OK;
}
