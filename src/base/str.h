/* str.h - growing byte strings, UTF-8 checks, number parsing that refuses rubbish. */
#ifndef ATTI_STR_H
#define ATTI_STR_H

#include "base/alloc.h"
#include <stdbool.h>

/* A builder: NUL-terminated whenever data != NULL. Zero-initialise; deinit frees. The
 * first failed append is remembered, later appends do nothing: check status once. */
typedef struct atti_str {
    char *data;
    size_t len;
    size_t cap;
    att_status status;
} atti_str;

void atti_str_add(atti_str *s, const char *text);
void atti_str_add_n(atti_str *s, const char *text, size_t n);
void atti_str_addf(atti_str *s, const char *fmt, ...) ATTI_PRINTF(2, 3);
void atti_str_clear(atti_str *s); /* keeps the memory */
void atti_str_deinit(atti_str *s);
/* Moves the text out (never NULL on ATT_OK); the caller frees with atti_free. */
ATT_MUST_CHECK att_status atti_str_take(char **out, atti_str *s);

bool atti_utf8_valid(const char *s, size_t n);
/* Bytes of the character that starts at s (1..4), 0 if it is invalid or cut. */
int atti_utf8_len(const char *s, size_t n);
/* Decodes one; returns its length as above. */
int atti_utf8_decode(uint32_t *code, const char *s, size_t n);
int atti_utf8_encode(char out[4], uint32_t code); /* length */
/* Whole-string numbers: false for empty, trailing rubbish or out of range. */
bool atti_parse_i64(int64_t *out, const char *s);
bool atti_parse_f64(double *out, const char *s);
/* The same with overflow told apart: 1 = a number, 0 = none, -1 = beyond the range of a
 * double (*out is the infinity of its sign). */
int atti_scan_f64(double *out, const char *s);

#endif
