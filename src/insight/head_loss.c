/* head_loss.c - what a model loses without a head: the head's output is replaced by zeros
 * before W_O mixes it in, and the loss over a file is measured again. */
#include "base/checked.h"
#include "insight/insight.h"
#include "models/marian/marian_build.h"

#include <string.h>

enum { BATCH_TOKENS = 2048 };

/* Pairs as ids, flat; sources end with </s>. */
typedef struct corpus {
    int32_t n;
    int32_t *ids[2];
    size_t n_ids[2], cap[2];
    size_t *first[2]; /* [n + 1] */
} corpus;

typedef struct removal {
    const atti_lens *lens;
    const atti_site *sites;
    int n_sites;
    int site; /* -1: nothing is removed */
    int64_t layer, head;
} removal;

static void free_corpus(corpus *c)
{
    for (int i = 0; i < 2; i++) {
        atti_free(c->ids[i]);
        atti_free(c->first[i]);
    }
}

/* Tokens that fit the model's positions. */
static int64_t longest(const att_explainer *x)
{
    const atti_marian_config *c = x->model->cfg;
    int64_t most = x->o.max_tokens;
    if (x->model->family->build != atti_marian_build) return most;
    return atti_min_i64(most, c->max_positions);
}

static att_status read_side(const att_explainer *x, corpus *c, int side,
                            const char *const *texts)
{
    ATTI_TRY(atti_alloc(&c->first[side], (size_t)c->n + 1, sizeof *c->first[side],
                        "offsets"));
    for (int32_t i = 0; i < c->n; i++) {
        int32_t *ids = NULL;
        size_t n = 0;
        if (!texts[i])
            return atti_fail(ATT_EINVAL, "att_explain_heads: text %d is NULL", i);
        ATTI_TRY(
            att_model_encode(x->model, side, texts[i], strlen(texts[i]), &ids, &n));
        size_t most = (size_t)longest(x);
        if (n + 1 > most) n = most - 1;
        att_status st = atti_grow(&c->ids[side], &c->cap[side], c->n_ids[side] + n + 1,
                                  sizeof **c->ids, "ids");
        if (st == ATT_OK) {
            memcpy(c->ids[side] + c->n_ids[side], ids, n * sizeof *ids);
            c->n_ids[side] += n;
            if (side == 1) c->ids[side][c->n_ids[side]++] = x->eos;
            c->first[side][i + 1] = c->n_ids[side];
        }
        att_free(ids);
        ATTI_TRY(st);
    }
    return ATT_OK;
}

static att_status see(void *user, const atti_call *c, int backward)
{
    const removal *r = user;
    int site;
    int64_t layer;
    if (r->site < 0 || backward || !atti_is_attention(c->node)) return ATT_OK;
    atti_lens_place(r->lens, r->sites, r->n_sites, c->node, &site, &layer);
    if (site != r->site || layer != r->layer) return ATT_OK;
    int64_t width = c->out[0].cols / r->sites[site].heads;
    for (int64_t i = 0; i < c->out[0].rows; i++)
        memset(c->out[0].f + i * c->out[0].cols + r->head * width, 0,
               (size_t)width * sizeof(float));
    return ATT_OK;
}

/* Pairs i .. end - 1 as one batch. */
static att_status run_batch(att_explainer *x, const corpus *c, int32_t i, int32_t end,
                            removal *r, double sums[2])
{
    int64_t seqs = end - i, n[2];
    int32_t *block = NULL;
    float stats[4];
    for (int k = 0; k < 2; k++) n[k] = (int64_t)(c->first[k][end] - c->first[k][i]);
    ATTI_TRY(
        atti_alloc(&block, (size_t)(n[1] + 2 * (seqs + 1)), sizeof *block, "batch"));
    int32_t *tgt = block, *off[2] = {block + n[1], block + n[1] + seqs + 1};
    const int32_t *say = c->ids[1] + c->first[1][i];
    for (int64_t s = 0; s < seqs; s++) {
        for (int k = 0; k < 2; k++)
            off[k][s + 1] = (int32_t)(c->first[k][i + s + 1] - c->first[k][i]);
        tgt[off[1][s]] = x->start;
        for (int64_t t = off[1][s] + 1; t < off[1][s + 1]; t++) tgt[t] = say[t - 1];
    }
    atti_lens_batch b = {seqs,   n[0], n[1],   c->ids[0] + c->first[0][i],
                         off[0], tgt,  off[1], say};
    att_status st = atti_lens_run(&x->look, &b, see, r, 0);
    if (st == ATT_OK) st = atti_lens_stats(&x->look, stats);
    atti_free(block);
    ATTI_TRY(st);
    sums[0] += (double)stats[1];
    sums[1] += (double)stats[2];
    return ATT_OK;
}

static att_status measure(att_explainer *x, const corpus *c, removal *r, double *nll)
{
    double sums[2] = {0.0, 0.0};
    for (int32_t i = 0, end; i < c->n; i = end) {
        for (end = i + 1; end < c->n; end++) {
            size_t s = c->first[0][end + 1] - c->first[0][i];
            size_t t = c->first[1][end + 1] - c->first[1][i];
            if (s > BATCH_TOKENS || t > BATCH_TOKENS) break;
        }
        ATTI_TRY(run_batch(x, c, i, end, r, sums));
    }
    *nll = sums[0] / sums[1];
    return ATT_OK;
}

static att_status measure_all(att_explainer *x, const corpus *c, removal *r,
                              att_head_loss *list, int64_t n, double *baseline,
                              int32_t (*progress)(void *, int64_t, int64_t), void *user)
{
    int64_t done = 0;
    r->site = -1;
    ATTI_TRY(measure(x, c, r, baseline));
    for (r->site = 0; r->site < r->n_sites; r->site++)
        for (r->layer = 0; r->layer < r->sites[r->site].layers; r->layer++)
            for (r->head = 0; r->head < r->sites[r->site].heads; r->head++) {
                att_head_loss *h = &list[done++];
                *h = (att_head_loss){r->sites[r->site].kind, r->layer + 1, r->head + 1,
                                     0.0};
                ATTI_TRY(measure(x, c, r, &h->nll));
                if (progress && progress(user, done, n))
                    return atti_fail(ATT_ECANCELLED, "stopped after %lld of %lld heads",
                                     (long long)done, (long long)n);
            }
    return ATT_OK;
}

att_status att_explain_heads(att_explainer *x, att_head_loss **heads, int64_t *n_heads,
                             double *baseline, const char *const *sources,
                             const char *const *targets, int32_t n,
                             int32_t (*progress)(void *, int64_t, int64_t), void *user)
{
    corpus c = {.n = n};
    atti_site sites[ATTI_SITES];
    removal r = {.sites = sites};
    att_head_loss *list = NULL;
    double base = 0.0;
    int64_t total = 0;
    if (!x || !heads || !n_heads || !baseline || !sources || !targets)
        return atti_fail(ATT_EINVAL, "att_explain_heads: %s is NULL",
                         !x ? "the explainer" : "an operand");
    if (n < 1) return atti_fail(ATT_EINVAL, "att_explain_heads: %d pairs", n);
    if (x->model->family->shape != ATTI_SEQ2SEQ)
        return atti_fail(ATT_ENOTSUP, "%s: heads are measured on models that translate",
                         x->model->dir);
    ATTI_TRY(atti_lens_sites(&x->look, sites, &r.n_sites));
    r.lens = &x->look;
    for (int i = 0; i < r.n_sites; i++) total += sites[i].layers * sites[i].heads;
    att_status st = read_side(x, &c, 0, sources);
    if (st == ATT_OK) st = read_side(x, &c, 1, targets);
    if (st == ATT_OK) st = atti_alloc(&list, (size_t)total, sizeof *list, "heads");
    if (st == ATT_OK) st = measure_all(x, &c, &r, list, total, &base, progress, user);
    free_corpus(&c);
    if (st != ATT_OK) {
        atti_free(list);
        return st;
    }
    *heads = list;
    *n_heads = total;
    *baseline = base;
    return ATT_OK;
}
