/* tape_place.h - buffers with lives and sizes, and where each lies in one arena. */
#ifndef ATTI_TAPE_PLACE_H
#define ATTI_TAPE_PLACE_H

#include "base/error.h"

/* Alive from birth to death, both included; two buffers may share bytes if their lives
 * do not meet. */
typedef struct atti_plan_buffer {
    int32_t birth, death;
    int32_t root; /* itself, or the buffer whose memory it takes over */
    int32_t is_grad;
    size_t bytes, at;
} atti_plan_buffer;

/* Sets `at` of every root, largest first, each into the tightest gap; *total = bytes of
 * the arena. */
ATT_MUST_CHECK att_status atti_plan_place(atti_plan_buffer *buf, size_t n,
                                          size_t *total);
/* The most bytes of one kind that are alive at any one time. */
size_t atti_plan_most_alive(const atti_plan_buffer *buf, size_t n, int is_grad);

#endif
