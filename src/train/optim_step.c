/* optim_step.c - one update: Adam and AdamW (Kingma and Ba 2015; Loshchilov and Hutter
 * 2019) in one pass of a kernel over every buffer, and SGD with momentum. */
#include "base/threads.h"
#include "kernels/kernels.h"
#include "train/optim.h"
#include <math.h>

typedef struct step_job {
    atti_optim *o;
    const float *grads;
    atti_adam_step adam;
} step_job;

/* g = scale * grad (+ decay * w);  m = beta1 m + g;  w -= lr m. The moment m is beta1's:
 * SGD has no second one. */
static void sgd_piece(step_job *j, const atti_piece *p)
{
    atti_optim *o = j->o;
    const atti_adam_step *s = &j->adam;
    float decay = p->decay ? s->weight_decay : 0.0f;
    for (size_t i = p->at; i < p->at + (size_t)p->n; i++) {
        float g = j->grads[i] * s->grad_scale + decay * o->w[i];
        o->m[i] = s->beta1 * o->m[i] + g;
        o->w[i] -= s->lr * o->m[i];
        if (o->ema) o->ema[i] += s->ema_rate * (o->w[i] - o->ema[i]);
    }
}

static void step_task(void *ctx, int64_t task, int thread)
{
    step_job *j = ctx;
    (void)thread;
    atti_optim *o = j->o;
    const atti_piece *p = &o->pieces[task];
    if (o->kind == ATTI_SGD) {
        sgd_piece(j, p);
        return;
    }
    atti_adam_step s = j->adam;
    if (!p->decay) s.weight_decay = 0.0f;
    size_t at = p->at;
    atti_k()->adam(o->w + at, o->m + at, o->v + at, o->ema ? o->ema + at : NULL, NULL,
                   j->grads + at, &s, p->n);
}

/* At a fixed rate r the first weights, which are noise, would keep a share of (1 - r)^t:
 * 67 % after 100 updates at 0.004. So early averages are short ones, over a tenth of what
 * lies behind, and the rate falls to its own. A function of t alone: what is resumed goes
 * on with the same bits. */
static float ema_rate(const atti_optim *o, int64_t t)
{
    return (float)fmax((double)o->ema_rate, 9.0 / ((double)t + 10.0));
}

void atti_optim_step(atti_optim *o, const float *grads, double lr, double grad_scale,
                     int64_t t)
{
    step_job j = {.o = o, .grads = grads};
    j.adam = (atti_adam_step){
        .lr = (float)lr,
        .beta1 = o->beta1,
        .beta2 = o->beta2,
        .eps = o->eps,
        .weight_decay = o->weight_decay,
        .c1 = (float)(1.0 - pow((double)o->beta1, (double)t)),
        .c2 = (float)(1.0 - pow((double)o->beta2, (double)t)),
        .grad_scale = (float)grad_scale,
        .ema_rate = ema_rate(o, t),
    };
    atti_parallel_void(o->n_pieces, step_task, &j);
}
