/* bf16_emulated_tiles.c - the AMX kernels over emulated tiles. */
#include "bf16_emulated.h"
#include "bf16_tables.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_amx.inc"

#define BA_TILE(t) bf16_amx_tile(t)
#define BA_BEGIN() bf16_amx_begin()
#define BA_END()   bf16_amx_end()
#include "kernels/simd/bf16_attn.inc"

_Thread_local emu_tiles emulated_tiles;
_Thread_local int emulated_tile_faults;

int bf16_tile_faults(void)
{
    int n = emulated_tile_faults + (emulated_tiles.configured != 0);
    emulated_tile_faults = 0;
    return n;
}

static const atti_attn_kernels attention = {.isa = "emulated amx",
                                            .tile = ba_tile_rows,
                                            .fwd_f32 = ba_fwd,
                                            .bwd_f32 = ba_bwd,
                                            .scratch = ba_scratch,
                                            .exp2 = ba_exp2_all};

const atti_bf16_kernels bf16_emulated_amx = {.name = "emulated amx",
                                             .tile = bf16_amx_tile,
                                             .pack = bf16_pack,
                                             .begin = bf16_amx_begin,
                                             .end = bf16_amx_end,
                                             .rounds = bf16_amx_rounds,
                                             .flops_a_round = 4.0 * 16 * 16 * 32 * 2,
                                             .attn = &attention};
