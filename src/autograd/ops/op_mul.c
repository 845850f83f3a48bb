/* op_mul.c - y = a * b, element by element, [N,C]. Keeps both. */
#include "autograd/op_util.h"

enum { A, B };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, A, "a"));
    ATTI_TRY(atti_want_f32(f, B, "b"));
    ATTI_TRY(atti_want_shape(f, B, "b", f->in[A].rows, f->in[A].cols));
    f->out[0] = f->in[A];
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 1U << A | 1U << B;
    *outs = 0;
}

static void forward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                         int thread)
{
    (void)chunk, (void)thread;
    const atti_call *c = ctx;
    int64_t cols = c->out[0].cols, at = row0 * cols;
    atti_k()->mul(c->out[0].f + at, c->in[A].f + at, c->in[B].f + at, 0, rows * cols);
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
    int64_t cols = c->out[0].cols, at = row0 * cols, n = rows * cols;
    const float *dy = c->out[0].grad + at;
    for (int i = A; i <= B; i++) {
        const atti_mat *m = &c->in[i];
        if (m->grad)
            atti_k()->mul(m->grad + at, dy, c->in[1 - i].f + at, m->accumulate, n);
    }
}

static att_status backward(atti_call *c)
{
    atti_for_rows(c->out[0].rows, backward_rows, c);
    return ATT_OK;
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > 1) return ATT_ENOTFOUND;
    att_var a = atti_sample_param(s, 5, 4, -1, 1, 0.0f);
    att_var b = variant ? a : atti_sample_param(s, 5, 4, -1, 1, 0.0f);
    if (s->status != ATT_OK) return s->status;
    return att_op_mul(s->tape, &s->out, a, b);
}

const atti_op atti_op_mul = {.name = "mul",
                             .infer = infer,
                             .forward = forward,
                             .backward = backward,
                             .needs = needs,
                             .sample = sample};

att_status att_op_mul(att_tape *tape, att_var *y, att_var a, att_var b)
{
    att_var in[2] = {a, b};
    return atti_tape_record(tape, &atti_op_mul, in, 2, NULL, y);
}
