/* attend/metrics.h - BLEU (Papineni et al. 2002) and chrF (Popovic 2015, 2017), digit for digit
 * as sacreBLEU (Post 2018) computes them, with its signature lines. */
#ifndef ATTEND_METRICS_H
#define ATTEND_METRICS_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum att_bleu_tokenize {
    ATT_BLEU_13A = 0, ATT_BLEU_ZH = 1, ATT_BLEU_CHAR = 2, ATT_BLEU_NONE = 3, ATT_BLEU_INTL = 4
} att_bleu_tokenize;

typedef struct att_bleu_opts {
    uint32_t size;
    int32_t tokenize; /* att_bleu_tokenize */
    int32_t lowercase;
    int32_t smooth;           /* 0 exp (default), 1 none, 2 floor, 3 add-k */
    double smooth_value;      /* < 0: the method's default */
    int32_t effective_order;  /* sentence-level scores */
} att_bleu_opts;
ATT_API void att_bleu_opts_init(att_bleu_opts *opts);

typedef struct att_bleu {
    double score; /* 0..100 */
    double precisions[4];
    int64_t correct[4], total[4];
    double brevity_penalty;
    int64_t hyp_len, ref_len;
    char signature[160];
} att_bleu;
/* refs[r][i] is reference stream r of sentence i (NULL: that stream has none for i). */
ATT_API ATT_MUST_CHECK att_status att_bleu_corpus(att_bleu *out, const char *const *hyps, const char *const *const *refs,
                                                  int32_t n_refs, int64_t n, const att_bleu_opts *opts);

typedef struct att_chrf {
    double score; /* 0..100 */
    char signature[160];
} att_chrf;
/* char_order 6, word_order 0 (chrF2) or 2 (chrF2++), beta 2; whitespace removed. */
ATT_API ATT_MUST_CHECK att_status att_chrf_corpus(att_chrf *out, const char *const *hyps, const char *const *const *refs,
                                                  int32_t n_refs, int64_t n, int32_t char_order, int32_t word_order,
                                                  double beta, int32_t lowercase);

#ifdef __cplusplus
}
#endif
#endif
