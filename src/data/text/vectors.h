/* vectors.h - vectors of words in the text form of word2vec and GloVe: a word and its numbers
 * a line, blanks between them; word2vec's first line has two numbers, how many words and how
 * wide. A word may hold blanks itself (some of GloVe's do): the numbers are the last fields. */
#ifndef ATTI_VECTORS_H
#define ATTI_VECTORS_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

enum { ATTI_VECTORS_WIDEST = 65536 };

/* A reader of lines; start with zeros and name. */
typedef struct atti_vectors {
    const char *name; /* of the file, for messages */
    int64_t width;    /* numbers a word; 0: no line told yet */
    int64_t line;     /* lines read */
    int64_t words;
} atti_vectors;

/* One line: *word is borrowed from it, NULL for an empty line and for word2vec's first one;
 * value [ATTI_VECTORS_WIDEST] receives width numbers. ATT_EFORMAT names file and line: no
 * word, a field that is no finite number, other widths. */
ATT_MUST_CHECK att_status atti_vectors_line(atti_vectors *v, const char *line, size_t n,
                                            const char **word, size_t *n_word,
                                            float *value);

/* Every word of a file to `see`; *width and *words (or NULL) tell what was there. */
typedef att_status atti_vector_fn(void *ctx, const char *word, size_t n,
                                  const float *value, int64_t width);
ATT_MUST_CHECK att_status atti_vectors_read(atti_vectors *v, const char *path,
                                            atti_vector_fn *see, void *ctx);

#endif
