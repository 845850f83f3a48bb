/* cmd_bench_attention.c - attend bench attention: times the members of the family, decoding
 * and edges, beside the peak of the same run and, where a venv is named, beside PyTorch. */
#include "attend/kernels.h"
#include "attn_measure.h"
#include "attn_members_measure.h"
#include "bench_machine.h"
#include "bench_peer.h"
#include "commands.h"

#include <string.h>

typedef struct bench_attention_opts {
    cli_common c;
    cli_list shapes;
    int32_t causal, forward_only, json, bf16, score;
    int64_t left, right;
    double seconds, dropout;
    const char *peers, *peers_dir;
} bench_attention_opts;

/* As the peer's script and the measuring code name them. */
#define SCORES                                                                         \
    "scaled-dot|cosine|bilinear|additive|gat|shaw|t5|relu|sparsemax|decode|edges"
enum { SCALED_DOT = 0, DECODE = 9, EDGES = 10 };
static const char *const score_names[] = {
    "scaled-dot", "cosine", "bilinear",  "additive", "gat",   "shaw",
    "t5",         "relu",   "sparsemax", "decode",   "edges",
};

#define ROW(member) OPT_ROW(bench_attention_opts, member)

static const opt attention_options[] = {
    {.name = "shape",
     .kind = OPT_LIST,
     .arg = "B,H,T,D ...",
     ROW(shapes),
     .help = "batch, heads, length, width of a head; more shapes may follow (default: "
             "1,8,1024,64 64,4,32,32 16,8,128,64)"},
    {.name = "score",
     .kind = OPT_CHOICE,
     .choices = SCORES,
     .arg = "NAME",
     ROW(score),
     .help = "what is timed: a member of the family; decoding, one query of 32 heads "
             "against 4,096 keys, by 32 and by 8 key heads; a graph of 100,000 nodes "
             "and a million edges"},
    {.name = "peers",
     .kind = OPT_STR,
     .arg = "VENV",
     ROW(peers),
     .help = "run PyTorch's side first, with this Python environment, and print it "
             "beside; without --shape its own shapes, causal and not"},
    {.name = "peers-dir",
     .kind = OPT_STR,
     .arg = "DIR",
     ROW(peers_dir),
     .help = "where attention.py of the peers is"},
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
    o->peers_dir = "../shared/peers";
}

/* What one case gave, whichever code measured it. */
typedef struct figures {
    const char *score;
    int64_t shape[4], kv_heads;
    double fwd_ms, bwd_ms;         /* bwd 0: not measured */
    double fwd_gflops, bwd_gflops; /* 0: bound by reading */
    double gbytes, read_gbytes;    /* a second; 0: bound by arithmetic */
    double bytes;                  /* allocated: scratch of the larger direction */
    int32_t causal;
} figures;

/* flops: of the forward pass, 0 where reading is the limit. */
static void take_times(figures *f, const bench_times *r, double flops)
{
    f->fwd_ms = r->fwd_ms;
    f->bwd_ms = r->bwd_ms;
    f->bytes = r->workspace_mb * 1e6;
    f->fwd_gflops = flops / r->fwd_ms * 1e-6;
    if (r->bwd_ms > 0) f->bwd_gflops = 2.5 * flops / r->bwd_ms * 1e-6;
}

static int measure(figures *f, const bench_attention_opts *o)
{
    const int64_t *x = f->shape;
    bench_case c;
    bench_result r;
    bench_times t;

    bench_case_init(&c);
    c.b = x[0], c.h = x[1], c.t = x[2], c.d = x[3];
    c.causal = f->causal;
    c.left = o->left, c.right = o->right;
    c.dropout = (float)o->dropout;
    c.forward_only = o->forward_only;
    c.bf16 = o->bf16;
    if (strcmp(f->score, "scaled-dot") != 0) {
        if (bench_member(&t, f->score, x[0], x[1], x[2], x[3], o->seconds) != 0)
            return cli_fail("%s", att_error_message());
        take_times(f, &t, 4.0 * (double)(x[0] * x[1] * x[2]) * (double)(x[2] * x[3]));
        return 0;
    }
    if (bench_attention_case(&r, &c, o->seconds) != 0)
        return cli_fail("%s", att_error_message());
    f->fwd_ms = r.fwd_ms, f->bwd_ms = r.bwd_ms;
    f->fwd_gflops = r.fwd_gflops, f->bwd_gflops = r.bwd_gflops;
    f->bytes = r.workspace_mb * 1e6;
    return 0;
}

/* Decoding and edges, beside a plain loop over as many bytes as their operands have. */
static int measure_reading(figures *f, const bench_attention_opts *o)
{
    bool edges = strcmp(f->score, "edges") == 0;
    size_t bytes = edges ? (size_t)51200000 : (size_t)f->kv_heads << 22;
    double before = att_kernels_read_gb_per_s(bytes), after;
    bench_times t;
    int st = edges ? bench_edges(&t, 100000, 1000000, 8, 8, o->seconds)
                   : bench_decode(&t, 32, f->kv_heads, 4096, 128, o->seconds);

    if (st != 0) return cli_fail("%s", att_error_message());
    after = att_kernels_read_gb_per_s(bytes);
    take_times(f, &t, 0);
    f->gbytes = t.bytes / t.fwd_ms * 1e-6;
    f->read_gbytes = before > after ? before : after;
    return 0;
}

static void print_words(const bench_attention_opts *o, const figures *f,
                        const peer_case *p, double peak, double peak_bf16)
{
    if (f->gbytes > 0)
        printf("%s, %lld key heads   forward %9.3f ms %7.1f of %.1f GB/s", f->score,
               (long long)f->kv_heads, f->fwd_ms, f->gbytes, f->read_gbytes);
    else
        printf("%s B%lld H%lld T%lld D%lld%s   forward %9.3f ms %7.1f GFLOP/s",
               f->score, (long long)f->shape[0], (long long)f->shape[1],
               (long long)f->shape[2], (long long)f->shape[3],
               f->causal ? " causal" : "", f->fwd_ms, f->fwd_gflops);
    if (f->bwd_ms > 0) printf("   backward %9.3f ms", f->bwd_ms);
    if (f->bwd_gflops > 0) printf(" %7.1f GFLOP/s", f->bwd_gflops);
    if (peak > 0 && f->gbytes <= 0) printf("   peak %.0f", peak);
    if (o->bf16) printf("   bfloat16 by %s", att_kernels_bf16());
    if (peak_bf16 > 0) printf(", peak %.0f", peak_bf16);
    if (p) printf("   %s %.3f ms, %.1f x", p->name, p->fwd_ms, p->fwd_ms / f->fwd_ms);
    if (p && p->bwd_ms > 0 && f->bwd_ms > 0)
        printf(", backward %.3f ms, %.1f x", p->bwd_ms, p->bwd_ms / f->bwd_ms);
    putchar('\n');
}

static void add_peer(cli_text *t, const figures *f, const peer_case *p)
{
    cli_add(t, ",\"peer\":");
    cli_add_json(t, p->name);
    cli_addf(t, ",\"peer_fwd_ms\":%.4f,\"fwd_ratio\":%.3f", p->fwd_ms,
             p->fwd_ms / f->fwd_ms);
    if (p->fwd_gflops > 0) cli_addf(t, ",\"peer_fwd_gflops\":%.2f", p->fwd_gflops);
    if (p->gbytes_per_s > 0)
        cli_addf(t, ",\"peer_gbytes_per_s\":%.2f", p->gbytes_per_s);
    if (p->bwd_ms <= 0 || f->bwd_ms <= 0) return;
    cli_addf(t, ",\"peer_bwd_ms\":%.4f,\"bwd_ratio\":%.3f,\"peer_bwd_gflops\":%.2f",
             p->bwd_ms, p->bwd_ms / f->bwd_ms, p->bwd_gflops);
}

static void print_json(const bench_attention_opts *o, const figures *f,
                       const peer_case *p, double peak, double peak_bf16)
{
    double limit = peak_bf16 > 0 ? peak_bf16 : peak;
    cli_text t = {0};

    cli_addf(&t, "{\"bench\":\"attention\",\"score\":\"%s\",\"dtype\":\"%s\",",
             f->score, o->bf16 ? "bfloat16" : "float32");
    if (f->gbytes > 0)
        cli_addf(&t, "\"kv_heads\":%lld,\"fwd_ms\":%.4f", (long long)f->kv_heads,
                 f->fwd_ms);
    else
        cli_addf(&t,
                 "\"shape\":[%lld,%lld,%lld,%lld],\"causal\":%s,\"left\":%lld,"
                 "\"right\":%lld,\"dropout\":%g,\"fwd_ms\":%.4f,\"fwd_gflops\":%.2f",
                 (long long)f->shape[0], (long long)f->shape[1], (long long)f->shape[2],
                 (long long)f->shape[3], f->causal ? "true" : "false",
                 (long long)o->left, (long long)o->right, o->dropout, f->fwd_ms,
                 f->fwd_gflops);
    if (f->bwd_ms > 0) cli_addf(&t, ",\"bwd_ms\":%.4f", f->bwd_ms);
    if (f->bwd_gflops > 0) cli_addf(&t, ",\"bwd_gflops\":%.2f", f->bwd_gflops);
    if (f->gbytes > 0)
        cli_addf(&t,
                 ",\"gbytes_per_s\":%.2f,\"read_gbytes_per_s\":%.2f,"
                 "\"fwd_fraction\":%.3f",
                 f->gbytes, f->read_gbytes, f->gbytes / f->read_gbytes);
    else if (limit > 0)
        cli_addf(&t, ",\"fwd_fraction\":%.3f", f->fwd_gflops / limit);
    if (limit > 0 && f->bwd_gflops > 0)
        cli_addf(&t, ",\"bwd_fraction\":%.3f", f->bwd_gflops / limit);
    cli_addf(&t, ",\"allocated_bytes\":%.0f", f->bytes);
    if (p) add_peer(&t, f, p);
    if (o->bf16) bench_add_bf16(&t, peak_bf16);
    bench_add_machine(&t, peak, bench_peak_rss());
    puts(t.s);
    cli_free(t.s);
}

/* Measures and prints one case; p may be NULL. */
static int time_case(const bench_attention_opts *o, figures *f, const peer_case *p)
{
    int rc = f->kv_heads ? measure_reading(f, o) : measure(f, o);
    double peak, peak_bf16;

    if (rc != 0) return rc;
    peak = bench_peak_gflops(0);
    peak_bf16 = o->bf16 ? bench_peak_gflops(1) : 0;
    (o->json ? print_json : print_words)(o, f, p, peak, peak_bf16);
    fflush(stdout);
    return 0;
}

static int read_shape(int64_t shape[4], const char *text)
{
    long long x[4];
    char extra;

    if (sscanf(text, "%lld,%lld,%lld,%lld%c", x, x + 1, x + 2, x + 3, &extra) != 4 ||
        x[0] < 1 || x[1] < 1 || x[2] < 1 || x[3] < 1)
        return cli_usage(
            "bench attention",
            "bench attention: --shape: '%s' is not of the form 1,8,1024,64", text);
    for (int i = 0; i < 4; i++) shape[i] = x[i];
    return 0;
}

static const char *dtype_of(const bench_attention_opts *o)
{
    return o->bf16 ? "bfloat16" : "float32";
}

/* The peer's case that is f, or NULL. */
static const peer_case *same_case(const bench_attention_opts *o, const figures *f,
                                  const peer_case *all, int n)
{
    for (int i = 0; i < n; i++) {
        const peer_case *p = &all[i];
        if (strcmp(p->score, f->score) != 0) continue;
        if (f->kv_heads) {
            if (o->score == EDGES || p->kv_heads == f->kv_heads) return p;
            continue;
        }
        if (strcmp(p->dtype, dtype_of(o)) == 0 && p->causal == (f->causal != 0) &&
            memcmp(p->shape, f->shape, sizeof f->shape) == 0)
            return p;
    }
    return NULL;
}

/* The case number i that is asked for; without shapes, of those that the peer timed or, with
 * no peer, of the usual ones. False after the last. */
static bool asked(figures *f, int i, const bench_attention_opts *o,
                  const peer_case *peers, int n_peers)
{
    static const char *const usual[] = {"1,8,1024,64", "64,4,32,32", "16,8,128,64"};
    int n = o->score == EDGES ? 1 : o->score == DECODE ? 2 : 3;

    *f = (figures){.score = score_names[o->score], .causal = o->causal};
    if (o->score >= DECODE) {
        f->kv_heads = o->score == DECODE && i == 0 ? 32 : 8;
        return i < n;
    }
    if (o->shapes.n)
        return i < o->shapes.n && read_shape(f->shape, o->shapes.item[i]) == 0;
    if (n_peers == 0) return i < n && read_shape(f->shape, usual[i]) == 0;
    if (i >= n_peers) return false;
    f->causal = peers[i].causal;
    memcpy(f->shape, peers[i].shape, sizeof f->shape);
    return true;
}

/* PyTorch first: the two never run at the same time. */
static int run_peer(peer_case **all, int *n, const bench_attention_opts *o)
{
    peer_wish w = {
        .venv = o->peers,
        .dir = o->peers_dir,
        .part = o->score == SCALED_DOT ? "dense"
                : o->score >= DECODE   ? "reading"
                                       : "additive",
        .dtype = dtype_of(o),
        .causal = o->causal     ? '1'
                  : o->shapes.n ? '0'
                                : '-',
        .shapes = o->shapes.item,
        .n_shapes = o->shapes.n,
        .threads = att_threads(),
    };

    cli_say("PyTorch is timed first, then the same cases here");
    return peer_attention(all, n, &w);
}

static int refuse(const bench_attention_opts *o)
{
    const char *name = score_names[o->score];

    if (o->score != SCALED_DOT && (o->causal || o->bf16 || o->left >= 0 ||
                                   o->right >= 0 || o->dropout > 0 || o->forward_only))
        return cli_usage("bench attention",
                         "bench attention: --score %s is timed plain, both directions, "
                         "float32, without a mask or dropout",
                         name);
    if (o->score >= DECODE && o->shapes.n)
        return cli_usage("bench attention",
                         "bench attention: --score %s has shapes of its own", name);
    if (!o->peers) return 0;
    if (o->left >= 0 || o->right >= 0 || o->dropout > 0)
        return cli_usage("bench attention", "bench attention: --peers has no case with "
                                            "a window or dropout");
    if (o->score != SCALED_DOT && o->score < DECODE && strcmp(name, "additive") != 0)
        return cli_usage("bench attention",
                         "bench attention: --peers has no case of --score %s", name);
    return 0;
}

static int run_attention(void *opts, const cli_list *words)
{
    bench_attention_opts *o = opts;
    peer_case *all = NULL;
    int n = 0, rc = refuse(o), peer_rc = 0;
    figures f;

    (void)words;
    for (int i = 0; i < o->shapes.n && rc == 0; i++)
        rc = read_shape(f.shape, o->shapes.item[i]);
    if (rc != 0) return rc;
    if (o->peers) peer_rc = run_peer(&all, &n, o);
    for (int i = 0; rc == 0 && asked(&f, i, o, all, n); i++) {
        const peer_case *p = same_case(o, &f, all, n);
        rc = time_case(o, &f, p);
        if (rc == 0 && o->peers && peer_rc == 0 && !p)
            cli_warn("attention.py times no such case of PyTorch: only ours is shown");
    }
    cli_free(all);
    return rc ? rc : peer_rc;
}

static const char *const attention_examples[] = {
    "One shape, causal",
    "attend bench attention --shape 1,8,2048,64 --causal --json",
    "Beside PyTorch, all its shapes",
    "attend bench attention --peers VENV --json",
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
