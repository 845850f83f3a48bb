/* marian_config.c - config.json of the Transformer encoder-decoder, read and written.
 *
 * What MarianMTModel can hold has model_type "marian" and exactly its keys. Anything else
 * has model_type "attend", the same keys and those that begin with attend_. Numbers from
 * a file are checked against hard ranges before anything is multiplied with them. */
#include "models/marian/marian_config.h"
#include "base/alloc.h"
#include <math.h>
#include <string.h>

typedef struct word {
    const char *name;
    int value;
} word;

/* The first word of a value is the one that is written. */
static const word activations[] = {
    {"relu", ATTI_ACT_RELU},
    {"gelu", ATTI_ACT_GELU},
    {"gelu_python", ATTI_ACT_GELU},
    {"gelu_new", ATTI_ACT_GELU_TANH},
    {"gelu_fast", ATTI_ACT_GELU_TANH},
    {"gelu_pytorch_tanh", ATTI_ACT_GELU_TANH},
    {"quick_gelu", ATTI_ACT_QUICK_GELU},
    {"swish", ATTI_ACT_SILU},
    {"silu", ATTI_ACT_SILU},
    {"tanh", ATTI_ACT_TANH},
    {"sigmoid", ATTI_ACT_SIGMOID},
    {NULL, 0},
};
static const word positions[] = {
    {"sinusoidal", ATTI_POS_SINUSOIDAL},
    {"interleaved", ATTI_POS_SINUSOIDAL_INTERLEAVED},
    {"learned", ATTI_POS_LEARNED},
    {"none", ATTI_POS_NONE},
    {"relative", ATTI_POS_RELATIVE},
    {"rope", ATTI_POS_ROPE},
    {"alibi", ATTI_POS_ALIBI},
    {"t5", ATTI_POS_T5},
    {NULL, 0},
};
/* "dot" is the scaled dot with scale 1; it has no number of its own. */
enum { PLAIN_DOT = 100 };
static const word scores[] = {
    {"scaled-dot", ATT_SCORE_DOT},
    {"dot", PLAIN_DOT},
    {"general", ATT_SCORE_BILINEAR},
    {"additive", ATT_SCORE_ADDITIVE},
    {"gat", ATT_SCORE_GAT},
    {"cosine", ATT_SCORE_COSINE},
    {NULL, 0},
};
static const word normalisers[] = {
    {"softmax", ATT_NORM_SOFTMAX},
    {"relu", ATT_NORM_RELU},
    {"relu-row", ATT_NORM_RELU_ROW},
    {"hard", ATT_NORM_HARD_ARGMAX},
    {"sample", ATT_NORM_HARD_SAMPLE},
    {"sparsemax", ATT_NORM_SPARSEMAX},
    {NULL, 0},
};

static att_status find_word(int *out, const word *w, const char *name, const char *what)
{
    atti_str list = {0};
    for (const word *p = w; p->name; p++) {
        if (strcmp(p->name, name) == 0) {
            *out = p->value;
            return ATT_OK;
        }
    }
    for (const word *p = w; p->name; p++) {
        atti_str_addf(&list, "%s%s", p == w ? "" : ", ", p->name);
    }
    att_status st = atti_fail(ATT_ENOTFOUND, "%s '%.40s' is not one of %s", what, name,
                              list.data ? list.data : "those supported");
    atti_str_deinit(&list);
    return st;
}

static const char *name_of(const word *w, int value)
{
    while (w->name && w->value != value) w++;
    return w->name ? w->name : "?";
}

att_status atti_marian_set_positions(atti_marian_config *c, const char *text)
{
    int v = 0;
    ATTI_TRY(find_word(&v, positions, text, "positions"));
    c->positions = (atti_positions)v;
    return ATT_OK;
}

att_status atti_marian_set_score(atti_marian_config *c, const char *text)
{
    int v = 0;
    ATTI_TRY(find_word(&v, scores, text, "score"));
    c->score_scale = v == PLAIN_DOT ? 1.0f : 0.0f;
    c->score = v == PLAIN_DOT ? ATT_SCORE_DOT : (att_score)v;
    return ATT_OK;
}

att_status atti_marian_set_normalise(atti_marian_config *c, const char *text)
{
    int v = 0;
    ATTI_TRY(find_word(&v, normalisers, text, "normalise"));
    c->normalise = (att_normalise)v;
    return ATT_OK;
}

att_status atti_marian_set_activation(atti_marian_config *c, const char *text)
{
    int v = 0;
    ATTI_TRY(find_word(&v, activations, text, "activation function"));
    c->activation = (atti_act)v;
    return ATT_OK;
}

void atti_marian_config_init(atti_marian_config *c)
{
    memset(c, 0, sizeof *c);
    c->vocab_size = 58101;
    c->decoder_vocab_size = 58101;
    c->d_model = 1024;
    c->encoder_layers = c->decoder_layers = 12;
    c->encoder_heads = c->decoder_heads = 16;
    c->encoder_ffn = c->decoder_ffn = 4096;
    c->max_positions = 1024;
    c->activation = ATTI_ACT_GELU;
    c->share_embeddings = 1;
    c->tie_output = 1;
    c->positions = ATTI_POS_SINUSOIDAL;
    c->score = ATT_SCORE_DOT;
    c->normalise = ATT_NORM_SOFTMAX;
    c->dropout = 0.1f;
    c->norm_eps = 1e-5f;
    c->init_std = 0.02f;
    c->pad_id = c->decoder_start_id = 58100;
    c->eos_id = c->forced_eos_id = 0;
    c->unk_id = c->bos_id = -1;
    c->is_plain_marian = 1;
}

/* ---- checks ------------------------------------------------------------------- */

static att_status in_range(const char *key, int64_t v, int64_t lo, int64_t hi)
{
    if (v >= lo && v <= hi) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s is %lld, expected %lld..%lld", key, (long long)v,
                     (long long)lo, (long long)hi);
}

static att_status check_heads(const char *side, int64_t heads, int64_t d_model)
{
    if (heads < 1 || heads > d_model || d_model % heads != 0) {
        return atti_fail(ATT_EFORMAT,
                         "%s_attention_heads %lld does not divide d_model %lld", side,
                         (long long)heads, (long long)d_model);
    }
    if (d_model / heads > 256) {
        return atti_fail(ATT_ENOTSUP, "a %s head is %lld wide, at most 256", side,
                         (long long)(d_model / heads));
    }
    return ATT_OK;
}

static att_status check_fraction(const char *key, float p)
{
    if (p >= 0.0f && p < 1.0f) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s is %g, expected 0 <= p < 1", key, (double)p);
}

att_status atti_marian_config_check(atti_marian_config *c)
{
    int64_t v = c->vocab_size, dv = c->decoder_vocab_size, big = 1 << 20;
    ATTI_TRY(in_range("vocab_size", v, 1, 1 << 24));
    ATTI_TRY(in_range("decoder_vocab_size", dv, 1, 1 << 24));
    ATTI_TRY(in_range("d_model", c->d_model, 1, big));
    ATTI_TRY(in_range("encoder_layers", c->encoder_layers, 1, 1024));
    ATTI_TRY(in_range("decoder_layers", c->decoder_layers, 1, 1024));
    ATTI_TRY(in_range("encoder_ffn_dim", c->encoder_ffn, 1, big));
    ATTI_TRY(in_range("decoder_ffn_dim", c->decoder_ffn, 1, big));
    ATTI_TRY(in_range("max_position_embeddings", c->max_positions, 1, 1 << 24));
    ATTI_TRY(check_heads("encoder", c->encoder_heads, c->d_model));
    ATTI_TRY(check_heads("decoder", c->decoder_heads, c->d_model));
    if (c->share_embeddings && v != dv) {
        return atti_fail(ATT_EFORMAT,
                         "shared embeddings need equal vocabularies, but vocab_size is "
                         "%lld and decoder_vocab_size %lld",
                         (long long)v, (long long)dv);
    }
    ATTI_TRY(check_fraction("dropout", c->dropout));
    ATTI_TRY(check_fraction("attention_dropout", c->attention_dropout));
    ATTI_TRY(check_fraction("activation_dropout", c->activation_dropout));
    if (!(c->norm_eps > 0.0f && c->norm_eps < 1.0f)) {
        return atti_fail(ATT_EFORMAT, "the norm's epsilon is %g", (double)c->norm_eps);
    }
    if (!(c->init_std >= 0.0f && c->init_std < 100.0f)) {
        return atti_fail(ATT_EFORMAT, "init_std is %g", (double)c->init_std);
    }
    ATTI_TRY(in_range("pad_token_id", c->pad_id, -1, (v < dv ? v : dv) - 1));
    ATTI_TRY(in_range("eos_token_id", c->eos_id, 0, (v < dv ? v : dv) - 1));
    ATTI_TRY(in_range("unk_token_id", c->unk_id, -1, (v < dv ? v : dv) - 1));
    ATTI_TRY(in_range("bos_token_id", c->bos_id, -1, (v > dv ? v : dv) - 1));
    ATTI_TRY(in_range("decoder_start_token_id", c->decoder_start_id, 0, dv - 1));
    ATTI_TRY(in_range("forced_eos_token_id", c->forced_eos_id, -1, dv - 1));
    c->is_plain_marian = !c->pre_norm && !c->rms_norm &&
                         c->positions == ATTI_POS_SINUSOIDAL &&
                         c->score == ATT_SCORE_DOT && c->score_scale == 0.0f &&
                         c->normalise == ATT_NORM_SOFTMAX && c->norm_eps == 1e-5f;
    return ATT_OK;
}

/* ---- reading ------------------------------------------------------------------ */

/* An id: absent or null gives dflt; of an array the first (class eos_token_id may be a list). */
static att_status read_id(int64_t *out, const atti_json *root, const char *key,
                          int64_t dflt)
{
    const atti_json *v = atti_json_get(root, key);
    if (!atti_json_is_array(v)) {
        return atti_json_get_i64(out, root, key, dflt, -1, 1 << 24);
    }
    double x = atti_json_number(atti_json_at(v, 0));
    if (!(x >= -1.0 && x <= 16777216.0) || x != floor(x)) {
        return atti_fail(ATT_EFORMAT, "%s: the list holds no token id", key);
    }
    *out = (int64_t)x;
    return ATT_OK;
}

static att_status read_f32(float *out, const atti_json *root, const char *key)
{
    double x;
    ATTI_TRY(atti_json_get_f64(&x, root, key, (double)*out));
    *out = (float)x;
    return ATT_OK;
}

static att_status read_flag(int32_t *out, const atti_json *root, const char *key)
{
    bool b;
    ATTI_TRY(atti_json_get_bool(&b, root, key, *out != 0));
    *out = b;
    return ATT_OK;
}

static att_status read_sizes(atti_marian_config *c, const atti_json *root)
{
    const struct {
        const char *key;
        int64_t *at;
    } sizes[] = {
        {"vocab_size", &c->vocab_size},
        {"d_model", &c->d_model},
        {"encoder_layers", &c->encoder_layers},
        {"decoder_layers", &c->decoder_layers},
        {"encoder_attention_heads", &c->encoder_heads},
        {"decoder_attention_heads", &c->decoder_heads},
        {"encoder_ffn_dim", &c->encoder_ffn},
        {"decoder_ffn_dim", &c->decoder_ffn},
        {"max_position_embeddings", &c->max_positions},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        ATTI_TRY(atti_json_get_i64(sizes[i].at, root, sizes[i].key, *sizes[i].at, 1,
                                   1 << 24));
    }
    return atti_json_get_i64(&c->decoder_vocab_size, root, "decoder_vocab_size",
                             c->vocab_size, 1, 1 << 24);
}

static att_status read_variant(atti_marian_config *c, const atti_json *root)
{
    const char *text;
    ATTI_TRY(atti_json_get_str(&text, root, "attend_positions", "sinusoidal"));
    ATTI_TRY(atti_marian_set_positions(c, text));
    ATTI_TRY(atti_json_get_str(&text, root, "attend_score", "scaled-dot"));
    ATTI_TRY(atti_marian_set_score(c, text));
    ATTI_TRY(atti_json_get_str(&text, root, "attend_normalise", "softmax"));
    ATTI_TRY(atti_marian_set_normalise(c, text));
    ATTI_TRY(atti_json_get_str(&text, root, "attend_norm", "post"));
    c->pre_norm = strcmp(text, "pre") == 0;
    if (!c->pre_norm && strcmp(text, "post") != 0) {
        return atti_fail(ATT_EFORMAT, "attend_norm '%.40s' is not one of post, pre",
                         text);
    }
    ATTI_TRY(atti_json_get_str(&text, root, "attend_norm_kind", "layer"));
    c->rms_norm = strcmp(text, "rms") == 0;
    if (!c->rms_norm && strcmp(text, "layer") != 0) {
        return atti_fail(ATT_EFORMAT,
                         "attend_norm_kind '%.40s' is not one of layer, rms", text);
    }
    return read_f32(&c->norm_eps, root, "attend_norm_eps");
}

static att_status read_keys(atti_marian_config *c, const atti_json *root)
{
    const char *text;
    ATTI_TRY(read_sizes(c, root));
    ATTI_TRY(atti_json_get_str(&text, root, "activation_function", "gelu"));
    ATTI_TRY(atti_marian_set_activation(c, text));
    ATTI_TRY(read_flag(&c->scale_embedding, root, "scale_embedding"));
    ATTI_TRY(read_flag(&c->share_embeddings, root, "share_encoder_decoder_embeddings"));
    ATTI_TRY(read_flag(&c->tie_output, root, "tie_word_embeddings"));
    /* Untied, transformers shares nothing, whatever the other switch says. */
    if (!c->tie_output) c->share_embeddings = 0;
    ATTI_TRY(read_f32(&c->dropout, root, "dropout"));
    ATTI_TRY(read_f32(&c->attention_dropout, root, "attention_dropout"));
    ATTI_TRY(read_f32(&c->activation_dropout, root, "activation_dropout"));
    ATTI_TRY(read_f32(&c->init_std, root, "init_std"));
    ATTI_TRY(read_id(&c->pad_id, root, "pad_token_id", c->vocab_size - 1));
    ATTI_TRY(read_id(&c->eos_id, root, "eos_token_id", 0));
    ATTI_TRY(read_id(&c->bos_id, root, "bos_token_id", -1));
    ATTI_TRY(read_id(&c->unk_id, root, "unk_token_id", -1));
    ATTI_TRY(read_id(&c->decoder_start_id, root, "decoder_start_token_id", c->pad_id));
    ATTI_TRY(read_id(&c->forced_eos_id, root, "forced_eos_token_id", -1));
    ATTI_TRY(atti_json_get_str(&text, root, "model_type", "marian"));
    if (strcmp(text, "attend") == 0) ATTI_TRY(read_variant(c, root));
    return atti_marian_config_check(c);
}

att_status atti_marian_config_read(void **cfg, const atti_json *root, const char *name)
{
    atti_marian_config *c = NULL;
    if (!atti_json_is_object(root)) {
        return atti_fail(ATT_EFORMAT, "%s: not a JSON object", name);
    }
    ATTI_TRY(atti_alloc(&c, 1, sizeof *c, "config"));
    atti_marian_config_init(c);
    att_status st = read_keys(c, root);
    if (st != ATT_OK) {
        atti_free(c);
        /* A word that this version does not know makes the file unreadable. */
        if (st == ATT_ENOTFOUND) st = ATT_ENOTSUP;
        return atti_fail_prefix(st, "%s: ", name);
    }
    *cfg = c;
    return ATT_OK;
}

/* ---- writing ------------------------------------------------------------------ */

static void write_id(atti_jsonw *w, const char *key, int64_t id)
{
    if (id >= 0) {
        atti_jsonw_i64(w, key, id);
    } else {
        atti_jsonw_raw(w, key, "null");
    }
}

/* transformers declares these keys as floats: 0 is written 0.0. */
static void write_float(atti_jsonw *w, const char *key, float x)
{
    if (x == 0.0f) {
        atti_jsonw_raw(w, key, "0.0");
    } else {
        atti_jsonw_f32(w, key, x);
    }
}

static void write_variant(const atti_marian_config *c, atti_jsonw *w)
{
    bool plain = c->score == ATT_SCORE_DOT && c->score_scale == 1.0f;
    atti_jsonw_str(w, "attend_norm", c->pre_norm ? "pre" : "post");
    write_float(w, "attend_norm_eps", c->norm_eps);
    atti_jsonw_str(w, "attend_norm_kind", c->rms_norm ? "rms" : "layer");
    atti_jsonw_str(w, "attend_normalise", name_of(normalisers, (int)c->normalise));
    atti_jsonw_str(w, "attend_positions", name_of(positions, (int)c->positions));
    atti_jsonw_str(w, "attend_score", plain ? "dot" : name_of(scores, (int)c->score));
}

att_status atti_marian_config_write(const void *cfg, atti_jsonw *w)
{
    const atti_marian_config *c = cfg;
    atti_jsonw_object(w, NULL);
    write_float(w, "activation_dropout", c->activation_dropout);
    atti_jsonw_str(w, "activation_function", name_of(activations, (int)c->activation));
    if (!c->is_plain_marian) atti_jsonw_str(w, "architecture", "transformer-seq2seq");
    atti_jsonw_array(w, "architectures");
    atti_jsonw_str(w, NULL, c->is_plain_marian ? "MarianMTModel" : "AttendTransformer");
    atti_jsonw_end(w, ']');
    if (!c->is_plain_marian) write_variant(c, w);
    write_float(w, "attention_dropout", c->attention_dropout);
    write_id(w, "bos_token_id", c->bos_id);
    atti_jsonw_i64(w, "d_model", c->d_model);
    atti_jsonw_i64(w, "decoder_attention_heads", c->decoder_heads);
    atti_jsonw_i64(w, "decoder_ffn_dim", c->decoder_ffn);
    atti_jsonw_raw(w, "decoder_layerdrop", "0.0");
    atti_jsonw_i64(w, "decoder_layers", c->decoder_layers);
    write_id(w, "decoder_start_token_id", c->decoder_start_id);
    atti_jsonw_i64(w, "decoder_vocab_size", c->decoder_vocab_size);
    write_float(w, "dropout", c->dropout);
    atti_jsonw_str(w, "dtype", "float32");
    atti_jsonw_i64(w, "encoder_attention_heads", c->encoder_heads);
    atti_jsonw_i64(w, "encoder_ffn_dim", c->encoder_ffn);
    atti_jsonw_raw(w, "encoder_layerdrop", "0.0");
    atti_jsonw_i64(w, "encoder_layers", c->encoder_layers);
    write_id(w, "eos_token_id", c->eos_id);
    write_id(w, "forced_eos_token_id", c->forced_eos_id);
    write_float(w, "init_std", c->init_std);
    atti_jsonw_bool(w, "is_decoder", false);
    atti_jsonw_bool(w, "is_encoder_decoder", true);
    atti_jsonw_i64(w, "max_position_embeddings", c->max_positions);
    atti_jsonw_str(w, "model_type", c->is_plain_marian ? "marian" : "attend");
    write_id(w, "pad_token_id", c->pad_id);
    atti_jsonw_bool(w, "scale_embedding", c->scale_embedding != 0);
    atti_jsonw_bool(w, "share_encoder_decoder_embeddings", c->share_embeddings != 0);
    atti_jsonw_bool(w, "tie_word_embeddings", c->tie_output != 0);
    atti_jsonw_str(w, "transformers_version", "5.23.0");
    if (c->unk_id >= 0) write_id(w, "unk_token_id", c->unk_id);
    atti_jsonw_bool(w, "use_cache", true);
    atti_jsonw_i64(w, "vocab_size", c->vocab_size);
    atti_jsonw_end(w, '}');
    return w->s.status;
}
