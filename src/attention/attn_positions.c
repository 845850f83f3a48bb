/* attn_positions.c - the position terms that are numbers alone: ALiBi's slopes, T5's
 * buckets, the rotation of one row. */
#include "attention/attn_internal.h"
#include <math.h>

double atti_attn_slope(const atti_attn_call *c, int64_t h)
{
    if (!c->use_alibi) return 0.0;
    if (c->alibi) return atti_attn_par(c, c->alibi, h);
    return exp2(-8.0 * (double)(h + 1) / (double)c->heads);
}

int32_t atti_attn_t5_bucket(int64_t r, int32_t buckets, int32_t max_distance,
                            bool bidirectional)
{
    int32_t first = 0;
    if (bidirectional) {
        buckets /= 2;
        if (r > 0) first = buckets;
        r = r < 0 ? -r : r;
    } else {
        r = r < 0 ? -r : 0;
    }
    int32_t exact = buckets / 2;
    if (r < exact) return first + (int32_t)r;
    /* In f32 on purpose: published weights were trained with buckets rounded this way,
     * and at r = exact * 2^i the last bit decides. */
    float at = logf((float)r / (float)exact) /
               (float)log((double)max_distance / (double)exact) *
               (float)(buckets - exact);
    if (at >= (float)(buckets - 1 - exact)) return first + buckets - 1;
    return first + exact + (int32_t)at;
}

/* cos and sin of pair j at position pos. In double: at position 1e5 an f32 angle is off
 * by 4e-3. */
static void angle(const atti_attn_call *c, int64_t pos, int64_t j, double *cs,
                  double *sn)
{
    const att_attention_desc *d = c->desc;
    double f = c->rope_freqs ? atti_attn_par(c, c->rope_freqs, j)
                             : pow((double)d->rope_theta,
                                   -2.0 * (double)j / (double)c->rope_dims);
    double a = ((double)(pos + d->rope_offset) * (double)d->rope_position_scale) * f;
    *cs = cos(a);
    *sn = sin(a);
}

static void pair(const atti_attn_call *c, int64_t j, int64_t *a, int64_t *b)
{
    bool half = c->desc->rope == ATT_ROPE_HALF;
    *a = half ? j : 2 * j;
    *b = half ? j + c->rope_dims / 2 : 2 * j + 1;
}

void atti_attn_rope_f64(double *x, const atti_attn_call *c, int64_t pos, int dir)
{
    for (int64_t j = 0; j < c->rope_dims / 2; j++) {
        int64_t ia, ib;
        double cs, sn;
        pair(c, j, &ia, &ib);
        angle(c, pos, j, &cs, &sn);
        sn *= dir;
        double a = x[ia], b = x[ib];
        x[ia] = a * cs - b * sn;
        x[ib] = b * cs + a * sn;
    }
}

void atti_attn_rope_table(float *cs_sn, const atti_attn_call *c, int64_t pos)
{
    for (int64_t j = 0; j < c->rope_dims / 2; j++) {
        double cs, sn;
        angle(c, pos, j, &cs, &sn);
        cs_sn[2 * j] = (float)cs;
        cs_sn[2 * j + 1] = (float)sn;
    }
}

void atti_attn_rope_apply(float *x, const atti_attn_call *c, const float *cs_sn,
                          int dir)
{
    float sign = (float)dir;
    for (int64_t j = 0; j < c->rope_dims / 2; j++) {
        int64_t ia, ib;
        pair(c, j, &ia, &ib);
        float cs = cs_sn[2 * j], sn = cs_sn[2 * j + 1] * sign, a = x[ia], b = x[ib];
        x[ia] = a * cs - b * sn;
        x[ib] = b * cs + a * sn;
    }
}

void atti_attn_rope_f32(float *x, const atti_attn_call *c, int64_t pos, int dir)
{
    float table[256];
    atti_attn_rope_table(table, c, pos);
    atti_attn_rope_apply(x, c, table, dir);
}
