/* vec_neon.h - the vector wrapper on 64-bit Arm (Advanced SIMD): 4 lanes. What the names
 * mean is said in vec_avx512.h; v_max and v_min give NaN when either operand is NaN. */
#ifndef ATTI_VEC_NEON_H
#define ATTI_VEC_NEON_H

#include <arm_neon.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define V_ISA     neon
#define V_LANES   4
#define V_DLANES  2
#define V_HAS_FMA 1

typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;
typedef float64x2_t vd;

/* clang-format off */

static inline vi vi_iota(void)
{
    static const int32_t lane[4] = {0, 1, 2, 3};
    return vld1q_s32(lane);
}
static inline vm v_mask_n(int64_t n)
{
    return vcgtq_s32(vdupq_n_s32((int32_t)n), vi_iota());
}

static inline vf v_zero(void) { return vdupq_n_f32(0.0f); }
static inline vf v_set1(float x) { return vdupq_n_f32(x); }
static inline vf v_load(const float *p) { return vld1q_f32(p); }
static inline void v_store(float *p, vf x) { vst1q_f32(p, x); }
static inline vf v_load_n_or(const float *p, int64_t n, float other)
{
    float t[4] = {other, other, other, other};
    memcpy(t, p, (size_t)n * sizeof *p);
    return vld1q_f32(t);
}
static inline vf v_load_n(const float *p, int64_t n) { return v_load_n_or(p, n, 0.0f); }
static inline void v_store_n(float *p, int64_t n, vf x)
{
    float t[4];
    vst1q_f32(t, x);
    memcpy(p, t, (size_t)n * sizeof *p);
}
static inline void v_stream(float *p, vf x) { vst1q_f32(p, x); }

static inline vf v_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf v_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf v_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf v_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf v_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf v_fms(vf a, vf b, vf c) { return vfmaq_f32(vnegq_f32(c), a, b); }
static inline vf v_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
static inline vf v_max(vf a, vf b) { return vmaxq_f32(a, b); }
static inline vf v_min(vf a, vf b) { return vminq_f32(a, b); }
static inline vf v_sqrt(vf a) { return vsqrtq_f32(a); }
static inline vf v_abs(vf a) { return vabsq_f32(a); }
static inline vf v_neg(vf a) { return vnegq_f32(a); }
static inline vf v_round(vf a) { return vrndnq_f32(a); }

static inline vm v_lt(vf a, vf b) { return vcltq_f32(a, b); }
static inline vm v_le(vf a, vf b) { return vcleq_f32(a, b); }
static inline vm v_gt(vf a, vf b) { return vcgtq_f32(a, b); }
static inline vm v_ge(vf a, vf b) { return vcgeq_f32(a, b); }
static inline vm v_eq(vf a, vf b) { return vceqq_f32(a, b); }
static inline vm v_ne(vf a, vf b) { return vmvnq_u32(vceqq_f32(a, b)); }
static inline vm vm_and(vm a, vm b) { return vandq_u32(a, b); }
static inline vm vm_or(vm a, vm b) { return vorrq_u32(a, b); }
static inline vm vm_not(vm a) { return vmvnq_u32(a); }
static inline int vm_any(vm a) { return vmaxvq_u32(a) != 0; }
static inline int vm_all(vm a) { return vminvq_u32(a) != 0; }
static inline vf v_sel(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
static inline vf v_keep(vm m, vf a)
{
    return vreinterpretq_f32_u32(vandq_u32(m, vreinterpretq_u32_f32(a)));
}

static inline float v_hsum(vf a)
{
    float32x2_t s = vadd_f32(vget_low_f32(a), vget_high_f32(a));
    return vget_lane_f32(s, 0) + vget_lane_f32(s, 1);
}
static inline float v_hmax(vf a) { return vmaxvq_f32(a); }

/* Rows become columns: 4 x 4. */
static inline void v_transpose(vf r[V_LANES])
{
    float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1]));
    float64x2_t b = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    float64x2_t c = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3]));
    float64x2_t d = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(a, c));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(b, d));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(a, c));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(b, d));
}

static inline vi vi_set1(int32_t x) { return vdupq_n_s32(x); }
static inline vi vi_load(const int32_t *p) { return vld1q_s32(p); }
static inline void vi_store(int32_t *p, vi x) { vst1q_s32(p, x); }
static inline vi vi_load_n(const int32_t *p, int64_t n)
{
    int32_t t[4] = {0};
    memcpy(t, p, (size_t)n * sizeof *p);
    return vld1q_s32(t);
}
static inline void vi_store_n(int32_t *p, int64_t n, vi x)
{
    int32_t t[4];
    vst1q_s32(t, x);
    memcpy(p, t, (size_t)n * sizeof *p);
}
static inline vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
static inline vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
static inline vi vi_mullo(vi a, vi b) { return vmulq_s32(a, b); }
static inline vi vi_and(vi a, vi b) { return vandq_s32(a, b); }
static inline vi vi_or(vi a, vi b) { return vorrq_s32(a, b); }
static inline vi vi_xor(vi a, vi b) { return veorq_s32(a, b); }
#define vi_sll(a, count) vshlq_n_s32(a, count)
#define vi_srl(a, count)                                                               \
    vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), count))
#define vi_sra(a, count) vshrq_n_s32(a, count)
static inline vm vi_eq(vi a, vi b) { return vceqq_s32(a, b); }
static inline vm vi_gt(vi a, vi b) { return vcgtq_s32(a, b); }
static inline vm vi_ge_u(vi a, vi b)
{
    return vcgeq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b));
}
static inline vi vi_sel(vm m, vi a, vi b) { return vbslq_s32(m, a, b); }

static inline vi v_bits(vf a) { return vreinterpretq_s32_f32(a); }
static inline vf v_from_bits(vi a) { return vreinterpretq_f32_s32(a); }
static inline vi v_to_i(vf a) { return vcvtnq_s32_f32(a); }
static inline vi v_trunc_i(vf a) { return vcvtq_s32_f32(a); }
static inline vf v_from_i(vi a) { return vcvtq_f32_s32(a); }
static inline vf v_xor_sign(vf a, vf s)
{
    return v_from_bits(vi_xor(v_bits(a), vi_and(v_bits(s), vi_set1(INT32_MIN))));
}
static inline vf v_scale2(vf y, vf n)
{
    return v_from_bits(vi_add(v_bits(y), vi_sll(v_to_i(n), 23)));
}

static inline uint16x4_t v_load_u16_n(const uint16_t *p, int64_t n)
{
    uint16_t t[4] = {0};
    memcpy(t, p, (size_t)n * sizeof *p);
    return vld1_u16(t);
}
static inline void v_store_u16_n(uint16_t *p, int64_t n, uint16x4_t h)
{
    uint16_t t[4];
    vst1_u16(t, h);
    memcpy(p, t, (size_t)n * sizeof *p);
}
static inline vf v_widen_bf16(uint16x4_t h)
{
    return vreinterpretq_f32_u32(vshll_n_u16(h, 16));
}
static inline vf v_load_bf16(const uint16_t *p) { return v_widen_bf16(vld1_u16(p)); }
static inline vf v_load_bf16_n(const uint16_t *p, int64_t n)
{
    return v_widen_bf16(v_load_u16_n(p, n));
}
static inline uint16x4_t v_to_bf16(vf x)
{
    uint32x4_t b = vreinterpretq_u32_f32(x);
    uint32x4_t odd = vandq_u32(vshrq_n_u32(b, 16), vdupq_n_u32(1));
    uint32x4_t r = vaddq_u32(b, vaddq_u32(odd, vdupq_n_u32(0x7fff)));
    uint32x4_t ordered = vceqq_f32(x, x);
    r = vbslq_u32(ordered, r, vorrq_u32(b, vdupq_n_u32(0x400000)));
    return vshrn_n_u32(r, 16);
}
static inline void v_store_bf16(uint16_t *p, vf x) { vst1_u16(p, v_to_bf16(x)); }
static inline void v_store_bf16_n(uint16_t *p, int64_t n, vf x)
{
    v_store_u16_n(p, n, v_to_bf16(x));
}
static inline vf v_load_f16(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
static inline vf v_load_f16_n(const uint16_t *p, int64_t n)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(v_load_u16_n(p, n)));
}
static inline void v_store_f16(uint16_t *p, vf x)
{
    vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}
static inline void v_store_f16_n(uint16_t *p, int64_t n, vf x)
{
    v_store_u16_n(p, n, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}

static inline vd vd_zero(void) { return vdupq_n_f64(0.0); }
static inline vd vd_load_f(const float *p) { return vcvt_f64_f32(vld1_f32(p)); }
static inline vd vd_add(vd a, vd b) { return vaddq_f64(a, b); }
static inline vd vd_mul(vd a, vd b) { return vmulq_f64(a, b); }
static inline void vd_store(double *p, vd a) { vst1q_f64(p, a); }

/* clang-format on */

#include "kernels/simd/vec_math.h"

#endif
