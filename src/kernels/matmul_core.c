/* matmul_core.c - one thread's matrix products: the loops around the tile.
 *
 * Block sizes are chosen for the caches (48 KB and 2 MB on the processors this was tuned
 * on, 32 KB and 512 KB work too) and change nothing but speed: gemm.h says why. */
#include "kernels/matmul_core.h"
#include "base/checked.h"
#include "base/compiler.h"
#include "kernels/kernels.h"

enum {
    K_BLOCK = 512,          /* steps of k between two visits to c: 28 KB of a stay in */
                            /* the first cache while panels of b stream past them */
    L2_FLOATS = 192 * 1024, /* packed b that stays in the second cache */
    SEQ_K = 256,            /* block of an unpacked product: 256 x 256 of b, ... */
    SEQ_N = 256,
    DIRECT_LD = 256, /* longest stored row (1 KB) of an operand that is not packed */
    SEQ_M = 504,     /* ... 256 x 504 of a transposed a: together 0.8 MB */
};

const atti_gemm_kernels *atti_gemm_tiles(void)
{
    return atti_k()->mm;
}

int64_t atti_packed_floats(int64_t k, int64_t n)
{
    return atti_round_up(n, atti_gemm_tiles()->nr) * k;
}

/* Rows of an operand that the next tiles will want: each call asks for `step` of them. */
typedef struct ahead {
    const float *row;
    int64_t ld, rows, floats, step;
} ahead;

static void fetch(ahead *a)
{
    enum { LINE = 16 };
    int64_t n = atti_min_i64(a->step, a->rows);
    for (int64_t r = 0; r < n; r++, a->row += a->ld) {
        for (int64_t i = 0; i < a->floats; i += LINE) ATTI_PREFETCH_FAR(a->row + i);
    }
    a->rows -= n;
}

/* Rows [r, r+m) against panels [p0, p1), steps [k0, k1). */
static void packed_tiles(const atti_packed_product *p, const atti_gemm_kernels *g,
                         int64_t r, int64_t m, int64_t p0, int64_t p1, int64_t k0,
                         int64_t k1, ahead *next)
{
    atti_gemm_tile t = {.k = k1 - k0, .lda = p->lda, .ldc = p->ldc};
    t.accumulate = p->accumulate || k0 > 0;
    t.a = p->a + r * p->lda + k0;
    for (int64_t j = p0; j < p1; j++) {
        t.b = p->panels + j * g->nr * p->k + k0 * g->nr;
        t.n = atti_min_i64(p->n - j * g->nr, g->nr);
        t.c = p->c + r * p->ldc + j * g->nr;
        t.start = p->bias && k0 == 0 ? p->bias + j * g->nr : NULL;
        fetch(next);
        g->tile_row(m, &t);
    }
}

void atti_packed_block(const atti_packed_product *p, int64_t row0, int64_t rows,
                       int64_t p0, int64_t p1)
{
    const atti_gemm_kernels *g = atti_gemm_tiles();
    int64_t end = row0 + rows;
    int64_t block = atti_max_i64(atti_min_i64(p->k, K_BLOCK), 1);
    int64_t chunk = atti_max_i64(L2_FLOATS / (g->nr * block), 1);
    for (int64_t j = p0; j < p1; j += chunk) {
        int64_t j1 = atti_min_i64(j + chunk, p1), k = 0;
        do { /* once even when k = 0: c becomes zero */
            int64_t k1 = atti_min_i64(k + K_BLOCK, p->k);
            for (int64_t r = row0; r < end; r += g->mr) {
                int64_t m = atti_min_i64(end - r, g->mr), left = end - r - m;
                ahead next = {p->a + (r + m) * p->lda + k, p->lda,
                              atti_min_i64(left, g->mr), k1 - k, 0};
                next.step = atti_ceil_div(next.rows, j1 - j);
                packed_tiles(p, g, r, m, j, j1, k, k1, &next);
            }
            k = k1;
        } while (k < p->k);
    }
}

typedef struct seq {
    const atti_gemm_kernels *g;
    float *panels, *a_panels; /* scratch */
    const float *a, *b;
    float *c;
    int64_t lda, ldb, ldc, m;
    int trans_a, trans_b;
    int direct_a, direct_b; /* used where they lie */
} seq;

/* One block: rows [r, r+m) and columns [j, j+n) of c, steps [k0, k0+k). */
typedef struct cut {
    int64_t r, m, j, n, k0, k;
} cut;

static void set_b(atti_gemm_tile *t, const seq *s, const cut *at, int64_t j)
{
    t->n = atti_min_i64(at->n - j, s->g->nr);
    if (s->direct_b && t->n == s->g->nr) {
        t->b = s->b + at->k0 * s->ldb + at->j + j;
        t->ldb = s->ldb;
    } else {
        t->b = s->panels + j * at->k;
        t->ldb = s->g->nr;
    }
}

static void set_a(atti_gemm_tile *t, const seq *s, const cut *at, int64_t r)
{
    if (!s->trans_a) {
        t->a = s->a + (at->r + r) * s->lda + at->k0;
        t->lda = s->lda;
    } else if (s->direct_a) {
        t->a = s->a + at->k0 * s->lda + at->r + r;
        t->lda = s->lda;
    } else {
        t->a = s->a_panels + r / s->g->mr * at->k * s->g->ap;
        t->lda = s->g->ap;
    }
}

static void seq_pack(const seq *s, const cut *at)
{
    const atti_gemm_kernels *g = s->g;
    /* Where b is used as it lies, only a last narrow panel is packed. */
    int64_t j = s->direct_b ? at->n / g->nr * g->nr : 0;
    const float *b = s->trans_b ? s->b + (at->j + j) * s->ldb + at->k0
                                : s->b + at->k0 * s->ldb + at->j + j;
    if (j < at->n)
        g->pack_b(s->panels + j * at->k, b, s->ldb, s->trans_b, at->k, at->n - j);
    if (s->trans_a && !s->direct_a)
        g->pack_a(s->a_panels, s->a + at->k0 * s->lda + at->r, s->lda, at->k, at->m);
}

/* `more` steps of k follow: while this block is multiplied their rows come closer. */
static void seq_block(const seq *s, const cut *at, int64_t more, int accumulate)
{
    const atti_gemm_kernels *g = s->g;
    int64_t tiles = atti_ceil_div(at->m, g->mr) * atti_ceil_div(at->n, g->nr);
    int64_t k1 = at->k0 + at->k, step = atti_ceil_div(more, tiles);
    ahead next_a = {s->a + k1 * s->lda + at->r, s->lda, s->trans_a ? more : 0, at->m,
                    step};
    ahead next_b = {s->b + k1 * s->ldb + at->j, s->ldb, s->trans_b ? 0 : more, at->n,
                    step};
    atti_gemm_tile t = {.k = at->k, .ldc = s->ldc};
    t.accumulate = accumulate || at->k0 > 0;
    seq_pack(s, at);
    for (int64_t r = 0; r < at->m; r += g->mr) {
        int64_t rows = atti_min_i64(at->m - r, g->mr);
        set_a(&t, s, at, r);
        for (int64_t j = 0; j < at->n; j += g->nr) {
            set_b(&t, s, at, j);
            t.c = s->c + (at->r + r) * s->ldc + at->j + j;
            fetch(&next_a);
            fetch(&next_b);
            if (s->trans_a)
                g->tile_col(rows, &t);
            else
                g->tile_row(rows, &t);
        }
    }
}

att_status atti_gemm_seq(int trans_a, int trans_b, int64_t m, int64_t n, int64_t k,
                         const float *a, int64_t lda, const float *b, int64_t ldb,
                         int accumulate, float *c, int64_t ldc)
{
    if (m <= 0 || n <= 0) return ATT_OK;
    const atti_gemm_kernels *g = atti_gemm_tiles();
    int64_t cols = atti_round_up(SEQ_N, g->nr);
    int64_t rows = trans_a ? atti_min_i64(m, SEQ_M / g->mr * g->mr) : m;
    int64_t a_floats = trans_a ? atti_ceil_div(rows, g->mr) * g->ap : 0;
    seq s = {g, NULL, NULL, a, b, c, lda, ldb, ldc, m, trans_a, trans_b, 0, 0};
    s.direct_a = trans_a && lda <= DIRECT_LD;
    s.direct_b = trans_a && !trans_b && ldb <= DIRECT_LD;
    ATTI_TRY(atti_scratch_take(&s.panels, (size_t)(SEQ_K * (cols + a_floats)),
                               sizeof(float)));
    s.a_panels = s.panels + SEQ_K * cols;
    for (int64_t r = 0; r < m; r += rows) {
        for (int64_t j = 0; j < n; j += cols) {
            cut at = {r, atti_min_i64(m - r, rows), j, atti_min_i64(n - j, cols), 0, 0};
            do { /* once even when k = 0: c becomes zero */
                at.k = atti_min_i64(k - at.k0, SEQ_K);
                int64_t more = atti_min_i64(k - at.k0 - at.k, SEQ_K);
                seq_block(&s, &at, more, accumulate);
                at.k0 += at.k;
            } while (at.k0 < k);
        }
    }
    atti_scratch_give(s.panels);
    return ATT_OK;
}
