/* attn_norm_softmax.c - softmax over the visible keys, with or without a sink logit in
 * the denominator. */
#include "attention/attn_generic.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

void atti_gen_softmax(atti_gen_row *r, float *y)
{
    const atti_attn_call *c = r->p->c;
    float sink =
        c->sink_logit ? c->inv_temp * *atti_gen_par(c->sink_logit, r->h) : -INFINITY;
    float m = r->p->k->max(r->e, r->n);
    if (sink > m) m = sink;
    r->sink = 0.0f;
    r->lse = -INFINITY;
    if (m == -INFINITY) {
        memset(y, 0, (size_t)r->n * sizeof(float));
        return;
    }
    double sum = r->p->k->exp_sum(y, r->e, m, r->n);
    double at_sink = sink == -INFINITY ? 0.0 : exp((double)(sink - m));
    sum += at_sink;
    r->lse = (float)((double)m + log(sum));
    float inv = (float)(1.0 / sum);
    atti_k()->scale(y, y, inv, 0, r->n);
    r->sink = (float)(at_sink / sum);
}

void atti_gen_softmax_backward(atti_gen_row *r, const float *y, double *mean_out)
{
    double mean = r->p->k->dot_f64(y, r->da, r->n);
    r->p->k->softmax_bwd(r->da, y, (float)mean, r->n);
    *mean_out = mean;
}

static void forward(atti_gen_row *r)
{
    atti_gen_softmax(r, r->alpha);
}

static void backward(atti_gen_row *r)
{
    double mean;
    atti_gen_softmax_backward(r, r->alpha, &mean);
    if (r->slot && r->at.sink >= 0)
        r->slot[r->at.sink] -= (double)r->p->c->inv_temp * (double)r->sink * mean;
}

const atti_gen_norm atti_gen_norm_softmax = {forward, backward};
