/* rnn_build.c - the recurrent encoder-decoder, recorded: layers in both directions over the
 * source, one cell with attention over the target, a readout, the vocabulary. */
#include "models/rnn/rnn_build.h"

#include <stdio.h>

static att_var table(atti_prog *b, const atti_rnn_config *c, int decoder)
{
    if (c->share_embeddings)
        return atti_prog_param(b, c->vocab_size, c->embed, "model.shared.weight");
    return atti_prog_param(b, decoder ? c->decoder_vocab_size : c->vocab_size, c->embed,
                           "model.%s.embed_tokens.weight",
                           decoder ? "decoder" : "encoder");
}

static att_var embed(atti_prog *b, const atti_rnn_config *c, att_var ids, int decoder)
{
    att_var t = table(b, c, decoder), x = ATT_NO_VAR;
    if (atti_prog_ok(b))
        b->status = att_op_embed(b->t, &x, ids, t, 1.0f, ATT_NO_VAR, ATT_NO_VAR,
                                 (int32_t)c->pad_id, atti_prog_drop(b, c->dropout));
    return x;
}

static att_var dropped(atti_prog *b, att_var x, float p)
{
    att_var y = x;
    if (atti_prog_ok(b) && b->training && p > 0.0f)
        b->status = att_op_dropout(b->t, &y, x, p);
    return y;
}

/* weight_ih, weight_hh and both biases of a cell. */
static void cell_params(atti_prog *b, const atti_rnn_config *c, int64_t h, int64_t in,
                        const char *name, att_var p[4])
{
    int64_t g = atti_rnn_gates(c, h);
    p[0] = atti_prog_param(b, g, in, "%s.weight_ih", name);
    p[1] = atti_prog_param(b, g, h, "%s.weight_hh", name);
    p[2] = atti_prog_param(b, 1, g, "%s.bias_ih", name);
    p[3] = atti_prog_param(b, 1, g, "%s.bias_hh", name);
}

static void use_params(att_op_rnn_opts *o, int d, const att_var p[4])
{
    o->w_ih[d] = p[0], o->w_hh[d] = p[1];
    o->b_ih[d] = p[2], o->b_hh[d] = p[3];
}

void atti_rnn_encoder(atti_prog *b, const atti_rnn_config *c, const atti_program_io *io,
                      atti_rnn_source *out)
{
    int64_t memory = 2 * c->encoder, in = c->embed;
    att_var x = embed(b, c, io->src_ids, 0), last = ATT_NO_VAR, p[4];
    char name[96];
    *out = (atti_rnn_source){ATT_NO_VAR, ATT_NO_VAR, ATT_NO_VAR};
    for (int64_t i = 0; i < c->encoder_layers; i++, in = memory) {
        att_op_rnn_opts o;
        att_op_rnn_opts_init(&o);
        o.cell = (att_rnn_cell)c->cell;
        o.direction = 2;
        o.x = x;
        o.offsets = io->src_offsets;
        for (int d = 0; d < 2; d++) {
            (void)snprintf(name, sizeof name, "model.encoder.layers.%lld.%s",
                           (long long)i, d ? "backward" : "forward");
            cell_params(b, c, c->encoder, in, name, p);
            use_params(&o, d, p);
        }
        if (atti_prog_ok(b)) b->status = att_op_rnn(b->t, &x, &last, &o);
        x = dropped(b, x, c->dropout);
    }
    int64_t cells = c->cell == ATT_RNN_LSTM ? 2 : 1;
    out->first = atti_prog_dense(b, last, atti_rnn_state(c), cells * memory, 1,
                                 ATT_ACT_TANH, "model.decoder.bridge");
    out->memory = x;
    if (c->score == ATTI_RNN_DOT) out->keys = x;
    if (atti_rnn_has_keys(c))
        out->keys = atti_prog_dense(b, x, atti_rnn_key(c), memory,
                                    c->score == ATTI_RNN_ADDITIVE, ATT_ACT_NONE,
                                    "model.attention.key");
}

/* Every step's state and context, or Luong's h~. */
static att_var attend(atti_prog *b, const atti_rnn_config *c, const atti_program_io *io,
                      const atti_rnn_source *s, att_var x)
{
    att_op_rnn_attend_opts o;
    att_var p[4], y = ATT_NO_VAR;
    int64_t memory = 2 * c->encoder;
    att_op_rnn_attend_opts_init(&o);
    cell_params(b, c, c->hidden, c->embed, "model.decoder.cell", p);
    o.cell = (att_rnn_cell)c->cell;
    o.max_source = c->max_positions;
    o.x = x;
    o.offsets = io->tgt_offsets;
    o.keys = s->keys;
    o.values = s->memory;
    o.source_offsets = io->src_offsets;
    o.initial = s->first;
    o.w_ih = p[0], o.w_hh = p[1], o.b_ih = p[2], o.b_hh = p[3];
    o.w_feed = atti_prog_param(b, atti_rnn_gates(c, c->hidden), atti_rnn_feed(c),
                               "model.decoder.cell.weight_feed");
    if (c->score == ATTI_RNN_ADDITIVE) {
        o.w_query =
            atti_prog_param(b, c->attention, c->hidden, "model.attention.query.weight");
        o.v = atti_prog_param(b, 1, c->attention, "model.attention.v");
    } else {
        o.score = ATT_SCORE_DOT;
        o.w_out = atti_prog_param(b, c->readout, c->hidden + memory,
                                  "model.decoder.readout.weight");
        o.b_out = atti_prog_param(b, 1, c->readout, "model.decoder.readout.bias");
    }
    if (atti_prog_ok(b)) b->status = att_op_rnn_attend(b->t, &y, NULL, &o);
    return y;
}

/* The same without attention: the states. */
static att_var plain(atti_prog *b, const atti_rnn_config *c, const atti_program_io *io,
                     const atti_rnn_source *s, att_var x)
{
    att_op_rnn_opts o;
    att_var p[4], y = ATT_NO_VAR;
    att_op_rnn_opts_init(&o);
    cell_params(b, c, c->hidden, c->embed, "model.decoder.cell", p);
    use_params(&o, 0, p);
    o.cell = (att_rnn_cell)c->cell;
    o.x = x;
    o.offsets = io->tgt_offsets;
    o.initial = s->first;
    if (atti_prog_ok(b)) b->status = att_op_rnn(b->t, &y, NULL, &o);
    return y;
}

static att_var decode(atti_prog *b, const atti_rnn_config *c, const atti_program_io *io,
                      const atti_rnn_source *s)
{
    att_var x = embed(b, c, io->tgt_ids, 1), said[2] = {ATT_NO_VAR, x};
    int64_t width = c->hidden + c->embed;
    if (c->score == ATTI_RNN_NONE) {
        said[0] = plain(b, c, io, s, x);
    } else {
        said[0] = attend(b, c, io, s, x);
        if (c->score != ATTI_RNN_ADDITIVE) return said[0]; /* h~ itself */
        width += 2 * c->encoder;
    }
    att_var all = ATT_NO_VAR;
    if (atti_prog_ok(b)) b->status = att_op_concat(b->t, &all, said, 2);
    return atti_prog_dense(b, all, c->readout, width, 1, ATT_ACT_TANH,
                           "model.decoder.readout");
}

static att_status inputs(att_tape *t, atti_program_io *io)
{
    atti_program_io_init(io);
    ATTI_TRY(att_tape_symbol(t, &io->src_rows, "src_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->tgt_rows, "tgt_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->seqs, "seqs"));
    ATTI_TRY(att_tape_symbol_plus(t, &io->seqs1, io->seqs, 1));
    ATTI_TRY(att_tape_input(t, &io->src_ids, "src_ids", ATT_I32, io->src_rows, 1));
    ATTI_TRY(att_tape_input(t, &io->src_offsets, "src_offsets", ATT_I32, io->seqs1, 1));
    ATTI_TRY(att_tape_input(t, &io->tgt_ids, "tgt_ids", ATT_I32, io->tgt_rows, 1));
    ATTI_TRY(att_tape_input(t, &io->tgt_offsets, "tgt_offsets", ATT_I32, io->seqs1, 1));
    return att_tape_input(t, &io->targets, "targets", ATT_I32, io->tgt_rows, 1);
}

att_status atti_rnn_build(const void *cfg, const atti_params *params, att_tape *tape,
                          const atti_program_opts *opts, atti_program_io *io)
{
    const atti_rnn_config *c = cfg;
    atti_prog b = {.t = tape, .ps = params, .training = opts->training};
    atti_rnn_source s;
    ATTI_TRY(inputs(tape, io));
    atti_rnn_encoder(&b, c, io, &s);
    att_var said = decode(&b, c, io, &s);
    io->hidden = dropped(&b, said, c->dropout);
    att_var out = c->tie_output ? table(&b, c, 1)
                                : atti_prog_param(&b, c->decoder_vocab_size, c->readout,
                                                  "lm_head.weight");
    att_var bias = atti_prog_param(&b, 1, c->decoder_vocab_size, "final_logits_bias");
    if (atti_prog_ok(&b))
        b.status =
            att_op_vocab_loss(tape, &io->loss, &io->stats, io->hidden, out, bias,
                              io->targets, opts->label_smoothing, (int32_t)c->pad_id);
    return b.status;
}
