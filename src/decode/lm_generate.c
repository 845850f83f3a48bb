/* lm_generate.c - prompts in, answers out: which rows each pass takes, what is done with
 * the token a prompt says next, when an answer ends. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "decode/lm_internal.h"
#include "tokenize/tok_unknown.h"

#include <string.h>

struct att_lm_result {
    int32_t n;
    att_lm_answer *answer;
};

typedef struct run {
    att_lm *s;
    const int32_t *const *ids;
    const int32_t *n_ids;
    int32_t n, next; /* prompts, the next one to start */
    att_lm_result *result;
    int64_t n_seqs, rows;
    atti_lm_choice *choice; /* [batch] of each finished row */
    int64_t n_choices;
    int32_t *who; /* [batch] the live prompt of each choice */
} run;

/* ---- results ------------------------------------------------------------------ */

int32_t att_lm_result_count(const att_lm_result *r)
{
    return r ? r->n : 0;
}

const att_lm_answer *att_lm_result_answer(const att_lm_result *r, int32_t i)
{
    return r && i >= 0 && i < r->n ? &r->answer[i] : NULL;
}

void att_lm_result_destroy(att_lm_result *r)
{
    if (!r) return;
    for (int32_t i = 0; r->answer && i < r->n; i++) {
        /* The answer's members are the result's own, whatever const says. */
        atti_free((void *)(uintptr_t)r->answer[i].ids);
        atti_free((void *)(uintptr_t)r->answer[i].logprobs);
        atti_free((void *)(uintptr_t)r->answer[i].text);
    }
    atti_free(r->answer);
    atti_free(r);
}

static att_status keep_answer(const run *w, atti_lm_live *l, att_lm_end end)
{
    att_lm_answer *a = &w->result->answer[l->job];
    size_t n = (size_t)l->n_said;
    int32_t *ids = NULL;
    float *logprobs = NULL;
    char *text = NULL;
    ATTI_TRY(atti_alloc(&ids, n, sizeof *ids, "answer"));
    if (n > 0) memcpy(ids, l->said, n * sizeof *ids);
    a->ids = ids;
    if (w->s->o.want_scores) {
        ATTI_TRY(atti_alloc(&logprobs, n, sizeof *logprobs, "answer"));
        if (n > 0) memcpy(logprobs, l->logprobs, n * sizeof *logprobs);
        a->logprobs = logprobs;
    }
    if (w->s->tokenizer) {
        ATTI_TRY(atti_strdup(&text, l->text.all.data ? l->text.all.data : ""));
        a->text = text;
    }
    a->n_ids = l->n_said;
    a->n_prompt = l->n_prompt;
    a->prompt_cut = l->cut;
    a->n_unknown = (int32_t)atti_count_unknown(w->s->tokenizer, w->ids[l->job],
                                               (size_t)w->n_ids[l->job]);
    a->end = (int32_t)end;
    a->stop = l->text.stop;
    a->logprob = (float)l->logprob;
    return ATT_OK;
}

/* ---- prompts ------------------------------------------------------------------ */

/* Tokens that prompt i may say: the caller's number, the model's, or what fits. */
static int32_t budget(const att_lm *s, int32_t n_prompt)
{
    int32_t total = s->model->gen.max_total;
    if (s->o.max_new > 0) return s->o.max_new;
    if (total > 0) return total > n_prompt ? total - n_prompt : 1;
    return s->o.slide ? 256 : s->context - n_prompt + 1;
}

static int32_t cut_of(const att_lm *s, int32_t n)
{
    return n > s->context ? n - s->context / 2 : 0;
}

static att_status check_prompt(const run *w, int32_t i)
{
    const att_lm *s = w->s;
    int64_t v = s->e->cfg->vocab_size;
    if (w->n_ids[i] < 1 || !w->ids[i])
        return atti_fail(ATT_EINVAL, "generating: prompt %d has no tokens", (int)i);
    if (w->n_ids[i] > s->context && !s->o.slide)
        return atti_fail(ATT_EINVAL,
                         "generating: prompt %d has %d tokens, the context is %d",
                         (int)i, (int)w->n_ids[i], (int)s->context);
    for (int32_t k = 0; k < w->n_ids[i]; k++)
        if (w->ids[i][k] < 0 || w->ids[i][k] >= v)
            return atti_fail(
                ATT_EINVAL,
                "generating: prompt %d: token %d is %d, the vocabulary has "
                "%lld",
                (int)i, (int)k, (int)w->ids[i][k], (long long)v);
    return ATT_OK;
}

static att_status start_prompt(run *w, atti_lm_live *l, int32_t job)
{
    int32_t cut = cut_of(w->s, w->n_ids[job]), n = w->n_ids[job] - cut;
    l->job = job;
    l->cut = cut;
    l->n = l->n_prompt = n;
    l->done = l->n_said = 0;
    l->logprob = 0.0;
    l->max_new = budget(w->s, n);
    memcpy(l->tokens, w->ids[job] + cut, (size_t)n * sizeof *l->tokens);
    return atti_lm_text_start(&l->text, l->tokens, n);
}

/* ---- a pass ------------------------------------------------------------------- */

static void add_rows(run *w, int32_t slot, int64_t take)
{
    att_lm *s = w->s;
    atti_lm_live *l = &s->live[slot];
    for (int64_t i = 0; i < take; i++, w->rows++) {
        int32_t at = l->done + (int32_t)i;
        s->token[w->rows] = l->tokens[at];
        s->pos[w->rows] = at;
        s->slot[w->rows] = slot;
    }
    l->done += (int32_t)take;
    s->page[w->n_seqs] = slot;
    s->len[w->n_seqs] = l->done;
    s->offsets[++w->n_seqs] = (int32_t)w->rows;
    if (l->done < l->n) return;
    s->ends[w->n_choices] = (int32_t)w->rows - 1;
    w->who[w->n_choices++] = slot;
}

/* Single tokens first, then as much of the prompts as the block holds. */
static void gather(run *w)
{
    att_lm *s = w->s;
    w->rows = w->n_seqs = w->n_choices = 0;
    s->offsets[0] = 0;
    for (int32_t i = 0; i < s->batch; i++)
        if (s->live[i].job >= 0 && s->live[i].n - s->live[i].done == 1)
            add_rows(w, i, 1);
    /* add_rows has moved `done`: what is left are prompts that are under way. */
    for (int32_t i = 0; i < s->batch; i++) {
        const atti_lm_live *l = &s->live[i];
        int64_t room = s->rows - w->rows;
        if (l->job < 0 || l->done == l->n || room <= 0) continue;
        add_rows(w, i, atti_min_i64(l->n - l->done, room));
    }
}

static void pick_one(void *ctx, int64_t i, int thread)
{
    run *w = ctx;
    att_lm *s = w->s;
    const atti_lm_live *l = &s->live[w->who[i]];
    int64_t v = s->e->cfg->vocab_size;
    w->choice[i] =
        atti_lm_pick(s, l->tokens, l->n, l->job, l->n_said, s->logits + i * v,
                     s->sums + i * 2 * atti_pick_chunks(v), thread);
}

static att_status pass(run *w)
{
    att_lm *s = w->s;
    int64_t c = s->e->cfg->hidden;
    gather(w);
    ATTI_TRY(atti_lm_forward(s, w->rows, w->n_seqs));
    for (int64_t i = 0; i < w->n_choices; i++)
        memcpy(s->last + i * c, s->n + s->ends[i] * c, (size_t)c * sizeof *s->last);
    ATTI_TRY(atti_lm_vocab(s, s->logits, s->last, w->n_choices));
    atti_parallel_void(w->n_choices, pick_one, w);
    for (int64_t i = 0; i < w->n_choices; i++) {
        const atti_lm_live *l = &s->live[w->who[i]];
        if (w->choice[i].diverged)
            return atti_fail(ATT_EDIVERGED,
                             "prompt %lld: the model's numbers overflow at token %d: "
                             "its weights are too large",
                             (long long)(s->o.first_prompt + l->job), (int)l->n);
    }
    return ATT_OK;
}

/* ---- what was said ------------------------------------------------------------ */

static bool ends_text(const att_lm *s, int32_t id)
{
    const atti_generation *g = &s->model->gen;
    for (int32_t i = 0; i < g->n_eos; i++)
        if (g->eos[i] == id) return true;
    return false;
}

static att_status tell(att_lm *s, atti_lm_live *l, int32_t id, float logprob,
                       bool final)
{
    size_t from = 0, n = 0;
    if (!s->o.on_piece) return ATT_OK;
    atti_lm_text_ready(s, &l->text, final, &from, &n);
    if (id < 0 && n == 0) return ATT_OK;
    att_lm_piece p = {.prompt = (int32_t)l->job,
                      .id = id,
                      .logprob = logprob,
                      .text = s->tokenizer && l->text.all.data ? l->text.all.data + from
                                                               : NULL,
                      .n_text = n};
    if (s->o.on_piece(s->o.user, &p))
        return atti_fail(ATT_ECANCELLED, "generating: cancelled");
    return ATT_OK;
}

static att_status finish(run *w, atti_lm_live *l, att_lm_end end)
{
    bool met = false;
    ATTI_TRY(atti_lm_text_finish(w->s, &l->text, &met));
    ATTI_TRY(tell(w->s, l, -1, 0.0f, true));
    ATTI_TRY(keep_answer(w, l, met ? ATT_LM_STOP : end));
    l->job = -1;
    return ATT_OK;
}

/* The context grows by a token, or forgets its older half first. */
static bool grow_context(const att_lm *s, atti_lm_live *l, int32_t id)
{
    if (l->n == s->context) {
        int32_t keep = s->context / 2;
        if (!s->o.slide) return false;
        memmove(l->tokens, l->tokens + l->n - keep, (size_t)keep * sizeof *l->tokens);
        l->n = keep;
        l->done = 0;
    }
    l->tokens[l->n++] = id;
    return true;
}

static att_status accept(run *w, atti_lm_live *l, atti_lm_choice c)
{
    att_lm *s = w->s;
    bool met = false;
    if (c.id < 0) return finish(w, l, ATT_LM_NOTHING);
    l->logprob += (double)c.logprob;
    if (ends_text(s, c.id)) return finish(w, l, ATT_LM_EOS);
    size_t need = (size_t)l->n_said + 1;
    ATTI_TRY(atti_grow(&l->said, &l->said_cap, need, sizeof *l->said, "answer"));
    ATTI_TRY(
        atti_grow(&l->logprobs, &l->logprobs_cap, need, sizeof *l->logprobs, "answer"));
    l->said[l->n_said] = c.id;
    l->logprobs[l->n_said++] = c.logprob;
    ATTI_TRY(atti_lm_text_add(s, &l->text, c.id, &met));
    ATTI_TRY(tell(s, l, c.id, c.logprob, met));
    if (met) return finish(w, l, ATT_LM_STOP);
    if (l->n_said == l->max_new) return finish(w, l, ATT_LM_LENGTH);
    return grow_context(s, l, c.id) ? ATT_OK : finish(w, l, ATT_LM_CONTEXT);
}

/* ---- all of them -------------------------------------------------------------- */

static att_status answer_all(run *w)
{
    att_lm *s = w->s;
    for (;;) {
        int32_t busy = 0;
        for (int64_t i = 0; i < s->batch; i++) {
            if (s->live[i].job < 0 && w->next < w->n && i < s->o.batch_size)
                ATTI_TRY(start_prompt(w, &s->live[i], w->next++));
            busy += s->live[i].job >= 0;
        }
        if (busy == 0) return ATT_OK;
        ATTI_TRY(pass(w));
        for (int64_t i = 0; i < w->n_choices; i++)
            ATTI_TRY(accept(w, &s->live[w->who[i]], w->choice[i]));
    }
}

static att_status prepare(run *w)
{
    att_lm *s = w->s;
    int64_t cap = 1, batch = atti_min_i64(s->o.batch_size, w->n);
    for (int32_t i = 0; i < w->n; i++) {
        ATTI_TRY(check_prompt(w, i));
        int32_t n = w->n_ids[i] - cut_of(s, w->n_ids[i]), most = budget(s, n);
        cap = atti_max_i64(cap, atti_min_i64(s->context, (int64_t)n + most));
    }
    ATTI_TRY(atti_lm_buffers(s, batch, cap));
    for (int64_t i = 0; i < s->batch; i++) s->live[i].job = -1;
    ATTI_TRY(atti_alloc(&w->choice, (size_t)s->batch, sizeof *w->choice, "choices"));
    ATTI_TRY(atti_alloc(&w->who, (size_t)s->batch, sizeof *w->who, "choices"));
    ATTI_TRY(atti_alloc(&w->result, 1, sizeof *w->result, "result"));
    w->result->n = w->n;
    return atti_alloc(&w->result->answer, (size_t)w->n, sizeof *w->result->answer,
                      "answers");
}

att_status att_lm_generate_ids(att_lm *lm, att_lm_result **out,
                               const int32_t *const *ids, const int32_t *n_ids,
                               int32_t n)
{
    if (!lm || !out || n < 0 || (n > 0 && (!ids || !n_ids)))
        return atti_fail(ATT_EINVAL,
                         "att_lm_generate_ids: an argument is NULL or negative");
    run w = {.s = lm, .ids = ids, .n_ids = n_ids, .n = n};
    att_status st = prepare(&w);
    if (st == ATT_OK) st = answer_all(&w);
    atti_free(w.choice);
    atti_free(w.who);
    if (st != ATT_OK) {
        att_lm_result_destroy(w.result);
        return st;
    }
    *out = w.result;
    return ATT_OK;
}

/* A text's ids; without any, the model's bos. */
static att_status encode(att_lm *s, const char *text, int32_t i, int32_t **ids,
                         int32_t *n_ids)
{
    int64_t bos = s->e->cfg->bos_id;
    size_t n = 0;
    if (!text) return atti_fail(ATT_EINVAL, "generating: prompt %d is NULL", (int)i);
    ATTI_TRY(att_model_encode(s->model, 0, text, strlen(text), ids, &n));
    if (n > INT32_MAX)
        return atti_fail(ATT_EINVAL, "generating: prompt %d has %zu tokens", (int)i, n);
    *n_ids = (int32_t)n;
    if (n > 0 || bos < 0 || bos >= s->e->cfg->vocab_size) return ATT_OK;
    (*ids)[0] = (int32_t)bos; /* an empty list still has room for one */
    *n_ids = 1;
    return ATT_OK;
}

att_status att_lm_generate(att_lm *lm, att_lm_result **out, const char *const *prompts,
                           int32_t n)
{
    int32_t **ids = NULL, *n_ids = NULL;
    if (!lm || !out || n < 0 || (n > 0 && !prompts))
        return atti_fail(ATT_EINVAL,
                         "att_lm_generate: an argument is NULL or negative");
    ATTI_TRY(atti_alloc(&ids, (size_t)n, sizeof *ids, "prompts"));
    att_status st = atti_alloc(&n_ids, (size_t)n, sizeof *n_ids, "prompts");
    for (int32_t i = 0; st == ATT_OK && i < n; i++)
        st = encode(lm, prompts[i], i, &ids[i], &n_ids[i]);
    if (st == ATT_OK)
        st = att_lm_generate_ids(lm, out, (const int32_t *const *)ids, n_ids, n);
    for (int32_t i = 0; i < n; i++) atti_free(ids[i]);
    atti_free(ids);
    atti_free(n_ids);
    return st;
}
