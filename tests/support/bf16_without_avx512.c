/* bf16_without_avx512.c - the AVX512-BF16 kernels with AVX-512's own instructions in place of
 * the two that are missing: real shuffles and masks, on any AVX-512 processor. Built with
 * that set's flags (cmake/AttendIsa.cmake); empty without them. */
#include "bf16_tables.h"

#ifdef __AVX512BW__
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <math.h>
#include "kernels/x86/bf16_vec.h"
#include "kernels/simd/bf16_pack.inc"
#include "kernels/simd/bf16_dot.inc"

#define BA_TILE(t) bf16_dot_tile(t)
#define BA_BEGIN() ((void)0)
#define BA_END()   ((void)0)
#include "kernels/simd/bf16_attn.inc"

static const atti_attn_kernels attention = {.isa = "avx512 without bf16",
                                            .tile = ba_tile_rows,
                                            .fwd_f32 = ba_fwd,
                                            .bwd_f32 = ba_bwd,
                                            .scratch = ba_scratch,
                                            .exp2 = ba_exp2_all};

static const atti_bf16_kernels table = {.name = "avx512 without bf16",
                                        .tile = bf16_dot_tile,
                                        .pack = bf16_pack,
                                        .rounds = bf16_dot_rounds,
                                        .flops_a_round = 16.0 * 16 * 4,
                                        .attn = &attention};

const atti_bf16_kernels *bf16_without_bf16(void)
{
    return &table;
}
#else
const atti_bf16_kernels *bf16_without_bf16(void)
{
    return NULL;
}
#endif
