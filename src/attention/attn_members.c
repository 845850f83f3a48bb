/* attn_members.c - the tables of the generic path's members. docs/kernels.md adds
 * a score step by step. */
#include "attention/attn_generic.h"

static const atti_gen_score *const scores[] = {
    [ATT_SCORE_DOT] = &atti_gen_score_dot,
    [ATT_SCORE_BILINEAR] = &atti_gen_score_bilinear,
    [ATT_SCORE_ADDITIVE] = &atti_gen_score_additive,
    [ATT_SCORE_GAT] = &atti_gen_score_gat,
    [ATT_SCORE_COSINE] = &atti_gen_score_cosine,
};

static const atti_gen_norm *const norms[] = {
    [ATT_NORM_SOFTMAX] = &atti_gen_norm_softmax,
    [ATT_NORM_RELU] = &atti_gen_norm_relu,
    [ATT_NORM_RELU_ROW] = &atti_gen_norm_relu_row,
    [ATT_NORM_HARD_ARGMAX] = &atti_gen_norm_argmax,
    [ATT_NORM_HARD_SAMPLE] = &atti_gen_norm_sample,
    [ATT_NORM_SPARSEMAX] = &atti_gen_norm_sparsemax,
};

_Static_assert(sizeof scores / sizeof *scores == ATTI_ATTN_SCORES,
               "functions for every score");
_Static_assert(sizeof norms / sizeof *norms == ATTI_ATTN_NORMS,
               "functions for every normaliser");

const atti_gen_score *atti_gen_score_of(int32_t score)
{
    return scores[score];
}
const atti_gen_norm *atti_gen_norm_of(int32_t normalise)
{
    return norms[normalise];
}
