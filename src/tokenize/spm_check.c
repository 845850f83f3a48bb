/* spm_check.c - reads a SentencePiece model's protocol buffer without trusting it.
 *
 * Nothing is decoded into objects: one pass over the bytes, one table for duplicate
 * pieces. Groups (wire types 3 and 4) are refused: no SentencePiece model has them and
 * they are the one way to nest without a length. Unknown fields are skipped by type. */
#include "tokenize/spm_check.h"
#include "tokenize/spm_field.h"
#include "base/alloc.h"
#include "base/rng.h"
#include "base/str.h"
#include <math.h>
#include <string.h>

enum { MAX_PIECES = 1 << 24, MAX_PIECE_BYTES = 65536, MAX_PREFIXES = 32 };
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER, TYPE_UNUSED, TYPE_BYTE };

typedef atti_spm_span span;
typedef atti_spm_field field;

typedef struct piece {
    const char *text;
    uint32_t len, type;
} piece;

typedef struct model {
    atti_spm_bytes in;
    piece *pieces;
    size_t n, cap;
    uint32_t *table; /* open addressing by text, index + 1 */
    size_t table_size;
    size_t unknowns, bytes, users;
    int byte_fallback, has_trainer, has_normalizer;
    int64_t ids[4]; /* unk, bos, eos, pad */
} model;

static att_status want_wire(const model *m, const field *f, uint32_t wire,
                            const char *what)
{
    if (f->wire == wire) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s: %s has wire type %u, expected %u", m->in.name,
                     what, f->wire, wire);
}

/* "<0xHH>": exactly two hexadecimal digits, as SentencePiece prints them. */
static int byte_piece(const piece *p)
{
    static const char digits[] = "0123456789ABCDEF";
    if (p->len != 6 || memcmp(p->text, "<0x", 3) != 0 || p->text[5] != '>') return 0;
    return memchr(digits, p->text[3], 16) && memchr(digits, p->text[4], 16);
}

static att_status check_piece(model *m, const piece *p, float score)
{
    size_t i = m->n;
    if (p->len == 0) {
        return atti_fail(ATT_EFORMAT, "%s: piece %zu is empty", m->in.name, i);
    }
    if (p->len > MAX_PIECE_BYTES) {
        return atti_fail(ATT_EFORMAT, "%s: piece %zu has %u bytes, at most %d",
                         m->in.name, i, p->len, MAX_PIECE_BYTES);
    }
    if (!atti_utf8_valid(p->text, p->len) || memchr(p->text, '\0', p->len)) {
        return atti_fail(ATT_EFORMAT, "%s: piece %zu is not UTF-8 without NUL",
                         m->in.name, i);
    }
    if (!isfinite(score)) {
        return atti_fail(ATT_EFORMAT, "%s: piece %zu ('%.*s') has score %g", m->in.name,
                         i, (int)p->len, p->text, (double)score);
    }
    if (p->type < TYPE_NORMAL || p->type > TYPE_BYTE) {
        return atti_fail(ATT_EFORMAT, "%s: piece %zu ('%.*s') has type %u, not in 1..6",
                         m->in.name, i, (int)p->len, p->text, p->type);
    }
    if (p->type == TYPE_BYTE) {
        if (!byte_piece(p)) {
            return atti_fail(ATT_EFORMAT,
                             "%s: byte piece %zu is '%.*s', expected <0xHH>",
                             m->in.name, i, (int)p->len, p->text);
        }
        m->bytes++;
    }
    m->unknowns += p->type == TYPE_UNKNOWN;
    m->users += p->type == TYPE_USER;
    return ATT_OK;
}

static att_status add_piece(model *m, span s)
{
    piece p = {.text = "", .type = TYPE_NORMAL};
    float score = 0.0f;
    while (s.p < s.end) {
        field f;
        ATTI_TRY(atti_spm_next_field(&m->in, &s, &f));
        if (f.number == 1) {
            ATTI_TRY(want_wire(m, &f, 2, "piece text"));
            p.text = (const char *)f.bytes.p;
            size_t n = (size_t)(f.bytes.end - f.bytes.p);
            p.len = n > MAX_PIECE_BYTES ? MAX_PIECE_BYTES + 1 : (uint32_t)n;
        } else if (f.number == 2) {
            ATTI_TRY(want_wire(m, &f, 5, "piece score"));
            memcpy(&score, &f.fixed, sizeof score);
        } else if (f.number == 3) {
            ATTI_TRY(want_wire(m, &f, 0, "piece type"));
            p.type = f.varint > TYPE_BYTE ? TYPE_BYTE + 1 : (uint32_t)f.varint;
        }
    }
    if (m->n == MAX_PIECES) {
        return atti_fail(ATT_EFORMAT, "%s: more than %d pieces", m->in.name,
                         MAX_PIECES);
    }
    ATTI_TRY(check_piece(m, &p, score));
    ATTI_TRY(atti_grow(&m->pieces, &m->cap, m->n + 1, sizeof *m->pieces, "pieces"));
    m->pieces[m->n++] = p;
    return ATT_OK;
}

static uint64_t hash_text(const char *s, size_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ n;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
    return atti_mix64(h);
}

/* The slot where this text is or would be. */
static uint32_t *find(const model *m, const char *text, size_t len)
{
    size_t i = hash_text(text, len) & (m->table_size - 1);
    for (;; i = (i + 1) & (m->table_size - 1)) {
        if (m->table[i] == 0) return &m->table[i];
        const piece *p = &m->pieces[m->table[i] - 1];
        if (p->len == len && memcmp(p->text, text, len) == 0) return &m->table[i];
    }
}

static att_status check_unique(model *m)
{
    m->table_size = 16;
    while (m->table_size < m->n * 2) m->table_size *= 2;
    ATTI_TRY(atti_alloc(&m->table, m->table_size, sizeof *m->table, "piece table"));
    for (size_t i = 0; i < m->n; i++) {
        const piece *p = &m->pieces[i];
        uint32_t *slot = find(m, p->text, p->len);
        if (*slot != 0) {
            return atti_fail(ATT_EFORMAT, "%s: pieces %u and %zu are both '%.*s'",
                             m->in.name, *slot - 1, i, (int)p->len, p->text);
        }
        *slot = (uint32_t)i + 1;
    }
    return ATT_OK;
}

/* SentencePiece keeps the user-defined pieces that match at one place in a small array:
 * no chain of prefixes may be longer. Quadratic in a piece's length, which is capped. */
static att_status check_user_pieces(const model *m)
{
    if (m->users <= MAX_PREFIXES) return ATT_OK;
    for (size_t i = 0; i < m->n; i++) {
        const piece *p = &m->pieces[i];
        if (p->type != TYPE_USER || p->len <= MAX_PREFIXES) continue;
        if (p->len > 1024) {
            return atti_fail(ATT_EFORMAT,
                             "%s: user-defined piece %zu has %u bytes, at most 1024",
                             m->in.name, i, p->len);
        }
        int chain = 0;
        for (uint32_t n = 1; n <= p->len; n++) {
            uint32_t slot = *find(m, p->text, n);
            chain += slot != 0 && m->pieces[slot - 1].type == TYPE_USER;
        }
        if (chain > MAX_PREFIXES) {
            return atti_fail(ATT_EFORMAT,
                             "%s: %d user-defined pieces are prefixes of piece %zu, at "
                             "most %d",
                             m->in.name, chain, i, MAX_PREFIXES);
        }
    }
    return ATT_OK;
}

static att_status check_trainer(model *m, span s)
{
    while (s.p < s.end) {
        field f;
        ATTI_TRY(atti_spm_next_field(&m->in, &s, &f));
        if (f.number == 3) {
            ATTI_TRY(want_wire(m, &f, 0, "model type"));
            if (f.varint < 1 || f.varint > 4) {
                return atti_fail(ATT_EFORMAT, "%s: model type %llu, not in 1..4",
                                 m->in.name, (unsigned long long)f.varint);
            }
        } else if (f.number == 35) {
            ATTI_TRY(want_wire(m, &f, 0, "byte_fallback"));
            m->byte_fallback = f.varint != 0;
        } else if (f.number >= 40 && f.number <= 43) {
            ATTI_TRY(want_wire(m, &f, 0, "special id"));
            /* An int32 on the wire: -1 comes as ten bytes, the upper half is cut. */
            m->ids[f.number - 40] = (int32_t)(uint32_t)f.varint;
        }
    }
    return ATT_OK;
}

static att_status check_normalizer(const model *m, span s)
{
    while (s.p < s.end) {
        field f;
        ATTI_TRY(atti_spm_next_field(&m->in, &s, &f));
        if (f.number != 2) continue;
        ATTI_TRY(want_wire(m, &f, 2, "character map"));
        ATTI_TRY(atti_charsmap_check(f.bytes.p, (size_t)(f.bytes.end - f.bytes.p),
                                     m->in.name));
    }
    return ATT_OK;
}

static att_status check_submessage(const model *m, span s)
{
    while (s.p < s.end) {
        field f;
        ATTI_TRY(atti_spm_next_field(&m->in, &s, &f));
    }
    return ATT_OK;
}

/* self_test_data is a list of samples; they are run through the model when it loads. */
static att_status check_self_test(const model *m, span s)
{
    while (s.p < s.end) {
        field f;
        ATTI_TRY(atti_spm_next_field(&m->in, &s, &f));
        if (f.number == 1 && f.wire == 2) ATTI_TRY(check_submessage(m, f.bytes));
    }
    return ATT_OK;
}

static att_status check_whole(const model *m)
{
    static const char *const id_names[4] = {"unk_id", "bos_id", "eos_id", "pad_id"};
    if (m->n == 0) return atti_fail(ATT_EFORMAT, "%s: no pieces", m->in.name);
    if (m->unknowns != 1) {
        return atti_fail(ATT_EFORMAT, "%s: %zu unknown pieces, expected 1", m->in.name,
                         m->unknowns);
    }
    if (m->bytes != (m->byte_fallback ? 256U : 0U)) {
        return atti_fail(ATT_EFORMAT, "%s: %zu byte pieces, expected %d", m->in.name,
                         m->bytes, m->byte_fallback ? 256 : 0);
    }
    for (int i = 0; i < 4; i++) {
        if (m->ids[i] < -1 || m->ids[i] >= (int64_t)m->n) {
            return atti_fail(ATT_EFORMAT, "%s: %s is %lld, not in -1..%zu", m->in.name,
                             id_names[i], (long long)m->ids[i], m->n - 1);
        }
    }
    return ATT_OK;
}

static att_status check_model(model *m, span s)
{
    while (s.p < s.end) {
        field f;
        ATTI_TRY(atti_spm_next_field(&m->in, &s, &f));
        if (f.number > 5) continue;
        ATTI_TRY(want_wire(m, &f, 2, "a part of the model"));
        m->has_trainer |= f.number == 2;
        m->has_normalizer |= f.number == 3;
        switch (f.number) {
        case 1: ATTI_TRY(add_piece(m, f.bytes)); break;
        case 2: ATTI_TRY(check_trainer(m, f.bytes)); break;
        case 4: ATTI_TRY(check_self_test(m, f.bytes)); break;
        default: ATTI_TRY(check_normalizer(m, f.bytes)); break;
        }
    }
    ATTI_TRY(check_whole(m));
    ATTI_TRY(check_unique(m));
    ATTI_TRY(check_user_pieces(m));
    /* The parts come in the order of their numbers, so a file that was cut between two
     * of them reads well and lacks one of these, which every writer makes. */
    if (m->has_trainer && m->has_normalizer) return ATT_OK;
    return atti_fail(ATT_EFORMAT, "%s: no %s after %zu pieces: the file was cut short",
                     m->in.name, m->has_trainer ? "normalizer_spec" : "trainer_spec",
                     m->n);
}

/* Files that people hand over in place of a model (formats.md 2). */
static const char *mistaken_for(const unsigned char *p, size_t n)
{
    static const struct {
        const char *magic, *what;
    } known[] = {
        {"version https://git-lfs",
         "a Git LFS pointer; the real file was not downloaded"},
        {"PK\x03\x04", "a zip archive"},
        {"GGUF", "a GGUF model"},
        {"<!DOCTYPE", "a web page"},
        {"<html", "a web page"},
        {"{", "JSON; a SentencePiece model is wanted"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t len = strlen(known[i].magic);
        if (n >= len && memcmp(p, known[i].magic, len) == 0) return known[i].what;
    }
    return NULL;
}

att_status atti_spm_check(const void *data, size_t n, const char *name)
{
    if (n == 0)
        return atti_fail(ATT_EFORMAT, "%s: empty, not a SentencePiece model", name);
    const char *what = mistaken_for(data, n);
    if (what) return atti_fail(ATT_EFORMAT, "%s: is %s", name, what);
    model m = {.in = {name, data}, .ids = {-1, -1, -1, -1}};
    att_status st = check_model(&m, (span){m.in.start, m.in.start + n});
    atti_free(m.pieces);
    atti_free(m.table);
    return st;
}

int atti_spm_is_bpe(const void *data, size_t n)
{
    model m = {.in = {"model", data}};
    span s = {m.in.start, m.in.start + n};
    uint64_t type = 1; /* unigram, where nothing is said */
    while (s.p < s.end) {
        field f, g;
        if (atti_spm_next_field(&m.in, &s, &f) != ATT_OK) return 0;
        while (f.number == 2 && f.wire == 2 && f.bytes.p < f.bytes.end) {
            if (atti_spm_next_field(&m.in, &f.bytes, &g) != ATT_OK) return 0;
            if (g.number == 3) type = g.varint;
        }
    }
    return type == 2;
}
