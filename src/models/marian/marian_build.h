/* marian_build.h - the Transformer encoder-decoder's parameters and its program for training
 * and evaluation. MODEL.md describes both; decode/ runs the same model a token at a time. */
#ifndef ATTI_MARIAN_BUILD_H
#define ATTI_MARIAN_BUILD_H

#include "models/family.h"
#include "models/marian/marian_config.h"

/* Sizes of tables that the configuration does not name. */
enum {
    ATTI_MARIAN_SHAW_CLIP = 16,  /* rel_k, rel_v: [2 * 16 + 1, D] a layer */
    ATTI_MARIAN_T5_BUCKETS = 32, /* relative_attention_bias: [32, H] a stack */
    ATTI_MARIAN_T5_DISTANCE = 128
};

/* For the family table. */
ATT_MUST_CHECK att_status atti_marian_declare(const void *cfg, atti_params *params);
ATT_MUST_CHECK att_status atti_marian_build(const void *cfg, const atti_params *params,
                                            att_tape *tape,
                                            const atti_program_opts *opts,
                                            atti_program_io *io);

#endif
