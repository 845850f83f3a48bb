/* word_rows.h - sequences of words with their characters inside, taken apart: what a batch
 * of models like that is made of.
 *
 * In come runs of ids (tokenize/lexicon.h: a word's own id begins it), out come words
 * [n_words] with offsets of the sequences, characters [n_chars] with offsets of the words,
 * and for models that look through a window the rows of the neighbours. */
#ifndef ATTI_WORD_ROWS_H
#define ATTI_WORD_ROWS_H

#include "base/error.h"

typedef struct atti_word_rows {
    int64_t n_seqs, n_words, n_chars;
    int32_t *seq_at;  /* [n_seqs + 1] */
    int32_t *word;    /* [n_words] */
    int32_t *char_at; /* [n_words + 1] */
    int32_t *chars;   /* [n_chars] */
    /* [2 reach][n_words]: the rows of the words 1, 1, 2, 2, .. places before and after in
     * the same sequence, -1 past its ends. */
    int32_t *near;
    int32_t reach;
    size_t cap_seq, cap_word, cap_char_at, cap_chars, cap_near;
} atti_word_rows;

/* offsets [n_seqs + 1] into ids. ATT_EINVAL: a sequence that does not begin with a word.
 * Reuses what w holds. */
ATT_MUST_CHECK att_status atti_word_rows_make(atti_word_rows *w, const int32_t *ids,
                                              const int32_t *offsets, int64_t n_seqs,
                                              int32_t reach);
void atti_word_rows_deinit(atti_word_rows *w);

#endif
