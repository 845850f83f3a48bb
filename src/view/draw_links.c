/* draw_links.c - the head view: two columns of tokens and a line for each weight. */
#include "base/checked.h"
#include "view/picture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_LIMIT = 512, LINE_LIMIT = 20000, HEAD_LIMIT = 64 };

typedef struct link {
    float weight;
    int32_t row, col, head;
} link;

typedef struct links {
    link *of;
    size_t n, cap, dropped;
    float most;
} links;

/* Strongest first; ties by place, so that what is left out is decided by data alone. */
static int stronger(const void *pa, const void *pb)
{
    const link *a = pa, *b = pb;
    if (a->weight != b->weight) return a->weight > b->weight ? -1 : 1;
    if (a->head != b->head) return a->head < b->head ? -1 : 1;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    return a->col < b->col ? -1 : a->col > b->col;
}

static att_status collect(links *k, const float *w, const att_attention_map *m,
                          int32_t head, float threshold)
{
    for (int64_t i = 0; i < m->rows * m->cols; i++) {
        /* Below half a percent a line cannot be seen. */
        if (!(w[i] > threshold) || w[i] < 0.005f) continue;
        ATTI_TRY(atti_grow(&k->of, &k->cap, k->n + 1, sizeof *k->of, "links"));
        link l = {w[i], (int32_t)(i / m->cols), (int32_t)(i % m->cols), head};
        k->of[k->n++] = l;
        if (w[i] > k->most) k->most = w[i];
    }
    if (k->n <= 4 * (size_t)LINE_LIMIT) return ATT_OK;
    qsort(k->of, k->n, sizeof *k->of, stronger);
    k->dropped += k->n - LINE_LIMIT;
    k->n = LINE_LIMIT;
    return ATT_OK;
}

static att_status collect_all(links *k, const att_attention_map *m,
                              const att_view_opts *o)
{
    float *w = NULL;
    bool each = o->each_head && o->head == 0;
    int64_t n = each ? m->n_heads : 1;

    ATTI_TRY(atti_alloc_raw(&w, (size_t)(m->rows * m->cols), sizeof *w, "a head"));
    att_status st = ATT_OK;
    for (int64_t h = 0; h < n && st == ATT_OK; h++) {
        st = atti_map_head(m, o->layer, each ? h + 1 : o->head, w);
        if (st == ATT_OK) st = collect(k, w, m, (int32_t)h, o->threshold);
    }
    atti_free(w);
    if (st != ATT_OK || k->n == 0) return st;
    qsort(k->of, k->n, sizeof *k->of, stronger);
    if (k->n > LINE_LIMIT) {
        k->dropped += k->n - LINE_LIMIT;
        k->n = LINE_LIMIT;
    }
    return ATT_OK;
}

typedef struct columns {
    double left, right; /* x where lines begin and end */
    double top, step, font;
    bool source_left; /* columns of the matrix on the left */
} columns;

/* What is drawn at full strength: the largest weight, unless that is little more than an
 * even share, which must not look like a choice. */
static double full(const links *k, const att_attention_map *m)
{
    return fmax((double)k->most, fmin(1, 4.0 / (double)m->cols));
}

static void draw_lines(att_picture *p, const atti_theme *t, const links *k, double most,
                       const columns *c, bool each)
{
    /* The weakest first: strong lines lie on top. */
    for (size_t i = k->n; i-- > 0;) {
        const link *l = &k->of[i];
        double f = fmin(1, (double)l->weight / most);
        double yr = c->top + ((double)l->row + 0.5) * c->step;
        double yc = c->top + ((double)l->col + 0.5) * c->step;
        double a = c->source_left ? yc : yr, b = c->source_left ? yr : yc;
        double mid = (c->left + c->right) / 2;
        double q[8] = {c->left, a, mid, a, mid, b, c->right, b};
        int32_t hue = each ? atti_colour_series(l->head, t->dark) : t->accent;
        atti_shape *s = atti_draw_curve(p, q, hue);
        s->line_width = 0.6 + 2.6 * f;
        s->alpha = 0.08 + 0.87 * f;
    }
}

/* Names of heads in their colours, in as many lines as the width asks for. */
static double legend(att_picture *p, const atti_theme *t, int64_t n, double y,
                     double width)
{
    double x = 20;
    char text[40];

    for (int64_t h = 0; h < n; h++) {
        (void)snprintf(text, sizeof text, "head %lld", (long long)h + 1);
        double w = atti_text_width(text, 12) + 32;
        if (x + w > width - 10 && x > 20) x = 20, y += 20;
        atti_draw_rect(p, x, y + 2, 12, 12, atti_colour_series(h, t->dark))->radius = 2;
        atti_draw_text(p, x + 17, y + 12, 12, -1, t->ink, text);
        x += w;
    }
    return y + 28;
}

static double widest(const att_attention_map *m, bool rows, double font, int64_t chars)
{
    double most = 0;
    char buf[24];
    for (int64_t i = 0; i < (rows ? m->rows : m->cols); i++) {
        char *shown;
        bool cut;
        const char *text = rows ? atti_map_row(m, i, buf) : atti_map_col(m, i, buf);
        if (atti_text_shown(&shown, &cut, text, chars) != ATT_OK) continue;
        double w = atti_text_width(shown, font);
        atti_free(shown);
        if (w > most) most = w;
    }
    return most;
}

static void draw_tokens(att_picture *p, const atti_theme *t, const att_attention_map *m,
                        const columns *c, int64_t chars)
{
    char buf[24];
    for (int64_t i = 0; i < m->rows; i++) {
        double y = c->top + ((double)i + 0.5) * c->step + c->font * 0.36;
        atti_draw_label(p, c->source_left ? c->right + 7 : c->left - 7, y, c->font,
                        c->source_left ? -1 : 1, t->ink, atti_map_row(m, i, buf),
                        chars);
    }
    for (int64_t i = 0; i < m->cols; i++) {
        double y = c->top + ((double)i + 0.5) * c->step + c->font * 0.36;
        atti_draw_label(p, c->source_left ? c->left - 7 : c->right + 7, y, c->font,
                        c->source_left ? 1 : -1, t->ink, atti_map_col(m, i, buf),
                        chars);
    }
}

static void subtitle_of(char *out, size_t n, const att_attention_map *m,
                        const att_view_opts *o, const links *k)
{
    char which[160], more[120] = "", above[72] = "";

    atti_map_which(which, sizeof which, m, o->layer, o->head);
    if (o->each_head && o->head == 0 && m->n_heads > 1) {
        char layer[64];
        if (o->layer)
            (void)snprintf(layer, sizeof layer, "layer %d", (int)o->layer);
        else
            (void)snprintf(layer, sizeof layer, "mean");
        (void)snprintf(which, sizeof which, "%s of %lld layer%s, %lld heads", layer,
                       (long long)m->n_layers, m->n_layers == 1 ? "" : "s",
                       (long long)m->n_heads);
    }
    if (o->threshold > 0) {
        char text[40];
        atti_text_number(text, (double)o->threshold, 4);
        (void)snprintf(above, sizeof above, "; weights above %s", text);
    }
    if (k->dropped > 0)
        (void)snprintf(more, sizeof more,
                       "; the strongest %zu lines (%zu weaker left out)", k->n,
                       k->dropped);
    (void)snprintf(out, n, "%s%s%s", which, above, more);
}

att_status att_picture_links(att_picture **out, const att_attention_map *map,
                             const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    links k = {0};
    columns c = {0};
    char subtitle[400];
    double width = 0, height = 0;

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_links: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(atti_map_check(map, "links"));
    ATTI_TRY(atti_map_limit(map, TOKEN_LIMIT, "a head view"));
    bool each = o.each_head && o.head == 0 && map->n_heads > 1;
    if (each && map->n_heads > HEAD_LIMIT)
        return atti_fail(ATT_EINVAL, "%lld heads in colours of their own: at most %d",
                         (long long)map->n_heads, HEAD_LIMIT);
    atti_theme_get(&t, &o);
    att_status st = collect_all(&k, map, &o);
    if (st == ATT_OK) st = atti_picture_create(&p, &o);
    if (st == ATT_OK) {
        int64_t most = atti_max_i64(map->rows, map->cols);
        c.source_left = map->kind == ATT_VIEW_CROSS;
        c.font = most <= 60 ? 13 : 10;
        c.step = o.cell > (int)c.font + 2 ? o.cell : c.font * 1.75;
        subtitle_of(subtitle, sizeof subtitle, map, &o, &k);
        const char *title = o.title ? o.title : atti_map_name(map);
        double y = atti_draw_heading(p, &t, title, subtitle);
        double wl = widest(map, !c.source_left, c.font, o.max_label);
        double wr = widest(map, c.source_left, c.font, o.max_label);
        if (wl < 90) wl = 90;
        if (wr < 90) wr = 90;
        double span = 60 + 9 * (double)most;
        span = span < 160 ? 160 : span > 380 ? 380 : span;
        c.left = 20 + wl + 7;
        c.right = c.left + span;
        width = c.right + wr + 27;
        if (width < atti_text_width(subtitle, 12) + 40)
            width = atti_text_width(subtitle, 12) + 40;
        if (width < atti_text_width(title, 16) * 1.15 + 40)
            width = atti_text_width(title, 16) * 1.15 + 40;
        if (each) y = legend(p, &t, map->n_heads, y, width);
        atti_draw_text(p, c.left - 7, y + 8, 11, 1, t.muted,
                       c.source_left ? "source" : atti_map_row_axis(map));
        atti_draw_text(p, c.right + 7, y + 8, 11, -1, t.muted,
                       c.source_left ? "output" : atti_map_col_axis(map));
        c.top = y + 16;
        draw_lines(p, &t, &k, full(&k, map), &c, each);
        draw_tokens(p, &t, map, &c, o.max_label);
        height = c.top + (double)most * c.step + 20;
    }
    atti_free(k.of);
    return atti_picture_finish(out, p, st, width, height);
}
