/* tok_charsmap.c - the Precompiled normalizer: SentencePiece's character map as Hugging
 * Face's library reads it.
 *
 * That reading differs from SentencePiece's own: a grapheme below six bytes is looked up
 * as a whole, and the *shortest* rule that begins it replaces all of it. Models were
 * trained with these ids, so it is kept. The map was proven safe by atti_charsmap_check:
 * every base | 0xff is a unit and every value lies in the replacements. */
#include "base/alloc.h"
#include "tokenize/spm_check.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

typedef struct map {
    const unsigned char *units;
    const char *blob;
} map;

static uint32_t unit(const map *m, uint32_t i)
{
    const unsigned char *p = m->units + (size_t)i * 4;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t base_of(uint32_t i, uint32_t u)
{
    return i ^ ((u >> 10) << ((u & 0x200U) >> 6));
}

/* The replacement of the shortest rule that begins s, or NULL. */
static const char *lookup(const map *m, const char *s, size_t n)
{
    uint32_t at = base_of(0, unit(m, 0));
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == 0) return NULL;
        at ^= c;
        uint32_t u = unit(m, at);
        if ((u & 0x800000ffU) != c) return NULL;
        at = base_of(at, u);
        if ((u >> 8) & 1) return m->blob + (unit(m, at) & 0x7fffffffU);
    }
    return NULL;
}

static void add_chars(const map *m, const char *s, size_t n, atti_str *out)
{
    for (size_t at = 0; at < n;) {
        size_t from = at;
        atti_next_code(s, n, &at);
        const char *to = lookup(m, s + from, at - from);
        if (to) {
            atti_str_add(out, to);
        } else {
            atti_str_add_n(out, s + from, at - from);
        }
    }
}

static size_t grapheme_end(const char *s, size_t n, size_t at)
{
    int32_t state = 0;
    uint32_t last = atti_next_code(s, n, &at);
    while (at < n) {
        size_t next = at;
        uint32_t c = atti_next_code(s, n, &next);
        if (!atti_grapheme_joins(last, c, &state)) break;
        last = c;
        at = next;
    }
    return at;
}

void atti_charsmap_apply(const atti_pipeline *p, const char *s, size_t n, size_t head,
                         atti_str *out, size_t *new_head)
{
    if (p->charsmap_n == 0) {
        atti_str_add_n(out, s, n);
        *new_head = head;
        return;
    }
    const unsigned char *raw = (const unsigned char *)p->charsmap;
    uint32_t bytes = raw[0] | (uint32_t)raw[1] << 8 | (uint32_t)raw[2] << 16 |
                     (uint32_t)raw[3] << 24;
    map m = {raw + 4, p->charsmap + 4 + bytes};
    for (size_t at = 0; at < n;) {
        size_t from = at, len;
        at = grapheme_end(s, n, at);
        len = at - from;
        const char *to = len < 6 ? lookup(&m, s + from, len) : NULL;
        if (to) {
            atti_str_add(out, to);
        } else {
            add_chars(&m, s + from, len, out);
        }
        if (from < head) *new_head = out->len;
    }
}

static int digit64(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

att_status atti_charsmap_decode(atti_pipeline *p, const char *base64, size_t n)
{
    if (p->charsmap) {
        return atti_fail(ATT_ENOTSUP, "%s: more than one Precompiled normalizer",
                         p->name);
    }
    while (n > 0 && base64[n - 1] == '=') n--;
    ATTI_TRY(atti_alloc(&p->charsmap, n / 4 * 3 + 4, 1, "character map"));
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digit64(base64[i]);
        if (d < 0) {
            return atti_fail(ATT_EFORMAT,
                             "%s: precompiled_charsmap: byte %zu is no base64", p->name,
                             i);
        }
        bits = bits << 6 | (uint32_t)d;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        p->charsmap[p->charsmap_n++] = (char)(bits >> held & 0xff);
    }
    return atti_charsmap_check((const unsigned char *)p->charsmap, p->charsmap_n,
                               p->name);
}
