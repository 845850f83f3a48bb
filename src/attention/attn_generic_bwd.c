/* attn_generic_bwd.c - backward of the generic path. A task owns a key head of some
 * sequences: it goes through all queries that read it, in order, and is the only one that
 * adds to those dk and dv. Where key heads are few and sequences long, the queries of a
 * sequence are cut into parts, each with sums of dk and dv of its own that are added up
 * in the order of the parts; such sequences are taken one after the other. Parameter
 * gradients go to a slot a task, added up at the end in a fixed order. How many parts
 * there are depends on the sequence alone, how many slots on the call's shape. */
#include "attention/attn_generic.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include <string.h>

static void key_piece(atti_gen_row *r, atti_gen_run x)
{
    r->p->score->backward(r, r->dk ? r->dk + x.s0 * r->ld_dk : NULL, r->ld_dk,
                          r->da + x.j0, r->k + x.s0 * r->ld_k, r->ld_k, x.n);
}

static void finish_row(atti_gen_row *r)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    const atti_attn_grad_call *g = p->g;
    atti_gen_shaw_scores_backward(r);
    p->score->query_backward(r);
    if (!g->dq.data) return;
    if (c->rope_q) atti_attn_rope_apply(r->dq, c, r->rope_now, -1);
    for (int64_t i = 0; i < c->d; i++) r->dq[i] += r->dq_raw[i];
    atti_gen_store_f32(g->dq.data, g->dq.dtype,
                       atti_attn_qoff(c, &g->dq, r->b, r->t, r->h), r->dq, c->d,
                       g->accumulate);
}

static void backward_rows(atti_gen_row *rows, int64_t n, int64_t t0)
{
    const atti_gen_plan *p = rows->p;
    const atti_attn_call *c = p->c;
    atti_gen_block_weights(rows, n, t0);
    for (int64_t i = 0; i < n; i++) {
        atti_gen_row *r = &rows[i];
        atti_gen_load_f32(r->dout, p->g->dout.data, c->dtype,
                          atti_attn_qoff(c, &p->g->dout, r->b, r->t, r->h), c->e);
    }
    atti_gen_block_scores_backward(rows, n);
    for (int64_t i = 0; i < n; i++) {
        if (p->dbias_direct) atti_gen_bias_row(&rows[i]);
        atti_gen_terms_backward(&rows[i]);
        memset(rows[i].dq, 0, 256 * sizeof(float));
        memset(rows[i].dq_raw, 0, 256 * sizeof(float));
    }
    atti_gen_over_keys(rows, n, key_piece, p->score->backward_many);
    for (int64_t i = 0; i < n; i++) finish_row(&rows[i]);
}

static int64_t key_rows(const atti_attn_call *c, int64_t b)
{
    return c->ragged ? (int64_t)c->k_off[b + 1] - c->k_off[b] : c->s;
}

/* From the gradient of a prepared key to that of the key as it was given. */
static void store_key(const atti_gen_row *r, int64_t s)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    float *x = r->dk + s * r->ld_dk;
    if (p->k_inv && s < r->n_k) {
        float inv = p->k_inv[(r->k - p->kp) / c->dk + s];
        const float *k = r->k + s * r->ld_k;
        float along = (float)p->k->dot_f64(k, x, c->dk);
        for (int64_t i = 0; i < c->dk; i++) x[i] = (x[i] - along * k[i]) * inv;
    }
    if (c->rope_k && s < r->n_k)
        atti_attn_rope_apply(x, c, p->rope_table + s * c->rope_dims, -1);
    atti_gen_store_f32(p->g->dk.data, p->g->dk.dtype,
                       atti_attn_koff(c, &p->g->dk, r->b, s, r->g), x, c->dk,
                       p->g->accumulate);
}

static void store_keys(const atti_gen_row *r, int64_t s, int64_t end)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    for (; s < end; s++) {
        if (r->dk) store_key(r, s);
        if (r->dv)
            atti_gen_store_f32(p->g->dv.data, p->g->dv.dtype,
                               atti_attn_koff(c, &p->g->dv, r->b, s, r->g),
                               r->dv + s * r->ld_dv, c->e, p->g->accumulate);
    }
}

/* Sums of dk and dv of one part of key head g: part 0 has the plan's own place. */
static float *more(float *base, const atti_attn_call *c, int64_t part, int64_t g,
                   int64_t rows, int64_t width)
{
    return base ? base + ((part - 1) * c->kv_heads + g) * rows * width : NULL;
}

/* Part `part` of `parts` of the queries of sequence b, all heads of key head g. */
static void one_part(atti_gen_row *rows, int64_t b, int64_t g, int64_t part,
                     int64_t parts, double *slot)
{
    const atti_gen_plan *p = rows->p;
    const atti_attn_call *c = p->c;
    int64_t n = key_rows(c, b), n_q = atti_attn_nq(c, b);
    int64_t t0 = n_q * part / parts, t1 = n_q * (part + 1) / parts;
    for (int64_t h = g * c->group; h < (g + 1) * c->group; h++) {
        for (int64_t i = 0; i < p->block; i++) {
            atti_gen_row *r = &rows[i];
            atti_gen_row_begin(r, b, h);
            r->slot = slot ? slot + h * p->param_count : NULL;
            if (part == 0) continue;
            r->dk = more(p->dk_more, c, part, g, n, c->dk);
            r->dv = more(p->dv_more, c, part, g, n, c->e);
        }
        if (h == g * c->group) {
            if (rows->dk) memset(rows->dk, 0, (size_t)(n * c->dk) * sizeof(float));
            if (rows->dv) memset(rows->dv, 0, (size_t)(n * c->e) * sizeof(float));
        }
        for (int64_t t = t0; t < t1; t += p->block) {
            backward_rows(rows, atti_min_i64(p->block, t1 - t), t);
            /* Sums in f32 stay short. */
            if ((t - t0) / p->block % 8 == 7) atti_gen_wide_fold(rows);
        }
        atti_gen_wide_fold(rows);
        atti_gen_t5_fold(rows);
    }
}

static int64_t parts_of(const atti_attn_call *c, int64_t b)
{
    return atti_gen_parts(c, atti_attn_nq(c, b), key_rows(c, b));
}

/* Sequences of one part: a group of them and a key head. */
static void task(void *ctx, int64_t i, int thread)
{
    const atti_gen_plan *p = ctx;
    const atti_attn_call *c = p->c;
    int64_t group = i / c->kv_heads, g = i % c->kv_heads;
    double *slot = p->slots ? p->slots + group * c->heads * p->param_count : NULL;
    atti_gen_row rows[ATTI_GEN_ROWS];
    atti_gen_block_init(rows, p, thread);
    int64_t b0 = c->n_batch * group / p->n_groups;
    int64_t b1 = c->n_batch * (group + 1) / p->n_groups;
    for (int64_t b = b0; b < b1; b++) {
        if (parts_of(c, b) > 1) continue;
        one_part(rows, b, g, 0, 1, slot);
        store_keys(rows, 0, key_rows(c, b));
    }
}

/* One long sequence. */
typedef struct long_one {
    const atti_gen_plan *p;
    int64_t b, parts;
} long_one;

static void part_task(void *ctx, int64_t i, int thread)
{
    const long_one *x = ctx;
    const atti_gen_plan *p = x->p;
    int64_t part = i / p->c->kv_heads, g = i % p->c->kv_heads;
    double *slot = p->slots
                       ? p->slots + (p->n_groups + part) * p->c->heads * p->param_count
                       : NULL;
    atti_gen_row rows[ATTI_GEN_ROWS];
    atti_gen_block_init(rows, p, thread);
    one_part(rows, x->b, g, part, x->parts, slot);
}

enum { STORE_ROWS = 128 };

static void join(float *sum, const float *x, int64_t n)
{
    if (sum) atti_k()->scale(sum, x, 1.0f, 1, n);
}

static void store_task(void *ctx, int64_t i, int thread)
{
    const long_one *x = ctx;
    const atti_gen_plan *p = x->p;
    const atti_attn_call *c = p->c;
    int64_t n = key_rows(c, x->b), g = i % c->kv_heads;
    int64_t s = i / c->kv_heads * STORE_ROWS, end = atti_min_i64(s + STORE_ROWS, n);
    atti_gen_row r;
    atti_gen_row_init(&r, p, thread);
    atti_gen_row_begin(&r, x->b, g * c->group);
    for (int64_t part = 1; part < x->parts; part++) {
        if (r.dk)
            join(r.dk + s * c->dk, more(p->dk_more, c, part, g, n, c->dk) + s * c->dk,
                 (end - s) * c->dk);
        if (r.dv)
            join(r.dv + s * c->e, more(p->dv_more, c, part, g, n, c->e) + s * c->e,
                 (end - s) * c->e);
    }
    store_keys(&r, s, end);
}

static void long_sequence(const atti_gen_plan *p, int64_t b)
{
    const atti_attn_call *c = p->c;
    long_one x = {p, b, parts_of(c, b)};
    if (x.parts <= 1) return;
    atti_parallel_void(x.parts * c->kv_heads, part_task, &x);
    if (p->dkp || p->dvp)
        atti_parallel_void(atti_ceil_div(key_rows(c, b), STORE_ROWS) * c->kv_heads,
                           store_task, &x);
}

/* out[i * stride] of one head, or of all heads together (h < 0). */
static void add_up(const atti_gen_plan *p, float *out, int64_t stride, int64_t at,
                   int64_t n, int64_t h)
{
    int64_t first = h < 0 ? 0 : h, last = h < 0 ? p->c->heads : h + 1;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t grp = 0; grp < p->n_slots; grp++)
            for (int64_t head = first; head < last; head++)
                sum += p->slots[(grp * p->c->heads + head) * p->param_count + at + i];
        float *y = out + i * stride;
        *y = (float)sum + (p->g->accumulate ? *y : 0.0f);
    }
}

static void parameters(const atti_gen_plan *p)
{
    const atti_attn_call *c = p->c;
    const atti_attn_grad_call *g = p->g;
    atti_gen_slots s = atti_gen_slot_layout(p);
    int64_t w = c->desc->score == ATT_SCORE_BILINEAR ? c->d * c->dk : c->d;
    int64_t rel = 2 * c->shaw + 1;
    for (int64_t h = 0; h < c->heads; h++) {
        if (s.w >= 0 && c->score_w_head)
            add_up(p, (float *)g->dscore_w + h * w, 1, s.w, w, h);
        if (s.b >= 0 && c->score_b_head)
            add_up(p, (float *)g->dscore_b + h * c->d, 1, s.b, c->d, h);
        if (s.prior >= 0 && c->prior_w_head)
            add_up(p, (float *)g->dprior_w + h, 1, s.prior, 1, h);
        if (s.sink >= 0) add_up(p, (float *)g->dsink_logit + h, 1, s.sink, 1, h);
        if (s.alibi >= 0) add_up(p, (float *)g->dalibi + h, 1, s.alibi, 1, h);
        if (s.t5 >= 0) add_up(p, (float *)g->dt5 + h, c->heads, s.t5, c->t5_buckets, h);
    }
    if (s.w >= 0 && !c->score_w_head) add_up(p, g->dscore_w, 1, s.w, w, -1);
    if (s.b >= 0 && !c->score_b_head) add_up(p, g->dscore_b, 1, s.b, c->d, -1);
    if (s.prior >= 0 && !c->prior_w_head) add_up(p, g->dprior_w, 1, s.prior, 1, -1);
    if (s.rel_k >= 0) add_up(p, g->drel_k, 1, s.rel_k, rel * c->d, -1);
    if (s.rel_v >= 0) add_up(p, g->drel_v, 1, s.rel_v, rel * c->e, -1);
}

att_status atti_attn_generic_backward(const atti_attn_call *c,
                                      const atti_attn_grad_call *g)
{
    atti_gen_plan p;
    ATTI_TRY(atti_gen_plan_make(&p, c, g));
    atti_gen_prepare(&p);
    if (p.dbias_direct) atti_gen_bias_clear(&p);
    if (p.slots)
        memset(p.slots, 0,
               (size_t)(p.n_slots * c->heads * p.param_count) * sizeof(double));
    atti_parallel_void(p.n_groups * c->kv_heads, task, &p);
    for (int64_t b = 0; b < c->n_batch; b++) long_sequence(&p, b);
    if (p.param_count) parameters(&p);
    if (p.dbias_sweep) atti_gen_bias_gradient(&p);
    return ATT_OK;
}
