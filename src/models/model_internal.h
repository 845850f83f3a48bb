/* model_internal.h - a loaded model from the inside, and its decoding defaults. */
#ifndef ATTI_MODEL_INTERNAL_H
#define ATTI_MODEL_INTERNAL_H

#include "attend/model.h"
#include "attend/tokenizer.h"
#include "base/json.h"
#include "models/family.h"
#include "models/params.h"
#include "tokenize/lexicon.h"

/* What generation_config.json (or the same keys of config.json) says. Absent keys hold
 * the neutral value noted. */
typedef struct atti_generation {
    int32_t num_beams;        /* 1 */
    int32_t num_return;       /* 1 */
    int32_t max_length;       /* target tokens with </s>, without the start; 0 = open */
    int32_t min_length;       /* likewise; 0 */
    float length_penalty;     /* 1 */
    int32_t early_stopping;   /* 0 false, 1 true, 2 "never" */
    int32_t no_repeat_ngram;  /* 0 */
    float repetition_penalty; /* 1 */
    float temperature;        /* 1 */
    int32_t top_k;            /* 50 where do_sample is true, else 0 */
    float top_p, min_p;       /* 1, 0 */
    int32_t do_sample;        /* 0 */
    int64_t start_id, eos_id, pad_id, forced_bos_id, forced_eos_id; /* -1 = none */
    int32_t max_total,
        max_new;     /* max_length and max_new_tokens as they are; 0 = absent */
    int64_t eos[16]; /* every token that ends a text; eos_id is the first */
    int32_t n_eos;
    int32_t *bad_ids; /* tokens that are never said */
    int32_t n_bad;
    /* Sequences of two and more that are never said: k is
     * bad_seq[bad_at[k] .. bad_at[k + 1]). */
    int32_t *bad_seq, *bad_at;
    int32_t n_bad_seq;
} atti_generation;

struct att_model {
    const atti_family *family;
    void *cfg;
    atti_params params; /* all weights, f32 */
    char *dir;
    char *architecture;
    char *config_text;
    atti_generation gen;
    att_tokenizer *tokenizer[2]; /* source, target; may be the same; NULL = none */
    atti_lexicon lexicon;        /* of models of words, which have no tokenizer */
    bool separate_vocabs;        /* config.json: the sides share no table */
    /* What a layer above prepared over the weights (packed matrices), made once under
     * the lock and shared by all sessions. */
    struct atti_mutex *lock;
    void *prepared;
    void (*destroy_prepared)(void *);
};

/* dir may hold no generation_config.json: then root's own keys are the defaults. */
ATT_MUST_CHECK att_status atti_generation_read(atti_generation *g,
                                               const atti_json *root, const char *dir,
                                               int64_t vocab);
void atti_generation_deinit(atti_generation *g);

/* Fills params (declared, not yet allocated) from dir/model.safetensors or its index:
 * names and shapes are compared before any data is touched; f16, bf16 and f64 become
 * f32; NaN and Inf are refused with the tensor's name. */
ATT_MUST_CHECK att_status atti_weights_load(atti_params *params, const char *dir);

#endif
