/* encoder_build.h - parameters and program of BERT-style encoders and their heads;
 * MODEL.md describes both. */
#ifndef ATTI_ENCODER_BUILD_H
#define ATTI_ENCODER_BUILD_H

#include "models/encoder/encoder_config.h"
#include "models/family.h"

/* For the family table. */
ATT_MUST_CHECK att_status atti_encoder_declare(const void *cfg, atti_params *params);
ATT_MUST_CHECK att_status atti_encoder_build(const void *cfg, const atti_params *params,
                                             att_tape *tape,
                                             const atti_program_opts *opts,
                                             atti_program_io *io);

#endif
