/* tokenizer_vocab.c - vocab.json (string -> id) read, checked and indexed. */
#include "tokenize/tokenizer_vocab.h"
#include "base/alloc.h"
#include "base/json.h"
#include "base/rng.h"
#include <string.h>

enum { MAX_VOCAB = 1 << 24, MAX_PIECE_BYTES = 65536 };

static uint64_t hash_text(const char *s)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
    return atti_mix64(h);
}

static uint32_t *slot_of(const atti_vocab *v, const char *piece)
{
    size_t i = hash_text(piece) & (v->table_size - 1);
    while (v->table[i] != 0 &&
           strcmp(atti_vocab_piece(v, (int32_t)v->table[i] - 1), piece) != 0) {
        i = (i + 1) & (v->table_size - 1);
    }
    return &v->table[i];
}

const char *atti_vocab_piece(const atti_vocab *v, int32_t id)
{
    return v->text + v->start[id];
}

int32_t atti_vocab_find(const atti_vocab *v, const char *piece)
{
    if (v->table_size == 0) return -1;
    return (int32_t)*slot_of(v, piece) - 1;
}

void atti_vocab_deinit(atti_vocab *v)
{
    atti_free(v->text);
    atti_free(v->start);
    atti_free(v->table);
    memset(v, 0, sizeof *v);
}

static att_status fill(atti_vocab *v, const char *const *pieces, int32_t n,
                       const char *name)
{
    size_t bytes = 0, at = 0;
    for (int32_t i = 0; i < n; i++) bytes += strlen(pieces[i]) + 1;
    v->table_size = 16;
    while (v->table_size < (size_t)n * 2) v->table_size *= 2;
    ATTI_TRY(atti_alloc(&v->text, bytes, 1, "vocabulary"));
    ATTI_TRY(atti_alloc(&v->start, (size_t)n, sizeof *v->start, "vocabulary"));
    ATTI_TRY(atti_alloc(&v->table, v->table_size, sizeof *v->table, "vocabulary"));
    for (int32_t i = 0; i < n; i++) {
        size_t len = strlen(pieces[i]) + 1;
        memcpy(v->text + at, pieces[i], len);
        v->start[i] = at;
        at += len;
        v->n = i + 1;
        uint32_t *slot = slot_of(v, pieces[i]);
        if (*slot != 0) {
            return atti_fail(ATT_EFORMAT, "%s: ids %u and %d are both '%s'", name,
                             *slot - 1, i, pieces[i]);
        }
        *slot = (uint32_t)i + 1;
    }
    return ATT_OK;
}

att_status atti_vocab_from_pieces(atti_vocab *v, const char *const *pieces, int32_t n,
                                  const char *name)
{
    memset(v, 0, sizeof *v);
    att_status st = fill(v, pieces, n, name);
    if (st != ATT_OK) atti_vocab_deinit(v);
    return st;
}

typedef struct collect {
    const char **by_id;
    size_t n;
    const char *path;
    att_status st;
} collect;

static bool take_entry(void *ctx, const char *key, const atti_json *value)
{
    collect *c = ctx;
    double id = atti_json_is_number(value) ? atti_json_number(value) : -1.0;
    if (!(id >= 0.0 && id < (double)c->n) || id != (double)(int64_t)id) {
        c->st = atti_fail(ATT_EFORMAT, "%s: '%.80s' has an id that is not in 0..%zu",
                          c->path, key, c->n - 1);
    } else if (strlen(key) > MAX_PIECE_BYTES) {
        c->st = atti_fail(ATT_EFORMAT, "%s: a piece of %zu bytes, at most %d", c->path,
                          strlen(key), MAX_PIECE_BYTES);
    } else if (c->by_id[(size_t)id]) {
        c->st = atti_fail(ATT_EFORMAT, "%s: '%.80s' and '%.80s' both have id %.0f",
                          c->path, c->by_id[(size_t)id], key, id);
    } else {
        c->by_id[(size_t)id] = key;
    }
    return c->st == ATT_OK;
}

att_status atti_vocab_load(atti_vocab *v, const char *path)
{
    atti_json *root = NULL;
    collect c = {.path = path};
    memset(v, 0, sizeof *v);
    ATTI_TRY(atti_json_load(&root, path, (size_t)1 << 30, ATTI_JSON_NO_DUPLICATES));
    att_status st = ATT_OK;
    c.n = atti_json_count(root);
    if (!atti_json_is_object(root) || c.n == 0 || c.n > MAX_VOCAB) {
        st = atti_fail(ATT_EFORMAT, "%s: not an object of 1..%d pieces", path,
                       MAX_VOCAB);
    }
    if (st == ATT_OK) st = atti_alloc(&c.by_id, c.n, sizeof *c.by_id, "vocabulary");
    if (st == ATT_OK) {
        /* n keys, n different ids below n: none is left out. */
        atti_json_each(root, take_entry, &c);
        st = c.st;
    }
    if (st == ATT_OK) st = atti_vocab_from_pieces(v, c.by_id, (int32_t)c.n, path);
    atti_free(c.by_id);
    atti_json_destroy(root);
    return st;
}
