/* tensor.c - making, sharing and viewing tensors. No arithmetic; values are converted in
 * tensor_convert.c. The one thing to know: views never copy, and whoever initialises a
 * tensor deinitialises it, also a view. */
#include "attend/tensor.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "tensor/storage.h"
#include <stdbool.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [ATT_F32] = {"F32", 4}, [ATT_BF16] = {"BF16", 2}, [ATT_F16] = {"F16", 2},
    [ATT_F64] = {"F64", 8}, [ATT_I32] = {"I32", 4},   [ATT_I64] = {"I64", 8},
    [ATT_I8] = {"I8", 1},   [ATT_U8] = {"U8", 1},     [ATT_BOOL] = {"BOOL", 1},
};
#define N_DTYPES ((int)(sizeof dtypes / sizeof dtypes[0]))

const char *att_dtype_name(att_dtype dtype)
{
    int d = (int)dtype;
    return d >= 0 && d < N_DTYPES ? dtypes[d].name : "?";
}

size_t att_dtype_size(att_dtype dtype)
{
    int d = (int)dtype;
    return d >= 0 && d < N_DTYPES ? dtypes[d].size : 0;
}

/* Strides of a row-major array and its number of elements. A dim of 0 makes the product
 * 0, but the other dims must still be representable: their strides are. */
static att_status set_strides(att_tensor *t, int64_t *count)
{
    int64_t stride = 1, n = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        t->stride[i] = stride;
        if (!atti_mul_i64(&stride, stride, t->shape[i] ? t->shape[i] : 1)) {
            return atti_fail(ATT_ESHAPE, "tensor: the product of %d dims overflows",
                             (int)t->ndim);
        }
        n = t->shape[i] ? n : 0;
    }
    int64_t bytes = 0;
    if (!atti_mul_i64(&bytes, stride, (int64_t)att_dtype_size((att_dtype)t->dtype))) {
        return atti_fail(ATT_ESHAPE, "tensor: %lld elements of %s overflow",
                         (long long)stride, att_dtype_name((att_dtype)t->dtype));
    }
    *count = n ? stride : 0;
    return ATT_OK;
}

att_status atti_tensor_describe(att_tensor *t, att_dtype dtype, int32_t ndim,
                                const int64_t *shape)
{
    att_tensor x;
    int64_t count = 0;
    memset(&x, 0, sizeof x);
    if (att_dtype_size(dtype) == 0) {
        return atti_fail(ATT_EINVAL, "tensor: unknown dtype %d", (int)dtype);
    }
    if (ndim < 0 || ndim > ATT_MAX_DIMS) {
        return atti_fail(ATT_EINVAL, "tensor: %d dims, expected 0..%d", (int)ndim,
                         ATT_MAX_DIMS);
    }
    if (ndim > 0 && !shape) return atti_fail(ATT_EINVAL, "tensor: shape is NULL");
    x.dtype = (int32_t)dtype;
    x.ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0) {
            return atti_fail(ATT_EINVAL, "tensor: dim %d is %lld", i,
                             (long long)shape[i]);
        }
        x.shape[i] = shape[i];
    }
    ATTI_TRY(set_strides(&x, &count));
    *t = x;
    return ATT_OK;
}

att_status att_tensor_view(att_tensor *t, void *data, att_dtype dtype, int32_t ndim,
                           const int64_t *shape)
{
    att_tensor x;
    if (!t) return atti_fail(ATT_EINVAL, "att_tensor_view: t is NULL");
    ATTI_TRY(atti_tensor_describe(&x, dtype, ndim, shape));
    if (!data && att_tensor_count(&x) > 0) {
        return atti_fail(ATT_EINVAL, "tensor: data is NULL for %lld elements",
                         (long long)att_tensor_count(&x));
    }
    x.data = data;
    *t = x;
    return ATT_OK;
}

att_status att_tensor_foreign(att_tensor *t, void *data, att_dtype dtype, int32_t ndim,
                              const int64_t *shape, att_deleter *deleter, void *user)
{
    att_tensor x;
    if (!t) return atti_fail(ATT_EINVAL, "att_tensor_foreign: t is NULL");
    ATTI_TRY(att_tensor_view(&x, data, dtype, ndim, shape));
    ATTI_TRY(atti_storage_create(&x.storage, data, deleter, user));
    *t = x;
    return ATT_OK;
}

static void free_heap(void *user, void *data)
{
    (void)user;
    atti_free(data);
}

att_status att_tensor_alloc(att_tensor *t, att_dtype dtype, int32_t ndim,
                            const int64_t *shape)
{
    att_tensor x;
    void *data = NULL;
    if (!t) return atti_fail(ATT_EINVAL, "att_tensor_alloc: t is NULL");
    ATTI_TRY(atti_tensor_describe(&x, dtype, ndim, shape));
    ATTI_TRY(atti_alloc(&data, (size_t)att_tensor_count(&x), att_dtype_size(dtype),
                        "tensor"));
    att_status st = atti_storage_create(&x.storage, data, free_heap, NULL);
    if (st != ATT_OK) {
        atti_free(data);
        return st;
    }
    x.data = data;
    *t = x;
    return ATT_OK;
}

void att_tensor_retain(att_tensor *dst, const att_tensor *src)
{
    if (!dst || !src) return;
    atti_storage_retain(src->storage);
    *dst = *src;
}

void att_tensor_deinit(att_tensor *t)
{
    if (!t) return;
    att_storage *s = t->storage;
    memset(t, 0, sizeof *t);
    atti_storage_release(s);
}

int64_t att_tensor_count(const att_tensor *t)
{
    if (!t || t->ndim < 0 || t->ndim > ATT_MAX_DIMS) return 0;
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++) n *= t->shape[i];
    return n;
}

int32_t att_tensor_contiguous(const att_tensor *t)
{
    if (!t || t->ndim < 0 || t->ndim > ATT_MAX_DIMS) return 0;
    int64_t stride = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] == 0) return 1;
        /* The stride of a dim of one element is never used. */
        if (t->shape[i] != 1 && t->stride[i] != stride) return 0;
        stride *= t->shape[i];
    }
    return 1;
}

static void *element(const att_tensor *t, int64_t offset)
{
    if (!t->data) return NULL;
    return (char *)t->data + offset * (int64_t)att_dtype_size((att_dtype)t->dtype);
}

static att_status view_args(const char *fn, const att_tensor *dst,
                            const att_tensor *src)
{
    if (!dst || !src) return atti_fail(ATT_EINVAL, "%s: an operand is NULL", fn);
    if (dst == src) return atti_fail(ATT_EINVAL, "%s: dst is src", fn);
    return ATT_OK;
}

att_status att_tensor_slice(att_tensor *dst, const att_tensor *src, int32_t dim,
                            int64_t begin, int64_t end)
{
    ATTI_TRY(view_args("att_tensor_slice", dst, src));
    if (dim < 0 || dim >= src->ndim) {
        return atti_fail(ATT_EINVAL, "att_tensor_slice: dim %d of %d", (int)dim,
                         (int)src->ndim);
    }
    if (begin < 0 || end < begin || end > src->shape[dim]) {
        return atti_fail(
            ATT_EINVAL, "att_tensor_slice: [%lld,%lld) of dim %d with %lld",
            (long long)begin, (long long)end, (int)dim, (long long)src->shape[dim]);
    }
    att_tensor_retain(dst, src);
    dst->shape[dim] = end - begin;
    dst->data = element(src, begin * src->stride[dim]);
    return ATT_OK;
}

att_status att_tensor_permute(att_tensor *dst, const att_tensor *src,
                              const int32_t *order)
{
    ATTI_TRY(view_args("att_tensor_permute", dst, src));
    if (src->ndim > 0 && !order) {
        return atti_fail(ATT_EINVAL, "att_tensor_permute: order is NULL");
    }
    unsigned seen = 0;
    for (int i = 0; i < src->ndim; i++) {
        if (order[i] < 0 || order[i] >= src->ndim || (seen >> order[i] & 1U)) {
            return atti_fail(ATT_EINVAL,
                             "att_tensor_permute: order[%d] = %d is not a permutation "
                             "of %d dims",
                             i, (int)order[i], (int)src->ndim);
        }
        seen |= 1U << order[i];
    }
    att_tensor_retain(dst, src);
    for (int i = 0; i < src->ndim; i++) {
        dst->shape[i] = src->shape[order[i]];
        dst->stride[i] = src->stride[order[i]];
    }
    return ATT_OK;
}

/* Strides for the new shape over the old elements, when such strides exist: runs of
 * source dims that are contiguous among themselves are cut anew. */
static bool restride(att_tensor *x, const att_tensor *src)
{
    int64_t shape[ATT_MAX_DIMS], stride[ATT_MAX_DIMS];
    int n = 0, j = x->ndim - 1;
    for (int i = 0; i < src->ndim; i++) {
        if (src->shape[i] == 1) continue;
        if (n > 0 && stride[n - 1] == src->stride[i] * src->shape[i]) {
            shape[n - 1] *= src->shape[i];
            stride[n - 1] = src->stride[i];
        } else {
            shape[n] = src->shape[i];
            stride[n++] = src->stride[i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        int64_t left = shape[i], step = stride[i];
        while (left > 1) {
            if (j < 0 || left % x->shape[j] != 0) return false;
            x->stride[j] = step;
            step *= x->shape[j];
            left /= x->shape[j];
            j--;
        }
    }
    return true; /* what remains are dims of one element: any stride does */
}

att_status att_tensor_reshape(att_tensor *dst, const att_tensor *src, int32_t ndim,
                              const int64_t *shape)
{
    ATTI_TRY(view_args("att_tensor_reshape", dst, src));
    if (ndim < 0 || ndim > ATT_MAX_DIMS || (ndim > 0 && !shape)) {
        return atti_fail(ATT_EINVAL, "att_tensor_reshape: %d dims, expected 0..%d",
                         (int)ndim, ATT_MAX_DIMS);
    }
    int64_t full[ATT_MAX_DIMS] = {0}, known = 1, count = att_tensor_count(src);
    int open = -1;
    for (int i = 0; i < ndim; i++) {
        full[i] = shape[i];
        if (shape[i] == -1 && open < 0) {
            open = i;
        } else if (shape[i] < 0 || !atti_mul_i64(&known, known, shape[i])) {
            return atti_fail(ATT_EINVAL, "att_tensor_reshape: dim %d is %lld", i,
                             (long long)shape[i]);
        }
    }
    if (open >= 0) {
        if (known == 0 || count % known != 0) {
            return atti_fail(ATT_ESHAPE,
                             "att_tensor_reshape: %lld elements cannot be cut by %lld",
                             (long long)count, (long long)known);
        }
        full[open] = count / known;
        known = count;
    }
    if (known != count) {
        return atti_fail(ATT_ESHAPE, "att_tensor_reshape: %lld elements, expected %lld",
                         (long long)known, (long long)count);
    }
    att_tensor x;
    ATTI_TRY(atti_tensor_describe(&x, (att_dtype)src->dtype, ndim, full));
    if (count > 0 && !att_tensor_contiguous(src) && !restride(&x, src)) {
        return atti_fail(ATT_ENOTSUP,
                         "att_tensor_reshape: the strides do not allow a view; copy "
                         "the tensor first");
    }
    x.data = src->data;
    x.storage = src->storage;
    atti_storage_retain(x.storage);
    *dst = x;
    return ATT_OK;
}
