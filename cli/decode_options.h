/* decode_options.h - the options of decoding, shared by `translate`, `evaluate` and
 * `bench translate`; and the session they open. */
#ifndef ATTEND_DECODE_OPTIONS_H
#define ATTEND_DECODE_OPTIONS_H

#include "attend/decode.h"
#include "opt.h"

typedef struct decode_opts {
    cli_common c;
    const char *model;
    att_decode_opts d;
    int32_t json;
} decode_opts;

#define DECODE_ROW(type, member) .at = offsetof(type, member)

/* Rows for a struct `type` that has decode_opts as its member `x`. */
#define DECODE_MODEL_ROW(type, x)                                                      \
    {                                                                                  \
        .name = "model", .letter = 'm', .kind = OPT_STR, .arg = "DIR",                 \
        DECODE_ROW(type, x.model), .flags = OPT_VOLATILE,                              \
        .help = "the model's directory"                                                \
    }
#define DECODE_SEARCH_ROWS(type, x)                                                      \
    {.name = "beam-size",                                                                \
     .letter = 'b',                                                                      \
     .kind = OPT_I32,                                                                    \
     .arg = "N",                                                                         \
     .lo = 1,                                                                            \
     .hi = 1024,                                                                         \
     DECODE_ROW(type, x.d.beam_size),                                                    \
     .help = "hypotheses kept open; 1 = greedy"},                                        \
        {.name = "normalize",                                                            \
         .letter = 'n',                                                                  \
         .alias = "length-penalty",                                                      \
         .kind = OPT_F32,                                                                \
         .arg = "A",                                                                     \
         .lo = -10,                                                                      \
         .hi = 10,                                                                       \
         DECODE_ROW(type, x.d.length_alpha),                                             \
         .help = "scores are divided by length to this power"},                          \
        {.name = "batch-size",                                                           \
         .alias = "mini-batch",                                                          \
         .kind = OPT_I32,                                                                \
         .arg = "N",                                                                     \
         .lo = 1,                                                                        \
         .hi = 65536,                                                                    \
         DECODE_ROW(type, x.d.batch_size),                                               \
         .help = "sentences at a time; a translation does not depend on it"},            \
        {.name = "max-length",                                                           \
         .kind = OPT_I32,                                                                \
         .arg = "N",                                                                     \
         .lo = 0,                                                                        \
         .hi = 16777216,                                                                 \
         DECODE_ROW(type, x.d.max_length),                                               \
         .flags = OPT_NO_DEFAULT,                                                        \
         .help = "longest translation in tokens (default: the model's)"},                \
        {.name = "max-length-factor",                                                    \
         .kind = OPT_F32,                                                                \
         .arg = "F",                                                                     \
         .lo = 0,                                                                        \
         .hi = 1000,                                                                     \
         DECODE_ROW(type, x.d.max_length_factor),                                        \
         .help =                                                                         \
             "and at most F times the source's tokens + 10; 0 = no such bound, as "      \
             "for a model that gives a max_length"},                                     \
        {.name = "min-length",                                                           \
         .kind = OPT_I32,                                                                \
         .arg = "N",                                                                     \
         .lo = 0,                                                                        \
         .hi = 16777216,                                                                 \
         DECODE_ROW(type, x.d.min_length),                                               \
         .help = "shortest translation in tokens"},                                      \
        {.name = "max-source",                                                           \
         .kind = OPT_I32,                                                                \
         .arg = "N",                                                                     \
         .lo = 0,                                                                        \
         .hi = 16777216,                                                                 \
         DECODE_ROW(type, x.d.max_source),                                               \
         .flags = OPT_NO_DEFAULT,                                                        \
         .help = "longer source lines are cut to this many tokens, with a warning "      \
                 "(default: the model's)"},                                              \
        {.name = "early-stopping",                                                       \
         .kind = OPT_CHOICE,                                                             \
         .arg = "WHEN",                                                                  \
         .choices = "bound|first|never",                                                 \
         DECODE_ROW(type, x.d.early_stopping),                                           \
         .help =                                                                         \
             "a sentence ends when no open hypothesis can beat the finished ones, "      \
             "with the first beam-size of them, or (transformers' \"never\") when none " \
             "could at full length"},                                                    \
        {.name = "no-repeat-ngram",                                                      \
         .kind = OPT_I32,                                                                \
         .arg = "N",                                                                     \
         .lo = 0,                                                                        \
         .hi = 1000,                                                                     \
         DECODE_ROW(type, x.d.no_repeat_ngram),                                          \
         .help = "never produce an n-gram of this length twice; 0 = may"},               \
    {                                                                                    \
        .name = "repetition-penalty", .kind = OPT_F32, .arg = "R", .lo = 0.01,           \
        .hi = 100, DECODE_ROW(type, x.d.repetition_penalty),                             \
        .help = "of tokens produced before; 1 = none"                                    \
    }

void decode_defaults(decode_opts *o);
/* Loads the model, takes its generation_config.json as the defaults and applies the
 * given options again. c's `defaults` must call decode_defaults(). Exit code. */
int decode_open(att_model **model, const command *c, void *all, decode_opts *o);
/* The exit code for what att_session_create() found; a refused option is a misuse and
 * gets the name that it has here. */
int decode_refused(att_status st, const command *c);

#endif
