/* attention_map.c - what is asked of a map before anything is drawn: sizes, one head or
 * a mean, names, the range of the colours, fewer cells than tokens. */
#include "base/checked.h"
#include "view/picture.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void att_attention_map_init(att_attention_map *map)
{
    memset(map, 0, sizeof *map);
    map->size = (uint32_t)sizeof *map;
}

void att_view_opts_init(att_view_opts *opts)
{
    memset(opts, 0, sizeof *opts);
    opts->size = (uint32_t)sizeof *opts;
    opts->numbers = -1;
}

static att_status check_int(const char *name, int64_t v, int64_t lo, int64_t hi,
                            const char *zero)
{
    if ((v >= lo && v <= hi) || (zero && v == 0)) return ATT_OK;
    return atti_fail(ATT_EINVAL, "%s %lld is not in %lld..%lld%s%s", name, (long long)v,
                     (long long)lo, (long long)hi, zero ? ", 0 = " : "",
                     zero ? zero : "");
}

att_status atti_opts_check(att_view_opts *o, const att_view_opts *in)
{
    att_view_opts_init(o);
    if (in) {
        if (in->size != sizeof *in)
            return atti_fail(ATT_EINVAL,
                             "view options of %u bytes, not %u: start from "
                             "att_view_opts_init()",
                             (unsigned)in->size, (unsigned)sizeof *in);
        *o = *in;
    }
    ATTI_TRY(check_int("colours", o->colours, 0, ATT_COLOURS_GREY, NULL));
    ATTI_TRY(check_int("numbers", o->numbers, -1, 1, NULL));
    ATTI_TRY(check_int("cell", o->cell, 4, 200, "chosen"));
    ATTI_TRY(check_int("max_width", o->max_width, 200, 20000, "1400"));
    ATTI_TRY(check_int("max_label", o->max_label, 1, 1000, "16"));
    if (o->scale != 0 && !(o->scale >= 0.25f && o->scale <= 8))
        return atti_fail(ATT_EINVAL, "scale %g is not in 0.25..8, 0 = 2",
                         (double)o->scale);
    if (!isfinite(o->vmin) || !isfinite(o->vmax) || o->vmin > o->vmax)
        return atti_fail(ATT_EINVAL, "the range of colours %g..%g is none",
                         (double)o->vmin, (double)o->vmax);
    if (!isfinite(o->threshold))
        return atti_fail(ATT_EINVAL, "threshold is not finite");
    if (o->max_width == 0) o->max_width = 1400;
    if (o->max_label == 0) o->max_label = 16;
    return ATT_OK;
}

att_status atti_map_check(const att_attention_map *m, const char *what)
{
    int64_t heads, head, all;

    if (!m) return atti_fail(ATT_EINVAL, "%s: the map is NULL", what);
    if (m->size != sizeof *m)
        return atti_fail(ATT_EINVAL,
                         "%s: a map of %u bytes, not %u: start from "
                         "att_attention_map_init()",
                         what, (unsigned)m->size, (unsigned)sizeof *m);
    if (!m->weights && !m->fetch)
        return atti_fail(ATT_EINVAL, "%s: the map has neither weights nor fetch", what);
    ATTI_TRY(check_int("kind of map", m->kind, 0, ATT_VIEW_OTHER, NULL));
    ATTI_TRY(check_int("number of layers", m->n_layers, 1, 1024, NULL));
    ATTI_TRY(check_int("number of heads", m->n_heads, 1, 1024, NULL));
    if (m->rows < 1 || m->cols < 1)
        return atti_fail(ATT_EINVAL, "%s: a map of %lld x %lld tokens is empty", what,
                         (long long)m->rows, (long long)m->cols);
    if (!atti_mul_i64(&head, m->rows, m->cols) ||
        !atti_mul_i64(&heads, m->n_layers, m->n_heads) ||
        !atti_mul_i64(&all, head, heads) || all > INT64_MAX / 8)
        return atti_fail(ATT_EINVAL, "%s: %lld x %lld tokens are too many", what,
                         (long long)m->rows, (long long)m->cols);
    return ATT_OK;
}

att_status atti_maps_check(const att_attention_map *maps, int64_t n, const char *what)
{
    if (!maps || n < 1 || n > 8)
        return atti_fail(ATT_EINVAL, "%s: %lld maps are not in 1..8", what,
                         (long long)n);
    for (int64_t i = 0; i < n; i++) ATTI_TRY(atti_map_check(&maps[i], what));
    return ATT_OK;
}

att_status atti_map_limit(const att_attention_map *m, int64_t limit, const char *what)
{
    if (m->rows <= limit && m->cols <= limit) return ATT_OK;
    return atti_fail(
        ATT_EINVAL,
        "%s of %lld x %lld tokens cannot be read: at most %lld a side. Take "
        "a shorter text, or write the arrays to .npz",
        what, (long long)m->rows, (long long)m->cols, (long long)limit);
}

static att_status one_head(const att_attention_map *m, int64_t layer, int64_t head,
                           float *out)
{
    size_t n = (size_t)(m->rows * m->cols);

    if (m->weights) {
        memcpy(out, m->weights + ((layer - 1) * m->n_heads + head - 1) * (int64_t)n,
               n * sizeof *out);
    } else {
        ATTI_TRY(m->fetch(m->fetch_user, layer, head, out));
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(out[i]))
            return atti_fail(
                ATT_EDIVERGED,
                "%s, layer %lld, head %lld: the weight of row %lld, column "
                "%lld is not a finite number",
                atti_map_name(m), (long long)layer, (long long)head,
                (long long)((int64_t)i / m->cols + 1),
                (long long)((int64_t)i % m->cols + 1));
    }
    return ATT_OK;
}

att_status atti_map_head(const att_attention_map *m, int64_t layer, int64_t head,
                         float *out)
{
    size_t n = (size_t)(m->rows * m->cols);
    double *sum = NULL;
    int64_t l0 = layer ? layer : 1, l1 = layer ? layer : m->n_layers;
    int64_t h0 = head ? head : 1, h1 = head ? head : m->n_heads;

    ATTI_TRY(check_int("layer", layer, 1, m->n_layers, "the mean of all"));
    ATTI_TRY(check_int("head", head, 1, m->n_heads, "the mean of all"));
    if (l0 == l1 && h0 == h1) return one_head(m, l0, h0, out);

    ATTI_TRY(atti_alloc(&sum, n, sizeof *sum, "the mean of heads"));
    att_status st = ATT_OK;
    for (int64_t l = l0; l <= l1 && st == ATT_OK; l++) {
        for (int64_t h = h0; h <= h1 && st == ATT_OK; h++) {
            st = one_head(m, l, h, out);
            for (size_t i = 0; i < n && st == ATT_OK; i++) sum[i] += (double)out[i];
        }
    }
    double count = (double)((l1 - l0 + 1) * (h1 - h0 + 1));
    for (size_t i = 0; i < n && st == ATT_OK; i++) out[i] = (float)(sum[i] / count);
    atti_free(sum);
    return st;
}

att_status atti_map_take(float **out, const att_attention_map *m, int64_t layer,
                         int64_t head)
{
    float *w;

    *out = NULL;
    ATTI_TRY(atti_alloc_raw(&w, (size_t)(m->rows * m->cols), sizeof *w, "a head"));
    att_status st = atti_map_head(m, layer, head, w);
    if (st != ATT_OK) {
        atti_free(w);
        return st;
    }
    *out = w;
    return ATT_OK;
}

static const char *token(const char *const *tokens, int64_t i, char buf[24])
{
    if (tokens && tokens[i]) return tokens[i];
    (void)snprintf(buf, 24, "%lld", (long long)(i + 1));
    return buf;
}

const char *atti_map_row(const att_attention_map *m, int64_t i, char buf[24])
{
    return token(m->row_tokens, i, buf);
}

const char *atti_map_col(const att_attention_map *m, int64_t i, char buf[24])
{
    bool self = !m->col_tokens && m->rows == m->cols;
    return token(self ? m->row_tokens : m->col_tokens, i, buf);
}

const char *atti_map_name(const att_attention_map *m)
{
    static const char *const names[] = {"Cross-attention", "Encoder self-attention",
                                        "Decoder self-attention", "Attention"};
    return m->name ? m->name : names[m->kind];
}

const char *atti_map_row_axis(const att_attention_map *m)
{
    if (m->row_axis) return m->row_axis;
    return m->kind == ATT_VIEW_CROSS ? "output" : "this token";
}

const char *atti_map_col_axis(const att_attention_map *m)
{
    if (m->col_axis) return m->col_axis;
    return m->kind == ATT_VIEW_CROSS ? "looks at source" : "looks at";
}

void atti_map_which(char *out, size_t n, const att_attention_map *m, int64_t layer,
                    int64_t head)
{
    char l[64], h[64];

    /* What was computed from all of them has no layers of its own. */
    if (m->col_axis && m->n_layers == 1 && m->n_heads == 1) {
        *out = 0;
        return;
    }
    if (layer) {
        (void)snprintf(l, sizeof l, "layer %lld of %lld", (long long)layer,
                       (long long)m->n_layers);
    } else {
        (void)snprintf(l, sizeof l,
                       m->n_layers == 1 ? "one layer" : "mean of %lld layers",
                       (long long)m->n_layers);
    }
    if (head) {
        (void)snprintf(h, sizeof h, "head %lld of %lld", (long long)head,
                       (long long)m->n_heads);
    } else {
        (void)snprintf(h, sizeof h, m->n_heads == 1 ? "one head" : "mean of %lld heads",
                       (long long)m->n_heads);
    }
    (void)snprintf(out, n, "%s, %s", l, h);
}

void atti_range(double *lo, double *hi, const float *w, size_t n,
                const att_view_opts *opts)
{
    *lo = 0;
    *hi = 0;
    if (opts->vmin < opts->vmax) {
        *lo = (double)opts->vmin;
        *hi = (double)opts->vmax;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if ((double)w[i] < *lo) *lo = (double)w[i];
        if ((double)w[i] > *hi) *hi = (double)w[i];
    }
    if (*lo < 0 && opts->colours != ATT_COLOURS_DUSK) {
        *hi = fmax(*hi, -*lo);
        *lo = -*hi;
    }
    if (*lo == *hi) *hi = *lo + 1; /* all zero: a range all the same */
}

/* The cell's value: the largest weight of its block (a strong link must not vanish in a
 * mean), or the mean for data whose texture matters. */
static double block(const float *w, int64_t cols, int64_t r0, int64_t r1, int64_t c0,
                    int64_t c1, bool mean)
{
    double sum = 0, best = (double)w[r0 * cols + c0];

    for (int64_t r = r0; r < r1; r++) {
        for (int64_t c = c0; c < c1; c++) {
            double v = (double)w[r * cols + c];
            sum += v;
            if (v > best) best = v;
        }
    }
    return mean ? sum / (double)((r1 - r0) * (c1 - c0)) : best;
}

att_status atti_cells_make(atti_cells *c, const float *w, int64_t rows, int64_t cols,
                           int64_t limit, bool mean, double lo, double hi)
{
    c->pool = atti_ceil_div(atti_max_i64(rows, cols), limit);
    c->rows = atti_ceil_div(rows, c->pool);
    c->cols = atti_ceil_div(cols, c->pool);
    c->data = NULL;
    ATTI_TRY(atti_alloc_raw(&c->data, (size_t)c->rows, (size_t)c->cols, "cells"));
    for (int64_t r = 0; r < c->rows; r++) {
        for (int64_t k = 0; k < c->cols; k++) {
            int64_t r1 = atti_min_i64(rows, (r + 1) * c->pool);
            int64_t k1 = atti_min_i64(cols, (k + 1) * c->pool);
            double v = block(w, cols, r * c->pool, r1, k * c->pool, k1, mean);
            double f = (v - lo) / (hi - lo);
            if (!(f > 0)) f = 0;
            if (f > 1) f = 1;
            c->data[r * c->cols + k] = (unsigned char)(f * 255 + 0.5);
        }
    }
    return ATT_OK;
}

void atti_map_words(atti_jsonw *w, const char *key, const att_attention_map *m,
                    bool rows)
{
    char buf[24];

    atti_jsonw_array(w, key);
    for (int64_t i = 0; i < (rows ? m->rows : m->cols); i++) {
        atti_str quoted = {0};
        atti_json_text(&quoted,
                       rows ? atti_map_row(m, i, buf) : atti_map_col(m, i, buf));
        if (quoted.status == ATT_OK)
            atti_jsonw_raw(w, NULL, quoted.data);
        else
            w->s.status = quoted.status;
        atti_str_deinit(&quoted);
    }
    atti_jsonw_end(w, ']');
}
