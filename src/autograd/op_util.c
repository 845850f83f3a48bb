/* op_util.c - fixed chunks of rows, sums in a fixed order, common checks. */
#include "autograd/op_util.h"

#include "autograd/tape_internal.h"

#include <string.h>

typedef struct rows_job {
    atti_rows_fn *fn;
    void *ctx;
    int64_t rows;
} rows_job;

static void rows_task(void *ctx, int64_t task, int thread)
{
    const rows_job *j = ctx;
    int64_t row0 = task * ATTI_ROW_CHUNK;
    j->fn(j->ctx, task, row0, atti_min_i64(ATTI_ROW_CHUNK, j->rows - row0), thread);
}

void atti_for_rows(int64_t rows, atti_rows_fn *fn, void *ctx)
{
    rows_job j = {fn, ctx, rows};
    atti_parallel_void(atti_chunks(rows), rows_task, &j);
}

/* ---- sums over rows ---- */

enum { SUM_COLS = 256 };

typedef struct sum_job {
    float *out;
    const float *partial;
    int64_t n_chunks, cols, ld;
    int accumulate;
} sum_job;

static void sum_task(void *ctx, int64_t task, int thread)
{
    (void)thread;
    const sum_job *j = ctx;
    const atti_kernels *k = atti_k();
    int64_t c0 = task * SUM_COLS, n = atti_min_i64(SUM_COLS, j->cols - c0);
    if (!j->accumulate) memset(j->out + c0, 0, (size_t)n * sizeof(float));
    k->col_sum(j->out + c0, j->partial + c0, j->n_chunks, n, j->ld);
}

void atti_sum_chunks(float *out, const float *partial, int64_t n_chunks, int64_t cols,
                     int64_t ld, int accumulate)
{
    sum_job j = {out, partial, n_chunks, cols, ld, accumulate};
    atti_parallel_void(atti_ceil_div(cols, SUM_COLS), sum_task, &j);
}

typedef struct rowsum_job {
    const float *x;
    float *partial;
    int64_t cols;
} rowsum_job;

static void rowsum_chunk(void *ctx, int64_t chunk, int64_t row0, int64_t rows,
                         int thread)
{
    (void)thread;
    const rowsum_job *j = ctx;
    float *p = j->partial + chunk * j->cols;
    memset(p, 0, (size_t)j->cols * sizeof *p);
    atti_k()->col_sum(p, j->x + row0 * j->cols, rows, j->cols, j->cols);
}

void atti_sum_rows(float *out, const float *x, int64_t rows, int64_t cols,
                   int accumulate, void *scratch)
{
    rowsum_job j = {x, scratch, cols};
    atti_for_rows(rows, rowsum_chunk, &j);
    atti_sum_chunks(out, scratch, atti_chunks(rows), cols, cols, accumulate);
}

size_t atti_sum_rows_scratch(int64_t rows, int64_t cols)
{
    return (size_t)(atti_chunks(rows) * cols) * sizeof(float);
}

/* ---- whole buffers ---- */

enum { PIECE = 1 << 15 };

typedef struct scale_job {
    float *y;
    const float *x; /* NULL: zero y */
    float a;
    int accumulate;
    int64_t n;
} scale_job;

static void scale_task(void *ctx, int64_t task, int thread)
{
    (void)thread;
    const scale_job *j = ctx;
    int64_t at = task * PIECE, n = atti_min_i64(PIECE, j->n - at);
    if (j->x)
        atti_k()->scale(j->y + at, j->x + at, j->a, j->accumulate, n);
    else
        memset(j->y + at, 0, (size_t)n * sizeof(float));
}

void atti_scale_all(float *y, const float *x, float a, int accumulate, int64_t n)
{
    if (y == x && a == 1.0f && !accumulate) return;
    scale_job j = {y, x, a, accumulate, n};
    atti_parallel_void(atti_ceil_div(n, PIECE), scale_task, &j);
}

void atti_zero_all(float *y, int64_t n)
{
    scale_job j = {y, NULL, 0.0f, 0, n};
    atti_parallel_void(atti_ceil_div(n, PIECE), scale_task, &j);
}

/* ---- checks ---- */

att_status atti_check_offsets(const char *op, const int32_t *off, int64_t n_seqs,
                              int64_t rows)
{
    if (off[0] != 0)
        return atti_fail(ATT_EINVAL, "%s: offsets[0] is %d, expected 0", op,
                         (int)off[0]);
    for (int64_t b = 0; b < n_seqs; b++)
        if (off[b + 1] < off[b])
            return atti_fail(ATT_EINVAL, "%s: offsets[%lld] is %d after %d", op,
                             (long long)b + 1, (int)off[b + 1], (int)off[b]);
    if (off[n_seqs] != rows)
        return atti_fail(ATT_EINVAL, "%s: offsets end at %d of %lld rows", op,
                         (int)off[n_seqs], (long long)rows);
    return ATT_OK;
}

att_status atti_check_dropout(const char *op, float p)
{
    if (!(p >= 0.0f && p < 1.0f))
        return atti_fail(ATT_EINVAL, "%s: dropout %g, in 0 <= p < 1", op, (double)p);
    return ATT_OK;
}

static const char *const act_names[] = {"none", "relu",       "gelu", "gelu_tanh",
                                        "silu", "quick_gelu", "tanh", "sigmoid"};

att_status atti_check_act(const char *op, int32_t act)
{
    if (act < 0 || act > ATT_ACT_SIGMOID)
        return atti_fail(ATT_EINVAL, "%s: activation %d, in 0..%d", op, (int)act,
                         ATT_ACT_SIGMOID);
    return ATT_OK;
}

const char *atti_act_name(int32_t act)
{
    return act >= 0 && act <= ATT_ACT_SIGMOID ? act_names[act] : "?";
}

static att_status want_dtype(const atti_infer *f, int slot, const char *name,
                             att_dtype dtype)
{
    const atti_node *n = f->node;
    if (slot >= n->n_in || n->in[slot] == ATT_NO_VAR)
        return atti_fail(ATT_EINVAL, "%s: %s is missing", n->op->name, name);
    if (f->in[slot].dtype != dtype)
        return atti_fail(ATT_ESHAPE, "%s: %s is %s, expected %s", n->op->name, name,
                         att_dtype_name(f->in[slot].dtype), att_dtype_name(dtype));
    return ATT_OK;
}

att_status atti_want_f32(const atti_infer *f, int slot, const char *name)
{
    return want_dtype(f, slot, name, ATT_F32);
}

att_status atti_want_i32(const atti_infer *f, int slot, const char *name)
{
    return want_dtype(f, slot, name, ATT_I32);
}

att_status atti_want_shape(const atti_infer *f, int slot, const char *name,
                           att_rows rows, int64_t cols)
{
    if (slot >= f->node->n_in || f->node->in[slot] == ATT_NO_VAR) return ATT_OK;
    const atti_shape *s = &f->in[slot];
    att_dtype dtype = s->dtype;
    if (s->rows != rows || (cols >= 0 && s->cols != cols) || dtype != ATT_F32) {
        atti_shape want = {rows, cols >= 0 ? cols : s->cols, ATT_F32};
        return atti_fail(ATT_ESHAPE, "%s: %s is %s, expected %s", f->node->op->name,
                         name, atti_shape_str(f->tape, s).s,
                         atti_shape_str(f->tape, &want).s);
    }
    return ATT_OK;
}

att_status atti_rows_minus_one(const atti_infer *f, int slot, att_rows *out)
{
    att_rows rows = f->in[slot].rows;
    if (rows >= 1) {
        *out = rows - 1;
        return ATT_OK;
    }
    const atti_symbol *s = rows < 0 ? &f->tape->symbols[atti_symbol_index(rows)] : NULL;
    if (!s || s->base < 0 || s->extra != 1)
        return atti_fail(ATT_ESHAPE, "%s: offsets are %s, expected sequences + 1 rows",
                         f->node->op->name, atti_shape_str(f->tape, &f->in[slot]).s);
    *out = -1 - (att_rows)s->base;
    return ATT_OK;
}
