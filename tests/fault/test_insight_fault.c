/* test_insight_fault.c - explaining a text in every way while each allocation of the library
 * fails in turn: ATT_ENOMEM, a message, nothing left behind; and the explainer that ran out
 * of memory gives the same weights when there is some. */
#include "support.h"

#include "attend/explain.h"
#include "attend/tape.h" /* att_free */
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

static const char text[] = "a dog sees a cat";
enum { CELLS = 4096 };
static float cells[CELLS];

typedef att_status measure(att_explainer *x, const att_explanation *e);

static att_status weights(att_explainer *x, const att_explanation *e)
{
    att_attention_map m;
    double entropy[16], distance[16];
    (void)x;
    ATTI_TRY(att_explanation_map(e, &m, 0));
    return att_attention_statistics(&m, entropy, distance);
}

static att_status paths(att_explainer *x, const att_explanation *e)
{
    int64_t cols = 0, rows = 0;
    (void)x;
    (void)att_explanation_tokens(e, ATT_SIDE_PREFIX, &rows);
    ATTI_TRY(att_explain_rollout(e, NULL, &cols));
    assert_true(rows * cols <= CELLS);
    ATTI_TRY(att_explain_rollout(e, cells, NULL));
    return att_explain_flow(e, cells, NULL);
}

static att_status gradients(att_explainer *x, const att_explanation *e)
{
    return att_explain_gradient(x, e, ATT_VIEW_CROSS, cells);
}

static att_status integrated(att_explainer *x, const att_explanation *e)
{
    double gap;
    return att_explain_integrated(x, e, 2, cells, &gap);
}

static att_status numbers(att_explainer *x, const att_explanation *e)
{
    att_head_numbers h;
    ATTI_TRY(att_explain_head(x, e, ATT_VIEW_DECODER, 1, 1, &h));
    att_head_numbers_deinit(&h);
    return ATT_OK;
}

static att_status losses(att_explainer *x, const att_explanation *e)
{
    const char *texts[] = {text};
    att_head_loss *heads = NULL;
    int64_t n = 0;
    double base;
    (void)e;
    ATTI_TRY(att_explain_heads(x, &heads, &n, &base, texts, texts, 1, NULL, NULL));
    att_free(heads);
    return ATT_OK;
}

typedef struct work {
    const att_model *model;
    measure *what;
} work;

static att_status explain(void *ctx)
{
    const work *w = ctx;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    ATTI_TRY(att_explainer_create(&x, w->model, NULL));
    att_status st = att_explain_text(x, &e, text);
    if (st == ATT_OK) st = w->what(x, e);
    att_explanation_destroy(e);
    att_explainer_destroy(x);
    return st;
}

static void every_way(void **state)
{
    static measure *const ways[] = {weights,    paths,   gradients,
                                    integrated, numbers, losses};
    (void)state;
    work w = {0};
    att_model *m = NULL;
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    w.model = m;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        w.what = ways[i];
        assert_ok(explain(&w));
        assert_true(support_fail_every_alloc(explain, &w) >= 40);
    }
    att_model_destroy(m);
}

static att_status draw(void *model)
{
    att_picture *p = NULL;
    ATTI_TRY(att_explain_model(&p, model, NULL));
    att_picture_destroy(p);
    return ATT_OK;
}

static void diagrams(void **state)
{
    static const char *const names[] = {"marian_dir", "families/bert_sequence",
                                        "families/gpt2", "families/llama"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        att_model *m = NULL;
        assert_ok(att_model_load(&m, support_golden(names[i])));
        assert_ok(draw(m));
        assert_true(support_fail_every_alloc(draw, m) >= 3);
        att_model_destroy(m);
    }
}

/* One explainer goes through every failure and works in between. */
static void an_explainer_recovers(void **state)
{
    att_model *m = NULL;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    char want[300];
    int failures = 0;
    (void)state;
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    assert_ok(att_explainer_create(&x, m, NULL));
    assert_ok(att_explain_text(x, &e, text));
    snprintf(want, sizeof want, "%s", att_explanation_output(e));
    double logprob = att_explanation_logprob(e);
    att_explanation_destroy(e);
    for (uint64_t n = 1;; n++) {
        e = NULL;
        atti_alloc_fail_at(n);
        att_status st = att_explain_text(x, &e, text);
        if (st == ATT_OK) st = gradients(x, e);
        atti_alloc_fail_at(0);
        att_explanation_destroy(e);
        if (st == ATT_OK) break;
        assert_int_equal(st, ATT_ENOMEM);
        failures++;
        assert_ok(att_explain_text(x, &e, text));
        assert_string_equal(att_explanation_output(e), want);
        assert_true(att_explanation_logprob(e) == logprob);
        att_explanation_destroy(e);
    }
    assert_true(failures >= 10);
    att_explainer_destroy(x);
    att_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way),
        cmocka_unit_test(diagrams),
        cmocka_unit_test(an_explainer_recovers),
    };
    att_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
