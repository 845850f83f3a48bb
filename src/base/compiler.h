/* compiler.h - the only place for compiler extensions: attributes, asserts, prefetch. */
#ifndef ATTI_COMPILER_H
#define ATTI_COMPILER_H

#if defined(__GNUC__) || defined(__clang__)
#define ATTI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ATTI_LIKELY(x)         __builtin_expect(!!(x), 1)
#define ATTI_UNLIKELY(x)       __builtin_expect(!!(x), 0)
#define ATTI_INLINE            static inline __attribute__((always_inline, unused))
#define ATTI_NOINLINE          __attribute__((noinline))
#define ATTI_UNUSED            __attribute__((unused))
#define ATTI_PREFETCH(p)       __builtin_prefetch(p)
#define ATTI_PREFETCH_FAR(p)                                                           \
    __builtin_prefetch(p, 0, 2) /* as far as the second cache */
#else
#define ATTI_PRINTF(fmt, args)
#define ATTI_LIKELY(x)   (x)
#define ATTI_UNLIKELY(x) (x)
#define ATTI_INLINE      static inline
#define ATTI_NOINLINE
#define ATTI_UNUSED
#define ATTI_PREFETCH(p)     ((void)(p))
#define ATTI_PREFETCH_FAR(p) ((void)(p))
#endif

/* Tells the processor that this is a loop that waits. */
#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define ATTI_PAUSE() __builtin_ia32_pause()
#elif (defined(__GNUC__) || defined(__clang__)) && defined(__aarch64__)
#define ATTI_PAUSE() __asm__ volatile("isb" ::: "memory")
#else
#define ATTI_PAUSE() ((void)0)
#endif

/* Called when the program ends or the library is unloaded. */
#if defined(__GNUC__) || defined(__clang__)
#define ATTI_AT_EXIT __attribute__((destructor))
#else
#define ATTI_AT_EXIT
#endif

/* A bug in our code, never in the caller's data. On in debug, sanitizer and fuzz
 * builds (ATT_ASSERTS), gone in release. */
#ifdef ATT_ASSERTS
#include <stdlib.h>
#define ATT_ASSERT(x)                                                                  \
    do {                                                                               \
        if (!(x)) abort();                                                             \
    } while (0)
#else
#define ATT_ASSERT(x) ((void)0)
#endif

#endif
