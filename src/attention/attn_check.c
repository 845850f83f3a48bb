/* attn_check.c - brings descriptor and operands to the one checked form that all paths
 * read (attn_internal.h): the layout, the widths, offsets and lengths, and that no output
 * overlaps an input. Parameters, biases and edges are in attn_check_extra.c, gradients in
 * attn_check_grads.c.
 *
 * It reads the contents of offsets, lengths, pages and edges, never those of q, k, v. */
#include "attention/attn_check.h"
#include "base/checked.h"
#include <math.h>
#include <string.h>

enum { MAX_WIDTH = 256, MAX_HEADS = 65536 };

void atti_attn_make_view(atti_attn_view *w, const att_tensor *t)
{
    w->data = t->data;
    w->dtype = t->dtype;
    bool dense = t->ndim == 4;
    w->sb = dense ? t->stride[0] : 0;
    w->sh = t->stride[1];
    w->sr = dense ? t->stride[2] : t->stride[0];
}

static att_status last_stride(const att_tensor *t, const char *name)
{
    if (t->shape[t->ndim - 1] > 1 && t->stride[t->ndim - 1] != 1)
        return atti_fail(ATT_EINVAL, "%s: the last dimension has stride %lld, not 1",
                         name, (long long)t->stride[t->ndim - 1]);
    return ATT_OK;
}

static att_status width(const char *name, int64_t x)
{
    if (x < 1 || x > MAX_WIDTH)
        return atti_fail(ATT_ENOTSUP, "attention: %s width %lld, not in 1..%d", name,
                         (long long)x, MAX_WIDTH);
    return ATT_OK;
}

static att_status presence(const att_attention_args *a)
{
    if (!a) return atti_fail(ATT_EINVAL, "attention: args is NULL");
    if (a->size != sizeof *a)
        return atti_fail(
            ATT_EINVAL,
            "attention: args.size is %u, this library's is %zu: start from "
            "att_attention_args_init()",
            a->size, sizeof *a);
    const att_tensor *t[] = {a->q, a->k, a->v};
    const char *name[] = {"q", "k", "v"};
    for (int i = 0; i < 3; i++) {
        if (!t[i]) return atti_fail(ATT_EINVAL, "attention: %s is missing", name[i]);
        ATTI_TRY(atti_attn_sane(t[i], name[i]));
        if (t[i]->dtype != t[0]->dtype)
            return atti_fail(ATT_ESHAPE, "attention: q is %s, %s is %s",
                             att_dtype_name((att_dtype)t[0]->dtype), name[i],
                             att_dtype_name((att_dtype)t[i]->dtype));
    }
    if (a->q->dtype != ATT_F32 && a->q->dtype != ATT_BF16 && a->q->dtype != ATT_F64)
        return atti_fail(ATT_ENOTSUP, "attention: q is %s, not F32, BF16 or F64",
                         att_dtype_name((att_dtype)a->q->dtype));
    return ATT_OK;
}

/* i32 [B+1], rising from 0 to rows. */
static att_status offsets(const int32_t **out, int64_t *longest, const att_tensor *t,
                          const char *name, int64_t n_batch, int64_t rows)
{
    int64_t want = n_batch + 1;
    ATTI_TRY(atti_attn_expect_packed(t, name, ATT_I32, 1, &want));
    const int32_t *o = t->data;
    if (o[0] != 0) return atti_fail(ATT_EINVAL, "%s[0] is %d, not 0", name, (int)o[0]);
    *longest = 0;
    for (int64_t b = 0; b < n_batch; b++) {
        if (o[b + 1] < o[b])
            return atti_fail(ATT_EINVAL, "%s[%lld] is %d, below %d before it", name,
                             (long long)(b + 1), (int)o[b + 1], (int)o[b]);
        *longest = atti_max_i64(*longest, (int64_t)o[b + 1] - o[b]);
    }
    if (o[n_batch] != rows)
        return atti_fail(ATT_EINVAL, "%s ends at %d, the operand has %lld rows", name,
                         (int)o[n_batch], (long long)rows);
    *out = o;
    return ATT_OK;
}

/* Dimensions of q: B, T, H, D; N for ragged. */
static att_status query_side(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    const att_tensor *q = a->q;
    if (q->ndim == 4) {
        if (a->q_offsets || a->k_offsets)
            return atti_fail(ATT_EINVAL,
                             "attention: offsets with q %s: the ragged form is [N,H,D]",
                             atti_attn_shape_text(q).s);
        c->n_batch = q->shape[0];
        c->heads = q->shape[1];
        c->t = q->shape[2];
        c->d = q->shape[3];
        if (!atti_mul_i64(&c->n_rows, c->n_batch, c->t))
            return atti_fail(ATT_ESHAPE, "attention: q %s passes 2^63 rows",
                             atti_attn_shape_text(q).s);
    } else if (q->ndim == 3) {
        c->heads = q->shape[1];
        c->d = q->shape[2];
        c->n_rows = q->shape[0];
        if (a->edge_row_ptr) {
            /* Nodes of one graph, or of several side by side: edges alone say who
             * belongs together, so it is one sequence. */
            c->n_batch = 1;
            c->t = c->n_rows;
        } else if (a->q_offsets) {
            ATTI_TRY(atti_attn_sane(a->q_offsets, "q_offsets"));
            if (a->q_offsets->ndim != 1 || a->q_offsets->shape[0] < 1)
                return atti_fail(ATT_ESHAPE, "q_offsets is %s, expected [B+1]",
                                 atti_attn_shape_text(a->q_offsets).s);
            c->ragged = true;
            c->n_batch = a->q_offsets->shape[0] - 1;
            ATTI_TRY(offsets(&c->q_off, &c->t, a->q_offsets, "q_offsets", c->n_batch,
                             c->n_rows));
        } else {
            return atti_fail(ATT_EINVAL, "attention: q is %s without q_offsets",
                             atti_attn_shape_text(q).s);
        }
    } else {
        return atti_fail(ATT_ESHAPE,
                         "attention: q is %s, expected [B,H,T,D] or [N,H,D]",
                         atti_attn_shape_text(q).s);
    }
    if (c->heads < 1)
        return atti_fail(ATT_ESHAPE, "attention: q has %lld heads",
                         (long long)c->heads);
    return width("q", c->d);
}

static att_status heads_and_widths(atti_attn_call *c, int64_t kh, int64_t kd,
                                   int64_t vh, int64_t vd)
{
    if (kh != vh)
        return atti_fail(ATT_ESHAPE, "attention: k has %lld heads, v has %lld",
                         (long long)kh, (long long)vh);
    if (kh < 1 || c->heads % kh)
        return atti_fail(
            ATT_ESHAPE, "attention: %lld query heads are no multiple of %lld key heads",
            (long long)c->heads, (long long)kh);
    c->kv_heads = kh;
    c->group = c->heads / kh;
    c->dk = kd;
    c->e = vd;
    ATTI_TRY(width("k", kd));
    ATTI_TRY(width("v", vd));
    if (kd == c->d || c->desc->score == ATT_SCORE_BILINEAR) return ATT_OK;
    if (c->desc->score == ATT_SCORE_DOT || c->desc->score == ATT_SCORE_COSINE)
        return atti_fail(ATT_ESHAPE,
                         "attention: q width %lld, k width %lld: no inner product; "
                         "ATT_SCORE_BILINEAR with W [%lld,%lld] is the remedy",
                         (long long)c->d, (long long)kd, (long long)c->d,
                         (long long)kd);
    return atti_fail(
        ATT_ESHAPE,
        "attention: q width %lld, k width %lld: q + k needs one width; project "
        "both to it",
        (long long)c->d, (long long)kd);
}

static att_status paged_side(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    const att_tensor *k = a->k, *v = a->v;
    if (k->ndim != 4 || v->ndim != 4 || k->shape[0] != v->shape[0] ||
        k->shape[1] != v->shape[1])
        return atti_fail(
            ATT_ESHAPE,
            "attention: paged k is %s, v is %s, expected [pages,page_rows,G,D] and "
            "[pages,page_rows,G,E]",
            atti_attn_shape_text(k).s, atti_attn_shape_text(v).s);
    if (a->k_offsets)
        return atti_fail(ATT_EINVAL,
                         "attention: k_offsets with page_table: lengths of a "
                         "paged cache are in k_lengths");
    if (!a->k_lengths)
        return atti_fail(ATT_EINVAL, "attention: page_table without k_lengths");
    ATTI_TRY(heads_and_widths(c, k->shape[2], k->shape[3], v->shape[2], v->shape[3]));
    ATTI_TRY(atti_attn_sane(a->page_table, "page_table"));
    int64_t want[2] = {c->n_batch,
                       a->page_table->ndim == 2 ? a->page_table->shape[1] : -1};
    ATTI_TRY(atti_attn_expect_packed(a->page_table, "page_table", ATT_I32, 2, want));
    c->paged = true;
    c->page_table = a->page_table->data;
    c->max_pages = c->page_table_ld = want[1];
    c->page_rows = k->shape[1];
    c->k_page = k->stride[0];
    c->v_page = v->stride[0];
    c->k = (atti_attn_view){k->data, k->dtype, 0, k->stride[1], k->stride[2]};
    c->v = (atti_attn_view){v->data, v->dtype, 0, v->stride[1], v->stride[2]};
    if (!atti_mul_i64(&c->s, c->max_pages, c->page_rows))
        return atti_fail(ATT_ESHAPE, "attention: %lld pages of %lld rows pass 2^63",
                         (long long)c->max_pages, (long long)c->page_rows);
    if (!atti_mul_i64(&c->m_rows, c->n_batch, c->s))
        return atti_fail(ATT_ESHAPE, "attention: paged rows pass 2^63");
    return ATT_OK;
}

static att_status key_side(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    const att_tensor *k = a->k, *v = a->v;
    if (a->page_table) return paged_side(c);
    if (k->ndim != a->q->ndim || v->ndim != a->q->ndim)
        return atti_fail(
            ATT_ESHAPE, "attention: q is %s, k is %s, v is %s: all dense or all ragged",
            atti_attn_shape_text(a->q).s, atti_attn_shape_text(k).s,
            atti_attn_shape_text(v).s);
    bool dense = k->ndim == 4;
    ATTI_TRY(heads_and_widths(c, k->shape[1], k->shape[k->ndim - 1], v->shape[1],
                              v->shape[v->ndim - 1]));
    int32_t row = dense ? 2 : 0;
    if (k->shape[row] != v->shape[row] || (dense && (k->shape[0] != v->shape[0])))
        return atti_fail(ATT_ESHAPE, "attention: k is %s, v is %s",
                         atti_attn_shape_text(k).s, atti_attn_shape_text(v).s);
    if (dense && k->shape[0] != c->n_batch)
        return atti_fail(ATT_ESHAPE, "attention: q has batch %lld, k has %lld",
                         (long long)c->n_batch, (long long)k->shape[0]);
    c->s = k->shape[row];
    c->m_rows = c->s;
    if (dense && !atti_mul_i64(&c->m_rows, c->n_batch, c->s))
        return atti_fail(ATT_ESHAPE, "attention: k %s passes 2^63 rows",
                         atti_attn_shape_text(k).s);
    if (c->ragged) {
        const att_tensor *o = a->k_offsets ? a->k_offsets : a->q_offsets;
        ATTI_TRY(offsets(&c->k_off, &c->s, o,
                         a->k_offsets ? "k_offsets" : "q_offsets (for k)", c->n_batch,
                         c->m_rows));
    } else if (a->k_offsets && !a->edge_row_ptr) {
        return atti_fail(ATT_EINVAL, "attention: k_offsets without q_offsets");
    }
    atti_attn_make_view(&c->k, k);
    atti_attn_make_view(&c->v, v);
    return ATT_OK;
}

static att_status lengths(atti_attn_call *c)
{
    const att_tensor *t = c->args->k_lengths;
    if (!t) return ATT_OK;
    if (c->ragged && !c->paged)
        return atti_fail(ATT_EINVAL,
                         "attention: k_lengths with k_offsets: the offsets give "
                         "the lengths");
    ATTI_TRY(atti_attn_expect_packed(t, "k_lengths", ATT_I32, 1, &c->n_batch));
    c->k_len = t->data;
    for (int64_t b = 0; b < c->n_batch; b++) {
        int64_t n = c->k_len[b];
        if (n < 0 || n > c->s)
            return atti_fail(ATT_EINVAL, "k_lengths[%lld] is %lld, not in 0..%lld",
                             (long long)b, (long long)n, (long long)c->s);
        if (!c->paged) continue;
        for (int64_t i = 0; i < (n + c->page_rows - 1) / atti_max_i64(c->page_rows, 1);
             i++) {
            int32_t page = c->page_table[b * c->page_table_ld + i];
            if (page < 0 || page >= c->args->k->shape[0])
                return atti_fail(ATT_EINVAL,
                                 "page_table[%lld,%lld] is %d, not in 0..%lld",
                                 (long long)b, (long long)i, (int)page,
                                 (long long)c->args->k->shape[0] - 1);
        }
    }
    return ATT_OK;
}

att_status atti_attn_resolve_rowwise(atti_attn_view *w, const atti_attn_call *c,
                                     const att_tensor *t, const char *name,
                                     int32_t dtype)
{
    if (!t) return ATT_OK;
    bool dense = c->args->q->ndim == 4;
    int64_t shape[3] = {c->n_batch, c->heads, c->t};
    if (!dense) {
        shape[0] = c->n_rows;
        shape[1] = c->heads;
    }
    ATTI_TRY(atti_attn_expect(t, name, dtype, dense ? 3 : 2, shape));
    w->data = t->data;
    w->dtype = t->dtype;
    w->sb = dense ? t->stride[0] : 0;
    w->sh = t->stride[1];
    w->sr = dense ? t->stride[2] : t->stride[0];
    return ATT_OK;
}

static att_status outputs(atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    if (a->out) {
        int64_t shape[4];
        memcpy(shape, a->q->shape, sizeof shape);
        shape[a->q->ndim - 1] = c->e;
        ATTI_TRY(atti_attn_expect(a->out, "out", c->dtype, a->q->ndim, shape));
        ATTI_TRY(last_stride(a->out, "out"));
        ATTI_TRY(atti_attn_unfolded(a->out, "out"));
        atti_attn_make_view(&c->out, a->out);
    }
    if (a->lse) {
        int32_t dtype =
            c->dtype == ATT_F64 && a->lse->dtype == ATT_F64 ? ATT_F64 : ATT_F32;
        ATTI_TRY(atti_attn_resolve_rowwise(&c->lse, c, a->lse, "lse", dtype));
        ATTI_TRY(atti_attn_unfolded(a->lse, "lse"));
    }
    ATTI_TRY(atti_attn_resolve_rowwise(&c->picked, c, a->picked, "picked", ATT_I32));
    ATTI_TRY(atti_attn_resolve_rowwise(&c->picked_logp, c, a->picked_logp,
                                       "picked_logp", ATT_F32));
    if (a->picked) ATTI_TRY(atti_attn_unfolded(a->picked, "picked"));
    if (a->picked_logp) ATTI_TRY(atti_attn_unfolded(a->picked_logp, "picked_logp"));
    bool hard = c->desc->normalise == ATT_NORM_HARD_ARGMAX ||
                c->desc->normalise == ATT_NORM_HARD_SAMPLE;
    if ((a->picked || a->picked_logp) && !hard)
        return atti_fail(ATT_EINVAL,
                         "attention: picked with a normaliser that picks nothing");
    return ATT_OK;
}

static att_status no_overlap(const atti_attn_call *c)
{
    const att_attention_args *a = c->args;
    const att_tensor *out[] = {a->out, a->lse, a->picked, a->picked_logp};
    const char *out_name[] = {"out", "lse", "picked", "picked_logp"};
    for (int o = 0; o < 4; o++) {
        ATTI_TRY(atti_attn_apart(out[o], out_name[o], a));
        for (int p = 0; p < o; p++)
            ATTI_TRY(atti_attn_disjoint(out[o], out_name[o], out[p], out_name[p]));
    }
    return ATT_OK;
}

static void numbers(atti_attn_call *c)
{
    const att_attention_desc *d = c->desc;
    c->scale = d->scale;
    if (d->scale == 0.0f)
        c->scale = d->score == ATT_SCORE_DOT ? (float)(1.0 / sqrt((double)c->d)) : 1.0f;
    c->inv_temp = 1.0f / d->temperature;
    c->softcap = d->softcap;
    c->left = d->left;
    c->right = d->causal ? 0 : d->right;
    c->sinks = d->sinks;
    c->block = d->block;
    c->masked = c->left >= 0 || c->right >= 0 || c->block > 0 || c->args->block_mask;
    c->rope_dims = d->rope_dims ? d->rope_dims : atti_min_i64(c->d, c->dk);
    c->rope_q = d->rope != ATT_ROPE_NONE;
    c->rope_k = c->rope_q && !d->keys_are_rotated;
    c->shaw = d->shaw_clip;
    c->t5_buckets = d->t5_buckets;
    c->use_alibi = d->alibi != 0;
    c->drop = atti_drop_make(d->dropout, atti_key(d->seed, 0, ATTI_ATTN_STREAM_DROP));
    c->sample_key = atti_key(d->seed, 0, ATTI_ATTN_STREAM_SAMPLE);
}

att_status atti_attn_resolve(atti_attn_call *c, const att_attention_desc *desc,
                             const att_attention_args *args)
{
    memset(c, 0, sizeof *c);
    ATTI_TRY(atti_attn_check_desc(desc));
    ATTI_TRY(presence(args));
    c->desc = desc;
    c->args = args;
    c->dtype = args->q->dtype;
    ATTI_TRY(query_side(c));
    ATTI_TRY(key_side(c));
    if (c->n_batch > INT32_MAX || c->t > INT32_MAX || c->s > INT32_MAX)
        return atti_fail(ATT_ENOTSUP,
                         "attention: B %lld, T %lld, S %lld: not below 2^31",
                         (long long)c->n_batch, (long long)c->t, (long long)c->s);
    if (c->heads > MAX_HEADS)
        return atti_fail(ATT_ENOTSUP, "attention: %lld heads, more than %d",
                         (long long)c->heads, MAX_HEADS);
    int64_t n;
    if (!atti_mul_i64(&n, c->n_rows, c->heads) ||
        !atti_mul_i64(&n, c->m_rows, c->kv_heads))
        return atti_fail(ATT_ESHAPE, "attention: rows times heads pass 2^63");
    ATTI_TRY(last_stride(args->q, "q"));
    ATTI_TRY(last_stride(args->k, "k"));
    ATTI_TRY(last_stride(args->v, "v"));
    atti_attn_make_view(&c->q, args->q);
    ATTI_TRY(lengths(c));
    numbers(c);
    ATTI_TRY(atti_attn_resolve_extras(c));
    ATTI_TRY(outputs(c));
    c->half = desc->precision == 1 && c->dtype == ATT_F32 && atti_attn_fast_plain(c);
    return no_overlap(c);
}
