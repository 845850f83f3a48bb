/* op_cross_entropy.c - losses of values at hand. cross_entropy: class ids against logits
 * [N,K], loss and stats as vocab_loss gives them; squared_error: sum of (x - t)^2 / C.
 *
 * Sums over rows are made in double, rows in rising order. */
#include "autograd/op_util.h"

#include <math.h>
#include <string.h>

typedef struct loss_attr {
    float smoothing;
} loss_attr;

enum { X, TARGETS };
enum { SAVE_DX };

/* ---- cross entropy ---- */

static att_status infer_xent(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, X, "logits"));
    ATTI_TRY(atti_want_i32(f, TARGETS, "targets"));
    if (f->in[TARGETS].rows != f->in[X].rows || f->in[TARGETS].cols != 1)
        return atti_fail(ATT_ESHAPE, "cross_entropy: logits are %s, targets %s",
                         atti_shape_str(f->tape, &f->in[X]).s,
                         atti_shape_str(f->tape, &f->in[TARGETS]).s);
    f->node->n_out = 2;
    f->out[0] = (atti_shape){1, 1, ATT_F32};
    f->out[1] = (atti_shape){1, 4, ATT_F32};
    f->node->n_save = 1;
    f->node->save[SAVE_DX] = (atti_save){f->in[X], X};
    return ATT_OK;
}

typedef struct xent_room {
    float *loss, *nll, *copy; /* copy: a chunk of logits a thread, evaluation only */
    int32_t *right;
} xent_room;

static size_t lay_out(xent_room *r, const atti_call *c, void *base)
{
    int64_t n = atti_round_up(c->in[X].rows, 16);
    float *p = base;
    r->loss = p;
    r->nll = p + n;
    r->right = (int32_t *)(void *)(p + 2 * n);
    r->copy = p + 3 * n;
    int64_t copy = (int64_t)atti_threads_max() * ATTI_ROW_CHUNK * c->in[X].cols;
    return (size_t)(3 * n + copy) * sizeof(float);
}

static att_status xent_scratch(size_t *bytes, const atti_call *c, int back)
{
    static float anchor[1]; /* addresses are computed, never followed */
    xent_room r;
    *bytes = back ? 0 : lay_out(&r, c, anchor);
    return ATT_OK;
}

typedef struct xent_job {
    atti_call *c;
    xent_room r;
} xent_job;

static void xent_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    (void)chunk;
    const xent_job *j = ctx;
    const atti_call *c = j->c;
    const loss_attr *a = c->node->attr;
    int64_t k = c->in[X].cols;
    float *dx = c->save[SAVE_DX];
    const float *x = c->in[X].f + row0 * k;
    float *work = dx ? dx + row0 * k : j->r.copy + (int64_t)thread * ATTI_ROW_CHUNK * k;
    if (work != x) memcpy(work, x, (size_t)(rows * k) * sizeof *work);
    for (int64_t r = 0; r < rows; r++) {
        int32_t t = c->in[TARGETS].i[row0 + r];
        int right = t >= 0;
        for (int64_t i = 0; right && i < k; i++)
            right = !(work[r * k + i] > work[r * k + t]);
        j->r.right[row0 + r] = right;
    }
    atti_k()->softmax_xent(work, j->r.loss + row0, j->r.nll + row0, NULL,
                           c->in[TARGETS].i + row0, a->smoothing, -1, dx ? 1.0f : 0.0f,
                           rows, k, k);
}

static att_status xent_forward(atti_call *c)
{
    xent_job j = {.c = c};
    (void)lay_out(&j.r, c, c->scratch);
    for (int64_t r = 0; r < c->in[X].rows; r++)
        if (c->in[TARGETS].i[r] >= c->in[X].cols)
            return atti_fail(
                ATT_EINVAL, "cross_entropy: row %lld has target %d of %lld",
                (long long)r, (int)c->in[TARGETS].i[r], (long long)c->in[X].cols);
    atti_for_rows(c->in[X].rows, xent_rows, &j);
    double sum[4] = {0};
    for (int64_t r = 0; r < c->in[X].rows; r++) {
        if (c->in[TARGETS].i[r] < 0) continue;
        sum[0] += (double)j.r.loss[r];
        sum[1] += (double)j.r.nll[r];
        sum[2] += 1.0;
        sum[3] += j.r.right[r];
    }
    c->out[0].f[0] = (float)sum[0];
    for (int i = 0; i < 4; i++) c->out[1].f[i] = (float)sum[i];
    return ATT_OK;
}

static att_status xent_backward(atti_call *c)
{
    atti_mat *m = &c->in[X];
    if (m->grad)
        atti_scale_all(m->grad, c->save[SAVE_DX], c->out[0].grad[0], m->accumulate,
                       m->rows * m->cols);
    return ATT_OK;
}

static att_status xent_sample(atti_sample *s, int variant)
{
    static const int32_t targets[6] = {1, 0, 6, -1, 3, 3};
    if (variant > 1) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 6, 7, -2, 2, 0.0f);
    att_var t = atti_sample_ints(s, 6, targets), stats;
    if (s->status != ATT_OK) return s->status;
    return att_op_cross_entropy(s->tape, &s->out, &stats, x, t, variant ? 0.1f : 0.0f);
}

const atti_op atti_op_cross_entropy = {.name = "cross_entropy",
                                       .attr_bytes = sizeof(loss_attr),
                                       .infer = infer_xent,
                                       .forward = xent_forward,
                                       .backward = xent_backward,
                                       .scratch = xent_scratch,
                                       .no_grad_outs = 2,
                                       .sticky_outs = 3,
                                       .sample = xent_sample};

att_status att_op_cross_entropy(att_tape *tape, att_var *loss, att_var *stats,
                                att_var logits, att_var targets, float smoothing)
{
    if (!loss || !stats)
        return atti_fail(ATT_EINVAL, "cross_entropy: loss or stats is NULL");
    if (!(smoothing >= 0.0f && smoothing < 1.0f))
        return atti_fail(ATT_EINVAL, "cross_entropy: smoothing %g, in 0 <= s < 1",
                         (double)smoothing);
    loss_attr a = {smoothing};
    att_var in[2] = {logits, targets}, out[2] = {ATT_NO_VAR, ATT_NO_VAR};
    ATTI_TRY(atti_tape_record(tape, &atti_op_cross_entropy, in, 2, &a, out));
    *loss = out[0];
    *stats = out[1];
    return ATT_OK;
}

/* ---- squared error ---- */

static att_status infer_square(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_f32(f, TARGETS, "targets"));
    ATTI_TRY(atti_want_shape(f, TARGETS, "targets", f->in[X].rows, f->in[X].cols));
    f->out[0] = (atti_shape){1, 1, ATT_F32};
    return ATT_OK;
}

static void square_needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 3;
    *outs = 0;
}

static att_status square_forward(atti_call *c)
{
    int64_t n = c->in[X].rows * c->in[X].cols;
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double d = (double)c->in[X].f[i] - (double)c->in[TARGETS].f[i];
        sum += d * d;
    }
    c->out[0].f[0] = (float)(sum / (double)c->in[X].cols);
    return ATT_OK;
}

static att_status square_backward(atti_call *c)
{
    int64_t n = c->in[X].rows * c->in[X].cols;
    float s = 2.0f * c->out[0].grad[0] / (float)c->in[X].cols;
    for (int k = 0; k < 2; k++) {
        atti_mat *m = &c->in[k];
        float sign = k ? -s : s;
        for (int64_t i = 0; m->grad && i < n; i++) {
            float d = sign * (c->in[X].f[i] - c->in[TARGETS].f[i]);
            m->grad[i] = m->accumulate ? m->grad[i] + d : d;
        }
    }
    return ATT_OK;
}

static att_status square_sample(atti_sample *s, int variant)
{
    if (variant > 0) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 3, -1, 1, 0.0f);
    att_var t = atti_sample_param(s, 5, 3, -1, 1, 0.0f);
    return s->status != ATT_OK ? s->status
                               : att_op_squared_error(s->tape, &s->out, x, t);
}

const atti_op atti_op_squared_error = {.name = "squared_error",
                                       .infer = infer_square,
                                       .forward = square_forward,
                                       .backward = square_backward,
                                       .needs = square_needs,
                                       .sticky_outs = 1,
                                       .sample = square_sample};

att_status att_op_squared_error(att_tape *tape, att_var *loss, att_var x,
                                att_var targets)
{
    att_var in[2] = {x, targets};
    return atti_tape_record(tape, &atti_op_squared_error, in, 2, NULL, loss);
}
