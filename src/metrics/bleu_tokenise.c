/* bleu_tokenise.c - sacreBLEU's tokenisers, rule by rule.
 *
 * Each rule is a regular expression there: matches do not overlap and are replaced in
 * one pass from left to right, so a rule that consumes two characters cannot use the
 * second one as the first of its next match. The loops below keep to that. */
#include "metrics/metric_text.h"

#include <string.h>

#include "atti_config.h"
#ifdef ATTI_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

typedef att_status rule(atti_mtext *out, const atti_mtext *in);

static att_status apply(atti_mtext *t, atti_mtext *scratch, rule *r)
{
    atti_mtext swap;

    scratch->n = 0;
    ATTI_TRY(r(scratch, t));
    swap = *t;
    *t = *scratch;
    *scratch = swap;
    return ATT_OK;
}

static att_status add3(atti_mtext *out, uint32_t a, uint32_t b, uint32_t c)
{
    ATTI_TRY(atti_mtext_add(out, a));
    ATTI_TRY(atti_mtext_add(out, b));
    return atti_mtext_add(out, c);
}

/* --- 13a, and the second half of zh ----------------------------------------------- */

/* [{-~] [[-`] [space-&] [(-+] [:-@] and the slash: ASCII punctuation except ' , - . */
static bool splits_13a(uint32_t c)
{
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static bool digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}
static bool point(uint32_t c)
{
    return c == '.' || c == ',';
}

static att_status rule_punctuation(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++)
        ATTI_TRY(splits_13a(in->c[i]) ? add3(out, ' ', in->c[i], ' ')
                                      : atti_mtext_add(out, in->c[i]));
    return ATT_OK;
}

static att_status rule_point_after_other(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++) {
        ATTI_TRY(atti_mtext_add(out, in->c[i]));
        if (!digit(in->c[i]) && i + 1 < in->n && point(in->c[i + 1]))
            ATTI_TRY(add3(out, ' ', in->c[++i], ' '));
    }
    return ATT_OK;
}

static att_status rule_point_before_other(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++) {
        if (point(in->c[i]) && i + 1 < in->n && !digit(in->c[i + 1])) {
            ATTI_TRY(add3(out, ' ', in->c[i], ' '));
            i++;
        }
        ATTI_TRY(atti_mtext_add(out, in->c[i]));
    }
    return ATT_OK;
}

static att_status rule_dash_after_digit(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++) {
        ATTI_TRY(atti_mtext_add(out, in->c[i]));
        if (digit(in->c[i]) && i + 1 < in->n && in->c[i + 1] == '-')
            ATTI_TRY(add3(out, ' ', in->c[++i], ' '));
    }
    return ATT_OK;
}

static att_status western(atti_mtext *t, atti_mtext *b)
{
    ATTI_TRY(apply(t, b, rule_punctuation));
    ATTI_TRY(apply(t, b, rule_point_after_other));
    ATTI_TRY(apply(t, b, rule_point_before_other));
    return apply(t, b, rule_dash_after_digit);
}

/* Replaces every ASCII `from` by `to` (0 = by nothing), in place. */
static void replace(atti_mtext *t, const char *from, uint32_t to)
{
    size_t len = strlen(from), kept = 0;

    for (size_t i = 0; i < t->n;) {
        size_t k = 0;

        while (k < len && i + k < t->n && t->c[i + k] == (unsigned char)from[k]) k++;
        if (k == len) {
            if (to) t->c[kept++] = to;
            i += len;
        } else {
            t->c[kept++] = t->c[i++];
        }
    }
    t->n = kept;
}

static att_status rule_pad(atti_mtext *out, const atti_mtext *in)
{
    ATTI_TRY(atti_mtext_add(out, ' '));
    for (size_t i = 0; i < in->n; i++) ATTI_TRY(atti_mtext_add(out, in->c[i]));
    return atti_mtext_add(out, ' ');
}

static att_status tokenise_13a(atti_mtext *t, atti_mtext *b)
{
    replace(t, "<skipped>", 0);
    replace(t, "-\n", 0);
    replace(t, "\n", ' ');
    replace(t, "&quot;", '"');
    replace(t, "&amp;", '&');
    replace(t, "&lt;", '<');
    replace(t, "&gt;", '>');
    ATTI_TRY(apply(t, b, rule_pad));
    return western(t, b);
}

/* --- zh --------------------------------------------------------------------------- */

/* Two rows look odd: the original meant the planes above U+FFFF but wrote four digits
 * and a fifth character, and so compares with U+2001..U+2A6D and U+2F81..U+2FA1. Scores
 * follow what it does: dashes and curly quotes stand alone, rare characters do not. */
static bool chinese(uint32_t c)
{
    static const struct {
        uint32_t lo, hi;
    } row[] = {
        {0x3400, 0x4db5}, {0x4e00, 0x9fa5}, {0x9fa6, 0x9fbb}, {0xf900, 0xfa2d},
        {0xfa30, 0xfa6a}, {0xfa70, 0xfad9}, {0x2001, 0x2a6d}, {0x2f81, 0x2fa1},
        {0xff00, 0xffef}, {0x2e80, 0x2eff}, {0x3000, 0x303f}, {0x31c0, 0x31ef},
        {0x2f00, 0x2fdf}, {0x2ff0, 0x2fff}, {0x3100, 0x312f}, {0x31a0, 0x31bf},
        {0xfe10, 0xfe1f}, {0xfe30, 0xfe4f}, {0x2600, 0x26ff}, {0x2700, 0x27bf},
        {0x3200, 0x32ff}, {0x3300, 0x33ff},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (c >= row[i].lo && c <= row[i].hi) return true;
    return false;
}

static att_status rule_chinese(atti_mtext *out, const atti_mtext *in)
{
    size_t first = 0;

    /* The text has been stripped on the right; here it is on the left too, because the
     * rules for points look at the character before. */
    while (first < in->n && atti_is_space(in->c[first])) first++;
    for (size_t i = first; i < in->n; i++)
        ATTI_TRY(chinese(in->c[i]) ? add3(out, ' ', in->c[i], ' ')
                                   : atti_mtext_add(out, in->c[i]));
    return ATT_OK;
}

/* --- char ------------------------------------------------------------------------- */

static att_status rule_characters(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++) {
        ATTI_TRY(atti_mtext_add(out, in->c[i]));
        ATTI_TRY(atti_mtext_add(out, ' '));
    }
    return ATT_OK;
}

/* --- intl ------------------------------------------------------------------------- */

#ifdef ATTI_HAVE_UTF8PROC
/* 'N', 'P', 'S' for numbers, punctuation, symbols; anything else is of no interest. */
static char kind(uint32_t c)
{
    return utf8proc_category_string((utf8proc_int32_t)c)[0];
}

static att_status rule_punctuation_after(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++) {
        ATTI_TRY(atti_mtext_add(out, in->c[i]));
        if (kind(in->c[i]) != 'N' && i + 1 < in->n && kind(in->c[i + 1]) == 'P')
            ATTI_TRY(add3(out, ' ', in->c[++i], ' '));
    }
    return ATT_OK;
}

static att_status rule_punctuation_before(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++) {
        if (kind(in->c[i]) == 'P' && i + 1 < in->n && kind(in->c[i + 1]) != 'N') {
            ATTI_TRY(add3(out, ' ', in->c[i], ' '));
            i++;
        }
        ATTI_TRY(atti_mtext_add(out, in->c[i]));
    }
    return ATT_OK;
}

static att_status rule_symbols(atti_mtext *out, const atti_mtext *in)
{
    for (size_t i = 0; i < in->n; i++)
        ATTI_TRY(kind(in->c[i]) == 'S' ? add3(out, ' ', in->c[i], ' ')
                                       : atti_mtext_add(out, in->c[i]));
    return ATT_OK;
}

static att_status tokenise_intl(atti_mtext *t, atti_mtext *b)
{
    ATTI_TRY(apply(t, b, rule_punctuation_after));
    ATTI_TRY(apply(t, b, rule_punctuation_before));
    return apply(t, b, rule_symbols);
}
#else
static att_status tokenise_intl(atti_mtext *t, atti_mtext *b)
{
    (void)t;
    (void)b;
    return atti_fail(ATT_ENOTSUP, "tokenise 'intl': this build has no utf8proc");
}
#endif

att_status atti_bleu_tokenise(atti_mtext *t, atti_mtext *b, att_bleu_tokenize how)
{
    switch (how) {
    case ATT_BLEU_13A: return tokenise_13a(t, b);
    case ATT_BLEU_ZH: ATTI_TRY(apply(t, b, rule_chinese)); return western(t, b);
    case ATT_BLEU_CHAR: return apply(t, b, rule_characters);
    case ATT_BLEU_NONE: return ATT_OK;
    case ATT_BLEU_INTL: return tokenise_intl(t, b);
    }
    return atti_fail(ATT_EINVAL, "tokenise: no tokeniser %d", (int)how);
}
