/* op_add.c - y = a + b; a, y [N,C]; b [N,C], or [1,C] added to every row. The gradient
 * passes through: a takes dy's memory, b gets a copy (or the sum over rows). */
#include "autograd/op_util.h"

#include <string.h>

enum { A, B };

static int by_row(const atti_node *n, const atti_call *c)
{
    (void)n;
    return c->in[B].rows != c->in[A].rows;
}

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, A, "a"));
    ATTI_TRY(atti_want_f32(f, B, "b"));
    att_rows rows = f->in[B].rows == 1 ? 1 : f->in[A].rows;
    ATTI_TRY(atti_want_shape(f, B, "b", rows, f->in[A].cols));
    f->out[0] = f->in[A];
    return ATT_OK;
}

static int32_t in_place(const atti_node *n, int32_t o)
{
    (void)o;
    return n->in[A] == n->in[B] ? -1 : A;
}

static int32_t grad_in_place(const atti_node *n, int32_t i)
{
    return i == A && n->in[A] != n->in[B] ? 0 : -1;
}

static void add_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    (void)chunk, (void)thread;
    const atti_call *c = ctx;
    const atti_kernels *k = atti_k();
    int64_t cols = c->out[0].cols, at = row0 * cols;
    float *y = c->out[0].f + at;
    const float *a = c->in[A].f + at;
    if (y != a) memcpy(y, a, (size_t)(rows * cols) * sizeof *y);
    if (!by_row(c->node, c)) {
        k->scale(y, c->in[B].f + at, 1.0f, 1, rows * cols);
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        k->scale(y + r * cols, c->in[B].f, 1.0f, 1, cols);
}

static att_status forward(atti_call *c)
{
    atti_for_rows(c->in[A].rows, add_rows, c);
    return ATT_OK;
}

static att_status backward(atti_call *c)
{
    const float *dy = c->out[0].grad;
    int64_t rows = c->out[0].rows, cols = c->out[0].cols;
    atti_mat *a = &c->in[A], *b = &c->in[B];
    if (a->grad) atti_scale_all(a->grad, dy, 1.0f, a->accumulate, rows * cols);
    if (!b->grad) return ATT_OK;
    if (by_row(c->node, c))
        atti_sum_rows(b->grad, dy, rows, cols, b->accumulate, c->scratch);
    else
        atti_scale_all(b->grad, dy, 1.0f, b->accumulate, rows * cols);
    return ATT_OK;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    *bytes = back && by_row(c->node, c)
                 ? atti_sum_rows_scratch(c->out[0].rows, c->out[0].cols)
                 : 0;
    return ATT_OK;
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > 2) return ATT_ENOTFOUND;
    att_var a = atti_sample_param(s, 5, 4, -1, 1, 0.0f);
    att_var b =
        variant == 2 ? a : atti_sample_param(s, variant ? 1 : 5, 4, -1, 1, 0.0f);
    if (s->status != ATT_OK) return s->status;
    return att_op_add(s->tape, &s->out, a, b);
}

const atti_op atti_op_add = {.name = "add",
                             .infer = infer,
                             .forward = forward,
                             .backward = backward,
                             .in_place = in_place,
                             .grad_in_place = grad_in_place,
                             .scratch = scratch,
                             .sample = sample};

att_status att_op_add(att_tape *tape, att_var *y, att_var a, att_var b)
{
    att_var in[2] = {a, b};
    return atti_tape_record(tape, &atti_op_add, in, 2, NULL, y);
}
