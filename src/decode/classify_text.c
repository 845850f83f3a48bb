/* classify_text.c - texts and words to the token rows that an encoder labels. */
#include "base/alloc.h"
#include "base/checked.h"
#include "decode/classify_internal.h"
#include "tokenize/lexicon.h"

#include <string.h>

static att_status new_seq(atti_label_work *w, atti_label_seq **out)
{
    ATTI_TRY(atti_grow(&w->seq, &w->cap, w->n + 1, sizeof *w->seq, "sequences"));
    *out = &w->seq[w->n++];
    memset(*out, 0, sizeof **out);
    return ATT_OK;
}

static att_status need_tokenizer(const att_classifier *c, const att_tokenizer **t)
{
    *t = c->model->tokenizer[0];
    if (*t) return ATT_OK;
    return atti_fail(ATT_ENOTFOUND, "%s: no tokenizer", c->model->dir);
}

static att_status finish(att_classifier *c, att_labels **out, atti_label_work *w,
                         att_labels *r, att_status st)
{
    if (st == ATT_OK) st = atti_label_run(c, w, r);
    atti_label_work_deinit(w);
    if (st != ATT_OK) {
        att_labels_destroy(r);
        return st;
    }
    *out = r;
    return ATT_OK;
}

static att_status one_each(att_labels **r, const att_classifier *c, int32_t n)
{
    int32_t *items = NULL;
    ATTI_TRY(atti_alloc(&items, (size_t)n, sizeof *items, "labels"));
    for (int32_t i = 0; i < n; i++) items[i] = 1;
    att_status st = atti_labels_create(r, c, items, n);
    atti_free(items);
    return st;
}

/* ---- whole texts -------------------------------------------------------------- */

/* Too long: tokens before the last, which ends the text, are dropped. */
static int32_t cut_to(atti_label_seq *q, int32_t longest)
{
    int32_t cut = q->n - longest;
    if (cut <= 0) return 0;
    q->ids[longest - 1] = q->ids[q->n - 1];
    q->types[longest - 1] = q->types[q->n - 1];
    q->n = longest;
    return cut;
}

static att_status add_special(atti_label_seq *q, int32_t id, size_t *n, size_t *cap)
{
    ATTI_TRY(atti_grow(&q->ids, cap, *n + 1, sizeof *q->ids, "words"));
    q->ids[(*n)++] = ATTI_LEXICON_CHARS + id;
    return ATT_OK;
}

static att_status add_worded_text(const att_classifier *c, atti_label_seq *q,
                                  att_labels *r, int32_t i, const char *text,
                                  const char *pair)
{
    size_t n = 0, cap = 0, at = 0, len = 0, bytes = strlen(text);
    int32_t words = 0, cut = 0;
    const char *word;
    if (pair)
        return atti_fail(ATT_ENOTSUP, "att_classify: %s takes one text, not two",
                         c->model->architecture);
    q->job = i;
    q->n_items = 1;
    ATTI_TRY(add_special(q, ATTI_LEXICON_BEGIN, &n, &cap));
    while ((word = atti_lexicon_next_word(text, bytes, &at, &len)) != NULL) {
        if (words++ >= c->longest - 2)
            cut++;
        else
            ATTI_TRY(
                atti_lexicon_encode(&c->model->lexicon, word, len, &q->ids, &n, &cap));
    }
    ATTI_TRY(add_special(q, ATTI_LEXICON_END, &n, &cap));
    q->n = (int32_t)n;
    atti_labels_set_cut(r, i, cut);
    return ATT_OK;
}

static att_status add_text(const att_classifier *c, atti_label_work *w, att_labels *r,
                           int32_t i, const char *text, const char *pair)
{
    const att_tokenizer *t;
    atti_label_seq *q;
    size_t n = 0;
    if (!text) return atti_fail(ATT_EINVAL, "att_classify: text %d is NULL", (int)i);
    if (atti_classifier_words(c)) {
        ATTI_TRY(new_seq(w, &q));
        return add_worded_text(c, q, r, i, text, pair);
    }
    ATTI_TRY(need_tokenizer(c, &t));
    ATTI_TRY(new_seq(w, &q));
    const att_text_pair in = {text, strlen(text), pair, pair ? strlen(pair) : 0};
    ATTI_TRY(att_tokenizer_encode_model(t, &in, &q->ids, &q->types, &n));
    if (n == 0 || n > INT32_MAX)
        return atti_fail(ATT_EINVAL, "att_classify: text %d has %zu tokens", (int)i, n);
    for (size_t k = 0; k < n; k++) {
        if (q->types[k] >= c->cfg->types) q->types[k] = 0;
        if (q->ids[k] < 0 || q->ids[k] >= c->cfg->vocab_size)
            return atti_fail(
                ATT_EFORMAT, "%s: the tokenizer gives token %d, the model knows %lld",
                c->model->dir, (int)q->ids[k], (long long)c->cfg->vocab_size);
    }
    q->job = i;
    q->n = (int32_t)n;
    q->n_items = 1;
    atti_labels_set_cut(r, i, cut_to(q, c->longest));
    return ATT_OK;
}

att_status att_classify(att_classifier *c, att_labels **out, const char *const *texts,
                        const char *const *pairs, int32_t n)
{
    att_labels *r = NULL;
    atti_label_work w = {0};
    if (!c || !out || n < 0 || (n > 0 && !texts))
        return atti_fail(ATT_EINVAL, "att_classify: an argument is NULL or negative");
    if (att_classifier_tags(c))
        return atti_fail(ATT_EINVAL, "att_classify: %s labels words: att_tag()",
                         c->model->architecture);
    ATTI_TRY(one_each(&r, c, n));
    att_status st = ATT_OK;
    for (int32_t i = 0; st == ATT_OK && i < n; i++)
        st = add_text(c, &w, r, i, texts[i], pairs ? pairs[i] : NULL);
    return finish(c, out, &w, r, st);
}

/* ---- words -------------------------------------------------------------------- */

typedef struct tagging {
    const att_classifier *c;
    const att_tokenizer *t;
    atti_label_work *w;
    int32_t *frame; /* the template's special tokens: the first goes before */
    size_t n_frame;
    int32_t *word; /* the present word's tokens */
    size_t n_word, word_cap;
    size_t ids_cap, rows_cap; /* of the open sequence */
    char *spaced;
} tagging;

static att_status push(tagging *g, atti_label_seq *q, int32_t id)
{
    if (id < 0 || id >= g->c->cfg->vocab_size)
        return atti_fail(ATT_EFORMAT,
                         "%s: the tokenizer gives token %d, the model knows %lld",
                         g->c->model->dir, (int)id, (long long)g->c->cfg->vocab_size);
    ATTI_TRY(
        atti_grow(&q->ids, &g->ids_cap, (size_t)q->n + 1, sizeof *q->ids, "tokens"));
    q->ids[q->n++] = id;
    return ATT_OK;
}

static att_status open_seq(tagging *g, atti_label_seq **q, int32_t job, int32_t first)
{
    ATTI_TRY(new_seq(g->w, q));
    g->ids_cap = g->rows_cap = 0;
    (*q)->job = job;
    (*q)->first = first;
    return g->n_frame ? push(g, *q, g->frame[0]) : ATT_OK;
}

static att_status close_seq(tagging *g, atti_label_seq *q)
{
    for (size_t i = 1; i < g->n_frame; i++) ATTI_TRY(push(g, q, g->frame[i]));
    return ATT_OK;
}

/* RoBERTa's pieces carry the space before a word; SentencePiece and WordPiece know where
 * a word begins. */
static att_status split_word(tagging *g, const char *word)
{
    size_t n = strlen(word);
    atti_free(g->spaced);
    g->spaced = NULL;
    ATTI_TRY(atti_alloc(&g->spaced, n + 2, 1, "word"));
    bool space = g->c->cfg->kind == ATTI_ROBERTA;
    g->spaced[0] = ' ';
    memcpy(g->spaced + space, word, n);
    g->n_word = 0;
    ATTI_TRY(att_tokenizer_encode(g->t, g->spaced, n + space, &g->word, &g->n_word,
                                  &g->word_cap));
    if (g->n_word > 0) return ATT_OK;
    int32_t unk = att_tokenizer_unk(g->t);
    if (unk < 0)
        return atti_fail(ATT_EINVAL,
                         "att_tag: '%.40s' has no tokens and there is no "
                         "unknown token",
                         word);
    ATTI_TRY(atti_grow(&g->word, &g->word_cap, 1, sizeof *g->word, "word"));
    g->word[g->n_word++] = unk;
    return ATT_OK;
}

static att_status add_sentence(tagging *g, int32_t job, const att_words *s,
                               int32_t *parts)
{
    atti_label_seq *q = NULL;
    int64_t room = g->c->longest - (int64_t)g->n_frame;
    *parts = 0;
    for (int32_t i = 0; i < s->n; i++) {
        if (!s->words[i])
            return atti_fail(ATT_EINVAL, "att_tag: sentence %d: word %d is NULL",
                             (int)job, (int)i);
        ATTI_TRY(split_word(g, s->words[i]));
        int64_t take = atti_min_i64((int64_t)g->n_word, room);
        if (q && q->n + take > g->c->longest - (int64_t)g->n_frame + 1) {
            ATTI_TRY(close_seq(g, q));
            q = NULL;
            (*parts)++;
        }
        if (!q) ATTI_TRY(open_seq(g, &q, job, i));
        ATTI_TRY(atti_grow(&q->item_row, &g->rows_cap, (size_t)q->n_items + 1,
                           sizeof *q->item_row, "words"));
        q->item_row[q->n_items++] = q->n;
        for (int64_t k = 0; k < take; k++) ATTI_TRY(push(g, q, g->word[k]));
    }
    return q ? close_seq(g, q) : ATT_OK;
}

/* One sentence as a run of words, in parts that fit the model's positions. */
static att_status add_worded_sentence(tagging *g, int32_t job, const att_words *s,
                                      int32_t *parts)
{
    const att_classifier *c = g->c;
    int32_t room = c->longest - 2;
    *parts = s->n > 0 ? (s->n - 1) / room : 0;
    for (int32_t first = 0; first < s->n; first += room) {
        atti_label_seq *q;
        size_t n = 0, cap = 0;
        ATTI_TRY(new_seq(g->w, &q));
        q->job = job;
        q->first = first;
        q->n_items = (int32_t)atti_min_i64(room, s->n - first);
        ATTI_TRY(
            atti_alloc(&q->item_row, (size_t)q->n_items, sizeof *q->item_row, "words"));
        ATTI_TRY(add_special(q, ATTI_LEXICON_BEGIN, &n, &cap));
        for (int32_t i = 0; i < q->n_items; i++) {
            const char *word = s->words[first + i];
            if (!word || !*word)
                return atti_fail(ATT_EINVAL, "att_tag: sentence %d: word %d is %s",
                                 (int)job, (int)(first + i), word ? "empty" : "NULL");
            q->item_row[i] = i + 1;
            ATTI_TRY(atti_lexicon_encode(&c->model->lexicon, word, strlen(word),
                                         &q->ids, &n, &cap));
        }
        ATTI_TRY(add_special(q, ATTI_LEXICON_END, &n, &cap));
        q->n = (int32_t)n;
    }
    return ATT_OK;
}

static att_status find_frame(tagging *g)
{
    const att_text_pair nothing = {.text = ""};
    if (atti_classifier_words(g->c)) return ATT_OK;
    ATTI_TRY(need_tokenizer(g->c, &g->t));
    ATTI_TRY(att_tokenizer_encode_model(g->t, &nothing, &g->frame, NULL, &g->n_frame));
    if ((int64_t)g->n_frame >= g->c->longest)
        return atti_fail(ATT_EINVAL, "att_tag: %d positions hold no word",
                         (int)g->c->longest);
    return ATT_OK;
}

/* r NULL: nobody asks in how many parts. */
static att_status add_sentences(tagging *g, const att_words *s, att_labels *r,
                                int32_t n)
{
    bool words = atti_classifier_words(g->c);
    ATTI_TRY(find_frame(g));
    for (int32_t i = 0; i < n; i++) {
        int32_t parts = 0;
        ATTI_TRY((words ? add_worded_sentence : add_sentence)(g, i, &s[i], &parts));
        if (r) atti_labels_set_cut(r, i, parts);
    }
    return ATT_OK;
}

static void tagging_deinit(tagging *g)
{
    atti_free(g->frame);
    atti_free(g->word);
    atti_free(g->spaced);
}

att_status atti_label_sentence(const att_classifier *c, atti_label_work *w,
                               const att_words *s)
{
    tagging g = {.c = c, .w = w};
    att_status st = add_sentences(&g, s, NULL, 1);
    tagging_deinit(&g);
    return st;
}

att_status att_tag(att_classifier *c, att_labels **out, const att_words *sentences,
                   int32_t n)
{
    att_labels *r = NULL;
    atti_label_work w = {0};
    int32_t *items = NULL;
    if (!c || !out || n < 0 || (n > 0 && !sentences))
        return atti_fail(ATT_EINVAL, "att_tag: an argument is NULL or negative");
    if (!att_classifier_tags(c))
        return atti_fail(ATT_EINVAL, "att_tag: %s labels texts: att_classify()",
                         c->model->architecture);
    for (int32_t i = 0; i < n; i++)
        if (sentences[i].n < 0 || (sentences[i].n > 0 && !sentences[i].words))
            return atti_fail(ATT_EINVAL, "att_tag: sentence %d is NULL or negative",
                             (int)i);
    ATTI_TRY(atti_alloc(&items, (size_t)n, sizeof *items, "labels"));
    for (int32_t i = 0; i < n; i++) items[i] = sentences[i].n;
    att_status st = atti_labels_create(&r, c, items, n);
    atti_free(items);
    if (st != ATT_OK) return st;
    tagging g = {.c = c, .w = &w};
    st = add_sentences(&g, sentences, r, n);
    tagging_deinit(&g);
    return finish(c, out, &w, r, st);
}

/* ---- ids ---------------------------------------------------------------------- */

static att_status copy_ids(int32_t **out, const int32_t *from, int32_t n, int64_t below,
                           const char *what, int32_t i)
{
    ATTI_TRY(atti_alloc(out, (size_t)n, sizeof **out, "ids"));
    for (int32_t k = 0; k < n; k++) {
        if (from[k] < 0 || from[k] >= below)
            return atti_fail(ATT_EINVAL,
                             "att_classify_ids: text %d: %s %d, expected 0..%lld",
                             (int)i, what, (int)from[k], (long long)below - 1);
        (*out)[k] = from[k];
    }
    return ATT_OK;
}

static att_status add_ids(const att_classifier *c, atti_label_work *w, int32_t i,
                          const int32_t *ids, const int32_t *types, int32_t n)
{
    atti_label_seq *q;
    if (n < 1 || n > c->longest || !ids)
        return atti_fail(ATT_EINVAL,
                         "att_classify_ids: text %d has %d tokens, expected 1..%d",
                         (int)i, (int)n, (int)c->longest);
    ATTI_TRY(new_seq(w, &q));
    q->job = i;
    q->n = n;
    q->n_items = att_classifier_tags(c) ? n : 1;
    ATTI_TRY(copy_ids(&q->ids, ids, n, c->cfg->vocab_size, "token", i));
    if (types) ATTI_TRY(copy_ids(&q->types, types, n, c->cfg->types, "type", i));
    if (!att_classifier_tags(c)) return ATT_OK;
    ATTI_TRY(atti_alloc(&q->item_row, (size_t)n, sizeof *q->item_row, "ids"));
    for (int32_t k = 0; k < n; k++) q->item_row[k] = k;
    return ATT_OK;
}

att_status att_classify_ids(att_classifier *c, att_labels **out,
                            const int32_t *const *ids, const int32_t *const *types,
                            const int32_t *n_ids, int32_t n)
{
    att_labels *r = NULL;
    atti_label_work w = {0};
    if (!c || !out || n < 0 || (n > 0 && (!ids || !n_ids)))
        return atti_fail(ATT_EINVAL,
                         "att_classify_ids: an argument is NULL or negative");
    if (atti_classifier_words(c))
        return atti_fail(ATT_ENOTSUP, "att_classify_ids: %s takes words, not tokens",
                         c->model->architecture);
    att_status st = ATT_OK;
    for (int32_t i = 0; st == ATT_OK && i < n; i++)
        st = add_ids(c, &w, i, ids[i], types ? types[i] : NULL, n_ids[i]);
    if (st == ATT_OK && att_classifier_tags(c))
        st = atti_labels_create(&r, c, n_ids, n);
    else if (st == ATT_OK)
        st = one_each(&r, c, n);
    return finish(c, out, &w, r, st);
}
