/* decoder_build.c - decoder-only language models as a program: embeddings, pre-norm
 * layers with causal attention, the loss of the next token. */
#include "models/decoder/decoder_build.h"

#include "base/alloc.h"
#include "models/program.h"

#include <math.h>
#include <stdio.h>

typedef struct builder {
    atti_prog p;
    const atti_decoder_config *c;
    const atti_program_io *io;
    att_var freqs; /* llama3's rotary frequencies, or ATT_NO_VAR */
} builder;

/* The n-th norm: two a layer, then the last. */
static atti_prog_norm norm_at(builder *b, int64_t n)
{
    const atti_decoder_config *c = b->c;
    atti_prog_norm r = {ATT_NO_VAR, ATT_NO_VAR, !c->gpt2, c->norm_eps};
    char name[96];
    long long i = (long long)(n / 2);
    if (n / 2 >= c->layers)
        snprintf(name, sizeof name, c->gpt2 ? "transformer.ln_f" : "model.norm");
    else if (c->gpt2)
        snprintf(name, sizeof name, "transformer.h.%lld.ln_%d", i, (int)(n % 2) + 1);
    else
        snprintf(name, sizeof name, "model.layers.%lld.%s_layernorm", i,
                 n % 2 ? "post_attention" : "input");
    r.gamma = atti_prog_param(&b->p, 1, c->hidden, "%s.weight", name);
    if (c->gpt2) r.beta = atti_prog_param(&b->p, 1, c->hidden, "%s.bias", name);
    return r;
}

/* The end of sub-layer n, whose matrix's product x lacks its bias. */
static void close_sublayer(builder *b, int64_t n, att_var x, int bias, const char *name)
{
    att_var add =
        bias ? atti_prog_param(&b->p, 1, b->c->hidden, "%s.bias", name) : ATT_NO_VAR;
    atti_prog_norm next = norm_at(b, n + 1);
    atti_prog_close_pre(&b->p, x, add, &next, b->c->residual_dropout);
}

/* ---- attention ---- */

static void describe_attention(builder *b, att_op_attention_opts *o, int64_t layer)
{
    const atti_decoder_config *c = b->c;
    att_op_attention_opts_init(o);
    o->n_heads = (int32_t)c->heads;
    o->n_kv_heads = (int32_t)c->kv_heads;
    o->d = c->head_dim;
    o->q_offsets = b->io->tgt_offsets;
    o->desc.causal = 1;
    o->desc.dropout = atti_prog_drop(&b->p, c->attention_dropout);
    if (c->gpt2) {
        float scale = c->plain_scores ? 1.0f : 1.0f / sqrtf((float)c->head_dim);
        o->desc.scale = c->scale_by_layer ? scale / (float)(layer + 1) : scale;
        return;
    }
    o->desc.rope = ATT_ROPE_HALF;
    o->desc.rope_theta = c->rope_theta;
    if (c->rope == ATTI_ROPE_LINEAR)
        o->desc.rope_position_scale = 1.0f / c->rope_factor;
    o->rope_freqs = b->freqs;
}

static void gpt2_qkv(builder *b, att_op_attention_opts *o, const char *base)
{
    char name[96];
    int64_t c = b->c->hidden;
    snprintf(name, sizeof name, "%sattn.c_attn", base);
    o->q = o->k = o->v =
        atti_prog_conv1d(&b->p, b->p.y, 3 * c, c, 1, ATT_ACT_NONE, name);
    o->k_col = c, o->v_col = 2 * c;
}

static void llama_qkv(builder *b, att_op_attention_opts *o, const char *base)
{
    static const char *const part[] = {"q_proj", "k_proj", "v_proj"};
    const atti_decoder_config *c = b->c;
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    const int64_t out[] = {q, kv, kv};
    char name[96];
    snprintf(name, sizeof name, "%sself_attn.{q,k,v}_proj", base);
    if (atti_prog_neighbours(&b->p, "%s.weight", name) &&
        (!c->attention_bias || atti_prog_neighbours(&b->p, "%s.bias", name))) {
        o->q = o->k = o->v = atti_prog_dense(&b->p, b->p.y, q + 2 * kv, c->hidden,
                                             c->attention_bias, ATT_ACT_NONE, name);
        o->k_col = q, o->v_col = q + kv;
        return;
    }
    att_var *to[] = {&o->q, &o->k, &o->v};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%sself_attn.%s", base, part[i]);
        *to[i] = atti_prog_dense(&b->p, b->p.y, out[i], c->hidden, c->attention_bias,
                                 ATT_ACT_NONE, name);
    }
}

static void attend(builder *b, int64_t i, const char *base)
{
    const atti_decoder_config *c = b->c;
    int64_t width = c->heads * c->head_dim;
    att_op_attention_opts o;
    att_var a = ATT_NO_VAR;
    char name[96];
    describe_attention(b, &o, i);
    if (c->gpt2) {
        gpt2_qkv(b, &o, base);
    } else {
        llama_qkv(b, &o, base);
    }
    if (atti_prog_ok(&b->p)) b->p.status = att_op_attention(b->p.t, &a, &o);
    snprintf(name, sizeof name, c->gpt2 ? "%sattn.c_proj" : "%sself_attn.o_proj", base);
    a = c->gpt2 ? atti_prog_conv1d(&b->p, a, c->hidden, width, 0, ATT_ACT_NONE, name)
                : atti_prog_dense(&b->p, a, c->hidden, width, 0, ATT_ACT_NONE, name);
    close_sublayer(b, 2 * i, a, c->gpt2 || c->attention_bias, name);
}

/* ---- mlp ---- */

static void feed_forward(builder *b, int64_t i, const char *base)
{
    const atti_decoder_config *c = b->c;
    atti_prog *p = &b->p;
    att_activation act = (att_activation)c->activation;
    char name[96];
    att_var f = ATT_NO_VAR;
    if (c->gpt2) {
        snprintf(name, sizeof name, "%smlp.c_fc", base);
        f = atti_prog_conv1d(p, p->y, c->ffn, c->hidden, 1, act, name);
        snprintf(name, sizeof name, "%smlp.c_proj", base);
        f = atti_prog_conv1d(p, f, c->hidden, c->ffn, 0, ATT_ACT_NONE, name);
    } else {
        snprintf(name, sizeof name, "%smlp.gate_proj", base);
        att_var gate = atti_prog_dense(p, p->y, c->ffn, c->hidden, c->mlp_bias,
                                       ATT_ACT_NONE, name);
        snprintf(name, sizeof name, "%smlp.up_proj", base);
        att_var up = atti_prog_dense(p, p->y, c->ffn, c->hidden, c->mlp_bias,
                                     ATT_ACT_NONE, name);
        if (atti_prog_ok(p)) p->status = att_op_glu(p->t, &f, gate, up, act);
        snprintf(name, sizeof name, "%smlp.down_proj", base);
        f = atti_prog_dense(p, f, c->hidden, c->ffn, 0, ATT_ACT_NONE, name);
    }
    close_sublayer(b, 2 * i + 1, f, c->gpt2 || c->mlp_bias, name);
}

/* ---- the whole ---- */

static att_var token_table(builder *b)
{
    const atti_decoder_config *c = b->c;
    return atti_prog_param(&b->p, c->vocab_size, c->hidden,
                           c->gpt2 ? "transformer.wte.weight"
                                   : "model.embed_tokens.weight");
}

static void embed(builder *b)
{
    const atti_decoder_config *c = b->c;
    att_var table = token_table(b), pos = ATT_NO_VAR, x = ATT_NO_VAR;
    if (c->gpt2)
        pos = atti_prog_param(&b->p, c->max_positions, c->hidden,
                              "transformer.wpe.weight");
    if (atti_prog_ok(&b->p))
        b->p.status = att_op_embed(b->p.t, &x, b->io->tgt_ids, table, 1.0f, pos,
                                   b->io->tgt_offsets, -1,
                                   atti_prog_drop(&b->p, c->embedding_dropout));
    atti_prog_norm n = norm_at(b, 0);
    b->p.h = x;
    if (atti_prog_ok(&b->p))
        b->p.status = att_op_add_norm(b->p.t, &b->p.y, x, ATT_NO_VAR, ATT_NO_VAR,
                                      n.gamma, n.beta, n.rms, n.eps, 0.0f);
}

static void rotary_constant(builder *b)
{
    const atti_decoder_config *c = b->c;
    float *freqs = NULL;
    b->freqs = ATT_NO_VAR;
    if (!atti_prog_ok(&b->p) || c->gpt2 || c->rope != ATTI_ROPE_LLAMA3) return;
    b->p.status = atti_alloc(&freqs, (size_t)c->head_dim, sizeof *freqs, "frequencies");
    if (!atti_prog_ok(&b->p)) return;
    atti_decoder_rope_freqs(c, freqs);
    b->p.status =
        att_tape_constant(b->p.t, &b->freqs, "rope_freqs", 1, c->head_dim / 2, freqs);
    atti_free(freqs);
}

att_status atti_decoder_build(const void *cfg, const atti_params *params,
                              att_tape *tape, const atti_program_opts *opts,
                              atti_program_io *io)
{
    const atti_decoder_config *c = cfg;
    builder b = {
        .p = {.t = tape, .ps = params, .training = opts->training}, .c = c, .io = io};
    ATTI_TRY(atti_prog_rows(tape, io, 1));
    if (!opts->inference)
        ATTI_TRY(
            att_tape_input(tape, &io->targets, "targets", ATT_I32, io->tgt_rows, 1));
    rotary_constant(&b);
    embed(&b);
    for (int64_t i = 0; i < c->layers; i++) {
        char base[64];
        snprintf(base, sizeof base,
                 c->gpt2 ? "transformer.h.%lld." : "model.layers.%lld.", (long long)i);
        attend(&b, i, base);
        feed_forward(&b, i, base);
    }
    io->hidden = b.p.y;
    att_var out = c->tie_output ? token_table(&b)
                                : atti_prog_param(&b.p, c->vocab_size, c->hidden,
                                                  "lm_head.weight");
    if (!atti_prog_ok(&b.p)) return b.p.status;
    if (opts->inference) return att_op_matmul(tape, &io->logits, b.p.y, out, 1);
    return att_op_vocab_loss(tape, &io->loss, &io->stats, b.p.y, out, ATT_NO_VAR,
                             io->targets, opts->label_smoothing, -1);
}
