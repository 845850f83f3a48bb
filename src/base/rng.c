/* rng.c - the one draw that needs libm. */
#include "base/rng.h"

#include <math.h>

double atti_rng_normal(atti_rng *r)
{
    /* Both draws happen whatever their values, so that the counter always moves by two
     * and a resumed stream stays in step. 1 - u is in (0, 1]: the logarithm is finite. */
    double u = 1.0 - atti_rng_unit(r);
    double v = atti_rng_unit(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}
