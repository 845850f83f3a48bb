/* metric_text.h - text as sacreBLEU sees it: code points, Python's white space and lower
 * case, BLEU's five tokenisers, and a trie that turns n-grams into small numbers. */
#ifndef ATTI_METRIC_TEXT_H
#define ATTI_METRIC_TEXT_H

#include "attend/metrics.h"
#include "base/alloc.h"
#include <stdbool.h>

/* What sacreBLEU's signature ends with: the release whose numbers these are. */
#define ATTI_SACREBLEU_VERSION "2.6.0"

/* A growing array of code points (or of symbols). Zero-initialise; deinit frees. */
typedef struct atti_mtext {
    uint32_t *c;
    size_t n;
    size_t cap;
} atti_mtext;

ATT_MUST_CHECK att_status atti_mtext_add(atti_mtext *t, uint32_t c);
void atti_mtext_deinit(atti_mtext *t);
/* Replaces the contents by the code points of a UTF-8 string; bad bytes give U+FFFD. */
ATT_MUST_CHECK att_status atti_mtext_decode(atti_mtext *t, const char *utf8);

bool atti_is_space(uint32_t c); /* str.isspace() of Python, which split() cuts at */
/* str.lower(): full mapping, final sigma included. scratch is overwritten. */
ATT_MUST_CHECK att_status atti_mtext_lower(atti_mtext *t, atti_mtext *scratch);
void atti_mtext_rstrip(atti_mtext *t);
void atti_mtext_remove_spaces(atti_mtext *t);

/* t becomes tokens with white space between them; b is scratch. */
ATT_MUST_CHECK att_status atti_bleu_tokenise(atti_mtext *t, atti_mtext *b,
                                             att_bleu_tokenize how);

/* A trie whose nodes are numbers: child(parent, symbol) gives the same number for the
 * same path, so equal n-grams have equal numbers and nothing is compared twice. Node 0
 * is the root. clear() forgets all but keeps the memory. */
typedef struct atti_mtrie {
    struct atti_mtrie_slot *slots;
    size_t n_slots; /* a power of two */
    uint32_t n_nodes;
    uint32_t generation; /* slots of another generation are empty */
} atti_mtrie;

void atti_mtrie_clear(atti_mtrie *t);
void atti_mtrie_deinit(atti_mtrie *t);
ATT_MUST_CHECK att_status atti_mtrie_child(atti_mtrie *t, uint32_t *node,
                                           uint32_t parent, uint32_t symbol);

/* Bounds of the next white-space separated word at or after *pos; false at the end. */
bool atti_mtext_word(const atti_mtext *t, size_t *pos, size_t *begin, size_t *end);

/* Counts n-grams of one sentence: a node's occurrences in the hypothesis, in the
 * reference being read, and the most in any reference so far. */
typedef struct atti_mcount {
    struct atti_mcount_cell *cells;
    size_t cap;
    uint32_t n_used; /* cells below have been zeroed since the last reset */
} atti_mcount;

typedef struct atti_mcount_cell {
    uint32_t hyp;
    uint32_t cur;
    uint32_t stamp; /* which reference cur belongs to, from 1 */
    uint32_t most;
} atti_mcount_cell;

void atti_mcount_reset(atti_mcount *c);
void atti_mcount_deinit(atti_mcount *c);
/* The node's cell, made when new; borrowed until the next call. */
ATT_MUST_CHECK att_status atti_mcount_at(atti_mcount *c, atti_mcount_cell **cell,
                                         uint32_t node);

/* Checks what BLEU and chrF ask of their arguments alike and finds the number of
 * references a sentence has: *shared = that number, or -1 when it varies. */
ATT_MUST_CHECK att_status atti_metric_check(int32_t *shared, const char *what,
                                            const char *const *hyps,
                                            const char *const *const *refs,
                                            int32_t n_refs, int64_t n);

/* Resamples sentences as numpy's default generator does and scores each resample:
 * stats is [n, width] by sentence; score(ctx, sums) gives one score. mean and half of
 * the middle 95 % are written. */
typedef double atti_score_fn(const void *ctx, const double *sums);
ATT_MUST_CHECK att_status atti_bootstrap(double *mean, double *interval,
                                         const float *stats, int64_t n, int width,
                                         int32_t samples, uint64_t seed,
                                         atti_score_fn *score, const void *ctx);

#endif
