/* rnn_step.c - one token for every live row of a recurrent decoder: the state comes from the
 * slot of the token before, and the new one goes into this token's. */
#include "base/threads.h"
#include "decode/rnn_engine.h"
#include "decode/session_internal.h"
#include "kernels/rnn.h"
#include <string.h>

static const atti_drop no_drop = {0, 0, 1.0f};

/* The rows of a step, carved out of the session's s->ff. */
typedef struct step {
    att_session *s;
    const atti_rnn_engine *r;
    int64_t rows, width; /* of readout's operand */
    float *h, *c, *fed, *embed, *gates, *recur, *feed, *query, *both, *out, *alpha;
} step;

static void lay_out(step *x, att_session *s, int64_t rows)
{
    const atti_rnn_engine *r = s->e->rnn;
    const atti_rnn_config *c = r->c;
    float *at = s->ff;
    *x = (step){.s = s, .r = r, .rows = rows, .width = r->readout.n_in};
    x->h = at, at += rows * c->hidden;
    x->c = at, at += rows * (r->state - c->hidden);
    x->fed = at, at += rows * r->fed;
    x->embed = at, at += rows * c->embed;
    x->gates = at, at += rows * 4 * c->hidden;
    x->recur = at, at += rows * r->gates;
    x->feed = at, at += rows * r->gates;
    x->query = at, at += rows * c->attention;
    x->both = at, at += rows * (c->hidden + r->memory + c->embed);
    x->out = at, at += rows * c->readout;
    x->alpha = at;
}

static void put(float *to, const float *from, int64_t n)
{
    memcpy(to, from, (size_t)n * sizeof *to);
}

static const float *source_at(const step *x, int64_t row, int64_t t)
{
    const att_session *s = x->s;
    return s->cross_kv +
           (int64_t)s->x_page[row * s->s_cap + t] * 2 * s->e->cfg->d_model;
}

static float *slot_at(const step *x, int64_t slot)
{
    return x->s->self_kv + slot * 2 * x->s->e->cfg->d_model;
}

/* Embeds the token, finds the state before it. */
static void begin_row(void *ctx, int64_t i, int thread)
{
    const step *x = ctx;
    att_session *s = x->s;
    const atti_rnn_engine *r = x->r;
    const atti_row *row = &s->row[i];
    int64_t h = r->c->hidden;
    int32_t *page = s->table[s->current].page + i * s->t_cap;
    (void)thread;
    page[row->pos] = row->slot;
    const float *from = row->pos > 0 ? slot_at(x, page[row->pos - 1])
                                     : source_at(x, i, 0) + r->key + r->memory;
    put(x->h + i * h, from, h);
    if (r->state > h) put(x->c + i * h, from + h, h);
    if (row->pos > 0)
        put(x->fed + i * r->fed, from + r->state, r->fed);
    else
        memset(x->fed + i * r->fed, 0, (size_t)r->fed * sizeof(float));
    atti_k()->embed(x->embed + i * r->c->embed, s->e->dec.embed, &row->token, 1.0f,
                    NULL, NULL, &no_drop, i, 1, r->c->embed);
}

/* Weights of a query over the row's source, and their mean of the memory. */
static void attend(const step *x, int64_t i, const float *query, float *context)
{
    att_session *s = x->s;
    const atti_rnn_engine *r = x->r;
    const atti_rnn_kernels *k = atti_k()->rnn;
    int64_t n = s->x_len[i];
    float *alpha = x->alpha + i * r->c->max_positions;
    for (int64_t t = 0; t < n; t++) {
        const float *key = source_at(x, i, t);
        atti_rnn_add a = {
            .q = query, .v = r->v, .keys = key, .e = alpha + t, .n = 1, .w = r->key};
        if (r->v)
            k->add(&a);
        else
            k->dots(alpha + t, query, key, 1, r->key, r->key);
    }
    atti_k()->softmax(alpha, NULL, 1, n, n);
    memset(context, 0, (size_t)r->memory * sizeof *context);
    for (int64_t t = 0; t < n; t++)
        k->spread(context, alpha + t, source_at(x, i, t) + r->key, 1, r->memory,
                  r->memory);
    if (!s->o.want_alignment) return;
    float *seen = s->align_slot + (int64_t)s->row[i].slot * s->s_cap;
    memset(seen, 0, (size_t)s->s_cap * sizeof *seen);
    put(seen, alpha, n);
}

static void ask_before(void *ctx, int64_t i, int thread)
{
    const step *x = ctx;
    (void)thread;
    attend(x, i, x->query + i * x->r->key, x->fed + i * x->r->fed);
}

static void cell_row(void *ctx, int64_t i, int thread)
{
    const step *x = ctx;
    const atti_rnn_engine *r = x->r;
    int64_t h = r->c->hidden;
    float *both = x->both + i * x->width;
    (void)thread;
    atti_rnn_row row = {.gates = x->gates + i * 4 * h,
                        .feed = r->fed > 0 ? x->feed + i * r->gates : NULL,
                        .recur = x->recur + i * r->gates,
                        .h = x->h + i * h,
                        .c = x->c + i * h,
                        .y = both,
                        .n = h};
    (r->c->cell == ATT_RNN_LSTM ? atti_k()->rnn->lstm : atti_k()->rnn->gru)(&row);
    both += h;
    if (r->c->score == ATTI_RNN_ADDITIVE) {
        put(both, x->fed + i * r->fed, r->fed);
        both += r->fed;
    } else if (r->c->score != ATTI_RNN_NONE) {
        attend(x, i, x->h + i * h, both);
        return;
    }
    put(both, x->embed + i * r->c->embed, r->c->embed);
}

static void end_row(void *ctx, int64_t i, int thread)
{
    const step *x = ctx;
    const atti_rnn_engine *r = x->r;
    int64_t h = r->c->hidden;
    float *to = slot_at(x, x->s->row[i].slot);
    (void)thread;
    put(to, x->h + i * h, h);
    if (r->state > h) put(to + h, x->c + i * h, h);
    /* Luong feeds the readout itself; a context is made anew. */
    if (r->fed == r->c->readout && r->c->score != ATTI_RNN_ADDITIVE)
        put(to + r->state, x->out + i * r->fed, r->fed);
    else
        memset(to + r->state, 0, (size_t)r->fed * sizeof *to);
}

att_status atti_rnn_step(att_session *s, int64_t rows)
{
    const atti_engine *e = s->e;
    const atti_rnn_engine *r = e->rnn;
    int64_t h = r->c->hidden;
    step x;
    lay_out(&x, s, rows);
    atti_parallel_void(rows, begin_row, &x);
    if (r->c->score == ATTI_RNN_ADDITIVE) {
        ATTI_TRY(
            atti_dense_run(&r->query, x.query, r->key, x.h, h, rows, ATTI_ACT_NONE));
        atti_parallel_void(rows, ask_before, &x);
    }
    ATTI_TRY(atti_dense_run(&r->ih, x.gates, 4 * h, x.embed, r->c->embed, rows,
                            ATTI_ACT_NONE));
    ATTI_TRY(atti_dense_run(&r->hh, x.recur, r->gates, x.h, h, rows, ATTI_ACT_NONE));
    if (r->fed > 0)
        ATTI_TRY(atti_dense_run(&r->feed, x.feed, r->gates, x.fed, r->fed, rows,
                                ATTI_ACT_NONE));
    atti_parallel_void(rows, cell_row, &x);
    ATTI_TRY(atti_dense_run(&r->readout, x.out, r->c->readout, x.both, x.width, rows,
                            ATTI_ACT_TANH));
    atti_parallel_void(rows, end_row, &x);
    return atti_pick_rows(s, x.out, rows);
}
