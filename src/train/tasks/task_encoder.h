/* task_encoder.h - what tagging and classifying share: an encoder of Hugging Face's XLM-R
 * or BERT layout and its vocabulary; and what language models share with evaluation. */
#ifndef ATTI_TASK_ENCODER_H
#define ATTI_TASK_ENCODER_H

#include "train/trainer.h"

/* --arch, and that the sizes make a model. */
ATT_MUST_CHECK att_status atti_encoder_task_check(atti_trainer *t, atti_head head);
/* t->cfg with t->labels (or one number) and t->family. */
ATT_MUST_CHECK att_status atti_encoder_task_model(atti_trainer *t, atti_head head);
ATT_MUST_CHECK att_status atti_encoder_task_files(const atti_trainer *t,
                                                  struct atti_save *s, char *paths[4]);
void atti_encoder_task_describe(atti_trainer *t);
/* Rows, ids, offsets; labels are the task's. */
ATT_MUST_CHECK att_status atti_encoder_task_set(att_tape *tape,
                                                const atti_program_io *io,
                                                const atti_batch *b);

/* Appends a text to what a vocabulary is made of: SentencePiece's file, or a lexicon. */
typedef struct atti_vocab_text {
    FILE *f;
    char *path;
    atti_lexicon *lexicon; /* in place of f */
    int32_t whole;         /* its texts are words, not lines of them */
    att_status status;     /* the first failure; for a file ferror() knows */
} atti_vocab_text;
void atti_vocab_text_add(atti_vocab_text *v, const char *text, size_t n, char end);
/* t->tok from the user's --tokenizer, from the directory, or from the texts that `write`
 * gives; tokenizer.json and tokenizer_config.json are in t->dir then. */
typedef att_status atti_vocab_write_fn(atti_trainer *t, atti_vocab_text *v);
ATT_MUST_CHECK att_status atti_encoder_task_vocab(atti_trainer *t,
                                                  atti_vocab_write_fn *write);
/* Files as one running text of tokens, cut into blocks (pairs.h). */
typedef struct atti_text_files {
    const char *const *files;
    int32_t n;
    const char *temp_dir; /* NULL: the system's */
    int64_t stride;       /* of blocks; 0: side by side */
    int64_t *unknown;     /* NULL, or counts tokens that stand for what is unknown */
} atti_text_files;
ATT_MUST_CHECK att_status atti_text_stream(atti_pairs *p, const att_tokenizer *tok,
                                           const atti_text_files *f, int64_t context,
                                           int may_shift);
/* ATT_EFORMAT with file and line: not UTF-8, a zero byte. */
ATT_MUST_CHECK att_status atti_text_check(const char *path);
/* A file of t->dir, whole or not at all. */
ATT_MUST_CHECK att_status atti_task_write(const atti_trainer *t, const char *name,
                                          const char *text, size_t n);
/* tokenizer_config.json for a tokenizer.json with these special tokens (NULL: none). */
ATT_MUST_CHECK att_status atti_task_tokenizer_config(const atti_trainer *t,
                                                     const char *bos, const char *eos,
                                                     const char *pad, const char *unk);

#endif
