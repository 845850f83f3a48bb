/* file.h - whole files in, whole files out (or nothing), lines, directories. */
#ifndef ATTI_FILE_H
#define ATTI_FILE_H

#include "base/str.h"
#include <stdio.h>

/* A file's bytes, mapped or read. */
typedef struct atti_blob {
    const unsigned char *data;
    size_t size;
    int mapped; /* 1: munmap, 0: heap */
} atti_blob;

/* Maps a regular file (read into memory where mapping is refused, or with
 * ATTEND_NO_MMAP=1). max_bytes 0 = no limit; larger is ATT_EFORMAT with both numbers. */
ATT_MUST_CHECK att_status atti_blob_open(atti_blob *b, const char *path,
                                         size_t max_bytes);
void atti_blob_close(atti_blob *b);

/* A file that appears whole or not at all: write to f, then commit (flush, fsync,
 * rename over path, fsync of the directory). abort removes the temporary name. Write
 * errors (a full disk) are reported by commit at the latest. */
typedef struct atti_out {
    FILE *f;
    char *path;
    char *temp;
} atti_out;
ATT_MUST_CHECK att_status atti_out_open(atti_out *o, const char *path);
ATT_MUST_CHECK att_status atti_out_commit(atti_out *o);
void atti_out_abort(atti_out *o); /* after commit or on a zeroed struct: nothing */
ATT_MUST_CHECK att_status atti_write_file(const char *path, const void *data, size_t n);

/* Lines split on LF only; a CR before it and a BOM at the start of the file are removed;
 * lines may hold NUL. *line is borrowed until the next call. At the end *line = NULL. A line
 * over max_line bytes is ATT_EFORMAT naming file and line (max_line 0 = 64 MiB). */
typedef struct atti_lines atti_lines;
ATT_MUST_CHECK att_status atti_lines_open(atti_lines **out, const char *path,
                                          size_t max_line);
/* f is not closed by close(); name is for messages. */
ATT_MUST_CHECK att_status atti_lines_wrap(atti_lines **out, FILE *f, const char *name,
                                          size_t max_line);
ATT_MUST_CHECK att_status atti_lines_next(atti_lines *l, const char **line,
                                          size_t *len);
uint64_t atti_lines_offset(const atti_lines *l); /* byte offset of the next line */
ATT_MUST_CHECK att_status atti_lines_seek(atti_lines *l, uint64_t offset);
void atti_lines_close(atti_lines *l);

bool atti_path_exists(const char *path);
bool atti_path_is_dir(const char *path);
ATT_MUST_CHECK att_status atti_path_join(char **out, const char *dir, const char *name);
ATT_MUST_CHECK att_status atti_mkdir_all(const char *path);
ATT_MUST_CHECK att_status atti_fsync_dir(const char *path);
/* Removes a directory and the plain files in it (and its subdirectories). */
ATT_MUST_CHECK att_status atti_remove_tree(const char *path);
/* rename() that replaces a directory or file, durable when it returns. */
ATT_MUST_CHECK att_status atti_rename(const char *from, const char *to);
/* An exclusive lock on dir/.attend.lock, held until released or the process ends;
 * ATT_EBUSY names the process that holds it where known. */
ATT_MUST_CHECK att_status atti_lock_dir(int *fd, const char *dir);
void atti_unlock_dir(int fd);

#endif
