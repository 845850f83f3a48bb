/* chrf.c - character (and word) n-gram F-score of a corpus. */
#include "metrics/metric_text.h"

#include <stdio.h>
#include <string.h>

enum { MAX_ORDER = 16, MAX_STATS = 3 * 2 * MAX_ORDER };

void att_chrf_opts_init(att_chrf_opts *opts)
{
    if (!opts) return;
    memset(opts, 0, sizeof *opts);
    opts->size = (uint32_t)sizeof *opts;
    opts->char_order = 6;
    opts->beta = 2;
    opts->bootstrap_seed = 12345;
}

typedef struct counter {
    const att_chrf_opts *opts;
    atti_mtext text, scratch;
    atti_mtext symbols;  /* characters or words of the text at hand */
    atti_mtrie spelling; /* words */
    atti_mtrie chars, words;
    atti_mcount char_counts, word_counts;
} counter;

static void counter_deinit(counter *c)
{
    atti_mtext_deinit(&c->text);
    atti_mtext_deinit(&c->scratch);
    atti_mtext_deinit(&c->symbols);
    atti_mtrie_deinit(&c->spelling);
    atti_mtrie_deinit(&c->chars);
    atti_mtrie_deinit(&c->words);
    atti_mcount_deinit(&c->char_counts);
    atti_mcount_deinit(&c->word_counts);
}

static att_status read_text(counter *c, const char *line)
{
    ATTI_TRY(atti_mtext_decode(&c->text, line));
    return c->opts->lowercase ? atti_mtext_lower(&c->text, &c->scratch) : ATT_OK;
}

static bool ascii_punctuation(uint32_t c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static att_status add_word(counter *c, size_t begin, size_t end)
{
    uint32_t node = 0;

    for (size_t i = begin; i < end; i++)
        ATTI_TRY(atti_mtrie_child(&c->spelling, &node, node, c->text.c[i]));
    return atti_mtext_add(&c->symbols, node);
}

/* Words with one mark of punctuation cut off: the last, or else the first. Both would
 * be sensible, but the reference implementation cuts one. */
static att_status read_words(counter *c)
{
    size_t pos = 0, begin, end;

    c->symbols.n = 0;
    while (atti_mtext_word(&c->text, &pos, &begin, &end)) {
        size_t cut = 0;

        if (end - begin > 1 && ascii_punctuation(c->text.c[end - 1]))
            cut = end - 1;
        else if (end - begin > 1 && ascii_punctuation(c->text.c[begin]))
            cut = begin + 1;
        if (cut) ATTI_TRY(add_word(c, begin, cut));
        ATTI_TRY(add_word(c, cut ? cut : begin, end));
    }
    return ATT_OK;
}

static att_status read_chars(counter *c)
{
    c->symbols.n = 0;
    for (size_t i = 0; i < c->text.n; i++)
        if (c->opts->whitespace || !atti_is_space(c->text.c[i]))
            ATTI_TRY(atti_mtext_add(&c->symbols, c->text.c[i]));
    return ATT_OK;
}

/* stamp 0 counts the hypothesis; a reference adds what it has and what it matches. */
static att_status count_ngrams(counter *c, atti_mtrie *trie, atti_mcount *counts,
                               int orders, uint32_t stamp, int64_t *hyp, int64_t *stats)
{
    const atti_mtext *s = &c->symbols;

    for (size_t i = 0; i < s->n; i++) {
        uint32_t node = 0;

        for (int k = 0; k < orders && i + (size_t)k < s->n; k++) {
            atti_mcount_cell *cell;

            ATTI_TRY(atti_mtrie_child(trie, &node, node, s->c[i + (size_t)k]));
            ATTI_TRY(atti_mcount_at(counts, &cell, node));
            if (stamp == 0) {
                cell->hyp++;
                hyp[k]++;
                continue;
            }
            if (cell->stamp != stamp) {
                cell->stamp = stamp;
                cell->cur = 0;
            }
            stats[3 * k + 1]++;
            if (++cell->cur <= cell->hyp) stats[3 * k + 2]++;
        }
    }
    /* Hypothesis n-grams do not count where the reference is too short to have any. */
    for (int k = 0; stamp > 0 && k < orders; k++)
        stats[3 * k] = stats[3 * k + 1] > 0 ? hyp[k] : 0;
    return ATT_OK;
}

/* Effective orders only: those that both sides have. The order of the operations is
 * sacreBLEU's. */
static double f_score(const att_chrf_opts *o, const double *stats)
{
    const double factor = (double)o->beta * o->beta;
    double precision = 0.0, recall = 0.0, score;
    int effective = 0;

    for (int k = 0; k < o->char_order + o->word_order; k++) {
        const double *s = stats + 3 * k;

        if (s[0] > 0 && s[1] > 0) {
            precision += s[2] / s[0];
            recall += s[2] / s[1];
            effective++;
        }
    }
    if (effective == 0) return 0.0;
    precision /= effective;
    recall /= effective;
    if (precision + recall == 0.0) return 0.0;
    score = (1 + factor) * precision * recall;
    score /= factor * precision + recall;
    return 100 * score;
}

static double score_sums(const void *ctx, const double *sums)
{
    return f_score(ctx, sums);
}

static att_status count_text(counter *c, const char *line, uint32_t stamp, int64_t *hyp,
                             int64_t *stats)
{
    const int chars = c->opts->char_order, words = c->opts->word_order;

    ATTI_TRY(read_text(c, line));
    ATTI_TRY(read_chars(c));
    ATTI_TRY(count_ngrams(c, &c->chars, &c->char_counts, chars, stamp, hyp, stats));
    if (words == 0) return ATT_OK;
    ATTI_TRY(read_words(c));
    return count_ngrams(c, &c->words, &c->word_counts, words, stamp, hyp + chars,
                        stats + 3 * chars);
}

static att_status count_sentence(counter *c, int64_t *best, const char *hyp_line,
                                 const char *const *const *refs, int32_t n_refs,
                                 int64_t i)
{
    const int n_stats = 3 * (c->opts->char_order + c->opts->word_order);
    int64_t hyp[2 * MAX_ORDER] = {0};
    double best_score = -1.0;

    atti_mtrie_clear(&c->spelling);
    atti_mtrie_clear(&c->chars);
    atti_mtrie_clear(&c->words);
    atti_mcount_reset(&c->char_counts);
    atti_mcount_reset(&c->word_counts);
    ATTI_TRY(count_text(c, hyp_line, 0, hyp, NULL));
    for (int32_t r = 0; r < n_refs; r++) {
        int64_t stats[MAX_STATS] = {0};
        double real[MAX_STATS], score;

        if (!refs[r][i]) continue;
        ATTI_TRY(count_text(c, refs[r][i], (uint32_t)r + 1, hyp, stats));
        for (int k = 0; k < n_stats; k++) real[k] = (double)stats[k];
        score = f_score(c->opts, real);
        if (score > best_score) {
            best_score = score;
            memcpy(best, stats, (size_t)n_stats * sizeof *best);
        }
    }
    return ATT_OK;
}

static void name_and_sign(att_chrf *out, const att_chrf_opts *o, int32_t shared)
{
    char refs[16] = "var", boot[48] = "";

    snprintf(out->name, sizeof out->name, "chrF%d%.*s", o->beta, o->word_order,
             "++++++++++++++++");
    if (shared >= 0) snprintf(refs, sizeof refs, "%d", shared);
    if (o->bootstrap > 1)
        snprintf(boot, sizeof boot, "bs:%d|seed:%llu|", o->bootstrap,
                 (unsigned long long)o->bootstrap_seed);
    snprintf(out->signature, sizeof out->signature,
             "nrefs:%s|%scase:%s|eff:yes|nc:%d|nw:%d|space:%s|version:%s", refs, boot,
             o->lowercase ? "lc" : "mixed", o->char_order, o->word_order,
             o->whitespace ? "yes" : "no", ATTI_SACREBLEU_VERSION);
}

static att_status check_opts(const att_chrf_opts *o)
{
    if (o->size != sizeof *o)
        return atti_fail(ATT_EINVAL,
                         "chrf: options of size %u, expected %zu; start from "
                         "att_chrf_opts_init()",
                         o->size, sizeof *o);
    if (o->char_order < 1 || o->char_order > MAX_ORDER)
        return atti_fail(ATT_EINVAL, "chrf: character order %d not in 1..%d",
                         o->char_order, MAX_ORDER);
    if (o->word_order < 0 || o->word_order > MAX_ORDER)
        return atti_fail(ATT_EINVAL, "chrf: word order %d not in 0..%d", o->word_order,
                         MAX_ORDER);
    if (o->beta < 1 || o->beta > 16)
        return atti_fail(ATT_EINVAL, "chrf: beta %d not in 1..16", o->beta);
    if (o->bootstrap < 0 || o->bootstrap > 1000000)
        return atti_fail(ATT_EINVAL, "chrf: %d resamples not in 0..1000000",
                         o->bootstrap);
    return ATT_OK;
}

att_status att_chrf_corpus(att_chrf *out, const char *const *hyps,
                           const char *const *const *refs, int32_t n_refs, int64_t n,
                           const att_chrf_opts *opts)
{
    att_status st = ATT_OK;
    att_chrf_opts defaults;
    att_chrf result = {.mean = -1.0, .interval = -1.0};
    int64_t stats[MAX_STATS];
    double sum[MAX_STATS] = {0};
    float *kept = NULL; /* [n, n_stats] */
    int32_t shared = 0;

    att_chrf_opts_init(&defaults);
    if (!opts) opts = &defaults;
    if (!out) return atti_fail(ATT_EINVAL, "chrf: nowhere to put the result");
    ATTI_TRY(check_opts(opts));
    ATTI_TRY(atti_metric_check(&shared, "chrf", hyps, refs, n_refs, n));
    const int width = 3 * (opts->char_order + opts->word_order);
    if (opts->bootstrap > 1)
        ATTI_TRY(atti_alloc(&kept, (size_t)n, (size_t)width * sizeof *kept,
                            "chrF statistics"));

    counter c = {.opts = opts};
    for (int64_t i = 0; i < n && st == ATT_OK; i++) {
        st = count_sentence(&c, stats, hyps[i], refs, n_refs, i);
        for (int k = 0; k < width && st == ATT_OK; k++) {
            sum[k] += (double)stats[k];
            if (kept) kept[i * width + k] = (float)stats[k];
        }
    }
    counter_deinit(&c);
    if (st == ATT_OK) {
        result.score = f_score(opts, sum);
        name_and_sign(&result, opts, shared);
    }
    if (st == ATT_OK && kept)
        st = atti_bootstrap(&result.mean, &result.interval, kept, n, width,
                            opts->bootstrap, opts->bootstrap_seed, score_sums, opts);
    atti_free(kept);
    if (st == ATT_OK) *out = result;
    return st;
}
