/* pairs.h - a parallel corpus, tokenised once.
 *
 * Ids go to an unlinked temporary file (2 bytes a token where the vocabulary allows) and
 * are read back by position; in memory stay 12 bytes a pair: where it lies and how long
 * its sides are. With the 4 bytes of an epoch's order (feed.h) a sentence costs 16 bytes
 * whatever its length. Lines that cannot be used are left out and counted. */
#ifndef ATTI_PAIRS_H
#define ATTI_PAIRS_H

#include "base/error.h"

/* Appends the ids of a text to the caller's growing array, without </s>. side 0 =
 * source, 1 = target. Called from several threads at once. */
typedef att_status atti_encode_fn(void *ctx, int side, const char *text, size_t n,
                                  int32_t **ids, size_t *n_ids, size_t *cap);

typedef struct atti_pairs_opts {
    const char *const *source; /* files; line i of source[k] belongs to line i of */
    const char *const *target; /* target[k] */
    int32_t n_files;
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
} atti_pairs;

/* ATT_EFORMAT: files of unequal length (both numbers named), or no usable pair left. */
/* Lines of all files. ATT_EFORMAT: a pair of files differs, with both counts. */
ATT_MUST_CHECK att_status atti_pairs_count(int64_t *lines, const char *const *source,
                                           const char *const *target, int32_t n_files);
ATT_MUST_CHECK att_status atti_pairs_open(atti_pairs *p, const atti_pairs_opts *opts);
void atti_pairs_close(atti_pairs *p); /* zeroed, or fd < 0: nothing */
/* Both sides of pair i: len[0] ids to source, len[1] to target. scratch has room for
 * both sides in 4 bytes a token. Several threads may read at once. */
ATT_MUST_CHECK att_status atti_pairs_read(const atti_pairs *p, int64_t i,
                                          int32_t *source, int32_t *target,
                                          void *scratch);

#endif
