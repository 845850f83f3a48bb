/* cmd_train.c - attend train translate: files in, a model directory out. */
#include "commands.h"
#include "term.h"
#include "train_options.h"
#include "train_plan.h"

#include <stdlib.h>
#include <string.h>

#define ROW(member) .at = offsetof(train_opts, member)

static const opt options[] = {
    {.kind = OPT_GROUP, .help = "Data"},
    {.name = "train",
     .letter = 't',
     .alias = "train-sets",
     .kind = OPT_LIST,
     .arg = "SOURCE TARGET",
     ROW(train),
     .help = "files with a sentence a line, line i of one belonging to line i of the "
             "other; more pairs of files may follow"},
    {.name = "valid",
     .alias = "valid-sets",
     .kind = OPT_LIST,
     .arg = "SOURCE TARGET",
     ROW(valid),
     .help = "two files to watch the training with"},
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(t.model_dir),
     .help = "the directory to write: a Hugging Face Marian model"},
    {.name = "tokenizer",
     .letter = 'v',
     .alias = "vocabs",
     .kind = OPT_LIST,
     .arg = "FILE",
     ROW(tokenizers),
     .help = "a ready SentencePiece model for both sides, or one for each; without it "
             "one is trained on the training files"},
    {.name = "vocab-size",
     .alias = "dim-vocabs",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 16,
     .hi = 1048576,
     ROW(t.vocab_size),
     .help = "pieces of the trained vocabulary"},
    {.name = "separate-vocab",
     .kind = OPT_FLAG,
     ROW(t.separate_vocab),
     .help = "one vocabulary a side instead of a joint one"},
    {.name = "unigram",
     .kind = OPT_FLAG,
     ROW(t.unigram),
     .help = "a unigram vocabulary instead of BPE"},
    {.name = "tokenizer-raw",
     .kind = OPT_FLAG,
     ROW(t.tokenizer_raw),
     .help = "take the text as it is, without Unicode normalisation"},
    {.name = "max-length",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 2,
     .hi = 65535,
     ROW(t.max_length),
     .help = "longer sentences (in tokens) are skipped in training and counted"},
    TRAIN_MODEL_ROWS,
    {.kind = OPT_GROUP, .help = "Optimisation"},
    {.name = "after",
     .letter = 'a',
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.after),
     .flags = OPT_NO_DEFAULT,
     .help = "stop after epochs (12e), updates (8Ku) or minutes (40m) (default: 10,500 "
             "updates for tiny, 100,000 for base, 30,000 else, but no more than 100 "
             "epochs)"},
    {.name = "mini-batch-words",
     .alias = "batch-tokens",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 16777216,
     ROW(t.batch_tokens),
     .help = "tokens an update, counted on the longer side"},
    {.name = "optimizer-delay",
     .alias = "accumulate",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 65536,
     ROW(t.accumulate),
     .help = "batches whose gradients are added before an update"},
    {.name = "length-buckets",
     .kind = OPT_FLAG,
     ROW(t.length_buckets),
     .help =
         "batches of similar lengths; saves nothing, since batches have no padding, and "
         "learns more slowly"},
    {.name = "optimizer",
     .kind = OPT_STR,
     .arg = "NAME",
     .choices = "adam|adamw|sgd",
     ROW(t.optimizer),
     .help = "who makes the steps"},
    {.name = "learn-rate",
     .letter = 'l',
     .alias = "lr",
     .kind = OPT_F32,
     .arg = "R",
     .lo = 0,
     .hi = 1e6,
     ROW(t.lr),
     .help = "the peak of the schedule"},
    {.name = "schedule",
     .alias = "lr-schedule",
     .kind = OPT_STR,
     .arg = "NAME",
     .choices = "inverse-sqrt|noam|cosine|linear|constant",
     ROW(t.schedule),
     .help = "how the rate falls after the warm-up"},
    {.name = "lr-warmup",
     .alias = "warmup",
     .kind = OPT_I64,
     .arg = "N",
     .lo = 0,
     .hi = 1e12,
     ROW(t.warmup),
     .help = "updates until the peak; by default no more than a fifth of the training"},
    {.name = "beta1",
     .kind = OPT_F32,
     .arg = "B",
     .lo = 0,
     .hi = 0.99999,
     ROW(t.beta1),
     .help = "Adam's memory of gradients"},
    {.name = "beta2",
     .kind = OPT_F32,
     .arg = "B",
     .lo = 0,
     .hi = 0.999999,
     ROW(t.beta2),
     .help = "Adam's memory of their squares"},
    {.name = "adam-eps",
     .kind = OPT_F32,
     .arg = "E",
     .lo = 0,
     .hi = 1,
     ROW(t.adam_eps),
     .help = "Adam's smallest divisor"},
    {.name = "weight-decay",
     .kind = OPT_F32,
     .arg = "W",
     .lo = 0,
     .hi = 10,
     ROW(t.weight_decay),
     .help = "of adamw"},
    {.name = "clip-norm",
     .kind = OPT_F32,
     .arg = "N",
     .lo = 0,
     .hi = 1e9,
     ROW(t.clip_norm),
     .help = "longest gradient; 0 = any"},
    {.name = "label-smoothing",
     .kind = OPT_F32,
     .arg = "P",
     .lo = 0,
     .hi = 0.999,
     ROW(t.label_smoothing),
     .help = "probability given to all tokens alike"},
    {.name = "precision",
     .kind = OPT_CHOICE,
     .choices = "float32|bfloat16",
     .spellings = "f32|bf16",
     .arg = "TYPE",
     ROW(precision),
     .help = "of matrix products; weights stay float32"},
    {.name = "exponential-smoothing",
     .alias = "ema",
     .kind = OPT_F32,
     .arg = "R",
     .lo = 0,
     .hi = 1,
     ROW(t.ema),
     .help = "rate of an average of the weights; 0 = none"},
    {.name = "average",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1000,
     ROW(t.average),
     .help = "last checkpoints to average at the end; 0 = none"},
    {.name = "seed",
     .kind = OPT_U64,
     .arg = "N",
     ROW(t.seed),
     .help = "the same seed gives the same bytes"},
    {.kind = OPT_GROUP, .help = "Watching"},
    {.name = "valid-freq",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.valid_freq),
     .flags = OPT_NO_DEFAULT,
     .help = "how often to validate (default: 36 times)"},
    {.name = "save-freq",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.save_freq),
     .flags = OPT_NO_DEFAULT,
     .help = "how often to save a checkpoint (default: 144 times; fewer in a short "
             "training)"},
    {.name = "disp-freq",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(t.disp_freq),
     .help = "how often to report"},
    {.name = "early-stopping",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e6,
     ROW(t.early_stopping),
     .help = "validations without improvement before it stops; 0 = never"},
    {.name = "valid-beam",
     .letter = 'b',
     .alias = "beam-size",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 256,
     ROW(t.valid_beam),
     .help = "beam of the BLEU validation; 0 = validate by loss only"},
    {.name = "valid-tokenize",
     .kind = OPT_STR,
     .arg = "NAME",
     .choices = "13a|zh|char|none|intl",
     ROW(t.valid_tokenize),
     .flags = OPT_NO_DEFAULT,
     .help = "tokenisation for that BLEU (default: 13a; none for text that looks "
             "tokenised already, zh for Chinese)"},
    {.name = "keep-checkpoints",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e6,
     ROW(t.keep_checkpoints),
     .help = "checkpoints left on disk"},
    {.kind = OPT_GROUP, .help = "Running"},
    {.name = "resume",
     .kind = OPT_FLAG,
     ROW(t.resume),
     .flags = OPT_VOLATILE,
     .help =
         "go on from the directory's last checkpoint with the settings stored there; "
         "it ends with the bytes of a training that was never interrupted"},
    {.name = "overwrite",
     .kind = OPT_FLAG,
     ROW(t.overwrite),
     .flags = OPT_VOLATILE,
     .help = "start anew in a directory that holds a training"},
    {.name = "dry-run",
     .kind = OPT_FLAG,
     ROW(t.dry_run),
     .flags = OPT_VOLATILE,
     .help = "print parameters, memory by part, work and expected time, and stop"},
    {.name = "memory-limit",
     .letter = 'w',
     .kind = OPT_BYTES,
     .arg = "BYTES",
     .lo = 0,
     .hi = 9e15,
     ROW(t.memory_limit),
     .flags = OPT_NO_DEFAULT,
     .help = "refuse a training that needs more; 16G, 900M"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .flags = OPT_VOLATILE,
     .help = "a JSON object a report on standard output"},
};

/* --- reports ---------------------------------------------------------------------- */

/* Until the first report there is nothing to save, and ^C ends the program at once. */
typedef struct watcher {
    const train_opts *o;
    progress bar;
    bool began; /* everything was checked and read */
} watcher;

static void report_json(const att_train_report *r)
{
    static const char *const kinds[] = {"start",      "step",   "validation",
                                        "checkpoint", "notice", "end"};
    cli_text t = {0};

    cli_addf(&t, "{\"kind\":\"%s\",\"update\":%lld,\"epoch\":",
             r->kind >= 0 && r->kind < 6 ? kinds[r->kind] : "?", (long long)r->update);
    cli_add_number(&t, r->epoch);
    if (r->kind == 1) {
        cli_add(&t, ",\"loss\":");
        cli_add_number(&t, r->loss);
        cli_add(&t, ",\"nll\":");
        cli_add_number(&t, r->nll);
        cli_add(&t, ",\"lr\":");
        cli_add_number(&t, r->lr);
        cli_add(&t, ",\"grad_norm\":");
        cli_add_number(&t, r->grad_norm);
        cli_add(&t, ",\"tokens_per_s\":");
        cli_add_number(&t, r->target_tokens_per_s);
    }
    if (r->kind == 2) {
        cli_add(&t, ",\"valid_nll\":");
        cli_add_number(&t, r->valid_nll);
        if (r->valid_bleu >= 0) {
            cli_add(&t, ",\"valid_bleu\":");
            cli_add_number(&t, r->valid_bleu);
        }
        cli_addf(&t, ",\"best\":%s", r->best ? "true" : "false");
    }
    if (r->text && r->kind != 1) {
        cli_add(&t, ",\"text\":");
        cli_add_json(&t, r->text);
    }
    cli_add(&t, ",\"elapsed_s\":");
    cli_add_number(&t, r->elapsed_s);
    puts(cli_format("%s}", t.s));
    fflush(stdout);
    cli_free(t.s);
}

/* Reports come several times a second, for the bar; those that --disp-freq asked for
 * carry a text. */
static void report_step(watcher *w, const att_train_report *r)
{
    char spent[32], left[32], speed[40];
    cli_text t = {0};

    if (r->text) {
        cli_addf(&t, "%s  %s", r->text, term_duration(spent, r->elapsed_s));
        if (r->remaining_s >= 0)
            cli_addf(&t, "  ETA %s", term_duration(left, r->remaining_s));
        cli_say("%s", t.s);
        t.n = 0;
    }
    cli_addf(&t, "update %lld  loss %.3f  %s tok/s", (long long)r->update, r->loss,
             term_count(speed, (int64_t)r->target_tokens_per_s));
    progress_update(&w->bar, r->fraction_done, r->remaining_s, t.s);
    cli_free(t.s);
}

/* The settings in force in one paragraph, for the log. */
static void say_settings(const train_opts *o)
{
    cli_text t = {0}, json = {0};
    char *line, *save = NULL;
    int at = 0;

    opt_dump_json(&json, &cmd_train_translate, o);
    for (line = strtok_r(json.s, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char *name = strchr(line, '"'), *colon = strstr(line, "\": ");
        size_t n;

        if (!name || !colon || strncmp(name, "\"attend", 7) == 0 ||
            strncmp(name, "\"command", 8) == 0)
            continue;
        *colon = 0;
        n = strlen(colon + 3);
        if (n && colon[n + 2] == ',') colon[n + 2] = 0;
        char *item = cli_format("%s %s", name + 1, colon + 3);
        if (at + (int)strlen(item) > 96) {
            cli_add(&t, "\n   ");
            at = 0;
        }
        at += (int)strlen(item) + 3;
        cli_addf(&t, " %s;", item);
        cli_free(item);
    }
    cli_say("settings:\n   %s", t.s);
    cli_free(t.s);
    cli_free(json.s);
}

static void report(void *user, const att_train_report *r)
{
    watcher *w = user;

    if (!w->began) {
        /* Errors come alone: the settings wait until nothing was found wrong. */
        w->began = true;
        cli_catch_signals();
        progress_busy_end();
        say_settings(w->o);
        train_plan_say();
        progress_start(&w->bar, "training");
    }
    if (w->o->json && (r->kind != 1 || r->text)) report_json(r);
    switch (r->kind) {
    case 1: report_step(w, r); break;
    case 2:
        cli_say("%s%s%s", term_style(stderr, "1"), r->text ? r->text : "validation",
                term_style(stderr, "0"));
        break;
    default:
        /* Checkpoints where the bar stands would only push the figures away. */
        if (r->kind == 3 && progress_visible()) break;
        if (r->text && *r->text) cli_say("%s", r->text);
    }
}

/* --- the dry run's table ---------------------------------------------------------- */

static void row(const char *name, const char *value)
{
    printf("%-28s %16s\n", name, value);
}

static void print_estimate(const att_train_estimate *e)
{
    const struct {
        const char *name;
        int64_t bytes;
    } part[] = {{"  weights", e->weights},
                {"  gradients", e->gradients},
                {"  optimiser", e->optimizer},
                {"  activations", e->activations},
                {"  data", e->data}};
    int64_t sum = 0;
    char s[40];

    row("parameters", term_count(s, e->parameters));
    for (size_t i = 0; i < 5; i++) sum += part[i].bytes;
    row("memory", term_bytes(s, (double)sum));
    for (size_t i = 0; i < 5; i++)
        row(part[i].name, term_bytes(s, (double)part[i].bytes));
    row("sentence pairs", term_count(s, e->pairs));
    row("  skipped (too long, empty)", term_count(s, e->pairs_skipped));
    snprintf(s, sizeof s, "%.2f G", e->flops_per_update * 1e-9);
    row("operations an update", s);
    snprintf(s, sizeof s, "%.3f s", e->seconds_per_update);
    row("time an update, measured", s);
    row("updates", term_count(s, e->updates_total));
    row("expected time", term_duration(s, e->seconds_total));
}

static void estimate_json(const att_train_estimate *e)
{
    printf(
        "{\"parameters\":%lld,\"memory\":{\"weights\":%lld,\"gradients\":%lld,"
        "\"optimizer\":%lld,\"activations\":%lld,\"data\":%lld},\"flops_per_update\":%.0f,"
        "\"seconds_per_update\":%.6f,\"seconds_total\":%.3f,\"updates\":%lld,"
        "\"pairs\":%lld,\"pairs_skipped\":%lld}\n",
        (long long)e->parameters, (long long)e->weights, (long long)e->gradients,
        (long long)e->optimizer, (long long)e->activations, (long long)e->data,
        e->flops_per_update, e->seconds_per_update, e->seconds_total,
        (long long)e->updates_total, (long long)e->pairs, (long long)e->pairs_skipped);
}

/* What the directory's training began with holds for all that is not given anew. */
static int stored_settings(train_opts *o)
{
    char *path;

    if (!o->t.resume || !o->t.model_dir || o->c.config) return 0;
    path = cli_format("%s/config.train.json", o->t.model_dir);
    return cli_is_file(path) ? opt_add_config(&cmd_train_translate, o, path) : 0;
}

/* Whatever is wrong with the options by themselves, before a file is touched. */
static int check_options(train_opts *o)
{
    static const char name[] = "train translate";
    att_status st;
    int rc;

    if ((rc = stored_settings(o)) != 0) return rc;
    if ((rc = train_settle(o, name)) != 0) return rc;
    if (o->t.n_train == 0)
        return cli_usage(name, "%s: --train SOURCE TARGET is missing", name);
    if (!o->t.model_dir && !o->t.dry_run)
        return cli_usage(name, "%s: -m DIR is missing", name);
    if (o->t.resume && o->t.overwrite)
        return cli_usage(name, "%s: --resume and --overwrite exclude each other", name);
    st = att_train_check(&o->t);
    return train_refused(st, name);
}

/* A missing file is told before a directory is made for what it should have become. */
static int check_files(const train_opts *o)
{
    const cli_list *lists[] = {&o->train, &o->valid, &o->tokenizers};

    if (!o->t.dry_run && !cli_is_dir_name(o->t.model_dir)) return EXIT_FAILED;
    for (size_t i = 0; i < 3; i++)
        for (int k = 0; k < lists[i]->n; k++)
            if (!cli_readable(lists[i]->item[k])) return EXIT_FAILED;
    return 0;
}

static int run(void *opts, const cli_list *words)
{
    train_opts *o = opts;
    watcher w = {.o = o};
    att_train_estimate estimate = {.size = sizeof estimate};
    cli_text config = {0};
    att_status st;
    int rc;

    (void)words;
    if ((rc = check_options(o)) != 0) return rc;
    if ((rc = check_files(o)) != 0) return rc;
    if ((rc = train_plan(o)) != 0) return rc;
    opt_dump_json(&config, &cmd_train_translate, o);
    o->t.config_text = config.s;
    o->t.report = report;
    o->t.stop = cli_stop;
    o->t.user = &w;
    /* A dry run has a directory to take away again. */
    if (o->t.dry_run) cli_catch_signals();
    progress_busy(o->t.dry_run ? "measuring" : "preparing");
    st = att_train_translate(&o->t, &estimate);
    progress_busy_end();
    progress_end(&w.bar);
    if (st == ATT_ECANCELLED && cli_signal())
        cli_say("stopped; --resume goes on from the last checkpoint");
    if (st != ATT_OK) return cli_status(st);
    if (!o->t.dry_run) return EXIT_FINE;
    if (cli_signal()) return 128 + cli_signal();
    train_plan_say();
    if (o->json)
        estimate_json(&estimate);
    else
        print_estimate(&estimate);
    return EXIT_FINE;
}

static const char *const examples[] = {
    "The model of Wu et al. (2021) on one's own files",
    "attend train translate --preset tiny --train train.en train.de --valid val.en val.de "
    "-m en-de",
    "What would it take?",
    "attend train translate --preset base --train train.en train.de -m en-de --dry-run",
    "On after an interruption",
    "attend train translate -m en-de --resume",
    "The same training once more, with another seed",
    "attend train translate --config en-de/config.train.json -m en-de.2 --seed 2",
    NULL,
};

const command cmd_train_translate = {
    .name = "train translate",
    .summary = "train a translator on pairs of sentences",
    .usage = "--train SOURCE TARGET -m DIR [options]",
    .about =
        "Trains a Transformer (Vaswani et al. 2017) from sentences to a model "
        "directory that `attend translate`, Hugging Face's MarianMTModel and "
        "CTranslate2's converter load. The options are Marian's where Marian has "
        "them.\n\n"
        "^C and SIGTERM save a checkpoint first. A directory holds whole checkpoints "
        "only, whenever the power goes. The settings in force are stored in the "
        "directory as config.train.json and can be replayed with --config.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(train_opts),
    .defaults = train_defaults,
    .preset = train_preset,
    .run = run,
};
