/* bpe.c - byte pair encoding by ranked merges (Sennrich, Haddow and Birch 2016).
 *
 * A word is a linked list of symbols. A heap holds the merges that are possible now, lowest
 * rank first, leftmost on ties; entries that earlier merges made stale are dropped when
 * they come up. n symbols cost O(n log n), whatever the file and the text say. */
#include "base/alloc.h"
#include "base/rng.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

typedef struct symbol {
    int32_t id; /* -1: merged into its left neighbour */
    int32_t prev, next;
} symbol;

typedef struct candidate {
    uint32_t rank;
    int32_t at; /* the left symbol */
    int32_t id; /* what the merge makes */
} candidate;

typedef struct word {
    const atti_pipeline *p;
    atti_work *w;
    symbol *sym;
    size_t n;
    candidate *heap;
    size_t heap_n;
} word;

static uint64_t pair_key(int32_t a, int32_t b)
{
    return ((uint64_t)(uint32_t)a << 32 | (uint32_t)b) + 1;
}

static atti_merge *merge_slot(const atti_tok_model *m, uint64_t pair)
{
    size_t i = (size_t)atti_mix64(pair) & (m->merges_size - 1);
    while (m->merges[i].pair != 0 && m->merges[i].pair != pair) {
        i = (i + 1) & (m->merges_size - 1);
    }
    return &m->merges[i];
}

static const atti_merge *find_merge(const atti_tok_model *m, int32_t a, int32_t b)
{
    if (m->merges_size == 0) return NULL;
    const atti_merge *e = merge_slot(m, pair_key(a, b));
    return e->pair ? e : NULL;
}

att_status atti_bpe_reserve(atti_pipeline *p, size_t n_merges)
{
    if (n_merges > ATTI_MAX_PIECES) {
        return atti_fail(ATT_EFORMAT, "%s: %zu merges, at most %d", p->name, n_merges,
                         ATTI_MAX_PIECES);
    }
    size_t size = 16;
    while (size < n_merges * 2) size *= 2;
    ATTI_TRY(atti_alloc(&p->model.merges, size, sizeof *p->model.merges, "merges"));
    p->model.merges_size = size;
    return ATT_OK;
}

static att_status no_piece(const atti_pipeline *p, size_t rank, const char *s, size_t n)
{
    return atti_fail(ATT_EFORMAT, "%s: merge %zu: '%.*s' is no piece of the vocabulary",
                     p->name, rank, (int)(n < 80 ? n : 80), s);
}

att_status atti_bpe_add_merge(atti_pipeline *p, const char *a, size_t na, const char *b,
                              size_t nb, size_t rank)
{
    atti_tok_model *m = &p->model;
    int32_t left = atti_pieces_find(&p->pieces, a, na);
    int32_t right = atti_pieces_find(&p->pieces, b, nb);
    if (left < 0) return no_piece(p, rank, a, na);
    if (right < 0) return no_piece(p, rank, b, nb);
    size_t skip = m->prefix_n < nb ? m->prefix_n : nb;
    atti_str both = {0};
    atti_str_add_n(&both, a, na);
    atti_str_add_n(&both, b + skip, nb - skip);
    att_status st = both.status;
    if (st == ATT_OK) {
        int32_t id = atti_pieces_find(&p->pieces, both.data ? both.data : "", both.len);
        if (id < 0) {
            st = no_piece(p, rank, both.data ? both.data : "", both.len);
        } else {
            atti_merge *e = merge_slot(m, pair_key(left, right));
            *e = (atti_merge){pair_key(left, right), (uint32_t)rank, id};
        }
    }
    atti_str_deinit(&both);
    return st;
}

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static att_status push(word *w, int32_t at)
{
    if (at < 0 || w->sym[at].next < 0) return ATT_OK;
    const atti_merge *m =
        find_merge(&w->p->model, w->sym[at].id, w->sym[w->sym[at].next].id);
    if (!m) return ATT_OK;
    ATTI_TRY(atti_grow(&w->w->mem[1], &w->w->cap[1], w->heap_n + 1, sizeof *w->heap,
                       "merges of a word"));
    w->heap = w->w->mem[1];
    candidate c = {m->rank, at, m->id};
    size_t i = w->heap_n++;
    while (i > 0 && before(&c, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = c;
    return ATT_OK;
}

static candidate pop(word *w)
{
    candidate top = w->heap[0], c = w->heap[--w->heap_n];
    size_t i = 0;
    for (;;) {
        size_t kid = 2 * i + 1;
        if (kid >= w->heap_n) break;
        if (kid + 1 < w->heap_n && before(&w->heap[kid + 1], &w->heap[kid])) kid++;
        if (!before(&w->heap[kid], &c)) break;
        w->heap[i] = w->heap[kid];
        i = kid;
    }
    w->heap[i] = c;
    return top;
}

static att_status merge_all(word *w)
{
    for (size_t i = 0; i < w->n; i++) ATTI_TRY(push(w, (int32_t)i));
    while (w->heap_n > 0) {
        candidate c = pop(w);
        symbol *left = &w->sym[c.at];
        if (left->id < 0 || left->next < 0) continue;
        symbol *right = &w->sym[left->next];
        const atti_merge *m = find_merge(&w->p->model, left->id, right->id);
        if (!m || m->id != c.id) continue; /* stale */
        left->id = c.id;
        right->id = -1;
        left->next = right->next;
        if (left->next >= 0) w->sym[left->next].prev = c.at;
        ATTI_TRY(push(w, left->prev));
        ATTI_TRY(push(w, c.at));
    }
    return ATT_OK;
}

static att_status add_symbol(word *w, int32_t id)
{
    ATTI_TRY(atti_grow(&w->w->mem[0], &w->w->cap[0], w->n + 1, sizeof *w->sym, "word"));
    w->sym = w->w->mem[0];
    w->sym[w->n] = (symbol){id, (int32_t)w->n - 1, (int32_t)w->n + 1};
    w->n++;
    return ATT_OK;
}

/* One character with the prefix or suffix that its place in the word asks for. */
static int32_t char_id(word *w, const char *s, size_t n, bool first, bool last,
                       const char **text, size_t *len)
{
    const atti_tok_model *m = &w->p->model;
    *text = s;
    *len = n;
    if ((!first && m->prefix_n > 0) || (last && m->suffix_n > 0)) {
        atti_str *t = &w->w->text;
        atti_str_clear(t);
        if (!first) atti_str_add_n(t, m->prefix, m->prefix_n);
        atti_str_add_n(t, s, n);
        if (last) atti_str_add_n(t, m->suffix, m->suffix_n);
        *text = t->data ? t->data : "";
        *len = t->len;
    }
    return atti_pieces_find(&w->p->pieces, *text, *len);
}

/* True when every byte of the text has a piece of its own. */
static bool has_bytes(const atti_tok_model *m, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (m->bytes[(unsigned char)s[i]] < 0) return false;
    }
    return true;
}

static att_status add_chars(word *w, const char *s, size_t n)
{
    const atti_tok_model *m = &w->p->model;
    bool unknown = false; /* seen, not yet added: it may grow */
    for (size_t at = 0; at < n;) {
        size_t from = at, len = 0;
        const char *text = NULL;
        atti_next_code(s, n, &at);
        int32_t id = char_id(w, s + from, at - from, from == 0, at == n, &text, &len);
        ATTI_TRY(w->w->text.status);
        if (id >= 0) {
            if (unknown) ATTI_TRY(add_symbol(w, m->unk));
            unknown = false;
            ATTI_TRY(add_symbol(w, id));
        } else if (m->byte_fallback && has_bytes(m, text, len)) {
            for (size_t i = 0; i < len; i++) {
                ATTI_TRY(add_symbol(w, m->bytes[(unsigned char)text[i]]));
            }
        } else if (m->unk >= 0) {
            if (unknown && !m->fuse_unk) ATTI_TRY(add_symbol(w, m->unk));
            unknown = true;
        }
    }
    return unknown ? add_symbol(w, m->unk) : ATT_OK;
}

att_status atti_bpe_word(const atti_pipeline *p, const char *s, size_t n,
                         atti_work *work, atti_ids *o)
{
    if (n >= INT32_MAX / 2) {
        return atti_fail(ATT_EINVAL, "%s: a word of %zu bytes", p->name, n);
    }
    if (p->model.ignore_merges) {
        int32_t id = atti_pieces_find(&p->pieces, s, n);
        if (id >= 0) return atti_ids_add(o, id);
    }
    word w = {.p = p, .w = work};
    ATTI_TRY(add_chars(&w, s, n));
    if (w.n == 0) return ATT_OK;
    w.sym[w.n - 1].next = -1;
    ATTI_TRY(merge_all(&w));
    for (int32_t i = 0; i >= 0; i = w.sym[i].next)
        ATTI_TRY(atti_ids_add(o, w.sym[i].id));
    return ATT_OK;
}
