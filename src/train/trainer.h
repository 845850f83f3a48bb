/* trainer.h - everything one training holds, and the rooms that work on it.
 *
 *   train_opts.c        defaults and checks of the options
 *   train_presets.c     recipes by name
 *   train_config.c      the effective options as JSON, beside the model
 *   trainer_setup.c     directory, vocabulary, corpus, model, memory
 *   inputs.c            vectors of words from a file, one-hot inputs
 *   trainer_vocab.c     tokenizers: given, or trained on the corpus
 *   tasks/              what is learnt: translate, tag, classify, generate
 *   train_state.c       the numbers that a checkpoint must bring back
 *   train_same.c        the options and files that must not change on the way
 *   leftovers.c         what killed trainings left half-made
 *   overwrite.c         the old model stays until the new one has a checkpoint
 *   checkpoint.c        writing, finding, loading, pruning checkpoints
 *   loop.c              updates until the end
 *   validate.c          loss and BLEU on held-out text, early stopping
 *   finish.c            average or best: which becomes the model
 *   train_log.c         train.log, metrics.jsonl, reports
 *   estimate.c          dry runs
 *
 * What decides the result is in atti_train_state, the buffers and the options; nothing
 * else may (the clock only where --after or a frequency is in minutes). */
#ifndef ATTI_TRAINER_H
#define ATTI_TRAINER_H

#include "attend/tokenizer.h"
#include "attend/train.h"
#include "base/json.h"
#include "data/feed.h"
#include "data/text/langs.h"
#include "models/marian/marian_config.h"
#include "models/rnn/rnn_config.h"
#include "tokenize/lexicon.h"
#include "tokenize/bpe_dropout.h"
#include "train/optim.h"
#include "train/schedule.h"
#include "train/tasks/label_set.h"
#include "train/tasks/task.h"
#include <stdio.h>

typedef struct atti_train_state {
    int64_t update;
    atti_feed_pos pos; /* the next batch */
    int64_t seen;      /* pairs of this epoch behind us; 0 at its start */
    int64_t target_tokens;
    double elapsed_s;
    double
        done_warm;   /* fraction of the training when the warm-up ended; < 0: not yet */
    double lr_scale; /* halved by every rollback */
    int64_t rollbacks; /* since the last validation or checkpoint that went well */
    double best_nll;   /* of validations; < 0: none yet */
    double best_score; /* the task's own, such as BLEU; < 0: none yet */
    int64_t best_update;
    int64_t bad;          /* validations since the best */
    int64_t due_valid;    /* 1: this update's validation was not finished */
    int64_t due_save;     /* 1: nor was its regular checkpoint */
    atti_loss_sums since; /* the last line of metrics.jsonl */
} atti_train_state;

typedef struct atti_train_log {
    FILE *text, *metrics;
    double line_tokens;          /* of this session since the last line */
    atti_loss_sums shown;        /* since the last report */
    double began;                /* when the first update of this session did */
    double seconds_at, shown_at; /* the clock of the last line and report, moved on by
                                  * what was no training */
    double norm, lr;
} atti_train_log;

/* inputs.c: what was done to the table of input vectors. */
typedef struct atti_inputs {
    const atti_param *table; /* NULL: nothing */
    unsigned char *frozen;   /* [rows] nonzero: stays as it is; NULL: none does */
    int64_t found, words;    /* entries with a vector; words of the file */
} atti_inputs;

/* When a validation or a checkpoint last began and ended, on this session's clock. */
typedef struct atti_pause {
    double began, ended;
} atti_pause;

typedef struct atti_trainer {
    att_train_opts o;
    atti_span after, save_freq, valid_freq, disp_freq;
    atti_schedule schedule;
    char *dir, *checkpoints; /* DIR, DIR/checkpoints */
    int overwriting;         /* 1: dir lies in DIR until the first checkpoint */
    int lock;
    att_tokenizer *tok[2]; /* the same one twice when joint */
    atti_pairs train;
    atti_pairs *valid; /* [n_valid]: one, or several pairs of a translator */
    int32_t n_valid;
    struct atti_validation *by_pair; /* [n_valid]: the newest figures of each */
    uint64_t digest[2];              /* of their tokens; 0: not there */
    const atti_task *task;
    void *cfg;                 /* the family's */
    atti_marian_config marian; /* cfg of sequence to sequence, */
    atti_rnn_config rnn;       /* or this one */
    void *owned_cfg;           /* cfg of the others, freed at the end */
    const atti_family *family;
    atti_label_set labels;
    atti_lexicon lexicon; /* of models of words, in place of tokenizers */
    int64_t unseen;       /* words of the validation whose label no training file has */
    int64_t unseen_line;
    char *unseen_label;
    atti_params params;
    atti_inputs inputs;
    float *grads;
    atti_optim optim;
    att_tape *tape;
    atti_program_io io;
    atti_step step;
    att_tape_memory memory;
    atti_bpe_dropout *vary[2]; /* by side, the same one twice when joint; NULL = none */
    atti_feed_opts feed_opts;
    atti_feed *feed;
    atti_feed_item item;
    atti_train_state state;
    atti_train_log log;
    double clock0;     /* when this session began */
    double elapsed0;   /* state.elapsed_s then */
    double done0;      /* fraction done then */
    double done_first; /* after the first update, where this session made it */
    atti_pause valid_pause, save_pause;
    int64_t saved; /* update of the newest checkpoint on disk, -1 none */
} atti_trainer;

double atti_train_clock(void); /* monotonic seconds */

/* train_opts.c */
/* A caller's structure has the size that this library writes. */
ATT_MUST_CHECK att_status atti_check_out(uint32_t size, size_t want, const char *type);
ATT_MUST_CHECK att_status atti_train_opts_copy(att_train_opts *out,
                                               const att_train_opts *in);
ATT_MUST_CHECK att_status atti_train_opts_check(atti_trainer *t);
/* The files to validate with, however they were given; borrowed from the options. */
typedef struct atti_valid_files {
    const char *const *source, *const *target; /* [n] */
    const char *const *lang;                   /* [n], or NULL: no tokens */
    int32_t n;
} atti_valid_files;
atti_valid_files atti_train_valid_files(const att_train_opts *o);
/* What tells pair i from the others: its language, or its target's file. */
const char *atti_train_valid_name(const att_train_opts *o, int32_t i);
/* translate with arch "rnn" (GRU) or "rnn-lstm". */
int atti_train_is_rnn(const att_train_opts *o);
ATT_MUST_CHECK att_status atti_train_rnn_config(atti_rnn_config *c,
                                                const att_train_opts *o,
                                                int64_t source_vocab,
                                                int64_t target_vocab);
/* The model that the options describe; vocabulary sizes are those of the tokenizers. */
ATT_MUST_CHECK att_status atti_train_model_config(atti_marian_config *c,
                                                  const att_train_opts *o,
                                                  int64_t source_vocab,
                                                  int64_t target_vocab);

/* train_config.c */
ATT_MUST_CHECK att_status atti_train_config_write(const atti_trainer *t);

/* trainer_vocab.c: of sequence to sequence */
ATT_MUST_CHECK att_status atti_trainer_vocab(atti_trainer *t);
/* Whether the tokenizers that were given can be read; writes nothing. */
ATT_MUST_CHECK att_status atti_trainer_vocab_check(const atti_trainer *t);
/* Tokens of target languages: those of the options, then those that the sources have. */
ATT_MUST_CHECK att_status atti_trainer_langs(const atti_trainer *t, atti_langs *langs);

/* inputs.c: vectors of a file, one-hot inputs. */
ATT_MUST_CHECK att_status atti_inputs_check(const atti_trainer *t);
/* After the weights have their first values, before the optimiser cuts them. */
ATT_MUST_CHECK att_status atti_inputs_apply(atti_trainer *t);
/* Takes away the gradients of what is frozen. */
void atti_inputs_hold(atti_trainer *t);
void atti_inputs_say(atti_trainer *t);

/* trainer_setup.c */
ATT_MUST_CHECK att_status atti_trainer_open(atti_trainer *t, const att_train_opts *o);
ATT_MUST_CHECK att_status atti_trainer_open_feed(atti_trainer *t);
void atti_trainer_close(atti_trainer *t);
void atti_trainer_estimate(const atti_trainer *t, att_train_estimate *e);

/* estimate.c: ATT_ENOMEM where e is over the limit of the options; the same by the
 * configuration and the options alone, before there is a vocabulary or a corpus. */
ATT_MUST_CHECK att_status atti_train_check_memory(const att_train_opts *o,
                                                  const att_train_estimate *e);
ATT_MUST_CHECK att_status atti_trainer_asked_memory(const atti_trainer *t);

/* trainer_setup.c */
/* The weights that count: the running average where there is one. */
atti_params atti_trainer_weights(const atti_trainer *t);

/* train_state.c */
void atti_train_state_init(atti_train_state *s);
atti_progress atti_trainer_progress(const atti_trainer *t);
double atti_trainer_done(const atti_trainer *t); /* fraction, 0..1 */
ATT_MUST_CHECK att_status atti_train_state_write(const atti_trainer *t, const char *dir,
                                                 int regular);
ATT_MUST_CHECK att_status atti_train_state_read(atti_train_state *s, int *regular,
                                                const char *dir);

/* train_same.c */

/* Sets digest[]. */
ATT_MUST_CHECK att_status atti_train_digest(atti_trainer *t);
void atti_train_same_write(const atti_trainer *t, atti_jsonw *w);
/* ATT_EINVAL names the first option or file that is not what the checkpoint in dir, with
 * this state.json, was made with. What is only watched may change, and --after. */
ATT_MUST_CHECK att_status atti_train_same_check(const atti_trainer *t,
                                                const atti_json *root, const char *dir);
/* The same, from the file. */
ATT_MUST_CHECK att_status atti_train_state_same(const atti_trainer *t, const char *dir);

/* leftovers.c */
/* Removes what a killed training left half-made in DIR and its checkpoints; to be called
 * under the lock. */
ATT_MUST_CHECK att_status atti_leftovers_clean(const char *dir,
                                               const char *checkpoints);

/* overwrite.c: under the lock of DIR, too. */
/* Puts a training into DIR that was killed while it replaced the model there. */
ATT_MUST_CHECK att_status atti_overwrite_recover(const char *dir);
/* t->dir becomes a directory inside DIR; */
ATT_MUST_CHECK att_status atti_overwrite_begin(atti_trainer *t);
/* with the first checkpoint its files replace the old ones; later calls do nothing. */
ATT_MUST_CHECK att_status atti_overwrite_settle(atti_trainer *t);
/* Without one it goes, and the old model is what it was. */
void atti_overwrite_give_up(atti_trainer *t);

/* checkpoint.c */
/* regular: made by the save frequency, so that an uninterrupted run has it too: only
 * these (and the last) are averaged. */
ATT_MUST_CHECK att_status atti_checkpoint_save(atti_trainer *t, int regular);
/* The newest checkpoint that training can go on from. *found 0: there is none at all. */
ATT_MUST_CHECK att_status atti_checkpoint_load(atti_trainer *t, int *found);
/* Removes those that only a stop or an earlier end made: an uninterrupted training has
 * none, so none may decide where a rollback goes. */
ATT_MUST_CHECK att_status atti_checkpoint_forget_stops(const atti_trainer *t);
/* Updates of the checkpoints there are, rising. *out is an atti_alloc block. */
ATT_MUST_CHECK att_status atti_checkpoint_list(const char *checkpoints, int64_t **out,
                                               size_t *n);
ATT_MUST_CHECK att_status atti_checkpoint_path(char **out, const char *checkpoints,
                                               int64_t update);
/* A whole model directory under its final name or not at all. */
ATT_MUST_CHECK att_status atti_trainer_save_model(const atti_trainer *t,
                                                  const atti_params *weights,
                                                  const char *path);
/* The same files into a directory that exists. */
ATT_MUST_CHECK att_status atti_trainer_save_model_files(const atti_trainer *t,
                                                        const atti_params *weights,
                                                        const char *dir);

/* loop.c */
ATT_MUST_CHECK att_status atti_trainer_run(atti_trainer *t);
/* One update's batches, gradients and norm; the step is not taken. */
ATT_MUST_CHECK att_status atti_trainer_gradients(atti_trainer *t, atti_loss_sums *sums,
                                                 double *norm);

/* BLEU of held-out pairs, the scores of by_pair; of sequence to sequence. */
ATT_MUST_CHECK att_status atti_trainer_bleu(atti_trainer *t,
                                            const atti_params *weights);
/* The tokenisation (ATT_BLEU_...) of pair i of n in --valid-tokenize. */
ATT_MUST_CHECK att_status atti_train_valid_tokenize(int32_t *out, const char *names,
                                                    int32_t i, int32_t n);

/* estimate.c */
ATT_MUST_CHECK att_status atti_trainer_dry_run(atti_trainer *t, att_train_estimate *e);

/* validate.c: of all pairs, the mean of their figures. */
typedef struct atti_validation {
    double nll, accuracy;
    double
        score; /* what decides, higher is better: BLEU, accuracy; < 0: not measured */
} atti_validation;
ATT_MUST_CHECK att_status atti_trainer_validate(atti_trainer *t,
                                                const atti_params *weights,
                                                atti_validation *v);
/* Whether a is better: by score where both have one, else by loss. */
int atti_validation_better(const atti_validation *a, const atti_validation *b);

/* finish.c */
ATT_MUST_CHECK att_status atti_trainer_finish(atti_trainer *t);

/* train_log.c */
/* A log that cannot be written is given up with one notice; the training goes on. */
ATT_MUST_CHECK att_status atti_train_log_open(atti_trainer *t);
void atti_train_log_close(atti_trainer *t);
/* A line for people in train.log and to the caller, as report kind `kind`. */
void atti_train_say(atti_trainer *t, int32_t kind, const char *fmt, ...)
    ATTI_PRINTF(3, 4);
void atti_train_log_update(atti_trainer *t, const atti_loss_sums *sums, double norm,
                           double lr, int write_line);
void atti_train_log_valid(atti_trainer *t, const atti_validation *v, int best);
/* Seconds that went into validations and checkpoints: speeds do not count them, the
 * remaining time does. */
void atti_train_log_pause(atti_trainer *t, double seconds);

#endif
