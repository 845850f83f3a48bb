/* tok_pipeline.c - builds a pipeline from its parts and runs text through it. */
#include "tokenize/tok_pipeline.h"
#include "base/alloc.h"
#include "tokenize/unicode_classes.h"
#include <math.h>
#include <string.h>

att_status atti_pipeline_create(atti_pipeline **out, const char *name)
{
    atti_pipeline *p = NULL;
    if (!atti_unicode_there()) {
        return atti_fail(ATT_ENOTSUP, "%s: this build has no utf8proc", name);
    }
    ATTI_TRY(atti_alloc(&p, 1, sizeof *p, "tokenizer"));
    p->unk = p->bos = p->eos = p->pad = p->model.unk = -1;
    att_status st = atti_strdup(&p->name, name);
    if (st != ATT_OK) {
        atti_pipeline_destroy(p);
        return st;
    }
    *out = p;
    return ATT_OK;
}

static void steps_deinit(atti_steps *s)
{
    for (size_t i = 0; i < s->n; i++) {
        atti_free(s->list[i].a);
        atti_free(s->list[i].b);
    }
    atti_free(s->list);
}

void atti_pipeline_destroy(atti_pipeline *p)
{
    if (!p) return;
    atti_pieces_deinit(&p->pieces);
    atti_free(p->model.prefix);
    atti_free(p->model.suffix);
    atti_free(p->model.merges);
    atti_free(p->model.scores);
    atti_trie_deinit(&p->model.trie);
    steps_deinit(&p->norm);
    steps_deinit(&p->pre);
    steps_deinit(&p->dec);
    atti_free(p->charsmap);
    atti_free(p->added);
    atti_free(p->special);
    atti_free(p->added_of);
    atti_trie_deinit(&p->raw);
    atti_trie_deinit(&p->normalized);
    atti_free(p->single.list);
    atti_free(p->pair.list);
    atti_free(p->name);
    atti_free(p);
}

static att_status copy_text(char **to, const char *from, size_t n)
{
    if (!from) return ATT_OK;
    ATTI_TRY(atti_alloc_raw(to, n + 1, 1, "tokenizer"));
    memcpy(*to, from, n);
    (*to)[n] = '\0';
    return ATT_OK;
}

att_status atti_steps_add(const atti_pipeline *p, atti_steps *s, const atti_step *step)
{
    if (s->n >= ATTI_MAX_STEPS) {
        return atti_fail(ATT_EFORMAT, "%s: more than %d steps in a sequence", p->name,
                         ATTI_MAX_STEPS);
    }
    ATTI_TRY(atti_grow(&s->list, &s->cap, s->n + 1, sizeof *s->list, "tokenizer"));
    atti_step *to = &s->list[s->n++];
    *to = *step;
    to->a = to->b = NULL;
    ATTI_TRY(copy_text(&to->a, step->a, step->a_n));
    return copy_text(&to->b, step->b, step->b_n);
}

att_status atti_template_add(atti_template *t, int32_t id, int32_t type)
{
    ATTI_TRY(atti_grow(&t->list, &t->cap, t->n + 1, sizeof *t->list, "template"));
    t->list[t->n++] = (atti_slot){id, type};
    return ATT_OK;
}

att_status atti_pipeline_add_token(atti_pipeline *p, const char *s, size_t n,
                                   int64_t id, uint32_t flags)
{
    if (n == 0) return atti_fail(ATT_EFORMAT, "%s: an empty added token", p->name);
    int32_t there = atti_pieces_find_any(&p->pieces, s, n);
    if (there < 0) {
        ATTI_TRY(atti_pieces_add(&p->pieces, s, n, id, p->name));
    } else if (there != id) {
        return atti_fail(ATT_EFORMAT,
                         "%s: added token '%.80s' has id %lld, the vocabulary says %d",
                         p->name, s, (long long)id, there);
    }
    ATTI_TRY(atti_grow(&p->added, &p->cap_added, p->n_added + 1, sizeof *p->added,
                       "added tokens"));
    p->added[p->n_added++] = (atti_added){(int32_t)id, flags};
    return ATT_OK;
}

static void find_bytes(atti_pipeline *p)
{
    for (unsigned b = 0; b < 256; b++) {
        static const char hex[] = "0123456789ABCDEF";
        char name[6] = {'<', '0', 'x', hex[b >> 4], hex[b & 15], '>'};
        p->model.bytes[b] = atti_pieces_find(&p->pieces, name, sizeof name);
    }
}

att_status atti_model_finish(atti_pipeline *p)
{
    atti_tok_model *m = &p->model;
    find_bytes(p);
    if (m->kind != ATTI_M_WORDPIECE && m->kind != ATTI_M_UNIGRAM) return ATT_OK;
    for (size_t i = 0; i < p->pieces.n_model; i++) {
        const atti_pieces_entry *e = &p->pieces.list[i];
        ATTI_TRY(atti_trie_add(&m->trie, p->pieces.text + e->at, e->len, e->id));
    }
    return ATT_OK;
}

/* The token as the normalised text would show it. */
static att_status add_normalized(atti_pipeline *p, size_t i, const char *s, size_t n)
{
    atti_cuts a = {0}, b = {0};
    atti_str_add_n(&a.text, s, n);
    att_status st = a.text.status;
    if (st == ATT_OK) st = atti_normalize(p, &a, &b);
    if (st == ATT_OK && a.text.len > 0) {
        st = atti_trie_add(&p->normalized, a.text.data, a.text.len, (int32_t)i);
    }
    atti_cuts_deinit(&a);
    atti_cuts_deinit(&b);
    return st;
}

att_status atti_pipeline_finish(atti_pipeline *p)
{
    ATTI_TRY(atti_pieces_seal(&p->pieces, p->name));
    size_t size = (size_t)p->pieces.size;
    ATTI_TRY(atti_alloc(&p->special, size, 1, "tokenizer"));
    ATTI_TRY(atti_alloc_raw(&p->added_of, size, sizeof *p->added_of, "tokenizer"));
    for (size_t i = 0; i < size; i++) p->added_of[i] = -1;
    for (size_t i = 0; i < p->n_added; i++) {
        const atti_added *t = &p->added[i];
        size_t n = 0;
        const char *s = atti_pieces_get(&p->pieces, t->id, &n);
        if (t->flags & ATTI_A_SPECIAL) p->special[t->id] = 1;
        if (p->added_of[t->id] >= 0) {
            return atti_fail(ATT_EFORMAT, "%s: added token '%.80s' comes twice",
                             p->name, s);
        }
        p->added_of[t->id] = (int32_t)i;
        if (t->flags & ATTI_A_NORMALIZED) {
            ATTI_TRY(add_normalized(p, i, s, n));
        } else {
            ATTI_TRY(atti_trie_add(&p->raw, s, n, (int32_t)i));
        }
    }
    p->unk = p->model.unk;
    return ATT_OK;
}

void atti_work_deinit(atti_work *w)
{
    for (int i = 0; i < 3; i++) atti_free(w->mem[i]);
    atti_str_deinit(&w->text);
}

att_status atti_ids_add(atti_ids *o, int32_t id)
{
    ATTI_TRY(atti_grow(o->ids, o->cap, *o->n + 1, sizeof **o->ids, "token ids"));
    (*o->ids)[(*o->n)++] = id;
    return ATT_OK;
}

/* --- encoding ------------------------------------------------------------------------ */

typedef struct run {
    const atti_pipeline *p;
    atti_ids out;
    atti_work work;
    atti_cuts a, b;
    atti_str norm; /* the normalised section, while parts of it are cut up */
} run;

static att_status word(run *r, const char *s, size_t n)
{
    switch (r->p->model.kind) {
    case ATTI_M_BPE: return atti_bpe_word(r->p, s, n, &r->work, &r->out);
    case ATTI_M_UNIGRAM: return atti_unigram_word(r->p, s, n, &r->work, &r->out);
    default: return atti_wordpiece_word(r->p, s, n, &r->out);
    }
}

static att_status words(run *r, const char *s, size_t n, bool first)
{
    atti_str_clear(&r->a.text);
    atti_str_add_n(&r->a.text, s, n);
    ATTI_TRY(r->a.text.status);
    ATTI_TRY(atti_grow(&r->a.list, &r->a.cap, 1, sizeof *r->a.list, "cuts"));
    r->a.list[0] = (atti_cut){0, n, first};
    r->a.n = 1;
    ATTI_TRY(atti_pretokenize(r->p, &r->a, &r->b));
    for (size_t i = 0; i < r->a.n; i++) {
        const atti_cut *c = &r->a.list[i];
        ATTI_TRY(word(r, r->a.text.data + c->start, c->end - c->start));
    }
    return ATT_OK;
}

/* A section of the input without raw added tokens; head as in atti_cuts. */
typedef att_status section_fn(run *r, const char *s, size_t n, size_t head);

static bool word_before(const char *s, size_t at)
{
    size_t from = at;
    if (at == 0) return false;
    do from--;
    while (from > 0 && ((unsigned char)s[from] & 0xc0) == 0x80);
    return atti_is_word(atti_next_code(s, at, &from));
}

static bool word_at(const char *s, size_t n, size_t at)
{
    return at < n && atti_is_word(atti_next_code(s, n, &at));
}

/* Back over spaces that end at `at`, not past `low`. */
static size_t skip_back(const char *s, size_t at, size_t low)
{
    while (at > low) {
        size_t from = at, next;
        do from--;
        while (from > low && ((unsigned char)s[from] & 0xc0) == 0x80);
        next = from;
        if (!atti_unicode_is_space(atti_next_code(s, at, &next))) break;
        at = from;
    }
    return at;
}

static size_t skip_spaces(const char *s, size_t n, size_t at)
{
    while (at < n) {
        size_t next = at;
        if (!atti_unicode_is_space(atti_next_code(s, n, &next))) break;
        at = next;
    }
    return at;
}

/* The longest string of the trie at s[at]; its value, or -1. */
static int32_t match(const atti_trie *t, const char *s, size_t n, size_t at,
                     size_t *end)
{
    int32_t best = -1;
    uint32_t node = 0;
    for (size_t i = at; i < n; i++) {
        node = atti_trie_step(t, node, (unsigned char)s[i]);
        if (node == 0) break;
        if (atti_trie_value(t, node) >= 0) {
            best = atti_trie_value(t, node);
            *end = i + 1;
        }
    }
    return best;
}

/* Cuts s at the added tokens of a trie, leftmost and longest first; what lies between
 * them goes to rest. */
static att_status by_added(run *r, const atti_trie *t, const char *s, size_t n,
                           size_t head, section_fn *rest)
{
    size_t done = 0, at = 0;
    while (at < n && t->n > 0) {
        size_t stop = at;
        int32_t i = match(t, s, n, at, &stop);
        if (i < 0) {
            at++;
            continue;
        }
        const atti_added *tok = &r->p->added[i];
        size_t start = at;
        at = stop;
        if ((tok->flags & ATTI_A_SINGLE_WORD) &&
            (word_before(s, start) || word_at(s, n, stop))) {
            continue;
        }
        if (start < done) start = done; /* rstrip took its first spaces */
        if (tok->flags & ATTI_A_LSTRIP) start = skip_back(s, start, done);
        if (tok->flags & ATTI_A_RSTRIP) stop = skip_spaces(s, n, stop);
        if (start > done) {
            ATTI_TRY(rest(r, s + done, start - done, head > done ? head - done : 0));
        }
        ATTI_TRY(atti_ids_add(&r->out, tok->id));
        done = stop;
    }
    return n > done ? rest(r, s + done, n - done, head > done ? head - done : 0)
                    : ATT_OK;
}

static att_status normalized_section(run *r, const char *s, size_t n, size_t head)
{
    return words(r, s, n, head > 0);
}

static att_status raw_section(run *r, const char *s, size_t n, size_t head)
{
    atti_str_clear(&r->a.text);
    atti_str_add_n(&r->a.text, s, n);
    ATTI_TRY(r->a.text.status);
    r->a.head = head;
    ATTI_TRY(atti_normalize(r->p, &r->a, &r->b));
    /* The cuts' texts are used again below: the normalised text moves out of the way. */
    atti_str swap = r->norm;
    r->norm = r->a.text;
    r->a.text = swap;
    return by_added(r, &r->p->normalized, r->norm.data ? r->norm.data : "", r->norm.len,
                    r->a.head, normalized_section);
}

/* Every ill-formed sequence becomes one U+FFFD, as the Unicode standard recommends
 * (maximal subparts): what Python's and Rust's decoders give the original. */
static void add_repaired(atti_str *out, const char *s, size_t n)
{
    for (size_t at = 0; at < n;) {
        int len = atti_utf8_len(s + at, n - at);
        if (len > 0) {
            atti_str_add_n(out, s + at, (size_t)len);
            at += (size_t)len;
            continue;
        }
        atti_str_add(out, "\xef\xbf\xbd");
        unsigned char b = (unsigned char)s[at++];
        unsigned lo = 0x80, hi = 0xbf;
        int tail = b >= 0xc2 && b <= 0xdf   ? 1
                   : b >= 0xe0 && b <= 0xef ? 2
                   : b >= 0xf0 && b <= 0xf4 ? 3
                                            : 0;
        if (b == 0xe0) lo = 0xa0;
        if (b == 0xed) hi = 0x9f;
        if (b == 0xf0) lo = 0x90;
        if (b == 0xf4) hi = 0x8f;
        while (tail-- > 0 && at < n && (unsigned char)s[at] >= lo &&
               (unsigned char)s[at] <= hi) {
            lo = 0x80;
            hi = 0xbf;
            at++;
        }
    }
}

void atti_add_valid(atti_str *out, const char *s, size_t n)
{
    if (atti_utf8_valid(s, n)) {
        atti_str_add_n(out, s, n);
    } else {
        add_repaired(out, s, n);
    }
}

att_status atti_pipeline_encode(const atti_pipeline *p, const char *text, size_t n,
                                int32_t **ids, size_t *count, size_t *cap)
{
    run r = {.p = p, .out = {ids, count, cap}};
    atti_str valid = {0};
    size_t before = *count, head = 0;
    atti_add_valid(&valid, text, n);
    att_status st = valid.status;
    if (st == ATT_OK && valid.len > 0) {
        atti_next_code(valid.data, valid.len, &head);
        st = by_added(&r, &p->raw, valid.data, valid.len, head, raw_section);
    }
    if (st != ATT_OK) *count = before;
    atti_str_deinit(&valid);
    atti_str_deinit(&r.norm);
    atti_work_deinit(&r.work);
    atti_cuts_deinit(&r.a);
    atti_cuts_deinit(&r.b);
    return st;
}
