/* attn_shaw.c - relative positions of Shaw et al. 2018: q . rel_k[clip(s - p)] joins the
 * inner products, rel_v[clip(s - p)] the values. A row needs q against 2 clip + 1 vectors once, not
 * against one a key; its weights are summed by distance before they meet rel_v. */
#include "attention/attn_generic.h"
#include "kernels/kernels.h"
#include <string.h>

/* A run in three: before the reach of the clip, within it, behind it. */
typedef struct thirds {
    int64_t a, z, first; /* elements a .. z-1 lie within; bucket of element a */
} thirds;

static thirds thirds_of(const atti_gen_row *r, atti_gen_run run)
{
    int64_t rel = run.s0 - r->pos, clip = r->p->c->shaw;
    int64_t a = -clip - rel, z = clip + 1 - rel;
    a = a < 0 ? 0 : a < run.n ? a : run.n;
    z = z < 0 ? 0 : z < run.n ? z : run.n;
    return (thirds){a, z, rel + a + clip};
}

static float sum_of(const float *x, int64_t n)
{
    float s[8] = {0};
    int64_t j = 0;
    for (; j + 8 <= n; j += 8)
        for (int i = 0; i < 8; i++) s[i] += x[j + i];
    for (; j < n; j++) s[0] += x[j];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* bucket[clip(s - p)] += x of every visible key. */
static void by_distance(atti_gen_row *r, const float *x)
{
    int64_t last = 2 * r->p->c->shaw;
    memset(r->bucket, 0, (size_t)(last + 1) * sizeof(float));
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        thirds t = thirds_of(r, run);
        const float *y = x + run.j0;
        r->bucket[0] += sum_of(y, t.a);
        if (t.z > t.a)
            atti_k()->scale(r->bucket + t.first, y + t.a, 1.0f, 1, t.z - t.a);
        r->bucket[last] += sum_of(y + t.z, run.n - t.z);
    }
}

static void spread(atti_gen_row *r, float *x)
{
    int64_t last = 2 * r->p->c->shaw;
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        thirds t = thirds_of(r, run);
        float *y = x + run.j0;
        for (int64_t j = 0; j < t.a; j++) y[j] += r->bucket[0];
        if (t.z > t.a)
            atti_k()->scale(y + t.a, r->bucket + t.first, 1.0f, 1, t.z - t.a);
        for (int64_t j = t.z; j < run.n; j++) y[j] += r->bucket[last];
    }
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
        r->p->k->outer(r->wide + r->at.rel_k, c->d, r->bucket, r->q_raw,
                       2 * c->shaw + 1, c->d);
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
        r->p->k->outer(r->wide + r->at.rel_v, c->e, r->bucket, r->dout, 2 * c->shaw + 1,
                       c->e);
    }
    r->p->k->dot(r->bucket, r->dout, c->rel_v, c->e, 2 * c->shaw + 1, c->e);
    spread(r, r->da);
}
