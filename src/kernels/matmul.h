/* matmul.h - matrix products, cut into tasks of fixed shape and run by a provider.
 *
 * The provider (oneDNN; or our packed gemm where it is absent or ATTEND_MATMUL=own) only
 * ever computes one sequential tile; which tiles there are depends on the problem alone,
 * never on the thread count, so the bits do not either. A row of y depends on that row
 * of x and on w alone, whatever the number of rows (tested).
 *
 * Row blocks have an epilogue: a function run by the task that just finished rows
 * [row0, row0+rows) over all columns, while they are in cache. Bias, activation,
 * dropout, residual and norm go there. */
#ifndef ATTI_MATMUL_H
#define ATTI_MATMUL_H

#include "base/error.h"
#include <stdint.h>

/* Rows y + row0 * ldy .. y + (row0 + rows - 1) * ldy are complete; y is the product's
 * first row. `thread` is for scratch only. */
typedef void atti_epilogue_fn(void *ctx, float *y, int64_t ldy, int64_t row0,
                              int64_t rows, int thread);
typedef struct atti_epilogue {
    atti_epilogue_fn *fn; /* NULL = none */
    void *ctx;
    const float
        *bias; /* [columns]: every row's sums start from it, which costs nothing;
                        * NULL = from 0. Not where a product is added to what is there. */
} atti_epilogue;

/* A weight made ready once for many products: inference. */
typedef struct atti_linear atti_linear;
typedef enum atti_linear_kind {
    ATTI_LINEAR_F32 = 0,
    ATTI_LINEAR_BF16 =
        1, /* x and weights rounded to bf16, sums f32; everywhere (kernels/bf16.h) */
    ATTI_LINEAR_I8 = 2 /* later */
} atti_linear_kind;
/* w [n_out, n_in], ldw; trans != 0: stored [n_in, n_out] (GPT-2). A packed copy is kept;
 * w is not needed afterwards. trans also makes the gradient of the input a plain run:
 * dx = dy w is the handle of the same w with n_out and n_in exchanged and trans turned. */
ATT_MUST_CHECK att_status atti_linear_create(atti_linear **out, atti_linear_kind kind,
                                             const float *w, int64_t n_out,
                                             int64_t n_in, int64_t ldw, int trans);
void atti_linear_destroy(atti_linear *l);
size_t atti_linear_bytes(const atti_linear *l);
/* y [rows, n_out] = x [rows, n_in] w^T. Allocates nothing. rows >= 0. Inside a task it runs on the
 * calling thread alone; any number of threads may run one handle at the same time. */
ATT_MUST_CHECK att_status atti_linear_run(const atti_linear *l, float *y, int64_t ldy,
                                          const float *x, int64_t ldx, int64_t rows,
                                          const atti_epilogue *epi);

/* The same with ends by columns too. Few rows are cut between columns: whoever finishes
 * a piece has it in cache, and what needs no whole row (activation, the sums of a softmax)
 * is done there. */
typedef struct atti_column_piece {
    int64_t row0, rows, col0, cols;
} atti_column_piece;
/* y + row0 * ldy + col0 .. is complete, sums and bias; y is the product's first row. */
typedef void atti_columns_fn(void *ctx, float *y, int64_t ldy,
                             const atti_column_piece *p, int thread);
typedef struct atti_linear_ends {
    const float *bias;        /* [n_out] or NULL */
    atti_columns_fn *columns; /* once for every element; NULL = none */
    int64_t column_step;      /* pieces begin at multiples of it; 0 = anywhere */
    atti_epilogue_fn *rows;   /* after all of a row's columns; NULL = none */
    void *ctx;
} atti_linear_ends;
ATT_MUST_CHECK att_status atti_linear_run_ends(const atti_linear *l, float *y,
                                               int64_t ldy, const float *x, int64_t ldx,
                                               int64_t rows,
                                               const atti_linear_ends *ends);

/* Weights that are read one after the other lie best in one piece of memory on huge pages:
 * handles made in a pool, in the order in which they will run. The pool outlives them. */
typedef struct atti_linear_pool atti_linear_pool;
ATT_MUST_CHECK att_status atti_linear_pool_create(atti_linear_pool **out);
void atti_linear_pool_destroy(atti_linear_pool *p); /* NULL is fine */
ATT_MUST_CHECK att_status atti_linear_create_in(atti_linear **out,
                                                atti_linear_pool *pool,
                                                atti_linear_kind kind, const float *w,
                                                int64_t n_out, int64_t n_in,
                                                int64_t ldw, int trans);

/* The weight changed (same shape, ldw and trans as at creation): packs it again. Not
 * while another thread runs it. A training step that uses one weight many times - a
 * vocabulary projection in chunks - keeps one handle and updates it each step. */
ATT_MUST_CHECK att_status atti_linear_update(atti_linear *l, const float *w);

/* Training: the weight changes every step.
 *   forward     y  [rows, n_out]  = x  [rows, n_in]  w^T          (+ epilogue)
 *   grad_input  dx [rows, n_in]   (+)= dy [rows, n_out] w          (+ epilogue when not accumulating or not)
 *   grad_weight dw [n_out, n_in]  (+)= dy^T x, summed over rows in fixed chunks
 * w is [n_out, n_in] contiguous in all three (trans: [n_in, n_out]). */
typedef struct atti_matmul_shape {
    int64_t rows, n_out, n_in;
    int trans;
    int bf16; /* nonzero: both operands are rounded to bf16 first (kernels/bf16.h) */
} atti_matmul_shape;
ATT_MUST_CHECK att_status atti_matmul_forward(const atti_matmul_shape *s, float *y,
                                              int64_t ldy, const float *x, int64_t ldx,
                                              const float *w, const atti_epilogue *epi);
ATT_MUST_CHECK att_status atti_matmul_grad_input(const atti_matmul_shape *s, float *dx,
                                                 int64_t lddx, const float *dy,
                                                 int64_t lddy, const float *w,
                                                 int accumulate,
                                                 const atti_epilogue *epi);
ATT_MUST_CHECK att_status atti_matmul_grad_weight(const atti_matmul_shape *s, float *dw,
                                                  const float *dy, int64_t lddy,
                                                  const float *x, int64_t ldx,
                                                  int accumulate);

/* Everything that backward of y = x w^T + b owes, in one sweep where that is faster:
 *   undo  run first on the rows of dy, which it turns into the gradient of x w^T + b
 *         (activation, dropout); NULL or fn NULL: dy is that already
 *   dx [rows, n_in] (+)= dy w;  dw as above;  db [n_out] (+)= sum over rows of dy
 * dx, dw, db NULL: not wanted. Bits as from the calls above; db is summed over the same
 * chunks of rows as dw. */
typedef struct atti_matmul_grads {
    float *dx, *dw, *db;
    int64_t lddx;
    int add_dx, add_dw, add_db;
} atti_matmul_grads;
ATT_MUST_CHECK att_status atti_matmul_backward(const atti_matmul_shape *s,
                                               const atti_matmul_grads *g, float *dy,
                                               int64_t lddy, const float *x,
                                               int64_t ldx, const float *w,
                                               const atti_epilogue *undo);

/* One sequential product for use inside tasks (chunks of a vocabulary projection):
 * c[m,n] (+)= op(a) op(b), row-major, the provider's own choice. Bits depend on (m, n, k)
 * and the trans flags at most; keep m in few values. */
ATT_MUST_CHECK att_status atti_gemm_seq(int trans_a, int trans_b, int64_t m, int64_t n,
                                        int64_t k, const float *a, int64_t lda,
                                        const float *b, int64_t ldb, int accumulate,
                                        float *c, int64_t ldc);

/* "onednn 2.6.3" or "own avx512": for `attend info`. */
const char *atti_matmul_provider(void);

/* Scratch and primitives are created on first use of a shape class; this makes them
 * ahead of time so that no step allocates. max_rows as in later calls. */
ATT_MUST_CHECK att_status atti_matmul_warm(const atti_matmul_shape *s, int training);

#endif
