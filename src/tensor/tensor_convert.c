/* tensor_convert.c - values from one dtype to another, any strides.
 *
 * Every conversion goes through f64 or i64, so that f64 -> f16 rounds once and not
 * twice (through f32). Unaligned source rows are read with memcpy: files place tensors
 * where they like. Whole models are converted by the kernels; this is the general case. */
#include "attend/tensor.h"
#include "base/alloc.h"
#include "tensor/storage.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A small float as f64: `mant` explicit mantissa bits, `bias` of the exponent. */
static double small_to_f64(uint16_t h, int mant, int bias, int exp_bits)
{
    int e = (h >> mant) & ((1 << exp_bits) - 1);
    int m = h & ((1 << mant) - 1);
    double v;
    if (e == (1 << exp_bits) - 1) {
        v = m ? (double)NAN : (double)INFINITY;
    } else if (e == 0) {
        v = ldexp((double)m, 1 - bias - mant);
    } else {
        v = ldexp((double)(m + (1 << mant)), e - bias - mant);
    }
    return h & 0x8000U ? -v : v;
}

/* Round to nearest even at the last place that the target has at this magnitude. */
static uint16_t f64_to_small(double x, int mant, int bias, int exp_bits)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t sign = (uint16_t)((bits >> 48) & 0x8000U);
    int top = (1 << exp_bits) - 1;
    if (isnan(x)) return (uint16_t)(sign | top << mant | 1 << (mant - 1));
    if (isinf(x)) return (uint16_t)(sign | top << mant);
    double a = fabs(x);
    if (a == 0.0) return sign;
    int e;
    (void)frexp(a, &e); /* a = f * 2^e, f in [0.5, 1) */
    int place = e - 1 - mant;
    if (place < 1 - bias - mant) place = 1 - bias - mant;
    /* rint with the default rounding mode: ties to even. The product is exact unless it
     * is far below half a unit, where it rounds to 0 anyway. */
    double units = rint(ldexp(a, -place));
    int64_t u = (int64_t)units;
    /* The units of the smallest place are the subnormal bits themselves; every place
     * above adds one exponent, and a carry walks into the exponent by itself. */
    int64_t code = u + ((int64_t)(place - (1 - bias - mant)) << mant);
    if (code >= (int64_t)top << mant) code = (int64_t)top << mant;
    return (uint16_t)(sign | (uint16_t)code);
}

typedef struct value {
    double f;
    int64_t i;
} value;

static bool is_float(int32_t d)
{
    return d == ATT_F32 || d == ATT_BF16 || d == ATT_F16 || d == ATT_F64;
}

static value read_value(const unsigned char *p, int32_t dtype)
{
    value v = {0.0, 0};
    float f;
    uint16_t h;
    int32_t i;
    switch (dtype) {
    case ATT_F32:
        memcpy(&f, p, 4);
        v.f = (double)f;
        break;
    case ATT_F64: memcpy(&v.f, p, 8); break;
    case ATT_BF16:
        memcpy(&h, p, 2);
        v.f = small_to_f64(h, 7, 127, 8);
        break;
    case ATT_F16:
        memcpy(&h, p, 2);
        v.f = small_to_f64(h, 10, 15, 5);
        break;
    case ATT_I32:
        memcpy(&i, p, 4);
        v.i = i;
        break;
    case ATT_I64: memcpy(&v.i, p, 8); break;
    case ATT_I8: v.i = *(const signed char *)p; break;
    case ATT_BOOL: v.i = *p != 0; break;
    default: v.i = *p; break;
    }
    return v;
}

/* Truncates towards zero and saturates; NaN becomes 0. */
static int64_t to_int(double x, int64_t lo, int64_t hi)
{
    if (isnan(x)) return 0;
    if (x <= (double)lo) return lo;
    if (x >= (double)hi) return hi;
    return (int64_t)x;
}

static void write_int(unsigned char *p, int32_t dtype, value v, bool from_float)
{
    int64_t lo = INT64_MIN, hi = INT64_MAX, x;
    if (dtype == ATT_I32) lo = INT32_MIN, hi = INT32_MAX;
    if (dtype == ATT_I8) lo = -128, hi = 127;
    if (dtype == ATT_U8) lo = 0, hi = 255;
    if (dtype == ATT_BOOL) {
        *p = from_float ? v.f != 0.0 : v.i != 0; /* NaN is not zero: true */
        return;
    }
    if (from_float) {
        x = to_int(v.f, lo, hi);
    } else {
        x = v.i < lo ? lo : v.i > hi ? hi : v.i;
    }
    if (dtype == ATT_I64) {
        memcpy(p, &x, 8);
    } else if (dtype == ATT_I32) {
        int32_t w = (int32_t)x;
        memcpy(p, &w, 4);
    } else {
        *p = (unsigned char)x;
    }
}

static void write_value(unsigned char *p, int32_t dtype, value v, bool from_float)
{
    float f;
    uint16_t h;
    if (!is_float(dtype)) {
        write_int(p, dtype, v, from_float);
        return;
    }
    /* i64 -> f32 must not round twice either, hence not through v.f. */
    double d = from_float ? v.f : (double)v.i;
    switch (dtype) {
    case ATT_F32:
        f = from_float ? (float)v.f : (float)v.i;
        memcpy(p, &f, 4);
        break;
    case ATT_F64: memcpy(p, &d, 8); break;
    case ATT_BF16:
        h = f64_to_small(d, 7, 127, 8);
        memcpy(p, &h, 2);
        break;
    default:
        h = f64_to_small(d, 10, 15, 5);
        memcpy(p, &h, 2);
        break;
    }
}

static void convert_row(unsigned char *dst, int32_t dd, int64_t ds,
                        const unsigned char *src, int32_t sd, int64_t ss, int64_t n)
{
    int64_t dstep = ds * (int64_t)att_dtype_size((att_dtype)dd);
    int64_t sstep = ss * (int64_t)att_dtype_size((att_dtype)sd);
    size_t size = att_dtype_size((att_dtype)dd);
    if (dd == sd && ds == 1 && ss == 1) {
        memmove(dst, src, (size_t)n * size);
        return;
    }
    for (int64_t i = 0; i < n; i++, dst += dstep, src += sstep) {
        if (dd == sd) {
            memcpy(dst, src, size);
        } else {
            write_value(dst, dd, read_value(src, sd), is_float(sd));
        }
    }
}

void atti_convert_to_f32(float *dst, const void *src, att_dtype dtype, int64_t n)
{
    convert_row((unsigned char *)dst, ATT_F32, 1, src, (int32_t)dtype, 1, n);
}

att_status att_tensor_copy(att_tensor *dst, const att_tensor *src)
{
    if (!dst || !src)
        return atti_fail(ATT_EINVAL, "att_tensor_copy: an operand is NULL");
    if (!att_dtype_size((att_dtype)dst->dtype) ||
        !att_dtype_size((att_dtype)src->dtype)) {
        return atti_fail(ATT_EINVAL, "att_tensor_copy: unknown dtype");
    }
    if (dst->ndim != src->ndim) {
        return atti_fail(ATT_ESHAPE, "att_tensor_copy: %d dims into %d", (int)src->ndim,
                         (int)dst->ndim);
    }
    for (int i = 0; i < src->ndim; i++) {
        if (dst->shape[i] != src->shape[i]) {
            return atti_fail(ATT_ESHAPE, "att_tensor_copy: dim %d is %lld into %lld", i,
                             (long long)src->shape[i], (long long)dst->shape[i]);
        }
    }
    int64_t count = att_tensor_count(src);
    if (count == 0) return ATT_OK;
    if (att_tensor_contiguous(dst) && att_tensor_contiguous(src)) {
        convert_row(dst->data, dst->dtype, 1, src->data, src->dtype, 1, count);
        return ATT_OK;
    }
    int last = src->ndim - 1; /* not contiguous, so there is at least one dim */
    int64_t index[ATT_MAX_DIMS] = {0};
    int64_t dsize = (int64_t)att_dtype_size((att_dtype)dst->dtype);
    int64_t ssize = (int64_t)att_dtype_size((att_dtype)src->dtype);
    for (int64_t row = 0, rows = count / src->shape[last]; row < rows; row++) {
        int64_t d = 0, s = 0;
        for (int i = 0; i < last; i++) {
            d += index[i] * dst->stride[i];
            s += index[i] * src->stride[i];
        }
        convert_row((unsigned char *)dst->data + d * dsize, dst->dtype,
                    dst->stride[last], (const unsigned char *)src->data + s * ssize,
                    src->dtype, src->stride[last], src->shape[last]);
        for (int i = last - 1; i >= 0 && ++index[i] == src->shape[i]; i--) index[i] = 0;
    }
    return ATT_OK;
}
