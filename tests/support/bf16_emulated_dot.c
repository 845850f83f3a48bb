/* bf16_emulated_dot.c - the AVX512-BF16 kernels over emulated dot products. */
#include "bf16_emulated.h"
#include "bf16_tables.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_dot.inc"

#define BA_TILE(t) bf16_dot_tile(t)
#define BA_BEGIN() ((void)0)
#define BA_END()   ((void)0)
#include "kernels/simd/bf16_attn.inc"

static const atti_attn_kernels attention = {.isa = "emulated avx512_bf16",
                                            .tile = ba_tile_rows,
                                            .fwd_f32 = ba_fwd,
                                            .bwd_f32 = ba_bwd,
                                            .scratch = ba_scratch,
                                            .exp2 = ba_exp2_all};

const atti_bf16_kernels bf16_emulated_dot = {.name = "emulated avx512_bf16",
                                             .tile = bf16_dot_tile,
                                             .pack = bf16_pack,
                                             .rounds = bf16_dot_rounds,
                                             .flops_a_round = 16.0 * 16 * 4,
                                             .attn = &attention};
