/* tokenizer_train.c - a new SentencePiece model from text files.
 *
 * The sample is drawn here, by our seed, in one pass that counts and one that picks
 * (Vitter 1984, algorithm S): what is kept never depends on memory or threads. Lines
 * that are no text (invalid UTF-8, NUL) are left out: they would put rubbish characters
 * into the vocabulary; and so are lines with a TAB or U+2585, which SentencePiece keeps to
 * itself: its trainer drops them, and must not be left with nothing. */
#include "tokenize/tokenizer_train.h"
#include "atti_config.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/str.h"
#include "tokenize/spm_shim.h"
#include <stdio.h>
#include <string.h>

enum { MAX_LINE = 1 << 14, MAX_VOCAB = 1 << 20, SAMPLE_STREAM = 0x73706d };

void att_tokenizer_train_opts_init(att_tokenizer_train_opts *opts)
{
    if (!opts) return;
    memset(opts, 0, sizeof *opts);
    opts->size = (uint32_t)sizeof *opts;
    opts->vocab_size = 10000;
    opts->character_coverage = 1.0;
    opts->max_sentences = 1000000;
    opts->normalise = 1;
}

#ifdef ATTI_HAVE_SENTENCEPIECE

typedef struct sampler {
    const char *const *files;
    int32_t n_files, file;
    int32_t beside; /* of the size asked for, no pieces of this model */
    atti_lines *lines;
    int64_t left, wanted; /* usable lines not yet seen; still to be picked */
    atti_rng rng;
    att_status st;
} sampler;

/* Something that no normalisation takes away: SentencePiece's trainer ends the program
 * when nothing at all is left of its corpus. */
static bool visible(const char *line, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = 0;
        int len = atti_utf8_decode(&c, line + i, n - i);
        if (c > 0x20 && c < 0x7f) return true;
        /* Spaces, format characters, variation selectors, tags and private use lie in
         * these ranges, and little else; apart from them the Arabic letter mark, Ogham's
         * and the ideographic space, and SentencePiece's own sign of a space. */
        if (c >= 0xc0 && !(c >= 0x2000 && c <= 0x206f) && c < 0xe000 && c != 0x61c &&
            c != 0x1680 && c != 0x3000 && c != 0x2581) {
            return true;
        }
        i += (size_t)len;
    }
    return false;
}

/* U+2585 takes the place of unknown characters inside the trainer. */
static bool has_unknown_sign(const char *line, size_t n)
{
    const char *p = line;
    while ((p = memchr(p, '\xe2', (size_t)(line + n - p))) != NULL) {
        if (line + n - p >= 3 && memcmp(p, "\xe2\x96\x85", 3) == 0) return true;
        p++;
    }
    return false;
}

static bool usable(const char *line, size_t n)
{
    return n > 0 && n <= MAX_LINE && !memchr(line, '\0', n) && !memchr(line, '\t', n) &&
           atti_utf8_valid(line, n) && visible(line, n) && !has_unknown_sign(line, n);
}

/* *line = NULL after the last file. */
static att_status next_usable(sampler *s, const char **line, size_t *n)
{
    for (;;) {
        if (!s->lines) {
            *line = NULL;
            if (s->file == s->n_files) return ATT_OK;
            ATTI_TRY(atti_lines_open(&s->lines, s->files[s->file++], 0));
        }
        ATTI_TRY(atti_lines_next(s->lines, line, n));
        if (!*line) {
            atti_lines_close(s->lines);
            s->lines = NULL;
        } else if (usable(*line, *n)) {
            return ATT_OK;
        }
    }
}

static void rewind_sampler(sampler *s)
{
    atti_lines_close(s->lines);
    s->lines = NULL;
    s->file = 0;
}

static att_status count_lines(sampler *s)
{
    const char *line = NULL;
    size_t n = 0;
    for (;;) {
        ATTI_TRY(next_usable(s, &line, &n));
        if (!line) break;
        s->left++;
    }
    rewind_sampler(s);
    return ATT_OK;
}

static int next_sample(void *ctx, const char **line, size_t *n)
{
    sampler *s = ctx;
    while (s->wanted > 0) {
        s->st = next_usable(s, line, n);
        if (s->st != ATT_OK || !*line) return 1;
        uint64_t draw = atti_rng_below(&s->rng, (uint64_t)s->left--);
        if (draw < (uint64_t)s->wanted) {
            s->wanted--;
            return 0;
        }
    }
    return 1;
}

typedef struct model_out {
    const char *path;
    att_status st;
} model_out;

static int write_model(void *ctx, const char *data, size_t n)
{
    model_out *o = ctx;
    o->st = atti_write_file(o->path, data, n);
    return 0;
}

static att_status check_opts(const att_tokenizer_train_opts *o)
{
    if (o->vocab_size < 8 || o->vocab_size > MAX_VOCAB) {
        return atti_fail(ATT_EINVAL, "vocabulary of %d pieces, expected 8..%d",
                         o->vocab_size, MAX_VOCAB);
    }
    if (!(o->character_coverage > 0.5 && o->character_coverage <= 1.0)) {
        return atti_fail(ATT_EINVAL, "character coverage %g, expected above 0.5, to 1",
                         o->character_coverage);
    }
    for (int32_t i = 0; i < o->n_symbols; i++) {
        const char *s = o->symbols ? o->symbols[i] : NULL;
        if (s && *s && !strchr(s, ',') && atti_utf8_valid(s, strlen(s))) continue;
        return atti_fail(ATT_EINVAL,
                         "symbol %d '%.40s' of a vocabulary: a text without "
                         "commas",
                         (int)i, s ? s : "");
    }
    if (o->max_sentences < 1) {
        return atti_fail(ATT_EINVAL, "at most %lld sentences, expected 1 or more",
                         (long long)o->max_sentences);
    }
    return ATT_OK;
}

/* SentencePiece says in its own words that every character needs a piece, and how many
 * characters there are. */
static att_status too_few_pieces(const sampler *s, const att_tokenizer_train_opts *o,
                                 const char *err)
{
    static const char words[] = "smaller than required_chars. ";
    const char *at = strstr(err, words);
    long have = 0, need = 0;
    if (!at || sscanf(at + sizeof words - 1, "%ld vs %ld", &have, &need) != 2) {
        return ATT_OK;
    }
    /* What it has beside the characters' pieces, it has in any size. */
    need += o->vocab_size - have;
    return atti_fail(ATT_EINVAL,
                     "vocabulary of %d pieces: the characters and special tokens of %s "
                     "take %ld, so at least %ld are needed",
                     o->vocab_size, s->files[0], need, need);
}

static att_status list_symbols(atti_str *s, const att_tokenizer_train_opts *o)
{
    for (int32_t i = 0; i < o->n_symbols; i++)
        atti_str_addf(s, "%s%s", i ? "," : "", o->symbols[i]);
    return s->status;
}

static att_status train(sampler *s, const char *model_path,
                        const att_tokenizer_train_opts *o)
{
    ATTI_TRY(count_lines(s));
    if (s->left == 0) {
        return atti_fail(ATT_EFORMAT, "%s: no line of text to make a vocabulary from",
                         s->files[0]);
    }
    s->wanted = s->left < o->max_sentences ? s->left : o->max_sentences;
    s->rng.key = atti_key(o->seed, 0, SAMPLE_STREAM);
    atti_str symbols = {0};
    ATTI_TRY(list_symbols(&symbols, o));
    atti_spm_train t = {.symbols = symbols.data,
                        .vocab_size = o->vocab_size - s->beside,
                        .unigram = o->unigram,
                        .byte_fallback = o->byte_fallback,
                        .normalise = o->normalise,
                        .character_coverage = o->character_coverage};
    model_out out = {.path = model_path};
    char err[512] = "";
    int rc = atti_spm_train_run(&t, next_sample, s, write_model, &out, err, sizeof err);
    atti_str_deinit(&symbols);
    ATTI_TRY(s->st); /* a read error ends the sample early: it is the cause */
    if (rc != ATTI_SPM_OK) {
        ATTI_TRY(too_few_pieces(s, o, err));
        return atti_fail(rc == ATTI_SPM_NO_MEMORY ? ATT_ENOMEM : ATT_EINVAL,
                         "training a vocabulary of %d pieces on %s: SentencePiece: %s",
                         o->vocab_size, s->files[0], err);
    }
    return out.st;
}

att_status atti_tokenizer_train(const char *model_path, const char *const *files,
                                int32_t n_files, const att_tokenizer_train_opts *opts,
                                int32_t beside)
{
    att_tokenizer_train_opts dflt;
    att_tokenizer_train_opts_init(&dflt);
    if (!opts) opts = &dflt;
    if (!model_path || !files || n_files < 1) {
        return atti_fail(ATT_EINVAL, "att_tokenizer_train: %s",
                         !model_path ? "model_path is NULL" : "no files");
    }
    if (opts->size != sizeof *opts) {
        return atti_fail(ATT_EINVAL,
                         "att_tokenizer_train: options of %u bytes, expected %zu: call "
                         "att_tokenizer_train_opts_init()",
                         (unsigned)opts->size, sizeof *opts);
    }
    for (int32_t i = 0; i < n_files; i++) {
        if (!files[i]) {
            return atti_fail(ATT_EINVAL, "att_tokenizer_train: file %d is NULL", i);
        }
    }
    ATTI_TRY(check_opts(opts));
    sampler s = {.files = files, .n_files = n_files, .beside = beside};
    att_status st = train(&s, model_path, opts);
    rewind_sampler(&s);
    return st;
}

#else

att_status atti_tokenizer_train(const char *model_path, const char *const *files,
                                int32_t n_files, const att_tokenizer_train_opts *opts,
                                int32_t beside)
{
    (void)model_path, (void)files, (void)n_files, (void)opts, (void)beside;
    return atti_fail(ATT_ENOTSUP, "this build has no SentencePiece");
}

#endif

att_status att_tokenizer_train(const char *model_path, const char *const *files,
                               int32_t n_files, const att_tokenizer_train_opts *opts)
{
    return atti_tokenizer_train(model_path, files, n_files, opts, 0);
}
