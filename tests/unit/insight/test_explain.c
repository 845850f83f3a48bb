/* test_explain.c - explanations show what the model really did: the weights of the decode
 * session, those of a plain double-precision reference, probabilities that decoding found,
 * gradients that keep their promises. */
#include "attend/classify.h"
#include "attend/explain.h"
#include "attend/tape.h"
#include "base/alloc.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weights are at most 1; scores of order 10 in f32 with another order of sums than the
 * reference or the step-by-step path differ by some 1e-6 relative at worst, weights by
 * less: what the headers promise. */
#define WEIGHT_TOL 1e-6

static const char text[] = "a dog sees a cat";

typedef struct fixture {
    att_model *model;
    att_explainer *x;
    att_explanation *e;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_ok(att_model_load(&f->model, support_golden("marian_dir")));
    assert_ok(att_explainer_create(&f->x, f->model, NULL));
    assert_ok(att_explain_text(f->x, &f->e, text));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    att_explanation_destroy(f->e);
    att_explainer_destroy(f->x);
    att_model_destroy(f->model);
    free(f);
    return 0;
}

static const float *head_at(const att_attention_map *m, int64_t l, int64_t h)
{
    return m->weights + (l * m->n_heads + h) * m->rows * m->cols;
}

static void test_same_as_decoding(void **state)
{
    fixture *f = *state;
    att_attention_map m;
    assert_ok(att_explanation_find(f->e, &m, ATT_VIEW_CROSS));
    for (int32_t l = 0; l < m.n_layers; l++) {
        for (int32_t h = 0; h < m.n_heads; h++) {
            const char *texts = text;
            att_decode_opts o;
            att_session *s;
            att_result *r;
            att_decode_opts_init(&o, f->model);
            o.want_alignment = o.want_scores = 1;
            o.align_layer = l;
            o.align_head = h;
            o.n_best = 1;
            assert_ok(att_session_create(&s, f->model, &o));
            assert_ok(att_translate(s, &r, &texts, NULL, 1));
            const att_hypothesis *y = &att_result_sentence(r, 0)->hypotheses[0];
            assert_string_equal(y->text, att_explanation_output(f->e));
            assert_int_equal(y->n_scores, m.rows);
            const float *w = head_at(&m, l, h);
            for (int64_t i = 0; i < m.rows * m.cols; i++)
                assert_true(fabs((double)(w[i] - y->alignment[i])) < WEIGHT_TOL);
            for (int64_t t = 0; t < m.rows; t++) {
                att_choice said;
                (void)att_explanation_choices(f->e, t, NULL, &said, NULL);
                /* Logits of order 10, rounded in another order: see test_decode_hf.c. */
                assert_true(fabs(log((double)said.probability) -
                                 (double)y->token_logprobs[t]) < 1e-4);
            }
            assert_true(fabs(att_explanation_logprob(f->e) - (double)y->logprob) <
                        1e-3);
            att_result_destroy(r);
            att_session_destroy(s);
        }
    }
}

/* Wherever a sentence stood among others, and however often its beam was reordered: every
 * head's weights are those of the output that won. */
static void test_beams_and_batches(void **state)
{
    static const char *const texts[] = {
        "a dog sees a cat",  "a cat", "a dog sees a cat and a cat sees a dog",
        "a cat sees a dog.", "dog",   "sees a dog a cat sees"};
    enum { N = 6 };
    fixture *f = *state;
    att_attention_map m;
    att_decode_opts o;
    att_decode_opts_init(&o, f->model);
    o.want_alignment = o.want_scores = 1;
    o.beam_size = 4;
    o.n_best = 1;
    o.batch_size = 4;
    o.min_length = 5;
    assert_ok(att_explanation_find(f->e, &m, ATT_VIEW_CROSS));
    for (int32_t l = 0; l < m.n_layers; l++) {
        for (int32_t h = 0; h < m.n_heads; h++) {
            att_session *s;
            att_result *r;
            o.align_layer = l;
            o.align_head = h;
            assert_ok(att_session_create(&s, f->model, &o));
            assert_ok(att_translate(s, &r, texts, NULL, N));
            for (int32_t i = 0; i < N; i++) {
                const att_sentence *one = att_result_sentence(r, i);
                const att_hypothesis *y = &one->hypotheses[0];
                att_explanation *e = NULL;
                att_attention_map c;
                assert_ok(att_explain_ids(f->x, &e, one->source_ids, one->n_source,
                                          y->ids, y->n_ids, y->n_scores > y->n_ids));
                assert_ok(att_explanation_find(e, &c, ATT_VIEW_CROSS));
                assert_int_equal(y->n_scores, c.rows);
                const float *w = head_at(&c, l, h);
                for (int64_t k = 0; k < c.rows * c.cols; k++)
                    assert_true(fabs((double)(w[k] - y->alignment[k])) < WEIGHT_TOL);
                att_explanation_destroy(e);
            }
            att_result_destroy(r);
            att_session_destroy(s);
        }
    }
}

/* softmax of the scaled scores, in double, and the weighted sum of the values. */
static void check_head(const att_head_numbers *n)
{
    for (int64_t t = 0; t < n->rows; t++) {
        double top = -INFINITY, sum = 0.0;
        for (int64_t s = 0; s < n->cols; s++)
            top = fmax(top, n->scaled[t * n->cols + s]);
        for (int64_t s = 0; s < n->cols; s++)
            sum += exp(n->scaled[t * n->cols + s] - top);
        for (int64_t s = 0; s < n->cols; s++) {
            double want = exp(n->scaled[t * n->cols + s] - top) / sum;
            assert_true(fabs(want - (double)n->weights[t * n->cols + s]) < WEIGHT_TOL);
            if (n->causal && s > t) assert_true(n->weights[t * n->cols + s] == 0.0f);
        }
        for (int64_t i = 0; i < n->e; i++) {
            double y = 0.0;
            for (int64_t s = 0; s < n->cols; s++)
                y += (double)n->weights[t * n->cols + s] * (double)n->v[s * n->e + i];
            /* Values are of order 1, the sum of a few of them in f32. */
            assert_true(fabs(y - (double)n->out[t * n->e + i]) < 1e-5);
        }
    }
}

/* The head's part of the row that W_O mixes. */
static void check_side_by_side(const att_head_numbers *n, int64_t head)
{
    assert_non_null(n->mixed);
    assert_int_equal(n->model, n->heads * n->e); /* of this model */
    for (int64_t t = 0; t < n->rows; t++)
        assert_memory_equal(n->out + t * n->e,
                            n->all_heads + (t * n->heads + head) * n->e,
                            (size_t)n->e * sizeof(float));
}

static void test_same_as_reference(void **state)
{
    fixture *f = *state;
    for (int64_t i = 0; i < att_explanation_map_count(f->e); i++) {
        att_attention_map m;
        assert_ok(att_explanation_map(f->e, &m, i));
        for (int64_t l = 0; l < m.n_layers; l++) {
            for (int64_t h = 0; h < m.n_heads; h++) {
                att_head_numbers n = {.size = sizeof n};
                assert_ok(att_explain_head(f->x, f->e, m.kind, l + 1, h + 1, &n));
                assert_int_equal(n.rows, m.rows);
                assert_int_equal(n.cols, m.cols);
                check_head(&n);
                check_side_by_side(&n, h);
                assert_memory_equal(n.weights, head_at(&m, l, h),
                                    (size_t)(m.rows * m.cols) * sizeof(float));
                att_head_numbers_deinit(&n);
            }
        }
    }
}

static void test_choices(void **state)
{
    fixture *f = *state;
    int64_t rank, t;
    int32_t n;
    att_choice said;
    assert_non_null(att_explanation_tokens(f->e, ATT_SIDE_OUTPUT, &t));
    for (int64_t i = 0; i < t; i++) {
        const att_choice *c = att_explanation_choices(f->e, i, &n, &said, &rank);
        assert_int_equal(n, 5);
        for (int32_t k = 1; k < n; k++)
            assert_true(c[k - 1].probability >= c[k].probability);
        assert_true(rank >= 1);
        if (rank <= n) assert_int_equal(c[rank - 1].id, said.id);
    }
    assert_null(att_explanation_choices(f->e, t, &n, NULL, NULL));
    assert_int_equal(n, 0);
}

static void check_rows(const float *w, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0.0;
        for (int64_t c = 0; c < cols; c++) {
            assert_true(w[r * cols + c] >= 0.0f);
            sum += (double)w[r * cols + c];
        }
        assert_true(fabs(sum - 1.0) < 1e-5);
    }
}

static void test_rollout_and_flow(void **state)
{
    fixture *f = *state;
    int64_t t, s, cols = 0;
    (void)att_explanation_tokens(f->e, ATT_SIDE_OUTPUT, &t);
    (void)att_explanation_tokens(f->e, ATT_SIDE_SOURCE, &s);
    assert_ok(att_explain_rollout(f->e, NULL, &cols));
    assert_int_equal(cols, s + t);
    float *w = calloc((size_t)(t * cols), sizeof *w);
    assert_ok(att_explain_rollout(f->e, w, NULL));
    check_rows(w, t, cols);
    /* Nothing goes back to words that had not been read yet. */
    for (int64_t r = 0; r < t; r++)
        for (int64_t c = r + 1; c < t; c++) assert_true(w[r * cols + s + c] == 0.0f);
    assert_ok(att_explain_flow(f->e, w, NULL));
    check_rows(w, t, cols);
    for (int64_t r = 0; r < t; r++)
        for (int64_t c = r + 1; c < t; c++) assert_true(w[r * cols + s + c] == 0.0f);
    free(w);
}

/* By hand: one layer, two tokens, weights [[1,0],[0.5,0.5]]: half stays. */
static void test_rollout_by_hand(void **state)
{
    static const float w[2 * 4] = {1, 0, 0.5f, 0.5f, 1, 0, 0.5f, 0.5f};
    static const float want1[4] = {1, 0, 0.25f, 0.75f};
    /* [[1,0],[.25,.75]] squared */
    static const float want2[4] = {1, 0, 0.4375f, 0.5625f};
    att_attention_map m;
    float out[4];
    double entropy, distance;
    (void)state;
    att_attention_map_init(&m);
    m.kind = ATT_VIEW_DECODER;
    m.n_layers = m.n_heads = 1;
    m.rows = m.cols = 2;
    m.weights = w;
    assert_ok(att_attention_rollout(&m, out));
    for (int i = 0; i < 4; i++) assert_true(fabsf(out[i] - want1[i]) < 1e-7f);
    assert_ok(att_attention_statistics(&m, &entropy, &distance));
    assert_true(fabs(entropy - 0.5 * log(2.0)) < 1e-12);
    assert_true(fabs(distance - 0.25) < 1e-12);
    m.n_layers = 2;
    assert_ok(att_attention_rollout(&m, out));
    for (int i = 0; i < 4; i++) assert_true(fabsf(out[i] - want2[i]) < 1e-7f);
    m.rows = 1;
    assert_fails(att_attention_rollout(&m, out), ATT_ESHAPE, "1 rows look at 2");
}

/* ln p of token t when the weights on everything are scaled cannot be had from outside, but
 * the promise of integrated gradients can: rows add up to what the source changed. */
static void test_gradients(void **state)
{
    fixture *f = *state;
    int64_t t, s;
    double gap8 = 0, gap = 0;
    (void)att_explanation_tokens(f->e, ATT_SIDE_OUTPUT, &t);
    (void)att_explanation_tokens(f->e, ATT_SIDE_SOURCE, &s);
    float *w = calloc((size_t)(t * s), sizeof *w);
    assert_ok(att_explain_integrated(f->x, f->e, 8, w, &gap8));
    assert_ok(att_explain_integrated(f->x, f->e, 128, w, &gap));
    print_message("integrated gradients: gap %g with 8 steps, %g with 128\n", gap8,
                  gap);
    assert_true(gap < 0.02);
    assert_ok(att_explain_gradient(f->x, f->e, ATT_VIEW_CROSS, w));
    double size = 0.0;
    for (int64_t i = 0; i < t * s; i++) {
        assert_true(isfinite(w[i]));
        size += fabs((double)w[i]);
    }
    assert_true(size > 0.0);
    free(w);
}

static void test_heads(void **state)
{
    fixture *f = *state;
    const char *src[2] = {text, "a cat"}, *tgt[2] = {att_explanation_output(f->e), "x"};
    att_head_loss *list = NULL;
    int64_t n = 0, want = 0;
    double base = 0;
    assert_ok(att_explain_heads(f->x, &list, &n, &base, src, tgt, 2, NULL, NULL));
    for (int64_t i = 0; i < att_explanation_map_count(f->e); i++) {
        att_attention_map m;
        assert_ok(att_explanation_map(f->e, &m, i));
        want += m.n_layers * m.n_heads;
    }
    assert_int_equal(n, want);
    int differs = 0;
    for (int64_t i = 0; i < n; i++) {
        assert_true(isfinite(list[i].nll));
        differs += list[i].nll != base;
    }
    assert_true(differs > 0);
    att_free(list);
}

/* The loss with all heads is that of the probabilities which the model gives. */
static void check_losses(const char *name, const char *const *texts,
                         const char *const *right, int32_t n, double want)
{
    char dir[600];
    att_model *model = NULL;
    att_explainer *x = NULL;
    att_head_loss *list = NULL;
    int64_t heads = 0;
    double base = 0;
    int differs = 0;
    snprintf(dir, sizeof dir, "%s/%s", support_golden("families"), name);
    assert_ok(att_model_load(&model, dir));
    assert_ok(att_explainer_create(&x, model, NULL));
    assert_ok(att_explain_heads(x, &list, &heads, &base, texts, right, n, NULL, NULL));
    if (want == 0) { /* of a decoder: each token after the first one */
        att_explanation *e = NULL;
        int64_t t;
        assert_ok(att_explain_text(x, &e, texts[0]));
        (void)att_explanation_tokens(e, ATT_SIDE_OUTPUT, &t);
        for (int64_t i = 0; i + 1 < t; i++) {
            att_choice said;
            (void)att_explanation_choices(e, i, NULL, &said, NULL);
            want -= log((double)said.probability) / (double)(t - 1);
        }
        att_explanation_destroy(e);
    }
    /* Two paths of f32 sums over a few logits of order 1 to 10. */
    assert_true(fabs(base - want) < 1e-4);
    for (int64_t i = 0; i < heads; i++) differs += list[i].nll != base;
    assert_true(differs > 0);
    att_free(list);
    att_explainer_destroy(x);
    att_model_destroy(model);
}

/* -ln p of a label, from a classifier or, for word w, a tagger. */
static double surprise(const char *name, const char *const *words, int32_t n,
                       const char *label, int32_t w)
{
    char dir[600];
    att_model *model = NULL;
    att_classifier *c = NULL;
    att_labels *r = NULL;
    double p = 0;
    snprintf(dir, sizeof dir, "%s/%s", support_golden("families"), name);
    assert_ok(att_model_load(&model, dir));
    assert_ok(att_classifier_create(&c, model, NULL));
    if (w < 0) {
        assert_ok(att_classify(c, &r, words, NULL, 1));
    } else {
        const att_words one = {.words = words, .n = n};
        assert_ok(att_tag(c, &r, &one, 1));
    }
    const att_labelled *y = att_labels_get(r, 0);
    for (int32_t i = 0; i < att_classifier_labels(c); i++)
        if (strcmp(att_classifier_label(c, i), label) == 0)
            p = (double)y->scores[(w < 0 ? 0 : w) * att_classifier_labels(c) + i];
    att_labels_destroy(r);
    att_classifier_destroy(c);
    att_model_destroy(model);
    return -log(p);
}

static void test_heads_of_families(void **state)
{
    static const char *const words[] = {"a", "cafe"};
    const char *texts[] = {"a cafe"}, *one[] = {"O"}, *two[] = {"O I-PER"};
    (void)state;
    check_losses("text_bert_sequence", texts, one, 1,
                 surprise("text_bert_sequence", texts, 1, "O", -1));
    check_losses("text_bert_tag", texts, two, 1,
                 (surprise("text_bert_tag", words, 2, "O", 0) +
                  surprise("text_bert_tag", words, 2, "I-PER", 1)) /
                     2);
    check_losses("text_gpt2", texts, NULL, 1, 0);
}

static void test_model_picture(void **state)
{
    fixture *f = *state;
    att_picture *p = NULL;
    assert_ok(att_explain_model(&p, f->model, NULL));
    assert_true(att_picture_width(p) > 100);
    att_picture_destroy(p);
}

/* Encoders and decoders: weights are the reference's, rows sum to 1, nothing looks ahead. */
static void check_family(const char *name, int32_t kind, int says)
{
    static const int32_t ids[] = {2, 5, 7, 3, 9};
    enum { N = 5 };
    char dir[600];
    att_model *model = NULL;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    att_attention_map m;
    int64_t said, cols = 0;
    double gap = 0;
    snprintf(dir, sizeof dir, "%s/%s", support_golden("families"), name);
    assert_ok(att_model_load(&model, dir));
    assert_ok(att_explainer_create(&x, model, NULL));
    assert_ok(att_explain_ids(x, &e, ids, N, NULL, 0, 0));
    assert_int_equal(att_explanation_map_count(e), 1);
    assert_ok(att_explanation_find(e, &m, kind));
    assert_int_equal(m.rows, N);
    assert_int_equal(m.cols, N);
    for (int64_t l = 0; l < m.n_layers; l++) {
        for (int64_t h = 0; h < m.n_heads; h++) {
            att_head_numbers n = {.size = sizeof n};
            check_rows(head_at(&m, l, h), N, N);
            assert_ok(att_explain_head(x, e, kind, l + 1, h + 1, &n));
            check_head(&n);
            att_head_numbers_deinit(&n);
        }
    }
    assert_fails(att_explanation_find(e, &m, ATT_VIEW_CROSS), ATT_ENOTFOUND,
                 "no cross-attention");
    (void)att_explanation_tokens(e, ATT_SIDE_OUTPUT, &said);
    assert_int_equal(said, says);
    assert_ok(att_explain_rollout(e, NULL, &cols));
    assert_int_equal(cols, N);
    float w[N * N];
    assert_ok(att_explain_rollout(e, w, NULL));
    check_rows(w, N, N);
    assert_ok(att_explain_flow(e, w, NULL));
    check_rows(w, N, N);
    if (says) {
        assert_ok(att_explain_gradient(x, e, kind, w));
        assert_ok(att_explain_integrated(x, e, 128, w, &gap));
        assert_true(gap < 0.02);
        /* What a token says does not depend on what comes after it. */
        for (int r = 0; kind == ATT_VIEW_DECODER && r < N; r++)
            for (int c = r + 1; c < N; c++) assert_true(w[r * N + c] == 0.0f);
    } else {
        assert_fails(att_explain_gradient(x, e, kind, w), ATT_ENOTSUP, "label");
    }
    att_explanation_destroy(e);
    att_explainer_destroy(x);
    att_model_destroy(model);
}

static void test_families(void **state)
{
    (void)state;
    check_family("bert_base", ATT_VIEW_ENCODER, 0);
    check_family("bert_mlm", ATT_VIEW_ENCODER, 0);
    check_family("bert_sequence", ATT_VIEW_ENCODER, 1);
    check_family("bert_token", ATT_VIEW_ENCODER, 5);
    check_family("roberta_sequence", ATT_VIEW_ENCODER, 1);
    check_family("gpt2", ATT_VIEW_DECODER, 5);
    check_family("llama", ATT_VIEW_DECODER, 5);
    check_family("llama_scaled", ATT_VIEW_DECODER, 5);
}

/* What a byte-level or SentencePiece vocabulary writes in signs of its own. */
static void check_labels(const char *name, int32_t side, const char *said,
                         const char *const *want, int64_t n_want)
{
    char dir[600];
    att_model *model = NULL;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    int64_t n;
    int32_t k = 0;
    snprintf(dir, sizeof dir, "%s/%s", support_golden("families"), name);
    assert_ok(att_model_load(&model, dir));
    assert_ok(att_explainer_create(&x, model, NULL));
    assert_ok(att_explain_text(x, &e, said));
    const char *const *label = att_explanation_labels(e, side, &n);
    assert_int_equal(n, n_want);
    for (int64_t i = 0; i < n; i++) assert_string_equal(label[i], want[i]);
    const att_choice *c = att_explanation_choices(e, 0, &k, NULL, NULL);
    for (int32_t i = 0; i < k; i++) assert_non_null(c[i].label);
    att_explanation_destroy(e);
    att_explainer_destroy(x);
    att_model_destroy(model);
}

static void test_labels(void **state)
{
    static const char *const gpt2[] = {"<E6>", "<88>", "<91>", "a", "café", "😀", "↵"};
    static const char *const xlmr[] = {"<s>", "▁", "a", "café", "😀", "</s>"};
    (void)state;
    check_labels("text_gpt2", ATT_SIDE_PREFIX, "我 a café 😀\n", gpt2, 7);
    check_labels("text_xlmr_sequence", ATT_SIDE_SOURCE, "a café 😀", xlmr, 6);
}

static void test_refusals(void **state)
{
    fixture *f = *state;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    att_head_numbers n = {.size = sizeof n};
    att_attention_map m;
    att_explain_opts o;
    int32_t bad = 1 << 30;
    att_explain_opts_init(&o);
    o.max_tokens = 3;
    assert_ok(att_explainer_create(&x, f->model, &o));
    assert_fails(att_explain_text(x, &e, text), ATT_EINVAL, "at most 3");
    att_explainer_destroy(x);
    o.max_tokens = 100;
    o.max_bytes = 64;
    assert_ok(att_explainer_create(&x, f->model, &o));
    assert_fails(att_explain_text(x, &e, text), ATT_EINVAL, "more than 64 bytes");
    att_explainer_destroy(x);
    assert_fails(att_explain_text(f->x, &e, ""), ATT_EINVAL, "without tokens");
    assert_fails(att_explain_ids(f->x, &e, &bad, 1, NULL, 0, 1), ATT_EINVAL, "");
    assert_fails(att_explain_head(f->x, f->e, ATT_VIEW_CROSS, 99, 1, &n), ATT_EINVAL,
                 "1..");
    assert_fails(att_explanation_find(f->e, &m, ATT_VIEW_OTHER), ATT_ENOTFOUND,
                 "other attention");
    assert_fails(att_explain_integrated(f->x, f->e, 0, &(float){0}, NULL), ATT_EINVAL,
                 "1..256");
    assert_null(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_decoding),
        cmocka_unit_test(test_beams_and_batches),
        cmocka_unit_test(test_same_as_reference),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_rollout_and_flow),
        cmocka_unit_test(test_rollout_by_hand),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_heads_of_families),
        cmocka_unit_test(test_model_picture),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
