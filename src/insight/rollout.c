/* rollout.c - what the layers' weights add up to (Abnar and Zuidema 2020), and what single
 * heads look like in two numbers: entropy and distance. */
#include "base/checked.h"
#include "insight/weight_graph.h"

#include <math.h>
#include <string.h>

/* ---- maps alone ---- */

static att_status check_map(const att_attention_map *m, const char *who)
{
    int64_t n;
    if (!m || m->size != sizeof *m || (!m->weights && !m->fetch))
        return atti_fail(
            ATT_EINVAL, "%s: %s", who,
            m ? "the map holds no weights: start from att_attention_map_init()"
              : "the map is NULL");
    if (m->n_layers < 1 || m->n_heads < 1 || m->rows < 1 || m->cols < 1 ||
        !atti_mul_i64(&n, m->rows, m->cols) || n > INT32_MAX)
        return atti_fail(ATT_EINVAL,
                         "%s: a map of %lld x %lld tokens in %lld layers of "
                         "%lld heads",
                         who, (long long)m->rows, (long long)m->cols,
                         (long long)m->n_layers, (long long)m->n_heads);
    return ATT_OK;
}

static att_status head_of(const att_attention_map *m, int64_t layer, int64_t head,
                          float *room, const float **w)
{
    if (m->weights) {
        *w = m->weights + (layer * m->n_heads + head) * m->rows * m->cols;
        return ATT_OK;
    }
    *w = room;
    return m->fetch(m->fetch_user, layer + 1, head + 1, room);
}

att_status att_attention_statistics(const att_attention_map *m, double *entropy,
                                    double *distance)
{
    float *room = NULL;
    ATTI_TRY(check_map(m, "att_attention_statistics"));
    ATTI_TRY(atti_alloc_raw(&room, m->weights ? 1 : (size_t)(m->rows * m->cols),
                            sizeof *room, "a head"));
    att_status st = ATT_OK;
    for (int64_t i = 0; st == ATT_OK && i < m->n_layers * m->n_heads; i++) {
        const float *w = NULL;
        double h = 0.0, d = 0.0;
        st = head_of(m, i / m->n_heads, i % m->n_heads, room, &w);
        for (int64_t r = 0; st == ATT_OK && r < m->rows; r++)
            for (int64_t c = 0; c < m->cols; c++) {
                double a = (double)w[r * m->cols + c];
                if (a > 0.0) h -= a * log(a);
                d += a * fabs((double)(r - c));
            }
        if (entropy) entropy[i] = h / (double)m->rows;
        if (distance) distance[i] = d / (double)m->rows;
    }
    atti_free(room);
    return st;
}

/* mean [T,S] over the heads of a layer. */
static att_status mean_heads(const att_attention_map *m, int64_t layer, float *room,
                             double *mean)
{
    int64_t n = m->rows * m->cols;
    memset(mean, 0, (size_t)n * sizeof *mean);
    for (int64_t h = 0; h < m->n_heads; h++) {
        const float *w = NULL;
        ATTI_TRY(head_of(m, layer, h, room, &w));
        for (int64_t i = 0; i < n; i++) mean[i] += (double)w[i] / (double)m->n_heads;
    }
    return ATT_OK;
}

/* y = (a x + x) / 2, a [n,n], x and y [n,m]. */
static void step(double *y, const double *a, const double *x, int64_t n, int64_t m)
{
    for (int64_t r = 0; r < n; r++)
        for (int64_t c = 0; c < m; c++) {
            double sum = 0.0;
            for (int64_t k = 0; k < n; k++) sum += a[r * n + k] * x[k * m + c];
            y[r * m + c] = 0.5 * sum + 0.5 * x[r * m + c];
        }
}

/* x [T,m] through all layers of a self-attention map; tmp as large. */
static att_status through(const att_attention_map *m, double *x, double *tmp, int64_t w,
                          double *mean, float *room)
{
    for (int64_t l = 0; l < m->n_layers; l++) {
        ATTI_TRY(mean_heads(m, l, room, mean));
        step(tmp, mean, x, m->rows, w);
        memcpy(x, tmp, (size_t)(m->rows * w) * sizeof *x);
    }
    return ATT_OK;
}

att_status att_attention_rollout(const att_attention_map *m, float *out)
{
    double *d = NULL;
    float *room = NULL;
    ATTI_TRY(check_map(m, "att_attention_rollout"));
    if (!out) return atti_fail(ATT_EINVAL, "att_attention_rollout: out is NULL");
    if (m->rows != m->cols)
        return atti_fail(ATT_ESHAPE,
                         "rollout: %lld rows look at %lld columns; only self-attention "
                         "can be multiplied through",
                         (long long)m->rows, (long long)m->cols);
    size_t n = (size_t)(m->rows * m->cols);
    ATTI_TRY(atti_alloc(&d, 3 * n, sizeof *d, "rollout"));
    att_status st = atti_alloc_raw(&room, n, sizeof *room, "a head");
    for (int64_t i = 0; i < m->rows; i++) d[i * m->cols + i] = 1.0;
    if (st == ATT_OK) st = through(m, d, d + n, m->cols, d + 2 * n, room);
    for (size_t i = 0; st == ATT_OK && i < n; i++) out[i] = (float)d[i];
    atti_free(room);
    atti_free(d);
    return st;
}

/* ---- a whole model ---- */

/* Rows of a stack's top as shares of its inputs, by powers of sparse steps over the
 * graph's levels: the same graph that the flow goes through. */
att_status att_explain_rollout(const att_explanation *e, float *out, int64_t *cols)
{
    atti_weight_graph g;
    if (!e)
        return atti_fail(ATT_EINVAL, "att_explain_rollout: the explanation is NULL");
    ATTI_TRY(atti_weight_graph_make(&g, e));
    if (cols) *cols = g.n_inputs;
    att_status st = ATT_OK;
    double *share = NULL;
    size_t n = 0;
    if (out && !atti_mul_size(&n, (size_t)g.n_nodes, (size_t)g.n_inputs))
        st = atti_fail(ATT_ENOMEM, "rollout of %lld nodes", (long long)g.n_nodes);
    if (out && st == ATT_OK) st = atti_alloc(&share, n, sizeof *share, "rollout");
    /* An edge goes from a node to earlier ones, so one pass in order is enough. */
    for (int64_t i = 0; share && i < g.n_inputs; i++) share[i * g.n_inputs + i] = 1.0;
    for (int64_t i = g.n_inputs; share && i < g.n_nodes; i++)
        for (int64_t k = g.first[i]; k < g.first[i + 1]; k++)
            for (int64_t c = 0; c < g.n_inputs; c++)
                share[i * g.n_inputs + c] +=
                    g.weight[k] * share[(int64_t)g.to[k] * g.n_inputs + c];
    int64_t top = g.n_nodes - g.n_outputs;
    for (int64_t i = 0; share && i < g.n_outputs * g.n_inputs; i++)
        out[i] = (float)share[top * g.n_inputs + i];
    atti_free(share);
    atti_weight_graph_deinit(&g);
    return st;
}
