/* labels.c - tokens as people read them: without the marks of a tokenizer, bytes as the
 * characters that they stand for, blanks that can be seen. */
#include "base/str.h"
#include "insight/insight.h"

#include <string.h>

static const char *after_mark(const char *piece)
{
    static const char *const marks[] = {"▁", "Ġ"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(marks[i]);
        if (strncmp(piece, marks[i], n) == 0 && piece[n]) return piece + n;
    }
    return piece;
}

/* Spaces at the edges go, unless there is nothing else; line breaks and tabs get signs. */
static att_status readable(char **out, const char *text)
{
    atti_str s = {0};
    size_t from = strspn(text, " "), to = strlen(text);
    while (to > from && text[to - 1] == ' ') to--;
    bool blank = from == to;
    if (blank) from = 0;
    for (size_t i = from; i < to; i++) {
        const char *sign = text[i] == '\n'           ? "↵"
                           : text[i] == '\r'         ? "␍"
                           : text[i] == '\t'         ? "⇥"
                           : blank && text[i] == ' ' ? "␣"
                                                     : NULL;
        if (sign)
            atti_str_add(&s, sign);
        else
            atti_str_add_n(&s, text + i, 1);
    }
    return atti_str_take(out, &s);
}

/* The bytes of a byte-level piece: a printable character is its own byte, the others are
 * written as U+0100 and on, in order. Fails on what no such vocabulary writes. */
static size_t bytes_of(const char *piece, unsigned char *out, size_t room)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)piece; *p && n < room; n++) {
        uint32_t c = *p++;
        if (c >= 0xc0 && c < 0xe0 && (*p & 0xc0) == 0x80)
            c = (c & 31) << 6 | (*p++ & 63u);
        else if (c >= 0x80)
            return 0;
        if (c >= 256 + 68) return 0;
        out[n] = (unsigned char)(c < 256        ? c
                                 : c < 256 + 33 ? c - 256
                                 : c < 256 + 67 ? c - 256 - 33 + 127
                                                : 173);
    }
    return n;
}

/* A part of a character: "<E6 88>". */
static att_status part(char **out, const char *piece)
{
    unsigned char byte[16];
    atti_str s = {0};
    size_t n = bytes_of(piece, byte, sizeof byte);
    if (n == 0 || n == sizeof byte) return atti_strdup(out, piece);
    for (size_t i = 0; i < n; i++)
        atti_str_addf(&s, "%s%02X", i ? " " : "<", (unsigned)byte[i]);
    atti_str_add(&s, ">");
    return atti_str_take(out, &s);
}

/* What a byte-level piece says is known to its tokenizer alone: "cafÃ©" is café, "ĠðŁĺĢ" an
 * emoji. "##ing" and special tokens decode to less than they are and stay. */
att_status atti_label_make(const att_model *model, int side, int32_t id,
                           const char *piece, char **out)
{
    char *text = NULL;
    const char *word = after_mark(piece), *p = word;
    while (*p > ' ' && *p < 0x7f) p++;
    if (*p == 0 && p > word) return atti_strdup(out, word);
    if (strncmp(piece, "##", 2) != 0 &&
        att_model_decode(model, side, &id, 1, &text) == ATT_OK) {
        size_t n = strlen(text);
        bool cut = strstr(text, "\xef\xbf\xbd") && !strstr(piece, "\xef\xbf\xbd");
        att_status st = cut ? part(out, piece) : n ? readable(out, text) : ATT_OK;
        att_free(text);
        if (n > 0) return st;
    }
    return readable(out, word);
}

const char *const *att_explanation_labels(const att_explanation *e, int32_t side,
                                          int64_t *n)
{
    int there = e && side >= 0 && side < 3 && e->labels[side];
    if (n) *n = there ? e->n[side] : 0;
    return there ? (const char *const *)e->labels[side] : NULL;
}
