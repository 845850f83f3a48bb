/* str.c - the string builder and numbers from text. UTF-8 is in utf8.c. */
#include "base/str.h"

#include "base/checked.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for n more bytes and the NUL. */
static bool reserve(atti_str *s, size_t n)
{
    size_t need;
    if (s->status != ATT_OK) return false;
    if (!atti_add_size(&need, s->len, n) || !atti_add_size(&need, need, 1)) {
        s->status =
            atti_fail(ATT_ENOMEM, "string of %zu + %zu bytes is too long", s->len, n);
        return false;
    }
    s->status = atti_grow(&s->data, &s->cap, need, 1, "string");
    return s->status == ATT_OK;
}

void atti_str_add_n(atti_str *s, const char *text, size_t n)
{
    if (!reserve(s, n)) return;
    if (n) memcpy(s->data + s->len, text, n);
    s->len += n;
    s->data[s->len] = '\0';
}

void atti_str_add(atti_str *s, const char *text)
{
    atti_str_add_n(s, text, strlen(text));
}

void atti_str_addf(atti_str *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0) {
        if (s->status == ATT_OK)
            s->status = atti_fail(ATT_EBUG, "bad format '%s'", fmt);
        return;
    }
    if (!reserve(s, (size_t)n)) return;
    va_start(args, fmt);
    vsnprintf(s->data + s->len, (size_t)n + 1, fmt, args);
    va_end(args);
    s->len += (size_t)n;
}

void atti_str_clear(atti_str *s)
{
    s->len = 0;
    s->status = ATT_OK;
    if (s->data) s->data[0] = '\0';
}

void atti_str_deinit(atti_str *s)
{
    atti_free(s->data);
    *s = (atti_str){0};
}

att_status atti_str_take(char **out, atti_str *s)
{
    if (!s->data) (void)reserve(s, 0);
    if (s->status != ATT_OK) return s->status;
    if (s->len == 0) s->data[0] = '\0';
    *out = s->data;
    *s = (atti_str){0};
    return ATT_OK;
}

bool atti_parse_i64(int64_t *out, const char *s)
{
    const char *p = s;
    bool negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    if (!isdigit((unsigned char)*p)) return false;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX,
             value = 0;
    for (; isdigit((unsigned char)*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (limit - digit) / 10) return false;
        value = value * 10 + digit;
    }
    if (*p) return false;
    if (!negative)
        *out = (int64_t)value;
    else
        *out = value == (uint64_t)INT64_MAX + 1 ? INT64_MIN : -(int64_t)value;
    return true;
}

/* [+-] digits [. digits] [e [+-] digits], or nan, inf, infinity in any case: strtod alone
 * would also take white space, hexadecimal and nan(...). */
static bool looks_like_f64(const char *p)
{
    if (*p == '-' || *p == '+') p++;
    if (isalpha((unsigned char)*p)) {
        char word[10] = {0};
        for (size_t i = 0; p[i] && i < sizeof word - 1; i++) {
            word[i] = (char)tolower((unsigned char)p[i]);
        }
        return !strcmp(word, "nan") || !strcmp(word, "inf") ||
               !strcmp(word, "infinity");
    }
    int digits = 0;
    for (; isdigit((unsigned char)*p); p++) digits++;
    if (*p == '.') p++;
    for (; isdigit((unsigned char)*p); p++) digits++;
    if (!digits) return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+') p++;
        if (!isdigit((unsigned char)*p)) return false;
        while (isdigit((unsigned char)*p)) p++;
    }
    return *p == '\0';
}

int atti_scan_f64(double *out, const char *s)
{
    if (!looks_like_f64(s)) return 0;
    size_t n = strlen(s);
    char copy[512];
    if (n >= sizeof copy) return 0;
    memcpy(copy, s, n + 1);
    /* strtod expects the decimal point of the program's locale. */
    const char *point = localeconv()->decimal_point;
    char *dot = strchr(copy, '.');
    if (dot && point[0] && !point[1]) *dot = point[0];
    char *end;
    int saved = errno;
    double value = strtod(copy, &end);
    errno = saved;
    if (*end) return 0;
    *out = value;
    /* Too small is zero or a denormal, which is near enough; too large is not a number
     * that the text names. The word "inf" ends in a letter. */
    bool infinite = value > DBL_MAX || value < -DBL_MAX;
    return infinite && !isalpha((unsigned char)s[n - 1]) ? -1 : 1;
}

bool atti_parse_f64(double *out, const char *s)
{
    double value;
    if (atti_scan_f64(&value, s) != 1) return false;
    *out = value;
    return true;
}
