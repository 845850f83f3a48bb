/* attn_score_dot.c - dot q . k, and the two scores that are a dot after a change of q and
 * k: bilinear q^T W k = (W^T q) . k, cosine (q/|q|) . (k/|k|). The change of k for cosine
 * is made once a call (attn_generic_plan.c). */
#include "attention/attn_generic.h"
#include <float.h>
#include <math.h>
#include <string.h>

static void same_query(atti_gen_row *r)
{
    memcpy(r->q, r->q_rot, (size_t)r->p->c->d * sizeof(float));
}

static void dot_forward(const atti_gen_row *r, float *e, const float *k, int64_t ld,
                        int64_t n)
{
    r->p->k->dot(e, r->q, k, ld, n, r->p->c->dk);
}

static void dot_backward(atti_gen_row *r, float *dk, int64_t ld_dk, const float *ds,
                         const float *k, int64_t ld, int64_t n)
{
    const atti_attn_row_kernels *kern = r->p->k;
    kern->wsum(r->dq, ds, k, ld, n, r->p->c->dk);
    if (dk) kern->outer(dk, ld_dk, ds, r->q, n, r->p->c->dk);
}

static void dot_backward_many(atti_gen_row *rows, int64_t n, const atti_gen_run *x)
{
    const atti_attn_row_kernels *kern = rows->p->k;
    const int64_t d = rows->p->c->dk;
    float *dq[ATTI_GEN_ROWS];
    const float *ds[ATTI_GEN_ROWS], *q[ATTI_GEN_ROWS];
    for (int64_t i = 0; i < n; i++) {
        dq[i] = rows[i].dq;
        ds[i] = rows[i].da + x[i].j0;
        q[i] = rows[i].q;
    }
    kern->wsum_rows(dq, ds, n, rows->k + x->s0 * rows->ld_k, rows->ld_k, x->n, d);
    if (rows->dk)
        kern->outer_rows(rows->dk + x->s0 * rows->ld_dk, rows->ld_dk, ds, q, n, x->n,
                         d);
}

static void same_query_backward(atti_gen_row *r)
{
    (void)r;
}

const atti_gen_score atti_gen_score_dot = {same_query, dot_forward, dot_backward,
                                           dot_backward_many, same_query_backward};

static const float *weights(const atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    return atti_gen_par(c->score_w, r->h * c->score_w_head);
}

static void bilinear_query(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    memset(r->q, 0, (size_t)c->dk * sizeof(float));
    r->p->k->wsum(r->q, r->q_rot, weights(r), c->dk, c->d, c->dk);
}

/* r->dq holds y = sum_s ds k[s]: dW = q y^T, dq = W y. */
static void bilinear_query_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    if (r->slot && r->at.w >= 0)
        r->p->k->outer(r->wide + r->at.w, c->dk, r->q_rot, r->dq, c->d, c->dk);
    r->p->k->dot(r->tmp, r->dq, weights(r), c->dk, c->d, c->dk);
    memcpy(r->dq, r->tmp, (size_t)c->d * sizeof(float));
}

const atti_gen_score atti_gen_score_bilinear = {bilinear_query, dot_forward,
                                                dot_backward, dot_backward_many,
                                                bilinear_query_backward};

float atti_gen_unit(float *y, const float *x, int64_t n, const atti_attn_row_kernels *k)
{
    double norm = sqrt(k->dot_f64(x, x, n));
    /* Of a short vector in f64: 1 / norm may be beyond f32's range. */
    double lift = norm < FLT_MIN ? 0x1p+64 : 1.0;
    float inv = norm > 0 ? (float)(1.0 / (norm * lift)) : norm == 0 ? 0.0f : NAN;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * (float)lift * inv;
    return norm > 0 && norm < 1.0 / FLT_MAX ? FLT_MAX : inv * (float)lift;
}

static void cosine_query(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    r->q_inv = atti_gen_unit(r->q, r->q_rot, c->d, r->p->k);
}

static void cosine_query_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    float along = (float)r->p->k->dot_f64(r->q, r->dq, c->d);
    for (int64_t i = 0; i < c->d; i++)
        r->dq[i] = (r->dq[i] - along * r->q[i]) * r->q_inv;
}

const atti_gen_score atti_gen_score_cosine = {cosine_query, dot_forward, dot_backward,
                                              dot_backward_many, cosine_query_backward};
