/* attend/decode.h - from source sentences to target sentences: greedy, beam, sampling.
 *
 * A session holds what changes (caches, scratch, random state) over an immutable model and
 * belongs to one thread at a time. Its rows are live hypotheses: sentences enter and leave
 * while it runs. A translation does not depend on its batch, its neighbours or the number of
 * threads.
 *
 * Beam search: hypotheses are ranked by sum of log-probabilities / length^alpha, length
 * counting </s>; a sentence ends when no open hypothesis can beat its finished ones. */
#ifndef ATTEND_DECODE_H
#define ATTEND_DECODE_H

#include "attend/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_session att_session;

typedef struct att_decode_opts {
    uint32_t size;
    int32_t beam_size;      /* 1 = greedy */
    int32_t n_best;         /* hypotheses returned a sentence, <= beam_size */
    float length_alpha;     /* see above; default 1 */
    int32_t early_stopping; /* 0: see above; 1: as soon as beam_size have finished; 2: an open
                               hypothesis is judged at max_length (transformers' "never") */
    int32_t max_length;     /* target tokens with </s>; 0 = the model's */
    float max_length_factor; /* > 0: also at most factor * source tokens + 10 (Marian's max-length-factor); default 3 */
    int32_t min_length;     /* </s> is impossible before */
    int32_t batch_size;     /* sentences decoded together */
    int32_t sampling;       /* nonzero: draw instead of search (beam_size 1) */
    float temperature;      /* order: temperature, then top_k, then top_p, then min_p */
    int32_t top_k;          /* 0 = all */
    float top_p, min_p;
    uint64_t seed;          /* a sentence's draws depend on seed and its index only */
    int32_t want_scores;    /* scores by token */
    int32_t want_alignment; /* cross-attention of the winner: see att_hypothesis */
    int32_t align_layer;    /* -1 = mean over layers; else one decoder layer */
    int32_t align_head;     /* -1 = mean over heads */
    int32_t max_source;     /* longer sources are cut to this many tokens (with </s>), flagged; 0 = the model's */
    int32_t no_repeat_ngram;
    float repetition_penalty; /* 1 = none */
    /* Called now and then; nonzero stops with ATT_ECANCELLED. */
    int32_t (*cancel)(void *user);
    void *user;
} att_decode_opts;

/* Defaults: beam 1; then the model's generation_config.json. model may be NULL. */
ATT_API void att_decode_opts_init(att_decode_opts *opts, const att_model *model);

typedef struct att_hypothesis {
    const int32_t *ids; /* without start and </s> */
    int32_t n_ids;
    int32_t n_scores;   /* n_ids + 1 with </s>, n_ids where it was cut without */
    int32_t finished;   /* 0: cut at max_length */
    float score;        /* what it was ranked by */
    float logprob;      /* sum of log-probabilities, </s> included */
    const float *token_logprobs; /* [n_scores], or NULL when not asked for */
    const float *alignment;      /* [n_scores, n_source], rows sum to 1; or NULL */
    const char *text;            /* UTF-8, NUL-terminated */
} att_hypothesis;

/* All borrowed from the result. */
typedef struct att_sentence {
    int32_t n_hypotheses;
    const att_hypothesis *hypotheses; /* best first */
    const int32_t *source_ids;        /* with </s>, after cutting */
    int32_t n_source;
    int32_t source_cut;               /* tokens dropped */
} att_sentence;

typedef struct att_result att_result;
ATT_API int32_t att_result_count(const att_result *r);
ATT_API const att_sentence *att_result_sentence(const att_result *r, int32_t i); /* NULL out of range */
ATT_API void att_result_destroy(att_result *r);

ATT_API ATT_MUST_CHECK att_status att_session_create(att_session **out, const att_model *model,
                                                     const att_decode_opts *opts);
ATT_API void att_session_destroy(att_session *s);
ATT_API int64_t att_session_memory(const att_session *s);

/* Texts (UTF-8) or ids in, results out, in order. prefixes[i] (or NULL) is what the
 * translation of i must start with. An empty source gives an empty translation. */
ATT_API ATT_MUST_CHECK att_status att_translate(att_session *s, att_result **out, const char *const *texts,
                                                const char *const *prefixes, int32_t n);
ATT_API ATT_MUST_CHECK att_status att_translate_ids(att_session *s, att_result **out, const int32_t *const *ids,
                                                    const int32_t *n_ids, const int32_t *const *prefixes,
                                                    const int32_t *n_prefix, int32_t n);
/* Log-probabilities of given targets: one number a sentence (sum, </s> included) and, where
 * token_scores is not NULL, att_free-able arrays by token. */
ATT_API ATT_MUST_CHECK att_status att_score_pairs(att_session *s, const char *const *sources,
                                                  const char *const *targets, int32_t n, double *logprobs,
                                                  int32_t *n_tokens);

#ifdef __cplusplus
}
#endif
#endif
