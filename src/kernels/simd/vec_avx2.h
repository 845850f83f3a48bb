/* vec_avx2.h - the vector wrapper on AVX2 with FMA and F16C: 8 lanes. What the names
 * mean is said in vec_avx512.h. */
#ifndef ATTI_VEC_AVX2_H
#define ATTI_VEC_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define V_ISA     avx2
#define V_LANES   8
#define V_DLANES  4
#define V_HAS_FMA 1

typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm; /* all bits of a lane set or clear */
typedef __m256d vd;

/* clang-format off */

static inline __m256i v_lane_mask(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vm v_mask_n(int64_t n) { return _mm256_castsi256_ps(v_lane_mask(n)); }

static inline vf v_zero(void) { return _mm256_setzero_ps(); }
static inline vf v_set1(float x) { return _mm256_set1_ps(x); }
static inline vf v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void v_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
static inline vf v_load_n(const float *p, int64_t n)
{
    return _mm256_maskload_ps(p, v_lane_mask(n));
}
static inline vf v_load_n_or(const float *p, int64_t n, float other)
{
    __m256i m = v_lane_mask(n);
    return _mm256_blendv_ps(_mm256_set1_ps(other), _mm256_maskload_ps(p, m),
                            _mm256_castsi256_ps(m));
}
static inline void v_store_n(float *p, int64_t n, vf x)
{
    _mm256_maskstore_ps(p, v_lane_mask(n), x);
}
static inline void v_stream(float *p, vf x) { _mm256_stream_ps(p, x); }

static inline vf v_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf v_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf v_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf v_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf v_fms(vf a, vf b, vf c) { return _mm256_fmsub_ps(a, b, c); }
static inline vf v_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
static inline vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
static inline vf v_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf v_neg(vf a) { return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a); }
static inline vf v_round(vf a)
{
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vm v_lt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vm v_le(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
static inline vm v_gt(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
static inline vm v_ge(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
static inline vm v_eq(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
static inline vm v_ne(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ); }
static inline vm vm_and(vm a, vm b) { return _mm256_and_ps(a, b); }
static inline vm vm_or(vm a, vm b) { return _mm256_or_ps(a, b); }
static inline vm vm_not(vm a)
{
    return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1)));
}
static inline int vm_any(vm a) { return _mm256_movemask_ps(a) != 0; }
static inline int vm_all(vm a) { return _mm256_movemask_ps(a) == 0xff; }
static inline vf v_sel(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
static inline vf v_keep(vm m, vf a) { return _mm256_and_ps(m, a); }

static inline float v_hsum(vf a)
{
    __m128 s4 = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 s2 = _mm_add_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_add_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
}
static inline float v_hmax(vf a)
{
    __m128 s4 = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 s2 = _mm_max_ps(s4, _mm_movehl_ps(s4, s4));
    return _mm_cvtss_f32(_mm_max_ss(s2, _mm_shuffle_ps(s2, s2, 1)));
}

/* Rows become columns: 8 x 8. */
static inline void v_transpose(vf r[V_LANES])
{
    vf u[8];
    for (int g = 0; g < 8; g += 4) {
        __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(r[g], r[g + 1]));
        __m256d b = _mm256_castps_pd(_mm256_unpackhi_ps(r[g], r[g + 1]));
        __m256d c = _mm256_castps_pd(_mm256_unpacklo_ps(r[g + 2], r[g + 3]));
        __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(r[g + 2], r[g + 3]));
        u[g] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, c));
        u[g + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, c));
        u[g + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(b, d));
        u[g + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(b, d));
    }
    for (int c = 0; c < 4; c++) {
        r[c] = _mm256_permute2f128_ps(u[c], u[c + 4], 0x20);
        r[c + 4] = _mm256_permute2f128_ps(u[c], u[c + 4], 0x31);
    }
}

static inline vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
static inline vi vi_iota(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
static inline vi vi_load(const int32_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
static inline void vi_store(int32_t *p, vi x)
{
    _mm256_storeu_si256((__m256i *)(void *)p, x);
}
static inline vi vi_load_n(const int32_t *p, int64_t n)
{
    return _mm256_maskload_epi32((const int *)p, v_lane_mask(n));
}
static inline void vi_store_n(int32_t *p, int64_t n, vi x)
{
    _mm256_maskstore_epi32((int *)p, v_lane_mask(n), x);
}
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
static inline vi vi_mullo(vi a, vi b) { return _mm256_mullo_epi32(a, b); }
static inline vi vi_and(vi a, vi b) { return _mm256_and_si256(a, b); }
static inline vi vi_or(vi a, vi b) { return _mm256_or_si256(a, b); }
static inline vi vi_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
#define vi_sll(a, count) _mm256_slli_epi32(a, count)
#define vi_srl(a, count) _mm256_srli_epi32(a, count)
#define vi_sra(a, count) _mm256_srai_epi32(a, count)
static inline vm vi_eq(vi a, vi b)
{
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
}
static inline vm vi_gt(vi a, vi b)
{
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b));
}
static inline vm vi_ge_u(vi a, vi b)
{
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a));
}
static inline vi vi_sel(vm m, vi a, vi b)
{
    return _mm256_blendv_epi8(b, a, _mm256_castps_si256(m));
}

static inline vi v_bits(vf a) { return _mm256_castps_si256(a); }
static inline vf v_from_bits(vi a) { return _mm256_castsi256_ps(a); }
static inline vi v_to_i(vf a) { return _mm256_cvtps_epi32(a); }
static inline vi v_trunc_i(vf a) { return _mm256_cvttps_epi32(a); }
static inline vf v_from_i(vi a) { return _mm256_cvtepi32_ps(a); }
static inline vf v_xor_sign(vf a, vf s)
{
    return _mm256_xor_ps(a, _mm256_and_ps(s, _mm256_set1_ps(-0.0f)));
}
static inline vf v_scale2(vf y, vf n)
{
    return v_from_bits(vi_add(v_bits(y), vi_sll(v_to_i(n), 23)));
}

static inline vf v_widen_bf16(__m128i h)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
static inline __m128i v_load_u16_n(const uint16_t *p, int64_t n)
{
    uint16_t t[8] = {0};
    memcpy(t, p, (size_t)n * sizeof *p);
    return _mm_loadu_si128((const __m128i *)(const void *)t);
}
static inline void v_store_u16_n(uint16_t *p, int64_t n, __m128i h)
{
    uint16_t t[8];
    _mm_storeu_si128((__m128i *)(void *)t, h);
    memcpy(p, t, (size_t)n * sizeof *p);
}
static inline vf v_load_bf16(const uint16_t *p)
{
    return v_widen_bf16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vf v_load_bf16_n(const uint16_t *p, int64_t n)
{
    return v_widen_bf16(v_load_u16_n(p, n));
}
static inline __m128i v_to_bf16(vf x)
{
    __m256i b = _mm256_castps_si256(x);
    __m256i odd = _mm256_and_si256(_mm256_srli_epi32(b, 16), _mm256_set1_epi32(1));
    __m256i r = _mm256_add_epi32(b, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    __m256i q = _mm256_or_si256(b, _mm256_set1_epi32(0x400000));
    __m256 nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    r = _mm256_blendv_epi8(r, q, _mm256_castps_si256(nan));
    r = _mm256_srli_epi32(r, 16);
    r = _mm256_permute4x64_epi64(_mm256_packus_epi32(r, r), 0x08);
    return _mm256_castsi256_si128(r);
}
static inline void v_store_bf16(uint16_t *p, vf x)
{
    _mm_storeu_si128((__m128i *)(void *)p, v_to_bf16(x));
}
static inline void v_store_bf16_n(uint16_t *p, int64_t n, vf x)
{
    v_store_u16_n(p, n, v_to_bf16(x));
}
static inline vf v_load_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}
static inline vf v_load_f16_n(const uint16_t *p, int64_t n)
{
    return _mm256_cvtph_ps(v_load_u16_n(p, n));
}
static inline void v_store_f16(uint16_t *p, vf x)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}
static inline void v_store_f16_n(uint16_t *p, int64_t n, vf x)
{
    v_store_u16_n(p, n, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

static inline vd vd_zero(void) { return _mm256_setzero_pd(); }
static inline vd vd_load_f(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline vd vd_add(vd a, vd b) { return _mm256_add_pd(a, b); }
static inline vd vd_mul(vd a, vd b) { return _mm256_mul_pd(a, b); }
static inline void vd_store(double *p, vd a) { _mm256_storeu_pd(p, a); }

/* clang-format on */

#include "kernels/simd/vec_math.h"

#endif
