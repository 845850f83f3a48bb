/* avx512bf16.c - what AVX512-BF16 adds to AVX-512: dot products of pairs of bf16. Every
 * other entry comes from the next set. */
#include "kernels/attn_kernels.h"
#include "kernels/bf16.h"
#include "kernels/isa_tables.h"
#include "kernels/x86/bf16_vec.h"
#include <math.h>
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_dot.inc"

#define BA_TILE(t) bf16_dot_tile(t)
#define BA_BEGIN() ((void)0)
#define BA_END()   ((void)0)
#include "kernels/simd/bf16_attn.inc"

static const atti_attn_kernels attention = {.isa = "avx512_bf16",
                                            .tile = ba_tile_rows,
                                            .fwd_f32 = ba_fwd,
                                            .bwd_f32 = ba_bwd,
                                            .scratch = ba_scratch,
                                            .exp2 = ba_exp2_all};

static const atti_bf16_kernels products = {.name = "avx512_bf16",
                                           .tile = bf16_dot_tile,
                                           .pack = bf16_pack,
                                           .rounds = bf16_dot_rounds,
                                           .flops_a_round = 16.0 * 16 * 4,
                                           .attn = &attention};

const atti_kernels atti_kernels_avx512bf16 = {.isa = "avx512_bf16", .bf16 = &products};
