/* cmd_bench_generate.c - attend bench generate: how fast a language model reads a prompt and
 * goes on, beside the rate at which this machine reads that many weights in the same run. */
#include "attend/generate.h"
#include "attend/kernels.h"
#include "bench_machine.h"
#include "commands.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

typedef struct bench_generate_opts {
    cli_common c;
    const char *model;
    int32_t length, prompt, batch, repeat, json;
} bench_generate_opts;

#define ROW(member) OPT_ROW(bench_generate_opts, member)

static const opt options[] = {
    {.name = "model",
     .letter = 'm',
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(model),
     .flags = OPT_VOLATILE,
     .help = "the model's directory"},
    {.name = "length",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 2,
     .hi = 1000000,
     ROW(length),
     .help = "tokens said to each prompt"},
    {.name = "prompt-length",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1000000,
     ROW(prompt),
     .help = "tokens of each prompt, drawn at random"},
    {.name = "batch-size",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 65536,
     ROW(batch),
     .flags = OPT_NO_DEFAULT,
     .help = "this many prompts together only (default: 1 and 16)"},
    {.name = "repeat",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1000,
     ROW(repeat),
     .help = "runs of each case; the fastest counts"},
    {.name = "json", .kind = OPT_FLAG, ROW(json), .help = "a JSON object a case"},
};

static void defaults(void *opts)
{
    bench_generate_opts *o = opts;

    o->length = 64;
    o->prompt = 16;
    o->repeat = 3;
}

/* The weights that each step reads: all matrices but a table of which only rows are looked
 * up. *vocabulary: rows of the embedding. */
static double step_bytes(const att_model *m, int64_t *vocabulary)
{
    double sum = 0, table = 0;
    int apart = 0;

    for (int64_t i = 0; i < att_model_tensor_count(m); i++) {
        const char *name = att_model_tensor_name(m, i);
        att_tensor v;
        double bytes;

        if (att_model_tensor(m, &v, name) != ATT_OK) continue;
        bytes = 4.0 * (double)att_tensor_count(&v);
        apart |= strncmp(name, "lm_head", 7) == 0;
        if (strstr(name, "embed_tokens") || strstr(name, "wte.")) {
            table = bytes;
            *vocabulary = v.shape[0];
        } else if (!strstr(name, "wpe.")) {
            sum += bytes;
        }
        att_tensor_deinit(&v);
    }
    return apart ? sum : sum + table;
}

/* When the last prompt had said its first token, and when all had said everything. */
typedef struct clock_of {
    int64_t said, firsts, batch;
    double first, last;
} clock_of;

static int32_t on_piece(void *user, const att_lm_piece *p)
{
    clock_of *c = user;

    if (p->id < 0) return 0;
    if (++c->said == c->firsts) c->first = cli_now();
    c->last = cli_now();
    return cli_stop(NULL);
}

typedef struct timing {
    double prompt_s, step_s; /* of all prompts together; of one step */
} timing;

static att_status time_once(timing *r, att_lm *lm, clock_of *c,
                            const bench_generate_opts *o, const int32_t *const *ids,
                            const int32_t *n_ids)
{
    att_lm_result *res = NULL;
    double began = cli_now(), step;
    att_status st;

    c->said = 0;
    c->firsts = c->batch;
    st = att_lm_generate_ids(lm, &res, ids, n_ids, (int32_t)c->batch);
    att_lm_result_destroy(res);
    if (st != ATT_OK) return st;
    step = (c->last - c->first) / (o->length - 1);
    if (r->step_s == 0 || step < r->step_s) r->step_s = step;
    if (r->prompt_s == 0 || c->first - began < r->prompt_s)
        r->prompt_s = c->first - began;
    return ATT_OK;
}

/* The exit code. */
static int time_case(timing *r, const bench_generate_opts *o, const att_model *m,
                     int64_t vocabulary, int32_t batch)
{
    int64_t n = (int64_t)batch * o->prompt;
    int32_t *all = cli_alloc((size_t)n, sizeof *all);
    int32_t *n_ids = cli_alloc((size_t)batch, sizeof *n_ids);
    const int32_t **ids = cli_alloc((size_t)batch, sizeof *ids);
    clock_of c = {.batch = batch};
    att_lm_opts g;
    att_lm *lm = NULL;
    att_status st;
    uint64_t draw = 1;
    int rc = 0;

    for (int64_t i = 0; i < n; i++) {
        draw = draw * 6364136223846793005u + 1442695040888963407u;
        all[i] = (int32_t)((draw >> 33) % (uint64_t)vocabulary);
    }
    for (int32_t i = 0; i < batch; i++) {
        ids[i] = all + (int64_t)i * o->prompt;
        n_ids[i] = o->prompt;
    }
    att_lm_opts_init(&g, NULL);
    g.max_new = g.min_new = o->length;
    g.batch_size = batch;
    /* All first tokens come out of one pass, so that the rest are steps. */
    g.block = n < 65536 ? (int32_t)n : 65536;
    g.on_piece = on_piece;
    g.user = &c;
    st = att_lm_create(&lm, m, &g);
    /* The last token said need not be seen. */
    if (st == ATT_OK && (int64_t)o->prompt + o->length - 1 > att_lm_context(lm))
        rc = cli_usage("bench generate",
                       "bench generate: --prompt-length %d and --length %d do not fit "
                       "into the model's context of %d",
                       o->prompt, o->length, att_lm_context(lm));
    for (int32_t i = 0; st == ATT_OK && rc == 0 && i < o->repeat; i++)
        st = time_once(r, lm, &c, o, ids, n_ids);
    att_lm_destroy(lm);
    cli_free(all);
    cli_free(n_ids);
    cli_free(ids);
    return st == ATT_OK ? rc : cli_status(st);
}

static void show_case(const bench_generate_opts *o, const timing *r, int32_t batch,
                      double bytes)
{
    double readable = att_kernels_read_gb_per_s((size_t)bytes);
    double speed = batch / r->step_s, gbytes = bytes / r->step_s * 1e-9;
    double prompt = (double)batch * o->prompt / r->prompt_s;
    double gflops = bytes / 2 * speed * 1e-9;
    cli_text t = {0};

    if (!o->json) {
        printf("batch %3d   %9.1f tokens/s   %6.1f of %.1f GB/s of weights   %7.1f "
               "GFLOP/s   prompt %9.1f tokens/s\n",
               batch, speed, gbytes, readable, gflops, prompt);
        return;
    }
    cli_addf(&t,
             "{\"bench\":\"generate\",\"batch\":%d,\"prompt\":%d,\"length\":%d,"
             "\"tokens_per_s\":%.1f,\"prompt_tokens_per_s\":%.1f,\"gflops\":%.2f,"
             "\"weights_gb_per_s\":%.2f,\"read_gb_per_s\":%.2f,"
             "\"read_fraction\":%.3f,\"step_weights_mb\":%.1f",
             batch, o->prompt, o->length, speed, prompt, gflops, gbytes, readable,
             readable > 0 ? gbytes / readable : 0, bytes / 1e6);
    bench_add_machine(&t, bench_peak_gflops(0), bench_peak_rss());
    puts(t.s);
    fflush(stdout);
    cli_free(t.s);
}

static int run(void *opts, const cli_list *words)
{
    const bench_generate_opts *o = opts;
    static const int32_t cases[] = {1, 16};
    att_model *m = NULL;
    int64_t vocabulary = 1;
    double bytes;
    int rc;

    (void)words;
    if (!o->model)
        return cli_usage("bench generate", "bench generate: -m DIR is missing");
    if (!cli_is_dir_name(o->model)) return EXIT_FAILED;
    cli_catch_signals();
    rc = cli_load_model(&m, o->model);
    if (rc) return rc;
    bytes = step_bytes(m, &vocabulary);
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        timing r = {0, 0};
        int32_t batch = o->batch ? o->batch : cases[i];

        if (o->batch && i > 0) break;
        rc = time_case(&r, o, m, vocabulary, batch);
        if (rc == 0) show_case(o, &r, batch, bytes);
    }
    att_model_destroy(m);
    return rc;
}

static const char *const examples[] = {
    "One text, and sixteen together",
    "attend bench generate -m DIR --length 64 --json",
    NULL,
};

const command cmd_bench_generate = {
    .name = "bench generate",
    .summary = "time a language model: its prompts and its answers",
    .usage = "-m DIR [--length N] [--batch-size B] [options]",
    .examples = examples,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .size = sizeof(bench_generate_opts),
    .defaults = defaults,
    .run = run,
};
