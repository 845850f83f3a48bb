/* attend/nn.h - layers recorded onto a tape: projections with attention, feed-forward,
 * encoder and decoder blocks, positions, embeddings, pooling by attention, documents.
 *
 *     att_nn_create                          whose parameters, on which tape
 *     att_nn_embedding, att_nn_encoder, ...  what happens; one call records many operators
 *     att_nn_start                           parameters: memory and first values
 *     att_tape_plan, att_tape_forward, att_tape_backward, att_nn_adam        each step
 *
 * A layer is nothing but operators of attend/tape.h; att_tape_print shows them. Rows are
 * ragged: x [N,C] holds the rows of all sequences, offsets [B+1,1] i32 says where each begins.
 *
 * Two ways to make heads. A course may split the width C into H parts and project each
 * part's query by itself, or project once to q = x Wq^T and give every head a second
 * matrix Wq[h] ("another multiplication gives q[i,1], q[i,2]"). A matrix times a matrix is a
 * matrix: the product Wq[h] Wq is one [D,C] block, and the H blocks under each other are
 * one [H*D,C] matrix, whose result is read as H column ranges. Nothing is lost, and one
 * large product is faster than H small ones. It is what is done here; of the same input,
 * Wq, Wk and Wv are one product too where their parameters are neighbours in memory.
 *
 * Sizes of attention: x [N,C], memory [M,Cm] (self-attention: x itself), H heads, G
 * key/value heads, D query width, Dk key width (= D but for the bilinear score), E value
 * width:
 *     Wq [H*D,C]   Wk [G*Dk,Cm]   Wv [G*E,Cm]   Wo [out,H*E]   y [N,out]
 *     parameters H*D*C + G*(Dk + E)*Cm + out*H*E, and biases [1,rows of the matrix]
 *
 * Names. A parameter's name is the layer's prefix, the piece's name and the suffix, e.g.
 * "encoder.layers.0." "self_attn." "q_proj" ".weight". All pieces are the caller's
 * (att_nn_names); the defaults are those of BART and Marian files. A name that exists on
 * the tape already is shared: the same matrix, one gradient.
 *
 * All functions: ATT_EINVAL for NULL, options that were not initialised, a number out
 * of range; ATT_ESHAPE where a parameter of that name has another shape, or operands
 * disagree; ATT_ENOMEM. A failed call leaves the operators it recorded on the tape: a
 * tape whose recording failed is destroyed. *y is written on success only. */
#ifndef ATTEND_NN_H
#define ATTEND_NN_H

#include "attend/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- whose parameters ---- */

typedef struct att_nn att_nn;

/* Where parameters come from when they are not this object's own. */
typedef struct att_nn_source {
    uint32_t size;
    void *user;
    /* Sets *out to the parameter on the tape, [rows, cols]. name may hold braces,
     * "{q,k,v}_proj.weight", after neighbours() agreed: the rows of all, in that order. */
    att_status (*get)(void *user, att_tape *tape, att_var *out, const char *name,
                      int64_t rows, int64_t cols);
    /* Whether the parameters that a name with braces stands for lie side by side, so that one
     * product can read them all. NULL: never. */
    int32_t (*neighbours)(void *user, const char *name);
} att_nn_source;
ATT_API void att_nn_source_init(att_nn_source *source);

/* source NULL: the object owns its parameters (att_nn_start gives them memory); the tape is
 * borrowed and must not run after the object is destroyed. */
ATT_API ATT_MUST_CHECK att_status att_nn_create(att_nn **out, att_tape *tape,
                                                const att_nn_source *source);
ATT_API void att_nn_destroy(att_nn *nn); /* NULL is fine */

/* How a parameter begins. */
typedef enum att_nn_first {
    ATT_NN_ZERO = 0,
    ATT_NN_ONE = 1,
    ATT_NN_XAVIER =
        2,            /* uniform in +-sqrt(6 / (rows + cols)): Glorot and Bengio 2010 */
    ATT_NN_NORMAL = 3 /* mean 0, deviation 1/sqrt(cols) */
} att_nn_first;

/* A parameter under the caller's own name, for what the layers below lack. */
ATT_API ATT_MUST_CHECK att_status att_nn_param(att_nn *nn, att_var *out,
                                               const char *name, int64_t rows,
                                               int64_t cols, att_nn_first first);

/* The rest of this part is for objects that own their parameters; others: ATT_EINVAL.
 *
 * Gives every parameter recorded so far its memory, one flat buffer in the order of
 * recording, and its first values: each from (seed, name), so that adding one changes no other.
 * training: gradients and Adam's moments too. Once. */
ATT_API ATT_MUST_CHECK att_status att_nn_start(att_nn *nn, uint64_t seed,
                                               int32_t training);

typedef struct att_nn_param_view {
    uint32_t size; /* set by the caller: sizeof */
    const char *name;
    int64_t rows, cols;
    float *value; /* [rows, cols]; NULL before att_nn_start */
    float *grad;  /* NULL without training, or where it is not trained */
} att_nn_param_view;
/* Parameters by number, in the order of recording; of joined ones each under its own name. */
ATT_API int64_t att_nn_count(const att_nn *nn);
ATT_API ATT_MUST_CHECK att_status att_nn_at(const att_nn *nn, att_nn_param_view *view,
                                            int64_t i);
ATT_API int64_t att_nn_find(const att_nn *nn, const char *name); /* -1: none */
/* One step of Adam (Kingma and Ba 2015; beta 0.9 and 0.98, eps 1e-9) on the gradients. */
ATT_API ATT_MUST_CHECK att_status att_nn_adam(att_nn *nn, float lr);

/* The pieces of names. "#" in a prefix is the layer's number, from 0. */
typedef struct att_nn_names {
    uint32_t size;
    const char *weight, *bias;               /* ".weight" ".bias" */
    const char *q, *k, *v, *o;               /* "q_proj" "k_proj" "v_proj" "out_proj" */
    const char *self_attn, *cross_attn;      /* "self_attn." "encoder_attn." */
    const char *self_norm, *cross_norm;      /* "self_attn_layer_norm" ... */
    const char *ffn_norm;                    /* "final_layer_norm" */
    const char *ffn_in, *ffn_gate, *ffn_out; /* "fc1" "gate" "fc2" */
    const char *score_w, *score_b, *rel_k, *rel_v; /* behind the attention's prefix */
    const char *t5_table, *sink_logit, *alibi_slopes, *prior_w;
} att_nn_names;
ATT_API void att_nn_names_init(att_nn_names *names);

/* ---- attention ---- */

enum { /* bits */
       ATT_NN_Q = 1,
       ATT_NN_K = 2,
       ATT_NN_V = 4,
       ATT_NN_O = 8,
       ATT_NN_QKVO = 15
};

/* Every member of the family that attend/attention.h describes; what it needs as
 * parameters is declared by itself: W of the bilinear score, w and b of additive and GAT,
 * the T5 table, Shaw's two tables, the weight of a prior. Tables of pairs, masks and edges
 * are values, shaped as att_op_attention_opts says; a learned bias is one of att_nn_param. */
typedef struct att_nn_attention_opts {
    uint32_t size;
    const char *name;          /* prefix; "" */
    const att_nn_names *names; /* NULL: the defaults */
    att_attention_desc desc;
    int32_t n_heads, n_kv_heads; /* H; G, 0 = H */
    int64_t d, dk, e;            /* widths of a head; d 0 = C / H, dk and e 0 = d */
    int64_t out;                 /* columns of y; 0 = C */
    int32_t projections;    /* which of the matrices exist, default ATT_NN_QKVO. Without
                            Wq the columns of x are the heads; 0 and a scale of 1: the simplest
                            form, softmax(X X^T) X */
    int32_t biases;         /* which have one, default ATT_NN_QKVO */
    int32_t score_per_head; /* nonzero, the default: score_w and score_b one a head */
    int32_t score_b;        /* additive and GAT: a bias inside, default 1 */
    int32_t rel;            /* of Shaw's tables: ATT_NN_K, ATT_NN_V or both (default) */
    int32_t sink_logit;     /* nonzero: a learned logit a head in the denominator */
    int32_t learned_slopes; /* nonzero: ALiBi's slopes are parameters */
    att_var q_offsets;      /* [B+1,1] */
    att_var k_offsets;      /* with memory */
    att_var t5_table;       /* shared by layers; ATT_NO_VAR: this layer's own */
    /* Keys and values that are projected already (those of all layers in one product): [M,.]
     * and their first columns; memory is ignored. */
    att_var kv;
    int64_t k_col, v_col;
    att_var bias; /* added to the scores: ATT_NO_VAR, the default: none */
    int32_t bias_per_sequence, bias_per_head;
    att_var prior; /* earlier weights; prior_w is this layer's own parameter, first 0 */
    int32_t prior_per_sequence, prior_per_head;
    int32_t prior_w_per_head; /* nonzero, the default: [1,H], else [1,1] */
    att_var block_mask;
    int32_t block_masks;
    /* Edges of a graph; with them the offsets are not needed, neither without nor with a
     * memory (edge_col then counts the memory's rows). */
    att_var edge_row_ptr, edge_col, edge_bias;
    att_var advantage; /* with desc.reinforce */
} att_nn_attention_opts;
ATT_API void att_nn_attention_opts_init(att_nn_attention_opts *opts);
/* y [N,out]; memory ATT_NO_VAR: self-attention. */
ATT_API ATT_MUST_CHECK att_status att_nn_attention(att_nn *nn, att_var *y, att_var x,
                                                   att_var memory,
                                                   const att_nn_attention_opts *opts);

/* ---- feed-forward, linear ---- */

/* y [N,out] = x W^T + b under name + names->weight; bias 0: none. */
ATT_API ATT_MUST_CHECK att_status att_nn_linear(att_nn *nn, att_var *y, att_var x,
                                                const char *name, int64_t out,
                                                int32_t bias, att_activation act,
                                                float dropout);

/* y = drop(act(x W1^T + b1)) W2^T + b2; gated (Shazeer 2020):
 * y = drop(act(x Wg^T + bg) * (x W1^T + b1)) W2^T + b2, Wg and W1 one product where
 * neighbours. */
typedef struct att_nn_ffn_opts {
    uint32_t size;
    const char *name;
    const att_nn_names *names;
    int64_t hidden;            /* F; 0 = 4 C */
    att_activation activation; /* default ATT_ACT_RELU */
    int32_t gated;
    int32_t no_bias;
    float dropout; /* on the hidden values */
} att_nn_ffn_opts;
ATT_API void att_nn_ffn_opts_init(att_nn_ffn_opts *opts);
ATT_API ATT_MUST_CHECK att_status att_nn_feed_forward(att_nn *nn, att_var *y, att_var x,
                                                      const att_nn_ffn_opts *opts);

/* ---- blocks: attention and feed-forward with residuals and norms ---- */

/* Post-norm (Vaswani et al. 2017): x = norm(x + drop(f(x))). Pre-norm: x = x + drop(f(
 * norm(x))), and one norm more behind the last block. */
typedef struct att_nn_block_opts {
    uint32_t size;
    const char *name; /* of a layer, "encoder.layers.#." */
    const att_nn_names *names;
    int64_t layers; /* default 1 */
    int32_t pre_norm;
    int32_t rms_norm; /* nonzero: RMS norm, without beta */
    float eps;        /* of the norms, default 1e-5 */
    float dropout;    /* on what enters a residual */
    const char
        *last_norm; /* pre-norm: the norm behind the last block, "encoder.layer_norm" */
    att_nn_attention_opts self,
        cross; /* name, names and q_offsets are filled in; cross: of a
                                          decoder, k_offsets are the memory's */
    att_nn_ffn_opts ffn;
} att_nn_block_opts;
/* desc.causal is 0 here: a decoder's self-attention wants 1. */
ATT_API void att_nn_block_opts_init(att_nn_block_opts *opts);
/* y [N,C]: `layers` blocks of self-attention and feed-forward. */
ATT_API ATT_MUST_CHECK att_status att_nn_encoder(att_nn *nn, att_var *y, att_var x,
                                                 att_var offsets,
                                                 const att_nn_block_opts *opts);
/* The same with cross-attention to memory [M,Cm] between them; the keys and values of all
 * layers are one product where their parameters are neighbours, so that memory is read
 * once. */
ATT_API ATT_MUST_CHECK att_status att_nn_decoder(att_nn *nn, att_var *y, att_var x,
                                                 att_var offsets, att_var memory,
                                                 att_var memory_offsets,
                                                 const att_nn_block_opts *opts);

/* ---- where things are ---- */

typedef enum att_nn_position_kind {
    ATT_NN_POS_NONE = 0,        /* a bag: *pos is ATT_NO_VAR */
    ATT_NN_POS_INTERLEAVED = 1, /* sin on even, cos on odd columns, as the paper */
    ATT_NN_POS_HALVES = 2,      /* all sin, then all cos, as Marian: the same numbers */
    ATT_NN_POS_LEARNED = 3,
    ATT_NN_POS_GIVEN = 4 /* set by hand, or from a file (attend/npy.h) */
} att_nn_position_kind;

/* table [rows, cols], row r stands for position p = first + r (0 or 1, or any), pair i:
 * sin(p w), cos(p w) with w = base^(-2i/cols); an odd last column is a sin. base 0:
 * 10000. kind: INTERLEAVED or HALVES. */
ATT_API ATT_MUST_CHECK att_status att_nn_sinusoids(float *table, int64_t rows,
                                                   int64_t cols,
                                                   att_nn_position_kind kind,
                                                   int64_t first, double base);

typedef struct att_nn_position_opts {
    uint32_t size;
    att_nn_position_kind kind;
    const char *name;        /* of the value on the tape, default "positions" */
    int64_t rows;            /* P: the longest sequence */
    int64_t cols;            /* C */
    int64_t first;           /* sinusoids: the position of row 0 */
    double base;             /* sinusoids; 0 = 10000 */
    const att_tensor *table; /* GIVEN: [P,C] of any float dtype, copied; rows, cols 0 or
                                its own */
    int32_t
        trainable; /* sinusoids and GIVEN: nonzero: only the first values; learned on */
} att_nn_position_opts;
ATT_API void att_nn_position_opts_init(att_nn_position_opts *opts);
/* A [P,C] value for att_op_embed, att_nn_embedding, att_nn_add_positions. */
ATT_API ATT_MUST_CHECK att_status att_nn_positions(att_nn *nn, att_var *pos,
                                                   const att_nn_position_opts *opts);
/* y [N,C] = drop(scale * table[ids] + pos[place]), att_op_embed with the table [V,C] under
 * name + ".weight"; scale 0 = sqrt(C). pos ATT_NO_VAR: none. */
ATT_API ATT_MUST_CHECK att_status att_nn_embedding(att_nn *nn, att_var *y, att_var ids,
                                                   att_var offsets, att_var pos,
                                                   const char *name, int64_t vocab,
                                                   int64_t cols, float scale,
                                                   float dropout);
/* y = x + pos[places] for rows that are vectors already; places [N,1] i32, negative: none. */
ATT_API ATT_MUST_CHECK att_status att_nn_add_positions(att_nn *nn, att_var *y,
                                                       att_var x, att_var pos,
                                                       att_var places);

/* ---- pooling, documents ---- */

/* y [B,C]: what a sequence says, by additive attention with a learned question u (Yang et
 * al. 2016): alpha = softmax over the sequence of u . tanh(x W^T + b), y = sum alpha x. An empty
 * sequence gives zeros. W [D,C] under name + "proj", u [1,D] under name + "context"; D = hidden,
 * 0 = the smaller of C and 128. alpha [N,1] may be NULL; att_tape_keep it to look at it. */
ATT_API ATT_MUST_CHECK att_status att_nn_attention_pool(att_nn *nn, att_var *y,
                                                        att_var *alpha, att_var x,
                                                        att_var offsets,
                                                        const char *name,
                                                        int64_t hidden);

/* Words -> sentences -> document. x [N,C] are the words of all sentences, word_offsets
 * [S+1,1] says where each sentence begins, sentence_offsets [B+1,1] which sentences a document
 * has. y [B,C] = pool(encode(pool(encode(x)))). */
typedef struct att_nn_hierarchy_opts {
    uint32_t size;
    const char *name; /* prefix: "word_pool.", "sentence_pool." follow */
    int64_t hidden;   /* of both questions */
    const att_nn_block_opts *words, *sentences; /* NULL: no encoder at that level */
    att_var *word_weights, *sentence_weights; /* written when given: alpha, as above */
} att_nn_hierarchy_opts;
ATT_API void att_nn_hierarchy_opts_init(att_nn_hierarchy_opts *opts);
ATT_API ATT_MUST_CHECK att_status att_nn_hierarchy(att_nn *nn, att_var *y, att_var x,
                                                   att_var word_offsets,
                                                   att_var sentence_offsets,
                                                   const att_nn_hierarchy_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
