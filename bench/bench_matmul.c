/* bench_matmul.c - the matrix products of training and of decoding, in GFLOP/s and as a
 * fraction of the peak measured in the same run; one CSV line a product.
 *
 *   bench_matmul [tiny|base|decode|all] [repetitions] [cpu]
 *
 * Times are the least of the repetitions: others may use the machine. "cpu" counts the
 * process's own processor time instead of the wall clock's: for one thread on a busy
 * machine. ATTEND_THREADS and ATTEND_ISA as everywhere. */
#include "attend/base.h"
#include "attend/kernels.h"
#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/matmul.h"
#include "kernels/matmul_core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static clockid_t the_clock = CLOCK_MONOTONIC;

static double now(void)
{
    struct timespec t;
    clock_gettime(the_clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int repetitions = 15;
static double peak; /* of all threads, by a product that stays in the first cache */

static float *filled(int64_t n)
{
    float *p;
    if (atti_alloc_raw(&p, (size_t)n, sizeof *p, "bench") != ATT_OK) exit(1);
    for (int64_t i = 0; i < n; i++) p[i] = (float)(i * 7 % 13 - 6) * 0.1f;
    return p;
}

typedef struct peak_job {
    const float *a, *b;
    float *c;
} peak_job;

/* One full tile over and over: its operands stay in the first cache. */
static void peak_task(void *ctx, int64_t task, int thread)
{
    const peak_job *j = ctx;
    const atti_gemm_kernels *g = atti_gemm_tiles();
    atti_gemm_tile t = {j->a,  j->b, j->c + task * 1024, 256, 256, g->nr, g->nr,
                        g->nr, 0};
    (void)thread;
    for (int i = 0; i < 200; i++) g->tile_row(g->mr, &t);
}

static void report(const char *what, const atti_matmul_shape *s, double seconds,
                   double bytes)
{
    double flops = 2.0 * (double)s->rows * (double)s->n_out * (double)s->n_in;
    double g = flops / seconds * 1e-9;
    printf("%s,%lld,%lld,%lld,%.1f,%.1f,%.1f,%s,%s,%d\n", what, (long long)s->rows,
           (long long)s->n_out, (long long)s->n_in, seconds * 1e6, g,
           bytes / seconds * 1e-9, att_kernels_isa(), att_matmul_provider(),
           atti_threads_max());
    fflush(stdout);
}

#define BEST(out, call)                                                                \
    do {                                                                               \
        out = 1e30;                                                                    \
        for (int rep_ = 0; rep_ < repetitions; rep_++) {                               \
            double t_ = now();                                                         \
            if ((call) != ATT_OK) exit(1);                                             \
            t_ = now() - t_;                                                           \
            if (t_ < out) out = t_;                                                    \
        }                                                                              \
    } while (0)

static double train(int64_t rows, int64_t n_out, int64_t n_in)
{
    atti_matmul_shape s = {rows, n_out, n_in, 0};
    float *x = filled(rows * n_in), *y = filled(rows * n_out),
          *w = filled(n_out * n_in);
    double f, i, g;
    BEST(f, atti_matmul_forward(&s, y, n_out, x, n_in, w, NULL));
    report("forward", &s, f, 0.0);
    BEST(i, atti_matmul_grad_input(&s, x, n_in, y, n_out, w, 0, NULL));
    report("grad_input", &s, i, 0.0);
    BEST(g, atti_matmul_grad_weight(&s, w, y, n_out, x, n_in, 0));
    report("grad_weight", &s, g, 0.0);
    atti_free(x), atti_free(y), atti_free(w);
    return f + i + g;
}

static void decode(int64_t n_out, int64_t n_in)
{
    static const int64_t rows[] = {1, 4, 8, 32, 128};
    float *w = filled(n_out * n_in), *x = filled(128 * n_in), *y = filled(128 * n_out);
    /* Eight copies: a model's weights do not stay in the second cache either. */
    atti_linear *l[8];
    for (int i = 0; i < 8; i++) {
        if (atti_linear_create(&l[i], ATTI_LINEAR_F32, w, n_out, n_in, n_in, 0) !=
            ATT_OK)
            exit(1);
    }
    for (size_t q = 0; q < sizeof rows / sizeof *rows; q++) {
        atti_matmul_shape s = {rows[q], n_out, n_in, 0};
        double best = 1e30;
        for (int rep = 0; rep < repetitions * 3; rep++) {
            double t = now();
            for (int i = 0; i < 8; i++) {
                if (atti_linear_run(l[i], y, n_out, x, n_in, rows[q], NULL) != ATT_OK)
                    exit(1);
            }
            t = (now() - t) / 8;
            if (t < best) best = t;
        }
        report("linear", &s, best, 4.0 * (double)n_out * (double)n_in);
    }
    for (int i = 0; i < 8; i++) atti_linear_destroy(l[i]);
    atti_free(w), atti_free(x), atti_free(y);
}

static void ladder(const char *name, const int64_t shapes[][2], size_t n, int64_t rows,
                   int64_t vocabulary_rows)
{
    double time = 0.0, flops = 0.0;
    for (size_t i = 0; i < n; i++) {
        int64_t r = shapes[i][0] >= 10000 ? vocabulary_rows : rows;
        time += train(r, shapes[i][0], shapes[i][1]);
        flops += 6.0 * (double)r * (double)shapes[i][0] * (double)shapes[i][1];
    }
    printf("# %s: %.1f GFLOP/s over all, peak %.0f: %.0f %%\n", name,
           flops / time * 1e-9, peak, 100.0 * flops / time * 1e-9 / peak);
}

int main(int argc, char **argv)
{
    static const int64_t tiny[][2] = {
        {128, 128}, {384, 128}, {256, 128}, {128, 256}, {10000, 128}};
    static const int64_t base[][2] = {{512, 512},  {1536, 512}, {1024, 512},
                                      {2048, 512}, {512, 2048}, {10000, 512}};
    static const int64_t served[][2] = {{512, 512},  {1536, 512},  {2048, 512},
                                        {512, 2048}, {10000, 512}, {128, 128}};
    const char *what = argc > 1 ? argv[1] : "all";
    if (argc > 2) repetitions = atoi(argv[2]);
    if (argc > 3 && strcmp(argv[3], "cpu") == 0) the_clock = CLOCK_PROCESS_CPUTIME_ID;
    if (att_kernels_check() != ATT_OK) {
        fprintf(stderr, "%s\n", att_error_message());
        return 1;
    }
    int64_t threads = atti_threads_max();
    const atti_gemm_kernels *k = atti_gemm_tiles();
    peak_job j = {filled(k->mr * 256), filled(256 * k->nr), filled(threads * 1024)};
    for (int i = 0; i < 50; i++) {
        double t = now();
        atti_parallel_void(threads, peak_task, &j);
        double flops = (double)threads * 200 * 2.0 * (double)(k->mr * k->nr * 256);
        double g = flops / (now() - t) * 1e-9;
        if (g > peak) peak = g;
    }
    printf("product,rows,n_out,n_in,us,gflops,weight_gbs,isa,provider,threads\n");
    int all = strcmp(what, "all") == 0;
    if (all || strcmp(what, "tiny") == 0) ladder("tiny", tiny, 5, 4096, 512);
    if (all || strcmp(what, "base") == 0) ladder("base", base, 6, 4096, 512);
    for (size_t i = 0; (all || strcmp(what, "decode") == 0) && i < 6; i++)
        decode(served[i][0], served[i][1]);
    atti_free((void *)(uintptr_t)j.a), atti_free((void *)(uintptr_t)j.b),
        atti_free(j.c);
    return 0;
}
