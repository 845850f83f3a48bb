/* generation.c - decoding defaults that come with a model: generation_config.json over
 * the same keys of config.json, in the meaning that transformers gives them. */
#include "base/alloc.h"
#include "base/file.h"
#include "models/model_internal.h"
#include <math.h>
#include <string.h>

#define CONFIG_MAX  (16u << 20)
#define MAX_BAD_IDS (1u << 20)

static att_status get_i32(int32_t *out, const atti_json *root, const char *key,
                          int32_t lo, int32_t hi)
{
    int64_t v;
    ATTI_TRY(atti_json_get_i64(&v, root, key, *out, lo, hi));
    *out = (int32_t)v;
    return ATT_OK;
}

static att_status get_f32(float *out, const atti_json *root, const char *key, double lo,
                          double hi)
{
    double v;
    ATTI_TRY(atti_json_get_f64(&v, root, key, (double)*out));
    if (!(v >= lo && v <= hi)) {
        return atti_fail(ATT_EFORMAT, "%s is %g, expected %g..%g", key, v, lo, hi);
    }
    *out = (float)v;
    return ATT_OK;
}

/* A token id, or a list of which the first counts. */
static att_status get_id(int64_t *out, const atti_json *root, const char *key,
                         int64_t vocab)
{
    const atti_json *v = atti_json_get(root, key);
    if (!v) return ATT_OK;
    if (atti_json_is_array(v)) v = atti_json_at(v, 0);
    double x = atti_json_number(v);
    if (!(x >= -1.0 && x < (double)vocab) || x != floor(x)) {
        return atti_fail(ATT_EFORMAT, "%s is no token id below %lld", key,
                         (long long)vocab);
    }
    *out = (int64_t)x;
    return ATT_OK;
}

/* eos_token_id may be a list: any of them ends a text. */
static att_status get_eos(atti_generation *g, const atti_json *root, int64_t vocab)
{
    const int32_t most = (int32_t)(sizeof g->eos / sizeof g->eos[0]);
    const atti_json *list = atti_json_get(root, "eos_token_id");
    size_t n = atti_json_is_array(list) ? atti_json_count(list) : 1;
    ATTI_TRY(get_id(&g->eos_id, root, "eos_token_id", vocab));
    if (!list) return ATT_OK;
    if (n > (size_t)most)
        return atti_fail(ATT_EFORMAT, "eos_token_id lists %zu tokens, at most %d", n,
                         (int)most);
    g->n_eos = (int32_t)n;
    g->eos[0] = g->eos_id;
    for (size_t i = 1; i < n; i++) {
        double x = atti_json_number(atti_json_at(list, i));
        if (!(x >= 0.0 && x < (double)vocab) || x != floor(x))
            return atti_fail(ATT_EFORMAT, "eos_token_id[%zu] is no token id", i);
        g->eos[i] = (int64_t)x;
    }
    return ATT_OK;
}

static void forget_bad_words(atti_generation *g)
{
    atti_free(g->bad_ids);
    atti_free(g->bad_seq);
    atti_free(g->bad_at);
    g->bad_ids = g->bad_seq = g->bad_at = NULL;
    g->n_bad = g->n_bad_seq = 0;
}

/* Word i of the list: its ids are checked, and go where words of their kind go. */
static att_status add_bad_word(atti_generation *g, const atti_json *word, size_t i,
                               int64_t vocab)
{
    size_t n = atti_json_is_array(word) ? atti_json_count(word) : 0;
    int32_t *to = n == 1 ? g->bad_ids + g->n_bad : g->bad_seq + g->bad_at[g->n_bad_seq];
    for (size_t k = 0; k < n; k++) {
        double x = atti_json_number(atti_json_at(word, k));
        if (!(x >= 0.0 && x < (double)vocab) || x != floor(x)) n = 0;
        if (n > 0) to[k] = (int32_t)x;
    }
    if (n == 0) {
        return atti_fail(ATT_EFORMAT, "bad_words_ids[%zu] is no list of token ids", i);
    }
    if (n == 1) {
        g->n_bad++;
    } else {
        g->bad_at[g->n_bad_seq + 1] = g->bad_at[g->n_bad_seq] + (int32_t)n;
        g->n_bad_seq++;
    }
    return ATT_OK;
}

static att_status get_bad_words(atti_generation *g, const atti_json *root,
                                int64_t vocab)
{
    const atti_json *list = atti_json_get(root, "bad_words_ids");
    size_t n = atti_json_is_array(list) ? atti_json_count(list) : 0, total = 0;
    if (n == 0) return ATT_OK;
    for (size_t i = 0; i < n && total <= MAX_BAD_IDS; i++) {
        const atti_json *word = atti_json_at(list, i);
        if (atti_json_is_array(word)) total += atti_json_count(word);
    }
    if (n > 65536 || total > MAX_BAD_IDS) {
        return atti_fail(ATT_EFORMAT,
                         "bad_words_ids: %zu entries; at most 65536 and %u tokens", n,
                         MAX_BAD_IDS);
    }
    forget_bad_words(g);
    ATTI_TRY(atti_alloc(&g->bad_ids, n, sizeof *g->bad_ids, "bad_words_ids"));
    ATTI_TRY(atti_alloc(&g->bad_seq, total + 1, sizeof *g->bad_seq, "bad_words_ids"));
    ATTI_TRY(atti_alloc(&g->bad_at, n + 1, sizeof *g->bad_at, "bad_words_ids"));
    for (size_t i = 0; i < n; i++) {
        ATTI_TRY(add_bad_word(g, atti_json_at(list, i), i, vocab));
    }
    return ATT_OK;
}

static att_status get_lengths(atti_generation *g, const atti_json *root)
{
    /* transformers counts the start token in max_length and min_length, not in the
     * *_new_tokens, which win. */
    int32_t with_start = 0, plain = 0;
    ATTI_TRY(get_i32(&with_start, root, "max_length", 0, INT32_MAX));
    ATTI_TRY(get_i32(&plain, root, "max_new_tokens", 0, INT32_MAX));
    if (with_start > 1) g->max_length = with_start - 1;
    if (plain > 0) g->max_length = plain;
    if (with_start > 0) g->max_total = with_start;
    if (plain > 0) g->max_new = plain;
    with_start = plain = 0;
    ATTI_TRY(get_i32(&with_start, root, "min_length", 0, INT32_MAX));
    ATTI_TRY(get_i32(&plain, root, "min_new_tokens", 0, INT32_MAX));
    if (with_start > 1) g->min_length = with_start - 1;
    if (plain > 0) g->min_length = plain;
    return ATT_OK;
}

static att_status get_search(atti_generation *g, const atti_json *root)
{
    const atti_json *stop = atti_json_get(root, "early_stopping");
    bool sample;
    ATTI_TRY(get_i32(&g->num_beams, root, "num_beams", 1, 1024));
    ATTI_TRY(get_i32(&g->num_return, root, "num_return_sequences", 1, 1024));
    ATTI_TRY(get_lengths(g, root));
    ATTI_TRY(get_f32(&g->length_penalty, root, "length_penalty", -100.0, 100.0));
    if (atti_json_is_string(stop)) {
        g->early_stopping = strcmp(atti_json_string(stop, NULL), "never") == 0 ? 2 : 0;
    } else if (stop) {
        g->early_stopping = atti_json_truth(stop) ? 1 : 0;
    }
    ATTI_TRY(get_i32(&g->no_repeat_ngram, root, "no_repeat_ngram_size", 0, 1024));
    ATTI_TRY(get_f32(&g->repetition_penalty, root, "repetition_penalty", 1e-3, 1e3));
    ATTI_TRY(get_f32(&g->temperature, root, "temperature", 0.0, 1e6));
    ATTI_TRY(get_i32(&g->top_k, root, "top_k", 0, INT32_MAX));
    ATTI_TRY(get_f32(&g->top_p, root, "top_p", 0.0, 1.0));
    ATTI_TRY(get_f32(&g->min_p, root, "min_p", 0.0, 1.0));
    ATTI_TRY(atti_json_get_bool(&sample, root, "do_sample", g->do_sample != 0));
    g->do_sample = sample;
    return ATT_OK;
}

static att_status get_ids(atti_generation *g, const atti_json *root, int64_t vocab)
{
    ATTI_TRY(get_id(&g->start_id, root, "decoder_start_token_id", vocab));
    ATTI_TRY(get_eos(g, root, vocab));
    ATTI_TRY(get_id(&g->pad_id, root, "pad_token_id", vocab));
    ATTI_TRY(get_id(&g->forced_bos_id, root, "forced_bos_token_id", vocab));
    ATTI_TRY(get_id(&g->forced_eos_id, root, "forced_eos_token_id", vocab));
    return get_bad_words(g, root, vocab);
}

static att_status read_all(atti_generation *g, const atti_json *root, int64_t vocab)
{
    ATTI_TRY(get_search(g, root));
    return get_ids(g, root, vocab);
}

void atti_generation_deinit(atti_generation *g)
{
    forget_bad_words(g);
}

att_status atti_generation_read(atti_generation *g, const atti_json *root,
                                const char *dir, int64_t vocab)
{
    char *path = NULL;
    atti_json *own = NULL;
    memset(g, 0, sizeof *g);
    g->num_beams = g->num_return = 1;
    g->top_k = -1; /* not said */
    g->length_penalty = g->repetition_penalty = g->temperature = g->top_p = 1.0f;
    g->start_id = g->eos_id = g->pad_id = g->forced_bos_id = g->forced_eos_id = -1;
    att_status st = read_all(g, root, vocab);
    if (st != ATT_OK) {
        st = atti_fail_prefix(st, "%s/config.json: ", dir);
        goto done;
    }
    st = atti_path_join(&path, dir, "generation_config.json");
    if (st != ATT_OK || !atti_path_exists(path)) goto done;
    st = atti_json_load(&own, path, CONFIG_MAX, 0);
    if (st != ATT_OK) goto done;
    if (!atti_json_is_object(own)) {
        st = atti_fail(ATT_EFORMAT, "%s: not a JSON object", path);
        goto done;
    }
    st = read_all(g, own, vocab);
    if (st != ATT_OK) st = atti_fail_prefix(st, "%s: ", path);
done:
    /* What transformers takes where sampling is asked for and nothing is said. */
    if (g->top_k < 0) g->top_k = g->do_sample ? 50 : 0;
    if (st != ATT_OK) atti_generation_deinit(g);
    atti_json_destroy(own);
    atti_free(path);
    return st;
}
