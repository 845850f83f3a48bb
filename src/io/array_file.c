/* array_file.c - a table by its file's ending: numpy, safetensors, or rows of numbers. */
#include "attend/npy.h"
#include "attend/safetensors.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"

#include <string.h>

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), k = strlen(end);
    if (n < k) return false;
    for (size_t i = 0; i < k; i++) {
        char c = path[n - k + i];
        if (c >= 'A' && c <= 'Z') c = (char)(c - 'A' + 'a');
        if (c != end[i]) return false;
    }
    return true;
}

static att_status only_one(const char *path, int64_t n)
{
    if (n == 1) return ATT_OK;
    return atti_fail(n == 0 ? ATT_ENOTFOUND : ATT_EINVAL,
                     "%s: holds %lld arrays; say the name of one", path, (long long)n);
}

static att_status from_npz(att_tensor *t, const char *path, const char *name)
{
    att_npz *z = NULL;
    ATTI_TRY(att_npz_open(&z, path));
    att_status st = name ? ATT_OK : only_one(path, att_npz_count(z));
    if (st == ATT_OK) st = att_npz_get(z, t, name ? name : att_npz_name(z, 0));
    att_npz_close(z);
    return st;
}

static att_status from_safetensors(att_tensor *t, const char *path, const char *name)
{
    att_safetensors *f = NULL;
    att_safetensors_entry e = {.name = name};
    ATTI_TRY(att_safetensors_open(&f, path));
    att_status st = name ? ATT_OK : only_one(path, att_safetensors_count(f));
    if (st == ATT_OK && !name) st = att_safetensors_entry_at(f, 0, &e);
    if (st == ATT_OK) st = att_safetensors_get(f, t, e.name);
    att_safetensors_close(f);
    return st;
}

/* ---- rows of numbers ---- */

typedef struct grid {
    float *x;
    size_t n, cap;
    int64_t rows, cols;
    const char *path;
    long long line;
} grid;

static bool separates(char c)
{
    return c == ',' || c == ';' || c == ' ' || c == '\t';
}

static att_status number(grid *g, const char *text, size_t len)
{
    char word[64];
    double v;
    if (len >= sizeof word)
        return atti_fail(ATT_EFORMAT, "%s:%lld: a number of %zu characters", g->path,
                         g->line, len);
    memcpy(word, text, len);
    word[len] = 0;
    if (!atti_parse_f64(&v, word))
        return atti_fail(ATT_EFORMAT, "%s:%lld: '%s' is no number", g->path, g->line,
                         word);
    ATTI_TRY(atti_grow(&g->x, &g->cap, g->n + 1, sizeof *g->x, "a table"));
    g->x[g->n++] = (float)v;
    return ATT_OK;
}

static att_status one_row(grid *g, const char *line, size_t len)
{
    int64_t cols = 0;
    const char *comment = memchr(line, '#', len);
    if (comment) len = (size_t)(comment - line);
    for (size_t i = 0; i < len;) {
        size_t begin = i;
        int marks = 0;
        while (i < len && separates(line[i]))
            marks += line[i] == ',' || line[i] == ';', i++;
        if (i == len && marks == 0) break;
        if (marks > (cols > 0) || (marks > 0 && i == len))
            return atti_fail(ATT_EFORMAT, "%s:%lld: an empty field", g->path, g->line);
        begin = i;
        while (i < len && !separates(line[i])) i++;
        ATTI_TRY(number(g, line + begin, i - begin));
        cols++;
    }
    if (cols == 0) return ATT_OK;
    if (g->rows > 0 && cols != g->cols)
        return atti_fail(ATT_EFORMAT, "%s:%lld: %lld numbers, %lld in the rows before",
                         g->path, g->line, (long long)cols, (long long)g->cols);
    g->cols = cols;
    g->rows++;
    return ATT_OK;
}

static att_status from_text(att_tensor *t, const char *path)
{
    grid g = {.path = path};
    atti_lines *lines = NULL;
    const char *line;
    size_t len;
    att_tensor made;
    ATTI_TRY(atti_lines_open(&lines, path, 0));
    att_status st;
    while ((st = atti_lines_next(lines, &line, &len)) == ATT_OK && line) {
        g.line++;
        st = one_row(&g, line, len);
        if (st != ATT_OK) break;
    }
    atti_lines_close(lines);
    const int64_t shape[2] = {g.rows, g.cols};
    if (st == ATT_OK && g.rows == 0)
        st = atti_fail(ATT_EFORMAT, "%s: holds no numbers", path);
    if (st == ATT_OK) st = att_tensor_alloc(&made, ATT_F32, 2, shape);
    if (st == ATT_OK) {
        memcpy(made.data, g.x, g.n * sizeof *g.x);
        *t = made;
    }
    atti_free(g.x);
    return st;
}

att_status att_array_load(att_tensor *t, const char *path, const char *name)
{
    if (!t || !path) return atti_fail(ATT_EINVAL, "array: t or path is NULL");
    if (ends_in(path, ".npy")) return att_npy_load(t, path);
    if (ends_in(path, ".npz")) return from_npz(t, path, name);
    if (ends_in(path, ".safetensors")) return from_safetensors(t, path, name);
    if (ends_in(path, ".csv") || ends_in(path, ".tsv") || ends_in(path, ".txt"))
        return from_text(t, path);
    return atti_fail(ATT_ENOTSUP,
                     "%s: a table is .npy, .npz, .safetensors, .csv, .tsv or .txt",
                     path);
}
