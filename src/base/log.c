/* log.c - the log callback and the versions. The callback is one of the two mutable
 * globals of the library (the other is the kernel table); it is set once, before other
 * calls, which is why plain variables do. */
#include "base/error.h"

#include "attend/version.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048 };

static att_log_fn *log_fn;
static void *log_user;

void att_set_log(att_log_fn *fn, void *user)
{
    log_fn = fn;
    log_user = user;
}

void atti_log(att_log_level level, const char *fmt, ...)
{
    if (!log_fn) return;
    int saved = errno;
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n >= (int)sizeof line) memcpy(line + sizeof line - 4, "...", 4);
    for (char *p = line; *p; p++) {
        if (*p == '\n' || *p == '\r') *p = ' ';
    }
    log_fn(log_user, level, line);
    errno = saved;
}

const char *att_version(void)
{
    return ATT_VERSION_STRING;
}

int32_t att_abi_version(void)
{
    return ATT_ABI_VERSION;
}
