/* test_linear_ends.c - a packed weight's product with its ends: every element meets the ends
 * by columns once, complete, and its row's end after them; pieces begin where was asked;
 * bits are those of the plain product with one thread, for any number of rows and threads,
 * out of a pool or not. */
#include "attend/base.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "kernels/matmul.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST_ROWS = 300, MOST_OUT = 1100 };

typedef struct seen {
    const float *want; /* [rows, n_out] */
    int64_t n_out, step;
    atomic_int bad, late;
    atomic_int count[MOST_ROWS], whole[MOST_ROWS]; /* columns, row ends */
} seen;

/* Adds 1, so that a second visit or a visit before the product would be seen. */
static void columns(void *ctx, float *y, int64_t ldy, const atti_column_piece *p,
                    int thread)
{
    seen *s = ctx;
    (void)thread;
    if (s->step && p->col0 % s->step != 0) s->bad++;
    for (int64_t r = p->row0; r < p->row0 + p->rows; r++) {
        if (s->whole[r]) s->late++;
        for (int64_t c = p->col0; c < p->col0 + p->cols; c++) {
            if (y[r * ldy + c] != s->want[r * s->n_out + c]) s->bad++;
            y[r * ldy + c] += 1.0f;
        }
        s->count[r] += (int)p->cols;
    }
}

static void rows_end(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                     int thread)
{
    seen *s = ctx;
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++) {
        if (s->count[r] != s->n_out) s->bad++;
        for (int64_t c = 0; c < s->n_out; c++)
            if (y[r * ldy + c] != s->want[r * s->n_out + c] + 1.0f) s->bad++;
        s->whole[r]++;
    }
}

static float *numbers(int64_t n, uint64_t seed)
{
    float *x = malloc((size_t)n * sizeof *x);
    atti_rng r = {seed, 0};
    for (int64_t i = 0; i < n; i++) x[i] = (float)(2.0 * atti_rng_unit(&r) - 1.0);
    return x;
}

static void one_shape(const atti_linear *l, const float *x, const float *bias,
                      int64_t rows, int64_t n_out, int64_t n_in, int64_t step)
{
    float *want = malloc((size_t)(rows * n_out) * sizeof *want);
    float *y = malloc((size_t)(rows * n_out) * sizeof *y);
    const atti_epilogue plain = {NULL, NULL, bias};
    int32_t before = att_set_threads(1);
    assert_int_equal(ATT_OK, atti_linear_run(l, want, n_out, x, n_in, rows, &plain));
    for (int threads = 1; threads <= 3; threads++) {
        static seen s;
        memset(&s, 0, sizeof s);
        s.want = want, s.n_out = n_out, s.step = step;
        const atti_linear_ends ends = {bias, columns, step, rows_end, &s};
        att_set_threads(threads);
        assert_int_equal(ATT_OK,
                         atti_linear_run_ends(l, y, n_out, x, n_in, rows, &ends));
        assert_int_equal(0, s.bad);
        assert_int_equal(0, s.late);
        for (int64_t r = 0; r < rows; r++) assert_int_equal(1, s.whole[r]);
    }
    att_set_threads(before);
    free(want);
    free(y);
}

static void test_ends(void **state)
{
    (void)state;
    static const int64_t out[] = {1, 33, 512, MOST_OUT},
                         rows[] = {1, 4, 15, 128, 256, 300};
    static const int64_t step[] = {0, 32, 48, 512};
    enum { IN = 70 };
    for (int o = 0; o < 4; o++) {
        float *w = numbers(out[o] * IN, 1), *x = numbers(MOST_ROWS * IN, 2);
        float *bias = numbers(out[o], 3);
        atti_linear_pool *pool = NULL;
        atti_linear *l = NULL, *lent = NULL;
        assert_int_equal(ATT_OK,
                         atti_linear_create(&l, ATTI_LINEAR_F32, w, out[o], IN, IN, 0));
        assert_int_equal(ATT_OK, atti_linear_pool_create(&pool));
        assert_int_equal(ATT_OK, atti_linear_create_in(&lent, pool, ATTI_LINEAR_F32, w,
                                                       out[o], IN, IN, 0));
        for (int r = 0; r < 6; r++)
            for (int k = 0; k < 4; k++)
                one_shape(k % 2 ? lent : l, x, k % 3 ? bias : NULL, rows[r], out[o], IN,
                          step[k]);
        atti_linear_destroy(l);
        atti_linear_destroy(lent);
        atti_linear_pool_destroy(pool);
        free(w), free(x), free(bias);
    }
}

/* Weights of many sizes in one pool do not lie on each other; memory comes back. */
static void test_pool(void **state)
{
    (void)state;
    enum { N = 12, IN = 300 };
    size_t live = atti_alloc_live();
    atti_linear_pool *pool = NULL;
    atti_linear *l[N] = {NULL};
    float *w[N], *x = numbers(IN, 9), y[2][2400];
    assert_int_equal(ATT_OK, atti_linear_pool_create(&pool));
    for (int i = 0; i < N; i++) {
        int64_t n = 200 * (i + 1) - 7;
        w[i] = numbers(n * IN, (uint64_t)i);
        assert_int_equal(ATT_OK, atti_linear_create_in(&l[i], pool, ATTI_LINEAR_F32,
                                                       w[i], n, IN, IN, 0));
    }
    for (int i = 0; i < N; i++) {
        int64_t n = 200 * (i + 1) - 7;
        atti_linear *own = NULL;
        assert_int_equal(ATT_OK,
                         atti_linear_create(&own, ATTI_LINEAR_F32, w[i], n, IN, IN, 0));
        assert_int_equal(ATT_OK, atti_linear_run(l[i], y[0], n, x, IN, 1, NULL));
        assert_int_equal(ATT_OK, atti_linear_run(own, y[1], n, x, IN, 1, NULL));
        assert_memory_equal(y[0], y[1], (size_t)n * sizeof(float));
        atti_linear_destroy(own);
    }
    for (int i = 0; i < N; i++) {
        atti_linear_destroy(l[i]);
        free(w[i]);
    }
    atti_linear_pool_destroy(pool);
    atti_linear_pool_destroy(NULL);
    free(x);
    assert_true(atti_alloc_live() <= live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
