/* generic.c - the table that runs anywhere and has every entry: the reference. */
#include "kernels/isa_tables.h"
#include "kernels/ref/ref.h"

const atti_kernels atti_kernels_ref = {
    .isa = "ref",
    .bias_act = atti_ref_bias_act,
    .bias_act_bwd = atti_ref_bias_act_bwd,
    .unary = atti_ref_unary,
};
