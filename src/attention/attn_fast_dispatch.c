/* attn_fast_dispatch.c - what the fast path takes, and its forward pass. */
#include "attention/attn_fast.h"
#include "base/threads.h"
#include "kernels/kernels.h"

#define UNIT_FLOPS 6e6 /* of the forward pass, some 40 us of one core */

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

bool atti_attn_fast_plain(const atti_attn_call *c)
{
    return atti_attn_fast_takes(c, 0) && c->softcap == 0.0f && !c->bias.data &&
           !c->use_alibi;
}

static int64_t forward_units(const atti_attn_fast *f, int64_t b)
{
    if (atti_attn_done(f->c, b)) return 0;
    int64_t tiles = atti_attn_fast_tiles(f, atti_attn_nq(f->c, b));
    return f->c->heads * ((tiles + f->group_tiles - 1) / f->group_tiles);
}

/* Where a unit begins. */
typedef struct place {
    int64_t b, h, tile;
} place;

static place forward_place(const atti_attn_fast *f, int64_t b, int64_t unit)
{
    int64_t within = unit - f->start[b];
    int64_t groups = (f->start[b + 1] - f->start[b]) / f->c->heads;
    int64_t group = within % groups;
    /* The last rows of a causal head see most: the short tasks come last. */
    if (f->c->right >= 0 && f->c->left < 0) group = groups - 1 - group;
    return (place){b, within / groups, group * f->group_tiles};
}

/* Tells p what comes after it. Keys and values of the same head are in cache then. */
static void forward_next(atti_attn_problem *p, const atti_attn_fast *f, place now,
                         int64_t unit)
{
    const atti_attn_call *c = f->c;
    if (unit < 0) return;
    int64_t b = now.b;
    if (unit < f->start[b] || unit >= f->start[b + 1]) b = atti_attn_fast_find(f, unit);
    place x = forward_place(f, b, unit);
    int64_t row = x.tile * f->k->tile(atti_attn_nq(c, b)), kv = x.h / c->group;
    p->next_q = atti_attn_fast_row(&f->q, atti_attn_qoff(c, &f->q, b, row, x.h));
    if (b == now.b && kv == now.h / c->group) return;
    p->next_k = atti_attn_fast_row(&f->keys, atti_attn_koff(c, &f->keys, b, 0, kv));
    p->next_v = atti_attn_fast_row(&f->v, atti_attn_koff(c, &f->v, b, 0, kv));
}

static void forward_unit(const atti_attn_fast *f, int64_t b, int64_t unit, int64_t next,
                         void *scratch)
{
    const atti_attn_call *c = f->c;
    place x = forward_place(f, b, unit);
    atti_attn_problem p;
    atti_attn_fast_problem(&p, f, b, x.h);
    forward_next(&p, f, x, next);
    float *out = (float *)f->out.data + atti_attn_qoff(c, &f->out, b, 0, x.h),
          *lse = NULL;
    if (c->lse.data && !f->g)
        lse = (float *)c->lse.data + atti_attn_qoff(c, &c->lse, b, 0, x.h);
    int64_t end = x.tile + f->group_tiles, tiles = atti_attn_fast_tiles(f, p.n_q);
    f->k->fwd_f32(&p, out, f->out.sr, lse, c->lse.sr, x.tile, end < tiles ? end : tiles,
                  scratch);
}

static void forward_task(void *ctx, int64_t task, int thread)
{
    const atti_attn_fast *f = ctx;
    void *scratch = f->scratch + (size_t)thread * f->slot;
    int64_t u = task * f->batch, after = atti_attn_fast_guess(f, task, scratch),
            end = u + f->batch < f->units ? u + f->batch : f->units;
    int64_t b = atti_attn_fast_find(f, u);
    for (; u < end; u++) {
        while (u >= f->start[b + 1]) b++;
        forward_unit(f, b, u, u + 1 < end ? u + 1 : after, scratch);
    }
}

/* Tiles of bf16 lay keys out for each unit: more rows share the work. In f32 the tiles of a
 * short head go together, whose keys and values then come into one core's cache only. */
static int64_t tiles_of_a_unit(const atti_attn_fast *f)
{
    const atti_attn_call *c = f->c;
    if (f->k != atti_k()->attn) return 4;
    int64_t tile = f->k->tile(atti_attn_most_queries(c));
    double flops =
        2.0 * (double)(tile * atti_attn_most_keys(c)) * (double)(c->d + c->e);
    return flops < UNIT_FLOPS / 2 ? (int64_t)(UNIT_FLOPS / (flops + 1)) : 1;
}

void atti_attn_fast_run_forward(atti_attn_fast *f)
{
    f->parts = 1;
    f->group_tiles = tiles_of_a_unit(f);
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
