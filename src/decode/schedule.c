/* schedule.c - which sentences are in work: continuous batching.
 *
 * The longest sources go first, so that no long sentence is left over at the end. A wave
 * of sentences is encoded at once and waits; whenever a sentence ends, a waiting one
 * takes its place in the next step. None of this can be seen in a result. */
#include "base/alloc.h"
#include "decode/session_internal.h"
#include <stdlib.h>
#include <string.h>

typedef struct line { /* jobs not yet encoded, longest first */
    int64_t *which;
    int64_t n, at;
} line;

static int longest_first(const void *a, const void *b)
{
    const int64_t *x = a, *y = b; /* {-length, index} */
    if (x[0] != y[0]) return x[0] < y[0] ? -1 : 1;
    return x[1] < y[1] ? -1 : x[1] > y[1];
}

static att_status make_line(line *l, const atti_job *jobs, int64_t n)
{
    int64_t(*key)[2] = NULL;
    ATTI_TRY(atti_alloc(&key, (size_t)n, sizeof *key, "sentence order"));
    att_status st =
        atti_alloc(&l->which, (size_t)n, sizeof *l->which, "sentence order");
    if (st == ATT_OK) {
        for (int64_t i = 0; i < n; i++) {
            key[i][0] = -(int64_t)jobs[i].n_ids;
            key[i][1] = i;
        }
        qsort(key, (size_t)n, sizeof *key, longest_first);
        for (int64_t i = 0; i < n; i++) {
            /* An empty source is translated by nothing at all. */
            if (jobs[key[i][1]].n_ids > 0) l->which[l->n++] = key[i][1];
        }
    }
    atti_free(key);
    return st;
}

static att_status encode_more(att_session *s, line *l, const atti_job *jobs)
{
    int64_t n = 0, rows = 0;
    while (n < s->batch && l->at + n < l->n) {
        int64_t len = jobs[l->which[l->at + n]].n_ids;
        if (rows + len > s->n_free_source || rows + len > s->wave_rows) break;
        rows += len;
        n++;
    }
    if (n == 0) return ATT_OK; /* wait until slots come free */
    ATTI_TRY(atti_encode_wave(s, jobs, l->which + l->at, n));
    l->at += n;
    return ATT_OK;
}

static att_status admit(att_session *s, line *l, const atti_job *jobs)
{
    for (int64_t p = 0; p < s->batch; p++) {
        atti_live *v = &s->live[p];
        if (v->job >= 0) continue;
        if (s->next_waiting == s->n_waiting) {
            if (l->at == l->n) return ATT_OK;
            ATTI_TRY(encode_more(s, l, jobs));
            if (s->next_waiting == s->n_waiting) return ATT_OK;
        }
        const atti_waiting *w = &s->waiting[s->next_waiting++];
        v->job = w->job;
        memcpy(v->source, w->source, (size_t)w->n_source * sizeof *v->source);
        atti_search_start(s, v, &jobs[v->job]);
        s->order[s->n_live++] = p;
    }
    return ATT_OK;
}

static att_status retire(att_session *s, atti_live *v, const atti_job *jobs,
                         att_result *r)
{
    ATTI_TRY(atti_result_set(r, v->job, s, &jobs[v->job], v->done, v->n_done));
    for (int32_t i = 0; i < v->n_source; i++) {
        s->free_source[s->n_free_source++] = v->source[i];
    }
    v->job = -1;
    return ATT_OK;
}

/* Of several sentences the first is named. */
static att_status check_rows(const att_session *s)
{
    const atti_live *bad = NULL;
    for (int64_t i = 0; i < s->n_live; i++) {
        const atti_live *v = &s->live[s->order[i]];
        for (int32_t j = 0; j < v->n_rows; j++)
            if (s->row[v->row0 + j].diverged && (!bad || v->job < bad->job)) bad = v;
    }
    if (!bad) return ATT_OK;
    return atti_fail(ATT_EDIVERGED,
                     "sentence %lld: the model's numbers overflow at target token %d: "
                     "its weights are too large",
                     (long long)(s->o.first_sentence + bad->job), (int)bad->t);
}

static att_status one_step(att_session *s, const atti_job *jobs, att_result *r)
{
    int64_t rows = 0, row = 0, kept = 0;
    for (int64_t i = 0; i < s->n_live; i++) {
        atti_live *v = &s->live[s->order[i]];
        v->row0 = rows;
        rows += v->n_rows;
        atti_search_plan(s, v, &jobs[v->job]);
    }
    ATTI_TRY(atti_step_run(s, rows));
    ATTI_TRY(check_rows(s));
    for (int64_t i = 0; i < s->n_live; i++) {
        atti_live *v = &s->live[s->order[i]];
        bool ended = false;
        atti_search_advance(s, v, &jobs[v->job], &row, &ended);
        if (ended) {
            /* Rows it may have made are the last ones: they are taken back. */
            row -= v->n_rows;
            ATTI_TRY(retire(s, v, jobs, r));
        } else {
            s->order[kept++] = s->order[i];
        }
    }
    s->n_live = kept;
    s->current = 1 - s->current;
    return ATT_OK;
}

static void reset(att_session *s)
{
    s->n_live = s->n_waiting = s->next_waiting = 0;
    s->n_free_source = s->source_slots;
    for (int64_t i = 0; i < s->source_slots; i++) {
        s->free_source[i] = (int32_t)(s->source_slots - 1 - i);
    }
    for (int64_t p = 0; p < s->batch; p++) s->live[p].job = -1;
}

att_status atti_translate_jobs(att_session *s, const atti_job *jobs, int64_t n,
                               att_result *r)
{
    line l = {NULL, 0, 0};
    ATTI_TRY(make_line(&l, jobs, n));
    att_status st = ATT_OK;
    for (int64_t i = 0; st == ATT_OK && i < n; i++) {
        if (jobs[i].n_ids == 0) st = atti_result_set(r, i, s, &jobs[i], NULL, 0);
    }
    reset(s);
    while (st == ATT_OK) {
        if (s->o.cancel && s->o.cancel(s->o.user)) {
            st = atti_fail(ATT_ECANCELLED, "translation: cancelled on request");
            break;
        }
        st = admit(s, &l, jobs);
        if (st != ATT_OK || s->n_live == 0) break;
        st = one_step(s, jobs, r);
    }
    atti_free(l.which);
    return st;
}
