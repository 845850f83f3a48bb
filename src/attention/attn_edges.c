/* attn_edges.c - dot and softmax along the edges of a graph, forward, f32: a task takes a
 * run of nodes and asks for the rows of the edges ahead while it works on the present ones,
 * because the rows of neighbours lie anywhere. Other members go the generic way. */
#include "attention/attn_internal.h"
#include "base/checked.h"
#include "base/compiler.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <string.h>

enum { NODES = 128, AHEAD = 16 };

typedef struct graph {
    const atti_attn_call *c;
    const atti_attn_row_kernels *k;
    atti_attn_edges p;
    unsigned char *threads;
    size_t thread_bytes;
} graph;

bool atti_attn_edges_takes(const atti_attn_call *c)
{
    return c->edges && c->dtype == ATT_F32 && c->desc->score == ATT_SCORE_DOT &&
           c->desc->normalise == ATT_NORM_SOFTMAX && c->softcap <= 0.0f &&
           !c->drop.threshold;
}

/* A thread's floats: queries and outputs of a node packed, and the kernel's scratch. */
static size_t thread_bytes(const atti_attn_call *c)
{
    size_t n = (size_t)(c->heads * (c->d + c->e + ATTI_ATTN_EDGE_BLOCK + 4)) + 64;
    return (n * sizeof(float) + 63) & ~(size_t)63;
}

size_t atti_attn_edges_workspace(const atti_attn_call *c)
{
    return (size_t)atti_threads_max() * thread_bytes(c);
}

/* Lines of one gathered row. */
static void ask_for(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16) ATTI_PREFETCH(x + i);
}

static void ask_ahead(const graph *g, int64_t from, int64_t to)
{
    const atti_attn_call *c = g->c;
    int64_t end = atti_min_i64(to, c->n_edges);
    for (int64_t i = from; i < end; i++) {
        ask_for(g->p.k + c->edge_col[i] * g->p.ld_k, c->kv_heads * c->dk);
        ask_for(g->p.v + c->edge_col[i] * g->p.ld_v, c->kv_heads * c->e);
    }
}

/* Heads side by side are read and written where they are; others by way of `mem`. */
static void node(const graph *g, int64_t n, float *mem)
{
    const atti_attn_call *c = g->c;
    float *lse = mem + c->heads * (c->d + c->e), *scratch = lse + c->heads;
    float *q = (float *)c->q.data + atti_attn_qoff(c, &c->q, 0, n, 0);
    float *out = (float *)c->out.data + atti_attn_qoff(c, &c->out, 0, n, 0), *to = out;
    int64_t first = atti_attn_edge_begin(c, n), last = atti_attn_edge_begin(c, n + 1);
    if (c->q.sh != c->d) {
        const float *from = q;
        q = mem;
        for (int64_t h = 0; h < c->heads; h++)
            memcpy(q + h * c->d, from + h * c->q.sh, (size_t)c->d * sizeof(float));
    }
    if (c->out.sh != c->e) to = mem + c->heads * c->d;
    if (c->lse.data && c->lse.sh == 1)
        lse = (float *)c->lse.data + atti_attn_qoff(c, &c->lse, 0, n, 0);
    atti_attn_edges p = g->p;
    p.after = c->n_edges - first;
    if (c->edge_bias) p.bias = (const float *)c->edge_bias + first * c->edge_bias_ld;
    /* A graph without edges may have no memory for them, and NULL + 0 is not C. */
    const int32_t *col = last > first ? c->edge_col + first : NULL;
    g->k->edges(&p, to, lse, q, col, last - first, scratch);
    for (int64_t h = 0; h < c->heads && to != out; h++)
        memcpy(out + h * c->out.sh, to + h * c->e, (size_t)c->e * sizeof(float));
    for (int64_t h = 0; h < c->heads && c->lse.data && c->lse.sh != 1; h++)
        ((float *)c->lse.data)[atti_attn_qoff(c, &c->lse, 0, n, h)] = lse[h];
}

static void task(void *ctx, int64_t i, int thread)
{
    const graph *g = ctx;
    const atti_attn_call *c = g->c;
    float *mem = (float *)(void *)(g->threads + (size_t)thread * g->thread_bytes);
    int64_t n = i * NODES, end = atti_min_i64(n + NODES, c->n_rows);
    int64_t asked = atti_attn_edge_begin(c, n);
    bool asks = g->k->edges_8_ask && atti_attn_edges_8(&g->p) && !c->edge_bias;
    for (; n < end && asks; n++) node(g, n, mem);
    for (; n < end; n++) {
        int64_t want = atti_attn_edge_begin(c, n + 1) + AHEAD;
        asked = atti_max_i64(asked, atti_attn_edge_begin(c, n));
        /* A node of high degree must not flush the cache with what it asks for. */
        want = atti_min_i64(want, asked + 4 * AHEAD);
        ask_ahead(g, asked, want);
        asked = atti_max_i64(asked, want);
        node(g, n, mem);
    }
}

att_status atti_attn_edges_forward(const atti_attn_call *c)
{
    graph g = {.c = c,
               .k = atti_k()->attn ? atti_k()->attn->rows : &atti_ref_attn_rows};
    g.thread_bytes = thread_bytes(c);
    g.threads = c->workspace;
    if (c->workspace_bytes < atti_attn_edges_workspace(c))
        return atti_fail(ATT_EINVAL,
                         "attention: workspace of %zu bytes, %zu are needed",
                         c->workspace_bytes, atti_attn_edges_workspace(c));
    g.p = (atti_attn_edges){
        .k = c->k.data,
        .v = c->v.data,
        .ld_k = c->k.sr,
        .ld_v = c->v.sr,
        .k_head = c->k.sh,
        .v_head = c->v.sh,
        .heads = c->heads,
        .group = c->group,
        .d = c->d,
        .e = c->e,
        .scale = c->scale * c->inv_temp,
        .bias_scale = c->inv_temp,
        .bias_ld = c->edge_bias_ld,
        .bias_head = c->edge_bias_head,
        .sink = c->sink_logit,
    };
    atti_parallel_void(atti_ceil_div(c->n_rows, NODES), task, &g);
    return ATT_OK;
}
