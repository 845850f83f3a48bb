/* draw_diagram.c - boxes on a grid, arrows between them, frames around groups: what a
 * diagram of a model needs. Row 0 is at the bottom, data flows upwards. */
#include "view/picture.h"
#include <math.h>
#include <string.h>

void att_diagram_init(att_diagram *d)
{
    memset(d, 0, sizeof *d);
    d->size = (uint32_t)sizeof *d;
}

typedef struct place {
    double x, y, w, h; /* x, y: the middle */
} place;

typedef struct lay {
    place *at;
    double left, right, top, bottom; /* extents of the boxes */
} lay;

enum { BOX_LIMIT = 2000, ARROW_LIMIT = 10000, GROUP_LIMIT = 500 };
static const double box_h = 34, box_h2 = 48, row_gap = 30, column_gap = 56;

static att_status check(const att_diagram *d)
{
    if (!d || d->size != sizeof *d)
        return atti_fail(ATT_EINVAL, "diagram: start from att_diagram_init()");
    if (!d->boxes || d->n_boxes < 1 || d->n_boxes > BOX_LIMIT)
        return atti_fail(ATT_EINVAL, "diagram: %lld boxes are not in 1..%d",
                         (long long)d->n_boxes, BOX_LIMIT);
    if (d->n_arrows < 0 || d->n_arrows > ARROW_LIMIT || (d->n_arrows && !d->arrows))
        return atti_fail(ATT_EINVAL, "diagram: %lld arrows are not in 0..%d",
                         (long long)d->n_arrows, ARROW_LIMIT);
    if (d->n_groups < 0 || d->n_groups > GROUP_LIMIT || (d->n_groups && !d->groups))
        return atti_fail(ATT_EINVAL, "diagram: %lld groups are not in 0..%d",
                         (long long)d->n_groups, GROUP_LIMIT);
    for (int64_t i = 0; i < d->n_boxes; i++) {
        const att_box *b = &d->boxes[i];
        if (!b->label || !(fabs(b->column) <= 1000) || !(fabs(b->row) <= 1000))
            return atti_fail(ATT_EINVAL,
                             "diagram: box %lld has no label or a place beyond 1000",
                             (long long)i);
    }
    for (int64_t i = 0; i < d->n_arrows; i++) {
        int64_t a = d->arrows[i].from, b = d->arrows[i].to;
        if (a < 0 || a >= d->n_boxes || b < 0 || b >= d->n_boxes)
            return atti_fail(
                ATT_EINVAL,
                "diagram: arrow %lld goes from box %lld to %lld; boxes are "
                "0..%lld",
                (long long)i, (long long)a, (long long)b, (long long)d->n_boxes - 1);
    }
    for (int64_t g = 0; g < d->n_groups; g++) {
        for (int64_t i = 0; i < d->groups[g].n_members; i++) {
            int64_t m = d->groups[g].members[i];
            if (m < 0 || m >= d->n_boxes)
                return atti_fail(ATT_EINVAL,
                                 "diagram: group %lld names box %lld of %lld",
                                 (long long)g, (long long)m, (long long)d->n_boxes);
        }
        if (d->groups[g].n_members < 1)
            return atti_fail(ATT_EINVAL, "diagram: group %lld is empty", (long long)g);
    }
    return ATT_OK;
}

static void layout(lay *l, const att_diagram *d)
{
    double widest = 90, c_lo = INFINITY, r_hi = -INFINITY;
    bool notes = false;

    for (int64_t i = 0; i < d->n_boxes; i++) {
        const att_box *b = &d->boxes[i];
        place *q = &l->at[i];
        double w = atti_text_width(b->label, 13), w2 = 0;
        if (b->note) w2 = atti_text_width(b->note, 11), notes = true;
        q->w = (w > w2 ? w : w2) + 24;
        q->h = b->note ? box_h2 : box_h;
        if (q->w > widest) widest = q->w;
        if (b->column < c_lo) c_lo = b->column;
        if (b->row > r_hi) r_hi = b->row;
    }
    l->left = l->top = INFINITY;
    l->right = l->bottom = -INFINITY;
    for (int64_t i = 0; i < d->n_boxes; i++) {
        const att_box *b = &d->boxes[i];
        place *q = &l->at[i];
        /* Boxes of one diagram look calm when they are equally wide, within reason. */
        if (q->w < widest && widest <= 240) q->w = widest;
        q->x = (b->column - c_lo) * (widest + column_gap);
        q->y = (r_hi - b->row) * ((notes ? box_h2 : box_h) + row_gap);
        if (q->x - q->w / 2 < l->left) l->left = q->x - q->w / 2;
        if (q->x + q->w / 2 > l->right) l->right = q->x + q->w / 2;
        if (q->y - q->h / 2 < l->top) l->top = q->y - q->h / 2;
        if (q->y + q->h / 2 > l->bottom) l->bottom = q->y + q->h / 2;
    }
}

static void move(lay *l, int64_t n, double dx, double dy)
{
    for (int64_t i = 0; i < n; i++) {
        l->at[i].x += dx;
        l->at[i].y += dy;
    }
    l->left += dx;
    l->right += dx;
    l->top += dy;
    l->bottom += dy;
}

static void head(att_picture *p, double x, double y, double dx, double dy,
                 int32_t colour)
{
    double length = sqrt(dx * dx + dy * dy);
    if (length == 0) return;
    dx /= length;
    dy /= length;
    const double q[6] = {x,
                         y,
                         x - 8 * dx + 4 * dy,
                         y - 8 * dy - 4 * dx,
                         x - 8 * dx - 4 * dy,
                         y - 8 * dy + 4 * dx};
    atti_draw_path(p, q, 3, ATTI_COLOUR_NONE)->fill = colour;
}

static void note(att_picture *p, const atti_theme *t, const char *text, double x,
                 double y, int anchor)
{
    if (text) atti_draw_label(p, x, y, 11, anchor, t->muted, text, 40);
}

static void draw_arrow(att_picture *p, const atti_theme *t, const lay *l,
                       const att_box_arrow *a)
{
    const place *f = &l->at[a->from], *g = &l->at[a->to];
    int32_t c = t->muted;

    if (a->side) { /* around: out at the side, along it, in at the side */
        double s = a->side < 0 ? -1 : 1;
        double x1 = f->x + s * f->w / 2, x2 = g->x + s * g->w / 2;
        double x = s > 0 ? fmax(x1, x2) + 18 : fmin(x1, x2) - 18;
        /* Out near one edge and in near the other: where a box ends one way around and
         * begins the next, the two do not look like one. */
        double up = g->y < f->y ? -1 : 1;
        double y1 = f->y + up * f->h / 4, y2 = g->y - up * g->h / 4;
        const double q[8] = {x1, y1, x, y1, x, y2, x2, y2};
        atti_draw_path(p, q, 4, c)->line_width = 1.4;
        head(p, x2, y2, -s, 0, c);
        note(p, t, a->note, x + s * 6, (y1 + y2) / 2 + 4, s > 0 ? -1 : 1);
    } else if (fabs(f->x - g->x) < 1) { /* straight up or down */
        double s = g->y < f->y ? -1 : 1;
        double y1 = f->y + s * f->h / 2, y2 = g->y - s * g->h / 2;
        atti_draw_line(p, f->x, y1, g->x, y2 - s * 5, c)->line_width = 1.4;
        head(p, g->x, y2, 0, s, c);
        note(p, t, a->note, f->x + 8, (y1 + y2) / 2 + 4, -1);
    } else if (fabs(f->y - g->y) < 1) { /* level */
        double s = g->x < f->x ? -1 : 1;
        double x1 = f->x + s * f->w / 2, x2 = g->x - s * g->w / 2;
        atti_draw_line(p, x1, f->y, x2 - s * 5, g->y, c)->line_width = 1.4;
        head(p, x2, g->y, s, 0, c);
        note(p, t, a->note, (x1 + x2) / 2, f->y - 6, 0);
    } else { /* up, across half-way between the rows next to the target, up */
        double s = g->y < f->y ? -1 : 1;
        double y1 = f->y + s * f->h / 2, y2 = g->y - s * g->h / 2;
        double y = y2 - s * (row_gap / 2);
        const double q[8] = {f->x, y1, f->x, y, g->x, y, g->x, y2 - s * 5};
        atti_draw_path(p, q, 4, c)->line_width = 1.4;
        head(p, g->x, y2, 0, s, c);
        note(p, t, a->note, (f->x + g->x) / 2, y - 5, 0);
    }
}

static void draw_group(att_picture *p, const atti_theme *t, const lay *l,
                       const att_box_group *g)
{
    double x1 = INFINITY, y1 = INFINITY, x2 = -INFINITY, y2 = -INFINITY;

    for (int64_t i = 0; i < g->n_members; i++) {
        const place *q = &l->at[g->members[i]];
        x1 = fmin(x1, q->x - q->w / 2);
        x2 = fmax(x2, q->x + q->w / 2);
        y1 = fmin(y1, q->y - q->h / 2);
        y2 = fmax(y2, q->y + q->h / 2);
    }
    atti_shape *s =
        atti_draw_rect(p, x1 - 26, y1 - 12, x2 - x1 + 52, y2 - y1 + 24, t->panel);
    s->stroke = t->rule;
    s->radius = 10;
    if (g->label) {
        double w = atti_text_width(g->label, 13) + 8;
        (void)w;
        atti_draw_label(p, x2 + 32, (y1 + y2) / 2 + 5, 13, -1, t->ink, g->label, 40)
            ->bold = 1;
    }
}

static void draw_box(att_picture *p, const atti_theme *t, const place *q,
                     const att_box *b)
{
    int32_t fill = t->paper;

    if (b->colour > 0)
        fill = atti_colour_mix(t->paper, atti_colour_series(b->colour - 1, t->dark),
                               t->dark ? 0.32 : 0.2);
    atti_shape *s =
        atti_draw_rect(p, q->x - q->w / 2, q->y - q->h / 2, q->w, q->h, fill);
    s->radius = 6;
    s->stroke = t->muted;
    s->line_width = 1.2;
    atti_draw_text(p, q->x, q->y + (b->note ? -3 : 5), 13, 0, t->ink, b->label);
    if (b->note) atti_draw_text(p, q->x, q->y + 14, 11, 0, t->muted, b->note);
}

/* Room at the sides for frames, side arrows and their labels. */
static void margins(double *left, double *right, const att_diagram *d)
{
    *left = 20;
    *right = 20;
    for (int64_t i = 0; i < d->n_arrows; i++) {
        double w =
            30 + (d->arrows[i].note ? atti_text_width(d->arrows[i].note, 11) : 0);
        if (d->arrows[i].side < 0) *left = fmax(*left, w);
        if (d->arrows[i].side > 0) *right = fmax(*right, w);
    }
    for (int64_t i = 0; i < d->n_groups; i++) {
        const char *label = d->groups[i].label;
        *left = fmax(*left, 46);
        *right = fmax(*right, 52 + (label ? atti_text_width(label, 13) * 1.15 : 0));
    }
}

att_status att_picture_diagram(att_picture **out, const att_diagram *d,
                               const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    lay l = {0};
    double left, right;

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_diagram: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(check(d));
    atti_theme_get(&t, &o);
    ATTI_TRY(atti_alloc(&l.at, (size_t)d->n_boxes, sizeof *l.at, "a diagram"));
    att_status st = atti_picture_create(&p, &o);
    if (st == ATT_OK) {
        layout(&l, d);
        margins(&left, &right, d);
        double y = atti_draw_heading(p, &t, o.title ? o.title : "", "");
        move(&l, d->n_boxes, left - l.left, y + 14 - l.top);
        for (int64_t i = 0; i < d->n_groups; i++) draw_group(p, &t, &l, &d->groups[i]);
        for (int64_t i = 0; i < d->n_arrows; i++) draw_arrow(p, &t, &l, &d->arrows[i]);
        for (int64_t i = 0; i < d->n_boxes; i++)
            draw_box(p, &t, &l.at[i], &d->boxes[i]);
    }
    double width = l.right + (st == ATT_OK ? right : 0), height = l.bottom + 30;
    if (o.title) width = fmax(width, atti_text_width(o.title, 16) * 1.15 + 40);
    atti_free(l.at);
    return atti_picture_finish(out, p, st, width, height);
}
