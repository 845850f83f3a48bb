/* dirs.c - paths, directories, durable renames, and the lock of a model directory. */
#ifdef __linux__
#define _GNU_SOURCE /* renameat2 */
#endif
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Deeper trees are not ours; the limit also bounds open descriptors. */
enum { MAX_DEPTH = 32 };

bool atti_path_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool atti_path_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

att_status atti_path_join(char **out, const char *dir, const char *name)
{
    atti_str s = {0};
    if (name[0] != '/' && dir[0]) {
        atti_str_add(&s, dir);
        if (dir[strlen(dir) - 1] != '/') atti_str_add(&s, "/");
    }
    atti_str_add(&s, name);
    att_status st = atti_str_take(out, &s);
    atti_str_deinit(&s);
    return st;
}

static att_status make_dir(const char *path)
{
    if (mkdir(path, 0777) == 0) return ATT_OK;
    int err = errno;
    /* EEXIST, but also EROFS and EACCES on the way down to a writable place. */
    if (atti_path_is_dir(path)) return ATT_OK;
    return atti_fail_errno(ATT_EIO, err, "%s: cannot create the directory", path);
}

att_status atti_mkdir_all(const char *path)
{
    char *copy;
    if (!path[0]) return atti_fail(ATT_EINVAL, "a directory name is empty");
    ATTI_TRY(atti_strdup(&copy, path));
    att_status st = ATT_OK;
    for (char *p = copy + 1; *p && st == ATT_OK; p++) {
        if (*p != '/' || p[-1] == '/') continue;
        *p = '\0';
        st = make_dir(copy);
        *p = '/';
    }
    if (st == ATT_OK) st = make_dir(copy);
    atti_free(copy);
    return st;
}

att_status atti_fsync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return atti_fail_errno(ATT_EIO, errno, "%s: cannot open", path);
    /* Some file systems have no fsync for directories: nothing better can be done. */
    int failed = fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP;
    int err = errno;
    close(fd);
    if (failed) return atti_fail_errno(ATT_EIO, err, "%s: cannot sync", path);
    return ATT_OK;
}

/* Empties the directory that fd is open on; fd is closed. Never follows a link. */
static att_status empty_dir(int fd, const char *path, int depth)
{
    if (depth > MAX_DEPTH) {
        close(fd);
        return atti_fail(ATT_EINVAL, "%s: over %d directories deep", path, MAX_DEPTH);
    }
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int err = errno;
        close(fd);
        return atti_fail_errno(ATT_EIO, err, "%s: cannot list", path);
    }
    att_status st = ATT_OK;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno) st = atti_fail_errno(ATT_EIO, errno, "%s: cannot list", path);
            break;
        }
        const char *name = entry->d_name;
        if (!strcmp(name, ".") || !strcmp(name, "..")) continue;
        int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        int child = openat(fd, name, flags);
        if (child >= 0) {
            st = empty_dir(child, path, depth + 1);
            if (st != ATT_OK) break;
        }
        if (unlinkat(fd, name, child >= 0 ? AT_REMOVEDIR : 0) != 0 && errno != ENOENT) {
            st = atti_fail_errno(ATT_EIO, errno, "%s: cannot remove '%s'", path, name);
            break;
        }
    }
    closedir(dir);
    return st;
}

att_status atti_remove_tree(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return ATT_OK;
    bool is_dir = fd >= 0;
    if (is_dir) ATTI_TRY(empty_dir(fd, path, 1));
    if ((is_dir ? rmdir(path) : unlink(path)) != 0 && errno != ENOENT) {
        return atti_fail_errno(ATT_EIO, errno, "%s: cannot remove", path);
    }
    return ATT_OK;
}

/* The directory that holds `path`. */
static att_status sync_parent(const char *path)
{
    char *copy;
    ATTI_TRY(atti_strdup(&copy, path));
    size_t n = strlen(copy);
    while (n > 1 && copy[n - 1] == '/') copy[--n] = '\0';
    char *slash = strrchr(copy, '/');
    const char *dir = ".";
    if (slash) {
        slash[slash == copy ? 1 : 0] = '\0';
        dir = copy;
    }
    att_status st = atti_fsync_dir(dir);
    atti_free(copy);
    return st;
}

/* Puts `from` in the place of the full directory `to`: swapped in one step where the
 * kernel can, so that a crash leaves one of the two whole; then the old one goes. */
static att_status replace_dir(const char *from, const char *to)
{
#ifdef RENAME_EXCHANGE
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) {
        ATTI_TRY(sync_parent(to));
        return atti_remove_tree(from);
    }
#endif
    atti_str old = {0};
    atti_str_addf(&old, "%s.old-%ld", to, (long)getpid());
    att_status st = old.status;
    if (st == ATT_OK && rename(to, old.data) != 0) {
        st = atti_fail_errno(ATT_EIO, errno, "%s: cannot move aside", to);
    } else if (st == ATT_OK && rename(from, to) != 0) {
        int err = errno;
        (void)!rename(old.data, to); /* best effort: the old one back in its place */
        st = atti_fail_errno(ATT_EIO, err, "%s: cannot rename to '%s'", from, to);
    }
    if (st == ATT_OK) st = atti_remove_tree(old.data);
    atti_str_deinit(&old);
    return st;
}

att_status atti_rename(const char *from, const char *to)
{
    if (rename(from, to) != 0) {
        bool full = errno == ENOTEMPTY || errno == EEXIST;
        if (!full || !atti_path_is_dir(from)) {
            return atti_fail_errno(ATT_EIO, errno, "%s: cannot rename to '%s'", from,
                                   to);
        }
        ATTI_TRY(replace_dir(from, to));
    }
    ATTI_TRY(sync_parent(to));
    return ATT_OK;
}

static long read_pid(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0) return 0;
    text[n] = '\0';
    return strtol(text, NULL, 10);
}

att_status atti_lock_dir(int *fd_out, const char *dir)
{
    char *path;
    ATTI_TRY(atti_path_join(&path, dir, ".attend.lock"));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    att_status st = ATT_OK;
    if (fd < 0) {
        st = atti_fail_errno(ATT_EIO, errno, "%s: cannot create", path);
    } else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int err = errno;
        long pid = read_pid(fd);
        if (err != EWOULDBLOCK) {
            st = atti_fail_errno(ATT_EIO, err, "%s: cannot lock", path);
        } else if (pid > 0) {
            st = atti_fail(ATT_EBUSY, "%s: in use by process %ld", dir, pid);
        } else {
            st = atti_fail(ATT_EBUSY, "%s: in use by another process", dir);
        }
    }
    atti_free(path);
    if (st != ATT_OK) {
        if (fd >= 0) close(fd);
        return st;
    }
    /* The number is for the message only; the lock is the kernel's. */
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0) (void)!pwrite(fd, text, (size_t)n, 0);
    *fd_out = fd;
    return ATT_OK;
}

void atti_unlock_dir(int fd)
{
    if (fd < 0) return;
    (void)!ftruncate(fd, 0);
    close(fd); /* releases the lock; the empty file stays, see atti_lock_dir */
}
