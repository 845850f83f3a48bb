/* lm_session.c - a session over a decoder-only model: options, creation, and the
 * probability of a given text. */
#include "base/alloc.h"
#include "base/checked.h"
#include "decode/lm_internal.h"

#include <string.h>

void att_lm_opts_init(att_lm_opts *o, const att_model *model)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = (uint32_t)sizeof *o;
    o->batch_size = 16;
    o->block = 256;
    o->temperature = o->top_p = o->repetition_penalty = 1.0f;
    if (!model) return;
    const atti_generation *g = &model->gen;
    o->max_new = g->max_new;
    o->no_repeat_ngram = g->no_repeat_ngram;
    o->repetition_penalty = g->repetition_penalty;
    o->temperature = g->temperature;
    o->top_k = g->top_k;
    o->top_p = g->top_p;
    o->min_p = g->min_p;
    o->sampling = g->do_sample;
}

static att_status bad(const char *name, double v, const char *range)
{
    return atti_fail(ATT_EINVAL, "generating: %s is %g, expected %s", name, v, range);
}

static att_status check_numbers(const att_lm_opts *o)
{
    if (o->max_new < 0) return bad("max_new", o->max_new, "0 or more");
    if (o->min_new < 0) return bad("min_new", o->min_new, "0 or more");
    if (o->context < 0) return bad("context", o->context, "0 or more");
    if (o->batch_size < 1 || o->batch_size > 65536)
        return bad("batch_size", o->batch_size, "1..65536");
    if (o->block < 1 || o->block > 65536) return bad("block", o->block, "1..65536");
    if (!(o->temperature >= 0.0f && o->temperature <= 1e6f))
        return bad("temperature", (double)o->temperature, "0..1e6");
    if (o->top_k < 0) return bad("top_k", o->top_k, "0 or more");
    if (!(o->top_p >= 0.0f && o->top_p <= 1.0f))
        return bad("top_p", (double)o->top_p, "0..1");
    if (!(o->min_p >= 0.0f && o->min_p <= 1.0f))
        return bad("min_p", (double)o->min_p, "0..1");
    if (!(o->repetition_penalty >= 1e-3f && o->repetition_penalty <= 1e3f))
        return bad("repetition_penalty", (double)o->repetition_penalty, "0.001..1000");
    if (o->no_repeat_ngram < 0 || o->no_repeat_ngram > 1024)
        return bad("no_repeat_ngram", o->no_repeat_ngram, "0..1024");
    if (o->first_prompt < 0)
        return bad("first_prompt", (double)o->first_prompt, ">= 0");
    return ATT_OK;
}

static att_status copy_stops(att_lm *s)
{
    const char *const *from = s->o.stop;
    int32_t n = s->o.n_stop;
    s->o.stop = NULL;
    s->o.n_stop = 0;
    if (n < 0 || n > 1024 || (n > 0 && !from)) return bad("n_stop", n, "0..1024");
    if (n == 0) return ATT_OK;
    ATTI_TRY(atti_alloc(&s->stop, (size_t)n, sizeof *s->stop, "stop strings"));
    for (int32_t i = 0; i < n; i++) {
        if (!from[i] || !*from[i])
            return atti_fail(ATT_EINVAL, "generating: stop[%d] is empty", (int)i);
        ATTI_TRY(atti_strdup(&s->stop[i], from[i]));
        size_t len = strlen(from[i]);
        if (len > s->stop_longest) s->stop_longest = len;
        s->o.n_stop = i + 1;
    }
    return ATT_OK;
}

/* What is never said: single bad words; before min_new also what ends a text. */
static att_status mark_banned(att_lm *s)
{
    const atti_generation *g = &s->model->gen;
    int64_t v = s->e->cfg->vocab_size;
    if (g->n_bad_seq > 0) {
        return atti_fail(ATT_ENOTSUP,
                         "%s: generation_config.json: bad_words_ids of several tokens "
                         "are not supported for this kind of model",
                         s->model->dir);
    }
    if (g->n_bad > 0) {
        ATTI_TRY(atti_alloc(&s->banned, (size_t)v, sizeof(bool), "bad words"));
        for (int32_t i = 0; i < g->n_bad; i++)
            if (g->bad_ids[i] < v) s->banned[g->bad_ids[i]] = true;
    }
    if (s->o.min_new == 0) return ATT_OK;
    ATTI_TRY(atti_alloc(&s->banned_early, (size_t)v, sizeof(bool), "bad words"));
    if (s->banned) memcpy(s->banned_early, s->banned, (size_t)v * sizeof(bool));
    for (int32_t i = 0; i < g->n_eos; i++)
        if (g->eos[i] >= 0 && g->eos[i] < v) s->banned_early[g->eos[i]] = true;
    return ATT_OK;
}

static att_status prepare(att_lm *s)
{
    ATTI_TRY(copy_stops(s));
    ATTI_TRY(check_numbers(&s->o));
    ATTI_TRY(atti_lm_engine_get(&s->e, s->model));
    int64_t most = atti_min_i64(s->e->cfg->max_positions, INT32_MAX / 2);
    if (s->o.context > most)
        return atti_fail(ATT_EINVAL,
                         "generating: a context of %d, the model was made for %lld",
                         (int)s->o.context, (long long)most);
    s->context = s->o.context ? s->o.context : (int32_t)most;
    if (s->o.slide && s->context < 2) return bad("context", s->context, "2 or more");
    s->tokenizer = s->model->tokenizer[0];
    if (s->o.n_stop > 0 && !s->tokenizer)
        return atti_fail(ATT_ENOTFOUND, "%s: stop strings need a tokenizer",
                         s->model->dir);
    return mark_banned(s);
}

att_status att_lm_create(att_lm **out, const att_model *model, const att_lm_opts *opts)
{
    att_lm *s = NULL;
    att_lm_opts o;
    if (!out || !model)
        return atti_fail(ATT_EINVAL, "att_lm_create: an argument is NULL");
    att_lm_opts_init(&o, model);
    if (opts) {
        if (opts->size == 0 || opts->size > sizeof o)
            return atti_fail(ATT_EINVAL,
                             "att_lm_create: options of %u bytes, expected %zu: call "
                             "att_lm_opts_init()",
                             (unsigned)opts->size, sizeof o);
        memcpy(&o, opts, opts->size);
    }
    ATTI_TRY(atti_alloc(&s, 1, sizeof *s, "session"));
    s->model = model;
    s->o = o;
    att_status st = prepare(s);
    if (st != ATT_OK) {
        att_lm_destroy(s);
        return st;
    }
    *out = s;
    return ATT_OK;
}

void att_lm_destroy(att_lm *s)
{
    if (!s) return;
    if (s->e) atti_lm_buffers_free(s);
    for (int32_t i = 0; s->stop && i < s->o.n_stop; i++) atti_free(s->stop[i]);
    atti_free(s->stop);
    atti_free(s->banned);
    atti_free(s->banned_early);
    atti_free(s->workspace);
    atti_free(s);
}

int64_t att_lm_memory(const att_lm *s)
{
    return s ? (int64_t)(sizeof *s + s->bytes + s->workspace_bytes) : 0;
}

int32_t att_lm_context(const att_lm *s)
{
    return s ? s->context : 0;
}

/* ---- a given text ------------------------------------------------------------- */

typedef struct reading {
    att_lm *s;
    const int32_t *ids;
    int32_t n;
    float *logprobs, *logits; /* one of them */
} reading;

/* Logits of hidden rows for tokens [from, from + rows) to where they are wanted. */
static att_status read_block(reading *r, int32_t from, int64_t rows)
{
    att_lm *s = r->s;
    int64_t c = s->e->cfg->hidden, v = s->e->cfg->vocab_size;
    if (r->logits) return atti_lm_vocab(s, r->logits + from * v, s->n, rows);
    for (int64_t i = 0; i < rows; i += s->batch) {
        int64_t k = atti_min_i64(rows - i, s->batch);
        ATTI_TRY(atti_lm_vocab(s, s->logits, s->n + i * c, k));
        for (int64_t j = 0; j < k && from + i + j + 1 < r->n; j++) {
            float lse, top, *x = s->logits + j * v;
            atti_k()->logsumexp(&lse, &top, x, NULL, 1, v, v);
            r->logprobs[from + i + j] = x[r->ids[from + i + j + 1]] - lse;
        }
    }
    return ATT_OK;
}

static att_status read_text(reading *r, const char *what)
{
    att_lm *s = r->s;
    if (!s || (!r->ids && r->n > 0) || (!r->logprobs && !r->logits) || r->n < 0)
        return atti_fail(ATT_EINVAL, "%s: an argument is NULL or negative", what);
    if (r->n > s->context)
        return atti_fail(ATT_EINVAL, "%s: %d tokens, the context is %d", what,
                         (int)r->n, (int)s->context);
    for (int32_t i = 0; i < r->n; i++)
        if (r->ids[i] < 0 || r->ids[i] >= s->e->cfg->vocab_size)
            return atti_fail(ATT_EINVAL, "%s: token %d is %d, the vocabulary has %lld",
                             what, (int)i, (int)r->ids[i],
                             (long long)s->e->cfg->vocab_size);
    if (r->n == 0) return ATT_OK;
    ATTI_TRY(atti_lm_buffers(s, 1, r->n));
    for (int32_t done = 0; done < r->n;) {
        int32_t rows = (int32_t)atti_min_i64(r->n - done, s->o.block);
        for (int32_t i = 0; i < rows; i++) {
            s->token[i] = r->ids[done + i];
            s->pos[i] = done + i;
            s->slot[i] = 0;
        }
        s->offsets[0] = 0, s->offsets[1] = rows;
        s->page[0] = 0, s->len[0] = done + rows;
        ATTI_TRY(atti_lm_forward(s, rows, 1));
        ATTI_TRY(read_block(r, done, rows));
        done += rows;
    }
    return ATT_OK;
}

att_status att_lm_score(att_lm *lm, const int32_t *ids, int32_t n_ids, float *logprobs)
{
    reading r = {.s = lm, .ids = ids, .n = n_ids, .logprobs = logprobs};
    return read_text(&r, "att_lm_score");
}

att_status att_lm_logits(att_lm *lm, const int32_t *ids, int32_t n_ids, float *logits)
{
    reading r = {.s = lm, .ids = ids, .n = n_ids, .logits = logits};
    return read_text(&r, "att_lm_logits");
}
