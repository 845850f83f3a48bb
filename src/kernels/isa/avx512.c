/* avx512.c - the table of kernels for AVX-512 F, BW, DQ, VL; built with that set's flags. */
#include "kernels/isa_tables.h"
#include "kernels/simd/vec_avx512.h"
#include "kernels/simd/all_kernels.inc"
#include "kernels/x86/attn_lanes_avx512.h"
#include "kernels/x86/attn_edges_avx512.h"
#include "kernels/simd/attn_dense.inc"

const atti_kernels atti_kernels_avx512 = {
    .isa = "avx512", ATTI_SIMD_KERNELS, .attn = &attn_dense_kernels};
