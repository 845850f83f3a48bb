/* attn_rows.h - inner loops of attention that take one query row against n key rows, for
 * every member of the family. The generic path is made of them; edges and decoding have
 * their own. Same rules as kernels.h: void, no allocation, no threads, fixed order that
 * depends on n and the widths only. Widths 1..256. */
#ifndef ATTI_ATTN_ROWS_H
#define ATTI_ATTN_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* Softmax attention along edges: what is the same for all nodes. Queries of a node are
 * [heads, d] packed; key row i starts at k + i * ld_k, its heads k_head apart. */
typedef struct atti_attn_edges {
    const float *k, *v;
    int64_t ld_k, ld_v, k_head, v_head;
    int64_t heads, group, d, e;
    float scale;       /* multiplies q . k */
    float bias_scale;  /* multiplies bias and sink */
    const float *bias; /* of the node's first edge, bias_ld apart; NULL = none */
    int64_t bias_ld, bias_head;
    const float *sink; /* [heads] or NULL */
    int64_t after;     /* entries of col there are from the node's first edge on */
} atti_attn_edges;

/* Eight heads of width 8 side by side (or 16, ..), no bias: what graph attention mostly is. */
static inline int atti_attn_edges_8(const atti_attn_edges *p)
{
    return p->d == 8 && p->e == 8 && p->k_head == 8 && p->v_head == 8 &&
           p->heads % 8 == 0 && p->group == 1 && !p->bias;
}

enum { ATTI_ATTN_EDGE_BLOCK = 64 };

/* Its backward, for one node and up to ATTI_ATTN_EDGE_BLOCK of its edges, from either end:
 * at a query the far rows are keys and values, at a key they are queries and gradients of
 * outputs. s = scale a . x + bias_scale bias; weight w = exp(s - lse), ds = w (b . y - delta). */
typedef struct atti_attn_edge_grad {
    const float *x, *y; /* far rows, heads x_head and y_head apart */
    int64_t ld_x, ld_y, x_head, y_head;
    int64_t heads, group, d, e;
    float scale, bias_scale;
    const float *bias; /* of the first edge, bias_ld apart; NULL = none */
    int64_t bias_ld, bias_head;
    float *dbias; /* written: bias_scale ds, laid out like bias; NULL = not wanted */
    const float *stat; /* lse [heads], delta [heads] of a query */
    int64_t ld_stat;   /* 0: of the one query; else row far[j] */
} atti_attn_edge_grad;

typedef struct atti_attn_row_kernels {
    /* e[j] = q . k[j,:] */
    void (*dot)(float *e, const float *q, const float *k, int64_t ld, int64_t n,
                int64_t d);
    /* The same for several queries, key by key: e[r][j] = q[r] . k[j,:], the same bits. */
    void (*dot_rows)(float *const *e, const float *const *q, int64_t rows,
                     const float *k, int64_t ld, int64_t n, int64_t d);
    /* out[:] += sum_j p[j] v[j,:] */
    void (*wsum)(float *out, const float *p, const float *v, int64_t ld, int64_t n,
                 int64_t d);
    /* dk[j,:] += p[j] q[:] */
    void (*outer)(float *dk, int64_t ld, const float *p, const float *q, int64_t n,
                  int64_t d);
    /* Both for several queries at a piece of keys, bit for bit the same as one after the
     * other: out[r][:] += sum_j p[r][j] v[j,:];  dk[j,:] += sum_r p[r][j] q[r][:] */
    void (*wsum_rows)(float *const *out, const float *const *p, int64_t rows,
                      const float *v, int64_t ld, int64_t n, int64_t d);
    void (*outer_rows)(float *dk, int64_t ld, const float *const *p,
                       const float *const *q, int64_t rows, int64_t n, int64_t d);
    /* e[j] = sum_d w[d] tanh(q[d] + k[j,d]) */
    void (*add_tanh)(float *e, const float *w, const float *q, const float *k,
                     int64_t ld, int64_t n, int64_t d);
    /* the same with LeakyReLU */
    void (*add_leaky)(float *e, const float *w, const float *q, const float *k,
                      int64_t ld, int64_t n, int64_t d, float leaky);
    /* Backward of both (leaky < 0 never occurs as a flag: tanh has its own entry):
     *   dq[d] += sum_j ds[j] w[d] f'(x);  dk[j,d] += ds[j] w[d] f'(x)
     *   dw[d] += sum_j ds[j] f(x), NULL = not wanted */
    void (*add_tanh_bwd)(float *dq, float *dk, int64_t ld_dk, float *dw,
                         const float *ds, const float *w, const float *q,
                         const float *k, int64_t ld, int64_t n, int64_t d);
    void (*add_leaky_bwd)(float *dq, float *dk, int64_t ld_dk, float *dw,
                          const float *ds, const float *w, const float *q,
                          const float *k, int64_t ld, int64_t n, int64_t d,
                          float leaky);
    /* The same from eq = e^2q and ek = e^2k: tanh(q + k) = 1 - 2 / (1 + eq ek), one
     * product and one reciprocal an element. For eq ek in e^-72 .. e^72; absolute error of
     * each tanh below 4e-7. */
    void (*add_exp)(float *e, const float *w, const float *eq, const float *ek,
                    int64_t ld, int64_t n, int64_t d);
    void (*add_exp_bwd)(float *dq, float *dk, int64_t ld_dk, float *dw, const float *ds,
                        const float *w, const float *eq, const float *ek, int64_t ld,
                        int64_t n, int64_t d);
    /* y[j] = exp(x[j] - max); returns the sum, lanes added in double */
    double (*exp_sum)(float *y, const float *x, float max, int64_t n);
    float (*max)(const float *x, int64_t n); /* -Inf for n 0; NaN if any is */
    double (*dot_f64)(const float *a, const float *b,
                      int64_t n); /* sum in double lanes */
    void (*tanh)(float *y, const float *x, float a, int64_t n); /* y = tanh(a x) */
    /* y[j] = max(x[j], 0), NaN stays; returns the sum, lanes added in double */
    double (*relu)(float *y, const float *x, int64_t n);
    /* g[j] = e[j] > 0 ? (g[j] - mean) * f : 0 */
    void (*relu_bwd)(float *g, const float *e, float mean, float f, int64_t n);
    /* g[j] = y[j] * (g[j] - mean) */
    void (*softmax_bwd)(float *g, const float *y, float mean, int64_t n);
    /* x[j] = kept ? x[j] * scale : 0, columns col0.. of the row with this key */
    void (*drop)(float *x, uint32_t rowkey, int64_t col0, uint32_t threshold,
                 float scale, int64_t n);
    /* One node: out [heads, e], lse [heads]; no edges: zeros and -Inf. scratch: floats,
     * heads * (ATTI_ATTN_EDGE_BLOCK + 2). */
    void (*edges)(const atti_attn_edges *p, float *out, float *lse, const float *q,
                  const int32_t *col, int64_t n, float *scratch);
    /* da[h,:] += sum_j ds x, db[h,:] += sum_j w y (db NULL = not wanted); a [heads, d],
     * b [heads, e]. scratch: floats, 2 * heads * ATTI_ATTN_EDGE_BLOCK. */
    void (*edges_bwd)(const atti_attn_edge_grad *p, float *da, float *db,
                      const float *a, const float *b, const int32_t *far, int64_t n,
                      float *scratch);
    /* 1: where atti_attn_edges_8() holds, edges() asks for the rows of edges ahead itself. */
    int edges_8_ask;
} atti_attn_row_kernels;

/* The table where atti_k()->attn is NULL (kernels/ref/ref_attn.c). */
extern const atti_attn_row_kernels atti_ref_attn_rows;

#endif
