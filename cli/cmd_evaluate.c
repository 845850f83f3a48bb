/* cmd_evaluate.c - attend evaluate: how good is a model, or a translation. */
#include "attend/metrics.h"
#include "attend/train.h"
#include "commands.h"
#include "decode_options.h"
#include "evaluate_files.h"
#include "target_lang.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

typedef struct evaluate_opts {
    decode_opts x;
    const char *input, *source, *target, *output, *to;
    cli_list references;
    int32_t tokenize, smooth, lowercase, chrf_lowercase, chrf_word_order, bootstrap,
        width, batch_tokens;
    double smooth_value;
    evaluate_files_opts files;
} evaluate_opts;

#define ROW(member) .at = offsetof(evaluate_opts, member)

static const opt options[] = {
    {.kind = OPT_GROUP, .help = "A translation"},
    {.name = "reference",
     .letter = 'r',
     .kind = OPT_LIST,
     .arg = "FILE ...",
     ROW(references),
     .help = "what the lines of standard input should be; several files "
             "are several references a line"},
    {.name = "input",
     .letter = 'i',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(input),
     .help = "the translation (default: standard input)"},
    {.kind = OPT_GROUP, .help = "A model"},
    DECODE_MODEL_ROW(evaluate_opts, x),
    {.name = "source",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(source),
     .help = "sentences to translate"},
    {.name = "target",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(target),
     .help = "what they should become"},
    {.name = "to",
     .kind = OPT_STR,
     .arg = "LANG",
     ROW(to),
     .help = "of a model of several target languages: which one is wanted, as in de; "
             ">>de<< then stands in front of every source that has no such token"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .help = "keep the translations here"},
    {.name = "batch-tokens",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1e8,
     ROW(batch_tokens),
     .help = "tokens at a time when the loss is measured"},
    DECODE_SEARCH_ROWS(evaluate_opts, x),
    {.kind = OPT_GROUP, .help = "A model and its FILE ..."},
    {.name = "columns",
     .kind = OPT_STR,
     .arg = "NAMES",
     ROW(files.columns),
     .help = "of texts and labels, as in label,text (default: as in train classify)"},
    {.name = "column",
     .kind = OPT_CHOICE,
     .arg = "NAME",
     .choices = "upos|xpos",
     ROW(files.column),
     .help = "CoNLL-U's column that a tagger is compared with"},
    {.name = "confusion",
     .kind = OPT_FLAG,
     ROW(files.confusion),
     .help = "which labels were taken for which (--json has them always)"},
    {.name = "context",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 65534,
     ROW(files.context),
     .help = "tokens of a language model's blocks; 0 = all it was made for"},
    {.name = "slide",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 65534,
     ROW(files.slide),
     .flags = OPT_NO_DEFAULT,
     .help = "let the blocks overlap: each moves on by N tokens and is asked for these "
             "alone, which have more before them (default: blocks side by side)"},
    {.kind = OPT_GROUP, .help = "Metrics"},
    {.name = "tokenize",
     .kind = OPT_CHOICE,
     .choices = "13a|zh|char|none|intl",
     .arg = "NAME",
     ROW(tokenize),
     .help = "BLEU's tokenisation; none = the text is tokenised already"},
    {.name = "lowercase",
     .kind = OPT_FLAG,
     ROW(lowercase),
     .help = "let BLEU ignore case"},
    {.name = "chrf-lowercase",
     .kind = OPT_FLAG,
     ROW(chrf_lowercase),
     .help = "let chrF ignore case, which is apart in sacreBLEU"},
    {.name = "smooth",
     .kind = OPT_CHOICE,
     .choices = "exp|none|floor|add-k",
     .arg = "NAME",
     ROW(smooth),
     .help = "BLEU's smoothing"},
    {.name = "smooth-value",
     .kind = OPT_F64,
     .arg = "V",
     .lo = -1,
     .hi = 1e6,
     ROW(smooth_value),
     .flags = OPT_NO_DEFAULT,
     .help = "of floor (0.1) and add-k (1)"},
    {.name = "chrf-word-order",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 16,
     ROW(chrf_word_order),
     .help = "2 = chrF++"},
    {.name = "confidence-n",
     .alias = "bootstrap",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e6,
     ROW(bootstrap),
     .help = "resamples for a 95 % confidence interval, drawn as sacreBLEU draws them; "
             "0 = none"},
    {.name = "width",
     .alias = "w",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 15,
     ROW(width),
     .help = "digits after the point"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(x.json),
     .flags = OPT_VOLATILE,
     .help = "one JSON object on standard output"},
};

static void defaults(void *opts)
{
    evaluate_opts *o = opts;

    decode_defaults(&o->x);
    o->smooth_value = -1;
    o->width = 2;
    o->batch_tokens = 4096;
}

typedef struct scores {
    att_bleu bleu;
    att_chrf chrf;
    att_evaluation loss; /* of a model */
    bool has_loss;
} scores;

static int measure(scores *s, const evaluate_opts *o, char **hyps, int64_t n,
                   const char *const *const *refs, int32_t n_refs)
{
    const char *const *h = (const char *const *)hyps;
    att_bleu_opts b;
    att_chrf_opts c;
    att_status st;

    att_bleu_opts_init(&b);
    b.tokenize = o->tokenize;
    b.lowercase = o->lowercase;
    b.smooth = o->smooth;
    b.smooth_value = o->smooth_value;
    b.bootstrap = o->bootstrap;
    st = att_bleu_corpus(&s->bleu, h, refs, n_refs, n, &b);
    if (st != ATT_OK) return cli_status(st);
    att_chrf_opts_init(&c);
    c.lowercase = o->chrf_lowercase;
    c.word_order = o->chrf_word_order;
    c.bootstrap = o->bootstrap;
    return cli_status(att_chrf_corpus(&s->chrf, h, refs, n_refs, n, &c));
}

/* --- printing --------------------------------------------------------------------- */

static void print_interval(const evaluate_opts *o, double mean, double interval)
{
    if (mean > 0)
        printf(" (\xce\xbc = %.*f \xc2\xb1 %.*f)", o->width, mean, o->width, interval);
}

static void print_text(const evaluate_opts *o, const scores *s)
{
    const att_bleu *b = &s->bleu;
    double ratio = b->ref_len ? (double)b->hyp_len / (double)b->ref_len : 0;

    if (s->has_loss)
        printf(
            "loss = %.4f  perplexity = %.4f  accuracy = %.4f  (per target token with "
            "</s>: %lld tokens, %lld sentences, %lld skipped; label smoothing "
            "excluded)\n",
            s->loss.nll, s->loss.perplexity, s->loss.accuracy,
            (long long)s->loss.target_tokens, (long long)s->loss.sentences,
            (long long)s->loss.skipped);
    printf("BLEU|%s = %.*f", b->signature, o->width, b->score);
    print_interval(o, b->mean, b->interval);
    printf(
        " %.1f/%.1f/%.1f/%.1f (BP = %.3f ratio = %.3f hyp_len = %lld ref_len = %lld)\n",
        b->precisions[0], b->precisions[1], b->precisions[2], b->precisions[3],
        b->brevity_penalty, ratio, (long long)b->hyp_len, (long long)b->ref_len);
    printf("%s|%s = %.*f", s->chrf.name, s->chrf.signature, o->width, s->chrf.score);
    print_interval(o, s->chrf.mean, s->chrf.interval);
    putchar('\n');
}

static void print_json(const scores *s)
{
    const att_bleu *b = &s->bleu;
    cli_text t = {0};

    cli_add(&t, "{");
    if (s->has_loss) {
        cli_add(&t, "\"loss\":");
        cli_add_number(&t, s->loss.nll);
        cli_add(&t, ",\"perplexity\":");
        cli_add_number(&t, s->loss.perplexity);
        cli_add(&t, ",\"accuracy\":");
        cli_add_number(&t, s->loss.accuracy);
        cli_addf(&t, ",\"target_tokens\":%lld,\"sentences\":%lld,\"skipped\":%lld,",
                 (long long)s->loss.target_tokens, (long long)s->loss.sentences,
                 (long long)s->loss.skipped);
    }
    cli_add(&t, "\"bleu\":{\"score\":");
    cli_add_number(&t, b->score);
    cli_add(&t, ",\"signature\":");
    cli_add_json(&t, b->signature);
    cli_add(&t, ",\"precisions\":[");
    for (int i = 0; i < 4; i++) {
        if (i) cli_add(&t, ",");
        cli_add_number(&t, b->precisions[i]);
    }
    cli_add(&t, "],\"brevity_penalty\":");
    cli_add_number(&t, b->brevity_penalty);
    cli_addf(&t, ",\"hyp_len\":%lld,\"ref_len\":%lld", (long long)b->hyp_len,
             (long long)b->ref_len);
    if (b->mean > 0) {
        cli_add(&t, ",\"confidence_mean\":");
        cli_add_number(&t, b->mean);
        cli_add(&t, ",\"confidence_var\":");
        cli_add_number(&t, b->interval);
    }
    cli_add(&t, "},\"chrf\":{\"score\":");
    cli_add_number(&t, s->chrf.score);
    cli_add(&t, ",\"name\":");
    cli_add_json(&t, s->chrf.name);
    cli_add(&t, ",\"signature\":");
    cli_add_json(&t, s->chrf.signature);
    if (s->chrf.mean > 0) {
        cli_add(&t, ",\"confidence_mean\":");
        cli_add_number(&t, s->chrf.mean);
        cli_add(&t, ",\"confidence_var\":");
        cli_add_number(&t, s->chrf.interval);
    }
    cli_add(&t, "}}");
    puts(t.s);
    cli_free(t.s);
}

/* --- a translation ---------------------------------------------------------------- */

static int of_translation(const evaluate_opts *o)
{
    const char *const **refs = cli_alloc((size_t)o->references.n, sizeof *refs);
    int64_t n, m;
    char **hyps = cli_read_lines(o->input, &n);
    scores s = {0};
    int rc;

    if (!hyps) return EXIT_FAILED;
    for (int i = 0; i < o->references.n; i++) {
        refs[i] = (const char *const *)cli_read_lines(o->references.item[i], &m);
        if (!refs[i]) return EXIT_FAILED;
        if (m != n)
            return cli_fail("%s: %lld lines, but the translation has %lld",
                            o->references.item[i], (long long)m, (long long)n);
    }
    if (n == 0) return cli_fail("nothing to evaluate: the translation has no line");
    rc = measure(&s, o, hyps, n, (const char *const *const *)refs, o->references.n);
    if (rc) return rc;
    if (o->x.json)
        print_json(&s);
    else
        print_text(o, &s);
    return EXIT_FINE;
}

/* --- a model ---------------------------------------------------------------------- */

static int translate_all(const evaluate_opts *o, const att_model *model, char **source,
                         char **hyps, int64_t n)
{
    att_session *session = NULL;
    progress bar;
    att_status st = att_session_create(&session, model, &o->x.d);
    char text[64];

    if (st != ATT_OK) return decode_refused(st, &cmd_evaluate);
    progress_start(&bar, "translating");
    for (int64_t i = 0; i < n && st == ATT_OK;) {
        int64_t left = n - i;
        int32_t m =
            left < 16 * o->x.d.batch_size ? (int32_t)left : 16 * o->x.d.batch_size;
        att_result *result = NULL;

        st = att_translate(session, &result, (const char *const *)source + i, NULL, m);
        if (st != ATT_OK) break;
        for (int32_t k = 0; k < m; k++) {
            const att_sentence *s = att_result_sentence(result, k);

            hyps[i + k] = cli_strdup(s->n_hypotheses ? s->hypotheses[0].text : "");
        }
        att_result_destroy(result);
        i += m;
        snprintf(text, sizeof text, "%lld of %lld lines", (long long)i, (long long)n);
        progress_update(&bar, (double)i / (double)n, -1, text);
    }
    progress_end(&bar);
    att_session_destroy(session);
    return cli_status(st);
}

static int keep(const evaluate_opts *o, char **hyps, int64_t n)
{
    cli_out out;

    if (!o->output) return 0;
    cli_catch_signals();
    if (!cli_out_open(&out, o->output)) return EXIT_FAILED;
    for (int64_t i = 0; i < n; i++) {
        cli_text line = {0};

        cli_add_line(&line, hyps[i]);
        cli_out_printf(&out, "%s\n", line.s);
        cli_free(line.s);
    }
    if (!cli_out_close(&out)) return EXIT_FAILED;
    return cli_signal() ? 128 + cli_signal() : 0;
}

/* The source's lines as they are translated. */
static char **read_source(const evaluate_opts *o, const char *token, int64_t *n)
{
    char **line = cli_read_lines(o->source, n);

    for (int64_t i = 0; line && token && i < *n; i++)
        line[i] = target_lang_line(token, line[i]);
    return line;
}

/* token: of the target language, NULL: the sources have it or there is one only. */
static int with_model(const evaluate_opts *o, const att_model *model, const char *token)
{
    scores s = {.loss = {.size = sizeof s.loss}, .has_loss = true};
    int64_t n, m;
    char **source = read_source(o, token, &n), **target, **hyps;
    const char *const *refs;
    att_status st;
    int rc;

    if (!source) return EXIT_FAILED;
    target = cli_read_lines(o->target, &m);
    if (!target) return EXIT_FAILED;
    if (n != m)
        return cli_fail("%s has %lld lines, %s has %lld", o->source, (long long)n,
                        o->target, (long long)m);
    if (n == 0) return cli_fail("%s: no line to evaluate", o->source);
    s.loss.target_lang = token;
    progress_busy("measuring the loss");
    st = att_evaluate_pairs(&s.loss, model, o->source, o->target, o->batch_tokens);
    progress_busy_end();
    if (st != ATT_OK) return cli_status(st);
    hyps = cli_alloc((size_t)n, sizeof *hyps);
    if ((rc = translate_all(o, model, source, hyps, n)) != 0) return rc;
    if ((rc = keep(o, hyps, n)) != 0) return rc;
    refs = (const char *const *)target;
    if ((rc = measure(&s, o, hyps, n, &refs, 1)) != 0) return rc;
    if (o->x.json)
        print_json(&s);
    else
        print_text(o, &s);
    return EXIT_FINE;
}

static int of_model(evaluate_opts *o)
{
    att_model *model = NULL;
    char *token = NULL;
    int rc;

    if (!o->source || !o->target)
        return cli_usage("evaluate",
                         "evaluate: --source and --target are needed with -m, or FILE "
                         "... for other models than translators");
    /* For the loss and for the translation. */
    if (!cli_is_text_file(o->source) || !cli_is_text_file(o->target))
        return EXIT_FAILED;
    rc = decode_open(&model, &cmd_evaluate, o, &o->x);
    if (rc) return rc;
    o->x.d.n_best = 1;
    rc = target_lang_find(&token, model, o->to, "evaluate");
    if (rc == 0) rc = with_model(o, model, token);
    att_model_destroy(model);
    return rc;
}

/* Models of one side: what their files are, they know themselves. */
static int of_files(evaluate_opts *o, const cli_list *files)
{
    att_model *model = NULL;
    int rc;

    if (!o->x.model)
        return cli_usage("evaluate", "evaluate: -m DIR is missing for %s",
                         files->item[0]);
    for (int i = 0; i < files->n; i++)
        if (!cli_is_text_file(files->item[i])) return EXIT_FAILED;
    rc = cli_load_model(&model, o->x.model);
    if (rc) return rc;
    o->files.model = o->x.model;
    o->files.json = o->x.json;
    o->files.batch_tokens = o->batch_tokens;
    rc = evaluate_files(model, files, &o->files);
    att_model_destroy(model);
    return rc;
}

/* Options of the other two ways to call it. */
static void warn_idle(const evaluate_opts *o, bool files)
{
    static const char of_files[] = "columns|column|confusion|context|slide",
                      of_translations[] =
                          "reference|input|source|target|output|tokenize|lowercase|"
                          "chrf-lowercase|smooth|smooth-value|chrf-word-order|"
                          "confidence-n|width|beam-size|normalize|max-length",
                      of_models[] = "source|target|output|batch-tokens|beam-size|"
                                    "normalize|max-length";

    if (files) {
        opt_idle(of_translations, "with FILE ..., which a tagger, a classifier or a "
                                  "language model is measured on");
        return;
    }
    opt_idle(of_files, "without FILE ...");
    if (o->references.n) opt_idle(of_models, "with --reference");
}

static int run(void *opts, const cli_list *words)
{
    evaluate_opts *o = opts;

    if (o->to && (words->n > 0 || !o->x.model))
        return cli_usage("evaluate",
                         "evaluate: --to %s is for translators: -m DIR --source FILE "
                         "--target FILE",
                         o->to);
    if (o->references.n && o->x.model)
        return cli_usage("evaluate", "evaluate: either --reference or -m DIR");
    warn_idle(o, words->n > 0);
    if (words->n > 0) return of_files(o, words);
    if (o->references.n) return of_translation(o);
    if (o->x.model) return of_model(o);
    return cli_usage("evaluate", "evaluate: --reference FILE or -m DIR is missing");
}

static const char *const examples[] = {
    "Score a translation",
    "attend evaluate --reference test.de < translation.de",
    "Two references, Chinese",
    "attend evaluate --reference ref1.zh ref2.zh --tokenize zh < translation.zh",
    "Score a model: loss, perplexity, BLEU, chrF",
    "attend evaluate -m en-de --source test.en --target test.de --beam-size 5",
    "A model of several target languages",
    "attend evaluate -m en-many --source test.en --target test.zh --to zh --tokenize zh",
    "A tagger or a classifier",
    "attend evaluate -m tagger dev.conllu --confusion",
    "A language model",
    "attend evaluate -m shakespeare val.txt",
    NULL,
};

const command cmd_evaluate = {
    .name = "evaluate",
    .summary = "measure a translation or a model: BLEU, chrF, loss, perplexity",
    .usage =
        "--reference FILE ... | -m DIR --source FILE --target FILE | -m DIR FILE ...",
    .about =
        "With FILE ... a model that labels is compared with the labels of the files "
        "(accuracy, macro F1 over the labels that occur, a table by label), and a "
        "language model predicts a text cut into consecutive blocks of its context, "
        "every position counted.\n\n"
        "BLEU and chrF are those of sacreBLEU 2.6.0 to the last printed digit, and "
        "are printed with its signature. Feed detokenised text, unless --tokenize "
        "none says that it is tokenised.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(evaluate_opts),
    .max_words = -1,
    .defaults = defaults,
    .run = run,
};
