/* encoder_config.c - config.json of BERT, RoBERTa and XLM-R, read and written in the form
 * of transformers 5.23. The class in `architectures` names the head. Numbers from a file
 * are checked against hard ranges before anything is computed with them. */
#include "models/encoder/encoder_config.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

#define BIG        (1 << 20)
#define LABELS_MAX (1 << 20)
#define LABEL_TEXT 65536

static const struct {
    const char *type, *class_stem;
} kinds[] = {{"bert", "Bert"}, {"roberta", "Roberta"}, {"xlm-roberta", "XLMRoberta"}};

static const struct {
    const char *tail;
    atti_head head;
} heads[] = {
    {"ForTokenClassification", ATTI_HEAD_TOKENS},
    {"ForSequenceClassification", ATTI_HEAD_SEQUENCE},
    {"ForMaskedLM", ATTI_HEAD_MASKED_LM},
    {"Model", ATTI_HEAD_NONE},
};
#define N_HEADS (sizeof heads / sizeof heads[0])

static const char *const problems[] = {"single_label_classification",
                                       "multi_label_classification", "regression"};

void atti_encoder_config_init(atti_encoder_config *c, atti_encoder_kind kind)
{
    memset(c, 0, sizeof *c);
    c->bytes = sizeof *c;
    c->kind = kind;
    c->vocab_size = kind == ATTI_BERT ? 30522 : kind == ATTI_ROBERTA ? 50265 : 30522;
    c->hidden = 768;
    c->ffn = 3072;
    c->layers = c->heads = 12;
    c->max_positions = 512;
    c->types = 2;
    c->activation = ATTI_ACT_GELU;
    c->norm_eps = 1e-12f;
    c->init_std = 0.02f;
    c->hidden_dropout = c->attention_dropout = 0.1f;
    c->classifier_dropout = -1.0f;
    c->bos_id = kind == ATTI_BERT ? -1 : 0;
    c->eos_id = kind == ATTI_BERT ? -1 : 2;
    c->pad_id = kind == ATTI_BERT ? 0 : 1;
}

atti_head atti_encoder_head(const void *cfg)
{
    return ((const atti_encoder_config *)cfg)->head;
}

const char *atti_encoder_prefix(const atti_encoder_config *c)
{
    if (c->head == ATTI_HEAD_NONE) return "";
    return c->kind == ATTI_BERT ? "bert." : "roberta.";
}

/* ---- checks ------------------------------------------------------------------- */

static att_status in_range(const char *key, int64_t v, int64_t lo, int64_t hi)
{
    if (v >= lo && v <= hi) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s is %lld, expected %lld..%lld", key, (long long)v,
                     (long long)lo, (long long)hi);
}

att_status atti_encoder_config_check(const atti_encoder_config *c)
{
    int64_t first = c->kind == ATTI_BERT ? 0 : c->pad_id + 1;
    ATTI_TRY(in_range("vocab_size", c->vocab_size, 1, 1 << 24));
    ATTI_TRY(in_range("hidden_size", c->hidden, 1, BIG));
    ATTI_TRY(in_range("num_hidden_layers", c->layers, 1, 1024));
    ATTI_TRY(in_range("intermediate_size", c->ffn, 1, BIG));
    ATTI_TRY(in_range("type_vocab_size", c->types, 1, 1 << 16));
    ATTI_TRY(in_range("max_position_embeddings", c->max_positions, 1, 1 << 24));
    if (c->heads < 1 || c->heads > c->hidden || c->hidden % c->heads != 0)
        return atti_fail(ATT_EFORMAT,
                         "num_attention_heads %lld does not divide hidden_size %lld",
                         (long long)c->heads, (long long)c->hidden);
    if (c->hidden / c->heads > 256)
        return atti_fail(ATT_ENOTSUP, "a head is %lld wide, at most 256",
                         (long long)(c->hidden / c->heads));
    ATTI_TRY(in_range("pad_token_id", c->pad_id, c->kind == ATTI_BERT ? -1 : 0,
                      c->vocab_size - 1));
    if (c->max_positions <= first)
        return atti_fail(ATT_EFORMAT,
                         "max_position_embeddings is %lld, but positions start at "
                         "pad_token_id + 1 = %lld",
                         (long long)c->max_positions, (long long)first);
    return ATT_OK;
}

/* ---- labels ------------------------------------------------------------------- */

const char *atti_encoder_label(const atti_encoder_config *c, int64_t i)
{
    const char *at = (const char *)(c + 1);
    if (i < 0 || i >= c->n_labels) return NULL;
    while (i-- > 0) at += strlen(at) + 1;
    return at;
}

static const char *label_text(const char *const *labels, int64_t i, char *room,
                              size_t cap)
{
    if (labels) return labels[i];
    (void)snprintf(room, cap, "LABEL_%lld", (long long)i);
    return room;
}

att_status atti_encoder_config_create(atti_encoder_config **out,
                                      const atti_encoder_config *proto,
                                      const char *const *labels, int64_t n_labels)
{
    atti_encoder_config *c = NULL;
    char room[40];
    size_t text = 0;
    ATTI_TRY(in_range("number of labels", n_labels, 0, LABELS_MAX));
    for (int64_t i = 0; i < n_labels; i++) {
        size_t n = strlen(label_text(labels, i, room, sizeof room));
        if (n > LABEL_TEXT)
            return atti_fail(ATT_EFORMAT, "label %lld is %zu bytes long, at most %d",
                             (long long)i, n, LABEL_TEXT);
        text += n + 1; /* at most 2^20 (2^16 + 1) */
    }
    ATTI_TRY(atti_alloc(&c, sizeof *c + text, 1, "config"));
    *c = *proto;
    c->bytes = sizeof *c + text;
    c->n_labels = n_labels;
    char *at = (char *)(c + 1);
    for (int64_t i = 0; i < n_labels; i++) {
        const char *from = label_text(labels, i, room, sizeof room);
        size_t n = strlen(from) + 1;
        memcpy(at, from, n);
        at += n;
    }
    *out = c;
    return ATT_OK;
}

/* id2label: an object whose keys are exactly "0" .. "n-1". */
static att_status read_labels(const char **labels, int64_t n, const atti_json *map)
{
    char key[24];
    for (int64_t i = 0; i < n; i++) {
        (void)snprintf(key, sizeof key, "%lld", (long long)i);
        const atti_json *v = atti_json_get(map, key);
        size_t len = 0;
        if (!atti_json_is_string(v))
            return atti_fail(ATT_EFORMAT,
                             "id2label has %lld entries, but no text for \"%s\"",
                             (long long)n, key);
        labels[i] = atti_json_string(v, &len);
        if (strlen(labels[i]) != len)
            return atti_fail(ATT_EFORMAT, "id2label \"%s\" holds a zero byte", key);
    }
    return ATT_OK;
}

att_status atti_encoder_config_labelled(atti_encoder_config **out,
                                        const atti_encoder_config *proto,
                                        const atti_json *root)
{
    const atti_json *map = atti_json_get(root, "id2label");
    const char **labels = NULL;
    int64_t n = 0;
    if (proto->head != ATTI_HEAD_TOKENS && proto->head != ATTI_HEAD_SEQUENCE)
        return atti_encoder_config_create(out, proto, NULL, 0);
    if (map && !atti_json_is_object(map))
        return atti_fail(ATT_EFORMAT, "id2label is not an object");
    if (!map) {
        ATTI_TRY(atti_json_get_i64(&n, root, "num_labels", 2, 1, LABELS_MAX));
        return atti_encoder_config_create(out, proto, NULL, n);
    }
    n = (int64_t)atti_json_count(map);
    ATTI_TRY(in_range("number of labels in id2label", n, 1, LABELS_MAX));
    ATTI_TRY(atti_alloc(&labels, (size_t)n, sizeof *labels, "labels"));
    att_status st = read_labels(labels, n, map);
    if (st == ATT_OK) st = atti_encoder_config_create(out, proto, labels, n);
    atti_free(labels);
    return st;
}

/* ---- reading ------------------------------------------------------------------ */

static att_status read_head(atti_encoder_config *c, const atti_json *root)
{
    const char *name, *stem = kinds[c->kind].class_stem;
    size_t n = strlen(stem);
    ATTI_TRY(atti_config_class(&name, root));
    for (size_t i = 0; i < N_HEADS; i++) {
        if (strncmp(name, stem, n) != 0 || strcmp(name + n, heads[i].tail) != 0)
            continue;
        c->head = heads[i].head;
        return ATT_OK;
    }
    return atti_fail(*name ? ATT_ENOTSUP : ATT_EFORMAT,
                     "architectures is '%.60s', expected %sForTokenClassification, "
                     "%sForSequenceClassification, %sForMaskedLM or %sModel",
                     name, stem, stem, stem, stem);
}

att_status atti_encoder_read_problem(atti_encoder_config *c, const atti_json *root)
{
    const char *text;
    ATTI_TRY(atti_json_get_str(&text, root, "problem_type", NULL));
    if (!text) return ATT_OK;
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, problems[i]) != 0) continue;
        c->problem = (atti_problem)i;
        c->problem_is_given = 1;
        return ATT_OK;
    }
    return atti_fail(ATT_ENOTSUP, "problem_type '%.40s' is not one of %s, %s, %s", text,
                     problems[0], problems[1], problems[2]);
}

static att_status read_dropouts(atti_encoder_config *c, const atti_json *root)
{
    float head = 0.0f;
    ATTI_TRY(atti_config_dropout(&c->hidden_dropout, root, "hidden_dropout_prob"));
    ATTI_TRY(atti_config_dropout(&c->attention_dropout, root,
                                 "attention_probs_dropout_prob"));
    ATTI_TRY(atti_config_dropout(&head, root, "classifier_dropout"));
    if (atti_json_get(root, "classifier_dropout")) c->classifier_dropout = head;
    return ATT_OK;
}

/* What the classes can do and this version does not. */
static att_status refuse_others(const atti_encoder_config *c, const atti_json *root)
{
    int32_t decoder = 0, cross = 0, tied = 1;
    const char *positions;
    ATTI_TRY(atti_config_flag(&decoder, root, "is_decoder"));
    ATTI_TRY(atti_config_flag(&cross, root, "add_cross_attention"));
    ATTI_TRY(atti_config_flag(&tied, root, "tie_word_embeddings"));
    ATTI_TRY(
        atti_json_get_str(&positions, root, "position_embedding_type", "absolute"));
    if (decoder) return atti_fail(ATT_ENOTSUP, "is_decoder is true");
    if (cross) return atti_fail(ATT_ENOTSUP, "add_cross_attention is true");
    if (!tied && c->head == ATTI_HEAD_MASKED_LM)
        return atti_fail(ATT_ENOTSUP, "tie_word_embeddings is false");
    if (strcmp(positions, "absolute") == 0) return ATT_OK;
    return atti_fail(ATT_ENOTSUP, "position_embedding_type '%.40s', only absolute",
                     positions);
}

static att_status read_keys(atti_encoder_config *c, const atti_json *root)
{
    atti_config_size sizes[] = {
        {"vocab_size", &c->vocab_size, 1, 1 << 24},
        {"hidden_size", &c->hidden, 1, BIG},
        {"intermediate_size", &c->ffn, 1, BIG},
        {"num_hidden_layers", &c->layers, 1, 1024},
        {"num_attention_heads", &c->heads, 1, BIG},
        {"max_position_embeddings", &c->max_positions, 1, 1 << 24},
        {"type_vocab_size", &c->types, 1, 1 << 16},
    };
    ATTI_TRY(read_head(c, root));
    ATTI_TRY(atti_config_sizes(root, sizes, sizeof sizes / sizeof sizes[0]));
    ATTI_TRY(atti_config_act(&c->activation, root, "hidden_act", "gelu"));
    ATTI_TRY(atti_config_float(&c->norm_eps, root, "layer_norm_eps", 0.0, 1.0));
    ATTI_TRY(atti_config_float(&c->init_std, root, "initializer_range", -1e-9, 100.0));
    ATTI_TRY(read_dropouts(c, root));
    ATTI_TRY(atti_encoder_read_problem(c, root));
    ATTI_TRY(refuse_others(c, root));
    ATTI_TRY(atti_config_id(&c->bos_id, root, "bos_token_id"));
    ATTI_TRY(atti_config_id(&c->eos_id, root, "eos_token_id"));
    ATTI_TRY(atti_config_id(&c->pad_id, root, "pad_token_id"));
    return atti_encoder_config_check(c);
}

static att_status read_any(void **cfg, const atti_json *root, const char *name,
                           atti_encoder_kind kind)
{
    atti_encoder_config proto, *c = NULL;
    if (!atti_json_is_object(root))
        return atti_fail(ATT_EFORMAT, "%s: not a JSON object", name);
    atti_encoder_config_init(&proto, kind);
    att_status st = read_keys(&proto, root);
    if (st == ATT_OK) st = atti_encoder_config_labelled(&c, &proto, root);
    if (st != ATT_OK) return atti_fail_prefix(st, "%s: ", name);
    *cfg = c;
    return ATT_OK;
}

att_status atti_bert_config_read(void **cfg, const atti_json *root, const char *name)
{
    return read_any(cfg, root, name, ATTI_BERT);
}

att_status atti_roberta_config_read(void **cfg, const atti_json *root, const char *name)
{
    return read_any(cfg, root, name, ATTI_ROBERTA);
}

att_status atti_xlmr_config_read(void **cfg, const atti_json *root, const char *name)
{
    return read_any(cfg, root, name, ATTI_XLMR);
}

/* ---- writing ------------------------------------------------------------------ */

static void write_class(const atti_encoder_config *c, atti_jsonw *w)
{
    char name[80];
    for (size_t i = 0; i < N_HEADS; i++)
        if (heads[i].head == c->head)
            (void)snprintf(name, sizeof name, "%s%s", kinds[c->kind].class_stem,
                           heads[i].tail);
    atti_jsonw_array(w, "architectures");
    atti_jsonw_str(w, NULL, name);
    atti_jsonw_end(w, ']');
}

void atti_encoder_write_id2label(const atti_encoder_config *c, atti_jsonw *w)
{
    const char *text = (const char *)(c + 1);
    char key[24];
    if (c->n_labels == 0) return;
    atti_jsonw_object(w, "id2label");
    for (int64_t i = 0; i < c->n_labels; i++, text += strlen(text) + 1) {
        (void)snprintf(key, sizeof key, "%lld", (long long)i);
        atti_jsonw_str(w, key, text);
    }
    atti_jsonw_end(w, '}');
}

void atti_encoder_write_label2id(const atti_encoder_config *c, atti_jsonw *w)
{
    const char *text = (const char *)(c + 1);
    if (c->n_labels == 0) return;
    atti_jsonw_object(w, "label2id");
    for (int64_t i = 0; i < c->n_labels; i++, text += strlen(text) + 1)
        atti_jsonw_i64(w, text, i);
    atti_jsonw_end(w, '}');
}

void atti_encoder_write_problem(const atti_encoder_config *c, atti_jsonw *w)
{
    if (c->problem_is_given) atti_jsonw_str(w, "problem_type", problems[c->problem]);
}

att_status atti_encoder_config_write(const void *cfg, atti_jsonw *w)
{
    const atti_encoder_config *c = cfg;
    atti_jsonw_object(w, NULL);
    atti_jsonw_bool(w, "add_cross_attention", false);
    write_class(c, w);
    atti_config_put_float(w, "attention_probs_dropout_prob", c->attention_dropout);
    atti_config_put_id(w, "bos_token_id", c->bos_id);
    if (c->classifier_dropout < 0.0f) {
        atti_jsonw_raw(w, "classifier_dropout", "null");
    } else {
        atti_config_put_float(w, "classifier_dropout", c->classifier_dropout);
    }
    atti_jsonw_str(w, "dtype", "float32");
    atti_config_put_id(w, "eos_token_id", c->eos_id);
    atti_jsonw_str(w, "hidden_act", atti_config_act_name(c->activation));
    atti_config_put_float(w, "hidden_dropout_prob", c->hidden_dropout);
    atti_jsonw_i64(w, "hidden_size", c->hidden);
    atti_encoder_write_id2label(c, w);
    atti_config_put_float(w, "initializer_range", c->init_std);
    atti_jsonw_i64(w, "intermediate_size", c->ffn);
    atti_jsonw_bool(w, "is_decoder", false);
    atti_encoder_write_label2id(c, w);
    atti_config_put_float(w, "layer_norm_eps", c->norm_eps);
    atti_jsonw_i64(w, "max_position_embeddings", c->max_positions);
    atti_jsonw_str(w, "model_type", kinds[c->kind].type);
    atti_jsonw_i64(w, "num_attention_heads", c->heads);
    atti_jsonw_i64(w, "num_hidden_layers", c->layers);
    atti_config_put_id(w, "pad_token_id", c->pad_id);
    atti_encoder_write_problem(c, w);
    atti_jsonw_bool(w, "tie_word_embeddings", true);
    atti_jsonw_str(w, "transformers_version", "5.23.0");
    atti_jsonw_i64(w, "type_vocab_size", c->types);
    atti_jsonw_bool(w, "use_cache", true);
    atti_jsonw_i64(w, "vocab_size", c->vocab_size);
    atti_jsonw_end(w, '}');
    return w->s.status;
}
