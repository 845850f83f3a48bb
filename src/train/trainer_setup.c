/* trainer_setup.c - from options to a trainer that can make its first update: directory,
 * lock, vocabulary, corpus, model, memory. */
#include "attend/kernels.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/file.h"
#include "train/tasks/task_words.h"
#include "train/trainer.h"
#include <stdlib.h>
#include <string.h>

atti_params atti_trainer_weights(const atti_trainer *t)
{
    atti_params p = t->params;
    if (t->optim.ema) p.data = t->optim.ema;
    return p;
}

/* ---- directory ------------------------------------------------------------------ */

static int has_model(const char *dir)
{
    char *path = NULL;
    if (atti_path_join(&path, dir, "model.safetensors") != ATT_OK) return 0;
    int yes = atti_path_exists(path);
    atti_free(path);
    return yes;
}

static int has_checkpoint(const char *checkpoints)
{
    int64_t *list = NULL;
    size_t n = 0;
    if (atti_checkpoint_list(checkpoints, &list, &n) != ATT_OK) return 0;
    atti_free(list);
    return n > 0;
}

static att_status open_directory(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    if (o->dry_run) {
        /* Only the vocabulary is written, into a place of its own. */
        const char *tmp = getenv("TMPDIR");
        atti_str s = {0};
        atti_str_addf(&s, "%s/attend-dry-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        ATTI_TRY(atti_str_take(&t->dir, &s));
        if (!mkdtemp(t->dir)) return atti_fail(ATT_EIO, "%s: cannot create", t->dir);
        return ATT_OK;
    }
    ATTI_TRY(atti_strdup(&t->dir, o->model_dir));
    ATTI_TRY(atti_path_join(&t->checkpoints, t->dir, "checkpoints"));
    ATTI_TRY(atti_mkdir_all(t->dir));
    ATTI_TRY(atti_lock_dir(&t->lock, t->dir));
    ATTI_TRY(atti_overwrite_recover(t->dir));
    int used = has_model(t->dir) || has_checkpoint(t->checkpoints);
    if (used && !o->resume && !o->overwrite) {
        return atti_fail(
            ATT_EINVAL,
            "%s: holds a model or a training already (--resume goes on with "
            "it, --overwrite begins anew)",
            t->dir);
    }
    ATTI_TRY(atti_leftovers_clean(t->dir, t->checkpoints));
    if (used && !o->resume) return atti_overwrite_begin(t);
    return atti_mkdir_all(t->checkpoints);
}

/* ---- corpus --------------------------------------------------------------------- */

static void say_corpus(atti_trainer *t, const char *what, const atti_pairs *p)
{
    const char *items = t->task->items;
    const char *unit = t->task->feed == ATTI_FEED_WORDS ? "words" : "tokens";
    if (t->task->feed == ATTI_FEED_PAIRS) {
        atti_train_say(t, 4, "%s: %lld pairs, %lld source and %lld target tokens", what,
                       (long long)p->n, (long long)p->tokens[0],
                       (long long)p->tokens[1]);
    } else {
        int64_t n = p->is_stream ? p->stored : p->words ? p->words : p->tokens[0];
        atti_train_say(t, 4, "%s: %lld %s, %lld %s", what, (long long)p->n, items,
                       (long long)n, unit);
    }
    if (p->cut > 0)
        atti_train_say(t, 4, "%s: %lld %s cut to %lld %s (--max-length)", what,
                       (long long)p->cut, items, (long long)p->most, unit);
    if (p->n == p->lines) return;
    atti_train_say(
        t, 4,
        "%s: %lld of %lld %s left out: %lld longer than %lld %s, %lld "
        "%s, %lld not UTF-8",
        what, (long long)(p->lines - p->n), (long long)p->lines, items,
        (long long)p->too_long, (long long)p->most, unit, (long long)p->empty,
        t->task->two_files ? "with an empty side" : "empty", (long long)p->invalid);
}

static void say_valid(atti_trainer *t)
{
    char what[100];
    for (int32_t i = 0; i < t->n_valid; i++) {
        snprintf(what, sizeof what, "validation");
        if (t->n_valid > 1)
            snprintf(what, sizeof what, "validation, %.80s",
                     atti_train_valid_name(&t->o, i));
        say_corpus(t, what, &t->valid[i]);
    }
}

static int64_t vary_pair(const void *ctx, int side, uint64_t key, const int32_t *ids,
                         int64_t n, int32_t *out, int64_t room)
{
    const atti_trainer *t = ctx;
    return atti_bpe_dropout_draw(t->vary[side], key, ids, n, out, room);
}

static att_status open_variants(atti_trainer *t)
{
    if (t->o.bpe_dropout <= 0 || t->task->feed != ATTI_FEED_PAIRS) return ATT_OK;
    double p = (double)t->o.bpe_dropout;
    ATTI_TRY(atti_bpe_dropout_open(&t->vary[0], t->tok[0], p));
    t->vary[1] = t->vary[0];
    if (t->tok[1] != t->tok[0])
        ATTI_TRY(atti_bpe_dropout_open(&t->vary[1], t->tok[1], p));
    t->feed_opts.vary = vary_pair;
    t->feed_opts.vary_ctx = t;
    return ATT_OK;
}

static att_status open_valid(atti_trainer *t)
{
    size_t n = (size_t)atti_train_valid_files(&t->o).n;
    if (n == 0) return ATT_OK;
    ATTI_TRY(atti_alloc(&t->valid, n, sizeof *t->valid, "validation"));
    ATTI_TRY(atti_alloc(&t->by_pair, n, sizeof *t->by_pair, "validation"));
    for (size_t i = 0; i < n; i++) t->valid[i].fd = -1;
    t->n_valid = (int32_t)n;
    for (int i = 0; i < t->n_valid; i++)
        ATTI_TRY(t->task->open(t, &t->valid[i], i + 1));
    return ATT_OK;
}

static att_status open_corpus(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    ATTI_TRY(t->task->open(t, &t->train, 0));
    ATTI_TRY(open_valid(t));
    t->feed_opts.budget = atti_max_i64(1, o->batch_tokens / o->accumulate);
    t->feed_opts.shuffle = 1;
    t->feed_opts.by_length = o->length_buckets != 0;
    t->feed_opts.seed = o->seed;
    t->feed_opts.kind = t->task->feed;
    if (t->labels.n > 0) t->feed_opts.ignore = (int32_t)t->labels.n;
    if (t->task->feed == ATTI_FEED_WORDS) {
        atti_words_task_feed(t);
        return ATT_OK;
    }
    return open_variants(t);
}

/* ---- model ---------------------------------------------------------------------- */

/* Variants of a sentence may be longer than what the corpus holds of it. */
static int64_t longest_sequence(const atti_trainer *t)
{
    const atti_pairs *p = &t->train;
    if (t->feed_opts.vary) return t->o.max_length;
    int64_t n = atti_max_i64(p->longest[0], p->longest[1]);
    for (int32_t i = 0; i < t->n_valid; i++) {
        p = &t->valid[i];
        n = atti_max_i64(n, atti_max_i64(p->longest[0], p->longest[1]));
    }
    return n;
}

static att_status record_model(atti_trainer *t)
{
    ATTI_TRY(t->family->declare(t->cfg, &t->params));
    ATTI_TRY(att_tape_create(&t->tape));
    atti_program_opts po = {.training = 1,
                            .label_smoothing = t->o.label_smoothing,
                            .positions = longest_sequence(t)};
    ATTI_TRY(t->family->build(t->cfg, &t->params, t->tape, &po, &t->io));
    t->optim.beta1 = t->o.beta1;
    t->optim.beta2 = t->o.beta2;
    t->optim.eps = t->o.adam_eps;
    t->optim.weight_decay = t->o.weight_decay;
    t->optim.ema_rate = t->o.ema;
    t->step = (atti_step){t->tape, &t->io, t->task, t->o.seed};
    return ATT_OK;
}

void atti_trainer_estimate(const atti_trainer *t, att_train_estimate *e)
{
    int64_t floats = (int64_t)t->params.count * (int64_t)sizeof(float);
    uint32_t size = e->size;
    memset(e, 0, sizeof *e);
    e->size = size;
    e->parameters = atti_params_total(&t->params);
    e->weights = e->gradients = floats;
    e->optimizer = atti_optim_bytes(&t->optim, &t->params);
    e->activations =
        (int64_t)(t->memory.activations + t->memory.gradients + t->memory.scratch);
    e->data = atti_feed_bytes(&t->train, &t->feed_opts);
    for (int32_t i = 0; i < t->n_valid; i++) e->data += t->valid[i].n * 12;
    e->flops_per_update =
        t->o.accumulate * (t->memory.forward_flops + t->memory.backward_flops);
    e->pairs = t->train.n;
    e->pairs_skipped = t->train.lines - t->train.n;
}

static att_status check_memory(const atti_trainer *t)
{
    att_train_estimate e = {.size = (uint32_t)sizeof e};
    atti_trainer_estimate(t, &e);
    return atti_train_check_memory(&t->o, &e);
}

static att_status plan_memory(atti_trainer *t)
{
    int64_t rows[5] = {0};
    int32_t n_rows = 0;
    atti_task_max_rows(t->family, &t->train, t->valid, t->n_valid, &t->feed_opts, rows,
                       &n_rows);
    att_tape_plan_opts po;
    att_tape_plan_opts_init(&po);
    po.training = 1;
    po.max_rows = rows;
    po.n_max_rows = n_rows;
    po.precision = t->o.precision;
    t->memory.size = (uint32_t)sizeof t->memory;
    ATTI_TRY(att_tape_measure(t->tape, &po, &t->memory));
    ATTI_TRY(check_memory(t));
    ATTI_TRY(att_tape_plan(t->tape, &po));
    ATTI_TRY(atti_params_alloc(&t->params));
    atti_params_init_values(&t->params, t->o.seed);
    ATTI_TRY(atti_inputs_apply(t));
    ATTI_TRY(atti_alloc(&t->grads, t->params.count, sizeof *t->grads, "gradients"));
    ATTI_TRY(atti_optim_init(&t->optim, &t->params));
    atti_optim_start_ema(&t->optim);
    return atti_family_bind(t->tape, &t->params, t->grads);
}

/* ---- all of it ------------------------------------------------------------------- */

att_status atti_trainer_open_feed(atti_trainer *t)
{
    atti_feed_close(t->feed);
    t->feed = NULL;
    memset(&t->item, 0, sizeof t->item);
    return atti_feed_open(&t->feed, &t->train, &t->feed_opts, t->state.pos);
}

static void say_precision(atti_trainer *t)
{
    const char *by = att_kernels_bf16();
    if (strcmp(by, "emulated") == 0)
        atti_train_say(t, 4,
                       "precision: operands of products are rounded to bfloat16; this "
                       "processor multiplies them in float32, so it gains no speed");
    else
        atti_train_say(t, 4,
                       "precision: products of bfloat16 operands by %s, sums, weights "
                       "and optimiser in float32",
                       by);
}

static att_status open_trainer(atti_trainer *t)
{
    ATTI_TRY(atti_train_opts_check(t));
    if (t->task->check_files) ATTI_TRY(t->task->check_files(t));
    ATTI_TRY(open_directory(t));
    ATTI_TRY(t->task->vocab(t));
    ATTI_TRY(t->task->model(t));
    ATTI_TRY(open_corpus(t));
    ATTI_TRY(record_model(t));
    ATTI_TRY(plan_memory(t));
    if (t->o.dry_run) return atti_trainer_open_feed(t);
    ATTI_TRY(atti_train_digest(t));
    /* None found: killed before its first checkpoint, so it begins at the beginning. */
    int found = 0;
    if (t->o.resume) ATTI_TRY(atti_checkpoint_load(t, &found));
    ATTI_TRY(atti_train_log_open(t));
    ATTI_TRY(atti_train_config_write(t));
    if (t->o.precision) say_precision(t);
    atti_inputs_say(t);
    /* Scripts say --resume always, the first time too; a mistyped name must show. */
    if (t->o.resume && !found) {
        atti_train_say(t, 4, "nothing to resume in %s: starting anew", t->dir);
    }
    say_corpus(t, "training", &t->train);
    say_valid(t);
    return atti_trainer_open_feed(t);
}

att_status atti_trainer_open(atti_trainer *t, const att_train_opts *opts)
{
    memset(t, 0, sizeof *t);
    t->lock = t->train.fd = -1;
    t->saved = -1;
    atti_train_state_init(&t->state);
    ATTI_TRY(atti_train_opts_copy(&t->o, opts));
    t->clock0 = atti_train_clock();
    att_status st = open_trainer(t);
    t->elapsed0 = t->state.elapsed_s;
    t->done0 = st == ATT_OK ? atti_trainer_done(t) : 0.0;
    if (st != ATT_OK) {
        atti_error e;
        atti_error_take(&e, st);
        atti_trainer_close(t);
        return atti_error_post(&e);
    }
    return ATT_OK;
}

void atti_trainer_close(atti_trainer *t)
{
    atti_feed_close(t->feed);
    atti_train_log_close(t);
    atti_pairs_close(&t->train);
    for (int32_t i = 0; i < t->n_valid; i++) atti_pairs_close(&t->valid[i]);
    atti_free(t->valid);
    atti_free(t->by_pair);
    att_tape_destroy(t->tape);
    atti_optim_deinit(&t->optim);
    atti_params_deinit(&t->params);
    atti_free(t->grads);
    atti_free(t->inputs.frozen);
    atti_free(t->owned_cfg);
    atti_free(t->unseen_label);
    atti_label_set_deinit(&t->labels);
    atti_lexicon_deinit(&t->lexicon);
    if (t->vary[1] != t->vary[0]) atti_bpe_dropout_close(t->vary[1]);
    atti_bpe_dropout_close(t->vary[0]);
    if (t->tok[1] != t->tok[0]) att_tokenizer_destroy(t->tok[1]);
    att_tokenizer_destroy(t->tok[0]);
    if (t->o.dry_run && t->dir) (void)!atti_remove_tree(t->dir);
    atti_overwrite_give_up(t);
    atti_unlock_dir(t->lock);
    atti_free(t->checkpoints);
    atti_free(t->dir);
    memset(t, 0, sizeof *t);
    t->lock = -1;
}
