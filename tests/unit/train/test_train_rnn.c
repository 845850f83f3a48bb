/* test_train_rnn.c - recurrent encoder-decoders through the whole trainer: trained, saved,
 * evaluated, translated; with the same bytes for one thread and two. */
#include "attend/decode.h"
#include "attend/model.h"
#include "train_case.h"
#include <math.h>

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

static void trains(const char *name, const char *arch, const char *score)
{
    char dir[300];
    (void)snprintf(dir, sizeof dir, "%s", support_temp(name));
    att_train_opts o = options(dir, arch, score);
    att_model *m = NULL;
    att_session *s = NULL;
    att_result *r = NULL;
    att_evaluation e = {.size = sizeof e};
    const char *text = "the dog sleeps here .";
    assert_ok(att_train_translate(&o, NULL));
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_evaluate_pairs(&e, m, case_source, case_target, 0));
    /* 24 updates: better than guessing one of 90 tokens, which is ln 90 = 4.5 nats. */
    assert_true(e.nll > 0.0 && e.nll < 4.4);
    assert_int_equal(e.sentences, CASE_PAIRS);
    assert_ok(att_session_create(&s, m, NULL));
    assert_ok(att_translate(s, &r, &text, NULL, 1));
    assert_int_equal(att_result_count(r), 1);
    assert_true(isfinite(att_result_sentence(r, 0)->hypotheses[0].score));
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
