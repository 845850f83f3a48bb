/* translate.h - the options of attend translate, and how what it said is printed. */
#ifndef ATTEND_TRANSLATE_H
#define ATTEND_TRANSLATE_H

#include "decode_options.h"

typedef struct translate_opts {
    decode_opts x;
    const char *input, *output, *prefix;
    const char *alignment, *attention, *to;
    int32_t n_best; /* 0 = plain output */
    int32_t word_scores;
    int32_t maxi_batch;
} translate_opts;

typedef struct translate_printer {
    const translate_opts *o;
    const att_model *model;
    cli_out *out;
    int align; /* translate_print.c's */
    double above;
} translate_printer;

/* --alignment's word; returns 0 or the exit code, reported. */
int translate_settle_alignment(translate_printer *p);
/* A sentence in Marian's form or, with --json, as an object. */
void translate_print(const translate_printer *p, int64_t number, const att_sentence *s);

#endif
