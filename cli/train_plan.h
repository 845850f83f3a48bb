/* train_plan.h - what a training's options leave open, decided by the text at hand: how
 * long, how often it looks at itself, how it counts BLEU. */
#ifndef ATTEND_TRAIN_PLAN_H
#define ATTEND_TRAIN_PLAN_H

#include "train_options.h"

/* Fills in what was not given, so that the stored configuration is complete, and keeps a
 * few sentences about it for train_plan_say(). Exit code. */
int train_plan(train_opts *o);
/* Trainings of one side: a warm-up that fits. */
int train_plan_one_side(train_opts *o);
void train_plan_say(void);

#endif
