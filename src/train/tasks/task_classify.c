/* task_classify.c - a label, or a number, a text. */
#include "base/alloc.h"
#include "base/str.h"
#include "data/text/tsv_text.h"
#include "train/tasks/task_encoder.h"
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

static att_status take_label(void *ctx, const char *path, const atti_tsv_row *row)
{
    atti_trainer *t = ctx;
    float x;
    if (t->o.regression) return number_of(&x, path, row);
    return atti_label_set_add(&t->labels, row->label);
}

static att_status check_valid(void *ctx, const char *path, const atti_tsv_row *row)
{
    atti_trainer *t = ctx;
    float x;
    if (t->o.regression) return number_of(&x, path, row);
    if (atti_label_set_find(&t->labels, row->label) >= 0) return ATT_OK;
    return atti_fail(ATT_EFORMAT,
                     "%s:%lld: label '%.60s' does not occur in the training files",
                     path, (long long)row->line, row->label);
}

/* Everything that can be wrong with the files, before anything is made. */
static att_status check_files(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    for (int32_t i = 0; i < o->n_train; i++)
        ATTI_TRY(each_row(o, o->train_source[i], take_label, t));
    if (!o->regression && t->labels.n == 0)
        return atti_fail(ATT_EFORMAT, "%s: no labelled text", o->train_source[0]);
    if (!o->regression && t->labels.n == 1)
        return atti_fail(ATT_EFORMAT,
                         "%s: every text has the label '%.60s': there is nothing to "
                         "tell apart",
                         o->train_source[0], t->labels.text[0]);
    if (o->valid_source) return each_row(o, o->valid_source, check_valid, t);
    return ATT_OK;
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
    int32_t *ids, label;
    int64_t cut;
} reader;

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
    if (r->t->o.regression) {
        float x = 0.0f;
        ATTI_TRY(number_of(&x, r->files[r->file], row));
        memcpy(&r->label, &x, sizeof r->label);
    } else {
        r->label = atti_label_set_find(&r->t->labels, row->label);
        if (r->label < 0) return check_valid(r->t, r->files[r->file], row);
    }
    *out = (atti_item){.ids = {r->ids, &r->label}, .n = {n, 1}};
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
        if (row.text) return encode(r, &row, out);
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
    atti_items_opts io = {.next = next,
                          .ctx = &r,
                          .name = r.files[0],
                          .temp_dir = t->dir,
                          .limit = {att_tokenizer_size(t->tok[0]),
                                    o->regression ? 0 : (int64_t)t->labels.n},
                          .max_length = o->max_length};
    att_status st = atti_pairs_from_items(p, &io);
    p->cut = r.cut;
    atti_tsv_text_close(r.f);
    atti_free(r.ids);
    return st;
}

/* ---- the task -------------------------------------------------------------------- */

static att_status check(atti_trainer *t)
{
    ATTI_TRY(atti_tsv_columns_check(t->o.columns));
    return atti_encoder_task_check(t, ATTI_HEAD_SEQUENCE);
}

static att_status vocab(atti_trainer *t)
{
    return atti_encoder_task_vocab(t, write_texts);
}

static att_status model(atti_trainer *t)
{
    return atti_encoder_task_model(t, ATTI_HEAD_SEQUENCE);
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
    atti_encoder_task_describe(t);
    for (size_t i = 0; i < t->labels.n; i++)
        if (t->labels.count[i] == 1)
            atti_train_say(t, 4, "label '%s' has one example only", t->labels.text[i]);
}

const atti_task atti_task_classify = {.name = "classify",
                                      .items = "texts",
                                      .counted = "texts",
                                      .speed = "texts",
                                      .feed = ATTI_FEED_LABELS,
                                      .set = set,
                                      .check = check,
                                      .check_files = check_files,
                                      .vocab = vocab,
                                      .model = model,
                                      .open = open_texts,
                                      .files = atti_encoder_task_files,
                                      .describe = describe};
