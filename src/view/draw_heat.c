/* draw_heat.c - a plain array as a heat map with numbered axes: positional encodings,
 * similarity of positions, any table of values. */
#include "base/checked.h"
#include "view/axis.h"
#include "view/picture.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void att_heat_init(att_heat *heat)
{
    memset(heat, 0, sizeof *heat);
    heat->size = (uint32_t)sizeof *heat;
}

static att_status check(const att_heat *h)
{
    if (!h || !h->values) return atti_fail(ATT_EINVAL, "heat map: no values");
    if (h->size != sizeof *h)
        return atti_fail(ATT_EINVAL,
                         "heat map of %u bytes, not %u: start from "
                         "att_heat_init()",
                         (unsigned)h->size, (unsigned)sizeof *h);
    if (h->rows < 1 || h->cols < 1 || h->rows > 16384 || h->cols > 16384)
        return atti_fail(ATT_EINVAL, "a heat map of %lld x %lld: sides are 1..16384",
                         (long long)h->rows, (long long)h->cols);
    for (int64_t i = 0; i < h->rows * h->cols; i++) {
        if (!isfinite(h->values[i]))
            return atti_fail(
                ATT_EDIVERGED,
                "heat map: the value of row %lld, column %lld is not a finite "
                "number",
                (long long)(i / h->cols + h->first_row),
                (long long)(i % h->cols + h->first_col));
    }
    return ATT_OK;
}

/* Whole-number ticks at the middle of their cells. */
static void ticks(att_picture *p, const atti_theme *t, int64_t n, int64_t first,
                  bool down, double x0, double y0, double length)
{
    char text[40];
    double cell = length / (double)n;
    int64_t step = (int64_t)atti_axis_step((double)n * 44 / length);

    if (step < 1) step = 1;
    for (int64_t v = (first + step - 1) / step * step; v < first + n; v += step) {
        double at = ((double)(v - first) + 0.5) * cell;
        atti_text_number(text, (double)v, 0);
        if (down) {
            atti_draw_line(p, x0 - 4, y0 + at, x0, y0 + at, t->muted);
            atti_draw_text(p, x0 - 8, y0 + at + 4, 11, 1, t->ink, text);
        } else {
            atti_draw_line(p, x0 + at, y0, x0 + at, y0 + 4, t->muted);
            atti_draw_text(p, x0 + at, y0 + 17, 11, 0, t->ink, text);
        }
    }
}

static void sides(double *w, double *h, const att_heat *heat, const att_view_opts *o)
{
    double room = (double)o->max_width - 120;
    double most = (double)atti_max_i64(heat->rows, heat->cols);
    double cell = o->cell ? o->cell : 640 / most;

    if (!o->cell && cell > 40) cell = 40;
    *w = cell * (double)heat->cols;
    *h = cell * (double)heat->rows;
    if (!o->cell) {
        /* A long thin array is stretched: a strip one pixel high shows nothing. */
        if (*w < 200) *w = 200;
        if (*h < 120) *h = 120;
    }
    if (*w > room) *w = room;
    if (*h > 8000) *h = 8000;
}

att_status att_picture_heat(att_picture **out, const att_heat *heat,
                            const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    atti_cells c = {0};
    double lo, hi, w, h, y = 0;
    char subtitle[200];

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_heat: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    if (!opts) o.colours = ATT_COLOURS_DUSK;
    ATTI_TRY(check(heat));
    atti_range(&lo, &hi, heat->values, (size_t)(heat->rows * heat->cols), &o);
    ATTI_TRY(
        atti_cells_make(&c, heat->values, heat->rows, heat->cols, 1024, true, lo, hi));
    atti_theme_get(&t, &o);
    att_status st = atti_picture_create(&p, &o);
    sides(&w, &h, heat, &o);
    const double x0 = 84;
    if (st == ATT_OK) {
        const char *row_name = heat->row_name ? heat->row_name : "position";
        const char *col_name = heat->col_name ? heat->col_name : "dimension";
        (void)snprintf(subtitle, sizeof subtitle, "%lld x %lld%s",
                       (long long)heat->rows, (long long)heat->cols,
                       c.pool > 1 ? "; a cell is the mean of several values" : "");
        y = atti_draw_heading(p, &t, o.title ? o.title : "Positional encoding",
                              subtitle);
        atti_draw_image(p, x0, y, w, h, c.data, c.rows, c.cols,
                        atti_palette_of(&o, lo));
        atti_draw_rect(p, x0, y, w, h, ATTI_COLOUR_NONE)->stroke = t.rule;
        ticks(p, &t, heat->rows, heat->first_row, true, x0, y, h);
        ticks(p, &t, heat->cols, heat->first_col, false, x0, y + h, w);
        atti_draw_text(p, 28, y + h / 2, 12, 0, t.muted, row_name)->angle = -90;
        atti_draw_text(p, x0 + w / 2, y + h + 36, 12, 0, t.muted, col_name);
        atti_draw_colour_bar(p, &t, x0, y + h + 48, atti_palette_of(&o, lo), lo, hi);
    }
    atti_free(c.data);
    double wide = o.title ? atti_text_width(o.title, 16) * 1.15 + 40 : 260;
    if (wide < x0 + w + 28) wide = x0 + w + 28;
    return atti_picture_finish(out, p, st, wide, y + h + 90);
}
