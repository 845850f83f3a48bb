/* attend/tensor.h - n-dimensional arrays: views with strides over shared storage.
 *
 * An att_tensor is a small value: where the first element lies, the dtype, the shape
 * and the strides. It either borrows its memory (storage == NULL: the caller keeps
 * the memory alive) or shares a counted storage (heap, mapped file, foreign memory
 * with a deleter). Row-major by default; strides count elements and may be 0 or
 * negative. Dimensions are int64_t, bytes are size_t. */
#ifndef ATTEND_TENSOR_H
#define ATTEND_TENSOR_H

#include "attend/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum att_dtype {
    ATT_F32 = 0,
    ATT_BF16 = 1,
    ATT_F16 = 2,
    ATT_F64 = 3,
    ATT_I32 = 4,
    ATT_I64 = 5,
    ATT_I8 = 6,
    ATT_U8 = 7,
    ATT_BOOL = 8
} att_dtype;

#define ATT_MAX_DIMS 6

typedef struct att_storage att_storage;

typedef struct att_tensor {
    void *data;           /* element [0,0,...]; NULL only when there are no elements */
    att_storage *storage; /* what keeps data alive; NULL = the caller does */
    int32_t dtype;        /* an att_dtype */
    int32_t ndim;         /* 0 (a scalar) .. ATT_MAX_DIMS */
    int64_t shape[ATT_MAX_DIMS];
    int64_t stride[ATT_MAX_DIMS]; /* in elements */
} att_tensor;

/* "F32", "BF16", ... as safetensors writes them; "?" for an unknown number. */
ATT_API const char *att_dtype_name(att_dtype dtype);
/* Bytes of one element; 0 for an unknown number. */
ATT_API size_t att_dtype_size(att_dtype dtype);

/* A contiguous borrowed view of the caller's memory. No ownership moves.
 * ATT_EINVAL: ndim or a dim out of range, unknown dtype, data NULL with elements;
 * ATT_ESHAPE: the product of dims passes 2^63 bytes. On failure *t is untouched. */
ATT_API ATT_MUST_CHECK att_status att_tensor_view(att_tensor *t, void *data,
                                                  att_dtype dtype, int32_t ndim,
                                                  const int64_t *shape);
/* The same over new zeroed memory that the tensor shares (64-byte aligned). */
ATT_API ATT_MUST_CHECK att_status att_tensor_alloc(att_tensor *t, att_dtype dtype,
                                                   int32_t ndim, const int64_t *shape);
/* The same over foreign memory: deleter(user, data) runs when the last tensor that
 * shares it is deinitialised. On failure the deleter is not run. */
typedef void att_deleter(void *user, void *data);
ATT_API ATT_MUST_CHECK att_status att_tensor_foreign(att_tensor *t, void *data,
                                                     att_dtype dtype, int32_t ndim,
                                                     const int64_t *shape,
                                                     att_deleter *deleter, void *user);
/* Another tensor over the same elements; counts the storage up. dst is written, not
 * released first. */
ATT_API void att_tensor_retain(att_tensor *dst, const att_tensor *src);
/* Gives the storage back and zeroes *t; NULL and an all-zero tensor are fine. */
ATT_API void att_tensor_deinit(att_tensor *t);

ATT_API int64_t att_tensor_count(const att_tensor *t);
ATT_API int32_t att_tensor_contiguous(const att_tensor *t);

/* Views that share src's storage; dst is initialised and must be deinitialised.
 * dst == src is not allowed. */
ATT_API ATT_MUST_CHECK att_status att_tensor_slice(att_tensor *dst,
                                                   const att_tensor *src, int32_t dim,
                                                   int64_t begin, int64_t end);
ATT_API ATT_MUST_CHECK att_status att_tensor_permute(att_tensor *dst,
                                                     const att_tensor *src,
                                                     const int32_t *order);
/* One dim may be -1 (worked out). ATT_ENOTSUP where strides do not allow a view. */
ATT_API ATT_MUST_CHECK att_status att_tensor_reshape(att_tensor *dst,
                                                     const att_tensor *src,
                                                     int32_t ndim,
                                                     const int64_t *shape);

/* dst and src have the same shape and any strides; values are converted to dst's
 * dtype: floats round to nearest even, NaN stays NaN, floats to integers truncate
 * and saturate. The two may not overlap unless identical. */
ATT_API ATT_MUST_CHECK att_status att_tensor_copy(att_tensor *dst,
                                                  const att_tensor *src);

#ifdef __cplusplus
}
#endif
#endif
