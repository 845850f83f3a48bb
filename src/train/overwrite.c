/* overwrite.c - a training that replaces another model. It begins in a directory of its
 * own inside DIR, so that whatever stops it early (options that are refused, too little
 * memory, a full disk) leaves the old model as it was. With the first checkpoint the old
 * files go and the new ones take their place.
 *
 * The name of the inner directory says how far that has come: BEGUN is thrown away by
 * whoever opens DIR next (leftovers.c), READY has still to remove the old files, MOVING
 * has only its own to move. Each step may be killed and done again. */
#include "base/alloc.h"
#include "base/file.h"
#include "train/trainer.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>

static const char begun[] = "overwriting.tmp-0", ready[] = "overwriting.ready",
                  moving[] = "overwriting.moving";

static att_status remove_in(const char *dir, const char *name)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, dir, name));
    att_status st = atti_remove_tree(path);
    atti_free(path);
    return st;
}

static att_status move(const char *from_dir, const char *from, const char *to_dir,
                       const char *to)
{
    char *a = NULL, *b = NULL;
    att_status st = atti_path_join(&a, from_dir, from);
    if (st == ATT_OK) st = atti_path_join(&b, to_dir, to);
    if (st == ATT_OK) st = atti_rename(a, b);
    atti_free(a);
    atti_free(b);
    return st;
}

/* What trainings and models write; whatever else lies there is the user's. */
static att_status forget_old(const char *dir)
{
    static const char *const names[] = {"model.safetensors",
                                        "config.json",
                                        "generation_config.json",
                                        "special_tokens_map.json",
                                        "vocab.json",
                                        "target_vocab.json",
                                        "source.spm",
                                        "target.spm",
                                        "checkpoints",
                                        "best",
                                        "average",
                                        "tokenizer.json",
                                        "tokenizer.model",
                                        "tokenizer_config.json",
                                        "lexicon.json",
                                        "config.train.json",
                                        "train.log",
                                        "metrics.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ATTI_TRY(remove_in(dir, names[i]));
    return ATT_OK;
}

static att_status move_all(const char *from, const char *to)
{
    att_status st = ATT_OK;
    DIR *d = opendir(from);
    if (!d) return atti_fail_errno(ATT_EIO, errno, "%s: cannot list", from);
    for (struct dirent *e = readdir(d); e && st == ATT_OK; e = readdir(d)) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        st = move(from, e->d_name, to, e->d_name);
        /* What was listed may come again or not after a change: from the start. */
        if (st == ATT_OK) rewinddir(d);
    }
    closedir(d);
    return st;
}

static int exists_in(const char *dir, const char *name)
{
    char *path = NULL;
    if (atti_path_join(&path, dir, name) != ATT_OK) return 0;
    int yes = atti_path_exists(path);
    atti_free(path);
    return yes;
}

att_status atti_overwrite_recover(const char *dir)
{
    if (exists_in(dir, ready)) {
        ATTI_TRY(forget_old(dir));
        ATTI_TRY(move(dir, ready, dir, moving));
    }
    if (!exists_in(dir, moving)) return ATT_OK;
    char *from = NULL;
    ATTI_TRY(atti_path_join(&from, dir, moving));
    att_status st = move_all(from, dir);
    if (st == ATT_OK) st = atti_remove_tree(from);
    atti_free(from);
    return st;
}

static att_status set_paths(atti_trainer *t, const char *dir, const char *inner)
{
    char *at = NULL, *checkpoints = NULL;
    att_status st = inner ? atti_path_join(&at, dir, inner) : atti_strdup(&at, dir);
    if (st == ATT_OK) st = atti_path_join(&checkpoints, at, "checkpoints");
    if (st != ATT_OK) {
        atti_free(at);
        return st;
    }
    atti_free(t->dir);
    atti_free(t->checkpoints);
    t->dir = at;
    t->checkpoints = checkpoints;
    return ATT_OK;
}

att_status atti_overwrite_begin(atti_trainer *t)
{
    ATTI_TRY(set_paths(t, t->o.model_dir, begun));
    t->overwriting = 1;
    ATTI_TRY(atti_remove_tree(t->dir));
    return atti_mkdir_all(t->checkpoints);
}

att_status atti_overwrite_settle(atti_trainer *t)
{
    if (!t->overwriting) return ATT_OK;
    ATTI_TRY(move(t->o.model_dir, begun, t->o.model_dir, ready));
    t->overwriting = 0;
    ATTI_TRY(set_paths(t, t->o.model_dir, NULL));
    return atti_overwrite_recover(t->o.model_dir);
}

void atti_overwrite_give_up(atti_trainer *t)
{
    if (t->overwriting && t->dir) (void)!atti_remove_tree(t->dir);
    t->overwriting = 0;
}
