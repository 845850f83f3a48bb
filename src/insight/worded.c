/* worded.c - texts to words and their ids, as tagging and classifying read them. */
#include "insight/worded.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "models/encoder/encoder_config.h"
#include "tokenize/unicode_classes.h"

#include <string.h>

void atti_worded_deinit(atti_worded *w)
{
    for (size_t i = 0; i < w->n; i++) atti_free(w->text[i]);
    atti_free(w->text);
    atti_free(w->run);
    memset(w, 0, sizeof *w);
}

static att_status add_text(atti_worded *w, const char *word, size_t n)
{
    atti_str clean = {0};
    ATTI_TRY(atti_grow(&w->text, &w->cap, w->n + 1, sizeof *w->text, "words"));
    for (size_t at = 0; at < n;) atti_add_code(&clean, atti_next_code(word, n, &at));
    ATTI_TRY(atti_str_take(&w->text[w->n], &clean));
    w->n++;
    return ATT_OK;
}

static att_status add_special(atti_worded *w, int32_t id, const char *name)
{
    ATTI_TRY(
        atti_grow(&w->run, &w->cap_run, w->n_run + 1, sizeof *w->run, "token ids"));
    w->run[w->n_run++] = ATTI_LEXICON_CHARS + id;
    return add_text(w, name, strlen(name));
}

static att_status add_word(atti_worded *w, const att_model *m, const char *word,
                           size_t n)
{
    const atti_encoder_config *c = m->cfg;
    if ((int64_t)w->n > c->max_positions - 2) {
        w->cut++;
        return ATT_OK;
    }
    ATTI_TRY(
        atti_lexicon_encode(&m->lexicon, word, n, &w->run, &w->n_run, &w->cap_run));
    return add_text(w, word, n);
}

static att_status close_run(atti_worded *w)
{
    if (w->n == 1) return atti_fail(ATT_EINVAL, "explain: a text without tokens");
    return add_special(w, ATTI_LEXICON_END, "</s>");
}

att_status atti_worded_text(atti_worded *w, const att_model *m, const char *text)
{
    size_t at = 0, n = 0, bytes = strlen(text);
    const char *word;
    ATTI_TRY(add_special(w, ATTI_LEXICON_BEGIN, "<s>"));
    while ((word = atti_lexicon_next_word(text, bytes, &at, &n)) != NULL)
        ATTI_TRY(add_word(w, m, word, n));
    return close_run(w);
}

att_status atti_worded_words(atti_worded *w, const att_model *m,
                             const char *const *words, int32_t n)
{
    ATTI_TRY(add_special(w, ATTI_LEXICON_BEGIN, "<s>"));
    for (int32_t i = 0; i < n; i++)
        ATTI_TRY(add_word(w, m, words[i], strlen(words[i])));
    return close_run(w);
}
