/* arena.h - bump memory with one owner. Two kinds live in this program: a model arena
 * (until destroy) and a step arena (reset after each step or token). */
#ifndef ATTI_ARENA_H
#define ATTI_ARENA_H

#include "base/alloc.h"

typedef struct atti_arena {
    unsigned char *base;
    size_t size;
    size_t used;
    size_t high; /* the most that was ever used */
} atti_arena;

ATT_MUST_CHECK att_status atti_arena_init(atti_arena *a, size_t bytes,
                                          const char *what);
void atti_arena_deinit(atti_arena *a);
/* 64-byte aligned, not zeroed; ATT_ENOMEM with both numbers when it does not fit. */
ATT_MUST_CHECK att_status atti_arena_take(atti_arena *a, void *out_ptr, size_t bytes);
size_t atti_arena_mark(const atti_arena *a);
/* Everything taken after the mark is gone; poisoned under AddressSanitizer. */
void atti_arena_reset(atti_arena *a, size_t mark);

#endif
