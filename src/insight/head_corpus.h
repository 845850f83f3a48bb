/* head_corpus.h - texts and what is right about them, as ids of a model. */
#ifndef ATTI_HEAD_CORPUS_H
#define ATTI_HEAD_CORPUS_H

#include "insight/insight.h"

/* What is read by the encoder, by the decoder, and what should be said: a token a row of
 * the decoder, or a label a row or a text of the encoder; negative: not counted. */
enum { ATTI_CORPUS_SRC, ATTI_CORPUS_TGT, ATTI_CORPUS_SAY };

/* n texts; those of a side lie flat, text i from first[i] to first[i + 1]. */
typedef struct atti_head_corpus {
    int32_t n;
    int32_t *ids[3];
    size_t n_ids[3], cap[3];
    size_t *first[3]; /* [n + 1] */
} atti_head_corpus;

/* targets as att_explain_heads() describes them. On failure too, call deinit. */
ATT_MUST_CHECK att_status atti_head_corpus_read(const att_explainer *x,
                                                atti_head_corpus *c,
                                                const char *const *sources,
                                                const char *const *targets);
void atti_head_corpus_deinit(atti_head_corpus *c);

#endif
