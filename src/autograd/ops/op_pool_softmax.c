/* op_pool_softmax.c - y [B,H*E], alpha [N,H]: the mean of each sequence's rows of x [N,H*E],
 * weighted by softmax over the sequence of e [N,H]: attention with one query a sequence,
 * whose scores somebody else has made. An empty sequence gives zeros. Backward reads x and
 * alpha. A task is a sequence. */
#include "autograd/op_util.h"

#include <math.h>
#include <string.h>

enum { X, E, OFFSETS };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_f32(f, E, "e"));
    ATTI_TRY(atti_want_i32(f, OFFSETS, "offsets"));
    ATTI_TRY(atti_want_shape(f, E, "e", f->in[X].rows, -1));
    if (f->in[X].cols % f->in[E].cols != 0)
        return atti_fail(ATT_ESHAPE,
                         "pool_softmax: x is %s, e %s: columns of x are no "
                         "multiple of e's",
                         atti_shape_str(f->tape, &f->in[X]).s,
                         atti_shape_str(f->tape, &f->in[E]).s);
    att_rows seqs = 0;
    ATTI_TRY(atti_rows_minus_one(f, OFFSETS, &seqs));
    f->out[0] = (atti_shape){seqs, f->in[X].cols, ATT_F32};
    f->out[1] = f->in[E];
    f->node->n_out = 2;
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 1U << X | 1U << OFFSETS;
    *outs = 2;
}

/* One head of one sequence: n rows of e, ld apart, to alpha. */
static void weigh(float *alpha, const float *e, int64_t n, int64_t ld)
{
    float high = -INFINITY;
    double sum = 0.0;
    for (int64_t r = 0; r < n; r++) {
        if (!(e[r * ld] <= high)) high = e[r * ld]; /* a NaN stays */
        if (isnan(high)) break;
    }
    if (high == -INFINITY) high = 0.0f;
    for (int64_t r = 0; r < n; r++) {
        alpha[r * ld] = expf(e[r * ld] - high);
        sum += (double)alpha[r * ld];
    }
    float scale = sum == 0.0 ? 0.0f : (float)(1.0 / sum);
    for (int64_t r = 0; r < n; r++) alpha[r * ld] *= scale;
}

static void pool_one(void *ctx, int64_t b, int thread)
{
    (void)thread;
    const atti_call *c = ctx;
    const int32_t *off = c->in[OFFSETS].i;
    int64_t cols = c->out[0].cols, h = c->out[1].cols, w = cols / h;
    int64_t r0 = off[b], n = off[b + 1] - r0;
    const float *x = c->in[X].f + r0 * cols, *e = c->in[E].f + r0 * h;
    float *y = c->out[0].f + b * cols, *alpha = c->out[1].f + r0 * h;
    memset(y, 0, (size_t)cols * sizeof *y);
    for (int64_t i = 0; i < h; i++) {
        weigh(alpha + i, e + i, n, h);
        for (int64_t r = 0; r < n; r++)
            atti_k()->scale(y + i * w, x + r * cols + i * w, alpha[r * h + i], 1, w);
    }
}

static att_status forward(atti_call *c)
{
    ATTI_TRY(atti_check_offsets("pool_softmax", c->in[OFFSETS].i, c->out[0].rows,
                                c->in[X].rows));
    atti_parallel_void(c->out[0].rows, pool_one, c);
    return ATT_OK;
}

/* Eight sums in a fixed order, so that a compiler may keep them in one vector. */
static float dot(const float *a, const float *b, int64_t n)
{
    float s[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) s[k] += a[i + k] * b[i + k];
    for (int k = 0; i < n; i++, k++) s[k] += a[i] * b[i];
    return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

/* de = alpha (dalpha - sum alpha dalpha), dalpha[r] = dy . x[r]; made twice, so that
 * neither scratch nor a partly written de is needed. */
static void unweigh(const atti_call *c, int64_t b, int64_t i)
{
    const int32_t *off = c->in[OFFSETS].i;
    int64_t cols = c->out[0].cols, h = c->out[1].cols, w = cols / h;
    int64_t r0 = off[b], n = off[b + 1] - r0;
    const float *x = c->in[X].f + r0 * cols + i * w;
    const float *dy = c->out[0].grad + b * cols + i * w;
    const float *alpha = c->out[1].f + r0 * h + i;
    float *de = c->in[E].grad + r0 * h + i;
    double mean = 0.0;
    for (int64_t r = 0; r < n; r++)
        mean += (double)alpha[r * h] * (double)dot(dy, x + r * cols, w);
    for (int64_t r = 0; r < n; r++) {
        float d = alpha[r * h] * (dot(dy, x + r * cols, w) - (float)mean);
        de[r * h] = c->in[E].accumulate ? de[r * h] + d : d;
    }
}

static void unpool_one(void *ctx, int64_t b, int thread)
{
    (void)thread;
    const atti_call *c = ctx;
    const int32_t *off = c->in[OFFSETS].i;
    int64_t cols = c->out[0].cols, h = c->out[1].cols, w = cols / h;
    for (int64_t i = 0; i < h; i++) {
        if (c->in[E].grad) unweigh(c, b, i);
        if (!c->in[X].grad) continue;
        for (int64_t r = off[b]; r < off[b + 1]; r++)
            atti_k()->scale(c->in[X].grad + r * cols + i * w,
                            c->out[0].grad + b * cols + i * w, c->out[1].f[r * h + i],
                            c->in[X].accumulate, w);
    }
}

static att_status backward(atti_call *c)
{
    atti_parallel_void(c->out[0].rows, unpool_one, c);
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    (void)n;
    atti_str_add(s, " weighted");
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t off[4] = {0, 3, 3, 7};
    if (variant > 1) return ATT_ENOTFOUND;
    att_var alpha, o = atti_sample_ints(s, 4, off);
    att_var x = atti_sample_param(s, 7, 6, -1, 1, 0.0f);
    att_var e = atti_sample_param(s, 7, variant ? 2 : 1, -2, 2, 0.0f);
    return s->status != ATT_OK ? s->status
                               : att_op_pool_softmax(s->tape, &s->out, &alpha, x, e, o);
}

const atti_op atti_op_pool_softmax = {.name = "pool_softmax",
                                      .infer = infer,
                                      .forward = forward,
                                      .backward = backward,
                                      .needs = needs,
                                      .describe = describe,
                                      .no_grad_outs = 2,
                                      .sample = sample};

att_status att_op_pool_softmax(att_tape *tape, att_var *y, att_var *alpha, att_var x,
                               att_var e, att_var offsets)
{
    att_var in[3] = {x, e, offsets}, out[2];
    if (!y || !alpha)
        return atti_fail(ATT_EINVAL, "pool_softmax: nowhere to write (NULL)");
    ATTI_TRY(atti_tape_record(tape, &atti_op_pool_softmax, in, 3, NULL, out));
    *y = out[0], *alpha = out[1];
    return ATT_OK;
}
