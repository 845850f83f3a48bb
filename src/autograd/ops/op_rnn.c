/* op_rnn.c - a layer of GRU or LSTM over ragged sequences, in one direction or both:
 * x [N,C] -> y [N,D*H], last [B,D*S], with D directions and a state of S = H (GRU) or 2H
 * (LSTM: h of all directions, then c).
 *
 * First x W_ih^T for all gates of all rows, one product a direction; then each chunk of
 * sequences goes through its time by itself (rnn_cell.h). Backward goes back through time
 * in the same chunks and leaves the gradients of the gates where the gates were: the
 * gradients of the weights and of x are again one product each over all rows.
 * Kept: the gates [N,D*4H] and LSTM's cells [N,D*H]; y is read. */
#include "autograd/rnn_cell.h"

#include <string.h>

typedef struct rnn_attr {
    int32_t cell, direction;
} rnn_attr;

enum { X, OFFSETS, INIT, W_IH, W_HH, B_IH, B_HH, OF_DIRECTION = 4 };

typedef struct dims {
    int lstm, n_dirs;
    int64_t rows, seqs, c, h, gates; /* gates: 3H or 4H */
    int64_t ld_gates, ld_y, ld_state, chunks;
} dims;

static dims dims_of(const atti_call *c)
{
    const rnn_attr *a = c->node->attr;
    dims d = {.lstm = a->cell == ATT_RNN_LSTM, .n_dirs = a->direction == 2 ? 2 : 1};
    d.rows = c->in[X].rows;
    d.c = c->in[X].cols;
    d.seqs = c->out[1].rows;
    d.h = c->in[W_HH].cols;
    d.gates = (d.lstm ? 4 : 3) * d.h;
    d.ld_gates = d.n_dirs * 4 * d.h;
    d.ld_y = d.n_dirs * d.h;
    d.ld_state = c->out[1].cols;
    d.chunks = atti_ceil_div(d.seqs, ATTI_RNN_CHUNK);
    return d;
}

static att_status infer(atti_infer *f)
{
    static const char *const name[OF_DIRECTION] = {"w_ih", "w_hh", "b_ih", "b_hh"};
    const rnn_attr *a = f->attr;
    int n_dirs = a->direction == 2 ? 2 : 1, lstm = a->cell == ATT_RNN_LSTM;
    att_rows seqs = 0;
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_i32(f, OFFSETS, "offsets"));
    ATTI_TRY(atti_rows_minus_one(f, OFFSETS, &seqs));
    ATTI_TRY(atti_want_f32(f, W_HH, "w_hh"));
    int64_t h = f->in[W_HH].cols, gates = (lstm ? 4 : 3) * h, n = n_dirs * h;
    for (int d = 0; d < n_dirs; d++) {
        for (int k = 0; k < OF_DIRECTION; k++) {
            int slot = W_IH + d * OF_DIRECTION + k;
            int64_t rows = k < 2 ? gates : 1;
            int64_t cols = k == 0 ? f->in[X].cols : k == 1 ? h : gates;
            if (k < 2) ATTI_TRY(atti_want_f32(f, slot, name[k]));
            ATTI_TRY(atti_want_shape(f, slot, name[k], rows, cols));
        }
    }
    ATTI_TRY(atti_want_shape(f, INIT, "initial", seqs, (lstm ? 2 : 1) * n));
    f->out[0] = (atti_shape){f->in[X].rows, n, ATT_F32};
    f->out[1] = (atti_shape){seqs, (lstm ? 2 : 1) * n, ATT_F32};
    f->node->n_out = 2;
    f->node->n_save = lstm ? 2 : 1;
    f->node->save[0].shape = (atti_shape){f->in[X].rows, 4 * n, ATT_F32};
    f->node->save[0].over = -1;
    f->node->save[1].shape = f->out[0];
    f->node->save[1].over = -1;
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    *ins = 0;
    for (int i = 0; i < n->n_in; i++) {
        int k = (i - W_IH) % OF_DIRECTION;
        if (i < W_IH || k < 2) *ins |= 1U << i;
    }
    *outs = 1;
}

/* ---- memory ---- */

typedef struct room {
    int32_t *order, *count;
    float *gates;     /* inference: what training keeps */
    float *panels[2]; /* W_hh of each direction, as its product wants it */
    float *state;     /* a thread: h, c or dh, dc, and a row's worth of gates */
    float *before;    /* backward: h before each step, [N,H] */
    int64_t a_thread;
} room;

static size_t lay_out(room *r, const atti_call *c, const dims *d, int back, void *base)
{
    atti_carve m = {base, 0};
    r->order = atti_carve_ints(&m, d->seqs);
    r->count = atti_carve_ints(&m, d->rows + 2);
    r->a_thread = ATTI_RNN_CHUNK * (2 * d->h + d->gates);
    r->state = atti_carve_floats(&m, atti_threads_max(), r->a_thread);
    int64_t floats =
        back ? atti_packed_floats(d->gates, d->h) : atti_packed_floats(d->h, d->gates);
    for (int k = 0; k < d->n_dirs; k++) r->panels[k] = atti_carve_floats(&m, floats, 1);
    r->gates = NULL, r->before = NULL;
    if (!back && !(base ? c->save[0] != NULL : c->training))
        r->gates = atti_carve_floats(&m, d->rows, d->ld_gates);
    if (back) r->before = atti_carve_floats(&m, d->rows, d->h);
    return m.at;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    room r;
    dims d = dims_of(c);
    *bytes = lay_out(&r, c, &d, back, NULL);
    return ATT_OK;
}

typedef struct job {
    atti_call *c;
    dims d;
    room r;
    float *gates, *cells; /* [N,D*4H], [N,D*H] or NULL */
} job;

static job job_of(atti_call *c, int back)
{
    job j = {.c = c, .d = dims_of(c)};
    (void)lay_out(&j.r, c, &j.d, back, c->scratch);
    j.gates = c->save[0] ? c->save[0] : j.r.gates;
    j.cells = j.d.lstm ? c->save[1] : NULL;
    return j;
}

static const atti_mat *of(const job *j, int dir, int slot)
{
    return &j->c->in[slot + dir * OF_DIRECTION];
}

static atti_rnn_chunk chunk_of(const job *j, int64_t task, int *dir)
{
    const rnn_attr *a = j->c->node->attr;
    *dir = (int)(task / j->d.chunks);
    int32_t reverse = a->direction == 1 || *dir == 1;
    return atti_rnn_chunk_at(j->r.order, j->c->in[OFFSETS].i, j->d.seqs,
                             task % j->d.chunks, reverse);
}

/* Where direction dir's part of a sequence's h, and its c, lie in a row of a state. */
static int64_t state_at(const dims *d, int dir, int cell)
{
    return (cell ? d->ld_y : 0) + dir * d->h;
}

/* ---- forward ---- */

/* The i-th sequences' states, [chunk,H] each, from rows of `from` (NULL: zeros), or to
 * rows of `to`. */
static void load_states(const job *j, const atti_rnn_chunk *k, int dir, int cell,
                        float *h, const float *from)
{
    size_t bytes = (size_t)j->d.h * sizeof *h;
    for (int64_t i = 0; i < k->n; i++) {
        if (from)
            memcpy(h + i * j->d.h,
                   from + k->order[i] * j->d.ld_state + state_at(&j->d, dir, cell),
                   bytes);
        else
            memset(h + i * j->d.h, 0, bytes);
    }
}

static void store_states(const job *j, const atti_rnn_chunk *k, int dir, int cell,
                         const float *h, float *to, int accumulate)
{
    for (int64_t i = 0; i < k->n; i++)
        atti_k()->scale(to + k->order[i] * j->d.ld_state + state_at(&j->d, dir, cell),
                        h + i * j->d.h, 1.0f, accumulate, j->d.h);
}

static void run_chunk(void *ctx, int64_t task, int thread)
{
    const job *j = ctx;
    const dims *d = &j->d;
    int dir;
    atti_rnn_chunk k = chunk_of(j, task, &dir);
    float *h = j->r.state + thread * j->r.a_thread, *c = h + ATTI_RNN_CHUNK * d->h;
    float *recur = c + ATTI_RNN_CHUNK * d->h;
    const atti_rnn_kernels *kernel = atti_k()->rnn;
    load_states(j, &k, dir, 0, h, j->c->in[INIT].f);
    if (d->lstm) load_states(j, &k, dir, 1, c, j->c->in[INIT].f);
    for (int64_t t = 0; t < k.longest; t++) {
        int64_t alive = atti_rnn_alive(&k, t);
        atti_rnn_product(recur, d->gates, h, d->h, j->r.panels[dir],
                         of(j, dir, B_HH)->f, alive, d->gates, d->h, 0);
        for (int64_t i = 0; i < alive; i++) {
            int64_t row = atti_rnn_row_at(&k, i, t), at = dir * d->h;
            atti_rnn_row r = {.gates = j->gates + row * d->ld_gates + 4 * at,
                              .recur = recur + i * d->gates,
                              .h = h + i * d->h,
                              .y = j->c->out[0].f + row * d->ld_y + at,
                              .n = d->h};
            if (d->lstm) r.c = c + i * d->h;
            if (j->cells) r.c_out = j->cells + row * d->ld_y + at;
            (d->lstm ? kernel->lstm : kernel->gru)(&r);
        }
    }
    store_states(j, &k, dir, 0, h, j->c->out[1].f, 0);
    if (d->lstm) store_states(j, &k, dir, 1, c, j->c->out[1].f, 0);
}

static att_status forward(atti_call *c)
{
    job j = job_of(c, 0);
    const dims *d = &j.d;
    atti_matmul_shape s = {.rows = d->rows, .n_out = d->gates, .n_in = d->c};
    ATTI_TRY(atti_check_offsets("rnn", c->in[OFFSETS].i, d->seqs, d->rows));
    atti_rnn_order(j.r.order, j.r.count, c->in[OFFSETS].i, d->seqs, d->rows);
    for (int k = 0; k < d->n_dirs; k++) {
        atti_epilogue epi = {NULL, NULL, of(&j, k, B_IH)->f};
        ATTI_TRY(atti_matmul_forward(&s, j.gates + k * 4 * d->h, d->ld_gates,
                                     c->in[X].f, d->c, of(&j, k, W_IH)->f, &epi));
        atti_pack_parallel(j.r.panels[k], of(&j, k, W_HH)->f, d->h, 1, d->h, d->gates);
    }
    atti_parallel_void(d->n_dirs * d->chunks, run_chunk, &j);
    return ATT_OK;
}

/* ---- backward ---- */

static void add_row(float *to, const float *from, int64_t n)
{
    if (from) atti_k()->scale(to, from, 1.0f, 1, n);
}

/* The h (cell 0) or c (cell 1) before step t of a sequence: a row of what was kept, or of
 * the initial states, or NULL for zeros. */
static const float *before(const job *j, const atti_rnn_chunk *k, int dir, int64_t i,
                           int64_t t, int cell)
{
    const dims *d = &j->d;
    const float *kept = cell ? j->cells : j->c->out[0].f, *init = j->c->in[INIT].f;
    if (t > 0) return kept + atti_rnn_row_at(k, i, t - 1) * d->ld_y + dir * d->h;
    return init ? init + k->order[i] * d->ld_state + state_at(d, dir, cell) : NULL;
}

static void unrun_step(const job *j, const atti_rnn_chunk *k, int dir, int64_t t,
                       float *dh, float *dc, float *dgh)
{
    const dims *d = &j->d;
    const float *dy = j->c->out[0].grad;
    int64_t alive = atti_rnn_alive(k, t), at = dir * d->h;
    const atti_rnn_kernels *kernel = atti_k()->rnn;
    size_t bytes = (size_t)d->h * sizeof(float);
    for (int64_t i = 0; i < alive; i++) {
        int64_t row = atti_rnn_row_at(k, i, t);
        const float *h = before(j, k, dir, i, t, 0);
        float *keep = j->r.before + row * d->h;
        if (h)
            memcpy(keep, h, bytes);
        else
            memset(keep, 0, bytes);
        add_row(dh + i * d->h, dy ? dy + row * d->ld_y + at : NULL, d->h);
        atti_rnn_row r = {.gates = j->gates + row * d->ld_gates + 4 * at,
                          .h = keep,
                          .dgh = dgh + i * d->gates,
                          .dh = dh + i * d->h,
                          .n = d->h};
        if (d->lstm) {
            r.dc = dc + i * d->h;
            r.c_out = j->cells + row * d->ld_y + at;
            r.c = (float *)(uintptr_t)before(j, k, dir, i, t, 1); /* only read */
        }
        (d->lstm ? kernel->lstm_bwd : kernel->gru_bwd)(&r);
    }
    atti_rnn_product(dh, d->h, dgh, d->gates, j->r.panels[dir], NULL, alive, d->h,
                     d->gates, 1);
}

typedef struct back_job {
    job j;
    int dir;
} back_job;

static void unrun_chunk(void *ctx, int64_t task, int thread)
{
    const back_job *b = ctx;
    const job *j = &b->j;
    const dims *d = &j->d;
    int dir;
    atti_rnn_chunk k = chunk_of(j, b->dir * d->chunks + task, &dir);
    float *dh = j->r.state + thread * j->r.a_thread, *dc = dh + ATTI_RNN_CHUNK * d->h;
    float *dgh = dc + ATTI_RNN_CHUNK * d->h;
    const atti_mat *init = &j->c->in[INIT];
    load_states(j, &k, dir, 0, dh, j->c->out[1].grad);
    if (d->lstm) load_states(j, &k, dir, 1, dc, j->c->out[1].grad);
    for (int64_t t = k.longest - 1; t >= 0; t--) unrun_step(j, &k, dir, t, dh, dc, dgh);
    if (!init->grad) return;
    store_states(j, &k, dir, 0, dh, init->grad, init->accumulate);
    if (d->lstm) store_states(j, &k, dir, 1, dc, init->grad, init->accumulate);
}

/* Rows [row, row + n) of W_hh and b_hh from columns [col, col + n) of the gates. */
static att_status recurrent_grads(const job *j, int dir, int64_t row, int64_t col,
                                  int64_t n)
{
    const dims *d = &j->d;
    const atti_mat *w = of(j, dir, W_HH), *b = of(j, dir, B_HH);
    atti_matmul_shape s = {.rows = d->rows, .n_out = n, .n_in = d->h};
    atti_matmul_grads g = {.dw = w->grad ? w->grad + row * d->h : NULL,
                           .db = b->grad ? b->grad + row : NULL,
                           .add_dw = w->accumulate,
                           .add_db = b->accumulate};
    if (!g.dw && !g.db) return ATT_OK;
    return atti_matmul_backward(&s, &g, j->gates + dir * 4 * d->h + col, d->ld_gates,
                                j->r.before, d->h, w->f + row * d->h, NULL);
}

static att_status unrun_direction(back_job *b, int dir)
{
    job *j = &b->j;
    const dims *d = &j->d;
    atti_call *c = j->c;
    const atti_mat *w = of(j, dir, W_IH), *bias = of(j, dir, B_IH);
    atti_matmul_shape s = {.rows = d->rows, .n_out = d->gates, .n_in = d->c};
    atti_matmul_grads g = {
        c->in[X].grad, w->grad,         bias->grad, d->c, c->in[X].accumulate || dir,
        w->accumulate, bias->accumulate};
    b->dir = dir;
    atti_pack_parallel(j->r.panels[dir], of(j, dir, W_HH)->f, d->h, 0, d->gates, d->h);
    atti_parallel_void(d->chunks, unrun_chunk, b);
    if (d->lstm) {
        ATTI_TRY(recurrent_grads(j, dir, 0, 0, 4 * d->h));
    } else {
        ATTI_TRY(recurrent_grads(j, dir, 0, 0, 2 * d->h));
        ATTI_TRY(recurrent_grads(j, dir, 2 * d->h, 3 * d->h, d->h));
    }
    return atti_matmul_backward(&s, &g, j->gates + dir * 4 * d->h, d->ld_gates,
                                c->in[X].f, d->c, w->f, NULL);
}

static att_status backward(atti_call *c)
{
    back_job b = {.j = job_of(c, 1)};
    const dims *d = &b.j.d;
    atti_rnn_order(b.j.r.order, b.j.r.count, c->in[OFFSETS].i, d->seqs, d->rows);
    for (int k = 0; k < d->n_dirs; k++) ATTI_TRY(unrun_direction(&b, k));
    return ATT_OK;
}

/* ---- the rest ---- */

static double flops(const atti_call *c, int back)
{
    dims d = dims_of(c);
    double one = 2.0 * (double)(d.rows * d.n_dirs) * (double)d.gates;
    return one * (double)(d.c + d.h) * (back ? 2.0 : 1.0);
}

static void describe(const atti_node *n, atti_str *s)
{
    static const char *const way[] = {"forward", "backward", "both"};
    const rnn_attr *a = n->attr;
    atti_str_addf(s, " %s %s", a->cell == ATT_RNN_LSTM ? "lstm" : "gru",
                  way[a->direction]);
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t off[6] = {0, 3, 3, 4, 8, 10};
    static const struct {
        att_rnn_cell cell;
        int direction, init, bias;
    } v[] = {{ATT_RNN_GRU, 0, 0, 1},  {ATT_RNN_GRU, 1, 1, 1},  {ATT_RNN_GRU, 2, 1, 1},
             {ATT_RNN_LSTM, 0, 0, 0}, {ATT_RNN_LSTM, 1, 1, 1}, {ATT_RNN_LSTM, 2, 1, 1}};
    if (variant >= (int)(sizeof v / sizeof v[0])) return ATT_ENOTFOUND;
    int64_t h = 3, gates = v[variant].cell == ATT_RNN_LSTM ? 12 : 9;
    int n = v[variant].direction == 2 ? 2 : 1;
    att_op_rnn_opts o;
    att_op_rnn_opts_init(&o);
    o.cell = v[variant].cell;
    o.direction = v[variant].direction;
    o.offsets = atti_sample_ints(s, 6, off);
    o.x = atti_sample_param(s, 10, 4, -1, 1, 0.0f);
    if (v[variant].init)
        o.initial = atti_sample_param(s, 5, n * (gates == 12 ? 2 : 1) * h, -1, 1, 0.0f);
    for (int d = 0; d < n; d++) {
        o.w_ih[d] = atti_sample_param(s, gates, 4, -0.7f, 0.7f, 0.0f);
        o.w_hh[d] = atti_sample_param(s, gates, h, -0.7f, 0.7f, 0.0f);
        if (!v[variant].bias) continue;
        o.b_ih[d] = atti_sample_param(s, 1, gates, -0.5f, 0.5f, 0.0f);
        o.b_hh[d] = atti_sample_param(s, 1, gates, -0.5f, 0.5f, 0.0f);
    }
    if (s->status != ATT_OK) return s->status;
    att_var last;
    ATTI_TRY(att_op_rnn(s->tape, &s->out, &last, &o));
    /* Both results count: the last states are met through a sum over each sequence. */
    att_var sum;
    ATTI_TRY(att_op_pool(s->tape, &sum, s->out, o.offsets, 2));
    att_var both[2] = {sum, last};
    if (!v[variant].init) return ATT_OK;
    return att_op_concat(s->tape, &s->out, both, 2);
}

const atti_op atti_op_rnn = {.name = "rnn",
                             .attr_bytes = sizeof(rnn_attr),
                             .infer = infer,
                             .forward = forward,
                             .backward = backward,
                             .needs = needs,
                             .scratch = scratch,
                             .flops = flops,
                             .describe = describe,
                             .sample = sample};

void att_op_rnn_opts_init(att_op_rnn_opts *o)
{
    if (!o) return;
    *o = (att_op_rnn_opts){.size = sizeof *o};
    o->x = o->offsets = o->initial = ATT_NO_VAR;
    for (int d = 0; d < 2; d++)
        o->w_ih[d] = o->w_hh[d] = o->b_ih[d] = o->b_hh[d] = ATT_NO_VAR;
}

att_status att_op_rnn(att_tape *tape, att_var *y, att_var *last,
                      const att_op_rnn_opts *o)
{
    if (!y || !o) return atti_fail(ATT_EINVAL, "rnn: an argument is NULL");
    if (o->size != sizeof *o)
        return atti_fail(ATT_EINVAL, "rnn: options not initialised (size %u)",
                         (unsigned)o->size);
    if (o->cell != ATT_RNN_GRU && o->cell != ATT_RNN_LSTM)
        return atti_fail(ATT_EINVAL, "rnn: cell %d", (int)o->cell);
    if (o->direction < 0 || o->direction > 2)
        return atti_fail(ATT_EINVAL, "rnn: direction %d, expected 0, 1 or 2",
                         (int)o->direction);
    rnn_attr a = {(int32_t)o->cell, o->direction};
    att_var out[2], in[11] = {o->x, o->offsets, o->initial};
    int n = o->direction == 2 ? 2 : 1;
    for (int d = 0; d < n; d++) {
        att_var *at = in + W_IH + d * OF_DIRECTION;
        at[0] = o->w_ih[d], at[1] = o->w_hh[d];
        at[2] = o->b_ih[d], at[3] = o->b_hh[d];
    }
    ATTI_TRY(
        atti_tape_record(tape, &atti_op_rnn, in, W_IH + n * OF_DIRECTION, &a, out));
    *y = out[0];
    if (last) *last = out[1];
    return ATT_OK;
}
