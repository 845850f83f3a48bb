/* vec_math.h - exp, log, tanh, erf and friends over the vector wrapper, included at the
 * end of each vec_*.h. Errors are measured by walking the floats (tests/kernels;
 * every 61st for the figures here, all of them with ATTEND_LONG=1) and stated in units in the last place (ulp) for the sets with FMA.
 *
 * The polynomials are weighted minimax fits (relative error of the whole function) made
 * for this file; each comment gives the fit's own error before rounding. */
#ifndef ATTI_VEC_MATH_H
#define ATTI_VEC_MATH_H

#include "base/compiler.h"

/* Load and store of n lanes; a constant n = V_LANES is the plain instruction. */
ATTI_INLINE vf v_ld(const float *p, int64_t n)
{
    return n == V_LANES ? v_load(p) : v_load_n(p, n);
}
ATTI_INLINE void v_st(float *p, int64_t n, vf x)
{
    if (n == V_LANES)
        v_store(p, x);
    else
        v_store_n(p, n, x);
}

/* e^x: at most 1.0 ulp. Below -87.336 (where the result leaves the normal range) it is
 * exactly 0, above 88.7228 Inf, NaN stays NaN; -Inf gives 0. */
static inline vf v_exp(vf x)
{
    const vf hi = v_set1(88.72283935546875f), lo = v_set1(-87.336f);
    vf n = v_round(v_mul(x, v_set1(0x1.715476p+0f)));
    /* ln 2 in two parts, the first with 12 trailing zero bits: n * it is exact. */
    vf r = v_fnma(n, v_set1(0x1.62ep-1f), x);
    r = v_fnma(n, v_set1(0x1.0bfbe8p-15f), r);
    /* e^r = 1 + r + r^2 P(r), |r| <= ln(2)/2; 3.1e-9 */
    vf p = v_fma(v_set1(0x1.6a234ep-10f), r, v_set1(0x1.123a6cp-7f));
    p = v_fma(p, r, v_set1(0x1.5558f4p-5f));
    p = v_fma(p, r, v_set1(0x1.555490p-3f));
    p = v_fma(p, r, v_set1(0x1.fffffcp-2f));
    vf y = v_fma(v_mul(r, r), p, r);
    y = v_add(y, v_set1(1.0f));
    y = v_scale2(y, n);
    y = v_sel(v_gt(x, hi), v_set1(INFINITY), y);
    return v_sel(v_lt(x, lo), v_zero(), y);
}

/* Natural logarithm: at most 0.9 ulp. 0 gives -Inf, below 0 NaN, subnormals are exact. */
static inline vf v_log(vf x)
{
    vm tiny = v_lt(x, v_set1(0x1p-126f));
    vf z = v_sel(tiny, v_mul(x, v_set1(0x1p24f)), x);
    /* z = 2^k m with m in [sqrt(1/2), sqrt(2)) */
    vi b = vi_sub(v_bits(z), vi_set1(0x3f3504f3));
    vi k = vi_sra(b, 23);
    vf f = v_from_bits(vi_add(vi_and(b, vi_set1(0x7fffff)), vi_set1(0x3f3504f3)));
    f = v_sub(f, v_set1(1.0f));
    vf kf = v_sub(v_from_i(k), v_keep(tiny, v_set1(24.0f)));
    /* log(1 + f) = f - f^2/2 + f^3 P(f); 7.5e-10 */
    vf p = v_fma(v_set1(0x1.14573ep-4f), f, v_set1(-0x1.de3bf8p-4f));
    p = v_fma(p, f, v_set1(0x1.e6f08cp-4f));
    p = v_fma(p, f, v_set1(-0x1.fc220ep-4f));
    p = v_fma(p, f, v_set1(0x1.233766p-3f));
    p = v_fma(p, f, v_set1(-0x1.555c4ep-3f));
    p = v_fma(p, f, v_set1(0x1.99a4b6p-3f));
    p = v_fma(p, f, v_set1(-0x1.000006p-2f));
    p = v_fma(p, f, v_set1(0x1.555548p-2f));
    vf s = v_mul(f, f);
    vf t = v_mul(p, v_mul(s, f));
    t = v_fma(kf, v_set1(0x1.7f7d1cp-20f), t);
    t = v_fma(v_set1(-0.5f), s, t);
    vf y = v_fma(kf, v_set1(0x1.62e4p-1f), v_add(f, t));
    /* Inf and NaN pass through x + x; zero and negatives are replaced. */
    y = v_sel(v_lt(x, v_set1(INFINITY)), y, v_add(x, x));
    y = v_sel(v_eq(x, v_zero()), v_set1(-INFINITY), y);
    return v_sel(v_lt(x, v_zero()), v_set1(NAN), y);
}

/* 1 / (1 + e^-x): at most 2.5 ulp where the result is normal. */
static inline vf v_sigmoid(vf x)
{
    vf one = v_set1(1.0f);
    return v_div(one, v_add(one, v_exp(v_neg(x))));
}

/* Hyperbolic tangent: at most 1.4 ulp. */
static inline vf v_tanh(vf x)
{
    vf a = v_abs(x), s = v_mul(x, x);
    /* |x| < 0.625: x + x^3 P(x^2); 4.4e-9 */
    vf p = v_fma(v_set1(-0x1.75e1a8p-8f), s, v_set1(0x1.522692p-6f));
    p = v_fma(p, s, v_set1(-0x1.b83c58p-5f));
    p = v_fma(p, s, v_set1(0x1.110726p-3f));
    p = v_fma(p, s, v_set1(-0x1.555532p-2f));
    vf small = v_fma(v_mul(p, s), x, x);
    /* else 1 - 2 / (e^2|x| + 1); e^.. = Inf gives 1 */
    vf e = v_exp(v_add(a, a));
    vf big = v_sub(v_set1(1.0f), v_div(v_set1(2.0f), v_add(e, v_set1(1.0f))));
    return v_sel(v_lt(a, v_set1(0.625f)), small, v_xor_sign(big, x));
}

/* Error function: at most 1.3 ulp. */
static inline vf v_erf(vf x)
{
    vf t = v_abs(x), s = v_mul(x, x);
    /* |x| < 0.9375: x + x P(x^2); 1.9e-8 */
    vf p = v_fma(v_set1(-0x1.36590ep-11f), s, v_set1(0x1.464ff0p-8f));
    p = v_fma(p, s, v_set1(-0x1.b66324p-6f));
    p = v_fma(p, s, v_set1(0x1.ce17a6p-4f));
    p = v_fma(p, s, v_set1(-0x1.8126d4p-2f));
    p = v_fma(p, s, v_set1(0x1.06eba6p-3f));
    vf small = v_fma(p, x, x);
    /* else 1 - exp(-(t + t Q(t))), up to 3.95 where erf rounds to 1; 6.4e-10 */
    vf c = v_min(v_set1(3.95f), t);
    vf q = v_fma(v_set1(0x1.8efb4ap-17f), c, v_set1(-0x1.596cc6p-12f));
    q = v_fma(q, c, v_set1(0x1.e0f6b0p-9f));
    q = v_fma(q, c, v_set1(-0x1.8641b6p-6f));
    q = v_fma(q, c, v_set1(0x1.b36b7cp-4f));
    q = v_fma(q, c, v_set1(0x1.452d3cp-1f));
    q = v_fma(q, c, v_set1(0x1.077e1ep-3f));
    vf e = v_exp(v_neg(v_fma(q, c, c)));
    vf big = v_xor_sign(v_sub(v_set1(1.0f), e), x);
    return v_sel(v_lt(t, v_set1(0.9375f)), small, big);
}

/* x Phi(x), Phi the normal distribution's integral: 0.5 x (1 + erf(x / sqrt 2)). */
static inline vf v_gelu(vf x)
{
    vf e = v_erf(v_mul(x, v_set1(0.70710678118654752f)));
    return v_mul(v_mul(v_set1(0.5f), x), v_add(v_set1(1.0f), e));
}

/* The same with tanh(sqrt(2/pi) (x + 0.044715 x^3)) for erf. */
static inline vf v_gelu_tanh(vf x)
{
    vf u = v_mul(v_mul(x, x), x);
    u = v_mul(v_set1(0.79788456080286536f), v_fma(v_set1(0.044715f), u, x));
    return v_mul(v_mul(v_set1(0.5f), x), v_add(v_set1(1.0f), v_tanh(u)));
}

/* atti_mix32 (base/rng.h), lane by lane. */
static inline vi vi_mix32(vi x)
{
    x = vi_xor(x, vi_srl(x, 16));
    x = vi_mullo(x, vi_set1(0x7feb352d));
    x = vi_xor(x, vi_srl(x, 15));
    x = vi_mullo(x, vi_set1((int32_t)0x846ca68bU));
    return vi_xor(x, vi_srl(x, 16));
}

/* What atti_drop does to columns col .. col+V_LANES-1 of the row with this rowkey:
 * kept lanes times scale, the others 0. `col0` counts in units of one column. */
static inline vm v_drop_mask(uint32_t rowkey, int64_t col, uint32_t threshold)
{
    /* (col + lane) times the constant, with the slow multiplication outside of loops. */
    vi lane = vi_mullo(vi_iota(), vi_set1((int32_t)0x9e3779b9U));
    vi h = vi_add(vi_set1((int32_t)((uint32_t)col * 0x9e3779b9U)), lane);
    h = vi_mix32(vi_xor(h, vi_set1((int32_t)rowkey)));
    return vi_ge_u(h, vi_set1((int32_t)threshold));
}
static inline vf v_drop(vf x, uint32_t rowkey, int64_t col, uint32_t threshold,
                        vf scale)
{
    return v_keep(v_drop_mask(rowkey, col, threshold), v_mul(x, scale));
}

#endif
