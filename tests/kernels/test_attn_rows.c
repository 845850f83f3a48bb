/* test_attn_rows.c - the row kernels that take several queries at once give the bits of one
 * query after the other, on every set; and one dot product is right, against double. */
#include "support.h"

#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

enum { MOST_ROWS = 9, MOST_KEYS = 67, MOST_WIDTH = 256, PAD = 3 };

static const int64_t widths[] = {1, 3, 15, 16, 17, 64, 100, 129, 256};
static const int64_t counts[] = {0, 1, 3, 4, 5, 33, 67};

/* Rows of queries (or sums), weights of each, keys. */
typedef struct room {
    float q[MOST_ROWS][MOST_WIDTH], w[MOST_ROWS][MOST_KEYS + PAD];
    float k[MOST_KEYS * (MOST_WIDTH + PAD)];
} room;

static room one, many;

static void fill(room *x, uint64_t seed)
{
    support_fill(&x->q[0][0], sizeof x->q / sizeof(float), seed, -1.0f, 1.0f);
    support_fill(&x->w[0][0], sizeof x->w / sizeof(float), seed + 1, -1.0f, 1.0f);
    support_fill(x->k, sizeof x->k / sizeof(float), seed + 2, -1.0f, 1.0f);
}

static void check_same(const char *what, int64_t rows, int64_t n, int64_t d)
{
    if (memcmp(&one, &many, sizeof one) != 0)
        fail_msg("%s: %lld rows, %lld keys, width %lld: other bits", what,
                 (long long)rows, (long long)n, (long long)d);
}

static void check(const atti_attn_row_kernels *k, int64_t rows, int64_t n, int64_t d)
{
    float *sums[MOST_ROWS], *weights[MOST_ROWS];
    const float *queries[MOST_ROWS], *given[MOST_ROWS];
    int64_t ld = d + PAD;
    for (int r = 0; r < MOST_ROWS; r++) {
        sums[r] = many.q[r], weights[r] = many.w[r];
        queries[r] = many.q[r], given[r] = many.w[r];
    }
    fill(&one, 1), fill(&many, 1);
    for (int64_t r = 0; r < rows; r++) k->dot(one.w[r], one.q[r], one.k, ld, n, d);
    k->dot_rows(weights, queries, rows, many.k, ld, n, d);
    check_same("dot_rows", rows, n, d);
    fill(&one, 4), fill(&many, 4);
    for (int64_t r = 0; r < rows; r++) k->wsum(one.q[r], one.w[r], one.k, ld, n, d);
    k->wsum_rows(sums, given, rows, many.k, ld, n, d);
    check_same("wsum_rows", rows, n, d);
    fill(&one, 7), fill(&many, 7);
    for (int64_t r = 0; r < rows; r++) k->outer(one.k, ld, one.w[r], one.q[r], n, d);
    k->outer_rows(many.k, ld, given, queries, rows, n, d);
    check_same("outer_rows", rows, n, d);
}

/* d products of numbers up to 1, added in any order: at most d * d units of 2^-24. */
static void check_dot(const atti_attn_row_kernels *k, int64_t n, int64_t d)
{
    fill(&one, 9);
    k->dot(one.w[0], one.q[0], one.k, d + PAD, n, d);
    for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t i = 0; i < d; i++)
            sum += (double)one.q[0][i] * (double)one.k[j * (d + PAD) + i];
        assert_true(fabs((double)one.w[0][j] - sum) <= (double)(d * d) * 0x1p-24);
    }
}

static void check_set(const atti_attn_row_kernels *k)
{
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        for (size_t j = 0; j < sizeof counts / sizeof *counts; j++) {
            for (int64_t rows = 1; rows <= MOST_ROWS; rows += rows < 5 ? 1 : 2)
                check(k, rows, counts[j], widths[i]);
            check_dot(k, counts[j], widths[i]);
        }
}

static void several_queries_give_the_same_bits(void **state)
{
    const atti_kernels *k;
    (void)state;
    check_set(&atti_ref_attn_rows);
    for (int i = 0; (k = atti_kernel_set(i)) != NULL; i++)
        if (k->attn && k->attn->rows) check_set(k->attn->rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_queries_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
