/* op_add_norm.c - h = res + drop(x + b), y = norm(h): the end of a residual sub-layer in
 * one sweep over the rows. x, res, h, y [N,C]; b, gamma, beta [1,C]; b, res and beta may be
 * absent. Two operators: add_norm gives y; add_norm_both gives y and h (pre-norm).
 *
 * Kept: h (add_norm: as a save, over x's memory where x dies here), mean and 1/deviation
 * of each row, gamma. Backward is one sweep too: dh from dy (and, for both, from the
 * gradient that h has on its own), which is the residual's gradient; dx is dh with the
 * dropout drawn again. */
#include "autograd/op_util.h"

#include <string.h>

typedef struct norm_attr {
    int32_t kind;
    float eps, dropout;
} norm_attr;

enum { X, B, RES, GAMMA, BETA };
enum { SAVE_MEAN, SAVE_RSTD, SAVE_H };

static int is_both(const atti_node *n);

static att_status infer(atti_infer *f)
{
    atti_node *n = f->node;
    ATTI_TRY(atti_want_f32(f, X, "x"));
    const atti_shape x = f->in[X];
    ATTI_TRY(atti_want_f32(f, GAMMA, "gamma"));
    ATTI_TRY(atti_want_shape(f, GAMMA, "gamma", 1, x.cols));
    ATTI_TRY(atti_want_shape(f, BETA, "beta", 1, x.cols));
    ATTI_TRY(atti_want_shape(f, B, "b", 1, x.cols));
    ATTI_TRY(atti_want_shape(f, RES, "res", x.rows, x.cols));
    f->out[0] = f->out[1] = x;
    n->n_out = is_both(n) ? 2 : 1;
    n->n_save = is_both(n) ? 2 : 3;
    n->save[SAVE_MEAN].shape = n->save[SAVE_RSTD].shape =
        (atti_shape){x.rows, 1, ATT_F32};
    n->save[SAVE_H] = (atti_save){x, X};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    *ins = 1U << GAMMA;
    *outs = is_both(n) ? 2U : 0U;
}

static int32_t in_place(const atti_node *n, int32_t o)
{
    (void)n;
    return o == 1 ? X : -1; /* h over x */
}

static int32_t grad_in_place(const atti_node *n, int32_t i)
{
    return is_both(n) && i == RES ? 1 : -1; /* the residual's gradient over h's */
}

static atti_drop drop_of(const atti_call *c)
{
    const norm_attr *a = c->node->attr;
    return atti_drop_make(c->training ? a->dropout : 0.0f, c->key);
}

/* ---- forward ---- */

typedef struct job {
    atti_call *c;
    atti_drop drop;
    float *h; /* forward: where h goes, or NULL */
    const float *dy, *dh_in;
    float *partial; /* backward: [chunks, 3 C] */
    float *
        row_room; /* backward: one chunk of rows a thread, where dh or dx must be added */
    int n_partial;
} job;

static void norm_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    (void)chunk, (void)thread;
    const job *j = ctx;
    atti_call *c = j->c;
    const norm_attr *a = c->node->attr;
    int64_t cols = c->in[X].cols, at = row0 * cols;
    float *mean = c->save[SAVE_MEAN], *rstd = c->save[SAVE_RSTD];
    int keep = c->training && mean;
    atti_k()->add_norm(
        c->out[0].f + at, j->h ? j->h + at : NULL, keep ? mean + row0 : NULL,
        keep ? rstd + row0 : NULL, c->in[X].f + at, c->in[B].f,
        c->in[RES].f ? c->in[RES].f + at : NULL, c->in[GAMMA].f, c->in[BETA].f, a->eps,
        (atti_norm)a->kind, &j->drop, row0, rows, cols, cols);
}

static att_status forward(atti_call *c)
{
    job j = {.c = c, .drop = drop_of(c)};
    j.h = is_both(c->node) ? c->out[1].f : c->training ? c->save[SAVE_H] : NULL;
    atti_for_rows(c->in[X].rows, norm_rows, &j);
    return ATT_OK;
}

/* y from h alone: the same kernel without residual, bias and dropout. */
static void norm_again_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                            int thread)
{
    (void)chunk, (void)thread;
    const job *j = ctx;
    atti_call *c = j->c;
    const norm_attr *a = c->node->attr;
    int64_t cols = c->in[X].cols, at = row0 * cols;
    atti_k()->add_norm(c->out[0].f + at, NULL, NULL, NULL, j->h + at, NULL, NULL,
                       c->in[GAMMA].f, c->in[BETA].f, a->eps, (atti_norm)a->kind,
                       &j->drop, row0, rows, cols, cols);
}

static att_status again(atti_call *c)
{
    job j = {.c = c, .drop = atti_drop_make(0.0f, 0), .h = c->save[SAVE_H]};
    atti_for_rows(c->in[X].rows, norm_again_rows, &j);
    return ATT_OK;
}

static int32_t again_level(const atti_node *n, uint32_t *ins)
{
    (void)n;
    *ins = 1U << GAMMA | 1U << BETA;
    return 1;
}

/* ---- backward ---- */

/* dh goes straight to the residual's gradient when that is written, and dx straight to
 * x's; what must be added, or is wanted by nobody, takes a detour over a thread's rows. */
static void undo_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    const job *j = ctx;
    atti_call *c = j->c;
    const norm_attr *a = c->node->attr;
    const atti_kernels *k = atti_k();
    int64_t cols = c->in[X].cols, at = row0 * cols, n = rows * cols;
    float *room = j->row_room + (int64_t)thread * 2 * ATTI_ROW_CHUNK * cols;
    float *res = c->in[RES].grad, *x = c->in[X].grad;
    float *dh = res && !c->in[RES].accumulate ? res + at : room;
    float *dx = !x                     ? NULL
                : !c->in[X].accumulate ? x + at
                                       : room + ATTI_ROW_CHUNK * cols;
    float *p = j->partial + chunk * 3 * cols;
    memset(p, 0, (size_t)(3 * cols) * sizeof *p);
    k->add_norm_bwd(dh, dx, j->dy && c->in[GAMMA].grad ? p : NULL,
                    j->dy && c->in[BETA].grad ? p + cols : NULL,
                    c->in[B].grad ? p + 2 * cols : NULL, j->dy ? j->dy + at : NULL,
                    j->dh_in ? j->dh_in + at : NULL, j->h + at,
                    (float *)c->save[SAVE_MEAN] + row0,
                    (float *)c->save[SAVE_RSTD] + row0, c->in[GAMMA].f,
                    (atti_norm)a->kind, &j->drop, row0, rows, cols, cols);
    if (res && c->in[RES].accumulate) k->scale(res + at, dh, 1.0f, 1, n);
    if (x && c->in[X].accumulate) k->scale(x + at, dx, 1.0f, 1, n);
}

static att_status backward(atti_call *c)
{
    int64_t rows = c->in[X].rows, cols = c->in[X].cols, chunks = atti_chunks(rows);
    job j = {.c = c, .drop = drop_of(c)};
    j.h = is_both(c->node) ? c->out[1].f : c->save[SAVE_H];
    j.dy = c->out[0].grad;
    j.dh_in = is_both(c->node) ? c->out[1].grad : NULL;
    j.partial = c->scratch;
    j.row_room = j.partial + atti_round_up(chunks * 3 * cols, 16);
    atti_for_rows(rows, undo_rows, &j);
    static const int slot[3] = {GAMMA, BETA, B};
    for (int i = 0; i < 3; i++) {
        atti_mat *m = &c->in[slot[i]];
        if (m->grad)
            atti_sum_chunks(m->grad, j.partial + i * cols, chunks, cols, 3 * cols,
                            m->accumulate);
    }
    return ATT_OK;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    int64_t cols = c->in[X].cols;
    int64_t floats = atti_round_up(atti_chunks(c->in[X].rows) * 3 * cols, 16) +
                     (int64_t)atti_threads_max() * 2 * ATTI_ROW_CHUNK * cols;
    *bytes = back ? (size_t)floats * sizeof(float) : 0;
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    const norm_attr *a = n->attr;
    atti_str_addf(s, " %s eps %g", a->kind ? "rms" : "layer", (double)a->eps);
    if (a->dropout > 0.0f) atti_str_addf(s, " dropout %g", (double)a->dropout);
}

/* ---- samples ---- */

static att_status sample_any(atti_sample *s, int variant, int both)
{
    static const struct {
        int kind, b, res, beta;
        float dropout;
    } v[] = {{0, 1, 1, 1, 0.0f},
             {0, 1, 1, 1, 0.3f},
             {1, 0, 1, 0, 0.0f},
             {0, 0, 0, 1, 0.0f},
             {1, 1, 0, 1, 0.2f}};
    if (variant >= (int)(sizeof v / sizeof v[0])) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 6, -2, 2, 0.0f);
    att_var b = v[variant].b ? atti_sample_param(s, 1, 6, -1, 1, 0.0f) : ATT_NO_VAR;
    att_var res = v[variant].res ? atti_sample_param(s, 5, 6, -2, 2, 0.0f) : ATT_NO_VAR;
    att_var gamma = atti_sample_param(s, 1, 6, 0.5f, 1.5f, 0.0f);
    att_var beta =
        v[variant].beta ? atti_sample_param(s, 1, 6, -1, 1, 0.0f) : ATT_NO_VAR;
    if (s->status != ATT_OK) return s->status;
    if (both)
        return att_op_add_norm_both(s->tape, &s->out, &s->out2, x, b, res, gamma, beta,
                                    v[variant].kind, 1e-3f, v[variant].dropout);
    return att_op_add_norm(s->tape, &s->out, x, b, res, gamma, beta, v[variant].kind,
                           1e-3f, v[variant].dropout);
}

static att_status sample(atti_sample *s, int variant)
{
    return sample_any(s, variant, 0);
}

static att_status sample_both(atti_sample *s, int variant)
{
    return sample_any(s, variant, 1);
}

const atti_op atti_op_add_norm = {.name = "add_norm",
                                  .attr_bytes = sizeof(norm_attr),
                                  .infer = infer,
                                  .forward = forward,
                                  .backward = backward,
                                  .needs = needs,
                                  .again = again,
                                  .again_level = again_level,
                                  .scratch = scratch,
                                  .describe = describe,
                                  .sample = sample};

const atti_op atti_op_add_norm_both = {.name = "add_norm_both",
                                       .attr_bytes = sizeof(norm_attr),
                                       .infer = infer,
                                       .forward = forward,
                                       .backward = backward,
                                       .needs = needs,
                                       .in_place = in_place,
                                       .grad_in_place = grad_in_place,
                                       .scratch = scratch,
                                       .describe = describe,
                                       .sample = sample_both};

static int is_both(const atti_node *n)
{
    return n->op == &atti_op_add_norm_both;
}

static att_status record(att_tape *tape, const atti_op *op, att_var *out, att_var x,
                         att_var b, att_var res, att_var gamma, att_var beta,
                         int32_t kind, float eps, float dropout)
{
    if (kind != 0 && kind != 1)
        return atti_fail(ATT_EINVAL, "%s: kind %d, 0 layer norm, 1 RMS norm", op->name,
                         (int)kind);
    if (!(eps >= 0.0f && eps < 1.0f))
        return atti_fail(ATT_EINVAL, "%s: eps %g", op->name, (double)eps);
    ATTI_TRY(atti_check_dropout(op->name, dropout));
    norm_attr a = {kind, eps, dropout};
    att_var in[5] = {x, b, res, gamma, beta};
    return atti_tape_record(tape, op, in, 5, &a, out);
}

att_status att_op_add_norm(att_tape *tape, att_var *y, att_var x, att_var b,
                           att_var res, att_var gamma, att_var beta, int32_t kind,
                           float eps, float dropout)
{
    return record(tape, &atti_op_add_norm, y, x, b, res, gamma, beta, kind, eps,
                  dropout);
}

att_status att_op_add_norm_both(att_tape *tape, att_var *y, att_var *h, att_var x,
                                att_var b, att_var res, att_var gamma, att_var beta,
                                int32_t kind, float eps, float dropout)
{
    att_var out[2] = {ATT_NO_VAR, ATT_NO_VAR};
    if (!y || !h) return atti_fail(ATT_EINVAL, "add_norm_both: y or h is NULL");
    ATTI_TRY(record(tape, &atti_op_add_norm_both, out, x, b, res, gamma, beta, kind,
                    eps, dropout));
    *y = out[0];
    *h = out[1];
    return ATT_OK;
}
