/* task_labels.h - what is checked in the files of every task with labels. */
#ifndef ATTI_TASK_LABELS_H
#define ATTI_TASK_LABELS_H

#include "train/trainer.h"

typedef struct atti_label_walk {
    const char *item; /* what has a label: "text", "word" */
    /* Reads a file through: adds its labels to t->labels; holds those of the validation
     * against them. */
    att_status (*train)(atti_trainer *t, const char *path);
    att_status (*valid)(atti_trainer *t, const char *path);
} atti_label_walk;
/* All files of the options, before anything is made. ATT_EFORMAT: no labels, or one alone;
 * what the walks find. Regression has no labels to count. */
ATT_MUST_CHECK att_status atti_label_files_check(atti_trainer *t,
                                                 const atti_label_walk *w);
/* A notice for each label with a single example. */
void atti_label_singles_say(atti_trainer *t);

#endif
