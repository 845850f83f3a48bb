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

/* Four floats at column c of rows r, r + 4, r + 8, r + 12, one 128-bit lane each. */
ATTI_INLINE __m512 at_quad(const float *const *row, int64_t c)
{
    __m512 x = _mm512_broadcast_f32x4(_mm_loadu_ps(row[0] + c));
    x = _mm512_mask_broadcast_f32x4(x, 0x00f0, _mm_loadu_ps(row[4] + c));
    x = _mm512_mask_broadcast_f32x4(x, 0x0f00, _mm_loadu_ps(row[8] + c));
    return _mm512_mask_broadcast_f32x4(x, 0xf000, _mm_loadu_ps(row[12] + c));
}

/* dst[c..c+3][0..15] = row[0..15][c..c+3] * f, 0 where the mask is. Lane q of register r
 * holds row r + 4 q, so that one 4 x 4 transposition in each lane finishes the work. */
ATTI_INLINE void at_pack_quad(float *dst, int64_t ld, const float *const *row,
                              int64_t c, __mmask16 real, __m512 f)
{
    __m512 x0 = at_quad(row, c), x1 = at_quad(row + 1, c);
    __m512 x2 = at_quad(row + 2, c), x3 = at_quad(row + 3, c);
    __m512 a = _mm512_unpacklo_ps(x0, x1), b = _mm512_unpackhi_ps(x0, x1);
    __m512 d = _mm512_unpacklo_ps(x2, x3), e = _mm512_unpackhi_ps(x2, x3);
    __m512 y0 = _mm512_shuffle_ps(a, d, 0x44), y1 = _mm512_shuffle_ps(a, d, 0xee);
    __m512 y2 = _mm512_shuffle_ps(b, e, 0x44), y3 = _mm512_shuffle_ps(b, e, 0xee);
    _mm512_storeu_ps(dst, _mm512_maskz_mul_ps(real, y0, f));
    _mm512_storeu_ps(dst + ld, _mm512_maskz_mul_ps(real, y1, f));
    _mm512_storeu_ps(dst + 2 * ld, _mm512_maskz_mul_ps(real, y2, f));
    _mm512_storeu_ps(dst + 3 * ld, _mm512_maskz_mul_ps(real, y3, f));
}

#define ATTN_HAS_PACK
/* dst[c][r] = src[r][c] * factor for r < rows, c < cols; 0 for r in rows .. ld-1. */
static void at_pack(float *dst, int64_t ld, const float *src, int64_t ld_src,
                    int64_t rows, int64_t cols, float factor)
{
    const __m512 f = _mm512_set1_ps(factor);
    for (int64_t r = 0; r < ld; r += 16) {
        const float *row[16]; /* lanes past the end read the last row and are cleared */
        int64_t n = rows - r < 16 ? rows - r : 16, c = 0;
        __mmask16 real = (__mmask16)(0xffffU >> (16 - n));
        for (int64_t i = 0; i < 16; i++)
            row[i] = src + (r + (i < n ? i : n - 1)) * ld_src;
        for (; c + 4 <= cols; c += 4)
            at_pack_quad(dst + c * ld + r, ld, row, c, real, f);
        for (; c < cols; c++) {
            float *d = dst + c * ld + r;
            for (int64_t i = 0; i < 16; i++) d[i] = i < n ? row[i][c] * factor : 0.0f;
        }
    }
}

#endif
