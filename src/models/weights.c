/* weights.c - a model directory's tensors into a family's declared parameters. */
#include "attend/safetensors.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include "models/model_internal.h"
#include "tensor/storage.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Tied tensors are stored once; which name survived depends on who wrote the file. */
static const char *const tied[][4] = {
    {"model.shared.weight", "model.decoder.embed_tokens.weight",
     "model.encoder.embed_tokens.weight", "lm_head.weight"},
    {"model.decoder.embed_tokens.weight", "lm_head.weight", "model.shared.weight",
     NULL},
    {"model.encoder.embed_tokens.weight", "model.shared.weight", NULL, NULL},
    {"lm_head.weight", "model.decoder.embed_tokens.weight", "model.shared.weight",
     NULL},
};
#define N_TIED (sizeof tied / sizeof tied[0])

static int64_t locate(const atti_params *ps, const att_safetensors *f, const char *name)
{
    char other[256];
    int64_t at = att_safetensors_find(f, name);
    for (int i = 0; at < 0 && ps->alias && ps->alias(name, i, other, sizeof other); i++)
        at = att_safetensors_find(f, other);
    if (ps->alias) return at;
    for (size_t i = 0; at < 0 && i < N_TIED; i++) {
        if (strcmp(tied[i][0], name) != 0) continue;
        for (size_t j = 1; at < 0 && j < 4 && tied[i][j]; j++) {
            at = att_safetensors_find(f, tied[i][j]);
        }
    }
    return at;
}

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* Tensors that a file may hold beyond the parameters: recomputed tables and the other
 * names of a tied group. */
static bool ignorable(const atti_params *ps, const char *name)
{
    if (ps->ignorable) return ps->ignorable(name) || ends(name, ".position_ids");
    for (size_t i = 0; i < N_TIED; i++) {
        if (strcmp(tied[i][0], name) == 0) return true;
    }
    return ends(name, ".embed_positions.weight") || ends(name, ".position_ids") ||
           ends(name, ".inv_freq") || ends(name, ".masked_bias");
}

static void print_shape(atti_str *s, const int64_t *shape, int ndim)
{
    atti_str_add(s, "[");
    for (int i = 0; i < ndim; i++) {
        atti_str_addf(s, "%s%lld", i ? "," : "", (long long)shape[i]);
    }
    atti_str_add(s, "]");
}

static att_status wrong_shape(const char *file, const att_safetensors_entry *e,
                              const atti_param *p)
{
    atti_str s = {0};
    print_shape(&s, e->shape, e->ndim);
    atti_str_add(&s, ", expected ");
    print_shape(&s, p->shape, p->ndim);
    att_status st = atti_fail(ATT_EFORMAT, "%s: tensor '%s': shape %s", file, e->name,
                              s.data ? s.data : "differs");
    atti_str_deinit(&s);
    return st;
}

/* Where each parameter lies; at[i] -1: an absent buffer that starts at zero. */
static att_status match(int64_t *at, const atti_params *ps, const att_safetensors *f,
                        const char *file)
{
    for (size_t i = 0; i < ps->n; i++) {
        const atti_param *p = &ps->p[i];
        att_safetensors_entry e;
        at[i] = locate(ps, f, p->name);
        if (at[i] < 0 && strcmp(p->name, "final_logits_bias") == 0) continue;
        if (at[i] < 0) {
            return atti_fail(ATT_EFORMAT, "%s: tensor '%s' is missing", file, p->name);
        }
        ATTI_TRY(att_safetensors_entry_at(f, at[i], &e));
        if (e.att_dtype != ATT_F32 && e.att_dtype != ATT_F16 &&
            e.att_dtype != ATT_BF16 && e.att_dtype != ATT_F64) {
            return atti_fail(ATT_EFORMAT, "%s: tensor '%s': dtype %s is not a float",
                             file, e.name, e.dtype);
        }
        bool same = e.ndim == p->ndim;
        for (int d = 0; same && d < p->ndim; d++) same = e.shape[d] == p->shape[d];
        if (!same) return wrong_shape(file, &e, p);
    }
    return ATT_OK;
}

static int by_index(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* A tensor that nothing reads means the config describes another model. */
static att_status refuse_extra(const atti_params *ps, const int64_t *at,
                               const att_safetensors *f, const char *file)
{
    size_t n = ps->n;
    int64_t *sorted = NULL;
    ATTI_TRY(atti_alloc(&sorted, n, sizeof *sorted, "tensor list"));
    memcpy(sorted, at, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_index);
    att_status st = ATT_OK;
    size_t j = 0;
    for (int64_t i = 0; st == ATT_OK && i < att_safetensors_count(f); i++) {
        att_safetensors_entry e;
        while (j < n && sorted[j] < i) j++;
        if (j < n && sorted[j] == i) continue;
        st = att_safetensors_entry_at(f, i, &e);
        if (st == ATT_OK && !ignorable(ps, e.name)) {
            st = atti_fail(ATT_EFORMAT, "%s: tensor '%s' has no place in this model",
                           file, e.name);
        }
    }
    atti_free(sorted);
    return st;
}

typedef struct filling {
    atti_params *ps;
    const att_safetensors *f;
    const int64_t *at;
    const char *file;
} filling;

static void to_f32(float *dst, const att_tensor *t, int64_t n)
{
    if (t->dtype == ATT_F32) {
        memcpy(dst, t->data, (size_t)n * sizeof *dst);
    } else if (t->dtype == ATT_F16) {
        atti_k()->f16_to_f32(dst, t->data, n);
    } else if (t->dtype == ATT_BF16) {
        atti_k()->bf16_to_f32(dst, t->data, n);
    } else {
        atti_convert_to_f32(dst, t->data, (att_dtype)t->dtype, n);
    }
}

static att_status fill(void *ctx, int64_t i, int thread)
{
    filling *w = ctx;
    const atti_param *p = &w->ps->p[i];
    float *dst = w->ps->data + p->offset;
    att_safetensors_entry e;
    att_tensor t;
    (void)thread;
    if (w->at[i] < 0) return ATT_OK; /* the buffer is zeroed */
    ATTI_TRY(att_safetensors_entry_at(w->f, w->at[i], &e));
    ATTI_TRY(att_safetensors_get(w->f, &t, e.name));
    if (p->count > 0) to_f32(dst, &t, p->count);
    att_tensor_deinit(&t);
    if (!atti_k()->all_finite(dst, p->count)) {
        return atti_fail(ATT_EFORMAT, "%s: tensor '%s' holds NaN or Inf", w->file,
                         e.name);
    }
    return ATT_OK;
}

static att_status find_file(char **path, const char *dir)
{
    ATTI_TRY(atti_path_join(path, dir, "model.safetensors"));
    if (atti_path_exists(*path)) return ATT_OK;
    atti_free(*path);
    *path = NULL;
    ATTI_TRY(atti_path_join(path, dir, "model.safetensors.index.json"));
    if (atti_path_exists(*path)) return ATT_OK;
    atti_free(*path);
    *path = NULL;
    char *pickle = NULL;
    ATTI_TRY(atti_path_join(&pickle, dir, "pytorch_model.bin"));
    bool has = atti_path_exists(pickle);
    atti_free(pickle);
    if (has) {
        return atti_fail(ATT_ENOTFOUND,
                         "%s: only pytorch_model.bin, a pickle that is never loaded: "
                         "convert it to safetensors",
                         dir);
    }
    return atti_fail(ATT_ENOTFOUND, "%s: no model.safetensors", dir);
}

att_status atti_weights_load(atti_params *params, const char *dir)
{
    char *path = NULL;
    att_safetensors *f = NULL;
    int64_t *at = NULL;
    ATTI_TRY(find_file(&path, dir));
    att_status st = att_safetensors_open(&f, path);
    if (st == ATT_OK) st = atti_alloc(&at, params->n, sizeof *at, "tensor list");
    if (st == ATT_OK) st = match(at, params, f, path);
    if (st == ATT_OK) st = refuse_extra(params, at, f, path);
    /* Shapes agree with the file's size by now: this cannot ask for more than it has
     * (twice that for f16). */
    if (st == ATT_OK) st = atti_params_alloc(params);
    if (st == ATT_OK) {
        filling w = {params, f, at, path};
        st = atti_parallel((int64_t)params->n, fill, &w);
    }
    atti_free(at);
    att_safetensors_close(f);
    atti_free(path);
    return st;
}
