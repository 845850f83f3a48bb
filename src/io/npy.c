/* npy.c - numpy's .npy: magic, a header that is a Python dictionary, elements. */
#include "attend/npy.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

enum { MAX_HEADER = 1 << 20 };

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    char descr[4];
    int32_t dtype;
} kinds[] = {{"f2", ATT_F16}, {"f4", ATT_F32}, {"f8", ATT_F64}, {"i1", ATT_I8},
             {"i4", ATT_I32}, {"i8", ATT_I64}, {"u1", ATT_U8},  {"b1", ATT_BOOL}};

/* ---- the header ---- */

typedef struct header {
    const char *at, *end, *name;
    int32_t dtype, ndim, fortran, swap;
    int64_t shape[ATT_MAX_DIMS];
    unsigned seen; /* bits of the keys */
} header;

static void skip_space(header *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
        h->at++;
}

static bool eat(header *h, char c)
{
    skip_space(h);
    if (h->at == h->end || *h->at != c) return false;
    h->at++;
    return true;
}

static att_status expect(header *h, char c)
{
    if (eat(h, c)) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s: the header has no '%c' where one belongs",
                     h->name, c);
}

/* 'text' or "text", without escapes. */
static att_status quoted(header *h, char *out, size_t size)
{
    skip_space(h);
    char quote = h->at < h->end ? *h->at : 0;
    size_t n = 0;
    if (quote != '\'' && quote != '"')
        return atti_fail(ATT_EFORMAT, "%s: the header has no string where one belongs",
                         h->name);
    for (h->at++; h->at < h->end && *h->at != quote; h->at++) {
        if (n + 1 >= size || *h->at == '\\' || (unsigned char)*h->at < ' ')
            return atti_fail(ATT_EFORMAT, "%s: a string in the header is too long",
                             h->name);
        out[n++] = *h->at;
    }
    out[n] = 0;
    return expect(h, quote);
}

static att_status descr(header *h)
{
    char text[32];
    skip_space(h);
    if (h->at < h->end && (*h->at == '[' || *h->at == '('))
        return atti_fail(ATT_ENOTSUP,
                         "%s: a structured dtype; only plain numbers are read",
                         h->name);
    ATTI_TRY(quoted(h, text, sizeof text));
    const char *kind = text + 1;
    if (text[0] == '|' && text[1] == 'O')
        return atti_fail(ATT_ENOTSUP,
                         "%s: holds Python objects (a pickle), which are not read",
                         h->name);
    for (size_t i = 0;
         strchr("<>|=", text[0]) && text[0] && i < sizeof kinds / sizeof kinds[0];
         i++) {
        if (strcmp(kinds[i].descr, kind) != 0) continue;
        h->dtype = kinds[i].dtype;
        h->swap = text[0] == '>' && att_dtype_size((att_dtype)h->dtype) > 1;
        return ATT_OK;
    }
    return atti_fail(ATT_ENOTSUP, "%s: dtype '%s'; read are f2 f4 f8 i1 i4 i8 u1 b1",
                     h->name, text);
}

static att_status truth(header *h)
{
    skip_space(h);
    size_t left = (size_t)(h->end - h->at);
    if (left >= 4 && !memcmp(h->at, "True", 4)) {
        h->fortran = 1;
        h->at += 4;
    } else if (left >= 5 && !memcmp(h->at, "False", 5)) {
        h->at += 5;
    } else {
        return atti_fail(ATT_EFORMAT, "%s: fortran_order is neither True nor False",
                         h->name);
    }
    return ATT_OK;
}

/* (), (3,), (3, 4), (3, 4,) */
static att_status shape(header *h)
{
    ATTI_TRY(expect(h, '('));
    while (!eat(h, ')')) {
        int64_t n = 0;
        int digits = 0;
        if (h->ndim == ATT_MAX_DIMS)
            return atti_fail(ATT_ENOTSUP, "%s: more than %d dimensions", h->name,
                             ATT_MAX_DIMS);
        for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++, digits++) {
            if (n > (INT64_MAX - 9) / 10)
                return atti_fail(ATT_EFORMAT, "%s: a dimension past 2^63", h->name);
            n = 10 * n + (*h->at - '0');
        }
        if (digits == 0)
            return atti_fail(ATT_EFORMAT,
                             "%s: the shape holds no number where one belongs",
                             h->name);
        h->shape[h->ndim++] = n;
        skip_space(h);
        if (h->at < h->end && *h->at == ')') continue;
        ATTI_TRY(expect(h, ','));
        skip_space(h);
    }
    return ATT_OK;
}

static att_status parse_header(header *h)
{
    static const char *const keys[3] = {"descr", "fortran_order", "shape"};
    ATTI_TRY(expect(h, '{'));
    while (!eat(h, '}')) {
        char key[32];
        unsigned which = 0;
        ATTI_TRY(quoted(h, key, sizeof key));
        ATTI_TRY(expect(h, ':'));
        while (which < 3 && strcmp(key, keys[which]) != 0) which++;
        if (which == 3 || h->seen & 1U << which)
            return atti_fail(ATT_EFORMAT, "%s: the header's key '%s' is %s", h->name,
                             key, which == 3 ? "not known" : "there twice");
        h->seen |= 1U << which;
        ATTI_TRY(which == 0 ? descr(h) : which == 1 ? truth(h) : shape(h));
        if (!eat(h, ',')) {
            ATTI_TRY(expect(h, '}'));
            break;
        }
    }
    skip_space(h);
    if (h->at != h->end)
        return atti_fail(ATT_EFORMAT, "%s: something behind the header's dictionary",
                         h->name);
    if (h->seen != 7)
        return atti_fail(ATT_EFORMAT,
                         "%s: the header lacks one of descr, fortran_order, shape",
                         h->name);
    return ATT_OK;
}

/* Finds the header and says where the elements begin. */
static att_status read_header(header *h, const unsigned char *p, size_t size,
                              size_t *begin)
{
    size_t length, start;
    if (size < 10 || memcmp(p, magic, sizeof magic) != 0)
        return atti_fail(ATT_EFORMAT, "%s: not a .npy file", h->name);
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return atti_fail(ATT_EFORMAT, "%s: version %d.%d of .npy, read are 1.0 to 3.0",
                         h->name, p[6], p[7]);
    start = p[6] == 1 ? 10 : 12;
    if (size < start)
        return atti_fail(ATT_EFORMAT, "%s: ends within its header", h->name);
    length = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1) length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (length > MAX_HEADER || length > size - start)
        return atti_fail(ATT_EFORMAT, "%s: a header of %zu bytes in a file of %zu",
                         h->name, length, size);
    h->at = (const char *)p + start;
    h->end = h->at + length;
    *begin = start + length;
    return parse_header(h);
}

/* ---- elements ---- */

static void swap_bytes(unsigned char *p, int64_t n, size_t width)
{
    for (int64_t i = 0; i < n; i++, p += width)
        for (size_t k = 0; k < width / 2; k++) {
            unsigned char c = p[k];
            p[k] = p[width - 1 - k];
            p[width - 1 - k] = c;
        }
}

static void reorder(unsigned char *out, const unsigned char *in, const header *h,
                    int64_t count, size_t width)
{
    int64_t index[ATT_MAX_DIMS] = {0}, stride[ATT_MAX_DIMS], at = 0, step = 1;
    for (int32_t d = 0; d < h->ndim; d++) {
        stride[d] = step;
        step *= h->shape[d];
    }
    for (int64_t i = 0; i < count; i++) {
        memcpy(out + (size_t)i * width, in + (size_t)at * width, width);
        for (int32_t d = h->ndim - 1; d >= 0; d--) {
            at += stride[d];
            if (++index[d] < h->shape[d]) break;
            at -= stride[d] * h->shape[d];
            index[d] = 0;
        }
    }
}

att_status att_npy_load_memory(att_tensor *t, const void *data, size_t size,
                               const char *name)
{
    header h = {.name = name ? name : "array"};
    size_t begin = 0, width, bytes = 1;
    att_tensor made;
    if (!t || (!data && size > 0))
        return atti_fail(ATT_EINVAL, "npy: t or data is NULL");
    ATTI_TRY(read_header(&h, data, size, &begin));
    width = att_dtype_size((att_dtype)h.dtype);
    bytes = width;
    for (int32_t d = 0; d < h.ndim; d++)
        if (!atti_mul_size(&bytes, bytes, (size_t)h.shape[d]))
            return atti_fail(ATT_EFORMAT, "%s: the shape's product overflows", h.name);
    if (bytes != size - begin)
        return atti_fail(ATT_EFORMAT, "%s: %zu bytes of elements, its shape wants %zu",
                         h.name, size - begin, bytes);
    ATTI_TRY(att_tensor_alloc(&made, (att_dtype)h.dtype, h.ndim, h.shape));
    const unsigned char *from = (const unsigned char *)data + begin;
    if (bytes > 0 && h.fortran && h.ndim > 1)
        reorder(made.data, from, &h, (int64_t)(bytes / width), width);
    else if (bytes > 0)
        memcpy(made.data, from, bytes);
    if (h.swap) swap_bytes(made.data, (int64_t)(bytes / width), width);
    if (h.dtype == ATT_BOOL)
        for (size_t i = 0; i < bytes; i++)
            ((unsigned char *)made.data)[i] = ((unsigned char *)made.data)[i] != 0;
    *t = made;
    return ATT_OK;
}

att_status att_npy_load(att_tensor *t, const char *path)
{
    atti_blob b;
    if (!t || !path) return atti_fail(ATT_EINVAL, "npy: t or path is NULL");
    ATTI_TRY(atti_blob_open(&b, path, 0));
    att_status st = att_npy_load_memory(t, b.data, b.size, path);
    atti_blob_close(&b);
    return st;
}

/* ---- writing ---- */

static att_status header_text(atti_str *s, const att_tensor *t)
{
    const char *kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].dtype == t->dtype) kind = kinds[i].descr;
    if (!kind)
        return atti_fail(ATT_ENOTSUP, "npy: numpy has no dtype %s",
                         att_dtype_name((att_dtype)t->dtype));
    atti_str_addf(s, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                  att_dtype_size((att_dtype)t->dtype) > 1 ? '<' : '|', kind);
    for (int32_t d = 0; d < t->ndim; d++)
        atti_str_addf(s, "%s%lld%s", d ? " " : "", (long long)t->shape[d],
                      d + 1 < t->ndim || t->ndim == 1 ? "," : "");
    atti_str_add(s, "), }");
    while ((s->len + 11) % 64 != 0) atti_str_add(s, " ");
    atti_str_add(s, "\n");
    return s->status;
}

att_status att_npy_write(const char *path, const att_tensor *t)
{
    unsigned char start[10] = {0};
    atti_out out = {0};
    atti_str s = {0};
    att_tensor flat;
    if (!path || !t) return atti_fail(ATT_EINVAL, "npy: path or t is NULL");
    att_status st = header_text(&s, t);
    if (st == ATT_OK)
        st = att_tensor_alloc(&flat, (att_dtype)t->dtype, t->ndim, t->shape);
    if (st != ATT_OK) {
        atti_str_deinit(&s);
        return st;
    }
    memcpy(start, magic, sizeof magic);
    start[6] = 1;
    start[8] = (unsigned char)(s.len & 255);
    start[9] = (unsigned char)(s.len >> 8);
    size_t bytes = (size_t)att_tensor_count(t) * att_dtype_size((att_dtype)t->dtype);
    st = att_tensor_copy(&flat, t);
    if (st == ATT_OK) st = atti_out_open(&out, path);
    if (st == ATT_OK && (fwrite(start, 1, sizeof start, out.f) != sizeof start ||
                         fwrite(s.data, 1, s.len, out.f) != s.len ||
                         (bytes > 0 && fwrite(flat.data, 1, bytes, out.f) != bytes)))
        st = atti_fail(ATT_EIO, "%s: cannot write", path);
    if (st == ATT_OK) st = atti_out_commit(&out);
    atti_out_abort(&out);
    atti_str_deinit(&s);
    att_tensor_deinit(&flat);
    return st;
}
