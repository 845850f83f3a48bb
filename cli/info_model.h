/* info_model.h - what attend info says of a model. */
#ifndef ATTEND_CLI_INFO_MODEL_H
#define ATTEND_CLI_INFO_MODEL_H

#include "attend/model.h"
#include "cli.h"

/* A row of the page; control characters of the value become "?". */
void info_row(const char *name, const char *value);

/* Exit codes. dir is where the model was loaded from; tensors: their names and shapes too. */
int info_model_text(const att_model *m, const char *dir, bool tensors);
int info_model_json(const att_model *m, const char *dir, bool tensors);

#endif
