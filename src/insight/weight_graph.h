/* weight_graph.h - a model's attention as a graph: a node for every token after every
 * layer, edges to what it read. Rollout multiplies along it, flow runs through it. */
#ifndef ATTI_WEIGHT_GRAPH_H
#define ATTI_WEIGHT_GRAPH_H

#include "insight/insight.h"

/* Nodes 0 .. n_inputs - 1 are the embeddings (source, then prefix); the last n_outputs are
 * the rows of the last layer. Edges of node i: first[i] .. first[i + 1], to earlier nodes,
 * weights sum to 1: half stays in place (the residual), half is the mean of the heads. */
typedef struct atti_weight_graph {
    int64_t n_nodes, n_inputs, n_outputs;
    int64_t *first;
    int32_t *to;
    double *weight;
} atti_weight_graph;

ATT_MUST_CHECK att_status atti_weight_graph_make(atti_weight_graph *g,
                                                 const att_explanation *e);
void atti_weight_graph_deinit(atti_weight_graph *g);

#endif
