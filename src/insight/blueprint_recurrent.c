/* blueprint_recurrent.c - the recurrent encoder-decoder as boxes: one layer both ways over
 * the source, one cell over the target, attention between them. */
#include "insight/blueprint.h"

#include "models/rnn/rnn_config.h"

#include <stdio.h>

typedef long long ll;

static int64_t tokens(atti_blueprint *d, const atti_rnn_config *c, int decoder)
{
    char note[ATTI_NOTE];
    const char *len = decoder ? "T" : "S";
    int64_t ids = atti_blueprint_box(
        d, 0, ATTI_TINT_PLAIN, decoder ? "output so far" : "source", "ids [%s]", len);
    snprintf(note, sizeof note, "[%lld, %lld] -> [%s, %lld]",
             (ll)(decoder ? c->decoder_vocab_size : c->vocab_size), (ll)c->embed, len,
             (ll)c->embed);
    return atti_blueprint_above(d, ids, ATTI_TINT_EMBED, "Embedding", note);
}

/* Asked by the state before (additive) or after the step; what it found goes on. */
static int64_t attention(atti_blueprint *d, const atti_rnn_config *c, int64_t from,
                         int64_t memory)
{
    static const char *const score[] = {"v . tanh(W h + k)", "h . W k", "h . k", ""};
    char note[ATTI_NOTE];
    snprintf(note, sizeof note, "%s, softmax over S", score[c->score]);
    int64_t a = atti_blueprint_above(d, from, ATTI_TINT_CROSS, "Attention", note);
    atti_blueprint_arrow(d, memory, a, 0, "K, V");
    return a;
}

void atti_blueprint_recurrent(atti_blueprint *d, const void *cfg)
{
    const atti_rnn_config *c = cfg;
    const char *cell = c->cell == ATT_RNN_LSTM ? "LSTM" : "GRU";
    char name[ATTI_NOTE], note[ATTI_NOTE];
    int64_t at = tokens(d, c, 0);
    snprintf(name, sizeof name, "%s, both directions", cell);
    snprintf(note, sizeof note, "%lld layer%s, 2 x %lld -> [S, %lld]",
             (ll)c->encoder_layers, c->encoder_layers == 1 ? "" : "s", (ll)c->encoder,
             2 * (ll)c->encoder);
    int64_t memory = atti_blueprint_above(d, at, ATTI_TINT_ATTENTION, name, note);
    /* Luong's attention stands a row higher; so does what it looks at. */
    if (c->score == ATTI_RNN_GENERAL || c->score == ATTI_RNN_DOT)
        d->box[memory].row = 3;
    d->column = 1.9;
    int64_t begin = d->n + 2;
    at = tokens(d, c, 1);
    if (c->score == ATTI_RNN_ADDITIVE) at = attention(d, c, at, memory);
    snprintf(name, sizeof name, "%s cell, step by step", cell);
    snprintf(note, sizeof note, "[T, %lld], first state from the source",
             (ll)c->hidden);
    at = atti_blueprint_above(d, at, ATTI_TINT_FFN, name, note);
    if (c->score == ATTI_RNN_GENERAL || c->score == ATTI_RNN_DOT)
        at = attention(d, c, at, memory);
    snprintf(note, sizeof note, "[T, %lld], tanh%s", (ll)c->readout,
             c->score == ATTI_RNN_ADDITIVE || c->score == ATTI_RNN_NONE
                 ? ""
                 : ", fed to the next step");
    at = atti_blueprint_above(d, at, ATTI_TINT_NORM, "Readout", note);
    atti_blueprint_frame(d, begin, at, "decoder", 0);
    snprintf(note, sizeof note, "[T, %lld] -> [T, %lld]", (ll)c->readout,
             (ll)c->decoder_vocab_size);
    at = atti_blueprint_above(
        d, at, ATTI_TINT_OUT,
        c->tie_output ? "Embedding, transposed" : "Vocabulary projection", note);
    snprintf(note, sizeof note, "next word of %lld", (ll)c->decoder_vocab_size);
    (void)atti_blueprint_above(d, at, ATTI_TINT_OUT, "Softmax", note);
}
