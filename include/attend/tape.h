/* attend/tape.h - a program of operators over named values: recorded once, planned once,
 * run many times, forward and backward.
 *
 * Every value is a matrix [rows, cols], row-major, f32 or i32. rows is a fixed number or
 * a symbol (source tokens, target tokens, sequences) that each run binds anew, up to the
 * maximum that memory was planned for. Nothing is allocated in a run. Reading the list of
 * operators (att_tape_print) is reading the model; the gradient list is made from it.
 *
 * Ragged batches: no padding exists. A value with token rows comes with an offsets value
 * [sequences + 1, 1] i32.
 *
 * Operators return ATT_OK and the new value; shapes are checked as they are recorded,
 * with both shapes in the message. One tape belongs to one thread at a time. */
#ifndef ATTEND_TAPE_H
#define ATTEND_TAPE_H

#include "attend/attention.h"
#include "attend/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_tape att_tape;
typedef int32_t att_var; /* a value; ATT_NO_VAR where an optional operand is absent */
#define ATT_NO_VAR (-1)

/* A row count: >= 0 fixed, or what att_tape_symbol gave. */
typedef int64_t att_rows;

ATT_API ATT_MUST_CHECK att_status att_tape_create(att_tape **out);
ATT_API void att_tape_destroy(att_tape *tape);

/* A named row count, bound by att_tape_bind. extra: the symbol is `base` + extra rows (offsets: sequences + 1). */
ATT_API ATT_MUST_CHECK att_status att_tape_symbol(att_tape *tape, att_rows *out, const char *name);
ATT_API ATT_MUST_CHECK att_status att_tape_symbol_plus(att_tape *tape, att_rows *out, att_rows base, int64_t extra);

/* Data from outside: att_tape_set points it at the caller's memory before a run. */
ATT_API ATT_MUST_CHECK att_status att_tape_input(att_tape *tape, att_var *out, const char *name, att_dtype dtype,
                                                 att_rows rows, int64_t cols);
/* A parameter: value and gradient live in the caller's memory (att_tape_set_param). */
ATT_API ATT_MUST_CHECK att_status att_tape_param(att_tape *tape, att_var *out, const char *name, int64_t rows, int64_t cols);

/* ---- operators (C = cols of x) ---- */

typedef enum att_activation {
    ATT_ACT_NONE = 0, ATT_ACT_RELU = 1, ATT_ACT_GELU = 2, ATT_ACT_GELU_TANH = 3, ATT_ACT_SILU = 4, ATT_ACT_QUICK_GELU = 5,
    ATT_ACT_TANH = 6, ATT_ACT_SIGMOID = 7
} att_activation;

/* y [N,O] = drop(act(x W^T + b)); W [O,C], b [1,O] or absent. */
ATT_API ATT_MUST_CHECK att_status att_op_linear(att_tape *tape, att_var *y, att_var x, att_var w, att_var b,
                                                att_activation act, float dropout);
/* y = norm(res + drop(x + b)) (post-norm). kind 0 layer norm, 1 RMS norm; beta, b, res may be absent. */
ATT_API ATT_MUST_CHECK att_status att_op_add_norm(att_tape *tape, att_var *y, att_var x, att_var b, att_var res,
                                                  att_var gamma, att_var beta, int32_t kind, float eps, float dropout);
/* h = res + drop(x + b), and y = norm(h): both are wanted (pre-norm). */
ATT_API ATT_MUST_CHECK att_status att_op_add_norm_both(att_tape *tape, att_var *y, att_var *h, att_var x, att_var b,
                                                       att_var res, att_var gamma, att_var beta, int32_t kind,
                                                       float eps, float dropout);
/* y [N,C] = drop(table[ids] * scale + pos[position in its sequence + origin]); pos may be absent; pos param or input [P,C].
 * skip_id: a row that gets no gradient (padding), -1 none. */
ATT_API ATT_MUST_CHECK att_status att_op_embed(att_tape *tape, att_var *y, att_var ids, att_var table, float scale,
                                               att_var pos, att_var offsets, int32_t skip_id, float dropout);
/* Attention of ragged rows. q [N, H*D], k [M, G*D], v [M, G*E] are column ranges of values (a fused projection is one value
 * with three ranges). seed is replaced by the run's own. Operands of att_attention_args that are parameters are values here. */
typedef struct att_op_attention_opts {
    uint32_t size;
    att_attention_desc desc;
    int32_t n_heads, n_kv_heads;
    att_var q, k, v;
    int64_t q_col, k_col, v_col; /* first column */
    int64_t d, e;                /* widths a head */
    att_var q_offsets, k_offsets;
    att_var score_w, score_b, t5_table, rel_k, rel_v, sink_logit, alibi_slopes;
} att_op_attention_opts;
ATT_API void att_op_attention_opts_init(att_op_attention_opts *opts);
ATT_API ATT_MUST_CHECK att_status att_op_attention(att_tape *tape, att_var *y, const att_op_attention_opts *opts);
/* Vocabulary projection, log-softmax, smoothed loss and their gradients in chunks of rows: [N,V] never exists.
 *   loss [1,1] = sum over rows of the smoothed loss; stats [1,4] = {sum smoothed, sum nll, rows counted, rows whose argmax is the target}
 *   targets [N,1] i32, negative = ignored; mask_class: a class with probability 0, -1 none. */
ATT_API ATT_MUST_CHECK att_status att_op_vocab_loss(att_tape *tape, att_var *loss, att_var *stats, att_var x, att_var table,
                                                    att_var bias, att_var targets, float smoothing, int32_t mask_class);
/* Small pieces, for composing and teaching. */
ATT_API ATT_MUST_CHECK att_status att_op_add(att_tape *tape, att_var *y, att_var a, att_var b);
ATT_API ATT_MUST_CHECK att_status att_op_mul(att_tape *tape, att_var *y, att_var a, att_var b);
ATT_API ATT_MUST_CHECK att_status att_op_scale(att_tape *tape, att_var *y, att_var x, float a);
ATT_API ATT_MUST_CHECK att_status att_op_activation(att_tape *tape, att_var *y, att_var x, att_activation act);
ATT_API ATT_MUST_CHECK att_status att_op_dropout(att_tape *tape, att_var *y, att_var x, float p);
ATT_API ATT_MUST_CHECK att_status att_op_glu(att_tape *tape, att_var *y, att_var gate, att_var up, att_activation act);
ATT_API ATT_MUST_CHECK att_status att_op_matmul(att_tape *tape, att_var *y, att_var a, att_var b, int32_t trans_b);
ATT_API ATT_MUST_CHECK att_status att_op_softmax(att_tape *tape, att_var *y, att_var x);
ATT_API ATT_MUST_CHECK att_status att_op_concat(att_tape *tape, att_var *y, const att_var *x, int32_t n); /* columns */
ATT_API ATT_MUST_CHECK att_status att_op_slice_cols(att_tape *tape, att_var *y, att_var x, int64_t begin, int64_t end);
ATT_API ATT_MUST_CHECK att_status att_op_gather_rows(att_tape *tape, att_var *y, att_var x, att_var index); /* index i32 [M,1] */
/* y [B,C]: mean (0), max (1), sum (2), first (3), last (4) of each sequence's rows; an empty sequence gives zeros. */
ATT_API ATT_MUST_CHECK att_status att_op_pool(att_tape *tape, att_var *y, att_var x, att_var offsets, int32_t kind);
/* Losses with targets a row: class ids (cross entropy) or numbers (mean of squares); loss and stats as vocab_loss. */
ATT_API ATT_MUST_CHECK att_status att_op_cross_entropy(att_tape *tape, att_var *loss, att_var *stats, att_var logits,
                                                       att_var targets, float smoothing);
ATT_API ATT_MUST_CHECK att_status att_op_squared_error(att_tape *tape, att_var *loss, att_var x, att_var targets);

/* ---- plan and run ---- */

typedef struct att_tape_plan_opts {
    uint32_t size;
    int32_t training;      /* 0: forward only, activations share memory */
    const int64_t *max_rows; /* one number a symbol, in the order of creation */
    int32_t n_max_rows;
} att_tape_plan_opts;
ATT_API void att_tape_plan_opts_init(att_tape_plan_opts *opts);
typedef struct att_tape_memory {
    uint32_t size;
    size_t activations, gradients, scratch; /* bytes of the arena by use; parameters are the caller's */
    double forward_flops, backward_flops;   /* of matrix products at the maximum */
} att_tape_memory;
/* Bytes without allocating (out may be NULL in att_tape_plan's place). */
ATT_API ATT_MUST_CHECK att_status att_tape_measure(att_tape *tape, const att_tape_plan_opts *opts, att_tape_memory *out);
ATT_API ATT_MUST_CHECK att_status att_tape_plan(att_tape *tape, const att_tape_plan_opts *opts);

/* Keep this value (and its gradient) readable after a run: planned before att_tape_plan. */
ATT_API ATT_MUST_CHECK att_status att_tape_keep(att_tape *tape, att_var v);
ATT_API ATT_MUST_CHECK att_status att_tape_set_param(att_tape *tape, att_var v, float *value, float *grad);
ATT_API ATT_MUST_CHECK att_status att_tape_set(att_tape *tape, att_var v, const void *data);
ATT_API ATT_MUST_CHECK att_status att_tape_bind(att_tape *tape, att_rows symbol, int64_t rows);
/* seed and step decide dropout; training 0 switches dropout off. */
ATT_API ATT_MUST_CHECK att_status att_tape_forward(att_tape *tape, uint64_t seed, uint64_t step, int32_t training);
/* d(loss) = scale. Parameter gradients are written (accumulate 0) or added to. */
ATT_API ATT_MUST_CHECK att_status att_tape_backward(att_tape *tape, att_var loss, float scale, int32_t accumulate);
/* Borrowed views, valid until the next run. */
ATT_API ATT_MUST_CHECK att_status att_tape_value(const att_tape *tape, att_tensor *view, att_var v);
ATT_API ATT_MUST_CHECK att_status att_tape_grad(const att_tape *tape, att_tensor *view, att_var v);
/* The list, a line an operator, for people; the text is the caller's (att_free). */
ATT_API ATT_MUST_CHECK att_status att_tape_print(const att_tape *tape, char **out);
ATT_API void att_free(void *p); /* what the library hands out as plain memory */

#ifdef __cplusplus
}
#endif
#endif
