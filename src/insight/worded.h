/* worded.h - a text for models whose tokens are words: the words as they were written, and
 * the run of ids that stands for them. */
#ifndef ATTI_WORDED_H
#define ATTI_WORDED_H

#include "models/model_internal.h"

/* <s> and </s> are words too. */
typedef struct atti_worded {
    int32_t *run; /* tokenize/lexicon.h: a word's own id begins it */
    size_t n_run, cap_run;
    char **text; /* UTF-8: a byte that is none became U+FFFD */
    size_t n, cap;
    int32_t cut; /* words that were dropped at the end: the model sees only so many */
} atti_worded;

static inline bool atti_is_worded(const att_model *m)
{
    return m->family->shape == ATTI_WORDS;
}
/* White space divides the words; or they are given. w is empty; on failure too, call
 * deinit. */
ATT_MUST_CHECK att_status atti_worded_text(atti_worded *w, const att_model *m,
                                           const char *text);
ATT_MUST_CHECK att_status atti_worded_words(atti_worded *w, const att_model *m,
                                            const char *const *words, int32_t n);
void atti_worded_deinit(atti_worded *w);

#endif
