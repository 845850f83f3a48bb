/* test_explain_words.c - explanations of models whose tokens are words: the weights of a
 * plain reference in double precision, the labels that tagging and classifying give,
 * gradients that keep their promise, for what looks at the words around and what does not. */
#include "attend/classify.h"
#include "attend/explain.h"
#include "attend/tape.h"
#include "attend/train.h"
#include "support.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As in test_explain.c: what the headers promise of weights. */
#define WEIGHT_TOL 1e-6

static const char sentence[] = "I saw a ünbekannt 我 saw";
static const char tagged[] = "I\tPRON\nsaw\tVERB\na\tDET\nsaw\tNOUN\n\n"
                             "a\tDET\ndog\tNOUN\nsaw\tVERB\nme\tPRON\n\n"
                             "the\tDET\nsaw\tNOUN\ncuts\tVERB\n\n";
static const char labelled[] = "label\ttext\n"
                               "good\ta fine film\nbad\ta dull film\n"
                               "good\tnot dull at all\nbad\tnot fine\n";

typedef struct looked {
    att_model *model;
    att_explainer *x;
    att_explanation *e;
} looked;

static void train(const char *dir, bool tags, const char *arch, int32_t char_state)
{
    att_train_opts o;
    char file[600];
    const char *list[1] = {file};
    att_train_opts_init(&o);
    assert_ok(att_train_preset(&o, tags ? "tag" : "classify"));
    snprintf(file, sizeof file, "%s", support_temp("train.tsv"));
    support_write_text(file, tags ? tagged : labelled);
    o.train_source = list;
    o.n_train = 1;
    o.model_dir = dir;
    o.arch = arch;
    o.d_model = 16;
    o.heads = 2;
    o.ffn = 32;
    o.encoder_layers = 2;
    o.word_dim = o.char_dim = 8;
    o.char_state = char_state;
    o.min_count = 1;
    o.window = 2;
    o.lr = 0.01f;
    o.warmup = 5;
    o.batch_tokens = 200;
    o.after = "30u";
    o.save_freq = "30u";
    o.average = 0;
    o.overwrite = 1;
    assert_ok(tags ? att_train_tag(&o, NULL) : att_train_classify(&o, NULL));
}

static looked look(bool tags, const char *arch, int32_t char_state)
{
    char dir[600];
    looked l = {0};
    snprintf(dir, sizeof dir, "%s", support_temp("model"));
    train(dir, tags, arch, char_state);
    assert_ok(att_model_load(&l.model, dir));
    assert_ok(att_explainer_create(&l.x, l.model, NULL));
    assert_ok(att_explain_text(l.x, &l.e, sentence));
    return l;
}

static void leave(looked *l)
{
    att_explanation_destroy(l->e);
    att_explainer_destroy(l->x);
    att_model_destroy(l->model);
}

/* e = softmax over s of scores, compared with weights, and out = e v. */
static void check_row(const att_head_numbers *n, int64_t t, const double *score)
{
    double top = -INFINITY, sum = 0.0;
    for (int64_t s = 0; s < n->cols; s++) top = fmax(top, score[s]);
    for (int64_t s = 0; s < n->cols; s++) sum += exp(score[s] - top);
    for (int64_t s = 0; s < n->cols; s++)
        assert_true(fabs(exp(score[s] - top) / sum -
                         (double)n->weights[t * n->cols + s]) < WEIGHT_TOL);
    for (int64_t i = 0; i < n->e; i++) {
        double y = 0.0;
        for (int64_t s = 0; s < n->cols; s++)
            y += (double)n->weights[t * n->cols + s] * (double)n->v[s * n->e + i];
        /* Values are of order 1, the sum of a few of them in f32. */
        assert_true(fabs(y - (double)n->out[t * n->e + i]) < 1e-5);
    }
}

/* Element i of row t after the rotation: pairs (j, j + d / 2), angle t 10000^(-2j / d). */
static double rotated(const float *x, int64_t d, int64_t t, int64_t i)
{
    int64_t half = d / 2, j = i % half;
    double a = (double)t * pow(10000.0, -2.0 * (double)j / (double)d);
    double u = (double)x[t * d + j], v = (double)x[t * d + j + half];
    return i < half ? u * cos(a) - v * sin(a) : v * cos(a) + u * sin(a);
}

static void check_rotary_head(const att_head_numbers *n)
{
    double score[64];
    assert_true(n->cols <= 64);
    for (int64_t t = 0; t < n->rows; t++) {
        for (int64_t s = 0; s < n->cols; s++) {
            score[s] = 0.0;
            for (int64_t i = 0; i < n->d; i++)
                score[s] += rotated(n->q, n->d, t, i) * rotated(n->k, n->d, s, i);
            score[s] /= sqrt((double)n->d);
        }
        check_row(n, t, score);
    }
}

static void check_sums(const att_attention_map *m)
{
    int64_t rows = m->n_layers * m->n_heads * m->rows;
    for (int64_t r = 0; r < rows; r++) {
        double sum = 0.0;
        for (int64_t c = 0; c < m->cols; c++)
            sum += (double)m->weights[r * m->cols + c];
        assert_true(fabs(sum - 1.0) < 1e-5);
    }
}

static void check_self_attention(const looked *l, int64_t words)
{
    att_attention_map m;
    assert_ok(att_explanation_find(l->e, &m, ATT_VIEW_ENCODER));
    assert_int_equal(m.n_layers, 2);
    assert_int_equal(m.n_heads, 2);
    assert_int_equal(m.rows, words);
    assert_int_equal(m.cols, words);
    check_sums(&m);
    for (int64_t i = 0; i < 4; i++) {
        att_head_numbers n = {.size = sizeof n};
        assert_ok(att_explain_head(l->x, l->e, m.kind, i / 2 + 1, i % 2 + 1, &n));
        assert_memory_equal(n.weights, m.weights + i * words * words,
                            (size_t)(words * words) * sizeof(float));
        check_rotary_head(&n);
        att_head_numbers_deinit(&n);
    }
}

static void check_pooling(const looked *l, int64_t words)
{
    att_attention_map m;
    assert_ok(att_explanation_find(l->e, &m, ATT_VIEW_OTHER));
    assert_int_equal(m.n_layers, 1);
    assert_int_equal(m.n_heads, 2);
    assert_int_equal(m.rows, 1);
    assert_int_equal(m.cols, words);
    assert_string_equal(m.row_tokens[0], "the text");
    assert_string_equal(m.name, "Pooling attention");
    check_sums(&m);
    for (int64_t h = 0; h < 2; h++) {
        double score[64];
        att_head_numbers n = {.size = sizeof n};
        assert_ok(att_explain_head(l->x, l->e, m.kind, 1, h + 1, &n));
        assert_int_equal(n.d, 16);
        assert_int_equal(n.e, 8);
        assert_memory_equal(n.weights, m.weights + h * words,
                            (size_t)words * sizeof(float));
        for (int64_t s = 0; s < words; s++) {
            score[s] = 0.0;
            for (int64_t i = 0; i < n.d; i++)
                score[s] += (double)n.q[i] * (double)n.k[s * n.d + i];
        }
        check_row(&n, 0, score);
        att_head_numbers_deinit(&n);
    }
}

/* Rows add up to what the words changed; a model with layer norms is less smooth. */
static void check_gradients(const looked *l, int32_t kind)
{
    int64_t said, words;
    double gap = 0.0, size = 0.0;
    (void)att_explanation_tokens(l->e, ATT_SIDE_OUTPUT, &said);
    (void)att_explanation_tokens(l->e, ATT_SIDE_SOURCE, &words);
    float *w = calloc((size_t)(said * words), sizeof *w);
    assert_non_null(w);
    assert_ok(att_explain_integrated(l->x, l->e, 256, w, &gap));
    assert_true(gap < 0.02);
    if (kind < 0) {
        assert_fails(att_explain_gradient(l->x, l->e, ATT_VIEW_ENCODER, w),
                     ATT_ENOTFOUND, "no attention");
        free(w);
        return;
    }
    assert_ok(att_explain_gradient(l->x, l->e, kind, w));
    for (int64_t i = 0; i < said * words; i++) size += fabs((double)w[i]);
    assert_true(isfinite(size) && size > 0.0);
    free(w);
}

/* What is said, and how sure, is what tagging says. */
static void check_tags(const looked *l)
{
    static const char *const words[] = {"I", "saw", "a", "ünbekannt", "我", "saw"};
    enum { N = 6 };
    const att_words one = {words, N};
    att_classifier *c = NULL;
    att_labels *r = NULL;
    char all[200] = "";
    int64_t n;
    assert_ok(att_classifier_create(&c, l->model, NULL));
    assert_ok(att_tag(c, &r, &one, 1));
    const att_labelled *y = att_labels_get(r, 0);
    const char *const *read = att_explanation_tokens(l->e, ATT_SIDE_SOURCE, &n);
    assert_int_equal(n, N + 2);
    assert_string_equal(read[0], "<s>");
    assert_string_equal(read[N + 1], "</s>");
    for (int i = 0; i < N; i++) {
        att_choice said;
        int64_t rank;
        assert_string_equal(read[i + 1], words[i]);
        (void)att_explanation_choices(l->e, i + 1, NULL, &said, &rank);
        assert_int_equal(said.id, y->best[i]);
        assert_int_equal(rank, 1);
        /* The same sums of f32 in another order. */
        assert_true(fabsf(said.probability - y->scores[i * y->n_labels + y->best[i]]) <
                    1e-5f);
        assert_string_equal(said.token, att_classifier_label(c, y->best[i]));
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "",
                 said.token);
    }
    assert_string_equal(att_explanation_output(l->e), all);
    att_labels_destroy(r);
    att_classifier_destroy(c);
}

static void test_tagger(void **state)
{
    (void)state;
    looked l = look(true, "words", 8);
    assert_int_equal(att_explanation_map_count(l.e), 1);
    check_tags(&l);
    check_self_attention(&l, 8);
    check_gradients(&l, ATT_VIEW_ENCODER);
    leave(&l);
}

static void test_classifier(void **state)
{
    (void)state;
    looked l = look(false, "words", 8);
    const char *text = sentence;
    att_classifier *c = NULL;
    att_labels *r = NULL;
    att_explanation *other = NULL;
    att_choice said;
    assert_int_equal(att_explanation_map_count(l.e), 2);
    check_self_attention(&l, 8);
    check_pooling(&l, 8);
    check_gradients(&l, ATT_VIEW_ENCODER);
    check_gradients(&l, ATT_VIEW_OTHER);
    assert_ok(att_classifier_create(&c, l.model, NULL));
    assert_ok(att_classify(c, &r, &text, NULL, 1));
    int32_t best = att_labels_get(r, 0)->best[0];
    assert_string_equal(att_explanation_output(l.e), att_classifier_label(c, best));
    /* The other label can be explained too; the weights are the same. */
    const char *name = att_classifier_label(c, 1 - best);
    assert_ok(att_explain_pair(l.x, &other, sentence, name));
    assert_string_equal(att_explanation_output(other), name);
    (void)att_explanation_choices(other, 0, NULL, &said, NULL);
    assert_int_equal(said.id, 1 - best);
    assert_fails(att_explain_pair(l.x, &other, sentence, "so-so"), ATT_EINVAL,
                 "'so-so' is no label: the model has 2");
    att_explanation_destroy(other);
    att_labels_destroy(r);
    att_classifier_destroy(c);
    leave(&l);
}

/* Nothing attends in these but what pools the words of a text. */
static void test_without_self_attention(void **state)
{
    static const char *const archs[] = {"window", "rnn", "rnn-lstm"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        att_attention_map m;
        att_explain_opts o;
        att_explainer *alone = NULL;
        att_head_loss *list = NULL;
        int64_t n;
        double base;
        const char *text[] = {"a saw"}, *tags[] = {"DET NOUN"};
        looked l = look(true, archs[i], i == 1 ? 0 : 8);
        assert_int_equal(att_explanation_map_count(l.e), 0);
        assert_fails(att_explanation_find(l.e, &m, ATT_VIEW_ENCODER), ATT_ENOTFOUND,
                     "no attention: integrated gradients");
        check_tags(&l);
        check_gradients(&l, -1);
        assert_fails(
            att_explain_heads(l.x, &list, &n, &base, text, tags, 1, NULL, NULL),
            ATT_ENOTSUP, "no heads");
        att_explain_opts_init(&o);
        o.choices = -1;
        assert_fails(att_explainer_create(&alone, l.model, &o), ATT_ENOTSUP,
                     "no weights");
        leave(&l);
        l = look(false, archs[i], 8);
        assert_int_equal(att_explanation_map_count(l.e), 1);
        check_pooling(&l, 8);
        check_gradients(&l, ATT_VIEW_OTHER);
        leave(&l);
    }
}

/* The loss with all heads is the surprise at the labels that tagging gives. */
static void test_heads(void **state)
{
    static const char *const words[] = {"I", "saw", "a", "saw"};
    const char *text[] = {"I saw a saw"}, *tags[] = {"PRON VERB DET NOUN"},
               *few[] = {"PRON"};
    const att_words one = {words, 4};
    att_head_loss *list = NULL;
    att_classifier *c = NULL;
    att_labels *r = NULL;
    int64_t n = 0;
    int differs = 0;
    double base = 0.0, want = 0.0;
    (void)state;
    looked l = look(true, "words", 8);
    assert_ok(att_explain_heads(l.x, &list, &n, &base, text, tags, 1, NULL, NULL));
    assert_int_equal(n, 4);
    assert_ok(att_classifier_create(&c, l.model, NULL));
    assert_ok(att_tag(c, &r, &one, 1));
    const att_labelled *y = att_labels_get(r, 0);
    static const char *const right[] = {"PRON", "VERB", "DET", "NOUN"};
    for (int i = 0; i < 4; i++)
        for (int32_t k = 0; k < y->n_labels; k++)
            if (strcmp(att_classifier_label(c, k), right[i]) == 0)
                want -= log((double)y->scores[i * y->n_labels + k]) / 4;
    /* Two paths of f32 sums over a few logits of order 1 to 10. */
    assert_true(fabs(base - want) < 1e-4);
    for (int64_t i = 0; i < n; i++) differs += list[i].nll != base;
    assert_true(differs > 0);
    att_free(list);
    assert_fails(att_explain_heads(l.x, &list, &n, &base, text, few, 1, NULL, NULL),
                 ATT_EINVAL, "4 words and 1 labels");
    att_labels_destroy(r);
    att_classifier_destroy(c);
    leave(&l);
    const char *texts[] = {"a fine film", "not fine"}, *labels[] = {"good", "bad"};
    l = look(false, "words", 8);
    assert_ok(att_explain_heads(l.x, &list, &n, &base, texts, labels, 2, NULL, NULL));
    assert_int_equal(n, 6); /* two layers of two, and two that pool */
    assert_int_equal(list[4].kind, ATT_VIEW_OTHER);
    assert_true(list[4].nll != base);
    att_free(list);
    leave(&l);
}

static void test_texts(void **state)
{
    static const int32_t ids[] = {1, 2};
    (void)state;
    looked l = look(true, "words", 8);
    att_explanation *e = NULL;
    int64_t n;
    assert_fails(att_explain_text(l.x, &e, " \n "), ATT_EINVAL, "without tokens");
    assert_fails(att_explain_ids(l.x, &e, ids, 2, NULL, 0, 0), ATT_ENOTSUP,
                 "takes words");
    /* A label a word; the frame keeps the model's own. */
    assert_ok(att_explain_pair(l.x, &e, "saw  me", " VERB DET"));
    assert_string_equal(att_explanation_output(e), "VERB DET");
    att_explanation_destroy(e);
    assert_fails(att_explain_pair(l.x, &e, "a", "DET DET"), ATT_EINVAL,
                 "2 labels are given for 1 words");
    assert_fails(att_explain_pair(l.x, &e, "a", "so-so"), ATT_EINVAL,
                 "'so-so' is no label");
    assert_fails(att_explain_pair(l.x, &e, "a", " "), ATT_EINVAL, "no label is given");
    assert_fails(att_explain_pair(l.x, &e, " ", "DET"), ATT_EINVAL, "without tokens");
    /* What is no UTF-8 is shown as U+FFFD; text is never markup here. */
    assert_ok(att_explain_text(l.x, &e, "a\xff </script> 😀 مرحبا"));
    const char *const *word = att_explanation_tokens(e, ATT_SIDE_SOURCE, &n);
    assert_int_equal(n, 6);
    assert_string_equal(word[1], "a\xef\xbf\xbd");
    assert_string_equal(word[2], "</script>");
    assert_string_equal(word[3], "😀");
    assert_string_equal(att_explanation_labels(e, ATT_SIDE_SOURCE, &n)[4], "مرحبا");
    att_explanation_destroy(e);
    /* Longer than the model's positions: cut as tagging does, and told. */
    char *text = malloc(2 * 11000 + 1);
    assert_non_null(text);
    for (int i = 0; i < 11000; i++) memcpy(text + 2 * (size_t)i, "a ", 3);
    e = NULL;
    assert_fails(att_explain_text(l.x, &e, text), ATT_EINVAL, "at most 10000");
    text[2 * 1000] = 0;
    assert_ok(att_explain_text(l.x, &e, text));
    (void)att_explanation_tokens(e, ATT_SIDE_SOURCE, &n);
    assert_int_equal(n - 2 + att_explanation_source_cut(e), 1000);
    assert_true(att_explanation_source_cut(e) > 0);
    att_explanation_destroy(e);
    free(text);
    att_picture *p = NULL;
    assert_ok(att_explain_model(&p, l.model, NULL));
    att_picture_destroy(p);
    leave(&l);
}

/* A whole explanation, so that what an explainer keeps does not count as lost. */
static att_status explain_all(void *ctx)
{
    static const char *const words[] = {"a", "saw"};
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    float w[16];
    att_status st = att_explainer_create(&x, ctx, NULL);
    if (st == ATT_OK) st = att_explain_words(x, &e, words, 2);
    if (st == ATT_OK) st = att_explain_gradient(x, e, ATT_VIEW_OTHER, w);
    att_explanation_destroy(e);
    att_explainer_destroy(x);
    return st;
}

static void test_memory(void **state)
{
    (void)state;
    looked l = look(false, "words", 8);
    assert_true(support_fail_every_alloc(explain_all, l.model) > 20);
    leave(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tagger),
        cmocka_unit_test(test_classifier),
        cmocka_unit_test(test_without_self_attention),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
