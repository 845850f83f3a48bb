/* feed.c - a ring of batches filled by one thread and emptied by another. */
#include "data/feed.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/rng.h"
#include "base/threads.h"
#include "data/epoch.h"
#include "data/word_rows.h"
#include <string.h>

enum {
    SLOTS = 3, /* one in use, one ready, one in the making */
    SHIFT_STREAM = 0x73686966,
    VARY_STREAM = 0x76617279
};

typedef struct slot {
    atti_batch batch;
    atti_word_rows words;
    atti_feed_pos next;
    int64_t seen;
} slot;

struct atti_feed {
    const atti_pairs *pairs;
    atti_feed_opts opts;
    atti_epoch epoch;
    atti_feed_pos pos; /* the maker's */
    slot slots[SLOTS];
    void *scratch;
    int64_t rows[2]; /* a batch's most */
    int32_t *block;  /* all the slots' arrays of ids */
    int64_t *lines;

    atti_thread *thread;
    atti_mutex *mutex; /* guards what follows */
    int64_t made, taken;
    int stop;
    atti_error error;
};

void atti_feed_max_rows(const atti_pairs *pairs, const atti_feed_opts *opts,
                        int64_t *source, int64_t *target, int64_t *seqs)
{
    *source = atti_max_i64(opts->budget, pairs->longest[0]);
    *target = atti_max_i64(opts->budget, pairs->longest[1]);
    /* Every pair has at least one token on each side (a word, and mostly </s>). */
    *seqs = atti_min_i64(atti_min_i64(*source, *target), pairs->n);
    if (!opts->vary || opts->kind != ATTI_FEED_PAIRS) return;
    *source += *source / 2;
    *target += *target / 2;
}

static int64_t slot_ints(int64_t source, int64_t target, int64_t seqs)
{
    return source + 2 * target + 2 * (seqs + 1);
}

int64_t atti_feed_bytes(const atti_pairs *pairs, const atti_feed_opts *opts)
{
    int64_t source = 0, target = 0, seqs = 0;
    atti_feed_max_rows(pairs, opts, &source, &target, &seqs);
    return SLOTS * (slot_ints(source, target, seqs) * 4 + seqs * 8) + pairs->n * 16;
}

static att_status make_slots(atti_feed *f)
{
    int64_t source = 0, target = 0, seqs = 0;
    atti_feed_max_rows(f->pairs, &f->opts, &source, &target, &seqs);
    int64_t ints = slot_ints(source, target, seqs);
    ATTI_TRY(
        atti_alloc(&f->block, (size_t)(SLOTS * ints), sizeof *f->block, "batches"));
    ATTI_TRY(
        atti_alloc(&f->lines, (size_t)(SLOTS * seqs), sizeof *f->lines, "batches"));
    /* A block is read as it lies in the file, then with 4 bytes an id. */
    size_t longest = (size_t)(f->pairs->longest[0] + f->pairs->longest[1]) + 1;
    ATTI_TRY(atti_alloc(&f->scratch, 2 * longest, 4, "batches"));
    f->rows[0] = source;
    f->rows[1] = target;
    for (int i = 0; i < SLOTS; i++) {
        atti_batch *b = &f->slots[i].batch;
        int32_t *p = f->block + i * ints;
        b->source.ids = p;
        b->target.ids = p + source;
        b->targets = p + source + target;
        b->source.offsets = p + source + 2 * target;
        b->target.offsets = b->source.offsets + seqs + 1;
        b->line = f->lines + i * seqs;
    }
    return ATT_OK;
}

/* Where a batch's next item goes, and what the plain items behind it will need. */
typedef struct place {
    int64_t row[2];
    int64_t rest[2];
} place;

/* An item's ids in other tokens, if those fit beside all that is still to come. */
static int64_t vary_side(const atti_feed *f, int64_t k, int side, const place *at,
                         const int32_t *ids, int32_t *out)
{
    int64_t n = f->pairs->len[side][k];
    uint64_t key = atti_key(f->opts.seed, (uint64_t)f->pos.epoch, VARY_STREAM);
    int64_t room = f->rows[side] - at->row[side] - at->rest[side];
    room = atti_min_i64(room, f->pairs->max_length);
    return f->opts.vary(f->opts.vary_ctx, side,
                        atti_mix64(key ^ ((uint64_t)k * 2 + (uint64_t)side)), ids, n,
                        out, room);
}

/* One item's ids behind the rows that are there already; len: its sides, as they lie in
 * the corpus and then as they came out. */
static att_status fill_pair(atti_feed *f, atti_batch *b, int64_t k, const place *at,
                            int64_t len[2])
{
    int64_t s = at->row[0], t = at->row[1];
    if (f->opts.vary) {
        int32_t *ids = (int32_t *)f->scratch + len[0] + len[1];
        ATTI_TRY(atti_pairs_read(f->pairs, k, ids, ids + len[0], f->scratch));
        int32_t *target = ids + len[0];
        len[0] = vary_side(f, k, 0, at, ids, b->source.ids + s);
        len[1] = vary_side(f, k, 1, at, target, b->targets + t);
    } else {
        ATTI_TRY(atti_pairs_read(f->pairs, k, b->source.ids + s, b->targets + t,
                                 f->scratch));
    }
    /* Teacher forcing: the decoder sees the target shifted right by one. */
    b->target.ids[t] = f->opts.decoder_start;
    memcpy(b->target.ids + t + 1, b->targets + t,
           (size_t)(len[1] - 1) * sizeof *b->targets);
    return ATT_OK;
}

static att_status fill_labels(atti_feed *f, atti_batch *b, int64_t k, int64_t s,
                              int64_t t)
{
    int32_t *label = b->targets + t;
    ATTI_TRY(atti_pairs_read(f->pairs, k, b->source.ids + s, label, f->scratch));
    for (int64_t i = 0; f->opts.ignore > 0 && i < f->pairs->len[1][k]; i++)
        if (label[i] == f->opts.ignore) label[i] = -1;
    return ATT_OK;
}

/* Words with other ids, as many. */
static void vary_words(const atti_feed *f, atti_batch *b, int64_t k, int64_t s)
{
    int64_t n = f->pairs->len[0][k];
    uint64_t key = atti_key(f->opts.seed, (uint64_t)f->pos.epoch, VARY_STREAM);
    int32_t *ids = b->source.ids + s;
    if (!f->opts.vary || !f->opts.shuffle) return;
    (void)f->opts.vary(f->opts.vary_ctx, 0, atti_mix64(key ^ (uint64_t)k), ids, n, ids,
                       n);
}

static att_status take_words_apart(atti_feed *f, slot *sl)
{
    atti_batch *b = &sl->batch;
    ATTI_TRY(atti_word_rows_make(&sl->words, b->source.ids, b->source.offsets,
                                 b->n_seqs, f->opts.reach));
    b->words = &sl->words;
    int64_t n = f->opts.label_a_sequence;
    for (int64_t i = 0; n > 0 && i < b->n_seqs; i++)
        memmove(b->targets + i * n, b->targets + b->target.offsets[i],
                (size_t)n * sizeof *b->targets);
    return ATT_OK;
}

/* An epoch's cuts of a running text lie where its number says. */
static int64_t shift_of(const atti_feed *f)
{
    if (!f->opts.shuffle || f->pairs->slack == 0) return 0;
    atti_rng rng = {atti_key(f->opts.seed, (uint64_t)f->pos.epoch, SHIFT_STREAM), 0};
    return (int64_t)atti_rng_below(&rng, (uint64_t)f->pairs->slack + 1);
}

static att_status fill_block(atti_feed *f, atti_batch *b, int64_t k, int64_t t)
{
    size_t n = (size_t)f->pairs->len[1][k];
    size_t longest = (size_t)(f->pairs->longest[0] + f->pairs->longest[1]) + 1;
    int32_t *ids = (int32_t *)f->scratch + longest;
    ATTI_TRY(atti_pairs_read_block(f->pairs, k, shift_of(f), ids, f->scratch));
    memcpy(b->target.ids + t, ids, n * sizeof *ids);
    memcpy(b->targets + t, ids + 1, n * sizeof *ids);
    for (int64_t i = 0; k > 0 && i < f->pairs->overlap && i < (int64_t)n; i++)
        b->targets[t + i] = -1;
    return ATT_OK;
}

static att_status fill(atti_feed *f, atti_batch *b, const uint32_t *pairs, int64_t n)
{
    place at = {{0, 0}, {0, 0}};
    for (int64_t i = 0; i < n; i++)
        for (int side = 0; side < 2; side++)
            at.rest[side] += f->pairs->len[side][pairs[i]];
    for (int64_t i = 0; i < n; i++) {
        int64_t k = pairs[i], len[2];
        for (int side = 0; side < 2; side++) {
            len[side] = f->pairs->len[side][k];
            at.rest[side] -= len[side];
        }
        b->source.offsets[i] = (int32_t)at.row[0];
        b->target.offsets[i] = (int32_t)at.row[1];
        b->line[i] = k;
        switch (f->opts.kind) {
        case ATTI_FEED_PAIRS: ATTI_TRY(fill_pair(f, b, k, &at, len)); break;
        case ATTI_FEED_LABELS:
            ATTI_TRY(fill_labels(f, b, k, at.row[0], at.row[1]));
            break;
        case ATTI_FEED_BLOCKS: ATTI_TRY(fill_block(f, b, k, at.row[1])); break;
        case ATTI_FEED_WORDS:
            ATTI_TRY(fill_labels(f, b, k, at.row[0], at.row[1]));
            vary_words(f, b, k, at.row[0]);
            break;
        }
        at.row[0] += len[0];
        at.row[1] += len[1];
    }
    b->source.offsets[n] = (int32_t)at.row[0];
    b->target.offsets[n] = (int32_t)at.row[1];
    b->source.rows = at.row[0];
    b->target.rows = at.row[1];
    b->n_seqs = n;
    return ATT_OK;
}

/* The maker's next batch into sl. */
static att_status make_one(atti_feed *f, slot *sl)
{
    const uint32_t *pairs = NULL;
    int64_t n = 0;
    ATTI_TRY(atti_epoch_next(&f->epoch, &pairs, &n));
    if (n == 0) {
        f->pos = (atti_feed_pos){f->pos.epoch + 1, 0};
        ATTI_TRY(atti_epoch_start(&f->epoch, f->pos.epoch));
        ATTI_TRY(atti_epoch_next(&f->epoch, &pairs, &n));
    }
    ATTI_TRY(fill(f, &sl->batch, pairs, n));
    if (f->opts.kind == ATTI_FEED_WORDS) ATTI_TRY(take_words_apart(f, sl));
    f->pos.batch = f->epoch.given;
    sl->next = f->pos;
    sl->seen = f->epoch.seen;
    return ATT_OK;
}

static void maker(void *ctx)
{
    atti_feed *f = ctx;
    for (int64_t i = 0;; i++) {
        atti_mutex_lock(f->mutex);
        while (!f->stop && f->made - f->taken >= SLOTS) atti_mutex_wait(f->mutex);
        int stop = f->stop;
        atti_mutex_unlock(f->mutex);
        if (stop) return;
        att_status st = make_one(f, &f->slots[i % SLOTS]);
        atti_mutex_lock(f->mutex);
        if (st != ATT_OK) atti_error_take(&f->error, st);
        f->made++;
        atti_mutex_signal_all(f->mutex);
        atti_mutex_unlock(f->mutex);
        if (st != ATT_OK) return;
    }
}

static att_status start_at(atti_feed *f, atti_feed_pos pos)
{
    ATTI_TRY(atti_epoch_start(&f->epoch, pos.epoch));
    f->pos = pos;
    while (f->epoch.given < pos.batch) {
        const uint32_t *pairs = NULL;
        int64_t n = 0;
        ATTI_TRY(atti_epoch_next(&f->epoch, &pairs, &n));
        if (n == 0) break; /* the end of the epoch: the next one starts */
    }
    return ATT_OK;
}

static att_status open_feed(atti_feed *f, atti_feed_pos pos)
{
    ATTI_TRY(atti_epoch_init(&f->epoch, f->pairs, &f->opts));
    ATTI_TRY(make_slots(f));
    ATTI_TRY(start_at(f, pos));
    ATTI_TRY(atti_mutex_create(&f->mutex));
    return atti_thread_start(&f->thread, maker, f);
}

att_status atti_feed_open(atti_feed **out, const atti_pairs *pairs,
                          const atti_feed_opts *opts, atti_feed_pos pos)
{
    atti_feed *f = NULL;
    if (opts->budget < 1 || pairs->n < 1) {
        return atti_fail(ATT_EINVAL, "a batch of %lld tokens from %lld pairs",
                         (long long)opts->budget, (long long)pairs->n);
    }
    ATTI_TRY(atti_alloc(&f, 1, sizeof *f, "batches"));
    f->pairs = pairs;
    f->opts = *opts;
    att_status st = open_feed(f, pos);
    if (st != ATT_OK) {
        atti_feed_close(f);
        return st;
    }
    *out = f;
    return ATT_OK;
}

void atti_feed_close(atti_feed *f)
{
    if (!f) return;
    if (f->thread) {
        atti_mutex_lock(f->mutex);
        f->stop = 1;
        atti_mutex_signal_all(f->mutex);
        atti_mutex_unlock(f->mutex);
        atti_thread_join(f->thread);
    }
    atti_mutex_destroy(f->mutex);
    atti_epoch_deinit(&f->epoch);
    for (int i = 0; i < SLOTS; i++) atti_word_rows_deinit(&f->slots[i].words);
    atti_free(f->block);
    atti_free(f->lines);
    atti_free(f->scratch);
    atti_free(f);
}

att_status atti_feed_next(atti_feed *f, atti_feed_item *item)
{
    atti_mutex_lock(f->mutex);
    /* The batch given last is free from here on; then wait for the next. */
    int64_t i = f->taken;
    if (item->batch) i = ++f->taken;
    atti_mutex_signal_all(f->mutex);
    while (f->made <= i && f->error.code == ATT_OK) atti_mutex_wait(f->mutex);
    bool failed = f->made <= i || (f->error.code != ATT_OK && f->made == i + 1);
    atti_mutex_unlock(f->mutex);
    if (failed) return atti_error_post(&f->error);
    const slot *sl = &f->slots[i % SLOTS];
    item->batch = &sl->batch;
    item->next = sl->next;
    item->seen = sl->seen;
    return ATT_OK;
}
