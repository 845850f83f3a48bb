/* demo_going.c - families of the demo's grammar about going and staying, hours, languages
 * and reasons. */
#include "demo_lines.h"

/* --- to go, to stay --------------------------------------------------------------- */

/* English around "go", Chinese around 去. time points into the table that the mode uses. */
bool demo_go(demo_pair *p, int64_t n)
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

bool demo_stay(demo_pair *p, int64_t n)
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

bool demo_ask_where(demo_pair *p, int64_t n)
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

/* --- hours, languages, reasons ---------------------------------------------------- */

bool demo_hour(demo_pair *p, int64_t n)
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

bool demo_language(demo_pair *p, int64_t n)
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

bool demo_if(demo_pair *p, int64_t n)
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
bool demo_because(demo_pair *p, int64_t n)
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
