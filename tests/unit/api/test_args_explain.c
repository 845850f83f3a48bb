/* Bad arguments to explain.h, function by function. What explanations hold is in
 * insight/test_explain.c. */
#include "api_walk.h"
#include "attend/explain.h"
#include "attend/tape.h"

typedef struct things {
    att_model *model;
    att_explainer *x;
    att_explanation *e;
} things;

static void making(const things *g)
{
    att_explain_opts o;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    const int32_t ids[2] = {3, 0};
    const char *none = NULL, *one = "a";
    SURVIVES(att_explain_opts_init, (NULL));
    att_explain_opts_init(&o);
    REFUSES(att_explainer_create, (NULL, g->model, &o), ATT_EINVAL, "out is NULL");
    REFUSES(att_explainer_create, (&x, NULL, &o), ATT_EINVAL, "model is NULL");
    o.size = 1;
    REFUSES(att_explainer_create, (&x, g->model, &o), ATT_EINVAL, "1 bytes");
    att_explain_opts_init(&o);
    o.choices = 65;
    REFUSES(att_explainer_create, (&x, g->model, &o), ATT_EINVAL, "65");
    att_explain_opts_init(&o);
    o.max_tokens = 0;
    REFUSES(att_explainer_create, (&x, g->model, &o), ATT_EINVAL, "max_tokens 0");
    SURVIVES(att_explainer_destroy, (NULL));
    REFUSES(att_explain_text, (NULL, &e, "a"), ATT_EINVAL, "explainer is NULL");
    REFUSES(att_explain_text, (g->x, NULL, "a"), ATT_EINVAL, "out is NULL");
    REFUSES(att_explain_text, (g->x, &e, NULL), ATT_EINVAL, "text is NULL");
    REFUSES(att_explain_text, (g->x, &e, ""), ATT_EINVAL, "without tokens");
    REFUSES(att_explain_pair, (g->x, &e, "a", NULL), ATT_EINVAL, "text is NULL");
    REFUSES(att_explain_words, (g->x, &e, NULL, 2), ATT_EINVAL, "words is NULL");
    REFUSES(att_explain_words, (g->x, &e, &none, 1), ATT_EINVAL, "word 0 is NULL");
    REFUSES(att_explain_words, (g->x, &e, &one, 0), ATT_EINVAL, "no words");
    REFUSES(att_explain_words, (g->x, &e, &one, 1), ATT_ENOTSUP, "reads texts");
    REFUSES(att_explain_ids, (g->x, &e, NULL, 2, ids, 1, 1), ATT_EINVAL, "source");
    REFUSES(att_explain_ids, (g->x, &e, ids, 2, NULL, 1, 1), ATT_EINVAL, "output");
    REFUSES(att_explain_ids, (g->x, &e, ids, -1, ids, 1, 1), ATT_EINVAL, "-1");
    REFUSES(att_explain_ids, (g->x, &e, ids, 2, ids, 0, 0), ATT_EINVAL, "empty");
    assert_null(e);
    assert_null(x);
}

static void looking(const things *g)
{
    att_attention_map m;
    int64_t n = 7;
    int32_t k = 7;
    SURVIVES(att_explanation_destroy, (NULL));
    BEARS(att_explanation_tokens, !att_explanation_tokens(NULL, 0, &n) && n == 0);
    BEARS(att_explanation_tokens, !att_explanation_tokens(g->e, 3, &n) && n == 0);
    BEARS(att_explanation_labels, !att_explanation_labels(NULL, 0, &n) && n == 0);
    BEARS(att_explanation_labels, !att_explanation_labels(g->e, 3, &n) && n == 0);
    BEARS(att_explanation_ids, !att_explanation_ids(g->e, -1, &n) && n == 0);
    BEARS(att_explanation_output, *att_explanation_output(NULL) == 0);
    BEARS(att_explanation_logprob, att_explanation_logprob(NULL) == 0.0);
    BEARS(att_explanation_source_cut, att_explanation_source_cut(NULL) == 0);
    BEARS(att_explanation_map_count, att_explanation_map_count(NULL) == 0);
    REFUSES(att_explanation_map, (NULL, &m, 0), ATT_EINVAL, "NULL");
    REFUSES(att_explanation_map, (g->e, NULL, 0), ATT_EINVAL, "map is NULL");
    REFUSES(att_explanation_map, (g->e, &m, 3), ATT_EINVAL, "map 3");
    REFUSES(att_explanation_map, (g->e, &m, -1), ATT_EINVAL, "map -1");
    REFUSES(att_explanation_find, (g->e, NULL, 0), ATT_EINVAL, "map is NULL");
    REFUSES(att_explanation_find, (g->e, &m, 3), ATT_ENOTFOUND, "no other attention");
    BEARS(att_explanation_choices,
          !att_explanation_choices(g->e, -1, &k, NULL, NULL) && k == 0);
}

static void measuring(const things *g)
{
    att_head_numbers h = {.size = sizeof h};
    att_attention_map m;
    att_head_loss *list = NULL;
    att_picture *p = NULL;
    int64_t n = 0;
    double x;
    float f;
    const char *texts[] = {"a"}, *holes[] = {NULL};
    REFUSES(att_explain_head, (NULL, g->e, 0, 1, 1, &h), ATT_EINVAL, "explainer");
    REFUSES(att_explain_head, (g->x, g->e, 0, 1, 1, NULL), ATT_EINVAL, "out");
    REFUSES(att_explain_head, (g->x, g->e, 9, 1, 1, &h), ATT_ENOTFOUND, "no other");
    REFUSES(att_explain_head, (g->x, g->e, 0, 0, 1, &h), ATT_EINVAL, "layers 1..");
    REFUSES(att_explain_head, (g->x, g->e, 0, 1, 999, &h), ATT_EINVAL, "heads 1..");
    SURVIVES(att_head_numbers_deinit, (NULL));
    REFUSES(att_attention_rollout, (NULL, &f), ATT_EINVAL, "NULL");
    att_attention_map_init(&m);
    REFUSES(att_attention_rollout, (&m, &f), ATT_EINVAL, "no weights");
    REFUSES(att_attention_statistics, (&m, &x, &x), ATT_EINVAL, "no weights");
    REFUSES(att_explain_rollout, (NULL, &f, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_explain_flow, (NULL, &f, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_explain_gradient, (g->x, NULL, 0, &f), ATT_EINVAL, "explanation");
    REFUSES(att_explain_gradient, (g->x, g->e, 3, &f), ATT_ENOTFOUND, "no other");
    REFUSES(att_explain_integrated, (g->x, g->e, 8, NULL, NULL), ATT_EINVAL, "out");
    REFUSES(att_explain_integrated, (g->x, g->e, 257, &f, NULL), ATT_EINVAL, "257");
    REFUSES(att_explain_heads, (g->x, NULL, &n, &x, texts, texts, 1, NULL, NULL),
            ATT_EINVAL, "NULL");
    REFUSES(att_explain_heads, (g->x, &list, &n, &x, texts, texts, 0, NULL, NULL),
            ATT_EINVAL, "0 texts");
    REFUSES(att_explain_heads, (g->x, &list, &n, &x, texts, holes, 1, NULL, NULL),
            ATT_EINVAL, "text 0 is NULL");
    REFUSES(att_explain_reach, (NULL, &n, 1, g->model, texts, texts, 1), ATT_EINVAL,
            "operand");
    REFUSES(att_explain_reach, (&x, &n, 1, g->model, texts, texts, 0), ATT_EINVAL,
            "0 pairs");
    REFUSES(att_explain_reach, (&x, &n, 1, g->model, holes, texts, 1), ATT_EINVAL,
            "text 0 is NULL");
    REFUSES(att_explain_model, (NULL, g->model, NULL), ATT_EINVAL, "out is NULL");
    REFUSES(att_explain_model, (&p, NULL, NULL), ATT_EINVAL, "model is NULL");
    assert_null(list);
}

static void explanations(void **state)
{
    things g = {0};
    (void)state;
    assert_ok(att_model_load(&g.model, support_golden("marian_dir")));
    assert_ok(att_explainer_create(&g.x, g.model, NULL));
    assert_ok(att_explain_text(g.x, &g.e, "a dog sees a cat"));
    making(&g);
    looking(&g);
    measuring(&g);
    att_explanation_destroy(g.e);
    att_explainer_destroy(g.x);
    att_model_destroy(g.model);
    assert_no_mismatch();
    assert_walked("explain.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(explanations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
