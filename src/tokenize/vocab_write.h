/* vocab_write.h - vocab.json with a size of the caller's choice. */
#ifndef ATTI_VOCAB_WRITE_H
#define ATTI_VOCAB_WRITE_H

#include "base/error.h"

/* Entries that no model has, after the pieces: target languages (">>de<<"), as OPUS-MT's
 * vocabularies have them. Those that are pieces already come once. */
typedef struct atti_vocab_extra {
    const char *const *word;
    size_t n;
} atti_vocab_extra;
/* How many ids att_tokenizer_write_vocab would give; extra may be NULL. */
ATT_MUST_CHECK att_status atti_vocab_count(const char *const *spm_paths, int32_t n,
                                           const atti_vocab_extra *extra,
                                           int64_t *count);
/* The same file with "<unused0>", "<unused1>", ... before <pad> until there are `size`
 * ids; size 0 or smaller than needed: none. */
ATT_MUST_CHECK att_status atti_vocab_write_sized(const char *vocab_path,
                                                 const char *const *spm_paths,
                                                 int32_t n,
                                                 const atti_vocab_extra *extra,
                                                 int64_t size);

#endif
