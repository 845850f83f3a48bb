/* kernels.h - what the processor does: one table of row kernels per instruction set.
 *
 * Kernels are void, allocate nothing, start no threads and report no errors: the caller
 * validated everything and cuts the work. They read and write nothing outside the
 * extents given. Rows are cols long and ld elements apart (ld >= cols) unless a kernel
 * says contiguous. Sums are f32 in several fixed lanes or wider; the order depends on
 * cols only, never on rows, so a row's bits do not depend on its neighbours.
 *
 * atti_k() gives the table in force: every entry is filled, from the best set that the
 * processor has (ATTEND_ISA=ref|avx2|avx512|... caps it) down to ref. */
#ifndef ATTI_KERNELS_H
#define ATTI_KERNELS_H

#include "base/error.h"
#include "base/rng.h"
#include <stddef.h>
#include <stdint.h>

typedef enum atti_act {
    ATTI_ACT_NONE = 0,
    ATTI_ACT_RELU = 1,
    ATTI_ACT_GELU = 2,       /* 0.5 x (1 + erf(x / sqrt 2)) */
    ATTI_ACT_GELU_TANH = 3,  /* Hendrycks and Gimpel's tanh form */
    ATTI_ACT_SILU = 4,       /* x sigmoid(x) */
    ATTI_ACT_QUICK_GELU = 5, /* x sigmoid(1.702 x) */
    ATTI_ACT_TANH = 6,
    ATTI_ACT_SIGMOID = 7
} atti_act;

typedef enum atti_norm { ATTI_NORM_LAYER = 0, ATTI_NORM_RMS = 1 } atti_norm;

/* y = drop(act(x + bias)), row by row.
 *   y, x  [rows, cols], may be the same;  bias [cols] or NULL
 *   pre   if not NULL receives x + bias (what the backward of a smooth activation
 *         needs), with x's row length; may be x, then y must not be x
 *   drop  threshold 0 = no dropout; row r uses rowkey(drop.key, row0 + r) */
typedef void atti_bias_act_fn(float *y, float *pre, const float *x, const float *bias,
                              atti_act act, const atti_drop *drop, int64_t row0,
                              int64_t rows, int64_t cols, int64_t ld_y, int64_t ld_x);

/* dx = dy * act'(.) * drop, the backward of the above. dx may be dy.
 *   saved: RELU, TANH, SIGMOID, NONE: y as the forward wrote it (RELU without dropout or with: y > 0 is
 *          the mask; TANH and SIGMOID: only without dropout); GELU, SILU kinds: pre
 * contiguous rows, ld for all three = ld. */
typedef void atti_bias_act_bwd_fn(float *dx, const float *dy, const float *saved,
                                  atti_act act, const atti_drop *drop, int64_t row0,
                                  int64_t rows, int64_t cols, int64_t ld);

/* h = res + drop(x + bias);  y = gamma * (h - mean) * rstd + beta  (RMS: gamma * h * rstd).
 *   x [rows, cols]; res, bias, beta may be NULL; h may be x, may be NULL (not kept)
 *   y may be NULL (only h wanted: pre-norm residual), then gamma, mean, rstd are not used
 *   mean, rstd [rows] or NULL (inference); all matrices share ld. Population variance,
 *   computed in two passes over the row in registers or cache. */
typedef void atti_add_norm_fn(float *y, float *h, float *mean, float *rstd,
                              const float *x, const float *bias, const float *res,
                              const float *gamma, const float *beta, float eps,
                              atti_norm kind, const atti_drop *drop, int64_t row0,
                              int64_t rows, int64_t cols, int64_t ld);

/* Backward of y = norm(h), and of h = res + drop(x + bias).
 *   dh  [rows, cols]  = gradient of h: norm's part from dy (dy NULL: none) plus dh_in (NULL: none; may be dh).
 *                       It is the residual's gradient. ATTI: written, not added.
 *   dx  [rows, cols]  = drop(dh), NULL when it is not wanted (dx may be dh when no dropout)
 *   dgamma, dbeta, dbias [cols] f32: added to (callers give one buffer per fixed chunk of rows
 *                       and add the buffers in a fixed order); each may be NULL */
typedef void atti_add_norm_bwd_fn(float *dh, float *dx, float *dgamma, float *dbeta,
                                  float *dbias, const float *dy, const float *dh_in,
                                  const float *h, const float *mean, const float *rstd,
                                  const float *gamma, atti_norm kind,
                                  const atti_drop *drop, int64_t row0, int64_t rows,
                                  int64_t cols, int64_t ld);

/* out[c] += sum over rows of x[r, c], rows in rising order. */
typedef void atti_col_sum_fn(float *out, const float *x, int64_t rows, int64_t cols,
                             int64_t ld);

/* Cross entropy of one chunk of rows whose logits are in cache, with label smoothing
 * eps: target distribution (1-eps) at target[r] plus eps/n_classes everywhere, classes
 * masked out by mask_col (>= 0: that one column has probability 0 and gets no smoothing
 * mass; n_classes counts the others).
 *   logits [rows, cols] in; out: gradient of sum of losses times grad_scale (0 = leave
 *          logits alone); bias [cols] or NULL is added first
 *   loss   [rows] smoothed loss;  nll [rows] plain -log p(target), either may be NULL
 *   target < 0: the row is ignored (loss, nll and gradient 0) */
typedef void atti_softmax_xent_fn(float *logits, float *loss, float *nll,
                                  const float *bias, const int32_t *target, float eps,
                                  int64_t mask_col, float grad_scale, int64_t rows,
                                  int64_t cols, int64_t ld);

/* In place: x[r,:] -> softmax / log_softmax of (x[r,:] + bias). A row of -Inf gives zeros (softmax). */
typedef void atti_softmax_fn(float *x, const float *bias, int64_t rows, int64_t cols,
                             int64_t ld);
/* max and log(sum(exp(x))) of x + bias, one pass or two over cached rows. */
typedef void atti_logsumexp_fn(float *lse, float *max, const float *x,
                               const float *bias, int64_t rows, int64_t cols,
                               int64_t ld);

/* y[i] = x[i] * a + (accumulate ? y[i] : 0) */
typedef void atti_scale_fn(float *y, const float *x, float a, int accumulate,
                           int64_t n);
/* y[i] = a[i] * b[i] + (accumulate ? y[i] : 0) */
typedef void atti_mul_fn(float *y, const float *a, const float *b, int accumulate,
                         int64_t n);
/* y = act(g) * u, and its backward: dg, du written. [n] contiguous. */
typedef void atti_glu_fn(float *y, const float *g, const float *u, atti_act act,
                         int64_t n);
typedef void atti_glu_bwd_fn(float *dg, float *du, const float *dy, const float *g,
                             const float *u, atti_act act, int64_t n);

/* y[r,:] = drop(table[ids[r],:] * scale + pos[p[r],:]); pos, p may be NULL (p
 * NULL: row r of pos); ids[r] < 0 gives the position alone */
typedef void atti_embed_fn(float *y, const float *table, const int32_t *ids,
                           float scale, const float *pos, const int32_t *p,
                           const atti_drop *drop, int64_t row0, int64_t rows,
                           int64_t cols);

/* y[i] = f(x[i]); y may be x. */
typedef enum atti_unary {
    ATTI_UNARY_EXP = 0, /* 0 below -87.336, where results leave the normal range */
    ATTI_UNARY_LOG = 1,
    ATTI_UNARY_TANH = 2,
    ATTI_UNARY_SIGMOID = 3,
    ATTI_UNARY_ERF = 4,
    ATTI_UNARY_GELU = 5,
    ATTI_UNARY_GELU_TANH = 6,
    ATTI_UNARY_SQRT = 7,
    ATTI_UNARY_COUNT = 8
} atti_unary;
typedef void atti_unary_fn(float *y, const float *x, atti_unary f, int64_t n);

/* Sum of squares in double, 16-lane fixed order over n. */
typedef double atti_sum_squares_fn(const float *x, int64_t n);
/* 1 if every value is finite. */
typedef int atti_all_finite_fn(const float *x, int64_t n);

/* One pass of Adam / AdamW over n parameters (Kingma and Ba 2015; Loshchilov and Hutter 2019).
 *   g is multiplied by grad_scale first (clipping, token counts);
 *   m = b1 m + (1-b1) g;  v = b2 v + (1-b2) g^2
 *   w -= lr * (m / c1 / (sqrt(v / c2) + eps) + weight_decay * w)
 *   ema (or NULL): ema = ema + ema_rate * (w - ema);  half (or NULL): w rounded to bf16 */
typedef struct atti_adam_step {
    float lr, beta1, beta2, eps, weight_decay;
    float c1, c2; /* 1 - beta1^t, 1 - beta2^t */
    float grad_scale, ema_rate;
} atti_adam_step;
typedef void atti_adam_fn(float *w, float *m, float *v, float *ema, uint16_t *half,
                          const float *g, const atti_adam_step *s, int64_t n);

/* f32 <-> bf16, f16; round to nearest even, NaN quiet. */
typedef void atti_f32_to_half_fn(uint16_t *y, const float *x, int64_t n);
typedef void atti_half_to_f32_fn(float *y, const uint16_t *x, int64_t n);

struct atti_gemm_kernels; /* kernels/gemm.h; use matmul.h */
struct atti_attn_kernels; /* kernels/attn_kernels.h */
struct atti_bf16_kernels; /* kernels/bf16.h */
struct atti_rnn_kernels;  /* kernels/rnn.h */

typedef struct atti_kernels {
    const char *isa;
    atti_bias_act_fn *bias_act;
    atti_bias_act_bwd_fn *bias_act_bwd;
    atti_add_norm_fn *add_norm;
    atti_add_norm_bwd_fn *add_norm_bwd;
    atti_col_sum_fn *col_sum;
    atti_softmax_xent_fn *softmax_xent;
    atti_softmax_fn *softmax;
    atti_softmax_fn *log_softmax;
    atti_logsumexp_fn *logsumexp;
    atti_scale_fn *scale;
    atti_mul_fn *mul;
    atti_glu_fn *glu;
    atti_glu_bwd_fn *glu_bwd;
    atti_embed_fn *embed;
    atti_unary_fn *unary;
    atti_sum_squares_fn *sum_squares;
    atti_all_finite_fn *all_finite;
    atti_adam_fn *adam;
    atti_f32_to_half_fn *f32_to_bf16;
    atti_half_to_f32_fn *bf16_to_f32;
    atti_f32_to_half_fn *f32_to_f16;
    atti_half_to_f32_fn *f16_to_f32;
    const struct atti_gemm_kernels *mm;
    const struct atti_rnn_kernels *rnn;
    const struct atti_attn_kernels *attn; /* NULL in a set that has none */
    const struct atti_bf16_kernels *bf16; /* likewise */
} atti_kernels;

/* The merged table in force. Never NULL. Initialised once, thread-safe. */
const atti_kernels *atti_k(void);
/* The sets this build has and this processor can run, best first, ending in ref;
 * tests walk it. i past the end gives NULL. */
const atti_kernels *atti_kernel_set(int i);
/* ATTEND_ISA named something impossible: ATT_EINVAL with the list; else ATT_OK. Entry
 * points of the library that do arithmetic call it once. */
ATT_MUST_CHECK att_status atti_kernels_check(void);

#endif
