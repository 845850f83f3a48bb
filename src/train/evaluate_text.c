/* evaluate_text.c - the loss of a language model over a running text. */
#include "base/alloc.h"
#include "base/file.h"
#include "models/decoder/decoder_config.h"
#include "models/model_internal.h"
#include "train/tasks/task_encoder.h"
#include <math.h>
#include <string.h>

typedef struct evaluation {
    const att_model *model;
    atti_pairs pairs;
    att_tape *tape;
    atti_program_io io;
    atti_feed *feed;
    atti_feed_opts feed_opts;
} evaluation;

static att_status count_text(att_text_evaluation *out, const char *path)
{
    atti_blob b;
    ATTI_TRY(atti_text_check(path));
    ATTI_TRY(atti_blob_open(&b, path, 0));
    out->bytes += (int64_t)b.size;
    for (size_t i = 0; i < b.size; i++) out->chars += (b.data[i] & 0xc0) != 0x80;
    atti_blob_close(&b);
    return ATT_OK;
}

static att_status plan(evaluation *e)
{
    const att_model *m = e->model;
    atti_program_opts po = {.training = 0};
    int64_t rows[5];
    int32_t n_rows = 0;
    ATTI_TRY(att_tape_create(&e->tape));
    ATTI_TRY(m->family->build(m->cfg, &m->params, e->tape, &po, &e->io));
    atti_task_max_rows(m->family, &e->pairs, NULL, 0, &e->feed_opts, rows, &n_rows);
    att_tape_plan_opts to;
    att_tape_plan_opts_init(&to);
    to.max_rows = rows;
    to.n_max_rows = n_rows;
    ATTI_TRY(att_tape_plan(e->tape, &to));
    return atti_family_bind(e->tape, &m->params, NULL);
}

static att_status run(evaluation *e, att_text_evaluation *out)
{
    atti_step step = {e->tape, &e->io, &atti_task_generate, 0};
    atti_feed_item item = {0};
    atti_loss_sums sums = {0};
    ATTI_TRY(atti_feed_open(&e->feed, &e->pairs, &e->feed_opts, (atti_feed_pos){0, 0}));
    do {
        ATTI_TRY(atti_feed_next(e->feed, &item));
        ATTI_TRY(atti_step_eval(&step, item.batch, &sums));
    } while (item.seen < e->pairs.n);
    double bits = sums.nll / log(2.0);
    out->nll = sums.nll / sums.count;
    out->perplexity = exp(out->nll);
    out->accuracy = sums.correct / sums.count;
    out->tokens = (int64_t)sums.count;
    out->bits_per_byte = bits / (double)out->bytes;
    out->bits_per_char = bits / (double)out->chars;
    return ATT_OK;
}

static att_status evaluate(evaluation *e, att_text_evaluation *out,
                           const atti_text_files *f)
{
    const att_model *m = e->model;
    if (!m->tokenizer[0])
        return atti_fail(ATT_ENOTFOUND, "%s: has no tokenizer", m->dir);
    for (int32_t i = 0; i < f->n; i++) ATTI_TRY(count_text(out, f->files[i]));
    ATTI_TRY(atti_text_stream(&e->pairs, m->tokenizer[0], f, out->context, 0));
    ATTI_TRY(plan(e));
    return run(e, out);
}

static att_status check_files(const char *const *files, int32_t n)
{
    if (!files || n < 1) return atti_fail(ATT_EINVAL, "att_evaluate_text: no files");
    for (int32_t i = 0; i < n; i++)
        if (!files[i])
            return atti_fail(ATT_EINVAL, "att_evaluate_text: file %d is NULL", (int)i);
    return ATT_OK;
}

att_status att_evaluate_text(att_text_evaluation *out, const att_model *model,
                             const char *const *files, int32_t n_files, int32_t context,
                             int32_t batch_tokens)
{
    if (!out || !model)
        return atti_fail(ATT_EINVAL, "att_evaluate_text: %s is NULL",
                         out ? "model" : "out");
    ATTI_TRY(atti_check_out(out->size, sizeof *out, "att_text_evaluation"));
    ATTI_TRY(check_files(files, n_files));
    if (model->family->shape != ATTI_DECODER)
        return atti_fail(ATT_ENOTSUP, "%s is no language model", model->architecture);
    const atti_decoder_config *c = model->cfg;
    int64_t most = c->max_positions < 65534 ? c->max_positions : 65534;
    if (context < 0 || context > most || batch_tokens < 0)
        return atti_fail(ATT_EINVAL,
                         "att_evaluate_text: context %d, batches of %d: the model has "
                         "%lld positions",
                         (int)context, (int)batch_tokens, (long long)most);
    int64_t in_force = context ? context : most;
    if (out->stride < 0 || out->stride > in_force)
        return atti_fail(
            ATT_EINVAL,
            "att_evaluate_text: stride %lld, expected 1..%lld, the context, "
            "or 0",
            (long long)out->stride, (long long)in_force);
    evaluation e = {.model = model, .pairs.fd = -1};
    att_text_evaluation r = {
        .size = out->size, .context = in_force, .stride = out->stride};
    const atti_text_files f = {files, n_files, NULL, r.stride % in_force, &r.unknown};
    e.feed_opts.budget = batch_tokens > 0 ? batch_tokens : 4096;
    e.feed_opts.kind = ATTI_FEED_BLOCKS;
    att_status st = evaluate(&e, &r, &f);
    atti_feed_close(e.feed);
    att_tape_destroy(e.tape);
    atti_pairs_close(&e.pairs);
    if (st == ATT_OK) *out = r;
    return st;
}
