/* trainer_setup.c - from options to a trainer that can make its first update: directory,
 * lock, vocabulary, corpus, model, memory. */
#include "attend/kernels.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/file.h"
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

static att_status forget_old(const atti_trainer *t)
{
    static const char *const names[] = {
        "model.safetensors", "config.json", "vocab.json",
        "target_vocab.json", "source.spm",  "target.spm",
        "checkpoints",       "best",        "average"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = NULL;
        ATTI_TRY(atti_path_join(&path, t->dir, names[i]));
        att_status st = ATT_OK;
        if (atti_path_is_dir(path)) {
            st = atti_remove_tree(path);
        } else if (atti_path_exists(path) && remove(path) != 0) {
            st = atti_fail(ATT_EIO, "%s: cannot remove", path);
        }
        atti_free(path);
        ATTI_TRY(st);
    }
    return ATT_OK;
}

/* Before a directory is made and minutes go into a vocabulary. */
static att_status check_files(const att_train_opts *o)
{
    int64_t n = 0;
    ATTI_TRY(atti_pairs_count(&n, o->train_source, o->train_target, o->n_train));
    if (!o->valid_source) return ATT_OK;
    return atti_pairs_count(&n, &o->valid_source, &o->valid_target, 1);
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
    int used = has_model(t->dir) || has_checkpoint(t->checkpoints);
    if (used && !o->resume && !o->overwrite) {
        return atti_fail(
            ATT_EINVAL,
            "%s: holds a model or a training already (--resume goes on with "
            "it, --overwrite begins anew)",
            t->dir);
    }
    if (used && !o->resume) ATTI_TRY(forget_old(t));
    ATTI_TRY(atti_mkdir_all(t->checkpoints));
    return atti_leftovers_clean(t->dir, t->checkpoints);
}

/* ---- corpus --------------------------------------------------------------------- */

static att_status encode(void *ctx, int side, const char *text, size_t n, int32_t **ids,
                         size_t *n_ids, size_t *cap)
{
    const atti_trainer *t = ctx;
    return att_tokenizer_encode(t->tok[side], text, n, ids, n_ids, cap);
}

static att_status open_pairs(atti_trainer *t, atti_pairs *p, const char *const *source,
                             const char *const *target, int32_t n)
{
    atti_pairs_opts o = {.source = source,
                         .target = target,
                         .n_files = n,
                         .temp_dir = t->dir,
                         .encode = encode,
                         .encode_ctx = t,
                         .max_length = t->o.max_length};
    for (int i = 0; i < 2; i++) {
        o.vocab_size[i] = att_tokenizer_size(t->tok[i]);
        o.eos[i] = att_tokenizer_eos(t->tok[i]);
    }
    return atti_pairs_open(p, &o);
}

static void say_pairs(atti_trainer *t, const char *what, const atti_pairs *p)
{
    atti_train_say(t, 4, "%s: %lld pairs, %lld source and %lld target tokens", what,
                   (long long)p->n, (long long)p->tokens[0], (long long)p->tokens[1]);
    if (p->n == p->lines) return;
    atti_train_say(t, 4,
                   "%s: %lld of %lld pairs left out: %lld longer than %d tokens, %lld "
                   "with an empty side, %lld not UTF-8",
                   what, (long long)(p->lines - p->n), (long long)p->lines,
                   (long long)p->too_long, p->max_length, (long long)p->empty,
                   (long long)p->invalid);
}

static att_status open_corpus(atti_trainer *t)
{
    const att_train_opts *o = &t->o;
    ATTI_TRY(open_pairs(t, &t->train, o->train_source, o->train_target, o->n_train));
    if (o->valid_source) {
        ATTI_TRY(open_pairs(t, &t->valid, &o->valid_source, &o->valid_target, 1));
    }
    t->feed_opts = (atti_feed_opts){
        .budget = atti_max_i64(1, o->batch_tokens / o->accumulate),
        .decoder_start = (int32_t)t->cfg.decoder_start_id,
        .shuffle = 1,
        .by_length = o->length_buckets != 0,
        .seed = o->seed,
    };
    return ATT_OK;
}

/* ---- model ---------------------------------------------------------------------- */

static att_status make_model(atti_trainer *t)
{
    ATTI_TRY(atti_train_model_config(&t->cfg, &t->o, att_tokenizer_size(t->tok[0]),
                                     att_tokenizer_size(t->tok[1])));
    const char *type = t->cfg.is_plain_marian ? "marian" : "attend";
    t->family = atti_family_find(type);
    if (!t->family) return atti_fail(ATT_EBUG, "no family '%s'", type);
    ATTI_TRY(t->family->declare(&t->cfg, &t->params));
    ATTI_TRY(att_tape_create(&t->tape));
    atti_program_opts po = {.training = 1, .label_smoothing = t->o.label_smoothing};
    ATTI_TRY(t->family->build(&t->cfg, &t->params, t->tape, &po, &t->io));
    t->optim.beta1 = t->o.beta1;
    t->optim.beta2 = t->o.beta2;
    t->optim.eps = t->o.adam_eps;
    t->optim.weight_decay = t->o.weight_decay;
    t->optim.ema_rate = t->o.ema;
    t->step = (atti_step){t->tape, &t->io, &atti_task_seq2seq, t->o.seed};
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
    if (t->valid.n > 0) e->data += t->valid.n * 12;
    e->flops_per_update =
        t->o.accumulate * (t->memory.forward_flops + t->memory.backward_flops);
    e->pairs = t->train.n;
    e->pairs_skipped = t->train.lines - t->train.n;
}

static att_status check_memory(const atti_trainer *t)
{
    att_train_estimate e = {.size = (uint32_t)sizeof e};
    atti_trainer_estimate(t, &e);
    int64_t sum = e.weights + e.gradients + e.optimizer + e.activations + e.data;
    if (t->o.memory_limit <= 0 || sum <= t->o.memory_limit) return ATT_OK;
    return atti_fail(ATT_ENOMEM,
                     "%.1f MB needed (weights %.1f, gradients %.1f, optimiser %.1f, "
                     "activations %.1f, data %.1f), the limit is %.1f MB: smaller "
                     "--mini-batch-words or more --optimizer-delay need less",
                     (double)sum / 1e6, (double)e.weights / 1e6,
                     (double)e.gradients / 1e6, (double)e.optimizer / 1e6,
                     (double)e.activations / 1e6, (double)e.data / 1e6,
                     (double)t->o.memory_limit / 1e6);
}

static att_status plan_memory(atti_trainer *t)
{
    int64_t rows[4] = {0};
    int64_t vs = 0, vt = 0, vn = 0;
    atti_feed_max_rows(&t->train, &t->feed_opts, &rows[0], &rows[1], &rows[2]);
    if (t->valid.n > 0) {
        atti_feed_max_rows(&t->valid, &t->feed_opts, &vs, &vt, &vn);
        rows[0] = atti_max_i64(rows[0], vs);
        rows[1] = atti_max_i64(rows[1], vt);
        rows[2] = atti_max_i64(rows[2], vn);
    }
    rows[3] = rows[2] + 1;
    att_tape_plan_opts po;
    att_tape_plan_opts_init(&po);
    po.training = 1;
    po.max_rows = rows;
    po.n_max_rows = 4;
    po.precision = t->o.precision;
    t->memory.size = (uint32_t)sizeof t->memory;
    ATTI_TRY(att_tape_measure(t->tape, &po, &t->memory));
    ATTI_TRY(check_memory(t));
    ATTI_TRY(att_tape_plan(t->tape, &po));
    ATTI_TRY(atti_params_alloc(&t->params));
    ATTI_TRY(atti_alloc(&t->grads, t->params.count, sizeof *t->grads, "gradients"));
    ATTI_TRY(atti_optim_init(&t->optim, &t->params));
    atti_params_init_values(&t->params, t->o.seed);
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
    ATTI_TRY(check_files(&t->o));
    ATTI_TRY(open_directory(t));
    ATTI_TRY(atti_trainer_vocab(t));
    ATTI_TRY(make_model(t));
    ATTI_TRY(open_corpus(t));
    ATTI_TRY(plan_memory(t));
    if (t->o.dry_run) return atti_trainer_open_feed(t);
    ATTI_TRY(atti_train_digest(t));
    /* None found: killed before its first checkpoint, so it begins at the beginning. */
    int found = 0;
    if (t->o.resume) ATTI_TRY(atti_checkpoint_load(t, &found));
    ATTI_TRY(atti_train_log_open(t));
    ATTI_TRY(atti_train_config_write(t));
    if (t->o.precision) say_precision(t);
    /* Scripts say --resume always, the first time too; a mistyped name must show. */
    if (t->o.resume && !found) {
        atti_train_say(t, 4, "nothing to resume in %s: starting anew", t->dir);
    }
    say_pairs(t, "training", &t->train);
    if (t->valid.n > 0) say_pairs(t, "validation", &t->valid);
    return atti_trainer_open_feed(t);
}

att_status atti_trainer_open(atti_trainer *t, const att_train_opts *opts)
{
    memset(t, 0, sizeof *t);
    t->lock = t->train.fd = t->valid.fd = -1;
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
    atti_pairs_close(&t->valid);
    att_tape_destroy(t->tape);
    atti_optim_deinit(&t->optim);
    atti_params_deinit(&t->params);
    atti_free(t->grads);
    if (t->tok[1] != t->tok[0]) att_tokenizer_destroy(t->tok[1]);
    att_tokenizer_destroy(t->tok[0]);
    if (t->o.dry_run && t->dir) (void)!atti_remove_tree(t->dir);
    atti_unlock_dir(t->lock);
    atti_free(t->checkpoints);
    atti_free(t->dir);
    memset(t, 0, sizeof *t);
    t->lock = -1;
}
