/* tok_pieces.c - the vocabulary of tok_pieces.h. */
#include "tokenize/tok_pieces.h"
#include "base/alloc.h"
#include "base/rng.h"
#include <string.h>

static uint64_t hash_text(const char *s, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ n;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
    return atti_mix64(h);
}

static uint32_t *slot_of(const atti_pieces *v, const char *s, size_t n)
{
    size_t i = (size_t)hash_text(s, n) & (v->table_size - 1);
    for (;; i = (i + 1) & (v->table_size - 1)) {
        if (v->table[i] == 0) return &v->table[i];
        const atti_pieces_entry *p = &v->list[v->table[i] - 1];
        if (p->len == n && memcmp(v->text + p->at, s, n) == 0) return &v->table[i];
    }
}

static att_status grow_table(atti_pieces *v)
{
    size_t size = v->table_size ? v->table_size * 2 : 256;
    uint32_t *table = NULL;
    ATTI_TRY(atti_alloc(&table, size, sizeof *table, "vocabulary"));
    atti_free(v->table);
    v->table = table;
    v->table_size = size;
    for (size_t i = 0; i < v->n; i++) {
        *slot_of(v, v->text + v->list[i].at, v->list[i].len) = (uint32_t)i + 1;
    }
    return ATT_OK;
}

att_status atti_pieces_add(atti_pieces *v, const char *s, size_t n, int64_t id,
                           const char *name)
{
    if (n > ATTI_MAX_PIECE_BYTES) {
        return atti_fail(ATT_EFORMAT, "%s: a piece of %zu bytes, at most %d", name, n,
                         ATTI_MAX_PIECE_BYTES);
    }
    if (id < 0 || id >= ATTI_MAX_PIECES || v->n >= ATTI_MAX_PIECES) {
        return atti_fail(ATT_EFORMAT, "%s: '%.80s' has id %lld, not in 0..%d", name, s,
                         (long long)id, ATTI_MAX_PIECES - 1);
    }
    if (v->n * 2 >= v->table_size) ATTI_TRY(grow_table(v));
    uint32_t *slot = slot_of(v, s, n);
    if (*slot != 0) {
        return atti_fail(ATT_EFORMAT, "%s: ids %d and %lld are both '%.80s'", name,
                         v->list[*slot - 1].id, (long long)id, s);
    }
    ATTI_TRY(atti_grow(&v->text, &v->text_cap, v->text_n + n + 1, 1, "vocabulary"));
    ATTI_TRY(atti_grow(&v->list, &v->cap, v->n + 1, sizeof *v->list, "vocabulary"));
    memcpy(v->text + v->text_n, s, n);
    v->text[v->text_n + n] = '\0';
    v->list[v->n] = (atti_pieces_entry){v->text_n, (uint32_t)n, (int32_t)id};
    v->text_n += n + 1;
    *slot = (uint32_t)++v->n;
    if (id >= v->size) v->size = (int32_t)id + 1;
    return ATT_OK;
}

att_status atti_pieces_seal(atti_pieces *v, const char *name)
{
    if (v->n == 0) return atti_fail(ATT_EFORMAT, "%s: an empty vocabulary", name);
    /* Holes are legal (padded vocabularies have them); a wide desert is damage and would
     * cost memory by the file's word alone. */
    if ((size_t)v->size > v->n * 2 + 65536) {
        return atti_fail(ATT_EFORMAT, "%s: id %d in a vocabulary of %zu pieces", name,
                         v->size - 1, v->n);
    }
    atti_free(v->by_id);
    v->by_id = NULL;
    ATTI_TRY(
        atti_alloc_raw(&v->by_id, (size_t)v->size, sizeof *v->by_id, "vocabulary"));
    for (int32_t i = 0; i < v->size; i++) v->by_id[i] = -1;
    for (size_t i = 0; i < v->n; i++) {
        int32_t *to = &v->by_id[v->list[i].id];
        if (*to >= 0) {
            return atti_fail(ATT_EFORMAT, "%s: '%.80s' and '%.80s' both have id %d",
                             name, v->text + v->list[*to].at, v->text + v->list[i].at,
                             v->list[i].id);
        }
        *to = (int32_t)i;
    }
    return ATT_OK;
}

void atti_pieces_deinit(atti_pieces *v)
{
    atti_free(v->text);
    atti_free(v->list);
    atti_free(v->table);
    atti_free(v->by_id);
    *v = (atti_pieces){0};
}

int32_t atti_pieces_find_any(const atti_pieces *v, const char *s, size_t n)
{
    if (v->table_size == 0 || n > ATTI_MAX_PIECE_BYTES) return -1;
    uint32_t at = *slot_of(v, s, n);
    return at == 0 ? -1 : v->list[at - 1].id;
}

int32_t atti_pieces_find(const atti_pieces *v, const char *s, size_t n)
{
    if (v->table_size == 0 || n > ATTI_MAX_PIECE_BYTES) return -1;
    uint32_t at = *slot_of(v, s, n);
    return at == 0 || at > v->n_model ? -1 : v->list[at - 1].id;
}

const char *atti_pieces_get(const atti_pieces *v, int32_t id, size_t *len)
{
    if (id < 0 || id >= v->size || v->by_id[id] < 0) return NULL;
    const atti_pieces_entry *p = &v->list[v->by_id[id]];
    if (len) *len = p->len;
    return v->text + p->at;
}
