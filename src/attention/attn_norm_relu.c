/* attn_norm_relu.c - max(e, 0), and the same divided by its row sum. */
#include "attention/attn_generic.h"
#include "kernels/kernels.h"
#include <float.h>

static void forward(atti_gen_row *r)
{
    (void)r->p->k->relu(r->alpha, r->e, r->n);
    r->lse = 0.0f;
}

static void backward(atti_gen_row *r)
{
    r->p->k->relu_bwd(r->da, r->e, 0.0f, 1.0f, r->n);
}

const atti_gen_norm atti_gen_norm_relu = {forward, backward};

static void row_forward(atti_gen_row *r)
{
    double sum = r->p->k->relu(r->alpha, r->e, r->n);
    /* Of a small sum 1 / sum may be beyond f32's range: the weights are lifted first. */
    float lift = sum < FLT_MIN ? 0x1p+64f : 1.0f;
    float inv = sum != 0 ? (float)(1.0 / (sum * (double)lift)) : 0.0f;
    r->lse = (float)sum;
    if (lift != 1.0f) atti_k()->scale(r->alpha, r->alpha, lift, 0, r->n);
    atti_k()->scale(r->alpha, r->alpha, inv, 0, r->n);
}

static void row_backward(atti_gen_row *r)
{
    float mean = (float)r->p->k->dot_f64(r->alpha, r->da, r->n);
    float inv = r->lse != 0.0f ? 1.0f / r->lse : 0.0f;
    if (inv > FLT_MAX) inv = FLT_MAX;
    r->p->k->relu_bwd(r->da, r->e, mean, inv, r->n);
}

const atti_gen_norm atti_gen_norm_relu_row = {row_forward, row_backward};
