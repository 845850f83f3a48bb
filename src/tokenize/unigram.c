/* unigram.c - the most probable segmentation (Kudo 2018) by Viterbi over the pieces.
 *
 * An unknown character costs ten below the least score; neighbouring unknowns become one
 * piece. On equal scores the path found first stays, as in the library whose models these
 * are: pieces are tried from the left, short ones first. */
#include "base/alloc.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <math.h>

typedef struct node {
    double score;
    size_t
        from; /* where the last piece of the best path to here begins; SIZE_MAX none */
    int32_t id; /* -1: an unknown character */
} node;

static void offer(node *to, double score, size_t from, int32_t id)
{
    if (to->from == SIZE_MAX || score > to->score) *to = (node){score, from, id};
}

static void walk(const atti_tok_model *m, const char *s, size_t n, node *best)
{
    for (size_t at = 0; at < n;) {
        size_t next = at;
        atti_next_code(s, n, &next);
        bool whole = false; /* some piece is exactly this character */
        uint32_t t = 0;
        for (size_t i = at; i < n; i++) {
            t = atti_trie_step(&m->trie, t, (unsigned char)s[i]);
            if (t == 0) break;
            int32_t id = atti_trie_value(&m->trie, t);
            if (id < 0) continue;
            offer(&best[i + 1], m->scores[id] + best[at].score, at, id);
            whole = whole || i + 1 == next;
        }
        if (!whole) offer(&best[next], m->unk_score + best[at].score, at, m->unk);
        at = next;
    }
}

/* A stretch that may be unknown, in the words of the vocabulary. */
static att_status emit(const atti_pipeline *p, const char *s, size_t n, atti_ids *o)
{
    const atti_tok_model *m = &p->model;
    int32_t id = atti_pieces_find(&p->pieces, s, n);
    if (id >= 0) return atti_ids_add(o, id);
    bool bytes = m->byte_fallback;
    for (size_t i = 0; i < n && bytes; i++) bytes = m->bytes[(unsigned char)s[i]] >= 0;
    for (size_t i = 0; i < n && bytes; i++) {
        ATTI_TRY(atti_ids_add(o, m->bytes[(unsigned char)s[i]]));
    }
    if (bytes) return ATT_OK;
    if (m->unk < 0) {
        return atti_fail(ATT_EFORMAT, "%s: '%.*s' is unknown and there is no unk_id",
                         p->name, (int)(n < 40 ? n : 40), s);
    }
    return atti_ids_add(o, m->unk);
}

att_status atti_unigram_word(const atti_pipeline *p, const char *s, size_t n,
                             atti_work *w, atti_ids *o)
{
    if (n == 0) return ATT_OK;
    if (n >= SIZE_MAX / sizeof(node) - 1) {
        return atti_fail(ATT_EINVAL, "%s: a word of %zu bytes", p->name, n);
    }
    ATTI_TRY(atti_grow(&w->mem[0], &w->cap[0], n + 1, sizeof(node), "segmentation"));
    ATTI_TRY(atti_grow(&w->mem[1], &w->cap[1], n + 1, sizeof(size_t), "segmentation"));
    node *best = w->mem[0];
    size_t *cut = w->mem[1], cuts = 0;
    for (size_t i = 0; i <= n; i++) best[i] = (node){0.0, SIZE_MAX, -1};
    walk(&p->model, s, n, best);
    /* Back from the end; a run of unknowns is one stretch. */
    bool unknown = false;
    for (size_t end = n; end > 0; end = best[end].from) {
        bool is_unk = best[end].id == p->model.unk;
        if (!(unknown && is_unk)) cut[cuts++] = end;
        unknown = is_unk && p->model.unk >= 0;
    }
    size_t start = 0;
    while (cuts > 0) {
        size_t end = cut[--cuts];
        ATTI_TRY(emit(p, s + start, end - start, o));
        start = end;
    }
    return ATT_OK;
}
