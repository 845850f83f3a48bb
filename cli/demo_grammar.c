/* demo_grammar.c - the families of sentences with their sizes, and who may see what.
 *
 * English and Chinese determine each other here: nothing that one language says is left
 * out in the other (he and she, one and several, when), so that a translator can be held
 * to exact matches both ways. What makes it hard is the order: Chinese puts time and
 * place before the verb, a relative clause before its noun, and a measure word between a
 * number and a noun. */
#include "demo_lines.h"

uint64_t demo_hash(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

bool demo_is_unseen(const demo_pair *p)
{
    uint64_t h = 14695981039346656037ULL;

    /* Everyone tries this one first; it has to be right, so it is taught. */
    if (strcmp(p->en, "I am a student") == 0 || strcmp(p->en, "I am Chinese") == 0)
        return false;
    for (const char *s = p->en; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211ULL;
    return demo_hash(h) % 8 == 0;
}

#define P  ((int64_t)COUNT(people))
#define D  ((int64_t)COUNT(deeds))
#define N  ((int64_t)COUNT(numbers))
#define PT ((int64_t)COUNT(past_times))
#define FT ((int64_t)COUNT(future_times))
#define PL ((int64_t)COUNT(places) + 1)

static const struct {
    const char *name;
    bool (*make)(demo_pair *, int64_t);
    int64_t size;
    int share;
} families[] = {
    {"jobs", demo_job, P *COUNT(jobs) * MODES, 350},
    {"nations", demo_nation, P *COUNT(nations) * MODES, 280},
    {"moods", demo_mood, P *COUNT(moods) * MODES *(PT + 1), 300},
    {"qualities", demo_thing,
     COUNT(owners) * COUNT(described) * COUNT(qualities) * MODES, 450},
    {"comparisons", demo_comparison, P *P *COUNT(comparisons) * 2, 300},
    {"past", demo_past, P *D *N *PL *PT, 900},
    {"past, not or asked", demo_past_not, P *D *PT * 2, 500},
    {"future", demo_future, P *D *N *MODES *FT, 600},
    {"habits", demo_habit, P *D *MODES *PL *(COUNT(habits) + 1), 600},
    {"wishes", demo_wish, P *D * 3 * MODES *N, 600},
    {"now", demo_now, P *D * 3 * PL, 450},
    {"relative clauses", demo_relative, P *D *PT *COUNT(qualities) * 2, 500},
    {"gifts", demo_give, P *P *COUNT(givable) * N * 2, 450},
    {"possession", demo_have, P *COUNT(ownable) * MODES *N, 350},
    {"there is", demo_there, COUNT(spots) * COUNT(movable) * MODES *N, 450},
    {"where things are", demo_where,
     COUNT(owners) * COUNT(movable) * COUNT(spots) * (MODES + 1), 450},
    {"going", demo_go,
     P *COUNT(goals) * GO_MODES *PT *(COUNT(vehicles) + 1) * (COUNT(people) + 1), 900},
    {"staying", demo_stay, P *COUNT(stays) * MODES, 280},
    {"where", demo_ask_where, P * 4 * PT, 70},
    {"hours", demo_hour, P *COUNT(routines) * COUNT(hours) * 5, 400},
    {"languages", demo_language, P *COUNT(languages) * 6, 280},
    {"if", demo_if, P *COUNT(weathers) * FT *(FAR + 1), 300},
    {"because", demo_because, (int64_t)6 * 3 * FAR *PT, 240},
};

int demo_families(void)
{
    return COUNT(families);
}
const char *demo_family_name(int f)
{
    return families[f].name;
}
int64_t demo_family_size(int f)
{
    return families[f].size;
}
int demo_family_share(int f)
{
    return families[f].share;
}

bool demo_make(demo_pair *p, int f, int64_t number)
{
    return families[f].make(p, number);
}
