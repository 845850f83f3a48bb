/* checkpoint.c - checkpoints are directories DIR/checkpoints/u00001234 that are whole or
 * absent.
 *
 * Everything is written into u00001234.tmp, each file synced, the directory synced, then
 * renamed. Removal renames back to .tmp first, so that half a directory never carries a
 * whole one's name. A checkpoint is a model directory by itself; training.safetensors
 * (weights, moments, running average, flat) and state.json beside it are what training
 * goes on from, and only the newest ones keep them: older ones serve the average. */
#include "attend/safetensors.h"
#include "base/alloc.h"
#include "base/file.h"
#include "models/save.h"
#include "train/trainer.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Two: should the newest be damaged by the disk, the one before still resumes. */
enum { KEEP_RESUMABLE = 2 };

static const char *const buffer_names[4] = {"weights", "adam.m", "adam.v", "ema"};

static void buffers(const atti_trainer *t, float *out[4])
{
    out[0] = t->params.data;
    out[1] = t->optim.m;
    out[2] = t->optim.v;
    out[3] = t->optim.ema;
}

att_status atti_checkpoint_path(char **out, const char *checkpoints, int64_t update)
{
    char name[40];
    snprintf(name, sizeof name, "u%08" PRId64, update);
    return atti_path_join(out, checkpoints, name);
}

/* u and digits only; -1 otherwise. */
static int64_t update_of(const char *name)
{
    if (name[0] != 'u' || strlen(name) < 9 || strlen(name) > 19) return -1;
    if (strspn(name + 1, "0123456789") != strlen(name + 1)) return -1;
    return strtoll(name + 1, NULL, 10);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

att_status atti_checkpoint_list(const char *checkpoints, int64_t **out, size_t *n)
{
    int64_t *list = NULL;
    size_t cap = 0, count = 0;
    att_status st = ATT_OK;
    DIR *d = opendir(checkpoints);
    if (!d) {
        if (errno != ENOENT) {
            return atti_fail_errno(ATT_EIO, errno, "%s: cannot list", checkpoints);
        }
    }
    for (struct dirent *e = d ? readdir(d) : NULL; e && st == ATT_OK; e = readdir(d)) {
        int64_t u = update_of(e->d_name);
        if (u < 0) continue;
        st = atti_grow(&list, &cap, count + 1, sizeof *list, "checkpoints");
        if (st == ATT_OK) list[count++] = u;
    }
    if (d) closedir(d);
    if (st != ATT_OK) {
        atti_free(list);
        return st;
    }
    if (count > 1) qsort(list, count, sizeof *list, compare);
    *out = list;
    *n = count;
    return ATT_OK;
}

/* Gone as a checkpoint before any of its files is. */
static att_status remove_whole(const char *path)
{
    atti_str tmp = {0};
    atti_str_addf(&tmp, "%s.tmp", path);
    att_status st = tmp.status;
    if (st == ATT_OK && atti_path_exists(tmp.data)) st = atti_remove_tree(tmp.data);
    if (st == ATT_OK) st = atti_rename(path, tmp.data);
    if (st == ATT_OK) st = atti_remove_tree(tmp.data);
    atti_str_deinit(&tmp);
    return st;
}

att_status atti_trainer_save_model_files(const atti_trainer *t,
                                         const atti_params *weights, const char *dir)
{
    char *paths[4] = {NULL};
    atti_save s = {.family = t->family, .cfg = t->cfg, .params = weights};
    att_status st = t->task->files(t, &s, paths);
    if (st == ATT_OK) st = atti_model_save(dir, &s);
    for (int i = 0; i < 4; i++) atti_free(paths[i]);
    return st;
}

/* fill writes the files; the directory then appears as a whole, replacing an old one. */
typedef att_status fill_fn(void *ctx, const char *dir);

static att_status make_directory(const char *path, fill_fn *fill, void *ctx)
{
    atti_str tmp = {0};
    atti_str_addf(&tmp, "%s.tmp", path);
    att_status st = tmp.status;
    if (st == ATT_OK && atti_path_exists(tmp.data)) st = atti_remove_tree(tmp.data);
    if (st == ATT_OK) st = atti_mkdir_all(tmp.data);
    if (st == ATT_OK) st = fill(ctx, tmp.data);
    if (st == ATT_OK) st = atti_fsync_dir(tmp.data);
    if (st == ATT_OK) st = atti_rename(tmp.data, path);
    if (st != ATT_OK && tmp.status == ATT_OK) {
        /* A full disk: give back what was taken, keep the message. */
        atti_error e;
        atti_error_take(&e, st);
        (void)!atti_remove_tree(tmp.data);
        st = atti_error_post(&e);
    }
    atti_str_deinit(&tmp);
    return st;
}

typedef struct save_job {
    const atti_trainer *t;
    const atti_params *weights;
    int regular;
} save_job;

static att_status fill_model(void *ctx, const char *dir)
{
    save_job *j = ctx;
    return atti_trainer_save_model_files(j->t, j->weights, dir);
}

att_status atti_trainer_save_model(const atti_trainer *t, const atti_params *weights,
                                   const char *path)
{
    save_job j = {t, weights, 0};
    return make_directory(path, fill_model, &j);
}

static att_status write_buffers(const atti_trainer *t, const char *dir)
{
    float *data[4];
    const char *names[4];
    att_tensor tensors[4];
    int64_t n = 0, count = (int64_t)t->params.count;
    buffers(t, data);
    for (int i = 0; i < 4; i++) {
        if (!data[i]) continue;
        names[n] = buffer_names[i];
        ATTI_TRY(att_tensor_view(&tensors[n++], data[i], ATT_F32, 1, &count));
    }
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, dir, "training.safetensors"));
    att_status st = att_safetensors_write(path, names, tensors, n, NULL, 0);
    atti_free(path);
    return st;
}

static att_status fill_checkpoint(void *ctx, const char *dir)
{
    save_job *j = ctx;
    ATTI_TRY(fill_model(j, dir));
    ATTI_TRY(write_buffers(j->t, dir));
    return atti_train_state_write(j->t, dir, j->regular);
}

static att_status drop_buffers(const char *checkpoint)
{
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, checkpoint, "training.safetensors"));
    att_status st = ATT_OK;
    if (unlink(path) != 0 && errno != ENOENT) {
        st = atti_fail_errno(ATT_EIO, errno, "%s: cannot remove", path);
    }
    atti_free(path);
    return st;
}

/* What the average needs, and at least the newest. */
static att_status prune(const atti_trainer *t)
{
    int64_t *list = NULL;
    size_t n = 0, keep = 1;
    ATTI_TRY(atti_checkpoint_list(t->checkpoints, &list, &n));
    if ((size_t)t->o.keep_checkpoints > keep) keep = (size_t)t->o.keep_checkpoints;
    if ((size_t)t->o.average > keep) keep = (size_t)t->o.average;
    att_status st = ATT_OK;
    size_t kept = 0;
    for (size_t i = n; i-- > 0 && st == ATT_OK;) {
        char *path = NULL;
        st = atti_checkpoint_path(&path, t->checkpoints, list[i]);
        if (st != ATT_OK) break;
        atti_train_state s;
        int regular = 0;
        size_t age = n - 1 - i;
        /* One made by a signal has served when a newer one exists. */
        if (age > 0) st = atti_train_state_read(&s, &regular, path);
        if (st == ATT_OK && age > 0 && (!regular || kept >= keep)) {
            st = remove_whole(path);
        } else if (st == ATT_OK) {
            /* Two that go on: were ages counted instead of what is kept, two stops in
             * a row would leave no regular one to roll back to. */
            if (++kept > KEEP_RESUMABLE) st = drop_buffers(path);
        }
        atti_free(path);
    }
    atti_free(list);
    return st;
}

att_status atti_checkpoint_save(atti_trainer *t, int regular)
{
    char *path = NULL;
    atti_params w = atti_trainer_weights(t);
    save_job j = {t, &w, regular};
    ATTI_TRY(atti_checkpoint_path(&path, t->checkpoints, t->state.update));
    att_status st = make_directory(path, fill_checkpoint, &j);
    if (st == ATT_OK) {
        t->saved = t->state.update;
        st = atti_overwrite_settle(t);
    }
    if (st == ATT_OK) st = prune(t);
    atti_free(path);
    return st;
}

static att_status load_buffers(atti_trainer *t, const char *dir)
{
    char *path = NULL;
    att_safetensors *f = NULL;
    float *data[4];
    buffers(t, data);
    ATTI_TRY(atti_path_join(&path, dir, "training.safetensors"));
    att_status st = att_safetensors_open(&f, path);
    for (int i = 0; i < 4 && st == ATT_OK; i++) {
        att_tensor from, to;
        int64_t count = (int64_t)t->params.count;
        if (!data[i]) continue;
        st = att_safetensors_get(f, &from, buffer_names[i]);
        if (st != ATT_OK) break;
        if (from.dtype != ATT_F32 || att_tensor_count(&from) != count) {
            st =
                atti_fail(ATT_EFORMAT,
                          "%s: '%s' has %lld numbers, this model has %lld: the options "
                          "differ from those of the training that is resumed",
                          path, buffer_names[i], (long long)att_tensor_count(&from),
                          (long long)count);
        }
        if (st == ATT_OK) st = att_tensor_view(&to, data[i], ATT_F32, 1, &count);
        if (st == ATT_OK) st = att_tensor_copy(&to, &from);
        att_tensor_deinit(&from);
    }
    att_safetensors_close(f);
    atti_free(path);
    return st;
}

static att_status load_one(atti_trainer *t, const char *dir)
{
    atti_train_state s;
    int regular = 0;
    ATTI_TRY(atti_train_state_read(&s, &regular, dir));
    ATTI_TRY(atti_train_state_same(t, dir));
    ATTI_TRY(load_buffers(t, dir));
    t->state = s;
    t->saved = s.update;
    return ATT_OK;
}

/* Out of the list, for whoever wants to see it: beside a newer one that is damaged, new
 * checkpoints would look old and be removed. */
static att_status put_aside(const char *path)
{
    atti_str to = {0};
    atti_str_addf(&to, "%s.damaged", path);
    att_status st = to.status;
    if (st == ATT_OK) st = atti_rename(path, to.data);
    atti_str_deinit(&to);
    return st;
}

/* Damage is what the file says; other failures are not cured by an older one. */
static int is_damage(att_status st)
{
    return st == ATT_EFORMAT || st == ATT_EIO || st == ATT_ENOTFOUND;
}

static att_status put_aside_from(atti_trainer *t, const int64_t *list, size_t n)
{
    att_status st = ATT_OK;
    for (size_t i = 0; i < n && st == ATT_OK; i++) {
        char *path = NULL;
        st = atti_checkpoint_path(&path, t->checkpoints, list[i]);
        if (st == ATT_OK) st = put_aside(path);
        atti_free(path);
    }
    return st;
}

att_status atti_checkpoint_forget_stops(const atti_trainer *t)
{
    int64_t *list = NULL;
    size_t n = 0;
    ATTI_TRY(atti_checkpoint_list(t->checkpoints, &list, &n));
    att_status st = ATT_OK;
    for (size_t i = n; i-- > 0 && st == ATT_OK;) {
        char *path = NULL;
        atti_train_state s;
        int regular = 0;
        st = atti_checkpoint_path(&path, t->checkpoints, list[i]);
        /* A damaged one is left to whoever loads it. */
        if (st == ATT_OK && atti_train_state_read(&s, &regular, path) == ATT_OK &&
            !regular) {
            st = remove_whole(path);
        }
        atti_free(path);
    }
    atti_free(list);
    return st;
}

att_status atti_checkpoint_load(atti_trainer *t, int *found)
{
    int64_t *list = NULL;
    size_t n = 0, at = 0;
    ATTI_TRY(atti_checkpoint_list(t->checkpoints, &list, &n));
    atti_error newest = {.code = ATT_OK};
    att_status st = ATT_ENOTFOUND;
    for (at = n; at > 0 && is_damage(st);) {
        char *path = NULL;
        st = atti_checkpoint_path(&path, t->checkpoints, list[--at]);
        if (st == ATT_OK) st = load_one(t, path);
        atti_free(path);
        if (is_damage(st) && newest.code == ATT_OK) atti_error_take(&newest, st);
    }
    *found = n > 0 && st == ATT_OK;
    if (*found) {
        st = put_aside_from(t, list + at + 1, n - at - 1);
    } else if (n == 0) {
        st = ATT_OK;
    } else if (is_damage(st)) {
        st = atti_error_post(&newest);
    }
    atti_free(list);
    ATTI_TRY(st);
    /* A damaged one is named; the one before it serves. */
    if (newest.code != ATT_OK) {
        atti_train_say(t, 4, "cannot resume: %s; put aside as .damaged", newest.text);
    }
    return ATT_OK;
}
