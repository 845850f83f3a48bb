/* attn_edges_bwd.c - gradients of dot and softmax along edges, f32. Two sweeps: the first goes
 * from query to query along its edges and gives dq, dedge_bias and, of each query, the sum
 * delta = dout . out; the second goes from key to key along the same edges turned round and
 * gives dk and dv. So every row has one writer and its sum one order (queries rising), with
 * no atomics and no copy a thread. Weights are computed again from the log-sum-exp in both:
 * cheaper than storing two numbers for every edge and head. Memory: the turned edges, and
 * lse and delta of each query side by side. */
#include "attention/attn_internal.h"
#include "base/checked.h"
#include "base/compiler.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

enum { NODES = 128, AHEAD = 16, BLOCK = ATTI_ATTN_EDGE_BLOCK };

typedef struct graph {
    const atti_attn_call *c;
    const atti_attn_grad_call *g;
    const atti_attn_row_kernels *k;
    float *stat;     /* [N, 2, H]: lse, delta */
    int64_t *begin;  /* [M+1]: edges of key s in `from` are begin[s] .. begin[s+1]-1 */
    int32_t *from;   /* [E]: their queries, rising within a key */
    int64_t *origin; /* [E]: their numbers in edge_col; NULL without edge features */
    unsigned char *threads;
    size_t thread_bytes;
} graph;

/* A thread's floats, one node's rows packed. */
typedef struct scratch {
    float *a, *b, *da, *db, *weights, *bias;
} scratch;

bool atti_attn_edges_takes_grads(const atti_attn_call *c, const atti_attn_grad_call *g)
{
    if (!atti_attn_edges_takes(c) || c->n_rows > INT32_MAX) return false;
    bool others = g->dbias || g->dscore_w || g->dscore_b || g->dprior_w ||
                  g->dsink_logit || g->dalibi || g->dt5 || g->drel_k || g->drel_v;
    return !others && (!g->dedge_bias || c->edge_bias_head == 1 || c->heads == 1);
}

static size_t layout(graph *x, const atti_attn_call *c, unsigned char *base)
{
    int64_t row = c->heads * (c->d + c->e);
    int64_t thread = 2 * row + 3 * c->heads * BLOCK + 6 * 16;
    const int64_t count[5] = {2 * c->n_rows * c->heads, c->m_rows + 1, c->n_edges,
                              c->edge_bias ? c->n_edges : 0,
                              thread * atti_threads_max()};
    const size_t size[5] = {sizeof(float), sizeof(int64_t), sizeof(int32_t),
                            sizeof(int64_t), sizeof(float)};
    size_t at[6] = {0};
    for (int i = 0; i < 5; i++) {
        size_t bytes;
        if (count[i] < 0 || !atti_mul_size(&bytes, (size_t)count[i], size[i]) ||
            bytes > SIZE_MAX / 16)
            return SIZE_MAX;
        at[i + 1] = at[i] + ((bytes + 63) & ~(size_t)63);
    }
    if (base) {
        x->stat = (float *)(void *)(base + at[0]);
        x->begin = (int64_t *)(void *)(base + at[1]);
        x->from = (int32_t *)(void *)(base + at[2]);
        x->origin = c->edge_bias ? (int64_t *)(void *)(base + at[3]) : NULL;
        x->threads = base + at[4];
        x->thread_bytes = (size_t)thread * sizeof(float);
    }
    return at[5];
}

size_t atti_attn_edges_grad_workspace(const atti_attn_call *c)
{
    return layout(NULL, c, NULL);
}

static scratch scratch_of(const graph *x, int thread)
{
    const atti_attn_call *c = x->c;
    float *m = (float *)(void *)(x->threads + (size_t)thread * x->thread_bytes);
    int64_t d = atti_round_up(c->heads * c->d, 16),
            e = atti_round_up(c->heads * c->e, 16);
    scratch s = {.a = m, .b = m + d, .da = m + d + e, .db = m + 2 * d + e};
    s.weights = m + 2 * (d + e);
    s.bias = s.weights + 2 * c->heads * BLOCK;
    return s;
}

/* The rows of all query heads of one node, packed; a key head once for each that shares it. */
static void gather(float *dst, const atti_attn_call *c, const atti_attn_view *w,
                   int64_t row, int64_t width, int64_t group)
{
    const float *src = (const float *)w->data + row * w->sr;
    for (int64_t h = 0; h < c->heads; h++)
        memcpy(dst + h * width, src + h / group * w->sh, (size_t)width * sizeof(float));
}

/* Back: factor times the sum over the group, written or added. */
static void scatter(const graph *x, const atti_attn_view *w, int64_t row,
                    const float *src, int64_t width, int64_t group, float factor)
{
    float *dst = (float *)w->data + row * w->sr;
    for (int64_t h = 0; h < x->c->heads; h += group, dst += w->sh)
        for (int64_t i = 0; i < width; i++) {
            float sum = src[h * width + i];
            for (int64_t j = 1; j < group; j++) sum += src[(h + j) * width + i];
            dst[i] = sum * factor + (x->g->accumulate ? dst[i] : 0.0f);
        }
}

static void ask_for(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i += 16) ATTI_PREFETCH(x + i);
}

/* Rows of the edges ahead, as far as `want`; returns how far has been asked. */
static int64_t ask_ahead(const graph *x, const atti_attn_edge_grad *p,
                         const int32_t *far, int64_t at, int64_t asked, int64_t want)
{
    const atti_attn_call *c = x->c;
    int64_t kv = c->heads / p->group;
    if (asked < at) asked = at;
    want = atti_min_i64(atti_min_i64(want, asked + 4 * AHEAD), c->n_edges);
    for (; asked < want; asked++) {
        ask_for(p->x + far[asked] * p->ld_x, kv * p->x_head);
        ask_for(p->y + far[asked] * p->ld_y, kv * p->y_head);
        if (p->ld_stat) ask_for(p->stat + far[asked] * p->ld_stat, 2 * c->heads);
    }
    return asked;
}

static void query_node(const graph *x, atti_attn_edge_grad *p, const scratch *s,
                       int64_t n)
{
    const atti_attn_call *c = x->c;
    int64_t at = atti_attn_edge_begin(c, n), end = atti_attn_edge_begin(c, n + 1);
    float *stat = x->stat + 2 * n * c->heads;
    gather(s->a, c, &c->q, n, c->d, 1);
    gather(s->b, c, &x->g->dout, n, c->e, 1);
    for (int64_t h = 0; h < c->heads; h++) {
        const float *out =
            (const float *)c->out.data + atti_attn_qoff(c, &c->out, 0, n, h);
        float lse = ((const float *)c->lse.data)[atti_attn_qoff(c, &c->lse, 0, n, h)];
        /* A query that saw nothing: any score minus 1e30 weighs 0. */
        stat[h] = lse == -INFINITY ? 1e30f : lse;
        stat[c->heads + h] = (float)x->k->dot_f64(s->b + h * c->e, out, c->e);
    }
    p->stat = stat;
    memset(s->da, 0, (size_t)(c->heads * c->d) * sizeof(float));
    for (; at < end; at += BLOCK) {
        if (c->edge_bias) p->bias = (const float *)c->edge_bias + at * c->edge_bias_ld;
        if (x->g->dedge_bias)
            p->dbias = x->g->accumulate
                           ? s->bias
                           : (float *)x->g->dedge_bias + at * c->edge_bias_ld;
        int64_t m = atti_min_i64(BLOCK, end - at);
        x->k->edges_bwd(p, s->da, NULL, s->a, s->b, c->edge_col + at, m, s->weights);
        for (int64_t i = 0; p->dbias == s->bias && i < m * c->edge_bias_ld; i++)
            ((float *)x->g->dedge_bias)[at * c->edge_bias_ld + i] += s->bias[i];
    }
    if (x->g->dq.data) scatter(x, &x->g->dq, n, s->da, c->d, 1, p->scale);
}

static void query_task(void *ctx, int64_t task, int thread)
{
    const graph *x = ctx;
    const atti_attn_call *c = x->c;
    const scratch s = scratch_of(x, thread);
    atti_attn_edge_grad p = {.x = c->k.data,
                             .y = c->v.data,
                             .ld_x = c->k.sr,
                             .ld_y = c->v.sr,
                             .x_head = c->k.sh,
                             .y_head = c->v.sh,
                             .heads = c->heads,
                             .group = c->group,
                             .d = c->d,
                             .e = c->e,
                             .scale = c->scale * c->inv_temp,
                             .bias_scale = c->inv_temp,
                             .bias_ld = c->edge_bias_ld,
                             .bias_head = c->edge_bias_head};
    int64_t n = task * NODES, end = atti_min_i64(n + NODES, c->n_rows), asked = 0;
    for (; n < end; n++) {
        asked = ask_ahead(x, &p, c->edge_col, atti_attn_edge_begin(c, n), asked,
                          atti_attn_edge_begin(c, n + 1) + AHEAD);
        query_node(x, &p, &s, n);
    }
}

static void key_node(const graph *x, atti_attn_edge_grad *p, const scratch *s,
                     int64_t n)
{
    const atti_attn_call *c = x->c;
    gather(s->a, c, &c->k, n, c->d, c->group);
    gather(s->b, c, &c->v, n, c->e, c->group);
    memset(s->da, 0, (size_t)(c->heads * c->d) * sizeof(float));
    memset(s->db, 0, (size_t)(c->heads * c->e) * sizeof(float));
    for (int64_t at = x->begin[n]; at < x->begin[n + 1]; at += BLOCK) {
        int64_t m = atti_min_i64(BLOCK, x->begin[n + 1] - at), ld = c->edge_bias_ld;
        for (int64_t j = 0; x->origin && j < m; j++)
            memcpy(s->bias + j * ld,
                   (const float *)c->edge_bias + x->origin[at + j] * ld,
                   (size_t)ld * sizeof(float));
        x->k->edges_bwd(p, s->da, s->db, s->a, s->b, x->from + at, m, s->weights);
    }
    if (x->g->dk.data) scatter(x, &x->g->dk, n, s->da, c->d, c->group, p->scale);
    if (x->g->dv.data) scatter(x, &x->g->dv, n, s->db, c->e, c->group, 1.0f);
}

static void key_task(void *ctx, int64_t task, int thread)
{
    const graph *x = ctx;
    const atti_attn_call *c = x->c;
    const scratch s = scratch_of(x, thread);
    atti_attn_edge_grad p = {.x = c->q.data,
                             .y = x->g->dout.data,
                             .ld_x = c->q.sr,
                             .ld_y = x->g->dout.sr,
                             .x_head = c->q.sh,
                             .y_head = x->g->dout.sh,
                             .heads = c->heads,
                             .group = 1,
                             .d = c->d,
                             .e = c->e,
                             .scale = c->scale * c->inv_temp,
                             .bias_scale = c->inv_temp,
                             .bias = x->origin ? s.bias : NULL,
                             .bias_ld = c->edge_bias_ld,
                             .bias_head = c->edge_bias_head,
                             .stat = x->stat,
                             .ld_stat = 2 * c->heads};
    int64_t n = task * NODES, end = atti_min_i64(n + NODES, c->m_rows), asked = 0;
    for (; n < end; n++) {
        asked = ask_ahead(x, &p, x->from, x->begin[n], asked, x->begin[n + 1] + AHEAD);
        key_node(x, &p, &s, n);
    }
}

/* The edges by key: counted, then placed in the order of their queries. */
static void turn_round(const graph *x)
{
    const atti_attn_call *c = x->c;
    int64_t *begin = x->begin;
    memset(begin, 0, (size_t)(c->m_rows + 1) * sizeof *begin);
    for (int64_t i = 0; i < c->n_edges; i++) begin[c->edge_col[i]]++;
    /* Ends first; placing from the last edge down turns them into beginnings. */
    for (int64_t s = 1; s <= c->m_rows; s++) begin[s] += begin[s - 1];
    for (int64_t n = c->n_rows; n-- > 0;)
        for (int64_t i = atti_attn_edge_begin(c, n + 1);
             i-- > atti_attn_edge_begin(c, n);) {
            int64_t at = --begin[c->edge_col[i]];
            x->from[at] = (int32_t)n;
            if (x->origin) x->origin[at] = i;
        }
}

att_status atti_attn_edges_backward(const atti_attn_call *c,
                                    const atti_attn_grad_call *g)
{
    graph x = {.c = c,
               .g = g,
               .k = atti_k()->attn ? atti_k()->attn->rows : &atti_ref_attn_rows};
    size_t need = atti_attn_edges_grad_workspace(c);
    if (c->workspace_bytes < need)
        return atti_fail(ATT_EINVAL,
                         "attention: workspace of %zu bytes, %zu are needed",
                         c->workspace_bytes, need);
    (void)layout(&x, c, c->workspace);
    atti_parallel_void(atti_ceil_div(c->n_rows, NODES), query_task, &x);
    if (!g->dk.data && !g->dv.data) return ATT_OK;
    turn_round(&x);
    atti_parallel_void(atti_ceil_div(c->m_rows, NODES), key_task, &x);
    return ATT_OK;
}
