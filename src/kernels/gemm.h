/* gemm.h - the inner tile of our own matrix product, one set per ISA, and the layout of
 * packed operands. matmul_own.c cuts problems into these tiles.
 *
 * Every element of c is one chain of fused multiply-adds in rising k, starting from 0,
 * from its column's bias or from the old c; between blocks of k it waits in c as f32, which is what it was in the
 * register. So the bits of c[i, j] depend on row i of a, column j of b and k alone: not
 * on the tiling, the number of rows, the threads, nor on which operand was packed. */
#ifndef ATTI_GEMM_H
#define ATTI_GEMM_H

#include <stdint.h>

/* c [m, n] (+)= a [m, k] b [k, n] for one tile, m in 1..mr and n in 1..nr. */
typedef struct atti_gemm_tile {
    const float *a; /* tile_row: rows lda apart; tile_col: steps of k lda apart */
    const float
        *b; /* tile_row: packed panel [k][nr], zeros past n; tile_col: steps of k
                     * ldb apart, nr readable in each whatever n is */
    float *c;
    int64_t k, lda, ldb, ldc, n;
    int accumulate;
    const float *start; /* [n]: what every row's sums start from; NULL: 0, or c where
                         * accumulate says so (then it is not read) */
} atti_gemm_tile;
typedef void atti_gemm_tile_fn(int64_t m, const atti_gemm_tile *t);

/* Panel p of b holds columns [p nr, p nr + nr) as [k][nr], zeros past n; panels follow
 * each other. b is [k, n], or [n, k] when trans. */
typedef void atti_gemm_pack_b_fn(float *panels, const float *b, int64_t ldb, int trans,
                                 int64_t k, int64_t n);
/* a is stored [k, m] (its transpose is meant): panel q holds rows [q mr, q mr + mr) as
 * [k][ap], panels follow each other. Lanes past m hold anything: the tile does not read
 * them. */
typedef void atti_gemm_pack_a_fn(float *panels, const float *a, int64_t lda, int64_t k,
                                 int64_t m);

typedef struct atti_gemm_kernels {
    int64_t mr, nr; /* the tile */
    int64_t ap;     /* row length of a packed panel of a */
    atti_gemm_tile_fn *tile_row, *tile_col;
    atti_gemm_pack_b_fn *pack_b;
    atti_gemm_pack_a_fn *pack_a;
} atti_gemm_kernels;

#endif
