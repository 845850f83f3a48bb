/* schedule.h - learning rates, and the little language of durations ("12e", "8Ku", "40m"). */
#ifndef ATTI_SCHEDULE_H
#define ATTI_SCHEDULE_H

#include "base/error.h"

typedef enum atti_unit {
    ATTI_UNIT_NONE = 0, /* "0", NULL or "": never */
    ATTI_UNIT_EPOCHS = 'e',
    ATTI_UNIT_UPDATES = 'u',
    ATTI_UNIT_MINUTES = 'm'
} atti_unit;

typedef struct atti_span {
    double count; /* > 0 */
    atti_unit unit;
} atti_span;

/* A number, an optional K, M or G (thousands ...), then e, u or m (the default unit where
 * none is given). name is the option, for messages. */
ATT_MUST_CHECK att_status atti_span_parse(atti_span *out, const char *text,
                                          atti_unit dflt, const char *name);

/* How far a training is, in every unit. */
typedef struct atti_progress {
    int64_t update; /* done */
    double epochs;  /* done, with fraction */
    double elapsed_s;
} atti_progress;

/* count of `unit` done */
double atti_progress_in(const atti_progress *p, atti_unit unit);
/* p / s, unbounded; 0 for a span of none. */
double atti_span_fraction(const atti_span *s, const atti_progress *p);
/* Whether a multiple of s lies in (before, now]. */
int atti_span_passed(const atti_span *s, const atti_progress *before,
                     const atti_progress *now);

typedef enum atti_decay {
    ATTI_DECAY_INV_SQRT, /* lr sqrt(warmup / u) */
    ATTI_DECAY_NOAM,     /* lr C^-1/2 min(u^-1/2, u warmup^-3/2): lr is the factor */
    ATTI_DECAY_COSINE,   /* to zero at the end of --after */
    ATTI_DECAY_LINEAR,
    ATTI_DECAY_CONSTANT
} atti_decay;

typedef struct atti_schedule {
    atti_decay decay;
    double lr;
    int64_t warmup;
    int64_t d_model;
    /* Of a training whose length is a time: the warm-up ends with this share of it at the
     * latest, however few updates fit. 0: with its updates only. */
    double warm_share;
} atti_schedule;

ATT_MUST_CHECK att_status atti_decay_parse(atti_decay *out, const char *name);
/* How much of the warm-up update u (from 1) has behind it, 0..1. done: fraction of the
 * whole training before u; done_first: the same after the first update. */
double atti_schedule_warm(const atti_schedule *s, int64_t u, double done,
                          double done_first);
/* The rate of update u, of whose warm-up so much is behind it. done_warm: done when the
 * warm-up ended (cosine and linear start from there). */
double atti_schedule_rate(const atti_schedule *s, int64_t u, double warm, double done,
                          double done_warm);

#endif
