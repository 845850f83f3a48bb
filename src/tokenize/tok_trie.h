/* tok_trie.h - all the strings of a set that begin at one place of a text.
 *
 * A trie whose edges lie in one hash table: small, quick to build, and a walk ends as soon
 * as no string goes on. Node 0 is the root and nobody's child. */
#ifndef ATTI_TOK_TRIE_H
#define ATTI_TOK_TRIE_H

#include "base/error.h"

typedef struct atti_trie {
    uint64_t *keys; /* [size] node << 8 | byte, plus 1; 0 = free */
    uint32_t *kids; /* [size] */
    size_t size, edges;
    int32_t *value; /* [n] by node: what ends here, or -1 */
    size_t n, cap;
} atti_trie;

/* A string added twice keeps its first value. */
ATT_MUST_CHECK att_status atti_trie_add(atti_trie *t, const char *s, size_t n,
                                        int32_t value);
void atti_trie_deinit(atti_trie *t);
/* The child, 0 where there is none. A trie without strings is fine. */
uint32_t atti_trie_step(const atti_trie *t, uint32_t node, unsigned char byte);
static inline int32_t atti_trie_value(const atti_trie *t, uint32_t node)
{
    return node < t->n ? t->value[node] : -1;
}

#endif
