/* explain_lines.c - attend translate|classify|tag|generate --attention: a JSON object a line
 * with the weights of every layer and head. What was just printed goes through the model
 * once more, all its tokens at once and no further than the last attention. */
#include "explain_lines.h"

#include <math.h>
#include <string.h>

/* Nine digits of a weight, as printf's %.9g gives them but for a last digit that is off by
 * one now and then, which reads back as the same float: half of printing's time was this. */
static size_t weight_digits(char out[24], double v)
{
    static const double scale[] = {1e9, 1e10, 1e11, 1e12};
    int zeros = v >= 0.1 ? 0 : v >= 0.01 ? 1 : v >= 0.001 ? 2 : 3;
    uint64_t d = (uint64_t)(v * scale[zeros] + 0.5);
    int n = 9 + zeros;

    memcpy(out, "0.", 2);
    for (int i = n - 1; i >= 0; i--, d /= 10) out[2 + i] = (char)('0' + d % 10);
    while (out[2 + n - 1] == '0') n--;
    return (size_t)(2 + n);
}

void cli_add_float(cli_text *t, float v)
{
    char digits[24];

    if (!isfinite(v))
        cli_add(t, "null");
    else if (v >= 1e-4f && v <= 0.9999f)
        cli_add_n(t, digits, weight_digits(digits, (double)v));
    else if (v == 0.0f || v == 1.0f)
        cli_add_n(t, v == 0.0f ? "0" : "1", 1);
    else
        cli_addf(t, "%.9g", (double)v);
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
    o.choices = -1;
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

/* One object; e NULL: the line alone. */
static int add_object(attention_lines *a, int64_t number, const att_explanation *e,
                      const char *skipped)
{
    static const char *const side[] = {"source", "prefix", "output"};
    cli_text t = {0};
    att_status st = ATT_OK;
    int64_t n;

    cli_addf(&t, "{\"line\":%lld", (long long)number);
    for (int32_t i = 0; e && i < 3; i++) {
        (void)att_explanation_tokens(e, i, &n);
        if (n > 0) add_tokens(&t, side[i], e, i);
    }
    for (int64_t i = 0; st == ATT_OK && i < att_explanation_map_count(e); i++) {
        att_attention_map m;

        st = att_explanation_map(e, &m, i);
        if (st == ATT_OK) add_map(&t, &m);
    }
    if (skipped) {
        cli_add(&t, ",\"skipped\":");
        cli_add_json(&t, skipped);
    }
    cli_add(&t, "}\n");
    cli_out_put(&a->out, t.s, t.n);
    cli_free(t.s);
    return st != ATT_OK ? cli_status(st) : cli_out_check(&a->out);
}

static int add_explained(attention_lines *a, int64_t number, att_status st,
                         att_explanation *e)
{
    int rc = st != ATT_OK ? cli_status(st) : add_object(a, number, e, NULL);

    att_explanation_destroy(e);
    return rc;
}

int attention_lines_add(attention_lines *a, int64_t number, const att_sentence *s)
{
    const att_hypothesis *h = s->n_hypotheses ? &s->hypotheses[0] : NULL;
    att_explanation *e = NULL;
    att_status st = ATT_OK;

    if (h && h->n_scores > 0 && s->n_source > 0)
        st = att_explain_ids(a->x, &e, s->source_ids, s->n_source, h->ids, h->n_ids,
                             h->n_scores > h->n_ids);
    return add_explained(a, number, st, e);
}

int attention_lines_add_text(attention_lines *a, int64_t number, const char *text)
{
    att_explanation *e = NULL;
    att_status st = att_explain_text(a->x, &e, text);

    return add_explained(a, number, st, e);
}

int attention_lines_add_words(attention_lines *a, int64_t number,
                              const char *const *words, int32_t n)
{
    att_explanation *e = NULL;
    att_status st = att_explain_words(a->x, &e, words, n);

    return add_explained(a, number, st, e);
}

int attention_lines_add_ids(attention_lines *a, int64_t number, const int32_t *ids,
                            int32_t n, const int32_t *more, int32_t n_more)
{
    att_explanation *e = NULL;
    att_status st = att_explain_ids(a->x, &e, ids, n, more, n_more, 0);

    return add_explained(a, number, st, e);
}

int attention_lines_skip(attention_lines *a, int64_t number, const char *why)
{
    return add_object(a, number, NULL, why);
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
