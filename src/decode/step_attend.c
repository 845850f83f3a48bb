/* step_attend.c - the attentions of a decoding step: one query a row against the cached
 * keys that its page table names.
 *
 * Scaled dot-product softmax without more, which is every Marian model, goes row by row
 * through the kernel that graphs use for a node and its edges: a gathered key is read
 * once for all heads. Everything else goes through the machinery of every score and mask,
 * which plans each call anew and costs several times the work at these lengths. A row is
 * a function of its own keys alone either way. */
#include "base/checked.h"
#include "base/threads.h"
#include "decode/session_internal.h"
#include "kernels/attn_kernels.h"
#include <math.h>
#include <string.h>

enum { SERIAL_FLOATS = 16 * 1024, ROWS_A_TASK = 4, WIDEST = 256 };

/* ---- plain attention ---------------------------------------------------------- */

/* Causal is what the cache is: no later key is there. */
static bool is_plain(const att_attention_desc *d)
{
    return d->score == ATT_SCORE_DOT && d->normalise == ATT_NORM_SOFTMAX &&
           d->rope == ATT_ROPE_NONE && !d->alibi && d->t5_buckets == 0 &&
           d->shaw_clip == 0 && d->softcap == 0.0f && d->temperature == 1.0f &&
           d->left < 0 && d->right < 0 && d->block == 0;
}

typedef struct heeding {
    const att_session *s;
    const atti_attn_row_kernels *k;
    atti_attn_edges p;
    const float *q;
    int64_t ld_q, rows, cap;
    const int32_t *slots, *n; /* [rows, cap], [rows] */
    float *lse;               /* [rows, H], or NULL: not wanted */
} heeding;

int64_t atti_heed_scratch(int64_t heads)
{
    /* The kernel's, and one row of sums that nobody wants. */
    return atti_round_up(heads * (ATTI_ATTN_EDGE_BLOCK + 3), 16);
}

static void heed_rows(void *ctx, int64_t task, int thread)
{
    const heeding *w = ctx;
    const att_session *s = w->s;
    int64_t c = s->e->cfg->d_model, h = w->p.heads;
    int64_t end = atti_min_i64((task + 1) * ROWS_A_TASK, w->rows);
    float *scratch = s->heed + thread * s->heed_stride;
    float *unwanted = scratch + h * (ATTI_ATTN_EDGE_BLOCK + 2);
    for (int64_t r = task * ROWS_A_TASK; r < end; r++)
        w->k->edges(&w->p, s->ctx + r * c, w->lse ? w->lse + r * h : unwanted,
                    w->q + r * w->ld_q, w->slots + r * w->cap, w->n[r], scratch);
}

/* Keys and values of one layer, [slots, 2C]. */
static void heed(att_session *s, const att_attention_desc *d, heeding *w,
                 const float *kv)
{
    int64_t c = s->e->cfg->d_model, h = s->e->dec.heads, work = 0;
    const atti_attn_kernels *all = atti_k()->attn;
    w->s = s;
    w->k = all ? all->rows : &atti_ref_attn_rows;
    w->p = (atti_attn_edges){.k = kv,
                             .v = kv + c,
                             .ld_k = 2 * c,
                             .ld_v = 2 * c,
                             .k_head = c / h,
                             .v_head = c / h,
                             .heads = h,
                             .group = 1,
                             .d = c / h,
                             .e = c / h,
                             .bias_scale = 1.0f};
    w->p.scale = d->scale != 0.0f ? d->scale : 1.0f / sqrtf((float)w->p.d);
    for (int64_t r = 0; r < w->rows; r++) work += w->n[r] * 2 * c;
    int64_t tasks = atti_ceil_div(w->rows, ROWS_A_TASK);
    if (work > SERIAL_FLOATS) {
        atti_parallel_void(tasks, heed_rows, w);
        return;
    }
    for (int64_t i = 0; i < tasks; i++) heed_rows(w, i, 0);
}

static bool quick(const att_session *s, const att_attention_desc *d)
{
    return is_plain(d) && s->e->cfg->d_model / s->e->dec.heads <= WIDEST;
}

/* ---- any attention ------------------------------------------------------------ */

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

/* Up to a block of keys; those of slots that follow each other go together. */
static void glance_block(const glance *g, float *e, const float *q, const int32_t *slot,
                         int64_t n, float lse)
{
    const atti_attn_kernels *all = atti_k()->attn;
    const atti_attn_row_kernels *k = all ? all->rows : &atti_ref_attn_rows;
    for (int64_t t = 0, run; t < n; t += run) {
        run = 1;
        while (t + run < n && slot[t + run] == slot[t] + run) run++;
        k->dot(e + t, q, g->k + (int64_t)slot[t] * 2 * g->c, 2 * g->c, run, g->d);
    }
    atti_k()->scale(e, e, g->scale, 0, n);
    (void)k->exp_sum(e, e, lse, n);
}

static void glance_row(void *ctx, int64_t r, int thread)
{
    const glance *g = ctx;
    const att_session *s = g->s;
    float *to = s->align_step + r * s->s_cap, *e = s->heed + thread * s->heed_stride;
    const int32_t *slot = s->x_page + r * s->s_cap;
    for (int64_t h = g->first; h < g->first + g->n; h++) {
        glance at = *g;
        at.k += h * g->d;
        for (int64_t t = 0; t < s->x_len[r]; t += ATTI_ATTN_EDGE_BLOCK) {
            int64_t n = atti_min_i64(s->x_len[r] - t, ATTI_ATTN_EDGE_BLOCK);
            glance_block(&at, e, s->q + r * g->c + h * g->d, slot + t, n,
                         s->lse[r * g->heads + h]);
            atti_k()->scale(to + t, e, g->share, 1, n);
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

/* ---- both --------------------------------------------------------------------- */

att_status atti_step_self(att_session *s, int64_t i, int64_t rows)
{
    const atti_layer *l = &s->e->dec.layer[i];
    int64_t c = s->e->cfg->d_model;
    float *kv = s->self_kv + i * s->slots * 2 * c;
    int32_t *page = s->table[s->current].page;
    paged p;
    if (quick(s, &l->self.desc)) {
        heeding w = {.q = s->q,
                     .ld_q = 3 * c,
                     .rows = rows,
                     .cap = s->t_cap,
                     .slots = page,
                     .n = s->k_len};
        heed(s, &l->self.desc, &w, kv);
        return ATT_OK;
    }
    ATTI_TRY(
        page_views(&p, s, rows, s->q, 3 * c, kv, s->slots, page, s->t_cap, s->k_len));
    return attend(s, &l->self, &p);
}

static att_status any_cross(att_session *s, int64_t i, int64_t rows, bool watched)
{
    const atti_layer *l = &s->e->dec.layer[i];
    int64_t c = s->e->cfg->d_model, lse_shape[3] = {rows, s->e->dec.heads, 1};
    paged p;
    ATTI_TRY(page_views(&p, s, rows, s->q, c, s->cross_kv + i * s->source_slots * 2 * c,
                        s->source_slots, s->x_page, s->s_cap, s->x_len));
    if (watched) {
        ATTI_TRY(att_tensor_view(&p.lse, s->lse, ATT_F32, 3, lse_shape));
        p.args.lse = &p.lse;
    }
    ATTI_TRY(attend(s, &l->cross, &p));
    if (!watched) return ATT_OK;
    return observe(s, &l->cross, &p, rows,
                   s->o.align_layer < 0 ? s->e->dec.n_layers : 1);
}

att_status atti_step_cross(att_session *s, int64_t i, int64_t rows)
{
    const atti_layer *l = &s->e->dec.layer[i];
    int64_t c = s->e->cfg->d_model;
    bool watched =
        s->o.want_alignment && (s->o.align_layer < 0 || s->o.align_layer == i);
    if (!quick(s, &l->cross.desc)) return any_cross(s, i, rows, watched);
    heeding w = {.q = s->q,
                 .ld_q = c,
                 .rows = rows,
                 .cap = s->s_cap,
                 .slots = s->x_page,
                 .n = s->x_len,
                 .lse = watched ? s->lse : NULL};
    heed(s, &l->cross.desc, &w, s->cross_kv + i * s->source_slots * 2 * c);
    if (watched)
        glance_at(s, &l->cross.desc, i, rows,
                  s->o.align_layer < 0 ? s->e->dec.n_layers : 1);
    return ATT_OK;
}
