/* draw_curves.c - loss, BLEU, rate over steps: panels over one x axis or each over its own,
 * round ticks, a legend whose colours hold in every panel, and as many points as pixels can show. */
#include "view/axis.h"
#include "view/picture.h"
#include <math.h>
#include <string.h>

enum { PANEL_LIMIT = 16, CURVE_LIMIT = 64, POINT_LIMIT = 1000000, NAME_LIMIT = 256 };

double atti_axis_step(double x)
{
    if (!(x > 0) || !isfinite(x)) return 1;
    double power = pow(10, floor(log10(x)));
    double f = x / power;
    return (f <= 1.0000001 ? 1 : f <= 2.0000001 ? 2 : f <= 5.0000001 ? 5 : 10) * power;
}

typedef struct plot {
    double x, y, w, h;             /* the panel's box */
    double x_lo, x_hi, y_lo, y_hi; /* logarithms where the axis is one of them */
    bool log_x, log_y;
    const char *x_name; /* written below; NULL: as the panel below has it */
} plot;

typedef struct names {
    const char *of[NAME_LIMIT];
    int64_t n;
} names;

static int64_t name_index(names *k, const char *name)
{
    for (int64_t i = 0; i < k->n; i++)
        if (strcmp(k->of[i], name) == 0) return i;
    if (k->n < NAME_LIMIT) k->of[k->n] = name;
    return k->n < NAME_LIMIT ? k->n++ : NAME_LIMIT - 1;
}

static bool has_log_x(const att_curve_panel *panel)
{
    return panel->x_name && panel->log_x;
}

static bool usable(const att_curve_panel *panel, const att_curve *c, int64_t i)
{
    return isfinite(c->x[i]) && isfinite(c->y[i]) && (!panel->log_y || c->y[i] > 0) &&
           (!has_log_x(panel) || c->x[i] > 0);
}

static double of_y(const plot *q, double y)
{
    double v = q->log_y ? log10(y) : y;
    return q->y + q->h - (v - q->y_lo) / (q->y_hi - q->y_lo) * q->h;
}

static double of_x(const plot *q, double x)
{
    double v = q->log_x ? log10(x) : x;
    return q->x + (v - q->x_lo) / (q->x_hi - q->x_lo) * q->w;
}

static att_status check(const att_curve_panel *panels, int64_t n)
{
    if (!panels) return atti_fail(ATT_EINVAL, "curves: the panels are NULL");
    if (n < 1 || n > PANEL_LIMIT)
        return atti_fail(ATT_EINVAL, "curves: %lld panels are not in 1..%d",
                         (long long)n, PANEL_LIMIT);
    for (int64_t i = 0; i < n; i++) {
        const att_curve_panel *q = &panels[i];
        if (!q->curves || q->n_curves < 1 || q->n_curves > CURVE_LIMIT)
            return atti_fail(ATT_EINVAL,
                             "curves: panel %lld has %lld curves, not 1..%d",
                             (long long)i + 1, (long long)q->n_curves, CURVE_LIMIT);
        for (int64_t c = 0; c < q->n_curves; c++) {
            const att_curve *k = &q->curves[c];
            if (!k->name || k->n < 0 || k->n > POINT_LIMIT ||
                (k->n && (!k->x || !k->y)))
                return atti_fail(
                    ATT_EINVAL,
                    "curves: panel %lld, curve %lld: no name, no points, or "
                    "more than %d of them",
                    (long long)i + 1, (long long)c + 1, POINT_LIMIT);
        }
    }
    return ATT_OK;
}

static void ranges(plot *q, const att_curve_panel *panel)
{
    double lo = INFINITY, hi = -INFINITY;

    for (int64_t c = 0; c < panel->n_curves; c++) {
        const att_curve *k = &panel->curves[c];
        for (int64_t i = 0; i < k->n; i++) {
            if (!usable(panel, k, i)) continue;
            double v = panel->log_y ? log10(k->y[i]) : k->y[i];
            if (v < lo) lo = v;
            if (v > hi) hi = v;
        }
    }
    if (!(lo <= hi)) lo = 0, hi = 1;
    if (hi - lo < 1e-12 * (fabs(hi) + 1e-30)) {
        double room = lo == 0 ? 1 : fabs(lo) * 0.1;
        lo -= room;
        hi += room;
    }
    double step = atti_axis_step((hi - lo) / 5);
    q->y_lo = panel->log_y ? lo - 0.04 * (hi - lo) : floor(lo / step + 1e-9) * step;
    q->y_hi = panel->log_y ? hi + 0.04 * (hi - lo) : ceil(hi / step - 1e-9) * step;
}

/* Of a panel with an x axis of its own, or of all that share one. */
static void x_range(plot *q, const att_curve_panel *panel,
                    const att_curve_panel *panels, int64_t n)
{
    double lo = INFINITY, hi = -INFINITY;
    q->log_x = has_log_x(panel);
    for (int64_t i = 0; i < n; i++) {
        if (&panels[i] != panel && (panel->x_name || panels[i].x_name)) continue;
        for (int64_t c = 0; c < panels[i].n_curves; c++) {
            const att_curve *k = &panels[i].curves[c];
            for (int64_t j = 0; j < k->n; j++) {
                if (!usable(&panels[i], k, j)) continue;
                if (k->x[j] < lo) lo = k->x[j];
                if (k->x[j] > hi) hi = k->x[j];
            }
        }
    }
    if (!(lo <= hi)) lo = q->log_x, hi = lo + 1;
    q->x_lo = q->log_x ? log10(lo) : lo;
    q->x_hi = q->log_x ? log10(hi) : hi;
    if (lo == hi) q->x_lo -= 1, q->x_hi += 1;
}

static void y_tick(att_picture *p, const atti_theme *t, const plot *q, double v,
                   double step)
{
    char text[40];
    double y = of_y(q, v);

    if (y < q->y - 0.5 || y > q->y + q->h + 0.5) return;
    atti_text_tick(text, v, step);
    atti_draw_line(p, q->x, y, q->x + q->w, y, t->rule)->line_width = 0.75;
    atti_draw_text(p, q->x - 8, y + 4, 11, 1, t->ink, text);
}

static void x_tick(att_picture *p, const atti_theme *t, const plot *q, double v,
                   double step)
{
    char text[40];
    double x = of_x(q, v);

    if (x < q->x - 0.5 || x > q->x + q->w + 0.5) return;
    atti_draw_line(p, x, q->y + q->h, x, q->y + q->h + 4, t->muted);
    if (!q->x_name) return;
    atti_text_tick(text, v, step);
    atti_draw_text(p, x, q->y + q->h + 18, 11, 0, t->ink, text);
}

typedef void tick_fn(att_picture *p, const atti_theme *t, const plot *q, double v,
                     double step);

/* Powers of ten from lo to hi, their logarithms, or every so many of them; in a short
 * range what lies between. */
static void log_ticks(att_picture *p, const atti_theme *t, const plot *q, double lo,
                      double hi, tick_fn *tick)
{
    double range = hi - lo;
    int every = (int)ceil(range / 6);

    for (int e = (int)floor(lo); e <= (int)ceil(hi); e++) {
        double base = pow(10, e);
        if (every <= 1 || e % every == 0) tick(p, t, q, base, base);
        if (range < 1.6) tick(p, t, q, 2 * base, base), tick(p, t, q, 5 * base, base);
        if (range < 0.35)
            for (int k = 3; k < 10; k += k == 4 ? 2 : 1) tick(p, t, q, k * base, base);
    }
}

static void linear_ticks(att_picture *p, const atti_theme *t, const plot *q, double lo,
                         double hi, double step, tick_fn *tick)
{
    for (double v = ceil(lo / step - 1e-9); v * step <= hi + step / 1e6; v++)
        tick(p, t, q, v * step, step);
}

static void axes(att_picture *p, const atti_theme *t, const plot *q, const char *name)
{
    double step = atti_axis_step((q->y_hi - q->y_lo) / 6);

    if (q->log_y)
        log_ticks(p, t, q, q->y_lo, q->y_hi, y_tick);
    else
        linear_ticks(p, t, q, q->y_lo, q->y_hi, step, y_tick);
    step = atti_axis_step((q->x_hi - q->x_lo) * 90 / q->w);
    if (q->log_x)
        log_ticks(p, t, q, q->x_lo, q->x_hi, x_tick);
    else
        linear_ticks(p, t, q, q->x_lo, q->x_hi, step, x_tick);
    if (q->x_name)
        atti_draw_text(p, q->x + q->w / 2, q->y + q->h + 36, 12, 0, t->muted,
                       q->x_name);
    atti_draw_rect(p, q->x, q->y, q->w, q->h, ATTI_COLOUR_NONE)->stroke = t->muted;
    atti_draw_text(p, 22, q->y + q->h / 2, 12, 0, t->muted, name ? name : "")->angle =
        -90;
}

/* One unbroken piece. Within a pixel column only first, lowest, highest and last are
 * kept: what a line through all of them would cover. */
static void stretch(att_picture *p, const plot *q, const att_curve *k, int64_t from,
                    int64_t to, double *buf, int32_t hue, int dash)
{
    size_t n = 0;
    int64_t i = from;

    while (i < to) {
        double column = floor(of_x(q, k->x[i]));
        int64_t low = i, high = i, last = i, first = i;
        while (i < to && floor(of_x(q, k->x[i])) == column) {
            if (k->y[i] < k->y[low]) low = i;
            if (k->y[i] > k->y[high]) high = i;
            last = i++;
        }
        int64_t order[4] = {first, low < high ? low : high, low < high ? high : low,
                            last};
        for (int j = 0; j < 4; j++) {
            if (j > 0 && order[j] == order[j - 1]) continue;
            buf[2 * n] = of_x(q, k->x[order[j]]);
            buf[2 * n + 1] = of_y(q, k->y[order[j]]);
            n++;
        }
    }
    if (n == 1) {
        atti_draw_rect(p, buf[0] - 2, buf[1] - 2, 4, 4, hue)->radius = 2;
        return;
    }
    atti_shape *s = atti_draw_path(p, buf, n, hue);
    s->line_width = 1.8;
    s->dash = dash;
}

/* Curves are told apart without their colours too. */
static int dash_of(int64_t index)
{
    static const int dash[] = {0, 3, 6, 10, 1, 15};
    return dash[index % (int64_t)(sizeof dash / sizeof *dash)];
}

static att_status curve(att_picture *p, const atti_theme *t, const plot *q,
                        const att_curve_panel *panel, const att_curve *k, int64_t index)
{
    double *buf;
    int64_t i = 0;

    ATTI_TRY(atti_alloc_raw(&buf, (size_t)k->n * 2 + 8, sizeof *buf, "a curve"));
    while (i < k->n) {
        while (i < k->n && !usable(panel, k, i)) i++;
        int64_t from = i;
        while (i < k->n && usable(panel, k, i)) i++;
        if (i > from)
            stretch(p, q, k, from, i, buf, atti_colour_series(index, t->dark),
                    dash_of(index));
    }
    atti_free(buf);
    return p->status;
}

static double legend(att_picture *p, const atti_theme *t, const names *k, double y,
                     double width)
{
    double x = 84;

    for (int64_t i = 0; i < k->n; i++) {
        double w = atti_text_width(k->of[i], 12) + 52;
        if (x + w > width - 10 && x > 84) x = 84, y += 20;
        atti_shape *s =
            atti_draw_line(p, x, y + 8, x + 24, y + 8, atti_colour_series(i, t->dark));
        s->line_width = 2.4;
        s->dash = dash_of(i);
        atti_draw_label(p, x + 30, y + 12, 12, -1, t->ink, k->of[i], 48);
        x += w;
    }
    return y + 28;
}

att_status att_picture_curves(att_picture **out, const att_curve_panel *panels,
                              int64_t n_panels, const char *x_name,
                              const att_view_opts *opts)
{
    att_view_opts o;
    atti_theme t;
    att_picture *p = NULL;
    names k = {.n = 0};

    if (!out) return atti_fail(ATT_EINVAL, "att_picture_curves: out is NULL");
    *out = NULL;
    ATTI_TRY(atti_opts_check(&o, opts));
    if (!opts || !opts->max_width) o.max_width = 860;
    ATTI_TRY(check(panels, n_panels));
    atti_theme_get(&t, &o);
    ATTI_TRY(atti_picture_create(&p, &o));
    plot q = {
        .x = 84, .w = (double)o.max_width - 84 - 30, .h = n_panels == 1 ? 360 : 200};
    int64_t sharing = n_panels - 1; /* the last that does */
    while (sharing >= 0 && panels[sharing].x_name) sharing--;
    for (int64_t i = 0; i < n_panels; i++)
        for (int64_t c = 0; c < panels[i].n_curves; c++)
            (void)name_index(&k, panels[i].curves[c].name);
    double y = atti_draw_heading(p, &t, o.title ? o.title : "Training", "");
    y = legend(p, &t, &k, y, o.max_width);
    att_status st = ATT_OK;
    for (int64_t i = 0; i < n_panels && st == ATT_OK; i++) {
        q.y = y;
        q.log_y = panels[i].log_y != 0;
        q.x_name = panels[i].x_name;
        if (i == sharing) q.x_name = x_name ? x_name : "step";
        x_range(&q, &panels[i], panels, n_panels);
        ranges(&q, &panels[i]);
        axes(p, &t, &q, panels[i].y_name);
        for (int64_t c = 0; c < panels[i].n_curves && st == ATT_OK; c++)
            st = curve(p, &t, &q, &panels[i], &panels[i].curves[c],
                       name_index(&k, panels[i].curves[c].name));
        y += q.h + 22 + (q.x_name ? 34 : 0);
    }
    return atti_picture_finish(out, p, st, o.max_width, y);
}
