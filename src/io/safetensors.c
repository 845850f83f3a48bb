/* safetensors.c - opening a safetensors file: every rule is checked here, once.
 *
 * Nothing is believed: the header length is compared with the file's size before it is
 * used, shapes are multiplied with overflow checks, and the ranges must tile the buffer
 * exactly. The writer lives in safetensors_write.c, shards in safetensors_index.c. */
#include "attend/safetensors.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/json.h"
#include "io/safetensors_file.h"
#include "tensor/storage.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX 100000000u /* the reference implementation's limit */
#define DIMS_MAX   64

static const atti_st_dtype dtypes[] = {
    {"F32", 32, ATT_F32},   {"BF16", 16, ATT_BF16}, {"F16", 16, ATT_F16},
    {"F64", 64, ATT_F64},   {"I64", 64, ATT_I64},   {"I32", 32, ATT_I32},
    {"I8", 8, ATT_I8},      {"U8", 8, ATT_U8},      {"BOOL", 8, ATT_BOOL},
    {"U64", 64, -1},        {"U32", 32, -1},        {"U16", 16, -1},
    {"I16", 16, -1},        {"C64", 64, -1},        {"F8_E5M2", 8, -1},
    {"F8_E4M3", 8, -1},     {"F8_E8M0", 8, -1},     {"F8_E4M3FNUZ", 8, -1},
    {"F8_E5M2FNUZ", 8, -1}, {"F6_E2M3", 6, -1},     {"F6_E3M2", 6, -1},
    {"F4", 4, -1},
};
#define N_DTYPES ((int)(sizeof dtypes / sizeof dtypes[0]))

const atti_st_dtype *atti_st_dtype_at(int i)
{
    return i >= 0 && i < N_DTYPES ? &dtypes[i] : NULL;
}

static bool starts(const unsigned char *p, size_t n, const char *text)
{
    size_t len = strlen(text);
    return n >= len && memcmp(p, text, len) == 0;
}

const char *atti_st_what_is(const unsigned char *p, size_t n)
{
    if (starts(p, n, "version https://git-lfs")) {
        return "a Git LFS pointer: the weights themselves were not downloaded "
               "(git lfs pull)";
    }
    if (starts(p, n, "PK\x03\x04")) {
        return "a zip archive, probably a PyTorch checkpoint: convert it to safetensors";
    }
    if (n >= 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5) {
        return "a Python pickle, which is never loaded: convert it to safetensors";
    }
    if (starts(p, n, "GGUF")) return "a GGUF model, not safetensors";
    if (starts(p, n, "<!DOCTYPE") || starts(p, n, "<!doctype") ||
        starts(p, n, "<html")) {
        return "an HTML page, probably a saved error message: download the file again";
    }
    return NULL;
}

/* ---- the header --------------------------------------------------------------- */

typedef struct reading {
    att_safetensors *f;
    const char *name;
    size_t buffer; /* bytes after the header */
    att_status st;
} reading;

/* A whole number that a double holds exactly: no file is as large as 2^53 bytes. */
static bool whole(const atti_json *v, int64_t *out)
{
    if (!atti_json_is_number(v)) return false;
    double x = atti_json_number(v);
    if (!(x >= 0.0 && x <= 9007199254740992.0)) return false;
    *out = (int64_t)x;
    return (double)*out == x;
}

static att_status read_shape(reading *r, atti_st_entry *e, const char *key,
                             const atti_json *shape, size_t *bits)
{
    size_t n = atti_json_count(shape);
    if (!atti_json_is_array(shape)) {
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s': shape is not an array", r->name,
                         key);
    }
    if (n > DIMS_MAX) {
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s': %zu dims, at most %d", r->name,
                         key, n, DIMS_MAX);
    }
    ATTI_TRY(atti_alloc(&e->shape, n ? n : 1, sizeof *e->shape, "tensor shape"));
    e->ndim = (int32_t)n;
    *bits = (size_t)dtypes[e->dtype].bits;
    for (size_t i = 0; i < n; i++) {
        if (!whole(atti_json_at(shape, i), &e->shape[i])) {
            return atti_fail(ATT_EFORMAT,
                             "%s: tensor '%s': dim %zu is no non-negative integer",
                             r->name, key, i);
        }
        if (!atti_mul_size(bits, *bits, (size_t)e->shape[i])) {
            return atti_fail(ATT_EFORMAT, "%s: tensor '%s': its size overflows",
                             r->name, key);
        }
    }
    return ATT_OK;
}

static att_status read_range(reading *r, atti_st_entry *e, const char *key,
                             const atti_json *range, size_t bits)
{
    int64_t begin, end;
    if (!atti_json_is_array(range) || atti_json_count(range) != 2 ||
        !whole(atti_json_at(range, 0), &begin) ||
        !whole(atti_json_at(range, 1), &end)) {
        return atti_fail(ATT_EFORMAT,
                         "%s: tensor '%s': data_offsets is not [begin, end]", r->name,
                         key);
    }
    if (end < begin) {
        return atti_fail(ATT_EFORMAT,
                         "%s: tensor '%s': data ends at %lld before its begin %lld",
                         r->name, key, (long long)end, (long long)begin);
    }
    if (bits % 8 != 0 || bits / 8 != (size_t)(end - begin)) {
        return atti_fail(ATT_EFORMAT,
                         "%s: tensor '%s': %lld bytes, but its shape and dtype %s take "
                         "%zu bits",
                         r->name, key, (long long)(end - begin), dtypes[e->dtype].name,
                         bits);
    }
    e->begin = (size_t)begin;
    e->end = (size_t)end;
    return ATT_OK;
}

static att_status read_entry(reading *r, const char *key, const atti_json *v)
{
    att_safetensors *f = r->f;
    size_t bits = 0;
    if (!atti_json_is_object(v)) {
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s' is not described by an object",
                         r->name, key);
    }
    ATTI_TRY(atti_grow(&f->entry, &f->cap, f->n + 1, sizeof *f->entry, "tensor list"));
    atti_st_entry *e = &f->entry[f->n];
    memset(e, 0, sizeof *e);
    f->n++; /* from here on close() releases what the entry holds */
    ATTI_TRY(atti_strdup(&e->name, key));
    const char *dtype = atti_json_string(atti_json_get(v, "dtype"), NULL);
    if (!dtype) {
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s' has no dtype", r->name, key);
    }
    while (e->dtype < N_DTYPES && strcmp(dtypes[e->dtype].name, dtype) != 0) e->dtype++;
    if (e->dtype == N_DTYPES) {
        e->dtype = 0;
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s': unknown dtype '%.40s'", r->name,
                         key, dtype);
    }
    if (atti_json_count(v) != 3) {
        return atti_fail(ATT_EFORMAT,
                         "%s: tensor '%s': %zu keys, expected dtype, shape and "
                         "data_offsets",
                         r->name, key, atti_json_count(v));
    }
    ATTI_TRY(read_shape(r, e, key, atti_json_get(v, "shape"), &bits));
    return read_range(r, e, key, atti_json_get(v, "data_offsets"), bits);
}

static bool each_meta(void *ctx, const char *key, const atti_json *v)
{
    reading *r = ctx;
    att_safetensors *f = r->f;
    const char *text = atti_json_string(v, NULL);
    if (!text) {
        r->st = atti_fail(ATT_EFORMAT, "%s: __metadata__ '%s' is not a string", r->name,
                          key);
        return false;
    }
    r->st =
        atti_grow(&f->meta, &f->meta_cap, f->n_meta + 1, sizeof *f->meta, "metadata");
    if (r->st != ATT_OK) return false;
    memset(f->meta[f->n_meta], 0, sizeof f->meta[0]);
    char **pair = f->meta[f->n_meta++];
    r->st = atti_strdup(&pair[0], key);
    if (r->st == ATT_OK) r->st = atti_strdup(&pair[1], text);
    return r->st == ATT_OK;
}

static bool each_tensor(void *ctx, const char *key, const atti_json *v)
{
    reading *r = ctx;
    if (strcmp(key, "__metadata__") != 0) {
        r->st = read_entry(r, key, v);
    } else if (!atti_json_is_object(v)) {
        r->st = atti_fail(ATT_EFORMAT, "%s: __metadata__ is not an object", r->name);
    } else {
        atti_json_each(v, each_meta, r);
    }
    return r->st == ATT_OK;
}

static int by_range(const void *a, const void *b)
{
    const atti_st_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const atti_st_entry *)a)->name, ((const atti_st_entry *)b)->name);
}

void atti_st_sort(att_safetensors *f)
{
    if (f->n) qsort(f->entry, f->n, sizeof *f->entry, by_name);
}

/* The ranges tile the buffer: no hole, no overlap, no rest. */
static att_status check_cover(reading *r)
{
    att_safetensors *f = r->f;
    size_t at = 0;
    if (f->n) qsort(f->entry, f->n, sizeof *f->entry, by_range);
    for (size_t i = 0; i < f->n; i++) {
        const atti_st_entry *e = &f->entry[i];
        if (e->end > r->buffer) {
            return atti_fail(
                ATT_EFORMAT,
                "%s: tensor '%s' ends at byte %zu of the data, the file has "
                "%zu: interrupted download?",
                r->name, e->name, e->end, r->buffer);
        }
        if (e->begin != at) {
            return atti_fail(
                ATT_EFORMAT,
                "%s: tensor '%s' begins at %zu, expected %zu: the data has "
                "%s",
                r->name, e->name, e->begin, at,
                e->begin > at ? "a hole" : "an overlap");
        }
        at = e->end;
    }
    if (at != r->buffer) {
        return atti_fail(ATT_EFORMAT, "%s: %zu bytes of data, the header describes %zu",
                         r->name, r->buffer, at);
    }
    return ATT_OK;
}

static att_status parse(att_safetensors *f, const unsigned char *p, size_t size,
                        const char *name, size_t *header)
{
    uint64_t n = 0;
    const char *what = atti_st_what_is(p, size);
    if (what) return atti_fail(ATT_EFORMAT, "%s: this is %s", name, what);
    if (size < 8) {
        return atti_fail(
            ATT_EFORMAT,
            "%s: %zu bytes, shorter than the 8-byte header length: empty or "
            "interrupted download",
            name, size);
    }
    for (int i = 7; i >= 0; i--) n = n << 8 | p[i];
    if (n > HEADER_MAX) {
        return atti_fail(ATT_EFORMAT,
                         "%s: header of %llu bytes, at most %u: not a safetensors file",
                         name, (unsigned long long)n, HEADER_MAX);
    }
    if (n > size - 8) {
        return atti_fail(ATT_EFORMAT,
                         "%s: header of %llu bytes, but only %zu follow: interrupted "
                         "download?",
                         name, (unsigned long long)n, size - 8);
    }
    const char *text = (const char *)p + 8;
    if (n < 2 || text[0] != '{') {
        return atti_fail(ATT_EFORMAT, "%s: the header does not begin with '{'", name);
    }
    if (!atti_utf8_valid(text, (size_t)n)) {
        return atti_fail(ATT_EFORMAT, "%s: the header is not UTF-8", name);
    }
    atti_json *root = NULL;
    ATTI_TRY(atti_json_parse(&root, text, (size_t)n, ATTI_JSON_NO_DUPLICATES, name));
    reading r = {f, name, size - 8 - (size_t)n, ATT_OK};
    atti_json_each(root, each_tensor, &r);
    if (r.st == ATT_OK) r.st = check_cover(&r);
    atti_json_destroy(root);
    *header = 8 + (size_t)n;
    return r.st;
}

/* ---- open and close ----------------------------------------------------------- */

static att_status open_bytes(att_safetensors **out, const unsigned char *p, size_t size,
                             const char *name, att_storage *storage)
{
    att_safetensors *f = NULL;
    size_t header = 0;
    ATTI_TRY(atti_alloc(&f, 1, sizeof *f, "safetensors"));
    att_status st = atti_grow(&f->part, &f->parts_cap, 1, sizeof *f->part, "file list");
    if (st == ATT_OK) {
        memset(f->part, 0, sizeof *f->part);
        f->n_parts = 1;
        st = atti_strdup(&f->part[0].name, name);
    }
    if (st == ATT_OK) st = parse(f, p, size, name, &header);
    if (st != ATT_OK) {
        att_safetensors_close(f);
        return st;
    }
    f->part[0].bytes = p + header;
    f->part[0].storage = storage;
    atti_st_sort(f);
    *out = f;
    return ATT_OK;
}

att_status att_safetensors_open_memory(att_safetensors **out, const void *data,
                                       size_t size, const char *name)
{
    att_storage *storage = NULL;
    if (!out || (!data && size) || !name) {
        return atti_fail(ATT_EINVAL,
                         "att_safetensors_open_memory: an argument is NULL");
    }
    ATTI_TRY(atti_storage_create(&storage, NULL, NULL, NULL));
    att_status st = open_bytes(out, data, size, name, storage);
    if (st != ATT_OK) atti_storage_release(storage);
    return st;
}

static void close_blob(void *user, void *data)
{
    atti_blob *b = user;
    (void)data;
    atti_blob_close(b);
    atti_free(b);
}

att_status atti_st_open_file(att_safetensors **out, const char *path)
{
    atti_blob *b = NULL;
    att_storage *storage = NULL;
    ATTI_TRY(atti_alloc(&b, 1, sizeof *b, "file"));
    att_status st = atti_blob_open(b, path, 0);
    if (st != ATT_OK) {
        atti_free(b);
        return st;
    }
    st = atti_storage_create(&storage, NULL, close_blob, b);
    if (st != ATT_OK) {
        close_blob(b, NULL);
        return st;
    }
    st = open_bytes(out, b->data, b->size, path, storage);
    if (st != ATT_OK) atti_storage_release(storage);
    return st;
}

att_status att_safetensors_open(att_safetensors **out, const char *path)
{
    if (!out || !path) {
        return atti_fail(ATT_EINVAL, "att_safetensors_open: an argument is NULL");
    }
    size_t n = strlen(path);
    if (n >= 5 && strcmp(path + n - 5, ".json") == 0) {
        return atti_st_open_index(out, path);
    }
    return atti_st_open_file(out, path);
}

void atti_st_entry_deinit(atti_st_entry *e)
{
    atti_free(e->name);
    atti_free(e->shape);
}

void att_safetensors_close(att_safetensors *f)
{
    if (!f) return;
    for (size_t i = 0; i < f->n; i++) atti_st_entry_deinit(&f->entry[i]);
    for (size_t i = 0; i < f->n_parts; i++) {
        atti_free(f->part[i].name);
        atti_storage_release(f->part[i].storage);
    }
    for (size_t i = 0; i < f->n_meta; i++) {
        atti_free(f->meta[i][0]);
        atti_free(f->meta[i][1]);
    }
    atti_free(f->entry);
    atti_free(f->part);
    atti_free(f->meta);
    atti_free(f);
}

/* ---- looking ------------------------------------------------------------------ */

int64_t att_safetensors_count(const att_safetensors *f)
{
    return f ? (int64_t)f->n : 0;
}

att_status att_safetensors_entry_at(const att_safetensors *f, int64_t i,
                                    att_safetensors_entry *entry)
{
    if (!f || !entry || i < 0 || i >= (int64_t)f->n) {
        return atti_fail(ATT_EINVAL, "att_safetensors_entry_at: tensor %lld of %lld",
                         (long long)i, (long long)att_safetensors_count(f));
    }
    const atti_st_entry *e = &f->entry[i];
    att_safetensors_entry x = {
        .name = e->name,
        .dtype = dtypes[e->dtype].name,
        .att_dtype = dtypes[e->dtype].att,
        .ndim = e->ndim,
        .shape = e->shape,
        .bytes = e->end - e->begin,
        .file = f->part[e->part].name,
    };
    *entry = x;
    return ATT_OK;
}

int64_t att_safetensors_find(const att_safetensors *f, const char *name)
{
    size_t lo = 0, hi = f && name ? f->n : 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(f->entry[mid].name, name);
        if (c == 0) return (int64_t)mid;
        if (c < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return -1;
}

att_status att_safetensors_get(const att_safetensors *f, att_tensor *t,
                               const char *name)
{
    if (!f || !t || !name) {
        return atti_fail(ATT_EINVAL, "att_safetensors_get: an argument is NULL");
    }
    int64_t i = att_safetensors_find(f, name);
    if (i < 0) {
        return atti_fail(ATT_ENOTFOUND, "%s: no tensor '%s'", f->part[0].name, name);
    }
    const atti_st_entry *e = &f->entry[i];
    const atti_st_part *part = &f->part[e->part];
    const atti_st_dtype *d = &dtypes[e->dtype];
    if (d->att < 0 || e->ndim > ATT_MAX_DIMS) {
        return atti_fail(ATT_ENOTSUP,
                         "%s: tensor '%s': %s with %d dims is not supported",
                         part->name, name, d->name, (int)e->ndim);
    }
    const unsigned char *p = part->bytes + e->begin;
    att_tensor x;
    if ((uintptr_t)p % att_dtype_size((att_dtype)d->att) != 0) {
        ATTI_TRY(att_tensor_alloc(&x, (att_dtype)d->att, e->ndim, e->shape));
        if (e->end > e->begin) memcpy(x.data, p, e->end - e->begin);
    } else {
        ATTI_TRY(atti_tensor_describe(&x, (att_dtype)d->att, e->ndim, e->shape));
        /* A mapping is read-only and writing through it faults: the header says so. */
        x.data = (void *)(uintptr_t)p;
        x.storage = part->storage;
        atti_storage_retain(x.storage);
    }
    *t = x;
    return ATT_OK;
}

int64_t att_safetensors_metadata_count(const att_safetensors *f)
{
    return f ? (int64_t)f->n_meta : 0;
}

const char *att_safetensors_metadata_key(const att_safetensors *f, int64_t i)
{
    return f && i >= 0 && i < (int64_t)f->n_meta ? f->meta[i][0] : NULL;
}

const char *att_safetensors_metadata(const att_safetensors *f, const char *key)
{
    for (size_t i = 0; f && key && i < f->n_meta; i++) {
        if (strcmp(f->meta[i][0], key) == 0) return f->meta[i][1];
    }
    return NULL;
}
