/* Bad arguments to generate.h and classify.h, with real models at hand. */
#include "api_walk.h"
#include "attend/classify.h"
#include "attend/generate.h"

#include <math.h>

static att_model *open_model(const char *name)
{
    char path[600];
    att_model *m = NULL;
    snprintf(path, sizeof path, "families/%s", name);
    char dir[1000];
    snprintf(dir, sizeof dir, "%s", support_golden(path));
    assert_ok(att_model_load(&m, dir));
    return m;
}

static void generating(void **state)
{
    (void)state;
    att_model *m = open_model("gpt2"), *other = open_model("bert_token");
    att_lm *lm = NULL;
    att_lm_result *r = NULL;
    att_lm_opts o;
    int32_t one = 1, minus = -1, big[65] = {0}, n = 65;
    const int32_t *ids = &one, *odd = &minus, *nothing = NULL, *many = big;
    const char *none = NULL;
    float out[96];
    SURVIVES(att_lm_opts_init, (NULL, m));
    REFUSES(att_lm_create, (NULL, m, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_lm_create, (&lm, NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_lm_create, (&lm, other, NULL), ATT_ENOTSUP, "bert");
    att_lm_opts_init(&o, m);
    o.size = 0;
    REFUSES(att_lm_create, (&lm, m, &o), ATT_EINVAL, "0 bytes");
    att_lm_opts_init(&o, m);
    o.block = 0;
    REFUSES(att_lm_create, (&lm, m, &o), ATT_EINVAL, "block");
    att_lm_opts_init(&o, m);
    o.top_p = NAN;
    REFUSES(att_lm_create, (&lm, m, &o), ATT_EINVAL, "top_p");
    att_lm_opts_init(&o, m);
    o.batch_size = INT32_MAX;
    REFUSES(att_lm_create, (&lm, m, &o), ATT_EINVAL, "batch_size");
    att_lm_opts_init(&o, m);
    o.n_stop = -1;
    REFUSES(att_lm_create, (&lm, m, &o), ATT_EINVAL, "n_stop");
    assert_null(lm);
    assert_ok(att_lm_create(&lm, m, NULL));
    REFUSES(att_lm_generate, (NULL, &r, &none, 1), ATT_EINVAL, "NULL");
    REFUSES(att_lm_generate, (lm, NULL, &none, 1), ATT_EINVAL, "NULL");
    REFUSES(att_lm_generate, (lm, &r, NULL, 1), ATT_EINVAL, "NULL");
    REFUSES(att_lm_generate, (lm, &r, &none, -1), ATT_EINVAL, "negative");
    REFUSES(att_lm_generate, (lm, &r, &none, 1), ATT_EINVAL, "prompt 0 is NULL");
    REFUSES(att_lm_generate_ids, (NULL, &r, &ids, &one, 1), ATT_EINVAL, "NULL");
    REFUSES(att_lm_generate_ids, (lm, &r, NULL, &one, 1), ATT_EINVAL, "NULL");
    REFUSES(att_lm_generate_ids, (lm, &r, &odd, &one, 1), ATT_EINVAL, "is -1");
    REFUSES(att_lm_generate_ids, (lm, &r, &nothing, &one, 1), ATT_EINVAL, "no tokens");
    REFUSES(att_lm_generate_ids, (lm, &r, &ids, &minus, 1), ATT_EINVAL, "no tokens");
    REFUSES(att_lm_generate_ids, (lm, &r, &many, &n, 1), ATT_EINVAL, "context");
    assert_null(r);
    REFUSES(att_lm_score, (NULL, ids, 1, out), ATT_EINVAL, "NULL");
    REFUSES(att_lm_score, (lm, NULL, 1, out), ATT_EINVAL, "NULL");
    REFUSES(att_lm_score, (lm, ids, 1, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_lm_score, (lm, odd, 1, out), ATT_EINVAL, "-1");
    REFUSES(att_lm_logits, (lm, many, n, out), ATT_EINVAL, "context is 64");
    REFUSES(att_lm_logits, (lm, ids, -1, out), ATT_EINVAL, "negative");
    assert_ok(att_lm_generate_ids(lm, &r, &ids, &one, 0));
    BEARS(att_lm_result_count, att_lm_result_count(NULL) == 0);
    BEARS(att_lm_result_count, att_lm_result_count(r) == 0);
    BEARS(att_lm_result_answer, !att_lm_result_answer(NULL, 0));
    BEARS(att_lm_result_answer, !att_lm_result_answer(r, 0));
    BEARS(att_lm_memory, att_lm_memory(NULL) == 0);
    BEARS(att_lm_memory, att_lm_memory(lm) > 0);
    BEARS(att_lm_context, att_lm_context(NULL) == 0);
    SURVIVES(att_lm_result_destroy, (NULL));
    SURVIVES(att_lm_destroy, (NULL));
    att_lm_result_destroy(r);
    att_lm_destroy(lm);
    att_model_destroy(m);
    att_model_destroy(other);
    assert_no_mismatch();
    assert_walked("generate.h");
}

static void classifying(void **state)
{
    (void)state;
    att_model *tags = open_model("bert_token"), *texts = open_model("bert_sequence");
    att_model *lm = open_model("gpt2"), *base = open_model("bert_base");
    att_classifier *c = NULL, *t = NULL;
    att_labels *r = NULL;
    att_classify_opts o;
    const char *none = NULL, *a = "a";
    int32_t one = 1, odd = 96, n = 33, big[33] = {0};
    const int32_t *ids = &one, *bad = &odd, *many = big;
    const att_words word = {&none, 1}, broken = {NULL, 1}, fewer = {&a, -1};
    SURVIVES(att_classify_opts_init, (NULL));
    REFUSES(att_classifier_create, (NULL, tags, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_classifier_create, (&c, NULL, NULL), ATT_EINVAL, "NULL");
    REFUSES(att_classifier_create, (&c, lm, NULL), ATT_ENOTSUP, "no labels");
    REFUSES(att_classifier_create, (&c, base, NULL), ATT_ENOTSUP, "no labels");
    att_classify_opts_init(&o);
    o.size = 9999;
    REFUSES(att_classifier_create, (&c, tags, &o), ATT_EINVAL, "9999");
    att_classify_opts_init(&o);
    o.max_length = 33;
    REFUSES(att_classifier_create, (&c, tags, &o), ATT_EINVAL, "32 positions");
    att_classify_opts_init(&o);
    o.batch_rows = 0;
    REFUSES(att_classifier_create, (&c, tags, &o), ATT_EINVAL, "batch_rows");
    assert_null(c);
    assert_ok(att_classifier_create(&t, tags, NULL));
    assert_ok(att_classifier_create(&c, texts, NULL));
    REFUSES(att_classify, (NULL, &r, &a, NULL, 1), ATT_EINVAL, "NULL");
    REFUSES(att_classify, (c, NULL, &a, NULL, 1), ATT_EINVAL, "NULL");
    REFUSES(att_classify, (c, &r, &none, NULL, 1), ATT_EINVAL, "text 0 is NULL");
    REFUSES(att_classify, (c, &r, &a, NULL, 1), ATT_ENOTFOUND, "tokenizer");
    REFUSES(att_classify, (t, &r, &a, NULL, 1), ATT_EINVAL, "att_tag");
    REFUSES(att_tag, (NULL, &r, &word, 1), ATT_EINVAL, "NULL");
    REFUSES(att_tag, (c, &r, &word, 1), ATT_EINVAL, "att_classify");
    REFUSES(att_tag, (t, &r, &broken, 1), ATT_EINVAL, "sentence 0");
    REFUSES(att_tag, (t, &r, &fewer, 1), ATT_EINVAL, "sentence 0");
    REFUSES(att_tag, (t, &r, &word, 1), ATT_ENOTFOUND, "tokenizer");
    REFUSES(att_classify_ids, (NULL, &r, &ids, NULL, &one, 1), ATT_EINVAL, "NULL");
    REFUSES(att_classify_ids, (c, &r, &bad, NULL, &one, 1), ATT_EINVAL, "token 96");
    REFUSES(att_classify_ids, (c, &r, &ids, &bad, &one, 1), ATT_EINVAL, "type 96");
    REFUSES(att_classify_ids, (c, &r, &many, NULL, &n, 1), ATT_EINVAL, "33 tokens");
    assert_null(r);
    assert_ok(att_classify_ids(c, &r, &ids, NULL, &one, 1));
    BEARS(att_labels_count, att_labels_count(NULL) == 0);
    BEARS(att_labels_get, !att_labels_get(NULL, 0));
    BEARS(att_labels_get, !att_labels_get(r, 1));
    BEARS(att_labels_get, !att_labels_get(r, -1));
    BEARS(att_classifier_labels, att_classifier_labels(NULL) == 0);
    BEARS(att_classifier_label, !att_classifier_label(NULL, 0));
    BEARS(att_classifier_label, !att_classifier_label(c, -1));
    BEARS(att_classifier_tags, !att_classifier_tags(NULL));
    BEARS(att_classifier_regression, !att_classifier_regression(NULL));
    BEARS(att_classifier_longest, att_classifier_longest(NULL, NULL) == 0);
    SURVIVES(att_labels_destroy, (NULL));
    SURVIVES(att_classifier_destroy, (NULL));
    att_labels_destroy(r);
    att_classifier_destroy(c);
    att_classifier_destroy(t);
    att_model_destroy(tags);
    att_model_destroy(texts);
    att_model_destroy(lm);
    att_model_destroy(base);
    assert_no_mismatch();
    assert_walked("classify.h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generating),
        cmocka_unit_test(classifying),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
