/* opt.c - from words to values: command line, environment, configuration file. */
#include "opt.h"
#include "term.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FROM_NOWHERE, FROM_CONFIG, FROM_ENV, FROM_LINE };

/* What was said about one option, as words, before it is understood. */
typedef struct binding {
    cli_list words;
    int from;
    bool negated;
} binding;

typedef struct parser {
    const command *c;
    binding *bound; /* one an option, in the order of opt_at */
    bool help;
} parser;

const opt common_options[] = {
    {.kind = OPT_GROUP, .help = "Common"},
    {.name = "threads",
     .letter = 'j',
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1024,
     .at = offsetof(cli_common, threads),
     .flags = OPT_NO_DEFAULT | OPT_VOLATILE,
     .alias = "cpu-threads",
     .help =
         "threads to use; they change the speed, never a result (default, and 0: as "
         "many as processors)"},
    {.name = "config",
     .letter = 'c',
     .kind = OPT_STR,
     .arg = "FILE",
     .at = offsetof(cli_common, config),
     .flags = OPT_VOLATILE | OPT_CONFIG,
     .help = "a JSON object with options by name, for example what a training stored "
             "beside its model; the command line and the environment win over it"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPT_FLAG,
     .at = offsetof(cli_common, quiet),
     .flags = OPT_VOLATILE,
     .help = "errors only on standard error"},
    {.name = "color",
     .kind = OPT_CHOICE,
     .choices = "auto|always|never",
     .arg = "WHEN",
     .at = offsetof(cli_common, color),
     .flags = OPT_VOLATILE,
     .help = "colour on terminals; NO_COLOR in the environment turns it off"},
    {.name = "help",
     .letter = 'h',
     .kind = OPT_FLAG,
     .flags = OPT_HELP | OPT_VOLATILE,
     .help = "print this help"},
};
const size_t n_common_options = sizeof common_options / sizeof *common_options;

const opt *opt_at(const command *c, size_t i)
{
    if (i < c->n_options) return &c->options[i];
    i -= c->n_options;
    return i < n_common_options ? &common_options[i] : NULL;
}

static const char *nearest_option(const command *c, const char *word)
{
    const char *names[512];
    size_t n = 0;

    for (size_t i = 0; opt_at(c, i) && n < 510; i++) {
        if (opt_at(c, i)->name) names[n++] = opt_at(c, i)->name;
        if (opt_at(c, i)->alias) names[n++] = opt_at(c, i)->alias;
    }
    return opt_nearest(word, names, n);
}

/* --- finding and binding ---------------------------------------------------------- */

static bool same_name(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !(a[i] == '_' && b[i] == '-')) return false;
    return b[n] == 0;
}

/* The option's index or -1. `no-` in front of a flag negates it. */
static int find_long(const command *c, const char *name, size_t n, bool *negated)
{
    *negated = false;
    for (int i = 0; opt_at(c, (size_t)i); i++) {
        const opt *p = opt_at(c, (size_t)i);

        if (p->name && same_name(name, p->name, n)) return i;
        if (p->alias && same_name(name, p->alias, n)) return i;
    }
    if (n > 3 && strncmp(name, "no-", 3) == 0) {
        int i = find_long(c, name + 3, n - 3, negated);

        *negated = true;
        if (i >= 0 && opt_at(c, (size_t)i)->kind == OPT_FLAG) return i;
    }
    return -1;
}

static int find_letter(const command *c, char letter)
{
    for (int i = 0; opt_at(c, (size_t)i); i++)
        if (opt_at(c, (size_t)i)->letter == letter) return i;
    return -1;
}

const opt *opt_named(const command *c, const char *name, size_t n)
{
    bool negated;
    int i = find_long(c, name, n, &negated);

    return i < 0 ? NULL : opt_at(c, (size_t)i);
}

const opt *opt_lettered(const command *c, char letter)
{
    int i = find_letter(c, letter);

    return i < 0 ? NULL : opt_at(c, (size_t)i);
}

static void push(cli_list *l, const char *word)
{
    l->item = cli_resize(l->item, (size_t)l->n + 1, sizeof *l->item);
    l->item[l->n++] = word;
}

static void bind(binding *b, int from, const char *word)
{
    if (b->from < from) b->words.n = 0;
    b->from = from;
    if (word) push(&b->words, word);
}

static int unknown(const command *c, const char *word, size_t n)
{
    char *name = cli_format("%.*s", (int)n, word);
    const char *near = nearest_option(c, name);

    if (near)
        return cli_usage(c->name, "%s: unknown option '--%s': did you mean '--%s'?",
                         c->name, name, near);
    return cli_usage(c->name, "%s: unknown option '--%s'", c->name, name);
}

/* Takes the values of option i from argv[*at + 1...]; inl: after "=" or the letter. */
static int take(parser *ps, int i, bool negated, const char *inl, int argc, char **argv,
                int *at)
{
    const opt *p = opt_at(ps->c, (size_t)i);
    binding *b = &ps->bound[i];

    if (p->flags & OPT_HELP) {
        ps->help = true;
        return 0;
    }
    if (p->kind == OPT_FLAG) {
        b->words.n = 0;
        bind(b, FROM_LINE, negated ? "0" : inl ? inl : "1");
        return 0;
    }
    if (p->kind != OPT_LIST || b->from < FROM_LINE) b->words.n = 0;
    if (inl) {
        bind(b, FROM_LINE, inl);
        return 0;
    }
    if (*at + 1 >= argc)
        return cli_usage(ps->c->name, "%s: --%s needs a value (%s)", ps->c->name,
                         p->name, p->arg ? p->arg : "VALUE");
    bind(b, FROM_LINE, argv[++*at]);
    while (p->kind == OPT_LIST && *at + 1 < argc &&
           (argv[*at + 1][0] != '-' || !argv[*at + 1][1]))
        bind(b, FROM_LINE, argv[++*at]);
    return 0;
}

/* -m DIR, -mDIR, -qj2 */
static int take_letters(parser *ps, int argc, char **argv, int *at)
{
    const char *s = argv[*at] + 1;

    for (; *s; s++) {
        int i = find_letter(ps->c, *s), rc;
        bool flag;

        if (i < 0)
            return cli_usage(ps->c->name, "%s: unknown option '-%c'", ps->c->name, *s);
        flag = opt_at(ps->c, (size_t)i)->kind == OPT_FLAG;
        rc = take(ps, i, false, flag || !s[1] ? NULL : s + 1, argc, argv, at);
        if (rc || !flag) return rc;
    }
    return 0;
}

static int read_line(parser *ps, int argc, char **argv, cli_list *words)
{
    for (int at = 0; at < argc; at++) {
        const char *w = argv[at], *eq;
        bool negated;
        size_t n;
        int i, rc;

        if (strcmp(w, "--") == 0) {
            for (at++; at < argc; at++) push(words, argv[at]);
            break;
        }
        if (w[0] != '-' || !w[1]) {
            push(words, w);
            continue;
        }
        if (w[1] != '-') {
            if ((rc = take_letters(ps, argc, argv, &at)) != 0) return rc;
            continue;
        }
        eq = strchr(w, '=');
        n = eq ? (size_t)(eq - w) - 2 : strlen(w) - 2;
        i = find_long(ps->c, w + 2, n, &negated);
        if (i < 0) return unknown(ps->c, w + 2, n);
        rc = take(ps, i, negated, eq ? eq + 1 : NULL, argc, argv, &at);
        if (rc) return rc;
    }
    return 0;
}

static void read_environment(parser *ps)
{
    for (size_t i = 0; opt_at(ps->c, i); i++) {
        const opt *p = opt_at(ps->c, i);
        char name[80] = "ATTEND_";
        const char *value;
        size_t k = strlen(name);

        if (!p->name || p->flags & OPT_HELP || ps->bound[i].from >= FROM_ENV) continue;
        for (const char *s = p->name; *s && k < sizeof name - 1; s++)
            name[k++] = (char)(*s == '-' ? '_' : toupper((unsigned char)*s));
        name[k] = 0;
        value = getenv(name);
        if (!value || !*value) continue;
        if (p->kind != OPT_LIST) {
            bind(&ps->bound[i], FROM_ENV, value);
            continue;
        }
        char *copy = cli_strdup(value), *save = NULL;
        for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
            bind(&ps->bound[i], FROM_ENV, w);
    }
}

static int read_config(parser *ps, const char *path)
{
    config_value *values;
    size_t n = 0;

    if (!path) return 0;
    values = config_load(path, &n);
    if (!values) return EXIT_FAILED;
    for (size_t k = 0; k < n; k++) {
        bool negated;
        int i;

        /* Who wrote the file, kept for people; one training's is no other's. */
        if (strcmp(values[k].key, "attend") == 0) continue;
        if (strcmp(values[k].key, "command") == 0) {
            const char *by = values[k].words.n ? values[k].words.item[0] : "";

            if (strncmp(by, "train ", 6) != 0 ||
                strncmp(ps->c->name, "train ", 6) != 0 || strcmp(by, ps->c->name) == 0)
                continue;
            return cli_usage(ps->c->name, "%s: of 'attend %s', not of 'attend %s'",
                             path, by, ps->c->name);
        }
        i = find_long(ps->c, values[k].key, strlen(values[k].key), &negated);
        if (i < 0 || negated ||
            opt_at(ps->c, (size_t)i)->flags & (OPT_HELP | OPT_CONFIG)) {
            const char *near = nearest_option(ps->c, values[k].key);

            return cli_usage(ps->c->name, "%s: unknown option '%s'%s%s%s", path,
                             values[k].key, near ? ": did you mean '" : "",
                             near ? near : "", near ? "'?" : "");
        }
        if (ps->bound[i].from >= FROM_CONFIG) continue;
        ps->bound[i].words = values[k].words;
        ps->bound[i].from = FROM_CONFIG;
    }
    return 0;
}

/* --- words to values -------------------------------------------------------------- */

static bool word_at(const char *s, int index, char *buf, size_t size)
{
    while (s && index-- > 0) {
        s = strchr(s, '|');
        if (s) s++;
    }
    if (!s) return false;
    snprintf(buf, size, "%.*s", (int)strcspn(s, "|"), s);
    return true;
}

bool opt_choice(const opt *p, int index, char *buf, size_t size)
{
    return word_at(p->choices, index, buf, size);
}

static int choice_index(const opt *p, const char *word)
{
    char name[64];

    for (int i = 0; opt_choice(p, i, name, sizeof name); i++)
        if (strcmp(name, word) == 0) return i;
    for (int i = 0; word_at(p->spellings, i, name, sizeof name); i++)
        if (strcmp(name, word) == 0) return i;
    return -1;
}

static int refuse(const command *c, const opt *p, const char *word, const char *why)
{
    return cli_usage(c->name, "%s: --%s: '%s' %s", c->name, p->name, word, why);
}

static bool truth(const char *w, int32_t *out)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};

    for (size_t i = 0; i < 4; i++) {
        if (strcmp(w, yes[i]) != 0 && strcmp(w, no[i]) != 0) continue;
        *out = strcmp(w, yes[i]) == 0;
        return true;
    }
    return false;
}

static int put_number(const command *c, const opt *p, char *place, const char *w)
{
    char *end;
    double v = strtod(w, &end);
    double scale = 1;

    if (p->kind == OPT_BYTES && *end) {
        const char *unit = strchr("kKMGT", *end);

        if (unit) {
            scale = *end == 'G' ? 1e9 : *end == 'M' ? 1e6 : *end == 'T' ? 1e12 : 1e3;
            end++;
            if (*end == 'B') end++;
        }
    }
    v *= scale;
    if (end == w || *end || !isfinite(v)) return refuse(c, p, w, "is not a number");
    if (p->kind != OPT_F32 && p->kind != OPT_F64 && floor(v) != v)
        return refuse(c, p, w, "is not a whole number");
    if ((p->lo != 0 || p->hi != 0) && (v < p->lo || v > p->hi)) {
        bool real = p->kind == OPT_F32 || p->kind == OPT_F64;
        char *why = p->hi >= 1e15 ? cli_format("is below %g", p->lo)
                    : real        ? cli_format("is not in %g..%g", p->lo, p->hi)
                                  : cli_format("is not in %.0f..%.0f", p->lo, p->hi);
        return refuse(c, p, w, why);
    }
    switch (p->kind) {
    case OPT_I32:
        if (v < INT32_MIN || v > INT32_MAX) return refuse(c, p, w, "is too large");
        *(int32_t *)(void *)place = (int32_t)v;
        break;
    case OPT_BYTES:
    case OPT_I64:
        if (fabs(v) > 9e15) return refuse(c, p, w, "is too large");
        *(int64_t *)(void *)place = (int64_t)v;
        break;
    case OPT_F32: *(float *)(void *)place = (float)v; break;
    default: *(double *)(void *)place = v; break;
    }
    return 0;
}

static int put_u64(const command *c, const opt *p, char *place, const char *w)
{
    char *end;

    errno = 0;
    *(uint64_t *)(void *)place = strtoull(w, &end, 10);
    if (!isdigit((unsigned char)*w) || *end || errno)
        return refuse(c, p, w, "is not a whole number from 0 on");
    return 0;
}

static int put(const command *c, const opt *p, void *o, const binding *b)
{
    char *place = (char *)o + p->at;
    const char *w;

    if (p->kind == OPT_LIST) {
        *(cli_list *)(void *)place = b->words;
        return 0;
    }
    if (b->words.n != 1)
        return cli_usage(c->name, "%s: --%s takes one value", c->name, p->name);
    w = b->words.item[0];
    switch (p->kind) {
    case OPT_FLAG:
        if (truth(w, (int32_t *)(void *)place)) return 0;
        return refuse(c, p, w, "is neither true nor false");
    case OPT_STR:
        if (p->choices && choice_index(p, w) < 0)
            return refuse(c, p, w, cli_format("is none of %s", p->choices));
        *(const char **)(void *)place = w;
        return 0;
    case OPT_CHOICE: {
        int i = choice_index(p, w);

        if (i < 0) return refuse(c, p, w, cli_format("is none of %s", p->choices));
        *(int32_t *)(void *)place = i;
        return 0;
    }
    case OPT_U64: return put_u64(c, p, place, w);
    default: return put_number(c, p, place, w);
    }
}

/* What the last opt_parse() read, for opt_apply_again(). */
static parser last;

/* The preset first: what was said about single options wins over it. */
static int apply(const parser *ps, void *o)
{
    const command *c = ps->c;
    int rc;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; opt_at(c, i); i++) {
            const opt *p = opt_at(c, i);
            bool preset = (p->flags & OPT_PRESET) != 0;

            if (ps->bound[i].from == FROM_NOWHERE || preset != (pass == 0)) continue;
            if ((rc = put(c, p, o, &ps->bound[i])) != 0) return rc;
            if (preset && (rc = c->preset(o, ps->bound[i].words.item[0])) != 0)
                return rc;
        }
    }
    return 0;
}

int opt_apply_again(const command *c, void *o)
{
    if (c->defaults) c->defaults(o);
    return apply(&last, o);
}

/* Where the value of --name came from in the last opt_parse(). */
static int source_of(const char *name)
{
    bool negated;
    int i = find_long(last.c, name, strlen(name), &negated);

    return i >= 0 ? last.bound[i].from : FROM_NOWHERE;
}

bool opt_given(const char *name)
{
    return source_of(name) != FROM_NOWHERE;
}

bool opt_typed(const char *name)
{
    return source_of(name) == FROM_LINE;
}

void opt_idle(const char *names, const char *why)
{
    char name[64];

    for (int i = 0; word_at(names, i, name, sizeof name); i++)
        if (opt_typed(name)) cli_warn("--%s has no effect %s", name, why);
}

int opt_use_preset(void *o, const char *name)
{
    const command *c = last.c;

    for (size_t i = 0; opt_at(c, i); i++) {
        binding *b = &last.bound[i];

        if (!(opt_at(c, i)->flags & OPT_PRESET) || b->words.n) continue;
        b->words.item = cli_alloc(1, sizeof *b->words.item);
        b->words.item[0] = cli_strdup(name);
        b->words.n = 1;
        b->from = FROM_CONFIG;
    }
    return opt_apply_again(c, o);
}

int opt_add_config(const command *c, void *o, const char *path)
{
    const char *preset = NULL;
    size_t at = 0;
    int rc;

    for (size_t i = 0; opt_at(c, i); i++) {
        if (!(opt_at(c, i)->flags & OPT_PRESET) || !last.bound[i].words.n) continue;
        preset = last.bound[i].words.item[0];
        last.bound[at = i] = (binding){0};
    }
    if ((rc = read_config(&last, path)) != 0) return rc;
    if (preset && last.bound[at].words.n &&
        strcmp(preset, last.bound[at].words.item[0]) != 0)
        return cli_usage(c->name, "%s: --preset %s, but %s began with %s", c->name,
                         preset, path, last.bound[at].words.item[0]);
    return opt_apply_again(c, o);
}

int opt_parse(const command *c, void *o, int argc, char **argv, cli_list *words,
              bool *done)
{
    parser ps = {.c = c};
    const char *config = NULL;
    size_t n = 0;
    int rc;

    *done = false;
    while (opt_at(c, n)) n++;
    ps.bound = cli_alloc(n, sizeof *ps.bound);
    if (c->defaults) c->defaults(o);
    if ((rc = read_line(&ps, argc, argv, words)) != 0) return rc;
    if (ps.help) {
        opt_print_help(c);
        *done = true;
        return 0;
    }
    read_environment(&ps);
    for (size_t i = 0; i < n; i++)
        if (opt_at(c, i)->flags & OPT_CONFIG && ps.bound[i].words.n)
            config = ps.bound[i].words.item[0];
    if ((rc = read_config(&ps, config)) != 0) return rc;
    last = ps;
    if ((rc = apply(&ps, o)) != 0) return rc;
    if (c->max_words >= 0 && words->n > c->max_words)
        return cli_usage(c->name, "%s: unexpected word '%s'", c->name,
                         words->item[c->max_words]);
    return 0;
}
