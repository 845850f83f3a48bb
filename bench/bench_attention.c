/* bench_attention.c - attention's speed over fixed shapes or one given shape: one JSON object
 * a line, with the machine's fp32 peak measured in between.
 *
 *   bench_attention [--shape B,H,T,D] [--causal] [--window L,R] [--ragged SPREAD]
 *                   [--dropout P] [--threads N | --cpu] [--seconds S] [--set dense|short|train|window|long|members|edges|decode]
 *                   [--member NAME] */
#include "attn_measure.h"
#include "attn_members_measure.h"

#include "attend/base.h"
#include "attend/kernels.h"
#include "attend/tensor.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double peak;

static void show(const bench_case *c, double seconds)
{
    bench_result r;
    double now = att_kernels_peak_gflops();
    if (now > peak) peak = now;
    if (bench_attention_case(&r, c, seconds) != 0) {
        printf("{\"error\": \"%s\"}\n", att_error_message());
        return;
    }
    printf(
        "{\"case\": \"%s\", \"shape_bhtd\": [%lld, %lld, %lld, %lld], \"keys\": %lld, "
        "\"causal\": %d, \"left\": %lld, \"right\": %lld, \"ragged\": %d, \"dropout\": %g, "
        "\"fwd_ms\": %.4f, \"bwd_ms\": %.4f, \"fwd_gflops\": %.1f, \"bwd_gflops\": %.1f, "
        "\"peak_gflops\": %.0f, \"fwd_frac\": %.3f, \"bwd_frac\": %.3f, "
        "\"workspace_mb\": %.2f, \"checksum\": \"%a\"}\n",
        c->name ? c->name : "dense", (long long)c->b, (long long)c->h, (long long)c->t,
        (long long)c->d, (long long)(c->s ? c->s : c->t), c->causal, (long long)c->left,
        (long long)c->right, c->ragged, (double)c->dropout, r.fwd_ms, r.bwd_ms,
        r.fwd_gflops, r.bwd_gflops, peak, r.fwd_gflops / peak, r.bwd_gflops / peak,
        r.workspace_mb, r.checksum);
    fflush(stdout);
}

static void shapes(const char *name, const int64_t (*s)[4], int n, double seconds)
{
    for (int i = 0; i < n; i++)
        for (int causal = 0; causal < 2; causal++) {
            bench_case c;
            bench_case_init(&c);
            c.name = name;
            c.b = s[i][0], c.h = s[i][1], c.t = s[i][2], c.d = s[i][3];
            c.causal = causal;
            show(&c, seconds);
        }
}

/* Members beside plain at the same shape: factors of its times. */
static void members(const bench_case *c, const char *only, double seconds)
{
    bench_times plain, r;
    if (bench_member(&plain, "plain", c->b, c->h, c->t, c->d, seconds) != 0) return;
    for (int i = 0; bench_member_name(i); i++) {
        const char *name = bench_member_name(i);
        if (only && strcmp(only, name) != 0) continue;
        if (bench_member(&r, name, c->b, c->h, c->t, c->d, seconds) != 0) {
            printf("{\"error\": \"%s\"}\n", att_error_message());
            continue;
        }
        printf("{\"member\": \"%s\", \"shape_bhtd\": [%lld, %lld, %lld, %lld], "
               "\"fwd_ms\": %.4f, \"bwd_ms\": %.4f, \"fwd_to_plain\": %.2f, "
               "\"bwd_to_plain\": %.2f, \"workspace_mb\": %.2f}\n",
               name, (long long)c->b, (long long)c->h, (long long)c->t, (long long)c->d,
               r.fwd_ms, r.bwd_ms, r.fwd_ms / plain.fwd_ms, r.bwd_ms / plain.bwd_ms,
               r.workspace_mb);
        fflush(stdout);
    }
}

typedef struct reader {
    const float *x;
    int64_t n; /* of each task */
    float sum[16];
} reader;

/* Whole vectors, as the kernels read them. */
static void read_task(void *ctx, int64_t task, int thread)
{
    reader *r = ctx;
    (void)thread;
    r->sum[task] = atti_k()->attn ? atti_k()->attn->rows->max(r->x + task * r->n, r->n)
                                  : atti_ref_attn_rows.max(r->x + task * r->n, r->n);
}

/* GB/s of reading so many bytes again and again for about `seconds`: the best, from
 * whichever cache they fit. */
static double read_gbytes(int64_t bytes, double seconds)
{
    att_tensor t; /* the pages that operands get, large ones where there are */
    double best = 0, start = bench_now();
    if (att_tensor_alloc(&t, ATT_U8, 1, &bytes) != ATT_OK) return 0;
    memset(t.data, 1, (size_t)bytes);
    reader r = {.x = t.data, .n = bytes / (int64_t)sizeof(float) / 16};
    do {
        double now = bench_now();
        atti_parallel_void(16, read_task, &r);
        now = bench_now() - now;
        if ((double)bytes / now / 1e9 > best) best = (double)bytes / now / 1e9;
    } while (bench_now() - start < seconds);
    att_tensor_deinit(&t);
    return best;
}

/* Cases bound by reading, with the bandwidth of as many bytes as the operands have
 * measured before and after. */
static void reading(int edges, double seconds)
{
    for (int i = 0; i < (edges ? 1 : 2); i++) {
        bench_times r;
        int64_t g = i ? 8 : 32;
        int64_t bytes = edges ? 51200000 : g << 22;
        double gbytes = read_gbytes(bytes, seconds), again;
        int st = edges ? bench_edges(&r, 100000, 1000000, 8, 8, seconds)
                       : bench_decode(&r, 32, g, 4096, 128, seconds);
        if (st != 0) {
            printf("{\"error\": \"%s\"}\n", att_error_message());
            return;
        }
        again = read_gbytes(bytes, seconds);
        if (again > gbytes) gbytes = again;
        printf("{\"case\": \"%s\", \"kv_heads\": %lld, \"fwd_ms\": %.4f, "
               "\"bwd_ms\": %.4f, \"gbytes_per_s\": %.2f, \"read_gbytes_per_s\": %.2f, "
               "\"fwd_frac\": %.3f, \"workspace_mb\": %.2f}\n",
               edges ? "edges" : "decode", edges ? 8 : (long long)g, r.fwd_ms, r.bwd_ms,
               r.bytes / r.fwd_ms / 1e6, gbytes, r.bytes / r.fwd_ms / 1e6 / gbytes,
               r.workspace_mb);
        fflush(stdout);
    }
}

static void run_set(const char *set, double seconds)
{
    static const int64_t dense[][4] = {{1, 8, 512, 64},
                                       {1, 8, 1024, 64},
                                       {1, 8, 2048, 64},
                                       {1, 4, 4096, 64},
                                       {1, 8, 1024, 128}};
    static const int64_t brief[][4] = {
        {64, 4, 32, 32}, {64, 8, 32, 64}, {16, 8, 128, 64}};
    int all = !strcmp(set, "all");
    bench_case c;
    bench_case_init(&c);
    if (all || !strcmp(set, "dense")) shapes("dense", dense, 5, seconds);
    if (all || !strcmp(set, "short")) shapes("short", brief, 3, seconds);
    if (all || !strcmp(set, "train"))
        for (int i = 0; i < 6; i++) { /* what a translation model trains on */
            c.name = "train";
            c.ragged = 1;
            c.b = i < 3 ? 300 : 128, c.h = i < 3 ? 4 : 8, c.t = i < 3 ? 13 : 32;
            c.d = i < 3 ? 32 : 64, c.spread = i < 3 ? 6 : 0, c.causal = i % 3 == 1;
            c.s = i % 3 == 2 ? c.t + 2 : 0;
            c.dropout = 0.0f;
            show(&c, seconds);
            c.dropout = 0.1f;
            show(&c, seconds);
        }
    bench_case_init(&c);
    if (all || !strcmp(set, "window")) {
        c.name = "window";
        c.h = 8, c.t = 16384, c.left = c.right = 128;
        show(&c, seconds);
        c.h = 2, c.left = c.right = -1;
        show(&c, seconds);
    }
    if (all || !strcmp(set, "edges")) reading(1, seconds);
    if (all || !strcmp(set, "decode")) reading(0, seconds);
    if (!strcmp(set, "members")) {
        bench_case_init(&c);
        c.h = 4, c.t = 512, c.d = 64;
        members(&c, NULL, seconds);
    }
    if (!strcmp(set, "long")) {
        c.name = "long";
        c.h = 1, c.t = 131072, c.left = c.right = -1;
        show(&c, 0);
    }
}

int main(int argc, char **argv)
{
    const char *set = "all", *member = NULL;
    double seconds = 0.3;
    int one = 0;
    bench_case c;
    bench_case_init(&c);
    for (int i = 1; i < argc; i++) {
        const char *v = i + 1 < argc ? argv[i + 1] : "";
        long long x[4];
        if (!strcmp(argv[i], "--causal")) {
            c.causal = 1;
        } else if (!strcmp(argv[i], "--shape") &&
                   sscanf(v, "%lld,%lld,%lld,%lld", x, x + 1, x + 2, x + 3) == 4) {
            c.b = x[0], c.h = x[1], c.t = x[2], c.d = x[3];
            one = 1, i++;
        } else if (!strcmp(argv[i], "--window") &&
                   sscanf(v, "%lld,%lld", x, x + 1) == 2) {
            c.left = x[0], c.right = x[1], i++;
        } else if (!strcmp(argv[i], "--ragged")) {
            c.ragged = 1, c.spread = atoi(v), i++;
        } else if (!strcmp(argv[i], "--dropout")) {
            c.dropout = (float)atof(v), i++;
        } else if (!strcmp(argv[i], "--threads")) {
            if (att_set_threads(atoi(v)) < 0) return 2;
            i++;
        } else if (!strcmp(argv[i], "--cpu")) { /* one thread, by processor time */
            bench_cpu_clock = 1;
            if (att_set_threads(1) < 0) return 2;
        } else if (!strcmp(argv[i], "--seconds")) {
            seconds = atof(v), i++;
        } else if (!strcmp(argv[i], "--member")) {
            member = v, i++;
        } else if (!strcmp(argv[i], "--set")) {
            set = v, i++;
        } else {
            fprintf(stderr, "bench_attention: what is '%s'?\n", argv[i]);
            return 2;
        }
    }
    if (member)
        members(&c, member, seconds);
    else if (one)
        show(&c, seconds);
    else
        run_set(set, seconds);
    return 0;
}
