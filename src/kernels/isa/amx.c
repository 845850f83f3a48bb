/* amx.c - what AMX adds: products of tiles of bf16. Every other entry comes from the next
 * set. */
#include "kernels/bf16.h"
#include "kernels/isa_tables.h"
#include "kernels/x86/bf16_vec.h"
#include "kernels/x86/amx_tiles.h"
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_amx.inc"

static const atti_bf16_kernels products = {.name = "amx",
                                           .tile = bf16_amx_tile,
                                           .pack = bf16_pack,
                                           .begin = bf16_amx_begin,
                                           .end = bf16_amx_end,
                                           .rounds = bf16_amx_rounds,
                                           .flops_a_round = 4.0 * 16 * 16 * 32 * 2};

const atti_kernels atti_kernels_amx = {.isa = "amx", .bf16 = &products};
