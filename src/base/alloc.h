/* alloc.h - all heap memory of the library goes through here: 64-byte aligned, counted,
 * overflow-checked, and failable by tests. */
#ifndef ATTI_ALLOC_H
#define ATTI_ALLOC_H

#include "base/error.h"

/* *out = count * size zeroed bytes. count*size == 0 gives a valid non-NULL pointer.
 * ATT_ENOMEM names `what` and the bytes asked for. Free with atti_free. */
ATT_MUST_CHECK att_status atti_alloc(void *out_ptr, size_t count, size_t size,
                                     const char *what);
/* Like atti_alloc, contents not zeroed: for large buffers written before they are read. */
ATT_MUST_CHECK att_status atti_alloc_raw(void *out_ptr, size_t count, size_t size,
                                         const char *what);
/* Grows *ptr (may hold NULL) from old_count to new_count elements; new part zeroed. */
ATT_MUST_CHECK att_status atti_realloc(void *inout_ptr, size_t old_count,
                                       size_t new_count, size_t size, const char *what);
/* Makes room for `need` elements by doubling; *cap is updated. */
ATT_MUST_CHECK att_status atti_grow(void *inout_ptr, size_t *cap, size_t need,
                                    size_t size, const char *what);
ATT_MUST_CHECK att_status atti_strdup(char **out, const char *s);
void atti_free(void *p); /* NULL is fine */

/* Bytes alive and the highest they ever were, and how many allocations were made. */
size_t atti_alloc_live(void);
size_t atti_alloc_peak(void);
uint64_t atti_alloc_calls(void);

/* Tests: the n-th allocation from now fails (1 = the next); 0 = never. */
void atti_alloc_fail_at(uint64_t n);

#endif
