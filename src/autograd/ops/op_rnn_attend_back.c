/* op_rnn_attend_back.c - the decoder operator back through time: op_rnn_attend.c says what
 * was kept. */
#include "autograd/rnn_attend.h"

/* ---- backward ---- */

/* What a row's attention owes for the gradient of its context: to values, keys and, by
 * dquery [A], whoever asked. */
static void unattend(const atti_ra_job *j, const atti_rnn_chunk *k, int64_t i,
                     int64_t row, const float *query, const float *dcontext,
                     float *dquery, float *scores, float *dv)
{
    const atti_ra_dims *d = &j->d;
    const atti_mat *in = j->c->in;
    const atti_rnn_kernels *kernel = atti_k()->rnn;
    atti_ra_source s = atti_ra_source_of(j, k, i);
    const float *alpha = j->c->out[1].f + row * d->cap;
    const float *keys = in[KEYS].f + s.row0 * d->a;
    float *dkeys = in[KEYS].grad ? in[KEYS].grad + s.row0 * d->a : NULL;
    double mean = 0.0;
    kernel->dots(scores, dcontext, in[VALUES].f + s.row0 * d->c, s.n, d->c, d->c);
    if (in[VALUES].grad)
        kernel->spread(in[VALUES].grad + s.row0 * d->c, alpha, dcontext, s.n, d->c,
                       d->c);
    for (int64_t t = 0; t < s.n; t++) mean += (double)alpha[t] * (double)scores[t];
    for (int64_t t = 0; t < s.n; t++) scores[t] = alpha[t] * (scores[t] - (float)mean);
    if (d->add) {
        atti_rnn_add a = {.q = query,
                          .v = in[V].f,
                          .keys = keys,
                          .e = scores,
                          .dq = dquery,
                          .dv = dv,
                          .dkeys = dkeys,
                          .n = s.n,
                          .w = d->a,
                          .ld = d->a};
        atti_ra_copy(dquery, NULL, d->a);
        kernel->add_bwd(&a);
        return;
    }
    kernel->mix(dquery, scores, keys, s.n, d->a, d->a);
    if (dkeys) kernel->spread(dkeys, scores, query, s.n, d->a, d->a);
}

static void add_row(float *to, const float *from, int64_t n)
{
    atti_k()->scale(to, from, 1.0f, 1, n);
}

/* What was there before step t: rows of `kept`, then of `init`, then zeros. */
static const float *earlier(const atti_ra_job *j, const atti_rnn_chunk *k, int64_t i,
                            int64_t t, const float *kept, int64_t ld, int64_t init_at)
{
    const float *init = j->c->in[INIT].f;
    if (t > 0) return kept + atti_rnn_row_at(k, i, t - 1) * ld;
    return init ? init + k->order[i] * j->d.ld_state + init_at : NULL;
}

/* Back through the cells: b->h becomes the gradient of the state before the step by way of
 * W_hh and of the gates themselves, b->fed that of what was fed. */
static void unstep_cells(const atti_ra_job *j, const atti_rnn_chunk *k,
                         const atti_ra_bench *b, int64_t t, int64_t alive)
{
    const atti_ra_dims *d = &j->d;
    const atti_rnn_kernels *kernel = atti_k()->rnn;
    const float *states = d->add ? j->c->out[0].f : j->kept;
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        float *h = j->r.before + row * d->h;
        atti_ra_copy(h, earlier(j, k, i, t, states, d->h + d->c, 0), d->h);
        atti_rnn_row r = {.gates = j->gates + row * 4 * d->h,
                          .h = h,
                          .dgh = b->recur + i * d->g,
                          .dh = b->h + i * d->h,
                          .n = d->h};
        if (d->lstm) {
            const float *c = earlier(j, k, i, t, j->cells, d->h, d->h);
            r.c = (float *)(uintptr_t)c; /* only read */
            r.c_out = j->cells + row * d->h;
            r.dc = b->c + i * d->h;
        }
        (d->lstm ? kernel->lstm_bwd : kernel->gru_bwd)(&r);
        atti_ra_copy(b->feed + i * d->g, r.gates, d->g);
    }
    atti_rnn_product(b->fed, d->f, b->feed, d->g, j->r.w_feed, NULL, alive, d->f, d->g,
                     0);
    atti_rnn_product(b->h, d->h, b->recur, d->g, j->r.hh, NULL, alive, d->h, d->g, 1);
}

static void unstep_additive(const atti_ra_job *j, const atti_rnn_chunk *k,
                            const atti_ra_bench *b, int64_t t, int64_t alive, float *dv)
{
    const atti_ra_dims *d = &j->d;
    const float *dy = j->c->out[0].grad;
    for (int64_t i = 0; dy && i < alive; i++)
        add_row(b->h + i * d->h, dy + atti_rnn_row_at(k, i, t) * d->y, d->h);
    unstep_cells(j, k, b, t, alive);
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        float *dcontext = b->fed + i * d->c, *dq = b->query + i * d->a;
        if (dy) add_row(dcontext, dy + row * d->y + d->h, d->c);
        unattend(j, k, i, row, j->kept + row * d->a, dcontext, dq, b->scores, dv);
        atti_ra_copy(j->r.dquery + row * d->a, dq, d->a);
    }
    atti_rnn_product(b->h, d->h, b->query, d->a, j->r.query, NULL, alive, d->h, d->a,
                     1);
}

static void unstep_dot(const atti_ra_job *j, const atti_rnn_chunk *k,
                       const atti_ra_bench *b, int64_t t, int64_t alive)
{
    const atti_ra_dims *d = &j->d;
    const float *dy = j->c->out[0].grad;
    int64_t both = d->h + d->c;
    atti_drop none = {0, 0, 1.0f};
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        float *dfed = b->fed + i * d->f;
        if (dy) add_row(dfed, dy + row * d->f, d->f);
        atti_k()->bias_act_bwd(dfed, dfed, j->c->out[0].f + row * d->f, ATTI_ACT_TANH,
                               &none, 0, 1, d->f, d->f);
        atti_ra_copy(j->r.dpre + row * d->f, dfed, d->f);
        atti_ra_copy(
            j->r.fed_before + row * d->f,
            t > 0 ? j->c->out[0].f + atti_rnn_row_at(k, i, t - 1) * d->f : NULL, d->f);
    }
    atti_rnn_product(b->both, both, b->fed, d->f, j->r.out, NULL, alive, both, d->f, 0);
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        float *dh = b->h + i * d->h, *dq = b->query + i * d->a;
        const float *dboth = b->both + i * both;
        unattend(j, k, i, row, j->kept + row * both, dboth + d->h, dq, b->scores, NULL);
        add_row(dh, dboth, d->h);
        add_row(dh, dq, d->h);
    }
    unstep_cells(j, k, b, t, alive);
}

static void clear_sources(const atti_ra_job *j, const atti_rnn_chunk *k)
{
    static const int slot[2] = {KEYS, VALUES};
    for (int s = 0; s < 2; s++) {
        const atti_mat *m = &j->c->in[slot[s]];
        for (int64_t i = 0; m->grad && !m->accumulate && i < k->n; i++) {
            atti_ra_source of = atti_ra_source_of(j, k, i);
            atti_ra_copy(m->grad + of.row0 * m->cols, NULL, of.n * m->cols);
        }
    }
}

static void unrun_chunk(void *ctx, int64_t task, int thread)
{
    const atti_ra_job *j = ctx;
    const atti_ra_dims *d = &j->d;
    atti_ra_bench b = atti_ra_bench_of(j, thread);
    atti_rnn_chunk k =
        atti_rnn_chunk_at(j->r.order, j->c->in[OFFSETS].i, d->seqs, task, 0);
    const atti_mat *init = &j->c->in[INIT];
    float *dv = d->add ? j->r.dv + task * d->a : NULL;
    clear_sources(j, &k);
    if (dv) atti_ra_copy(dv, NULL, d->a);
    atti_ra_copy(b.h, NULL, k.n * d->h);
    atti_ra_copy(b.c, NULL, k.n * d->h);
    atti_ra_copy(b.fed, NULL, k.n * d->f);
    for (int64_t t = k.longest - 1; t >= 0; t--) {
        int64_t alive = atti_rnn_alive(&k, t);
        if (d->add)
            unstep_additive(j, &k, &b, t, alive, dv);
        else
            unstep_dot(j, &k, &b, t, alive);
    }
    for (int64_t i = 0; init->grad && i < k.n; i++) {
        float *to = init->grad + k.order[i] * d->ld_state;
        atti_k()->scale(to, b.h + i * d->h, 1.0f, init->accumulate, d->h);
        if (d->lstm)
            atti_k()->scale(to + d->h, b.c + i * d->h, 1.0f, init->accumulate, d->h);
    }
}

/* Gradients of rows [row, row + n) of a weight and its bias: dy^T x over all rows, and
 * with dx the operand's. */
typedef struct owed {
    int w, b, dx; /* slots; -1 none */
    int64_t row, n, in, ld_dy, ld_x;
    float *dy;
    const float *x;
} owed;

static att_status pay(const atti_ra_job *j, const owed *o)
{
    const atti_mat *in = j->c->in, *w = &in[o->w];
    atti_matmul_shape s = {.rows = j->d.rows, .n_out = o->n, .n_in = o->in};
    atti_matmul_grads g = {.lddx = o->in, .add_dw = w->accumulate};
    if (w->grad) g.dw = w->grad + o->row * o->in;
    if (o->b >= 0 && in[o->b].grad) {
        g.db = in[o->b].grad + o->row;
        g.add_db = in[o->b].accumulate;
    }
    if (o->dx >= 0) {
        g.dx = in[o->dx].grad;
        g.add_dx = in[o->dx].accumulate;
    }
    if (!g.dw && !g.db && !g.dx) return ATT_OK;
    return atti_matmul_backward(&s, &g, o->dy, o->ld_dy, o->x, o->ld_x,
                                w->f + o->row * o->in, NULL);
}

att_status atti_ra_backward(atti_call *c)
{
    atti_ra_job j = atti_ra_job_of(c, 1);
    const atti_ra_dims *d = &j.d;
    const atti_ra_room *r = &j.r;
    int64_t h = d->h, ld = 4 * h, both = h + d->c, whole = d->lstm ? 4 * h : 2 * h;
    atti_ra_prepare(&j, 1);
    atti_parallel_void(d->chunks, unrun_chunk, &j);
    const float *fed = d->add ? c->out[0].f + h : r->fed_before;
    const owed list[] = {
        {W_IH, B_IH, X, 0, d->g, d->e, ld, d->e, j.gates, c->in[X].f},
        {W_FEED, -1, -1, 0, d->g, d->f, ld, d->add ? d->y : d->f, j.gates, fed},
        {W_HH, B_HH, -1, 0, whole, h, ld, h, j.gates, r->before},
        {W_HH, B_HH, -1, whole, d->g - whole, h, ld, h, j.gates + 3 * h, r->before},
        {W_QUERY, -1, -1, 0, d->a, h, d->a, h, r->dquery, r->before},
        {W_OUT, B_OUT, -1, 0, d->f, both, d->f, both, r->dpre, j.kept},
    };
    for (int i = 0; i < 6; i++) {
        if (list[i].n == 0 || (i == 4 && !d->add) || (i == 5 && d->add)) continue;
        ATTI_TRY(pay(&j, &list[i]));
    }
    if (d->add && c->in[V].grad)
        atti_sum_chunks(c->in[V].grad, r->dv, d->chunks, d->a, d->a,
                        c->in[V].accumulate);
    return ATT_OK;
}
