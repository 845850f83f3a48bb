/* feed.h - batches of a corpus, epoch after epoch, made ahead by a thread of their own.
 *
 * The sequence of batches is a pure function of (corpus, options, epoch): a training
 * that is resumed says where it stopped and gets the batches it would have got. */
#ifndef ATTI_FEED_H
#define ATTI_FEED_H

#include "data/batch.h"
#include "data/text/pairs.h"

/* What the two sides of an item are. */
typedef enum atti_feed_kind {
    ATTI_FEED_PAIRS = 0,  /* target.ids: the target shifted right; targets: as it is */
    ATTI_FEED_LABELS = 1, /* targets: the second side, target has no rows of its own */
    ATTI_FEED_BLOCKS = 2, /* a running text: target.ids, and targets one further on */
    ATTI_FEED_WORDS = 3   /* runs of words (word_rows.h), a label for each of them */
} atti_feed_kind;

typedef struct atti_feed_opts {
    int64_t budget;        /* tokens a batch: neither side has more (one pair may) */
    int32_t decoder_start; /* first token of the decoder's input */
    int32_t shuffle;       /* 0: in the order of the files (validation) */
    int32_t by_length;     /* batches hold pairs of similar length */
    uint64_t seed;
    atti_feed_kind kind;
    int32_t ignore; /* LABELS, WORDS: this id becomes -1, a row that does not count */
    int32_t reach;  /* WORDS: of word_rows */
    int32_t
        label_a_sequence; /* WORDS: only a sequence's first so many labels count; 0: all */
    /* PAIRS: other tokens for the same text, drawn by key; NULL = as they lie there.
     * Writes at most `room` ids, which is n or more, and returns how many. Budgets and
     * cuts count the tokens that lie there; a batch may grow by half. */
    int64_t (*vary)(const void *ctx, int side, uint64_t key, const int32_t *ids,
                    int64_t n, int32_t *out, int64_t room);
    const void *vary_ctx;
} atti_feed_opts;

typedef struct atti_feed_pos {
    int64_t epoch; /* from 0 */
    int64_t batch; /* of this epoch, from 0 */
} atti_feed_pos;

typedef struct atti_feed_item {
    const atti_batch *batch; /* borrowed until the next call of atti_feed_next */
    atti_feed_pos next;      /* where to go on after this batch */
    int64_t seen; /* pairs of the epoch up to and with this batch; n = last */
} atti_feed_item;

typedef struct atti_feed atti_feed;

/* Starts at pos. pairs must outlive the feed. */
ATT_MUST_CHECK att_status atti_feed_open(atti_feed **out, const atti_pairs *pairs,
                                         const atti_feed_opts *opts, atti_feed_pos pos);
void atti_feed_close(atti_feed *f); /* NULL is fine */
/* Never ends: after the last batch of an epoch comes the first of the next. */
ATT_MUST_CHECK att_status atti_feed_next(atti_feed *f, atti_feed_item *item);

/* The most rows a batch may have, by side: what memory is planned for. */
void atti_feed_max_rows(const atti_pairs *pairs, const atti_feed_opts *opts,
                        int64_t *source, int64_t *target, int64_t *seqs);
int64_t atti_feed_bytes(const atti_pairs *pairs, const atti_feed_opts *opts);

#endif
