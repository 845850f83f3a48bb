/* lm_internal.h - what changes while a decoder-only model answers.
 *
 * A prompt being answered owns a slot: a page of the cache that holds the keys and values
 * of its context, by position. A pass takes rows from several prompts: blocks of
 * prompts and single new tokens alike. Memory is taken before the first pass of a call. */
#ifndef ATTI_LM_INTERNAL_H
#define ATTI_LM_INTERNAL_H

#include "attend/generate.h"
#include "base/str.h"
#include "decode/lm_engine.h"
#include "decode/session_internal.h"

/* An answer on its way to text: detokenised a few tokens at a time. */
typedef struct atti_lm_text {
    int32_t *ids; /* the end of the prompt, then what was said */
    size_t n, cap;
    size_t prefix, read; /* ids[prefix, read) gives context, ids[read, n) is new */
    atti_str all;        /* the answer so far */
    size_t told;         /* bytes of it that were streamed */
    int32_t stop;        /* which stop string was met, -1 none */
} atti_lm_text;

typedef struct atti_lm_live {
    int64_t job;     /* index in the call, -1 = this slot is free */
    int32_t *tokens; /* [cap] the context */
    int32_t n, done; /* tokens in the context; of these in the cache */
    int32_t n_prompt, cut, max_new;
    int32_t *said;
    float *logprobs;
    size_t said_cap, logprobs_cap;
    int32_t n_said;
    double logprob;
    atti_lm_text text;
} atti_lm_live;

struct att_lm {
    const att_model *model;
    const atti_lm_engine *e;
    const att_tokenizer *tokenizer; /* NULL = ids only */
    att_lm_opts o;
    char **stop; /* copies; o.stop points at them */
    size_t stop_longest;
    int32_t context;
    bool *banned, *banned_early; /* [V] never said; also before min_new */

    /* sizes of the memory held */
    int64_t batch, cap, rows;
    float *kv; /* [L][batch][2][cap][G D] */
    float *x, *n, *tmp, *qkv, *ctx, *up, *ff;
    float *last, *logits;          /* [batch, C], [batch, V] */
    float *sums;                   /* [batch, 2, chunks]: pick.c's, of the logits */
    float *turn;                   /* [cap][D]: cosines, then sines, or NULL */
    int64_t turned;                /* rows of it that are filled in */
    int32_t *token, *pos, *slot;   /* [rows] */
    int32_t *offsets, *page, *len; /* [batch + 1], [batch], [batch] */
    int32_t *ends;                 /* [batch] row whose logits are wanted */
    atti_lm_live *live;            /* [batch] */
    float *pick_scratch;
    int64_t pick_stride;
    void *workspace;
    size_t workspace_bytes, bytes;
};

/* lm_buffers.c: room for `batch` slots of `cap` positions. */
ATT_MUST_CHECK att_status atti_lm_buffers(att_lm *s, int64_t batch, int64_t cap);
void atti_lm_buffers_free(att_lm *s);
/* Before a pass over positions below `positions`: their cosines and sines are there. */
void atti_lm_reach(att_lm *s, int64_t positions);

/* lm_step.c: rows 0 .. rows - 1 (token, pos, slot) of n_seqs sequences (offsets, page,
 * len) through the layers; leaves the normed hidden rows in s->n. */
ATT_MUST_CHECK att_status atti_lm_forward(att_lm *s, int64_t rows, int64_t n_seqs);
/* y [rows, V] = the vocabulary's logits of x [rows, C]; rows <= batch: s->sums too. */
ATT_MUST_CHECK att_status atti_lm_vocab(att_lm *s, float *y, const float *x,
                                        int64_t rows);

/* lm_pick.c: the next token of tokens[0 .. n) from its logits and their sums (both
 * overwritten); id -1 when none is possible. */
typedef struct atti_lm_choice {
    int32_t id;
    float logprob;
    bool diverged; /* the logits are no numbers */
} atti_lm_choice;
atti_lm_choice atti_lm_pick(att_lm *s, const int32_t *tokens, int32_t n, int64_t job,
                            int32_t n_said, float *logits, float *sums, int thread);

/* lm_text.c */
ATT_MUST_CHECK att_status atti_lm_text_start(atti_lm_text *t, const int32_t *prompt,
                                             int32_t n);
/* One more token said; *met: a stop string is complete. final: no more comes. *from, *n_out: what
 * may be streamed now, within t->all. */
ATT_MUST_CHECK att_status atti_lm_text_add(att_lm *s, atti_lm_text *t, int32_t id,
                                           bool *met);
void atti_lm_text_ready(const att_lm *s, atti_lm_text *t, bool final, size_t *from,
                        size_t *n_out);
ATT_MUST_CHECK att_status atti_lm_text_finish(att_lm *s, atti_lm_text *t, bool *met);
void atti_lm_text_deinit(atti_lm_text *t);

#endif
