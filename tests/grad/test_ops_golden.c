/* test_ops_golden.c - every operator of the registry, through a tape, against PyTorch's
 * functions in double precision (tools/make_golden_ops.py): values and all gradients.
 *
 * The plain reference runs on the same operands, so three independent computations have to
 * agree; it and PyTorch are both double, so what separates them is the file's
 * rounding to f32: 2^-24 of the number. */
#include "ops_case.h"

#include "attend/safetensors.h"
#include "autograd/op.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tensor of the case into m; 0 when the file has none. */
static int load(const att_safetensors *f, const ops_case *c, const char *part,
                ops_mat *m)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s", c->name, part);
    if (att_safetensors_find(f, name) < 0) return 0;
    att_tensor t;
    assert_ok(att_safetensors_get(f, &t, name));
    assert_int_equal(t.ndim, 2);
    int64_t n = t.shape[0] * t.shape[1];
    if (t.dtype == ATT_I32)
        memcpy(ops_ints(m, t.shape[0]), t.data, (size_t)n * 4);
    else
        memcpy(ops_floats(m, t.shape[0], t.shape[1]), t.data, (size_t)n * 4);
    att_tensor_deinit(&t);
    return 1;
}

static void load_attr(const att_safetensors *f, ops_case *c)
{
    char name[128];
    att_tensor t;
    snprintf(name, sizeof name, "%s/attr", c->name);
    assert_ok(att_safetensors_get(f, &t, name));
    assert_int_equal(t.dtype, ATT_F64);
    assert_in_range(t.shape[0], 1, OPS_MAX_ATTR);
    memcpy(c->attr, t.data, (size_t)t.shape[0] * sizeof(double));
    att_tensor_deinit(&t);
}

/* What the reference made gives way to what PyTorch made, which it must equal. */
static void take_golden(const att_safetensors *f, const ops_case *c, const char *part,
                        double *want, int64_t n)
{
    ops_mat golden = {0};
    double most = 1.0;
    if (!load(f, c, part, &golden)) fail_msg("%s: the file has no %s", c->name, part);
    assert_int_equal(golden.rows * golden.cols, n);
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(want[i]));
    for (int64_t i = 0; i < n; i++) {
        if (!(fabs((double)golden.f[i] - want[i]) <= ldexp(most, -24)))
            fail_msg("%s: %s[%lld] is %.9g by PyTorch, %.9g by the reference", c->name,
                     part, (long long)i, (double)golden.f[i], want[i]);
        want[i] = (double)golden.f[i];
    }
    free(golden.f);
}

static int run_case(const att_safetensors *f, const ops_entry *e, int variant)
{
    ops_case c = {.entry = e, .training = 1, .amplify = 1};
    char part[32], name[16];
    snprintf(c.name, sizeof c.name, "%s/%d", e->op, variant);
    ops_mat out = {0};
    if (!load(f, &c, "out0", &out)) return 0;
    free(out.f);
    load_attr(f, &c);
    for (int k = 0; k < ops_slots(e); k++)
        (void)load(f, &c, ops_slot_name(e, k, name), &c.in[k]);
    for (int k = 0; k < e->n_out; k++)
        assert_true(load(f, &c, k ? "dout1" : "dout0", &c.out[k]));
    ops_case_results(&c);
    e->reference(&c);
    for (int k = 0; k < e->n_out; k++)
        take_golden(f, &c, k ? "out1" : "out0", c.out[k].y,
                    c.out[k].rows * c.out[k].cols);
    for (int k = 0; k < ops_slots(e); k++) {
        if (!c.in[k].d) continue;
        snprintf(part, sizeof part, "d.%s", ops_slot_name(e, k, name));
        take_golden(f, &c, part, c.in[k].d, c.in[k].rows * c.in[k].cols);
    }
    ops_case_check(&c);
    ops_case_deinit(&c);
    return 1;
}

static void every_operator_agrees_with_pytorch(void **state)
{
    (void)state;
    att_safetensors *f = NULL;
    int64_t cases = 0, attrs = 0;
    assert_ok(att_safetensors_open(&f, support_golden("ops/ops.safetensors")));
    for (int i = 0; atti_op_at(i); i++) {
        const ops_entry *e = ops_find(atti_op_at(i)->name);
        int variant = 0;
        if (ops_elsewhere(atti_op_at(i)->name)) continue;
        while (e && run_case(f, e, variant)) variant++;
        if (variant == 0) fail_msg("%s has no golden", atti_op_at(i)->name);
        cases += variant;
    }
    /* No case lies in the file unread. */
    for (int64_t i = 0; i < att_safetensors_count(f); i++) {
        att_safetensors_entry entry;
        assert_ok(att_safetensors_entry_at(f, i, &entry));
        attrs += strstr(entry.name, "/attr") != NULL;
    }
    assert_int_equal(cases, attrs);
    att_safetensors_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_agrees_with_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
