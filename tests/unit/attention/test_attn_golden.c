/* test_attn_golden.c - the reference in double (and through it, by the other tests, all
 * else) against PyTorch 2: outputs and gradients of tests/golden/attention.json, whose
 * inputs a formula gives (tools/make_golden_attention.py). Both sides compute in double
 * from sines that may differ in the last place: 1e-12 relative to values of size 1 to 10. */
#include "attn_case.h"

#include "base/json.h"

typedef struct golden {
    const char *name;
    kase k;
} golden;

#define SHAPE .b = 2, .h = 2, .t = 3, .s = 4, .d = 4, .e = 3
static const golden goldens[] = {
    {"scaled dot", {"scaled dot", SHAPE}},
    {"causal", {"causal", .b = 2, .h = 2, .t = 3, .s = 3, .d = 4, .e = 3, .causal = 1}},
    {"causal, T below S", {"causal end", SHAPE, .causal = 1}},
    {"grouped", {"grouped", .b = 2, .h = 4, .g = 2, .t = 3, .s = 4, .d = 4, .e = 3}},
    {"bias", {"bias", SHAPE, .bias = 2 | 4 | 8}},
    {"bilinear", {"bilinear", SHAPE, .dk = 3, .score = ATT_SCORE_BILINEAR}},
    {"additive", {"additive", SHAPE, .score = ATT_SCORE_ADDITIVE, .score_b = 1}},
    {"gat", {"gat", SHAPE, .score = ATT_SCORE_GAT}},
    {"cosine", {"cosine", SHAPE, .score = ATT_SCORE_COSINE, .scale = 5}},
    {"softcap", {"softcap", SHAPE, .softcap = 0.5f}},
    {"rope half",
     {"rope half", .b = 2, .h = 2, .t = 3, .s = 3, .d = 4, .e = 3,
      .rope = ATT_ROPE_HALF}},
    {"shaw", {"shaw", SHAPE, .shaw = 2}},
    {"sink", {"sink", SHAPE, .sink_logit = 1}},
    {"relu", {"relu", SHAPE, .norm = ATT_NORM_RELU}},
};

static atti_json *root;

static int load(void **state)
{
    (void)state;
    att_status st = atti_json_load(&root, support_golden("attention.json"), 1 << 20, 0);
    if (st == ATT_ENOTSUP) support_skip("this build reads no JSON");
    assert_ok(st);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    atti_json_destroy(root);
    return 0;
}

static void formula(att_tensor *t, int i)
{
    for (int64_t j = 0, n = case_count(t); j < n; j++)
        case_put(t, j, sin(0.7 * (double)j + 1.3 * i + 0.1));
}

static void same(const atti_json *list, const att_tensor *t, const char *name,
                 const char *what)
{
    assert_non_null(list);
    assert_int_equal(atti_json_count(list), case_count(t));
    for (int64_t i = 0, n = case_count(t); i < n; i++) {
        double want = atti_json_number(atti_json_at(list, (size_t)i)),
               got = case_get(t, i);
        if (!(fabs(got - want) <= 1e-12 * (1 + fabs(want))))
            fail_msg("%s: %s[%lld] is %.15g, PyTorch has %.15g", name, what,
                     (long long)i, got, want);
    }
}

static void members_as_pytorch(void **state)
{
    (void)state;
    const atti_json *cases = atti_json_get(root, "cases");
    assert_int_equal(atti_json_count(cases), sizeof goldens / sizeof goldens[0]);
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        const atti_json *g = atti_json_at(cases, i), *grads = atti_json_get(g, "grads");
        assert_string_equal(atti_json_string(atti_json_get(g, "name"), NULL),
                            goldens[i].name);
        attn_case c;
        case_make(&c, &goldens[i].k, ATT_F64);
        c.desc.leaky = 0.25f; /* exact, unlike 0.2 */
        c.desc.rope_position_scale = 1;
        c.desc.rope_offset = 0;
        const int index[N_OPS] = {
            [Q] = 0,       [K] = 1,     [V] = 2,     [BIAS] = 3, [SCORE_W] = 3,
            [SCORE_B] = 4, [REL_K] = 3, [REL_V] = 4, [SINK] = 3, [DOUT] = 9};
        for (int o = 0; o < N_OPS; o++)
            if (c.has[o] && o != OUT && o != LSE) formula(&c.t[o], index[o]);
        assert_ok(att_attention_forward(&c.desc, &c.args));
        assert_ok(att_attention_backward(&c.desc, &c.args, &c.grads));
        same(atti_json_get(g, "out"), &c.t[OUT], goldens[i].name, "out");
        int seen = 0;
        for (int o = 0; o < N_OPS; o++) {
            if (!c.wants[o]) continue;
            same(atti_json_get(grads, op_name[o]), &c.d[o], goldens[i].name,
                 op_name[o]);
            seen++;
        }
        assert_int_equal(seen, atti_json_count(grads));
        case_free(&c);
    }
}

static void buckets_as_t5(void **state)
{
    (void)state;
    const atti_json *all = atti_json_get(root, "t5_buckets_-300_300_of_32_within_128");
    const char *name[] = {"one", "both"};
    for (int both = 0; both < 2; both++) {
        const atti_json *list = atti_json_get(all, name[both]);
        assert_int_equal(atti_json_count(list), 601);
        for (int r = -300; r <= 300; r++)
            assert_int_equal(
                atti_attn_t5_bucket(r, 32, 128, both != 0),
                (int)atti_json_number(atti_json_at(list, (size_t)(r + 300))));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_as_pytorch),
        cmocka_unit_test(buckets_as_t5),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
