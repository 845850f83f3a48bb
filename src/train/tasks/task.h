/* task.h - what is learnt, apart from the architecture that learns it.
 *
 * A family records layers and leaves named values (atti_program_io); a task knows which
 * parts of a batch go to which of them and what the loss counts. A new task is one file
 * here and one command. */
#ifndef ATTI_TASK_H
#define ATTI_TASK_H

#include "data/batch.h"
#include "models/family.h"

typedef struct atti_task {
    const char *name;
    /* Binds the row counts and points the tape's inputs at the batch, which must live
     * until the run is over. */
    att_status (*set)(att_tape *tape, const atti_program_io *io, const atti_batch *b);
} atti_task;

/* Sequence to sequence with teacher forcing; the loss is per target token. */
extern const atti_task atti_task_seq2seq;

/* Sums over what the loss counted. */
typedef struct atti_loss_sums {
    double loss; /* smoothed */
    double nll;
    double count, correct;
} atti_loss_sums;

/* Forward (training: with dropout, then backward; gradients are written, or added to
 * when accumulate). Adds to *sums. */
typedef struct atti_step {
    att_tape *tape;
    const atti_program_io *io;
    const atti_task *task;
    uint64_t seed;
} atti_step;
ATT_MUST_CHECK att_status atti_step_train(const atti_step *s, const atti_batch *b,
                                          uint64_t number, int accumulate,
                                          atti_loss_sums *sums);
ATT_MUST_CHECK att_status atti_step_eval(const atti_step *s, const atti_batch *b,
                                         atti_loss_sums *sums);

#endif
