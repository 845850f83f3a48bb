/* explainer.c - from a text to an explanation: decode, then the winner once more through
 * the program with every attention operator watched. */
#include "base/checked.h"
#include "decode/classify_internal.h"
#include "decode/session_internal.h"
#include "insight/insight.h"
#include "models/encoder/encoder_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHOICES_MAX = 64 };

void att_explain_opts_init(att_explain_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->choices = 5;
    o->max_tokens = 10000;
    o->max_bytes = (int64_t)2 << 30;
}

static att_status settle_opts(att_explain_opts *o, const att_explain_opts *in)
{
    att_explain_opts_init(o);
    if (!in) return ATT_OK;
    if (in->size != sizeof *in)
        return atti_fail(ATT_EINVAL,
                         "explain options of %u bytes, not %u: start from "
                         "att_explain_opts_init()",
                         (unsigned)in->size, (unsigned)sizeof *in);
    *o = *in;
    if (o->choices < -1 || o->choices > CHOICES_MAX)
        return atti_fail(ATT_EINVAL, "explain: choices %d is not in -1..%d", o->choices,
                         CHOICES_MAX);
    if (o->max_tokens < 1 || o->max_bytes < 1)
        return atti_fail(ATT_EINVAL, "explain: max_tokens %lld, max_bytes %lld",
                         (long long)o->max_tokens, (long long)o->max_bytes);
    return ATT_OK;
}

/* Weights alone are no answer where there are none. */
static att_status check_weights(const att_explainer *x)
{
    atti_site sites[ATTI_SITES];
    int n = 0;
    ATTI_TRY(atti_lens_sites(&x->look, sites, &n));
    if (n > 0 || x->o.choices >= 0) return ATT_OK;
    return atti_fail(ATT_ENOTSUP, "%s: the model has no attention, so no weights",
                     x->model->dir);
}

att_status att_explainer_create(att_explainer **out, const att_model *model,
                                const att_explain_opts *opts)
{
    att_explainer *x = NULL;
    att_explain_opts o;
    if (!out || !model)
        return atti_fail(ATT_EINVAL, "att_explainer_create: %s is NULL",
                         out ? "model" : "out");
    ATTI_TRY(settle_opts(&o, opts));
    ATTI_TRY(atti_alloc(&x, 1, sizeof *x, "explainer"));
    x->model = model;
    x->o = o;
    atti_lens_init(&x->look, model, 0);
    atti_lens_init(&x->grad, model, 1);
    att_decode_opts d;
    if (o.decode)
        d = *o.decode;
    else
        att_decode_opts_init(&d, model);
    d.n_best = 1;
    att_status st =
        atti_translates(x) ? att_session_create(&x->session, model, &d) : ATT_OK;
    if (st == ATT_OK) st = atti_lens_open(&x->look);
    if (st == ATT_OK) st = check_weights(x);
    if (st != ATT_OK) {
        att_explainer_destroy(x);
        return st;
    }
    x->o.decode = NULL;
    if (x->session) {
        x->start = x->session->start;
        x->eos = x->session->eos;
    }
    *out = x;
    return ATT_OK;
}

void att_explainer_destroy(att_explainer *x)
{
    if (!x) return;
    att_session_destroy(x->session);
    atti_lens_deinit(&x->look);
    atti_lens_deinit(&x->grad);
    atti_free(x);
}

/* ---- the sequences ---- */

static att_status take_room(att_explanation *e, int64_t s, int64_t prefix, int64_t said)
{
    e->n[ATT_SIDE_SOURCE] = s;
    e->n[ATT_SIDE_PREFIX] = prefix;
    e->n[ATT_SIDE_OUTPUT] = said;
    for (int i = 0; i < 3; i++)
        ATTI_TRY(atti_alloc(&e->ids[i], (size_t)e->n[i], sizeof *e->ids[i], "ids"));
    return ATT_OK;
}

/* The program's view of the sequences at hand, then names for everything. */
static att_status finish(att_explainer *x, att_explanation *e)
{
    ATTI_TRY(atti_explanation_watch(x, e));
    ATTI_TRY(atti_name_tokens(x, e));
    e->logprob = (double)NAN;
    if (x->o.choices < 0) return ATT_OK;
    ATTI_TRY(atti_name_choices(x, e));
    int64_t t = e->n[ATT_SIDE_OUTPUT], k = e->n_choices + 1;
    e->logprob = 0.0;
    for (int64_t i = 0; i < t; i++)
        e->logprob += log((double)e->choice[(i + 1) * k - 1].probability);
    return ATT_OK;
}

static att_status fill_pair(att_explainer *x, att_explanation *e, const int32_t *source,
                            int32_t n_source, const int32_t *output, int32_t n_output,
                            int32_t finished)
{
    int64_t t = (int64_t)n_output + (finished ? 1 : 0);
    if (t < 1) return atti_fail(ATT_EINVAL, "explain: the output is empty");
    ATTI_TRY(take_room(e, n_source, t, t));
    memcpy(e->ids[0], source, (size_t)n_source * sizeof *source);
    e->ids[ATT_SIDE_PREFIX][0] = x->start;
    for (int64_t i = 0; i < t; i++) {
        e->ids[ATT_SIDE_OUTPUT][i] = i < n_output ? output[i] : x->eos;
        if (i + 1 < t) e->ids[ATT_SIDE_PREFIX][i + 1] = output[i];
    }
    return finish(x, e);
}

/* The label of a text that was given to be explained, or those of its words; -1: the
 * likeliest. */
typedef struct given {
    int32_t label;
    int32_t *labels; /* [n] a word each; NULL: label for all there is */
    size_t n, cap;
} given;

static const given nothing_given = {.label = -1};

/* Words stand at their rows, or one after the other behind what begins a text. Those that
 * were cut off have no row. */
static att_status give(att_explanation *e, const given *g, size_t words, size_t cut,
                       const int32_t *row)
{
    if (!g->labels) return ATT_OK;
    if (g->n != words + cut)
        return atti_fail(ATT_EINVAL, "%zu labels are given for %zu words", g->n,
                         words + cut);
    for (size_t i = 0; i < words && e->n[ATT_SIDE_OUTPUT] > 0; i++)
        e->ids[ATT_SIDE_OUTPUT][row ? (size_t)row[i] : i + 1] = g->labels[i];
    return ATT_OK;
}

/* A text of n tokens that is read and labelled; label -1: the likeliest. */
static att_status read_room(att_explainer *x, att_explanation *e, int64_t n,
                            int32_t label)
{
    atti_head head = atti_family_head(x->model->family, x->model->cfg);
    int64_t said = !atti_says_label(x) || x->o.choices < 0 ? 0
                   : head == ATTI_HEAD_TOKENS              ? n
                                                           : 1;
    ATTI_TRY(take_room(e, n, 0, said));
    for (int64_t i = 0; i < said; i++) e->ids[ATT_SIDE_OUTPUT][i] = label;
    return ATT_OK;
}

static att_status fill_encoder(att_explainer *x, att_explanation *e,
                               const int32_t *source, int32_t n_source, const given *g)
{
    ATTI_TRY(read_room(x, e, n_source, g->label));
    memcpy(e->ids[0], source, (size_t)n_source * sizeof *source);
    return finish(x, e);
}

/* A sentence whose words begin at the rows that the sequence knows. */
static att_status fill_sentence(att_explainer *x, att_explanation *e,
                                const atti_label_seq *q, const given *g)
{
    ATTI_TRY(read_room(x, e, q->n, g->label));
    ATTI_TRY(give(e, g, (size_t)q->n_items, 0, q->item_row));
    memcpy(e->ids[0], q->ids, (size_t)q->n * sizeof *q->ids);
    return finish(x, e);
}

/* A text that goes on: each token says the next one, the last one the likeliest. */
static att_status fill_decoder(att_explainer *x, att_explanation *e,
                               const int32_t *text, int32_t n_text, const int32_t *more,
                               int32_t n_more)
{
    int64_t t = (int64_t)n_text + n_more;
    ATTI_TRY(take_room(e, 0, t, t));
    int32_t *read = e->ids[ATT_SIDE_PREFIX], *said = e->ids[ATT_SIDE_OUTPUT];
    memcpy(read, text, (size_t)n_text * sizeof *text);
    if (n_more) memcpy(read + n_text, more, (size_t)n_more * sizeof *more);
    for (int64_t i = 0; i < t; i++) said[i] = i + 1 < t ? read[i + 1] : -1;
    return finish(x, e);
}

static att_status check_length(const att_explainer *x, int64_t n, const char *what)
{
    if (n > x->o.max_tokens)
        return atti_fail(ATT_EINVAL,
                         "%s of %lld tokens: at most %lld can be explained at once; "
                         "take a part of it",
                         what, (long long)n, (long long)x->o.max_tokens);
    return ATT_OK;
}

static att_status check_positions(const att_explainer *x, int64_t n, const char *what)
{
    if (n > atti_longest_text(x))
        return atti_fail(ATT_EINVAL,
                         "%s of %lld tokens: the model has %lld positions; take a part "
                         "of it",
                         what, (long long)n, (long long)atti_longest_text(x));
    return ATT_OK;
}

/* e->words is there. */
static att_status fill_words(att_explainer *x, att_explanation *e, const given *g)
{
    const atti_worded *w = &e->words;
    ATTI_TRY(check_length(x, (int64_t)w->n + w->cut, "a text"));
    ATTI_TRY(read_room(x, e, (int64_t)w->n, g->label));
    ATTI_TRY(give(e, g, w->n - 2, (size_t)w->cut, NULL));
    for (size_t i = 0, k = 0; i < w->n_run; i++)
        if (w->run[i] >= ATTI_LEXICON_CHARS)
            e->ids[ATT_SIDE_SOURCE][k++] = w->run[i] - ATTI_LEXICON_CHARS;
    e->source_cut = w->cut;
    return finish(x, e);
}

/* What was said as a text: a translation, a label, the likeliest next word. */
static att_status write_output(const att_explainer *x, att_explanation *e,
                               const int32_t *output, int32_t n_output)
{
    int64_t n = e->n[ATT_SIDE_OUTPUT];
    char *text = NULL;
    if (atti_model_labels(x->model)) { /* a label, or one for each token */
        atti_str s = {0};
        /* Nobody tags the two that frame a sentence. */
        int64_t frame = e->words.n && n > 1;
        for (int64_t i = frame; i < n - frame; i++)
            atti_str_addf(&s, "%s%s", i > frame ? " " : "",
                          e->tokens[ATT_SIDE_OUTPUT][i]);
        atti_str_add(&s, "");
        return atti_str_take(&e->output, &s);
    }
    if (!atti_translates(x))
        return atti_strdup(&e->output, n ? e->tokens[ATT_SIDE_OUTPUT][n - 1] : "");
    att_status st = att_model_decode(x->model, 1, n_output ? output : e->ids[0],
                                     (size_t)n_output, &text);
    if (st == ATT_ENOTFOUND) st = atti_strdup(&text, "");
    e->output = text;
    return st;
}

att_status att_explain_ids(att_explainer *x, att_explanation **out,
                           const int32_t *source, int32_t n_source,
                           const int32_t *output, int32_t n_output, int32_t finished)
{
    att_explanation *e = NULL;
    if (!x || !out || !source || (n_output > 0 && !output))
        return atti_fail(ATT_EINVAL, "att_explain_ids: %s is NULL",
                         !x        ? "the explainer"
                         : !out    ? "out"
                         : !source ? "source"
                                   : "output");
    if (n_source < 1 || n_output < 0)
        return atti_fail(ATT_EINVAL, "explain: a source of %d tokens, an output of %d",
                         n_source, n_output);
    if (atti_is_worded(x->model))
        return atti_fail(ATT_ENOTSUP, "att_explain_ids: %s takes words, not tokens",
                         x->model->architecture);
    ATTI_TRY(check_length(x, n_source, "a text"));
    ATTI_TRY(check_length(x, n_output, "an output"));
    bool goes_on = x->model->family->shape == ATTI_DECODER;
    ATTI_TRY(
        check_positions(x, (int64_t)n_source + (goes_on ? n_output : 0), "a text"));
    ATTI_TRY(check_positions(x, n_output, "an output"));
    ATTI_TRY(atti_alloc(&e, 1, sizeof *e, "explanation"));
    att_status st = atti_translates(x)
                        ? fill_pair(x, e, source, n_source, output, n_output, finished)
                    : atti_model_labels(x->model)
                        ? fill_encoder(x, e, source, n_source, &nothing_given)
                        : fill_decoder(x, e, source, n_source, output, n_output);
    if (st == ATT_OK) st = write_output(x, e, output, n_output);
    if (st != ATT_OK) {
        att_explanation_destroy(e);
        return st;
    }
    *out = e;
    return ATT_OK;
}

static att_status encode_checked(const att_explainer *x, int32_t side, const char *text,
                                 int32_t **ids, size_t *n)
{
    ATTI_TRY(att_model_encode(x->model, side, text, strlen(text), ids, n));
    att_status st = check_length(x, (int64_t)*n, side ? "an output" : "a text");
    if (st == ATT_OK && side == 0 && *n < (atti_translates(x) ? 2U : 1U))
        st = atti_fail(ATT_EINVAL, "explain: a text without tokens");
    if (st != ATT_OK) {
        att_free(*ids);
        *ids = NULL;
    }
    return st;
}

static att_status read_text(att_explainer *x, att_explanation *e, const char *text,
                            const given *g)
{
    int32_t *ids = NULL;
    size_t n = 0;
    if (atti_is_worded(x->model)) {
        ATTI_TRY(atti_worded_text(&e->words, x->model, text));
        return fill_words(x, e, g);
    }
    ATTI_TRY(encode_checked(x, 0, text, &ids, &n));
    size_t most = (size_t)atti_longest_text(x);
    if (n > most) { /* as att_classify(): the last token ends a text */
        ids[most - 1] = ids[n - 1];
        e->source_cut = (int32_t)(n - most);
        n = most;
    }
    att_status st = fill_encoder(x, e, ids, (int32_t)n, g);
    att_free(ids);
    return st;
}

static att_status read_words(att_explainer *x, att_explanation *e,
                             const att_words *words, const given *g)
{
    atti_label_work w = {0};
    if (atti_is_worded(x->model)) {
        ATTI_TRY(atti_worded_words(&e->words, x->model, words->words, words->n));
        return fill_words(x, e, g);
    }
    const att_classifier c = atti_label_reader(x->model);
    att_status st = atti_label_sentence(&c, &w, words);
    if (st == ATT_OK && w.n != 1)
        st = atti_fail(ATT_EINVAL,
                       "explain: %d words, more than the model's %d positions",
                       (int)words->n, (int)c.longest);
    if (st == ATT_OK) st = check_length(x, w.seq[0].n, "a sentence");
    if (st == ATT_OK) st = fill_sentence(x, e, &w.seq[0], g);
    atti_label_work_deinit(&w);
    return st;
}

/* A text, or the words of a sentence, that is labelled. */
static att_status explain_read(att_explainer *x, att_explanation **out,
                               const char *text, const att_words *words, const given *g)
{
    att_explanation *e = NULL;
    ATTI_TRY(atti_alloc(&e, 1, sizeof *e, "explanation"));
    att_status st = words ? read_words(x, e, words, g) : read_text(x, e, text, g);
    if (st == ATT_OK) st = write_output(x, e, NULL, 0);
    if (st != ATT_OK) {
        att_explanation_destroy(e);
        return st;
    }
    *out = e;
    return ATT_OK;
}

/* The number of a label that was given to be explained, n bytes long. */
static att_status find_label(const att_explainer *x, const char *name, size_t n,
                             int32_t *label)
{
    const atti_encoder_config *c = x->model->cfg;
    for (int64_t i = 0; i < c->n_labels; i++) {
        const char *known = atti_encoder_label(c, i);
        if (strlen(known) != n || memcmp(known, name, n) != 0) continue;
        *label = (int32_t)i;
        return ATT_OK;
    }
    return atti_fail(ATT_EINVAL,
                     "'%.*s' is no label: the model has %lld from '%s' to "
                     "'%s'",
                     (int)(n < 60 ? n : 60), name, (long long)c->n_labels,
                     atti_encoder_label(c, 0), atti_encoder_label(c, c->n_labels - 1));
}

/* One label a word. */
static att_status find_labels(const att_explainer *x, const char *text, given *g)
{
    size_t at = 0, n = 0, bytes = strlen(text);
    const char *name;
    while ((name = atti_lexicon_next_word(text, bytes, &at, &n)) != NULL) {
        int32_t label = -1;
        if (n != 1 || *name != '_') ATTI_TRY(find_label(x, name, n, &label));
        ATTI_TRY(atti_grow(&g->labels, &g->cap, g->n + 1, sizeof *g->labels, "labels"));
        g->labels[g->n++] = label;
    }
    return g->n ? ATT_OK : atti_fail(ATT_EINVAL, "no label is given");
}

/* A copy of the text becomes its words. */
static att_status split(char **copy, const char ***words, size_t *n, const char *text)
{
    size_t at = 0, len = 0, bytes = strlen(text), cap = 0;
    const char *word;
    ATTI_TRY(atti_strdup(copy, text));
    while ((word = atti_lexicon_next_word(*copy, bytes, &at, &len)) != NULL) {
        ATTI_TRY(atti_grow(words, &cap, *n + 1, sizeof **words, "words"));
        (*words)[(*n)++] = word;
        if (at < bytes) (*copy)[at++] = '\0';
    }
    return *n ? ATT_OK : atti_fail(ATT_EINVAL, "explain: a text without tokens");
}

static att_status explain_tagged(att_explainer *x, att_explanation **out,
                                 const char *text, const char *labels)
{
    given g = {.label = -1};
    char *copy = NULL;
    const char **words = NULL;
    size_t n = 0;
    att_status st = find_labels(x, labels, &g);
    if (st == ATT_OK) st = split(&copy, &words, &n, text);
    if (st == ATT_OK && n > INT32_MAX)
        st = atti_fail(ATT_EINVAL, "explain: %zu words", n);
    if (st == ATT_OK) {
        const att_words sentence = {words, (int32_t)n};
        st = explain_read(x, out, NULL, &sentence, &g);
    }
    atti_free(copy);
    atti_free(words);
    atti_free(g.labels);
    return st;
}

/* What the model did not say itself. */
static att_status explain_labelled(att_explainer *x, att_explanation **out,
                                   const char *text, const char *output)
{
    const atti_encoder_config *c = x->model->cfg;
    given g = {.label = -1};
    if (!atti_says_label(x))
        return atti_fail(ATT_ENOTSUP,
                         "%s does not give a text or its words one label of several: "
                         "none can be given to it",
                         x->model->architecture);
    if (c->head == ATTI_HEAD_TOKENS) return explain_tagged(x, out, text, output);
    ATTI_TRY(find_label(x, output, strlen(output), &g.label));
    return explain_read(x, out, text, NULL, &g);
}

static att_status check_text(const att_explainer *x, att_explanation **out,
                             const char *text, const char *who)
{
    if (x && out && text) return ATT_OK;
    return atti_fail(ATT_EINVAL, "%s: %s is NULL", who,
                     !x     ? "the explainer"
                     : !out ? "out"
                            : "text");
}

att_status att_explain_text(att_explainer *x, att_explanation **out, const char *text)
{
    int32_t *ids = NULL;
    size_t n = 0;
    att_result *r = NULL;
    ATTI_TRY(check_text(x, out, text, "att_explain_text"));
    if (atti_model_labels(x->model))
        return explain_read(x, out, text, NULL, &nothing_given);
    ATTI_TRY(encode_checked(x, 0, text, &ids, &n));
    if (!atti_translates(x)) {
        att_status done = att_explain_ids(x, out, ids, (int32_t)n, NULL, 0, 0);
        att_free(ids);
        return done;
    }
    att_free(ids);
    ATTI_TRY(att_translate(x->session, &r, &text, NULL, 1));
    const att_sentence *s = att_result_sentence(r, 0);
    const att_hypothesis *h = &s->hypotheses[0];
    att_explanation *e = NULL;
    /* A sentence that was cut may have got its </s> all the same. */
    att_status st = att_explain_ids(x, &e, s->source_ids, s->n_source, h->ids, h->n_ids,
                                    h->n_scores > h->n_ids);
    if (st == ATT_OK) {
        e->source_cut = s->source_cut;
        *out = e;
    }
    att_result_destroy(r);
    return st;
}

att_status att_explain_pair(att_explainer *x, att_explanation **out, const char *text,
                            const char *output)
{
    int32_t *ids[2] = {NULL, NULL};
    size_t n[2] = {0, 0};
    ATTI_TRY(check_text(x, out, text, "att_explain_pair"));
    ATTI_TRY(check_text(x, out, output, "att_explain_pair"));
    if (atti_model_labels(x->model)) return explain_labelled(x, out, text, output);
    att_status st = encode_checked(x, 0, text, &ids[0], &n[0]);
    if (st == ATT_OK) st = encode_checked(x, 1, output, &ids[1], &n[1]);
    if (st == ATT_OK)
        st = att_explain_ids(x, out, ids[0], (int32_t)n[0], ids[1], (int32_t)n[1], 1);
    att_free(ids[0]);
    att_free(ids[1]);
    return st;
}

att_status att_explain_words(att_explainer *x, att_explanation **out,
                             const char *const *words, int32_t n)
{
    if (!x || !out || !words || n < 1)
        return atti_fail(ATT_EINVAL, "att_explain_words: %s",
                         !x      ? "the explainer is NULL"
                         : !out  ? "out is NULL"
                         : n < 1 ? "no words"
                                 : "words is NULL");
    for (int32_t i = 0; i < n; i++)
        if (!words[i] || !*words[i])
            return atti_fail(ATT_EINVAL, "att_explain_words: word %d is %s", (int)i,
                             words[i] ? "empty" : "NULL");
    if (!atti_model_labels(x->model))
        return atti_fail(ATT_ENOTSUP, "att_explain_words: %s reads texts, not words",
                         x->model->architecture);
    const att_words sentence = {words, n};
    return explain_read(x, out, NULL, &sentence, &nothing_given);
}
