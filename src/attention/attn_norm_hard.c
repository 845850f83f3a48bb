/* attn_norm_hard.c - one key takes all: the highest score, or one drawn from softmax(e).
 *
 * The draw is the highest of e[s] + Gumbel noise (Gumbel 1954; Maddison et al. 2014): it
 * needs no running sum, so it does not depend on how a row is cut. The gradient is that
 * of softmax(e) (straight-through), or advantage * grad log softmax(e)[picked]. */
#include "attention/attn_generic.h"
#include <math.h>
#include <string.h>

static void pick(atti_gen_row *r, bool sample)
{
    const atti_attn_call *c = r->p->c;
    uint64_t row = atti_attn_row(c, r->b, r->t) * (uint64_t)c->heads + (uint64_t)r->h;
    uint32_t rowkey = atti_drop_rowkey(c->sample_key, row);
    double best = -INFINITY;
    r->picked = -1;
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        for (int64_t j = run.j0; j < run.j0 + run.n; j++) {
            double x = (double)r->e[j];
            if (sample) {
                int64_t col = c->edges ? j : run.s0 + (j - run.j0);
                double u = (double)atti_drop_bits(rowkey, (uint32_t)col) + 0.5;
                x -= log(-log(u / 4294967296.0));
            }
            if (!(x > best)) continue;
            best = x;
            r->picked = j;
        }
    }
}

static void finish(atti_gen_row *r)
{
    atti_gen_softmax(r, r->soft);
    memset(r->alpha, 0, (size_t)r->n * sizeof(float));
    if (r->picked >= 0) r->alpha[r->picked] = 1.0f;
}

static void argmax_forward(atti_gen_row *r)
{
    pick(r, false);
    finish(r);
}

static void sample_forward(atti_gen_row *r)
{
    pick(r, true);
    finish(r);
}

static void straight_through(atti_gen_row *r)
{
    double mean;
    atti_gen_softmax_backward(r, r->soft, &mean);
}

static void sample_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    if (!c->desc->reinforce) {
        straight_through(r);
        return;
    }
    const float *adv = c->advantage.data;
    float a = adv[atti_attn_qoff(c, &c->advantage, r->b, r->t, r->h)];
    if (r->picked < 0) a = 0.0f;
    for (int64_t j = 0; j < r->n; j++)
        r->da[j] = a * ((j == r->picked ? 1.0f : 0.0f) - r->soft[j]);
}

const atti_gen_norm atti_gen_norm_argmax = {argmax_forward, straight_through};
const atti_gen_norm atti_gen_norm_sample = {sample_forward, sample_backward};
