/* attn_fast_stage.c - operands that the kernels cannot read as they lie: bf16, and q and k
 * that want rotating (RoPE); f32 that counts as bf16 where no tiles round it; and keys and values of long sequences whose heads lie side by
 * side, because rows at strides like 2048 bytes fall into so few sets of the caches that
 * they would come from memory again for every tile of queries. They are copied to f32, once
 * a call, head by head; results are made in f32 copies and go back rounded, rotated back,
 * or added. Memory is linear in rows. */
#include "attention/attn_fast.h"
#include "base/threads.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

#define BLOCK_ROWS 128

/* Sequences shorter than this are read too few times to be worth a copy. */
#define LONG_KEYS 256

static bool crowded(const atti_attn_view *w, int64_t width)
{
    return w->sr >= 4 * width && w->sr % 128 == 0;
}

/* Operands are rounded to bf16 here, on their way into the f32 kernels; tiles do it as they
 * lay them out. Gradients and out are f32 where they are. */
static bool rounds(const atti_attn_call *c)
{
    return c->half && !atti_attn_fast_tiled(c);
}
static bool stages_dq(const atti_attn_call *c)
{
    return c->dtype == ATT_BF16 || c->rope_q;
}
static bool stages_q(const atti_attn_call *c)
{
    return stages_dq(c) || rounds(c);
}
static bool stages_out(const atti_attn_call *c)
{
    return c->dtype == ATT_BF16;
}
/* Whether sequences of these lengths are copied for speed alone. */
static bool worth_a_copy(const atti_attn_call *c, int64_t t, int64_t s)
{
    return t >= LONG_KEYS && s >= LONG_KEYS && !atti_attn_fast_tiled(c) &&
           (crowded(&c->k, c->d) || crowded(&c->v, c->e));
}
static bool must_stage_keys(const atti_attn_call *c)
{
    return c->dtype == ATT_BF16 || c->rope_k;
}
/* Adding to given gradients takes the same order of sums for any length of neighbours:
 * no copy then for speed alone. */
static bool stages_dkv(const atti_attn_call *c, bool add)
{
    return must_stage_keys(c) || (!add && worth_a_copy(c, c->t, c->s));
}
static bool stages_keys(const atti_attn_call *c, bool add)
{
    return stages_dkv(c, add) || rounds(c);
}

static size_t padded(int64_t floats)
{
    return ((size_t)floats * sizeof(float) + 63) & ~(size_t)63;
}

static size_t table_bytes(const atti_attn_call *c)
{
    return c->rope_q || c->rope_k
               ? padded(atti_attn_most_keys(c) * c->rope_dims) + padded(c->rope_dims)
               : 0;
}

size_t atti_attn_fast_stage_bytes(const atti_attn_call *c, int backward)
{
    bool keys = must_stage_keys(c) ||
                worth_a_copy(c, atti_attn_most_queries(c), atti_attn_most_keys(c));
    size_t sum = table_bytes(c);
    size_t dkeys =
        padded(c->m_rows * c->kv_heads * c->d) + padded(c->m_rows * c->kv_heads * c->e);
    if (stages_q(c)) sum += padded(c->n_rows * c->heads * c->d);
    if (stages_out(c)) sum += padded(c->n_rows * c->heads * c->e);
    if (keys || rounds(c)) sum += dkeys;
    if (!backward) return sum;
    if (stages_dq(c)) sum += padded(c->n_rows * c->heads * c->d);
    if (stages_out(c) || rounds(c)) sum += padded(c->n_rows * c->heads * c->e);
    if (keys) sum += dkeys;
    return sum;
}

/* A compact copy's view: [B,H,T,w], or [H,N,w] of a ragged batch. */
static atti_attn_view copy_view(const atti_attn_call *c, char **space, int64_t heads,
                                int64_t rows, int64_t longest, int64_t width)
{
    atti_attn_view w = {*space, ATT_F32, 0, width, 0};
    w.sh = c->ragged ? rows * width : longest * width;
    w.sb = c->ragged ? 0 : heads * longest * width;
    *space += padded((c->ragged ? rows : c->n_batch * longest) * heads * width);
    return w;
}

/* A row of f32 or bf16 elements to f32, and back. */
static void widen(float *dst, const atti_attn_view *w, int64_t off, int64_t n)
{
    if (w->dtype == ATT_BF16)
        atti_k()->bf16_to_f32(dst, (const uint16_t *)w->data + off, n);
    else
        memcpy(dst, (const float *)w->data + off, (size_t)n * sizeof(float));
}

static void narrow(const atti_attn_view *w, int64_t off, const float *src, int64_t n,
                   bool add)
{
    if (w->dtype == ATT_BF16) {
        uint16_t *y = (uint16_t *)w->data + off;
        if (!add) {
            atti_k()->f32_to_bf16(y, src, n);
            return;
        }
        for (int64_t i = 0; i < n; i++)
            y[i] = atti_f32_to_bf16(atti_bf16_to_f32(y[i]) + src[i]);
        return;
    }
    float *y = (float *)w->data + off;
    for (int64_t i = 0; i < n; i++) y[i] = add ? y[i] + src[i] : src[i];
}

/* One operand's way: from the call's view to the copy or back. */
typedef struct way {
    const atti_attn_view *call, *copy;
    int64_t heads, width;
    bool keys, rotate;
    bool round; /* to bf16 */
} way;

static void round_row(float *x, int64_t n)
{
    uint16_t half[ATTI_ATTN_MAX_WIDTH];
    atti_k()->f32_to_bf16(half, x, n);
    atti_k()->bf16_to_f32(x, half, n);
}

static void table_row(const atti_attn_fast *f, float *row, int64_t pos)
{
    const atti_attn_call *c = f->c;
    const double *freq =
        (const double *)(const void *)(f->rope +
                                       padded(atti_attn_most_keys(c) * c->rope_dims) /
                                           sizeof(float));
    double p =
        (double)(pos + c->desc->rope_offset) * (double)c->desc->rope_position_scale;
    for (int64_t j = 0; j < c->rope_dims / 2; j++) {
        row[2 * j] = (float)cos(p * freq[j]);
        row[2 * j + 1] = (float)sin(p * freq[j]);
    }
}

static void turn(const atti_attn_fast *f, float *x, int64_t pos, int dir)
{
    const atti_attn_call *c = f->c;
    float own[ATTI_ATTN_MAX_WIDTH];
    const float *row = f->rope + pos * c->rope_dims;
    if (pos < 0 || pos >= c->s) { /* a query before the first key */
        table_row(f, own, pos);
        row = own;
    }
    atti_attn_rope_apply(x, c, row, dir);
}

static void table_task(void *ctx, int64_t task, int thread)
{
    const atti_attn_fast *f = ctx;
    int64_t p = task * BLOCK_ROWS,
            end = p + BLOCK_ROWS < f->c->s ? p + BLOCK_ROWS : f->c->s;
    (void)thread;
    for (; p < end; p++) table_row(f, f->rope + p * f->c->rope_dims, p);
}

static void make_table(atti_attn_fast *f)
{
    const atti_attn_call *c = f->c;
    double *freq =
        (double *)(void *)(f->rope + padded(atti_attn_most_keys(c) * c->rope_dims) /
                                         sizeof(float));
    for (int64_t j = 0; j < c->rope_dims / 2; j++)
        freq[j] = c->rope_freqs ? atti_attn_par(c, c->rope_freqs, j)
                                : pow((double)c->desc->rope_theta,
                                      -2.0 * (double)j / (double)c->rope_dims);
    atti_parallel_void((c->s + BLOCK_ROWS - 1) / BLOCK_ROWS, table_task, f);
}

/* Rows r0 .. r0+BLOCK_ROWS-1 of sequence b. */
static void move_rows(const atti_attn_fast *f, const way *w, int64_t b, int64_t r0,
                      bool in)
{
    const atti_attn_call *c = f->c;
    int64_t n = w->keys ? atti_attn_nk(c, b) : atti_attn_nq(c, b);
    /* Gradients of keys past a length are zeros, and go back too. */
    if (!in && w->keys && !c->ragged) n = c->s;
    int64_t shift = w->keys ? 0 : atti_attn_nk(c, b) - atti_attn_nq(c, b);
    float row[ATTI_ATTN_MAX_WIDTH];
    if (!w->call->data || atti_attn_done(c, b)) return;
    for (int64_t h = 0; h < w->heads; h++)
        for (int64_t r = r0; r < n && r < r0 + BLOCK_ROWS; r++) {
            int64_t at = w->keys ? atti_attn_koff(c, w->call, b, r, h)
                                 : atti_attn_qoff(c, w->call, b, r, h);
            int64_t to = w->keys ? atti_attn_koff(c, w->copy, b, r, h)
                                 : atti_attn_qoff(c, w->copy, b, r, h);
            float *x = (float *)w->copy->data + to;
            if (in) {
                widen(x, w->call, at, w->width);
                if (w->rotate) turn(f, x, r + shift, 1);
                if (w->round) round_row(x, w->width);
                continue;
            }
            memcpy(row, x, (size_t)w->width * sizeof(float));
            if (w->rotate) turn(f, row, r + shift, -1);
            narrow(w->call, at, row, w->width, f->g && f->g->accumulate);
        }
}

typedef struct journey {
    const atti_attn_fast *f;
    way ways[5];
    int n;
    bool in;
    int64_t blocks;
} journey;

static void move_task(void *ctx, int64_t task, int thread)
{
    const journey *j = ctx;
    (void)thread;
    for (int i = 0; i < j->n; i++)
        move_rows(j->f, &j->ways[i], task / j->blocks, task % j->blocks * BLOCK_ROWS,
                  j->in);
}

static void travel(journey *j)
{
    const atti_attn_call *c = j->f->c;
    int64_t longest = c->t > c->s ? c->t : c->s;
    if (!j->n) return;
    j->blocks = (longest + BLOCK_ROWS - 1) / BLOCK_ROWS;
    atti_parallel_void(c->n_batch * j->blocks, move_task, j);
}

/* Points *view at a copy and books its way; into is false for results. */
static void stage(journey *j, char **space, atti_attn_view *view,
                  const atti_attn_view *call, bool keys, int64_t width, bool rotate,
                  bool into)
{
    const atti_attn_call *c = j->f->c;
    int64_t heads = keys ? c->kv_heads : c->heads;
    *view = copy_view(c, space, heads, keys ? c->m_rows : c->n_rows, keys ? c->s : c->t,
                      width);
    if (into)
        j->ways[j->n++] = (way){call, view, heads, width, keys, rotate, rounds(c)};
}

void atti_attn_fast_stage_in(atti_attn_fast *f, char *space)
{
    const atti_attn_call *c = f->c;
    const atti_attn_grad_call *g = f->g;
    journey j = {.f = f, .in = true};
    f->rope = (float *)(void *)space;
    space += table_bytes(c);
    if (table_bytes(c)) make_table(f);
    const bool add = g && g->accumulate;
    if (stages_q(c)) stage(&j, &space, &f->q, &c->q, false, c->d, c->rope_q, true);
    if (g && stages_dq(c)) {
        stage(&j, &space, &f->dq, NULL, false, c->d, false, false);
        f->add_dq = false;
    }
    if (stages_keys(c, add)) {
        stage(&j, &space, &f->keys, &c->k, true, c->d, c->rope_k, true);
        stage(&j, &space, &f->v, &c->v, true, c->e, false, true);
    }
    if (g && stages_dkv(c, add)) {
        stage(&j, &space, &f->dk, NULL, true, c->d, false, false);
        stage(&j, &space, &f->dv, NULL, true, c->e, false, false);
        f->add_dkv = false;
    }
    if (stages_out(c)) stage(&j, &space, &f->out, &c->out, false, c->e, false, false);
    if (g && (stages_out(c) || rounds(c)))
        stage(&j, &space, &f->dout, &g->dout, false, c->e, false, true);
    travel(&j);
}

void atti_attn_fast_stage_out(atti_attn_fast *f)
{
    const atti_attn_call *c = f->c;
    const atti_attn_grad_call *g = f->g;
    journey j = {.f = f, .in = false};
    if (!g && stages_out(c))
        j.ways[j.n++] = (way){&c->out, &f->out, c->heads, c->e, false, false, false};
    if (g && stages_dq(c))
        j.ways[j.n++] = (way){&g->dq, &f->dq, c->heads, c->d, false, c->rope_q, false};
    if (g && stages_dkv(c, g->accumulate)) {
        j.ways[j.n++] =
            (way){&g->dk, &f->dk, c->kv_heads, c->d, true, c->rope_k, false};
        j.ways[j.n++] = (way){&g->dv, &f->dv, c->kv_heads, c->e, true, false, false};
    }
    travel(&j);
}
