/* step.c - one token for every live row: embeddings, decoder layers, vocabulary.
 *
 * Only a layer's new keys and values are computed; the old ones are in the cache and are
 * found through each row's page table. */
#include "base/threads.h"
#include "decode/rnn_engine.h"
#include "decode/session_internal.h"
#include <math.h>
#include <string.h>

static const atti_drop no_drop = {0, 0, 1.0f};

typedef struct caching { /* new keys and values go straight into their slots */
    att_session *s;
    const atti_dense *d;
    float *kv; /* of one layer, [slots, 2C] */
} caching;

static void split_qkv(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                      int thread)
{
    const caching *w = ctx;
    int64_t c = w->d->n_in;
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++) {
        float *from = y + r * ldy;
        const float *b = w->d->bias;
        atti_k()->bias_act(from, NULL, from, b, ATTI_ACT_NONE, &no_drop, r, 1, c, c, c);
        atti_k()->bias_act(w->kv + (int64_t)w->s->row[r].slot * 2 * c, NULL, from + c,
                           b ? b + c : NULL, ATTI_ACT_NONE, &no_drop, r, 1, 2 * c,
                           2 * c, 2 * c);
    }
}

/* q [R,H,1,D] and a cache of one-row pages [slots,1,H,D]. */
typedef struct paged {
    att_tensor q, k, v, out, pages, lengths, lse;
    att_attention_args args;
} paged;

static att_status page_views(paged *p, const att_session *s, int64_t rows, float *q,
                             int64_t ld_q, float *kv, int64_t slots, int32_t *table,
                             int64_t cap, int32_t *lengths)
{
    int64_t c = s->e->cfg->d_model, h = s->e->dec.heads, d = c / h;
    int64_t qs[4] = {rows, h, 1, d}, ks[4] = {slots, 1, h, d}, ps[2] = {rows, cap};
    ATTI_TRY(att_tensor_view(&p->q, q, ATT_F32, 4, qs));
    p->q.stride[0] = ld_q;
    ATTI_TRY(att_tensor_view(&p->out, s->ctx, ATT_F32, 4, qs));
    ATTI_TRY(att_tensor_view(&p->k, kv, ATT_F32, 4, ks));
    p->k.stride[0] = p->k.stride[1] = 2 * c;
    p->v = p->k;
    p->v.data = kv + c;
    ATTI_TRY(att_tensor_view(&p->pages, table, ATT_I32, 2, ps));
    ATTI_TRY(att_tensor_view(&p->lengths, lengths, ATT_I32, 1, &rows));
    att_attention_args_init(&p->args);
    p->args.q = &p->q;
    p->args.k = &p->k;
    p->args.v = &p->v;
    p->args.out = &p->out;
    p->args.page_table = &p->pages;
    p->args.k_lengths = &p->lengths;
    return ATT_OK;
}

static att_status attend(att_session *s, const atti_attn_site *site, paged *p)
{
    att_attention_args *a = &p->args;
    size_t need = 0;
    a->score_w = site->score_w.data ? &site->score_w : NULL;
    a->score_b = site->score_b.data ? &site->score_b : NULL;
    a->rel_k = site->rel_k.data ? &site->rel_k : NULL;
    a->rel_v = site->rel_v.data ? &site->rel_v : NULL;
    a->t5_table = site->t5.data ? &site->t5 : NULL;
    ATTI_TRY(att_attention_workspace(&need, &site->desc, a, 0));
    ATTI_TRY(atti_session_workspace(s, need));
    a->workspace = s->workspace;
    a->workspace_bytes = s->workspace_bytes;
    return att_attention_forward(&site->desc, a);
}

/* Weights of plain dot-product cross-attention from the sums that forward left: one product
 * a key. The general way below goes through the machinery of every score and mask, which
 * cost half as much as the whole search. */
typedef struct glance {
    const att_session *s;
    const float *k;
    int64_t c, d, heads;
    int32_t first, n;
    float scale, share;
} glance;

static bool is_plain(const att_attention_desc *d)
{
    return d->score == ATT_SCORE_DOT && d->normalise == ATT_NORM_SOFTMAX &&
           d->rope == ATT_ROPE_NONE && !d->alibi && d->t5_buckets == 0 &&
           d->shaw_clip == 0 && d->softcap == 0.0f && d->temperature == 1.0f &&
           !d->causal && d->left < 0 && d->right < 0 && d->block == 0;
}

/* Independent sums, so that the processor need not wait for each addition. */
static float dot(const float *a, const float *b, int64_t n)
{
    float sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        for (int j = 0; j < 4; j++) sum[j] += a[i + j] * b[i + j];
    }
    for (; i < n; i++) sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void glance_row(void *ctx, int64_t r, int thread)
{
    const glance *g = ctx;
    const att_session *s = g->s;
    float *to = s->align_step + r * s->s_cap;
    const int32_t *slot = s->x_page + r * s->s_cap;
    (void)thread;
    for (int64_t h = g->first; h < g->first + g->n; h++) {
        const float *q = s->q + r * g->c + h * g->d;
        float lse = s->lse[r * g->heads + h];
        for (int64_t t = 0; t < s->x_len[r]; t++) {
            const float *k = g->k + (int64_t)slot[t] * 2 * g->c + h * g->d;
            to[t] += g->share * expf(g->scale * dot(q, k, g->d) - lse);
        }
    }
}

static void glance_at(att_session *s, const att_attention_desc *d, int64_t layer,
                      int64_t rows, int64_t layers)
{
    int64_t c = s->e->cfg->d_model;
    glance g = {.s = s, .c = c, .heads = s->e->dec.heads, .first = 0};
    g.k = s->cross_kv + layer * s->source_slots * 2 * c;
    g.d = c / g.heads;
    g.n = (int32_t)g.heads;
    if (s->o.align_head >= 0) g.first = s->o.align_head, g.n = 1;
    g.scale = d->scale != 0.0f ? d->scale : 1.0f / sqrtf((float)g.d);
    g.share = 1.0f / (float)((int64_t)g.n * layers);
    atti_parallel_void(rows, glance_row, &g);
}

/* Adds this layer's share of the wanted cross-attention to s->align_step. */
static att_status observe(att_session *s, const atti_attn_site *site, paged *p,
                          int64_t rows, int64_t layers)
{
    int64_t shape[3] = {rows, 1, s->s_cap};
    att_tensor mean;
    att_attention_observe o;
    float *one =
        s->align_step + rows * s->s_cap; /* the second half: one layer's mean */
    int32_t head = s->o.align_head;
    att_attention_observe_init(&o);
    ATTI_TRY(att_tensor_view(&mean, one, ATT_F32, 3, shape));
    o.head_mean = &mean;
    if (head >= 0) {
        o.heads = &head;
        o.n_heads = 1;
    }
    ATTI_TRY(att_attention_weights(&site->desc, &p->args, &o));
    atti_k()->scale(s->align_step, one, 1.0f / (float)layers, 1, rows * s->s_cap);
    return ATT_OK;
}

static att_status cross_attention(att_session *s, int64_t i, int64_t rows)
{
    const atti_layer *l = &s->e->dec.layer[i];
    int64_t c = s->e->cfg->d_model, h = s->e->dec.heads, lse_shape[3] = {rows, h, 1};
    bool watched =
        s->o.want_alignment && (s->o.align_layer < 0 || s->o.align_layer == i);
    paged p;
    ATTI_TRY(page_views(&p, s, rows, s->q, c, s->cross_kv + i * s->source_slots * 2 * c,
                        s->source_slots, s->x_page, s->s_cap, s->x_len));
    if (watched) {
        ATTI_TRY(att_tensor_view(&p.lse, s->lse, ATT_F32, 3, lse_shape));
        p.args.lse = &p.lse;
    }
    ATTI_TRY(attend(s, &l->cross, &p));
    if (!watched) return ATT_OK;
    int64_t layers = s->o.align_layer < 0 ? s->e->dec.n_layers : 1;
    if (!is_plain(&l->cross.desc)) return observe(s, &l->cross, &p, rows, layers);
    glance_at(s, &l->cross.desc, i, rows, layers);
    return ATT_OK;
}

static att_status decode_layer(att_session *s, int64_t i, int64_t rows)
{
    const atti_engine *e = s->e;
    const atti_layer *l = &e->dec.layer[i];
    atti_stream *x = &s->row_stream;
    int64_t c = e->cfg->d_model, f = e->dec.ffn;
    caching w = {s, &l->qkv, s->self_kv + i * s->slots * 2 * c};
    atti_epilogue epi = {split_qkv, &w, NULL};
    paged p;
    ATTI_TRY(
        atti_linear_run(l->qkv.lin, s->q, 3 * c, atti_stream_in(e, x), c, rows, &epi));
    ATTI_TRY(page_views(&p, s, rows, s->q, 3 * c, w.kv, s->slots,
                        s->table[s->current].page, s->t_cap, s->k_len));
    ATTI_TRY(attend(s, &l->self, &p));
    ATTI_TRY(atti_dense_residual(e, &l->out, x, s->ctx, c, rows,
                                 atti_stack_norm(e, &e->dec, i, 0)));
    ATTI_TRY(
        atti_dense_run(&l->xq, s->q, c, atti_stream_in(e, x), c, rows, ATTI_ACT_NONE));
    ATTI_TRY(cross_attention(s, i, rows));
    ATTI_TRY(atti_dense_residual(e, &l->xout, x, s->ctx, c, rows,
                                 atti_stack_norm(e, &e->dec, i, 1)));
    ATTI_TRY(atti_dense_run(&l->fc1, s->ff, f, atti_stream_in(e, x), c, rows,
                            e->cfg->activation));
    return atti_dense_residual(e, &l->fc2, x, s->ff, f, rows,
                               atti_stack_norm(e, &e->dec, i, 2));
}

static void pick_rows(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                      int thread)
{
    for (int64_t r = row0; r < row0 + rows; r++) {
        atti_pick_row(ctx, r, y + r * ldy, thread);
    }
}

static void embed(att_session *s, int64_t rows)
{
    const atti_engine *e = s->e;
    int64_t c = e->cfg->d_model;
    for (int64_t r = 0; r < rows; r++) {
        const atti_row *x = &s->row[r];
        s->k_len[r] = x->pos + 1;
        s->table[s->current].page[r * s->t_cap + x->pos] = x->slot;
        atti_k()->embed(s->row_stream.x + r * c, e->dec.embed, &x->token,
                        e->embed_scale, s->positions[1], &x->pos, &no_drop, r, 1, c);
    }
    if (!e->cfg->pre_norm) return;
    const atti_norm_par *p = &e->dec.layer[0].norm[0];
    atti_k()->add_norm(s->row_stream.n, NULL, NULL, NULL, s->row_stream.x, NULL, NULL,
                       p->gamma, p->beta, e->cfg->norm_eps,
                       e->cfg->rms_norm ? ATTI_NORM_RMS : ATTI_NORM_LAYER, &no_drop, 0,
                       rows, c, c);
}

att_status atti_step_run(att_session *s, int64_t rows)
{
    const atti_engine *e = s->e;
    int64_t c = e->cfg->d_model, v = e->vocab.n_out;
    if (e->rnn) return atti_rnn_step(s, rows);
    embed(s, rows);
    if (s->o.want_alignment) {
        memset(s->align_step, 0, (size_t)(rows * s->s_cap) * sizeof *s->align_step);
    }
    for (int64_t i = 0; i < e->dec.n_layers; i++) ATTI_TRY(decode_layer(s, i, rows));
    for (int64_t r = 0; s->o.want_alignment && r < rows; r++) {
        memcpy(s->align_slot + (int64_t)s->row[r].slot * s->s_cap,
               s->align_step + r * s->s_cap, (size_t)s->s_cap * sizeof(float));
    }
    atti_epilogue epi = {pick_rows, s, NULL};
    return atti_linear_run(e->vocab.lin, s->logits, v,
                           atti_stream_in(e, &s->row_stream), c, rows, &epi);
}
