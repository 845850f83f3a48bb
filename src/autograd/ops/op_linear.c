/* op_linear.c - y = drop(act(x W^T + b)): x [N,C], W [O,C], b [1,O] or absent.
 *
 * The product's sums start from the bias; activation and dropout run in its epilogue, on
 * rows that are in cache.
 * Backward turns dy into the gradient before the activation in place; the bias's gradient
 * and both products follow in the same sweep. Kept: x, W; y where the
 * activation's slope can be read from it (relu, tanh, sigmoid), else x W^T + b. */
#include "autograd/op_util.h"
#include "kernels/matmul.h"

typedef struct linear_attr {
    int32_t act;
    float dropout;
} linear_attr;

enum { X, W, B };

static int keeps_pre(int32_t act)
{
    return act == ATT_ACT_GELU || act == ATT_ACT_GELU_TANH || act == ATT_ACT_SILU ||
           act == ATT_ACT_QUICK_GELU;
}

static int keeps_y(int32_t act)
{
    return act == ATT_ACT_RELU || act == ATT_ACT_TANH || act == ATT_ACT_SIGMOID;
}

static att_status infer(atti_infer *f)
{
    const linear_attr *a = f->attr;
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_f32(f, W, "w"));
    ATTI_TRY(atti_want_shape(f, W, "w", f->in[W].rows, f->in[X].cols));
    if (f->in[W].rows < 1)
        return atti_fail(ATT_ESHAPE, "linear: w is %s, expected a fixed number of rows",
                         atti_shape_str(f->tape, &f->in[W]).s);
    ATTI_TRY(atti_want_shape(f, B, "b", 1, f->in[W].rows));
    f->out[0] = (atti_shape){f->in[X].rows, f->in[W].rows, ATT_F32};
    if (keeps_pre(a->act)) {
        f->node->n_save = 1;
        f->node->save[0].shape = f->out[0];
    }
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    const linear_attr *a = n->attr;
    *ins = 1U << X | 1U << W;
    *outs = keeps_y(a->act) ? 1U : 0U;
}

static atti_matmul_shape product(const atti_call *c)
{
    return (atti_matmul_shape){.rows = c->in[X].rows,
                               .n_out = c->in[W].rows,
                               .n_in = c->in[X].cols,
                               .bf16 = c->bf16};
}

static atti_drop drop_of(const atti_call *c)
{
    const linear_attr *a = c->node->attr;
    return atti_drop_make(c->training ? a->dropout : 0.0f, c->key);
}

/* ---- forward ---- */

typedef struct tail {
    float *pre;
    int64_t cols;
    atti_act act;
    atti_drop drop;
} tail;

static void finish_rows(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                        int thread)
{
    (void)thread;
    const tail *e = ctx;
    float *yr = y + row0 * ldy;
    atti_k()->bias_act(yr, e->pre ? e->pre + row0 * e->cols : NULL, yr, NULL, e->act,
                       &e->drop, row0, rows, e->cols, ldy, ldy);
}

static att_status run_packed(const atti_call *c, const atti_matmul_shape *s,
                             const atti_epilogue *epi)
{
    if (!*c->packed)
        ATTI_TRY(atti_linear_create(c->packed, ATTI_LINEAR_F32, c->in[W].f, s->n_out,
                                    s->n_in, s->n_in, 0));
    return atti_linear_run(*c->packed, c->out[0].f, s->n_out, c->in[X].f, s->n_in,
                           s->rows, epi);
}

static att_status forward(atti_call *c)
{
    const linear_attr *a = c->node->attr;
    atti_matmul_shape s = product(c);
    tail e = {c->training ? c->save[0] : NULL, s.n_out, (atti_act)a->act, drop_of(c)};
    int plain = a->act == ATT_ACT_NONE && e.drop.threshold == 0;
    atti_epilogue epi = {plain ? NULL : finish_rows, &e, c->in[B].f};
    if (c->packed && !c->bf16) return run_packed(c, &s, &epi);
    return atti_matmul_forward(&s, c->out[0].f, s.n_out, c->in[X].f, s.n_in, c->in[W].f,
                               &epi);
}

/* Only where an activation follows: a plain product's result is rarely read again. */
static int32_t again_level(const atti_node *n, uint32_t *ins)
{
    const linear_attr *a = n->attr;
    *ins = 1U << X | 1U << W | 1U << B;
    return a->act == ATT_ACT_NONE ? INT32_MAX : 3;
}

/* ---- backward ---- */

typedef struct undo {
    const float *saved; /* rows as long as dy's */
    atti_act act;
    atti_drop drop;
} undo;

static void undo_rows(void *ctx, float *dy, int64_t ld, int64_t row0, int64_t rows,
                      int thread)
{
    (void)thread;
    const undo *u = ctx;
    float *at = dy + row0 * ld;
    atti_k()->bias_act_bwd(at, at, u->saved ? u->saved + row0 * ld : NULL, u->act,
                           &u->drop, row0, rows, ld, ld);
}

static att_status backward(atti_call *c)
{
    const linear_attr *a = c->node->attr;
    atti_matmul_shape s = product(c);
    undo u = {keeps_pre(a->act) ? c->save[0] : c->out[0].f, (atti_act)a->act,
              drop_of(c)};
    int bare = a->act == ATT_ACT_NONE && u.drop.threshold == 0;
    atti_epilogue epi = {undo_rows, &u, NULL};
    atti_matmul_grads g = {
        c->in[X].grad,       c->in[W].grad,       c->in[B].grad,      s.n_in,
        c->in[X].accumulate, c->in[W].accumulate, c->in[B].accumulate};
    return atti_matmul_backward(&s, &g, c->out[0].grad, s.n_out, c->in[X].f, s.n_in,
                                c->in[W].f, bare ? NULL : &epi);
}

static double flops(const atti_call *c, int back)
{
    double one =
        2.0 * (double)c->in[X].rows * (double)c->in[X].cols * (double)c->out[0].cols;
    return back ? 2.0 * one : one;
}

static void describe(const atti_node *n, atti_str *s)
{
    const linear_attr *a = n->attr;
    if (a->act != ATT_ACT_NONE) atti_str_addf(s, " %s", atti_act_name(a->act));
    if (a->dropout > 0.0f) atti_str_addf(s, " dropout %g", (double)a->dropout);
}

static att_status sample(atti_sample *s, int variant)
{
    static const struct {
        att_activation act;
        float dropout;
        int bias;
    } v[] = {{ATT_ACT_NONE, 0, 0},    {ATT_ACT_NONE, 0.3f, 1},
             {ATT_ACT_RELU, 0, 1},    {ATT_ACT_RELU, 0.4f, 1},
             {ATT_ACT_GELU, 0.2f, 1}, {ATT_ACT_GELU_TANH, 0, 1},
             {ATT_ACT_SILU, 0.2f, 0}, {ATT_ACT_QUICK_GELU, 0, 1},
             {ATT_ACT_TANH, 0, 1},    {ATT_ACT_SIGMOID, 0.3f, 1}};
    if (variant >= (int)(sizeof v / sizeof v[0])) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 7, 5, -1, 1, 0.0f);
    att_var w = atti_sample_param(s, 6, 5, -1, 1, 0.0f);
    att_var b = v[variant].bias ? atti_sample_param(s, 1, 6, -1, 1, 0.0f) : ATT_NO_VAR;
    if (s->status != ATT_OK) return s->status;
    return att_op_linear(s->tape, &s->out, x, w, b, v[variant].act, v[variant].dropout);
}

const atti_op atti_op_linear = {.name = "linear",
                                .attr_bytes = sizeof(linear_attr),
                                .infer = infer,
                                .forward = forward,
                                .backward = backward,
                                .needs = needs,
                                .again = forward,
                                .again_level = again_level,
                                .flops = flops,
                                .describe = describe,
                                .sample = sample};

att_status att_op_linear(att_tape *tape, att_var *y, att_var x, att_var w, att_var b,
                         att_activation act, float dropout)
{
    ATTI_TRY(atti_check_act("linear", (int32_t)act));
    ATTI_TRY(atti_check_dropout("linear", dropout));
    /* The slope of tanh and sigmoid is read from y, which dropout would have spoilt. */
    int apart = dropout > 0.0f && (act == ATT_ACT_TANH || act == ATT_ACT_SIGMOID);
    linear_attr a = {(int32_t)act, apart ? 0.0f : dropout};
    att_var in[3] = {x, w, b}, out = ATT_NO_VAR;
    if (!y) return atti_fail(ATT_EINVAL, "linear: y is NULL");
    ATTI_TRY(atti_tape_record(tape, &atti_op_linear, in, 3, &a, &out));
    if (!apart) {
        *y = out;
        return ATT_OK;
    }
    att_status st = att_op_dropout(tape, y, out, dropout);
    if (st != ATT_OK) atti_tape_forget(tape, out);
    return st;
}
