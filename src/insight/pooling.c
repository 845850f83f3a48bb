/* pooling.c - softmax pooling (op_pool_softmax) as the other files see attention: one layer,
 * kind other, a row a text. Its scores are a product with a weight: a head's query is a row
 * of that weight, its keys are the words' whole vectors, its values their columns. */
#include "insight/pooling.h"

#include <string.h>

enum { X, E, OFFSETS }; /* slots of op_pool_softmax; out: the pooled, the weights */
static const char queries[] = "classifier.query.weight";

bool atti_pooling_is(const atti_node *node)
{
    return strcmp(node->op->name, "pool_softmax") == 0;
}

void atti_pooling_site(const att_tape *tape, const atti_node *node, atti_site *s)
{
    *s = (atti_site){.kind = ATT_VIEW_OTHER,
                     .heads = att_tape_cols(tape, node->in[E]),
                     .q_offsets = ATT_NO_VAR,
                     .k_offsets = node->in[OFFSETS],
                     .pooling = 1};
}

void atti_pooling_weights(const atti_call *c, float *w)
{
    int64_t n = c->out[1].rows, heads = c->out[1].cols;
    for (int64_t h = 0; h < heads; h++)
        for (int64_t s = 0; s < n; s++) w[h * n + s] = c->out[1].f[s * heads + h];
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

void atti_pooling_gradient(const atti_call *c, float *out, int64_t cols)
{
    const int32_t *off = c->in[OFFSETS].i;
    int64_t width = c->out[0].cols, heads = c->out[1].cols, each = width / heads;
    for (int64_t b = 0; b < c->out[0].rows; b++)
        for (int64_t s = 0; s < off[b + 1] - off[b]; s++) {
            const float *x = c->in[X].f + (off[b] + s) * width;
            const float *alpha = c->out[1].f + (off[b] + s) * heads;
            double sum = 0.0;
            for (int64_t h = 0; h < heads; h++)
                sum += (double)alpha[h] *
                       dot(c->out[0].grad + b * width + h * each, x + h * each, each);
            out[b * cols + s] -= (float)sum;
        }
}

/* Columns first .. first + cols - 1 of rows that are ld apart. */
static att_status copy(float **to, const float *from, int64_t rows, int64_t ld,
                       int64_t first, int64_t cols)
{
    ATTI_TRY(atti_alloc(to, (size_t)(rows * cols), sizeof **to, "a head"));
    for (int64_t r = 0; r < rows; r++)
        memcpy(*to + r * cols, from + r * ld + first, (size_t)cols * sizeof **to);
    return ATT_OK;
}

att_status atti_pooling_numbers(const atti_call *c, const att_model *m, int64_t head,
                                att_head_numbers *h)
{
    const float *query = NULL;
    int64_t n = c->in[X].rows, width = c->in[X].cols, heads = c->out[1].cols;
    ATTI_TRY(atti_params_data(&query, &m->params, queries));
    h->rows = 1, h->cols = n;
    h->d = width, h->e = width / heads, h->heads = heads;
    h->scale = 1.0;
    h->score = ATT_SCORE_DOT;
    ATTI_TRY(copy(&h->q, query, 1, width, head * width, width));
    ATTI_TRY(copy(&h->k, c->in[X].f, n, width, 0, width));
    ATTI_TRY(copy(&h->v, c->in[X].f, n, width, head * h->e, h->e));
    ATTI_TRY(copy(&h->out, c->out[0].f, 1, width, head * h->e, h->e));
    ATTI_TRY(copy(&h->weights, c->out[1].f, n, heads, head, 1));
    ATTI_TRY(atti_alloc(&h->scores, (size_t)n, sizeof *h->scores, "scores"));
    ATTI_TRY(atti_alloc(&h->scaled, (size_t)n, sizeof *h->scaled, "scores"));
    /* The query's bias is the same for every word, so softmax does not see it. */
    for (int64_t s = 0; s < n; s++)
        h->scores[s] = h->scaled[s] = dot(h->q, h->k + s * width, width);
    return ATT_OK;
}
