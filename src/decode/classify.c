/* classify.c - token rows through an encoder to labels and scores, in ragged batches. */
#include "base/alloc.h"
#include "base/checked.h"
#include "decode/classify_internal.h"

#include <math.h>
#include <string.h>

struct att_labels {
    int32_t n;
    att_labelled *item;
    int32_t *best;
    float *scores;
};

/* ---- results ------------------------------------------------------------------ */

int32_t att_labels_count(const att_labels *r)
{
    return r ? r->n : 0;
}

const att_labelled *att_labels_get(const att_labels *r, int32_t i)
{
    return r && i >= 0 && i < r->n ? &r->item[i] : NULL;
}

void att_labels_destroy(att_labels *r)
{
    if (!r) return;
    atti_free(r->item);
    atti_free(r->best);
    atti_free(r->scores);
    atti_free(r);
}

void atti_labels_set_cut(att_labels *r, int32_t i, int32_t cut)
{
    r->item[i].cut = cut;
}

static att_status fill_labels(att_labels *r, const att_classifier *c,
                              const int32_t *n_items, int32_t n)
{
    int64_t k = c->cfg->n_labels, total = 0;
    for (int32_t i = 0; i < n; i++) total += n_items[i];
    ATTI_TRY(atti_alloc(&r->item, (size_t)n, sizeof *r->item, "labels"));
    ATTI_TRY(atti_alloc(&r->best, (size_t)total, sizeof *r->best, "labels"));
    ATTI_TRY(
        atti_alloc(&r->scores, (size_t)total, (size_t)k * sizeof(float), "labels"));
    r->n = n;
    total = 0;
    for (int32_t i = 0; i < n; i++) {
        r->item[i] = (att_labelled){.n_items = n_items[i],
                                    .n_labels = (int32_t)k,
                                    .best = r->best + total,
                                    .scores = r->scores + total * k};
        total += n_items[i];
    }
    return ATT_OK;
}

att_status atti_labels_create(att_labels **out, const att_classifier *c,
                              const int32_t *n_items, int32_t n)
{
    att_labels *r = NULL;
    ATTI_TRY(atti_alloc(&r, 1, sizeof *r, "labels"));
    att_status st = fill_labels(r, c, n_items, n);
    if (st != ATT_OK) {
        att_labels_destroy(r);
        return st;
    }
    *out = r;
    return ATT_OK;
}

/* ---- a session ---------------------------------------------------------------- */

void att_classify_opts_init(att_classify_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = (uint32_t)sizeof *o;
    o->batch_rows = 2048;
}

static att_status check_opts(att_classifier *c)
{
    int64_t most = atti_label_positions(c->cfg);
    if (c->o.batch_rows < 1 || c->o.batch_rows > 1 << 24)
        return atti_fail(ATT_EINVAL, "classify: batch_rows is %d, expected 1..%d",
                         (int)c->o.batch_rows, 1 << 24);
    if (c->o.max_length < 0 || c->o.max_length > most)
        return atti_fail(ATT_EINVAL,
                         "classify: max_length is %d, the model has %lld positions",
                         (int)c->o.max_length, (long long)most);
    c->longest = c->o.max_length ? c->o.max_length : (int32_t)most;
    return ATT_OK;
}

static att_status open_session(att_classifier *c)
{
    const att_model *m = c->model;
    if ((m->family->shape != ATTI_ENCODER && m->family->shape != ATTI_WORDS) ||
        ((const atti_encoder_config *)m->cfg)->n_labels == 0)
        return atti_fail(ATT_ENOTSUP, "%s has no labels", m->architecture);
    c->cfg = m->cfg;
    ATTI_TRY(check_opts(c));
    size_t n = (size_t)c->cfg->n_labels;
    ATTI_TRY(atti_alloc(&c->labels, n, sizeof *c->labels, "labels"));
    const char *at = atti_encoder_label(c->cfg, 0);
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1) c->labels[i] = at;
    atti_program_opts o = {.inference = 1};
    ATTI_TRY(att_tape_create(&c->tape));
    ATTI_TRY(m->family->build(m->cfg, &m->params, c->tape, &o, &c->io));
    ATTI_TRY(att_tape_keep(c->tape, c->io.logits));
    return atti_family_bind(c->tape, &m->params, NULL);
}

att_status att_classifier_create(att_classifier **out, const att_model *model,
                                 const att_classify_opts *opts)
{
    att_classifier *c = NULL;
    if (!out || !model)
        return atti_fail(ATT_EINVAL, "att_classifier_create: an argument is NULL");
    if (opts && (opts->size == 0 || opts->size > sizeof *opts))
        return atti_fail(ATT_EINVAL,
                         "att_classifier_create: options of %u bytes, expected %zu: "
                         "call att_classify_opts_init()",
                         (unsigned)opts->size, sizeof *opts);
    ATTI_TRY(atti_alloc(&c, 1, sizeof *c, "classifier"));
    c->model = model;
    att_classify_opts_init(&c->o);
    if (opts) memcpy(&c->o, opts, opts->size);
    att_status st = open_session(c);
    if (st != ATT_OK) {
        att_classifier_destroy(c);
        return st;
    }
    *out = c;
    return ATT_OK;
}

void att_classifier_destroy(att_classifier *c)
{
    if (!c) return;
    att_tape_destroy(c->tape);
    atti_word_rows_deinit(&c->rows);
    atti_free(c->labels);
    atti_free(c);
}

int32_t att_classifier_labels(const att_classifier *c)
{
    return c ? (int32_t)c->cfg->n_labels : 0;
}

const char *att_classifier_label(const att_classifier *c, int32_t i)
{
    return c && i >= 0 && i < c->cfg->n_labels ? c->labels[i] : NULL;
}

int32_t att_classifier_tags(const att_classifier *c)
{
    return c && c->cfg->head == ATTI_HEAD_TOKENS;
}

int32_t att_classifier_regression(const att_classifier *c)
{
    return c && c->cfg->problem == ATTI_REGRESSION;
}

int32_t att_classifier_longest(const att_classifier *c, int32_t *words)
{
    int32_t of_words = c && atti_classifier_words(c);
    if (words) *words = of_words;
    if (!c) return 0;
    return of_words ? c->longest - 2 : c->longest;
}

/* ---- running ------------------------------------------------------------------ */

void atti_label_work_deinit(atti_label_work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        atti_free(w->seq[i].ids);
        atti_free(w->seq[i].types);
        atti_free(w->seq[i].item_row);
    }
    atti_free(w->seq);
}

typedef struct batch {
    int32_t *ids, *types, *offsets;
    int64_t rows, seqs;
} batch;

static att_status plan(att_classifier *c, int64_t rows, int64_t seqs)
{
    if (rows <= c->cap_rows && seqs <= c->cap_seqs) return ATT_OK;
    int64_t most_rows = atti_max_i64(rows, c->cap_rows);
    int64_t most_seqs = atti_max_i64(seqs, c->cap_seqs);
    const int64_t most[3] = {most_rows, most_seqs, 0};
    /* Words and their characters are fewer than the ids that hold both. */
    const int64_t words[5] = {most_rows, most_rows, most_seqs, 0, 0};
    att_tape_plan_opts o;
    att_tape_plan_opts_init(&o);
    o.max_rows = atti_classifier_words(c) ? words : most;
    o.n_max_rows = atti_classifier_words(c) ? 5 : 3;
    c->cap_rows = c->cap_seqs = 0;
    ATTI_TRY(att_tape_plan(c->tape, &o));
    c->cap_rows = most_rows;
    c->cap_seqs = most_seqs;
    return ATT_OK;
}

static att_status forward_words(att_classifier *c, const batch *b)
{
    const atti_program_io *io = &c->io;
    atti_word_rows *w = &c->rows;
    ATTI_TRY(atti_word_rows_make(w, b->ids, b->offsets, b->seqs, io->reach));
    ATTI_TRY(plan(c, b->rows, b->seqs));
    ATTI_TRY(att_tape_bind(c->tape, io->tgt_rows, w->n_words));
    ATTI_TRY(att_tape_bind(c->tape, io->src_rows, w->n_chars));
    ATTI_TRY(att_tape_bind(c->tape, io->seqs, w->n_seqs));
    ATTI_TRY(att_tape_set(c->tape, io->tgt_ids, w->word));
    ATTI_TRY(att_tape_set(c->tape, io->tgt_offsets, w->seq_at));
    if (io->src_ids != ATT_NO_VAR) {
        ATTI_TRY(att_tape_set(c->tape, io->src_ids, w->chars));
        ATTI_TRY(att_tape_set(c->tape, io->src_offsets, w->char_at));
    }
    for (int32_t i = 0; i < 2 * io->reach; i++)
        ATTI_TRY(att_tape_set(c->tape, io->near[i], w->near + i * w->n_words));
    return att_tape_forward(c->tape, 0, 0, 0);
}

static att_status forward(att_classifier *c, const batch *b)
{
    if (atti_classifier_words(c)) return forward_words(c, b);
    ATTI_TRY(plan(c, b->rows, b->seqs));
    ATTI_TRY(att_tape_bind(c->tape, c->io.src_rows, b->rows));
    ATTI_TRY(att_tape_bind(c->tape, c->io.seqs, b->seqs));
    ATTI_TRY(att_tape_set(c->tape, c->io.src_ids, b->ids));
    ATTI_TRY(att_tape_set(c->tape, c->io.src_offsets, b->offsets));
    if (c->io.src_types != ATT_NO_VAR)
        ATTI_TRY(att_tape_set(c->tape, c->io.src_types, b->types));
    return att_tape_forward(c->tape, 0, 0, 0);
}

/* Logits to what the header promises, and the likeliest label. */
static int32_t score(const att_classifier *c, float *out, const float *x)
{
    int64_t k = c->cfg->n_labels;
    int32_t best = 0;
    double sum = 0.0;
    for (int64_t i = 1; i < k; i++)
        if (x[i] > x[best]) best = (int32_t)i;
    bool regression =
        c->cfg->head == ATTI_HEAD_SEQUENCE && c->cfg->problem == ATTI_REGRESSION;
    bool each = c->cfg->head == ATTI_HEAD_SEQUENCE &&
                (c->cfg->problem == ATTI_MANY_LABELS || k == 1);
    for (int64_t i = 0; i < k; i++) sum += exp((double)x[i] - (double)x[best]);
    for (int64_t i = 0; i < k; i++) {
        double v = (double)x[i];
        if (!regression)
            v = each ? 1.0 / (1.0 + exp(-v)) : exp(v - (double)x[best]) / sum;
        out[i] = (float)v;
    }
    return best;
}

static att_status collect(att_classifier *c, const atti_label_work *w, size_t first,
                          const batch *b, att_labels *r)
{
    att_tensor t;
    int64_t k = c->cfg->n_labels;
    ATTI_TRY(att_tape_value(c->tape, &t, c->io.logits));
    const float *x = t.data;
    const int32_t *seq_at = atti_classifier_words(c) ? c->rows.seq_at : b->offsets;
    for (int64_t s = 0; s < b->seqs; s++) {
        const atti_label_seq *q = &w->seq[first + (size_t)s];
        const att_labelled *a = &r->item[q->job];
        int64_t at = a->best - r->best + q->first;
        for (int32_t i = 0; i < q->n_items; i++, at++) {
            int64_t row = q->item_row ? seq_at[s] + q->item_row[i] : s;
            r->best[at] = score(c, r->scores + at * k, x + row * k);
        }
    }
    return ATT_OK;
}

static att_status run_all(att_classifier *c, const atti_label_work *w, batch *b,
                          att_labels *r)
{
    for (size_t i = 0; i < w->n;) {
        size_t first = i;
        b->rows = b->seqs = 0;
        b->offsets[0] = 0;
        while (i < w->n && (b->seqs == 0 || b->rows + w->seq[i].n <= c->o.batch_rows)) {
            const atti_label_seq *q = &w->seq[i++];
            size_t bytes = (size_t)q->n * sizeof(int32_t);
            memcpy(b->ids + b->rows, q->ids, bytes);
            memset(b->types + b->rows, 0, bytes);
            if (q->types) memcpy(b->types + b->rows, q->types, bytes);
            b->rows += q->n;
            b->offsets[++b->seqs] = (int32_t)b->rows;
        }
        ATTI_TRY(forward(c, b));
        ATTI_TRY(collect(c, w, first, b, r));
    }
    return ATT_OK;
}

att_status atti_label_run(att_classifier *c, const atti_label_work *w, att_labels *r)
{
    batch b = {0};
    size_t room = (size_t)c->o.batch_rows;
    for (size_t i = 0; i < w->n; i++)
        if ((size_t)w->seq[i].n > room) room = (size_t)w->seq[i].n;
    att_status st = atti_alloc(&b.ids, room, sizeof *b.ids, "labelling");
    if (st == ATT_OK) st = atti_alloc(&b.types, room, sizeof *b.types, "labelling");
    if (st == ATT_OK)
        st = atti_alloc(&b.offsets, w->n + 1, sizeof *b.offsets, "labelling");
    if (st == ATT_OK) st = run_all(c, w, &b, r);
    atti_free(b.ids);
    atti_free(b.types);
    atti_free(b.offsets);
    return st;
}
