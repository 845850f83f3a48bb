/* ref_gemm.c - the matrix product's tile in plain C: the shared body over the scalar
 * wrapper. Its oracle is a triple loop in the tests. */
#include "kernels/ref/ref.h"
#include "kernels/simd/vec_scalar.h"
#include "kernels/simd/gemm.inc"

const atti_gemm_kernels atti_ref_gemm = GEMM_KERNELS;
