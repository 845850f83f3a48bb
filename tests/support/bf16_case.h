/* bf16_case.h - one head of attention by tiles of bf16: what the tests of its forward and of
 * its backward share. Numbers are bf16's, rows are followed by PAD more. */
#ifndef TEST_BF16_CASE_H
#define TEST_BF16_CASE_H

#include "base/rng.h"
#include "bf16_tables.h"
#include "kernels/attn_kernels.h"
#include "kernels/cpu.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include <math.h>
#include <stdlib.h>

enum { MOST_TABLES = 4, PAD = 3 };

static inline int tables(const atti_bf16_kernels *out[MOST_TABLES])
{
    int n = 0;
    if (!atti_k()->attn) return 0; /* plain C has no dense attention to fall back on */
    out[n++] = &bf16_emulated_amx;
    out[n++] = &bf16_emulated_dot;
    if (atti_cpu_probe().avx512 && bf16_without_bf16()) out[n++] = bf16_without_bf16();
    if (atti_bf16()) out[n++] = atti_bf16();
    return n;
}

typedef struct kase {
    int64_t n_q, n_k, d, e, left, right, sinks;
    float sink, dropout, scale;
    int below; /* every score is far below 0: exp(0 - lse) is no number */
} kase;

static inline int sees(const kase *c, int64_t t, int64_t s)
{
    int64_t p = t + c->n_k - c->n_q;
    if (c->right >= 0 && s > p + c->right) return 0;
    return c->left < 0 || s >= p - c->left || s < c->sinks;
}

static inline float *draw(int64_t rows, int64_t cols, uint64_t seed)
{
    float *x = malloc((size_t)(rows * (cols + PAD) + 1) * sizeof *x);
    atti_rng r = {seed, 0};
    for (int64_t i = 0; i < rows * (cols + PAD); i++)
        x[i] = atti_bf16_to_f32(atti_f32_to_bf16((float)(2 * atti_rng_unit(&r) - 1)));
    return x;
}

static inline atti_attn_problem problem_of(const kase *c, const float *q,
                                           const float *k, const float *v)
{
    return (atti_attn_problem){.q = q,
                               .k = k,
                               .v = v,
                               .ld_q = c->d + PAD,
                               .ld_k = c->d + PAD,
                               .ld_v = c->e + PAD,
                               .n_q = c->n_q,
                               .n_k = c->n_k,
                               .d = c->d,
                               .e = c->e,
                               .scale =
                                   c->scale != 0 ? c->scale : 3 / sqrtf((float)c->d),
                               .post = 1.0f,
                               .left = c->left,
                               .right = c->right,
                               .sinks = c->sinks,
                               .sink_logit = c->sink != 0 ? c->sink : -INFINITY,
                               .drop = atti_drop_make(c->dropout, 99),
                               .drop_row0 = 5,
                               .drop_step = 2};
}

#endif
