/* peak.c - measures the rate that benchmarks divide by. */
#include "attend/kernels.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
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

double att_kernels_peak_gflops(void)
{
    const atti_attn_kernels *k = atti_k()->attn;
    int team = atti_threads_now();
    double best = 0;
    if (!k) return 0;
    spin s = {k->fma_rounds, {0}};
    for (int i = 0; i < 40; i++) {
        double t = seconds();
        atti_parallel_void(team, spin_task, &s);
        double rate = (double)team * ROUNDS * 24.0 * k->lanes / (seconds() - t) / 1e9;
        if (rate > best) best = rate;
    }
    return best;
}
