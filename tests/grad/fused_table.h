/* fused_table.h - the members that test_fused_composed.c goes through. */
#ifndef ATTEND_TESTS_FUSED_TABLE_H
#define ATTEND_TESTS_FUSED_TABLE_H

#include "attend/nn.h"

enum { T = 5, S = 6, C = 8, M = 7, MAX = 64, INTS = 256, SEED = 11, STEP = 2 };

typedef struct member {
    const char *name;
    int cross;
    int32_t h, g, d, dk, e, projections, biases; /* 0: the defaults */
    att_attention_desc desc;                     /* size 0: zero means default */
    int shared, no_b, rel, sink, slopes;
    int bias, prior; /* a table of pairs; BY_HEAD: one a head; BY_KEY: one row */
    int mask;        /* so many block masks */
    int edges;       /* of edge_ptr and edge_col; BY_HEAD: a bias a head */
} member;

enum { BY_HEAD = 2, BY_KEY = 3 };

/* Whom each of T nodes sees, in this order; node 1 sees nobody. */
static const int32_t edge_ptr[T + 1] = {0, 3, 3, 4, 6, 9};
enum { EDGES = 9 };
static const int32_t edge_col[EDGES] = {4, 0, 2, 1, 3, 0, 2, 4, 1};

static int sees_by_edge(int64_t t, int64_t s)
{
    for (int32_t i = edge_ptr[t]; i < edge_ptr[t + 1]; i++)
        if (edge_col[i] == s) return 1;
    return 0;
}

/* A mask's byte at a row and column; every row sees something. */
static int mask_byte(int64_t mask, int64_t row, int64_t col)
{
    return row == col || (mask * 5 + row * 3 + col * 7) % 4 != 0;
}

/* Fields that are 0 here keep what att_attention_desc_init says. */
#define DESC(...) .desc = {__VA_ARGS__}
static const member members[] = {
    {"scaled dot", .h = 2},
    {"dot, scale 1", .h = 2, DESC(.scale = 1)},
    {"simplest form", .h = 1, .projections = -1, DESC(.scale = 1)},
    {"no biases", .h = 2, .biases = -1},
    {"cross", .h = 2, .cross = 1},
    {"widths", .h = 2, .d = 3, .e = 5, .cross = 1},
    {"grouped", .h = 4, .g = 2, .d = 3},
    {"multi-query", .h = 3, .g = 1, .d = 4, .e = 2},
    {"no output matrix", .h = 2, .projections = ATT_NN_Q | ATT_NN_K | ATT_NN_V},
    {"causal", .h = 2, DESC(.causal = 1)},
    {"causal, cross", .h = 2, .cross = 1, DESC(.causal = 1)},
    {"window", .h = 2,
     DESC(.left = 2, .right = 3)}, /* one more than meant, see below */
    {"itself", .h = 2, DESC(.left = 1, .right = 1)},
    {"window, sinks", .h = 2, DESC(.left = 2, .sinks = 1, .causal = 1)},
    {"blocks", .h = 2, DESC(.block = 2)},
    {"soft cap", .h = 2, DESC(.softcap = 0.7f, .scale = 1)},
    {"temperature", .h = 2, DESC(.temperature = 0.5f)},
    {"alibi", .h = 2, DESC(.alibi = 1)},
    {"alibi learned", .h = 2, .slopes = 1, .cross = 1, DESC(.alibi = 1)},
    {"t5", .h = 2, DESC(.t5_buckets = 6, .t5_bidirectional = 1, .t5_max_distance = 8)},
    {"t5 one way", .h = 2, DESC(.t5_buckets = 4, .t5_max_distance = 8, .causal = 1)},
    {"shaw", .h = 2, DESC(.shaw_clip = 2)},
    {"shaw keys", .h = 2, .rel = ATT_NN_K, .cross = 1, DESC(.shaw_clip = 1)},
    {"shaw values", .h = 2, .rel = ATT_NN_V, DESC(.shaw_clip = 2, .causal = 1)},
    {"rope half", .h = 2, .d = 4, DESC(.rope = ATT_ROPE_HALF)},
    {"rope interleaved", .h = 2, .d = 6, .cross = 1,
     DESC(.rope = ATT_ROPE_INTERLEAVED, .rope_dims = 4, .rope_offset = 3,
          .rope_theta = 100)},
    {"rope, rotated keys", .h = 2, .d = 4,
     DESC(.rope = ATT_ROPE_HALF, .keys_are_rotated = 1, .rope_position_scale = 0.5f)},
    {"sink logit", .h = 2, .sink = 1, DESC(.temperature = 2, .causal = 1)},
    {"bilinear", .h = 2, .d = 3, .dk = 5, .cross = 1,
     DESC(.score = ATT_SCORE_BILINEAR)},
    {"bilinear shared", .h = 4, .g = 2, .d = 3, .dk = 2, .shared = 1,
     DESC(.score = ATT_SCORE_BILINEAR)},
    {"bilinear, 13 against 14", .h = 1, .d = 13, .dk = 14, .cross = 1,
     DESC(.score = ATT_SCORE_BILINEAR, .scale = 0.3f)},
    {"additive", .h = 2, DESC(.score = ATT_SCORE_ADDITIVE)},
    {"additive shared", .h = 2, .shared = 1, .cross = 1, .d = 3, .e = 5,
     DESC(.score = ATT_SCORE_ADDITIVE, .causal = 1)},
    {"additive without b", .h = 2, .no_b = 1, DESC(.score = ATT_SCORE_ADDITIVE)},
    {"gat", .h = 2, DESC(.score = ATT_SCORE_GAT)},
    {"gat, slope", .h = 4, .g = 1, .d = 3, .shared = 1,
     DESC(.score = ATT_SCORE_GAT, .leaky = 0.5f)},
    {"cosine", .h = 2, DESC(.score = ATT_SCORE_COSINE, .scale = 4)},
    {"relu", .h = 2, DESC(.normalise = ATT_NORM_RELU)},
    {"relu by row", .h = 2, DESC(.normalise = ATT_NORM_RELU_ROW, .scale = 1)},
    {"sparsemax", .h = 2, DESC(.normalise = ATT_NORM_SPARSEMAX, .scale = 1)},
    {"sparsemax additive", .h = 2, .cross = 1,
     DESC(.normalise = ATT_NORM_SPARSEMAX, .score = ATT_SCORE_ADDITIVE)},
    {"hard argmax", .h = 2, DESC(.normalise = ATT_NORM_HARD_ARGMAX)},
    {"hard argmax, cosine", .h = 2, .cross = 1,
     DESC(.normalise = ATT_NORM_HARD_ARGMAX, .score = ATT_SCORE_COSINE)},
    {"hard sample", .h = 2, DESC(.normalise = ATT_NORM_HARD_SAMPLE, .causal = 1)},
    {"dropout", .h = 2, DESC(.dropout = 0.4f)},
    {"dropout, relu", .h = 2, .cross = 1,
     DESC(.dropout = 0.3f, .normalise = ATT_NORM_RELU)},
    {"bias", .h = 2, .bias = 1},
    {"bias by head, causal", .h = 2, .bias = BY_HEAD, .cross = 1, DESC(.causal = 1)},
    {"bias of keys, additive", .h = 2, .bias = BY_KEY,
     DESC(.score = ATT_SCORE_ADDITIVE)},
    {"bias, relu", .h = 4, .g = 2, .d = 3, .bias = BY_HEAD,
     DESC(.normalise = ATT_NORM_RELU, .scale = 1)},
    {"prior", .h = 2, .prior = 1},
    {"prior by head, additive, bias", .h = 2, .prior = BY_HEAD, .bias = 1, .cross = 1,
     DESC(.score = ATT_SCORE_ADDITIVE)},
    {"prior, one weight", .h = 2, .prior = 1, .shared = 1, DESC(.softcap = 2)},
    {"mask", .h = 2, .mask = 1},
    {"mask, cross, bias", .h = 2, .mask = 1, .cross = 1, .bias = BY_HEAD,
     DESC(.causal = 1)},
    {"blocks with masks", .h = 2, .mask = 2, DESC(.block = 2)},
    {"edges", .h = 2, .edges = 1},
    {"edges, bias by head", .h = 2, .edges = BY_HEAD, DESC(.softcap = 1)},
    {"edges, gat", .h = 2, .edges = BY_HEAD, DESC(.score = ATT_SCORE_GAT)},
    {"edges, grouped, bilinear", .h = 4, .g = 2, .d = 3, .edges = 1,
     DESC(.score = ATT_SCORE_BILINEAR)},
    {"edges, cosine, relu", .h = 2, .edges = 1,
     DESC(.score = ATT_SCORE_COSINE, .normalise = ATT_NORM_RELU)},
    {"reinforce", .h = 2, DESC(.normalise = ATT_NORM_HARD_SAMPLE, .reinforce = 1)},
    {"reinforce, additive", .h = 2, .cross = 1,
     DESC(.normalise = ATT_NORM_HARD_SAMPLE, .reinforce = 1, .temperature = 0.7f,
          .score = ATT_SCORE_ADDITIVE)},
    {"reinforce, causal, dropout", .h = 2,
     DESC(.normalise = ATT_NORM_HARD_SAMPLE, .reinforce = 1, .causal = 1,
          .dropout = 0.3f)},
    {"everything", .h = 4, .g = 2, .d = 4, .e = 3, .slopes = 1, .sink = 1, .cross = 1,
     .bias = BY_HEAD, .prior = 1,
     DESC(.causal = 1, .left = 4, .sinks = 1, .alibi = 1, .t5_buckets = 4,
          .t5_max_distance = 8, .shaw_clip = 2, .rope = ATT_ROPE_HALF,
          .rope_position_scale = 0.5f, .softcap = 2, .temperature = 1.3f,
          .dropout = 0.25f)},
};

/* left and right are written one more than meant, so that 0 can stand for "all". */
static att_attention_desc desc_of(const member *m)
{
    att_attention_desc d, def = m->desc;
    att_attention_desc_init(&d);
    float temperature = d.temperature, leaky = d.leaky, theta = d.rope_theta;
    float position_scale = d.rope_position_scale;
    int32_t distance = d.t5_max_distance;
    uint32_t size = d.size;
    d = def;
    d.size = size;
    if (d.temperature == 0) d.temperature = temperature;
    if (d.leaky == 0) d.leaky = leaky;
    if (d.rope_theta == 0) d.rope_theta = theta;
    if (d.rope_position_scale == 0) d.rope_position_scale = position_scale;
    if (d.t5_max_distance == 0) d.t5_max_distance = distance;
    d.left = def.left - 1;
    d.right = def.right - 1;
    return d;
}

#endif
