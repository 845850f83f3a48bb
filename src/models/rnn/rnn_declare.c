/* rnn_declare.c - every parameter of the recurrent encoder-decoder: name, shape, first value.
 * Matrices start uniform by their two sides, gates each by itself; biases at zero. */
#include "models/rnn/rnn_build.h"

#include <math.h>
#include <stdio.h>

static att_status matrix(atti_params *ps, int64_t rows, int64_t cols, int64_t fan_out,
                         const char *name)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_XAVIER_UNIFORM,
                    .fan_in = (double)cols,
                    .fan_out = (double)fan_out,
                    .zero_row = -1};
    return atti_params_add(ps, &p, "%s", name);
}

static att_status bias(atti_params *ps, int64_t n, const char *name)
{
    atti_param p = {.ndim = 1,
                    .shape = {n},
                    .init = ATTI_INIT_ZERO,
                    .flags = ATTI_PARAM_NO_DECAY,
                    .zero_row = -1};
    return atti_params_add(ps, &p, "%s", name);
}

static att_status dense(atti_params *ps, int64_t out, int64_t in, const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "%s.weight", name);
    ATTI_TRY(matrix(ps, out, in, out, full));
    (void)snprintf(full, sizeof full, "%s.bias", name);
    return bias(ps, out, full);
}

/* feed 0: a cell that nothing but x is fed to. */
static att_status cell(atti_params *ps, const atti_rnn_config *c, int64_t h, int64_t in,
                       int64_t feed, const char *name)
{
    char full[128];
    int64_t g = atti_rnn_gates(c, h);
    (void)snprintf(full, sizeof full, "%s.weight_ih", name);
    ATTI_TRY(matrix(ps, g, in, h, full));
    (void)snprintf(full, sizeof full, "%s.weight_feed", name);
    if (feed > 0) ATTI_TRY(matrix(ps, g, feed, h, full));
    (void)snprintf(full, sizeof full, "%s.weight_hh", name);
    ATTI_TRY(matrix(ps, g, h, h, full));
    (void)snprintf(full, sizeof full, "%s.bias_ih", name);
    ATTI_TRY(bias(ps, g, full));
    (void)snprintf(full, sizeof full, "%s.bias_hh", name);
    return bias(ps, g, full);
}

static att_status table(atti_params *ps, int64_t rows, int64_t cols, int64_t pad,
                        const char *name)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_NORMAL,
                    .std = 1.0f / sqrtf((float)cols),
                    .zero_row = pad};
    return atti_params_add(ps, &p, "%s", name);
}

static att_status tables(const atti_rnn_config *c, atti_params *ps)
{
    if (c->share_embeddings) {
        ATTI_TRY(table(ps, c->vocab_size, c->embed, c->pad_id, "model.shared.weight"));
    } else {
        ATTI_TRY(table(ps, c->vocab_size, c->embed, c->pad_id,
                       "model.encoder.embed_tokens.weight"));
        ATTI_TRY(table(ps, c->decoder_vocab_size, c->embed, c->pad_id,
                       "model.decoder.embed_tokens.weight"));
    }
    if (!c->tie_output)
        ATTI_TRY(table(ps, c->decoder_vocab_size, c->readout, -1, "lm_head.weight"));
    atti_param out = {.ndim = 2,
                      .shape = {1, c->decoder_vocab_size},
                      .init = ATTI_INIT_ZERO,
                      .flags = ATTI_PARAM_NO_DECAY,
                      .zero_row = -1};
    return atti_params_add(ps, &out, "final_logits_bias");
}

static att_status attention(const atti_rnn_config *c, atti_params *ps)
{
    int64_t memory = 2 * c->encoder;
    if (c->score == ATTI_RNN_GENERAL)
        return matrix(ps, c->hidden, memory, c->hidden, "model.attention.key.weight");
    if (c->score != ATTI_RNN_ADDITIVE) return ATT_OK;
    atti_param v = {.ndim = 2,
                    .shape = {1, c->attention},
                    .init = ATTI_INIT_NORMAL,
                    .std = 1.0f / sqrtf((float)c->attention),
                    .zero_row = -1};
    ATTI_TRY(dense(ps, c->attention, memory, "model.attention.key"));
    ATTI_TRY(matrix(ps, c->attention, c->hidden, c->attention,
                    "model.attention.query.weight"));
    return atti_params_add(ps, &v, "model.attention.v");
}

att_status atti_rnn_declare(const void *cfg, atti_params *params)
{
    const atti_rnn_config *c = cfg;
    int64_t memory = 2 * c->encoder, in = c->embed;
    int64_t cells = c->cell == ATT_RNN_LSTM ? 2 : 1;
    char name[96];
    ATTI_TRY(tables(c, params));
    for (int64_t i = 0; i < c->encoder_layers; i++, in = memory)
        for (int d = 0; d < 2; d++) {
            (void)snprintf(name, sizeof name, "model.encoder.layers.%lld.%s",
                           (long long)i, d ? "backward" : "forward");
            ATTI_TRY(cell(params, c, c->encoder, in, 0, name));
        }
    ATTI_TRY(dense(params, atti_rnn_state(c), cells * memory, "model.decoder.bridge"));
    ATTI_TRY(attention(c, params));
    int64_t feed = c->score == ATTI_RNN_NONE ? 0 : atti_rnn_feed(c);
    ATTI_TRY(cell(params, c, c->hidden, c->embed, feed, "model.decoder.cell"));
    int64_t said = c->hidden;
    if (c->score != ATTI_RNN_NONE) said += memory;
    if (c->score == ATTI_RNN_ADDITIVE || c->score == ATTI_RNN_NONE) said += c->embed;
    return dense(params, c->readout, said, "model.decoder.readout");
}
