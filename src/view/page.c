/* page.c - one HTML file: the page's parts, a description in JSON, and the weights in
 * base64, each head in an element of its own so that a browser decodes only what is
 * looked at. */
#include "view/page.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/json.h"
#include "view/picture.h"
#include <math.h>
#include <string.h>

enum { TOKEN_LIMIT = 2048, SMALL = 4000000, WEIGHT_LIMIT = 256000000, THUMB = 64 };

/* IEEE half precision, rounded to nearest even; beyond its range the largest. */
static uint16_t half_of(float value)
{
    uint32_t b;
    memcpy(&b, &value, 4);
    uint16_t sign = (uint16_t)(b >> 16 & 0x8000);
    int32_t e = (int32_t)(b >> 23 & 255) - 112;
    uint32_t m = b & 0x7fffff;
    if (e >= 31) return sign | 0x7bff;
    if (e <= 0) {
        if (e < -10) return sign;
        m |= 0x800000;
        uint32_t shift = (uint32_t)(14 - e), cut = m & ((1u << shift) - 1);
        uint32_t h = m >> shift, middle = 1u << (shift - 1);
        if (cut > middle || (cut == middle && (h & 1))) h++;
        return (uint16_t)(sign | h);
    }
    uint32_t h = (uint32_t)e << 10 | m >> 13, cut = m & 0x1fff;
    if (cut > 0x1000 || (cut == 0x1000 && (h & 1))) h++;
    return h >= 0x7c00 ? sign | 0x7bff : (uint16_t)(sign | h);
}

/* The data of a large page lies behind its script, but for the head that is shown first:
 * a reader sees that one while the browser still reads the others. */
typedef struct pages_data {
    atti_str first, rest;
    int64_t layer, head; /* shown first, of map 0 */
    bool late;
} pages_data;

typedef struct pack {
    float *w;
    unsigned char *bytes; /* of one head */
    unsigned char *thumbs;
    int64_t thumb_rows, thumb_cols;
    bool eight_bit;
    double lo, hi; /* of all heads */
} pack;

static att_status survey(pack *k, const att_attention_map *m, const att_view_opts *o,
                         int64_t total)
{
    for (int64_t i = 0; i < m->n_layers * m->n_heads; i++) {
        double lo, hi;
        ATTI_TRY(atti_map_head(m, i / m->n_heads + 1, i % m->n_heads + 1, k->w));
        atti_range(&lo, &hi, k->w, (size_t)(m->rows * m->cols), o);
        if (i == 0 || lo < k->lo) k->lo = lo;
        if (i == 0 || hi > k->hi) k->hi = hi;
    }
    if (k->lo < 0) k->lo = -(k->hi = fmax(k->hi, -k->lo));
    /* Square-root steps have no sign. */
    k->eight_bit = total > SMALL && k->lo >= 0;
    return ATT_OK;
}

static void head_bytes(atti_str *s, pack *k, const att_attention_map *m, int64_t index,
                       int64_t l, int64_t h)
{
    size_t n = (size_t)(m->rows * m->cols), size = k->eight_bit ? n : 2 * n;
    double most = 0;

    for (size_t i = 0; i < n; i++)
        if ((double)k->w[i] > most) most = (double)k->w[i];
    for (size_t i = 0; i < n; i++) {
        if (k->eight_bit) {
            double f = most > 0 ? (double)k->w[i] / most : 0;
            k->bytes[i] = (unsigned char)(sqrt(f > 0 ? f : 0) * 255 + 0.5);
        } else {
            uint16_t v = half_of(k->w[i]);
            k->bytes[2 * i] = (unsigned char)(v & 255);
            k->bytes[2 * i + 1] = (unsigned char)(v >> 8);
        }
    }
    char id[96], number[40];
    atti_text_number(number, most, 9);
    (void)snprintf(id, sizeof id, "w%lld-%lld-%lld", (long long)index, (long long)l,
                   (long long)h);
    atti_str_addf(s, "<script type=\"text/plain\" id=\"%s\" data-hi=\"%s\">", id,
                  number);
    atti_base64_add(s, k->bytes, size);
    atti_str_add(s, "</script>\n");
}

static att_status map_data(pages_data *d, pack *k, const att_attention_map *m,
                           int64_t index)
{
    size_t thumb = (size_t)(k->thumb_rows * k->thumb_cols), at = 0;

    for (int64_t l = 1; l <= m->n_layers; l++) {
        for (int64_t h = 1; h <= m->n_heads; h++) {
            ATTI_TRY(atti_map_head(m, l, h, k->w));
            bool shown = index == 0 && l == d->layer && h == d->head;
            atti_str *s = d->late && !shown ? &d->rest : &d->first;
            head_bytes(s, k, m, index, l, h);
            if (k->thumbs) {
                atti_cells c;
                ATTI_TRY(atti_cells_make(&c, k->w, m->rows, m->cols, THUMB, false,
                                         k->lo, k->hi));
                memcpy(k->thumbs + at, c.data, thumb);
                atti_free(c.data);
                at += thumb;
            }
            ATTI_TRY(s->status);
        }
    }
    atti_str *s = &d->first;
    if (k->thumbs) {
        atti_str_addf(s, "<script type=\"text/plain\" id=\"t%lld\">", (long long)index);
        atti_base64_add(s, k->thumbs, at);
        atti_str_add(s, "</script>\n");
    }
    return s->status;
}

static void quoted(atti_jsonw *w, const char *key, const char *text)
{
    atti_str s = {0};
    atti_json_text(&s, text);
    if (s.status == ATT_OK)
        atti_jsonw_raw(w, key, s.data);
    else
        w->s.status = s.status;
    atti_str_deinit(&s);
}

static void describe(atti_jsonw *w, const att_attention_map *m, const pack *k)
{
    atti_jsonw_object(w, NULL);
    quoted(w, "name", atti_map_name(m));
    quoted(w, "rowAxis", atti_map_row_axis(m));
    quoted(w, "colAxis", atti_map_col_axis(m));
    atti_jsonw_bool(w, "cross", m->kind == ATT_VIEW_CROSS);
    atti_jsonw_i64(w, "layers", m->n_layers);
    atti_jsonw_i64(w, "heads", m->n_heads);
    atti_jsonw_i64(w, "rows", m->rows);
    atti_jsonw_i64(w, "cols", m->cols);
    atti_jsonw_f64(w, "lo", k->lo);
    atti_jsonw_f64(w, "hi", k->hi);
    atti_jsonw_bool(w, "bits8", k->eight_bit);
    atti_jsonw_i64(w, "thumbRows", k->thumbs ? k->thumb_rows : 0);
    atti_jsonw_i64(w, "thumbCols", k->thumbs ? k->thumb_cols : 0);
    atti_map_words(w, "row", m, true);
    atti_map_words(w, "col", m, false);
    atti_jsonw_end(w, '}');
}

static void palette(atti_jsonw *w, const char *key, int32_t colours, int32_t dark,
                    double lo)
{
    unsigned char rgb[768];
    att_view_opts o = {.colours = colours, .dark = dark};
    atti_str s = {0};

    atti_colour_table(rgb, atti_palette_of(&o, lo));
    atti_base64_add(&s, rgb, sizeof rgb);
    if (s.status == ATT_OK)
        atti_jsonw_str(w, key, s.data);
    else
        w->s.status = s.status;
    atti_str_deinit(&s);
}

/* One map: its part of the description into w, its weights into d. */
static att_status one_map(atti_jsonw *w, pages_data *d, const att_attention_map *m,
                          int64_t index, int64_t total, const att_view_opts *o)
{
    pack k = {0};
    size_t n = (size_t)(m->rows * m->cols);
    int64_t most = atti_max_i64(m->rows, m->cols), pool = atti_ceil_div(most, THUMB);

    att_status st = atti_alloc_raw(&k.w, n, sizeof *k.w, "a head");
    if (st == ATT_OK) st = atti_alloc_raw(&k.bytes, n, 2, "a head's bytes");
    if (st == ATT_OK) st = survey(&k, m, o, total);
    if (st == ATT_OK && pool > 1) {
        k.thumb_rows = atti_ceil_div(m->rows, pool);
        k.thumb_cols = atti_ceil_div(m->cols, pool);
        st = atti_alloc_raw(&k.thumbs, (size_t)(m->n_layers * m->n_heads),
                            (size_t)(k.thumb_rows * k.thumb_cols), "small pictures");
    }
    if (st == ATT_OK) {
        describe(w, m, &k);
        st = map_data(d, &k, m, index);
    }
    atti_free(k.w);
    atti_free(k.bytes);
    atti_free(k.thumbs);
    return st;
}

static att_status check(const att_attention_map *maps, int64_t n,
                        const att_view_opts *o, int64_t *total)
{
    *total = 0;
    ATTI_TRY(atti_maps_check(maps, n, "page"));
    for (int64_t i = 0; i < n; i++) {
        const att_attention_map *m = &maps[i];
        ATTI_TRY(atti_map_limit(m, TOKEN_LIMIT, "a page"));
        *total += m->n_layers * m->n_heads * m->rows * m->cols;
        if (*total > WEIGHT_LIMIT)
            return atti_fail(
                ATT_EINVAL,
                "a page of more than %d million weights would not open: fewer "
                "layers or a shorter text (or .npz)",
                WEIGHT_LIMIT / 1000000);
    }
    if (o->layer < 0 || o->layer > maps[0].n_layers)
        return atti_fail(ATT_EINVAL, "layer %d is not in 1..%lld, 0 = the mean of all",
                         (int)o->layer, (long long)maps[0].n_layers);
    if (o->head < 0 || o->head > maps[0].n_heads)
        return atti_fail(ATT_EINVAL, "head %d is not in 1..%lld, 0 = the mean of all",
                         (int)o->head, (long long)maps[0].n_heads);
    return ATT_OK;
}

static void add_part(atti_str *s, const unsigned char *data, size_t n)
{
    atti_str_add_n(s, (const char *)data, n);
}

/* The page's own text up to `mark`, which is left out; returns what follows it. */
static const char *until(atti_str *s, const char *from, const char *mark)
{
    const char *at = strstr(from, mark);
    if (!at) {
        s->status = atti_fail(ATT_EBUG, "the page has no %s", mark);
        return from;
    }
    atti_str_add_n(s, from, (size_t)(at - from));
    return at + strlen(mark);
}

static void assemble(atti_str *s, const char *title, const atti_jsonw *w,
                     const pages_data *d)
{
    atti_str whole = {0};

    add_part(&whole, atti_page_html, atti_page_html_size);
    if (whole.status != ATT_OK) {
        s->status = whole.status;
        return;
    }
    const char *rest = until(s, whole.data, "@TITLE@");
    atti_markup_add(s, title);
    rest = until(s, rest, "@CSS@");
    add_part(s, atti_page_css, atti_page_css_size);
    rest = until(s, rest, "@DATA@");
    atti_str_add(s, "<script type=\"application/json\" id=\"attend-data\">");
    atti_str_add_n(s, w->s.data, w->s.len);
    atti_str_add(s, "</script>\n");
    if (d->first.len) atti_str_add_n(s, d->first.data, d->first.len);
    rest = until(s, rest, "@JS@");
    add_part(s, atti_page_js, atti_page_js_size);
    rest = until(s, rest, "@REST@");
    if (d->rest.len) atti_str_add_n(s, d->rest.data, d->rest.len);
    atti_str_add(s, rest);
    atti_str_deinit(&whole);
}

att_status att_view_html_bytes(char **bytes, size_t *n_bytes,
                               const att_attention_map *maps, int64_t n_maps,
                               const att_view_opts *opts)
{
    att_view_opts o;
    atti_jsonw w = {0};
    atti_str page = {0};
    pages_data d = {0};
    int64_t total;
    char *title = NULL;
    bool cut;

    if (!bytes || !n_bytes) return atti_fail(ATT_EINVAL, "page: out is NULL");
    *bytes = NULL;
    *n_bytes = 0;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(check(maps, n_maps, &o, &total));
    ATTI_TRY(
        atti_text_shown(&title, &cut, o.title && *o.title ? o.title : "Attention", 0));
    att_status st = ATT_OK;
    atti_jsonw_object(&w, NULL);
    quoted(&w, "title", title);
    d.late = total > SMALL;
    d.layer = o.layer == 0 && d.late ? 1 : o.layer;
    d.head = o.head == 0 && d.late ? 1 : o.head;
    atti_jsonw_i64(&w, "layer", d.layer);
    atti_jsonw_i64(&w, "head", d.head);
    atti_jsonw_bool(&w, "late", d.late);
    atti_jsonw_bool(&w, "dark", o.dark != 0);
    palette(&w, "light", o.colours, 0, 0);
    palette(&w, "night", o.colours, 1, 0);
    palette(&w, "lightSigned", o.colours, 0, -1);
    palette(&w, "nightSigned", o.colours, 1, -1);
    atti_jsonw_array(&w, "maps");
    for (int64_t i = 0; i < n_maps && st == ATT_OK; i++)
        st = one_map(&w, &d, &maps[i], i, total, &o);
    atti_jsonw_end(&w, ']');
    atti_jsonw_end(&w, '}');
    if (st == ATT_OK) st = w.s.status;
    if (st == ATT_OK) st = d.first.status;
    if (st == ATT_OK) st = d.rest.status;
    if (st == ATT_OK) {
        assemble(&page, title, &w, &d);
        size_t n = page.len;
        st = atti_str_take(bytes, &page);
        if (st == ATT_OK) *n_bytes = n;
    }
    atti_free(title);
    atti_str_deinit(&w.s);
    atti_str_deinit(&d.first);
    atti_str_deinit(&d.rest);
    atti_str_deinit(&page);
    return st;
}

att_status att_view_html(const char *path, const att_attention_map *maps,
                         int64_t n_maps, const att_view_opts *opts)
{
    char *bytes;
    size_t n;

    if (!path) return atti_fail(ATT_EINVAL, "page: no file name");
    ATTI_TRY(att_view_html_bytes(&bytes, &n, maps, n_maps, opts));
    att_status st = atti_write_file(path, bytes, n);
    atti_free(bytes);
    return st;
}
