/* pairs.h - a corpus, tokenised once: pairs of sentences (pairs.c), items that a task makes,
 * or blocks of one running text (items.c).
 *
 * Ids go to an unlinked temporary file (2 bytes a token where the vocabulary allows) and
 * are read back by position; in memory stay 12 bytes a pair: where it lies and how long
 * its sides are. With the 4 bytes of an epoch's order (feed.h) a sentence costs 16 bytes
 * whatever its length. Lines that cannot be used are left out and counted. */
#ifndef ATTI_PAIRS_H
#define ATTI_PAIRS_H

#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>

/* Appends the ids of a text to the caller's growing array, without </s>. side 0 =
 * source, 1 = target. Called from several threads at once. */
typedef att_status atti_encode_fn(void *ctx, int side, const char *text, size_t n,
                                  int32_t **ids, size_t *n_ids, size_t *cap);

typedef struct atti_pairs_opts {
    const char *const *source; /* files; line i of source[k] belongs to line i of */
    const char *const *target; /* target[k] */
    int32_t n_files;
    /* [n_files]: a language token in front of the source's lines that have none (langs.h);
     * NULL: none, for one file or for all. */
    const char *const *prefix;
    const char *temp_dir; /* for the temporary file; NULL = the system's place */
    atti_encode_fn *encode;
    void *encode_ctx;
    int32_t vocab_size[2]; /* ids must lie below */
    int32_t eos[2];        /* appended to each side; -1 = nothing */
    int64_t max_length;    /* longer sides (with </s>) leave the pair out; 1..65535 */
} atti_pairs_opts;

typedef struct atti_pairs {
    int64_t n;         /* pairs kept, at most 2^32 - 1 */
    uint64_t *offset;  /* [n] first id of the source in the file; the target follows */
    uint16_t *len[2];  /* [n] tokens, </s> included */
    int64_t tokens[2]; /* sums of len */
    int64_t longest[2];
    int64_t lines; /* of one side */
    int64_t too_long, empty, invalid;
    int fd;
    int id_bytes;
    int max_length;
    int64_t stored; /* ids in the file */
    /* A running text: item i is the len[1][i] + 1 ids from offset[i], the last of which is
     * the first of the next item; a reader may move all of them by up to slack. */
    int32_t is_stream;
    int64_t slack;
    /* Blocks that overlap: so many ids at the beginning of each but the first are there to
     * be seen, not to be said. */
    int64_t overlap;
    int64_t cut; /* items that were shortened to the maximum length */
    /* Where ids are words and their characters (task_words.h) people are told of words: how
     * many there are, and the bound that the task keeps. Elsewhere words is 0 and most is
     * max_length. */
    int64_t words, most;
} atti_pairs;

/* ATT_EFORMAT: files of unequal length (both numbers named), or no usable pair left. */
/* Lines of all files, and whether any has text on both sides. ATT_EFORMAT: a pair of
 * files differs, with both counts. */
typedef struct atti_pairs_sum {
    int64_t lines;
    int64_t invalid; /* pairs that are no UTF-8 on a side, before the first with text */
    bool any;
} atti_pairs_sum;
ATT_MUST_CHECK att_status atti_pairs_count(atti_pairs_sum *sum,
                                           const char *const *source,
                                           const char *const *target, int32_t n_files);
ATT_MUST_CHECK att_status atti_pairs_open(atti_pairs *p, const atti_pairs_opts *opts);
void atti_pairs_close(atti_pairs *p); /* zeroed, or fd < 0: nothing */
/* Both sides of pair i: len[0] ids to source, len[1] to target. scratch has room for
 * both sides in 4 bytes a token. Several threads may read at once. */
ATT_MUST_CHECK att_status atti_pairs_read(const atti_pairs *p, int64_t i,
                                          int32_t *source, int32_t *target,
                                          void *scratch);

/* One item: ids of both sides (either may be empty), borrowed until the next call. */
typedef struct atti_item {
    const int32_t *ids[2];
    size_t n[2];
    int32_t end;  /* nonzero: there are no more */
    int32_t skip; /* nonzero: an item that is counted as empty and left out */
} atti_item;

typedef struct atti_items_opts {
    att_status (*next)(void *ctx, atti_item *out);
    void *ctx;
    const char *name;     /* the first file, for messages */
    const char *temp_dir; /* as above */
    int64_t limit[2];     /* ids lie below; 0: any 32 bits, not compared */
    int64_t max_length;   /* longer items are left out; 1..65535 */
    int64_t most;   /* words, where those are what an item is measured in; 0: ids */
    int64_t stride; /* of a running text's blocks, < max_length; 0: side by side */
} atti_items_opts;
ATT_MUST_CHECK att_status atti_pairs_from_items(atti_pairs *p,
                                                const atti_items_opts *opts);
/* The ids of side 0 of all items as one running text, cut into blocks of max_length rows.
 * may_shift: all blocks are whole and some slack stays, so that each epoch can cut
 * elsewhere; else every id but the first is said by exactly one block. A text that is
 * shorter than a block is one block. ATT_EFORMAT: fewer than two ids. */
ATT_MUST_CHECK att_status atti_pairs_from_stream(atti_pairs *p,
                                                 const atti_items_opts *opts,
                                                 int may_shift);
/* len[1][i] + 1 ids of a running text, all blocks moved by `shift`. */
ATT_MUST_CHECK att_status atti_pairs_read_block(const atti_pairs *p, int64_t i,
                                                int64_t shift, int32_t *ids,
                                                void *scratch);
/* An unlinked temporary file. */
ATT_MUST_CHECK att_status atti_pairs_temp(FILE **f, const char *dir);

#endif
