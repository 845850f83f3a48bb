/* test_decode_same.c - what must not matter does not: the batch, the neighbours, the order,
 * the number of threads. And every variant of the model decodes as its training
 * program computes. */
#include "attend/decode.h"
#include "attend/tape.h"
#include "base/alloc.h"
#include "base/file.h"
#include "models/marian/marian_config.h"
#include "models/save.h"
#include "support.h"
#include <math.h>
#include <string.h>

#define N 14 /* sentences */

static int32_t source[N][12], n_source[N];

static void make_sources(int64_t vocab)
{
    atti_rng r = {77, 0};
    for (int i = 0; i < N; i++) {
        n_source[i] = 2 + (int32_t)atti_rng_below(&r, 10);
        for (int j = 0; j + 1 < n_source[i]; j++) {
            source[i][j] = 2 + (int32_t)atti_rng_below(&r, (uint64_t)vocab - 4);
        }
        source[i][n_source[i] - 1] = 0;
    }
}

static att_decode_opts opts_of(int32_t beam, int32_t batch)
{
    att_decode_opts o;
    att_decode_opts_init(&o, NULL);
    o.beam_size = o.n_best = beam;
    o.batch_size = batch;
    o.max_length = 20;
    o.want_scores = 1;
    o.want_alignment = 1;
    o.seed = 5;
    return o;
}

static att_result *translate(const att_model *m, const att_decode_opts *o,
                             const int *which, int32_t n)
{
    const int32_t *ids[N];
    int32_t len[N];
    att_session *s;
    att_result *r;
    for (int i = 0; i < n; i++) {
        ids[i] = source[which[i]];
        len[i] = n_source[which[i]];
    }
    assert_ok(att_session_create(&s, m, o));
    assert_ok(att_translate_ids(s, &r, ids, len, NULL, NULL, n));
    att_session_destroy(s);
    return r;
}

static void assert_same_sentence(const att_sentence *a, const att_sentence *b)
{
    assert_int_equal(a->n_hypotheses, b->n_hypotheses);
    for (int32_t j = 0; j < a->n_hypotheses; j++) {
        const att_hypothesis *x = &a->hypotheses[j], *y = &b->hypotheses[j];
        assert_int_equal(x->n_ids, y->n_ids);
        assert_memory_equal(x->ids, y->ids, (size_t)x->n_ids * sizeof *x->ids);
        assert_same_bits(&x->score, &y->score, 1);
        assert_same_bits(&x->logprob, &y->logprob, 1);
        assert_same_bits(x->token_logprobs, y->token_logprobs, (size_t)x->n_scores);
        assert_same_bits(x->alignment, y->alignment,
                         (size_t)(x->n_scores * a->n_source));
    }
}

static void check_same(const att_model *m, att_decode_opts o)
{
    static const int32_t batches[] = {2, 5, 32};
    int all[N], back[N];
    for (int i = 0; i < N; i++) all[i] = i, back[i] = N - 1 - i;
    o.batch_size = 1;
    att_result *one = translate(m, &o, all, N);
    for (int b = 0; b < 3; b++) {
        o.batch_size = batches[b];
        int32_t before = att_set_threads(1 + b);
        att_result *r = translate(m, &o, all, N);
        for (int i = 0; i < N; i++) {
            assert_same_sentence(att_result_sentence(r, i),
                                 att_result_sentence(one, i));
        }
        att_result_destroy(r);
        /* A draw depends on the sentence's index, so sampling keeps the order. */
        if (!o.sampling) {
            r = translate(m, &o, back, N);
            for (int i = 0; i < N; i++) {
                assert_same_sentence(att_result_sentence(r, i),
                                     att_result_sentence(one, N - 1 - i));
            }
            att_result_destroy(r);
        }
        att_set_threads(before);
    }
    att_result_destroy(one);
}

static void test_batch_does_not_matter(void **state)
{
    att_model *m;
    (void)state;
    assert_ok(att_model_load(&m, support_golden("marian_dir_separate")));
    make_sources(40);
    check_same(m, opts_of(1, 1));
    check_same(m, opts_of(3, 1));
    att_decode_opts o = opts_of(1, 1);
    o.sampling = 1;
    o.temperature = 1.5f;
    check_same(m, o);
    o.top_k = 7;
    o.top_p = 0.8f;
    o.min_p = 0.02f;
    check_same(m, o);
    att_model_destroy(m);
}

static void test_sampling_follows_its_cuts(void **state)
{
    att_model *m;
    int which[N];
    (void)state;
    assert_ok(att_model_load(&m, support_golden("marian_dir_separate")));
    make_sources(40);
    for (int i = 0; i < N; i++) which[i] = i;
    att_decode_opts o = opts_of(1, 8);
    att_result *greedy = translate(m, &o, which, N), *r;
    o.sampling = 1;
    o.top_k = 1; /* one token left: greedy */
    r = translate(m, &o, which, N);
    for (int i = 0; i < N; i++) {
        assert_same_sentence(att_result_sentence(r, i), att_result_sentence(greedy, i));
    }
    att_result_destroy(r);
    o.top_k = 0;
    o.top_p = 1e-6f;
    r = translate(m, &o, which, N);
    for (int i = 0; i < N; i++) {
        assert_same_sentence(att_result_sentence(r, i), att_result_sentence(greedy, i));
    }
    att_result_destroy(r);
    /* Another seed gives other text somewhere. */
    o.top_p = 1.0f;
    o.temperature = 2.0f;
    r = translate(m, &o, which, N);
    o.seed = 6;
    att_result *other = translate(m, &o, which, N);
    int differ = 0;
    for (int i = 0; i < N; i++) {
        const att_hypothesis *a = att_result_sentence(r, i)->hypotheses;
        const att_hypothesis *b = att_result_sentence(other, i)->hypotheses;
        differ += a->n_ids != b->n_ids ||
                  memcmp(a->ids, b->ids, (size_t)a->n_ids * sizeof *a->ids) != 0;
    }
    assert_true(differ > 0);
    att_result_destroy(r);
    att_result_destroy(other);
    att_result_destroy(greedy);
    att_model_destroy(m);
}

/* ---- every variant against its training program -------------------------------- */

static void small_config(atti_marian_config *c)
{
    atti_marian_config_init(c);
    c->vocab_size = c->decoder_vocab_size = 30;
    c->d_model = 16;
    c->encoder_layers = c->decoder_layers = 2;
    c->encoder_heads = 2;
    c->decoder_heads = 4;
    c->encoder_ffn = 24;
    c->decoder_ffn = 32;
    c->max_positions = 40;
    c->activation = ATTI_ACT_RELU;
    c->scale_embedding = 1;
    c->pad_id = c->decoder_start_id = 29;
    c->eos_id = c->forced_eos_id = 0;
}

/* Sum of -log p over the targets of all sentences, by the tape. */
static double tape_nll(const atti_family *f, const atti_marian_config *c,
                       const atti_params *ps, int32_t (*tgt)[12], const int32_t *n_tgt)
{
    static int32_t src_ids[N * 12], tgt_ids[N * 12], targets[N * 12];
    int32_t so[N + 1] = {0}, to[N + 1] = {0};
    att_tape *t;
    atti_program_io io;
    atti_program_opts po = {.training = 0};
    att_tape_plan_opts plan;
    att_tensor stats;
    for (int i = 0; i < N; i++) {
        so[i + 1] = so[i] + n_source[i];
        to[i + 1] = to[i] + n_tgt[i];
        memcpy(src_ids + so[i], source[i], (size_t)n_source[i] * 4);
        memcpy(targets + to[i], tgt[i], (size_t)n_tgt[i] * 4);
        tgt_ids[to[i]] = (int32_t)c->decoder_start_id;
        memcpy(tgt_ids + to[i] + 1, tgt[i], (size_t)(n_tgt[i] - 1) * 4);
    }
    assert_ok(att_tape_create(&t));
    assert_ok(f->build(c, ps, t, &po, &io));
    att_tape_plan_opts_init(&plan);
    int64_t rows[] = {so[N], to[N], N, N + 1};
    plan.max_rows = rows;
    plan.n_max_rows = 4;
    assert_ok(att_tape_keep(t, io.stats));
    assert_ok(att_tape_plan(t, &plan));
    assert_ok(atti_family_bind(t, ps, NULL));
    assert_ok(att_tape_set(t, io.src_ids, src_ids));
    assert_ok(att_tape_set(t, io.src_offsets, so));
    assert_ok(att_tape_set(t, io.tgt_ids, tgt_ids));
    assert_ok(att_tape_set(t, io.tgt_offsets, to));
    assert_ok(att_tape_set(t, io.targets, targets));
    assert_ok(att_tape_bind(t, io.src_rows, so[N]));
    assert_ok(att_tape_bind(t, io.tgt_rows, to[N]));
    assert_ok(att_tape_bind(t, io.seqs, N));
    assert_ok(att_tape_forward(t, 1, 1, 0));
    assert_ok(att_tape_value(t, &stats, io.stats));
    double nll = (double)((const float *)stats.data)[1];
    att_tape_destroy(t);
    return nll;
}

static double decoded_nll(const att_model *m, int32_t (*tgt)[12], const int32_t *n_tgt)
{
    const int32_t *ids[N], *pre[N];
    att_decode_opts o = opts_of(1, 4);
    att_session *s;
    att_result *r;
    double nll = 0.0;
    o.want_alignment = 0;
    for (int i = 0; i < N; i++) ids[i] = source[i], pre[i] = tgt[i];
    assert_ok(att_session_create(&s, m, &o));
    assert_ok(att_translate_ids(s, &r, ids, n_source, pre, n_tgt, N));
    for (int i = 0; i < N; i++) {
        const att_hypothesis *h = att_result_sentence(r, i)->hypotheses;
        for (int32_t t = 0; t < n_tgt[i]; t++) nll -= (double)h->token_logprobs[t];
    }
    att_result_destroy(r);
    att_session_destroy(s);
    return nll;
}

static void check_variant(atti_marian_config *c, const char *what)
{
    const char *dir = support_temp(what);
    int32_t tgt[N][12], n_tgt[N];
    atti_params ps = {0};
    att_model *m;
    atti_rng r = {99, 0};
    assert_ok(atti_marian_config_check(c));
    const atti_family *f = atti_family_find(c->is_plain_marian ? "marian" : "attend");
    assert_ok(f->declare(c, &ps));
    assert_ok(atti_params_alloc(&ps));
    atti_params_init_values(&ps, 3);
    for (size_t i = 0; i < ps.n; i++) { /* biases start at zero: give them a say */
        for (int64_t j = 0; ps.p[i].init == ATTI_INIT_ZERO && j < ps.p[i].count; j++) {
            ps.data[ps.p[i].offset + (size_t)j] = 0.2f * (float)atti_rng_normal(&r);
        }
    }
    /* Training leaves the padding class out of the softmax; decoding, like
     * transformers, does not: a bias of -10000 makes them one. */
    ps.data[atti_params_find(&ps, "final_logits_bias")->offset + 29] = -10000.0f;
    assert_ok(atti_mkdir_all(dir));
    atti_save save = {.family = f, .cfg = c, .params = &ps};
    assert_ok(atti_model_save(dir, &save));
    assert_ok(att_model_load(&m, dir));
    make_sources(30);
    for (int i = 0; i < N; i++) {
        n_tgt[i] = 1 + (int32_t)atti_rng_below(&r, 11);
        for (int j = 0; j + 1 < n_tgt[i]; j++) {
            tgt[i][j] = 1 + (int32_t)atti_rng_below(&r, 27);
        }
        tgt[i][n_tgt[i] - 1] = 0;
    }
    double want = tape_nll(f, c, &ps, tgt, n_tgt), got = decoded_nll(m, tgt, n_tgt);
    /* Some 100 tokens of order 4, each off by at most 1e-4: see test_decode_hf.c. */
    if (!(fabs(got - want) <= 1e-5 * want)) {
        fail_msg("%s: %.6f decoding, %.6f training", what, got, want);
    }
    check_same(m, opts_of(2, 1));
    att_model_destroy(m);
    atti_params_deinit(&ps);
}

static void test_variants(void **state)
{
    static const char *const positions[] = {"sinusoidal", "interleaved", "learned",
                                            "none",       "relative",    "rope",
                                            "alibi",      "t5"};
    static const char *const scores[] = {"dot", "general", "additive", "gat", "cosine"};
    static const char *const norms[] = {"relu", "relu-row", "hard", "sparsemax"};
    atti_marian_config c;
    (void)state;
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        small_config(&c);
        assert_ok(atti_marian_set_positions(&c, positions[i]));
        check_variant(&c, positions[i]);
    }
    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        small_config(&c);
        assert_ok(atti_marian_set_score(&c, scores[i]));
        check_variant(&c, scores[i]);
    }
    for (size_t i = 0; i < sizeof norms / sizeof norms[0]; i++) {
        small_config(&c);
        assert_ok(atti_marian_set_normalise(&c, norms[i]));
        check_variant(&c, norms[i]);
    }
    small_config(&c);
    c.pre_norm = 1;
    check_variant(&c, "pre");
    c.rms_norm = 1;
    check_variant(&c, "rms");
    small_config(&c);
    c.share_embeddings = 0;
    c.tie_output = 0;
    c.decoder_vocab_size = 31;
    check_variant(&c, "untied");
}

static void test_edges(void **state)
{
    att_model *m;
    att_session *s;
    att_result *r;
    att_decode_opts o = opts_of(2, 4);
    const char *texts[] = {"", "a dog", "   "};
    int32_t long_ids[200], n[2] = {200, 3}, bad[3] = {2, 39, 0};
    const int32_t *ids[2] = {long_ids, bad};
    (void)state;
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    assert_ok(att_session_create(&s, m, &o));
    assert_ok(att_translate(s, &r, texts, NULL, 3));
    assert_int_equal(att_result_count(r), 3);
    for (int i = 0; i < 3; i += 2) {
        const att_hypothesis *h = att_result_sentence(r, i)->hypotheses;
        assert_int_equal(h->n_ids, 0);
        assert_int_equal(h->finished, 1);
        assert_string_equal(h->text, "");
    }
    assert_null(att_result_sentence(r, 3));
    att_result_destroy(r);
    assert_ok(att_translate(s, &r, texts, NULL, 0));
    assert_int_equal(att_result_count(r), 0);
    att_result_destroy(r);
    /* Longer than the model's 64 positions: cut, </s> kept, and said. */
    for (int i = 0; i < 200; i++) long_ids[i] = i < 199 ? 2 + i % 30 : 0;
    assert_fails(att_translate_ids(s, &r, ids, n, NULL, NULL, 2), ATT_EINVAL, "id 39");
    assert_ok(att_translate_ids(s, &r, ids, n, NULL, NULL, 1));
    assert_int_equal(att_result_sentence(r, 0)->source_cut, 136);
    assert_int_equal(att_result_sentence(r, 0)->source_ids[63], 0);
    att_result_destroy(r);
    att_session_destroy(s);
    att_model_destroy(m);
}

/* A text drawn in pieces is drawn as in one call. */
static void test_draws_go_by_number(void **state)
{
    att_model *m;
    att_session *s;
    att_result *whole, *part;
    att_decode_opts o = opts_of(1, 4);
    const int32_t *ids[N];
    (void)state;
    o.sampling = 1;
    o.temperature = 1.5f;
    make_sources(39);
    for (int i = 0; i < N; i++) ids[i] = source[i];
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    o.first_sentence = 100;
    assert_ok(att_session_create(&s, m, &o));
    assert_ok(att_translate_ids(s, &whole, ids, n_source, NULL, NULL, N));
    for (int i = 0; i < N; i++) {
        assert_ok(att_session_set_first(s, 100 + i));
        assert_ok(att_translate_ids(s, &part, ids + i, n_source + i, NULL, NULL, 1));
        assert_same_sentence(att_result_sentence(part, 0),
                             att_result_sentence(whole, i));
        att_result_destroy(part);
    }
    /* The number is what decides, not the place in the call. */
    int other = 0;
    assert_ok(att_session_set_first(s, 7));
    assert_ok(att_translate_ids(s, &part, ids, n_source, NULL, NULL, N));
    for (int i = 0; i < N; i++) {
        const att_hypothesis *a = att_result_sentence(part, i)->hypotheses;
        const att_hypothesis *b = att_result_sentence(whole, i)->hypotheses;
        other += a->logprob != b->logprob;
    }
    assert_true(other > 0);
    att_result_destroy(part);
    att_result_destroy(whole);
    assert_fails(att_session_set_first(s, -1), ATT_EINVAL, "first_sentence");
    assert_fails(att_session_set_first(NULL, 0), ATT_EINVAL, "NULL");
    att_session_destroy(s);
    att_model_destroy(m);
}

static int32_t cancel_at_third(void *user)
{
    return ++*(int *)user >= 3;
}

static void test_cancel(void **state)
{
    att_model *m;
    att_session *s;
    att_result *r = NULL;
    att_decode_opts o = opts_of(1, 4);
    int calls = 0;
    const char *text = "a dog sees a cat";
    (void)state;
    o.cancel = cancel_at_third;
    o.user = &calls;
    o.min_length = 10;
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    assert_ok(att_session_create(&s, m, &o));
    assert_fails(att_translate(s, &r, &text, NULL, 1), ATT_ECANCELLED, "cancelled");
    assert_null(r);
    calls = -100; /* the session goes on working */
    assert_ok(att_translate(s, &r, &text, NULL, 1));
    att_result_destroy(r);
    att_session_destroy(s);
    att_model_destroy(m);
}

/* A step allocates nothing: translating longer makes the same number of allocations. */
static void test_steps_do_not_allocate(void **state)
{
    att_model *m;
    att_session *s;
    att_result *r;
    att_decode_opts o = opts_of(3, 4);
    const char *text = "the dog runs to the man";
    uint64_t calls[3];
    (void)state;
    o.want_alignment = 0; /* looking at weights may take scratch */
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    for (int k = 0; k < 2; k++) {
        o.max_length = k ? 28 : 14;
        o.min_length = o.max_length;
        o.max_length_factor = 0.0f;
        assert_ok(att_session_create(&s, m, &o));
        for (int i = 0; i < 2; i++) { /* the second call has its buffers already */
            uint64_t before = atti_alloc_calls();
            assert_ok(att_translate(s, &r, &text, NULL, 1));
            calls[k] = atti_alloc_calls() - before;
            att_result_destroy(r);
        }
        att_session_destroy(s);
    }
    assert_int_equal(calls[0], calls[1]);
    att_model_destroy(m);
}

static void test_score_pairs(void **state)
{
    att_model *m;
    att_session *s;
    const char *src[] = {"a dog", "the cat sees a man"}, *tgt[] = {"the cat", "a dog"};
    double both[2], one;
    int32_t n[2];
    att_decode_opts o = opts_of(4, 8);
    (void)state;
    assert_ok(att_model_load(&m, support_golden("marian_dir")));
    assert_ok(att_session_create(&s, m, &o));
    assert_ok(att_score_pairs(s, src, tgt, 2, both, n));
    assert_ok(att_score_pairs(s, src + 1, tgt + 1, 1, &one, NULL));
    assert_true(one == both[1]);
    assert_true(both[0] < 0.0 && n[0] > 1);
    /* Nothing said at the source is still a source: </s>, as other sentences end. */
    const char *none = "";
    int32_t many;
    assert_ok(att_score_pairs(s, &none, tgt, 1, &one, &many));
    assert_true(one < 0.0 && isfinite(one));
    assert_int_equal(many, n[0]); /* the same target */
    att_session_destroy(s);
    att_model_destroy(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_does_not_matter),
        cmocka_unit_test(test_sampling_follows_its_cuts),
        cmocka_unit_test_setup_teardown(test_variants, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_draws_go_by_number),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_steps_do_not_allocate),
        cmocka_unit_test(test_score_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
