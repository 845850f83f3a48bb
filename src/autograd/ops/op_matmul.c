/* op_matmul.c - y [N,K] = a [N,C] b, b [C,K], or b [K,C] with trans_b. Keeps both. The rows of b
 * must be a fixed number: they are the weight's side of the product. */
#include "autograd/op_util.h"
#include "kernels/matmul.h"

typedef struct matmul_attr {
    int32_t trans_b;
} matmul_attr;

enum { A, B };

static att_status infer(atti_infer *f)
{
    const matmul_attr *m = f->attr;
    ATTI_TRY(atti_want_f32(f, A, "a"));
    ATTI_TRY(atti_want_f32(f, B, "b"));
    int64_t c = f->in[A].cols;
    if (f->in[B].rows < 1 || (m->trans_b ? f->in[B].cols : f->in[B].rows) != c)
        return atti_fail(ATT_ESHAPE, "matmul: a is %s, b%s is %s",
                         atti_shape_str(f->tape, &f->in[A]).s,
                         m->trans_b ? " (transposed)" : "",
                         atti_shape_str(f->tape, &f->in[B]).s);
    f->out[0] = (atti_shape){f->in[A].rows, m->trans_b ? f->in[B].rows : f->in[B].cols,
                             ATT_F32};
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 1U << A | 1U << B;
    *outs = 0;
}

static atti_matmul_shape product(const atti_call *c)
{
    const matmul_attr *m = c->node->attr;
    return (atti_matmul_shape){.rows = c->in[A].rows,
                               .n_out = c->out[0].cols,
                               .n_in = c->in[A].cols,
                               .trans = !m->trans_b,
                               .bf16 = c->bf16};
}

static att_status forward(atti_call *c)
{
    atti_matmul_shape s = product(c);
    return atti_matmul_forward(&s, c->out[0].f, s.n_out, c->in[A].f, s.n_in, c->in[B].f,
                               NULL);
}

static att_status backward(atti_call *c)
{
    atti_matmul_shape s = product(c);
    const float *dy = c->out[0].grad;
    if (c->in[B].grad)
        ATTI_TRY(atti_matmul_grad_weight(&s, c->in[B].grad, dy, s.n_out, c->in[A].f,
                                         s.n_in, c->in[B].accumulate));
    if (c->in[A].grad)
        ATTI_TRY(atti_matmul_grad_input(&s, c->in[A].grad, s.n_in, dy, s.n_out,
                                        c->in[B].f, c->in[A].accumulate, NULL));
    return ATT_OK;
}

static double flops(const atti_call *c, int back)
{
    double one =
        2.0 * (double)c->in[A].rows * (double)c->in[A].cols * (double)c->out[0].cols;
    return back ? 2.0 * one : one;
}

static void describe(const atti_node *n, atti_str *s)
{
    if (((const matmul_attr *)n->attr)->trans_b) atti_str_add(s, " b transposed");
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > 1) return ATT_ENOTFOUND;
    att_var a = atti_sample_param(s, 5, 4, -1, 1, 0.0f);
    att_var b = atti_sample_param(s, variant ? 6 : 4, variant ? 4 : 6, -1, 1, 0.0f);
    return s->status != ATT_OK ? s->status
                               : att_op_matmul(s->tape, &s->out, a, b, variant);
}

const atti_op atti_op_matmul = {.name = "matmul",
                                .attr_bytes = sizeof(matmul_attr),
                                .infer = infer,
                                .forward = forward,
                                .backward = backward,
                                .needs = needs,
                                .flops = flops,
                                .describe = describe,
                                .sample = sample};

att_status att_op_matmul(att_tape *tape, att_var *y, att_var a, att_var b,
                         int32_t trans_b)
{
    matmul_attr m = {trans_b != 0};
    att_var in[2] = {a, b};
    return atti_tape_record(tape, &atti_op_matmul, in, 2, &m, y);
}
