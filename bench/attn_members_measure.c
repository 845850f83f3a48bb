#include "attn_members_measure.h"

#include "attn_measure.h"
#include "attend/attention.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TENSORS = 32 };

/* One call: everything it owns is in t[]. */
typedef struct call {
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    att_tensor t[MAX_TENSORS];
    int n;
    att_status st;
} call;

static void call_init(call *c)
{
    memset(c, 0, sizeof *c);
    att_attention_desc_init(&c->desc);
    att_attention_args_init(&c->args);
    att_attention_grads_init(&c->grads);
}

static void call_deinit(call *c)
{
    for (int i = 0; i < c->n; i++) att_tensor_deinit(&c->t[i]);
}

/* A tensor of numbers with about this deviation; 0 leaves zeros. */
static att_tensor *tensor(call *c, int32_t ndim, const int64_t *shape, double scale)
{
    att_tensor *t = &c->t[c->n];
    if (c->st != ATT_OK) return t;
    c->st = att_tensor_alloc(t, ATT_F32, ndim, shape);
    if (c->st != ATT_OK) return t;
    c->n++;
    float *x = t->data;
    uint64_t seed = (uint64_t)c->n;
    for (int64_t i = 0, n = att_tensor_count(t); i < n; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        double a = (double)(seed >> 48) * 0x1p-16,
               b = (double)(seed >> 32 & 0xffff) * 0x1p-16;
        x[i] = (float)((a + b - 1.0) * 2.449 * scale);
    }
    return t;
}

static att_tensor *four(call *c, int64_t a, int64_t b, int64_t d, int64_t e,
                        double scale)
{
    const int64_t shape[4] = {a, b, d, e};
    return tensor(c, 4, shape, scale);
}

static att_tensor *two(call *c, int64_t a, int64_t b, double scale)
{
    const int64_t shape[2] = {a, b};
    return tensor(c, b ? 2 : 1, shape, scale);
}

static void dense_operands(call *c, int64_t b, int64_t h, int64_t g, int64_t t,
                           int64_t s, int64_t d)
{
    const int64_t rows[3] = {b, h, t};
    c->args.q = four(c, b, h, t, d, 1);
    c->args.k = four(c, b, g, s, d, 1);
    c->args.v = four(c, b, g, s, d, 1);
    c->args.out = four(c, b, h, t, d, 0);
    c->args.lse = tensor(c, 3, rows, 0);
    c->grads.dout = four(c, b, h, t, d, 1);
    c->grads.dq = four(c, b, h, t, d, 0);
    c->grads.dk = four(c, b, g, s, d, 0);
    c->grads.dv = four(c, b, g, s, d, 0);
}

static const char *const names[] = {
    "plain",    "causal",   "window",        "softcap", "rope", "alibi",    "dalibi",
    "bias",     "dbias",    "sink",          "t5",      "shaw", "dropout",  "cosine",
    "bilinear", "additive", "additive_wide", "gat",     "relu", "relu_row", "sparsemax",
    "argmax",   "sample",   "reinforce",     "sinks",   "mask", "blocks",   "prior",
    "groups",
};

const char *bench_member_name(int i)
{
    return i >= 0 && i < (int)(sizeof names / sizeof *names) ? names[i] : NULL;
}

static int is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static void positions(call *c, const char *name, int64_t h, int64_t t, int64_t d)
{
    c->desc.causal = is(name, "causal");
    if (is(name, "window")) c->desc.left = c->desc.right = 64;
    if (is(name, "softcap")) c->desc.softcap = 20.0f;
    if (is(name, "rope")) c->desc.rope = ATT_ROPE_HALF;
    if (is(name, "dropout")) c->desc.dropout = 0.1f;
    if (is(name, "alibi") || is(name, "dalibi")) c->desc.alibi = 1;
    if (is(name, "dalibi")) {
        c->args.alibi_slopes = two(c, h, 0, 0.01);
        c->grads.dalibi_slopes = two(c, h, 0, 0);
    }
    if (is(name, "bias") || is(name, "dbias")) c->args.bias = four(c, 1, h, t, t, 1);
    if (is(name, "dbias")) c->grads.dbias = four(c, 1, h, t, t, 0);
    if (is(name, "prior")) {
        c->args.prior = four(c, 1, h, t, t, 1);
        c->args.prior_w = two(c, h, 0, 1);
        c->grads.dprior_w = two(c, h, 0, 0);
    }
    if (is(name, "sink")) {
        c->args.sink_logit = two(c, h, 0, 1);
        c->grads.dsink_logit = two(c, h, 0, 0);
    }
    if (is(name, "t5")) {
        c->desc.t5_buckets = 32;
        c->desc.t5_bidirectional = 1;
        c->args.t5_table = two(c, 32, h, 1);
        c->grads.dt5_table = two(c, 32, h, 0);
    }
    if (is(name, "shaw")) {
        c->desc.shaw_clip = 16;
        c->args.rel_k = two(c, 33, d, 0.3);
        c->args.rel_v = two(c, 33, d, 0.3);
        c->grads.drel_k = two(c, 33, d, 0);
        c->grads.drel_v = two(c, 33, d, 0);
    }
}

/* mask: two of three keys, by a stored matrix; blocks: of 64, such a matrix for each of
 * two kinds. */
static void masks(call *c, const char *name, int64_t t)
{
    bool blocks = is(name, "blocks");
    const int64_t n = blocks ? 64 : t, shape[3] = {blocks ? 2 : 1, n, n};
    att_tensor *m = &c->t[c->n];
    if (is(name, "sinks")) c->desc.causal = 1, c->desc.left = 64, c->desc.sinks = 4;
    if ((!blocks && !is(name, "mask")) || c->st != ATT_OK) return;
    if (blocks) c->desc.block = n;
    c->st = att_tensor_alloc(m, ATT_U8, 3, shape);
    if (c->st != ATT_OK) return;
    c->n++;
    for (int64_t i = 0; i < att_tensor_count(m); i++)
        ((uint8_t *)m->data)[i] = i / 16 % 3 != 0; /* in runs of 16, as windows have */
    c->args.block_mask = m;
}

static void picks(call *c, const char *name, int64_t b, int64_t h, int64_t t)
{
    const int64_t rows[3] = {b, h, t};
    if (!is(name, "sample") && !is(name, "reinforce")) return;
    c->desc.normalise = ATT_NORM_HARD_SAMPLE;
    c->desc.seed = 1;
    if (!is(name, "reinforce")) return;
    c->desc.reinforce = 1;
    c->args.advantage = tensor(c, 3, rows, 1);
}

static void scores(call *c, const char *name, int64_t d)
{
    if (is(name, "cosine")) c->desc.score = ATT_SCORE_COSINE, c->desc.scale = 8.0f;
    if (is(name, "relu")) c->desc.normalise = ATT_NORM_RELU;
    if (is(name, "relu_row")) c->desc.normalise = ATT_NORM_RELU_ROW;
    if (is(name, "sparsemax")) c->desc.normalise = ATT_NORM_SPARSEMAX;
    if (is(name, "argmax")) c->desc.normalise = ATT_NORM_HARD_ARGMAX;
    if (is(name, "bilinear")) {
        c->desc.score = ATT_SCORE_BILINEAR;
        c->args.score_w = two(c, d, d, 0.05);
        c->grads.dscore_w = two(c, d, d, 0);
    }
    int add = is(name, "additive") || is(name, "additive_wide");
    if (!add && !is(name, "gat")) return;
    c->desc.score = add ? ATT_SCORE_ADDITIVE : ATT_SCORE_GAT;
    c->args.score_w = two(c, d, 0, 1);
    c->args.score_b = two(c, d, 0, is(name, "additive_wide") ? 10 : 1);
    c->grads.dscore_w = two(c, d, 0, 0);
    c->grads.dscore_b = two(c, d, 0, 0);
}

/* Runs forward and, where dq is wanted, backward. */
static int time_call(bench_times *r, call *c, double seconds)
{
    att_tensor *space = &c->t[c->n];
    size_t fwd = 0, bwd = 0;
    int dirs = c->grads.dout ? 2 : 1;
    r->fwd_ms = r->bwd_ms = 0;
    if (c->st == ATT_OK) c->st = att_attention_workspace(&fwd, &c->desc, &c->args, 0);
    if (c->st == ATT_OK && dirs == 2)
        c->st = att_attention_workspace(&bwd, &c->desc, &c->args, 1);
    int64_t n = (int64_t)(fwd > bwd ? fwd : bwd) + 64;
    if (c->st == ATT_OK) c->st = att_tensor_alloc(space, ATT_U8, 1, &n);
    if (c->st == ATT_OK) c->n++;
    c->args.workspace = space->data;
    c->args.workspace_bytes = (size_t)n;
    r->workspace_mb = (double)n / 1e6;
    for (int dir = 0; dir < dirs && c->st == ATT_OK; dir++) {
        double best = 1e30, start = bench_now(), now = start;
        for (int i = 0; (i < 3 || now - start < seconds) && c->st == ATT_OK; i++) {
            double t = bench_now();
            c->st = dir ? att_attention_backward(&c->desc, &c->args, &c->grads)
                        : att_attention_forward(&c->desc, &c->args);
            now = bench_now();
            if (now - t < best) best = now - t;
        }
        *(dir ? &r->bwd_ms : &r->fwd_ms) = best * 1e3;
    }
    call_deinit(c);
    return c->st == ATT_OK ? 0 : -1;
}

int bench_member(bench_times *r, const char *name, int64_t b, int64_t h, int64_t t,
                 int64_t d, double seconds)
{
    call c;
    call_init(&c);
    memset(r, 0, sizeof *r);
    dense_operands(&c, b, h, is(name, "groups") && h % 4 == 0 ? h / 4 : h, t, t, d);
    positions(&c, name, h, t, d);
    masks(&c, name, t);
    picks(&c, name, b, h, t);
    scores(&c, name, d);
    return time_call(r, &c, seconds);
}

int bench_decode(bench_times *r, int64_t h, int64_t g, int64_t s, int64_t d,
                 double seconds)
{
    call c;
    call_init(&c);
    memset(r, 0, sizeof *r);
    dense_operands(&c, 1, h, g, 1, s, d);
    c.grads.dout = NULL;
    r->bytes = 2.0 * (double)g * (double)s * (double)d * sizeof(float);
    return time_call(r, &c, seconds);
}

int bench_edges(bench_times *r, int64_t n, int64_t n_edges, int64_t h, int64_t d,
                double seconds)
{
    call c;
    int64_t rows = n + 1;
    call_init(&c);
    memset(r, 0, sizeof *r);
    dense_operands(&c, 1, h, h, n, n, d);
    /* [N,H,D]: the heads of a node lie together. */
    att_tensor *swap[] = {&c.t[0], &c.t[1], &c.t[2], &c.t[3],
                          &c.t[5], &c.t[6], &c.t[7], &c.t[8]};
    for (size_t i = 0; i < sizeof swap / sizeof *swap && c.st == ATT_OK; i++)
        swap[i]->stride[1] = d, swap[i]->stride[2] = h * d;
    if (c.st == ATT_OK) c.t[4].stride[1] = 1, c.t[4].stride[2] = h;
    att_tensor *ptr = &c.t[c.n++], *col = &c.t[c.n++];
    if (c.st == ATT_OK) c.st = att_tensor_alloc(ptr, ATT_I64, 1, &rows);
    if (c.st == ATT_OK) c.st = att_tensor_alloc(col, ATT_I32, 1, &n_edges);
    if (c.st == ATT_OK) {
        int64_t *p = ptr->data;
        int32_t *x = col->data;
        uint64_t seed = 9;
        memset(p, 0, (size_t)rows * sizeof *p);
        for (int64_t i = 0; i < n_edges; i++) {
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            p[(int64_t)((seed >> 33) % (uint64_t)n) + 1]++;
            seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
            x[i] = (int32_t)((seed >> 33) % (uint64_t)n);
        }
        for (int64_t i = 0; i < n; i++) p[i + 1] += p[i];
        c.args.edge_row_ptr = ptr;
        c.args.edge_col = col;
    }
    r->bytes = (double)n_edges * (2.0 * (double)(h * d) * sizeof(float) + 4.0);
    return time_call(r, &c, seconds);
}
