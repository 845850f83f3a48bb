/* leftovers.c - what a killed training left half-made is removed when its directory is
 * opened again: temporary files (base/file_out.c), directories that were being made
 * (checkpoint.c) or replaced (base/dirs.c). */
#include "base/alloc.h"
#include "base/file.h"
#include "train/trainer.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>

/* The "<tag>digits" or "<tag>digits-digits" that ends the name; NULL: there is none. */
static const char *numbered(const char *name, const char *tag)
{
    const char *at = NULL;
    for (const char *p = strstr(name, tag); p; p = strstr(p + 1, tag)) at = p;
    if (!at || at == name) return NULL;
    const char *p = at + strlen(tag);
    size_t n = strspn(p, "0123456789");
    if (n == 0) return NULL;
    p += n;
    if (*p == '-') {
        n = strspn(p + 1, "0123456789");
        if (n == 0) return NULL;
        p += 1 + n;
    }
    return *p ? NULL : at;
}

static int ends_in_tmp(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

/* Killed between moving the old one aside and the new one in: the old one comes back. */
static att_status bring_back(const char *path, size_t n)
{
    char *to = NULL;
    ATTI_TRY(atti_strdup(&to, path));
    to[n] = '\0';
    att_status st =
        atti_path_exists(to) ? atti_remove_tree(path) : atti_rename(path, to);
    atti_free(to);
    return st;
}

static att_status clean_one(const char *dir, const char *name, int any_tmp)
{
    const char *old = numbered(name, ".old-");
    int made = any_tmp ? ends_in_tmp(name)
                       : !strcmp(name, "best.tmp") || !strcmp(name, "average.tmp");
    if (!old && !made && !numbered(name, ".tmp-")) return ATT_OK;
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, dir, name));
    att_status st =
        old ? bring_back(path, strlen(path) - strlen(old)) : atti_remove_tree(path);
    atti_free(path);
    return st;
}

/* any_tmp: everything that ends in .tmp is ours. */
static att_status clean(const char *dir, int any_tmp)
{
    att_status st = ATT_OK;
    DIR *d = opendir(dir);
    if (!d) {
        if (errno == ENOENT) return ATT_OK;
        return atti_fail_errno(ATT_EIO, errno, "%s: cannot list", dir);
    }
    for (struct dirent *e = readdir(d); e && st == ATT_OK; e = readdir(d)) {
        st = clean_one(dir, e->d_name, any_tmp);
    }
    closedir(d);
    return st;
}

att_status atti_leftovers_clean(const char *dir, const char *checkpoints)
{
    ATTI_TRY(clean(dir, 0));
    return clean(checkpoints, 1);
}
