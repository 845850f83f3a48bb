/* demo_corpus.h - which of the grammar's sentences train and which test. */
#ifndef ATTEND_DEMO_CORPUS_H
#define ATTEND_DEMO_CORPUS_H

#include "demo_grammar.h"

typedef struct demo_corpus {
    demo_pair *train, *unseen;
    int64_t n_train, n_unseen;
    int64_t combinations; /* of the whole grammar */
    int64_t kept;         /* of these, never to be trained on */
} demo_corpus;

/* The same for the same seed. The sentences of one family stand together in `unseen`,
 * those of `train` are shuffled. */
void demo_corpus_make(demo_corpus *c, uint64_t seed);
void demo_corpus_free(demo_corpus *c);
/* dir/name.en and dir/name.zh. */
bool demo_corpus_write(const demo_pair *pairs, int64_t n, const char *dir,
                       const char *name);
/* Distinct characters of the Chinese side. */
int demo_corpus_characters(const demo_corpus *c);

#endif
