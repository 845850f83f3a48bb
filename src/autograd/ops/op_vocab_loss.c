/* op_vocab_loss.c - vocabulary projection, log-softmax, smoothed cross entropy and all
 * their gradients, a block of rows at a time, so that [N,V] never exists.
 *
 * x [N,C], table [V,C], bias [1,V] or absent, targets [N,1] i32; loss [1,1], stats [1,4].
 *
 * A block of logits is made, turned into the gradient in the product's epilogue (while the
 * rows are in cache), and used for dx and the table's gradient at once. The loss is
 * linear in its own gradient, so a training forward can do this with unit scale and
 * backward only scales: dx [N,C] and dtable [V,C] wait in saves. This is half of the
 * arithmetic of a small Transformer; doing it again in backward would add a third.
 *
 * The table is packed once, for the logits and for dx, and serves all blocks. The size of
 * a block depends on V alone: sums over rows are added block by block. */
#include "autograd/op_util.h"
#include "kernels/bf16.h"
#include "kernels/matmul_core.h"

#include <math.h>
#include <string.h>

typedef struct loss_attr {
    float smoothing;
    int32_t mask_class;
} loss_attr;

enum { X, TABLE, BIAS, TARGETS };
enum { SAVE_DX, SAVE_DTABLE, SAVE_DBIAS };

/* About 20 MiB of logits: small enough to stay in a last-level cache until both gradients
 * have read them. A wide vocabulary takes up to 64 MiB for 256 rows: fewer visit the
 * table's gradient, which is wide as well, too often. */
enum {
    BLOCK_FLOATS = 10 << 19,
    WIDE_FLOATS = 16 << 20,
    BLOCK_STEP = 64,
    BLOCK_LOW = 256,
    BLOCK_MAX = 4096
};

static int64_t block_rows(int64_t v)
{
    int64_t r = BLOCK_FLOATS / v / BLOCK_STEP * BLOCK_STEP;
    if (r >= BLOCK_LOW) return atti_min_i64(r, BLOCK_MAX);
    r = atti_min_i64(WIDE_FLOATS / v / BLOCK_STEP * BLOCK_STEP, BLOCK_LOW);
    return atti_max_i64(r, BLOCK_STEP);
}

static att_status infer(atti_infer *f)
{
    const loss_attr *a = f->attr;
    atti_node *n = f->node;
    ATTI_TRY(atti_want_f32(f, X, "x"));
    ATTI_TRY(atti_want_f32(f, TABLE, "table"));
    int64_t v = f->in[TABLE].rows;
    ATTI_TRY(atti_want_shape(f, TABLE, "table", v, f->in[X].cols));
    if (v < 1)
        return atti_fail(ATT_ESHAPE, "vocab_loss: table is %s, expected fixed rows",
                         atti_shape_str(f->tape, &f->in[TABLE]).s);
    ATTI_TRY(atti_want_shape(f, BIAS, "bias", 1, v));
    ATTI_TRY(atti_want_i32(f, TARGETS, "targets"));
    if (f->in[TARGETS].rows != f->in[X].rows || f->in[TARGETS].cols != 1)
        return atti_fail(ATT_ESHAPE, "vocab_loss: x is %s, targets %s",
                         atti_shape_str(f->tape, &f->in[X]).s,
                         atti_shape_str(f->tape, &f->in[TARGETS]).s);
    if (a->mask_class >= v || (a->mask_class >= 0 && v < 2))
        return atti_fail(ATT_EINVAL, "vocab_loss: mask_class %d of %lld",
                         (int)a->mask_class, (long long)v);
    n->n_out = 2;
    f->out[0] = (atti_shape){1, 1, ATT_F32};
    f->out[1] = (atti_shape){1, 4, ATT_F32};
    n->n_save = atti_has(f, BIAS) ? 3 : 2;
    n->save[SAVE_DX].shape = f->in[X];
    n->save[SAVE_DTABLE].shape = f->in[TABLE];
    n->save[SAVE_DBIAS].shape = (atti_shape){1, v, ATT_F32};
    return ATT_OK;
}

/* ---- scratch: logits of a block; loss, nll, right of its rows ---- */

typedef struct room {
    float *logits, *loss, *nll;
    int32_t *right;
    int64_t block;
} room;

static size_t lay_out(room *r, const atti_call *c, void *base)
{
    int64_t v = c->in[TABLE].rows, n = atti_min_i64(block_rows(v), c->in[X].rows);
    n = atti_round_up(n > 0 ? n : 1, ATTI_ROW_CHUNK);
    float *p = base;
    int64_t at = 0;
    r->block = n;
    r->logits = p + at, at += atti_round_up(n * v, 16);
    r->loss = p + at, at += n;
    r->nll = p + at, at += n;
    r->right = (int32_t *)(void *)(p + at), at += n;
    return (size_t)at * sizeof(float);
}

static att_status scratch(size_t *bytes, const atti_call *c, int back)
{
    static float anchor[1]; /* addresses are computed, never followed */
    room r;
    *bytes = back ? 0 : lay_out(&r, c, anchor);
    return ATT_OK;
}

/* ---- forward ---- */

typedef struct block {
    atti_call *c;
    room r;
    int64_t row0, rows;
    int gradients;
    float *panels; /* the table as the logits want it; behind it, as dx wants it */
    float *back_panels;
    atti_bf16_weight half, back_half; /* in their place when products are bf16 */
} block;

/* The likeliest class is the target when no other logit passes the target's. */
static void count_right(const block *b, float *y, int64_t ldy, int64_t row0,
                        int64_t rows)
{
    const atti_call *c = b->c;
    const loss_attr *a = c->node->attr;
    int64_t v = c->in[TABLE].rows;
    for (int64_t r = row0; r < row0 + rows; r++) {
        int32_t t = c->in[TARGETS].i[b->row0 + r];
        float lse, max, *row = y + r * ldy;
        b->r.right[r] = 0;
        if (t < 0) continue;
        if (a->mask_class >= 0) row[a->mask_class] = -INFINITY;
        atti_k()->logsumexp(&lse, &max, row, NULL, 1, v, ldy);
        b->r.right[r] = row[t] >= max;
    }
}

/* A tile of rows is complete and in cache: its losses, and logits become gradients. */
static void finish_rows(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                        int thread)
{
    (void)thread;
    const block *b = ctx;
    const atti_call *c = b->c;
    const loss_attr *a = c->node->attr;
    if (!c->training) count_right(b, y, ldy, row0, rows);
    atti_k()->softmax_xent(y + row0 * ldy, b->r.loss + row0, b->r.nll + row0, NULL,
                           c->in[TARGETS].i + b->row0 + row0, a->smoothing,
                           a->mask_class, b->gradients ? 1.0f : 0.0f, rows,
                           c->in[TABLE].rows, ldy);
}

static att_status block_gradients(const block *b)
{
    atti_call *c = b->c;
    int64_t v = c->in[TABLE].rows, cols = c->in[X].cols;
    atti_matmul_shape s = {.rows = b->rows, .n_out = v, .n_in = cols, .bf16 = c->bf16};
    float *dx = (float *)c->save[SAVE_DX] + b->row0 * cols;
    const atti_packed_product p = {.a = b->r.logits,
                                   .panels = b->back_panels,
                                   .c = dx,
                                   .lda = v,
                                   .ldc = cols,
                                   .m = b->rows,
                                   .n = cols,
                                   .k = v};
    if (c->bf16)
        ATTI_TRY(
            atti_bf16_weight_run(&b->back_half, dx, cols, p.a, v, b->rows, 0, NULL));
    else
        atti_packed_parallel(&p, NULL);
    int add = b->row0 > 0;
    atti_matmul_grads g = {.dw = c->save[SAVE_DTABLE],
                           .db = c->in[BIAS].f ? c->save[SAVE_DBIAS] : NULL,
                           .add_dw = add,
                           .add_db = add};
    return atti_matmul_backward(&s, &g, b->r.logits, v, c->in[X].f + b->row0 * cols,
                                cols, NULL, NULL);
}

static att_status logits_of(block *b)
{
    const atti_call *c = b->c;
    int64_t v = c->in[TABLE].rows, cols = c->in[X].cols;
    const atti_packed_product p = {.a = c->in[X].f + b->row0 * cols,
                                   .panels = b->panels,
                                   .c = b->r.logits,
                                   .lda = cols,
                                   .ldc = v,
                                   .m = b->rows,
                                   .n = v,
                                   .k = cols,
                                   .bias = c->in[BIAS].f};
    atti_epilogue epi = {finish_rows, b, p.bias};
    if (c->bf16)
        return atti_bf16_weight_run(&b->half, p.c, v, p.a, cols, b->rows, 0, &epi);
    atti_packed_parallel(&p, &epi);
    return ATT_OK;
}

static att_status pack_table_bf16(block *b)
{
    int64_t v = b->c->in[TABLE].rows, cols = b->c->in[X].cols;
    const float *table = b->c->in[TABLE].f;
    ATTI_TRY(atti_bf16_weight_take(&b->half, atti_bf16(), table, cols, 1, v, cols));
    if (!b->gradients) return ATT_OK;
    return atti_bf16_weight_take(&b->back_half, atti_bf16(), table, cols, 0, cols, v);
}

static void unpack_table(block *b)
{
    atti_scratch_give(b->panels);
    atti_bf16_weight_give(&b->half);
    atti_bf16_weight_give(&b->back_half);
}

static att_status pack_table(block *b)
{
    int64_t v = b->c->in[TABLE].rows, cols = b->c->in[X].cols;
    const float *table = b->c->in[TABLE].f;
    if (b->c->bf16) return pack_table_bf16(b);
    int64_t ahead = atti_packed_floats(cols, v);
    int64_t back = b->gradients ? atti_packed_floats(v, cols) : 0;
    ATTI_TRY(atti_scratch_take(&b->panels, (size_t)(ahead + back), sizeof(float)));
    atti_pack_parallel(b->panels, table, cols, 1, cols, v);
    b->back_panels = b->panels + ahead;
    if (back) atti_pack_parallel(b->back_panels, table, cols, 0, v, cols);
    return ATT_OK;
}

static att_status check_targets(const atti_call *c)
{
    const loss_attr *a = c->node->attr;
    int64_t v = c->in[TABLE].rows;
    for (int64_t r = 0; r < c->in[X].rows; r++) {
        int32_t t = c->in[TARGETS].i[r];
        if (t >= v || (t >= 0 && t == a->mask_class))
            return atti_fail(ATT_EINVAL, "vocab_loss: row %lld has target %d of %lld%s",
                             (long long)r, (int)t, (long long)v,
                             t == a->mask_class ? ", which is masked" : "");
    }
    return ATT_OK;
}

static att_status run_blocks(block *b, double sum[4])
{
    const atti_call *c = b->c;
    for (b->row0 = 0; b->row0 < c->in[X].rows; b->row0 += b->r.block) {
        b->rows = atti_min_i64(b->r.block, c->in[X].rows - b->row0);
        ATTI_TRY(logits_of(b));
        if (b->gradients) ATTI_TRY(block_gradients(b));
        for (int64_t r = 0; r < b->rows; r++) {
            if (c->in[TARGETS].i[b->row0 + r] < 0) continue;
            sum[0] += (double)b->r.loss[r];
            sum[1] += (double)b->r.nll[r];
            sum[2] += 1.0;
            if (!c->training) sum[3] += b->r.right[r];
        }
    }
    return ATT_OK;
}

static att_status forward(atti_call *c)
{
    block b = {.c = c, .gradients = c->training && c->save[SAVE_DX]};
    (void)lay_out(&b.r, c, c->scratch);
    ATTI_TRY(check_targets(c));
    int64_t n = c->in[X].rows, v = c->in[TABLE].rows, cols = c->in[X].cols;
    double sum[4] = {0};
    att_status st = pack_table(&b);
    if (st == ATT_OK) st = run_blocks(&b, sum);
    unpack_table(&b);
    ATTI_TRY(st);
    if (n == 0 && b.gradients) {
        memset(c->save[SAVE_DTABLE], 0, (size_t)(v * cols) * sizeof(float));
        if (c->in[BIAS].f) memset(c->save[SAVE_DBIAS], 0, (size_t)v * sizeof(float));
    }
    c->out[0].f[0] = (float)sum[0];
    for (int i = 0; i < 4; i++) c->out[1].f[i] = (float)sum[i];
    return ATT_OK;
}

/* ---- backward ---- */

static att_status backward(atti_call *c)
{
    float scale = c->out[0].grad[0];
    static const int slot[3] = {X, TABLE, BIAS};
    for (int i = 0; i < 3; i++) {
        atti_mat *m = &c->in[slot[i]];
        if (m->grad)
            atti_scale_all(m->grad, c->save[i], scale, m->accumulate,
                           m->rows * m->cols);
    }
    return ATT_OK;
}

/* All three products happen on the way forward in a training run; they are counted where
 * a reader expects them. */
static double flops(const atti_call *c, int back)
{
    double one =
        2.0 * (double)c->in[X].rows * (double)c->in[X].cols * (double)c->in[TABLE].rows;
    return back ? 2.0 * one : one;
}

static void describe(const atti_node *n, atti_str *s)
{
    const loss_attr *a = n->attr;
    if (a->smoothing > 0.0f) atti_str_addf(s, " smoothing %g", (double)a->smoothing);
    if (a->mask_class >= 0) atti_str_addf(s, " without class %d", (int)a->mask_class);
}

static att_status sample(atti_sample *s, int variant)
{
    static const int32_t targets[6] = {1, 0, 6, -1, 3, 3};
    if (variant > 2) return ATT_ENOTFOUND;
    att_var x = atti_sample_param(s, 6, 5, -1, 1, 0.0f);
    att_var table = atti_sample_param(s, 7, 5, -1, 1, 0.0f);
    att_var bias = variant ? atti_sample_param(s, 1, 7, -1, 1, 0.0f) : ATT_NO_VAR;
    att_var t = atti_sample_ints(s, 6, targets), stats;
    if (s->status != ATT_OK) return s->status;
    return att_op_vocab_loss(s->tape, &s->out, &stats, x, table, bias, t,
                             variant == 2 ? 0.1f : 0.0f, variant == 2 ? 4 : -1);
}

const atti_op atti_op_vocab_loss = {.name = "vocab_loss",
                                    .attr_bytes = sizeof(loss_attr),
                                    .infer = infer,
                                    .forward = forward,
                                    .backward = backward,
                                    .scratch = scratch,
                                    .flops = flops,
                                    .describe = describe,
                                    .no_grad_outs = 2,
                                    .sticky_outs = 3,
                                    .sample = sample};

att_status att_op_vocab_loss(att_tape *tape, att_var *loss, att_var *stats, att_var x,
                             att_var table, att_var bias, att_var targets,
                             float smoothing, int32_t mask_class)
{
    if (!loss || !stats)
        return atti_fail(ATT_EINVAL, "vocab_loss: loss or stats is NULL");
    if (!(smoothing >= 0.0f && smoothing < 1.0f))
        return atti_fail(ATT_EINVAL, "vocab_loss: smoothing %g, in 0 <= s < 1",
                         (double)smoothing);
    loss_attr a = {smoothing, mask_class < 0 ? -1 : mask_class};
    att_var in[4] = {x, table, bias, targets}, out[2] = {ATT_NO_VAR, ATT_NO_VAR};
    ATTI_TRY(atti_tape_record(tape, &atti_op_vocab_loss, in, 4, &a, out));
    *loss = out[0];
    *stats = out[1];
    return ATT_OK;
}
