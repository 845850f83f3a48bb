/* vec_scalar.h - the vector wrapper in plain C: one lane, any processor. What the names
 * mean is said in vec_avx512.h; v_fma rounds twice here, because fmaf() without the
 * instruction is a slow library call. */
#ifndef ATTI_VEC_SCALAR_H
#define ATTI_VEC_SCALAR_H

#include "kernels/half.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

#define V_ISA     scalar
#define V_LANES   1
#define V_DLANES  1
#define V_HAS_FMA 0

typedef float vf;
typedef int32_t vi;
typedef int vm; /* 0 or 1 */
typedef double vd;

/* clang-format off */

static inline vm v_mask_n(int64_t n) { return n > 0; }

static inline vf v_zero(void) { return 0.0f; }
static inline vf v_set1(float x) { return x; }
static inline vf v_load(const float *p) { return *p; }
static inline void v_store(float *p, vf x) { *p = x; }
static inline vf v_load_n_or(const float *p, int64_t n, float other)
{
    return n > 0 ? *p : other;
}
static inline vf v_load_n(const float *p, int64_t n) { return v_load_n_or(p, n, 0.0f); }
static inline void v_store_n(float *p, int64_t n, vf x)
{
    if (n > 0) *p = x;
}
static inline void v_stream(float *p, vf x) { *p = x; }

static inline vf v_add(vf a, vf b) { return a + b; }
static inline vf v_sub(vf a, vf b) { return a - b; }
static inline vf v_mul(vf a, vf b) { return a * b; }
static inline vf v_div(vf a, vf b) { return a / b; }
static inline vf v_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf v_fms(vf a, vf b, vf c) { return a * b - c; }
static inline vf v_fnma(vf a, vf b, vf c) { return c - a * b; }
static inline vf v_max(vf a, vf b) { return a > b ? a : b; }
static inline vf v_min(vf a, vf b) { return a < b ? a : b; }
static inline vf v_sqrt(vf a) { return sqrtf(a); }
static inline vf v_abs(vf a) { return fabsf(a); }
static inline vf v_neg(vf a) { return -a; }
static inline vf v_round(vf a) { return rintf(a); }

static inline vm v_lt(vf a, vf b) { return a < b; }
static inline vm v_le(vf a, vf b) { return a <= b; }
static inline vm v_gt(vf a, vf b) { return a > b; }
static inline vm v_ge(vf a, vf b) { return a >= b; }
static inline vm v_eq(vf a, vf b) { return a == b; }
static inline vm v_ne(vf a, vf b) { return a != b; }
static inline vm vm_and(vm a, vm b) { return a & b; }
static inline vm vm_or(vm a, vm b) { return a | b; }
static inline vm vm_not(vm a) { return !a; }
static inline int vm_any(vm a) { return a; }
static inline int vm_all(vm a) { return a; }
static inline vf v_sel(vm m, vf a, vf b) { return m ? a : b; }
static inline vf v_keep(vm m, vf a) { return m ? a : 0.0f; }

static inline float v_hsum(vf a) { return a; }
static inline float v_hmax(vf a) { return a; }

static inline void v_transpose(vf r[V_LANES]) { (void)r; }

static inline vi vi_set1(int32_t x) { return x; }
static inline vi vi_iota(void) { return 0; }
static inline vi vi_load(const int32_t *p) { return *p; }
static inline void vi_store(int32_t *p, vi x) { *p = x; }
static inline vi vi_load_n(const int32_t *p, int64_t n) { return n > 0 ? *p : 0; }
static inline void vi_store_n(int32_t *p, int64_t n, vi x)
{
    if (n > 0) *p = x;
}
/* Through unsigned: lanes wrap. */
static inline vi vi_add(vi a, vi b) { return (vi)((uint32_t)a + (uint32_t)b); }
static inline vi vi_sub(vi a, vi b) { return (vi)((uint32_t)a - (uint32_t)b); }
static inline vi vi_mullo(vi a, vi b) { return (vi)((uint32_t)a * (uint32_t)b); }
static inline vi vi_and(vi a, vi b) { return a & b; }
static inline vi vi_or(vi a, vi b) { return a | b; }
static inline vi vi_xor(vi a, vi b) { return a ^ b; }
#define vi_sll(a, count) ((vi)((uint32_t)(a) << (count)))
#define vi_srl(a, count) ((vi)((uint32_t)(a) >> (count)))
#define vi_sra(a, count) ((vi)(a) >> (count))
static inline vm vi_eq(vi a, vi b) { return a == b; }
static inline vm vi_gt(vi a, vi b) { return a > b; }
static inline vm vi_ge_u(vi a, vi b) { return (uint32_t)a >= (uint32_t)b; }
static inline vi vi_sel(vm m, vi a, vi b) { return m ? a : b; }

static inline vi v_bits(vf a)
{
    vi b;
    memcpy(&b, &a, sizeof b);
    return b;
}
static inline vf v_from_bits(vi a)
{
    vf f;
    memcpy(&f, &a, sizeof f);
    return f;
}
/* The vector instructions turn what does not fit into INT32_MIN; in C it is undefined. */
static inline vi v_to_i(vf a)
{
    return a >= -2147483648.0f && a < 2147483648.0f ? (vi)lrintf(a) : INT32_MIN;
}
static inline vi v_trunc_i(vf a)
{
    return a >= -2147483648.0f && a < 2147483648.0f ? (vi)a : INT32_MIN;
}
static inline vf v_from_i(vi a) { return (vf)a; }
static inline vf v_xor_sign(vf a, vf s)
{
    return v_from_bits(vi_xor(v_bits(a), vi_and(v_bits(s), INT32_MIN)));
}
static inline vf v_scale2(vf y, vf n)
{
    return v_from_bits(vi_add(v_bits(y), vi_sll(v_to_i(n), 23)));
}

static inline vf v_load_bf16(const uint16_t *p) { return atti_bf16_to_f32(*p); }
static inline vf v_load_bf16_n(const uint16_t *p, int64_t n)
{
    return n > 0 ? atti_bf16_to_f32(*p) : 0.0f;
}
static inline void v_store_bf16(uint16_t *p, vf x) { *p = atti_f32_to_bf16(x); }
static inline void v_store_bf16_n(uint16_t *p, int64_t n, vf x)
{
    if (n > 0) *p = atti_f32_to_bf16(x);
}
static inline vf v_load_f16(const uint16_t *p) { return atti_f16_to_f32(*p); }
static inline vf v_load_f16_n(const uint16_t *p, int64_t n)
{
    return n > 0 ? atti_f16_to_f32(*p) : 0.0f;
}
static inline void v_store_f16(uint16_t *p, vf x) { *p = atti_f32_to_f16(x); }
static inline void v_store_f16_n(uint16_t *p, int64_t n, vf x)
{
    if (n > 0) *p = atti_f32_to_f16(x);
}

static inline vd vd_zero(void) { return 0.0; }
static inline vd vd_load_f(const float *p) { return (double)*p; }
static inline vd vd_add(vd a, vd b) { return a + b; }
static inline vd vd_mul(vd a, vd b) { return a * b; }
static inline void vd_store(double *p, vd a) { *p = a; }

/* clang-format on */

#include "kernels/simd/vec_math.h"

#endif
