/* draw_overview.c - small multiples: every head of every layer on one colour scale. */
#include "base/checked.h"
#include "view/picture.h"
#include <stdio.h>

typedef struct grid {
    double thumb_w, thumb_h, gap, left, top;
    double hi, lo;
} grid;

/* Two passes over the heads: the scale has to be known before the first is drawn. */
static att_status measure(grid *g, float *w, const att_attention_map *m,
                          const att_view_opts *o)
{
    g->lo = 0;
    g->hi = 0;
    for (int64_t i = 0; i < m->n_layers * m->n_heads; i++) {
        double lo, hi;
        ATTI_TRY(atti_map_head(m, i / m->n_heads + 1, i % m->n_heads + 1, w));
        atti_range(&lo, &hi, w, (size_t)(m->rows * m->cols), o);
        if (lo < g->lo) g->lo = lo;
        if (hi > g->hi) g->hi = hi;
    }
    return ATT_OK;
}

static void layout(grid *g, const att_attention_map *m, const att_view_opts *o,
                   double y)
{
    double room = ((double)o->max_width - 120) / (double)m->n_heads;
    double side = room - 8;

    if (side > 150) side = 150;
    if (side < 16) side = 16;
    g->gap = side > 60 ? 10 : 5;
    g->thumb_w = side;
    g->thumb_h = side * (double)m->rows / (double)m->cols;
    if (g->thumb_h > 2 * side) g->thumb_h = 2 * side;
    if (g->thumb_h < side / 3) g->thumb_h = side / 3;
    g->left = 86;
    g->top = y + 22;
}

static att_status one(att_picture *p, const atti_theme *t, const grid *g, float *w,
                      const att_attention_map *m, const att_view_opts *o, int64_t l,
                      int64_t h)
{
    atti_cells c = {0};
    char title[80];
    double x = g->left + (double)h * (g->thumb_w + g->gap);
    double y = g->top + (double)l * (g->thumb_h + g->gap);

    ATTI_TRY(atti_map_head(m, l + 1, h + 1, w));
    ATTI_TRY(atti_cells_make(&c, w, m->rows, m->cols, 150, false, g->lo, g->hi));
    (void)snprintf(title, sizeof title, "layer %lld, head %lld", (long long)l + 1,
                   (long long)h + 1);
    atti_shape *s = atti_draw_image(p, x, y, g->thumb_w, g->thumb_h, c.data, c.rows,
                                    c.cols, atti_palette_of(o, g->lo));
    atti_shape_title(p, s, title);
    atti_draw_rect(p, x, y, g->thumb_w, g->thumb_h, ATTI_COLOUR_NONE)->stroke = t->rule;
    atti_free(c.data);
    return ATT_OK;
}

static void names(att_picture *p, const atti_theme *t, const grid *g,
                  const att_attention_map *m)
{
    char text[40];
    /* Numbers alone where "head 12" would run into its neighbour. */
    bool words = g->thumb_w + g->gap >= 56;
    int64_t every = 1, rows = 1;
    while ((double)every * (g->thumb_w + g->gap) < 24) every++;
    while ((double)rows * (g->thumb_h + g->gap) < 15) rows++;

    for (int64_t h = 0; h < m->n_heads; h += every) {
        (void)snprintf(text, sizeof text, "%s%lld", words ? "head " : "",
                       (long long)h + 1);
        atti_draw_text(p, g->left + (double)h * (g->thumb_w + g->gap) + g->thumb_w / 2,
                       g->top - 7, 12, 0, t->muted, text);
    }
    if (!words) atti_draw_text(p, g->left - 8, g->top - 7, 12, 1, t->muted, "head");
    for (int64_t l = 0; l < m->n_layers; l += rows) {
        (void)snprintf(text, sizeof text, "layer %lld", (long long)l + 1);
        atti_draw_text(p, g->left - 8,
                       g->top + (double)l * (g->thumb_h + g->gap) + g->thumb_h / 2 + 4,
                       12, 1, t->muted, text);
    }
}

att_status att_picture_overview(att_picture **out, const att_attention_map *map,
                                const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    float *w = NULL;
    grid g = {0};
    char subtitle[160];
    double y = 0;

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_overview: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(atti_map_check(map, "overview"));
    ATTI_TRY(atti_map_limit(map, 4096, "an overview"));
    if (map->n_layers * map->n_heads > 4096)
        return atti_fail(ATT_EINVAL,
                         "an overview of %lld layers x %lld heads: at most "
                         "4096 small matrices",
                         (long long)map->n_layers, (long long)map->n_heads);
    atti_theme_get(&t, &o);
    ATTI_TRY(atti_alloc_raw(&w, (size_t)(map->rows * map->cols), sizeof *w, "a head"));
    att_status st = measure(&g, w, map, &o);
    if (st == ATT_OK) st = atti_picture_create(&p, &o);
    if (st == ATT_OK) {
        (void)snprintf(subtitle, sizeof subtitle,
                       "all layers and heads; rows: %s (%lld), columns: %s (%lld)",
                       map->kind == ATT_VIEW_CROSS ? "output" : "the token that looks",
                       (long long)map->rows,
                       map->kind == ATT_VIEW_CROSS ? "source" : "the token looked at",
                       (long long)map->cols);
        y = atti_draw_heading(p, &t, o.title ? o.title : atti_map_name(map), subtitle);
        layout(&g, map, &o, y);
        names(p, &t, &g, map);
    }
    for (int64_t i = 0; i < map->n_layers * map->n_heads && st == ATT_OK; i++)
        st = one(p, &t, &g, w, map, &o, i / map->n_heads, i % map->n_heads);
    atti_free(w);
    double bottom = g.top + (double)map->n_layers * (g.thumb_h + g.gap);
    double width = g.left + (double)map->n_heads * (g.thumb_w + g.gap) + 20;
    if (st == ATT_OK) {
        atti_draw_colour_bar(p, &t, g.left, bottom + 6, atti_palette_of(&o, g.lo), g.lo,
                             g.hi);
        if (width < atti_text_width(subtitle, 12) + 40)
            width = atti_text_width(subtitle, 12) + 40;
    }
    return atti_picture_finish(out, p, st, width, bottom + 44);
}
