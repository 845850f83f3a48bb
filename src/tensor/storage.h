/* storage.h - counted memory behind tensors: heap, a mapped file, or foreign memory with
 * a deleter. Counting is atomic, so tensors that share a storage may be released by
 * different threads; the elements themselves are not guarded. */
#ifndef ATTI_STORAGE_H
#define ATTI_STORAGE_H

#include "attend/tensor.h"
#include "base/error.h"

/* A storage with one owner. deleter (may be NULL) runs with (user, data) when the last
 * owner lets go. On failure it has not run. */
ATT_MUST_CHECK att_status atti_storage_create(att_storage **out, void *data,
                                              att_deleter *deleter, void *user);
void atti_storage_retain(att_storage *s);  /* NULL is fine */
void atti_storage_release(att_storage *s); /* NULL is fine */

/* Fills *t as a contiguous tensor without touching any storage; checks as
 * att_tensor_view does, `what` names the tensor in messages. */
ATT_MUST_CHECK att_status atti_tensor_describe(att_tensor *t, att_dtype dtype,
                                               int32_t ndim, const int64_t *shape);

/* n values of any dtype at src (unaligned is fine) to f32, rounding f64 to nearest.
 * I64 and I32 too; they round where f32 cannot hold them. */
void atti_convert_to_f32(float *dst, const void *src, att_dtype dtype, int64_t n);

#endif
