/* model_task.h - which command a model is for: one place tells it to all commands. */
#ifndef ATTEND_CLI_MODEL_TASK_H
#define ATTEND_CLI_MODEL_TASK_H

#include "attend/model.h"
#include "cli.h"

/* 0 where the model of dir does what `task` says ("translate", "tag", "classify",
 * "generate"), else the exit code of a refusal that names the command for it. */
int model_task_check(const att_model *model, const char *dir, const char *task);
/* The same before something is measured: what the model needs to be given is named. */
int model_task_evaluate(const att_model *model, const char *dir, const char *task);

#endif
