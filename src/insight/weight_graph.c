/* weight_graph.c - the graph of weights, layer after layer. */
#include "insight/weight_graph.h"

#include "base/checked.h"

#include <string.h>

typedef struct maker {
    atti_weight_graph *g;
    int64_t edges;
    const att_explanation *e;
} maker;

static const atti_map *map_of(const att_explanation *e, int32_t kind)
{
    for (int i = 0; i < e->n_maps; i++)
        if (e->map[i].site.kind == kind) return &e->map[i];
    return NULL;
}

static void add_edge(maker *m, int64_t to, double weight)
{
    if (weight <= 0.0) return;
    m->g->to[m->edges] = (int32_t)to;
    m->g->weight[m->edges++] = weight;
}

/* A layer's nodes: each keeps half of `before` and half of what it read of `read`. */
static int64_t add_layer(maker *m, const atti_map *map, int64_t layer, int64_t before,
                         int64_t read)
{
    int64_t start = m->g->n_nodes, h = map->site.heads;
    const float *w = map->w + layer * h * map->rows * map->cols;
    for (int64_t r = 0; r < map->rows; r++) {
        add_edge(m, before + r, 0.5);
        for (int64_t c = 0; c < map->cols; c++) {
            double mean = 0.0;
            for (int64_t k = 0; k < h; k++)
                mean += (double)w[(k * map->rows + r) * map->cols + c];
            add_edge(m, read + c, 0.5 * mean / (double)h);
        }
        m->g->first[++m->g->n_nodes] = m->edges;
    }
    return start;
}

static att_status make_room(atti_weight_graph *g, const att_explanation *e)
{
    int64_t nodes = e->n[0] + e->n[1], edges = 0;
    for (int i = 0; i < e->n_maps; i++) {
        const atti_map *m = &e->map[i];
        nodes += m->site.layers * m->rows;
        edges += m->site.layers * m->rows * (m->cols + 1);
    }
    if (nodes > INT32_MAX)
        return atti_fail(ATT_EINVAL, "a graph of %lld nodes", (long long)nodes);
    ATTI_TRY(atti_alloc(&g->first, (size_t)nodes + 1, sizeof *g->first, "graph"));
    ATTI_TRY(atti_alloc(&g->to, (size_t)edges, sizeof *g->to, "graph"));
    return atti_alloc(&g->weight, (size_t)edges, sizeof *g->weight, "graph");
}

att_status atti_weight_graph_make(atti_weight_graph *g, const att_explanation *e)
{
    const atti_map *enc = map_of(e, ATT_VIEW_ENCODER),
                   *dec = map_of(e, ATT_VIEW_DECODER),
                   *cross = map_of(e, ATT_VIEW_CROSS);
    memset(g, 0, sizeof *g);
    if (!enc && !dec)
        return atti_fail(ATT_ENOTSUP, "rollout and flow need self-attention");
    att_status st = make_room(g, e);
    if (st != ATT_OK) {
        atti_weight_graph_deinit(g);
        return st;
    }
    maker m = {g, 0, e};
    int64_t s = enc || cross ? e->n[ATT_SIDE_SOURCE] : 0, t = dec ? dec->rows : 0;
    g->n_inputs = g->n_nodes = s + t;
    int64_t source = 0, target = s;
    for (int64_t l = 0; enc && l < enc->site.layers; l++)
        source = add_layer(&m, enc, l, source, source);
    for (int64_t l = 0; dec && l < dec->site.layers; l++) {
        target = add_layer(&m, dec, l, target, target);
        if (cross && l < cross->site.layers)
            target = add_layer(&m, cross, l, target, source);
    }
    g->n_outputs = dec ? t : s;
    return ATT_OK;
}

void atti_weight_graph_deinit(atti_weight_graph *g)
{
    atti_free(g->first);
    atti_free(g->to);
    atti_free(g->weight);
    memset(g, 0, sizeof *g);
}
