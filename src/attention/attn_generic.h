/* attn_generic.h - the path that does every member: a query row and its scores in a buffer
 * as long as the row, memory linear in T + S. A few rows go together (a block), so that a
 * piece of 64 keys is read from the first-level cache by all but the first of them.
 *
 * A row is a list of runs of visible keys (one, or two with sinks, more with a block mask,
 * one a key for edges); its arrays are packed: element j of run r is key s0 + (j - j0).
 * Members are tables of functions over such a row: score (attn_score_*.c), normaliser
 * (attn_norm_*.c), additive terms (attn_terms.c). docs/kernels.md, "Adding a score", goes
 * through all that a new one needs.
 *
 * K and V are read where they lie when they can be used as they are (f32, no rotation, no
 * normalisation, not paged); otherwise a prepared f32 copy [g,row,:] is made first. */
#ifndef ATTI_ATTN_GENERIC_H
#define ATTI_ATTN_GENERIC_H

#include "attention/attn_internal.h"
#include "kernels/attn_rows.h"

typedef struct atti_gen_run {
    int64_t s0, j0, n;
} atti_gen_run;

struct atti_gen_score;
struct atti_gen_norm;

enum { ATTI_GEN_ROWS = 8 };

/* What is fixed for the whole call. */
typedef struct atti_gen_plan {
    const atti_attn_call *c;
    const atti_attn_grad_call *g; /* NULL in forward */
    const atti_attn_row_kernels *k;
    const struct atti_gen_score *score;
    const struct atti_gen_norm *norm;
    bool copy_k, copy_v;
    float *kp, *vp;     /* prepared copies [G,M,dk] [G,M,e] or NULL */
    float *k_inv;       /* cosine: 1/|k| [G,M] */
    float *ek;          /* additive: e^2k, k clamped to +-24 [G,M,d] */
    float *rope_table;  /* [S,R] cos, sin of every position */
    int32_t *t5_bucket; /* bucket of s - p = -t5_reach .. t5_reach */
    float *t5_term;     /* [H, 2 t5_reach + 1]: the table by distance */
    int64_t t5_reach;
    float *dkp, *dvp; /* gradients of the prepared rows, f32 [G,M,:] */
    float *dk_more,
        *dv_more;           /* backward in parts: those of parts 1.. of one sequence */
    double *slots;          /* parameter gradients, [n_slots][H][param_count] */
    int64_t param_count;    /* a head's parameters of which gradients are wanted */
    int64_t n_groups;       /* backward: sequences are cut into this many groups */
    int64_t n_slots;        /* n_groups, and one for each part of a long sequence */
    unsigned char *threads; /* scratch of each thread */
    size_t thread_bytes, row_bytes;
    int64_t block;     /* rows that go together, 1..ATTI_GEN_ROWS */
    int64_t row_room;  /* longest row */
    bool dbias_direct; /* each row owns its cells of dbias or dedge_bias */
    bool dbias_sweep;
} atti_gen_plan;

/* Where a head's parameter gradients lie in its slot; -1 = not wanted. */
typedef struct atti_gen_slots {
    int64_t w, b, prior, sink, alibi, t5, rel_k, rel_v, count;
} atti_gen_slots;
atti_gen_slots atti_gen_slot_layout(const atti_gen_plan *p);

/* One query row and a thread's scratch. */
typedef struct atti_gen_row {
    const atti_gen_plan *p;
    int64_t b, h, g, t, n_q, n_k, pos; /* pos = t + S_b - T_b */
    int64_t n, n_runs, edge0;
    const float *k, *v; /* row s of this (b, g) at k + s * ld_k */
    int64_t ld_k, ld_v;
    const float *ek; /* rows d apart; NULL = not made */
    bool use_ek;     /* this query is small enough for it */
    float *dk, *dv;  /* same for gradients, prepared form; NULL in forward */
    int64_t ld_dk, ld_dv;
    double *slot; /* this head's parameter gradients or NULL */
    atti_gen_slots at;
    atti_gen_run *runs;                        /* unused for edges */
    float *e, *alpha, *soft, *da, *capped, *w; /* [row_room] */
    float *bucket;                             /* [2 clip + 1] */
    float *wide;    /* [param_count]: sums of W, rel_k, rel_v since the last fold */
    double *t5_sum; /* [2 t5_reach + 1]: gradients by distance, of a block's rows */
    int64_t cursor; /* the run that the sweep over keys has come to */
    float *q_raw, *q_rot, *q, *bw; /* q: what meets k; bw: bias of the additive forms */
    float *dq, *dq_raw, *tmp, *dout, *out; /* [256] each */
    float *rope;                           /* [256] cos, sin of a position before 0 */
    const float *rope_now;                 /* of this row */
    float q_inv;                           /* cosine: 1/|q| */
    float lse, sink;
    int64_t picked; /* packed index, -1 = none */
} atti_gen_row;

static inline atti_gen_run atti_gen_run_at(const atti_gen_row *r, int64_t i)
{
    if (r->p->c->edges) return (atti_gen_run){r->p->c->edge_col[r->edge0 + i], i, 1};
    return r->runs[i];
}
static inline const float *atti_gen_par(const void *p, int64_t at)
{
    return p ? (const float *)p + at : NULL;
}

typedef struct atti_gen_score {
    /* r->q from r->q_rot */
    void (*query)(atti_gen_row *r);
    /* e[j] of one run */
    void (*forward)(const atti_gen_row *r, float *e, const float *k, int64_t ld,
                    int64_t n);
    /* Adds dq (gradient of r->q) and dk of one run, given de of the base score. */
    void (*backward)(atti_gen_row *r, float *dk, int64_t ld_dk, const float *ds,
                     const float *k, int64_t ld, int64_t n);
    /* The same for several rows at the same keys; NULL = one after the other. */
    void (*backward_many)(atti_gen_row *rows, int64_t n, const atti_gen_run *pieces);
    /* Turns r->dq, the gradient of r->q, into that of r->q_rot. Parameter gradients too. */
    void (*query_backward)(atti_gen_row *r);
} atti_gen_score;

typedef struct atti_gen_norm {
    /* alpha, lse (, soft, picked, sink) from e */
    void (*forward)(atti_gen_row *r);
    /* r->da (gradient of alpha) becomes the gradient of e */
    void (*backward)(atti_gen_row *r);
} atti_gen_norm;

/* attn_members.c */
/* y = x / |x|, zeros for zeros; y may be x. Returns 1 / |x| for the gradient, at most
 * FLT_MAX. */
float atti_gen_unit(float *y, const float *x, int64_t n,
                    const atti_attn_row_kernels *k);
const atti_gen_score *atti_gen_score_of(int32_t score);
const atti_gen_norm *atti_gen_norm_of(int32_t normalise);

extern const atti_gen_score atti_gen_score_dot, atti_gen_score_bilinear,
    atti_gen_score_cosine, atti_gen_score_additive, atti_gen_score_gat;
extern const atti_gen_norm atti_gen_norm_softmax, atti_gen_norm_relu,
    atti_gen_norm_relu_row, atti_gen_norm_argmax, atti_gen_norm_sample,
    atti_gen_norm_sparsemax;

/* attn_norm_softmax.c: softmax of e into y (may be e); lse and, with a sink, its weight. */
void atti_gen_softmax(atti_gen_row *r, float *y);
void atti_gen_softmax_backward(atti_gen_row *r, const float *y, double *mean_out);

/* attn_mask.c: the runs of visible keys of row r. */
void atti_gen_visible(atti_gen_row *r);
/* attn_terms.c: e = inv_temp * (softcap(scale * base) + terms), in place; and back: da from
 * gradient of e to gradient of the base score, parameters on the way. */
void atti_gen_terms(atti_gen_row *r);
void atti_gen_terms_backward(atti_gen_row *r);
/* Gradients by distance, which terms_backward has gathered since the last call, into the
 * slot's buckets. */
void atti_gen_t5_fold(atti_gen_row *r);
/* attn_shaw.c: q . rel_k joins the base scores; rel_v joins the values. */
void atti_gen_shaw_scores(atti_gen_row *r);
void atti_gen_shaw_scores_backward(atti_gen_row *r);
void atti_gen_shaw_values(atti_gen_row *r, const float *w);
void atti_gen_shaw_values_backward(atti_gen_row *r, const float *w);

/* attn_generic_row.c */
void atti_gen_wide_fold(atti_gen_row *r); /* r->wide into r->slot, then zeros */
void atti_gen_row_begin(atti_gen_row *r, int64_t b, int64_t h);
void atti_gen_row_weights(atti_gen_row *r, int64_t t); /* up to alpha, no dropout */
void atti_gen_row_drop(const atti_gen_row *r, float *w);
/* From r->dout: r->da becomes the gradient of the base scores; dv is added. */
void atti_gen_row_scores_backward(atti_gen_row *r);
/* The same for rows t0 .. t0+n-1 of one sequence and head. */
void atti_gen_block_weights(atti_gen_row *rows, int64_t n, int64_t t0);
void atti_gen_block_scores_backward(atti_gen_row *rows, int64_t n);
/* fn for every run of every row, cut at multiples of 64 keys, piece by piece. Where all rows
 * have the same keys of a piece, `many` (unless NULL) takes them together, with the same
 * bits; their j0 differ. */
typedef void atti_gen_piece_fn(atti_gen_row *r, atti_gen_run piece);
typedef void atti_gen_many_fn(atti_gen_row *rows, int64_t n,
                              const atti_gen_run *pieces);
void atti_gen_over_keys(atti_gen_row *rows, int64_t n, atti_gen_piece_fn *fn,
                        atti_gen_many_fn *many);
void atti_gen_load_f32(float *x, const void *data, int32_t dtype, int64_t at,
                       int64_t n);
void atti_gen_store_f32(void *data, int32_t dtype, int64_t at, const float *x,
                        int64_t n, bool add);

/* attn_generic_plan.c */
ATT_MUST_CHECK att_status atti_gen_plan_make(atti_gen_plan *p, const atti_attn_call *c,
                                             const atti_attn_grad_call *g);
/* Prepared copies of k and v, in parallel. */
void atti_gen_prepare(atti_gen_plan *p);
void atti_gen_row_init(atti_gen_row *r, const atti_gen_plan *p, int thread);
void atti_gen_block_init(atti_gen_row *rows, const atti_gen_plan *p, int thread);
/* Backward of one sequence and key head is cut into this many parts of its queries, by
 * their own lengths alone. */
int64_t atti_gen_parts(const atti_attn_call *c, int64_t n_q, int64_t n_k);
/* attn_generic_bias.c: dbias or dedge_bias by output cells. */
void atti_gen_bias_gradient(const atti_gen_plan *p);
void atti_gen_bias_row(const atti_gen_row *r);
void atti_gen_bias_clear(const atti_gen_plan *p);

#endif
