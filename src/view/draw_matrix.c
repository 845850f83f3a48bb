/* draw_matrix.c - the alignment matrix, alone or in pairs: cells, rotated labels above,
 * labels left, numbers where they fit. */
#include "base/checked.h"
#include "view/draw_matrix.h"
#include <stdio.h>
#include <string.h>

enum { POOL_LIMIT = 512, TOKEN_LIMIT = 4096, RECT_LIMIT = 64 };

/* Columns' labels lie flat, lean or stand, whichever is the first that cannot overlap. */
typedef enum lean { FLAT, LEANING, STANDING } lean;

static double longest(const atti_matrix *m, bool rows, double font)
{
    double most = 0;
    int64_t n = rows ? m->rows : m->cols;
    char buf[24];

    for (int64_t i = 0; i < n; i++) {
        const char *t = rows ? m->row_of(m->user, i, buf) : m->col_of(m->user, i, buf);
        char *shown;
        bool cut;
        if (atti_text_shown(&shown, &cut, t, m->opts->max_label) != ATT_OK) continue;
        double w = atti_text_width(shown, font);
        atti_free(shown);
        if (w > most) most = w;
    }
    return most;
}

static double default_cell(int64_t cells)
{
    if (cells <= 12) return 44;
    if (cells <= 24) return 32;
    if (cells <= 48) return 20;
    if (cells <= 96) return 14;
    if (cells <= 200) return 7;
    return 4;
}

att_status atti_matrix_layout(atti_matrix *m)
{
    double lo = 0, hi = 1;

    atti_range(&lo, &hi, m->w, (size_t)(m->rows * m->cols), m->opts);
    if (m->lo < m->hi) lo = m->lo, hi = m->hi;
    m->lo = lo;
    m->hi = hi;
    ATTI_TRY(
        atti_cells_make(&m->cells, m->w, m->rows, m->cols, POOL_LIMIT, false, lo, hi));
    int64_t most = atti_max_i64(m->cells.rows, m->cells.cols);
    m->cell = m->opts->cell ? m->opts->cell : default_cell(most);
    double room = (m->max_width - 160) / (double)m->cells.cols;
    if (m->cell > room && !m->opts->cell) m->cell = room > 2 ? room : 2;
    m->font = m->cell >= 26 ? 13 : m->cell >= 15 ? 12 : 11;
    double rows_wide = longest(m, true, m->font),
           cols_wide = longest(m, false, m->font);
    /* A leaning line of text needs its height times sqrt(2) from column to column. */
    m->lean = cols_wide + 6 <= m->cell            ? FLAT
              : m->cell >= m->font * 1.25 * 1.415 ? LEANING
                                                  : STANDING;
    m->every = 1;
    while ((double)m->every * m->cell < m->font * 1.15) m->every++;
    double up = m->lean == FLAT      ? m->font + 6
                : m->lean == LEANING ? cols_wide * 0.7072 + m->font
                                     : cols_wide + 8;
    m->left = rows_wide + 14 + 22;
    m->top = up + 6 + 20;
    m->width = m->left + (double)m->cells.cols * m->cell;
    if (m->lean == LEANING) m->width += cols_wide * 0.7072;
    m->height = m->top + (double)m->cells.rows * m->cell + 8;
    return ATT_OK;
}

void atti_matrix_deinit(atti_matrix *m)
{
    atti_free(m->cells.data);
    m->cells.data = NULL;
}

static void draw_columns(att_picture *p, const atti_theme *t, const atti_matrix *m,
                         double x0, double y0)
{
    char buf[24];

    for (int64_t c = 0; c < m->cells.cols; c += m->every) {
        double x = x0 + ((double)c + 0.5) * m->cell;
        const char *text = m->col_of(m->user, c * m->cells.pool, buf);
        int anchor = m->lean == FLAT ? 0 : -1;
        double dx = m->lean == FLAT ? 0 : m->lean == LEANING ? 2 : m->font * 0.36;
        atti_shape *s = atti_draw_label(p, x + dx, y0 - 7, m->font, anchor, t->ink,
                                        text, m->opts->max_label);
        s->angle = m->lean == LEANING ? -45 : m->lean == STANDING ? -90 : 0;
    }
}

static void draw_rows(att_picture *p, const atti_theme *t, const atti_matrix *m,
                      double x0, double y0)
{
    char buf[24];

    for (int64_t r = 0; r < m->cells.rows; r += m->every) {
        double y = y0 + ((double)r + 0.5) * m->cell + m->font * 0.36;
        const char *text = m->row_of(m->user, r * m->cells.pool, buf);
        atti_draw_label(p, x0 - 8, y, m->font, 1, t->ink, text, m->opts->max_label);
    }
}

/* "0.1" -> "0.10": figures in a grid are read by comparing their lengths too. */
static void two_decimals(char *text)
{
    char *dot = strchr(text, '.');
    if (!dot)
        (void)strcat(text, ".00");
    else if (strlen(dot) == 2)
        (void)strcat(text, "0");
}

/* What is below 0 keeps its sign without colours too. */
static void frame(att_picture *p, double x, double y, double cell, int32_t fill)
{
    double in = cell >= 40 ? 2 : 1;
    atti_shape *s = atti_draw_rect(p, x + in, y + in, cell - 2 * in, cell - 2 * in,
                                   ATTI_COLOUR_NONE);
    s->stroke = atti_colour_on(fill);
    s->alpha = 0.55;
    s->line_width = cell >= 14 ? 1 : 0.6;
}

/* Cells as rectangles of their own while there are few: each says its tokens and its
 * weight on hover, and a vector format keeps them sharp. */
static void draw_cells(att_picture *p, const atti_matrix *m, int32_t palette, double x0,
                       double y0)
{
    bool numbers = m->opts->numbers == 1 || (m->opts->numbers < 0 && m->cell >= 28);
    char a[24], b[24], text[40];
    double font = m->cell >= 40 ? 12 : m->cell >= 34 ? 11 : m->cell / 3.1;
    if (m->lo < 0 && font > m->cell / 3.6) font = m->cell / 3.6; /* room for a minus */

    for (int64_t r = 0; r < m->rows; r++) {
        for (int64_t c = 0; c < m->cols; c++) {
            double v = (double)m->w[r * m->cols + c];
            int32_t fill = atti_colour_at(palette, (v - m->lo) / (m->hi - m->lo));
            double x = x0 + (double)c * m->cell, y = y0 + (double)r * m->cell;
            atti_str title = {0};
            atti_shape *s = atti_draw_rect(p, x, y, m->cell, m->cell, fill);
            atti_text_number(text, v, 4);
            atti_str_addf(&title, "%s \xe2\x86\x92 %s: %s", m->row_of(m->user, r, a),
                          m->col_of(m->user, c, b), text);
            if (title.status == ATT_OK)
                atti_shape_title(p, s, title.data);
            else
                p->status = title.status;
            atti_str_deinit(&title);
            /* Too faint to see needs no sign either. */
            if (m->lo == -m->hi && v < 0.04 * m->lo) frame(p, x, y, m->cell, fill);
            if (!numbers) continue;
            double size = v < 0 ? -v : v;
            atti_text_number(text, v, size >= 99.95 ? 0 : 2);
            if (size < 0.005)
                (void)snprintf(text, sizeof text, "0");
            else if (size < 99.95)
                two_decimals(text);
            atti_draw_text(p, x + m->cell / 2, y + m->cell / 2 + font * 0.36, font, 0,
                           atti_colour_on(fill), text);
        }
    }
}

void atti_matrix_draw(att_picture *p, const atti_theme *t, const atti_matrix *m,
                      double x, double y)
{
    int32_t palette = atti_palette_of(m->opts, m->lo);
    double x0 = x + m->left, y0 = y + m->top;
    double w = (double)m->cells.cols * m->cell, h = (double)m->cells.rows * m->cell;

    atti_draw_text(p, x0, y + 12, 12, -1, t->muted, m->col_axis);
    atti_draw_text(p, x + 12, y0 + h / 2, 12, 0, t->muted, m->row_axis)->angle = -90;
    draw_columns(p, t, m, x0, y0);
    draw_rows(p, t, m, x0, y0);
    if (m->rows <= RECT_LIMIT && m->cols <= RECT_LIMIT) {
        draw_cells(p, m, palette, x0, y0);
    } else {
        atti_draw_image(p, x0, y0, w, h, m->cells.data, m->cells.rows, m->cells.cols,
                        palette);
    }
    atti_draw_rect(p, x0, y0, w, h, ATTI_COLOUR_NONE)->stroke = t->rule;
}

/* --- from maps -------------------------------------------------------------------------- */

static const char *map_row(const void *user, int64_t i, char buf[24])
{
    return atti_map_row(user, i, buf);
}

static const char *map_col(const void *user, int64_t i, char buf[24])
{
    return atti_map_col(user, i, buf);
}

static void subtitle_of(char *out, size_t n, const atti_matrix *m,
                        const att_attention_map *map)
{
    char which[160], pool[160] = "", every[64] = "";

    atti_map_which(which, sizeof which, map, m->opts->layer, m->opts->head);
    if (m->cells.pool > 1)
        (void)snprintf(
            pool, sizeof pool,
            "; a cell is the largest of %lld x %lld weights (%lld x %lld tokens)",
            (long long)m->cells.pool, (long long)m->cells.pool, (long long)m->rows,
            (long long)m->cols);
    if (m->every * m->cells.pool > 1)
        (void)snprintf(every, sizeof every, "; one label in %lld is shown",
                       (long long)(m->every * m->cells.pool));
    (void)snprintf(out, n, "%s%s%s", which, pool, every);
}

att_status att_picture_matrix(att_picture **out, const att_attention_map *map,
                              const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    float *w = NULL;
    char subtitle[400];

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_matrix: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(atti_map_check(map, "matrix"));
    ATTI_TRY(atti_map_limit(map, TOKEN_LIMIT, "a matrix"));
    ATTI_TRY(atti_map_take(&w, map, o.layer, o.head));
    atti_matrix m = {.w = w,
                     .rows = map->rows,
                     .cols = map->cols,
                     .opts = &o,
                     .row_of = map_row,
                     .col_of = map_col,
                     .user = map,
                     .row_axis = atti_map_row_axis(map),
                     .col_axis = atti_map_col_axis(map),
                     .max_width = o.max_width};
    atti_theme_get(&t, &o);
    att_status st = atti_matrix_layout(&m);
    if (st == ATT_OK) st = atti_picture_create(&p, &o);
    double width = 0, height = 0;
    if (st == ATT_OK) {
        subtitle_of(subtitle, sizeof subtitle, &m, map);
        const char *title = o.title ? o.title : atti_map_name(map);
        double y = atti_draw_heading(p, &t, title, subtitle);
        atti_matrix_draw(p, &t, &m, 20, y);
        atti_draw_colour_bar(p, &t, 20 + m.left, y + m.height + 6,
                             atti_palette_of(&o, m.lo), m.lo, m.hi);
        width = 40 + atti_text_width(subtitle, 12);
        double title_wide = 40 + atti_text_width(title, 16) * 1.15;
        if (title_wide > width) width = title_wide;
        if (width < m.width + 40) width = m.width + 40;
        if (width < m.left + 200) width = m.left + 200;
        height = y + m.height + 48;
    }
    atti_matrix_deinit(&m);
    atti_free(w);
    return atti_picture_finish(out, p, st, width, height);
}

static void transpose(float *out, const float *w, int64_t rows, int64_t cols)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++) out[c * rows + r] = w[r * cols + c];
}

/* The second matrix: the other map's head, or the first one turned over. */
static att_status second_of(atti_matrix *b, float **wb, const atti_matrix *a,
                            const att_attention_map *map,
                            const att_attention_map *other)
{
    *b = *a;
    if (other) {
        ATTI_TRY(atti_map_take(wb, other, a->opts->layer, a->opts->head));
        b->user = other;
        b->rows = other->rows;
        b->cols = other->cols;
        b->row_axis = atti_map_row_axis(other);
        b->col_axis = atti_map_col_axis(other);
    } else {
        ATTI_TRY(atti_alloc_raw(wb, (size_t)(map->rows * map->cols), sizeof **wb,
                                "a transpose"));
        transpose(*wb, a->w, map->rows, map->cols);
        b->rows = map->cols;
        b->cols = map->rows;
        b->row_of = a->col_of;
        b->col_of = a->row_of;
        b->row_axis = map->kind == ATT_VIEW_CROSS ? "source" : "this token";
        b->col_axis =
            map->kind == ATT_VIEW_CROSS ? "is asked by output" : "is asked by";
    }
    b->w = *wb;
    return ATT_OK;
}

att_status att_picture_both(att_picture **out, const att_attention_map *map,
                            const att_attention_map *other, const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    float *wa = NULL, *wb = NULL;
    double width = 0, height = 0;
    char which[160];

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_both: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(atti_map_check(map, "both directions"));
    ATTI_TRY(atti_map_limit(map, 256, "both directions"));
    if (other) {
        ATTI_TRY(atti_map_check(other, "both directions"));
        ATTI_TRY(atti_map_limit(other, 256, "both directions"));
    }
    ATTI_TRY(atti_map_take(&wa, map, o.layer, o.head));
    atti_matrix a = {.w = wa,
                     .rows = map->rows,
                     .cols = map->cols,
                     .opts = &o,
                     .row_of = map_row,
                     .col_of = map_col,
                     .user = map,
                     .row_axis = atti_map_row_axis(map),
                     .col_axis = atti_map_col_axis(map),
                     .max_width = (o.max_width - 40) / 2.0};
    atti_matrix b = {0};
    atti_theme_get(&t, &o);
    att_status st = atti_matrix_layout(&a);
    if (st == ATT_OK) {
        atti_cells first = a.cells;
        st = second_of(&b, &wb, &a, map, other);
        b.cells.data = NULL;
        if (other) b.lo = b.hi = 0;
        a.cells = first;
    }
    if (st == ATT_OK) st = atti_matrix_layout(&b);
    if (st == ATT_OK) st = atti_picture_create(&p, &o);
    if (st == ATT_OK) {
        atti_map_which(which, sizeof which, map, o.layer, o.head);
        double y =
            atti_draw_heading(p, &t, o.title ? o.title : atti_map_name(map), which);
        /* The two grids start at one height, whatever their labels need. */
        double lower = a.top > b.top ? a.top : b.top;
        a.height += lower - a.top;
        b.height += lower - b.top;
        a.top = b.top = lower;
        double x2 = 20 + a.width + 40, tall = a.height > b.height ? a.height : b.height;
        atti_matrix_draw(p, &t, &a, 20, y);
        atti_matrix_draw(p, &t, &b, x2, y);
        atti_draw_colour_bar(p, &t, 20 + a.left, y + tall + 6,
                             atti_palette_of(&o, a.lo), a.lo, a.hi);
        if (other)
            atti_draw_colour_bar(p, &t, x2 + b.left, y + tall + 6,
                                 atti_palette_of(&o, b.lo), b.lo, b.hi);
        width = x2 + (b.width > b.left + 160 ? b.width : b.left + 160) + 20;
        height = y + tall + 48;
    }
    atti_matrix_deinit(&a);
    atti_matrix_deinit(&b);
    atti_free(wa);
    atti_free(wb);
    return atti_picture_finish(out, p, st, width, height);
}
