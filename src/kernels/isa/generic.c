/* generic.c - the table that runs anywhere and has every entry: the reference. */
#include "kernels/isa_tables.h"
#include "kernels/ref/ref.h"

const atti_kernels atti_kernels_ref = {
    .isa = "ref",
    .bias_act = atti_ref_bias_act,
    .bias_act_bwd = atti_ref_bias_act_bwd,
    .add_norm = atti_ref_add_norm,
    .add_norm_bwd = atti_ref_add_norm_bwd,
    .col_sum = atti_ref_col_sum,
    .softmax_xent = atti_ref_softmax_xent,
    .softmax = atti_ref_softmax,
    .log_softmax = atti_ref_log_softmax,
    .logsumexp = atti_ref_logsumexp,
    .scale = atti_ref_scale,
    .mul = atti_ref_mul,
    .glu = atti_ref_glu,
    .glu_bwd = atti_ref_glu_bwd,
    .embed = atti_ref_embed,
    .unary = atti_ref_unary,
    .sum_squares = atti_ref_sum_squares,
    .all_finite = atti_ref_all_finite,
    .adam = atti_ref_adam,
    .f32_to_bf16 = atti_ref_f32_to_bf16,
    .bf16_to_f32 = atti_ref_bf16_to_f32,
    .f32_to_f16 = atti_ref_f32_to_f16,
    .f16_to_f32 = atti_ref_f16_to_f32,
    .mm = &atti_ref_gemm,
    .rnn = &atti_ref_rnn,
};
