/* fused_pairs.h - what a layer takes as values beside its parameters: tables of pairs, masks,
 * edges, advantages, with the numbers that the composed tape uses too. */
#ifndef ATTEND_TESTS_FUSED_PAIRS_H
#define ATTEND_TESTS_FUSED_PAIRS_H

#include "fused_rig.h"

static att_var by_name(rig *r, const char *name, int64_t rows, int64_t cols)
{
    att_var v = att_tape_find(r->t, name);
    if (v == ATT_NO_VAR) assert_ok(att_tape_param(r->t, &v, name, rows, cols));
    return v;
}

/* Earlier weights, and what a reward was better than expected by: taken as given. */
static void prior_numbers(const rig *r, float *x, int64_t h)
{
    support_fill(x, (size_t)(T * r->s_len), 41 + (uint64_t)h, 0, 1);
}

static void advantages(const rig *r, float *x)
{
    support_fill(x, (size_t)(T * r->h), 43, -1, 1);
}

static att_var bias_of(rig *r)
{
    int by = r->m->bias;
    return by == 0        ? ATT_NO_VAR
           : by == BY_KEY ? by_name(r, "bias", 1, r->s_len)
                          : by_name(r, "bias", by == BY_HEAD ? r->h * T : T, r->s_len);
}

/* Values that the layer takes beside its parameters. */
static void give_pairs(rig *r, att_nn_attention_opts *o)
{
    const member *m = r->m;
    o->bias = bias_of(r);
    o->bias_per_head = m->bias == BY_HEAD;
    o->prior_w_per_head = !m->shared;
    if (m->prior) {
        float x[8 * T * S];
        int64_t heads = m->prior == BY_HEAD ? r->h : 1, one = T * r->s_len;
        for (int64_t h = 0; h < heads; h++) prior_numbers(r, x + h * one, h);
        o->prior = constant(r, heads * T, r->s_len, x);
        o->prior_per_head = m->prior == BY_HEAD;
    }
    if (m->mask) {
        int32_t see[T * S];
        int64_t b = r->desc.block, rows = b ? b : T, cols = b ? b : r->s_len;
        for (int64_t i = 0; i < m->mask * rows * cols; i++)
            see[i] = mask_byte(i / (rows * cols), i / cols % rows, i % cols);
        o->block_mask = int_table(r, m->mask * rows, cols, see);
        o->block_masks = m->mask;
    }
    if (m->edges) {
        o->edge_row_ptr = ints(r, T + 1, edge_ptr);
        o->edge_col = ints(r, EDGES, edge_col);
        o->edge_bias = by_name(r, "edge_bias", EDGES, m->edges == BY_HEAD ? r->h : 1);
    }
    if (r->desc.reinforce) {
        float x[T * 8];
        advantages(r, x);
        o->advantage = constant(r, T, r->h, x);
    }
}

#endif
