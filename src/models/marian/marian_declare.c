/* marian_declare.c - every parameter of the encoder-decoder: its Hugging Face name, shape and
 * first value, in an order that lays matrices that are multiplied with the same input side
 * by side (q, k, v of a layer; k, v of all cross-attentions). */
#include "models/marian/marian_build.h"

#include <math.h>
#include <stdio.h>

typedef struct declarer {
    const atti_marian_config *c;
    atti_params *ps;
} declarer;

static att_status matrix(const declarer *d, const char *layer, const char *name,
                         int64_t rows, int64_t cols, double fan_out)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_XAVIER_UNIFORM,
                    .fan_in = (double)cols,
                    .fan_out = fan_out,
                    .zero_row = -1};
    return atti_params_add(d->ps, &p, "%s%s.weight", layer, name);
}

static att_status vector(const declarer *d, const char *layer, const char *name,
                         const char *part, int64_t n, atti_init init)
{
    atti_param p = {.ndim = 1,
                    .shape = {n},
                    .init = init,
                    .flags = ATTI_PARAM_NO_DECAY,
                    .zero_row = -1};
    return atti_params_add(d->ps, &p, "%s%s.%s", layer, name, part);
}

static att_status norm(const declarer *d, const char *layer, const char *name)
{
    ATTI_TRY(vector(d, layer, name, "weight", d->c->d_model, ATTI_INIT_ONE));
    if (d->c->rms_norm) return ATT_OK; /* Zhang and Sennrich 2019: no shift */
    return vector(d, layer, name, "bias", d->c->d_model, ATTI_INIT_ZERO);
}

static att_status dense(const declarer *d, const char *layer, const char *name,
                        int64_t out, int64_t in)
{
    ATTI_TRY(matrix(d, layer, name, out, in, (double)out));
    return vector(d, layer, name, "bias", out, ATTI_INIT_ZERO);
}

/* Projections of one input, weights together and biases together. Their bound is that of
 * the joined matrix, as fairseq starts them: xavier with gain 1/sqrt(2). */
static att_status joined(const declarer *d, const char *layer, const char *const *names,
                         int n)
{
    int64_t c = d->c->d_model;
    for (int i = 0; i < n; i++)
        ATTI_TRY(matrix(d, layer, names[i], c, c, 3.0 * (double)c));
    for (int i = 0; i < n; i++)
        ATTI_TRY(vector(d, layer, names[i], "bias", c, ATTI_INIT_ZERO));
    return ATT_OK;
}

/* Parameters of the score and of relative positions. Deviations make a first score of
 * order one from q and k of order one. */
static att_status score_params(const declarer *d, const char *layer, int64_t heads,
                               int self)
{
    const atti_marian_config *c = d->c;
    int64_t w = c->d_model / heads;
    atti_param p = {.init = ATTI_INIT_NORMAL, .zero_row = -1};
    if (c->score == ATT_SCORE_BILINEAR) {
        p.ndim = 3, p.shape[0] = heads, p.shape[1] = p.shape[2] = w;
        p.std = 1.0f / (float)w;
        ATTI_TRY(atti_params_add(d->ps, &p, "%sscore_w", layer));
    } else if (c->score == ATT_SCORE_ADDITIVE || c->score == ATT_SCORE_GAT) {
        p.ndim = 2, p.shape[0] = heads, p.shape[1] = w;
        p.std = 1.0f / sqrtf((float)w);
        ATTI_TRY(atti_params_add(d->ps, &p, "%sscore_w", layer));
        p.init = ATTI_INIT_ZERO, p.flags = ATTI_PARAM_NO_DECAY;
        ATTI_TRY(atti_params_add(d->ps, &p, "%sscore_b", layer));
    }
    if (self && c->positions == ATTI_POS_RELATIVE) {
        atti_param r = {.ndim = 2,
                        .shape = {2 * ATTI_MARIAN_SHAW_CLIP + 1, w},
                        .init = ATTI_INIT_XAVIER_UNIFORM,
                        .zero_row = -1};
        ATTI_TRY(atti_params_add(d->ps, &r, "%srel_k", layer));
        ATTI_TRY(atti_params_add(d->ps, &r, "%srel_v", layer));
    }
    return ATT_OK;
}

static att_status table(const declarer *d, const char *name, int64_t rows,
                        int64_t zero_row)
{
    const atti_marian_config *c = d->c;
    float std = c->scale_embedding ? 1.0f / sqrtf((float)c->d_model) : c->init_std;
    atti_param p = {.ndim = 2,
                    .shape = {rows, c->d_model},
                    .init = ATTI_INIT_NORMAL,
                    .std = std,
                    .zero_row = zero_row};
    return atti_params_add(d->ps, &p, "%s", name);
}

static att_status embeddings(const declarer *d)
{
    const atti_marian_config *c = d->c;
    if (c->share_embeddings) {
        ATTI_TRY(table(d, "model.shared.weight", c->vocab_size, c->pad_id));
    } else {
        ATTI_TRY(
            table(d, "model.encoder.embed_tokens.weight", c->vocab_size, c->pad_id));
        ATTI_TRY(table(d, "model.decoder.embed_tokens.weight", c->decoder_vocab_size,
                       c->pad_id));
    }
    if (!c->tie_output)
        ATTI_TRY(table(d, "lm_head.weight", c->decoder_vocab_size, c->pad_id));
    if (c->positions == ATTI_POS_LEARNED) {
        ATTI_TRY(
            table(d, "model.encoder.embed_positions.weight", c->max_positions, -1));
        ATTI_TRY(
            table(d, "model.decoder.embed_positions.weight", c->max_positions, -1));
    }
    atti_param bias = {.ndim = 2,
                       .shape = {1, c->decoder_vocab_size},
                       .init = ATTI_INIT_ZERO,
                       .flags = ATTI_PARAM_NO_DECAY,
                       .zero_row = -1};
    return atti_params_add(d->ps, &bias, "final_logits_bias");
}

static att_status t5_table(const declarer *d, const char *side, int64_t heads)
{
    if (d->c->positions != ATTI_POS_T5) return ATT_OK;
    atti_param p = {.ndim = 2,
                    .shape = {ATTI_MARIAN_T5_BUCKETS, heads},
                    .init = ATTI_INIT_NORMAL,
                    .std = 1.0f / sqrtf((float)d->c->d_model),
                    .zero_row = -1};
    return atti_params_add(d->ps, &p, "model.%s.relative_attention_bias.weight", side);
}

static att_status layer(const declarer *d, const char *side, int64_t i, int decoder)
{
    static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
    const atti_marian_config *c = d->c;
    int64_t heads = decoder ? c->decoder_heads : c->encoder_heads;
    int64_t ffn = decoder ? c->decoder_ffn : c->encoder_ffn;
    char base[64], attn[96];
    snprintf(base, sizeof base, "model.%s.layers.%lld.", side, (long long)i);
    snprintf(attn, sizeof attn, "%sself_attn.", base);
    ATTI_TRY(joined(d, attn, qkv, 3));
    ATTI_TRY(dense(d, attn, "out_proj", c->d_model, c->d_model));
    ATTI_TRY(score_params(d, attn, heads, 1));
    ATTI_TRY(norm(d, base, "self_attn_layer_norm"));
    if (decoder) {
        snprintf(attn, sizeof attn, "%sencoder_attn.", base);
        ATTI_TRY(dense(d, attn, "q_proj", c->d_model, c->d_model));
        ATTI_TRY(dense(d, attn, "out_proj", c->d_model, c->d_model));
        ATTI_TRY(score_params(d, attn, heads, 0));
        ATTI_TRY(norm(d, base, "encoder_attn_layer_norm"));
    }
    ATTI_TRY(dense(d, base, "fc1", ffn, c->d_model));
    ATTI_TRY(dense(d, base, "fc2", c->d_model, ffn));
    return norm(d, base, "final_layer_norm");
}

/* k and v of every decoder layer read the same encoder output. */
static att_status cross_keys(const declarer *d)
{
    static const char *const kv[] = {"k_proj", "v_proj"};
    int64_t c = d->c->d_model;
    char attn[96];
    for (int bias = 0; bias < 2; bias++)
        for (int64_t i = 0; i < d->c->decoder_layers; i++) {
            snprintf(attn, sizeof attn, "model.decoder.layers.%lld.encoder_attn.",
                     (long long)i);
            for (int k = 0; k < 2; k++)
                ATTI_TRY(bias ? vector(d, attn, kv[k], "bias", c, ATTI_INIT_ZERO)
                              : matrix(d, attn, kv[k], c, c, 3.0 * (double)c));
        }
    return ATT_OK;
}

att_status atti_marian_declare(const void *cfg, atti_params *params)
{
    const atti_marian_config *c = cfg;
    declarer d = {c, params};
    ATTI_TRY(embeddings(&d));
    ATTI_TRY(t5_table(&d, "encoder", c->encoder_heads));
    for (int64_t i = 0; i < c->encoder_layers; i++)
        ATTI_TRY(layer(&d, "encoder", i, 0));
    if (c->pre_norm) ATTI_TRY(norm(&d, "model.encoder.", "layer_norm"));
    ATTI_TRY(t5_table(&d, "decoder", c->decoder_heads));
    ATTI_TRY(cross_keys(&d));
    for (int64_t i = 0; i < c->decoder_layers; i++)
        ATTI_TRY(layer(&d, "decoder", i, 1));
    if (c->pre_norm) ATTI_TRY(norm(&d, "model.decoder.", "layer_norm"));
    return ATT_OK;
}
