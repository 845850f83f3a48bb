/* average.c - the mean of several models' weights (as in Vaswani et al. 2017, last
 * checkpoints), in double and in the order given. */
#include "train/average.h"
#include "base/alloc.h"
#include "base/file.h"
#include "models/model_internal.h"
#include "models/save.h"
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static att_status load_like(atti_params *out, const atti_family *family,
                            const void *cfg, const char *dir)
{
    memset(out, 0, sizeof *out);
    att_status st = family->declare(cfg, out);
    if (st == ATT_OK) st = atti_weights_load(out, dir);
    if (st != ATT_OK) atti_params_deinit(out);
    return st;
}

att_status atti_average_weights(float *out, size_t count, const atti_family *family,
                                const void *cfg, char *const *dirs, size_t n)
{
    double *sum = NULL;
    ATTI_TRY(atti_alloc(&sum, count, sizeof *sum, "average"));
    att_status st = ATT_OK;
    for (size_t i = 0; i < n && st == ATT_OK; i++) {
        atti_params p;
        st = load_like(&p, family, cfg, dirs[i]);
        if (st != ATT_OK) break;
        if (p.count != count) {
            st = atti_fail(ATT_ESHAPE, "%s: %zu numbers, the first has %zu", dirs[i],
                           p.count, count);
        }
        for (size_t k = 0; k < count && st == ATT_OK; k++) sum[k] += (double)p.data[k];
        atti_params_deinit(&p);
    }
    if (st == ATT_OK) {
        for (size_t k = 0; k < count; k++) out[k] = (float)(sum[k] / (double)n);
    }
    atti_free(sum);
    return st;
}

static att_status join_existing(char **out, const char *dir, const char *name)
{
    ATTI_TRY(atti_path_join(out, dir, name));
    if (!atti_path_exists(*out)) {
        atti_free(*out);
        *out = NULL;
    }
    return ATT_OK;
}

/* What saving writes in its own words and the first model may say better: languages,
 * decoding defaults of other programs. */
static att_status copy_words(const char *from, const char *to)
{
    static const char *const names[3] = {
        "generation_config.json", "tokenizer_config.json", "special_tokens_map.json"};
    att_status st = ATT_OK;
    for (int i = 0; i < 3 && st == ATT_OK; i++) {
        char *a = NULL, *b = NULL;
        atti_blob blob;
        st = join_existing(&a, from, names[i]);
        if (st == ATT_OK && a) {
            st = atti_path_join(&b, to, names[i]);
            if (st == ATT_OK) st = atti_blob_open(&blob, a, 0);
            if (st == ATT_OK) {
                st = atti_write_file(b, blob.data, blob.size);
                atti_blob_close(&blob);
            }
        }
        atti_free(a);
        atti_free(b);
    }
    return st;
}

static att_status fill(const att_model *m, const float *data, const char *dir)
{
    static const char *const names[4] = {"source.spm", "target.spm", "vocab.json",
                                         "target_vocab.json"};
    char *p[4] = {NULL};
    att_status st = ATT_OK;
    for (int i = 0; i < 4 && st == ATT_OK; i++)
        st = join_existing(&p[i], m->dir, names[i]);
    if (st == ATT_OK) {
        atti_save s = {.family = m->family,
                       .cfg = m->cfg,
                       .params = &m->params,
                       .data = data,
                       .source_spm = p[0],
                       .target_spm = p[1],
                       .vocab = p[2],
                       .target_vocab = p[3],
                       .tokenizer_dir =
                           m->family->shape == ATTI_SEQ2SEQ ? NULL : m->dir,
                       .seal_padding = 1,
                       .num_beams = m->gen.num_beams,
                       .max_length = m->gen.max_length};
        st = atti_model_save(dir, &s);
    }
    if (st == ATT_OK) st = copy_words(m->dir, dir);
    for (int i = 0; i < 4; i++) atti_free(p[i]);
    return st;
}

/* Whether the directory holds nothing but what a saved model consists of. */
static att_status only_a_model(int *yes, const char *dir)
{
    static const char *const ours[] = {".",
                                       "..",
                                       ".attend.lock",
                                       "config.json",
                                       "source.spm",
                                       "target.spm",
                                       "model.safetensors",
                                       "vocab.json",
                                       "generation_config.json",
                                       "target_vocab.json",
                                       "tokenizer_config.json",
                                       "special_tokens_map.json",
                                       "tokenizer.json",
                                       "tokenizer.model",
                                       "added_tokens.json",
                                       "vocab.txt",
                                       "merges.txt",
                                       "sentencepiece.bpe.model",
                                       "spiece.model",
                                       "chat_template.jinja"};
    DIR *d = opendir(dir);
    if (!d) return atti_fail_errno(ATT_EIO, errno, "%s: cannot list", dir);
    *yes = 1;
    for (struct dirent *e = readdir(d); e && *yes; e = readdir(d)) {
        size_t i = 0, n = sizeof ours / sizeof *ours;
        while (i < n && strcmp(e->d_name, ours[i]) != 0) i++;
        *yes = i < n;
    }
    closedir(d);
    return ATT_OK;
}

/* Beside the old one, then in its place in one step. */
static att_status save_beside(const att_model *m, const float *data, const char *dir)
{
    atti_str tmp = {0};
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/') n--;
    atti_str_add_n(&tmp, dir, n);
    atti_str_addf(&tmp, ".tmp-%ld", (long)getpid());
    att_status st = tmp.status;
    if (st == ATT_OK) st = atti_mkdir_all(tmp.data);
    if (st == ATT_OK) {
        st = fill(m, data, tmp.data);
        if (st == ATT_OK) st = atti_fsync_dir(tmp.data);
        if (st == ATT_OK) st = atti_rename(tmp.data, dir);
        if (st != ATT_OK) {
            atti_error e;
            atti_error_take(&e, st);
            (void)!atti_remove_tree(tmp.data);
            st = atti_error_post(&e);
        }
    }
    atti_str_deinit(&tmp);
    return st;
}

/* A directory with other things in it (a training's) keeps them: there the files are
 * replaced one by one, each whole or not at all. */
static att_status save_into(const att_model *m, const float *data, const char *dir)
{
    int lock = -1, replace = 0;
    ATTI_TRY(atti_lock_dir(&lock, dir));
    att_status st = only_a_model(&replace, dir);
    if (st == ATT_OK && replace) {
        st = save_beside(m, data, dir);
    } else if (st == ATT_OK) {
        st = fill(m, data, dir);
        if (st == ATT_OK) st = atti_fsync_dir(dir);
    }
    atti_error e;
    atti_error_take(&e, st);
    atti_unlock_dir(lock);
    return st == ATT_OK ? ATT_OK : atti_error_post(&e);
}

static att_status save_like(const att_model *m, const float *data, const char *out_dir)
{
    if (!atti_path_exists(out_dir)) return save_beside(m, data, out_dir);
    if (atti_path_is_dir(out_dir)) return save_into(m, data, out_dir);
    return atti_fail(ATT_EIO, "%s: is no directory", out_dir);
}

att_status att_average(const char *out_dir, const char *const *dirs, int32_t n)
{
    if (!out_dir || !dirs || n < 1) {
        return atti_fail(ATT_EINVAL, "att_average: %s",
                         !out_dir ? "out_dir is NULL" : "no directories");
    }
    for (int32_t i = 0; i < n; i++) {
        if (!dirs[i]) return atti_fail(ATT_EINVAL, "att_average: dirs[%d] is NULL", i);
    }
    att_model *m = NULL;
    float *mean = NULL;
    ATTI_TRY(att_model_load(&m, dirs[0]));
    att_status st = atti_alloc(&mean, m->params.count, sizeof *mean, "average");
    if (st == ATT_OK) {
        st = atti_average_weights(mean, m->params.count, m->family, m->cfg,
                                  (char *const *)(uintptr_t)dirs, (size_t)n);
    }
    if (st == ATT_OK) st = save_like(m, mean, out_dir);
    atti_free(mean);
    att_model_destroy(m);
    return st;
}
