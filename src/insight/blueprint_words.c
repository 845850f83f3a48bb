/* blueprint_words.c - encoders of words as boxes: a word beside what its characters say, a
 * Transformer, a window or a recurrent network over the words, a label a word or a text. */
#include "insight/blueprint.h"

#include "models/encoder/encoder_config.h"

#include <stdio.h>

typedef long long ll;

/* A word's own vector and its characters' in a column of their own, side by side. */
static int64_t word_inputs(atti_blueprint *d, const atti_encoder_config *c)
{
    char note[ATTI_NOTE];
    ll both = (ll)(c->word_size + 2 * c->char_hidden);
    int64_t ids = atti_blueprint_box(d, 0, ATTI_TINT_PLAIN, "words", "ids [S]");
    snprintf(note, sizeof note, "[%lld, %lld] -> [S, %lld]", (ll)c->vocab_size,
             (ll)c->word_size, (ll)c->word_size);
    int64_t at = atti_blueprint_above(d, ids, ATTI_TINT_EMBED, "Embedding", note);
    if (c->char_hidden > 0) {
        d->column = 1.35;
        int64_t chars = atti_blueprint_box(d, 0, ATTI_TINT_PLAIN,
                                           "characters of each word", "ids [N]");
        snprintf(note, sizeof note, "[%lld, %lld] -> [N, %lld]", (ll)c->char_vocab,
                 (ll)c->char_size, (ll)c->char_size);
        chars = atti_blueprint_above(d, chars, ATTI_TINT_EMBED, "Embedding", note);
        snprintf(note, sizeof note, "last states [S, 2 x %lld]", (ll)c->char_hidden);
        chars =
            atti_blueprint_above(d, chars, ATTI_TINT_FFN, "GRU, both directions", note);
        d->column = 0;
        snprintf(note, sizeof note, "[S, %lld + 2 x %lld]", (ll)c->word_size,
                 (ll)c->char_hidden);
        int64_t joined =
            atti_blueprint_box(d, 3, ATTI_TINT_PLAIN, "Side by side", "%s", note);
        atti_blueprint_arrow(d, at, joined, 0, NULL);
        atti_blueprint_arrow(d, chars, joined, 0, NULL);
        at = joined;
    }
    snprintf(note, sizeof note, "[%lld, %lld] -> [S, %lld]", both, (ll)c->hidden,
             (ll)c->hidden);
    return atti_blueprint_above(d, at, ATTI_TINT_EMBED, "Dense", note);
}

static int64_t transformer(atti_blueprint *d, const atti_encoder_config *c, int64_t in)
{
    char note[ATTI_NOTE], rows[ATTI_NOTE];
    int64_t first = d->n, at;
    snprintf(rows, sizeof rows, "[S, %lld]", (ll)c->hidden);
    at = atti_blueprint_above(d, in, ATTI_TINT_NORM, "Norm", rows);
    snprintf(note, sizeof note, "%lld heads x %lld, rotary", (ll)c->heads,
             (ll)(c->hidden / c->heads));
    at = atti_blueprint_above(d, at, ATTI_TINT_ATTENTION, "Self-attention", note);
    at = atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "Add", rows);
    atti_blueprint_arrow(d, in, at, -1, NULL);
    in = at;
    at = atti_blueprint_above(d, in, ATTI_TINT_NORM, "Norm", rows);
    snprintf(note, sizeof note, "%lld -> %lld -> %lld, %s", (ll)c->hidden, (ll)c->ffn,
             (ll)c->hidden, atti_blueprint_activation(c->activation));
    at = atti_blueprint_above(d, at, ATTI_TINT_FFN, "Feed-forward", note);
    at = atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "Add", rows);
    atti_blueprint_arrow(d, in, at, 1, NULL);
    atti_blueprint_frame(d, first, at, "layer", c->layers);
    return atti_blueprint_above(d, at, ATTI_TINT_NORM, "Norm", rows);
}

static int64_t window(atti_blueprint *d, const atti_encoder_config *c, int64_t at)
{
    char note[ATTI_NOTE];
    ll seen = (ll)(2 * c->reach + 1), h = (ll)c->hidden;
    snprintf(note, sizeof note, "[S, %lld x %lld]", seen, h);
    at =
        atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "A word and its neighbours", note);
    snprintf(note, sizeof note, "%lld -> %lld, %s", seen * h, h,
             atti_blueprint_activation(c->activation));
    at = atti_blueprint_above(d, at, ATTI_TINT_FFN, "Dense", note);
    if (c->layers == 1) return at;
    int64_t first = d->n;
    snprintf(note, sizeof note, "%lld -> %lld, %s", h, h,
             atti_blueprint_activation(c->activation));
    at = atti_blueprint_above(d, at, ATTI_TINT_FFN, "Dense", note);
    if (c->layers > 2) atti_blueprint_frame(d, first, at, "layer", c->layers - 1);
    return at;
}

static int64_t recurrent(atti_blueprint *d, const atti_encoder_config *c, int64_t at)
{
    const char *cell = c->cell == ATT_RNN_LSTM ? "LSTM" : "GRU";
    char note[ATTI_NOTE], name[ATTI_NOTE];
    snprintf(name, sizeof name, "%s, %s", cell,
             c->one_way ? "one direction" : "both directions");
    if (c->one_way)
        snprintf(note, sizeof note, "%lld layers, [S, %lld]", (ll)c->layers,
                 (ll)c->hidden);
    else
        snprintf(note, sizeof note, "%lld layers, 2 x %lld -> [S, %lld]", (ll)c->layers,
                 (ll)(c->hidden / 2), (ll)c->hidden);
    return atti_blueprint_above(d, at, ATTI_TINT_FFN, name, note);
}

static void word_head(atti_blueprint *d, const atti_encoder_config *c, int64_t at)
{
    char note[ATTI_NOTE];
    ll h = (ll)c->hidden, n = (ll)c->n_labels;
    bool text = c->head == ATTI_HEAD_SEQUENCE;
    if (text) {
        snprintf(note, sizeof note, "%lld learned queries, softmax over S",
                 (ll)c->heads);
        int64_t low = at;
        at = atti_blueprint_above(d, low, ATTI_TINT_CROSS, "Pooling attention", note);
        snprintf(note, sizeof note, "[1, 3 x %lld]", h);
        at = atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "Mean, maximum, attended",
                                  note);
        atti_blueprint_arrow(d, low, at, -1, NULL);
        snprintf(note, sizeof note, "%lld -> %lld, tanh", 3 * h, h);
        at = atti_blueprint_above(d, at, ATTI_TINT_OUT, "Dense", note);
    }
    snprintf(note, sizeof note, "[%s, %lld] -> [%s, %lld]", text ? "1" : "S", h,
             text ? "1" : "S", n);
    at = atti_blueprint_above(d, at, ATTI_TINT_OUT, "Classifier", note);
    if (text && c->problem == ATTI_REGRESSION) return;
    if (text)
        snprintf(note, sizeof note, "%lld labels", n);
    else
        snprintf(note, sizeof note, "a label of %lld for each word", n);
    (void)atti_blueprint_above(
        d, at, ATTI_TINT_OUT,
        text && c->problem == ATTI_MANY_LABELS ? "Sigmoid" : "Softmax", note);
}

void atti_blueprint_words(atti_blueprint *d, const void *cfg)
{
    const atti_encoder_config *c = cfg;
    int64_t at = word_inputs(d, c);
    switch (c->core) {
    case ATTI_CORE_TRANSFORMER: at = transformer(d, c, at); break;
    case ATTI_CORE_WINDOW: at = window(d, c, at); break;
    case ATTI_CORE_RNN: at = recurrent(d, c, at); break;
    }
    word_head(d, c, at);
    if (c->core != ATTI_CORE_TRANSFORMER) return;
    atti_blueprint_inside(d, c->char_hidden > 0 ? 2.9 : 1.9,
                          &(atti_inside){.model = c->hidden,
                                         .heads = c->heads,
                                         .kv_heads = c->heads,
                                         .width = c->hidden / c->heads,
                                         .rows = "S",
                                         .score = "rotary, scaled dot",
                                         .mask = "Softmax"});
}
