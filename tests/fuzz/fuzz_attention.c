/* fuzz_attention.c - a descriptor and operands made of bytes: whatever they are, the call
 * answers with a code, and what it accepts it computes inside the buffers, which are
 * exactly as large as shape and strides say. Forward, backward and weights are run.
 *
 * Most bytes choose within small ranges, so that many inputs are accepted; some put raw
 * numbers into shapes, strides, offsets and the descriptor. */
#include "attend/attention.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
    const uint8_t *p;
    size_t n;
    void *mem[80];
    int n_mem;
} input;

static unsigned byte(input *in)
{
    if (in->n == 0) return 0;
    in->n--;
    return *in->p++;
}
static int64_t small(input *in, int64_t most)
{
    return byte(in) % (most + 1);
}
static int64_t raw(input *in)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++) x = x << 8 | byte(in);
    return (int64_t)x;
}

static void *take(input *in, size_t n)
{
    void *p = in->n_mem < 80 ? calloc(n ? n : 1, 1) : NULL;
    if (p) in->mem[in->n_mem++] = p;
    return p;
}

static void fill(input *in, void *data, int32_t dtype, size_t bytes)
{
    static const float values[] = {0, 1, -1, 0.5f, -2, 1e4f, -1e4f, 1e-40f};
    unsigned seed = byte(in);
    for (size_t i = 0; dtype == ATT_F32 && i < bytes / 4; i++)
        ((float *)data)[i] = values[(seed + i * 5) % 8];
    for (size_t i = 0; dtype == ATT_F64 && i < bytes / 8; i++)
        ((double *)data)[i] = (double)values[(seed + i * 3) % 8];
    for (size_t i = 0; dtype == ATT_BF16 && i < bytes / 2; i++)
        ((uint16_t *)data)[i] = (uint16_t)(seed + i * 77 < 128 ? 0x3f80 : 0xbf00);
    for (size_t i = 0; dtype == ATT_U8 && i < bytes; i++)
        ((uint8_t *)data)[i] = (uint8_t)((seed + i) % 3);
    for (size_t i = 0; dtype == ATT_I32 && i < bytes / 4; i++)
        ((int32_t *)data)[i] = (int32_t)((seed + i) % 3);
}

/* A tensor whose memory is exactly what it spans; about one in sixteen is wrong. */
static att_tensor *tensor(input *in, int32_t dtype, int ndim, const int64_t *shape)
{
    att_tensor *t = take(in, sizeof *t);
    if (!t) return NULL;
    unsigned how = byte(in);
    int64_t n = 1, pad = how & 1;
    t->dtype = dtype;
    t->ndim = ndim;
    for (int i = ndim - 1; i >= 0 && shape[i] <= 4096; i--) {
        t->shape[i] = shape[i];
        t->stride[i] = n;
        n *= shape[i] > 0 ? shape[i] + (i == ndim - 1 ? pad : 0) : 1;
    }
    int64_t span = 1;
    for (int i = 0; i < ndim; i++) {
        /* An accepted tensor without elements may have any other dimension. */
        if (shape[i] > 4096) return NULL;
        if (shape[i] > 0) span += (shape[i] - 1) * t->stride[i];
    }
    size_t bytes = (size_t)span * att_dtype_size((att_dtype)dtype);
    t->data = take(in, bytes);
    if (t->data) fill(in, t->data, dtype, bytes);
    int at = (int)small(in, 3);
    switch (how >> 4) {
    case 1: t->shape[at] = raw(in); break;
    case 2:
        t->dtype = (int32_t)small(in, 12);
        t->data = NULL;
        break;
    case 3:
        t->ndim = (int32_t)small(in, 8) - 1;
        t->data = NULL;
        break;
    case 4:
        t->stride[at] = raw(in);
        t->shape[at] = raw(in);
        break;
    default: break;
    }
    /* What was made wrong must be refused by what the header says, not by luck: a shape
     * that is larger than the memory would be the caller's lie. */
    if ((how >> 4) == 1 || (how >> 4) == 4)
        if (t->shape[at] > 0 && t->shape[at] < (INT64_C(1) << 61)) t->shape[at] = -1;
    return t;
}

static void describe(input *in, att_attention_desc *d)
{
    att_attention_desc_init(d);
    d->score = (int32_t)small(in, 5);
    d->normalise = (int32_t)small(in, 6);
    d->scale = (float)small(in, 2);
    d->causal = (int32_t)small(in, 1);
    d->left = small(in, 4) - 1;
    d->right = small(in, 4) - 1;
    unsigned more = byte(in);
    if (more & 1) d->temperature = (float)small(in, 4) * 0.5f;
    if (more & 2) d->softcap = (float)small(in, 4);
    if (more & 4) d->sinks = small(in, 3);
    if (more & 8) d->block = small(in, 4);
    if (more & 16)
        d->rope = (int32_t)small(in, 3), d->rope_dims = (int32_t)small(in, 6);
    if (more & 32) d->dropout = (float)small(in, 8) * 0.15f;
    if (more & 64) d->left = raw(in), d->right = raw(in);
    if (more & 128)
        d->rope_offset = raw(in), d->keys_are_rotated = (int32_t)small(in, 1);
    d->seed = byte(in);
    unsigned terms = byte(in);
    if (terms & 1) d->alibi = 1;
    if (terms & 2)
        d->t5_buckets = (int32_t)small(in, 12),
        d->t5_bidirectional = (int32_t)small(in, 1);
    if (terms & 4) d->shaw_clip = (int32_t)small(in, 3);
    if (terms & 8) d->reinforce = 1;
    if (terms & 16) d->sinks = raw(in);
    if (terms & 32) d->block = raw(in);
}

typedef struct sizes {
    int64_t b, h, g, t, s, d, dk, e;
    int32_t dtype, real;
    bool flat;
} sizes;

static void layout(input *in, att_attention_args *a, sizes *z)
{
    unsigned kind = byte(in) % 5;
    z->flat = kind == 1 || kind == 2;
    int64_t q[4] = {z->b, z->h, z->t, z->d}, k[4] = {z->b, z->g, z->s, z->dk};
    if (z->flat) {
        int64_t fq[3] = {z->t, z->h, z->d}, fk[3] = {z->s, z->g, z->dk};
        memcpy(q, fq, sizeof fq);
        memcpy(k, fk, sizeof fk);
    }
    int64_t n[2] = {z->b + 1, 0};
    if (kind == 1) { /* offsets that may or may not rise to the end */
        att_tensor *o[2];
        for (int i = 0; i < 2; i++) {
            o[i] = tensor(in, ATT_I32, 1, n);
            int64_t rows = i ? z->s : z->t;
            for (int64_t j = 0; o[i] && o[i]->data && j <= z->b; j++)
                ((int32_t *)o[i]->data)[j] = (int32_t)(j == z->b ? rows
                                                       : j       ? small(in, rows)
                                                                 : 0);
        }
        a->q_offsets = o[0];
        a->k_offsets = o[1];
    } else if (kind == 2) {
        n[0] = z->t + 1;
        att_tensor *r = tensor(in, ATT_I32, 1, n);
        int64_t edges = 0;
        for (int64_t j = 0; r && r->data && j <= z->t; j++) {
            ((int32_t *)r->data)[j] = (int32_t)edges;
            edges += j < z->t ? small(in, 3) : 0;
        }
        n[0] = edges;
        a->edge_row_ptr = r;
        a->edge_col = tensor(in, ATT_I32, 1, n);
        if (byte(in) & 1) a->edge_bias = tensor(in, z->real, 1, n);
    } else if (kind == 3) {
        a->k_lengths = tensor(in, ATT_I32, 1, &z->b);
    } else if (kind == 4) {
        int64_t pages = small(in, 3), per = small(in, 2),
                pk[4] = {pages, small(in, 3), z->g, z->dk};
        int64_t table[2] = {z->b, per};
        memcpy(k, pk, sizeof pk);
        a->page_table = tensor(in, ATT_I32, 2, table);
        a->k_lengths = tensor(in, ATT_I32, 1, &z->b);
    }
    int nd = z->flat ? 3 : 4;
    a->q = tensor(in, z->dtype, nd, q);
    a->k = tensor(in, z->dtype, nd, k);
    k[nd - 1] = z->e;
    a->v = tensor(in, z->dtype, nd, k);
    q[nd - 1] = z->e;
    a->out = tensor(in, z->dtype, nd, q);
    a->lse = tensor(in, z->real, nd - 1, q);
    if (byte(in) & 1) a->advantage = tensor(in, z->real, nd - 1, q);
}

static void options(input *in, att_attention_args *a, const att_attention_desc *d,
                    const sizes *z)
{
    unsigned has = byte(in);
    int64_t w[3] = {z->h, z->d, z->dk},
            clip = 2 * (d->shaw_clip > 0 ? d->shaw_clip : 0) + 1;
    int head = (int)(byte(in) & 1);
    if (d->score == ATT_SCORE_BILINEAR)
        a->score_w = tensor(in, z->real, 2 + head, w + 1 - head);
    if (d->score == ATT_SCORE_ADDITIVE || d->score == ATT_SCORE_GAT) {
        a->score_w = tensor(in, z->real, 1 + head, w + 1 - head);
        if (has & 1) a->score_b = tensor(in, z->real, 1 + head, w + 1 - head);
    }
    int64_t bias[4] = {has & 2 ? z->b : 1, has & 4 ? z->h : 1, has & 8 ? z->t : 1,
                       z->s};
    if (has & 16) a->bias = tensor(in, z->real, 4, bias);
    if (has & 32) a->sink_logit = tensor(in, z->real, 1, &z->h);
    if (has & 64 && d->alibi) a->alibi_slopes = tensor(in, z->real, 1, &z->h);
    int64_t t5[2] = {d->t5_buckets, z->h}, rk[2] = {clip, z->d}, rv[2] = {clip, z->e};
    if (d->t5_buckets > 0) a->t5_table = tensor(in, z->real, 2, t5);
    if (d->shaw_clip > 0) {
        a->rel_k = tensor(in, z->real, 2, rk);
        a->rel_v = tensor(in, z->real, 2, rv);
    }
    if (has & 128) {
        int64_t m[3] = {1 + small(in, 1), d->block > 0 ? d->block : z->t,
                        d->block > 0 ? d->block : z->s};
        if (m[1] < 100 && m[2] < 100) a->block_mask = tensor(in, ATT_U8, 3, m);
    }
}

static att_tensor *like(input *in, const att_tensor *t)
{
    if (!t || t->ndim < 0 || t->ndim > 4 || !t->data) return NULL;
    return tensor(in, t->dtype, t->ndim, t->shape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int32_t dtypes[] = {ATT_F32, ATT_BF16, ATT_F64, ATT_F32};
    input in = {data, size, {NULL}, 0};
    att_attention_desc d;
    att_attention_args a;
    att_attention_grads g;
    describe(&in, &d);
    att_attention_args_init(&a);
    att_attention_grads_init(&g);
    sizes z = {.b = small(&in, 3),
               .g = 1 + small(&in, 1),
               .t = small(&in, 9),
               .s = small(&in, 19)};
    z.h = z.g * (1 + small(&in, 1));
    z.d = 1 + small(&in, 18);
    z.dk = d.score == ATT_SCORE_BILINEAR ? 1 + small(&in, 8) : z.d;
    z.e = 1 + small(&in, 18);
    z.dtype = dtypes[byte(&in) % 4];
    z.real = z.dtype == ATT_F64 ? ATT_F64 : ATT_F32;
    layout(&in, &a, &z);
    options(&in, &a, &d, &z);
    if (att_attention_check(&d, &a) == ATT_OK &&
        att_attention_forward(&d, &a) == ATT_OK) {
        g.dout = a.out;
        att_tensor *dout = like(&in, a.out);
        g.dout = dout;
        g.dq = like(&in, a.q);
        g.dk = like(&in, a.k);
        g.dv = like(&in, a.v);
        g.dbias = like(&in, a.bias);
        g.dscore_w = like(&in, a.score_w);
        g.dt5_table = like(&in, a.t5_table);
        g.drel_k = like(&in, a.rel_k);
        g.dedge_bias = like(&in, a.edge_bias);
        (void)!att_attention_backward(&d, &a, &g);
        att_attention_observe o;
        att_attention_observe_init(&o);
        int64_t rows[4] = {z.flat ? z.t : z.b, z.h, z.t, 2};
        if (z.flat) rows[2] = 2;
        o.top_k = 2;
        o.entropy = tensor(&in, ATT_F32, z.flat ? 2 : 3, rows);
        o.top_index = tensor(&in, ATT_I32, z.flat ? 3 : 4, rows);
        (void)!att_attention_weights(&d, &a, &o);
    }
    for (int i = 0; i < in.n_mem; i++) free(in.mem[i]);
    return 0;
}
