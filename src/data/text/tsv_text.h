/* tsv_text.h - a text and its label a line, separated by a TAB.
 *
 * Which column is which: as the caller says ("label,text"), as the first line says where
 * it holds the words label and text (or sentence), else the column with fewer different
 * values is the label. Quotes are no syntax: text is taken as it stands. */
#ifndef ATTI_TSV_TEXT_H
#define ATTI_TSV_TEXT_H

#include "base/error.h"

typedef struct atti_tsv_row {
    const char *text, *label; /* borrowed until the next call; NULL: the end */
    size_t n_text;
    int64_t line; /* in the file, from 1 */
} atti_tsv_row;

typedef struct atti_tsv_text atti_tsv_text;

/* columns: names in order, "label,text" or "id,text,label"; NULL: see above. */
ATT_MUST_CHECK att_status atti_tsv_text_open(atti_tsv_text **out, const char *path,
                                             const char *columns);
/* ATT_EFORMAT with file and line: a missing column, an empty label, no UTF-8. */
ATT_MUST_CHECK att_status atti_tsv_text_next(atti_tsv_text *t, atti_tsv_row *row);
void atti_tsv_text_close(atti_tsv_text *t); /* NULL is fine */
/* ATT_EINVAL: not a list with `text` and `label` in it. NULL is fine. */
ATT_MUST_CHECK att_status atti_tsv_columns_check(const char *columns);

#endif
