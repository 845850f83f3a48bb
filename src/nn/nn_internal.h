/* nn_internal.h - what layers share: parameters by name, joined projections, and the parts of
 * a block that a model records by itself. */
#ifndef ATTI_NN_INTERNAL_H
#define ATTI_NN_INTERNAL_H

#include "attend/nn.h"
#include "base/compiler.h"
#include "base/error.h"

enum { ATTI_NN_NAME = 256, ATTI_NN_GIVEN = 4 /* one more att_nn_first */ };

typedef struct atti_nn_name {
    char s[ATTI_NN_NAME];
} atti_nn_name;

/* A parameter of its own: one piece of a value on the tape. */
typedef struct atti_nn_entry {
    char *name;
    int64_t rows, cols;
    int32_t first;
    float *given;   /* [rows, cols], ATTI_NN_GIVEN */
    att_var var;    /* on the tape; joined pieces share one */
    int32_t starts; /* nonzero: the first piece of its value */
    size_t at;      /* floats from the start of the buffer */
} atti_nn_entry;

struct att_nn {
    att_tape *tape;
    att_nn_source source; /* get NULL and own: parameters live here */
    int32_t own;
    atti_nn_entry *entry;
    size_t n, cap, floats;
    float *value, *grad, *m, *v; /* [floats]; NULL before start, or without training */
    int64_t steps;
};

/* printf into a name; ATT_EINVAL when it is too long. */
ATT_MUST_CHECK att_status atti_nn_print(atti_nn_name *out, const char *fmt, ...)
    ATTI_PRINTF(2, 3);
/* prefix with "#" replaced by text. */
ATT_MUST_CHECK att_status atti_nn_numbered(atti_nn_name *out, const char *prefix,
                                           const char *number);
ATT_MUST_CHECK att_status atti_nn_check(const att_nn *nn, const void *out,
                                        const void *opts, uint32_t size, size_t want,
                                        const char *what);
/* What names says, or the defaults. */
ATT_MUST_CHECK att_status atti_nn_names(att_nn_names *out, const att_nn_names *names);

/* One parameter; shared when the tape has it. given: ATTI_NN_GIVEN's values, copied. */
ATT_MUST_CHECK att_status atti_nn_get(att_nn *nn, att_var *out, const char *name,
                                      int64_t rows, int64_t cols, int32_t first,
                                      const float *given);

/* Matrices over one input that may be one product. */
typedef struct atti_nn_join {
    const atti_nn_name *name; /* [n] without suffix */
    const int64_t *rows;      /* [n] */
    int32_t n;
    const char *braces; /* all of them as one name, without suffix */
} atti_nn_join;
/* y = x W^T + b with all of them; *y = ATT_NO_VAR where they are no neighbours. */
ATT_MUST_CHECK att_status atti_nn_project(att_nn *nn, att_var *y, att_var x,
                                          const atti_nn_join *j,
                                          const att_nn_names *names, int32_t bias);
/* "{q,k,v}_proj" of q_proj, k_proj and v_proj behind a prefix. */
ATT_MUST_CHECK att_status atti_nn_braces(atti_nn_name *out, const char *prefix,
                                         const char *const *piece, int32_t n);

/* att_nn_attention and att_nn_feed_forward; with bias not NULL the last product leaves its bias
 * to the caller (ATT_NO_VAR: it has none), for att_op_add_norm to add. */
ATT_MUST_CHECK att_status atti_nn_attention(att_nn *nn, att_var *y, att_var *bias,
                                            att_var x, att_var memory,
                                            const att_nn_attention_opts *o);
ATT_MUST_CHECK att_status atti_nn_feed_forward(att_nn *nn, att_var *y, att_var *bias,
                                               att_var x, const att_nn_ffn_opts *o);
/* y = x W^T [+ b]; bias as above. */
ATT_MUST_CHECK att_status atti_nn_last(att_nn *nn, att_var *y, att_var *bias, att_var x,
                                       const char *name, const att_nn_names *names,
                                       int64_t out, int32_t has_bias);

#endif
