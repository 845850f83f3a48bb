/* recurrent.c - attention inside of a recurrent decoder's loop, as the other files see
 * attention: one layer, one head, cross. */
#include "insight/recurrent.h"

#include "autograd/rnn_attend.h"

#include <math.h>

bool atti_recurrent_is(const atti_node *node)
{
    return strcmp(node->op->name, "rnn_attend") == 0;
}

void atti_recurrent_site(const atti_node *node, atti_site *s)
{
    *s = (atti_site){.kind = ATT_VIEW_CROSS,
                     .heads = 1,
                     .q_offsets = node->in[OFFSETS],
                     .k_offsets = node->in[SOURCES],
                     .recurrent = 1};
}

void atti_recurrent_weights(const atti_call *c, int64_t rows, int64_t cols, float *w)
{
    int64_t cap = c->out[1].cols;
    for (int64_t t = 0; t < rows; t++)
        memcpy(w + t * cols, c->out[1].f + t * cap, (size_t)cols * sizeof *w);
}

static att_status copy(float **to, const float *from, int64_t rows, int64_t cols,
                       int64_t ld)
{
    ATTI_TRY(atti_alloc(to, (size_t)(rows * cols), sizeof **to, "a head"));
    for (int64_t r = 0; r < rows; r++)
        memcpy(*to + r * cols, from + r * ld, (size_t)cols * sizeof **to);
    return ATT_OK;
}

/* v . tanh(q + k), or q . k */
static double score(const float *q, const float *k, const float *v, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += v ? (double)v[i] * tanh((double)q[i] + (double)k[i])
                 : (double)q[i] * (double)k[i];
    return sum;
}

att_status atti_recurrent_numbers(const atti_call *c, att_head_numbers *h)
{
    /* Only pointers are taken from the call. */
    atti_ra_job j = atti_ra_job_of((atti_call *)(uintptr_t)c, 0);
    const atti_ra_dims *d = &j.d;
    int64_t both = d->h + d->c, n = d->rows, m = d->sources;
    const float *context = d->add ? c->out[0].f + d->h : j.kept + d->h;
    const float *v = d->add ? c->in[V].f : NULL;
    h->rows = n, h->cols = m;
    h->d = d->a, h->e = d->c, h->heads = 1;
    h->scale = 1.0;
    h->score = d->add ? ATT_SCORE_ADDITIVE : ATT_SCORE_DOT;
    ATTI_TRY(copy(&h->q, j.kept, n, d->a, d->add ? d->a : both));
    ATTI_TRY(copy(&h->k, c->in[KEYS].f, m, d->a, d->a));
    ATTI_TRY(copy(&h->v, c->in[VALUES].f, m, d->c, d->c));
    ATTI_TRY(copy(&h->out, context, n, d->c, d->add ? d->y : both));
    ATTI_TRY(atti_alloc(&h->weights, (size_t)(n * m), sizeof *h->weights, "weights"));
    ATTI_TRY(atti_alloc(&h->scores, (size_t)(n * m), sizeof *h->scores, "scores"));
    ATTI_TRY(atti_alloc(&h->scaled, (size_t)(n * m), sizeof *h->scaled, "scores"));
    atti_recurrent_weights(c, n, m, h->weights);
    for (int64_t t = 0; t < n; t++)
        for (int64_t s = 0; s < m; s++)
            h->scaled[t * m + s] = h->scores[t * m + s] =
                score(h->q + t * d->a, h->k + s * d->a, v, d->a);
    return ATT_OK;
}
