/* test_bf16_attn_bwd.c - backward of attention by tiles of bf16 (simd/bf16_attn_bwd.inc), over
 * emulated and over real instructions, against plain loops in double on the same bf16
 * numbers, log-sum-exp and out.
 *
 * Tolerance. A weight p comes out of a score that is off by at most 1e-5 (test_bf16_attn.c)
 * and 2^x within 2.7e-6: p is within 2e-5 of its size, and 2^-8 of it is lost where it
 * enters dV = P^T dO. dp = dout . v and delta are f32 sums of up to 256 products, each
 * within 258 2^-24 < 2e-5 of a(t,s) = scale sum |dout v| and of sum_s p a. So
 *     |dS error| <= (2^-8 + 2e-5) |dS| + 4e-5 p (a(t,s) + sum_s p a(t,s))
 * and dQ, dK are sums of it with |k|, |q|. Sums over n <= 400 terms in f32 add n 2^-24 of
 * the sum of sizes: 3e-5. */
#include "support.h"

#include "bf16_case.h"
#include <stdio.h>
#include <string.h>

/* A gradient, what it should be and how far off it may be. */
typedef struct grad {
    float *got;
    double *want, *bound;
    int64_t rows, cols;
} grad;

typedef struct prob {
    kase c;
    float *q, *k, *v, *dout, *out, *lse;
    grad dq, dk, dv;
    atti_attn_problem p;
} prob;

static void make_grad(grad *g, int64_t rows, int64_t cols)
{
    size_t n = (size_t)(rows * cols + 1);
    *g = (grad){.rows = rows, .cols = cols};
    g->got = malloc((size_t)(rows * (cols + PAD) + 1) * sizeof(float));
    g->want = calloc(n, sizeof(double));
    g->bound = calloc(n, sizeof(double));
}

static void drop_grad(grad *g)
{
    free(g->got), free(g->want), free(g->bound);
}

static void add_to(grad *g, int64_t row, double f, double off, const float *x)
{
    for (int64_t i = 0; i < g->cols; i++) {
        g->want[row * g->cols + i] += f * (double)x[i];
        g->bound[row * g->cols + i] += off * fabs((double)x[i]);
    }
}

/* One query: lse and out as f32, gradients by their definition. */
static void reference_row(prob *w, int64_t t)
{
    const kase *c = &w->c;
    const atti_attn_problem *p = &w->p;
    size_t n = (size_t)c->n_k + 1;
    double *a = malloc(n * sizeof *a), *dp = malloc(n * sizeof *dp);
    double *size = malloc(n * sizeof *size), *keep = malloc(n * sizeof *keep);
    const float *q = w->q + t * p->ld_q, *o = w->dout + t * (c->e + PAD);
    double m = p->sink_logit > -INFINITY ? (double)p->sink_logit : -INFINITY, z = 0;
    uint32_t key =
        atti_drop_rowkey(p->drop.key, p->drop_row0 + (uint64_t)t * p->drop_step);
    for (int64_t s = 0; s < c->n_k; s++) {
        a[s] = -INFINITY;
        if (!sees(c, t, s)) continue;
        a[s] = dp[s] = size[s] = 0;
        for (int64_t i = 0; i < c->d; i++)
            a[s] += (double)q[i] * (double)w->k[s * p->ld_k + i];
        a[s] *= (double)p->scale;
        m = fmax(m, a[s]);
        keep[s] =
            !p->drop.threshold || atti_drop_bits(key, (uint32_t)s) >= p->drop.threshold
                ? (double)p->drop.scale
                : 0;
        for (int64_t i = 0; i < c->e; i++) {
            double x = (double)o[i] * (double)w->v[s * p->ld_v + i] * keep[s];
            dp[s] += x;
            size[s] += fabs(x);
        }
    }
    if (p->sink_logit > -INFINITY) z = exp((double)p->sink_logit - m);
    for (int64_t s = 0; s < c->n_k; s++) z += isfinite(a[s]) ? exp(a[s] - m) : 0;
    double lse = z > 0 ? m + log(z) : -INFINITY, delta = 0, all = 0;
    w->lse[2 * t] = (float)lse;
    for (int64_t i = 0; i < c->e; i++) {
        double out = 0;
        for (int64_t s = 0; s < c->n_k; s++)
            if (isfinite(a[s]))
                out += exp(a[s] - lse) * keep[s] * (double)w->v[s * p->ld_v + i];
        w->out[t * (c->e + PAD) + i] = (float)out;
    }
    for (int64_t s = 0; s < c->n_k; s++) {
        if (!isfinite(a[s])) continue;
        a[s] = exp(a[s] - lse);
        delta += a[s] * dp[s];
        all += a[s] * size[s];
    }
    for (int64_t s = 0; s < c->n_k; s++) {
        if (!isfinite(a[s])) continue;
        double f = fabs((double)p->scale), ds = a[s] * (dp[s] - delta);
        double off = (0x1p-8 + 5e-5) * fabs(ds) + 4e-5 * a[s] * (size[s] + all);
        double x = a[s] * keep[s];
        add_to(&w->dv, s, x, (0x1p-8 + 5e-5) * x, o);
        add_to(&w->dq, t, ds * (double)p->scale, off * f, w->k + s * p->ld_k);
        add_to(&w->dk, s, ds * (double)p->scale, off * f, q);
    }
    free(a), free(dp), free(size), free(keep);
}

static void make(prob *w, const kase *c)
{
    w->c = *c;
    w->q = draw(c->n_q, c->d, 1);
    w->k = draw(c->n_k, c->d, 2);
    w->v = draw(c->n_k, c->e, 3);
    w->dout = draw(c->n_q, c->e, 4);
    w->out = calloc((size_t)(c->n_q * (c->e + PAD) + 1), sizeof *w->out);
    w->lse = calloc((size_t)(c->n_q * 2 + 1), sizeof *w->lse);
    for (int64_t i = 0; i < c->n_q * (c->d + PAD) && c->below; i++)
        w->q[i] = w->q[i] > 0 ? 1.0f : 0.5f;
    for (int64_t i = 0; i < c->n_k * (c->d + PAD) && c->below; i++)
        w->k[i] = w->k[i] > 0 ? -1.0f : -0.5f;
    make_grad(&w->dq, c->n_q, c->d);
    make_grad(&w->dk, c->n_k, c->d);
    make_grad(&w->dv, c->n_k, c->e);
    w->p = problem_of(c, w->q, w->k, w->v);
    for (int64_t t = 0; t < c->n_q; t++) reference_row(w, t);
}

static void drop(prob *w)
{
    free(w->q), free(w->k), free(w->v), free(w->dout), free(w->out), free(w->lse);
    drop_grad(&w->dq), drop_grad(&w->dk), drop_grad(&w->dv);
}

static void preset(grad *g, float x)
{
    for (int64_t i = 0; i < g->rows * (g->cols + PAD); i++) g->got[i] = x;
}

/* How a call is cut: in `parts` of the queries and of the keys. */
typedef struct way {
    int64_t parts;
    int add, without; /* bits of dq, dk, dv that are not wanted */
} way;

static int64_t cut(int64_t n, int64_t i, int64_t parts, int64_t grain)
{
    int64_t row = (n + grain - 1) / grain * i / parts * grain;
    return row < n ? row : n;
}

static void run(prob *w, const atti_attn_kernels *k, way x)
{
    const kase *c = &w->c;
    int64_t tile = k->tile(c->n_q), tiles = (c->n_q + tile - 1) / tile;
    size_t n = k->scratch(c->d, c->e, c->n_k, 1);
    char *scratch = aligned_alloc(64, (n + 127) / 64 * 64);
    memset(scratch, 0xff, n);
    scratch[n] = 0x55;
    preset(&w->dq, -7.0f), preset(&w->dk, -7.0f), preset(&w->dv, -7.0f);
    for (int64_t step = 0; step < x.parts; step++)
        for (int64_t i = 0; i < x.parts; i++) {
            int64_t j = (i + step) % x.parts;
            const atti_attn_grads g = {
                .out = w->out,
                .dout = w->dout,
                .lse = w->lse,
                .ld_o = c->e + PAD,
                .ld_do = c->e + PAD,
                .ld_lse = 2,
                .dq = x.without & 1 ? NULL : w->dq.got,
                .dk = x.without & 2 ? NULL : w->dk.got,
                .dv = x.without & 4 ? NULL : w->dv.got,
                .ld_dq = c->d + PAD,
                .ld_dk = c->d + PAD,
                .ld_dv = c->e + PAD,
                .add_dq = x.add || step > 0,
                .add_dkv = x.add || step > 0,
            };
            k->bwd_f32(&w->p, &g, tiles * j / x.parts, tiles * (j + 1) / x.parts,
                       cut(c->n_k, i, x.parts, ATTI_ATTN_CHUNK),
                       cut(c->n_k, i + 1, x.parts, ATTI_ATTN_CHUNK), scratch);
        }
    assert_int_equal(0x55, scratch[n]);
    free(scratch);
}

static void check_grad(const grad *g, const kase *c, const char *table,
                       const char *name, int given)
{
    for (int64_t r = 0; r < g->rows; r++)
        for (int64_t i = 0; i < g->cols + PAD; i++) {
            double x = (double)g->got[r * (g->cols + PAD) + i];
            if (i >= g->cols || given < 0) {
                if (x != -7.0)
                    fail_msg("%s: %s row %lld column %lld was written", table, name,
                             (long long)r, (long long)i);
                continue;
            }
            double want = g->want[r * g->cols + i] + (given ? -7.0 : 0);
            double bound = g->bound[r * g->cols + i] + 1e-30;
            /* Half a unit of -7 with each number that is added to it. */
            if (given) bound += 0x1p-22 * (double)(c->n_q + c->n_k);
            if (!(fabs(x - want) <= bound))
                fail_msg("%s: %s of T %lld S %lld D %lld E %lld left %lld right %lld: "
                         "row %lld column %lld is %.9g, expected %.9g +- %.3g",
                         table, name, (long long)c->n_q, (long long)c->n_k,
                         (long long)c->d, (long long)c->e, (long long)c->left,
                         (long long)c->right, (long long)r, (long long)i, x, want,
                         bound);
        }
}

static void check(const prob *w, const char *name, way x)
{
    const int given[3] = {x.without & 1 ? -1 : x.add, x.without & 2 ? -1 : x.add,
                          x.without & 4 ? -1 : x.add};
    check_grad(&w->dq, &w->c, name, "dq", given[0]);
    check_grad(&w->dk, &w->c, name, "dk", given[1]);
    check_grad(&w->dv, &w->c, name, "dv", given[2]);
}

/* Plain C takes its time: long problems, given so many calls, are AVX-512's to show. */
static int too_long(const atti_bf16_kernels *k, const kase *c, int64_t calls)
{
    int covered = atti_cpu_probe().avx512 && bf16_without_bf16();
    int64_t most = k == &bf16_emulated_dot ? 5000 : 160000;
    int plain = k == &bf16_emulated_dot || k == &bf16_emulated_amx;
    return covered && plain && c->n_q * c->n_k * calls > most;
}

#define OPEN .left = -1, .right = -1

/* 16 lines of a block, 32 of a tile, 128 of a band and of a chunk; one less, the same, one
 * more, twice and three more. */
static const kase cases[] = {
    {1, 1, 1, 1, OPEN},
    {3, 5, 7, 9, OPEN},
    {15, 16, 16, 17, OPEN},
    {16, 31, 15, 16, OPEN},
    {17, 33, 33, 31, OPEN},
    {31, 17, 32, 33, OPEN},
    {32, 32, 64, 64, OPEN},
    {33, 67, 31, 15, OPEN},
    {35, 127, 17, 35, OPEN},
    {67, 128, 64, 64, OPEN},
    {40, 129, 64, 64, OPEN},
    {127, 70, 16, 16, OPEN},
    {128, 131, 16, 16, OPEN},
    {129, 33, 16, 16, OPEN},
    {259, 259, 16, 24, OPEN},
    {33, 257, 40, 256, OPEN},
    {9, 64, 256, 8, OPEN},
    {40, 300, 200, 256, OPEN}, /* two reaches */
    {100, 100, 32, 32, .left = -1, .right = 0},
    {200, 200, 32, 32, .left = -1, .right = 0},
    {90, 260, 40, 64, .left = -1, .right = 0},
    {50, 20, 16, 16, .left = -1, .right = 0}, /* rows that see nothing */
    {300, 20, 16, 16, .left = -1, .right = 0},
    {150, 290, 32, 32, .left = 10, .right = 3},
    {80, 300, 32, 32, .left = 0, .right = 0},
    {330, 330, 16, 16, .left = 40, .right = 0},
    {60, 300, 32, 32, .left = 20, .right = 0, .sinks = 4},
    {200, 200, 16, 16, .left = 5, .right = 0, .sinks = 37},
    {40, 140, 32, 32, OPEN, .sink = 1.5f},
    {40, 20, 32, 32, .left = -1, .right = 0, .sink = -0.5f},
    {60, 150, 32, 32, OPEN, .dropout = 0.3f},
    {60, 100, 32, 32, .left = -1, .right = 0, .dropout = 0.5f},
    {60, 150, 32, 32, .left = -1, .right = 0, .dropout = 0.5f},
    {40, 200, 32, 32, OPEN, .scale = -2.0f},
    {40, 60, 32, 32, OPEN, .scale = 3.0f},
    {40, 50, 16, 16, OPEN, .scale = 16.0f, .below = 1},
    {40, 150, 16, 16, OPEN, .scale = 16.0f, .below = 1},
    {5, 0, 8, 8, OPEN},
    {0, 5, 8, 8, OPEN},
};

static void members(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    static const way whole = {1, 0, 0};
    int n = tables(t);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        prob w;
        make(&w, &cases[i]);
        for (int q = 0; q < n; q++) {
            if (too_long(t[q], &cases[i], 1)) continue;
            run(&w, t[q]->attn, whole);
            check(&w, t[q]->name, whole);
        }
        drop(&w);
    }
    assert_int_equal(0, bf16_tile_faults());
}

/* Blocks of keys and queries one after the other, as attn_fast_backward.c cuts them; added
 * to what is there; some gradients alone. */
static void ways(void **state)
{
    static const way all[] = {{3, 0, 0}, {2, 1, 0}, {1, 1, 0}, {1, 0, 1},
                              {1, 0, 2}, {2, 0, 4}, {1, 0, 3}, {1, 1, 6}};
    static const kase some[] = {{140, 150, 32, 48, .left = -1, .right = 0},
                                {100, 200, 20, 16, OPEN},
                                {200, 300, 16, 16, .left = 70, .right = 0, .sinks = 3},
                                {70, 60, 32, 32, OPEN}};
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        prob w;
        make(&w, &some[i]);
        for (int q = 0; q < n; q++)
            for (size_t x = 0; x < sizeof all / sizeof *all; x++) {
                if (too_long(t[q], &some[i], 8)) break;
                run(&w, t[q]->attn, all[x]);
                check(&w, t[q]->name, all[x]);
            }
        drop(&w);
    }
    assert_int_equal(0, bf16_tile_faults());
}

/* A row's gradient of q has the bits that it has with other rows beside it. */
static void neighbours(void **state)
{
    static const kase some[] = {{140, 150, 32, 48, OPEN}, {100, 90, 32, 32, OPEN}};
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (int q = 0; q < n; q++) {
            const kase *c = &some[i];
            prob w;
            make(&w, c);
            run(&w, t[q]->attn, (way){1, 0, 0});
            const int64_t ld = c->d + PAD, row = 64;
            float *first = malloc((size_t)ld * sizeof *first);
            memcpy(first, w.dq.got + row * ld, (size_t)ld * sizeof *first);
            for (int64_t r = 0; r < c->n_q; r++)
                for (int64_t j = 0; j < c->d && r != row; j++) w.q[r * ld + j] *= -0.5f;
            run(&w, t[q]->attn, (way){1, 0, 0});
            assert_memory_equal(first, w.dq.got + row * ld,
                                (size_t)c->d * sizeof *first);
            free(first);
            drop(&w);
        }
}

/* Where one chunk holds all keys, delta is made of them: out is not read. */
static void out_is_not_read(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    const kase c = {140, 128, 32, 32, .left = -1, .right = 0};
    prob w;
    (void)state;
    make(&w, &c);
    for (int64_t i = 0; i < 140 * (32 + PAD); i++) w.out[i] = NAN;
    for (int q = 0; q < n; q++) {
        run(&w, t[q]->attn, (way){1, 0, 0});
        check(&w, t[q]->name, (way){1, 0, 0});
    }
    drop(&w);
}

/* What is hidden may be anything; what is seen and not finite shows in its own. */
static void not_finite(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int64_t size = 60; size <= 160; size += 100)
        for (int q = 0; q < n; q++) {
            kase c = {size, size, 16, 16, .left = -1, .right = 0};
            prob w;
            make(&w, &c);
            for (int64_t i = 0; i < 16;
                 i++) { /* the last key: its query alone sees it */
                w.k[(size - 1) * w.p.ld_k + i] = NAN;
                w.v[(size - 1) * w.p.ld_v + i] = INFINITY;
            }
            w.lse[2 * (size - 1)] = NAN;
            run(&w, t[q]->attn, (way){1, 0, 0});
            for (int64_t r = 0; r < size - 1; r++)
                for (int64_t i = 0; i < 16; i++)
                    assert_true(isfinite(w.dq.got[r * (16 + PAD) + i]));
            assert_true(isnan(w.dq.got[(size - 1) * (16 + PAD)]));
            assert_true(isnan(w.dk.got[(size - 1) * (16 + PAD)]));
            drop(&w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),    cmocka_unit_test(ways),
        cmocka_unit_test(neighbours), cmocka_unit_test(out_is_not_read),
        cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
