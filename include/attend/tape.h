/* attend/tape.h - a program of operators over named values: recorded once, planned once,
 * run many times, forward and backward.
 *
 *     att_tape_create, att_tape_symbol, att_tape_input, att_tape_param     what there is
 *     att_op_...                                                           what happens
 *     att_tape_plan                                                        where it lies
 *     att_tape_set, att_tape_bind, att_tape_forward, att_tape_backward     each step
 *
 * Every value is a matrix [rows, cols], row-major, contiguous, f32 or i32. rows is a
 * fixed number or a symbol (source tokens, target tokens, sequences) that each run binds
 * anew, up to the maximum that memory was planned for. Nothing is allocated in a run: one
 * arena, laid out by att_tape_plan from the lifetimes of values and gradients.
 * Reading the list of operators (att_tape_print) is reading the model; the backward
 * list is the same list from its end to its beginning.
 *
 * Ragged batches: no padding exists. A value with token rows comes with an offsets value
 * [sequences + 1, 1] i32, rising, first 0, last the number of rows.
 *
 * Gradients. The first operator that contributes to a value's gradient (in backward
 * order) writes it, later ones add: a buffer is not cleared first, which would touch all of
 * it once more, and it is alive only from that write to the backward of the operator
 * that made the value. A parameter used by several operators gets the sum.
 *
 * Results do not depend on the number of threads: rows are cut in fixed chunks and sums
 * over rows are added chunk by chunk in rising order. Dropout draws from (seed, step,
 * index of the operator, row, column): nothing is stored, backward draws the same.
 *
 * Functions return ATT_OK or a failure that leaves the tape as it was. Operators write
 * the new value's number; shapes are checked as they are recorded, with both shapes in
 * the message: ATT_ESHAPE for shapes and dtypes that disagree, ATT_EINVAL for a
 * number out of range or a value that is not of this tape, ATT_ENOMEM. One tape belongs
 * to one thread at a time. */
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

/* A row count: >= 0 fixed, or what att_tape_symbol gave (negative). */
typedef int64_t att_rows;

ATT_API ATT_MUST_CHECK att_status att_tape_create(att_tape **out);
ATT_API void att_tape_destroy(att_tape *tape); /* NULL is fine */

/* A named row count, bound before each run by att_tape_bind. */
ATT_API ATT_MUST_CHECK att_status att_tape_symbol(att_tape *tape, att_rows *out,
                                                  const char *name);
/* The row count base + extra, bound whenever base is (offsets: sequences + 1). */
ATT_API ATT_MUST_CHECK att_status att_tape_symbol_plus(att_tape *tape, att_rows *out,
                                                       att_rows base, int64_t extra);

/* Data from outside, ATT_F32 or ATT_I32: att_tape_set points it at the caller's memory
 * before a run. Has a gradient only after att_tape_keep. Names are unique in a tape. */
ATT_API ATT_MUST_CHECK att_status att_tape_input(att_tape *tape, att_var *out,
                                                 const char *name, att_dtype dtype,
                                                 att_rows rows, int64_t cols);
/* A parameter, f32: value and gradient live in the caller's memory (att_tape_set_param). */
ATT_API ATT_MUST_CHECK att_status att_tape_param(att_tape *tape, att_var *out,
                                                 const char *name, int64_t rows,
                                                 int64_t cols);
/* Numbers that never change (sinusoids), f32: copied into the tape; no gradient. */
ATT_API ATT_MUST_CHECK att_status att_tape_constant(att_tape *tape, att_var *out,
                                                    const char *name, int64_t rows,
                                                    int64_t cols, const float *data);

/* Values are numbered from 0 in the order they were made. */
ATT_API int32_t att_tape_var_count(const att_tape *tape);
/* An input, parameter or constant by name; ATT_NO_VAR when there is none. */
ATT_API att_var att_tape_find(const att_tape *tape, const char *name);
/* "" for the result of an operator; NULL out of range. Borrowed. */
ATT_API const char *att_tape_name(const att_tape *tape, att_var v);
ATT_API int32_t att_tape_is_param(const att_tape *tape, att_var v);
ATT_API int64_t att_tape_cols(const att_tape *tape, att_var v);  /* -1 out of range */
ATT_API att_rows att_tape_rows(const att_tape *tape, att_var v); /* as declared */

/* ---- operators: N rows, C columns of x ---- */

typedef enum att_activation {
    ATT_ACT_NONE = 0,
    ATT_ACT_RELU = 1,
    ATT_ACT_GELU = 2,       /* 0.5 x (1 + erf(x / sqrt 2)) */
    ATT_ACT_GELU_TANH = 3,  /* its tanh form (Hendrycks and Gimpel 2016) */
    ATT_ACT_SILU = 4,       /* x sigmoid(x), "swish" */
    ATT_ACT_QUICK_GELU = 5, /* x sigmoid(1.702 x) */
    ATT_ACT_TANH = 6,
    ATT_ACT_SIGMOID = 7
} att_activation;

/* Dropout p in 0 <= p < 1: drop(z) = z / (1 - p) where kept, 0 elsewhere; z itself when a
 * run is not training. */

/* y [N,O] = drop(act(x W^T + b)); W [O,C], b [1,O] or absent. Bias, activation and
 * dropout happen while a block of rows is still in cache. */
ATT_API ATT_MUST_CHECK att_status att_op_linear(att_tape *tape, att_var *y, att_var x,
                                                att_var w, att_var b,
                                                att_activation act, float dropout);
/* y [N,C] = norm(h), h = res + drop(x + b): a residual sub-layer's end.
 *   kind 0  layer norm  gamma (h - mean) / sqrt(var + eps) + beta, population variance
 *   kind 1  RMS norm    gamma h / sqrt(mean of squares + eps) + beta
 *   b, gamma, beta [1,C]; b, res [N,C] and beta may be absent. h is kept for backward, over
 *   x's memory where nothing else reads x. */
ATT_API ATT_MUST_CHECK att_status att_op_add_norm(att_tape *tape, att_var *y, att_var x,
                                                  att_var b, att_var res, att_var gamma,
                                                  att_var beta, int32_t kind, float eps,
                                                  float dropout);
/* The same, and h [N,C] is a value too (pre-norm: y goes into the next sub-layer, h
 * around it). */
ATT_API ATT_MUST_CHECK att_status att_op_add_norm_both(att_tape *tape, att_var *y,
                                                       att_var *h, att_var x, att_var b,
                                                       att_var res, att_var gamma,
                                                       att_var beta, int32_t kind,
                                                       float eps, float dropout);
/* y [N,C] = drop(scale * table[ids] + pos[place]), place = a row's place in its sequence.
 *   ids [N,1] i32 in 0..rows of table - 1, or negative: no table row (the position alone)
 *   table [V,C]; pos [P,C] or absent; offsets [B+1,1] i32, needed with pos
 *   skip_id: a table row that gets no gradient (padding), -1 none
 * An id or a place out of range fails the run with ATT_EINVAL. */
ATT_API ATT_MUST_CHECK att_status att_op_embed(att_tape *tape, att_var *y, att_var ids,
                                               att_var table, float scale, att_var pos,
                                               att_var offsets, int32_t skip_id,
                                               float dropout);

/* Attention of ragged rows or over edges, attend/attention.h's call as an operator. q [N, H*D],
 * k [M, G*Dk] and v [M, G*E] are column ranges of values, so that a fused projection is one
 * value with three ranges. desc.seed is replaced by the run's own; desc.dropout counts in
 * training runs only. Parameters of the descriptor are values: score_w [H*D, Dk] or
 * [D, Dk] (bilinear), [H, D] or [1, D] (additive, GAT; score_b alike), t5_table
 * [buckets, H], rel_k [2 clip + 1, D], rel_v [2 clip + 1, E], sink_logit and
 * alibi_slopes [1, H]; rope_freqs [1, R/2].
 *
 * Tables of pairs: bias, and prior with prior_w [1, 1] or [1, H], have the rows
 * [nb * nh * nt, ns], sequence, then head, then query:
 *   nb  the sequences with ..._per_sequence, else 1: one table for all
 *   nh  H with ..._per_head, else 1
 *   nt  what is left of the rows: 1 = the same for every query, else at least the longest
 *       sequence of queries; ns, the columns, likewise 1 or at least the longest of keys
 * so a learned bias of one table a head is [H * T, S], a bias of keys [1, S]. -Inf hides.
 *   block_mask [n * rows, cols] i32, nonzero = may attend: [block, block] each with
 *   desc.block, block i uses mask i % n; without, [T, S] each, as long as the longest,
 *   and sequence b uses mask b % n, n = block_masks (0: one mask, -1: one a sequence)
 *
 * Edges of a graph instead of sequences (offsets may be absent, are not read): query row n
 * sees the rows edge_col[p] of k, p from edge_row_ptr[n] to edge_row_ptr[n + 1] - 1;
 * edge_row_ptr [N+1, 1] and edge_col [edges, 1] i32, edge_bias [edges, 1] or [edges, H].
 * Several graphs are the rows of one value. No other table, mask or position term.
 *
 * desc.reinforce: advantage [N, H] is read by backward alone, so an input's numbers may be
 * filled in between forward and backward, when the reward is known. An evaluation run takes
 * the likeliest key and reads no advantage.
 *
 * Gradients go to all of these but rope_freqs, prior and advantage, which are taken as
 * given: theirs is zero. */
typedef struct att_op_attention_opts {
    uint32_t size;
    att_attention_desc desc;
    int32_t n_heads, n_kv_heads; /* H; G, 0 = H */
    att_var q, k, v;
    int64_t q_col, k_col, v_col; /* first column */
    int64_t d, e;                /* D (bilinear: Dk = dk); E, 0 = D */
    int64_t dk;                  /* 0 = D */
    att_var q_offsets;           /* [B+1,1] i32 */
    att_var k_offsets;           /* absent: q_offsets (self-attention) */
    att_var score_w, score_b, t5_table, rel_k, rel_v, sink_logit, alibi_slopes,
        rope_freqs;
    att_var bias;
    int32_t bias_per_sequence, bias_per_head;
    att_var prior, prior_w;
    int32_t prior_per_sequence, prior_per_head;
    att_var block_mask;
    int32_t block_masks;
    att_var edge_row_ptr, edge_col, edge_bias;
    att_var advantage;
} att_op_attention_opts;
ATT_API void att_op_attention_opts_init(att_op_attention_opts *opts);
/* y [N, H*E]. */
ATT_API ATT_MUST_CHECK att_status att_op_attention(att_tape *tape, att_var *y,
                                                   const att_op_attention_opts *opts);

/* A layer of recurrent cells over ragged sequences. y [N,D*H], D directions side by side;
 * last [B,D*H] (GRU) or [B,2*D*H] (LSTM: h of all directions, then c): the state after a
 * sequence's last step, which backward in time is its first row. last may be NULL.
 *   GRU   r = s(W_ir x + b_ir + W_hr h + b_hr), z likewise,
 *         n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h
 *   LSTM  i, f, g, o; c' = f c + i g, h' = o tanh(c')
 * Gates and both biases stand as in PyTorch: w_ih [3H or 4H, C], w_hh [.., H], b [1, ..].
 * An empty sequence's state is its initial one. */
typedef enum att_rnn_cell { ATT_RNN_GRU = 0, ATT_RNN_LSTM = 1 } att_rnn_cell;
typedef struct att_op_rnn_opts {
    uint32_t size;
    att_rnn_cell cell;
    int32_t direction;        /* 0 forward, 1 backward in time, 2 both */
    att_var x, offsets;       /* [N,C]; [B+1,1] i32 */
    att_var initial;          /* as last; absent: zeros */
    att_var w_ih[2], w_hh[2]; /* of each direction; only the first where there is one */
    att_var b_ih[2], b_hh[2]; /* may be absent */
} att_op_rnn_opts;
ATT_API void att_op_rnn_opts_init(att_op_rnn_opts *opts);
ATT_API ATT_MUST_CHECK att_status att_op_rnn(att_tape *tape, att_var *y, att_var *last,
                                             const att_op_rnn_opts *opts);

/* A decoder's cell with attention inside of its loop over time; one row of x a target token,
 * source rows of the same sequence behind keys and values.
 *   additive (Bahdanau et al. 2015), asked by the state before the step:
 *     e_j = v . tanh(w_query h + key_j), c = sum softmax(e)_j value_j,
 *     h' = cell(x w_ih^T + c w_feed^T, h); y [N,H+C] = h' | c
 *   dot (Luong et al. 2015), asked by the state after it, with input feeding:
 *     h' = cell(x w_ih^T + f w_feed^T, h), e_j = h' . key_j, c likewise,
 *     f' = tanh(w_out (h' | c) + b_out); y [N,F] = f'; f is zero at first. General scores are
 *     these over keys that went through the matrix.
 * alpha [N,max_source] are the weights, zeros behind a source's end; they carry no
 * gradient. A source longer than max_source fails the run with ATT_EINVAL. */
typedef struct att_op_rnn_attend_opts {
    uint32_t size;
    att_rnn_cell cell;
    int32_t score;        /* ATT_SCORE_ADDITIVE or ATT_SCORE_DOT */
    int64_t max_source;   /* default 512 */
    att_var x, offsets;   /* [N,E]; [B+1,1] i32 */
    att_var keys, values; /* [M,A] (dot: A = H), [M,C]; may be one value */
    att_var source_offsets;
    att_var initial; /* as of att_op_rnn; may be absent */
    att_var w_ih, w_feed, w_hh, b_ih,
        b_hh;             /* [G,E], [G,C or F], [G,H]; [1,G] or absent */
    att_var w_query, v;   /* additive: [A,H], [1,A] */
    att_var w_out, b_out; /* dot: [F,H+C]; [1,F] or absent */
} att_op_rnn_attend_opts;
ATT_API void att_op_rnn_attend_opts_init(att_op_rnn_attend_opts *opts);
ATT_API ATT_MUST_CHECK att_status att_op_rnn_attend(att_tape *tape, att_var *y,
                                                    att_var *alpha,
                                                    const att_op_rnn_attend_opts *opts);

/* Vocabulary projection, log-softmax, smoothed loss and their gradients in blocks of
 * rows: [N,V] never exists. With p = softmax(x table^T + bias) and K classes that count,
 *   loss [1,1]  = sum over rows of  -sum_c t_c ln p_c,  t = (1 - smoothing) at the target
 *                 plus smoothing / K everywhere
 *   stats [1,4] = {the same sum, sum of -ln p[target], rows counted,
 *                  rows whose likeliest class is the target (0 in a training run)}
 *   x [N,C], table [V,C], bias [1,V] or absent
 *   targets [N,1] i32 below V; negative = the row is ignored
 *   mask_class: a class with probability 0 and no smoothing mass, -1 none; it may not be
 *               a target
 * A training run makes the gradients on the way forward, while the block is at hand;
 * the table's then waits for backward in a buffer of its own. */
ATT_API ATT_MUST_CHECK att_status att_op_vocab_loss(att_tape *tape, att_var *loss,
                                                    att_var *stats, att_var x,
                                                    att_var table, att_var bias,
                                                    att_var targets, float smoothing,
                                                    int32_t mask_class);

/* Small pieces, for composing and teaching. */
/* y = a + b; b [N,C] or [1,C] (added to every row). */
ATT_API ATT_MUST_CHECK att_status att_op_add(att_tape *tape, att_var *y, att_var a,
                                             att_var b);
ATT_API ATT_MUST_CHECK att_status att_op_mul(att_tape *tape, att_var *y, att_var a,
                                             att_var b); /* element by element */
ATT_API ATT_MUST_CHECK att_status att_op_scale(att_tape *tape, att_var *y, att_var x,
                                               float a); /* y = a x */
ATT_API ATT_MUST_CHECK att_status att_op_activation(att_tape *tape, att_var *y,
                                                    att_var x, att_activation act);
ATT_API ATT_MUST_CHECK att_status att_op_dropout(att_tape *tape, att_var *y, att_var x,
                                                 float p);
/* y = act(gate) * up (Shazeer 2020); act is none, relu, gelu, gelu_tanh or silu. */
ATT_API ATT_MUST_CHECK att_status att_op_glu(att_tape *tape, att_var *y, att_var gate,
                                             att_var up, att_activation act);
/* y [N,K] = a [N,C] b [C,K], or a b^T with b [K,C]. */
ATT_API ATT_MUST_CHECK att_status att_op_matmul(att_tape *tape, att_var *y, att_var a,
                                                att_var b, int32_t trans_b);
ATT_API ATT_MUST_CHECK att_status att_op_softmax(att_tape *tape, att_var *y, att_var x);
/* Columns side by side; n <= 24. */
ATT_API ATT_MUST_CHECK att_status att_op_concat(att_tape *tape, att_var *y,
                                                const att_var *x, int32_t n);
ATT_API ATT_MUST_CHECK att_status att_op_slice_cols(att_tape *tape, att_var *y,
                                                    att_var x, int64_t begin,
                                                    int64_t end);
/* y [M,C] = x[index]; index [M,1] i32, negative = a row of zeros. */
ATT_API ATT_MUST_CHECK att_status att_op_gather_rows(att_tape *tape, att_var *y,
                                                     att_var x, att_var index);
/* y [B,C] of x [N,C]: mean (0), max (1), sum (2), first (3), last (4) of each sequence's
 * rows; an empty sequence gives zeros. offsets [B+1,1]. */
ATT_API ATT_MUST_CHECK att_status att_op_pool(att_tape *tape, att_var *y, att_var x,
                                              att_var offsets, int32_t kind);
/* y [B,H*E] = the mean of each sequence's rows of x [N,H*E], weighted by alpha [N,H] =
 * softmax of e [N,H] over the sequence: attention with one query a sequence. alpha carries no
 * gradient (keep it to look at it). offsets [B+1,1]; an empty sequence gives zeros. */
ATT_API ATT_MUST_CHECK att_status att_op_pool_softmax(att_tape *tape, att_var *y,
                                                      att_var *alpha, att_var x,
                                                      att_var e, att_var offsets);
/* Losses with a target a row. Class ids: loss and stats as att_op_vocab_loss with the
 * logits at hand. */
ATT_API ATT_MUST_CHECK att_status att_op_cross_entropy(att_tape *tape, att_var *loss,
                                                       att_var *stats, att_var logits,
                                                       att_var targets,
                                                       float smoothing);
/* loss [1,1] = sum of (x - targets)^2 / C; targets [N,C] f32. */
ATT_API ATT_MUST_CHECK att_status att_op_squared_error(att_tape *tape, att_var *loss,
                                                       att_var x, att_var targets);
/* loss [1,1] = sum of ln(1 + e^x) - t x, divided by C: the cross entropy of labels that are
 * each right (t = 1) or wrong (0) by themselves, with probability sigmoid(x); targets [N,C]
 * f32. */
ATT_API ATT_MUST_CHECK att_status att_op_sigmoid_loss(att_tape *tape, att_var *loss,
                                                      att_var x, att_var targets);

/* ---- plan ---- */

typedef struct att_tape_plan_opts {
    uint32_t size;
    int32_t training; /* 0: forward only, activations share memory */
    const int64_t
        *max_rows; /* one number for each symbol, in the order of creation; those
                                of symbol_plus are worked out, theirs is not read */
    int32_t n_max_rows;
    att_var loss; /* what att_tape_backward will start from, [1,1]; ATT_NO_VAR, the
                     default: the last result that is [1,1] */
    int32_t
        recompute; /* what backward makes again instead of keeping: 0 nothing; 1, the
                          default, the results of norms (a sweep over memory); 2 also
                          attention's; 3 also linear with an activation (a third of
                          its products once more). Results are the same bits */
    int32_t precision; /* of the products of linear, matmul and vocab_loss: 0, the
                          default, f32; 1 bf16: operands are rounded to bf16, sums,
                          values and gradients stay f32 (docs/bf16.md) */
} att_tape_plan_opts;
ATT_API void att_tape_plan_opts_init(att_tape_plan_opts *opts);

typedef struct att_tape_memory {
    uint32_t size; /* set by the caller: sizeof */
    size_t total;  /* bytes of the arena; the parts below overlap in time, not in sum */
    size_t
        activations; /* the most bytes of values and what backward keeps, at one moment */
    size_t gradients; /* the most bytes of gradients of values, at one moment */
    size_t scratch;   /* shared by all operators */
    double forward_flops, backward_flops; /* of matrix products, at max_rows */
} att_tape_memory;
/* What att_tape_plan would take, without allocating it. Parameters are the caller's. */
ATT_API ATT_MUST_CHECK att_status att_tape_measure(att_tape *tape,
                                                   const att_tape_plan_opts *opts,
                                                   att_tape_memory *out);
/* Keep this value (and its gradient, in a training plan) readable after a run. Called
 * before att_tape_plan. */
ATT_API ATT_MUST_CHECK att_status att_tape_keep(att_tape *tape, att_var v);
/* Lays out and allocates the arena. The tape cannot grow afterwards; planning again
 * with other numbers is allowed. Runs use at most the threads in force now. */
ATT_API ATT_MUST_CHECK att_status att_tape_plan(att_tape *tape,
                                                const att_tape_plan_opts *opts);

/* ---- run ---- */

/* value [rows, cols], aligned as floats are (64 bytes are fastest); grad the same or NULL
 * (frozen: not computed). Both outlive the runs. */
ATT_API ATT_MUST_CHECK att_status att_tape_set_param(att_tape *tape, att_var v,
                                                     float *value, float *grad);
/* Borrowed until the next att_tape_set: contiguous, as many rows as are bound. */
ATT_API ATT_MUST_CHECK att_status att_tape_set(att_tape *tape, att_var v,
                                               const void *data);
/* 0 <= rows <= the planned maximum. */
ATT_API ATT_MUST_CHECK att_status att_tape_bind(att_tape *tape, att_rows symbol,
                                                int64_t rows);
/* seed and step decide dropout; training 0 switches dropout off (training 1 needs a
 * training plan). ATT_EINVAL names a value that was not set or a symbol not bound. */
ATT_API ATT_MUST_CHECK att_status att_tape_forward(att_tape *tape, uint64_t seed,
                                                   uint64_t step, int32_t training);
/* Gradients of scale * loss at the last forward, which must have been a training run.
 * Parameter gradients are written (accumulate 0) or added to; gradients of parameters
 * that the loss does not depend on are left alone. */
ATT_API ATT_MUST_CHECK att_status att_tape_backward(att_tape *tape, att_var loss,
                                                    float scale, int32_t accumulate);
/* Borrowed views, valid until the next run: parameters, inputs, constants and kept
 * values; the loss and other results of [1, cols] losses are always kept. */
ATT_API ATT_MUST_CHECK att_status att_tape_value(const att_tape *tape, att_tensor *view,
                                                 att_var v);
ATT_API ATT_MUST_CHECK att_status att_tape_grad(const att_tape *tape, att_tensor *view,
                                                att_var v);
/* The list, a line an operator, for people; the text is the caller's (att_free). */
ATT_API ATT_MUST_CHECK att_status att_tape_print(const att_tape *tape, char **out);
ATT_API void att_free(void *p); /* what the library hands out as plain memory */

#ifdef __cplusplus
}
#endif
#endif
