/* explain_lines.c - attend translate --attention: a JSON object a line with the weights of
 * every layer and head. The translation is the one just printed; it goes through the model
 * once more, all its tokens at once, which costs less than a step of the search a token. */
#include "explain_lines.h"

#include <math.h>

void cli_add_float(cli_text *t, float v)
{
    if (isfinite(v))
        cli_addf(t, "%.9g", (double)v);
    else
        cli_add(t, "null");
}

void cli_add_floats(cli_text *t, const float *v, size_t n)
{
    cli_add(t, "[");
    for (size_t i = 0; i < n; i++) {
        if (i) cli_add(t, ",");
        cli_add_float(t, v[i]);
    }
    cli_add(t, "]");
}

int attention_lines_open(attention_lines *a, const char *path, const att_model *model)
{
    att_explain_opts o;
    att_explain_opts_init(&o);
    o.choices = 0;
    a->path = path;
    att_status st = att_explainer_create(&a->x, model, &o);
    if (st != ATT_OK) return cli_status(st);
    if (cli_out_open(&a->out, path)) return 0;
    att_explainer_destroy(a->x);
    a->x = NULL;
    return EXIT_FAILED;
}

static void add_tokens(cli_text *t, const char *key, const att_explanation *e,
                       int32_t side)
{
    int64_t n;
    const char *const *token = att_explanation_tokens(e, side, &n);
    cli_addf(t, ",\"%s\":[", key);
    for (int64_t i = 0; i < n; i++) {
        if (i) cli_add(t, ",");
        cli_add_json(t, token[i]);
    }
    cli_add(t, "]");
}

/* [layer][head][row][column] */
static void add_map(cli_text *t, const att_attention_map *m)
{
    static const char *const name[] = {"cross", "encoder", "decoder", "other"};
    const float *w = m->weights;
    cli_addf(t, ",\"%s\":[", name[m->kind]);
    for (int64_t l = 0; l < m->n_layers; l++) {
        cli_add(t, l ? ",[" : "[");
        for (int64_t h = 0; h < m->n_heads; h++) {
            cli_add(t, h ? ",[" : "[");
            for (int64_t r = 0; r < m->rows; r++) {
                if (r) cli_add(t, ",");
                cli_add_floats(t, w, (size_t)m->cols);
                w += m->cols;
            }
            cli_add(t, "]");
        }
        cli_add(t, "]");
    }
    cli_add(t, "]");
}

int attention_lines_add(attention_lines *a, int64_t number, const att_sentence *s)
{
    const att_hypothesis *h = s->n_hypotheses ? &s->hypotheses[0] : NULL;
    att_explanation *e = NULL;
    cli_text t = {0};
    att_status st = ATT_OK;
    cli_addf(&t, "{\"line\":%lld", (long long)number);
    if (h && h->n_scores > 0 && s->n_source > 0)
        st = att_explain_ids(a->x, &e, s->source_ids, s->n_source, h->ids, h->n_ids,
                             h->n_scores > h->n_ids);
    if (st != ATT_OK) return cli_status(st);
    if (e) {
        add_tokens(&t, "source", e, ATT_SIDE_SOURCE);
        add_tokens(&t, "prefix", e, ATT_SIDE_PREFIX);
        add_tokens(&t, "output", e, ATT_SIDE_OUTPUT);
    }
    for (int64_t i = 0; i < att_explanation_map_count(e); i++) {
        att_attention_map m;
        st = att_explanation_map(e, &m, i);
        if (st == ATT_OK) add_map(&t, &m);
    }
    cli_add(&t, "}\n");
    fwrite(t.s, 1, t.n, a->out.f);
    cli_free(t.s);
    att_explanation_destroy(e);
    return st != ATT_OK       ? cli_status(st)
           : ferror(a->out.f) ? cli_fail("%s: cannot be written", a->path)
                              : 0;
}

int attention_lines_close(attention_lines *a, int rc)
{
    if (!a->x) return rc;
    att_explainer_destroy(a->x);
    a->x = NULL;
    if (rc) {
        cli_out_drop(&a->out);
        return rc;
    }
    return cli_out_close(&a->out) ? EXIT_FINE : EXIT_FAILED;
}
