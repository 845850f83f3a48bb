/* tok_pieces.h - the vocabulary of a tokenizer.json: pieces with ids that may have holes.
 *
 * A model's own pieces come first, added tokens after them: what a model looks up must not
 * find an added token. */
#ifndef ATTI_TOK_PIECES_H
#define ATTI_TOK_PIECES_H

#include "base/error.h"

enum { ATTI_MAX_PIECES = 1 << 24, ATTI_MAX_PIECE_BYTES = 65536 };

typedef struct atti_pieces_entry {
    size_t at; /* in text, NUL-terminated */
    uint32_t len;
    int32_t id;
} atti_pieces_entry;

typedef struct atti_pieces {
    char *text;
    size_t text_n, text_cap;
    atti_pieces_entry *list;
    size_t n, cap;
    size_t n_model;  /* the first so many belong to the model */
    uint32_t *table; /* open addressing, index + 1 */
    size_t table_size;
    int32_t *by_id; /* [size] index, -1 = a hole; made by seal */
    int32_t size;   /* largest id + 1 */
} atti_pieces;

/* Refuses duplicates of the text (ATT_EFORMAT), long pieces, negative ids. */
ATT_MUST_CHECK att_status atti_pieces_add(atti_pieces *v, const char *s, size_t n,
                                          int64_t id, const char *name);
/* After the last one: ids are unique, and not spread wider than a vocabulary's are. */
ATT_MUST_CHECK att_status atti_pieces_seal(atti_pieces *v, const char *name);
void atti_pieces_deinit(atti_pieces *v);
/* Ids, -1 when absent: of the model's pieces, of all. */
int32_t atti_pieces_find(const atti_pieces *v, const char *s, size_t n);
int32_t atti_pieces_find_any(const atti_pieces *v, const char *s, size_t n);
/* NULL for a hole or out of range; len may be NULL. */
const char *atti_pieces_get(const atti_pieces *v, int32_t id, size_t *len);

#endif
