/* decoder_declare.c - every parameter of a decoder-only model: its Hugging Face name,
 * shape and first value; matrices that read the same input lie side by side. */
#include "models/decoder/decoder_build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct declarer {
    const atti_decoder_config *c;
    atti_params *ps;
} declarer;

static att_status matrix(const declarer *d, const char *layer, const char *name,
                         int64_t rows, int64_t cols, float std)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_NORMAL,
                    .std = std,
                    .zero_row = -1};
    return atti_params_add(d->ps, &p, "%s%s.weight", layer, name);
}

static att_status vector(const declarer *d, const char *layer, const char *name,
                         const char *part, int64_t n, atti_init init)
{
    atti_param p = {.ndim = 1,
                    .shape = {n},
                    .init = init,
                    .flags = ATTI_PARAM_NO_DECAY,
                    .zero_row = -1};
    return atti_params_add(d->ps, &p, "%s%s.%s", layer, name, part);
}

static att_status norm(const declarer *d, const char *layer, const char *name)
{
    ATTI_TRY(vector(d, layer, name, "weight", d->c->hidden, ATTI_INIT_ONE));
    if (!d->c->gpt2) return ATT_OK;
    return vector(d, layer, name, "bias", d->c->hidden, ATTI_INIT_ZERO);
}

/* Radford et al. 2019: what adds to the residual stream starts smaller, by the root of
 * how many such branches there are. */
static float branch_std(const atti_decoder_config *c)
{
    return c->init_std / sqrtf(2.0f * (float)c->layers);
}

/* ---- GPT-2 -------------------------------------------------------------------- */

static att_status conv1d(const declarer *d, const char *layer, const char *name,
                         int64_t out, int64_t in, float std)
{
    ATTI_TRY(matrix(d, layer, name, in, out, std));
    return vector(d, layer, name, "bias", out, ATTI_INIT_ZERO);
}

static att_status gpt2_layer(const declarer *d, int64_t i)
{
    const atti_decoder_config *c = d->c;
    char base[64];
    snprintf(base, sizeof base, "transformer.h.%lld.", (long long)i);
    ATTI_TRY(norm(d, base, "ln_1"));
    ATTI_TRY(conv1d(d, base, "attn.c_attn", 3 * c->hidden, c->hidden, c->init_std));
    ATTI_TRY(conv1d(d, base, "attn.c_proj", c->hidden, c->hidden, branch_std(c)));
    ATTI_TRY(norm(d, base, "ln_2"));
    ATTI_TRY(conv1d(d, base, "mlp.c_fc", c->ffn, c->hidden, c->init_std));
    return conv1d(d, base, "mlp.c_proj", c->hidden, c->ffn, branch_std(c));
}

static att_status declare_gpt2(const declarer *d)
{
    const atti_decoder_config *c = d->c;
    ATTI_TRY(matrix(d, "transformer.", "wte", c->vocab_size, c->hidden, c->init_std));
    ATTI_TRY(
        matrix(d, "transformer.", "wpe", c->max_positions, c->hidden, c->init_std));
    for (int64_t i = 0; i < c->layers; i++) ATTI_TRY(gpt2_layer(d, i));
    ATTI_TRY(norm(d, "transformer.", "ln_f"));
    if (c->tie_output) return ATT_OK;
    return matrix(d, "", "lm_head", c->vocab_size, c->hidden, c->init_std);
}

/* ---- Llama -------------------------------------------------------------------- */

static att_status several(const declarer *d, const char *layer, const char *const *name,
                          const int64_t *out, int n, int64_t in, int bias)
{
    for (int i = 0; i < n; i++)
        ATTI_TRY(matrix(d, layer, name[i], out[i], in, d->c->init_std));
    for (int i = 0; bias && i < n; i++)
        ATTI_TRY(vector(d, layer, name[i], "bias", out[i], ATTI_INIT_ZERO));
    return ATT_OK;
}

static att_status llama_layer(const declarer *d, int64_t i)
{
    static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
    static const char *const o[] = {"o_proj"};
    static const char *const up[] = {"gate_proj", "up_proj"};
    static const char *const down[] = {"down_proj"};
    const atti_decoder_config *c = d->c;
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    char base[64], part[80];
    snprintf(base, sizeof base, "model.layers.%lld.", (long long)i);
    ATTI_TRY(norm(d, base, "input_layernorm"));
    snprintf(part, sizeof part, "%sself_attn.", base);
    ATTI_TRY(several(d, part, qkv, (const int64_t[]){q, kv, kv}, 3, c->hidden,
                     c->attention_bias));
    ATTI_TRY(several(d, part, o, &c->hidden, 1, q, c->attention_bias));
    ATTI_TRY(norm(d, base, "post_attention_layernorm"));
    snprintf(part, sizeof part, "%smlp.", base);
    ATTI_TRY(several(d, part, up, (const int64_t[]){c->ffn, c->ffn}, 2, c->hidden,
                     c->mlp_bias));
    return several(d, part, down, &c->hidden, 1, c->ffn, c->mlp_bias);
}

static att_status declare_llama(const declarer *d)
{
    const atti_decoder_config *c = d->c;
    ATTI_TRY(
        matrix(d, "model.", "embed_tokens", c->vocab_size, c->hidden, c->init_std));
    for (int64_t i = 0; i < c->layers; i++) ATTI_TRY(llama_layer(d, i));
    ATTI_TRY(norm(d, "model.", "norm"));
    if (c->tie_output) return ATT_OK;
    return matrix(d, "", "lm_head", c->vocab_size, c->hidden, c->init_std);
}

/* ---- names in files ----------------------------------------------------------- */

/* The original release of GPT-2 has no "transformer." in front; a tied table may be
 * stored as the output's. */
static bool alias(const char *name, int i, char *out, size_t cap)
{
    static const char front[] = "transformer.";
    bool table = strcmp(name, "transformer.wte.weight") == 0 ||
                 strcmp(name, "model.embed_tokens.weight") == 0;
    if (i == 0 && strncmp(name, front, sizeof front - 1) == 0) {
        snprintf(out, cap, "%s", name + sizeof front - 1);
        return true;
    }
    if (i > 1 || !table) return false;
    snprintf(out, cap, "lm_head.weight");
    return true;
}

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* Causal masks that old files carry as buffers: "h.0.attn.bias". */
static bool ignorable(const char *name)
{
    return ends(name, ".attn.bias") || ends(name, ".attn.masked_bias") ||
           ends(name, ".rotary_emb.inv_freq") || strcmp(name, "lm_head.weight") == 0;
}

att_status atti_decoder_declare(const void *cfg, atti_params *params)
{
    declarer d = {cfg, params};
    params->alias = alias;
    params->ignorable = ignorable;
    return d.c->gpt2 ? declare_gpt2(&d) : declare_llama(&d);
}
