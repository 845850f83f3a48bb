/* tokenizer_train.h - a vocabulary of which a part comes from elsewhere. */
#ifndef ATTI_TOKENIZER_TRAIN_H
#define ATTI_TOKENIZER_TRAIN_H

#include "attend/tokenizer.h"

/* As att_tokenizer_train(), but `beside` of vocab_size are ids that the caller adds (such
 * as <pad>): the model gets so many pieces fewer, and messages speak of the whole. */
ATT_MUST_CHECK att_status atti_tokenizer_train(const char *model_path,
                                               const char *const *files,
                                               int32_t n_files,
                                               const att_tokenizer_train_opts *opts,
                                               int32_t beside);

#endif
