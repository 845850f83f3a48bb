/* lines.c - a file line by line, one buffer, no copy of a line.
 *
 * A file opened here is read with read(2), so that a pipe or a terminal delivers each
 * line as soon as it is there; a stream that somebody else opened is read through stdio,
 * because it may hold bytes in its own buffer. */
#include "base/file.h"

#include "base/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 17 };
#define DEFAULT_MAX ((size_t)64 << 20)

struct atti_lines {
    char *name;
    FILE *f; /* borrowed; NULL where fd is ours */
    int fd;
    size_t max_line;
    char *buf;
    size_t cap;         /* room is kept for a NUL behind the last byte */
    size_t begin, end;  /* unread bytes */
    uint64_t base;      /* file offset of buf[0] */
    uint64_t line;      /* lines delivered since the start, or since the last seek */
    uint64_t seek_base; /* where counting began */
    bool eof;
};

static att_status create(atti_lines **out, FILE *f, int fd, const char *name,
                         size_t max_line)
{
    atti_lines *l;
    ATTI_TRY(atti_alloc(&l, 1, sizeof *l, "line reader"));
    l->f = f;
    l->fd = fd;
    l->max_line = max_line ? max_line : DEFAULT_MAX;
    att_status st = atti_strdup(&l->name, name);
    if (st == ATT_OK) st = atti_grow(&l->buf, &l->cap, CHUNK + 1, 1, "line buffer");
    if (st != ATT_OK) {
        atti_free(l->name);
        atti_free(l);
        return st;
    }
    *out = l;
    return ATT_OK;
}

att_status atti_lines_open(atti_lines **out, const char *path, size_t max_line)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        att_status code = errno == ENOENT || errno == ENOTDIR ? ATT_ENOTFOUND : ATT_EIO;
        return atti_fail_errno(code, errno, "%s: cannot open", path);
    }
    struct stat info;
    att_status st = ATT_OK;
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        st = atti_fail(ATT_EIO, "%s: is a directory, not a file", path);
    }
    if (st == ATT_OK) st = create(out, NULL, fd, path, max_line);
    if (st != ATT_OK) close(fd);
    return st;
}

att_status atti_lines_wrap(atti_lines **out, FILE *f, const char *name, size_t max_line)
{
    atti_lines *l;
    ATTI_TRY(create(&l, f, -1, name, max_line));
    off_t at = ftello(f);
    if (at > 0) l->base = l->seek_base = (uint64_t)at;
    *out = l;
    return ATT_OK;
}

/* Up to `room` bytes; stops after a line so that an interactive reader gets it at once. */
static size_t read_stream(FILE *f, char *to, size_t room)
{
    size_t n = 0;
    flockfile(f);
    while (n < room) {
        int c = getc_unlocked(f);
        if (c == EOF) break;
        to[n++] = (char)c;
        if (c == '\n') break;
    }
    funlockfile(f);
    return n;
}

static att_status fill(atti_lines *l)
{
    if (l->begin > 0) {
        memmove(l->buf, l->buf + l->begin, l->end - l->begin);
        l->base += l->begin;
        l->end -= l->begin;
        l->begin = 0;
    }
    if (l->end + 1 >= l->cap) {
        ATTI_TRY(atti_grow(&l->buf, &l->cap, l->cap + CHUNK, 1, "line buffer"));
    }
    size_t room = l->cap - 1 - l->end;
    if (l->f) {
        size_t n = read_stream(l->f, l->buf + l->end, room);
        l->end += n;
        if (n == 0) {
            if (ferror(l->f)) return atti_fail(ATT_EIO, "%s: cannot read", l->name);
            l->eof = true;
        }
        return ATT_OK;
    }
    for (;;) {
        ssize_t n = read(l->fd, l->buf + l->end, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return atti_fail_errno(ATT_EIO, errno, "%s: cannot read", l->name);
        l->end += (size_t)n;
        l->eof = n == 0;
        return ATT_OK;
    }
}

static att_status too_long(const atti_lines *l)
{
    if (l->seek_base) {
        return atti_fail(ATT_EFORMAT,
                         "%s: line %llu after byte %llu is over %zu bytes long",
                         l->name, (unsigned long long)l->line + 1,
                         (unsigned long long)l->seek_base, l->max_line);
    }
    return atti_fail(ATT_EFORMAT, "%s:%llu: the line is over %zu bytes long", l->name,
                     (unsigned long long)l->line + 1, l->max_line);
}

/* Hands out buf[begin, stop) and goes on at next. */
static att_status deliver(atti_lines *l, size_t stop, size_t next, const char **line,
                          size_t *len)
{
    size_t start = l->begin;
    if (l->base == 0 && start == 0 && stop >= 3 && !memcmp(l->buf, "\xef\xbb\xbf", 3)) {
        start = 3;
    }
    if (stop > start && stop < next && l->buf[stop - 1] == '\r') stop--;
    if (stop - start > l->max_line) return too_long(l);
    l->buf[stop] = '\0';
    l->begin = next;
    l->line++;
    *line = l->buf + start;
    *len = stop - start;
    return ATT_OK;
}

att_status atti_lines_next(atti_lines *l, const char **line, size_t *len)
{
    size_t scanned = 0; /* bytes behind begin known to hold no LF */
    for (;;) {
        size_t unread = l->end - l->begin;
        char *from = l->buf + l->begin + scanned;
        char *lf = unread > scanned ? memchr(from, '\n', unread - scanned) : NULL;
        if (lf) {
            size_t stop = (size_t)(lf - l->buf);
            return deliver(l, stop, stop + 1, line, len);
        }
        scanned = unread;
        if (l->eof) {
            if (unread) return deliver(l, l->end, l->end, line, len);
            *line = NULL;
            *len = 0;
            return ATT_OK;
        }
        /* A CR, a LF and a BOM do not count. */
        if (unread > l->max_line && unread - l->max_line > 4) return too_long(l);
        ATTI_TRY(fill(l));
    }
}

uint64_t atti_lines_offset(const atti_lines *l)
{
    return l->base + l->begin;
}

att_status atti_lines_seek(atti_lines *l, uint64_t offset)
{
    off_t to = (off_t)offset;
    bool fits = to >= 0 && (uint64_t)to == offset;
    if (!fits) {
        return atti_fail(ATT_EINVAL, "%s: offset %llu is out of range", l->name,
                         (unsigned long long)offset);
    }
    int failed =
        l->f ? fseeko(l->f, to, SEEK_SET) != 0 : lseek(l->fd, to, SEEK_SET) < 0;
    if (failed) {
        return atti_fail_errno(ATT_EIO, errno, "%s: cannot go to byte %llu", l->name,
                               (unsigned long long)offset);
    }
    l->begin = l->end = 0;
    l->base = l->seek_base = offset;
    l->line = 0;
    l->eof = false;
    return ATT_OK;
}

void atti_lines_close(atti_lines *l)
{
    if (!l) return;
    if (!l->f) close(l->fd);
    atti_free(l->name);
    atti_free(l->buf);
    atti_free(l);
}
