/* attn_ref.c - the plain reference's forward: one row of scores, weights and output.
 *
 * Clarity is all that counts here. Who-sees-whom is written as a predicate on (t, s), not
 * as ranges, so that it can disagree with the ranges that the fast paths use. */
#include "attention/attn_ref.h"
#include "base/alloc.h"
#include <math.h>
#include <string.h>

double atti_ref_get(const void *data, int32_t dtype, int64_t i)
{
    if (dtype == ATT_F64) return ((const double *)data)[i];
    if (dtype == ATT_F32) return ((const float *)data)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)data)[i] << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

void atti_ref_put(void *data, int32_t dtype, int64_t i, double x)
{
    if (dtype == ATT_F64) {
        ((double *)data)[i] = x;
        return;
    }
    float f = (float)x;
    if (dtype == ATT_F32) {
        ((float *)data)[i] = f;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (f != f)
        bits |= 0x400000u; /* stays a NaN after the cut */
    else
        bits += 0x7fffu + ((bits >> 16) & 1);
    ((uint16_t *)data)[i] = (uint16_t)(bits >> 16);
}

att_status atti_ref_row_create(atti_ref_row *r, const atti_attn_call *c)
{
    memset(r, 0, sizeof *r);
    r->c = c;
    int64_t room = c->s;
    for (int64_t n = 0; c->edges && n < c->n_rows; n++) {
        int64_t deg = atti_attn_edge_begin(c, n + 1) - atti_attn_edge_begin(c, n);
        if (deg > room) room = deg;
    }
    size_t n = (size_t)room + 1;
    double **d[] = {&r->base, &r->capped, &r->e, &r->alpha, &r->soft, &r->drop};
    att_status st = atti_alloc(&r->key, n, sizeof(int64_t), "attention reference row");
    if (!st) st = atti_alloc(&r->slot, n, sizeof(int64_t), "attention reference row");
    for (int i = 0; !st && i < 6; i++)
        st = atti_alloc(d[i], n, sizeof(double), "attention reference row");
    if (st) atti_ref_row_destroy(r);
    return st;
}

void atti_ref_row_destroy(atti_ref_row *r)
{
    atti_free(r->key);
    atti_free(r->slot);
    atti_free(r->base);
    atti_free(r->capped);
    atti_free(r->e);
    atti_free(r->alpha);
    atti_free(r->soft);
    atti_free(r->drop);
    memset(r, 0, sizeof *r);
}

static bool sees(const atti_ref_row *r, int64_t s)
{
    const atti_attn_call *c = r->c;
    int64_t p = r->p;
    if (c->right >= 0 && s - p > c->right) return false;
    if (c->left >= 0 && p - s > c->left && s >= c->sinks) return false;
    if (c->block > 0 && (p < 0 || s / c->block != p / c->block)) return false;
    if (!c->block_mask) return true;
    int64_t i = c->block > 0 ? p / c->block : r->b;
    int64_t row = c->block > 0 ? p % c->block : r->t,
            col = c->block > 0 ? s % c->block : s;
    return c->block_mask[(i % c->mask_blocks * c->mask_t + row) * c->mask_s + col] != 0;
}

static void visible(atti_ref_row *r)
{
    const atti_attn_call *c = r->c;
    r->n = 0;
    if (c->edges) {
        r->edge0 = atti_attn_edge_begin(c, r->t);
        int64_t end = atti_attn_edge_begin(c, r->t + 1);
        for (int64_t i = r->edge0; i < end; i++) {
            r->key[r->n] = c->edge_col[i];
            r->slot[r->n] = r->n;
            r->n++;
        }
        return;
    }
    for (int64_t s = 0; s < r->n_k; s++) {
        if (!sees(r, s)) continue;
        r->key[r->n] = s;
        r->slot[r->n++] = s;
    }
}

void atti_ref_key(const atti_ref_row *r, int64_t s, double *k)
{
    const atti_attn_call *c = r->c;
    int64_t at = c->paged ? atti_attn_pageoff(c, &c->k, c->k_page, r->b, s, r->g)
                          : atti_attn_koff(c, &c->k, r->b, s, r->g);
    for (int64_t i = 0; i < c->dk; i++)
        k[i] = atti_ref_get(c->k.data, c->dtype, at + i);
    if (c->rope_k) atti_attn_rope_f64(k, c, s, 1);
}

void atti_ref_value(const atti_ref_row *r, int64_t s, double *v)
{
    const atti_attn_call *c = r->c;
    int64_t at = c->paged ? atti_attn_pageoff(c, &c->v, c->v_page, r->b, s, r->g)
                          : atti_attn_koff(c, &c->v, r->b, s, r->g);
    for (int64_t i = 0; i < c->e; i++) v[i] = atti_ref_get(c->v.data, c->dtype, at + i);
}

int64_t atti_ref_shaw(const atti_ref_row *r, int64_t s)
{
    int64_t rel = s - r->p, clip = r->c->shaw;
    if (rel < -clip) rel = -clip;
    if (rel > clip) rel = clip;
    return rel + clip;
}

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double score(const atti_ref_row *r, int64_t s)
{
    const atti_attn_call *c = r->c;
    double k[256], sum = 0;
    atti_ref_key(r, s, k);
    /* No default: a score without its line here does not compile without a warning. */
    switch ((att_score)c->desc->score) {
    case ATT_SCORE_DOT: sum = dot(r->q, k, c->d); break;
    case ATT_SCORE_BILINEAR:
        for (int64_t i = 0; i < c->d; i++)
            for (int64_t j = 0; j < c->dk; j++)
                sum += r->q[i] * k[j] *
                       atti_attn_par(c, c->score_w,
                                     r->h * c->score_w_head + i * c->dk + j);
        break;
    case ATT_SCORE_COSINE: {
        double nq = sqrt(dot(r->q, r->q, c->d)), nk = sqrt(dot(k, k, c->d));
        sum = nq > 0 && nk > 0 ? dot(r->q, k, c->d) / (nq * nk) : 0;
        break;
    }
    case ATT_SCORE_ADDITIVE:
    case ATT_SCORE_GAT:
        for (int64_t i = 0; i < c->d; i++) {
            double x = r->q[i] + k[i];
            if (c->score_b)
                x += atti_attn_par(c, c->score_b, r->h * c->score_b_head + i);
            double y = c->desc->score == ATT_SCORE_ADDITIVE ? tanh(x)
                       : x > 0                              ? x
                               : x * (double)c->desc->leaky;
            sum += y * atti_attn_par(c, c->score_w, r->h * c->score_w_head + i);
        }
    }
    if (c->rel_k)
        for (int64_t i = 0; i < c->d; i++)
            sum += r->q_raw[i] *
                   atti_attn_par(c, c->rel_k, atti_ref_shaw(r, s) * c->d + i);
    return sum;
}

static double bias_at(const atti_attn_bias *b, const atti_ref_row *r, int64_t s)
{
    int64_t at = r->b * b->sb + r->h * b->sh + r->t * b->st + s * b->ss;
    if (b->data64) return b->data64[at];
    return b->data ? (double)b->data[at] : 0.0;
}

static double terms(const atti_ref_row *r, int64_t i)
{
    const atti_attn_call *c = r->c;
    int64_t s = r->key[i];
    double x = bias_at(&c->bias, r, s);
    if (c->prior_w)
        x += atti_attn_par(c, c->prior_w, r->h * c->prior_w_head) *
             bias_at(&c->prior, r, s);
    if (c->use_alibi) x -= atti_attn_slope(c, r->h) * fabs((double)(r->p - s));
    if (c->t5_table)
        x += atti_attn_par(c, c->t5_table,
                           atti_attn_t5_bucket(s - r->p, c->desc->t5_buckets,
                                               c->desc->t5_max_distance,
                                               c->desc->t5_bidirectional != 0) *
                                   c->heads +
                               r->h);
    if (c->edge_bias)
        x += atti_attn_par(c, c->edge_bias,
                           (r->edge0 + i) * c->edge_bias_ld + r->h * c->edge_bias_head);
    return x;
}

static double max_of(const double *x, int64_t n)
{
    double m = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (x[i] > m || x[i] != x[i]) m = x[i];
    return m;
}

static void softmax(atti_ref_row *r, double *out)
{
    const atti_attn_call *c = r->c;
    double sink = c->sink_logit
                      ? (double)c->inv_temp * atti_attn_par(c, c->sink_logit, r->h)
                      : -INFINITY;
    double m = max_of(r->e, r->n), sum = 0;
    if (sink > m) m = sink;
    r->lse = -INFINITY;
    r->sink = 0;
    for (int64_t i = 0; i < r->n; i++) out[i] = 0;
    if (m == -INFINITY) return;
    for (int64_t i = 0; i < r->n; i++) sum += exp(r->e[i] - m);
    sum += exp(sink - m);
    r->lse = m + log(sum);
    for (int64_t i = 0; i < r->n; i++) out[i] = exp(r->e[i] - m) / sum;
    r->sink = exp(sink - m) / sum;
}

static double gumbel(const atti_ref_row *r, int64_t i)
{
    uint64_t row =
        atti_attn_row(r->c, r->b, r->t) * (uint64_t)r->c->heads + (uint64_t)r->h;
    uint32_t bits =
        atti_drop_bits(atti_drop_rowkey(r->c->sample_key, row), (uint32_t)r->slot[i]);
    return -log(-log(((double)bits + 0.5) / 4294967296.0));
}

static void hard(atti_ref_row *r, bool sample)
{
    softmax(r, r->soft);
    double best = -INFINITY;
    for (int64_t i = 0; i < r->n; i++) {
        double x = r->e[i] + (sample ? gumbel(r, i) : 0);
        r->alpha[i] = 0;
        if (x > best) {
            best = x;
            r->picked = i;
        }
    }
    if (r->picked >= 0) r->alpha[r->picked] = 1;
}

/* tau by bisection of sum max(e - tau, 0) = 1, then once exactly from the support. */
static void sparsemax(atti_ref_row *r)
{
    double hi = max_of(r->e, r->n), lo = hi - 1, sum = 0, count = 0;
    r->lse = -INFINITY;
    for (int64_t i = 0; i < r->n; i++) r->alpha[i] = hi != hi ? hi : 0;
    if (hi == -INFINITY || hi != hi) return;
    for (int step = 0; step < 200; step++) {
        double mid = lo + (hi - lo) / 2, mass = 0;
        for (int64_t i = 0; i < r->n; i++) mass += r->e[i] > mid ? r->e[i] - mid : 0;
        if (mass >= 1)
            lo = mid;
        else
            hi = mid;
    }
    for (int64_t i = 0; i < r->n; i++) {
        if (r->e[i] <= hi) continue;
        sum += r->e[i];
        count += 1;
    }
    double tau = count > 0 ? (sum - 1) / count : lo;
    for (int64_t i = 0; i < r->n; i++) r->alpha[i] = r->e[i] > tau ? r->e[i] - tau : 0;
    r->lse = tau;
}

static void relu(atti_ref_row *r, bool by_row)
{
    double sum = 0;
    for (int64_t i = 0; i < r->n; i++) {
        r->alpha[i] = r->e[i] < 0 ? 0 : r->e[i]; /* NaN stays */
        sum += r->alpha[i];
    }
    r->lse = by_row ? sum : 0;
    if (!by_row) return;
    for (int64_t i = 0; i < r->n; i++) r->alpha[i] = sum != 0 ? r->alpha[i] / sum : 0;
}

static void normalise(atti_ref_row *r)
{
    r->picked = -1;
    r->sink = 0;
    switch (r->c->desc->normalise) {
    case ATT_NORM_SOFTMAX: softmax(r, r->alpha); break;
    case ATT_NORM_RELU: relu(r, false); break;
    case ATT_NORM_RELU_ROW: relu(r, true); break;
    case ATT_NORM_HARD_ARGMAX: hard(r, false); break;
    case ATT_NORM_HARD_SAMPLE: hard(r, true); break;
    default: sparsemax(r);
    }
}

void atti_ref_row_run(atti_ref_row *r, int64_t b, int64_t h, int64_t t)
{
    const atti_attn_call *c = r->c;
    r->b = b;
    r->h = h;
    r->g = h / c->group;
    r->t = t;
    r->n_q = atti_attn_nq(c, b);
    r->n_k = atti_attn_nk(c, b);
    r->p = t + r->n_k - r->n_q;
    visible(r);
    int64_t at = atti_attn_qoff(c, &c->q, b, t, h);
    for (int64_t i = 0; i < c->d; i++)
        r->q[i] = r->q_raw[i] = atti_ref_get(c->q.data, c->dtype, at + i);
    if (c->rope_q) atti_attn_rope_f64(r->q, c, r->p, 1);
    uint64_t row = atti_attn_row(c, b, t) * (uint64_t)c->heads + (uint64_t)h;
    uint32_t rowkey = atti_drop_rowkey(c->drop.key, row);
    for (int64_t i = 0; i < r->n; i++) {
        r->base[i] = score(r, r->key[i]);
        double x = r->base[i] * (double)c->scale;
        if (c->softcap > 0) {
            r->capped[i] = tanh(x / (double)c->softcap);
            x = r->capped[i] * (double)c->softcap;
        }
        r->e[i] = (x + terms(r, i)) * (double)c->inv_temp;
        bool kept = atti_drop_bits(rowkey, (uint32_t)r->slot[i]) >= c->drop.threshold;
        r->drop[i] = kept ? (double)c->drop.scale : 0;
    }
    normalise(r);
}

static void forward_row(atti_ref_row *r)
{
    const atti_attn_call *c = r->c;
    double out[256] = {0}, v[256];
    for (int64_t i = 0; i < r->n; i++) {
        double w = r->alpha[i] * r->drop[i];
        if (w == 0) continue;
        atti_ref_value(r, r->key[i], v);
        for (int64_t j = 0; j < c->e; j++) {
            out[j] += w * v[j];
            if (c->rel_v)
                out[j] += w * atti_attn_par(c, c->rel_v,
                                            atti_ref_shaw(r, r->key[i]) * c->e + j);
        }
    }
    int64_t at = atti_attn_qoff(c, &c->out, r->b, r->t, r->h);
    for (int64_t j = 0; j < c->e; j++)
        atti_ref_put(c->out.data, c->dtype, at + j, out[j]);
    if (c->lse.data)
        atti_ref_put(c->lse.data, c->lse.dtype,
                     atti_attn_qoff(c, &c->lse, r->b, r->t, r->h), r->lse);
    if (c->picked.data)
        ((int32_t *)c->picked.data)[atti_attn_qoff(c, &c->picked, r->b, r->t, r->h)] =
            r->picked >= 0 ? (int32_t)r->key[r->picked] : -1;
    if (c->picked_logp.data)
        atti_ref_put(c->picked_logp.data, ATT_F32,
                     atti_attn_qoff(c, &c->picked_logp, r->b, r->t, r->h),
                     r->picked >= 0 ? r->e[r->picked] - r->lse : 0);
}

att_status atti_attn_ref_forward(const atti_attn_call *c)
{
    atti_ref_row r;
    ATTI_TRY(atti_ref_row_create(&r, c));
    for (int64_t b = 0; b < c->n_batch; b++)
        for (int64_t h = 0; h < c->heads; h++)
            for (int64_t t = 0; t < atti_attn_nq(c, b); t++) {
                atti_ref_row_run(&r, b, h, t);
                forward_row(&r);
            }
    atti_ref_row_destroy(&r);
    return ATT_OK;
}
