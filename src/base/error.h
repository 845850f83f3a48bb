/* error.h - where messages are born. One origin call, `return atti_fail(...)`; layers
 * above pass the code on and leave the message alone. */
#ifndef ATTI_ERROR_H
#define ATTI_ERROR_H

#include "attend/base.h"
#include "base/compiler.h"

/* Sets this thread's message (one line, lower-case, names the object and both values)
 * and returns the code. Does not allocate; long messages end in "...". errno is kept. */
att_status atti_fail(att_status code, const char *fmt, ...) ATTI_PRINTF(2, 3);
/* The same with ": <strerror(err)>" appended; ENOSPC and friends become readable. */
att_status atti_fail_errno(att_status code, int err, const char *fmt, ...)
    ATTI_PRINTF(3, 4);
/* Puts context in front of the present message: "config.json: " + message. */
att_status atti_fail_prefix(att_status code, const char *fmt, ...) ATTI_PRINTF(2, 3);

/* A worker's message, carried to the thread that waits for it. */
typedef struct atti_error {
    att_status code;
    char text[1024];
} atti_error;
void atti_error_take(atti_error *e, att_status code); /* from this thread */
att_status atti_error_post(const atti_error *e);      /* to this thread; returns code */

void atti_log(att_log_level level, const char *fmt, ...) ATTI_PRINTF(2, 3);

#define ATTI_TRY(expr)                                                                 \
    do {                                                                               \
        att_status st_try_ = (expr);                                                   \
        if (st_try_ != ATT_OK) return st_try_;                                         \
    } while (0)

#endif
