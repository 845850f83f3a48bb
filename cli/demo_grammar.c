/* demo_grammar.c - families of sentences: each function takes a number apart into the
 * words of one sentence and writes it in both languages.
 *
 * English and Chinese determine each other here: nothing that one language says is left
 * out in the other (he and she, one and several, when), so that a translator can be held
 * to exact matches both ways. What makes it hard is the order: Chinese puts time and
 * place before the verb, a relative clause before its noun, and a measure word between a
 * number and a noun. */
#include "demo_grammar.h"
#include "demo_words.h"

#include <stdio.h>
#include <string.h>

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

/* --- writing ---------------------------------------------------------------------------- */

typedef struct line {
    demo_pair *p;
    size_t e, z;
} line;

/* English words get a space between them. */
static void en(line *l, const char *s)
{
    if (!*s) return;
    l->e += (size_t)snprintf(l->p->en + l->e, sizeof l->p->en - l->e, "%s%s",
                             l->e ? " " : "", s);
}

static void zh(line *l, const char *s)
{
    l->z += (size_t)snprintf(l->p->zh + l->z, sizeof l->p->zh - l->z, "%s", s);
}

static void both(line *l, const phrase *w)
{
    en(l, w->en);
    zh(l, w->zh);
}

static bool end(line *l, bool question)
{
    if (question) {
        snprintf(l->p->en + l->e, sizeof l->p->en - l->e, "?");
        zh(l, "？");
    }
    if (l->p->en[0] >= 'a' && l->p->en[0] <= 'z') l->p->en[0] -= 'a' - 'A';
    return true;
}

static line start(demo_pair *p)
{
    line l = {p, 0, 0};

    p->en[0] = p->zh[0] = 0;
    return l;
}

/* The next digit of a number in mixed radix. */
static int take(int64_t *n, int size)
{
    int digit = (int)(*n % size);

    *n /= size;
    return digit;
}

static bool third(const person *s)
{
    return s->who == '3';
}
static bool plural(const person *s)
{
    return s->who == '4' || s->who == '5';
}
static const char *am(const person *s)
{
    return s->who == '1' ? "am" : third(s) ? "is" : "are";
}
static const char *was(const person *s)
{
    return s->who == '1' || third(s) ? "was" : "were";
}
static const char *does(const person *s)
{
    return third(s) ? "does" : "do";
}
/* One does not ask oneself. */
static bool asks(const person *s)
{
    return s->who != '1' && s->who != '4';
}

static const char *bare(const noun *n)
{
    const char *space = strchr(n->one, ' ');

    return space + 1;
}

/* "two books" 两本书; number 0 is the article. */
static void counted(line *l, const noun *n, int number)
{
    if (number > 0) en(l, numbers[number].en);
    en(l, number > 0 ? n->many : n->one);
    zh(l, numbers[number].zh);
    zh(l, n->measure);
    zh(l, n->zh);
}

/* --- to be --------------------------------------------------------------------------------- */

enum { YES, NO, ASK, MODES };

static bool make_job(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const phrase *job = &jobs[take(&n, COUNT(jobs))];
    int mode = take(&n, MODES);
    bool vowel = strchr("aeiou", job->en[0]) != NULL;
    line l = start(p);

    if (mode == ASK && !asks(s)) return false;
    if (mode == ASK) en(&l, am(s));
    en(&l, s->en);
    zh(&l, s->zh);
    if (mode != ASK) en(&l, am(s));
    if (mode == NO) en(&l, "not");
    zh(&l, mode == NO ? "不是" : "是");
    if (!plural(s)) {
        en(&l, vowel ? "an" : "a");
        if (mode == YES) zh(&l, job->kind ? "一名" : "一个");
    }
    both(&l, job);
    if (plural(s)) p->en[l.e++] = 's', p->en[l.e] = 0;
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

static bool make_nation(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const phrase *nation = &nations[take(&n, COUNT(nations))];
    int mode = take(&n, MODES);
    line l = start(p);

    if (mode == ASK && !asks(s)) return false;
    if (mode == ASK) en(&l, am(s));
    en(&l, s->en);
    zh(&l, s->zh);
    if (mode != ASK) en(&l, am(s));
    if (mode == NO) en(&l, "not");
    zh(&l, mode == NO ? "不是" : "是");
    both(&l, nation);
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

static void say_quality(line *l, const quality *q, int mode, bool very)
{
    if (mode == YES && very) en(l, "very");
    en(l, q->en);
    zh(l, mode == YES ? q->yes : mode == NO ? q->no : q->ask);
    if (mode == ASK) zh(l, "吗");
}

/* Time 0: now; others: was very busy yesterday. */
static bool make_mood(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const quality *q = &moods[take(&n, COUNT(moods))];
    int mode = take(&n, MODES), time = take(&n, COUNT(past_times) + 1);
    const char *be = time ? was(s) : am(s);
    line l = start(p);

    if (mode == ASK && !asks(s)) return false;
    if (mode == ASK) en(&l, be);
    en(&l, s->en);
    zh(&l, s->zh);
    if (mode != ASK) en(&l, be);
    if (mode == NO) en(&l, "not");
    if (time) zh(&l, past_times[time - 1].zh);
    say_quality(&l, q, mode, true);
    if (time) en(&l, past_times[time - 1].en);
    return end(&l, mode == ASK);
}

static bool make_thing(demo_pair *p, int64_t n)
{
    const owner *o = &owners[take(&n, COUNT(owners))];
    int d = take(&n, COUNT(described));
    const quality *q = &qualities[take(&n, COUNT(qualities))];
    int mode = take(&n, MODES);
    const noun *thing = &nouns[described[d].noun];
    line l = start(p);

    if (!(q->of & described[d].is)) return false;
    if (mode == ASK) en(&l, "is");
    en(&l, o->en);
    en(&l, bare(thing));
    zh(&l, o->zh);
    if (o->pointing) zh(&l, thing->measure);
    zh(&l, thing->zh);
    if (mode != ASK) en(&l, "is");
    if (mode == NO) en(&l, "not");
    say_quality(&l, q, mode, true);
    return end(&l, mode == ASK);
}

static bool make_comparison(demo_pair *p, int64_t n)
{
    int a = take(&n, COUNT(people)), b = take(&n, COUNT(people));
    const comparison *c = &comparisons[take(&n, COUNT(comparisons))];
    bool ask = take(&n, 2) == 1;
    const person *s = &people[a], *o = &people[b];
    line l = start(p);

    if (a == b || (ask && !asks(s))) return false;
    if (ask) en(&l, am(s));
    en(&l, s->en);
    if (!ask) en(&l, am(s));
    en(&l, c->more);
    en(&l, "than");
    en(&l, o->object);
    zh(&l, s->zh);
    zh(&l, "比");
    zh(&l, o->zh);
    zh(&l, c->zh);
    if (ask) zh(&l, "吗");
    return end(&l, ask);
}

/* --- to do ------------------------------------------------------------------------------------ */

/* place -1: none; it must fit the deed. */
static bool fits(const deed *d, int place)
{
    return place < 0 || (d->where & places[place].kind);
}

/* Houses are not sold in a morning, nor ten of them at once. */
static bool sensible(const deed *d, const phrase *time, int number)
{
    bool large = d->verb == SELL || d->noun == HOUSE || d->noun == CAR ||
                 (d->verb == WRITE && d->noun == NOVEL);

    return !large || (time->kind == 1 && number <= 1);
}

static bool make_past(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    int number = take(&n, COUNT(numbers)), place = take(&n, COUNT(places) + 1) - 1;
    const phrase *time = &past_times[take(&n, COUNT(past_times))];
    line l = start(p);

    if (!fits(d, place) || !sensible(d, time, number)) return false;
    en(&l, s->en);
    en(&l, verbs[d->verb].past);
    zh(&l, s->zh);
    zh(&l, time->zh);
    if (place >= 0) zh(&l, places[place].zh);
    zh(&l, verbs[d->verb].zh);
    zh(&l, "了");
    counted(&l, &nouns[d->noun], number);
    if (place >= 0) en(&l, places[place].en);
    en(&l, time->en);
    return end(&l, false);
}

static bool make_past_not(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    const phrase *time = &past_times[take(&n, COUNT(past_times))];
    bool ask = take(&n, 2) == 1;
    line l = start(p);

    if ((ask && !asks(s)) || !sensible(d, time, 0)) return false;
    if (ask) en(&l, "did");
    en(&l, s->en);
    if (!ask) en(&l, "did not");
    en(&l, verbs[d->verb].base);
    en(&l, "any");
    en(&l, nouns[d->noun].general);
    en(&l, time->en);
    zh(&l, s->zh);
    zh(&l, time->zh);
    if (!ask) zh(&l, "没有");
    zh(&l, verbs[d->verb].zh);
    zh(&l, nouns[d->noun].zh);
    if (ask) zh(&l, "了吗");
    return end(&l, ask);
}

static bool make_future(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    int number = take(&n, COUNT(numbers)), mode = take(&n, MODES);
    const phrase *time = &future_times[take(&n, COUNT(future_times))];
    line l = start(p);

    /* Only a promise counts; a doubt is general. */
    if ((mode != YES && number) || (mode == ASK && !asks(s))) return false;
    if (!sensible(d, time, number)) return false;
    if (mode == ASK) en(&l, "will");
    en(&l, s->en);
    if (mode != ASK) en(&l, "will");
    if (mode == NO) en(&l, "not");
    en(&l, verbs[d->verb].base);
    zh(&l, s->zh);
    zh(&l, time->zh);
    zh(&l, mode == NO ? "不会" : "会");
    zh(&l, verbs[d->verb].zh);
    if (mode == YES) {
        counted(&l, &nouns[d->noun], number);
    } else {
        en(&l, "any");
        en(&l, nouns[d->noun].general);
        zh(&l, nouns[d->noun].zh);
    }
    en(&l, time->en);
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

/* "She reads newspapers in the library every morning"; no habit: "Does he drink tea?" */
static bool make_habit(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    int mode = take(&n, MODES), place = take(&n, COUNT(places) + 1) - 1;
    int habit = take(&n, COUNT(habits) + 1) - 1;
    line l = start(p);

    if (!d->daily || !fits(d, place) || (mode == ASK && !asks(s))) return false;
    if (mode != YES && habit >= 0) return false;
    if (mode == ASK) en(&l, does(s));
    en(&l, s->en);
    if (mode == NO) {
        en(&l, does(s));
        en(&l, "not");
    }
    en(&l, mode == YES && third(s) ? verbs[d->verb].third : verbs[d->verb].base);
    en(&l, nouns[d->noun].general);
    zh(&l, s->zh);
    if (mode == NO) zh(&l, "不");
    if (habit >= 0) zh(&l, habits[habit].zh);
    if (place >= 0) {
        en(&l, places[place].en);
        zh(&l, places[place].zh);
    }
    if (habit >= 0) en(&l, habits[habit].en);
    zh(&l, verbs[d->verb].zh);
    zh(&l, nouns[d->noun].zh);
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

/* "wants to buy two books", "likes to drink tea", "does not want to ...", "must ..." */
static bool make_wish(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    int wish = take(&n, 3), mode = take(&n, MODES), number = take(&n, COUNT(numbers));
    static const char *const base[] = {"want to", "like to", "must"};
    static const char *const thirds[] = {"wants to", "likes to", "must"};
    static const char *const chinese[] = {"想", "喜欢", "必须"};
    bool general = mode != YES || wish == 1;
    line l = start(p);

    if ((general && number) || (wish == 2 && mode != YES)) return false;
    if ((wish == 1 && !d->daily) || d->verb == SEE || (mode == ASK && !asks(s)))
        return false;
    if (mode == ASK) en(&l, does(s));
    en(&l, s->en);
    if (mode == NO) {
        en(&l, does(s));
        en(&l, "not");
    }
    en(&l, mode == YES && third(s) ? thirds[wish] : base[wish]);
    en(&l, verbs[d->verb].base);
    zh(&l, s->zh);
    if (mode == NO) zh(&l, "不");
    zh(&l, chinese[wish]);
    zh(&l, verbs[d->verb].zh);
    if (general) {
        en(&l, nouns[d->noun].general);
        zh(&l, nouns[d->noun].zh);
    } else {
        counted(&l, &nouns[d->noun], number);
    }
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

static bool make_now(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    int number = take(&n, 3), place = take(&n, COUNT(places) + 1) - 1;
    line l = start(p);

    if (d->verb == SEE || !fits(d, place)) return false;
    en(&l, s->en);
    en(&l, am(s));
    en(&l, verbs[d->verb].ing);
    zh(&l, s->zh);
    zh(&l, "正在");
    /* 正在 already says 在. */
    if (place >= 0) zh(&l, places[place].zh + strlen("在"));
    zh(&l, verbs[d->verb].zh);
    counted(&l, &nouns[d->noun], number);
    if (place >= 0) en(&l, places[place].en);
    return end(&l, false);
}

static bool make_relative(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const deed *d = &deeds[take(&n, COUNT(deeds))];
    const phrase *time = &past_times[take(&n, COUNT(past_times))];
    const quality *q = &qualities[take(&n, COUNT(qualities))];
    int mode = take(&n, 2), k = 0;
    line l = start(p);

    while (k < COUNT(described) && described[k].noun != d->noun) k++;
    if (k == COUNT(described) || !(q->of & described[k].is)) return false;
    if (!sensible(d, time, 0)) return false;
    en(&l, "the");
    en(&l, bare(&nouns[d->noun]));
    en(&l, "that");
    en(&l, s->en);
    en(&l, verbs[d->verb].past);
    en(&l, time->en);
    en(&l, mode == NO ? "is not" : "is");
    zh(&l, s->zh);
    zh(&l, time->zh);
    zh(&l, verbs[d->verb].zh);
    zh(&l, "的");
    zh(&l, nouns[d->noun].zh);
    say_quality(&l, q, mode, true);
    return end(&l, false);
}

static bool make_give(demo_pair *p, int64_t n)
{
    int a = take(&n, COUNT(people)), b = take(&n, COUNT(people));
    const noun *thing = &nouns[givable[take(&n, COUNT(givable))]];
    int number = take(&n, COUNT(numbers));
    bool future = take(&n, 2) == 1;
    const person *s = &people[a], *to = &people[b];
    line l = start(p);

    if (a == b) return false;
    en(&l, s->en);
    en(&l, future ? "will give" : "gave");
    en(&l, to->object);
    zh(&l, s->zh);
    zh(&l, future ? "会给" : "给了");
    zh(&l, to->zh);
    counted(&l, thing, number);
    return end(&l, false);
}

/* --- to have, and what there is ------------------------------------------------------------------ */

static bool make_have(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const noun *thing = &nouns[ownable[take(&n, COUNT(ownable))]];
    int mode = take(&n, MODES), number = take(&n, COUNT(numbers));
    line l = start(p);

    if ((mode != YES && number) || (mode == ASK && !asks(s))) return false;
    if (mode == ASK) en(&l, does(s));
    en(&l, s->en);
    zh(&l, s->zh);
    if (mode == NO) {
        en(&l, does(s));
        en(&l, "not");
    }
    en(&l, mode == YES && third(s) ? "has" : "have");
    zh(&l, mode == NO ? "没有" : "有");
    if (mode == YES) {
        counted(&l, thing, number);
    } else {
        en(&l, thing->one);
        zh(&l, thing->zh);
    }
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

static bool make_there(demo_pair *p, int64_t n)
{
    const phrase *spot = &spots[take(&n, COUNT(spots))];
    const noun *thing = &nouns[movable[take(&n, COUNT(movable))]];
    int mode = take(&n, MODES), number = take(&n, COUNT(numbers));
    line l = start(p);

    if (mode != YES && number) return false;
    zh(&l, spot->zh);
    zh(&l, mode == NO ? "没有" : "有");
    if (mode == YES) {
        en(&l, number ? "there are" : "there is");
        counted(&l, thing, number);
    } else {
        en(&l, mode == NO ? "there are no" : "are there any");
        en(&l, thing->general);
        zh(&l, thing->zh);
    }
    en(&l, spot->en);
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

/* "Where is my book?" is mode 3. */
static bool make_where(demo_pair *p, int64_t n)
{
    const owner *o = &owners[take(&n, COUNT(owners))];
    const noun *thing = &nouns[movable[take(&n, COUNT(movable))]];
    const phrase *spot = &spots[take(&n, COUNT(spots))];
    int mode = take(&n, MODES + 1);
    bool where = mode == MODES;
    line l = start(p);

    if (where && spot != spots) return false;
    if (where) en(&l, "where");
    if (mode >= ASK) en(&l, "is");
    en(&l, o->en);
    en(&l, bare(thing));
    zh(&l, o->zh);
    if (o->pointing) zh(&l, thing->measure);
    zh(&l, thing->zh);
    if (mode < ASK) en(&l, "is");
    if (mode == NO) en(&l, "not");
    zh(&l, mode == NO ? "不在" : "在");
    if (where)
        zh(&l, "哪里");
    else
        both(&l, spot);
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode >= ASK);
}

/* --- to go, to stay ----------------------------------------------------------------------------------- */

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

/* English around "go", Chinese around 去. time points into the table that the mode uses. */
static bool make_go(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    int g = take(&n, COUNT(goals)), mode = take(&n, GO_MODES);
    int time = take(&n, COUNT(past_times)), by = take(&n, COUNT(vehicles) + 1) - 1;
    int with = take(&n, COUNT(people) + 1) - 1;
    const phrase *when = mode <= DID_GO ? &past_times[time]
                         : mode <= WILL_NOT_GO
                             ? &future_times[time % COUNT(future_times)]
                             : &habits[time % COUNT(habits)];
    bool ask = mode == DID_GO || mode == WHEN_GO, timed = mode < WANTS_TO_GO;
    static const char *const before[] = {"",     "没有", "",   "会",
                                         "不会", "",     "想", "什么时候"};
    line l = start(p);

    if ((by >= 0 && with >= 0) || (ask && !asks(s))) return false;
    if (!timed && time) return false;
    if (mode >= WILL_GO && mode <= WILL_NOT_GO && time >= COUNT(future_times))
        return false;
    if (mode == GOES && (time >= COUNT(habits) || g >= FAR)) return false;
    if (by >= 0 && (g >= ABROAD || (g >= FAR && by != 1 && by != 3))) return false;
    if (with >= 0 && (&people[with] == s || mode == WHEN_GO)) return false;
    if (mode == DID_GO) en(&l, "did");
    if (mode == WHEN_GO) en(&l, "when will");
    en(&l, s->en);
    en(&l, mode == WENT          ? "went"
           : mode == WENT_NOT    ? "did not go"
           : mode == WILL_GO     ? "will go"
           : mode == WILL_NOT_GO ? "will not go"
           : mode == GOES        ? third(s) ? "goes" : "go"
           : mode == WANTS_TO_GO ? third(s) ? "wants to go" : "want to go"
                                 : "go");
    en(&l, goals[g].en);
    if (by >= 0) en(&l, vehicles[by].en);
    if (with >= 0) {
        en(&l, "with");
        en(&l, people[with].object);
    }
    if (timed) en(&l, when->en);
    zh(&l, s->zh);
    if (timed) zh(&l, when->zh);
    zh(&l, before[mode]);
    if (by >= 0) zh(&l, vehicles[by].zh);
    if (with >= 0) {
        zh(&l, "和");
        zh(&l, people[with].zh);
        zh(&l, "一起");
    }
    zh(&l, mode == WENT ? "去了" : "去");
    zh(&l, goals[g].zh);
    if (mode == DID_GO) zh(&l, "了吗");
    return end(&l, ask);
}

static bool make_stay(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    int k = take(&n, COUNT(stays)), mode = take(&n, MODES);
    line l = start(p);

    if (mode == ASK && !asks(s)) return false;
    if (mode == ASK) en(&l, does(s));
    en(&l, s->en);
    if (mode == NO) {
        en(&l, does(s));
        en(&l, "not");
    }
    en(&l, mode == YES && third(s) ? stays[k].v.third : stays[k].v.base);
    zh(&l, s->zh);
    if (mode == NO) zh(&l, "不");
    zh(&l, stays[k].zh_before);
    zh(&l, stays[k].zh_after);
    if (mode == ASK) zh(&l, "吗");
    return end(&l, mode == ASK);
}

static bool make_ask_where(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    int what = take(&n, 4), time = take(&n, COUNT(past_times));
    static const char *const verb_en[] = {"work", "study", "live", "go"};
    static const char *const zh_of[] = {"在哪里工作", "在哪里学习", "住在哪里",
                                        "去了哪里"};
    line l = start(p);

    if (!asks(s) || (what < 3 && time)) return false;
    en(&l, "where");
    en(&l, what == 3 ? "did" : does(s));
    en(&l, s->en);
    en(&l, verb_en[what]);
    zh(&l, s->zh);
    if (what == 3) both(&l, &past_times[time]);
    zh(&l, zh_of[what]);
    return end(&l, true);
}

/* --- hours, languages, reasons ------------------------------------------------------------------------- */

static bool make_hour(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const verb *v = &routines[take(&n, COUNT(routines))];
    const phrase *hour = &hours[take(&n, COUNT(hours))];
    int when = take(&n, 5);
    static const char *const en_when[] = {"", "every day", "tomorrow", "yesterday", ""};
    static const char *const zh_when[] = {"", "每天", "明天", "昨天", ""};
    bool ask = when == 4;
    line l = start(p);

    if (ask && (!asks(s) || hour != hours)) return false;
    if (ask) {
        en(&l, "when");
        en(&l, does(s));
    }
    en(&l, s->en);
    if (when == 2) en(&l, "will");
    en(&l, ask || when == 2 ? v->base
           : when == 3      ? v->past
           : third(s)       ? v->third
                            : v->base);
    zh(&l, s->zh);
    zh(&l, zh_when[when]);
    if (ask) {
        zh(&l, "什么时候");
    } else {
        en(&l, "at");
        both(&l, hour);
        en(&l, "o'clock");
        zh(&l, "点");
        en(&l, en_when[when]);
    }
    zh(&l, v->zh);
    return end(&l, ask);
}

static bool make_language(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const phrase *language = &languages[take(&n, COUNT(languages))];
    int mode = take(&n, 6);
    line l = start(p);

    if ((mode == 2 || mode == 5) && !asks(s)) return false;
    if (mode == 2) en(&l, "can");
    if (mode == 5) en(&l, am(s));
    en(&l, s->en);
    zh(&l, s->zh);
    switch (mode) {
    case 0:
        en(&l, "can speak");
        zh(&l, "会说");
        break;
    case 1:
        en(&l, "cannot speak");
        zh(&l, "不会说");
        break;
    case 2:
        en(&l, "speak");
        zh(&l, "会说");
        break;
    case 3:
        en(&l, am(s));
        en(&l, "learning");
        zh(&l, "正在学");
        break;
    case 4:
        en(&l, third(s) ? "wants to learn" : "want to learn");
        zh(&l, "想学");
        break;
    default:
        en(&l, "learning");
        zh(&l, "正在学");
        break;
    }
    both(&l, language);
    if (mode == 2 || mode == 5) zh(&l, "吗");
    return end(&l, mode == 2 || mode == 5);
}

static bool make_if(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, COUNT(people))];
    const phrase *w = &weathers[take(&n, COUNT(weathers))];
    const phrase *time = &future_times[take(&n, COUNT(future_times))];
    int g = take(&n, FAR + 1);
    line l = start(p);

    en(&l, "if");
    en(&l, w->en);
    en(&l, time->en);
    l.e += (size_t)snprintf(p->en + l.e, sizeof p->en - l.e, ",");
    en(&l, s->en);
    zh(&l, "如果");
    zh(&l, time->zh);
    zh(&l, w->zh);
    zh(&l, "，");
    zh(&l, s->zh);
    if (g == FAR) {
        en(&l, "will stay at home");
        zh(&l, "就待在家里");
    } else {
        en(&l, "will not go");
        en(&l, goals[g].en);
        zh(&l, "就不去");
        zh(&l, goals[g].zh);
    }
    return end(&l, false);
}

/* Pronouns only: "because my father was ill, he ..." would need one to stand for him. */
static bool make_because(demo_pair *p, int64_t n)
{
    const person *s = &people[take(&n, 6)];
    int reason = take(&n, 3), g = take(&n, FAR), time = take(&n, COUNT(past_times));
    static const char *const en_of[] = {"ill", "very tired", "very busy"};
    static const char *const zh_of[] = {"病了", "很累", "很忙"};
    line l = start(p);

    en(&l, "because");
    en(&l, s->en);
    en(&l, was(s));
    en(&l, en_of[reason]);
    l.e += (size_t)snprintf(p->en + l.e, sizeof p->en - l.e, ",");
    en(&l, s->en);
    en(&l, "did not go");
    en(&l, goals[g].en);
    en(&l, past_times[time].en);
    zh(&l, "因为");
    zh(&l, s->zh);
    zh(&l, zh_of[reason]);
    zh(&l, "，所以");
    zh(&l, s->zh);
    zh(&l, past_times[time].zh);
    zh(&l, "没有去");
    zh(&l, goals[g].zh);
    return end(&l, false);
}

/* --- the table ------------------------------------------------------------------------------------------- */

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
    {"jobs", make_job, P *COUNT(jobs) * MODES, 350},
    {"nations", make_nation, P *COUNT(nations) * MODES, 280},
    {"moods", make_mood, P *COUNT(moods) * MODES *(PT + 1), 300},
    {"qualities", make_thing,
     COUNT(owners) * COUNT(described) * COUNT(qualities) * MODES, 450},
    {"comparisons", make_comparison, P *P *COUNT(comparisons) * 2, 300},
    {"past", make_past, P *D *N *PL *PT, 900},
    {"past, not or asked", make_past_not, P *D *PT * 2, 500},
    {"future", make_future, P *D *N *MODES *FT, 600},
    {"habits", make_habit, P *D *MODES *PL *(COUNT(habits) + 1), 600},
    {"wishes", make_wish, P *D * 3 * MODES *N, 600},
    {"now", make_now, P *D * 3 * PL, 450},
    {"relative clauses", make_relative, P *D *PT *COUNT(qualities) * 2, 500},
    {"gifts", make_give, P *P *COUNT(givable) * N * 2, 450},
    {"possession", make_have, P *COUNT(ownable) * MODES *N, 350},
    {"there is", make_there, COUNT(spots) * COUNT(movable) * MODES *N, 450},
    {"where things are", make_where,
     COUNT(owners) * COUNT(movable) * COUNT(spots) * (MODES + 1), 450},
    {"going", make_go,
     P *COUNT(goals) * GO_MODES *PT *(COUNT(vehicles) + 1) * (COUNT(people) + 1), 900},
    {"staying", make_stay, P *COUNT(stays) * MODES, 280},
    {"where", make_ask_where, P * 4 * PT, 70},
    {"hours", make_hour, P *COUNT(routines) * COUNT(hours) * 5, 400},
    {"languages", make_language, P *COUNT(languages) * 6, 280},
    {"if", make_if, P *COUNT(weathers) * FT *(FAR + 1), 300},
    {"because", make_because, (int64_t)6 * 3 * FAR *PT, 240},
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
