/* safetensors_index.c - a model in several files: model.safetensors.index.json names the
 * shard of every tensor. A shard must be a plain name that stays in the directory, also
 * through symbolic links: an index is a file from a stranger. */
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "io/safetensors_file.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_MAX (256u << 20)

typedef struct joining {
    att_safetensors *f;
    char *dir; /* "" = the current one */
    const char *path;
    att_safetensors **shard; /* [n_parts of f]: what each part was opened as */
    size_t shards_cap;
    att_status st;
} joining;

static bool plain_name(const char *s)
{
    return s[0] != '\0' && !strchr(s, '/') && !strchr(s, '\\') && strcmp(s, ".") != 0 &&
           !strstr(s, "..");
}

/* Follows links and compares the folders. */
static att_status inside(const char *dir, const char *file, const char *index)
{
    char *d = realpath(dir[0] ? dir : ".", NULL), *p = realpath(file, NULL);
    att_status st = ATT_OK;
    if (!p) {
        st = atti_fail(ATT_ENOTFOUND, "%s: shard %s does not exist", index, file);
    } else {
        size_t n = d ? strlen(d) : 0;
        if (!d || strncmp(p, d, n) != 0 || strchr(p + n + (p[n] == '/'), '/') ||
            (p[n] != '/' && n != 1)) {
            st = atti_fail(ATT_EFORMAT, "%s: shard %s leads out of the directory",
                           index, file);
        }
    }
    free(d);
    free(p);
    return st;
}

/* The part of a shard, opened at its first mention. */
static att_status part_of(joining *j, const char *name, int64_t *part)
{
    att_safetensors *f = j->f;
    for (size_t i = 0; i < f->n_parts; i++) {
        if (strcmp(f->part[i].name, name) == 0) {
            *part = (int64_t)i;
            return ATT_OK;
        }
    }
    if (!plain_name(name)) {
        return atti_fail(ATT_EFORMAT, "%s: shard '%.100s' is not a plain file name",
                         j->path, name);
    }
    char *path = NULL;
    ATTI_TRY(atti_path_join(&path, j->dir, name));
    att_status st = inside(j->dir, path, j->path);
    if (st == ATT_OK) {
        st = atti_grow(&j->shard, &j->shards_cap, f->n_parts + 1, sizeof *j->shard,
                       "shards");
    }
    if (st == ATT_OK) {
        st = atti_grow(&f->part, &f->parts_cap, f->n_parts + 1, sizeof *f->part,
                       "shards");
    }
    att_safetensors *s = NULL;
    if (st == ATT_OK) st = atti_st_open_file(&s, path);
    atti_free(path);
    if (st != ATT_OK) return st;
    j->shard[f->n_parts] = s;
    atti_st_part *p = &f->part[f->n_parts++];
    memset(p, 0, sizeof *p);
    p->bytes = s->part[0].bytes;
    p->storage = s->part[0].storage; /* moves over */
    s->part[0].storage = NULL;
    *part = (int64_t)f->n_parts - 1;
    return atti_strdup(&p->name, name);
}

static att_status join(joining *j, const char *tensor, const char *shard)
{
    att_safetensors *f = j->f;
    int64_t part = 0;
    ATTI_TRY(part_of(j, shard, &part));
    int64_t i = att_safetensors_find(j->shard[part], tensor);
    if (i < 0) {
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s' is not in its shard %s", j->path,
                         tensor, shard);
    }
    ATTI_TRY(atti_grow(&f->entry, &f->cap, f->n + 1, sizeof *f->entry, "tensor list"));
    atti_st_entry *e = &f->entry[f->n], *from = &j->shard[part]->entry[i];
    *e = *from;
    e->part = part;
    e->name = NULL;
    e->shape = NULL;
    f->n++;
    size_t dims = from->ndim ? (size_t)from->ndim : 1;
    ATTI_TRY(atti_strdup(&e->name, from->name));
    ATTI_TRY(atti_alloc(&e->shape, dims, sizeof *e->shape, "tensor shape"));
    memcpy(e->shape, from->shape, dims * sizeof *e->shape);
    return ATT_OK;
}

static bool each_weight(void *ctx, const char *key, const atti_json *v)
{
    joining *j = ctx;
    const char *shard = atti_json_string(v, NULL);
    if (shard) {
        j->st = join(j, key, shard);
    } else {
        j->st =
            atti_fail(ATT_EFORMAT, "%s: weight_map '%s' is not a string", j->path, key);
    }
    return j->st == ATT_OK;
}

att_status atti_st_open_index(att_safetensors **out, const char *path)
{
    joining j = {.path = path};
    atti_json *root = NULL;
    const char *slash = strrchr(path, '/');
    ATTI_TRY(atti_json_load(&root, path, INDEX_MAX, ATTI_JSON_NO_DUPLICATES));
    att_status st = atti_alloc(&j.f, 1, sizeof *j.f, "safetensors");
    if (st == ATT_OK) st = atti_strdup(&j.dir, path);
    if (st != ATT_OK) goto done;
    /* "/x.json" lies in "/", "x.json" in the current directory. */
    j.dir[slash ? (slash == path ? 1 : slash - path) : 0] = '\0';
    if (!slash) {
        atti_free(j.dir);
        j.dir = NULL;
        st = atti_strdup(&j.dir, ".");
        if (st != ATT_OK) goto done;
    }
    const atti_json *map = atti_json_get(root, "weight_map");
    if (!atti_json_is_object(map) || atti_json_count(map) == 0) {
        st = atti_fail(ATT_EFORMAT, "%s: no weight_map, or an empty one", path);
        goto done;
    }
    atti_json_each(map, each_weight, &j);
    st = j.st;
    if (st != ATT_OK) goto done;
    /* The first shard's metadata stands for all. */
    j.f->meta = j.shard[0]->meta;
    j.f->n_meta = j.shard[0]->n_meta;
    j.shard[0]->meta = NULL;
    j.shard[0]->n_meta = 0;
    atti_st_sort(j.f);
    *out = j.f;
    j.f = NULL;
done:
    for (size_t i = 0; j.shard && i < j.shards_cap; i++)
        att_safetensors_close(j.shard[i]);
    atti_free(j.shard);
    atti_free(j.dir);
    att_safetensors_close(j.f);
    atti_json_destroy(root);
    return st;
}
