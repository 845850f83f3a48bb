/* bf16_matmul.c - bf16 products cut into tasks (kernels/bf16.h).
 *
 * The operand that all rows share is laid out once by all threads; a task lays out its own
 * rows, 512 steps of k at a time, and multiplies them with every panel of 32 columns.
 * Between two visits a sum waits in c as f32, which is what it was in the register, so
 * neither the blocks nor the tasks show in the bits. */
#include "kernels/bf16.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/matmul_core.h"

enum {
    K_BLOCK = 512,   /* a panel of b, 32 KB, stays in the first cache */
    TASK_ROWS = 256, /* with 512 steps 256 KB of a, for the second cache */
    TASKS_A_THREAD = 4,
    EPILOGUE_FLOATS = 512 * 1024, /* a task's rows stay in cache for their epilogue */
    SERIAL_FLOPS = 1000000,       /* about the microsecond that a second thread costs */
    PACK_NUMBERS = 64 * 1024,
    ROUND_NUMBERS = 16 * 1024
};

static int64_t steps_of(int64_t k)
{
    return atti_ceil_div(k, ATTI_BF16_STEP);
}

int64_t atti_bf16_numbers(int64_t lines, int64_t k)
{
    return atti_round_up(lines, ATTI_BF16_TILE) * steps_of(k) * ATTI_BF16_STEP;
}

/* --- laying out ----------------------------------------------------------------------- */

typedef struct pack_job {
    const atti_bf16_kernels *k;
    uint16_t *blocks;
    const float *x;
    int64_t ld, lines, depth, group, cut; /* lines per task */
    int along, pairs;
} pack_job;

static void pack_task(void *ctx, int64_t task, int thread)
{
    const pack_job *p = ctx;
    int64_t at = task * p->cut, n = atti_min_i64(p->lines - at, p->cut);
    (void)thread;
    p->k->pack(p->blocks + at / ATTI_BF16_LINES * p->group, p->group,
               p->along ? p->x + at * p->ld : p->x + at, p->ld, p->along, p->pairs, n,
               p->depth);
}

void atti_bf16_pack_parallel(const atti_bf16_kernels *k, uint16_t *blocks,
                             const float *x, int64_t ld, int along, int pairs,
                             int64_t lines, int64_t depth)
{
    pack_job p = {k, blocks, x, ld, lines, depth, 0, 0, along, pairs};
    p.group = steps_of(depth) * ATTI_BF16_BLOCK;
    p.cut = atti_round_up(atti_max_i64(PACK_NUMBERS / atti_max_i64(depth, 1), 1),
                          ATTI_BF16_TILE);
    atti_parallel_void(atti_ceil_div(lines, p.cut), pack_task, &p);
}

/* --- products ------------------------------------------------------------------------- */

typedef struct grid {
    const atti_bf16_product *p;
    const atti_epilogue *epi;
    int64_t rows, row_blocks; /* a task's rows; how many such blocks */
    int64_t cols, col_blocks; /* columns likewise */
} grid;

/* Rows [r, r + m), columns [j0, j1), steps [k0, k0 + depth) of k. */
static void block(const atti_bf16_product *p, const uint16_t *a, int64_t r, int64_t m,
                  int64_t j0, int64_t j1, int64_t k0, int64_t depth)
{
    atti_bf16_tile t = {.steps = steps_of(depth), .ldc = p->ldc};
    int64_t group = t.steps * ATTI_BF16_BLOCK;
    int64_t b_group = steps_of(p->depth) * ATTI_BF16_BLOCK;
    t.a_next = group;
    t.b_next = b_group;
    t.accumulate = p->accumulate || k0 > 0;
    for (int64_t j = j0; j < j1; j += ATTI_BF16_TILE) {
        t.b = p->b + j / ATTI_BF16_LINES * b_group +
              k0 / ATTI_BF16_STEP * ATTI_BF16_BLOCK;
        t.n = atti_min_i64(j1 - j, ATTI_BF16_TILE);
        for (int64_t i = 0; i < m; i += ATTI_BF16_TILE) {
            t.a = a + i / ATTI_BF16_LINES * group;
            t.m = atti_min_i64(m - i, ATTI_BF16_TILE);
            t.c = p->c + (r + i) * p->ldc + j;
            p->k->tile(&t);
        }
    }
}

static att_status grid_task(void *ctx, int64_t task, int thread)
{
    const grid *g = ctx;
    const atti_bf16_product *p = g->p;
    int64_t r = task / g->col_blocks * g->rows, m = atti_min_i64(p->m - r, g->rows);
    int64_t j = task % g->col_blocks * g->cols, j1 = atti_min_i64(j + g->cols, p->n);
    uint16_t *a;
    ATTI_TRY(atti_scratch_take(
        &a, (size_t)atti_bf16_numbers(m, atti_min_i64(p->depth, K_BLOCK)), sizeof *a));
    if (p->k->begin) p->k->begin();
    int64_t k = 0;
    do { /* once even when there is no k: c becomes zero */
        int64_t depth = atti_min_i64(p->depth - k, K_BLOCK);
        const float *x = p->a_along ? p->a + r * p->lda + k : p->a + k * p->lda + r;
        p->k->pack(a, steps_of(depth) * ATTI_BF16_BLOCK, x, p->lda, p->a_along, 0, m,
                   depth);
        block(p, a, r, m, j, j1, k, depth);
        k += K_BLOCK;
    } while (k < p->depth);
    if (p->k->end) p->k->end();
    atti_scratch_give(a);
    if (g->epi && g->col_blocks == 1)
        g->epi->fn(g->epi->ctx, p->c, p->ldc, r, m, thread);
    return ATT_OK;
}

static void epilogue_task(void *ctx, int64_t task, int thread)
{
    const grid *g = ctx;
    int64_t r = task * g->rows, rows = atti_min_i64(g->p->m - r, g->rows);
    g->epi->fn(g->epi->ctx, g->p->c, g->p->ldc, r, rows, thread);
}

att_status atti_bf16_parallel(const atti_bf16_product *p, const atti_epilogue *epi)
{
    if (p->m <= 0) return ATT_OK;
    grid g = {.p = p, .epi = epi && epi->fn ? epi : NULL};
    int64_t threads = atti_threads_now(), want = threads * TASKS_A_THREAD;
    double flops = 2.0 * (double)p->m * (double)p->n * (double)p->depth;
    if (threads == 1 || flops < SERIAL_FLOPS) want = 1;
    int64_t most = TASK_ROWS;
    if (g.epi) {
        int64_t fit = EPILOGUE_FLOATS / atti_max_i64(p->n, 1) / ATTI_BF16_TILE;
        most = atti_max_i64(atti_min_i64(most, fit * ATTI_BF16_TILE), ATTI_BF16_TILE);
    }
    int64_t even = atti_round_up(atti_ceil_div(p->m, want), ATTI_BF16_TILE);
    g.rows = atti_min_i64(even, most);
    g.row_blocks = atti_ceil_div(p->m, g.rows);
    /* Each column block lays its rows out again: cut columns only for want of rows. */
    int64_t cuts = g.row_blocks < threads && want > 1
                       ? atti_ceil_div(2 * threads, g.row_blocks)
                       : 1;
    g.cols = atti_round_up(atti_max_i64(atti_ceil_div(p->n, cuts), 1), ATTI_BF16_TILE);
    g.col_blocks = atti_max_i64(atti_ceil_div(p->n, g.cols), 1);
    ATTI_TRY(atti_parallel(g.row_blocks * g.col_blocks, grid_task, &g));
    if (g.epi && g.col_blocks > 1) {
        g.rows = atti_ceil_div(p->m, threads);
        atti_parallel_void(atti_ceil_div(p->m, g.rows), epilogue_task, &g);
    }
    return ATT_OK;
}

/* --- rounded operands, f32 kernels ---------------------------------------------------- */

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

/* Rounded copies of two operands, [r0, c0] and [r1, c1], in one piece of scratch. */
static att_status round_two(float **out, float **second, const float *x, int64_t ldx,
                            int64_t r0, int64_t c0, const float *y, int64_t ldy,
                            int64_t r1, int64_t c1)
{
    int64_t first = atti_round_up(r0 * c0, 16);
    ATTI_TRY(atti_scratch_take(out, (size_t)(first + r1 * c1), sizeof(float)));
    *second = *out + first;
    atti_bf16_round(*out, x, ldx, r0, c0);
    atti_bf16_round(*second, y, ldy, r1, c1);
    return ATT_OK;
}

/* --- the products of training ----------------------------------------------------------- */

/* c [rows, n] (+)= a [rows, k] b: b = w [k, n] as it lies, or [n, k]. */
static att_status product(const atti_bf16_kernels *kernels, int64_t rows, float *c,
                          int64_t ldc, const float *a, int64_t lda, const float *w,
                          int64_t n, int64_t k, int along, int accumulate,
                          const atti_epilogue *epi)
{
    if (rows == 0) return ATT_OK;
    uint16_t *b;
    ATTI_TRY(atti_scratch_take(&b, (size_t)atti_bf16_numbers(n, k), sizeof *b));
    atti_bf16_pack_parallel(kernels, b, w, along ? k : n, along, 1, n, k);
    atti_bf16_product p = {kernels, a, lda, 1, b, c, ldc, rows, n, k, accumulate};
    att_status st = atti_bf16_parallel(&p, epi);
    atti_scratch_give(b);
    return st;
}

att_status atti_bf16_forward(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                             float *y, int64_t ldy, const float *x, int64_t ldx,
                             const float *w, const atti_epilogue *epi)
{
    if (k)
        return product(k, s->rows, y, ldy, x, ldx, w, s->n_out, s->n_in, !s->trans, 0,
                       epi);
    atti_matmul_shape f32 = *s;
    f32.bf16 = 0;
    float *xr, *wr;
    ATTI_TRY(
        round_two(&xr, &wr, x, ldx, s->rows, s->n_in, w, s->n_in, s->n_out, s->n_in));
    att_status st = atti_matmul_forward(&f32, y, ldy, xr, s->n_in, wr, epi);
    atti_scratch_give(xr);
    return st;
}

att_status atti_bf16_grad_input(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                                float *dx, int64_t lddx, const float *dy, int64_t lddy,
                                const float *w, int accumulate,
                                const atti_epilogue *epi)
{
    if (k)
        return product(k, s->rows, dx, lddx, dy, lddy, w, s->n_in, s->n_out, s->trans,
                       accumulate, epi);
    atti_matmul_shape f32 = *s;
    f32.bf16 = 0;
    float *dyr, *wr;
    ATTI_TRY(round_two(&dyr, &wr, dy, lddy, s->rows, s->n_out, w, s->n_in, s->n_out,
                       s->n_in));
    att_status st =
        atti_matmul_grad_input(&f32, dx, lddx, dyr, s->n_out, wr, accumulate, epi);
    atti_scratch_give(dyr);
    return st;
}

att_status atti_bf16_grad_weight(const atti_bf16_kernels *k, const atti_matmul_shape *s,
                                 float *dw, const float *dy, int64_t lddy,
                                 const float *x, int64_t ldx, int accumulate)
{
    if (!k) {
        atti_matmul_shape f32 = *s;
        f32.bf16 = 0;
        float *dyr, *xr;
        ATTI_TRY(round_two(&dyr, &xr, dy, lddy, s->rows, s->n_out, x, ldx, s->rows,
                           s->n_in));
        att_status st =
            atti_matmul_grad_weight(&f32, dw, dyr, s->n_out, xr, s->n_in, accumulate);
        atti_scratch_give(dyr);
        return st;
    }
    int64_t m = s->trans ? s->n_in : s->n_out, n = s->trans ? s->n_out : s->n_in;
    const float *a = s->trans ? x : dy, *b = s->trans ? dy : x;
    int64_t lda = s->trans ? ldx : lddy, ldb = s->trans ? lddy : ldx;
    if (m == 0 || n == 0) return ATT_OK;
    uint16_t *blocks;
    ATTI_TRY(atti_scratch_take(&blocks, (size_t)atti_bf16_numbers(n, s->rows),
                               sizeof *blocks));
    atti_bf16_pack_parallel(k, blocks, b, ldb, 0, 1, n, s->rows);
    atti_bf16_product p = {k, a, lda, 0, blocks, dw, n, m, n, s->rows, accumulate};
    att_status st = atti_bf16_parallel(&p, NULL);
    atti_scratch_give(blocks);
    return st;
}
