/* rnn_attend.h - the decoder operator's widths, memory and chunks, shared by its forward
 * (ops/op_rnn_attend.c) and its backward (ops/op_rnn_attend_back.c). */
#ifndef ATTI_RNN_ATTEND_H
#define ATTI_RNN_ATTEND_H

#include "autograd/rnn_cell.h"

#include <string.h>

typedef struct atti_ra_attr {
    int32_t cell, score;
    int64_t max_source;
} atti_ra_attr;

enum {
    X,
    OFFSETS,
    KEYS,
    VALUES,
    SOURCES,
    INIT,
    W_IH,
    W_FEED,
    W_HH,
    B_IH,
    B_HH,
    W_QUERY,
    V,
    W_OUT,
    B_OUT,
    N_IN
};
enum { GATES, QUERIES, STATES = QUERIES, CELLS }; /* saves */

/* Widths: e of x, h of a state, a of a key, c of a value, f of what is fed, y. */
typedef struct atti_ra_dims {
    int lstm, add;
    int64_t rows, seqs, sources, e, h, a, c, f, y, g, cap, ld_state, chunks;
} atti_ra_dims;

/* What a thread works with: rows of the sequences of a chunk. */
typedef struct atti_ra_bench {
    float *h, *c; /* states; backward: their gradients */
    float *recur,
        *feed;     /* parts of gates; backward: gradients as W_hh, W_feed meet them */
    float *fed;    /* [chunk,F]; backward: the gradient */
    float *both;   /* [chunk,H+C]: state and context, or gradient */
    float *query;  /* [chunk,A] */
    float *scores; /* [cap]; backward: of one row */
} atti_ra_bench;

typedef struct atti_ra_room {
    int32_t *order, *count;
    float *gates, *kept, *cells;      /* inference: what training keeps */
    float *hh, *w_feed, *query, *out; /* packed weights */
    float *before, *fed_before;       /* backward: h and f before each step */
    float *dquery, *dpre;             /* [N,A]; [N,F] before tanh */
    float *dv;                        /* [chunks,A] */
    float *threads;
    int64_t a_thread;
} atti_ra_room;

typedef struct atti_ra_job {
    atti_call *c;
    atti_ra_dims d;
    atti_ra_room r;
    float *gates, *kept, *cells;
} atti_ra_job;

atti_ra_dims atti_ra_dims_of(const atti_call *call);
/* Bytes of scratch; base NULL only counts. */
size_t atti_ra_lay_out(atti_ra_room *r, const atti_call *c, const atti_ra_dims *d,
                       int back, void *base);
atti_ra_job atti_ra_job_of(atti_call *c, int back);
atti_ra_bench atti_ra_bench_of(const atti_ra_job *j, int thread);
/* Orders the sequences and packs the weights of the loop. */
void atti_ra_prepare(const atti_ra_job *j, int back);
att_status atti_ra_backward(atti_call *c);

/* The source rows of the i-th sequence of a chunk. */
typedef struct atti_ra_source {
    int64_t row0, n;
} atti_ra_source;

static inline atti_ra_source atti_ra_source_of(const atti_ra_job *j,
                                               const atti_rnn_chunk *k, int64_t i)
{
    const int32_t *off = j->c->in[SOURCES].i + k->order[i];
    return (atti_ra_source){off[0], off[1] - off[0]};
}

/* from NULL: zeros. */
static inline void atti_ra_copy(float *to, const float *from, int64_t n)
{
    if (from)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        memset(to, 0, (size_t)n * sizeof *to);
}

#endif
