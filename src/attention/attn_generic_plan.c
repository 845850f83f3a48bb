/* attn_generic_plan.c - the generic path's memory: what is needed, where it lies, and the
 * prepared copies of k and v.
 *
 * Everything is linear in the operands: copies of k and v (when they cannot be read as
 * they are), their gradients, a table of rotations, and a few rows a thread. */
#include "attention/attn_generic.h"
#include "base/checked.h"
#include "base/threads.h"
#include "kernels/attn_kernels.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

enum { PREPARE_ROWS = 256, T5_REACH = 4096 };

/* Hands out 64-byte aligned pieces of base; with base NULL it only counts. Saturates at
 * SIZE_MAX, which no allocation can satisfy. */
typedef struct bump {
    unsigned char *base;
    size_t used;
} bump;

static void *take(bump *m, int64_t count, size_t size)
{
    size_t bytes, end, at = m->used;
    if (count < 0 || !atti_mul_size(&bytes, (size_t)count, size) ||
        !atti_add_size(&end, at, bytes) || end > SIZE_MAX - 63) {
        m->used = SIZE_MAX - 63;
        return NULL;
    }
    m->used = (end + 63) & ~(size_t)63;
    return m->base ? m->base + at : NULL;
}

atti_gen_slots atti_gen_slot_layout(const atti_gen_plan *p)
{
    const atti_attn_call *c = p->c;
    const atti_attn_grad_call *g = p->g;
    atti_gen_slots s = {-1, -1, -1, -1, -1, -1, -1, -1, 0};
    if (!g) return s;
    int64_t rel = 2 * c->shaw + 1;
    int64_t w = c->desc->score == ATT_SCORE_BILINEAR ? c->d * c->dk : c->d;
    const struct {
        int64_t *at;
        const void *wanted;
        int64_t n;
    } all[] = {{&s.w, g->dscore_w, w},
               {&s.b, g->dscore_b, c->d},
               {&s.prior, g->dprior_w, 1},
               {&s.sink, g->dsink_logit, 1},
               {&s.alibi, g->dalibi, 1},
               {&s.t5, g->dt5, c->t5_buckets},
               {&s.rel_k, g->drel_k, rel * c->d},
               {&s.rel_v, g->drel_v, rel * c->e}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!all[i].wanted) continue;
        *all[i].at = s.count;
        s.count += all[i].n;
    }
    return s;
}

/* Rows of a thread, in the order atti_gen_row_init takes them. */
static void row_layout(atti_gen_row *r, const atti_gen_plan *p, bump *m)
{
    const atti_attn_call *c = p->c;
    float **rows[] = {&r->e, &r->alpha, &r->soft, &r->da, &r->capped, &r->w};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        *rows[i] = take(m, p->row_room, sizeof(float));
    float **small[] = {&r->q_raw,  &r->q_rot, &r->q,    &r->bw,  &r->dq,
                       &r->dq_raw, &r->tmp,   &r->dout, &r->out, &r->rope};
    for (size_t i = 0; i < sizeof small / sizeof small[0]; i++)
        *small[i] = take(m, 256, sizeof(float));
    r->bucket = take(m, 2 * c->shaw + 1, sizeof(float));
    r->wide = p->g ? take(m, p->param_count, sizeof(float)) : NULL;
    r->t5_sum =
        p->g && c->t5_table ? take(m, 2 * p->t5_reach + 1, sizeof(double)) : NULL;
    int64_t runs = c->edges ? 0 : c->block_mask ? p->row_room / 2 + 3 : 3;
    r->runs = take(m, runs, sizeof(atti_gen_run));
}

static void row_init(atti_gen_row *r, const atti_gen_plan *p, int thread, int64_t i)
{
    memset(r, 0, sizeof *r);
    r->p = p;
    bump m = {p->threads + (size_t)thread * p->thread_bytes + (size_t)i * p->row_bytes,
              0};
    row_layout(r, p, &m);
    r->at = atti_gen_slot_layout(p);
    if (!p->g || !p->g->dscore_w) r->bw = NULL;
}

void atti_gen_row_init(atti_gen_row *r, const atti_gen_plan *p, int thread)
{
    row_init(r, p, thread, 0);
    if (r->wide) memset(r->wide, 0, (size_t)p->param_count * sizeof(float));
    if (r->t5_sum) memset(r->t5_sum, 0, (size_t)(2 * p->t5_reach + 1) * sizeof(double));
}

void atti_gen_block_init(atti_gen_row *rows, const atti_gen_plan *p, int thread)
{
    atti_gen_row_init(rows, p, thread);
    for (int64_t i = 1; i < p->block; i++) {
        row_init(&rows[i], p, thread, i);
        rows[i].t5_sum = rows->t5_sum;
        rows[i].wide = rows->wide;
    }
}

enum { UNITS = 16, PART_ROWS = 64, PART_FLOATS = 4 << 20 };

/* Queries alone: at least the parts that any number of keys gives. */
static int64_t parts_at_most(const atti_attn_call *c, int64_t n_q)
{
    int64_t parts = atti_ceil_div(UNITS, c->kv_heads);
    parts = atti_min_i64(parts, n_q / PART_ROWS);
    return atti_max_i64(parts, 1);
}

int64_t atti_gen_parts(const atti_attn_call *c, int64_t n_q, int64_t n_k)
{
    int64_t parts = parts_at_most(c, n_q);
    int64_t fit = PART_FLOATS / (atti_max_i64(n_k, 1) * (c->dk + c->e));
    return atti_max_i64(atti_min_i64(parts, fit), 1);
}

/* Rows of dk that parts 1.. of any one sequence need, for each key head. */
static int64_t more_rows(const atti_attn_call *c)
{
    int64_t parts = parts_at_most(c, atti_attn_most_queries(c)), rows = 0;
    int64_t fit = PART_FLOATS / (c->dk + c->e);
    if (!atti_mul_i64(&rows, parts - 1, c->edges ? c->m_rows : atti_attn_most_keys(c)))
        return fit;
    return atti_min_i64(rows, fit);
}

static size_t layout(atti_gen_plan *p, unsigned char *base)
{
    const atti_attn_call *c = p->c;
    const atti_attn_grad_call *g = p->g;
    bump m = {base, 0};
    int64_t rows = 0;
    if (!atti_mul_i64(&rows, c->m_rows, c->kv_heads) || rows > INT64_MAX / 256)
        rows = -1;
    p->kp = p->copy_k ? take(&m, rows * c->dk, sizeof(float)) : NULL;
    p->vp = p->copy_v ? take(&m, rows * c->e, sizeof(float)) : NULL;
    p->k_inv =
        c->desc->score == ATT_SCORE_COSINE ? take(&m, rows, sizeof(float)) : NULL;
    p->ek = c->desc->score == ATT_SCORE_ADDITIVE ? take(&m, rows * c->dk, sizeof(float))
                                                 : NULL;
    p->rope_table =
        c->rope_q ? take(&m, p->row_room * c->rope_dims, sizeof(float)) : NULL;
    p->t5_bucket = c->t5_table ? take(&m, 2 * p->t5_reach + 1, sizeof(int32_t)) : NULL;
    p->t5_term =
        c->t5_table ? take(&m, c->heads * (2 * p->t5_reach + 1), sizeof(float)) : NULL;
    if (g) {
        p->dkp = g->dk.data ? take(&m, rows * c->dk, sizeof(float)) : NULL;
        p->dvp = g->dv.data ? take(&m, rows * c->e, sizeof(float)) : NULL;
        int64_t n = 0, extra = more_rows(c) * c->kv_heads;
        p->dk_more = g->dk.data ? take(&m, extra * c->dk, sizeof(float)) : NULL;
        p->dv_more = g->dv.data ? take(&m, extra * c->e, sizeof(float)) : NULL;
        if (!atti_mul_i64(&n, p->n_slots * c->heads, p->param_count)) n = -1;
        p->slots = p->param_count ? take(&m, n, sizeof(double)) : NULL;
    }
    bump one = {NULL, 0};
    atti_gen_row r;
    row_layout(&r, p, &one);
    p->row_bytes = one.used;
    if (one.used > SIZE_MAX / 64) return SIZE_MAX - 63;
    p->thread_bytes = (size_t)p->block * one.used;
    p->threads = take(&m, atti_threads_max(), p->thread_bytes);
    return m.used;
}

/* What depends on the call alone, before any memory. */
static void shape(atti_gen_plan *p, const atti_attn_call *c,
                  const atti_attn_grad_call *g)
{
    memset(p, 0, sizeof *p);
    p->c = c;
    p->g = g;
    p->k = atti_k()->attn ? atti_k()->attn->rows : &atti_ref_attn_rows;
    p->score = atti_gen_score_of(c->desc->score);
    p->norm = atti_gen_norm_of(c->desc->normalise);
    bool bf16 = c->dtype == ATT_BF16;
    p->copy_k = bf16 || c->paged || c->rope_k || c->desc->score == ATT_SCORE_COSINE;
    p->copy_v = bf16 || c->paged;
    /* Offsets' contents must not change the size of the workspace. */
    p->row_room = c->edges ? c->n_edges : c->ragged && !c->paged ? c->m_rows : c->s;
    p->t5_reach =
        c->desc->t5_max_distance < T5_REACH ? c->desc->t5_max_distance : T5_REACH;
    p->param_count = atti_gen_slot_layout(p).count;
    int64_t most = p->param_count > 4096 ? 4 : 16;
    p->n_groups = c->n_batch < most ? c->n_batch : most;
    p->n_slots = p->n_groups + parts_at_most(c, atti_attn_most_queries(c));
    p->block = c->edges ? 1 : atti_max_i64(atti_min_i64(ATTI_GEN_ROWS, c->t), 1);
    if (!g) return;
    const int64_t *n = g->dbias_shape;
    bool owns = n[0] == c->n_batch && n[1] == c->heads && (n[2] > 1 || c->t == 1);
    if (g->dbias) p->dbias_direct = owns;
    if (g->dedge_bias) p->dbias_direct = c->edge_bias_head == 1 || c->heads == 1;
    p->dbias_sweep = (g->dbias || g->dedge_bias) && !p->dbias_direct;
}

size_t atti_attn_generic_workspace(const atti_attn_call *c, int backward)
{
    atti_gen_plan p;
    atti_attn_grad_call all;
    if (backward) {
        /* As if every gradient that exists were wanted. */
        memset(&all, 0, sizeof all);
        void *yes = &all;
        all.dk.data = all.dv.data = yes;
        all.dscore_w = c->score_w ? yes : NULL;
        all.dscore_b = c->score_b ? yes : NULL;
        all.dprior_w = c->prior_w ? yes : NULL;
        all.dsink_logit = c->sink_logit ? yes : NULL;
        all.dalibi = c->alibi ? yes : NULL;
        all.dt5 = c->t5_table ? yes : NULL;
        all.drel_k = c->rel_k ? yes : NULL;
        all.drel_v = c->rel_v ? yes : NULL;
    }
    shape(&p, c, backward ? &all : NULL);
    /* A call may want fewer than all of them, and then cuts into more groups. */
    if (backward && p.param_count > 4096)
        p.param_count = atti_max_i64(p.param_count, 4 * 4096);
    return layout(&p, NULL);
}

att_status atti_gen_plan_make(atti_gen_plan *p, const atti_attn_call *c,
                              const atti_attn_grad_call *g)
{
    shape(p, c, g);
    size_t need = layout(p, NULL);
    if (need > c->workspace_bytes)
        return atti_fail(ATT_EINVAL,
                         "attention: workspace of %zu bytes, %zu are needed",
                         c->workspace_bytes, need);
    (void)layout(p, c->workspace);
    return ATT_OK;
}

static int64_t key_row0(const atti_attn_call *c, int64_t b)
{
    return c->ragged && !c->paged ? c->k_off[b] : b * c->s;
}

static int64_t source(const atti_attn_call *c, const atti_attn_view *w,
                      int64_t page_stride, int64_t b, int64_t s, int64_t g)
{
    return c->paged ? atti_attn_pageoff(c, w, page_stride, b, s, g)
                    : atti_attn_koff(c, w, b, s, g);
}

static void prepare_key(const atti_gen_plan *p, int64_t b, int64_t g, int64_t s)
{
    const atti_attn_call *c = p->c;
    int64_t row = g * c->m_rows + key_row0(c, b) + s;
    float *x = p->kp + row * c->dk;
    atti_gen_load_f32(x, c->k.data, c->dtype, source(c, &c->k, c->k_page, b, s, g),
                      c->dk);
    if (c->rope_k) atti_attn_rope_apply(x, c, p->rope_table + s * c->rope_dims, 1);
    if (!p->k_inv) return;
    p->k_inv[row] = atti_gen_unit(x, x, c->dk, p->k);
}

/* e^2k of one key. Beyond 24 a tanh is 1 whatever a query within 12 adds. */
static void prepare_exponentials(const atti_gen_plan *p, int64_t b, int64_t g,
                                 int64_t s)
{
    const atti_attn_call *c = p->c;
    int64_t row = g * c->m_rows + key_row0(c, b) + s;
    const float *k = p->copy_k
                         ? p->kp + row * c->dk
                         : (const float *)c->k.data + atti_attn_koff(c, &c->k, b, s, g);
    float x[256];
    for (int64_t i = 0; i < c->dk; i++)
        x[i] = k[i] > 24.0f ? 48.0f : k[i] < -24.0f ? -48.0f : 2.0f * k[i];
    (void)p->k->exp_sum(p->ek + row * c->dk, x, 0.0f, c->dk);
}

static void prepare_task(void *ctx, int64_t task, int thread)
{
    const atti_gen_plan *p = ctx;
    const atti_attn_call *c = p->c;
    (void)thread;
    int64_t chunks = atti_ceil_div(c->s, PREPARE_ROWS);
    int64_t s0 = task % chunks * PREPARE_ROWS, bg = task / chunks;
    int64_t b = bg / c->kv_heads, g = bg % c->kv_heads;
    if (atti_attn_done(c, b)) return;
    int64_t end = atti_min_i64(s0 + PREPARE_ROWS, atti_attn_nk(c, b));
    for (int64_t s = s0; s < end; s++) {
        if (p->copy_k) prepare_key(p, b, g, s);
        if (p->ek) prepare_exponentials(p, b, g, s);
        if (p->copy_v)
            atti_gen_load_f32(p->vp + (g * c->m_rows + key_row0(c, b) + s) * c->e,
                              c->v.data, c->dtype, source(c, &c->v, c->v_page, b, s, g),
                              c->e);
    }
}

static void rope_task(void *ctx, int64_t task, int thread)
{
    const atti_gen_plan *p = ctx;
    (void)thread;
    int64_t end = atti_min_i64((task + 1) * PREPARE_ROWS, p->c->s);
    for (int64_t s = task * PREPARE_ROWS; s < end; s++)
        atti_attn_rope_table(p->rope_table + s * p->c->rope_dims, p->c, s);
}

void atti_gen_prepare(atti_gen_plan *p)
{
    const atti_attn_call *c = p->c;
    for (int64_t r = -p->t5_reach; p->t5_bucket && r <= p->t5_reach; r++)
        p->t5_bucket[r + p->t5_reach] =
            atti_attn_t5_bucket(r, c->desc->t5_buckets, c->desc->t5_max_distance,
                                c->desc->t5_bidirectional != 0);
    for (int64_t r = 0; p->t5_bucket && r <= 2 * p->t5_reach; r++)
        for (int64_t h = 0; h < c->heads; h++)
            p->t5_term[h * (2 * p->t5_reach + 1) + r] =
                ((const float *)c->t5_table)[p->t5_bucket[r] * c->heads + h];
    int64_t chunks = atti_ceil_div(c->s, PREPARE_ROWS);
    if (p->rope_table) atti_parallel_void(chunks, rope_task, p);
    if (p->copy_k || p->copy_v || p->ek)
        atti_parallel_void(c->n_batch * c->kv_heads * chunks, prepare_task, p);
}
