/* save.c - writing a model directory in the form that MarianMTModel.from_pretrained and
 * MarianTokenizer.from_pretrained expect. */
#include "models/save.h"
#include "attend/safetensors.h"
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include "base/file.h"
#include <string.h>

#define CONFIG_MAX (16u << 20)

/* One parameter written with other values than its own; name NULL = none. */
typedef struct changed {
    const char *name;
    float *data;
} changed;

static att_status save_weights(const char *path, const atti_params *params,
                               const float *data, const char *const (*metadata)[2],
                               int64_t n_metadata, const changed *other)
{
    const char **names = NULL;
    att_tensor *tensors = NULL;
    if (!data) data = params->data;
    att_status st = atti_alloc(&names, params->n, sizeof *names, "tensor names");
    if (st == ATT_OK) st = atti_alloc(&tensors, params->n, sizeof *tensors, "tensors");
    for (size_t i = 0; st == ATT_OK && i < params->n; i++) {
        const atti_param *p = &params->p[i];
        const float *at = data + p->offset;
        names[i] = p->name;
        if (other->name && strcmp(other->name, p->name) == 0) at = other->data;
        /* The writer only reads; views carry no const. */
        st = att_tensor_view(&tensors[i], (void *)(uintptr_t)at, ATT_F32, p->ndim,
                             p->shape);
    }
    if (st == ATT_OK) {
        st = att_safetensors_write(path, names, tensors, (int64_t)params->n, metadata,
                                   n_metadata);
    }
    atti_free(names);
    atti_free(tensors);
    return st;
}

att_status atti_weights_save(const char *path, const atti_params *params,
                             const float *data, const char *const (*metadata)[2],
                             int64_t n_metadata)
{
    const changed none = {NULL, NULL};
    return save_weights(path, params, data, metadata, n_metadata, &none);
}

static att_status write_text(const char *dir, const char *name, atti_str *text)
{
    char *path = NULL;
    atti_str_add(text, "\n");
    att_status st = text->status;
    if (st == ATT_OK) st = atti_path_join(&path, dir, name);
    if (st == ATT_OK) st = atti_write_file(path, text->data, text->len);
    atti_free(path);
    atti_str_deinit(text);
    return st;
}

/* ---- configuration ------------------------------------------------------------ */

static att_status write_config(const char *dir, const atti_save *s)
{
    atti_jsonw w = {.indent = 2};
    att_status st = s->family->config_write(s->cfg, &w);
    if (st != ATT_OK) {
        atti_str_deinit(&w.s);
        return st;
    }
    return write_text(dir, "config.json", &w.s);
}

/* An id of the config just written, -1 for null. */
static int64_t id_of(const atti_json *root, const char *key)
{
    const atti_json *v = atti_json_get(root, key);
    return atti_json_is_number(v) ? (int64_t)atti_json_number(v) : -1;
}

static void put_id(atti_jsonw *w, const char *key, int64_t id)
{
    if (id >= 0) atti_jsonw_i64(w, key, id);
}

/* One token, or several that each end a text. */
static void put_eos(atti_jsonw *w, const atti_json *eos)
{
    if (!atti_json_is_array(eos)) {
        if (eos) atti_jsonw_i64(w, "eos_token_id", (int64_t)atti_json_number(eos));
        return;
    }
    atti_jsonw_array(w, "eos_token_id");
    for (size_t i = 0; i < atti_json_count(eos); i++)
        atti_jsonw_i64(w, NULL, (int64_t)atti_json_number(atti_json_at(eos, i)));
    atti_jsonw_end(w, ']');
}

/* Decoding defaults. The ids are those of config.json, whatever family wrote it. */
static att_status write_generation(const char *dir, const atti_save *s)
{
    char *path = NULL;
    atti_json *root = NULL;
    atti_jsonw w = {.indent = 2};
    ATTI_TRY(atti_path_join(&path, dir, "config.json"));
    att_status st = atti_json_load(&root, path, CONFIG_MAX, 0);
    atti_free(path);
    if (st != ATT_OK) return st;
    int64_t pad = id_of(root, "pad_token_id");
    bool decoder = s->family->shape == ATTI_DECODER;
    atti_jsonw_object(&w, NULL);
    put_id(&w, "bos_token_id", decoder ? id_of(root, "bos_token_id") : -1);
    if (pad >= 0 && !decoder) {
        atti_jsonw_array(&w, "bad_words_ids");
        atti_jsonw_array(&w, NULL);
        atti_jsonw_i64(&w, NULL, pad);
        atti_jsonw_end(&w, ']');
        atti_jsonw_end(&w, ']');
    }
    put_id(&w, "decoder_start_token_id", id_of(root, "decoder_start_token_id"));
    put_eos(&w, atti_json_get(root, "eos_token_id"));
    put_id(&w, "forced_eos_token_id", id_of(root, "forced_eos_token_id"));
    if (s->max_length > 0 && !decoder) {
        /* transformers counts the start token. */
        atti_jsonw_i64(&w, "max_length", (int64_t)s->max_length + 1);
    }
    if (s->num_beams > 0) atti_jsonw_i64(&w, "num_beams", s->num_beams);
    put_id(&w, "pad_token_id", pad);
    atti_jsonw_str(&w, "transformers_version", "5.23.0");
    atti_jsonw_bool(&w, "use_cache", true);
    atti_jsonw_end(&w, '}');
    atti_json_destroy(root);
    return write_text(dir, "generation_config.json", &w.s);
}

/* ---- tokenizer ---------------------------------------------------------------- */

static att_status copy_file(const char *dir, const char *name, const char *from)
{
    char *path = NULL;
    atti_blob b;
    if (!from) return ATT_OK;
    ATTI_TRY(atti_blob_open(&b, from, 0));
    att_status st = atti_path_join(&path, dir, name);
    if (st == ATT_OK) st = atti_write_file(path, b.data, b.size);
    atti_free(path);
    atti_blob_close(&b);
    return st;
}

/* A tokenizer as it lies in another directory, whatever its kind. */
static att_status copy_tokenizer(const char *dir, const char *from)
{
    static const char *const names[] = {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "tokenizer.model",
        "sentencepiece.bpe.model",
        "spiece.model",
        "chat_template.jinja",
        "lexicon.json",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = NULL;
        ATTI_TRY(atti_path_join(&path, from, names[i]));
        att_status st = ATT_OK;
        if (atti_path_exists(path)) st = copy_file(dir, names[i], path);
        atti_free(path);
        if (st != ATT_OK) return st;
    }
    return ATT_OK;
}

static void write_added(atti_jsonw *w, const atti_json *vocab, const char *token)
{
    const atti_json *id = atti_json_get(vocab, token);
    char key[32];
    if (!id) return;
    (void)snprintf(key, sizeof key, "%lld", (long long)atti_json_number(id));
    atti_jsonw_object(w, key);
    atti_jsonw_str(w, "content", token);
    atti_jsonw_bool(w, "lstrip", false);
    atti_jsonw_bool(w, "normalized", false);
    atti_jsonw_bool(w, "rstrip", false);
    atti_jsonw_bool(w, "single_word", false);
    atti_jsonw_bool(w, "special", true);
    atti_jsonw_end(w, '}');
}

static att_status write_tokenizer_config(const char *dir, const atti_save *s,
                                         const atti_json *vocab)
{
    atti_jsonw w = {.indent = 2};
    atti_jsonw_object(&w, NULL);
    atti_jsonw_object(&w, "added_tokens_decoder");
    write_added(&w, vocab, "</s>");
    write_added(&w, vocab, "<unk>");
    write_added(&w, vocab, "<pad>");
    atti_jsonw_end(&w, '}');
    atti_jsonw_bool(&w, "clean_up_tokenization_spaces", false);
    atti_jsonw_str(&w, "eos_token", "</s>");
    atti_jsonw_i64(&w, "model_max_length", s->max_length > 0 ? s->max_length : 512);
    atti_jsonw_str(&w, "pad_token", "<pad>");
    atti_jsonw_bool(&w, "separate_vocabs", s->target_vocab != NULL);
    atti_jsonw_str(&w, "source_lang", s->source_lang);
    atti_jsonw_object(&w, "sp_model_kwargs");
    atti_jsonw_end(&w, '}');
    atti_jsonw_str(&w, "target_lang", s->target_lang);
    atti_jsonw_str(&w, "tokenizer_class", "MarianTokenizer");
    atti_jsonw_str(&w, "unk_token", "<unk>");
    atti_jsonw_end(&w, '}');
    return write_text(dir, "tokenizer_config.json", &w.s);
}

static att_status write_special_tokens(const char *dir)
{
    atti_jsonw w = {.indent = 2};
    atti_jsonw_object(&w, NULL);
    atti_jsonw_str(&w, "eos_token", "</s>");
    atti_jsonw_str(&w, "pad_token", "<pad>");
    atti_jsonw_str(&w, "unk_token", "<unk>");
    atti_jsonw_end(&w, '}');
    return write_text(dir, "special_tokens_map.json", &w.s);
}

static att_status write_tokenizer(const char *dir, const atti_save *s)
{
    atti_json *vocab = NULL;
    if (!s->vocab) {
        return atti_fail(ATT_EINVAL, "saving a model: a tokenizer without vocab.json");
    }
    ATTI_TRY(copy_file(dir, "source.spm", s->source_spm));
    ATTI_TRY(
        copy_file(dir, "target.spm", s->target_spm ? s->target_spm : s->source_spm));
    ATTI_TRY(copy_file(dir, "vocab.json", s->vocab));
    ATTI_TRY(copy_file(dir, "target_vocab.json", s->target_vocab));
    ATTI_TRY(atti_json_load(&vocab, s->vocab, 0, 0));
    att_status st = write_tokenizer_config(dir, s, vocab);
    atti_json_destroy(vocab);
    return st == ATT_OK ? write_special_tokens(dir) : st;
}

/* final_logits_bias with the padding class out of the running. */
static att_status sealed_bias(changed *out, const char *dir, const atti_save *s)
{
    static const char name[] = "final_logits_bias";
    const atti_param *p = s->seal_padding ? atti_params_find(s->params, name) : NULL;
    const float *data = s->data ? s->data : s->params->data;
    char *path = NULL;
    atti_json *root = NULL;
    *out = (changed){NULL, NULL};
    if (!p) return ATT_OK;
    ATTI_TRY(atti_path_join(&path, dir, "config.json"));
    att_status st = atti_json_load(&root, path, CONFIG_MAX, 0);
    atti_free(path);
    if (st != ATT_OK) return st;
    int64_t pad = id_of(root, "pad_token_id");
    atti_json_destroy(root);
    if (pad < 0 || pad >= p->count) return ATT_OK;
    ATTI_TRY(atti_alloc_raw(&out->data, (size_t)p->count, sizeof(float), name));
    memcpy(out->data, data + p->offset, (size_t)p->count * sizeof(float));
    out->data[pad] = -10000.0f;
    out->name = name;
    return ATT_OK;
}

att_status atti_model_save(const char *dir, const atti_save *s)
{
    char *path = NULL;
    changed bias;
    ATTI_TRY(write_config(dir, s));
    if (s->family->shape != ATTI_ENCODER && s->family->shape != ATTI_WORDS)
        ATTI_TRY(write_generation(dir, s));
    if (s->source_spm) ATTI_TRY(write_tokenizer(dir, s));
    if (s->tokenizer_dir) ATTI_TRY(copy_tokenizer(dir, s->tokenizer_dir));
    ATTI_TRY(sealed_bias(&bias, dir, s));
    att_status st = atti_path_join(&path, dir, "model.safetensors");
    if (st == ATT_OK) {
        st = save_weights(path, s->params, s->data, s->metadata, s->n_metadata, &bias);
    }
    atti_free(path);
    atti_free(bias.data);
    return st;
}
