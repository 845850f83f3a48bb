/* explain_sheet.c - matrices in a row: to the terminal, to pictures. */
#include "explain_sheet.h"

#include <string.h>

static const char *const *copy_names(char *const *names, int64_t n)
{
    char **copy;
    if (!names) return NULL;
    copy = cli_alloc((size_t)n + 1, sizeof *copy);
    for (int64_t i = 0; i < n; i++) copy[i] = cli_strdup(names[i]);
    return (const char *const *)copy;
}

void sheet_add(sheet *s, bool new_line, char *title, const double *values, int64_t rows,
               int64_t cols, char *const *row_names, char *const *col_names)
{
    double *v = cli_alloc((size_t)(rows * cols) + 1, sizeof *v);
    att_sheet_item *m;
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 16;
        s->items = cli_resize(s->items, (size_t)s->cap, sizeof *s->items);
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            v[s->columns ? c * rows + r : r * cols + c] = values[r * cols + c];
    m = &s->items[s->n++];
    memset(m, 0, sizeof *m);
    m->title = title;
    m->values = v;
    m->rows = s->columns ? cols : rows;
    m->cols = s->columns ? rows : cols;
    m->row_names =
        s->columns ? copy_names(col_names, cols) : copy_names(row_names, rows);
    m->col_names =
        s->columns ? copy_names(row_names, rows) : copy_names(col_names, cols);
    m->digits = s->digits;
    m->new_line = new_line;
}

static char **names_of(const char *const *names)
{
    return (char **)(uintptr_t)names;
}

static void print_item(const att_sheet_item *m)
{
    printf("\n%s%s%s  [%lld, %lld]\n", term_style(stdout, "1"), m->title,
           term_style(stdout, "0"), (long long)m->rows, (long long)m->cols);
    explain_print_numbers(m->values, m->rows, m->cols, names_of(m->row_names),
                          names_of(m->col_names), m->digits);
}

int sheet_show(const sheet *s, const char *heading, const explain_opts *o)
{
    att_view_opts v;
    att_picture *p = NULL;
    if (!o->output) {
        printf("%s%s%s\n", term_style(stdout, "1;4"), heading, term_style(stdout, "0"));
        for (int64_t i = 0; i < s->n; i++) print_item(&s->items[i]);
        return EXIT_FINE;
    }
    att_view_opts_init(&v);
    v.title = o->title ? o->title : heading;
    v.dark = o->dark;
    v.colours = o->colours;
    att_status st = att_picture_sheet(&p, s->items, s->n, &v);
    if (st != ATT_OK) return cli_status(st);
    int rc = explain_save(p, o->output, "attend explain --steps");
    att_picture_destroy(p);
    return rc;
}

void sheet_free(sheet *s)
{
    for (int64_t i = 0; i < s->n; i++) {
        att_sheet_item *m = &s->items[i];
        if (m->row_names) explain_free_labels(names_of(m->row_names), m->rows);
        if (m->col_names) explain_free_labels(names_of(m->col_names), m->cols);
        cli_free((void *)(uintptr_t)m->values);
        cli_free((void *)(uintptr_t)m->title);
    }
    cli_free(s->items);
    memset(s, 0, sizeof *s);
}
