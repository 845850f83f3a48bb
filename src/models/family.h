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

/* The values of a recorded program that a task sets or reads. ATT_NO_VAR where absent. */
typedef struct atti_program_io {
    att_rows src_rows, tgt_rows, seqs,
        seqs1; /* symbols, created in this order (seqs1 = seqs + 1) */
    att_var src_ids, src_offsets; /* [src_rows,1], [seqs1,1] i32 */
    att_var tgt_ids, tgt_offsets,
        targets;         /* decoder input, offsets, what it must say */
    att_var src_feats;   /* float rows in place of ids */
    att_var hidden;      /* last hidden states */
    att_var loss, stats; /* [1,1], [1,4] */
} atti_program_io;

typedef struct atti_program_opts {
    int32_t training; /* dropout is recorded */
    float label_smoothing;
} atti_program_opts;

typedef struct atti_family {
    const char *model_type; /* config.json's */
    /* Parses and checks against formats.md 13; *cfg is one atti_alloc block. */
    att_status (*config_read)(void **cfg, const atti_json *root, const char *name);
    att_status (*config_write)(const void *cfg, atti_jsonw *w);
    att_status (*declare)(const void *cfg, atti_params *params);
    att_status (*build)(const void *cfg, const atti_params *params, att_tape *tape,
                        const atti_program_opts *opts, atti_program_io *io);
    /* Binds every parameter of `params` that the tape uses; grads: flat buffer of the same
     * layout, or NULL. */
} atti_family;

const atti_family *atti_family_find(const char *model_type); /* NULL when unknown */

/* Points the tape's parameters (found by name) at params->data and grads. */
ATT_MUST_CHECK att_status atti_family_bind(att_tape *tape, const atti_params *params,
                                           float *grads);

#endif
