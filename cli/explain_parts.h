/* explain_parts.h - what the files of attend explain share: its options, tokens as people
 * read them, matrices in the terminal. */
#ifndef ATTEND_CLI_EXPLAIN_PARTS_H
#define ATTEND_CLI_EXPLAIN_PARTS_H

#include "attend/explain.h"
#include "opt.h"
#include "term.h"

typedef enum explain_view {
    VIEW_AUTO,
    VIEW_ALIGNMENT,
    VIEW_SELF,
    VIEW_OVERVIEW,
    VIEW_LINKS,
    VIEW_BOTH_WAYS,
    VIEW_TEXT,
    VIEW_ROLLOUT,
    VIEW_FLOW,
    VIEW_ENTROPY,
    VIEW_DISTANCE,
    VIEW_GRADIENT,
    VIEW_INTEGRATED
} explain_view;

/* Options that several commands of pictures have; `words` is the help. */
#define PICTURE_ROW_MODEL(type, words)                                                 \
    {                                                                                  \
        .name = "model", .letter = 'm', .kind = OPT_STR, .arg = "DIR",                 \
        OPT_ROW(type, model), .help = (words)                                          \
    }
#define PICTURE_ROW_OUTPUT(type, words)                                                \
    {                                                                                  \
        .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FILE",               \
        OPT_ROW(type, output), .flags = OPT_VOLATILE, .help = (words)                  \
    }
#define PICTURE_ROW_DARK(type)                                                         \
    {                                                                                  \
        .name = "dark", .kind = OPT_FLAG, OPT_ROW(type, dark),                         \
        .help = "draw light on dark"                                                   \
    }
#define PICTURE_ROW_TITLE(type, words)                                                 \
    {                                                                                  \
        .name = "title", .kind = OPT_STR, .arg = "TEXT", OPT_ROW(type, title),         \
        .help = (words)                                                                \
    }
#define PICTURE_ROW_DIGITS(type)                                                       \
    {                                                                                  \
        .name = "digits", .kind = OPT_I32, .arg = "N", .lo = 0, .hi = 12,              \
        OPT_ROW(type, digits), .help = "digits after the point"                        \
    }

typedef struct explain_opts {
    cli_common c;
    const char *model, *output, *given; /* given: the output to explain */
    const char *text;                   /* what is explained; no option */
    int32_t view, of, layer, head, beam_size, json;
    int32_t steps, decoding, choices, query;
    float threshold;
    int32_t dark, colours;
    const char *title;
    cli_list ablate;
    /* --steps without a model */
    const char *input, *keys, *values, *wq, *wk, *wv, *wo, *weights, *score_w;
    int32_t score, normalise, heads, notation, causal, digits, stack;
    int64_t window;
} explain_opts;

/* A side's tokens as people read them; copies of them, which are the caller's. */
const char *const *explain_words(const att_explanation *e, const char *const *tokens);
char **explain_labels(const att_explanation *e, const char *const *tokens, int64_t n);
void explain_free_labels(char **labels, int64_t n);

/* values [rows,cols] as shades, rows down; darker = more of top (0 = the largest). */
void explain_print_shades(const float *values, int64_t rows, int64_t cols,
                          char *const *row_names, char *const *col_names, double top);
/* values as numbers. */
void explain_print_numbers(const double *values, int64_t rows, int64_t cols,
                           char *const *row_names, char *const *col_names, int digits);
/* The strongest links in words; at most n. */
void explain_print_links(const float *w, int64_t rows, int64_t cols,
                         char *const *row_names, char *const *col_names, int n,
                         const char *verb);
void explain_heading(const char *text);
/* Which attention was asked for, or the model's most telling one. */
int32_t explain_kind(const explain_opts *o, const att_explanation *e);
/* One head or a mean of a map: layer, head from 1, 0 = mean. The caller's; NULL: reported. */
float *explain_one(const att_attention_map *m, int32_t layer, int32_t head);
/* "" or ".svg" and so on, in lower case. */
char *explain_ending(const char *path);
/* Whether a name ends in a format that can be written; exit code. */
int explain_check_output(const char *name, const char *path, const char *list);
/* Writes an SVG, PNG or PDF, or an SVG in a page; warns of missing fonts. Exit code. */
int explain_save(const att_picture *p, const char *path, const char *title);

/* --steps, of a model's head or of vectors in files. */
int explain_model_steps(const explain_opts *o, att_explainer *x,
                        const att_explanation *e);
int explain_input_steps(const explain_opts *o);
int explain_decoding(const att_explanation *e);
int explain_draw(const explain_opts *o, att_explainer *x, const att_explanation *e);
int explain_ablate(const explain_opts *o, const att_model *model, att_explainer *x);

#endif
