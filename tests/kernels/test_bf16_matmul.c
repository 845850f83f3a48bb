/* test_bf16_matmul.c - products with operands rounded to bf16, by every table that can run
 * here (the emulated ones among them) and by the f32 kernels over rounded copies, against
 * a triple loop in double over rounded operands; and that a row's bits depend on nothing
 * but that row, the other operand and the table.
 *
 * Tolerance: products of two bf16 numbers are exact in f32, so what is left is a sum of k
 * terms in f32 in some order, within k 2^-24 times the sum of their sizes (Higham, section
 * 3.1), plus one rounding each for the bias and for what was there before. */
#include "support.h"

#include "attend/base.h"
#include "base/rng.h"
#include "bf16_tables.h"
#include "kernels/cpu.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAD = 5, MOST_TABLES = 5 };

static int tables(const atti_bf16_kernels *out[MOST_TABLES])
{
    int n = 0;
    out[n++] = &bf16_emulated_amx;
    out[n++] = &bf16_emulated_dot;
    if (atti_cpu_probe().avx512 && bf16_without_bf16()) out[n++] = bf16_without_bf16();
    if (atti_bf16()) out[n++] = atti_bf16();
    out[n++] = NULL; /* rounded copies */
    return n;
}

static const char *name_of(const atti_bf16_kernels *k)
{
    return k ? k->name : "rounded";
}

static float *random_matrix(int64_t rows, int64_t ld, uint64_t seed)
{
    float *x = malloc((size_t)(rows * ld + 1) * sizeof *x);
    atti_rng r = {seed, 0};
    for (int64_t i = 0; i < rows * ld; i++) x[i] = (float)(2 * atti_rng_unit(&r) - 1);
    return x;
}

static double half(float x)
{
    return (double)atti_bf16_to_f32(atti_f32_to_bf16(x));
}

/* c [m, n] = start + sum over k of a(i, q) b(q, j), steps given for both indices. */
typedef struct sum {
    const float *a, *b, *bias, *old;
    int64_t m, n, k, ai, aq, bq, bj, ldc;
} sum;

static void check(const char *what, const sum *s, const float *c)
{
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t j = 0; j < s->ldc; j++) {
            double got = (double)c[i * s->ldc + j];
            if (j >= s->n) {
                if (got != -5.0) fail_msg("%s: wrote outside", what);
                continue;
            }
            double want = s->bias ? (double)s->bias[j] : 0.0;
            if (s->old) want += (double)s->old[i * s->ldc + j];
            double size = fabs(want);
            for (int64_t q = 0; q < s->k; q++) {
                double x = half(s->a[i * s->ai + q * s->aq]) *
                           half(s->b[q * s->bq + j * s->bj]);
                want += x;
                size += fabs(x);
            }
            double bound = ((double)s->k + 2) * 0x1p-24 * size;
            if (!(fabs(got - want) <= bound))
                fail_msg("%s: %lld x %lld x %lld: [%lld,%lld] is %.9g, expected %.9g "
                         "+- %.3g",
                         what, (long long)s->m, (long long)s->n, (long long)s->k,
                         (long long)i, (long long)j, got, want, bound);
        }
}

/* c of width cols + PAD: garbage or what is added to, and marks behind each row. */
static float *room(const float *old, int64_t rows, int64_t cols)
{
    int64_t ld = cols + PAD;
    float *c = malloc((size_t)(rows * ld + 1) * sizeof *c);
    for (int64_t i = 0; i < rows * ld; i++)
        c[i] = i % ld >= cols ? -5.0f : old ? old[i] : NAN;
    return c;
}

typedef struct shape {
    int64_t rows, n_out, n_in;
} shape;

static void run_forward(const atti_bf16_kernels *k, shape z, int trans)
{
    float *x = random_matrix(z.rows, z.n_in + 3, 1);
    float *w = random_matrix(z.n_out, z.n_in, 2), *bias = random_matrix(1, z.n_out, 3);
    float *y = room(NULL, z.rows, z.n_out);
    atti_matmul_shape s = {z.rows, z.n_out, z.n_in, trans, 1};
    atti_epilogue epi = {.bias = bias};
    assert_int_equal(
        ATT_OK, atti_bf16_forward(k, &s, y, z.n_out + PAD, x, z.n_in + 3, w, &epi));
    sum q = {.a = x, .b = w, .bias = bias, .m = z.rows, .n = z.n_out, .k = z.n_in};
    q.ai = z.n_in + 3, q.aq = 1, q.ldc = z.n_out + PAD;
    q.bq = trans ? z.n_out : 1, q.bj = trans ? 1 : z.n_in;
    check(name_of(k), &q, y);
    free(x), free(w), free(bias), free(y);
}

static void run_backward(const atti_bf16_kernels *k, shape z, int trans, int add)
{
    float *x = random_matrix(z.rows, z.n_in + 3, 4);
    float *w = random_matrix(z.n_out, z.n_in, 5);
    float *dy = random_matrix(z.rows, z.n_out + 1, 6);
    float *old_dx = random_matrix(z.rows, z.n_in + PAD, 7);
    float *old_dw = random_matrix(z.n_out, z.n_in, 8);
    float *old_db = random_matrix(1, z.n_out, 9);
    float *dx = room(add ? old_dx : NULL, z.rows, z.n_in);
    size_t wb = (size_t)(z.n_out * z.n_in) * sizeof *w, bb = (size_t)z.n_out * 4;
    float *dw = malloc(wb + 4), *db = malloc(bb + 4);
    memcpy(dw, old_dw, wb);
    memcpy(db, old_db, bb);
    atti_matmul_shape s = {z.rows, z.n_out, z.n_in, trans, 1};
    atti_matmul_grads g = {dx, dw, db, z.n_in + PAD, add, add, add};
    assert_int_equal(
        ATT_OK, atti_bf16_backward(k, &s, &g, dy, z.n_out + 1, x, z.n_in + 3, w, NULL));
    sum q = {.a = dy, .b = w, .m = z.rows, .n = z.n_in, .k = z.n_out};
    q.ai = z.n_out + 1, q.aq = 1, q.ldc = z.n_in + PAD, q.old = add ? old_dx : NULL;
    q.bq = trans ? 1 : z.n_in, q.bj = trans ? z.n_out : 1;
    check(name_of(k), &q, dx);
    sum p = {.a = trans ? x : dy, .b = trans ? dy : x, .k = z.rows};
    p.m = trans ? z.n_in : z.n_out, p.n = trans ? z.n_out : z.n_in;
    p.ai = p.bj = 1, p.aq = trans ? z.n_in + 3 : z.n_out + 1;
    p.bq = trans ? z.n_out + 1 : z.n_in + 3, p.ldc = p.n, p.old = add ? old_dw : NULL;
    check(name_of(k), &p, dw);
    for (int64_t j = 0; j < z.n_out; j++) { /* the bias's gradient is not rounded */
        double want = add ? (double)old_db[j] : 0.0, size = fabs(want);
        for (int64_t i = 0; i < z.rows; i++) {
            want += (double)dy[i * (z.n_out + 1) + j];
            size += fabs((double)dy[i * (z.n_out + 1) + j]);
        }
        assert_true(fabs((double)db[j] - want) <=
                    (double)(z.rows + 2) * 0x1p-24 * size);
    }
    free(x), free(w), free(dy), free(old_dx), free(old_dw), free(old_db);
    free(dx), free(dw), free(db);
}

static void test_products(void **state)
{
    static const shape z[] = {{1, 1, 1},    {3, 5, 7},    {16, 16, 32}, {17, 33, 31},
                              {32, 32, 64}, {65, 40, 33}, {70, 100, 9}, {40, 17, 600},
                              {600, 9, 17}, {2, 64, 1030}};
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int i = 0; i < n; i++)
        for (size_t j = 0; j < sizeof z / sizeof *z; j++)
            for (int flags = 0; flags < 4; flags++) {
                if (flags < 2) run_forward(t[i], z[j], flags);
                run_backward(t[i], z[j], flags & 1, flags >> 1);
            }
    assert_int_equal(0, bf16_tile_faults());
}

/* Rows, columns or k of none: c is written, and nothing else. */
static void test_nothing(void **state)
{
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    (void)state;
    for (int i = 0; i < n; i++) {
        run_forward(t[i], (shape){0, 4, 4}, 0);
        run_forward(t[i], (shape){4, 0, 4}, 0);
        run_forward(t[i], (shape){4, 4, 0}, 0);
    }
}

typedef struct seen {
    int count[256];
    const float *want;
    int64_t cols;
    int bad;
} seen;

static void look(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                 int thread)
{
    seen *s = ctx;
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++) {
        s->count[r]++;
        if (s->want && memcmp(y + r * ldy, s->want + r * ldy, (size_t)s->cols * 4) != 0)
            s->bad++;
    }
}

/* One row alone, all rows, 1 to 3 threads, another handle: the same bits; and every row
 * meets its epilogue once, complete. */
static void test_same_bits(void **state)
{
    enum { ROWS = 200, OUT = 70, IN = 600 };
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    float *x = random_matrix(ROWS, IN, 11), *w = random_matrix(OUT, IN, 12);
    float *dy = random_matrix(ROWS, OUT, 13);
    (void)state;
    for (int i = 0; i < n; i++) {
        float *first = random_matrix(ROWS, OUT, 0), *y = random_matrix(ROWS, OUT, 0);
        float *dw = random_matrix(OUT, IN, 0), *dw2 = random_matrix(OUT, IN, 0);
        atti_matmul_shape s = {ROWS, OUT, IN, 0, 1};
        int32_t before = att_set_threads(1);
        assert_int_equal(ATT_OK,
                         atti_bf16_forward(t[i], &s, first, OUT, x, IN, w, NULL));
        assert_int_equal(ATT_OK,
                         atti_bf16_grad_weight(t[i], &s, dw, dy, OUT, x, IN, 0));
        for (int threads = 1; threads <= 3; threads++) {
            seen e = {.want = first, .cols = OUT};
            atti_epilogue epi = {.fn = look, .ctx = &e};
            (void)att_set_threads(threads);
            assert_int_equal(ATT_OK,
                             atti_bf16_forward(t[i], &s, y, OUT, x, IN, w, &epi));
            assert_memory_equal(first, y, ROWS * OUT * sizeof *y);
            assert_int_equal(0, e.bad);
            for (int r = 0; r < ROWS; r++) assert_int_equal(1, e.count[r]);
            assert_int_equal(ATT_OK,
                             atti_bf16_grad_weight(t[i], &s, dw2, dy, OUT, x, IN, 0));
            assert_memory_equal(dw, dw2, OUT * IN * sizeof *dw);
            static const int64_t few[][2] = {{0, 1}, {7, 2}, {33, 17}, {150, 50}};
            for (int q = 0; q < 4; q++) {
                int64_t at = few[q][0];
                s.rows = few[q][1];
                assert_int_equal(ATT_OK, atti_bf16_forward(t[i], &s, y, OUT,
                                                           x + at * IN, IN, w, NULL));
                assert_memory_equal(first + at * OUT, y,
                                    (size_t)(s.rows * OUT) * sizeof *y);
            }
            s.rows = ROWS;
        }
        (void)att_set_threads(before);
        free(first), free(y), free(dw), free(dw2);
    }
    assert_int_equal(0, bf16_tile_faults());
    free(x), free(w), free(dy);
}

/* A table so wide that rows meet their epilogue in a pass of its own: once, complete. */
static void test_wide(void **state)
{
    enum { ROWS = 70, OUT = 6000, IN = 100 };
    const atti_bf16_kernels *t[MOST_TABLES];
    int n = tables(t);
    float *x = random_matrix(ROWS, IN, 31), *w = random_matrix(OUT, IN, 32);
    float *first = random_matrix(ROWS, OUT, 0), *y = random_matrix(ROWS, OUT, 0);
    atti_matmul_shape s = {ROWS, OUT, IN, 0, 1};
    (void)state;
    for (int i = 2; i < n; i++) { /* not the slow ones */
        int32_t before = att_set_threads(1);
        assert_int_equal(ATT_OK,
                         atti_bf16_forward(t[i], &s, first, OUT, x, IN, w, NULL));
        (void)att_set_threads(3);
        seen e = {.want = first, .cols = OUT};
        atti_epilogue epi = {.fn = look, .ctx = &e};
        assert_int_equal(ATT_OK, atti_bf16_forward(t[i], &s, y, OUT, x, IN, w, &epi));
        (void)att_set_threads(before);
        assert_memory_equal(first, y, ROWS * OUT * sizeof *y);
        assert_int_equal(0, e.bad);
        for (int r = 0; r < ROWS; r++) assert_int_equal(1, e.count[r]);
    }
    free(x), free(w), free(first), free(y);
}

/* What matmul.h gives for bf16 shapes and handles is the table in force. */
static void test_entries(void **state)
{
    enum { ROWS = 40, OUT = 50, IN = 60 };
    float *x = random_matrix(ROWS, IN, 21), *w = random_matrix(OUT, IN, 22);
    float *a = random_matrix(ROWS, OUT, 0), *b = random_matrix(ROWS, OUT, 0);
    atti_matmul_shape s = {ROWS, OUT, IN, 0, 1};
    atti_linear *l = NULL;
    (void)state;
    assert_int_equal(ATT_OK, atti_matmul_forward(&s, a, OUT, x, IN, w, NULL));
    assert_int_equal(ATT_OK,
                     atti_linear_create(&l, ATTI_LINEAR_BF16, w, OUT, IN, IN, 0));
    assert_int_equal(ATT_OK, atti_linear_run(l, b, OUT, x, IN, ROWS, NULL));
    assert_memory_equal(a, b, ROWS * OUT * sizeof *a);
    w[5] = 3.0f;
    assert_int_equal(ATT_OK, atti_linear_update(l, w));
    assert_int_equal(ATT_OK, atti_linear_run(l, b, OUT, x, IN, ROWS, NULL));
    assert_int_equal(ATT_OK, atti_matmul_forward(&s, a, OUT, x, IN, w, NULL));
    assert_memory_equal(a, b, ROWS * OUT * sizeof *a);
    atti_linear_destroy(l);
    free(x), free(w), free(a), free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),  cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_wide),
        cmocka_unit_test(test_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
