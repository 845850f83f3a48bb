/* attn_fast_backward.c - the fast path's backward pass.
 *
 * A unit is one (sequence, key head) with all its query heads, one after the other: then
 * every gradient has one writer and sums have one order. Where there are few of them
 * and they are long, each is cut into P x P blocks of (keys, queries), done in P steps:
 * in step s, unit i takes key part i against query part (i + s) mod P. Within a step all
 * blocks touch different rows of dq, dk and dv; between steps everybody waits; so the
 * order of every sum is fixed, no partial gradient is stored and nothing is computed
 * twice. P depends on the lengths of the sequence and the number of key heads only, and
 * on whether tiles of bf16 do it: these lay out what a block reads, so blocks are larger. */
#include "attention/attn_fast.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include <math.h>

#define WANTED_UNITS 32
#define MIN_PART     256 /* queries and keys of a block, at least */
#define MIN_TILED    512 /* the same for tiles of bf16 */
#define MAX_PARTS    16

/* By this sequence's own lengths: neighbours must not change the order of its sums. */
static int64_t parts_of(const atti_attn_fast *f, int64_t b)
{
    const atti_attn_call *c = f->c;
    const int64_t least = f->k == atti_k()->attn ? MIN_PART : MIN_TILED;
    int64_t nq = atti_attn_nq(c, b), nk = atti_attn_nk(c, b),
            longest = nq < nk ? nq : nk;
    int64_t parts = (WANTED_UNITS + c->kv_heads - 1) / c->kv_heads;
    if (parts > longest / least) parts = longest / least;
    if (parts > MAX_PARTS) parts = MAX_PARTS;
    return parts > 1 ? parts : 1;
}

static int64_t backward_units(const atti_attn_fast *f, int64_t b)
{
    return f->c->kv_heads * parts_of(f, b);
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
        float *dk = atti_attn_fast_row(&f->dk, atti_attn_koff(c, &f->dk, b, s, kv));
        float *dv = atti_attn_fast_row(&f->dv, atti_attn_koff(c, &f->dv, b, s, kv));
        for (int64_t i = 0; dk && i < c->d; i++) dk[i] = 0.0f;
        for (int64_t i = 0; dv && i < c->e; i++) dv[i] = 0.0f;
    }
}

/* One unit's part of the keys against one part of the queries. */
typedef struct block {
    int64_t kv, part, parts, tile0, tile1, key0, key1;
} block;

static block backward_block(const atti_attn_fast *f, int64_t b, int64_t unit)
{
    const atti_attn_call *c = f->c;
    const int64_t parts = (f->start[b + 1] - f->start[b]) / c->kv_heads;
    int64_t within = unit - f->start[b], part = within % parts;
    int64_t other = (part + f->step) % parts, n_k = atti_attn_nk(c, b);
    int64_t tiles = atti_attn_fast_tiles(f, atti_attn_nq(c, b));
    return (block){.kv = within / parts,
                   .part = part,
                   .parts = parts,
                   .tile0 = tiles * other / parts,
                   .tile1 = tiles * (other + 1) / parts,
                   .key0 = cut(n_k, part, parts, ATTI_ATTN_CHUNK),
                   .key1 = cut(n_k, part + 1, parts, ATTI_ATTN_CHUNK)};
}

/* Tells a problem that block x of sequence b, for query head h, comes next. */
static void backward_next(atti_attn_problem *p, atti_attn_grads *g,
                          const atti_attn_fast *f, int64_t b, const block *x, int64_t h)
{
    const atti_attn_call *c = f->c;
    int64_t row = x->tile0 * f->k->tile(atti_attn_nq(c, b));
    p->next_q = atti_attn_fast_row(&f->q, atti_attn_qoff(c, &f->q, b, row, h));
    p->next_k =
        atti_attn_fast_row(&f->keys, atti_attn_koff(c, &f->keys, b, x->key0, x->kv));
    p->next_v = atti_attn_fast_row(&f->v, atti_attn_koff(c, &f->v, b, x->key0, x->kv));
    g->next_dout = atti_attn_fast_row(&f->dout, atti_attn_qoff(c, &f->dout, b, row, h));
    g->next_out = atti_attn_fast_row(&f->out, atti_attn_qoff(c, &f->out, b, row, h));
}

static void backward_unit(const atti_attn_fast *f, int64_t b, int64_t unit,
                          int64_t next, void *scratch)
{
    const atti_attn_call *c = f->c;
    const block x = backward_block(f, b, unit);
    if (f->step >= x.parts) return;
    for (int64_t i = 0; i < c->group; i++) {
        int64_t h = x.kv * c->group + i;
        atti_attn_problem p;
        atti_attn_fast_problem(&p, f, b, h);
        atti_attn_grads g = {
            .out = atti_attn_fast_row(&f->out, atti_attn_qoff(c, &f->out, b, 0, h)),
            .dout = atti_attn_fast_row(&f->dout, atti_attn_qoff(c, &f->dout, b, 0, h)),
            .lse = atti_attn_fast_row(&c->lse, atti_attn_qoff(c, &c->lse, b, 0, h)),
            .ld_o = f->out.sr,
            .ld_do = f->dout.sr,
            .ld_lse = c->lse.sr,
            .dq = atti_attn_fast_row(&f->dq, atti_attn_qoff(c, &f->dq, b, 0, h)),
            .dk = atti_attn_fast_row(&f->dk, atti_attn_koff(c, &f->dk, b, 0, x.kv)),
            .dv = atti_attn_fast_row(&f->dv, atti_attn_koff(c, &f->dv, b, 0, x.kv)),
            .ld_dq = f->dq.sr,
            .ld_dk = f->dk.sr,
            .ld_dv = f->dv.sr,
            .add_dq = f->add_dq || f->step > 0,
            .add_dkv = f->add_dkv || f->step > 0 || i > 0,
        };
        if (i + 1 < c->group) {
            backward_next(&p, &g, f, b, &x, h + 1);
        } else if (next >= 0) {
            int64_t to = next >= f->start[b] && next < f->start[b + 1]
                             ? b
                             : atti_attn_fast_find(f, next);
            block y = backward_block(f, to, next);
            backward_next(&p, &g, f, to, &y, y.kv * c->group);
        }
        f->k->bwd_f32(&p, &g, x.tile0, x.tile1, x.key0, x.key1, scratch);
    }
    if (x.part == 0 && f->step == 0) zero_padding(f, b, x.kv, atti_attn_nk(c, b));
}

static void backward_task(void *ctx, int64_t task, int thread)
{
    const atti_attn_fast *f = ctx;
    void *scratch = f->scratch + (size_t)thread * f->slot;
    int64_t u = task * f->batch, after = atti_attn_fast_guess(f, task, scratch),
            end = u + f->batch < f->units ? u + f->batch : f->units;
    int64_t b = atti_attn_fast_find(f, u);
    for (; u < end; u++) {
        while (u >= f->start[b + 1]) b++;
        backward_unit(f, b, u, u + 1 < end ? u + 1 : after, scratch);
    }
}

/* d loss / d sink logit: minus the weight that the sink took times delta = dout . out,
 * summed over the rows of a head: sequence by sequence, a task a head. */
static void sink_task(void *ctx, int64_t h, int thread)
{
    const atti_attn_fast *f = ctx;
    const atti_attn_call *c = f->c;
    const atti_attn_row_kernels *k = atti_k()->attn->rows; /* tiles have none */
    double sink = (double)c->inv_temp * ((const float *)c->sink_logit)[h], sum = 0;
    (void)thread;
    for (int64_t b = 0; b < c->n_batch; b++) {
        double part = 0;
        for (int64_t t = 0; t < atti_attn_nq(c, b); t++) {
            float lse =
                *atti_attn_fast_row(&c->lse, atti_attn_qoff(c, &c->lse, b, t, h));
            if (lse == -INFINITY) continue;
            part +=
                exp(sink - (double)lse) *
                k->dot_f64(
                    atti_attn_fast_row(&f->dout, atti_attn_qoff(c, &f->dout, b, t, h)),
                    atti_attn_fast_row(&f->out, atti_attn_qoff(c, &f->out, b, t, h)),
                    c->e);
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
     * terms cancel: it is computed again in f32. Kernels do not read it where a chunk holds
     * all keys. */
    bool reads_out = g->dsink_logit || c->s > ATTI_ATTN_CHUNK;
    if (c->dtype == ATT_BF16 && reads_out) atti_attn_fast_run_forward(&f);
    f.parts = 1;
    for (int64_t b = 0; b < c->n_batch; b++)
        if (parts_of(&f, b) > f.parts) f.parts = parts_of(&f, b);
    atti_attn_fast_number(&f, backward_units);
    for (f.step = 0; f.step < f.parts; f.step++)
        atti_parallel_void((f.units + f.batch - 1) / f.batch, backward_task, &f);
    if (g->dsink_logit) atti_parallel_void(c->heads, sink_task, &f);
    atti_attn_fast_stage_out(&f);
    atti_attn_fast_end(&f);
    return ATT_OK;
}
