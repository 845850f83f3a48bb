/* view_npz.c - weights and tokens as numpy's .npz: a zip of stored .npy members, written
 * head by head, its sums put into the headers afterwards. No dates, so the same arrays
 * give the same file. */
#include "base/file.h"
#include "view/picture.h"
#include <stdio.h>
#include <string.h>

enum {
    MEMBERS = 24,
    DOS_DATE = 0x21
}; /* 1980-01-01, the first day of zip's calendar */

typedef struct member {
    char name[48];
    uint32_t crc, size, offset;
} member;

typedef struct zip {
    FILE *f;
    const char *path;
    member of[MEMBERS];
    int n;
    uint64_t at;
    att_status status;
} zip;

static void put(zip *z, const void *data, size_t n)
{
    if (z->status != ATT_OK) return;
    if (fwrite(data, 1, n, z->f) != n)
        z->status = atti_fail(ATT_EIO, "%s: cannot write", z->path);
    z->at += n;
}

static size_t le(unsigned char *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * i);
    return (size_t)bytes;
}

/* Members' data: counted into the sum as it is written. */
static void data(zip *z, const void *bytes, size_t n)
{
    member *m = &z->of[z->n - 1];
    m->crc = atti_crc32(m->crc, bytes, n);
    m->size += (uint32_t)n;
    put(z, bytes, n);
}

static size_t fields(unsigned char *p, const member *m)
{
    size_t k = 0;
    k += le(p + k, 20, 2); /* version that can read it */
    k += le(p + k, 0x800, 2);
    k += le(p + k, 0, 2); /* stored */
    k += le(p + k, 0, 2);
    k += le(p + k, DOS_DATE, 2);
    k += le(p + k, m->crc, 4);
    k += le(p + k, m->size, 4);
    k += le(p + k, m->size, 4);
    k += le(p + k, strlen(m->name), 2);
    k += le(p + k, 0, 2);
    return k;
}

static void local_header(zip *z, const member *m)
{
    unsigned char p[64];
    size_t k = le(p, 0x04034b50, 4);
    k += fields(p + k, m);
    put(z, p, k);
    put(z, m->name, strlen(m->name));
}

/* Starts "<name>.npy" with numpy's header, version 1.0. */
static void begin(zip *z, const char *name, const char *descr, const int64_t *dims,
                  int n)
{
    char head[256] = "";
    unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    member *m = &z->of[z->n++];

    memset(m, 0, sizeof *m);
    (void)snprintf(m->name, sizeof m->name, "%s.npy", name);
    m->offset = (uint32_t)z->at;
    local_header(z, m);
    size_t k = (size_t)snprintf(
        head, sizeof head, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < n; i++)
        k += (size_t)snprintf(head + k, sizeof head - k, "%lld,%s", (long long)dims[i],
                              i + 1 < n ? " " : "");
    k += (size_t)snprintf(head + k, sizeof head - k, "), }");
    while ((k + 1 + sizeof start) % 64 != 0) head[k++] = ' ';
    head[k++] = '\n';
    (void)le(start + 8, k, 2);
    data(z, start, sizeof start);
    data(z, head, k);
}

static void end(zip *z)
{
    const member *m = &z->of[z->n - 1];
    uint64_t at = z->at;

    if (z->status == ATT_OK && fseek(z->f, (long)m->offset, SEEK_SET) != 0)
        z->status = atti_fail(ATT_EIO, "%s: cannot seek", z->path);
    local_header(z, m);
    if (z->status == ATT_OK && fseek(z->f, 0, SEEK_END) != 0)
        z->status = atti_fail(ATT_EIO, "%s: cannot seek", z->path);
    z->at = at;
}

static void directory(zip *z)
{
    uint64_t start = z->at;
    unsigned char p[64];

    for (int i = 0; i < z->n; i++) {
        const member *m = &z->of[i];
        size_t k = le(p, 0x02014b50, 4);
        k += le(p + k, 20, 2); /* made by: no system's attributes */
        k += fields(p + k, m);
        k += le(p + k, 0, 2);
        k += le(p + k, 0, 2);
        k += le(p + k, 0, 2);
        k += le(p + k, 0, 4);
        k += le(p + k, m->offset, 4);
        put(z, p, k);
        put(z, m->name, strlen(m->name));
    }
    uint64_t size = z->at - start;
    size_t k = le(p, 0x06054b50, 4);
    k += le(p + k, 0, 4);
    k += le(p + k, (uint64_t)z->n, 2);
    k += le(p + k, (uint64_t)z->n, 2);
    k += le(p + k, size, 4);
    k += le(p + k, start, 4);
    k += le(p + k, 0, 2);
    put(z, p, k);
}

static int64_t characters(const char *text)
{
    int64_t n = 0;
    for (size_t len = strlen(text), i = 0; i < len; n++) {
        int k = atti_utf8_len(text + i, len - i);
        i += (size_t)(k > 0 ? k : 1);
    }
    return n;
}

/* numpy's fixed-width unicode: UTF-32, padded with zeros. */
static void tokens(zip *z, const char *name, const att_attention_map *m, bool rows)
{
    int64_t n = rows ? m->rows : m->cols, most = 1;
    char buf[24], descr[32];

    for (int64_t i = 0; i < n; i++) {
        int64_t k =
            characters(rows ? atti_map_row(m, i, buf) : atti_map_col(m, i, buf));
        if (k > most) most = k;
    }
    if (most > 10000) most = 10000;
    (void)snprintf(descr, sizeof descr, "<U%lld", (long long)most);
    begin(z, name, descr, &n, 1);
    for (int64_t i = 0; i < n; i++) {
        const char *text = rows ? atti_map_row(m, i, buf) : atti_map_col(m, i, buf);
        size_t len = strlen(text), at = 0;
        for (int64_t k = 0; k < most; k++) {
            unsigned char word[4];
            uint32_t c = 0;
            if (at < len) {
                int used = atti_utf8_decode(&c, text + at, len - at);
                if (used == 0) c = 0xfffd, used = 1;
                at += (size_t)used;
            }
            (void)le(word, c, 4);
            data(z, word, 4);
        }
    }
    end(z);
}

static void floats(zip *z, const float *w, size_t n)
{
    unsigned char block[4096];
    for (size_t i = 0; i < n;) {
        size_t k = 0;
        for (; i < n && k < sizeof block; i++, k += 4) {
            uint32_t bits;
            memcpy(&bits, &w[i], 4);
            (void)le(block + k, bits, 4);
        }
        data(z, block, k);
    }
}

enum { STEM = 32 };

/* What a map's arrays are called: weights by their kind; what was computed from them, and
 * says what its columns are, by its name: "Integrated gradients" integrated_gradients. */
static bool stem_of(char out[STEM], const att_attention_map *m)
{
    static const char *const kinds[] = {"cross", "encoder", "decoder", "other"};
    bool weights = m->kind != ATT_VIEW_OTHER || !m->col_axis || !m->name;
    size_t n = 0;
    if (weights) {
        (void)snprintf(out, STEM, "%s", kinds[m->kind]);
        return true;
    }
    for (const char *p = m->name; *p && n < STEM - 1; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        out[n++] = plain ? c : '_';
    }
    out[n] = 0;
    return false;
}

static att_status one_map(zip *z, const att_attention_map *m, const char *suffix)
{
    const int64_t dims[4] = {m->n_layers, m->n_heads, m->rows, m->cols};
    char name[44], stem[STEM];
    bool weights = stem_of(stem, m);
    float *w;
    att_status st = ATT_OK;

    ATTI_TRY(atti_alloc_raw(&w, (size_t)(m->rows * m->cols), sizeof *w, "a head"));
    (void)snprintf(name, sizeof name, "%s%s%s", weights ? "attn_" : "", stem, suffix);
    begin(z, name, "<f4", dims, 4);
    for (int64_t i = 0; i < m->n_layers * m->n_heads && st == ATT_OK; i++) {
        st = atti_map_head(m, i / m->n_heads + 1, i % m->n_heads + 1, w);
        if (st == ATT_OK) floats(z, w, (size_t)(m->rows * m->cols));
        if (st == ATT_OK) st = z->status;
    }
    atti_free(w);
    if (st != ATT_OK) return st;
    end(z);
    (void)snprintf(name, sizeof name, "tokens_%.24s%s_rows", stem, suffix);
    tokens(z, name, m, true);
    (void)snprintf(name, sizeof name, "tokens_%.24s%s_cols", stem, suffix);
    tokens(z, name, m, false);
    return z->status;
}

/* Everything's size is known beforehand; zip's plain form ends at 4 GiB. */
static att_status fits(const att_attention_map *maps, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        const att_attention_map *m = &maps[i];
        total += 4.0 * (double)m->n_layers * (double)m->n_heads * (double)m->rows *
                     (double)m->cols +
                 40000.0 * ((double)m->rows + (double)m->cols) * 0.01;
    }
    if (total < 4.2e9) return ATT_OK;
    return atti_fail(ATT_EINVAL,
                     "the arrays take %.1f GB, more than the 4 of one .npz: a "
                     "shorter text, or fewer layers at a time",
                     total / 1e9);
}

att_status att_view_npz(const char *path, const att_attention_map *maps, int64_t n_maps)
{
    atti_out out = {0};

    if (!path) return atti_fail(ATT_EINVAL, "npz: no file name");
    ATTI_TRY(atti_maps_check(maps, n_maps, "npz"));
    ATTI_TRY(fits(maps, n_maps));
    ATTI_TRY(atti_out_open(&out, path));
    zip z = {.f = out.f, .path = path};
    att_status st = ATT_OK;
    for (int64_t i = 0; i < n_maps && st == ATT_OK; i++) {
        char suffix[16] = "", stem[STEM], other[STEM];
        int seen = 1;
        (void)stem_of(stem, &maps[i]);
        for (int64_t k = 0; k < i; k++) {
            (void)stem_of(other, &maps[k]);
            seen += strcmp(stem, other) == 0;
        }
        if (seen > 1) (void)snprintf(suffix, sizeof suffix, "_%d", seen);
        st = one_map(&z, &maps[i], suffix);
    }
    if (st == ATT_OK) {
        directory(&z);
        st = z.status;
    }
    if (st == ATT_OK) st = atti_out_commit(&out);
    atti_out_abort(&out);
    return st;
}
