/* classify_internal.h - between the two halves of labelling: texts to token rows
 * (classify_text.c), token rows to scores (classify.c). */
#ifndef ATTI_CLASSIFY_INTERNAL_H
#define ATTI_CLASSIFY_INTERNAL_H

#include "attend/classify.h"
#include "attend/tokenizer.h"
#include "models/encoder/encoder_config.h"
#include "data/word_rows.h"
#include "models/model_internal.h"

struct att_classifier {
    const att_model *model;
    const atti_encoder_config *cfg;
    const char **labels; /* [K] */
    att_classify_opts o;
    int32_t longest; /* tokens of a sequence */
    att_tape *tape;
    atti_program_io io;
    int64_t cap_rows, cap_seqs;
    atti_word_rows rows; /* of models of words: the present batch taken apart */
};

/* Models whose tokens are words have a lexicon where others have a tokenizer. */
static inline int atti_classifier_words(const att_classifier *c)
{
    return c->model->family->shape == ATTI_WORDS;
}

/* One sequence for the encoder and where its scores go: items first .. first + n_items
 * - 1 of text `job`, item i from row item_row[i] (token heads) or from all (sequences). */
typedef struct atti_label_seq {
    int32_t job, first, n_items;
    int32_t *ids, *types; /* [n]; types NULL = 0 */
    int32_t n;
    int32_t *item_row; /* [n_items], NULL for sequence heads */
} atti_label_seq;

typedef struct atti_label_work {
    atti_label_seq *seq;
    size_t n, cap;
} atti_label_work;
void atti_label_work_deinit(atti_label_work *w);

/* Rows that the model has positions for. */
static inline int64_t atti_label_positions(const atti_encoder_config *c)
{
    return c->max_positions - (c->kind == ATTI_BERT ? 0 : c->pad_id + 1); /* words: 0 */
}
/* What reads sentences without running them: has no program. */
static inline att_classifier atti_label_reader(const att_model *m)
{
    const atti_encoder_config *c = m->cfg;
    return (att_classifier){
        .model = m, .cfg = c, .longest = (int32_t)atti_label_positions(c)};
}
/* A sentence as att_tag() reads it, in several sequences where it is longer than that. */
ATT_MUST_CHECK att_status atti_label_sentence(const att_classifier *c,
                                              atti_label_work *w, const att_words *s);

ATT_MUST_CHECK att_status atti_labels_create(att_labels **out, const att_classifier *c,
                                             const int32_t *n_items, int32_t n);
void atti_labels_set_cut(att_labels *r, int32_t i, int32_t cut);
/* Runs all sequences in batches and fills r. */
ATT_MUST_CHECK att_status atti_label_run(att_classifier *c, const atti_label_work *w,
                                         att_labels *r);

#endif
