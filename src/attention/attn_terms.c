/* attn_terms.c - what happens to a base score before it is normalised: scale, soft cap,
 * prior (location, coverage), ALiBi, T5 buckets, bias, edge features, temperature. */
#include "attention/attn_generic.h"
#include "kernels/kernels.h"
#include <math.h>

static int32_t bucket(const atti_gen_plan *p, int64_t rel)
{
    if (rel >= -p->t5_reach && rel <= p->t5_reach)
        return p->t5_bucket[rel + p->t5_reach];
    const att_attention_desc *d = p->c->desc;
    /* Beyond the greatest distance a direction has one bucket. */
    if (d->t5_max_distance <= p->t5_reach && d->t5_buckets < d->t5_max_distance)
        return p->t5_bucket[rel < 0 ? 0 : 2 * p->t5_reach];
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
    if (b->ss == 1) {
        atti_k()->scale(e, x, weight, 1, run.n);
        return;
    }
    for (int64_t j = 0; j < run.n; j++) e[j] += weight * x[j * b->ss];
}

/* Of a run, elements near_of .. far_of-1 lie within the table by distance. */
static int64_t near_of(const atti_gen_row *r, atti_gen_run run)
{
    int64_t n = r->pos - run.s0 - r->p->t5_reach;
    return n < 0 ? 0 : n < run.n ? n : run.n;
}
static int64_t far_of(const atti_gen_row *r, atti_gen_run run)
{
    int64_t n = r->pos - run.s0 + r->p->t5_reach + 1;
    return n < 0 ? 0 : n < run.n ? n : run.n;
}

static void t5_terms(const atti_gen_row *r, float *e, atti_gen_run run)
{
    const atti_gen_plan *p = r->p;
    const float *table = atti_gen_par(p->c->t5_table, r->h);
    const float *term = p->t5_term + r->h * (2 * p->t5_reach + 1) + p->t5_reach;
    int64_t rel = run.s0 - r->pos, a = near_of(r, run), z = far_of(r, run), j = 0;
    for (; j < a; j++) e[j] += table[bucket(p, rel + j) * p->c->heads];
    if (z > j) atti_k()->scale(e + j, term + rel + j, 1.0f, 1, z - j);
    j = z > j ? z : j;
    for (; j < run.n; j++) e[j] += table[bucket(p, rel + j) * p->c->heads];
}

static void t5_terms_backward(atti_gen_row *r, const float *dx, atti_gen_run run)
{
    const atti_gen_plan *p = r->p;
    double *slot = r->slot + r->at.t5, *sum = r->t5_sum + p->t5_reach;
    int64_t rel = run.s0 - r->pos, a = near_of(r, run), z = far_of(r, run), j = 0;
    for (; j < a; j++) slot[bucket(p, rel + j)] += (double)dx[j];
    for (; j < z; j++) sum[rel + j] += (double)dx[j];
    for (; j < run.n; j++) slot[bucket(p, rel + j)] += (double)dx[j];
}

void atti_gen_t5_fold(atti_gen_row *r)
{
    const atti_gen_plan *p = r->p;
    if (!r->slot || r->at.t5 < 0) return;
    for (int64_t i = 0; i <= 2 * p->t5_reach; i++) {
        r->slot[r->at.t5 + p->t5_bucket[i]] += r->t5_sum[i];
        r->t5_sum[i] = 0;
    }
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
    if (c->t5_table) t5_terms(r, e, run);
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
        atti_k()->scale(r->e, r->e, c->scale, 0, r->n);
    }
    bool any =
        c->prior_w || c->use_alibi || c->t5_table || c->edge_bias || c->bias.data;
    for (int64_t i = 0; any && i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        run_terms(r, r->e + run.j0, run);
    }
    if (c->inv_temp != 1.0f) atti_k()->scale(r->e, r->e, c->inv_temp, 0, r->n);
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
    if (r->at.t5 >= 0) t5_terms_backward(r, dx, run);
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
        atti_k()->scale(r->da, r->da, c->scale, 0, r->n);
}
