/* lexicon.h - words and characters with ids, for models whose token is a word with its
 * characters inside.
 *
 * A word becomes a run of ids: its own, from ATTI_LEXICON_CHARS upwards, then one a
 * character, below that. Words are looked up in lower case, characters stand as they are:
 * capitals are seen by the one that can use them. A word of more than 32 characters gives
 * its first and last 16. lexicon.json holds all of it. */
#ifndef ATTI_LEXICON_H
#define ATTI_LEXICON_H

#include "tokenize/tok_pieces.h"

enum {
    ATTI_LEXICON_CHARS = 1 << 17, /* ids of characters lie below, words' from here on */
    ATTI_LEXICON_CHAR_UNK = 0,
    ATTI_LEXICON_UNK = 0,   /* words, less ATTI_LEXICON_CHARS */
    ATTI_LEXICON_BEGIN = 1, /* before a text and behind it: words without characters */
    ATTI_LEXICON_END = 2,
    ATTI_LEXICON_FIRST = 3,
    ATTI_LEXICON_WORD_CHARS = 32
};

typedef struct atti_lexicon {
    atti_pieces words; /* in lower case */
    int64_t *count;    /* while one is made: how often each was seen */
    size_t cap_count;
    uint32_t *code; /* rising; character i has id i + 1 */
    size_t n_codes, cap_codes;
    char *code_text;     /* [n_codes, 5] of a lexicon that was loaded */
    unsigned char *seen; /* while one is made */
} atti_lexicon;

void atti_lexicon_deinit(atti_lexicon *x);
int64_t atti_lexicon_words(const atti_lexicon *x); /* the special ones included */
int64_t atti_lexicon_chars(const atti_lexicon *x);
/* What an id of a loaded lexicon stands for, borrowed; NULL out of range. The special words
 * are <unk>, <s> and </s>, the unknown character <unk>. */
const char *atti_lexicon_word(const atti_lexicon *x, int32_t id);
const char *atti_lexicon_char(const atti_lexicon *x, int32_t id);
/* Appends one word's ids; s is UTF-8 without a zero byte. */
ATT_MUST_CHECK att_status atti_lexicon_encode(const atti_lexicon *x, const char *s,
                                              size_t n, int32_t **ids, size_t *n_ids,
                                              size_t *cap);
/* The next word of a text that white space divides: *at moves behind it; NULL at the
 * end. */
const char *atti_lexicon_next_word(const char *text, size_t n, size_t *at, size_t *len);

/* Making one: see every word, then keep those seen at least `least` times, the most
 * frequent first (ties by their bytes), at most `most` ids. */
ATT_MUST_CHECK att_status atti_lexicon_see(atti_lexicon *x, const char *s, size_t n);
ATT_MUST_CHECK att_status atti_lexicon_keep(atti_lexicon *x, int64_t least,
                                            int64_t most);
ATT_MUST_CHECK att_status atti_lexicon_save(const atti_lexicon *x, const char *path);
/* ATT_EFORMAT names the file and what is wrong with it. */
ATT_MUST_CHECK att_status atti_lexicon_load(atti_lexicon *x, const char *path);

#endif
