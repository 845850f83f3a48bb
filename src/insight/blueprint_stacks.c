/* blueprint_stacks.c - diagrams of the families with one stack: BERT's kind reads both ways
 * and ends in a head, GPT's and Llama's kind says the next token. */
#include "insight/blueprint.h"

#include "models/decoder/decoder_config.h"
#include "models/encoder/encoder_config.h"

#include <stdio.h>

typedef long long ll;

/* --- encoders --------------------------------------------------------------------- */

static int64_t encoder_inputs(atti_blueprint *d, const atti_encoder_config *c)
{
    char note[ATTI_NOTE];
    int64_t at =
        atti_blueprint_box(d, 0, ATTI_TINT_PLAIN, "text",
                           c->types > 1 ? "ids [S], token types [S]" : "ids [S]");
    snprintf(note, sizeof note, "[%lld, %lld] -> [S, %lld]", (ll)c->vocab_size,
             (ll)c->hidden, (ll)c->hidden);
    at = atti_blueprint_above(d, at, ATTI_TINT_EMBED, "Embedding", note);
    snprintf(note, sizeof note, "learned [%lld, %lld]", (ll)c->max_positions,
             (ll)c->hidden);
    at = atti_blueprint_above(d, at, ATTI_TINT_EMBED, "+ positions", note);
    if (c->types > 1) {
        snprintf(note, sizeof note, "[%lld, %lld]", (ll)c->types, (ll)c->hidden);
        at = atti_blueprint_above(d, at, ATTI_TINT_EMBED, "+ token types", note);
    }
    snprintf(note, sizeof note, "[S, %lld]", (ll)c->hidden);
    return atti_blueprint_above(d, at, ATTI_TINT_NORM, "Norm", note);
}

/* What turns the rows into an answer. */
static void encoder_head(atti_blueprint *d, const atti_encoder_config *c, int64_t at)
{
    char note[ATTI_NOTE];
    ll h = (ll)c->hidden, n = (ll)c->n_labels;
    if (c->head == ATTI_HEAD_SEQUENCE || c->head == ATTI_HEAD_NONE) {
        snprintf(note, sizeof note, "[S, %lld] -> [1, %lld]", h, h);
        at = atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "First row", note);
        snprintf(note, sizeof note, "[%lld, %lld], tanh", h, h);
        at = atti_blueprint_above(d, at, ATTI_TINT_OUT,
                                  c->kind == ATTI_BERT ? "Pooler" : "Dense", note);
    }
    if (c->head == ATTI_HEAD_SEQUENCE) {
        snprintf(note, sizeof note, "[1, %lld] -> [1, %lld]", h, n);
        at = atti_blueprint_above(d, at, ATTI_TINT_OUT, "Classifier", note);
        if (c->problem == ATTI_REGRESSION) return;
        snprintf(note, sizeof note, "%lld labels", n);
        (void)atti_blueprint_above(
            d, at, ATTI_TINT_OUT,
            c->problem == ATTI_MANY_LABELS ? "Sigmoid" : "Softmax", note);
    } else if (c->head == ATTI_HEAD_TOKENS) {
        snprintf(note, sizeof note, "[S, %lld] -> [S, %lld]", h, n);
        at = atti_blueprint_above(d, at, ATTI_TINT_OUT, "Classifier", note);
        snprintf(note, sizeof note, "a label of %lld for each token", n);
        (void)atti_blueprint_above(d, at, ATTI_TINT_OUT, "Softmax", note);
    } else if (c->head == ATTI_HEAD_MASKED_LM) {
        snprintf(note, sizeof note, "[%lld, %lld], %s", h, h,
                 c->kind == ATTI_BERT ? atti_blueprint_activation(c->activation)
                                      : "GELU");
        at = atti_blueprint_above(d, at, ATTI_TINT_OUT, "Dense, norm", note);
        snprintf(note, sizeof note, "[S, %lld] -> [S, %lld]", h, (ll)c->vocab_size);
        at = atti_blueprint_above(d, at, ATTI_TINT_OUT, "Embedding, transposed", note);
        snprintf(note, sizeof note, "a hidden token of %lld", (ll)c->vocab_size);
        (void)atti_blueprint_above(d, at, ATTI_TINT_OUT, "Softmax", note);
    }
}

void atti_blueprint_encoder(atti_blueprint *d, const void *cfg)
{
    const atti_encoder_config *c = cfg;
    char note[ATTI_NOTE], norm[ATTI_NOTE];
    int64_t in = encoder_inputs(d, c), first = d->n, at;
    snprintf(norm, sizeof norm, "[S, %lld]", (ll)c->hidden);
    snprintf(note, sizeof note, "%lld heads x %lld, scaled dot", (ll)c->heads,
             (ll)(c->hidden / c->heads));
    at = atti_blueprint_above(d, in, ATTI_TINT_ATTENTION, "Self-attention", note);
    at = atti_blueprint_above(d, at, ATTI_TINT_NORM, "Add & norm", norm);
    atti_blueprint_arrow(d, in, at, -1, NULL);
    in = at;
    snprintf(note, sizeof note, "%lld -> %lld -> %lld, %s", (ll)c->hidden, (ll)c->ffn,
             (ll)c->hidden, atti_blueprint_activation(c->activation));
    at = atti_blueprint_above(d, in, ATTI_TINT_FFN, "Feed-forward", note);
    at = atti_blueprint_above(d, at, ATTI_TINT_NORM, "Add & norm", norm);
    atti_blueprint_arrow(d, in, at, 1, NULL);
    atti_blueprint_frame(d, first, at, "layer", c->layers);
    encoder_head(d, c, at);
    atti_blueprint_inside(d, 1.9,
                          &(atti_inside){.model = c->hidden,
                                         .heads = c->heads,
                                         .kv_heads = c->heads,
                                         .width = c->hidden / c->heads,
                                         .rows = "S",
                                         .score = "scaled dot",
                                         .mask = "Softmax"});
}

/* --- decoders --------------------------------------------------------------------- */

static int64_t decoder_inputs(atti_blueprint *d, const atti_decoder_config *c)
{
    char note[ATTI_NOTE];
    int64_t at = atti_blueprint_box(d, 0, ATTI_TINT_PLAIN, "text so far", "ids [T]");
    snprintf(note, sizeof note, "[%lld, %lld] -> [T, %lld]", (ll)c->vocab_size,
             (ll)c->hidden, (ll)c->hidden);
    at = atti_blueprint_above(d, at, ATTI_TINT_EMBED, "Embedding", note);
    if (!c->gpt2) return at;
    snprintf(note, sizeof note, "learned [%lld, %lld]", (ll)c->max_positions,
             (ll)c->hidden);
    return atti_blueprint_above(d, at, ATTI_TINT_EMBED, "+ positions", note);
}

static const char *decoder_score(const atti_decoder_config *c)
{
    if (!c->gpt2) return "rotary, scaled dot";
    if (c->scale_by_layer)
        return c->plain_scores ? "dot / layer" : "scaled dot / layer";
    return c->plain_scores ? "dot" : "scaled dot";
}

static void decoder_attention_note(char *note, const atti_decoder_config *c)
{
    if (c->kv_heads == c->heads)
        snprintf(note, ATTI_NOTE, "%lld heads x %lld, %s", (ll)c->heads,
                 (ll)c->head_dim, decoder_score(c));
    else
        snprintf(note, ATTI_NOTE, "%lld heads x %lld, %lld of keys and values",
                 (ll)c->heads, (ll)c->head_dim, (ll)c->kv_heads);
}

void atti_blueprint_decoder(atti_blueprint *d, const void *cfg)
{
    const atti_decoder_config *c = cfg;
    char note[ATTI_NOTE], rows[ATTI_NOTE];
    const char *norm = c->gpt2 ? "Norm" : "RMS norm";
    int64_t in = decoder_inputs(d, c), first = d->n, at;
    snprintf(rows, sizeof rows, "[T, %lld]", (ll)c->hidden);
    at = atti_blueprint_above(d, in, ATTI_TINT_NORM, norm, rows);
    decoder_attention_note(note, c);
    at =
        atti_blueprint_above(d, at, ATTI_TINT_ATTENTION, "Masked self-attention", note);
    at = atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "Add", rows);
    atti_blueprint_arrow(d, in, at, -1, NULL);
    in = at;
    at = atti_blueprint_above(d, in, ATTI_TINT_NORM, norm, rows);
    snprintf(note, sizeof note, "%lld -> %s%lld -> %lld, %s", (ll)c->hidden,
             c->gpt2 ? "" : "2 x ", (ll)c->ffn, (ll)c->hidden,
             atti_blueprint_activation(c->activation));
    at = atti_blueprint_above(d, at, ATTI_TINT_FFN,
                              c->gpt2 ? "Feed-forward" : "Gated feed-forward", note);
    at = atti_blueprint_above(d, at, ATTI_TINT_PLAIN, "Add", rows);
    atti_blueprint_arrow(d, in, at, 1, NULL);
    atti_blueprint_frame(d, first, at, "layer", c->layers);
    at = atti_blueprint_above(d, at, ATTI_TINT_NORM, norm, rows);
    snprintf(note, sizeof note, "[T, %lld] -> [T, %lld]", (ll)c->hidden,
             (ll)c->vocab_size);
    at = atti_blueprint_above(
        d, at, ATTI_TINT_OUT,
        c->tie_output ? "Embedding, transposed" : "Vocabulary projection", note);
    snprintf(note, sizeof note, "next token of %lld", (ll)c->vocab_size);
    (void)atti_blueprint_above(d, at, ATTI_TINT_OUT, "Softmax", note);
    atti_blueprint_inside(d, 1.9,
                          &(atti_inside){.model = c->hidden,
                                         .heads = c->heads,
                                         .kv_heads = c->kv_heads,
                                         .width = c->head_dim,
                                         .rows = "T",
                                         .score = decoder_score(c),
                                         .mask = "Causal mask, softmax"});
}
