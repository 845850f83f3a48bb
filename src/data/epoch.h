/* epoch.h - which pairs form which batch of an epoch. No ids are read here. */
#ifndef ATTI_EPOCH_H
#define ATTI_EPOCH_H

#include "data/feed.h"

typedef struct atti_epoch {
    const atti_pairs *pairs;
    const atti_feed_opts *opts;
    int64_t epoch;
    uint32_t *order;   /* [n] this epoch's order of pairs */
    int64_t done;      /* pairs in the windows before this one */
    int64_t window;    /* pairs a window; the last one of an epoch has fewer */
    int64_t *cut;      /* [cap + 1] batch k of the window is order[cut[k]..cut[k+1]) */
    int32_t *turn;     /* [cap] the order in which the window's batches come */
    int64_t n_batches; /* of the window */
    int64_t next;      /* of the window */
    int64_t given;     /* batches of the epoch given so far */
    int64_t seen;      /* pairs given so far */
    size_t cap_cut, cap_turn;
    uint64_t *key; /* [window] sort keys */
} atti_epoch;

ATT_MUST_CHECK att_status atti_epoch_init(atti_epoch *e, const atti_pairs *pairs,
                                          const atti_feed_opts *opts);
void atti_epoch_deinit(atti_epoch *e);
ATT_MUST_CHECK att_status atti_epoch_start(atti_epoch *e, int64_t epoch);
/* The next batch's pairs; *n = 0 when the epoch is over. */
ATT_MUST_CHECK att_status atti_epoch_next(atti_epoch *e, const uint32_t **pairs,
                                          int64_t *n);

#endif
