/* attend/view.h - pictures, pages and files of attention weights. It draws arrays and
 * knows nothing of models.
 *
 *   att_picture_*      makes a picture in memory: matrix, overview, links, ...
 *   att_picture_save   writes it as .svg, .png or .pdf, by the name
 *   att_view_html      one page that works offline: layers, heads, hover, table
 *   att_view_bertviz   JSON in BertViz's shape
 *   att_view_npz       arrays for numpy
 *
 * Layers and heads count from 1, as the pictures and messages print them; 0 means the
 * mean of all. Text is UTF-8; a byte that is none is shown as U+FFFD. The same input
 * gives the same bytes on every run (PNG and PDF: with the same fonts installed).
 *
 * SVG, HTML, JSON and npz need no library. PNG and PDF need cairo and fontconfig;
 * without them they are ATT_ENOTSUP and the message names the packages.
 *
 * Common failures, not repeated below: ATT_EINVAL for a missing operand, a size below
 * 1, a layer or head out of range (the range is in the message) or too many tokens
 * (limit and way out are in the message); ATT_EDIVERGED for a NaN or infinite weight;
 * ATT_ENOMEM; ATT_EIO for a file that cannot be written. A failure leaves no file and
 * sets *out to NULL. Everything is thread-safe as long as one object stays with one
 * thread at a time. */
#ifndef ATTEND_VIEW_H
#define ATTEND_VIEW_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum att_view_kind {
    ATT_VIEW_CROSS = 0, /* rows: output, columns: source */
    ATT_VIEW_ENCODER = 1,
    ATT_VIEW_DECODER = 2,
    ATT_VIEW_OTHER = 3 /* anything with rows and columns */
} att_view_kind;

/* Writes the weights of one head (layer 1..L, head 1..H) to out [T,S], row-major. */
typedef att_status att_view_fetch_fn(void *user, int64_t layer, int64_t head,
                                     float *out);

/* The weights of one kind of attention over one sentence. Everything is borrowed. */
typedef struct att_attention_map {
    uint32_t size;    /* sizeof(att_attention_map), set by att_attention_map_init() */
    int32_t kind;     /* att_view_kind */
    int64_t n_layers; /* L, 1..1024 */
    int64_t n_heads;  /* H, 1..1024 */
    int64_t rows;     /* T: who looks */
    int64_t cols;     /* S: what is looked at */
    const float *weights;     /* [L,H,T,S]; or NULL and fetch is set */
    att_view_fetch_fn *fetch; /* used where weights is NULL; a head at a time */
    void *fetch_user;
    const char *const *row_tokens; /* [T]; NULL = numbers from 1 */
    const char *const
        *col_tokens;  /* [S]; NULL = row_tokens where T = S, else numbers */
    const char *name; /* shown beside the title; NULL = by kind ("cross-attention") */
    const char *row_axis; /* what rows and columns are; NULL = by kind ("output", */
    const char *col_axis; /* "looks at source") */
} att_attention_map;
ATT_API void att_attention_map_init(att_attention_map *map);

typedef enum att_view_colours {
    ATT_COLOURS_INK = 0, /* paper to dark blue; on the dark theme: night to pale blue;
                          * below 0 to dark brown, as dark for the same size, and
                          * cells are framed */
    ATT_COLOURS_DUSK =
        1, /* deep blue to yellow, lightness rises evenly from the lowest value */
    ATT_COLOURS_GREY = 2
} att_view_colours;

typedef struct att_view_opts {
    uint32_t size;   /* sizeof(att_view_opts), set by att_view_opts_init() */
    int32_t layer;   /* 1..L, 0 = mean of all layers (the default) */
    int32_t head;    /* 1..H, 0 = mean of all heads (the default) */
    int32_t colours; /* att_view_colours */
    int32_t dark;    /* nonzero: dark theme */
    int32_t
        numbers;  /* weights in the cells: 1 yes, 0 no, -1 where they fit (default) */
    int32_t cell; /* pixels a cell, 4..200; 0 = chosen by the number of tokens */
    int32_t max_width; /* pixels, 200..20000; 0 = 1400 */
    int32_t max_label; /* characters before a token is cut with an ellipsis; 0 = 16 */
    int32_t each_head; /* links: one colour a head instead of their mean */
    float threshold;   /* links, shaded text: weaker ones are left out; default 0 */
    float vmin, vmax;  /* range of the colours; equal (the default) = from 0 to the
                        * largest weight; with negative ones as far below 0 as
                        * above (ATT_COLOURS_DUSK: from the smallest) */
    float scale;       /* PNG only: device pixels a pixel, 0.25..8; 0 = 2 */
    const char *title; /* NULL = by kind; "" = none */
} att_view_opts;
ATT_API void att_view_opts_init(att_view_opts *opts);

/* A picture: a list of rectangles, lines and words. Vector until it is saved as PNG. */
typedef struct att_picture att_picture;
ATT_API void att_picture_destroy(att_picture *picture);       /* NULL is fine */
ATT_API double att_picture_width(const att_picture *picture); /* pixels */
ATT_API double att_picture_height(const att_picture *picture);

typedef enum att_picture_format {
    ATT_PICTURE_SVG = 0,
    ATT_PICTURE_PNG = 1,
    ATT_PICTURE_PDF = 2
} att_picture_format;

/* By the name's ending, any case: .svg .png .pdf; else ATT_ENOTSUP and the list. The
 * file appears whole or not at all. */
ATT_API ATT_MUST_CHECK att_status att_picture_save(const att_picture *picture,
                                                   const char *path);
/* The same in memory; *bytes is the caller's (att_free). */
ATT_API ATT_MUST_CHECK att_status att_picture_render(char **bytes, size_t *n_bytes,
                                                     const att_picture *picture,
                                                     att_picture_format format);
/* Whether PNG and PDF can be made, and which characters of the picture no installed
 * font has: *missing receives a line of them with the package that would help, "" if
 * none; the caller's (att_free). ATT_ENOTSUP without cairo. */
ATT_API ATT_MUST_CHECK att_status
att_picture_missing_glyphs(char **missing, const att_picture *picture);

/* --- pictures of a map; opts NULL = defaults ------------------------------------------ */

/* Alignment matrix: rows look at columns. Up to 4096 tokens a side; above 512 cells
 * stand for several tokens (their largest weight) and the subtitle says so. */
ATT_API ATT_MUST_CHECK att_status att_picture_matrix(att_picture **out,
                                                     const att_attention_map *map,
                                                     const att_view_opts *opts);

/* All layers x heads as small matrices on one scale; opts->layer and head are ignored.
 * L x H up to 4096. */
ATT_API ATT_MUST_CHECK att_status att_picture_overview(att_picture **out,
                                                       const att_attention_map *map,
                                                       const att_view_opts *opts);

/* BertViz's head view: tokens left and right, a line for each weight, stronger =
 * darker and wider; for cross-attention the source is on the left. Up to 512 tokens a
 * side and 20000 lines (the weakest are left out, the subtitle says so). */
ATT_API ATT_MUST_CHECK att_status att_picture_links(att_picture **out,
                                                    const att_attention_map *map,
                                                    const att_view_opts *opts);

/* Both directions side by side: whom each token asks, and who asks it (the transpose).
 * other NULL = the transpose of map, else a map of its own (its layer and head are the
 * same). Up to 256 tokens a side. */
ATT_API ATT_MUST_CHECK att_status att_picture_both(att_picture **out,
                                                   const att_attention_map *map,
                                                   const att_attention_map *other,
                                                   const att_view_opts *opts);

/* The text itself, each token shaded by weights[n]; negative weights are shaded in a
 * second hue and framed. "▁", "Ġ" and "##" at a token's edge decide the spaces. Up to
 * 20000 tokens. */
ATT_API ATT_MUST_CHECK att_status att_picture_shaded(att_picture **out,
                                                     const char *const *tokens,
                                                     const float *weights, int64_t n,
                                                     const att_view_opts *opts);

/* A plain array as a heat map, values [rows,cols]; of a positional encoding: rows are
 * positions, cols dimensions. first_row, first_col: the numbers of the first ones. Up
 * to 16384 a side; above 1024 every cell is the mean of several. Colours default to
 * ATT_COLOURS_DUSK when opts is NULL. */
typedef struct att_heat {
    uint32_t size; /* sizeof(att_heat), set by att_heat_init() */
    const float *values;
    int64_t rows, cols;
    int64_t first_row, first_col;
    const char *row_name, *col_name; /* NULL = "position", "dimension" */
} att_heat;
ATT_API void att_heat_init(att_heat *heat);
ATT_API ATT_MUST_CHECK att_status att_picture_heat(att_picture **out,
                                                   const att_heat *heat,
                                                   const att_view_opts *opts);

/* --- curves --------------------------------------------------------------------------- */

typedef struct att_curve {
    const char *name;
    const double *x, *y; /* [n]; a NaN y is a gap */
    int64_t n;
} att_curve;

typedef struct att_curve_panel {
    const char *y_name; /* "loss" */
    int32_t log_y;      /* nonzero: logarithmic; values <= 0 are gaps */
    const att_curve *curves;
    int64_t n_curves; /* a curve of the same name has the same colour in every panel */
    const char *x_name; /* of an x axis of its own; NULL: the one that panels share, */
    int32_t log_x; /* which is linear; nonzero: logarithmic, values <= 0 are gaps */
} att_curve_panel;

/* Panels below each other over one x axis, x_name e.g. "step", but for those that name an
 * x axis of their own. 1..16 panels, 1..64 curves a panel, up to 1e6 points a curve (thinned to what can be seen: the lowest and
 * highest of every pixel column stay). */
ATT_API ATT_MUST_CHECK att_status att_picture_curves(att_picture **out,
                                                     const att_curve_panel *panels,
                                                     int64_t n_panels,
                                                     const char *x_name,
                                                     const att_view_opts *opts);

/* --- diagrams ------------------------------------------------------------------------- */

typedef struct att_box {
    const char *label;
    const char *note;   /* second line, small: sizes ("[T, 512]"); NULL = none */
    double column, row; /* place on a grid; row 0 is at the bottom (input) */
    int32_t colour;     /* 0 plain, 1..6 tints */
} att_box;

typedef struct att_box_arrow {
    int64_t from, to; /* indices of boxes */
    int32_t side;     /* 0 straight or by the nearest corner; -1 or 1: around the left
                       * or right side (residual connections) */
    const char *note; /* NULL = none */
} att_box_arrow;

typedef struct att_box_group {
    const int64_t *members; /* indices of boxes that the frame goes around */
    int64_t n_members;
    const char *label; /* "x 6" */
} att_box_group;

typedef struct att_diagram {
    uint32_t size; /* sizeof(att_diagram), set by att_diagram_init() */
    const att_box *boxes;
    int64_t n_boxes; /* 1..2000 */
    const att_box_arrow *arrows;
    int64_t n_arrows;
    const att_box_group *groups;
    int64_t n_groups;
} att_diagram;
ATT_API void att_diagram_init(att_diagram *diagram);
ATT_API ATT_MUST_CHECK att_status att_picture_diagram(att_picture **out,
                                                      const att_diagram *diagram,
                                                      const att_view_opts *opts);

/* --- sheets --------------------------------------------------------------------------- */

/* A matrix with its numbers in the cells, as a course draws a computation. */
typedef struct att_sheet_item {
    const char *title;    /* "Q = X Wq"; the size is added. NULL = none */
    const double *values; /* [rows,cols]; -Inf: a masked cell, NaN: an empty one */
    int64_t rows, cols;   /* 1..256 */
    const char *const *row_names; /* [rows], [cols]; NULL = none */
    const char *const *col_names;
    int32_t digits;   /* after the point, 0..12; whole numbers are written as such */
    int32_t new_line; /* nonzero: begins a new line of the sheet */
} att_sheet_item;
/* Items side by side, then below each other; n 1..400. opts NULL = defaults. */
ATT_API ATT_MUST_CHECK att_status att_picture_sheet(att_picture **out,
                                                    const att_sheet_item *items,
                                                    int64_t n,
                                                    const att_view_opts *opts);

/* --- pages and data ------------------------------------------------------------------- */

/* One HTML file without any network use: pick map, layer and head, hover or move by
 * keyboard, threshold, zoom, three views, dark and light, a table for screen readers.
 * maps [n_maps] (1..8) are shown as a choice. Weights are stored as 16-bit floats, or
 * in 8 bits (square-root steps of each head's largest weight) above 4 million; up to
 * 2048 tokens a side and 256 million weights. From opts: title, dark, layer, head. */
ATT_API ATT_MUST_CHECK att_status att_view_html(const char *path,
                                                const att_attention_map *maps,
                                                int64_t n_maps,
                                                const att_view_opts *opts);
/* {"attention":[{"name","attn":[layer][head][query][key],"left_text","right_text"}],
 * ...}, what BertViz's notebook functions hand to their page; shortest float form. */
ATT_API ATT_MUST_CHECK att_status att_view_bertviz(const char *path,
                                                   const att_attention_map *maps,
                                                   int64_t n_maps,
                                                   const att_view_opts *opts);
/* attn_cross, attn_encoder, attn_decoder, attn_other (f32 [L,H,T,S]; a second of a kind
 * is attn_cross_2), tokens_<kind>_rows and _cols (unicode). A map of kind other with a
 * name and a col_axis of its own was computed from weights, and is called by its name:
 * "Integrated gradients" integrated_gradients. numpy.load reads it without
 * pickle. Streams: only one head is in memory. Files up to 4 GiB. */
ATT_API ATT_MUST_CHECK att_status att_view_npz(const char *path,
                                               const att_attention_map *maps,
                                               int64_t n_maps);
/* The three in memory; *bytes is the caller's (att_free). */
ATT_API ATT_MUST_CHECK att_status att_view_html_bytes(char **bytes, size_t *n_bytes,
                                                      const att_attention_map *maps,
                                                      int64_t n_maps,
                                                      const att_view_opts *opts);
ATT_API ATT_MUST_CHECK att_status att_view_bertviz_bytes(char **bytes, size_t *n_bytes,
                                                         const att_attention_map *maps,
                                                         int64_t n_maps,
                                                         const att_view_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
