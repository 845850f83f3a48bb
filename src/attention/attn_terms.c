/* attn_terms.c - what happens to a base score before it is normalised: scale, soft cap,
 * prior (location, coverage), ALiBi, T5 buckets, bias, edge features, temperature. */
#include "attention/attn_generic.h"
#include <math.h>

static int32_t bucket(const atti_gen_plan *p, int64_t rel)
{
    if (rel >= -p->t5_reach && rel <= p->t5_reach)
        return p->t5_bucket[rel + p->t5_reach];
    const att_attention_desc *d = p->c->desc;
    return atti_attn_t5_bucket(rel, d->t5_buckets, d->t5_max_distance,
                               d->t5_bidirectional != 0);
}

static const float *bias_row(const atti_attn_bias *b, const atti_gen_row *r)
{
    return b->data + r->b * b->sb + r->h * b->sh + r->t * b->st;
}

static void add_bias(float *e, const atti_attn_bias *b, const float *row,
                     atti_gen_run run, float weight)
{
    const float *x = row + run.s0 * b->ss;
    for (int64_t j = 0; j < run.n; j++) e[j] += weight * x[j * b->ss];
}

static void run_terms(const atti_gen_row *r, float *e, atti_gen_run run)
{
    const atti_attn_call *c = r->p->c;
    if (c->prior_w)
        add_bias(e, &c->prior, bias_row(&c->prior, r), run,
                 *atti_gen_par(c->prior_w, r->h * c->prior_w_head));
    if (c->use_alibi) {
        float slope = (float)atti_attn_slope(c, r->h);
        for (int64_t j = 0; j < run.n; j++)
            e[j] -= slope * fabsf((float)(r->pos - run.s0 - j));
    }
    if (c->t5_table) {
        const float *table = atti_gen_par(c->t5_table, r->h);
        for (int64_t j = 0; j < run.n; j++)
            e[j] += table[bucket(r->p, run.s0 + j - r->pos) * c->heads];
    }
    if (c->edge_bias)
        for (int64_t j = 0; j < run.n; j++)
            e[j] +=
                *atti_gen_par(c->edge_bias, (r->edge0 + run.j0 + j) * c->edge_bias_ld +
                                                r->h * c->edge_bias_head);
    /* Last, so that a bias of -Inf is not turned into NaN by what else is added. */
    if (c->bias.data) add_bias(e, &c->bias, bias_row(&c->bias, r), run, 1.0f);
}

void atti_gen_terms(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    if (c->softcap > 0.0f) {
        r->p->k->tanh(r->capped, r->e, c->scale / c->softcap, r->n);
        for (int64_t j = 0; j < r->n; j++) r->e[j] = c->softcap * r->capped[j];
    } else if (c->scale != 1.0f) {
        for (int64_t j = 0; j < r->n; j++) r->e[j] *= c->scale;
    }
    bool any =
        c->prior_w || c->use_alibi || c->t5_table || c->edge_bias || c->bias.data;
    for (int64_t i = 0; any && i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        run_terms(r, r->e + run.j0, run);
    }
    if (c->inv_temp != 1.0f)
        for (int64_t j = 0; j < r->n; j++) r->e[j] *= c->inv_temp;
}

static void run_terms_backward(atti_gen_row *r, const float *dx, atti_gen_run run)
{
    const atti_attn_call *c = r->p->c;
    if (r->at.prior >= 0) {
        const float *x = bias_row(&c->prior, r) + run.s0 * c->prior.ss;
        double sum = 0;
        for (int64_t j = 0; j < run.n; j++) sum += (double)(dx[j] * x[j * c->prior.ss]);
        r->slot[r->at.prior] += sum;
    }
    if (r->at.alibi >= 0) {
        double sum = 0;
        for (int64_t j = 0; j < run.n; j++)
            sum += (double)dx[j] * fabs((double)(r->pos - run.s0 - j));
        r->slot[r->at.alibi] -= sum;
    }
    if (r->at.t5 >= 0)
        for (int64_t j = 0; j < run.n; j++)
            r->slot[r->at.t5 + bucket(r->p, run.s0 + j - r->pos)] += (double)dx[j];
}

void atti_gen_terms_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    bool any = r->slot && (r->at.prior >= 0 || r->at.alibi >= 0 || r->at.t5 >= 0);
    for (int64_t i = 0; any && i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        run_terms_backward(r, r->da + run.j0, run);
    }
    if (c->softcap > 0.0f)
        for (int64_t j = 0; j < r->n; j++)
            r->da[j] *= c->scale * (1.0f - r->capped[j] * r->capped[j]);
    else if (c->scale != 1.0f)
        for (int64_t j = 0; j < r->n; j++) r->da[j] *= c->scale;
}
