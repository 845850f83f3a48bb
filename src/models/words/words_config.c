/* words_config.c - config.json of encoders of words: model_type "attend", architecture
 * "word-encoder". */
#include "models/words/words_build.h"

#include "attend/tape.h"
#include "base/alloc.h"
#include "tokenize/lexicon.h"
#include <stdio.h>
#include <string.h>

#define WIDEST (1 << 16)

static const char *const cores[] = {"transformer", "window", "rnn", "rnn-lstm"};
static const char class_stem[] = "AttendWordEncoder";
static const struct {
    const char *tail;
    atti_head head;
} heads[] = {{"ForTokenClassification", ATTI_HEAD_TOKENS},
             {"ForSequenceClassification", ATTI_HEAD_SEQUENCE}};

void atti_words_config_init(atti_encoder_config *c)
{
    atti_encoder_config_init(c, ATTI_WORD_ENCODER);
    c->vocab_size = 10000;
    c->hidden = 256;
    c->ffn = 512;
    c->layers = 2;
    c->heads = 4;
    c->max_positions = 512;
    c->types = 1;
    c->norm_eps = 1e-5f;
    c->word_size = 128;
    c->char_vocab = 128;
    c->char_size = 32;
    c->char_hidden = 64;
    c->core = ATTI_CORE_TRANSFORMER;
    c->reach = 5;
    c->bos_id = ATTI_LEXICON_BEGIN;
    c->eos_id = ATTI_LEXICON_END;
    c->pad_id = -1;
}

att_status atti_words_set_core(atti_encoder_config *c, const char *word)
{
    for (int i = 0; word && i < 4; i++) {
        if (strcmp(word, cores[i]) != 0) continue;
        c->core = i < 3 ? (atti_word_core)i : ATTI_CORE_RNN;
        c->cell = i == 3 ? ATT_RNN_LSTM : ATT_RNN_GRU;
        return ATT_OK;
    }
    return atti_fail(ATT_ENOTFOUND,
                     "'%.40s' is not one of transformer, window, rnn, rnn-lstm",
                     word ? word : "");
}

const char *atti_words_core_name(const atti_encoder_config *c)
{
    return cores[c->core == ATTI_CORE_RNN && c->cell == ATT_RNN_LSTM ? 3 : c->core];
}

static att_status in_range(const char *key, int64_t v, int64_t lo, int64_t hi)
{
    if (v >= lo && v <= hi) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s is %lld, expected %lld..%lld", key, (long long)v,
                     (long long)lo, (long long)hi);
}

att_status atti_words_config_check(const atti_encoder_config *c)
{
    ATTI_TRY(in_range("vocab_size", c->vocab_size, ATTI_LEXICON_FIRST, 1 << 24));
    ATTI_TRY(in_range("character_vocab_size", c->char_vocab, 1, ATTI_LEXICON_CHARS));
    ATTI_TRY(in_range("word_size", c->word_size, 1, WIDEST));
    ATTI_TRY(in_range("character_size", c->char_size, 1, WIDEST));
    ATTI_TRY(in_range("character_hidden_size", c->char_hidden, 0, WIDEST));
    ATTI_TRY(in_range("hidden_size", c->hidden, 1, WIDEST));
    ATTI_TRY(in_range("intermediate_size", c->ffn, 1, 1 << 20));
    ATTI_TRY(in_range("num_hidden_layers", c->layers, 1, 1024));
    ATTI_TRY(in_range("max_position_embeddings", c->max_positions, 3, 1 << 24));
    ATTI_TRY(in_range("attend_window", c->reach, 1, ATTI_MAX_REACH));
    if (c->core == ATTI_CORE_RNN && !c->one_way && c->hidden % 2 != 0)
        return atti_fail(ATT_EFORMAT,
                         "hidden_size %lld is odd: two directions share it",
                         (long long)c->hidden);
    if (c->heads < 1 || c->heads > c->hidden || c->hidden % c->heads != 0)
        return atti_fail(ATT_EFORMAT,
                         "num_attention_heads %lld does not divide hidden_size %lld",
                         (long long)c->heads, (long long)c->hidden);
    int64_t head = c->hidden / c->heads;
    if (c->core == ATTI_CORE_TRANSFORMER && (head > 256 || head % 2 != 0))
        return atti_fail(ATT_ENOTSUP,
                         "a head is %lld wide, expected an even width up to 256",
                         (long long)head);
    return ATT_OK;
}

/* ---- reading ------------------------------------------------------------------ */

static att_status read_head(atti_encoder_config *c, const atti_json *root)
{
    const char *name;
    size_t n = sizeof class_stem - 1;
    ATTI_TRY(atti_config_class(&name, root));
    for (size_t i = 0; i < 2; i++) {
        if (strncmp(name, class_stem, n) != 0 || strcmp(name + n, heads[i].tail) != 0)
            continue;
        c->head = heads[i].head;
        return ATT_OK;
    }
    return atti_fail(*name ? ATT_ENOTSUP : ATT_EFORMAT,
                     "architectures is '%.60s', expected %s%s or %s%s", name,
                     class_stem, heads[0].tail, class_stem, heads[1].tail);
}

static att_status read_keys(atti_encoder_config *c, const atti_json *root)
{
    const char *core;
    atti_config_size sizes[] = {
        {"vocab_size", &c->vocab_size, ATTI_LEXICON_FIRST, 1 << 24},
        {"character_vocab_size", &c->char_vocab, 1, ATTI_LEXICON_CHARS},
        {"word_size", &c->word_size, 1, WIDEST},
        {"character_size", &c->char_size, 1, WIDEST},
        {"character_hidden_size", &c->char_hidden, 0, WIDEST},
        {"hidden_size", &c->hidden, 1, WIDEST},
        {"intermediate_size", &c->ffn, 1, 1 << 20},
        {"num_hidden_layers", &c->layers, 1, 1024},
        {"num_attention_heads", &c->heads, 1, WIDEST},
        {"max_position_embeddings", &c->max_positions, 3, 1 << 24},
        {"attend_window", &c->reach, 1, ATTI_MAX_REACH},
    };
    ATTI_TRY(read_head(c, root));
    ATTI_TRY(atti_config_sizes(root, sizes, sizeof sizes / sizeof sizes[0]));
    ATTI_TRY(atti_json_get_str(&core, root, "attend_core", "transformer"));
    ATTI_TRY(atti_words_set_core(c, core));
    ATTI_TRY(atti_config_flag(&c->one_way, root, "attend_one_way"));
    ATTI_TRY(atti_config_act(&c->activation, root, "hidden_act", "gelu"));
    ATTI_TRY(atti_config_float(&c->norm_eps, root, "layer_norm_eps", 0.0, 1.0));
    ATTI_TRY(atti_config_dropout(&c->hidden_dropout, root, "hidden_dropout_prob"));
    ATTI_TRY(atti_config_dropout(&c->attention_dropout, root,
                                 "attention_probs_dropout_prob"));
    ATTI_TRY(atti_encoder_read_problem(c, root));
    return atti_words_config_check(c);
}

att_status atti_words_config_read(void **cfg, const atti_json *root, const char *name)
{
    atti_encoder_config proto, *c = NULL;
    if (!atti_json_is_object(root))
        return atti_fail(ATT_EFORMAT, "%s: not a JSON object", name);
    atti_words_config_init(&proto);
    att_status st = read_keys(&proto, root);
    if (st == ATT_ENOTFOUND) st = ATT_ENOTSUP; /* a word of a later version */
    if (st == ATT_OK) st = atti_encoder_config_labelled(&c, &proto, root);
    if (st != ATT_OK) return atti_fail_prefix(st, "%s: ", name);
    *cfg = c;
    return ATT_OK;
}

/* ---- writing ------------------------------------------------------------------ */

static void write_class(const atti_encoder_config *c, atti_jsonw *w)
{
    char name[80];
    (void)snprintf(name, sizeof name, "%s%s", class_stem,
                   heads[c->head == ATTI_HEAD_SEQUENCE].tail);
    atti_jsonw_str(w, "architecture", "word-encoder");
    atti_jsonw_array(w, "architectures");
    atti_jsonw_str(w, NULL, name);
    atti_jsonw_end(w, ']');
}

att_status atti_words_config_write(const void *cfg, atti_jsonw *w)
{
    const atti_encoder_config *c = cfg;
    atti_jsonw_object(w, NULL);
    write_class(c, w);
    atti_jsonw_str(w, "attend_core", atti_words_core_name(c));
    atti_jsonw_bool(w, "attend_one_way", c->one_way != 0);
    atti_jsonw_i64(w, "attend_window", c->reach);
    atti_config_put_float(w, "attention_probs_dropout_prob", c->attention_dropout);
    atti_jsonw_i64(w, "character_hidden_size", c->char_hidden);
    atti_jsonw_i64(w, "character_size", c->char_size);
    atti_jsonw_i64(w, "character_vocab_size", c->char_vocab);
    atti_jsonw_str(w, "dtype", "float32");
    atti_jsonw_str(w, "hidden_act", atti_config_act_name(c->activation));
    atti_config_put_float(w, "hidden_dropout_prob", c->hidden_dropout);
    atti_jsonw_i64(w, "hidden_size", c->hidden);
    atti_encoder_write_id2label(c, w);
    atti_jsonw_i64(w, "intermediate_size", c->ffn);
    atti_encoder_write_label2id(c, w);
    atti_config_put_float(w, "layer_norm_eps", c->norm_eps);
    atti_jsonw_i64(w, "max_position_embeddings", c->max_positions);
    atti_jsonw_str(w, "model_type", "attend");
    atti_jsonw_i64(w, "num_attention_heads", c->heads);
    atti_jsonw_i64(w, "num_hidden_layers", c->layers);
    atti_encoder_write_problem(c, w);
    atti_jsonw_i64(w, "vocab_size", c->vocab_size);
    atti_jsonw_i64(w, "word_size", c->word_size);
    atti_jsonw_end(w, '}');
    return w->s.status;
}
