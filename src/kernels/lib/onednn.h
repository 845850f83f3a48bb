/* onednn.h - what the rest of kernels/ may ask of oneDNN; the library's own header is
 * included by onednn.c alone. Without oneDNN the functions are there and say no. */
#ifndef ATTI_ONEDNN_H
#define ATTI_ONEDNN_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

/* "2.6.3", or NULL when this build has no oneDNN or its threads are not ours (it
 * is built with OpenMP; without OpenMP here it would start a team of its own). */
const char *atti_onednn_version(void);

/* c [m, n] (+)= a^T b, a stored [k, m], b stored [k, n]: on the calling thread alone,
 * whether inside a parallel region or not. The same call gives the same bits. */
ATT_MUST_CHECK att_status atti_onednn_gemm_tn(int64_t m, int64_t n, int64_t k,
                                              const float *a, int64_t lda,
                                              const float *b, int64_t ldb,
                                              int accumulate, float *c, int64_t ldc);

#endif
