/* test_ops_reference.c - every operator of the registry, through a tape, against the plain
 * double reference of tests/support/ops_reference.c: values and all gradients, dropout
 * included, 40 random cases each with 0, 1 and odd sizes; and in evaluation runs. */
#include "ops_case.h"

#include "autograd/op.h"
#include "support.h"

#include <stdio.h>

enum { CASES = 40 };

static void run_case(const ops_entry *e, int variant, int training)
{
    ops_case c = {.entry = e, .seed = 7, .step = 3, .training = training, .amplify = 1};
    snprintf(c.name, sizeof c.name, "%s/%d%s", e->op, variant,
             training ? "" : " (evaluation)");
    atti_rng rng = {atti_key(23, (uint64_t)variant, 0), 0};
    e->make(&c, &rng, variant);
    ops_case_results(&c);
    e->reference(&c);
    ops_case_check(&c);
    ops_case_deinit(&c);
}

static void every_operator_agrees(void **state)
{
    (void)state;
    for (int i = 0; atti_op_at(i); i++) {
        const ops_entry *e = ops_find(atti_op_at(i)->name);
        if (ops_elsewhere(atti_op_at(i)->name)) continue;
        if (!e)
            fail_msg("%s has no reference: add an entry to tests/support/ops_table.c",
                     atti_op_at(i)->name);
        for (int variant = 0; variant < CASES; variant++) {
            run_case(e, variant, 1);
            run_case(e, variant, 0);
        }
    }
}

/* An entry whose operator is gone would test nothing and look as if it did. */
static void every_entry_is_an_operator(void **state)
{
    (void)state;
    for (int i = 0; ops_at(i); i++) {
        int found = 0;
        for (int k = 0; atti_op_at(k); k++)
            found |= ops_find(atti_op_at(k)->name) == ops_at(i);
        if (!found) fail_msg("%s is no operator", ops_at(i)->op);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_agrees),
        cmocka_unit_test(every_entry_is_an_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
