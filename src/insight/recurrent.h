/* recurrent.h - attention inside of a recurrent decoder, looked at. */
#ifndef ATTI_RECURRENT_H
#define ATTI_RECURRENT_H

#include "insight/insight.h"

bool atti_recurrent_is(const atti_node *node);
/* The site that such a node is of, but for its layers. */
void atti_recurrent_site(const atti_node *node, atti_site *s);
/* Of a call with one sequence: w [rows,cols]. */
void atti_recurrent_weights(const atti_call *c, int64_t rows, int64_t cols, float *w);
/* Fills h, which the caller deinits on failure too. */
ATT_MUST_CHECK att_status atti_recurrent_numbers(const atti_call *c,
                                                 att_head_numbers *h);

#endif
