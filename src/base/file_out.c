/* file_out.c - files that appear whole or not at all.
 *
 * The bytes go to a temporary name in the same directory (rename does not cross file
 * systems), reach the disk, and only then take the place of the old file. What is no
 * regular file (a terminal, a pipe, /dev/null) is written directly. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void forget(atti_out *o)
{
    atti_free(o->path);
    atti_free(o->temp);
    *o = (atti_out){0};
}

/* The file behind a symbolic link, so that writing keeps the link. */
static att_status resolve(char **out, const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode)) {
        char *real = realpath(path, NULL);
        if (real) {
            att_status st = atti_strdup(out, real);
            free(real);
            return st;
        }
    }
    return atti_strdup(out, path);
}

static att_status make_temp_name(char **out, const char *path)
{
    static _Atomic unsigned serial;
    atti_str s = {0};
    atti_str_addf(&s, "%s.tmp-%ld-%u", path, (long)getpid(),
                  atomic_fetch_add(&serial, 1));
    att_status st = atti_str_take(out, &s);
    atti_str_deinit(&s);
    return st;
}

static int open_temp(const atti_out *o, const struct stat *old)
{
    int fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    /* The new file keeps the old one's permissions; where that is refused, the umask's
     * will do. */
    if (fd >= 0 && old && fchmod(fd, old->st_mode & 07777) != 0) errno = 0;
    return fd;
}

att_status atti_out_open(atti_out *o, const char *path)
{
    atti_out out = {0};
    struct stat info;
    ATTI_TRY(resolve(&out.path, path));
    bool exists = stat(out.path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode)) {
        forget(&out);
        return atti_fail(ATT_EIO, "%s: is a directory", path);
    }
    bool direct = exists && !S_ISREG(info.st_mode);
    att_status st = direct ? ATT_OK : make_temp_name(&out.temp, out.path);
    if (st != ATT_OK) {
        forget(&out);
        return st;
    }
    int fd = direct ? open(out.path, O_WRONLY | O_CLOEXEC)
                    : open_temp(&out, exists ? &info : NULL);
    if (fd >= 0) out.f = fdopen(fd, "wb");
    if (!out.f) {
        int err = errno;
        if (fd >= 0) close(fd);
        if (fd >= 0 && out.temp) unlink(out.temp);
        forget(&out);
        return atti_fail_errno(ATT_EIO, err, "%s: cannot create", path);
    }
    *o = out;
    return ATT_OK;
}

/* 0, or why the bytes did not reach the disk. stdio remembers that a write failed but
 * not why: a second try of what is still buffered tells. */
static int flush_to_disk(FILE *f, bool sync)
{
    bool failed_before = ferror(f);
    errno = 0;
    if (fflush(f) != 0) return errno ? errno : EIO;
    if (failed_before) {
        clearerr(f);
        if (fputc('\n', f) == EOF || fflush(f) != 0) return errno ? errno : EIO;
        return EIO;
    }
    if (sync && fsync(fileno(f)) != 0) return errno;
    return 0;
}

/* The directory part of a path, "." where there is none. */
static att_status parent_of(char **out, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return atti_strdup(out, ".");
    atti_str s = {0};
    atti_str_add_n(&s, path, slash == path ? 1 : (size_t)(slash - path));
    att_status st = atti_str_take(out, &s);
    atti_str_deinit(&s);
    return st;
}

att_status atti_out_commit(atti_out *o)
{
    int err = flush_to_disk(o->f, o->temp != NULL);
    if (fclose(o->f) != 0 && !err) err = errno;
    o->f = NULL;
    if (!err && o->temp && rename(o->temp, o->path) != 0) err = errno;
    if (err) {
        att_status st = atti_fail_errno(ATT_EIO, err, "%s: cannot write", o->path);
        atti_out_abort(o);
        return st;
    }
    char *dir = NULL;
    att_status st = ATT_OK;
    if (o->temp) {
        st = parent_of(&dir, o->path);
        if (st == ATT_OK) st = atti_fsync_dir(dir);
        atti_free(dir);
    }
    forget(o);
    return st;
}

void atti_out_abort(atti_out *o)
{
    if (o->f) fclose(o->f);
    if (o->temp) unlink(o->temp);
    forget(o);
}

att_status atti_write_file(const char *path, const void *data, size_t n)
{
    atti_out o;
    ATTI_TRY(atti_out_open(&o, path));
    /* A short write is remembered by the stream and reported by commit. */
    if (n) (void)!fwrite(data, 1, n, o.f);
    return atti_out_commit(&o);
}
