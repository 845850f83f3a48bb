/* evaluate.c - the loss of a finished model over a parallel corpus. */
#include "base/alloc.h"
#include "base/checked.h"
#include "data/text/langs.h"
#include "models/marian/marian_config.h"
#include "models/model_internal.h"
#include "models/rnn/rnn_build.h"
#include "train/trainer.h"
#include <math.h>

typedef struct evaluation {
    const att_model *model;
    const atti_marian_config *cfg;
    atti_marian_config common; /* cfg of a recurrent model */
    atti_pairs pairs;
    att_tape *tape;
    atti_program_io io;
    atti_feed *feed;
    atti_feed_opts feed_opts;
} evaluation;

static att_status encode(void *ctx, int side, const char *text, size_t n, int32_t **ids,
                         size_t *n_ids, size_t *cap)
{
    const att_model *m = ctx;
    return att_tokenizer_encode(m->tokenizer[side], text, n, ids, n_ids, cap);
}

static att_status lang_token(char token[ATTI_LANG_MAX + 1], const att_model *m,
                             const char *lang)
{
    ATTI_TRY(atti_lang_of_word(token, lang));
    if (att_tokenizer_id(m->tokenizer[0], token) != att_tokenizer_unk(m->tokenizer[0]))
        return ATT_OK;
    return atti_fail(ATT_EINVAL, "%s: the vocabulary has no target language '%.60s'",
                     m->dir, lang);
}

static att_status open_corpus(evaluation *e, const char *source, const char *target,
                              const char *lang)
{
    const att_model *m = e->model;
    char token[ATTI_LANG_MAX + 1];
    const char *prefix = token;
    atti_pairs_opts o = {.source = &source,
                         .target = &target,
                         .n_files = 1,
                         .encode = encode,
                         .encode_ctx = (void *)(uintptr_t)m,
                         .max_length = atti_min_i64(e->cfg->max_positions, 65535)};
    if (!m->tokenizer[0] || !m->tokenizer[1]) {
        return atti_fail(ATT_ENOTFOUND, "%s: has no tokenizer", m->dir);
    }
    if (lang) {
        ATTI_TRY(lang_token(token, m, lang));
        o.prefix = &prefix;
    }
    for (int i = 0; i < 2; i++) o.eos[i] = (int32_t)e->cfg->eos_id;
    o.vocab_size[0] = (int32_t)e->cfg->vocab_size;
    o.vocab_size[1] = (int32_t)e->cfg->decoder_vocab_size;
    return atti_pairs_open(&e->pairs, &o);
}

static att_status plan(evaluation *e)
{
    int64_t longest = atti_max_i64(e->pairs.longest[0], e->pairs.longest[1]), rows[4];
    atti_program_opts po = {.positions = longest};
    ATTI_TRY(att_tape_create(&e->tape));
    ATTI_TRY(e->model->family->build(e->model->cfg, &e->model->params, e->tape, &po,
                                     &e->io));
    atti_feed_max_rows(&e->pairs, &e->feed_opts, &rows[0], &rows[1], &rows[2]);
    rows[3] = rows[2] + 1;
    att_tape_plan_opts to;
    att_tape_plan_opts_init(&to);
    to.max_rows = rows;
    to.n_max_rows = 4;
    ATTI_TRY(att_tape_plan(e->tape, &to));
    return atti_family_bind(e->tape, &e->model->params, NULL);
}

static att_status run(evaluation *e, att_evaluation *out)
{
    atti_step step = {e->tape, &e->io, &atti_task_seq2seq, 0};
    atti_feed_item item = {0};
    atti_loss_sums sums = {0};
    ATTI_TRY(atti_feed_open(&e->feed, &e->pairs, &e->feed_opts, (atti_feed_pos){0, 0}));
    do {
        ATTI_TRY(atti_feed_next(e->feed, &item));
        ATTI_TRY(atti_step_eval(&step, item.batch, &sums));
    } while (item.seen < e->pairs.n);
    *out = (att_evaluation){.size = out->size, .target_lang = out->target_lang};
    out->nll = sums.nll / sums.count;
    out->perplexity = exp(out->nll);
    out->accuracy = sums.correct / sums.count;
    out->target_tokens = (int64_t)sums.count;
    out->sentences = e->pairs.n;
    out->skipped = e->pairs.lines - e->pairs.n;
    return ATT_OK;
}

att_status att_evaluate_pairs(att_evaluation *out, const att_model *model,
                              const char *source_file, const char *target_file,
                              int32_t batch_tokens)
{
    if (!out || !model || !source_file || !target_file) {
        return atti_fail(ATT_EINVAL, "att_evaluate_pairs: %s is NULL",
                         !out     ? "out"
                         : !model ? "model"
                                  : "a file");
    }
    ATTI_TRY(atti_check_out(out->size, sizeof *out, "att_evaluation"));
    if (batch_tokens < 0) {
        return atti_fail(ATT_EINVAL, "att_evaluate_pairs: %d tokens a batch",
                         batch_tokens);
    }
    evaluation e = {.model = model, .cfg = model->cfg, .pairs.fd = -1};
    if (model->family->shape != ATTI_SEQ2SEQ)
        return atti_fail(ATT_ENOTSUP, "a model of type '%s' does not translate",
                         model->family->model_type);
    if (model->family->build == atti_rnn_build) {
        atti_rnn_config_common(model->cfg, &e.common);
        e.cfg = &e.common;
    }
    att_status st = open_corpus(&e, source_file, target_file, out->target_lang);
    if (st == ATT_OK) {
        e.feed_opts.budget = batch_tokens > 0 ? batch_tokens : 4096;
        e.feed_opts.decoder_start = (int32_t)e.cfg->decoder_start_id;
        st = plan(&e);
    }
    if (st == ATT_OK) st = run(&e, out);
    atti_feed_close(e.feed);
    att_tape_destroy(e.tape);
    atti_pairs_close(&e.pairs);
    return st;
}
