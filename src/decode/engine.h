/* engine.h - a model made ready for inference: every weight matrix as a packed linear,
 * biases and norms as pointers, attention as descriptors. Made once per model, immutable,
 * shared by all sessions. */
#ifndef ATTI_ENGINE_H
#define ATTI_ENGINE_H

#include "attend/attention.h"
#include "kernels/kernels.h"
#include "kernels/matmul.h"
#include "models/marian/marian_config.h"
#include "models/model_internal.h"

typedef struct atti_dense { /* y [N,n_out] = x [N,n_in] W^T + bias */
    atti_linear *lin;
    const float *bias; /* [n_out] or NULL */
    float *owned_w;    /* rows of several parameters joined, where they were apart */
    float *owned_b;
    int64_t n_out, n_in;
} atti_dense;

typedef struct atti_norm_par {
    const float *gamma, *beta; /* [C]; gamma NULL = no norm here */
} atti_norm_par;

/* One attention: what is computed, and its parameters as tensors. */
typedef struct atti_attn_site {
    att_attention_desc desc;
    att_tensor score_w, score_b, rel_k, rel_v, t5; /* data NULL = absent */
} atti_attn_site;

typedef struct atti_layer {
    atti_dense qkv, out;      /* self-attention: [3C,C], [C,C] */
    atti_dense xq, xkv, xout; /* cross-attention: [C,C], [2C,C], [C,C]; decoder only */
    atti_dense fc1, fc2;
    atti_norm_par
        norm[3]; /* self, (cross,) mlp: after the sublayer, or before: pre-norm */
    atti_attn_site self, cross;
} atti_layer;

typedef struct atti_stack {
    atti_layer *layer;
    int64_t n_layers, heads, ffn;
    int n_norms;          /* sublayers a layer: 2 or 3 */
    const float *embed;   /* [V,C] */
    atti_norm_par last;   /* pre-norm: after the last layer */
    const float *learned; /* [P,C] positions, or NULL */
} atti_stack;

typedef struct atti_engine {
    const atti_marian_config *cfg;
    atti_stack enc, dec;
    atti_dense vocab; /* [V,C] with final_logits_bias, NULL when that is all zero */
    float embed_scale;
    atti_linear_pool *pool;      /* the packed weights, in the order of a step */
    struct atti_rnn_engine *rnn; /* recurrent models: rnn_engine.h; NULL */
    size_t bytes;                /* of packed and joined weights */
} atti_engine;

/* The engine of a model, made at the first call. Borrowed. ATT_ENOTSUP: a family that
 * does not translate. */
ATT_MUST_CHECK att_status atti_engine_get(const atti_engine **out,
                                          const att_model *model);

/* rows [from, to) of the position table, [.., C]; zeros when the positions are in the scores. */
void atti_engine_positions(const atti_engine *e, const atti_stack *s, float *table,
                           int64_t from, int64_t to);

/* y [rows, n_out] = x W^T + bias, then act. */
ATT_MUST_CHECK att_status atti_dense_run(const atti_dense *d, float *y, int64_t ldy,
                                         const float *x, int64_t ldx, int64_t rows,
                                         atti_act act);

/* The end of a sublayer: x [rows,C] is the residual stream, n [rows,C] what the next
 * sublayer reads. Post-norm: n = norm(x + in W^T + b), and x = n. Pre-norm: x += ..,
 * n = norm(x) with the next sublayer's norm. tmp [rows,C] is scratch. */
typedef struct atti_stream {
    float *x, *n, *tmp;
    int64_t width;
} atti_stream;
ATT_MUST_CHECK att_status atti_dense_residual(const atti_engine *e, const atti_dense *d,
                                              atti_stream *s, const float *in,
                                              int64_t ld_in, int64_t rows,
                                              const atti_norm_par *norm);
static inline const float *atti_stream_in(const atti_engine *e, const atti_stream *s)
{
    return e->cfg->pre_norm ? s->n : s->x;
}
/* The norm that the end of sublayer i (counted over the stack) applies. */
const atti_norm_par *atti_stack_norm(const atti_engine *e, const atti_stack *s,
                                     int64_t layer, int sub);

#endif
