/* test_decode_ends.c - several end tokens and bad words of several tokens: the same
 * tokens as transformers' generate() (tools/make_golden_ends.py), and what a
 * generation_config.json may not say. */
#include "attend/decode.h"
#include "base/file.h"
#include "base/json.h"
#include "decode/session_internal.h"
#include "models/model_internal.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[600];

static const char *in_dir(const char *name)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* The stored model with another generation_config.json. */
static void make_dir(void)
{
    static const char *const names[] = {"config.json", "model.safetensors",
                                        "vocab.json",  "source.spm",
                                        "target.spm",  "tokenizer_config.json"};
    snprintf(dir, sizeof dir, "%s", support_temp("ends"));
    assert_ok(atti_mkdir_all(dir));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char from[1100];
        snprintf(from, sizeof from, "%s/%s", support_golden("marian_dir"), names[i]);
        assert_int_equal(symlink(from, in_dir(names[i])), 0);
    }
}

static void put_ids(atti_jsonw *w, const char *key, const atti_json *list)
{
    atti_jsonw_array(w, key);
    for (size_t i = 0; i < atti_json_count(list); i++) {
        atti_jsonw_i64(w, NULL, (int64_t)atti_json_number(atti_json_at(list, i)));
    }
    atti_jsonw_end(w, ']');
}

static void configure(const atti_json *ends, const atti_json *words)
{
    atti_jsonw w = {0};
    atti_jsonw_object(&w, NULL);
    atti_jsonw_i64(&w, "decoder_start_token_id", 36);
    atti_jsonw_i64(&w, "forced_eos_token_id", 0);
    atti_jsonw_i64(&w, "pad_token_id", 36);
    if (ends) {
        put_ids(&w, "eos_token_id", ends);
    } else {
        atti_jsonw_i64(&w, "eos_token_id", 0);
    }
    if (words) {
        atti_jsonw_array(&w, "bad_words_ids");
        for (size_t i = 0; i < atti_json_count(words); i++) {
            put_ids(&w, NULL, atti_json_at(words, i));
        }
        atti_jsonw_end(&w, ']');
    }
    atti_jsonw_end(&w, '}');
    assert_ok(w.s.status);
    support_write(in_dir("generation_config.json"), w.s.data, w.s.len);
    atti_str_deinit(&w.s);
}

static void check_case(const atti_json *c, const char *key, int32_t beam, int32_t min)
{
    int32_t ids[64], n = 0;
    const int32_t *at = ids;
    const atti_json *source = atti_json_get(c, "source"), *want = atti_json_get(c, key);
    att_model *m;
    att_session *s;
    att_result *r;
    att_decode_opts o;
    bool ends = strncmp(key, "words", 5) != 0, words = strncmp(key, "ends", 4) != 0;
    configure(ends ? atti_json_get(c, "ends") : NULL,
              words ? atti_json_get(c, "words") : NULL);
    for (size_t i = 0; i < atti_json_count(source); i++) {
        ids[n++] = (int32_t)atti_json_number(atti_json_at(source, i));
    }
    assert_ok(att_model_load(&m, dir));
    att_decode_opts_init(&o, m);
    o.beam_size = o.n_best = beam;
    o.max_length = 16;
    o.min_length = min;
    o.max_length_factor = 0.0f;
    assert_ok(att_session_create(&s, m, &o));
    assert_ok(att_translate_ids(s, &r, &at, &n, NULL, NULL, 1));
    const att_sentence *t = att_result_sentence(r, 0);
    assert_int_equal(t->n_hypotheses, (int)atti_json_count(want));
    for (int32_t j = 0; j < t->n_hypotheses; j++) {
        const atti_json *list = atti_json_at(want, (size_t)j);
        const att_hypothesis *h = &t->hypotheses[j];
        bool same = h->n_ids == (int32_t)atti_json_count(list);
        for (int32_t i = 0; same && i < h->n_ids; i++) {
            same =
                h->ids[i] == (int32_t)atti_json_number(atti_json_at(list, (size_t)i));
        }
        if (!same)
            fail_msg("%s, hypothesis %d: other tokens than transformers", key, (int)j);
    }
    att_result_destroy(r);
    att_session_destroy(s);
    att_model_destroy(m);
}

static void the_same_tokens_as_transformers(void **state)
{
    (void)state;
    atti_json *doc;
    assert_ok(atti_json_load(&doc, support_golden("ends.json"), 0, 0));
    const atti_json *cases = atti_json_get(doc, "cases");
    assert_true(atti_json_count(cases) > 4);
    for (size_t i = 0; i < atti_json_count(cases); i++) {
        const atti_json *c = atti_json_at(cases, i);
        check_case(c, "ends_greedy", 1, 0);
        check_case(c, "ends_beam", 4, 0);
        check_case(c, "ends_min", 1, 8);
        check_case(c, "words_greedy", 1, 0);
        check_case(c, "words_beam", 4, 0);
        check_case(c, "both_beam", 4, 0);
    }
    atti_json_destroy(doc);
}

static void wrong_lists_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"{\"bad_words_ids\":[[1,2],[3,16777216]]}", "bad_words_ids[1]"},
        {"{\"bad_words_ids\":[[1,-2]]}", "bad_words_ids[0]"},
        {"{\"bad_words_ids\":[[1],[]]}", "bad_words_ids[1]"},
        {"{\"bad_words_ids\":[[1,1.5]]}", "bad_words_ids[0]"},
        {"{\"bad_words_ids\":[7]}", "bad_words_ids[0]"},
        {"{\"eos_token_id\":[0,16777216]}", "eos_token_id[1]"},
        {"{\"eos_token_id\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]}", "at most 16"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        att_model *m = NULL;
        support_write_text(in_dir("generation_config.json"), bad[i][0]);
        assert_fails(att_model_load(&m, dir), ATT_EFORMAT, bad[i][1]);
        assert_null(m);
    }
}

static double number(const atti_json *o, const char *key)
{
    const atti_json *v = atti_json_get(o, key);
    assert_non_null(v);
    return atti_json_is_number(v) ? atti_json_number(v) : (double)atti_json_truth(v);
}

/* One exception: nobody wants sentences cut after 20 tokens because a key is absent. */
static void absent_keys_mean_what_transformers_means(void **state)
{
    (void)state;
    atti_json *doc;
    att_model *m;
    assert_ok(atti_json_load(&doc, support_golden("ends.json"), 0, 0));
    const atti_json *d = atti_json_get(doc, "defaults");
    support_write_text(in_dir("generation_config.json"), "{}");
    assert_ok(att_model_load(&m, dir));
    const atti_generation *g = &m->gen;
    assert_true(g->num_beams == number(d, "num_beams"));
    assert_true(g->num_return == number(d, "num_return_sequences"));
    assert_true((double)g->length_penalty == number(d, "length_penalty"));
    assert_true(g->early_stopping == number(d, "early_stopping"));
    assert_true(g->no_repeat_ngram == number(d, "no_repeat_ngram_size"));
    assert_true((double)g->repetition_penalty == number(d, "repetition_penalty"));
    assert_true((double)g->temperature == number(d, "temperature"));
    assert_true((double)g->top_p == number(d, "top_p"));
    assert_true(g->min_length == number(d, "min_length"));
    assert_true(g->do_sample == number(d, "do_sample"));
    assert_int_equal(g->top_k, 0); /* greedy: it plays no part */
    assert_int_equal(g->max_length, 0);
    assert_int_equal(g->n_bad + g->n_bad_seq, 0);
    att_model_destroy(m);
    support_write_text(in_dir("generation_config.json"), "{\"do_sample\":true}");
    assert_ok(att_model_load(&m, dir));
    assert_true(m->gen.top_k == number(d, "top_k"));
    att_model_destroy(m);
    atti_json_destroy(doc);
}

/* The stored config.json with one entry changed or, for NULL, taken out. */
static void change_config(const char *entry, const char *now)
{
    size_t n = 0;
    char *text = support_read(support_golden("marian_dir/config.json"), &n), *all, *at;
    all = calloc(n + 200, 1);
    memcpy(all, text, n);
    at = strstr(all, entry);
    assert_non_null(at);
    memmove(at, at + strlen(entry), strlen(at + strlen(entry)) + 1);
    if (now) {
        memmove(at + strlen(now), at, strlen(at) + 1);
        memcpy(at, now, strlen(now));
    }
    assert_int_equal(unlink(in_dir("config.json")), 0);
    support_write_text(in_dir("config.json"), all);
    free(all);
    free(text);
}

static char *translation(const att_model *m, int64_t *reached, int64_t *room)
{
    att_decode_opts o;
    att_session *s;
    att_result *r;
    const char *text = "the dog runs to the man";
    att_decode_opts_init(&o, m);
    assert_ok(att_session_create(&s, m, &o));
    assert_ok(att_translate(s, &r, &text, NULL, 1));
    char *said = strdup(att_result_sentence(r, 0)->hypotheses[0].text);
    if (reached) *reached = s->reached;
    if (room) *room = s->t_cap;
    att_result_destroy(r);
    att_session_destroy(s);
    return said;
}

/* eos_token_id of a class's default ends a source as a written one does. */
static void an_end_that_nothing_names_is_the_classs(void **state)
{
    (void)state;
    att_model *m;
    (void)unlink(in_dir("generation_config.json"));
    change_config("\"eos_token_id\": 0,", "\"eos_token_id\": 0,");
    assert_ok(att_model_load(&m, dir));
    char *want = translation(m, NULL, NULL);
    att_model_destroy(m);
    change_config("\"eos_token_id\": 0,", NULL);
    assert_ok(att_model_load(&m, dir));
    char *got = translation(m, NULL, NULL);
    att_model_destroy(m);
    assert_string_equal(got, want);
    free(want);
    free(got);
}

/* Weights that are finite, and too large to compute with. */
static void numbers_that_overflow_are_an_error(void **state)
{
    (void)state;
    att_model *m;
    const char *text[2] = {"the dog runs to the man", "the man"};
    for (int32_t beam = 1; beam <= 4; beam += 3) {
        att_decode_opts o;
        att_session *s;
        att_result *r = NULL;
        double logprob[2];
        assert_ok(att_model_load(&m, support_golden("marian_dir")));
        for (size_t i = 0; i < m->params.count; i++) m->params.data[i] = 3e38f;
        att_decode_opts_init(&o, m);
        o.beam_size = beam;
        o.n_best = 1;
        o.first_sentence = 5;
        assert_ok(att_session_create(&s, m, &o));
        assert_fails(att_translate(s, &r, text, NULL, 2), ATT_EDIVERGED,
                     "sentence 5: the model's numbers overflow at target token 0");
        assert_null(r);
        assert_fails(att_score_pairs(s, text, text, 2, logprob, NULL), ATT_EDIVERGED,
                     "overflow");
        att_session_destroy(s);
        att_model_destroy(m);
    }
}

/* A model may allow targets far beyond what it says; only what it says costs. */
static void only_positions_that_are_reached_are_filled(void **state)
{
    (void)state;
    att_model *m;
    int64_t reached = 0, room = 0;
    support_write_text(in_dir("generation_config.json"),
                       "{\"max_length\":1048576,\"eos_token_id\":[0,1,2,3,4,5,6,7,8]}");
    change_config("\"max_position_embeddings\": 64",
                  "\"max_position_embeddings\": 1048576");
    assert_ok(att_model_load(&m, dir));
    free(translation(m, &reached, &room));
    att_model_destroy(m);
    assert_true(room > 1000000);
    assert_in_range(reached, 1, 1000);
}

static int setup(void **state)
{
    int rc = support_temp_setup(state);
    make_dir();
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_tokens_as_transformers),
        cmocka_unit_test(an_end_that_nothing_names_is_the_classs),
        cmocka_unit_test(only_positions_that_are_reached_are_filled),
        cmocka_unit_test(numbers_that_overflow_are_an_error),
        cmocka_unit_test(absent_keys_mean_what_transformers_means),
        cmocka_unit_test(wrong_lists_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, setup, support_temp_teardown);
}
