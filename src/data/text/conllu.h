/* conllu.h - sentences whose words carry labels: CoNLL-U, or a TSV of token and label with
 * a blank line after each sentence.
 *
 * CoNLL-U: ten columns; lines that begin with # are comments; ranges (3-4) and empty nodes
 * (5.1) are read and left out; words are numbered from 1 without gaps; "_" as label is
 * none. TSV: the first column is the token, the last the label. What cannot be read is
 * ATT_EFORMAT with file and line; so are lines of a label and a whole text, which another
 * task takes, where the format is not given. */
#ifndef ATTI_CONLLU_H
#define ATTI_CONLLU_H

#include "base/error.h"

typedef enum atti_tag_format {
    ATTI_TAGS_SEEN = 0, /* CoNLL-U when the first line of words has ten columns */
    ATTI_TAGS_CONLLU = 1,
    ATTI_TAGS_TSV = 2
} atti_tag_format;

/* One sentence, borrowed until the next call. */
typedef struct atti_tagged {
    int32_t n;                /* words; 0: there are no more sentences */
    const char *const *word;  /* [n] UTF-8, NUL-terminated */
    const char *const *label; /* [n], NULL where there is none */
    const int64_t *line;      /* [n] in the file, from 1 */
} atti_tagged;

typedef struct atti_tag_reader atti_tag_reader;

/* column: which of CoNLL-U's columns is the label, from 1: 4 UPOS, 5 XPOS. */
ATT_MUST_CHECK att_status atti_tags_open(atti_tag_reader **out, const char *path,
                                         atti_tag_format format, int column);
ATT_MUST_CHECK att_status atti_tags_next(atti_tag_reader *r, atti_tagged *out);
void atti_tags_close(atti_tag_reader *r); /* NULL is fine */

#endif
