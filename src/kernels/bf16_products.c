/* bf16_products.c - matmul.h's products with operands rounded to bf16: by tiles of bf16
 * where a table is given, and by the f32 kernels over rounded copies where none is, so
 * that every processor computes the same thing up to the order of its sums. */
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "kernels/matmul_core.h"
#include <string.h>

enum {
    ROUND_NUMBERS = 16 * 1024,
    UNDO_ROWS = 256 /* rows of a partial sum of the bias's gradient; part of its bits */
};

/* --- rounding ------------------------------------------------------------------------- */

typedef struct round_job {
    float *y;
    const float *x;
    int64_t ldx, rows, cols, cut; /* rows per task */
} round_job;

static void round_task(void *ctx, int64_t task, int thread)
{
    enum { PIECE = 512 };
    const round_job *j = ctx;
    const atti_kernels *k = atti_k();
    uint16_t half[PIECE];
    int64_t end = atti_min_i64((task + 1) * j->cut, j->rows);
    (void)thread;
    for (int64_t r = task * j->cut; r < end; r++) {
        for (int64_t c = 0; c < j->cols; c += PIECE) {
            int64_t n = atti_min_i64(j->cols - c, PIECE);
            k->f32_to_bf16(half, j->x + r * j->ldx + c, n);
            k->bf16_to_f32(j->y + r * j->cols + c, half, n);
        }
    }
}

void atti_bf16_round(float *y, const float *x, int64_t ldx, int64_t rows, int64_t cols)
{
    round_job j = {y, x, ldx, rows, cols, 0};
    j.cut = atti_max_i64(ROUND_NUMBERS / atti_max_i64(cols, 1), 1);
    atti_parallel_void(atti_ceil_div(rows, j.cut), round_task, &j);
}

/* A rounded copy in scratch. */
static att_status rounded(float **out, const float *x, int64_t ldx, int64_t rows,
                          int64_t cols)
{
    ATTI_TRY(atti_scratch_take(out, (size_t)(rows * cols), sizeof **out));
    atti_bf16_round(*out, x, ldx, rows, cols);
    return ATT_OK;
}

/* --- weights -------------------------------------------------------------------------- */

size_t atti_bf16_weight_bytes(const atti_bf16_kernels *k, int64_t n, int64_t depth)
{
    if (k) return (size_t)atti_bf16_numbers(n, depth) * sizeof(uint16_t);
    return (size_t)atti_packed_floats(depth, n) * sizeof(float);
}

att_status atti_bf16_weight_pack(const atti_bf16_weight *b, const float *w, int64_t ldw,
                                 int along)
{
    if (b->k) {
        atti_bf16_pack_parallel(b->k, b->memory, w, ldw, along, 1, b->n, b->depth);
        return ATT_OK;
    }
    int64_t rows = along ? b->n : b->depth, cols = along ? b->depth : b->n;
    float *copy;
    ATTI_TRY(rounded(&copy, w, ldw, rows, cols));
    atti_pack_parallel(b->memory, copy, cols, along, b->depth, b->n);
    atti_scratch_give(copy);
    return ATT_OK;
}

att_status atti_bf16_weight_run(const atti_bf16_weight *b, float *y, int64_t ldy,
                                const float *x, int64_t ldx, int64_t rows,
                                int accumulate, const atti_epilogue *epi)
{
    const float *bias = epi && !accumulate ? epi->bias : NULL;
    if (rows <= 0) return ATT_OK;
    if (b->k) {
        const atti_bf16_product p = {.k = b->k,
                                     .a = x,
                                     .lda = ldx,
                                     .a_along = 1,
                                     .b = b->memory,
                                     .c = y,
                                     .ldc = ldy,
                                     .m = rows,
                                     .n = b->n,
                                     .depth = b->depth,
                                     .accumulate = accumulate,
                                     .bias = bias};
        return atti_bf16_parallel(&p, epi);
    }
    float *copy;
    ATTI_TRY(rounded(&copy, x, ldx, rows, b->depth));
    const atti_packed_product p = {.a = copy,
                                   .panels = b->memory,
                                   .c = y,
                                   .lda = b->depth,
                                   .ldc = ldy,
                                   .m = rows,
                                   .n = b->n,
                                   .k = b->depth,
                                   .accumulate = accumulate,
                                   .bias = bias};
    atti_packed_parallel(&p, epi);
    atti_scratch_give(copy);
    return ATT_OK;
}

att_status atti_bf16_weight_take(atti_bf16_weight *out, const atti_bf16_kernels *k,
                                 const float *w, int64_t ldw, int along, int64_t n,
                                 int64_t depth)
{
    *out = (atti_bf16_weight){k, NULL, n, depth};
    ATTI_TRY(atti_scratch_take(&out->memory, atti_bf16_weight_bytes(k, n, depth), 1));
    att_status st = atti_bf16_weight_pack(out, w, ldw, along);
    if (st != ATT_OK) atti_bf16_weight_give(out);
    return st;
}

void atti_bf16_weight_give(atti_bf16_weight *b)
{
    atti_scratch_give(b->memory);
    b->memory = NULL;
}

/* --- the products of training ----------------------------------------------------------- */

static att_status product(const atti_bf16_kernels *k, int64_t rows, float *c,
                          int64_t ldc, const float *a, int64_t lda, const float *w,
                          int64_t n, int64_t depth, int along, int accumulate,
                          const atti_epilogue *epi)
{
    atti_bf16_weight b;
    if (rows == 0) return ATT_OK;
    ATTI_TRY(atti_bf16_weight_take(&b, k, w, along ? depth : n, along, n, depth));
    att_status st = atti_bf16_weight_run(&b, c, ldc, a, lda, rows, accumulate, epi);
    atti_bf16_weight_give(&b);
    return st;
}

att_status atti_bf16_forward(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                             float *y, int64_t ldy, const float *x, int64_t ldx,
                             const float *w, const atti_epilogue *epi)
{
    return product(k, s->rows, y, ldy, x, ldx, w, s->n_out, s->n_in, !s->trans, 0, epi);
}

att_status atti_bf16_grad_input(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                                float *dx, int64_t lddx, const float *dy, int64_t lddy,
                                const float *w, int accumulate,
                                const atti_epilogue *epi)
{
    return product(k, s->rows, dx, lddx, dy, lddy, w, s->n_in, s->n_out, s->trans,
                   accumulate, epi);
}

static att_status grad_weight_f32(const atti_matmul_shape *s, float *dw,
                                  const float *dy, int64_t lddy, const float *x,
                                  int64_t ldx, int accumulate)
{
    atti_matmul_shape f32 = *s;
    float *dyr, *xr;
    f32.bf16 = 0;
    ATTI_TRY(rounded(&dyr, dy, lddy, s->rows, s->n_out));
    att_status st = rounded(&xr, x, ldx, s->rows, s->n_in);
    if (st == ATT_OK) {
        st = atti_matmul_grad_weight(&f32, dw, dyr, s->n_out, xr, s->n_in, accumulate);
        atti_scratch_give(xr);
    }
    atti_scratch_give(dyr);
    return st;
}

att_status atti_bf16_grad_weight(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                                 float *dw, const float *dy, int64_t lddy,
                                 const float *x, int64_t ldx, int accumulate)
{
    if (!k) return grad_weight_f32(s, dw, dy, lddy, x, ldx, accumulate);
    int64_t m = s->trans ? s->n_in : s->n_out, n = s->trans ? s->n_out : s->n_in;
    int64_t ldb = s->trans ? lddy : ldx;
    if (m == 0 || n == 0) return ATT_OK;
    uint16_t *blocks;
    ATTI_TRY(atti_scratch_take(&blocks, (size_t)atti_bf16_numbers(n, s->rows),
                               sizeof *blocks));
    atti_bf16_pack_parallel(k, blocks, s->trans ? dy : x, ldb, 0, 1, n, s->rows);
    const atti_bf16_product p = {.k = k,
                                 .a = s->trans ? x : dy,
                                 .lda = s->trans ? ldx : lddy,
                                 .b = blocks,
                                 .c = dw,
                                 .ldc = n,
                                 .m = m,
                                 .n = n,
                                 .depth = s->rows,
                                 .accumulate = accumulate};
    att_status st = atti_bf16_parallel(&p, NULL);
    atti_scratch_give(blocks);
    return st;
}

/* --- the whole backward of a linear layer ----------------------------------------------- */

typedef struct undo_job {
    const atti_epilogue *undo;
    float *dy, *partial;
    int64_t lddy, rows, cols;
} undo_job;

static void undo_task(void *ctx, int64_t task, int thread)
{
    const undo_job *u = ctx;
    int64_t r = task * UNDO_ROWS, n = atti_min_i64(u->rows - r, UNDO_ROWS);
    if (u->undo) u->undo->fn(u->undo->ctx, u->dy, u->lddy, r, n, thread);
    if (!u->partial) return;
    float *to = u->partial + task * u->cols;
    memset(to, 0, (size_t)u->cols * sizeof *to);
    atti_k()->col_sum(to, u->dy + r * u->lddy, n, u->cols, u->lddy);
}

att_status atti_bf16_backward(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                              const atti_matmul_grads *g, float *dy, int64_t lddy,
                              const float *x, int64_t ldx, const float *w,
                              const atti_epilogue *undo)
{
    undo_job u = {undo && undo->fn ? undo : NULL, dy, NULL, lddy, s->rows, s->n_out};
    int64_t tasks = atti_ceil_div(s->rows, UNDO_ROWS);
    if (g->db)
        ATTI_TRY(atti_scratch_take(&u.partial, (size_t)(tasks * s->n_out),
                                   sizeof *u.partial));
    if (u.undo || u.partial) atti_parallel_void(tasks, undo_task, &u);
    if (g->db) {
        if (!g->add_db) memset(g->db, 0, (size_t)s->n_out * sizeof *g->db);
        atti_k()->col_sum(g->db, u.partial, tasks, s->n_out, s->n_out);
        atti_scratch_give(u.partial);
    }
    if (g->dw)
        ATTI_TRY(atti_bf16_grad_weight(k, s, g->dw, dy, lddy, x, ldx, g->add_dw));
    if (!g->dx) return ATT_OK;
    return atti_bf16_grad_input(k, s, g->dx, g->lddx, dy, lddy, w, g->add_dx, NULL);
}
