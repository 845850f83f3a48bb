/* picture.c - the display list: making, growing, ending; saving by format. What the
 * shapes mean is in picture.h; how they look in a format is that format's file. */
#include "base/file.h"
#include "view/picture.h"
#include <ctype.h>
#include <string.h>

void atti_theme_get(atti_theme *t, const att_view_opts *opts)
{
    static const atti_theme light = {0xffffff, 0x1b1f24, 0x626c77, 0xd3d9df,
                                     0xf4f6f8, 0x1f5fa8, false};
    static const atti_theme dark = {0x14181d, 0xe7ebef, 0x9aa5b1, 0x39424c,
                                    0x1e242b, 0x7ab5f5, true};
    *t = opts->dark ? dark : light;
}

att_status atti_picture_create(att_picture **out, const att_view_opts *opts)
{
    att_picture *p;
    atti_theme t;

    *out = NULL;
    ATTI_TRY(atti_alloc(&p, 1, sizeof *p, "a picture"));
    atti_theme_get(&t, opts);
    p->paper = t.paper;
    p->scale = opts->scale > 0 ? (double)opts->scale : 2;
    *out = p;
    return ATT_OK;
}

void att_picture_destroy(att_picture *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) {
        atti_free(p->shapes[i].text);
        atti_free(p->shapes[i].title);
        atti_free(p->shapes[i].points);
        atti_free(p->shapes[i].cells);
    }
    atti_free(p->shapes);
    atti_free(p->title);
    atti_free(p);
}

double att_picture_width(const att_picture *p)
{
    return p ? p->width : 0;
}

double att_picture_height(const att_picture *p)
{
    return p ? p->height : 0;
}

att_status atti_picture_finish(att_picture **out, att_picture *p, att_status st,
                               double width, double height)
{
    *out = NULL;
    if (p && st == ATT_OK) st = p->status;
    /* Cairo's surfaces end at 32767 device pixels; a picture near that is no picture. */
    if (p && st == ATT_OK && (width > 32000 || height > 32000)) {
        st =
            atti_fail(ATT_EINVAL,
                      "the picture would be %.0f x %.0f pixels, more than 32000: fewer "
                      "rows, or a smaller cell",
                      width, height);
    }
    if (st != ATT_OK) {
        att_picture_destroy(p);
        return st;
    }
    p->width = width;
    p->height = height;
    *out = p;
    return ATT_OK;
}

static atti_shape *add(att_picture *p, int32_t kind)
{
    /* After a failure the caller still gets something to write to; it is never read. */
    static _Thread_local atti_shape scratch;
    atti_shape *s = &scratch;

    memset(&scratch, 0, sizeof scratch);
    if (p->status == ATT_OK)
        p->status =
            atti_grow(&p->shapes, &p->cap, p->n + 1, sizeof *p->shapes, "a picture");
    if (p->status == ATT_OK) s = &p->shapes[p->n++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->fill = ATTI_COLOUR_NONE;
    s->stroke = ATTI_COLOUR_NONE;
    s->line_width = 1;
    s->alpha = 1;
    return s;
}

atti_shape *atti_draw_rect(att_picture *p, double x, double y, double w, double h,
                           int32_t fill)
{
    atti_shape *s = add(p, ATTI_SHAPE_RECT);
    s->x = x;
    s->y = y;
    s->w = w;
    s->h = h;
    s->fill = fill;
    return s;
}

atti_shape *atti_draw_path(att_picture *p, const double *points, size_t n_points,
                           int32_t stroke)
{
    atti_shape *s = add(p, ATTI_SHAPE_PATH);
    s->stroke = stroke;
    if (p->status != ATT_OK) return s;
    p->status = atti_alloc_raw(&s->points, 2 * n_points, sizeof *points, "a line");
    if (p->status != ATT_OK) return s;
    memcpy(s->points, points, 2 * n_points * sizeof *points);
    s->n_points = n_points;
    return s;
}

atti_shape *atti_draw_line(att_picture *p, double x1, double y1, double x2, double y2,
                           int32_t stroke)
{
    const double points[4] = {x1, y1, x2, y2};
    return atti_draw_path(p, points, 2, stroke);
}

atti_shape *atti_draw_curve(att_picture *p, const double points[8], int32_t stroke)
{
    atti_shape *s = atti_draw_path(p, points, 4, stroke);
    s->kind = ATTI_SHAPE_CURVE;
    return s;
}

void atti_shape_title(att_picture *p, atti_shape *s, const char *title)
{
    bool cut;
    if (p->status != ATT_OK || s->title) return;
    p->status = atti_text_shown(&s->title, &cut, title, 0);
}

atti_shape *atti_draw_label(att_picture *p, double x, double y, double font, int anchor,
                            int32_t fill, const char *text, int64_t max_chars)
{
    atti_shape *s = add(p, ATTI_SHAPE_TEXT);
    bool cut = false;

    s->x = x;
    s->y = y;
    s->font = font;
    s->anchor = anchor;
    s->fill = fill;
    if (p->status != ATT_OK) return s;
    p->status = atti_text_shown(&s->text, &cut, text, max_chars);
    if (cut) atti_shape_title(p, s, text);
    return s;
}

atti_shape *atti_draw_text(att_picture *p, double x, double y, double font, int anchor,
                           int32_t fill, const char *text)
{
    return atti_draw_label(p, x, y, font, anchor, fill, text, 0);
}

atti_shape *atti_draw_image(att_picture *p, double x, double y, double w, double h,
                            const unsigned char *cells, int64_t rows, int64_t cols,
                            int32_t palette)
{
    atti_shape *s = add(p, ATTI_SHAPE_IMAGE);
    s->x = x;
    s->y = y;
    s->w = w;
    s->h = h;
    s->palette = palette;
    if (p->status != ATT_OK) return s;
    p->status = atti_alloc_raw(&s->cells, (size_t)rows, (size_t)cols, "an image");
    if (p->status != ATT_OK) return s;
    memcpy(s->cells, cells, (size_t)rows * (size_t)cols);
    s->rows = rows;
    s->cols = cols;
    return s;
}

void atti_draw_colour_bar(att_picture *p, const atti_theme *t, double x, double y,
                          int32_t palette, double lo, double hi)
{
    unsigned char steps[128];
    char a[40], b[40];

    for (int i = 0; i < 128; i++) steps[i] = (unsigned char)(2 * i + (i == 127));
    atti_draw_image(p, x, y, 140, 10, steps, 1, 128, palette);
    atti_draw_rect(p, x, y, 140, 10, ATTI_COLOUR_NONE)->stroke = t->rule;
    atti_text_tick(a, lo, (hi - lo) / 100);
    atti_text_tick(b, hi, (hi - lo) / 100);
    atti_draw_text(p, x, y + 23, 11, -1, t->muted, a);
    atti_draw_text(p, x + 140, y + 23, 11, 1, t->muted, b);
    if (lo < 0 && lo == -hi) atti_draw_text(p, x + 70, y + 23, 11, 0, t->muted, "0");
}

double atti_draw_heading(att_picture *p, const atti_theme *t, const char *title,
                         const char *subtitle)
{
    double y = 16;
    bool cut;

    if (title && *title) {
        y += 18;
        atti_draw_text(p, 20, y, 16, -1, t->ink, title)->bold = 1;
        if (p->status == ATT_OK && !p->title)
            p->status = atti_text_shown(&p->title, &cut, title, 0);
        y += 4;
    }
    if (subtitle && *subtitle) {
        y += 16;
        atti_draw_text(p, 20, y, 12, -1, t->muted, subtitle);
        y += 4;
    }
    return y + 10;
}

att_status att_picture_render(char **bytes, size_t *n_bytes, const att_picture *p,
                              att_picture_format format)
{
    atti_str s = {0};
    att_status st;

    if (!bytes || !n_bytes || !p)
        return atti_fail(ATT_EINVAL, "att_picture_render: an operand is NULL");
    *bytes = NULL;
    *n_bytes = 0;
    switch (format) {
    case ATT_PICTURE_SVG: st = atti_svg_write(&s, p); break;
    case ATT_PICTURE_PNG:
    case ATT_PICTURE_PDF: st = atti_cairo_write(&s, p, format); break;
    default: st = atti_fail(ATT_EINVAL, "picture format %d is not 0..2", (int)format);
    }
    if (st == ATT_OK) {
        *n_bytes = s.len;
        st = atti_str_take(bytes, &s);
        if (st != ATT_OK) *n_bytes = 0;
    }
    atti_str_deinit(&s);
    return st;
}

static bool ends_with(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    if (n < m) return false;
    for (size_t i = 0; i < m; i++)
        if (tolower((unsigned char)path[n - m + i]) != ending[i]) return false;
    return true;
}

att_status att_picture_save(const att_picture *p, const char *path)
{
    att_picture_format format;
    char *bytes;
    size_t n;

    if (!p || !path)
        return atti_fail(ATT_EINVAL, "att_picture_save: an operand is NULL");
    if (ends_with(path, ".svg"))
        format = ATT_PICTURE_SVG;
    else if (ends_with(path, ".png"))
        format = ATT_PICTURE_PNG;
    else if (ends_with(path, ".pdf"))
        format = ATT_PICTURE_PDF;
    else
        return atti_fail(ATT_ENOTSUP,
                         "%s: not a picture's name; known are .svg .png .pdf", path);
    ATTI_TRY(att_picture_render(&bytes, &n, p, format));
    att_status st = atti_write_file(path, bytes, n);
    atti_free(bytes);
    return st;
}

att_status att_picture_missing_glyphs(char **missing, const att_picture *p)
{
    atti_str s = {0};

    if (!missing || !p)
        return atti_fail(ATT_EINVAL, "att_picture_missing_glyphs: an operand is NULL");
    *missing = NULL;
    att_status st = atti_cairo_missing(&s, p);
    if (st == ATT_OK) st = atti_str_take(missing, &s);
    atti_str_deinit(&s);
    return st;
}
