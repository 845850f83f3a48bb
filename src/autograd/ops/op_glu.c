/* op_glu.c - y = act(gate) * up (Shazeer 2020). Keeps both. */
#include "autograd/op_util.h"

typedef struct glu_attr {
    int32_t act;
} glu_attr;

enum { GATE, UP };

static att_status infer(atti_infer *f)
{
    ATTI_TRY(atti_want_f32(f, GATE, "gate"));
    ATTI_TRY(atti_want_f32(f, UP, "up"));
    ATTI_TRY(atti_want_shape(f, UP, "up", f->in[GATE].rows, f->in[GATE].cols));
    f->out[0] = f->in[GATE];
    return ATT_OK;
}

static void needs(const atti_node *n, uint32_t *ins, uint32_t *outs)
{
    (void)n;
    *ins = 1U << GATE | 1U << UP;
    *outs = 0;
}

static void forward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                         int thread)
{
    (void)chunk, (void)thread;
    const atti_call *c = ctx;
    const glu_attr *a = c->node->attr;
    int64_t at = row0 * c->out[0].cols;
    atti_k()->glu(c->out[0].f + at, c->in[GATE].f + at, c->in[UP].f + at,
                  (atti_act)a->act, rows * c->out[0].cols);
}

static att_status forward(atti_call *c)
{
    atti_for_rows(c->out[0].rows, forward_rows, c);
    return ATT_OK;
}

static void backward_rows(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                          int thread)
{
    (void)chunk;
    const atti_call *c = ctx;
    const glu_attr *a = c->node->attr;
    const atti_kernels *k = atti_k();
    int64_t cols = c->out[0].cols, at = row0 * cols, n = rows * cols;
    float *room = (float *)c->scratch + (int64_t)thread * 2 * ATTI_ROW_CHUNK * cols;
    float *d[2];
    for (int i = 0; i < 2; i++) {
        const atti_mat *m = &c->in[i];
        d[i] =
            m->grad && !m->accumulate ? m->grad + at : room + i * ATTI_ROW_CHUNK * cols;
    }
    k->glu_bwd(d[GATE], d[UP], c->out[0].grad + at, c->in[GATE].f + at,
               c->in[UP].f + at, (atti_act)a->act, n);
    for (int i = 0; i < 2; i++)
        if (c->in[i].grad && c->in[i].accumulate)
            k->scale(c->in[i].grad + at, d[i], 1.0f, 1, n);
}

static att_status backward(atti_call *c)
{
    atti_for_rows(c->out[0].rows, backward_rows, c);
    return ATT_OK;
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    size_t chunk = (size_t)(ATTI_ROW_CHUNK * c->out[0].cols) * sizeof(float);
    *bytes = back ? (size_t)atti_threads_max() * 2 * chunk : 0;
    return ATT_OK;
}

static void describe(const atti_node *n, atti_str *s)
{
    atti_str_addf(s, " %s", atti_act_name(((const glu_attr *)n->attr)->act));
}

static att_status sample(atti_sample *s, int variant)
{
    if (variant > ATT_ACT_SILU + 1) return ATT_ENOTFOUND;
    int same = variant == ATT_ACT_SILU + 1;
    att_var g = atti_sample_param(s, 5, 6, -2, 2, 0.1f);
    att_var u = same ? g : atti_sample_param(s, 5, 6, -2, 2, 0.0f);
    if (s->status != ATT_OK) return s->status;
    return att_op_glu(s->tape, &s->out, g, u,
                      same ? ATT_ACT_SILU : (att_activation)variant);
}

const atti_op atti_op_glu = {.name = "glu",
                             .attr_bytes = sizeof(glu_attr),
                             .infer = infer,
                             .forward = forward,
                             .backward = backward,
                             .needs = needs,
                             .scratch = scratch,
                             .describe = describe,
                             .sample = sample};

att_status att_op_glu(att_tape *tape, att_var *y, att_var gate, att_var up,
                      att_activation act)
{
    if ((int32_t)act < 0 || act > ATT_ACT_SILU)
        return atti_fail(ATT_EINVAL, "glu: activation %d, in 0..%d", (int)act,
                         ATT_ACT_SILU);
    glu_attr a = {(int32_t)act};
    att_var in[2] = {gate, up};
    return atti_tape_record(tape, &atti_op_glu, in, 2, &a, y);
}
