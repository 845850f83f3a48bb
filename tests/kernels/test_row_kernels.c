/* test_row_kernels.c - every row kernel of every set that runs here against the plain
 * reference: awkward widths, rows apart, unaligned starts, canaries around and NaN
 * between the rows. U is half a unit in the last place of 1: the error of one rounding. */
#include "support.h"

#include "kernels/half.h"
#include "kernels/kernels.h"
#include "kernels/ref/ref.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define U   0x1p-24
#define GAP 3 /* floats between rows */

static const int64_t widths[] = {0,  1,  3,  4,  5,  7,  8,  9,
                                 15, 16, 17, 31, 33, 35, 67, 100};
#define EACH_WIDTH(w)                                                                  \
    for (size_t w##_ = 0; w##_ < sizeof widths / sizeof *widths; w##_++)
#define EACH_SET(k)                                                                    \
    const atti_kernels *k;                                                             \
    for (int set_ = 0; (k = atti_kernel_set(set_)) != NULL; set_++)                    \
        if (k->bias_act) /* sets of bf16 products have no row kernels of their own */

enum { ROWS = 3, FIRST_ROW = 1000 };

/* [ROWS, cols], rows cols + GAP apart; the gaps hold a NaN that must stay. */
typedef struct rows {
    float *p;
    int64_t cols, ld;
} rows;

static const uint32_t poison = 0x7fc12345U;

static rows new_rows(int64_t cols, uint64_t seed, float lo, float hi)
{
    rows m = {NULL, cols, cols + GAP};
    m.p = support_guard_floats((size_t)(ROWS * m.ld), 1);
    support_fill(m.p, (size_t)(ROWS * m.ld), seed, lo, hi);
    for (int r = 0; r < ROWS; r++) {
        for (int g = 0; g < GAP; g++)
            memcpy(m.p + r * m.ld + cols + g, &poison, sizeof poison);
    }
    return m;
}

static rows same_as(const rows *a)
{
    rows m = new_rows(a->cols, 1, 0.0f, 1.0f);
    memcpy(m.p, a->p, (size_t)(ROWS * a->ld) * sizeof(float));
    return m;
}

/* Checks canaries and gaps, compares with want (NULL: not), and frees. tol is absolute
 * plus rel of the value. */
static void finish(rows *got, const rows *want, double tol, double rel)
{
    for (int r = 0; r < ROWS; r++) {
        const float *p = got->p + r * got->ld;
        for (int g = 0; g < GAP; g++)
            assert_int_equal(poison, atti_f32_bits(p[got->cols + g]));
        if (want) assert_close(p, want->p + r * want->ld, (size_t)got->cols, tol, rel);
    }
    support_guard_free(got->p);
    got->p = NULL;
}

static void drop_rows(rows *m)
{
    finish(m, NULL, 0.0, 0.0);
}

static float *vec(int64_t n, uint64_t seed, float lo, float hi)
{
    float *p = support_guard_floats((size_t)n, 3);
    support_fill(p, (size_t)n, seed, lo, hi);
    return p;
}

static float *copy_vec(const float *from, int64_t n)
{
    float *p = support_guard_floats((size_t)n, 3);
    memcpy(p, from, (size_t)n * sizeof(float));
    return p;
}

static void finish_vec(float *got, const float *want, int64_t n, double tol, double rel)
{
    if (want) assert_close(got, want, (size_t)n, tol, rel);
    support_guard_free(got);
}

static const atti_drop no_drop = {0, 0, 1.0f};

/* ReLU and none are exact; the others are within the few ulp that test_vec_math allows,
 * and gelu's 1 + erf cancels: 4e-7 for |x| below 4. Dropout scales all of it by 1.43. */
static void test_bias_act(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int act = ATTI_ACT_NONE; act <= ATTI_ACT_SIGMOID; act++) {
            for (int variant = 0; variant < 4; variant++) {
                int64_t c = widths[w_];
                atti_drop drop = variant & 1 ? atti_drop_make(0.3f, 77) : no_drop;
                rows x = new_rows(c, 1, -4.0f, 4.0f);
                rows y = new_rows(c, 2, 0.0f, 1.0f), yr = same_as(&y);
                rows pre = new_rows(c, 3, 0.0f, 1.0f), pr = same_as(&pre);
                float *bias = vec(c, 4, -1.0f, 1.0f);
                int more = variant & 2;
                k->bias_act(y.p, more ? pre.p : NULL, x.p, more ? bias : NULL,
                            (atti_act)act, &drop, FIRST_ROW, ROWS, c, y.ld, x.ld);
                atti_ref_bias_act(yr.p, more ? pr.p : NULL, x.p, more ? bias : NULL,
                                  (atti_act)act, &drop, FIRST_ROW, ROWS, c, yr.ld,
                                  x.ld);
                int exact = act <= ATTI_ACT_RELU;
                finish(&y, &yr, exact ? 0.0 : 6e-7, exact ? 0.0 : 8.0 * U);
                finish(&pre, &pr, 0.0, 0.0);
                finish_vec(bias, NULL, 0, 0.0, 0.0);
                drop_rows(&x), drop_rows(&yr), drop_rows(&pr);
            }
        }
    }
}

/* Slopes are at most 1.13 and their pieces at most 5: 16 roundings of 5 cover them. */
static void test_bias_act_bwd(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int act = ATTI_ACT_NONE; act <= ATTI_ACT_SIGMOID; act++) {
            for (int dropped = 0; dropped < 2; dropped++) {
                if (dropped && act >= ATTI_ACT_TANH) continue; /* not in the contract */
                int64_t c = widths[w_];
                atti_drop drop = dropped ? atti_drop_make(0.4f, 5) : no_drop;
                rows x = new_rows(c, 1, -4.0f, 4.0f), dy = new_rows(c, 2, -1.0f, 1.0f);
                rows saved = same_as(&x);
                if (act == ATTI_ACT_RELU || act >= ATTI_ACT_TANH)
                    atti_ref_bias_act(saved.p, NULL, x.p, NULL, (atti_act)act, &drop,
                                      FIRST_ROW, ROWS, c, saved.ld, x.ld);
                rows dx = same_as(&dy), want = same_as(&dy);
                k->bias_act_bwd(dx.p, dx.p, saved.p, (atti_act)act, &drop, FIRST_ROW,
                                ROWS, c, dx.ld);
                atti_ref_bias_act_bwd(want.p, dy.p, saved.p, (atti_act)act, &drop,
                                      FIRST_ROW, ROWS, c, want.ld);
                finish(&dx, &want, act <= ATTI_ACT_RELU ? 0.0 : 80.0 * U, 0.0);
                drop_rows(&x), drop_rows(&dy), drop_rows(&saved), drop_rows(&want);
            }
        }
    }
}

/* The bound of one normalised row: a mean or a sum of squares of c terms is wrong by at
 * most c roundings of the largest; the result is that, times gamma / deviation. */
static double norm_bound(const float *rstd, int64_t c)
{
    double top = 0.0;
    for (int r = 0; r < ROWS; r++) top = fmax(top, (double)rstd[r]);
    return 4.0 * ((double)c + 8.0) * U * (2.0 + 6.0 * 2.0 * top);
}

static void test_add_norm(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int variant = 0; variant < 16; variant++) {
            int64_t c = widths[w_];
            if (c == 0) continue; /* a norm over nothing is not defined */
            atti_norm kind = variant & 1 ? ATTI_NORM_RMS : ATTI_NORM_LAYER;
            atti_drop drop = variant & 2 ? atti_drop_make(0.25f, 9) : no_drop;
            int full = variant & 4, keep = variant & 8;
            rows x = new_rows(c, 1, -2.0f, 2.0f), res = new_rows(c, 2, -2.0f, 2.0f);
            rows y = new_rows(c, 3, 0.0f, 1.0f), yr = same_as(&y);
            rows h = new_rows(c, 4, 0.0f, 1.0f), hr = same_as(&h);
            float *bias = vec(c, 5, -1.0f, 1.0f), *gamma = vec(c, 6, 0.5f, 2.0f);
            float *beta = vec(c, 7, -1.0f, 1.0f);
            float *m = vec(ROWS, 8, 0, 1), *s = vec(ROWS, 9, 0, 1);
            float mr[ROWS], sr[ROWS];
            k->add_norm(y.p, keep ? h.p : NULL, m, s, x.p, full ? bias : NULL,
                        full ? res.p : NULL, gamma, full ? beta : NULL, 1e-5f, kind,
                        &drop, FIRST_ROW, ROWS, c, x.ld);
            atti_ref_add_norm(yr.p, keep ? hr.p : NULL, mr, sr, x.p, full ? bias : NULL,
                              full ? res.p : NULL, gamma, full ? beta : NULL, 1e-5f,
                              kind, &drop, FIRST_ROW, ROWS, c, x.ld);
            double tol = norm_bound(sr, c);
            finish(&y, &yr, tol, 0.0);
            finish(&h, &hr, 0.0, 0.0);
            finish_vec(m, mr, ROWS, (double)c * U * 6.0, 0.0);
            finish_vec(s, sr, ROWS, 0.0, tol);
            finish_vec(bias, NULL, 0, 0, 0), finish_vec(gamma, NULL, 0, 0, 0);
            finish_vec(beta, NULL, 0, 0, 0);
            drop_rows(&x), drop_rows(&res), drop_rows(&yr), drop_rows(&hr);
        }
    }
}

static void test_add_norm_bwd(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int variant = 0; variant < 16; variant++) {
            int64_t c = widths[w_];
            if (c == 0) continue;
            atti_norm kind = variant & 1 ? ATTI_NORM_RMS : ATTI_NORM_LAYER;
            atti_drop drop = variant & 2 ? atti_drop_make(0.25f, 9) : no_drop;
            int with_in = variant & 4, with_dy = !(variant & 8);
            rows h = new_rows(c, 1, -2.0f, 2.0f), dy = new_rows(c, 2, -1.0f, 1.0f);
            rows in = new_rows(c, 3, -1.0f, 1.0f), y = new_rows(c, 4, 0, 1);
            float *gamma = vec(c, 6, 0.5f, 2.0f), mean[ROWS], rstd[ROWS];
            atti_ref_add_norm(y.p, NULL, mean, rstd, h.p, NULL, NULL, gamma, NULL, 0.1f,
                              kind, &no_drop, 0, ROWS, c, h.ld);
            rows dh = same_as(&in), dhr = same_as(&in), dx = same_as(&y),
                 dxr = same_as(&y);
            float *sums[3], *want[3];
            for (int i = 0; i < 3; i++) {
                sums[i] = vec(c, (uint64_t)(10 + i), -1.0f, 1.0f);
                want[i] = copy_vec(sums[i], c);
            }
            k->add_norm_bwd(dh.p, dx.p, sums[0], sums[1], sums[2],
                            with_dy ? dy.p : NULL, with_in ? dh.p : NULL, h.p, mean,
                            rstd, gamma, kind, &drop, FIRST_ROW, ROWS, c, h.ld);
            atti_ref_add_norm_bwd(dhr.p, dxr.p, want[0], want[1], want[2],
                                  with_dy ? dy.p : NULL, with_in ? dhr.p : NULL, h.p,
                                  mean, rstd, gamma, kind, &drop, FIRST_ROW, ROWS, c,
                                  h.ld);
            double tol =
                norm_bound(rstd, c) * 8.0; /* xhat's error times the mean of g xhat */
            finish(&dh, &dhr, tol, 0.0);
            finish(&dx, &dxr, tol * 1.34, 0.0);
            for (int i = 0; i < 3; i++) {
                finish_vec(sums[i], want[i], c, tol * 1.34 * ROWS, 0.0);
                finish_vec(want[i], NULL, 0, 0, 0);
            }
            finish_vec(gamma, NULL, 0, 0, 0);
            drop_rows(&h), drop_rows(&dy), drop_rows(&in), drop_rows(&y);
            drop_rows(&dhr), drop_rows(&dxr);
        }
    }
}

/* y == NULL: only the residual sum; h may be x. */
static void test_residual_only(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        int64_t c = widths[w_];
        rows x = new_rows(c, 1, -2.0f, 2.0f), res = new_rows(c, 2, -2.0f, 2.0f);
        rows want = same_as(&x);
        atti_drop drop = atti_drop_make(0.5f, 3);
        atti_ref_add_norm(NULL, want.p, NULL, NULL, x.p, NULL, res.p, NULL, NULL, 0.0f,
                          ATTI_NORM_LAYER, &drop, 7, ROWS, c, x.ld);
        k->add_norm(NULL, x.p, NULL, NULL, x.p, NULL, res.p, NULL, NULL, 0.0f,
                    ATTI_NORM_LAYER, &drop, 7, ROWS, c, x.ld);
        finish(&x, &want, 0.0, 0.0);
        drop_rows(&res), drop_rows(&want);
    }
}

static void test_softmax(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            int64_t c = widths[w_];
            rows x = new_rows(c, 1, -9.0f, 9.0f);
            float *bias = with_bias ? vec(c, 2, -1.0f, 1.0f) : NULL;
            /* the last row is all -Inf, the one before has one finite value */
            for (int64_t i = 0; i < c; i++) {
                x.p[2 * x.ld + i] = -INFINITY;
                if (i != c / 2) x.p[x.ld + i] = -INFINITY;
            }
            rows a = same_as(&x), ar = same_as(&x), b = same_as(&x), br = same_as(&x);
            float lse[ROWS], max[ROWS], lr[ROWS], mr[ROWS];
            k->softmax(a.p, bias, ROWS, c, a.ld);
            atti_ref_softmax(ar.p, bias, ROWS, c, ar.ld);
            k->log_softmax(b.p, bias, ROWS, c, b.ld);
            atti_ref_log_softmax(br.p, bias, ROWS, c, br.ld);
            k->logsumexp(lse, max, x.p, bias, ROWS, c, x.ld);
            atti_ref_logsumexp(lr, mr, x.p, bias, ROWS, c, x.ld);
            /* x - max is rounded (|.| <= 20), exp has an ulp, the sum c roundings. */
            double rel = (20.0 + 4.0 + (double)c) * U;
            for (int64_t i = 0; i < c; i++) assert_true(a.p[2 * a.ld + i] == 0.0f);
            finish(&a, &ar, 1e-38, rel);
            finish(&b, &br, rel + 24.0 * U, 2.0 * U);
            assert_close(lse, lr, ROWS, rel, 2.0 * U);
            assert_close(max, mr, ROWS, 0.0, 0.0);
            if (bias) finish_vec(bias, NULL, 0, 0, 0);
            drop_rows(&x), drop_rows(&ar), drop_rows(&br);
        }
    }
}

/* A NaN anywhere in a row must be seen in every value made of its sum. */
static void test_softmax_nan(void **state)
{
    (void)state;
    EACH_SET(k)
    {
        for (int64_t c = 1; c <= 40; c++) {
            for (int64_t at = 0; at < c; at += 5) {
                float x[40], lse, nll;
                int32_t target = (int32_t)(c - 1);
                support_fill(x, 40, 1, -1.0f, 1.0f);
                x[at] = NAN;
                k->logsumexp(&lse, NULL, x, NULL, 1, c, c);
                assert_true(isnan(lse));
                k->softmax_xent(x, NULL, &nll, NULL, &target, 0.0f, -1, 0.0f, 1, c, c);
                assert_true(isnan(nll));
                k->softmax(x, NULL, 1, c, c);
                assert_true(isnan(x[0]) && isnan(x[c - 1]));
            }
        }
    }
}

static void test_softmax_xent(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int variant = 0; variant < 16; variant++) {
            int64_t c = widths[w_];
            if (c < 3) continue;
            float eps = variant & 1 ? 0.1f : 0.0f, grad = variant & 2 ? 0.5f : 0.0f;
            int64_t mask = variant & 4 ? c - 1 : -1;
            rows x = new_rows(c, 1, -9.0f, 9.0f), xr = same_as(&x);
            float *bias = variant & 8 ? vec(c, 2, -1.0f, 1.0f) : NULL;
            int32_t target[ROWS] = {(int32_t)(c / 2), -1, 0};
            float loss[ROWS], nll[ROWS], lr[ROWS], nr[ROWS];
            k->softmax_xent(x.p, loss, nll, bias, target, eps, mask, grad, ROWS, c,
                            x.ld);
            atti_ref_softmax_xent(xr.p, lr, nr, bias, target, eps, mask, grad, ROWS, c,
                                  xr.ld);
            double rel = (20.0 + 8.0 + (double)c) * U;
            /* p - q: p is at most 1 and wrong by rel; the sum behind the smoothed loss has
             * c terms of at most 20, times eps / c. */
            finish(&x, &xr, rel, 0.0);
            assert_close(loss, lr, ROWS, rel + 2.0 * (double)c * U, 4.0 * U);
            assert_close(nll, nr, ROWS, rel, 4.0 * U);
            assert_true(loss[1] == 0.0f && nll[1] == 0.0f);
            if (bias) finish_vec(bias, NULL, 0, 0, 0);
            drop_rows(&xr);
        }
    }
}

/* A confident row: the loss is 1e-6, and not the rounding of two numbers near 100. */
static void test_xent_small_loss(void **state)
{
    (void)state;
    EACH_SET(k)
    {
        float x[20], nll;
        int32_t target = 3;
        for (int i = 0; i < 20; i++) x[i] = 100.0f;
        x[3] = 116.0f;
        k->softmax_xent(x, NULL, &nll, NULL, &target, 0.0f, -1, 0.0f, 1, 20, 20);
        double want = log1p(19.0 * exp(-16.0)); /* 2.138e-6 */
        /* the sum 1 + 2.1e-6 is rounded to f32 */
        assert_true(fabs((double)nll - want) <= 2.0 * U);
    }
}

/* However rows are visited, a column is one chain of additions in rising row: the sets of
 * instructions agree in every bit (the reference adds in double, and is near). */
static void test_col_sum(void **state)
{
    static const int64_t many[] = {0, 1, 3, 8, 9, 16, 29};
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        int64_t c = widths[w_], ld = c + GAP;
        for (size_t m = 0; m < sizeof many / sizeof many[0]; m++) {
            float *x = vec(many[m] * ld, 1, -1.0f, 1.0f), *got = vec(c, 2, -1.0f, 1.0f);
            float *want = copy_vec(got, c);
            for (int64_t r = 0; r < many[m]; r++)
                for (int64_t i = 0; i < c; i++) want[i] += x[r * ld + i];
            k->col_sum(got, x, many[m], c, ld);
            finish_vec(got, want, c, k->col_sum == atti_ref_col_sum ? 116.0 * U : 0, 0);
            finish_vec(want, NULL, 0, 0, 0), finish_vec(x, NULL, 0, 0, 0);
        }
    }
}

static void test_elementwise(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        int64_t n = widths[w_];
        for (int add = 0; add < 2; add++) {
            float *a = vec(n, 1, -2.0f, 2.0f), *b = vec(n, 2, -2.0f, 2.0f);
            float *y = vec(n, 3, -2.0f, 2.0f), *z = copy_vec(y, n);
            k->scale(y, a, 0.3f, add, n);
            atti_ref_scale(z, a, 0.3f, add, n);
            assert_close(y, z, (size_t)n, 4.0 * U, 0.0);
            k->mul(y, a, b, add, n);
            atti_ref_mul(z, a, b, add, n);
            finish_vec(y, z, n, 16.0 * U, 0.0);
            finish_vec(z, NULL, 0, 0, 0);
            finish_vec(a, NULL, 0, 0, 0), finish_vec(b, NULL, 0, 0, 0);
        }
        for (int act = ATTI_ACT_NONE; act <= ATTI_ACT_SIGMOID; act++) {
            float *g = vec(n, 1, -4.0f, 4.0f), *u = vec(n, 2, -1.0f, 1.0f);
            float *dy = vec(n, 3, -1.0f, 1.0f);
            float *y = vec(n, 4, 0, 1), *dg = vec(n, 5, 0, 1), *du = vec(n, 6, 0, 1);
            float *yr = vec(n, 4, 0, 1), *dgr = vec(n, 5, 0, 1), *dur = vec(n, 6, 0, 1);
            k->glu(y, g, u, (atti_act)act, n);
            atti_ref_glu(yr, g, u, (atti_act)act, n);
            k->glu_bwd(dg, du, dy, g, u, (atti_act)act, n);
            atti_ref_glu_bwd(dgr, dur, dy, g, u, (atti_act)act, n);
            finish_vec(y, yr, n, 6e-7, 8.0 * U);
            finish_vec(dg, dgr, n, 80.0 * U, 0.0);
            finish_vec(du, dur, n, 6e-7, 8.0 * U);
            float *rest[] = {g, u, dy, yr, dgr, dur};
            for (int i = 0; i < 6; i++) finish_vec(rest[i], NULL, 0, 0, 0);
        }
    }
}

static void test_embed(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int variant = 0; variant < 8; variant++) {
            int64_t c = widths[w_];
            float *table = vec(5 * c, 1, -1.0f, 1.0f),
                  *pos = vec(4 * c, 2, -1.0f, 1.0f);
            int32_t ids[ROWS] = {4, -1, 0}, p[ROWS] = {3, 0, 1};
            atti_drop drop = variant & 1 ? atti_drop_make(0.5f, 11) : no_drop;
            const float *with = variant & 2 ? pos : NULL;
            const int32_t *at = variant & 4 ? p : NULL;
            float *y = vec(ROWS * c, 3, 0, 1), *want = vec(ROWS * c, 3, 0, 1);
            k->embed(y, table, ids, 11.3f, with, at, &drop, FIRST_ROW, ROWS, c);
            atti_ref_embed(want, table, ids, 11.3f, with, at, &drop, FIRST_ROW, ROWS,
                           c);
            finish_vec(y, want, ROWS * c, 64.0 * U, 0.0);
            finish_vec(want, NULL, 0, 0, 0);
            finish_vec(table, NULL, 0, 0, 0), finish_vec(pos, NULL, 0, 0, 0);
        }
    }
}

/* Which elements dropout keeps is the same in every set and in rng.h, and the rate is
 * what was asked for. */
static void test_dropout(void **state)
{
    (void)state;
    enum { N = 20000 };
    float *x = vec(N, 1, 1.0f, 2.0f), *y = vec(N, 2, 0, 1);
    atti_drop drop = atti_drop_make(0.3f, 0x123456789abcdefULL);
    EACH_SET(k)
    {
        int kept = 0;
        k->bias_act(y, NULL, x, NULL, ATTI_ACT_NONE, &drop, 17, 1, N, N, N);
        uint32_t key = atti_drop_rowkey(drop.key, 17);
        for (int i = 0; i < N; i++) {
            int want = atti_drop_bits(key, (uint32_t)i) >= drop.threshold;
            assert_true(y[i] == (want ? x[i] * drop.scale : 0.0f));
            kept += want;
        }
        /* 0.7 N +- 6 deviations of sqrt(0.21 N) */
        assert_true(fabs(kept - 0.7 * N) < 6.0 * sqrt(0.21 * N));
    }
    finish_vec(x, NULL, 0, 0, 0), finish_vec(y, NULL, 0, 0, 0);
}

/* The same bits in every set. */
static void test_sum_squares_and_finite(void **state)
{
    (void)state;
    EACH_SET(k) EACH_WIDTH(w)
    {
        int64_t n = widths[w_];
        float *x = vec(n, 1, -1e20f, 1e20f);
        assert_true(k->sum_squares(x, n) == atti_ref_sum_squares(x, n));
        assert_int_equal(1, k->all_finite(x, n));
        const float bad[] = {NAN, INFINITY, -INFINITY};
        for (int64_t i = 0; i < n; i++) {
            float keep = x[i];
            x[i] = bad[i % 3];
            assert_int_equal(0, k->all_finite(x, n));
            x[i] = keep;
        }
        finish_vec(x, NULL, 0, 0, 0);
    }
}

/* w moves by at most lr (1/(1-b1) ...): about 0.01 here; a few roundings of w and step. */
static void test_adam(void **state)
{
    (void)state;
    atti_adam_step s = {0.01f, 0.9f, 0.98f, 1e-9f, 0.01f, 0.1f, 0.02f, 0.5f, 0.1f};
    EACH_SET(k) EACH_WIDTH(w)
    {
        for (int full = 0; full < 2; full++) {
            int64_t n = widths[w_];
            float *a[5], *b[5];
            uint16_t *half = support_guard_alloc((size_t)n * 2, 2), want[128];
            for (int i = 0; i < 5; i++) {
                a[i] = vec(n, (uint64_t)(20 + i), i == 2 ? 0.1f : -1.0f, 1.0f);
                b[i] = copy_vec(a[i], n);
            }
            k->adam(a[0], a[1], a[2], full ? a[3] : NULL, full ? half : NULL, a[4], &s,
                    n);
            atti_ref_adam(b[0], b[1], b[2], full ? b[3] : NULL, full ? want : NULL,
                          b[4], &s, n);
            for (int64_t i = 0; full && i < n; i++)
                assert_int_equal(atti_f32_to_bf16(a[0][i]), half[i]);
            for (int i = 0; i < 5; i++) {
                finish_vec(a[i], b[i], n, 8.0 * U, 0.0);
                finish_vec(b[i], NULL, 0, 0, 0);
            }
            support_guard_free(half);
        }
    }
}

/* Every 16-bit pattern up, and down again; and floats on both sides of each midpoint. */
static void test_half(void **state)
{
    (void)state;
    enum { ALL = 65536 };
    uint16_t *h = support_guard_alloc(ALL * 2, 0),
             *back = support_guard_alloc(ALL * 2, 2);
    float *x = support_guard_floats(ALL, 0), *want = support_guard_floats(ALL, 0);
    for (int i = 0; i < ALL; i++) h[i] = (uint16_t)i;
    EACH_SET(k)
    {
        for (int f16 = 0; f16 < 2; f16++) {
            atti_half_to_f32_fn *up = f16 ? k->f16_to_f32 : k->bf16_to_f32;
            atti_f32_to_half_fn *down = f16 ? k->f32_to_f16 : k->f32_to_bf16;
            for (int64_t n = 0; n <= 40; n++) { /* tails */
                up(x, h + 100, n);
                down(back, x, n);
                assert_memory_equal(back, h + 100, (size_t)n * 2);
            }
            up(x, h, ALL);
            (f16 ? atti_ref_f16_to_f32 : atti_ref_bf16_to_f32)(want, h, ALL);
            for (int i = 0; i < ALL; i++) {
                if (isnan(want[i]))
                    assert_true(isnan(x[i]));
                else
                    assert_int_equal(atti_f32_bits(want[i]), atti_f32_bits(x[i]));
            }
            down(back, x, ALL);
            for (int i = 0; i < ALL; i++) {
                if (!isnan(x[i])) assert_int_equal(i, back[i]);
            }
            for (int step = -1; step <= 1; step++) {
                for (int i = 0; i < ALL; i++) {
                    uint32_t b = f16 ? 0x33000000U + (uint32_t)i * 0x1800U
                                     : (uint32_t)i << 16 | 0x8000U;
                    x[i] = atti_f32_of_bits(b + (uint32_t)step);
                }
                down(back, x, ALL);
                for (int i = 0; i < ALL; i++) {
                    uint16_t w = f16 ? atti_f32_to_f16(x[i]) : atti_f32_to_bf16(x[i]);
                    if (!isnan(x[i])) assert_int_equal(w, back[i]);
                }
            }
        }
    }
    support_guard_free(h), support_guard_free(back);
    support_guard_free(x), support_guard_free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bias_act),
        cmocka_unit_test(test_bias_act_bwd),
        cmocka_unit_test(test_add_norm),
        cmocka_unit_test(test_add_norm_bwd),
        cmocka_unit_test(test_residual_only),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_nan),
        cmocka_unit_test(test_softmax_xent),
        cmocka_unit_test(test_xent_small_loss),
        cmocka_unit_test(test_col_sum),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_embed),
        cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_sum_squares_and_finite),
        cmocka_unit_test(test_adam),
        cmocka_unit_test(test_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
