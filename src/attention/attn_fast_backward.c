/* attn_fast_backward.c - the fast path's backward pass.
 *
 * A unit is one (sequence, key head) with all its query heads, one after the other: then
 * every gradient has one writer and sums have one order. Where there are few of them
 * and they are long, each is cut into P x P blocks of (keys, queries), done in P steps:
 * in step s, unit i takes key part i against query part (i + s) mod P. Within a step all
 * blocks touch different rows of dq, dk and dv; between steps everybody waits; so the
 * order of every sum is fixed, no partial gradient is stored and nothing is computed
 * twice. P depends on the lengths of the sequence and the number of key heads only. */
#include "attention/attn_fast.h"
#include "base/threads.h"
#include <math.h>

#define WANTED_UNITS 32
#define MIN_PART     256 /* queries and keys of a block, at least */
#define MAX_PARTS    16

/* By this sequence's own lengths: neighbours must not change the order of its sums. */
static int64_t parts_of(const atti_attn_call *c, int64_t b)
{
    int64_t nq = atti_attn_nq(c, b), nk = atti_attn_nk(c, b),
            longest = nq < nk ? nq : nk;
    int64_t parts = (WANTED_UNITS + c->kv_heads - 1) / c->kv_heads;
    if (parts > longest / MIN_PART) parts = longest / MIN_PART;
    if (parts > MAX_PARTS) parts = MAX_PARTS;
    return parts > 1 ? parts : 1;
}

static int64_t backward_units(const atti_attn_fast *f, int64_t b)
{
    return f->c->kv_heads * parts_of(f->c, b);
}

static float *at_row(const atti_attn_view *w, int64_t off)
{
    return w->data ? (float *)w->data + off : NULL;
}

/* First row of part i of n, a multiple of `grain`. */
static int64_t cut(int64_t n, int64_t i, int64_t parts, int64_t grain)
{
    int64_t blocks = (n + grain - 1) / grain, row = blocks * i / parts * grain;
    return row < n ? row : n;
}

/* Keys past this sequence's length get no gradient, yet are written. */
static void zero_padding(const atti_attn_fast *f, int64_t b, int64_t kv, int64_t n_k)
{
    const atti_attn_call *c = f->c;
    if (c->ragged || f->add_dkv) return;
    for (int64_t s = n_k; s < c->s; s++) {
        float *dk = at_row(&f->dk, atti_attn_koff(c, &f->dk, b, s, kv));
        float *dv = at_row(&f->dv, atti_attn_koff(c, &f->dv, b, s, kv));
        for (int64_t i = 0; dk && i < c->d; i++) dk[i] = 0.0f;
        for (int64_t i = 0; dv && i < c->e; i++) dv[i] = 0.0f;
    }
}

static void backward_unit(const atti_attn_fast *f, int64_t b, int64_t within,
                          void *scratch)
{
    const atti_attn_call *c = f->c;
    const int64_t parts = (f->start[b + 1] - f->start[b]) / c->kv_heads;
    int64_t kv = within / parts, part = within % parts;
    int64_t other = (part + f->step) % parts;
    if (f->step >= parts) return;
    for (int64_t i = 0; i < c->group; i++) {
        int64_t h = kv * c->group + i;
        atti_attn_problem p;
        atti_attn_fast_problem(&p, f, b, h);
        atti_attn_grads x = {
            .out = at_row(&f->out, atti_attn_qoff(c, &f->out, b, 0, h)),
            .dout = at_row(&f->dout, atti_attn_qoff(c, &f->dout, b, 0, h)),
            .lse = at_row(&c->lse, atti_attn_qoff(c, &c->lse, b, 0, h)),
            .ld_o = f->out.sr,
            .ld_do = f->dout.sr,
            .ld_lse = c->lse.sr,
            .dq = at_row(&f->dq, atti_attn_qoff(c, &f->dq, b, 0, h)),
            .dk = at_row(&f->dk, atti_attn_koff(c, &f->dk, b, 0, kv)),
            .dv = at_row(&f->dv, atti_attn_koff(c, &f->dv, b, 0, kv)),
            .ld_dq = f->dq.sr,
            .ld_dk = f->dk.sr,
            .ld_dv = f->dv.sr,
            .add_dq = f->add_dq || f->step > 0,
            .add_dkv = f->add_dkv || f->step > 0 || i > 0,
        };
        int64_t tiles = atti_attn_fast_tiles(f, p.n_q);
        f->k->bwd_f32(&p, &x, tiles * other / parts, tiles * (other + 1) / parts,
                      cut(p.n_k, part, parts, ATTI_ATTN_CHUNK),
                      cut(p.n_k, part + 1, parts, ATTI_ATTN_CHUNK), scratch);
    }
    if (part == 0 && f->step == 0) zero_padding(f, b, kv, atti_attn_nk(c, b));
}

static void backward_task(void *ctx, int64_t task, int thread)
{
    const atti_attn_fast *f = ctx;
    void *scratch = f->scratch + (size_t)thread * f->slot;
    int64_t u = task * f->batch,
            end = u + f->batch < f->units ? u + f->batch : f->units;
    int64_t b = atti_attn_fast_find(f, u);
    for (; u < end; u++) {
        while (u >= f->start[b + 1]) b++;
        backward_unit(f, b, u - f->start[b], scratch);
    }
}

/* d loss / d sink logit: minus the weight that the sink took times delta = dout . out,
 * summed over the rows of a head: sequence by sequence, a task a head. */
static void sink_task(void *ctx, int64_t h, int thread)
{
    const atti_attn_fast *f = ctx;
    const atti_attn_call *c = f->c;
    const atti_attn_row_kernels *k = f->k->rows;
    double sink = (double)c->inv_temp * ((const float *)c->sink_logit)[h], sum = 0;
    (void)thread;
    for (int64_t b = 0; b < c->n_batch; b++) {
        double part = 0;
        for (int64_t t = 0; t < atti_attn_nq(c, b); t++) {
            float lse = *at_row(&c->lse, atti_attn_qoff(c, &c->lse, b, t, h));
            if (lse == -INFINITY) continue;
            part +=
                exp(sink - (double)lse) *
                k->dot_f64(at_row(&f->dout, atti_attn_qoff(c, &f->dout, b, t, h)),
                           at_row(&f->out, atti_attn_qoff(c, &f->out, b, t, h)), c->e);
        }
        sum += part;
    }
    float *d = (float *)f->g->dsink_logit + h;
    *d = (float)(-(double)c->inv_temp * sum) + (f->g->accumulate ? *d : 0.0f);
}

bool atti_attn_fast_takes_grads(const atti_attn_grad_call *g)
{
    return !(g->dbias || g->dscore_w || g->dscore_b || g->dprior_w || g->dalibi ||
             g->dt5 || g->drel_k || g->drel_v || g->dedge_bias);
}

att_status atti_attn_fast_backward(const atti_attn_call *c,
                                   const atti_attn_grad_call *g)
{
    atti_attn_fast f;
    /* Gradients of other parameters need sums over scores: the generic path's. */
    if (!atti_attn_fast_takes_grads(g)) return atti_attn_generic_backward(c, g);
    ATTI_TRY(atti_attn_fast_begin(&f, c, g));
    /* out in bf16 is off by 2^-9, which delta = dout . out would carry into every ds where
     * terms cancel: it is computed again in f32. */
    if (c->dtype == ATT_BF16) atti_attn_fast_run_forward(&f);
    f.parts = 1;
    for (int64_t b = 0; b < c->n_batch; b++)
        if (parts_of(c, b) > f.parts) f.parts = parts_of(c, b);
    atti_attn_fast_number(&f, backward_units);
    for (f.step = 0; f.step < f.parts; f.step++)
        atti_parallel_void((f.units + f.batch - 1) / f.batch, backward_task, &f);
    if (g->dsink_logit) atti_parallel_void(c->heads, sink_task, &f);
    atti_attn_fast_stage_out(&f);
    atti_attn_fast_end(&f);
    return ATT_OK;
}
