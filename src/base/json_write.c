/* json_write.c - writing JSON: commas, indentation, escapes, shortest numbers. Needs no
 * library. Whatever goes in, the output is valid UTF-8 and valid JSON. */
#include "base/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void new_line(atti_jsonw *w)
{
    if (!w->indent) return;
    atti_str_add(&w->s, "\n");
    for (int i = 0; i < w->indent * w->depth; i++) atti_str_add_n(&w->s, " ", 1);
}

static void add_text(atti_str *s, const char *text, size_t n)
{
    atti_str_add_n(s, "\"", 1);
    for (size_t i = 0; i < n;) {
        unsigned char c = (unsigned char)text[i];
        int len = atti_utf8_len(text + i, n - i);
        if (len == 0) {
            atti_str_add(s, "\xef\xbf\xbd"); /* U+FFFD for a byte that is no text */
            i++;
            continue;
        }
        switch (c) {
        case '"': atti_str_add(s, "\\\""); break;
        case '\\': atti_str_add(s, "\\\\"); break;
        case '\n': atti_str_add(s, "\\n"); break;
        case '\r': atti_str_add(s, "\\r"); break;
        case '\t': atti_str_add(s, "\\t"); break;
        default:
            if (c < 0x20)
                atti_str_addf(s, "\\u%04x", c);
            else
                atti_str_add_n(s, text + i, (size_t)len);
        }
        i += (size_t)len;
    }
    atti_str_add_n(s, "\"", 1);
}

/* What comes in front of every value: the comma, the line, the key. */
static void begin(atti_jsonw *w, const char *key)
{
    if (w->comma) atti_str_add(&w->s, w->indent ? "," : ", ");
    if (w->depth > 0) new_line(w);
    if (key) {
        add_text(&w->s, key, strlen(key));
        atti_str_add(&w->s, ": ");
    }
    w->comma = true;
}

static void open(atti_jsonw *w, const char *key, const char *bracket)
{
    begin(w, key);
    atti_str_add(&w->s, bracket);
    w->depth++;
    w->comma = false;
}

void atti_jsonw_object(atti_jsonw *w, const char *key)
{
    open(w, key, "{");
}

void atti_jsonw_array(atti_jsonw *w, const char *key)
{
    open(w, key, "[");
}

void atti_jsonw_end(atti_jsonw *w, char bracket)
{
    bool empty = !w->comma;
    w->depth--;
    if (!empty) new_line(w);
    atti_str_add_n(&w->s, &bracket, 1);
    w->comma = true;
}

void atti_jsonw_str_n(atti_jsonw *w, const char *key, const char *value, size_t n)
{
    begin(w, key);
    add_text(&w->s, value, n);
}

void atti_jsonw_str(atti_jsonw *w, const char *key, const char *value)
{
    if (value)
        atti_jsonw_str_n(w, key, value, strlen(value));
    else
        atti_jsonw_raw(w, key, "null");
}

void atti_jsonw_i64(atti_jsonw *w, const char *key, int64_t value)
{
    begin(w, key);
    atti_str_addf(&w->s, "%lld", (long long)value);
}

/* The program's locale may have a comma for a decimal point. */
static void point(char *text)
{
    const char *local = localeconv()->decimal_point;
    char *p = local[0] && local[0] != '.' ? strchr(text, local[0]) : NULL;
    if (p) *p = '.';
}

/* A whole number keeps ".0": readers that tell integers from floats then see a float. */
static void add_number(atti_jsonw *w, const char *key, char *text)
{
    point(text);
    begin(w, key);
    atti_str_add(&w->s, text);
    if (!strpbrk(text, ".en")) atti_str_add(&w->s, ".0");
}

void atti_jsonw_f64(atti_jsonw *w, const char *key, double value)
{
    char text[40];
    if (!isfinite(value)) {
        atti_jsonw_raw(w, key, "null");
        return;
    }
    for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    add_number(w, key, text);
}

void atti_jsonw_f32(atti_jsonw *w, const char *key, float value)
{
    char text[40];
    if (!isfinite(value)) {
        atti_jsonw_raw(w, key, "null");
        return;
    }
    for (int digits = FLT_DIG; digits <= FLT_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    add_number(w, key, text);
}

void atti_jsonw_bool(atti_jsonw *w, const char *key, bool value)
{
    atti_jsonw_raw(w, key, value ? "true" : "false");
}

void atti_jsonw_raw(atti_jsonw *w, const char *key, const char *json)
{
    begin(w, key);
    atti_str_add(&w->s, json);
}
