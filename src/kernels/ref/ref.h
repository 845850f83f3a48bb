/* ref.h - the reference kernels: plain C, sums in double, never tuned. They are the
 * oracle that every other set is tested against, and the fallback where a set has no
 * kernel of its own. What each computes is said in kernels.h. */
#ifndef ATTI_REF_H
#define ATTI_REF_H

#include "kernels/kernels.h"

/* One value of an activation, and its derivative at x. */
double atti_ref_act(atti_act act, double x);
double atti_ref_act_slope(atti_act act, double x);

atti_bias_act_fn atti_ref_bias_act;
atti_bias_act_bwd_fn atti_ref_bias_act_bwd;
atti_add_norm_fn atti_ref_add_norm;
atti_add_norm_bwd_fn atti_ref_add_norm_bwd;
atti_col_sum_fn atti_ref_col_sum;
atti_softmax_xent_fn atti_ref_softmax_xent;
atti_softmax_fn atti_ref_softmax;
atti_softmax_fn atti_ref_log_softmax;
atti_logsumexp_fn atti_ref_logsumexp;
atti_scale_fn atti_ref_scale;
atti_mul_fn atti_ref_mul;
atti_glu_fn atti_ref_glu;
atti_glu_bwd_fn atti_ref_glu_bwd;
atti_embed_fn atti_ref_embed;
atti_unary_fn atti_ref_unary;
atti_sum_squares_fn atti_ref_sum_squares;
atti_all_finite_fn atti_ref_all_finite;
atti_adam_fn atti_ref_adam;
atti_f32_to_half_fn atti_ref_f32_to_bf16;
atti_half_to_f32_fn atti_ref_bf16_to_f32;
atti_f32_to_half_fn atti_ref_f32_to_f16;
atti_half_to_f32_fn atti_ref_f16_to_f32;
extern const struct atti_gemm_kernels atti_ref_gemm;
extern const struct atti_rnn_kernels atti_ref_rnn;

#endif
