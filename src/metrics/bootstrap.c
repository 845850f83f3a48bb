/* bootstrap.c - confidence intervals by resampling sentences (Koehn 2004).
 *
 * sacreBLEU draws its resamples with numpy's default_rng(12345), so the same generator
 * is here: PCG64 (O'Neill 2014: a 128-bit linear congruential state, xor-shift-low and
 * random rotation out), seeded through numpy's SeedSequence, bounded by Lemire's method
 * on 32-bit halves. Then the printed interval is sacreBLEU's too. */
#include "metrics/metric_text.h"

#include <stdlib.h>
#include <string.h>

typedef struct u128 {
    uint64_t hi, lo;
} u128;

static u128 mul128(u128 a, u128 b)
{
    /* Schoolbook on 32-bit halves of the low words; the high words only wrap. */
    uint64_t a0 = a.lo & 0xffffffffu, a1 = a.lo >> 32;
    uint64_t b0 = b.lo & 0xffffffffu, b1 = b.lo >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
    uint64_t mid = (p00 >> 32) + (p01 & 0xffffffffu) + (p10 & 0xffffffffu);
    u128 r;

    r.lo = mid << 32 | (p00 & 0xffffffffu);
    r.hi = p11 + (p01 >> 32) + (p10 >> 32) + (mid >> 32) + a.hi * b.lo + a.lo * b.hi;
    return r;
}

static u128 add128(u128 a, u128 b)
{
    u128 r = {a.hi + b.hi, a.lo + b.lo};

    r.hi += r.lo < a.lo;
    return r;
}

typedef struct pcg64 {
    u128 state, increment;
    uint32_t saved; /* the upper half of the last word, not yet handed out */
    bool has_saved;
} pcg64;

static void pcg_step(pcg64 *g)
{
    static const u128 multiplier = {2549297995355413924ULL, 4865540595714422341ULL};

    g->state = add128(mul128(g->state, multiplier), g->increment);
}

static uint32_t pcg_next32(pcg64 *g)
{
    uint64_t x;
    unsigned rot;

    if (g->has_saved) {
        g->has_saved = false;
        return g->saved;
    }
    pcg_step(g);
    x = g->state.hi ^ g->state.lo;
    rot = (unsigned)(g->state.hi >> 58);
    x = rot ? x >> rot | x << (64 - rot) : x;
    g->saved = (uint32_t)(x >> 32);
    g->has_saved = true;
    return (uint32_t)x;
}

static uint32_t hash_mix(uint32_t value, uint32_t *constant)
{
    value ^= *constant;
    *constant *= 0x931e8875u;
    value *= *constant;
    return value ^ value >> 16;
}

static void seed_words(uint32_t out[8], uint64_t seed)
{
    uint32_t entropy[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), 0, 0};
    uint32_t pool[4], constant = 0x43b0d7e5u;

    for (int i = 0; i < 4; i++) pool[i] = hash_mix(entropy[i], &constant);
    for (int src = 0; src < 4; src++) {
        for (int dst = 0; dst < 4; dst++) {
            uint32_t r;

            if (src == dst) continue;
            r = 0xca01f9ddu * pool[dst] - 0x4973f715u * hash_mix(pool[src], &constant);
            pool[dst] = r ^ r >> 16;
        }
    }
    constant = 0x8b51f9ddu;
    for (int i = 0; i < 8; i++) {
        uint32_t v = pool[i % 4] ^ constant;

        constant *= 0x58f38dedu;
        v *= constant;
        out[i] = v ^ v >> 16;
    }
}

static void pcg_seed(pcg64 *g, uint64_t seed)
{
    uint32_t w[8];
    uint64_t v[4];

    seed_words(w, seed);
    for (int i = 0; i < 4; i++) v[i] = (uint64_t)w[2 * i + 1] << 32 | w[2 * i];
    memset(g, 0, sizeof *g);
    g->increment = (u128){v[2] << 1 | v[3] >> 63, v[3] << 1 | 1};
    pcg_step(g);
    g->state = add128(g->state, (u128){v[0], v[1]});
    pcg_step(g);
}

static uint32_t pcg_below(pcg64 *g, uint32_t n)
{
    uint64_t m = (uint64_t)pcg_next32(g) * n;

    if ((uint32_t)m < n) {
        uint32_t threshold = (0u - n) % n;

        while ((uint32_t)m < threshold) m = (uint64_t)pcg_next32(g) * n;
    }
    return (uint32_t)(m >> 32);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

att_status atti_bootstrap(double *mean, double *interval, const float *stats, int64_t n,
                          int width, int32_t samples, uint64_t seed,
                          atti_score_fn *score, const void *ctx)
{
    double *scores, *sums, total = 0.0;
    int32_t cut = samples / 40;
    pcg64 g;

    if (n > UINT32_MAX - 1)
        return atti_fail(ATT_EINVAL, "bootstrap: %lld sentences", (long long)n);
    ATTI_TRY(atti_alloc(&scores, (size_t)samples + (size_t)width, sizeof *scores,
                        "bootstrap scores"));
    sums = scores + samples;
    pcg_seed(&g, seed);
    for (int32_t s = 0; s < samples; s++) {
        memset(sums, 0, (size_t)width * sizeof *sums);
        for (int64_t i = 0; i < n; i++) {
            /* One sentence needs no draw, and numpy makes none. */
            size_t row = n == 1 ? 0 : pcg_below(&g, (uint32_t)n);

            for (int k = 0; k < width; k++)
                sums[k] += (double)stats[row * (size_t)width + (size_t)k];
        }
        scores[s] = score(ctx, sums);
        total += scores[s];
    }
    qsort(scores, (size_t)samples, sizeof *scores, compare);
    *mean = total / samples;
    *interval = 0.5 * (scores[samples - cut - 1] - scores[cut]);
    atti_free(scores);
    return ATT_OK;
}
