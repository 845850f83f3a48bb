/* attn_fast_stage.c - operands that the kernels cannot read as they lie: bf16, and q and k
 * that want rotating (RoPE). They are copied to f32, once a call, head by head; out and
 * gradients are made in f32 copies and go back rounded, rotated back, or added. Memory
 * is linear in rows. */
#include "attention/attn_fast.h"
#include "base/threads.h"
#include "kernels/half.h"
#include "kernels/kernels.h"
#include <math.h>
#include <string.h>

#define BLOCK_ROWS 128

static bool wanted(const atti_attn_call *c)
{
    return c->dtype == ATT_BF16 || c->rope_q || c->rope_k;
}

static size_t padded(int64_t floats)
{
    return ((size_t)floats * sizeof(float) + 63) & ~(size_t)63;
}

size_t atti_attn_fast_stage_bytes(const atti_attn_call *c, int backward)
{
    if (!wanted(c)) return 0;
    int64_t n = c->ragged ? c->n_rows : c->n_batch * c->t;
    int64_t m = c->ragged ? c->m_rows : c->n_batch * c->s;
    size_t q = padded(n * c->heads * c->d), k = padded(m * c->kv_heads * c->d);
    size_t v = padded(m * c->kv_heads * c->e), o = padded(n * c->heads * c->e);
    size_t table = padded(c->s * c->rope_dims) + padded(c->rope_dims);
    return table + (backward ? 2 * (q + k + v + o) : q + k + v + o);
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
} way;

static void table_row(const atti_attn_fast *f, float *row, int64_t pos)
{
    const atti_attn_call *c = f->c;
    const double *freq =
        (const double *)(const void *)(f->rope +
                                       padded(c->s * c->rope_dims) / sizeof(float));
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
        (double *)(void *)(f->rope + padded(c->s * c->rope_dims) / sizeof(float));
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
    if (!w->call->data) return;
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
    j->blocks = (longest + BLOCK_ROWS - 1) / BLOCK_ROWS;
    atti_parallel_void(c->n_batch * j->blocks, move_task, j);
}

void atti_attn_fast_stage_in(atti_attn_fast *f, char *space)
{
    const atti_attn_call *c = f->c;
    const atti_attn_grad_call *g = f->g;
    int64_t n = c->n_rows, m = c->m_rows;
    f->staged = true;
    f->add = false;
    f->rope = (float *)(void *)space;
    space += padded(c->s * c->rope_dims) + padded(c->rope_dims);
    if (c->rope_q || c->rope_k) make_table(f);
    f->q = copy_view(c, &space, c->heads, n, c->t, c->d);
    f->keys = copy_view(c, &space, c->kv_heads, m, c->s, c->d);
    f->v = copy_view(c, &space, c->kv_heads, m, c->s, c->e);
    f->out = copy_view(c, &space, c->heads, n, c->t, c->e);
    journey j = {.f = f, .in = true};
    j.ways[j.n++] = (way){&c->q, &f->q, c->heads, c->d, false, c->rope_q};
    j.ways[j.n++] = (way){&c->k, &f->keys, c->kv_heads, c->d, true, c->rope_k};
    j.ways[j.n++] = (way){&c->v, &f->v, c->kv_heads, c->e, true, false};
    if (g) {
        f->dout = copy_view(c, &space, c->heads, n, c->t, c->e);
        f->dq = copy_view(c, &space, c->heads, n, c->t, c->d);
        f->dk = copy_view(c, &space, c->kv_heads, m, c->s, c->d);
        f->dv = copy_view(c, &space, c->kv_heads, m, c->s, c->e);
        j.ways[j.n++] = (way){&c->out, &f->out, c->heads, c->e, false, false};
        j.ways[j.n++] = (way){&g->dout, &f->dout, c->heads, c->e, false, false};
    }
    travel(&j);
}

void atti_attn_fast_stage_out(atti_attn_fast *f)
{
    const atti_attn_call *c = f->c;
    const atti_attn_grad_call *g = f->g;
    if (!f->staged) return;
    journey j = {.f = f, .in = false};
    if (g) {
        j.ways[j.n++] = (way){&g->dq, &f->dq, c->heads, c->d, false, c->rope_q};
        j.ways[j.n++] = (way){&g->dk, &f->dk, c->kv_heads, c->d, true, c->rope_k};
        j.ways[j.n++] = (way){&g->dv, &f->dv, c->kv_heads, c->e, true, false};
    } else {
        j.ways[j.n++] = (way){&c->out, &f->out, c->heads, c->e, false, false};
    }
    travel(&j);
}
