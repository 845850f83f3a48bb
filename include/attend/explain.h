/* attend/explain.h - what a model attended to, for one text, from the path that computed it.
 *
 *     att_explainer_create     a model, ready to be asked; reused from text to text
 *     att_explain_text         translates a text and keeps everything that was looked at
 *     att_explanation_map      weights of all layers and heads, as attend/view.h draws them
 *     att_attention_rollout    ... what they add up to over the layers
 *
 * The output comes from a decode session with the caller's beam. Then the output that won
 * goes through the model once more, all its tokens at once, and every attention
 * operator hands out the weights that its fused kernel used. They are those seen while
 * decoding (tested: 1e-6) and those of the double-precision reference (1e-6).
 *
 * Attention is not an explanation by itself: a weight says what a head read, not what
 * the output depended on. att_explain_gradient() and att_explain_integrated() measure
 * dependence, att_explain_heads() what the model loses without a head: show both.
 *
 * An explainer belongs to one thread at a time; explanations are independent of it, but
 * not of the model, which outlives both. On failure *out is untouched. */
#ifndef ATTEND_EXPLAIN_H
#define ATTEND_EXPLAIN_H

#include "attend/decode.h"
#include "attend/view.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct att_explainer att_explainer;
typedef struct att_explanation att_explanation;

typedef struct att_explain_opts {
    uint32_t size;
    int32_t choices; /* likeliest next words kept at every step, 0..64; default 5. -1:
                           weights alone; nothing after the last attention is computed, so
                           there are no choices, ranks or labels and logprob is NaN */
    int64_t max_tokens; /* longer texts are refused; default 10000 */
    int64_t max_bytes;  /* of the weights of one explanation; default 2 GiB */
    const att_decode_opts *decode; /* NULL = att_decode_opts_init(.., model) */
} att_explain_opts;
ATT_API void att_explain_opts_init(att_explain_opts *opts);

/* opts NULL = the defaults. ATT_ENOTSUP: weights alone of a model that has no attention;
 * otherwise as att_session_create(). */
ATT_API ATT_MUST_CHECK att_status att_explainer_create(att_explainer **out,
                                                       const att_model *model,
                                                       const att_explain_opts *opts);
ATT_API void att_explainer_destroy(att_explainer *x); /* NULL is fine */

/* Translates and looks. ATT_EINVAL: no tokens, more than max_tokens, or weights over
 * max_bytes (the message has the numbers); otherwise as att_translate(). */
ATT_API ATT_MUST_CHECK att_status att_explain_text(att_explainer *x,
                                                   att_explanation **out,
                                                   const char *text);
/* The same for a given output: what would be looked at if the model said this; of a model
 * that gives a text one label, another of its labels; of one that labels words, a label for
 * each word of the text with white space between them, where "_" stands for the model's own.
 * ATT_EINVAL: no such label, or not as many as words. */
ATT_API ATT_MUST_CHECK att_status att_explain_pair(att_explainer *x,
                                                   att_explanation **out,
                                                   const char *text,
                                                   const char *output);
/* The same for ids, sources with </s>, outputs without. finished 0: the output was cut, so
 * no </s> is said after it. ATT_ENOTSUP: tokens are words with their characters inside. */
ATT_API ATT_MUST_CHECK att_status att_explain_ids(
    att_explainer *x, att_explanation **out, const int32_t *source, int32_t n_source,
    const int32_t *output, int32_t n_output, int32_t finished);
/* The same for a sentence that was split into words, as att_tag() reads it: models that
 * label. ATT_EINVAL: more than the model has positions for. */
ATT_API ATT_MUST_CHECK att_status att_explain_words(att_explainer *x,
                                                    att_explanation **out,
                                                    const char *const *words,
                                                    int32_t n);
ATT_API void att_explanation_destroy(att_explanation *e); /* NULL is fine */

/* ---- what was said ---- */

typedef enum att_explain_side {
    ATT_SIDE_SOURCE = 0, /* [S], </s> last; words as they were written where tokens are
                            words, <s> first */
    ATT_SIDE_PREFIX = 1, /* [T]: what the decoder read: <s> and the words before */
    ATT_SIDE_OUTPUT = 2  /* [T]: what it said, </s> last */
} att_explain_side;
/* Pieces as the vocabulary has them ("▁student"), "#17" without a tokenizer; *n = how
 * many. NULL for a side that there is not. Borrowed. */
ATT_API const char *const *att_explanation_tokens(const att_explanation *e,
                                                  int32_t side, int64_t *n);
/* The same as people read them: "student", bytes as the characters that they are, blanks
 * as signs that can be seen; what draws wants these. */
ATT_API const char *const *att_explanation_labels(const att_explanation *e,
                                                  int32_t side, int64_t *n);
ATT_API const int32_t *att_explanation_ids(const att_explanation *e, int32_t side,
                                           int64_t *n);
ATT_API const char *att_explanation_output(const att_explanation *e); /* UTF-8 */
ATT_API double att_explanation_logprob(const att_explanation *e);
ATT_API int32_t att_explanation_source_cut(const att_explanation *e); /* tokens */

/* ---- weights ---- */

ATT_API int64_t att_explanation_map_count(const att_explanation *e);
/* Map i: all layers and heads of one kind, [L,H,T,S]. Cross-attention: rows are
 * ATT_SIDE_OUTPUT (what was about to be said), columns the source; the decoder's own: rows
 * and columns are ATT_SIDE_PREFIX. A classifier that pools its words by attention has a
 * map of kind ATT_VIEW_OTHER with one row, the text. A model without attention has no map.
 * Everything is borrowed. ATT_EINVAL: i out of range. */
ATT_API ATT_MUST_CHECK att_status att_explanation_map(const att_explanation *e,
                                                      att_attention_map *map,
                                                      int64_t i);
/* The map of a kind (att_view_kind). ATT_ENOTFOUND: the model has no such attention. */
ATT_API ATT_MUST_CHECK att_status att_explanation_find(const att_explanation *e,
                                                       att_attention_map *map,
                                                       int32_t kind);

/* ---- word by word ---- */

typedef struct att_choice {
    int32_t id;
    float probability;
    const char *token; /* borrowed from the model; NULL without a tokenizer */
    const char *label; /* as people read it; borrowed from the explanation */
} att_choice;
/* What could have been said at step t (0 .. T-1): the likeliest first; *said is what was
 * said, *rank its place among all (1 = the likeliest). said and rank may be NULL. Returns
 * NULL and *n = 0 out of range. */
ATT_API const att_choice *att_explanation_choices(const att_explanation *e, int64_t t,
                                                  int32_t *n, att_choice *said,
                                                  int64_t *rank);

/* ---- one head, number by number ---- */

/* Queries, keys, values and output of one head, as the model computed them: q [T,D],
 * k [S,D], v [S,E], out [T,E], and scores [T,S], the same scaled and with every
 * position term, -Inf where masked, and the weights. Owned by the struct: call deinit. */
typedef struct att_head_numbers {
    uint32_t size;
    int64_t rows, cols, d, e, heads; /* T, S, D, E, H */
    double scale;
    float *q, *k, *v, *out;
    double *scores, *scaled;
    float *weights;
    int32_t causal;
    int32_t score; /* att_score: how a query meets a key */
    /* The layer's heads side by side [T,H E], and what W_O makes of them [T,model] (a bias
     * comes with the residual); NULL and 0 where there is no W_O. */
    float *all_heads, *mixed;
    int64_t model;
    int32_t turned; /* scores are of queries and keys turned by their places (rotary), q
                       and k as they were before */
} att_head_numbers;
/* layer, head from 1. ATT_EINVAL with the range; ATT_ENOTSUP for scores that cannot be
 * found again (position terms without a softmax); ATT_ENOTFOUND for a kind that there is
 * not. Scores are q . k, or what `score` names. */
ATT_API ATT_MUST_CHECK att_status att_explain_head(att_explainer *x,
                                                   const att_explanation *e,
                                                   int32_t kind, int64_t layer,
                                                   int64_t head, att_head_numbers *out);
ATT_API void att_head_numbers_deinit(att_head_numbers *h);

/* ---- over the layers (arrays alone, no model) ---- */

/* Mean over heads, half of it and half of staying in place a layer, multiplied through
 * (Abnar and Zuidema 2020): out [T,T], rows sum to 1. Self-attention maps only:
 * ATT_ESHAPE where rows and columns differ. */
ATT_API ATT_MUST_CHECK att_status att_attention_rollout(const att_attention_map *map,
                                                        float *out);
/* Of a whole explanation: out [T, S + T], how much of each output goes back to each source
 * token and to each token of the prefix, through all layers of both stacks (without
 * cross-attention [T,T]). Rows sum to 1. *cols receives S + T; out NULL asks for it. */
ATT_API ATT_MUST_CHECK att_status att_explain_rollout(const att_explanation *e,
                                                      float *out, int64_t *cols);
/* The same by maximum flow through the graph of weights, each row divided by its sum.
 * ATT_EINVAL above 96 tokens a side: T * S flows are found one by one. */
ATT_API ATT_MUST_CHECK att_status att_explain_flow(const att_explanation *e, float *out,
                                                   int64_t *cols);
/* entropy [L,H]: mean over rows of -sum a ln a, nats; distance [L,H]: mean over rows of
 * sum a |row - column| (in tokens). Either may be NULL. */
ATT_API ATT_MUST_CHECK att_status att_attention_statistics(const att_attention_map *map,
                                                           double *entropy,
                                                           double *distance);

/* ---- what the output depends on ---- */

/* Gradient x attention: out [T,S], the weights of the kind's map times the gradient of each
 * output token's log-probability by them, summed over layers and heads; signed. */
ATT_API ATT_MUST_CHECK att_status att_explain_gradient(att_explainer *x,
                                                       const att_explanation *e,
                                                       int32_t kind, float *out);
/* Integrated gradients (Sundararajan et al. 2017) of each output token's log-probability by
 * the source embeddings (of a decoder without a source: its own text's, S = T; where
 * tokens are words: all that is known of a word before the first layer), from embeddings
 * of nothing (positions stay) in `steps` steps (1..256): out [T,S]; row t sums to
 * ln p(t) - ln p(t | nothing), *gap (or NULL) receives the largest miss. */
ATT_API ATT_MUST_CHECK att_status att_explain_integrated(att_explainer *x,
                                                         const att_explanation *e,
                                                         int32_t steps, float *out,
                                                         double *gap);

/* What a model loses without a head, measured over n texts: mean -ln p of what is right,
 * with all heads (*baseline) and with the output of one head replaced by zeros. targets:
 * translations; NULL for a decoder, whose texts are predicted token by token; the names of
 * labels for a classifier; for a tagger the labels of a text's words, both with spaces
 * between them (one that the model does not have is not counted). */
typedef struct att_head_loss {
    int32_t kind; /* att_view_kind */
    int64_t layer, head;
    double nll;
} att_head_loss;
/* *heads is the caller's (att_free), in the order encoder, decoder, cross. progress, if not
 * NULL, is called after each head; nonzero stops with ATT_ECANCELLED. */
ATT_API ATT_MUST_CHECK att_status att_explain_heads(
    att_explainer *x, att_head_loss **heads, int64_t *n_heads, double *baseline,
    const char *const *sources, const char *const *targets, int32_t n,
    int32_t (*progress)(void *user, int64_t done, int64_t all), void *user);

/* How far back a target word reaches: norm[d] receives the mean length of the gradient of
 * -ln p(target word t) by the embedding of source word s (t from 0, s of S tokens), over the
 * pairs of words of n sentence pairs that are d = t + min(s + 1, S - s) steps of a recurrent
 * chain apart, and pairs[d] how many there are, for d below n_distances. Words further apart
 * are not counted; a Transformer's steps are always few, so d is but a place there.
 * ATT_ENOTSUP: a model that does not translate. */
ATT_API ATT_MUST_CHECK att_status att_explain_reach(
    double *norm, int64_t *pairs, int32_t n_distances, const att_model *model,
    const char *const *sources, const char *const *targets, int32_t n);

/* ---- the model itself ---- */

/* The model as a diagram with sizes on every box, bottom to top. */
ATT_API ATT_MUST_CHECK att_status att_explain_model(att_picture **out,
                                                    const att_model *model,
                                                    const att_view_opts *opts);

#ifdef __cplusplus
}
#endif
#endif
