/* utf8.c - strict UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. */
#include "base/str.h"

#include <string.h>

static bool is_tail(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

int atti_utf8_decode(uint32_t *code, const char *s, size_t n)
{
    if (n == 0) return 0;
    unsigned char b = (unsigned char)s[0];
    if (b < 0x80) {
        *code = b;
        return 1;
    }
    int len = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
    if (b < 0xc2 || b > 0xf4 || (size_t)len > n) return 0;
    uint32_t value = b & (0xffu >> (len + 1));
    for (int i = 1; i < len; i++) {
        if (!is_tail(s[i])) return 0;
        value = value << 6 | ((unsigned char)s[i] & 0x3fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[len] || value > 0x10ffff) return 0;
    if (value >= 0xd800 && value <= 0xdfff) return 0;
    *code = value;
    return len;
}

int atti_utf8_len(const char *s, size_t n)
{
    uint32_t code;
    return atti_utf8_decode(&code, s, n);
}

bool atti_utf8_valid(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        /* Most text is ASCII: eight bytes at a time. */
        uint64_t word;
        while (n - i >= sizeof word) {
            memcpy(&word, s + i, sizeof word);
            if (word & 0x8080808080808080ULL) break;
            i += sizeof word;
        }
        if (i == n) break;
        int len = atti_utf8_len(s + i, n - i);
        if (len == 0) return false;
        i += (size_t)len;
    }
    return true;
}

int atti_utf8_encode(char out[4], uint32_t code)
{
    /* What cannot be encoded becomes U+FFFD, so that the result is always valid. */
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) code = 0xfffd;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}
