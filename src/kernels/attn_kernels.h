/* attn_kernels.h - the hand-tuned inner loops of attention, one table per ISA.
 *
 * Owned by the heart: attention/ decides the path and cuts the tasks; these kernels do one
 * (sequence, head, query block) or (sequence, key head, key block) each. Same rules as
 * kernels.h: void, no allocation, no threads, no errors, fixed order. */
#ifndef ATTI_ATTN_KERNELS_H
#define ATTI_ATTN_KERNELS_H

#include "base/rng.h"
#include <stddef.h>
#include <stdint.h>

/* One problem of the fast dense family: score dot, softmax; masks causal, window, sinks,
 * lengths; dropout; optional additive bias rows and ALiBi slope; head widths up to 256.
 * All pointers are to the first row of this sequence and head; ld_* are row strides. */
typedef struct atti_attn_problem {
    const float *q, *k, *v;
    int64_t ld_q, ld_k, ld_v;
    int64_t n_q, n_k; /* T, S of this sequence */
    int64_t d, e;     /* widths of q/k and of v */
    float scale;      /* already includes 1/temperature */
    float softcap;
    int64_t left, right, sinks; /* -1 = all; causal is folded into right = 0 */
    float alibi;                /* slope, 0 = none */
    const float *bias;          /* [n_q, n_k] with ld_bias, or NULL; ld_bias 0 = one row for all */
    int64_t ld_bias;
    float sink_logit;           /* -INFINITY = none */
    atti_drop drop;             /* row r of query t: drop_row0 + t * drop_row_step; column = s */
    uint64_t drop_row0, drop_row_step;
} atti_attn_problem;

/* out rows [t0, t1) of one head; out [.., ld_o]; lse [n_q] with stride ld_lse or NULL. */
typedef void atti_attn_fwd_fn(const atti_attn_problem *p, float *out, int64_t ld_o,
                              float *lse, int64_t ld_lse, int64_t t0, int64_t t1,
                              void *scratch);
/* One whole (sequence, head): dq, dk, dv written or added; delta [n_q] = rowsum(dout * out)
 * is computed inside. Which cuts into finer tasks keep the order fixed is the heart's business; entries may grow. */
typedef void atti_attn_bwd_fn(const atti_attn_problem *p, const float *out, int64_t ld_o,
                              const float *dout, int64_t ld_do, const float *lse,
                              int64_t ld_lse, float *dq, int64_t ld_dq, float *dk,
                              int64_t ld_dk, float *dv, int64_t ld_dv, int accumulate,
                              void *scratch);

typedef struct atti_attn_kernels {
    const char *isa;
    atti_attn_fwd_fn *fwd_f32;
    atti_attn_bwd_fn *bwd_f32;
    size_t (*fwd_scratch)(const atti_attn_problem *p);
    size_t (*bwd_scratch)(const atti_attn_problem *p);
} atti_attn_kernels;

#endif
