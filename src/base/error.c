/* error.c - the thread's message and the three ways to set it.
 *
 * The text is formatted into a second buffer first: an argument may well be the present
 * message (atti_fail_prefix, or a caller that quotes it). */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = sizeof((atti_error *)0)->text };

static _Thread_local char message[MESSAGE_MAX];

const char *att_error_message(void)
{
    return message;
}

const char *att_status_name(att_status status)
{
    switch (status) {
    case ATT_OK: return "ATT_OK";
    case ATT_EINVAL: return "ATT_EINVAL";
    case ATT_ESHAPE: return "ATT_ESHAPE";
    case ATT_ENOTSUP: return "ATT_ENOTSUP";
    case ATT_ENOMEM: return "ATT_ENOMEM";
    case ATT_EIO: return "ATT_EIO";
    case ATT_EFORMAT: return "ATT_EFORMAT";
    case ATT_ENOTFOUND: return "ATT_ENOTFOUND";
    case ATT_EBUSY: return "ATT_EBUSY";
    case ATT_ECANCELLED: return "ATT_ECANCELLED";
    case ATT_EDIVERGED: return "ATT_EDIVERGED";
    case ATT_EBUG: return "ATT_EBUG";
    }
    return "ATT_?";
}

/* Appends to text[*len]; a text that does not fit ends in "...". */
static void append_v(char *text, size_t *len, const char *fmt, va_list args)
    ATTI_PRINTF(3, 0);

static void append_v(char *text, size_t *len, const char *fmt, va_list args)
{
    size_t room = MESSAGE_MAX - *len;
    int n = vsnprintf(text + *len, room, fmt, args);
    if (n < 0) return;
    if ((size_t)n < room) {
        *len += (size_t)n;
        return;
    }
    *len = MESSAGE_MAX - 1;
    /* Never cut a UTF-8 character in half: step back over continuation bytes. */
    size_t cut = MESSAGE_MAX - 4;
    while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80) cut--;
    memcpy(text + cut, "...", 4);
    *len = cut + 3;
}

static void append(char *text, size_t *len, const char *fmt, ...) ATTI_PRINTF(3, 4);

static void append(char *text, size_t *len, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    append_v(text, len, fmt, args);
    va_end(args);
}

/* One line, whatever a file name or a token from a file brought along: control
 * characters would break logs and could drive a terminal. */
static void set_message(char *text)
{
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?';
    }
    memcpy(message, text, strlen(text) + 1);
}

att_status atti_fail(att_status code, const char *fmt, ...)
{
    int saved = errno;
    char text[MESSAGE_MAX];
    size_t len = 0;
    va_list args;
    va_start(args, fmt);
    append_v(text, &len, fmt, args);
    va_end(args);
    set_message(text);
    errno = saved;
    return code;
}

att_status atti_fail_errno(att_status code, int err, const char *fmt, ...)
{
    int saved = errno;
    char text[MESSAGE_MAX], why[128];
    size_t len = 0;
    va_list args;
    va_start(args, fmt);
    append_v(text, &len, fmt, args);
    va_end(args);
    if (strerror_r(err, why, sizeof why) != 0) {
        snprintf(why, sizeof why, "error %d", err);
    }
    append(text, &len, ": %s", why);
    set_message(text);
    errno = saved;
    return code;
}

att_status atti_fail_prefix(att_status code, const char *fmt, ...)
{
    int saved = errno;
    char text[MESSAGE_MAX];
    size_t len = 0;
    va_list args;
    va_start(args, fmt);
    append_v(text, &len, fmt, args);
    va_end(args);
    append(text, &len, "%s", message);
    set_message(text);
    errno = saved;
    return code;
}

void atti_error_take(atti_error *e, att_status code)
{
    e->code = code;
    memcpy(e->text, message, sizeof e->text);
}

att_status atti_error_post(const atti_error *e)
{
    if (e->code != ATT_OK) memcpy(message, e->text, sizeof e->text);
    return e->code;
}
