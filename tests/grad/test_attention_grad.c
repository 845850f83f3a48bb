/* test_attention_grad.c - the reference's gradients against central differences in
 * double, for every combination in the table and every operand.
 *
 * With step h = 1e-5 and a loss of size about 1 in double, the difference quotient is off by
 * h^2 f'''/6 + 1e-16 / h = 1e-10 f''' + 1e-11; gradients are of size 0.01..1 and third
 * derivatives of size 1..1000 (rotated cosines at temperature 0.3): 2e-6 absolute leaves a factor of ten.
 * Hard normalisers have no derivative: they are checked against their definition in
 * test_attn_hard.c. */
#include "../unit/attention/cases.h"

static double loss(attn_case *c)
{
    assert_ok(att_attention_forward(&c->desc, &c->args));
    double sum = 0;
    for (int64_t i = 0, n = case_count(&c->t[OUT]); i < n; i++)
        sum += case_get(&c->t[OUT], i) * case_get(&c->t[DOUT], i);
    return sum;
}

static void check_operand(attn_case *c, int o)
{
    const double h = 1e-5;
    for (int64_t i = 0, n = case_count(&c->t[o]); i < n; i++) {
        double x = case_get(&c->t[o], i);
        if (!isfinite(x)) continue; /* a hidden key, a row beyond the length */
        case_put(&c->t[o], i, x + h);
        double hi = loss(c);
        case_put(&c->t[o], i, x - h);
        double lo = loss(c);
        case_put(&c->t[o], i, x);
        double want = (hi - lo) / (2 * h), got = case_get(&c->d[o], i);
        if (fabs(got - want) <= 2e-6) continue;
        fail_msg("%s: d%s[%lld] is %.9g, the difference quotient %.9g", c->k.name,
                 op_name[o], (long long)i, got, want);
    }
}

static void every_member(void **state)
{
    (void)state;
    for (int m = 0; m < N_MEMBERS; m++) {
        const kase *k = &members[m];
        if (k->norm == ATT_NORM_HARD_ARGMAX || k->norm == ATT_NORM_HARD_SAMPLE)
            continue;
        attn_case c;
        case_make(&c, k, ATT_F64);
        (void)loss(&c);
        assert_ok(att_attention_backward(&c.desc, &c.args, &c.grads));
        for (int o = 0; o < N_OPS; o++)
            if (c.wants[o]) check_operand(&c, o);
        case_free(&c);
    }
}

/* accumulate adds to what is there, for every gradient. */
static void accumulates(void **state)
{
    (void)state;
    for (int m = 0; m < N_MEMBERS; m++) {
        attn_case a, b;
        case_make(&a, &members[m], ATT_F64);
        case_make(&b, &members[m], ATT_F64);
        (void)loss(&a);
        (void)loss(&b);
        for (int o = 0; o < N_OPS; o++)
            for (int64_t i = 0, n = case_count(&b.d[o]); b.wants[o] && i < n; i++)
                case_put(&b.d[o], i, 10);
        b.grads.accumulate = 1;
        assert_ok(att_attention_backward(&a.desc, &a.args, &a.grads));
        assert_ok(att_attention_backward(&b.desc, &b.args, &b.grads));
        for (int o = 0; o < N_OPS; o++)
            for (int64_t i = 0, n = case_count(&b.d[o]); b.wants[o] && i < n; i++)
                assert_true(fabs(case_get(&b.d[o], i) - 10 - case_get(&a.d[o], i)) <
                            1e-12);
        case_free(&a);
        case_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member),
        cmocka_unit_test(accumulates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
