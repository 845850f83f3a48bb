/* head_numbers.c - one head taken apart: its queries, keys, values, scores, weights and
 * output, as the model computed them. */
#include "base/checked.h"
#include "insight/pooling.h"
#include "insight/recurrent.h"

#include <math.h>
#include <string.h>

typedef struct taker {
    const atti_lens *lens;
    const atti_site *sites;
    int n_sites, site;
    int64_t layer, head;
    att_head_numbers *out;
    const float *weights; /* [T,S] seen when the explanation was made */
    att_var heads;        /* the attention's output, once it was met */
} taker;

void att_head_numbers_deinit(att_head_numbers *h)
{
    if (!h) return;
    atti_free(h->q);
    atti_free(h->k);
    atti_free(h->v);
    atti_free(h->out);
    atti_free(h->scores);
    atti_free(h->scaled);
    atti_free(h->weights);
    atti_free(h->all_heads);
    atti_free(h->mixed);
    uint32_t size = h->size;
    memset(h, 0, sizeof *h);
    h->size = size;
}

static att_status copy_head(float **to, const att_tensor *t, int64_t head)
{
    int64_t n = t->shape[0], w = t->shape[2];
    ATTI_TRY(atti_alloc(to, (size_t)(n * w), sizeof **to, "a head"));
    for (int64_t i = 0; i < n; i++)
        memcpy(*to + i * w,
               (const float *)t->data + i * t->stride[0] + head * t->stride[1],
               (size_t)w * sizeof **to);
    return ATT_OK;
}

/* Products alone, perhaps of queries and keys that are turned by their places. */
static int plain_dot(const att_attention_desc *d)
{
    return d->score == ATT_SCORE_DOT && !d->keys_are_rotated && !d->alibi &&
           d->t5_buckets == 0 && d->shaw_clip == 0 && d->softcap == 0.0f &&
           d->temperature == 1.0f;
}

/* e = ln a + log-sum-exp holds for every score under softmax. */
static att_status scores_from_weights(const atti_attention_look *a, const taker *u,
                                      att_head_numbers *h)
{
    att_attention_args args = a->x.args;
    att_tensor lse, out = a->x.out;
    float *room = NULL;
    int64_t shape[2] = {h->rows, a->heads}, width = a->heads * a->e;
    if (a->desc.normalise != ATT_NORM_SOFTMAX)
        return atti_fail(ATT_ENOTSUP,
                         "the scores of this attention cannot be shown: it "
                         "has position terms and no softmax");
    ATTI_TRY(atti_alloc(&room, (size_t)(h->rows * (a->heads + width)), sizeof *room,
                        "scores"));
    out.data = room + h->rows * a->heads;
    out.stride[0] = width, out.stride[1] = a->e;
    args.out = &out;
    args.lse = &lse;
    att_status st = att_tensor_view(&lse, room, ATT_F32, 2, shape);
    if (st == ATT_OK) st = att_attention_forward(&a->desc, &args);
    for (int64_t i = 0; st == ATT_OK && i < h->rows * h->cols; i++) {
        double w = (double)h->weights[i];
        h->scores[i] = NAN;
        h->scaled[i] = w > 0.0 ? log(w) + (double)room[i / h->cols * a->heads + u->head]
                               : -INFINITY;
    }
    atti_free(room);
    return st;
}

/* Row p - first of x [n,d] in double, turned as the attention turns it at place p. */
static void turn(double *out, const float *x, int64_t n, int64_t d, int64_t first,
                 const atti_attention_look *a)
{
    const att_attention_desc *o = &a->desc;
    const att_tensor *given = a->x.args.rope_freqs;
    int64_t dims = o->rope_dims ? o->rope_dims : d, half = dims / 2;
    for (int64_t r = 0; r < n; r++) {
        double *y = out + r * d;
        double place =
            (double)(first + r + o->rope_offset) * (double)o->rope_position_scale;
        for (int64_t i = 0; i < d; i++) y[i] = (double)x[r * d + i];
        for (int64_t j = 0; o->rope != ATT_ROPE_NONE && j < half; j++) {
            double f =
                given ? (double)((const float *)given->data)[j]
                      : pow((double)o->rope_theta, -2.0 * (double)j / (double)dims);
            int64_t u = o->rope == ATT_ROPE_HALF ? j : 2 * j;
            int64_t v = o->rope == ATT_ROPE_HALF ? j + half : 2 * j + 1;
            double cs = cos(place * f), sn = sin(place * f), p = y[u], q = y[v];
            y[u] = p * cs - q * sn;
            y[v] = q * cs + p * sn;
        }
    }
}

static att_status dot_scores(att_head_numbers *h, const atti_attention_look *a)
{
    double *q = NULL;
    int64_t before = h->cols - h->rows;
    ATTI_TRY(atti_alloc(&q, (size_t)((h->rows + h->cols) * h->d), sizeof *q, "a head"));
    double *k = q + h->rows * h->d;
    turn(q, h->q, h->rows, h->d, before, a);
    turn(k, h->k, h->cols, h->d, 0, a);
    h->turned = a->desc.rope != ATT_ROPE_NONE;
    for (int64_t t = 0; t < h->rows; t++)
        for (int64_t s = 0; s < h->cols; s++) {
            double dot = 0.0;
            for (int64_t i = 0; i < h->d; i++) dot += q[t * h->d + i] * k[s * h->d + i];
            int hidden = h->causal && s > t + before;
            h->scores[t * h->cols + s] = dot;
            h->scaled[t * h->cols + s] = hidden ? -INFINITY : dot * h->scale;
        }
    atti_free(q);
    return ATT_OK;
}

static att_status copy_rows(float **to, const atti_mat *v)
{
    size_t n = (size_t)(v->rows * v->cols);
    ATTI_TRY(atti_alloc(to, n, sizeof **to, "heads side by side"));
    memcpy(*to, v->f, n * sizeof **to);
    return ATT_OK;
}

/* W_O's product is the one that reads the attention's output. */
static att_status take_mixed(const taker *u, const atti_call *c)
{
    att_head_numbers *h = u->out;
    if (u->heads == ATT_NO_VAR || h->mixed || c->node->in[0] != u->heads ||
        (strcmp(c->node->op->name, "linear") != 0 &&
         strcmp(c->node->op->name, "matmul") != 0))
        return ATT_OK;
    h->model = c->out[0].cols;
    ATTI_TRY(copy_rows(&h->all_heads, &c->in[0]));
    return copy_rows(&h->mixed, &c->out[0]);
}

static att_status take(void *user, const atti_call *c, int backward)
{
    taker *u = user;
    att_head_numbers *h = u->out;
    atti_attention_look a;
    int site;
    int64_t layer;
    (void)backward;
    if (!atti_lens_attends(c->node)) return take_mixed(u, c);
    atti_lens_place(u->lens, u->sites, u->n_sites, c->node, &site, &layer);
    if (site != u->site || layer != u->layer) return ATT_OK;
    if (u->sites[site].recurrent) return atti_recurrent_numbers(c, h);
    if (u->sites[site].pooling)
        return atti_pooling_numbers(c, u->lens->model, u->head, h);
    atti_attention_look_at(c, &a);
    u->heads = c->node->out[0];
    h->score = a.desc.score;
    h->rows = a.x.q.shape[0], h->cols = a.x.k.shape[0];
    h->d = a.d, h->e = a.e, h->heads = a.heads;
    h->causal = a.desc.causal;
    h->scale = a.desc.scale != 0.0f            ? (double)a.desc.scale
               : a.desc.score == ATT_SCORE_DOT ? 1.0 / sqrt((double)a.d)
                                               : 1.0;
    int64_t g = u->head / (a.heads / a.kv_heads);
    size_t cells = (size_t)(h->rows * h->cols);
    ATTI_TRY(copy_head(&h->q, &a.x.q, u->head));
    ATTI_TRY(copy_head(&h->k, &a.x.k, g));
    ATTI_TRY(copy_head(&h->v, &a.x.v, g));
    ATTI_TRY(copy_head(&h->out, &a.x.out, u->head));
    ATTI_TRY(atti_alloc(&h->scores, cells, sizeof *h->scores, "scores"));
    ATTI_TRY(atti_alloc(&h->scaled, cells, sizeof *h->scaled, "scores"));
    ATTI_TRY(atti_alloc(&h->weights, cells, sizeof *h->weights, "weights"));
    memcpy(h->weights, u->weights, cells * sizeof *h->weights);
    if (!plain_dot(&a.desc)) return scores_from_weights(&a, u, h);
    return dot_scores(h, &a);
}

att_status att_explain_head(att_explainer *x, const att_explanation *e, int32_t kind,
                            int64_t layer, int64_t head, att_head_numbers *out)
{
    atti_site sites[ATTI_SITES];
    att_head_numbers h = {.size = sizeof h};
    atti_lens_batch b;
    int32_t *block = NULL;
    int at = 0;
    ATTI_TRY(atti_explanation_check(x, e, out, "att_explain_head"));
    ATTI_TRY(atti_explanation_kind(e, kind, &at));
    const atti_map *m = &e->map[at];
    if (layer < 1 || layer > m->site.layers || head < 1 || head > m->site.heads)
        return atti_fail(ATT_EINVAL,
                         "layer %lld, head %lld: %s has layers 1..%lld, heads 1..%lld",
                         (long long)layer, (long long)head, atti_site_name(&m->site),
                         (long long)m->site.layers, (long long)m->site.heads);
    taker u = {.lens = &x->look,
               .sites = sites,
               .site = at,
               .layer = layer - 1,
               .head = head - 1,
               .heads = ATT_NO_VAR,
               .out = &h};
    u.weights = m->w + ((layer - 1) * m->site.heads + head - 1) * m->rows * m->cols;
    ATTI_TRY(atti_lens_sites(&x->look, sites, &u.n_sites));
    ATTI_TRY(atti_explanation_batch(e, 1, &b, &block));
    att_status st = atti_lens_run(&x->look, &b, take, &u, 0);
    atti_free(block);
    if (st != ATT_OK) {
        att_head_numbers_deinit(&h);
        return st;
    }
    h.size = sizeof h;
    *out = h;
    return ATT_OK;
}
