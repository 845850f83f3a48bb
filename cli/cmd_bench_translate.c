/* cmd_bench_translate.c - attend bench translate: decoding speed with outputs of fixed
 * length, beside what the machine reads and multiplies in the same run. */
#include "attend/kernels.h"
#include "bench_machine.h"
#include "commands.h"
#include "decode_options.h"

#include <stdlib.h>
#include <string.h>

typedef struct bench_translate_opts {
    decode_opts x;
    const char *input;
    int32_t length, batch, beam, sentences, repeat, alignment;
} bench_translate_opts;

#define ROW(member) OPT_ROW(bench_translate_opts, member)

static const opt translate_options[] = {
    DECODE_MODEL_ROW(bench_translate_opts, x),
    {.name = "input",
     .letter = 'i',
     .kind = OPT_STR,
     .arg = "FILE",
     ROW(input),
     .help = "source sentences (default: standard input)"},
    {.name = "length",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 100000,
     ROW(length),
     .help = "tokens made of each sentence, so that speeds compare; 0 = as the model "
             "likes"},
    {.name = "batch-size",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 65536,
     ROW(batch),
     .flags = OPT_NO_DEFAULT,
     .help = "this batch only (default: 1 and 32)"},
    {.name = "beam-size",
     .letter = 'b',
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1024,
     ROW(beam),
     .flags = OPT_NO_DEFAULT,
     .help = "this beam only (default: 1 and 4)"},
    {.name = "sentences",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 0,
     .hi = 1e9,
     ROW(sentences),
     .flags = OPT_NO_DEFAULT,
     .help = "how many (default: 16 at batch 1, 4 batches otherwise)"},
    {.name = "repeat",
     .kind = OPT_I32,
     .arg = "N",
     .lo = 1,
     .hi = 1000,
     ROW(repeat),
     .help = "runs of each case; the fastest counts"},
    {.name = "alignment",
     .kind = OPT_FLAG,
     ROW(alignment),
     .help = "take turns with translations that keep their alignments, and say what "
             "these cost"},
    {.name = "json", .kind = OPT_FLAG, ROW(x.json), .help = "a JSON object a case"},
};

static void bench_translate_defaults(void *opts)
{
    bench_translate_opts *o = opts;

    decode_defaults(&o->x);
    o->length = 24;
    o->repeat = 1;
}

/* Bytes of weights: what each step reads (the decoder, the output layer), and what is read
 * once for a batch of sentences (the encoder, keys and values of the source). */
typedef struct weights {
    double step, source;
} weights;

static weights count_weights(const att_model *m)
{
    weights w = {0, 0};

    for (int64_t i = 0; i < att_model_tensor_count(m); i++) {
        const char *name = att_model_tensor_name(m, i);
        double bytes;
        att_tensor v;

        if (strstr(name, "embed_") || att_model_tensor(m, &v, name) != ATT_OK) continue;
        bytes = 4.0 * (double)att_tensor_count(&v);
        att_tensor_deinit(&v);
        if (strstr(name, "encoder.layers") || strstr(name, "encoder_attn.k_proj") ||
            strstr(name, "encoder_attn.v_proj"))
            w.source += bytes;
        else
            w.step += bytes;
    }
    return w;
}

typedef struct timing {
    double seconds, aligned; /* aligned 0: not asked for */
    int64_t tokens, sentences, batches;
} timing;

/* One run; `tokens` are the decoder's steps, an end that it was made to say included. */
static att_status time_run(timing *r, att_session *s, const char *const *texts,
                           double *seconds)
{
    att_result *res = NULL;
    double began = cli_now();
    att_status st = att_translate(s, &res, texts, NULL, (int32_t)r->sentences);

    began = cli_now() - began;
    if (*seconds == 0 || began < *seconds) *seconds = began;
    r->tokens = 0;
    for (int32_t i = 0; st == ATT_OK && i < att_result_count(res); i++) {
        const att_sentence *one = att_result_sentence(res, i);

        if (one->n_hypotheses) r->tokens += one->hypotheses[0].n_scores;
    }
    att_result_destroy(res);
    return st;
}

/* Sessions once for their caches, then in earnest and in turn. */
static att_status time_sessions(timing *r, int32_t repeat, att_session *const s[2],
                                const char *const *texts, int32_t batch)
{
    double *best[2] = {&r->seconds, &r->aligned};
    att_status st = ATT_OK;

    for (int i = 0; st == ATT_OK && i < 2 && s[i]; i++) {
        att_result *res = NULL;
        int64_t n = r->sentences < batch ? r->sentences : batch;

        st = att_translate(s[i], &res, texts, NULL, (int32_t)n);
        att_result_destroy(res);
    }
    for (int32_t k = 0; st == ATT_OK && k < repeat; k++)
        for (int i = 0; st == ATT_OK && i < 2 && s[i]; i++)
            st = time_run(r, s[i], texts, best[i]);
    return st;
}

static att_status time_case(timing *r, const bench_translate_opts *o,
                            const att_model *m, char **lines, int64_t n, int32_t batch,
                            int32_t beam)
{
    att_decode_opts d = o->x.d;
    att_session *s[2] = {NULL, NULL};
    int64_t count = o->sentences ? o->sentences : batch == 1 ? 16 : 4 * (int64_t)batch;
    const char **texts = cli_alloc((size_t)count, sizeof *texts);
    att_status st;

    *r = (timing){.sentences = count, .batches = (count + batch - 1) / batch};
    d.batch_size = batch;
    d.beam_size = beam;
    d.n_best = 1;
    if (o->length > 0) {
        d.max_length_factor = 0;
        d.min_length = d.max_length = o->length;
    }
    for (int64_t i = 0; i < count; i++) texts[i] = lines[i % n];
    st = att_session_create(&s[0], m, &d);
    d.want_alignment = 1;
    if (st == ATT_OK && o->alignment) st = att_session_create(&s[1], m, &d);
    if (st == ATT_OK) st = time_sessions(r, o->repeat, s, texts, batch);
    for (int i = 0; i < 2; i++) att_session_destroy(s[i]);
    cli_free(texts);
    return st;
}

static void show_case(const bench_translate_opts *o, const timing *r, int32_t batch,
                      int32_t beam, weights w, double load_ms)
{
    /* What memory gives to a plain loop over as many bytes, at this moment. */
    double readable = att_kernels_read_gb_per_s((size_t)w.step);
    double speed = (double)r->tokens / r->seconds;
    /* A step reads every weight once for the batch, and multiplies it for each row. */
    double steps = o->length ? (double)(o->length * r->batches)
                             : (double)r->tokens / (batch < r->sentences ? batch : 1);
    double gflops = 2 * w.step / 4 * speed * beam * 1e-9;
    double gbytes =
        (w.step * steps + w.source * (double)r->batches) / r->seconds * 1e-9;
    double cost = r->aligned / r->seconds - 1;
    cli_text t = {0};

    if (!o->x.json) {
        printf("batch %3d beam %2d   %9.1f tokens/s   %7.1f GFLOP/s   %6.1f of %.1f "
               "GB/s of weights",
               batch, beam, speed, gflops, gbytes, readable);
        if (o->alignment) printf("   alignments cost %.1f %%", 100 * cost);
        putchar('\n');
        return;
    }
    cli_addf(
        &t,
        "{\"bench\":\"translate\",\"batch\":%d,\"beam\":%d,\"length\":%d,"
        "\"sentences\":%lld,\"tokens\":%lld,\"seconds\":%.4f,\"tokens_per_s\":%.1f,"
        "\"gflops\":%.2f,\"weights_gb_per_s\":%.2f,\"read_gb_per_s\":%.2f,"
        "\"read_fraction\":%.3f,\"step_weights_mb\":%.1f,\"source_weights_mb\":%.1f,"
        "\"load_ms\":%.2f",
        batch, beam, o->length, (long long)r->sentences, (long long)r->tokens,
        r->seconds, speed, gflops, gbytes, readable,
        readable > 0 ? gbytes / readable : 0, w.step / 1e6, w.source / 1e6, load_ms);
    if (o->alignment) cli_addf(&t, ",\"alignment_cost\":%.4f", cost);
    bench_add_machine(&t, bench_peak_gflops(0), bench_peak_rss());
    puts(t.s);
    fflush(stdout);
    cli_free(t.s);
}

static int run_translate(void *opts, const cli_list *words)
{
    bench_translate_opts *o = opts;
    static const int32_t cases[][2] = {{1, 1}, {1, 4}, {32, 1}, {32, 4}};
    att_model *m = NULL;
    double load = cli_now();
    int64_t n;
    char **lines;
    int rc;

    (void)words;
    if (!o->x.model)
        return cli_usage("bench translate", "bench translate: -m DIR is missing");
    lines = cli_read_lines(o->input, &n);
    if (!lines) return EXIT_FAILED;
    if (n == 0) return cli_fail("no sentence to translate");
    load = cli_now();
    rc = decode_open(&m, &cmd_bench_translate, o, &o->x);
    if (rc) return rc;
    load = (cli_now() - load) * 1e3;
    cli_catch_signals();
    for (size_t i = 0; rc == 0 && i < 4; i++) {
        int32_t batch = o->batch ? o->batch : cases[i][0];
        int32_t beam = o->beam ? o->beam : cases[i][1];
        timing r;

        /* A fixed batch or beam leaves fewer cases. */
        if (o->batch && cases[i][0] != 1) continue;
        if (o->beam && cases[i][1] != 1) continue;
        rc = cli_status(time_case(&r, o, m, lines, n, batch, beam));
        if (rc == 0) show_case(o, &r, batch, beam, count_weights(m), load);
    }
    att_model_destroy(m);
    return rc;
}

static const char *const translate_examples[] = {
    "Four cases, as bench/peers runs CTranslate2",
    "attend bench translate -m DIR --input test.en --length 24 --json",
    NULL,
};

const command cmd_bench_translate = {
    .name = "bench translate",
    .summary = "time translation with outputs of fixed length",
    .usage = "-m DIR [--input FILE] [--length N] [options]",
    .examples = translate_examples,
    .options = translate_options,
    .n_options = sizeof translate_options / sizeof *translate_options,
    .size = sizeof(bench_translate_opts),
    .defaults = bench_translate_defaults,
    .run = run_translate,
};
