/* picture.h - the display list that every drawing appends to and every format reads.
 * Coordinates are pixels, y downwards. Colours are 0xRRGGBB, COLOUR_NONE for nothing.
 * Failures (memory) are remembered in the picture; atti_picture_finish reports them. */
#ifndef ATTI_PICTURE_H
#define ATTI_PICTURE_H

#include "attend/view.h"
#include "base/crc32.h"
#include "base/json.h"

#define ATTI_COLOUR_NONE (-1)

typedef enum atti_shape_kind {
    ATTI_SHAPE_RECT,  /* x, y, w, h, radius; fill, stroke, line_width */
    ATTI_SHAPE_PATH,  /* points: n pairs; filled where fill is set; dash */
    ATTI_SHAPE_CURVE, /* cubic from point 0 by 1, 2 to 3 */
    ATTI_SHAPE_TEXT,  /* at x, y (baseline), anchor, angle, font, bold; fill */
    ATTI_SHAPE_IMAGE /* x, y, w, h; cells [rows, cols] through palette; never smoothed */
} atti_shape_kind;

typedef struct atti_shape {
    int32_t kind;
    int32_t fill, stroke;
    int32_t anchor; /* -1 start, 0 middle, 1 end */
    int32_t bold;
    int32_t dash; /* 0 = solid, else length of dash and gap in pixels */
    double x, y, w, h, radius, line_width, alpha, angle, font;
    char *text;  /* owned: TEXT */
    char *title; /* owned: shown on hover; NULL = none */
    double *points;
    size_t n_points;
    unsigned char *cells;
    int64_t rows, cols;
    int32_t palette; /* att_view_colours; dark bit 8, two hues 16 */
} atti_shape;

struct att_picture {
    atti_shape *shapes;
    size_t n, cap;
    double width, height;
    double scale; /* of PNG */
    int32_t paper;
    char *title; /* of the document */
    att_status status;
};

/* Theme colours, light and dark. */
typedef struct atti_theme {
    int32_t paper, ink, muted, rule, panel, accent;
    bool dark;
} atti_theme;
void atti_theme_get(atti_theme *t, const att_view_opts *opts);

ATT_MUST_CHECK att_status atti_picture_create(att_picture **out,
                                              const att_view_opts *opts);
/* Hands over or, when anything failed on the way, destroys. */
ATT_MUST_CHECK att_status atti_picture_finish(att_picture **out, att_picture *p,
                                              att_status st, double width,
                                              double height);

/* Each returns the new shape for details, or a scratch one after a failure: never NULL. */
atti_shape *atti_draw_rect(att_picture *p, double x, double y, double w, double h,
                           int32_t fill);
atti_shape *atti_draw_line(att_picture *p, double x1, double y1, double x2, double y2,
                           int32_t stroke);
atti_shape *atti_draw_path(att_picture *p, const double *points, size_t n_points,
                           int32_t stroke);
atti_shape *atti_draw_curve(att_picture *p, const double points[8], int32_t stroke);
/* text is copied and made valid UTF-8 without control characters. */
atti_shape *atti_draw_text(att_picture *p, double x, double y, double font, int anchor,
                           int32_t fill, const char *text);
/* Cut to max_chars with an ellipsis; the whole as title when it was cut. */
atti_shape *atti_draw_label(att_picture *p, double x, double y, double font, int anchor,
                            int32_t fill, const char *text, int64_t max_chars);
/* cells is copied. */
atti_shape *atti_draw_image(att_picture *p, double x, double y, double w, double h,
                            const unsigned char *cells, int64_t rows, int64_t cols,
                            int32_t palette);
void atti_shape_title(att_picture *p, atti_shape *s, const char *title);
/* A bar of the palette with its range, at x, y, 140 wide. */
void atti_draw_colour_bar(att_picture *p, const atti_theme *t, double x, double y,
                          int32_t palette, double lo, double hi);
/* Title and subtitle at the top left; returns the y below them. */
double atti_draw_heading(att_picture *p, const atti_theme *t, const char *title,
                         const char *subtitle);

/* --- text ----------------------------------------------------------------------------- */

/* Width in pixels, estimated from a table and the same for every format, so that a
 * layout does not depend on which fonts are there. */
double atti_text_width(const char *text, double font);
/* *out = text as shown: invalid bytes and control characters replaced, cut to
 * max_chars (0 = never). *cut tells. A wide character counts as two. */
ATT_MUST_CHECK att_status atti_text_shown(char **out, bool *cut, const char *text,
                                          int64_t max_chars);
/* 12 -> "12", 0.5 -> "0.5": at most `digits` decimals, no zeros at the end, no locale. */
void atti_text_number(char out[40], double value, int digits);
/* A JSON string, quotes included, that is safe inside an HTML script element. */
void atti_json_text(atti_str *s, const char *text);
/* A number with three or so significant digits, for axes. */
void atti_text_tick(char out[40], double value, double step);

/* --- colours -------------------------------------------------------------------------- */

int32_t atti_palette(const att_view_opts *opts);
/* For data from lo on: with two hues around 0 where lo < 0. */
int32_t atti_palette_of(const att_view_opts *opts, double lo);
int32_t atti_colour_at(int32_t palette, double frac); /* 0..1, clamped */
void atti_colour_table(unsigned char rgb[768], int32_t palette);
double atti_luminance(int32_t colour);            /* 0..1, of WCAG */
int32_t atti_colour_on(int32_t colour);           /* readable text on it */
int32_t atti_colour_series(int64_t i, bool dark); /* of head or curve i */
int32_t atti_colour_mix(int32_t a, int32_t b, double b_frac);

/* --- formats -------------------------------------------------------------------------- */

ATT_MUST_CHECK att_status atti_svg_write(atti_str *s, const att_picture *p);
ATT_MUST_CHECK att_status atti_cairo_write(atti_str *s, const att_picture *p,
                                           att_picture_format format);
ATT_MUST_CHECK att_status atti_cairo_missing(atti_str *s, const att_picture *p);
/* cells [rows, cols] through the palette as a PNG of one pixel a cell. */
void atti_png_cells(atti_str *s, const atti_shape *image);
void atti_base64_add(atti_str *s, const void *data, size_t n);
/* Text for XML and HTML: & < > " ' escaped. */
void atti_markup_add(atti_str *s, const char *text);

/* --- maps ----------------------------------------------------------------------------- */

/* Checks sizes and operands of a map; `what` is for messages. */
ATT_MUST_CHECK att_status atti_map_check(const att_attention_map *m, const char *what);
/* Several of them, 1..8. */
ATT_MUST_CHECK att_status atti_maps_check(const att_attention_map *maps, int64_t n,
                                          const char *what);
ATT_MUST_CHECK att_status atti_opts_check(att_view_opts *out, const att_view_opts *in);
ATT_MUST_CHECK att_status atti_map_limit(const att_attention_map *m, int64_t limit,
                                         const char *what);
/* One head (1..L, 1..H) into out [T,S], checked finite; with 0 the mean over all. */
ATT_MUST_CHECK att_status atti_map_head(const att_attention_map *m, int64_t layer,
                                        int64_t head, float *out);
/* Allocates [T,S] and fills it; the caller frees. */
ATT_MUST_CHECK att_status atti_map_take(float **out, const att_attention_map *m,
                                        int64_t layer, int64_t head);
/* The token as it is written; a number where there are none (buf holds it). */
const char *atti_map_row(const att_attention_map *m, int64_t i, char buf[24]);
const char *atti_map_col(const att_attention_map *m, int64_t i, char buf[24]);
/* An array of the tokens of one side, rows or columns, safe inside a page. */
void atti_map_words(atti_jsonw *w, const char *key, const att_attention_map *m,
                    bool rows);
const char *atti_map_name(const att_attention_map *m);
const char *atti_map_row_axis(const att_attention_map *m); /* "output", "token looks" */
const char *atti_map_col_axis(const att_attention_map *m);
/* "layer 2 of 6, head 1 of 8", "mean of 8 heads, layer 2 of 6", ... */
void atti_map_which(char *out, size_t n, const att_attention_map *m, int64_t layer,
                    int64_t head);
/* Range of colours for n weights: 0..max; with negative ones as far below 0 as above
 * (ATT_COLOURS_DUSK: min..max); or opts' own. */
void atti_range(double *lo, double *hi, const float *w, size_t n,
                const att_view_opts *opts);
/* [rows,cols] to at most limit a side, each cell the largest (or the mean) of its
 * pool x pool values, quantised by lo..hi to 0..255. */
typedef struct atti_cells {
    unsigned char *data;
    int64_t rows, cols, pool;
} atti_cells;
ATT_MUST_CHECK att_status atti_cells_make(atti_cells *c, const float *w, int64_t rows,
                                          int64_t cols, int64_t limit, bool mean,
                                          double lo, double hi);

#endif
