/* op_sigmoid_loss.c - the loss of labels that are each right or wrong by themselves:
 * sum of ln(1 + e^x) - t x over all numbers, divided by the columns. With p = sigmoid(x)
 * this is -t ln p - (1 - t) ln(1 - p), without the overflow of either logarithm.
 *
 * Summed in double, rows in rising order. */
#include "autograd/op_util.h"

#include <math.h>

enum { X, TARGETS };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_f32(f, TARGETS, "targets"));
    ATTI_TRY(atti_want_shape(f, TARGETS, "targets", f->in[X].rows, f->in[X].cols));
    f->out[0] = (atti_shape){1, 1, ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 3;
    *outs = 0;
}

static att_status forward(atti_call *c)
{
    int64_t n = c->in[X].rows * c->in[X].cols;
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double x = (double)c->in[X].f[i], t = (double)c->in[TARGETS].f[i];
        sum += fmax(x, 0.0) + log1p(exp(-fabs(x))) - t * x;
    }
    c->out[0].f[0] = (float)(sum / (double)c->in[X].cols);
    return ATT_OK;
}

static att_status backward(atti_call *c)
{
    int64_t n = c->in[X].rows * c->in[X].cols;
    double s = (double)c->out[0].grad[0] / (double)c->in[X].cols;
    for (int k = 0; k < 2; k++) {
        atti_mat *m = &c->in[k];
        for (int64_t i = 0; m->grad && i < n; i++) {
            double x = (double)c->in[X].f[i], t = (double)c->in[TARGETS].f[i];
            float d = (float)(k == TARGETS ? -s * x : s * (1.0 / (1.0 + exp(-x)) - t));
            m->grad[i] = m->accumulate ? m->grad[i] + d : d;
        }
    }
    return ATT_OK;
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > 0) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 3, -2, 2, 0.0f);
    att_var t = atti_sample_param(s, 5, 3, 0, 1, 0.0f);
    return s->status != ATT_OK ? s->status
                               : att_op_sigmoid_loss(s->tape, &s->out, x, t);
}

const atti_op atti_op_sigmoid_loss = {.name = "sigmoid_loss",
                                      .infer = infer,
                                      .forward = forward,
                                      .backward = backward,
                                      .needs = needs,
                                      .sticky_outs = 1,
                                      .sample = sample};

att_status att_op_sigmoid_loss(att_tape *tape, att_var *loss, att_var x,
                               att_var targets)
{
    att_var in[2] = {x, targets};
    return atti_tape_record(tape, &atti_op_sigmoid_loss, in, 2, NULL, loss);
}
