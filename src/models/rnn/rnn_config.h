/* rnn_config.h - sizes and choices of the recurrent encoder-decoder with attention
 * (Bahdanau et al. 2015, Luong et al. 2015): model_type "attend", "architecture":
 * "rnn-seq2seq"; MODEL.md documents the keys. */
#ifndef ATTI_RNN_CONFIG_H
#define ATTI_RNN_CONFIG_H

#include "attend/tape.h"
#include "base/json.h"
#include "models/marian/marian_config.h"

typedef enum atti_rnn_score {
    ATTI_RNN_ADDITIVE = 0, /* asked by the state before the step */
    ATTI_RNN_GENERAL = 1,  /* by the state after it, with input feeding */
    ATTI_RNN_DOT = 2,      /* the same without a matrix */
    ATTI_RNN_NONE = 3      /* the encoder's last states alone */
} atti_rnn_score;

typedef struct atti_rnn_config {
    int64_t vocab_size, decoder_vocab_size;
    int64_t embed;   /* E: width of tokens */
    int64_t encoder; /* He: state of a direction; the source is [.., 2 He] */
    int64_t encoder_layers;
    int64_t hidden;    /* H: decoder's state */
    int64_t attention; /* A: additive's inner width */
    int64_t readout;   /* R: what the vocabulary is asked with; Luong's h~ */
    int64_t max_positions;
    int32_t cell;  /* att_rnn_cell */
    int32_t score; /* atti_rnn_score */
    int32_t share_embeddings, tie_output;
    float dropout;
    int64_t pad_id, eos_id, bos_id, unk_id, decoder_start_id,
        forced_eos_id; /* -1 none */
} atti_rnn_config;

void atti_rnn_config_init(atti_rnn_config *c);
ATT_MUST_CHECK att_status atti_rnn_config_check(const atti_rnn_config *c);
/* For the family table. */
ATT_MUST_CHECK att_status atti_rnn_config_read(void **cfg, const atti_json *root,
                                               const char *name);
ATT_MUST_CHECK att_status atti_rnn_config_write(const void *cfg, atti_jsonw *w);
/* What batches and sessions ask of any encoder-decoder, in the words of the other family:
 * vocabularies, token ids, positions. */
void atti_rnn_config_common(const atti_rnn_config *c, atti_marian_config *out);
/* Words of the command line and of config.json; ATT_ENOTFOUND lists what there is. */
ATT_MUST_CHECK att_status atti_rnn_set_score(atti_rnn_config *c, const char *word);
ATT_MUST_CHECK att_status atti_rnn_set_cell(atti_rnn_config *c, const char *word);

/* Numbers of a state: h, and LSTM's c behind it. */
static inline int64_t atti_rnn_state(const atti_rnn_config *c)
{
    return c->cell == ATT_RNN_LSTM ? 2 * c->hidden : c->hidden;
}
static inline int64_t atti_rnn_gates(const atti_rnn_config *c, int64_t hidden)
{
    return (c->cell == ATT_RNN_LSTM ? 4 : 3) * hidden;
}
/* What is fed to the cell beside the token: the context, or h~. */
static inline int64_t atti_rnn_feed(const atti_rnn_config *c)
{
    return c->score == ATTI_RNN_ADDITIVE ? 2 * c->encoder : c->readout;
}
/* Keys are made by a matrix, or are the source itself. */
static inline int atti_rnn_has_keys(const atti_rnn_config *c)
{
    return c->score == ATTI_RNN_ADDITIVE || c->score == ATTI_RNN_GENERAL;
}
static inline int64_t atti_rnn_key(const atti_rnn_config *c)
{
    return c->score == ATTI_RNN_ADDITIVE ? c->attention : c->hidden;
}

#endif
