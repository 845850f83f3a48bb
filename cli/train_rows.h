/* train_rows.h - the rows of option tables that trainings of all tasks share. */
#ifndef ATTEND_TRAIN_ROWS_H
#define ATTEND_TRAIN_ROWS_H

#include "train_options.h"

#define TRAIN_BATCH_ROWS(what)                                                         \
    {.name = "mini-batch-words",                                                       \
     .alias = "batch-tokens",                                                          \
     .kind = OPT_I32,                                                                  \
     .arg = "N",                                                                       \
     .lo = 1,                                                                          \
     .hi = 16777216,                                                                   \
     TRAIN_ROW(t.batch_tokens),                                                        \
     .help = what},                                                                    \
    {                                                                                  \
        .name = "optimizer-delay", .alias = "accumulate", .kind = OPT_I32, .arg = "N", \
        .lo = 1, .hi = 65536, TRAIN_ROW(t.accumulate),                                 \
        .help = "work an update's tokens off in N batches, one after the other: the "  \
                "update is as large and needs less memory (Marian's makes it N times " \
                "as large)"                                                            \
    }

#define TRAIN_STEP_ROWS                                                                       \
    {.name = "optimizer",                                                                     \
     .kind = OPT_STR,                                                                         \
     .arg = "NAME",                                                                           \
     .choices = "adam|adamw|sgd",                                                             \
     TRAIN_ROW(t.optimizer),                                                                  \
     .help = "who makes the steps"},                                                          \
        {.name = "learn-rate",                                                                \
         .letter = 'l',                                                                       \
         .alias = "lr",                                                                       \
         .kind = OPT_F32,                                                                     \
         .arg = "R",                                                                          \
         .lo = 0,                                                                             \
         .hi = 1e6,                                                                           \
         TRAIN_ROW(t.lr),                                                                     \
         .help = "the peak of the schedule"},                                                 \
        {.name = "schedule",                                                                  \
         .alias = "lr-schedule",                                                              \
         .kind = OPT_STR,                                                                     \
         .arg = "NAME",                                                                       \
         .choices = "inverse-sqrt|noam|cosine|linear|constant",                               \
         TRAIN_ROW(t.schedule),                                                               \
         .help = "how the rate falls after the warm-up"},                                     \
        {.name = "lr-warmup",                                                                 \
         .alias = "warmup",                                                                   \
         .kind = OPT_I64,                                                                     \
         .arg = "N",                                                                          \
         .lo = 0,                                                                             \
         .hi = 1e12,                                                                          \
         TRAIN_ROW(t.warmup),                                                                 \
         .help =                                                                              \
             "updates until the peak; by default no more than a fifth of the training, of a " \
             "length in minutes never more"},                                                 \
        {.name = "beta1",                                                                     \
         .kind = OPT_F32,                                                                     \
         .arg = "B",                                                                          \
         .lo = 0,                                                                             \
         .hi = 0.99999,                                                                       \
         TRAIN_ROW(t.beta1),                                                                  \
         .help = "Adam's memory of gradients"},                                               \
        {.name = "beta2",                                                                     \
         .kind = OPT_F32,                                                                     \
         .arg = "B",                                                                          \
         .lo = 0,                                                                             \
         .hi = 0.999999,                                                                      \
         TRAIN_ROW(t.beta2),                                                                  \
         .help = "Adam's memory of their squares"},                                           \
        {.name = "adam-eps",                                                                  \
         .kind = OPT_F32,                                                                     \
         .arg = "E",                                                                          \
         .lo = 0,                                                                             \
         .hi = 1,                                                                             \
         TRAIN_ROW(t.adam_eps),                                                               \
         .help = "Adam's smallest divisor"},                                                  \
        {.name = "weight-decay",                                                              \
         .kind = OPT_F32,                                                                     \
         .arg = "W",                                                                          \
         .lo = 0,                                                                             \
         .hi = 10,                                                                            \
         TRAIN_ROW(t.weight_decay),                                                           \
         .help = "of adamw"},                                                                 \
        {.name = "clip-norm",                                                                 \
         .kind = OPT_F32,                                                                     \
         .arg = "N",                                                                          \
         .lo = 0,                                                                             \
         .hi = 1e9,                                                                           \
         TRAIN_ROW(t.clip_norm),                                                              \
         .help = "longest gradient; 0 = any"},                                                \
        {.name = "label-smoothing",                                                           \
         .kind = OPT_F32,                                                                     \
         .arg = "P",                                                                          \
         .lo = 0,                                                                             \
         .hi = 0.999,                                                                         \
         TRAIN_ROW(t.label_smoothing),                                                        \
         .help = "probability given to all tokens alike"},                                    \
        {.name = "precision",                                                                 \
         .kind = OPT_CHOICE,                                                                  \
         .choices = "float32|bfloat16",                                                       \
         .spellings = "f32|bf16",                                                             \
         .arg = "TYPE",                                                                       \
         TRAIN_ROW(precision),                                                                \
         .help = "of matrix products; weights stay float32"},                                 \
        {.name = "exponential-smoothing",                                                     \
         .alias = "ema",                                                                      \
         .kind = OPT_F32,                                                                     \
         .arg = "R",                                                                          \
         .lo = 0,                                                                             \
         .hi = 1,                                                                             \
         TRAIN_ROW(t.ema),                                                                    \
         .help =                                                                              \
             "rate of a running average of the weights, which then are the model: "           \
             "in update t the larger of this and 9/(t+10), so that the first "                \
             "weights are forgotten; 0 = none"},                                              \
        {.name = "average",                                                                   \
         .kind = OPT_I32,                                                                     \
         .arg = "N",                                                                          \
         .lo = 0,                                                                             \
         .hi = 1000,                                                                          \
         TRAIN_ROW(t.average),                                                                \
         .help = "last checkpoints to average at the end; 0 = none"},                         \
    {                                                                                         \
        .name = "seed", .kind = OPT_U64, .arg = "N", TRAIN_ROW(t.seed),                       \
        .help = "the same seed gives the same bytes"                                          \
    }

#define TRAIN_RUN_ROWS                                                                     \
    {.kind = OPT_GROUP, .help = "Running"},                                                \
        {.name = "resume",                                                                 \
         .kind = OPT_FLAG,                                                                 \
         TRAIN_ROW(t.resume),                                                              \
         .flags = OPT_VOLATILE,                                                            \
         .help =                                                                           \
             "go on from the directory's last checkpoint with the settings stored there; " \
             "it ends with the bytes of a training that was never interrupted"},           \
        {.name = "overwrite",                                                              \
         .kind = OPT_FLAG,                                                                 \
         TRAIN_ROW(t.overwrite),                                                           \
         .flags = OPT_VOLATILE,                                                            \
         .help = "start anew in a directory that holds a training"},                       \
        {.name = "dry-run",                                                                \
         .kind = OPT_FLAG,                                                                 \
         TRAIN_ROW(t.dry_run),                                                             \
         .flags = OPT_VOLATILE,                                                            \
         .help =                                                                           \
             "print parameters, memory by part, work and expected time, and stop"},        \
        {.name = "memory-limit",                                                           \
         .letter = 'w',                                                                    \
         .kind = OPT_BYTES,                                                                \
         .arg = "BYTES",                                                                   \
         .lo = 0,                                                                          \
         .hi = 9e15,                                                                       \
         TRAIN_ROW(t.memory_limit),                                                        \
         .flags = OPT_NO_DEFAULT,                                                          \
         .help = "refuse a training that needs more; 16G, 900M"},                          \
    {                                                                                      \
        .name = "json", .kind = OPT_FLAG, TRAIN_ROW(json), .flags = OPT_VOLATILE,          \
        .help = "a JSON object a report on standard output"                                \
    }

#define TRAIN_STOP_ROWS                                                                \
    {                                                                                  \
        .name = "early-stopping", .kind = OPT_I32, .arg = "N", .lo = 0, .hi = 1e6,     \
        TRAIN_ROW(t.early_stopping),                                                   \
        .help = "validations without improvement before it stops; 0 = never"           \
    }

#endif
