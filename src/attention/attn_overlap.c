/* attn_overlap.c - what memory a tensor can touch, and whether two can touch the same.
 *
 * Exact overlap of strided sets is a hard problem; what is wanted is an answer that is
 * never wrong about "disjoint" and right for the layouts that exist: whole buffers, and
 * slices of one fused row buffer. */
#include "attention/attn_check.h"
#include "base/checked.h"
#include <stdio.h>

atti_shape_text atti_attn_shape_text(const att_tensor *t)
{
    atti_shape_text text = {""};
    size_t n = 0;
    int32_t ndim = t->ndim < 0 ? 0 : t->ndim > ATT_MAX_DIMS ? ATT_MAX_DIMS : t->ndim;
    text.s[n++] = '[';
    for (int32_t i = 0; i < ndim; i++)
        n += (size_t)snprintf(text.s + n, sizeof text.s - n, i ? ",%lld" : "%lld",
                              (long long)t->shape[i]);
    text.s[n++] = ']';
    text.s[n] = '\0';
    return text;
}

/* Lowest and highest element offset reached; false when an offset in bytes leaves
 * +-2^62, or the count of elements does. */
static bool extent(const att_tensor *t, int64_t *lo, int64_t *hi)
{
    int64_t size = (int64_t)att_dtype_size((att_dtype)t->dtype);
    int64_t limit = (INT64_MAX / 2) / (size ? size : 1), count = 1;
    *lo = *hi = 0;
    for (int32_t i = 0; i < t->ndim; i++) {
        int64_t n = t->shape[i], st = t->stride[i], reach;
        if (!atti_mul_i64(&count, count, n) || count > limit) return false;
        if (n <= 1) continue;
        if (st == INT64_MIN || !atti_mul_i64(&reach, n - 1, st < 0 ? -st : st))
            return false;
        if (reach > limit) return false;
        if (st < 0)
            *lo -= reach;
        else
            *hi += reach;
        if (*hi > limit || *lo < -limit) return false;
    }
    return true;
}

att_status atti_attn_sane(const att_tensor *t, const char *name)
{
    if (t->dtype < ATT_F32 || t->dtype > ATT_BOOL)
        return atti_fail(ATT_ESHAPE, "%s: unknown dtype %d", name, (int)t->dtype);
    if (t->ndim < 0 || t->ndim > ATT_MAX_DIMS)
        return atti_fail(ATT_ESHAPE, "%s: %d dimensions, not in 0..%d", name,
                         (int)t->ndim, ATT_MAX_DIMS);
    bool empty = false;
    for (int32_t i = 0; i < t->ndim; i++) {
        if (t->shape[i] < 0)
            return atti_fail(ATT_EINVAL, "%s: dimension %d is %lld, negative", name,
                             (int)i, (long long)t->shape[i]);
        if (t->shape[i] == 0) empty = true;
    }
    int64_t lo, hi;
    if (!empty && !extent(t, &lo, &hi))
        return atti_fail(ATT_ESHAPE, "%s: shape %s with its strides passes 2^63 bytes",
                         name, atti_attn_shape_text(t).s);
    if (!empty && !t->data)
        return atti_fail(ATT_EINVAL, "%s: shape %s but data is NULL", name,
                         atti_attn_shape_text(t).s);
    return ATT_OK;
}

bool atti_attn_packed(const att_tensor *t)
{
    /* Without elements any strides will do, and the other dimensions may be so large that
     * their product wraps. */
    for (int32_t i = 0; i < t->ndim; i++)
        if (t->shape[i] == 0) return true;
    int64_t want = 1;
    for (int32_t i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->stride[i] != want) return false;
        want *= t->shape[i];
    }
    return true;
}

att_status atti_attn_expect(const att_tensor *t, const char *name, int32_t dtype,
                            int32_t ndim, const int64_t *shape)
{
    ATTI_TRY(atti_attn_sane(t, name));
    if (t->dtype != dtype)
        return atti_fail(ATT_ESHAPE, "%s is %s, expected %s", name,
                         att_dtype_name((att_dtype)t->dtype),
                         att_dtype_name((att_dtype)dtype));
    bool same = t->ndim == ndim;
    for (int32_t i = 0; same && i < ndim; i++) same = t->shape[i] == shape[i];
    if (!same) {
        att_tensor want = {.ndim = ndim};
        for (int32_t i = 0; i < ndim; i++) want.shape[i] = shape[i];
        return atti_fail(ATT_ESHAPE, "%s is %s, expected %s", name,
                         atti_attn_shape_text(t).s, atti_attn_shape_text(&want).s);
    }
    return ATT_OK;
}

att_status atti_attn_expect_packed(const att_tensor *t, const char *name, int32_t dtype,
                                   int32_t ndim, const int64_t *shape)
{
    ATTI_TRY(atti_attn_expect(t, name, dtype, ndim, shape));
    if (!atti_attn_packed(t))
        return atti_fail(ATT_EINVAL, "%s %s is not contiguous", name,
                         atti_attn_shape_text(t).s);
    return ATT_OK;
}

static int64_t abs64(int64_t x)
{
    return x < 0 ? -x : x;
}

att_status atti_attn_unfolded(const att_tensor *t, const char *name)
{
    /* By rising stride, every dimension must step over all that the smaller ones reach. */
    bool used[ATT_MAX_DIMS] = {false};
    int64_t reach = 0;
    for (int32_t i = 0; i < t->ndim; i++)
        if (t->shape[i] == 0) return ATT_OK;
    for (int32_t round = 0; round < t->ndim; round++) {
        int32_t best = -1;
        for (int32_t i = 0; i < t->ndim; i++)
            if (!used[i] && (best < 0 || abs64(t->stride[i]) < abs64(t->stride[best])))
                best = i;
        used[best] = true;
        if (t->shape[best] <= 1) continue;
        if (abs64(t->stride[best]) <= reach)
            return atti_fail(
                ATT_EINVAL, "%s %s: stride %lld of dimension %d folds it onto itself",
                name, atti_attn_shape_text(t).s, (long long)t->stride[best], (int)best);
        reach += abs64(t->stride[best]) * (t->shape[best] - 1);
    }
    return ATT_OK;
}

/* What t reaches inside one step of L: dimensions that move by whole steps (rows, and
 * batches of rows) stay in the same column. */
static int64_t reach_in_step(const att_tensor *t, int64_t step)
{
    int64_t reach = 1;
    for (int32_t d = 0; d < t->ndim; d++)
        if (t->shape[d] > 1 && t->stride[d] % step != 0)
            reach += abs64(t->stride[d]) * (t->shape[d] - 1);
    return reach;
}

/* Some stride L cuts both tensors into different columns of one fused row buffer. */
static bool side_by_side(const att_tensor *a, int64_t a_lo, const att_tensor *b,
                         int64_t b_lo, int64_t size)
{
    for (int32_t d = 0; d < a->ndim; d++) {
        int64_t step = a->shape[d] > 1 ? abs64(a->stride[d]) : 0;
        if (step <= 1) continue;
        int64_t ra = reach_in_step(a, step), rb = reach_in_step(b, step);
        int64_t gap = (b_lo - a_lo) % (step * size);
        if (gap < 0) gap += step * size;
        if (gap >= ra * size && step * size - gap >= rb * size) return true;
    }
    return false;
}

att_status atti_attn_disjoint(const att_tensor *out, const char *out_name,
                              const att_tensor *in, const char *in_name)
{
    if (!out || !in || !out->data || !in->data) return ATT_OK;
    for (int32_t i = 0; i < out->ndim; i++)
        if (out->shape[i] == 0) return ATT_OK;
    for (int32_t i = 0; i < in->ndim; i++)
        if (in->shape[i] == 0) return ATT_OK;
    int64_t lo[2], hi[2];
    if (!extent(out, &lo[0], &hi[0]) || !extent(in, &lo[1], &hi[1]))
        return atti_fail(ATT_ESHAPE, "%s or %s passes 2^63 bytes", out_name, in_name);
    int64_t so = (int64_t)att_dtype_size((att_dtype)out->dtype);
    int64_t si = (int64_t)att_dtype_size((att_dtype)in->dtype);
    uintptr_t o = (uintptr_t)out->data, i = (uintptr_t)in->data;
    uintptr_t o0 = o + (uintptr_t)(lo[0] * so), o1 = o + (uintptr_t)((hi[0] + 1) * so);
    uintptr_t i0 = i + (uintptr_t)(lo[1] * si), i1 = i + (uintptr_t)((hi[1] + 1) * si);
    if (o1 <= i0 || i1 <= o0) return ATT_OK;
    if (so == si && side_by_side(out, (int64_t)o0, in, (int64_t)i0, so)) return ATT_OK;
    return atti_fail(ATT_EINVAL, "%s %s overlaps %s %s", out_name,
                     atti_attn_shape_text(out).s, in_name, atti_attn_shape_text(in).s);
}

att_status atti_attn_apart(const att_tensor *out, const char *out_name,
                           const att_attention_args *a)
{
    const struct {
        const att_tensor *t;
        const char *name;
    } in[] = {{a->q, "q"},
              {a->k, "k"},
              {a->v, "v"},
              {a->q_offsets, "q_offsets"},
              {a->k_offsets, "k_offsets"},
              {a->k_lengths, "k_lengths"},
              {a->bias, "bias"},
              {a->block_mask, "block_mask"},
              {a->score_w, "score_w"},
              {a->score_b, "score_b"},
              {a->prior, "prior"},
              {a->prior_w, "prior_w"},
              {a->sink_logit, "sink_logit"},
              {a->alibi_slopes, "alibi_slopes"},
              {a->t5_table, "t5_table"},
              {a->rel_k, "rel_k"},
              {a->rel_v, "rel_v"},
              {a->rope_freqs, "rope_freqs"},
              {a->advantage, "advantage"},
              {a->edge_row_ptr, "edge_row_ptr"},
              {a->edge_col, "edge_col"},
              {a->edge_bias, "edge_bias"},
              {a->page_table, "page_table"}};
    if (!out) return ATT_OK;
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        ATTI_TRY(atti_attn_disjoint(out, out_name, in[i].t, in[i].name));
    return ATT_OK;
}

att_status atti_attn_workspace_apart(const att_attention_args *a,
                                     const att_attention_grads *g, size_t bytes)
{
    if (!a->workspace || bytes == 0) return ATT_OK;
    const att_tensor room = {.data = a->workspace,
                             .dtype = ATT_U8,
                             .ndim = 1,
                             .shape = {(int64_t)bytes},
                             .stride = {1}};
    const struct {
        const att_tensor *t;
        const char *name;
    } out[] = {{a->out, "out"},
               {a->lse, "lse"},
               {a->picked, "picked"},
               {a->picked_logp, "picked_logp"},
               {g ? g->dout : NULL, "dout"},
               {g ? g->dq : NULL, "dq"},
               {g ? g->dk : NULL, "dk"},
               {g ? g->dv : NULL, "dv"},
               {g ? g->dbias : NULL, "dbias"},
               {g ? g->dscore_w : NULL, "dscore_w"},
               {g ? g->dscore_b : NULL, "dscore_b"},
               {g ? g->dprior_w : NULL, "dprior_w"},
               {g ? g->dsink_logit : NULL, "dsink_logit"},
               {g ? g->dalibi_slopes : NULL, "dalibi_slopes"},
               {g ? g->dt5_table : NULL, "dt5_table"},
               {g ? g->drel_k : NULL, "drel_k"},
               {g ? g->drel_v : NULL, "drel_v"},
               {g ? g->dedge_bias : NULL, "dedge_bias"}};
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        ATTI_TRY(atti_attn_disjoint(&room, "workspace", out[i].t, out[i].name));
    return atti_attn_apart(&room, "workspace", a);
}
