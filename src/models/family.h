/* family.h - what an architecture brings. One folder in models/ each; registry.c lists them.
 *
 * A config is plain data owned by the model (atti_free releases it). declare() names every
 * parameter; build() records the program over them. Tasks (train/tasks) know batches and
 * objectives; families know layers: the two meet in atti_program_io. */
#ifndef ATTI_FAMILY_H
#define ATTI_FAMILY_H

#include "attend/tape.h"
#include "base/json.h"
#include "models/params.h"

/* What goes in and what comes out. */
typedef enum atti_shape_of {
    ATTI_SEQ2SEQ = 0, /* source to target: src_*, tgt_*, targets */
    ATTI_ENCODER = 1, /* rows in, labels out: src_*, and what the head needs */
    ATTI_DECODER = 2, /* the next token: tgt_*, targets */
    ATTI_WORDS = 3    /* words with their characters in, labels out */
} atti_shape_of;

/* What a model's last layer is for. */
typedef enum atti_head {
    ATTI_HEAD_NONE = 0,     /* hidden states alone */
    ATTI_HEAD_LM = 1,       /* the next token (decoder) or the target's (seq2seq) */
    ATTI_HEAD_TOKENS = 2,   /* a label a row */
    ATTI_HEAD_SEQUENCE = 3, /* a label, several, or numbers a sequence */
    ATTI_HEAD_MASKED_LM = 4 /* the hidden tokens */
} atti_head;

/* What a sequence head says (transformers' problem_type). */
typedef enum atti_problem {
    ATTI_ONE_LABEL = 0,   /* softmax over labels */
    ATTI_MANY_LABELS = 1, /* a sigmoid a label */
    ATTI_REGRESSION = 2   /* the numbers themselves */
} atti_problem;

/* The values of a recorded program that a task sets or reads. ATT_NO_VAR where absent,
 * and 0 for a row count that a program does not have; atti_program_io_init says so. The
 * symbols that exist are created in the order of the first line, which is the order of
 * att_tape_plan_opts.max_rows. */
enum { ATTI_IO_NEAR = 22 };
typedef struct atti_program_io {
    att_rows src_rows, tgt_rows, seqs, seqs1; /* seqs1 = seqs + 1 */
    att_var src_ids, src_offsets;             /* [src_rows,1], [seqs1,1] i32 */
    att_var tgt_ids, tgt_offsets,
        targets;       /* decoder input, offsets, what it must say */
    att_var src_feats; /* float rows in place of ids */
    att_var src_types; /* [src_rows,1] i32: which of two texts a row belongs to */
    /* ATTI_WORDS (data/word_rows.h): tgt_rows counts words, src_rows their characters;
     * tgt_ids words, tgt_offsets those of sequences, src_ids characters, src_offsets
     * those of words [words1,1]; near: rows of the 2 reach neighbours. */
    att_rows words1;
    att_var near[ATTI_IO_NEAR];
    int32_t reach;
    att_var vectors; /* ATTI_WORDS: a word before the first layer [tgt_rows,..] */
    /* Targets of encoders: a label a row [src_rows,1] i32 (TOKENS; MASKED_LM: a token
     * id), a label a sequence [seqs,1] i32, negative = not counted; or numbers, f32
     * [seqs,K]: the values (REGRESSION) or 0 and 1 (MANY_LABELS). */
    att_var row_labels, seq_labels, seq_values;
    att_var hidden;      /* last hidden states, after the last norm */
    att_var logits;      /* TOKENS, MASKED_LM [src_rows,K]; SEQUENCE [seqs,K]; LM
                            [tgt_rows,V]. The vocabulary's only with opts.inference */
    att_var loss, stats; /* [1,1], [1,4] */
} atti_program_io;
void atti_program_io_init(atti_program_io *io);

typedef struct atti_program_opts {
    int32_t training; /* dropout is recorded */
    float label_smoothing;
    int32_t
        inference; /* encoders and decoders: up to the logits; no targets, no loss */
    int64_t positions; /* rows of the longest sequence, for tables of positions that are
                          computed; 0 = unknown: the config's, within reason */
} atti_program_opts;

typedef struct atti_family {
    const char *model_type; /* config.json's */
    const char
        *architecture; /* "attend" names several: config.json's; NULL = any other */
    /* Parses and checks against formats.md 13; *cfg is one atti_alloc block. */
    att_status (*config_read)(void **cfg, const atti_json *root, const char *name);
    att_status (*config_write)(const void *cfg, atti_jsonw *w);
    att_status (*declare)(const void *cfg, atti_params *params);
    att_status (*build)(const void *cfg, const atti_params *params, att_tape *tape,
                        const atti_program_opts *opts, atti_program_io *io);
    atti_shape_of shape;
    int32_t gpt2; /* decoders: which of the two */
    /* What the head is for; NULL = ATTI_HEAD_LM. Labels and problem: encoders. */
    atti_head (*head)(const void *cfg);
    /* ATTI_SEQ2SEQ: what ends a sentence by the config, where it says nothing by its
     * class's default. */
    int64_t (*eos)(const void *cfg);
} atti_family;

const atti_family *atti_family_find(const char *model_type); /* NULL when unknown */
/* The same where a model_type has several architectures; NULL = none was named. */
const atti_family *atti_family_find_arch(const char *model_type, const char *arch);
atti_head atti_family_head(const atti_family *f, const void *cfg);

/* Points the tape's parameters at params->data and grads. A parameter of the tape is named as
 * in `params`; braces join neighbours (atti_params_neighbours), and a name that ends in
 * "[k:]" is the parameter without its first k rows, whose gradient stays what it was. */
ATT_MUST_CHECK att_status atti_family_bind(att_tape *tape, const atti_params *params,
                                           float *grads);

#endif
