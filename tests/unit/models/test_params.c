/* test_params.c - declared parameters: layout, first values, names with braces. */
#include "base/alloc.h"
#include "models/params.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static att_status add(atti_params *ps, const char *name, int64_t rows, int64_t cols,
                      atti_init init)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = init,
                    .std = 0.5f,
                    .zero_row = init == ATTI_INIT_NORMAL ? 1 : -1};
    return atti_params_add(ps, &p, "%s", name);
}

static void lies_in_one_buffer(void **state)
{
    (void)state;
    atti_params ps = {0};
    assert_ok(add(&ps, "a", 3, 5, ATTI_INIT_ONE));
    assert_ok(add(&ps, "b", 2, 16, ATTI_INIT_ZERO));
    assert_ok(add(&ps, "c", 1, 1, ATTI_INIT_ONE));
    assert_fails(add(&ps, "b", 1, 1, ATTI_INIT_ZERO), ATT_EBUG,
                 "'b' is declared twice");
    assert_int_equal(atti_params_total(&ps), 15 + 32 + 1);
    assert_int_equal(ps.p[1].offset, 16);
    assert_int_equal(ps.p[2].offset, 48);
    assert_int_equal(ps.count, 64);
    assert_ok(atti_params_alloc(&ps));
    atti_params_init_values(&ps, 1);
    assert_true(ps.data[14] == 1.0f && ps.data[15] == 0.0f && ps.data[48] == 1.0f);
    assert_fails(add(&ps, "late", 1, 1, ATTI_INIT_ZERO), ATT_EBUG, "too late");
    atti_params_deinit(&ps);
}

/* A parameter's values depend on the seed and its name, not on who else is there. */
static void starts_by_name(void **state)
{
    (void)state;
    atti_params one = {0}, two = {0};
    assert_ok(add(&one, "w", 40, 60, ATTI_INIT_XAVIER_UNIFORM));
    assert_ok(add(&two, "before", 7, 7, ATTI_INIT_NORMAL));
    assert_ok(add(&two, "w", 40, 60, ATTI_INIT_XAVIER_UNIFORM));
    assert_ok(atti_params_alloc(&one));
    assert_ok(atti_params_alloc(&two));
    atti_params_init_values(&one, 5);
    atti_params_init_values(&two, 5);
    const float *w = one.data, *n = two.data;
    assert_same_bits(two.data + two.p[1].offset, w, 2400);
    /* Glorot's bound sqrt(6 / (40 + 60)), and a deviation of bound / sqrt(3), which a
     * sample of 2,400 meets within 5 %. */
    double bound = sqrt(6.0 / 100.0), sum = 0.0;
    for (int i = 0; i < 2400; i++) {
        assert_true(fabs((double)w[i]) <= bound);
        sum += (double)w[i] * (double)w[i];
    }
    assert_true(fabs(sqrt(sum / 2400) * sqrt(3.0) / bound - 1.0) < 0.05);
    for (int i = 7; i < 14; i++) assert_true(n[i] == 0.0f); /* the zero row */
    atti_params_deinit(&one);
    atti_params_deinit(&two);
}

static void finds_neighbours(void **state)
{
    (void)state;
    atti_params ps = {0};
    size_t first = 9, n = 9;
    assert_ok(add(&ps, "l.0.k.w", 1, 16, ATTI_INIT_ZERO));
    assert_ok(add(&ps, "l.0.v.w", 1, 16, ATTI_INIT_ZERO));
    assert_ok(add(&ps, "l.1.k.w", 1, 16, ATTI_INIT_ZERO));
    assert_ok(add(&ps, "l.1.v.w", 1, 5, ATTI_INIT_ZERO));
    assert_ok(add(&ps, "l.2.k.w", 1, 5, ATTI_INIT_ZERO));
    assert_true(atti_params_neighbours(&ps, "l.{0..1}.{k,v}.w", &first, &n));
    assert_int_equal(first, 0);
    assert_int_equal(n, 4);
    assert_true(atti_params_neighbours(&ps, "l.1.k.w", &first, &n));
    assert_int_equal(n, 1);
    /* A gap of alignment, another order, one that is not there, a brace left open. */
    assert_false(atti_params_neighbours(&ps, "l.{1,2}.{v,k}.w", &first, &n));
    assert_false(atti_params_neighbours(&ps, "l.0.{v,k}.w", &first, &n));
    assert_false(atti_params_neighbours(&ps, "l.{2..3}.k.w", &first, &n));
    assert_false(atti_params_neighbours(&ps, "l.{0", &first, &n));
    atti_params_deinit(&ps);
}

static void finds_among_many(void **state)
{
    (void)state;
    atti_params ps = {0};
    atti_param p = {.ndim = 1, .shape = {3}, .zero_row = -1};
    for (int i = 0; i < 500; i++) assert_ok(atti_params_add(&ps, &p, "p.%d", i));
    for (int i = 0; i < 500; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "p.%d", i);
        assert_ptr_equal(atti_params_find(&ps, name), &ps.p[i]);
    }
    assert_null(atti_params_find(&ps, "p.500"));
    atti_params_deinit(&ps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lies_in_one_buffer),
        cmocka_unit_test(starts_by_name),
        cmocka_unit_test(finds_neighbours),
        cmocka_unit_test(finds_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
