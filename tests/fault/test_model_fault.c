/* test_model_fault.c - opening a model and translating with it while each allocation of the
 * library fails in turn: ATT_ENOMEM, a message, nothing left behind; and the session that
 * ran out of memory works again when there is some. */
#include "support.h"

#include "attend/decode.h"
#include "attend/tape.h" /* att_free */
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

static const char *const texts[] = {"A man is here.", ""};

static att_status load_only(void *ctx)
{
    att_model *m = NULL;
    ATTI_TRY(att_model_load(&m, ctx));
    att_model_destroy(m);
    return ATT_OK;
}

static void models(void **state)
{
    (void)state;
    char dir[1000];
    const char *const names[] = {"marian_dir", "marian_dir_separate"};
    for (int i = 0; i < 2; i++) {
        strcpy(dir, support_golden(names[i]));
        assert_ok(load_only(dir)); /* what is made once for the process exists now */
        assert_true(support_fail_every_alloc(load_only, dir) >= 20);
    }
}

static att_status encode_and_decode(void *ctx)
{
    int32_t *ids = NULL;
    size_t n = 0;
    char *text = NULL;
    ATTI_TRY(att_model_encode(ctx, 0, texts[0], strlen(texts[0]), &ids, &n));
    att_status st = att_model_decode(ctx, 0, ids, n, &text);
    att_free(ids);
    if (st == ATT_OK) att_free(text);
    return st;
}

static void texts_and_ids(void **state)
{
    (void)state;
    att_model *m = NULL;
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    assert_ok(encode_and_decode(m));
    assert_true(support_fail_every_alloc(encode_and_decode, m) >= 3);
    att_model_destroy(m);
}

typedef struct work {
    char dir[1000];
    int32_t beam, sampling, score;
} work;

/* Everything from the directory to the words, so that also what a model prepares for its
 * first session is made anew each time. */
static att_status translate(void *ctx)
{
    const work *w = ctx;
    att_model *m = NULL;
    att_session *s = NULL;
    att_result *r = NULL;
    ATTI_TRY(att_model_load(&m, w->dir));
    att_decode_opts o;
    att_decode_opts_init(&o, m);
    o.beam_size = o.n_best = w->beam;
    o.sampling = w->sampling;
    o.max_length = 6;
    o.want_scores = o.want_alignment = 1;
    att_status st = att_session_create(&s, m, &o);
    if (st == ATT_OK && w->score) {
        double logprob[2];
        st = att_score_pairs(s, texts, texts, 2, logprob, NULL);
    } else if (st == ATT_OK) {
        st = att_translate(s, &r, texts, NULL, 2);
        att_result_destroy(r);
    }
    att_session_destroy(s);
    att_model_destroy(m);
    return st;
}

static void translations(void **state)
{
    (void)state;
    work w = {.beam = 1};
    strcpy(w.dir, support_golden("marian_dir"));
    for (int i = 0; i < 4; i++) {
        w.beam = i == 1 ? 3 : 1;
        w.sampling = i == 2;
        w.score = i == 3;
        assert_ok(translate(&w));
        assert_true(support_fail_every_alloc(translate, &w) >= 40);
    }
}

static void a_session_recovers(void **state)
{
    (void)state;
    att_model *m = NULL;
    att_session *s = NULL;
    att_result *r = NULL;
    char want[500];
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    assert_ok(att_session_create(&s, m, NULL));
    assert_ok(att_translate(s, &r, texts, NULL, 2));
    snprintf(want, sizeof want, "%s", att_result_sentence(r, 0)->hypotheses[0].text);
    att_result_destroy(r);
    att_session_destroy(s);
    int failures = 0;
    for (uint64_t n = 1;; n++) {
        assert_ok(att_session_create(&s, m, NULL));
        r = NULL;
        atti_alloc_fail_at(n);
        att_status st = att_translate(s, &r, texts, NULL, 2);
        atti_alloc_fail_at(0);
        if (st != ATT_OK) {
            assert_int_equal(st, ATT_ENOMEM);
            assert_null(r);
            failures++;
            assert_ok(att_translate(s, &r, texts, NULL, 2));
        }
        assert_string_equal(att_result_sentence(r, 0)->hypotheses[0].text, want);
        att_result_destroy(r);
        att_session_destroy(s);
        if (st == ATT_OK) break;
    }
    assert_true(failures >= 10);
    att_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models),
        cmocka_unit_test(texts_and_ids),
        cmocka_unit_test(translations),
        cmocka_unit_test(a_session_recovers),
    };
    att_set_threads(1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
