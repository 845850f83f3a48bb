/* search.c - what one step's candidates make of a sentence's hypotheses.
 *
 * Beam search, with beam K and length L = tokens said, this one included:
 *   the 2K best continuations of all open hypotheses are taken, by sum of
 *   log-probabilities; those among the first K that end the sentence are finished with
 *   score sum / L^alpha, of which the K best are kept; the first K that do not end it
 *   stay open. The sentence is done when K have finished and the best open one, judged
 *   at its present length, is not better than the worst of them.
 * This is transformers' definition with early_stopping false; true ends as soon as K
 * have finished, "never" judges the open one at the maximum length. Greedy is K = 1
 * without the second look: the first </s> ends it. */
#include "base/rng.h"
#include "decode/session_internal.h"
#include <math.h>
#include <string.h>

void atti_search_start(att_session *s, atti_live *l, const atti_job *job)
{
    (void)s;
    l->n_source = job->n_ids;
    l->max_len = job->max_len;
    l->t = 0;
    l->n_rows = 1;
    l->n_done = 0;
    l->sum[0] = 0.0;
    l->last[0] = s->start;
}

/* How the next token of this sentence is chosen. */
static void choose_mode(const att_session *s, const atti_live *l, const atti_job *job,
                        atti_row *r)
{
    int32_t t = l->t;
    r->mode = s->o.sampling ? ATTI_PICK_SAMPLE : ATTI_PICK_TOP;
    r->free_token = false;
    r->ban_eos = t < s->o.min_length;
    if (t < job->n_prefix) {
        r->mode = ATTI_PICK_FORCED;
        r->forced = job->prefix[t];
    } else if (t == 0 && s->forced_bos >= 0) {
        r->mode = ATTI_PICK_FORCED;
        r->forced = s->forced_bos;
        r->free_token = true;
    } else if (t + 1 == l->max_len && s->forced_eos >= 0) {
        r->mode = ATTI_PICK_FORCED;
        r->forced = s->forced_eos;
        r->free_token = true;
    }
    r->draw =
        atti_key(s->o.seed, (uint64_t)(s->o.first_sentence + l->job), (uint64_t)t);
}

void atti_search_plan(att_session *s, atti_live *l, const atti_job *job)
{
    int64_t place = l - s->live;
    for (int32_t j = 0; j < l->n_rows; j++) {
        int64_t at = l->row0 + j;
        atti_row *r = &s->row[at];
        r->token = l->last[j];
        r->pos = l->t;
        r->slot = (int32_t)((place * s->beam + j) * s->t_cap + l->t);
        choose_mode(s, l, job, r);
        memcpy(s->x_page + at * s->s_cap, l->source,
               (size_t)l->n_source * sizeof *l->source);
        s->x_len[at] = l->n_source;
    }
}

/* A continuation of row `row` of the sentence. */
typedef struct next {
    double sum;
    float v;
    int32_t row, id;
} next;

int64_t atti_search_width(const att_session *s)
{
    /* Each row has one continuation for each of the ends, and those do not go on. */
    return (s->n_ends > 1 ? 1 + s->n_ends : 2) * s->beam;
}

/* What a row has not given yet: candidates from `at` on, whose best sum is `sum`. */
typedef struct rest {
    double sum;
    int32_t row, at;
} rest;

size_t atti_search_scratch(const att_session *s)
{
    return (size_t)atti_search_width(s) * sizeof(next) + (size_t)s->beam * sizeof(rest);
}

static double rank(const att_session *s, double sum, int32_t length)
{
    return sum / pow((double)length, (double)s->o.length_alpha);
}

/* Keeps the beam best; earlier ones first among equals. */
static void finish(att_session *s, atti_live *l, const next *x, bool eos, bool cut)
{
    const atti_tables *t = &s->table[s->current];
    int64_t row = (l->row0 + x->row) * s->t_cap;
    int32_t length = l->t + 1, i = l->n_done;
    double score = rank(s, x->sum, length);
    if (i == s->beam) {
        if (!(score > l->done[i - 1].score)) return;
        i--;
    } else {
        l->n_done++;
    }
    atti_done d = l->done[i]; /* its arrays are filled anew */
    while (i > 0 && l->done[i - 1].score < score) {
        l->done[i] = l->done[i - 1];
        i--;
    }
    d.score = score;
    d.logprob = x->sum;
    d.finished = eos && !cut;
    d.n = eos ? length - 1 : length;
    d.n_scores = length;
    memcpy(d.ids, t->said + row, (size_t)l->t * sizeof *d.ids);
    memcpy(d.scores, t->score + row, (size_t)l->t * sizeof *d.scores);
    if (!eos) d.ids[l->t] = x->id;
    d.scores[l->t] = x->v;
    for (int32_t p = 0; d.align && p < length; p++) {
        memcpy(d.align + p * s->s_cap,
               s->align_slot + (int64_t)t->page[row + p] * s->s_cap,
               (size_t)l->n_source * sizeof *d.align);
    }
    l->done[i] = d;
}

/* The sentence's next row: the parent's tables and one token more. */
static void extend(att_session *s, atti_live *l, const next *x, int32_t j, int64_t row)
{
    const atti_tables *from = &s->table[s->current];
    atti_tables *to = &s->table[1 - s->current];
    int64_t a = (l->row0 + x->row) * s->t_cap, b = row * s->t_cap;
    size_t n = (size_t)l->t;
    memcpy(to->page + b, from->page + a, (n + 1) * sizeof *to->page);
    memcpy(to->said + b, from->said + a, n * sizeof *to->said);
    memcpy(to->score + b, from->score + a, n * sizeof *to->score);
    to->said[b + l->t] = x->id;
    to->score[b + l->t] = x->v;
    l->sum[j] = x->sum;
    l->last[j] = x->id;
}

/* False at the row's end; NaN and the impossible are no continuations. */
static bool has_more(const att_session *s, const atti_live *l, rest *r)
{
    const atti_cand *c = s->cand + (l->row0 + r->row) * s->k + r->at;
    if (r->at == s->k || c->id < 0) return false;
    r->sum = l->sum[r->row] + (double)c->v;
    return r->sum > -INFINITY;
}

static bool precedes(const rest *a, const rest *b)
{
    return a->sum > b->sum || (a->sum == b->sum && a->row < b->row);
}

/* A heap's sift-down: heap[0] comes to precede all others. */
static void settle(rest *heap, int64_t n, int64_t i)
{
    for (;;) {
        int64_t c = 2 * i + 1;
        if (c >= n) return;
        if (c + 1 < n && precedes(&heap[c + 1], &heap[c])) c++;
        if (!precedes(&heap[c], &heap[i])) return;
        rest x = heap[i];
        heap[i] = heap[c];
        heap[c] = x;
        i = c;
    }
}

/* The `want` best continuations over the sentence's rows, best first; by row and then
 * by id among equals. Each row's candidates are sorted: a merge of as many lists. */
static int64_t merge(const att_session *s, const atti_live *l, next *out, int64_t want)
{
    rest *heap = (rest *)(void *)(out + want);
    int64_t n = 0, rows = 0;
    for (int32_t j = 0; j < l->n_rows; j++) {
        heap[rows] = (rest){.row = j};
        rows += has_more(s, l, &heap[rows]);
    }
    for (int64_t i = rows / 2; i >= 0; i--) settle(heap, rows, i);
    while (n < want && rows > 0) {
        rest *r = &heap[0];
        const atti_cand *c = s->cand + (l->row0 + r->row) * s->k + r->at++;
        out[n++] = (next){r->sum, c->v, r->row, c->id};
        if (!has_more(s, l, r)) heap[0] = heap[--rows];
        settle(heap, rows, 0);
    }
    return n;
}

static bool open_can_win(const att_session *s, const atti_live *l)
{
    if (l->n_done < s->beam) return true;
    if (s->o.early_stopping == 1) return false;
    bool at_end = s->o.early_stopping == 2 && s->o.length_alpha > 0.0f;
    double best = rank(s, l->sum[0], at_end ? l->max_len : l->t);
    return best > l->done[s->beam - 1].score;
}

static void advance_beam(att_session *s, atti_live *l, int64_t *row, bool *ended)
{
    next *list = s->merge;
    int64_t n = merge(s, l, list, atti_search_width(s));
    bool last = l->t + 1 == l->max_len;
    int32_t open = 0;
    int64_t row0 = *row;
    for (int64_t i = 0; i < n; i++) {
        bool eos = atti_ends(s, list[i].id);
        if (eos || last) {
            if (i < s->beam) finish(s, l, &list[i], eos, last);
        } else if (open < s->beam) {
            /* l->sum of row `open` may still be read as a parent: merge copied it. */
            extend(s, l, &list[i], open, (*row)++);
            open++;
        }
    }
    l->n_rows = open;
    l->row0 = row0;
    l->t++;
    *ended = open == 0 || !open_can_win(s, l);
}

/* Greedy, sampling, and forced tokens: one row, one candidate. */
static void advance_one(att_session *s, atti_live *l, const atti_job *job, int64_t *row,
                        bool *ended)
{
    const atti_cand *c = s->cand + l->row0 * s->k;
    bool last = l->t + 1 == l->max_len;
    bool all_forced = job->forced && l->t + 1 == job->n_prefix;
    next x = {l->sum[0] + (double)c->v, c->v, 0, c->id};
    /* Nothing may be said (NaN, or everything is banned): the sentence is cut here. */
    if (c->id < 0) x = (next){l->sum[0], 0.0f, 0, s->eos};
    bool eos = atti_ends(s, x.id);
    if (all_forced || last || c->id < 0 || (eos && l->t >= job->n_prefix)) {
        finish(s, l, &x, eos, last || c->id < 0);
        *ended = true;
        l->n_rows = 0;
        return;
    }
    extend(s, l, &x, 0, *row);
    l->row0 = (*row)++;
    l->t++;
    *ended = false;
}

void atti_search_advance(att_session *s, atti_live *l, const atti_job *job,
                         int64_t *row, bool *ended)
{
    bool forced = s->row[l->row0].mode == ATTI_PICK_FORCED && l->n_rows == 1;
    if (s->beam == 1 || (forced && !(l->t + 1 == l->max_len))) {
        advance_one(s, l, job, row, ended);
    } else {
        advance_beam(s, l, row, ended);
    }
}
