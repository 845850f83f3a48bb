/* alloc.c - heap blocks: a 64-byte header, then the caller's bytes on a 64-byte
 * boundary.
 *
 * Small blocks come from posix_memalign. Blocks from HUGE_MIN come straight from the
 * kernel on a 2 MiB boundary and ask for huge pages: weights and activations are
 * streamed through, and with 4 KiB pages the address translation costs a tenth of a
 * matmul. They also arrive zeroed without being touched, and grow by remapping instead
 * of copying. */
#ifdef __linux__
#define _GNU_SOURCE /* mremap, MADV_HUGEPAGE */
#endif
#include "base/alloc.h"

#include "base/checked.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||             \
    __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Under a sanitizer every block has to be the sanitizer's own. */
#if defined(__linux__) && !defined(SANITIZED)
#include <sys/mman.h>
#define USE_MAPS 1
#endif

enum { ALIGN = 64 };
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_MIN  ((size_t)4 << 20)

typedef struct header {
    size_t bytes;  /* what the caller asked for */
    size_t mapped; /* length of the mapping, 0 = posix_memalign */
} header;

static_assert(sizeof(header) <= ALIGN, "the header must fit before the block");

static _Atomic size_t live, peak;
static _Atomic uint64_t calls;
static _Atomic uint64_t fail_call; /* number of the call that fails, 0 = none */

static header *header_of(void *p)
{
    return (header *)(void *)((unsigned char *)p - ALIGN);
}

static void count_add(size_t n)
{
    size_t now = atomic_fetch_add_explicit(&live, n, memory_order_relaxed) + n;
    size_t high = atomic_load_explicit(&peak, memory_order_relaxed);
    while (now > high && !atomic_compare_exchange_weak_explicit(&peak, &high, now,
                                                                memory_order_relaxed,
                                                                memory_order_relaxed)) {
    }
}

static void count_sub(size_t n)
{
    atomic_fetch_sub_explicit(&live, n, memory_order_relaxed);
}

#ifdef USE_MAPS
/* A mapping of `total` bytes on a huge page boundary; NULL when refused. */
static void *map_block(size_t total)
{
    size_t span;
    if (!atti_add_size(&span, total, HUGE_PAGE)) return NULL;
    unsigned char *p =
        mmap(NULL, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    size_t head = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
    if (head) munmap(p, head);
    if (span - head > total) munmap(p + head + total, span - head - total);
    madvise(p + head, total, MADV_HUGEPAGE); /* a wish: failure changes nothing */
    return p + head;
}

static size_t map_length(size_t bytes)
{
    return (bytes + ALIGN + 4095) & ~(size_t)4095;
}
#endif

static void *new_block(size_t bytes, int zero)
{
    void *raw = NULL;
    size_t total;
    if (!atti_add_size(&total, bytes, ALIGN + 4096)) return NULL;
    total = bytes + ALIGN;
    size_t mapped = 0;
#ifdef USE_MAPS
    if (bytes >= HUGE_MIN) {
        mapped = map_length(bytes);
        raw = map_block(mapped);
        if (!raw) return NULL;
    }
#endif
    if (!raw) {
        if (posix_memalign(&raw, ALIGN, total) != 0) return NULL;
        if (zero) memset((unsigned char *)raw + ALIGN, 0, bytes);
    }
    header *h = raw;
    h->bytes = bytes;
    h->mapped = mapped;
    count_add(bytes);
    return (unsigned char *)raw + ALIGN;
}

static att_status no_memory(const char *what, size_t count, size_t size)
{
    return atti_fail(ATT_ENOMEM, "out of memory: %s (%zu x %zu bytes, %zu in use)",
                     what, count, size, atti_alloc_live());
}

/* Counts the call; true when a test wants this one to fail. */
static bool must_fail(void)
{
    uint64_t n = atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) + 1;
    return n == atomic_load_explicit(&fail_call, memory_order_relaxed);
}

static att_status take(void *out_ptr, size_t count, size_t size, const char *what,
                       int zero)
{
    size_t bytes;
    void *p = NULL;
    if (!must_fail() && atti_mul_size(&bytes, count, size)) p = new_block(bytes, zero);
    if (!p) return no_memory(what, count, size);
    memcpy(out_ptr, &p, sizeof p);
    return ATT_OK;
}

att_status atti_alloc(void *out_ptr, size_t count, size_t size, const char *what)
{
    return take(out_ptr, count, size, what, 1);
}

att_status atti_alloc_raw(void *out_ptr, size_t count, size_t size, const char *what)
{
    return take(out_ptr, count, size, what, 0);
}

/* The block with room for `bytes`, contents kept up to the smaller size. *zero_from: the
 * kernel delivered everything from there on as zeros; writing them again would commit
 * memory that a doubling array may never use. */
static void *resize(void *old, size_t bytes, size_t *zero_from)
{
    *zero_from = bytes;
#ifdef USE_MAPS
    header *h = old ? header_of(old) : NULL;
    if (h && h->mapped && bytes >= HUGE_MIN && bytes <= SIZE_MAX - HUGE_PAGE) {
        size_t was = h->bytes, old_length = h->mapped, length = map_length(bytes);
        void *raw = mremap(h, h->mapped, length, MREMAP_MAYMOVE);
        if (raw == MAP_FAILED) return NULL;
        madvise(raw, length, MADV_HUGEPAGE);
        h = raw;
        h->bytes = bytes;
        h->mapped = length;
        if (old_length - ALIGN < bytes) *zero_from = old_length - ALIGN;
        count_sub(was);
        count_add(bytes);
        return (unsigned char *)raw + ALIGN;
    }
#endif
    void *p = new_block(bytes, 0);
    if (p && old) {
        size_t was = header_of(old)->bytes;
        memcpy(p, old, was < bytes ? was : bytes);
        atti_free(old);
    }
    return p;
}

att_status atti_realloc(void *inout_ptr, size_t old_count, size_t new_count,
                        size_t size, const char *what)
{
    void *old, *p = NULL;
    size_t bytes, zero_from = 0;
    memcpy(&old, inout_ptr, sizeof old);
    if (!must_fail() && atti_mul_size(&bytes, new_count, size)) {
        p = resize(old, bytes, &zero_from);
    }
    if (!p) return no_memory(what, new_count, size);
    if (new_count > old_count) {
        size_t kept = old ? old_count * size : 0;
        if (zero_from > kept) memset((unsigned char *)p + kept, 0, zero_from - kept);
    }
    memcpy(inout_ptr, &p, sizeof p);
    return ATT_OK;
}

att_status atti_grow(void *inout_ptr, size_t *cap, size_t need, size_t size,
                     const char *what)
{
    if (need <= *cap) return ATT_OK;
    size_t want = *cap > SIZE_MAX / 2 ? need : *cap * 2;
    if (want < need) want = need;
    if (want < 16 && size <= 64) want = 16;
    ATTI_TRY(atti_realloc(inout_ptr, *cap, want, size, what));
    *cap = want;
    return ATT_OK;
}

att_status atti_strdup(char **out, const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy;
    ATTI_TRY(atti_alloc_raw(&copy, n, 1, "string"));
    memcpy(copy, s, n);
    *out = copy;
    return ATT_OK;
}

void atti_free(void *p)
{
    if (!p) return;
    header *h = header_of(p);
    count_sub(h->bytes);
#ifdef USE_MAPS
    if (h->mapped) {
        munmap(h, h->mapped);
        return;
    }
#endif
    free(h);
}

size_t atti_alloc_live(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

size_t atti_alloc_peak(void)
{
    return atomic_load_explicit(&peak, memory_order_relaxed);
}

uint64_t atti_alloc_calls(void)
{
    return atomic_load_explicit(&calls, memory_order_relaxed);
}

void atti_alloc_fail_at(uint64_t n)
{
    uint64_t now = atomic_load_explicit(&calls, memory_order_relaxed);
    atomic_store_explicit(&fail_call, n ? now + n : 0, memory_order_relaxed);
}
