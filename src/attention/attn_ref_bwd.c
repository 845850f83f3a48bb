/* attn_ref_bwd.c - the plain reference's backward: the chain rule of attn_ref.c, term by
 * term, in doubles that are rounded once at the end. */
#include "attention/attn_ref.h"
#include "base/alloc.h"
#include <math.h>
#include <string.h>

/* Gradients in double, contiguous, rows counted through the batch; NULL = not wanted. */
typedef struct sums {
    double *dq, *dk, *dv; /* [rows,H,D] [rows,G,Dk] [rows,G,E] */
    double *dbias;        /* [product of dbias_shape] */
    double *dscore_w, *dscore_b, *dprior_w, *dsink, *dalibi, *dt5, *drel_k, *drel_v,
        *dedge_bias;
} sums;

typedef struct job {
    const atti_attn_call *c;
    const atti_attn_grad_call *g;
    atti_ref_row row;
    sums s;
    double *dalpha, *de; /* [longest row] */
} job;

static int64_t key_row(const atti_attn_call *c, int64_t b, int64_t s)
{
    return c->ragged ? c->k_off[b] + s : b * c->s + s;
}

static double row_dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void values_backward(job *j, const double *dout)
{
    const atti_attn_call *c = j->c;
    atti_ref_row *r = &j->row;
    double v[256];
    for (int64_t i = 0; i < r->n; i++) {
        int64_t s = r->key[i], rel = atti_ref_shaw(r, s);
        double w = r->alpha[i] * r->drop[i], sum = 0;
        double *dv = j->s.dv
                         ? j->s.dv + (key_row(c, r->b, s) * c->kv_heads + r->g) * c->e
                         : NULL;
        atti_ref_value(r, s, v);
        for (int64_t x = 0; x < c->e; x++) {
            if (c->rel_v) v[x] += atti_attn_par(c, c->rel_v, rel * c->e + x);
            sum += dout[x] * v[x];
            if (dv) dv[x] += w * dout[x];
            if (j->s.drel_v) j->s.drel_v[rel * c->e + x] += w * dout[x];
        }
        j->dalpha[i] = r->drop[i] != 0 ? sum * r->drop[i] : 0;
    }
}

static void normalise_backward(job *j)
{
    const atti_attn_call *c = j->c;
    atti_ref_row *r = &j->row;
    const double *p = r->alpha, *da = j->dalpha;
    double *de = j->de, mean = 0, count = 0;
    switch (c->desc->normalise) {
    case ATT_NORM_HARD_SAMPLE:
        if (c->desc->reinforce) {
            double adv =
                atti_ref_get(c->advantage.data, c->advantage.dtype,
                             atti_attn_qoff(c, &c->advantage, r->b, r->t, r->h));
            for (int64_t i = 0; i < r->n; i++)
                de[i] = r->picked < 0 ? 0 : adv * ((i == r->picked) - r->soft[i]);
            return;
        }
        p = r->soft;
        break;
    case ATT_NORM_HARD_ARGMAX: p = r->soft; break;
    case ATT_NORM_RELU:
        for (int64_t i = 0; i < r->n; i++) de[i] = r->e[i] > 0 ? da[i] : 0;
        return;
    case ATT_NORM_RELU_ROW:
        mean = row_dot(p, da, r->n);
        for (int64_t i = 0; i < r->n; i++)
            de[i] = r->e[i] > 0 ? (da[i] - mean) / r->lse : 0;
        return;
    case ATT_NORM_SPARSEMAX:
        for (int64_t i = 0; i < r->n; i++) {
            if (p[i] <= 0) continue;
            mean += da[i];
            count += 1;
        }
        for (int64_t i = 0; i < r->n; i++) de[i] = p[i] > 0 ? da[i] - mean / count : 0;
        return;
    default: break;
    }
    mean = row_dot(p, da, r->n);
    for (int64_t i = 0; i < r->n; i++) de[i] = p[i] * (da[i] - mean);
    if (j->s.dsink) j->s.dsink[r->h] -= (double)c->inv_temp * r->sink * mean;
}

/* dx of one score -> everything that was added to it. */
static void terms_backward(job *j, int64_t i, double dx)
{
    const atti_attn_call *c = j->c;
    const atti_attn_grad_call *g = j->g;
    const atti_ref_row *r = &j->row;
    int64_t s = r->key[i];
    if (j->s.dbias) {
        const int64_t at[4] = {r->b, r->h, r->t, s}, *n = g->dbias_shape;
        int64_t k = 0;
        for (int d = 0; d < 4; d++) k = k * n[d] + (n[d] == 1 ? 0 : at[d]);
        j->s.dbias[k] += dx;
    }
    if (j->s.dprior_w) {
        int64_t at = r->b * c->prior.sb + r->h * c->prior.sh + r->t * c->prior.st +
                     s * c->prior.ss;
        double prior =
            c->prior.data64 ? c->prior.data64[at] : (double)c->prior.data[at];
        j->s.dprior_w[r->h * c->prior_w_head] += dx * prior;
    }
    if (j->s.dalibi) j->s.dalibi[r->h] -= dx * fabs((double)(r->p - s));
    if (j->s.dt5)
        j->s.dt5[atti_attn_t5_bucket(s - r->p, c->desc->t5_buckets,
                                     c->desc->t5_max_distance,
                                     c->desc->t5_bidirectional != 0) *
                     c->heads +
                 r->h] += dx;
    if (j->s.dedge_bias)
        j->s.dedge_bias[(r->edge0 + i) * c->edge_bias_ld + r->h * c->edge_bias_head] +=
            dx;
}

static void add_form_backward(job *j, double ds, const double *k, double *dq,
                              double *dk)
{
    const atti_attn_call *c = j->c;
    const atti_ref_row *r = &j->row;
    for (int64_t i = 0; i < c->d; i++) {
        int64_t iw = r->h * c->score_w_head + i, ib = r->h * c->score_b_head + i;
        double x = r->q[i] + k[i] + (c->score_b ? atti_attn_par(c, c->score_b, ib) : 0);
        double y, dy, leaky = (double)c->desc->leaky;
        if (c->desc->score == ATT_SCORE_ADDITIVE) {
            y = tanh(x);
            dy = 1 - y * y;
        } else {
            y = x > 0 ? x : leaky * x;
            dy = x > 0 ? 1 : leaky;
        }
        double dx = ds * atti_attn_par(c, c->score_w, iw) * dy;
        dq[i] += dx;
        dk[i] += dx;
        if (j->s.dscore_w) j->s.dscore_w[iw] += ds * y;
        if (j->s.dscore_b) j->s.dscore_b[ib] += dx;
    }
}

static void bilinear_backward(job *j, double ds, const double *k, double *dq,
                              double *dk)
{
    const atti_attn_call *c = j->c;
    const atti_ref_row *r = &j->row;
    for (int64_t i = 0; i < c->d; i++)
        for (int64_t x = 0; x < c->dk; x++) {
            int64_t iw = r->h * c->score_w_head + i * c->dk + x;
            double w = atti_attn_par(c, c->score_w, iw);
            dq[i] += ds * w * k[x];
            dk[x] += ds * w * r->q[i];
            if (j->s.dscore_w) j->s.dscore_w[iw] += ds * r->q[i] * k[x];
        }
}

static void cosine_backward(job *j, double ds, const double *k, double *dq, double *dk)
{
    const atti_ref_row *r = &j->row;
    int64_t d = j->c->d;
    double nq = sqrt(row_dot(r->q, r->q, d)), nk = sqrt(row_dot(k, k, d));
    if (!(nq > 0 && nk > 0)) return;
    double cosine = row_dot(r->q, k, d) / (nq * nk);
    for (int64_t i = 0; i < d; i++) {
        dq[i] += ds * (k[i] / (nq * nk) - cosine * r->q[i] / (nq * nq));
        dk[i] += ds * (r->q[i] / (nq * nk) - cosine * k[i] / (nk * nk));
    }
}

static void score_backward(job *j, int64_t i, double ds, double *dq, double *dq_raw)
{
    const atti_attn_call *c = j->c;
    const atti_ref_row *r = &j->row;
    int64_t s = r->key[i];
    double k[256], dk[256] = {0};
    atti_ref_key(r, s, k);
    /* No default: a score without its line here does not compile without a warning. */
    switch ((att_score)c->desc->score) {
    case ATT_SCORE_DOT:
        for (int64_t x = 0; x < c->d; x++) {
            dq[x] += ds * k[x];
            dk[x] += ds * r->q[x];
        }
        break;
    case ATT_SCORE_BILINEAR: bilinear_backward(j, ds, k, dq, dk); break;
    case ATT_SCORE_COSINE: cosine_backward(j, ds, k, dq, dk); break;
    case ATT_SCORE_ADDITIVE:
    case ATT_SCORE_GAT: add_form_backward(j, ds, k, dq, dk); break;
    }
    if (c->rel_k) {
        int64_t rel = atti_ref_shaw(r, s);
        for (int64_t x = 0; x < c->d; x++) {
            dq_raw[x] += ds * atti_attn_par(c, c->rel_k, rel * c->d + x);
            if (j->s.drel_k) j->s.drel_k[rel * c->d + x] += ds * r->q_raw[x];
        }
    }
    if (c->rope_k) atti_attn_rope_f64(dk, c, s, -1);
    if (!j->s.dk) return;
    double *out = j->s.dk + (key_row(c, r->b, s) * c->kv_heads + r->g) * c->dk;
    for (int64_t x = 0; x < c->dk; x++) out[x] += dk[x];
}

static void backward_row(job *j)
{
    const atti_attn_call *c = j->c;
    atti_ref_row *r = &j->row;
    double dout[256], dq[256] = {0}, dq_raw[256] = {0};
    int64_t at = atti_attn_qoff(c, &j->g->dout, r->b, r->t, r->h);
    for (int64_t x = 0; x < c->e; x++)
        dout[x] = atti_ref_get(j->g->dout.data, c->dtype, at + x);
    values_backward(j, dout);
    normalise_backward(j);
    for (int64_t i = 0; i < r->n; i++) {
        double dx = j->de[i] * (double)c->inv_temp;
        if (dx == 0) continue;
        terms_backward(j, i, dx);
        if (c->softcap > 0) dx *= 1 - r->capped[i] * r->capped[i];
        score_backward(j, i, dx * (double)c->scale, dq, dq_raw);
    }
    if (!j->s.dq) return;
    if (c->rope_q) atti_attn_rope_f64(dq, c, r->p, -1);
    double *out =
        j->s.dq + ((int64_t)atti_attn_row(c, r->b, r->t) * c->heads + r->h) * c->d;
    for (int64_t x = 0; x < c->d; x++) out[x] = dq[x] + dq_raw[x];
}

static int64_t params(const att_tensor *t)
{
    return t ? att_tensor_count(t) : 0;
}

/* One entry for each thing that can be wanted: where its sum is, how many elements. */
static att_status alloc_sums(job *j)
{
    const atti_attn_call *c = j->c;
    const atti_attn_grad_call *g = j->g;
    const att_attention_args *a = c->args;
    const struct {
        double **p;
        const void *wanted;
        int64_t n;
    } all[] = {{&j->s.dq, g->dq.data, c->n_rows * c->heads * c->d},
               {&j->s.dk, g->dk.data, c->m_rows * c->kv_heads * c->dk},
               {&j->s.dv, g->dv.data, c->m_rows * c->kv_heads * c->e},
               {&j->s.dbias, g->dbias, params(a->bias)},
               {&j->s.dscore_w, g->dscore_w, params(a->score_w)},
               {&j->s.dscore_b, g->dscore_b, params(a->score_b)},
               {&j->s.dprior_w, g->dprior_w, params(a->prior_w)},
               {&j->s.dsink, g->dsink_logit, c->heads},
               {&j->s.dalibi, g->dalibi, c->heads},
               {&j->s.dt5, g->dt5, c->t5_buckets * c->heads},
               {&j->s.drel_k, g->drel_k, params(a->rel_k)},
               {&j->s.drel_v, g->drel_v, params(a->rel_v)},
               {&j->s.dedge_bias, g->dedge_bias, params(a->edge_bias)}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].wanted)
            ATTI_TRY(atti_alloc(all[i].p, (size_t)all[i].n, sizeof(double),
                                "attention reference gradient"));
    int64_t room = c->s;
    for (int64_t n = 0; c->edges && n < c->n_rows; n++) {
        int64_t deg = atti_attn_edge_begin(c, n + 1) - atti_attn_edge_begin(c, n);
        if (deg > room) room = deg;
    }
    ATTI_TRY(
        atti_alloc(&j->dalpha, (size_t)room, sizeof(double), "attention reference"));
    return atti_alloc(&j->de, (size_t)room, sizeof(double), "attention reference");
}

static void free_job(job *j)
{
    double *all[] = {j->s.dq,         j->s.dk,       j->s.dv,       j->s.dbias,
                     j->s.dscore_w,   j->s.dscore_b, j->s.dprior_w, j->s.dsink,
                     j->s.dalibi,     j->s.dt5,      j->s.drel_k,   j->s.drel_v,
                     j->s.dedge_bias, j->dalpha,     j->de};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) atti_free(all[i]);
    atti_ref_row_destroy(&j->row);
}

static void put(const job *j, void *data, int32_t dtype, int64_t at, double x)
{
    atti_ref_put(data, dtype, at,
                 x + (j->g->accumulate ? atti_ref_get(data, dtype, at) : 0));
}

static void store_flat(const job *j, void *out, const double *sum, int64_t n)
{
    int32_t dtype = j->c->dtype == ATT_F64 ? ATT_F64 : ATT_F32;
    for (int64_t i = 0; out && i < n; i++) put(j, out, dtype, i, sum[i]);
}

static void store_bias(const job *j)
{
    const atti_attn_grad_call *g = j->g;
    const int64_t *n = g->dbias_shape;
    int32_t dtype = j->c->dtype == ATT_F64 ? ATT_F64 : ATT_F32;
    int64_t i = 0;
    for (int64_t b = 0; b < n[0]; b++)
        for (int64_t h = 0; h < n[1]; h++)
            for (int64_t t = 0; t < n[2]; t++)
                for (int64_t s = 0; s < n[3]; s++)
                    put(j, g->dbias, dtype,
                        b * g->dbias_sb + h * g->dbias_sh + t * g->dbias_st +
                            s * g->dbias_ss,
                        j->s.dbias[i++]);
}

static void store_rows(const job *j, const atti_attn_view *w, const double *sum,
                       bool queries, int64_t heads, int64_t width)
{
    const atti_attn_call *c = j->c;
    if (!w->data) return;
    for (int64_t b = 0; b < c->n_batch; b++) {
        int64_t rows = queries     ? atti_attn_nq(c, b)
                       : c->ragged ? atti_attn_nk(c, b)
                                   : c->s;
        for (int64_t i = 0; i < rows; i++)
            for (int64_t h = 0; h < heads; h++) {
                int64_t row =
                    queries ? (int64_t)atti_attn_row(c, b, i) : key_row(c, b, i);
                int64_t at = queries ? atti_attn_qoff(c, w, b, i, h)
                                     : atti_attn_koff(c, w, b, i, h);
                for (int64_t x = 0; x < width; x++)
                    put(j, w->data, w->dtype, at + x,
                        sum[(row * heads + h) * width + x]);
            }
    }
}

static void store(const job *j)
{
    const atti_attn_call *c = j->c;
    const atti_attn_grad_call *g = j->g;
    const att_attention_args *a = c->args;
    store_rows(j, &g->dq, j->s.dq, true, c->heads, c->d);
    store_rows(j, &g->dk, j->s.dk, false, c->kv_heads, c->dk);
    store_rows(j, &g->dv, j->s.dv, false, c->kv_heads, c->e);
    if (g->dbias) store_bias(j);
    store_flat(j, g->dscore_w, j->s.dscore_w, params(a->score_w));
    store_flat(j, g->dscore_b, j->s.dscore_b, params(a->score_b));
    store_flat(j, g->dprior_w, j->s.dprior_w, params(a->prior_w));
    store_flat(j, g->dsink_logit, j->s.dsink, c->heads);
    store_flat(j, g->dalibi, j->s.dalibi, c->heads);
    store_flat(j, g->dt5, j->s.dt5, c->t5_buckets * c->heads);
    store_flat(j, g->drel_k, j->s.drel_k, params(a->rel_k));
    store_flat(j, g->drel_v, j->s.drel_v, params(a->rel_v));
    store_flat(j, g->dedge_bias, j->s.dedge_bias, params(a->edge_bias));
}

att_status atti_attn_ref_backward(const atti_attn_call *c, const atti_attn_grad_call *g)
{
    job j;
    memset(&j, 0, sizeof j);
    j.c = c;
    j.g = g;
    att_status st = atti_ref_row_create(&j.row, c);
    if (!st) st = alloc_sums(&j);
    for (int64_t b = 0; !st && b < c->n_batch; b++)
        for (int64_t h = 0; h < c->heads; h++)
            for (int64_t t = 0; t < atti_attn_nq(c, b); t++) {
                atti_ref_row_run(&j.row, b, h, t);
                backward_row(&j);
            }
    if (!st) store(&j);
    free_job(&j);
    return st;
}
