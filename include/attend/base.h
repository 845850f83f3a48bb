/* attend/base.h - status codes, error messages, version, threads, logging.
 *
 * Every fallible function returns an att_status: ATT_OK (0) or a negative code. The
 * code is what a program branches on; att_error_message() is what a person reads.
 * The message is kept per thread, is set where the error is born, and stays until
 * the next failing call of this library in the same thread.
 *
 * The library never prints, exits or aborts. */
#ifndef ATTEND_BASE_H
#define ATTEND_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(ATT_BUILDING) && (defined(__GNUC__) || defined(__clang__))
#define ATT_API __attribute__((visibility("default")))
#else
#define ATT_API
#endif

#if defined(__GNUC__) || defined(__clang__)
#define ATT_MUST_CHECK __attribute__((warn_unused_result))
#else
#define ATT_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* One code per thing a caller would branch on. */
typedef enum att_status {
    ATT_OK = 0,
    ATT_EINVAL = -1,     /* an argument is outside its documented range */
    ATT_ESHAPE = -2,     /* shapes or dtypes of operands disagree */
    ATT_ENOTSUP = -3,    /* meaningful, but this build or processor does not do it */
    ATT_ENOMEM = -4,     /* out of memory, or over a limit that was asked for */
    ATT_EIO = -5,        /* a file or stream could not be opened, read or written */
    ATT_EFORMAT = -6,    /* a file's contents are malformed or refused */
    ATT_ENOTFOUND = -7,  /* a named file, tensor, option or token does not exist */
    ATT_EBUSY = -8,      /* in use by another training or session */
    ATT_ECANCELLED = -9, /* stopped on request (signal, deadline, callback) */
    ATT_EDIVERGED = -10, /* a computation gave NaN or Inf where it must not */
    ATT_EBUG = -11       /* an internal promise was broken; please report */
} att_status;

/* The code's name, "ATT_EINVAL"; "ATT_?" for an unknown number. Never NULL. */
ATT_API const char *att_status_name(att_status status);

/* The message of this thread's last failure, one line without a newline; "" when
 * nothing failed yet. Borrowed: valid until the next failing call in this thread. */
ATT_API const char *att_error_message(void);

/* "0.1.0" and the ABI number; a program built against another ABI must not run. */
ATT_API const char *att_version(void);
ATT_API int32_t att_abi_version(void);

/* How the library was built and which optional libraries it uses: lines of the form
 * "name             value\n", for people. Never NULL. */
ATT_API const char *att_build_info(void);

/* Threads that calls made from this thread may use; 0 = the default: ATTEND_THREADS
 * where set, else the processors this process may run on. Returns the number in
 * force before. The number changes who computes, never a result. Range 0..1024;
 * outside it nothing changes and -1 is returned. */
ATT_API int32_t att_set_threads(int32_t n_threads);
ATT_API int32_t att_threads(void);

typedef enum att_log_level {
    ATT_LOG_DEBUG = 0,
    ATT_LOG_INFO = 1,
    ATT_LOG_WARN = 2
} att_log_level;

/* The library's talk goes to this callback, whole lines without a newline, from the
 * thread that has something to say. NULL (the default) = silence. Set it once,
 * before other calls. */
typedef void att_log_fn(void *user, att_log_level level, const char *line);
ATT_API void att_set_log(att_log_fn *fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
