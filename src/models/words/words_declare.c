/* words_declare.c - every parameter of an encoder of words: name, shape, first value.
 * Matrices start uniform by their two sides (gates each by itself), tables normal. */
#include "models/words/words_build.h"

#include "attend/tape.h"
#include "models/declare.h"
#include <stdio.h>

static att_status input(const atti_encoder_config *c, atti_params *ps)
{
    ATTI_TRY(
        atti_declare_table(ps, c->vocab_size, c->word_size, -1, "model.words.weight"));
    if (c->char_hidden > 0) {
        ATTI_TRY(atti_declare_table(ps, c->char_vocab, c->char_size, -1,
                                    "model.characters.weight"));
        ATTI_TRY(atti_declare_cell(ps, 3 * c->char_hidden, c->char_hidden, c->char_size,
                                   0, "model.characters.forward"));
        ATTI_TRY(atti_declare_cell(ps, 3 * c->char_hidden, c->char_hidden, c->char_size,
                                   0, "model.characters.backward"));
    }
    return atti_declare_dense(ps, c->hidden, c->word_size + 2 * c->char_hidden,
                              "model.input");
}

static att_status transformer_layer(const atti_encoder_config *c, atti_params *ps,
                                    long long i)
{
    static const char *const qkv[] = {"query", "key", "value"};
    char name[96];
    (void)snprintf(name, sizeof name, "model.layers.%lld.attention.norm", i);
    ATTI_TRY(atti_declare_norm(ps, c->hidden, name));
    for (int k = 0; k < 3; k++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.attention.%s.weight", i,
                       qkv[k]);
        ATTI_TRY(atti_declare_matrix(ps, c->hidden, c->hidden, c->hidden, name));
    }
    for (int k = 0; k < 3; k++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.attention.%s.bias", i,
                       qkv[k]);
        ATTI_TRY(atti_declare_vector(ps, c->hidden, ATTI_INIT_ZERO, name));
    }
    (void)snprintf(name, sizeof name, "model.layers.%lld.attention.output", i);
    ATTI_TRY(atti_declare_dense(ps, c->hidden, c->hidden, name));
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.norm", i);
    ATTI_TRY(atti_declare_norm(ps, c->hidden, name));
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.up", i);
    ATTI_TRY(atti_declare_dense(ps, c->ffn, c->hidden, name));
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.down", i);
    return atti_declare_dense(ps, c->hidden, c->ffn, name);
}

static att_status window_layer(const atti_encoder_config *c, atti_params *ps,
                               long long i)
{
    char name[96];
    int64_t seen = i == 0 ? 2 * c->reach + 1 : 1;
    (void)snprintf(name, sizeof name, "model.layers.%lld.dense", i);
    return atti_declare_dense(ps, c->hidden, seen * c->hidden, name);
}

static att_status rnn_layer(const atti_encoder_config *c, atti_params *ps, long long i)
{
    static const char *const way[] = {"forward", "backward"};
    int64_t h = c->one_way ? c->hidden : c->hidden / 2;
    char name[96];
    for (int k = 0; k < (c->one_way ? 1 : 2); k++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.%s", i, way[k]);
        ATTI_TRY(atti_declare_cell(ps, (c->cell == ATT_RNN_LSTM ? 4 : 3) * h, h,
                                   c->hidden, 0, name));
    }
    return ATT_OK;
}

static att_status head(const atti_encoder_config *c, atti_params *ps)
{
    int64_t h = c->hidden;
    if (c->head == ATTI_HEAD_TOKENS)
        return atti_declare_dense(ps, c->n_labels, h, "classifier");
    ATTI_TRY(atti_declare_dense(ps, c->heads, h, "classifier.query"));
    ATTI_TRY(atti_declare_dense(ps, h, 3 * h, "classifier.dense"));
    return atti_declare_dense(ps, c->n_labels, h, "classifier.out_proj");
}

att_status atti_words_declare(const void *cfg, atti_params *params)
{
    const atti_encoder_config *c = cfg;
    ATTI_TRY(input(c, params));
    for (long long i = 0; i < (long long)c->layers; i++) {
        switch (c->core) {
        case ATTI_CORE_TRANSFORMER: ATTI_TRY(transformer_layer(c, params, i)); break;
        case ATTI_CORE_WINDOW: ATTI_TRY(window_layer(c, params, i)); break;
        case ATTI_CORE_RNN: ATTI_TRY(rnn_layer(c, params, i)); break;
        }
    }
    if (c->core == ATTI_CORE_TRANSFORMER)
        ATTI_TRY(atti_declare_norm(params, c->hidden, "model.norm"));
    return head(c, params);
}
