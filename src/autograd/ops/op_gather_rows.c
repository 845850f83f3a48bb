/* op_gather_rows.c - y [M,C] = x[index], index [M,1] i32, negative = a row of zeros. Backward
 * adds rows back in rising order; a task owns the rows of x that are t modulo the tasks. */
#include "autograd/op_util.h"

#include <string.h>

enum { X, INDEX };
enum { SCATTER_TASKS = 32 };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_i32(f, INDEX, "index"));
    if (f->in[INDEX].cols != 1)
        return atti_fail(ATT_ESHAPE, "gather_rows: index is %s, expected one column",
                         atti_shape_str(f->tape, &f->in[INDEX]).s);
    f->out[0] = (atti_shape){f->in[INDEX].rows, f->in[X].cols, ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 1U << INDEX;
    *outs = 0;
}

static void gather(void *ctx, int64_t chunk, int64_t row0, int64_t rows, int thread)
{
    (void)chunk, (void)thread;
    const atti_call *c = ctx;
    int64_t cols = c->out[0].cols;
    size_t bytes = (size_t)cols * sizeof(float);
    for (int64_t r = row0; r < row0 + rows; r++) {
        int32_t i = c->in[INDEX].i[r];
        if (i < 0)
            memset(c->out[0].f + r * cols, 0, bytes);
        else
            memcpy(c->out[0].f + r * cols, c->in[X].f + i * cols, bytes);
    }
}

static att_status forward(atti_call *c)
{
    for (int64_t r = 0; r < c->in[INDEX].rows; r++)
        if (c->in[INDEX].i[r] >= c->in[X].rows)
            return atti_fail(ATT_EINVAL, "gather_rows: index[%lld] is %d of %lld",
                             (long long)r, (int)c->in[INDEX].i[r],
                             (long long)c->in[X].rows);
    atti_for_rows(c->out[0].rows, gather, c);
    return ATT_OK;
}

static void scatter(void *ctx, int64_t task, int thread)
{
    (void)thread;
    const atti_call *c = ctx;
    int64_t cols = c->out[0].cols;
    for (int64_t r = 0; r < c->out[0].rows; r++) {
        int32_t i = c->in[INDEX].i[r];
        if (i >= 0 && i % SCATTER_TASKS == task)
            atti_k()->scale(c->in[X].grad + i * cols, c->out[0].grad + r * cols, 1.0f,
                            1, cols);
    }
}

static att_status backward(atti_call *c)
{
    if (!c->in[X].grad) return ATT_OK;
    if (!c->in[X].accumulate)
        atti_zero_all(c->in[X].grad, c->in[X].rows * c->in[X].cols);
    atti_parallel_void(SCATTER_TASKS, scatter, c);
    return ATT_OK;
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t index[6] = {2, 0, -1, 2, 1, 2};
    if (variant > 0) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 4, 5, -1, 1, 0.0f);
    att_var i = atti_sample_ints(s, 6, index);
    return s->status != ATT_OK ? s->status : att_op_gather_rows(s->tape, &s->out, x, i);
}

const atti_op atti_op_gather_rows = {.name = "gather_rows",
                                     .infer = infer,
                                     .forward = forward,
                                     .backward = backward,
                                     .needs = needs,
                                     .sample = sample};

att_status att_op_gather_rows(att_tape *tape, att_var *y, att_var x, att_var index)
{
    att_var in[2] = {x, index};
    return atti_tape_record(tape, &atti_op_gather_rows, in, 2, NULL, y);
}
