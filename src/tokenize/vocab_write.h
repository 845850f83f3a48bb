/* vocab_write.h - vocab.json with a size of the caller's choice. */
#ifndef ATTI_VOCAB_WRITE_H
#define ATTI_VOCAB_WRITE_H

#include "base/error.h"

/* How many ids att_tokenizer_write_vocab would give. */
ATT_MUST_CHECK att_status atti_vocab_count(const char *const *spm_paths, int32_t n,
                                           int64_t *count);
/* The same file with "<unused0>", "<unused1>", ... before <pad> until there are `size`
 * ids; size 0 or smaller than needed: none. */
ATT_MUST_CHECK att_status atti_vocab_write_sized(const char *vocab_path,
                                                 const char *const *spm_paths,
                                                 int32_t n, int64_t size);

#endif
