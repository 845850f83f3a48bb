/* model.c - a model directory opened: configuration, weights, tokenizers; immutable from
 * then on. Which parameters there are is the family's business; where they are read from
 * is weights.c's. */
#include "attend/model.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "models/encoder/encoder_config.h"
#include "models/model_internal.h"
#include <stdbool.h>
#include <string.h>

#define CONFIG_MAX (16u << 20)

/* ---- configuration ------------------------------------------------------------ */

static att_status read_architecture(att_model *m, const atti_json *root)
{
    const char *name;
    ATTI_TRY(atti_json_get_str(&name, root, "architecture", NULL));
    if (!name) {
        name = atti_json_string(atti_json_at(atti_json_get(root, "architectures"), 0),
                                NULL);
    }
    return atti_strdup(&m->architecture, name ? name : "?");
}

/* The family has checked the key; what counts here is what was written, not what untied
 * tables make of it. */
static att_status read_sharing(att_model *m, const atti_json *root)
{
    bool shared = true;
    ATTI_TRY(
        atti_json_get_bool(&shared, root, "share_encoder_decoder_embeddings", true));
    m->separate_vocabs = !shared && m->family->shape == ATTI_SEQ2SEQ;
    return ATT_OK;
}

static att_status read_config(att_model *m)
{
    char *path = NULL;
    atti_json *root = NULL;
    const char *type;
    atti_jsonw w = {.indent = 2};
    ATTI_TRY(atti_path_join(&path, m->dir, "config.json"));
    att_status st = atti_path_is_dir(m->dir)
                        ? atti_json_load(&root, path, CONFIG_MAX, 0)
                        : atti_fail(ATT_ENOTFOUND, "%s: no such directory", m->dir);
    if (st != ATT_OK) goto done;
    st = atti_json_get_str(&type, root, "model_type", NULL);
    if (st != ATT_OK) {
        st = atti_fail_prefix(st, "%s: ", path);
        goto done;
    }
    const char *arch = NULL;
    st = atti_json_get_str(&arch, root, "architecture", NULL);
    if (st != ATT_OK) {
        st = atti_fail_prefix(st, "%s: ", path);
        goto done;
    }
    m->family = type ? atti_family_find_arch(type, arch) : NULL;
    if (!m->family) {
        st = atti_fail(type ? ATT_ENOTSUP : ATT_EFORMAT,
                       type ? "%s: model_type '%.60s' is not supported"
                            : "%s: no model_type",
                       path, type ? type : "");
        goto done;
    }
    st = m->family->config_read(&m->cfg, root, path);
    if (st == ATT_OK) st = read_architecture(m, root);
    if (st == ATT_OK) st = read_sharing(m, root);
    if (st == ATT_OK) st = m->family->config_write(m->cfg, &w);
    if (st == ATT_OK) st = atti_str_take(&m->config_text, &w.s);
    if (st == ATT_OK) st = m->family->declare(m->cfg, &m->params);
    if (st == ATT_OK) st = atti_generation_read(&m->gen, root, m->dir, 1 << 24);
    if (st == ATT_OK && m->gen.eos_id < 0 && m->family->eos)
        m->gen.eos_id = m->family->eos(m->cfg);
done:
    atti_str_deinit(&w.s);
    atti_json_destroy(root);
    atti_free(path);
    return st;
}

/* ---- tokenizers --------------------------------------------------------------- */

/* The path of an existing file, or NULL. */
static att_status optional(char **path, const char *dir, const char *name)
{
    char *p = NULL;
    ATTI_TRY(atti_path_join(&p, dir, name));
    if (!atti_path_exists(p)) {
        atti_free(p);
        p = NULL;
    }
    *path = p;
    return ATT_OK;
}

static att_status same_bytes(bool *same, const char *a, const char *b)
{
    atti_blob x, y;
    ATTI_TRY(atti_blob_open(&x, a, 0));
    att_status st = atti_blob_open(&y, b, 0);
    if (st == ATT_OK) {
        *same = x.size == y.size && (x.size == 0 || !memcmp(x.data, y.data, x.size));
        atti_blob_close(&y);
    }
    atti_blob_close(&x);
    return st;
}

/* Encoders and decoders have one tokenizer, of any kind, or none. */
static att_status open_one_tokenizer(att_model *m)
{
    static const char *const names[] = {
        "tokenizer.json", "tokenizer.model", "sentencepiece.bpe.model",
        "spiece.model",   "vocab.txt",       "vocab.json",
        "source.spm",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = NULL;
        ATTI_TRY(optional(&path, m->dir, names[i]));
        if (!path) continue;
        atti_free(path);
        ATTI_TRY(att_tokenizer_open_dir(&m->tokenizer[0], m->dir));
        m->tokenizer[1] = m->tokenizer[0];
        return ATT_OK;
    }
    return ATT_OK;
}

/* Models of words know them by a file of their own, whose sizes are the tables'. */
static att_status open_lexicon(att_model *m)
{
    const atti_encoder_config *c = m->cfg;
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, m->dir, "lexicon.json"));
    att_status st = atti_lexicon_load(&m->lexicon, path);
    if (st == ATT_OK && (atti_lexicon_words(&m->lexicon) != c->vocab_size ||
                         atti_lexicon_chars(&m->lexicon) != c->char_vocab))
        st = atti_fail(ATT_EFORMAT,
                       "%s: %lld words and %lld characters, config.json says %lld and "
                       "%lld",
                       path, (long long)atti_lexicon_words(&m->lexicon),
                       (long long)atti_lexicon_chars(&m->lexicon),
                       (long long)c->vocab_size, (long long)c->char_vocab);
    atti_free(path);
    return st;
}

/* Whether the target has a vocabulary of its own. The tokenizer's configuration, where it
 * says so, has the last word: one vocabulary may have two tables of vectors. */
static att_status needs_target_vocab(bool *needs, const char **who, const att_model *m)
{
    char *path = NULL;
    atti_json *root = NULL;
    *needs = m->separate_vocabs;
    *who = "config.json says share_encoder_decoder_embeddings: false";
    ATTI_TRY(optional(&path, m->dir, "tokenizer_config.json"));
    if (!path) return ATT_OK;
    att_status st = atti_json_load(&root, path, CONFIG_MAX, 0);
    if (st == ATT_OK && atti_json_get(root, "separate_vocabs")) {
        *who = "tokenizer_config.json says separate_vocabs: true";
        st = atti_json_get_bool(needs, root, "separate_vocabs", *needs);
        if (st != ATT_OK) st = atti_fail_prefix(st, "%s: ", path);
    }
    atti_json_destroy(root);
    atti_free(path);
    return st;
}

/* Without it the target would be written with the source's numbers, which is no error that
 * shows. */
static att_status check_target_vocab(const att_model *m)
{
    bool needs = false;
    const char *who = NULL;
    ATTI_TRY(needs_target_vocab(&needs, &who, m));
    if (!needs) return ATT_OK;
    return atti_fail(ATT_ENOTFOUND, "%s: target_vocab.json is missing: %s", m->dir,
                     who);
}

/* source.spm, target.spm, vocab.json and, for separate vocabularies, target_vocab.json.
 * Two equal sides are opened once: parsing a SentencePiece model is what starting costs. */
static att_status open_tokenizers(att_model *m)
{
    char *src = NULL, *tgt = NULL, *vocab = NULL, *tvocab = NULL;
    bool same = true;
    if (m->family->shape == ATTI_WORDS) return open_lexicon(m);
    if (m->family->shape != ATTI_SEQ2SEQ) return open_one_tokenizer(m);
    att_status st = optional(&src, m->dir, "source.spm");
    if (st == ATT_OK) st = optional(&tgt, m->dir, "target.spm");
    if (st == ATT_OK) st = optional(&vocab, m->dir, "vocab.json");
    if (st == ATT_OK) st = optional(&tvocab, m->dir, "target_vocab.json");
    if (st != ATT_OK || !src) goto done;
    if (!vocab) {
        /* The numbers inside a SentencePiece model are others than the model's. */
        st = atti_fail(ATT_ENOTFOUND, "%s: source.spm without vocab.json", m->dir);
        goto done;
    }
    if (!tvocab) st = check_target_vocab(m);
    if (st == ATT_OK && tgt) st = same_bytes(&same, src, tgt);
    if (st == ATT_OK) st = att_tokenizer_open(&m->tokenizer[0], src, vocab);
    if (st != ATT_OK) goto done;
    if (same && !tvocab) {
        m->tokenizer[1] = m->tokenizer[0];
    } else {
        st = att_tokenizer_open(&m->tokenizer[1], tgt ? tgt : src,
                                tvocab ? tvocab : vocab);
    }
done:
    atti_free(src);
    atti_free(tgt);
    atti_free(vocab);
    atti_free(tvocab);
    return st;
}

/* Building SentencePiece's tries takes longer than reading a small model's weights, so a
 * thread of its own reads the weights meanwhile. Not the other way round: the tries are
 * tens of thousands of small blocks, which malloc hands out faster to the first thread
 * (elsewhere it asks the system for every page). */
typedef struct reading {
    att_model *m;
    int32_t threads;
    atti_error error;
} reading;

static void read_in_background(void *ctx)
{
    reading *r = ctx;
    att_set_threads(r->threads);
    atti_error_take(&r->error, atti_weights_load(&r->m->params, r->m->dir));
}

/* The weights' error comes first: which one is told does not depend on timing. */
static att_status load_files(att_model *m)
{
    reading r = {.m = m, .threads = att_threads()};
    atti_thread *t = NULL;
    if (atti_thread_start(&t, read_in_background, &r) != ATT_OK) {
        ATTI_TRY(atti_weights_load(&m->params, m->dir));
        return open_tokenizers(m);
    }
    att_status st = open_tokenizers(m);
    atti_thread_join(t);
    return r.error.code == ATT_OK ? st : atti_error_post(&r.error);
}

/* ---- open and close ----------------------------------------------------------- */

static att_status load(att_model *m, const char *dir)
{
    ATTI_TRY(atti_kernels_check());
    ATTI_TRY(atti_strdup(&m->dir, dir));
    ATTI_TRY(atti_mutex_create(&m->lock));
    ATTI_TRY(read_config(m));
    return load_files(m);
}

att_status att_model_load(att_model **out, const char *dir)
{
    att_model *m = NULL;
    if (!out || !dir)
        return atti_fail(ATT_EINVAL, "att_model_load: an argument is NULL");
    ATTI_TRY(atti_alloc(&m, 1, sizeof *m, "model"));
    att_status st = load(m, dir);
    if (st != ATT_OK) {
        att_model_destroy(m);
        return st;
    }
    *out = m;
    return ATT_OK;
}

void att_model_destroy(att_model *m)
{
    if (!m) return;
    if (m->prepared) m->destroy_prepared(m->prepared);
    if (m->tokenizer[1] != m->tokenizer[0]) att_tokenizer_destroy(m->tokenizer[1]);
    att_tokenizer_destroy(m->tokenizer[0]);
    atti_generation_deinit(&m->gen);
    atti_lexicon_deinit(&m->lexicon);
    atti_params_deinit(&m->params);
    atti_free(m->cfg);
    atti_free(m->dir);
    atti_free(m->architecture);
    atti_free(m->config_text);
    atti_mutex_destroy(m->lock);
    atti_free(m);
}

/* ---- looking ------------------------------------------------------------------ */

const char *att_model_type(const att_model *m)
{
    return m ? m->family->model_type : "";
}

const char *att_model_architecture(const att_model *m)
{
    return m ? m->architecture : "";
}

const char *att_model_task(const att_model *m)
{
    if (!m) return "";
    if (m->family->shape == ATTI_SEQ2SEQ) return "translate";
    if (m->family->shape == ATTI_DECODER) return "generate";
    switch (atti_family_head(m->family, m->cfg)) {
    case ATTI_HEAD_TOKENS: return "tag";
    case ATTI_HEAD_SEQUENCE: return "classify";
    default: return "";
    }
}

int64_t att_model_parameters(const att_model *m)
{
    return m ? atti_params_total(&m->params) : 0;
}

int64_t att_model_memory(const att_model *m)
{
    return m ? (int64_t)(m->params.count * sizeof(float)) : 0;
}

int64_t att_model_tensor_count(const att_model *m)
{
    return m ? (int64_t)m->params.n : 0;
}

const char *att_model_tensor_name(const att_model *m, int64_t i)
{
    return m && i >= 0 && i < (int64_t)m->params.n ? m->params.p[i].name : NULL;
}

att_status att_model_tensor(const att_model *m, att_tensor *view, const char *name)
{
    if (!m || !view || !name) {
        return atti_fail(ATT_EINVAL, "att_model_tensor: an argument is NULL");
    }
    const atti_param *p = atti_params_find(&m->params, name);
    if (!p) return atti_fail(ATT_ENOTFOUND, "%s: no tensor '%s'", m->dir, name);
    return att_tensor_view(view, m->params.data + p->offset, ATT_F32, p->ndim,
                           p->shape);
}

const char *att_model_config_json(const att_model *m)
{
    return m ? m->config_text : "";
}

/* ---- text --------------------------------------------------------------------- */

static att_status side_of(const att_tokenizer **t, const att_model *m, int32_t side)
{
    if (!m || side < 0 || side > 1) {
        return atti_fail(
            ATT_EINVAL, "model: side %d, expected 0 (source) or 1 (target)", (int)side);
    }
    *t = m->tokenizer[side];
    if (!*t && m->family->shape == ATTI_WORDS)
        return atti_fail(
            ATT_ENOTSUP,
            "%s: its tokens are words (lexicon.json): there is no tokenizer", m->dir);
    if (!*t) {
        return atti_fail(ATT_ENOTFOUND, "%s: no tokenizer (source.spm, vocab.json)",
                         m->dir);
    }
    return ATT_OK;
}

att_status att_model_encode(const att_model *m, int32_t side, const char *text,
                            size_t len, int32_t **ids, size_t *n_ids)
{
    const att_tokenizer *t;
    int32_t *list = NULL;
    size_t n = 0, cap = 0;
    ATTI_TRY(side_of(&t, m, side));
    if ((!text && len) || !ids || !n_ids) {
        return atti_fail(ATT_EINVAL, "att_model_encode: an argument is NULL");
    }
    bool framed = m->family->shape != ATTI_SEQ2SEQ && side == 0;
    const att_text_pair in = {.text = text ? text : "", .len = len};
    att_status st = framed ? att_tokenizer_encode_model(t, &in, &list, NULL, &n)
                           : att_tokenizer_encode(t, in.text, len, &list, &n, &cap);
    if (st == ATT_OK && side == 0 && !framed) {
        st = atti_grow(&list, &cap, n + 1, sizeof *list, "token ids");
        if (st == ATT_OK) list[n++] = (int32_t)m->gen.eos_id;
    }
    /* An empty target still gives a pointer that can be freed. */
    if (st == ATT_OK && !list) st = atti_alloc(&list, 1, sizeof *list, "token ids");
    if (st != ATT_OK) {
        atti_free(list);
        return st;
    }
    *ids = list;
    *n_ids = n;
    return ATT_OK;
}

att_status att_model_decode(const att_model *m, int32_t side, const int32_t *ids,
                            size_t n_ids, char **text)
{
    const att_tokenizer *t;
    ATTI_TRY(side_of(&t, m, side));
    if ((!ids && n_ids) || !text) {
        return atti_fail(ATT_EINVAL, "att_model_decode: an argument is NULL");
    }
    return att_tokenizer_decode(t, ids, n_ids, text);
}

const char *att_model_piece(const att_model *m, int32_t side, int32_t id)
{
    if (!m || side < 0 || side > 1) return NULL;
    if (m->family->shape == ATTI_WORDS)
        return side == 0 ? atti_lexicon_word(&m->lexicon, id)
                         : atti_lexicon_char(&m->lexicon, id);
    if (!m->tokenizer[side]) return NULL;
    return att_tokenizer_piece(m->tokenizer[side], id);
}
