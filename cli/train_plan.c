/* train_plan.c - the length of a training and what hangs on it.
 *
 * A preset says how many updates its model wants. A small corpus gets fewer: it would be
 * known by heart. Warm-up, validations and checkpoints keep their share of the whole,
 * however long that is. All of it is a function of the options and the files, and what
 * was given on the command line, in the environment or in a file is never touched. */
#include "train_plan.h"
#include "term.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLAN_UPDATES = 30000,  /* without a preset */
    PLAN_EPOCHS_MAX = 100, /* passes over a corpus by default */
    LOOK_LINES = 2000,     /* of validation text, to see how it is written */
    LEAST_UPDATES = 600,   /* of a training whose preset counts passes, */
    LEAST_BATCH = 1024,    /* which get no smaller for that */
    SHORT_UPDATES = 2000   /* fewer: validations and checkpoints are planned */
};

/* Bytes of UTF-8 that a sub-word stands for: 5.2 in Multi30k's German at 10,000 pieces,
 * 4 to 5 in Chinese. Only limits and notes depend on it. */
static const double bytes_per_token = 5.0;

typedef struct corpus {
    int64_t pairs;
    double tokens; /* of the longer sides, guessed */
    bool known;    /* all files could be read */
} corpus;

/* --- the size of the text --------------------------------------------------------- */

/* Bytes of the next line without its end; -1 at the end. */
static int64_t line_bytes(FILE *f)
{
    int64_t n = 0;
    int c;

    while ((c = getc_unlocked(f)) != EOF && c != '\n') n++;
    return c == EOF && n == 0 ? -1 : n;
}

/* Files that are no plain files could be read once only: they are left to the training. */
static FILE *open_text(const char *path)
{
    return cli_is_file(path) ? fopen(path, "rb") : NULL;
}

/* Empty and overlong lines are counted by the training, which leaves them out. */
static void count_pair(corpus *c, int64_t a, int64_t b, int32_t max_length)
{
    double tokens = (double)(a > b ? a : b) / bytes_per_token + 1;

    if (a == 0 || b == 0 || tokens > max_length) return;
    c->pairs++;
    c->tokens += tokens;
}

static bool measure_pair(corpus *c, const char *source, const char *target,
                         int32_t max_length)
{
    FILE *s = open_text(source), *t = open_text(target);
    bool good = s && t;

    while (good && !cli_signal()) {
        int64_t a = line_bytes(s), b = line_bytes(t);

        if (a < 0 || b < 0) break;
        count_pair(c, a, b, max_length);
    }
    if (s) fclose(s);
    if (t) fclose(t);
    return good;
}

static corpus measure(const train_opts *o)
{
    corpus c = {.known = o->t.n_train > 0};

    for (int32_t i = 0; i < o->t.n_train && c.known; i++)
        c.known = measure_pair(&c, o->t.train_source[i], o->t.train_target[i],
                               o->t.max_length);
    c.known = c.known && c.pairs > 0;
    return c;
}

static cli_text said; /* what was decided, for people */

/* --- how long --------------------------------------------------------------------- */

typedef struct length {
    double count;
    char unit;      /* e, u, m */
    double updates; /* guessed for e; 0 = unknown */
    double per_epoch;
} length;

/* A duration that the library has found to be one: 12e, 8Ku, 40m, 500. */
static length parse_length(const char *text)
{
    char *end;
    length l = {.count = strtod(text, &end), .unit = 'u'};

    if (*end == 'K' || *end == 'M' || *end == 'G')
        l.count *= *end == 'K' ? 1e3 : *end == 'M' ? 1e6 : 1e9;
    if (*end) l.unit = text[strlen(text) - 1];
    if (!strchr("eum", l.unit)) l.unit = 'u';
    return l;
}

static length plan_length(train_opts *o, const corpus *c)
{
    bool given = opt_given("after");
    length l;

    if (!given && !o->preset) o->t.after = cli_format("%du", PLAN_UPDATES);
    l = parse_length(o->t.after);
    if (c->known) l.per_epoch = c->tokens / (double)o->t.batch_tokens;
    if (c->known && l.per_epoch < 1) l.per_epoch = 1;
    if (!given && c->known && l.count > PLAN_EPOCHS_MAX * l.per_epoch) {
        o->t.after = cli_format("%de", PLAN_EPOCHS_MAX);
        l.count = PLAN_EPOCHS_MAX;
        l.unit = 'e';
    }
    l.updates = l.unit == 'u' ? l.count : l.unit == 'e' ? l.count * l.per_epoch : 0;
    return l;
}

/* --- what hangs on it ------------------------------------------------------------- */

/* At least `least`, but never above `most`. */
static double between(double v, double least, double most)
{
    if (v < least) v = least;
    return v > most ? most : v;
}

/* So many updates as text, in the unit of the whole. */
static char *frequency(const length *l, double updates)
{
    if (updates < 1) updates = 1;
    if (l->unit == 'e' && l->per_epoch > 0)
        return cli_format("%.3ge", updates / l->per_epoch);
    return cli_format("%.0fu", updates);
}

static char *minutes(double n)
{
    return cli_format("%.3gm", n);
}

/* 36 validations and 144 checkpoints, fewer in a short training: each takes its time. */
static void plan_frequencies(train_opts *o, const length *l)
{
    bool valid = !opt_given("valid-freq"), save = !opt_given("save-freq");
    double n = l->updates;

    if (l->unit == 'm') {
        if (valid) o->t.valid_freq = minutes(between(l->count / 36, 0.5, l->count / 4));
        if (save) o->t.save_freq = minutes(between(l->count / 144, 0.25, l->count / 8));
    } else if (n > 0) {
        if (valid) o->t.valid_freq = frequency(l, between(n / 36, 100, n / 6));
        if (save) o->t.save_freq = frequency(l, between(n / 144, 25, n / 20));
    }
}

static bool plan_warmup(train_opts *o, const length *l)
{
    double most = l->updates / 5;

    if (opt_given("lr-warmup") || l->updates <= 0 || (double)o->t.warmup <= most)
        return false;
    o->t.warmup = (int64_t)(most < 1 ? 1 : most);
    return true;
}

/* --- how BLEU is counted ---------------------------------------------------------- */

static bool is_chinese(const unsigned char *p)
{
    /* U+4E00 to U+9FFF are E4 B8 80 to E9 BF BF. */
    return p[0] >= 0xe4 && p[0] <= 0xe9 && p[1] >= 0x80;
}

/* Text that was tokenised before has its stops and commas apart: "a man , a dog ." */
static const char *guess_tokenisation(const char *path)
{
    int64_t n = 0, apart = 0, joined = 0, chinese = 0;
    FILE *f = open_text(path);
    char line[4096];

    while (f && n < LOOK_LINES && fgets(line, sizeof line, f)) {
        bool han = false;

        n++;
        for (char *p = line; *p; p++) {
            if (is_chinese((const unsigned char *)p)) han = true;
            if (p == line || !strchr(".,?!", *p) || (p[1] != ' ' && p[1] != '\n'))
                continue;
            if (p[-1] == ' ')
                apart++;
            else
                joined++;
        }
        chinese += han;
    }
    if (f) fclose(f);
    if (chinese * 2 > n) return "zh";
    return apart >= 10 && apart > 20 * joined ? "none" : "13a";
}

/* --- how text is taken ------------------------------------------------------------ */

/* Full-width punctuation (U+FF01 to U+FF5E, UTF-8 EF BC 81 to EF BD 9E) is how Chinese
 * and Japanese are written. NFKC would make it ASCII, and a translator that has never
 * seen them cannot write them. A question mark a hundred lines is enough: text without
 * has none at all. */
static bool is_full_width(const char *path)
{
    int64_t n = 0, wide = 0;
    FILE *f = open_text(path);
    char line[4096];

    while (f && n < LOOK_LINES && fgets(line, sizeof line, f)) {
        bool has = false;

        n++;
        for (const unsigned char *p = (const unsigned char *)line; *p && !has; p++)
            has = p[0] == 0xef && ((p[1] == 0xbc && p[2] >= 0x81) ||
                                   (p[1] == 0xbd && p[2] <= 0x9e && p[2] >= 0x80));
        wide += has;
    }
    if (f) fclose(f);
    return wide > 0 && wide * 100 >= n;
}

/* One vocabulary is made of all files, so one target that needs it decides. */
static void plan_normalisation(train_opts *o)
{
    int32_t i = 0;

    if (opt_given("tokenizer-raw") || o->t.tokenizer) return;
    while (i < o->t.n_train && !is_full_width(o->t.train_target[i])) i++;
    if (i == o->t.n_train) return;
    o->t.tokenizer_raw = 1;
    cli_addf(&said,
             "\n%s has full-width punctuation, which Unicode normalisation "
             "would make ASCII: text is taken as it is (--tokenizer-raw)",
             o->t.train_target[i]);
}

/* --- all of it -------------------------------------------------------------------- */

static void describe(const train_opts *o, const corpus *c, const length *l)
{
    char a[40], b[40], w[40];

    cli_add(&said, "plan: ");
    if (l->unit == 'm')
        cli_addf(&said, "%g minutes", l->count);
    else if (l->unit == 'e' && c->known)
        cli_addf(&said, "%g passes over %s pairs, about %s updates", l->count,
                 term_count(a, c->pairs), term_count(b, (int64_t)l->updates));
    else if (l->unit == 'e')
        cli_addf(&said, "%g passes", l->count);
    else if (c->known)
        cli_addf(&said, "%s updates, about %.3g passes over %s pairs",
                 term_count(b, (int64_t)l->count), l->count / l->per_epoch,
                 term_count(a, c->pairs));
    else
        cli_addf(&said, "%s updates", term_count(b, (int64_t)l->count));
    cli_addf(&said, " (--after %s)", o->t.after);
    if (strcmp(o->t.schedule, "noam") != 0)
        cli_addf(&said, ", rate %g after %s updates%s", (double)o->t.lr,
                 term_count(w, o->t.warmup),
                 l->unit == 'm' ? " or a fifth of the time" : "");
    cli_addf(&said, "; a checkpoint every %s", o->t.save_freq);
    if (o->t.valid_source) cli_addf(&said, ", validation every %s", o->t.valid_freq);
}

/* One name for all pairs of the validation, or one for each where they differ. */
static void plan_tokenisation(train_opts *o)
{
    static const char *const meaning[][2] = {
        {"none", "looks tokenised already: its BLEU is counted on the words as they "
                 "stand"},
        {"zh", "is Chinese: its BLEU is counted by characters as sacreBLEU's zh does"}};
    int32_t n = o->t.n_valid > 0 ? o->t.n_valid : 1;
    bool differ = false;
    cli_text names = {0};

    if (!o->t.valid_target || o->t.valid_beam <= 0 || opt_given("valid-tokenize"))
        return;
    for (int32_t i = 0; i < n; i++) {
        const char *path = o->t.n_valid > 0 ? o->t.valid_targets[i] : o->t.valid_target;
        const char *name = guess_tokenisation(path);

        differ = differ || (i > 0 && strcmp(name, o->t.valid_tokenize) != 0);
        o->t.valid_tokenize = name;
        cli_addf(&names, i ? ",%s" : "%s", name);
        for (size_t k = 0; k < 2; k++)
            if (strcmp(name, meaning[k][0]) == 0)
                cli_addf(&said, "\n%s %s (--valid-tokenize %s)", path, meaning[k][1],
                         meaning[k][0]);
    }
    if (differ)
        o->t.valid_tokenize = names.s;
    else
        cli_free(names.s);
}

int train_plan(train_opts *o)
{
    corpus c = measure(o);
    length l = plan_length(o, &c);
    bool shortened;

    if (!o->t.valid_source) {
        if (opt_given("valid-beam") && o->t.valid_beam > 0)
            return cli_usage("train translate",
                             "train translate: --valid-beam needs --valid SOURCE "
                             "TARGET");
        o->t.valid_beam = 0;
    }
    plan_frequencies(o, &l);
    shortened = plan_warmup(o, &l);
    describe(o, &c, &l);
    if (shortened) cli_add(&said, "\nthe warm-up is a fifth of so short a training");
    plan_normalisation(o);
    plan_tokenisation(o);
    return 0;
}

/* Whether a batch is measured in words and their characters. */
static bool has_words(const train_opts *o)
{
    return strcmp(o->t.task, "generate") != 0 &&
           strcmp(o->t.arch, "xlm-roberta") != 0 && strcmp(o->t.arch, "bert") != 0;
}

/* Tokens that files of one side have, roughly: what their bytes are apart. */
static double guess_tokens(const train_opts *o)
{
    bool sub_words = strcmp(o->t.task, "generate") != 0 && !has_words(o);
    double bytes = 0, a_token = sub_words ? 4 : 1;

    for (int32_t i = 0; i < o->t.n_train; i++) {
        FILE *f = open_text(o->t.train_source[i]);
        if (f && fseek(f, 0, SEEK_END) == 0 && ftell(f) > 0) bytes += (double)ftell(f);
        if (f) fclose(f);
    }
    /* Ten columns a word, of which one or two are read. */
    if (strcmp(o->t.task, "tag") == 0) a_token *= 8;
    if (strcmp(o->t.task, "generate") == 0 && !o->t.char_vocab) a_token = 3;
    return bytes / a_token;
}

static length one_side_length(const train_opts *o, double tokens)
{
    length l = parse_length(o->t.after);

    l.per_epoch = tokens / (double)o->t.batch_tokens;
    if (l.per_epoch < 1) l.per_epoch = 1;
    l.updates = l.unit == 'u' ? l.count : l.unit == 'e' ? l.count * l.per_epoch : 0;
    return l;
}

/* A preset's passes and batch are those of a large corpus; over a small one they would end
 * before anything was learnt. It gets smaller batches first, then more passes. */
static void plan_small(train_opts *o, length *l, double tokens)
{
    double batch = tokens * l->count / LEAST_UPDATES, passes;

    if (!opt_given("mini-batch-words") && batch < o->t.batch_tokens)
        o->t.batch_tokens = (int32_t)between(batch, LEAST_BATCH, o->t.batch_tokens);
    *l = one_side_length(o, tokens);
    passes = between(ceil(LEAST_UPDATES / l->per_epoch), l->count, PLAN_EPOCHS_MAX);
    if (passes > l->count) o->t.after = cli_format("%.0fe", passes);
    *l = one_side_length(o, tokens);
    cli_addf(&said,
             "plan: a small corpus, so %.3g passes in batches of %d %s, about %.0f "
             "updates (--after %s, --mini-batch-words %d)\n",
             l->count, (int)o->t.batch_tokens,
             has_words(o) ? "words and characters" : "tokens", l->updates, o->t.after,
             (int)o->t.batch_tokens);
}

int train_plan_one_side(train_opts *o)
{
    double tokens = guess_tokens(o);
    length l = one_side_length(o, tokens);
    bool own = !opt_given("after") && l.unit == 'e' && tokens > 0;

    if (own && l.updates < LEAST_UPDATES) plan_small(o, &l, tokens);
    if (own && l.updates < SHORT_UPDATES) plan_frequencies(o, &l);
    if (plan_warmup(o, &l))
        cli_addf(&said, "the warm-up is a fifth of so short a training: %lld updates\n",
                 (long long)o->t.warmup);
    if (said.n) said.s[--said.n] = 0;
    return 0;
}

void train_plan_say(void)
{
    if (said.n) cli_say("%s", said.s);
}
