/* textio.c - lines in, files out.
 *
 * Reading goes around stdio: a translation at the end of a pipe has to answer what has
 * come, and only poll() on a buffer of our own tells whether more has. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- output ----------------------------------------------------------------------- */

bool cli_out_open(cli_out *o, const char *path)
{
    struct stat info;

    memset(o, 0, sizeof *o);
    if (!path || strcmp(path, "-") == 0) {
        o->f = stdout;
        return true;
    }
    o->path = cli_strdup(path);
    /* A pipe or a device is written to as it is: a rename would replace it. */
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        o->f = fopen(path, "wb");
    } else {
        o->temp = cli_format("%s.tmp%ld", path, (long)getpid());
        o->f = fopen(o->temp, "wb");
    }
    if (o->f) return true;
    cli_fail("%s: cannot be written: %s", path, strerror(errno));
    cli_free(o->path);
    cli_free(o->temp);
    memset(o, 0, sizeof *o);
    return false;
}

/* What a failing call left in errno, which was 0 before it. */
static void failed(cli_out *o)
{
    if (!o->err) o->err = errno ? errno : EIO;
}

void cli_out_put(cli_out *o, const char *s, size_t n)
{
    errno = 0;
    if (n > 0 && fwrite(s, 1, n, o->f) != n) failed(o);
}

void cli_out_printf(cli_out *o, const char *fmt, ...)
{
    va_list args;

    errno = 0;
    va_start(args, fmt);
    if (vfprintf(o->f, fmt, args) < 0) failed(o);
    va_end(args);
}

bool cli_out_flush(cli_out *o)
{
    errno = 0;
    if (fflush(o->f) != 0 || ferror(o->f)) failed(o);
    return o->err == 0;
}

static int report(cli_out *o)
{
    if (o->err && !o->told)
        cli_fail("%s: cannot be written: %s", o->path ? o->path : "standard output",
                 strerror(o->err));
    o->told = o->err != 0;
    return o->err ? EXIT_FAILED : EXIT_FINE;
}

int cli_out_check(cli_out *o)
{
    cli_out_flush(o);
    return report(o);
}

bool cli_out_close(cli_out *o)
{
    bool good;

    if (!o->f) return true;
    cli_out_flush(o);
    errno = 0;
    if (o->temp && fsync(fileno(o->f)) != 0) failed(o);
    errno = 0;
    if (o->f != stdout && fclose(o->f) != 0) failed(o);
    o->f = NULL;
    errno = 0;
    if (!o->err && o->temp && rename(o->temp, o->path) != 0) failed(o);
    good = report(o) == EXIT_FINE;
    if (!good && o->temp) unlink(o->temp);
    cli_free(o->path);
    cli_free(o->temp);
    memset(o, 0, sizeof *o);
    return good;
}

void cli_out_drop(cli_out *o)
{
    if (o->f == stdout) fflush(stdout);
    if (o->f && o->f != stdout) fclose(o->f);
    if (o->temp) unlink(o->temp);
    cli_free(o->path);
    cli_free(o->temp);
    memset(o, 0, sizeof *o);
}

int cli_out_end(cli_out *o, int rc)
{
    if (rc == 0) return cli_out_close(o) ? EXIT_FINE : EXIT_FAILED;
    cli_out_drop(o);
    return rc;
}

/* --- input ------------------------------------------------------------------------ */

bool cli_in_open(cli_in *in, const char *path)
{
    struct stat info;

    memset(in, 0, sizeof *in);
    if (!path || strcmp(path, "-") == 0) {
        in->fd = STDIN_FILENO;
        in->name = "standard input";
    } else {
        in->name = path;
        in->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (in->fd < 0) {
        cli_fail("%s: cannot be read: %s", path, strerror(errno));
        return false;
    }
    if (fstat(in->fd, &info) == 0 && S_ISREG(info.st_mode)) in->size = info.st_size;
    return true;
}

double cli_in_done(const cli_in *in)
{
    int64_t left = (int64_t)(in->end - in->begin);

    return in->size > 0 ? (double)(in->read - left) / (double)in->size : 0;
}

enum { WARNINGS_MAX = 10 };

void cli_in_close(cli_in *in)
{
    if (in->not_utf8 > WARNINGS_MAX)
        cli_warn("%s: %lld lines were not UTF-8", in->name, (long long)in->not_utf8);
    if (in->fd > STDIN_FILENO) close(in->fd);
    cli_free(in->buf);
    memset(in, 0, sizeof *in);
}

/* Reads some more; false at the end, on an error or when a signal came. */
static bool fill(cli_in *in)
{
    ssize_t got;

    if (in->eof || in->failed) return false;
    if (in->begin > 0 && in->begin == in->end) in->begin = in->end = 0;
    if (in->cap - in->end < 65536) {
        if (in->begin > 0) memmove(in->buf, in->buf + in->begin, in->end - in->begin);
        in->end -= in->begin;
        in->begin = 0;
        if (in->cap - in->end < 65536) {
            in->cap = in->cap ? in->cap * 2 : 1 << 18;
            in->buf = cli_resize(in->buf, in->cap + 1, 1);
        }
    }
    do got = read(in->fd, in->buf + in->end, in->cap - in->end);
    while (got < 0 && errno == EINTR && !cli_signal());
    if (got < 0 && !cli_signal()) {
        in->failed = true;
        cli_fail("%s: cannot be read: %s", in->name, strerror(errno));
    }
    if (got <= 0) {
        in->eof = true;
        return false;
    }
    in->end += (size_t)got;
    in->read += got;
    if (!in->started && in->end >= 3) {
        in->started = true;
        if (memcmp(in->buf, "\xef\xbb\xbf", 3) == 0) in->begin = 3;
    }
    return true;
}

/* A line becomes a C string: what follows a NUL must not be lost. */
static void blank_nuls(cli_in *in, char *line, size_t len)
{
    char *p = memchr(line, 0, len);

    if (!p) return;
    if (++in->nuls == 1)
        cli_warn("%s: line %lld: NUL bytes are read as spaces: is this UTF-8 text?",
                 in->name, (long long)in->line);
    for (; p; p = memchr(p, 0, (size_t)(line + len - p))) *p = ' ';
}

char *cli_in_line(cli_in *in, size_t *len)
{
    size_t searched = 0;
    char *line, *end = NULL;

    for (;;) {
        size_t have = in->end - in->begin;

        if (have > searched)
            end = memchr(in->buf + in->begin + searched, '\n', have - searched);
        searched = have;
        if (end) break;
        if (fill(in)) continue;
        if (in->failed || in->begin == in->end || cli_signal()) return NULL;
        end = in->buf + in->end; /* the last line has no LF */
        break;
    }
    line = in->buf + in->begin;
    *len = (size_t)(end - line);
    in->begin += *len + (end < in->buf + in->end);
    if (*len > 0 && line[*len - 1] == '\r') --*len;
    line[*len] = 0;
    in->line++;
    blank_nuls(in, line, *len);
    return line;
}

void cli_in_check(cli_in *in, const char *line)
{
    if (cli_is_utf8(line)) return;
    in->not_utf8++;
    if (in->not_utf8 <= WARNINGS_MAX)
        cli_warn("%s: line %lld: not UTF-8; bad bytes are read as U+FFFD", in->name,
                 (long long)in->line);
    if (in->not_utf8 == WARNINGS_MAX + 1)
        cli_warn("%s: further lines that are not UTF-8 are counted only", in->name);
}

bool cli_in_ready(cli_in *in)
{
    struct pollfd p = {.fd = in->fd, .events = POLLIN};

    size_t have = in->end - in->begin;

    if (have && memchr(in->buf + in->begin, '\n', have)) return true;
    return in->eof || poll(&p, 1, 0) > 0;
}

char **cli_read_lines(const char *path, int64_t *n)
{
    char **lines = NULL, *line;
    size_t cap = 0, len;
    cli_in in;

    *n = 0;
    if (!cli_in_open(&in, path)) return NULL;
    while ((line = cli_in_line(&in, &len)) != NULL) {
        if ((size_t)*n == cap) {
            cap = cap ? cap * 2 : 1024;
            lines = cli_resize(lines, cap, sizeof *lines);
        }
        cli_in_check(&in, line);
        lines[(*n)++] = cli_strdup(line);
    }
    if (in.failed) return NULL;
    cli_in_close(&in);
    return lines ? lines : cli_alloc(1, sizeof *lines);
}

char *cli_read_file(const char *path, size_t max, size_t *len)
{
    cli_in in;

    if (!cli_in_open(&in, path)) return NULL;
    while (in.end - in.begin <= max && fill(&in)) continue;
    if (in.failed) return NULL;
    *len = in.end - in.begin;
    if (*len > max) {
        cli_fail("%s: more than %zu bytes", in.name, max);
        return NULL;
    }
    char *s = cli_alloc(*len + 1, 1);
    if (*len) memcpy(s, in.buf + in.begin, *len);
    cli_in_close(&in);
    return s;
}

bool cli_is_file(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

bool cli_is_dir_name(const char *path)
{
    struct stat info;

    if (*path && (stat(path, &info) != 0 || S_ISDIR(info.st_mode))) return true;
    if (*path)
        cli_fail("%s: a file, not a directory: -m takes a model's directory", path);
    else
        cli_fail("-m: the name of the directory is empty");
    return false;
}

static bool is_readable(const char *path)
{
    struct stat info;
    int err = 0;

    if (stat(path, &info) != 0 || access(path, R_OK) != 0)
        err = errno;
    else if (S_ISDIR(info.st_mode))
        err = EISDIR;
    if (err) cli_fail("%s: cannot be read: %s", path, strerror(err));
    return err == 0;
}

bool cli_is_text_file(const char *path)
{
    struct stat info;

    if (strcmp(path, "-") == 0 ||
        (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))) {
        cli_fail(
            "%s: is read more than once, which only a file can be: write it to one "
            "first",
            path);
        return false;
    }
    return is_readable(path);
}

bool cli_mkdirs(const char *path)
{
    char *copy = cli_strdup(path);
    bool good = true;

    for (char *p = copy + 1; good; p++) {
        if (*p && *p != '/') continue;
        char c = *p;
        *p = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            cli_fail("%s: cannot be made: %s", copy, strerror(errno));
            good = false;
        }
        *p = c;
        if (!c) break;
    }
    cli_free(copy);
    return good;
}
