/* marian_config.h - sizes and choices of the Transformer encoder-decoder (Vaswani et al. 2017).
 *
 * model_type "marian" when MarianMTModel can hold it (post-norm, scaled dot, softmax,
 * half-split sinusoids); otherwise the same layout as model_type "attend" with
 * "architecture": "transformer-seq2seq" and the extra keys named here (attend_*). */
#ifndef ATTI_MARIAN_CONFIG_H
#define ATTI_MARIAN_CONFIG_H

#include "attend/attention.h"
#include "base/json.h"
#include "kernels/kernels.h"

typedef enum atti_positions {
    ATTI_POS_NONE = 0,
    ATTI_POS_SINUSOIDAL = 1, /* half-split, as Marian stores them; counted from 0 */
    ATTI_POS_SINUSOIDAL_INTERLEAVED = 2, /* the paper's order */
    ATTI_POS_LEARNED = 3,
    ATTI_POS_RELATIVE = 4, /* Shaw, in self-attention */
    ATTI_POS_ROPE = 5,     /* half-split, in self-attention */
    ATTI_POS_ALIBI = 6,
    ATTI_POS_T5 = 7
} atti_positions;

typedef struct atti_marian_config {
    int32_t is_plain_marian; /* derived: MarianMTModel can hold it */
    int64_t vocab_size, decoder_vocab_size;
    int64_t d_model;
    int64_t encoder_layers, decoder_layers;
    int64_t encoder_heads, decoder_heads;
    int64_t encoder_ffn, decoder_ffn;
    int64_t max_positions;
    atti_act activation;
    int32_t scale_embedding;  /* multiply by sqrt(d_model) */
    int32_t share_embeddings; /* one table for source, target and output */
    int32_t tie_output;       /* decoder table = output */
    int32_t pre_norm;         /* attend_norm: "pre" */
    int32_t rms_norm;
    atti_positions positions; /* attend_positions */
    att_score score;          /* attend_score */
    float score_scale;        /* 0 = the score's default; 1 = the plain dot */
    att_normalise normalise;  /* attend_normalise */
    float dropout, attention_dropout, activation_dropout;
    float norm_eps;
    float init_std;
    int64_t pad_id, eos_id, unk_id, decoder_start_id, forced_eos_id; /* -1 = none */
    int64_t bos_id;
} atti_marian_config;

void atti_marian_config_init(atti_marian_config *c); /* the class's defaults */
/* The hard ranges of a config from a stranger; sets is_plain_marian. */
ATT_MUST_CHECK att_status atti_marian_config_check(atti_marian_config *c);

/* For the family table. read: root is config.json; *cfg one atti_alloc block. write: the
 * whole object, keys in the order and form that transformers 5.23 writes. */
ATT_MUST_CHECK att_status atti_marian_config_read(void **cfg, const atti_json *root,
                                                  const char *name);
ATT_MUST_CHECK att_status atti_marian_config_write(const void *cfg, atti_jsonw *w);

/* Words of the command line and of config.json to the fields above; ATT_ENOTFOUND lists
 * what there is. score: dot|scaled-dot|general|additive|gat|cosine (sets score_scale). */
ATT_MUST_CHECK att_status atti_marian_set_positions(atti_marian_config *c,
                                                    const char *word);
ATT_MUST_CHECK att_status atti_marian_set_score(atti_marian_config *c,
                                                const char *word);
ATT_MUST_CHECK att_status atti_marian_set_normalise(atti_marian_config *c,
                                                    const char *word);
ATT_MUST_CHECK att_status atti_marian_set_activation(atti_marian_config *c,
                                                     const char *word);

#endif
