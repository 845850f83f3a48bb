/* test_train_rnn.c - recurrent encoder-decoders through the whole trainer: trained, saved,
 * evaluated, translated; with the same bytes for one thread and two. */
#include "attend/decode.h"
#include "attend/explain.h"
#include "attend/model.h"
#include "attend/tape.h"
#include "train_case.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static att_train_opts options(const char *dir, const char *arch, const char *score)
{
    att_train_opts o = case_options(dir);
    o.arch = arch;
    o.score = score;
    o.encoder_layers = 2;
    o.valid_source = o.valid_target = NULL;
    o.average = 0;
    return o;
}

/* What is shown is what decoding used; gradients keep their promise. Weights as in
 * test_explain.c, the same sums in another order: 1e-6. */
/* The weights are the softmax of the scores, the outputs the weighted values. */
static void follows_from_scores(const att_head_numbers *h, const float *weights)
{
    for (int64_t t = 0; t < h->rows; t++) {
        const double *score = h->scaled + t * h->cols;
        double high = score[0], sum = 0.0;
        for (int64_t s = 0; s < h->cols; s++) high = fmax(high, score[s]);
        for (int64_t s = 0; s < h->cols; s++) sum += exp(score[s] - high);
        for (int64_t s = 0; s < h->cols; s++) {
            assert_true(fabs(exp(score[s] - high) / sum -
                             (double)weights[t * h->cols + s]) < 1e-5);
            assert_true(h->weights[t * h->cols + s] == weights[t * h->cols + s]);
        }
        for (int64_t c = 0; c < h->e; c++) {
            double y = 0.0;
            for (int64_t s = 0; s < h->cols; s++)
                y += (double)weights[t * h->cols + s] * (double)h->v[s * h->e + c];
            assert_true(fabs(y - (double)h->out[t * h->e + c]) < 1e-5);
        }
    }
}

static void explains(const att_model *m, const char *text, const att_hypothesis *y)
{
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    att_attention_map map;
    att_head_numbers numbers = {.size = sizeof numbers};
    double gap = 1.0;
    assert_ok(att_explainer_create(&x, m, NULL));
    assert_ok(att_explain_text(x, &e, text));
    assert_ok(att_explanation_find(e, &map, ATT_VIEW_CROSS));
    assert_int_equal(map.n_layers * map.n_heads, 1);
    /* Where the output was cut, decoding has the </s> that ended it too. */
    assert_true(map.rows == y->n_scores || map.rows == y->n_scores - 1);
    for (int64_t i = 0; i < map.rows * map.cols; i++)
        assert_true(fabs((double)(map.weights[i] - y->alignment[i])) < 1e-6);
    float *out = calloc((size_t)(map.rows * map.cols), sizeof *out);
    /* A straight way in 64 steps through tanh and gates: the rest is of their curvature. */
    assert_ok(att_explain_integrated(x, e, 64, out, &gap));
    assert_true(gap < 0.05);
    assert_fails(att_explain_gradient(x, e, ATT_VIEW_CROSS, out), ATT_ENOTSUP,
                 "recurrence");
    assert_ok(att_explain_head(x, e, ATT_VIEW_CROSS, 1, 1, &numbers));
    assert_true(numbers.rows == map.rows && numbers.cols == map.cols);
    follows_from_scores(&numbers, map.weights);
    att_head_numbers_deinit(&numbers);
    free(out);
    att_explanation_destroy(e);
    att_explainer_destroy(x);
}

/* Every pair of words counts once, at its distance. */
static void reaches(const att_model *m, const char *source, const char *target)
{
    enum { FAR = 200 };
    double norm[FAR];
    int64_t pairs[FAR], all = 0;
    int32_t *ids = NULL;
    size_t n[2] = {0, 0};
    assert_ok(att_explain_reach(norm, pairs, FAR, m, &source, &target, 1));
    for (int i = 0; i < 2; i++) {
        assert_ok(att_model_encode(m, i, i ? target : source,
                                   strlen(i ? target : source), &ids, &n[i]));
        att_free(ids);
    }
    for (int d = 0; d < FAR; d++) {
        all += pairs[d];
        assert_true(pairs[d] ? norm[d] > 0.0 && isfinite(norm[d]) : norm[d] == 0.0);
    }
    assert_int_equal(pairs[0], 0); /* the nearest is a step away */
    assert_int_equal(all, (int64_t)n[0] * (int64_t)(n[1] + 1));
    assert_fails(att_explain_reach(norm, pairs, 0, m, &source, &target, 1), ATT_EINVAL,
                 "0 distances");
    assert_fails(att_explain_reach(norm, pairs, FAR, NULL, &source, &target, 1),
                 ATT_EINVAL, "model is NULL");
}

static void trains(const char *name, const char *arch, const char *score)
{
    char dir[300];
    (void)snprintf(dir, sizeof dir, "%s", support_temp(name));
    att_train_opts o = options(dir, arch, score);
    att_model *m = NULL;
    att_session *s = NULL;
    att_result *r = NULL;
    att_evaluation e = {.size = sizeof e};
    att_decode_opts d;
    att_picture *p = NULL;
    const char *text = "the dog sleeps here .";
    assert_ok(att_train_translate(&o, NULL));
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_evaluate_pairs(&e, m, case_source, case_target, 0));
    /* 24 updates: better than guessing one of 90 tokens, which is ln 90 = 4.5 nats. */
    assert_true(e.nll > 0.0 && e.nll < 4.4);
    assert_int_equal(e.sentences, CASE_PAIRS);
    int attends = strcmp(score, "none") != 0;
    att_decode_opts_init(&d, m);
    d.want_alignment = attends;
    d.want_scores = 1;
    assert_ok(att_session_create(&s, m, &d));
    assert_ok(att_translate(s, &r, &text, NULL, 1));
    assert_int_equal(att_result_count(r), 1);
    assert_true(isfinite(att_result_sentence(r, 0)->hypotheses[0].score));
    if (attends) explains(m, text, &att_result_sentence(r, 0)->hypotheses[0]);
    reaches(m, text, "the cat sleeps .");
    assert_ok(att_explain_model(&p, m, NULL));
    att_picture_destroy(p);
    att_result_destroy(r);
    att_session_destroy(s);
    att_model_destroy(m);
}

static void every_kind_trains(void **state)
{
    (void)state;
    trains("additive", "rnn", "scaled-dot");
    trains("general", "rnn-lstm", "general");
    trains("dot", "rnn", "dot");
    trains("none", "rnn-lstm", "none");
}

static void threads_change_no_byte(void **state)
{
    (void)state;
    char a[300], b[300];
    (void)snprintf(a, sizeof a, "%s", support_temp("a"));
    (void)snprintf(b, sizeof b, "%s", support_temp("b"));
    att_train_opts o = options(a, "rnn", "additive");
    assert_ok(att_train_translate(&o, NULL));
    int32_t before = att_threads();
    att_set_threads(2);
    o = options(b, "rnn", "additive");
    assert_ok(att_train_translate(&o, NULL));
    att_set_threads(before);
    assert_same_model(a, b);
}

static void scores_of_transformers_are_refused(void **state)
{
    (void)state;
    att_train_opts o = options(support_temp("c"), "rnn", "cosine");
    assert_fails(att_train_check(&o), ATT_ENOTFOUND, "cosine");
    o.arch = "rwkv";
    assert_fails(att_train_check(&o), ATT_EINVAL, "rwkv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_kind_trains, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(threads_change_no_byte, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(scores_of_transformers_are_refused,
                                        support_temp_setup, support_temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
