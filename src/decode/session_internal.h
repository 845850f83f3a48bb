/* session_internal.h - what changes while a model translates.
 *
 * Rows are live hypotheses; a sentence owns consecutive rows. Keys and values of
 * generated tokens live in slots, one a row and position, and a row's page table says
 * which slot holds which position: a beam is reordered by copying its table, never its
 * keys. Source keys and values live in slots of their own, shared by a sentence's rows.
 *
 * Everything below is sized before the first step of a call; a step allocates nothing. */
#ifndef ATTI_SESSION_INTERNAL_H
#define ATTI_SESSION_INTERNAL_H

#include "attend/decode.h"
#include "decode/engine.h"
#include <stdbool.h>

#define ATTI_PICK_CHUNK 512 /* vocabulary columns that one log-sum-exp covers */

/* What the caller wants translated. */
typedef struct atti_job {
    const int32_t *ids; /* with </s> */
    int32_t n_ids;
    int32_t cut; /* tokens dropped */
    const int32_t *prefix;
    int32_t n_prefix;
    int32_t max_len; /* tokens with </s> */
    int32_t forced;  /* nonzero: the prefix is all there is (scoring) */
} atti_job;

/* A finished hypothesis; arrays have room for max_len of the call. */
typedef struct atti_done {
    int32_t n;        /* ids, without </s> */
    int32_t n_scores; /* n + 1, or n where it was cut */
    int32_t finished;
    double score, logprob;
    int32_t *ids;
    float *scores;
    float *align; /* [n_scores, n_source] or NULL */
} atti_done;

/* One sentence being decoded. */
typedef struct atti_live {
    int64_t job; /* index, -1 = this place is free */
    int32_t n_source;
    int32_t *source; /* slots of its source tokens, [longest source] */
    int64_t row0;
    int32_t n_rows;
    int32_t t; /* tokens said so far */
    int32_t max_len;
    double *sum;     /* [beam] log-probability of each row */
    int32_t *last;   /* [beam] what each row says next to the decoder */
    atti_done *done; /* [beam], best first */
    int32_t n_done;
} atti_live;

typedef enum atti_pick_mode {
    ATTI_PICK_TOP,
    ATTI_PICK_FORCED,
    ATTI_PICK_SAMPLE
} atti_pick_mode;

typedef struct atti_row {
    int32_t token, pos, slot;
    atti_pick_mode mode;
    int32_t forced; /* the token of ATTI_PICK_FORCED */
    bool ban_eos;
    bool free_token; /* a forced token that counts 0: it was no choice */
    bool diverged;   /* set by pick.c: its probabilities are no numbers */
    uint64_t draw;   /* sampling: key of this sentence and step */
} atti_row;

typedef struct atti_cand {
    float v;    /* log-probability, after penalties */
    int32_t id; /* -1: fewer than k */
} atti_cand;

typedef struct atti_tables { /* by row, [rows_max, t_cap] */
    int32_t *page, *said;
    float *score;
} atti_tables;

struct att_session {
    const att_model *model;
    const atti_engine *e;
    att_decode_opts o;
    int32_t eos, pad, start, forced_eos, forced_bos;
    int32_t ends[16], n_ends; /* what ends a text: eos, and others that it lists */
    bool *banned;             /* [V] never said, or NULL: pad alone */
    bool any_banned;

    /* sizes of this call */
    int64_t batch, beam, rows_max, k; /* k candidates a row */
    int64_t t_cap, s_cap;             /* longest target, longest source */
    int64_t slots, source_slots, wave_rows;
    int threads;

    /* decoder memory */
    float *self_kv;  /* [L][slots][2C] */
    float *cross_kv; /* [L][source_slots][2C] */
    int32_t *free_source;
    int64_t n_free_source;
    atti_stream row_stream;
    float *q, *ctx, *ff, *logits;
    float *sums; /* [rows, 2, chunks of the vocabulary]: log-sum-exp, maximum */
    float *heed; /* [threads, heed_stride]: a row's attention */
    int64_t heed_stride;
    atti_row *row;
    atti_tables table[2];
    int current;
    int32_t
        *pages; /* [rows_max, t_cap] as the attention reads them: table[current].page */
    int32_t *k_len, *x_page, *x_len; /* [rows], [rows, s_cap], [rows] */
    atti_cand *cand;                 /* [rows, k] */
    void *merge;                     /* search.c's list */
    float *pick_scratch;             /* [threads, ...] */
    int64_t pick_stride;
    atti_live *live; /* [batch] */
    int64_t *order;  /* live places in row order */
    int64_t n_live;

    /* alignment on request */
    float *lse, *align_step, *align_slot; /* [R,H], [R,s_cap], [slots,s_cap] */

    struct atti_rnn_wave *rnn_wave; /* recurrent models: the encoder */

    /* encoder memory */
    atti_stream src_stream;
    float *src_qkv, *src_ctx, *src_ff;
    int32_t *src_ids, *src_pos, *src_offsets, *src_slot;

    float *positions[2]; /* encoder, decoder: [s_cap, C], [t_cap, C] */
    int64_t reached;     /* target positions that are filled in */
    void *workspace;
    size_t workspace_bytes;
    size_t bytes;              /* of all of the above */
    struct atti_chunk *chunks; /* every allocation, for release and counting */

    /* sentences encoded and waiting for rows */
    struct atti_waiting *waiting;
    int64_t n_waiting, next_waiting;
};

typedef struct atti_waiting {
    int64_t job;
    int32_t n_source;
    int32_t *source; /* slots */
} atti_waiting;

/* Scratch for attention of at least n bytes. */
ATT_MUST_CHECK att_status atti_session_workspace(att_session *s, size_t n);

/* encode.c: runs the encoder on `n` jobs and fills s->waiting; their source slots are
 * taken from the free list. */
ATT_MUST_CHECK att_status atti_encode_wave(att_session *s, const atti_job *jobs,
                                           const int64_t *which, int64_t n);

/* step.c: one token for rows 0..n_rows-1; leaves candidates in s->cand. */
ATT_MUST_CHECK att_status atti_step_run(att_session *s, int64_t n_rows);

/* step_attend.c: from s->q and the caches to s->ctx, for rows 0..n_rows-1. */
ATT_MUST_CHECK att_status atti_step_self(att_session *s, int64_t layer, int64_t n_rows);
ATT_MUST_CHECK att_status atti_step_cross(att_session *s, int64_t layer,
                                          int64_t n_rows);
int64_t atti_heed_scratch(int64_t heads); /* floats a thread */

/* pick.c: candidates of one row of logits. s->sums NULL: it makes its own; else
 * atti_pick_sums() has seen all columns of it. */
void atti_pick_row(att_session *s, int64_t row, float *logits, int thread);
int64_t atti_pick_scratch(int64_t vocab); /* floats a thread */
int64_t atti_pick_chunks(int64_t vocab);
/* Logits [col0, col0 + cols) of a row, from col0 on, are there: their sums go to where they
 * belong in [2, chunks]. col0 is a multiple of ATTI_PICK_CHUNK, and so is the end, or it is
 * the vocabulary's. */
void atti_pick_sums(float *sums, int64_t vocab, const float *bias, const float *logits,
                    int64_t col0, int64_t cols);
/* The vocabulary's product with both, rows of x [n_rows, ..] -> s->cand. */
ATT_MUST_CHECK att_status atti_pick_rows(att_session *s, const float *x,
                                         int64_t n_rows);

/* search.c: what the candidates make of the hypotheses. *ended: the sentence is ready. */
size_t atti_search_scratch(const att_session *s); /* bytes of s->merge */
/* So many best continuations are looked at that `beam` of them go on. */
int64_t atti_search_width(const att_session *s);
static inline bool atti_ends(const att_session *s, int64_t id)
{
    for (int32_t i = 0; i < s->n_ends; i++) {
        if (id == s->ends[i]) return true;
    }
    return false;
}
void atti_search_start(att_session *s, atti_live *l, const atti_job *job);
void atti_search_plan(att_session *s, atti_live *l, const atti_job *job);
/* Writes the next rows from *row on into the other table. */
void atti_search_advance(att_session *s, atti_live *l, const atti_job *job,
                         int64_t *row, bool *ended);

/* result.c */
ATT_MUST_CHECK att_status atti_result_create(att_result **out, int64_t n);
ATT_MUST_CHECK att_status atti_result_set(att_result *r, int64_t i,
                                          const att_session *s, const atti_job *job,
                                          const atti_done *done, int32_t n_done);
/* Texts of all hypotheses with the target tokenizer, where the model has one. */
ATT_MUST_CHECK att_status atti_result_texts(att_result *r, const att_model *m);

/* schedule.c: translates all jobs. */
ATT_MUST_CHECK att_status atti_translate_jobs(att_session *s, const atti_job *jobs,
                                              int64_t n, att_result *r);

#endif
