/* program.c - the pieces that builders of programs share. */
#include "models/program.h"

#include <stdarg.h>
#include <stdio.h>

att_var atti_prog_param(atti_prog *b, int64_t rows, int64_t cols, const char *fmt, ...)
{
    char name[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    att_var v = att_tape_find(b->t, name);
    if (!atti_prog_ok(b) || v != ATT_NO_VAR) return v;
    b->status = att_tape_param(b->t, &v, name, rows, cols);
    return atti_prog_ok(b) ? v : ATT_NO_VAR;
}

bool atti_prog_neighbours(const atti_prog *b, const char *fmt, ...)
{
    char name[256];
    size_t first, n;
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    return atti_params_neighbours(b->ps, name, &first, &n);
}

att_var atti_prog_dense(atti_prog *b, att_var x, int64_t out, int64_t in, int bias,
                        att_activation act, const char *name)
{
    att_var w = atti_prog_param(b, out, in, "%s.weight", name), y = ATT_NO_VAR;
    att_var add = bias ? atti_prog_param(b, 1, out, "%s.bias", name) : ATT_NO_VAR;
    if (atti_prog_ok(b)) b->status = att_op_linear(b->t, &y, x, w, add, act, 0.0f);
    return y;
}

att_var atti_prog_conv1d(atti_prog *b, att_var x, int64_t out, int64_t in, int bias,
                         att_activation act, const char *name)
{
    att_var w = atti_prog_param(b, in, out, "%s.weight", name), y = ATT_NO_VAR, z;
    att_var add = bias ? atti_prog_param(b, 1, out, "%s.bias", name) : ATT_NO_VAR;
    if (atti_prog_ok(b)) b->status = att_op_matmul(b->t, &y, x, w, 0);
    if (atti_prog_ok(b) && bias) {
        b->status = att_op_add(b->t, &z, y, add);
        y = z;
    }
    if (atti_prog_ok(b) && act != ATT_ACT_NONE) {
        b->status = att_op_activation(b->t, &z, y, act);
        y = z;
    }
    return y;
}

void atti_prog_close_pre(atti_prog *b, att_var x, att_var bias, const atti_prog_norm *n,
                         float dropout)
{
    if (atti_prog_ok(b))
        b->status =
            att_op_add_norm_both(b->t, &b->y, &b->h, x, bias, b->h, n->gamma, n->beta,
                                 n->rms, n->eps, atti_prog_drop(b, dropout));
}

void atti_prog_close_post(atti_prog *b, att_var x, att_var bias,
                          const atti_prog_norm *n, float dropout)
{
    if (atti_prog_ok(b))
        b->status = att_op_add_norm(b->t, &b->y, x, bias, b->y, n->gamma, n->beta,
                                    n->rms, n->eps, atti_prog_drop(b, dropout));
}

att_status atti_prog_rows(att_tape *t, atti_program_io *io, int decoder)
{
    att_rows *rows = decoder ? &io->tgt_rows : &io->src_rows;
    att_var *ids = decoder ? &io->tgt_ids : &io->src_ids;
    att_var *offsets = decoder ? &io->tgt_offsets : &io->src_offsets;
    atti_program_io_init(io);
    ATTI_TRY(att_tape_symbol(t, rows, decoder ? "tgt_rows" : "src_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->seqs, "seqs"));
    ATTI_TRY(att_tape_symbol_plus(t, &io->seqs1, io->seqs, 1));
    ATTI_TRY(
        att_tape_input(t, ids, decoder ? "tgt_ids" : "src_ids", ATT_I32, *rows, 1));
    return att_tape_input(t, offsets, decoder ? "tgt_offsets" : "src_offsets", ATT_I32,
                          io->seqs1, 1);
}
