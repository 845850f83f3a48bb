/* compare_corpus.c - the demo's sentences joined by commas, one to six of them: the joints
 * are alike in both languages, so a longer pair is harder by its length alone. */
#include "compare_corpus.h"
#include "cli.h"
#include "demo_corpus.h"

#include <string.h>

enum { TRAIN = 8000, VALID = 360, PARTS = 6 };

static void write_one(FILE *en, FILE *zh, const demo_pair *pairs, int64_t n, int parts,
                      uint64_t seed)
{
    for (int k = 0; k < parts; k++) {
        uint64_t draw = demo_hash(seed ^ demo_hash((uint64_t)k + 1));
        const demo_pair *p = &pairs[draw % (uint64_t)n];

        fprintf(en, "%s%s", k ? " , " : "", p->en);
        fprintf(zh, "%s%s", k ? "\xef\xbc\x8c" : "", p->zh);
    }
    fputc('\n', en);
    fputc('\n', zh);
}

/* As many lines of each number of parts. */
static bool write_set(const char *dir, const char *name, const demo_pair *pairs,
                      int64_t n, int64_t lines, uint64_t seed)
{
    char *path[2] = {cli_format("%s/%s.en", dir, name),
                     cli_format("%s/%s.zh", dir, name)};
    cli_out en, zh;
    bool good = cli_out_open(&en, path[0]);

    if (good && !cli_out_open(&zh, path[1])) {
        cli_out_drop(&en);
        good = false;
    }
    for (int64_t i = 0; good && i < lines; i++)
        write_one(en.f, zh.f, pairs, n, (int)(i % PARTS) + 1,
                  demo_hash(seed) ^ (uint64_t)i << 8);
    if (good) good = cli_out_close(&en) & cli_out_close(&zh);
    cli_free(path[0]);
    cli_free(path[1]);
    return good;
}

bool compare_corpus_write(compare_corpus *c, const char *dir, uint64_t seed)
{
    demo_corpus d;
    bool good;

    if (!cli_mkdirs(dir)) return false;
    demo_corpus_make(&d, seed);
    good = write_set(dir, "train", d.train, d.n_train, TRAIN, seed) &&
           write_set(dir, "valid", d.unseen, d.n_unseen, VALID, seed + 1);
    /* The comma, the mark of a beginning, </s> and <unk> come on top. */
    *c = (compare_corpus){TRAIN, VALID, 700, demo_corpus_characters(&d) + 4};
    demo_corpus_free(&d);
    return good;
}
