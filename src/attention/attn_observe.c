/* attn_observe.c - weights on request: one more sweep over the observed heads and rows,
 * by the generic path's row (F64: the reference's), given to whatever sinks are asked for.
 *
 * Nothing is stored that was not asked for: summaries are made while a row is at hand.
 * A task owns (sequence, head), so column sums add rows in order; the mean over heads is
 * a sweep of its own, cut by rows. */
#include "attention/attn_check.h"
#include "attention/attn_generic.h"
#include "attention/attn_ref.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

enum { MEAN_ROWS = 16 };

typedef struct watch {
    const atti_attn_call *c;
    const att_attention_observe *o;
    const atti_gen_plan *p; /* NULL for F64 */
    int64_t heads;          /* nh */
    int64_t row_begin, row_end;
    const int64_t *offsets; /* ragged weights and head_mean */
    bool flat;              /* [N,H,D]: sinks are [N,nh] */
} watch;

static int64_t head_of(const watch *w, int64_t i)
{
    return w->o->heads ? w->o->heads[i] : i;
}

static int64_t rows_of(const watch *w, int64_t b)
{
    int64_t end = atti_min_i64(w->row_end, atti_attn_nq(w->c, b));
    return atti_max_i64(end - w->row_begin, 0);
}

/* Offset of the row-wise sinks' element (b, i, t); stride[] of the tensor. */
static int64_t row_at(const watch *w, const att_tensor *t, int64_t b, int64_t i,
                      int64_t row)
{
    if (w->flat)
        return (int64_t)atti_attn_row(w->c, b, row) * t->stride[0] + i * t->stride[1];
    return b * t->stride[0] + i * t->stride[1] + (row - w->row_begin) * t->stride[2];
}

/* First element and key stride of a row of weights (i < 0: of head_mean). */
static float *weight_row(const watch *w, const att_tensor *t, int64_t b, int64_t i,
                         int64_t row, int64_t edge0, int64_t *step)
{
    float *x = t->data;
    bool mean = i < 0;
    if (mean) i = 0;
    if (w->c->edges) {
        *step = t->stride[0];
        return x + edge0 * t->stride[0] + (mean ? 0 : i * t->stride[1]);
    }
    if (w->c->ragged) {
        int64_t n = mean ? 1 : w->heads, keys = atti_attn_nk(w->c, b);
        *step = 1;
        return x + n * w->offsets[b] +
               (i * rows_of(w, b) + (row - w->row_begin)) * keys;
    }
    *step = t->stride[t->ndim - 1];
    int64_t at = b * t->stride[0] + (row - w->row_begin) * t->stride[t->ndim - 2];
    return x + at + (mean ? 0 : i * t->stride[1]);
}

/* y[key] = alpha, the others 0 (add 0), or y[key] += scale * alpha. */
static void spread(const watch *w, const atti_gen_row *r, float *y, int64_t step,
                   int add, float scale)
{
    int64_t keys = w->c->edges ? r->n : w->c->ragged ? r->n_k : w->c->s;
    for (int64_t s = 0; !add && s < keys; s++) y[s * step] = 0.0f;
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = atti_gen_run_at(r, i);
        int64_t s0 = w->c->edges ? run.j0 : run.s0;
        for (int64_t j = 0; j < run.n; j++) {
            float x = scale * r->alpha[run.j0 + j];
            y[(s0 + j) * step] = add ? y[(s0 + j) * step] + x : x;
        }
    }
}

static int64_t key_of(const atti_gen_row *r, int64_t j)
{
    if (r->p->c->edges) return atti_gen_run_at(r, j).s0;
    int64_t i = 0;
    while (j >= r->runs[i].j0 + r->runs[i].n) i++;
    return r->runs[i].s0 + (j - r->runs[i].j0);
}

/* Highest first, the lower key first on ties; a weight of 0 is not attention. */
static void top(const watch *w, const atti_gen_row *r, int64_t i)
{
    const att_attention_observe *o = w->o;
    const int64_t k = o->top_k;
    int32_t *index = NULL;
    float *weight = NULL;
    int64_t si = 1, sw = 1, have = 0;
    if (o->top_index) {
        index = (int32_t *)o->top_index->data + row_at(w, o->top_index, r->b, i, r->t);
        si = o->top_index->stride[o->top_index->ndim - 1];
    }
    if (o->top_weight) {
        weight = (float *)o->top_weight->data + row_at(w, o->top_weight, r->b, i, r->t);
        sw = o->top_weight->stride[o->top_weight->ndim - 1];
    }
    int64_t last = -1;
    float last_x = INFINITY;
    for (; have < k; have++) {
        /* The best below the last one taken: k sweeps of a row that is in cache. */
        int64_t best = -1;
        float best_x = 0.0f;
        for (int64_t j = 0; j < r->n; j++) {
            float x = r->alpha[j];
            if (!(x > best_x) || x > last_x || (x == last_x && j <= last)) continue;
            best = j;
            best_x = x;
        }
        if (best < 0) break;
        last = best;
        last_x = best_x;
        if (index) index[have * si] = (int32_t)key_of(r, best);
        if (weight) weight[have * sw] = best_x;
    }
    for (; have < k; have++) {
        if (index) index[have * si] = -1;
        if (weight) weight[have * sw] = 0.0f;
    }
}

static void observe_row(const watch *w, const atti_gen_row *r, int64_t i)
{
    const att_attention_observe *o = w->o;
    int64_t step, best = -1;
    if (o->weights) {
        float *y = weight_row(w, o->weights, r->b, i, r->t, r->edge0, &step);
        spread(w, r, y, step, 0, 1.0f);
    }
    if (o->entropy) {
        double sum = 0;
        for (int64_t j = 0; j < r->n; j++) {
            double x = (double)r->alpha[j];
            if (x != 0) sum -= x * log(x);
        }
        ((float *)o->entropy->data)[row_at(w, o->entropy, r->b, i, r->t)] = (float)sum;
    }
    if (o->argmax) {
        float m = 0.0f;
        for (int64_t j = 0; j < r->n; j++) {
            if (!(r->alpha[j] > m)) continue;
            m = r->alpha[j];
            best = j;
        }
        ((int32_t *)o->argmax->data)[row_at(w, o->argmax, r->b, i, r->t)] =
            best < 0 ? -1 : (int32_t)key_of(r, best);
    }
    if (o->top_index || o->top_weight) top(w, r, i);
    if (o->col_sum) {
        const att_tensor *t = o->col_sum;
        int64_t s0 = w->c->ragged && !w->c->paged ? w->c->k_off[r->b] : 0;
        float *y = (float *)t->data + i * t->stride[1] +
                   (w->flat ? s0 * t->stride[0] : r->b * t->stride[0]);
        step = w->flat ? t->stride[0] : t->stride[2];
        for (int64_t k = 0; k < r->n_runs; k++) {
            atti_gen_run run = atti_gen_run_at(r, k);
            for (int64_t j = 0; j < run.n; j++)
                y[(run.s0 + j) * step] += r->alpha[run.j0 + j];
        }
    }
}

static void clear_columns(const watch *w, int64_t b, int64_t i)
{
    const att_tensor *t = w->o->col_sum;
    const atti_attn_call *c = w->c;
    if (!t) return;
    int64_t rows = c->ragged ? (int64_t)c->k_off[b + 1] - c->k_off[b] : c->s;
    int64_t s0 = c->ragged ? c->k_off[b] : 0,
            step = w->flat ? t->stride[0] : t->stride[2];
    float *y = (float *)t->data + i * t->stride[1] +
               (w->flat ? s0 * t->stride[0] : b * t->stride[0]);
    for (int64_t s = 0; s < rows; s++) y[s * step] = 0.0f;
}

static void heads_task(void *ctx, int64_t task, int thread)
{
    const watch *w = ctx;
    int64_t b = task / w->heads, i = task % w->heads;
    atti_gen_row r;
    atti_gen_row_init(&r, w->p, thread);
    atti_gen_row_begin(&r, b, head_of(w, i));
    clear_columns(w, b, i);
    for (int64_t n = 0; n < rows_of(w, b); n++) {
        atti_gen_row_weights(&r, w->row_begin + n);
        observe_row(w, &r, i);
    }
}

static void mean_row(const watch *w, const atti_gen_row *r, int64_t i)
{
    int64_t step;
    float *y = weight_row(w, w->o->head_mean, r->b, -1, r->t, r->edge0, &step);
    spread(w, r, y, step, i > 0, 1.0f / (float)w->heads);
}

static void mean_task(void *ctx, int64_t task, int thread)
{
    const watch *w = ctx;
    int64_t chunks = atti_ceil_div(w->c->t, MEAN_ROWS), b = task / chunks;
    int64_t n0 = task % chunks * MEAN_ROWS;
    int64_t n1 = atti_min_i64(n0 + MEAN_ROWS, rows_of(w, b));
    atti_gen_row r;
    atti_gen_row_init(&r, w->p, thread);
    for (int64_t i = 0; i < w->heads; i++) {
        atti_gen_row_begin(&r, b, head_of(w, i));
        for (int64_t n = n0; n < n1; n++) {
            atti_gen_row_weights(&r, w->row_begin + n);
            mean_row(w, &r, i);
        }
    }
}

static att_status sweep(watch *w, atti_attn_call *c)
{
    atti_gen_plan plan;
    void *own = NULL;
    c->workspace_bytes = atti_attn_generic_workspace(c, 0);
    ATTI_TRY(atti_alloc_raw(&own, c->workspace_bytes, 1, "attention weights scratch"));
    c->workspace = own;
    att_status st = atti_gen_plan_make(&plan, c, NULL);
    if (!st) {
        const att_attention_observe *o = w->o;
        atti_gen_prepare(&plan);
        w->p = &plan;
        if (o->weights || o->entropy || o->argmax || o->top_index || o->top_weight ||
            o->col_sum)
            atti_parallel_void(c->n_batch * w->heads, heads_task, w);
        if (o->head_mean)
            atti_parallel_void(c->n_batch * atti_ceil_div(c->t, MEAN_ROWS), mean_task,
                               w);
    }
    atti_free(own);
    return st;
}

/* F64: the reference's row, handed to the same sinks as a row of single keys. */
static void from_reference(atti_gen_row *r, const atti_ref_row *x)
{
    r->b = x->b;
    r->t = x->t;
    r->n = r->n_runs = x->n;
    r->n_k = x->n_k;
    r->edge0 = x->edge0;
    for (int64_t j = 0; j < x->n; j++) {
        r->alpha[j] = (float)x->alpha[j];
        r->runs[j] = (atti_gen_run){x->key[j], j, 1};
    }
}

static att_status sweep_f64(const watch *w)
{
    const atti_attn_call *c = w->c;
    atti_gen_plan plan = {.c = c};
    atti_gen_row r = {.p = &plan};
    atti_ref_row x;
    size_t room = (size_t)(c->edges ? c->n_edges : c->s) + 1;
    ATTI_TRY(atti_ref_row_create(&x, c));
    att_status st = atti_alloc(&r.alpha, room, sizeof(float), "attention weights");
    if (!st) st = atti_alloc(&r.runs, room, sizeof(atti_gen_run), "attention weights");
    for (int64_t b = 0; !st && b < c->n_batch; b++)
        for (int64_t i = 0; i < w->heads; i++) {
            clear_columns(w, b, i);
            for (int64_t n = 0; n < rows_of(w, b); n++) {
                atti_ref_row_run(&x, b, head_of(w, i), w->row_begin + n);
                from_reference(&r, &x);
                observe_row(w, &r, i);
                if (w->o->head_mean) mean_row(w, &r, i);
            }
        }
    atti_free(r.alpha);
    atti_free(r.runs);
    atti_ref_row_destroy(&x);
    return st;
}

static att_status sink(const watch *w, const att_tensor *t, const char *name,
                       int32_t dtype, int32_t ndim, const int64_t *shape)
{
    if (!t) return ATT_OK;
    ATTI_TRY(atti_attn_expect(t, name, dtype, ndim, shape));
    ATTI_TRY(atti_attn_unfolded(t, name));
    ATTI_TRY(atti_attn_disjoint(t, name, w->o->weight_offsets, "weight_offsets"));
    return atti_attn_apart(t, name, w->c->args);
}

static att_status sinks_apart(const att_attention_observe *o)
{
    const att_tensor *t[] = {o->weights,   o->head_mean,  o->entropy, o->argmax,
                             o->top_index, o->top_weight, o->col_sum};
    const char *name[] = {"weights",   "head_mean",  "entropy", "argmax",
                          "top_index", "top_weight", "col_sum"};
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < i; j++)
            ATTI_TRY(atti_attn_disjoint(t[i], name[i], t[j], name[j]));
    return ATT_OK;
}

static att_status check_offsets(watch *w)
{
    const att_tensor *t = w->o->weight_offsets;
    const atti_attn_call *c = w->c;
    int64_t want = c->n_batch + 1;
    if (!t)
        return atti_fail(ATT_EINVAL,
                         "attention weights: ragged weights need weight_offsets");
    ATTI_TRY(atti_attn_expect_packed(t, "weight_offsets", ATT_I64, 1, &want));
    w->offsets = t->data;
    int64_t at = 0;
    for (int64_t b = 0; b <= c->n_batch; b++) {
        if (w->offsets[b] != at)
            return atti_fail(ATT_EINVAL, "weight_offsets[%lld] is %lld, expected %lld",
                             (long long)b, (long long)w->offsets[b], (long long)at);
        if (b < c->n_batch) at += rows_of(w, b) * atti_attn_nk(c, b);
    }
    return ATT_OK;
}

static att_status check_matrices(watch *w)
{
    const att_attention_observe *o = w->o;
    const atti_attn_call *c = w->c;
    int64_t nt = w->row_end - w->row_begin;
    if (c->edges) {
        int64_t s[2] = {c->n_edges, w->heads};
        ATTI_TRY(sink(w, o->weights, "weights", ATT_F32, 2, s));
        return sink(w, o->head_mean, "head_mean", ATT_F32, 1, s);
    }
    if (c->ragged) {
        if (!o->weights && !o->head_mean) return ATT_OK;
        ATTI_TRY(check_offsets(w));
        int64_t total = w->offsets[c->n_batch], all = total * w->heads;
        if (o->weights && !atti_attn_packed(o->weights))
            return atti_fail(ATT_EINVAL, "weights is not contiguous");
        if (o->head_mean && !atti_attn_packed(o->head_mean))
            return atti_fail(ATT_EINVAL, "head_mean is not contiguous");
        ATTI_TRY(sink(w, o->weights, "weights", ATT_F32, 1, &all));
        return sink(w, o->head_mean, "head_mean", ATT_F32, 1, &total);
    }
    int64_t s4[4] = {c->n_batch, w->heads, nt, c->s}, s3[3] = {c->n_batch, nt, c->s};
    ATTI_TRY(sink(w, o->weights, "weights", ATT_F32, 4, s4));
    return sink(w, o->head_mean, "head_mean", ATT_F32, 3, s3);
}

static att_status check(watch *w)
{
    const att_attention_observe *o = w->o;
    const atti_attn_call *c = w->c;
    if (o->size != sizeof *o)
        return atti_fail(ATT_EINVAL,
                         "attention weights: observe.size is %u, this library's is %zu",
                         o->size, sizeof *o);
    w->heads = o->heads ? o->n_heads : c->heads;
    if (w->heads < 1)
        return atti_fail(ATT_EINVAL, "attention weights: n_heads is %d",
                         (int)o->n_heads);
    for (int64_t i = 0; o->heads && i < w->heads; i++)
        if (o->heads[i] < 0 || o->heads[i] >= c->heads)
            return atti_fail(ATT_EINVAL, "attention weights: head %d, not in 0..%lld",
                             (int)o->heads[i], (long long)c->heads - 1);
    w->row_begin = o->row_begin;
    w->row_end = o->row_end == -1 ? c->t : o->row_end;
    if (w->row_begin < 0 || w->row_end < w->row_begin || w->row_end > c->t)
        return atti_fail(
            ATT_EINVAL, "attention weights: rows %lld..%lld, not within 0..%lld",
            (long long)w->row_begin, (long long)w->row_end, (long long)c->t);
    w->flat = c->args->q->ndim == 3;
    if ((o->top_index || o->top_weight) && o->top_k < 1)
        return atti_fail(ATT_EINVAL, "attention weights: top_k is %d", (int)o->top_k);
    int64_t nt = w->row_end - w->row_begin, n = w->flat ? 3 : 4;
    int64_t rows[4] = {c->n_batch, w->heads, nt, o->top_k};
    int64_t flat[3] = {c->n_rows, w->heads, o->top_k};
    const int64_t *s = w->flat ? flat : rows;
    ATTI_TRY(sink(w, o->entropy, "entropy", ATT_F32, (int32_t)n - 1, s));
    ATTI_TRY(sink(w, o->argmax, "argmax", ATT_I32, (int32_t)n - 1, s));
    ATTI_TRY(sink(w, o->top_index, "top_index", ATT_I32, (int32_t)n, s));
    ATTI_TRY(sink(w, o->top_weight, "top_weight", ATT_F32, (int32_t)n, s));
    int64_t columns[3] = {c->n_batch, w->heads, c->s}, keys[2] = {c->m_rows, w->heads};
    if (c->paged && w->flat && o->col_sum)
        return atti_fail(ATT_ENOTSUP,
                         "attention weights: col_sum of a paged ragged call");
    ATTI_TRY(sink(w, o->col_sum, "col_sum", ATT_F32, w->flat ? 2 : 3,
                  w->flat ? keys : columns));
    ATTI_TRY(check_matrices(w));
    return sinks_apart(o);
}

att_status att_attention_weights(const att_attention_desc *desc,
                                 const att_attention_args *args,
                                 const att_attention_observe *observe)
{
    atti_attn_call c;
    ATTI_TRY(atti_kernels_check());
    ATTI_TRY(atti_attn_resolve(&c, desc, args));
    if (!observe) return atti_fail(ATT_EINVAL, "attention weights: observe is NULL");
    watch w = {.c = &c, .o = observe};
    ATTI_TRY(check(&w));
    return c.dtype == ATT_F64 ? sweep_f64(&w) : sweep(&w, &c);
}
