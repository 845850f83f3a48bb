/* compare.h - what the comparisons of two architectures share (attend compare ...): the
 * options, a table with systems across and quantities down, its JSON, the picture, and the
 * directory where models and data lie. A comparison is a file cmd_compare_<what>.c with a
 * command "compare <what>". */
#ifndef ATTEND_CLI_COMPARE_H
#define ATTEND_CLI_COMPARE_H

#include "attend/train.h"
#include "attend/view.h"
#include "opt.h"
#include "term.h"

enum { COMPARE_SYSTEMS_MAX = 8, COMPARE_PANELS_MAX = 8 };

typedef struct compare_opts {
    cli_common c;
    cli_list train, valid;
    const char *output, *after, *model;
    int32_t json, dark, dim, overwrite;
    uint64_t seed;
} compare_opts;

/* Rows that every comparison has; `what` describes the files. */
#define COMPARE_ROW(member) OPT_ROW(compare_opts, member)
#define COMPARE_DATA_ROWS(files, what)                                                 \
    {.name = "train",                                                                  \
     .letter = 't',                                                                    \
     .kind = OPT_LIST,                                                                 \
     .arg = files,                                                                     \
     COMPARE_ROW(train),                                                               \
     .help = what},                                                                    \
    {                                                                                  \
        .name = "valid", .kind = OPT_LIST, .arg = files, COMPARE_ROW(valid),           \
        .help = "the same, to measure with"                                            \
    }
#define COMPARE_OUTPUT_ROWS                                                            \
    {.name = "output",                                                                 \
     .letter = 'o',                                                                    \
     .kind = OPT_STR,                                                                  \
     .arg = "FILE",                                                                    \
     COMPARE_ROW(output),                                                              \
     .flags = OPT_VOLATILE,                                                            \
     .help = "a picture too: .svg, .png, .pdf or .html"},                              \
        {.name = "model",                                                              \
         .letter = 'm',                                                                \
         .kind = OPT_STR,                                                              \
         .arg = "DIR",                                                                 \
         COMPARE_ROW(model),                                                           \
         .help = "keep models and corpus here (default: a new directory for "          \
                 "temporary files)"},                                                  \
        {.name = "overwrite",                                                          \
         .kind = OPT_FLAG,                                                             \
         COMPARE_ROW(overwrite),                                                       \
         .flags = OPT_VOLATILE,                                                        \
         .help = "begin anew in a directory that holds models"},                       \
        {.name = "seed",                                                               \
         .kind = OPT_U64,                                                              \
         .arg = "N",                                                                   \
         COMPARE_ROW(seed),                                                            \
         .help = "of corpus, weights and order"},                                      \
        {.name = "dark",                                                               \
         .kind = OPT_FLAG,                                                             \
         COMPARE_ROW(dark),                                                            \
         .help = "draw light on dark"},                                                \
    {                                                                                  \
        .name = "json", .kind = OPT_FLAG, COMPARE_ROW(json),                           \
        .help = "one JSON object instead of tables"                                    \
    }

/* --- tables ------------------------------------------------------------------------- */

typedef struct compare_line {
    char *name;
    double value[COMPARE_SYSTEMS_MAX]; /* NaN: nothing to say */
    double x;                          /* where it stands in a picture; NaN: nowhere */
    int digits;                        /* after the point */
} compare_line;

typedef struct compare_table {
    const char *title; /* over the table */
    const char *key;   /* of the JSON */
    const char *const *systems;
    int n_systems;
    compare_line *line;
    int n;
} compare_table;

void compare_table_init(compare_table *t, const char *title, const char *key,
                        const char *const *systems, int n_systems);
/* values [n_systems]; name is copied. */
void compare_add(compare_table *t, const char *name, double x, int digits,
                 const double *values);
void compare_table_free(compare_table *t);
void compare_print(const compare_table *t);
/* "key":[{"name":..,"x":..,"values":{"system":..}},..] */
void compare_json(cli_text *out, const compare_table *t);
/* Systems as curves over x, one panel a table that has lines. Exit code. */
typedef struct compare_panel {
    const compare_table *table;
    const char *x_name, *y_name;
    int32_t log_x, log_y;
} compare_panel;
int compare_draw(const compare_opts *o, const compare_panel *panels, int n,
                 const char *title);

/* --- running ------------------------------------------------------------------------ */

/* Where models and corpus go: -m, or a new directory. The caller's; NULL: reported. */
char *compare_dir(const compare_opts *o);
/* A training whose progress is shown under `label`; *seconds it took, *norms the median and
 * the largest gradient norm (NULL: not wanted). Exit code. */
typedef struct compare_training {
    double seconds, norm_median, norm_largest;
    int64_t updates;
} compare_training;
int compare_train(compare_training *out, att_train_opts *o, const char *label,
                  att_status (*with)(const att_train_opts *, att_train_estimate *));
/* Says what the whole run took and where the models are; after a failure (rc) leaves no
 * directory without a file. Returns rc. */
int compare_end(const compare_opts *o, const char *dir, int rc, double began);

#endif
