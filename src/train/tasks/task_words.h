/* task_words.h - what tagging and classifying share where a token is a word with its
 * characters inside (models/words/). */
#ifndef ATTI_TASK_WORDS_H
#define ATTI_TASK_WORDS_H

#include "train/tasks/task_encoder.h"

static inline int atti_task_is_words(const atti_trainer *t)
{
    return t->task->feed == ATTI_FEED_WORDS;
}

ATT_MUST_CHECK att_status atti_words_task_check(atti_trainer *t, atti_head head);
/* t->lexicon, and lexicon.json in the directory; whole: what `write` gives are words. */
ATT_MUST_CHECK att_status atti_words_task_vocab(atti_trainer *t,
                                                atti_vocab_write_fn *write, int whole);
ATT_MUST_CHECK att_status atti_words_task_model(atti_trainer *t, atti_head head);
/* What batches need to know; t->cfg is there. */
void atti_words_task_feed(atti_trainer *t);
/* Rows, ids, offsets, neighbours; labels are the task's. */
ATT_MUST_CHECK att_status atti_words_task_set(att_tape *tape, const atti_program_io *io,
                                              const atti_batch *b);
void atti_words_task_describe(atti_trainer *t);

enum { ATTI_LONGEST_ITEM = 65534 }; /* rows of an item that a corpus can hold */

/* A sequence in the making: ids of words, each with a label. */
typedef struct atti_word_run {
    int32_t *ids, *labels;
    size_t n_ids, n_words, cap_ids, cap_labels;
    int64_t words; /* of all sequences, without the special ones */
} atti_word_run;
void atti_word_run_deinit(atti_word_run *r);
/* word NULL: the special one `special`. */
ATT_MUST_CHECK att_status atti_word_run_add(atti_word_run *r, const atti_lexicon *x,
                                            const char *word, size_t n, int32_t special,
                                            int32_t label);
/* The finished sequence; one of more than max_words is marked as too long, the words of
 * others are counted. */
void atti_word_run_item(atti_word_run *r, int64_t max_words, atti_item *out);

#endif
