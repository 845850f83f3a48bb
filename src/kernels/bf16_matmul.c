/* bf16_matmul.c - bf16 products cut into tasks (kernels/bf16.h).
 *
 * The operand that all rows share is laid out once by all threads; a task lays out its own
 * rows, 512 steps of k at a time, and multiplies them with every panel of 32 columns.
 * Between two visits a sum waits in c as f32, which is what it was in the register, so
 * neither the blocks nor the tasks show in the bits. */
#include "kernels/bf16.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/matmul_core.h"
#include <string.h>

enum {
    K_BLOCK = 512,   /* a panel of b, 32 KB, stays in the first cache */
    TASK_ROWS = 256, /* with 512 steps 256 KB of a, for the second cache */
    TASKS_A_THREAD = 4,
    EPILOGUE_FLOATS = 512 * 1024, /* a task's rows stay in cache for their epilogue */
    EPILOGUE_TILES = 3,           /* fewest tiles of rows worth that */
    SERIAL_FLOPS = 1000000,       /* about the microsecond that a second thread costs */
    PACK_NUMBERS = 64 * 1024
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
    int apart;                /* the epilogue is a pass of its own */
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
    t.accumulate = p->accumulate || p->bias || k0 > 0;
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

/* Sums start from the bias. */
static void start(const atti_bf16_product *p, int64_t r, int64_t m, int64_t j,
                  int64_t j1)
{
    for (int64_t i = r; i < r + m; i++)
        memcpy(p->c + i * p->ldc + j, p->bias + j, (size_t)(j1 - j) * sizeof(float));
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
    if (p->bias) start(p, r, m, j, j1);
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
    if (g->epi && !g->apart && g->col_blocks == 1)
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
    /* A task streams all of b past its rows: where these would be few and b is large, the
     * epilogue goes over the rows afterwards instead. */
    int64_t fit = EPILOGUE_FLOATS / atti_max_i64(p->n, 1) / ATTI_BF16_TILE;
    g.apart = g.epi && fit < EPILOGUE_TILES && p->m > fit * ATTI_BF16_TILE &&
              p->n * p->depth > EPILOGUE_FLOATS;
    if (g.epi && !g.apart)
        most = atti_max_i64(atti_min_i64(most, fit * ATTI_BF16_TILE), ATTI_BF16_TILE);
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
    if (g.epi && (g.apart || g.col_blocks > 1)) {
        g.rows = atti_ceil_div(p->m, want);
        atti_parallel_void(atti_ceil_div(p->m, g.rows), epilogue_task, &g);
    }
    return ATT_OK;
}
