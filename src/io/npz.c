/* npz.c - numpy's .npz: the directory at a zip's end, members stored or deflated. */
#include "attend/npy.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/crc32.h"
#include "base/error.h"
#include "base/file.h"
#include "base/str.h"
#include "io/inflate.h"

#include <string.h>

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, COMMENT = 65535 };

typedef struct member {
    char *name; /* without .npy */
    size_t at, packed, size;
    uint32_t crc;
    int method;
} member;

struct att_npz {
    atti_blob blob;
    int owns; /* the blob is to be closed */
    const unsigned char *p;
    size_t size;
    char *name;
    member *of;
    size_t n, cap;
};

static uint32_t le(const unsigned char *p, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++) v |= (uint32_t)p[i] << 8 * i;
    return v;
}

static att_status find_end(const att_npz *z, size_t *end)
{
    static const unsigned char sign[4] = {'P', 'K', 5, 6};
    size_t most = z->size < END_BYTES + COMMENT ? z->size : END_BYTES + COMMENT;
    for (size_t back = END_BYTES; back <= most; back++) {
        const unsigned char *p = z->p + z->size - back;
        if (memcmp(p, sign, sizeof sign) == 0 && le(p + 20, 2) == back - END_BYTES) {
            *end = z->size - back;
            return ATT_OK;
        }
    }
    return atti_fail(ATT_EFORMAT,
                     "%s: not a zip (or cut short): no directory at its end", z->name);
}

/* Where a member's bytes lie: behind a header that repeats its name. */
static att_status locate(const att_npz *z, member *m, size_t local, const char *name,
                         size_t n_name, size_t directory)
{
    const unsigned char *p = z->p + local;
    if (local > directory || directory - local < LOCAL_BYTES || le(p, 4) != 0x04034b50)
        return atti_fail(ATT_EFORMAT,
                         "%s: member '%.*s' is not where the directory says", z->name,
                         (int)n_name, name);
    size_t skip = LOCAL_BYTES + (size_t)le(p + 26, 2) + le(p + 28, 2);
    if (le(p + 26, 2) != n_name || skip > directory - local ||
        memcmp(p + LOCAL_BYTES, name, n_name) != 0)
        return atti_fail(ATT_EFORMAT, "%s: member '%.*s' has another name at its place",
                         z->name, (int)n_name, name);
    m->at = local + skip;
    if (m->packed > directory - m->at)
        return atti_fail(ATT_EFORMAT, "%s: member '%.*s': %zu bytes, %zu are there",
                         z->name, (int)n_name, name, m->packed, directory - m->at);
    return ATT_OK;
}

static att_status check_sizes(const att_npz *z, const member *m, const char *name,
                              size_t n_name)
{
    if (m->method == 0 && m->packed != m->size)
        return atti_fail(ATT_EFORMAT, "%s: member '%.*s': stored, %zu bytes of %zu",
                         z->name, (int)n_name, name, m->packed, m->size);
    if (m->method == 8 && m->size / ATTI_INFLATE_RATIO > m->packed)
        return atti_fail(ATT_EFORMAT,
                         "%s: member '%.*s': %zu bytes cannot become %zu by deflate",
                         z->name, (int)n_name, name, m->packed, m->size);
    if (m->method == 0 || m->method == 8) return ATT_OK;
    return atti_fail(
        ATT_ENOTSUP,
        "%s: member '%.*s': compression method %d, read are 0 (stored) and 8 "
        "(deflate)",
        z->name, (int)n_name, name, m->method);
}

/* One entry of the directory at *at, which moves behind it. */
static att_status entry(att_npz *z, size_t *at, size_t end, size_t directory)
{
    const unsigned char *p = z->p + *at;
    member m = {0};
    if (end - *at < ENTRY_BYTES || le(p, 4) != 0x02014b50)
        return atti_fail(ATT_EFORMAT, "%s: the directory is damaged", z->name);
    size_t n_name = le(p + 28, 2), skip = n_name + le(p + 30, 2) + le(p + 32, 2);
    if (skip > end - *at - ENTRY_BYTES)
        return atti_fail(ATT_EFORMAT, "%s: the directory ends within an entry",
                         z->name);
    const char *name = (const char *)p + ENTRY_BYTES;
    *at += ENTRY_BYTES + skip;
    if (n_name < 5 || memcmp(name + n_name - 4, ".npy", 4) != 0) return ATT_OK;
    if (memchr(name, 0, n_name) || !atti_utf8_valid(name, n_name))
        return atti_fail(ATT_EFORMAT, "%s: a member's name is not UTF-8", z->name);
    if (le(p + 8, 2) & 1)
        return atti_fail(ATT_ENOTSUP, "%s: member '%.*s' is encrypted", z->name,
                         (int)n_name, name);
    m.method = (int)le(p + 10, 2);
    m.crc = le(p + 16, 4);
    m.packed = le(p + 20, 4);
    m.size = le(p + 24, 4);
    size_t local = le(p + 42, 4);
    if (m.packed == 0xffffffffU || m.size == 0xffffffffU || local == 0xffffffffU)
        return atti_fail(ATT_ENOTSUP, "%s: member '%.*s' is past 4 GiB (zip64)",
                         z->name, (int)n_name, name);
    ATTI_TRY(check_sizes(z, &m, name, n_name));
    ATTI_TRY(locate(z, &m, local, name, n_name, directory));
    ATTI_TRY(atti_grow(&z->of, &z->cap, z->n + 1, sizeof *z->of, "npz"));
    ATTI_TRY(atti_alloc(&m.name, n_name - 3, 1, "npz"));
    memcpy(m.name, name, n_name - 4);
    if (att_npz_find(z, m.name) >= 0) {
        att_status st =
            atti_fail(ATT_EFORMAT, "%s: member '%s' is there twice", z->name, m.name);
        atti_free(m.name);
        return st;
    }
    z->of[z->n++] = m;
    return ATT_OK;
}

static att_status read_directory(att_npz *z)
{
    size_t end = 0;
    ATTI_TRY(find_end(z, &end));
    const unsigned char *p = z->p + end;
    size_t n = le(p + 10, 2), bytes = le(p + 12, 4), at = le(p + 16, 4), start = at;
    if (le(p + 4, 2) != 0 || le(p + 6, 2) != 0 || le(p + 8, 2) != n)
        return atti_fail(ATT_ENOTSUP, "%s: a zip in several volumes", z->name);
    if (at == 0xffffffffU || n == 0xffff)
        return atti_fail(ATT_ENOTSUP, "%s: past 4 GiB or 65534 members (zip64)",
                         z->name);
    if (at > end || bytes > end - at)
        return atti_fail(ATT_EFORMAT, "%s: the directory lies outside the file",
                         z->name);
    for (size_t i = 0; i < n; i++) ATTI_TRY(entry(z, &at, start + bytes, start));
    return ATT_OK;
}

static att_status open_bytes(att_npz **out, const atti_blob *blob, const void *data,
                             size_t size, const char *name)
{
    att_npz *z = NULL;
    ATTI_TRY(atti_alloc(&z, 1, sizeof *z, "npz"));
    z->p = data;
    z->size = size;
    att_status st = atti_strdup(&z->name, name);
    if (st == ATT_OK) st = read_directory(z);
    if (st != ATT_OK) {
        att_npz_close(z);
        return st;
    }
    if (blob) {
        z->blob = *blob;
        z->owns = 1;
    }
    *out = z;
    return ATT_OK;
}

att_status att_npz_open(att_npz **out, const char *path)
{
    atti_blob b;
    if (!out || !path) return atti_fail(ATT_EINVAL, "npz: out or path is NULL");
    ATTI_TRY(atti_blob_open(&b, path, 0));
    att_status st = open_bytes(out, &b, b.data, b.size, path);
    if (st != ATT_OK) atti_blob_close(&b);
    return st;
}

att_status att_npz_open_memory(att_npz **out, const void *data, size_t size,
                               const char *name)
{
    if (!out || (!data && size > 0))
        return atti_fail(ATT_EINVAL, "npz: out or data is NULL");
    return open_bytes(out, NULL, data ? data : "", size, name ? name : "archive");
}

void att_npz_close(att_npz *z)
{
    if (!z) return;
    for (size_t i = 0; i < z->n; i++) atti_free(z->of[i].name);
    atti_free(z->of);
    atti_free(z->name);
    if (z->owns) atti_blob_close(&z->blob);
    atti_free(z);
}

int64_t att_npz_count(const att_npz *z)
{
    return z ? (int64_t)z->n : 0;
}

const char *att_npz_name(const att_npz *z, int64_t i)
{
    return z && i >= 0 && i < (int64_t)z->n ? z->of[i].name : NULL;
}

int64_t att_npz_find(const att_npz *z, const char *name)
{
    for (size_t i = 0; z && name && i < z->n; i++)
        if (!strcmp(z->of[i].name, name)) return (int64_t)i;
    return -1;
}

att_status att_npz_get(const att_npz *z, att_tensor *t, const char *name)
{
    unsigned char *made = NULL;
    if (!z || !t || !name) return atti_fail(ATT_EINVAL, "npz: an argument is NULL");
    int64_t i = att_npz_find(z, name);
    if (i < 0) return atti_fail(ATT_ENOTFOUND, "%s: no array '%s'", z->name, name);
    const member *m = &z->of[i];
    const unsigned char *p = z->p + m->at;
    att_status st = ATT_OK;
    if (m->method == 8) {
        ATTI_TRY(atti_alloc_raw(&made, m->size, 1, name));
        st = atti_inflate(made, m->size, p, m->packed, name);
        p = made;
    }
    if (st == ATT_OK && atti_crc32(0, p, m->size) != m->crc)
        st = atti_fail(ATT_EFORMAT, "%s: array '%s': the checksum is wrong", z->name,
                       name);
    if (st == ATT_OK) st = att_npy_load_memory(t, p, m->size, name);
    atti_free(made);
    return st;
}
