/* test_tape.c - recording, planning and running: what is refused, and with which words; that
 * fused operators equal their composition; that gradients of shared values add up. */
#include "attend/tape.h"
#include "base/alloc.h"
#include "support.h"

#include <math.h>
#include <string.h>

static void plan(att_tape *t, int32_t training, const int64_t *most, int32_t n)
{
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.training = training;
    o.max_rows = most;
    o.n_max_rows = n;
    assert_ok(att_tape_plan(t, &o));
}

static void refuses_shapes_with_both_values(void **state)
{
    (void)state;
    att_tape *t = NULL;
    att_rows n;
    att_var x, w, y, ids;
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_symbol(t, &n, "tokens"));
    assert_ok(att_tape_input(t, &x, "x", ATT_F32, n, 13));
    assert_ok(att_tape_input(t, &ids, "ids", ATT_I32, n, 1));
    assert_ok(att_tape_param(t, &w, "w", 4, 14));
    assert_fails(att_op_linear(t, &y, x, w, ATT_NO_VAR, ATT_ACT_NONE, 0.0f), ATT_ESHAPE,
                 "w is [4,14], expected [4,13]");
    assert_fails(att_op_add(t, &y, x, w), ATT_ESHAPE, "expected [tokens,13]");
    assert_fails(att_op_add(t, &y, x, 99), ATT_EINVAL, "value 99");
    assert_fails(att_op_embed(t, &y, x, w, 1.0f, ATT_NO_VAR, ATT_NO_VAR, -1, 0.0f),
                 ATT_ESHAPE, "expected I32");
    assert_fails(att_op_dropout(t, &y, x, 1.0f), ATT_EINVAL, "dropout 1");
    assert_fails(att_tape_input(t, &y, "x", ATT_F32, n, 1), ATT_EINVAL, "'x' already");
    assert_fails(att_op_slice_cols(t, &y, x, 3, 14), ATT_ESHAPE, "3..14 of 13");
    att_tape_destroy(t);
}

static void refuses_runs_that_are_not_ready(void **state)
{
    (void)state;
    att_tape *t = NULL;
    att_rows n;
    att_var x, y;
    const int64_t most[1] = {4};
    float data[5 * 2] = {0};
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_symbol(t, &n, "tokens"));
    assert_ok(att_tape_input(t, &x, "x", ATT_F32, n, 2));
    assert_ok(att_op_scale(t, &y, x, 2.0f));
    assert_fails(att_tape_forward(t, 0, 0, 0), ATT_EINVAL, "not planned");
    plan(t, 0, most, 1);
    assert_fails(att_op_scale(t, &y, x, 2.0f), ATT_EINVAL, "cannot grow");
    assert_fails(att_tape_forward(t, 0, 0, 0), ATT_EINVAL, "tokens is not bound");
    assert_fails(att_tape_bind(t, n, 5), ATT_EINVAL, "at most 4");
    assert_ok(att_tape_bind(t, n, 3));
    assert_fails(att_tape_forward(t, 0, 0, 0), ATT_EINVAL, "'x' is not set");
    assert_ok(att_tape_set(t, x, data));
    assert_fails(att_tape_forward(t, 0, 0, 1), ATT_EINVAL, "planned without");
    assert_ok(att_tape_forward(t, 0, 0, 0));
    att_tensor v;
    assert_fails(att_tape_value(t, &v, y), ATT_EINVAL, "was not kept");
    att_tape_destroy(t);
}

/* add_norm against add, add, dropout-free norm of the sum; linear against its parts. */
static void fused_equals_composed(void **state)
{
    (void)state;
    enum { N = 70, C = 33, O = 17 };
    att_tape *t = NULL;
    att_var x, w, b, res, gamma, beta, fused, apart, f2, a2, h;
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_input(t, &x, "x", ATT_F32, N, C));
    assert_ok(att_tape_input(t, &res, "res", ATT_F32, N, O));
    assert_ok(att_tape_param(t, &w, "w", O, C));
    assert_ok(att_tape_param(t, &b, "b", 1, O));
    assert_ok(att_tape_param(t, &gamma, "gamma", 1, O));
    assert_ok(att_tape_param(t, &beta, "beta", 1, O));
    assert_ok(att_op_linear(t, &fused, x, w, b, ATT_ACT_GELU, 0.0f));
    assert_ok(att_op_matmul(t, &h, x, w, 1));
    assert_ok(att_op_add(t, &h, h, b));
    assert_ok(att_op_activation(t, &apart, h, ATT_ACT_GELU));
    assert_ok(att_op_add_norm(t, &f2, fused, b, res, gamma, beta, 0, 1e-5f, 0.0f));
    assert_ok(att_op_add(t, &h, apart, b));
    assert_ok(att_op_add(t, &h, h, res));
    assert_ok(att_op_add_norm(t, &a2, h, ATT_NO_VAR, ATT_NO_VAR, gamma, beta, 0, 1e-5f,
                              0.0f));
    assert_ok(att_tape_keep(t, f2));
    assert_ok(att_tape_keep(t, a2));
    plan(t, 0, NULL, 0);
    static float data[6][N * C];
    const att_var param[4] = {w, b, gamma, beta};
    for (int i = 0; i < 6; i++)
        support_fill(data[i], N * C, (uint64_t)i, i == 4 ? 0.5f : -1.0f, 1.0f);
    for (int i = 0; i < 4; i++)
        assert_ok(att_tape_set_param(t, param[i], data[2 + i], NULL));
    assert_ok(att_tape_set(t, x, data[0]));
    assert_ok(att_tape_set(t, res, data[1]));
    assert_ok(att_tape_forward(t, 0, 0, 0));
    att_tensor one, two;
    assert_ok(att_tape_value(t, &one, f2));
    assert_ok(att_tape_value(t, &two, a2));
    /* Only the order of two additions differs: a few roundings of values up to 8,
     * multiplied by 1/deviation, about 1. */
    assert_close(one.data, two.data, N * O, 4e-6, 0.0);
    att_tape_destroy(t);
}

/* loss = sum of squares of (x + x * x) / C: the value x is read three times. */
static void shared_values_add_up(void **state)
{
    (void)state;
    att_tape *t = NULL;
    att_var x, s, y, loss, zero;
    float v[2] = {0.5f, -2.0f}, g[2], zeros[2] = {0};
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_param(t, &x, "x", 1, 2));
    assert_ok(att_tape_constant(t, &zero, "zero", 1, 2, zeros));
    assert_ok(att_op_mul(t, &s, x, x));
    assert_ok(att_op_add(t, &y, s, x));
    assert_ok(att_op_squared_error(t, &loss, y, zero));
    assert_ok(att_tape_set_param(t, x, v, g));
    plan(t, 1, NULL, 0);
    assert_ok(att_tape_forward(t, 0, 0, 1));
    assert_ok(att_tape_backward(t, loss, 3.0f, 0));
    for (int i = 0; i < 2; i++) {
        double q = (double)v[i], want = 3.0 * (q * q + q) * (2.0 * q + 1.0);
        assert_true(fabs((double)g[i] - want) < 1e-5 * (1.0 + fabs(want)));
    }
    assert_fails(att_tape_backward(t, loss, 1.0f, 0), ATT_EINVAL,
                 "no training forward");
    att_tape_destroy(t);
}

static void bad_ids_fail_the_run(void **state)
{
    (void)state;
    att_tape *t = NULL;
    att_var ids, table, y;
    int32_t id[2] = {1, 7};
    float w[4 * 2] = {0};
    assert_ok(att_tape_create(&t));
    assert_ok(att_tape_input(t, &ids, "ids", ATT_I32, 2, 1));
    assert_ok(att_tape_param(t, &table, "table", 4, 2));
    assert_ok(att_op_embed(t, &y, ids, table, 1.0f, ATT_NO_VAR, ATT_NO_VAR, -1, 0.0f));
    assert_ok(att_tape_set(t, ids, id));
    assert_ok(att_tape_set_param(t, table, w, NULL));
    plan(t, 0, NULL, 0);
    assert_fails(att_tape_forward(t, 0, 0, 0), ATT_EINVAL, "row 1 has id 7 of 4");
    att_tape_destroy(t);
}

static att_status record_and_plan(void *ctx)
{
    (void)ctx;
    att_tape *t = NULL;
    att_var x = ATT_NO_VAR, y = ATT_NO_VAR;
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    att_status st = att_tape_create(&t);
    if (st == ATT_OK) st = att_tape_param(t, &x, "x", 3, 3);
    if (st == ATT_OK) st = att_op_softmax(t, &y, x);
    if (st == ATT_OK) st = att_tape_plan(t, &o);
    att_tape_destroy(t);
    return st;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(support_fail_every_alloc(record_and_plan, NULL) > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_shapes_with_both_values),
        cmocka_unit_test(refuses_runs_that_are_not_ready),
        cmocka_unit_test(fused_equals_composed),
        cmocka_unit_test(shared_values_add_up),
        cmocka_unit_test(bad_ids_fail_the_run),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
