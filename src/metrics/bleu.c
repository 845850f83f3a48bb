/* bleu.c - BLEU of a corpus: n-gram matches by sentence, clipped by the references, then
 * one geometric mean over the corpus. */
#include "metrics/metric_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ORDERS = 4, STATS = 2 + 2 * ORDERS };

static const char *const tokenise_names[] = {"13a", "zh", "char", "none", "intl"};
enum { N_TOKENISERS = sizeof tokenise_names / sizeof *tokenise_names };

const char *att_bleu_tokenize_name(att_bleu_tokenize t)
{
    return (int)t >= 0 && (int)t < N_TOKENISERS ? tokenise_names[t] : NULL;
}

att_status att_bleu_tokenize_find(att_bleu_tokenize *out, const char *name)
{
    if (!out || !name) return atti_fail(ATT_EINVAL, "bleu: no tokeniser named");
    for (int i = 0; i < N_TOKENISERS; i++) {
        if (strcmp(name, tokenise_names[i]) == 0) {
            *out = (att_bleu_tokenize)i;
            return ATT_OK;
        }
    }
    return atti_fail(ATT_ENOTFOUND,
                     "bleu: no tokeniser '%s'; there are 13a, zh, char, "
                     "none, intl",
                     name);
}

void att_bleu_opts_init(att_bleu_opts *opts)
{
    if (!opts) return;
    memset(opts, 0, sizeof *opts);
    opts->size = (uint32_t)sizeof *opts;
    opts->smooth_value = -1.0;
    opts->bootstrap_seed = 12345;
}

/* What reading one sentence after the other needs; nothing is allocated twice. */
typedef struct counter {
    const att_bleu_opts *opts;
    atti_mtext text, scratch;
    atti_mtext words; /* a symbol a word */
    atti_mtrie spelling, ngrams;
    atti_mcount counts;
} counter;

static void counter_deinit(counter *c)
{
    atti_mtext_deinit(&c->text);
    atti_mtext_deinit(&c->scratch);
    atti_mtext_deinit(&c->words);
    atti_mtrie_deinit(&c->spelling);
    atti_mtrie_deinit(&c->ngrams);
    atti_mcount_deinit(&c->counts);
}

static att_status read_words(counter *c, const char *line)
{
    size_t pos = 0, begin, end;

    ATTI_TRY(atti_mtext_decode(&c->text, line));
    if (c->opts->lowercase) ATTI_TRY(atti_mtext_lower(&c->text, &c->scratch));
    atti_mtext_rstrip(&c->text);
    ATTI_TRY(atti_bleu_tokenise(&c->text, &c->scratch,
                                (att_bleu_tokenize)c->opts->tokenize));
    c->words.n = 0;
    while (atti_mtext_word(&c->text, &pos, &begin, &end)) {
        uint32_t node = 0;

        for (size_t i = begin; i < end; i++)
            ATTI_TRY(atti_mtrie_child(&c->spelling, &node, node, c->text.c[i]));
        ATTI_TRY(atti_mtext_add(&c->words, node));
    }
    return ATT_OK;
}

/* stamp 0: the hypothesis, whose matches go to stats; else reference number stamp. */
static att_status count_ngrams(counter *c, uint32_t stamp, int64_t *stats)
{
    for (size_t i = 0; i < c->words.n; i++) {
        uint32_t node = 0;

        for (size_t k = 0; k < ORDERS && i + k < c->words.n; k++) {
            atti_mcount_cell *cell;

            ATTI_TRY(atti_mtrie_child(&c->ngrams, &node, node, c->words.c[i + k]));
            ATTI_TRY(atti_mcount_at(&c->counts, &cell, node));
            if (stamp == 0) {
                stats[2 + ORDERS + k]++;
                if (++cell->hyp <= cell->most) stats[2 + k]++;
                continue;
            }
            if (cell->stamp != stamp) {
                cell->stamp = stamp;
                cell->cur = 0;
            }
            if (++cell->cur > cell->most) cell->most = cell->cur;
        }
    }
    return ATT_OK;
}

/* stats: hyp_len, ref_len, correct by order, total by order. */
static att_status count_sentence(counter *c, int64_t *stats, const char *hyp,
                                 const char *const *const *refs, int32_t n_refs,
                                 int64_t i)
{
    int64_t closest = -1, least = -1;

    memset(stats, 0, STATS * sizeof *stats);
    atti_mtrie_clear(&c->spelling);
    atti_mtrie_clear(&c->ngrams);
    atti_mcount_reset(&c->counts);
    /* The hypothesis' length decides which reference length counts, so it is read
     * twice: a second tokenisation is cheaper than keeping every reference. */
    ATTI_TRY(read_words(c, hyp));
    stats[0] = (int64_t)c->words.n;
    for (int32_t r = 0; r < n_refs; r++) {
        int64_t len, diff;

        if (!refs[r][i]) continue;
        ATTI_TRY(read_words(c, refs[r][i]));
        ATTI_TRY(count_ngrams(c, (uint32_t)r + 1, NULL));
        len = (int64_t)c->words.n;
        diff = len > stats[0] ? len - stats[0] : stats[0] - len;
        if (least < 0 || diff < least || (diff == least && len < closest)) {
            least = diff;
            closest = len;
        }
    }
    stats[1] = closest;
    ATTI_TRY(read_words(c, hyp));
    return count_ngrams(c, 0, stats);
}

/* --- from counts to a score ------------------------------------------------------- */

static double smooth_value(const att_bleu_opts *o)
{
    if (o->smooth_value >= 0) return o->smooth_value;
    return o->smooth == ATT_BLEU_SMOOTH_ADD_K ? 1.0 : 0.1;
}

/* The order of the operations is sacreBLEU's, so that the last bit is too. */
static double score_stats(const att_bleu_opts *o, const double *stats,
                          double precisions[ORDERS], double *penalty)
{
    const double hyp_len = stats[0], ref_len = stats[1];
    double exp_smooth = 1.0, sum = 0.0, any = 0.0;
    int orders = ORDERS;

    for (int k = 0; k < ORDERS; k++) {
        precisions[k] = 0.0;
        any += stats[2 + k];
    }
    *penalty = 1.0;
    if (hyp_len < ref_len) *penalty = hyp_len > 0 ? exp(1 - ref_len / hyp_len) : 0.0;
    if (any == 0.0) return 0.0;
    for (int k = 0; k < ORDERS; k++) {
        double correct = stats[2 + k], total = stats[2 + ORDERS + k];

        if (o->smooth == ATT_BLEU_SMOOTH_ADD_K && k > 0) {
            correct += smooth_value(o);
            total += smooth_value(o);
        }
        if (total == 0.0) break;
        if (o->effective_order) orders = k + 1;
        if (correct != 0.0) {
            precisions[k] = 100. * correct / total;
        } else if (o->smooth == ATT_BLEU_SMOOTH_EXP) {
            exp_smooth *= 2;
            precisions[k] = 100. / (exp_smooth * total);
        } else if (o->smooth == ATT_BLEU_SMOOTH_FLOOR) {
            precisions[k] = 100. * smooth_value(o) / total;
        }
    }
    for (int k = 0; k < orders; k++)
        sum += precisions[k] == 0.0 ? -9999999999. : log(precisions[k]);
    return *penalty * exp(sum / orders);
}

static double score_sums(const void *ctx, const double *sums)
{
    double precisions[ORDERS], penalty;

    return score_stats(ctx, sums, precisions, &penalty);
}

static void sign(att_bleu *b, const att_bleu_opts *o, int32_t shared)
{
    static const char *const smooth[] = {"exp", "none", "floor", "add-k"};
    char refs[16] = "var", value[24] = "", boot[48] = "";

    if (shared >= 0) snprintf(refs, sizeof refs, "%d", shared);
    if (o->smooth >= ATT_BLEU_SMOOTH_FLOOR)
        snprintf(value, sizeof value, "[%.2f]", smooth_value(o));
    if (o->bootstrap > 1)
        snprintf(boot, sizeof boot, "bs:%d|seed:%llu|", o->bootstrap,
                 (unsigned long long)o->bootstrap_seed);
    snprintf(b->signature, sizeof b->signature,
             "nrefs:%s|%scase:%s|eff:%s|tok:%s|smooth:%s%s|version:%s", refs, boot,
             o->lowercase ? "lc" : "mixed", o->effective_order ? "yes" : "no",
             tokenise_names[o->tokenize], smooth[o->smooth], value,
             ATTI_SACREBLEU_VERSION);
}

static att_status check_opts(const att_bleu_opts *o)
{
    if (o->size != sizeof *o)
        return atti_fail(ATT_EINVAL,
                         "bleu: options of size %u, expected %zu; start from "
                         "att_bleu_opts_init()",
                         o->size, sizeof *o);
    if (!att_bleu_tokenize_name((att_bleu_tokenize)o->tokenize))
        return atti_fail(ATT_EINVAL, "bleu: tokeniser %d not in 0..4", o->tokenize);
    if (o->smooth < 0 || o->smooth > ATT_BLEU_SMOOTH_ADD_K)
        return atti_fail(ATT_EINVAL, "bleu: smoothing %d not in 0..3", o->smooth);
    if (!(o->smooth_value <= 1e6))
        return atti_fail(ATT_EINVAL, "bleu: smoothing value %g", o->smooth_value);
    if (o->bootstrap < 0 || o->bootstrap > 1000000)
        return atti_fail(ATT_EINVAL, "bleu: %d resamples not in 0..1000000",
                         o->bootstrap);
    return ATT_OK;
}

static void finish(att_bleu *b, const att_bleu_opts *o, const int64_t *sum,
                   int32_t shared)
{
    double real[STATS];

    for (int k = 0; k < STATS; k++) real[k] = (double)sum[k];
    for (int k = 0; k < ORDERS; k++) {
        b->correct[k] = sum[2 + k];
        b->total[k] = sum[2 + ORDERS + k];
    }
    b->hyp_len = sum[0];
    b->ref_len = sum[1];
    b->score = score_stats(o, real, b->precisions, &b->brevity_penalty);
    b->mean = b->interval = -1.0;
    sign(b, o, shared);
}

att_status att_bleu_corpus(att_bleu *out, const char *const *hyps,
                           const char *const *const *refs, int32_t n_refs, int64_t n,
                           const att_bleu_opts *opts)
{
    att_status st = ATT_OK;
    att_bleu_opts defaults;
    att_bleu b = {0};
    int64_t sum[STATS] = {0}, stats[STATS];
    float *kept = NULL; /* [n, STATS], for the bootstrap */
    int32_t shared = 0;

    att_bleu_opts_init(&defaults);
    if (!opts) opts = &defaults;
    if (!out) return atti_fail(ATT_EINVAL, "bleu: nowhere to put the result");
    ATTI_TRY(check_opts(opts));
    ATTI_TRY(atti_metric_check(&shared, "bleu", hyps, refs, n_refs, n));
    if (opts->bootstrap > 1)
        ATTI_TRY(atti_alloc(&kept, (size_t)n, STATS * sizeof *kept, "BLEU statistics"));

    counter c = {.opts = opts};
    for (int64_t i = 0; i < n && st == ATT_OK; i++) {
        st = count_sentence(&c, stats, hyps[i], refs, n_refs, i);
        for (int k = 0; k < STATS && st == ATT_OK; k++) {
            sum[k] += stats[k];
            if (kept) kept[i * STATS + k] = (float)stats[k];
        }
    }
    counter_deinit(&c);
    if (st == ATT_OK) finish(&b, opts, sum, shared);
    if (st == ATT_OK && kept)
        st = atti_bootstrap(&b.mean, &b.interval, kept, n, STATS, opts->bootstrap,
                            opts->bootstrap_seed, score_sums, opts);
    atti_free(kept);
    if (st == ATT_OK) *out = b;
    return st;
}
