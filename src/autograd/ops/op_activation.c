/* op_activation.c - y = act(x), and y = drop(x): the two halves of linear's tail, alone.
 * activation keeps y for relu, tanh and sigmoid, else x; dropout keeps nothing: its mask
 * is drawn again. */
#include "autograd/op_util.h"

typedef struct act_attr {
    int32_t act;
    float dropout;
} act_attr;

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, 0, "x"));
    f->out[0] = f->in[0];
    return ATT_OK;
}

static int reads_y(int32_t act)
{
    return act == ATT_ACT_RELU || act == ATT_ACT_TANH || act == ATT_ACT_SIGMOID;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    const act_attr *a = n->attr;
    *outs = reads_y(a->act);
    *ins = a->act != ATT_ACT_NONE && !reads_y(a->act);
}

static int32_t first(const atti_node *n, int32_t i)
{
    (void)n, (void)i;
    return 0;
}

typedef struct job {
    atti_call *c;
    atti_drop drop;
    float *room; /* a chunk a thread, where the gradient must be added */
} job;

static job make_job(atti_call *c)
{
    const act_attr *a = c->node->attr;
    return (job){c, atti_drop_make(c->training ? a->dropout : 0.0f, c->key),
                 c->scratch};
}

static void forward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                         int thread)
{
    (void)chunk, (void)thread;
    const job *j = ctx;
    const act_attr *a = j->c->node->attr;
    int64_t cols = j->c->out[0].cols, at = row0 * cols;
    atti_k()->bias_act(j->c->out[0].f + at, NULL, j->c->in[0].f + at, NULL,
                       (atti_act)a->act, &j->drop, row0, rows, cols, cols, cols);
}

static att_status forward(atti_call *c)
{
    job j = make_job(c);
    atti_for_rows(c->out[0].rows, forward_rows, &j);
    return ATT_OK;
}

static void backward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                          int thread)
{
    (void)chunk;
    const job *j = ctx;
    const act_attr *a = j->c->node->attr;
    const atti_kernels *k = atti_k();
    const atti_mat *x = &j->c->in[0];
    int64_t cols = x->cols, at = row0 * cols;
    const float *saved = reads_y(a->act)          ? j->c->out[0].f + at
                         : a->act == ATT_ACT_NONE ? NULL
                                                  : x->f + at;
    float *dx = x->accumulate ? j->room + (int64_t)thread * ATTI_ROW_CHUNK * cols
                              : x->grad + at;
    k->bias_act_bwd(dx, j->c->out[0].grad + at, saved, (atti_act)a->act, &j->drop, row0,
                    rows, cols, cols);
    if (x->accumulate) k->scale(x->grad + at, dx, 1.0f, 1, rows * cols);
}

static att_status backward(atti_call *c)
{
    job j = make_job(c);
    if (c->in[0].grad) atti_for_rows(c->out[0].rows, backward_rows, &j);
    return ATT_OK;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    size_t chunk = (size_t)(ATTI_ROW_CHUNK * c->in[0].cols) * sizeof(float);
    *bytes = back ? (size_t)atti_threads_max() * chunk : 0;
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    const act_attr *a = n->attr;
    if (a->act != ATT_ACT_NONE) atti_str_addf(s, " %s", atti_act_name(a->act));
    if (a->dropout > 0.0f) atti_str_addf(s, " %g", (double)a->dropout);
}

static att_status sample_act(atti_sample *s, int variant)
{
    if (variant > ATT_ACT_SIGMOID) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 9, -2, 2, 0.1f);
    if (s->status != ATT_OK) return s->status;
    return att_op_activation(s->tape, &s->out, x, (att_activation)variant);
}

static att_status sample_drop(atti_sample *s, int variant)
{
    if (variant > 1) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 5, 9, -2, 2, 0.0f);
    if (s->status != ATT_OK) return s->status;
    return att_op_dropout(s->tape, &s->out, x, variant ? 0.7f : 0.2f);
}

const atti_op atti_op_activation = {.name = "activation",
                                    .attr_bytes = sizeof(act_attr),
                                    .infer = infer,
                                    .forward = forward,
                                    .backward = backward,
                                    .needs = needs,
                                    .in_place = first,
                                    .grad_in_place = first,
                                    .scratch = scratch,
                                    .describe = describe,
                                    .sample = sample_act};

const atti_op atti_op_dropout = {.name = "dropout",
                                 .attr_bytes = sizeof(act_attr),
                                 .infer = infer,
                                 .forward = forward,
                                 .backward = backward,
                                 .in_place = first,
                                 .grad_in_place = first,
                                 .scratch = scratch,
                                 .describe = describe,
                                 .sample = sample_drop};

att_status att_op_activation(att_tape *tape, att_var *y, att_var x, att_activation act)
{
    ATTI_TRY(atti_check_act("activation", (int32_t)act));
    act_attr a = {(int32_t)act, 0.0f};
    return atti_tape_record(tape, &atti_op_activation, &x, 1, &a, y);
}

att_status att_op_dropout(att_tape *tape, att_var *y, att_var x, float p)
{
    ATTI_TRY(atti_check_dropout("dropout", p));
    act_attr a = {ATT_ACT_NONE, p};
    return atti_tape_record(tape, &atti_op_dropout, &x, 1, &a, y);
}
