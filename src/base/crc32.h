/* crc32.h - the checksum of PNG and zip. */
#ifndef ATTI_CRC32_H
#define ATTI_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Of the bytes so far (start with 0) and n more. */
uint32_t atti_crc32(uint32_t crc, const void *data, size_t n);

#endif
