/* attn_fast_dispatch.c - what the fast path takes, and its forward pass. */
#include "attention/attn_fast.h"
#include "base/threads.h"
#include "kernels/kernels.h"

bool atti_attn_fast_takes(const atti_attn_call *c, int backward)
{
    const att_attention_desc *d = c->desc;
    (void)backward;
    if (!atti_k()->attn || (c->dtype != ATT_F32 && c->dtype != ATT_BF16)) return false;
    if (d->score != ATT_SCORE_DOT || d->normalise != ATT_NORM_SOFTMAX) return false;
    if (c->paged || c->edges || c->block > 0 || c->block_mask) return false;
    if (c->t5_buckets > 0 || c->shaw > 0) return false;
    if (c->prior.data || c->dk != c->d) return false;
    /* A bias row must be contiguous along the keys. */
    return !c->bias.data || c->bias.ss == 1;
}

static int64_t forward_units(const atti_attn_fast *f, int64_t b)
{
    if (atti_attn_done(f->c, b)) return 0;
    int64_t tiles = atti_attn_fast_tiles(f, atti_attn_nq(f->c, b));
    return f->c->heads * ((tiles + f->group_tiles - 1) / f->group_tiles);
}

static void forward_unit(const atti_attn_fast *f, int64_t b, int64_t within,
                         void *scratch)
{
    const atti_attn_call *c = f->c;
    int64_t groups = (f->start[b + 1] - f->start[b]) / c->heads;
    int64_t h = within / groups, tile = within % groups * f->group_tiles;
    atti_attn_problem p;
    atti_attn_fast_problem(&p, f, b, h);
    float *out = (float *)f->out.data + atti_attn_qoff(c, &f->out, b, 0, h),
          *lse = NULL;
    if (c->lse.data && !f->g)
        lse = (float *)c->lse.data + atti_attn_qoff(c, &c->lse, b, 0, h);
    int64_t end = tile + f->group_tiles, tiles = atti_attn_fast_tiles(f, p.n_q);
    f->k->fwd_f32(&p, out, f->out.sr, lse, c->lse.sr, tile, end < tiles ? end : tiles,
                  scratch);
}

static void forward_task(void *ctx, int64_t task, int thread)
{
    const atti_attn_fast *f = ctx;
    void *scratch = f->scratch + (size_t)thread * f->slot;
    int64_t u = task * f->batch,
            end = u + f->batch < f->units ? u + f->batch : f->units;
    int64_t b = atti_attn_fast_find(f, u);
    for (; u < end; u++) {
        while (u >= f->start[b + 1]) b++;
        forward_unit(f, b, u - f->start[b], scratch);
    }
}

void atti_attn_fast_run_forward(atti_attn_fast *f)
{
    f->parts = 1;
    /* Tiles of bf16 lay keys out for each unit: more rows share the work. */
    f->group_tiles = f->k == atti_k()->attn ? 1 : 4;
    atti_attn_fast_number(f, forward_units);
    atti_parallel_void((f->units + f->batch - 1) / f->batch, forward_task, f);
}

att_status atti_attn_fast_forward(const atti_attn_call *c)
{
    atti_attn_fast f;
    ATTI_TRY(atti_attn_fast_begin(&f, c, NULL));
    atti_attn_fast_run_forward(&f);
    atti_attn_fast_stage_out(&f);
    atti_attn_fast_end(&f);
    return ATT_OK;
}
