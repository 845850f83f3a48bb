/* attend/classify.h - labels from an encoder: one a text (sentiment, similarity, a
 * number) or one a word (parts of speech, names).
 *
 * A session belongs to one thread at a time and shares its model. Texts are processed as
 * ragged batches, without padding: what a text gives does not depend on its neighbours,
 * to the bit. Scores are probabilities: of all labels together (softmax), of each label
 * by itself (problem_type multi_label_classification, or a single label), or the numbers
 * themselves (regression). */
#ifndef ATTEND_CLASSIFY_H
#define ATTEND_CLASSIFY_H

#include "attend/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_classifier att_classifier;

typedef struct att_classify_opts {
    uint32_t size;
    int32_t batch_rows; /* tokens processed together; default 2048 */
    int32_t max_length; /* tokens of a text with its special tokens; 0 = the model's */
} att_classify_opts;
ATT_API void att_classify_opts_init(att_classify_opts *opts);

/* opts NULL = the defaults. The model must outlive the session. ATT_ENOTSUP: a model
 * without labels; ATT_EINVAL: an option out of its range; ATT_ENOMEM. */
ATT_API ATT_MUST_CHECK att_status att_classifier_create(att_classifier **out,
                                                        const att_model *model,
                                                        const att_classify_opts *opts);
ATT_API void att_classifier_destroy(att_classifier *c); /* NULL is fine */

ATT_API int32_t att_classifier_labels(const att_classifier *c); /* how many */
/* id2label; borrowed, NULL out of range. */
ATT_API const char *att_classifier_label(const att_classifier *c, int32_t i);
/* Nonzero: a label a word (att_tag); 0: one a text (att_classify). */
ATT_API int32_t att_classifier_tags(const att_classifier *c);
ATT_API int32_t att_classifier_regression(const att_classifier *c);
/* The longest text that is read whole, or part of a sentence that is tagged at once: tokens,
 * special ones included; or, where *words (NULL is fine) becomes nonzero, words, which are
 * such a model's tokens, without special ones. */
ATT_API int32_t att_classifier_longest(const att_classifier *c, int32_t *words);

/* What one text gave; borrowed from the result. */
typedef struct att_labelled {
    int32_t n_items;     /* words of a sentence; 1 for a text */
    int32_t n_labels;    /* K */
    const int32_t *best; /* [n_items] the likeliest label, the lowest on ties */
    const float *scores; /* [n_items, K] */
    int32_t cut;         /* a text: tokens dropped at its end. A sentence: how many
                             times it was split, because it was longer than the model's
                             positions; each part is tagged by itself */
} att_labelled;

typedef struct att_labels att_labels;
ATT_API int32_t att_labels_count(const att_labels *r);
ATT_API const att_labelled *att_labels_get(const att_labels *r, int32_t i);
ATT_API void att_labels_destroy(att_labels *r); /* NULL is fine */

/* n texts, UTF-8, NUL-terminated; pairs, or any pairs[i], may be NULL: else the second text
 * of the two that are compared. ATT_EINVAL: a NULL text, a session that tags;
 * ATT_ENOTFOUND: no tokenizer; ATT_ENOMEM. On failure *out is untouched. */
ATT_API ATT_MUST_CHECK att_status att_classify(att_classifier *c, att_labels **out,
                                               const char *const *texts,
                                               const char *const *pairs, int32_t n);

/* A sentence that was split into words. */
typedef struct att_words {
    const char *const *words;
    int32_t n;
} att_words;
/* n sentences. A word's label is that of its first token (the convention of training
 * too); a word without tokens is the unknown token. Errors as att_classify. */
ATT_API ATT_MUST_CHECK att_status att_tag(att_classifier *c, att_labels **out,
                                          const att_words *sentences, int32_t n);

/* For ids, taken as they are, special tokens included: a label a text, or one for every
 * token. types, or any types[i], may be NULL = 0. ATT_EINVAL: an id out of range, more ids
 * than positions, none at all. */
ATT_API ATT_MUST_CHECK att_status att_classify_ids(att_classifier *c, att_labels **out,
                                                   const int32_t *const *ids,
                                                   const int32_t *const *types,
                                                   const int32_t *n_ids, int32_t n);

#ifdef __cplusplus
}
#endif
#endif
