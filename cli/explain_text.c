/* explain_text.c - tokens and matrices in the terminal, links in words. */
#include "attend/tape.h"
#include "explain_parts.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const *explain_words(const att_explanation *e, const char *const *tokens)
{
    for (int32_t side = 0; side < 3; side++)
        if (att_explanation_tokens(e, side, NULL) == tokens)
            return att_explanation_labels(e, side, NULL);
    return tokens;
}

char **explain_labels(const att_explanation *e, const char *const *tokens, int64_t n)
{
    char **l = cli_alloc((size_t)n + 1, sizeof *l);
    const char *const *words = explain_words(e, tokens);
    for (int64_t i = 0; i < n; i++) l[i] = cli_strdup(words[i]);
    return l;
}

void explain_free_labels(char **labels, int64_t n)
{
    for (int64_t i = 0; labels && i < n; i++) cli_free(labels[i]);
    cli_free(labels);
}

void explain_heading(const char *text)
{
    printf("\n%s%s%s\n", term_style(stdout, "1"), text, term_style(stdout, "0"));
}

static void spaces(int n)
{
    while (n-- > 0) putchar(' ');
}

/* Text in so many columns, to the right; cut with an ellipsis where it is wider. */
static void right(const char *text, int width)
{
    int w = term_columns(text), used = 0, one;
    if (w <= width) {
        spaces(width - w);
        fputs(text, stdout);
        return;
    }
    while (*text) {
        size_t n = term_char(text, &one);
        if (used + one > width - 1) break;
        fwrite(text, 1, n, stdout);
        text += n;
        used += one;
    }
    fputs(term_utf8() ? "…" : ".", stdout);
    spaces(width - 1 - used);
}

static int widest(char *const *names, int64_t n, int least, int most)
{
    int w = least;
    for (int64_t i = 0; i < n; i++) {
        int one = term_columns(names[i]);
        if (one > w) w = one;
    }
    return w > most ? most : w;
}

static void shade(double part, int width)
{
    static const char *const blocks[] = {" ", "░", "▒", "▓", "█"};
    static const char *const plain[] = {" ", ".", "+", "*", "#"};
    int level = part < 0.05 ? 0 : part < 0.2 ? 1 : part < 0.45 ? 2 : part < 0.7 ? 3 : 4;
    const char *mark = (term_utf8() ? blocks : plain)[level];
    if (level >= 2) fputs(term_style(stdout, "36"), stdout);
    for (int i = 0; i < width; i++) fputs(mark, stdout);
    if (level >= 2) fputs(term_style(stdout, "0"), stdout);
}

/* Columns that fit beside the row names, from `first` on; widths of each. */
static int64_t fit(char *const *names, int64_t first, int64_t n, int room, int *width)
{
    int64_t i = first;
    for (; i < n; i++) {
        int w = widest(names + i, 1, 4, 12);
        if (i > first && room < w + 1) break;
        width[i] = w;
        room -= w + 1;
    }
    return i;
}

void explain_print_shades(const float *values, int64_t rows, int64_t cols,
                          char *const *row_names, char *const *col_names, double top)
{
    int left = widest(row_names, rows, 4, 20), *width;
    double most = top;
    width = cli_alloc((size_t)cols + 1, sizeof *width);
    for (int64_t i = 0; top <= 0 && i < rows * cols; i++)
        most = fmax(most, fabs((double)values[i]));
    for (int64_t c0 = 0, c1; c0 < cols; c0 = c1) {
        c1 = fit(col_names, c0, cols, term_width() - left - 4, width);
        spaces(left + 3);
        for (int64_t c = c0; c < c1; c++) {
            right(col_names[c], width[c]);
            putchar(' ');
        }
        putchar('\n');
        for (int64_t r = 0; r < rows; r++) {
            putchar(' ');
            right(row_names[r], left);
            fputs("  ", stdout);
            for (int64_t c = c0; c < c1; c++) {
                double v = (double)values[r * cols + c];
                shade(most > 0 ? fabs(v) / most : 0, width[c]);
                putchar(v < 0 && fabs(v) / most >= 0.05 ? '-' : ' ');
            }
            putchar('\n');
        }
        if (c1 < cols) putchar('\n');
    }
    cli_free(width);
}

/* --- numbers ---------------------------------------------------------------------- */

static bool all_whole(const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (isfinite(v[i]) && (v[i] != floor(v[i]) || fabs(v[i]) > 1e9)) return false;
    return true;
}

static char *number(double v, int digits)
{
    if (isinf(v) && v < 0) return cli_strdup(term_utf8() ? "−∞" : "-inf");
    if (isnan(v)) return cli_strdup("");
    char *s = cli_format("%.*f", digits, v);
    /* -0.00 is 0.00 to a reader. */
    if (*s == '-' && strspn(s + 1, "0.") == strlen(s + 1)) memmove(s, s + 1, strlen(s));
    return s;
}

void explain_print_numbers(const double *values, int64_t rows, int64_t cols,
                           char *const *row_names, char *const *col_names, int digits)
{
    int left = row_names ? widest(row_names, rows, 1, 20) : 0, *width;
    int d = all_whole(values, rows * cols) ? 0 : digits;
    char **text = cli_alloc((size_t)(rows * cols) + 1, sizeof *text);
    width = cli_alloc((size_t)cols + 1, sizeof *width);
    for (int64_t c = 0; c < cols; c++) {
        width[c] = col_names ? widest(col_names + c, 1, 1, 12) : 1;
        for (int64_t r = 0; r < rows; r++) {
            char **t = &text[r * cols + c];
            *t = number(values[r * cols + c], d);
            if (term_columns(*t) > width[c]) width[c] = term_columns(*t);
        }
    }
    /* Wide tables go below each other in pieces that fit. */
    for (int64_t c0 = 0, c1; c0 < cols; c0 = c1) {
        int room = term_width() - left - 6;
        for (c1 = c0; c1 < cols && (c1 == c0 || room >= width[c1] + 2); c1++)
            room -= width[c1] + 2;
        if (col_names) {
            spaces(left + 4);
            for (int64_t c = c0; c < c1; c++) {
                right(col_names[c], width[c]);
                if (c + 1 < c1) fputs("  ", stdout);
            }
            putchar('\n');
        }
        for (int64_t r = 0; r < rows; r++) {
            fputs("  ", stdout);
            if (row_names) right(row_names[r], left);
            fputs("  ", stdout);
            for (int64_t c = c0; c < c1; c++) {
                right(text[r * cols + c], width[c]);
                if (c + 1 < c1) fputs("  ", stdout);
                cli_free(text[r * cols + c]);
            }
            putchar('\n');
        }
        if (c1 < cols) putchar('\n');
    }
    cli_free(text);
    cli_free(width);
}

/* --- words ------------------------------------------------------------------------ */

typedef struct found {
    float w;
    int64_t row, col;
} found;

static int stronger(const void *a, const void *b)
{
    const found *x = a, *y = b;
    float u = fabsf(x->w), v = fabsf(y->w);
    if (u != v) return u < v ? 1 : -1;
    return x->row != y->row ? (x->row < y->row ? -1 : 1) : (x->col < y->col ? -1 : 1);
}

void explain_print_links(const float *w, int64_t rows, int64_t cols,
                         char *const *row_names, char *const *col_names, int n,
                         const char *verb)
{
    found *best = cli_alloc((size_t)rows + 1, sizeof *best);
    for (int64_t r = 0; r < rows; r++) {
        best[r] = (found){w[r * cols], r, 0};
        for (int64_t c = 1; c < cols; c++)
            if (fabsf(w[r * cols + c]) > fabsf(best[r].w))
                best[r] = (found){w[r * cols + c], r, c};
    }
    qsort(best, (size_t)rows, sizeof *best, stronger);
    for (int64_t i = 0; i < rows && i < n; i++)
        printf("  %s%s%s %s %s%s%s (%.2f)\n", term_style(stdout, "1"),
               row_names[best[i].row], term_style(stdout, "0"), verb,
               term_style(stdout, "1"), col_names[best[i].col], term_style(stdout, "0"),
               (double)best[i].w);
    cli_free(best);
}

float *explain_one(const att_attention_map *m, int32_t layer, int32_t head)
{
    int64_t n = m->rows * m->cols, used = 0;
    if (layer < 0 || layer > m->n_layers || head < 0 || head > m->n_heads) {
        cli_fail(
            "layer %d, head %d: there are layers 1..%lld and heads 1..%lld, 0 = the "
            "mean of all",
            layer, head, (long long)m->n_layers, (long long)m->n_heads);
        return NULL;
    }
    float *out = cli_alloc((size_t)n, sizeof *out);
    double *sum = cli_alloc((size_t)n, sizeof *sum);
    for (int64_t l = 0; l < m->n_layers; l++)
        for (int64_t h = 0; h < m->n_heads; h++) {
            if ((layer && l != layer - 1) || (head && h != head - 1)) continue;
            const float *w = m->weights + (l * m->n_heads + h) * n;
            for (int64_t i = 0; i < n; i++) sum[i] += (double)w[i];
            used++;
        }
    for (int64_t i = 0; i < n; i++) out[i] = (float)(sum[i] / (double)used);
    cli_free(sum);
    return out;
}

/* --- files ------------------------------------------------------------------------ */

char *explain_ending(const char *path)
{
    const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
    char *s = cli_strdup(dot && (!slash || dot > slash) ? dot : "");
    for (char *p = s; *p; p++) *p = (char)tolower((unsigned char)*p);
    return s;
}

int explain_check_output(const char *name, const char *path, const char *list)
{
    char *end = path ? explain_ending(path) : NULL;
    if (!path) return 0;
    size_t n = strlen(end);
    for (const char *p = list; n && (p = strstr(p, end)) != NULL; p += n)
        if (p[n] == ' ' || !p[n]) return 0;
    return cli_usage(name, "%s: -o %s: the ending decides the format: %s", name, path,
                     list);
}

static int save_page(const att_picture *p, const char *path, const char *title)
{
    char *svg = NULL;
    size_t n = 0;
    cli_out out;
    att_status st = att_picture_render(&svg, &n, p, ATT_PICTURE_SVG);
    if (st != ATT_OK) return cli_status(st);
    if (!cli_out_open(&out, path)) {
        att_free(svg);
        return EXIT_FAILED;
    }
    cli_out_printf(&out,
                   "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                   "<title>%s</title>\n<style>body{margin:1rem;font-family:sans-serif}"
                   "svg{max-width:100%%;height:auto}</style></head><body>\n",
                   title);
    const char *body = strstr(svg, "<svg");
    if (!body) body = svg;
    cli_out_put(&out, body, n - (size_t)(body - svg));
    cli_out_printf(&out, "\n</body></html>\n");
    att_free(svg);
    return cli_out_close(&out) ? EXIT_FINE : EXIT_FAILED;
}

int explain_save(const att_picture *p, const char *path, const char *title)
{
    char *end = explain_ending(path), *missing = NULL;
    if (strcmp(end, ".html") == 0) return save_page(p, path, title);
    if (strcmp(end, ".svg") != 0 && att_picture_missing_glyphs(&missing, p) == ATT_OK) {
        if (*missing) cli_warn("%s", missing);
        att_free(missing);
    }
    att_status st = att_picture_save(p, path);
    return st == ATT_OK ? EXIT_FINE : cli_status(st);
}
