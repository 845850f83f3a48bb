/* attn_generic_bias.c - the gradient of an additive bias, which the caller already holds
 * as [.,.,T,S].
 *
 * When every row owns its cells (no broadcast over B, H, T) backward writes them as it
 * goes. Otherwise the sum over what is broadcast must have a fixed order without atomics and
 * without a copy a thread: a second sweep is cut by output cells, and the one task that
 * owns a cell goes through all rows that add to it. */
#include "attention/attn_generic.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include <string.h>

enum { SWEEP_ROWS = 32 };

void atti_gen_bias_row(const atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    const atti_attn_grad_call *g = r->p->g;
    if (c->edges) {
        float *out = (float *)g->dedge_bias + r->edge0 * c->edge_bias_ld +
                     r->h * c->edge_bias_head;
        for (int64_t j = 0; j < r->n; j++) out[j * c->edge_bias_ld] += r->da[j];
        return;
    }
    float *row = (float *)g->dbias + r->b * g->dbias_sb + r->h * g->dbias_sh +
                 r->t * g->dbias_st;
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        if (g->dbias_ss == 1)
            atti_k()->scale(row + run.s0, r->da + run.j0, 1.0f, 1, run.n);
        for (int64_t j = 0; g->dbias_ss != 1 && j < run.n; j++)
            row[(run.s0 + j) * g->dbias_ss] += r->da[run.j0 + j];
    }
}

void atti_gen_bias_clear(const atti_gen_plan *p)
{
    const atti_attn_grad_call *g = p->g;
    if (g->accumulate) return;
    if (g->dedge_bias)
        memset(g->dedge_bias, 0,
               (size_t)(p->c->n_edges * p->c->edge_bias_ld) * sizeof(float));
    if (!g->dbias) return;
    const int64_t *n = g->dbias_shape;
    for (int64_t b = 0; b < n[0]; b++)
        for (int64_t h = 0; h < n[1]; h++)
            for (int64_t t = 0; t < n[2]; t++) {
                float *row = (float *)g->dbias + b * g->dbias_sb + h * g->dbias_sh +
                             t * g->dbias_st;
                for (int64_t s = 0; s < n[3]; s++) row[s * g->dbias_ss] = 0.0f;
            }
}

static void sweep_row(atti_gen_row *r, int64_t t)
{
    const atti_attn_call *c = r->p->c;
    atti_gen_row_weights(r, t);
    atti_gen_load_f32(r->dout, r->p->g->dout.data, c->dtype,
                      atti_attn_qoff(c, &r->p->g->dout, r->b, t, r->h), c->e);
    atti_gen_row_scores_backward(r);
    atti_gen_bias_row(r);
}

/* Task -> which b, h and rows it owns; where the bias is broadcast it owns them all. */
static void task(void *ctx, int64_t i, int thread)
{
    const atti_gen_plan *p = ctx;
    const atti_attn_call *c = p->c;
    const int64_t *n = p->g->dbias_shape;
    bool all_b = c->edges || n[0] == 1, all_h = c->edges || n[1] == 1;
    bool all_t = !c->edges && n[2] == 1;
    int64_t chunks = all_t ? 1 : atti_ceil_div(c->t, SWEEP_ROWS);
    int64_t t0 = i % chunks * SWEEP_ROWS, t1 = all_t ? c->t : t0 + SWEEP_ROWS;
    i /= chunks;
    int64_t hs = all_h ? 1 : c->heads;
    int64_t h0 = i % hs, h1 = all_h ? c->heads : h0 + 1;
    int64_t b0 = i / hs, b1 = all_b ? c->n_batch : b0 + 1;
    atti_gen_row r;
    atti_gen_row_init(&r, p, thread);
    for (int64_t b = b0; b < b1; b++)
        for (int64_t h = h0; h < h1; h++) {
            atti_gen_row_begin(&r, b, h);
            r.dk = r.dv = NULL;
            int64_t end = atti_min_i64(t1, r.n_q);
            for (int64_t t = t0; t < end; t++) sweep_row(&r, t);
        }
}

void atti_gen_bias_gradient(const atti_gen_plan *p)
{
    const atti_attn_call *c = p->c;
    const int64_t *n = p->g->dbias_shape;
    atti_gen_bias_clear(p);
    int64_t rows = !c->edges && n[2] == 1 ? 1 : atti_ceil_div(c->t, SWEEP_ROWS);
    int64_t heads = c->edges || n[1] == 1 ? 1 : c->heads;
    int64_t batch = c->edges || n[0] == 1 ? 1 : c->n_batch;
    union {
        const atti_gen_plan *in;
        void *ctx;
    } u = {p};
    atti_parallel_void(batch * heads * rows, task, u.ctx);
}
