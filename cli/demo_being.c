/* demo_being.c - families of the demo's grammar about what someone or something is, has,
 * and where. */
#include "demo_lines.h"

/* --- to be ------------------------------------------------------------------------ */

bool demo_job(demo_pair *p, int64_t n)
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

bool demo_nation(demo_pair *p, int64_t n)
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

/* Time 0: now; others: was very busy yesterday. */
bool demo_mood(demo_pair *p, int64_t n)
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

bool demo_thing(demo_pair *p, int64_t n)
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

bool demo_comparison(demo_pair *p, int64_t n)
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

/* --- to have, and what there is --------------------------------------------------- */

bool demo_have(demo_pair *p, int64_t n)
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

bool demo_there(demo_pair *p, int64_t n)
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
bool demo_where(demo_pair *p, int64_t n)
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
