/* bertviz.c - the JSON that BertViz's notebook functions give to their page. Its layers
 * and heads count from 0. */
#include "base/file.h"
#include "base/json.h"
#include "view/picture.h"

static const char *name_of(const att_attention_map *m, int64_t n_maps)
{
    static const char *const names[] = {"Cross", "Encoder", "Decoder", NULL};
    return n_maps == 1 ? NULL : names[m->kind] ? names[m->kind] : atti_map_name(m);
}

static att_status weights(atti_jsonw *w, const att_attention_map *m)
{
    float *a;

    ATTI_TRY(atti_alloc_raw(&a, (size_t)(m->rows * m->cols), sizeof *a, "a head"));
    att_status st = ATT_OK;
    atti_jsonw_array(w, "attn");
    for (int64_t l = 1; l <= m->n_layers && st == ATT_OK; l++) {
        atti_jsonw_array(w, NULL);
        for (int64_t h = 1; h <= m->n_heads && st == ATT_OK; h++) {
            st = atti_map_head(m, l, h, a);
            atti_jsonw_array(w, NULL);
            for (int64_t t = 0; t < m->rows && st == ATT_OK; t++) {
                atti_jsonw_array(w, NULL);
                for (int64_t s = 0; s < m->cols; s++)
                    atti_jsonw_f32(w, NULL, a[t * m->cols + s]);
                atti_jsonw_end(w, ']');
            }
            atti_jsonw_end(w, ']');
            if (st == ATT_OK) st = w->s.status;
        }
        atti_jsonw_end(w, ']');
    }
    atti_jsonw_end(w, ']');
    atti_free(a);
    return st;
}

static void choices(atti_jsonw *w, const att_attention_map *m, const att_view_opts *o)
{
    atti_jsonw_str(w, "default_filter", "0");
    atti_jsonw_str(w, "root_div_id", "bertviz");
    atti_jsonw_i64(w, "layer", o->layer > 0 ? o->layer - 1 : 0);
    atti_jsonw_array(w, "heads");
    for (int64_t h = 1; h <= m->n_heads; h++)
        if (o->head == 0 || o->head == h) atti_jsonw_i64(w, NULL, h - 1);
    atti_jsonw_end(w, ']');
    atti_jsonw_array(w, "include_layers");
    for (int64_t l = 0; l < m->n_layers; l++) atti_jsonw_i64(w, NULL, l);
    atti_jsonw_end(w, ']');
}

att_status att_view_bertviz_bytes(char **bytes, size_t *n_bytes,
                                  const att_attention_map *maps, int64_t n_maps,
                                  const att_view_opts *opts)
{
    atti_jsonw w = {0};
    att_view_opts o;

    if (!bytes || !n_bytes) return atti_fail(ATT_EINVAL, "BertViz JSON: out is NULL");
    *bytes = NULL;
    *n_bytes = 0;
    ATTI_TRY(atti_opts_check(&o, opts));
    ATTI_TRY(atti_maps_check(maps, n_maps, "BertViz JSON"));
    for (int64_t i = 0; i < n_maps; i++)
        ATTI_TRY(atti_map_limit(&maps[i], 2048, "BertViz JSON"));
    att_status st = ATT_OK;
    atti_jsonw_object(&w, NULL);
    atti_jsonw_array(&w, "attention");
    for (int64_t i = 0; i < n_maps && st == ATT_OK; i++) {
        atti_jsonw_object(&w, NULL);
        atti_jsonw_str(&w, "name", name_of(&maps[i], n_maps));
        st = weights(&w, &maps[i]);
        atti_map_words(&w, "left_text", &maps[i], true);
        atti_map_words(&w, "right_text", &maps[i], false);
        atti_jsonw_end(&w, '}');
    }
    atti_jsonw_end(&w, ']');
    choices(&w, &maps[0], &o);
    atti_jsonw_end(&w, '}');
    atti_str_add(&w.s, "\n");
    size_t n = w.s.len;
    if (st == ATT_OK) st = atti_str_take(bytes, &w.s);
    if (st == ATT_OK) *n_bytes = n;
    atti_str_deinit(&w.s);
    return st;
}

att_status att_view_bertviz(const char *path, const att_attention_map *maps,
                            int64_t n_maps, const att_view_opts *opts)
{
    char *bytes;
    size_t n;

    if (!path) return atti_fail(ATT_EINVAL, "BertViz JSON: no file name");
    ATTI_TRY(att_view_bertviz_bytes(&bytes, &n, maps, n_maps, opts));
    att_status st = atti_write_file(path, bytes, n);
    atti_free(bytes);
    return st;
}
