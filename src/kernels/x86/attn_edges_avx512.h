/* attn_edges_avx512.h - one node of a graph and its edges, heads of width 8, the usual one
 * of graph attention: two edges a vector. Included after attn_lanes_avx512.h.
 *
 * A row of eight heads is four vectors. The scores of edges A and B with head i lie in lanes
 * 4 i .. 4 i + 3 as A[i] A[i + 4] B[i] B[i + 4] (i < 4): what the tree of additions leaves,
 * and no other order is needed until log-sum-exps are written. */
#ifndef ATTI_ATTN_EDGES_AVX512_H
#define ATTI_ATTN_EDGES_AVX512_H

#include "kernels/attn_rows.h"
#include <math.h>

#define ATTN_HAS_EDGES_8
enum { AT_EDGES_AHEAD = 8 };

/* Lane i of the result: four partial sums, of heads i and i + 4 in turns. */
ATTI_INLINE vf at_edge_partial(const vf q[4], const float *k)
{
    vf a = v_mul(q[0], v_load(k)), b = v_mul(q[1], v_load(k + 16));
    vf c = v_mul(q[2], v_load(k + 32)), d = v_mul(q[3], v_load(k + 48));
    a = v_add(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
    c = v_add(_mm512_shuffle_f32x4(c, d, 0x88), _mm512_shuffle_f32x4(c, d, 0xdd));
    return v_add(_mm512_unpacklo_ps(a, c), _mm512_unpackhi_ps(a, c));
}

ATTI_INLINE vf at_edge_pair(const vf q[4], const float *ka, const float *kb)
{
    vf a = at_edge_partial(q, ka), b = at_edge_partial(q, kb);
    return v_add(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
}

/* The two edges' lanes of each head change places. */
ATTI_INLINE vf at_edge_swap(vf x)
{
    return _mm512_permute_ps(x, 0x4e);
}

/* The lanes of edge A: heads 2 r and 2 r + 1, eight times each; edge B's are two further. */
ATTI_INLINE void at_edge_spread(vi at[4])
{
    for (int r = 0; r < 4; r++) {
        int first = r < 2 ? 8 * r : 8 * (r - 2) + 1;
        at[r] = _mm512_inserti64x4(vi_set1(first), _mm256_set1_epi32(first + 4), 1);
    }
}

ATTI_INLINE void at_edge_scale(vf acc[4], const vi at[4], vf w)
{
    for (int r = 0; r < 4; r++) acc[r] = v_mul(_mm512_permutexvar_ps(at[r], w), acc[r]);
}

ATTI_INLINE void at_edge_add(vf acc[4], const vi at[4], vf w, const float *v)
{
    for (int r = 0; r < 4; r++)
        acc[r] = v_fma(_mm512_permutexvar_ps(at[r], w), v_load(v + 16 * r), acc[r]);
}

/* Running maximum (log2 units, both halves alike), sum (halves apart) and weighted values. */
typedef struct at_edge_state {
    vf top, sum, acc[4];
} at_edge_state;

/* Four lines of a row that will be wanted: rows of neighbours lie anywhere. */
ATTI_INLINE void at_edge_ask(const float *x)
{
    for (int r = 0; r < 4; r++) ATTI_PREFETCH(x + 16 * r);
}

/* n <= ATTI_ATTN_EDGE_BLOCK edges, and after that `after` - n of other nodes. first: nothing
 * was summed up before. */
ATTI_INLINE void at_edge_block(at_edge_state *s, const vi at[4], const vf q[4],
                               const float *k, int64_t ld_k, const float *v,
                               int64_t ld_v, const int32_t *col, int64_t n,
                               int64_t after, int first)
{
    int64_t ask = after - AT_EDGES_AHEAD < n ? after - AT_EDGES_AHEAD : n;
    for (int64_t j = 0; j < ask; j++) {
        at_edge_ask(k + col[j + AT_EDGES_AHEAD] * ld_k);
        at_edge_ask(v + col[j + AT_EDGES_AHEAD] * ld_v);
    }
    vf e[ATTI_ATTN_EDGE_BLOCK / 2], top = s->top;
    const vf none = v_set1(-INFINITY);
    int64_t pairs = n / 2, odd = n % 2;
    for (int64_t j = 0; j < pairs; j++) {
        e[j] = at_edge_pair(q, k + col[2 * j] * ld_k, k + col[2 * j + 1] * ld_k);
        top = v_max(top, e[j]);
    }
    if (odd) {
        const float *last = k + col[n - 1] * ld_k;
        e[pairs] = _mm512_mask_mov_ps(at_edge_pair(q, last, last), 0xcccc, none);
        top = v_max(top, e[pairs]);
    }
    top = v_max(top, at_edge_swap(top));
    vf from = v_sel(v_eq(top, none), v_zero(), top);
    if (!first) {
        vf keep = at_exp2(v_sub(s->top, from));
        s->sum = v_mul(s->sum, keep);
        at_edge_scale(s->acc, at, keep);
    }
    for (int64_t j = 0; j < pairs + odd; j++) {
        vf w = at_exp2(v_sub(e[j], from));
        s->sum = v_add(s->sum, w);
        at_edge_add(s->acc, at, w, v + col[2 * j] * ld_v);
        /* A weight of 0 would not stop an Inf: there is no second edge. */
        if (j < pairs)
            at_edge_add(s->acc, at, at_edge_swap(w), v + col[2 * j + 1] * ld_v);
    }
    s->top = top;
}

/* Eight heads. */
static void at_edges_8(const atti_attn_edges *p, float *out, float *lse, const float *q,
                       const float *k, const float *v, const float *sink,
                       const int32_t *col, int64_t n)
{
    const vi by_head =
        _mm512_setr_epi32(0, 4, 0, 4, 1, 5, 1, 5, 2, 6, 2, 6, 3, 7, 3, 7);
    const vi heads =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
    const float log2e = 1.44269504088896340736f, ln2 = 0.69314718055994530942f;
    at_edge_state s = {
        v_set1(-INFINITY), v_zero(), {v_zero(), v_zero(), v_zero(), v_zero()}};
    vf x[4];
    vi at[4];
    at_edge_spread(at);
    for (int r = 0; r < 4; r++)
        x[r] = v_mul(v_load(q + 16 * r), v_set1(p->scale * log2e));
    if (sink) {
        vf y = _mm512_castps256_ps512(_mm256_loadu_ps(sink));
        s.top = v_mul(_mm512_permutexvar_ps(by_head, y), v_set1(p->bias_scale * log2e));
        /* Once, not in both halves. */
        s.sum = _mm512_maskz_mov_ps(
            0x3333 & ~_mm512_cmp_ps_mask(s.top, v_set1(-INFINITY), _CMP_EQ_OQ),
            v_set1(1.0f));
    }
    for (int64_t j = 0; j < n; j += ATTI_ATTN_EDGE_BLOCK) {
        int64_t m = n - j < ATTI_ATTN_EDGE_BLOCK ? n - j : ATTI_ATTN_EDGE_BLOCK;
        at_edge_block(&s, at, x, k, p->ld_k, v, p->ld_v, col + j, m, p->after - j,
                      j == 0 && !sink);
    }
    vf sum = v_add(s.sum, at_edge_swap(s.sum)),
       z = v_fma(s.top, v_set1(ln2), v_log(sum));
    at_edge_scale(s.acc, at,
                  v_sel(v_eq(sum, v_zero()), v_zero(), v_div(v_set1(1.0f), sum)));
    for (int r = 0; r < 4; r++) v_store(out + 16 * r, s.acc[r]);
    _mm256_storeu_ps(lse, _mm512_castps512_ps256(_mm512_permutexvar_ps(heads, z)));
}

#endif
