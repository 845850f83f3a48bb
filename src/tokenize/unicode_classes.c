/* unicode_classes.c - character classes over utf8proc, ASCII answered without it. */
#include "tokenize/unicode_classes.h"
#include "atti_config.h"
#include "base/alloc.h"

#ifdef ATTI_HAVE_UTF8PROC
#include <utf8proc.h>

bool atti_unicode_there(void)
{
    return true;
}

static int category(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c);
}

static uint32_t lower(uint32_t c)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

bool atti_grapheme_joins(uint32_t a, uint32_t b, int32_t *state)
{
    return !utf8proc_grapheme_break_stateful((utf8proc_int32_t)a, (utf8proc_int32_t)b,
                                             state);
}

static const utf8proc_option_t forms[] = {
    [ATTI_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
    [ATTI_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
    [ATTI_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
    [ATTI_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
};

void atti_add_normal_form(atti_str *out, const char *text, size_t n, atti_normal_form f)
{
    if (out->status != ATT_OK || n == 0) return;
    const utf8proc_uint8_t *s = (const utf8proc_uint8_t *)text;
    utf8proc_ssize_t len = (utf8proc_ssize_t)n;
    utf8proc_option_t how = forms[f];
    /* Decomposed alike; composing is a second pass over the code points. */
    utf8proc_ssize_t need = utf8proc_decompose(s, len, NULL, 0, how);
    utf8proc_int32_t *codes = NULL;
    if (need < 0) {
        out->status = atti_fail(ATT_EFORMAT, "normal form: %s", utf8proc_errmsg(need));
        return;
    }
    out->status =
        atti_alloc_raw(&codes, (size_t)need + 1, sizeof *codes, "normal form");
    if (out->status != ATT_OK) return;
    need = utf8proc_decompose(s, len, codes, need, how);
    if (need > 0 && (f == ATTI_NFC || f == ATTI_NFKC)) {
        need = utf8proc_normalize_utf32(codes, need, how);
    }
    for (utf8proc_ssize_t i = 0; i < need; i++) atti_add_code(out, (uint32_t)codes[i]);
    atti_free(codes);
}

#else /* ASCII only */

enum {
    UTF8PROC_CATEGORY_LU,
    UTF8PROC_CATEGORY_LL,
    UTF8PROC_CATEGORY_LO,
    UTF8PROC_CATEGORY_MN,
    UTF8PROC_CATEGORY_MC,
    UTF8PROC_CATEGORY_ME,
    UTF8PROC_CATEGORY_ND,
    UTF8PROC_CATEGORY_NL,
    UTF8PROC_CATEGORY_NO,
    UTF8PROC_CATEGORY_PC,
    UTF8PROC_CATEGORY_PO,
    UTF8PROC_CATEGORY_CC,
    UTF8PROC_CATEGORY_CF,
    UTF8PROC_CATEGORY_CO
};

bool atti_unicode_there(void)
{
    return false;
}

static int category(uint32_t c)
{
    (void)c;
    return UTF8PROC_CATEGORY_LO;
}

static uint32_t lower(uint32_t c)
{
    return c;
}

bool atti_grapheme_joins(uint32_t a, uint32_t b, int32_t *state)
{
    (void)a, (void)b, (void)state;
    return false;
}

void atti_add_normal_form(atti_str *out, const char *text, size_t n, atti_normal_form f)
{
    (void)f;
    atti_str_add_n(out, text, n);
}

#endif

static bool ascii_letter(uint32_t c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}
static bool ascii_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}
static bool between(int x, int lo, int hi)
{
    return x >= lo && x <= hi;
}

bool atti_is_letter(uint32_t c)
{
    if (c < 128) return ascii_letter(c);
    return between(category(c), UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LO);
}

bool atti_is_number(uint32_t c)
{
    if (c < 128) return ascii_digit(c);
    return between(category(c), UTF8PROC_CATEGORY_ND, UTF8PROC_CATEGORY_NO);
}

bool atti_unicode_is_space(uint32_t c)
{
    if (c < 128) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool atti_is_mark(uint32_t c)
{
    if (c < 0x300) return false;
    return between(category(c), UTF8PROC_CATEGORY_MN, UTF8PROC_CATEGORY_ME);
}

bool atti_is_nonspacing(uint32_t c)
{
    return c >= 0x300 && category(c) == UTF8PROC_CATEGORY_MN;
}

bool atti_is_punct(uint32_t c)
{
    if (c < 128) return c > 32 && c < 127 && !ascii_letter(c) && !ascii_digit(c);
    return between(category(c), UTF8PROC_CATEGORY_PC, UTF8PROC_CATEGORY_PO);
}

bool atti_is_word(uint32_t c)
{
    if (c < 128) return ascii_letter(c) || ascii_digit(c) || c == '_';
    if (c == 0x200c || c == 0x200d) return true;
    /* Symbols that are Other_Alphabetic: circled and squared Latin letters. */
    if ((c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
        (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189)) {
        return true;
    }
    int k = category(c);
    return between(k, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_NL) ||
           k == UTF8PROC_CATEGORY_PC;
}

bool atti_is_other(uint32_t c)
{
    if (c < 128) return c < 32 || c == 127;
    int k = category(c);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_CO;
}

bool atti_is_ideograph(uint32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
           (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

uint32_t atti_to_lower(uint32_t c)
{
    if (c < 128) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    return lower(c);
}
