/* explain_lines.h - attend translate --attention: the weights of every line, as JSON. */
#ifndef ATTEND_CLI_EXPLAIN_LINES_H
#define ATTEND_CLI_EXPLAIN_LINES_H

#include "attend/explain.h"
#include "cli.h"

typedef struct attention_lines {
    cli_out out;
    att_explainer *x;
    const char *path;
} attention_lines;

/* JSON: nine digits read back as the same float; NaN and Inf are null. */
void cli_add_float(cli_text *t, float v);
void cli_add_floats(cli_text *t, const float *v, size_t n);

/* All return exit codes. */
int attention_lines_open(attention_lines *a, const char *path, const att_model *model);
/* The winner of line `number` (from 0). */
int attention_lines_add(attention_lines *a, int64_t number, const att_sentence *s);
/* rc is what has happened so far: after a failure nothing is left behind. */
int attention_lines_close(attention_lines *a, int rc);

#endif
