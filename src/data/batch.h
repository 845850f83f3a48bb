/* batch.h - one batch of any task: ragged rows, no padding.
 *
 * ids [n_rows] and offsets [n_seqs + 1]; a side that is absent has NULL pointers and 0
 * rows. Speech and images bring float rows in place of ids; graphs bring edges; targets
 * are by token (as many as rows) or by sequence. */
#ifndef ATTI_BATCH_H
#define ATTI_BATCH_H

#include <stdint.h>

struct atti_word_rows; /* data/word_rows.h */

typedef struct atti_side {
    int64_t rows;
    int32_t *ids; /* [rows] or NULL */
    float *feats; /* [rows, width] or NULL */
    int64_t width;
    int32_t *offsets; /* [n_seqs + 1] */
} atti_side;

typedef struct atti_batch {
    int64_t n_seqs;
    atti_side source;
    atti_side target; /* decoder input: start token, then the target without its last */
    int32_t *targets; /* [target.rows] or [n_seqs] */
    int64_t *edge_row_ptr;
    int32_t *edge_col;
    int64_t n_edges;
    /* Models of words: the source taken apart; the rows of target are words, targets are by
     * word or by sequence. NULL for others. */
    struct atti_word_rows *words;
    int64_t *line; /* [n_seqs] which item of the corpus, for messages */
} atti_batch;

#endif
