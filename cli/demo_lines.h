/* demo_lines.h - what the families of the demo's grammar share: the words, and writing
 * a sentence in two languages at once. For demo_*.c only. */
#ifndef ATTEND_DEMO_LINES_H
#define ATTEND_DEMO_LINES_H

#include "demo_grammar.h"
#include "demo_words.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A statement, its negation, a question. */
enum { YES, NO, ASK, MODES };

enum {
    WENT,
    WENT_NOT,
    DID_GO,
    WILL_GO,
    WILL_NOT_GO,
    GOES,
    WANTS_TO_GO,
    WHEN_GO,
    GO_MODES
};
enum { FAR = 8, ABROAD = 10 }; /* from these goals on */

typedef struct line {
    demo_pair *p;
    size_t e, z;
} line;

/* English words get a space between them. */
static inline void en(line *l, const char *s)
{
    if (!*s) return;
    l->e += (size_t)snprintf(l->p->en + l->e, sizeof l->p->en - l->e, "%s%s",
                             l->e ? " " : "", s);
}

static inline void zh(line *l, const char *s)
{
    l->z += (size_t)snprintf(l->p->zh + l->z, sizeof l->p->zh - l->z, "%s", s);
}

static inline void both(line *l, const phrase *w)
{
    en(l, w->en);
    zh(l, w->zh);
}

static inline bool end(line *l, bool question)
{
    if (question) {
        snprintf(l->p->en + l->e, sizeof l->p->en - l->e, "?");
        zh(l, "？");
    }
    if (l->p->en[0] >= 'a' && l->p->en[0] <= 'z') l->p->en[0] -= 'a' - 'A';
    return true;
}

static inline line start(demo_pair *p)
{
    line l = {p, 0, 0};

    p->en[0] = p->zh[0] = 0;
    return l;
}

/* The next digit of a number in mixed radix. */
static inline int take(int64_t *n, int size)
{
    int digit = (int)(*n % size);

    *n /= size;
    return digit;
}

static inline bool third(const person *s)
{
    return s->who == '3';
}
static inline bool plural(const person *s)
{
    return s->who == '4' || s->who == '5';
}
static inline const char *am(const person *s)
{
    return s->who == '1' ? "am" : third(s) ? "is" : "are";
}
static inline const char *was(const person *s)
{
    return s->who == '1' || third(s) ? "was" : "were";
}
static inline const char *does(const person *s)
{
    return third(s) ? "does" : "do";
}
/* One does not ask oneself. */
static inline bool asks(const person *s)
{
    return s->who != '1' && s->who != '4';
}

static inline const char *bare(const noun *n)
{
    const char *space = strchr(n->one, ' ');

    return space + 1;
}

/* "two books" 两本书; number 0 is the article. */
static inline void counted(line *l, const noun *n, int number)
{
    if (number > 0) en(l, numbers[number].en);
    en(l, number > 0 ? n->many : n->one);
    zh(l, numbers[number].zh);
    zh(l, n->measure);
    zh(l, n->zh);
}

static inline void say_quality(line *l, const quality *q, int mode, bool very)
{
    if (mode == YES && very) en(l, "very");
    en(l, q->en);
    zh(l, mode == YES ? q->yes : mode == NO ? q->no : q->ask);
    if (mode == ASK) zh(l, "吗");
}

/* The families. Each takes the number apart, digit by digit, and writes p; false where
 * the words make no sense together. */
bool demo_job(demo_pair *p, int64_t n);
bool demo_nation(demo_pair *p, int64_t n);
bool demo_mood(demo_pair *p, int64_t n);
bool demo_thing(demo_pair *p, int64_t n);
bool demo_comparison(demo_pair *p, int64_t n);
bool demo_past(demo_pair *p, int64_t n);
bool demo_past_not(demo_pair *p, int64_t n);
bool demo_future(demo_pair *p, int64_t n);
bool demo_habit(demo_pair *p, int64_t n);
bool demo_wish(demo_pair *p, int64_t n);
bool demo_now(demo_pair *p, int64_t n);
bool demo_relative(demo_pair *p, int64_t n);
bool demo_give(demo_pair *p, int64_t n);
bool demo_have(demo_pair *p, int64_t n);
bool demo_there(demo_pair *p, int64_t n);
bool demo_where(demo_pair *p, int64_t n);
bool demo_go(demo_pair *p, int64_t n);
bool demo_stay(demo_pair *p, int64_t n);
bool demo_ask_where(demo_pair *p, int64_t n);
bool demo_hour(demo_pair *p, int64_t n);
bool demo_language(demo_pair *p, int64_t n);
bool demo_if(demo_pair *p, int64_t n);
bool demo_because(demo_pair *p, int64_t n);

#endif
