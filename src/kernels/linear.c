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
    float *panels;         /* f32 */
    atti_bf16_weight half; /* bf16 */
};

static att_status pack(atti_linear *l, const float *w)
{
    if (l->kind == ATTI_LINEAR_BF16)
        return atti_bf16_weight_pack(&l->half, w, l->ldw, !l->trans);
    atti_pack_parallel(l->panels, w, l->ldw, !l->trans, l->n_in, l->n_out);
    return ATT_OK;
}

static att_status make_room(atti_linear *l)
{
    static const char *const what = "packed weight of a linear";
    if (l->kind == ATTI_LINEAR_BF16) {
        l->half = (atti_bf16_weight){atti_bf16(), NULL, l->n_out, l->n_in};
        l->bytes = atti_bf16_weight_bytes(l->half.k, l->n_out, l->n_in);
        return atti_alloc_raw(&l->half.memory, l->bytes, 1, what);
    }
    size_t floats = (size_t)atti_packed_floats(l->n_in, l->n_out);
    l->bytes = floats * sizeof(float);
    return atti_alloc_raw(&l->panels, floats, sizeof(float), what);
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

att_status atti_linear_run(const atti_linear *l, float *y, int64_t ldy, const float *x,
                           int64_t ldx, int64_t rows, const atti_epilogue *epi)
{
    if (rows < 0) return atti_fail(ATT_ESHAPE, "linear: %lld rows", (long long)rows);
    if (l->kind == ATTI_LINEAR_BF16)
        return atti_bf16_weight_run(&l->half, y, ldy, x, ldx, rows, 0, epi);
    const float *bias = epi ? epi->bias : NULL;
    atti_packed_product p = {x,    l->panels, y,       ldx, ldy,
                             rows, l->n_out,  l->n_in, 0,   bias};
    atti_packed_parallel(&p, epi);
    return ATT_OK;
}
