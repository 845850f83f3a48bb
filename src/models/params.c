/* params.c - declaring parameters, their one flat buffer, their first values. */
#include "models/params.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 256, ALIGN_FLOATS = 16 };

void atti_params_deinit(atti_params *ps)
{
    if (!ps) return;
    for (size_t i = 0; i < ps->n; i++) atti_free(ps->p[i].name);
    atti_free(ps->p);
    atti_free(ps->data);
    atti_free(ps->index);
    *ps = (atti_params){0};
}

/* FNV-1a, then mixed: names differ in single digits. */
static uint64_t hash_name(const char *s)
{
    uint64_t h = 0xcbf29ce484222325ULL;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
    return atti_mix64(h);
}

static void index_insert(atti_params *ps, size_t i)
{
    size_t k = (size_t)hash_name(ps->p[i].name) & (ps->index_cap - 1);
    while (ps->index[k]) k = (k + 1) & (ps->index_cap - 1);
    ps->index[k] = (uint32_t)i + 1;
}

/* Keeps the table at most half full. */
static att_status index_grow(atti_params *ps)
{
    if ((ps->n + 1) * 2 <= ps->index_cap) return ATT_OK;
    size_t cap = ps->index_cap ? ps->index_cap * 2 : 64;
    uint32_t *fresh = NULL;
    ATTI_TRY(atti_alloc(&fresh, cap, sizeof *fresh, "parameter names"));
    atti_free(ps->index);
    ps->index = fresh;
    ps->index_cap = cap;
    for (size_t i = 0; i < ps->n; i++) index_insert(ps, i);
    return ATT_OK;
}

const atti_param *atti_params_find(const atti_params *ps, const char *name)
{
    if (ps->index_cap == 0) return NULL;
    size_t k = (size_t)hash_name(name) & (ps->index_cap - 1);
    for (; ps->index[k]; k = (k + 1) & (ps->index_cap - 1)) {
        const atti_param *p = &ps->p[ps->index[k] - 1];
        if (strcmp(p->name, name) == 0) return p;
    }
    return NULL;
}

att_status atti_params_data(const float **out, const atti_params *ps, const char *name)
{
    const atti_param *p = atti_params_find(ps, name);
    if (!p) return atti_fail(ATT_EBUG, "model: parameter '%s' was not declared", name);
    *out = ps->data + p->offset;
    return ATT_OK;
}

static att_status measure(atti_param *p)
{
    if (p->ndim < 1 || p->ndim > 4)
        return atti_fail(ATT_EBUG, "parameter '%s': %d dims", p->name, (int)p->ndim);
    int64_t count = 1;
    for (int i = 0; i < p->ndim; i++)
        if (p->shape[i] < 1 || !atti_mul_i64(&count, count, p->shape[i]))
            return atti_fail(ATT_ESHAPE, "parameter '%s': dim %d is %lld", p->name, i,
                             (long long)p->shape[i]);
    if (count > INT64_MAX / 64)
        return atti_fail(ATT_ESHAPE, "parameter '%s': too large", p->name);
    p->count = count;
    p->cols = p->shape[p->ndim - 1];
    p->rows = count / p->cols;
    return ATT_OK;
}

static att_status append(atti_params *ps, const atti_param *proto, const char *name)
{
    atti_param p = *proto;
    if (atti_params_find(ps, name))
        return atti_fail(ATT_EBUG, "parameter '%s' is declared twice", name);
    ATTI_TRY(atti_grow(&ps->p, &ps->cap, ps->n + 1, sizeof *ps->p, "parameters"));
    ATTI_TRY(index_grow(ps));
    ATTI_TRY(atti_strdup(&p.name, name));
    att_status st = measure(&p);
    size_t end = 0;
    if (st == ATT_OK && !atti_add_size(&end, ps->count, (size_t)p.count + ALIGN_FLOATS))
        st = atti_fail(ATT_ENOMEM, "parameter '%s': all together too large", name);
    if (st != ATT_OK) {
        atti_free(p.name);
        return st;
    }
    p.offset = ps->count;
    ps->count = (end - 1) / ALIGN_FLOATS * ALIGN_FLOATS;
    ps->p[ps->n] = p;
    index_insert(ps, ps->n);
    ps->n++;
    return ATT_OK;
}

att_status atti_params_add(atti_params *ps, const atti_param *proto,
                           const char *name_fmt, ...)
{
    char name[NAME_MAX_BYTES];
    va_list args;
    va_start(args, name_fmt);
    int len = vsnprintf(name, sizeof name, name_fmt, args);
    va_end(args);
    if (ps->data) return atti_fail(ATT_EBUG, "parameter '%s' comes too late", name);
    if (len < 1 || len >= NAME_MAX_BYTES)
        return atti_fail(ATT_EBUG, "parameter '%s': name of %d bytes", name, len);
    return append(ps, proto, name);
}

att_status atti_params_alloc(atti_params *ps)
{
    if (ps->data) return ATT_OK;
    return atti_alloc(&ps->data, ps->count, sizeof *ps->data, "parameters");
}

int64_t atti_params_total(const atti_params *ps)
{
    int64_t n = 0;
    for (size_t i = 0; i < ps->n; i++) n += ps->p[i].count;
    return n;
}

/* ---- first values ---- */

static void fill_uniform(float *x, int64_t n, double bound, atti_rng *r)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((2.0 * atti_rng_unit(r) - 1.0) * bound);
}

static void init_one(const atti_param *p, float *x, uint64_t seed)
{
    atti_rng r = {atti_key(seed, hash_name(p->name), 0), 0};
    double in = p->fan_in > 0 ? p->fan_in : (double)p->cols;
    double out = p->fan_out > 0 ? p->fan_out : (double)p->rows;
    switch (p->init) {
    case ATTI_INIT_ONE:
        for (int64_t i = 0; i < p->count; i++) x[i] = 1.0f;
        break;
    case ATTI_INIT_XAVIER_UNIFORM:
        fill_uniform(x, p->count, sqrt(6.0 / (in + out)), &r);
        break;
    case ATTI_INIT_NORMAL:
        for (int64_t i = 0; i < p->count; i++)
            x[i] = (float)(atti_rng_normal(&r) * (double)p->std);
        break;
    case ATTI_INIT_ZERO:
    default: memset(x, 0, (size_t)p->count * sizeof *x);
    }
    if (p->zero_row >= 0 && p->zero_row < p->rows)
        memset(x + p->zero_row * p->cols, 0, (size_t)p->cols * sizeof *x);
}

void atti_params_init_values(atti_params *ps, uint64_t seed)
{
    for (size_t i = 0; ps->data && i < ps->n; i++)
        init_one(&ps->p[i], ps->data + ps->p[i].offset, seed);
}

/* ---- several as one ---- */

typedef struct walk {
    const atti_params *ps;
    size_t first, n;
    char name[NAME_MAX_BYTES];
} walk;

/* A whole name: it must be the next neighbour. */
static bool step(walk *w)
{
    const atti_param *p = atti_params_find(w->ps, w->name);
    if (!p) return false;
    size_t i = (size_t)(p - w->ps->p);
    if (w->n == 0) w->first = i;
    if (i != w->first + w->n) return false;
    w->n++;
    return i == w->first || p->offset == p[-1].offset + (size_t)p[-1].count;
}

static bool expand(walk *w, size_t len, const char *rest);

/* One alternative of a brace: its text, then what follows the brace. */
static bool alternative(walk *w, size_t len, const char *text, size_t n,
                        const char *rest)
{
    if (len + n >= NAME_MAX_BYTES) return false;
    memcpy(w->name + len, text, n);
    return expand(w, len + n, rest);
}

static bool braces(walk *w, size_t len, const char *s, const char *end)
{
    const char *dots = strstr(s, "..");
    if (dots && dots < end) {
        char number[24];
        long from = strtol(s, NULL, 10), to = strtol(dots + 2, NULL, 10);
        for (long i = from; i <= to; i++) {
            int n = snprintf(number, sizeof number, "%ld", i);
            if (!alternative(w, len, number, (size_t)n, end + 1)) return false;
        }
        return true;
    }
    while (s <= end) {
        const char *stop = s;
        while (*stop != ',' && *stop != '}') stop++;
        if (!alternative(w, len, s, (size_t)(stop - s), end + 1)) return false;
        s = stop + 1;
    }
    return true;
}

static bool expand(walk *w, size_t len, const char *rest)
{
    while (*rest && *rest != '{') {
        if (len + 1 >= NAME_MAX_BYTES) return false;
        w->name[len++] = *rest++;
    }
    if (!*rest) {
        w->name[len] = '\0';
        return step(w);
    }
    const char *end = strchr(rest, '}');
    return end && braces(w, len, rest + 1, end);
}

bool atti_params_neighbours(const atti_params *ps, const char *name, size_t *first,
                            size_t *n)
{
    walk w = {.ps = ps};
    if (!expand(&w, 0, name) || w.n == 0) return false;
    *first = w.first;
    *n = w.n;
    return true;
}
