/* epoch.c - shuffles, cuts into batches, sorts by length where that is wanted.
 *
 * A window holds about a hundred batches. Pairs are cut into batches by tokens, evenly: a
 * greedy cut would leave a last batch of a few tokens, whose gradient counts as much as the
 * others'. With by_length the pairs of a window are sorted first (ties stay in their
 * random order) and the batches come in random order. Batches have no padding, so sorting
 * saves no work, and it costs progress: a batch of short sentences and one of long ones
 * pull in different directions. Tiny on Multi30k, 4,096 tokens a batch, after 100 updates:
 * validation loss 5.20 with mixed lengths, 5.45 sorted. */
#include "data/epoch.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/rng.h"
#include <stdlib.h>
#include <string.h>

enum { BATCHES_A_WINDOW = 100, EPOCH_STREAM = 0x65706f63 };

att_status atti_epoch_init(atti_epoch *e, const atti_pairs *pairs,
                           const atti_feed_opts *opts)
{
    memset(e, 0, sizeof *e);
    e->pairs = pairs;
    e->opts = opts;
    int64_t longer = atti_max_i64(pairs->tokens[0], pairs->tokens[1]);
    double mean = (double)longer / (double)pairs->n;
    double window = BATCHES_A_WINDOW * (double)opts->budget / (mean > 1.0 ? mean : 1.0);
    e->window = window < 16.0 ? 16 : window < 1e6 ? (int64_t)window : 1000000;
    e->window = atti_min_i64(e->window, pairs->n);
    att_status st = atti_alloc(&e->order, (size_t)pairs->n, sizeof *e->order, "epoch");
    if (st == ATT_OK) {
        st = atti_alloc(&e->key, (size_t)e->window, sizeof *e->key, "epoch window");
    }
    if (st != ATT_OK) atti_epoch_deinit(e);
    return st;
}

void atti_epoch_deinit(atti_epoch *e)
{
    atti_free(e->order);
    atti_free(e->cut);
    atti_free(e->turn);
    atti_free(e->key);
    memset(e, 0, sizeof *e);
}

att_status atti_epoch_start(atti_epoch *e, int64_t epoch)
{
    e->epoch = epoch;
    e->done = e->n_batches = e->next = e->given = e->seen = 0;
    for (int64_t i = 0; i < e->pairs->n; i++) e->order[i] = (uint32_t)i;
    if (!e->opts->shuffle) return ATT_OK;
    atti_rng rng = {atti_key(e->opts->seed, (uint64_t)epoch, EPOCH_STREAM), 0};
    for (int64_t i = e->pairs->n - 1; i > 0; i--) {
        int64_t j = (int64_t)atti_rng_below(&rng, (uint64_t)i + 1);
        uint32_t t = e->order[i];
        e->order[i] = e->order[j];
        e->order[j] = t;
    }
    return ATT_OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* By the longer side, then the shorter; the place in the window breaks ties, so the
 * result does not depend on the sort. */
static att_status sort_window(atti_epoch *e, uint32_t *order, int64_t n)
{
    const atti_pairs *p = e->pairs;
    uint32_t *copy = NULL;
    ATTI_TRY(atti_alloc_raw(&copy, (size_t)n, sizeof *copy, "epoch window"));
    memcpy(copy, order, (size_t)n * sizeof *copy);
    for (int64_t i = 0; i < n; i++) {
        uint64_t a = p->len[0][order[i]], b = p->len[1][order[i]];
        e->key[i] = (a > b ? a << 16 | b : b << 16 | a) << 32 | (uint64_t)i;
    }
    qsort(e->key, (size_t)n, sizeof *e->key, compare_keys);
    for (int64_t i = 0; i < n; i++) order[i] = copy[e->key[i] & UINT32_MAX];
    atti_free(copy);
    return ATT_OK;
}

/* Greedy cut: a batch takes what fits. cut NULL: only counts. */
static int64_t cut_greedy(const atti_pairs *p, const uint32_t *order, int64_t n,
                          int64_t budget, int64_t *cut)
{
    int64_t batches = 0, sum[2] = {0, 0};
    for (int64_t i = 0; i < n; i++) {
        int64_t a = p->len[0][order[i]], b = p->len[1][order[i]];
        if (i == 0 || sum[0] + a > budget || sum[1] + b > budget) {
            if (cut) cut[batches] = i;
            batches++;
            sum[0] = sum[1] = 0;
        }
        sum[0] += a;
        sum[1] += b;
    }
    if (cut) cut[batches] = n;
    return batches;
}

/* Even cut: k batches of about the same number of tokens, by the longer sides. Returns
 * how many there are (none is empty), 0 when one would pass the budget. */
static int64_t cut_even(const atti_pairs *p, const uint32_t *order, int64_t n,
                        int64_t budget, int64_t k, int64_t total, int64_t *cut)
{
    int64_t batches = 0, done = 0, last = -1, sum[2] = {0, 0}, first = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = p->len[0][order[i]], b = p->len[1][order[i]];
        int64_t mine = (int64_t)((double)done * (double)k / (double)total);
        if (mine != last) {
            last = mine;
            cut[batches++] = first = i;
            sum[0] = sum[1] = 0;
        }
        sum[0] += a;
        sum[1] += b;
        if (i > first && (sum[0] > budget || sum[1] > budget)) return 0;
        done += atti_max_i64(a, b);
    }
    cut[batches] = n;
    return batches;
}

/* As few even batches as the budget allows; cut has room for n + 1. */
static int64_t cut_balanced(const atti_pairs *p, const uint32_t *order, int64_t n,
                            int64_t budget, int64_t *cut)
{
    int64_t total = 0, k = cut_greedy(p, order, n, budget, NULL), limit = k + k / 3 + 4;
    for (int64_t i = 0; i < n; i++) {
        total += atti_max_i64(p->len[0][order[i]], p->len[1][order[i]]);
    }
    for (; k <= limit; k++) {
        int64_t batches = cut_even(p, order, n, budget, k, total, cut);
        if (batches > 0) return batches;
    }
    return cut_greedy(p, order, n, budget, cut); /* few sentences fit a batch at all */
}

static att_status next_window(atti_epoch *e)
{
    const atti_pairs *p = e->pairs;
    int64_t n = atti_min_i64(e->window, p->n - e->done);
    uint32_t *order = e->order + e->done;
    if (e->opts->shuffle && e->opts->by_length) ATTI_TRY(sort_window(e, order, n));
    int64_t budget = e->opts->budget;
    /* One number a pair: cut_even may try more batches than there will be. */
    size_t need = (size_t)n + 1;
    ATTI_TRY(atti_grow(&e->cut, &e->cap_cut, need, sizeof *e->cut, "epoch window"));
    ATTI_TRY(atti_grow(&e->turn, &e->cap_turn, need, sizeof *e->turn, "epoch window"));
    e->n_batches = e->opts->shuffle ? cut_balanced(p, order, n, budget, e->cut)
                                    : cut_greedy(p, order, n, budget, e->cut);
    for (int64_t i = 0; i <= e->n_batches; i++) e->cut[i] += e->done;
    for (int64_t i = 0; i < e->n_batches; i++) e->turn[i] = (int32_t)i;
    if (e->opts->shuffle) {
        uint64_t key = atti_key(e->opts->seed, (uint64_t)e->epoch, EPOCH_STREAM + 1);
        atti_rng rng = {atti_mix64(key ^ (uint64_t)e->done), 0};
        for (int64_t i = e->n_batches - 1; i > 0; i--) {
            int64_t j = (int64_t)atti_rng_below(&rng, (uint64_t)i + 1);
            int32_t t = e->turn[i];
            e->turn[i] = e->turn[j];
            e->turn[j] = t;
        }
    }
    e->done += n;
    e->next = 0;
    return ATT_OK;
}

att_status atti_epoch_next(atti_epoch *e, const uint32_t **pairs, int64_t *n)
{
    *n = 0;
    if (e->next == e->n_batches) {
        if (e->done == e->pairs->n) return ATT_OK;
        ATTI_TRY(next_window(e));
    }
    int64_t k = e->turn[e->next++];
    *pairs = e->order + e->cut[k];
    *n = e->cut[k + 1] - e->cut[k];
    e->given++;
    e->seen += *n;
    return ATT_OK;
}
