/* attend/attention.h - the attention family behind one descriptor.
 *
 * A query asks, a key answers, a value is what is fetched:
 *
 *     x[t,s]     = softcap(scale * score(q[t], k[s])) + position terms + bias
 *     e[t,s]     = x[t,s] / temperature
 *     alpha[t,:] = normalise(e[t,:] over the keys s that t may see)
 *     out[t]     = sum_s drop(alpha[t,s]) v[s]
 *
 * T x S is never materialised unless the weights are asked for: memory is linear in
 * T + S. Results are bit-identical for any thread count, and a sequence's result does
 * not depend on its neighbours in the batch (dropout and HARD_SAMPLE draw by the row's
 * number within the call, so they depend on its place in it). A query with nothing to see gives zeros and
 * zero gradients, never NaN.
 *
 * Shape letters: B batch, T query length, S key length, H heads, G key/value heads
 * (H a multiple of G; query head h reads key head h / (H/G)), D query width, Dk key
 * width (= D except for the bilinear score), E value width, N, M query and key rows of a
 * ragged batch. Widths 1..256; B, T, S < 2^31; H <= 65536.
 *
 * Layouts. q, k, v, out are strided views in one of two forms:
 *   dense   q [B,H,T,D]  k [B,G,S,Dk]  v [B,G,S,E]  out [B,H,T,E]
 *   ragged  q [N,H,D]    k [M,G,Dk]    v [M,G,E]    out [N,H,E], with q_offsets [B+1]
 *           and k_offsets [B+1]: sequence b owns rows offsets[b] .. offsets[b+1]-1. No
 *           padding exists, so none can leak or cost time.
 * The last dimension has stride 1. Any other strides are allowed, so a fused
 * [N, 3*H*D] projection is three views. Strides of an output must not fold it onto
 * itself.
 *
 * dtypes. q, k, v and out share one: F32; BF16 (converted as it is read, sums in F32,
 * rounded once at the end); F64 (the plain reference: slow, materialises the weights of
 * one head). Where this header says f32 for another operand, an F64 call takes F64. F32
 * operands may be rounded to bf16 as they enter products: att_attention_desc.precision.
 *
 * Conventions that differ elsewhere: a mask byte of 1 means "may attend" (as in PyTorch's
 * fused function, opposite to its module's key_padding_mask). Causal is aligned at the
 * end (bottom right), as cached decoding needs it; PyTorch's is_causal aligns at the top left.
 * Dropout happens whenever dropout > 0: inference sets 0. */
#ifndef ATTEND_ATTENTION_H
#define ATTEND_ATTENTION_H

#include "attend/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* score(q, k).
 *
 *   DOT       q . k; scale 0 means 1/sqrt(D) (Vaswani et al. 2017), 1 the plain dot of
 *             Luong et al. 2015. With scale 1, no projections and q = k = v = X the call is
 *             softmax(X X^T) X.
 *   BILINEAR  q^T W k, "general" of Luong et al. 2015; score_w = W [D,Dk] or [H,D,Dk]; q
 *             and k may differ in width. scale 0 means 1.
 *   ADDITIVE  w . tanh(q + k + b), Bahdanau et al. 2015, on q and k that the layer has
 *             projected to one width; score_w = w [D] or [H,D], score_b = b the same or
 *             NULL. scale 0 means 1. Each tanh is off by less than 4e-7.
 *   GAT       w . LeakyReLU(q + k + b), slope `leaky`: Brody et al. 2022 (GATv2). For the form
 *             of Velickovic et al. 2018, LeakyReLU(a1 . Wh_i + a2 . Wh_j), give q = a1 . Wh_i and
 *             k = a2 . Wh_j of width 1 and w = 1.
 *   COSINE    q . k / (|q| |k|), 0 where a vector is zero; scale 0 means 1. */
typedef enum att_score {
    ATT_SCORE_DOT = 0,
    ATT_SCORE_BILINEAR = 1,
    ATT_SCORE_ADDITIVE = 2,
    ATT_SCORE_GAT = 3,
    ATT_SCORE_COSINE = 4
} att_score;

/* normalise(e), over the keys a query may see.
 *
 *   SOFTMAX      exp(e[s]) / sum exp(e[s'])
 *   RELU         max(e, 0)
 *   RELU_ROW     max(e, 0) / sum max(e, 0); a row with sum 0 gives zeros
 *   HARD_ARGMAX  1 at the highest score (the lowest s on ties), 0 elsewhere. Gradient:
 *                straight-through, that of softmax(e) (Bengio et al. 2013)
 *   HARD_SAMPLE  1 at an s drawn from softmax(e): the highest of e[s] + noise[s] with
 *                Gumbel noise made of (seed, row, s), so that a draw depends on no block
 *                size or thread. Gradient: straight-through; or REINFORCE
 *                (Williams 1992; Xu et al. 2015), see `reinforce`
 *   SPARSEMAX    max(e - tau, 0) with tau such that the sum is 1 (the nearest point of the
 *                simplex): Martins and Astudillo 2016 */
typedef enum att_normalise {
    ATT_NORM_SOFTMAX = 0,
    ATT_NORM_RELU = 1,
    ATT_NORM_RELU_ROW = 2,
    ATT_NORM_HARD_ARGMAX = 3,
    ATT_NORM_HARD_SAMPLE = 4,
    ATT_NORM_SPARSEMAX = 5
} att_normalise;

/* Rotation of pairs (a, b) -> (a cos - b sin, b cos + a sin) by position * frequency,
 * frequency j = rope_theta^(-2j/R): Su et al. 2021. */
typedef enum att_rope {
    ATT_ROPE_NONE = 0,
    ATT_ROPE_HALF = 1,       /* pairs (j, j + R/2): Llama in Hugging Face's layout */
    ATT_ROPE_INTERLEAVED = 2 /* pairs (2j, 2j+1): the paper's, GGUF's */
} att_rope;

/* What is computed. Start from att_attention_desc_init(). Plain numbers only: a
 * descriptor can be copied, compared, stored. */
typedef struct att_attention_desc {
    uint32_t size;     /* sizeof, set by init */
    int32_t score;     /* att_score */
    int32_t normalise; /* att_normalise */
    float scale;       /* see att_score; 0 = the score's default */
    float
        temperature; /* every term is divided by it before normalising; default 1, > 0 */
    float softcap; /* c > 0: x = c tanh(x / c) after scaling, before terms; 0 = none */
    float leaky;   /* slope of ATT_SCORE_GAT, default 0.2 */

    /* Who sees whom. Query t of T stands at key position p = t + (S - T): aligned at the
     * end, so that a decoder's last T queries against a cache of S keys are the same rows
     * as in the whole sequence. A query with p < 0 and causal sees nothing. */
    int32_t causal; /* nonzero: only keys s <= p */
    int64_t left;   /* only keys s >= p - left; -1 = all. 0 with right 0: only itself */
    int64_t right;  /* only keys s <= p + right; -1 = all */
    int64_t
        sinks; /* the first `sinks` keys are seen whatever left says (Xiao et al. 2023), but not past causal or right */
    int64_t block; /* > 0: only keys with s / block == p / block; not with sinks */

    /* Positions inside the score. */
    int32_t rope;      /* att_rope, applied to q and k as they are read */
    int32_t rope_dims; /* R: leading dimensions that are rotated, even; 0 = all */
    float rope_theta;  /* default 10000 */
    float
        rope_position_scale; /* positions are multiplied by it (linear scaling: 1/factor), default 1 */
    int64_t rope_offset;      /* added to query (p) and key (s) positions, default 0 */
    int32_t keys_are_rotated; /* nonzero: k already carries its rotation (a cache) */
    int32_t
        alibi; /* nonzero: -slope_h |p - s| is added; slopes from args or 2^(-8(h+1)/H); Press et al. 2022 */
    int32_t
        t5_buckets; /* > 0: args.t5_table[bucket(s - p), h] is added; Raffel et al. 2020 */
    int32_t t5_bidirectional;
    int32_t t5_max_distance; /* default 128 */
    int32_t
        shaw_clip; /* c > 0: j = clip(s - p, -c, c) + c; q . rel_k[j] joins q . k before scaling
                                  (dot and bilinear; unrotated q), rel_v[j] joins v[s]; Shaw et al. 2018 */

    /* Training. */
    float dropout; /* on the weights, 0 <= p < 1; kept weights are divided by 1 - p */
    uint64_t seed; /* of dropout and of sampling: forward and backward must agree */
    int32_t
        reinforce; /* HARD_SAMPLE: de[s] = advantage * d log softmax(e)[picked] / d e[s]. A loss -R wants advantage = -(R - baseline) */

    /* 1: F32 q, k, v and dout are rounded to bf16 where products read them; sums, softmax
     * and results stay f32 (docs/bf16.md). Holds for dot scores with softmax, without
     * softcap, ALiBi, bias, edges, blocks and paged caches; all else is computed in f32
     * as with 0. BF16 and F64 operands are what they are. */
    int32_t precision;
} att_attention_desc;

ATT_API void att_attention_desc_init(att_attention_desc *desc);

/* Operands. Zero-initialise by att_attention_args_init(); NULL = absent. All tensors are
 * borrowed for the call. Parameters (score_w .. rel_v) are contiguous. */
typedef struct att_attention_args {
    uint32_t size;
    const att_tensor *q, *k, *v;
    att_tensor
        *out; /* forward writes it; backward reads it. May not overlap any operand */
    att_tensor *
        lse; /* f32 [B,H,T] or [N,H]: softmax and hard: log sum exp(e) of the row (sink included),
                                     -Inf for a row that sees nothing; RELU_ROW: the row's sum; SPARSEMAX: tau; RELU: 0.
                                     Forward writes it when given, backward needs it */
    const att_tensor *q_offsets; /* i32 [B+1], ragged form; rising, first 0, last N */
    const att_tensor
        *k_offsets; /* i32 [B+1]; NULL in ragged form = q_offsets (self-attention) */
    const att_tensor *
        k_lengths; /* i32 [B], dense or paged: keys at s >= k_lengths[b] do not exist and are not read, and
                                     S in p = t + (S - T) is k_lengths[b] */
    const att_tensor *
        bias; /* f32, broadcast to [B,H,T,S] by dims of size 1 and missing leading dims; ragged: T and S
                                     are at least the longest. -Inf hides a key */
    const att_tensor *
        block_mask; /* bool or u8, contiguous, 1 = may attend: with desc.block [n, block, block], block i uses
                                     mask i % n; without [n, T, S], sequence b uses mask b % n (shifted windows, Liu et al. 2021) */
    const att_tensor *score_w; /* bilinear W, additive and GAT w */
    const att_tensor *score_b; /* additive and GAT b */
    const att_tensor *
        prior; /* f32 [B,H,T,S] or broadcast as bias: earlier weights; prior_w * prior is added (location and
                                     coverage terms: Chorowski et al. 2015, Tu et al. 2016) */
    const att_tensor *prior_w; /* f32 [1] or [H] */
    const att_tensor *
        sink_logit; /* f32 [H]: one more term of the softmax's denominator, x = sink_logit[h], with no value */
    const att_tensor *alibi_slopes; /* f32 [H] */
    const att_tensor *t5_table;     /* f32 [buckets, H] */
    const att_tensor *rel_k;        /* f32 [2*shaw_clip+1, D], or NULL */
    const att_tensor *rel_v;        /* f32 [2*shaw_clip+1, E], or NULL */
    const att_tensor *
        rope_freqs; /* f32 [R/2] in place of rope_theta's (llama3 and YaRN scalings), or NULL */
    const att_tensor *advantage; /* f32 [B,H,T] or [N,H]; REINFORCE, read by backward */
    /* Edges of a graph in CSR by query: row n sees keys edge_col[row_ptr[n] .. row_ptr[n+1]-1], in that order (the same key twice is
     * two edges). q is [N,H,D] (q_offsets may be NULL; columns count rows of k) or dense with B = 1. Every other mask and
     * position term is refused: a graph's nodes have no order. */
    const att_tensor *edge_row_ptr; /* i64 or i32 [N+1] */
    const att_tensor *edge_col;     /* i32 [edges] */
    const att_tensor *edge_bias; /* f32 [edges] or [edges,H]: edge features as bias */
    /* A paged cache (decoding, forward only): k and v are [pages, page_rows, G, D|E] and sequence b's row s lives in
     * page page_table[b, s / page_rows]; lengths in k_lengths; q in ragged or dense form. */
    const att_tensor *page_table; /* i32 [B, max_pages] */
    /* Hard normalisers, written by forward when given: which key each row picked (-1: none) and log softmax(e)[picked]. */
    att_tensor *picked;      /* i32 [B,H,T] or [N,H] */
    att_tensor *picked_logp; /* f32 likewise */
    /* Scratch of at least att_attention_workspace() bytes, 64-byte aligned; NULL = allocated for the call. */
    void *workspace;
    size_t workspace_bytes;
} att_attention_args;

ATT_API void att_attention_args_init(att_attention_args *args);

/* Gradients; NULL = not wanted. Each has the shape and dtype of its operand; they are
 * added to when accumulate is nonzero, else written. */
typedef struct att_attention_grads {
    uint32_t size;
    const att_tensor *dout; /* given: shape and dtype of out */
    att_tensor *dq, *dk, *dv;
    att_tensor *dbias; /* shape of bias: summed over broadcast dims */
    att_tensor *dscore_w, *dscore_b, *dprior_w, *dsink_logit, *dalibi_slopes,
        *dt5_table;
    att_tensor *drel_k, *drel_v, *dedge_bias;
    int32_t accumulate;
} att_attention_grads;

ATT_API void att_attention_grads_init(att_attention_grads *grads);

/* Looks at descriptor and operands without computing (offsets, lengths, edges and pages
 * are read; q, k, v are not). forward and backward do it themselves.
 *
 * ATT_OK, or, with both values in the message: ATT_EINVAL a number out of its range, a
 * missing operand, one that the descriptor does not use, overlapping outputs, bad
 * offsets; ATT_ESHAPE shapes or dtypes that disagree, sizes past 2^63; ATT_ENOTSUP a
 * combination that has a meaning but no implementation. */
ATT_API ATT_MUST_CHECK att_status att_attention_check(const att_attention_desc *desc,
                                                      const att_attention_args *args);

/* Scratch bytes for forward (backward == 0) or backward with operands of these shapes
 * and as many threads as are in force; contents of offsets, lengths and edges do not
 * change it. Returns what att_attention_check() returns; *bytes is written on ATT_OK. */
ATT_API ATT_MUST_CHECK att_status
att_attention_workspace(size_t *bytes, const att_attention_desc *desc,
                        const att_attention_args *args, int32_t backward);

/* out = sum_s alpha v. Writes args->out and, when given, lse, picked, picked_logp.
 * NaN or +Inf in a visible score reaches the row of that query and no other: under
 * SOFTMAX the row is NaN, the other normalisers give NaN or a number (max(e, 0) of NaN, a
 * key that is picked). So does a value that is not finite, even where its weight is 0.
 *
 * Returns what att_attention_check() returns, then nothing is written; ATT_ENOMEM for
 * scratch. Thread-safe as long as no two calls write the same tensor. */
ATT_API ATT_MUST_CHECK att_status att_attention_forward(const att_attention_desc *desc,
                                                        const att_attention_args *args);

/* Exact gradients of sum(dout * out) (hard normalisers: straight-through or REINFORCE by
 * definition) for whatever grads names. Recomputes the scores from q, k and lse; reads
 * args->out; regenerates dropout and draws from desc->seed. No atomics: the same bits
 * for any thread count. Returns as forward; ATT_EINVAL when lse or out is missing. */
ATT_API ATT_MUST_CHECK att_status
att_attention_backward(const att_attention_desc *desc, const att_attention_args *args,
                       const att_attention_grads *grads);

/* Weights on request: one more sweep over the observed heads and rows; the weights that
 * forward used, without dropout. out is not needed. Every sink is optional. nh observed
 * heads, nt = row_end - row_begin observed rows.
 *   weights    f32 [B,nh,nt,S] dense; ragged: [total], laid out sequence-major, then
 *              head, then t, then s; sequence b begins at nh * weight_offsets[b]; edges: [edges,nh]
 *   entropy    f32 [B,nh,nt] | [N,nh], -sum alpha ln alpha, nats    argmax i32 likewise, -1: nothing seen
 *   top_index  i32, top_weight f32 [...,top_k]  highest first, missing ones -1 and 0
 *   head_mean  f32 [B,nt,S] | ragged [total], sequence b at weight_offsets[b]: mean over observed heads
 *   col_sum    f32 [B,nh,S] | [M,nh]            what each key was given in all
 * Ragged rows outside row_begin..row_end keep what they held; for ragged weights and
 * head_mean nt of sequence b is what of the range it has. Edges: indices are key rows. */
typedef struct att_attention_observe {
    uint32_t size;
    const int32_t *heads; /* which heads; NULL = all */
    int32_t n_heads;
    int64_t row_begin, row_end; /* rows t of each sequence; row_end -1 = all */
    int32_t top_k;
    att_tensor *weights;
    const att_tensor *weight_offsets; /* i64 [B+1], ragged: running sum of nt_b * S_b */
    att_tensor *entropy, *argmax, *top_index, *top_weight, *head_mean, *col_sum;
} att_attention_observe;

ATT_API void att_attention_observe_init(att_attention_observe *observe);
ATT_API ATT_MUST_CHECK att_status
att_attention_weights(const att_attention_desc *desc, const att_attention_args *args,
                      const att_attention_observe *observe);

#ifdef __cplusplus
}
#endif
#endif
