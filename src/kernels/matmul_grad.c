/* matmul_grad.c - gradients of weights, and the whole backward of a linear layer.
 *
 * dw is cut into blocks; where there are few, the rows are cut into chunks as well, each
 * with a partial sum of its own, and the partial sums are added in rising order. Chunks
 * change sums: they depend on the shape alone.
 *
 * Backward of a layer whose dw is one block is a single sweep: the task of a chunk of
 * rows undoes the activation, adds up the bias's gradient, makes dx and its part of dw
 * while these rows of dy are in its cache. Where there are fewer chunks than threads, or
 * more blocks, the same sums are made by one pass after the other. */
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "kernels/lib/onednn.h"
#include "kernels/matmul_core.h"
#include <string.h>

enum {
    TASKS = 16,    /* wanted from a product; part of its result's definition */
    CHUNK = 256,   /* fewest rows of a chunk: 2 KB of work for a byte of partial sum */
    NARROW = 512,  /* up to here oneDNN's sgemm is the faster one, where it is */
    BLOCK_M = 504, /* largest block of dw: 36 tiles of 14 by 8 panels of 32 */
    BLOCK_N = 256,
    SUM_FLOATS = 4 * 1024,
    UNDO_ROWS = 64
};

/* c [m, n] (+)= a^T b over `rows` rows: dy^T x, or x^T dy for a transposed weight. */
typedef struct grad_job {
    const float *a, *b;
    float *c, *partial; /* partial: [chunks, m, n], NULL when there is one chunk */
    float *db, *db_partial;
    int64_t lda, ldb, m, n, rows;
    int64_t bm, bn, m_blocks, n_blocks; /* blocks of c */
    int64_t chunk, chunks;              /* of the rows */
    int accumulate, add_db, onednn, trans;
    /* A sweep does these for its rows; else they are NULL. */
    const atti_epilogue *undo;
    const atti_packed_product *dx;
    float *dy;
    int64_t lddy;
} grad_job;

/* The columns of dy that the block at (i, j) reads anyway. */
static void sum_bias(const grad_job *g, int64_t which, int64_t i, int64_t j, int64_t r,
                     int64_t rows)
{
    int64_t at = g->trans ? j : i, width = g->trans ? g->n : g->m;
    int64_t cols =
        g->trans ? atti_min_i64(g->n - j, g->bn) : atti_min_i64(g->m - i, g->bm);
    const float *dy = g->trans ? g->b + r * g->ldb : g->a + r * g->lda;
    float *to = (g->db_partial ? g->db_partial + which * width : g->db) + at;
    if (g->db_partial || !g->add_db) memset(to, 0, (size_t)cols * sizeof *to);
    atti_k()->col_sum(to, dy + at, rows, cols, g->trans ? g->ldb : g->lda);
}

static att_status grad_task(void *ctx, int64_t task, int thread)
{
    const grad_job *g = ctx;
    int64_t blocks = g->m_blocks * g->n_blocks;
    int64_t which = task / blocks, at = task % blocks;
    int64_t i = at / g->n_blocks * g->bm, j = at % g->n_blocks * g->bn;
    int64_t r = which * g->chunk, rows = atti_min_i64(g->rows - r, g->chunk);
    int64_t m = atti_min_i64(g->m - i, g->bm), n = atti_min_i64(g->n - j, g->bn);
    if (g->undo) g->undo->fn(g->undo->ctx, g->dy, g->lddy, r, rows, thread);
    if (g->db && (g->trans ? i : j) == 0) sum_bias(g, which, i, j, r, rows);
    if (g->dx)
        atti_packed_block(g->dx, r, rows, 0,
                          atti_ceil_div(g->dx->n, atti_gemm_tiles()->nr));
    if (!g->c) return ATT_OK;
    float *c = g->partial ? g->partial + which * g->m * g->n : g->c;
    int add = g->partial ? 0 : g->accumulate;
    const float *a = g->a + r * g->lda + i, *b = g->b + r * g->ldb + j;
    c += i * g->n + j;
    if (g->onednn)
        return atti_onednn_gemm_tn(m, n, rows, a, g->lda, b, g->ldb, add, c, g->n);
    return atti_gemm_seq(1, 0, m, n, rows, a, g->lda, b, g->ldb, add, c, g->n);
}

/* The last task adds up the bias's gradient. */
static void sum_task(void *ctx, int64_t task, int thread)
{
    const grad_job *g = ctx;
    const atti_kernels *k = atti_k();
    int64_t all = g->c ? g->m * g->n : 0, at = task * SUM_FLOATS;
    int64_t n = atti_min_i64(all - at, SUM_FLOATS);
    (void)thread;
    if (at >= all) {
        int64_t width = g->trans ? g->n : g->m;
        if (!g->add_db) memset(g->db, 0, (size_t)width * sizeof *g->db);
        k->col_sum(g->db, g->db_partial, g->chunks, width, width);
        return;
    }
    if (!g->accumulate) memset(g->c + at, 0, (size_t)n * sizeof *g->c);
    k->col_sum(g->c + at, g->partial + at, g->chunks, n, all);
}

/* Blocks and chunks from the shape alone. */
static void cut(grad_job *g)
{
    /* oneDNN packs for itself and wants its blocks large. */
    int64_t m_blocks = atti_ceil_div(g->m, g->onednn ? NARROW : BLOCK_M);
    int64_t n_blocks = atti_ceil_div(g->n, g->onednn ? NARROW : BLOCK_N);
    g->bm = atti_round_up(atti_ceil_div(g->m, m_blocks), 14);
    g->bn = atti_round_up(atti_ceil_div(g->n, n_blocks), 32);
    g->m_blocks = atti_ceil_div(g->m, g->bm);
    g->n_blocks = atti_ceil_div(g->n, g->bn);
    int64_t chunks = atti_ceil_div(TASKS, g->m_blocks * g->n_blocks);
    chunks = atti_max_i64(atti_min_i64(chunks, g->rows / CHUNK), 1);
    g->chunk = atti_round_up(atti_ceil_div(g->rows, chunks), 16);
    g->chunks = atti_ceil_div(g->rows, g->chunk);
}

static void set_up(grad_job *g, const atti_matmul_shape *s, float *dw, const float *dy,
                   int64_t lddy, const float *x, int64_t ldx)
{
    *g = (grad_job){.a = dy, .b = x, .c = dw, .lda = lddy, .ldb = ldx};
    g->m = s->n_out;
    g->n = s->n_in;
    if (s->trans) {
        g->a = x, g->b = dy, g->lda = ldx, g->ldb = lddy;
        g->m = s->n_in;
        g->n = s->n_out;
    }
    g->trans = s->trans != 0;
    g->rows = s->rows;
    g->onednn = g->m <= NARROW && atti_matmul_onednn();
    if (g->m > 0 && g->n > 0 && g->rows > 0) cut(g);
}

static att_status run(grad_job *g)
{
    int64_t all = g->c ? g->m * g->n : 0, width = g->trans ? g->n : g->m;
    float *room = NULL;
    if (g->chunks > 1) {
        int64_t floats = g->chunks * (all + (g->db ? width : 0));
        ATTI_TRY(atti_scratch_take(&room, (size_t)floats, sizeof *room));
        if (all) g->partial = room;
        if (g->db) g->db_partial = room + g->chunks * all;
    }
    att_status st = atti_parallel(g->chunks * g->m_blocks * g->n_blocks, grad_task, g);
    if (st == ATT_OK && room)
        atti_parallel_void(atti_ceil_div(all, SUM_FLOATS) + (g->db != NULL), sum_task,
                           g);
    atti_scratch_give(room);
    return st;
}

static void zero(float *x, int64_t n, int keep)
{
    if (x && !keep && n > 0) memset(x, 0, (size_t)n * sizeof *x);
}

att_status atti_matmul_grad_weight(const atti_matmul_shape *s, float *dw,
                                   const float *dy, int64_t lddy, const float *x,
                                   int64_t ldx, int accumulate)
{
    ATTI_TRY(atti_matmul_check(s, "matmul grad_weight"));
    if (s->bf16)
        return atti_bf16_grad_weight(atti_bf16(), s, dw, dy, lddy, x, ldx, accumulate);
    grad_job g;
    set_up(&g, s, dw, dy, lddy, x, ldx);
    g.accumulate = accumulate;
    if (s->n_out == 0 || s->n_in == 0) return ATT_OK;
    if (s->rows > 0) return run(&g);
    zero(dw, s->n_out * s->n_in, accumulate);
    return ATT_OK;
}

/* --- the whole of it -------------------------------------------------------------------- */

typedef struct undo_job {
    const atti_epilogue *undo;
    float *dy;
    int64_t lddy, rows;
} undo_job;

static void undo_task(void *ctx, int64_t task, int thread)
{
    const undo_job *j = ctx;
    int64_t r = task * UNDO_ROWS, n = atti_min_i64(j->rows - r, UNDO_ROWS);
    j->undo->fn(j->undo->ctx, j->dy, j->lddy, r, n, thread);
}

static att_status in_passes(grad_job *g, const atti_matmul_shape *s,
                            const atti_matmul_grads *q, undo_job *u, const float *w)
{
    if (u->undo) atti_parallel_void(atti_ceil_div(s->rows, UNDO_ROWS), undo_task, u);
    if (g->c || g->db) ATTI_TRY(run(g));
    if (!q->dx) return ATT_OK;
    return atti_matmul_grad_input(s, q->dx, q->lddx, u->dy, u->lddy, w, q->add_dx,
                                  NULL);
}

/* A sum over nothing is 0, and a bias has its gradient even where x has no columns. */
static void nothing_to_multiply(const atti_matmul_shape *s, const atti_matmul_grads *q,
                                undo_job *u)
{
    zero(q->dw, s->n_out * s->n_in, q->add_dw);
    zero(q->db, s->n_out, q->add_db);
    for (int64_t r = 0; q->dx && r < s->rows; r++)
        zero(q->dx + r * q->lddx, s->n_in, q->add_dx);
    if (s->rows == 0 || s->n_out == 0) return;
    if (u->undo) atti_parallel_void(atti_ceil_div(s->rows, UNDO_ROWS), undo_task, u);
    if (q->db) atti_k()->col_sum(q->db, u->dy, s->rows, s->n_out, u->lddy);
}

/* Packs w for dx, and everything else is one task a chunk. */
static att_status in_a_sweep(grad_job *g, const atti_matmul_shape *s,
                             const atti_matmul_grads *q, const undo_job *u,
                             const float *w)
{
    int64_t k = s->n_out, n = s->n_in;
    float *panels = NULL;
    atti_packed_product dx = {u->dy,   NULL, q->dx, u->lddy,   q->lddx,
                              s->rows, n,    k,     q->add_dx, NULL};
    if (q->dx) {
        ATTI_TRY(atti_scratch_take(&panels, (size_t)atti_packed_floats(k, n),
                                   sizeof *panels));
        atti_pack_parallel(panels, w, s->trans ? k : n, s->trans, k, n);
        dx.panels = panels;
        g->dx = &dx;
    }
    g->undo = u->undo;
    g->dy = u->dy;
    g->lddy = u->lddy;
    att_status st = run(g);
    atti_scratch_give(panels);
    return st;
}

att_status atti_matmul_backward(const atti_matmul_shape *s, const atti_matmul_grads *q,
                                float *dy, int64_t lddy, const float *x, int64_t ldx,
                                const float *w, const atti_epilogue *undo)
{
    ATTI_TRY(atti_matmul_check(s, "matmul backward"));
    undo_job u = {undo && undo->fn ? undo : NULL, dy, lddy, s->rows};
    grad_job g;
    if (s->rows == 0 || s->n_out == 0 || s->n_in == 0) {
        nothing_to_multiply(s, q, &u);
        return ATT_OK;
    }
    if (s->bf16)
        return atti_bf16_backward(atti_bf16(), s, q, dy, lddy, x, ldx, w, undo);
    set_up(&g, s, q->dw, dy, lddy, x, ldx);
    g.accumulate = q->add_dw;
    g.db = q->db;
    g.add_db = q->add_db;
    int sweep = g.m_blocks * g.n_blocks == 1 && atti_threads_now() <= g.chunks;
    return sweep ? in_a_sweep(&g, s, q, &u, w) : in_passes(&g, s, q, &u, w);
}
