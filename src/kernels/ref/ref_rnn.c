/* ref_rnn.c - recurrent cells and their attention in plain C with libm: the oracle. */
#include "kernels/ref/ref.h"
#include "kernels/rnn.h"
#include <math.h>

static double s(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double in(const atti_rnn_row *r, int64_t at)
{
    return (double)r->gates[at] + (r->feed ? (double)r->feed[at] : 0.0);
}

static void gru(const atti_rnn_row *r)
{
    int64_t n = r->n;
    for (int64_t i = 0; i < n; i++) {
        double hn = (double)r->recur[2 * n + i];
        double a = s(in(r, i) + (double)r->recur[i]);
        double z = s(in(r, n + i) + (double)r->recur[n + i]);
        double c = tanh(in(r, 2 * n + i) + a * hn);
        r->h[i] = r->y[i] = (float)(c + z * ((double)r->h[i] - c));
        r->gates[i] = (float)a;
        r->gates[n + i] = (float)z;
        r->gates[2 * n + i] = (float)c;
        r->gates[3 * n + i] = (float)hn;
    }
}

static void gru_bwd(const atti_rnn_row *r)
{
    int64_t n = r->n;
    for (int64_t i = 0; i < n; i++) {
        double a = (double)r->gates[i], z = (double)r->gates[n + i];
        double c = (double)r->gates[2 * n + i], hn = (double)r->gates[3 * n + i];
        double dh = (double)r->dh[i];
        double dz = dh * ((double)r->h[i] - c) * z * (1.0 - z);
        double dc = dh * (1.0 - z) * (1.0 - c * c);
        r->gates[i] = r->dgh[i] = (float)(dc * hn * a * (1.0 - a));
        r->gates[n + i] = r->dgh[n + i] = (float)dz;
        r->gates[2 * n + i] = (float)dc;
        r->gates[3 * n + i] = r->dgh[2 * n + i] = (float)(dc * a);
        r->dh[i] = (float)(dh * z);
    }
}

static void lstm(const atti_rnn_row *r)
{
    int64_t n = r->n;
    for (int64_t i = 0; i < n; i++) {
        double a = s(in(r, i) + (double)r->recur[i]);
        double f = s(in(r, n + i) + (double)r->recur[n + i]);
        double g = tanh(in(r, 2 * n + i) + (double)r->recur[2 * n + i]);
        double o = s(in(r, 3 * n + i) + (double)r->recur[3 * n + i]);
        double c = f * (double)r->c[i] + a * g;
        r->c[i] = (float)c;
        if (r->c_out) r->c_out[i] = (float)c;
        r->h[i] = r->y[i] = (float)(o * tanh(c));
        r->gates[i] = (float)a;
        r->gates[n + i] = (float)f;
        r->gates[2 * n + i] = (float)g;
        r->gates[3 * n + i] = (float)o;
    }
}

static void lstm_bwd(const atti_rnn_row *r)
{
    int64_t n = r->n;
    for (int64_t i = 0; i < n; i++) {
        double a = (double)r->gates[i], f = (double)r->gates[n + i];
        double g = (double)r->gates[2 * n + i], o = (double)r->gates[3 * n + i];
        double c = r->c ? (double)r->c[i] : 0.0, t = tanh((double)r->c_out[i]);
        double dh = (double)r->dh[i];
        double dc = (double)r->dc[i] + dh * o * (1.0 - t * t);
        r->gates[i] = r->dgh[i] = (float)(dc * g * a * (1.0 - a));
        r->gates[n + i] = r->dgh[n + i] = (float)(dc * c * f * (1.0 - f));
        r->gates[2 * n + i] = r->dgh[2 * n + i] = (float)(dc * a * (1.0 - g * g));
        r->gates[3 * n + i] = r->dgh[3 * n + i] = (float)(dh * t * o * (1.0 - o));
        r->dc[i] = (float)(dc * f);
        r->dh[i] = 0.0f;
    }
}

static void add(const atti_rnn_add *x)
{
    for (int64_t j = 0; j < x->n; j++) {
        double sum = 0.0;
        for (int64_t k = 0; k < x->w; k++)
            sum += (double)x->v[k] *
                   tanh((double)x->q[k] + (double)x->keys[j * x->ld + k]);
        x->e[j] = (float)sum;
    }
}

static void add_bwd(const atti_rnn_add *x)
{
    for (int64_t k = 0; k < x->w; k++) {
        double dq = 0.0, dv = 0.0, v = (double)x->v[k];
        for (int64_t j = 0; j < x->n; j++) {
            int64_t at = j * x->ld + k;
            double de = (double)x->e[j];
            double t = tanh((double)x->q[k] + (double)x->keys[at]);
            double d = de * v * (1.0 - t * t);
            dq += d;
            dv += de * t;
            if (x->dkeys) x->dkeys[at] = (float)((double)x->dkeys[at] + d);
        }
        x->dq[k] = (float)((double)x->dq[k] + dq);
        x->dv[k] = (float)((double)x->dv[k] + dv);
    }
}

static void dots(float *e, const float *q, const float *keys, int64_t n, int64_t w,
                 int64_t ld)
{
    for (int64_t j = 0; j < n; j++) {
        double sum = 0.0;
        for (int64_t k = 0; k < w; k++) sum += (double)q[k] * (double)keys[j * ld + k];
        e[j] = (float)sum;
    }
}

static void mix(float *y, const float *e, const float *keys, int64_t n, int64_t w,
                int64_t ld)
{
    for (int64_t k = 0; k < w; k++) {
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++) sum += (double)e[j] * (double)keys[j * ld + k];
        y[k] = (float)sum;
    }
}

static void spread(float *rows, const float *e, const float *x, int64_t n, int64_t w,
                   int64_t ld)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t k = 0; k < w; k++) rows[j * ld + k] += e[j] * x[k];
}

const atti_rnn_kernels atti_ref_rnn = {
    .gru = gru,
    .gru_bwd = gru_bwd,
    .lstm = lstm,
    .lstm_bwd = lstm_bwd,
    .add = add,
    .add_bwd = add_bwd,
    .dots = dots,
    .mix = mix,
    .spread = spread,
};
