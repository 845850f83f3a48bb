/* attn_generic_fwd.c - forward of the generic path: tasks of query rows. A row's result
 * depends on its own sequence only, so how rows are cut into tasks changes no bit. */
#include "attention/attn_generic.h"
#include "base/checked.h"
#include "base/threads.h"
#include <string.h>

enum { TASK_ROWS = 32 };

static void finish_row(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    /* Read before dropout scales it: the logarithm of what was picked. */
    if (c->picked.data)
        ((int32_t *)c->picked.data)[atti_attn_qoff(c, &c->picked, r->b, r->t, r->h)] =
            -1;
    for (int64_t i = 0; c->picked.data && r->picked >= 0 && i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        if (r->picked < run.j0 || r->picked >= run.j0 + run.n) continue;
        ((int32_t *)c->picked.data)[atti_attn_qoff(c, &c->picked, r->b, r->t, r->h)] =
            (int32_t)(run.s0 + r->picked - run.j0);
    }
    if (c->picked_logp.data)
        ((float *)c->picked_logp
             .data)[atti_attn_qoff(c, &c->picked_logp, r->b, r->t, r->h)] =
            r->picked >= 0 ? r->e[r->picked] - r->lse : 0.0f;
    if (c->lse.data)
        ((float *)c->lse.data)[atti_attn_qoff(c, &c->lse, r->b, r->t, r->h)] = r->lse;
}

static void value_piece(atti_gen_row *r, atti_gen_run x)
{
    r->p->k->wsum(r->out, r->alpha + x.j0, r->v + x.s0 * r->ld_v, r->ld_v, x.n,
                  r->p->c->e);
}

static void value_pieces(atti_gen_row *rows, int64_t n, const atti_gen_run *x)
{
    float *out[ATTI_GEN_ROWS];
    const float *w[ATTI_GEN_ROWS];
    for (int64_t i = 0; i < n; i++) {
        out[i] = rows[i].out;
        w[i] = rows[i].alpha + x[i].j0;
    }
    rows->p->k->wsum_rows(out, w, n, rows->v + x->s0 * rows->ld_v, rows->ld_v, x->n,
                          rows->p->c->e);
}

static void forward_rows(atti_gen_row *rows, int64_t n, int64_t t0)
{
    const atti_attn_call *c = rows->p->c;
    atti_gen_block_weights(rows, n, t0);
    for (int64_t i = 0; i < n; i++) {
        finish_row(&rows[i]);
        atti_gen_row_drop(&rows[i], rows[i].alpha);
        memset(rows[i].out, 0, (size_t)c->e * sizeof(float));
    }
    atti_gen_over_keys(rows, n, value_piece, value_pieces);
    for (int64_t i = 0; i < n; i++) {
        atti_gen_row *r = &rows[i];
        atti_gen_shaw_values(r, r->alpha);
        atti_gen_store_f32(c->out.data, c->dtype,
                           atti_attn_qoff(c, &c->out, r->b, r->t, r->h), r->out, c->e,
                           false);
    }
}

static void task(void *ctx, int64_t i, int thread)
{
    const atti_gen_plan *p = ctx;
    const atti_attn_call *c = p->c;
    int64_t chunks = atti_ceil_div(c->t, TASK_ROWS);
    int64_t t0 = i % chunks * TASK_ROWS, bh = i / chunks;
    if (atti_attn_done(c, bh / c->heads)) return;
    atti_gen_row rows[ATTI_GEN_ROWS];
    atti_gen_block_init(rows, p, thread);
    for (int64_t j = 0; j < p->block; j++)
        atti_gen_row_begin(&rows[j], bh / c->heads, bh % c->heads);
    int64_t end = atti_min_i64(t0 + TASK_ROWS, rows->n_q);
    for (int64_t t = t0; t < end; t += p->block)
        forward_rows(rows, atti_min_i64(p->block, end - t), t);
}

att_status atti_attn_generic_forward(const atti_attn_call *c)
{
    atti_gen_plan p;
    ATTI_TRY(atti_gen_plan_make(&p, c, NULL));
    atti_gen_prepare(&p);
    atti_parallel_void(c->n_batch * c->heads * atti_ceil_div(c->t, TASK_ROWS), task,
                       &p);
    return ATT_OK;
}
