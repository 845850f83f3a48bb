/* rnn_engine.h - recurrent encoder-decoders in sessions. To search, slots and pages they look
 * like a decoder of one layer: where that has keys and values of a token, a slot here holds
 * the state after it (h, LSTM's c, what was fed), so that a beam is reordered by its page
 * table all the same; and a source token's slot holds its key, its memory and, in a
 * sentence's first, the decoder's first state. */
#ifndef ATTI_RNN_ENGINE_H
#define ATTI_RNN_ENGINE_H

#include "decode/engine.h"
#include "models/rnn/rnn_config.h"

typedef struct atti_rnn_engine {
    const atti_rnn_config *c;
    atti_marian_config shape; /* what the session sizes its memory by */
    atti_dense query, ih, feed, hh, readout;
    const float *v; /* additive's [A] */
    int64_t memory, key, state, fed, gates;
} atti_rnn_engine;

struct att_session;
struct atti_rnn_wave; /* a session's encoder: a tape */

/* Fills e, which is zeroed but for this. */
ATT_MUST_CHECK att_status atti_rnn_engine_create(atti_engine *e, const att_model *m);
void atti_rnn_engine_destroy(atti_engine *e);

/* The encoder over the session's gathered source rows, into their slots. */
ATT_MUST_CHECK att_status atti_rnn_encode(struct att_session *s, int64_t rows,
                                          int64_t n);
void atti_rnn_wave_destroy(struct atti_rnn_wave *w); /* NULL is fine */
/* As atti_step_run. */
ATT_MUST_CHECK att_status atti_rnn_step(struct att_session *s, int64_t rows);

#endif
