/* spm_field.h - the fields of a protocol buffer, which a SentencePiece model is: what checks
 * one (spm_check.c) and what reads its pieces (spm_json.c) stand on. Groups are refused. */
#ifndef ATTI_SPM_FIELD_H
#define ATTI_SPM_FIELD_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>

typedef struct atti_spm_bytes {
    const char *name; /* for messages */
    const unsigned char *start;
} atti_spm_bytes;

typedef struct atti_spm_span {
    const unsigned char *p, *end;
} atti_spm_span;

typedef struct atti_spm_field {
    uint32_t number, wire;
    uint64_t varint;     /* wire 0 */
    uint32_t fixed;      /* wire 5 */
    atti_spm_span bytes; /* wire 2 */
} atti_spm_field;

size_t atti_spm_at(const atti_spm_bytes *m, const unsigned char *p);
ATT_MUST_CHECK att_status atti_spm_varint(const atti_spm_bytes *m, atti_spm_span *s,
                                          uint64_t *out);
/* The next field of s, which is not at its end. ATT_EFORMAT names what is wrong, where. */
ATT_MUST_CHECK att_status atti_spm_next_field(const atti_spm_bytes *m, atti_spm_span *s,
                                              atti_spm_field *f);

#endif
