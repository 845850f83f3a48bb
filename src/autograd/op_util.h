/* op_util.h - what operators share: rows cut in fixed chunks, sums over rows added chunk
 * by chunk in rising order, so that bits do not depend on the number of threads. */
#ifndef ATTI_OP_UTIL_H
#define ATTI_OP_UTIL_H

#include "autograd/op.h"
#include "base/threads.h"

/* Rows of a chunk. 64 rows of 512 floats are 128 KiB: operand and result stay in a
 * second-level cache, and 4,096 tokens make 64 tasks. */
enum { ATTI_ROW_CHUNK = 64 };

static inline int64_t atti_chunks(int64_t rows)
{
    return atti_ceil_div(rows, ATTI_ROW_CHUNK);
}

/* fn(ctx, chunk, first row, rows, thread) for every chunk, in parallel. */
typedef void atti_rows_fn(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                          int thread);
void atti_for_rows(int64_t rows, atti_rows_fn *fn, void *ctx);

/* out[c] = (accumulate ? out[c] : 0) + sum over chunks, in rising order, of
 * partial[chunk * ld + c]. */
void atti_sum_chunks(float *out, const float *partial, int64_t n_chunks, int64_t cols,
                     int64_t ld, int accumulate);
/* out[c] = (accumulate ? out[c] : 0) + sum over rows of x[r, c]; scratch
 * atti_col_sum_scratch() bytes. */
void atti_sum_rows(float *out, const float *x, int64_t rows, int64_t cols,
                   int accumulate, void *scratch);
size_t atti_sum_rows_scratch(int64_t rows, int64_t cols);

/* y = a x, or y += a x, cut in fixed pieces over the threads. */
void atti_scale_all(float *y, const float *x, float a, int accumulate, int64_t n);
void atti_zero_all(float *y, int64_t n);

/* Offsets of sequences: first 0, rising, last = rows; else ATT_EINVAL. */
ATT_MUST_CHECK att_status atti_check_offsets(const char *op, const int32_t *off,
                                             int64_t n_seqs, int64_t rows);
/* Attributes: 0 <= p < 1. */
ATT_MUST_CHECK att_status atti_check_dropout(const char *op, float p);
ATT_MUST_CHECK att_status atti_check_act(const char *op, int32_t act);
const char *atti_act_name(int32_t act);

/* Shape checks for infer(); slot is named in the message. */
ATT_MUST_CHECK att_status atti_want_f32(const atti_infer *f, int slot,
                                        const char *name);
ATT_MUST_CHECK att_status atti_want_i32(const atti_infer *f, int slot,
                                        const char *name);
/* Same rows, same columns (-1: any), dtype f32. An absent operand passes. */
ATT_MUST_CHECK att_status atti_want_shape(const atti_infer *f, int slot,
                                          const char *name, att_rows rows,
                                          int64_t cols);
/* The row count whose symbol_plus(..., 1) (or whose fixed number + 1) the slot's rows are:
 * sequences of an offsets operand. */
ATT_MUST_CHECK att_status atti_rows_minus_one(const atti_infer *f, int slot,
                                              att_rows *out);
static inline int atti_has(const atti_infer *f, int slot)
{
    return f->node->in[slot] != ATT_NO_VAR;
}

#endif
