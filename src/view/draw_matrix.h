/* draw_matrix.h - one labelled matrix somewhere on a picture. */
#ifndef ATTI_DRAW_MATRIX_H
#define ATTI_DRAW_MATRIX_H

#include "view/picture.h"

typedef const char *atti_label_fn(const void *user, int64_t i, char buf[24]);

typedef struct atti_matrix {
    const float *w; /* [rows, cols] */
    int64_t rows, cols;
    const att_view_opts *opts; /* checked */
    atti_label_fn *row_of, *col_of;
    const void *user;
    const char *row_axis, *col_axis;
    double max_width;
    double lo, hi; /* set by layout unless lo < hi already */
    /* Set by layout: */
    atti_cells cells;
    double cell, font, left, top, width, height;
    int lean;
    int64_t every;
} atti_matrix;

ATT_MUST_CHECK att_status atti_matrix_layout(atti_matrix *m);
void atti_matrix_draw(att_picture *p, const atti_theme *t, const atti_matrix *m,
                      double x, double y);
void atti_matrix_deinit(atti_matrix *m);

#endif
