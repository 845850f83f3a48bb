/* rng.h - counter-based random numbers: a value depends on (key, counter) only, so any
 * thread can make any of them, and backward regenerates what forward drew.
 *
 * Everything is static inline and integer-only: the kernels of every ISA repeat exactly
 * this arithmetic, lane by lane. */
#ifndef ATTI_RNG_H
#define ATTI_RNG_H

#include <stdint.h>

/* 32-bit finaliser with low bias (two multiplications, three xor-shifts); the constants
 * were found by Chris Wellons' hash prospector, public domain. */
static inline uint32_t atti_mix32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352dU;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    x ^= x >> 16;
    return x;
}

/* SplitMix64's finaliser (Steele, Lea, Flood 2014). */
static inline uint64_t atti_mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static inline uint64_t atti_key(uint64_t seed, uint64_t step, uint64_t stream)
{
    return atti_mix64(atti_mix64(atti_mix64(seed) ^ step) + stream);
}

/* Dropout. Element (row, col) is kept when atti_drop_bits(rowkey, col) >= threshold.
 * rowkey = atti_drop_rowkey(key, row). scale = 1/(1-p); p = 0: threshold 0, scale 1. */
typedef struct atti_drop {
    uint64_t key;
    uint32_t threshold; /* floor(p * 2^32); 0 = keep everything */
    float scale;
} atti_drop;

static inline atti_drop atti_drop_make(float p, uint64_t key)
{
    atti_drop d = {key, 0, 1.0f};
    if (p > 0.0f) {
        double t = (double)p * 4294967296.0;
        d.threshold = t >= 4294967295.0 ? 0xffffffffU : (uint32_t)t;
        d.scale = p < 1.0f ? 1.0f / (1.0f - p) : 0.0f;
    }
    return d;
}

static inline uint32_t atti_drop_rowkey(uint64_t key, uint64_t row)
{
    return (uint32_t)(atti_mix64(key ^ row) >> 32);
}

static inline uint32_t atti_drop_bits(uint32_t rowkey, uint32_t col)
{
    return atti_mix32((col * 0x9e3779b9U) ^ rowkey);
}

/* A stream for one owner: shuffles, initial weights, sampling. The state is two words
 * and goes into checkpoints as it is. */
typedef struct atti_rng {
    uint64_t key;
    uint64_t counter;
} atti_rng;

static inline uint64_t atti_rng_u64(atti_rng *r)
{
    return atti_mix64(r->key ^ atti_mix64(r->counter++));
}
static inline double atti_rng_unit(atti_rng *r) /* [0, 1) */
{
    return (double)(atti_rng_u64(r) >> 11) * (1.0 / 9007199254740992.0);
}
static inline uint64_t atti_rng_below(atti_rng *r, uint64_t n) /* n >= 1 */
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do x = atti_rng_u64(r);
    while (x >= limit);
    return x % n;
}
/* Normal with mean 0 and deviation 1 (Box-Muller), in rng.c: needs libm. */
double atti_rng_normal(atti_rng *r);

#endif
