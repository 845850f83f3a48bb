/* words_declare.c - every parameter of an encoder of words: name, shape, first value.
 * Matrices start uniform by their two sides (gates each by itself), tables normal. */
#include "models/words/words_build.h"

#include "attend/tape.h"
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

static att_status vector(atti_params *ps, int64_t n, atti_init init, const char *name)
{
    atti_param p = {.ndim = 1,
                    .shape = {n},
                    .init = init,
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
    return vector(ps, out, ATTI_INIT_ZERO, full);
}

static att_status norm(atti_params *ps, int64_t n, const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "%s.weight", name);
    ATTI_TRY(vector(ps, n, ATTI_INIT_ONE, full));
    (void)snprintf(full, sizeof full, "%s.bias", name);
    return vector(ps, n, ATTI_INIT_ZERO, full);
}

static att_status table(atti_params *ps, int64_t rows, int64_t cols, const char *name)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_NORMAL,
                    .std = 1.0f / sqrtf((float)cols),
                    .zero_row = -1};
    return atti_params_add(ps, &p, "%s", name);
}

static att_status cell(atti_params *ps, int lstm, int64_t h, int64_t in,
                       const char *name)
{
    char full[128];
    int64_t g = (lstm ? 4 : 3) * h;
    (void)snprintf(full, sizeof full, "%s.weight_ih", name);
    ATTI_TRY(matrix(ps, g, in, h, full));
    (void)snprintf(full, sizeof full, "%s.weight_hh", name);
    ATTI_TRY(matrix(ps, g, h, h, full));
    (void)snprintf(full, sizeof full, "%s.bias_ih", name);
    ATTI_TRY(vector(ps, g, ATTI_INIT_ZERO, full));
    (void)snprintf(full, sizeof full, "%s.bias_hh", name);
    return vector(ps, g, ATTI_INIT_ZERO, full);
}

static att_status input(const atti_encoder_config *c, atti_params *ps)
{
    ATTI_TRY(table(ps, c->vocab_size, c->word_size, "model.words.weight"));
    if (c->char_hidden > 0) {
        ATTI_TRY(table(ps, c->char_vocab, c->char_size, "model.characters.weight"));
        ATTI_TRY(cell(ps, 0, c->char_hidden, c->char_size, "model.characters.forward"));
        ATTI_TRY(
            cell(ps, 0, c->char_hidden, c->char_size, "model.characters.backward"));
    }
    return dense(ps, c->hidden, c->word_size + 2 * c->char_hidden, "model.input");
}

static att_status transformer_layer(const atti_encoder_config *c, atti_params *ps,
                                    long long i)
{
    static const char *const qkv[] = {"query", "key", "value"};
    char name[96];
    (void)snprintf(name, sizeof name, "model.layers.%lld.attention.norm", i);
    ATTI_TRY(norm(ps, c->hidden, name));
    for (int k = 0; k < 3; k++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.attention.%s.weight", i,
                       qkv[k]);
        ATTI_TRY(matrix(ps, c->hidden, c->hidden, c->hidden, name));
    }
    for (int k = 0; k < 3; k++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.attention.%s.bias", i,
                       qkv[k]);
        ATTI_TRY(vector(ps, c->hidden, ATTI_INIT_ZERO, name));
    }
    (void)snprintf(name, sizeof name, "model.layers.%lld.attention.output", i);
    ATTI_TRY(dense(ps, c->hidden, c->hidden, name));
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.norm", i);
    ATTI_TRY(norm(ps, c->hidden, name));
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.up", i);
    ATTI_TRY(dense(ps, c->ffn, c->hidden, name));
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.down", i);
    return dense(ps, c->hidden, c->ffn, name);
}

static att_status window_layer(const atti_encoder_config *c, atti_params *ps,
                               long long i)
{
    char name[96];
    int64_t seen = i == 0 ? 2 * c->reach + 1 : 1;
    (void)snprintf(name, sizeof name, "model.layers.%lld.dense", i);
    return dense(ps, c->hidden, seen * c->hidden, name);
}

static att_status rnn_layer(const atti_encoder_config *c, atti_params *ps, long long i)
{
    static const char *const way[] = {"forward", "backward"};
    int64_t h = c->one_way ? c->hidden : c->hidden / 2;
    char name[96];
    for (int k = 0; k < (c->one_way ? 1 : 2); k++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.%s", i, way[k]);
        ATTI_TRY(cell(ps, c->cell == ATT_RNN_LSTM, h, c->hidden, name));
    }
    return ATT_OK;
}

static att_status head(const atti_encoder_config *c, atti_params *ps)
{
    int64_t h = c->hidden;
    if (c->head == ATTI_HEAD_TOKENS) return dense(ps, c->n_labels, h, "classifier");
    ATTI_TRY(dense(ps, c->heads, h, "classifier.query"));
    ATTI_TRY(dense(ps, h, 3 * h, "classifier.dense"));
    return dense(ps, c->n_labels, h, "classifier.out_proj");
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
        ATTI_TRY(norm(params, c->hidden, "model.norm"));
    return head(c, params);
}
