#include "attn_measure.h"

#include "attend/attention.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int bench_cpu_clock;

double bench_now(void)
{
    struct timespec t;
    clock_gettime(bench_cpu_clock ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void bench_case_init(bench_case *c)
{
    memset(c, 0, sizeof *c);
    c->b = c->h = 1;
    c->t = c->d = 64;
    c->left = c->right = -1;
}

typedef struct operands {
    att_tensor q, k, v, out, lse, dout, dq, dk, dv, q_off, k_off, space;
} operands;

static void operands_deinit(operands *o)
{
    att_tensor *all[] = {&o->q,  &o->k,  &o->v,  &o->out,   &o->lse,   &o->dout,
                         &o->dq, &o->dk, &o->dv, &o->q_off, &o->k_off, &o->space};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) att_tensor_deinit(all[i]);
}

/* Length of sequence i: n, or n - spread .. n + spread in a fixed pattern. */
static int64_t length(const bench_case *c, int64_t n, int64_t i)
{
    if (!c->ragged || c->spread <= 0) return n;
    int64_t x = n - c->spread + i * 7919 % (2 * c->spread + 1);
    return x > 0 ? x : 1;
}

static double visible(const bench_case *c, int64_t t, int64_t s)
{
    double pairs = 0;
    if (!c->causal && c->left < 0 && c->right < 0) return (double)t * (double)s;
    for (int64_t i = 0; i < t; i++) {
        int64_t p = i + s - t, lo = 0, hi = s;
        int64_t right = c->causal ? 0 : c->right;
        if (right >= 0 && p + right + 1 < hi) hi = p + right + 1;
        if (c->left >= 0 && p - c->left > lo) lo = p - c->left;
        if (hi > lo) pairs += (double)(hi - lo);
    }
    return pairs;
}

static void fill(att_tensor *t, uint64_t seed)
{
    float *x = t->data;
    uint16_t *half = t->data;
    int64_t n = att_tensor_count(t);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        /* The sum of two uniforms, deviation 1: scores like those of normal operands. */
        float a = (float)(seed >> 48) * 0x1p-16f,
              b = (float)(seed >> 32 & 0xffff) * 0x1p-16f;
        float y = (a + b - 1.0f) * 2.449f;
        uint32_t bits;
        memcpy(&bits, &y, sizeof bits);
        if (t->dtype == ATT_BF16)
            half[i] = (uint16_t)(bits >> 16);
        else
            x[i] = y;
    }
}

static att_status offsets(att_tensor *t, const bench_case *c, int64_t n, int64_t *rows)
{
    int64_t shape = c->b + 1;
    att_status st = att_tensor_alloc(t, ATT_I32, 1, &shape);
    if (st != ATT_OK) return st;
    int32_t *x = t->data;
    *rows = 0;
    for (int64_t i = 0; i < c->b; i++) {
        x[i] = (int32_t)*rows;
        *rows += length(c, n, i);
    }
    x[c->b] = (int32_t)*rows;
    return ATT_OK;
}

static att_status make(operands *o, const bench_case *c, int64_t s, int64_t g,
                       int64_t e)
{
    att_status st;
    int64_t n = c->t, m = s;
    if (c->ragged) {
        if ((st = offsets(&o->q_off, c, c->t, &n)) != ATT_OK) return st;
        if ((st = offsets(&o->k_off, c, s, &m)) != ATT_OK) return st;
    }
    struct {
        att_tensor *t;
        int64_t heads, rows, width;
    } all[] = {{&o->q, c->h, n, c->d}, {&o->k, g, m, c->d},   {&o->v, g, m, e},
               {&o->dout, c->h, n, e}, {&o->out, c->h, n, e}, {&o->dq, c->h, n, c->d},
               {&o->dk, g, m, c->d},   {&o->dv, g, m, e},     {&o->lse, c->h, n, 0}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t dense[4] = {c->b, all[i].heads, all[i].rows, all[i].width};
        int64_t packed[3] = {all[i].rows, all[i].heads, all[i].width};
        int32_t dims = all[i].width ? 0 : 1;
        st = att_tensor_alloc(all[i].t, c->bf16 && !dims ? ATT_BF16 : ATT_F32,
                              (c->ragged ? 3 : 4) - dims, c->ragged ? packed : dense);
        if (st != ATT_OK) return st;
        if (i < 4) fill(all[i].t, i + 1);
    }
    return ATT_OK;
}

static double number(const att_tensor *t, int64_t i)
{
    if (t->dtype != ATT_BF16) return (double)((const float *)t->data)[i];
    uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

static double checksum(const operands *o)
{
    const att_tensor *all[] = {&o->out, &o->dq, &o->dk, &o->dv};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        int64_t n = att_tensor_count(all[i]);
        for (int64_t j = 0; j < n; j++)
            sum += number(all[i], j) * (double)((j + 13 * i) % 31 - 15);
    }
    return sum;
}

static att_status space_for(operands *o, const att_attention_desc *desc,
                            att_attention_args *args, bench_result *r)
{
    size_t fwd = 0, bwd = 0;
    att_status st = att_attention_workspace(&fwd, desc, args, 0);
    if (st == ATT_OK) st = att_attention_workspace(&bwd, desc, args, 1);
    if (st != ATT_OK) return st;
    if (fwd > bwd) bwd = fwd;
    r->workspace_mb = (double)bwd / 1e6;
    int64_t n = (int64_t)(bwd ? bwd : 64);
    st = att_tensor_alloc(&o->space, ATT_U8, 1, &n);
    args->workspace = o->space.data;
    args->workspace_bytes = (size_t)n;
    return st;
}

int bench_attention_case(bench_result *r, const bench_case *c, double seconds)
{
    operands o;
    att_attention_desc desc;
    att_attention_args args;
    att_attention_grads grads;
    int64_t s = c->s ? c->s : c->t, g = c->g ? c->g : c->h, e = c->e ? c->e : c->d;
    memset(&o, 0, sizeof o);
    memset(r, 0, sizeof *r);
    att_status st = make(&o, c, s, g, e);
    att_attention_desc_init(&desc);
    att_attention_args_init(&args);
    att_attention_grads_init(&grads);
    desc.causal = c->causal;
    desc.left = c->left;
    desc.right = c->right;
    desc.dropout = c->dropout;
    desc.seed = 1;
    args.q = &o.q, args.k = &o.k, args.v = &o.v, args.out = &o.out, args.lse = &o.lse;
    if (c->ragged) args.q_offsets = &o.q_off, args.k_offsets = &o.k_off;
    grads.dout = &o.dout, grads.dq = &o.dq, grads.dk = &o.dk, grads.dv = &o.dv;
    for (int64_t i = 0; i < c->b; i++)
        r->flops += 2.0 * (double)c->h * (double)(c->d + e) *
                    visible(c, length(c, c->t, i), length(c, s, i));
    if (st == ATT_OK) st = space_for(&o, &desc, &args, r);
    for (int dir = 0; dir < (c->forward_only ? 1 : 2) && st == ATT_OK; dir++) {
        double best = 1e30, start = bench_now(), now = start;
        for (int i = 0; (i < 3 || now - start < seconds) && st == ATT_OK; i++) {
            double t = bench_now();
            st = dir ? att_attention_backward(&desc, &args, &grads)
                     : att_attention_forward(&desc, &args);
            now = bench_now();
            if (now - t < best) best = now - t;
        }
        double work = r->flops * (dir ? 2.5 : 1.0);
        *(dir ? &r->bwd_ms : &r->fwd_ms) = best * 1e3;
        *(dir ? &r->bwd_gflops : &r->fwd_gflops) = work / best / 1e9;
    }
    if (st == ATT_OK) r->checksum = checksum(&o);
    operands_deinit(&o);
    return st == ATT_OK ? 0 : -1;
}
