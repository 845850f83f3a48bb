/* spm_json.h - what a SentencePiece model that was made here says, as a tokenizer.json. */
#ifndef ATTI_SPM_JSON_H
#define ATTI_SPM_JSON_H

#include "base/error.h"
#include "base/str.h"

enum { /* of pieces; control ones (</s>) are 3, and others do not occur here */
       ATTI_SPM_NORMAL = 1,
       ATTI_SPM_UNKNOWN = 2,
       ATTI_SPM_CONTROL = 3,
       ATTI_SPM_BYTE = 6
};

/* Each piece in the order of its id; text is borrowed from data. ATT_EFORMAT: no model. */
typedef att_status atti_spm_piece_fn(void *ctx, const char *text, size_t n, float score,
                                     int type);
ATT_MUST_CHECK att_status atti_spm_each_piece(const void *data, size_t n,
                                              const char *name, atti_spm_piece_fn *see,
                                              void *ctx);

/* The model of `data`, made without normalisation and with a piece for every byte, in the
 * form that Hugging Face's library reads: the same ids, and the same pieces for a text whose
 * blanks are single ones (which SentencePiece takes for the same as several). */
ATT_MUST_CHECK att_status atti_spm_to_json(atti_str *out, const void *data, size_t n,
                                           const char *name, int unigram);

#endif
