/* attn_decode.c - a few queries (T <= 8) against a long cache, contiguous or paged, f32 or
 * bf16: bound by reading the cache, so every key and value is read once for all query heads
 * that share it.
 *
 * Whether a sequence goes this way is asked of its own T and S, never of the batch's
 * longest; the others are left to the fast or generic path. A paged cache has no other
 * way: more queries than eight are taken in runs, some runs (a wave) at a time, so that
 * scratch does not grow with T x S.
 *
 * Keys are cut into chunks of fixed size; a task takes one chunk of one key head for all
 * its query rows and leaves maximum, sum and weighted values; a second pass joins the chunks in
 * order (Dao et al. 2023, "flash decoding"). Chunks are cut by the sequence's own
 * positions, so neither threads nor neighbours nor page size change a bit. */
#include "attention/attn_generic.h"
#include "base/checked.h"
#include "base/compiler.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

enum { MAX_T = 8, CHUNK = 512, PIECE = 64, MAX_ROWS = 64, LEAST_KEYS = 128, WAVE = 64 };
enum { ASKED = 8 }; /* rows of values asked for with each row of scores */

/* Up to `run` queries of one sequence. */
typedef struct item {
    int64_t b, t0, n_q;
    int64_t part0; /* number of its first chunk within the wave */
} item;

typedef struct decode {
    const atti_attn_call *c;
    const atti_attn_row_kernels *k;
    /* By shapes alone: queries of a run at most, query rows of a key head in it, runs of
     * the call, runs and chunks of a wave, chunks of one run. */
    int64_t run, rows, max_items, wave, max_parts, chunks;
    int64_t part_size;   /* floats a (chunk of a run, g): rows * (e + 2) */
    item *items;         /* [max_items], of which there are n_items */
    int64_t n_items, i0; /* i0: the first run of the wave */
    float *q;            /* [wave, run, H, d], rotated */
    float *part;
    unsigned char *threads;
    size_t thread_bytes;
} decode;

typedef struct scratch {
    float *e;    /* [rows, CHUNK] */
    float *copy; /* PIECE rows as f32: bf16 caches */
} scratch;

static int64_t longest_run(const atti_attn_call *c)
{
    return atti_min_i64(MAX_T, MAX_ROWS / c->group);
}

bool atti_attn_decode_takes(const atti_attn_call *c)
{
    const att_attention_desc *d = c->desc;
    if (c->dtype == ATT_F64 || c->edges || c->block > 0 || c->block_mask) return false;
    if (c->half) return false; /* what training computes */
    if (d->score != ATT_SCORE_DOT || d->normalise != ATT_NORM_SOFTMAX) return false;
    if (c->drop.threshold || c->bias.data || c->prior.data || c->use_alibi)
        return false;
    if (c->t5_table || c->shaw || c->rope_k) return false;
    if (c->group > MAX_ROWS) return false;
    if (c->paged || c->ragged) return true;
    return c->t >= 1 && c->t <= longest_run(c) && c->s >= LEAST_KEYS;
}

bool atti_attn_decode_takes_one(const atti_attn_call *c, int64_t b)
{
    int64_t n_q = atti_attn_nq(c, b);
    if (c->paged) return true;
    return n_q >= 1 && n_q <= longest_run(c) && atti_attn_nk(c, b) >= LEAST_KEYS;
}

/* Upper bounds for any offsets and lengths within these shapes. */
static void shape(decode *d, const atti_attn_call *c)
{
    int64_t rows = c->n_rows, batch = c->n_batch, each = atti_ceil_div(c->s, CHUNK);
    d->run = atti_min_i64(longest_run(c), c->ragged ? rows : c->t);
    d->run = atti_max_i64(d->run, 1);
    d->rows = d->run * c->group;
    d->chunks = each;
    if (c->paged) {
        d->max_items = c->ragged ? rows / d->run + atti_min_i64(batch, rows)
                                 : batch * atti_ceil_div(c->t, d->run);
        d->wave = atti_min_i64(d->max_items, atti_max_i64(batch, WAVE));
        d->max_parts = d->wave * each;
    } else if (c->ragged) {
        /* Who is taken has a query and LEAST_KEYS keys. */
        d->max_items = atti_min_i64(atti_min_i64(batch, rows), c->m_rows / LEAST_KEYS);
        d->wave = d->max_items;
        d->max_parts =
            atti_min_i64(c->m_rows / LEAST_KEYS, c->m_rows / CHUNK + d->max_items);
    } else {
        d->max_items = d->wave = batch;
        d->max_parts = batch * each;
    }
}

static size_t layout(decode *d, const atti_attn_call *c, unsigned char *base)
{
    size_t used = 0, bytes[4];
    memset(d, 0, sizeof *d);
    d->c = c;
    shape(d, c);
    d->k = atti_k()->attn ? atti_k()->attn->rows : &atti_ref_attn_rows;
    d->part_size = atti_round_up(d->rows * (c->e + 2), 16);
    size_t piece =
        c->dtype == ATT_BF16 ? (size_t)(PIECE * atti_max_i64(c->dk, c->e)) : 0;
    d->thread_bytes = ((size_t)(d->rows * CHUNK) + piece + 32) * sizeof(float);
    d->thread_bytes = (d->thread_bytes + 63) & ~(size_t)63;
    int64_t parts, heads;
    if (!atti_mul_i64(&heads, d->max_parts, c->kv_heads) ||
        !atti_mul_i64(&parts, heads, d->part_size) || parts > INT64_MAX / 8)
        return SIZE_MAX;
    bytes[0] = (size_t)(d->wave * d->run * c->heads * c->d) * sizeof(float);
    bytes[1] = (size_t)parts * sizeof(float);
    bytes[2] = (size_t)d->max_items * sizeof(item);
    bytes[3] = (size_t)atti_threads_max() * d->thread_bytes;
    for (int i = 0; i < 4; i++) bytes[i] = (bytes[i] + 63) & ~(size_t)63;
    if (base) {
        d->q = (float *)(void *)base;
        d->part = (float *)(void *)(base + bytes[0]);
        d->items = (item *)(void *)(base + bytes[0] + bytes[1]);
        d->threads = base + bytes[0] + bytes[1] + bytes[2];
    }
    for (int i = 0; i < 4; i++) used += bytes[i];
    return used;
}

size_t atti_attn_decode_workspace(const atti_attn_call *c)
{
    decode d;
    return layout(&d, c, NULL);
}

/* Query t of run `at` of the wave. */
static float *query_at(const decode *d, int64_t at, int64_t t, int64_t h)
{
    return d->q + ((at * d->run + t) * d->c->heads + h) * d->c->d;
}

/* Queries of one run: as f32, rotated. */
static void query_task(void *ctx, int64_t at, int thread)
{
    const decode *d = ctx;
    const atti_attn_call *c = d->c;
    const item *x = d->items + d->i0 + at;
    float table[256];
    (void)thread;
    int64_t n_q = atti_attn_nq(c, x->b), n_k = atti_attn_nk(c, x->b);
    for (int64_t t = 0; t < x->n_q; t++) {
        if (c->rope_q) atti_attn_rope_table(table, c, x->t0 + t + n_k - n_q);
        for (int64_t h = 0; h < c->heads; h++) {
            float *q = query_at(d, at, t, h);
            atti_gen_load_f32(q, c->q.data, c->dtype,
                              atti_attn_qoff(c, &c->q, x->b, x->t0 + t, h), c->d);
            if (c->rope_q) atti_attn_rope_apply(q, c, table, 1);
            if (c->softcap <= 0.0f)
                atti_k()->scale(q, q, c->scale * c->inv_temp, 0, c->d);
        }
    }
}

/* Where `*n` rows from s on lie together; *n is cut at the end of a page. */
static int64_t together(const atti_attn_call *c, const atti_attn_view *w, int64_t page,
                        int64_t b, int64_t s, int64_t g, int64_t *n)
{
    if (!c->paged) return atti_attn_koff(c, w, b, s, g);
    *n = atti_min_i64(*n, c->page_rows - s % c->page_rows);
    return atti_attn_pageoff(c, w, page, b, s, g);
}

/* Calls fn for each run of rows of keys s0 .. s0+n-1 that lie together; at: its first key
 * after s0. */
typedef void run_fn(const decode *d, const scratch *x, const float *rows, int64_t ld,
                    int64_t at, int64_t n, const void *ctx);

static void each_run(const decode *d, const scratch *x, const atti_attn_view *w,
                     int64_t page, int64_t width, int64_t b, int64_t g, int64_t s0,
                     int64_t n, run_fn *fn, const void *ctx)
{
    const atti_attn_call *c = d->c;
    for (int64_t i = 0, m; i < n; i += m) {
        m = n - i;
        int64_t at = together(c, w, page, b, s0 + i, g, &m);
        if (c->dtype == ATT_BF16) {
            const uint16_t *p = (const uint16_t *)w->data + at;
            m = atti_min_i64(m, PIECE);
            for (int64_t j = 0; j < m; j++)
                atti_k()->bf16_to_f32(x->copy + j * width, p + j * w->sr, width);
            fn(d, x, x->copy, width, i, m, ctx);
        } else {
            fn(d, x, (const float *)w->data + at, w->sr, i, m, ctx);
        }
    }
}

typedef struct place {
    int64_t at, g, n_q, s0; /* s0: the chunk's first key that anyone sees */
    int64_t (*span)[3];     /* of each query: sinks, lo, hi */
    float *acc;             /* [rows, e] */
} place;

static void score_run(const decode *d, const scratch *x, const float *rows, int64_t ld,
                      int64_t at, int64_t n, const void *ctx)
{
    const place *p = ctx;
    const atti_attn_call *c = d->c;
    const float *q[MAX_ROWS];
    float *e[MAX_ROWS];
    int64_t r = 0;
    for (int64_t i = 0; i < c->group; i++)
        for (int64_t t = 0; t < p->n_q; t++, r++) {
            q[r] = query_at(d, p->at, t, p->g * c->group + i);
            e[r] = x->e + r * CHUNK + at;
        }
    d->k->dot_rows(e, q, r, rows, ld, n, c->d);
}

static void value_run(const decode *d, const scratch *x, const float *rows, int64_t ld,
                      int64_t at, int64_t n, const void *ctx)
{
    const place *p = ctx;
    const int64_t group = d->c->group, e = d->c->e;
    float *acc[MAX_ROWS];
    const float *w[MAX_ROWS];
    for (int64_t t = 0; t < p->n_q; t++) {
        const int64_t *span = p->span[t];
        /* Keys of this run that the query sees: what it does not see is not read, for a
         * weight of 0 would not stop a NaN. All heads of the group see the same. */
        int64_t first = p->s0 + at, end = atti_min_i64(first + n, span[2]);
        int64_t part[2][2] = {
            {first, atti_min_i64(end, span[0])},
            {atti_max_i64(first, atti_max_i64(span[0], span[1])), end}};
        for (int i = 0; i < 2; i++) {
            int64_t skip = part[i][0] - first, m = part[i][1] - part[i][0];
            for (int64_t g = 0; m > 0 && g < group; g++) {
                int64_t r = g * p->n_q + t;
                acc[g] = p->acc + r * e;
                w[g] = x->e + r * CHUNK + at + skip;
            }
            if (m > 0) d->k->wsum_rows(acc, w, group, rows + skip * ld, ld, m, e);
        }
    }
}

/* The first values of a chunk, while its scores become weights: memory must not rest. */
static void ask_run(const decode *d, const scratch *x, const float *rows, int64_t ld,
                    int64_t at, int64_t n, const void *ctx)
{
    (void)x, (void)at, (void)ctx;
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < d->c->e; i += 16) ATTI_PREFETCH_FAR(rows + j * ld + i);
}

/* Scores of one row of a chunk -> weights relative to their maximum. */
static void soften(const decode *d, float *e, int64_t n, int64_t s0,
                   const int64_t span[3], float *max, float *sum)
{
    const atti_attn_call *c = d->c;
    if (c->softcap > 0.0f) {
        d->k->tanh(e, e, c->scale / c->softcap, n);
        atti_k()->scale(e, e, c->softcap * c->inv_temp, 0, n);
    }
    const bool all = s0 + n <= span[0] || (s0 >= span[1] && s0 + n <= span[2]);
    for (int64_t j = 0; !all && j < n; j++) {
        int64_t s = s0 + j;
        if (s >= span[0] && (s < span[1] || s >= span[2])) e[j] = -INFINITY;
    }
    *max = d->k->max(e, n);
    if (*max == -INFINITY)
        memset(e, 0, (size_t)n * sizeof(float));
    else
        *sum = (float)d->k->exp_sum(e, e, *max, n);
}

static float *part_at(const decode *d, const item *x, int64_t chunk, int64_t g)
{
    return d->part + ((x->part0 + chunk) * d->c->kv_heads + g) * d->part_size;
}

static void chunk_task(void *ctx, int64_t task, int thread)
{
    const decode *d = ctx;
    const atti_attn_call *c = d->c;
    int64_t chunk = task % d->chunks, bg = task / d->chunks;
    const item *it = d->items + d->i0 + bg / c->kv_heads;
    int64_t span[MAX_T][3];
    place p = {bg / c->kv_heads, bg % c->kv_heads, it->n_q, 0, NULL, NULL};
    int64_t n_k = atti_attn_nk(c, it->b), rows = c->group * p.n_q;
    int64_t begin = chunk * CHUNK, end = atti_min_i64(begin + CHUNK, n_k);
    if (begin >= n_k) return;
    float *part = part_at(d, it, chunk, p.g), *sum = part + d->rows;
    p.acc = part + 2 * d->rows;
    int64_t first = n_k, last = 0;
    p.span = span;
    for (int64_t t = 0; t < p.n_q; t++) {
        atti_attn_span(c, atti_attn_nq(c, it->b), n_k, it->t0 + t, &span[t][0],
                       &span[t][1], &span[t][2]);
        first = atti_min_i64(first, span[t][0] > 0 ? 0 : span[t][1]);
        last = atti_max_i64(last, span[t][2]);
    }
    for (int64_t r = 0; r < rows; r++) {
        part[r] = -INFINITY;
        sum[r] = 0.0f;
    }
    memset(p.acc, 0, (size_t)(rows * c->e) * sizeof(float));
    unsigned char *mem = d->threads + (size_t)thread * d->thread_bytes;
    scratch x = {(float *)(void *)mem, NULL};
    x.copy = x.e + d->rows * CHUNK;
    begin = p.s0 = atti_max_i64(begin, first);
    int64_t n = atti_min_i64(end, last) - begin;
    if (n <= 0) return;
    each_run(d, &x, &c->k, c->k_page, c->dk, it->b, p.g, begin, n, score_run, &p);
    for (int64_t r = 0; r < rows; r++) {
        int64_t ask = atti_min_i64(ASKED, n - r * ASKED);
        if (c->dtype == ATT_F32 && ask > 0)
            each_run(d, &x, &c->v, c->v_page, c->e, it->b, p.g, begin + r * ASKED, ask,
                     ask_run, &p);
        soften(d, x.e + r * CHUNK, n, begin, span[r % p.n_q], &part[r], &sum[r]);
    }
    each_run(d, &x, &c->v, c->v_page, c->e, it->b, p.g, begin, n, value_run, &p);
}

/* Joins the chunks of one query row in rising order. */
static void join_row(const decode *d, const item *it, int64_t h, int64_t t)
{
    const atti_attn_call *c = d->c;
    int64_t g = h / c->group, r = (h % c->group) * it->n_q + t;
    int64_t used = atti_ceil_div(atti_attn_nk(c, it->b), CHUNK);
    int64_t step = c->kv_heads * d->part_size;
    const float *part = part_at(d, it, 0, g);
    float out[256] = {0}, max = -INFINITY;
    if (c->sink_logit) max = c->inv_temp * *atti_gen_par(c->sink_logit, h);
    float sink = max;
    for (int64_t i = 0; i < used; i++) {
        float m = part[i * step + r];
        if (!(m <= max)) max = m; /* a NaN stays */
    }
    double sum = sink > -INFINITY ? exp((double)(sink - max)) : 0.0;
    for (int64_t i = 0; max != -INFINITY && i < used; i++) {
        const float *x = part + i * step;
        if (x[r] == -INFINITY) continue;
        float w = expf(x[r] - max);
        const float *acc = x + 2 * d->rows + r * c->e;
        sum += (double)w * (double)x[d->rows + r];
        d->k->wsum(out, &w, acc, c->e, 1, c->e);
    }
    float inv = sum != 0.0 ? (float)(1.0 / sum) : 0.0f;
    atti_k()->scale(out, out, inv, 0, c->e);
    atti_gen_store_f32(c->out.data, c->dtype,
                       atti_attn_qoff(c, &c->out, it->b, it->t0 + t, h), out, c->e,
                       false);
    if (c->lse.data)
        ((float *)c->lse.data)[atti_attn_qoff(c, &c->lse, it->b, it->t0 + t, h)] =
            max == -INFINITY ? -INFINITY : (float)((double)max + log(sum));
}

static void join_task(void *ctx, int64_t task, int thread)
{
    const decode *d = ctx;
    int64_t g = task % d->c->kv_heads;
    const item *x = d->items + d->i0 + task / d->c->kv_heads;
    (void)thread;
    for (int64_t i = 0; i < d->c->group; i++)
        for (int64_t t = 0; t < x->n_q; t++) join_row(d, x, g * d->c->group + i, t);
}

/* The runs of the sequences that are taken; whether any with queries is not. */
static bool list_items(decode *d)
{
    const atti_attn_call *c = d->c;
    int64_t part = 0;
    bool rest = false;
    for (int64_t b = 0; b < c->n_batch; b++) {
        int64_t n_q = atti_attn_nq(c, b);
        if (!atti_attn_decode_takes_one(c, b)) {
            rest |= n_q > 0;
            continue;
        }
        for (int64_t t = 0; t < n_q; t += d->run) {
            if (d->n_items % d->wave == 0) part = 0;
            d->items[d->n_items++] = (item){b, t, atti_min_i64(d->run, n_q - t), part};
            part += atti_ceil_div(atti_attn_nk(c, b), CHUNK);
        }
    }
    return rest;
}

att_status atti_attn_decode_forward(const atti_attn_call *c, bool *rest)
{
    decode d;
    size_t need = layout(&d, c, c->workspace);
    if (need > c->workspace_bytes)
        return atti_fail(ATT_EINVAL,
                         "attention: workspace of %zu bytes, %zu are needed",
                         c->workspace_bytes, need);
    *rest = list_items(&d);
    for (; d.i0 < d.n_items; d.i0 += d.wave) {
        int64_t n = atti_min_i64(d.wave, d.n_items - d.i0);
        atti_parallel_void(n, query_task, &d);
        atti_parallel_void(n * c->kv_heads * d.chunks, chunk_task, &d);
        atti_parallel_void(n * c->kv_heads, join_task, &d);
    }
    return ATT_OK;
}
