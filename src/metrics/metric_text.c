/* metric_text.c - code points in, symbols out: what BLEU and chrF share.
 *
 * Python decides what a space and a lower-case letter are here, because sacreBLEU is a
 * Python program and the scores have to be equal: split() also cuts at U+0085, U+00A0
 * and U+001C..U+001F, and lower() knows the final sigma. */
#include "metrics/metric_text.h"

#include "base/str.h"
#include <string.h>

#include "atti_config.h"
#ifdef ATTI_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

att_status atti_mtext_add(atti_mtext *t, uint32_t c)
{
    if (t->n == t->cap)
        ATTI_TRY(atti_grow(&t->c, &t->cap, t->n + 1, sizeof *t->c, "metric text"));
    t->c[t->n++] = c;
    return ATT_OK;
}

void atti_mtext_deinit(atti_mtext *t)
{
    atti_free(t->c);
    memset(t, 0, sizeof *t);
}

att_status atti_mtext_decode(atti_mtext *t, const char *utf8)
{
    size_t len = strlen(utf8);

    t->n = 0;
    if (t->cap < len)
        ATTI_TRY(atti_grow(&t->c, &t->cap, len, sizeof *t->c, "metric text"));
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        int step = atti_utf8_decode(&code, utf8 + i, len - i);

        t->c[t->n++] = step > 0 ? code : 0xFFFD;
        i += step > 0 ? (size_t)step : 1;
    }
    return ATT_OK;
}

bool atti_is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f);
    return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

void atti_mtext_rstrip(atti_mtext *t)
{
    while (t->n > 0 && atti_is_space(t->c[t->n - 1])) t->n--;
}

void atti_mtext_remove_spaces(atti_mtext *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->n; i++)
        if (!atti_is_space(t->c[i])) t->c[kept++] = t->c[i];
    t->n = kept;
}

bool atti_mtext_word(const atti_mtext *t, size_t *pos, size_t *begin, size_t *end)
{
    size_t i = *pos;

    while (i < t->n && atti_is_space(t->c[i])) i++;
    *begin = i;
    while (i < t->n && !atti_is_space(t->c[i])) i++;
    *end = *pos = i;
    return *end > *begin;
}

/* --- lower case ------------------------------------------------------------------- */

#ifdef ATTI_HAVE_UTF8PROC
static bool cased(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT: return true;
    default: return false;
    }
}

/* Unicode's Case_Ignorable: marks, format characters, modifiers, and the punctuation
 * that may stand inside a word. */
static bool case_ignorable(uint32_t c)
{
    static const uint32_t inside[] = {0x27,   0x2e,   0x3a,   0xb7,   0x387,  0x55f,
                                      0x5f4,  0x2018, 0x2019, 0x2024, 0x2027, 0xfe13,
                                      0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a};

    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (c == inside[i]) return true;
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: return false;
    }
}

static bool final_sigma(const atti_mtext *t, size_t at)
{
    size_t i = at;

    while (i > 0 && case_ignorable(t->c[i - 1])) i--;
    if (i == 0 || !cased(t->c[i - 1])) return false;
    i = at + 1;
    while (i < t->n && case_ignorable(t->c[i])) i++;
    return i == t->n || !cased(t->c[i]);
}

static att_status lower_rest(atti_mtext *t, atti_mtext *out, size_t i)
{
    uint32_t c = t->c[i];

    if (c == 0x3a3) return atti_mtext_add(out, final_sigma(t, i) ? 0x3c2 : 0x3c3);
    /* The one letter whose lower case is two code points. */
    if (c == 0x130) {
        ATTI_TRY(atti_mtext_add(out, 'i'));
        return atti_mtext_add(out, 0x307);
    }
    return atti_mtext_add(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
}
#else
static att_status lower_rest(atti_mtext *t, atti_mtext *out, size_t i)
{
    (void)out;
    return atti_fail(ATT_ENOTSUP, "lower case of U+%04X: this build has no utf8proc",
                     (unsigned)t->c[i]);
}
#endif

att_status atti_mtext_lower(atti_mtext *t, atti_mtext *scratch)
{
    atti_mtext swap;

    scratch->n = 0;
    for (size_t i = 0; i < t->n; i++) {
        uint32_t c = t->c[i];

        if (c < 0x80)
            ATTI_TRY(atti_mtext_add(scratch, c >= 'A' && c <= 'Z' ? c + 32 : c));
        else
            ATTI_TRY(lower_rest(t, scratch, i));
    }
    swap = *t;
    *t = *scratch;
    *scratch = swap;
    return ATT_OK;
}

/* --- the trie --------------------------------------------------------------------- */

struct atti_mtrie_slot {
    uint32_t generation;
    uint32_t parent;
    uint32_t symbol;
    uint32_t node;
};

void atti_mtrie_clear(atti_mtrie *t)
{
    t->n_nodes = 1;
    if (++t->generation == 0) { /* wrapped round: old slots could look fresh */
        if (t->slots) memset(t->slots, 0, t->n_slots * sizeof *t->slots);
        t->generation = 1;
    }
}

void atti_mtrie_deinit(atti_mtrie *t)
{
    atti_free(t->slots);
    memset(t, 0, sizeof *t);
}

static size_t find_slot(const atti_mtrie *t, uint32_t parent, uint32_t symbol)
{
    uint64_t h = ((uint64_t)parent << 32 | symbol) * 0x9e3779b97f4a7c15ULL;
    size_t mask = t->n_slots - 1, i;

    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9ULL;
    for (i = (size_t)(h >> 32) & mask; t->slots[i].generation == t->generation;
         i = (i + 1) & mask)
        if (t->slots[i].parent == parent && t->slots[i].symbol == symbol) break;
    return i;
}

static att_status enlarge(atti_mtrie *t)
{
    atti_mtrie bigger = *t;

    bigger.n_slots = t->n_slots ? t->n_slots * 2 : 1024;
    ATTI_TRY(
        atti_alloc(&bigger.slots, bigger.n_slots, sizeof *t->slots, "n-gram table"));
    if (bigger.generation == 0) bigger.generation = bigger.n_nodes = 1;
    for (size_t i = 0; i < t->n_slots; i++) {
        const struct atti_mtrie_slot *s = &t->slots[i];

        if (s->generation == t->generation)
            bigger.slots[find_slot(&bigger, s->parent, s->symbol)] = *s;
    }
    atti_free(t->slots);
    *t = bigger;
    return ATT_OK;
}

att_status atti_mtrie_child(atti_mtrie *t, uint32_t *node, uint32_t parent,
                            uint32_t symbol)
{
    size_t i;

    if ((size_t)t->n_nodes * 2 >= t->n_slots) ATTI_TRY(enlarge(t));
    i = find_slot(t, parent, symbol);
    if (t->slots[i].generation != t->generation) {
        if (t->n_nodes == UINT32_MAX)
            return atti_fail(ATT_EINVAL, "a sentence with more than 4e9 n-grams");
        t->slots[i] =
            (struct atti_mtrie_slot){t->generation, parent, symbol, t->n_nodes++};
    }
    *node = t->slots[i].node;
    return ATT_OK;
}

/* --- counts ----------------------------------------------------------------------- */

void atti_mcount_reset(atti_mcount *c)
{
    c->n_used = 0;
}

void atti_mcount_deinit(atti_mcount *c)
{
    atti_free(c->cells);
    memset(c, 0, sizeof *c);
}

att_status atti_mcount_at(atti_mcount *c, atti_mcount_cell **cell, uint32_t node)
{
    if (node >= c->n_used) {
        size_t need = (size_t)node + 1;

        if (need > c->cap)
            ATTI_TRY(atti_grow(&c->cells, &c->cap, need, sizeof *c->cells, "n-grams"));
        memset(c->cells + c->n_used, 0, (need - c->n_used) * sizeof *c->cells);
        c->n_used = (uint32_t)need;
    }
    *cell = &c->cells[node];
    return ATT_OK;
}

/* --- arguments -------------------------------------------------------------------- */

att_status atti_metric_check(int32_t *shared, const char *what, const char *const *hyps,
                             const char *const *const *refs, int32_t n_refs, int64_t n)
{
    int32_t common = 0;
    bool varies = false;

    if (!hyps || !refs) return atti_fail(ATT_EINVAL, "%s: no texts given", what);
    if (n < 1) return atti_fail(ATT_EINVAL, "%s: %lld sentences", what, (long long)n);
    if (n_refs < 1) return atti_fail(ATT_EINVAL, "%s: %d references", what, n_refs);
    for (int32_t r = 0; r < n_refs; r++)
        if (!refs[r])
            return atti_fail(ATT_EINVAL, "%s: no reference stream %d", what, r);
    for (int64_t i = 0; i < n; i++) {
        int32_t have = 0;

        if (!hyps[i])
            return atti_fail(ATT_EINVAL, "%s: no hypothesis %lld", what, (long long)i);
        for (int32_t r = 0; r < n_refs; r++) have += refs[r][i] != NULL;
        if (have == 0)
            return atti_fail(ATT_EINVAL, "%s: sentence %lld has no reference", what,
                             (long long)i);
        if (i > 0 && have != common) varies = true;
        common = have;
    }
    *shared = varies ? -1 : common;
    return ATT_OK;
}
