/* model_diagram.c - a model as boxes and arrows, with sizes on every box. */
#include "base/checked.h"
#include "insight/insight.h"
#include "models/marian/marian_build.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BOXES = 40, ARROWS = 64, GROUPS = 4, NOTE = 64 };

typedef struct drawing {
    att_box box[BOXES];
    char label[BOXES][NOTE], note[BOXES][NOTE];
    int64_t n;
    att_box_arrow arrow[ARROWS];
    int64_t n_arrows;
    att_box_group group[GROUPS];
    int64_t members[GROUPS][BOXES];
    char group_label[GROUPS][NOTE];
    int64_t n_groups;
    double column;
} drawing;

enum { PLAIN, TINT_ATTENTION, TINT_FFN, TINT_NORM, TINT_EMBED, TINT_OUT, TINT_CROSS };

static int64_t box(drawing *d, double row, int32_t colour, const char *label,
                   const char *note, ...) ATTI_PRINTF(5, 6);
static int64_t box(drawing *d, double row, int32_t colour, const char *label,
                   const char *note, ...)
{
    va_list args;
    int64_t i = d->n++;
    va_start(args, note);
    vsnprintf(d->note[i], NOTE, note, args);
    va_end(args);
    snprintf(d->label[i], NOTE, "%s", label);
    d->box[i] = (att_box){d->label[i], d->note[i][0] ? d->note[i] : NULL, d->column,
                          row, colour};
    return i;
}

static void arrow(drawing *d, int64_t from, int64_t to, int32_t side, const char *note)
{
    d->arrow[d->n_arrows++] = (att_box_arrow){from, to, side, note};
}

static void group(drawing *d, int64_t first, int64_t last, const char *what, int64_t n)
{
    int64_t g = d->n_groups++, m = 0;
    for (int64_t i = first; i <= last; i++) d->members[g][m++] = i;
    snprintf(d->group_label[g], NOTE, "%s x %lld", what, (long long)n);
    d->group[g] = (att_box_group){d->members[g], m, d->group_label[g]};
}

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

/* Embedding, positions; the box whose output enters the layers. */
static int64_t embeddings(drawing *d, const atti_marian_config *c, int decoder)
{
    const char *len = decoder ? "T" : "S";
    int64_t v = decoder ? c->decoder_vocab_size : c->vocab_size;
    int64_t ids =
        box(d, 0, PLAIN, decoder ? "output so far" : "source", "ids [%s]", len);
    int64_t e = box(d, 1, TINT_EMBED, "Embedding", "[%lld, %lld] -> [%s, %lld]",
                    (long long)v, (long long)c->d_model, len, (long long)c->d_model);
    int64_t p = box(d, 2, TINT_EMBED, "+ positions", "%s [%s, %lld]", position_name(c),
                    len, (long long)c->d_model);
    arrow(d, ids, e, 0, NULL);
    arrow(d, e, p, 0, NULL);
    return p;
}

/* A sub-layer and its add & norm; returns the latter. */
static int64_t sublayer(drawing *d, const atti_marian_config *c, double row,
                        int64_t from, int64_t what, const char *len)
{
    arrow(d, from, what, 0, NULL);
    int64_t norm = box(d, row, TINT_NORM, c->pre_norm ? "Add, next norm" : "Add & norm",
                       "[%s, %lld]", len, (long long)c->d_model);
    arrow(d, what, norm, 0, NULL);
    arrow(d, from, norm, d->column > 0 ? 1 : -1, NULL);
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
    int64_t a = box(
        d, row++, TINT_ATTENTION, decoder ? "Masked self-attention" : "Self-attention",
        "%lld heads x %lld, %s", (long long)heads, (long long)w, score_name(c));
    int64_t at = sublayer(d, c, row++, in, a, len);
    if (decoder) {
        int64_t x = box(d, row++, TINT_CROSS, "Cross-attention",
                        "%lld heads x %lld, S keys", (long long)heads, (long long)w);
        at = sublayer(d, c, row++, at, x, len);
        arrow(d, memory, x, 0, "K, V");
    }
    int64_t f = box(d, row++, TINT_FFN, "Feed-forward", "%lld -> %lld -> %lld",
                    (long long)c->d_model, (long long)ffn, (long long)c->d_model);
    at = sublayer(d, c, row, at, f, len);
    group(d, first, at, decoder ? "decoder layer" : "encoder layer",
          decoder ? c->decoder_layers : c->encoder_layers);
    return at;
}

/* What multi-head attention does inside, in a column of its own. */
static void inside(drawing *d, const atti_marian_config *c)
{
    long long h = (long long)c->decoder_heads, w = c->d_model / h, m = c->d_model;
    d->column = 4.3;
    int64_t in = box(d, 0, PLAIN, "rows X", "[T, %lld]", m);
    int64_t qkv = box(d, 1, TINT_ATTENTION, "Q, K, V = X W", "3 of [%lld, %lld]", m, m);
    int64_t split =
        box(d, 2, TINT_ATTENTION, "Split into heads", "%lld of [T, %lld]", h, w);
    int64_t score =
        box(d, 3, TINT_ATTENTION, "Scores", "%lld of [T, S], %s", h, score_name(c));
    int64_t soft = box(d, 4, TINT_ATTENTION, "Mask, softmax", "%lld of [T, S]", h);
    int64_t mix = box(d, 5, TINT_ATTENTION, "Weights x V", "%lld of [T, %lld]", h, w);
    int64_t cat = box(d, 6, TINT_ATTENTION, "Concatenate", "[T, %lld]", m);
    int64_t out =
        box(d, 7, TINT_ATTENTION, "W_O", "[%lld, %lld] -> [T, %lld]", m, m, m);
    const int64_t chain[] = {in, qkv, split, score, soft, mix, cat, out};
    for (int i = 0; i < 7; i++) arrow(d, chain[i], chain[i + 1], 0, NULL);
    arrow(d, split, mix, 1, "V");
    int64_t g = d->n_groups++;
    for (int i = 1; i < 8; i++) d->members[g][i - 1] = chain[i];
    snprintf(d->group_label[g], NOTE, "multi-head attention");
    d->group[g] = (att_box_group){d->members[g], 7, d->group_label[g]};
}

att_status att_explain_model(att_picture **out, const att_model *m,
                             const att_view_opts *opts)
{
    drawing *d = NULL;
    att_diagram g;
    char title[NOTE * 2];
    att_view_opts o;
    if (!out || !m)
        return atti_fail(ATT_EINVAL, "att_explain_model: %s is NULL",
                         out ? "model" : "out");
    if (m->family->build != atti_marian_build)
        return atti_fail(ATT_ENOTSUP, "%s: no diagram of model_type '%s' yet", m->dir,
                         att_model_type(m));
    const atti_marian_config *c = m->cfg;
    ATTI_TRY(atti_alloc(&d, 1, sizeof *d, "diagram"));
    int64_t memory = stack(d, c, 0, -1);
    d->column = 2.1;
    int64_t top = stack(d, c, 1, memory);
    double row = 10;
    int64_t proj =
        box(d, row, TINT_OUT, "Vocabulary projection", "[T, %lld] -> [T, %lld]",
            (long long)c->d_model, (long long)c->decoder_vocab_size);
    int64_t soft = box(d, row + 1, TINT_OUT, "Softmax", "next word of %lld",
                       (long long)c->decoder_vocab_size);
    arrow(d, top, proj, 0, NULL);
    arrow(d, proj, soft, 0, NULL);
    inside(d, c);
    att_diagram_init(&g);
    g.boxes = d->box, g.n_boxes = d->n;
    g.arrows = d->arrow, g.n_arrows = d->n_arrows;
    g.groups = d->group, g.n_groups = d->n_groups;
    if (opts)
        o = *opts;
    else
        att_view_opts_init(&o);
    snprintf(title, sizeof title, "%s, %lld parameters", att_model_architecture(m),
             (long long)att_model_parameters(m));
    if (!o.title) o.title = title;
    att_status st = att_picture_diagram(out, &g, &o);
    atti_free(d);
    return st;
}
