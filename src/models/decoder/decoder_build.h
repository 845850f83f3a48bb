/* decoder_build.h - parameters and program of decoder-only language models; MODEL.md
 * describes both. decode/lm_*.c run the same model a token at a time. */
#ifndef ATTI_DECODER_BUILD_H
#define ATTI_DECODER_BUILD_H

#include "models/decoder/decoder_config.h"
#include "models/family.h"

/* For the family table. */
ATT_MUST_CHECK att_status atti_decoder_declare(const void *cfg, atti_params *params);
ATT_MUST_CHECK att_status atti_decoder_build(const void *cfg, const atti_params *params,
                                             att_tape *tape,
                                             const atti_program_opts *opts,
                                             atti_program_io *io);

#endif
