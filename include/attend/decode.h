/* attend/decode.h - from source sentences to target sentences: greedy, beam, sampling.
 *
 * A session holds what changes (caches, scratch) over an immutable model and belongs to
 * one thread at a time. Its rows are live hypotheses: sentences enter and leave while it
 * runs, finished ones give their rows to waiting ones. A translation does not depend on
 * its batch, its neighbours, their order or the number of threads: the bits are the
 * same. (A drawn one depends on the seed and on the sentence's number: its index in the
 * call plus first_sentence.)
 *
 * Beam search with beam K. At length L (tokens said, </s> counted, the start token not)
 * the 2K best continuations of all open hypotheses are taken by sum of
 * log-probabilities; those among the first K that end in </s> or reach the maximum length
 * are finished with score sum / L^alpha, and the K best of all finished are kept; the
 * first K that do not end stay open. A sentence ends when K have finished and no open
 * hypothesis, judged by sum / L^alpha at its present length, beats the worst of them.
 * These are the tokens and scores of transformers' generate() with early_stopping false,
 * for true and "never" see early_stopping below. Greedy takes the likeliest token (the
 * lowest id on ties) until </s>.
 *
 * The padding token and bad_words_ids are never said; other tokens' probabilities are not
 * changed by that. A forced first token or a forced </s> at the maximum length counts 0:
 * it was no choice. A given prefix counts like any other tokens. */
#ifndef ATTEND_DECODE_H
#define ATTEND_DECODE_H

#include "attend/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_session att_session;

typedef struct att_decode_opts {
    uint32_t size;
    int32_t beam_size;  /* 1 = greedy */
    int32_t n_best;     /* hypotheses returned a sentence, <= beam_size */
    float length_alpha; /* see above; default 1 */
    int32_t
        early_stopping; /* 0: see above; 1: as soon as beam_size have finished; 2: an open
                               hypothesis is judged at max_length (transformers' "never") */
    int32_t max_length; /* target tokens with </s>; 0 = the model's */
    /* > 0: also at most factor * source tokens + 10 (Marian's max-length-factor);
     * default 3, and 0 = off, as transformers, for a model that gives a max_length */
    float max_length_factor;
    int32_t min_length; /* </s> is impossible before */
    int32_t batch_size; /* sentences decoded together; default 32 */
    int32_t sampling;   /* nonzero: draw instead of search (beam_size 1) */
    float temperature;  /* order: temperature, then top_k, then top_p, then min_p */
    int32_t top_k;      /* 0 = all */
    float top_p, min_p;
    uint64_t seed;          /* a sentence's draws depend on seed and its number only */
    int32_t want_scores;    /* scores by token */
    int32_t want_alignment; /* cross-attention of the winner: see att_hypothesis */
    int32_t align_layer;    /* -1 = mean over layers; else one decoder layer */
    int32_t align_head;     /* -1 = mean over heads */
    /* Longer sources are cut to this many tokens, </s> kept, and flagged; 0 = the
     * model's number of positions. */
    int32_t max_source;
    int32_t no_repeat_ngram; /* n > 0: no n tokens in a row are said twice */
    /* Tokens already said: positive logits are divided, negative ones multiplied by it
     * (beam search: log-probabilities), as transformers does; 1 = none. */
    float repetition_penalty;
    /* Called before each step; nonzero stops with ATT_ECANCELLED. May be NULL. */
    int32_t (*cancel)(void *user);
    void *user;
    /* The number of a call's first sentence; see att_session_set_first(). */
    int64_t first_sentence;
} att_decode_opts;

/* The defaults above, then what the model's generation_config.json says; model may be
 * NULL. */
ATT_API void att_decode_opts_init(att_decode_opts *opts, const att_model *model);

typedef struct att_hypothesis {
    const int32_t *ids; /* without start and </s> */
    int32_t n_ids;
    int32_t n_scores; /* n_ids + 1 with </s>, n_ids where it was cut without */
    int32_t finished; /* 0: cut at max_length */
    float score;      /* what it was ranked by */
    float logprob;    /* sum of log-probabilities, </s> included */
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
    int32_t source_cut; /* tokens dropped */
} att_sentence;

/* What a call gave, independent of the session: one sentence a source, in order. */
typedef struct att_result att_result;
ATT_API int32_t att_result_count(const att_result *r);
/* NULL out of range. */
ATT_API const att_sentence *att_result_sentence(const att_result *r, int32_t i);
ATT_API void att_result_destroy(att_result *r); /* NULL is fine */

/* opts NULL = att_decode_opts_init(.., model). The model must outlive the session; the
 * first session of a model packs its matrices, later ones share them.
 * ATT_EINVAL: an option outside its range (the message names it); ATT_EFORMAT: a token id
 * of generation_config.json past the vocabulary; ATT_ENOTSUP: a model that does not
 * translate; ATT_ENOMEM. */
ATT_API ATT_MUST_CHECK att_status att_session_create(att_session **out,
                                                     const att_model *model,
                                                     const att_decode_opts *opts);
ATT_API void att_session_destroy(att_session *s); /* NULL is fine */
/* Sentences of the next calls are numbered from `first` on, so that a text drawn in pieces
 * is drawn as if it were one call. ATT_EINVAL: NULL, or first is negative. */
ATT_API ATT_MUST_CHECK att_status att_session_set_first(att_session *s, int64_t first);
/* Bytes the session holds now; it grows to what its largest call needed. */
ATT_API int64_t att_session_memory(const att_session *s);

/* Translates n texts (UTF-8, NUL-terminated). prefixes, or any prefixes[i], may be NULL;
 * else the translation of i starts with it. A text without tokens gives an empty
 * translation with score 0. Memory is taken before the first step; steps take none.
 * ATT_EINVAL: a NULL text, a prefix longer than the model's positions; ATT_ENOTFOUND: no
 * tokenizer; ATT_EDIVERGED: the model's numbers overflow, its weights are finite but far
 * too large; ATT_ECANCELLED; ATT_ENOMEM. On failure *out is untouched and the session can be used
 * again. */
ATT_API ATT_MUST_CHECK att_status att_translate(att_session *s, att_result **out,
                                                const char *const *texts,
                                                const char *const *prefixes, int32_t n);
/* The same for ids, taken as they are: sources normally end with </s>. Texts are given
 * where the model has a tokenizer, else NULL. ATT_EINVAL: an id past the vocabulary. */
ATT_API ATT_MUST_CHECK att_status att_translate_ids(att_session *s, att_result **out,
                                                    const int32_t *const *ids,
                                                    const int32_t *n_ids,
                                                    const int32_t *const *prefixes,
                                                    const int32_t *n_prefix, int32_t n);
/* logprobs[i] = log p(targets[i] </s> | sources[i]), the same numbers that decoding would
 * have given; n_tokens (or NULL) receives the tokens counted, </s> included. An empty
 * source is </s> alone. Errors as att_translate. */
ATT_API ATT_MUST_CHECK att_status att_score_pairs(att_session *s,
                                                  const char *const *sources,
                                                  const char *const *targets, int32_t n,
                                                  double *logprobs, int32_t *n_tokens);

#ifdef __cplusplus
}
#endif
#endif
