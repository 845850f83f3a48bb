/* attn_score_add.c - the scores that add: w . tanh(q + k + b) (Bahdanau et al. 2015) and
 * w . LeakyReLU(q + k + b) (Brody et al. 2022). b joins q once a row.
 *
 * tanh has two forms. With e^2k at hand for every key (made once a call) and |q + b| <= 12, so
 * that no product of exponentials leaves the range, an element costs one reciprocal;
 * a larger query takes tanh itself. The choice looks at that query only. */
#include "attention/attn_generic.h"
#include <math.h>
#include <string.h>

static const float *weights(const atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    return atti_gen_par(c->score_w, r->h * c->score_w_head);
}

static void query(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    const float *b = atti_gen_par(c->score_b, r->h * c->score_b_head);
    for (int64_t i = 0; i < c->d; i++) r->q[i] = r->q_rot[i] + (b ? b[i] : 0.0f);
    /* bw collects dw of the row. */
    if (r->bw) memset(r->bw, 0, (size_t)c->d * sizeof(float));
}

static void tanh_query(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    query(r);
    float most = 0.0f;
    for (int64_t i = 0; i < c->d; i++) {
        float x = fabsf(r->q[i]);
        if (!(x <= most)) most = x;
    }
    r->use_ek = r->ek && most <= 12.0f;
    if (!r->use_ek) return;
    for (int64_t i = 0; i < c->d; i++) r->tmp[i] = 2.0f * r->q[i];
    (void)r->p->k->exp_sum(r->q, r->tmp, 0.0f, c->d);
}

/* e^2k of the run that begins at k. */
static const float *exponentials(const atti_gen_row *r, const float *k, int64_t ld)
{
    return r->ek + (ld ? (k - r->k) / ld : 0) * r->p->c->d;
}

static void tanh_forward(const atti_gen_row *r, float *e, const float *k, int64_t ld,
                         int64_t n)
{
    const atti_attn_call *c = r->p->c;
    if (r->use_ek) {
        r->p->k->add_exp(e, weights(r), r->q, exponentials(r, k, ld), c->d, n, c->d);
        return;
    }
    r->p->k->add_tanh(e, weights(r), r->q, k, ld, n, r->p->c->d);
}

static void leaky_forward(const atti_gen_row *r, float *e, const float *k, int64_t ld,
                          int64_t n)
{
    r->p->k->add_leaky(e, weights(r), r->q, k, ld, n, r->p->c->d, r->p->c->desc->leaky);
}

static void tanh_backward(atti_gen_row *r, float *dk, int64_t ld_dk, const float *ds,
                          const float *k, int64_t ld, int64_t n)
{
    const atti_attn_call *c = r->p->c;
    if (r->use_ek) {
        r->p->k->add_exp_bwd(r->dq, dk, ld_dk, r->bw, ds, weights(r), r->q,
                             exponentials(r, k, ld), c->d, n, c->d);
        return;
    }
    r->p->k->add_tanh_bwd(r->dq, dk, ld_dk, r->bw, ds, weights(r), r->q, k, ld, n,
                          r->p->c->d);
}

static void leaky_backward(atti_gen_row *r, float *dk, int64_t ld_dk, const float *ds,
                           const float *k, int64_t ld, int64_t n)
{
    r->p->k->add_leaky_bwd(r->dq, dk, ld_dk, r->bw, ds, weights(r), r->q, k, ld, n,
                           r->p->c->d, r->p->c->desc->leaky);
}

/* The gradient of q + b is that of q and that of b. */
static void query_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    for (int64_t i = 0; r->slot && i < c->d; i++) {
        if (r->at.w >= 0) r->slot[r->at.w + i] += (double)r->bw[i];
        if (r->at.b >= 0) r->slot[r->at.b + i] += (double)r->dq[i];
    }
}

const atti_gen_score atti_gen_score_additive = {tanh_query, tanh_forward, tanh_backward,
                                                NULL, query_backward};
const atti_gen_score atti_gen_score_gat = {query, leaky_forward, leaky_backward, NULL,
                                           query_backward};
