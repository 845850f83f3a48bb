/* nn_params.c - a layer's parameters: somebody else's by name, or this object's own in one
 * flat buffer with first values and Adam. */
#include "nn/nn_internal.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/rng.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

void att_nn_source_init(att_nn_source *s)
{
    if (!s) return;
    memset(s, 0, sizeof *s);
    s->size = sizeof *s;
}

att_status att_nn_create(att_nn **out, att_tape *tape, const att_nn_source *source)
{
    att_nn *nn = NULL;
    if (!out || !tape) return atti_fail(ATT_EINVAL, "nn: out or tape is NULL");
    if (source && (source->size != sizeof *source || !source->get))
        return atti_fail(ATT_EINVAL,
                         "nn: the source was not initialised or has no get");
    ATTI_TRY(atti_alloc(&nn, 1, sizeof *nn, "nn"));
    nn->tape = tape;
    if (source)
        nn->source = *source;
    else
        nn->own = 1;
    *out = nn;
    return ATT_OK;
}

void att_nn_destroy(att_nn *nn)
{
    if (!nn) return;
    for (size_t i = 0; i < nn->n; i++) {
        atti_free(nn->entry[i].name);
        atti_free(nn->entry[i].given);
    }
    atti_free(nn->entry);
    atti_free(nn->value);
    atti_free(nn->grad);
    atti_free(nn->m);
    atti_free(nn->v);
    atti_free(nn);
}

att_status atti_nn_check(const att_nn *nn, const void *out, const void *opts,
                         uint32_t size, size_t want, const char *what)
{
    if (!nn || !out || !opts)
        return atti_fail(ATT_EINVAL, "%s: an argument is NULL", what);
    if (size != want)
        return atti_fail(ATT_EINVAL, "%s: options were not initialised", what);
    return ATT_OK;
}

/* ---- recording ---- */

static att_status check_name(const char *name)
{
    if (!name || !*name) return atti_fail(ATT_EINVAL, "nn: a parameter needs a name");
    if (strlen(name) >= ATTI_NN_NAME)
        return atti_fail(ATT_EINVAL, "nn: a name of %zu characters, at most %d",
                         strlen(name), ATTI_NN_NAME - 1);
    return ATT_OK;
}

static att_status same_shape(const att_nn *nn, att_var v, const char *name,
                             int64_t rows, int64_t cols)
{
    int64_t r = att_tape_rows(nn->tape, v), c = att_tape_cols(nn->tape, v);
    if (r == rows && c == cols) return ATT_OK;
    return atti_fail(ATT_ESHAPE, "nn: '%s' is [%lld,%lld], expected [%lld,%lld]", name,
                     (long long)r, (long long)c, (long long)rows, (long long)cols);
}

/* Appends the description of a piece; the tape's value follows. */
static att_status append(att_nn *nn, const char *name, int64_t rows, int64_t cols,
                         int32_t first, const float *given)
{
    atti_nn_entry e = {.rows = rows, .cols = cols, .first = first};
    if (nn->value)
        return atti_fail(ATT_EINVAL, "nn: '%s' comes after att_nn_start", name);
    ATTI_TRY(atti_grow(&nn->entry, &nn->cap, nn->n + 1, sizeof *nn->entry, "nn"));
    ATTI_TRY(atti_strdup(&e.name, name));
    if (given) {
        size_t count = (size_t)(rows * cols);
        att_status st = atti_alloc_raw(&e.given, count, sizeof *given, "a table");
        if (st != ATT_OK) {
            atti_free(e.name);
            return st;
        }
        memcpy(e.given, given, count * sizeof *given);
    }
    nn->entry[nn->n++] = e;
    return ATT_OK;
}

/* The last `pieces` entries are one value on the tape. */
static att_status place(att_nn *nn, att_var v, size_t pieces)
{
    for (size_t i = nn->n - pieces; i < nn->n; i++) {
        atti_nn_entry *e = &nn->entry[i];
        size_t count;
        e->var = v;
        e->starts = i == nn->n - pieces;
        if (e->starts) nn->floats = (nn->floats + 15) / 16 * 16;
        e->at = nn->floats;
        if (!atti_mul_size(&count, (size_t)e->rows, (size_t)e->cols) ||
            !atti_add_size(&nn->floats, nn->floats, count))
            return atti_fail(ATT_ESHAPE, "nn: '%s' is too large", e->name);
    }
    return ATT_OK;
}

static void forget(att_nn *nn, size_t n)
{
    while (nn->n > n) {
        atti_free(nn->entry[--nn->n].name);
        atti_free(nn->entry[nn->n].given);
    }
}

att_status atti_nn_get(att_nn *nn, att_var *out, const char *name, int64_t rows,
                       int64_t cols, int32_t first, const float *given)
{
    att_var v = ATT_NO_VAR;
    ATTI_TRY(check_name(name));
    v = att_tape_find(nn->tape, name);
    if (v == ATT_NO_VAR && !nn->own) {
        ATTI_TRY(nn->source.get(nn->source.user, nn->tape, &v, name, rows, cols));
    } else if (v == ATT_NO_VAR) {
        size_t before = nn->n;
        if (att_nn_find(nn, name) >= 0)
            return atti_fail(ATT_EINVAL, "nn: '%s' is part of a joined product already",
                             name);
        ATTI_TRY(append(nn, name, rows, cols, first, given));
        att_status st = att_tape_param(nn->tape, &v, name, rows, cols);
        if (st == ATT_OK) st = place(nn, v, 1);
        if (st != ATT_OK) {
            forget(nn, before);
            return st;
        }
    }
    ATTI_TRY(same_shape(nn, v, name, rows, cols));
    *out = v;
    return ATT_OK;
}

att_status att_nn_param(att_nn *nn, att_var *out, const char *name, int64_t rows,
                        int64_t cols, att_nn_first first)
{
    if (!nn || !out) return atti_fail(ATT_EINVAL, "nn: nn or out is NULL");
    if ((int)first < ATT_NN_ZERO || (int)first > ATT_NN_NORMAL)
        return atti_fail(ATT_EINVAL, "nn: first values %d, in 0..3", (int)first);
    return atti_nn_get(nn, out, name, rows, cols, (int32_t)first, NULL);
}

/* Joined pieces: matrices below each other, or (cols 0) biases side by side in one row. */
static att_status get_joined(att_nn *nn, att_var *out, const atti_nn_join *j,
                             const char *suffix, int64_t cols, int32_t first)
{
    atti_nn_name all, one;
    size_t before = nn->n;
    int64_t sum = 0;
    att_status st = ATT_OK;
    ATTI_TRY(atti_nn_print(&all, "%s%s", j->braces, suffix));
    for (int32_t i = 0; i < j->n; i++) sum += j->rows[i];
    int64_t rows = cols ? sum : 1, wide = cols ? cols : sum;
    att_var v = att_tape_find(nn->tape, all.s);
    if (v == ATT_NO_VAR && nn->own) {
        for (int32_t i = 0; i < j->n && st == ATT_OK; i++) {
            st = atti_nn_print(&one, "%s%s", j->name[i].s, suffix);
            if (st == ATT_OK)
                st = append(nn, one.s, cols ? j->rows[i] : 1, cols ? cols : j->rows[i],
                            first, NULL);
        }
        if (st == ATT_OK) st = att_tape_param(nn->tape, &v, all.s, rows, wide);
        if (st == ATT_OK) st = place(nn, v, (size_t)j->n);
        if (st != ATT_OK) {
            forget(nn, before);
            return st;
        }
    } else if (v == ATT_NO_VAR) {
        ATTI_TRY(nn->source.get(nn->source.user, nn->tape, &v, all.s, rows, wide));
    }
    ATTI_TRY(same_shape(nn, v, all.s, rows, wide));
    *out = v;
    return ATT_OK;
}

/* Whether they may be one value: nobody has named a piece of them for itself. */
static att_status may_join(att_nn *nn, int *yes, const atti_nn_join *j,
                           const char *suffix)
{
    atti_nn_name one;
    *yes = 0;
    if (!nn->own) {
        ATTI_TRY(atti_nn_print(&one, "%s%s", j->braces, suffix));
        *yes =
            nn->source.neighbours && nn->source.neighbours(nn->source.user, one.s) != 0;
        return ATT_OK;
    }
    ATTI_TRY(atti_nn_print(&one, "%s%s", j->braces, suffix));
    if (att_tape_find(nn->tape, one.s) == ATT_NO_VAR)
        for (int32_t i = 0; i < j->n; i++) {
            ATTI_TRY(atti_nn_print(&one, "%s%s", j->name[i].s, suffix));
            if (att_nn_find(nn, one.s) >= 0) return ATT_OK;
        }
    *yes = 1;
    return ATT_OK;
}

att_status atti_nn_project(att_nn *nn, att_var *y, att_var x, const atti_nn_join *j,
                           const att_nn_names *names, int32_t bias)
{
    att_var w, b = ATT_NO_VAR;
    int64_t cols = att_tape_cols(nn->tape, x);
    int yes = 0;
    *y = ATT_NO_VAR;
    ATTI_TRY(may_join(nn, &yes, j, names->weight));
    if (yes && bias) ATTI_TRY(may_join(nn, &yes, j, names->bias));
    if (!yes) return ATT_OK;
    ATTI_TRY(get_joined(nn, &w, j, names->weight, cols, ATT_NN_XAVIER));
    if (bias) ATTI_TRY(get_joined(nn, &b, j, names->bias, 0, ATT_NN_ZERO));
    return att_op_linear(nn->tape, y, x, w, b, ATT_ACT_NONE, 0.0f);
}

/* ---- values ---- */

static uint64_t hash(const char *name)
{
    uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */
    for (; *name; name++) h = (h ^ (unsigned char)*name) * 0x100000001b3ULL;
    return h;
}

static void fill(float *x, const atti_nn_entry *e, uint64_t seed)
{
    atti_rng r = {atti_key(seed, hash(e->name), 0), 0};
    double bound = sqrt(6.0 / (double)(e->rows + e->cols));
    double dev = 1.0 / sqrt((double)e->cols);
    for (int64_t i = 0; i < e->rows * e->cols; i++) {
        switch (e->first) {
        case ATT_NN_ONE: x[i] = 1.0f; break;
        case ATT_NN_XAVIER: x[i] = (float)(bound * (2 * atti_rng_unit(&r) - 1)); break;
        case ATT_NN_NORMAL: x[i] = (float)(dev * atti_rng_normal(&r)); break;
        case ATTI_NN_GIVEN: x[i] = e->given[i]; break;
        default: x[i] = 0.0f;
        }
    }
}

att_status att_nn_start(att_nn *nn, uint64_t seed, int32_t training)
{
    if (!nn) return atti_fail(ATT_EINVAL, "nn is NULL");
    if (!nn->own || nn->value)
        return atti_fail(ATT_EINVAL, nn->own ? "nn: started already"
                                             : "nn: the parameters are a source's");
    float **to[4] = {&nn->value, &nn->grad, &nn->m, &nn->v};
    att_status st = ATT_OK;
    for (int i = 0; i < (training ? 4 : 1) && st == ATT_OK; i++)
        st = atti_alloc(to[i], nn->floats, sizeof **to[i], "parameters");
    for (size_t i = 0; i < nn->n && st == ATT_OK; i++) {
        const atti_nn_entry *e = &nn->entry[i];
        fill(nn->value + e->at, e, seed);
        if (e->starts)
            st = att_tape_set_param(nn->tape, e->var, nn->value + e->at,
                                    nn->grad ? nn->grad + e->at : NULL);
    }
    if (st == ATT_OK) return st;
    for (int i = 0; i < 4; i++) {
        atti_free(*to[i]);
        *to[i] = NULL;
    }
    return st;
}

int64_t att_nn_count(const att_nn *nn)
{
    return nn ? (int64_t)nn->n : 0;
}

att_status att_nn_at(const att_nn *nn, att_nn_param_view *view, int64_t i)
{
    if (!nn || !view || view->size != sizeof *view)
        return atti_fail(ATT_EINVAL, "nn: an argument is NULL or view has no size");
    if (i < 0 || i >= (int64_t)nn->n)
        return atti_fail(ATT_EINVAL, "nn: parameter %lld of %lld", (long long)i,
                         (long long)nn->n);
    const atti_nn_entry *e = &nn->entry[i];
    view->name = e->name;
    view->rows = e->rows, view->cols = e->cols;
    view->value = nn->value ? nn->value + e->at : NULL;
    view->grad = nn->grad ? nn->grad + e->at : NULL;
    return ATT_OK;
}

int64_t att_nn_find(const att_nn *nn, const char *name)
{
    for (size_t i = 0; nn && name && i < nn->n; i++)
        if (!strcmp(nn->entry[i].name, name)) return (int64_t)i;
    return -1;
}

att_status att_nn_adam(att_nn *nn, float lr)
{
    if (!nn) return atti_fail(ATT_EINVAL, "nn is NULL");
    if (!nn->grad)
        return atti_fail(ATT_EINVAL, "nn: no att_nn_start with training came before");
    if (!(lr >= 0.0f && lr < INFINITY))
        return atti_fail(ATT_EINVAL, "nn: learning rate %g", (double)lr);
    atti_adam_step s = {.lr = lr, .beta1 = 0.9f, .beta2 = 0.98f, .eps = 1e-9f};
    nn->steps++;
    s.c1 = (float)(1.0 - pow(0.9, (double)nn->steps));
    s.c2 = (float)(1.0 - pow(0.98, (double)nn->steps));
    s.grad_scale = 1.0f;
    atti_k()->adam(nn->value, nn->m, nn->v, NULL, NULL, nn->grad, &s,
                   (int64_t)nn->floats);
    return ATT_OK;
}
