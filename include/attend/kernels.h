/* attend/kernels.h - which instruction set does the arithmetic. Information only.
 *
 * The library carries the same kernels for several instruction sets and takes the best
 * one that the processor has. The environment variable ATTEND_ISA, read once at the
 * first use, caps the choice. Best first:
 *   amx           tiles of bf16; for everything else what follows
 *   avx512_bf16   dot products of pairs of bf16; for everything else what follows
 *   avx512        F, BW, DQ and VL
 *   avx2          with FMA and F16C
 *   neon          64-bit Arm
 *   ref           plain C
 * f32 results are the same bits with amx, avx512_bf16 and avx512. Results of other pairs
 * of sets may differ in the last bits; with one set they never depend on threads or on
 * batch neighbours. */
#ifndef ATTEND_KERNELS_H
#define ATTEND_KERNELS_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The best set in force: "amx", "avx512_bf16", "avx512", "avx2", "neon" or "ref". */
ATT_API const char *att_kernels_isa(void);

/* What multiplies bf16 numbers: "amx", "avx512_bf16", or "emulated": operands are rounded
 * to bf16 and multiplied in f32, which gives bf16's accuracy and not its speed. */
ATT_API const char *att_kernels_bf16(void);

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

/* The same for products of bf16 numbers with f32 sums; 0 where they are emulated. */
ATT_API double att_kernels_peak_bf16_gflops(void);

/* Measures how fast the threads in force read that many bytes of memory, over and over,
 * with plain loops, in 1e9 bytes a second: what decoding one sentence divides by, whose
 * weights are read once a token. Takes twelve readings; 0 when there is no such memory. */
ATT_API double att_kernels_read_gb_per_s(size_t bytes);

/* What multiplies matrices: "onednn 2.6.3", "own avx512", ... */
ATT_API const char *att_matmul_provider(void);

#ifdef __cplusplus
}
#endif
#endif
