/* rnn_build.h - the recurrent encoder-decoder as parameters and as a program. */
#ifndef ATTI_RNN_BUILD_H
#define ATTI_RNN_BUILD_H

#include "models/family.h"
#include "models/program.h"
#include "models/rnn/rnn_config.h"

ATT_MUST_CHECK att_status atti_rnn_declare(const void *cfg, atti_params *params);
ATT_MUST_CHECK att_status atti_rnn_build(const void *cfg, const atti_params *params,
                                         att_tape *tape, const atti_program_opts *opts,
                                         atti_program_io *io);

/* What the decoder needs of a source. keys: ATT_NO_VAR without attention, and memory itself
 * for dot scores. */
typedef struct atti_rnn_source {
    att_var memory; /* [src_rows, 2 He] */
    att_var keys;   /* [src_rows, A] */
    att_var first;  /* [seqs, state]: the decoder's first state */
} atti_rnn_source;
/* The encoder over io's source rows: the program's first half; sessions use it alone. */
void atti_rnn_encoder(atti_prog *b, const atti_rnn_config *c, const atti_program_io *io,
                      atti_rnn_source *out);

#endif
