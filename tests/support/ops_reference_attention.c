/* ops_reference_attention.c - ragged dot-product attention in plain double loops: the whole
 * row of weights, one query at a time. The other scores and normalisers are compared in
 * tests/unit/attention; here it is the operator's plumbing that matters: column ranges,
 * offsets, heads, gradients that add up, dropout's numbering. */
#include "ops_reference.h"

#include <math.h>
#include <stdlib.h>

enum {
    HEADS,
    KV_HEADS,
    D,
    E,
    CAUSAL,
    LEFT,
    RIGHT,
    SCALE,
    DROPOUT,
    SELF,
    FUSED,
    BIAS_PER_HEAD
};

typedef struct pass {
    ops_case *c;
    int64_t q0, nq, k0, nk; /* the sequence's rows */
    int64_t h, g;           /* head, key head */
    const int32_t *list;    /* edges: the keys of a query; NULL: k0 .. k0 + nk - 1 */
    int64_t edge0;
    double scale, *weight, *keep;
} pass;

static int64_t attr(const pass *p, int i)
{
    return (int64_t)p->c->attr[i];
}

static int sees(const pass *p, int64_t t, int64_t s)
{
    int64_t at = t + p->nk - p->nq;
    if (p->list) return 1;
    if (attr(p, CAUSAL) && s > at) return 0;
    if (attr(p, LEFT) >= 0 && s < at - attr(p, LEFT)) return 0;
    return attr(p, RIGHT) < 0 || s <= at + attr(p, RIGHT);
}

/* Element of an operand [rows, heads * width]. */
static int64_t place(const ops_mat *m, int64_t row, int64_t head, int64_t width)
{
    return row * m->cols + head * width;
}

static int64_t key_of(const pass *p, int64_t s)
{
    return p->list ? p->list[s] : p->k0 + s;
}

/* Where the pair's bias stands, in q_offsets' order or the edges'; -1: none. */
static int64_t bias_at(const pass *p, const ops_mat **m, int64_t t, int64_t s)
{
    *m = &p->c->in[p->list ? 8 : 5];
    if ((*m)->cols == 0) return -1;
    if (p->list) return (p->edge0 + s) * (*m)->cols + ((*m)->cols > 1 ? p->h : 0);
    int64_t rows = (*m)->rows / (attr(p, BIAS_PER_HEAD) ? attr(p, HEADS) : 1);
    int64_t row = rows > 1 ? t : 0;
    if (attr(p, BIAS_PER_HEAD)) row += p->h * rows;
    return row * (*m)->cols + ((*m)->cols > 1 ? s : 0);
}

static void weights(const pass *p, int64_t t)
{
    const ops_case *c = p->c;
    const float *q = c->in[0].f + place(&c->in[0], p->q0 + t, p->h, attr(p, D));
    /* Dropout numbers a row by query and head; its key is the node's, stream 1. */
    atti_drop d = {0};
    uint64_t node = atti_key(c->seed, c->step, c->attr[FUSED] != 0);
    if (c->training) d = atti_drop_make((float)c->attr[DROPOUT], atti_key(node, 0, 1));
    uint32_t key =
        atti_drop_rowkey(d.key, (uint64_t)((p->q0 + t) * attr(p, HEADS) + p->h));
    double high = -INFINITY, sum = 0;
    for (int64_t s = 0; s < p->nk; s++) {
        const float *k = c->in[1].f + place(&c->in[1], key_of(p, s), p->g, attr(p, D));
        const ops_mat *m;
        int64_t at = bias_at(p, &m, t, s);
        double e = 0;
        for (int64_t i = 0; i < attr(p, D); i++) e += (double)q[i] * (double)k[i];
        e = e * p->scale + (at >= 0 ? (double)m->f[at] : 0);
        p->weight[s] = sees(p, t, s) ? e : -INFINITY;
        high = fmax(high, p->weight[s]);
        int kept = atti_drop_bits(key, (uint32_t)s) >= d.threshold;
        p->keep[s] = d.threshold == 0 ? 1 : kept ? (double)d.scale : 0;
    }
    for (int64_t s = 0; s < p->nk; s++) {
        p->weight[s] = high > -INFINITY ? exp(p->weight[s] - high) : 0;
        sum += p->weight[s];
    }
    for (int64_t s = 0; s < p->nk && sum > 0; s++) p->weight[s] /= sum;
}

static void query(const pass *p, int64_t t)
{
    ops_case *c = p->c;
    ops_mat *q = &c->in[0], *k = &c->in[1], *v = &c->in[2];
    int64_t width = attr(p, D), e = attr(p, E);
    int64_t q_at = place(q, p->q0 + t, p->h, width);
    int64_t y_at = place(&c->out[0], p->q0 + t, p->h, e);
    const float *dy = c->out[0].f + y_at;
    double mean = 0;
    weights(p, t);
    for (int64_t s = 0; s < p->nk; s++) {
        int64_t v_at = place(v, key_of(p, s), p->g, e);
        double w = p->weight[s] * p->keep[s], dw = 0;
        for (int64_t i = 0; i < e; i++) {
            c->out[0].y[y_at + i] += w * (double)v->f[v_at + i];
            v->d[v_at + i] += w * (double)dy[i];
            dw += (double)dy[i] * (double)v->f[v_at + i];
        }
        p->keep[s] *= dw;
        mean += p->weight[s] * p->keep[s];
    }
    for (int64_t s = 0; s < p->nk; s++) {
        int64_t k_at = place(k, key_of(p, s), p->g, width);
        const ops_mat *m;
        int64_t at = bias_at(p, &m, t, s);
        double de = p->weight[s] * (p->keep[s] - mean);
        if (at >= 0) m->d[at] += de;
        de *= p->scale;
        for (int64_t i = 0; i < width; i++) {
            q->d[q_at + i] += de * (double)k->f[k_at + i];
            k->d[k_at + i] += de * (double)q->f[q_at + i];
        }
    }
}

static void by_edges(pass *p)
{
    const int32_t *row_ptr = p->c->in[6].i, *col = p->c->in[7].i;
    for (int64_t n = 0; n < p->c->in[0].rows; n++)
        for (p->h = 0; p->h < attr(p, HEADS); p->h++) {
            p->g = p->h / (attr(p, HEADS) / attr(p, KV_HEADS));
            p->list = col + row_ptr[n];
            p->edge0 = row_ptr[n];
            p->nk = row_ptr[n + 1] - row_ptr[n];
            query(p, n);
        }
}

/* attention(q, k, v, q_offsets, k_offsets, bias, edge_row_ptr, edge_col, edge_bias). */
void ops_ref_attention(ops_case *c)
{
    pass p = {.c = c};
    size_t most = (size_t)(c->in[1].rows + c->in[7].rows) + 1;
    p.weight = malloc(most * sizeof *p.weight);
    p.keep = malloc(most * sizeof *p.keep);
    p.scale = c->attr[SCALE] != 0 ? c->attr[SCALE] : 1 / sqrt(c->attr[D]);
    const int32_t *off_q = c->in[3].i, *off_k = c->attr[SELF] != 0 ? off_q : c->in[4].i;
    if (c->in[6].cols) by_edges(&p);
    for (int64_t b = 0; !c->in[6].cols && b + 1 < c->in[3].rows; b++)
        for (p.h = 0; p.h < attr(&p, HEADS); p.h++) {
            p.g = p.h / (attr(&p, HEADS) / attr(&p, KV_HEADS));
            p.q0 = off_q[b], p.nq = off_q[b + 1] - off_q[b];
            p.k0 = off_k[b], p.nk = off_k[b + 1] - off_k[b];
            for (int64_t t = 0; t < p.nq; t++) query(&p, t);
        }
    free(p.weight);
    free(p.keep);
}
