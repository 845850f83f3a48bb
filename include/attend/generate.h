/* attend/generate.h - text from a decoder-only language model: greedy or drawn, streamed,
 * and the probability of a text.
 *
 * A session holds what changes (the cache of keys and values) over an immutable model and
 * belongs to one thread at a time. Prompts are processed in blocks of rows, then one
 * token a prompt and step. What a prompt gives depends on the prompt, the options and the
 * seed alone: not on its neighbours, the batch, the block or the number of threads; the
 * bits are the same. (A drawn text also depends on the prompt's number, its index in the
 * call plus first_prompt.)
 *
 * The context is what the model sees at once, prompt and answer together. When it is full,
 * a text ends (ATT_LM_CONTEXT); with `slide` the oldest half is forgotten instead and the
 * rest is processed anew as a text of its own, exactly as if it had been given as a
 * prompt. A prompt that is longer than the context is refused, or, with slide, cut to its
 * end; prompt_cut says by how much. */
#ifndef ATTEND_GENERATE_H
#define ATTEND_GENERATE_H

#include "attend/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_lm att_lm;

/* Something was said. Text never splits a UTF-8 character and holds back what may become
 * a stop string; a token whose text is held back or empty has n_text 0. */
typedef struct att_lm_piece {
    int32_t prompt; /* index in the call */
    int32_t id;     /* -1: text that was held back, at the end of the answer */
    float logprob;
    const char
        *text; /* borrowed for the call, not NUL-terminated; NULL without tokenizer */
    size_t n_text;
} att_lm_piece;

typedef struct att_lm_opts {
    uint32_t size;
    int32_t
        max_new; /* tokens said at most. 0, the default: the model's max_new_tokens or
                        max_length (which counts the prompt), else as many as the context
                        holds, with slide 256 */
    int32_t min_new; /* tokens that end a text are impossible before */
    int32_t context; /* positions seen at once; 0 = all the model was made for; more is
                        ATT_EINVAL */
    int32_t slide;   /* nonzero: see above */
    int32_t batch_size; /* prompts answered together; default 16 */
    int32_t block;      /* prompt rows processed in one pass; default 256 */
    int32_t sampling; /* nonzero: draw; 0: the likeliest token, the lowest id on ties */
    float temperature; /* order: temperature, then top_k, then top_p, then min_p */
    int32_t top_k;     /* 0 = all */
    float top_p, min_p;
    uint64_t seed;
    float repetition_penalty; /* of tokens in prompt or answer: positive logits are
                                 divided, negative ones multiplied by it; 1 = none */
    int32_t no_repeat_ngram;  /* n > 0: no n tokens in a row twice */
    int32_t want_scores;      /* log-probabilities by token */
    /* An answer ends before the first of these; they are copied. */
    const char *const *stop;
    int32_t n_stop;
    /* Called for each token as it is said; nonzero ends the call with ATT_ECANCELLED. */
    int32_t (*on_piece)(void *user, const att_lm_piece *piece);
    void *user;
    int64_t first_prompt; /* the number of a call's first prompt */
} att_lm_opts;

/* The defaults above, then what generation_config.json says; model may be NULL. */
ATT_API void att_lm_opts_init(att_lm_opts *opts, const att_model *model);

typedef enum att_lm_end {
    ATT_LM_LENGTH = 0,  /* max_new tokens */
    ATT_LM_EOS = 1,     /* a token that ends a text; it is not in ids */
    ATT_LM_STOP = 2,    /* a stop string; text ends before it, ids hold its tokens */
    ATT_LM_CONTEXT = 3, /* the context is full */
    ATT_LM_NOTHING = 4  /* no token was possible (all probabilities zero or NaN) */
} att_lm_end;

typedef struct att_lm_answer {
    const int32_t *ids;
    int32_t n_ids;
    int32_t n_prompt;      /* tokens of the prompt, after cutting */
    int32_t prompt_cut;    /* tokens dropped at its beginning */
    int32_t end;           /* att_lm_end */
    int32_t stop;          /* which stop string, -1 none */
    float logprob;         /* sum over ids (and the ending token), before penalties,
                               temperature and cuts */
    const float *logprobs; /* [n_ids], or NULL when not asked for */
    const char *text;      /* UTF-8, NUL-terminated; NULL without tokenizer */
    int32_t n_unknown; /* tokens of the prompt, before cutting, that stand for what the
                          vocabulary does not hold */
} att_lm_answer;

typedef struct att_lm_result att_lm_result;
ATT_API int32_t att_lm_result_count(const att_lm_result *r);
/* Borrowed; NULL out of range. */
ATT_API const att_lm_answer *att_lm_result_answer(const att_lm_result *r, int32_t i);
ATT_API void att_lm_result_destroy(att_lm_result *r); /* NULL is fine */

/* opts NULL = att_lm_opts_init(.., model). The model must outlive the session; the first
 * session of a model packs its matrices, later ones share them. ATT_EINVAL: an option
 * outside its range (the message names it); ATT_ENOTSUP: a model that is no language
 * model; ATT_ENOMEM. */
ATT_API ATT_MUST_CHECK att_status att_lm_create(att_lm **out, const att_model *model,
                                                const att_lm_opts *opts);
ATT_API void att_lm_destroy(att_lm *lm);          /* NULL is fine */
ATT_API int64_t att_lm_memory(const att_lm *lm);  /* bytes held now, weights apart */
ATT_API int32_t att_lm_context(const att_lm *lm); /* positions in force */

/* Answers n prompts (UTF-8, NUL-terminated), tokenised with the special tokens of the
 * model's template; a prompt without any token starts from the model's bos, and without
 * one is ATT_EINVAL. ATT_EINVAL too: a prompt longer than the context without slide;
 * ATT_ENOTFOUND: no tokenizer; ATT_ECANCELLED; ATT_ENOMEM. On failure *out is untouched and the
 * session can be used again. */
ATT_API ATT_MUST_CHECK att_status att_lm_generate(att_lm *lm, att_lm_result **out,
                                                  const char *const *prompts,
                                                  int32_t n);
/* The same for ids, taken as they are. ATT_EINVAL: an id past the vocabulary. */
ATT_API ATT_MUST_CHECK att_status att_lm_generate_ids(att_lm *lm, att_lm_result **out,
                                                      const int32_t *const *ids,
                                                      const int32_t *n_ids, int32_t n);

/* logprobs[t] = log p(ids[t + 1] | ids[0 .. t]) for t < n_ids - 1. A text longer than
 * the context is ATT_EINVAL: cut it as the question wants. */
ATT_API ATT_MUST_CHECK att_status att_lm_score(att_lm *lm, const int32_t *ids,
                                               int32_t n_ids, float *logprobs);
/* logits [n_ids, vocabulary]: what the model says after each token. */
ATT_API ATT_MUST_CHECK att_status att_lm_logits(att_lm *lm, const int32_t *ids,
                                                int32_t n_ids, float *logits);

#ifdef __cplusplus
}
#endif
#endif
