/* spm_charsmap.c - checks a precompiled character map: a double array (Aoe 1989, in
 * darts-clone's layout) and the replacements that its values point into.
 *
 * SentencePiece follows offsets of this array without looking at its end, and keeps the
 * matches of one position in an array of 32: both are proven safe here, for every input,
 * before the library sees the map. Units share children (a minimised trie is a graph),
 * so results are kept by the base that a unit points to: each is computed once. */
#include "base/alloc.h"
#include "base/str.h"
#include "tokenize/spm_check.h"
#include <string.h>

enum { MAX_MATCHES = 32 }; /* Normalizer::kMaxTrieResultsSize */
#define NONE    UINT32_MAX
#define NEW     0
#define OPEN    1
#define DONE(m) ((m) + 2)

typedef struct trie {
    const unsigned char *units; /* unaligned, little-endian */
    uint32_t n;
    size_t blob;     /* bytes of replacements */
    uint32_t *first; /* [n] by base: first child, NONE = no child */
    uint32_t *next;  /* [n] by unit: next child of the same base */
    uint32_t *stack; /* [n] bases on the present path */
    uint32_t *seen; /* [n] by base: NEW, OPEN or DONE(longest chain of matches below) */
    const char *name;
} trie;

static uint32_t unit(const trie *t, uint32_t i)
{
    const unsigned char *p = t->units + (size_t)i * 4;
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t base_of(const trie *t, uint32_t i)
{
    uint32_t u = unit(t, i);
    return i ^ ((u >> 10) << ((u & 0x200U) >> 6));
}

static int is_child(uint32_t u)
{
    return (u & 0x80000000U) == 0;
}
static uint32_t is_match(uint32_t u)
{
    return (u >> 8) & 1;
}

/* Whatever byte comes next, base ^ byte must be a unit. */
static att_status enter(trie *t, uint32_t i, uint32_t *base)
{
    *base = base_of(t, i);
    if ((*base | 0xffU) >= t->n) {
        return atti_fail(ATT_EFORMAT,
                         "%s: character map: unit %u points to %u, past its %u units",
                         t->name, i, *base | 0xffU, t->n);
    }
    uint32_t u = unit(t, i);
    if (is_match(u)) {
        uint32_t value = unit(t, *base) & 0x7fffffffU;
        if (value >= t->blob) {
            return atti_fail(ATT_EFORMAT,
                             "%s: character map: unit %u has replacement %u, past the "
                             "%zu bytes there are",
                             t->name, i, value, t->blob);
        }
    }
    return ATT_OK;
}

/* Depth first over bases. first[] is used up as the iterator of each open base. */
static att_status walk(trie *t)
{
    uint32_t base = 0;
    ATTI_TRY(enter(t, 0, &base));
    size_t depth = 0;
    uint32_t *best = t->stack + t->n; /* by depth: the longest chain seen so far */
    t->stack[0] = base;
    best[0] = 0;
    t->seen[base] = OPEN;
    for (;;) {
        uint32_t here = t->stack[depth], child = t->first[here];
        uint32_t chain = 0;
        if (child != NONE) {
            ATTI_TRY(enter(t, child, &base));
            if (t->seen[base] == OPEN) {
                return atti_fail(ATT_EFORMAT,
                                 "%s: character map: unit %u leads back to its own "
                                 "beginning",
                                 t->name, child);
            }
            if (t->seen[base] == NEW) {
                t->seen[base] = OPEN;
                t->stack[++depth] = base;
                best[depth] = 0;
                continue; /* the child is looked at again when its base is done */
            }
            chain = t->seen[base] - 2 + is_match(unit(t, child));
            t->first[here] = t->next[child];
            if (chain > best[depth]) best[depth] = chain;
            if (chain > MAX_MATCHES) {
                return atti_fail(ATT_EFORMAT,
                                 "%s: character map: %u rules are prefixes of one "
                                 "another, at most %d",
                                 t->name, chain, MAX_MATCHES);
            }
            continue;
        }
        t->seen[here] = DONE(best[depth]);
        if (depth-- == 0) return ATT_OK;
    }
}

static void link_children(trie *t)
{
    memset(t->first, 0xff, (size_t)t->n * sizeof *t->first);
    for (uint32_t i = t->n; i-- > 0;) {
        uint32_t u = unit(t, i);
        if (!is_child(u)) continue;
        uint32_t base = i ^ (u & 0xffU);
        t->next[i] = t->first[base];
        t->first[base] = i;
    }
}

att_status atti_charsmap_check(const unsigned char *map, size_t n, const char *name)
{
    if (n == 0) return ATT_OK;
    if (n < 4) return atti_fail(ATT_EFORMAT, "%s: character map of %zu bytes", name, n);
    uint32_t bytes = map[0] | (uint32_t)map[1] << 8 | (uint32_t)map[2] << 16 |
                     (uint32_t)map[3] << 24;
    if (bytes >= n - 4 || bytes % 1024 != 0 || bytes == 0) {
        return atti_fail(
            ATT_EFORMAT,
            "%s: character map says %u bytes of units; expected a multiple "
            "of 1024 below %zu",
            name, bytes, n - 4);
    }
    const char *blob = (const char *)map + 4 + bytes;
    size_t blob_size = n - 4 - bytes;
    if (blob[blob_size - 1] != '\0' || !atti_utf8_valid(blob, blob_size)) {
        return atti_fail(ATT_EFORMAT,
                         "%s: character map: replacements are not UTF-8 ended by NUL",
                         name);
    }
    trie t = {.units = map + 4, .n = bytes / 4, .blob = blob_size, .name = name};
    uint32_t *mem = NULL;
    ATTI_TRY(atti_alloc(&mem, (size_t)t.n * 5, sizeof *mem, "character map check"));
    t.first = mem;
    t.next = mem + t.n;
    t.seen = mem + (size_t)t.n * 2;
    t.stack = mem + (size_t)t.n * 3; /* [2n]: bases, then their best chains */
    link_children(&t);
    att_status st = walk(&t);
    atti_free(mem);
    return st;
}
