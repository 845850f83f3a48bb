/* op_scale.c - y = a x. */
#include "autograd/op_util.h"

typedef struct scale_attr {
    float a;
} scale_attr;

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, 0, "x"));
    f->out[0] = f->in[0];
    return ATT_OK;
}

static int32_t first(const atti_node *n, int32_t i)
{
    (void)n, (void)i;
    return 0;
}

static att_status forward(atti_call *c)
{
    const scale_attr *a = c->node->attr;
    atti_scale_all(c->out[0].f, c->in[0].f, a->a, 0, c->out[0].rows * c->out[0].cols);
    return ATT_OK;
}

static att_status backward(atti_call *c)
{
    const scale_attr *a = c->node->attr;
    if (c->in[0].grad)
        atti_scale_all(c->in[0].grad, c->out[0].grad, a->a, c->in[0].accumulate,
                       c->out[0].rows * c->out[0].cols);
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    atti_str_addf(s, " %g", (double)((const scale_attr *)n->attr)->a);
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > 0) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 4, -1, 1, 0.0f);
    return s->status != ATT_OK ? s->status : att_op_scale(s->tape, &s->out, x, -1.75f);
}

const atti_op atti_op_scale = {.name = "scale",
                               .attr_bytes = sizeof(scale_attr),
                               .infer = infer,
                               .forward = forward,
                               .backward = backward,
                               .in_place = first,
                               .grad_in_place = first,
                               .describe = describe,
                               .sample = sample};

att_status att_op_scale(att_tape *tape, att_var *y, att_var x, float a)
{
    scale_attr attr = {a};
    return atti_tape_record(tape, &atti_op_scale, &x, 1, &attr, y);
}
