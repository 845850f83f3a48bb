/* lm_engine.c - from the named parameters of a decoder-only model to matrices ready to
 * run. Projections of one input are joined: q, k and v; gate and up. */
#include "decode/lm_engine.h"

#include "base/alloc.h"
#include "base/threads.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct maker {
    const atti_params *ps;
    atti_linear_pool *pool;
    char base[64]; /* in front of every name */
} maker;

static att_status find(const float **out, const maker *m, const char *name,
                       const char *part)
{
    char full[192];
    (void)snprintf(full, sizeof full, "%s%s.%s", m->base, name, part);
    return atti_params_data(out, m->ps, full);
}

static att_status make_norm(atti_lm_norm *n, const maker *m, const char *name, int beta)
{
    ATTI_TRY(find(&n->gamma, m, name, "weight"));
    return beta ? find(&n->beta, m, name, "bias") : ATT_OK;
}

/* Rows of several matrices of one width under each other. The packed form is what is
 * kept; the joined copy lives only while it is packed. */
static att_status join(atti_lm_dense *d, const maker *m, const char *const *names,
                       const int64_t *rows, int n, int bias)
{
    float *all = NULL;
    const float *from;
    int64_t at = 0;
    ATTI_TRY(atti_alloc_raw(&all, (size_t)d->n_out * (size_t)d->n_in, sizeof *all,
                            "joined weights"));
    att_status st = ATT_OK;
    if (bias)
        st = atti_alloc(&d->owned, (size_t)d->n_out, sizeof *d->owned, "joined biases");
    for (int i = 0; st == ATT_OK && i < n; at += rows[i++]) {
        st = find(&from, m, names[i], "weight");
        if (st == ATT_OK)
            memcpy(all + at * d->n_in, from, (size_t)(rows[i] * d->n_in) * sizeof *all);
        if (st == ATT_OK && bias) st = find(&from, m, names[i], "bias");
        if (st == ATT_OK && bias)
            memcpy(d->owned + at, from, (size_t)rows[i] * sizeof *all);
    }
    d->bias = d->owned;
    if (st == ATT_OK)
        st = atti_linear_create_in(&d->lin, m->pool, ATTI_LINEAR_F32, all, d->n_out,
                                   d->n_in, d->n_in, 0);
    atti_free(all);
    return st;
}

static att_status make_dense(atti_lm_dense *d, const maker *m, const char *name,
                             int64_t n_out, int64_t n_in, int bias, int trans)
{
    const float *w;
    d->n_out = n_out, d->n_in = n_in;
    ATTI_TRY(find(&w, m, name, "weight"));
    if (bias) ATTI_TRY(find(&d->bias, m, name, "bias"));
    return atti_linear_create_in(&d->lin, m->pool, ATTI_LINEAR_F32, w, n_out, n_in,
                                 trans ? n_out : n_in, trans);
}

static att_status make_llama(atti_lm_layer *l, const atti_decoder_config *c,
                             const maker *m)
{
    static const char *const qkv[] = {"self_attn.q_proj", "self_attn.k_proj",
                                      "self_attn.v_proj"};
    static const char *const up[] = {"mlp.gate_proj", "mlp.up_proj"};
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    const int64_t qkv_rows[] = {q, kv, kv}, up_rows[] = {c->ffn, c->ffn};
    ATTI_TRY(make_norm(&l->norm1, m, "input_layernorm", 0));
    ATTI_TRY(make_norm(&l->norm2, m, "post_attention_layernorm", 0));
    l->qkv.n_out = q + 2 * kv, l->up.n_out = 2 * c->ffn;
    l->qkv.n_in = l->up.n_in = c->hidden;
    ATTI_TRY(join(&l->qkv, m, qkv, qkv_rows, 3, c->attention_bias));
    ATTI_TRY(
        make_dense(&l->out, m, "self_attn.o_proj", c->hidden, q, c->attention_bias, 0));
    ATTI_TRY(join(&l->up, m, up, up_rows, 2, c->mlp_bias));
    return make_dense(&l->down, m, "mlp.down_proj", c->hidden, c->ffn, c->mlp_bias, 0);
}

static att_status make_gpt2(atti_lm_layer *l, const atti_decoder_config *c,
                            const maker *m, int64_t i)
{
    float scale = c->plain_scores ? 1.0f : 1.0f / sqrtf((float)c->head_dim);
    l->scale = c->scale_by_layer ? scale / (float)(i + 1) : scale;
    ATTI_TRY(make_norm(&l->norm1, m, "ln_1", 1));
    ATTI_TRY(make_norm(&l->norm2, m, "ln_2", 1));
    ATTI_TRY(make_dense(&l->qkv, m, "attn.c_attn", 3 * c->hidden, c->hidden, 1, 1));
    ATTI_TRY(make_dense(&l->out, m, "attn.c_proj", c->hidden, c->hidden, 1, 1));
    ATTI_TRY(make_dense(&l->up, m, "mlp.c_fc", c->ffn, c->hidden, 1, 1));
    return make_dense(&l->down, m, "mlp.c_proj", c->hidden, c->ffn, 1, 1);
}

static void free_dense(atti_lm_dense *d)
{
    atti_linear_destroy(d->lin);
    atti_free(d->owned);
}

static void destroy(void *p)
{
    atti_lm_engine *e = p;
    for (int64_t i = 0; e->layer && i < e->cfg->layers; i++) {
        free_dense(&e->layer[i].qkv);
        free_dense(&e->layer[i].out);
        free_dense(&e->layer[i].up);
        free_dense(&e->layer[i].down);
    }
    free_dense(&e->vocab);
    atti_linear_pool_destroy(e->pool);
    atti_free(e->layer);
    atti_free(e->freqs);
    atti_free(e);
}

static void count_bytes(atti_lm_engine *e)
{
    e->bytes = atti_linear_bytes(e->vocab.lin);
    for (int64_t i = 0; i < e->cfg->layers; i++) {
        const atti_lm_layer *l = &e->layer[i];
        e->bytes += atti_linear_bytes(l->qkv.lin) + atti_linear_bytes(l->out.lin) +
                    atti_linear_bytes(l->up.lin) + atti_linear_bytes(l->down.lin);
    }
}

static att_status fill(atti_lm_engine *e, const att_model *model)
{
    const atti_decoder_config *c = e->cfg;
    maker m = {.ps = &model->params};
    const char *table = c->gpt2 ? "transformer.wte" : "model.embed_tokens";
    ATTI_TRY(atti_linear_pool_create(&e->pool));
    m.pool = e->pool;
    ATTI_TRY(atti_alloc(&e->layer, (size_t)c->layers, sizeof *e->layer, "layers"));
    ATTI_TRY(find(&e->embed, &m, table, "weight"));
    if (c->gpt2) ATTI_TRY(find(&e->positions, &m, "transformer.wpe", "weight"));
    ATTI_TRY(
        make_norm(&e->last, &m, c->gpt2 ? "transformer.ln_f" : "model.norm", c->gpt2));
    for (int64_t i = 0; i < c->layers; i++) {
        (void)snprintf(m.base, sizeof m.base,
                       c->gpt2 ? "transformer.h.%lld." : "model.layers.%lld.",
                       (long long)i);
        ATTI_TRY(c->gpt2 ? make_gpt2(&e->layer[i], c, &m, i)
                         : make_llama(&e->layer[i], c, &m));
    }
    m.base[0] = '\0';
    ATTI_TRY(make_dense(&e->vocab, &m, c->tie_output ? table : "lm_head", c->vocab_size,
                        c->hidden, 0, 0));
    count_bytes(e);
    if (c->gpt2) return ATT_OK;
    ATTI_TRY(atti_alloc(&e->freqs, (size_t)c->head_dim, sizeof *e->freqs, "rotation"));
    atti_decoder_rope_freqs(c, e->freqs);
    return ATT_OK;
}

att_status atti_lm_engine_get(const atti_lm_engine **out, const att_model *model)
{
    /* The one part of a model that is made late; the lock makes it once. */
    att_model *m = (att_model *)(uintptr_t)model;
    att_status st = ATT_OK;
    if (m->family->shape != ATTI_DECODER)
        return atti_fail(ATT_ENOTSUP, "a model of type '%s' does not continue texts",
                         m->family->model_type);
    atti_mutex_lock(m->lock);
    if (!m->prepared) {
        atti_lm_engine *e = NULL;
        st = atti_alloc(&e, 1, sizeof *e, "inference engine");
        if (st == ATT_OK) {
            e->cfg = m->cfg;
            st = fill(e, m);
            if (st == ATT_OK) {
                m->prepared = e;
                m->destroy_prepared = destroy;
            } else {
                destroy(e);
            }
        }
    }
    if (st == ATT_OK) *out = m->prepared;
    atti_mutex_unlock(m->lock);
    return st;
}
