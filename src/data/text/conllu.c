/* conllu.c - reads labelled words; every line is checked before it counts. */
#include "data/text/conllu.h"
#include "base/alloc.h"
#include "base/file.h"
#include <string.h>

enum {
    COLUMNS = 10,
    MAX_LINE = 1 << 20,
    MAX_WORDS = 1 << 20, /* of a sentence */
    LOOK_LINES = 100,    /* at which the format is seen */
    MAX_BYTES = 1 << 28
};

struct atti_tag_reader {
    char *path;
    atti_lines *lines;
    atti_tag_format format;
    int column;
    int64_t at_line;
    char *text; /* words and labels, each NUL-terminated */
    size_t used, cap_text;
    size_t *word_at, *label_at; /* in text; NONE */
    const char **word, **label;
    int64_t *line;
    size_t n, cap_word_at, cap_label_at, cap_word, cap_label, cap_line;
};

static const size_t NONE = (size_t)-1;

/* A column of a line. */
typedef struct field {
    const char *s;
    size_t n;
} field;

static att_status refuse(const atti_tag_reader *r, const char *what)
{
    return atti_fail(ATT_EFORMAT, "%s:%lld: %s", r->path, (long long)r->at_line, what);
}

/* Up to COLUMNS fields; returns how many there are. */
static int split(field *f, const char *s, size_t n)
{
    int count = 0;
    for (;;) {
        const char *tab = memchr(s, '\t', n);
        size_t k = tab ? (size_t)(tab - s) : n;
        if (count < COLUMNS) f[count] = (field){s, k};
        count++;
        if (!tab) return count;
        s += k + 1;
        n -= k + 1;
    }
}

static bool is_blank(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != ' ' && s[i] != '\t') return false;
    return true;
}

/* ---- one word ------------------------------------------------------------------- */

static att_status keep(atti_tag_reader *r, size_t *at, const field *f)
{
    if (r->used + f->n + 1 > MAX_BYTES) return refuse(r, "the sentence is too long");
    ATTI_TRY(atti_grow(&r->text, &r->cap_text, r->used + f->n + 1, 1, "sentence"));
    memcpy(r->text + r->used, f->s, f->n);
    r->text[r->used + f->n] = '\0';
    *at = r->used;
    r->used += f->n + 1;
    return ATT_OK;
}

static att_status add_word(atti_tag_reader *r, const field *word, const field *label)
{
    size_t need = r->n + 1;
    if (need > MAX_WORDS) return refuse(r, "the sentence has too many words");
    ATTI_TRY(
        atti_grow(&r->word_at, &r->cap_word_at, need, sizeof *r->word_at, "sentence"));
    ATTI_TRY(atti_grow(&r->label_at, &r->cap_label_at, need, sizeof *r->label_at,
                       "sentence"));
    ATTI_TRY(atti_grow(&r->line, &r->cap_line, need, sizeof *r->line, "sentence"));
    ATTI_TRY(keep(r, &r->word_at[r->n], word));
    r->label_at[r->n] = NONE;
    if (label) ATTI_TRY(keep(r, &r->label_at[r->n], label));
    r->line[r->n++] = r->at_line;
    return ATT_OK;
}

/* Digits only, without a leading zero that would make two spellings; -1 otherwise. */
static int64_t number(const char *s, size_t n)
{
    int64_t v = 0;
    if (n == 0 || n > 9 || (n > 1 && s[0] == '0')) return -1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return -1;
        v = 10 * v + (s[i] - '0');
    }
    return v;
}

/* *kind: 'w'ord, 'r'ange, 'e'mpty node. */
static att_status read_id(const atti_tag_reader *r, const field *id, char *kind)
{
    int64_t next = (int64_t)r->n + 1, v = number(id->s, id->n), w;
    const char *mark = memchr(id->s, '-', id->n);
    if (!mark) mark = memchr(id->s, '.', id->n);
    if (v >= 0) {
        *kind = 'w';
        if (v == next) return ATT_OK;
        return atti_fail(ATT_EFORMAT, "%s:%lld: word number %lld, expected %lld",
                         r->path, (long long)r->at_line, (long long)v, (long long)next);
    }
    if (mark) {
        size_t k = (size_t)(mark - id->s);
        v = number(id->s, k);
        w = number(mark + 1, id->n - k - 1);
        *kind = *mark == '-' ? 'r' : 'e';
        if (*kind == 'r' && v == next && w >= v) return ATT_OK;
        if (*kind == 'e' && v == next - 1 && w >= 1) return ATT_OK;
        if (v >= 0 && w >= 0)
            return atti_fail(ATT_EFORMAT, "%s:%lld: %s '%.*s' does not fit here",
                             r->path, (long long)r->at_line,
                             *kind == 'r' ? "range" : "empty node",
                             (int)(id->n < 40 ? id->n : 40), id->s);
    }
    return atti_fail(ATT_EFORMAT,
                     "%s:%lld: '%.*s' is no word number, range or empty node", r->path,
                     (long long)r->at_line, (int)(id->n < 40 ? id->n : 40), id->s);
}

static att_status conllu_line(atti_tag_reader *r, const char *s, size_t n)
{
    field f[COLUMNS];
    char kind = 'w';
    int count = split(f, s, n);
    if (count != COLUMNS)
        return atti_fail(ATT_EFORMAT, "%s:%lld: %d columns, expected %d", r->path,
                         (long long)r->at_line, count, COLUMNS);
    ATTI_TRY(read_id(r, &f[0], &kind));
    if (kind != 'w') return ATT_OK;
    if (f[1].n == 0) return refuse(r, "the word is empty");
    const field *label = &f[r->column - 1];
    if (label->n == 0) return refuse(r, "the label is empty (none is written as _)");
    return add_word(r, &f[1], label->n == 1 && label->s[0] == '_' ? NULL : label);
}

static att_status tsv_line(atti_tag_reader *r, const char *s, size_t n)
{
    field f[COLUMNS];
    int count = split(f, s, n);
    if (count < 2) return refuse(r, "1 column, expected a token, a TAB and its label");
    if (count > COLUMNS) return refuse(r, "more than 10 columns");
    if (f[0].n == 0) return refuse(r, "the token is empty");
    if (f[count - 1].n == 0) return refuse(r, "the label is empty");
    return add_word(r, &f[0], &f[count - 1]);
}

/* ---- a file --------------------------------------------------------------------- */

static att_status next_line(atti_tag_reader *r, const char **s, size_t *n)
{
    ATTI_TRY(atti_lines_next(r->lines, s, n));
    if (!*s) return ATT_OK;
    r->at_line++;
    if (memchr(*s, '\0', *n)) return refuse(r, "a zero byte");
    if (!atti_utf8_valid(*s, *n)) return refuse(r, "not UTF-8");
    return ATT_OK;
}

/* Three words or more: no token has so many, nor a label. */
static bool is_text(const field *f)
{
    int spaces = 0;
    for (size_t i = 0; i < f->n; i++) spaces += f->s[i] == ' ';
    return spaces >= 2;
}

/* Looks at the first line of words; where that has two columns at some more. */
static att_status see_format(atti_tag_reader *r)
{
    const char *s = NULL;
    size_t n = 0;
    field f[COLUMNS];
    int lines = 0, texts = 0, count = 2;
    int64_t first = 0;
    r->format = ATTI_TAGS_TSV;
    while (count == 2 && lines < LOOK_LINES) {
        ATTI_TRY(next_line(r, &s, &n));
        if (!s) break;
        if (is_blank(s, n) || s[0] == '#') continue;
        count = split(f, s, n);
        if (lines++ == 0 && count == COLUMNS) r->format = ATTI_TAGS_CONLLU;
        if (count != 2 || !(is_text(&f[0]) || is_text(&f[1]))) continue;
        if (texts++ == 0) first = r->at_line;
    }
    if (2 * texts > lines)
        return atti_fail(
            ATT_EFORMAT,
            "%s:%lld: a text and its label, expected a token, a TAB and its "
            "label: texts are for train classify",
            r->path, (long long)first);
    atti_lines_close(r->lines);
    r->lines = NULL;
    r->at_line = 0;
    return atti_lines_open(&r->lines, r->path, MAX_LINE);
}

att_status atti_tags_open(atti_tag_reader **out, const char *path,
                          atti_tag_format format, int column)
{
    atti_tag_reader *r = NULL;
    if (column < 1 || column > COLUMNS)
        return atti_fail(ATT_EINVAL, "column %d, expected 1..%d", column, COLUMNS);
    ATTI_TRY(atti_alloc(&r, 1, sizeof *r, "reader of labelled words"));
    r->format = format;
    r->column = column;
    att_status st = atti_strdup(&r->path, path);
    if (st == ATT_OK) st = atti_lines_open(&r->lines, path, MAX_LINE);
    if (st == ATT_OK && format == ATTI_TAGS_SEEN) st = see_format(r);
    if (st != ATT_OK) {
        atti_tags_close(r);
        return st;
    }
    *out = r;
    return ATT_OK;
}

void atti_tags_close(atti_tag_reader *r)
{
    if (!r) return;
    atti_lines_close(r->lines);
    atti_free(r->path);
    atti_free(r->text);
    atti_free(r->word_at);
    atti_free(r->label_at);
    atti_free(r->word);
    atti_free(r->label);
    atti_free(r->line);
    atti_free(r);
}

/* Pointers last: the text moves while it grows. */
static att_status hand_out(atti_tag_reader *r, atti_tagged *out)
{
    size_t n = r->n ? r->n : 1;
    ATTI_TRY(atti_grow(&r->word, &r->cap_word, n, sizeof *r->word, "sentence"));
    ATTI_TRY(atti_grow(&r->label, &r->cap_label, n, sizeof *r->label, "sentence"));
    for (size_t i = 0; i < r->n; i++) {
        r->word[i] = r->text + r->word_at[i];
        r->label[i] = r->label_at[i] == NONE ? NULL : r->text + r->label_at[i];
    }
    *out = (atti_tagged){(int32_t)r->n, r->word, r->label, r->line};
    return ATT_OK;
}

att_status atti_tags_next(atti_tag_reader *r, atti_tagged *out)
{
    r->n = r->used = 0;
    for (;;) {
        const char *s = NULL;
        size_t n = 0;
        ATTI_TRY(next_line(r, &s, &n));
        if (!s || is_blank(s, n)) {
            if (!s || r->n > 0) break;
            continue;
        }
        if (r->format == ATTI_TAGS_TSV) {
            ATTI_TRY(tsv_line(r, s, n));
        } else if (s[0] != '#') {
            ATTI_TRY(conllu_line(r, s, n));
        }
    }
    return hand_out(r, out);
}
