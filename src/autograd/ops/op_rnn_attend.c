/* op_rnn_attend.c - a recurrent decoder with attention inside of its loop over time:
 * additive scores of the state before (Bahdanau), dot scores of the state after with input
 * feeding (Luong). x [N,E] -> y, alpha [N,max_source].
 *
 * Chunks of sequences go through their time by themselves (rnn_cell.h), and only a
 * sequence's own task touches the gradients of its source rows. What does not depend on
 * the loop is outside of it: the part of x in the gates before, every weight's gradient
 * after, one product each over all rows.
 * Kept: gates [N,4H]; queries [N,A] (additive) or states and contexts [N,H+C] (dot);
 * LSTM's cells [N,H]. Read: y and alpha. tanh of additive scores is made again. */
#include "autograd/rnn_attend.h"

static att_status infer(atti_infer *f)
{
    const atti_ra_attr *at = f->attr;
    int lstm = at->cell == ATT_RNN_LSTM, add = at->score == ATT_SCORE_ADDITIVE;
    att_rows seqs = 0, again = 0;
    static const int must[] = {X, KEYS, VALUES, W_IH, W_FEED, W_HH};
    static const char *const names[] = {"x",    "keys",   "values",
                                        "w_ih", "w_feed", "w_hh"};
    for (int i = 0; i < 6; i++) ATTI_TRY(atti_want_f32(f, must[i], names[i]));
    ATTI_TRY(atti_want_i32(f, OFFSETS, "offsets"));
    ATTI_TRY(atti_want_i32(f, SOURCES, "source_offsets"));
    ATTI_TRY(atti_rows_minus_one(f, OFFSETS, &seqs));
    ATTI_TRY(atti_rows_minus_one(f, SOURCES, &again));
    if (seqs != again)
        return atti_fail(ATT_ESHAPE, "rnn_attend: offsets is %s, source_offsets %s",
                         atti_shape_str(f->tape, &f->in[OFFSETS]).s,
                         atti_shape_str(f->tape, &f->in[SOURCES]).s);
    int64_t h = f->in[W_HH].cols, g = (lstm ? 4 : 3) * h, c = f->in[VALUES].cols;
    int64_t a = f->in[KEYS].cols, fed = add ? c : f->in[W_OUT].rows;
    ATTI_TRY(atti_want_shape(f, VALUES, "values", f->in[KEYS].rows, -1));
    ATTI_TRY(atti_want_shape(f, W_HH, "w_hh", g, h));
    ATTI_TRY(atti_want_shape(f, W_IH, "w_ih", g, f->in[X].cols));
    ATTI_TRY(atti_want_shape(f, B_IH, "b_ih", 1, g));
    ATTI_TRY(atti_want_shape(f, B_HH, "b_hh", 1, g));
    ATTI_TRY(atti_want_shape(f, INIT, "initial", seqs, (lstm ? 2 : 1) * h));
    if (add) {
        ATTI_TRY(atti_want_f32(f, W_QUERY, "w_query"));
        ATTI_TRY(atti_want_f32(f, V, "v"));
        ATTI_TRY(atti_want_shape(f, W_QUERY, "w_query", a, h));
        ATTI_TRY(atti_want_shape(f, V, "v", 1, a));
    } else {
        ATTI_TRY(atti_want_f32(f, W_OUT, "w_out"));
        ATTI_TRY(atti_want_shape(f, W_OUT, "w_out", fed, h + c));
        ATTI_TRY(atti_want_shape(f, B_OUT, "b_out", 1, fed));
        ATTI_TRY(atti_want_shape(f, KEYS, "keys", f->in[VALUES].rows, h));
    }
    ATTI_TRY(atti_want_shape(f, W_FEED, "w_feed", g, fed));
    att_rows rows = f->in[X].rows;
    f->out[0] = (atti_shape){rows, add ? h + c : fed, ATT_F32};
    f->out[1] = (atti_shape){rows, at->max_source, ATT_F32};
    f->node->n_out = 2;
    f->node->n_save = lstm ? 3 : 2;
    f->node->save[GATES] = (atti_save){{rows, 4 * h, ATT_F32}, -1};
    f->node->save[QUERIES] = (atti_save){{rows, add ? a : h + c, ATT_F32}, -1};
    f->node->save[CELLS] = (atti_save){{rows, h, ATT_F32}, -1};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    *ins = 0;
    for (int i = 0; i < n->n_in; i++)
        if (i != B_IH && i != B_HH && i != B_OUT) *ins |= 1U << i;
    *outs = 3;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    atti_ra_room r;
    atti_ra_dims d = atti_ra_dims_of(c);
    *bytes = atti_ra_lay_out(&r, c, &d, back, NULL);
    return ATT_OK;
}

/* ---- forward ---- */

/* Weights of a row's query over its source, and their mean of the values. */
static void attend(const atti_ra_job *j, const atti_rnn_chunk *k, int64_t i,
                   int64_t row, const float *query, float *context)
{
    const atti_ra_dims *d = &j->d;
    const atti_rnn_kernels *kernel = atti_k()->rnn;
    atti_ra_source s = atti_ra_source_of(j, k, i);
    float *alpha = j->c->out[1].f + row * d->cap;
    const float *keys = j->c->in[KEYS].f + s.row0 * d->a;
    atti_ra_copy(alpha + s.n, NULL, d->cap - s.n);
    if (d->add) {
        atti_rnn_add a = {.q = query,
                          .v = j->c->in[V].f,
                          .keys = keys,
                          .e = alpha,
                          .n = s.n,
                          .w = d->a,
                          .ld = d->a};
        kernel->add(&a);
    } else {
        kernel->dots(alpha, query, keys, s.n, d->a, d->a);
    }
    if (s.n > 0) atti_k()->softmax(alpha, NULL, 1, s.n, s.n);
    kernel->mix(context, alpha, j->c->in[VALUES].f + s.row0 * d->c, s.n, d->c, d->c);
}

/* Gates and states of the alive from what is fed; y [.., ld] receives the new h. */
static void step_cells(const atti_ra_job *j, const atti_rnn_chunk *k,
                       const atti_ra_bench *b, int64_t t, int64_t alive, float *y,
                       int64_t ld)
{
    const atti_ra_dims *d = &j->d;
    const atti_rnn_kernels *kernel = atti_k()->rnn;
    atti_rnn_product(b->recur, d->g, b->h, d->h, j->r.hh, j->c->in[B_HH].f, alive, d->g,
                     d->h, 0);
    atti_rnn_product(b->feed, d->g, b->fed, d->f, j->r.w_feed, NULL, alive, d->g, d->f,
                     0);
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        atti_rnn_row r = {.gates = j->gates + row * 4 * d->h,
                          .feed = b->feed + i * d->g,
                          .recur = b->recur + i * d->g,
                          .h = b->h + i * d->h,
                          .y = y + row * ld,
                          .n = d->h};
        if (d->lstm) r.c = b->c + i * d->h;
        if (j->cells) r.c_out = j->cells + row * d->h;
        (d->lstm ? kernel->lstm : kernel->gru)(&r);
    }
}

static void step_additive(const atti_ra_job *j, const atti_rnn_chunk *k,
                          const atti_ra_bench *b, int64_t t, int64_t alive)
{
    const atti_ra_dims *d = &j->d;
    float *y = j->c->out[0].f;
    atti_rnn_product(b->query, d->a, b->h, d->h, j->r.query, NULL, alive, d->a, d->h,
                     0);
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        atti_ra_copy(j->kept + row * d->a, b->query + i * d->a, d->a);
        attend(j, k, i, row, b->query + i * d->a, b->fed + i * d->c);
        atti_ra_copy(y + row * d->y + d->h, b->fed + i * d->c, d->c);
    }
    step_cells(j, k, b, t, alive, y, d->y);
}

static void step_dot(const atti_ra_job *j, const atti_rnn_chunk *k,
                     const atti_ra_bench *b, int64_t t, int64_t alive)
{
    const atti_ra_dims *d = &j->d;
    int64_t both = d->h + d->c;
    step_cells(j, k, b, t, alive, j->kept, both);
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        float *state = j->kept + row * both;
        attend(j, k, i, row, state, state + d->h);
        atti_ra_copy(b->both + i * both, state, both);
    }
    atti_rnn_product(b->fed, d->f, b->both, both, j->r.out, j->c->in[B_OUT].f, alive,
                     d->f, both, 0);
    atti_k()->unary(b->fed, b->fed, ATTI_UNARY_TANH, alive * d->f);
    for (int64_t i = 0; i < alive; i++)
        atti_ra_copy(j->c->out[0].f + atti_rnn_row_at(k, i, t) * d->f,
                     b->fed + i * d->f, d->f);
}

static void run_chunk(void *ctx, int64_t task, int thread)
{
    const atti_ra_job *j = ctx;
    const atti_ra_dims *d = &j->d;
    atti_ra_bench b = atti_ra_bench_of(j, thread);
    atti_rnn_chunk k =
        atti_rnn_chunk_at(j->r.order, j->c->in[OFFSETS].i, d->seqs, task, 0);
    const float *init = j->c->in[INIT].f;
    for (int64_t i = 0; i < k.n; i++) {
        const float *from = init ? init + k.order[i] * d->ld_state : NULL;
        atti_ra_copy(b.h + i * d->h, from, d->h);
        if (d->lstm) atti_ra_copy(b.c + i * d->h, from ? from + d->h : NULL, d->h);
        atti_ra_copy(b.fed + i * d->f, NULL, d->f);
    }
    for (int64_t t = 0; t < k.longest; t++)
        (d->add ? step_additive : step_dot)(j, &k, &b, t, atti_rnn_alive(&k, t));
}

static att_status check_sources(const atti_ra_job *j)
{
    const atti_ra_dims *d = &j->d;
    const int32_t *off = j->c->in[SOURCES].i;
    ATTI_TRY(atti_check_offsets("rnn_attend", j->c->in[OFFSETS].i, d->seqs, d->rows));
    ATTI_TRY(atti_check_offsets("rnn_attend", off, d->seqs, d->sources));
    for (int64_t b = 0; b < d->seqs; b++)
        if (off[b + 1] - off[b] > d->cap)
            return atti_fail(
                ATT_EINVAL, "rnn_attend: source %lld has %d rows, at most %lld",
                (long long)b, (int)(off[b + 1] - off[b]), (long long)d->cap);
    return ATT_OK;
}

static att_status forward(atti_call *c)
{
    atti_ra_job j = atti_ra_job_of(c, 0);
    const atti_ra_dims *d = &j.d;
    atti_matmul_shape s = {.rows = d->rows, .n_out = d->g, .n_in = d->e};
    atti_epilogue epi = {NULL, NULL, c->in[B_IH].f};
    ATTI_TRY(check_sources(&j));
    atti_ra_prepare(&j, 0);
    ATTI_TRY(atti_matmul_forward(&s, j.gates, 4 * d->h, c->in[X].f, d->e, c->in[W_IH].f,
                                 &epi));
    atti_parallel_void(d->chunks, run_chunk, &j);
    return ATT_OK;
}

/* ---- the rest ---- */

static double flops(const atti_call *c, int back)
{
    atti_ra_dims d = atti_ra_dims_of(c);
    double one = (double)d.g * (double)(d.e + d.f + d.h);
    one += d.add ? (double)d.a * (double)d.h : (double)d.f * (double)(d.h + d.c);
    return 2.0 * (double)d.rows * one * (back ? 2.0 : 1.0);
}

static void describe(const atti_node *n, atti_str *s)
{
    const atti_ra_attr *a = n->attr;
    atti_str_addf(s, " %s %s", a->cell == ATT_RNN_LSTM ? "lstm" : "gru",
                  a->score == ATT_SCORE_ADDITIVE ? "additive" : "dot");
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t off[5] = {0, 3, 3, 4, 8}, src[5] = {0, 2, 4, 7, 8};
    if (variant > 4) return ATT_ENOTFOUND;
    int lstm = variant % 2, add = variant < 2, shared = variant == 4;
    int64_t h = 3, g = lstm ? 12 : 9, c = shared ? h : 4, a = add ? 5 : h, f = 4;
    att_op_rnn_attend_opts o;
    att_op_rnn_attend_opts_init(&o);
    o.cell = lstm ? ATT_RNN_LSTM : ATT_RNN_GRU;
    o.score = add ? ATT_SCORE_ADDITIVE : ATT_SCORE_DOT;
    o.max_source = 4;
    o.offsets = atti_sample_ints(s, 5, off);
    o.source_offsets = atti_sample_ints(s, 5, src);
    o.x = atti_sample_param(s, 8, 4, -1, 1, 0.0f);
    o.keys = atti_sample_param(s, 8, a, -1, 1, 0.0f);
    o.values = shared ? o.keys : atti_sample_param(s, 8, c, -1, 1, 0.0f);
    if (variant != 1) o.initial = atti_sample_param(s, 4, g == 12 ? 6 : 3, -1, 1, 0.0f);
    o.w_ih = atti_sample_param(s, g, 4, -0.7f, 0.7f, 0.0f);
    o.w_feed = atti_sample_param(s, g, add ? c : f, -0.7f, 0.7f, 0.0f);
    o.w_hh = atti_sample_param(s, g, h, -0.7f, 0.7f, 0.0f);
    if (variant != 2) o.b_ih = atti_sample_param(s, 1, g, -0.5f, 0.5f, 0.0f);
    if (variant != 2) o.b_hh = atti_sample_param(s, 1, g, -0.5f, 0.5f, 0.0f);
    if (add) o.w_query = atti_sample_param(s, a, h, -0.7f, 0.7f, 0.0f);
    if (add) o.v = atti_sample_param(s, 1, a, -1, 1, 0.0f);
    if (!add) o.w_out = atti_sample_param(s, f, h + c, -0.7f, 0.7f, 0.0f);
    if (!add && variant != 2) o.b_out = atti_sample_param(s, 1, f, -0.5f, 0.5f, 0.0f);
    if (s->status != ATT_OK) return s->status;
    att_var alpha;
    return att_op_rnn_attend(s->tape, &s->out, &alpha, &o);
}

const atti_op atti_op_rnn_attend = {.name = "rnn_attend",
                                    .attr_bytes = sizeof(atti_ra_attr),
                                    .infer = infer,
                                    .forward = forward,
                                    .backward = atti_ra_backward,
                                    .needs = needs,
                                    .scratch = scratch,
                                    .flops = flops,
                                    .describe = describe,
                                    .no_grad_outs = 2,
                                    .sample = sample};

void att_op_rnn_attend_opts_init(att_op_rnn_attend_opts *o)
{
    if (!o) return;
    *o = (att_op_rnn_attend_opts){.size = sizeof *o, .max_source = 512};
    att_var *const vars[] = {
        &o->x,       &o->offsets, &o->keys,   &o->values, &o->source_offsets,
        &o->initial, &o->w_ih,    &o->w_feed, &o->w_hh,   &o->b_ih,
        &o->b_hh,    &o->w_query, &o->v,      &o->w_out,  &o->b_out};
    for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++) *vars[i] = ATT_NO_VAR;
    o->score = ATT_SCORE_ADDITIVE;
}

att_status att_op_rnn_attend(att_tape *tape, att_var *y, att_var *alpha,
                             const att_op_rnn_attend_opts *o)
{
    if (!y || !o) return atti_fail(ATT_EINVAL, "rnn_attend: an argument is NULL");
    if (o->size != sizeof *o)
        return atti_fail(ATT_EINVAL, "rnn_attend: options were not initialised");
    if (o->cell != ATT_RNN_GRU && o->cell != ATT_RNN_LSTM)
        return atti_fail(ATT_EINVAL, "rnn_attend: cell %d", (int)o->cell);
    if (o->score != ATT_SCORE_ADDITIVE && o->score != ATT_SCORE_DOT)
        return atti_fail(ATT_EINVAL, "rnn_attend: score %d, expected additive or dot",
                         (int)o->score);
    if (o->max_source < 1 || o->max_source > INT32_MAX)
        return atti_fail(ATT_EINVAL, "rnn_attend: max_source %lld",
                         (long long)o->max_source);
    atti_ra_attr a = {(int32_t)o->cell, o->score, o->max_source};
    int add = o->score == ATT_SCORE_ADDITIVE;
    att_var out[2], in[N_IN] = {o->x,
                                o->offsets,
                                o->keys,
                                o->values,
                                o->source_offsets,
                                o->initial,
                                o->w_ih,
                                o->w_feed,
                                o->w_hh,
                                o->b_ih,
                                o->b_hh,
                                add ? o->w_query : ATT_NO_VAR,
                                add ? o->v : ATT_NO_VAR,
                                add ? ATT_NO_VAR : o->w_out,
                                add ? ATT_NO_VAR : o->b_out};
    ATTI_TRY(atti_tape_record(tape, &atti_op_rnn_attend, in, N_IN, &a, out));
    *y = out[0];
    if (alpha) *alpha = out[1];
    return ATT_OK;
}
