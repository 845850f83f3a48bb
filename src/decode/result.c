/* result.c - finished translations as the caller gets them: one block of memory a
 * sentence, so that results outlive the session. */
#include "base/alloc.h"
#include "base/threads.h"
#include "decode/session_internal.h"
#include <string.h>

typedef struct held {
    att_sentence view;
    att_hypothesis *hyp;
    int32_t *ids;
    float *numbers;
} held;

struct att_result {
    held *sentence;
    int64_t n;
};

att_status atti_result_create(att_result **out, int64_t n)
{
    att_result *r = NULL;
    ATTI_TRY(atti_alloc(&r, 1, sizeof *r, "result"));
    att_status st = atti_alloc(&r->sentence, (size_t)n, sizeof *r->sentence, "result");
    if (st != ATT_OK) {
        atti_free(r);
        return st;
    }
    r->n = n;
    *out = r;
    return ATT_OK;
}

void att_result_destroy(att_result *r)
{
    if (!r) return;
    for (int64_t i = 0; i < r->n; i++) {
        held *h = &r->sentence[i];
        for (int32_t j = 0; h->hyp && j < h->view.n_hypotheses; j++) {
            atti_free((void *)(uintptr_t)h->hyp[j].text);
        }
        atti_free(h->hyp);
        atti_free(h->ids);
        atti_free(h->numbers);
    }
    atti_free(r->sentence);
    atti_free(r);
}

int32_t att_result_count(const att_result *r)
{
    return r ? (int32_t)r->n : 0;
}

const att_sentence *att_result_sentence(const att_result *r, int32_t i)
{
    return r && i >= 0 && i < r->n ? &r->sentence[i].view : NULL;
}

static void copy_done(att_hypothesis *h, const att_session *s, const atti_job *job,
                      const atti_done *d, int32_t **ids, float **numbers)
{
    h->n_ids = d->n;
    h->n_scores = d->n_scores;
    h->finished = d->finished;
    h->score = (float)d->score;
    h->logprob = (float)d->logprob;
    h->ids = *ids;
    memcpy(*ids, d->ids, (size_t)d->n * sizeof **ids);
    *ids += d->n;
    if (s->o.want_scores) {
        h->token_logprobs = *numbers;
        memcpy(*numbers, d->scores, (size_t)d->n_scores * sizeof **numbers);
        *numbers += d->n_scores;
    }
    if (d->align) {
        h->alignment = *numbers;
        for (int32_t t = 0; t < d->n_scores; t++) {
            memcpy(*numbers, d->align + t * s->s_cap,
                   (size_t)job->n_ids * sizeof **numbers);
            *numbers += job->n_ids;
        }
    }
}

att_status atti_result_set(att_result *r, int64_t i, const att_session *s,
                           const atti_job *job, const atti_done *done, int32_t n_done)
{
    held *h = &r->sentence[i];
    int32_t n = n_done < s->o.n_best ? n_done : s->o.n_best;
    size_t n_ids = (size_t)job->n_ids, n_numbers = 0;
    if (n_done == 0) n = 1; /* the empty translation of an empty source */
    for (int32_t j = 0; j < n && j < n_done; j++) {
        n_ids += (size_t)done[j].n;
        if (s->o.want_scores) n_numbers += (size_t)done[j].n_scores;
        if (done[j].align) n_numbers += (size_t)done[j].n_scores * (size_t)job->n_ids;
    }
    ATTI_TRY(atti_alloc(&h->hyp, (size_t)n, sizeof *h->hyp, "hypotheses"));
    h->view.n_hypotheses = n;
    h->view.hypotheses = h->hyp;
    ATTI_TRY(atti_alloc(&h->ids, n_ids, sizeof *h->ids, "translation"));
    ATTI_TRY(atti_alloc(&h->numbers, n_numbers, sizeof *h->numbers, "translation"));
    int32_t *ids = h->ids;
    float *numbers = h->numbers;
    memcpy(ids, job->ids, (size_t)job->n_ids * sizeof *ids);
    h->view.source_ids = ids;
    h->view.n_source = job->n_ids;
    h->view.source_cut = job->cut;
    ids += job->n_ids;
    for (int32_t j = 0; j < n && j < n_done; j++) {
        copy_done(&h->hyp[j], s, job, &done[j], &ids, &numbers);
    }
    if (n_done == 0) {
        h->hyp[0].ids = ids;
        h->hyp[0].finished = job->n_ids == 0;
    }
    return ATT_OK;
}

typedef struct texting {
    att_result *r;
    const att_model *m;
} texting;

static att_status make_text(void *ctx, int64_t i, int thread)
{
    texting *t = ctx;
    held *h = &t->r->sentence[i];
    (void)thread;
    for (int32_t j = 0; j < h->view.n_hypotheses; j++) {
        char *text = NULL;
        ATTI_TRY(
            att_model_decode(t->m, 1, h->hyp[j].ids, (size_t)h->hyp[j].n_ids, &text));
        h->hyp[j].text = text;
    }
    return ATT_OK;
}

att_status atti_result_texts(att_result *r, const att_model *m)
{
    texting t = {r, m};
    if (!m->tokenizer[1]) return ATT_OK;
    return atti_parallel(r->n, make_text, &t);
}
