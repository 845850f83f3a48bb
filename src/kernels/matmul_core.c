/* matmul_core.c - one thread's matrix products: the loops around the tile.
 *
 * Block sizes are chosen for the caches (48 KB and 2 MB on the processors this was tuned
 * on, 32 KB and 512 KB work too) and change nothing but speed: gemm.h says why. */
#include "kernels/matmul_core.h"
#include "base/checked.h"
#include "kernels/kernels.h"

enum {
    K_BLOCK = 512,          /* steps of k between two visits to c: 28 KB of a stay in */
                            /* the first cache while panels of b stream past them */
    L2_FLOATS = 192 * 1024, /* packed b that stays in the second cache */
    SEQ_K = 256,            /* block of an unpacked product: 256 x 256 of b, ... */
    SEQ_N = 256,
    SEQ_M = 504, /* ... 256 x 504 of a transposed a: together 0.8 MB */
};

const atti_gemm_kernels *atti_gemm_tiles(void)
{
    return atti_k()->mm;
}

int64_t atti_packed_floats(int64_t k, int64_t n)
{
    return atti_round_up(n, atti_gemm_tiles()->nr) * k;
}

/* Rows [r0, r1) against panels [p0, p1), steps [k0, k1). */
static void packed_tiles(const atti_packed_product *p, const atti_gemm_kernels *g,
                         int64_t r0, int64_t r1, int64_t p0, int64_t p1, int64_t k0,
                         int64_t k1)
{
    atti_gemm_tile t = {.k = k1 - k0, .lda = p->lda, .ldc = p->ldc};
    t.accumulate = p->accumulate || k0 > 0;
    for (int64_t j = p0; j < p1; j++) {
        t.b = p->panels + j * g->nr * p->k + k0 * g->nr;
        t.n = atti_min_i64(p->n - j * g->nr, g->nr);
        for (int64_t r = r0; r < r1; r += g->mr) {
            t.a = p->a + r * p->lda + k0;
            t.c = p->c + r * p->ldc + j * g->nr;
            g->tile_row(atti_min_i64(r1 - r, g->mr), &t);
        }
    }
}

void atti_packed_block(const atti_packed_product *p, int64_t row0, int64_t rows,
                       int64_t p0, int64_t p1)
{
    const atti_gemm_kernels *g = atti_gemm_tiles();
    int64_t end = row0 + rows, step = g->mr;
    int64_t panel = g->nr * atti_max_i64(p->k, 1);
    int64_t chunk = atti_max_i64(L2_FLOATS / panel, 1);
    for (int64_t j = p0; j < p1; j += chunk) {
        int64_t j1 = atti_min_i64(j + chunk, p1);
        for (int64_t r = row0; r < end; r += step) {
            int64_t r1 = atti_min_i64(r + step, end), k = 0;
            do { /* once even when k = 0: c becomes zero */
                int64_t k1 = atti_min_i64(k + K_BLOCK, p->k);
                packed_tiles(p, g, r, r1, j, j1, k, k1);
                k = k1;
            } while (k < p->k);
        }
    }
}

typedef struct seq {
    const atti_gemm_kernels *g;
    float *panels, *a_panels; /* scratch */
    const float *a;
    float *c;
    int64_t lda, ldc, m;
    int trans_a;
} seq;

/* Rows [r0, r0+m) of c, `n` columns from j0 whose panels are packed, k steps from k0. */
static void seq_block(const seq *s, int64_t r0, int64_t m, int64_t j0, int64_t n,
                      int64_t k0, int64_t k, int add)
{
    const atti_gemm_kernels *g = s->g;
    atti_gemm_tile t = {.k = k, .lda = s->lda, .ldc = s->ldc, .accumulate = add};
    if (s->trans_a) g->pack_a(s->a_panels, s->a + k0 * s->lda + r0, s->lda, k, m);
    for (int64_t r = 0; r < m; r += g->mr) {
        int64_t rows = atti_min_i64(m - r, g->mr);
        t.a = s->trans_a ? s->a_panels + r / g->mr * k * g->ap
                         : s->a + (r0 + r) * s->lda + k0;
        for (int64_t j = 0; j < n; j += g->nr) {
            t.b = s->panels + j * k;
            t.c = s->c + (r0 + r) * s->ldc + j0 + j;
            t.n = atti_min_i64(n - j, g->nr);
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
    size_t floats = (size_t)(SEQ_K * (cols + a_floats));
    seq s = {g, NULL, NULL, a, c, lda, ldc, m, trans_a};
    ATTI_TRY(atti_scratch_take(&s.panels, floats, sizeof(float)));
    s.a_panels = s.panels + SEQ_K * cols;
    for (int64_t r = 0; r < m; r += rows) {
        int64_t height = atti_min_i64(m - r, rows);
        for (int64_t j = 0; j < n; j += cols) {
            int64_t width = atti_min_i64(n - j, cols), k0 = 0;
            do { /* once even when k = 0: c becomes zero */
                int64_t steps = atti_min_i64(k - k0, SEQ_K);
                const float *from = trans_b ? b + j * ldb + k0 : b + k0 * ldb + j;
                g->pack_b(s.panels, from, ldb, trans_b, steps, width);
                seq_block(&s, r, height, j, width, k0, steps, accumulate || k0 > 0);
                k0 += steps;
            } while (k0 < k);
        }
    }
    atti_scratch_give(s.panels);
    return ATT_OK;
}
