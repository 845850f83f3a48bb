/* bf16.h - products of bf16 operands with f32 sums: the layout that the tiles read, the
 * table of one instruction set, and the products that are cut out of it.
 *
 * What is computed everywhere: both operands of a product are rounded to the nearest
 * bf16 (ties to even), products of two of them are exact in f32, sums are f32. The order
 * of a sum depends on k alone, so a row's bits depend on that row, on the other operand
 * and on the instruction set: not on the number of rows, the threads or the tiling.
 * docs/bf16.md has the orders and the error bounds.
 *
 * A block is 16 lines x 32 steps of k, 1 KB: what one tile register holds.
 *   of a   16 rows, each 32 numbers along k
 *   of b   16 pairs of k, each 16 columns of (k, k + 1) side by side
 * Group g of 16 lines lies in blocks [g steps, (g + 1) steps), steps = k / 32 rounded up;
 * lines are padded to a multiple of 32 and k to a multiple of 32, both with zeros. */
#ifndef ATTI_BF16_H
#define ATTI_BF16_H

#include "kernels/matmul.h"
#include <stddef.h>
#include <stdint.h>

enum {
    ATTI_BF16_LINES = 16,
    ATTI_BF16_STEP = 32,
    ATTI_BF16_BLOCK = ATTI_BF16_LINES * ATTI_BF16_STEP, /* numbers */
    ATTI_BF16_TILE = 32                                 /* rows and columns of c */
};

struct atti_attn_kernels; /* kernels/attn_kernels.h */

/* c [m, n] (+)= a b: m and n in 1..32, `steps` blocks along k. Reads both groups of a only
 * if m > 16, and of b if n > 16; writes nothing outside m x n. */
typedef struct atti_bf16_tile {
    const uint16_t *a, *b;
    int64_t a_next, b_next; /* numbers from the first group's block to the second's */
    int64_t steps;
    float *c;
    int64_t ldc, m, n;
    int accumulate;
} atti_bf16_tile;
typedef void atti_bf16_tile_fn(const atti_bf16_tile *t);

/* Rounds x and lays it out. along: x is [lines, k], else [k, lines]; ld its row length.
 * pairs: blocks of b, else of a. Group g goes to blocks + g group numbers, so that a
 * part of k can be laid out alone. */
typedef void atti_bf16_pack_fn(uint16_t *blocks, int64_t group, const float *x,
                               int64_t ld, int along, int pairs, int64_t lines,
                               int64_t k);

typedef struct atti_bf16_kernels {
    const char *name;
    atti_bf16_tile_fn *tile;
    atti_bf16_pack_fn *pack;
    /* Around a thread's tiles: registers that a task must set up and give back. NULL: none. */
    void (*begin)(void);
    void (*end)(void);
    /* Rounds of the set's product in registers, for measuring the peak; one round is
     * flops_a_round operations. */
    float (*rounds)(int64_t n);
    double flops_a_round;
    /* Attention whose q, k and v hold bf16 numbers (as f32): dot scores with scale, masks,
     * lengths, sinks and dropout; no cap, bias or slope. */
    const struct atti_attn_kernels *attn;
} atti_bf16_kernels;

/* The table in force; NULL: this processor (or ATTEND_ISA) has no bf16 products and the
 * functions below round their operands and multiply in f32. */
const atti_bf16_kernels *atti_bf16(void);

/* b packed whole; a is packed by the tasks. */
typedef struct atti_bf16_product {
    const atti_bf16_kernels *k;
    const float *a;
    int64_t lda;
    int a_along; /* a is [m, k]; else [k, m] */
    const uint16_t *b;
    float *c;
    int64_t ldc, m, n, depth; /* depth: k */
    int accumulate;
    const float *bias; /* [n] or NULL: sums start from it; not with accumulate */
} atti_bf16_product;

/* Numbers of b [k, n] (or a) when laid out. */
int64_t atti_bf16_numbers(int64_t lines, int64_t k);
void atti_bf16_pack_parallel(const atti_bf16_kernels *k, uint16_t *blocks,
                             const float *x, int64_t ld, int along, int pairs,
                             int64_t lines, int64_t depth);
/* The epilogue's function; the bias is p's. */
ATT_MUST_CHECK att_status atti_bf16_parallel(const atti_bf16_product *p,
                                             const atti_epilogue *epi);

/* b [depth, n] made ready for many products: laid out for k's tiles, or (k NULL) rounded
 * and packed for the f32 kernels. */
typedef struct atti_bf16_weight {
    const atti_bf16_kernels *k;
    void *memory; /* atti_bf16_weight_bytes(), 64-byte aligned; the caller's */
    int64_t n, depth;
} atti_bf16_weight;
size_t atti_bf16_weight_bytes(const atti_bf16_kernels *k, int64_t n, int64_t depth);
/* along: w is [n, depth], else [depth, n]; ldw its row length. */
ATT_MUST_CHECK att_status atti_bf16_weight_pack(const atti_bf16_weight *b,
                                                const float *w, int64_t ldw, int along);
/* y [rows, n] (+)= x [rows, depth] b. */
ATT_MUST_CHECK att_status atti_bf16_weight_run(const atti_bf16_weight *b, float *y,
                                               int64_t ldy, const float *x, int64_t ldx,
                                               int64_t rows, int accumulate,
                                               const atti_epilogue *epi);
/* The same in scratch memory: take packs w, give returns the memory (NULL memory is fine). */
ATT_MUST_CHECK att_status atti_bf16_weight_take(atti_bf16_weight *out,
                                                const atti_bf16_kernels *k,
                                                const float *w, int64_t ldw, int along,
                                                int64_t n, int64_t depth);
void atti_bf16_weight_give(atti_bf16_weight *b);

/* matmul.h's three products of training. k NULL: rounded operands, f32 kernels. */
ATT_MUST_CHECK att_status atti_bf16_forward(const atti_bf16_kernels *k,
                                            const atti_matmul_shape *s, float *y,
                                            int64_t ldy, const float *x, int64_t ldx,
                                            const float *w, const atti_epilogue *epi);
ATT_MUST_CHECK att_status atti_bf16_grad_input(const atti_bf16_kernels *k,
                                               const atti_matmul_shape *s, float *dx,
                                               int64_t lddx, const float *dy,
                                               int64_t lddy, const float *w,
                                               int accumulate,
                                               const atti_epilogue *epi);
ATT_MUST_CHECK att_status atti_bf16_grad_weight(const atti_bf16_kernels *k,
                                                const atti_matmul_shape *s, float *dw,
                                                const float *dy, int64_t lddy,
                                                const float *x, int64_t ldx,
                                                int accumulate);

/* What the backward of y = x w^T + b owes: atti_matmul_backward() in passes. */
ATT_MUST_CHECK att_status atti_bf16_backward(const atti_bf16_kernels *k,
                                             const atti_matmul_shape *s,
                                             const atti_matmul_grads *g, float *dy,
                                             int64_t lddy, const float *x, int64_t ldx,
                                             const float *w, const atti_epilogue *undo);

/* y [rows, cols], contiguous = x rounded to bf16 and back, by all threads. */
void atti_bf16_round(float *y, const float *x, int64_t ldx, int64_t rows, int64_t cols);

#endif
