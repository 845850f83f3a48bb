/* flow.c - maximum flow through the graph of weights (Abnar and Zuidema 2020): how much can
 * go from an output back to a token if every weight is a pipe of that width.
 *
 * Dinic's algorithm: shortest paths by levels, filled until none is left. Capacities are
 * real numbers; a path that carries less than EPS is none. */
#include "base/checked.h"
#include "base/threads.h"
#include "insight/weight_graph.h"

#include <string.h>

enum { SIDE_MAX = 96 };
static const double EPS = 1e-12;

/* Arc 2k is edge k, arc 2k + 1 its reverse. */
typedef struct network {
    const atti_weight_graph *g;
    int64_t n_arcs;
    int64_t *first; /* [nodes + 1] into arc */
    int32_t *arc;
    int32_t *from; /* [edges] */
} network;

typedef struct search { /* of one thread */
    double *room;       /* [arcs] */
    int32_t *level, *queue;
    int64_t *next;
} search;

static int32_t head_of(const network *n, int32_t arc)
{
    return arc & 1 ? n->from[arc >> 1] : n->g->to[arc >> 1];
}

static int find_levels(const network *n, search *s, int32_t source, int32_t sink)
{
    int64_t in = 0, out = 0;
    for (int64_t i = 0; i < n->g->n_nodes; i++) s->level[i] = -1;
    s->level[source] = 0;
    s->queue[in++] = source;
    while (out < in && s->level[sink] < 0) {
        int32_t v = s->queue[out++];
        for (int64_t i = n->first[v]; i < n->first[v + 1]; i++) {
            int32_t a = n->arc[i], to = head_of(n, a);
            if (s->level[to] >= 0 || s->room[a] <= EPS) continue;
            s->level[to] = s->level[v] + 1;
            s->queue[in++] = to;
        }
    }
    return s->level[sink] >= 0;
}

/* One path from source to sink along rising levels; what it carried. The path is kept in
 * queue, which is free by now: deep models would make recursion deep. */
static double push_path(const network *n, search *s, int32_t source, int32_t sink)
{
    int32_t *path = s->queue;
    int64_t len = 0;
    int32_t v = source;
    while (v != sink) {
        int64_t i = s->next[v];
        for (; i < n->first[v + 1]; i++) {
            int32_t to = head_of(n, n->arc[i]);
            if (s->room[n->arc[i]] > EPS && s->level[to] == s->level[v] + 1) break;
        }
        s->next[v] = i;
        if (i < n->first[v + 1]) {
            path[len++] = n->arc[i];
            v = head_of(n, n->arc[i]);
        } else if (len == 0) {
            return 0.0;
        } else { /* a dead end: back, and not here again */
            s->level[v] = -1;
            v = head_of(n, path[--len] ^ 1);
        }
    }
    double least = s->room[path[0]];
    for (int64_t i = 1; i < len; i++)
        if (s->room[path[i]] < least) least = s->room[path[i]];
    for (int64_t i = 0; i < len; i++) {
        s->room[path[i]] -= least;
        s->room[path[i] ^ 1] += least;
    }
    return least;
}

static double max_flow(const network *n, search *s, int32_t source, int32_t sink)
{
    double total = 0.0, more;
    for (int64_t k = 0; k < n->n_arcs / 2; k++) {
        s->room[2 * k] = n->g->weight[k];
        s->room[2 * k + 1] = 0.0;
    }
    while (find_levels(n, s, source, sink)) {
        memcpy(s->next, n->first, (size_t)n->g->n_nodes * sizeof *s->next);
        while ((more = push_path(n, s, source, sink)) > 0.0) total += more;
    }
    return total;
}

static att_status connect(network *n, const atti_weight_graph *g)
{
    int64_t edges = g->first[g->n_nodes];
    n->g = g;
    n->n_arcs = 2 * edges;
    if (edges > INT32_MAX / 2)
        return atti_fail(ATT_EINVAL, "flow: %lld edges", (long long)edges);
    ATTI_TRY(atti_alloc(&n->first, (size_t)g->n_nodes + 2, sizeof *n->first, "flow"));
    ATTI_TRY(atti_alloc(&n->arc, (size_t)n->n_arcs, sizeof *n->arc, "flow"));
    ATTI_TRY(atti_alloc(&n->from, (size_t)edges, sizeof *n->from, "flow"));
    for (int64_t v = 0; v < g->n_nodes; v++)
        for (int64_t k = g->first[v]; k < g->first[v + 1]; k++) {
            n->from[k] = (int32_t)v;
            n->first[v + 2]++;
            n->first[g->to[k] + 2]++;
        }
    for (int64_t v = 0; v < g->n_nodes; v++) n->first[v + 2] += n->first[v + 1];
    for (int64_t k = 0; k < edges; k++) {
        n->arc[n->first[n->from[k] + 1]++] = (int32_t)(2 * k);
        n->arc[n->first[g->to[k] + 1]++] = (int32_t)(2 * k + 1);
    }
    return ATT_OK;
}

typedef struct job {
    const network *n;
    float *out;
} job;

static att_status flow_row(void *ctx, int64_t row, int thread)
{
    const job *j = ctx;
    const atti_weight_graph *g = j->n->g;
    size_t nodes = (size_t)g->n_nodes;
    search s = {0};
    double total = 0.0;
    (void)thread;
    att_status st = atti_alloc(&s.room, (size_t)j->n->n_arcs, sizeof *s.room, "flow");
    if (st == ATT_OK) st = atti_alloc(&s.level, 2 * nodes, sizeof *s.level, "flow");
    if (st == ATT_OK) st = atti_alloc(&s.next, nodes, sizeof *s.next, "flow");
    if (s.level) s.queue = s.level + nodes;
    float *to = j->out + row * g->n_inputs;
    int32_t source = (int32_t)(g->n_nodes - g->n_outputs + row);
    for (int64_t c = 0; st == ATT_OK && c < g->n_inputs; c++) {
        double f = source == c ? 1.0 : max_flow(j->n, &s, source, (int32_t)c);
        to[c] = (float)f;
        total += f;
    }
    for (int64_t c = 0; st == ATT_OK && total > 0.0 && c < g->n_inputs; c++)
        to[c] = (float)((double)to[c] / total);
    atti_free(s.room);
    atti_free(s.level);
    atti_free(s.next);
    return st;
}

att_status att_explain_flow(const att_explanation *e, float *out, int64_t *cols)
{
    atti_weight_graph g;
    network n = {0};
    if (!e) return atti_fail(ATT_EINVAL, "att_explain_flow: the explanation is NULL");
    for (int i = 0; i < 2; i++)
        if (out && e->n[i] > SIDE_MAX)
            return atti_fail(ATT_EINVAL,
                             "flow: %lld tokens, at most %d a side; rollout takes more",
                             (long long)e->n[i], SIDE_MAX);
    ATTI_TRY(atti_weight_graph_make(&g, e));
    if (cols) *cols = g.n_inputs;
    att_status st = out ? connect(&n, &g) : ATT_OK;
    job j = {&n, out};
    if (out && st == ATT_OK) st = atti_parallel(g.n_outputs, flow_row, &j);
    atti_free(n.first);
    atti_free(n.arc);
    atti_free(n.from);
    atti_weight_graph_deinit(&g);
    return st;
}
