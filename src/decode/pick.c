/* pick.c - from one row of logits to its best continuations.
 *
 * Log-sum-exp and maximum of each chunk of columns are taken by the thread that has just
 * multiplied it; then only the chunks whose maximum can still matter are looked into.
 * Chunks are fixed, so a row's numbers depend on that row alone. */
#include "base/rng.h"
#include "decode/session_internal.h"
#include <math.h>
#include <string.h>

#define CHUNK      ATTI_PICK_CHUNK
#define SHORT_LIST 64 /* candidates up to which sorting them in is cheap */

typedef struct picking {
    const att_session *s;
    const atti_row *row;
    float *x;          /* logits; bias is added where they are read */
    const float *bias; /* or NULL */
    int64_t n;         /* V */
    float *max;        /* [chunks] */
    float lse;
    atti_cand *out; /* [k], best first */
    int64_t k;
} picking;

int64_t atti_pick_chunks(int64_t vocab)
{
    return (vocab + CHUNK - 1) / CHUNK;
}

int64_t atti_pick_scratch(int64_t vocab)
{
    int64_t chunks = atti_pick_chunks(vocab);
    /* chunk lse and max, then values and indices for sampling */
    return 2 * (chunks + 16) + 2 * vocab;
}

static float at(const picking *p, int64_t i)
{
    return p->bias ? p->x[i] + p->bias[i] : p->x[i];
}

static int64_t chunk_end(const picking *p, int64_t c)
{
    int64_t end = (c + 1) * CHUNK;
    return end < p->n ? end : p->n;
}

static void chunk_sums(float *lse, float *max, const float *x, const float *bias,
                       int64_t cols)
{
    for (int64_t at = 0; at < cols; at += CHUNK, lse++, max++) {
        int64_t n = cols - at < CHUNK ? cols - at : CHUNK;
        atti_k()->logsumexp(lse, max, x + at, bias ? bias + at : NULL, 1, n, n);
    }
}

void atti_pick_sums(float *sums, int64_t vocab, const float *bias, const float *logits,
                    int64_t col0, int64_t cols)
{
    float *lse = sums + col0 / CHUNK;
    chunk_sums(lse, lse + atti_pick_chunks(vocab), logits, bias ? bias + col0 : NULL,
               cols);
}

/* log sum exp over the row from those of its chunks. */
static void join_sums(picking *p, const float *lse)
{
    int64_t chunks = atti_pick_chunks(p->n);
    float top = -INFINITY;
    for (int64_t c = 0; c < chunks; c++) {
        if (!(p->max[c] <= top)) top = p->max[c]; /* NaN gets through */
    }
    double sum = 0.0;
    for (int64_t c = 0; c < chunks; c++) sum += exp((double)lse[c] - (double)top);
    p->lse = (float)((double)top + log(sum));
}

static void rescan_max(picking *p, int64_t i)
{
    int64_t c = i / CHUNK;
    float m = -INFINITY;
    for (int64_t j = c * CHUNK; j < chunk_end(p, c); j++) {
        if (at(p, j) > m) m = at(p, j);
    }
    p->max[c] = m;
}

static void set_logit(picking *p, int64_t i, float v)
{
    p->x[i] = p->bias ? v - p->bias[i] : v;
    rescan_max(p, i);
}

/* ---- constraints -------------------------------------------------------------- */

static bool seen_before(const int32_t *said, int64_t n, int32_t id)
{
    for (int64_t i = 0; i < n; i++) {
        if (said[i] == id) return true;
    }
    return false;
}

/* Each token already said, the start token included, once. Greedy and sampling penalise
 * the logit, beam search the log-probability, as transformers does. */
static void penalise_repetition(picking *p, const int32_t *said, int64_t n)
{
    float f = p->s->o.repetition_penalty;
    bool logprob = p->s->beam > 1;
    for (int64_t i = -1; i < n; i++) {
        int32_t id = i < 0 ? p->s->start : said[i];
        if (i >= 0 && (id == p->s->start || seen_before(said, i, id))) continue;
        float v = at(p, id) - (logprob ? p->lse : 0.0f);
        v = v < 0.0f ? v * f : v / f;
        set_logit(p, id, v + (logprob ? p->lse : 0.0f));
    }
}

/* A token that would complete an n-gram said before. The start token counts as said. */
static void ban_ngrams(picking *p, const int32_t *said, int64_t n)
{
    int64_t g = p->s->o.no_repeat_ngram, len = n + 1; /* with the start token */
    if (len + 1 < g) return;
    for (int64_t i = 0; i + g <= len; i++) {
        bool same = true;
        for (int64_t j = 0; same && j < g - 1; j++) {
            int64_t a = i + j, b = len - (g - 1) + j;
            int32_t x = a == 0 ? p->s->start : said[a - 1];
            int32_t y = b == 0 ? p->s->start : said[b - 1];
            same = x == y;
        }
        if (!same) continue;
        int64_t last = i + g - 1;
        set_logit(p, last == 0 ? p->s->start : said[last - 1], -INFINITY);
    }
}

/* A token that would complete a sequence of bad_words_ids. The start token is not part
 * of one, as in transformers. */
static void ban_words(picking *p, const int32_t *said, int64_t n)
{
    const atti_generation *g = &p->s->model->gen;
    for (int32_t w = 0; w < g->n_bad_seq; w++) {
        const int32_t *word = g->bad_seq + g->bad_at[w];
        int64_t before = g->bad_at[w + 1] - g->bad_at[w] - 1;
        if (before > n || said[n - 1] != word[before - 1]) continue;
        if (memcmp(said + n - before, word, (size_t)before * sizeof *word) != 0)
            continue;
        if (word[before] < p->n) set_logit(p, word[before], -INFINITY);
    }
}

static bool banned(const picking *p, int64_t i)
{
    if (i == p->s->pad) return true;
    if (p->row->ban_eos && atti_ends(p->s, i)) return true;
    return p->s->banned && p->s->banned[i];
}

/* ---- the best k --------------------------------------------------------------- */

/* Highest value first, lower id first among equals. */
static void insert(picking *p, float v, int64_t id)
{
    int64_t i = p->k - 1;
    while (i > 0 && (p->out[i - 1].id < 0 || p->out[i - 1].v < v)) {
        p->out[i] = p->out[i - 1];
        i--;
    }
    p->out[i].v = v;
    p->out[i].id = (int32_t)id;
}

static bool worse(const atti_cand *a, const atti_cand *b)
{
    return a->v < b->v || (a->v == b->v && a->id > b->id);
}

static void swap(atti_cand *a, atti_cand *b)
{
    atti_cand x = *a;
    *a = *b;
    *b = x;
}

/* Of a heap of n with the worst in front. */
static void sift_down(atti_cand *heap, int64_t n)
{
    for (int64_t i = 0, c = 1; c < n; c = 2 * i + 1) {
        if (c + 1 < n && worse(&heap[c + 1], &heap[c])) c++;
        if (!worse(&heap[c], &heap[i])) return;
        swap(&heap[c], &heap[i]);
        i = c;
    }
}

static void sift_up(atti_cand *heap, int64_t i)
{
    for (; i > 0 && worse(&heap[i], &heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&heap[i], &heap[(i - 1) / 2]);
}

/* A short list is kept sorted, a long one as a heap of *n that is sorted at the end. */
static void keep(picking *p, int64_t *n, float v, int64_t id)
{
    if (p->k <= SHORT_LIST) {
        insert(p, v, id);
        *n += *n < p->k;
    } else if (*n < p->k) {
        p->out[*n] = (atti_cand){v, (int32_t)id};
        sift_up(p->out, (*n)++);
    } else {
        p->out[0] = (atti_cand){v, (int32_t)id};
        sift_down(p->out, p->k);
    }
}

static void top(picking *p)
{
    int64_t chunks = (p->n + CHUNK - 1) / CHUNK, n = 0;
    const atti_cand *last = &p->out[p->k <= SHORT_LIST ? p->k - 1 : 0];
    float least = -INFINITY; /* what a candidate must beat */
    for (int64_t i = 0; i < p->k; i++) p->out[i].id = -1;
    for (int64_t c = 0; c < chunks; c++) {
        if (!(p->max[c] > least)) continue;
        for (int64_t i = c * CHUNK; i < chunk_end(p, c); i++) {
            float v = at(p, i);
            if (!(v > least) || banned(p, i)) continue;
            keep(p, &n, v, i);
            if (n == p->k) least = last->v;
        }
    }
    if (p->k <= SHORT_LIST) return;
    while (n > 1) {
        swap(&p->out[0], &p->out[--n]);
        sift_down(p->out, n);
    }
}

/* ---- sampling ----------------------------------------------------------------- */

/* A binary heap's sift-down over indices by value: the highest first, lower id first
 * among equals. Only as many are popped as the cuts keep. */
static bool before(const float *v, int32_t a, int32_t b)
{
    return v[a] > v[b] || (v[a] == v[b] && a < b);
}

static void sift(int32_t *heap, int64_t n, int64_t i, const float *v)
{
    for (;;) {
        int64_t c = 2 * i + 1;
        if (c >= n) return;
        if (c + 1 < n && before(v, heap[c + 1], heap[c])) c++;
        if (!before(v, heap[c], heap[i])) return;
        int32_t t = heap[c];
        heap[c] = heap[i];
        heap[i] = t;
        i = c;
    }
}

/* Temperature, then top_k, top_p, min_p, then one draw. v and heap have room for V. */
static void sample(picking *p, float *v, int32_t *heap)
{
    const att_decode_opts *o = &p->s->o;
    float best = -INFINITY;
    double total = 0.0, kept = 0.0;
    int64_t n = 0, m = 0;
    for (int64_t i = 0; i < p->n; i++) {
        v[i] = banned(p, i) ? -INFINITY : at(p, i) / o->temperature;
        if (v[i] > best) best = v[i];
    }
    for (int64_t i = 0; i < p->n; i++) {
        if (v[i] > -INFINITY) heap[n++] = (int32_t)i;
    }
    p->out[0].id = -1;
    if (n == 0) return;
    for (int64_t i = n / 2; i >= 0; i--) sift(heap, n, i, v);
    /* Pop into the back of the array: heap[n..n+m) is what was popped, last pop first. */
    int64_t limit = o->top_k > 0 && o->top_k < n ? o->top_k : n, all = n;
    for (m = 0; m < limit; m++) {
        int32_t id = heap[0];
        heap[0] = heap[--n];
        heap[n] = id;
        sift(heap, n, 0, v);
        total += exp((double)(v[id] - best));
    }
    /* Highest first: heap[all-1], heap[all-2], ... */
    int64_t keep = 0;
    for (; keep < m; keep++) {
        double w = exp((double)(v[heap[all - 1 - keep]] - best));
        if (keep > 0 && (kept >= (double)o->top_p * total || w < (double)o->min_p))
            break;
        kept += w;
    }
    atti_rng r = {p->row->draw, 0};
    double u = atti_rng_unit(&r) * kept, sum = 0.0;
    int32_t id = heap[all - 1];
    for (int64_t i = 0; i < keep; i++) {
        id = heap[all - 1 - i];
        sum += exp((double)(v[id] - best));
        if (u < sum) break;
    }
    p->out[0].id = id;
    p->out[0].v = at(p, id);
}

void atti_pick_row(att_session *s, int64_t row, float *logits, int thread)
{
    int64_t vocab = s->e->vocab.n_out, chunks = atti_pick_chunks(vocab);
    float *scratch = s->pick_scratch + thread * s->pick_stride;
    atti_row *r = &s->row[row];
    picking p = {
        .s = s,
        .row = r,
        .x = logits,
        .bias = s->e->vocab.bias,
        .n = vocab,
        .max = s->sums ? s->sums + (2 * row + 1) * chunks : scratch + chunks + 8,
        .out = s->cand + row * s->k,
        .k = s->k,
    };
    if (s->sums) {
        join_sums(&p, p.max - chunks);
    } else {
        chunk_sums(scratch, p.max, logits, p.bias, vocab);
        join_sums(&p, scratch);
    }
    /* Logits overflowed: of a model whose weights are far too large. */
    r->diverged = !isfinite(p.lse);
    if (r->mode == ATTI_PICK_FORCED) {
        for (int64_t i = 1; i < s->k; i++) p.out[i].id = -1;
        p.out[0].id = r->forced;
        p.out[0].v = r->free_token ? 0.0f : at(&p, r->forced) - p.lse;
        return;
    }
    const int32_t *said = s->table[s->current].said + row * s->t_cap;
    if (s->o.repetition_penalty != 1.0f) penalise_repetition(&p, said, r->pos);
    if (s->o.no_repeat_ngram > 0) ban_ngrams(&p, said, r->pos);
    if (s->model && s->model->gen.n_bad_seq > 0) ban_words(&p, said, r->pos);
    if (r->mode == ATTI_PICK_SAMPLE) {
        float *v = scratch + 2 * (chunks + 8);
        sample(&p, v, (int32_t *)(void *)(v + vocab));
    } else {
        top(&p);
    }
    for (int64_t i = 0; i < s->k && p.out[i].id >= 0; i++) p.out[i].v -= p.lse;
}

static void sums_of(void *ctx, float *y, int64_t ldy, const atti_column_piece *p,
                    int thread)
{
    const att_session *s = ctx;
    int64_t vocab = s->e->vocab.n_out, each = 2 * atti_pick_chunks(vocab);
    (void)thread;
    for (int64_t r = p->row0; r < p->row0 + p->rows; r++)
        atti_pick_sums(s->sums + r * each, vocab, s->e->vocab.bias,
                       y + r * ldy + p->col0, p->col0, p->cols);
}

static void rows_of(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                    int thread)
{
    for (int64_t r = row0; r < row0 + rows; r++)
        atti_pick_row(ctx, r, y + r * ldy, thread);
}

att_status atti_pick_rows(att_session *s, const float *x, int64_t n_rows)
{
    const atti_dense *d = &s->e->vocab; /* its bias is added where logits are read */
    atti_linear_ends ends = {
        .columns = sums_of, .column_step = CHUNK, .rows = rows_of, .ctx = s};
    return atti_linear_run_ends(d->lin, s->logits, d->n_out, x, d->n_in, n_rows, &ends);
}
