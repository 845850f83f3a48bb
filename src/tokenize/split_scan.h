/* split_scan.h - the regular expressions of published tokenizers, as scanners.
 *
 * A pattern from a file is never run: it is looked up here by its text, and an unknown one
 * is refused. Every scanner looks at each character a bounded number of times. */
#ifndef ATTI_SPLIT_SCAN_H
#define ATTI_SPLIT_SCAN_H

#include <stddef.h>

/* Bytes that the pattern matches at s[at], 0 = no match there. s is valid UTF-8. */
typedef size_t atti_scan(const char *s, size_t n, size_t at);

/* NULL for a pattern that nobody here knows. */
atti_scan *atti_scan_find(const char *pattern);
size_t atti_scan_gpt2(const char *s, size_t n, size_t at);
size_t atti_scan_words(const char *s, size_t n, size_t at); /* \w+|[^\w\s]+ */

#endif
