/* attn_shaw.c - relative positions of Shaw et al. 2018: q . rel_k[clip(s - p)] joins the
 * inner products, rel_v[clip(s - p)] the values. A row needs q against 2 clip + 1 vectors once, not
 * against one a key; its weights are summed by distance before they meet rel_v. */
#include "attention/attn_generic.h"
#include <string.h>

static int64_t index_of(const atti_gen_row *r, int64_t s)
{
    int64_t rel = s - r->pos, clip = r->p->c->shaw;
    return (rel < -clip ? -clip : rel > clip ? clip : rel) + clip;
}

/* bucket[clip(s - p)] += x of every visible key. */
static void by_distance(atti_gen_row *r, const float *x)
{
    memset(r->bucket, 0, (size_t)(2 * r->p->c->shaw + 1) * sizeof(float));
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        for (int64_t j = 0; j < run.n; j++)
            r->bucket[index_of(r, run.s0 + j)] += x[run.j0 + j];
    }
}

static void spread(atti_gen_row *r, float *x)
{
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        for (int64_t j = 0; j < run.n; j++)
            x[run.j0 + j] += r->bucket[index_of(r, run.s0 + j)];
    }
}

static void outer(double *slot, const float *x, const float *y, int64_t n, int64_t d)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; x[i] != 0.0f && j < d; j++)
            slot[i * d + j] += (double)(x[i] * y[j]);
}

void atti_gen_shaw_scores(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    if (!c->rel_k) return;
    r->p->k->dot(r->bucket, r->q_raw, c->rel_k, c->d, 2 * c->shaw + 1, c->d);
    spread(r, r->e);
}

void atti_gen_shaw_scores_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    if (!c->rel_k) return;
    by_distance(r, r->da);
    r->p->k->wsum(r->dq_raw, r->bucket, c->rel_k, c->d, 2 * c->shaw + 1, c->d);
    if (r->slot && r->at.rel_k >= 0)
        outer(r->slot + r->at.rel_k, r->bucket, r->q_raw, 2 * c->shaw + 1, c->d);
}

void atti_gen_shaw_values(atti_gen_row *r, const float *w)
{
    const atti_attn_call *c = r->p->c;
    if (!c->rel_v) return;
    by_distance(r, w);
    r->p->k->wsum(r->out, r->bucket, c->rel_v, c->e, 2 * c->shaw + 1, c->e);
}

/* da += dout . rel_v of each key's distance; w are the weights that forward used. */
void atti_gen_shaw_values_backward(atti_gen_row *r, const float *w)
{
    const atti_attn_call *c = r->p->c;
    if (!c->rel_v) return;
    if (r->slot && r->at.rel_v >= 0) {
        by_distance(r, w);
        outer(r->slot + r->at.rel_v, r->bucket, r->dout, 2 * c->shaw + 1, c->e);
    }
    r->p->k->dot(r->bucket, r->dout, c->rel_v, c->e, 2 * c->shaw + 1, c->e);
    spread(r, r->da);
}
