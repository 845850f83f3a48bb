/* rnn_config.c - config.json of the recurrent encoder-decoder: defaults, checks, words. */
#include "models/rnn/rnn_config.h"

#include "base/alloc.h"
#include "base/error.h"
#include "models/config_keys.h"
#include <string.h>

static const char *const scores[] = {"additive", "general", "dot", "none"};
static const char *const cells[] = {"gru", "lstm"};

static att_status set_word(int32_t *out, const char *const *words, int n,
                           const char *what, const char *word, const char *list)
{
    for (int i = 0; word && i < n; i++) {
        if (strcmp(words[i], word) != 0) continue;
        *out = i;
        return ATT_OK;
    }
    return atti_fail(ATT_ENOTFOUND, "%s '%.40s' is not one of %s", what,
                     word ? word : "", list);
}

att_status atti_rnn_set_score(atti_rnn_config *c, const char *word)
{
    return set_word(&c->score, scores, 4, "attention", word,
                    "additive, general, dot, none");
}

att_status atti_rnn_set_cell(atti_rnn_config *c, const char *word)
{
    return set_word(&c->cell, cells, 2, "cell", word, "gru, lstm");
}

void atti_rnn_config_init(atti_rnn_config *c)
{
    *c = (atti_rnn_config){
        .vocab_size = 8000,
        .decoder_vocab_size = 8000,
        .embed = 256,
        .encoder = 256,
        .encoder_layers = 1,
        .hidden = 512,
        .attention = 512,
        .readout = 256,
        .max_positions = 256,
        .cell = ATT_RNN_GRU,
        .score = ATTI_RNN_ADDITIVE,
        .share_embeddings = 1,
        .tie_output = 1,
        .dropout = 0.2f,
        .pad_id = 7999,
        .eos_id = 0,
        .bos_id = -1,
        .unk_id = -1,
        .decoder_start_id = 7999,
        .forced_eos_id = -1,
    };
}

void atti_rnn_config_common(const atti_rnn_config *c, atti_marian_config *out)
{
    atti_marian_config_init(out);
    out->vocab_size = c->vocab_size;
    out->decoder_vocab_size = c->decoder_vocab_size;
    out->max_positions = c->max_positions;
    out->positions = ATTI_POS_NONE;
    out->pad_id = c->pad_id;
    out->eos_id = c->eos_id;
    out->bos_id = c->bos_id;
    out->unk_id = c->unk_id;
    out->decoder_start_id = c->decoder_start_id;
    out->forced_eos_id = c->forced_eos_id;
}

static att_status in_range(const char *key, int64_t v, int64_t lo, int64_t hi)
{
    if (v >= lo && v <= hi) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s is %lld, expected %lld..%lld", key, (long long)v,
                     (long long)lo, (long long)hi);
}

static att_status check_ids(const atti_rnn_config *c)
{
    int64_t v = c->vocab_size, dv = c->decoder_vocab_size, low = v < dv ? v : dv;
    ATTI_TRY(in_range("pad_token_id", c->pad_id, -1, low - 1));
    ATTI_TRY(in_range("eos_token_id", c->eos_id, 0, low - 1));
    ATTI_TRY(in_range("unk_token_id", c->unk_id, -1, low - 1));
    ATTI_TRY(in_range("bos_token_id", c->bos_id, -1, (v > dv ? v : dv) - 1));
    ATTI_TRY(in_range("decoder_start_token_id", c->decoder_start_id, 0, dv - 1));
    return in_range("forced_eos_token_id", c->forced_eos_id, -1, dv - 1);
}

att_status atti_rnn_config_check(const atti_rnn_config *c)
{
    enum { WIDEST = 1 << 16, MOST_TOKENS = 1 << 24 };
    ATTI_TRY(in_range("vocab_size", c->vocab_size, 1, MOST_TOKENS));
    ATTI_TRY(in_range("decoder_vocab_size", c->decoder_vocab_size, 1, MOST_TOKENS));
    ATTI_TRY(in_range("embed_size", c->embed, 1, WIDEST));
    ATTI_TRY(in_range("encoder_hidden_size", c->encoder, 1, WIDEST));
    ATTI_TRY(in_range("encoder_layers", c->encoder_layers, 1, 64));
    ATTI_TRY(in_range("hidden_size", c->hidden, 1, WIDEST));
    ATTI_TRY(in_range("attention_size", c->attention, 1, WIDEST));
    ATTI_TRY(in_range("readout_size", c->readout, 1, WIDEST));
    ATTI_TRY(in_range("max_position_embeddings", c->max_positions, 1, 1 << 16));
    if (c->share_embeddings && c->vocab_size != c->decoder_vocab_size)
        return atti_fail(ATT_EFORMAT,
                         "shared embeddings need equal vocabularies, but vocab_size is "
                         "%lld and decoder_vocab_size %lld",
                         (long long)c->vocab_size, (long long)c->decoder_vocab_size);
    if (c->tie_output && c->readout != c->embed)
        return atti_fail(ATT_EFORMAT,
                         "a tied output needs readout_size %lld to be embed_size %lld",
                         (long long)c->readout, (long long)c->embed);
    if (c->score == ATTI_RNN_DOT && c->hidden != 2 * c->encoder)
        return atti_fail(ATT_EFORMAT,
                         "dot scores need hidden_size %lld to be twice "
                         "encoder_hidden_size %lld; general ones do not",
                         (long long)c->hidden, (long long)c->encoder);
    return check_ids(c);
}

static att_status read_keys(atti_rnn_config *c, const atti_json *root)
{
    const char *text;
    atti_config_size sizes[] = {
        {"vocab_size", &c->vocab_size, 1, 1 << 24},
        {"embed_size", &c->embed, 1, 1 << 16},
        {"encoder_hidden_size", &c->encoder, 1, 1 << 16},
        {"encoder_layers", &c->encoder_layers, 1, 64},
        {"hidden_size", &c->hidden, 1, 1 << 16},
        {"max_position_embeddings", &c->max_positions, 1, 1 << 16},
    };
    ATTI_TRY(atti_config_sizes(root, sizes, sizeof sizes / sizeof sizes[0]));
    c->decoder_vocab_size = c->vocab_size;
    c->attention = c->hidden;
    c->readout = c->embed;
    atti_config_size more[] = {
        {"decoder_vocab_size", &c->decoder_vocab_size, 1, 1 << 24},
        {"attention_size", &c->attention, 1, 1 << 16},
        {"readout_size", &c->readout, 1, 1 << 16},
    };
    ATTI_TRY(atti_config_sizes(root, more, sizeof more / sizeof more[0]));
    ATTI_TRY(atti_json_get_str(&text, root, "attend_cell", "gru"));
    ATTI_TRY(atti_rnn_set_cell(c, text));
    ATTI_TRY(atti_json_get_str(&text, root, "attend_score", "additive"));
    ATTI_TRY(atti_rnn_set_score(c, text));
    ATTI_TRY(atti_config_flag(&c->share_embeddings, root,
                              "share_encoder_decoder_embeddings"));
    ATTI_TRY(atti_config_flag(&c->tie_output, root, "tie_word_embeddings"));
    ATTI_TRY(atti_config_dropout(&c->dropout, root, "dropout"));
    c->pad_id = c->vocab_size - 1;
    ATTI_TRY(atti_config_id(&c->pad_id, root, "pad_token_id"));
    ATTI_TRY(atti_config_id(&c->eos_id, root, "eos_token_id"));
    ATTI_TRY(atti_config_id(&c->bos_id, root, "bos_token_id"));
    ATTI_TRY(atti_config_id(&c->unk_id, root, "unk_token_id"));
    c->decoder_start_id = c->pad_id;
    ATTI_TRY(atti_config_id(&c->decoder_start_id, root, "decoder_start_token_id"));
    ATTI_TRY(atti_config_id(&c->forced_eos_id, root, "forced_eos_token_id"));
    return atti_rnn_config_check(c);
}

att_status atti_rnn_config_read(void **cfg, const atti_json *root, const char *name)
{
    atti_rnn_config *c = NULL;
    if (!atti_json_is_object(root))
        return atti_fail(ATT_EFORMAT, "%s: not a JSON object", name);
    ATTI_TRY(atti_alloc(&c, 1, sizeof *c, "config"));
    atti_rnn_config_init(c);
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

att_status atti_rnn_config_write(const void *cfg, atti_jsonw *w)
{
    const atti_rnn_config *c = cfg;
    atti_jsonw_object(w, NULL);
    atti_jsonw_str(w, "architecture", "rnn-seq2seq");
    atti_jsonw_array(w, "architectures");
    atti_jsonw_str(w, NULL, "AttendRnn");
    atti_jsonw_end(w, ']');
    atti_jsonw_str(w, "attend_cell", cells[c->cell]);
    atti_jsonw_str(w, "attend_score", scores[c->score]);
    atti_jsonw_i64(w, "attention_size", c->attention);
    atti_config_put_id(w, "bos_token_id", c->bos_id);
    atti_config_put_id(w, "decoder_start_token_id", c->decoder_start_id);
    atti_jsonw_i64(w, "decoder_vocab_size", c->decoder_vocab_size);
    atti_config_put_float(w, "dropout", c->dropout);
    atti_jsonw_str(w, "dtype", "float32");
    atti_jsonw_i64(w, "embed_size", c->embed);
    atti_jsonw_i64(w, "encoder_hidden_size", c->encoder);
    atti_jsonw_i64(w, "encoder_layers", c->encoder_layers);
    atti_config_put_id(w, "eos_token_id", c->eos_id);
    atti_config_put_id(w, "forced_eos_token_id", c->forced_eos_id);
    atti_jsonw_i64(w, "hidden_size", c->hidden);
    atti_jsonw_bool(w, "is_encoder_decoder", true);
    atti_jsonw_i64(w, "max_position_embeddings", c->max_positions);
    atti_jsonw_str(w, "model_type", "attend");
    atti_config_put_id(w, "pad_token_id", c->pad_id);
    atti_jsonw_i64(w, "readout_size", c->readout);
    atti_jsonw_bool(w, "share_encoder_decoder_embeddings", c->share_embeddings != 0);
    atti_jsonw_bool(w, "tie_word_embeddings", c->tie_output != 0);
    if (c->unk_id >= 0) atti_config_put_id(w, "unk_token_id", c->unk_id);
    atti_jsonw_i64(w, "vocab_size", c->vocab_size);
    atti_jsonw_end(w, '}');
    return w->s.status;
}
