/* test_explain_weights.c - weights alone (choices -1): the bits of a full explanation, for
 * every family, text after text through one explainer; nothing else is made up. */
#include "attend/explain.h"
#include "support.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void same_maps(const att_explanation *full, const att_explanation *alone)
{
    assert_int_equal(att_explanation_map_count(full), att_explanation_map_count(alone));
    for (int64_t i = 0; i < att_explanation_map_count(full); i++) {
        att_attention_map a, b;
        assert_ok(att_explanation_map(full, &a, i));
        assert_ok(att_explanation_map(alone, &b, i));
        assert_int_equal(a.kind, b.kind);
        assert_int_equal(a.rows, b.rows);
        assert_int_equal(a.cols, b.cols);
        assert_memory_equal(a.weights, b.weights,
                            (size_t)(a.n_layers * a.n_heads * a.rows * a.cols) *
                                sizeof(float));
    }
    assert_true(isnan(att_explanation_logprob(alone)));
}

static void test_families(void **state)
{
    static const char *const dirs[] = {"marian_dir", "families/text_bert_sequence",
                                       "families/text_bert_tag", "families/text_gpt2",
                                       "families/text_llama"};
    static const char *const texts[] = {"a dog sees a cat", "a cat",
                                        "a dog sees a cat and a cat sees a dog"};
    (void)state;
    for (size_t d = 0; d < sizeof dirs / sizeof *dirs; d++) {
        att_model *model;
        att_explainer *full, *alone;
        att_explain_opts o;
        assert_ok(att_model_load(&model, support_golden(dirs[d])));
        att_explain_opts_init(&o);
        assert_ok(att_explainer_create(&full, model, &o));
        o.choices = -1;
        assert_ok(att_explainer_create(&alone, model, &o));
        for (int i = 0; i < 6; i++) {
            att_explanation *a = NULL, *b = NULL;
            assert_ok(att_explain_text(full, &a, texts[i % 3]));
            assert_ok(att_explain_text(alone, &b, texts[i % 3]));
            same_maps(a, b);
            att_explanation_destroy(a);
            att_explanation_destroy(b);
        }
        att_explainer_destroy(full);
        att_explainer_destroy(alone);
        o.choices = -2;
        assert_int_equal(ATT_EINVAL, att_explainer_create(&alone, model, &o));
        att_model_destroy(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_families)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
