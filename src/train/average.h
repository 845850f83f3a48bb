/* average.h - the mean of saved weights, for the end of a training. */
#ifndef ATTI_AVERAGE_H
#define ATTI_AVERAGE_H

#include "attend/train.h"
#include "models/family.h"

/* out [count], laid out as the family declares it; dirs are model directories. */
ATT_MUST_CHECK att_status atti_average_weights(float *out, size_t count,
                                               const atti_family *family,
                                               const void *cfg, char *const *dirs,
                                               size_t n);

#endif
