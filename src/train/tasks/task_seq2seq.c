/* task_seq2seq.c - a source sequence, a target sequence shifted right, a token to say at
 * every target row. */
#include "train/tasks/task.h"

static att_status set(att_tape *tape, const atti_program_io *io, const atti_batch *b)
{
    ATTI_TRY(att_tape_bind(tape, io->src_rows, b->source.rows));
    ATTI_TRY(att_tape_bind(tape, io->tgt_rows, b->target.rows));
    ATTI_TRY(att_tape_bind(tape, io->seqs, b->n_seqs));
    if (io->src_ids != ATT_NO_VAR) {
        ATTI_TRY(att_tape_set(tape, io->src_ids, b->source.ids));
    }
    if (io->src_feats != ATT_NO_VAR) {
        ATTI_TRY(att_tape_set(tape, io->src_feats, b->source.feats));
    }
    ATTI_TRY(att_tape_set(tape, io->src_offsets, b->source.offsets));
    ATTI_TRY(att_tape_set(tape, io->tgt_ids, b->target.ids));
    ATTI_TRY(att_tape_set(tape, io->tgt_offsets, b->target.offsets));
    return att_tape_set(tape, io->targets, b->targets);
}

const atti_task atti_task_seq2seq = {.name = "seq2seq", .set = set};
