/* head_corpus.c - texts and what is right about them as ids, for measuring heads: pairs of a
 * translator, running text of a decoder, texts or words with labels of an encoder. */
#include "insight/head_corpus.h"

#include "decode/classify_internal.h"
#include "models/decoder/decoder_config.h"
#include "models/marian/marian_build.h"
#include "models/rnn/rnn_config.h"

#include <string.h>

enum { SRC = ATTI_CORPUS_SRC, TGT = ATTI_CORPUS_TGT, SAY = ATTI_CORPUS_SAY };

void atti_head_corpus_deinit(atti_head_corpus *c)
{
    for (int i = 0; i < 3; i++) {
        atti_free(c->ids[i]);
        atti_free(c->first[i]);
    }
}

int64_t atti_longest_text(const att_explainer *x)
{
    const atti_family *f = x->model->family;
    int64_t most = INT64_MAX;
    if (f->build == atti_marian_build) {
        most = ((const atti_marian_config *)x->model->cfg)->max_positions;
    } else if (atti_model_labels(x->model)) {
        most = atti_label_positions(x->model->cfg);
    } else if (f->shape == ATTI_DECODER) {
        most = ((const atti_decoder_config *)x->model->cfg)->max_positions;
    }
    return most < x->o.max_tokens ? most : x->o.max_tokens;
}

static att_status push(atti_head_corpus *c, int side, const int32_t *ids, size_t n)
{
    ATTI_TRY(atti_grow(&c->ids[side], &c->cap[side], c->n_ids[side] + n,
                       sizeof **c->ids, "ids"));
    if (n) memcpy(c->ids[side] + c->n_ids[side], ids, n * sizeof *ids);
    c->n_ids[side] += n;
    return ATT_OK;
}

static att_status push_one(atti_head_corpus *c, int side, int32_t id)
{
    return push(c, side, &id, 1);
}

/* A text for a model of words, of which n are to be labelled. */
static att_status push_words(const att_explainer *x, atti_head_corpus *c,
                             const char *text, size_t *n, size_t *cut)
{
    atti_worded w = {0};
    att_status st = atti_worded_text(&w, x->model, text);
    if (st == ATT_OK) st = push(c, SRC, w.run, w.n_run);
    *n = st == ATT_OK ? w.n - 2 : 0;
    *cut = st == ATT_OK ? (size_t)w.cut : 0;
    atti_worded_deinit(&w);
    return st;
}

/* The text's tokens, at most `most`, to one side. */
static att_status push_text(const att_explainer *x, atti_head_corpus *c, int side,
                            int tokenizer, const char *text, int64_t most)
{
    int32_t *ids = NULL;
    size_t n = 0;
    ATTI_TRY(att_model_encode(x->model, tokenizer, text, strlen(text), &ids, &n));
    if (n > (size_t)most) n = (size_t)most;
    att_status st = push(c, side, ids, n);
    att_free(ids);
    return st;
}

static att_status add_pair(const att_explainer *x, atti_head_corpus *c,
                           const char *source, const char *target)
{
    int64_t most = atti_longest_text(x) - 1;
    ATTI_TRY(push_text(x, c, SRC, 0, source, most));
    ATTI_TRY(push_one(c, TGT, x->start));
    size_t from = c->n_ids[TGT];
    ATTI_TRY(push_text(x, c, TGT, 1, target, most));
    ATTI_TRY(push(c, SAY, c->ids[TGT] + from, c->n_ids[TGT] - from));
    return push_one(c, SAY, x->eos);
}

/* Every token says the next one; what follows the last is not known. */
static att_status add_text(const att_explainer *x, atti_head_corpus *c,
                           const char *text)
{
    size_t from = c->n_ids[TGT];
    ATTI_TRY(push_text(x, c, TGT, 0, text, atti_longest_text(x)));
    size_t n = c->n_ids[TGT] - from;
    if (n == 0) return ATT_OK;
    ATTI_TRY(push(c, SAY, c->ids[TGT] + from + 1, n - 1));
    return push_one(c, SAY, -1);
}

/* -1: no label of the model's. */
static int32_t label_of(const att_explainer *x, const char *text, size_t n)
{
    const atti_encoder_config *c = x->model->cfg;
    for (int64_t i = 0; i < c->n_labels; i++) {
        const char *label = atti_encoder_label(c, i);
        if (strlen(label) == n && memcmp(label, text, n) == 0) return (int32_t)i;
    }
    return -1;
}

static att_status add_labelled(const att_explainer *x, atti_head_corpus *c,
                               const char *text, const char *label, int32_t i)
{
    const atti_encoder_config *cfg = x->model->cfg;
    int32_t id = label_of(x, label, strlen(label));
    if (id < 0)
        return atti_fail(ATT_EINVAL,
                         "heads: text %d has the label '%s', the model has %lld from "
                         "'%s' to '%s'",
                         (int)i + 1, label, (long long)cfg->n_labels,
                         atti_encoder_label(cfg, 0),
                         atti_encoder_label(cfg, cfg->n_labels - 1));
    size_t n, cut;
    ATTI_TRY(atti_is_worded(x->model)
                 ? push_words(x, c, text, &n, &cut)
                 : push_text(x, c, SRC, 0, text, atti_longest_text(x)));
    return push_one(c, SAY, id);
}

/* Up to a space: a word of a list. */
static size_t word_at(const char **p)
{
    *p += strspn(*p, " ");
    return strcspn(*p, " ");
}

static size_t count_words(const char *p)
{
    size_t count = 0;
    for (size_t n; (n = word_at(&p)) > 0; p += n) count++;
    return count;
}

static att_status counts_differ(int32_t i, size_t words, size_t labels)
{
    return atti_fail(ATT_EINVAL, "heads: text %d has %zu words and %zu labels",
                     (int)i + 1, words, labels);
}

static att_status add_tagged_words(const att_explainer *x, atti_head_corpus *c,
                                   const char *words, const char *tags, int32_t i)
{
    size_t n, cut, have = count_words(tags);
    ATTI_TRY(push_words(x, c, words, &n, &cut));
    if (n + cut != have) return counts_differ(i, n + cut, have);
    ATTI_TRY(push_one(c, SAY, -1));
    for (size_t m; n > 0; n--, tags += m) {
        m = word_at(&tags);
        ATTI_TRY(push_one(c, SAY, label_of(x, tags, m)));
    }
    return push_one(c, SAY, -1);
}

/* The words of a list as strings of their own: *text holds them, *list points to them. */
static att_status split_words(const char *words, size_t n, char **text,
                              const char ***list)
{
    ATTI_TRY(atti_strdup(text, words));
    ATTI_TRY(atti_alloc(list, n, sizeof **list, "words"));
    char *p = *text;
    for (size_t i = 0; i < n; i++, p++) {
        p += strspn(p, " ");
        (*list)[i] = p;
        p += strcspn(p, " ");
        if (!*p) break;
        *p = 0;
    }
    return ATT_OK;
}

/* The first piece of each word carries its label, the frame none; of a sentence that is
 * longer than the model's positions the first part counts. */
static att_status push_sentence(atti_head_corpus *c, const att_explainer *x,
                                const att_words *words, const char *tags)
{
    const att_classifier reader = atti_label_reader(x->model);
    atti_label_work w = {0};
    att_status st = atti_label_sentence(&reader, &w, words);
    const atti_label_seq *q = w.seq;
    size_t from = c->n_ids[SAY];
    if (st == ATT_OK) st = push(c, SRC, q->ids, (size_t)q->n);
    for (int32_t i = 0; st == ATT_OK && i < q->n; i++) st = push_one(c, SAY, -1);
    for (int32_t i = 0; st == ATT_OK && i < q->n_items; i++) {
        size_t m = word_at(&tags);
        c->ids[SAY][from + (size_t)q->item_row[i]] = label_of(x, tags, m);
        tags += m;
    }
    atti_label_work_deinit(&w);
    return st;
}

/* As att_tag() reads words. */
static att_status add_tagged(const att_explainer *x, atti_head_corpus *c,
                             const char *words, const char *tags, int32_t i)
{
    char *text = NULL;
    const char **list = NULL;
    size_t all = count_words(words), have = count_words(tags);
    if (atti_is_worded(x->model)) return add_tagged_words(x, c, words, tags, i);
    if (all != have || all == 0) return counts_differ(i, all, have);
    att_status st = split_words(words, all, &text, &list);
    const att_words sentence = {list, (int32_t)all};
    if (st == ATT_OK) st = push_sentence(c, x, &sentence, tags);
    atti_free(list);
    atti_free(text);
    return st;
}

static att_status check(const att_explainer *x, const char *const *targets)
{
    const att_model *m = x->model;
    if (atti_model_labels(m)) {
        const atti_encoder_config *c = m->cfg;
        bool one = c->head == ATTI_HEAD_TOKENS ||
                   (c->head == ATTI_HEAD_SEQUENCE && c->problem == ATTI_ONE_LABEL);
        if (!one)
            return atti_fail(ATT_ENOTSUP,
                             "%s: heads are measured where one label of several is "
                             "said, or words",
                             m->dir);
    }
    if (!targets && m->family->shape != ATTI_DECODER)
        return atti_fail(ATT_EINVAL, "att_explain_heads: targets is NULL");
    return ATT_OK;
}

att_status atti_head_corpus_read(const att_explainer *x, atti_head_corpus *c,
                                 const char *const *sources, const char *const *targets)
{
    const atti_family *f = x->model->family;
    ATTI_TRY(check(x, targets));
    bool labelled = atti_model_labels(x->model);
    bool words = labelled && atti_family_head(f, x->model->cfg) == ATTI_HEAD_TOKENS;
    for (int k = 0; k < 3; k++)
        ATTI_TRY(
            atti_alloc(&c->first[k], (size_t)c->n + 1, sizeof *c->first[k], "offsets"));
    for (int32_t i = 0; i < c->n; i++) {
        if (!sources[i] || (f->shape != ATTI_DECODER && !targets[i]))
            return atti_fail(ATT_EINVAL, "att_explain_heads: text %d is NULL", (int)i);
        ATTI_TRY(f->shape == ATTI_DECODER ? add_text(x, c, sources[i])
                 : !labelled              ? add_pair(x, c, sources[i], targets[i])
                 : words                  ? add_tagged(x, c, sources[i], targets[i], i)
                         : add_labelled(x, c, sources[i], targets[i], i));
        for (int k = 0; k < 3; k++) c->first[k][i + 1] = c->n_ids[k];
    }
    for (size_t i = 0; i < c->n_ids[SAY]; i++)
        if (c->ids[SAY][i] >= 0) return ATT_OK;
    return atti_fail(ATT_EINVAL, "heads: nothing in these texts that the model could "
                                 "say");
}
