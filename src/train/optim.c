/* optim.c - the pieces that updates and norms are cut into, and their memory. */
#include "train/optim.h"
#include "base/alloc.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

/* 64 KiB a buffer: five buffers of a piece stay in a second-level cache. */
enum { PIECE = 16384 };

att_status atti_optim_kind_parse(atti_optim_kind *out, const char *name)
{
    static const char *const names[] = {"adam", "adamw", "sgd"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (atti_optim_kind)i;
            return ATT_OK;
        }
    }
    return atti_fail(ATT_ENOTFOUND, "optimizer '%.40s' is not one of adam, adamw, sgd",
                     name);
}

static att_status cut(atti_optim *o, const atti_params *ps)
{
    size_t cap = 0;
    for (size_t k = 0; k < ps->n; k++) {
        const atti_param *p = &ps->p[k];
        if (p->flags & ATTI_PARAM_FROZEN) continue;
        for (int64_t i = 0; i < p->count; i += PIECE) {
            size_t need = (size_t)o->n_pieces + 1;
            ATTI_TRY(atti_grow(&o->pieces, &cap, need, sizeof *o->pieces, "optimiser"));
            int64_t n = p->count - i < PIECE ? p->count - i : PIECE;
            o->pieces[o->n_pieces++] =
                (atti_piece){p->offset + (size_t)i, (int32_t)n,
                             (p->flags & ATTI_PARAM_NO_DECAY) == 0};
        }
    }
    return ATT_OK;
}

static att_status init(atti_optim *o, const atti_params *ps)
{
    size_t n = o->count;
    ATTI_TRY(cut(o, ps));
    ATTI_TRY(atti_alloc(&o->sums, (size_t)o->n_pieces, sizeof *o->sums, "optimiser"));
    ATTI_TRY(atti_alloc(&o->m, n, sizeof *o->m, "optimiser"));
    if (o->kind != ATTI_SGD) ATTI_TRY(atti_alloc(&o->v, n, sizeof *o->v, "optimiser"));
    if (o->ema_rate > 0.0f) ATTI_TRY(atti_alloc(&o->ema, n, sizeof *o->ema, "average"));
    return ATT_OK;
}

att_status atti_optim_init(atti_optim *o, const atti_params *params)
{
    o->w = params->data;
    o->count = params->count;
    att_status st = init(o, params);
    if (st != ATT_OK) atti_optim_deinit(o);
    return st;
}

void atti_optim_deinit(atti_optim *o)
{
    atti_free(o->m);
    atti_free(o->v);
    atti_free(o->ema);
    atti_free(o->pieces);
    atti_free(o->sums);
    o->m = o->v = o->ema = NULL;
    o->pieces = NULL;
    o->sums = NULL;
    o->n_pieces = 0;
}

int64_t atti_optim_bytes(const atti_optim *o, const atti_params *params)
{
    int64_t buffers = 1 + (o->kind != ATTI_SGD) + (o->ema_rate > 0.0f);
    return buffers * (int64_t)params->count * (int64_t)sizeof(float);
}

void atti_optim_start_ema(atti_optim *o)
{
    if (o->ema) memcpy(o->ema, o->w, o->count * sizeof *o->ema);
}

typedef struct norm_job {
    atti_optim *o;
    const float *grads;
} norm_job;

static void norm_task(void *ctx, int64_t task, int thread)
{
    norm_job *j = ctx;
    (void)thread;
    const atti_piece *p = &j->o->pieces[task];
    j->o->sums[task] = atti_k()->sum_squares(j->grads + p->at, p->n);
}

double atti_optim_norm(atti_optim *o, const float *grads)
{
    norm_job j = {o, grads};
    atti_parallel_void(o->n_pieces, norm_task, &j);
    double sum = 0.0;
    for (int64_t i = 0; i < o->n_pieces; i++) sum += o->sums[i];
    return sqrt(sum);
}

double atti_clip_scale(double norm, double max_norm)
{
    return max_norm > 0.0 && norm > max_norm ? max_norm / norm : 1.0;
}
