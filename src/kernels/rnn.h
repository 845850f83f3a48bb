/* rnn.h - one step of a recurrent cell for one row, forward and backward: everything of a
 * cell but its matrix products. Gates stand in PyTorch's order.
 *
 *   GRU   r = s(a_r), z = s(a_z), n = tanh(u_n + r v_n), h' = n + z (h - n)
 *         a = x W_ih^T + b_ih + .. (u) plus h W_hh^T + b_hh (v): the reset gate works on the
 *         recurrent product, as cuDNN has it
 *   LSTM  i, f, o = s(a), g = tanh(a), c' = f c + i g, h' = o tanh(c')
 *
 * A row's numbers depend on that row alone. */
#ifndef ATTI_KERNELS_RNN_H
#define ATTI_KERNELS_RNN_H

#include <stdint.h>

/* The operands of one row, width n. Forward:
 *   gates [4n]  in: x's part, 3n (GRU) or 4n; out: r, z, n, v_n (GRU) or i, f, g, o
 *   feed        a second part of the same, or NULL;  recur  h's part
 *   h [n]       in: h; out: h';  y [n]  out: h'
 *   c [n]       LSTM: in c, out c';  c_out [n] out: c' (may be NULL)
 * Backward:
 *   gates [4n]  in: as forward left them; out: their gradients before s and tanh, for GRU
 *               of a_r, a_z, u_n, v_n
 *   dgh   [3n or 4n]  out: the gradients that meet W_hh: a_r, a_z, v_n; or all four
 *   dh [n]      in: of h'; out: of h without what W_hh brings (LSTM: zero)
 *   h [n]       GRU: h, only read
 *   dc [n]      LSTM: in of c', out of c; c = c, c_out = c', only read; c NULL = zeros */
typedef struct atti_rnn_row {
    float *gates, *h, *y, *c, *c_out, *dgh, *dh, *dc;
    const float *feed, *recur;
    int64_t n;
} atti_rnn_row;
typedef void atti_rnn_row_fn(const atti_rnn_row *r);

/* Additive attention of one query over n keys of width w, keys ld apart.
 *   e[j] = sum_k v[k] tanh(q[k] + key[j, k])                            (forward)
 *   dq[k] += sum_j de[j] v[k] (1 - t^2), dkey[j, k] += de[j] v[k] (1 - t^2),
 *   dv[k] += sum_j de[j] t, t made again; dkeys may be NULL            (backward) */
typedef struct atti_rnn_add {
    const float *q, *v, *keys;
    float *e; /* backward: de, only read */
    float *dq, *dv, *dkeys;
    int64_t n, w, ld;
} atti_rnn_add;
typedef void atti_rnn_add_fn(const atti_rnn_add *a);

/* e[j] = q . key[j]; and y [w] = sum_j e[j] key[j]. */
typedef struct atti_rnn_kernels {
    atti_rnn_row_fn *gru, *gru_bwd, *lstm, *lstm_bwd;
    atti_rnn_add_fn *add, *add_bwd;
    void (*dots)(float *e, const float *q, const float *keys, int64_t n, int64_t w,
                 int64_t ld);
    void (*mix)(float *y, const float *e, const float *keys, int64_t n, int64_t w,
                int64_t ld);
    /* rows[j] += e[j] x */
    void (*spread)(float *rows, const float *e, const float *x, int64_t n, int64_t w,
                   int64_t ld);
} atti_rnn_kernels;

#endif
