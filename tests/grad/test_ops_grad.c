/* test_ops_grad.c - every operator of the registry against central differences, and what
 * every operator must keep to: the same bits for any number of threads, accumulation,
 * nothing allocated in a run, evaluation equal to an inference plan. An operator without a
 * sample fails here.
 *
 * Differences are taken of the f32 forward, summed in double with weights of order one.
 * With h = 1/32 extrapolated once (Richardson), truncation is h^4 f'''''/120 ~ 1e-7 f''''';
 * rounding of some 50 outputs of order one, each off by a few 2^-24, gives a sum off by
 * ~2e-6, divided by the smaller step: 1.3e-4. The tolerance 1e-3 (1 + |g|) leaves seven
 * times that. Where the two steps disagree by more than rounding explains, the
 * function has a kink between them (relu, max) and the element is passed over; more than
 * a quarter of such elements fails. */
#include "attend/tape.h"
#include "autograd/op.h"
#include "autograd/tape_internal.h"
#include "base/alloc.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double STEP = 1.0 / 32, TOLERANCE = 1e-3, KINK = 0.004;

typedef struct check {
    atti_sample s;
    att_var root;
    float *weight; /* [rows * cols] of root */
    int64_t n;
    char name[64];
} check;

/* False past the last variant. */
static int open_check(check *c, const atti_op *op, int variant, int training)
{
    memset(c, 0, sizeof *c);
    snprintf(c->name, sizeof c->name, "%s/%d", op->name, variant);
    assert_ok(att_tape_create(&c->s.tape));
    c->s.rng = (atti_rng){atti_key(11, (uint64_t)variant, 0), 0};
    c->s.out = c->s.out2 = ATT_NO_VAR;
    att_status st = op->sample(&c->s, variant);
    if (st == ATT_ENOTFOUND) {
        atti_sample_deinit(&c->s);
        return 0;
    }
    assert_ok(st);
    c->root = c->s.out;
    if (c->s.out2 != ATT_NO_VAR) {
        att_var both[2] = {c->s.out, c->s.out2};
        assert_ok(att_op_concat(c->s.tape, &c->root, both, 2));
    }
    assert_ok(att_tape_keep(c->s.tape, c->root));
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = training;
    o.loss = c->root;
    assert_ok(att_tape_plan(c->s.tape, &o));
    c->n = att_tape_rows(c->s.tape, c->root) * att_tape_cols(c->s.tape, c->root);
    c->weight = malloc((size_t)c->n * sizeof(float));
    support_fill(c->weight, (size_t)c->n, 5, -1.0f, 1.0f);
    return 1;
}

static void close_check(check *c)
{
    free(c->weight);
    atti_sample_deinit(&c->s);
}

static const float *run(check *c, int training)
{
    att_tensor v;
    assert_ok(att_tape_forward(c->s.tape, 3, 4, training));
    assert_ok(att_tape_value(c->s.tape, &v, c->root));
    return v.data;
}

static double loss(check *c)
{
    const float *y = run(c, 1);
    double sum = 0.0;
    for (int64_t i = 0; i < c->n; i++) sum += (double)y[i] * (double)c->weight[i];
    return sum;
}

static double difference(check *c, float *x, double h)
{
    float keep = *x, hi = (float)((double)keep + h), lo = (float)((double)keep - h);
    *x = hi;
    double a = loss(c);
    *x = lo;
    double b = loss(c);
    *x = keep;
    return (a - b) / ((double)hi - (double)lo);
}

static void check_gradients(check *c)
{
    int kinks = 0, total = 0;
    (void)loss(c);
    assert_ok(atti_tape_backward_from(c->s.tape, c->weight, 1.0f, 0));
    for (int32_t i = 0; i < c->s.n; i++) {
        atti_sample_input *in = &c->s.input[i];
        for (int64_t j = 0; in->is_param && j < in->rows * in->cols; j++) {
            double wide = difference(c, &in->f[j], STEP);
            double near = difference(c, &in->f[j], STEP / 2);
            total++;
            if (fabs(wide - near) > KINK * (1.0 + fabs(near))) {
                kinks++;
                continue;
            }
            double want = (4.0 * near - wide) / 3.0, got = (double)in->grad[j];
            if (!(fabs(got - want) <= TOLERANCE * (1.0 + fabs(want))))
                fail_msg(
                    "%s: gradient of operand %d [%lld] is %.7g, the differences give "
                    "%.7g",
                    c->name, (int)i, (long long)j, got, want);
        }
    }
    if (total == 0) fail_msg("%s: its sample has no parameter", c->name);
    if (kinks * 4 > total) fail_msg("%s: %d kinks in %d", c->name, kinks, total);
}

static void every_gradient(void **state)
{
    (void)state;
    for (int i = 0; atti_op_at(i); i++) {
        const atti_op *op = atti_op_at(i);
        if (!op->sample) fail_msg("%s has no gradcheck sample", op->name);
        int variant = 0;
        for (check c; open_check(&c, op, variant, 1); variant++) {
            check_gradients(&c);
            close_check(&c);
        }
        if (variant == 0) fail_msg("%s has no gradcheck sample", op->name);
    }
}

/* ---- what holds for all ---- */

static void for_every_sample(void (*fn)(check *c, const atti_op *op, int variant))
{
    for (int i = 0; atti_op_at(i); i++) {
        int variant = 0;
        for (check c; open_check(&c, atti_op_at(i), variant, 1); variant++) {
            fn(&c, atti_op_at(i), variant);
            close_check(&c);
        }
    }
}

/* A copy of the root and of all gradients, one after the other. */
static float *snapshot(check *c, size_t *n)
{
    *n = (size_t)c->n;
    for (int32_t i = 0; i < c->s.n; i++)
        if (c->s.input[i].is_param)
            *n += (size_t)(c->s.input[i].rows * c->s.input[i].cols);
    float *all = malloc(*n * sizeof *all), *at = all;
    memcpy(at, run(c, 1), (size_t)c->n * sizeof *at);
    at += c->n;
    assert_ok(atti_tape_backward_from(c->s.tape, c->weight, 1.0f, 0));
    for (int32_t i = 0; i < c->s.n; i++) {
        const atti_sample_input *in = &c->s.input[i];
        if (!in->is_param) continue;
        memcpy(at, in->grad, (size_t)(in->rows * in->cols) * sizeof *at);
        at += in->rows * in->cols;
    }
    return all;
}

static void same_for_threads(check *c, const atti_op *op, int variant)
{
    size_t n = 0, m = 0;
    int32_t before = att_set_threads(1);
    float *one = snapshot(c, &n);
    for (int32_t threads = 2; threads <= 3; threads++) {
        check d;
        att_set_threads(threads);
        assert_true(open_check(&d, op, variant, 1));
        float *many = snapshot(&d, &m);
        assert_int_equal(n, m);
        assert_same_bits(many, one, n);
        free(many);
        close_check(&d);
    }
    att_set_threads(before);
    free(one);
}

static void accumulates(check *c, const atti_op *op, int variant)
{
    (void)op, (void)variant;
    size_t n = 0;
    float *once = snapshot(c, &n);
    (void)run(c, 1);
    assert_ok(atti_tape_backward_from(c->s.tape, c->weight, 1.0f, 1));
    const float *want = once + c->n;
    for (int32_t i = 0; i < c->s.n; i++) {
        const atti_sample_input *in = &c->s.input[i];
        for (int64_t j = 0; in->is_param && j < in->rows * in->cols; j++, want++)
            if (fabs((double)in->grad[j] - 2.0 * (double)*want) >
                1e-5 * (1.0 + fabs((double)*want)))
                fail_msg("%s: operand %d [%lld]: %g after two backwards, %g after one",
                         c->name, (int)i, (long long)j, (double)in->grad[j],
                         (double)*want);
    }
    free(once);
}

static void allocates_nothing(check *c, const atti_op *op, int variant)
{
    (void)op, (void)variant;
    (void)loss(c); /* matrix products may prepare themselves once */
    assert_ok(atti_tape_backward_from(c->s.tape, c->weight, 1.0f, 0));
    uint64_t calls = atti_alloc_calls();
    (void)loss(c);
    assert_ok(atti_tape_backward_from(c->s.tape, c->weight, 1.0f, 0));
    if (atti_alloc_calls() != calls)
        fail_msg("%s: %llu allocations in a run", c->name,
                 (unsigned long long)(atti_alloc_calls() - calls));
}

/* Evaluation with a training plan, and with an inference plan that shares more memory. */
static void evaluates(check *c, const atti_op *op, int variant)
{
    check d;
    assert_true(open_check(&d, op, variant, 0));
    float *want = malloc((size_t)c->n * sizeof *want);
    memcpy(want, run(c, 0), (size_t)c->n * sizeof *want);
    assert_same_bits(run(&d, 0), want, (size_t)c->n);
    free(want);
    close_check(&d);
}

/* A frozen parameter (gradient NULL) changes nothing for the others, but for some roundings
 * where it lets a faster path run. */
static void freezes(check *c, const atti_op *op, int variant)
{
    (void)op, (void)variant;
    size_t n = 0;
    float *all = snapshot(c, &n);
    for (int32_t k = 0; k < c->s.n; k++) {
        if (!c->s.input[k].is_param) continue;
        assert_ok(
            att_tape_set_param(c->s.tape, c->s.input[k].var, c->s.input[k].f, NULL));
        (void)run(c, 1);
        assert_ok(atti_tape_backward_from(c->s.tape, c->weight, 1.0f, 0));
        const float *want = all + c->n;
        for (int32_t i = 0; i < c->s.n; i++) {
            const atti_sample_input *in = &c->s.input[i];
            size_t count = (size_t)(in->rows * in->cols);
            if (!in->is_param) continue;
            if (i != k && c->s.path_by_grads)
                assert_close(in->grad, want, count, 1e-5, 1e-5);
            else if (i != k)
                assert_same_bits(in->grad, want, count);
            want += count;
        }
        assert_ok(att_tape_set_param(c->s.tape, c->s.input[k].var, c->s.input[k].f,
                                     c->s.input[k].grad));
    }
    free(all);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for_every_sample(same_for_threads);
}

static void gradients_accumulate(void **state)
{
    (void)state;
    for_every_sample(accumulates);
}

static void a_run_allocates_nothing(void **state)
{
    (void)state;
    for_every_sample(allocates_nothing);
}

static void evaluation_needs_no_training_plan(void **state)
{
    (void)state;
    for_every_sample(evaluates);
}

static void frozen_parameters_are_left_alone(void **state)
{
    (void)state;
    for_every_sample(freezes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(gradients_accumulate),
        cmocka_unit_test(a_run_allocates_nothing),
        cmocka_unit_test(evaluation_needs_no_training_plan),
        cmocka_unit_test(frozen_parameters_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
