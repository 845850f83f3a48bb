/* attn_ref.h - the plain reference in double: one row of weights at a time, written
 * straight from the formulas, sharing no arithmetic with the fast paths. It is the
 * oracle of the tests and what F64 calls run. */
#ifndef ATTI_ATTN_REF_H
#define ATTI_ATTN_REF_H

#include "attention/attn_internal.h"

/* One query row (b, h, t) with all that forward and backward need. Arrays have room for
 * every key the row could see; q, k, v rows are read from the call in any dtype. */
typedef struct atti_ref_row {
    const atti_attn_call *c;
    int64_t b, h, g, t, n_q, n_k, p; /* p = t + S - T */
    int64_t n;                       /* keys seen */
    int64_t *key;                    /* [n] s */
    int64_t
        *slot; /* [n] dropout column; for edges also the edge's number minus edge0 */
    int64_t edge0;
    double *base;              /* [n] before scale */
    double *capped;            /* [n] tanh(scale * base / softcap) when softcap > 0 */
    double *e;                 /* [n] what is normalised */
    double *alpha;             /* [n] */
    double *soft;              /* [n] softmax(e): hard normalisers' surrogate */
    double *drop;              /* [n] 0 or 1/(1-p) */
    double lse, sink;          /* sink: weight of the sink logit */
    int64_t picked;            /* index into key[], -1 none */
    double q_raw[256], q[256]; /* as read; after rotation */
} atti_ref_row;

ATT_MUST_CHECK att_status atti_ref_row_create(atti_ref_row *r, const atti_attn_call *c);
void atti_ref_row_destroy(atti_ref_row *r);
/* Everything up to alpha and drop, for one row. */
void atti_ref_row_run(atti_ref_row *r, int64_t b, int64_t h, int64_t t);
/* Row s of k (rotated unless raw) or v as doubles. */
void atti_ref_key(const atti_ref_row *r, int64_t s, double *k);
void atti_ref_value(const atti_ref_row *r, int64_t s, double *v);
double atti_ref_get(const void *data, int32_t dtype, int64_t i);
void atti_ref_put(void *data, int32_t dtype, int64_t i, double x);
int64_t atti_ref_shaw(const atti_ref_row *r, int64_t s); /* row of rel_k, rel_v */

ATT_MUST_CHECK att_status atti_attn_ref_forward(const atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_ref_backward(const atti_attn_call *c,
                                                 const atti_attn_grad_call *g);

#endif
