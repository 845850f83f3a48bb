/* attn_lanes_avx512.h - what AVX-512 does better than the wrapper for attention: 2^x by
 * vreduceps and vscalefps, and the transposition of rows into lanes. Included after
 * vec_avx512.h and before attn_dense.inc. */
#ifndef ATTI_ATTN_LANES_AVX512_H
#define ATTI_ATTN_LANES_AVX512_H

#include "base/compiler.h"

#define ATTN_HAS_EXP2
/* 2^x, at most 1.8 ulp where the result is normal; gradual underflow to 0, overflow to Inf,
 * NaN stays NaN. vreduceps leaves x - n, n the nearest integer; the polynomial is the
 * wrapper's (attn_dense_lane.inc). */
ATTI_INLINE vf at_exp2(vf x)
{
    vf r = _mm512_reduce_ps(x, 0x08);
    vf p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.5ab438p-10f), r,
                           _mm512_set1_ps(0x1.3ceca0p-7f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.c6baa2p-5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.ebf9b4p-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.62e424p-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, _mm512_sub_ps(x, r));
}

/* Row r's four floats at column c of four rows, one 128-bit lane each; rows at or past
 * `rows` give zeros. */
ATTI_INLINE __m512 at_quad(const float *src, int64_t ld, int64_t r, int64_t rows)
{
    __m512 x = _mm512_setzero_ps();
    if (r < rows)
        x = _mm512_mask_broadcast_f32x4(x, 0x000f, _mm_loadu_ps(src + r * ld));
    if (r + 4 < rows)
        x = _mm512_mask_broadcast_f32x4(x, 0x00f0, _mm_loadu_ps(src + (r + 4) * ld));
    if (r + 8 < rows)
        x = _mm512_mask_broadcast_f32x4(x, 0x0f00, _mm_loadu_ps(src + (r + 8) * ld));
    if (r + 12 < rows)
        x = _mm512_mask_broadcast_f32x4(x, 0xf000, _mm_loadu_ps(src + (r + 12) * ld));
    return x;
}

/* dst[c][0..15] = src[0..15][c] * f for four columns. Lane q of register r holds row
 * r + 4 q, so that one 4 x 4 transposition in each lane finishes the work. */
ATTI_INLINE void at_pack_quad(float *dst, int64_t ld, const float *src, int64_t ld_src,
                              int64_t rows, __m512 f)
{
    __m512 a = at_quad(src, ld_src, 0, rows), b = at_quad(src, ld_src, 1, rows);
    __m512 c = at_quad(src, ld_src, 2, rows), d = at_quad(src, ld_src, 3, rows);
    __m512 ab0 = _mm512_unpacklo_ps(a, b), ab1 = _mm512_unpackhi_ps(a, b);
    __m512 cd0 = _mm512_unpacklo_ps(c, d), cd1 = _mm512_unpackhi_ps(c, d);
    __m512 y0 = _mm512_shuffle_ps(ab0, cd0, 0x44),
           y1 = _mm512_shuffle_ps(ab0, cd0, 0xee);
    __m512 y2 = _mm512_shuffle_ps(ab1, cd1, 0x44),
           y3 = _mm512_shuffle_ps(ab1, cd1, 0xee);
    _mm512_storeu_ps(dst, _mm512_mul_ps(y0, f));
    _mm512_storeu_ps(dst + ld, _mm512_mul_ps(y1, f));
    _mm512_storeu_ps(dst + 2 * ld, _mm512_mul_ps(y2, f));
    _mm512_storeu_ps(dst + 3 * ld, _mm512_mul_ps(y3, f));
}

#define ATTN_HAS_PACK
/* dst[c][r] = src[r][c] * f for r < rows, c < cols; 0 for r in rows .. ld-1. */
static void at_pack(float *dst, int64_t ld, const float *src, int64_t ld_src,
                    int64_t rows, int64_t cols, float factor)
{
    const __m512 f = _mm512_set1_ps(factor);
    for (int64_t r = 0; r < ld; r += 16) {
        const float *s = src + r * ld_src;
        int64_t n = rows - r, c = 0;
        if (n >= 16) {
            for (; c + 4 <= cols; c += 4)
                at_pack_quad(dst + c * ld + r, ld, s + c, ld_src, 16, f);
        } else {
            for (; c + 4 <= cols; c += 4)
                at_pack_quad(dst + c * ld + r, ld, s + c, ld_src, n, f);
        }
        for (; c < cols; c++) {
            float *d = dst + c * ld + r;
            for (int64_t i = 0; i < 16; i++)
                d[i] = i < n ? s[i * ld_src + c] * factor : 0.0f;
        }
    }
}

#endif
