/* op_attention.h - a run of the attention operator, for those who look at it while a tape
 * runs (tape_internal.h's observe): weights, queries, gradients. */
#ifndef ATTI_OP_ATTENTION_H
#define ATTI_OP_ATTENTION_H

#include "autograd/op.h"

enum { ATTI_ATTENTION_OPERANDS = 24 };

/* Operands as attention.h's call takes them; args points into the struct. */
typedef struct atti_attention_views {
    att_tensor q, k, v, out, lse, off_q, off_k;
    att_tensor par[ATTI_ATTENTION_OPERANDS];
    att_tensor dq, dk, dv, dout;
    att_tensor dpar[ATTI_ATTENTION_OPERANDS];
    att_attention_args args;
} atti_attention_views;

typedef struct atti_attention_look {
    att_attention_desc desc; /* of this run: no dropout outside training */
    int64_t heads, kv_heads, d, e;
    att_var q_offsets, k_offsets; /* the same value in self-attention */
    atti_attention_views x;
} atti_attention_look;

bool atti_is_attention(const atti_node *n);
/* What a recorded operator will do, without operands: all of look but x. */
void atti_attention_plan(const atti_node *n, atti_attention_look *look);
/* The call at hand; c is an attention's. x.args.workspace is left out: the operator's own
 * is sized for the operator. dout is the gradient of out where there is one. */
void atti_attention_look_at(const atti_call *c, atti_attention_look *look);

#endif
