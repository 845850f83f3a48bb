/* op_registry.c - every operator there is. tests/grad walks it: one without a gradcheck
 * sample fails the suite. */
#include "autograd/op.h"

/* clang-format 14 never settles on calls without semicolons. */
/* clang-format off */
#define OPERATORS(X)                                                                   \
    X(linear)                                                                          \
    X(add_norm)                                                                        \
    X(add_norm_both)                                                                   \
    X(embed)                                                                           \
    X(attention)                                                                       \
    X(vocab_loss)                                                                      \
    X(add)                                                                             \
    X(mul)                                                                             \
    X(scale)                                                                           \
    X(activation)                                                                      \
    X(dropout)                                                                         \
    X(glu)                                                                             \
    X(matmul)                                                                          \
    X(softmax)                                                                         \
    X(concat)                                                                          \
    X(slice_cols)                                                                      \
    X(gather_rows)                                                                     \
    X(pool)                                                                            \
    X(pool_softmax)                                                                    \
    X(rnn)                                                                             \
    X(rnn_attend)                                                                      \
    X(cross_entropy)                                                                   \
    X(squared_error)                                                                   \
    X(sigmoid_loss)
/* clang-format on */

#define DECLARE(name) extern const atti_op atti_op_##name;
#define POINTER(name) &atti_op_##name,

/* clang-format off */
OPERATORS(DECLARE)
static const atti_op *const all[] = {OPERATORS(POINTER) NULL};
/* clang-format on */

const atti_op *atti_op_at(int i)
{
    return i >= 0 && i < (int)(sizeof all / sizeof all[0]) ? all[i] : NULL;
}
