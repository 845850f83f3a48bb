/* bpe_dropout.c - merges of a BPE vocabulary by id, done with some left out.
 *
 * Owns two tables: the characters of every piece as ids, and a hash of (left, right) to
 * the piece that they merge into. The rank of a merge is the number that SentencePiece
 * gave the piece: earlier ones are merged first, of equal ones the leftmost. */
#include "tokenize/bpe_dropout.h"
#include "atti_config.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/str.h"
#include "tokenize/tokenizer_backend.h"
#include <limits.h>
#include <string.h>

enum {
    WORD_MAX = 96, /* characters merged together; a longer run of pieces is cut */
    SPACE_BYTES = 3
};
static const char space_mark[] = "\xe2\x96\x81"; /* U+2581 begins a word */

typedef struct merge {
    uint64_t pair; /* left << 32 | right; UINT64_MAX = empty */
    int32_t id;
} merge;

struct atti_bpe_dropout {
    int32_t size;
    int32_t *first; /* [size + 1] characters of piece i: chars[first[i]..first[i+1]) */
    int32_t *chars; /* none: the piece stays as it is */
    int32_t *rank;  /* [size] */
    unsigned char *word; /* [size] nonzero: begins a word */
    merge *merges;
    uint64_t mask;
    uint32_t threshold; /* p * 2^32 */
};

static uint64_t pair_of(int32_t a, int32_t b)
{
    return (uint64_t)(uint32_t)a << 32 | (uint32_t)b;
}

static int32_t find_merge(const atti_bpe_dropout *d, int32_t a, int32_t b)
{
    uint64_t pair = pair_of(a, b);
    for (uint64_t i = atti_mix64(pair) & d->mask;; i = (i + 1) & d->mask) {
        if (d->merges[i].pair == pair) return d->merges[i].id;
        if (d->merges[i].pair == UINT64_MAX) return -1;
    }
}

static void add_merge(atti_bpe_dropout *d, int32_t a, int32_t b, int32_t id)
{
    uint64_t pair = pair_of(a, b), i = atti_mix64(pair) & d->mask;
    while (d->merges[i].pair != UINT64_MAX) i = (i + 1) & d->mask;
    d->merges[i] = (merge){pair, id};
}

/* Bytes of the character at s; 0 at the end and for what is no UTF-8. */
static size_t char_bytes(const char *s, size_t n)
{
    int len = n > 0 ? atti_utf8_len(s, n) : 0;
    return len > 0 ? (size_t)len : 0;
}

/* The id of the piece s[0..n), -1 when there is none. */
static int32_t id_of(const att_tokenizer *t, const char *s, size_t n)
{
    char name[512];
    if (n >= sizeof name) return -1;
    memcpy(name, s, n);
    name[n] = '\0';
    return t->ops->id(t, name);
}

/* Characters of piece i to chars (NULL: only counted); -1 when they are no pieces. */
static int64_t split_chars(const att_tokenizer *t, const char *piece, int32_t *chars)
{
    size_t n = strlen(piece), at = 0;
    int64_t count = 0;
    while (at < n) {
        size_t len = char_bytes(piece + at, n - at);
        int32_t id = len > 0 ? id_of(t, piece + at, len) : -1;
        if (id < 0 || count == WORD_MAX) return -1;
        if (chars) chars[count] = id;
        count++;
        at += len;
    }
    return count;
}

/* Every way of cutting the piece in two: counted, and with d->merges added. */
static int64_t split_merges(atti_bpe_dropout *d, const att_tokenizer *t, int32_t id,
                            int add)
{
    const char *piece = t->ops->piece(t, id);
    size_t n = strlen(piece), at = char_bytes(piece, n);
    int64_t count = 0;
    while (at > 0 && at < n) {
        int32_t left = id_of(t, piece, at), right = id_of(t, piece + at, n - at);
        if (left >= 0 && right >= 0) {
            count++;
            if (add) add_merge(d, left, right, id);
        }
        size_t len = char_bytes(piece + at, n - at);
        if (len == 0) break;
        at += len;
    }
    return count;
}

/* ---- merging --------------------------------------------------------------------- */

static int is_dropped(const atti_bpe_dropout *d, uint64_t key, uint64_t *count)
{
    return (uint32_t)(atti_mix64(key ^ (*count)++) >> 32) < d->threshold;
}

/* w[0..n) merged in place; returns how many are left. */
static int64_t merge_word(const atti_bpe_dropout *d, uint64_t key, uint64_t *count,
                          int32_t *w, int64_t n)
{
    int32_t whole[WORD_MAX]; /* what w[i], w[i + 1] merge into, -1 = nothing */
    for (int64_t i = 0; i + 1 < n; i++) whole[i] = find_merge(d, w[i], w[i + 1]);
    while (n > 1) {
        int64_t best = -1;
        for (int64_t i = 0; i + 1 < n; i++) {
            if (whole[i] < 0 || (d->threshold && is_dropped(d, key, count))) continue;
            if (best < 0 || d->rank[whole[i]] < d->rank[whole[best]]) best = i;
        }
        if (best < 0) break;
        w[best] = whole[best];
        size_t rest = (size_t)(n - best - 2);
        memmove(w + best + 1, w + best + 2, rest * sizeof *w);
        if (rest > 0)
            memmove(whole + best + 1, whole + best + 2, (rest - 1) * sizeof *w);
        n--;
        if (best > 0) whole[best - 1] = find_merge(d, w[best - 1], w[best]);
        if (best + 1 < n) whole[best] = find_merge(d, w[best], w[best + 1]);
    }
    return n;
}

int64_t atti_bpe_dropout_draw(const atti_bpe_dropout *d, uint64_t key,
                              const int32_t *ids, int64_t n, int32_t *out, int64_t room)
{
    int32_t w[WORD_MAX];
    uint64_t count = 0;
    int64_t made = 0, len = 0;
    for (int64_t i = 0; i <= n; i++) {
        int32_t id = i < n ? ids[i] : -1;
        int32_t more = id >= 0 && id < d->size ? d->first[id + 1] - d->first[id] : 0;
        /* A word ends before the next one, before a piece that stays, at the end. */
        if (more == 0 || d->word[id] || len + more > WORD_MAX) {
            len = merge_word(d, key, &count, w, len);
            if (len > room - made - (more == 0 && i < n)) goto unchanged;
            memcpy(out + made, w, (size_t)len * sizeof *w);
            made += len;
            len = 0;
        }
        if (more == 0) {
            if (i < n) out[made++] = id;
            continue;
        }
        memcpy(w + len, d->chars + d->first[id], (size_t)more * sizeof *w);
        len += more;
    }
    return made;
unchanged:
    memcpy(out, ids, (size_t)n * sizeof *out);
    return n;
}

/* ---- opening --------------------------------------------------------------------- */

/* Ranks by SentencePiece's numbers; ids that it does not know stay whole. */
static void set_ranks(atti_bpe_dropout *d, const att_tokenizer *t)
{
    for (int32_t i = 0; i < d->size; i++) d->rank[i] = INT_MAX;
#ifdef ATTI_HAVE_SENTENCEPIECE
    int32_t n = atti_spm_size(t->spm);
    for (int32_t i = n - 1; i >= 0; i--) {
        int32_t id = t->from_spm[i];
        int plain = id != t->unk && !atti_spm_is_control(t->spm, i) &&
                    !atti_spm_is_unused(t->spm, i);
        if (plain && id >= 0 && id < d->size) d->rank[id] = i;
    }
#else
    (void)t; /* no tokenizer has merges */
#endif
}

static att_status set_chars(atti_bpe_dropout *d, const att_tokenizer *t)
{
    int64_t total = 0;
    for (int32_t i = 0; i < d->size; i++) {
        const char *piece = t->ops->piece(t, i);
        int64_t n = 0;
        if (piece && d->rank[i] < INT_MAX) n = split_chars(t, piece, NULL);
        d->first[i] = (int32_t)total;
        total += n > 0 ? n : 0;
        if (total > INT32_MAX)
            return atti_fail(ATT_EFORMAT,
                             "BPE-dropout: pieces of more than %d "
                             "characters in all",
                             INT32_MAX);
        d->word[i] = piece && strncmp(piece, space_mark, SPACE_BYTES) == 0;
    }
    d->first[d->size] = (int32_t)total;
    ATTI_TRY(atti_alloc(&d->chars, (size_t)total + 1, sizeof *d->chars, "BPE-dropout"));
    for (int32_t i = 0; i < d->size; i++) {
        if (d->first[i + 1] == d->first[i]) continue;
        (void)split_chars(t, t->ops->piece(t, i), d->chars + d->first[i]);
    }
    return ATT_OK;
}

static att_status set_merges(atti_bpe_dropout *d, const att_tokenizer *t)
{
    int64_t total = 0;
    uint64_t cap = 64;
    for (int32_t i = 0; i < d->size; i++)
        if (d->first[i + 1] - d->first[i] > 1) total += split_merges(d, t, i, 0);
    while (cap < 2 * (uint64_t)total) cap *= 2;
    d->mask = cap - 1;
    ATTI_TRY(atti_alloc_raw(&d->merges, (size_t)cap, sizeof *d->merges, "BPE-dropout"));
    for (uint64_t i = 0; i < cap; i++) d->merges[i].pair = UINT64_MAX;
    for (int32_t i = 0; i < d->size; i++)
        if (d->first[i + 1] - d->first[i] > 1) (void)split_merges(d, t, i, 1);
    return ATT_OK;
}

/* Pieces that their own merges do not give are no products of BPE: symbols of the user
 * have characters too. They keep one "character", none: they stay. */
static void keep_symbols(atti_bpe_dropout *d, unsigned char *stays)
{
    int32_t w[WORD_MAX];
    for (int32_t i = 0; i < d->size; i++) {
        int64_t n = d->first[i + 1] - d->first[i];
        uint64_t count = 0;
        if (n == 0) continue;
        memcpy(w, d->chars + d->first[i], (size_t)n * sizeof *w);
        stays[i] = merge_word(d, 0, &count, w, n) != 1 || w[0] != i;
    }
    int32_t at = 0;
    for (int32_t i = 0, from = 0; i < d->size; i++) {
        int32_t end = d->first[i + 1], n = stays[i] ? 0 : end - from;
        memmove(d->chars + at, d->chars + from, (size_t)n * sizeof *d->chars);
        d->first[i] = at;
        at += n;
        from = end;
    }
    d->first[d->size] = at;
}

static att_status open_tables(atti_bpe_dropout *d, const att_tokenizer *t)
{
    size_t n = (size_t)d->size;
    unsigned char *stays = NULL;
    ATTI_TRY(atti_alloc(&d->first, n + 1, sizeof *d->first, "BPE-dropout"));
    ATTI_TRY(atti_alloc(&d->rank, n, sizeof *d->rank, "BPE-dropout"));
    ATTI_TRY(atti_alloc(&d->word, n, 1, "BPE-dropout"));
    set_ranks(d, t);
    ATTI_TRY(set_chars(d, t));
    ATTI_TRY(set_merges(d, t));
    ATTI_TRY(atti_alloc(&stays, n, 1, "BPE-dropout"));
    keep_symbols(d, stays);
    atti_free(stays);
    return ATT_OK;
}

att_status atti_bpe_dropout_open(atti_bpe_dropout **out, const att_tokenizer *t,
                                 double p)
{
    atti_bpe_dropout *d = NULL;
    if (!(p >= 0 && p < 1))
        return atti_fail(ATT_EINVAL, "BPE-dropout %g is not in 0..1", p);
    if (!t->merges)
        return atti_fail(ATT_ENOTSUP,
                         "BPE-dropout: the vocabulary %s is not made of "
                         "SentencePiece's BPE merges",
                         t->source ? t->source : "given");
    ATTI_TRY(atti_alloc(&d, 1, sizeof *d, "BPE-dropout"));
    d->size = t->size;
    att_status st = open_tables(d, t);
    if (st != ATT_OK) {
        atti_bpe_dropout_close(d);
        return st;
    }
    d->threshold = (uint32_t)(p * 4294967296.0);
    *out = d;
    return ATT_OK;
}

void atti_bpe_dropout_close(atti_bpe_dropout *d)
{
    if (!d) return;
    atti_free(d->first);
    atti_free(d->chars);
    atti_free(d->rank);
    atti_free(d->word);
    atti_free(d->merges);
    atti_free(d);
}
