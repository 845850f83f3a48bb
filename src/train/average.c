/* average.c - the mean of several models' weights (as in Vaswani et al. 2017, last
 * checkpoints), in double and in the order given. */
#include "train/average.h"
#include "base/alloc.h"
#include "base/file.h"
#include "models/model_internal.h"
#include "models/save.h"
#include <string.h>

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

static att_status save_like(const att_model *m, const float *data, const char *out_dir)
{
    static const char *const names[4] = {"source.spm", "target.spm", "vocab.json",
                                         "target_vocab.json"};
    char *p[4] = {NULL};
    att_status st = ATT_OK;
    for (int i = 0; i < 4 && st == ATT_OK; i++)
        st = join_existing(&p[i], m->dir, names[i]);
    if (st == ATT_OK) st = atti_mkdir_all(out_dir);
    if (st == ATT_OK) {
        atti_save s = {.family = m->family,
                       .cfg = m->cfg,
                       .params = &m->params,
                       .data = data,
                       .source_spm = p[0],
                       .target_spm = p[1],
                       .vocab = p[2],
                       .target_vocab = p[3],
                       .num_beams = m->gen.num_beams,
                       .max_length = m->gen.max_length};
        st = atti_model_save(out_dir, &s);
    }
    for (int i = 0; i < 4; i++) atti_free(p[i]);
    return st;
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
