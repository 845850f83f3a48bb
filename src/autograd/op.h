/* op.h - what an operator is. One file in autograd/ops/ each, with shapes, forward,
 * backward and a gradcheck sample side by side; op_registry.c lists them all.
 *
 * An operator sees contiguous matrices whose rows are already bound, and memory that is
 * already planned. It may run in parallel (base/threads.h) but allocates nothing.
 *
 * Rules that the planner relies on:
 *   - forward writes every element of its outputs, and its saves when c->training
 *   - backward writes (or, where in[i].accumulate, adds to) every element of in[i].grad
 *     within the slot's columns; grad NULL = not wanted
 *   - out[i].grad is scratch of backward: it dies there, so it may be overwritten; NULL =
 *     nothing depends on this output, its gradient is zero
 *   - saves exist in training plans only: NULL otherwise
 *   - an input's or output's data may be read in backward only if needs() says so */
#ifndef ATTI_OP_H
#define ATTI_OP_H

#include "attend/tape.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/str.h"
#include "kernels/kernels.h"

enum { ATTI_MAX_IN = 24, ATTI_MAX_OUT = 2, ATTI_MAX_SAVE = 4 };

typedef struct atti_op atti_op;

typedef struct atti_shape {
    att_rows rows; /* fixed or a symbol */
    int64_t cols;
    att_dtype dtype;
} atti_shape;

/* What backward needs besides operands: made by forward, alive until backward. */
typedef struct atti_save {
    atti_shape shape;
    int32_t over; /* may take the memory of this input slot if that dies here; -1 no */
} atti_save;

/* One recorded operator. */
typedef struct atti_node {
    const atti_op *op;
    void *attr; /* op->attr_bytes, owned by the tape */
    int32_t index;
    int32_t n_in, n_out, n_save;
    att_var in[ATTI_MAX_IN];                      /* ATT_NO_VAR: absent */
    int64_t col0[ATTI_MAX_IN], col1[ATTI_MAX_IN]; /* columns that the slot reads */
    att_var out[ATTI_MAX_OUT];
    atti_save save[ATTI_MAX_SAVE];
} atti_node;

/* One operand of a run: contiguous [rows, cols]. */
typedef struct atti_mat {
    float *f;         /* NULL: absent (or an i32 operand) */
    const int32_t *i; /* i32 operands */
    float *grad;
    int64_t rows, cols;
    int accumulate;
} atti_mat;

typedef struct atti_call {
    const atti_node *node;
    atti_mat in[ATTI_MAX_IN], out[ATTI_MAX_OUT];
    void *save[ATTI_MAX_SAVE];
    void *scratch; /* 64-byte aligned, scratch() bytes */
    size_t scratch_bytes;
    uint64_t key; /* of dropout: (seed, step, node) */
    int training;
    int bf16; /* products round their operands to bf16 */
    /* Where a product keeps its packed weight, in[1], from run to run; NULL: it may have
     * changed. */
    struct atti_linear **packed;
} atti_call;

/* Shape inference: in[] are given (absent: cols 0), the rest is to be filled. */
typedef struct atti_infer {
    att_tape *tape; /* for messages */
    atti_node *node;
    const void *attr;
    atti_shape in[ATTI_MAX_IN];
    atti_shape out[ATTI_MAX_OUT];
} atti_infer;

struct atti_sample;

struct atti_op {
    const char *name;
    size_t attr_bytes;
    /* Checks shapes; sets n_out, out, n_save, save, and col0/col1 of partial inputs. */
    att_status (*infer)(atti_infer *f);
    att_status (*forward)(atti_call *c);
    att_status (*backward)(atti_call *c); /* NULL: no gradient passes */
    /* Bits of the inputs and outputs whose data backward reads. NULL: none. */
    void (*needs)(const atti_node *n, uint32_t *ins, uint32_t *outs);
    /* Makes the outputs again from what is kept, so that they need not live from forward to
     * backward: called before the first backward that reads them; reads saves and the
     * inputs of needs_again(). The same bits as forward. NULL: cannot. */
    att_status (*again)(atti_call *c);
    /* From which att_tape_plan_opts.recompute on it is done, and the inputs it reads. */
    int32_t (*again_level)(const atti_node *n, uint32_t *ins);
    /* Input slot whose memory output o may take over, if it dies here; -1. NULL: none. */
    int32_t (*in_place)(const atti_node *n, int32_t o);
    /* Output slot whose gradient's memory the gradient of input i may take over; -1. */
    int32_t (*grad_in_place)(const atti_node *n, int32_t i);
    /* Bytes at the rows of c (the maximum; data is NULL). NULL: none. */
    att_status (*scratch)(size_t *bytes, const atti_call *c, int backward);
    double (*flops)(const atti_call *c, int backward); /* matrix products; NULL: 0 */
    void (*describe)(const atti_node *n, atti_str *s); /* attributes, for people */
    uint32_t no_grad_outs; /* bits of outputs that carry no gradient (statistics) */
    uint32_t sticky_outs;  /* bits of outputs that are always kept (losses) */
    /* Records variant 0, 1, ... on s->tape for tests/grad; ATT_ENOTFOUND past the last. */
    att_status (*sample)(struct atti_sample *s, int variant);
};

/* Appends an operator; attr is copied. outs receives n_out values. On failure nothing
 * changes. */
ATT_MUST_CHECK att_status atti_tape_record(att_tape *t, const atti_op *op,
                                           const att_var *in, int32_t n_in,
                                           const void *attr, att_var *outs);
/* The same with column ranges: begin[i] .. end[i] of input i; end 0 = to the last. */
ATT_MUST_CHECK att_status atti_tape_record_ranges(att_tape *t, const atti_op *op,
                                                  const att_var *in,
                                                  const int64_t *begin,
                                                  const int64_t *end, int32_t n_in,
                                                  const void *attr, att_var *outs);

/* Takes back the operators whose results are values n_values and above: for a recording of
 * several operators that failed at a later one. */
void atti_tape_forget(att_tape *t, int32_t n_values);

/* The i-th operator of all, NULL past the end. */
const atti_op *atti_op_at(int i);

/* "[src_rows,128] i32" of a shape, in a buffer of the caller. */
typedef struct atti_tape_shape_text {
    char s[96];
} atti_tape_shape_text;
atti_tape_shape_text atti_shape_str(const att_tape *t, const atti_shape *s);

/* ---- samples: what tests/grad runs (op_sample.c) ---- */

enum { ATTI_SAMPLE_MAX = 24 };

typedef struct atti_sample_input {
    att_var var;
    int32_t is_param; /* else an input: i32, or f32 */
    float *f;
    int32_t *i;
    float *grad; /* of a parameter */
    int64_t rows, cols;
} atti_sample_input;

typedef struct atti_sample {
    att_tape *tape;
    atti_rng rng;
    int32_t n;
    atti_sample_input input[ATTI_SAMPLE_MAX];
    att_var out;     /* the value whose weighted sum is differentiated */
    att_var out2;    /* a second one, or ATT_NO_VAR */
    float tolerance; /* 0: the driver's; larger where the function has kinks nearby */
    int32_t
        path_by_grads; /* which gradients are wanted picks the path: a frozen operand
                              changes the others' rounding */
    att_status status; /* the first failure of the helpers below */
} atti_sample;

/* A parameter with values uniform in lo..hi, away from zero by `gap`. */
att_var atti_sample_param(atti_sample *s, int64_t rows, int64_t cols, float lo,
                          float hi, float gap);
/* An i32 input with these values. */
att_var atti_sample_ints(atti_sample *s, int64_t rows, const int32_t *values);
att_var atti_sample_table(atti_sample *s, int64_t rows, int64_t cols,
                          const int32_t *values);
void atti_sample_deinit(atti_sample *s);

#endif
