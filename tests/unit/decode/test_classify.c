/* test_classify.c - labels of texts and words, and generated text, by directories with
 * tokenizers as transformers saves them. */
#include "../models/families_case.h"
#include "attend/classify.h"
#include "attend/generate.h"

#include <math.h>

typedef struct text_case {
    att_model *model;
    atti_json *want;
} text_case;

static void open_text(text_case *c, const char *name)
{
    char dir[512], path[600];
    snprintf(dir, sizeof dir, "%s", case_path(name));
    assert_ok(att_model_load(&c->model, dir));
    snprintf(path, sizeof path, "%s/expected.json", dir);
    assert_ok(atti_json_load(&c->want, path, 0, 0));
}

static void close_text(text_case *c)
{
    att_model_destroy(c->model);
    atti_json_destroy(c->want);
}

static const char *text_at(const text_case *c, size_t i)
{
    return atti_json_string(atti_json_at(atti_json_get(c->want, "texts"), i), NULL);
}

static size_t text_count(const text_case *c)
{
    return atti_json_count(atti_json_get(c->want, "texts"));
}

/* Mixed text gives transformers' ids, special tokens included. */
static void test_ids(void **state)
{
    static const char *const names[] = {"text_bert_tag", "text_xlmr_sequence",
                                        "text_gpt2", "text_llama"};
    (void)state;
    for (int k = 0; k < 4; k++) {
        text_case c;
        open_text(&c, names[k]);
        for (size_t i = 0; i < text_count(&c); i++) {
            const atti_json *want = atti_json_at(atti_json_get(c.want, "ids"), i);
            int32_t *ids = NULL;
            size_t n = 0;
            const char *t = text_at(&c, i);
            assert_ok(att_model_encode(c.model, 0, t, strlen(t), &ids, &n));
            assert_int_equal(n, atti_json_count(want));
            for (size_t j = 0; j < n; j++) assert_int_equal(ids[j], case_int(want, j));
            att_free(ids);
        }
        close_text(&c);
    }
}

/* Probabilities lie in 0..1: 2e-6 is what logits of 1e-5 leave of them, and more. */
static void same_probs(const att_labelled *a, int32_t item, const atti_json *row)
{
    for (int32_t l = 0; l < a->n_labels; l++) {
        double want = atti_json_number(atti_json_at(row, (size_t)l));
        double got = (double)a->scores[item * a->n_labels + l];
        if (!(fabs(got - want) < 5e-6))
            fail_msg("score %.7g, expected %.7g", got, want);
        assert_true(a->scores[item * a->n_labels + a->best[item]] >=
                    a->scores[item * a->n_labels + l]);
    }
}

static void test_sequences(void **state)
{
    static const char *const names[] = {"text_bert_sequence", "text_xlmr_sequence"};
    static const int32_t rows[] = {2048, 1, 9};
    (void)state;
    for (int k = 0; k < 2; k++) {
        text_case c;
        float first[64];
        open_text(&c, names[k]);
        const char *texts[16];
        int32_t n = (int32_t)text_count(&c);
        for (int32_t i = 0; i < n; i++) texts[i] = text_at(&c, (size_t)i);
        for (int b = 0; b < 3; b++) {
            att_classifier *cl = NULL;
            att_labels *r = NULL;
            att_classify_opts o;
            att_classify_opts_init(&o);
            o.batch_rows = rows[b];
            assert_ok(att_classifier_create(&cl, c.model, &o));
            assert_int_equal(att_classifier_labels(cl), 3);
            assert_string_equal(att_classifier_label(cl, 1), "B-PER");
            assert_null(att_classifier_label(cl, 3));
            assert_ok(att_classify(cl, &r, texts, NULL, n));
            assert_int_equal(att_labels_count(r), n);
            for (int32_t i = 0; i < n; i++)
                same_probs(att_labels_get(r, i), 0,
                           atti_json_at(atti_json_get(c.want, "probs"), (size_t)i));
            const float *all = att_labels_get(r, 0)->scores;
            if (b == 0) memcpy(first, all, (size_t)n * 3 * sizeof *all);
            assert_same_bits(all, first, (size_t)n * 3);
            att_labels_destroy(r);
            att_classifier_destroy(cl);
        }
        close_text(&c);
    }
}

/* Splits at blanks, as Python does. */
static int32_t split(char *text, const char **words)
{
    int32_t n = 0;
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " ")) words[n++] = w;
    return n;
}

static void test_tags(void **state)
{
    static const char *const names[] = {"text_bert_tag", "text_xlmr_tag"};
    (void)state;
    for (int k = 0; k < 2; k++) {
        text_case c;
        open_text(&c, names[k]);
        int32_t n = (int32_t)text_count(&c);
        char copy[16][128];
        const char *words[16][16];
        att_words s[16];
        att_classifier *cl = NULL;
        att_labels *r = NULL;
        for (int32_t i = 0; i < n; i++) {
            snprintf(copy[i], sizeof copy[i], "%s", text_at(&c, (size_t)i));
            s[i].words = words[i];
            s[i].n = split(copy[i], words[i]);
        }
        assert_ok(att_classifier_create(&cl, c.model, NULL));
        assert_true(att_classifier_tags(cl));
        assert_ok(att_tag(cl, &r, s, n));
        for (int32_t i = 0; i < n; i++) {
            const att_labelled *a = att_labels_get(r, i);
            const atti_json *rows =
                atti_json_at(atti_json_get(c.want, "probs"), (size_t)i);
            assert_int_equal(a->n_items, s[i].n);
            assert_int_equal(a->cut, 0);
            for (int32_t w = 0; w < s[i].n; w++)
                same_probs(a, w, atti_json_at(rows, (size_t)w));
        }
        att_labels_destroy(r);
        att_classifier_destroy(cl);
        /* A sentence longer than the positions is tagged in parts, every word once; an
         * empty one has nothing. */
        att_classify_opts o;
        att_classify_opts_init(&o);
        o.max_length = 6;
        r = NULL;
        cl = NULL;
        assert_ok(att_classifier_create(&cl, c.model, &o));
        s[1].n = 0;
        assert_ok(att_tag(cl, &r, s, 2));
        assert_true(att_labels_get(r, 0)->cut > 0);
        assert_int_equal(att_labels_get(r, 0)->n_items, 6);
        assert_int_equal(att_labels_get(r, 1)->n_items, 0);
        att_labels_destroy(r);
        att_classifier_destroy(cl);
        close_text(&c);
    }
}

typedef struct heard {
    char text[512];
    size_t n;
    int32_t tokens, stop_after;
} heard;

static int32_t listen(void *user, const att_lm_piece *p)
{
    heard *h = user;
    assert_true(h->n + p->n_text < sizeof h->text);
    assert_true(atti_utf8_valid(p->text, p->n_text));
    memcpy(h->text + h->n, p->text, p->n_text);
    h->n += p->n_text;
    h->tokens += p->id >= 0;
    return h->stop_after && h->tokens >= h->stop_after;
}

/* Generated text is transformers' text, whole and as a stream. */
static void test_said(void **state)
{
    static const char *const names[] = {"text_gpt2", "text_llama"};
    (void)state;
    for (int k = 0; k < 2; k++) {
        text_case c;
        open_text(&c, names[k]);
        for (size_t i = 0; i < text_count(&c); i++) {
            const char *prompt = text_at(&c, i);
            const char *want =
                atti_json_string(atti_json_at(atti_json_get(c.want, "said"), i), NULL);
            heard h = {.n = 0};
            att_lm *lm = NULL;
            att_lm_result *r = NULL;
            att_lm_opts o;
            att_lm_opts_init(&o, c.model);
            o.max_new = 16;
            o.on_piece = listen;
            o.user = &h;
            assert_ok(att_lm_create(&lm, c.model, &o));
            assert_ok(att_lm_generate(lm, &r, &prompt, 1));
            assert_string_equal(att_lm_result_answer(r, 0)->text, want);
            assert_int_equal(h.n, strlen(want));
            assert_memory_equal(h.text, want, h.n);
            att_lm_result_destroy(r);
            att_lm_destroy(lm);
        }
        close_text(&c);
    }
}

/* A stop string of two characters from the middle: text and stream end before it. */
static void test_stop(void **state)
{
    (void)state;
    text_case c;
    open_text(&c, "text_llama");
    const char *prompt = text_at(&c, 0), *none = "\x01never";
    const char *said =
        atti_json_string(atti_json_at(atti_json_get(c.want, "said"), 0), NULL);
    size_t n = strlen(said), from = n / 2, len = 2;
    while (((unsigned char)said[from] & 0xc0) == 0x80) from++;
    while (((unsigned char)said[from + len] & 0xc0) == 0x80) len++;
    char word[16];
    assert_true(from + len < n && len < sizeof word);
    memcpy(word, said + from, len);
    word[len] = '\0';
    const char *stop[2] = {none, word};
    size_t at = (size_t)(strstr(said, word) - said);
    heard h = {.n = 0};
    att_lm *lm = NULL;
    att_lm_result *r = NULL;
    att_lm_opts o;
    att_lm_opts_init(&o, c.model);
    o.max_new = 16;
    o.stop = stop;
    o.n_stop = 2;
    o.on_piece = listen;
    o.user = &h;
    assert_ok(att_lm_create(&lm, c.model, &o));
    assert_ok(att_lm_generate(lm, &r, &prompt, 1));
    const att_lm_answer *a = att_lm_result_answer(r, 0);
    assert_int_equal(a->end, ATT_LM_STOP);
    assert_int_equal(a->stop, 1);
    assert_int_equal(strlen(a->text), at);
    assert_memory_equal(a->text, said, at);
    assert_int_equal(h.n, at);
    assert_memory_equal(h.text, said, at);
    att_lm_result_destroy(r);
    /* A caller who has heard enough. */
    r = NULL;
    h.stop_after = h.tokens + 1;
    assert_fails(att_lm_generate(lm, &r, &prompt, 1), ATT_ECANCELLED, "cancelled");
    assert_null(r);
    att_lm_destroy(lm);
    close_text(&c);
}

/* The numbers that bert_regression gives, by ids. */
static void test_regression(void **state)
{
    (void)state;
    family_case c;
    att_classifier *cl = NULL;
    att_labels *r = NULL;
    case_open(&c, "bert_regression");
    assert_ok(att_classifier_create(&cl, c.model, NULL));
    assert_true(att_classifier_regression(cl));
    const int32_t *ids[CASE_SEQS], *types[CASE_SEQS];
    int32_t n_ids[CASE_SEQS];
    for (int64_t s = 0; s < c.n_seqs; s++) {
        ids[s] = c.ids + c.offsets[s];
        types[s] = c.types + c.offsets[s];
        n_ids[s] = c.offsets[s + 1] - c.offsets[s];
    }
    assert_ok(att_classify_ids(cl, &r, ids, types, n_ids, (int32_t)c.n_seqs));
    for (int32_t s = 0; s < c.n_seqs; s++) {
        const atti_json *row = atti_json_at(atti_json_get(c.want, "logits"), (size_t)s);
        double want = atti_json_number(atti_json_at(row, 0));
        assert_true(fabs((double)att_labels_get(r, s)->scores[0] - want) < 5e-5);
    }
    att_labels_destroy(r);
    att_classifier_destroy(cl);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),  cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_tags), cmocka_unit_test(test_said),
        cmocka_unit_test(test_stop), cmocka_unit_test(test_regression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
