/* Trainings of one side on the first lines of real data: what a validation reports is what
 * the finished model gives to whoever evaluates it, through the files and the decoder. */
#include "attend/train.h"
#include "support.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct seen {
    double accuracy, nll; /* of the best validation */
    int validations;
} seen;

static void watch(void *user, const att_train_report *r)
{
    seen *s = user;
    if (r->kind != 2) return;
    s->validations++;
    if (!r->best) return;
    s->accuracy = r->valid_accuracy;
    s->nll = r->valid_nll;
}

/* The beginning of a file, up to the n-th line that is `end` (NULL: any line). */
static void copy_head(const char *to, const char *from, int n, const char *end)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char line[65536];
    assert_non_null(in);
    assert_non_null(out);
    while (n > 0 && fgets(line, sizeof line, in)) {
        fputs(line, out);
        n -= !end || strcmp(line, end) == 0;
    }
    fclose(in);
    fclose(out);
}

typedef struct paths {
    char train[600], valid[600], dir[600];
    const char *list[1], *valid_list[1];
} paths;

static att_train_opts options(paths *p, const char *preset, seen *s)
{
    att_train_opts o;
    att_train_opts_init(&o);
    assert_ok(att_train_preset(&o, preset));
    snprintf(p->train, sizeof p->train, "%s", support_temp("train"));
    snprintf(p->valid, sizeof p->valid, "%s", support_temp("valid"));
    snprintf(p->dir, sizeof p->dir, "%s", support_temp(preset));
    p->list[0] = p->train;
    p->valid_list[0] = p->valid;
    o.train_source = p->list;
    o.n_train = 1;
    o.valid_source = p->valid;
    o.model_dir = p->dir;
    o.vocab_size = 600;
    o.d_model = 32;
    o.heads = 4;
    o.ffn = 64;
    o.encoder_layers = o.decoder_layers = 2;
    o.batch_tokens = 600;
    o.lr = 0.003f;
    o.warmup = 5;
    o.after = "30u";
    o.valid_freq = "10u";
    o.save_freq = "15u";
    o.average = 0;
    o.report = watch;
    o.user = s;
    return o;
}

/* The winner is the best of the validations: the evaluation counts the same items. */
static void check_labels(const paths *p, const seen *s, int64_t items)
{
    att_model *m = NULL;
    att_label_evaluation *e = NULL;
    int64_t sum = 0;
    assert_ok(att_model_load(&m, p->dir));
    assert_ok(att_evaluate_labels(&e, m, p->valid_list, 1, NULL, NULL));
    assert_int_equal(att_label_evaluation_items(e), items);
    assert_int_equal(s->validations, 3);
    /* Counts of the same logits; an item may stand on an edge that another batch's
     * last bit decides. */
    if (fabs(att_label_evaluation_accuracy(e) - s->accuracy) > 1.01 / (double)items)
        fail_msg("evaluation %g, validation %g", att_label_evaluation_accuracy(e),
                 s->accuracy);
    for (int32_t i = 0; i < att_label_evaluation_labels(e); i++) {
        att_label_figures f;
        assert_ok(att_label_evaluation_get(e, &f, i));
        assert_true(f.right <= f.said && f.right <= f.in_files);
        assert_true(f.f1 >= 0.0 && f.f1 <= 1.0);
        sum += f.in_files;
    }
    assert_int_equal(sum, items);
    const char *first = "";
    assert_true(att_label_evaluation_unknown(e, &first) == 0 || first);
    att_label_evaluation_destroy(e);
    att_model_destroy(m);
}

static void classify(void **state)
{
    (void)state;
    paths p;
    seen s = {0};
    att_train_opts o = options(&p, "classify", &s);
    copy_head(p.train, support_data("sentiment-sst2/train.tsv"), 300, NULL);
    copy_head(p.valid, support_data("sentiment-sst2/dev.tsv"), 80, NULL);
    o.length_buckets = 1;
    o.overwrite = 1;
    for (int i = 0; i < 2; i++) {
        o.arch = i ? "xlm-roberta" : "words";
        s = (seen){0};
        assert_ok(att_train_classify(&o, NULL));
        check_labels(&p, &s, 80);
    }
}

/* The finished model says what the validations said, for every architecture. */
static void tag_with(const char *arch, int32_t one_way)
{
    paths p;
    seen s = {0};
    att_train_opts o = options(&p, "tag", &s);
    const char *data = "tagging-ud-english-ewt/en_ewt-ud-train.conllu";
    copy_head(p.train, support_data(data), 120, "\n");
    copy_head(p.valid, support_data(data), 40, "\n");
    o.arch = arch;
    o.one_way = one_way;
    o.lr = 0.008f;
    o.overwrite = 1;
    assert_ok(att_train_tag(&o, NULL));
    att_label_evaluation *e = NULL;
    att_model *m = NULL;
    assert_ok(att_model_load(&m, p.dir));
    assert_ok(att_evaluate_labels(&e, m, p.valid_list, 1, NULL, NULL));
    int64_t items = att_label_evaluation_items(e);
    assert_true(items > 400);
    att_label_evaluation_destroy(e);
    att_model_destroy(m);
    check_labels(&p, &s, items);
    /* Always NOUN is right in less than a fifth. */
    if (s.accuracy < 0.25) fail_msg("%s: accuracy %.3f", arch, s.accuracy);
}

static void tag(void **state)
{
    (void)state;
    tag_with("xlm-roberta", 0);
    tag_with("words", 0);
    tag_with("window", 0);
    tag_with("rnn", 1);
    tag_with("rnn-lstm", 0);
}

static void generate(void **state)
{
    (void)state;
    static const char *const archs[] = {"llama", "gpt2"};
    for (int i = 0; i < 2; i++) {
        paths p;
        seen s = {0};
        att_train_opts o = options(&p, "lm", &s);
        copy_head(p.train, support_data("lm-tiny-shakespeare/train.txt"), 1000, NULL);
        copy_head(p.valid, support_data("lm-tiny-shakespeare/val.txt"), 200, NULL);
        o.arch = archs[i];
        o.max_length = 48;
        o.overwrite = 1;
        assert_ok(att_train_generate(&o, NULL));
        att_model *m = NULL;
        att_text_evaluation e = {.size = sizeof e};
        assert_ok(att_model_load(&m, p.dir));
        assert_ok(att_evaluate_text(&e, m, p.valid_list, 1, 0, 500));
        assert_int_equal(e.tokens, e.chars - 1);
        assert_int_equal(e.context, 48);
        /* Sums of float losses in other batches. */
        if (fabs(e.nll - s.nll) > 1e-5 * s.nll)
            fail_msg("%s: evaluation %.8f, validation %.8f", archs[i], e.nll, s.nll);
        assert_true(fabs(e.bits_per_char * (double)e.chars * log(2.0) -
                         e.nll * (double)e.tokens) < 1e-6 * e.nll * (double)e.tokens);
        assert_true(s.nll < 3.6); /* uniform: 4.1 */
        assert_fails(att_evaluate_text(&e, m, p.valid_list, 1, 49, 0), ATT_EINVAL,
                     "48 positions");
        att_model_destroy(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classify),
        cmocka_unit_test(tag),
        cmocka_unit_test(generate),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
