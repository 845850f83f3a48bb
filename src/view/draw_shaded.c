/* draw_shaded.c - running text whose background tells each token's weight. */
#include "view/picture.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A token without its tokenizer's mark of a space, and whether a space stood there. */
typedef struct piece {
    const char *text;
    bool space, joined_left;
} piece;

static piece piece_of(const char *token)
{
    piece p = {token, false, false};

    if (strncmp(token, "\xe2\x96\x81", 3) == 0) { /* SentencePiece's low line */
        p.text = token + 3;
        p.space = true;
    } else if (strncmp(token, "\xc4\xa0", 2) == 0) { /* byte-level BPE's G with dot */
        p.text = token + 2;
        p.space = true;
    } else if (token[0] == '#' && token[1] == '#' && token[2]) { /* WordPiece */
        p.text = token + 2;
        p.joined_left = true;
    }
    return p;
}

static att_status check(const char *const *tokens, const float *weights, int64_t n,
                        double *most, bool *signed_data, bool *marked)
{
    if (!tokens || !weights)
        return atti_fail(ATT_EINVAL, "shaded text: an operand is NULL");
    if (n < 1 || n > 20000)
        return atti_fail(ATT_EINVAL, "shaded text: %lld tokens are not in 1..20000",
                         (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (!tokens[i])
            return atti_fail(ATT_EINVAL, "shaded text: token %lld is NULL",
                             (long long)i + 1);
        if (!isfinite(weights[i]))
            return atti_fail(ATT_EDIVERGED,
                             "the weight of token %lld is not a finite number",
                             (long long)i + 1);
        double size = fabs((double)weights[i]);
        if (size > *most) *most = size;
        if (weights[i] < 0) *signed_data = true;
        if (piece_of(tokens[i]).space) *marked = true;
    }
    return ATT_OK;
}

static void hover(att_picture *p, atti_shape *s, const char *text, float weight)
{
    atti_str title = {0};
    char number[40];

    atti_text_number(number, (double)weight, 4);
    atti_str_addf(&title, "%s: %s", text, number);
    if (title.status == ATT_OK)
        atti_shape_title(p, s, title.data);
    else
        p->status = title.status;
    atti_str_deinit(&title);
}

typedef struct pen {
    double x, y, right;
} pen;

static void draw_piece(att_picture *p, const atti_theme *t, pen *at, const char *token,
                       float weight, double most, double lo, bool marked, bool first,
                       const att_view_opts *o)
{
    const double font = 16, line = 32;
    piece q = piece_of(token);
    const char *text = *q.text ? q.text : " ";
    char *shown = NULL;
    bool cut;

    if (p->status != ATT_OK) return;
    p->status = atti_text_shown(&shown, &cut, text, o->max_label * 3);
    if (p->status != ATT_OK) return;
    double w = atti_text_width(shown, font) + 4;
    /* Without any mark of spaces in the text, tokens are words: one space each. */
    double space = q.space || (!marked && !q.joined_left) ? 5 : 0;
    if (!first && at->x + space + w > at->right && at->x > 20) {
        at->x = 20;
        at->y += line;
        space = 0;
    }
    at->x += first ? 0 : space;
    double f = most > 0 ? fabs((double)weight) / most : 0;
    bool strong = fabsf(weight) > o->threshold;
    /* One ramp for what speaks for, another hue (and a frame) for what speaks against. */
    double place = lo < 0 ? 0.5 + (weight < 0 ? -0.4 : 0.4) * f : 0.8 * f;
    int32_t fill = atti_colour_at(atti_palette_of(o, lo), place);
    if (strong && f > 0) {
        atti_shape *s = atti_draw_rect(p, at->x, at->y - 19, w, 26, fill);
        s->radius = 3;
        if (weight < 0) s->stroke = t->dark ? 0xe0a070 : 0x9a4a10;
        hover(p, s, token, weight);
    }
    atti_draw_label(p, at->x + 2, at->y, font, -1,
                    strong && f > 0 ? atti_colour_on(fill) : t->ink, text,
                    o->max_label * 3);
    at->x += w;
    atti_free(shown);
}

att_status att_picture_shaded(att_picture **out, const char *const *tokens,
                              const float *weights, int64_t n,
                              const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    double most = 0, y = 0;
    bool signed_data = false, marked = false;

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_shaded: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    if (!opts || !opts->max_width) o.max_width = 760;
    ATTI_TRY(check(tokens, weights, n, &most, &signed_data, &marked));
    if (o.vmax > o.vmin) most = (double)o.vmax;
    atti_theme_get(&t, &o);
    ATTI_TRY(atti_picture_create(&p, &o));
    y = atti_draw_heading(p, &t, o.title ? o.title : "What weighs in the text",
                          signed_data ? "framed: speaks against" : "");
    double lo = signed_data ? -most : 0;
    pen at = {20, y + 22, (double)o.max_width - 20};
    for (int64_t i = 0; i < n; i++)
        draw_piece(p, &t, &at, tokens[i], weights[i], most, lo, marked, i == 0, &o);
    atti_draw_colour_bar(p, &t, 20, at.y + 26, atti_palette_of(&o, lo), lo, most);
    return atti_picture_finish(out, p, ATT_OK, o.max_width, at.y + 68);
}
