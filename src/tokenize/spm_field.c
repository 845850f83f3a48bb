/* spm_field.c - the fields of a protocol buffer, one after the other. */
#include "tokenize/spm_field.h"
#include <string.h>

size_t atti_spm_at(const atti_spm_bytes *m, const unsigned char *p)
{
    return (size_t)(p - m->start);
}

att_status atti_spm_varint(const atti_spm_bytes *m, atti_spm_span *s, uint64_t *out)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (s->p == s->end) {
            return atti_fail(ATT_EFORMAT, "%s: ends inside a number at byte %zu",
                             m->name, atti_spm_at(m, s->p));
        }
        unsigned char c = *s->p++;
        if (shift == 63 && c > 1) break;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *out = v;
            return ATT_OK;
        }
    }
    return atti_fail(ATT_EFORMAT, "%s: number of more than 64 bits at byte %zu",
                     m->name, atti_spm_at(m, s->p));
}

static att_status need(const atti_spm_bytes *m, const atti_spm_span *s, uint64_t n,
                       uint32_t number)
{
    uint64_t left = (uint64_t)(s->end - s->p);
    if (n <= left) return ATT_OK;
    return atti_fail(
        ATT_EFORMAT, "%s: field %u at byte %zu says %llu bytes, %llu are left", m->name,
        number, atti_spm_at(m, s->p), (unsigned long long)n, (unsigned long long)left);
}

att_status atti_spm_next_field(const atti_spm_bytes *m, atti_spm_span *s,
                               atti_spm_field *f)
{
    uint64_t tag = 0, n = 0;
    const unsigned char *start = s->p;
    ATTI_TRY(atti_spm_varint(m, s, &tag));
    memset(f, 0, sizeof *f);
    if (tag >> 3 == 0 || tag >> 32 != 0) {
        return atti_fail(ATT_EFORMAT, "%s: field number %llu at byte %zu", m->name,
                         (unsigned long long)(tag >> 3), atti_spm_at(m, start));
    }
    f->number = (uint32_t)(tag >> 3);
    f->wire = (uint32_t)(tag & 7);
    switch (f->wire) {
    case 0: return atti_spm_varint(m, s, &f->varint);
    case 1: n = 8; break;
    case 2: ATTI_TRY(atti_spm_varint(m, s, &n)); break;
    case 5: n = 4; break;
    default:
        return atti_fail(ATT_EFORMAT, "%s: wire type %u of field %u at byte %zu",
                         m->name, f->wire, f->number, atti_spm_at(m, start));
    }
    ATTI_TRY(need(m, s, n, f->number));
    f->bytes = (atti_spm_span){s->p, s->p + n};
    if (f->wire == 5) {
        const unsigned char *p = s->p;
        f->fixed =
            p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    }
    s->p += n;
    return ATT_OK;
}
