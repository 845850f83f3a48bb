/* train_step.c - one batch through a recorded program. */
#include "train/tasks/task.h"

static att_status add_sums(const atti_step *s, const atti_batch *b,
                           atti_loss_sums *sums)
{
    att_tensor view;
    if (s->io->stats == ATT_NO_VAR) { /* numbers: squared errors by sequence */
        ATTI_TRY(att_tape_value(s->tape, &view, s->io->loss));
        double x = (double)*(const float *)view.data;
        sums->loss += x;
        sums->nll += x;
        sums->count += (double)b->n_seqs;
        return ATT_OK;
    }
    ATTI_TRY(att_tape_value(s->tape, &view, s->io->stats));
    const float *x = view.data;
    sums->loss += (double)x[0];
    sums->nll += (double)x[1];
    sums->count += (double)x[2];
    sums->correct += (double)x[3];
    return ATT_OK;
}

att_status atti_step_train(const atti_step *s, const atti_batch *b, uint64_t number,
                           int accumulate, atti_loss_sums *sums)
{
    ATTI_TRY(s->task->set(s->tape, s->io, b));
    ATTI_TRY(att_tape_forward(s->tape, s->seed, number, 1));
    ATTI_TRY(add_sums(s, b, sums));
    /* Gradients of the sum: the update divides by the tokens of all its batches. */
    return att_tape_backward(s->tape, s->io->loss, 1.0f, accumulate);
}

att_status atti_step_eval(const atti_step *s, const atti_batch *b, atti_loss_sums *sums)
{
    ATTI_TRY(s->task->set(s->tape, s->io, b));
    ATTI_TRY(att_tape_forward(s->tape, s->seed, 0, 0));
    return add_sums(s, b, sums);
}
