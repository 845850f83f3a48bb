/* inflate.h - raw deflate streams (RFC 1951) into a buffer of known size. */
#ifndef ATTI_INFLATE_H
#define ATTI_INFLATE_H

#include "base/error.h"

/* What one byte of deflate can become, at most: 258 bytes for two bits. */
enum { ATTI_INFLATE_RATIO = 1032 };

/* Fills out[0 .. n_out-1] from a stream that must make exactly as many bytes and end
 * within in[0 .. n_in-1]; else ATT_EFORMAT, with name and what was wrong. Bytes behind the
 * stream's end are ignored. */
ATT_MUST_CHECK att_status atti_inflate(unsigned char *out, size_t n_out,
                                       const unsigned char *in, size_t n_in,
                                       const char *name);

#endif
