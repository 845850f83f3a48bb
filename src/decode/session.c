/* session.c - the public face of decoding: options resolved against the model, sentences
 * in, translations out. */
#include "attend/decode.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "decode/buffers.h"
#include "decode/session_internal.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ------------------------------------------------------------------ */

void att_decode_opts_init(att_decode_opts *o, const att_model *model)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = (uint32_t)sizeof *o;
    o->beam_size = o->n_best = 1;
    o->length_alpha = 1.0f;
    o->max_length_factor = 3.0f;
    o->batch_size = 32;
    o->temperature = 1.0f;
    o->top_p = 1.0f;
    o->repetition_penalty = 1.0f;
    o->align_layer = o->align_head = -1;
    if (!model) return;
    const atti_generation *g = &model->gen;
    o->beam_size = g->num_beams;
    o->n_best = g->num_return < g->num_beams ? g->num_return : g->num_beams;
    o->length_alpha = g->length_penalty;
    o->early_stopping = g->early_stopping;
    o->max_length = g->max_length;
    if (g->max_length > 0) o->max_length_factor = 0.0f; /* the model has said it */
    o->min_length = g->min_length;
    o->no_repeat_ngram = g->no_repeat_ngram;
    o->repetition_penalty = g->repetition_penalty;
    o->temperature = g->temperature;
    o->top_k = g->top_k;
    o->top_p = g->top_p;
    o->min_p = g->min_p;
    o->sampling = g->do_sample && g->num_beams == 1;
}

static att_status bad(const char *name, double v, const char *range)
{
    return atti_fail(ATT_EINVAL, "decoding: %s is %g, expected %s", name, v, range);
}

static att_status check_search(const att_decode_opts *o)
{
    if (o->beam_size < 1 || o->beam_size > 1024) {
        return bad("beam_size", o->beam_size, "1..1024");
    }
    if (o->n_best < 1 || o->n_best > o->beam_size) {
        return bad("n_best", o->n_best, "1..beam_size");
    }
    if (o->batch_size < 1 || o->batch_size > 65536) {
        return bad("batch_size", o->batch_size, "1..65536");
    }
    if (!(fabsf(o->length_alpha) <= 100.0f)) {
        return bad("length_alpha", (double)o->length_alpha, "-100..100");
    }
    if (o->early_stopping < 0 || o->early_stopping > 2) {
        return bad("early_stopping", o->early_stopping, "0..2");
    }
    if (o->max_length < 0) return bad("max_length", o->max_length, ">= 0");
    if (o->min_length < 0) return bad("min_length", o->min_length, ">= 0");
    if (o->first_sentence < 0) {
        return bad("first_sentence", (double)o->first_sentence, ">= 0");
    }
    if (o->max_source < 0) return bad("max_source", o->max_source, ">= 0");
    if (o->no_repeat_ngram < 0)
        return bad("no_repeat_ngram", o->no_repeat_ngram, ">= 0");
    if (!(o->max_length_factor >= 0.0f && o->max_length_factor <= 1e6f)) {
        return bad("max_length_factor", (double)o->max_length_factor, "0..1e6");
    }
    if (!(o->repetition_penalty > 0.0f && o->repetition_penalty < 1e6f)) {
        return bad("repetition_penalty", (double)o->repetition_penalty, "> 0");
    }
    return ATT_OK;
}

static att_status check_sampling(const att_decode_opts *o)
{
    if (!o->sampling) return ATT_OK;
    if (o->beam_size != 1) return bad("beam_size", o->beam_size, "1 when sampling");
    if (!(o->temperature > 0.0f && o->temperature <= 1e6f)) {
        return bad("temperature", (double)o->temperature, "> 0");
    }
    if (o->top_k < 0) return bad("top_k", o->top_k, ">= 0");
    if (!(o->top_p > 0.0f && o->top_p <= 1.0f)) {
        return bad("top_p", (double)o->top_p, "0 < p <= 1");
    }
    if (!(o->min_p >= 0.0f && o->min_p <= 1.0f)) {
        return bad("min_p", (double)o->min_p, "0..1");
    }
    return ATT_OK;
}

static att_status check_alignment(const att_decode_opts *o, const atti_engine *e)
{
    if (!o->want_alignment) return ATT_OK;
    if (o->align_layer < -1 || o->align_layer >= e->dec.n_layers) {
        return bad("align_layer", o->align_layer, "-1 or a decoder layer");
    }
    if (o->align_head < -1 || o->align_head >= e->dec.heads) {
        return bad("align_head", o->align_head, "-1 or a decoder head");
    }
    return ATT_OK;
}

/* ---- create and destroy ------------------------------------------------------- */

/* generation_config.json's ids where it has them, else config.json's. */
static att_status resolve_ids(att_session *s)
{
    const atti_generation *g = &s->model->gen;
    const atti_marian_config *c = s->e->cfg;
    int64_t v = c->decoder_vocab_size;
    const int64_t ids[] = {g->eos_id >= 0 ? g->eos_id : c->eos_id,
                           g->pad_id >= 0 ? g->pad_id : c->pad_id,
                           g->start_id >= 0 ? g->start_id : c->decoder_start_id,
                           g->forced_eos_id, g->forced_bos_id};
    for (int i = 0; i < 5; i++) {
        if (ids[i] >= v) {
            return atti_fail(
                ATT_EFORMAT,
                "%s: generation_config.json: token id %lld, the vocabulary "
                "has %lld",
                s->model->dir, (long long)ids[i], (long long)v);
        }
    }
    s->eos = (int32_t)ids[0];
    s->pad = (int32_t)ids[1];
    s->start = (int32_t)ids[2];
    s->forced_eos = (int32_t)ids[3];
    s->forced_bos = (int32_t)ids[4];
    s->ends[s->n_ends++] = s->eos;
    for (int32_t i = 1; i < g->n_eos; i++) {
        if (g->eos[i] >= 0 && g->eos[i] < v) s->ends[s->n_ends++] = (int32_t)g->eos[i];
    }
    if (g->n_bad == 0) return ATT_OK;
    ATTI_TRY(atti_alloc(&s->banned, (size_t)v, sizeof *s->banned, "bad_words_ids"));
    for (int32_t i = 0; i < g->n_bad; i++) {
        /* An end is never bad: transformers takes those words out of the list. */
        if (g->bad_ids[i] < v && !atti_ends(s, g->bad_ids[i]))
            s->banned[g->bad_ids[i]] = true;
    }
    return ATT_OK;
}

att_status att_session_create(att_session **out, const att_model *model,
                              const att_decode_opts *opts)
{
    att_decode_opts o;
    att_session *s = NULL;
    if (!out || !model) {
        return atti_fail(ATT_EINVAL, "att_session_create: an argument is NULL");
    }
    att_decode_opts_init(&o, model);
    if (opts) {
        if (opts->size == 0 || opts->size > sizeof o) {
            return atti_fail(
                ATT_EINVAL,
                "att_session_create: options of %u bytes, expected %zu: call "
                "att_decode_opts_init()",
                (unsigned)opts->size, sizeof o);
        }
        memcpy(&o, opts, opts->size);
    }
    ATTI_TRY(check_search(&o));
    ATTI_TRY(check_sampling(&o));
    ATTI_TRY(atti_alloc(&s, 1, sizeof *s, "session"));
    s->model = model;
    s->o = o;
    s->beam = o.beam_size;
    att_status st = atti_engine_get(&s->e, model);
    if (st == ATT_OK) st = check_alignment(&o, s->e);
    if (st == ATT_OK) st = resolve_ids(s);
    if (st != ATT_OK) {
        att_session_destroy(s);
        return st;
    }
    s->k = s->beam == 1 ? 1 : atti_min_i64(atti_search_width(s), s->e->vocab.n_out);
    *out = s;
    return ATT_OK;
}

void att_session_destroy(att_session *s)
{
    if (!s) return;
    atti_buffers_free(s);
    atti_free(s->banned);
    atti_free(s);
}

att_status att_session_set_first(att_session *s, int64_t first)
{
    if (!s) return atti_fail(ATT_EINVAL, "att_session_set_first: the session is NULL");
    if (first < 0) return bad("first_sentence", (double)first, ">= 0");
    s->o.first_sentence = first;
    return ATT_OK;
}

int64_t att_session_memory(const att_session *s)
{
    return s ? (int64_t)(sizeof *s + s->bytes + s->workspace_bytes) : 0;
}

/* ---- jobs --------------------------------------------------------------------- */

static att_status check_ids(const int32_t *ids, int32_t n, int64_t vocab, int64_t i,
                            const char *what)
{
    for (int32_t t = 0; t < n; t++) {
        if (ids[t] < 0 || ids[t] >= vocab) {
            return atti_fail(ATT_EINVAL,
                             "sentence %lld: %s token %d has id %d, the vocabulary has "
                             "%lld",
                             (long long)i, what, (int)t, (int)ids[t], (long long)vocab);
        }
    }
    return ATT_OK;
}

/* More than the model has positions for. A prefix needs one more, for what follows it. */
static att_status too_long(const atti_job *j, int64_t number, int64_t positions)
{
    if (j->forced)
        return atti_fail(ATT_EINVAL,
                         "sentence %lld: a target of %d tokens, the model has %lld "
                         "positions",
                         (long long)number, (int)j->n_prefix, (long long)positions);
    return atti_fail(ATT_EINVAL,
                     "sentence %lld: a prefix of %d tokens, the model has %lld "
                     "positions for it and what follows",
                     (long long)number, (int)j->n_prefix, (long long)positions);
}

/* Cuts the source, works out how long the target may become. ids is the session's to
 * change: a cut source still ends in </s>. i: the sentence's number. */
static att_status finish_job(const att_session *s, atti_job *j, int32_t *ids, int64_t i)
{
    const atti_marian_config *c = s->e->cfg;
    int64_t most = s->o.max_source > 0 ? atti_min_i64(s->o.max_source, c->max_positions)
                                       : c->max_positions;
    int64_t limit = c->max_positions, want;
    ATTI_TRY(check_ids(j->ids, j->n_ids, c->vocab_size, i, "source"));
    ATTI_TRY(check_ids(j->prefix, j->n_prefix, c->decoder_vocab_size, i, "prefix"));
    /* </s> alone says nothing; but what is given can be scored after it. */
    if (!j->forced && j->n_ids == 1 && j->ids[0] == s->eos) j->n_ids = 0;
    if (j->n_ids > most) {
        j->cut = (int32_t)(j->n_ids - most);
        ids[most - 1] = ids[j->n_ids - 1];
        j->n_ids = (int32_t)most;
    }
    if (s->o.max_length > 0) limit = atti_min_i64(limit, s->o.max_length);
    if (s->o.max_length_factor > 0.0f) {
        want = (int64_t)((double)s->o.max_length_factor * j->n_ids) + 10;
        limit = atti_min_i64(limit, want);
    }
    want = j->forced ? j->n_prefix : (int64_t)j->n_prefix + 1;
    if (j->n_prefix > 0 && want > limit) limit = want;
    if (limit > c->max_positions) return too_long(j, i, c->max_positions);
    j->max_len = (int32_t)limit;
    return ATT_OK;
}

static int longest(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return x > y ? -1 : x < y;
}

static att_status needs_of(const att_session *s, const atti_job *jobs, int64_t n,
                           atti_needs *need)
{
    int32_t *len = NULL;
    int64_t batch = atti_min_i64(s->o.batch_size, n);
    ATTI_TRY(atti_alloc(&len, (size_t)n, sizeof *len, "lengths"));
    *need = (atti_needs){batch, 1, 1, 1, 1};
    for (int64_t i = 0; i < n; i++) {
        len[i] = jobs[i].n_ids;
        need->t_cap = atti_max_i64(need->t_cap, jobs[i].max_len);
        need->s_cap = atti_max_i64(need->s_cap, jobs[i].n_ids);
    }
    qsort(len, (size_t)n, sizeof *len, longest);
    int64_t wave = 0, slots = 0;
    for (int64_t i = 0; i < n && i < 2 * batch; i++) {
        if (i < batch) wave += len[i];
        slots += len[i];
    }
    need->wave_rows = atti_max_i64(wave, 1);
    need->source_slots = atti_max_i64(slots, 1);
    atti_free(len);
    return ATT_OK;
}

static att_status run(att_session *s, const atti_job *jobs, int64_t n, att_result **out)
{
    atti_needs need;
    att_result *r = NULL;
    ATTI_TRY(needs_of(s, jobs, n, &need));
    ATTI_TRY(atti_buffers_fit(s, &need));
    ATTI_TRY(atti_result_create(&r, n));
    att_status st = atti_translate_jobs(s, jobs, n, r);
    if (st != ATT_OK) {
        att_result_destroy(r);
        return st;
    }
    *out = r;
    return ATT_OK;
}

/* Everything a call owns: jobs, and the ids behind them. */
typedef struct call {
    const att_session *s;
    const char *const *texts;
    const char *const *prefixes;
    int32_t forced;
    atti_job *jobs;
    int32_t **ids, **prefix_ids;
    int64_t n;
} call;

static void free_call(call *c)
{
    for (int64_t i = 0; c->ids && i < c->n; i++) atti_free(c->ids[i]);
    for (int64_t i = 0; c->prefix_ids && i < c->n; i++) atti_free(c->prefix_ids[i]);
    atti_free(c->ids);
    atti_free(c->prefix_ids);
    atti_free(c->jobs);
}

static att_status make_call(call *c, const att_session *s, int64_t n)
{
    size_t count = n > 0 ? (size_t)n : 1;
    memset(c, 0, sizeof *c);
    c->s = s;
    c->n = n;
    ATTI_TRY(atti_alloc(&c->jobs, count, sizeof *c->jobs, "sentences"));
    ATTI_TRY(atti_alloc(&c->ids, count, sizeof *c->ids, "sentences"));
    return atti_alloc(&c->prefix_ids, count, sizeof *c->prefix_ids, "sentences");
}

static att_status encode_text(void *ctx, int64_t i, int thread)
{
    call *c = ctx;
    atti_job *j = &c->jobs[i];
    const char *text = c->texts[i], *prefix = c->prefixes ? c->prefixes[i] : NULL;
    int64_t number = c->s->o.first_sentence + i;
    size_t n = 0;
    (void)thread;
    if (!text) return atti_fail(ATT_EINVAL, "sentence %lld is NULL", (long long)number);
    if (c->forced && !prefix) {
        return atti_fail(ATT_EINVAL, "target %lld is NULL", (long long)number);
    }
    ATTI_TRY(att_model_encode(c->s->model, 0, text, strlen(text), &c->ids[i], &n));
    if (n > INT32_MAX)
        return atti_fail(ATT_EINVAL, "sentence %lld: %zu tokens", (long long)number, n);
    j->ids = c->ids[i];
    j->n_ids = (int32_t)n;
    if (prefix) {
        ATTI_TRY(att_model_encode(c->s->model, 1, prefix, strlen(prefix),
                                  &c->prefix_ids[i], &n));
        size_t had = n, cap = n;
        if (c->forced) {
            ATTI_TRY(atti_grow(&c->prefix_ids[i], &cap, had + 1, sizeof(int32_t),
                               "target ids"));
            c->prefix_ids[i][n++] = c->s->eos;
        }
        j->prefix = c->prefix_ids[i];
        j->n_prefix = (int32_t)n;
        j->forced = c->forced;
    }
    return finish_job(c->s, j, c->ids[i], number);
}

static att_status session_args(const att_session *s, const void *in, const void *out,
                               int32_t n, const char *fn)
{
    if (!s || !out || n < 0 || (n > 0 && !in)) {
        return atti_fail(ATT_EINVAL, "%s: an argument is NULL", fn);
    }
    return ATT_OK;
}

att_status att_translate(att_session *s, att_result **out, const char *const *texts,
                         const char *const *prefixes, int32_t n)
{
    call c;
    att_result *r = NULL;
    ATTI_TRY(session_args(s, texts, out, n, "att_translate"));
    att_status st = make_call(&c, s, n);
    c.texts = texts;
    c.prefixes = prefixes;
    if (st == ATT_OK) st = atti_parallel(n, encode_text, &c);
    if (st == ATT_OK) st = run(s, c.jobs, n, &r);
    if (st == ATT_OK) st = atti_result_texts(r, s->model);
    free_call(&c);
    if (st != ATT_OK) {
        att_result_destroy(r);
        return st;
    }
    *out = r;
    return ATT_OK;
}

static att_status copy_ids(int32_t **out, const int32_t *ids, int32_t n, int64_t i)
{
    if (n < 0 || (n > 0 && !ids)) {
        return atti_fail(ATT_EINVAL, "sentence %lld: %d ids", (long long)i, (int)n);
    }
    ATTI_TRY(atti_alloc(out, (size_t)n + 1, sizeof **out, "token ids"));
    if (n) memcpy(*out, ids, (size_t)n * sizeof **out);
    return ATT_OK;
}

static att_status take_ids(call *c, const int32_t *const *ids, const int32_t *n_ids,
                           const int32_t *const *prefixes, const int32_t *n_prefix)
{
    for (int64_t i = 0; i < c->n; i++) {
        atti_job *j = &c->jobs[i];
        int64_t number = c->s->o.first_sentence + i;
        ATTI_TRY(copy_ids(&c->ids[i], ids[i], n_ids[i], number));
        j->ids = c->ids[i];
        j->n_ids = n_ids[i];
        if (prefixes && prefixes[i]) {
            ATTI_TRY(copy_ids(&c->prefix_ids[i], prefixes[i], n_prefix[i], number));
            j->prefix = c->prefix_ids[i];
            j->n_prefix = n_prefix[i];
        }
        ATTI_TRY(finish_job(c->s, j, c->ids[i], number));
    }
    return ATT_OK;
}

att_status att_translate_ids(att_session *s, att_result **out,
                             const int32_t *const *ids, const int32_t *n_ids,
                             const int32_t *const *prefixes, const int32_t *n_prefix,
                             int32_t n)
{
    call c;
    att_result *r = NULL;
    ATTI_TRY(session_args(s, ids, out, n, "att_translate_ids"));
    if ((n > 0 && !n_ids) || (prefixes && !n_prefix)) {
        return atti_fail(ATT_EINVAL, "att_translate_ids: lengths are NULL");
    }
    att_status st = make_call(&c, s, n);
    if (st == ATT_OK) st = take_ids(&c, ids, n_ids, prefixes, n_prefix);
    if (st == ATT_OK) st = run(s, c.jobs, n, &r);
    if (st == ATT_OK) st = atti_result_texts(r, s->model);
    free_call(&c);
    if (st != ATT_OK) {
        att_result_destroy(r);
        return st;
    }
    *out = r;
    return ATT_OK;
}

att_status att_score_pairs(att_session *s, const char *const *sources,
                           const char *const *targets, int32_t n, double *logprobs,
                           int32_t *n_tokens)
{
    call c;
    att_result *r = NULL;
    ATTI_TRY(session_args(s, sources, logprobs, n, "att_score_pairs"));
    if (n > 0 && !targets) {
        return atti_fail(ATT_EINVAL, "att_score_pairs: targets are NULL");
    }
    att_status st = make_call(&c, s, n);
    c.texts = sources;
    c.prefixes = targets;
    c.forced = 1;
    if (st == ATT_OK) st = atti_parallel(n, encode_text, &c);
    if (st == ATT_OK) st = run(s, c.jobs, n, &r);
    for (int32_t i = 0; st == ATT_OK && i < n; i++) {
        const att_hypothesis *h = &att_result_sentence(r, i)->hypotheses[0];
        logprobs[i] = (double)h->logprob;
        if (n_tokens) n_tokens[i] = h->n_scores;
    }
    att_result_destroy(r);
    free_call(&c);
    return st;
}
