/* attn_kernels.h - the inner loops of dense softmax attention in f32, one table per ISA.
 *
 * attention/ decides the path and cuts the tasks; a kernel does a range of query tiles of
 * one (sequence, head). Same rules as kernels.h: void, no allocation, no threads, no
 * errors, fixed order. What a row's bits depend on: this sequence and head, n_q and n_k;
 * never on how tiles are cut into calls. */
#ifndef ATTI_ATTN_KERNELS_H
#define ATTI_ATTN_KERNELS_H

#include "base/rng.h"
#include "kernels/attn_rows.h"
#include <stddef.h>
#include <stdint.h>

enum {
    ATTI_ATTN_TILE = 64, /* most query rows of a tile, on any ISA */
    ATTI_ATTN_CHUNK =
        64, /* keys of a chunk: backward's key ranges are cut at multiples */
    ATTI_ATTN_MAX_WIDTH = 256
};

/* One problem: e = post * (softcap tanh(scale q.k / softcap) + bias - alibi |p - s|),
 * p = t + n_k - n_q, softmax over the visible keys. All pointers are to the first row of
 * this sequence and head; ld_* are row strides in elements. */
typedef struct atti_attn_problem {
    const float *q, *k, *v; /* [n_q, d] [n_k, d] [n_k, e] */
    int64_t ld_q, ld_k, ld_v;
    int64_t n_q, n_k;           /* T, S of this sequence */
    int64_t d, e;               /* widths of q/k and of v, 1..256 */
    float scale;                /* multiplies q.k */
    float softcap;              /* 0 = none */
    float post;                 /* 1 / temperature */
    int64_t left, right, sinks; /* left, right: -1 = all; causal is right = 0 */
    float alibi;                /* slope, 0 = none */
    const float *bias;          /* [n_q, n_k], or NULL; ld_bias 0 = one row for all */
    int64_t ld_bias;
    float sink_logit; /* multiplied by post; -INFINITY = none */
    atti_drop drop;   /* row of query t: drop_row0 + t * drop_step; column = s */
    uint64_t drop_row0, drop_step;
    int l1_ways; /* of the first-level cache, 0 = unknown: decides copies, not bits */
    /* For the caches' sake: where the queries, keys and values that the same thread most
     * likely reads next begin, NULL = unknown. */
    const float *next_q, *next_k, *next_v;
} atti_attn_problem;

/* Rows of a query tile for a sequence of n_q queries: 1..ATTI_ATTN_TILE. Tile i covers rows
 * i * rows .. (i + 1) * rows - 1. */
typedef int64_t atti_attn_tile_fn(int64_t n_q);

/* out[t,:] and lse[t] (or lse NULL) of the rows of tiles tile0 .. tile1-1. A row that sees
 * nothing gives zeros and lse -Inf (or the sink logit). */
typedef void atti_attn_fwd_fn(const atti_attn_problem *p, float *out, int64_t ld_o,
                              float *lse, int64_t ld_lse, int64_t tile0, int64_t tile1,
                              void *scratch);

/* Gradients from the tiles tile0..tile1-1 against the keys key0..key1-1 (key0 a multiple
 * of the chunk, key1 one too or n_k): rows of dq of those tiles and rows of dk, dv of those
 * keys. dq, dk, dv NULL = not wanted. add_dq, add_dkv: added to what is there, else written. */
typedef struct atti_attn_grads {
    const float *out, *dout, *lse; /* [n_q, e], [n_q, e], [n_q] */
    int64_t ld_o, ld_do, ld_lse;
    float *dq, *dk, *dv;
    int64_t ld_dq, ld_dk, ld_dv;
    int add_dq, add_dkv;
    const float *next_dout, *next_out; /* with the problem's next_q */
} atti_attn_grads;
typedef void atti_attn_bwd_fn(const atti_attn_problem *p, const atti_attn_grads *g,
                              int64_t tile0, int64_t tile1, int64_t key0, int64_t key1,
                              void *scratch);

/* Bytes of 64-byte aligned scratch for problems of these widths and (bwd) up to this many
 * keys in one call. */
typedef size_t atti_attn_scratch_fn(int64_t d, int64_t e, int64_t n_keys, int backward);

typedef struct atti_attn_kernels {
    const char *isa;
    const atti_attn_row_kernels
        *rows; /* one query against n keys: every other member */
    atti_attn_tile_fn *tile;
    atti_attn_fwd_fn *fwd_f32;
    atti_attn_bwd_fn *bwd_f32;
    atti_attn_scratch_fn *scratch;
    void (*exp2)(float *y, const float *x,
                 int64_t n); /* the softmax's own 2^x, for tests */
    /* n rounds of 12 independent vector fma; flops of a round are 24 * lanes. */
    float (*fma_rounds)(int64_t n);
    int lanes;
} atti_attn_kernels;

#endif
