/* rnn_cell.c - sequences in order of length, and the products of their steps. */
#include "autograd/rnn_cell.h"
#include <string.h>

static void *take(atti_carve *c, size_t bytes)
{
    void *p = c->base ? c->base + c->at : NULL;
    c->at += (bytes + 63) / 64 * 64;
    return p;
}

float *atti_carve_floats(atti_carve *c, int64_t n, int64_t per)
{
    return take(c, (size_t)n * (size_t)per * sizeof(float));
}

int32_t *atti_carve_ints(atti_carve *c, int64_t n)
{
    return take(c, (size_t)n * sizeof(int32_t));
}

void atti_rnn_order(int32_t *order, int32_t *count, const int32_t *off, int64_t seqs,
                    int64_t rows)
{
    /* count[rows - length + 1]: how many come before those of this length. */
    memset(count, 0, (size_t)(rows + 2) * sizeof *count);
    for (int64_t b = 0; b < seqs; b++) count[rows - (off[b + 1] - off[b]) + 1]++;
    for (int64_t i = 1; i <= rows + 1; i++) count[i] += count[i - 1];
    for (int64_t b = 0; b < seqs; b++)
        order[count[rows - (off[b + 1] - off[b])]++] = (int32_t)b;
}

atti_rnn_chunk atti_rnn_chunk_at(const int32_t *order, const int32_t *off, int64_t seqs,
                                 int64_t chunk, int32_t reverse)
{
    atti_rnn_chunk k = {order + chunk * ATTI_RNN_CHUNK, off, 0, 0, reverse};
    k.n = atti_min_i64(ATTI_RNN_CHUNK, seqs - chunk * ATTI_RNN_CHUNK);
    if (k.n > 0) k.longest = atti_rnn_length(&k, 0);
    return k;
}

void atti_rnn_product(float *c, int64_t ldc, const float *a, int64_t lda,
                      const float *panels, const float *bias, int64_t m, int64_t n,
                      int64_t k, int accumulate)
{
    atti_packed_product p = {a, panels, c, lda, ldc, m, n, k, accumulate, bias};
    if (m > 0) atti_packed_block(&p, 0, m, 0, atti_ceil_div(n, atti_gemm_tiles()->nr));
}
