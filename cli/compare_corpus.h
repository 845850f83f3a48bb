/* compare_corpus.h - sentence pairs to compare translators with: the demo's grammar, its
 * sentences joined so that every length occurs. */
#ifndef ATTEND_CLI_COMPARE_CORPUS_H
#define ATTEND_CLI_COMPARE_CORPUS_H

#include <stdbool.h>
#include <stdint.h>

/* dir/train.en, .zh and dir/valid.en, .zh, whose parts no training line has; and the sizes
 * of the vocabularies that hold all words and all characters. */
typedef struct compare_corpus {
    int64_t n_train, n_valid;
    int32_t words, characters;
} compare_corpus;
bool compare_corpus_write(compare_corpus *c, const char *dir, uint64_t seed);

#endif
