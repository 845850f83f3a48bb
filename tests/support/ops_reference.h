/* ops_reference.h - every operator in plain double loops, forward and backward, written
 * from the formulas of attend/tape.h and sharing nothing with the library but the bits
 * of dropout. Each fills out[].y from in[], and in[].d from out[].f (dout). */
#ifndef ATTEND_TESTS_OPS_REFERENCE_H
#define ATTEND_TESTS_OPS_REFERENCE_H

#include "ops_case.h"

typedef void ops_reference_fn(ops_case *c);
ops_reference_fn ops_ref_linear, ops_ref_add_norm, ops_ref_embed, ops_ref_attention,
    ops_ref_vocab_loss, ops_ref_add, ops_ref_mul, ops_ref_scale, ops_ref_activation,
    ops_ref_dropout, ops_ref_glu, ops_ref_matmul, ops_ref_softmax, ops_ref_concat,
    ops_ref_slice_cols, ops_ref_gather_rows, ops_ref_pool, ops_ref_cross_entropy,
    ops_ref_squared_error, ops_ref_sigmoid_loss, ops_ref_pool_softmax;

#endif
