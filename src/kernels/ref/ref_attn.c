/* ref_attn.c - the row kernels of attention one lane wide: what runs where there is no
 * vector set, and what the vector sets are compared with. */
#define ATTI_ATTN_ROWS_EXPORT
#include "kernels/simd/vec_scalar.h"
#include "kernels/simd/attn_rows.inc"

const atti_attn_row_kernels atti_ref_attn_rows = ATTI_ATTN_ROW_KERNELS;
