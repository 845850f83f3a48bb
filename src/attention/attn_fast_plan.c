/* attn_fast_plan.c - cuts a call of the fast path into units of about the same length.
 *
 * Short sequences are what training is made of: a unit may take less than a microsecond,
 * so a task is a run of units long enough (TASK_FLOPS) to pay for being handed out. */
#include "attention/attn_fast.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/bf16.h"
#include "kernels/cpu.h"
#include "kernels/kernels.h"
#include <math.h>

#define TASK_FLOPS 3e6 /* some 20 us of one core */

/* A window that is wider sees as much; kernels add positions to it. */
#define WIDEST (INT64_MAX / 4)

/* Bytes at the end of a thread's slot: its last task, for guessing the next. */
#define LAST_TASK 64

bool atti_attn_fast_tiled(const atti_attn_call *c)
{
    const atti_bf16_kernels *half = atti_bf16();
    return half && half->attn && (c->half || c->dtype == ATT_BF16) &&
           atti_attn_fast_plain(c);
}

/* Tiles of bf16 take what has no term beside the product; the f32 kernels take all. */
static const atti_attn_kernels *kernels_for(const atti_attn_call *c)
{
    return atti_attn_fast_tiled(c) ? atti_bf16()->attn : atti_k()->attn;
}

static size_t slot_bytes(const atti_attn_call *c, const atti_attn_kernels *k,
                         int backward)
{
    return k->scratch(c->d, c->e, atti_attn_most_keys(c), backward) + LAST_TASK;
}

static size_t start_bytes(const atti_attn_call *c)
{
    return (((size_t)c->n_batch + 1) * sizeof(int64_t) + 63) & ~(size_t)63;
}

size_t atti_attn_fast_workspace(const atti_attn_call *c, int backward)
{
    const atti_attn_kernels *k = kernels_for(c);
    size_t threads = (size_t)atti_threads_max();
    if (!k) return 0;
    return start_bytes(c) + threads * slot_bytes(c, k, backward) +
           atti_attn_fast_stage_bytes(c, backward);
}

static atti_attn_problem shared_problem(const atti_attn_call *c)
{
    atti_attn_problem p = {.d = c->d,
                           .e = c->e,
                           .scale = c->scale,
                           .softcap = c->softcap,
                           .post = c->inv_temp,
                           .left = atti_min_i64(c->left, WIDEST),
                           .right = atti_min_i64(c->right, WIDEST),
                           .sinks = c->sinks,
                           .ld_bias = c->bias.st,
                           .sink_logit = -INFINITY,
                           .drop = c->drop,
                           .drop_step = (uint64_t)c->heads,
                           .l1_ways = atti_cpu_l1_ways()};
    return p;
}

att_status atti_attn_fast_begin(atti_attn_fast *f, const atti_attn_call *c,
                                const atti_attn_grad_call *g)
{
    size_t need = atti_attn_fast_workspace(c, g != NULL);
    char *space = c->workspace;
    *f = (atti_attn_fast){
        .c = c, .g = g, .k = kernels_for(c), .base = shared_problem(c)};
    if (!space || c->workspace_bytes < need) {
        /* More threads than when the caller asked for the size. */
        ATTI_TRY(atti_alloc_raw(&f->owned, need, 1, "attention workspace"));
        space = f->owned;
    }
    f->start = (int64_t *)(void *)space;
    f->scratch = space + start_bytes(c);
    f->slot = slot_bytes(c, f->k, g != NULL);
    f->q = c->q;
    f->keys = c->k;
    f->v = c->v;
    f->out = c->out;
    if (g) {
        f->dout = g->dout;
        f->dq = g->dq;
        f->dk = g->dk;
        f->dv = g->dv;
        f->add_dq = f->add_dkv = g->accumulate;
    }
    if (atti_attn_fast_stage_bytes(c, g != NULL))
        atti_attn_fast_stage_in(f, f->scratch + f->slot * (size_t)atti_threads_max());
    f->base.ld_q = f->q.sr;
    f->base.ld_k = f->keys.sr;
    f->base.ld_v = f->v.sr;
    return ATT_OK;
}

void atti_attn_fast_end(atti_attn_fast *f)
{
    atti_free(f->owned);
}

double atti_attn_fast_flops(const atti_attn_fast *f, int64_t b)
{
    const atti_attn_call *c = f->c;
    double q = (double)atti_attn_nq(c, b), k = (double)atti_attn_nk(c, b), seen = k;
    if (c->right == 0 && c->left < 0 && k <= q)
        seen = 0.5 * k;
    else if (c->right == 0 && c->left < 0)
        seen = k - 0.5 * q;
    if (c->left >= 0 && c->right >= 0 &&
        (double)c->left + (double)c->right + 1.0 < seen)
        seen = (double)c->left + (double)c->right + 1.0;
    return 2.0 * q * seen * (double)(c->d + c->e) * (f->g ? 2.5 : 1.0);
}

int64_t atti_attn_fast_tiles(const atti_attn_fast *f, int64_t n_q)
{
    int64_t tile = f->k->tile(n_q);
    return (n_q + tile - 1) / tile;
}

static int64_t *last_task(const atti_attn_fast *f, void *scratch)
{
    return (int64_t *)(void *)((char *)scratch + f->slot - LAST_TASK);
}

void atti_attn_fast_number(atti_attn_fast *f,
                           int64_t (*count)(const atti_attn_fast *, int64_t))
{
    const int64_t n_batch = f->c->n_batch;
    double flops = 0;
    f->start[0] = 0;
    for (int i = 0; i < atti_threads_max(); i++)
        *last_task(f, f->scratch + (size_t)i * f->slot) = -1;
    for (int64_t b = 0; b < n_batch; b++) {
        f->start[b + 1] = f->start[b] + count(f, b);
        flops += atti_attn_fast_flops(f, b) * (double)f->c->heads;
    }
    f->units = f->start[n_batch];
    double each = f->units > 0 ? flops / (double)f->units / (double)f->parts : 0;
    f->batch = each * 256 > TASK_FLOPS ? (int64_t)(TASK_FLOPS / each) : 256;
    if (f->batch < 1) f->batch = 1;
}

int64_t atti_attn_fast_guess(const atti_attn_fast *f, int64_t task, void *scratch)
{
    int64_t *last = last_task(f, scratch), before = *last;
    *last = task;
    int64_t unit = (before < 0 ? task + 1 : 2 * task - before) * f->batch;
    return unit >= 0 && unit < f->units ? unit : -1;
}

int64_t atti_attn_fast_find(const atti_attn_fast *f, int64_t unit)
{
    int64_t lo = 0, hi = f->c->n_batch; /* start[lo] <= unit < start[hi] */
    while (hi - lo > 1) {
        int64_t mid = lo + (hi - lo) / 2;
        if (f->start[mid] <= unit)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* An operand without rows may have no memory, and NULL + 0 is not C. */
static const float *begin(const void *data, int64_t offset)
{
    return data ? (const float *)data + offset : NULL;
}

void atti_attn_fast_problem(atti_attn_problem *p, const atti_attn_fast *f, int64_t b,
                            int64_t h)
{
    const atti_attn_call *c = f->c;
    int64_t kv = h / c->group;
    *p = f->base;
    p->n_q = atti_attn_nq(c, b);
    p->n_k = atti_attn_nk(c, b);
    p->q = begin(f->q.data, atti_attn_qoff(c, &f->q, b, 0, h));
    p->k = begin(f->keys.data, atti_attn_koff(c, &f->keys, b, 0, kv));
    p->v = begin(f->v.data, atti_attn_koff(c, &f->v, b, 0, kv));
    if (c->use_alibi) p->alibi = (float)atti_attn_slope(c, h);
    if (c->bias.data) p->bias = c->bias.data + b * c->bias.sb + h * c->bias.sh;
    if (c->sink_logit) p->sink_logit = ((const float *)c->sink_logit)[h];
    p->drop_row0 = atti_attn_row(c, b, 0) * (uint64_t)c->heads + (uint64_t)h;
}
