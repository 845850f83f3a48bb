/* estimate.c - what a training would take, measured with a few of its updates. Nothing
 * of the model directory is touched. */
#include "train/trainer.h"
#include <math.h>
#include <string.h>

enum { WARM = 1, MEASURED = 4 };

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
