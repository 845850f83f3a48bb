/* engine.c - from named parameters to matrices ready to run.
 *
 * Projections of the same input are joined (q, k, v; cross k, v): one product instead of
 * three. Where the parameters lie side by side the joined matrix is a view. */
#include "decode/engine.h"
#include "base/alloc.h"
#include "base/threads.h"
#include "decode/rnn_engine.h"
#include "models/rnn/rnn_build.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* ---- parameters by name ------------------------------------------------------- */

static att_status find(const float **out, const atti_params *ps, const char *prefix,
                       const char *name)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    return atti_params_data(out, ps, full);
}

static const float *find_optional(const atti_params *ps, const char *prefix,
                                  const char *name)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    const atti_param *p = atti_params_find(ps, full);
    return p ? ps->data + p->offset : NULL;
}

static void find_tensor(att_tensor *t, const atti_params *ps, const char *prefix,
                        const char *name)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s%s", prefix, name);
    const atti_param *p = atti_params_find(ps, full);
    memset(t, 0, sizeof *t);
    /* Declared shapes are valid: the view cannot fail. */
    if (p && att_tensor_view(t, ps->data + p->offset, ATT_F32, p->ndim, p->shape) !=
                 ATT_OK) {
        memset(t, 0, sizeof *t);
    }
}

/* ---- matrices ----------------------------------------------------------------- */

/* Parts of n floats each as one array: a view where they are neighbours, else a copy. */
static att_status joined(const float **out, float **owned, const float *const *part,
                         int n_parts, int64_t n)
{
    bool side_by_side = true;
    for (int i = 1; i < n_parts; i++) {
        side_by_side = side_by_side && part[i] == part[i - 1] + n;
    }
    if (side_by_side) {
        *out = part[0];
        return ATT_OK;
    }
    ATTI_TRY(atti_alloc_raw(owned, (size_t)n * (size_t)n_parts, sizeof(float),
                            "joined weights"));
    for (int i = 0; i < n_parts; i++) {
        memcpy(*owned + i * n, part[i], (size_t)n * sizeof(float));
    }
    *out = *owned;
    return ATT_OK;
}

/* names: "q_proj", ...; each matrix is [n_out, n_in]. */
static att_status make_dense(atti_dense *d, atti_linear_pool *pool,
                             const atti_params *ps, const char *prefix,
                             const char *const *names, int n_names, int64_t n_out,
                             int64_t n_in)
{
    const float *w[3] = {NULL}, *b[3] = {NULL}, *all;
    char name[64];
    for (int i = 0; i < n_names; i++) {
        (void)snprintf(name, sizeof name, "%s.weight", names[i]);
        ATTI_TRY(find(&w[i], ps, prefix, name));
        (void)snprintf(name, sizeof name, "%s.bias", names[i]);
        ATTI_TRY(find(&b[i], ps, prefix, name));
    }
    d->n_out = n_out * n_names;
    d->n_in = n_in;
    ATTI_TRY(joined(&d->bias, &d->owned_b, b, n_names, n_out));
    ATTI_TRY(joined(&all, &d->owned_w, w, n_names, n_out * n_in));
    return atti_linear_create_in(&d->lin, pool, ATTI_LINEAR_F32, all, d->n_out, n_in,
                                 n_in, 0);
}

static void free_dense(atti_dense *d)
{
    atti_linear_destroy(d->lin);
    atti_free(d->owned_w);
    atti_free(d->owned_b);
}

static size_t dense_bytes(const atti_dense *d)
{
    size_t n = d->lin ? atti_linear_bytes(d->lin) : 0;
    if (d->owned_w) n += (size_t)(d->n_out * d->n_in) * sizeof(float);
    return n;
}

/* ---- attention ---------------------------------------------------------------- */

static void make_site(atti_attn_site *s, const atti_engine *e, const atti_params *ps,
                      const char *prefix, bool self, bool causal)
{
    const atti_marian_config *c = e->cfg;
    att_attention_desc *d = &s->desc;
    att_attention_desc_init(d);
    d->score = (int32_t)c->score;
    d->scale = c->score_scale;
    /* Inference draws nothing: the most likely key in place of a drawn one. */
    d->normalise = (int32_t)(c->normalise == ATT_NORM_HARD_SAMPLE ? ATT_NORM_HARD_ARGMAX
                                                                  : c->normalise);
    d->causal = causal;
    find_tensor(&s->score_w, ps, prefix, "score_w");
    find_tensor(&s->score_b, ps, prefix, "score_b");
    if (!self) return;
    if (c->positions == ATTI_POS_ROPE) d->rope = ATT_ROPE_HALF;
    if (c->positions == ATTI_POS_ALIBI) d->alibi = 1;
    if (c->positions == ATTI_POS_RELATIVE) {
        find_tensor(&s->rel_k, ps, prefix, "rel_k");
        find_tensor(&s->rel_v, ps, prefix, "rel_v");
        d->shaw_clip = s->rel_k.data ? (int32_t)(s->rel_k.shape[0] / 2) : 0;
    }
}

/* T5's table belongs to the first layer and serves all of its stack. */
static void share_t5(atti_stack *s, const atti_params *ps, const char *side,
                     bool causal)
{
    char prefix[128];
    att_tensor t;
    (void)snprintf(prefix, sizeof prefix, "model.%s.", side);
    find_tensor(&t, ps, prefix, "relative_attention_bias.weight");
    for (int64_t i = 0; t.data && i < s->n_layers; i++) {
        s->layer[i].self.t5 = t;
        s->layer[i].self.desc.t5_buckets = (int32_t)t.shape[0];
        s->layer[i].self.desc.t5_bidirectional = !causal;
        s->layer[i].self.desc.t5_max_distance = 128;
    }
}

/* ---- layers ------------------------------------------------------------------- */

static att_status make_norm(atti_norm_par *n, const atti_params *ps, const char *prefix,
                            const char *name)
{
    char full[64];
    (void)snprintf(full, sizeof full, "%s.weight", name);
    ATTI_TRY(find(&n->gamma, ps, prefix, full));
    (void)snprintf(full, sizeof full, "%s.bias", name);
    n->beta = find_optional(ps, prefix, full); /* RMS norms have none */
    return ATT_OK;
}

static const char *const in_names[] = {"q_proj", "k_proj", "v_proj"};
static const char *const out_name[] = {"out_proj"};
static const char *const mlp_names[] = {"fc1", "fc2"};

static att_status make_self(atti_layer *l, const atti_engine *e, const atti_params *ps,
                            const char *base, bool decoder)
{
    char prefix[160];
    int64_t c = e->cfg->d_model;
    (void)snprintf(prefix, sizeof prefix, "%sself_attn.", base);
    ATTI_TRY(make_dense(&l->qkv, e->pool, ps, prefix, in_names, 3, c, c));
    ATTI_TRY(make_dense(&l->out, e->pool, ps, prefix, out_name, 1, c, c));
    make_site(&l->self, e, ps, prefix, true, decoder);
    return ATT_OK;
}

static att_status make_cross(atti_layer *l, const atti_engine *e, const atti_params *ps,
                             const char *base)
{
    char prefix[160];
    int64_t c = e->cfg->d_model;
    (void)snprintf(prefix, sizeof prefix, "%sencoder_attn.", base);
    ATTI_TRY(make_dense(&l->xq, e->pool, ps, prefix, in_names, 1, c, c));
    ATTI_TRY(make_dense(&l->xout, e->pool, ps, prefix, out_name, 1, c, c));
    make_site(&l->cross, e, ps, prefix, false, false);
    return ATT_OK;
}

/* What each step reads, in its order. */
static att_status make_layer(atti_layer *l, const atti_engine *e, const atti_params *ps,
                             const char *base, int64_t ffn, bool decoder)
{
    int64_t c = e->cfg->d_model;
    int n = 0;
    ATTI_TRY(make_self(l, e, ps, base, decoder));
    ATTI_TRY(make_norm(&l->norm[n++], ps, base, "self_attn_layer_norm"));
    if (decoder) {
        ATTI_TRY(make_cross(l, e, ps, base));
        ATTI_TRY(make_norm(&l->norm[n++], ps, base, "encoder_attn_layer_norm"));
    }
    ATTI_TRY(make_dense(&l->fc1, e->pool, ps, base, mlp_names, 1, ffn, c));
    ATTI_TRY(make_dense(&l->fc2, e->pool, ps, base, mlp_names + 1, 1, c, ffn));
    return make_norm(&l->norm[n], ps, base, "final_layer_norm");
}

static void layer_base(char base[128], const char *side, int64_t i)
{
    (void)snprintf(base, 128, "model.%s.layers.%lld.", side, (long long)i);
}

static att_status make_stack(atti_stack *s, const atti_engine *e, const atti_params *ps,
                             const char *side, bool decoder)
{
    const atti_marian_config *c = e->cfg;
    char prefix[64];
    s->n_layers = decoder ? c->decoder_layers : c->encoder_layers;
    s->heads = decoder ? c->decoder_heads : c->encoder_heads;
    s->ffn = decoder ? c->decoder_ffn : c->encoder_ffn;
    s->n_norms = decoder ? 3 : 2;
    (void)snprintf(prefix, sizeof prefix, "model.%s.", side);
    ATTI_TRY(atti_alloc(&s->layer, (size_t)s->n_layers, sizeof *s->layer, "layers"));
    for (int64_t i = 0; i < s->n_layers; i++) {
        char base[128];
        layer_base(base, side, i);
        ATTI_TRY(make_layer(&s->layer[i], e, ps, base, s->ffn, decoder));
    }
    share_t5(s, ps, side, decoder);
    if (c->pre_norm) ATTI_TRY(make_norm(&s->last, ps, prefix, "layer_norm"));
    s->learned = find_optional(ps, prefix, "embed_positions.weight");
    s->embed = find_optional(ps, prefix, "embed_tokens.weight");
    if (!s->embed) ATTI_TRY(find(&s->embed, ps, "model.", "shared.weight"));
    return ATT_OK;
}

static att_status make_vocab(atti_engine *e, const atti_params *ps)
{
    const float *w = find_optional(ps, "", "lm_head.weight");
    int64_t v = e->cfg->decoder_vocab_size, c = e->cfg->d_model;
    const float *bias = find_optional(ps, "", "final_logits_bias");
    if (!w) w = e->dec.embed;
    e->vocab.n_out = v;
    e->vocab.n_in = c;
    for (int64_t i = 0; bias && i < v; i++) {
        if (bias[i] != 0.0f) e->vocab.bias = bias;
    }
    return atti_linear_create_in(&e->vocab.lin, e->pool, ATTI_LINEAR_F32, w, v, c, c,
                                 0);
}

/* Keys and values of the source are made once a sentence: they lie behind what each step
 * reads. */
static att_status make_cross_kv(const atti_engine *e, const atti_params *ps)
{
    int64_t c = e->cfg->d_model;
    for (int64_t i = 0; i < e->dec.n_layers; i++) {
        char base[128], prefix[160];
        layer_base(base, "decoder", i);
        (void)snprintf(prefix, sizeof prefix, "%sencoder_attn.", base);
        ATTI_TRY(make_dense(&e->dec.layer[i].xkv, e->pool, ps, prefix, in_names + 1, 2,
                            c, c));
    }
    return ATT_OK;
}

static void destroy(void *p)
{
    atti_engine *e = p;
    atti_stack *stack[2] = {&e->enc, &e->dec};
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; stack[k]->layer && i < stack[k]->n_layers; i++) {
            atti_layer *l = &stack[k]->layer[i];
            atti_dense *all[] = {&l->qkv,  &l->out, &l->xq, &l->xkv,
                                 &l->xout, &l->fc1, &l->fc2};
            for (int j = 0; j < 7; j++) free_dense(all[j]);
        }
        atti_free(stack[k]->layer);
    }
    free_dense(&e->vocab);
    atti_linear_pool_destroy(e->pool);
    atti_rnn_engine_destroy(e);
    atti_free(e);
}

static void count_bytes(atti_engine *e)
{
    const atti_stack *stack[2] = {&e->enc, &e->dec};
    e->bytes = sizeof *e + dense_bytes(&e->vocab);
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < stack[k]->n_layers; i++) {
            const atti_layer *l = &stack[k]->layer[i];
            e->bytes += dense_bytes(&l->qkv) + dense_bytes(&l->out) +
                        dense_bytes(&l->xq) + dense_bytes(&l->xkv) +
                        dense_bytes(&l->xout) + dense_bytes(&l->fc1) +
                        dense_bytes(&l->fc2);
        }
    }
}

static att_status create_rnn(atti_engine **out, const att_model *m)
{
    atti_engine *e = NULL;
    ATTI_TRY(atti_alloc(&e, 1, sizeof *e, "inference engine"));
    att_status st = atti_rnn_engine_create(e, m);
    if (st != ATT_OK) {
        destroy(e);
        return st;
    }
    *out = e;
    return ATT_OK;
}

static att_status create(atti_engine **out, const att_model *m)
{
    const atti_marian_config *c = m->cfg;
    atti_engine *e = NULL;
    if (m->family->build == atti_rnn_build) return create_rnn(out, m);
    ATTI_TRY(atti_alloc(&e, 1, sizeof *e, "inference engine"));
    e->cfg = c;
    e->embed_scale = c->scale_embedding ? sqrtf((float)c->d_model) : 1.0f;
    att_status st = atti_linear_pool_create(&e->pool);
    if (st == ATT_OK) st = make_stack(&e->dec, e, &m->params, "decoder", true);
    if (st == ATT_OK) st = make_vocab(e, &m->params);
    if (st == ATT_OK) st = make_cross_kv(e, &m->params);
    if (st == ATT_OK) st = make_stack(&e->enc, e, &m->params, "encoder", false);
    if (st != ATT_OK) {
        destroy(e);
        return st;
    }
    count_bytes(e);
    *out = e;
    return ATT_OK;
}

att_status atti_engine_get(const atti_engine **out, const att_model *model)
{
    /* The one part of a model that is made late; the lock makes it once. */
    att_model *m = (att_model *)(uintptr_t)model;
    att_status st = ATT_OK;
    /* What another kind of model has prepared is no engine of this kind. */
    if (m->family->shape != ATTI_SEQ2SEQ)
        return atti_fail(ATT_ENOTSUP, "a model of type '%s' does not translate",
                         m->family->model_type);
    atti_mutex_lock(m->lock);
    if (!m->prepared) {
        atti_engine *e = NULL;
        st = create(&e, m);
        if (st == ATT_OK) {
            m->prepared = e;
            m->destroy_prepared = destroy;
        }
    }
    if (st == ATT_OK) *out = m->prepared;
    atti_mutex_unlock(m->lock);
    return st;
}

/* ---- positions ---------------------------------------------------------------- */

void atti_engine_positions(const atti_engine *e, const atti_stack *s, float *table,
                           int64_t from, int64_t to)
{
    int64_t c = e->cfg->d_model, half = (c + 1) / 2;
    bool split = e->cfg->positions == ATTI_POS_SINUSOIDAL;
    if (s->learned) {
        memcpy(table + from * c, s->learned + from * c,
               (size_t)((to - from) * c) * sizeof *table);
        return;
    }
    if (!split && e->cfg->positions != ATTI_POS_SINUSOIDAL_INTERLEAVED) {
        memset(table + from * c, 0, (size_t)((to - from) * c) * sizeof *table);
        return;
    }
    for (int64_t i = 0; i < half; i++) {
        double wave = pow(10000.0, 2.0 * (double)i / (double)c);
        int64_t at = split ? i : 2 * i, next = split ? half + i : 2 * i + 1;
        for (int64_t p = from; p < to; p++) {
            table[p * c + at] = (float)sin((double)p / wave);
            if (next < c) table[p * c + next] = (float)cos((double)p / wave);
        }
    }
}

/* ---- running ------------------------------------------------------------------ */

typedef struct tail {  /* what follows a product */
    const float *bias; /* of a residual */
    atti_act act;
    int64_t cols;
    const atti_engine *e;
    atti_stream *s;
    const atti_norm_par *norm;
} tail;

static const atti_drop no_drop = {0, 0, 1.0f};

static void act_columns(void *ctx, float *y, int64_t ldy, const atti_column_piece *p,
                        int thread)
{
    const tail *t = ctx;
    float *at = y + p->row0 * ldy + p->col0;
    (void)thread;
    atti_k()->bias_act(at, NULL, at, NULL, t->act, &no_drop, p->row0, p->rows, p->cols,
                       ldy, ldy);
}

att_status atti_dense_run(const atti_dense *d, float *y, int64_t ldy, const float *x,
                          int64_t ldx, int64_t rows, atti_act act)
{
    tail t = {.act = act};
    atti_linear_ends ends = {.bias = d->bias, .ctx = &t};
    if (act != ATTI_ACT_NONE) ends.columns = act_columns;
    return atti_linear_run_ends(d->lin, y, ldy, x, ldx, rows, &ends);
}

static void add_norm(void *ctx, float *y, int64_t ldy, int64_t row0, int64_t rows,
                     int thread)
{
    const tail *t = ctx;
    const atti_marian_config *c = t->e->cfg;
    int64_t at = row0 * t->cols;
    float *in = y + row0 * ldy, *x = t->s->x + at, *n = t->s->n + at;
    atti_norm kind = c->rms_norm ? ATTI_NORM_RMS : ATTI_NORM_LAYER;
    (void)thread;
    /* Post-norm keeps no sum: the normed row is the next residual. */
    atti_k()->add_norm(n, c->pre_norm ? in : NULL, NULL, NULL, in, t->bias, x,
                       t->norm->gamma, t->norm->beta, c->norm_eps, kind, &no_drop, row0,
                       rows, t->cols, t->cols);
    if (c->pre_norm) memcpy(x, in, (size_t)(rows * t->cols) * sizeof *x);
}

att_status atti_dense_residual(const atti_engine *e, const atti_dense *d,
                               atti_stream *s, const float *in, int64_t ld_in,
                               int64_t rows, const atti_norm_par *norm)
{
    tail t = {.bias = d->bias, .cols = d->n_out, .e = e, .s = s, .norm = norm};
    atti_epilogue epi = {add_norm, &t, NULL};
    ATTI_TRY(atti_linear_run(d->lin, s->tmp, s->width, in, ld_in, rows, &epi));
    if (!e->cfg->pre_norm) {
        float *x = s->x;
        s->x = s->n;
        s->n = x;
    }
    return ATT_OK;
}

const atti_norm_par *atti_stack_norm(const atti_engine *e, const atti_stack *s,
                                     int64_t layer, int sub)
{
    if (!e->cfg->pre_norm) return &s->layer[layer].norm[sub];
    if (sub + 1 < s->n_norms) return &s->layer[layer].norm[sub + 1];
    return layer + 1 < s->n_layers ? &s->layer[layer + 1].norm[0] : &s->last;
}
