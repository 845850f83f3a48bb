/* matmul.c - the products of training, cut into tasks.
 *
 *   forward, grad_input   the weight is packed once by all threads, then blocks of rows
 *                         (and of columns, where rows are few) are independent tasks
 *   grad_weight           blocks of dw; where there are few, the rows are cut into chunks
 *                         as well, each with a partial sum of its own, and the partial
 *                         sums are added in rising order
 *
 * The tiles give the same bits however a product is cut (gemm.h), so row blocks may
 * follow the thread count. The chunks of grad_weight do change sums: they depend on the
 * shape alone. */
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
    SERIAL_FLOPS = 200000, /* below a microsecond or two a second thread costs more */
    PACK_FLOATS = 16 * 1024,
    GRAD_TASKS =
        16, /* tasks wanted from grad_weight; part of its result's definition */
    GRAD_CHUNK = 512,
    GRAD_NARROW = 512, /* up to here oneDNN's sgemm is the faster one, where it is */
    GRAD_OUT = 504,    /* largest block of dw: 36 tiles of 14 by 8 panels of 32 */
    GRAD_IN = 256
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
    if (g->epi && g->col_blocks == 1)
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
    if (g.epi) {
        int64_t fit = EPILOGUE_FLOATS / atti_max_i64(p->n, 1) / t->mr * t->mr;
        most = atti_max_i64(atti_min_i64(most, fit), t->mr);
    }
    g.rows = atti_min_i64(atti_round_up(atti_ceil_div(p->m, want), t->mr), most);
    g.row_blocks = atti_ceil_div(p->m, g.rows);
    g.panels = atti_ceil_div(p->n, t->nr);
    int64_t cuts = g.row_blocks < want ? atti_ceil_div(want, g.row_blocks) : 1;
    /* Rows enough for every thread stay whole: their epilogue then finds them in cache. */
    if (g.epi && g.row_blocks >= 2 * threads) cuts = 1;
    g.panels_a_task = atti_max_i64(atti_ceil_div(g.panels, cuts), 1);
    g.col_blocks = atti_max_i64(atti_ceil_div(g.panels, g.panels_a_task), 1);
    atti_parallel_void(g.row_blocks * g.col_blocks, grid_task, &g);
    if (g.epi && g.col_blocks > 1) {
        if (threads > 1 && p->m * p->n > SERIAL_FLOPS / 8)
            g.rows = atti_min_i64(g.rows, atti_ceil_div(p->m, threads));
        else
            g.rows = p->m;
        atti_parallel_void(atti_ceil_div(p->m, g.rows), epilogue_task, &g);
    }
}

static att_status check_shape(const atti_matmul_shape *s, const char *what)
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
    atti_packed_product p = {a, panels, c, lda, ldc, s->rows, n, k, accumulate};
    atti_packed_parallel(&p, epi);
    atti_scratch_give(panels);
    return ATT_OK;
}

att_status atti_matmul_forward(const atti_matmul_shape *s, float *y, int64_t ldy,
                               const float *x, int64_t ldx, const float *w,
                               const atti_epilogue *epi)
{
    ATTI_TRY(check_shape(s, "matmul forward"));
    if (s->bf16) return atti_bf16_forward(atti_bf16(), s, y, ldy, x, ldx, w, epi);
    return product(s, y, ldy, x, ldx, w, s->n_out, s->n_in, !s->trans, 0, epi);
}

att_status atti_matmul_grad_input(const atti_matmul_shape *s, float *dx, int64_t lddx,
                                  const float *dy, int64_t lddy, const float *w,
                                  int accumulate, const atti_epilogue *epi)
{
    ATTI_TRY(check_shape(s, "matmul grad_input"));
    if (s->bf16)
        return atti_bf16_grad_input(atti_bf16(), s, dx, lddx, dy, lddy, w, accumulate,
                                    epi);
    return product(s, dx, lddx, dy, lddy, w, s->n_in, s->n_out, s->trans, accumulate,
                   epi);
}

/* --- gradient of the weight ----------------------------------------------------------- */

/* c [m, n] (+)= a^T b over `rows` rows: dy^T x, or x^T dy for a transposed weight. */
typedef struct grad_job {
    const float *a, *b;
    float *c, *partial; /* partial: [chunks, m, n], NULL when there is one chunk */
    int64_t lda, ldb, m, n, rows;
    int64_t bm, bn, m_blocks, n_blocks; /* blocks of c */
    int64_t chunk, chunks;              /* of the rows */
    int accumulate, onednn;
} grad_job;

static att_status grad_task(void *ctx, int64_t task, int thread)
{
    const grad_job *g = ctx;
    int64_t blocks = g->m_blocks * g->n_blocks;
    int64_t which = task / blocks, at = task % blocks;
    int64_t i = at / g->n_blocks * g->bm, j = at % g->n_blocks * g->bn;
    int64_t r = which * g->chunk, rows = atti_min_i64(g->rows - r, g->chunk);
    int64_t m = atti_min_i64(g->m - i, g->bm), n = atti_min_i64(g->n - j, g->bn);
    float *c = g->partial ? g->partial + which * g->m * g->n : g->c;
    int add = g->partial ? 0 : g->accumulate;
    (void)thread;
    const float *a = g->a + r * g->lda + i, *b = g->b + r * g->ldb + j;
    c += i * g->n + j;
    if (g->onednn)
        return atti_onednn_gemm_tn(m, n, rows, a, g->lda, b, g->ldb, add, c, g->n);
    return atti_gemm_seq(1, 0, m, n, rows, a, g->lda, b, g->ldb, add, c, g->n);
}

static void sum_task(void *ctx, int64_t task, int thread)
{
    const grad_job *g = ctx;
    const atti_kernels *k = atti_k();
    int64_t all = g->m * g->n, at = task * PACK_FLOATS;
    int64_t n = atti_min_i64(all - at, PACK_FLOATS);
    (void)thread;
    for (int64_t q = 0; q < g->chunks; q++) {
        k->scale(g->c + at, g->partial + q * all + at, 1.0f, g->accumulate || q > 0, n);
    }
}

/* ATTEND_MATMUL=own leaves it out; read once. */
static int use_onednn(void)
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

/* Blocks and chunks from the shape alone. */
static void grad_cut(grad_job *g)
{
    /* oneDNN packs for itself and wants its blocks large. */
    int64_t m_blocks = atti_ceil_div(g->m, g->onednn ? GRAD_NARROW : GRAD_OUT);
    int64_t n_blocks = atti_ceil_div(g->n, g->onednn ? GRAD_NARROW : GRAD_IN);
    g->bm = atti_round_up(atti_ceil_div(g->m, m_blocks), 14);
    g->bn = atti_round_up(atti_ceil_div(g->n, n_blocks), 32);
    g->m_blocks = atti_ceil_div(g->m, g->bm);
    g->n_blocks = atti_ceil_div(g->n, g->bn);
    int64_t tasks = g->onednn ? GRAD_TASKS / 2 : GRAD_TASKS;
    int64_t chunks = atti_ceil_div(tasks, g->m_blocks * g->n_blocks);
    chunks = atti_max_i64(atti_min_i64(chunks, g->rows / GRAD_CHUNK), 1);
    g->chunk = atti_round_up(atti_ceil_div(g->rows, chunks), 64);
    g->chunks = atti_ceil_div(g->rows, g->chunk);
}

att_status atti_matmul_grad_weight(const atti_matmul_shape *s, float *dw,
                                   const float *dy, int64_t lddy, const float *x,
                                   int64_t ldx, int accumulate)
{
    ATTI_TRY(check_shape(s, "matmul grad_weight"));
    if (s->bf16)
        return atti_bf16_grad_weight(atti_bf16(), s, dw, dy, lddy, x, ldx, accumulate);
    grad_job g = {.a = dy, .b = x, .c = dw, .lda = lddy, .ldb = ldx};
    g.m = s->n_out;
    g.n = s->n_in;
    if (s->trans) {
        g.a = x, g.b = dy, g.lda = ldx, g.ldb = lddy;
        g.m = s->n_in;
        g.n = s->n_out;
    }
    g.rows = s->rows;
    g.accumulate = accumulate;
    if (g.m == 0 || g.n == 0) return ATT_OK;
    if (g.rows == 0) {
        if (!accumulate) memset(dw, 0, (size_t)(g.m * g.n) * sizeof *dw);
        return ATT_OK;
    }
    g.onednn = g.m <= GRAD_NARROW && use_onednn();
    grad_cut(&g);
    if (g.chunks > 1) {
        size_t floats = (size_t)(g.chunks * g.m * g.n);
        ATTI_TRY(atti_scratch_take(&g.partial, floats, sizeof(float)));
    }
    att_status st = atti_parallel(g.chunks * g.m_blocks * g.n_blocks, grad_task, &g);
    if (st == ATT_OK && g.partial)
        atti_parallel_void(atti_ceil_div(g.m * g.n, PACK_FLOATS), sum_task, &g);
    atti_scratch_give(g.partial);
    return st;
}

/* --- preparation, information ----------------------------------------------------------- */

att_status atti_matmul_warm(const atti_matmul_shape *s, int training)
{
    (void)
        training; /* tiles are code: only scratch could be missing, and it grows once */
    return check_shape(s, "matmul warm");
}

/* One of a few texts that live for ever; oneDNN's version is fixed for a process. */
const char *atti_matmul_provider(void)
{
    static char text[64];
    static atomic_int state; /* 0 not made, 1 being made, 2 ready */
    int none = 0;
    if (atomic_compare_exchange_strong(&state, &none, 1)) {
        const char *extra = use_onednn() ? atti_onednn_version() : NULL;
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
