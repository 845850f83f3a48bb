/* tok_pretokenize.c - pre-tokenizers: every step reads texts and cuts, and writes the next
 * text with its cuts. */
#include "base/alloc.h"
#include "tokenize/tok_pipeline.h"
#include "tokenize/unicode_classes.h"
#include <string.h>

/* Byte-level BPE gives every byte a printable code point: itself where it has one in
 * Latin-1, the others count up from 256. */
static bool byte_is_itself(unsigned byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

uint32_t atti_byte_to_code(unsigned char byte)
{
    if (byte_is_itself(byte)) return byte;
    if (byte <= 32) return 256U + byte;
    return byte == 173 ? 256U + 67U : 256U + 33U + (byte - 127U);
}

int atti_code_to_byte(uint32_t code)
{
    if (code < 256) return byte_is_itself(code) ? (int)code : -1;
    if (code < 256 + 33) return (int)code - 256;
    if (code < 256 + 67) return (int)(code - 256 - 33 + 127);
    return code == 256 + 67 ? 173 : -1;
}

/* The text of a cut as a step sees it, with what the step put in front. */
typedef struct view {
    const char *s;
    size_t n;
    bool first;
} view;

static att_status add_cut(atti_cuts *out, size_t start, size_t end, bool first)
{
    if (start == end) return ATT_OK;
    ATTI_TRY(atti_grow(&out->list, &out->cap, out->n + 1, sizeof *out->list, "cuts"));
    out->list[out->n++] = (atti_cut){start, end, first};
    return ATT_OK;
}

/* One stretch of text, matched or not, on its way to becoming a cut. Two are held back:
 * joining to the next or the previous one needs no list. */
typedef struct splitter {
    atti_cuts *out;
    size_t base; /* where the view's text begins in out->text */
    bool first;  /* of the view */
    int mode;
    bool have, last_match; /* a pending stretch, and what the previous one was */
    size_t start, end;
} splitter;

static att_status flush(splitter *s)
{
    if (!s->have) return ATT_OK;
    s->have = false;
    return add_cut(s->out, s->base + s->start, s->base + s->end,
                   s->first && s->start == 0);
}

static att_status stretch(splitter *s, size_t start, size_t end, bool match)
{
    bool join = false;
    if (start == end) return ATT_OK;
    switch (s->mode) {
    case ATTI_SPLIT_REMOVED: join = false; break;
    case ATTI_SPLIT_WITH_PREVIOUS: join = match && !s->last_match; break;
    case ATTI_SPLIT_WITH_NEXT: join = s->last_match && !match; break;
    case ATTI_SPLIT_CONTIGUOUS: join = match == s->last_match; break;
    default: break;
    }
    if (!s->have || !join) {
        ATTI_TRY(flush(s));
        s->start = start;
    }
    s->end = end;
    s->have = !(s->mode == ATTI_SPLIT_REMOVED && match);
    s->last_match = match;
    return ATT_OK;
}

/* A cut for every stretch between matches of find, and the matches as mode says. */
typedef bool find_fn(const atti_step *s, const char *text, size_t n, size_t at,
                     size_t *start, size_t *end);

static att_status split(atti_cuts *out, view v, const atti_step *step, find_fn *find,
                        int mode, bool invert)
{
    splitter s = {.out = out, .base = out->text.len, .first = v.first, .mode = mode};
    size_t at = 0, start = 0, end = 0;
    atti_str_add_n(&out->text, v.s, v.n);
    while (find(step, v.s, v.n, at, &start, &end)) {
        ATTI_TRY(stretch(&s, at, start, invert));
        ATTI_TRY(stretch(&s, start, end, !invert));
        at = end;
    }
    ATTI_TRY(stretch(&s, at, v.n, invert));
    return flush(&s);
}

/* Single characters of a class as matches. */
static bool find_class(const char *text, size_t n, size_t at, size_t *start,
                       size_t *end, bool (*is)(uint32_t c))
{
    while (at < n) {
        size_t from = at;
        if (is(atti_next_code(text, n, &at))) {
            *start = from;
            *end = at;
            return true;
        }
    }
    return false;
}

static bool find_space(const atti_step *s, const char *text, size_t n, size_t at,
                       size_t *start, size_t *end)
{
    (void)s;
    return find_class(text, n, at, start, end, atti_unicode_is_space);
}
static bool find_punct(const atti_step *s, const char *text, size_t n, size_t at,
                       size_t *start, size_t *end)
{
    (void)s;
    return find_class(text, n, at, start, end, atti_is_punct);
}
static bool find_number(const atti_step *s, const char *text, size_t n, size_t at,
                        size_t *start, size_t *end)
{
    (void)s;
    return find_class(text, n, at, start, end, atti_is_number);
}

static bool is_bert_break(uint32_t c)
{
    return atti_unicode_is_space(c) || atti_is_punct(c);
}

/* Spaces vanish, punctuation stands alone. */
static att_status split_bert(atti_cuts *out, view v)
{
    size_t base = out->text.len, at = 0, start = 0, end = 0;
    atti_str_add_n(&out->text, v.s, v.n);
    while (find_class(v.s, v.n, at, &start, &end, is_bert_break)) {
        size_t code = start;
        ATTI_TRY(add_cut(out, base + at, base + start, v.first && at == 0));
        if (!atti_unicode_is_space(atti_next_code(v.s, v.n, &code))) {
            ATTI_TRY(add_cut(out, base + start, base + end, v.first && start == 0));
        }
        at = end;
    }
    return add_cut(out, base + at, base + v.n, v.first && at == 0);
}

static bool find_text(const atti_step *s, const char *text, size_t n, size_t at,
                      size_t *start, size_t *end)
{
    atti_step literal = {.a = s->a, .a_n = s->a_n};
    return atti_step_find(&literal, text, n, at, start, end);
}

/* Spaces become the sign; a sign goes in front; cut in front of every sign. */
static att_status metaspace(atti_cuts *out, view v, const atti_step *step, atti_str *w)
{
    bool starts = (v.n > 0 && v.s[0] == ' ') ||
                  (v.n >= step->a_n && memcmp(v.s, step->a, step->a_n) == 0);
    atti_str_clear(w);
    if (!starts && v.n > 0 &&
        (step->mode == ATTI_ALWAYS || (step->mode == ATTI_FIRST && v.first))) {
        atti_str_add_n(w, step->a, step->a_n);
    }
    for (size_t i = 0; i < v.n; i++) {
        if (v.s[i] == ' ') {
            atti_str_add_n(w, step->a, step->a_n);
        } else {
            atti_str_add_n(w, v.s + i, 1);
        }
    }
    ATTI_TRY(w->status);
    view whole = {w->data ? w->data : "", w->len, v.first};
    if (step->flags & ATTI_F_SPLIT) {
        return split(out, whole, step, find_text, ATTI_SPLIT_WITH_NEXT, false);
    }
    size_t base = out->text.len;
    atti_str_add_n(&out->text, whole.s, whole.n);
    return add_cut(out, base, base + whole.n, v.first);
}

static att_status byte_level(atti_cuts *out, view v, const atti_step *step, atti_str *w)
{
    atti_str_clear(w);
    if ((step->flags & ATTI_F_PREFIX) && v.n > 0 && v.s[0] != ' ') atti_str_add(w, " ");
    atti_str_add_n(w, v.s, v.n);
    ATTI_TRY(w->status);
    const char *s = w->data ? w->data : "";
    for (size_t at = 0; at < w->len;) {
        size_t len =
            step->flags & ATTI_F_REGEX ? atti_scan_gpt2(s, w->len, at) : w->len;
        size_t base = out->text.len;
        for (size_t i = at; i < at + len; i++) {
            atti_add_code(&out->text, atti_byte_to_code((unsigned char)s[i]));
        }
        ATTI_TRY(add_cut(out, base, out->text.len, v.first && at == 0));
        at += len;
    }
    return out->text.status;
}

static att_status run_step(const atti_step *s, atti_cuts *out, view v, atti_str *w)
{
    bool invert = (s->flags & ATTI_F_INVERT) != 0;
    switch (s->kind) {
    case ATTI_P_BERT: return split_bert(out, v);
    case ATTI_P_BYTES: return byte_level(out, v, s, w);
    case ATTI_P_METASPACE: return metaspace(out, v, s, w);
    case ATTI_P_WORDS: {
        atti_step words = {.scan = atti_scan_words};
        return split(out, v, &words, atti_step_find, ATTI_SPLIT_REMOVED, true);
    }
    case ATTI_P_SPACES: return split(out, v, s, find_space, ATTI_SPLIT_REMOVED, false);
    case ATTI_P_DIGITS:
        return split(out, v, s, find_number,
                     s->flags & ATTI_F_EACH ? ATTI_SPLIT_ISOLATED
                                            : ATTI_SPLIT_CONTIGUOUS,
                     false);
    case ATTI_P_PUNCT: return split(out, v, s, find_punct, s->mode, false);
    default: return split(out, v, s, atti_step_find, s->mode, invert);
    }
}

att_status atti_pretokenize(const atti_pipeline *p, atti_cuts *a, atti_cuts *b)
{
    atti_str work = {0};
    att_status st = ATT_OK;
    for (size_t i = 0; st == ATT_OK && i < p->pre.n; i++) {
        atti_str_clear(&b->text);
        b->n = 0;
        for (size_t k = 0; st == ATT_OK && k < a->n; k++) {
            view v = {a->text.data + a->list[k].start,
                      a->list[k].end - a->list[k].start, a->list[k].first};
            st = run_step(&p->pre.list[i], b, v, &work);
        }
        if (st == ATT_OK) st = b->text.status;
        atti_cuts swap = *a;
        *a = *b;
        *b = swap;
    }
    atti_str_deinit(&work);
    return st;
}

void atti_cuts_deinit(atti_cuts *c)
{
    atti_str_deinit(&c->text);
    atti_free(c->list);
}
