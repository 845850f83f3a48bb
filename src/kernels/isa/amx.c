/* amx.c - what AMX adds: products of tiles of bf16. Every other entry comes from the next
 * set. */
#include "kernels/attn_kernels.h"
#include "kernels/bf16.h"
#include "kernels/isa_tables.h"
#include "kernels/x86/bf16_vec.h"
#include "kernels/x86/amx_tiles.h"
#include <math.h>
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_amx.inc"

#define BA_TILE(t) bf16_amx_tile(t)
#define BA_BEGIN() bf16_amx_begin()
#define BA_END()   bf16_amx_end()
#include "kernels/simd/bf16_attn.inc"

static const atti_attn_kernels attention = {.isa = "amx",
                                            .tile = ba_tile_rows,
                                            .fwd_f32 = ba_fwd,
                                            .bwd_f32 = ba_bwd,
                                            .scratch = ba_scratch,
                                            .exp2 = ba_exp2_all};

static const atti_bf16_kernels products = {.name = "amx",
                                           .tile = bf16_amx_tile,
                                           .pack = bf16_pack,
                                           .begin = bf16_amx_begin,
                                           .end = bf16_amx_end,
                                           .rounds = bf16_amx_rounds,
                                           .flops_a_round = 4.0 * 16 * 16 * 32 * 2,
                                           .attn = &attention};

const atti_kernels atti_kernels_amx = {.isa = "amx", .bf16 = &products};
