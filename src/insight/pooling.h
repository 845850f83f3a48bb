/* pooling.h - the attention that pools a text's words to one vector, looked at: a learned
 * query a head, so one row of weights a text. */
#ifndef ATTI_POOLING_H
#define ATTI_POOLING_H

#include "insight/insight.h"

bool atti_pooling_is(const atti_node *node);
/* The site that such a node is of, but for its layers. */
void atti_pooling_site(const att_tape *tape, const atti_node *node, atti_site *s);
/* Of a call with one text: w [H,1,S]. */
void atti_pooling_weights(const atti_call *c, float *w);
/* Weights times the gradient of the loss by them, summed over the heads and taken from
 * out [texts,cols]; every text has cols words. */
void atti_pooling_gradient(const atti_call *c, float *out, int64_t cols);
/* Of a call with one text; fills h, which the caller deinits on failure too. */
ATT_MUST_CHECK att_status atti_pooling_numbers(const atti_call *c, const att_model *m,
                                               int64_t head, att_head_numbers *h);

#endif
