/* linear_few.c - a packed weight times a few rows: what a decoding step consists of.
 *
 * One to eight rows are as fast as the weight comes from memory, some hundred are bound by
 * arithmetic; in both cases each number of the weight should come from memory once. So all
 * rows go together and the cut is between columns. Each thread has a stretch of the weight
 * of its own, which it reads from end to end: that keeps the prefetching in step, where
 * pieces dealt out in turn would break it at every piece. Who is through helps the others,
 * for a thread may have been put aside by the system.
 *
 * Bits do not depend on any of this: gemm.h. */
#include "kernels/linear_few.h"
#include "base/checked.h"
#include "base/compiler.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include <stdatomic.h>

enum {
    STRETCHES = 64, /* most threads that have one; others only help */
    K_BLOCK = 512,  /* as in matmul_core.c */
    L2_FLOATS = 192 * 1024,
    PIECE_FLOATS = 32 * 1024, /* 128 KB of weight: the least that is worth a claim */
    PIECES = 8,               /* most claims a stretch */
    SERIAL_FLOPS = 50000,     /* below, a second thread costs more than it does */
    SERIAL_ENDS = 4096        /* numbers of row ends, likewise */
};

/* Counters of neighbours on one cache line would be handed back and forth. */
typedef struct stretch {
    _Alignas(64) _Atomic int64_t next;
    int64_t end;
} stretch;

typedef struct few {
    const atti_packed_product *p;
    const atti_linear_ends *ends;
    const atti_gemm_kernels *g;
    int64_t panels, step; /* step: panels of a claim */
    int64_t height;       /* rows of a tile, the last one may have fewer */
    int64_t rows;         /* of a task of row ends */
    int n;
    stretch part[STRETCHES];
} few;

/* Rows in tiles of like height: a last tile of one or two rows waits for its sums. */
static int64_t even_height(int64_t m, int64_t mr)
{
    return atti_ceil_div(m, atti_ceil_div(m, mr));
}

static void tiles(const few *f, int64_t p0, int64_t p1, int64_t k0, int64_t k1)
{
    const atti_packed_product *p = f->p;
    int64_t nr = f->g->nr;
    atti_gemm_tile t = {.k = k1 - k0, .lda = p->lda, .ldc = p->ldc};
    t.accumulate = p->accumulate || k0 > 0;
    for (int64_t r = 0; r < p->m; r += f->height) {
        int64_t m = atti_min_i64(p->m - r, f->height);
        t.a = p->a + r * p->lda + k0;
        for (int64_t j = p0; j < p1; j++) {
            t.b = p->panels + j * nr * p->k + k0 * nr;
            t.n = atti_min_i64(p->n - j * nr, nr);
            t.c = p->c + r * p->ldc + j * nr;
            t.start = p->bias && k0 == 0 ? p->bias + j * nr : NULL;
            f->g->tile_row(m, &t);
        }
    }
}

/* Panels [p0, p1), of all k at once where one tile of rows makes a second visit to them
 * needless. */
static void block(const few *f, int64_t p0, int64_t p1)
{
    int64_t k = f->p->k, most = f->p->m <= f->height ? k : K_BLOCK;
    int64_t deep = atti_max_i64(atti_min_i64(k, most), 1);
    int64_t chunk = atti_max_i64(L2_FLOATS / (f->g->nr * deep), 1);
    for (int64_t j = p0; j < p1; j += chunk) {
        int64_t j1 = atti_min_i64(j + chunk, p1), k0 = 0;
        do { /* once even when k = 0: c becomes its bias */
            int64_t k1 = atti_min_i64(k0 + deep, k);
            tiles(f, j, j1, k0, k1);
            k0 = k1;
        } while (k0 < k);
    }
}

static void piece(const few *f, int64_t p0, int64_t p1, int thread)
{
    const atti_linear_ends *e = f->ends;
    block(f, p0, p1);
    if (!e->columns) return;
    int64_t col0 = p0 * f->g->nr, end = atti_min_i64(p1 * f->g->nr, f->p->n);
    atti_column_piece at = {0, f->p->m, col0, end - col0};
    e->columns(e->ctx, f->p->c, f->p->ldc, &at, thread);
}

static void claim_task(void *ctx, int64_t task, int thread)
{
    few *f = ctx;
    (void)task;
    for (int i = 0; i < f->n; i++) {
        stretch *s = &f->part[(thread + i) % f->n];
        for (;;) {
            int64_t at =
                atomic_fetch_add_explicit(&s->next, f->step, memory_order_relaxed);
            if (at >= s->end) break;
            piece(f, at, atti_min_i64(at + f->step, s->end), thread);
        }
    }
}

static void row_task(void *ctx, int64_t task, int thread)
{
    const few *f = ctx;
    int64_t r = task * f->rows, n = atti_min_i64(f->p->m - r, f->rows);
    f->ends->rows(f->ends->ctx, f->p->c, f->p->ldc, r, n, thread);
}

/* Stretches and claims in whole multiples of what pieces begin at. */
static void cut(few *f, int threads)
{
    int64_t nr = f->g->nr, unit = 1, floats = nr * atti_max_i64(f->p->k, 1);
    while (f->ends->columns && unit * nr % atti_max_i64(f->ends->column_step, 1) != 0)
        unit++;
    int64_t units = atti_ceil_div(f->panels, unit);
    f->n = (int)atti_min_i64(atti_min_i64(threads, STRETCHES), units);
    int64_t each = atti_ceil_div(units, f->n), least = PIECE_FLOATS / (unit * floats);
    f->step = unit * atti_max_i64(atti_max_i64(least, each / PIECES), 1);
    for (int i = 0; i < f->n; i++) {
        atomic_init(&f->part[i].next, units * i / f->n * unit);
        f->part[i].end = atti_min_i64(units * (i + 1) / f->n * unit, f->panels);
    }
}

void atti_few_parallel(const atti_packed_product *p, const atti_linear_ends *ends)
{
    few f = {.p = p, .ends = ends, .g = atti_gemm_tiles()};
    if (p->m <= 0) return;
    int threads = atti_threads_now();
    double flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    f.panels = atti_ceil_div(p->n, f.g->nr);
    f.height = even_height(p->m, f.g->mr);
    if (f.panels > 0) {
        cut(&f, flops < SERIAL_FLOPS ? 1 : threads);
        atti_parallel_void(f.n, claim_task, &f);
    }
    if (!ends->rows) return;
    /* Ends that no thread shares need no second round. */
    int64_t tasks = threads == 1 || p->m * p->n < SERIAL_ENDS ? 1 : 4 * threads;
    f.rows = atti_ceil_div(p->m, tasks);
    atti_parallel_void(atti_ceil_div(p->m, f.rows), row_task, &f);
}
