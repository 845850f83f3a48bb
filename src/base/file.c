/* file.c - whole files in: mapped where possible, read where not. Whole files out are in
 * file_out.c, lines in lines.c, directories and locks in dirs.c. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What cannot be mapped (a pipe, a file in /proc) tells no size: read in such pieces. */
enum { CHUNK = 1 << 16 };

static att_status too_large(const char *path, uintmax_t size, size_t max_bytes)
{
    return atti_fail(ATT_EFORMAT, "%s: %ju bytes or more, the limit is %zu", path, size,
                     max_bytes);
}

static att_status read_all(atti_blob *b, int fd, const char *path, size_t max_bytes,
                           size_t hint)
{
    unsigned char *data = NULL;
    size_t cap = 0, size = 0;
    /* One byte more than expected, so that the end of the file shows without growing. */
    att_status st = atti_grow(&data, &cap, hint + 1, 1, path);
    while (st == ATT_OK) {
        if (size == cap) st = atti_grow(&data, &cap, cap + CHUNK, 1, path);
        if (st != ATT_OK) break;
        ssize_t n = read(fd, data + size, cap - size);
        if (n == 0) break;
        if (n < 0) {
            if (errno == EINTR) continue;
            st = atti_fail_errno(ATT_EIO, errno, "%s: cannot read", path);
            break;
        }
        size += (size_t)n;
        if (max_bytes && size > max_bytes) st = too_large(path, size, max_bytes);
    }
    if (st != ATT_OK) {
        atti_free(data);
        return st;
    }
    *b = (atti_blob){.data = data, .size = size, .mapped = 0};
    return ATT_OK;
}

static bool mapping_wanted(void)
{
    const char *text = getenv("ATTEND_NO_MMAP");
    return !text || !*text || !strcmp(text, "0");
}

static att_status open_fd(atti_blob *b, int fd, const char *path, size_t max_bytes)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return atti_fail_errno(ATT_EIO, errno, "%s: cannot stat", path);
    }
    if (S_ISDIR(info.st_mode)) {
        return atti_fail(ATT_EIO, "%s: is a directory, not a file", path);
    }
    if (!S_ISREG(info.st_mode)) return read_all(b, fd, path, max_bytes, 0);

    uintmax_t size = (uintmax_t)info.st_size;
    if (max_bytes && size > max_bytes) return too_large(path, size, max_bytes);
    if (size >= SIZE_MAX / 2) return too_large(path, size, SIZE_MAX / 2);
    if (size > 0 && mapping_wanted()) {
        void *p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p != MAP_FAILED) {
            *b = (atti_blob){.data = p, .size = (size_t)size, .mapped = 1};
            return ATT_OK;
        }
    }
    return read_all(b, fd, path, max_bytes, (size_t)size);
}

att_status atti_blob_open(atti_blob *b, const char *path, size_t max_bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        att_status code = errno == ENOENT || errno == ENOTDIR ? ATT_ENOTFOUND : ATT_EIO;
        return atti_fail_errno(code, errno, "%s: cannot open", path);
    }
    att_status st = open_fd(b, fd, path, max_bytes);
    close(fd); /* a mapping stays valid without it */
    return st;
}

void atti_blob_close(atti_blob *b)
{
    if (b->mapped) {
        /* munmap takes void *: the bytes themselves were never writable. */
        munmap((void *)(uintptr_t)b->data, b->size);
    } else {
        atti_free((void *)(uintptr_t)b->data);
    }
    *b = (atti_blob){0};
}
