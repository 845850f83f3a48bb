/* tok_unknown.h - tokens that say only that the vocabulary lacks something. */
#ifndef ATTI_TOK_UNKNOWN_H
#define ATTI_TOK_UNKNOWN_H

#include "attend/tokenizer.h"

/* How many of the ids stand for what the vocabulary does not hold. Where the unknown token is
 * another special one too (GPT-2's <|endoftext|>), nobody can tell: 0. */
int64_t atti_count_unknown(const att_tokenizer *t, const int32_t *ids, size_t n);

#endif
