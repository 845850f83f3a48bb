/* vectors.c - reads vectors of words; every field is checked before it counts. */
#include "data/text/vectors.h"
#include "base/alloc.h"
#include "base/file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIELD_MAX = 64 }; /* bytes of a number */

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The last field of s[0..n): its bytes; *n is what stands before it. */
static size_t last_field(const char *s, size_t *n)
{
    size_t end = *n, begin;
    while (end > 0 && is_blank(s[end - 1])) end--;
    for (begin = end; begin > 0 && !is_blank(s[begin - 1]);) begin--;
    *n = begin;
    return end - begin;
}

/* 0: no finite number. */
static int number(float *out, const char *s, size_t n)
{
    char text[FIELD_MAX + 1], *end;
    if (n == 0 || n > FIELD_MAX) return 0;
    memcpy(text, s, n);
    text[n] = '\0';
    /* strtof() takes more than a number's digits: "0x1p3", "nan", "infinity". */
    if (strspn(text, "0123456789+-.eE") != n) return 0;
    *out = strtof(text, &end);
    return end == text + n && isfinite(*out);
}

static int is_count(const char *s, size_t n)
{
    return n > 0 && n < 18 && strspn(s, "0123456789") >= n;
}

/* word2vec's first line: two whole numbers and nothing else. */
static int is_header(const char *line, size_t n, int64_t *width)
{
    size_t rest = n, w = last_field(line, &rest), at = rest;
    size_t c = last_field(line, &rest);
    if (!is_count(line + at, w) || !is_count(line + rest, c)) return 0;
    for (size_t i = 0; i < rest; i++)
        if (!is_blank(line[i])) return 0;
    *width = strtoll(line + at, NULL, 10);
    return 1;
}

/* How many numbers stand at the end of the first word's line; its word takes one field.
 * *end is where the field before them stops: the word's, or one that is no number. */
static int64_t count_numbers(const char *line, size_t n, size_t *end)
{
    int64_t count = 0;
    float value;
    for (size_t rest = n; rest > 0; count++) {
        *end = rest;
        size_t len = last_field(line, &rest);
        if (rest == 0 || !number(&value, line + rest, len)) break;
    }
    return count;
}

/* The field that ends at end, and its number from the left. */
static att_status no_number(const atti_vectors *v, const char *line, size_t end)
{
    int64_t column = 1;
    size_t begin = end, len = last_field(line, &begin);
    for (size_t i = 1; i <= begin; i++)
        column += is_blank(line[i]) && !is_blank(line[i - 1]);
    return atti_fail(ATT_EFORMAT, "%s:%lld: column %lld, '%.*s', is no finite number",
                     v->name, (long long)v->line, (long long)column,
                     (int)(len < 40 ? len : 40), line + begin);
}

static att_status set_width(atti_vectors *v, int64_t width)
{
    v->width = width;
    if (width >= 1 && width <= ATTI_VECTORS_WIDEST) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s:%lld: vectors of %lld numbers, expected 1..%d",
                     v->name, (long long)v->line, (long long)width,
                     ATTI_VECTORS_WIDEST);
}

att_status atti_vectors_line(atti_vectors *v, const char *line, size_t n,
                             const char **word, size_t *n_word, float *value)
{
    int64_t width = 0;
    *word = NULL;
    *n_word = 0;
    v->line++;
    while (n > 0 && is_blank(line[n - 1])) n--;
    while (n > 0 && is_blank(line[0])) line++, n--;
    if (n == 0) return ATT_OK;
    if (v->line == 1 && is_header(line, n, &width)) return set_width(v, width);
    if (v->width == 0) {
        size_t end = n, begin = n;
        int64_t count = count_numbers(line, n, &end);
        (void)last_field(line, &begin);
        if (count == 0 && begin > 0) return no_number(v, line, end);
        ATTI_TRY(set_width(v, count));
    }
    size_t rest = n;
    for (int64_t i = v->width; i-- > 0;) {
        size_t len = last_field(line, &rest);
        if (rest == 0)
            return atti_fail(ATT_EFORMAT,
                             "%s:%lld: no word with %lld numbers behind it", v->name,
                             (long long)v->line, (long long)v->width);
        if (!number(&value[i], line + rest, len)) return no_number(v, line, rest + len);
    }
    while (rest > 0 && is_blank(line[rest - 1])) rest--;
    /* Wider than the lines before: what was left over would pass as part of the word. */
    float extra;
    size_t left = rest, len = last_field(line, &left);
    if (left > 0 && number(&extra, line + left, len))
        return atti_fail(ATT_EFORMAT, "%s:%lld: more than %lld numbers", v->name,
                         (long long)v->line, (long long)v->width);
    *word = line;
    *n_word = rest;
    v->words++;
    return ATT_OK;
}

att_status atti_vectors_read(atti_vectors *v, const char *path, atti_vector_fn *see,
                             void *ctx)
{
    atti_lines *lines = NULL;
    float *value = NULL;
    const char *line = NULL, *word = NULL;
    size_t n = 0, n_word = 0;
    *v = (atti_vectors){.name = path};
    ATTI_TRY(atti_lines_open(&lines, path, 0));
    att_status st = atti_alloc(&value, ATTI_VECTORS_WIDEST, sizeof *value, "vectors");
    while (st == ATT_OK) {
        st = atti_lines_next(lines, &line, &n);
        if (st != ATT_OK || !line) break;
        st = atti_vectors_line(v, line, n, &word, &n_word, value);
        if (st == ATT_OK && word) st = see(ctx, word, n_word, value, v->width);
    }
    if (st == ATT_OK && v->words == 0)
        st = atti_fail(ATT_EFORMAT, "%s: no vectors of words in it", path);
    atti_free(value);
    atti_lines_close(lines);
    return st;
}
