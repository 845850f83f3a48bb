/* explain.c - what did the model look at? Translates a sentence, prints for each output
 * token the source token that it looked at most, over all layers and heads, how sure the
 * model was, and what the rollout says; writes a page to explore.
 *
 *     explain DIR "sentence" [page.html] */
#include <attend/explain.h>
#include <stdio.h>
#include <stdlib.h>

/* The strongest column of row t, over the mean of all layers and heads. */
static int64_t strongest(const att_attention_map *m, int64_t t, double *weight)
{
    int64_t heads = m->n_layers * m->n_heads, best = 0, s, h;

    *weight = -1;
    for (s = 0; s < m->cols; s++) {
        double mean = 0;
        for (h = 0; h < heads; h++)
            mean += (double)m->weights[(h * m->rows + t) * m->cols + s];
        mean /= (double)heads;
        if (mean > *weight) {
            *weight = mean;
            best = s;
        }
    }
    return best;
}

static att_status print_tokens(const att_explanation *e)
{
    att_attention_map m;
    att_status st = att_explanation_find(e, &m, ATT_VIEW_CROSS);
    int64_t t;

    if (st != ATT_OK) return st;
    for (t = 0; t < m.rows; t++) {
        att_choice said;
        double weight;
        int64_t s = strongest(&m, t, &weight), rank;

        (void)att_explanation_choices(e, t, NULL, &said, &rank);
        printf("%-16s <- %-16s %.2f   p %.3f, rank %d\n", m.row_tokens[t],
               m.col_tokens[s], weight, (double)said.probability, (int)rank);
    }
    return ATT_OK;
}

/* How much of the last token goes back to the source, how much to the words before. */
static att_status print_rollout(const att_explanation *e)
{
    int64_t cols, rows, n_source, c;
    double source = 0;
    float *w;
    att_status st = att_explain_rollout(e, NULL, &cols);

    if (st != ATT_OK) return st;
    (void)att_explanation_tokens(e, ATT_SIDE_SOURCE, &n_source);
    (void)att_explanation_tokens(e, ATT_SIDE_OUTPUT, &rows);
    w = malloc((size_t)(rows * cols) * sizeof *w);
    if (!w) return ATT_ENOMEM;
    st = att_explain_rollout(e, w, NULL);
    for (c = 0; st == ATT_OK && c < n_source; c++)
        source += (double)w[(rows - 1) * cols + c];
    if (st == ATT_OK) printf("the last token: %.0f %% from the source\n", 100 * source);
    free(w);
    return st;
}

static att_status write_page(const att_explanation *e, const char *path)
{
    att_attention_map maps[8];
    int64_t n = att_explanation_map_count(e), i;
    att_status st = ATT_OK;

    for (i = 0; i < n && st == ATT_OK; i++) st = att_explanation_map(e, &maps[i], i);
    return st == ATT_OK ? att_view_html(path, maps, n, NULL) : st;
}

int main(int argc, char **argv)
{
    att_model *model = NULL;
    att_explainer *x = NULL;
    att_explanation *e = NULL;
    att_status st;

    if (argc < 3) return fprintf(stderr, "usage: explain DIR \"sentence\" [page]\n"), 2;
    st = att_model_load(&model, argv[1]);
    if (st == ATT_OK) st = att_explainer_create(&x, model, NULL);
    if (st == ATT_OK) st = att_explain_text(x, &e, argv[2]);
    if (st == ATT_OK) printf("%s\n", att_explanation_output(e));
    if (st == ATT_OK) st = print_tokens(e);
    if (st == ATT_OK) st = print_rollout(e);
    if (st == ATT_OK && argc > 3) st = write_page(e, argv[3]);
    if (st != ATT_OK) fprintf(stderr, "explain: %s\n", att_error_message());
    att_explanation_destroy(e);
    att_explainer_destroy(x);
    att_model_destroy(model);
    return st == ATT_OK ? 0 : 1;
}
