/* demo_doing.c - families of the demo's grammar about what someone does, did, will do or
 * would like to. */
#include "demo_lines.h"

/* --- to do ------------------------------------------------------------------------ */

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

bool demo_past(demo_pair *p, int64_t n)
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

bool demo_past_not(demo_pair *p, int64_t n)
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

bool demo_future(demo_pair *p, int64_t n)
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
bool demo_habit(demo_pair *p, int64_t n)
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
bool demo_wish(demo_pair *p, int64_t n)
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

bool demo_now(demo_pair *p, int64_t n)
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

bool demo_relative(demo_pair *p, int64_t n)
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

bool demo_give(demo_pair *p, int64_t n)
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
