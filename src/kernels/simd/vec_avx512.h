/* vec_avx512.h - the vector wrapper on AVX-512 (F, BW, DQ, VL): 16 lanes.
 *
 * The four vec_*.h headers define the same names with the same meaning; the kernels in
 * *.inc are written once against them. Rules a kernel may rely on:
 *   - nothing outside the given lanes is ever read or written (tails are masked);
 *   - v_max(a, b) and v_min(a, b) return b when either is NaN (NEON: NaN), so with the
 *     data in b a NaN survives clamping;
 *   - v_hsum adds by halves (lane i + lane i + L/2, and so on): a fixed order;
 *   - v_fma rounds once on every set but the scalar one. */
#ifndef ATTI_VEC_AVX512_H
#define ATTI_VEC_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define V_ISA     avx512
#define V_LANES   16
#define V_DLANES  8 /* doubles in a vd */
#define V_HAS_FMA 1

typedef __m512 vf;    /* float lanes */
typedef __m512i vi;   /* 32-bit integer lanes */
typedef __mmask16 vm; /* one truth value a lane */
typedef __m512d vd;   /* double lanes */

/* clang-format off: a table of one-liners reads better than three lines each. */

/* n is 0..V_LANES in every *_n function. */
static inline vm v_mask_n(int64_t n)
{
    return (vm)((1U << n) - 1U);
}

static inline vf v_zero(void)
{
    return _mm512_setzero_ps();
}
static inline vf v_set1(float x)
{
    return _mm512_set1_ps(x);
}
static inline vf v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
static inline void v_store(float *p, vf x)
{
    _mm512_storeu_ps(p, x);
}
static inline vf v_load_n(const float *p, int64_t n)
{
    return _mm512_maskz_loadu_ps(v_mask_n(n), p);
}
static inline vf v_load_n_or(const float *p, int64_t n, float other)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(other), v_mask_n(n), p);
}
static inline void v_store_n(float *p, int64_t n, vf x)
{
    _mm512_mask_storeu_ps(p, v_mask_n(n), x);
}
/* Past the caches, for results that are not read again soon. p is 64-byte aligned. */
static inline void v_stream(float *p, vf x)
{
    _mm512_stream_ps(p, x);
}

static inline vf v_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}
static inline vf v_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}
static inline vf v_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}
static inline vf v_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}
static inline vf v_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline vf v_fms(vf a, vf b, vf c)
{
    return _mm512_fmsub_ps(a, b, c);
}
static inline vf v_fnma(vf a, vf b, vf c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
static inline vf v_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}
static inline vf v_min(vf a, vf b)
{
    return _mm512_min_ps(a, b);
}
static inline vf v_sqrt(vf a)
{
    return _mm512_sqrt_ps(a);
}
static inline vf v_abs(vf a)
{
    return _mm512_abs_ps(a);
}
static inline vf v_neg(vf a)
{
    return _mm512_castsi512_ps(
        _mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(INT32_MIN)));
}
/* To the nearest integer, ties to even. */
static inline vf v_round(vf a)
{
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vm v_lt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
static inline vm v_le(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
static inline vm v_gt(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
static inline vm v_ge(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}
static inline vm v_eq(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
static inline vm v_ne(vf a, vf b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ);
}
static inline vm vm_and(vm a, vm b)
{
    return (vm)(a & b);
}
static inline vm vm_or(vm a, vm b)
{
    return (vm)(a | b);
}
static inline vm vm_not(vm a)
{
    return (vm)~a;
}
static inline int vm_any(vm a)
{
    return a != 0;
}
static inline int vm_all(vm a)
{
    return a == 0xffff;
}
/* m ? a : b */
static inline vf v_sel(vm m, vf a, vf b)
{
    return _mm512_mask_blend_ps(m, b, a);
}
/* m ? a : 0 */
static inline vf v_keep(vm m, vf a)
{
    return _mm512_maskz_mov_ps(m, a);
}

static inline float v_hsum(vf a)
{
    __m256 lo = _mm512_castps512_ps256(a);
    __m256 hi = _mm512_extractf32x8_ps(a, 1);
    __m256 s8 = _mm256_add_ps(lo, hi);
    __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
}
static inline float v_hmax(vf a)
{
    __m256 lo = _mm512_castps512_ps256(a);
    __m256 hi = _mm512_extractf32x8_ps(a, 1);
    __m256 s8 = _mm256_max_ps(lo, hi);
    __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(s8), _mm256_extractf128_ps(s8, 1));
    __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
}

/* Rows become columns: 16 x 16. */
static inline void v_transpose(vf r[V_LANES])
{
    vf u[16];
    for (int g = 0; g < 16; g += 4) {
        /* four rows: within each quarter of 4 columns, a 4 x 4 */
        __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r[g], r[g + 1]));
        __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(r[g], r[g + 1]));
        __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(r[g + 2], r[g + 3]));
        __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(r[g + 2], r[g + 3]));
        u[g] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
        u[g + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
        u[g + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
        u[g + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
    }
    for (int c = 0; c < 4; c++) {
        /* quarter q of u[4g + c] is column 4q + c of rows 4g .. 4g+3 */
        vf even_lo = _mm512_shuffle_f32x4(u[c], u[c + 4], 0x88);
        vf even_hi = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0x88);
        vf odd_lo = _mm512_shuffle_f32x4(u[c], u[c + 4], 0xdd);
        vf odd_hi = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0xdd);
        r[c] = _mm512_shuffle_f32x4(even_lo, even_hi, 0x88);
        r[c + 8] = _mm512_shuffle_f32x4(even_lo, even_hi, 0xdd);
        r[c + 4] = _mm512_shuffle_f32x4(odd_lo, odd_hi, 0x88);
        r[c + 12] = _mm512_shuffle_f32x4(odd_lo, odd_hi, 0xdd);
    }
}

static inline vi vi_set1(int32_t x)
{
    return _mm512_set1_epi32(x);
}
static inline vi vi_iota(void) /* 0, 1, 2, ... */
{
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}
static inline vi vi_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
static inline void vi_store(int32_t *p, vi x)
{
    _mm512_storeu_si512(p, x);
}
static inline vi vi_load_n(const int32_t *p, int64_t n)
{
    return _mm512_maskz_loadu_epi32(v_mask_n(n), p);
}
static inline void vi_store_n(int32_t *p, int64_t n, vi x)
{
    _mm512_mask_storeu_epi32(p, v_mask_n(n), x);
}
static inline vi vi_add(vi a, vi b)
{
    return _mm512_add_epi32(a, b);
}
static inline vi vi_sub(vi a, vi b)
{
    return _mm512_sub_epi32(a, b);
}
static inline vi vi_mullo(vi a, vi b)
{
    return _mm512_mullo_epi32(a, b);
}
static inline vi vi_and(vi a, vi b)
{
    return _mm512_and_si512(a, b);
}
static inline vi vi_or(vi a, vi b)
{
    return _mm512_or_si512(a, b);
}
static inline vi vi_xor(vi a, vi b)
{
    return _mm512_xor_si512(a, b);
}
/* Shifts by a constant; macros because the instruction holds the count. */
#define vi_sll(a, count) _mm512_slli_epi32(a, count)
#define vi_srl(a, count) _mm512_srli_epi32(a, count)
#define vi_sra(a, count) _mm512_srai_epi32(a, count)
static inline vm vi_eq(vi a, vi b)
{
    return _mm512_cmpeq_epi32_mask(a, b);
}
static inline vm vi_gt(vi a, vi b)
{
    return _mm512_cmpgt_epi32_mask(a, b);
}
static inline vm vi_ge_u(vi a, vi b)
{
    return _mm512_cmpge_epu32_mask(a, b);
}
static inline vi vi_sel(vm m, vi a, vi b)
{
    return _mm512_mask_blend_epi32(m, b, a);
}

static inline vi v_bits(vf a)
{
    return _mm512_castps_si512(a);
}
static inline vf v_from_bits(vi a)
{
    return _mm512_castsi512_ps(a);
}
static inline vi v_to_i(vf a)
{
    return _mm512_cvtps_epi32(a);
} /* nearest even */
static inline vi v_trunc_i(vf a)
{
    return _mm512_cvttps_epi32(a);
}
static inline vf v_from_i(vi a)
{
    return _mm512_cvtepi32_ps(a);
}

/* a with its sign flipped where s is negative. */
static inline vf v_xor_sign(vf a, vf s)
{
    return v_from_bits(vi_xor(v_bits(a), vi_and(v_bits(s), vi_set1(INT32_MIN))));
}
/* y * 2^n for n in -126..128, where y is in [0.7, 1.5] and the result is normal or Inf. */
static inline vf v_scale2(vf y, vf n)
{
    return _mm512_scalef_ps(y, n);
}

static inline vf v_load_bf16(const uint16_t *p)
{
    __m512i w =
        _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
}
static inline vf v_load_bf16_n(const uint16_t *p, int64_t n)
{
    __m512i w = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(v_mask_n(n), p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(w, 16));
}
/* Round to nearest even; a NaN becomes quiet. */
static inline __m256i v_to_bf16(vf x)
{
    __m512i b = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
    __m512i r = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    r = _mm512_mask_or_epi32(r, nan, b, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}
static inline void v_store_bf16(uint16_t *p, vf x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v_to_bf16(x));
}
static inline void v_store_bf16_n(uint16_t *p, int64_t n, vf x)
{
    _mm256_mask_storeu_epi16(p, v_mask_n(n), v_to_bf16(x));
}
static inline vf v_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
static inline vf v_load_f16_n(const uint16_t *p, int64_t n)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(v_mask_n(n), p));
}
static inline void v_store_f16(uint16_t *p, vf x)
{
    _mm256_storeu_si256((__m256i *)(void *)p,
                        _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
static inline void v_store_f16_n(uint16_t *p, int64_t n, vf x)
{
    _mm256_mask_storeu_epi16(p, v_mask_n(n),
                             _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline vd vd_zero(void)
{
    return _mm512_setzero_pd();
}
/* V_DLANES floats, widened. */
static inline vd vd_load_f(const float *p)
{
    return _mm512_cvtps_pd(_mm256_loadu_ps(p));
}
static inline vd vd_add(vd a, vd b)
{
    return _mm512_add_pd(a, b);
}
static inline vd vd_mul(vd a, vd b)
{
    return _mm512_mul_pd(a, b);
}
static inline void vd_store(double *p, vd a)
{
    _mm512_storeu_pd(p, a);
}

/* clang-format on */

#include "kernels/simd/vec_math.h"

#endif
