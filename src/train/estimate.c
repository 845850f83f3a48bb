/* estimate.c - what a training would take: its memory by the options alone, its time
 * measured with a few of its updates. Nothing of the model directory is touched. */
#include "base/checked.h"
#include "train/trainer.h"
#include <math.h>
#include <string.h>

enum { WARM = 1, MEASURED = 4 };

att_status atti_train_check_memory(const att_train_opts *o, const att_train_estimate *e)
{
    int64_t sum = e->weights + e->gradients + e->optimizer + e->activations + e->data;
    if (o->memory_limit <= 0 || sum <= o->memory_limit) return ATT_OK;
    return atti_fail(ATT_ENOMEM,
                     "%.1f MB needed (weights %.1f, gradients %.1f, optimiser %.1f, "
                     "activations %.1f, data %.1f), the limit is %.1f MB: smaller "
                     "--mini-batch-words or more --optimizer-delay need less",
                     (double)sum / 1e6, (double)e->weights / 1e6,
                     (double)e->gradients / 1e6, (double)e->optimizer / 1e6,
                     (double)e->activations / 1e6, (double)e->data / 1e6,
                     (double)o->memory_limit / 1e6);
}

static att_status measure_asked(att_train_estimate *e, const atti_trainer *t,
                                atti_params *params, att_tape *tape)
{
    const att_train_opts *o = &t->o;
    int64_t tokens = atti_max_i64(1, o->batch_tokens / o->accumulate);
    const int64_t rows[4] = {tokens, tokens, 1, 2};
    atti_optim optim = {.kind = t->optim.kind, .ema_rate = o->ema};
    atti_program_opts po = {
        .training = 1, .label_smoothing = o->label_smoothing, .positions = 1};
    atti_program_io io;
    att_tape_memory m = {.size = (uint32_t)sizeof m};
    att_tape_plan_opts plan;
    ATTI_TRY(t->family->declare(t->cfg, params));
    ATTI_TRY(t->family->build(t->cfg, params, tape, &po, &io));
    att_tape_plan_opts_init(&plan);
    plan.training = 1;
    plan.max_rows = rows;
    plan.n_max_rows = 4;
    plan.precision = o->precision;
    ATTI_TRY(att_tape_measure(tape, &plan, &m));
    e->weights = e->gradients = (int64_t)params->count * (int64_t)sizeof(float);
    e->optimizer = atti_optim_bytes(&optim, params);
    e->activations = (int64_t)(m.activations + m.gradients + m.scratch);
    return ATT_OK;
}

att_status atti_trainer_asked_memory(const atti_trainer *t)
{
    att_train_estimate e = {.size = (uint32_t)sizeof e};
    atti_params params = {0};
    att_tape *tape = NULL;
    if (t->o.memory_limit <= 0) return ATT_OK;
    att_status st = att_tape_create(&tape);
    if (st == ATT_OK) st = measure_asked(&e, t, &params, tape);
    if (st == ATT_OK) st = atti_train_check_memory(&t->o, &e);
    att_tape_destroy(tape);
    atti_params_deinit(&params);
    return st;
}

att_status atti_trainer_dry_run(atti_trainer *t, att_train_estimate *e)
{
    att_train_estimate local = {.size = (uint32_t)sizeof local};
    if (!e) e = &local;
    double seconds = 0.0, tokens = 0.0;
    for (int i = 0; i < WARM + MEASURED; i++) {
        atti_loss_sums sums;
        double norm = 0.0, start = atti_train_clock();
        ATTI_TRY(atti_trainer_gradients(t, &sums, &norm));
        /* A step of rate 0 costs what a real one does. */
        atti_optim_step(&t->optim, t->grads, 0.0, 1.0 / sums.count, 1);
        if (i < WARM) continue;
        seconds += atti_train_clock() - start;
        tokens += sums.count;
    }
    atti_trainer_estimate(t, e);
    e->seconds_per_update = seconds / MEASURED;
    /* As the loss counts them: labels of tagging are as many as rows, or fewer. */
    double per_epoch = (double)t->train.tokens[1] / (tokens / MEASURED);
    /* Texts of words have one label, whatever lies in its words' places. */
    if (t->feed_opts.label_a_sequence) {
        double read =
            (double)t->item.next.epoch + (double)t->item.seen / (double)t->train.n;
        per_epoch = (WARM + MEASURED) / read;
    }
    switch (t->after.unit) {
    case ATTI_UNIT_UPDATES: e->updates_total = (int64_t)ceil(t->after.count); break;
    case ATTI_UNIT_EPOCHS:
        e->updates_total = (int64_t)ceil(t->after.count * per_epoch);
        break;
    default:
        e->updates_total = (int64_t)ceil(t->after.count * 60.0 / e->seconds_per_update);
        break;
    }
    e->seconds_total = (double)e->updates_total * e->seconds_per_update;
    return ATT_OK;
}
