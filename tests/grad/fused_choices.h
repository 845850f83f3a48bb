/* fused_choices.h - who sees whom, and what no small operator computes: which key is hit, and
 * the support of sparsemax, in double from the composed scores. */
#ifndef ATTEND_TESTS_FUSED_CHOICES_H
#define ATTEND_TESTS_FUSED_CHOICES_H

#include "attention/attn_internal.h"
#include "base/rng.h"
#include "fused_rig.h"

#include <math.h>

static int64_t place(const rig *r, int64_t t)
{
    return t + r->s_len - T;
}

static int visible(const rig *r, int64_t t, int64_t s)
{
    const att_attention_desc *d = &r->desc;
    int64_t p = place(r, t), b = d->block;
    if (r->m->edges) return sees_by_edge(t, s);
    if (r->m->mask && b > 0 && !mask_byte(p / b % r->m->mask, p % b, s % b)) return 0;
    if (r->m->mask && b == 0 && !mask_byte(0, t, s)) return 0;
    if (d->causal && s > p) return 0;
    if (d->right >= 0 && s > p + d->right) return 0;
    if (d->block > 0 && s / d->block != p / d->block) return 0;
    if (s < d->sinks) return 1;
    return d->left < 0 || s >= p - d->left;
}

/* The fused operator stands behind three projections. */
static uint64_t operator_key(void)
{
    return atti_key(SEED, STEP, 3);
}

static void support_of(const float *e, float *in, const int *seen, int64_t n)
{
    for (int64_t size = n; size > 0; size--) { /* the largest k with 1 + k e_k > sum */
        double sum = 0, least = INFINITY;
        int64_t k = 0;
        for (int64_t s = 0; s < n; s++) {
            int64_t above = 0;
            for (int64_t o = 0; o < n; o++) above += seen[o] && e[o] > e[s];
            in[s] = seen[s] && above < size;
            if (in[s] == 0.0f) continue;
            sum += (double)e[s];
            least = fmin(least, (double)e[s]);
            k++;
        }
        if (k > 0 && 1 + (double)k * least > sum) return;
    }
}

/* HARD_SAMPLE: the highest of e + Gumbel noise made of (seed, row, key). */
static double noise(const rig *r, int64_t t, int64_t h, int64_t s)
{
    if (r->desc.normalise != ATT_NORM_HARD_SAMPLE) return 0;
    uint64_t key = atti_key(operator_key(), 0, ATTI_ATTN_STREAM_SAMPLE);
    uint32_t bits =
        atti_drop_bits(atti_drop_rowkey(key, (uint64_t)(t * r->h + h)), (uint32_t)s);
    return -log(-log(((double)bits + 0.5) / 4294967296.0));
}

static void choose(rig *r)
{
    int64_t n = r->s_len;
    for (int64_t h = 0; h < r->h; h++) {
        att_tensor e, a;
        assert_ok(att_tape_value(r->t, &e, r->score[h]));
        assert_ok(att_tape_value(r->t, &a, r->weights[h]));
        for (int64_t t = 0; t < T; t++) {
            const float *row = (const float *)e.data + t * n;
            float *out = r->choice[h] + t * n;
            int seen[S], pick = -1;
            for (int64_t s = 0; s < n; s++) {
                seen[s] = visible(r, t, s);
                if (!seen[s]) continue;
                if (pick < 0 || (double)row[s] + noise(r, t, h, s) >
                                    (double)row[pick] + noise(r, t, h, pick))
                    pick = (int)s;
            }
            if (r->desc.normalise == ATT_NORM_SPARSEMAX) {
                support_of(row, out, seen, n);
                continue;
            }
            for (int64_t s = 0; s < n; s++)
                out[s] = (s == pick ? 1.0f : 0.0f) -
                         (r->desc.reinforce ? 0.0f : ((float *)a.data)[t * n + s]);
        }
    }
}

#endif
