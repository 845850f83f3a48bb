/* attn_case.h - one attention problem described by a few numbers, built in any dtype with
 * the same values: what the attention tests and gradient checks share.
 *
 * Every operand is filled from a seed with values that an f32 holds exactly (bf16 cases:
 * that a bf16 holds), so a difference between an F32 call and the F64 reference is the
 * F32 path's own. Rows are padded with NaN, and so are keys beyond k_lengths. Every operand,
 * index and gradient lies between guard bytes: case_intact() looks at them and at the padding,
 * and so must every test after a call. */
#ifndef ATTEND_TESTS_ATTN_CASE_H
#define ATTEND_TESTS_ATTN_CASE_H

#include "support.h"

#include "attend/attention.h"
#include "attention/attn_internal.h"
#include "attention/attn_ref.h"
#include "base/rng.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DENSE = 0, RAGGED, EDGES, PAGED, LENGTHS };

typedef struct kase {
    const char *name;
    int layout;
    int score, norm;
    int64_t b, h, g, t, s, d, dk, e; /* dk 0 = d, e 0 = d, g 0 = h */
    float scale, temperature, softcap, dropout;
    int causal;
    int64_t left1, right1; /* window + 1; 0 = all */
    int64_t sinks, block;
    int block_mask, rope, rope_dims, rope_freqs, keys_rotated;
    int alibi;      /* 1 default slopes, 2 given */
    int t5, t5_uni; /* buckets; unidirectional */
    int shaw, no_rel_k, no_rel_v;
    int bias; /* bits: 1 B, 2 H, 4 T, 8 S present; 16: with -Inf; 32: ndim 2 */
    int prior, sink_logit, score_b, per_head, reinforce, edge_bias;
    int star;    /* edges: node 0 has this many more */
    int strided; /* memory order [B,T,H,D] with padding */
} kase;

enum op {
    Q,
    K,
    V,
    OUT,
    LSE,
    BIAS,
    SCORE_W,
    SCORE_B,
    PRIOR,
    PRIOR_W,
    SINK,
    ALIBI,
    T5,
    REL_K,
    REL_V,
    FREQS,
    ADV,
    EDGE_BIAS,
    DOUT,
    N_OPS
};
static const char *const op_name[N_OPS] = {
    "q",       "k",     "v",         "out",        "lse",   "bias", "score_w",
    "score_b", "prior", "prior_w",   "sink_logit", "alibi", "t5",   "rel_k",
    "rel_v",   "freqs", "advantage", "edge_bias",  "dout"};

typedef struct attn_case {
    kase k;
    int32_t dtype;
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_tensor t[N_OPS], d[N_OPS]; /* operands and gradients */
    int has[N_OPS], wants[N_OPS];
    int32_t *q_off, *k_off, *k_len, *pages, *col;
    int64_t *row_ptr;
    unsigned char *mask;
    att_tensor ints[8];
    int64_t room[2 * N_OPS]; /* elements behind t and d, padding included */
    void *mem[64];
    int n_mem;
} attn_case;

static inline void *case_mem(attn_case *c, size_t n)
{
    assert_true(c->n_mem < 64);
    /* Operands begin at different places within a vector. */
    void *p = support_guard_alloc(n, (size_t)c->n_mem * 24 % 64);
    memset(p, 0, n);
    return c->mem[c->n_mem++] = p;
}

static inline void case_free(attn_case *c)
{
    for (int i = 0; i < c->n_mem; i++) support_guard_free(c->mem[i]);
    memset(c, 0, sizeof *c);
}

/* Elements in logical order. */
static inline int64_t case_at(const att_tensor *t, int64_t i)
{
    int64_t at = 0;
    for (int d = t->ndim - 1; d >= 0; d--) {
        at += i % t->shape[d] * t->stride[d];
        i /= t->shape[d];
    }
    return at;
}
static inline double case_get(const att_tensor *t, int64_t i)
{
    if (t->dtype == ATT_I32) return ((int32_t *)t->data)[case_at(t, i)];
    return atti_ref_get(t->data, t->dtype, case_at(t, i));
}
static inline void case_put(att_tensor *t, int64_t i, double x)
{
    atti_ref_put(t->data, t->dtype, case_at(t, i), x);
}

static inline double case_round(double x, int bf16)
{
    uint16_t h;
    float f = (float)x;
    if (!bf16) return (double)f;
    atti_ref_put(&h, ATT_BF16, 0, (double)f);
    return atti_ref_get(&h, ATT_BF16, 0);
}

/* A tensor of dtype; order 1 = for [B,H,T,D] memory order B,T,H,D and rows padded by 3. */
static inline void case_tensor(attn_case *c, att_tensor *t, int32_t dtype, int ndim,
                               const int64_t *shape, int order)
{
    memset(t, 0, sizeof *t);
    t->dtype = dtype;
    t->ndim = ndim;
    int64_t n = 1, pad = order ? 3 : 0;
    for (int i = 0; i < ndim; i++) t->shape[i] = shape[i];
    int perm[4] = {0, 1, 2, 3};
    if (order && ndim == 4) {
        perm[1] = 2;
        perm[2] = 1;
    }
    for (int i = ndim - 1; i >= 0; i--) {
        t->stride[perm[i]] = n;
        n *= shape[perm[i]] + (i == ndim - 1 ? pad : 0);
        if (n == 0) n = 1;
    }
    int64_t count = n + pad;
    for (int i = 0; i < ndim; i++)
        if (shape[i] == 0) count = 1;
    t->data = case_mem(c, (size_t)count * att_dtype_size((att_dtype)dtype));
    c->room[t >= c->d ? N_OPS + (t - c->d) : t - c->t] = count;
    if (dtype == ATT_F32 || dtype == ATT_F64 || dtype == ATT_BF16)
        for (int64_t i = 0; i < count; i++) atti_ref_put(t->data, dtype, i, NAN);
}

static inline int64_t case_count(const att_tensor *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++) n *= t->shape[i];
    return n;
}

/* Nothing was written outside of a tensor's own elements: what pads it is NaN still. */
static inline void case_padding(const att_tensor *t, int64_t room, const char *name)
{
    att_tensor all = {
        .data = t->data, .dtype = t->dtype, .ndim = 1, .shape = {room}, .stride = {1}};
    int64_t n = case_count(t), nan = 0;
    for (int64_t i = 0; i < room; i++) nan += isnan(case_get(&all, i)) != 0;
    for (int64_t i = 0; i < n; i++) nan -= isnan(case_get(t, i)) != 0;
    if (nan != room - n)
        fail_msg("%s: %lld elements of its padding were written", name,
                 (long long)(room - n - nan));
}

/* After a call: the guards of every buffer, the padding of every tensor. */
static inline void case_intact(const attn_case *c)
{
    for (int i = 0; i < c->n_mem; i++) support_guard_check(c->mem[i]);
    for (int o = 0; o < N_OPS; o++) {
        if (c->has[o]) case_padding(&c->t[o], c->room[o], op_name[o]);
        if (c->wants[o]) case_padding(&c->d[o], c->room[N_OPS + o], op_name[o]);
    }
}

static inline void case_fill(att_tensor *t, uint64_t seed, double lo, double hi,
                             int bf16)
{
    atti_rng r = {seed, 0};
    for (int64_t i = 0, n = case_count(t); i < n; i++)
        case_put(t, i, case_round(lo + (hi - lo) * atti_rng_unit(&r), bf16));
}

static inline void case_op(attn_case *c, enum op o, int32_t dtype, int ndim,
                           const int64_t *shape, int order, double lo, double hi)
{
    case_tensor(c, &c->t[o], dtype, ndim, shape, order);
    case_fill(&c->t[o], 100 + (uint64_t)o, lo, hi, dtype == ATT_BF16);
    c->has[o] = 1;
}

static inline void case_int(attn_case *c, int i, const att_tensor **slot, void *data,
                            int32_t dtype, int ndim, int64_t n0, int64_t n1, int64_t n2)
{
    int64_t shape[3] = {n0, n1, n2};
    assert_ok(att_tensor_view(&c->ints[i], data, (att_dtype)dtype, ndim, shape));
    *slot = &c->ints[i];
}

static inline int64_t case_len(int64_t n, int64_t i) /* 0..n, the longest first */
{
    return i == 0 ? n : i == 1 && n > 2 ? 0 : n - (n * i / 3) % (n + 1);
}

static inline void case_desc(attn_case *c)
{
    const kase *k = &c->k;
    att_attention_desc *d = &c->desc;
    att_attention_desc_init(d);
    d->score = k->score;
    d->normalise = k->norm;
    d->scale = k->scale;
    if (k->temperature > 0) d->temperature = k->temperature;
    d->softcap = k->softcap;
    d->causal = k->causal;
    d->left = k->left1 - 1;
    d->right = k->right1 - 1;
    d->sinks = k->sinks;
    d->block = k->block;
    d->rope = k->rope;
    d->rope_dims = k->rope_dims;
    d->rope_position_scale = k->rope ? 0.5f : 1.0f;
    d->rope_offset = k->rope ? 3 : 0;
    d->keys_are_rotated = k->keys_rotated;
    d->alibi = k->alibi != 0;
    d->t5_buckets = k->t5;
    d->t5_bidirectional = !k->t5_uni;
    d->t5_max_distance = k->t5 ? 20 : 128;
    d->shaw_clip = k->shaw;
    d->dropout = k->dropout;
    d->seed = 42;
    d->reinforce = k->reinforce;
}

static inline void case_layout(attn_case *c, int64_t *rows_q, int64_t *rows_k)
{
    const kase *k = &c->k;
    *rows_q = k->t;
    *rows_k = k->s;
    if (k->layout == RAGGED) {
        c->q_off = case_mem(c, (size_t)(k->b + 1) * 4);
        c->k_off = case_mem(c, (size_t)(k->b + 1) * 4);
        for (int64_t i = 0; i < k->b; i++) {
            c->q_off[i + 1] = c->q_off[i] + (int32_t)case_len(k->t, i);
            c->k_off[i + 1] = c->k_off[i] + (int32_t)case_len(k->s, i);
        }
        *rows_q = c->q_off[k->b];
        *rows_k = c->k_off[k->b];
        case_int(c, 0, &c->args.q_offsets, c->q_off, ATT_I32, 1, k->b + 1, 0, 0);
        case_int(c, 1, &c->args.k_offsets, c->k_off, ATT_I32, 1, k->b + 1, 0, 0);
    }
    if (k->layout == LENGTHS || k->layout == PAGED) {
        c->k_len = case_mem(c, (size_t)k->b * 4);
        for (int64_t i = 0; i < k->b; i++) c->k_len[i] = (int32_t)case_len(k->s, i + 2);
        case_int(c, 2, &c->args.k_lengths, c->k_len, ATT_I32, 1, k->b, 0, 0);
    }
    if (k->layout == EDGES) {
        /* 0, 1, 2, 3, 0, 1 ... edges a node, one of them twice. */
        c->row_ptr = case_mem(c, (size_t)(k->t + 1) * 8);
        for (int64_t n = 0; n < k->t; n++)
            c->row_ptr[n + 1] = c->row_ptr[n] + n % 4 + (n == 0 ? k->star : 0);
        int64_t edges = c->row_ptr[k->t];
        c->col = case_mem(c, (size_t)(edges + 1) * 4);
        for (int64_t i = 0; i < edges; i++)
            c->col[i] = (int32_t)((i * 7 + i / 3) % k->s);
        case_int(c, 3, &c->args.edge_row_ptr, c->row_ptr, ATT_I64, 1, k->t + 1, 0, 0);
        case_int(c, 4, &c->args.edge_col, c->col, ATT_I32, 1, edges, 0, 0);
    }
}

static inline void case_rows(attn_case *c, int32_t dtype)
{
    const kase *k = &c->k;
    int64_t rq, rk;
    case_layout(c, &rq, &rk);
    bool flat = k->layout == RAGGED || k->layout == EDGES;
    int nd = flat ? 3 : 4;
    int64_t q[4] = {k->b, k->h, k->t, k->d}, kk[4] = {k->b, k->g, k->s, k->dk};
    if (flat) {
        int64_t fq[3] = {rq, k->h, k->d}, fk[3] = {rk, k->g, k->dk};
        memcpy(q, fq, sizeof fq);
        memcpy(kk, fk, sizeof fk);
    }
    int64_t pages = 0, rows = 3;
    if (k->layout == PAGED) {
        int64_t per = (k->s + rows - 1) / rows;
        pages = per * k->b;
        c->pages = case_mem(c, (size_t)(pages + 1) * 4);
        for (int64_t i = 0; i < pages; i++)
            c->pages[i] = (int32_t)((i * 5 + 2) % (pages ? pages : 1));
        case_int(c, 5, &c->args.page_table, c->pages, ATT_I32, 2, k->b, per, 0);
        int64_t pk[4] = {pages, rows, k->g, k->dk};
        memcpy(kk, pk, sizeof pk);
    }
    case_op(c, Q, dtype, nd, q, k->strided, -1.5, 1.5);
    case_op(c, K, dtype, nd, kk, k->strided, -1.5, 1.5);
    kk[nd - 1] = k->e;
    case_op(c, V, dtype, nd, kk, k->strided, -1, 1);
    q[nd - 1] = k->e;
    case_op(c, OUT, dtype, nd, q, k->strided, NAN, NAN);
    case_op(c, DOUT, dtype, nd, q, k->strided, -1, 1);
    int32_t real = dtype == ATT_F64 ? ATT_F64 : ATT_F32;
    case_op(c, LSE, real, nd - 1, q, 0, NAN, NAN);
    if (k->reinforce) case_op(c, ADV, real, nd - 1, q, 0, -1, 1);
    if (k->layout != LENGTHS) return;
    /* What lies beyond a length must not be read. */
    for (enum op o = K; o <= V; o++)
        for (int64_t i = 0, w = c->t[o].shape[3], n = case_count(&c->t[o]); i < n; i++)
            if (i / w % k->s >= c->k_len[i / w / k->s / k->g])
                case_put(&c->t[o], i, NAN);
}

static inline void case_params(attn_case *c, int32_t real)
{
    const kase *k = &c->k;
    int64_t w[3] = {k->h, k->d, k->dk}, rel = 2 * k->shaw + 1;
    int lead = k->per_head ? 0 : 1, nd = k->per_head ? 1 : 0;
    if (k->score == ATT_SCORE_BILINEAR)
        case_op(c, SCORE_W, real, nd + 2, w + lead, 0, -0.6, 0.6);
    if (k->score == ATT_SCORE_ADDITIVE || k->score == ATT_SCORE_GAT) {
        case_op(c, SCORE_W, real, nd + 1, w + lead, 0, -1, 1);
        if (k->score_b) case_op(c, SCORE_B, real, nd + 1, w + lead, 0, -0.5, 0.5);
    }
    if (k->prior) {
        int64_t p[4] = {k->b, k->prior == 1 ? 1 : k->h, k->t, k->s},
                one[1] = {k->per_head ? k->h : 1};
        case_op(c, PRIOR, real, 4, p, 0, 0, 1);
        case_op(c, PRIOR_W, real, 1, one, 0, -1, 1);
    }
    if (k->sink_logit) case_op(c, SINK, real, 1, &k->h, 0, -1, 1);
    if (k->alibi == 2) case_op(c, ALIBI, real, 1, &k->h, 0, 0.05, 0.5);
    int64_t t5[2] = {k->t5, k->h}, rk[2] = {rel, k->d}, rv[2] = {rel, k->e};
    if (k->t5) case_op(c, T5, real, 2, t5, 0, -1, 1);
    if (k->shaw && !k->no_rel_k) case_op(c, REL_K, real, 2, rk, 0, -1, 1);
    if (k->shaw && !k->no_rel_v) case_op(c, REL_V, real, 2, rv, 0, -1, 1);
    int64_t half = (k->rope_dims ? k->rope_dims : k->d) / 2;
    if (k->rope_freqs) case_op(c, FREQS, real, 1, &half, 0, 0.01, 1);
    if (k->edge_bias) {
        int64_t eb[2] = {c->row_ptr[k->t], k->h};
        case_op(c, EDGE_BIAS, real, k->edge_bias == 2 ? 2 : 1, eb, 0, -1, 1);
    }
    if (k->bias) {
        int64_t s[4] = {k->bias & 1 ? k->b : 1, k->bias & 2 ? k->h : 1,
                        k->bias & 4 ? k->t : 1, k->bias & 8 ? k->s : 1};
        int two = k->bias & 32 ? 2 : 0;
        case_op(c, BIAS, real, 4 - two, s + two, 0, -1, 1);
        for (int64_t i = 0, n = case_count(&c->t[BIAS]); k->bias & 16 && i < n; i += 3)
            case_put(&c->t[BIAS], i, -INFINITY);
    }
    if (k->block_mask) {
        int64_t rows = k->block ? k->block : k->t, cols = k->block ? k->block : k->s;
        c->mask = case_mem(c, (size_t)(2 * rows * cols + 1));
        for (int64_t i = 0; i < 2 * rows * cols; i++)
            c->mask[i] = (i * 11 + i / 7) % 3 != 0;
        case_int(c, 6, &c->args.block_mask, c->mask, ATT_U8, 3, 2, rows, cols);
    }
}

static inline void case_wire(attn_case *c)
{
    att_attention_args *a = &c->args;
    const att_tensor **slot[N_OPS] = {[Q] = &a->q,
                                      [K] = &a->k,
                                      [V] = &a->v,
                                      [BIAS] = &a->bias,
                                      [SCORE_W] = &a->score_w,
                                      [SCORE_B] = &a->score_b,
                                      [PRIOR] = &a->prior,
                                      [PRIOR_W] = &a->prior_w,
                                      [SINK] = &a->sink_logit,
                                      [ALIBI] = &a->alibi_slopes,
                                      [T5] = &a->t5_table,
                                      [REL_K] = &a->rel_k,
                                      [REL_V] = &a->rel_v,
                                      [FREQS] = &a->rope_freqs,
                                      [ADV] = &a->advantage,
                                      [EDGE_BIAS] = &a->edge_bias,
                                      [DOUT] = &c->grads.dout};
    for (int o = 0; o < N_OPS; o++)
        if (c->has[o] && slot[o]) *slot[o] = &c->t[o];
    a->out = &c->t[OUT];
    a->lse = &c->t[LSE];
    att_attention_grads *g = &c->grads;
    att_tensor **grad[N_OPS] = {[Q] = &g->dq,
                                [K] = &g->dk,
                                [V] = &g->dv,
                                [BIAS] = &g->dbias,
                                [SCORE_W] = &g->dscore_w,
                                [SCORE_B] = &g->dscore_b,
                                [PRIOR_W] = &g->dprior_w,
                                [SINK] = &g->dsink_logit,
                                [ALIBI] = &g->dalibi_slopes,
                                [T5] = &g->dt5_table,
                                [REL_K] = &g->drel_k,
                                [REL_V] = &g->drel_v,
                                [EDGE_BIAS] = &g->dedge_bias};
    for (int o = 0; o < N_OPS; o++) {
        if (!c->has[o] || !grad[o]) continue;
        case_tensor(c, &c->d[o], c->t[o].dtype, c->t[o].ndim, c->t[o].shape,
                    o <= V ? c->k.strided : 0);
        *grad[o] = &c->d[o];
        c->wants[o] = 1;
    }
}

static inline void case_make(attn_case *c, const kase *k, int32_t dtype)
{
    memset(c, 0, sizeof *c);
    c->k = *k;
    if (!c->k.g) c->k.g = k->h;
    if (!c->k.dk) c->k.dk = k->d;
    if (!c->k.e) c->k.e = k->d;
    c->dtype = dtype;
    case_desc(c);
    att_attention_args_init(&c->args);
    att_attention_grads_init(&c->grads);
    case_rows(c, dtype);
    case_params(c, dtype == ATT_F64 ? ATT_F64 : ATT_F32);
    case_wire(c);
}

/* The F64 twin of a bf16 case holds bf16 values. */
static inline void case_copy_values(attn_case *dst, const attn_case *src)
{
    for (int o = 0; o < N_OPS; o++)
        for (int64_t i = 0, n = case_count(&src->t[o]); src->has[o] && i < n; i++)
            case_put(&dst->t[o], i, case_get(&src->t[o], i));
}

#endif
