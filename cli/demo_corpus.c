/* demo_corpus.c - draws the demo's training and test sentences from its grammar. */
#include "demo_corpus.h"
#include "cli.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

typedef struct drawer {
    demo_corpus *c;
    size_t cap_train, cap_unseen;
} drawer;

static void add(demo_pair **list, int64_t *n, size_t *cap, const demo_pair *p)
{
    if ((size_t)*n == *cap) {
        *cap = *cap ? *cap * 2 : 1024;
        *list = cli_resize(*list, *cap, sizeof **list);
    }
    (*list)[(*n)++] = *p;
}

static void count_family(demo_corpus *c, int f)
{
    demo_pair p;

    for (int64_t i = 0; i < demo_family_size(f); i++) {
        if (!demo_make(&p, f, i)) continue;
        c->combinations++;
        c->kept += demo_is_unseen(&p);
    }
}

/* What everyone tries first belongs to the training, wherever chance would put it. */
static void add_known(drawer *d, int f, unsigned char *taken)
{
    demo_pair p;

    for (int64_t i = 0; i < demo_family_size(f); i++) {
        if (!demo_make(&p, f, i)) continue;
        if (strcmp(p.en, "I am a student") != 0 && strcmp(p.en, "I am Chinese") != 0)
            continue;
        taken[i] = 1;
        add(&d->c->train, &d->c->n_train, &d->cap_train, &p);
    }
}

static void draw_family(drawer *d, int f, uint64_t seed)
{
    int64_t size = demo_family_size(f), share = demo_family_share(f);
    int64_t tests = share / 32 < 4 ? 4 : share / 32;
    unsigned char *taken = cli_alloc((size_t)size, 1);

    if (f < 2) add_known(d, f, taken);
    /* Small families are used up; the bound ends the search for what is not there. */
    for (int64_t k = 0; k < 30 * size && (share > 0 || tests > 0); k++) {
        uint64_t draw = demo_hash(seed ^ demo_hash((uint64_t)f << 40 | (uint64_t)k));
        int64_t number = (int64_t)(draw % (uint64_t)size);
        demo_pair p;

        if (taken[number] || !demo_make(&p, f, number)) continue;
        taken[number] = 1;
        if (demo_is_unseen(&p)) {
            if (tests-- > 0) add(&d->c->unseen, &d->c->n_unseen, &d->cap_unseen, &p);
        } else if (share-- > 0) {
            add(&d->c->train, &d->c->n_train, &d->cap_train, &p);
        }
    }
    cli_free(taken);
}

void demo_corpus_make(demo_corpus *c, uint64_t seed)
{
    drawer d = {.c = c};

    memset(c, 0, sizeof *c);
    for (int f = 0; f < demo_families(); f++) {
        count_family(c, f);
        draw_family(&d, f, seed);
    }
    for (int64_t i = c->n_train - 1; i > 0; i--) {
        int64_t j = (int64_t)(demo_hash(seed + (uint64_t)i) % (uint64_t)(i + 1));
        demo_pair swap = c->train[i];

        c->train[i] = c->train[j];
        c->train[j] = swap;
    }
}

void demo_corpus_free(demo_corpus *c)
{
    cli_free(c->train);
    cli_free(c->unseen);
    memset(c, 0, sizeof *c);
}

static bool write_side(const demo_pair *pairs, int64_t n, const char *dir,
                       const char *name, bool chinese)
{
    char *path = cli_format("%s/%s.%s", dir, name, chinese ? "zh" : "en");
    cli_out out;
    bool good = cli_out_open(&out, path);

    for (int64_t i = 0; good && i < n; i++)
        cli_out_printf(&out, "%s\n", chinese ? pairs[i].zh : pairs[i].en);
    good = good && cli_out_close(&out);
    cli_free(path);
    return good;
}

bool demo_corpus_write(const demo_pair *pairs, int64_t n, const char *dir,
                       const char *name)
{
    return write_side(pairs, n, dir, name, false) &&
           write_side(pairs, n, dir, name, true);
}

int demo_corpus_characters(const demo_corpus *c)
{
    /* Everything the grammar writes lies in the basic plane: three bytes at most. */
    unsigned char *seen = cli_alloc(1 << 16, 1);
    int count = 0;

    for (int64_t i = 0; i < c->n_train; i++) {
        for (const unsigned char *s = (const unsigned char *)c->train[i].zh; *s;) {
            unsigned code = *s;
            int columns;
            size_t n = term_char((const char *)s, &columns);

            if (n == 2) code = (code & 0x1fu) << 6 | (s[1] & 0x3fu);
            if (n == 3)
                code = (code & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
            code &= 0xffff;
            count += !seen[code];
            seen[code] = 1;
            s += n;
        }
    }
    cli_free(seen);
    return count;
}
