/* cmd_demo.c - attend demo: a translator trained before one's eyes, from a grammar that
 * is part of the program, through the public interface only. */
#include "alignment_view.h"
#include "attend/metrics.h"
#include "attend/tape.h"
#include "attend/tokenizer.h"
#include "attend/train.h"
#include "commands.h"
#include "demo_corpus.h"
#include "term.h"
#include "used_dir.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EN_ZH, ZH_EN };

typedef struct demo_opts {
    cli_common c;
    int32_t direction, json, show, overwrite;
    const char *model, *corpus, *after;
    uint64_t seed;
} demo_opts;

#define ROW(member) OPT_ROW(demo_opts, member)

static const opt options[] = {
    {.name = "direction",
     .kind = OPT_CHOICE,
     .choices = "en-zh|zh-en",
     .arg = "WAY",
     ROW(direction),
     .help = "from which language to which"},
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(model),
     .help = "keep the model here (default: a new directory for temporary files)"},
    {.name = "overwrite",
     .kind = OPT_FLAG,
     ROW(overwrite),
     .help =
         "begin anew in a directory that holds a model; with --corpus, replace files "
         "of these names"},
    {.name = "show",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1000,
     ROW(show),
     .help = "translations shown"},
    {.name = "after",
     .kind = OPT_STR,
     .arg = "N(e|u|m)",
     ROW(after),
     .help = "train for so many epochs, updates or minutes"},
    {.name = "seed",
     .kind = OPT_U64,
     .arg = "N",
     ROW(seed),
     .help = "draws other sentences and other first weights"},
    {.name = "corpus",
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(corpus),
     .help = "only write the corpus: train.en, train.zh, unseen.en, unseen.zh"},
    {.name = "json",
     .kind = OPT_FLAG,
     ROW(json),
     .help = "only one JSON object with the results"},
};

static void defaults(void *opts)
{
    demo_opts *o = opts;

    o->show = 10;
    o->after = "700u";
    o->seed = 1;
}

typedef struct demo {
    const demo_opts *o;
    demo_corpus corpus;
    char *dir; /* of the model; the corpus lies in dir/corpus */
    progress bar;
    double began, trained_s, said;
    att_model *model;
    /* results */
    double exact, bleu;
    char signature[192];
} demo;

static const char *source_of(const demo *d, const demo_pair *p)
{
    return d->o->direction == EN_ZH ? p->en : p->zh;
}

static const char *target_of(const demo *d, const demo_pair *p)
{
    return d->o->direction == EN_ZH ? p->zh : p->en;
}

static void title(const demo *d, const char *text)
{
    if (d->o->json) return;
    printf("\n%s%s%s\n", term_style(stdout, "1"), text, term_style(stdout, "0"));
    fflush(stdout);
}

/* --- the corpus ------------------------------------------------------------------- */

static char *file_of(const demo *d, const char *name)
{
    return cli_format("%s/corpus/%s", d->dir, name);
}

static int make_dir(demo *d)
{
    const char *tmp = getenv("TMPDIR");

    if (d->o->model) {
        if (!used_dir_free(d->o->model, d->o->overwrite != 0,
                           "--overwrite begins anew"))
            return EXIT_FAILED;
        d->dir = cli_strdup(d->o->model);
    } else {
        d->dir = cli_format("%s/attend-demo-XXXXXX", tmp && *tmp ? tmp : "/tmp");
        if (!mkdtemp(d->dir)) return cli_fail("%s: cannot be made", d->dir);
    }
    return cli_mkdirs(file_of(d, "")) ? 0 : EXIT_FAILED;
}

static int write_corpus(const demo *d, const char *dir)
{
    const demo_corpus *c = &d->corpus;

    if (!cli_mkdirs(dir)) return EXIT_FAILED;
    if (!demo_corpus_write(c->train, c->n_train, dir, "train")) return EXIT_FAILED;
    if (!demo_corpus_write(c->unseen, c->n_unseen, dir, "unseen")) return EXIT_FAILED;
    return 0;
}

/* The user's own files may have these names. */
static int only_corpus(const demo *d)
{
    static const char *const names[] = {"train.en", "train.zh", "unseen.en",
                                        "unseen.zh"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!used_file_free(cli_format("%s/%s", d->o->corpus, names[i]),
                            d->o->overwrite != 0))
            return EXIT_FAILED;
    return write_corpus(d, d->o->corpus);
}

/* Whole English words, single Chinese characters: what the alignment can show best. */
static int make_vocabularies(const demo *d)
{
    att_tokenizer_train_opts t;
    const char *files[1];
    att_status st;

    att_tokenizer_train_opts_init(&t);
    t.normalise = 0;
    t.n_threads = 1;
    t.seed = d->o->seed;
    t.vocab_size = 700;
    files[0] = file_of(d, "train.en");
    st = att_tokenizer_train(file_of(d, "en.spm"), files, 1, &t);
    if (st != ATT_OK) return cli_status(st);
    /* The characters, the mark of a beginning, </s> and <unk>. */
    t.vocab_size = demo_corpus_characters(&d->corpus) + 3;
    files[0] = file_of(d, "train.zh");
    return cli_status(att_tokenizer_train(file_of(d, "zh.spm"), files, 1, &t));
}

static void show_corpus(const demo *d)
{
    const demo_corpus *c = &d->corpus;
    char a[40], b[40], e[40], f[40];

    if (d->o->json) return;
    printf(
        "%s sentences of a small grammar, English and Chinese; %s of them (%.1f %%) are "
        "kept away from training.\n%s are drawn for training and %s of the others to "
        "test with:\n",
        term_count(a, c->combinations), term_count(b, c->kept),
        100.0 * (double)c->kept / (double)c->combinations, term_count(e, c->n_train),
        term_count(f, c->n_unseen));
    for (int64_t i = 0; i < 4 && i < c->n_train; i++)
        printf("  %s %s %s\n", source_of(d, &c->train[i]), term_utf8() ? "→" : "->",
               target_of(d, &c->train[i]));
}

/* --- training --------------------------------------------------------------------- */

static void report(void *user, const att_train_report *r)
{
    demo *d = user;
    char text[128], speed[40];

    if (r->kind == 0 && r->text && !d->o->json) printf("%s\n", r->text);
    fflush(stdout);
    if (r->kind == 4 && r->text) cli_say("%s", r->text);
    if (r->kind != 1) return;
    term_count(speed, (int64_t)r->target_tokens_per_s);
    snprintf(text, sizeof text, "update %lld  loss %.3f  %s tokens/s",
             (long long)r->update, r->nll, speed);
    progress_update(&d->bar, r->fraction_done, r->remaining_s, text);
    /* Where no bar can stand, a line now and then. */
    if (!progress_visible() && cli_now() - d->said > 10) {
        cli_say("training %3.0f %%  %s", 100 * r->fraction_done, text);
        d->said = cli_now();
    }
}

static int train(demo *d)
{
    bool forward = d->o->direction == EN_ZH;
    char *en = file_of(d, "train.en"), *zh = file_of(d, "train.zh");
    const char *source[1] = {forward ? en : zh}, *target[1] = {forward ? zh : en};
    att_train_opts t;
    att_status st;

    att_train_opts_init(&t);
    t.train_source = source;
    t.train_target = target;
    t.n_train = 1;
    t.model_dir = d->dir;
    t.tokenizer = file_of(d, forward ? "en.spm" : "zh.spm");
    t.tokenizer_target = file_of(d, forward ? "zh.spm" : "en.spm");
    t.tokenizer_raw = 1;
    t.source_lang = forward ? "en" : "zh";
    t.target_lang = forward ? "zh" : "en";
    t.d_model = 128;
    t.ffn = 256;
    t.heads = 4;
    t.encoder_layers = t.decoder_layers = 2;
    t.dropout = 0.05f;
    t.label_smoothing = 0.05f;
    t.lr = 0.003f;
    t.schedule = "linear";
    t.warmup = 150;
    t.batch_tokens = 2048;
    t.after = d->o->after;
    t.average = 0;
    t.keep_checkpoints = 1;
    t.save_freq = t.valid_freq = "1000000u";
    t.disp_freq = "50u";
    t.seed = d->o->seed;
    t.overwrite = 1;
    t.report = report;
    t.stop = cli_stop;
    t.user = d;
    progress_start(&d->bar, "training");
    d->said = cli_now();
    d->trained_s = cli_now();
    st = att_train_translate(&t, NULL);
    d->trained_s = cli_now() - d->trained_s;
    progress_end(&d->bar);
    if (st != ATT_OK) return cli_status(st);
    return cli_status(att_model_load(&d->model, d->dir));
}

static void show_model(const demo *d)
{
    char path[4096], s[40], b[32], t[32];
    struct stat info;

    if (d->o->json) return;
    snprintf(path, sizeof path, "%s/model.safetensors", d->dir);
    printf("The model: %s parameters", term_count(s, att_model_parameters(d->model)));
    if (stat(path, &info) == 0)
        printf(", %s on disk", term_bytes(b, (double)info.st_size));
    printf(", trained in %s.\n", term_duration(t, d->trained_s));
}

/* --- what it learned -------------------------------------------------------------- */

static int score(demo *d, const char **hyps, const char **refs, int64_t n)
{
    const char *const *reference = refs;
    int64_t equal = 0;
    att_bleu_opts o;
    att_bleu bleu;
    att_status st;

    for (int64_t i = 0; i < n; i++) equal += strcmp(hyps[i], refs[i]) == 0;
    d->exact = 100.0 * (double)equal / (double)n;
    att_bleu_opts_init(&o);
    o.tokenize = d->o->direction == EN_ZH ? ATT_BLEU_CHAR : ATT_BLEU_13A;
    st = att_bleu_corpus(&bleu, hyps, &reference, 1, n, &o);
    if (st != ATT_OK) return cli_status(st);
    d->bleu = bleu.score;
    snprintf(d->signature, sizeof d->signature, "%s", bleu.signature);
    return 0;
}

static void show_one(const char *source, const char *hyp, const char *ref)
{
    bool good = strcmp(hyp, ref) == 0;
    const char *yes = term_utf8() ? "✓" : "+", *no = term_utf8() ? "✗" : "-";

    printf("  %s\n    %s%s%s %s\n", source, term_style(stdout, good ? "32" : "31"),
           good ? yes : no, term_style(stdout, "0"), hyp);
    if (!good) printf("      reference: %s\n", ref);
}

static int translate_unseen(demo *d)
{
    int64_t n = d->corpus.n_unseen;
    const char **source = cli_alloc((size_t)n, sizeof *source);
    const char **hyps = cli_alloc((size_t)n, sizeof *hyps);
    const char **refs = cli_alloc((size_t)n, sizeof *refs);
    att_session *s = NULL;
    att_result *r = NULL;
    att_decode_opts o;
    att_status st;
    int rc;

    att_decode_opts_init(&o, d->model);
    o.beam_size = 4;
    o.n_best = 1;
    o.cancel = cli_stop;
    for (int64_t i = 0; i < n; i++) {
        source[i] = source_of(d, &d->corpus.unseen[i]);
        refs[i] = target_of(d, &d->corpus.unseen[i]);
    }
    st = att_session_create(&s, d->model, &o);
    if (st == ATT_OK) st = att_translate(s, &r, source, NULL, (int32_t)n);
    att_session_destroy(s);
    if (st != ATT_OK) return cli_status(st);
    for (int64_t i = 0; i < n; i++) {
        const att_sentence *one = att_result_sentence(r, (int32_t)i);

        hyps[i] = one->n_hypotheses ? one->hypotheses[0].text : "";
    }
    rc = score(d, hyps, refs, n);
    for (int64_t i = 0; rc == 0 && !d->o->json && i < d->o->show && i < n; i++) {
        int64_t k = d->o->show < n ? (2 * i + 1) * n / (2 * d->o->show) : i;

        show_one(source[k], hyps[k], refs[k]);
    }
    att_result_destroy(r);
    cli_free(source);
    cli_free(hyps);
    cli_free(refs);
    return rc;
}

static int draw(const demo *d)
{
    const char *text = d->o->direction == EN_ZH ? "I am a student" : "我是一个学生";
    att_session *s = NULL;
    att_result *r = NULL;
    att_decode_opts o;
    att_status st;

    att_decode_opts_init(&o, d->model);
    o.want_alignment = 1;
    st = att_session_create(&s, d->model, &o);
    if (st == ATT_OK) st = att_translate(s, &r, &text, NULL, 1);
    att_session_destroy(s);
    if (st != ATT_OK) return cli_status(st);
    const att_sentence *one = att_result_sentence(r, 0);
    if (one->n_hypotheses && one->hypotheses[0].alignment) {
        printf("  %s %s %s\n\n", text, term_utf8() ? "→" : "->",
               one->hypotheses[0].text);
        alignment_print(d->model, one, &one->hypotheses[0]);
    }
    att_result_destroy(r);
    return 0;
}

static void show_next(const demo *d)
{
    bool zh = d->o->direction == EN_ZH;
    const char *me = cli_program(), *dir = cli_shell_word(d->dir);
    const char *text = zh ? "My friend is a teacher" : "我的朋友是一名老师";
    const char *s = zh ? "en" : "zh", *t = zh ? "zh" : "en";
    char *train[2], *unseen[2];

    for (int i = 0; i < 2; i++) {
        train[i] = cli_shell_word(file_of(d, cli_format("train.%s", i ? t : s)));
        unseen[i] = cli_shell_word(file_of(d, cli_format("unseen.%s", i ? t : s)));
    }
    title(d, "Try next: the model and the corpus of this demo stay where they are");
    printf("  echo '%s' | %s translate -m %s --json\n", text, me, dir);
    printf("  %s explain -m %s '%s'\n", me, dir, text);
    printf("  %s evaluate -m %s --source %s --target %s%s\n", me, dir, unseen[0],
           unseen[1], zh ? " --tokenize zh" : "");
    printf(
        "  %s train translate --preset tiny --vocab-size 900 --train %s %s --valid %s %s "
        "-m my-model\n",
        me, train[0], train[1], unseen[0], unseen[1]);
    printf("\nIn place of these files put your own, a sentence a line.\n");
}

static void print_json(const demo *d)
{
    cli_text t = {0};

    cli_addf(
        &t,
        "{\"direction\":\"%s\",\"train\":%lld,\"unseen\":%lld,\"combinations\":%lld,",
        d->o->direction == EN_ZH ? "en-zh" : "zh-en", (long long)d->corpus.n_train,
        (long long)d->corpus.n_unseen, (long long)d->corpus.combinations);
    cli_addf(
        &t,
        "\"kept_from_training\":%lld,\"parameters\":%lld,\"seconds_training\":%.2f,",
        (long long)d->corpus.kept, (long long)att_model_parameters(d->model),
        d->trained_s);
    cli_addf(&t, "\"seconds\":%.2f,\"exact_match\":%.2f,\"bleu\":%.2f,\"signature\":",
             cli_now() - d->began, d->exact, d->bleu);
    cli_add_json(&t, d->signature);
    cli_add(&t, ",\"model\":");
    cli_add_json(&t, d->dir);
    cli_add(&t, "}");
    puts(t.s);
    cli_free(t.s);
}

static int show_results(demo *d)
{
    char s[32];
    int rc;

    title(d, "Sentences it has never seen");
    if ((rc = translate_unseen(d)) != 0) return rc;
    if (d->o->json) {
        print_json(d);
        return 0;
    }
    printf("\n  exact match %.1f %% of %lld unseen sentences, BLEU %.2f (%s)\n",
           d->exact, (long long)d->corpus.n_unseen, d->bleu, d->signature);
    title(d, "What it looked at: cross-attention, source across, translation down");
    if ((rc = draw(d)) != 0) return rc;
    show_next(d);
    printf("\n%s in all.\n", term_duration(s, cli_now() - d->began));
    return 0;
}

static int run_demo(demo *d)
{
    int rc;

    if ((rc = make_dir(d)) != 0) return rc;
    title(d, "The corpus");
    show_corpus(d);
    if ((rc = write_corpus(d, file_of(d, ""))) != 0) return rc;
    if ((rc = make_vocabularies(d)) != 0) return rc;
    title(d, "Training");
    if ((rc = train(d)) != 0) return rc;
    show_model(d);
    return show_results(d);
}

static int run(void *opts, const cli_list *words)
{
    demo d = {.o = opts, .began = cli_now()};
    int rc;

    (void)words;
    cli_catch_signals();
    demo_corpus_make(&d.corpus, d.o->seed);
    rc = d.o->corpus ? only_corpus(&d) : run_demo(&d);
    att_model_destroy(d.model);
    demo_corpus_free(&d.corpus);
    cli_free(d.dir);
    return rc;
}

static const char *const examples[] = {
    "English to Chinese",
    "attend demo",
    "Chinese to English",
    "attend demo --direction zh-en",
    NULL,
};

const command cmd_demo = {
    .name = "demo",
    .summary = "train a small English-Chinese translator and look at it",
    .usage = "[--direction en-zh|zh-en] [options]",
    .about =
        "Makes a corpus from a grammar that is part of the program, trains a small "
        "Transformer on it, translates sentences that the training never saw, and "
        "draws what the model looked at. Needs no network, and two or three minutes "
        "at most.",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(demo_opts),
    .defaults = defaults,
    .run = run,
};
