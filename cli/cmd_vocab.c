/* cmd_vocab.c - attend vocab train, attend vocab show: vocabularies on their own. */
#include "attend/tokenizer.h"
#include "commands.h"
#include "term.h"

#include <string.h>
#include <unistd.h>

typedef struct vocab_opts {
    cli_common c;
    att_tokenizer_train_opts t;
    const char *output, *vocab_json;
    int32_t raw;
    int32_t json;
    const char *vocab;
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
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .help = "one JSON object: piece to number"},
};

static int run_show(void *opts, const cli_list *words)
{
    vocab_opts *o = opts;
    att_tokenizer *tok = NULL;
    const char *path = words->n ? words->item[0] : NULL, *vocab = o->vocab;
    cli_text t = {0};
    att_status st;

    if (!path) return cli_usage("vocab show", "vocab show: no file or directory given");
    /* A model directory: its source side. */
    if (access(cli_format("%s/source.spm", path), R_OK) == 0) {
        if (!vocab && access(cli_format("%s/vocab.json", path), R_OK) == 0)
            vocab = cli_format("%s/vocab.json", path);
        path = cli_format("%s/source.spm", path);
    }
    st = att_tokenizer_open(&tok, path, vocab);
    if (st != ATT_OK) return cli_status(st);
    if (o->json) cli_add(&t, "{");
    for (int32_t i = 0; i < att_tokenizer_size(tok); i++) {
        const char *piece = att_tokenizer_piece(tok, i);

        if (!o->json) {
            printf("%d\t%s\n", i, piece ? piece : "");
            continue;
        }
        if (i) cli_add(&t, ",");
        cli_add_json(&t, piece ? piece : "");
        cli_addf(&t, ":%d", i);
    }
    if (o->json) {
        cli_add(&t, "}");
        puts(t.s);
    }
    att_tokenizer_destroy(tok);
    return EXIT_FINE;
}

static const char *const show_examples[] = {
    "Numbers and pieces of a model",
    "attend vocab show en-de",
    NULL,
};

const command cmd_vocab_show = {
    .name = "vocab show",
    .summary = "list the pieces of a vocabulary with their numbers",
    .usage = "FILE.spm | DIR [options]",
    .examples = show_examples,
    .options = show_options,
    .n_options = sizeof show_options / sizeof *show_options,
    .size = sizeof(vocab_opts),
    .max_words = 1,
    .defaults = defaults,
    .run = run_show,
};
