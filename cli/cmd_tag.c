/* cmd_tag.c - attend tag: sentences in, a label a word out.
 *
 * Input is CoNLL-U (all columns are kept, one is filled), a token a line with a blank
 * line after each sentence, or a sentence a line with spaces between words. */
#include "attend/classify.h"
#include "commands.h"
#include "explain_lines.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT_SEEN, FORMAT_CONLLU, FORMAT_TSV, FORMAT_TEXT };
enum { COLUMNS = 10, CHUNK = 128 };

typedef struct tag_opts {
    cli_common c;
    const char *model, *input, *output, *attention;
    int32_t format, column, json, batch_rows;
} tag_opts;

#define ROW(member) OPT_ROW(tag_opts, member)

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
     .help = "default: standard input"},
    {.name = "output",
     .letter = 'o',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(output),
     .help = "default: standard output"},
    {.name = "format",
     .kind = OPT_CHOICE,
     .arg = "NAME",
     .choices = "auto|conllu|tsv|text",
     ROW(format),
     .help = "of the input: CoNLL-U, a token a line (its first column), or a sentence "
             "a line with spaces between words; auto looks at the first line"},
    {.name = "column",
     .kind = OPT_CHOICE,
     .arg = "NAME",
     .choices = "upos|xpos",
     ROW(column),
     .help = "CoNLL-U's column that is filled"},
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
         "write every sentence's weights here, a JSON object a line: tokens, then encoder as "
         "[layer][head][row][column]"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .flags = OPT_VOLATILE,
     .help = "a list a sentence, as transformers' token-classification pipeline gives "
             "it; start and end count characters"},
};

static void defaults(void *opts)
{
    tag_opts *o = opts;
    att_classify_opts c;

    att_classify_opts_init(&c);
    o->batch_rows = c.batch_rows;
}

/* A sentence: its lines as they came (CoNLL-U, tsv) and its words. */
typedef struct sentence {
    char **line;    /* [n_lines] */
    int *word_of;   /* [n_lines] -1: a comment, a range, an empty node */
    char **word;    /* [n] */
    int64_t *start; /* [n] characters before it */
    int n_lines, n;
    bool blank; /* a blank line closed it */
} sentence;

typedef struct stream {
    const tag_opts *o;
    att_classifier *c;
    attention_lines lines; /* x NULL: not asked for */
    cli_in in;
    cli_out out;
    int format;
    char *held; /* a line that was looked at */
    sentence s[CHUNK];
    int32_t n;
    int64_t done;
    progress bar;
} stream;

static void *grown(void *p, int n, size_t size)
{
    return (n & (n - 1)) == 0 ? cli_resize(p, n ? 2 * (size_t)n : 1, size) : p;
}

static void add_word(sentence *s, const char *text, size_t n, int64_t start)
{
    s->word = grown(s->word, s->n, sizeof *s->word);
    s->start = grown(s->start, s->n, sizeof *s->start);
    s->start[s->n] = start;
    s->word[s->n++] = cli_format("%.*s", (int)n, text);
}

static void free_sentence(sentence *s)
{
    for (int i = 0; i < s->n_lines; i++) cli_free(s->line[i]);
    for (int i = 0; i < s->n; i++) cli_free(s->word[i]);
    cli_free(s->line);
    cli_free(s->word_of);
    cli_free(s->word);
    cli_free(s->start);
    memset(s, 0, sizeof *s);
}

/* Characters of n bytes of UTF-8. */
static int64_t characters(const char *s, size_t n)
{
    int64_t k = 0;

    for (size_t i = 0; i < n; i++) k += ((unsigned char)s[i] & 0xc0) != 0x80;
    return k;
}

static int count_columns(const char *line)
{
    int n = 1;

    for (; *line; line++) n += *line == '\t';
    return n;
}

/* The next line, or the one that was put back. Borrowed. */
static char *next_line(stream *s)
{
    size_t len;
    char *line = s->held;

    s->held = NULL;
    if (line) return line;
    line = cli_in_line(&s->in, &len);
    if (line) cli_in_check(&s->in, line);
    return line;
}

static bool is_blank(const char *line)
{
    return line[strspn(line, " \t")] == 0;
}

/* A label and a text, as `train classify` takes them, would be tagged as words, the label
 * too. */
static void warn_of_texts(const cli_in *in, const char *line)
{
    if (count_columns(line) == 2 && strchr(line, ' '))
        cli_warn("%s: line %lld: a TAB between texts is read as a space between words; "
                 "lines of label and text are for attend classify, evaluate and train "
                 "classify",
                 in->name, (long long)in->line);
}

/* Comments do not tell; what follows them does. */
static int see_format(const char *line)
{
    if (line[0] == '#') return FORMAT_CONLLU;
    if (count_columns(line) == COLUMNS) return FORMAT_CONLLU;
    if (strchr(line, ' ') || !strchr(line, '\t')) return FORMAT_TEXT;
    return FORMAT_TSV;
}

static void split_text(sentence *s, const char *line)
{
    const char *p = line;

    for (;;) {
        size_t n;

        p += strspn(p, " \t");
        n = strcspn(p, " \t");
        if (n == 0) return;
        add_word(s, p, n, characters(line, (size_t)(p - line)));
        p += n;
    }
}

static int64_t after_last(const sentence *s)
{
    const char *last = s->n ? s->word[s->n - 1] : NULL;

    return last ? s->start[s->n - 1] + characters(last, strlen(last)) + 1 : 0;
}

/* false: reported. */
static bool add_line(stream *st, sentence *s, const char *line)
{
    const char *form = strchr(line, '\t');
    size_t id = form ? (size_t)(form - line) : 0;
    int word = -1;

    if (st->format == FORMAT_TSV) {
        word = s->n;
        add_word(s, line, strcspn(line, "\t"), after_last(s));
    } else if (line[0] != '#') {
        if (count_columns(line) != COLUMNS) {
            cli_fail("%s:%lld: %d columns, expected %d of CoNLL-U", st->in.name,
                     (long long)st->in.line, count_columns(line), COLUMNS);
            return false;
        }
        if (id == 0 || strspn(line, "0123456789-.") < id) {
            cli_fail("%s:%lld: '%.*s' is no word number, range or empty node",
                     st->in.name, (long long)st->in.line, (int)(id < 40 ? id : 40),
                     line);
            return false;
        }
        if (strcspn(line, "-.") >= id) {
            word = s->n;
            add_word(s, form + 1, strcspn(form + 1, "\t"), after_last(s));
        }
    }
    s->line = grown(s->line, s->n_lines, sizeof *s->line);
    s->word_of = grown(s->word_of, s->n_lines, sizeof *s->word_of);
    s->line[s->n_lines] = cli_strdup(line);
    s->word_of[s->n_lines++] = word;
    return true;
}

/* 1: a sentence, 0: the end, -1: reported. */
static int read_sentence(stream *st, sentence *s)
{
    char *line = next_line(st);

    while (line && st->format == FORMAT_SEEN && is_blank(line)) line = next_line(st);
    if (!line) return 0;
    if (st->format == FORMAT_SEEN) {
        st->format = see_format(line);
        if (st->format == FORMAT_TEXT) warn_of_texts(&st->in, line);
    }
    if (st->format == FORMAT_TEXT) {
        split_text(s, line);
        s->blank = true;
        return 1;
    }
    while (line && is_blank(line)) line = next_line(st);
    if (!line) return 0;
    for (; line && !is_blank(line); line = next_line(st))
        if (!add_line(st, s, line)) return -1;
    return 1;
}

/* CoNLL-U's line with its column filled. */
static void print_filled(stream *st, const char *line, const char *label)
{
    int column = st->o->column ? 4 : 3;

    for (int i = 0; i < column; i++) {
        size_t n = strcspn(line, "\t") + 1;

        cli_out_put(&st->out, line, n);
        line += n;
    }
    cli_out_printf(&st->out, "%s%s\n", label, line + strcspn(line, "\t"));
}

static void print_rows(stream *st, const sentence *s, const att_labelled *a)
{
    if (st->format == FORMAT_TEXT) {
        for (int i = 0; i < s->n; i++) {
            const char *label = att_classifier_label(st->c, a->best[i]);

            if (st->o->column)
                cli_out_printf(&st->out, "%d\t%s\t_\t_\t%s\t_\t_\t_\t_\t_\n", i + 1,
                               s->word[i], label);
            else
                cli_out_printf(&st->out, "%d\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n", i + 1,
                               s->word[i], label);
        }
    }
    for (int i = 0; i < s->n_lines; i++) {
        int w = s->word_of[i];
        const char *label = w >= 0 ? att_classifier_label(st->c, a->best[w]) : NULL;

        if (w < 0)
            cli_out_printf(&st->out, "%s\n", s->line[i]);
        else if (st->format == FORMAT_TSV)
            cli_out_printf(&st->out, "%s\t%s\n", s->word[w], label);
        else
            print_filled(st, s->line[i], label);
    }
    cli_out_put(&st->out, "\n", 1);
}

static void print_json(stream *st, const sentence *s, const att_labelled *a)
{
    cli_text t = {0};

    cli_add(&t, "[");
    for (int i = 0; i < s->n; i++) {
        int64_t end = s->start[i] + characters(s->word[i], strlen(s->word[i]));

        cli_add(&t, i ? ", {\"entity\": " : "{\"entity\": ");
        cli_add_json(&t, att_classifier_label(st->c, a->best[i]));
        cli_addf(&t, ", \"score\": %.9g, \"index\": %d, \"word\": ",
                 (double)a->scores[(int64_t)i * a->n_labels + a->best[i]], i + 1);
        cli_add_json(&t, s->word[i]);
        cli_addf(&t, ", \"start\": %lld, \"end\": %lld}", (long long)s->start[i],
                 (long long)end);
    }
    cli_out_printf(&st->out, "%s]\n", t.s);
    cli_free(t.s);
}

static int add_weights(stream *st, int32_t i, const att_labelled *a)
{
    const sentence *s = &st->s[i];
    int64_t line = st->done + i;

    if (s->n == 0) return attention_lines_skip(&st->lines, line, "no words");
    if (a->cut)
        return attention_lines_skip(&st->lines, line,
                                    "longer than the model's positions");
    return attention_lines_add_words(&st->lines, line, (const char *const *)s->word,
                                     s->n);
}

static void warn_of_cut(const stream *st, int64_t number, int32_t cut)
{
    int32_t words, most = att_classifier_longest(st->c, &words);

    cli_warn(
        "sentence %lld is longer than the %d %s that the model sees at once: tagged "
        "in %d parts",
        (long long)number, most, words ? "words" : "tokens", cut + 1);
}

static int tag_chunk(stream *st)
{
    att_words words[CHUNK];
    att_labels *r = NULL;
    att_status status;
    char label[64];
    int rc = 0;

    for (int32_t i = 0; i < st->n; i++)
        words[i] = (att_words){(const char *const *)st->s[i].word, st->s[i].n};
    status = att_tag(st->c, &r, words, st->n);
    if (status != ATT_OK) return cli_status(status);
    for (int32_t i = 0; i < st->n; i++) {
        const att_labelled *a = att_labels_get(r, i);

        if (a->cut) warn_of_cut(st, st->done + i + 1, a->cut);
        if (st->o->json)
            print_json(st, &st->s[i], a);
        else
            print_rows(st, &st->s[i], a);
        if (st->lines.x && rc == 0) rc = add_weights(st, i, a);
        free_sentence(&st->s[i]);
    }
    att_labels_destroy(r);
    if (rc) return rc;
    st->done += st->n;
    snprintf(label, sizeof label, "%lld sentences", (long long)st->done);
    progress_update(&st->bar, cli_in_done(&st->in), -1, label);
    return cli_out_check(&st->out);
}

static int run_stream(stream *st)
{
    int rc = 0, more = 1;

    progress_start(&st->bar, "tagging");
    while (rc == 0 && more > 0 && !cli_signal()) {
        for (st->n = 0; st->n < CHUNK; st->n++) {
            if (st->n > 0 && !st->held && !cli_in_ready(&st->in)) break;
            more = read_sentence(st, &st->s[st->n]);
            if (more <= 0) break;
        }
        if (st->n > 0 && !cli_signal()) rc = tag_chunk(st);
    }
    progress_end(&st->bar);
    if (rc == 0 && cli_signal()) rc = 128 + cli_signal();
    if (rc == 0 && (more < 0 || st->in.failed)) rc = EXIT_FAILED;
    return rc;
}

static int with_model(void *opts, const att_model *model)
{
    const tag_opts *o = opts;
    stream *st = cli_alloc(1, sizeof *st);
    att_classify_opts co;
    att_status status;
    int rc;

    st->o = o;
    st->format = o->format;
    att_classify_opts_init(&co);
    co.batch_rows = o->batch_rows;
    status = att_classifier_create(&st->c, model, &co);
    if (status != ATT_OK) return cli_status(status);
    if (!cli_in_open(&st->in, o->input) || !cli_out_open(&st->out, o->output)) {
        att_classifier_destroy(st->c);
        return EXIT_FAILED;
    }
    rc = o->attention ? attention_lines_open(&st->lines, o->attention, model) : 0;
    if (rc == 0) rc = run_stream(st);
    rc = attention_lines_close(&st->lines, rc);
    cli_in_close(&st->in);
    att_classifier_destroy(st->c);
    return cli_out_end(&st->out, rc);
}

static int run(void *opts, const cli_list *words)
{
    const tag_opts *o = opts;

    (void)words;
    return cli_with_model("tag", o->model, with_model, opts);
}

static const char *const examples[] = {
    "Words with spaces between them",
    "echo 'I saw a saw' | attend tag -m tagger",
    "A treebank: its columns are kept, UPOS is filled",
    "attend tag -m tagger < in.conllu > out.conllu",
    NULL,
};

const command cmd_tag = {
    .name = "tag",
    .summary = "label words",
    .usage = "-m DIR [options] < sentences > conllu",
    .about = "Reads sentences and writes a label a word: CoNLL-U for CoNLL-U (ranges, "
             "empty nodes and comments stay as they are) and for plain sentences, "
             "token TAB label for a token a line.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(tag_opts),
    .defaults = defaults,
    .run = run,
};
