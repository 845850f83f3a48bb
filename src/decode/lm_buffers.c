/* lm_buffers.c - the memory of a session over a decoder-only model: sized before the
 * first pass of a call, kept for the next. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "decode/lm_internal.h"

#include <math.h>

void atti_lm_buffers_free(att_lm *s)
{
    void *const all[] = {s->kv,     s->x,     s->n,    s->tmp,          s->qkv,
                         s->ctx,    s->up,    s->ff,   s->last,         s->turn,
                         s->logits, s->token, s->pos,  s->slot,         s->offsets,
                         s->page,   s->len,   s->ends, s->pick_scratch, s->sums};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) atti_free(all[i]);
    for (int64_t i = 0; s->live && i < s->batch; i++) {
        atti_free(s->live[i].tokens);
        atti_free(s->live[i].said);
        atti_free(s->live[i].logprobs);
        atti_lm_text_deinit(&s->live[i].text);
    }
    atti_free(s->live);
    s->kv = s->x = s->n = s->tmp = s->qkv = s->ctx = s->up = s->ff = NULL;
    s->last = s->turn = s->logits = s->sums = s->pick_scratch = NULL;
    s->token = s->pos = s->slot = s->offsets = s->page = s->len = s->ends = NULL;
    s->live = NULL;
    s->batch = s->cap = s->rows = 0;
    s->bytes = 0;
}

/* Not zeroed: the system hands out the cache's pages as they are used. */
static att_status take(att_lm *s, void *out, int64_t a, int64_t b, size_t size)
{
    int64_t n = 0;
    if (!atti_mul_i64(&n, a, b) || n > INT64_MAX / 16)
        return atti_fail(ATT_ENOMEM, "generating: %lld x %lld numbers overflow",
                         (long long)a, (long long)b);
    s->bytes += (size_t)n * size;
    return atti_alloc_raw(out, (size_t)n, size, "generating");
}

static att_status take_rows(att_lm *s)
{
    const atti_decoder_config *c = s->e->cfg;
    const atti_lm_layer *l = &s->e->layer[0];
    int64_t n = s->rows, f = sizeof(float);
    ATTI_TRY(take(s, &s->x, n, c->hidden, (size_t)f));
    ATTI_TRY(take(s, &s->n, n, c->hidden, (size_t)f));
    ATTI_TRY(take(s, &s->tmp, n, c->hidden, (size_t)f));
    ATTI_TRY(take(s, &s->qkv, n, l->qkv.n_out, (size_t)f));
    ATTI_TRY(take(s, &s->ctx, n, c->heads * c->head_dim, (size_t)f));
    ATTI_TRY(take(s, &s->up, n, l->up.n_out, (size_t)f));
    if (!c->gpt2) ATTI_TRY(take(s, &s->ff, n, c->ffn, (size_t)f));
    ATTI_TRY(take(s, &s->token, n, 1, sizeof *s->token));
    ATTI_TRY(take(s, &s->pos, n, 1, sizeof *s->pos));
    return take(s, &s->slot, n, 1, sizeof *s->slot);
}

static att_status take_batch(att_lm *s)
{
    const atti_decoder_config *c = s->e->cfg;
    int64_t b = s->batch, kv = 0;
    s->pick_stride = atti_round_up(atti_pick_scratch(c->vocab_size), 16);
    if (!atti_mul_i64(&kv, 2 * s->cap, c->kv_heads * c->head_dim * c->layers))
        return atti_fail(ATT_ENOMEM, "generating: a cache of %lld positions overflows",
                         (long long)s->cap);
    ATTI_TRY(take(s, &s->kv, kv, b, sizeof(float)));
    ATTI_TRY(take(s, &s->last, b, c->hidden, sizeof(float)));
    ATTI_TRY(take(s, &s->logits, b, c->vocab_size, sizeof(float)));
    ATTI_TRY(take(s, &s->sums, b, 2 * atti_pick_chunks(c->vocab_size), sizeof(float)));
    ATTI_TRY(take(s, &s->offsets, b + 1, 1, sizeof(int32_t)));
    ATTI_TRY(take(s, &s->page, b, 1, sizeof(int32_t)));
    ATTI_TRY(take(s, &s->len, b, 1, sizeof(int32_t)));
    ATTI_TRY(take(s, &s->ends, b, 1, sizeof(int32_t)));
    ATTI_TRY(
        take(s, &s->pick_scratch, atti_threads_max(), s->pick_stride, sizeof(float)));
    ATTI_TRY(atti_alloc(&s->live, (size_t)b, sizeof *s->live, "prompts"));
    for (int64_t i = 0; i < b; i++) {
        s->live[i].job = -1;
        ATTI_TRY(take(s, &s->live[i].tokens, s->cap, 1, sizeof(int32_t)));
    }
    return ATT_OK;
}

static att_status take_rotation(att_lm *s)
{
    s->turned = 0;
    if (!s->e->freqs) return ATT_OK;
    return take(s, &s->turn, s->cap, s->e->cfg->head_dim, sizeof(float));
}

void atti_lm_reach(att_lm *s, int64_t positions)
{
    int64_t d = s->e->cfg->head_dim, to = atti_max_i64(2 * s->turned, positions + 64);
    if (!s->turn || positions <= s->turned) return;
    to = atti_min_i64(to, s->cap);
    for (int64_t p = s->turned; p < to; p++)
        for (int64_t j = 0; j < d / 2; j++) {
            double a = (double)p * (double)s->e->freqs[j];
            s->turn[p * d + j] = (float)cos(a);
            s->turn[p * d + d / 2 + j] = (float)sin(a);
        }
    s->turned = to;
}

att_status atti_lm_buffers(att_lm *s, int64_t batch, int64_t cap)
{
    if (s->live && batch <= s->batch && cap <= s->cap) return ATT_OK;
    batch = atti_max_i64(batch, s->batch);
    cap = atti_max_i64(cap, s->cap);
    atti_lm_buffers_free(s);
    s->batch = batch;
    s->cap = atti_min_i64(atti_round_up(cap, 64), s->context);
    s->rows = atti_max_i64(s->o.block, batch);
    att_status st = take_rows(s);
    if (st == ATT_OK) st = take_batch(s);
    if (st == ATT_OK) st = take_rotation(s);
    if (st != ATT_OK) atti_lm_buffers_free(s);
    return st;
}
