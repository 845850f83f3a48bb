/* bf16_tables.h - the kernels of src/kernels/simd/bf16_*.inc, compiled for tests. */
#ifndef TEST_BF16_TABLES_H
#define TEST_BF16_TABLES_H

#include "kernels/bf16.h"

/* All instructions in plain C (bf16_emulated.h). */
extern const atti_bf16_kernels bf16_emulated_amx, bf16_emulated_dot;
/* Shuffles, masks and stores as they are, the two instructions of AVX512-BF16 made of
 * AVX-512's: NULL where the build has no AVX-512. */
const atti_bf16_kernels *bf16_without_bf16(void);
/* Faults of emulated tiles on this thread since the last call. */
int bf16_tile_faults(void);

#endif
