/* attn_generic_row.c - one query row from q to weights, and from dout back to the
 * gradient of its scores. What a member contributes is behind the tables. */
#include "attention/attn_generic.h"
#include "kernels/kernels.h"
#include <string.h>

void atti_gen_load_f32(float *x, const void *data, int32_t dtype, int64_t at, int64_t n)
{
    if (dtype == ATT_BF16)
        atti_k()->bf16_to_f32(x, (const uint16_t *)data + at, n);
    else
        memcpy(x, (const float *)data + at, (size_t)n * sizeof(float));
}

void atti_gen_store_f32(void *data, int32_t dtype, int64_t at, const float *x,
                        int64_t n, bool add)
{
    float sum[256];
    if (add) {
        atti_gen_load_f32(sum, data, dtype, at, n);
        for (int64_t i = 0; i < n; i++) sum[i] += x[i];
        x = sum;
    }
    if (dtype == ATT_BF16)
        atti_k()->f32_to_bf16((uint16_t *)data + at, x, n);
    else
        memcpy((float *)data + at, x, (size_t)n * sizeof(float));
}

static int64_t key_row0(const atti_attn_call *c, int64_t b)
{
    return c->ragged && !c->paged ? c->k_off[b] : b * c->s;
}

/* An operand without elements has no address to count from. */
static const float *first_row(const atti_attn_view *w, int64_t at)
{
    return w->data ? (const float *)w->data + at : NULL;
}

void atti_gen_row_begin(atti_gen_row *r, int64_t b, int64_t h)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    r->b = b;
    r->h = h;
    r->g = h / c->group;
    r->n_q = atti_attn_nq(c, b);
    r->n_k = atti_attn_nk(c, b);
    int64_t at = r->g * c->m_rows + key_row0(c, b);
    r->ld_k = p->copy_k ? c->dk : c->k.sr;
    r->ld_v = p->copy_v ? c->e : c->v.sr;
    r->k = p->copy_k ? p->kp + at * c->dk
                     : first_row(&c->k, atti_attn_koff(c, &c->k, b, 0, r->g));
    r->v = p->copy_v ? p->vp + at * c->e
                     : first_row(&c->v, atti_attn_koff(c, &c->v, b, 0, r->g));
    r->ek = p->ek ? p->ek + at * c->dk : NULL;
    r->dk = p->dkp ? p->dkp + at * c->dk : NULL;
    r->dv = p->dvp ? p->dvp + at * c->e : NULL;
    r->ld_dk = c->dk;
    r->ld_dv = c->e;
}

static void query(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    atti_gen_load_f32(r->q_raw, c->q.data, c->dtype,
                      atti_attn_qoff(c, &c->q, r->b, r->t, r->h), c->d);
    memcpy(r->q_rot, r->q_raw, (size_t)c->d * sizeof(float));
    if (c->rope_q) {
        if (r->pos >= 0)
            r->rope_now = r->p->rope_table + r->pos * c->rope_dims;
        else {
            atti_attn_rope_table(r->rope, c, r->pos);
            r->rope_now = r->rope;
        }
        atti_attn_rope_apply(r->q_rot, c, r->rope_now, 1);
    }
    r->p->score->query(r);
}

void atti_gen_row_weights(atti_gen_row *r, int64_t t)
{
    r->t = t;
    r->pos = t + r->n_k - r->n_q;
    r->picked = -1;
    r->sink = 0.0f;
    atti_gen_visible(r);
    query(r);
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        r->p->score->forward(r, r->e + run.j0, r->k + run.s0 * r->ld_k, r->ld_k, run.n);
    }
    atti_gen_shaw_scores(r);
    atti_gen_terms(r);
    r->p->norm->forward(r);
}

void atti_gen_row_drop(const atti_gen_row *r, float *w)
{
    const atti_attn_call *c = r->p->c;
    if (!c->drop.threshold) return;
    uint64_t row = atti_attn_row(c, r->b, r->t) * (uint64_t)c->heads + (uint64_t)r->h;
    uint32_t rowkey = atti_drop_rowkey(c->drop.key, row);
    if (c->edges) {
        r->p->k->drop(w, rowkey, 0, c->drop.threshold, c->drop.scale, r->n);
        return;
    }
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        r->p->k->drop(w + run.j0, rowkey, run.s0, c->drop.threshold, c->drop.scale,
                      run.n);
    }
}

void atti_gen_row_scores_backward(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    const atti_attn_row_kernels *k = r->p->k;
    /* e is still needed by the ReLU forms; capped by the soft cap; w takes soft's place
     * only where there is no surrogate. */
    float *w = r->w;
    memcpy(w, r->alpha, (size_t)r->n * sizeof(float));
    atti_gen_row_drop(r, w);
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        k->dot(r->da + run.j0, r->dout, r->v + run.s0 * r->ld_v, r->ld_v, run.n, c->e);
        if (r->dv)
            k->outer(r->dv + run.s0 * r->ld_dv, r->ld_dv, w + run.j0, r->dout, run.n,
                     c->e);
    }
    atti_gen_shaw_values_backward(r, w);
    atti_gen_row_drop(r, r->da);
    r->p->norm->backward(r);
    if (c->inv_temp != 1.0f)
        for (int64_t j = 0; j < r->n; j++) r->da[j] *= c->inv_temp;
}
