/* linear.c - a weight packed once for many products: inference, and weights that one
 * training step uses several times. The packed copy is the only one that is read, so few
 * rows cost one pass over the weight and many rows run at the processor's rate; the bits
 * of a row are the same either way (gemm.h). */
#include "base/alloc.h"
#include "base/checked.h"
#include "kernels/bf16.h"
#include "kernels/matmul_core.h"

struct atti_linear {
    int64_t n_out, n_in, ldw;
    int trans;
    atti_linear_kind kind;
    size_t bytes;
    float *panels;    /* f32, and bf16 where it is emulated: rounded, then packed */
    uint16_t *blocks; /* bf16 */
};

/* Stored rows and columns of w. */
static int64_t w_rows(const atti_linear *l)
{
    return l->trans ? l->n_in : l->n_out;
}

static int64_t w_cols(const atti_linear *l)
{
    return l->trans ? l->n_out : l->n_in;
}

static att_status pack(atti_linear *l, const float *w)
{
    if (l->blocks) {
        atti_bf16_pack_parallel(atti_bf16(), l->blocks, w, l->ldw, !l->trans, 1,
                                l->n_out, l->n_in);
        return ATT_OK;
    }
    if (l->kind != ATTI_LINEAR_BF16) {
        atti_pack_parallel(l->panels, w, l->ldw, !l->trans, l->n_in, l->n_out);
        return ATT_OK;
    }
    float *rounded;
    int64_t rows = w_rows(l), cols = w_cols(l);
    ATTI_TRY(atti_scratch_take(&rounded, (size_t)(rows * cols), sizeof *rounded));
    atti_bf16_round(rounded, w, l->ldw, rows, cols);
    atti_pack_parallel(l->panels, rounded, cols, !l->trans, l->n_in, l->n_out);
    atti_scratch_give(rounded);
    return ATT_OK;
}

static att_status make_room(atti_linear *l)
{
    size_t count;
    if (l->kind == ATTI_LINEAR_BF16 && atti_bf16()) {
        count = (size_t)atti_bf16_numbers(l->n_out, l->n_in);
        l->bytes = count * sizeof *l->blocks;
        return atti_alloc_raw(&l->blocks, count, sizeof *l->blocks,
                              "packed weight of a linear");
    }
    count = (size_t)atti_packed_floats(l->n_in, l->n_out);
    l->bytes = count * sizeof *l->panels;
    return atti_alloc_raw(&l->panels, count, sizeof *l->panels,
                          "packed weight of a linear");
}

att_status atti_linear_create(atti_linear **out, atti_linear_kind kind, const float *w,
                              int64_t n_out, int64_t n_in, int64_t ldw, int trans)
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
    att_status st = make_room(l);
    if (st == ATT_OK) st = pack(l, w);
    if (st != ATT_OK) {
        atti_linear_destroy(l);
        return st;
    }
    *out = l;
    return ATT_OK;
}

void atti_linear_destroy(atti_linear *l)
{
    if (!l) return;
    atti_free(l->panels);
    atti_free(l->blocks);
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

static att_status run_bf16(const atti_linear *l, float *y, int64_t ldy, const float *x,
                           int64_t ldx, int64_t rows, const atti_epilogue *epi)
{
    if (l->blocks) {
        atti_bf16_product p = {atti_bf16(), x,    ldx,      1,       l->blocks, y,
                               ldy,         rows, l->n_out, l->n_in, 0};
        return atti_bf16_parallel(&p, epi);
    }
    float *rounded;
    ATTI_TRY(atti_scratch_take(&rounded, (size_t)(rows * l->n_in), sizeof *rounded));
    atti_bf16_round(rounded, x, ldx, rows, l->n_in);
    atti_packed_product p = {rounded, l->panels, y,       l->n_in, ldy,
                             rows,    l->n_out,  l->n_in, 0};
    atti_packed_parallel(&p, epi);
    atti_scratch_give(rounded);
    return ATT_OK;
}

att_status atti_linear_run(const atti_linear *l, float *y, int64_t ldy, const float *x,
                           int64_t ldx, int64_t rows, const atti_epilogue *epi)
{
    if (rows < 0) return atti_fail(ATT_ESHAPE, "linear: %lld rows", (long long)rows);
    if (l->kind == ATTI_LINEAR_BF16) return run_bf16(l, y, ldy, x, ldx, rows, epi);
    const float *bias = epi ? epi->bias : NULL;
    atti_packed_product p = {x,    l->panels, y,       ldx, ldy,
                             rows, l->n_out,  l->n_in, 0,   bias};
    atti_packed_parallel(&p, epi);
    return ATT_OK;
}
