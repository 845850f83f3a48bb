/* attn_internal.h - the call behind the public one: descriptor and operands checked and
 * brought to one form, which every path (fast, generic, decode, edges, double) reads.
 *
 * atti_attn_resolve() (attn_check.c) is the only place that looks at tensors' shapes. A
 * path may trust everything in here: offsets rise and end inside the operands, pages and
 * edges exist, outputs do not overlap inputs, no product of sizes wraps.
 *
 * Order of the terms of one score, the same in every path:
 *     x = base(q, k)              dot, bilinear, additive, gat or cosine;
 *                                 dot and bilinear: + q . rel_k (Shaw)
 *     x = scale * x               additive and gat: scale 1 unless given
 *     x = softcap tanh(x/softcap) when softcap > 0
 *     x += prior_w prior + alibi + t5 + bias + edge_bias
 *                                 alibi = -slope_h |p - s|, p = t + S_b - T_b
 *     e = inv_temp * x            the sink logit is multiplied by inv_temp too */
#ifndef ATTI_ATTN_INTERNAL_H
#define ATTI_ATTN_INTERNAL_H

#include "attend/attention.h"
#include "base/error.h"
#include "base/rng.h"
#include <stdbool.h>

/* How many there are. Tables by member are checked against it when they are compiled. */
enum {
    ATTI_ATTN_SCORES = ATT_SCORE_COSINE + 1,
    ATTI_ATTN_NORMS = ATT_NORM_SPARSEMAX + 1
};

/* Streams of the seed: what is drawn from atti_key(desc.seed, 0, stream). */
enum { ATTI_ATTN_STREAM_DROP = 1, ATTI_ATTN_STREAM_SAMPLE = 2 };

/* Rows of one operand: element (b, row, h, d) is
 *     data[b * sb + row * sr + h * sh + d], strides in elements.
 * Dense: row = t (or s). Ragged: sb = 0 and row counts through the whole batch. Paged: see page(). */
typedef struct atti_attn_view {
    void *data; /* NULL = the operand is absent */
    int32_t dtype;
    int64_t sb, sr, sh;
} atti_attn_view;

/* Four strides of an additive term [B,H,T,S]; 0 where it is broadcast. */
typedef struct atti_attn_bias {
    const float *data; /* NULL = absent (f64 calls: `data64`) */
    const double *data64;
    int64_t sb, sh, st, ss;
} atti_attn_bias;

typedef struct atti_attn_call {
    const att_attention_desc *desc;
    const att_attention_args *args;

    int64_t n_batch;                /* B */
    int64_t heads, kv_heads, group; /* H, G, H / G */
    int64_t d, dk, e; /* widths of q, of k (differs for bilinear only) and of v */
    int64_t t, s;     /* dense: T, S; ragged: the longest T_b, S_b */
    int64_t n_rows,
        m_rows;    /* ragged: N, M; dense: B*T, B*S (B * capacity of a paged cache) */
    int32_t dtype; /* of q, k, v and out: ATT_F32, ATT_BF16 or ATT_F64 */
    bool ragged, paged, edges;
    bool half; /* F32 operands that products read as bf16 */

    atti_attn_view q, k, v, out;
    atti_attn_view lse;       /* f32 (f64 calls: either); one element a row: no d */
    atti_attn_view advantage; /* f32, like lse */
    atti_attn_view picked, picked_logp; /* i32 and f32, like lse */

    const int32_t *q_off, *k_off; /* [B+1], ragged only */
    const int32_t *k_len;         /* [B], dense or paged; NULL = S for all */

    float scale;    /* the effective one: defaults resolved; without temperature */
    float inv_temp; /* 1 / temperature */
    float softcap;  /* 0 = none */

    /* Query t stands at p = t + (S_b - T_b) and sees keys max(0, p - left) .. p + right,
     * and the first `sinks` keys as far as p + right. INT64_MAX-safe: -1 = all.
     * Causal is folded in: then right = 0. */
    int64_t left, right, sinks, block;
    bool
        masked; /* any of the four above, or a block mask, hides something from someone */

    bool rope_q, rope_k;    /* which side is rotated as it is read */
    int64_t rope_dims;      /* R, resolved */
    const void *rope_freqs; /* [R/2] in place of theta^(-2j/R), or NULL */
    int64_t shaw;           /* clip, 0 = none */
    int64_t t5_buckets;

    atti_attn_bias bias, prior;
    const unsigned char *block_mask; /* [n_blocks, ld_t, ld_s] contiguous */
    int64_t mask_blocks, mask_t, mask_s;

    /* Parameters, contiguous; f32, for f64 calls f64 (then read them through
     * atti_attn_par()). *_per_head: stride of a head in elements, 0 = shared. */
    const void *score_w, *score_b, *prior_w, *sink_logit, *alibi, *t5_table, *rel_k,
        *rel_v;
    int64_t score_w_head, score_b_head, prior_w_head;
    bool use_alibi; /* desc.alibi; `alibi` NULL = the geometric slopes */

    const void *edge_row_ptr; /* i32 or i64 [N+1] */
    bool edge_row_ptr64;
    const int32_t *edge_col;
    const void *edge_bias; /* [edges] (edge_bias_ld 1, head stride 0) or [edges,H] */
    int64_t edge_bias_ld, edge_bias_head, n_edges;

    const int32_t *page_table; /* [B, max_pages] */
    int64_t page_table_ld, max_pages, page_rows;
    int64_t k_page, v_page; /* stride of a page in elements */

    atti_drop
        drop; /* threshold 0 = none; row = atti_attn_row(c,b,t) * H + h, col = s */
    uint64_t sample_key; /* of HARD_SAMPLE's noise, same numbering */

    bool split; /* forward: what atti_attn_decode_takes_one() takes is done already */

    void *workspace; /* 64-byte aligned scratch of atti_attn_..._workspace() bytes */
    size_t workspace_bytes;
} atti_attn_call;

/* Where gradients go. Views follow the operand's. accumulate == 0: the entry points have
 * zeroed nothing; the path writes every element of every wanted gradient. */
typedef struct atti_attn_grad_call {
    const att_attention_grads *grads;
    atti_attn_view dout;       /* same dtype as out */
    atti_attn_view dq, dk, dv; /* data NULL = not wanted; same dtype as their operand */
    void *dbias; /* f32 (f64 calls: f64), strides in dbias_strides, 0 where broadcast */
    int64_t dbias_sb, dbias_sh, dbias_st, dbias_ss;
    int64_t dbias_shape[4]; /* B,H,T,S with 1 where broadcast */
    /* contiguous, shaped like the parameter; NULL = not wanted */
    void *dscore_w, *dscore_b, *dprior_w, *dsink_logit, *dalibi, *dt5, *drel_k, *drel_v,
        *dedge_bias;
    bool accumulate;
    bool wants_params; /* any of dbias .. dedge_bias */
} atti_attn_grad_call;

/* Fills *c (and *g when grads is given). Says why not otherwise. */
ATT_MUST_CHECK att_status atti_attn_resolve(atti_attn_call *c,
                                            const att_attention_desc *desc,
                                            const att_attention_args *args);
ATT_MUST_CHECK att_status atti_attn_resolve_grads(atti_attn_grad_call *g,
                                                  const atti_attn_call *c,
                                                  const att_attention_grads *grads);

/* T_b, S_b, and the first row of sequence b in its operands. */
static inline int64_t atti_attn_nq(const atti_attn_call *c, int64_t b)
{
    return c->ragged ? (int64_t)c->q_off[b + 1] - c->q_off[b] : c->t;
}
static inline int64_t atti_attn_nk(const atti_attn_call *c, int64_t b)
{
    if (c->k_len) return c->k_len[b];
    return c->ragged ? (int64_t)c->k_off[b + 1] - c->k_off[b] : c->s;
}
/* No sequence has more keys or queries, whatever the offsets hold: sizes of workspaces. */
static inline int64_t atti_attn_most_keys(const atti_attn_call *c)
{
    return c->ragged && !c->paged ? c->m_rows : c->s;
}
static inline int64_t atti_attn_most_queries(const atti_attn_call *c)
{
    return c->ragged ? c->n_rows : c->t;
}
static inline int64_t atti_attn_q0(const atti_attn_call *c, int64_t b)
{
    return c->ragged ? c->q_off[b] : 0;
}
static inline int64_t atti_attn_k0(const atti_attn_call *c, int64_t b)
{
    return c->ragged && c->k_off ? c->k_off[b] : 0;
}
/* The number of query row t of sequence b: what dropout and sampling are keyed by. */
static inline uint64_t atti_attn_row(const atti_attn_call *c, int64_t b, int64_t t)
{
    return (uint64_t)(c->ragged ? c->q_off[b] + t : b * c->t + t);
}
/* Element offset of query row t (q, out, lse, dout, dq ...) and key row s (k, v, dk, dv;
 * not of a paged cache) of sequence b and head h, for a view with those strides. */
static inline int64_t atti_attn_qoff(const atti_attn_call *c, const atti_attn_view *w,
                                     int64_t b, int64_t t, int64_t h)
{
    return b * w->sb + (atti_attn_q0(c, b) + t) * w->sr + h * w->sh;
}
static inline int64_t atti_attn_koff(const atti_attn_call *c, const atti_attn_view *w,
                                     int64_t b, int64_t s, int64_t g)
{
    return b * w->sb + (atti_attn_k0(c, b) + s) * w->sr + g * w->sh;
}
/* The same for a paged cache; w is &c->k with page stride c->k_page, or &c->v. */
static inline int64_t atti_attn_pageoff(const atti_attn_call *c,
                                        const atti_attn_view *w, int64_t page_stride,
                                        int64_t b, int64_t s, int64_t g)
{
    int64_t page = c->page_table[b * c->page_table_ld + s / c->page_rows];
    return page * page_stride + (s % c->page_rows) * w->sr + g * w->sh;
}
/* Keys that query t of sequence b may see by position alone: [0, *n_sink) and
 * [*lo, *hi), disjoint, *n_sink <= *lo. Block masks and biases come on top. */
static inline void atti_attn_span(const atti_attn_call *c, int64_t nq, int64_t nk,
                                  int64_t t, int64_t *n_sink, int64_t *lo, int64_t *hi)
{
    int64_t p = t + nk - nq, a = 0, z = nk, sink = 0;
    if (c->right >= 0 && c->right < nk - 1 - p) z = p + c->right + 1;
    if (c->left >= 0 && p > c->left) a = p - c->left;
    if (z < 0) z = 0;
    if (c->block > 0) {
        int64_t blk = p >= 0 ? p / c->block : -1;
        int64_t first = blk >= 0 ? blk * c->block : nk;
        if (first > a) a = first;
        if (z > first && z - first > c->block) z = first + c->block;
    }
    if (a > z) a = z;
    if (c->sinks > 0 && c->block == 0) {
        sink = c->sinks < z ? c->sinks : z;
        if (sink > a) sink = a;
    }
    *n_sink = sink;
    *lo = a;
    *hi = z;
}
static inline int64_t atti_attn_edge_begin(const atti_attn_call *c, int64_t row)
{
    return c->edge_row_ptr64 ? ((const int64_t *)c->edge_row_ptr)[row]
                             : ((const int32_t *)c->edge_row_ptr)[row];
}
/* A parameter's element whatever the call's dtype. */
static inline double atti_attn_par(const atti_attn_call *c, const void *p, int64_t i)
{
    return c->dtype == ATT_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}
/* slope of head h: the given one, or 2^(-8 (h+1) / H) */
double atti_attn_slope(const atti_attn_call *c, int64_t h);
/* T5's bucket of r = s - p (formats.md 5.6). */
int32_t atti_attn_t5_bucket(int64_t r, int32_t buckets, int32_t max_distance,
                            bool bidirectional);
/* Rotates (dir +1) or rotates back (dir -1, the gradient) one row for position pos. */
void atti_attn_rope_f32(float *x, const atti_attn_call *c, int64_t pos, int dir);
/* The same in two steps, for many heads at one position: cs_sn [R] holds cos, sin. */
void atti_attn_rope_table(float *cs_sn, const atti_attn_call *c, int64_t pos);
void atti_attn_rope_apply(float *x, const atti_attn_call *c, const float *cs_sn,
                          int dir);
void atti_attn_rope_f64(double *x, const atti_attn_call *c, int64_t pos, int dir);

/* The fast dense f32 path: attn_fast_*.c. takes() decides by the call's form alone
 * (never by the thread count or by neighbours); where it says no, the generic path
 * computes the same thing more slowly. */
bool atti_attn_fast_takes(const atti_attn_call *c, int backward);
/* What tiles of bf16 would take if the operands were: no term beside the product. */
bool atti_attn_fast_plain(const atti_attn_call *c);
/* Backward: dq, dk, dv and dsink_logit; a call that wants more takes the generic path. */
bool atti_attn_fast_takes_grads(const atti_attn_grad_call *g);
/* ATT_EINVAL when the first `bytes` of args->workspace hold an operand, a result or (NULL =
 * none) a gradient. */
ATT_MUST_CHECK att_status atti_attn_workspace_apart(const att_attention_args *args,
                                                    const att_attention_grads *grads,
                                                    size_t bytes);
size_t atti_attn_fast_workspace(const atti_attn_call *c, int backward);
ATT_MUST_CHECK att_status atti_attn_fast_forward(const atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_fast_backward(const atti_attn_call *c,
                                                  const atti_attn_grad_call *g);

/* A few queries against a long cache: attn_decode.c. Forward only. takes(): a call of
 * this form may hold such sequences; takes_one(): b is one, by its own lengths. Forward
 * does those, and says whether others remain. */
bool atti_attn_decode_takes(const atti_attn_call *c);
bool atti_attn_decode_takes_one(const atti_attn_call *c, int64_t b);
size_t atti_attn_decode_workspace(const atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_decode_forward(const atti_attn_call *c, bool *rest);
/* Forward of the fast and the generic path: sequence b is not theirs. */
static inline bool atti_attn_done(const atti_attn_call *c, int64_t b)
{
    return c->split && atti_attn_decode_takes_one(c, b);
}

/* Dot and softmax along edges: attn_edges.c, attn_edges_bwd.c. Backward takes what forward
 * takes, and asks which gradients are wanted: dq, dk, dv and a dedge_bias whose every
 * number belongs to one edge and head. */
bool atti_attn_edges_takes(const atti_attn_call *c);
size_t atti_attn_edges_workspace(const atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_edges_forward(const atti_attn_call *c);
bool atti_attn_edges_takes_grads(const atti_attn_call *c, const atti_attn_grad_call *g);
size_t atti_attn_edges_grad_workspace(const atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_edges_backward(const atti_attn_call *c,
                                                   const atti_attn_grad_call *g);

/* The generic path: attn_generic_*.c. Any member, f32 and bf16. */
size_t atti_attn_generic_workspace(const atti_attn_call *c, int backward);
ATT_MUST_CHECK att_status atti_attn_generic_forward(const atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_generic_backward(const atti_attn_call *c,
                                                     const atti_attn_grad_call *g);

#endif
