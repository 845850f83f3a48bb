/* lm_text.c - tokens as they are said, to text as it can be shown.
 *
 * A piece's text depends on its neighbours (a space belongs to the next word, a character
 * may be several bytes in several tokens), so the last few tokens are detokenised with
 * and without the new ones and the difference is what was said. A difference that ends in
 * U+FFFD may be half a character and waits for the next token. */
#include "base/alloc.h"
#include "decode/lm_internal.h"

#include <string.h>

enum { CONTEXT_TOKENS = 5, HALF_CHARACTERS = 8 };

void atti_lm_text_deinit(atti_lm_text *t)
{
    atti_free(t->ids);
    atti_str_deinit(&t->all);
    memset(t, 0, sizeof *t);
}

att_status atti_lm_text_start(atti_lm_text *t, const int32_t *prompt, int32_t n)
{
    int32_t from = n > CONTEXT_TOKENS ? n - CONTEXT_TOKENS : 0;
    size_t keep = (size_t)(n - from);
    atti_str_clear(&t->all);
    t->told = t->prefix = 0;
    t->stop = -1;
    ATTI_TRY(atti_grow(&t->ids, &t->cap, keep + 1, sizeof *t->ids, "answer"));
    memcpy(t->ids, prompt + from, keep * sizeof *t->ids);
    t->n = t->read = keep;
    return ATT_OK;
}

static bool ends_open(const char *s, size_t n)
{
    return n >= 3 && memcmp(s + n - 3, "\xef\xbf\xbd", 3) == 0;
}

/* Where the earliest stop string begins at or after `from`, SIZE_MAX where none is. */
static size_t find_stop(const att_lm *s, const atti_lm_text *t, size_t from,
                        int32_t *which)
{
    size_t best = SIZE_MAX;
    for (int32_t i = 0; i < s->o.n_stop; i++) {
        const char *at = t->all.data ? strstr(t->all.data + from, s->stop[i]) : NULL;
        if (!at || (size_t)(at - t->all.data) >= best) continue;
        best = (size_t)(at - t->all.data);
        *which = i;
    }
    return best;
}

static att_status append(att_lm *s, atti_lm_text *t, const char *text, size_t n,
                         bool *met)
{
    size_t old = t->all.len;
    size_t from = old > s->stop_longest ? old - s->stop_longest : 0;
    int32_t which = -1;
    atti_str_add_n(&t->all, text, n);
    if (t->all.status != ATT_OK) return t->all.status;
    size_t at = find_stop(s, t, from, &which);
    if (at == SIZE_MAX) return ATT_OK;
    t->all.data[at] = '\0';
    t->all.len = at;
    t->stop = which;
    *met = true;
    return ATT_OK;
}

/* What the tokens [read, n) add, as *add [*len]; the caller frees *whole. Where earlier
 * text changes too (a run of byte tokens that turned out to be no character), what was
 * said stays, and the new tokens count by themselves. */
static att_status difference(att_lm *s, const atti_lm_text *t, char **whole,
                             const char **add, size_t *len)
{
    char *before = NULL;
    ATTI_TRY(att_tokenizer_decode(s->tokenizer, t->ids + t->prefix, t->read - t->prefix,
                                  &before));
    att_status st =
        att_tokenizer_decode(s->tokenizer, t->ids + t->prefix, t->n - t->prefix, whole);
    size_t n = strlen(before);
    bool same = st == ATT_OK && strncmp(*whole, before, n) == 0;
    if (st == ATT_OK && !same) {
        atti_free(*whole);
        *whole = NULL;
        st =
            att_tokenizer_decode(s->tokenizer, t->ids + t->read, t->n - t->read, whole);
    }
    atti_free(before);
    if (st != ATT_OK) return st;
    *add = same ? *whole + n : *whole;
    *len = strlen(*add);
    return ATT_OK;
}

/* The text of what is new; with `all` also when it may be half a character. */
static att_status advance(att_lm *s, atti_lm_text *t, bool all, bool *met)
{
    char *whole = NULL;
    const char *add;
    size_t len = 0;
    if (!s->tokenizer || t->read == t->n) return ATT_OK;
    att_status st = difference(s, t, &whole, &add, &len);
    /* No character has so many bytes: these are none. */
    all |= t->n - t->read > HALF_CHARACTERS;
    if (st == ATT_OK && len > 0 && (all || !ends_open(add, len))) {
        st = append(s, t, add, len, met);
        t->prefix = t->read;
        t->read = t->n;
    }
    atti_free(whole);
    return st;
}

att_status atti_lm_text_add(att_lm *s, atti_lm_text *t, int32_t id, bool *met)
{
    *met = false;
    ATTI_TRY(atti_grow(&t->ids, &t->cap, t->n + 1, sizeof *t->ids, "answer"));
    t->ids[t->n++] = id;
    return advance(s, t, false, met);
}

att_status atti_lm_text_finish(att_lm *s, atti_lm_text *t, bool *met)
{
    *met = false;
    return t->stop >= 0 ? ATT_OK : advance(s, t, true, met);
}

/* The longest end of the text that begins a stop string. */
static size_t held_back(const att_lm *s, const atti_lm_text *t)
{
    size_t most = t->all.len - t->told, held = 0;
    for (int32_t i = 0; i < s->o.n_stop; i++) {
        size_t n = strlen(s->stop[i]) - 1;
        if (n > most) n = most;
        for (; n > held; n--)
            if (memcmp(t->all.data + t->all.len - n, s->stop[i], n) == 0) held = n;
    }
    return held;
}

void atti_lm_text_ready(const att_lm *s, atti_lm_text *t, bool final, size_t *from,
                        size_t *n_out)
{
    size_t safe = t->all.len;
    if (!final && t->all.data) safe -= held_back(s, t);
    *from = t->told;
    *n_out = safe > t->told ? safe - t->told : 0;
    if (safe > t->told) t->told = safe;
}
