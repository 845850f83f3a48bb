/* cmd_bench.c - attend bench train|attention: speeds, beside the peak that this machine
 * reaches in the same run; only their ratio means anything on shared machines. */
#include "attend/kernels.h"
#include "attn_measure.h"
#include "bench_machine.h"
#include "commands.h"
#include "term.h"
#include "train_options.h"

#include <stdlib.h>
#include <string.h>

/* --- train ------------------------------------------------------------------------ */

static const opt train_options[] = {
    {.name = "batch",
     .kind = OPT_STR,
     .arg = "BxT",
     TRAIN_ROW(batch),
     .help = "sentences times tokens of a batch"},
    {.name = "steps",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 100000,
     TRAIN_ROW(steps),
     .help = "updates timed; the best one counts"},
    {.name = "vocab-size",
     .alias = "dim-vocabs",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 8,
     .hi = 16777216,
     TRAIN_ROW(t.vocab_size),
     .help = "pieces of the joint vocabulary"},
    {.name = "precision",
     .kind = OPT_CHOICE,
     .choices = "float32|bfloat16",
     .spellings = "f32|bf16",
     .arg = "TYPE",
     TRAIN_ROW(precision),
     .help = "of matrix products"},
    {.name = "seed",
     .kind = OPT_U64,
     .arg = "N",
     TRAIN_ROW(t.seed),
     .help = "of the random tokens"},
    {.name = "json", .kind = OPT_FLAG, TRAIN_ROW(json), .help = "one JSON object"},
    TRAIN_MODEL_ROWS,
};

static void bench_train_defaults(void *opts)
{
    train_opts *o = opts;

    train_defaults(o);
    o->steps = 6;
    o->batch = "256x16";
}

/* All presets with one vocabulary, the peers': its products would blur what differs. */
static int bench_train_preset(void *opts, const char *name)
{
    train_opts *o = opts;
    int32_t vocabulary = o->t.vocab_size;
    int rc = train_preset(o, name);

    o->t.vocab_size = vocabulary;
    return rc;
}

static int run_train(void *opts, const cli_list *words)
{
    train_opts *o = opts;
    att_bench_step r = {.size = sizeof r};
    att_train_opts checked;
    long b, len;
    char *end, s[40];
    double peak, peak_bf16, tokens, gflops;
    cli_text t = {0};
    att_status st;
    int rc;

    (void)words;
    b = strtol(o->batch, &end, 10);
    len = *end == 'x' ? strtol(end + 1, &end, 10) : 0;
    if (*end || b < 1 || len < 1 || b > 1000000 || len > 1000000)
        return cli_usage("bench train",
                         "bench train: --batch: '%s' is not of the form 256x16",
                         o->batch);
    if ((rc = train_settle(o, "bench train")) != 0) return rc;
    /* What it would be trained on is no matter here; the rest is checked as there. */
    checked = o->t;
    checked.train_source = checked.train_target = &o->batch;
    checked.n_train = checked.dry_run = 1;
    checked.valid_beam = 0;
    if ((rc = train_refused(att_train_check(&checked), "bench train")) != 0) return rc;
    progress_busy("timing updates");
    (void)bench_peak_gflops(0);
    st = att_bench_train(&r, &o->t, (int32_t)b, (int32_t)len, o->steps);
    progress_busy_end();
    if (st != ATT_OK) return cli_status(st);
    peak = bench_peak_gflops(0);
    peak_bf16 = o->precision ? bench_peak_gflops(1) : 0;
    tokens = (double)b * (double)len / r.seconds;
    gflops = r.flops / r.seconds * 1e-9;
    if (o->json) {
        cli_add(&t, "{\"bench\":\"train\",\"preset\":");
        cli_add_json(&t, o->preset ? o->preset : "");
        cli_addf(
            &t,
            ",\"batch\":[%ld,%ld],\"vocabulary\":%d,\"precision\":\"%s\",\"parameters\":%lld,"
            "\"ms_per_step\":%.3f,\"ms_matmul_alone\":%.3f,\"tokens_per_s\":%.1f,"
            "\"gflops\":%.2f",
            b, len, o->t.vocab_size, o->precision ? "bfloat16" : "float32",
            (long long)r.parameters, r.seconds * 1e3, r.seconds_matmul * 1e3, tokens,
            gflops);
        if (o->precision) bench_add_bf16(&t, peak_bf16);
        bench_add_machine(&t, peak, (double)r.peak_bytes);
        puts(t.s);
        return EXIT_FINE;
    }
    printf("training, %ld x %ld tokens, vocabulary %d, %s parameters, %d threads, %s\n",
           b, len, o->t.vocab_size, term_count(s, r.parameters), att_threads(),
           att_kernels_isa());
    printf("  a step            %10.1f ms   its matrix products alone %.1f ms\n",
           r.seconds * 1e3, r.seconds_matmul * 1e3);
    printf("  target tokens     %10s /s\n", term_count(s, (int64_t)tokens));
    printf("  matrix products   %10.1f GFLOP/s", gflops);
    if (peak > 0) printf("   %.0f %% of the peak %.0f", 100 * gflops / peak, peak);
    if (peak_bf16 > 0)
        printf(" (bfloat16: %.0f %% of %.0f)", 100 * gflops / peak_bf16, peak_bf16);
    else if (o->precision)
        printf(" (bfloat16 is emulated here)");
    printf("\n  memory            %10.1f MB\n", (double)r.peak_bytes / 1e6);
    return EXIT_FINE;
}

static const char *const train_examples[] = {
    "The two yardsticks",
    "attend bench train --preset tiny --batch 256x16 --json",
    "and",
    "attend bench train --preset base --batch 128x32 --steps 2 --json",
    NULL,
};

const command cmd_bench_train = {
    .name = "bench train",
    .summary = "time training steps on random tokens",
    .usage = "[--preset NAME] [--batch BxT] [options]",
    .examples = train_examples,
    .options = train_options,
    .n_options = sizeof train_options / sizeof *train_options,
    .size = sizeof(train_opts),
    .defaults = bench_train_defaults,
    .preset = bench_train_preset,
    .run = run_train,
};

/* --- attention -------------------------------------------------------------------- */

typedef struct bench_attention_opts {
    cli_common c;
    cli_list shapes;
    int32_t causal, forward_only, ragged, json, bf16;
    int64_t left, right;
    double seconds, dropout;
} bench_attention_opts;

#define ROW(member) OPT_ROW(bench_attention_opts, member)

static const opt attention_options[] = {
    {.name = "shape",
     .kind = OPT_LIST,
     .arg = "B,H,T,D ...",
     ROW(shapes),
     .help = "batch, heads, length, width of a head; more shapes may follow (default: "
             "1,8,1024,64 64,4,32,32 16,8,128,64)"},
    {.name = "causal",
     .kind = OPT_FLAG,
     ROW(causal),
     .help = "a query sees no later key"},
    {.name = "left",
     .kind = OPT_I64,
     .arg = "N",
     .lo = -1,
     .hi = 1e12,
     ROW(left),
     .help = "keys seen to the left; -1 = all"},
    {.name = "right",
     .kind = OPT_I64,
     .arg = "N",
     .lo = -1,
     .hi = 1e12,
     ROW(right),
     .help = "keys seen to the right; -1 = all"},
    {.name = "dtype",
     .kind = OPT_CHOICE,
     .choices = "float32|bfloat16",
     .spellings = "f32|bf16",
     .arg = "TYPE",
     ROW(bf16),
     .help = "of queries, keys, values and what comes out"},
    {.name = "dropout",
     .kind = OPT_F64,
     .arg = "P",
     .lo = 0,
     .hi = 0.999,
     ROW(dropout),
     .help = "on the weights"},
    {.name = "forward-only",
     .kind = OPT_FLAG,
     ROW(forward_only),
     .help = "leave the gradients out"},
    {.name = "seconds",
     .kind = OPT_F64,
     .arg = "S",
     .lo = 0.001,
     .hi = 600,
     ROW(seconds),
     .help = "time spent on each direction"},
    {.name = "json", .kind = OPT_FLAG, ROW(json), .help = "a JSON object a shape"},
};

static void bench_attention_defaults(void *opts)
{
    bench_attention_opts *o = opts;

    o->left = o->right = -1;
    o->seconds = 0.5;
}

static int time_shape(const bench_attention_opts *o, const char *shape)
{
    long long b, h, t, d;
    bench_case c;
    bench_result r;
    double peak, peak_bf16, limit;
    char extra;
    cli_text line = {0};

    if (sscanf(shape, "%lld,%lld,%lld,%lld%c", &b, &h, &t, &d, &extra) != 4 || b < 1 ||
        h < 1 || t < 1 || d < 1)
        return cli_usage(
            "bench attention",
            "bench attention: --shape: '%s' is not of the form 1,8,1024,64", shape);
    bench_case_init(&c);
    c.b = b;
    c.h = h;
    c.t = t;
    c.d = d;
    c.causal = o->causal;
    c.left = o->left;
    c.right = o->right;
    c.dropout = (float)o->dropout;
    c.forward_only = o->forward_only;
    c.bf16 = o->bf16;
    if (bench_attention_case(&r, &c, o->seconds) != 0)
        return cli_fail("%s", att_error_message());
    peak = bench_peak_gflops(0);
    peak_bf16 = o->bf16 ? bench_peak_gflops(1) : 0;
    limit = peak_bf16 > 0 ? peak_bf16 : peak;
    if (!o->json) {
        printf("B%lld H%lld T%lld D%lld%s   forward %9.3f ms %7.1f GFLOP/s", b, h, t, d,
               o->causal ? " causal" : "", r.fwd_ms, r.fwd_gflops);
        if (!o->forward_only)
            printf("   backward %9.3f ms %7.1f GFLOP/s", r.bwd_ms, r.bwd_gflops);
        if (peak > 0) printf("   peak %.0f", peak);
        if (o->bf16) printf("   bfloat16 by %s", att_kernels_bf16());
        if (o->bf16 && peak_bf16 > 0) printf(", peak %.0f", peak_bf16);
        putchar('\n');
        return 0;
    }
    cli_addf(&line,
             "{\"bench\":\"attention\",\"dtype\":\"%s\","
             "\"shape\":[%lld,%lld,%lld,%lld],\"causal\":%s,"
             "\"left\":%lld,\"right\":%lld,\"dropout\":%g,\"fwd_ms\":%.4f,"
             "\"fwd_gflops\":%.2f,",
             o->bf16 ? "bfloat16" : "float32", b, h, t, d, o->causal ? "true" : "false",
             (long long)o->left, (long long)o->right, o->dropout, r.fwd_ms,
             r.fwd_gflops);
    if (!o->forward_only)
        cli_addf(&line, "\"bwd_ms\":%.4f,\"bwd_gflops\":%.2f,", r.bwd_ms, r.bwd_gflops);
    if (limit > 0) cli_addf(&line, "\"fwd_fraction\":%.3f,", r.fwd_gflops / limit);
    if (limit > 0 && !o->forward_only)
        cli_addf(&line, "\"bwd_fraction\":%.3f,", r.bwd_gflops / limit);
    cli_addf(&line, "\"tokens_per_s\":%.0f,\"workspace_bytes\":%.0f",
             (double)(b * t) / (r.fwd_ms * 1e-3), r.workspace_mb * 1e6);
    if (o->bf16) bench_add_bf16(&line, peak_bf16);
    bench_add_machine(&line, peak, bench_peak_rss());
    puts(line.s);
    fflush(stdout);
    cli_free(line.s);
    return 0;
}

static int run_attention(void *opts, const cli_list *words)
{
    bench_attention_opts *o = opts;
    static const char *const usual[] = {"1,8,1024,64", "64,4,32,32", "16,8,128,64"};
    int n = o->shapes.n ? o->shapes.n : 3, rc = 0;

    (void)words;
    for (int i = 0; i < n && rc == 0; i++)
        rc = time_shape(o, o->shapes.n ? o->shapes.item[i] : usual[i]);
    return rc;
}

static const char *const attention_examples[] = {
    "One shape, causal",
    "attend bench attention --shape 1,8,2048,64 --causal --json",
    NULL,
};

const command cmd_bench_attention = {
    .name = "bench attention",
    .summary = "time attention, forward and backward",
    .usage = "[--shape B,H,T,D ...] [options]",
    .examples = attention_examples,
    .options = attention_options,
    .n_options = sizeof attention_options / sizeof *attention_options,
    .size = sizeof(bench_attention_opts),
    .defaults = bench_attention_defaults,
    .run = run_attention,
};
