/* bf16_emulated.h - the instructions of x86/bf16_vec.h and x86/amx_tiles.h in plain C, to
 * the bit as Intel's manual defines them, so that the kernels' sources can be compiled a
 * second time and proven on a processor that has none of them.
 *
 *   VCVTNE2PS2BF16  subnormals count as zero, round to nearest even, NaN made quiet
 *   VDPBF16PS       two fused steps a lane, the odd half of a pair first; subnormal
 *                   operands and results are zero
 *   TDPBF16PS       even and odd halves are two fused chains from zero, added up, and the
 *                   sum added to the destination; subnormals as above
 *
 * Tiles notice a use before they are configured (emulated_tile_faults). */
#ifndef TEST_BF16_EMULATED_H
#define TEST_BF16_EMULATED_H

#include "base/compiler.h"
#include "base/rng.h"
#include "kernels/bf16.h"
#include "kernels/half.h"
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct fv {
    float f[16];
} fv;
typedef struct bv {
    uint16_t h[32];
} bv;

ATTI_INLINE float emu_flush(float x)
{
    return fabsf(x) < FLT_MIN ? copysignf(0.0f, x) : x;
}
ATTI_INLINE float emu_fma(float a, float b, float c)
{
    return emu_flush(fmaf(emu_flush(a), emu_flush(b), emu_flush(c)));
}
ATTI_INLINE float emu_add(float a, float b)
{
    return emu_flush(emu_flush(a) + emu_flush(b));
}
ATTI_INLINE uint16_t emu_narrow(float x)
{
    return atti_f32_to_bf16(emu_flush(x));
}

ATTI_INLINE fv f_zero(void)
{
    return (fv){{0}};
}
ATTI_INLINE fv f_load_n(const float *p, int64_t n)
{
    fv r = {{0}};
    for (int64_t i = 0; i < 16 && i < n; i++) r.f[i] = p[i];
    return r;
}
ATTI_INLINE fv f_load(const float *p)
{
    return f_load_n(p, 16);
}
ATTI_INLINE void f_store_n(float *p, int64_t n, fv x)
{
    for (int64_t i = 0; i < 16 && i < n; i++) p[i] = x.f[i];
}
ATTI_INLINE fv f_add(fv a, fv b)
{
    for (int i = 0; i < 16; i++) a.f[i] += b.f[i];
    return a;
}
ATTI_INLINE fv f_set1(float x)
{
    fv r;
    for (int i = 0; i < 16; i++) r.f[i] = x;
    return r;
}
ATTI_INLINE void f_store(float *p, fv x)
{
    f_store_n(p, 16, x);
}
ATTI_INLINE fv f_sub(fv a, fv b)
{
    for (int i = 0; i < 16; i++) a.f[i] -= b.f[i];
    return a;
}
ATTI_INLINE fv f_mul(fv a, fv b)
{
    for (int i = 0; i < 16; i++) a.f[i] *= b.f[i];
    return a;
}
ATTI_INLINE fv f_fma(fv a, fv b, fv c)
{
    for (int i = 0; i < 16; i++) a.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
    return a;
}
ATTI_INLINE fv f_max(fv a, fv b)
{
    for (int i = 0; i < 16; i++) a.f[i] = a.f[i] > b.f[i] ? a.f[i] : b.f[i];
    return a;
}
ATTI_INLINE float f_top(fv a)
{
    float x = a.f[0];
    for (int i = 1; i < 16; i++) x = a.f[i] > x ? a.f[i] : x;
    return x;
}
ATTI_INLINE int f_finite(fv x)
{
    for (int i = 0; i < 16; i++)
        if (!isfinite(x.f[i])) return 0;
    return 1;
}
ATTI_INLINE fv f_keep(fv x, int64_t lo, int64_t hi, int64_t first, float other)
{
    for (int i = 0; i < 16; i++)
        if (!((i >= lo && i < hi) || i < first)) x.f[i] = other;
    return x;
}
ATTI_INLINE fv f_fraction(fv x)
{
    /* VREDUCEPS rounds the difference as it rounds the integer: down. */
    for (int i = 0; i < 16; i++) {
        double exact = (double)x.f[i] - floor((double)x.f[i]);
        float f = (float)exact;
        if ((double)f > exact || (f == 1.0f && x.f[i] < 0.0f)) f = nextafterf(f, 0.0f);
        x.f[i] = f;
    }
    return x;
}
ATTI_INLINE fv f_times_power(fv y, fv x)
{
    for (int i = 0; i < 16; i++) {
        if (x.f[i] < -126.0f)
            y.f[i] = 0.0f;
        else if (isnan(x.f[i]))
            y.f[i] = x.f[i];
        else if (x.f[i] > 300.0f)
            y.f[i] *= INFINITY;
        else
            y.f[i] = ldexpf(y.f[i], (int)floorf(x.f[i]));
    }
    return y;
}
ATTI_INLINE fv f_drop(fv x, uint32_t rowkey, uint32_t col, uint32_t threshold)
{
    for (int i = 0; i < 16; i++)
        if (atti_drop_bits(rowkey, col + (uint32_t)i) < threshold) x.f[i] = 0.0f;
    return x;
}
ATTI_INLINE fv f_drop_down(fv x, const uint32_t *rowkey, uint32_t col,
                           uint32_t threshold)
{
    for (int i = 0; i < 16; i++)
        if (atti_drop_bits(rowkey[i], col) < threshold) x.f[i] = 0.0f;
    return x;
}
ATTI_INLINE fv f_as_bf16(fv x)
{
    for (int i = 0; i < 16; i++) x.f[i] = atti_bf16_to_f32(emu_narrow(x.f[i]));
    return x;
}
/* In the order of the compilers' reduction: halves of the vector, then halves of that. */
ATTI_INLINE float f_sum(fv a)
{
    for (int n = 8; n; n /= 2)
        for (int i = 0; i < n; i++) a.f[i] += a.f[i + n];
    return a.f[0];
}
ATTI_INLINE bv b_zero(void)
{
    return (bv){{0}};
}
ATTI_INLINE bv b_load(const uint16_t *p)
{
    bv r;
    memcpy(&r, p, sizeof r);
    return r;
}
ATTI_INLINE void b_store(uint16_t *p, bv x)
{
    memcpy(p, &x, sizeof x);
}
ATTI_INLINE bv b_broadcast(const uint16_t *pair)
{
    bv r;
    for (int i = 0; i < 32; i++) r.h[i] = pair[i % 2];
    return r;
}
ATTI_INLINE bv b_narrow(fv lo, fv hi)
{
    bv r;
    for (int i = 0; i < 16; i++) {
        r.h[i] = emu_narrow(lo.f[i]);
        r.h[16 + i] = emu_narrow(hi.f[i]);
    }
    return r;
}
ATTI_INLINE bv b_pairs(fv even, fv odd)
{
    bv r;
    for (int i = 0; i < 16; i++) {
        r.h[2 * i] = emu_narrow(even.f[i]);
        r.h[2 * i + 1] = emu_narrow(odd.f[i]);
    }
    return r;
}
ATTI_INLINE bv emu_zip(bv x, bv y, int from)
{
    bv r;
    for (int i = 0; i < 16; i++) {
        r.h[2 * i] = x.h[i / 4 * 8 + from + i % 4];
        r.h[2 * i + 1] = y.h[i / 4 * 8 + from + i % 4];
    }
    return r;
}
ATTI_INLINE bv b_zip_low(bv x, bv y)
{
    return emu_zip(x, y, 0);
}
ATTI_INLINE bv b_zip_high(bv x, bv y)
{
    return emu_zip(x, y, 4);
}
ATTI_INLINE void b_transpose(bv r[16])
{
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < i; j++)
            for (int h = 0; h < 2; h++) {
                uint16_t x = r[i].h[2 * j + h];
                r[i].h[2 * j + h] = r[j].h[2 * i + h];
                r[j].h[2 * i + h] = x;
            }
}
ATTI_INLINE fv f_dot(fv acc, bv a, bv b)
{
    for (int i = 0; i < 16; i++)
        for (int h = 1; h >= 0; h--)
            acc.f[i] = emu_fma(atti_bf16_to_f32(a.h[2 * i + h]),
                               atti_bf16_to_f32(b.h[2 * i + h]), acc.f[i]);
    return acc;
}

/* ---- tiles ---- */

typedef struct emu_tiles {
    int configured;
    unsigned char at[8][16][64];
} emu_tiles;
extern _Thread_local emu_tiles emulated_tiles;
extern _Thread_local int emulated_tile_faults; /* uses of tiles that were not there */

ATTI_INLINE void emu_use(void)
{
    if (!emulated_tiles.configured) emulated_tile_faults++;
}
ATTI_INLINE void emu_config(int on)
{
    if (emulated_tiles.configured == on) emulated_tile_faults++;
    memset(&emulated_tiles, 0, sizeof emulated_tiles);
    emulated_tiles.configured = on;
}
ATTI_INLINE void emu_tile_zero(int t)
{
    emu_use();
    memset(emulated_tiles.at[t], 0, sizeof emulated_tiles.at[t]);
}
ATTI_INLINE void emu_tile_load(int t, const void *p, int64_t bytes)
{
    emu_use();
    for (int i = 0; i < 16; i++)
        memcpy(emulated_tiles.at[t][i], (const char *)p + i * bytes, 64);
}
ATTI_INLINE void emu_tile_store(int t, void *p, int64_t bytes)
{
    emu_use();
    for (int i = 0; i < 16; i++)
        memcpy((char *)p + i * bytes, emulated_tiles.at[t][i], 64);
}
ATTI_INLINE void emu_tile_dot(int c, int a, int b)
{
    emu_use();
    for (int m = 0; m < 16; m++) {
        float sum[32] = {0}, row[16];
        uint16_t x[32], y[32];
        memcpy(x, emulated_tiles.at[a][m], sizeof x);
        for (int k = 0; k < 16; k++) {
            memcpy(y, emulated_tiles.at[b][k], sizeof y);
            for (int n = 0; n < 32; n++)
                sum[n] = emu_fma(atti_bf16_to_f32(x[2 * k + n % 2]),
                                 atti_bf16_to_f32(y[n]), sum[n]);
        }
        memcpy(row, emulated_tiles.at[c][m], sizeof row);
        for (int n = 0; n < 16; n++)
            row[n] = emu_add(row[n], emu_add(sum[2 * n], sum[2 * n + 1]));
        memcpy(emulated_tiles.at[c][m], row, sizeof row);
    }
}

#define T_CONFIG()           emu_config(1)
#define T_RELEASE()          emu_config(0)
#define T_ZERO(t)            emu_tile_zero(t)
#define T_LOAD(t, p, bytes)  emu_tile_load(t, p, bytes)
#define T_STORE(t, p, bytes) emu_tile_store(t, p, bytes)
#define T_DOT(c, a, b)       emu_tile_dot(c, a, b)
#define T_FENCE()            ((void)0)

#endif
