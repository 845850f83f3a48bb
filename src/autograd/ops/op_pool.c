/* op_pool.c - y [B,C]: one row a sequence of x [N,C]: mean, max, sum, first or last of its
 * rows; zeros for an empty sequence. max keeps x and y (the first of equal rows gets the
 * gradient); the others keep nothing. A task is a sequence. */
#include "autograd/op_util.h"

#include <string.h>

typedef struct pool_attr {
    int32_t kind;
} pool_attr;

enum { X, OFFSETS };
enum { MEAN, MAX, SUM, FIRST, LAST };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_i32(f, OFFSETS, "offsets"));
    att_rows seqs = 0;
    ATTI_TRY(atti_rows_minus_one(f, OFFSETS, &seqs));
    f->out[0] = (atti_shape){seqs, f->in[X].cols, ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    const pool_attr *a = n->attr;
    *ins = 1U << OFFSETS | (a->kind == MAX ? 1U << X : 0U);
    *outs = a->kind == MAX;
}

static void pool_one(void *ctx, int64_t b, int thread)
{
    (void)thread;
    const atti_call *c = ctx;
    const pool_attr *a = c->node->attr;
    const int32_t *off = c->in[OFFSETS].i;
    int64_t cols = c->out[0].cols, r0 = off[b], n = off[b + 1] - r0;
    const float *x = c->in[X].f + r0 * cols;
    float *y = c->out[0].f + b * cols;
    memset(y, 0, (size_t)cols * sizeof *y);
    if (n == 0) return;
    switch (a->kind) {
    case FIRST: memcpy(y, x, (size_t)cols * sizeof *y); return;
    case LAST: memcpy(y, x + (n - 1) * cols, (size_t)cols * sizeof *y); return;
    case MAX:
        memcpy(y, x, (size_t)cols * sizeof *y);
        for (int64_t r = 1; r < n; r++)
            for (int64_t i = 0; i < cols; i++)
                if (x[r * cols + i] > y[i]) y[i] = x[r * cols + i];
        return;
    default:
        atti_k()->col_sum(y, x, n, cols, cols);
        if (a->kind == MEAN) atti_k()->scale(y, y, 1.0f / (float)n, 0, cols);
    }
}

static att_status forward(atti_call *c)
{
    ATTI_TRY(
        atti_check_offsets("pool", c->in[OFFSETS].i, c->out[0].rows, c->in[X].rows));
    atti_parallel_void(c->out[0].rows, pool_one, c);
    return ATT_OK;
}

static void max_back(float *dx, const float *x, const float *y, const float *dy,
                     int64_t n, int64_t cols)
{
    for (int64_t i = 0; i < cols; i++)
        for (int64_t r = 0; r < n; r++)
            if (x[r * cols + i] == y[i]) {
                dx[r * cols + i] += dy[i];
                break;
            }
}

static void unpool_one(void *ctx, int64_t b, int thread)
{
    (void)thread;
    const atti_call *c = ctx;
    const pool_attr *a = c->node->attr;
    const atti_kernels *k = atti_k();
    const int32_t *off = c->in[OFFSETS].i;
    int64_t cols = c->out[0].cols, r0 = off[b], n = off[b + 1] - r0;
    float *dx = c->in[X].grad + r0 * cols;
    const float *dy = c->out[0].grad + b * cols;
    if (n == 0) return;
    if (!c->in[X].accumulate) memset(dx, 0, (size_t)(n * cols) * sizeof *dx);
    if (a->kind == MAX) {
        max_back(dx, c->in[X].f + r0 * cols, c->out[0].f + b * cols, dy, n, cols);
        return;
    }
    int64_t from = a->kind == LAST ? n - 1 : 0, to = a->kind == FIRST ? 1 : n;
    float s = a->kind == MEAN ? 1.0f / (float)n : 1.0f;
    for (int64_t r = from; r < to; r++) k->scale(dx + r * cols, dy, s, 1, cols);
}

static att_status backward(atti_call *c)
{
    if (c->in[X].grad) atti_parallel_void(c->out[0].rows, unpool_one, c);
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    static const char *const name[] = {"mean", "max", "sum", "first", "last"};
    atti_str_addf(s, " %s", name[((const pool_attr *)n->attr)->kind]);
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t off[4] = {0, 3, 3, 7};
    if (variant > LAST) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 7, 5, -3, 3, 0.0f),
            o = atti_sample_ints(s, 4, off);
    return s->status != ATT_OK ? s->status
                               : att_op_pool(s->tape, &s->out, x, o, variant);
}

const atti_op atti_op_pool = {.name = "pool",
                              .attr_bytes = sizeof(pool_attr),
                              .infer = infer,
                              .forward = forward,
                              .backward = backward,
                              .needs = needs,
                              .describe = describe,
                              .sample = sample};

att_status att_op_pool(att_tape *tape, att_var *y, att_var x, att_var offsets,
                       int32_t kind)
{
    if (kind < MEAN || kind > LAST)
        return atti_fail(ATT_EINVAL, "pool: kind %d, in 0..4", (int)kind);
    pool_attr a = {kind};
    att_var in[2] = {x, offsets};
    return atti_tape_record(tape, &atti_op_pool, in, 2, &a, y);
}
