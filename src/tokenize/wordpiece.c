/* wordpiece.c - greedy longest match (Wu et al. 2016, as BERT does it) and whole words. */
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"

/* The longest piece that begins s, walked from a node of the trie; *len = 0: none. */
static int32_t longest(const atti_trie *t, uint32_t node, const char *s, size_t n,
                       size_t *len)
{
    int32_t best = -1;
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        node = atti_trie_step(t, node, (unsigned char)s[i]);
        if (node == 0) break;
        if (atti_trie_value(t, node) >= 0) {
            best = atti_trie_value(t, node);
            *len = i + 1;
        }
    }
    return best;
}

static bool too_long(const char *s, size_t n, int64_t max_chars)
{
    int64_t chars = 0;
    for (size_t at = 0; at < n; chars++) atti_next_code(s, n, &at);
    return chars > max_chars;
}

/* Pieces are UTF-8, so a match never ends inside a character. */
att_status atti_wordpiece_word(const atti_pipeline *p, const char *s, size_t n,
                               atti_ids *o)
{
    const atti_tok_model *m = &p->model;
    if (m->kind == ATTI_M_WORDLEVEL) {
        int32_t id = atti_pieces_find(&p->pieces, s, n);
        return atti_ids_add(o, id < 0 ? m->unk : id);
    }
    if (too_long(s, n, m->max_chars)) return atti_ids_add(o, m->unk);
    uint32_t inner = 0;
    bool has_inner = true; /* the continuation prefix leads somewhere */
    for (size_t i = 0; i < m->prefix_n && has_inner; i++) {
        inner = atti_trie_step(&m->trie, inner, (unsigned char)m->prefix[i]);
        has_inner = inner != 0;
    }
    size_t before = *o->n, len = 0;
    for (size_t at = 0; at < n; at += len) {
        int32_t id = -1;
        len = 0;
        if (at == 0 || has_inner) {
            id = longest(&m->trie, at == 0 ? 0 : inner, s + at, n - at, &len);
        }
        if (id < 0) {
            /* One part that cannot be made makes the whole word unknown. */
            *o->n = before;
            return atti_ids_add(o, m->unk);
        }
        ATTI_TRY(atti_ids_add(o, id));
    }
    return ATT_OK;
}
