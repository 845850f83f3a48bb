/* picture_cairo.c - PNG and PDF by cairo, fonts chosen by fontconfig for each character
 * (cairo's own choice is one font for a whole string, and boxes for the rest). The only
 * file that knows either library. */
#include "atti_config.h"
#include "view/picture.h"

#if defined(ATTI_HAVE_CAIRO) && defined(ATTI_HAVE_FONTCONFIG)
#include "view/picture_arabic.h"
#include <cairo-ft.h>
#include <cairo-pdf.h>
#include <cairo.h>
#include <fontconfig/fontconfig.h>
#include <string.h>

/* Faces in order of preference for one weight; made into cairo's when first used. */
typedef struct faces {
    FcPattern *wanted;
    FcFontSet *set;
    cairo_font_face_t **face; /* [set->nfont] */
} faces;

typedef struct painter {
    cairo_t *cr;
    faces plain, bold;
    atti_str line; /* the text being drawn, in display order */
} painter;

static att_status faces_open(faces *f, int weight)
{
    FcResult result;

    f->wanted = FcPatternCreate();
    if (!f->wanted) return atti_fail(ATT_ENOMEM, "fontconfig: out of memory");
    FcPatternAddString(f->wanted, FC_FAMILY, (const FcChar8 *)"DejaVu Sans");
    FcPatternAddString(f->wanted, FC_FAMILY, (const FcChar8 *)"sans-serif");
    FcPatternAddInteger(f->wanted, FC_WEIGHT, weight);
    FcPatternAddBool(f->wanted, FC_OUTLINE, FcTrue);
    FcConfigSubstitute(NULL, f->wanted, FcMatchPattern);
    FcDefaultSubstitute(f->wanted);
    f->set = FcFontSort(NULL, f->wanted, FcTrue, NULL, &result);
    if (!f->set || f->set->nfont == 0)
        return atti_fail(ATT_ENOTSUP,
                         "no font is installed: a picture with words needs "
                         "one (Debian: fonts-dejavu-core)");
    return atti_alloc(&f->face, (size_t)f->set->nfont, sizeof(cairo_font_face_t *),
                      "fonts");
}

static void faces_close(faces *f)
{
    if (f->face) {
        for (int i = 0; i < f->set->nfont; i++)
            if (f->face[i]) cairo_font_face_destroy(f->face[i]);
        atti_free(f->face);
    }
    if (f->set) FcFontSetDestroy(f->set);
    if (f->wanted) FcPatternDestroy(f->wanted);
}

/* The first font that has the character; -1 = none has. */
static int face_for(const faces *f, uint32_t c)
{
    for (int i = 0; i < f->set->nfont; i++) {
        FcCharSet *chars;
        if (FcPatternGetCharSet(f->set->fonts[i], FC_CHARSET, 0, &chars) ==
                FcResultMatch &&
            FcCharSetHasChar(chars, c))
            return i;
    }
    return -1;
}

static void use_face(painter *p, faces *f, int i, double size)
{
    if (!f->face[i]) {
        FcPattern *ready = FcFontRenderPrepare(NULL, f->wanted, f->set->fonts[i]);
        f->face[i] = cairo_ft_font_face_create_for_pattern(ready);
        FcPatternDestroy(ready);
    }
    cairo_set_font_face(p->cr, f->face[i]);
    cairo_set_font_size(p->cr, size);
}

/* Draws (or only measures) the line in runs of one font each; returns its width. */
static double run_line(painter *p, faces *f, double size, bool draw)
{
    const char *text = p->line.data;
    size_t n = p->line.len, start = 0, i = 0;
    int now = -2;
    double x = 0;
    char run[256];

    while (i <= n && n > 0) {
        uint32_t c = 0;
        int len = i < n ? atti_utf8_decode(&c, text + i, n - i) : 0;
        int face = -3;
        if (i < n) {
            face = face_for(f, c);
            if (face < 0) face = 0;
            /* Neutral characters stay with their neighbours' font. */
            if (c == ' ' && now >= 0) face = now;
        }
        if (now >= 0 && (face != now || i - start > sizeof run - 8)) {
            cairo_text_extents_t e;
            memcpy(run, text + start, i - start);
            run[i - start] = '\0';
            use_face(p, f, now, size);
            cairo_text_extents(p->cr, run, &e);
            if (draw) {
                cairo_move_to(p->cr, x, 0);
                cairo_show_text(p->cr, run);
            }
            x += e.x_advance;
            start = i;
        }
        if (i == n) break;
        now = face;
        i += (size_t)(len > 0 ? len : 1);
    }
    return x;
}

static void set_colour(cairo_t *cr, int32_t c, double alpha)
{
    cairo_set_source_rgba(cr, (c >> 16 & 255) / 255.0, (c >> 8 & 255) / 255.0,
                          (c & 255) / 255.0, alpha);
}

static att_status draw_text(painter *p, const atti_shape *s)
{
    faces *f = s->bold ? &p->bold : &p->plain;

    if (!s->text || !*s->text) return ATT_OK;
    atti_str_clear(&p->line);
    atti_display_order(&p->line, s->text);
    if (p->line.status != ATT_OK) return p->line.status;
    cairo_save(p->cr);
    cairo_translate(p->cr, s->x, s->y);
    cairo_rotate(p->cr, s->angle * 3.14159265358979323846 / 180);
    double width = s->anchor < 0 ? 0 : run_line(p, f, s->font, false);
    cairo_translate(p->cr, s->anchor > 0 ? -width : s->anchor == 0 ? -width / 2 : 0, 0);
    set_colour(p->cr, s->fill, s->alpha);
    (void)run_line(p, f, s->font, true);
    cairo_restore(p->cr);
    return ATT_OK;
}

static void rounded(cairo_t *cr, const atti_shape *s)
{
    double r = s->radius, pi = 3.14159265358979323846;

    if (r <= 0) {
        cairo_rectangle(cr, s->x, s->y, s->w, s->h);
        return;
    }
    cairo_new_sub_path(cr);
    cairo_arc(cr, s->x + s->w - r, s->y + r, r, -pi / 2, 0);
    cairo_arc(cr, s->x + s->w - r, s->y + s->h - r, r, 0, pi / 2);
    cairo_arc(cr, s->x + r, s->y + s->h - r, r, pi / 2, pi);
    cairo_arc(cr, s->x + r, s->y + r, r, pi, 3 * pi / 2);
    cairo_close_path(cr);
}

static void paint_path(cairo_t *cr, const atti_shape *s)
{
    if (s->fill != ATTI_COLOUR_NONE) {
        set_colour(cr, s->fill, s->alpha);
        cairo_fill_preserve(cr);
    }
    if (s->stroke != ATTI_COLOUR_NONE) {
        double dash = s->dash;
        cairo_set_dash(cr, &dash, s->dash > 0 ? 1 : 0, 0);
        cairo_set_line_width(cr, s->line_width);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
        set_colour(cr, s->stroke, s->alpha);
        cairo_stroke_preserve(cr);
    }
    cairo_new_path(cr);
}

static void draw_path(cairo_t *cr, const atti_shape *s)
{
    const double *q = s->points;

    if (s->n_points == 0) return;
    cairo_move_to(cr, q[0], q[1]);
    if (s->kind == ATTI_SHAPE_CURVE) {
        cairo_curve_to(cr, q[2], q[3], q[4], q[5], q[6], q[7]);
    } else {
        for (size_t i = 1; i < s->n_points; i++)
            cairo_line_to(cr, q[2 * i], q[2 * i + 1]);
        if (s->fill != ATTI_COLOUR_NONE) cairo_close_path(cr);
    }
    paint_path(cr, s);
}

static void draw_image(cairo_t *cr, const atti_shape *s)
{
    unsigned char rgb[768];
    cairo_surface_t *im =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)s->cols, (int)s->rows);

    if (cairo_surface_status(im) == CAIRO_STATUS_SUCCESS) {
        unsigned char *data = cairo_image_surface_get_data(im);
        int stride = cairo_image_surface_get_stride(im);
        atti_colour_table(rgb, s->palette);
        for (int64_t r = 0; r < s->rows; r++) {
            for (int64_t c = 0; c < s->cols; c++) {
                const unsigned char *v = rgb + 3 * s->cells[r * s->cols + c];
                uint32_t pixel = (uint32_t)v[0] << 16 | (uint32_t)v[1] << 8 | v[2];
                memcpy(data + r * stride + 4 * c, &pixel, 4);
            }
        }
        cairo_surface_mark_dirty(im);
        cairo_save(cr);
        cairo_translate(cr, s->x, s->y);
        cairo_scale(cr, s->w / (double)s->cols, s->h / (double)s->rows);
        cairo_set_source_surface(cr, im, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
        cairo_rectangle(cr, 0, 0, (double)s->cols, (double)s->rows);
        cairo_fill(cr);
        cairo_restore(cr);
    }
    cairo_surface_destroy(im);
}

static att_status paint(painter *p, const att_picture *pic)
{
    att_status st = ATT_OK;

    set_colour(p->cr, pic->paper, 1);
    cairo_paint(p->cr);
    for (size_t i = 0; i < pic->n && st == ATT_OK; i++) {
        const atti_shape *s = &pic->shapes[i];
        switch (s->kind) {
        case ATTI_SHAPE_RECT:
            rounded(p->cr, s);
            paint_path(p->cr, s);
            break;
        case ATTI_SHAPE_PATH:
        case ATTI_SHAPE_CURVE: draw_path(p->cr, s); break;
        case ATTI_SHAPE_TEXT: st = draw_text(p, s); break;
        default: draw_image(p->cr, s);
        }
    }
    return st;
}

static cairo_status_t sink(void *user, const unsigned char *data, unsigned int n)
{
    atti_str *s = user;
    atti_str_add_n(s, (const char *)data, n);
    return s->status == ATT_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_surface_t *surface_for(atti_str *s, const att_picture *p,
                                    att_picture_format format, double scale)
{
    cairo_surface_t *surface;

    if (format == ATT_PICTURE_PNG)
        return cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                          (int)(p->width * scale + 0.5),
                                          (int)(p->height * scale + 0.5));
    /* PDF counts in points: 96 pixels to 72 of them. */
    surface =
        cairo_pdf_surface_create_for_stream(sink, s, p->width * 0.75, p->height * 0.75);
    /* The date of making would differ on every run. */
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                   "2000-01-01T00:00:00Z");
    if (p->title)
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, p->title);
    return surface;
}

att_status atti_cairo_write(atti_str *s, const att_picture *p,
                            att_picture_format format)
{
    painter q = {0};
    double scale = format == ATT_PICTURE_PNG ? p->scale : 0.75, longest = p->width;
    cairo_status_t status;

    if (p->height > longest) longest = p->height;
    if (format == ATT_PICTURE_PNG && longest * scale > 32000) scale = 32000 / longest;
    att_status st = faces_open(&q.plain, FC_WEIGHT_REGULAR);
    if (st == ATT_OK) st = faces_open(&q.bold, FC_WEIGHT_BOLD);
    if (st == ATT_OK) {
        cairo_surface_t *surface = surface_for(s, p, format, scale);
        q.cr = cairo_create(surface);
        cairo_scale(q.cr, scale, scale);
        st = paint(&q, p);
        status = cairo_status(q.cr);
        cairo_destroy(q.cr);
        if (format == ATT_PICTURE_PDF) cairo_surface_finish(surface);
        if (status == CAIRO_STATUS_SUCCESS && format == ATT_PICTURE_PNG)
            status = cairo_surface_write_to_png_stream(surface, sink, s);
        if (status == CAIRO_STATUS_SUCCESS) status = cairo_surface_status(surface);
        cairo_surface_destroy(surface);
        if (st == ATT_OK) st = s->status;
        if (st == ATT_OK && status != CAIRO_STATUS_SUCCESS)
            st = atti_fail(status == CAIRO_STATUS_NO_MEMORY ? ATT_ENOMEM : ATT_EBUG,
                           "cairo: %s", cairo_status_to_string(status));
    }
    atti_str_deinit(&q.line);
    faces_close(&q.plain);
    faces_close(&q.bold);
    return st;
}

/* Debian's packages of fonts, and which of them has a character. */
static const char *const packages[] = {
    "fonts-noto-cjk (or the small fonts-wqy-microhei)", "fonts-noto-color-emoji",
    "fonts-dejavu-core", "fonts-noto-core"};
enum { CJK, EMOJI, LATIN, OTHER, N_PACKAGES };

static int package_for(uint32_t c)
{
    if ((c >= 0x2e80 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) ||
        (c >= 0xf900 && c <= 0xfaff) || (c >= 0xff00 && c <= 0xffef) ||
        (c >= 0x20000 && c <= 0x3ffff))
        return CJK;
    if (c >= 0x1f000 && c <= 0x1faff) return EMOJI;
    return c < 0x700 ? LATIN : OTHER;
}

att_status atti_cairo_missing(atti_str *s, const att_picture *p)
{
    faces f = {0};
    uint32_t seen[16];
    size_t n_seen = 0;
    bool wanted[N_PACKAGES] = {false};

    att_status st = faces_open(&f, FC_WEIGHT_REGULAR);
    for (size_t i = 0; i < p->n && st == ATT_OK; i++) {
        const char *text = p->shapes[i].text;
        size_t n = text ? strlen(text) : 0, k = 0;
        while (k < n && n_seen < 16) {
            uint32_t c;
            int len = atti_utf8_decode(&c, text + k, n - k);
            bool known = face_for(&f, c) >= 0;
            for (size_t j = 0; j < n_seen; j++) known |= seen[j] == c;
            if (!known) {
                wanted[package_for(c)] = true;
                atti_str_add(s, n_seen == 0 ? "no installed font has: " : " ");
                atti_str_add_n(s, text + k, (size_t)len);
                seen[n_seen++] = c;
            }
            k += (size_t)(len > 0 ? len : 1);
        }
    }
    if (n_seen == 16) atti_str_add(s, " ...");
    const char *before = "; packages of Debian that have them: ";
    for (int i = 0; i < N_PACKAGES; i++) {
        if (!wanted[i]) continue;
        atti_str_addf(s, "%s%s", before, packages[i]);
        before = ", ";
    }
    atti_str_add(s, "");
    faces_close(&f);
    return st == ATT_OK ? s->status : st;
}

#else

static att_status without(void)
{
    return atti_fail(
        ATT_ENOTSUP,
        "this build draws no PNG and no PDF (.svg needs no library): install "
        "libcairo2-dev and libfontconfig-dev and build again");
}

att_status atti_cairo_write(atti_str *s, const att_picture *p,
                            att_picture_format format)
{
    (void)s, (void)p, (void)format;
    return without();
}

att_status atti_cairo_missing(atti_str *s, const att_picture *p)
{
    (void)s, (void)p;
    return without();
}

#endif
