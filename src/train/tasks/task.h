/* task.h - what is learnt, apart from the architecture that learns it.
 *
 * A family records layers and leaves named values (atti_program_io); a task knows which
 * parts of a batch go to which of them, what the loss counts, what its files look like and
 * what a model directory gets beside the weights. A new task is one file here, one line in
 * tasks.c and one command. */
#ifndef ATTI_TASK_H
#define ATTI_TASK_H

#include "data/batch.h"
#include "data/feed.h"
#include "models/family.h"

struct atti_trainer;
struct atti_save; /* models/save.h */
struct atti_validation;

typedef struct atti_task {
    const char *name;    /* as in `attend train <name>` */
    const char *items;   /* what a corpus has many of: "pairs" */
    const char *counted; /* what the loss is a mean over: "target tokens" */
    const char *speed;   /* the same, a word only: "tokens" */
    atti_feed_kind feed;
    int32_t two_files; /* a corpus is files in pairs */
    /* Binds the row counts and points the tape's inputs at the batch, which must live
     * until the run is over. */
    att_status (*set)(att_tape *tape, const atti_program_io *io, const atti_batch *b);
    /* Refuses options that are wrong with any files. */
    att_status (*check)(struct atti_trainer *t);
    /* Reads the files through once, before a directory is made. NULL: nothing to do. */
    att_status (*check_files)(struct atti_trainer *t);
    /* Labels and tokenizers, made or read, their files in the directory. */
    att_status (*vocab)(struct atti_trainer *t);
    /* t->cfg and t->family. */
    att_status (*model)(struct atti_trainer *t);
    /* valid 0: the training files; k: the k-th of those to validate with. */
    att_status (*open)(struct atti_trainer *t, atti_pairs *p, int valid);
    /* Scores beyond the mean loss, higher is better, into by_pair. NULL: none. */
    att_status (*measure)(struct atti_trainer *t, const atti_params *weights);
    /* The tokenizer's files and the defaults of generation, in t->dir; paths are freed by
     * the caller (atti_free of each of four). */
    att_status (*files)(const struct atti_trainer *t, struct atti_save *s,
                        char *paths[4]);
    void (*describe)(struct atti_trainer *t);
} atti_task;

/* Sequence to sequence with teacher forcing; the loss is per target token. A label a
 * word; a label or a number a text; the next token of a running text. */
extern const atti_task atti_task_seq2seq, atti_task_tag, atti_task_classify,
    atti_task_generate;
/* The same two where a token is a word with its characters inside. */
extern const atti_task atti_task_tag_words, atti_task_classify_words;

/* NULL is translate. ATT_EINVAL lists the names. arch: of the options, may be NULL. */
ATT_MUST_CHECK att_status atti_task_find(const atti_task **out, const char *name,
                                         const char *arch);
int atti_task_arch_is_words(const char *arch);

/* Sums over what the loss counted. */
typedef struct atti_loss_sums {
    double loss; /* smoothed */
    double nll;
    double count, correct;
} atti_loss_sums;

/* Forward (training: with dropout, then backward; gradients are written, or added to
 * when accumulate). Adds to *sums. */
typedef struct atti_step {
    att_tape *tape;
    const atti_program_io *io;
    const atti_task *task;
    uint64_t seed;
} atti_step;
ATT_MUST_CHECK att_status atti_step_train(const atti_step *s, const atti_batch *b,
                                          uint64_t number, int accumulate,
                                          atti_loss_sums *sums);
ATT_MUST_CHECK att_status atti_step_eval(const atti_step *s, const atti_batch *b,
                                         atti_loss_sums *sums);
/* The most rows of the tape's symbols for batches of p and of q[n_q]. */
void atti_task_max_rows(const atti_family *family, const atti_pairs *p,
                        const atti_pairs *q, int32_t n_q, const atti_feed_opts *o,
                        int64_t rows[5], int32_t *n);

#endif
