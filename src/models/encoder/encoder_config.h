/* encoder_config.h - sizes and choices of BERT-style and XLM-R-style encoders and their
 * heads.
 *
 *                 BERT                              RoBERTa, XLM-R
 *   positions     from 0                            from pad_token_id + 1
 *   two texts     token types                       one type
 *   sequence head pooler (dense, tanh), classifier  dense, tanh, out_proj on the first row */
#ifndef ATTI_ENCODER_CONFIG_H
#define ATTI_ENCODER_CONFIG_H

#include "models/config_keys.h"
#include "models/family.h"

typedef enum atti_encoder_kind {
    ATTI_BERT = 0,
    ATTI_ROBERTA = 1,
    ATTI_XLMR = 2,
    ATTI_WORD_ENCODER = 3 /* tokens are words, models/words/ */
} atti_encoder_kind;

/* What looks at the other words, of ATTI_WORD_ENCODER. */
typedef enum atti_word_core {
    ATTI_CORE_TRANSFORMER = 0,
    ATTI_CORE_WINDOW = 1,
    ATTI_CORE_RNN = 2
} atti_word_core;
enum { ATTI_MAX_REACH = ATTI_IO_NEAR / 2 };

typedef struct atti_encoder_config {
    size_t bytes; /* of the block: this struct, then the labels' texts */
    atti_encoder_kind kind;
    atti_head head;
    atti_problem problem;
    int32_t problem_is_given; /* problem_type is in the file */
    int64_t vocab_size, hidden, ffn, layers, heads, max_positions, types;
    atti_act activation;
    float norm_eps, init_std;
    float hidden_dropout, attention_dropout;
    float classifier_dropout;       /* < 0: as hidden_dropout */
    int64_t bos_id, eos_id, pad_id; /* -1 = none */
    /* ATTI_WORD_ENCODER: widths of a word's own vector, of a character's, and of the state
     * of each direction that reads them (0: no characters). */
    int64_t word_size, char_vocab, char_size, char_hidden;
    atti_word_core core;
    int64_t reach;         /* window: words before, and after */
    int32_t cell, one_way; /* rnn: att_rnn_cell; only the words before are seen */
    int64_t n_labels;      /* 0 without a head that has labels */
    /* n_labels texts, each NUL-terminated, one after the other, follow the struct. */
} atti_encoder_config;

/* The class's defaults, no labels. */
void atti_encoder_config_init(atti_encoder_config *c, atti_encoder_kind kind);
ATT_MUST_CHECK att_status atti_encoder_config_check(const atti_encoder_config *c);
/* A copy of proto with these labels (their texts are copied); freed by atti_free. NULL
 * for labels gives LABEL_0, LABEL_1, .. . */
ATT_MUST_CHECK att_status atti_encoder_config_create(atti_encoder_config **out,
                                                     const atti_encoder_config *proto,
                                                     const char *const *labels,
                                                     int64_t n_labels);
/* The same with what root says about labels, and about the problem of a sequence head. */
ATT_MUST_CHECK att_status atti_encoder_config_labelled(atti_encoder_config **out,
                                                       const atti_encoder_config *proto,
                                                       const atti_json *root);
ATT_MUST_CHECK att_status atti_encoder_read_problem(atti_encoder_config *c,
                                                    const atti_json *root);
/* The keys id2label, label2id and problem_type, where there are such. */
void atti_encoder_write_id2label(const atti_encoder_config *c, atti_jsonw *w);
void atti_encoder_write_label2id(const atti_encoder_config *c, atti_jsonw *w);
void atti_encoder_write_problem(const atti_encoder_config *c, atti_jsonw *w);
/* Borrowed; NULL out of range. Walks the texts: keep a table where it matters. */
const char *atti_encoder_label(const atti_encoder_config *c, int64_t i);
/* "bert.", "roberta.", or "" where the class has no head. */
const char *atti_encoder_prefix(const atti_encoder_config *c);

/* For the family table. *cfg is one atti_encoder_config with its labels. */
ATT_MUST_CHECK att_status atti_bert_config_read(void **cfg, const atti_json *root,
                                                const char *name);
ATT_MUST_CHECK att_status atti_roberta_config_read(void **cfg, const atti_json *root,
                                                   const char *name);
ATT_MUST_CHECK att_status atti_xlmr_config_read(void **cfg, const atti_json *root,
                                                const char *name);
ATT_MUST_CHECK att_status atti_encoder_config_write(const void *cfg, atti_jsonw *w);
atti_head atti_encoder_head(const void *cfg);

#endif
