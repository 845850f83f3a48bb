/* explainer.c - from a text to an explanation: decode, then the winner once more through
 * the program with every attention operator watched. */
#include "base/checked.h"
#include "decode/session_internal.h"
#include "insight/recurrent.h"
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

static int encoder(const att_explainer *x)
{
    return x->model->family->shape == ATTI_ENCODER;
}

/* Whether the model gives texts or tokens one label of several. */
static int labels(const att_explainer *x)
{
    const atti_encoder_config *c = x->model->cfg;
    if (!encoder(x)) return 0;
    return c->head == ATTI_HEAD_TOKENS ||
           (c->head == ATTI_HEAD_SEQUENCE && c->problem == ATTI_ONE_LABEL);
}

static int translates(const att_explainer *x)
{
    return x->model->family->shape == ATTI_SEQ2SEQ;
}

att_status att_explainer_create(att_explainer **out, const att_model *model,
                                const att_explain_opts *opts)
{
    att_explainer *x = NULL;
    att_explain_opts o;
    if (!out || !model)
        return atti_fail(ATT_EINVAL, "att_explainer_create: %s is NULL",
                         out ? "model" : "out");
    if (model->family->shape != ATTI_SEQ2SEQ && model->family->shape != ATTI_ENCODER &&
        model->family->shape != ATTI_DECODER)
        return atti_fail(ATT_ENOTSUP, "%s: a %s cannot be looked into", model->dir,
                         model->architecture);
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
    att_status st = translates(x) ? att_session_create(&x->session, model, &d) : ATT_OK;
    if (st == ATT_OK) st = atti_lens_open(&x->look);
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

/* ---- looking ---- */

typedef struct looker {
    att_explainer *x;
    att_explanation *e;
    const atti_site *sites;
    int n_sites;
    atti_chooser choices;
    int64_t left; /* attention operators that have not run */
} looker;

/* The last attention is seen, and nobody asks what is said. */
static att_status seen(looker *w)
{
    if (--w->left > 0 || w->x->o.choices >= 0) return ATT_OK;
    w->x->look.enough = 1;
    return ATT_ECANCELLED;
}

/* One sequence, so the ragged form's weights are [H,T,S] and go straight to their layer. */
static att_status look(void *user, const atti_call *c, int backward)
{
    looker *w = user;
    if (w->e->n[ATT_SIDE_OUTPUT] > 0 && w->x->o.choices >= 0)
        ATTI_TRY(atti_see_choices(&w->choices, c, backward));
    if (!atti_lens_attends(c->node)) return ATT_OK;
    atti_attention_look a;
    att_attention_observe o;
    att_tensor weights, offsets;
    int site;
    int64_t layer;
    atti_lens_place(&w->x->look, w->sites, w->n_sites, c->node, &site, &layer);
    atti_map *m = &w->e->map[site];
    if (m->site.recurrent) {
        atti_recurrent_weights(c, m->rows, m->cols, m->w);
        return seen(w);
    }
    atti_attention_look_at(c, &a);
    int64_t one = m->rows * m->cols, at[2] = {0, one}, two = 2;
    int64_t all = m->site.heads * one;
    ATTI_TRY(att_tensor_view(&weights, m->w + layer * all, ATT_F32, 1, &all));
    ATTI_TRY(att_tensor_view(&offsets, at, ATT_I64, 1, &two));
    att_attention_observe_init(&o);
    o.weights = &weights;
    o.weight_offsets = &offsets;
    ATTI_TRY(att_attention_weights(&a.desc, &a.x.args, &o));
    return seen(w);
}

static int64_t length_of(const att_explainer *x, const att_explanation *e, att_var off)
{
    return off == x->look.io.src_offsets ? e->n[ATT_SIDE_SOURCE]
                                         : e->n[ATT_SIDE_PREFIX];
}

static att_status make_maps(att_explainer *x, att_explanation *e,
                            const atti_site *sites, int n)
{
    size_t total = 0;
    e->n_maps = n;
    for (int i = 0; i < n; i++) {
        atti_map *m = &e->map[i];
        size_t count;
        m->site = sites[i];
        m->rows = length_of(x, e, sites[i].q_offsets);
        m->cols = length_of(x, e, sites[i].k_offsets);
        if (!atti_mul_size(&count, (size_t)m->rows, (size_t)m->cols) ||
            !atti_mul_size(&count, count, (size_t)(m->site.layers * m->site.heads)) ||
            !atti_mul_size(&count, count, sizeof(float)) ||
            !atti_add_size(&total, total, count) || total > (size_t)x->o.max_bytes)
            return atti_fail(ATT_EINVAL,
                             "the weights of %lld x %lld tokens in %lld layers of %lld "
                             "heads take more than %lld bytes: take a shorter text",
                             (long long)m->rows, (long long)m->cols,
                             (long long)m->site.layers, (long long)m->site.heads,
                             (long long)x->o.max_bytes);
    }
    for (int i = 0; i < n; i++) {
        atti_map *m = &e->map[i];
        size_t count = (size_t)(m->rows * m->cols * m->site.layers * m->site.heads);
        ATTI_TRY(atti_alloc(&m->w, count, sizeof *m->w, "attention weights"));
    }
    return ATT_OK;
}

/* The sequences of e through the program; everything seen goes into e. */
static att_status watch(att_explainer *x, att_explanation *e)
{
    atti_site sites[ATTI_SITES];
    atti_lens_batch b;
    int32_t *block = NULL;
    int n;
    ATTI_TRY(atti_lens_sites(&x->look, sites, &n));
    ATTI_TRY(make_maps(x, e, sites, n));
    e->n_choices = x->o.choices > 0 ? x->o.choices : 0;
    size_t t = (size_t)e->n[ATT_SIDE_OUTPUT], k = (size_t)e->n_choices + 1;
    ATTI_TRY(atti_alloc(&e->choice, t * k, sizeof *e->choice, "choices"));
    ATTI_TRY(atti_alloc(&e->rank, t, sizeof *e->rank, "choices"));
    ATTI_TRY(atti_explanation_batch(e, 1, &b, &block));
    looker w = {x, e, sites, n, {e, encoder(x) ? x->look.io.logits : ATT_NO_VAR}, 0};
    for (int i = 0; i < n; i++) w.left += sites[i].layers;
    att_status st = atti_lens_run(&x->look, &b, look, &w, 0);
    atti_free(block);
    return st;
}

/* ---- the sequences ---- */

static const char *word_of(const att_explainer *x, int side, int64_t i, int32_t id)
{
    /* Marian's first is <pad>, which would look like a mistake. */
    if (translates(x) && side == ATT_SIDE_PREFIX && i == 0) return "<s>";
    if (encoder(x) && side == ATT_SIDE_OUTPUT && labels(x))
        return atti_encoder_label(x->model->cfg, id);
    return att_model_piece(x->model, side != ATT_SIDE_SOURCE, id);
}

/* Names of classes and the stand-in for a beginning are words already. */
static att_status name_label(const att_explainer *x, int side, int64_t i, int32_t id,
                             const char *word, char **out)
{
    bool said = encoder(x) && side == ATT_SIDE_OUTPUT;
    bool begins = translates(x) && side == ATT_SIDE_PREFIX && i == 0;
    return said || begins
               ? atti_strdup(out, word)
               : atti_label_make(x->model, side != ATT_SIDE_SOURCE, id, word, out);
}

static att_status name_tokens(const att_explainer *x, att_explanation *e, int side)
{
    size_t n = (size_t)e->n[side];
    char number[24];
    ATTI_TRY(atti_alloc(&e->tokens[side], n, sizeof *e->tokens[side], "tokens"));
    ATTI_TRY(atti_alloc(&e->labels[side], n, sizeof *e->labels[side], "labels"));
    for (size_t i = 0; i < n; i++) {
        int32_t id = e->ids[side][i];
        const char *piece = word_of(x, side, (int64_t)i, id);
        snprintf(number, sizeof number, "#%d", (int)id);
        /* A text's last token says what nobody has asked for. */
        if (id < 0) number[0] = '\0';
        ATTI_TRY(atti_strdup(&e->tokens[side][i], piece ? piece : number));
        ATTI_TRY(name_label(x, side, (int64_t)i, id, e->tokens[side][i],
                            &e->labels[side][i]));
    }
    return ATT_OK;
}

static att_status name_choices(const att_explainer *x, att_explanation *e)
{
    int64_t t = e->n[ATT_SIDE_OUTPUT], k = e->n_choices + 1;
    char number[24];
    ATTI_TRY(atti_alloc(&e->choice_label, (size_t)(t * k), sizeof *e->choice_label,
                        "choices"));
    for (int64_t i = 0; i < t * k; i++) {
        att_choice *c = &e->choice[i];
        if (c->id < 0) continue;
        c->token = word_of(x, ATT_SIDE_OUTPUT, i / k, c->id);
        snprintf(number, sizeof number, "#%d", (int)c->id);
        ATTI_TRY(name_label(x, ATT_SIDE_OUTPUT, i / k, c->id,
                            c->token ? c->token : number, &e->choice_label[i]));
        c->label = e->choice_label[i];
    }
    return ATT_OK;
}

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
    ATTI_TRY(watch(x, e));
    for (int i = 0; i < 3; i++) ATTI_TRY(name_tokens(x, e, i));
    e->logprob = (double)NAN;
    if (x->o.choices < 0) return ATT_OK;
    ATTI_TRY(name_choices(x, e));
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

/* A text that is read: what it is labelled as is left open, so the likeliest. */
static att_status fill_encoder(att_explainer *x, att_explanation *e,
                               const int32_t *source, int32_t n_source)
{
    atti_head head = atti_family_head(x->model->family, x->model->cfg);
    int64_t said = !labels(x) || x->o.choices < 0 ? 0
                   : head == ATTI_HEAD_TOKENS     ? n_source
                                                  : 1;
    ATTI_TRY(take_room(e, n_source, 0, said));
    memcpy(e->ids[0], source, (size_t)n_source * sizeof *source);
    for (int64_t i = 0; i < said; i++) e->ids[ATT_SIDE_OUTPUT][i] = -1;
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

/* What was said as a text: a translation, a label, the likeliest next word. */
static att_status write_output(const att_explainer *x, att_explanation *e,
                               const int32_t *output, int32_t n_output)
{
    int64_t n = e->n[ATT_SIDE_OUTPUT];
    char *text = NULL;
    if (encoder(x)) { /* a label, or one for each token */
        atti_str s = {0};
        for (int64_t i = 0; i < n; i++)
            atti_str_addf(&s, "%s%s", i ? " " : "", e->tokens[ATT_SIDE_OUTPUT][i]);
        atti_str_add(&s, "");
        return atti_str_take(&e->output, &s);
    }
    if (!translates(x))
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
    ATTI_TRY(check_length(x, n_source, "a text"));
    ATTI_TRY(check_length(x, n_output, "an output"));
    ATTI_TRY(atti_alloc(&e, 1, sizeof *e, "explanation"));
    att_status st =
        translates(x) ? fill_pair(x, e, source, n_source, output, n_output, finished)
        : encoder(x)  ? fill_encoder(x, e, source, n_source)
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
    if (st == ATT_OK && side == 0 && *n < (translates(x) ? 2U : 1U))
        st = atti_fail(ATT_EINVAL, "explain: a text without tokens");
    if (st != ATT_OK) {
        att_free(*ids);
        *ids = NULL;
    }
    return st;
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
    ATTI_TRY(encode_checked(x, 0, text, &ids, &n));
    if (!translates(x)) {
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
    att_status st = encode_checked(x, 0, text, &ids[0], &n[0]);
    if (st == ATT_OK) st = encode_checked(x, 1, output, &ids[1], &n[1]);
    if (st == ATT_OK)
        st = att_explain_ids(x, out, ids[0], (int32_t)n[0], ids[1], (int32_t)n[1], 1);
    att_free(ids[0]);
    att_free(ids[1]);
    return st;
}
