/* bf16_vec.h - the vector instructions that bf16 kernels need, by intrinsics. `fv` holds 16
 * f32, `bv` 16 pairs of bf16, the lower half of a pair first.
 *
 * Only two of them want AVX512-BF16: narrowing and the dot product. Where the compiler was
 * not told to use it (tests on processors without), they are made of AVX-512 alone and
 * give the same bits, subnormal operands and results apart. */
#ifndef ATTI_BF16_VEC_H
#define ATTI_BF16_VEC_H

#include "base/compiler.h"
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef __m512 fv;
typedef __m512i bv;

ATTI_INLINE __mmask16 f_mask(int64_t n)
{
    return (__mmask16)(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}
ATTI_INLINE fv f_zero(void)
{
    return _mm512_setzero_ps();
}
ATTI_INLINE fv f_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
/* The first n, zeros after; n may be anything. */
ATTI_INLINE fv f_load_n(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(f_mask(n), p);
}
ATTI_INLINE void f_store_n(float *p, int64_t n, fv x)
{
    _mm512_mask_storeu_ps(p, f_mask(n), x);
}
ATTI_INLINE fv f_add(fv a, fv b)
{
    return _mm512_add_ps(a, b);
}
ATTI_INLINE fv f_set1(float x)
{
    return _mm512_set1_ps(x);
}
ATTI_INLINE void f_store(float *p, fv x)
{
    _mm512_storeu_ps(p, x);
}
ATTI_INLINE fv f_sub(fv a, fv b)
{
    return _mm512_sub_ps(a, b);
}
ATTI_INLINE fv f_mul(fv a, fv b)
{
    return _mm512_mul_ps(a, b);
}
ATTI_INLINE fv f_fma(fv a, fv b, fv c)
{
    return _mm512_fmadd_ps(a, b, c);
}
ATTI_INLINE fv f_max(fv a, fv b) /* b where either is NaN */
{
    return _mm512_max_ps(a, b);
}
ATTI_INLINE float f_top(fv a)
{
    return _mm512_reduce_max_ps(a);
}
ATTI_INLINE int f_finite(fv x)
{
    fv z = _mm512_sub_ps(x, x);
    return _mm512_cmp_ps_mask(z, _mm512_setzero_ps(), _CMP_EQ_OQ) == 0xffff;
}
/* Lanes lo..hi-1 and those before `first` stay, the others become `other`. */
ATTI_INLINE fv f_keep(fv x, int64_t lo, int64_t hi, int64_t first, float other)
{
    __mmask16 in = (__mmask16)(f_mask(hi) & ~f_mask(lo));
    return _mm512_mask_blend_ps((__mmask16)(in | f_mask(first)), _mm512_set1_ps(other),
                                x);
}
/* x - floor(x), rounded down: below 1; NaN of infinities and NaN. */
ATTI_INLINE fv f_fraction(fv x)
{
    return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
/* y 2^floor(x); 0 where x is below -126. */
ATTI_INLINE fv f_times_power(fv y, fv x)
{
    __mmask16 in = _mm512_cmp_ps_mask(x, _mm512_set1_ps(-126.0f), _CMP_NLT_UQ);
    return _mm512_maskz_scalef_ps(in, y, x);
}
/* Which of 16 hashes (base/rng.h), but for their last mixing, are kept. */
ATTI_INLINE __mmask16 f_drop_mask(bv h, uint32_t threshold)
{
    h = _mm512_xor_si512(h, _mm512_srli_epi32(h, 16));
    h = _mm512_mullo_epi32(h, _mm512_set1_epi32((int32_t)0x7feb352dU));
    h = _mm512_xor_si512(h, _mm512_srli_epi32(h, 15));
    h = _mm512_mullo_epi32(h, _mm512_set1_epi32((int32_t)0x846ca68bU));
    h = _mm512_xor_si512(h, _mm512_srli_epi32(h, 16));
    return _mm512_cmpge_epu32_mask(h, _mm512_set1_epi32((int32_t)threshold));
}
/* Dropout of columns col.. of a row (base/rng.h): what is not kept is 0. */
ATTI_INLINE fv f_drop(fv x, uint32_t rowkey, uint32_t col, uint32_t threshold)
{
    const bv lane =
        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    bv h = _mm512_add_epi32(lane, _mm512_set1_epi32((int32_t)col));
    h = _mm512_mullo_epi32(h, _mm512_set1_epi32((int32_t)0x9e3779b9U));
    h = _mm512_xor_si512(h, _mm512_set1_epi32((int32_t)rowkey));
    return _mm512_maskz_mov_ps(f_drop_mask(h, threshold), x);
}
/* Dropout of column col of 16 rows with these keys. */
ATTI_INLINE fv f_drop_down(fv x, const uint32_t *rowkey, uint32_t col,
                           uint32_t threshold)
{
    bv h = _mm512_set1_epi32((int32_t)(col * 0x9e3779b9U));
    h = _mm512_xor_si512(h, _mm512_loadu_si512(rowkey));
    return _mm512_maskz_mov_ps(f_drop_mask(h, threshold), x);
}
ATTI_INLINE float f_sum(fv a)
{
    return _mm512_reduce_add_ps(a);
}
ATTI_INLINE bv b_zero(void)
{
    return _mm512_setzero_si512();
}
ATTI_INLINE bv b_load(const uint16_t *p)
{
    return _mm512_loadu_si512(p);
}
ATTI_INLINE void b_store(uint16_t *p, bv x)
{
    _mm512_storeu_si512(p, x);
}
ATTI_INLINE bv b_broadcast(const uint16_t *pair)
{
    int32_t x;
    memcpy(&x, pair, sizeof x);
    return _mm512_set1_epi32(x);
}

#ifdef __AVX512BF16__
/* 32 numbers: lo's, then hi's. */
ATTI_INLINE bv b_narrow(fv lo, fv hi)
{
    return (bv)_mm512_cvtne2ps_pbh(hi, lo);
}
/* acc + a.odd b.odd, then + a.even b.even: two fused steps a lane. */
ATTI_INLINE fv f_dot(fv acc, bv a, bv b)
{
    return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
}
#else
ATTI_INLINE __m256i b_narrow_half(fv x)
{
    bv b = _mm512_castps_si512(x), one = _mm512_set1_epi32(1);
    bv odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), one);
    bv up = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    up = _mm512_mask_or_epi32(up, nan, b, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(up, 16));
}
ATTI_INLINE bv b_narrow(fv lo, fv hi)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(b_narrow_half(lo)),
                              b_narrow_half(hi), 1);
}
ATTI_INLINE fv f_dot(fv acc, bv a, bv b)
{
    bv top = _mm512_set1_epi32((int32_t)0xffff0000U);
    fv a1 = _mm512_castsi512_ps(_mm512_and_si512(a, top));
    fv b1 = _mm512_castsi512_ps(_mm512_and_si512(b, top));
    fv a0 = _mm512_castsi512_ps(_mm512_slli_epi32(a, 16));
    fv b0 = _mm512_castsi512_ps(_mm512_slli_epi32(b, 16));
    return _mm512_fmadd_ps(a0, b0, _mm512_fmadd_ps(a1, b1, acc));
}
#endif

/* Each number as it comes out of rounding to bf16. */
ATTI_INLINE fv f_as_bf16(fv x)
{
    bv half = b_narrow(x, x); /* the same 16 numbers twice */
    __m512i wide = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(half));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
/* Pairs (x[i], y[i]): of numbers 0 to 3 of each run of 8, and of numbers 4 to 7. */
ATTI_INLINE bv b_zip_low(bv x, bv y)
{
    return _mm512_unpacklo_epi16(x, y);
}
ATTI_INLINE bv b_zip_high(bv x, bv y)
{
    return _mm512_unpackhi_epi16(x, y);
}

/* 16 pairs (even[i], odd[i]). */
ATTI_INLINE bv b_pairs(fv even, fv odd)
{
    const bv index = _mm512_set_epi32(
        31 << 16 | 15, 30 << 16 | 14, 29 << 16 | 13, 28 << 16 | 12, 27 << 16 | 11,
        26 << 16 | 10, 25 << 16 | 9, 24 << 16 | 8, 23 << 16 | 7, 22 << 16 | 6,
        21 << 16 | 5, 20 << 16 | 4, 19 << 16 | 3, 18 << 16 | 2, 17 << 16 | 1, 16 << 16);
    return _mm512_permutexvar_epi16(index, b_narrow(even, odd));
}

/* Pair j of r[i] becomes pair i of r[j]. */
ATTI_INLINE void b_transpose(bv r[16])
{
    bv t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    /* Now r[4 q + c] holds column 4 l + c of rows 4 q .. 4 q + 3 in its 128-bit lane l. */
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_i32x4(r[c], r[c + 4], 0x88);
        t[c + 4] = _mm512_shuffle_i32x4(r[c + 8], r[c + 12], 0x88);
        t[c + 8] = _mm512_shuffle_i32x4(r[c], r[c + 4], 0xdd);
        t[c + 12] = _mm512_shuffle_i32x4(r[c + 8], r[c + 12], 0xdd);
    }
    for (int c = 0; c < 4; c++) {
        r[c] = _mm512_shuffle_i32x4(t[c], t[c + 4], 0x88);
        r[c + 8] = _mm512_shuffle_i32x4(t[c], t[c + 4], 0xdd);
        r[c + 4] = _mm512_shuffle_i32x4(t[c + 8], t[c + 12], 0x88);
        r[c + 12] = _mm512_shuffle_i32x4(t[c + 8], t[c + 12], 0xdd);
    }
}

#endif
