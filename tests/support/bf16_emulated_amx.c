/* bf16_emulated_amx.c - the AMX kernels over emulated tiles. */
#include "bf16_emulated.h"
#include "bf16_tables.h"
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_amx.inc"

_Thread_local emu_tiles emulated_tiles;
_Thread_local int emulated_tile_faults;

int bf16_tile_faults(void)
{
    int n = emulated_tile_faults + (emulated_tiles.configured != 0);
    emulated_tile_faults = 0;
    return n;
}

const atti_bf16_kernels bf16_emulated_amx = {.name = "emulated amx",
                                             .tile = bf16_amx_tile,
                                             .pack = bf16_pack,
                                             .begin = bf16_amx_begin,
                                             .end = bf16_amx_end,
                                             .rounds = bf16_amx_rounds,
                                             .flops_a_round = 4.0 * 16 * 16 * 32 * 2};
