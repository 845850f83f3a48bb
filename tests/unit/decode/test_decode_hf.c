/* test_decode_hf.c - the same tokens as transformers' generate() on directories written by
 * save_pretrained (tools/make_golden_marian.py), for each way of searching. */
#include "attend/decode.h"
#include "base/alloc.h"
#include "base/json.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Log-probabilities: logits of order 10 from sums of 16..32 products in f32, rounded in
 * another order than PyTorch's: 100 roundings of 6e-8 * 10 stay below 1e-4. Scores are
 * means of those. */
#define LOGPROB_TOL 1e-4

static const char *const dirs[] = {"marian_dir", "marian_dir_separate"};

typedef struct golden {
    att_model *model;
    atti_json *doc;
    const atti_json *cases;
    size_t n;
} golden;

static golden open_golden(const char *dir)
{
    golden g = {0};
    char path[1024];
    snprintf(path, sizeof path, "%s", support_golden(dir));
    assert_ok(att_model_load(&g.model, path));
    strncat(path, "/expected.json", sizeof path - strlen(path) - 1);
    assert_ok(atti_json_load(&g.doc, path, 0, 0));
    g.cases = atti_json_get(g.doc, "cases");
    g.n = atti_json_count(g.cases);
    assert_true(g.n > 0);
    return g;
}

static void close_golden(golden *g)
{
    atti_json_destroy(g->doc);
    att_model_destroy(g->model);
}

static int32_t get_ids(const atti_json *list, int32_t *ids)
{
    size_t n = atti_json_count(list);
    assert_true(n < 64);
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int32_t)atti_json_number(atti_json_at(list, i));
    }
    return (int32_t)n;
}

static void check_ids(const att_hypothesis *h, const atti_json *want, const char *dir,
                      const char *key, size_t i)
{
    int32_t ids[64], n = get_ids(want, ids);
    bool same = n == h->n_ids && !memcmp(ids, h->ids, (size_t)n * sizeof *ids);
    if (!same)
        fail_msg("%s, case %zu, %s: other tokens than transformers", dir, i, key);
}

static att_decode_opts plain_opts(int32_t beam)
{
    att_decode_opts o;
    att_decode_opts_init(&o, NULL);
    o.beam_size = o.n_best = beam;
    o.max_length = 16;
    o.max_length_factor = 0.0f;
    o.batch_size = 3;
    return o;
}

/* All cases of one key in one call. */
static void check_key(const golden *g, const char *dir, const char *key,
                      const att_decode_opts *o)
{
    int32_t ids[16][64], n[16];
    const int32_t *at[16];
    att_session *s;
    att_result *r;
    for (size_t i = 0; i < g->n; i++) {
        n[i] = get_ids(atti_json_get(atti_json_at(g->cases, i), "source"), ids[i]);
        at[i] = ids[i];
    }
    assert_ok(att_session_create(&s, g->model, o));
    assert_ok(att_translate_ids(s, &r, at, n, NULL, NULL, (int32_t)g->n));
    for (size_t i = 0; i < g->n; i++) {
        const atti_json *want = atti_json_get(atti_json_at(g->cases, i), key);
        const att_sentence *t = att_result_sentence(r, (int32_t)i);
        if (o->beam_size == 1) {
            check_ids(&t->hypotheses[0], want, dir, key, i);
            continue;
        }
        assert_int_equal(t->n_hypotheses, o->n_best);
        for (int32_t j = 0; j < t->n_hypotheses; j++) {
            const atti_json *h = atti_json_at(want, (size_t)j);
            float score = (float)atti_json_number(atti_json_get(h, "score"));
            check_ids(&t->hypotheses[j], atti_json_get(h, "ids"), dir, key, i);
            assert_close(&t->hypotheses[j].score, &score, 1, LOGPROB_TOL, 0.0);
        }
    }
    att_result_destroy(r);
    att_session_destroy(s);
}

static void test_search(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        golden g = open_golden(dirs[d]);
        att_decode_opts o = plain_opts(1);
        check_key(&g, dirs[d], "greedy", &o);
        o.no_repeat_ngram = 2;
        check_key(&g, dirs[d], "no_repeat_2", &o);
        o = plain_opts(1);
        o.repetition_penalty = 1.3f;
        check_key(&g, dirs[d], "penalty_13", &o);
        o = plain_opts(1);
        o.min_length = 8;
        check_key(&g, dirs[d], "min_8", &o);
        o = plain_opts(4);
        check_key(&g, dirs[d], "beam", &o);
        o.early_stopping = 1;
        check_key(&g, dirs[d], "beam_early", &o);
        o.early_stopping = 2;
        check_key(&g, dirs[d], "beam_never", &o);
        o = plain_opts(4);
        o.length_alpha = 0.6f;
        check_key(&g, dirs[d], "beam_alpha06", &o);
        o = plain_opts(4);
        o.repetition_penalty = 1.3f;
        check_key(&g, dirs[d], "beam_penalty_13", &o);
        close_golden(&g);
    }
}

static void check_rows(const float *got, const atti_json *want, int32_t rows,
                       int32_t cols)
{
    float row[64];
    assert_int_equal((int32_t)atti_json_count(want), rows);
    for (int32_t t = 0; t < rows; t++) {
        const atti_json *w = atti_json_at(want, (size_t)t);
        for (int32_t i = 0; i < cols; i++) {
            row[i] = (float)atti_json_number(atti_json_at(w, (size_t)i));
        }
        /* Weights are at most 1 and come from scores of order 10. */
        assert_close(got + t * cols, row, (size_t)cols, 1e-5, 1e-4);
    }
}

/* Log-probabilities and cross-attention of a given target, with the target as a prefix
 * that goes up to </s>. */
static void check_forced(const golden *g, int32_t layer, int32_t head, const char *key)
{
    att_decode_opts o = plain_opts(1);
    att_session *s;
    o.want_scores = o.want_alignment = 1;
    o.align_layer = layer;
    o.align_head = head;
    assert_ok(att_session_create(&s, g->model, &o));
    for (size_t i = 0; i < g->n; i++) {
        const atti_json *c = atti_json_at(g->cases, i);
        const atti_json *f = atti_json_get(c, "forced"), *want;
        int32_t src[64], tgt[64], n = get_ids(atti_json_get(c, "source"), src);
        int32_t m = get_ids(atti_json_get(f, "target"), tgt);
        const int32_t *sp = src, *tp = tgt;
        float lp[64];
        att_result *r;
        tgt[m++] = 0;
        assert_ok(att_translate_ids(s, &r, &sp, &n, &tp, &m, 1));
        const att_hypothesis *h = att_result_sentence(r, 0)->hypotheses;
        want = atti_json_get(f, "logprobs");
        for (int32_t t = 0; t < m; t++) {
            lp[t] = (float)atti_json_number(atti_json_at(want, (size_t)t));
        }
        assert_true(h->n_scores >= m);
        assert_close(h->token_logprobs, lp, (size_t)m, LOGPROB_TOL, 0.0);
        check_rows(h->alignment, atti_json_get(f, key), m, n);
        att_result_destroy(r);
    }
    att_session_destroy(s);
}

static void test_forced(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        golden g = open_golden(dirs[d]);
        check_forced(&g, -1, -1, "cross_mean");
        check_forced(&g, 1, 2, "cross_1_2");
        close_golden(&g);
    }
}

/* The beam's winner carries the attention of its own tokens, whatever was reordered: it
 * equals that of the same tokens given as a prefix. */
static void test_alignment_follows_beams(void **state)
{
    golden g = open_golden(dirs[1]);
    (void)state;
    for (size_t i = 0; i < g.n; i++) {
        int32_t src[64],
            n = get_ids(atti_json_get(atti_json_at(g.cases, i), "source"), src);
        const int32_t *sp = src;
        att_decode_opts o = plain_opts(4);
        att_session *s;
        att_result *a, *b;
        o.want_alignment = 1;
        assert_ok(att_session_create(&s, g.model, &o));
        assert_ok(att_translate_ids(s, &a, &sp, &n, NULL, NULL, 1));
        for (int32_t j = 0; j < 4; j++) {
            const att_hypothesis *h = &att_result_sentence(a, 0)->hypotheses[j];
            const int32_t *pre = h->ids;
            int32_t m = h->n_ids;
            if (m == 0) continue;
            assert_ok(att_translate_ids(s, &b, &sp, &n, &pre, &m, 1));
            const att_hypothesis *p = att_result_sentence(b, 0)->hypotheses;
            assert_true(p->n_scores >= m);
            assert_same_bits(p->alignment, h->alignment, (size_t)(m * n));
            att_result_destroy(b);
        }
        att_result_destroy(a);
        att_session_destroy(s);
    }
    close_golden(&g);
}

static void test_text(void **state)
{
    golden g = open_golden(dirs[0]);
    const atti_json *texts = atti_json_get(g.doc, "texts");
    (void)state;
    for (size_t i = 0; i < atti_json_count(texts); i++) {
        const atti_json *t = atti_json_at(texts, i);
        const char *text = atti_json_string(atti_json_get(t, "text"), NULL);
        int32_t want[64], n = get_ids(atti_json_get(t, "ids"), want), *ids;
        size_t n_ids;
        char *back;
        assert_ok(att_model_encode(g.model, 0, text, strlen(text), &ids, &n_ids));
        assert_int_equal((int32_t)n_ids, n);
        assert_memory_equal(ids, want, (size_t)n * sizeof *ids);
        assert_ok(att_model_decode(g.model, 0, ids, n_ids, &back));
        assert_string_equal(back, text);
        atti_free(back);
        atti_free(ids);
    }
    close_golden(&g);
}

static void test_options_from_model(void **state)
{
    golden g = open_golden(dirs[0]);
    att_decode_opts o;
    att_session *s;
    (void)state;
    att_decode_opts_init(&o, g.model);
    assert_int_equal(o.beam_size, 1);
    assert_true(o.max_length_factor == 3.0f); /* this one gives no max_length */
    o.n_best = 2;
    assert_fails(att_session_create(&s, g.model, &o), ATT_EINVAL, "n_best");
    o.n_best = 1;
    o.sampling = 1;
    o.temperature = 0.0f;
    assert_fails(att_session_create(&s, g.model, &o), ATT_EINVAL, "temperature");
    o.sampling = 0;
    o.want_alignment = 1;
    o.align_layer = 2;
    assert_fails(att_session_create(&s, g.model, &o), ATT_EINVAL, "align_layer");
    close_golden(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_alignment_follows_beams),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_options_from_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
