/* support.c - statuses, guarded buffers, failing allocations, data. */
#include "support.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void support_assert_ok(att_status st, const char *call, const char *file, int line)
{
    if (st == ATT_OK) return;
    print_error("%s\n  gave %s: %s\n", call, att_status_name(st), att_error_message());
    _fail(file, line);
}

static const char stale[] = "a message that was there before";

void support_before(void)
{
    atti_fail(ATT_EBUG, "%s", stale);
}

void support_assert_fails(att_status st, att_status code, const char *part,
                          const char *call, const char *file, int line)
{
    const char *message = att_error_message();
    const char *wrong = NULL;
    if (st != code)
        wrong = "wrong status";
    else if (!strcmp(message, stale))
        wrong = "no message was set";
    else if (!*message)
        wrong = "the message is empty";
    else if (strchr(message, '\n'))
        wrong = "the message has a line break";
    else if (part && !strstr(message, part))
        wrong = "the message lacks what it must name";
    if (!wrong) return;
    print_error("%s\n  %s: got %s, want %s\n  message: %s\n  must contain: %s\n", call,
                wrong, att_status_name(st), att_status_name(code), message,
                part ? part : "");
    _fail(file, line);
}

/* --- guarded buffers: [size, canary ... | bytes | canary ...] ------------------------- */

enum { ZONE = 128 };

typedef struct guard {
    void *raw;
    size_t n;
} guard;

static unsigned char canary(size_t i)
{
    return (unsigned char)(0xc3 ^ (i * 29));
}

void *support_guard_alloc(size_t n, size_t offset)
{
    unsigned char *raw = NULL;
    if (posix_memalign((void **)&raw, 64, n + 2 * ZONE + 64 + sizeof(guard)) != 0)
        abort();
    unsigned char *p = raw + ZONE + offset % 64;
    for (size_t i = 0; i < ZONE; i++) p[n + i] = canary(i);
    size_t front = (size_t)(p - raw);
    for (size_t i = sizeof(guard); i < front; i++) raw[i] = canary(i);
    memcpy(raw, &(guard){raw, n}, sizeof(guard));
    memset(p, 0xa5, n);
    return p;
}

/* The record sits at the 64-byte boundary ZONE bytes before the buffer. */
static const unsigned char *guard_raw(const void *p)
{
    uintptr_t at = (uintptr_t)p;
    return (const unsigned char *)p - ZONE - at % 64;
}

void support_guard_check(const void *p)
{
    const unsigned char *raw = guard_raw(p), *bytes = p;
    guard g;
    memcpy(&g, raw, sizeof g);
    if (g.raw != raw) fail_msg("guard record overwritten");
    size_t front = (size_t)(bytes - raw);
    for (size_t i = sizeof g; i < front; i++) {
        if (raw[i] != canary(i)) {
            fail_msg("write %zu bytes before a buffer of %zu", front - i, g.n);
        }
    }
    for (size_t i = 0; i < ZONE; i++) {
        if (bytes[g.n + i] != canary(i)) {
            fail_msg("write %zu bytes past a buffer of %zu", i + 1, g.n);
        }
    }
}

void support_guard_free(void *p)
{
    if (!p) return;
    support_guard_check(p);
    free((void *)(uintptr_t)guard_raw(p));
}

float *support_guard_floats(size_t n, size_t offset_elements)
{
    return support_guard_alloc(n * sizeof(float), offset_elements * sizeof(float));
}

/* --- data and goldens ------------------------------------------------------------------ */

static bool in_ci(void)
{
    const char *ci = getenv("CI");
    return ci && (!strcmp(ci, "true") || !strcmp(ci, "1"));
}

void support_skip(const char *why)
{
    print_message("SKIP: %s\n", why);
    skip();
}

static const char *join(const char *dir, const char *name)
{
    static _Thread_local char paths[8][1024];
    static _Thread_local unsigned next;
    char *p = paths[next++ % 8];
    int n = snprintf(p, sizeof paths[0], "%s/%s", dir, name);
    if (n < 0 || (size_t)n >= sizeof paths[0])
        fail_msg("path too long: %s/%s", dir, name);
    return p;
}

const char *support_data(const char *name)
{
    const char *dir = getenv("ATTEND_DATA");
    const char *path = join(dir && *dir ? dir : "../shared/data", name);
    struct stat info;
    if (stat(path, &info) == 0) return path;
    if (in_ci())
        fail_msg("%s is not there, and CI must have it (set ATTEND_DATA)", path);
    print_message("SKIP: %s is not there (set ATTEND_DATA)\n", path);
    skip();
    return NULL;
}

const char *support_golden(const char *name)
{
    const char *path = join(ATTEND_SOURCE_DIR "/tests/golden", name);
    struct stat info;
    if (stat(path, &info) != 0) fail_msg("%s is not there", path);
    return path;
}

/* --- files ------------------------------------------------------------------------------ */

static char temp_dir[512];

int support_temp_setup(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(temp_dir, sizeof temp_dir, "%s/attend-test-XXXXXX",
             base && *base ? base : "/tmp");
    return mkdtemp(temp_dir) ? 0 : -1;
}

int support_temp_teardown(void **state)
{
    (void)state;
    /* Not the library's own remove: it may be what is under test. */
    char command[1200];
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -rf '%s'", temp_dir,
             temp_dir);
    return system(command) == 0 ? 0 : -1;
}

const char *support_temp(const char *name)
{
    return join(temp_dir, name);
}

void support_write(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, n, f) != n || fclose(f) != 0)
        fail_msg("cannot write %s", path);
}

void support_write_text(const char *path, const char *text)
{
    support_write(path, text, strlen(text));
}

char *support_read(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(size + 1);
    if (!text || fread(text, 1, size, f) != size) fail_msg("cannot read %s", path);
    fclose(f);
    text[size] = '\0';
    if (n) *n = size;
    return text;
}

/* --- allocations that fail ------------------------------------------------------------- */

uint64_t support_fail_every_alloc(support_alloc_fn *fn, void *ctx)
{
    for (uint64_t n = 1; n < 1000000; n++) {
        size_t live = atti_alloc_live();
        uint64_t before = atti_alloc_calls();
        support_before();
        atti_alloc_fail_at(n);
        att_status st = fn(ctx);
        atti_alloc_fail_at(0);
        uint64_t made = atti_alloc_calls() - before;
        size_t leaked = atti_alloc_live() - live;
        if (leaked) {
            fail_msg(
                "allocation %llu failed and %zu bytes were left behind (status %s)",
                (unsigned long long)n, leaked, att_status_name(st));
        }
        if (st == ATT_OK && made < n) return made;
        /* A call may do without an allocation (a smaller buffer, fewer threads). */
        if (st == ATT_OK) continue;
        if (st != ATT_ENOMEM) {
            fail_msg("allocation %llu failed and the status is %s: %s",
                     (unsigned long long)n, att_status_name(st), att_error_message());
        }
        if (!strcmp(att_error_message(), stale)) {
            fail_msg("allocation %llu failed without a message", (unsigned long long)n);
        }
    }
    fail_msg("the call never ran out of allocations to fail");
    return 0;
}
