/* linear_few.h - a packed weight times a few rows. Internal to linear.c. */
#ifndef ATTI_LINEAR_FEW_H
#define ATTI_LINEAR_FEW_H

#include "kernels/matmul_core.h"

/* Rows up to which a product is cut between columns. */
enum { ATTI_FEW_ROWS = 256 };

/* The whole product with its ends, by all threads; ends->bias is p's. p->m <=
 * ATTI_FEW_ROWS. Bits as atti_packed_parallel(). */
void atti_few_parallel(const atti_packed_product *p, const atti_linear_ends *ends);

#endif
