/* tok_trie.c - the trie of tok_trie.h: edges by open addressing, half full at most. */
#include "tokenize/tok_trie.h"
#include "base/alloc.h"
#include "base/rng.h"

static size_t slot_of(const atti_trie *t, uint64_t key)
{
    size_t i = (size_t)atti_mix64(key) & (t->size - 1);
    while (t->keys[i] != 0 && t->keys[i] != key) i = (i + 1) & (t->size - 1);
    return i;
}

uint32_t atti_trie_step(const atti_trie *t, uint32_t node, unsigned char byte)
{
    if (t->size == 0) return 0;
    size_t i = slot_of(t, ((uint64_t)node << 8 | byte) + 1);
    return t->keys[i] ? t->kids[i] : 0;
}

static att_status grow_table(atti_trie *t)
{
    atti_trie old = *t;
    t->size = old.size ? old.size * 2 : 256;
    t->keys = NULL;
    t->kids = NULL;
    att_status st = atti_alloc(&t->keys, t->size, sizeof *t->keys, "trie");
    if (st == ATT_OK) st = atti_alloc_raw(&t->kids, t->size, sizeof *t->kids, "trie");
    if (st != ATT_OK) {
        atti_free(t->keys);
        *t = old;
        return st;
    }
    for (size_t i = 0; i < old.size; i++) {
        if (old.keys[i] == 0) continue;
        size_t j = slot_of(t, old.keys[i]);
        t->keys[j] = old.keys[i];
        t->kids[j] = old.kids[i];
    }
    atti_free(old.keys);
    atti_free(old.kids);
    return ATT_OK;
}

static att_status new_node(atti_trie *t, uint32_t *node)
{
    if (t->n >= UINT32_MAX - 1) return atti_fail(ATT_EFORMAT, "trie: too many nodes");
    ATTI_TRY(atti_grow(&t->value, &t->cap, t->n + 1, sizeof *t->value, "trie"));
    t->value[t->n] = -1;
    *node = (uint32_t)t->n++;
    return ATT_OK;
}

att_status atti_trie_add(atti_trie *t, const char *s, size_t n, int32_t value)
{
    uint32_t node = 0;
    if (t->n == 0) ATTI_TRY(new_node(t, &node));
    for (size_t i = 0; i < n; i++) {
        uint32_t kid = atti_trie_step(t, node, (unsigned char)s[i]);
        if (kid == 0) {
            if ((t->edges + 1) * 2 > t->size) ATTI_TRY(grow_table(t));
            ATTI_TRY(new_node(t, &kid));
            uint64_t key = ((uint64_t)node << 8 | (unsigned char)s[i]) + 1;
            size_t at = slot_of(t, key);
            t->keys[at] = key;
            t->kids[at] = kid;
            t->edges++;
        }
        node = kid;
    }
    if (t->value[node] < 0) t->value[node] = value;
    return ATT_OK;
}

void atti_trie_deinit(atti_trie *t)
{
    atti_free(t->keys);
    atti_free(t->kids);
    atti_free(t->value);
    *t = (atti_trie){0};
}
