/* head_loss.c - what a model loses without a head: the head's output is replaced by zeros
 * before W_O mixes it in, and the loss over a file is measured again. */
#include "base/checked.h"
#include "insight/head_corpus.h"
#include "insight/pooling.h"

#include <string.h>

enum { BATCH_TOKENS = 2048 };

typedef struct removal {
    const atti_lens *lens;
    const atti_site *sites;
    int n_sites;
    int site; /* -1: nothing is removed */
    int64_t layer, head;
} removal;

static att_status see(void *user, const atti_call *c, int backward)
{
    const removal *r = user;
    int site;
    int64_t layer;
    if (r->site < 0 || backward || !atti_lens_attends(c->node)) return ATT_OK;
    atti_lens_place(r->lens, r->sites, r->n_sites, c->node, &site, &layer);
    if (site != r->site || layer != r->layer) return ATT_OK;
    int64_t width = c->out[0].cols / r->sites[site].heads;
    for (int64_t i = 0; i < c->out[0].rows; i++)
        memset(c->out[0].f + i * c->out[0].cols + r->head * width, 0,
               (size_t)width * sizeof(float));
    return ATT_OK;
}

/* Texts i .. end - 1 as one batch. */
static att_status run_batch(atti_lens *lens, const atti_head_corpus *c, int32_t i,
                            int32_t end, removal *r, double sums[2])
{
    int64_t seqs = end - i;
    int32_t *block = NULL;
    float stats[4];
    ATTI_TRY(atti_alloc(&block, (size_t)(2 * (seqs + 1)), sizeof *block, "batch"));
    int32_t *off[2] = {block, block + seqs + 1};
    for (int64_t s = 0; s <= seqs; s++)
        for (int k = 0; k < 2; k++)
            off[k][s] = (int32_t)(c->first[k][i + s] - c->first[k][i]);
    atti_lens_batch b = {.n_seqs = seqs,
                         .n_source = off[0][seqs],
                         .n_target = off[1][seqs],
                         .source_offsets = off[0],
                         .target_offsets = off[1]};
    b.source = c->ids[0] ? c->ids[0] + c->first[0][i] : NULL;
    b.target = c->ids[1] ? c->ids[1] + c->first[1][i] : NULL;
    b.targets = c->ids[2] + c->first[2][i];
    att_status st = atti_lens_run(lens, &b, see, r, 0);
    if (st == ATT_OK) st = atti_lens_stats(lens, stats);
    atti_free(block);
    ATTI_TRY(st);
    sums[0] += (double)stats[1];
    sums[1] += (double)stats[2];
    return ATT_OK;
}

static att_status measure(atti_lens *lens, const atti_head_corpus *c, removal *r,
                          double *nll)
{
    double sums[2] = {0.0, 0.0};
    for (int32_t i = 0, end; i < c->n; i = end) {
        for (end = i + 1; end < c->n; end++) {
            size_t s = c->first[0][end + 1] - c->first[0][i];
            size_t t = c->first[1][end + 1] - c->first[1][i];
            if (s > BATCH_TOKENS || t > BATCH_TOKENS) break;
        }
        if (c->first[2][end] > c->first[2][i])
            ATTI_TRY(run_batch(lens, c, i, end, r, sums));
    }
    *nll = sums[0] / sums[1];
    return ATT_OK;
}

static att_status measure_all(atti_lens *lens, const atti_head_corpus *c, removal *r,
                              att_head_loss *list, int64_t n, double *baseline,
                              int32_t (*progress)(void *, int64_t, int64_t), void *user)
{
    int64_t done = 0;
    r->site = -1;
    ATTI_TRY(measure(lens, c, r, baseline));
    for (r->site = 0; r->site < r->n_sites; r->site++)
        for (r->layer = 0; r->layer < r->sites[r->site].layers; r->layer++)
            for (r->head = 0; r->head < r->sites[r->site].heads; r->head++) {
                att_head_loss *h = &list[done++];
                *h = (att_head_loss){r->sites[r->site].kind, r->layer + 1, r->head + 1,
                                     0.0};
                ATTI_TRY(measure(lens, c, r, &h->nll));
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
    atti_head_corpus c = {.n = n};
    atti_site sites[ATTI_SITES];
    removal r = {.sites = sites};
    att_head_loss *list = NULL;
    double base = 0.0;
    int64_t total = 0;
    if (!x || !heads || !n_heads || !baseline || !sources)
        return atti_fail(ATT_EINVAL, "att_explain_heads: %s is NULL",
                         !x ? "the explainer" : "an operand");
    if (n < 1) return atti_fail(ATT_EINVAL, "att_explain_heads: %d texts", (int)n);
    /* An encoder's program has its loss only where gradients are planned too. */
    atti_lens *lens = atti_model_labels(x->model) ? &x->grad : &x->look;
    ATTI_TRY(atti_lens_open(lens));
    ATTI_TRY(atti_lens_sites(lens, sites, &r.n_sites));
    r.lens = lens;
    for (int i = 0; i < r.n_sites; i++)
        if (sites[i].recurrent)
            return atti_fail(ATT_ENOTSUP,
                             "%s: a recurrent decoder has one head, inside of its "
                             "loop: none can be left out",
                             x->model->dir);
    for (int i = 0; i < r.n_sites; i++) total += sites[i].layers * sites[i].heads;
    if (total == 0)
        return atti_fail(ATT_ENOTSUP, "%s: the model has no attention, so no heads",
                         x->model->dir);
    att_status st = atti_head_corpus_read(x, &c, sources, targets);
    if (st == ATT_OK) st = atti_alloc(&list, (size_t)total, sizeof *list, "heads");
    if (st == ATT_OK)
        st = measure_all(lens, &c, &r, list, total, &base, progress, user);
    atti_head_corpus_deinit(&c);
    if (st != ATT_OK) {
        atti_free(list);
        return st;
    }
    *heads = list;
    *n_heads = total;
    *baseline = base;
    return ATT_OK;
}
