/* attn_norm_relu.c - max(e, 0), and the same divided by its row sum. */
#include "attention/attn_generic.h"

static double cut(atti_gen_row *r)
{
    double sum = 0;
    for (int64_t j = 0; j < r->n; j++) {
        float x = r->e[j] < 0.0f ? 0.0f : r->e[j]; /* NaN stays */
        r->alpha[j] = x;
        sum += (double)x;
    }
    return sum;
}

static void forward(atti_gen_row *r)
{
    (void)cut(r);
    r->lse = 0.0f;
}

static void backward(atti_gen_row *r)
{
    for (int64_t j = 0; j < r->n; j++)
        if (!(r->e[j] > 0.0f)) r->da[j] = 0.0f;
}

const atti_gen_norm atti_gen_norm_relu = {forward, backward};

static void row_forward(atti_gen_row *r)
{
    double sum = cut(r);
    float inv = sum != 0 ? (float)(1.0 / sum) : 0.0f;
    r->lse = (float)sum;
    for (int64_t j = 0; j < r->n; j++) r->alpha[j] *= inv;
}

static void row_backward(atti_gen_row *r)
{
    float mean = (float)r->p->k->dot_f64(r->alpha, r->da, r->n);
    float inv = r->lse != 0.0f ? 1.0f / r->lse : 0.0f;
    for (int64_t j = 0; j < r->n; j++)
        r->da[j] = r->e[j] > 0.0f ? (r->da[j] - mean) * inv : 0.0f;
}

const atti_gen_norm atti_gen_norm_relu_row = {row_forward, row_backward};
