/* attend/npy.h - arrays from numpy's files: .npy, .npz, and other tables by their name.
 *
 * A .npy file is a magic, a version (1.0, 2.0, 3.0), a header that is a Python dictionary
 * with exactly the keys descr, fortran_order and shape, and the elements. It is read without
 * Python and without pickle: a file that holds Python objects is refused. A .npz file is a
 * zip of .npy members, stored or deflated (inflated here, no library needed).
 *
 *   descr   f2 f4 f8 -> F16 F32 F64   i1 i4 i8 -> I8 I32 I64   u1 -> U8   b1 -> BOOL
 *
 * in either byte order; Fortran order is turned into C order. A tensor that is got is a
 * contiguous copy that the caller deinitialises. Everything that a length says is checked
 * against the file's size before it is used; a member's size is bounded by what deflate can
 * make of its bytes, its checksum is compared.
 *
 * Common failures: ATT_EINVAL for NULL; ATT_ENOTFOUND: no such file or member; ATT_EIO;
 * ATT_EFORMAT: not what it should be, the message says what; ATT_ENOTSUP: a dtype or a zip
 * feature that is not read (the message names it); ATT_ENOMEM. *t is untouched then. */
#ifndef ATTEND_NPY_H
#define ATTEND_NPY_H

#include "attend/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

ATT_API ATT_MUST_CHECK att_status att_npy_load(att_tensor *t, const char *path);
/* The same over memory; name is for messages. */
ATT_API ATT_MUST_CHECK att_status att_npy_load_memory(att_tensor *t, const void *data,
                                                      size_t size, const char *name);
/* Version 1.0, C order, whole or not at all; any strides. ATT_ENOTSUP: BF16, which numpy has
 * not. */
ATT_API ATT_MUST_CHECK att_status att_npy_write(const char *path, const att_tensor *t);

typedef struct att_npz att_npz;
ATT_API ATT_MUST_CHECK att_status att_npz_open(att_npz **out, const char *path);
/* The same over the caller's memory, borrowed until close. */
ATT_API ATT_MUST_CHECK att_status att_npz_open_memory(att_npz **out, const void *data,
                                                      size_t size, const char *name);
ATT_API void att_npz_close(att_npz *z); /* NULL is fine */
/* Arrays in the file's order, their names without ".npy"; other members are left out. */
ATT_API int64_t att_npz_count(const att_npz *z);
ATT_API const char *att_npz_name(const att_npz *z, int64_t i); /* NULL out of range */
ATT_API int64_t att_npz_find(const att_npz *z, const char *name); /* -1: none */
ATT_API ATT_MUST_CHECK att_status att_npz_get(const att_npz *z, att_tensor *t,
                                              const char *name);

/* A table by the file's ending, any case: .npy; .npz and .safetensors (the array called name;
 * NULL: the only one); .csv .tsv .txt: rows of numbers between commas, semicolons or
 * white space, "#" begins a comment, all rows as long as the first: F32 [rows, cols]. Any
 * other ending: ATT_ENOTSUP. */
ATT_API ATT_MUST_CHECK att_status att_array_load(att_tensor *t, const char *path,
                                                 const char *name);

#ifdef __cplusplus
}
#endif
#endif
