/* demo_grammar.h - the corpus of `attend demo`: English and Chinese sentences made of
 * one grammar. Each family of sentences is a product of tables; every combination has a
 * number, and a hash of the sentence decides whether training may see it. */
#ifndef ATTEND_DEMO_GRAMMAR_H
#define ATTEND_DEMO_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct demo_pair {
    char en[256];
    char zh[256];
} demo_pair;

/* Families of sentences, for example "past" or "there is". */
int demo_families(void);
const char *demo_family_name(int family);
/* Numbers 0..size-1; not every number is a sentence. */
int64_t demo_family_size(int family);
/* Training lines wanted of it. */
int demo_family_share(int family);
/* False: this combination makes no sense ("Am I a doctor?"). */
bool demo_make(demo_pair *p, int family, int64_t number);
/* One combination in eight is kept from training. */
bool demo_is_unseen(const demo_pair *p);
/* A number as random as can be and the same everywhere. */
uint64_t demo_hash(uint64_t x);

#endif
