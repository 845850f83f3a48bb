/* compare_frame.c - tables, pictures and trainings of attend compare. */
#include "compare.h"
#include "explain_parts.h"
#include "used_dir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- tables ------------------------------------------------------------------------- */

void compare_table_init(compare_table *t, const char *title, const char *key,
                        const char *const *systems, int n_systems)
{
    *t = (compare_table){title, key, systems, n_systems, NULL, 0};
}

void compare_add(compare_table *t, const char *name, double x, int digits,
                 const double *values)
{
    t->line = cli_resize(t->line, (size_t)t->n + 1, sizeof *t->line);
    compare_line *l = &t->line[t->n++];
    *l = (compare_line){.name = cli_strdup(name), .x = x, .digits = digits};
    for (int i = 0; i < t->n_systems; i++) l->value[i] = values[i];
}

void compare_table_free(compare_table *t)
{
    for (int i = 0; i < t->n; i++) cli_free(t->line[i].name);
    cli_free(t->line);
    t->line = NULL;
    t->n = 0;
}

static void value_text(char buf[40], double v, int digits)
{
    if (!isfinite(v))
        snprintf(buf, 40, "-");
    else if (v != 0 && digits > 0 && fabs(v) < pow(10, -digits))
        snprintf(buf, 40, "%.1e", v);
    else if (digits == 0)
        term_count(buf, (int64_t)llround(v));
    else
        snprintf(buf, 40, "%.*f", digits, v);
}

void compare_print(const compare_table *t)
{
    int first = 0, width[COMPARE_SYSTEMS_MAX];
    char buf[40];
    for (int s = 0; s < t->n_systems; s++) {
        width[s] = term_columns(t->systems[s]);
        for (int i = 0; i < t->n; i++) {
            value_text(buf, t->line[i].value[s], t->line[i].digits);
            if ((int)strlen(buf) > width[s]) width[s] = (int)strlen(buf);
        }
    }
    for (int i = 0; i < t->n; i++)
        if (term_columns(t->line[i].name) > first)
            first = term_columns(t->line[i].name);
    printf("\n%s%s%s\n", term_style(stdout, "1"), t->title, term_style(stdout, "0"));
    printf("%*s", first, "");
    for (int s = 0; s < t->n_systems; s++) printf("  %*s", width[s], t->systems[s]);
    putchar('\n');
    for (int i = 0; i < t->n; i++) {
        const compare_line *l = &t->line[i];
        printf("%s%*s", l->name, first - term_columns(l->name), "");
        for (int s = 0; s < t->n_systems; s++) {
            value_text(buf, l->value[s], l->digits);
            printf("  %*s", width[s], buf);
        }
        putchar('\n');
    }
    fflush(stdout);
}

void compare_json(cli_text *out, const compare_table *t)
{
    cli_add_json(out, t->key);
    cli_add(out, ":[");
    for (int i = 0; i < t->n; i++) {
        const compare_line *l = &t->line[i];
        cli_add(out, i ? ",{\"name\":" : "{\"name\":");
        cli_add_json(out, l->name);
        if (isfinite(l->x)) {
            cli_add(out, ",\"x\":");
            cli_add_number(out, l->x);
        }
        cli_add(out, ",\"values\":{");
        for (int s = 0; s < t->n_systems; s++) {
            if (s) cli_add(out, ",");
            cli_add_json(out, t->systems[s]);
            cli_add(out, ":");
            cli_add_number(out, l->value[s]);
        }
        cli_add(out, "}}");
    }
    cli_add(out, "]");
}

/* --- the picture -------------------------------------------------------------------- */

/* One table as curves: x and y of system s are the lines that have both. */
static void curves_of(att_curve_panel *p, const compare_table *t)
{
    att_curve *c = cli_alloc((size_t)t->n_systems, sizeof *c);
    for (int s = 0; s < t->n_systems; s++) {
        double *x = cli_alloc((size_t)t->n + 1, sizeof *x);
        double *y = cli_alloc((size_t)t->n + 1, sizeof *y);
        int64_t n = 0;
        for (int i = 0; i < t->n; i++) {
            if (!isfinite(t->line[i].x) || !isfinite(t->line[i].value[s])) continue;
            x[n] = t->line[i].x;
            y[n++] = t->line[i].value[s];
        }
        c[s] = (att_curve){t->systems[s], x, y, n};
    }
    p->curves = c;
    p->n_curves = t->n_systems;
}

int compare_draw(const compare_opts *o, const compare_panel *panels, int n,
                 const char *title)
{
    att_curve_panel panel[COMPARE_PANELS_MAX];
    att_picture *picture = NULL;
    att_view_opts v;
    int m = 0;
    if (!o->output) return EXIT_FINE;
    for (int i = 0; i < n && m < COMPARE_PANELS_MAX; i++) {
        if (panels[i].table->n == 0) continue;
        panel[m] = (att_curve_panel){.y_name = panels[i].y_name,
                                     .log_y = panels[i].log_y,
                                     .x_name = panels[i].x_name,
                                     .log_x = panels[i].log_x};
        curves_of(&panel[m++], panels[i].table);
    }
    att_view_opts_init(&v);
    v.dark = o->dark;
    v.title = title;
    att_status st = att_picture_curves(&picture, panel, m, NULL, &v);
    int rc = st == ATT_OK ? explain_save(picture, o->output, title) : cli_status(st);
    att_picture_destroy(picture);
    for (int i = 0; i < m; i++) {
        for (int64_t s = 0; s < panel[i].n_curves; s++) {
            cli_free((void *)(uintptr_t)panel[i].curves[s].x);
            cli_free((void *)(uintptr_t)panel[i].curves[s].y);
        }
        cli_free((void *)(uintptr_t)panel[i].curves);
    }
    return rc;
}

/* --- running ------------------------------------------------------------------------ */

char *compare_dir(const compare_opts *o)
{
    const char *tmp = getenv("TMPDIR");
    char *dir;
    if (o->model) {
        if (!used_below_free(o->model, o->overwrite != 0, "--overwrite begins anew") ||
            !cli_mkdirs(o->model))
            return NULL;
        return cli_strdup(o->model);
    }
    dir = cli_format("%s/attend-compare-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (mkdtemp(dir)) return dir;
    cli_fail("%s: cannot be made", dir);
    cli_free(dir);
    return NULL;
}

typedef struct watch {
    progress bar;
    const char *label;
    double said;
    double *norm;
    size_t n, cap;
    int64_t updates;
} watch;

static void report(void *user, const att_train_report *r)
{
    watch *w = user;
    char text[128], speed[40];
    if (r->kind == 4 && r->text) cli_say("%s", r->text);
    if (r->kind != 1) return;
    w->updates = r->update;
    if (isfinite(r->grad_norm)) {
        if (w->n == w->cap) {
            w->cap = w->cap ? w->cap * 2 : 1024;
            w->norm = cli_resize(w->norm, w->cap, sizeof *w->norm);
        }
        w->norm[w->n++] = r->grad_norm;
    }
    term_count(speed, (int64_t)r->target_tokens_per_s);
    snprintf(text, sizeof text, "update %lld  loss %.3f  %s/s", (long long)r->update,
             r->nll, speed);
    progress_update(&w->bar, r->fraction_done, r->remaining_s, text);
    /* Where no bar can stand, a line now and then. */
    if (progress_visible() || cli_now() - w->said < 10) return;
    cli_say("%s %3.0f %%  %s", w->label, 100 * r->fraction_done, text);
    w->said = cli_now();
}

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int compare_train(compare_training *out, att_train_opts *o, const char *label,
                  att_status (*with)(const att_train_opts *, att_train_estimate *))
{
    watch w = {.label = label, .said = cli_now()};
    double began = cli_now();
    o->report = report;
    o->stop = cli_stop;
    o->user = &w;
    progress_start(&w.bar, label);
    att_status st = with(o, NULL);
    progress_end(&w.bar);
    *out = (compare_training){.seconds = cli_now() - began,
                              .norm_median = NAN,
                              .norm_largest = NAN,
                              .updates = w.updates};
    if (w.n) {
        qsort(w.norm, w.n, sizeof *w.norm, rising);
        out->norm_median = w.norm[w.n / 2];
        out->norm_largest = w.norm[w.n - 1];
    }
    cli_free(w.norm);
    return st == ATT_OK ? EXIT_FINE : cli_status(st);
}

int compare_end(const compare_opts *o, const char *dir, int rc, double began)
{
    char s[32];
    if (rc != EXIT_FINE) (void)rmdir(dir);
    if (rc != EXIT_FINE || o->json) return rc;
    printf("\n%s in all; models and corpus are in %s\n",
           term_duration(s, cli_now() - began), dir);
    return rc;
}
