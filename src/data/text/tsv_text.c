/* tsv_text.c - reads labelled texts and finds out which column is which. */
#include "data/text/tsv_text.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include <string.h>
#include <strings.h>

enum { MAX_LINE = 1 << 24, LOOK_LINES = 1000, MAX_COLUMNS = 64 };

struct atti_tsv_text {
    char *path;
    atti_lines *lines;
    int64_t at_line;
    int text, label; /* columns, from 0 */
    int header;      /* the first line is names */
    char *row;
    size_t cap;
};

static int find_name(const char *list, char separator, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; list; i++) {
        const char *end = strchr(list, separator);
        size_t k = end ? (size_t)(end - list) : strlen(list);
        if (k == n && strncasecmp(list, name, n) == 0) return i;
        list = end ? end + 1 : NULL;
    }
    return -1;
}

/* Both columns by their names; 0 when one is missing. */
static int by_names(const char *list, char separator, int *text, int *label)
{
    *text = find_name(list, separator, "text");
    if (*text < 0) *text = find_name(list, separator, "sentence");
    *label = find_name(list, separator, "label");
    return *text >= 0 && *label >= 0 && *text < MAX_COLUMNS && *label < MAX_COLUMNS;
}

att_status atti_tsv_columns_check(const char *columns)
{
    int text, label;
    if (!columns || by_names(columns, ',', &text, &label)) return ATT_OK;
    return atti_fail(
        ATT_EINVAL,
        "--columns '%.80s': expected names with text and label among them, "
        "as in label,text",
        columns);
}

static att_status next_line(atti_tsv_text *t, const char **s, size_t *n)
{
    ATTI_TRY(atti_lines_next(t->lines, s, n));
    if (!*s) return ATT_OK;
    t->at_line++;
    if (memchr(*s, '\0', *n))
        return atti_fail(ATT_EFORMAT, "%s:%lld: a zero byte", t->path,
                         (long long)t->at_line);
    if (!atti_utf8_valid(*s, *n))
        return atti_fail(ATT_EFORMAT, "%s:%lld: not UTF-8", t->path,
                         (long long)t->at_line);
    return ATT_OK;
}

/* Different values of a column, by their hashes. */
typedef struct seen {
    uint64_t hash[LOOK_LINES];
    int n;
} seen;

static void see(seen *x, const char *s, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) h = atti_mix64(h ^ (unsigned char)s[i]) + 1;
    for (int i = 0; i < x->n; i++)
        if (x->hash[i] == h) return;
    if (x->n < LOOK_LINES) x->hash[x->n++] = h;
}

static att_status look(atti_tsv_text *t, seen *two, size_t *bytes)
{
    for (int i = 0; i < LOOK_LINES; i++) {
        const char *s = NULL;
        size_t n = 0;
        ATTI_TRY(next_line(t, &s, &n));
        if (!s) break;
        const char *tab = memchr(s, '\t', n);
        if (!tab) continue; /* told when it is read */
        size_t first = (size_t)(tab - s), rest = n - first - 1;
        const char *more = memchr(tab + 1, '\t', rest);
        if (more)
            return atti_fail(ATT_EFORMAT,
                             "%s:%lld: more than two columns and no first line with "
                             "their names: --columns says which are text and label",
                             t->path, (long long)t->at_line);
        see(&two[0], s, first);
        see(&two[1], tab + 1, rest);
        bytes[0] += first;
        bytes[1] += rest;
    }
    return ATT_OK;
}

static att_status guess(atti_tsv_text *t)
{
    seen *two = NULL;
    size_t bytes[2] = {0, 0};
    ATTI_TRY(atti_alloc(&two, 2, sizeof *two, "columns"));
    att_status st = look(t, two, bytes);
    /* As many of both: labels are the shorter ones. */
    t->label = two[0].n != two[1].n ? two[0].n > two[1].n : bytes[0] > bytes[1];
    t->text = 1 - t->label;
    atti_free(two);
    return st;
}

static att_status rewind_text(atti_tsv_text *t)
{
    atti_lines_close(t->lines);
    t->lines = NULL;
    t->at_line = 0;
    return atti_lines_open(&t->lines, t->path, MAX_LINE);
}

static att_status find_columns(atti_tsv_text *t, const char *columns)
{
    const char *s = NULL;
    size_t n = 0;
    int text, label;
    char *first = NULL;
    ATTI_TRY(next_line(t, &s, &n));
    if (!s) return atti_fail(ATT_EFORMAT, "%s: is empty", t->path);
    ATTI_TRY(atti_alloc(&first, n + 1, 1, "line"));
    memcpy(first, s, n);
    t->header = by_names(first, '\t', &text, &label);
    atti_free(first);
    if (columns) {
        if (!by_names(columns, ',', &t->text, &t->label))
            return atti_tsv_columns_check(columns);
    } else if (t->header) {
        t->text = text;
        t->label = label;
    } else {
        ATTI_TRY(rewind_text(t));
        ATTI_TRY(guess(t));
    }
    return rewind_text(t);
}

att_status atti_tsv_text_open(atti_tsv_text **out, const char *path,
                              const char *columns)
{
    atti_tsv_text *t = NULL;
    ATTI_TRY(atti_tsv_columns_check(columns));
    ATTI_TRY(atti_alloc(&t, 1, sizeof *t, "reader of labelled texts"));
    att_status st = atti_strdup(&t->path, path);
    if (st == ATT_OK) st = atti_lines_open(&t->lines, path, MAX_LINE);
    if (st == ATT_OK) st = find_columns(t, columns);
    if (st != ATT_OK) {
        atti_tsv_text_close(t);
        return st;
    }
    *out = t;
    return ATT_OK;
}

void atti_tsv_text_close(atti_tsv_text *t)
{
    if (!t) return;
    atti_lines_close(t->lines);
    atti_free(t->path);
    atti_free(t->row);
    atti_free(t);
}

/* Column i of t->row, which is cut into strings. */
static char *column(char *row, int i)
{
    for (; i > 0 && row; i--) {
        row = strchr(row, '\t');
        if (row) row++;
    }
    return row;
}

att_status atti_tsv_text_next(atti_tsv_text *t, atti_tsv_row *row)
{
    const char *s = NULL;
    size_t n = 0;
    memset(row, 0, sizeof *row);
    do {
        ATTI_TRY(next_line(t, &s, &n));
        if (!s) return ATT_OK;
    } while (n == 0 || (t->header && t->at_line == 1));
    ATTI_TRY(atti_grow(&t->row, &t->cap, n + 1, 1, "line"));
    memcpy(t->row, s, n);
    t->row[n] = '\0';
    char *text = column(t->row, t->text), *label = column(t->row, t->label);
    int want = (t->text > t->label ? t->text : t->label) + 1;
    if (!text || !label)
        return atti_fail(ATT_EFORMAT, "%s:%lld: a column is missing, expected %d",
                         t->path, (long long)t->at_line, want);
    text[strcspn(text, "\t")] = '\0';
    label[strcspn(label, "\t")] = '\0';
    if (!*label)
        return atti_fail(ATT_EFORMAT, "%s:%lld: the label is empty", t->path,
                         (long long)t->at_line);
    *row = (atti_tsv_row){text, label, strlen(text), t->at_line};
    return ATT_OK;
}
