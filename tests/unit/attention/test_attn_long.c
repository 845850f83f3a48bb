/* test_attn_long.c - one head of 131,072 queries and keys, forward and backward: memory
 * stays linear (ATTEND_LONG=1 runs it: minutes; else an eighth of the length with a window),
 * and a few rows agree with the definition. */
#include "support.h"

#include "attend/attention.h"
#include "attend/base.h"
#include "attend/kernels.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 64 };

/* TSan and MSan keep several bytes beside every byte. */
#if defined(__SANITIZE_THREAD__)
#define SHADOWED 1
#elif defined(__has_feature)
#if __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define SHADOWED 1
#endif
#endif
#ifndef SHADOWED
#define SHADOWED 0
#endif

/* The most memory that this process has held so far, in MiB; 0 where that is not told. */
static double peak_mib(void)
{
    if (SHADOWED) return 0;
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lf kB", &kib) == 1) break;
    if (f) fclose(f);
    return kib / 1024;
}

typedef struct problem {
    int64_t n, window;
    att_tensor q, k, v, out, lse, dout, dq, dk, dv;
} problem;

static void tensor(att_tensor *t, int64_t n, int64_t width, uint64_t seed)
{
    const int64_t shape[4] = {1, 1, n, width};
    assert_ok(att_tensor_alloc(t, ATT_F32, width ? 4 : 3, shape));
    support_fill(t->data, (size_t)att_tensor_count(t), seed, -1.0f, 1.0f);
}

/* Row t of out and of dq by the definition, in double. */
static void check_row(const problem *p, int64_t t)
{
    const float *q = (const float *)p->q.data + t * D,
                *g = (const float *)p->dout.data + t * D;
    const float *k = p->k.data, *v = p->v.data;
    int64_t lo = p->window && t > p->window ? t - p->window : 0;
    int64_t hi = p->window && t + p->window + 1 < p->n ? t + p->window + 1 : p->n;
    double sum = 0, delta = 0, out[D] = {0}, along[D] = {0}, bend[D] = {0};
    for (int64_t s = lo; s < hi; s++) {
        double e = 0, dp = 0;
        for (int i = 0; i < D; i++) e += (double)q[i] * (double)k[s * D + i];
        for (int i = 0; i < D; i++) dp += (double)g[i] * (double)v[s * D + i];
        double w = exp(e / 8.0); /* |e| / 8 <= 8: no maximum needed */
        sum += w;
        delta += w * dp;
        for (int i = 0; i < D; i++) {
            out[i] += w * (double)v[s * D + i];
            along[i] += w * dp * (double)k[s * D + i];
            bend[i] += w * (double)k[s * D + i];
        }
    }
    for (int i = 0; i < D; i++) {
        double dq = (along[i] - delta / sum * bend[i]) / sum / 8.0;
        /* Weighted means of numbers below 1: a few hundred roundings of 2^-24, most of
         * which cancel. */
        assert_true(fabs((double)((float *)p->out.data)[t * D + i] - out[i] / sum) <
                    2e-6);
        assert_true(fabs((double)((float *)p->dq.data)[t * D + i] - dq) < 2e-6);
    }
}

static void memory_is_linear(void **state)
{
    (void)state;
    const char *lng = getenv("ATTEND_LONG");
    const int all = lng && *lng == '1';
    problem p = {.n = all ? 131072 : 16384, .window = all ? 0 : 128};
    double before = peak_mib();
    tensor(&p.q, p.n, D, 1);
    tensor(&p.k, p.n, D, 2);
    tensor(&p.v, p.n, D, 3);
    tensor(&p.dout, p.n, D, 4);
    tensor(&p.out, p.n, D, 5);
    tensor(&p.dq, p.n, D, 6);
    tensor(&p.dk, p.n, D, 7);
    tensor(&p.dv, p.n, D, 8);
    tensor(&p.lse, p.n, 0, 9);
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_attention_desc_init(&desc);
    att_attention_args_init(&args);
    att_attention_grads_init(&grads);
    if (p.window) desc.left = desc.right = p.window;
    args.q = &p.q, args.k = &p.k, args.v = &p.v, args.out = &p.out, args.lse = &p.lse;
    grads.dout = &p.dout, grads.dq = &p.dq, grads.dk = &p.dk, grads.dv = &p.dv;
    assert_ok(att_attention_forward(&desc, &args));
    assert_ok(att_attention_backward(&desc, &args, &grads));
    double operands = 8.0 * (double)p.n * (D + 0.125) * sizeof(float) / (1 << 20);
    double peak = peak_mib();
    print_message("T = S = %d: operands %.0f MiB, peak %.0f MiB, before %.0f MiB\n",
                  (int)p.n, operands, peak, before);
    /* Eight operands of 32 MiB each are the 256 MiB; scratch is what comes on top. The
     * generic path, all there is on ref, takes 16 MiB more for parts of dk and dv. */
    double scratch = strcmp(att_kernels_isa(), "ref") == 0 ? 32 : 16;
    if (peak > 0) assert_true(peak - before < operands + scratch);
    const int64_t rows[] = {0, 1, p.n / 3, p.n - 2, p.n - 1};
    for (int i = 0; i < 5; i++) check_row(&p, rows[i]);
    att_tensor *t[] = {&p.q, &p.k, &p.v, &p.out, &p.lse, &p.dout, &p.dq, &p.dk, &p.dv};
    for (int i = 0; i < 9; i++) att_tensor_deinit(t[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_is_linear)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
