/* safetensors_write.c - writing tensors in the reference writer's order, atomically. */
#include "attend/safetensors.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/json.h"
#include "tensor/storage.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct item {
    const char *name;
    const att_tensor *t;
    size_t bytes;
    int rank; /* of the dtype, in the reference's order of falling alignment */
} item;

/* The reference sorts by its enum of dtypes from the end, then by name. */
static int rank_of(int32_t dtype)
{
    static const int order[] = {ATT_I64, ATT_F64, ATT_F32, ATT_I32, ATT_BF16,
                                ATT_F16, ATT_I8,  ATT_U8,  ATT_BOOL};
    for (int i = 0; i < (int)(sizeof order / sizeof order[0]); i++) {
        if (order[i] == dtype) return i;
    }
    return -1;
}

static int by_order(const void *a, const void *b)
{
    const item *x = a, *y = b;
    if (x->rank != y->rank) return x->rank < y->rank ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_item_name(const void *a, const void *b)
{
    return strcmp(((const item *)a)->name, ((const item *)b)->name);
}

static att_status check_items(item *items, const char *const *names,
                              const att_tensor *tensors, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const att_tensor *t = &tensors[i];
        const char *name = names[i];
        if (!name || !atti_utf8_valid(name, strlen(name)) ||
            strcmp(name, "__metadata__") == 0) {
            return atti_fail(ATT_EINVAL, "safetensors: tensor %lld: bad name",
                             (long long)i);
        }
        size_t size = att_dtype_size((att_dtype)t->dtype);
        size_t count = (size_t)att_tensor_count(t);
        if (size == 0 || t->ndim < 0 || t->ndim > ATT_MAX_DIMS || (count && !t->data)) {
            return atti_fail(ATT_EINVAL, "safetensors: tensor '%s' is not valid", name);
        }
        items[i] = (item){name, t, count * size, rank_of(t->dtype)};
    }
    qsort(items, (size_t)n, sizeof *items, by_item_name);
    for (int64_t i = 1; i < n; i++) {
        if (strcmp(items[i - 1].name, items[i].name) == 0) {
            return atti_fail(ATT_EINVAL, "safetensors: tensor '%s' is given twice",
                             items[i].name);
        }
    }
    qsort(items, (size_t)n, sizeof *items, by_order);
    return ATT_OK;
}

static void write_metadata(atti_jsonw *w, const char *const (*metadata)[2], int64_t n)
{
    int format = 0;
    atti_jsonw_object(w, "__metadata__");
    for (int64_t i = 0; i < n; i++) format |= strcmp(metadata[i][0], "format") == 0;
    if (!format) atti_jsonw_str(w, "format", "pt");
    for (int64_t i = 0; i < n; i++) atti_jsonw_str(w, metadata[i][0], metadata[i][1]);
    atti_jsonw_end(w, '}');
}

/* The reference writes no spaces between tokens; neither do we, so that files can be
 * compared. */
static void squeeze(atti_str *s)
{
    size_t n = 0;
    bool quoted = false;
    for (size_t i = 0; i < s->len; i++) {
        char c = s->data[i];
        if (c == '"') quoted = !quoted;
        if (c == ' ' && !quoted) continue;
        s->data[n++] = c;
        /* What follows a backslash is text, also a quote. */
        if (c == '\\' && i + 1 < s->len) s->data[n++] = s->data[++i];
    }
    s->len = n;
    if (s->data) s->data[n] = '\0';
}

/* The header, padded with spaces so that the bytes start at a multiple of 8. */
static att_status make_header(atti_str *out, const item *items, int64_t n,
                              const char *const (*metadata)[2], int64_t n_metadata)
{
    atti_jsonw w = {.indent = 0};
    size_t at = 0;
    atti_jsonw_object(&w, NULL);
    write_metadata(&w, metadata, n_metadata);
    for (int64_t i = 0; i < n; i++) {
        const att_tensor *t = items[i].t;
        atti_jsonw_object(&w, items[i].name);
        atti_jsonw_str(&w, "dtype", att_dtype_name((att_dtype)t->dtype));
        atti_jsonw_array(&w, "shape");
        for (int d = 0; d < t->ndim; d++) atti_jsonw_i64(&w, NULL, t->shape[d]);
        atti_jsonw_end(&w, ']');
        atti_jsonw_array(&w, "data_offsets");
        atti_jsonw_i64(&w, NULL, (int64_t)at);
        at += items[i].bytes;
        atti_jsonw_i64(&w, NULL, (int64_t)at);
        atti_jsonw_end(&w, ']');
        atti_jsonw_end(&w, '}');
    }
    atti_jsonw_end(&w, '}');
    squeeze(&w.s);
    while (w.s.len % 8 != 0 && w.s.status == ATT_OK) atti_str_add(&w.s, " ");
    *out = w.s;
    return w.s.status;
}

static att_status put_tensor(FILE *f, const item *it)
{
    const att_tensor *t = it->t;
    if (it->bytes == 0) return ATT_OK;
    if (att_tensor_contiguous(t)) {
        /* Errors stick to the stream; commit reports them. */
        (void)fwrite(t->data, 1, it->bytes, f);
        return ATT_OK;
    }
    att_tensor flat;
    ATTI_TRY(att_tensor_alloc(&flat, (att_dtype)t->dtype, t->ndim, t->shape));
    att_status st = att_tensor_copy(&flat, t);
    if (st == ATT_OK) (void)fwrite(flat.data, 1, it->bytes, f);
    att_tensor_deinit(&flat);
    return st;
}

att_status att_safetensors_write(const char *path, const char *const *names,
                                 const att_tensor *tensors, int64_t n,
                                 const char *const (*metadata)[2], int64_t n_metadata)
{
    item *items = NULL;
    atti_str header = {0};
    atti_out out = {0};
    unsigned char le[8];
    if (!path || n < 0 || (n > 0 && (!names || !tensors)) || n_metadata < 0 ||
        (n_metadata > 0 && !metadata)) {
        return atti_fail(ATT_EINVAL, "att_safetensors_write: an argument is NULL");
    }
    for (int64_t i = 0; i < n_metadata; i++) {
        const char *k = metadata[i][0], *v = metadata[i][1];
        if (!k || !v || !atti_utf8_valid(k, strlen(k)) ||
            !atti_utf8_valid(v, strlen(v))) {
            return atti_fail(ATT_EINVAL, "safetensors: metadata %lld is not UTF-8 text",
                             (long long)i);
        }
    }
    ATTI_TRY(atti_alloc(&items, (size_t)n, sizeof *items, "tensor list"));
    att_status st = check_items(items, names, tensors, n);
    if (st == ATT_OK) st = make_header(&header, items, n, metadata, n_metadata);
    if (st == ATT_OK) st = atti_out_open(&out, path);
    if (st == ATT_OK) {
        for (int i = 0; i < 8; i++)
            le[i] = (unsigned char)((uint64_t)header.len >> 8 * i);
        (void)fwrite(le, 1, sizeof le, out.f);
        (void)fwrite(header.data, 1, header.len, out.f);
    }
    for (int64_t i = 0; st == ATT_OK && i < n; i++) st = put_tensor(out.f, &items[i]);
    if (st == ATT_OK) {
        st = atti_out_commit(&out);
    } else {
        atti_out_abort(&out);
    }
    atti_str_deinit(&header);
    atti_free(items);
    return st;
}
