/* arena.c - bump allocation inside one block. */
#include "base/arena.h"

#include "base/checked.h"

#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifdef ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 64 };

att_status atti_arena_init(atti_arena *a, size_t bytes, const char *what)
{
    unsigned char *base;
    ATTI_TRY(atti_alloc_raw(&base, bytes, 1, what));
    *a = (atti_arena){.base = base, .size = bytes};
    POISON(base, bytes);
    return ATT_OK;
}

void atti_arena_deinit(atti_arena *a)
{
    if (a->base) UNPOISON(a->base, a->size);
    atti_free(a->base);
    *a = (atti_arena){0};
}

att_status atti_arena_take(atti_arena *a, void *out_ptr, size_t bytes)
{
    /* used is always a multiple of ALIGN, or size itself when the last piece ends
     * there: both leave `size - used` exact. */
    if (bytes > a->size - a->used) {
        return atti_fail(ATT_ENOMEM,
                         "arena is full: %zu bytes asked for, %zu of %zu left", bytes,
                         a->size - a->used, a->size);
    }
    void *p = a->base + a->used;
    UNPOISON(p, bytes);
    size_t padded = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (padded < bytes || padded > a->size - a->used) padded = a->size - a->used;
    a->used += padded;
    if (a->used > a->high) a->high = a->used;
    memcpy(out_ptr, &p, sizeof p);
    return ATT_OK;
}

size_t atti_arena_mark(const atti_arena *a)
{
    return a->used;
}

void atti_arena_reset(atti_arena *a, size_t mark)
{
    ATT_ASSERT(mark <= a->used);
    POISON(a->base + mark, a->size - mark);
    a->used = mark;
}
