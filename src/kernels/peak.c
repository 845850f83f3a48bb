/* peak.c - measures the rates that benchmarks divide by. */
#include "attend/kernels.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include <string.h>
#include <time.h>

#define ROUNDS 100000
enum { READ_COLS = 64, READ_PIECE = 1 << 18 }; /* floats: a row, a task */

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

typedef struct reading {
    const float *x;
    int64_t n;
    float sink[ATTI_MAX_THREADS];
} reading;

static void read_task(void *ctx, int64_t task, int thread)
{
    reading *r = ctx;
    float sum[READ_COLS] = {0};
    int64_t at = task * READ_PIECE, n = atti_min_i64(r->n - at, READ_PIECE);
    atti_k()->col_sum(sum, r->x + at, n / READ_COLS, READ_COLS, READ_COLS);
    r->sink[thread] += sum[0];
}

double att_kernels_read_gb_per_s(size_t bytes)
{
    reading r = {.n = (int64_t)(bytes / sizeof(float) / READ_COLS * READ_COLS)};
    float *x;
    double best = 0;
    if (r.n == 0) return 0;
    if (atti_alloc_raw(&x, (size_t)r.n, sizeof *x, "reading") != ATT_OK) return 0;
    memset(x, 0, (size_t)r.n * sizeof *x); /* every page is there */
    r.x = x;
    for (int i = 0; i < 12; i++) {
        double t = seconds();
        atti_parallel_void(atti_ceil_div(r.n, READ_PIECE), read_task, &r);
        double rate = (double)r.n * sizeof *x / (seconds() - t) / 1e9;
        if (rate > best) best = rate;
    }
    atti_free(x);
    return best;
}
