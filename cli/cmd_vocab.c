/* cmd_vocab.c - attend vocab train, attend vocab show: vocabularies on their own. */
#include "attend/model.h"
#include "attend/tokenizer.h"
#include "commands.h"
#include "term.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct vocab_opts {
    cli_common c;
    att_tokenizer_train_opts t;
    const char *output, *vocab_json;
    int32_t raw;
    int32_t json;
    const char *vocab;
    int32_t characters;
} vocab_opts;

#define ROW(member) OPT_ROW(vocab_opts, member)

static void defaults(void *opts)
{
    vocab_opts *o = opts;

    att_tokenizer_train_opts_init(&o->t);
    o->raw = !o->t.normalise;
}

/* --- train ------------------------------------------------------------------------ */

static const opt train_options[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .help = "the SentencePiece model to write"},
    {.name = "vocab",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(vocab_json),
     .help = "write Marian's vocab.json too"},
    {.name = "vocab-size",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 8,
     .hi = 1048576,
     ROW(t.vocab_size),
     .help = "pieces"},
    {.name = "unigram",
     .kind = OPT_FLAG,
     ROW(t.unigram),
     .help = "unigram instead of BPE"},
    {.name = "byte-fallback",
     .kind = OPT_FLAG,
     ROW(t.byte_fallback),
     .help = "unknown characters become bytes"},
    {.name = "character-coverage",
     .kind = OPT_F64,
     .arg = "P",
     .lo = 0.9,
     .hi = 1,
     ROW(t.character_coverage),
     .help = "share of all characters that get a piece"},
    {.name = "max-sentences",
     .kind = OPT_I64,
     .arg = "N",
     .lo = 1,
     .hi = 1e12,
     ROW(t.max_sentences),
     .help = "a random sample of this many lines is read"},
    {.name = "tokenizer-raw",
     .kind = OPT_FLAG,
     ROW(raw),
     .help = "no Unicode normalisation"},
    {.name = "seed", .kind = OPT_U64, .arg = "N", ROW(t.seed), .help = "of the sample"},
};

/* A small text has fewer pieces than were asked for. */
static int say_size(const vocab_opts *o)
{
    att_tokenizer *tok = NULL;
    att_status st = att_tokenizer_open(&tok, o->output, NULL);
    char a[40], b[40];
    int32_t n;

    if (st != ATT_OK) return cli_status(st);
    n = att_tokenizer_size(tok);
    if (n < o->t.vocab_size)
        cli_warn("%s: %s pieces, not %s: the text has no more", o->output,
                 term_count(a, n), term_count(b, o->t.vocab_size));
    else
        cli_say("%s: %s pieces", o->output, term_count(a, n));
    att_tokenizer_destroy(tok);
    return EXIT_FINE;
}

static int run_train(void *opts, const cli_list *words)
{
    vocab_opts *o = opts;
    att_status st;

    if (!o->output) return cli_usage("vocab train", "vocab train: -o FILE is missing");
    if (words->n < 1)
        return cli_usage("vocab train", "vocab train: no text files given");
    o->t.normalise = !o->raw;
    o->t.n_threads = att_threads();
    for (int i = 0; i < words->n; i++)
        if (!cli_is_text_file(words->item[i])) return EXIT_FAILED;
    progress_busy("training the vocabulary");
    st = att_tokenizer_train(o->output, words->item, words->n, &o->t);
    if (st == ATT_OK && o->vocab_json)
        st = att_tokenizer_write_vocab(o->vocab_json, &o->output, 1);
    progress_busy_end();
    return st == ATT_OK ? say_size(o) : cli_status(st);
}

static const char *const train_examples[] = {
    "A joint vocabulary of two languages",
    "attend vocab train -o joint.spm --vocab-size 10000 train.en train.de",
    NULL,
};

const command cmd_vocab_train = {
    .name = "vocab train",
    .summary = "train a sub-word vocabulary on text files",
    .usage = "-o FILE [options] TEXT ...",
    .about =
        "The same text and options give the same bytes, for any number of threads. "
        "`attend train translate` does this by itself where no --tokenizer is given.",
    .examples = train_examples,
    .options = train_options,
    .n_options = sizeof train_options / sizeof *train_options,
    .size = sizeof(vocab_opts),
    .max_words = -1,
    .defaults = defaults,
    .run = run_train,
};

/* --- show ------------------------------------------------------------------------- */

static const opt show_options[] = {
    {.name = "vocab",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(vocab),
     .help = "Marian's vocab.json for the numbers"},
    {.name = "characters",
     .kind = OPT_FLAG,
     ROW(characters),
     .help = "of a model whose tokens are words: the characters that it reads in them"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .help = "one JSON object: piece to number"},
};

/* What is listed: a tokenizer's pieces, or the words of a model that has none (side 0) or
 * their characters (1). */
typedef struct listed {
    att_tokenizer *tok;
    att_model *model;
    int32_t side;
} listed;

static const char *piece_of(const listed *l, int32_t i)
{
    return l->tok ? att_tokenizer_piece(l->tok, i)
                  : att_model_piece(l->model, l->side, i);
}

/* Numbers that a vocabulary leaves out are empty lines, so that line i+1 is number i; JSON
 * goes from piece to number and has no place for them. */
static void list(const listed *l, bool json)
{
    int32_t n = l->tok ? att_tokenizer_size(l->tok) : INT32_MAX;
    const char *between = "{";
    cli_text t = {0};

    for (int32_t i = 0; i < n; i++) {
        const char *piece = piece_of(l, i);

        if (!piece && !l->tok) break;
        if (!json) {
            printf("%d\t%s\n", i, piece ? piece : "");
            continue;
        }
        if (!piece) continue;
        cli_add(&t, between);
        cli_add_json(&t, piece);
        cli_addf(&t, ":%d", i);
        between = ",";
    }
    if (json) printf("%s}\n", t.n ? t.s : "{");
    cli_free(t.s);
}

static bool has(const char *dir, const char *name)
{
    char *path = cli_format("%s/%s", dir, name);
    bool there = access(path, R_OK) == 0;

    cli_free(path);
    return there;
}

/* Whatever the directory's model reads text with; of a translator the source's side. */
static int open_dir(listed *l, const char *dir, const char *vocab)
{
    char *given = vocab ? cli_format("%s/source.spm", dir) : NULL;

    if (vocab && has(dir, "source.spm"))
        return cli_status(att_tokenizer_open(&l->tok, given, vocab));
    if (vocab)
        return cli_usage("vocab show",
                         "vocab show: --vocab is for SentencePiece models: %s has no "
                         "source.spm",
                         dir);
    if (has(dir, "lexicon.json")) return cli_load_model(&l->model, dir);
    if (has(dir, "target_vocab.json"))
        cli_say("the source's; the target's: vocab show %s/target.spm --vocab "
                "%s/target_vocab.json",
                dir, dir);
    return cli_status(att_tokenizer_open_dir(&l->tok, dir));
}

static int open_file(listed *l, const char *path, const char *vocab)
{
    size_t n = strlen(path), size = 0;
    char *json;

    if (n < 5 || strcmp(path + n - 5, ".json") != 0)
        return cli_status(att_tokenizer_open(&l->tok, path, vocab));
    json = cli_read_file(path, 1 << 28, &size);
    if (!json) return EXIT_FAILED;
    return cli_status(att_tokenizer_open_json(&l->tok, json, size, path));
}

static int run_show(void *opts, const cli_list *words)
{
    vocab_opts *o = opts;
    const char *path = words->n ? words->item[0] : NULL;
    struct stat info;
    listed l = {0};
    int rc;

    if (!path) return cli_usage("vocab show", "vocab show: no file or directory given");
    rc = stat(path, &info) == 0 && S_ISDIR(info.st_mode)
             ? open_dir(&l, path, o->vocab)
             : open_file(&l, path, o->vocab);
    if (rc == 0 && o->characters && !l.model)
        rc = cli_fail("%s: its pieces are no words with characters inside", path);
    l.side = o->characters != 0;
    if (rc == 0) list(&l, o->json != 0);
    att_tokenizer_destroy(l.tok);
    att_model_destroy(l.model);
    return rc;
}

static const char *const show_examples[] = {
    "Numbers and pieces of a model",
    "attend vocab show en-de",
    NULL,
};

const command cmd_vocab_show = {
    .name = "vocab show",
    .summary = "list the pieces of a vocabulary with their numbers",
    .usage = "FILE.spm | tokenizer.json | DIR [options]",
    .about =
        "Of a model's directory its tokenizer is listed, a translator's for the source; "
        "of a model of words the words that it knows.",
    .examples = show_examples,
    .options = show_options,
    .n_options = sizeof show_options / sizeof *show_options,
    .size = sizeof(vocab_opts),
    .max_words = 1,
    .defaults = defaults,
    .run = run_show,
};
