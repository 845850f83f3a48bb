/* langs.h - the token in front of a source sentence that says which language is wanted:
 * ">>de<<", as OPUS-MT's models have it. Letters, digits and _ - . + @ stand between the
 * marks. */
#ifndef ATTI_LANGS_H
#define ATTI_LANGS_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

enum { ATTI_LANG_MAX = 60 }; /* bytes of a token */

/* Bytes of the token that text begins with; 0: none. */
size_t atti_lang_token(const char *text, size_t n);
/* ">>de<<" of "de" or of itself, to out. ATT_EINVAL names what is neither. */
ATT_MUST_CHECK att_status atti_lang_of_word(char out[ATTI_LANG_MAX + 1],
                                            const char *word);

/* A set of tokens in the order in which they came. */
typedef struct atti_langs {
    char **token;
    size_t n, cap;
} atti_langs;
ATT_MUST_CHECK att_status atti_langs_add(atti_langs *l, const char *token, size_t n);
/* Those that lines of the file begin with. ATT_EFORMAT: more than 1,000 kinds. */
ATT_MUST_CHECK att_status atti_langs_read(atti_langs *l, const char *path);
void atti_langs_deinit(atti_langs *l);

#endif
