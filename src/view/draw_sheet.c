/* draw_sheet.c - matrices with their numbers, side by side: a computation as a course draws
 * it on the board. */
#include "base/checked.h"
#include "view/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIDE_MAX = 256, ITEMS_MAX = 400 };
static const double CELL_H = 22, FONT = 12, GAP = 34, TITLE_H = 26;

static att_status check(const att_sheet_item *items, int64_t n)
{
    if (!items || n < 1 || n > ITEMS_MAX)
        return atti_fail(ATT_EINVAL, "a sheet of %lld matrices: 1..%d fit",
                         (long long)n, ITEMS_MAX);
    for (int64_t i = 0; i < n; i++) {
        const att_sheet_item *m = &items[i];
        if (!m->values || m->rows < 1 || m->cols < 1 || m->rows > SIDE_MAX ||
            m->cols > SIDE_MAX)
            return atti_fail(
                ATT_EINVAL, "sheet: matrix %lld is %lld x %lld: sides are 1..%d",
                (long long)i + 1, (long long)m->rows, (long long)m->cols, SIDE_MAX);
        if (m->digits < 0 || m->digits > 12)
            return atti_fail(ATT_EINVAL, "sheet: %d digits are not in 0..12",
                             m->digits);
    }
    return ATT_OK;
}

static bool all_whole(const att_sheet_item *m)
{
    for (int64_t i = 0; i < m->rows * m->cols; i++)
        if (isfinite(m->values[i]) &&
            (m->values[i] != floor(m->values[i]) || fabs(m->values[i]) > 1e9))
            return false;
    return true;
}

static void cell_text(char out[64], const att_sheet_item *m, double v)
{
    int digits = all_whole(m) ? 0 : m->digits;
    if (isnan(v)) {
        out[0] = 0;
    } else if (isinf(v)) {
        (void)snprintf(out, 64, v < 0 ? "−∞" : "∞");
    } else {
        (void)snprintf(out, 64, "%.*f", digits, v);
        if (out[0] == '-' && strspn(out + 1, "0.,") == strlen(out + 1))
            memmove(out, out + 1, strlen(out));
        for (char *p = out; *p; p++)
            if (*p == ',') *p = '.'; /* a locale's point */
    }
}

typedef struct layout {
    double cell, left, top, width, height;
} layout;

static void measure(layout *l, const att_sheet_item *m)
{
    char text[64], title[240];
    l->cell = 34;
    l->left = 0;
    for (int64_t i = 0; i < m->rows * m->cols; i++) {
        cell_text(text, m, m->values[i]);
        l->cell = fmax(l->cell, atti_text_width(text, FONT) + 14);
    }
    for (int64_t c = 0; m->col_names && c < m->cols; c++)
        l->cell = fmax(l->cell, fmin(atti_text_width(m->col_names[c], 11) + 8, 110));
    for (int64_t r = 0; m->row_names && r < m->rows; r++)
        l->left = fmax(l->left, fmin(atti_text_width(m->row_names[r], 11) + 10, 140));
    l->top = TITLE_H + (m->col_names ? 18 : 0);
    l->width = l->left + l->cell * (double)m->cols;
    (void)snprintf(title, sizeof title, "%s  [%lld, %lld]", m->title ? m->title : "",
                   (long long)m->rows, (long long)m->cols);
    l->width = fmax(l->width, atti_text_width(title, 13) * 1.08 + 8);
    l->height = l->top + CELL_H * (double)m->rows;
}

static void draw_cells(att_picture *p, const atti_theme *t, int32_t palette,
                       const att_sheet_item *m, const layout *l, double x, double y)
{
    char text[64];
    double most = 0;
    for (int64_t i = 0; i < m->rows * m->cols; i++)
        if (isfinite(m->values[i])) most = fmax(most, fabs(m->values[i]));
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t c = 0; c < m->cols; c++) {
            double v = m->values[r * m->cols + c];
            double cx = x + l->left + l->cell * (double)c;
            double cy = y + l->top + CELL_H * (double)r;
            bool number = isfinite(v);
            /* Pale: numbers must stay readable on it. */
            int32_t hue = atti_colour_at(palette, v < 0 ? 0.125 : 0.875);
            int32_t fill = number && most > 0
                               ? atti_colour_mix(t->paper, hue, 0.55 * fabs(v) / most)
                               : t->panel;
            atti_draw_rect(p, cx, cy, l->cell, CELL_H, fill)->stroke = t->rule;
            cell_text(text, m, v);
            if (text[0])
                atti_draw_text(p, cx + l->cell / 2, cy + 15, FONT, 0,
                               number ? atti_colour_on(fill) : t->muted, text);
        }
}

static void draw_item(att_picture *p, const atti_theme *t, int32_t palette,
                      const att_sheet_item *m, const layout *l, double x, double y)
{
    char title[240];
    (void)snprintf(title, sizeof title, "%s  [%lld, %lld]", m->title ? m->title : "",
                   (long long)m->rows, (long long)m->cols);
    atti_draw_text(p, x, y + 14, 13, -1, t->ink, title)->bold = 1;
    for (int64_t c = 0; m->col_names && c < m->cols; c++)
        atti_draw_label(p, x + l->left + l->cell * ((double)c + 0.5), y + l->top - 5,
                        11, 0, t->muted, m->col_names[c], 14);
    for (int64_t r = 0; m->row_names && r < m->rows; r++)
        atti_draw_label(p, x + l->left - 6, y + l->top + CELL_H * (double)r + 15, 11, 1,
                        t->muted, m->row_names[r], 18);
    draw_cells(p, t, palette, m, l, x, y);
}

att_status att_picture_sheet(att_picture **out, const att_sheet_item *items, int64_t n,
                             const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    if (!out) return atti_fail(ATT_EINVAL, "att_picture_sheet: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(check(items, n));
    atti_theme_get(&t, &o);
    att_status st = atti_picture_create(&p, &o);
    double x0 = 24, x = x0, y = 20, low = 0, wide = 0;
    int32_t palette = atti_palette_of(&o, -1);
    if (st == ATT_OK) y = atti_draw_heading(p, &t, o.title ? o.title : "Steps", "");
    for (int64_t i = 0; st == ATT_OK && i < n; i++) {
        layout l;
        measure(&l, &items[i]);
        bool full = x > x0 && x + l.width > (double)o.max_width - 24;
        if (i > 0 && (items[i].new_line || full)) {
            y += low + GAP * 0.8;
            x = x0;
            low = 0;
        }
        draw_item(p, &t, palette, &items[i], &l, x, y);
        x += l.width + GAP;
        low = fmax(low, l.height);
        wide = fmax(wide, x - GAP + 24);
    }
    double title = o.title ? atti_text_width(o.title, 16) * 1.15 + 40 : 0;
    return atti_picture_finish(out, p, st, fmax(wide, fmax(title, 240)), y + low + 28);
}
