/* rnn_cell.h - what the operators with a loop over time share. Sequences are ordered by
 * length, longest first, and cut in chunks of a fixed number: a task runs a chunk through
 * all of its time, so that no step waits for another task. The sequences of a chunk that
 * are alive at a step are then its first ones, and the recurrent product of a step is one
 * dense product. A row of a product does not depend on the other rows (kernels/gemm.h):
 * a sequence's numbers do not depend on its neighbours. */
#ifndef ATTI_RNN_CELL_H
#define ATTI_RNN_CELL_H

#include "autograd/op_util.h"
#include "kernels/matmul_core.h"
#include "kernels/rnn.h"

/* Sequences a task: rows enough for a product to run at speed, few enough to leave tasks
 * for several threads and a chunk's states in cache. */
enum { ATTI_RNN_CHUNK = 32 };

/* Memory cut in pieces of 64 bytes; base NULL only counts. */
typedef struct atti_carve {
    char *base;
    size_t at;
} atti_carve;
float *atti_carve_floats(atti_carve *c, int64_t n, int64_t per);
int32_t *atti_carve_ints(atti_carve *c, int64_t n);

/* order [seqs]: sequences by falling length, equal ones as they come. count [rows + 2] is
 * scratch. */
void atti_rnn_order(int32_t *order, int32_t *count, const int32_t *off, int64_t seqs,
                    int64_t rows);

/* A chunk in work. */
typedef struct atti_rnn_chunk {
    const int32_t *order; /* its first sequence */
    const int32_t *off;
    int64_t n, longest;
    int32_t reverse;
} atti_rnn_chunk;
atti_rnn_chunk atti_rnn_chunk_at(const int32_t *order, const int32_t *off, int64_t seqs,
                                 int64_t chunk, int32_t reverse);
static inline int64_t atti_rnn_length(const atti_rnn_chunk *k, int64_t i)
{
    return k->off[k->order[i] + 1] - k->off[k->order[i]];
}
/* How many are longer than t. */
static inline int64_t atti_rnn_alive(const atti_rnn_chunk *k, int64_t t)
{
    int64_t n = 0;
    while (n < k->n && atti_rnn_length(k, n) > t) n++;
    return n;
}
/* The row of the i-th sequence at step t. */
static inline int64_t atti_rnn_row_at(const atti_rnn_chunk *k, int64_t i, int64_t t)
{
    int64_t s = k->order[i];
    return k->reverse ? k->off[s + 1] - 1 - t : k->off[s] + t;
}

/* c [m, n] = a [m, k] panels (+ bias), or added to c; on the calling thread. */
void atti_rnn_product(float *c, int64_t ldc, const float *a, int64_t lda,
                      const float *panels, const float *bias, int64_t m, int64_t n,
                      int64_t k, int accumulate);

#endif
