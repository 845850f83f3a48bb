/* tape_internal.h - a tape from the inside: values, nodes, symbols, plan. */
#ifndef ATTI_TAPE_INTERNAL_H
#define ATTI_TAPE_INTERNAL_H

#include "autograd/op.h"

typedef enum atti_value_kind {
    ATTI_VALUE_INPUT,
    ATTI_VALUE_PARAM,
    ATTI_VALUE_CONSTANT,
    ATTI_VALUE_RESULT
} atti_value_kind;

#define ATTI_NOWHERE SIZE_MAX

typedef struct atti_value {
    char *name; /* NULL for results */
    atti_value_kind kind;
    atti_shape shape;
    int32_t producer, out_slot; /* node, and which of its outputs; -1 */
    int keep;
    void *data;  /* inputs, parameters: the caller's; constants: owned */
    float *grad; /* parameters: the caller's */
    /* plan */
    int has_grad;
    size_t at, grad_at;  /* offsets in the arena; ATTI_NOWHERE */
    size_t again_at;     /* where backward finds it, if it is made again */
    size_t kept_grad_at; /* a copy for att_tape_grad: the original dies in backward */
} atti_value;

typedef struct atti_symbol {
    char *name;
    int32_t base; /* -1: free */
    int64_t extra;
    int64_t rows; /* bound; -1 */
    int64_t max;
} atti_symbol;

/* What the plan knows of a node. */
typedef struct atti_node_plan {
    size_t save_at[ATTI_MAX_SAVE];
    int runs_backward;
    int32_t
        again_before; /* its outputs are made again before this node's backward; -1 */
    int makes_again;  /* some node is made again before this one's backward */
    /* Per input: 0 write, 1 add, 2 (parameters' first) as the run says. */
    unsigned char accumulate[ATTI_MAX_IN];
    /* Backward must zero this input's gradient before anyone writes: column ranges
     * overlap or leave gaps. */
    unsigned char zero_first[ATTI_MAX_IN];
} atti_node_plan;

struct att_tape {
    atti_value *values;
    size_t n_values, cap_values;
    atti_node *nodes;
    size_t n_nodes, cap_nodes;
    atti_symbol *symbols;
    size_t n_symbols, cap_symbols;

    /* plan */
    int planned, training_plan, recompute, bf16;
    int threads;
    att_var loss;
    atti_node_plan *node_plan;
    unsigned char *arena;
    size_t scratch_at;
    att_tape_memory memory;

    /* Called before each operator runs and once after the last; NULL: nobody watches. */
    void (*watch)(void *user, int32_t node, int backward);
    void *watch_user;
    /* Called with an operator's operands after its forward, where it may change the
     * outputs, and (backward 1) before its backward, when the outputs' gradients are
     * complete. NULL: nobody looks. */
    att_status (*observe)(void *user, const atti_call *c, int backward);
    void *observe_user;

    struct atti_linear **packed; /* [n_nodes], or NULL: parameters may change */

    /* run */
    int ran_forward, ran_training, ran_backward;
    uint64_t seed, step;
};

/* Rows of a shape as bound now, or at the planned maximum. */
int64_t atti_rows_bound(const att_tape *t, att_rows rows);
int64_t atti_rows_max(const att_tape *t, att_rows rows);
size_t atti_shape_bytes_max(const att_tape *t, const atti_shape *s);

static inline int32_t atti_symbol_index(att_rows rows)
{
    return (int32_t)(-1 - rows);
}

/* Operands of node at the rows given by rows_of, without data. */
void atti_call_shapes(const att_tape *t, const atti_node *n,
                      int64_t (*rows_of)(const att_tape *, att_rows), atti_call *c);

/* Parameters bound from now on are final: products pack them at their first run forward
 * and never again (twice the memory). Call it when all is recorded. */
ATT_MUST_CHECK att_status atti_tape_keep_packed(att_tape *t);

/* Backward from the planned loss whatever its shape, with the gradient dloss (NULL: ones)
 * times scale. What att_tape_backward does after its checks; tests start here. */
ATT_MUST_CHECK att_status atti_tape_backward_from(att_tape *t, const float *dloss,
                                                  float scale, int accumulate);

#endif
