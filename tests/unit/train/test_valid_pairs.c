/* Several pairs of files to validate with: each has the figures that it has alone, the
 * means decide, a resumed training knows them, and nonsense is told. */
#include "train_case.h"
#include <math.h>

typedef struct figures {
    double nll, bleu; /* of the last validation */
    char text[20000];
    int64_t update, stop_at;
} figures;

static void on_report(void *user, const att_train_report *r)
{
    figures *f = user;
    f->update = r->update;
    if (r->kind == 2) {
        f->nll = r->valid_nll;
        f->bleu = r->valid_bleu;
    }
    size_t n = strlen(f->text);
    if (r->text) snprintf(f->text + n, sizeof f->text - n, "%s\n", r->text);
}

static int32_t on_stop(void *user)
{
    const figures *f = user;
    return f->stop_at && f->update >= f->stop_at;
}

/* The case's pairs, and its source as a second target. */
static const char *sources[2], *targets[2], *const langs[2] = {"de", ">>en<<"};

static att_train_opts options(const char *dir, figures *f)
{
    att_train_opts o = case_options(dir);
    sources[0] = sources[1] = targets[1] = case_source;
    targets[0] = case_target;
    o.train_source = sources;
    o.train_target = targets;
    o.target_langs = langs;
    o.n_train = 2;
    o.valid_source = o.valid_target = NULL;
    o.valid_beam = 2;
    o.after = "14u";
    o.average = 0;
    o.report = on_report;
    o.stop = on_stop;
    o.user = f;
    return o;
}

static att_train_opts with_both(const char *dir, figures *f)
{
    att_train_opts o = options(dir, f);
    o.valid_sources = sources;
    o.valid_targets = targets;
    o.valid_langs = langs;
    o.n_valid = 2;
    o.valid_tokenize = "none,13a";
    return o;
}

static void each_has_its_figures_and_the_mean_decides(void **state)
{
    (void)state;
    figures one[2] = {{.nll = 0}}, both = {.nll = 0};
    char dir[300], path[400];
    for (int i = 0; i < 2; i++) {
        snprintf(dir, sizeof dir, "%s", support_temp(i ? "alone.en" : "alone.de"));
        att_train_opts o = options(dir, &one[i]);
        o.valid_source = sources[i];
        o.valid_target = targets[i];
        o.valid_lang = langs[i];
        o.valid_tokenize = i ? "13a" : "none";
        assert_ok(att_train_translate(&o, NULL));
    }
    assert_true(one[0].nll != one[1].nll);
    snprintf(dir, sizeof dir, "%s", support_temp("both"));
    att_train_opts o = with_both(dir, &both);
    assert_ok(att_train_translate(&o, NULL));
    /* The same weights and the same batches: the same sums. */
    assert_true(both.nll == one[0].nll / 2 + one[1].nll / 2);
    assert_true(both.bleu == one[0].bleu / 2 + one[1].bleu / 2);
    char want[200];
    size_t n = 0;
    snprintf(want, sizeof want, "  de: nll %.4f", one[0].nll);
    assert_non_null(strstr(both.text, want));
    snprintf(want, sizeof want, "  >>en<<: nll %.4f", one[1].nll);
    assert_non_null(strstr(both.text, want));
    char *metrics =
        support_read(case_path(path, sizeof path, dir, "metrics.jsonl"), &n);
    const char *at = strstr(metrics, "\"update\": 14,");
    while (at && !strstr(at, "\"valid_nll\"")) at = strstr(at + 1, "\"update\": 14,");
    assert_non_null(at);
    at = strstr(at, "\"valid_pairs\": [{");
    assert_non_null(at);
    for (int i = 0; i < 2; i++) {
        const char *key = i ? "\"lang\": \">>en<<\", \"valid_nll\":"
                            : "\"lang\": \"de\", \"valid_nll\":";
        at = strstr(at, key);
        assert_non_null(at);
        assert_true(fabs(strtod(at + strlen(key), NULL) - one[i].nll) < 1e-9);
    }
    free(metrics);
}

static void a_resumed_training_ends_with_the_same_bytes(void **state)
{
    (void)state;
    figures f = {.stop_at = 0}, g = {.stop_at = 9};
    char whole[300], parts[300];
    snprintf(whole, sizeof whole, "%s", support_temp("whole"));
    snprintf(parts, sizeof parts, "%s", support_temp("parts"));
    att_train_opts o = with_both(whole, &f), p = with_both(parts, &g);
    o.ema = p.ema = 0.01f;
    assert_ok(att_train_translate(&o, NULL));
    assert_int_equal(att_train_translate(&p, NULL), ATT_ECANCELLED);
    g.stop_at = 0;
    p.resume = 1;
    assert_ok(att_train_translate(&p, NULL));
    assert_same_model(whole, parts);
    /* Another second pair is another validation. */
    const char *other[2] = {case_target, case_target};
    p.valid_targets = other;
    p.after = "20u";
    assert_fails(att_train_translate(&p, NULL), ATT_EINVAL,
                 "validation text is another");
}

static void an_evaluation_asks_for_a_language(void **state)
{
    (void)state;
    figures f = {.nll = 0};
    char dir[300], path[400];
    snprintf(dir, sizeof dir, "%s", support_temp("asked"));
    att_train_opts o = options(dir, &f);
    o.after = "4u";
    assert_ok(att_train_translate(&o, NULL));
    /* The same from a file whose lines have the token. */
    snprintf(path, sizeof path, "%s", support_temp("with.en"));
    FILE *out = fopen(path, "w");
    size_t n = 0;
    char *text = support_read(case_source, &n);
    assert_non_null(out);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        fprintf(out, ">>de<< %s\n", line);
    fclose(out);
    free(text);
    att_model *m = NULL;
    assert_ok(att_model_load(&m, dir));
    att_evaluation plain = {.size = sizeof plain}, with = plain, asked = plain;
    asked.target_lang = "de";
    assert_ok(att_evaluate_pairs(&plain, m, case_source, case_target, 0));
    assert_ok(att_evaluate_pairs(&with, m, path, case_target, 0));
    assert_ok(att_evaluate_pairs(&asked, m, case_source, case_target, 0));
    assert_true(asked.nll == with.nll && asked.nll != plain.nll);
    assert_string_equal(asked.target_lang, "de");
    /* What the lines say themselves is left. */
    asked.target_lang = "en";
    assert_ok(att_evaluate_pairs(&asked, m, path, case_target, 0));
    assert_true(asked.nll == with.nll);
    asked.target_lang = "fr";
    assert_fails(att_evaluate_pairs(&asked, m, path, case_target, 0), ATT_EINVAL,
                 "no target language 'fr'");
    asked.target_lang = "d e";
    assert_fails(att_evaluate_pairs(&asked, m, path, case_target, 0), ATT_EINVAL,
                 "'d e' is no target language");
    att_model_destroy(m);
}

static void nonsense_is_told(void **state)
{
    (void)state;
    figures f = {.nll = 0};
    char dir[300];
    snprintf(dir, sizeof dir, "%s", support_temp("none"));
    const char *holes[2] = {case_source, NULL};
    const char *const strange[2] = {"de", "fr"}, *const wrong[2] = {"de", "f r"};
    att_train_opts o;
#define WRONG(change, said)                                                            \
    do {                                                                               \
        o = with_both(dir, &f);                                                        \
        change;                                                                        \
        assert_fails(att_train_translate(&o, NULL), ATT_EINVAL, said);                 \
        char probe[400];                                                               \
        assert_null(fopen(case_path(probe, sizeof probe, dir, "vocab.json"), "r"));    \
    } while (0)
    WRONG(o.n_valid = -1, "-1 validation files");
    WRONG(o.valid_targets = holes, "language 1 is NULL");
    WRONG(o.valid_sources = NULL, "NULL");
    WRONG(o.valid_tokenize = "none,13a,zh", "3 names for 2 pairs");
    WRONG(o.valid_tokenize = "none,14a", "'none,14a' is not one of");
    WRONG(o.valid_langs = strange, "'fr' is none of the training's");
    WRONG(o.valid_langs = wrong, "'f r' is no target language");
#undef WRONG
    o = with_both(dir, &f);
    o.task = "tag";
    assert_fails(att_train_check(&o), ATT_EINVAL, "for translators");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_figures_and_the_mean_decides),
        cmocka_unit_test(a_resumed_training_ends_with_the_same_bytes),
        cmocka_unit_test(an_evaluation_asks_for_a_language),
        cmocka_unit_test(nonsense_is_told),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
