/* attend/kernels.h - which instruction set does the arithmetic. Information only.
 *
 * The library carries the same kernels for several instruction sets and takes the best
 * one that the processor has. The environment variable ATTEND_ISA, read once at the
 * first use, caps the choice: ref, avx2, avx512 or neon. Results of two sets may differ
 * in the last bits; with one set they never depend on threads or on batch neighbours. */
#ifndef ATTEND_KERNELS_H
#define ATTEND_KERNELS_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The best set in force: "avx512", "avx2", "neon" or "ref". */
ATT_API const char *att_kernels_isa(void);

/* The i-th set, best first, that this build has and this processor can run, whatever
 * ATTEND_ISA says; NULL past the end. */
ATT_API const char *att_kernels_available(int32_t i);

/* ATT_OK, or ATT_EINVAL when ATTEND_ISA names a set that is unknown or that this
 * processor cannot run; the message lists those that it can. */
ATT_API ATT_MUST_CHECK att_status att_kernels_check(void);

/* Measures (some 30 ms) how many f32 operations a second the threads in force reach when
 * they do nothing but multiply and add in registers, in 1e9; what benchmarks divide by.
 * 0 where the set in force is "ref". */
ATT_API double att_kernels_peak_gflops(void);

/* What multiplies matrices: "onednn 2.6.3", "own avx512", ... */
ATT_API const char *att_matmul_provider(void);

#ifdef __cplusplus
}
#endif
#endif
