/* picture_text.c - text as it is shown: made valid, cut by characters, measured by a
 * table, and numbers printed without the locale's help. */
#include "view/picture.h"
#include <math.h>
#include <string.h>

/* Advance widths of the printable ASCII characters in a wide sans-serif face, hundredths
 * of the font size: an upper estimate for the faces that a browser picks instead. */
static const unsigned char ascii_width[95] = {
    32, 40, 46, 84, 64, 95, 78, 28, 39, 39, 50, 84, 32, 36,  32, 34, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63,
    58, 77, 75, 30, 30, 66, 56, 86, 75, 79, 60, 79, 69, 63,  61, 73, 68, 99, 69,
    61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35,  63, 63, 28, 28, 58,
    28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59,  52, 64, 34, 64, 84};

/* Blocks that terminals and typesetters give two columns: East Asian and emoji. */
static bool is_wide(uint32_t c)
{
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) ||
           (c >= 0x3041 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) ||
           (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) ||
           (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

/* Marks that sit on the character before them, joiners, variation selectors. */
static bool is_mark(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x610 && c <= 0x61a) ||
           (c >= 0x64b && c <= 0x65f) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0xfe00 && c <= 0xfe0f) || (c >= 0x1f3fb && c <= 0x1f3ff) ||
           (c >= 0x20d0 && c <= 0x20ff);
}

static double advance(uint32_t c)
{
    if (c >= 32 && c < 127) return ascii_width[c - 32] / 100.0;
    if (is_mark(c)) return 0;
    return is_wide(c) || c == 0x2026 ? 1.0 : 0.66;
}

double atti_text_width(const char *text, double font)
{
    size_t n = strlen(text), i = 0;
    double w = 0;

    while (i < n) {
        uint32_t c;
        int len = atti_utf8_decode(&c, text + i, n - i);
        if (len == 0) c = 0xfffd, len = 1;
        w += advance(c);
        i += (size_t)len;
    }
    return w * font;
}

/* What stands for a character that cannot be drawn or written in XML. */
static uint32_t shown_code(uint32_t c)
{
    if (c == '\n') return 0x21b5;
    if (c == '\t') return 0x21e5;
    if (c < 32 || (c >= 127 && c < 0xa0)) return 0xfffd;
    /* Directional overrides would turn the labels after them around. */
    if ((c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069)) return 0xfffd;
    if (c == 0xfffe || c == 0xffff) return 0xfffd;
    return c;
}

att_status atti_text_shown(char **out, bool *cut, const char *text, int64_t max_chars)
{
    atti_str s = {0};
    size_t n = strlen(text), i = 0, end_of_room = 0;
    int64_t columns = 0;

    *cut = false;
    *out = NULL;
    while (i < n) {
        uint32_t c;
        char utf8[4];
        int len = atti_utf8_decode(&c, text + i, n - i);
        if (len == 0) c = 0xfffd, len = 1;
        int64_t wide = is_mark(c) ? 0 : is_wide(c) ? 2 : 1;
        if (max_chars > 0 && columns + wide > max_chars) {
            *cut = true;
            break;
        }
        columns += wide;
        atti_str_add_n(&s, utf8, (size_t)atti_utf8_encode(utf8, shown_code(c)));
        /* The ellipsis takes a column of its own. */
        if (columns <= max_chars - 1) end_of_room = s.len;
        i += (size_t)len;
    }
    if (*cut && s.status == ATT_OK && s.data) {
        s.len = end_of_room;
        s.data[s.len] = '\0';
        atti_str_add(&s, "\xe2\x80\xa6");
    }
    if (s.status == ATT_OK && !s.data) atti_str_add(&s, "");
    att_status st = atti_str_take(out, &s);
    atti_str_deinit(&s);
    return st;
}

void atti_text_number(char out[40], double value, int digits)
{
    static const double power[10] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    size_t n = 0;

    if (!(fabs(value) < 1e9)) { /* beyond what a picture needs; also NaN */
        memcpy(out, "0", 2);
        return;
    }
    uint64_t scaled = (uint64_t)(fabs(value) * power[digits] + 0.5);
    while (digits > 0 && scaled % 10 == 0) {
        scaled /= 10;
        digits--;
    }
    char reversed[40];
    int k = 0;
    do {
        reversed[k++] = (char)('0' + scaled % 10);
        scaled /= 10;
        if (k == digits) reversed[k++] = '.';
    } while (scaled > 0 || k <= digits);
    if (k > 0 && reversed[k - 1] == '.') reversed[k++] = '0';
    if (value < 0 && !(k == 1 && reversed[0] == '0')) out[n++] = '-';
    while (k > 0) out[n++] = reversed[--k];
    out[n] = '\0';
}

void atti_text_tick(char out[40], double value, double step)
{
    double size = fabs(value);

    step = fabs(step);
    if (size >= 1e6 || (size > 0 && size < 1e-5)) {
        int e = (int)floor(log10(size) + 1e-9);
        double mantissa = value / pow(10, e);
        atti_text_number(out, mantissa, 2);
        size_t n = strlen(out);
        char exponent[40];
        atti_text_number(exponent, e, 0);
        out[n++] = 'e';
        memcpy(out + n, exponent, strlen(exponent) + 1);
        return;
    }
    int digits = 0;
    while (digits < 9 && step > 0 && step < 0.999999) {
        step *= 10;
        digits++;
    }
    atti_text_number(out, value, digits);
}

void atti_markup_add(atti_str *s, const char *text)
{
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '&': atti_str_add(s, "&amp;"); break;
        case '<': atti_str_add(s, "&lt;"); break;
        case '>': atti_str_add(s, "&gt;"); break;
        case '"': atti_str_add(s, "&quot;"); break;
        case '\'': atti_str_add(s, "&#39;"); break;
        default: atti_str_add_n(s, p, 1);
        }
    }
}

void atti_json_text(atti_str *s, const char *text)
{
    size_t n = strlen(text), i = 0;

    atti_str_add(s, "\"");
    while (i < n) {
        uint32_t c;
        int len = atti_utf8_decode(&c, text + i, n - i);
        if (len == 0)
            atti_str_add(s, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            atti_str_addf(s, "\\%c", (char)c);
        /* "<" could end a script element, the two separators once ended a line of it. */
        else if (c < 32 || c == 127 || c == '<' || c == '>' || c == '&' ||
                 c == 0x2028 || c == 0x2029)
            atti_str_addf(s, "\\u%04x", (unsigned)c);
        else
            atti_str_add_n(s, text + i, (size_t)len);
        i += (size_t)(len > 0 ? len : 1);
    }
    atti_str_add(s, "\"");
}
