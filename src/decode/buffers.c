/* buffers.c - a session's memory: everything that the steps of one call can need, sized
 * from the call's longest sentences before the first step, kept for the next call. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "decode/buffers.h"
#include "decode/rnn_engine.h"
#include <string.h>

struct atti_chunk { /* precedes nothing: a list of what was allocated */
    struct atti_chunk *next;
    void *memory;
};

void atti_buffers_free(att_session *s)
{
    while (s->chunks) {
        struct atti_chunk *c = s->chunks;
        s->chunks = c->next;
        atti_free(c->memory);
        atti_free(c);
    }
    atti_rnn_wave_destroy(s->rnn_wave);
    s->rnn_wave = NULL;
    atti_free(s->workspace);
    s->workspace = NULL;
    s->workspace_bytes = 0;
    s->reached = 0;
    s->bytes = 0;
}

/* Not zeroed: caches are large and the system hands out their pages as they are used. */
static att_status take(att_session *s, void *out, int64_t n, int64_t per, size_t size)
{
    struct atti_chunk *c = NULL;
    int64_t count = 0;
    if (!atti_mul_i64(&count, n, per)) {
        return atti_fail(ATT_ENOMEM, "decoding: %lld x %lld numbers overflow",
                         (long long)n, (long long)per);
    }
    ATTI_TRY(atti_alloc(&c, 1, sizeof *c, "decoding memory"));
    att_status st = atti_alloc_raw(&c->memory, (size_t)count, size, "decoding memory");
    if (st != ATT_OK) {
        atti_free(c);
        return st;
    }
    c->next = s->chunks;
    s->chunks = c;
    s->bytes += (size_t)count * size;
    memcpy(out, &c->memory, sizeof c->memory);
    return ATT_OK;
}

#define TAKE(p, n, per) ATTI_TRY(take(s, &(p), (n), (per), sizeof *(p)))

static att_status take_encoder(att_session *s)
{
    const atti_engine *e = s->e;
    int64_t c = e->cfg->d_model, n = s->wave_rows;
    TAKE(s->src_stream.x, n, c);
    TAKE(s->src_stream.n, n, c);
    TAKE(s->src_stream.tmp, n, c);
    s->src_stream.width = c;
    TAKE(s->src_qkv, n, 3 * c);
    TAKE(s->src_ctx, n, c);
    TAKE(s->src_ff, n, e->enc.ffn);
    TAKE(s->src_ids, n, 1);
    TAKE(s->src_pos, n, 1);
    TAKE(s->src_slot, n, 1);
    TAKE(s->src_offsets, s->batch + 1, 1);
    return ATT_OK;
}

static att_status take_rows(att_session *s)
{
    const atti_engine *e = s->e;
    int64_t c = e->cfg->d_model, n = s->rows_max;
    TAKE(s->row_stream.x, n, c);
    TAKE(s->row_stream.n, n, c);
    TAKE(s->row_stream.tmp, n, c);
    s->row_stream.width = c;
    TAKE(s->q, n, 3 * c);
    TAKE(s->ctx, n, c);
    TAKE(s->ff, n, e->dec.ffn);
    TAKE(s->logits, n, e->vocab.n_out);
    TAKE(s->sums, n, 2 * atti_pick_chunks(e->vocab.n_out));
    s->heed_stride = atti_heed_scratch(e->dec.heads);
    TAKE(s->heed, s->threads, s->heed_stride);
    TAKE(s->row, n, 1);
    TAKE(s->cand, n, s->k);
    TAKE(s->k_len, n, 1);
    TAKE(s->x_len, n, 1);
    TAKE(s->x_page, n, s->s_cap);
    memset(s->x_page, 0, (size_t)(n * s->s_cap) * sizeof *s->x_page);
    for (int i = 0; i < 2; i++) {
        TAKE(s->table[i].page, n, s->t_cap);
        TAKE(s->table[i].said, n, s->t_cap);
        TAKE(s->table[i].score, n, s->t_cap);
    }
    unsigned char *bytes;
    ATTI_TRY(take(s, &bytes, (int64_t)atti_search_scratch(s), 1, 1));
    s->merge = bytes;
    s->pick_stride = atti_pick_scratch(e->vocab.n_out);
    TAKE(s->pick_scratch, s->threads, s->pick_stride);
    return ATT_OK;
}

static att_status take_caches(att_session *s)
{
    const atti_engine *e = s->e;
    int64_t width = 2 * e->cfg->d_model * e->dec.n_layers;
    TAKE(s->self_kv, s->slots, width);
    TAKE(s->cross_kv, s->source_slots, width);
    TAKE(s->free_source, s->source_slots, 1);
    if (!s->o.want_alignment) return ATT_OK;
    TAKE(s->lse, s->rows_max, e->dec.heads);
    TAKE(s->align_step, s->rows_max, 2 * s->s_cap);
    TAKE(s->align_slot, s->slots, s->s_cap);
    return ATT_OK;
}

static att_status take_sentences(att_session *s)
{
    int64_t n = s->batch, k = s->beam, t = s->t_cap, cap = s->s_cap;
    int32_t *sources, *ids, *last;
    double *sums;
    float *scores, *align = NULL;
    atti_done *done;
    TAKE(s->live, n, 1);
    TAKE(s->waiting, n, 1);
    TAKE(s->order, n, 1);
    TAKE(sources, 2 * n, cap);
    TAKE(sums, n, k);
    TAKE(last, n, k);
    TAKE(done, n, k);
    TAKE(ids, n * k, t);
    TAKE(scores, n * k, t);
    if (s->o.want_alignment) TAKE(align, n * k * t, cap);
    memset(s->live, 0, (size_t)n * sizeof *s->live);
    memset(done, 0, (size_t)(n * k) * sizeof *done);
    for (int64_t i = 0; i < n; i++) {
        atti_live *l = &s->live[i];
        l->job = -1;
        l->source = sources + i * cap;
        s->waiting[i].source = sources + (n + i) * cap;
        l->sum = sums + i * k;
        l->last = last + i * k;
        l->done = done + i * k;
        for (int64_t j = 0; j < k; j++) {
            l->done[j].ids = ids + (i * k + j) * t;
            l->done[j].scores = scores + (i * k + j) * t;
            l->done[j].align = align ? align + (i * k + j) * t * cap : NULL;
        }
    }
    return ATT_OK;
}

/* The encoder's rows are needed at once, the decoder's as its steps reach them: a model
 * may allow targets that are far longer than any that it says. */
static att_status take_positions(att_session *s)
{
    const atti_engine *e = s->e;
    TAKE(s->positions[0], s->s_cap, e->cfg->d_model);
    TAKE(s->positions[1], s->t_cap, e->cfg->d_model);
    atti_engine_positions(e, &e->enc, s->positions[0], 0, s->s_cap);
    return ATT_OK;
}

void atti_buffers_reach(att_session *s, int64_t steps)
{
    int64_t from = s->reached, to = atti_max_i64(2 * from, steps + 64);
    if (steps <= from) return;
    to = atti_min_i64(to, s->t_cap);
    atti_engine_positions(s->e, &s->e->dec, s->positions[1], from, to);
    /* Entries past a row's length are never followed, but must be readable. */
    for (int64_t r = 0; r < 2 * s->rows_max; r++) {
        int32_t *page = s->table[r % 2].page + r / 2 * s->t_cap;
        memset(page + from, 0, (size_t)(to - from) * sizeof *page);
    }
    s->reached = to;
}

static att_status take_all(att_session *s)
{
    ATTI_TRY(take_encoder(s));
    ATTI_TRY(take_rows(s));
    ATTI_TRY(take_caches(s));
    ATTI_TRY(take_sentences(s));
    return take_positions(s);
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

att_status atti_buffers_fit(att_session *s, const atti_needs *need)
{
    int threads = atti_threads_max();
    bool fits = s->chunks && need->batch <= s->batch && need->t_cap <= s->t_cap &&
                need->s_cap <= s->s_cap && need->wave_rows <= s->wave_rows &&
                need->source_slots <= s->source_slots && threads <= s->threads;
    if (fits) return ATT_OK;
    atti_buffers_free(s);
    s->batch = max_i64(need->batch, s->batch);
    s->t_cap = max_i64(need->t_cap, s->t_cap);
    s->s_cap = max_i64(need->s_cap, s->s_cap);
    s->wave_rows = max_i64(need->wave_rows, s->wave_rows);
    s->source_slots = max_i64(need->source_slots, s->source_slots);
    s->threads = threads > s->threads ? threads : s->threads;
    s->rows_max = s->batch * s->beam;
    s->slots = s->rows_max * s->t_cap;
    if (s->slots > INT32_MAX || s->source_slots > INT32_MAX) {
        return atti_fail(
            ATT_ENOMEM,
            "decoding: %lld cached tokens are too many: make the batch or the "
            "maximum length smaller",
            (long long)s->slots);
    }
    att_status st = take_all(s);
    if (st != ATT_OK) atti_buffers_free(s);
    return st;
}

att_status atti_session_workspace(att_session *s, size_t n)
{
    if (n <= s->workspace_bytes) return ATT_OK;
    atti_free(s->workspace);
    s->workspace = NULL;
    s->workspace_bytes = 0;
    /* Half as much again: it grows with the rows of a step, then stays. */
    n += n / 2;
    ATTI_TRY(atti_alloc_raw(&s->workspace, n, 1, "attention scratch"));
    s->workspace_bytes = n;
    return ATT_OK;
}
