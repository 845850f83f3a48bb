/* marian_build.c - the encoder-decoder as a program: embeddings, encoder layers, decoder
 * layers, vocabulary loss (Vaswani et al. 2017; post-norm as Marian, or pre-norm).
 *
 * The layers are attend/nn.h's, under the names that Marian's files have. Matrices that read
 * the same input are one product where their parameters are neighbours (they are unless
 * d_model leaves gaps in the flat buffer): [3C,C] for q, k, v, and one [2CL,C] for the keys
 * and values of all cross-attentions, which spares the encoder's output L readings and
 * its gradient L additions. */
#include "models/marian/marian_build.h"

#include "attend/nn.h"
#include "base/checked.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* Where nobody has said how long the longest sequence is. A config may claim 2^24. */
enum { TABLE_POSITIONS = 4096 };

typedef struct builder {
    const atti_marian_config *c;
    att_tape *t;
    att_nn *nn;
    const atti_program_opts *opts;
    atti_program_io *io;
    att_status status; /* the first failure; later steps do nothing */
    char side[8];      /* encoder or decoder */
    int decoder;
    int64_t heads, ffn, layers;
    att_var offsets; /* of the stack's rows */
    att_var t5;
} builder;

static int ok(const builder *b)
{
    return b->status == ATT_OK;
}

static float drop(const builder *b, float p)
{
    return b->opts->training ? p : 0.0f;
}

/* ---- parameters: the tape's, by the names of the flat buffer ---- */

static att_status get(void *user, att_tape *tape, att_var *out, const char *name,
                      int64_t rows, int64_t cols)
{
    (void)user;
    return att_tape_param(tape, out, name, rows, cols);
}

static int32_t neighbours(void *user, const char *name)
{
    size_t first, n;
    return atti_params_neighbours(user, name, &first, &n);
}

static att_var param(builder *b, int64_t rows, int64_t cols, const char *fmt, ...)
{
    char name[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    att_var v = att_tape_find(b->t, name);
    if (!ok(b) || v != ATT_NO_VAR) return v;
    b->status = att_tape_param(b->t, &v, name, rows, cols);
    return ok(b) ? v : ATT_NO_VAR;
}

/* ---- layers ---- */

static void describe_attention(const builder *b, att_nn_attention_opts *o, int self)
{
    const atti_marian_config *c = b->c;
    o->n_heads = (int32_t)b->heads;
    o->desc.score = (int32_t)c->score;
    o->desc.scale = c->score_scale;
    o->desc.normalise = (int32_t)c->normalise;
    o->desc.dropout = drop(b, c->attention_dropout);
    o->desc.causal = self && b->decoder;
    if (!self) return;
    if (c->positions == ATTI_POS_ROPE) o->desc.rope = ATT_ROPE_HALF;
    if (c->positions == ATTI_POS_ALIBI) o->desc.alibi = 1;
    if (c->positions == ATTI_POS_RELATIVE) o->desc.shaw_clip = ATTI_MARIAN_SHAW_CLIP;
    if (c->positions == ATTI_POS_T5) {
        o->desc.t5_buckets = ATTI_MARIAN_T5_BUCKETS;
        o->desc.t5_max_distance = ATTI_MARIAN_T5_DISTANCE;
        o->desc.t5_bidirectional = !b->decoder;
        o->t5_table = b->t5;
    }
}

/* x through the stack's layers; encoded: what the decoder asks. */
static att_var run_layers(builder *b, att_var x, att_var encoded)
{
    const atti_marian_config *c = b->c;
    char name[64], last[64];
    att_nn_block_opts o;
    att_var y = ATT_NO_VAR;
    att_nn_block_opts_init(&o);
    snprintf(name, sizeof name, "model.%s.layers.#.", b->side);
    snprintf(last, sizeof last, "model.%s.layer_norm", b->side);
    o.name = name;
    o.last_norm = last;
    o.layers = b->layers;
    o.pre_norm = c->pre_norm;
    o.rms_norm = c->rms_norm;
    o.eps = c->norm_eps;
    o.dropout = drop(b, c->dropout);
    describe_attention(b, &o.self, 1);
    describe_attention(b, &o.cross, 0);
    o.ffn.hidden = b->ffn;
    o.ffn.activation = (att_activation)c->activation;
    o.ffn.dropout = drop(b, c->activation_dropout);
    if (!ok(b)) return y;
    b->status = b->decoder ? att_nn_decoder(b->nn, &y, x, b->offsets, encoded,
                                            b->io->src_offsets, &o)
                           : att_nn_encoder(b->nn, &y, x, b->offsets, &o);
    return y;
}

/* Sinusoids count from 0: half-split as Marian stores them, or interleaved as in the paper. */
static att_var positions(builder *b)
{
    const atti_marian_config *c = b->c;
    att_nn_position_opts o;
    att_var v = ATT_NO_VAR;
    att_nn_position_opts_init(&o);
    if (c->positions == ATTI_POS_LEARNED)
        return param(b, c->max_positions, c->d_model, "model.%s.embed_positions.weight",
                     b->side);
    if (c->positions == ATTI_POS_SINUSOIDAL) o.kind = ATT_NN_POS_HALVES;
    if (c->positions == ATTI_POS_SINUSOIDAL_INTERLEAVED)
        o.kind = ATT_NN_POS_INTERLEAVED;
    o.rows = atti_min_i64(c->max_positions, b->opts->positions > 0 ? b->opts->positions
                                                                   : TABLE_POSITIONS);
    o.cols = c->d_model;
    if (ok(b)) b->status = att_nn_positions(b->nn, &v, &o);
    return v;
}

static att_var token_table(builder *b, int decoder)
{
    const atti_marian_config *c = b->c;
    if (c->share_embeddings)
        return param(b, c->vocab_size, c->d_model, "model.shared.weight");
    return param(b, decoder ? c->decoder_vocab_size : c->vocab_size, c->d_model,
                 "model.%s.embed_tokens.weight", decoder ? "decoder" : "encoder");
}

static att_var embed(builder *b, att_var ids)
{
    const atti_marian_config *c = b->c;
    att_var table = token_table(b, b->decoder), x = ATT_NO_VAR;
    att_var pos = positions(b);
    float scale = c->scale_embedding ? sqrtf((float)c->d_model) : 1.0f;
    if (ok(b))
        b->status = att_op_embed(b->t, &x, ids, table, scale, pos, b->offsets,
                                 (int32_t)c->pad_id, drop(b, c->dropout));
    return x;
}

static void use_stack(builder *b, int decoder)
{
    const atti_marian_config *c = b->c;
    b->decoder = decoder;
    snprintf(b->side, sizeof b->side, "%s", decoder ? "decoder" : "encoder");
    b->heads = decoder ? c->decoder_heads : c->encoder_heads;
    b->ffn = decoder ? c->decoder_ffn : c->encoder_ffn;
    b->layers = decoder ? c->decoder_layers : c->encoder_layers;
    b->offsets = decoder ? b->io->tgt_offsets : b->io->src_offsets;
    b->t5 = c->positions == ATTI_POS_T5
                ? param(b, ATTI_MARIAN_T5_BUCKETS, b->heads,
                        "model.%s.relative_attention_bias.weight", b->side)
                : ATT_NO_VAR;
}

static att_status make_inputs(att_tape *t, atti_program_io *io)
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

att_status atti_marian_build(const void *cfg, const atti_params *params, att_tape *tape,
                             const atti_program_opts *opts, atti_program_io *io)
{
    const atti_marian_config *c = cfg;
    builder b = {.c = c, .t = tape, .opts = opts, .io = io};
    att_nn_source source;
    att_nn_source_init(&source);
    source.user = (void *)(uintptr_t)params; /* only read */
    source.get = get;
    source.neighbours = neighbours;
    ATTI_TRY(make_inputs(tape, io));
    ATTI_TRY(att_nn_create(&b.nn, tape, &source));
    use_stack(&b, 0);
    att_var encoded = run_layers(&b, embed(&b, io->src_ids), ATT_NO_VAR);
    use_stack(&b, 1);
    io->hidden = run_layers(&b, embed(&b, io->tgt_ids), encoded);
    att_var out = c->tie_output
                      ? token_table(&b, 1)
                      : param(&b, c->decoder_vocab_size, c->d_model, "lm_head.weight");
    att_var bias = param(&b, 1, c->decoder_vocab_size, "final_logits_bias");
    if (ok(&b))
        b.status =
            att_op_vocab_loss(tape, &io->loss, &io->stats, io->hidden, out, bias,
                              io->targets, opts->label_smoothing, (int32_t)c->pad_id);
    att_nn_destroy(b.nn);
    return b.status;
}
