/* attn_generic_bwd.c - backward of the generic path. A task owns a key head of some
 * sequences: it goes through all queries that read it, in order, and is the only one that
 * adds to those dk and dv. Parameter gradients go to a slot a task, added up at the end
 * in a fixed order; the number of slots depends on the call's shape alone. */
#include "attention/attn_generic.h"
#include "base/checked.h"
#include "base/threads.h"
#include <string.h>

static void backward_row(atti_gen_row *r, int64_t t)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    const atti_attn_grad_call *g = p->g;
    atti_gen_row_weights(r, t);
    atti_gen_load_f32(r->dout, g->dout.data, c->dtype,
                      atti_attn_qoff(c, &g->dout, r->b, t, r->h), c->e);
    atti_gen_row_scores_backward(r);
    if (p->dbias_direct) atti_gen_bias_row(r);
    atti_gen_terms_backward(r);
    memset(r->dq, 0, 256 * sizeof(float));
    memset(r->dq_raw, 0, 256 * sizeof(float));
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        p->score->backward(r, r->dk ? r->dk + run.s0 * r->ld_dk : NULL, r->ld_dk,
                           r->da + run.j0, r->k + run.s0 * r->ld_k, r->ld_k, run.n);
    }
    atti_gen_shaw_scores_backward(r);
    p->score->query_backward(r);
    if (!g->dq.data) return;
    if (c->rope_q) atti_attn_rope_apply(r->dq, c, r->rope_now, -1);
    for (int64_t i = 0; i < c->d; i++) r->dq[i] += r->dq_raw[i];
    atti_gen_store_f32(g->dq.data, g->dq.dtype,
                       atti_attn_qoff(c, &g->dq, r->b, t, r->h), r->dq, c->d,
                       g->accumulate);
}

static int64_t key_rows(const atti_attn_call *c, int64_t b)
{
    return c->ragged ? (int64_t)c->k_off[b + 1] - c->k_off[b] : c->s;
}

/* From the gradient of a prepared key to that of the key as it was given. */
static void store_key(const atti_gen_row *r, int64_t s)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    float *x = r->dk + s * r->ld_dk;
    if (p->k_inv && s < r->n_k) {
        float inv = p->k_inv[(r->k - p->kp) / c->dk + s];
        const float *k = r->k + s * r->ld_k;
        float along = (float)p->k->dot_f64(k, x, c->dk);
        for (int64_t i = 0; i < c->dk; i++) x[i] = (x[i] - along * k[i]) * inv;
    }
    if (c->rope_k && s < r->n_k)
        atti_attn_rope_apply(x, c, p->rope_table + s * c->rope_dims, -1);
    atti_gen_store_f32(p->g->dk.data, p->g->dk.dtype,
                       atti_attn_koff(c, &p->g->dk, r->b, s, r->g), x, c->dk,
                       p->g->accumulate);
}

static void one_sequence(atti_gen_row *r, int64_t b, int64_t g, double *slot)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    int64_t rows = key_rows(c, b);
    atti_gen_row_begin(r, b, g * c->group);
    if (r->dk) memset(r->dk, 0, (size_t)(rows * c->dk) * sizeof(float));
    if (r->dv) memset(r->dv, 0, (size_t)(rows * c->e) * sizeof(float));
    for (int64_t i = 0; i < c->group; i++) {
        atti_gen_row_begin(r, b, g * c->group + i);
        r->slot = slot ? slot + i * p->param_count : NULL;
        for (int64_t t = 0; t < r->n_q; t++) backward_row(r, t);
    }
    for (int64_t s = 0; s < rows; s++) {
        if (r->dk) store_key(r, s);
        if (r->dv)
            atti_gen_store_f32(p->g->dv.data, p->g->dv.dtype,
                               atti_attn_koff(c, &p->g->dv, b, s, g),
                               r->dv + s * r->ld_dv, c->e, p->g->accumulate);
    }
}

static void task(void *ctx, int64_t i, int thread)
{
    const atti_gen_plan *p = ctx;
    const atti_attn_call *c = p->c;
    int64_t group = i / c->kv_heads, g = i % c->kv_heads;
    double *slot = NULL;
    if (p->slots) {
        slot = p->slots + (group * c->heads + g * c->group) * p->param_count;
        memset(slot, 0, (size_t)(c->group * p->param_count) * sizeof(double));
    }
    atti_gen_row r;
    atti_gen_row_init(&r, p, thread);
    int64_t b0 = c->n_batch * group / p->n_groups;
    int64_t b1 = c->n_batch * (group + 1) / p->n_groups;
    for (int64_t b = b0; b < b1; b++) one_sequence(&r, b, g, slot);
}

/* out[i * stride] of one head, or of all heads together (h < 0). */
static void add_up(const atti_gen_plan *p, float *out, int64_t stride, int64_t at,
                   int64_t n, int64_t h)
{
    int64_t first = h < 0 ? 0 : h, last = h < 0 ? p->c->heads : h + 1;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t grp = 0; grp < p->n_groups; grp++)
            for (int64_t head = first; head < last; head++)
                sum += p->slots[(grp * p->c->heads + head) * p->param_count + at + i];
        float *y = out + i * stride;
        *y = (float)sum + (p->g->accumulate ? *y : 0.0f);
    }
}

static void parameters(const atti_gen_plan *p)
{
    const atti_attn_call *c = p->c;
    const atti_attn_grad_call *g = p->g;
    atti_gen_slots s = atti_gen_slot_layout(p);
    int64_t w = c->desc->score == ATT_SCORE_BILINEAR ? c->d * c->dk : c->d;
    int64_t rel = 2 * c->shaw + 1;
    for (int64_t h = 0; h < c->heads; h++) {
        if (s.w >= 0 && c->score_w_head)
            add_up(p, (float *)g->dscore_w + h * w, 1, s.w, w, h);
        if (s.b >= 0 && c->score_b_head)
            add_up(p, (float *)g->dscore_b + h * c->d, 1, s.b, c->d, h);
        if (s.prior >= 0 && c->prior_w_head)
            add_up(p, (float *)g->dprior_w + h, 1, s.prior, 1, h);
        if (s.sink >= 0) add_up(p, (float *)g->dsink_logit + h, 1, s.sink, 1, h);
        if (s.alibi >= 0) add_up(p, (float *)g->dalibi + h, 1, s.alibi, 1, h);
        if (s.t5 >= 0) add_up(p, (float *)g->dt5 + h, c->heads, s.t5, c->t5_buckets, h);
    }
    if (s.w >= 0 && !c->score_w_head) add_up(p, g->dscore_w, 1, s.w, w, -1);
    if (s.b >= 0 && !c->score_b_head) add_up(p, g->dscore_b, 1, s.b, c->d, -1);
    if (s.prior >= 0 && !c->prior_w_head) add_up(p, g->dprior_w, 1, s.prior, 1, -1);
    if (s.rel_k >= 0) add_up(p, g->drel_k, 1, s.rel_k, rel * c->d, -1);
    if (s.rel_v >= 0) add_up(p, g->drel_v, 1, s.rel_v, rel * c->e, -1);
}

att_status atti_attn_generic_backward(const atti_attn_call *c,
                                      const atti_attn_grad_call *g)
{
    atti_gen_plan p;
    ATTI_TRY(atti_gen_plan_make(&p, c, g));
    atti_gen_prepare(&p);
    if (p.dbias_direct) atti_gen_bias_clear(&p);
    atti_parallel_void(p.n_groups * c->kv_heads, task, &p);
    if (p.param_count) parameters(&p);
    if (p.dbias_sweep) atti_gen_bias_gradient(&p);
    return ATT_OK;
}
