/* json_fix.h - between the bytes of a file and jansson: what jansson must never see. */
#ifndef ATTI_JSON_FIX_H
#define ATTI_JSON_FIX_H

#include "base/str.h"

#define ATTI_JSON_DEPTH 64

/* A string that stands for a number which JSON has no word for; json.c reads it back. A
 * file whose own string begins with the mark is refused, so nothing is ambiguous. */
#define ATTI_JSON_MARK "\\u0000attend:"
enum { ATTI_JSON_MARK_LEN = 8 }; /* decoded: one NUL and "attend:" */

/* A copy of the text with some pieces replaced; out.data stays NULL where nothing had to
 * be (the usual case: use the original). */
typedef struct atti_json_edit {
    size_t at;        /* offset in the original */
    size_t len;       /* bytes replaced */
    const char *text; /* static */
} atti_json_edit;

typedef struct atti_json_fixed {
    atti_str out;
    atti_json_edit *edits;
    size_t n_edits, cap_edits;
} atti_json_fixed;

/* One pass, no recursion: checks the depth, replaces NaN and infinities, numbers that
 * overflow a double, and integers that overflow 64 bits. Everything else is left for
 * the parser to judge. */
ATT_MUST_CHECK att_status atti_json_fix(atti_json_fixed *f, const char *text, size_t n,
                                        const char *name);
void atti_json_fixed_deinit(atti_json_fixed *f);
/* The offset in the original of an offset in the fixed text. */
size_t atti_json_fixed_origin(const atti_json_fixed *f, size_t at);

/* "name:line:column: " with both counted from 1, the column in characters; fails with
 * the message behind it. */
att_status atti_json_fail_at(const char *text, size_t n, size_t at, const char *name,
                             const char *why);

#endif
