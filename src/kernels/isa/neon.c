/* neon.c - the table of kernels for 64-bit Arm; built with that set's flags. */
#include "kernels/isa_tables.h"
#include "kernels/simd/vec_neon.h"
#include "kernels/simd/all_kernels.inc"
#include "kernels/simd/attn_dense.inc"

const atti_kernels atti_kernels_neon = {
    .isa = "neon", ATTI_SIMD_KERNELS, .attn = &attn_dense_kernels};
