/* cmd_compare_rnn.c - attend compare rnn-transformer: three translators, the same text, the
 * same number of updates; what each reaches, by length, and why. */
#include "attend/decode.h"
#include "attend/explain.h"
#include "attend/metrics.h"
#include "attend/tokenizer.h"
#include "commands.h"
#include "compare.h"
#include "compare_corpus.h"
#include "explain_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SYSTEMS = 3,
    BINS = 7,
    BATCH_WORDS = 1024, /* of a timed update */
    TIMED = 5,          /* in a turn, of which the best counts */
    TURNS_LEAST = 4,    /* systems take turns, more while their times disagree */
    TURNS_MOST = 12,
    FLOPS_LENGTH = 16, /* of a sentence whose operations are counted */
    DISTANCES = 128,
    REACH_PAIRS = 48
};

static const double STEADY = 1.05, UNSTEADY = 1.25; /* turns over the best one */
static const char *const system_name[SYSTEMS] = {"Transformer", "RNN with attention",
                                                 "RNN without"};
static const char *const system_dir[SYSTEMS] = {"transformer", "rnn-attention",
                                                "rnn-none"};
/* Words of a source; the last bin has no end. */
static const int bin_end[BINS] = {8, 16, 24, 32, 40, 48, 1 << 30};

typedef struct rnn_opts {
    compare_opts o;
    int32_t vocab_size, tokenize, lstm;
} rnn_opts;

#define ROW(member) OPT_ROW(rnn_opts, member)

static const opt options[] = {
    COMPARE_DATA_ROWS("SOURCE TARGET",
                      "files with a sentence a line (default: a corpus that is part of "
                      "the program, English and Chinese)"),
    {.name = "after",
     .letter = 'a',
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     COMPARE_ROW(after),
     .help = "train each for so many epochs, updates or minutes"},
    {.name = "dim",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 8,
     .hi = 4096,
     COMPARE_ROW(dim),
     .help = "width of the Transformer, and of the tokens of the recurrent ones, whose "
             "states are twice as wide"},
    {.name = "lstm",
     .kind = OPT_FLAG,
     ROW(lstm),
     .help = "recurrent cells are LSTM's instead of GRU's"},
    {.name = "vocab-size",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 16,
     .hi = 1048576,
     ROW(vocab_size),
     .help = "pieces of the joint vocabulary of own files"},
    {.name = "tokenize",
     .kind = OPT_CHOICE,
     .arg = "NAME",
     .choices = "13a|zh|char|none|intl",
     ROW(tokenize),
     .help = "tokenisation for BLEU of own files; the program's corpus takes char"},
    COMPARE_OUTPUT_ROWS,
};

static void defaults(void *opts)
{
    rnn_opts *o = opts;

    o->o.after = "600u";
    o->o.dim = 128;
    o->o.seed = 1;
    o->vocab_size = 8000;
}

typedef struct versus {
    const rnn_opts *o;
    char *dir;
    double began;
    const char *train[2], *valid[2], *spm[2];
    char **text[2]; /* of the validation */
    int64_t n;
    int tokenize;
    att_train_opts t[SYSTEMS];
    compare_training training[SYSTEMS];
    att_model *model[SYSTEMS];
    char **said[SYSTEMS];
    compare_table sum, bleu, speed, spread, reach;
    double worst_spread;
} versus;

/* --- the text ----------------------------------------------------------------------- */

static const char *in_dir(const versus *v, const char *name)
{
    return cli_format("%s/corpus/%s", v->dir, name);
}

static int make_vocabulary(const char *path, const char *const *files, int32_t n,
                           int32_t size, const rnn_opts *o, bool raw)
{
    att_tokenizer_train_opts t;

    att_tokenizer_train_opts_init(&t);
    t.vocab_size = size;
    t.seed = o->o.seed;
    t.normalise = !raw;
    return cli_status(att_tokenizer_train(path, files, n, &t));
}

static int own_corpus(versus *v)
{
    compare_corpus c;
    int rc;

    if (!compare_corpus_write(&c, in_dir(v, ""), v->o->o.seed)) return EXIT_FAILED;
    v->train[0] = in_dir(v, "train.en"), v->train[1] = in_dir(v, "train.zh");
    v->valid[0] = in_dir(v, "valid.en"), v->valid[1] = in_dir(v, "valid.zh");
    v->spm[0] = in_dir(v, "en.spm"), v->spm[1] = in_dir(v, "zh.spm");
    v->tokenize = ATT_BLEU_CHAR;
    rc = make_vocabulary(v->spm[0], &v->train[0], 1, c.words, v->o, true);
    return rc ? rc
              : make_vocabulary(v->spm[1], &v->train[1], 1, c.characters, v->o, true);
}

static int given_corpus(versus *v)
{
    const compare_opts *o = &v->o->o;

    if (o->train.n != 2 || o->valid.n != 2)
        return cli_usage("compare rnn-transformer",
                         "compare rnn-transformer: --train and --valid take two files "
                         "each: source target");
    for (int i = 0; i < 2; i++) {
        v->train[i] = o->train.item[i];
        v->valid[i] = o->valid.item[i];
        if (!cli_is_text_file(v->train[i]) || !cli_is_text_file(v->valid[i]))
            return EXIT_FAILED;
    }
    if (!cli_mkdirs(in_dir(v, ""))) return EXIT_FAILED;
    v->tokenize = v->o->tokenize;
    v->spm[0] = v->spm[1] = in_dir(v, "joint.spm");
    return make_vocabulary(v->spm[0], v->train, 2, v->o->vocab_size, v->o, false);
}

static int read_text(versus *v)
{
    int64_t other = 0;

    v->text[0] = cli_read_lines(v->valid[0], &v->n);
    v->text[1] = v->text[0] ? cli_read_lines(v->valid[1], &other) : NULL;
    if (!v->text[1]) return EXIT_FAILED;
    if (other == v->n && v->n > 0) return 0;
    return cli_fail("%s has %lld lines, %s has %lld", v->valid[0], (long long)v->n,
                    v->valid[1], (long long)other);
}

/* --- training ----------------------------------------------------------------------- */

static void settle(versus *v, int s)
{
    const rnn_opts *o = v->o;
    att_train_opts *t = &v->t[s];
    bool joint = v->spm[0] == v->spm[1];

    att_train_opts_init(t);
    t->train_source = &v->train[0];
    t->train_target = &v->train[1];
    t->n_train = 1;
    t->valid_source = v->valid[0];
    t->valid_target = v->valid[1];
    t->valid_beam = 0;
    t->model_dir = cli_format("%s/%s", v->dir, system_dir[s]);
    t->tokenizer = v->spm[0];
    t->tokenizer_target = joint ? NULL : v->spm[1];
    t->tokenizer_raw = !joint;
    t->d_model = o->o.dim;
    t->ffn = 4 * o->o.dim;
    t->heads = o->o.dim % 32 == 0 ? o->o.dim / 32 : 1;
    t->encoder_layers = t->decoder_layers = 2;
    t->dropout = 0.1f;
    t->label_smoothing = 0.1f;
    t->lr = 0.002f;
    t->clip_norm = 1.0f;
    t->schedule = "linear";
    t->warmup = 100;
    t->batch_tokens = 2048;
    t->max_length = 256;
    t->after = o->o.after;
    t->average = 0;
    t->keep_checkpoints = 1;
    t->save_freq = t->valid_freq = "1000000u";
    t->disp_freq = "1u";
    t->seed = o->o.seed;
    t->overwrite = 1;
    if (s == 0) return;
    t->arch = o->lstm ? "rnn-lstm" : "rnn";
    t->score = s == 1 ? "additive" : "none";
    t->encoder_layers = t->decoder_layers = 1;
}

static int train_all(versus *v)
{
    for (int s = 0; s < SYSTEMS; s++) {
        char label[64];
        int rc;

        settle(v, s);
        snprintf(label, sizeof label, "training %d of %d, %s", s + 1, SYSTEMS,
                 system_name[s]);
        rc = compare_train(&v->training[s], &v->t[s], label, att_train_translate);
        if (rc) return rc;
        rc = cli_status(att_model_load(&v->model[s], v->t[s].model_dir));
        if (rc) return rc;
    }
    return 0;
}

/* --- measuring ---------------------------------------------------------------------- */

static int translate(versus *v, int s)
{
    att_session *session = NULL;
    att_result *r = NULL;
    att_decode_opts o;
    att_status st;

    att_decode_opts_init(&o, v->model[s]);
    o.beam_size = 4;
    o.n_best = 1;
    o.cancel = cli_stop;
    st = att_session_create(&session, v->model[s], &o);
    if (st == ATT_OK)
        st = att_translate(session, &r, (const char *const *)v->text[0], NULL,
                           (int32_t)v->n);
    att_session_destroy(session);
    if (st != ATT_OK) return cli_status(st);
    v->said[s] = cli_alloc((size_t)v->n, sizeof *v->said[s]);
    for (int64_t i = 0; i < v->n; i++) {
        const att_sentence *one = att_result_sentence(r, (int32_t)i);

        v->said[s][i] = cli_strdup(one->n_hypotheses ? one->hypotheses[0].text : "");
    }
    att_result_destroy(r);
    return 0;
}

static int words_of(const char *s)
{
    int n = 0;

    while (*(s += strspn(s, " \t"))) {
        n++;
        s += strcspn(s, " \t");
    }
    return n;
}

/* BLEU of system s over the sentences with first <= words < end; NaN where none is. */
static double bleu_of(const versus *v, int s, int first, int end, int64_t *count)
{
    const char **hyps = cli_alloc((size_t)v->n, sizeof *hyps);
    const char **refs = cli_alloc((size_t)v->n, sizeof *refs);
    const char *const *streams = refs;
    att_bleu_opts o;
    att_bleu b;
    double score = NAN;
    int64_t n = 0;

    for (int64_t i = 0; i < v->n; i++) {
        int words = words_of(v->text[0][i]);

        if (words < first || words >= end) continue;
        hyps[n] = v->said[s][i];
        refs[n++] = v->text[1][i];
    }
    att_bleu_opts_init(&o);
    o.tokenize = v->tokenize;
    if (n > 0 && att_bleu_corpus(&b, hyps, &streams, 1, n, &o) == ATT_OK)
        score = b.score;
    *count = n;
    cli_free(hyps);
    cli_free(refs);
    return score;
}

static int measure_bleu(versus *v)
{
    double all[SYSTEMS], in[SYSTEMS];
    int64_t count = 0;
    int rc;

    for (int s = 0; s < SYSTEMS; s++) {
        if ((rc = translate(v, s)) != 0) return rc;
        all[s] = bleu_of(v, s, 0, 1 << 30, &count);
    }
    compare_add(&v->sum, "BLEU", NAN, 2, all);
    for (int b = 0, first = 1; b < BINS; first = bin_end[b++] + 1) {
        bool open = b == BINS - 1;
        char *name;

        for (int s = 0; s < SYSTEMS; s++)
            in[s] = bleu_of(v, s, first, open ? 1 << 30 : bin_end[b] + 1, &count);
        if (count < 2) continue;
        name = open
                   ? cli_format("more (%lld)", (long long)count)
                   : cli_format("%d to %d (%lld)", first, bin_end[b], (long long)count);
        compare_add(&v->bleu, name, open ? first + 4 : (first + bin_end[b]) / 2.0, 2,
                    in);
        cli_free(name);
    }
    return 0;
}

static int measure_loss(versus *v)
{
    double nll[SYSTEMS];

    for (int s = 0; s < SYSTEMS; s++) {
        att_evaluation e = {.size = sizeof e};
        int rc = cli_status(
            att_evaluate_pairs(&e, v->model[s], v->valid[0], v->valid[1], 0));

        if (rc) return rc;
        nll[s] = e.nll;
    }
    compare_add(&v->sum, "loss a target token, nats", NAN, 3, nll);
    return 0;
}

static int time_turn(double *seconds, double *flops, const versus *v, int s,
                     int32_t len)
{
    att_bench_step b = {.size = sizeof b};
    att_train_opts t = v->t[s];
    int rc;

    t.vocab_size = 1000;
    t.tokenizer_target = NULL;
    rc = cli_status(att_bench_train(&b, &t, BATCH_WORDS / len, len, TIMED));
    *seconds = b.seconds;
    *flops = b.flops;
    return rc ? rc : cli_signal() ? 128 + cli_signal() : 0;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Turns of all systems until each has two that agree: others use the machine too, and what
 * they take is never negative, so the best turn is the one to believe. */
static int time_length(double turn[SYSTEMS][TURNS_MOST], int *turns, double *flops,
                       const versus *v, int32_t len)
{
    bool agree = false;

    for (*turns = 0; *turns < TURNS_MOST && !(agree && *turns >= TURNS_LEAST);
         ++*turns) {
        agree = true;
        for (int s = 0; s < SYSTEMS; s++) {
            int rc = time_turn(&turn[s][*turns], &flops[s], v, s, len);

            if (rc) return rc;
            qsort(turn[s], (size_t)*turns + 1, sizeof *turn[s], by_size);
            agree = agree && *turns > 0 && turn[s][1] <= STEADY * turn[s][0];
        }
    }
    return 0;
}

/* As many tokens an update at every length: only the chain grows. */
static int measure_speed(versus *v)
{
    double flops[SYSTEMS] = {0}, of_length[SYSTEMS] = {0};

    for (int32_t len = 8; len <= 256; len *= 2) {
        double turn[SYSTEMS][TURNS_MOST], speed[SYSTEMS], spread[SYSTEMS];
        char name[32];
        int turns, rc = time_length(turn, &turns, of_length, v, len);

        if (rc) return rc;
        for (int s = 0; s < SYSTEMS; s++) {
            speed[s] = BATCH_WORDS / turn[s][0];
            spread[s] = turn[s][turns / 2] / turn[s][0];
            if (spread[s] > v->worst_spread) v->worst_spread = spread[s];
            if (len == FLOPS_LENGTH) flops[s] = of_length[s] / BATCH_WORDS * 1e-6;
        }
        snprintf(name, sizeof name, "%d", (int)len);
        compare_add(&v->speed, name, len, 0, speed);
        compare_add(&v->spread, name, len, 2, spread);
    }
    compare_add(&v->sum, "MFLOP a target token, of an update", NAN, 2, flops);
    return 0;
}

/* Points far apart enough for a table; a mean over what lies between. */
static int measure_reach(versus *v)
{
    static const int edges[] = {1,  2,  3,  4,  6,  8,  12, 16,
                                24, 32, 40, 48, 64, 80, 96, 127};
    double norm[SYSTEMS][DISTANCES], at[SYSTEMS];
    int64_t pairs[DISTANCES];
    const char *source[REACH_PAIRS], *target[REACH_PAIRS];
    int32_t n = 0;

    for (int64_t i = 0; i < REACH_PAIRS && i < v->n; i++) {
        int64_t k = i * v->n / (v->n < REACH_PAIRS ? v->n : REACH_PAIRS);

        source[n] = v->text[0][k];
        target[n++] = v->text[1][k];
    }
    for (int s = 0; s < SYSTEMS; s++) {
        int rc = cli_status(att_explain_reach(norm[s], pairs, DISTANCES, v->model[s],
                                              source, target, n));
        if (rc) return rc;
    }
    for (size_t e = 0; e + 1 < sizeof edges / sizeof *edges; e++) {
        int64_t count = 0;
        char name[32];

        memset(at, 0, sizeof at);
        for (int d = edges[e]; d < edges[e + 1]; d++) {
            count += pairs[d];
            for (int s = 0; s < SYSTEMS; s++) at[s] += norm[s][d] * (double)pairs[d];
        }
        if (count < 10) continue;
        for (int s = 0; s < SYSTEMS; s++) at[s] /= (double)count;
        snprintf(name, sizeof name, edges[e + 1] - edges[e] > 1 ? "%d to %d" : "%d",
                 edges[e], edges[e + 1] - 1);
        compare_add(&v->reach, name, (edges[e] + edges[e + 1] - 1) / 2.0, 5, at);
    }
    return 0;
}

static void summarise(versus *v)
{
    double parameters[SYSTEMS], updates[SYSTEMS], seconds[SYSTEMS], middle[SYSTEMS],
        largest[SYSTEMS];

    for (int s = 0; s < SYSTEMS; s++) {
        parameters[s] = (double)att_model_parameters(v->model[s]);
        updates[s] = (double)v->training[s].updates;
        seconds[s] = v->training[s].seconds;
        middle[s] = v->training[s].norm_median;
        largest[s] = v->training[s].norm_largest;
    }
    compare_add(&v->sum, "parameters", NAN, 0, parameters);
    compare_add(&v->sum, "updates", NAN, 0, updates);
    compare_add(&v->sum, "seconds of training", NAN, 1, seconds);
    compare_add(&v->sum, "gradient norm in training, median", NAN, 3, middle);
    compare_add(&v->sum, "gradient norm in training, largest", NAN, 3, largest);
}

/* --- the command -------------------------------------------------------------------- */

static int show(const versus *v)
{
    const compare_panel panels[] = {
        {.table = &v->bleu, .y_name = "BLEU", .x_name = "words of the source"},
        {.table = &v->speed,
         .y_name = "target tokens/s",
         .x_name = "tokens of a sentence, in training",
         .log_x = 1,
         .log_y = 1},
        {.table = &v->reach,
         .y_name = "gradient norm",
         .x_name = "recurrent steps between a target word and a source word",
         .log_y = 1}};
    int n = sizeof panels / sizeof *panels;

    if (v->o->o.json) {
        cli_text t = {0};

        cli_add(&t, "{");
        compare_json(&t, &v->sum);
        for (int i = 0; i < n; i++) {
            cli_add(&t, ",");
            compare_json(&t, panels[i].table);
        }
        cli_add(&t, ",");
        compare_json(&t, &v->spread);
        cli_addf(&t, ",\"threads\":%d,\"models\":", att_threads());
        cli_add_json(&t, v->dir);
        cli_add(&t, "}");
        puts(t.s);
        cli_free(t.s);
    } else {
        compare_print(&v->sum);
        for (int i = 0; i < n; i++) {
            compare_print(panels[i].table);
            if (panels[i].table == &v->speed && v->worst_spread > UNSTEADY)
                compare_print(&v->spread);
        }
    }
    if (v->worst_spread > UNSTEADY)
        cli_warn("the speeds are not steady (others use the machine): the middle turn "
                 "took up to %.1f times the best one's time",
                 v->worst_spread);
    return compare_draw(&v->o->o, panels, n, "RNN against Transformer");
}

static int compare(versus *v)
{
    int rc = v->o->o.train.n || v->o->o.valid.n ? given_corpus(v) : own_corpus(v);

    if (rc == 0) rc = read_text(v);
    if (rc == 0) rc = train_all(v);
    if (rc) return rc;
    summarise(v);
    progress_busy("measuring");
    if (rc == 0) rc = measure_loss(v);
    if (rc == 0) rc = measure_bleu(v);
    if (rc == 0) rc = measure_reach(v);
    if (rc == 0) rc = measure_speed(v);
    progress_busy_end();
    if (rc == 0 && cli_signal()) rc = 128 + cli_signal();
    return rc ? rc : show(v);
}

static int run(void *opts, const cli_list *words)
{
    versus v = {.o = opts, .began = cli_now()};
    int rc = explain_check_output("compare rnn-transformer", v.o->o.output,
                                  ".svg .png .pdf .html");

    (void)words;
    if (rc) return rc;
    cli_catch_signals();
    v.dir = compare_dir(&v.o->o);
    if (!v.dir) return EXIT_FAILED;
    compare_table_init(&v.sum, "In all", "summary", system_name, SYSTEMS);
    compare_table_init(&v.bleu, "BLEU by words of the source (sentences)",
                       "bleu_by_length", system_name, SYSTEMS);
    compare_table_init(
        &v.speed, "Target tokens a second in training, by the length of a sentence",
        "tokens_per_s_by_length", system_name, SYSTEMS);
    compare_table_init(&v.spread,
                       "Their spread: the time of the middle turn over the best one's",
                       "tokens_per_s_spread", system_name, SYSTEMS);
    compare_table_init(&v.reach,
                       "Gradient norm of a target word at a source word, by the "
                       "recurrent steps between them",
                       "gradient_by_distance", system_name, SYSTEMS);
    rc = compare(&v);
    rc = compare_end(&v.o->o, v.dir, rc, v.began);
    for (int s = 0; s < SYSTEMS; s++) att_model_destroy(v.model[s]);
    return rc;
}

static const char *const examples[] = {
    "On a corpus that is part of the program, in minutes",
    "attend compare rnn-transformer -o rnn.svg",
    "On own files, twenty minutes each",
    "attend compare rnn-transformer --train train.en train.de --valid val.en val.de "
    "--after 20m --dim 256 --json",
    NULL,
};

const command cmd_compare_rnn = {
    .name = "compare rnn-transformer",
    .summary = "what attention brought: recurrent translators against a Transformer",
    .usage = "[--train SOURCE TARGET --valid SOURCE TARGET] [-o FILE]",
    .about =
        "Trains a Transformer, a recurrent encoder-decoder with additive attention "
        "(Bahdanau et al. 2015) and the same without attention (Sutskever et al. 2014) "
        "on the same text for the same number of updates, and measures: parameters; "
        "floating-point operations a target token; BLEU by the length of the source; "
        "the speed of training by length, where a recurrent chain waits for itself; "
        "the norm of the gradient of a target word's loss at a source word's embedding, "
        "by the recurrent steps between the two, which shows how it vanishes without "
        "attention.\n\n"
        "Steps apart are counted by the shorter way through the encoder, which reads in "
        "both directions: t + min(s + 1, S - s) for target word t and source word s of "
        "S. Every system sees the same pairs of words.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(rnn_opts),
    .defaults = defaults,
    .run = run,
};
