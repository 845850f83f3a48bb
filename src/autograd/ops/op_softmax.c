/* op_softmax.c - y = softmax(x) over the columns of a row. Keeps y only:
 * dx = y * (dy - sum(dy * y)). */
#include "autograd/op_util.h"

#include <string.h>

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, 0, "x"));
    f->out[0] = f->in[0];
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 0;
    *outs = 1;
}

static int32_t first(const atti_node *n, int32_t i)
{
    (void)n, (void)i;
    return 0;
}

static void forward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                         int thread)
{
    (void)chunk, (void)thread;
    const atti_call *c = ctx;
    int64_t cols = c->out[0].cols, at = row0 * cols;
    float *y = c->out[0].f + at;
    const float *x = c->in[0].f + at;
    if (y != x) memcpy(y, x, (size_t)(rows * cols) * sizeof *y);
    atti_k()->softmax(y, NULL, rows, cols, cols);
}

static att_status forward(atti_call *c)
{
    atti_for_rows(c->out[0].rows, forward_rows, c);
    return ATT_OK;
}

static void backward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                          int thread)
{
    (void)chunk, (void)thread;
    const atti_call *c = ctx;
    int64_t cols = c->out[0].cols;
    const atti_mat *m = &c->in[0];
    for (int64_t r = row0; r < row0 + rows; r++) {
        const float *y = c->out[0].f + r * cols, *dy = c->out[0].grad + r * cols;
        float *dx = m->grad + r * cols;
        double dot = 0.0;
        for (int64_t i = 0; i < cols; i++) dot += (double)dy[i] * (double)y[i];
        float s = (float)dot;
        for (int64_t i = 0; i < cols; i++) {
            float d = y[i] * (dy[i] - s);
            dx[i] = m->accumulate ? dx[i] + d : d;
        }
    }
}

static att_status backward(atti_call *c)
{
    if (c->in[0].grad) atti_for_rows(c->out[0].rows, backward_rows, c);
    return ATT_OK;
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > 1) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, variant ? 19 : 4, -2, 2, 0.0f);
    return s->status != ATT_OK ? s->status : att_op_softmax(s->tape, &s->out, x);
}

const atti_op atti_op_softmax = {.name = "softmax",
                                 .infer = infer,
                                 .forward = forward,
                                 .backward = backward,
                                 .needs = needs,
                                 .in_place = first,
                                 .grad_in_place = first,
                                 .sample = sample};

att_status att_op_softmax(att_tape *tape, att_var *y, att_var x)
{
    return atti_tape_record(tape, &atti_op_softmax, &x, 1, NULL, y);
}
