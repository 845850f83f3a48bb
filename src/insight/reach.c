/* reach.c - how far back a target word's gradient reaches: its length at the embedding of
 * every source word, by the steps of the recurrent chain that lie between the two.
 *
 * Copies of a pair run side by side; in each, one target word counts, so that one backward
 * gives the gradients of many words at once. */
#include "base/checked.h"
#include "insight/insight.h"

#include <math.h>
#include <string.h>

enum { BATCH_ROWS = 4096 };

typedef struct reach {
    atti_lens lens;
    double *sum;
    int64_t *pairs;
    int32_t n_distances;
    int64_t s, first; /* tokens of the source; target word of the first copy */
} reach;

/* One step for the source word itself, the rest of the encoder by the shorter way, then
 * the decoder's steps. */
static int64_t distance(int64_t at, int64_t n, int64_t t)
{
    return atti_min_i64(at + 1, n - at) + t;
}

static att_status see(void *user, const atti_call *c, int backward)
{
    reach *r = user;
    if (!backward || strcmp(c->node->op->name, "embed") != 0) return ATT_OK;
    if (c->node->in[0] != r->lens.io.src_ids || !c->out[0].grad) return ATT_OK;
    int64_t width = c->out[0].cols;
    for (int64_t i = 0; i < c->out[0].rows; i++) {
        const float *g = c->out[0].grad + i * width;
        int64_t d = distance(i % r->s, r->s, r->first + i / r->s);
        double square = 0.0;
        for (int64_t k = 0; k < width; k++) square += (double)g[k] * (double)g[k];
        if (d >= r->n_distances) continue;
        r->sum[d] += sqrt(square);
        r->pairs[d]++;
    }
    return ATT_OK;
}

/* Target words first .. first + copies - 1 of one pair, a copy each. */
static att_status run_copies(reach *r, const int32_t *ids[2], const int64_t n[2],
                             int32_t start, int64_t copies)
{
    int64_t s = n[0], t = n[1];
    int32_t *block = NULL;
    size_t room = (size_t)(copies * (s + 2 * t) + 2 * (copies + 1));
    ATTI_TRY(atti_alloc(&block, room, sizeof *block, "batch"));
    int32_t *src = block, *tgt = src + s * copies, *say = tgt + t * copies;
    int32_t *off[2] = {say + t * copies, say + t * copies + copies + 1};
    for (int64_t i = 0; i < copies; i++) {
        memcpy(src + i * s, ids[0], (size_t)s * sizeof *src);
        tgt[i * t] = start;
        memcpy(tgt + i * t + 1, ids[1], (size_t)(t - 1) * sizeof *tgt);
        for (int64_t k = 0; k < t; k++)
            say[i * t + k] = k == r->first + i ? ids[1][k] : -1;
        off[0][i + 1] = (int32_t)((i + 1) * s);
        off[1][i + 1] = (int32_t)((i + 1) * t);
    }
    r->s = s;
    atti_lens_batch b = {copies, s * copies, t * copies, src, off[0], tgt, off[1], say};
    att_status st = atti_lens_run(&r->lens, &b, see, r, 1);
    atti_free(block);
    return st;
}

static att_status run_pair(reach *r, const att_model *m, const char *const text[2],
                           int32_t start, int32_t eos)
{
    int32_t *got[2] = {NULL, NULL}, *said = NULL;
    size_t n[2] = {0, 0};
    att_status st = ATT_OK;
    for (int i = 0; i < 2 && st == ATT_OK; i++)
        st = att_model_encode(m, i, text[i], strlen(text[i]), &got[i], &n[i]);
    if (st == ATT_OK) st = atti_alloc(&said, n[1] + 1, sizeof *said, "target");
    if (st == ATT_OK) {
        if (n[1] > 0) memcpy(said, got[1], n[1] * sizeof *said);
        said[n[1]] = eos;
    }
    const int32_t *ids[2] = {got[0], said};
    const int64_t len[2] = {(int64_t)n[0], (int64_t)n[1] + 1};
    int64_t step = atti_max_i64(1, BATCH_ROWS / (len[0] + len[1]));
    for (int64_t t = 0; st == ATT_OK && n[0] > 0 && t < len[1]; t += step) {
        r->first = t;
        st = run_copies(r, ids, len, start, atti_min_i64(step, len[1] - t));
    }
    atti_free(said);
    att_free(got[0]);
    att_free(got[1]);
    return st;
}

att_status att_explain_reach(double *norm, int64_t *pairs, int32_t n_distances,
                             const att_model *model, const char *const *sources,
                             const char *const *targets, int32_t n)
{
    att_explainer *x = NULL;
    if (!norm || !pairs || !model || !sources || !targets)
        return atti_fail(ATT_EINVAL, "att_explain_reach: %s is NULL",
                         !model ? "model" : "an operand");
    if (n < 1 || n_distances < 1)
        return atti_fail(ATT_EINVAL, "att_explain_reach: %d pairs, %d distances",
                         (int)n, (int)n_distances);
    if (model->family->shape != ATTI_SEQ2SEQ)
        return atti_fail(ATT_ENOTSUP,
                         "%s: distances are those of models that translate",
                         model->dir);
    for (int32_t i = 0; i < n; i++)
        if (!sources[i] || !targets[i])
            return atti_fail(ATT_EINVAL, "att_explain_reach: text %d is NULL", (int)i);
    /* The explainer knows the tokens that begin and end an output. */
    ATTI_TRY(att_explainer_create(&x, model, NULL));
    reach r = {.sum = norm, .pairs = pairs, .n_distances = n_distances};
    atti_lens_init(&r.lens, model, 1);
    memset(norm, 0, (size_t)n_distances * sizeof *norm);
    memset(pairs, 0, (size_t)n_distances * sizeof *pairs);
    att_status st = atti_lens_open(&r.lens);
    for (int32_t i = 0; i < n && st == ATT_OK; i++) {
        const char *const text[2] = {sources[i], targets[i]};
        st = run_pair(&r, model, text, x->start, x->eos);
    }
    for (int32_t i = 0; i < n_distances; i++)
        if (pairs[i] > 0) norm[i] /= (double)pairs[i];
    atti_lens_deinit(&r.lens);
    att_explainer_destroy(x);
    return st;
}
