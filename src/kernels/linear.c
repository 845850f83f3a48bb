/* linear.c - a weight packed once for many products: inference, and weights that one
 * training step uses several times. The packed copy is the only one that is read, so few
 * rows cost one pass over the weight and many rows run at the processor's rate; the bits
 * of a row are the same either way (gemm.h). */
#include "base/alloc.h"
#include "base/checked.h"
#include "kernels/bf16.h"
#include "kernels/linear_few.h"
#include "kernels/matmul_core.h"

struct atti_linear {
    int64_t n_out, n_in, ldw;
    int trans;
    atti_linear_kind kind;
    size_t bytes;
    float *panels;         /* f32 */
    int lent;              /* the panels are a pool's */
    atti_bf16_weight half; /* bf16 */
};

/* ---- pools ------------------------------------------------------------------------ */

/* Blocks grow with what is in them; untouched ends of them are address space only. */
enum { FIRST_FLOATS = 1 << 20, MOST_FLOATS = 1 << 24 };

typedef struct room {
    struct room *next;
    float *floats;
    size_t n, used;
} room;

struct atti_linear_pool {
    room *last;
    size_t total;
};

att_status atti_linear_pool_create(atti_linear_pool **out)
{
    return atti_alloc(out, 1, sizeof **out, "pool of weights");
}

void atti_linear_pool_destroy(atti_linear_pool *p)
{
    while (p && p->last) {
        room *r = p->last;
        p->last = r->next;
        atti_free(r->floats);
        atti_free(r);
    }
    atti_free(p);
}

static att_status add_room(atti_linear_pool *p, size_t least)
{
    room *r;
    size_t n = p->total < FIRST_FLOATS  ? FIRST_FLOATS
               : p->total > MOST_FLOATS ? MOST_FLOATS
                                        : p->total;
    ATTI_TRY(atti_alloc(&r, 1, sizeof *r, "pool of weights"));
    r->n = n > least ? n : least;
    att_status st =
        atti_alloc_raw(&r->floats, r->n, sizeof *r->floats, "pool of weights");
    if (st != ATT_OK) {
        atti_free(r);
        return st;
    }
    p->total += r->n;
    r->next = p->last;
    p->last = r;
    return ATT_OK;
}

static att_status lend(float **out, atti_linear_pool *p, size_t n)
{
    n = (n + 15) & ~(size_t)15; /* whole cache lines */
    if (!p->last || p->last->n - p->last->used < n) ATTI_TRY(add_room(p, n));
    *out = p->last->floats + p->last->used;
    p->last->used += n;
    return ATT_OK;
}

/* ---- handles ---------------------------------------------------------------------- */

static att_status pack(atti_linear *l, const float *w)
{
    if (l->kind == ATTI_LINEAR_BF16)
        return atti_bf16_weight_pack(&l->half, w, l->ldw, !l->trans);
    atti_pack_parallel(l->panels, w, l->ldw, !l->trans, l->n_in, l->n_out);
    return ATT_OK;
}

static att_status make_room(atti_linear *l, atti_linear_pool *pool)
{
    static const char *const what = "packed weight of a linear";
    if (l->kind == ATTI_LINEAR_BF16) {
        l->half = (atti_bf16_weight){atti_bf16(), NULL, l->n_out, l->n_in};
        l->bytes = atti_bf16_weight_bytes(l->half.k, l->n_out, l->n_in);
        return atti_alloc_raw(&l->half.memory, l->bytes, 1, what);
    }
    size_t floats = (size_t)atti_packed_floats(l->n_in, l->n_out);
    l->bytes = floats * sizeof(float);
    l->lent = pool != NULL;
    if (pool) return lend(&l->panels, pool, floats);
    return atti_alloc_raw(&l->panels, floats, sizeof(float), what);
}

att_status atti_linear_create_in(atti_linear **out, atti_linear_pool *pool,
                                 atti_linear_kind kind, const float *w, int64_t n_out,
                                 int64_t n_in, int64_t ldw, int trans)
{
    int64_t padded;
    if (n_out < 0 || n_in < 0 || ldw < (trans ? n_out : n_in) ||
        !atti_mul_i64(&padded, n_out, n_in)) {
        return atti_fail(ATT_ESHAPE, "linear: out %lld, in %lld, row length %lld",
                         (long long)n_out, (long long)n_in, (long long)ldw);
    }
    if (kind != ATTI_LINEAR_F32 && kind != ATTI_LINEAR_BF16) {
        return atti_fail(ATT_ENOTSUP, "linear: weights of kind %d have no kernel here",
                         (int)kind);
    }
    atti_linear *l;
    ATTI_TRY(atti_alloc(&l, 1, sizeof *l, "linear"));
    l->n_out = n_out;
    l->n_in = n_in;
    l->ldw = ldw;
    l->trans = trans != 0;
    l->kind = kind;
    att_status st = make_room(l, pool);
    if (st == ATT_OK) st = pack(l, w);
    if (st != ATT_OK) {
        atti_linear_destroy(l);
        return st;
    }
    *out = l;
    return ATT_OK;
}

att_status atti_linear_create(atti_linear **out, atti_linear_kind kind, const float *w,
                              int64_t n_out, int64_t n_in, int64_t ldw, int trans)
{
    return atti_linear_create_in(out, NULL, kind, w, n_out, n_in, ldw, trans);
}

void atti_linear_destroy(atti_linear *l)
{
    if (!l) return;
    if (!l->lent) atti_free(l->panels);
    atti_free(l->half.memory);
    atti_free(l);
}

size_t atti_linear_bytes(const atti_linear *l)
{
    return sizeof *l + l->bytes;
}

att_status atti_linear_update(atti_linear *l, const float *w)
{
    return pack(l, w);
}

/* ---- running ---------------------------------------------------------------------- */

typedef struct ends_of {
    const atti_linear_ends *ends;
    int64_t cols;
} ends_of;

/* Ends by columns where the product is cut between rows: they come first in the row's. */
static void both_ends(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                      int thread)
{
    const ends_of *e = ctx;
    atti_column_piece all = {row0, rows, 0, e->cols};
    if (e->ends->columns) e->ends->columns(e->ends->ctx, y, ldy, &all, thread);
    if (e->ends->rows) e->ends->rows(e->ends->ctx, y, ldy, row0, rows, thread);
}

att_status atti_linear_run_ends(const atti_linear *l, float *y, int64_t ldy,
                                const float *x, int64_t ldx, int64_t rows,
                                const atti_linear_ends *ends)
{
    ends_of e = {ends, l->n_out};
    atti_epilogue epi = {both_ends, &e, ends->bias};
    if (rows < 0) return atti_fail(ATT_ESHAPE, "linear: %lld rows", (long long)rows);
    if (!ends->columns && !ends->rows) epi.fn = NULL;
    if (l->kind == ATTI_LINEAR_BF16)
        return atti_bf16_weight_run(&l->half, y, ldy, x, ldx, rows, 0, &epi);
    atti_packed_product p = {x,    l->panels, y,       ldx, ldy,
                             rows, l->n_out,  l->n_in, 0,   ends->bias};
    if (rows <= ATTI_FEW_ROWS)
        atti_few_parallel(&p, ends);
    else
        atti_packed_parallel(&p, &epi);
    return ATT_OK;
}

att_status atti_linear_run(const atti_linear *l, float *y, int64_t ldy, const float *x,
                           int64_t ldx, int64_t rows, const atti_epilogue *epi)
{
    atti_linear_ends ends = {.bias = epi ? epi->bias : NULL,
                             .rows = epi ? epi->fn : NULL,
                             .ctx = epi ? epi->ctx : NULL};
    return atti_linear_run_ends(l, y, ldy, x, ldx, rows, &ends);
}
