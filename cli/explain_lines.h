/* explain_lines.h - attend translate|classify|tag|generate --attention: the weights of every
 * line, as JSON. */
#ifndef ATTEND_CLI_EXPLAIN_LINES_H
#define ATTEND_CLI_EXPLAIN_LINES_H

#include "attend/explain.h"
#include "cli.h"

typedef struct attention_lines {
    cli_out out;
    att_explainer *x;
} attention_lines;

/* JSON: nine digits read back as the same float; NaN and Inf are null. */
void cli_add_float(cli_text *t, float v);
void cli_add_floats(cli_text *t, const float *v, size_t n);

/* All return exit codes. */
int attention_lines_open(attention_lines *a, const char *path, const att_model *model);
/* The winner of line `number` (from 0). */
int attention_lines_add(attention_lines *a, int64_t number, const att_sentence *s);
/* A text that is read and labelled; one that was split into words; one that goes on with
 * `more`. */
int attention_lines_add_words(attention_lines *a, int64_t number,
                              const char *const *words, int32_t n);
int attention_lines_add_text(attention_lines *a, int64_t number, const char *text);
int attention_lines_add_ids(attention_lines *a, int64_t number, const int32_t *ids,
                            int32_t n, const int32_t *more, int32_t n_more);
/* A line without weights, and why. */
int attention_lines_skip(attention_lines *a, int64_t number, const char *why);
/* rc is what has happened so far: after a failure nothing is left behind. */
int attention_lines_close(attention_lines *a, int rc);

#endif
