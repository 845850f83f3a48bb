/* test_generate.c - decoder-only models answering prompts: transformers' greedy tokens,
 * the tape's logits, the same bits for any block, batch and thread count, sliding,
 * drawing, streaming. */
#include "../models/families_case.h"
#include "attend/decode.h"
#include "attend/generate.h"

#include <math.h>

static const char *const names[] = {"llama", "llama_scaled", "llama_linear", "gpt2",
                                    "gpt2_other"};
enum { N_NAMES = sizeof names / sizeof names[0], MOST = 64 };

typedef struct prompt {
    int32_t ids[MOST], n;
} prompt;

static void read_ids(prompt *p, const atti_json *list)
{
    p->n = (int32_t)atti_json_count(list);
    for (int32_t i = 0; i < p->n; i++) p->ids[i] = case_int(list, (size_t)i);
}

/* Greedy continuations, with penalties, as transformers' generate() gives them. */
static void test_greedy(void **state)
{
    (void)state;
    for (int i = 0; i < N_NAMES; i++) {
        family_case c;
        case_open(&c, names[i]);
        const atti_json *list = atti_json_get(c.want, "generate");
        for (size_t k = 0; k < atti_json_count(list); k++) {
            const atti_json *g = atti_json_at(list, k);
            prompt p, want;
            int64_t n_new = 0, ngram = 0;
            double penalty = 1.0;
            att_lm_opts o;
            att_lm *lm = NULL;
            att_lm_result *r = NULL;
            read_ids(&p, atti_json_get(g, "prompt"));
            read_ids(&want, atti_json_get(g, "new"));
            assert_ok(atti_json_get_i64(&n_new, g, "max_new", 0, 0, 100));
            assert_ok(atti_json_get_i64(&ngram, g, "no_repeat_ngram_size", 0, 0, 100));
            assert_ok(atti_json_get_f64(&penalty, g, "repetition_penalty", 1.0));
            att_lm_opts_init(&o, c.model);
            o.max_new = (int32_t)n_new;
            o.no_repeat_ngram = (int32_t)ngram;
            o.repetition_penalty = (float)penalty;
            assert_ok(att_lm_create(&lm, c.model, &o));
            const int32_t *ids = p.ids;
            assert_ok(att_lm_generate_ids(lm, &r, &ids, &p.n, 1));
            const att_lm_answer *a = att_lm_result_answer(r, 0);
            /* transformers keeps the token that ended the text. */
            int32_t n = want.n - (a->end == ATT_LM_EOS);
            assert_int_equal(a->n_ids, n);
            for (int32_t t = 0; t < n; t++) assert_int_equal(a->ids[t], want.ids[t]);
            assert_true(a->end == ATT_LM_EOS || a->end == ATT_LM_LENGTH);
            att_lm_result_destroy(r);
            att_lm_destroy(lm);
        }
        case_close(&c);
    }
}

/* The session's logits are the tape's, to rounding (angles of rotation are made in other
 * places: 1e-6 of logits of size 10), and the same bits whatever the block. */
static void test_logits(void **state)
{
    static const int32_t blocks[] = {256, 1, 2, 7};
    (void)state;
    for (int i = 0; i < N_NAMES; i++) {
        family_case c;
        att_tensor t;
        case_open(&c, names[i]);
        case_record(&c, 1);
        case_run(&c, 0);
        assert_ok(att_tape_value(c.tape, &t, c.io.logits));
        int64_t v = t.shape[1];
        float *got = NULL, *first = NULL, lp[CASE_ROWS];
        assert_ok(atti_alloc(&got, (size_t)(CASE_ROWS * v), sizeof *got, "logits"));
        assert_ok(atti_alloc(&first, (size_t)(CASE_ROWS * v), sizeof *got, "logits"));
        for (int b = 0; b < 4; b++) {
            att_lm *lm = NULL;
            att_lm_opts o;
            att_lm_opts_init(&o, c.model);
            o.block = blocks[b];
            assert_ok(att_lm_create(&lm, c.model, &o));
            for (int64_t s = 0; s < c.n_seqs; s++) {
                int32_t from = c.offsets[s], n = c.offsets[s + 1] - from;
                float *to = got + from * v;
                assert_ok(att_lm_logits(lm, c.ids + from, n, to));
                assert_close(to, (const float *)t.data + from * v, (size_t)(n * v),
                             2e-5, 2e-5);
                assert_ok(att_lm_score(lm, c.ids + from, n, lp));
                for (int32_t k = 0; k + 1 < n; k++) {
                    double sum = 0.0;
                    for (int64_t j = 0; j < v; j++) sum += exp((double)to[k * v + j]);
                    double want = (double)to[k * v + c.ids[from + k + 1]] - log(sum);
                    assert_true(fabs((double)lp[k] - want) < 1e-5);
                }
            }
            if (b == 0) memcpy(first, got, (size_t)(c.n_rows * v) * sizeof *got);
            assert_same_bits(got, first, (size_t)(c.n_rows * v));
            att_lm_destroy(lm);
        }
        atti_free(got);
        atti_free(first);
        case_close(&c);
    }
}

/* All prompts of a file at once; a digest of what they say goes to out. */
static int32_t answers(const family_case *c, const att_lm_opts *o, int32_t *out,
                       float *scores)
{
    const int32_t *ids[CASE_SEQS];
    int32_t n_ids[CASE_SEQS], n = 0;
    att_lm *lm = NULL;
    att_lm_result *r = NULL;
    for (int64_t s = 0; s < c->n_seqs; s++) {
        ids[s] = c->ids + c->offsets[s];
        n_ids[s] = c->offsets[s + 1] - c->offsets[s];
    }
    assert_ok(att_lm_create(&lm, c->model, o));
    assert_ok(att_lm_generate_ids(lm, &r, ids, n_ids, (int32_t)c->n_seqs));
    assert_int_equal(att_lm_result_count(r), c->n_seqs);
    for (int32_t s = 0; s < c->n_seqs; s++) {
        const att_lm_answer *a = att_lm_result_answer(r, s);
        for (int32_t t = 0; t < a->n_ids; t++, n++) {
            out[n] = a->ids[t];
            scores[n] = a->logprobs[t];
        }
    }
    att_lm_result_destroy(r);
    att_lm_destroy(lm);
    return n;
}

/* Greedy and drawn answers do not depend on batch, block or neighbours. */
static void test_same(void **state)
{
    static const int32_t shapes[][2] = {{16, 256}, {1, 256}, {2, 3}, {5, 1}};
    (void)state;
    for (int i = 0; i < N_NAMES; i++)
        for (int sampling = 0; sampling < 2; sampling++) {
            family_case c;
            int32_t first[300], again[300], n_first = 0;
            float want[300], got[300];
            case_open(&c, names[i]);
            for (int k = 0; k < 4; k++) {
                att_lm_opts o;
                att_lm_opts_init(&o, c.model);
                o.max_new = 30;
                o.min_new = 5;
                o.want_scores = 1;
                o.sampling = sampling;
                o.temperature = 1.5f;
                o.top_k = 40;
                o.top_p = 0.95f;
                o.seed = 7;
                o.batch_size = shapes[k][0];
                o.block = shapes[k][1];
                int32_t n = answers(&c, &o, k ? again : first, k ? got : want);
                if (k == 0) n_first = n;
                assert_int_equal(n, n_first);
                if (k == 0) continue;
                assert_memory_equal(again, first, (size_t)n * sizeof *first);
                assert_same_bits(got, want, (size_t)n);
            }
            assert_true(n_first >= 25);
            case_close(&c);
        }
}

/* Past the context the newer half goes on as a prompt of its own. */
static void test_slide(void **state)
{
    (void)state;
    for (int i = 0; i < N_NAMES; i++) {
        family_case c;
        att_lm_opts o;
        att_lm *lm = NULL, *fresh = NULL;
        att_lm_result *r = NULL, *q = NULL;
        case_open(&c, names[i]);
        att_lm_opts_init(&o, c.model);
        o.context = 16;
        o.max_new = o.min_new = 40;
        const int32_t *ids = c.ids + c.offsets[3];
        int32_t n = c.offsets[4] - c.offsets[3], all[MOST * 2];
        /* Without sliding it ends, and says so. */
        assert_ok(att_lm_create(&lm, c.model, &o));
        assert_int_equal(att_lm_context(lm), 16);
        assert_ok(att_lm_generate_ids(lm, &r, &ids, &n, 1));
        const att_lm_answer *a = att_lm_result_answer(r, 0);
        assert_int_equal(a->end, ATT_LM_CONTEXT);
        assert_int_equal(a->n_ids, 16 - n + 1);
        att_lm_result_destroy(r);
        att_lm_destroy(lm);
        o.slide = 1;
        lm = NULL;
        assert_ok(att_lm_create(&lm, c.model, &o));
        assert_ok(att_lm_generate_ids(lm, &r, &ids, &n, 1));
        a = att_lm_result_answer(r, 0);
        assert_int_equal(a->n_ids, 40);
        memcpy(all, ids, (size_t)n * sizeof *all);
        memcpy(all + n, a->ids, 40 * sizeof *all);
        /* 16 tokens are full: token 17 is known, the last 8 and it are the new context. */
        att_lm_opts one = o;
        one.max_new = one.min_new = 1;
        assert_ok(att_lm_create(&fresh, c.model, &one));
        const int32_t *again = all + 16 - 8;
        int32_t nine = 9;
        assert_ok(att_lm_generate_ids(fresh, &q, &again, &nine, 1));
        assert_int_equal(att_lm_result_answer(q, 0)->ids[0], all[17]);
        att_lm_result_destroy(q);
        /* A prompt longer than the context keeps its end. */
        const int32_t *whole = all;
        int32_t many = n + 20;
        assert_ok(att_lm_generate_ids(fresh, &q, &whole, &many, 1));
        assert_int_equal(att_lm_result_answer(q, 0)->n_prompt, 8);
        assert_int_equal(att_lm_result_answer(q, 0)->prompt_cut, many - 8);
        att_lm_result_destroy(q);
        att_lm_result_destroy(r);
        att_lm_destroy(fresh);
        att_lm_destroy(lm);
        case_close(&c);
    }
}

/* Draws follow the distribution: over many prompts' first tokens, chi-square by token. */
static void test_drawing(void **state)
{
    (void)state;
    enum { N = 2000, V = 96 };
    family_case c;
    att_lm_opts o;
    att_lm *lm = NULL;
    att_lm_result *r = NULL;
    const int32_t **ids = NULL;
    int32_t *n_ids = NULL, count[V] = {0}, n = 3;
    float logits[3 * V];
    case_open(&c, "gpt2");
    att_lm_opts_init(&o, c.model);
    o.sampling = 1;
    o.max_new = 1;
    o.min_new = 0;
    o.temperature = 2.0f;
    o.batch_size = 64;
    assert_ok(att_lm_create(&lm, c.model, &o));
    assert_ok(att_lm_logits(lm, c.ids + c.offsets[2], n, logits));
    assert_ok(atti_alloc(&ids, N, sizeof *ids, "prompts"));
    assert_ok(atti_alloc(&n_ids, N, sizeof *n_ids, "prompts"));
    for (int i = 0; i < N; i++) ids[i] = c.ids + c.offsets[2], n_ids[i] = n;
    assert_ok(att_lm_generate_ids(lm, &r, ids, n_ids, N));
    for (int32_t i = 0; i < N; i++) {
        const att_lm_answer *a = att_lm_result_answer(r, i);
        count[a->n_ids ? a->ids[0] : 2]++;
    }
    double sum = 0.0, chi = 0.0;
    for (int k = 0; k < V; k++) sum += exp((double)logits[2 * V + k] / 2.0);
    int cells = 0;
    double rare = 0.0, rare_count = 0.0;
    for (int k = 0; k < V; k++) {
        double want = N * exp((double)logits[2 * V + k] / 2.0) / sum;
        if (want < 5.0) {
            rare += want, rare_count += count[k];
            continue;
        }
        chi += (count[k] - want) * (count[k] - want) / want;
        cells++;
    }
    if (rare > 0.0) chi += (rare_count - rare) * (rare_count - rare) / rare;
    /* Mean `cells`, deviation sqrt(2 cells): five deviations above is never by chance. */
    assert_true(cells > 5);
    if (chi > cells + 5.0 * sqrt(2.0 * cells))
        fail_msg("chi-square %g over %d cells", chi, cells);
    atti_free(ids);
    atti_free(n_ids);
    att_lm_result_destroy(r);
    att_lm_destroy(lm);
    case_close(&c);
}

static void test_refused(void **state)
{
    (void)state;
    family_case c, b;
    att_lm *lm = NULL;
    att_lm_result *r = NULL;
    att_lm_opts o;
    att_session *s = NULL;
    int32_t long_prompt[65] = {0}, n = 65, odd = 96, one = 1;
    const int32_t *ids = long_prompt;
    case_open(&c, "llama");
    case_open(&b, "bert_token");
    assert_fails(att_lm_create(&lm, b.model, NULL), ATT_ENOTSUP, "bert");
    assert_ok(att_lm_create(&lm, c.model, NULL));
    /* What the language model prepared is not mistaken for a translator's engine. */
    assert_fails(att_session_create(&s, c.model, NULL), ATT_ENOTSUP, "llama");
    assert_fails(att_lm_generate_ids(lm, &r, &ids, &n, 1), ATT_EINVAL, "context is 64");
    n = 0;
    assert_fails(att_lm_generate_ids(lm, &r, &ids, &n, 1), ATT_EINVAL, "no tokens");
    ids = &odd;
    assert_fails(att_lm_generate_ids(lm, &r, &ids, &one, 1), ATT_EINVAL, "is 96");
    const char *text = "hello";
    assert_fails(att_lm_generate(lm, &r, &text, 1), ATT_ENOTFOUND, "tokenizer");
    assert_null(r);
    att_lm_destroy(lm);
    att_lm_opts_init(&o, c.model);
    o.context = 65;
    assert_fails(att_lm_create(&lm, c.model, &o), ATT_EINVAL, "made for 64");
    o.context = 0;
    o.temperature = NAN;
    assert_fails(att_lm_create(&lm, c.model, &o), ATT_EINVAL, "temperature");
    o.temperature = 1.0f;
    o.stop = &text;
    o.n_stop = 1;
    assert_fails(att_lm_create(&lm, c.model, &o), ATT_ENOTFOUND, "stop strings");
    case_close(&b);
    case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),  cmocka_unit_test(test_logits),
        cmocka_unit_test(test_same),    cmocka_unit_test(test_slide),
        cmocka_unit_test(test_drawing), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
