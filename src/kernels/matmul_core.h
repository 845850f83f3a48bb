/* matmul_core.h - sequential matrix products out of the tiles of gemm.h, and the scratch
 * memory they pack into. matmul.c and linear.c cut the work into these. */
#ifndef ATTI_MATMUL_CORE_H
#define ATTI_MATMUL_CORE_H

#include "base/error.h"
#include "kernels/gemm.h"
#include "kernels/matmul.h"
#include <stddef.h>

const atti_gemm_kernels *atti_gemm_tiles(void); /* of the set in force */

/* c [m, n] (+)= a [m, k] b, b packed whole (atti_gemm_pack_b_fn). */
typedef struct atti_packed_product {
    const float *a, *panels;
    float *c;
    int64_t lda, ldc, m, n, k;
    int accumulate;
    const float *bias; /* [n] or NULL; not with accumulate */
} atti_packed_product;

/* Rows [row0, row0+rows) and panels [p0, p1) of it, on the calling thread. */
void atti_packed_block(const atti_packed_product *p, int64_t row0, int64_t rows,
                       int64_t p0, int64_t p1);
/* Floats of b [k, n] when packed. */
int64_t atti_packed_floats(int64_t k, int64_t n);

/* The same by all threads: packs b, and runs the whole product with its epilogue (NULL =
 * none; the bias is p's). Inside a task they run on the calling thread. */
void atti_pack_parallel(float *panels, const float *b, int64_t ldb, int trans,
                        int64_t k, int64_t n);
void atti_packed_parallel(const atti_packed_product *p, const atti_epilogue *epi);

ATT_MUST_CHECK att_status atti_matmul_check(const atti_matmul_shape *s,
                                            const char *what);
/* Is oneDNN there, and not left out by ATTEND_MATMUL=own? */
int atti_matmul_onednn(void);

/* Scratch memory that is kept for the next taker: after the first steps nothing is
 * allocated. 64-byte aligned, not zeroed. Give back what was taken. */
ATT_MUST_CHECK att_status atti_scratch_take(void *out_ptr, size_t count, size_t size);
void atti_scratch_give(void *p); /* NULL is fine */
/* Frees what is not in use (tests; a program that wants its memory back). */
void atti_scratch_trim(void);

#endif
