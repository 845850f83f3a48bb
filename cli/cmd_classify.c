/* cmd_classify.c - attend classify: lines of text in, labels out. */
#include "attend/classify.h"
#include "commands.h"
#include "explain_lines.h"
#include "term.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct classify_opts {
    cli_common c;
    const char *model, *input, *output, *attention;
    int32_t top, json, batch_rows;
} classify_opts;

#define ROW(member) OPT_ROW(classify_opts, member)

static const opt options[] = {
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(model),
     .flags = OPT_VOLATILE,
     .help = "the model's directory"},
    {.name = "input",
     .letter = 'i',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(input),
     .help = "a text a line; a TAB parts two texts that are compared (default: "
             "standard input)"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .help = "default: standard output"},
    {.name = "top",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1e6,
     ROW(top),
     .help = "the N likeliest labels of each text, best first"},
    {.name = "batch-rows",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 16777216,
     ROW(batch_rows),
     .help = "tokens processed together; a result does not depend on it"},
    {.name = "attention",
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(attention),
     .flags = OPT_VOLATILE,
     .help =
         "write every text's weights here, a JSON object a line: tokens, then encoder as "
         "[layer][head][row][column]"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .flags = OPT_VOLATILE,
     .help = "a list of label and score a line, as transformers' pipeline gives it"},
};

static void defaults(void *opts)
{
    classify_opts *o = opts;
    att_classify_opts c;

    att_classify_opts_init(&c);
    o->top = 1;
    o->batch_rows = c.batch_rows;
}

enum { CHUNK = 256 };

typedef struct stream {
    const classify_opts *o;
    att_classifier *c;
    attention_lines lines; /* x NULL: not asked for */
    cli_in in;
    cli_out out;
    char *text[CHUNK], *pair[CHUNK];
    int32_t *order; /* [labels] best first */
    int32_t n;
    int64_t done;
    progress bar;
} stream;

static bool read_chunk(stream *s)
{
    char *line;
    size_t len;

    for (s->n = 0; s->n < CHUNK; s->n++) {
        if (s->n > 0 && !cli_in_ready(&s->in)) break;
        line = cli_in_line(&s->in, &len);
        if (!line) break;
        cli_in_check(&s->in, line);
        s->text[s->n] = cli_strdup(line);
        s->pair[s->n] = strchr(s->text[s->n], '\t');
        if (s->pair[s->n]) *s->pair[s->n]++ = 0;
    }
    return s->n > 0 && !cli_signal();
}

/* The first `top` of all labels; ties in the labels' order. */
static int32_t rank(const stream *s, const att_labelled *a)
{
    int32_t top = s->o->top < a->n_labels ? s->o->top : a->n_labels;

    for (int32_t i = 0; i < a->n_labels; i++) s->order[i] = i;
    for (int32_t i = 0; i < top; i++) {
        int32_t best = i;
        int32_t t;

        for (int32_t k = i + 1; k < a->n_labels; k++)
            if (a->scores[s->order[k]] > a->scores[s->order[best]] ||
                (a->scores[s->order[k]] == a->scores[s->order[best]] &&
                 s->order[k] < s->order[best]))
                best = k;
        t = s->order[i];
        s->order[i] = s->order[best];
        s->order[best] = t;
    }
    return top;
}

static void print(stream *s, const att_labelled *a)
{
    int32_t top = rank(s, a);
    cli_text t = {0};

    if (s->o->json) cli_add(&t, "[");
    for (int32_t i = 0; i < top; i++) {
        const char *label = att_classifier_label(s->c, s->order[i]);
        float score = a->scores[s->order[i]];

        if (s->o->json) {
            cli_add(&t, i ? ", {\"label\": " : "{\"label\": ");
            cli_add_json(&t, label);
            cli_addf(&t, ", \"score\": %.9g}", (double)score);
        } else {
            cli_addf(&t, "%s%s\t%.6g", i ? "\t" : "", label, (double)score);
        }
    }
    if (s->o->json) cli_add(&t, "]");
    cli_out_printf(&s->out, "%s\n", t.s);
    cli_free(t.s);
}

static int add_weights(stream *s, int32_t i, const att_labelled *a)
{
    int64_t line = s->done + i;

    if (s->pair[i])
        return attention_lines_skip(&s->lines, line, "two texts that are compared");
    if (a->cut)
        return attention_lines_skip(&s->lines, line,
                                    "longer than the model's positions");
    return attention_lines_add_text(&s->lines, line, s->text[i]);
}

static void warn_of_cut(const stream *s, int64_t line, int32_t cut)
{
    int32_t words, most = att_classifier_longest(s->c, &words);

    cli_warn("line %lld: %d %s dropped at its end: the model reads %d of a text "
             "(--max-length of its training)",
             (long long)line, cut, words ? "words" : "tokens", most);
}

static int label_chunk(stream *s)
{
    att_labels *r = NULL;
    att_status st = att_classify(s->c, &r, (const char *const *)s->text,
                                 (const char *const *)s->pair, s->n);
    char label[64];
    int rc = 0;

    if (st != ATT_OK) {
        int failed = cli_status(st);

        for (int32_t i = 0; i < s->n && st == ATT_ENOTSUP; i++) {
            if (!s->pair[i]) continue;
            cli_hint("line %lld holds a TAB, which parts two texts; a file of labelled "
                     "texts: attend evaluate -m DIR FILE",
                     (long long)(s->done + i + 1));
            break;
        }
        return failed;
    }
    for (int32_t i = 0; i < s->n; i++) {
        const att_labelled *a = att_labels_get(r, i);

        if (a->cut) warn_of_cut(s, s->done + i + 1, a->cut);
        print(s, a);
        if (s->lines.x && rc == 0) rc = add_weights(s, i, a);
        cli_free(s->text[i]);
    }
    att_labels_destroy(r);
    if (rc) return rc;
    s->done += s->n;
    snprintf(label, sizeof label, "%lld lines", (long long)s->done);
    progress_update(&s->bar, cli_in_done(&s->in), -1, label);
    return cli_out_check(&s->out);
}

static int with_model(void *opts, const att_model *model)
{
    const classify_opts *o = opts;
    stream *s = cli_alloc(1, sizeof *s);
    att_classify_opts co;
    att_status st;
    int rc = 0;

    s->o = o;
    att_classify_opts_init(&co);
    co.batch_rows = o->batch_rows;
    st = att_classifier_create(&s->c, model, &co);
    if (st != ATT_OK) return cli_status(st);
    s->order = cli_alloc((size_t)att_classifier_labels(s->c), sizeof *s->order);
    if (!cli_in_open(&s->in, o->input) || !cli_out_open(&s->out, o->output)) {
        att_classifier_destroy(s->c);
        return EXIT_FAILED;
    }
    if (o->attention) rc = attention_lines_open(&s->lines, o->attention, model);
    progress_start(&s->bar, "classifying");
    while (rc == 0 && read_chunk(s)) rc = label_chunk(s);
    progress_end(&s->bar);
    if (rc == 0 && cli_signal()) rc = 128 + cli_signal();
    if (rc == 0 && s->in.failed) rc = EXIT_FAILED;
    rc = attention_lines_close(&s->lines, rc);
    cli_in_close(&s->in);
    att_classifier_destroy(s->c);
    return cli_out_end(&s->out, rc);
}

static int run(void *opts, const cli_list *words)
{
    const classify_opts *o = opts;

    (void)words;
    return cli_with_model("classify", o->model, with_model, opts);
}

static const char *const examples[] = {
    "The sentiment of each line",
    "attend classify -m sentiment < reviews.txt",
    "All labels, for a program",
    "attend classify -m sentiment --top 100 --json < reviews.txt",
    NULL,
};

const command cmd_classify = {
    .name = "classify",
    .summary = "label texts",
    .usage = "-m DIR [options] < texts > labels",
    .about = "Reads a text a line and writes its label, a TAB and the probability, as "
             "many lines in the same order; with --top the next ones follow on the "
             "line. Models of several independent labels give the probability of each, "
             "those of regression the number.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(classify_opts),
    .defaults = defaults,
    .run = run,
};
