/* attn_generic_row.c - one query row from q to weights, and from dout back to the
 * gradient of its scores. What a member contributes is behind the tables. */
#include "attention/attn_generic.h"
#include "kernels/kernels.h"
#include <string.h>

void atti_gen_load_f32(float *x, const void *data, int32_t dtype, int64_t at, int64_t n)
{
    if (dtype == ATT_BF16)
        atti_k()->bf16_to_f32(x, (const uint16_t *)data + at, n);
    else
        memcpy(x, (const float *)data + at, (size_t)n * sizeof(float));
}

void atti_gen_store_f32(void *data, int32_t dtype, int64_t at, const float *x,
                        int64_t n, bool add)
{
    float sum[256];
    if (add) {
        atti_gen_load_f32(sum, data, dtype, at, n);
        for (int64_t i = 0; i < n; i++) sum[i] += x[i];
        x = sum;
    }
    if (dtype == ATT_BF16)
        atti_k()->f32_to_bf16((uint16_t *)data + at, x, n);
    else
        memcpy((float *)data + at, x, (size_t)n * sizeof(float));
}

static int64_t key_row0(const atti_attn_call *c, int64_t b)
{
    return c->ragged && !c->paged ? c->k_off[b] : b * c->s;
}

/* An operand without elements has no address to count from. */
static const float *first_row(const atti_attn_view *w, int64_t at)
{
    return w->data ? (const float *)w->data + at : NULL;
}

void atti_gen_row_begin(atti_gen_row *r, int64_t b, int64_t h)
{
    const atti_gen_plan *p = r->p;
    const atti_attn_call *c = p->c;
    r->b = b;
    r->h = h;
    r->g = h / c->group;
    r->n_q = atti_attn_nq(c, b);
    r->n_k = atti_attn_nk(c, b);
    int64_t at = r->g * c->m_rows + key_row0(c, b);
    r->ld_k = p->copy_k ? c->dk : c->k.sr;
    r->ld_v = p->copy_v ? c->e : c->v.sr;
    r->k = p->copy_k ? p->kp + at * c->dk
                     : first_row(&c->k, atti_attn_koff(c, &c->k, b, 0, r->g));
    r->v = p->copy_v ? p->vp + at * c->e
                     : first_row(&c->v, atti_attn_koff(c, &c->v, b, 0, r->g));
    r->ek = p->ek ? p->ek + at * c->dk : NULL;
    r->dk = p->dkp ? p->dkp + at * c->dk : NULL;
    r->dv = p->dvp ? p->dvp + at * c->e : NULL;
    r->ld_dk = c->dk;
    r->ld_dv = c->e;
}

static void query(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    atti_gen_load_f32(r->q_raw, c->q.data, c->dtype,
                      atti_attn_qoff(c, &c->q, r->b, r->t, r->h), c->d);
    memcpy(r->q_rot, r->q_raw, (size_t)c->d * sizeof(float));
    if (c->rope_q) {
        if (r->pos >= 0)
            r->rope_now = r->p->rope_table + r->pos * c->rope_dims;
        else {
            atti_attn_rope_table(r->rope, c, r->pos);
            r->rope_now = r->rope;
        }
        atti_attn_rope_apply(r->q_rot, c, r->rope_now, 1);
    }
    r->p->score->query(r);
}

void atti_gen_wide_fold(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    const struct {
        int64_t at, n;
    } all[] = {{c->desc->score == ATT_SCORE_BILINEAR ? r->at.w : -1, c->d * c->dk},
               {r->at.rel_k, (2 * c->shaw + 1) * c->d},
               {r->at.rel_v, (2 * c->shaw + 1) * c->e}};
    for (size_t k = 0; r->slot && k < sizeof all / sizeof all[0]; k++)
        for (int64_t i = all[k].at; i >= 0 && i < all[k].at + all[k].n; i++) {
            r->slot[i] += (double)r->wide[i];
            r->wide[i] = 0.0f;
        }
}

enum { PIECE = 64 };

/* The piece of the row's present run within keys at .. at+PIECE-1; n 0 = none. */
static atti_gen_run piece_of(const atti_gen_row *r, int64_t at)
{
    if (r->cursor >= r->n_runs) return (atti_gen_run){at, 0, 0};
    atti_gen_run x = r->runs[r->cursor];
    int64_t a = x.s0 > at ? x.s0 : at, z = x.s0 + x.n;
    if (z > at + PIECE) z = at + PIECE;
    return (atti_gen_run){a, x.j0 + a - x.s0, z > a ? z - a : 0};
}

/* Whether the present run ends within these keys: then the next may begin there. */
static bool run_ends(const atti_gen_row *r, int64_t at)
{
    if (r->cursor >= r->n_runs) return false;
    atti_gen_run x = r->runs[r->cursor];
    return x.s0 + x.n <= at + PIECE;
}

/* One piece of keys, all rows: together where they see the same. */
static void one_piece(atti_gen_row *rows, int64_t n, int64_t at, atti_gen_piece_fn *fn,
                      atti_gen_many_fn *many)
{
    atti_gen_run x[ATTI_GEN_ROWS];
    bool same = many && n > 1;
    for (int64_t i = 0; same && i < n; i++) {
        x[i] = piece_of(&rows[i], at);
        same = x[i].n > 0 && x[i].n == x[0].n && x[i].s0 == x[0].s0 &&
               x[i].s0 + x[i].n <= at + PIECE;
        /* A second run within the piece would come too late. */
        if (run_ends(&rows[i], at) && rows[i].cursor + 1 < rows[i].n_runs) same = false;
    }
    if (same) many(rows, n, x);
    for (int64_t i = 0; i < n; i++) {
        atti_gen_row *r = &rows[i];
        for (;;) {
            atti_gen_run y = piece_of(r, at);
            if (!same && y.n > 0) fn(r, y);
            if (!run_ends(r, at)) break;
            r->cursor++;
        }
    }
}

void atti_gen_over_keys(atti_gen_row *rows, int64_t n, atti_gen_piece_fn *fn,
                        atti_gen_many_fn *many)
{
    int64_t first = INT64_MAX, end = 0;
    if (rows->p->c->edges) {
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < rows[i].n_runs; j++)
                fn(&rows[i], atti_gen_run_at(&rows[i], j));
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        atti_gen_row *r = &rows[i];
        r->cursor = 0;
        if (!r->n_runs) continue;
        atti_gen_run last = r->runs[r->n_runs - 1];
        if (r->runs[0].s0 < first) first = r->runs[0].s0;
        if (last.s0 + last.n > end) end = last.s0 + last.n;
    }
    for (int64_t at = first / PIECE * PIECE; at < end; at += PIECE)
        one_piece(rows, n, at, fn, many);
}

static void score_piece(atti_gen_row *r, atti_gen_run x)
{
    r->p->score->forward(r, r->e + x.j0, r->k + x.s0 * r->ld_k, r->ld_k, x.n);
}

void atti_gen_block_weights(atti_gen_row *rows, int64_t n, int64_t t0)
{
    for (int64_t i = 0; i < n; i++) {
        atti_gen_row *r = &rows[i];
        r->t = t0 + i;
        r->pos = r->t + r->n_k - r->n_q;
        r->picked = -1;
        r->sink = 0.0f;
        atti_gen_visible(r);
        query(r);
    }
    atti_gen_over_keys(rows, n, score_piece, NULL);
    for (int64_t i = 0; i < n; i++) {
        atti_gen_shaw_scores(&rows[i]);
        atti_gen_terms(&rows[i]);
        rows[i].p->norm->forward(&rows[i]);
    }
}

void atti_gen_row_weights(atti_gen_row *r, int64_t t)
{
    atti_gen_block_weights(r, 1, t);
}

void atti_gen_row_drop(const atti_gen_row *r, float *w)
{
    const atti_attn_call *c = r->p->c;
    if (!c->drop.threshold) return;
    uint64_t row = atti_attn_row(c, r->b, r->t) * (uint64_t)c->heads + (uint64_t)r->h;
    uint32_t rowkey = atti_drop_rowkey(c->drop.key, row);
    if (c->edges) {
        r->p->k->drop(w, rowkey, 0, c->drop.threshold, c->drop.scale, r->n);
        return;
    }
    for (int64_t i = 0; i < r->n_runs; i++) {
        atti_gen_run run = r->runs[i];
        r->p->k->drop(w + run.j0, rowkey, run.s0, c->drop.threshold, c->drop.scale,
                      run.n);
    }
}

static void value_piece(atti_gen_row *r, atti_gen_run x)
{
    const atti_attn_row_kernels *k = r->p->k;
    const int64_t e = r->p->c->e;
    k->dot(r->da + x.j0, r->dout, r->v + x.s0 * r->ld_v, r->ld_v, x.n, e);
    if (r->dv)
        k->outer(r->dv + x.s0 * r->ld_dv, r->ld_dv, r->w + x.j0, r->dout, x.n, e);
}

static void value_pieces(atti_gen_row *rows, int64_t n, const atti_gen_run *x)
{
    const atti_attn_row_kernels *k = rows->p->k;
    const int64_t e = rows->p->c->e;
    const float *w[ATTI_GEN_ROWS], *dout[ATTI_GEN_ROWS];
    for (int64_t i = 0; i < n; i++) {
        const atti_gen_row *r = &rows[i];
        w[i] = r->w + x[i].j0;
        dout[i] = r->dout;
        k->dot(r->da + x[i].j0, r->dout, r->v + x[i].s0 * r->ld_v, r->ld_v, x[i].n, e);
    }
    if (rows->dv)
        k->outer_rows(rows->dv + x->s0 * rows->ld_dv, rows->ld_dv, w, dout, n, x->n, e);
}

void atti_gen_block_scores_backward(atti_gen_row *rows, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        /* e is still needed by the ReLU forms; capped by the soft cap; w takes soft's
         * place only where there is no surrogate. */
        memcpy(rows[i].w, rows[i].alpha, (size_t)rows[i].n * sizeof(float));
        atti_gen_row_drop(&rows[i], rows[i].w);
    }
    atti_gen_over_keys(rows, n, value_piece, value_pieces);
    for (int64_t i = 0; i < n; i++) {
        atti_gen_row *r = &rows[i];
        const float inv_temp = r->p->c->inv_temp;
        atti_gen_shaw_values_backward(r, r->w);
        atti_gen_row_drop(r, r->da);
        r->p->norm->backward(r);
        if (inv_temp != 1.0f) atti_k()->scale(r->da, r->da, inv_temp, 0, r->n);
    }
}

void atti_gen_row_scores_backward(atti_gen_row *r)
{
    atti_gen_block_scores_backward(r, 1);
}
