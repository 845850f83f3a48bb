/* model_diagram.c - a model as boxes and arrows, with sizes on every box: the translators'
 * two stacks, and the door for all families. */
#include "base/checked.h"
#include "insight/blueprint.h"
#include "insight/insight.h"
#include "models/decoder/decoder_build.h"
#include "models/encoder/encoder_build.h"
#include "models/marian/marian_build.h"
#include "models/rnn/rnn_build.h"
#include "models/words/words_build.h"

#include <stdio.h>

typedef atti_blueprint drawing;

static const char *position_name(const atti_marian_config *c)
{
    static const char *const name[] = {
        "none",    "sinusoids, half-split", "sinusoids, interleaved",
        "learned", "relative (Shaw)",       "rotary",
        "ALiBi",   "relative (T5)"};
    return name[c->positions];
}

static const char *score_name(const atti_marian_config *c)
{
    static const char *const name[] = {"dot", "general", "additive", "GAT", "cosine"};
    return c->score == ATT_SCORE_DOT && c->score_scale == 0.0f ? "scaled dot"
                                                               : name[c->score];
}

static const char *normalise_name(const atti_marian_config *c)
{
    static const char *const name[] = {"Mask, softmax",        "Mask, ReLU",
                                       "Mask, ReLU / row sum", "Mask, hard argmax",
                                       "Mask, hard sample",    "Mask, sparsemax"};
    return name[c->normalise];
}

/* Embedding, positions; the box whose output enters the layers. */
static int64_t embeddings(drawing *d, const atti_marian_config *c, int decoder)
{
    const char *len = decoder ? "T" : "S";
    int64_t v = decoder ? c->decoder_vocab_size : c->vocab_size;
    int64_t ids = atti_blueprint_box(
        d, 0, ATTI_TINT_PLAIN, decoder ? "output so far" : "source", "ids [%s]", len);
    int64_t e = atti_blueprint_box(d, 1, ATTI_TINT_EMBED, "Embedding",
                                   "[%lld, %lld] -> [%s, %lld]", (long long)v,
                                   (long long)c->d_model, len, (long long)c->d_model);
    int64_t p =
        atti_blueprint_box(d, 2, ATTI_TINT_EMBED, "+ positions", "%s [%s, %lld]",
                           position_name(c), len, (long long)c->d_model);
    atti_blueprint_arrow(d, ids, e, 0, NULL);
    atti_blueprint_arrow(d, e, p, 0, NULL);
    return p;
}

/* A sub-layer and its add & norm; returns the latter. */
static int64_t sublayer(drawing *d, const atti_marian_config *c, double row,
                        int64_t from, int64_t what, const char *len)
{
    atti_blueprint_arrow(d, from, what, 0, NULL);
    int64_t norm = atti_blueprint_box(d, row, ATTI_TINT_NORM,
                                      c->pre_norm ? "Add, next norm" : "Add & norm",
                                      "[%s, %lld]", len, (long long)c->d_model);
    atti_blueprint_arrow(d, what, norm, 0, NULL);
    atti_blueprint_arrow(d, from, norm, d->column > 0 ? 1 : -1, NULL);
    return norm;
}

static int64_t stack(drawing *d, const atti_marian_config *c, int decoder,
                     int64_t memory)
{
    const char *len = decoder ? "T" : "S";
    int64_t heads = decoder ? c->decoder_heads : c->encoder_heads,
            w = c->d_model / heads;
    int64_t ffn = decoder ? c->decoder_ffn : c->encoder_ffn;
    int64_t in = embeddings(d, c, decoder), first = d->n;
    /* The decoder begins a row higher, so that cross-attention stands beside the encoder's
     * last box. */
    double row = decoder ? 4 : 3;
    int64_t a = atti_blueprint_box(d, row++, ATTI_TINT_ATTENTION,
                                   decoder ? "Masked self-attention" : "Self-attention",
                                   "%lld heads x %lld, %s", (long long)heads,
                                   (long long)w, score_name(c));
    int64_t at = sublayer(d, c, row++, in, a, len);
    if (decoder) {
        int64_t x = atti_blueprint_box(d, row++, ATTI_TINT_CROSS, "Cross-attention",
                                       "%lld heads x %lld, S keys", (long long)heads,
                                       (long long)w);
        at = sublayer(d, c, row++, at, x, len);
        atti_blueprint_arrow(d, memory, x, 0, "K, V");
    }
    int64_t f = atti_blueprint_box(d, row++, ATTI_TINT_FFN, "Feed-forward",
                                   "%lld -> %lld -> %lld", (long long)c->d_model,
                                   (long long)ffn, (long long)c->d_model);
    at = sublayer(d, c, row, at, f, len);
    atti_blueprint_frame(d, first, at, decoder ? "decoder layer" : "encoder layer",
                         decoder ? c->decoder_layers : c->encoder_layers);
    return at;
}

void atti_blueprint_marian(atti_blueprint *d, const void *cfg)
{
    const atti_marian_config *c = cfg;
    int64_t memory = stack(d, c, 0, -1);
    d->column = 1.7;
    int64_t top = stack(d, c, 1, memory);
    int64_t proj = atti_blueprint_box(d, 10, ATTI_TINT_OUT, "Vocabulary projection",
                                      "[T, %lld] -> [T, %lld]", (long long)c->d_model,
                                      (long long)c->decoder_vocab_size);
    int64_t soft =
        atti_blueprint_box(d, 11, ATTI_TINT_OUT, "Softmax", "next word of %lld",
                           (long long)c->decoder_vocab_size);
    atti_blueprint_arrow(d, top, proj, 0, NULL);
    atti_blueprint_arrow(d, proj, soft, 0, NULL);
    atti_blueprint_inside(d, 3.3,
                          &(atti_inside){.model = c->d_model,
                                         .heads = c->decoder_heads,
                                         .kv_heads = c->decoder_heads,
                                         .width = c->d_model / c->decoder_heads,
                                         .rows = "T",
                                         .score = score_name(c),
                                         .mask = normalise_name(c)});
}

/* 842685 -> "842,685" */
static void with_commas(char out[32], int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), k = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
}

att_status att_explain_model(att_picture **out, const att_model *m,
                             const att_view_opts *opts)
{
    atti_blueprint *d = NULL;
    att_diagram g;
    char title[128];
    att_view_opts o;
    if (!out || !m)
        return atti_fail(ATT_EINVAL, "att_explain_model: %s is NULL",
                         out ? "model" : "out");
    void (*draw)(atti_blueprint *, const void *) =
        m->family->build == atti_marian_build    ? atti_blueprint_marian
        : m->family->build == atti_encoder_build ? atti_blueprint_encoder
        : m->family->build == atti_decoder_build ? atti_blueprint_decoder
        : m->family->build == atti_rnn_build     ? atti_blueprint_recurrent
        : m->family->build == atti_words_build   ? atti_blueprint_words
                                                 : NULL;
    if (!draw)
        return atti_fail(ATT_ENOTSUP, "%s: no diagram of model_type '%s' yet", m->dir,
                         att_model_type(m));
    ATTI_TRY(atti_alloc(&d, 1, sizeof *d, "diagram"));
    draw(d, m->cfg);
    att_diagram_init(&g);
    g.boxes = d->box, g.n_boxes = d->n;
    g.arrows = d->arrow, g.n_arrows = d->n_arrows;
    g.groups = d->frame, g.n_groups = d->n_frames;
    if (opts)
        o = *opts;
    else
        att_view_opts_init(&o);
    char count[32];
    with_commas(count, att_model_parameters(m));
    snprintf(title, sizeof title, "%s, %s parameters", att_model_architecture(m),
             count);
    if (!o.title) o.title = title;
    att_status st = att_picture_diagram(out, &g, &o);
    atti_free(d);
    return st;
}
