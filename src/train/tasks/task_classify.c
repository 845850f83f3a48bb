/* task_classify.c - a label, any number of labels, or a number a text. */
#include "base/alloc.h"
#include "base/str.h"
#include "data/text/tsv_text.h"
#include "train/tasks/task_labels.h"
#include "train/tasks/task_words.h"
#include <math.h>
#include <string.h>

/* ---- the files ------------------------------------------------------------------- */

typedef att_status row_fn(void *ctx, const char *path, const atti_tsv_row *row);

static att_status each_row(const att_train_opts *o, const char *path, row_fn *fn,
                           void *ctx)
{
    atti_tsv_text *f = NULL;
    atti_tsv_row row;
    ATTI_TRY(atti_tsv_text_open(&f, path, o->columns));
    att_status st = ATT_OK;
    while (st == ATT_OK && (st = atti_tsv_text_next(f, &row)) == ATT_OK && row.text)
        st = fn(ctx, path, &row);
    atti_tsv_text_close(f);
    return st;
}

static att_status number_of(float *out, const char *path, const atti_tsv_row *row)
{
    double x = 0.0;
    if (atti_parse_f64(&x, row->label) && isfinite((float)x)) {
        *out = (float)x;
        return ATT_OK;
    }
    return atti_fail(ATT_EFORMAT, "%s:%lld: '%.40s' is no number (--regression)", path,
                     (long long)row->line, row->label);
}

/* fn for a text's label, or with --multi-label for each of those between commas; "_" is
 * none. */
typedef att_status label_fn(void *ctx, const char *path, const atti_tsv_row *row,
                            const char *label);

static att_status each_label(const att_train_opts *o, const char *path,
                             const atti_tsv_row *row, label_fn *fn, void *ctx)
{
    char *copy = NULL, *rest = NULL;
    att_status st = ATT_OK;
    if (!o->multi_label) return fn(ctx, path, row, row->label);
    ATTI_TRY(atti_strdup(&copy, row->label));
    for (char *s = strtok_r(copy, ", ", &rest); s && st == ATT_OK;
         s = strtok_r(NULL, ", ", &rest))
        if (strcmp(s, "_") != 0) st = fn(ctx, path, row, s);
    atti_free(copy);
    return st;
}

static att_status add_label(void *ctx, const char *path, const atti_tsv_row *row,
                            const char *label)
{
    atti_trainer *t = ctx;
    (void)path;
    (void)row;
    return atti_label_set_add(&t->labels, label);
}

static att_status take_label(void *ctx, const char *path, const atti_tsv_row *row)
{
    atti_trainer *t = ctx;
    float x;
    if (t->o.regression) return number_of(&x, path, row);
    return each_label(&t->o, path, row, add_label, t);
}

static att_status known_label(void *ctx, const char *path, const atti_tsv_row *row,
                              const char *label)
{
    const atti_trainer *t = ctx;
    if (atti_label_set_find(&t->labels, label) >= 0) return ATT_OK;
    return atti_fail(ATT_EFORMAT,
                     "%s:%lld: label '%.60s' does not occur in the training files",
                     path, (long long)row->line, label);
}

static att_status check_valid(void *ctx, const char *path, const atti_tsv_row *row)
{
    atti_trainer *t = ctx;
    float x;
    if (t->o.regression) return number_of(&x, path, row);
    return each_label(&t->o, path, row, known_label, t);
}

static att_status walk_train(atti_trainer *t, const char *path)
{
    return each_row(&t->o, path, take_label, t);
}

static att_status walk_valid(atti_trainer *t, const char *path)
{
    return each_row(&t->o, path, check_valid, t);
}

static att_status check_files(atti_trainer *t)
{
    const atti_label_walk walk = {"text", walk_train, walk_valid};
    return atti_label_files_check(t, &walk);
}

static att_status add_text(void *ctx, const char *path, const atti_tsv_row *row)
{
    (void)path;
    atti_vocab_text_add(ctx, row->text, row->n_text, '\n');
    return ATT_OK;
}

static att_status write_texts(atti_trainer *t, atti_vocab_text *v)
{
    for (int32_t i = 0; i < t->o.n_train; i++)
        ATTI_TRY(each_row(&t->o, t->o.train_source[i], add_text, v));
    return ATT_OK;
}

/* ---- the corpus ------------------------------------------------------------------ */

typedef struct reader {
    atti_trainer *t;
    const char *const *files;
    int32_t n_files, file;
    atti_tsv_text *f;
    int32_t *ids;
    int32_t *label; /* [labels_a_text]: an id, or numbers bit by bit */
    size_t cap_label;
    atti_word_run run;
    int64_t cut;
} reader;

static size_t labels_a_text(const atti_trainer *t)
{
    return t->o.multi_label ? t->labels.n : 1;
}

static att_status has_label(void *ctx, const char *path, const atti_tsv_row *row,
                            const char *label)
{
    const float one = 1.0f;
    reader *r = ctx;
    int32_t i = atti_label_set_find(&r->t->labels, label);
    if (i < 0) return known_label(r->t, path, row, label);
    memcpy(&r->label[i], &one, sizeof one);
    return ATT_OK;
}

/* The label's number, the number itself, or 0 and 1 for all labels. */
static att_status label_of(reader *r, const atti_tsv_row *row)
{
    size_t n = labels_a_text(r->t);
    const char *path = r->files[r->file];
    float x = 0.0f;
    ATTI_TRY(atti_grow(&r->label, &r->cap_label, n, sizeof *r->label, "labels"));
    memset(r->label, 0, n * sizeof *r->label);
    if (r->t->o.multi_label) return each_label(&r->t->o, path, row, has_label, r);
    if (!r->t->o.regression) {
        r->label[0] = atti_label_set_find(&r->t->labels, row->label);
        return r->label[0] < 0 ? check_valid(r->t, path, row) : ATT_OK;
    }
    ATTI_TRY(number_of(&x, path, row));
    memcpy(r->label, &x, sizeof x);
    return ATT_OK;
}

/* The text's labels in the place of its words', which are as many or more then. */
static att_status put_labels(reader *r, atti_item *out)
{
    size_t n = labels_a_text(r->t);
    atti_word_run *run = &r->run;
    if (run->n_words < n) {
        ATTI_TRY(atti_grow(&run->labels, &run->cap_labels, n, sizeof *run->labels,
                           "labels"));
        out->n[1] = n;
    }
    memcpy(run->labels, r->label, n * sizeof *run->labels);
    out->ids[1] = run->labels;
    return ATT_OK;
}

static att_status encode_words(reader *r, const atti_tsv_row *row, atti_item *out)
{
    const atti_lexicon *x = &r->t->lexicon;
    const char *word;
    size_t at = 0, n = 0;
    int64_t most = r->t->o.max_length, words = 0;
    r->run.n_ids = r->run.n_words = 0;
    ATTI_TRY(label_of(r, row));
    ATTI_TRY(atti_word_run_add(&r->run, x, NULL, 0, ATTI_LEXICON_BEGIN, 0));
    while ((word = atti_lexicon_next_word(row->text, row->n_text, &at, &n)) != NULL) {
        if (words++ == most) {
            r->cut++;
            break;
        }
        ATTI_TRY(atti_word_run_add(&r->run, x, word, n, 0, 0));
    }
    ATTI_TRY(atti_word_run_add(&r->run, x, NULL, 0, ATTI_LEXICON_END, 0));
    atti_word_run_item(&r->run, most, out);
    return put_labels(r, out);
}

static att_status encode(reader *r, const atti_tsv_row *row, atti_item *out)
{
    const att_text_pair in = {.text = row->text, .len = row->n_text};
    size_t n = 0, most = (size_t)r->t->o.max_length;
    atti_free(r->ids);
    r->ids = NULL;
    ATTI_TRY(att_tokenizer_encode_model(r->t->tok[0], &in, &r->ids, NULL, &n));
    if (n > most) { /* as att_classify() does: the last token ends a text */
        r->ids[most - 1] = r->ids[n - 1];
        n = most;
        r->cut++;
    }
    ATTI_TRY(label_of(r, row));
    *out = (atti_item){.ids = {r->ids, r->label}, .n = {n, labels_a_text(r->t)}};
    return ATT_OK;
}

static att_status next(void *ctx, atti_item *out)
{
    reader *r = ctx;
    atti_tsv_row row;
    for (;;) {
        if (r->file == r->n_files) {
            out->end = 1;
            return ATT_OK;
        }
        if (!r->f)
            ATTI_TRY(atti_tsv_text_open(&r->f, r->files[r->file], r->t->o.columns));
        ATTI_TRY(atti_tsv_text_next(r->f, &row));
        if (row.text)
            return atti_task_is_words(r->t) ? encode_words(r, &row, out)
                                            : encode(r, &row, out);
        atti_tsv_text_close(r->f);
        r->f = NULL;
        r->file++;
    }
}

static att_status open_texts(atti_trainer *t, atti_pairs *p, int valid)
{
    const att_train_opts *o = &t->o;
    reader r = {.t = t,
                .files = valid ? &o->valid_source : o->train_source,
                .n_files = valid ? 1 : o->n_train};
    int64_t n_labels = o->regression || o->multi_label ? 0 : (int64_t)t->labels.n;
    atti_items_opts io = {.next = next,
                          .ctx = &r,
                          .name = r.files[0],
                          .temp_dir = t->dir,
                          .limit = {0, n_labels},
                          .max_length =
                              atti_task_is_words(t) ? ATTI_LONGEST_ITEM : o->max_length,
                          .most = atti_task_is_words(t) ? o->max_length : 0};
    if (!atti_task_is_words(t)) io.limit[0] = att_tokenizer_size(t->tok[0]);
    att_status st = atti_pairs_from_items(p, &io);
    p->cut = r.cut;
    p->words = r.run.words;
    atti_tsv_text_close(r.f);
    atti_free(r.ids);
    atti_free(r.label);
    atti_word_run_deinit(&r.run);
    return st;
}

/* ---- the task -------------------------------------------------------------------- */

static att_status check(atti_trainer *t)
{
    ATTI_TRY(atti_tsv_columns_check(t->o.columns));
    if (t->o.regression && t->o.multi_label)
        return atti_fail(ATT_EINVAL,
                         "--regression and --multi-label exclude each other");
    return atti_task_is_words(t) ? atti_words_task_check(t, ATTI_HEAD_SEQUENCE)
                                 : atti_encoder_task_check(t, ATTI_HEAD_SEQUENCE);
}

static att_status vocab(atti_trainer *t)
{
    return atti_task_is_words(t) ? atti_words_task_vocab(t, write_texts, 0)
                                 : atti_encoder_task_vocab(t, write_texts);
}

static att_status model(atti_trainer *t)
{
    return atti_task_is_words(t) ? atti_words_task_model(t, ATTI_HEAD_SEQUENCE)
                                 : atti_encoder_task_model(t, ATTI_HEAD_SEQUENCE);
}

static att_status set(att_tape *tape, const atti_program_io *io, const atti_batch *b)
{
    ATTI_TRY(atti_encoder_task_set(tape, io, b));
    /* Numbers lie in the labels' place, bit by bit. */
    return att_tape_set(tape,
                        io->seq_values != ATT_NO_VAR ? io->seq_values : io->seq_labels,
                        b->targets);
}

static void describe(atti_trainer *t)
{
    if (atti_task_is_words(t))
        atti_words_task_describe(t);
    else
        atti_encoder_task_describe(t);
    atti_label_singles_say(t);
}

/* One task; what a token is decides how it is fed. */
#define CLASSIFY_TASK(feed_, set_)                                                     \
    {                                                                                  \
        .name = "classify", .items = "texts", .counted = "texts", .speed = "texts",    \
        .feed = (feed_), .set = (set_), .check = check, .check_files = check_files,    \
        .vocab = vocab, .model = model, .open = open_texts,                            \
        .files = atti_encoder_task_files, .describe = describe                         \
    }

const atti_task atti_task_classify = CLASSIFY_TASK(ATTI_FEED_LABELS, set);
const atti_task atti_task_classify_words =
    CLASSIFY_TASK(ATTI_FEED_WORDS, atti_words_task_set);
