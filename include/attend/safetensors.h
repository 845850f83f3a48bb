/* attend/safetensors.h - the container that weights live in: named arrays in one file.
 *
 * A file is an 8-byte little-endian header length, a JSON header and the bytes of the
 * tensors. Everything is checked when the file is opened: lengths against the file's
 * size, UTF-8 and JSON, duplicate names, every shape against its byte range, and that
 * the ranges cover the file without a hole, an overlap or a rest. After that reading
 * cannot fail for reasons of format. The file is mapped where the system allows it and
 * must not be modified while it is open (ATTEND_NO_MMAP=1 reads it into memory).
 *
 * A directory of shards is opened by its index (model.safetensors.index.json) and looks
 * like one file. What people hand over instead of a safetensors file (a Git LFS pointer, a
 * PyTorch pickle or zip, GGUF, an HTML page, an interrupted download) is named as such. */
#ifndef ATTEND_SAFETENSORS_H
#define ATTEND_SAFETENSORS_H

#include "attend/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_safetensors att_safetensors;

/* path: a .safetensors file, or an index whose name ends in .json; the shards lie beside
 * it. ATT_EIO: cannot be read. ATT_EFORMAT: not what it should be, the message says what
 * it is. ATT_ENOTFOUND: no such file. Immutable and shareable between threads. */
ATT_API ATT_MUST_CHECK att_status att_safetensors_open(att_safetensors **out,
                                                       const char *path);
/* The same over the caller's memory, borrowed until close and until the last tensor
 * that came from it is gone; name is for messages. */
ATT_API ATT_MUST_CHECK att_status att_safetensors_open_memory(att_safetensors **out,
                                                              const void *data,
                                                              size_t size,
                                                              const char *name);
/* NULL is fine. Tensors that were got stay valid. */
ATT_API void att_safetensors_close(att_safetensors *f);

/* One tensor as the header describes it; strings and shape are borrowed from f. */
typedef struct att_safetensors_entry {
    const char *name;
    const char *dtype;    /* as written: "F32", "BF16", "F8_E4M3", ... */
    int32_t att_dtype;    /* the att_dtype, or -1 where this library has none */
    int32_t ndim;         /* may exceed ATT_MAX_DIMS; such a tensor cannot be got */
    const int64_t *shape; /* [ndim] */
    size_t bytes;
    const char *file; /* which file holds it: a shard's name, or what was opened */
} att_safetensors_entry;

ATT_API int64_t att_safetensors_count(const att_safetensors *f);
/* Tensors in the order of the names. ATT_EINVAL: i out of range. */
ATT_API ATT_MUST_CHECK att_status att_safetensors_entry_at(
    const att_safetensors *f, int64_t i, att_safetensors_entry *entry);
/* The index of a name, -1 when absent. */
ATT_API int64_t att_safetensors_find(const att_safetensors *f, const char *name);
/* A tensor over the file's bytes (copied where they are not aligned for the dtype), to
 * be deinitialised; it keeps the file mapped by itself and must not be written to
 * (a mapping is read-only memory). ATT_ENOTFOUND; ATT_ENOTSUP: a
 * dtype or number of dims that att_tensor does not hold; ATT_ENOMEM. */
ATT_API ATT_MUST_CHECK att_status att_safetensors_get(const att_safetensors *f,
                                                      att_tensor *t, const char *name);

/* The header's string-to-string metadata: "format" -> "pt". Of an index: its first
 * shard's. NULL when absent or out of range. */
ATT_API int64_t att_safetensors_metadata_count(const att_safetensors *f);
ATT_API const char *att_safetensors_metadata_key(const att_safetensors *f, int64_t i);
ATT_API const char *att_safetensors_metadata(const att_safetensors *f, const char *key);

/* Writes n tensors (any strides) under n names into path: whole or not at all. Order and
 * padding are those of the reference writer: falling alignment of the dtype, then
 * name, bytes from a multiple of 8. metadata: n_metadata pairs {key, value}; "format":
 * "pt" is added where the caller gives no "format", since some loaders refuse a file
 * without it. Same input, same bytes.
 * ATT_EINVAL: NULL operands, a duplicate name, a name or text that is not UTF-8, or the
 * name __metadata__; ATT_EIO: cannot be written (a full disk), the old file is intact. */
ATT_API ATT_MUST_CHECK att_status att_safetensors_write(
    const char *path, const char *const *names, const att_tensor *tensors, int64_t n,
    const char *const (*metadata)[2], int64_t n_metadata);

#ifdef __cplusplus
}
#endif
#endif
