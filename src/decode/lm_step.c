/* lm_step.c - rows of tokens through a decoder-only model against its cache.
 *
 * A row's numbers are a function of its context alone: products and norms work row by
 * row, and the paged attention cuts a sequence's keys by their own positions. So blocks
 * of a prompt, single tokens and neighbours never change a bit. */
#include "base/alloc.h"
#include "decode/lm_internal.h"

#include <string.h>

static const atti_drop no_drop = {0, 0, 1.0f};

typedef struct layer_run {
    att_lm *s;
    const atti_lm_layer *l;
    const atti_lm_norm *next; /* the norm that the sub-layer's end applies */
    const float *bias;        /* of the sub-layer's last product */
    float *kv;                /* of this layer: [batch][2][cap][G D] */
} layer_run;

static int64_t kv_width(const att_lm *s)
{
    return s->e->cfg->kv_heads * s->e->cfg->head_dim;
}

/* Pairs (j, j + D/2) turned by position * frequency: Su et al. 2021, Llama's order. */
static void rotate(const att_lm *s, float *to, const float *from, int64_t heads,
                   int32_t pos)
{
    int64_t d = s->e->cfg->head_dim, half = d / 2;
    const float *c = s->turn + (int64_t)pos * d, *sn = c + half;
    for (int64_t h = 0; h < heads; h++, to += d, from += d)
        for (int64_t j = 0; j < half; j++) {
            float a = from[j], b = from[j + half];
            to[j] = a * c[j] - b * sn[j];
            to[j + half] = b * c[j] + a * sn[j];
        }
}

/* Queries stay; new keys and values go straight into their page. */
static void split_qkv(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                      int thread)
{
    const layer_run *w = ctx;
    att_lm *s = w->s;
    const atti_decoder_config *c = s->e->cfg;
    int64_t q = c->heads * c->head_dim, kv = kv_width(s);
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++) {
        float *from = y + r * ldy;
        float *k = w->kv + ((int64_t)s->slot[r] * 2 * s->cap + s->pos[r]) * kv;
        float *v = k + s->cap * kv;
        if (s->turn) {
            rotate(s, from, from, c->heads, s->pos[r]);
            rotate(s, k, from + q, c->kv_heads, s->pos[r]);
        } else {
            memcpy(k, from + q, (size_t)kv * sizeof *k);
        }
        memcpy(v, from + q + kv, (size_t)kv * sizeof *v);
    }
}

/* x += rows + bias; n = norm(x). */
static void close_sublayer(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                           int thread)
{
    const layer_run *w = ctx;
    const atti_decoder_config *c = w->s->e->cfg;
    float *in = y + row0 * ldy, *x = w->s->x + row0 * c->hidden;
    (void)thread;
    atti_k()->add_norm(w->s->n + row0 * c->hidden, in, NULL, NULL, in, w->bias, x,
                       w->next->gamma, w->next->beta, c->norm_eps,
                       c->gpt2 ? ATTI_NORM_LAYER : ATTI_NORM_RMS, &no_drop, row0, rows,
                       c->hidden, c->hidden);
    memcpy(x, in, (size_t)(rows * c->hidden) * sizeof *x);
}

/* GPT-2: act(rows) in place. */
static void activate(void *ctx, float *y, int64_t ldy, const atti_column_piece *p,
                     int thread)
{
    const layer_run *w = ctx;
    float *at = y + p->row0 * ldy + p->col0;
    (void)thread;
    atti_k()->bias_act(at, NULL, at, NULL, w->s->e->cfg->activation, &no_drop, p->row0,
                       p->rows, p->cols, ldy, ldy);
}

/* Llama: act(gate) * up into s->ff. */
static void gate(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                 int thread)
{
    const layer_run *w = ctx;
    const atti_decoder_config *c = w->s->e->cfg;
    (void)thread;
    for (int64_t r = row0; r < row0 + rows; r++)
        atti_k()->glu(w->s->ff + r * c->ffn, y + r * ldy, y + r * ldy + c->ffn,
                      c->activation, c->ffn);
}

static att_status need_workspace(att_lm *s, size_t need)
{
    if (need <= s->workspace_bytes) return ATT_OK;
    void *more = NULL;
    ATTI_TRY(atti_alloc_raw(&more, need, 1, "attention scratch"));
    atti_free(s->workspace);
    s->workspace = more;
    s->workspace_bytes = need;
    return ATT_OK;
}

/* Queries are ragged, a prompt's page is its whole context. */
static att_status attend(att_lm *s, const layer_run *w, int64_t rows, int64_t n_seqs)
{
    const atti_decoder_config *c = s->e->cfg;
    int64_t h = c->heads, g = c->kv_heads, d = c->head_dim, kv = g * d;
    int64_t qs[3] = {rows, h, d}, ks[4] = {s->batch, s->cap, g, d};
    int64_t offs = n_seqs + 1, pages[2] = {n_seqs, 1};
    att_tensor q, k, v, out, off, table, len;
    att_attention_desc desc;
    att_attention_args a;
    ATTI_TRY(att_tensor_view(&q, s->qkv, ATT_F32, 3, qs));
    q.stride[0] = (h + 2 * g) * d;
    ATTI_TRY(att_tensor_view(&out, s->ctx, ATT_F32, 3, qs));
    ATTI_TRY(att_tensor_view(&k, w->kv, ATT_F32, 4, ks));
    k.stride[0] = 2 * s->cap * kv;
    v = k;
    v.data = w->kv + s->cap * kv;
    ATTI_TRY(att_tensor_view(&off, s->offsets, ATT_I32, 1, &offs));
    ATTI_TRY(att_tensor_view(&table, s->page, ATT_I32, 2, pages));
    ATTI_TRY(att_tensor_view(&len, s->len, ATT_I32, 1, &n_seqs));
    att_attention_desc_init(&desc);
    desc.causal = 1;
    desc.scale = w->l->scale;
    att_attention_args_init(&a);
    a.q = &q, a.k = &k, a.v = &v, a.out = &out;
    a.q_offsets = &off, a.page_table = &table, a.k_lengths = &len;
    size_t need = 0;
    ATTI_TRY(att_attention_workspace(&need, &desc, &a, 0));
    ATTI_TRY(need_workspace(s, need));
    a.workspace = s->workspace;
    a.workspace_bytes = s->workspace_bytes;
    return att_attention_forward(&desc, &a);
}

static att_status run_layer(att_lm *s, int64_t i, int64_t rows, int64_t n_seqs)
{
    const atti_decoder_config *c = s->e->cfg;
    const atti_lm_layer *l = &s->e->layer[i];
    int64_t ch = c->hidden, q = c->heads * c->head_dim;
    layer_run w = {
        .s = s, .l = l, .kv = s->kv + i * s->batch * 2 * s->cap * kv_width(s)};
    atti_epilogue split = {split_qkv, &w, l->qkv.bias};
    atti_epilogue close = {close_sublayer, &w, NULL};
    atti_linear_ends act = {.bias = l->up.bias, .ctx = &w};
    if (c->gpt2)
        act.columns = activate;
    else
        act.rows = gate;
    ATTI_TRY(atti_linear_run(l->qkv.lin, s->qkv, l->qkv.n_out, s->n, ch, rows, &split));
    ATTI_TRY(attend(s, &w, rows, n_seqs));
    w.bias = l->out.bias;
    w.next = &l->norm2;
    ATTI_TRY(atti_linear_run(l->out.lin, s->tmp, ch, s->ctx, q, rows, &close));
    ATTI_TRY(atti_linear_run_ends(l->up.lin, s->up, l->up.n_out, s->n, ch, rows, &act));
    w.bias = l->down.bias;
    w.next = i + 1 < c->layers ? &s->e->layer[i + 1].norm1 : &s->e->last;
    return atti_linear_run(l->down.lin, s->tmp, ch, c->gpt2 ? s->up : s->ff, c->ffn,
                           rows, &close);
}

att_status atti_lm_forward(att_lm *s, int64_t rows, int64_t n_seqs)
{
    const atti_lm_engine *e = s->e;
    const atti_decoder_config *c = e->cfg;
    const atti_lm_norm *first = &e->layer[0].norm1;
    for (int64_t r = 0; r < rows; r++) atti_lm_reach(s, s->pos[r] + 1);
    atti_k()->embed(s->x, e->embed, s->token, 1.0f, e->positions,
                    e->positions ? s->pos : NULL, &no_drop, 0, rows, c->hidden);
    atti_k()->add_norm(s->n, NULL, NULL, NULL, s->x, NULL, NULL, first->gamma,
                       first->beta, c->norm_eps,
                       c->gpt2 ? ATTI_NORM_LAYER : ATTI_NORM_RMS, &no_drop, 0, rows,
                       c->hidden, c->hidden);
    for (int64_t i = 0; i < c->layers; i++) ATTI_TRY(run_layer(s, i, rows, n_seqs));
    return ATT_OK;
}

static void sums_of(void *ctx, float *y, int64_t ldy, const atti_column_piece *p,
                    int thread)
{
    const att_lm *s = ctx;
    int64_t vocab = s->e->vocab.n_out, each = 2 * atti_pick_chunks(vocab);
    (void)thread;
    for (int64_t r = p->row0; r < p->row0 + p->rows; r++)
        atti_pick_sums(s->sums + r * each, vocab, NULL, y + r * ldy + p->col0, p->col0,
                       p->cols);
}

att_status atti_lm_vocab(att_lm *s, float *y, const float *x, int64_t rows)
{
    const atti_lm_dense *d = &s->e->vocab;
    atti_linear_ends ends = {.column_step = ATTI_PICK_CHUNK, .ctx = s};
    if (rows <= s->batch) ends.columns = sums_of;
    return atti_linear_run_ends(d->lin, y, d->n_out, x, d->n_in, rows, &ends);
}
