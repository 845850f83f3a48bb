/* used_dir.c - what was trained for hours must not go because of a mistyped name. */
#include "used_dir.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has(const char *dir, const char *name)
{
    char *path = cli_format("%s/%s", dir, name);
    bool there = access(path, F_OK) == 0;

    cli_free(path);
    return there;
}

bool used_dir_is(const char *dir)
{
    static const char *const names[] = {"config.json", "model.safetensors",
                                        "model.safetensors.index.json",
                                        "pytorch_model.bin", "checkpoints"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (has(dir, names[i])) return true;
    return false;
}

bool used_dir_free(const char *dir, bool overwrite, const char *hint)
{
    if (overwrite || !used_dir_is(dir)) return true;
    cli_fail("%s: holds a model or a training already (%s)", dir, hint);
    return false;
}

bool used_below_free(const char *dir, bool overwrite, const char *hint)
{
    DIR *d = overwrite ? NULL : opendir(dir);
    bool free_all = used_dir_free(dir, overwrite, hint);

    for (struct dirent *e = d ? readdir(d) : NULL; e && free_all; e = readdir(d)) {
        char *path = cli_format("%s/%s", dir, e->d_name);

        if (e->d_name[0] != '.') free_all = used_dir_free(path, false, hint);
        cli_free(path);
    }
    if (d) closedir(d);
    return free_all;
}

bool used_file_free(const char *path, bool overwrite)
{
    if (overwrite || access(path, F_OK) != 0) return true;
    cli_fail("%s: is there already (--overwrite replaces it)", path);
    return false;
}

bool used_same(const char *a, const char *b)
{
    struct stat x, y;

    /* One that is not there yet has no number to compare. */
    if (stat(a, &x) != 0) return strcmp(a, b) == 0;
    return stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino &&
           (S_ISREG(x.st_mode) || S_ISDIR(x.st_mode));
}
