/* Updates against the papers' formulas in double, and the same bits for any number of
 * threads. */
#include "base/alloc.h"
#include "support.h"
#include "train/optim.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5 };

/* Three parameters over several pieces: one with decay, one without, one frozen. */
static void make_params(atti_params *ps)
{
    static const int64_t counts[3] = {40001, 77, 5000};
    static const int32_t flags[3] = {0, ATTI_PARAM_NO_DECAY, ATTI_PARAM_FROZEN};
    memset(ps, 0, sizeof *ps);
    for (int i = 0; i < 3; i++) {
        atti_param p = {.ndim = 1,
                        .shape = {counts[i]},
                        .rows = 1,
                        .cols = counts[i],
                        .count = counts[i],
                        .init = ATTI_INIT_ZERO,
                        .flags = flags[i],
                        .zero_row = -1};
        assert_ok(atti_params_add(ps, &p, "p%d", i));
    }
    assert_ok(atti_params_alloc(ps));
    support_fill(ps->data, ps->count, 1, -1, 1);
}

typedef struct want {
    double *w, *m, *v;
} want;

static void reference(const atti_optim *o, want *x, size_t i, double g, double decay,
                      int t)
{
    double b1 = (double)o->beta1, b2 = (double)o->beta2, lr = (double)0.01f;
    if (o->kind == ATTI_SGD) {
        g += decay * x->w[i];
        x->m[i] = b1 * x->m[i] + g;
        x->w[i] -= lr * x->m[i];
        return;
    }
    x->m[i] = b1 * x->m[i] + (1 - b1) * g;
    x->v[i] = b2 * x->v[i] + (1 - b2) * g * g;
    double mh = x->m[i] / (1 - pow(b1, t)), vh = x->v[i] / (1 - pow(b2, t));
    x->w[i] -= lr * (mh / (sqrt(vh) + (double)o->eps) + decay * x->w[i]);
}

static void updates_follow_the_papers(void **state)
{
    (void)state;
    for (int kind = ATTI_ADAM; kind <= ATTI_SGD; kind++) {
        atti_params ps;
        make_params(&ps);
        atti_optim o = {.kind = (atti_optim_kind)kind,
                        .beta1 = 0.9f,
                        .beta2 = 0.98f,
                        .eps = 1e-8f,
                        .weight_decay = kind == ATTI_ADAM ? 0.0f : 0.1f};
        assert_ok(atti_optim_init(&o, &ps));
        want x = {calloc(ps.count, 8), calloc(ps.count, 8), calloc(ps.count, 8)};
        float *g = calloc(ps.count, sizeof *g), *frozen = calloc(5000, sizeof *frozen);
        for (size_t i = 0; i < ps.count; i++) x.w[i] = (double)ps.data[i];
        memcpy(frozen, ps.data + ps.p[2].offset, 5000 * sizeof *frozen);
        for (int t = 1; t <= STEPS; t++) {
            support_fill(g, ps.count, (uint64_t)t, -2, 2);
            atti_optim_step(&o, g, (double)0.01f, 0.25, t);
            for (int p = 0; p < 2; p++) {
                double decay = p == 0 ? (double)o.weight_decay : 0.0;
                for (int64_t k = 0; k < ps.p[p].count; k++) {
                    size_t i = ps.p[p].offset + (size_t)k;
                    reference(&o, &x, i, (double)g[i] * 0.25, decay, t);
                }
            }
        }
        /* Five steps of at most 0.01 with rounding of 2^-24 in each of some ten
         * operations on numbers near 1: 1e-5 leaves an order of magnitude. */
        for (int p = 0; p < 2; p++) {
            for (int64_t k = 0; k < ps.p[p].count; k++) {
                size_t i = ps.p[p].offset + (size_t)k;
                assert_true(fabs((double)ps.data[i] - x.w[i]) < 1e-5);
            }
        }
        assert_same_bits(ps.data + ps.p[2].offset, frozen, 5000);
        free(x.w), free(x.m), free(x.v), free(g), free(frozen);
        atti_optim_deinit(&o);
        atti_params_deinit(&ps);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    float *first = NULL;
    double norm = 0;
    for (int threads = 1; threads <= 3; threads++) {
        atti_params ps;
        make_params(&ps);
        atti_optim o = {.beta1 = 0.9f, .beta2 = 0.98f, .eps = 1e-8f, .ema_rate = 0.1f};
        assert_ok(atti_optim_init(&o, &ps));
        atti_optim_start_ema(&o);
        float *g = calloc(ps.count, sizeof *g);
        support_fill(g, ps.count, 9, -2, 2);
        int32_t before = att_set_threads(threads);
        double n = atti_optim_norm(&o, g);
        atti_optim_step(&o, g, 0.01, 1.0, 1);
        att_set_threads(before);
        if (!first) {
            first = calloc(ps.count * 2, sizeof *first);
            memcpy(first, ps.data, ps.count * sizeof *first);
            memcpy(first + ps.count, o.ema, ps.count * sizeof *first);
            norm = n;
        }
        assert_true(n == norm);
        assert_same_bits(ps.data, first, ps.count);
        assert_same_bits(o.ema, first + ps.count, ps.count);
        free(g);
        atti_optim_deinit(&o);
        atti_params_deinit(&ps);
    }
    free(first);
}

/* A weight that was 1 and is 0 from the first update on: what the average has is the share
 * of the first weights. With 9 / (t + 10) for a rate, that is the product of
 * (t + 1) / (t + 10), or 10! / (102 .. 110) after a hundred updates, 2e-12; with the rate
 * of 0.001 alone it was 0.9. */
static void the_average_forgets_the_first_weights(void **state)
{
    (void)state;
    enum { UPDATES = 100 };
    for (int kind = ATTI_ADAM; kind <= ATTI_SGD; kind++) {
        atti_params ps;
        make_params(&ps);
        atti_optim o = {.kind = (atti_optim_kind)kind,
                        .beta1 = 0.9f,
                        .beta2 = 0.98f,
                        .eps = 1e-8f,
                        .ema_rate = 0.001f};
        assert_ok(atti_optim_init(&o, &ps));
        for (size_t i = 0; i < ps.count; i++) ps.data[i] = 1.0f;
        atti_optim_start_ema(&o);
        for (size_t i = 0; i < ps.count; i++) ps.data[i] = 0.0f;
        float *g = calloc(ps.count, sizeof *g);
        size_t last = ps.p[1].offset + 76;
        double share = 1.0;
        for (int t = 1; t <= UPDATES; t++) {
            atti_optim_step(&o, g, 0.01, 1.0, t);
            share *= 1.0 - 9.0 / (t + 10.0);
            /* Each update rounds rate, product and sum, 2^-24 of numbers that are up to
             * five times what is left of their difference. */
            double slack = share * t * 0x1p-20;
            assert_true(fabs((double)o.ema[0] - share) <= slack);
            assert_true(fabs((double)o.ema[last] - share) <= slack);
        }
        assert_true(share < 1e-11);
        /* The rate that was asked for, once it is the larger one: a resumed training's
         * update is what it would have been. */
        o.ema[0] = 1.0f;
        atti_optim_step(&o, g, 0.01, 1.0, 100000);
        assert_true(fabs((double)o.ema[0] - (1.0 - (double)0.001f)) < 0x1p-23);
        free(g);
        atti_optim_deinit(&o);
        atti_params_deinit(&ps);
    }
}

static void the_norm_sees_what_is_not_finite(void **state)
{
    (void)state;
    atti_params ps;
    make_params(&ps);
    atti_optim o = {.beta1 = 0.9f, .beta2 = 0.98f};
    assert_ok(atti_optim_init(&o, &ps));
    float *g = calloc(ps.count, sizeof *g);
    g[0] = 3.0f;
    g[ps.p[1].offset] = 4.0f;
    g[ps.p[2].offset] = 1e30f; /* frozen: no part of it */
    assert_true(fabs(atti_optim_norm(&o, g) - 5.0) < 1e-6);
    g[30000] = INFINITY;
    assert_false(isfinite(atti_optim_norm(&o, g)));
    g[30000] = NAN;
    assert_false(isfinite(atti_optim_norm(&o, g)));
    assert_true(atti_clip_scale(10.0, 5.0) == 0.5);
    assert_true(atti_clip_scale(4.0, 5.0) == 1.0);
    assert_true(atti_clip_scale(10.0, 0.0) == 1.0);
    free(g);
    atti_optim_deinit(&o);
    atti_params_deinit(&ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_follow_the_papers),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(the_average_forgets_the_first_weights),
        cmocka_unit_test(the_norm_sees_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
