/* evaluate_labels.c - a model's labels against those of files: who was taken for whom. */
#include "attend/classify.h"
#include "base/alloc.h"
#include "base/str.h"
#include "data/text/conllu.h"
#include "data/text/tsv_text.h"
#include "models/encoder/encoder_config.h"
#include "models/model_internal.h"
#include "train/tasks/label_set.h"
#include "train/trainer.h"
#include <math.h>
#include <string.h>

enum {
    BATCH = 64,
    LISTED = 12,    /* labels that a message names */
    HOPELESS = 1000 /* different labels, none of which the model has */
};

struct att_label_evaluation {
    char **label; /* [known] the model's */
    int32_t known;
    atti_label_set other; /* of the files alone, sorted */
    int64_t *count;       /* [known, known] by label in the files and label said */
    int64_t items, right;
    int64_t unknown, of_model; /* labels in the files, the model's or not */
    char *first_unknown;       /* "FILE:LINE: 'LABEL'" */
    int64_t *
        missed_as; /* [known] what items of labels of the files alone were said to be */
    double squared; /* < 0: no regression */
    /* Models that may say several labels: of each label how many texts have it, were said to
     * have it, both; NULL for others. present: scratch. */
    int64_t *in_files, *said, *both;
    unsigned char *present;
};

/* What waits for the model: texts, or words of sentences, with their labels. */
typedef struct waiting {
    att_label_evaluation *e;
    att_classifier *c;
    char **text, **label; /* [n] label NULL: not counted */
    int64_t *line;        /* [n] where the label stands */
    size_t n, cap_text, cap_label, cap_line;
    int32_t words[BATCH]; /* of each sentence */
    int32_t sentences;
    const char *path;
} waiting;

static void clear(waiting *w)
{
    for (size_t i = 0; i < w->n; i++) {
        atti_free(w->text[i]);
        atti_free(w->label[i]);
    }
    w->n = 0;
    w->sentences = 0;
}

static att_status wait_for(waiting *w, const char *text, const char *label,
                           int64_t line)
{
    char *a = NULL, *b = NULL;
    ATTI_TRY(atti_grow(&w->line, &w->cap_line, w->n + 1, sizeof *w->line, "texts"));
    ATTI_TRY(atti_grow(&w->text, &w->cap_text, w->n + 1, sizeof *w->text, "texts"));
    ATTI_TRY(atti_grow(&w->label, &w->cap_label, w->n + 1, sizeof *w->label, "texts"));
    ATTI_TRY(atti_strdup(&a, text));
    att_status st = label ? atti_strdup(&b, label) : ATT_OK;
    if (st != ATT_OK) {
        atti_free(a);
        return st;
    }
    w->text[w->n] = a;
    w->line[w->n] = line;
    w->label[w->n++] = b;
    return ATT_OK;
}

static int32_t find(const att_label_evaluation *e, const char *label)
{
    for (int32_t i = 0; i < e->known; i++)
        if (strcmp(e->label[i], label) == 0) return i;
    return -1;
}

/* Nothing in the files is what the model says: a figure would be 0 whatever it said. */
static att_status none_known(const att_label_evaluation *e)
{
    atti_str s = {0};
    for (int32_t i = 0; i < e->known && i < LISTED; i++)
        atti_str_addf(&s, "%s%.40s", i ? ", " : "", e->label[i]);
    if (e->known > LISTED) atti_str_add(&s, ", ...");
    att_status st = s.status;
    if (st == ATT_OK)
        st = atti_fail(ATT_EFORMAT,
                       "%s is no label of the model (it has %s), nor is any other "
                       "label of the files",
                       e->first_unknown, s.data);
    atti_str_deinit(&s);
    return st;
}

/* A label that the model does not have. */
static att_status add_unknown(waiting *w, const char *label, int64_t line)
{
    att_label_evaluation *e = w->e;
    if (e->unknown++ == 0) {
        atti_str s = {0};
        atti_str_addf(&s, "%s:%lld: '%.60s'", w->path, (long long)line, label);
        ATTI_TRY(atti_str_take(&e->first_unknown, &s));
    }
    ATTI_TRY(atti_label_set_add(&e->other, label));
    return e->of_model == 0 && e->other.n >= HOPELESS ? none_known(e) : ATT_OK;
}

/* Item i: the files say its label, the model said `said`. */
static att_status judge(waiting *w, size_t item, int32_t said)
{
    att_label_evaluation *e = w->e;
    int32_t i = find(e, w->label[item]);
    e->items++;
    e->right += i == said;
    if (i >= 0) {
        e->of_model++;
        e->count[(int64_t)i * e->known + said]++;
        return ATT_OK;
    }
    e->missed_as[said]++;
    return add_unknown(w, w->label[item], w->line[item]);
}

/* Each label of the model, right or wrong by itself. */
static att_status judge_many(waiting *w, size_t item, const float *scores)
{
    att_label_evaluation *e = w->e;
    char *copy = NULL, *rest = NULL;
    att_status st = ATT_OK;
    ATTI_TRY(atti_strdup(&copy, w->label[item]));
    memset(e->present, 0, (size_t)e->known);
    for (char *s = strtok_r(copy, ", ", &rest); s && st == ATT_OK;
         s = strtok_r(NULL, ", ", &rest)) {
        int32_t i = find(e, s);
        if (i >= 0) {
            e->present[i] = 1;
            e->of_model++;
        } else if (strcmp(s, "_") != 0) {
            st = add_unknown(w, s, w->line[item]);
        }
    }
    for (int32_t i = 0; i < e->known; i++) {
        int says = scores[i] >= 0.5f;
        e->items++;
        e->right += says == e->present[i];
        e->in_files[i] += e->present[i];
        e->said[i] += says;
        e->both[i] += says && e->present[i];
    }
    atti_free(copy);
    return st;
}

static att_status judge_number(waiting *w, size_t item, float said)
{
    double x = 0.0;
    if (!atti_parse_f64(&x, w->label[item]))
        return atti_fail(ATT_EFORMAT,
                         "%s:%lld: '%.40s' is no number, the model gives one", w->path,
                         (long long)w->line[item], w->label[item]);
    w->e->items++;
    w->e->squared += (x - (double)said) * (x - (double)said);
    return ATT_OK;
}

static att_status run_texts(waiting *w)
{
    att_labels *r = NULL;
    if (w->n == 0) return ATT_OK;
    ATTI_TRY(att_classify(w->c, &r, (const char *const *)w->text, NULL, (int32_t)w->n));
    att_status st = ATT_OK;
    for (size_t i = 0; i < w->n && st == ATT_OK; i++) {
        const att_labelled *a = att_labels_get(r, (int32_t)i);
        if (w->e->squared >= 0.0)
            st = judge_number(w, i, a->scores[0]);
        else if (w->e->in_files)
            st = judge_many(w, i, a->scores);
        else
            st = judge(w, i, a->best[0]);
    }
    att_labels_destroy(r);
    clear(w);
    return st;
}

static att_status run_words(waiting *w)
{
    att_words s[BATCH];
    att_labels *r = NULL;
    size_t at = 0;
    if (w->sentences == 0) return ATT_OK;
    for (int32_t i = 0; i < w->sentences; i++) {
        s[i] = (att_words){(const char *const *)w->text + at, w->words[i]};
        at += (size_t)w->words[i];
    }
    ATTI_TRY(att_tag(w->c, &r, s, w->sentences));
    att_status st = ATT_OK;
    at = 0;
    for (int32_t i = 0; i < w->sentences; i++) {
        const att_labelled *a = att_labels_get(r, i);
        for (int32_t k = 0; k < a->n_items && st == ATT_OK; k++, at++)
            if (w->label[at]) st = judge(w, at, a->best[k]);
    }
    att_labels_destroy(r);
    clear(w);
    return st;
}

static att_status read_texts(waiting *w, const char *columns)
{
    atti_tsv_text *t = NULL;
    atti_tsv_row row;
    ATTI_TRY(atti_tsv_text_open(&t, w->path, columns));
    att_status st = ATT_OK;
    while (st == ATT_OK && (st = atti_tsv_text_next(t, &row)) == ATT_OK && row.text) {
        st = wait_for(w, row.text, row.label, row.line);
        if (st == ATT_OK && w->n == BATCH) st = run_texts(w);
    }
    atti_tsv_text_close(t);
    return st == ATT_OK ? run_texts(w) : st;
}

static att_status read_words(waiting *w, const char *column)
{
    atti_tag_reader *r = NULL;
    atti_tagged s;
    int number = column && strcmp(column, "xpos") == 0 ? 5 : 4;
    ATTI_TRY(atti_tags_open(&r, w->path, ATTI_TAGS_SEEN, number));
    att_status st = ATT_OK;
    while (st == ATT_OK && (st = atti_tags_next(r, &s)) == ATT_OK && s.n > 0) {
        for (int32_t i = 0; i < s.n && st == ATT_OK; i++)
            st = wait_for(w, s.word[i], s.label[i], s.line[i]);
        w->words[w->sentences++] = s.n;
        if (st == ATT_OK && w->sentences == BATCH) st = run_words(w);
    }
    atti_tags_close(r);
    return st == ATT_OK ? run_words(w) : st;
}

static att_status make(att_label_evaluation **out, const att_classifier *c, int many)
{
    att_label_evaluation *e = NULL;
    ATTI_TRY(atti_alloc(&e, 1, sizeof *e, "evaluation"));
    size_t k = (size_t)att_classifier_labels(c);
    e->squared = att_classifier_regression(c) ? 0.0 : -1.0;
    att_status st = atti_alloc(&e->label, k, sizeof *e->label, "evaluation");
    if (st == ATT_OK && k > 46340)
        st = atti_fail(ATT_ENOTSUP, "a confusion of %zu labels", k);
    if (st == ATT_OK) st = atti_alloc(&e->count, k * k, sizeof *e->count, "evaluation");
    if (st == ATT_OK)
        st = atti_alloc(&e->missed_as, k, sizeof *e->missed_as, "evaluation");
    if (st == ATT_OK && many) {
        st = atti_alloc(&e->in_files, 3 * k, sizeof *e->in_files, "evaluation");
        if (st == ATT_OK) st = atti_alloc(&e->present, k, 1, "evaluation");
        e->said = e->in_files ? e->in_files + k : NULL;
        e->both = e->in_files ? e->in_files + 2 * k : NULL;
    }
    while (st == ATT_OK && (size_t)e->known < k) {
        st = atti_strdup(&e->label[e->known], att_classifier_label(c, e->known));
        if (st == ATT_OK) e->known++;
    }
    if (st != ATT_OK) {
        att_label_evaluation_destroy(e);
        return st;
    }
    *out = e;
    return ATT_OK;
}

static att_status check(const att_label_evaluation *const *out, const att_model *model,
                        const char *const *files, int32_t n, const char *column)
{
    if (!out || !model || !files || n < 1)
        return atti_fail(ATT_EINVAL, "att_evaluate_labels: %s",
                         !out     ? "out is NULL"
                         : !model ? "model is NULL"
                                  : "no files");
    for (int32_t i = 0; i < n; i++)
        if (!files[i])
            return atti_fail(ATT_EINVAL, "att_evaluate_labels: file %d is NULL",
                             (int)i);
    if (column && strcmp(column, "upos") != 0 && strcmp(column, "xpos") != 0)
        return atti_fail(ATT_EINVAL, "column '%.40s' is not one of upos, xpos", column);
    return ATT_OK;
}

att_status att_evaluate_labels(att_label_evaluation **out, const att_model *model,
                               const char *const *files, int32_t n_files,
                               const char *columns, const char *tag_column)
{
    waiting w = {0};
    ATTI_TRY(check((const att_label_evaluation *const *)out, model, files, n_files,
                   tag_column));
    ATTI_TRY(att_classifier_create(&w.c, model, NULL));
    /* The classifier refused models of other shapes. */
    const atti_encoder_config *cfg = model->cfg;
    att_status st = make(
        &w.e, w.c, cfg->head == ATTI_HEAD_SEQUENCE && cfg->problem == ATTI_MANY_LABELS);
    for (int32_t i = 0; i < n_files && st == ATT_OK; i++) {
        w.path = files[i];
        st = att_classifier_tags(w.c) ? read_words(&w, tag_column)
                                      : read_texts(&w, columns);
    }
    if (st == ATT_OK && w.e->items == 0)
        st = atti_fail(ATT_EFORMAT, "%s: nothing with a label", files[0]);
    if (st == ATT_OK && w.e->unknown > 0 && w.e->of_model == 0) st = none_known(w.e);
    clear(&w);
    atti_free(w.text);
    atti_free(w.label);
    atti_free(w.line);
    att_classifier_destroy(w.c);
    if (st != ATT_OK) {
        att_label_evaluation_destroy(w.e);
        return st;
    }
    *out = w.e;
    return ATT_OK;
}

/* ---- figures --------------------------------------------------------------------- */

void att_label_evaluation_destroy(att_label_evaluation *e)
{
    if (!e) return;
    for (int32_t i = 0; i < e->known; i++) atti_free(e->label[i]);
    atti_free(e->label);
    atti_free(e->count);
    atti_free(e->missed_as);
    atti_free(e->in_files);
    atti_free(e->present);
    atti_free(e->first_unknown);
    atti_label_set_deinit(&e->other);
    atti_free(e);
}

int64_t att_label_evaluation_items(const att_label_evaluation *e)
{
    return e ? e->items : 0;
}

int64_t att_label_evaluation_unknown(const att_label_evaluation *e, const char **first)
{
    if (first) *first = e ? e->first_unknown : NULL;
    return e ? e->unknown : 0;
}

double att_label_evaluation_accuracy(const att_label_evaluation *e)
{
    return e && e->items > 0 ? (double)e->right / (double)e->items : 0.0;
}

double att_label_evaluation_squared_error(const att_label_evaluation *e)
{
    if (!e || e->squared < 0.0) return -1.0;
    return e->items > 0 ? e->squared / (double)e->items : 0.0;
}

int32_t att_label_evaluation_labels(const att_label_evaluation *e)
{
    return e ? e->known + (int32_t)e->other.n : 0;
}

int64_t att_label_evaluation_count(const att_label_evaluation *e, int32_t in_files,
                                   int32_t said)
{
    if (!e || in_files < 0 || said < 0 || said >= e->known || in_files >= e->known)
        return 0;
    return e->count[(int64_t)in_files * e->known + said];
}

static double ratio(int64_t a, int64_t b)
{
    return b > 0 ? (double)a / (double)b : 0.0;
}

att_status att_label_evaluation_get(const att_label_evaluation *e,
                                    att_label_figures *out, int32_t i)
{
    if (!e || !out || i < 0 || i >= att_label_evaluation_labels(e))
        return atti_fail(ATT_EINVAL, "att_label_evaluation_get: %s",
                         e && out ? "no such label" : "an argument is NULL");
    att_label_figures f = {0};
    if (i >= e->known) {
        f.label = e->other.text[i - e->known];
        f.in_files = e->other.count[i - e->known];
    } else if (e->in_files) {
        f.label = e->label[i];
        f.in_files = e->in_files[i];
        f.said = e->said[i];
        f.right = e->both[i];
    } else {
        f.label = e->label[i];
        f.right = att_label_evaluation_count(e, i, i);
        f.said = e->missed_as[i];
        for (int32_t k = 0; k < e->known; k++) {
            f.in_files += att_label_evaluation_count(e, i, k);
            f.said += att_label_evaluation_count(e, k, i);
        }
    }
    f.precision = ratio(f.right, f.said);
    f.recall = ratio(f.right, f.in_files);
    f.f1 = ratio(2 * f.right, f.said + f.in_files);
    *out = f;
    return ATT_OK;
}

double att_label_evaluation_macro_f1(const att_label_evaluation *e)
{
    double sum = 0.0;
    int64_t n = 0;
    for (int32_t i = 0; i < att_label_evaluation_labels(e); i++) {
        att_label_figures f;
        if (att_label_evaluation_get(e, &f, i) != ATT_OK) break;
        if (f.in_files + f.said == 0) continue;
        sum += f.f1;
        n++;
    }
    return n > 0 ? sum / (double)n : 0.0;
}
