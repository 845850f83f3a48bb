/* test_matmul.c - the matrix products against a triple loop in double, and the promises
 * of matmul.h: a row's bits do not depend on the number of rows, on threads, or on which
 * entry point computed them; nothing outside c is written; every row meets its epilogue
 * once, complete.
 *
 * Tolerance: a sum of k products in f32, one rounding each, is within k 2^-24 times the
 * sum of the absolute products (Higham, Accuracy and Stability, section 3.1); the test
 * computes that bound element by element. */
#include "attend/base.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/matmul.h"
#include "kernels/matmul_core.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define GUARD                                                                          \
    7 /* floats between rows and around the matrix that must stay as they were */
static const float mark = -12345.5f;

typedef struct mat {
    int64_t rows, cols, ld;
    float *base, *at;
} mat;

static mat mat_new(int64_t rows, int64_t cols)
{
    mat m = {rows, cols, cols + GUARD, NULL, NULL};
    size_t n = (size_t)(rows * m.ld + 2 * GUARD);
    m.base = malloc(n * sizeof(float));
    for (size_t i = 0; i < n; i++) m.base[i] = mark;
    m.at = m.base + GUARD;
    return m;
}

static mat mat_random(int64_t rows, int64_t cols, uint64_t seed)
{
    mat m = mat_new(rows, cols);
    atti_rng r = {seed, 0};
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < cols; j++)
            m.at[i * m.ld + j] = (float)(2.0 * atti_rng_unit(&r) - 1.0);
    }
    return m;
}

static void mat_free(mat *m)
{
    free(m->base);
}

static void check_guards(const mat *m, const char *what)
{
    size_t n = (size_t)(m->rows * m->ld + 2 * GUARD);
    for (size_t i = 0; i < n; i++) {
        int64_t at = (int64_t)i - GUARD;
        int inside = at >= 0 && at < m->rows * m->ld && at % m->ld < m->cols;
        if (!inside && m->base[i] != mark) {
            fail_msg("%s: wrote outside, offset %lld", what, (long long)at);
        }
    }
}

/* c = old + op(a) op(b), element by element against the bound. */
static void check(const mat *c, const mat *old, const mat *a, int ta, const mat *b,
                  int tb, const char *what)
{
    int64_t k = ta ? a->rows : a->cols;
    for (int64_t i = 0; i < c->rows; i++) {
        for (int64_t j = 0; j < c->cols; j++) {
            double want = old ? (double)old->at[i * old->ld + j] : 0.0;
            double size = fabs(want);
            for (int64_t q = 0; q < k; q++) {
                double x = (double)(ta ? a->at[q * a->ld + i] : a->at[i * a->ld + q]);
                double y = (double)(tb ? b->at[j * b->ld + q] : b->at[q * b->ld + j]);
                want += x * y;
                size += fabs(x * y);
            }
            double got = (double)c->at[i * c->ld + j];
            double bound = ((double)k + 2.0) * 0x1p-24 * size;
            if (!(fabs(got - want) <= bound)) {
                fail_msg("%s: [%lld,%lld] is %.9g, expected %.9g +- %.3g", what,
                         (long long)i, (long long)j, got, want, bound);
            }
        }
    }
    check_guards(c, what);
}

static void copy(mat *to, const mat *from)
{
    for (int64_t i = 0; i < to->rows; i++)
        memcpy(to->at + i * to->ld, from->at + i * from->ld,
               (size_t)to->cols * sizeof(float));
}

static const int64_t sizes[] = {0, 1, 5, 13, 14, 15, 31, 32, 33, 67};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void test_seq(void **state)
{
    (void)state;
    static const int64_t ks[] = {0, 1, 3, 4, 17, 300};
    for (int flags = 0; flags < 8; flags++) {
        int ta = flags & 1, tb = flags >> 1 & 1, add = flags >> 2;
        for (int i = 0; i < SIZES; i++) {
            for (int j = 0; j < SIZES; j++) {
                int64_t m = sizes[i], n = sizes[j], k = ks[(i + j) % 6];
                mat a = ta ? mat_random(k, m, 1) : mat_random(m, k, 1);
                mat b = tb ? mat_random(n, k, 2) : mat_random(k, n, 2);
                mat old = mat_random(m, n, 3), c = mat_new(m, n);
                if (add) copy(&c, &old);
                assert_int_equal(ATT_OK, atti_gemm_seq(ta, tb, m, n, k, a.at, a.ld,
                                                       b.at, b.ld, add, c.at, c.ld));
                check(&c, add ? &old : NULL, &a, ta, &b, tb, "gemm_seq");
                mat_free(&a), mat_free(&b), mat_free(&c), mat_free(&old);
            }
        }
    }
}

typedef struct seen {
    int count[300];
    const mat *want;
    int bad;
} seen;

static void look(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                 int thread)
{
    seen *s = ctx;
    (void)thread;
    for (int64_t r = 0; r < rows; r++) {
        s->count[row0 + r]++; /* each row belongs to one task */
        if (!s->want) continue;
        if (memcmp(y + (row0 + r) * ldy, s->want->at + (row0 + r) * s->want->ld,
                   (size_t)s->want->cols * sizeof(float)) != 0)
            s->bad++;
    }
}

static void test_training(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 1},      {7, 33, 5}, {100, 64, 48},
                                        {257, 70, 130}, {0, 4, 4},  {30, 520, 530}};
    for (size_t q = 0; q < sizeof shapes / sizeof *shapes; q++) {
        for (int trans = 0; trans < 2; trans++) {
            atti_matmul_shape s = {.rows = shapes[q][0],
                                   .n_out = shapes[q][1],
                                   .n_in = shapes[q][2],
                                   .trans = trans};
            mat x = mat_random(s.rows, s.n_in, 1), dy = mat_random(s.rows, s.n_out, 2);
            mat w =
                trans ? mat_random(s.n_in, s.n_out, 3) : mat_random(s.n_out, s.n_in, 3);
            /* w is contiguous in this interface */
            float *flat = malloc((size_t)(w.rows * w.cols + 1) * sizeof(float));
            for (int64_t i = 0; i < w.rows; i++)
                memcpy(flat + i * w.cols, w.at + i * w.ld,
                       (size_t)w.cols * sizeof(float));
            mat y = mat_new(s.rows, s.n_out), dx = mat_new(s.rows, s.n_in);
            seen e = {{0}, NULL, 0};
            atti_epilogue epi = {look, &e, NULL};
            assert_int_equal(
                ATT_OK, atti_matmul_forward(&s, y.at, y.ld, x.at, x.ld, flat, &epi));
            check(&y, NULL, &x, 0, &w, !trans, "forward");
            for (int64_t r = 0; r < s.rows; r++) assert_int_equal(1, e.count[r]);
            assert_int_equal(ATT_OK, atti_matmul_grad_input(&s, dx.at, dx.ld, dy.at,
                                                            dy.ld, flat, 0, NULL));
            check(&dx, NULL, &dy, 0, &w, trans, "grad_input");
            mat old = mat_random(s.rows, s.n_in, 4);
            copy(&dx, &old);
            assert_int_equal(ATT_OK, atti_matmul_grad_input(&s, dx.at, dx.ld, dy.at,
                                                            dy.ld, flat, 1, NULL));
            check(&dx, &old, &dy, 0, &w, trans, "grad_input, added");
            for (int add = 0; add < 2; add++) {
                mat dw = {w.rows, w.cols, w.cols, flat, flat};
                if (!add) memset(flat, 0x7f, (size_t)(w.rows * w.cols) * sizeof(float));
                mat before = mat_new(w.rows, w.cols);
                copy(&before, &dw);
                assert_int_equal(ATT_OK, atti_matmul_grad_weight(&s, flat, dy.at, dy.ld,
                                                                 x.at, x.ld, add));
                mat got = mat_new(w.rows, w.cols);
                copy(&got, &dw);
                check(&got, add ? &before : NULL, trans ? &x : &dy, 1, trans ? &dy : &x,
                      0, "grad_weight");
                mat_free(&got), mat_free(&before);
            }
            free(flat);
            mat_free(&x), mat_free(&dy), mat_free(&w), mat_free(&y), mat_free(&dx);
            mat_free(&old);
        }
    }
}

/* 1500 rows: more than one chunk. The same bits for every thread count. */
static void test_threads(void **state)
{
    (void)state;
    atti_matmul_shape s = {.rows = 1500, .n_out = 40, .n_in = 24};
    mat x = mat_random(s.rows, s.n_in, 1), dy = mat_random(s.rows, s.n_out, 2);
    float *dw[3], *y[3];
    float *w = malloc((size_t)(s.n_out * s.n_in) * sizeof(float));
    atti_rng r = {5, 0};
    for (int64_t i = 0; i < s.n_out * s.n_in; i++) w[i] = (float)atti_rng_unit(&r);
    size_t dw_bytes = (size_t)(s.n_out * s.n_in) * sizeof(float);
    size_t y_bytes = (size_t)(s.rows * s.n_out) * sizeof(float);
    int32_t before = att_set_threads(1);
    for (int t = 0; t < 3; t++) {
        dw[t] = malloc(dw_bytes);
        y[t] = malloc(y_bytes);
        (void)att_set_threads(t + 1);
        assert_int_equal(
            ATT_OK, atti_matmul_grad_weight(&s, dw[t], dy.at, dy.ld, x.at, x.ld, 0));
        assert_int_equal(ATT_OK,
                         atti_matmul_forward(&s, y[t], s.n_out, x.at, x.ld, w, NULL));
    }
    (void)att_set_threads(before);
    for (int t = 1; t < 3; t++) {
        assert_memory_equal(dw[0], dw[t], dw_bytes);
        assert_memory_equal(y[0], y[t], y_bytes);
    }
    for (int t = 0; t < 3; t++) free(dw[t]), free(y[t]);
    free(w);
    mat_free(&x), mat_free(&dy);
}

/* Halves dy: stands for a layer's activation. */
static void halve(void *ctx, float *dy, int64_t ld, int64_t row0, int64_t rows,
                  int thread)
{
    const int64_t *cols = ctx;
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++)
        for (int64_t c = 0; c < *cols; c++) dy[r * ld + c] *= 0.5f;
}

/* One sweep or several passes, whatever the threads: the bits of the separate calls, and
 * the bias's gradient as a sum in double says it. */
static void backward_case(const atti_matmul_shape *s, int add)
{
    int64_t n_w = s->n_out * s->n_in;
    mat x = mat_random(s->rows, s->n_in, 1), dy = mat_random(s->rows, s->n_out, 2);
    mat half = mat_new(s->rows, s->n_out), w = mat_random(1, n_w, 3);
    mat dx[2] = {mat_random(s->rows, s->n_in, 4), mat_new(s->rows, s->n_in)};
    mat dw[2] = {mat_random(1, n_w, 5), mat_new(1, n_w)};
    mat db = mat_random(1, s->n_out, 6), db0 = mat_new(1, s->n_out);
    copy(&dx[1], &dx[0]), copy(&dw[1], &dw[0]), copy(&db0, &db);
    copy(&half, &dy);
    int64_t cols = s->n_out;
    halve(&cols, half.at, half.ld, 0, s->rows, 0);
    assert_int_equal(ATT_OK, atti_matmul_grad_input(s, dx[0].at, dx[0].ld, half.at,
                                                    half.ld, w.at, add, NULL));
    assert_int_equal(ATT_OK, atti_matmul_grad_weight(s, dw[0].at, half.at, half.ld,
                                                     x.at, x.ld, add));
    atti_epilogue undo = {halve, &cols, NULL};
    atti_matmul_grads g = {dx[1].at, dw[1].at, db.at, dx[1].ld, add, add, add};
    assert_int_equal(
        ATT_OK, atti_matmul_backward(s, &g, dy.at, dy.ld, x.at, x.ld, w.at, &undo));
    for (int64_t r = 0; r < s->rows; r++) {
        assert_memory_equal(dx[0].at + r * dx[0].ld, dx[1].at + r * dx[1].ld,
                            (size_t)s->n_in * sizeof(float));
        assert_memory_equal(half.at + r * half.ld, dy.at + r * dy.ld,
                            (size_t)s->n_out * sizeof(float));
    }
    assert_memory_equal(dw[0].at, dw[1].at, (size_t)n_w * sizeof(float));
    for (int64_t c = 0; c < s->n_out; c++) {
        double sum = add ? (double)db0.at[c] : 0.0, size = fabs(sum);
        for (int64_t r = 0; r < s->rows; r++) {
            sum += (double)half.at[r * half.ld + c];
            size += fabs((double)half.at[r * half.ld + c]);
        }
        /* At most rows + 1 additions, each rounded by half a unit of a partial sum. */
        double most = size * (double)(s->rows + 2) * 0x1p-24;
        assert_true(fabs((double)db.at[c] - sum) <= most);
    }
    mat_free(&x), mat_free(&dy), mat_free(&half), mat_free(&w), mat_free(&db);
    mat_free(&dx[0]), mat_free(&dx[1]), mat_free(&dw[0]), mat_free(&dw[1]);
    mat_free(&db0);
}

static void test_backward(void **state)
{
    (void)state;
    /* One chunk of rows; several; several blocks of dw; nothing to multiply. */
    static const int64_t shapes[][3] = {{1, 1, 1},       {100, 64, 48},  {1500, 40, 24},
                                        {700, 1030, 40}, {40, 600, 530}, {0, 4, 4}};
    int32_t before = att_set_threads(0);
    for (size_t q = 0; q < sizeof shapes / sizeof *shapes; q++) {
        for (int k = 0; k < 12; k++) {
            (void)att_set_threads(1 + k / 4);
            atti_matmul_shape s = {.rows = shapes[q][0],
                                   .n_out = shapes[q][1],
                                   .n_in = shapes[q][2],
                                   .trans = k % 2};
            backward_case(&s, k / 2 % 2);
        }
    }
    (void)att_set_threads(before);
}

/* Sums that start from the bias are sums of one more product. */
static void test_bias(void **state)
{
    (void)state;
    atti_matmul_shape s = {.rows = 50, .n_out = 70, .n_in = 600};
    mat x = mat_random(s.rows, s.n_in, 1), w = mat_random(1, s.n_out * s.n_in, 2);
    mat bias = mat_random(1, s.n_out, 3), y = mat_new(s.rows, s.n_out);
    mat start = mat_new(s.rows, s.n_out), w2 = {s.n_out, s.n_in, s.n_in, NULL, w.at};
    for (int64_t r = 0; r < s.rows; r++)
        memcpy(start.at + r * start.ld, bias.at, (size_t)s.n_out * sizeof(float));
    atti_epilogue epi = {NULL, NULL, bias.at};
    assert_int_equal(ATT_OK,
                     atti_matmul_forward(&s, y.at, y.ld, x.at, x.ld, w.at, &epi));
    check(&y, &start, &x, 0, &w2, 1, "forward with a bias");
    mat_free(&x), mat_free(&w), mat_free(&bias), mat_free(&y), mat_free(&start);
}

/* The promise that decoding stands on. */
static void test_rows_alone(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{70, 600}, {512, 129}, {33, 7}, {1000, 64}};
    for (size_t q = 0; q < sizeof shapes / sizeof *shapes; q++) {
        int64_t n_out = shapes[q][0], n_in = shapes[q][1], rows = 130;
        mat x = mat_random(rows, n_in, 1), w = mat_random(n_out, n_in, 2);
        mat all = mat_new(rows, n_out), some = mat_new(rows, n_out);
        atti_linear *l;
        assert_int_equal(ATT_OK, atti_linear_create(&l, ATTI_LINEAR_F32, w.at, n_out,
                                                    n_in, w.ld, 0));
        assert_int_equal(ATT_OK,
                         atti_linear_run(l, all.at, all.ld, x.at, x.ld, rows, NULL));
        check(&all, NULL, &x, 0, &w, 1, "linear");
        for (int64_t m = 1; m <= 64; m = m < 20 ? m + 1 : m + 11) {
            seen e = {{0}, NULL, 0};
            atti_epilogue epi = {look, &e, NULL};
            mat part = {m, n_out, all.ld, NULL, all.at + 3 * all.ld};
            e.want = &part;
            assert_int_equal(ATT_OK, atti_linear_run(l, some.at, some.ld,
                                                     x.at + 3 * x.ld, x.ld, m, &epi));
            for (int64_t r = 0; r < m; r++) assert_int_equal(1, e.count[r]);
            assert_int_equal(0, e.bad);
        }
        /* The training product and the sequential one are the same sums. */
        mat seq = mat_new(rows, n_out);
        assert_int_equal(ATT_OK, atti_gemm_seq(0, 1, rows, n_out, n_in, x.at, x.ld,
                                               w.at, w.ld, 0, seq.at, seq.ld));
        for (int64_t r = 0; r < rows; r++)
            assert_memory_equal(seq.at + r * seq.ld, all.at + r * all.ld,
                                (size_t)n_out * sizeof(float));
        atti_linear_destroy(l);
        mat_free(&x), mat_free(&w), mat_free(&all), mat_free(&some), mat_free(&seq);
    }
}

static void test_trans_and_update(void **state)
{
    (void)state;
    mat w = mat_random(50, 30, 1), w2 = mat_random(50, 30, 2),
        dy = mat_random(9, 50, 3);
    mat dx = mat_new(9, 30);
    atti_linear *l;
    assert_int_equal(ATT_OK,
                     atti_linear_create(&l, ATTI_LINEAR_F32, w.at, 30, 50, w.ld, 1));
    assert_int_equal(ATT_OK, atti_linear_run(l, dx.at, dx.ld, dy.at, dy.ld, 9, NULL));
    check(&dx, NULL, &dy, 0, &w, 0, "linear, transposed");
    assert_int_equal(ATT_OK, atti_linear_update(l, w2.at));
    assert_int_equal(ATT_OK, atti_linear_run(l, dx.at, dx.ld, dy.at, dy.ld, 9, NULL));
    check(&dx, NULL, &dy, 0, &w2, 0, "linear, updated");
    assert_true(atti_linear_bytes(l) >= 50 * 30 * sizeof(float));
    atti_linear_destroy(l);
    l = NULL;
    assert_int_equal(ATT_ESHAPE,
                     atti_linear_create(&l, ATTI_LINEAR_F32, w.at, 30, 50, 10, 1));
    assert_int_equal(ATT_ENOTSUP,
                     atti_linear_create(&l, ATTI_LINEAR_I8, w.at, 50, 30, w.ld, 0));
    assert_null(l);
    atti_linear_destroy(NULL);
    mat_free(&w), mat_free(&w2), mat_free(&dy), mat_free(&dx);
}

/* Every set's tile, driven directly: the sets below the one in force are tested too. */
static void test_tiles(void **state)
{
    (void)state;
    const atti_kernels *set;
    for (int q = 0; (set = atti_kernel_set(q)) != NULL; q++) {
        if (!set->mm) continue; /* a set of bf16 products alone */
        const atti_gemm_kernels *g = set->mm;
        int64_t k = 37;
        mat b = mat_random(g->nr, k, 1), a = mat_random(g->mr, k, 2);
        mat at = mat_random(k, g->mr, 3);
        float *panel = malloc((size_t)(k * g->nr) * sizeof(float));
        float *a_panel = malloc((size_t)(k * g->ap) * sizeof(float));
        for (int64_t n = 1; n <= g->nr; n += 3) {
            mat bn = {n, k, b.ld, NULL, b.at};
            g->pack_b(panel, b.at, b.ld, 1, k, n);
            for (int64_t m = 1; m <= g->mr; m++) {
                mat c = mat_new(m, n), am = {m, k, a.ld, NULL, a.at};
                atti_gemm_tile t = {am.at, panel, c.at, k, a.ld,
                                    g->nr, c.ld,  n,    0, NULL};
                /* Every row from a start of its own columns, which is like adding. */
                mat starts = mat_random(m, n, 9);
                for (int64_t i = 1; i < m; i++)
                    memcpy(starts.at + i * starts.ld, starts.at,
                           (size_t)n * sizeof(float));
                t.start = starts.at;
                g->tile_row(m, &t);
                check(&c, &starts, &am, 0, &bn, 1, set->isa);
                mat_free(&starts);
                t.start = NULL;
                g->tile_row(m, &t);
                check(&c, NULL, &am, 0, &bn, 1, set->isa);
                mat first = mat_new(m, n), ac = {k, m, at.ld, NULL, at.at};
                copy(&first, &c);
                g->pack_a(a_panel, at.at, at.ld, k, m);
                t.a = a_panel;
                t.lda = g->ap;
                t.accumulate = 1;
                g->tile_col(m, &t);
                check(&c, &first, &ac, 1, &bn, 1, set->isa);
                mat_free(&c), mat_free(&first);
            }
        }
        free(panel), free(a_panel);
        mat_free(&a), mat_free(&b), mat_free(&at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiles),      cmocka_unit_test(test_seq),
        cmocka_unit_test(test_training),   cmocka_unit_test(test_threads),
        cmocka_unit_test(test_backward),   cmocka_unit_test(test_bias),
        cmocka_unit_test(test_rows_alone), cmocka_unit_test(test_trans_and_update),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    atti_scratch_trim();
    return failed;
}
