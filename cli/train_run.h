/* train_run.h - what `attend train` does for every task. */
#ifndef ATTEND_TRAIN_RUN_H
#define ATTEND_TRAIN_RUN_H

#include "train_options.h"

/* o->command, train_with, and for tasks of one side one_side and items are set. Exit
 * code. */
int train_run(train_opts *o);

#endif
