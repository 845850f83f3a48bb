/* json_fix.c - see json_fix.h. Python's json module, which writes most model
 * directories, has bare NaN and Infinity and integers without limit. */
#include "base/json_fix.h"

#include <ctype.h>
#include <string.h>

/* Longer ones are no numbers that anybody wrote on purpose. */
enum { MAX_NUMBER = 400 };

#define PLUS_INFINITY  "\"" ATTI_JSON_MARK "inf\""
#define MINUS_INFINITY "\"" ATTI_JSON_MARK "-inf\""

att_status atti_json_fail_at(const char *text, size_t n, size_t at, const char *name,
                             const char *why)
{
    size_t line = 1, column = 1;
    if (at > n) at = n;
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    return atti_fail(ATT_EFORMAT, "%s:%zu:%zu: %s", name, line, column, why);
}

static att_status add_edit(atti_json_fixed *f, size_t at, size_t len, const char *text)
{
    ATTI_TRY(atti_grow(&f->edits, &f->cap_edits, f->n_edits + 1, sizeof *f->edits,
                       "JSON edits"));
    f->edits[f->n_edits++] = (atti_json_edit){at, len, text};
    return ATT_OK;
}

/* Past the closing quote of the string whose text begins at i. */
static size_t skip_string(const char *text, size_t n, size_t i)
{
    while (i < n && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
    return i < n ? i + 1 : n;
}

static bool starts(const char *text, size_t n, size_t i, const char *word)
{
    size_t len = strlen(word);
    return n - i >= len && !memcmp(text + i, word, len) &&
           (n - i == len || !isalnum((unsigned char)text[i + len]));
}

static bool is_number_char(char c)
{
    return isdigit((unsigned char)c) || c == '-' || c == '+' || c == '.' || c == 'e' ||
           c == 'E';
}

/* The number at i, up to stop. */
static att_status fix_number(atti_json_fixed *f, const char *text, size_t n, size_t i,
                             size_t stop, const char *name)
{
    size_t len = stop - i;
    if (len > MAX_NUMBER) {
        return atti_json_fail_at(text, n, i, name,
                                 "a number is over 400 characters long");
    }
    char copy[MAX_NUMBER + 1];
    memcpy(copy, text + i, len);
    copy[len] = '\0';
    bool digits_only = !strpbrk(copy, ".eE");
    if (digits_only ? len <= 18 : !strpbrk(copy, "eE") && len < 300) return ATT_OK;
    int64_t whole;
    if (digits_only && atti_parse_i64(&whole, copy)) return ATT_OK;
    double real;
    switch (atti_scan_f64(&real, copy)) {
    case 1: return digits_only ? add_edit(f, stop, 0, ".0") : ATT_OK;
    case -1: return add_edit(f, i, len, real < 0 ? MINUS_INFINITY : PLUS_INFINITY);
    default: return ATT_OK; /* no number at all: the parser says so better */
    }
}

/* A bare word or a number at i; *stop is past it. */
static att_status fix_token(atti_json_fixed *f, const char *text, size_t n, size_t i,
                            size_t *stop, const char *name)
{
    static const struct {
        const char *word, *text;
    } words[] = {
        {"NaN", "\"" ATTI_JSON_MARK "nan\""},
        {"Infinity", PLUS_INFINITY},
        {"-Infinity", MINUS_INFINITY},
    };
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        if (!starts(text, n, i, words[w].word)) continue;
        *stop = i + strlen(words[w].word);
        return add_edit(f, i, *stop - i, words[w].text);
    }
    size_t j = i;
    if (isalpha((unsigned char)text[i])) {
        while (j < n && isalnum((unsigned char)text[j])) j++;
        *stop = j;
        return ATT_OK;
    }
    while (j < n && is_number_char(text[j])) j++;
    *stop = j;
    return fix_number(f, text, n, i, j, name);
}

static att_status apply_edits(atti_json_fixed *f, const char *text, size_t n)
{
    size_t from = 0;
    for (size_t e = 0; e < f->n_edits; e++) {
        const atti_json_edit *edit = &f->edits[e];
        atti_str_add_n(&f->out, text + from, edit->at - from);
        atti_str_add(&f->out, edit->text);
        from = edit->at + edit->len;
    }
    atti_str_add_n(&f->out, text + from, n - from);
    return f->out.status;
}

att_status atti_json_fix(atti_json_fixed *f, const char *text, size_t n,
                         const char *name)
{
    size_t depth = 0;
    *f = (atti_json_fixed){0};
    for (size_t i = 0; i < n;) {
        char c = text[i];
        if (c == '"') {
            if (n - i > strlen(ATTI_JSON_MARK) &&
                !memcmp(text + i + 1, ATTI_JSON_MARK, strlen(ATTI_JSON_MARK))) {
                return atti_json_fail_at(text, n, i, name,
                                         "a string begins with a NUL");
            }
            i = skip_string(text, n, i + 1);
        } else if (is_number_char(c) || isalpha((unsigned char)c)) {
            ATTI_TRY(fix_token(f, text, n, i, &i, name));
        } else {
            if ((c == '{' || c == '[') && ++depth > ATTI_JSON_DEPTH) {
                return atti_json_fail_at(text, n, i, name,
                                         "nested over 64 levels deep");
            }
            if ((c == '}' || c == ']') && depth > 0) depth--;
            i++;
        }
    }
    return f->n_edits ? apply_edits(f, text, n) : ATT_OK;
}

void atti_json_fixed_deinit(atti_json_fixed *f)
{
    atti_str_deinit(&f->out);
    atti_free(f->edits);
    *f = (atti_json_fixed){0};
}

size_t atti_json_fixed_origin(const atti_json_fixed *f, size_t at)
{
    size_t shift_in = 0, shift_out = 0; /* bytes put in and taken out so far */
    for (size_t e = 0; e < f->n_edits; e++) {
        const atti_json_edit *edit = &f->edits[e];
        size_t begin = edit->at + shift_in - shift_out; /* in the fixed text */
        if (at < begin) break;
        size_t len = strlen(edit->text);
        if (at < begin + len) return edit->at;
        shift_in += len;
        shift_out += edit->len;
    }
    return at + shift_out - shift_in;
}
