/* avx2.c - the table of kernels for AVX2 with FMA and F16C; built with that set's flags. */
#include "kernels/isa_tables.h"
#include "kernels/simd/vec_avx2.h"
#include "kernels/simd/all_kernels.inc"
#include "kernels/simd/attn_dense.inc"

const atti_kernels atti_kernels_avx2 = {
    .isa = "avx2", ATTI_SIMD_KERNELS, .attn = &attn_dense_kernels};
