/* cmd_translate.c - attend translate: lines in, as many lines out, in order.
 *
 * Lines are translated in chunks: all that have come, up to a bound. Behind a file that
 * makes large chunks, which the session sorts and packs; at the end of a pipe it answers
 * at once. What a line becomes does not depend on its chunk. */
#include "commands.h"
#include "explain_lines.h"
#include "target_lang.h"
#include "term.h"
#include "translate.h"
#include "used_dir.h"

#include <stdlib.h>
#include <string.h>

#define ROW(member) .at = offsetof(translate_opts, member)

static const opt options[] = {
    {.kind = OPT_GROUP, .help = "Files"},
    DECODE_MODEL_ROW(translate_opts, x),
    {.name = "input",
     .letter = 'i',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(input),
     .flags = OPT_VOLATILE,
     .help = "source sentences (default: standard input)"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .flags = OPT_VOLATILE,
     .help = "where translations go; a file appears when it is complete (default: "
             "standard output)"},
    {.name = "prefix",
     .alias = "force-decode",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(prefix),
     .help = "line i is what translation i must begin with; an empty line leaves it "
             "free"},
    {.name = "to",
     .kind = OPT_STR,
     .arg = "LANG",
     ROW(to),
     .help = "the target language of a model that has several: puts >>LANG<< in front "
             "of lines that name none"},
    {.kind = OPT_GROUP, .help = "Search"},
    DECODE_SEARCH_ROWS(translate_opts, x),
    {.name = "maxi-batch",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 65536,
     ROW(maxi_batch),
     .help = "batches read ahead, to pack lines of like length"},
    {.kind = OPT_GROUP, .help = "Sampling"},
    {.name = "sampling",
     .alias = "output-sampling",
     .kind = OPT_FLAG,
     ROW(x.d.sampling),
     .help = "draw tokens instead of searching; limited by the options below in their "
             "order"},
    {.name = "temperature",
     .kind = OPT_F32,
     .arg = "T",
     .lo = 1e-4,
     .hi = 1e4,
     ROW(x.d.temperature),
     .help = "logits are divided by it"},
    {.name = "top-k",
     .kind = OPT_I32,
     .arg = "K",
     .lo = 0,
     .hi = 16777216,
     ROW(x.d.top_k),
     .help = "the K likeliest tokens only; 0 = all"},
    {.name = "top-p",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 1e-6,
     .hi = 1,
     ROW(x.d.top_p),
     .help = "the fewest tokens that have this probability together"},
    {.name = "min-p",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 0,
     .hi = 1,
     ROW(x.d.min_p),
     .help = "tokens with at least this share of the likeliest one's probability"},
    {.name = "seed",
     .kind = OPT_U64,
     .arg = "N",
     ROW(x.d.seed),
     .help = "draws depend on it and on the line's number only"},
    {.kind = OPT_GROUP, .help = "What is printed"},
    {.name = "n-best",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1024,
     ROW(n_best),
     .flags = OPT_NO_DEFAULT,
     .help = "N translations a line in Marian's form: number ||| translation ||| F0= "
             "log-probability ||| score; the beam is at least as wide"},
    {.name = "alignment",
     .kind = OPT_STR,
     .arg = "hard|soft|P",
     ROW(alignment),
     .help = "append ||| and the alignment: hard = source-target pairs from 0, soft = "
             "source weights by target token, a number P = pairs with more weight than "
             "P. Indices are of tokens, </s> included"},
    {.name = "attention",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(attention),
     .flags = OPT_VOLATILE,
     .help = "write every line's weights here, a JSON object a line: tokens, then "
             "cross, encoder, decoder as [layer][head][row][column]"},
    {.name = "align-layer",
     .kind = OPT_I32,
     .arg = "L",
     .lo = -1,
     .hi = 1023,
     ROW(x.d.align_layer),
     .help = "decoder layer whose cross-attention is shown; -1 = "
             "mean of all"},
    {.name = "align-head",
     .kind = OPT_I32,
     .arg = "H",
     .lo = -1,
     .hi = 1023,
     ROW(x.d.align_head),
     .help = "its head; -1 = mean of all"},
    {.name = "word-scores",
     .kind = OPT_FLAG,
     ROW(word_scores),
     .help = "append ||| WordScores= and the log-probability of each token"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(x.json),
     .flags = OPT_VOLATILE,
     .help = "one JSON object a line: text, score, tokens and what else was asked for"},
};

static void defaults(void *opts)
{
    translate_opts *o = opts;

    decode_defaults(&o->x);
    o->maxi_batch = 16;
}

/* --- the stream ------------------------------------------------------------------- */

typedef struct stream {
    const translate_opts *o;
    translate_printer p;
    att_session *session;
    attention_lines lines;
    cli_in in, prefix;
    char **text, **prefixes; /* [cap] */
    char *lang;              /* in front of each line; NULL: nothing */
    target_lang_watch langs;
    int32_t n, cap;
    int64_t done, tokens, cut;
    progress bar;
    double began;
} stream;

/* A prefix for every line, or it is the wrong file: its lines and the input's are
 * counted to the end to say so. */
static void report_short_prefix(stream *s, int64_t prefixes)
{
    size_t len;

    while (!cli_signal() && cli_in_line(&s->in, &len)) continue;
    cli_fail("%s: %lld lines, the input has %lld: --prefix needs one for each",
             s->o->prefix, (long long)prefixes, (long long)s->in.line);
    s->prefix.failed = true;
}

/* Collects lines until the chunk is full or the next one would have to be waited for. */
static bool read_chunk(stream *s)
{
    char *line;
    size_t len;

    for (s->n = 0; s->n < s->cap; s->n++) {
        if (s->n > 0 && !cli_in_ready(&s->in)) break;
        line = cli_in_line(&s->in, &len);
        if (!line) break;
        cli_in_check(&s->in, line);
        s->text[s->n] = target_lang_line(s->lang, line);
        target_lang_watch_line(&s->langs, s->text[s->n], s->in.line);
        if (!s->o->prefix) continue;
        line = cli_in_line(&s->prefix, &len);
        if (!line) {
            cli_free(s->text[s->n]);
            if (!s->prefix.failed && !cli_signal())
                report_short_prefix(s, s->done + s->n);
            return false;
        }
        cli_in_check(&s->prefix, line);
        s->prefixes[s->n] = *line ? cli_strdup(line) : NULL;
    }
    return s->n > 0 && !cli_signal();
}

static void free_chunk(stream *s)
{
    for (int32_t i = 0; i < s->n; i++) {
        cli_free(s->text[i]);
        cli_free(s->prefixes[i]);
        s->prefixes[i] = NULL;
    }
}

/* Prints what became of the next lines. */
static int put_result(stream *s, const att_result *result)
{
    char label[80];
    int rc = 0;

    for (int32_t i = 0; i < att_result_count(result); i++) {
        const att_sentence *sentence = att_result_sentence(result, i);

        if (sentence->source_cut) {
            s->cut++;
            cli_warn("line %lld: cut to %d tokens, %d dropped (--max-source)",
                     (long long)(s->done + i + 1), sentence->n_source,
                     sentence->source_cut);
        }
        for (int32_t k = 0; k < sentence->n_hypotheses && k < 1; k++)
            s->tokens += sentence->hypotheses[k].n_scores;
        translate_print(&s->p, s->done + i, sentence);
        if (s->lines.x && rc == 0)
            rc = attention_lines_add(&s->lines, s->done + i, sentence);
    }
    if (rc) return rc;
    s->done += att_result_count(result);
    snprintf(label, sizeof label, "%lld lines, %.0f tokens/s", (long long)s->done,
             (double)s->tokens / (cli_now() - s->began));
    progress_update(&s->bar, cli_in_done(&s->in), -1, label);
    return cli_out_check(s->p.out);
}

/* The first n lines of the chunk. */
static int translate_lines(stream *s, int32_t n, att_status *st)
{
    const char *const *texts = (const char *const *)s->text;
    const char *const *prefixes =
        s->o->prefix ? (const char *const *)s->prefixes : NULL;
    att_result *result = NULL;
    int rc;

    /* Draws go by the line's number, whatever chunk it came in. */
    *st = att_session_set_first(s->session, s->done);
    if (*st == ATT_OK) *st = att_translate(s->session, &result, texts, prefixes, n);
    progress_busy_end();
    if (*st != ATT_OK) return EXIT_FAILED;
    rc = put_result(s, result);
    att_result_destroy(result);
    return rc;
}

/* Where the library refuses a sentence by its number: how many of the chunk come before
 * it, and why. -1: it speaks of none. */
static int32_t refused(const stream *s, const char **why)
{
    static const char word[] = "sentence ";
    const char *m = att_error_message();
    char *end;
    long long at;

    if (strncmp(m, word, sizeof word - 1) != 0) return -1;
    m += sizeof word - 1;
    at = strtoll(m, &end, 10) - s->done;
    if (end == m || strncmp(end, ": ", 2) != 0 || at < 0 || at >= s->n) return -1;
    *why = cli_strdup(end + 2);
    return (int32_t)at;
}

/* A line that cannot be translated ends the run, after those before it. */
static int translate_chunk(stream *s)
{
    const char *why;
    att_status st;
    int32_t before;
    int rc = translate_lines(s, s->n, &st);

    if (st == ATT_OK) return rc;
    before = refused(s, &why);
    if (before < 0) return cli_status(st);
    if (before > 0 && (rc = translate_lines(s, before, &st)) != 0)
        return st == ATT_OK ? rc : cli_status(st);
    return cli_fail("line %lld: %s%s", (long long)s->done + 1, why,
                    strstr(why, "prefix") ? " (--prefix)" : "");
}

static int run_stream(stream *s)
{
    int rc = 0;

    s->began = cli_now();
    progress_start(&s->bar, "translating");
    /* Until the first lines are done; not where somebody types them. */
    if (s->in.size > 0) progress_busy("translating");
    while (rc == 0 && read_chunk(s)) {
        rc = translate_chunk(s);
        free_chunk(s);
    }
    progress_busy_end();
    progress_end(&s->bar);
    if (rc == 0 && cli_signal()) rc = 128 + cli_signal();
    if (rc == 0 && (s->in.failed || s->prefix.failed)) rc = EXIT_FAILED;
    return rc;
}

static int open_and_run(const translate_printer *p)
{
    const translate_opts *o = p->o;
    stream s = {.o = o, .p = *p};
    cli_out out;
    att_status st;
    int rc;

    if (!cli_in_open(&s.in, o->input)) return EXIT_FAILED;
    if (o->attention && o->output && strcmp(o->output, "-") != 0 &&
        used_same(o->attention, o->output))
        return cli_usage("translate",
                         "translate: --output and --attention are one file");
    if (o->prefix && !cli_in_open(&s.prefix, o->prefix)) return EXIT_FAILED;
    if ((rc = target_lang_find(&s.lang, p->model, o->to, "translate")) != 0) return rc;
    st = att_session_create(&s.session, p->model, &o->x.d);
    if (st != ATT_OK) return decode_refused(st, &cmd_translate);
    if (!cli_out_open(&out, o->output)) {
        att_session_destroy(s.session);
        return EXIT_FAILED;
    }
    if (o->attention &&
        (rc = attention_lines_open(&s.lines, o->attention, p->model)) != 0) {
        cli_out_drop(&out);
        att_session_destroy(s.session);
        return rc;
    }
    s.p.out = &out;
    s.cap = o->x.d.batch_size * o->maxi_batch;
    if (s.cap > 1 << 20) s.cap = 1 << 20;
    s.text = cli_alloc((size_t)s.cap, sizeof *s.text);
    s.prefixes = cli_alloc((size_t)s.cap, sizeof *s.prefixes);
    target_lang_watch_open(&s.langs, p->model);
    rc = attention_lines_close(&s.lines, run_stream(&s));
    target_lang_watch_close(&s.langs);
    att_session_destroy(s.session);
    cli_in_close(&s.in);
    if (o->prefix) cli_in_close(&s.prefix);
    cli_free(s.lang);
    cli_free(s.text);
    cli_free(s.prefixes);
    return cli_out_end(&out, rc);
}

/* What was asked for in vain; whether tokens are drawn may be the model's default. */
static void warn_idle(const translate_opts *o)
{
    if (!o->x.d.sampling)
        opt_idle("temperature|top-k|top-p|min-p", "without --sampling");
    if (!o->alignment) opt_idle("align-layer|align-head", "without --alignment");
}

/* What was asked for and cannot be had together, before the model is read. */
static int check_options(const translate_opts *o)
{
    static const char name[] = "translate";
    const att_decode_opts *d = &o->x.d;

    if (opt_given("beam-size") && o->n_best > d->beam_size && !d->sampling)
        return cli_usage(name,
                         "%s: --n-best %d of --beam-size %d: the beam holds fewer",
                         name, o->n_best, d->beam_size);
    if (d->sampling && o->n_best > 1)
        return cli_usage(name,
                         "%s: --sampling draws one translation a line, not "
                         "--n-best %d",
                         name, o->n_best);
    if (d->sampling && opt_given("beam-size") && d->beam_size > 1)
        return cli_usage(name, "%s: --sampling has no beam: leave --beam-size out",
                         name);
    if (d->max_length > 0 && d->min_length > d->max_length)
        return cli_usage(name, "%s: --min-length %d is above --max-length %d", name,
                         d->min_length, d->max_length);
    return 0;
}

static int run(void *opts, const cli_list *words)
{
    translate_opts *o = opts;
    translate_printer p = {.o = o};
    att_model *model = NULL;
    int rc;

    (void)words;
    if ((rc = translate_settle_alignment(&p)) != 0) return rc;
    if ((rc = check_options(o)) != 0) return rc;
    rc = decode_open(&model, &cmd_translate, o, &o->x);
    if (rc) return rc;
    warn_idle(o);
    o->x.d.n_best = o->n_best > 0 ? o->n_best : 1;
    /* The model's own beam gives way to what was asked for. */
    if (o->x.d.sampling)
        o->x.d.beam_size = 1;
    else if (o->n_best > o->x.d.beam_size)
        o->x.d.beam_size = o->n_best;
    o->x.d.want_scores = o->word_scores;
    o->x.d.want_alignment = o->alignment != NULL;
    cli_catch_signals();
    p.model = model;
    rc = open_and_run(&p);
    att_model_destroy(model);
    return rc;
}

static const char *const examples[] = {
    "A file",
    "attend translate -m en-de --beam-size 5 < test.en > test.de",
    "The five best with scores and alignments",
    "attend translate -m en-de --n-best 5 --alignment hard --word-scores < test.en",
    "A line",
    "echo 'I am a student' | attend translate -m en-zh --json",
    "A model of several target languages",
    "echo 'I am a student' | attend translate -m en-many --to de",
    NULL,
};

const command cmd_translate = {
    .name = "translate",
    .summary = "translate lines of text",
    .usage = "-m DIR [options] < source > translation",
    .about =
        "Reads one sentence a line and writes as many lines in the same order; an "
        "empty line stays empty. A translation depends on its line and the model "
        "only: not on its neighbours, the batch or the number of threads. Defaults "
        "marked here give way to the model's generation_config.json.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(translate_opts),
    .defaults = defaults,
    .run = run,
};
