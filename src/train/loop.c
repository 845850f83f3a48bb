/* loop.c - update after update: batches, gradients, clip, step, and what comes between.
 *
 * An update is a pure function of the state and the options. When a loss or a gradient
 * is not finite, nothing has been changed yet: the training goes back to its newest
 * regular checkpoint (or its beginning) with half the rate, and gives up when that has
 * not helped MAX_ROLLBACKS times in a row. */
#include "base/alloc.h"
#include "base/file.h"
#include "train/trainer.h"
#include <math.h>
#include <string.h>

enum { MAX_ROLLBACKS = 4 };

att_status atti_trainer_gradients(atti_trainer *t, atti_loss_sums *sums, double *norm)
{
    memset(sums, 0, sizeof *sums);
    for (int32_t k = 0; k < t->o.accumulate; k++) {
        ATTI_TRY(atti_feed_next(t->feed, &t->item));
        /* Its number decides a batch's dropout: unique, and known after a resume. */
        uint64_t number = (uint64_t)t->state.update * (uint64_t)t->o.accumulate + k;
        ATTI_TRY(atti_step_train(&t->step, t->item.batch, number, k > 0, sums));
    }
    if (!(sums->count > 0.0)) return atti_fail(ATT_EBUG, "an update without a token");
    atti_inputs_hold(t);
    *norm = atti_optim_norm(&t->optim, t->grads) / sums->count;
    return ATT_OK;
}

static double learning_rate(atti_trainer *t)
{
    double done = atti_trainer_done(t);
    int64_t u = t->state.update + 1;
    /* Minutes count from the first update: vocabulary and corpus warm nothing up. */
    if (u == 2) t->done_first = done;
    double warm = atti_schedule_warm(&t->schedule, u, done, t->done_first);
    if (t->state.done_warm < 0.0 && (warm >= 1.0 || u >= t->schedule.warmup))
        t->state.done_warm = done;
    double done_warm = t->state.done_warm < 0.0 ? 0.0 : t->state.done_warm;
    if (t->state.done_warm >= 0.0) warm = 1.0;
    return t->state.lr_scale *
           atti_schedule_rate(&t->schedule, u, warm, done, done_warm);
}

/* The sign of a NaN is chance, and "-nan" a riddle. */
static double unsigned_nan(double x)
{
    return isnan(x) ? fabs(x) : x;
}

static att_status roll_back(atti_trainer *t, const atti_loss_sums *sums, double norm)
{
    double scale = t->state.lr_scale * 0.5;
    int64_t at = t->state.update, times = t->state.rollbacks + 1;
    double loss = unsigned_nan(sums->loss / sums->count);
    norm = unsigned_nan(norm);
    if (times > MAX_ROLLBACKS) {
        return atti_fail(ATT_EDIVERGED,
                         "diverged at update %lld (loss %g, gradient norm %g), after "
                         "%d rollbacks: a lower --learn-rate, more --lr-warmup or "
                         "--clip-norm 1 may help",
                         (long long)at + 1, loss, norm, MAX_ROLLBACKS);
    }
    int found = 0;
    ATTI_TRY(atti_checkpoint_forget_stops(t));
    ATTI_TRY(atti_checkpoint_load(t, &found));
    if (!found) {
        t->saved = -1;
        atti_train_state_init(&t->state);
        atti_params_init_values(&t->params, t->o.seed);
        memset(t->optim.m, 0, t->optim.count * sizeof *t->optim.m);
        if (t->optim.v) memset(t->optim.v, 0, t->optim.count * sizeof *t->optim.v);
        atti_optim_start_ema(&t->optim);
    }
    t->state.lr_scale = scale;
    t->state.rollbacks = times;
    atti_train_say(
        t, 4,
        "diverged at update %lld (loss %g, gradient norm %g): back to update "
        "%lld with %g of the rate",
        (long long)at + 1, loss, norm, (long long)t->state.update, scale);
    return atti_trainer_open_feed(t);
}

static void advance(atti_trainer *t, const atti_loss_sums *sums)
{
    atti_train_state *s = &t->state;
    s->update++;
    s->pos = t->item.next;
    s->seen = t->item.seen;
    if (s->seen == t->train.n) {
        s->pos = (atti_feed_pos){s->pos.epoch + 1, 0};
        s->seen = 0;
    }
    s->target_tokens += (int64_t)sums->count;
    s->elapsed_s = t->elapsed0 + atti_train_clock() - t->clock0;
}

/* *diverged: the state is the older one now, the caller goes on from there. */
static att_status one_update(atti_trainer *t, atti_loss_sums *sums, double *norm,
                             double *lr, int *diverged)
{
    ATTI_TRY(atti_trainer_gradients(t, sums, norm));
    *diverged = !isfinite(sums->loss) || !isfinite(*norm);
    if (*diverged) return roll_back(t, sums, *norm);
    *lr = learning_rate(t);
    double clip = atti_clip_scale(*norm, (double)t->o.clip_norm);
    atti_optim_step(&t->optim, t->grads, *lr, clip / sums->count, t->state.update + 1);
    advance(t, sums);
    return ATT_OK;
}

static att_status save(atti_trainer *t, int regular)
{
    /* Progress was made: what went wrong before it counts no more. */
    if (regular) t->state.rollbacks = 0;
    double began = atti_train_clock();
    ATTI_TRY(atti_checkpoint_save(t, regular));
    t->save_pause = (atti_pause){began, atti_train_clock()};
    atti_train_say(t, 3, "checkpoint at update %lld", (long long)t->state.update);
    return ATT_OK;
}

static att_status stopped(atti_trainer *t)
{
    if (t->saved != t->state.update) ATTI_TRY(save(t, 0));
    return atti_fail(ATT_ECANCELLED, "stopped at update %lld, saved in %s",
                     (long long)t->state.update, t->checkpoints);
}

static att_status validate(atti_trainer *t)
{
    atti_validation v;
    atti_train_state *s = &t->state;
    atti_params w = atti_trainer_weights(t);
    double began = atti_train_clock();
    att_status cut = atti_trainer_validate(t, &w, &v);
    /* Nothing is known yet: the checkpoint says that this validation is still due. */
    if (cut == ATT_ECANCELLED) return stopped(t);
    ATTI_TRY(cut);
    atti_validation best = {.nll = s->best_nll, .score = s->best_score};
    int better = s->best_update < 0 || atti_validation_better(&v, &best);
    if (better) {
        char *path = NULL;
        s->best_nll = v.nll;
        s->best_score = v.score;
        s->best_update = s->update;
        s->bad = 0;
        ATTI_TRY(atti_path_join(&path, t->dir, "best"));
        att_status st = atti_trainer_save_model(t, &w, path);
        atti_free(path);
        ATTI_TRY(st);
    } else {
        s->bad++;
    }
    atti_train_log_valid(t, &v, better);
    s->due_valid = 0;
    t->valid_pause = (atti_pause){began, atti_train_clock()};
    t->saved = -1; /* a checkpoint of this update would not know the result */
    return ATT_OK;
}

/* What this update still has to do, after a resume too. The validation first: a
 * checkpoint knows its own result, so that a resumed training judges later ones by it. */
static att_status settle_now(atti_trainer *t)
{
    atti_train_state *s = &t->state;
    if (s->due_valid && t->n_valid > 0) ATTI_TRY(validate(t));
    if (!s->due_save) return ATT_OK;
    s->due_save = 0;
    return save(t, 1);
}

static att_status settle(atti_trainer *t)
{
    double start = atti_train_clock();
    att_status st = settle_now(t);
    atti_train_log_pause(t, atti_train_clock() - start);
    return st;
}

/* What comes by the clock takes no more than a tenth of it: after a pause of a second nine
 * are the training's. What was missed comes with the next multiple. */
static int due(const atti_span *s, const atti_progress *before,
               const atti_progress *now, const atti_pause *last)
{
    if (!atti_span_passed(s, before, now)) return 0;
    if (s->unit != ATTI_UNIT_MINUTES) return 1;
    return atti_train_clock() - last->ended >= 9.0 * (last->ended - last->began);
}

static att_status between(atti_trainer *t, const atti_progress *before)
{
    atti_progress now = atti_trainer_progress(t);
    atti_train_state *s = &t->state;
    s->due_valid = t->n_valid > 0 && due(&t->valid_freq, before, &now, &t->valid_pause);
    s->due_save = due(&t->save_freq, before, &now, &t->save_pause);
    ATTI_TRY(settle(t));
    if (t->o.stop && t->o.stop(t->o.user)) return stopped(t);
    return ATT_OK;
}

static int enough(const atti_trainer *t)
{
    return t->o.early_stopping > 0 && t->state.bad >= t->o.early_stopping;
}

static att_status train(atti_trainer *t)
{
    ATTI_TRY(settle(t));
    while (!enough(t) && atti_trainer_done(t) < 1.0) {
        atti_loss_sums sums;
        double norm = 0.0, lr = 0.0;
        int diverged = 0;
        atti_progress before = atti_trainer_progress(t);
        ATTI_TRY(one_update(t, &sums, &norm, &lr, &diverged));
        if (diverged) {
            ATTI_TRY(settle(t));
            continue;
        }
        atti_progress now = atti_trainer_progress(t);
        atti_train_log_update(t, &sums, norm, lr,
                              atti_span_passed(&t->disp_freq, &before, &now));
        ATTI_TRY(between(t, &before));
    }
    if (enough(t)) {
        atti_train_say(t, 4, "no better for %lld validations: stopped early",
                       (long long)t->state.bad);
    }
    return ATT_OK;
}

att_status atti_trainer_run(atti_trainer *t)
{
    ATTI_TRY(train(t));
    if (t->saved != t->state.update) ATTI_TRY(save(t, 0));
    /* Files to validate with say how good the model is, however short the training was.
     * After the checkpoint, which a longer one goes on from without knowing of it. */
    att_status st = ATT_OK;
    if (t->n_valid > 0 && t->state.best_update < 0) st = validate(t);
    if (st == ATT_OK) st = atti_trainer_finish(t);
    /* Done again by the resumed training, which has nothing else to do. */
    return st == ATT_ECANCELLED ? stopped(t) : st;
}

static att_status train_task(const att_train_opts *opts, const char *task,
                             att_train_estimate *estimate)
{
    att_train_opts o;
    if (estimate) {
        ATTI_TRY(
            atti_check_out(estimate->size, sizeof *estimate, "att_train_estimate"));
    }
    ATTI_TRY(atti_train_opts_copy(&o, opts));
    o.task = task;
    atti_trainer t;
    ATTI_TRY(atti_trainer_open(&t, &o));
    att_status st = ATT_OK;
    if (t.o.dry_run) {
        st = atti_trainer_dry_run(&t, estimate);
    } else {
        if (estimate) atti_trainer_estimate(&t, estimate);
        t.task->describe(&t);
        if (t.state.update > 0)
            atti_train_say(&t, 4, "resumed at update %lld", (long long)t.state.update);
        st = atti_trainer_run(&t);
    }
    atti_error e;
    atti_error_take(&e, st);
    atti_trainer_close(&t);
    return st == ATT_OK ? ATT_OK : atti_error_post(&e);
}

att_status att_train_translate(const att_train_opts *opts, att_train_estimate *estimate)
{
    return train_task(opts, atti_task_seq2seq.name, estimate);
}

att_status att_train_tag(const att_train_opts *opts, att_train_estimate *estimate)
{
    return train_task(opts, atti_task_tag.name, estimate);
}

att_status att_train_classify(const att_train_opts *opts, att_train_estimate *estimate)
{
    return train_task(opts, atti_task_classify.name, estimate);
}

att_status att_train_generate(const att_train_opts *opts, att_train_estimate *estimate)
{
    return train_task(opts, atti_task_generate.name, estimate);
}
