/* unicode_classes.h - the character classes that tokenizers split by, and normal forms.
 *
 * Code points are those of valid UTF-8. Without utf8proc only ASCII is known, which is
 * not enough for anybody's tokenizer: atti_unicode_there() tells, and opening refuses. */
#ifndef ATTI_UNICODE_CLASSES_H
#define ATTI_UNICODE_CLASSES_H

#include "base/str.h"

bool atti_unicode_there(void);

bool atti_is_letter(uint32_t c);        /* L* */
bool atti_is_number(uint32_t c);        /* N* */
bool atti_unicode_is_space(uint32_t c); /* White_Space */
bool atti_is_mark(uint32_t c);          /* M* */
bool atti_is_nonspacing(uint32_t c);
bool atti_is_punct(uint32_t c); /* P* and every printable ASCII sign */
bool atti_is_word(uint32_t c);  /* \w: alphabetic, marks, digits, connectors, joiners */
bool atti_is_other(uint32_t c); /* Cc, Cf, Co: control, format, private use */
bool atti_is_ideograph(uint32_t c); /* the CJK blocks that BERT puts spaces around */
uint32_t atti_to_lower(uint32_t c);
/* True when no grapheme ends between a and b; *state starts at 0 and is carried on. */
bool atti_grapheme_joins(uint32_t a, uint32_t b, int32_t *state);

typedef enum atti_normal_form {
    ATTI_NFC,
    ATTI_NFD,
    ATTI_NFKC,
    ATTI_NFKD
} atti_normal_form;
/* Appends the normal form of n bytes to out; failures are out->status. */
void atti_add_normal_form(atti_str *out, const char *text, size_t n,
                          atti_normal_form f);

static inline void atti_add_code(atti_str *out, uint32_t c)
{
    char b[4];
    int n = atti_utf8_encode(b, c);
    atti_str_add_n(out, b, (size_t)n);
}

/* The next code point of valid UTF-8; *at moves behind it. */
static inline uint32_t atti_next_code(const char *s, size_t n, size_t *at)
{
    uint32_t c = 0xfffd;
    int len = atti_utf8_decode(&c, s + *at, n - *at);
    *at += len > 0 ? (size_t)len : 1;
    return c;
}

#endif
