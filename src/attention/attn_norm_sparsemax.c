/* attn_norm_sparsemax.c - the nearest point of the simplex: max(e - tau, 0) with sum 1
 * (Martins and Astudillo 2016).
 *
 * tau is found without sorting: start from the mean that would hold if every key were in
 * the support, drop the keys below it, repeat (Michelot 1986). The support only shrinks, so it
 * ends after at most n rounds, in practice after about five. */
#include "attention/attn_generic.h"
#include <math.h>

static void forward(atti_gen_row *r)
{
    float m = r->p->k->max(r->e, r->n);
    r->lse = -INFINITY;
    if (!(m > -INFINITY) || m == INFINITY) {
        for (int64_t j = 0; j < r->n; j++) r->alpha[j] = m == -INFINITY ? 0.0f : NAN;
        return;
    }
    /* Relative to the maximum, so that 1e4 + tau keeps its digits; tau is in [-1, 0). */
    double tau = -1.0;
    int64_t before = -1, n = 0;
    /* No key that far below the maximum is in the support: the others alone are looked at
     * again and again. */
    float *near = r->soft;
    for (int64_t j = 0; j < r->n; j++) {
        near[n] = r->e[j];
        n += (double)r->e[j] - (double)m > -1.0;
    }
    for (;;) {
        double sum = 0;
        int64_t count = 0;
        for (int64_t j = 0; j < n; j++) {
            double x = (double)near[j] - (double)m;
            if (!(x > tau)) continue;
            sum += x;
            count++;
        }
        if (count == before) break;
        before = count;
        double next = (sum - 1.0) / (double)count;
        if (next <= tau) break;
        tau = next;
    }
    for (int64_t j = 0; j < r->n; j++) {
        double x = (double)r->e[j] - (double)m - tau;
        r->alpha[j] = x > 0 ? (float)x : 0.0f;
    }
    r->lse = (float)((double)m + tau);
}

static void backward(atti_gen_row *r)
{
    double sum = 0;
    int64_t count = 0;
    for (int64_t j = 0; j < r->n; j++) {
        if (!(r->alpha[j] > 0.0f)) continue;
        sum += (double)r->da[j];
        count++;
    }
    float mean = count ? (float)(sum / (double)count) : 0.0f;
    r->p->k->relu_bwd(r->da, r->alpha, mean, 1.0f, r->n);
}

const atti_gen_norm atti_gen_norm_sparsemax = {forward, backward};
