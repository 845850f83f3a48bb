/* nn_positions.c - positions as values of their own, and embeddings that add them. */
#include "nn/nn_internal.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <math.h>
#include <string.h>

att_status att_nn_sinusoids(float *table, int64_t rows, int64_t cols,
                            att_nn_position_kind kind, int64_t first, double base)
{
    int64_t n;
    if (!table) return atti_fail(ATT_EINVAL, "sinusoids: table is NULL");
    if (kind != ATT_NN_POS_INTERLEAVED && kind != ATT_NN_POS_HALVES)
        return atti_fail(ATT_EINVAL, "sinusoids: kind %d, in 1..2", (int)kind);
    if (rows < 1 || cols < 1 || !atti_mul_i64(&n, rows, cols))
        return atti_fail(ATT_EINVAL, "sinusoids: [%lld,%lld]", (long long)rows,
                         (long long)cols);
    if (base == 0.0) base = 10000.0;
    if (!(base > 0.0 && base < INFINITY))
        return atti_fail(ATT_EINVAL, "sinusoids: base %g", base);
    int64_t half = cols / 2 + cols % 2;
    for (int64_t p = 0; p < rows; p++)
        for (int64_t i = 0; i < half; i++) {
            double a = (double)(first + p) * pow(base, -2.0 * (double)i / (double)cols);
            int split = kind == ATT_NN_POS_HALVES;
            int64_t s = split ? i : 2 * i, k = split ? half + i : 2 * i + 1;
            table[p * cols + s] = (float)sin(a);
            if (k < cols) table[p * cols + k] = (float)cos(a);
        }
    return ATT_OK;
}

void att_nn_position_opts_init(att_nn_position_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->name = "positions";
}

/* Numbers that are there at the start: constants, or a parameter's first values. */
static att_status from_table(att_nn *nn, att_var *pos, const att_nn_position_opts *o,
                             int64_t rows, int64_t cols, const float *table)
{
    if (o->trainable)
        return atti_nn_get(nn, pos, o->name, rows, cols, ATTI_NN_GIVEN, table);
    return att_tape_constant(nn->tape, pos, o->name, rows, cols, table);
}

static att_status given(att_nn *nn, att_var *pos, const att_nn_position_opts *o)
{
    const att_tensor *t = o->table;
    att_tensor f;
    if (!t || t->ndim != 2)
        return atti_fail(ATT_ESHAPE,
                         "positions: the table has %d dimensions, expected 2",
                         t ? (int)t->ndim : 0);
    if ((o->rows && o->rows != t->shape[0]) || (o->cols && o->cols != t->shape[1]))
        return atti_fail(ATT_ESHAPE,
                         "positions: the table is [%lld,%lld], expected [%lld,%lld]",
                         (long long)t->shape[0], (long long)t->shape[1],
                         (long long)o->rows, (long long)o->cols);
    ATTI_TRY(att_tensor_alloc(&f, ATT_F32, 2, t->shape));
    att_status st = att_tensor_copy(&f, t);
    if (st == ATT_OK) st = from_table(nn, pos, o, t->shape[0], t->shape[1], f.data);
    att_tensor_deinit(&f);
    return st;
}

att_status att_nn_positions(att_nn *nn, att_var *pos, const att_nn_position_opts *o)
{
    ATTI_TRY(atti_nn_check(nn, pos, o, o ? o->size : 0, sizeof *o, "positions"));
    float *table = NULL;
    int64_t n;
    if (o->kind == ATT_NN_POS_NONE) {
        *pos = ATT_NO_VAR;
        return ATT_OK;
    }
    if ((int)o->kind < 0 || o->kind > ATT_NN_POS_GIVEN || !o->name)
        return atti_fail(ATT_EINVAL, "positions: kind %d, in 0..4, or no name",
                         (int)o->kind);
    if (o->kind == ATT_NN_POS_GIVEN) return given(nn, pos, o);
    if (o->rows < 1 || o->cols < 1 || !atti_mul_i64(&n, o->rows, o->cols))
        return atti_fail(ATT_EINVAL, "positions: [%lld,%lld]", (long long)o->rows,
                         (long long)o->cols);
    if (o->kind == ATT_NN_POS_LEARNED)
        return atti_nn_get(nn, pos, o->name, o->rows, o->cols, ATT_NN_NORMAL, NULL);
    /* The same table twice (both sides of a translation) is one. */
    att_var found = att_tape_find(nn->tape, o->name);
    if (found != ATT_NO_VAR && att_tape_rows(nn->tape, found) == o->rows &&
        att_tape_cols(nn->tape, found) == o->cols) {
        *pos = found;
        return ATT_OK;
    }
    ATTI_TRY(atti_alloc(&table, (size_t)n, sizeof *table, "sinusoids"));
    att_status st =
        att_nn_sinusoids(table, o->rows, o->cols, o->kind, o->first, o->base);
    if (st == ATT_OK) st = from_table(nn, pos, o, o->rows, o->cols, table);
    atti_free(table);
    return st;
}

att_status att_nn_embedding(att_nn *nn, att_var *y, att_var ids, att_var offsets,
                            att_var pos, const char *name, int64_t vocab, int64_t cols,
                            float scale, float dropout)
{
    atti_nn_name full;
    att_var table;
    if (!nn || !y || !name)
        return atti_fail(ATT_EINVAL, "embedding: an argument is NULL");
    ATTI_TRY(atti_nn_print(&full, "%s.weight", name));
    ATTI_TRY(atti_nn_get(nn, &table, full.s, vocab, cols, ATT_NN_NORMAL, NULL));
    if (scale == 0.0f) scale = sqrtf((float)cols);
    return att_op_embed(nn->tape, y, ids, table, scale, pos, offsets, -1, dropout);
}

att_status att_nn_add_positions(att_nn *nn, att_var *y, att_var x, att_var pos,
                                att_var places)
{
    att_var p;
    if (!nn || !y) return atti_fail(ATT_EINVAL, "add_positions: an argument is NULL");
    ATTI_TRY(att_op_gather_rows(nn->tape, &p, pos, places));
    return att_op_add(nn->tape, y, x, p);
}
