/* evaluate_files.h - attend evaluate -m DIR FILE ...: models that label, and language
 * models. */
#ifndef ATTEND_EVALUATE_FILES_H
#define ATTEND_EVALUATE_FILES_H

#include "attend/model.h"
#include "cli.h"

typedef struct evaluate_files_opts {
    const char *model, *columns;
    int32_t column; /* 0 upos, 1 xpos */
    int32_t context, slide, batch_tokens, confusion, json;
} evaluate_files_opts;

/* Exit code. */
int evaluate_files(const att_model *model, const cli_list *files,
                   const evaluate_files_opts *o);

#endif
