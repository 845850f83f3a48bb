/* rnn_declare.c - every parameter of the recurrent encoder-decoder: name, shape, first value.
 * Matrices start uniform by their two sides, gates each by itself; biases at zero. */
#include "models/declare.h"
#include "models/rnn/rnn_build.h"

#include <math.h>
#include <stdio.h>

static att_status tables(const atti_rnn_config *c, atti_params *ps)
{
    if (c->share_embeddings) {
        ATTI_TRY(atti_declare_table(ps, c->vocab_size, c->embed, c->pad_id,
                                    "model.shared.weight"));
    } else {
        ATTI_TRY(atti_declare_table(ps, c->vocab_size, c->embed, c->pad_id,
                                    "model.encoder.embed_tokens.weight"));
        ATTI_TRY(atti_declare_table(ps, c->decoder_vocab_size, c->embed, c->pad_id,
                                    "model.decoder.embed_tokens.weight"));
    }
    if (!c->tie_output)
        ATTI_TRY(atti_declare_table(ps, c->decoder_vocab_size, c->readout, -1,
                                    "lm_head.weight"));
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
        return atti_declare_matrix(ps, c->hidden, memory, c->hidden,
                                   "model.attention.key.weight");
    if (c->score != ATTI_RNN_ADDITIVE) return ATT_OK;
    atti_param v = {.ndim = 2,
                    .shape = {1, c->attention},
                    .init = ATTI_INIT_NORMAL,
                    .std = 1.0f / sqrtf((float)c->attention),
                    .zero_row = -1};
    ATTI_TRY(atti_declare_dense(ps, c->attention, memory, "model.attention.key"));
    ATTI_TRY(atti_declare_matrix(ps, c->attention, c->hidden, c->attention,
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
            ATTI_TRY(atti_declare_cell(params, atti_rnn_gates(c, c->encoder),
                                       c->encoder, in, 0, name));
        }
    ATTI_TRY(atti_declare_dense(params, atti_rnn_state(c), cells * memory,
                                "model.decoder.bridge"));
    ATTI_TRY(attention(c, params));
    int64_t feed = c->score == ATTI_RNN_NONE ? 0 : atti_rnn_feed(c);
    ATTI_TRY(atti_declare_cell(params, atti_rnn_gates(c, c->hidden), c->hidden,
                               c->embed, feed, "model.decoder.cell"));
    int64_t said = c->hidden;
    if (c->score != ATTI_RNN_NONE) said += memory;
    if (c->score == ATTI_RNN_ADDITIVE || c->score == ATTI_RNN_NONE) said += c->embed;
    return atti_declare_dense(params, c->readout, said, "model.decoder.readout");
}
