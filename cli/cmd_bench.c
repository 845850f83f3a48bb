/* cmd_bench.c - attend bench train: speed, beside the peak that this machine
 * reaches in the same run; only their ratio means anything on shared machines. */
#include "attend/kernels.h"
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
