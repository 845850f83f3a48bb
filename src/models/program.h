/* program.h - recording a family's program: the first failure is remembered and later
 * steps do nothing, so that a builder reads as the list of what it records. */
#ifndef ATTI_PROGRAM_H
#define ATTI_PROGRAM_H

#include "models/family.h"

typedef struct atti_prog {
    att_tape *t;
    const atti_params *ps;
    int32_t training;
    att_status status;
    att_var y; /* post-norm: the stream; pre-norm: its norm, what the next part reads */
    att_var h; /* pre-norm: the stream */
} atti_prog;

static inline int atti_prog_ok(const atti_prog *b)
{
    return b->status == ATT_OK;
}
/* A probability of this recording: 0 unless it is for training. */
static inline float atti_prog_drop(const atti_prog *b, float p)
{
    return b->training ? p : 0.0f;
}

/* A parameter (or neighbours, by braces; "[k:]" cuts rows) as a value [rows, cols], made
 * at its first use. */
att_var atti_prog_param(atti_prog *b, int64_t rows, int64_t cols, const char *fmt, ...)
    ATTI_PRINTF(4, 5);
/* Whether several parameters can be read as one matrix. */
bool atti_prog_neighbours(const atti_prog *b, const char *fmt, ...) ATTI_PRINTF(2, 3);

/* y = act(x W^T + b) of "<name>.weight" [out, in] and, with bias, "<name>.bias". */
att_var atti_prog_dense(atti_prog *b, att_var x, int64_t out, int64_t in, int bias,
                        att_activation act, const char *name);
/* The same for "<name>.weight" stored as [in, out], bias always (GPT-2). */
att_var atti_prog_conv1d(atti_prog *b, att_var x, int64_t out, int64_t in, int bias,
                         att_activation act, const char *name);

/* A norm's parameters; beta ATT_NO_VAR for RMS. */
typedef struct atti_prog_norm {
    att_var gamma, beta;
    int32_t rms;
    float eps;
} atti_prog_norm;
/* Pre-norm's end of a sub-layer: h = h + drop(x + bias), y = norm(h). */
void atti_prog_close_pre(atti_prog *b, att_var x, att_var bias, const atti_prog_norm *n,
                         float dropout);
/* Post-norm's: y = norm(y + drop(x + bias)). */
void atti_prog_close_post(atti_prog *b, att_var x, att_var bias,
                          const atti_prog_norm *n, float dropout);

/* Symbols and inputs that single-input families share: rows, sequences, ids, offsets. */
ATT_MUST_CHECK att_status atti_prog_rows(att_tape *t, atti_program_io *io, int decoder);

#endif
