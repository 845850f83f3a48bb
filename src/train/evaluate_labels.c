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

enum { BATCH = 64 };

struct att_label_evaluation {
    char **label; /* [known] the model's */
    int32_t known;
    atti_label_set other; /* of the files alone, sorted */
    int64_t *count;       /* [known, known] by label in the files and label said */
    int64_t items, right;
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
    size_t n, cap_text, cap_label;
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

static att_status wait_for(waiting *w, const char *text, const char *label)
{
    char *a = NULL, *b = NULL;
    ATTI_TRY(atti_grow(&w->text, &w->cap_text, w->n + 1, sizeof *w->text, "texts"));
    ATTI_TRY(atti_grow(&w->label, &w->cap_label, w->n + 1, sizeof *w->label, "texts"));
    ATTI_TRY(atti_strdup(&a, text));
    att_status st = label ? atti_strdup(&b, label) : ATT_OK;
    if (st != ATT_OK) {
        atti_free(a);
        return st;
    }
    w->text[w->n] = a;
    w->label[w->n++] = b;
    return ATT_OK;
}

static int32_t find(const att_label_evaluation *e, const char *label)
{
    for (int32_t i = 0; i < e->known; i++)
        if (strcmp(e->label[i], label) == 0) return i;
    return -1;
}

/* One item: the files say `label`, the model said `said`. */
static att_status judge(att_label_evaluation *e, const char *label, int32_t said)
{
    int32_t i = find(e, label);
    e->items++;
    e->right += i == said;
    if (i >= 0) {
        e->count[(int64_t)i * e->known + said]++;
        return ATT_OK;
    }
    e->missed_as[said]++;
    return atti_label_set_add(&e->other, label);
}

/* Each label of the model, right or wrong by itself. */
static att_status judge_many(att_label_evaluation *e, const char *labels,
                             const float *scores)
{
    char *copy = NULL, *rest = NULL;
    att_status st = ATT_OK;
    ATTI_TRY(atti_strdup(&copy, labels));
    memset(e->present, 0, (size_t)e->known);
    for (char *s = strtok_r(copy, ", ", &rest); s && st == ATT_OK;
         s = strtok_r(NULL, ", ", &rest)) {
        int32_t i = find(e, s);
        if (i >= 0)
            e->present[i] = 1;
        else if (strcmp(s, "_") != 0)
            st = atti_label_set_add(&e->other, s);
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

static att_status judge_number(waiting *w, const char *label, float said)
{
    double x = 0.0;
    if (!atti_parse_f64(&x, label))
        return atti_fail(ATT_EFORMAT, "%s: '%.40s' is no number, the model gives one",
                         w->path, label);
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
            st = judge_number(w, w->label[i], a->scores[0]);
        else if (w->e->in_files)
            st = judge_many(w->e, w->label[i], a->scores);
        else
            st = judge(w->e, w->label[i], a->best[0]);
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
            if (w->label[at]) st = judge(w->e, w->label[at], a->best[k]);
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
        st = wait_for(w, row.text, row.label);
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
            st = wait_for(w, s.word[i], s.label[i]);
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
    clear(&w);
    atti_free(w.text);
    atti_free(w.label);
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
    atti_label_set_deinit(&e->other);
    atti_free(e);
}

int64_t att_label_evaluation_items(const att_label_evaluation *e)
{
    return e ? e->items : 0;
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
