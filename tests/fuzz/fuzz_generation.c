/* fuzz_generation.c - a generation_config.json from a stranger: refused, or settings in
 * the ranges that decoding relies on. */
#include "fuzz_file.h"
#include "models/model_internal.h"
#include <math.h>

enum { VOCAB = 1000 };

static void want(int good)
{
    if (!good) abort();
}

static int is_id(int64_t id, int64_t least)
{
    return id >= least && id < VOCAB;
}

static void check_words(const atti_generation *g)
{
    want(g->n_bad >= 0 && g->n_bad_seq >= 0);
    for (int32_t i = 0; i < g->n_bad; i++) want(is_id(g->bad_ids[i], 0));
    for (int32_t i = 0; i < g->n_bad_seq; i++) {
        want(g->bad_at[i + 1] - g->bad_at[i] >= 2);
        for (int32_t k = g->bad_at[i]; k < g->bad_at[i + 1]; k++)
            want(is_id(g->bad_seq[k], 0));
    }
}

static void check(const atti_generation *g)
{
    want(g->num_beams >= 1 && g->num_beams <= 1024);
    want(g->num_return >= 1 && g->num_return <= 1024);
    want(g->max_length >= 0 && g->min_length >= 0 && g->no_repeat_ngram >= 0);
    want(isfinite(g->length_penalty) && g->repetition_penalty > 0.0f);
    want(g->temperature >= 0.0f && g->top_k >= 0);
    want(g->top_p >= 0.0f && g->top_p <= 1.0f && g->min_p >= 0.0f && g->min_p <= 1.0f);
    want(g->early_stopping >= 0 && g->early_stopping <= 2);
    want(is_id(g->start_id, -1) && is_id(g->eos_id, -1) && is_id(g->pad_id, -1));
    want(is_id(g->forced_bos_id, -1) && is_id(g->forced_eos_id, -1));
    want(g->n_eos >= 0 && (size_t)g->n_eos <= sizeof g->eos / sizeof *g->eos);
    for (int32_t i = 1; i < g->n_eos; i++) want(is_id(g->eos[i], 0));
    check_words(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    atti_json *none = NULL;
    atti_generation g;
    fuzz_write("generation_config.json", data, size);
    if (atti_json_parse(&none, "{}", 2, 0, "config.json") != ATT_OK) return 0;
    if (atti_generation_read(&g, none, fuzz_dir(), VOCAB) == ATT_OK) {
        check(&g);
        atti_generation_deinit(&g);
    }
    atti_json_destroy(none);
    return 0;
}
