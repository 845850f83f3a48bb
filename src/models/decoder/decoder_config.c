/* decoder_config.c - config.json of Llama and GPT-2, read and written in the form of
 * transformers 5.23; older spellings (rope_theta beside rope_scaling, "type") are read.
 * Numbers from a file are checked against hard ranges before anything is computed with
 * them. What this version does not compute is refused by name. */
#include "models/decoder/decoder_config.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

#define BIG (1 << 20)

void atti_decoder_config_init(atti_decoder_config *c, int gpt2)
{
    memset(c, 0, sizeof *c);
    c->gpt2 = gpt2;
    c->init_std = 0.02f;
    c->rope_theta = 10000.0f;
    c->rope_factor = 1.0f;
    c->eos.n = 1;
    c->pad_id = -1;
    if (gpt2) {
        c->tie_output = 1;
        c->vocab_size = 50257;
        c->hidden = 768;
        c->layers = c->heads = c->kv_heads = 12;
        c->ffn_is_default = 1;
        c->max_positions = 1024;
        c->activation = ATTI_ACT_GELU_TANH;
        c->norm_eps = 1e-5f;
        c->embedding_dropout = c->residual_dropout = c->attention_dropout = 0.1f;
        c->bos_id = c->eos.id[0] = 50256;
        c->ffn = 4 * c->hidden;
    } else {
        c->vocab_size = 32000;
        c->hidden = 4096;
        c->ffn = 11008;
        c->layers = c->heads = c->kv_heads = 32;
        c->max_positions = 2048;
        c->activation = ATTI_ACT_SILU;
        c->norm_eps = 1e-6f;
        c->bos_id = 1;
        c->eos.id[0] = 2;
    }
    c->head_dim = c->hidden / c->heads;
}

/* ---- checks ------------------------------------------------------------------- */

static att_status in_range(const char *key, int64_t v, int64_t lo, int64_t hi)
{
    if (v >= lo && v <= hi) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s is %lld, expected %lld..%lld", key, (long long)v,
                     (long long)lo, (long long)hi);
}

static att_status check_heads(const atti_decoder_config *c)
{
    if (c->head_dim < 1 || (c->gpt2 && c->head_dim * c->heads != c->hidden))
        return atti_fail(ATT_EFORMAT, "%s %lld does not divide %s %lld",
                         c->gpt2 ? "n_head" : "num_attention_heads",
                         (long long)c->heads, c->gpt2 ? "n_embd" : "hidden_size",
                         (long long)c->hidden);
    if (c->heads % c->kv_heads != 0)
        return atti_fail(ATT_EFORMAT,
                         "num_key_value_heads %lld does not divide num_attention_heads "
                         "%lld",
                         (long long)c->kv_heads, (long long)c->heads);
    if (c->head_dim > 256)
        return atti_fail(ATT_ENOTSUP, "a head is %lld wide, at most 256",
                         (long long)c->head_dim);
    if (!c->gpt2 && c->head_dim % 2 != 0)
        return atti_fail(ATT_EFORMAT, "head_dim is %lld, rotation needs an even number",
                         (long long)c->head_dim);
    if (c->heads * c->head_dim > BIG)
        return atti_fail(ATT_EFORMAT, "%lld heads of width %lld, at most %d in all",
                         (long long)c->heads, (long long)c->head_dim, BIG);
    return ATT_OK;
}

att_status atti_decoder_config_check(const atti_decoder_config *c)
{
    const char *const *key =
        c->gpt2 ? (const char *const[]){"n_embd", "n_layer", "n_head", "n_inner",
                                        "n_positions"}
                : (const char *const[]){"hidden_size", "num_hidden_layers",
                                        "num_attention_heads", "intermediate_size",
                                        "max_position_embeddings"};
    ATTI_TRY(in_range("vocab_size", c->vocab_size, 1, 1 << 24));
    ATTI_TRY(in_range(key[0], c->hidden, 1, BIG));
    ATTI_TRY(in_range(key[1], c->layers, 1, 1024));
    ATTI_TRY(in_range(key[2], c->heads, 1, 65536));
    ATTI_TRY(in_range("num_key_value_heads", c->kv_heads, 1, c->heads));
    ATTI_TRY(in_range(key[3], c->ffn, 1, BIG));
    ATTI_TRY(in_range(key[4], c->max_positions, 1, 1 << 24));
    ATTI_TRY(check_heads(c));
    if (!c->gpt2 &&
        (c->activation == ATTI_ACT_QUICK_GELU || c->activation == ATTI_ACT_TANH ||
         c->activation == ATTI_ACT_SIGMOID))
        return atti_fail(ATT_ENOTSUP, "hidden_act '%s' in a gated mlp",
                         atti_config_act_name(c->activation));
    if (c->rope == ATTI_ROPE_LLAMA3 && !(c->rope_high > c->rope_low))
        return atti_fail(ATT_EFORMAT,
                         "rope_parameters: high_freq_factor %g is not above "
                         "low_freq_factor %g",
                         (double)c->rope_high, (double)c->rope_low);
    return ATT_OK;
}

/* ---- rotary positions --------------------------------------------------------- */

void atti_decoder_rope_freqs(const atti_decoder_config *c, float *freqs)
{
    const double pi = 3.14159265358979323846;
    int64_t d = c->head_dim;
    for (int64_t j = 0; j < d / 2; j++) {
        double f = pow((double)c->rope_theta, -2.0 * (double)j / (double)d);
        if (c->rope == ATTI_ROPE_LINEAR) f /= (double)c->rope_factor;
        if (c->rope == ATTI_ROPE_LLAMA3) {
            double orig = (double)c->rope_original, wave = 2.0 * pi / f;
            double lo = (double)c->rope_low, hi = (double)c->rope_high;
            if (wave > orig / lo) {
                f /= (double)c->rope_factor;
            } else if (wave >= orig / hi) {
                double s = (orig / wave - lo) / (hi - lo);
                f = (1.0 - s) * f / (double)c->rope_factor + s * f;
            }
        }
        freqs[j] = (float)f;
    }
}

static att_status read_llama3(atti_decoder_config *c, const atti_json *o)
{
    c->rope_low = 1.0f;
    c->rope_high = 4.0f;
    c->rope_original = c->max_positions;
    ATTI_TRY(atti_config_float(&c->rope_low, o, "low_freq_factor", 0.0, 1e6));
    ATTI_TRY(atti_config_float(&c->rope_high, o, "high_freq_factor", 0.0, 1e6));
    return atti_json_get_i64(&c->rope_original, o, "original_max_position_embeddings",
                             c->rope_original, 1, 1 << 24);
}

/* o: rope_parameters, or the older rope_scaling. */
static att_status read_scaling(atti_decoder_config *c, const atti_json *o)
{
    const char *type;
    float part = 1.0f;
    ATTI_TRY(atti_json_get_str(&type, o, "type", "default"));
    ATTI_TRY(atti_json_get_str(&type, o, "rope_type", type));
    ATTI_TRY(atti_config_float(&c->rope_theta, o, "rope_theta", 0.0, 1e12));
    ATTI_TRY(atti_config_float(&part, o, "partial_rotary_factor", 0.0, 1.0));
    if (part != 1.0f)
        return atti_fail(ATT_ENOTSUP, "partial_rotary_factor %g, only 1", (double)part);
    if (strcmp(type, "default") == 0) return ATT_OK;
    if (strcmp(type, "linear") == 0) {
        c->rope = ATTI_ROPE_LINEAR;
    } else if (strcmp(type, "llama3") == 0) {
        c->rope = ATTI_ROPE_LLAMA3;
        ATTI_TRY(read_llama3(c, o));
    } else {
        return atti_fail(ATT_ENOTSUP,
                         "rope_type '%.40s' is not one of default, linear, llama3",
                         type);
    }
    if (!atti_json_get(o, "factor"))
        return atti_fail(ATT_EFORMAT, "rope_type %s without factor", type);
    return atti_config_float(&c->rope_factor, o, "factor", 0.0, 1e6);
}

static att_status read_rope(atti_decoder_config *c, const atti_json *root)
{
    static const char *const keys[] = {"rope_parameters", "rope_scaling"};
    ATTI_TRY(atti_config_float(&c->rope_theta, root, "rope_theta", 0.0, 1e12));
    for (int i = 0; i < 2; i++) {
        const atti_json *o = atti_json_get(root, keys[i]);
        if (!o) continue;
        if (!atti_json_is_object(o))
            return atti_fail(ATT_EFORMAT, "%s is not an object", keys[i]);
        att_status st = read_scaling(c, o);
        return st == ATT_OK ? st : atti_fail_prefix(st, "%s: ", keys[i]);
    }
    return ATT_OK;
}

/* ---- reading ------------------------------------------------------------------ */

static att_status read_ids(atti_decoder_config *c, const atti_json *root)
{
    ATTI_TRY(atti_config_id(&c->bos_id, root, "bos_token_id"));
    ATTI_TRY(atti_config_id(&c->pad_id, root, "pad_token_id"));
    ATTI_TRY(atti_config_eos_read(&c->eos, root));
    ATTI_TRY(atti_config_flag(&c->tie_output, root, "tie_word_embeddings"));
    return atti_config_float(&c->init_std, root, "initializer_range", -1e-9, 100.0);
}

static att_status read_llama(atti_decoder_config *c, const atti_json *root)
{
    atti_config_size sizes[] = {
        {"vocab_size", &c->vocab_size, 1, 1 << 24},
        {"hidden_size", &c->hidden, 1, BIG},
        {"intermediate_size", &c->ffn, 1, BIG},
        {"num_hidden_layers", &c->layers, 1, 1024},
        {"num_attention_heads", &c->heads, 1, 65536},
        {"max_position_embeddings", &c->max_positions, 1, 1 << 24},
    };
    ATTI_TRY(atti_config_sizes(root, sizes, sizeof sizes / sizeof sizes[0]));
    ATTI_TRY(atti_json_get_i64(&c->kv_heads, root, "num_key_value_heads", c->heads, 1,
                               65536));
    if (!atti_json_get(root, "head_dim") && c->hidden % c->heads != 0)
        return atti_fail(ATT_EFORMAT,
                         "num_attention_heads %lld does not divide hidden_size %lld",
                         (long long)c->heads, (long long)c->hidden);
    ATTI_TRY(atti_json_get_i64(&c->head_dim, root, "head_dim", c->hidden / c->heads, 1,
                               BIG));
    ATTI_TRY(atti_config_act(&c->activation, root, "hidden_act", "silu"));
    ATTI_TRY(atti_config_float(&c->norm_eps, root, "rms_norm_eps", 0.0, 1.0));
    ATTI_TRY(atti_config_dropout(&c->attention_dropout, root, "attention_dropout"));
    ATTI_TRY(atti_config_flag(&c->attention_bias, root, "attention_bias"));
    ATTI_TRY(atti_config_flag(&c->mlp_bias, root, "mlp_bias"));
    ATTI_TRY(read_rope(c, root));
    return read_ids(c, root);
}

static att_status read_gpt2(atti_decoder_config *c, const atti_json *root)
{
    int32_t cross = 0, scaled = 1;
    atti_config_size sizes[] = {
        {"vocab_size", &c->vocab_size, 1, 1 << 24},
        {"n_embd", &c->hidden, 1, BIG},
        {"n_layer", &c->layers, 1, 1024},
        {"n_head", &c->heads, 1, 65536},
        {"n_positions", &c->max_positions, 1, 1 << 24},
    };
    ATTI_TRY(atti_config_sizes(root, sizes, sizeof sizes / sizeof sizes[0]));
    c->kv_heads = c->heads;
    c->head_dim = c->hidden / c->heads;
    c->ffn_is_default = !atti_json_get(root, "n_inner");
    ATTI_TRY(atti_json_get_i64(&c->ffn, root, "n_inner", 4 * c->hidden, 1, 4 * BIG));
    ATTI_TRY(atti_config_act(&c->activation, root, "activation_function", "gelu_new"));
    ATTI_TRY(atti_config_float(&c->norm_eps, root, "layer_norm_epsilon", 0.0, 1.0));
    ATTI_TRY(atti_config_dropout(&c->embedding_dropout, root, "embd_pdrop"));
    ATTI_TRY(atti_config_dropout(&c->residual_dropout, root, "resid_pdrop"));
    ATTI_TRY(atti_config_dropout(&c->attention_dropout, root, "attn_pdrop"));
    ATTI_TRY(atti_config_flag(&scaled, root, "scale_attn_weights"));
    ATTI_TRY(
        atti_config_flag(&c->scale_by_layer, root, "scale_attn_by_inverse_layer_idx"));
    ATTI_TRY(atti_config_flag(&cross, root, "add_cross_attention"));
    if (cross) return atti_fail(ATT_ENOTSUP, "add_cross_attention is true");
    c->plain_scores = !scaled;
    return read_ids(c, root);
}

static att_status read_any(void **cfg, const atti_json *root, const char *name,
                           int gpt2)
{
    static const char *const classes[] = {"LlamaForCausalLM", "GPT2LMHeadModel"};
    atti_decoder_config *c = NULL;
    const char *class_name;
    if (!atti_json_is_object(root))
        return atti_fail(ATT_EFORMAT, "%s: not a JSON object", name);
    ATTI_TRY(atti_alloc(&c, 1, sizeof *c, "config"));
    atti_decoder_config_init(c, gpt2);
    att_status st = atti_config_class(&class_name, root);
    if (st == ATT_OK && *class_name && strcmp(class_name, classes[gpt2]) != 0)
        st = atti_fail(ATT_ENOTSUP, "architectures is '%.60s', only %s", class_name,
                       classes[gpt2]);
    if (st == ATT_OK) st = gpt2 ? read_gpt2(c, root) : read_llama(c, root);
    if (st == ATT_OK) st = atti_decoder_config_check(c);
    if (st != ATT_OK) {
        atti_free(c);
        return atti_fail_prefix(st, "%s: ", name);
    }
    *cfg = c;
    return ATT_OK;
}

att_status atti_llama_config_read(void **cfg, const atti_json *root, const char *name)
{
    return read_any(cfg, root, name, 0);
}

att_status atti_gpt2_config_read(void **cfg, const atti_json *root, const char *name)
{
    return read_any(cfg, root, name, 1);
}

/* ---- writing ------------------------------------------------------------------ */

static void write_rope(const atti_decoder_config *c, atti_jsonw *w)
{
    static const char *const names[] = {"default", "linear", "llama3"};
    atti_jsonw_object(w, "rope_parameters");
    if (c->rope != ATTI_ROPE_DEFAULT)
        atti_config_put_float(w, "factor", c->rope_factor);
    if (c->rope == ATTI_ROPE_LLAMA3) {
        atti_config_put_float(w, "high_freq_factor", c->rope_high);
        atti_config_put_float(w, "low_freq_factor", c->rope_low);
        atti_jsonw_i64(w, "original_max_position_embeddings", c->rope_original);
    }
    atti_config_put_float(w, "rope_theta", c->rope_theta);
    atti_jsonw_str(w, "rope_type", names[c->rope]);
    atti_jsonw_end(w, '}');
}

static void write_class(atti_jsonw *w, const char *name)
{
    atti_jsonw_array(w, "architectures");
    atti_jsonw_str(w, NULL, name);
    atti_jsonw_end(w, ']');
}

static void write_llama(const atti_decoder_config *c, atti_jsonw *w)
{
    write_class(w, "LlamaForCausalLM");
    atti_jsonw_bool(w, "attention_bias", c->attention_bias != 0);
    atti_config_put_float(w, "attention_dropout", c->attention_dropout);
    atti_config_put_id(w, "bos_token_id", c->bos_id);
    atti_jsonw_str(w, "dtype", "float32");
    atti_config_eos_write(&c->eos, w);
    atti_jsonw_i64(w, "head_dim", c->head_dim);
    atti_jsonw_str(w, "hidden_act", atti_config_act_name(c->activation));
    atti_jsonw_i64(w, "hidden_size", c->hidden);
    atti_config_put_float(w, "initializer_range", c->init_std);
    atti_jsonw_i64(w, "intermediate_size", c->ffn);
    atti_jsonw_i64(w, "max_position_embeddings", c->max_positions);
    atti_jsonw_bool(w, "mlp_bias", c->mlp_bias != 0);
    atti_jsonw_str(w, "model_type", "llama");
    atti_jsonw_i64(w, "num_attention_heads", c->heads);
    atti_jsonw_i64(w, "num_hidden_layers", c->layers);
    atti_jsonw_i64(w, "num_key_value_heads", c->kv_heads);
    atti_config_put_id(w, "pad_token_id", c->pad_id);
    atti_jsonw_i64(w, "pretraining_tp", 1);
    atti_config_put_float(w, "rms_norm_eps", c->norm_eps);
    write_rope(c, w);
}

static void write_gpt2(const atti_decoder_config *c, atti_jsonw *w)
{
    atti_jsonw_str(w, "activation_function", atti_config_act_name(c->activation));
    atti_jsonw_bool(w, "add_cross_attention", false);
    write_class(w, "GPT2LMHeadModel");
    atti_config_put_float(w, "attn_pdrop", c->attention_dropout);
    atti_config_put_id(w, "bos_token_id", c->bos_id);
    atti_jsonw_str(w, "dtype", "float32");
    atti_config_put_float(w, "embd_pdrop", c->embedding_dropout);
    atti_config_eos_write(&c->eos, w);
    atti_config_put_float(w, "initializer_range", c->init_std);
    atti_config_put_float(w, "layer_norm_epsilon", c->norm_eps);
    atti_jsonw_str(w, "model_type", "gpt2");
    atti_jsonw_i64(w, "n_embd", c->hidden);
    atti_jsonw_i64(w, "n_head", c->heads);
    atti_config_put_id(w, "n_inner", c->ffn_is_default ? -1 : c->ffn);
    atti_jsonw_i64(w, "n_layer", c->layers);
    atti_jsonw_i64(w, "n_positions", c->max_positions);
    atti_config_put_id(w, "pad_token_id", c->pad_id);
    atti_jsonw_bool(w, "reorder_and_upcast_attn", false);
    atti_config_put_float(w, "resid_pdrop", c->residual_dropout);
    atti_jsonw_bool(w, "scale_attn_by_inverse_layer_idx", c->scale_by_layer != 0);
    atti_jsonw_bool(w, "scale_attn_weights", c->plain_scores == 0);
    atti_jsonw_raw(w, "summary_activation", "null");
    atti_config_put_float(w, "summary_first_dropout", 0.1f);
    atti_jsonw_bool(w, "summary_proj_to_labels", true);
    atti_jsonw_str(w, "summary_type", "cls_index");
    atti_jsonw_bool(w, "summary_use_proj", true);
}

att_status atti_decoder_config_write(const void *cfg, atti_jsonw *w)
{
    const atti_decoder_config *c = cfg;
    atti_jsonw_object(w, NULL);
    if (c->gpt2) {
        write_gpt2(c, w);
    } else {
        write_llama(c, w);
    }
    atti_jsonw_bool(w, "tie_word_embeddings", c->tie_output != 0);
    atti_jsonw_str(w, "transformers_version", "5.23.0");
    atti_jsonw_bool(w, "use_cache", true);
    atti_jsonw_i64(w, "vocab_size", c->vocab_size);
    atti_jsonw_end(w, '}');
    return w->s.status;
}
