/* words_build.h - encoders whose tokens are words with their characters inside; MODEL.md
 * describes them. The configuration is an atti_encoder_config of kind ATTI_WORD_ENCODER. */
#ifndef ATTI_WORDS_BUILD_H
#define ATTI_WORDS_BUILD_H

#include "models/encoder/encoder_config.h"

void atti_words_config_init(atti_encoder_config *c);
ATT_MUST_CHECK att_status atti_words_config_check(const atti_encoder_config *c);
/* transformer, window, rnn (GRU), rnn-lstm; ATT_ENOTFOUND lists them. */
ATT_MUST_CHECK att_status atti_words_set_core(atti_encoder_config *c, const char *word);
const char *atti_words_core_name(const atti_encoder_config *c);

/* For the family table. */
ATT_MUST_CHECK att_status atti_words_config_read(void **cfg, const atti_json *root,
                                                 const char *name);
ATT_MUST_CHECK att_status atti_words_config_write(const void *cfg, atti_jsonw *w);
ATT_MUST_CHECK att_status atti_words_declare(const void *cfg, atti_params *params);
ATT_MUST_CHECK att_status atti_words_build(const void *cfg, const atti_params *params,
                                           att_tape *tape,
                                           const atti_program_opts *opts,
                                           atti_program_io *io);

#endif
