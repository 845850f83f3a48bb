/* ops_case.h - one operator with operands at hand: the same case is run on a tape and
 * computed by a plain double reference (ops_reference.c), or compared with a golden.
 *
 * An operator's entry names its operands and says where each lives:
 *   N, M   f32 rows of activations: inputs whose row count is a symbol ("n", "m")
 *   n, m   i32, one column, as many rows
 *   o      i32 offsets, rows "b" + 1
 *   r, f   i32 of a graph: offsets with rows "n" + 1; as many rows as there are edges
 *   P      f32 parameter of fixed rows
 *   B      P when attr[0] is nonzero, else N (a row for all, or a row each)
 *   K      N when attr[OPS_SELF] is nonzero, else M (keys of self-, of cross-attention)
 * Operators in the registry without an entry here fail the tests that walk it. */
#ifndef ATTEND_TESTS_OPS_CASE_H
#define ATTEND_TESTS_OPS_CASE_H

#include "attend/tape.h"
#include "base/rng.h"

enum { OPS_MAX_IN = 9, OPS_MAX_OUT = 2, OPS_MAX_ATTR = 12, OPS_SELF = 9 };

typedef struct ops_mat {
    int64_t rows, cols; /* cols 0: absent */
    float *f;           /* values of an operand, or dout of an output */
    int32_t *i;
    double *y; /* outputs: what is wanted */
    double *d; /* operands: the gradient that is wanted; NULL none */
} ops_mat;

typedef struct ops_case {
    const struct ops_entry *entry;
    char name[64];
    double attr[OPS_MAX_ATTR];
    ops_mat in[OPS_MAX_IN], out[OPS_MAX_OUT];
    uint64_t seed, step;
    int32_t training;
    /* How much the operator magnifies rounding of its operands (a norm divides by a
     * deviation that may be small): each row of in[0], and the most of any. NULL and 1
     * where it does not; the reference sets them. */
    double *row_amplify, amplify;
} ops_case;

typedef struct ops_entry {
    const char *op;
    const char *slot[OPS_MAX_IN + 1]; /* "x:N", in the order of in[] */
    int32_t n_out;
    /* Units of rounding, 2^-24, that a value and a gradient may be off; see ops_case.c. */
    double value_units, grad_units;
    att_status (*record)(const ops_case *c, att_tape *t, const att_var *in,
                         att_var *out);
    void (*reference)(ops_case *c); /* fills out[].y and in[].d, both allocated */
    void (*make)(ops_case *c, atti_rng *rng, int variant); /* random operands */
} ops_entry;

const ops_entry *ops_find(const char *op); /* NULL: no entry */
/* Operators with a loop over time are more than an entry can say: test_rnn_golden.c holds
 * them against PyTorch in double precision instead. */
int ops_elsewhere(const char *op);
const ops_entry *ops_at(int i); /* NULL past the end */
char ops_kind(const ops_case *c, int slot);
int ops_slots(const ops_entry *e);
const char *ops_slot_name(const ops_entry *e, int slot, char *name16);

/* ops_table.c: attributes by number are written down there. */
extern const ops_entry ops_entries[];

/* Memory of a case: zeroed; freed by ops_case_deinit. */
float *ops_floats(ops_mat *m, int64_t rows, int64_t cols);
int32_t *ops_ints(ops_mat *m, int64_t rows);
/* out[].y and .f, in[].d, for the shapes that in[] has now. */
void ops_case_results(ops_case *c);
void ops_case_deinit(ops_case *c);

/* Runs the case on a tape of its own, forward and (training) backward from out[].f,
 * and fails the test where a value or a gradient is further off than the entry allows. */
void ops_case_check(ops_case *c);

/* Dropout of element (row, col): 0 or 1 / (1 - p), as the node with this index draws it. */
double ops_drop(const ops_case *c, double p, int node, int64_t row, int64_t col);

#endif
