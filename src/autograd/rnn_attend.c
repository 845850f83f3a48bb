/* rnn_attend.c - the decoder operator's memory, and its weights made ready. */
#include "autograd/rnn_attend.h"

atti_ra_dims atti_ra_dims_of(const atti_call *call)
{
    const atti_ra_attr *at = call->node->attr;
    const atti_mat *in = call->in;
    atti_ra_dims d = {.lstm = at->cell == ATT_RNN_LSTM,
                      .add = at->score == ATT_SCORE_ADDITIVE};
    d.rows = in[X].rows;
    d.seqs = in[OFFSETS].rows - 1;
    d.sources = in[KEYS].rows;
    d.e = in[X].cols;
    d.h = in[W_HH].cols;
    d.a = in[KEYS].cols;
    d.c = in[VALUES].cols;
    d.f = in[W_FEED].cols;
    d.y = call->out[0].cols;
    d.g = (d.lstm ? 4 : 3) * d.h;
    d.cap = at->max_source;
    d.ld_state = (d.lstm ? 2 : 1) * d.h;
    d.chunks = atti_ceil_div(d.seqs, ATTI_RNN_CHUNK);
    return d;
}

static atti_ra_bench lay_bench(float *base, const atti_ra_dims *d, int64_t *floats)
{
    atti_ra_bench b;
    int64_t at = 0, n = ATTI_RNN_CHUNK;
    b.h = base + at, at += n * d->h;
    b.c = base + at, at += n * d->h;
    b.recur = base + at, at += n * d->g;
    b.feed = base + at, at += n * d->g;
    b.fed = base + at, at += n * d->f;
    b.both = base + at, at += n * (d->h + d->c);
    b.query = base + at, at += n * d->a;
    b.scores = base + at, at += d->cap;
    *floats = atti_round_up(at, 16);
    return b;
}

/* k by n as the product of this direction wants it. */
static float *pack_room(atti_carve *m, int64_t out, int64_t in, int back)
{
    return atti_carve_floats(
        m, back ? atti_packed_floats(out, in) : atti_packed_floats(in, out), 1);
}

size_t atti_ra_lay_out(atti_ra_room *r, const atti_call *c, const atti_ra_dims *d,
                       int back, void *base)
{
    static float anchor[1]; /* addresses are computed, never followed */
    atti_carve m = {base, 0};
    *r = (atti_ra_room){NULL};
    (void)lay_bench(anchor, d, &r->a_thread);
    r->order = atti_carve_ints(&m, d->seqs);
    r->count = atti_carve_ints(&m, d->rows + 2);
    r->threads = atti_carve_floats(&m, atti_threads_max(), r->a_thread);
    r->hh = pack_room(&m, d->g, d->h, back);
    r->w_feed = pack_room(&m, d->g, d->f, back);
    if (d->add)
        r->query = pack_room(&m, d->a, d->h, back);
    else
        r->out = pack_room(&m, d->f, d->h + d->c, back);
    if (!back && !(base ? c->save[GATES] != NULL : c->training)) {
        r->gates = atti_carve_floats(&m, d->rows, 4 * d->h);
        r->kept = atti_carve_floats(&m, d->rows, d->add ? d->a : d->h + d->c);
    }
    if (!back) return m.at;
    r->before = atti_carve_floats(&m, d->rows, d->h);
    if (d->add) {
        r->dquery = atti_carve_floats(&m, d->rows, d->a);
        r->dv = atti_carve_floats(&m, d->chunks, d->a);
    } else {
        r->fed_before = atti_carve_floats(&m, d->rows, d->f);
        r->dpre = atti_carve_floats(&m, d->rows, d->f);
    }
    return m.at;
}

atti_ra_job atti_ra_job_of(atti_call *c, int back)
{
    atti_ra_job j = {.c = c, .d = atti_ra_dims_of(c)};
    (void)atti_ra_lay_out(&j.r, c, &j.d, back, c->scratch);
    j.gates = c->save[GATES] ? c->save[GATES] : j.r.gates;
    j.kept = c->save[QUERIES] ? c->save[QUERIES] : j.r.kept;
    j.cells = j.d.lstm ? c->save[CELLS] : NULL;
    return j;
}

atti_ra_bench atti_ra_bench_of(const atti_ra_job *j, int thread)
{
    int64_t floats;
    return lay_bench(j->r.threads + thread * j->r.a_thread, &j->d, &floats);
}

static void pack(float *panels, const atti_mat *w, int back)
{
    if (back)
        atti_pack_parallel(panels, w->f, w->cols, 0, w->rows, w->cols);
    else
        atti_pack_parallel(panels, w->f, w->cols, 1, w->cols, w->rows);
}

void atti_ra_prepare(const atti_ra_job *j, int back)
{
    const atti_mat *in = j->c->in;
    atti_rnn_order(j->r.order, j->r.count, in[OFFSETS].i, j->d.seqs, j->d.rows);
    pack(j->r.hh, &in[W_HH], back);
    pack(j->r.w_feed, &in[W_FEED], back);
    if (j->d.add)
        pack(j->r.query, &in[W_QUERY], back);
    else
        pack(j->r.out, &in[W_OUT], back);
}
