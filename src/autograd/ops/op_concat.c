/* op_concat.c - columns side by side, and its mirror: some columns of a value. Both move
 * numbers only; slice_cols adds its gradient into a range of columns, which the planner
 * knows about (col0, col1), so slices that tile a value need no zeroing. */
#include "autograd/op_util.h"

#include <string.h>

/* rows x n numbers from src (every ld_s) to dst (every ld_d). */
typedef struct move {
    float *dst;
    const float *src;
    int64_t ld_d, ld_s, n;
    int accumulate;
} move;

static void move_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    (void)chunk, (void)thread;
    const move *m = ctx;
    for (int64_t r = row0; r < row0 + rows; r++) {
        float *d = m->dst + r * m->ld_d;
        const float *s = m->src + r * m->ld_s;
        if (m->accumulate)
            atti_k()->scale(d, s, 1.0f, 1, m->n);
        else
            memcpy(d, s, (size_t)m->n * sizeof *d);
    }
}

static att_status infer_concat(atti_infer *f)
{
    int64_t cols = 0;
    for (int32_t i = 0; i < f->node->n_in; i++) {
        ATTI_TRY(atti_want_f32(f, i, "x"));
        ATTI_TRY(atti_want_shape(f, i, "x", f->in[0].rows, -1));
        cols += f->in[i].cols;
    }
    f->out[0] = (atti_shape){f->in[0].rows, cols, ATT_F32};
    return ATT_OK;
}

static att_status concat_forward(atti_call *c)
{
    int64_t at = 0;
    for (int32_t i = 0; i < c->node->n_in; i++) {
        int64_t n = c->in[i].cols;
        move m = {c->out[0].f + at, c->in[i].f, c->out[0].cols, n, n, 0};
        atti_for_rows(c->out[0].rows, move_rows, &m);
        at += n;
    }
    return ATT_OK;
}

static att_status concat_backward(atti_call *c)
{
    int64_t at = 0;
    for (int32_t i = 0; i < c->node->n_in; i++) {
        int64_t n = c->in[i].cols;
        move m = {c->in[i].grad,      c->out[0].grad + at, n, c->out[0].cols, n,
                  c->in[i].accumulate};
        if (c->in[i].grad) atti_for_rows(c->out[0].rows, move_rows, &m);
        at += n;
    }
    return ATT_OK;
}

static att_status infer_slice(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, 0, "x"));
    f->out[0] =
        (atti_shape){f->in[0].rows, f->node->col1[0] - f->node->col0[0], ATT_F32};
    return ATT_OK;
}

static att_status slice_forward(atti_call *c)
{
    int64_t n = c->out[0].cols;
    move m = {c->out[0].f, c->in[0].f + c->node->col0[0], n, c->in[0].cols, n, 0};
    atti_for_rows(c->out[0].rows, move_rows, &m);
    return ATT_OK;
}

static att_status slice_backward(atti_call *c)
{
    int64_t n = c->out[0].cols;
    if (!c->in[0].grad) return ATT_OK;
    move m = {c->in[0].grad + c->node->col0[0],
              c->out[0].grad,
              c->in[0].cols,
              n,
              n,
              c->in[0].accumulate};
    atti_for_rows(c->out[0].rows, move_rows, &m);
    return ATT_OK;
}

static att_status sample_concat(atti_sample *s, int variant)
{
    if (variant > 1) return ATT_ENOTFOUND;
    att_var x[3];
    x[0] = atti_sample_param(s, 5, 3, -1, 1, 0.0f);
    x[1] = atti_sample_param(s, 5, 1, -1, 1, 0.0f);
    x[2] = x[0];
    if (s->status != ATT_OK) return s->status;
    return att_op_concat(s->tape, &s->out, x, variant ? 3 : 2);
}

static att_status sample_slice(atti_sample *s, int variant)
{
    if (variant > 1) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 7, -1, 1, 0.0f), a, b;
    if (s->status != ATT_OK) return s->status;
    if (!variant) return att_op_slice_cols(s->tape, &s->out, x, 2, 5);
    /* Ranges that overlap and leave a gap. */
    ATTI_TRY(att_op_slice_cols(s->tape, &a, x, 0, 4));
    ATTI_TRY(att_op_slice_cols(s->tape, &b, x, 2, 6));
    return att_op_mul(s->tape, &s->out, a, b);
}

const atti_op atti_op_concat = {.name = "concat",
                                .infer = infer_concat,
                                .forward = concat_forward,
                                .backward = concat_backward,
                                .sample = sample_concat};

const atti_op atti_op_slice_cols = {.name = "slice_cols",
                                    .infer = infer_slice,
                                    .forward = slice_forward,
                                    .backward = slice_backward,
                                    .sample = sample_slice};

att_status att_op_concat(att_tape *tape, att_var *y, const att_var *x, int32_t n)
{
    if (!x) return atti_fail(ATT_EINVAL, "concat: x is NULL");
    return atti_tape_record(tape, &atti_op_concat, x, n, NULL, y);
}

att_status att_op_slice_cols(att_tape *tape, att_var *y, att_var x, int64_t begin,
                             int64_t end)
{
    if (begin < 0 || end <= begin)
        return atti_fail(ATT_EINVAL, "slice_cols: columns %lld..%lld", (long long)begin,
                         (long long)end);
    return atti_tape_record_ranges(tape, &atti_op_slice_cols, &x, &begin, &end, 1, NULL,
                                   y);
}
