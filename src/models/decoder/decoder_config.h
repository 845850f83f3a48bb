/* decoder_config.h - sizes and choices of decoder-only language models: Llama-style
 * (LlamaForCausalLM) and GPT-2-style (GPT2LMHeadModel), one struct for both.
 *
 *               Llama                              GPT-2
 *   norm        RMS                                layer norm
 *   positions   rotary in every attention          a learned table
 *   mlp         down(act(gate x) * up x)           W2 act(W1 x)
 *   heads       groups share keys and values       each its own
 *   biases      by switches                        everywhere
 *   matrices    [out, in]                          [in, out] */
#ifndef ATTI_DECODER_CONFIG_H
#define ATTI_DECODER_CONFIG_H

#include "models/config_keys.h"

typedef enum atti_rope_kind {
    ATTI_ROPE_DEFAULT = 0,
    ATTI_ROPE_LINEAR = 1, /* positions divided by rope_factor */
    ATTI_ROPE_LLAMA3 = 2  /* slow frequencies divided, fast ones kept, a ramp between */
} atti_rope_kind;

typedef struct atti_decoder_config {
    int32_t gpt2; /* 0: Llama */
    int32_t tie_output;
    int64_t vocab_size, hidden, ffn, layers, heads, kv_heads, head_dim, max_positions;
    int32_t ffn_is_default; /* GPT-2: n_inner is null, four times n_embd */
    atti_act activation;
    float norm_eps;
    float init_std;
    /* Dropout: of the embeddings and of residual branches (GPT-2), of weights. */
    float embedding_dropout, residual_dropout, attention_dropout;
    int64_t bos_id, pad_id; /* -1 = none */
    atti_config_eos eos;

    /* Llama */
    int32_t attention_bias, mlp_bias;
    atti_rope_kind rope;
    float rope_theta, rope_factor, rope_low, rope_high;
    int64_t rope_original; /* llama3: positions the model was first trained with */

    /* GPT-2 */
    int32_t plain_scores;   /* scale_attn_weights false: q . k as it is */
    int32_t scale_by_layer; /* scores of layer i are divided by i + 1 too */
} atti_decoder_config;

/* The class's defaults. */
void atti_decoder_config_init(atti_decoder_config *c, int gpt2);
/* The hard ranges; heads must divide, groups too. */
ATT_MUST_CHECK att_status atti_decoder_config_check(const atti_decoder_config *c);

/* For the family table. *cfg is one atti_decoder_config. */
ATT_MUST_CHECK att_status atti_llama_config_read(void **cfg, const atti_json *root,
                                                 const char *name);
ATT_MUST_CHECK att_status atti_gpt2_config_read(void **cfg, const atti_json *root,
                                                const char *name);
ATT_MUST_CHECK att_status atti_decoder_config_write(const void *cfg, atti_jsonw *w);

/* Rotary frequencies [head_dim / 2] with the scaling in. */
void atti_decoder_rope_freqs(const atti_decoder_config *c, float *freqs);

#endif
