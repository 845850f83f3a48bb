/* test_attn_edges.c - attention of one node along its edges, every instruction set against
 * plain loops in double: widths that have kernels of their own and widths that have not,
 * numbers of edges around pairs and blocks of 64, sinks, rows apart, Inf in a value.
 *
 * Tolerance. A score is a sum of d <= 20 products of numbers in [-1, 1], its error below
 * (d + 3) 2^-24 d = 2.8e-5 in the worst case; a weight has it as its relative error, and out
 * is a mean of values in [-1, 1]. TOL is that; what is seen is 20 times less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include "support.h"

#define TOL 3e-5

enum { NODES = 50, MOST = 200 };

typedef struct shape {
    int64_t heads, d, e, pad; /* pad: floats between rows of nodes */
    int sink;
} shape;

static const shape shapes[] = {
    {8, 8, 8, 0, 0}, {8, 8, 8, 0, 1},  {8, 8, 8, 13, 0}, {16, 8, 8, 3, 1},
    {7, 8, 8, 0, 1}, {8, 8, 20, 0, 0}, {3, 20, 8, 5, 1}, {1, 1, 1, 0, 0},
};
static const int64_t counts[] = {0, 1, 2, 3, 10, 63, 64, 65, 127, 130, MOST};

typedef struct node {
    float *q, *k, *v, *out, *lse, *scratch, *sink;
    int32_t col[MOST + 20];
    atti_attn_edges p;
} node;

static void make(node *x, const shape *s)
{
    int64_t ld_k = s->heads * s->d + s->pad, ld_v = s->heads * s->e + s->pad;
    size_t room = (size_t)(s->heads * (ATTI_ATTN_EDGE_BLOCK + 2));

    x->q = support_guard_floats((size_t)(s->heads * s->d), 1);
    x->k = support_guard_floats((size_t)(NODES * ld_k), 1);
    x->v = support_guard_floats((size_t)(NODES * ld_v), 3);
    x->out = support_guard_floats((size_t)(s->heads * s->e), 1);
    x->lse = support_guard_floats((size_t)s->heads, 1);
    x->sink = support_guard_floats((size_t)s->heads, 0);
    x->scratch = support_guard_floats(room, 0);
    support_fill(x->q, (size_t)(s->heads * s->d), 1, -1, 1);
    support_fill(x->k, (size_t)(NODES * ld_k), 2, -1, 1);
    support_fill(x->v, (size_t)(NODES * ld_v), 3, -1, 1);
    support_fill(x->sink, (size_t)s->heads, 4, -1, 1);
    for (int i = 0; i < MOST + 20; i++) x->col[i] = (i * 37 + 11) % NODES;
    x->p = (atti_attn_edges){.k = x->k,
                             .v = x->v,
                             .ld_k = ld_k,
                             .ld_v = ld_v,
                             .k_head = s->d,
                             .v_head = s->e,
                             .heads = s->heads,
                             .group = 1,
                             .d = s->d,
                             .e = s->e,
                             .scale = 1.7f,
                             .bias_scale = 1.0f,
                             .sink = s->sink ? x->sink : NULL};
}

static void end(node *x)
{
    float *all[] = {x->q, x->k, x->v, x->out, x->lse, x->sink, x->scratch};
    for (int i = 0; i < 7; i++) support_guard_free(all[i]);
}

static double score(const node *x, int64_t j, int64_t h)
{
    const float *k = x->k + x->col[j] * x->p.ld_k + h * x->p.d;
    double sum = 0;
    for (int64_t i = 0; i < x->p.d; i++)
        sum += (double)x->q[h * x->p.d + i] * (double)k[i];
    return sum * (double)x->p.scale;
}

static void check_head(const node *x, int64_t n, int64_t h)
{
    double sum = x->p.sink ? exp((double)x->sink[h]) : 0, got;
    for (int64_t j = 0; j < n; j++) sum += exp(score(x, j, h));
    for (int64_t i = 0; i < x->p.e; i++) {
        double want = 0;
        for (int64_t j = 0; j < n; j++)
            want += exp(score(x, j, h)) / sum *
                    (double)x->v[x->col[j] * x->p.ld_v + h * x->p.e + i];
        got = (double)x->out[h * x->p.e + i];
        if (!(fabs(got - want) <= TOL))
            fail_msg("%d edges, head %d, %d: %g, not %g", (int)n, (int)h, (int)i, got,
                     want);
    }
    got = (double)x->lse[h];
    if (sum == 0 ? !(x->lse[h] == -INFINITY) : !(fabs(got - log(sum)) <= TOL))
        fail_msg("%d edges, head %d: log-sum-exp %g, not %g", (int)n, (int)h, got,
                 log(sum));
}

static void check_table(const atti_attn_row_kernels *k)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        node x;
        make(&x, &shapes[i]);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            int64_t n = counts[c];
            /* With and without edges of other nodes behind this one's. */
            for (int more = 0; more < 2; more++) {
                x.p.after = n + 20 * more;
                k->edges(&x.p, x.out, x.lse, x.q, x.col, n, x.scratch);
                for (int64_t h = 0; h < x.p.heads; h++) check_head(&x, n, h);
            }
        }
        end(&x);
    }
}

/* One Inf in a value is one Inf in the output, also of the last of an odd number of edges,
 * which has no partner; a NaN in a key is its own head's business. */
static void check_hostile(const atti_attn_row_kernels *k)
{
    node x;
    make(&x, &shapes[0]);
    for (int64_t n = 1; n < 8; n++) {
        float *v = x.v + x.col[n - 1] * x.p.ld_v + 17, *key = x.k + x.col[0] * x.p.ld_k;
        float old = *v, was = key[8 * 5];
        x.p.after = n;
        *v = INFINITY;
        k->edges(&x.p, x.out, x.lse, x.q, x.col, n, x.scratch);
        for (int64_t i = 0; i < 64; i++)
            assert_true(i == 17 ? x.out[i] == INFINITY : isfinite(x.out[i]));
        *v = old;
        key[8 * 5] = NAN;
        k->edges(&x.p, x.out, x.lse, x.q, x.col, n, x.scratch);
        for (int64_t i = 0; i < 64; i++)
            assert_true(i / 8 == 5 ? isnan(x.out[i]) : isfinite(x.out[i]));
        assert_true(isnan(x.lse[5]));
        key[8 * 5] = was;
    }
    end(&x);
}

static void every_set(void **state)
{
    (void)state;
    check_table(&atti_ref_attn_rows);
    for (int i = 0; atti_kernel_set(i); i++)
        if (atti_kernel_set(i)->attn) check_table(atti_kernel_set(i)->attn->rows);
}

static void not_finite(void **state)
{
    (void)state;
    check_hostile(&atti_ref_attn_rows);
    for (int i = 0; atti_kernel_set(i); i++)
        if (atti_kernel_set(i)->attn) check_hostile(atti_kernel_set(i)->attn->rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set),
        cmocka_unit_test(not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
