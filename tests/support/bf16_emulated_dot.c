/* bf16_emulated_dot.c - the AVX512-BF16 kernels over emulated dot products. */
#include "bf16_emulated.h"
#include "bf16_tables.h"
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_dot.inc"

const atti_bf16_kernels bf16_emulated_dot = {.name = "emulated avx512_bf16",
                                             .tile = bf16_dot_tile,
                                             .pack = bf16_pack,
                                             .rounds = bf16_dot_rounds,
                                             .flops_a_round = 16.0 * 16 * 4};
