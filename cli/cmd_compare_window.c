/* cmd_compare_window.c - attend compare window-attention: what attention adds to a window of
 * n words, with what it takes.
 *
 * The same tagger, width, data and number of updates, of words alone, with cores that
 * see 1, 2, 5 and 10 words to either side, or attend to all. Without files a corpus is
 * made in which one word's label depends on a word at a known distance before it. */
#include "commands.h"
#include "compare.h"
#include "demo_grammar.h"
#include "explain_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N_WINDOWS = 4, N_SYSTEMS = N_WINDOWS + 1, FARTHEST = 16, SENTENCES = 3000 };

static const int32_t reach[N_SYSTEMS] = {1, 2, 5, 10, 0};
static const char *const systems[N_SYSTEMS] = {"window 1", "window 2", "window 5",
                                               "window 10", "attention"};

/* --- the corpus ------------------------------------------------------------------- */

/* Below n. */
static int draw(uint64_t *state, int n)
{
    return (int)(demo_hash((*state)++) % (uint64_t)n);
}

static void word(FILE *f, int number, const char *text, const char *label)
{
    fprintf(f, "%d\t%s\t_\t%s\t_\t_\t_\t_\t_\t_\n", number, text, label);
}

/* One sentence: fillers, a mark, `distance` words on the word it decides, fillers. Where
 * `alone`, that word has the only label. */
static void sentence(FILE *f, uint64_t *state, int distance, int alone)
{
    static const char *const marks[] = {"one", "many"};
    static const char *const says[] = {"SINGULAR", "PLURAL"};
    char filler[16];
    int before = draw(state, 4), after = draw(state, 4);
    int which = draw(state, 2), n = before + distance + 1 + after;

    for (int i = 0; i < n; i++) {
        snprintf(filler, sizeof filler, "w%d", draw(state, 40));
        if (i == before)
            word(f, i + 1, marks[which], alone ? "_" : "MARK");
        else if (i == before + distance)
            word(f, i + 1, "sheep", says[which]);
        else
            word(f, i + 1, filler, alone ? "_" : "FILLER");
    }
    putc('\n', f);
}

/* distance 0: every distance in turn. */
static int write_corpus(const char *path, uint64_t seed, int n, int distance, int alone)
{
    FILE *f = fopen(path, "w");
    uint64_t state = demo_hash(seed);

    if (!f) return cli_fail("%s: cannot be written: %s", path, strerror(errno));
    for (int i = 0; i < n; i++)
        sentence(f, &state, distance ? distance : 1 + i % FARTHEST, alone);
    if (fclose(f) == 0) return EXIT_FINE;
    return cli_fail("%s: cannot be written: %s", path, strerror(errno));
}

/* --- measuring -------------------------------------------------------------------- */

static int accuracy(double *out, const char *model, const char *const *files, int n)
{
    att_model *m = NULL;
    att_label_evaluation *e = NULL;
    att_status st = att_model_load(&m, model);

    if (st == ATT_OK) st = att_evaluate_labels(&e, m, files, n, NULL, NULL);
    if (st == ATT_OK) *out = 100 * att_label_evaluation_accuracy(e);
    att_label_evaluation_destroy(e);
    att_model_destroy(m);
    return st == ATT_OK ? EXIT_FINE : cli_status(st);
}

typedef struct bench {
    const compare_opts *o;
    char *dir, *train, *valid;
    const char *train_file, *valid_file;
    double parameters[N_SYSTEMS], flops[N_SYSTEMS], seconds[N_SYSTEMS],
        right[N_SYSTEMS];
    double at[FARTHEST][N_SYSTEMS];
} bench;

static void tagger(const bench *b, att_train_opts *o, int s, const char *model)
{
    att_train_opts_init(o);
    /* A preset of the library's own list: it cannot be missing. */
    if (att_train_preset(o, "tag") != ATT_OK) return;
    o->train_source = &b->train_file;
    o->n_train = 1;
    o->valid_source = b->valid_file;
    o->model_dir = model;
    o->overwrite = 1;
    o->arch = reach[s] ? "window" : "words";
    if (reach[s]) o->window = reach[s];
    o->d_model = b->o->dim;
    o->ffn = 2 * b->o->dim;
    o->word_dim = b->o->dim;
    o->char_state = 0;
    o->encoder_layers = 2;
    o->heads = b->o->dim % 8 == 0 ? 4 : 1;
    o->batch_tokens = 1024;
    o->dropout = 0.1f;
    o->warmup = 100;
    o->after = b->o->after;
    o->valid_freq = "1e";
    o->seed = b->o->seed;
}

static int run_system(bench *b, int s)
{
    att_train_opts o;
    att_train_estimate e = {.size = sizeof e};
    compare_training spent;
    char *model = cli_format("%s/%s", b->dir, systems[s]), path[512];
    int rc;

    for (char *c = model + strlen(b->dir); *c; c++)
        if (*c == ' ') *c = '-';
    tagger(b, &o, s, model);
    o.dry_run = 1;
    rc = cli_status(att_train_tag(&o, &e));
    b->parameters[s] = (double)e.parameters;
    b->flops[s] = e.flops_per_update / o.batch_tokens / 1e6;
    o.dry_run = 0;
    if (rc == EXIT_FINE) rc = compare_train(&spent, &o, systems[s], att_train_tag);
    if (rc == EXIT_FINE) rc = accuracy(&b->right[s], model, &b->valid_file, 1);
    if (rc == EXIT_FINE) b->seconds[s] = spent.seconds;
    for (int d = 1; d <= FARTHEST && rc == EXIT_FINE && !b->o->train.n; d++) {
        const char *file = path;
        snprintf(path, sizeof path, "%s/distance-%02d.conllu", b->dir, d);
        rc = accuracy(&b->at[d - 1][s], model, &file, 1);
    }
    cli_free(model);
    return rc;
}

static int make_corpus(bench *b)
{
    char path[512];
    int rc;

    if (b->o->train.n) {
        b->train_file = b->o->train.item[0];
        b->valid_file = b->o->valid.item[0];
        return EXIT_FINE;
    }
    b->train = cli_format("%s/train.conllu", b->dir);
    b->valid = cli_format("%s/valid.conllu", b->dir);
    b->train_file = b->train;
    b->valid_file = b->valid;
    rc = write_corpus(b->train, b->o->seed, SENTENCES, 0, 0);
    if (rc == EXIT_FINE) rc = write_corpus(b->valid, b->o->seed + 1, 480, 0, 1);
    for (int d = 1; d <= FARTHEST && rc == EXIT_FINE; d++) {
        snprintf(path, sizeof path, "%s/distance-%02d.conllu", b->dir, d);
        rc = write_corpus(path, b->o->seed + 1 + (uint64_t)d, 200, d, 1);
    }
    return rc;
}

/* --- the report ------------------------------------------------------------------- */

static int show(const bench *b)
{
    compare_table all, far;
    cli_text json = {0};
    char name[40];
    int rc = EXIT_FINE;

    compare_table_init(&all, "a tagger of words", "systems", systems, N_SYSTEMS);
    compare_add(&all, "parameters", NAN, 0, b->parameters);
    compare_add(&all, "MFLOP a word, training", NAN, 2, b->flops);
    compare_add(&all, "seconds of training", NAN, 1, b->seconds);
    compare_add(&all, "accuracy, %", NAN, 2, b->right);
    compare_table_init(&far, "accuracy by the distance of the word that decides, %",
                       "distances", systems, N_SYSTEMS);
    for (int d = 0; d < FARTHEST && !b->o->train.n; d++) {
        snprintf(name, sizeof name, "%d %s", d + 1, d ? "words" : "word");
        compare_add(&far, name, d + 1, 1, b->at[d]);
    }
    if (b->o->json) {
        cli_add(&json, "{");
        compare_json(&json, &all);
        cli_add(&json, ",");
        compare_json(&json, &far);
        puts(cli_format("%s}", json.s));
    } else {
        compare_print(&all);
        if (far.n) compare_print(&far);
    }
    const compare_panel panel = {.table = &far,
                                 .x_name = "distance of the deciding word",
                                 .y_name = "accuracy, %"};
    if (far.n)
        rc = compare_draw(b->o, &panel, 1, "A window of n words against attention");
    cli_free(json.s);
    compare_table_free(&all);
    compare_table_free(&far);
    return rc;
}

static const opt options[] = {
    COMPARE_DATA_ROWS("FILE", "labelled words, as of `attend train tag` (default: a "
                              "corpus is made)"),
    {.name = "after",
     .letter = 'a',
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     COMPARE_ROW(after),
     .help = "how long each is trained"},
    {.name = "dim",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 2,
     .hi = 4096,
     COMPARE_ROW(dim),
     .help = "width of the models"},
    COMPARE_OUTPUT_ROWS,
};

static void defaults(void *opts)
{
    compare_opts *o = opts;

    o->after = "6e";
    o->dim = 64;
    o->seed = 1;
}

static int run(void *opts, const cli_list *words)
{
    compare_opts *o = opts;
    bench b = {.o = o};
    double began = cli_now();
    int rc = EXIT_FINE;

    (void)words;
    if (o->train.n > 1 || o->valid.n > 1 || o->train.n != o->valid.n)
        return cli_usage("compare window-attention",
                         "compare window-attention: one file of --train and one of "
                         "--valid, or neither");
    if (o->output && o->train.n)
        return cli_usage("compare window-attention",
                         "compare window-attention: the picture is of the corpus that "
                         "is made: no --train with --output");
    if (o->dim % 2)
        return cli_usage("compare window-attention",
                         "compare window-attention: --dim %d is odd: rotary positions "
                         "turn pairs",
                         (int)o->dim);
    rc = explain_check_output("compare window-attention", o->output,
                              ".svg .png .pdf .html");
    if (rc) return rc;
    if (!(b.dir = compare_dir(o))) return EXIT_FAILED;
    cli_catch_signals();
    rc = make_corpus(&b);
    for (int s = 0; s < N_SYSTEMS && rc == EXIT_FINE; s++) rc = run_system(&b, s);
    if (rc == EXIT_FINE) rc = show(&b);
    rc = compare_end(o, b.dir, rc, began);
    cli_free(b.train);
    cli_free(b.valid);
    cli_free(b.dir);
    return rc;
}

static const char *const examples[] = {
    "A table and a picture, from a corpus whose distances are known",
    "attend compare window-attention -o window.svg",
    "Parts of speech",
    "attend compare window-attention --train train.conllu --valid dev.conllu --after 8e",
    NULL,
};

const command cmd_compare_window = {
    .name = "compare window-attention",
    .summary = "what attention adds to a window of n words",
    .usage = "[--train FILE --valid FILE] [options]",
    .about =
        "Trains five taggers of the same width on the same data for the same number "
        "of updates: four see 1, 2, 5 and 10 words to either side, one attends to the "
        "whole sentence. Tokens are whole words, so that context is all that "
        "differs. Prints parameters, operations, time and accuracy, and for the "
        "corpus that is made accuracy by the distance at which the deciding word "
        "stands.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(compare_opts),
    .defaults = defaults,
    .run = run,
};
