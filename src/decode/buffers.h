/* buffers.h - a session's memory. */
#ifndef ATTI_DECODE_BUFFERS_H
#define ATTI_DECODE_BUFFERS_H

#include "decode/session_internal.h"

typedef struct atti_needs {
    int64_t batch;        /* sentences at once */
    int64_t t_cap, s_cap; /* longest target and source */
    int64_t wave_rows;    /* tokens of the largest wave */
    int64_t source_slots; /* source tokens in work and waiting */
} atti_needs;

/* Makes room, keeping what is large enough. On failure the session is empty but usable. */
ATT_MUST_CHECK att_status atti_buffers_fit(att_session *s, const atti_needs *need);
void atti_buffers_free(att_session *s);
/* Before a decoder step of up to `steps` tokens: its positions and page tables are there. */
void atti_buffers_reach(att_session *s, int64_t steps);

#endif
