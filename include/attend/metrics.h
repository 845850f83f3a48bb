/* attend/metrics.h - BLEU (Papineni et al. 2002) and chrF (Popovic 2015, 2017), digit for
 * digit as sacreBLEU 2.6.0 (Post 2018) computes them, with its signature lines.
 *
 * Texts are UTF-8, one sentence a string; bytes that are not UTF-8 count as U+FFFD.
 * Scores are of the whole corpus, not means over sentences. Everything here is
 * independent of threads and keeps no state. */
#ifndef ATTEND_METRICS_H
#define ATTEND_METRICS_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum att_bleu_tokenize {
    ATT_BLEU_13A = 0,  /* mteval-v13a, the default of WMT */
    ATT_BLEU_ZH = 1,   /* every Chinese character a token, the rest as 13a */
    ATT_BLEU_CHAR = 2, /* every character a token */
    ATT_BLEU_NONE = 3, /* split on white space: the text is tokenised already */
    ATT_BLEU_INTL = 4  /* mteval-v14, Unicode punctuation and symbols */
} att_bleu_tokenize;

/* "13a", "zh", "char", "none", "intl"; NULL for another number. */
ATT_API const char *att_bleu_tokenize_name(att_bleu_tokenize t);
/* The reverse. ATT_ENOTFOUND lists the names. */
ATT_API ATT_MUST_CHECK att_status att_bleu_tokenize_find(att_bleu_tokenize *out,
                                                         const char *name);

typedef enum att_bleu_smooth {
    ATT_BLEU_SMOOTH_EXP = 0, /* NIST's: 1/2, 1/4, ... for orders without a match */
    ATT_BLEU_SMOOTH_NONE = 1,
    ATT_BLEU_SMOOTH_FLOOR = 2, /* a small count instead of 0; default 0.1 */
    ATT_BLEU_SMOOTH_ADD_K = 3  /* added to orders above one; default 1 */
} att_bleu_smooth;

typedef struct att_bleu_opts {
    uint32_t size;
    int32_t tokenize; /* att_bleu_tokenize */
    int32_t lowercase;
    int32_t smooth;          /* att_bleu_smooth */
    double smooth_value;     /* < 0: the method's default */
    int32_t effective_order; /* nonzero: leave out orders the text is too short for */
    int32_t bootstrap;       /* resamples for the confidence interval; 0 = none */
    uint64_t bootstrap_seed; /* sacreBLEU's default is 12345 */
} att_bleu_opts;
/* 13a, mixed case, exp smoothing, no effective order, no bootstrap. */
ATT_API void att_bleu_opts_init(att_bleu_opts *opts);

typedef struct att_bleu {
    double score;         /* 0..100 */
    double precisions[4]; /* 0..100, smoothed, by order */
    int64_t correct[4], total[4];
    double brevity_penalty;
    int64_t hyp_len, ref_len;
    double mean, interval; /* bootstrap: mean and half of the 95 % interval; else -1 */
    char signature
        [160]; /* "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0" */
} att_bleu;

/* BLEU up to 4-grams of n hypotheses.
 *
 *   hyps  [n]          never NULL
 *   refs  [n_refs][n]  refs[r][i] is reference r of sentence i; NULL: stream r has none
 *                      for i (each sentence needs one; the signature says nrefs:var)
 *   opts  NULL = defaults
 *
 * ATT_EINVAL: n or n_refs below 1, a NULL hypothesis, a sentence without a reference, an
 * option out of range; ATT_ENOTSUP: intl, or lower-casing of other than ASCII, in a build
 * without utf8proc; ATT_ENOMEM. On failure *out is untouched. */
ATT_API ATT_MUST_CHECK att_status att_bleu_corpus(att_bleu *out,
                                                  const char *const *hyps,
                                                  const char *const *const *refs,
                                                  int32_t n_refs, int64_t n,
                                                  const att_bleu_opts *opts);

typedef struct att_chrf_opts {
    uint32_t size;
    int32_t char_order; /* default 6; 1..16 */
    int32_t word_order; /* 0 is chrF, 2 is chrF++; 0..16 */
    int32_t beta;       /* weight of recall, default 2; 1..16 */
    int32_t lowercase;
    int32_t whitespace; /* nonzero: white space counts as characters */
    int32_t bootstrap;  /* as for BLEU */
    uint64_t bootstrap_seed;
} att_chrf_opts;
ATT_API void att_chrf_opts_init(att_chrf_opts *opts);

typedef struct att_chrf {
    double score; /* 0..100 */
    double mean, interval;
    char name[32]; /* "chrF2", "chrF2++" */
    char signature
        [160]; /* "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0" */
} att_chrf;

/* chrF of n hypotheses: F-beta of the precisions and recalls of character (and word)
 * n-grams, each averaged over the orders. Arguments and returns as for BLEU; of several
 * references the one that scores best counts, sentence by sentence. */
ATT_API ATT_MUST_CHECK att_status att_chrf_corpus(att_chrf *out,
                                                  const char *const *hyps,
                                                  const char *const *const *refs,
                                                  int32_t n_refs, int64_t n,
                                                  const att_chrf_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
