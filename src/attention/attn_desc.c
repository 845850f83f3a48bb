/* attn_desc.c - the descriptor: its defaults, and which numbers and combinations of
 * numbers mean something. What depends on operands is in attn_check.c. */
#include "attention/attn_check.h"
#include <math.h>
#include <string.h>

static const char *const score_names[] = {
    [ATT_SCORE_DOT] = "dot",           [ATT_SCORE_BILINEAR] = "bilinear",
    [ATT_SCORE_ADDITIVE] = "additive", [ATT_SCORE_GAT] = "gat",
    [ATT_SCORE_COSINE] = "cosine",
};
static const char *const norm_names[] = {"softmax",     "relu",        "relu_row",
                                         "hard_argmax", "hard_sample", "sparsemax"};
_Static_assert(sizeof score_names / sizeof *score_names == ATTI_ATTN_SCORES,
               "a name for every score");
_Static_assert(sizeof norm_names / sizeof *norm_names == ATTI_ATTN_NORMS,
               "a name for every normaliser");

void att_attention_desc_init(att_attention_desc *desc)
{
    if (!desc) return;
    memset(desc, 0, sizeof *desc);
    desc->size = (uint32_t)sizeof *desc;
    desc->temperature = 1.0f;
    desc->leaky = 0.2f;
    desc->left = desc->right = -1;
    desc->rope_theta = 10000.0f;
    desc->rope_position_scale = 1.0f;
    desc->t5_max_distance = 128;
}

void att_attention_args_init(att_attention_args *args)
{
    if (!args) return;
    memset(args, 0, sizeof *args);
    args->size = (uint32_t)sizeof *args;
}

void att_attention_grads_init(att_attention_grads *grads)
{
    if (!grads) return;
    memset(grads, 0, sizeof *grads);
    grads->size = (uint32_t)sizeof *grads;
}

void att_attention_observe_init(att_attention_observe *observe)
{
    if (!observe) return;
    memset(observe, 0, sizeof *observe);
    observe->size = (uint32_t)sizeof *observe;
    observe->row_end = -1;
}

static att_status in_range(const char *name, int64_t x, int64_t lo, int64_t hi)
{
    if (x >= lo && x <= hi) return ATT_OK;
    return atti_fail(ATT_EINVAL, "attention: %s is %lld, not in %lld..%lld", name,
                     (long long)x, (long long)lo, (long long)hi);
}

static att_status real(const char *name, double x, double lo, double hi)
{
    if (x >= lo && x <= hi) return ATT_OK; /* false for NaN */
    return atti_fail(ATT_EINVAL, "attention: %s is %g, not in %g..%g", name, x, lo, hi);
}

static att_status ranges(const att_attention_desc *d)
{
    const double big = 3.4e38;
    const int64_t far_ = INT64_C(1) << 40;
    ATTI_TRY(in_range("score", d->score, 0, ATTI_ATTN_SCORES - 1));
    ATTI_TRY(in_range("normalise", d->normalise, 0, ATTI_ATTN_NORMS - 1));
    ATTI_TRY(real("scale", d->scale, -big, big));
    ATTI_TRY(real("temperature", d->temperature, 1e-30, big));
    ATTI_TRY(real("softcap", d->softcap, 0, big));
    ATTI_TRY(real("leaky", d->leaky, -big, big));
    ATTI_TRY(in_range("left", d->left, -1, INT64_MAX));
    ATTI_TRY(in_range("right", d->right, -1, INT64_MAX));
    ATTI_TRY(in_range("sinks", d->sinks, 0, INT64_MAX));
    ATTI_TRY(in_range("block", d->block, 0, INT64_MAX));
    ATTI_TRY(in_range("rope", d->rope, ATT_ROPE_NONE, ATT_ROPE_INTERLEAVED));
    ATTI_TRY(in_range("rope_dims", d->rope_dims, 0, 256));
    ATTI_TRY(real("rope_theta", d->rope_theta, 1e-30, big));
    ATTI_TRY(real("rope_position_scale", d->rope_position_scale, -big, big));
    ATTI_TRY(in_range("rope_offset", d->rope_offset, -far_, far_));
    ATTI_TRY(in_range("t5_buckets", d->t5_buckets, 0, 1 << 20));
    ATTI_TRY(in_range("t5_max_distance", d->t5_max_distance, 1, INT32_MAX));
    ATTI_TRY(in_range("shaw_clip", d->shaw_clip, 0, 1 << 20));
    ATTI_TRY(real("dropout", d->dropout, 0, 1));
    ATTI_TRY(in_range("precision", d->precision, 0, 1));
    if (d->dropout >= 1.0f)
        return atti_fail(ATT_EINVAL, "attention: dropout is %g, not below 1",
                         (double)d->dropout);
    return ATT_OK;
}

static att_status combinations(const att_attention_desc *d)
{
    if (d->rope_dims % 2)
        return atti_fail(ATT_EINVAL,
                         "attention: rope_dims is %d, odd: rotation takes pairs",
                         (int)d->rope_dims);
    if (d->block > 0 && d->sinks > 0)
        return atti_fail(
            ATT_EINVAL,
            "attention: sinks %lld with block %lld: a key outside its block is "
            "never seen",
            (long long)d->sinks, (long long)d->block);
    if (d->t5_buckets > 0) {
        int64_t half = d->t5_bidirectional ? d->t5_buckets / 2 : d->t5_buckets;
        if (half < 2 || (d->t5_bidirectional && d->t5_buckets % 2))
            return atti_fail(
                ATT_EINVAL,
                "attention: t5_buckets is %d: at least 2 a direction, even when "
                "bidirectional",
                (int)d->t5_buckets);
        if (d->t5_max_distance <= half / 2)
            return atti_fail(
                ATT_EINVAL,
                "attention: t5_max_distance %d is not above the %lld exact buckets",
                (int)d->t5_max_distance, (long long)(half / 2));
    }
    if (d->shaw_clip > 0 && d->score != ATT_SCORE_DOT && d->score != ATT_SCORE_BILINEAR)
        return atti_fail(
            ATT_EINVAL,
            "attention: shaw_clip %d with score %s: q . rel_k joins an inner product "
            "(dot or bilinear) only",
            (int)d->shaw_clip, score_names[d->score]);
    if (d->reinforce && d->normalise != ATT_NORM_HARD_SAMPLE)
        return atti_fail(
            ATT_EINVAL,
            "attention: reinforce with normalise %s: only hard_sample draws",
            norm_names[d->normalise]);
    return ATT_OK;
}

att_status atti_attn_check_desc(const att_attention_desc *desc)
{
    if (!desc) return atti_fail(ATT_EINVAL, "attention: desc is NULL");
    if (desc->size != sizeof *desc)
        return atti_fail(
            ATT_EINVAL,
            "attention: desc.size is %u, this library's is %zu: start from "
            "att_attention_desc_init()",
            desc->size, sizeof *desc);
    ATTI_TRY(ranges(desc));
    return combinations(desc);
}
