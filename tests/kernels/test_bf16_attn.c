/* test_bf16_attn.c - attention by tiles of bf16 (simd/bf16_attn.inc), over emulated and over
 * real instructions, against plain loops in double on the same bf16 numbers; that a row's
 * bits do not depend on its neighbours; and its 2^x.
 *
 * Tolerance. Scores: products are exact, a sum of d of them in f32 is off by at most
 * d 2^-24 sum|q k| scale, below 1e-5 here. A weight a is off by that, by 2.7e-6 for 2^x, and
 * is rounded to bf16, 2^-8 of its size, for its product with v. So an element of out is
 * within (2^-8 + 2e-5) sum_s a |v|, and the log-sum-exp within 2e-5 + 2^-23 |lse|. */
#include "support.h"

#include "bf16_case.h"
#include <stdio.h>
#include <string.h>

typedef struct prob {
    kase c;
    float *q, *k, *v, *out, *lse;
    atti_attn_problem p;
} prob;

static void make(prob *w, const kase *c)
{
    w->c = *c;
    w->q = draw(c->n_q, c->d, 1);
    w->k = draw(c->n_k, c->d, 2);
    w->v = draw(c->n_k, c->e, 3);
    w->out = malloc((size_t)(c->n_q * (c->e + PAD) + 1) * sizeof *w->out);
    w->lse = malloc((size_t)(c->n_q * 2 + 1) * sizeof *w->lse);
    w->p = problem_of(c, w->q, w->k, w->v);
}

static void drop(prob *w)
{
    free(w->q), free(w->k), free(w->v), free(w->out), free(w->lse);
}

static void run(prob *w, const atti_attn_kernels *k, int64_t group)
{
    int64_t tile = k->tile(w->c.n_q), tiles = (w->c.n_q + tile - 1) / tile;
    size_t n = k->scratch(w->c.d, w->c.e, w->c.n_k, 0);
    char *scratch = aligned_alloc(64, (n + 127) / 64 * 64);
    memset(scratch, 0xff, n);
    scratch[n] = 0x55;
    for (int64_t i = 0; i < w->c.n_q * (w->c.e + PAD); i++) w->out[i] = -7.0f;
    for (int64_t i = 0; i < w->c.n_q * 2; i++) w->lse[i] = -7.0f;
    for (int64_t i = 0; i < tiles; i += group)
        k->fwd_f32(&w->p, w->out, w->c.e + PAD, w->lse, 2, i,
                   i + group < tiles ? i + group : tiles, scratch);
    assert_int_equal(0x55, scratch[n]);
    free(scratch);
}

static void check(const prob *w, const char *name)
{
    const kase *c = &w->c;
    const atti_attn_problem *p = &w->p;
    double *a = malloc((size_t)(c->n_k + 1) * sizeof *a);
    for (int64_t t = 0; t < c->n_q; t++) {
        double m = p->sink_logit > -INFINITY ? (double)p->sink_logit : -INFINITY, z = 0;
        for (int64_t s = 0; s < c->n_k; s++) {
            a[s] = -INFINITY;
            if (!sees(c, t, s)) continue;
            a[s] = 0;
            for (int64_t i = 0; i < c->d; i++)
                a[s] += (double)w->q[t * p->ld_q + i] * (double)w->k[s * p->ld_k + i];
            a[s] *= (double)p->scale;
            m = fmax(m, a[s]);
        }
        if (p->sink_logit > -INFINITY) z = exp((double)p->sink_logit - m);
        for (int64_t s = 0; s < c->n_k; s++) z += isfinite(a[s]) ? exp(a[s] - m) : 0;
        double lse = z > 0 ? m + log(z) : -INFINITY, got = (double)w->lse[2 * t];
        if (!(got == lse || fabs(got - lse) <= 2e-5 + 0x1p-23 * fabs(lse)))
            fail_msg("%s: lse of row %lld is %.9g, expected %.9g", name, (long long)t,
                     got, lse);
        assert_true(w->lse[2 * t + 1] == -7.0f);
        uint32_t key =
            atti_drop_rowkey(p->drop.key, p->drop_row0 + (uint64_t)t * p->drop_step);
        for (int64_t i = 0; i < c->e + PAD; i++) {
            double x = (double)w->out[t * (c->e + PAD) + i], want = 0, size = 0;
            if (i >= c->e) {
                assert_true(x == -7.0);
                continue;
            }
            for (int64_t s = 0; s < c->n_k; s++) {
                if (!isfinite(a[s])) continue;
                double f = exp(a[s] - lse) * (double)w->v[s * p->ld_v + i];
                if (p->drop.threshold)
                    f *= atti_drop_bits(key, (uint32_t)s) >= p->drop.threshold
                             ? (double)p->drop.scale
                             : 0;
                want += f;
                size += fabs(f);
            }
            double bound = (0x1p-8 + 2e-5) * size;
            if (!(fabs(x - want) <= bound))
                fail_msg(
                    "%s: T %lld S %lld D %lld E %lld left %lld right %lld: row %lld "
                    "column %lld is %.9g, expected %.9g +- %.3g",
                    name, (long long)c->n_q, (long long)c->n_k, (long long)c->d,
                    (long long)c->e, (long long)c->left, (long long)c->right,
                    (long long)t, (long long)i, x, want, bound);
        }
    }
    free(a);
}

#define OPEN .left = -1, .right = -1

static const kase cases[] = {
    {1, 1, 1, 1, OPEN},
    {3, 5, 7, 9, OPEN},
    {16, 31, 16, 17, OPEN},
    {17, 33, 33, 31, OPEN},
    {40, 129, 64, 64, OPEN},
    {70, 300, 64, 32, OPEN},
    {33, 257, 40, 256, OPEN},
    {9, 64, 256, 8, OPEN},
    {100, 100, 32, 32, .left = -1, .right = 0},
    {90, 260, 64, 64, .left = -1, .right = 0},
    {50, 20, 16, 16, .left = -1, .right = 0}, /* rows that see nothing */
    {150, 290, 32, 32, .left = 10, .right = 3},
    {80, 400, 32, 32, .left = 0, .right = 0},
    {60, 300, 32, 32, .left = 20, .right = 0, .sinks = 4},
    {40, 140, 32, 32, OPEN, .sink = 1.5f},
    {40, 20, 32, 32, .left = -1, .right = 0, .sink = -0.5f},
    {60, 150, 32, 32, OPEN, .dropout = 0.3f},
    {60, 150, 32, 32, .left = -1, .right = 0, .dropout = 0.5f},
    {40, 200, 32, 32, OPEN, .scale = 40.0f},
    {40, 200, 32, 32, OPEN, .scale = -2.0f},
    {5, 0, 8, 8, OPEN},
};

static void members(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int q = 0; q < n; q++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            prob w;
            make(&w, &cases[i]);
            run(&w, t[q]->attn, 100);
            check(&w, t[q]->name);
            /* However the tiles are cut into calls: the same bits. */
            size_t bytes = (size_t)(w.c.n_q * (w.c.e + PAD)) * sizeof(float);
            float *first = malloc(bytes + 1);
            memcpy(first, w.out, bytes);
            run(&w, t[q]->attn, 1);
            assert_memory_equal(first, w.out, bytes);
            free(first);
            drop(&w);
        }
    assert_int_equal(0, bf16_tile_faults());
}

/* What is hidden may be anything; what is seen and not finite shows in its row alone. */
static void not_finite(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int q = 0; q < n; q++) {
        kase c = {60, 60, 16, 16, .left = -1, .right = 0};
        prob w;
        make(&w, &c);
        for (int64_t i = 0; i < 16; i++) {
            w.k[59 * w.p.ld_k + i] = NAN;
            w.v[59 * w.p.ld_v + i] = INFINITY;
        }
        run(&w, t[q]->attn, 100);
        for (int64_t r = 0; r < 60; r++)
            for (int64_t i = 0; i < 16; i++)
                assert_true(isfinite(w.out[r * (16 + PAD) + i]) == (r < 59));
        drop(&w);
    }
}

/* 2^x for every float (ATTEND_LONG=1), or one of 997, of [-126, 126]. */
static void exp2_error(void **state)
{
    const char *lng = getenv("ATTEND_LONG");
    uint32_t step = lng && *lng == '1' ? 1 : 997;
    const atti_bf16_kernels *t[MOST_TABLES];
    enum { N = 4096 };
    static float x[N], y[N], first[N];
    int n = tables(t);
    double worst = 0;
    (void)state;
    for (int neg = 0; neg < 2; neg++)
        for (uint64_t b = 0; b < 0x42fc0000U;) {
            int m = 0;
            for (; m < N && b < 0x42fc0000U; m++, b += step) {
                uint32_t bits = (uint32_t)b | (neg ? 0x80000000U : 0);
                memcpy(&x[m], &bits, 4);
            }
            int have = 0;
            for (int q = n - 1; q >= 0; q--) {
                if (q == 1 || (q == 0 && step == 1 && have))
                    continue; /* emulated twice, slowly */
                t[q]->attn->exp2(y, x, m);
                if (!have) memcpy(first, y, sizeof y);
                have = 1;
                assert_memory_equal(first, y, (size_t)m * sizeof *y);
            }
            for (int j = 0; n && j < m; j++) {
                double want = exp2((double)x[j]);
                double e = fabs((double)first[j] - want) / want;
                if (!(e <= worst)) worst = e;
            }
        }
    print_message("2^x for bf16 within %.3g of its size\n", worst);
    assert_true(worst <= 2.75e-6);
    float in[5] = {NAN, -INFINITY, -1e30f, -126.5f, 0.0f}, out[5];
    for (int q = 0; q < n; q++) {
        t[q]->attn->exp2(out, in, 5);
        assert_true(isnan(out[0]));
        for (int j = 1; j < 4; j++) assert_true(out[j] == 0.0f);
        assert_true(fabsf(out[4] - 1) < 3e-6f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(exp2_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
