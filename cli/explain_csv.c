/* explain_csv.c - reads what someone typed: numbers, commas, perhaps a name before each row.
 * Whatever is not that is refused with its line. */
#include "explain_csv.h"

#include "explain_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CSV_BYTES = 1 << 24 };

typedef enum field_kind { WORD, NUMBER, OVERFLOWING } field_kind;

static field_kind number_of(const char *text, double *v)
{
    char *end;
    *v = strtod(text, &end);
    if (end == text) return WORD;
    end += strspn(end, " \t");
    if (*end) return WORD;
    return isfinite(*v) ? NUMBER : OVERFLOWING;
}

/* Without blanks around it, then without quotes. */
static char *trim(char *s)
{
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t')) s[--n] = 0;
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
        s[n - 1] = 0;
        s++;
    }
    return s;
}

/* *named: this row's name lies in names[rows]. */
static int take_field(csv *m, char *text, bool is_first, int64_t *cols, bool *named,
                      const char *path, int64_t line)
{
    double v;
    char *field = trim(text);
    field_kind kind = number_of(field, &v);
    if (kind == OVERFLOWING)
        return cli_fail("%s:%lld: '%.60s' is not finite", path, (long long)line, field);
    if (kind == WORD) {
        if (!is_first || !*field || *field == '"' || (m->rows && !m->names))
            return cli_fail("%s:%lld: '%.60s' is no number", path, (long long)line,
                            field);
        m->names = cli_resize(m->names, (size_t)m->rows + 1, sizeof *m->names);
        m->names[m->rows] = cli_strdup(field);
        *named = true;
        return 0;
    }
    if (is_first && m->names)
        return cli_fail("%s:%lld: the other rows begin with a word", path,
                        (long long)line);
    m->v = cli_resize(m->v, (size_t)(m->rows * m->cols + *cols + 1), sizeof *m->v);
    m->v[m->rows * m->cols + (*cols)++] = v;
    return 0;
}

static int take_line(csv *m, char *line, const char *path, int64_t number)
{
    int64_t cols = 0;
    bool named = false;
    int rc = 0;
    for (char *field = line, *next; rc == 0 && field; field = next) {
        char *comma = strchr(field, ',');
        if (comma) *comma = 0;
        next = comma ? comma + 1 : NULL;
        rc = take_field(m, field, field == line, &cols, &named, path, number);
    }
    if (rc == 0 && cols == 0)
        rc = cli_fail("%s:%lld: no numbers", path, (long long)number);
    if (rc == 0 && m->rows && cols != m->cols)
        rc = cli_fail("%s:%lld: %lld numbers, %lld above", path, (long long)number,
                      (long long)cols, (long long)m->cols);
    if (rc) {
        if (named) cli_free(m->names[m->rows]); /* the row does not count */
        return rc;
    }
    m->cols = cols;
    m->rows++;
    return 0;
}

int csv_parse(csv *m, char *text, size_t len, const char *path)
{
    int64_t number = 0;
    memset(m, 0, sizeof *m);
    if (memchr(text, 0, len)) return cli_fail("%s: not text: it has NUL bytes", path);
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) text += 3; /* a spreadsheet's mark */
    for (char *line = text, *next; line && *line; line = next) {
        char *end = strchr(line, '\n');
        if (end) *end = 0;
        next = end ? end + 1 : NULL;
        line[strcspn(line, "\r")] = 0;
        number++;
        line += strspn(line, " \t");
        if (!*line || *line == '#') continue;
        int rc = take_line(m, line, path, number);
        if (rc) return rc;
    }
    return m->rows ? 0 : cli_fail("%s: no numbers", path);
}

int csv_read(csv *m, const char *path)
{
    size_t len;
    char *text = cli_read_file(path, CSV_BYTES, &len);
    memset(m, 0, sizeof *m);
    if (!text) return EXIT_FAILED;
    int rc = csv_parse(m, text, len, path);
    cli_free(text);
    return rc;
}

void csv_free(csv *m)
{
    for (int64_t i = 0; m->names && i < m->rows; i++) cli_free(m->names[i]);
    cli_free(m->names);
    cli_free(m->v);
    memset(m, 0, sizeof *m);
}
