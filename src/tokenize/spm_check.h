/* spm_check.h - refuses SentencePiece models that SentencePiece would trust blindly. */
#ifndef ATTI_SPM_CHECK_H
#define ATTI_SPM_CHECK_H

#include "base/error.h"

/* Walks the protocol buffer (formats.md 6.4): wire types, lengths, pieces (UTF-8, unique,
 * type, finite score, exactly one unknown piece, byte pieces whole), special ids, both
 * character maps down to their last unit. ATT_EFORMAT names what is wrong and where;
 * name is for messages. After ATT_OK the library may parse and use the bytes. */
ATT_MUST_CHECK att_status atti_spm_check(const void *data, size_t n, const char *name);

/* Whether a model that was checked is made of BPE merges. */
int atti_spm_is_bpe(const void *data, size_t n);

/* One character map (double array + replacements), for atti_spm_check and its tests. */
ATT_MUST_CHECK att_status atti_charsmap_check(const unsigned char *map, size_t n,
                                              const char *name);

#endif
