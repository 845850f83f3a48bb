/* op_attention_sample.c - small attentions for the gradient checks: one of each member that
 * has a gradient by differences. */
#include "autograd/ops/op_attention_parts.h"

/* Tables of pairs and edges, over the sequences of atti_attention_sample(). */
static void pairs(atti_sample *s, att_op_attention_opts *o, int variant)
{
    static const int32_t see[2 * 4 * 4] = {1, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1,
                                           0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1,
                                           1, 0, 1, 0, 0, 1, 1, 0, 1, 1};
    static const int32_t see_block[2 * 2 * 2] = {1, 0, 1, 1, 0, 1, 1, 1};
    static const int32_t row_ptr[8] = {0, 2, 3, 3, 6, 9, 10, 13};
    static const int32_t col[13] = {6, 1, 0, 3, 3, 5, 0, 2, 4, 6, 1, 5, 2};
    static const float prior[4 * 4] = {.1f, .4f, .2f, .3f, .9f, 0,    .1f, 0,
                                       .2f, .2f, .5f, .1f, .6f, .05f, 0,   .35f};
    s->path_by_grads = 1;
    switch (variant) {
    case 10: /* one table a head, longer than any sequence */
        o->bias = atti_sample_param(s, 2 * 5, 6, -1, 1, 0.0f);
        o->bias_per_head = 1;
        break;
    case 11: /* a row of keys for each sequence; the fast path's windows with it */
        o->bias = atti_sample_param(s, 3, 4, -1, 1, 0.0f);
        o->bias_per_sequence = 1;
        o->desc.causal = 1, o->desc.left = 2;
        break;
    case 12:
        o->bias = atti_sample_param(s, 3 * 2 * 4, 1, -1, 1, 0.0f);
        o->bias_per_sequence = o->bias_per_head = 1;
        o->desc.softcap = 0.8f;
        break;
    case 13:
        if (s->status == ATT_OK)
            s->status = att_tape_constant(s->tape, &o->prior, "prior", 4, 4, prior);
        o->prior_w = atti_sample_param(s, 1, 2, -1, 1, 0.0f);
        break;
    case 14:
        o->block_mask = atti_sample_table(s, 2 * 4, 4, see);
        o->block_masks = 2;
        o->bias = atti_sample_param(s, 4, 4, -1, 1, 0.0f);
        break;
    case 15:
        o->block_mask = atti_sample_table(s, 2 * 2, 2, see_block);
        o->desc.block = 2;
        break;
    case 16:
    case 17:
        o->q_offsets = variant == 16 ? o->q_offsets : ATT_NO_VAR;
        o->edge_row_ptr = atti_sample_ints(s, 8, row_ptr);
        o->edge_col = atti_sample_ints(s, 13, col);
        o->edge_bias = atti_sample_param(s, 13, variant == 16 ? 2 : 1, -1, 1, 0.0f);
        if (variant == 16) break;
        o->desc.score = ATT_SCORE_ADDITIVE;
        o->score_w = atti_sample_param(s, 2, 4, -1, 1, 0.0f);
        break;
    default: break;
    }
}

att_status atti_attention_sample(atti_sample *s, int variant)
{
    static const int32_t off_q[4] = {0, 3, 3, 7}, off_k[4] = {0, 2, 4, 9};
    if (variant > 17) return ATT_ENOTFOUND;
    int cross = variant == 1, h = 2, d = 4;
    att_op_attention_opts o;
    att_op_attention_opts_init(&o);
    o.n_heads = h;
    o.d = d;
    o.q_offsets = atti_sample_ints(s, 4, off_q);
    if (cross) {
        o.k_offsets = atti_sample_ints(s, 4, off_k);
        o.q = atti_sample_param(s, 7, h * d, -1, 1, 0.0f);
        o.k = o.v = atti_sample_param(s, 9, 2 * h * d, -1, 1, 0.0f);
        o.v_col = h * d;
    } else {
        o.q = o.k = o.v = atti_sample_param(s, 7, 3 * h * d, -1, 1, 0.0f);
        o.k_col = h * d, o.v_col = 2 * h * d;
    }
    switch (variant) {
    case 2: o.desc.causal = 1; break;
    case 3: o.desc.dropout = 0.3f; break;
    case 4: /* the simplest form: q, k and v are one value, so three gradients add up */
        o.k_col = o.v_col = 0;
        o.desc.scale = 1.0f;
        break;
    case 5:
        o.desc.score = ATT_SCORE_BILINEAR;
        o.score_w = atti_sample_param(s, h * d, d, -1, 1, 0.0f);
        break;
    case 6:
        o.desc.score = ATT_SCORE_ADDITIVE;
        o.score_w = atti_sample_param(s, h, d, -1, 1, 0.0f);
        o.score_b = atti_sample_param(s, h, d, -1, 1, 0.0f);
        break;
    case 7:
        o.desc.t5_buckets = 8, o.desc.t5_bidirectional = 1, o.desc.t5_max_distance = 16;
        o.t5_table = atti_sample_param(s, 8, h, -1, 1, 0.0f);
        break;
    case 8:
        o.desc.shaw_clip = 2;
        o.rel_k = atti_sample_param(s, 5, d, -1, 1, 0.0f);
        o.rel_v = atti_sample_param(s, 5, d, -1, 1, 0.0f);
        break;
    case 9: o.desc.score = ATT_SCORE_COSINE; break;
    default: pairs(s, &o, variant);
    }
    if (s->status != ATT_OK) return s->status;
    return att_op_attention(s->tape, &s->out, &o);
}
