/* encoder_declare.c - every parameter of an encoder and its head: its Hugging Face name,
 * shape and first value; query, key and value lie side by side. */
#include "models/encoder/encoder_build.h"

#include <stdio.h>
#include <string.h>

typedef struct declarer {
    const atti_encoder_config *c;
    atti_params *ps;
    const char *prefix;
} declarer;

static att_status matrix(const declarer *d, const char *base, const char *name,
                         int64_t rows, int64_t cols, int64_t zero_row)
{
    atti_param p = {.ndim = 2,
                    .shape = {rows, cols},
                    .init = ATTI_INIT_NORMAL,
                    .std = d->c->init_std,
                    .zero_row = zero_row};
    return atti_params_add(d->ps, &p, "%s%s.weight", base, name);
}

static att_status vector(const declarer *d, const char *base, const char *name,
                         const char *part, int64_t n, atti_init init)
{
    atti_param p = {.ndim = 1,
                    .shape = {n},
                    .init = init,
                    .flags = ATTI_PARAM_NO_DECAY,
                    .zero_row = -1};
    return atti_params_add(d->ps, &p, "%s%s.%s", base, name, part);
}

static att_status norm(const declarer *d, const char *base, const char *name)
{
    ATTI_TRY(vector(d, base, name, "weight", d->c->hidden, ATTI_INIT_ONE));
    return vector(d, base, name, "bias", d->c->hidden, ATTI_INIT_ZERO);
}

static att_status dense(const declarer *d, const char *base, const char *name,
                        int64_t out, int64_t in)
{
    ATTI_TRY(matrix(d, base, name, out, in, -1));
    return vector(d, base, name, "bias", out, ATTI_INIT_ZERO);
}

static att_status embeddings(const declarer *d)
{
    const atti_encoder_config *c = d->c;
    char base[64];
    snprintf(base, sizeof base, "%sembeddings.", d->prefix);
    ATTI_TRY(matrix(d, base, "word_embeddings", c->vocab_size, c->hidden, c->pad_id));
    /* RoBERTa's rows up to the padding's are never used. */
    ATTI_TRY(matrix(d, base, "position_embeddings", c->max_positions, c->hidden,
                    c->kind == ATTI_BERT ? -1 : c->pad_id));
    ATTI_TRY(matrix(d, base, "token_type_embeddings", c->types, c->hidden, -1));
    return norm(d, base, "LayerNorm");
}

static att_status layer(const declarer *d, int64_t i)
{
    static const char *const qkv[] = {"query", "key", "value"};
    const atti_encoder_config *c = d->c;
    char base[64], attn[96];
    snprintf(base, sizeof base, "%sencoder.layer.%lld.", d->prefix, (long long)i);
    snprintf(attn, sizeof attn, "%sattention.self.", base);
    for (int k = 0; k < 3; k++)
        ATTI_TRY(matrix(d, attn, qkv[k], c->hidden, c->hidden, -1));
    for (int k = 0; k < 3; k++)
        ATTI_TRY(vector(d, attn, qkv[k], "bias", c->hidden, ATTI_INIT_ZERO));
    ATTI_TRY(dense(d, base, "attention.output.dense", c->hidden, c->hidden));
    ATTI_TRY(norm(d, base, "attention.output.LayerNorm"));
    ATTI_TRY(dense(d, base, "intermediate.dense", c->ffn, c->hidden));
    ATTI_TRY(dense(d, base, "output.dense", c->hidden, c->ffn));
    return norm(d, base, "output.LayerNorm");
}

static att_status head(const declarer *d)
{
    const atti_encoder_config *c = d->c;
    int bert = c->kind == ATTI_BERT;
    switch (c->head) {
    case ATTI_HEAD_NONE:
        return dense(d, d->prefix, "pooler.dense", c->hidden, c->hidden);
    case ATTI_HEAD_TOKENS: return dense(d, "", "classifier", c->n_labels, c->hidden);
    case ATTI_HEAD_SEQUENCE:
        if (bert) {
            ATTI_TRY(dense(d, d->prefix, "pooler.dense", c->hidden, c->hidden));
            return dense(d, "", "classifier", c->n_labels, c->hidden);
        }
        ATTI_TRY(dense(d, "", "classifier.dense", c->hidden, c->hidden));
        return dense(d, "", "classifier.out_proj", c->n_labels, c->hidden);
    case ATTI_HEAD_MASKED_LM: {
        const char *base = bert ? "cls.predictions." : "lm_head.";
        ATTI_TRY(
            dense(d, base, bert ? "transform.dense" : "dense", c->hidden, c->hidden));
        ATTI_TRY(norm(d, base, bert ? "transform.LayerNorm" : "layer_norm"));
        return vector(d, "", bert ? "cls.predictions" : "lm_head", "bias",
                      c->vocab_size, ATTI_INIT_ZERO);
    }
    case ATTI_HEAD_LM:
    default: return atti_fail(ATT_EBUG, "encoder: head %d", (int)c->head);
    }
}

/* ---- names in files ----------------------------------------------------------- */

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* Old checkpoints say gamma and beta; a base model's have no prefix, and the base class
 * reads those of task models. */
static bool alias(const char *name, int i, char *out, size_t cap)
{
    static const char *const front[] = {"bert.", "roberta."};
    bool old_name = i % 2 != 0, gamma = ends(name, ".LayerNorm.weight");
    size_t cut = 0;
    if (i > 6) return false;
    for (int k = 0; k < 2; k++)
        if (strncmp(name, front[k], strlen(front[k])) == 0) cut = strlen(front[k]);
    /* 0: as it is; 1: gamma; 2, 3: without the prefix; 4, 5: "bert."; 6: "roberta." */
    const char *put = i < 2 || cut || i < 4 ? "" : front[(i - 4) / 2];
    snprintf(out, cap, "%s%s", put, i >= 2 ? name + cut : name);
    if (old_name && (gamma || ends(name, ".LayerNorm.bias"))) {
        char *dot = strrchr(out, '.');
        snprintf(dot, cap - (size_t)(dot - out), "%s", gamma ? ".gamma" : ".beta");
    }
    return true;
}

/* Heads of pre-training beside the one in use, and other names of the tied table. */
static bool ignorable(const char *name)
{
    return strncmp(name, "cls.seq_relationship.", 21) == 0 ||
           strncmp(name, "cls.predictions.decoder.", 24) == 0 ||
           strncmp(name, "lm_head.decoder.", 16) == 0 ||
           strstr(name, "pooler.dense.") != NULL;
}

att_status atti_encoder_declare(const void *cfg, atti_params *params)
{
    declarer d = {cfg, params, atti_encoder_prefix(cfg)};
    params->alias = alias;
    params->ignorable = ignorable;
    ATTI_TRY(embeddings(&d));
    for (int64_t i = 0; i < d.c->layers; i++) ATTI_TRY(layer(&d, i));
    return head(&d);
}
