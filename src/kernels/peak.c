/* peak.c - measures the rate that benchmarks divide by. */
#include "attend/kernels.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include <time.h>

#define ROUNDS 100000

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct spin {
    float (*rounds)(int64_t n);
    float sink[ATTI_MAX_THREADS];
} spin;

static void spin_task(void *ctx, int64_t task, int thread)
{
    spin *s = ctx;
    (void)task;
    s->sink[thread] = s->rounds(ROUNDS);
}

/* The best of some tries of a round that is flops operations. */
static double best_rate(float (*rounds)(int64_t n), double flops)
{
    int team = atti_threads_now();
    double best = 0;
    spin s = {rounds, {0}};
    for (int i = 0; i < 40; i++) {
        double t = seconds();
        atti_parallel_void(team, spin_task, &s);
        double rate = (double)team * ROUNDS * flops / (seconds() - t) / 1e9;
        if (rate > best) best = rate;
    }
    return best;
}

double att_kernels_peak_gflops(void)
{
    const atti_attn_kernels *k = atti_k()->attn;
    return k ? best_rate(k->fma_rounds, 24.0 * k->lanes) : 0;
}

double att_kernels_peak_bf16_gflops(void)
{
    const atti_bf16_kernels *k = atti_bf16();
    return k ? best_rate(k->rounds, k->flops_a_round) : 0;
}
