/* cmd_plot.c - attend plot: the curves of trainings, from their metrics.jsonl. */
#include "explain_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RUNS_MAX = 16, PANELS_MAX = 8, PLOT_ROWS = 10 };

typedef struct plot_opts {
    cli_common c;
    const char *output, *title;
    int32_t x, dark, log;
    cli_list metrics;
} plot_opts;

#define ROW(member) OPT_ROW(plot_opts, member)

static const opt options[] = {
    PICTURE_ROW_OUTPUT(plot_opts,
                       "a picture: .svg, .png, .pdf or .html (default: the terminal)"),
    {.name = "x",
     .kind = OPT_CHOICE,
     .arg = "WHAT",
     .choices = "update|epoch|tokens|time",
     ROW(x),
     .help = "what runs along the bottom"},
    {.name = "metrics",
     .kind = OPT_LIST,
     .arg = "NAME",
     ROW(metrics),
     .help =
         "keys of metrics.jsonl to draw, a panel each (default: loss, BLEU or accuracy, "
         "learning rate, speed)"},
    {.name = "log", .kind = OPT_FLAG, ROW(log), .help = "logarithmic values"},
    PICTURE_ROW_DARK(plot_opts),
    PICTURE_ROW_TITLE(plot_opts, "its title"),
};

typedef struct run_file {
    char *name, **lines;
    int64_t n;
} run_file;

typedef struct points {
    double *x, *y;
    int64_t n;
} points;

/* The number behind "key": in a line that the trainer wrote; NAN where there is none. */
static double number_at(const char *line, const char *key)
{
    char quoted[80];
    snprintf(quoted, sizeof quoted, "\"%.70s\":", key);
    const char *p = strstr(line, quoted);
    if (!p) return NAN;
    char *end;
    p += strlen(quoted);
    double v = strtod(p, &end);
    return end == p ? NAN : v;
}

static points take(const run_file *r, const char *x_key, const char *key)
{
    points p = {0};
    p.x = cli_alloc((size_t)r->n + 1, sizeof *p.x);
    p.y = cli_alloc((size_t)r->n + 1, sizeof *p.y);
    double last = 0;
    for (int64_t i = 0; i < r->n; i++) {
        double x = number_at(r->lines[i], x_key), y = number_at(r->lines[i], key);
        if (isfinite(x)) last = x;
        if (!isfinite(y)) continue;
        p.x[p.n] = isfinite(x) ? x : last;
        p.y[p.n++] = y;
    }
    return p;
}

static int open_run(run_file *r, const char *path)
{
    struct stat st;
    bool dir = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    char *file = dir ? cli_format("%s/metrics.jsonl", path) : cli_strdup(path);
    r->lines = cli_read_lines(file, &r->n);
    if (!r->lines) return EXIT_FAILED;
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') n--;
    char *copy = cli_format("%.*s", (int)n, path), *slash = strrchr(copy, '/');
    r->name = cli_strdup(slash && slash[1] ? slash + 1 : copy);
    cli_free(copy);
    cli_free(file);
    return 0;
}

/* --- panels ----------------------------------------------------------------------- */

typedef struct series_key {
    const char *key, *name;
} series_key;
typedef struct panel_plan {
    const char *y_name;
    series_key keys[3];
} panel_plan;

static const panel_plan usual[] = {
    {"loss", {{"nll", "training"}, {"valid_nll", "validation"}, {0}}},
    {"BLEU", {{"valid_bleu", "validation"}, {0}}},
    {"accuracy", {{"valid_accuracy", "validation"}, {0}}},
    {"learning rate", {{"lr", "rate"}, {0}}},
    {"target tokens/s", {{"target_tokens_per_s", "speed"}, {0}}},
};

typedef struct plot {
    const plot_opts *o;
    run_file run[RUNS_MAX];
    int n_runs;
    att_curve_panel panel[PANELS_MAX];
    int64_t n_panels;
    const char *x_key;
} plot;

static void add_panel(plot *p, const panel_plan *plan)
{
    att_curve *c = cli_alloc((size_t)p->n_runs * 3, sizeof *c);
    int64_t n = 0;
    for (int r = 0; r < p->n_runs; r++)
        for (int k = 0; k < 3 && plan->keys[k].key; k++) {
            points y = take(&p->run[r], p->x_key, plan->keys[k].key);
            if (y.n == 0) continue;
            const char *name = plan->keys[k].name;
            c[n++] =
                (att_curve){p->n_runs == 1 ? cli_strdup(name)
                                           : cli_format("%s%s%s", p->run[r].name,
                                                        plan->keys[1].key ? ", " : "",
                                                        plan->keys[1].key ? name : ""),
                            y.x, y.y, y.n};
        }
    if (n == 0 || p->n_panels == PANELS_MAX) return;
    p->panel[p->n_panels++] = (att_curve_panel){
        .y_name = plan->y_name, .log_y = p->o->log, .curves = c, .n_curves = n};
}

/* --- the terminal ----------------------------------------------------------------- */

static void range_of(const att_curve_panel *p, double lim[4])
{
    lim[0] = lim[2] = INFINITY;
    lim[1] = lim[3] = -INFINITY;
    for (int64_t i = 0; i < p->n_curves; i++)
        for (int64_t k = 0; k < p->curves[i].n; k++) {
            lim[0] = fmin(lim[0], p->curves[i].x[k]);
            lim[1] = fmax(lim[1], p->curves[i].x[k]);
            lim[2] = fmin(lim[2], p->curves[i].y[k]);
            lim[3] = fmax(lim[3], p->curves[i].y[k]);
        }
}

static int cell_of(double v, double lo, double hi, int n)
{
    return hi > lo ? (int)((v - lo) / (hi - lo) * (n - 1) + 0.5) : 0;
}

static void print_panel(const att_curve_panel *p, const char *x_name)
{
    static const char *const marks[] = {"•", "+", "x", "o", "*", "#"};
    static const char *const plain[] = {".", "+", "x", "o", "*", "#"};
    static const char *const colours[] = {"36", "33", "35", "32", "34", "31"};
    int width = term_width() - 14;
    double lim[4];
    if (width < 20) width = 20;
    if (width > 100) width = 100;
    unsigned char *grid = cli_alloc((size_t)(width * PLOT_ROWS), 1);
    range_of(p, lim);
    for (int64_t i = 0; i < p->n_curves; i++)
        for (int64_t k = 0; k < p->curves[i].n; k++) {
            int x = cell_of(p->curves[i].x[k], lim[0], lim[1], width);
            int y = cell_of(p->curves[i].y[k], lim[2], lim[3], PLOT_ROWS);
            grid[(PLOT_ROWS - 1 - y) * width + x] = (unsigned char)(i % 6 + 1);
        }
    explain_heading(p->y_name);
    for (int r = 0; r < PLOT_ROWS; r++) {
        if (r == 0 || r == PLOT_ROWS - 1)
            printf("%10.4g ", r ? lim[2] : lim[3]);
        else
            printf("%10s ", "");
        fputs(term_utf8() ? "│" : "|", stdout);
        int last = width;
        while (last > 0 && !grid[r * width + last - 1]) last--;
        for (int x = 0; x < last; x++) {
            int c = grid[r * width + x];
            if (!c) {
                putchar(' ');
                continue;
            }
            printf("%s%s%s", term_style(stdout, colours[c - 1]),
                   term_utf8() ? marks[c - 1] : plain[c - 1], term_style(stdout, "0"));
        }
        putchar('\n');
    }
    printf("%10s %-10.6g%*s%.6g %s\n", "", lim[0], width - 18 > 0 ? width - 18 : 1, "",
           lim[1], x_name);
    for (int64_t i = 0; i < p->n_curves; i++)
        printf("%10s %s%s%s %s: last %.4g\n", "", term_style(stdout, colours[i % 6]),
               term_utf8() ? marks[i % 6] : plain[i % 6], term_style(stdout, "0"),
               p->curves[i].name, p->curves[i].y[p->curves[i].n - 1]);
    cli_free(grid);
}

/* --- the command ------------------------------------------------------------------ */

static int make(plot *p)
{
    static const char *const x_name[] = {"update", "epoch", "target tokens", "seconds"};
    const plot_opts *o = p->o;
    att_view_opts v;
    att_picture *picture = NULL;
    for (int i = 0; i < o->metrics.n; i++) {
        const panel_plan one = {o->metrics.item[i],
                                {{o->metrics.item[i], o->metrics.item[i]}, {0}}};
        int64_t before = p->n_panels;
        add_panel(p, &one);
        if (p->n_panels == before)
            return cli_fail("no '%s' in %s", o->metrics.item[i], p->run[0].name);
    }
    for (size_t i = 0; !o->metrics.n && i < sizeof usual / sizeof *usual; i++)
        add_panel(p, &usual[i]);
    if (p->n_panels == 0)
        return cli_fail("%s: nothing to draw: no metrics were written yet",
                        p->run[0].name);
    if (!o->output) {
        for (int64_t i = 0; i < p->n_panels; i++)
            print_panel(&p->panel[i], x_name[o->x]);
        return EXIT_FINE;
    }
    att_view_opts_init(&v);
    v.dark = o->dark;
    v.title = o->title ? o->title : p->n_runs == 1 ? p->run[0].name : "Trainings";
    att_status st =
        att_picture_curves(&picture, p->panel, p->n_panels, x_name[o->x], &v);
    int rc = st == ATT_OK ? explain_save(picture, o->output, "curves") : cli_status(st);
    att_picture_destroy(picture);
    return rc;
}

static int run(void *opts, const cli_list *words)
{
    static const char *const x_key[] = {"update", "epoch", "target_tokens",
                                        "elapsed_s"};
    plot p = {.o = opts};
    p.x_key = x_key[p.o->x];
    int rc = explain_check_output("plot", p.o->output, ".svg .png .pdf .html");
    if (rc) return rc;
    if (words->n < 1) return cli_usage("plot", "plot: which trainings? DIR ...");
    if (words->n > RUNS_MAX)
        return cli_usage("plot", "plot: %d trainings, at most %d", words->n, RUNS_MAX);
    if (p.o->metrics.n > PANELS_MAX)
        return cli_usage("plot", "plot: %d metrics, at most %d", p.o->metrics.n,
                         PANELS_MAX);
    for (int i = 0; rc == 0 && i < words->n; i++)
        rc = open_run(&p.run[p.n_runs++], words->item[i]);
    return rc ? rc : make(&p);
}

static const char *const examples[] = {
    "A training in the terminal",
    "attend plot en-de",
    "Two of them in one picture",
    "attend plot en-de en-de-deep -o curves.svg",
    NULL,
};

const command cmd_plot = {
    .name = "plot",
    .summary = "draw the curves of trainings",
    .usage = "DIR... [-o FILE]",
    .about =
        "Draws loss, BLEU, learning rate and speed of one or several trainings from "
        "the metrics.jsonl that attend train writes.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(plot_opts),
    .max_words = -1,
    .run = run,
};
