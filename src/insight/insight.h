/* insight.h - looking into a model that runs: the program over which it looks, an
 * explainer, an explanation. */
#ifndef ATTI_INSIGHT_H
#define ATTI_INSIGHT_H

#include "attend/explain.h"
#include "autograd/op_attention.h"
#include "base/alloc.h"
#include "data/word_rows.h"
#include "insight/worded.h"

/* A family's program, planned for as many tokens as were needed so far. */
typedef struct atti_lens {
    const att_model *model;
    att_tape *tape; /* NULL until first needed */
    atti_program_io io;
    int training;        /* planned for gradients */
    int64_t cap[3];      /* source rows, target rows, sequences */
    int32_t *zeros;      /* [source rows]: all of the first text */
    atti_word_rows rows; /* of models of words: the present batch taken apart */
    int enough;          /* set by who looks, before an error: the run may end here */
} atti_lens;

/* n_seqs sequences; offsets as the tape wants them, owned by the caller until the run is
 * over. Arrays of a side that the model lacks may be NULL. Of models of words the source
 * holds runs of ids (tokenize/lexicon.h), and there is no target. */
typedef struct atti_lens_batch {
    int64_t n_seqs, n_source, n_target;
    const int32_t *source, *source_offsets;
    const int32_t *target, *target_offsets, *targets;
} atti_lens_batch;

typedef att_status atti_lens_fn(void *user, const atti_call *c, int backward);

void atti_lens_init(atti_lens *l, const att_model *model, int training);
void atti_lens_deinit(atti_lens *l);
/* Records the program if that has not been done. */
ATT_MUST_CHECK att_status atti_lens_open(atti_lens *l);
/* Plans what is missing, runs forward (and backward from the loss), shows every operator
 * to see. */
ATT_MUST_CHECK att_status atti_lens_run(atti_lens *l, const atti_lens_batch *b,
                                        atti_lens_fn *see, void *user, int backward);
/* {loss, nll, rows, right} of the last run. */
ATT_MUST_CHECK att_status atti_lens_stats(const atti_lens *l, float out[4]);

/* One kind of attention in a program: its operators in order are the layers. */
typedef struct atti_site {
    int32_t kind;
    int64_t layers, heads;
    att_var q_offsets, k_offsets;
    int32_t recurrent; /* inside of a loop over time: no head to cut out, no gradient */
    int32_t pooling;   /* of one learned query a head: a row a text */
} atti_site;
enum { ATTI_SITES = 8 };
/* *n <= ATTI_SITES, 0 where nothing attends; encoder, decoder, cross, other. */
ATT_MUST_CHECK att_status atti_lens_sites(const atti_lens *l, atti_site *sites, int *n);
/* Whether a node is attention. */
bool atti_lens_attends(const atti_node *node);
/* Which site an attention node is of, and which layer (from 0). */
void atti_lens_place(const atti_lens *l, const atti_site *sites, int n,
                     const atti_node *node, int *site, int64_t *layer);

struct att_explainer {
    const att_model *model;
    att_explain_opts o;
    att_session *session;
    int32_t start, eos;   /* of a model that translates */
    atti_lens look, grad; /* forward only; with gradients */
};

static inline bool atti_translates(const att_explainer *x)
{
    return x->model->family->shape == ATTI_SEQ2SEQ;
}
/* Whether a model reads a text and labels it or its tokens. */
static inline bool atti_model_labels(const att_model *m)
{
    return m->family->shape == ATTI_ENCODER || m->family->shape == ATTI_WORDS;
}

typedef struct atti_map {
    atti_site site;
    int64_t rows, cols;
    float *w; /* [L,H,T,S] */
} atti_map;

struct att_explanation {
    int64_t n[3];
    int32_t *ids[3];
    char **tokens[3], **labels[3];
    atti_worded words; /* of models of words: the source */
    char *output;
    double logprob;
    int32_t source_cut;
    int n_maps;
    atti_map map[ATTI_SITES];
    int32_t n_choices;
    att_choice *choice;  /* [T, n_choices + 1]: the last is what was said */
    char **choice_label; /* the same */
    int64_t *rank;       /* [T] */
};

/* One explanation's sequences as a batch of `copies` of itself; offsets [copies + 1] and
 * copied ids are in *block (atti_free). */
ATT_MUST_CHECK att_status atti_explanation_batch(const att_explanation *e,
                                                 int64_t copies, atti_lens_batch *b,
                                                 int32_t **block);
/* The sequences of e through the program: maps, choices, and what was said where that was
 * open. */
ATT_MUST_CHECK att_status atti_explanation_watch(att_explainer *x, att_explanation *e);
ATT_MUST_CHECK att_status atti_explanation_check(const att_explainer *x,
                                                 const att_explanation *e,
                                                 const void *out, const char *what);
/* A kind's map by index; ATT_ENOTFOUND says what there is. */
ATT_MUST_CHECK att_status atti_explanation_kind(const att_explanation *e, int32_t kind,
                                                int *i);
const char *atti_kind_name(int32_t kind);
const char *atti_site_name(const atti_site *s);
/* Tokens that fit the positions of one side and what may be explained at once. */
int64_t atti_longest_text(const att_explainer *x);
/* Whether a text or its tokens get one label of several. */
bool atti_says_label(const att_explainer *x);
/* Texts for the ids of e's sides and for its choices. */
ATT_MUST_CHECK att_status atti_name_tokens(const att_explainer *x, att_explanation *e);
ATT_MUST_CHECK att_status atti_name_choices(const att_explainer *x, att_explanation *e);
/* A token as people read it; *out by atti_alloc. */
ATT_MUST_CHECK att_status atti_label_make(const att_model *model, int side, int32_t id,
                                          const char *piece, char **out);
/* Takes the probabilities of everything that could be said from a run, into e->choice; what
 * was said where e->ids leaves it open (negative: the likeliest). */
typedef struct atti_chooser {
    att_explanation *e;
    att_var logits; /* of encoders; ATT_NO_VAR: the vocabulary's, from vocab_loss */
} atti_chooser;
ATT_MUST_CHECK att_status atti_see_choices(void *user, const atti_call *c,
                                           int backward);

#endif
