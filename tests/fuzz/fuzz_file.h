/* fuzz_file.h - for parsers that read files: a folder of this process, and its files with
 * the bytes of an input. The folder goes when the program ends well. */
#ifndef ATTEND_FUZZ_FILE_H
#define ATTEND_FUZZ_FILE_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char fuzz_folder[] = "/tmp/attend-fuzz-XXXXXX";

static const char *fuzz_path(const char *name)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
    return path;
}

/* Removes all files of the folder. */
static inline void fuzz_clear(void)
{
    DIR *d = opendir(fuzz_folder);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') unlink(fuzz_path(e->d_name));
    }
    closedir(d);
}

static void fuzz_remove_folder(void)
{
    fuzz_clear();
    rmdir(fuzz_folder);
}

static inline const char *fuzz_dir(void)
{
    static int made;
    if (made) return fuzz_folder;
    if (!mkdtemp(fuzz_folder)) abort();
    atexit(fuzz_remove_folder);
    made = 1;
    return fuzz_folder;
}

/* The path is valid until the next call. */
static inline const char *fuzz_write(const char *name, const void *data, size_t n)
{
    fuzz_dir();
    FILE *f = fopen(fuzz_path(name), "wb");
    if (!f || (n && fwrite(data, 1, n, f) != n) || fclose(f) != 0) abort();
    return fuzz_path(name);
}

#endif
