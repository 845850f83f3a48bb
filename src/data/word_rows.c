/* word_rows.c - runs of ids to words, characters and neighbours. */
#include "data/word_rows.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "tokenize/lexicon.h"
#include <string.h>

void atti_word_rows_deinit(atti_word_rows *w)
{
    atti_free(w->seq_at);
    atti_free(w->word);
    atti_free(w->char_at);
    atti_free(w->chars);
    atti_free(w->near);
    memset(w, 0, sizeof *w);
}

static att_status make_room(atti_word_rows *w, size_t n_ids, size_t seqs)
{
    ATTI_TRY(atti_grow(&w->seq_at, &w->cap_seq, seqs + 1, 4, "words"));
    ATTI_TRY(atti_grow(&w->word, &w->cap_word, n_ids, 4, "words"));
    ATTI_TRY(atti_grow(&w->char_at, &w->cap_char_at, n_ids + 1, 4, "words"));
    return atti_grow(&w->chars, &w->cap_chars, n_ids, 4, "characters");
}

static att_status find_near(atti_word_rows *w)
{
    size_t need = 2 * (size_t)w->reach * (size_t)w->n_words;
    ATTI_TRY(atti_grow(&w->near, &w->cap_near, need, 4, "words"));
    for (int32_t k = 1; k <= w->reach; k++) {
        int32_t *before = w->near + 2 * (k - 1) * w->n_words;
        int32_t *after = before + w->n_words;
        for (int64_t s = 0; s < w->n_seqs; s++) {
            int32_t first = w->seq_at[s], end = w->seq_at[s + 1];
            for (int32_t i = first; i < end; i++) {
                before[i] = i - k >= first ? i - k : -1;
                after[i] = i + k < end ? i + k : -1;
            }
        }
    }
    return ATT_OK;
}

att_status atti_word_rows_make(atti_word_rows *w, const int32_t *ids,
                               const int32_t *offsets, int64_t n_seqs, int32_t reach)
{
    ATTI_TRY(make_room(w, (size_t)offsets[n_seqs], (size_t)n_seqs));
    w->n_seqs = n_seqs;
    w->n_words = w->n_chars = 0;
    w->reach = reach;
    for (int64_t s = 0; s < n_seqs; s++) {
        w->seq_at[s] = (int32_t)w->n_words;
        if (offsets[s] < offsets[s + 1] && ids[offsets[s]] < ATTI_LEXICON_CHARS)
            return atti_fail(ATT_EINVAL, "sequence %lld does not begin with a word",
                             (long long)s);
        for (int32_t i = offsets[s]; i < offsets[s + 1]; i++) {
            if (ids[i] < ATTI_LEXICON_CHARS) {
                w->chars[w->n_chars++] = ids[i];
                continue;
            }
            w->char_at[w->n_words] = (int32_t)w->n_chars;
            w->word[w->n_words++] = ids[i] - ATTI_LEXICON_CHARS;
        }
    }
    w->seq_at[n_seqs] = (int32_t)w->n_words;
    w->char_at[w->n_words] = (int32_t)w->n_chars;
    return reach > 0 ? find_near(w) : ATT_OK;
}
