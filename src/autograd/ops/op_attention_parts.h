/* op_attention_parts.h - the attention operator from the inside: its operands by number, its
 * attributes, and the tensors over them. Read by op_attention.c (shapes, forward,
 * backward), op_attention_views.c and op_attention_sample.c alone. */
#ifndef ATTI_OP_ATTENTION_PARTS_H
#define ATTI_OP_ATTENTION_PARTS_H

#include "autograd/op_attention.h"

enum {
    ATTN_Q,
    ATTN_K,
    ATTN_V,
    ATTN_Q_OFF,
    ATTN_K_OFF,
    ATTN_SCORE_W,
    ATTN_SCORE_B,
    ATTN_T5,
    ATTN_REL_K,
    ATTN_REL_V,
    ATTN_SINK,
    ATTN_ALIBI,
    ATTN_ROPE,
    ATTN_BIAS,
    ATTN_PRIOR,
    ATTN_PRIOR_W,
    ATTN_MASK,
    ATTN_EDGE_PTR,
    ATTN_EDGE_COL,
    ATTN_EDGE_BIAS,
    ATTN_ADVANTAGE,
    ATTN_OPERANDS
};

/* How the rows of a table of pairs are cut: sequence, then head, then query. */
typedef struct atti_attention_cut {
    int32_t per_sequence, per_head;
} atti_attention_cut;

typedef struct atti_attention_attr {
    att_attention_desc desc;
    int64_t h, g, d, dk, e;
    int32_t score_per_head;
    atti_attention_cut bias, prior;
    int32_t block_masks; /* as att_op_attention_opts has it */
} atti_attention_attr;

/* Tensors over the operands of a call, and the descriptor of this run: no dropout, draws or
 * advantage outside training. A block mask becomes bytes at the start of the scratch.
 * plan: operands have no data; *w then is for sizes only, and ATTN_Q_OFF, ATTN_K_OFF,
 * ATTN_EDGE_PTR and ATTN_EDGE_COL hold what att_attention_check() wants to see. */
ATT_MUST_CHECK att_status atti_attention_bind(atti_attention_views *w,
                                              att_attention_desc *desc,
                                              const atti_call *c, int plan);
/* The gradient of operand `slot`, beside the view of the operand itself; NULL where it has
 * none. */
att_tensor *atti_attention_dview(atti_attention_views *w, const atti_call *c, int slot);
/* Bytes that a block mask takes in front of the scratch proper; 0 without. */
size_t atti_attention_mask_bytes(const atti_call *c);

att_status atti_attention_sample(atti_sample *s, int variant);

#endif
