/* matmul.c - the products of training, cut into tasks.
 *
 * The weight is packed once by all threads, then blocks of rows (and of columns, where
 * rows are few) are independent tasks. The tiles give the same bits however a product is
 * cut (gemm.h), so row blocks may follow the thread count. Gradients of weights are in
 * matmul_grad.c. */
#include "kernels/matmul.h"
#include "attend/kernels.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "kernels/lib/onednn.h"
#include "kernels/matmul_core.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROW_TILES = 16,               /* most tiles of rows in one task */
    TASKS_A_THREAD = 4,           /* enough for an even finish */
    EPILOGUE_FLOATS = 512 * 1024, /* a task's rows stay in cache for their epilogue */
    EPILOGUE_TILES = 3,           /* fewest tiles of rows worth that */
    SERIAL_FLOPS = 200000, /* below a microsecond or two a second thread costs more */
    PACK_FLOATS = 16 * 1024
};

/* --- packing ------------------------------------------------------------------------ */

typedef struct pack_job {
    const atti_gemm_kernels *g;
    float *panels;
    const float *b;
    int64_t ldb, k, n, cols; /* columns per task */
    int trans;
} pack_job;

static void pack_task(void *ctx, int64_t task, int thread)
{
    const pack_job *p = ctx;
    int64_t j = task * p->cols, n = atti_min_i64(p->n - j, p->cols);
    const float *b = p->trans ? p->b + j * p->ldb : p->b + j;
    (void)thread;
    p->g->pack_b(p->panels + j * p->k, b, p->ldb, p->trans, p->k, n);
}

void atti_pack_parallel(float *panels, const float *b, int64_t ldb, int trans,
                        int64_t k, int64_t n)
{
    const atti_gemm_kernels *g = atti_gemm_tiles();
    pack_job p = {g, panels, b, ldb, k, n, 0, trans};
    p.cols = atti_round_up(atti_max_i64(PACK_FLOATS / atti_max_i64(k, 1), 1), g->nr);
    atti_parallel_void(atti_ceil_div(n, p.cols), pack_task, &p);
}

/* --- products with a packed operand ------------------------------------------------- */

typedef struct grid {
    const atti_packed_product *p;
    const atti_epilogue *epi;
    int apart;                     /* the epilogue is not the task's own */
    int64_t rows, row_blocks;      /* a task's rows; how many such blocks */
    int64_t panels, panels_a_task; /* columns likewise */
    int64_t col_blocks;
} grid;

static void grid_task(void *ctx, int64_t task, int thread)
{
    const grid *g = ctx;
    int64_t r = task / g->col_blocks * g->rows;
    int64_t j = task % g->col_blocks * g->panels_a_task;
    int64_t rows = atti_min_i64(g->p->m - r, g->rows);
    int64_t end = atti_min_i64(j + g->panels_a_task, g->panels);
    atti_packed_block(g->p, r, rows, j, end);
    if (g->epi && !g->apart && g->col_blocks == 1)
        g->epi->fn(g->epi->ctx, g->p->c, g->p->ldc, r, rows, thread);
}

static void epilogue_task(void *ctx, int64_t task, int thread)
{
    const grid *g = ctx;
    int64_t r = task * g->rows, rows = atti_min_i64(g->p->m - r, g->rows);
    g->epi->fn(g->epi->ctx, g->p->c, g->p->ldc, r, rows, thread);
}

void atti_packed_parallel(const atti_packed_product *p, const atti_epilogue *epi)
{
    const atti_gemm_kernels *t = atti_gemm_tiles();
    if (p->m <= 0) return;
    grid g = {.p = p, .epi = epi && epi->fn ? epi : NULL};
    int64_t threads = atti_threads_now(), want = threads * TASKS_A_THREAD;
    double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    if (threads == 1 || flops < SERIAL_FLOPS) want = 1;
    int64_t most = ROW_TILES * t->mr;
    /* A task streams all of b past its rows: where these would be few and b comes from
     * memory, the epilogue goes over the rows afterwards instead. */
    int64_t fit = EPILOGUE_FLOATS / atti_max_i64(p->n, 1) / t->mr * t->mr;
    g.apart = g.epi && fit < EPILOGUE_TILES * t->mr && p->m > fit &&
              p->n * p->k > EPILOGUE_FLOATS;
    if (g.epi && !g.apart) most = atti_max_i64(atti_min_i64(most, fit), t->mr);
    g.rows = atti_min_i64(atti_round_up(atti_ceil_div(p->m, want), t->mr), most);
    g.row_blocks = atti_ceil_div(p->m, g.rows);
    g.panels = atti_ceil_div(p->n, t->nr);
    int64_t cuts = g.row_blocks < want ? atti_ceil_div(want, g.row_blocks) : 1;
    /* Rows enough for every thread stay whole: their epilogue then finds them in cache. */
    if (g.epi && !g.apart && g.row_blocks >= 2 * threads) cuts = 1;
    g.panels_a_task = atti_max_i64(atti_ceil_div(g.panels, cuts), 1);
    g.col_blocks = atti_max_i64(atti_ceil_div(g.panels, g.panels_a_task), 1);
    atti_parallel_void(g.row_blocks * g.col_blocks, grid_task, &g);
    if (g.epi && (g.apart || g.col_blocks > 1)) {
        if (threads > 1 && p->m * p->n > SERIAL_FLOPS / 8)
            g.rows = atti_min_i64(g.rows, atti_ceil_div(p->m, threads));
        else
            g.rows = p->m;
        if (g.apart) g.rows = atti_min_i64(g.rows, t->mr);
        atti_parallel_void(atti_ceil_div(p->m, g.rows), epilogue_task, &g);
    }
}

att_status atti_matmul_check(const atti_matmul_shape *s, const char *what)
{
    int64_t cells;
    if (s->rows < 0 || s->n_out < 0 || s->n_in < 0 ||
        !atti_mul_i64(&cells, s->n_out, s->n_in)) {
        return atti_fail(ATT_ESHAPE, "%s: rows %lld, out %lld, in %lld", what,
                         (long long)s->rows, (long long)s->n_out, (long long)s->n_in);
    }
    return ATT_OK;
}

/* c [rows, n] (+)= a [rows, k] b, b = w as it lies, or transposed. */
static att_status product(const atti_matmul_shape *s, float *c, int64_t ldc,
                          const float *a, int64_t lda, const float *w, int64_t n,
                          int64_t k, int trans, int accumulate,
                          const atti_epilogue *epi)
{
    if (s->rows == 0) return ATT_OK;
    float *panels;
    ATTI_TRY(
        atti_scratch_take(&panels, (size_t)atti_packed_floats(k, n), sizeof(float)));
    atti_pack_parallel(panels, w, trans ? k : n, trans, k, n);
    const float *bias = epi ? epi->bias : NULL;
    atti_packed_product p = {a, panels, c, lda, ldc, s->rows, n, k, accumulate, bias};
    atti_packed_parallel(&p, epi);
    atti_scratch_give(panels);
    return ATT_OK;
}

att_status atti_matmul_forward(const atti_matmul_shape *s, float *y, int64_t ldy,
                               const float *x, int64_t ldx, const float *w,
                               const atti_epilogue *epi)
{
    ATTI_TRY(atti_matmul_check(s, "matmul forward"));
    if (s->bf16) return atti_bf16_forward(atti_bf16(), s, y, ldy, x, ldx, w, epi);
    return product(s, y, ldy, x, ldx, w, s->n_out, s->n_in, !s->trans, 0, epi);
}

att_status atti_matmul_grad_input(const atti_matmul_shape *s, float *dx, int64_t lddx,
                                  const float *dy, int64_t lddy, const float *w,
                                  int accumulate, const atti_epilogue *epi)
{
    ATTI_TRY(atti_matmul_check(s, "matmul grad_input"));
    if (s->bf16)
        return atti_bf16_grad_input(atti_bf16(), s, dx, lddx, dy, lddy, w, accumulate,
                                    epi);
    return product(s, dx, lddx, dy, lddy, w, s->n_in, s->n_out, s->trans, accumulate,
                   epi);
}

/* ATTEND_MATMUL=own is read once. */
int atti_matmul_onednn(void)
{
    static atomic_int known; /* 0 not asked, 1 no, 2 yes */
    int k = atomic_load_explicit(&known, memory_order_relaxed);
    if (k == 0) {
        const char *s = getenv("ATTEND_MATMUL");
        int own = s && strcmp(s, "own") == 0;
        k = !own && atti_onednn_version() ? 2 : 1;
        atomic_store_explicit(&known, k, memory_order_relaxed);
    }
    return k == 2;
}

/* --- preparation, information ----------------------------------------------------------- */

att_status atti_matmul_warm(const atti_matmul_shape *s, int training)
{
    (void)
        training; /* tiles are code: only scratch could be missing, and it grows once */
    return atti_matmul_check(s, "matmul warm");
}

/* One of a few texts that live for ever; oneDNN's version is fixed for a process. */
const char *atti_matmul_provider(void)
{
    static char text[64];
    static atomic_int state; /* 0 not made, 1 being made, 2 ready */
    int none = 0;
    if (atomic_compare_exchange_strong(&state, &none, 1)) {
        const char *extra = atti_matmul_onednn() ? atti_onednn_version() : NULL;
        if (extra)
            snprintf(text, sizeof text, "own %s + onednn %s", atti_k()->isa, extra);
        else
            snprintf(text, sizeof text, "own %s", atti_k()->isa);
        atomic_store_explicit(&state, 2, memory_order_release);
    }
    while (atomic_load_explicit(&state, memory_order_acquire) != 2) continue;
    return text;
}

const char *att_matmul_provider(void)
{
    return atti_matmul_provider();
}
