/* marian_build.c - the encoder-decoder as a program: embeddings, encoder layers, decoder
 * layers, vocabulary loss (Vaswani et al. 2017; post-norm as Marian, or pre-norm).
 *
 * Matrices that read the same input are one product where their parameters are
 * neighbours (they are unless d_model leaves gaps in the flat buffer): [3C,C] for q, k, v,
 * and one [2CL,C] for the keys and values of all cross-attentions, which spares the
 * encoder's output L readings and its gradient L additions. */
#include "models/marian/marian_build.h"

#include "base/alloc.h"
#include "base/checked.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { MAX_TABLE_POSITIONS = 4096 };

typedef struct builder {
    const atti_marian_config *c;
    const atti_params *ps;
    att_tape *t;
    const atti_program_opts *opts;
    atti_program_io *io;
    att_status status; /* the first failure; later steps do nothing */
    char side[8];      /* encoder or decoder */
    int decoder;
    int64_t heads, ffn, layers;
    att_var offsets; /* of the stack's rows */
    att_var t5;
    att_var y, h; /* post-norm: y is the stream; pre-norm: y its norm, h the stream */
    att_var cross_kv; /* decoder: keys and values of all layers, or ATT_NO_VAR */
} builder;

static int ok(const builder *b)
{
    return b->status == ATT_OK;
}

static float drop(const builder *b, float p)
{
    return b->opts->training ? p : 0.0f;
}

/* A parameter (or neighbours, by braces) as a value: [rows, cols]. */
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

static int neighbours(const builder *b, const char *fmt, ...)
{
    char name[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(name, sizeof name, fmt, args);
    va_end(args);
    size_t first, n;
    return atti_params_neighbours(b->ps, name, &first, &n);
}

/* y = x W^T + b of the parameter `name` (with braces: of several). */
static att_var project(builder *b, att_var x, int64_t out, int64_t in, const char *name)
{
    att_var w = param(b, out, in, "%s.weight", name);
    att_var bias = param(b, 1, out, "%s.bias", name), y = ATT_NO_VAR;
    if (ok(b)) b->status = att_op_linear(b->t, &y, x, w, bias, ATT_ACT_NONE, 0.0f);
    return y;
}

/* ---- norms and residuals ---- */

/* The n-th norm of the stack: which sub-layer of which layer, or the last one. */
static void norm_params(builder *b, int64_t n, att_var *gamma, att_var *beta)
{
    static const char *const enc[] = {"self_attn_layer_norm", "final_layer_norm"};
    static const char *const dec[] = {"self_attn_layer_norm", "encoder_attn_layer_norm",
                                      "final_layer_norm"};
    int64_t per = b->decoder ? 3 : 2, c = b->c->d_model;
    char name[128];
    if (n / per < b->layers)
        snprintf(name, sizeof name, "model.%s.layers.%lld.%s", b->side,
                 (long long)(n / per), b->decoder ? dec[n % per] : enc[n % per]);
    else
        snprintf(name, sizeof name, "model.%s.layer_norm", b->side);
    *gamma = param(b, 1, c, "%s.weight", name);
    *beta = b->c->rms_norm ? ATT_NO_VAR : param(b, 1, c, "%s.bias", name);
}

/* Before the first sub-layer: pre-norm needs the norm of the embeddings. */
static void begin_stack(builder *b, att_var x)
{
    att_var gamma, beta;
    b->y = b->h = x;
    if (!ok(b) || !b->c->pre_norm) return;
    norm_params(b, 0, &gamma, &beta);
    if (ok(b))
        b->status = att_op_add_norm(b->t, &b->y, x, ATT_NO_VAR, ATT_NO_VAR, gamma, beta,
                                    b->c->rms_norm, b->c->norm_eps, 0.0f);
}

/* The end of sub-layer n: x W^T without its bias goes back into the stream. */
static void close_sublayer(builder *b, int64_t n, att_var x, att_var bias)
{
    const atti_marian_config *c = b->c;
    att_var gamma, beta;
    float p = drop(b, c->dropout);
    norm_params(b, c->pre_norm ? n + 1 : n, &gamma, &beta);
    if (!ok(b)) return;
    if (c->pre_norm)
        b->status = att_op_add_norm_both(b->t, &b->y, &b->h, x, bias, b->h, gamma, beta,
                                         c->rms_norm, c->norm_eps, p);
    else
        b->status = att_op_add_norm(b->t, &b->y, x, bias, b->y, gamma, beta,
                                    c->rms_norm, c->norm_eps, p);
}

/* y = x W^T of `name`, then its bias, dropout, residual and norm as sub-layer n's end. */
static void finish(builder *b, int64_t n, att_var x, int64_t in, const char *name)
{
    att_var w = param(b, b->c->d_model, in, "%s.weight", name), y = ATT_NO_VAR;
    att_var bias = param(b, 1, b->c->d_model, "%s.bias", name);
    if (ok(b))
        b->status = att_op_linear(b->t, &y, x, w, ATT_NO_VAR, ATT_ACT_NONE, 0.0f);
    if (ok(b)) close_sublayer(b, n, y, bias);
}

/* ---- attention ---- */

static void describe_attention(builder *b, att_op_attention_opts *o, const char *attn,
                               int self)
{
    const atti_marian_config *c = b->c;
    int64_t w = c->d_model / b->heads;
    att_op_attention_opts_init(o);
    o->n_heads = (int32_t)b->heads;
    o->d = w;
    o->q_offsets = b->offsets;
    o->desc.score = (int32_t)c->score;
    o->desc.scale = c->score_scale;
    o->desc.normalise = (int32_t)c->normalise;
    o->desc.dropout = drop(b, c->attention_dropout);
    o->desc.causal = self && b->decoder;
    if (c->score == ATT_SCORE_BILINEAR) {
        o->score_w = param(b, b->heads * w, w, "%sscore_w", attn);
    } else if (c->score == ATT_SCORE_ADDITIVE || c->score == ATT_SCORE_GAT) {
        o->score_w = param(b, b->heads, w, "%sscore_w", attn);
        o->score_b = param(b, b->heads, w, "%sscore_b", attn);
    }
    if (!self) return;
    if (c->positions == ATTI_POS_ROPE) o->desc.rope = ATT_ROPE_HALF;
    if (c->positions == ATTI_POS_ALIBI) o->desc.alibi = 1;
    if (c->positions == ATTI_POS_RELATIVE) {
        int64_t rows = 2 * ATTI_MARIAN_SHAW_CLIP + 1;
        o->desc.shaw_clip = ATTI_MARIAN_SHAW_CLIP;
        o->rel_k = param(b, rows, w, "%srel_k", attn);
        o->rel_v = param(b, rows, w, "%srel_v", attn);
    }
    if (c->positions == ATTI_POS_T5) {
        o->desc.t5_buckets = ATTI_MARIAN_T5_BUCKETS;
        o->desc.t5_max_distance = ATTI_MARIAN_T5_DISTANCE;
        o->desc.t5_bidirectional = !b->decoder;
        o->t5_table = b->t5;
    }
}

static void attend(builder *b, int64_t n, const char *attn,
                   const att_op_attention_opts *o)
{
    char name[160];
    att_var a = ATT_NO_VAR;
    if (ok(b)) b->status = att_op_attention(b->t, &a, o);
    snprintf(name, sizeof name, "%sout_proj", attn);
    finish(b, n, a, b->c->d_model, name);
}

static void self_attention(builder *b, int64_t i, int64_t n)
{
    static const char *const part[] = {"q_proj", "k_proj", "v_proj"};
    int64_t c = b->c->d_model;
    char attn[128], name[160];
    att_op_attention_opts o;
    snprintf(attn, sizeof attn, "model.%s.layers.%lld.self_attn.", b->side,
             (long long)i);
    describe_attention(b, &o, attn, 1);
    snprintf(name, sizeof name, "%s{q,k,v}_proj", attn);
    if (neighbours(b, "%s.weight", name) && neighbours(b, "%s.bias", name)) {
        o.q = o.k = o.v = project(b, b->y, 3 * c, c, name);
        o.k_col = c, o.v_col = 2 * c;
    } else {
        att_var *to[3] = {&o.q, &o.k, &o.v};
        for (int k = 0; k < 3; k++) {
            snprintf(name, sizeof name, "%s%s", attn, part[k]);
            *to[k] = project(b, b->y, c, c, name);
        }
    }
    attend(b, n, attn, &o);
}

/* Keys and values of all cross-attentions at once, where the parameters allow it. */
static void cross_keys(builder *b, att_var encoded)
{
    int64_t c = b->c->d_model;
    char name[160];
    b->cross_kv = ATT_NO_VAR;
    snprintf(name, sizeof name,
             "model.decoder.layers.{0..%lld}.encoder_attn.{k,v}_proj",
             (long long)(b->layers - 1));
    if (neighbours(b, "%s.weight", name) && neighbours(b, "%s.bias", name))
        b->cross_kv = project(b, encoded, 2 * c * b->layers, c, name);
}

static void cross_attention(builder *b, int64_t i, int64_t n, att_var encoded)
{
    int64_t c = b->c->d_model;
    char attn[128], name[160];
    att_op_attention_opts o;
    snprintf(attn, sizeof attn, "model.decoder.layers.%lld.encoder_attn.",
             (long long)i);
    describe_attention(b, &o, attn, 0);
    o.k_offsets = b->io->src_offsets;
    snprintf(name, sizeof name, "%sq_proj", attn);
    o.q = project(b, b->y, c, c, name);
    if (b->cross_kv != ATT_NO_VAR) {
        o.k = o.v = b->cross_kv;
        o.k_col = 2 * c * i, o.v_col = 2 * c * i + c;
    } else {
        snprintf(name, sizeof name, "%sk_proj", attn);
        o.k = project(b, encoded, c, c, name);
        snprintf(name, sizeof name, "%sv_proj", attn);
        o.v = project(b, encoded, c, c, name);
    }
    attend(b, n, attn, &o);
}

/* ---- feed-forward, layers, stacks ---- */

static void feed_forward(builder *b, int64_t i, int64_t n)
{
    int64_t c = b->c->d_model;
    char name[128];
    snprintf(name, sizeof name, "model.%s.layers.%lld.fc1", b->side, (long long)i);
    att_var w = param(b, b->ffn, c, "%s.weight", name), f = ATT_NO_VAR;
    att_var bias = param(b, 1, b->ffn, "%s.bias", name);
    if (ok(b))
        b->status =
            att_op_linear(b->t, &f, b->y, w, bias, (att_activation)b->c->activation,
                          drop(b, b->c->activation_dropout));
    snprintf(name, sizeof name, "model.%s.layers.%lld.fc2", b->side, (long long)i);
    finish(b, n, f, b->ffn, name);
}

static void run_layers(builder *b, att_var encoded)
{
    int64_t n = 0;
    for (int64_t i = 0; ok(b) && i < b->layers; i++) {
        self_attention(b, i, n++);
        if (b->decoder) cross_attention(b, i, n++, encoded);
        feed_forward(b, i, n++);
    }
}

/* Sinusoids: half-split as Marian stores them, or sin and cos interleaved as in the paper
 * (the same numbers in another order); positions count from 0. */
static att_var sinusoids(builder *b)
{
    const atti_marian_config *c = b->c;
    int split = c->positions == ATTI_POS_SINUSOIDAL;
    att_var v = att_tape_find(b->t, "positions");
    if (!ok(b) || v != ATT_NO_VAR) return v;
    if (!split && c->positions != ATTI_POS_SINUSOIDAL_INTERLEAVED) return ATT_NO_VAR;
    int64_t n = atti_min_i64(c->max_positions, MAX_TABLE_POSITIONS), cols = c->d_model;
    int64_t half = (cols + 1) / 2;
    float *table = NULL;
    b->status = atti_alloc(&table, (size_t)(n * cols), sizeof *table, "sinusoids");
    for (int64_t p = 0; ok(b) && p < n; p++)
        for (int64_t i = 0; i < half; i++) {
            double a = (double)p * pow(10000.0, -2.0 * (double)i / (double)cols);
            int64_t s = split ? i : 2 * i, k = split ? half + i : 2 * i + 1;
            table[p * cols + s] = (float)sin(a);
            if (k < cols) table[p * cols + k] = (float)cos(a);
        }
    if (ok(b)) b->status = att_tape_constant(b->t, &v, "positions", n, cols, table);
    atti_free(table);
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
    att_var pos = c->positions == ATTI_POS_LEARNED
                      ? param(b, c->max_positions, c->d_model,
                              "model.%s.embed_positions.weight", b->side)
                      : sinusoids(b);
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
    ATTI_TRY(att_tape_symbol(t, &io->src_rows, "src_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->tgt_rows, "tgt_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->seqs, "seqs"));
    ATTI_TRY(att_tape_symbol_plus(t, &io->seqs1, io->seqs, 1));
    io->src_feats = ATT_NO_VAR;
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
    builder b = {.c = c, .ps = params, .t = tape, .opts = opts, .io = io};
    ATTI_TRY(make_inputs(tape, io));
    use_stack(&b, 0);
    begin_stack(&b, embed(&b, io->src_ids));
    run_layers(&b, ATT_NO_VAR);
    att_var encoded = b.y;
    use_stack(&b, 1);
    begin_stack(&b, embed(&b, io->tgt_ids));
    cross_keys(&b, encoded);
    run_layers(&b, encoded);
    io->hidden = b.y;
    att_var out = c->tie_output
                      ? token_table(&b, 1)
                      : param(&b, c->decoder_vocab_size, c->d_model, "lm_head.weight");
    att_var bias = param(&b, 1, c->decoder_vocab_size, "final_logits_bias");
    if (ok(&b))
        b.status =
            att_op_vocab_loss(tape, &io->loss, &io->stats, b.y, out, bias, io->targets,
                              opts->label_smoothing, (int32_t)c->pad_id);
    return b.status;
}
