/* bpe_dropout.h - other segmentations of a text that byte-pair encoding has segmented.
 *
 * BPE-dropout (Provilkov, Emelianenko and Voita 2020): the merges are done again, and at
 * each step every possible merge is left out with probability p. A model that is trained
 * on what comes of it sees the same sentence in other pieces every time. Works on ids:
 * the text itself is not needed. Immutable, several threads may draw at once. */
#ifndef ATTI_BPE_DROPOUT_H
#define ATTI_BPE_DROPOUT_H

#include "attend/tokenizer.h"

typedef struct atti_bpe_dropout atti_bpe_dropout;

/* p in [0, 1). t need not outlive it. ATT_ENOTSUP: t is not SentencePiece with BPE. */
ATT_MUST_CHECK att_status atti_bpe_dropout_open(atti_bpe_dropout **out,
                                                const att_tokenizer *t, double p);
void atti_bpe_dropout_close(atti_bpe_dropout *d); /* NULL is fine */

/* Draws by key: ids[0..n) in other pieces to out, which does not overlap and has room for
 * `room` >= n ids. Returns how many; what would not fit is given as it is, n ids. Pieces
 * that merging their characters does not give (</s>, unknown, bytes, symbols of the user)
 * stay. */
int64_t atti_bpe_dropout_draw(const atti_bpe_dropout *d, uint64_t key,
                              const int32_t *ids, int64_t n, int32_t *out,
                              int64_t room);

#endif
