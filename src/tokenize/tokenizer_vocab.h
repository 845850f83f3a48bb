/* tokenizer_vocab.h - Marian's vocab.json in memory: pieces by id and ids by piece. */
#ifndef ATTI_TOKENIZER_VOCAB_H
#define ATTI_TOKENIZER_VOCAB_H

#include "base/error.h"

typedef struct atti_vocab {
    char *text;    /* every piece, NUL-terminated, one after another */
    size_t *start; /* [n] where piece id begins in text */
    int32_t n;
    uint32_t *table; /* open addressing, id + 1 */
    size_t table_size;
} atti_vocab;

/* Ids must be 0..n-1, each once; ATT_EFORMAT names the piece that breaks it. */
ATT_MUST_CHECK att_status atti_vocab_load(atti_vocab *v, const char *path);
/* n pieces in the order of their ids (each once, ATT_EFORMAT otherwise). */
ATT_MUST_CHECK att_status atti_vocab_from_pieces(atti_vocab *v,
                                                 const char *const *pieces, int32_t n,
                                                 const char *name);
void atti_vocab_deinit(atti_vocab *v);
/* -1 when absent. */
int32_t atti_vocab_find(const atti_vocab *v, const char *piece);
const char *atti_vocab_piece(const atti_vocab *v, int32_t id); /* id in range */

#endif
