/* lm_engine.h - a decoder-only model made ready for inference: weights packed once per
 * model, shared by all sessions, each read once a pass. */
#ifndef ATTI_LM_ENGINE_H
#define ATTI_LM_ENGINE_H

#include "kernels/matmul.h"
#include "models/decoder/decoder_config.h"
#include "models/model_internal.h"

typedef struct atti_lm_dense {
    atti_linear *lin;
    const float *bias; /* [n_out] or NULL */
    float *owned;      /* biases that were apart */
    int64_t n_out, n_in;
} atti_lm_dense;

typedef struct atti_lm_norm {
    const float *gamma, *beta; /* beta NULL: RMS */
} atti_lm_norm;

typedef struct atti_lm_layer {
    atti_lm_norm norm1, norm2;
    atti_lm_dense qkv, out; /* [(H + 2G) D, C], [C, H D] */
    atti_lm_dense up, down; /* Llama: gate and up, [2F, C]; GPT-2: [F, C] */
    float scale;            /* of the scores; 0 = 1/sqrt(D) */
} atti_lm_layer;

typedef struct atti_lm_engine {
    const atti_decoder_config *cfg;
    atti_lm_layer *layer;
    atti_lm_norm last;
    const float *embed, *positions; /* [V,C]; [P,C] or NULL */
    atti_lm_dense vocab;
    atti_linear_pool *pool; /* the packed weights, in the order of a pass */
    float *freqs;           /* [D/2] rotary, or NULL */
    size_t bytes;
} atti_lm_engine;

/* Made at the first call. Borrowed. ATT_ENOTSUP: not a decoder-only model. */
ATT_MUST_CHECK att_status atti_lm_engine_get(const atti_lm_engine **out,
                                             const att_model *model);

#endif
