/* encoder_build.c - BERT-style encoders as a program: embeddings and their norm, post-norm
 * layers (Devlin et al. 2019), one of four heads. */
#include "models/encoder/encoder_build.h"

#include "models/program.h"

#include <stdio.h>

typedef struct builder {
    atti_prog p;
    const atti_encoder_config *c;
    const atti_program_opts *opts;
    atti_program_io *io;
    const char *prefix;
} builder;

static atti_prog_norm norm(builder *b, const char *name)
{
    int64_t c = b->c->hidden;
    return (atti_prog_norm){.gamma = atti_prog_param(&b->p, 1, c, "%s.weight", name),
                            .beta = atti_prog_param(&b->p, 1, c, "%s.bias", name),
                            .eps = b->c->norm_eps};
}

static void dropout(builder *b, att_var *x, float p)
{
    if (atti_prog_ok(&b->p) && atti_prog_drop(&b->p, p) > 0.0f)
        b->p.status = att_op_dropout(b->p.t, x, *x, p);
}

/* ---- embeddings ---- */

static att_var word_table(builder *b)
{
    return atti_prog_param(&b->p, b->c->vocab_size, b->c->hidden,
                           "%sembeddings.word_embeddings.weight", b->prefix);
}

/* y = drop(norm(word + position + type)). One type is a vector added to every row. */
static void embed(builder *b)
{
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    long long first = c->kind == ATTI_BERT ? 0 : (long long)c->pad_id + 1;
    char name[96];
    att_var table = word_table(b), x = ATT_NO_VAR, type = ATT_NO_VAR, bias = ATT_NO_VAR;
    snprintf(name, sizeof name,
             first ? "%sembeddings.position_embeddings.weight[%lld:]"
                   : "%sembeddings.position_embeddings.weight",
             b->prefix, first);
    att_var pos = atti_prog_param(p, c->max_positions - first, c->hidden, "%s", name);
    att_var types = atti_prog_param(
        p, c->types, c->hidden, "%sembeddings.token_type_embeddings.weight", b->prefix);
    if (atti_prog_ok(p))
        p->status = att_op_embed(p->t, &x, b->io->src_ids, table, 1.0f, pos,
                                 b->io->src_offsets, (int32_t)c->pad_id, 0.0f);
    if (c->types == 1) {
        bias = types;
    } else if (atti_prog_ok(p)) {
        p->status = att_op_embed(p->t, &type, b->io->src_types, types, 1.0f, ATT_NO_VAR,
                                 ATT_NO_VAR, -1, 0.0f);
    }
    snprintf(name, sizeof name, "%sembeddings.LayerNorm", b->prefix);
    atti_prog_norm n = norm(b, name);
    if (atti_prog_ok(p))
        p->status = att_op_add_norm(p->t, &p->y, x, bias, type, n.gamma, n.beta, 0,
                                    n.eps, 0.0f);
    dropout(b, &p->y, c->hidden_dropout);
}

/* ---- layers ---- */

/* y = norm(y + drop(x W^T + bias)). */
static void close_sublayer(builder *b, att_var x, int64_t in, const char *base)
{
    atti_prog *p = &b->p;
    char name[128];
    snprintf(name, sizeof name, "%s.dense", base);
    att_var z = atti_prog_dense(p, x, b->c->hidden, in, 0, ATT_ACT_NONE, name);
    att_var bias = atti_prog_param(p, 1, b->c->hidden, "%s.bias", name);
    snprintf(name, sizeof name, "%s.LayerNorm", base);
    atti_prog_norm n = norm(b, name);
    atti_prog_close_post(p, z, bias, &n, b->c->hidden_dropout);
}

static void attend(builder *b, const char *base)
{
    static const char *const part[] = {"query", "key", "value"};
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    int64_t h = c->hidden;
    char name[128];
    att_op_attention_opts o;
    att_var a = ATT_NO_VAR;
    att_op_attention_opts_init(&o);
    o.n_heads = (int32_t)c->heads;
    o.d = h / c->heads;
    o.q_offsets = b->io->src_offsets;
    o.desc.dropout = atti_prog_drop(p, c->attention_dropout);
    snprintf(name, sizeof name, "%sattention.self.{query,key,value}", base);
    if (atti_prog_neighbours(p, "%s.weight", name) &&
        atti_prog_neighbours(p, "%s.bias", name)) {
        o.q = o.k = o.v = atti_prog_dense(p, p->y, 3 * h, h, 1, ATT_ACT_NONE, name);
        o.k_col = h, o.v_col = 2 * h;
    } else {
        att_var *to[] = {&o.q, &o.k, &o.v};
        for (int i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "%sattention.self.%s", base, part[i]);
            *to[i] = atti_prog_dense(p, p->y, h, h, 1, ATT_ACT_NONE, name);
        }
    }
    if (atti_prog_ok(p)) p->status = att_op_attention(p->t, &a, &o);
    snprintf(name, sizeof name, "%sattention.output", base);
    close_sublayer(b, a, h, name);
}

static void layer(builder *b, int64_t i)
{
    const atti_encoder_config *c = b->c;
    char base[64], name[128];
    snprintf(base, sizeof base, "%sencoder.layer.%lld.", b->prefix, (long long)i);
    attend(b, base);
    snprintf(name, sizeof name, "%sintermediate.dense", base);
    att_var f = atti_prog_dense(&b->p, b->p.y, c->ffn, c->hidden, 1,
                                (att_activation)c->activation, name);
    snprintf(name, sizeof name, "%soutput", base);
    close_sublayer(b, f, c->ffn, name);
}

/* ---- heads ---- */

static float head_dropout(const atti_encoder_config *c)
{
    return c->classifier_dropout < 0.0f ? c->hidden_dropout : c->classifier_dropout;
}

static void label_loss(builder *b, att_rows rows, att_var *targets, const char *name)
{
    atti_prog *p = &b->p;
    if (atti_prog_ok(p))
        p->status = att_tape_input(p->t, targets, name, ATT_I32, rows, 1);
    if (atti_prog_ok(p))
        p->status =
            att_op_cross_entropy(p->t, &b->io->loss, &b->io->stats, b->io->logits,
                                 *targets, b->opts->label_smoothing);
}

static void token_head(builder *b)
{
    const atti_encoder_config *c = b->c;
    att_var x = b->p.y;
    dropout(b, &x, head_dropout(c));
    b->io->logits = atti_prog_dense(&b->p, x, c->n_labels, c->hidden, 1, ATT_ACT_NONE,
                                    "classifier");
    if (!b->opts->inference)
        label_loss(b, b->io->src_rows, &b->io->row_labels, "row_labels");
}

static void sequence_loss(builder *b)
{
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    if (c->problem == ATTI_ONE_LABEL) {
        label_loss(b, b->io->seqs, &b->io->seq_labels, "seq_labels");
        return;
    }
    if (atti_prog_ok(p))
        p->status = att_tape_input(p->t, &b->io->seq_values, "seq_values", ATT_F32,
                                   b->io->seqs, c->n_labels);
    if (!atti_prog_ok(p)) return;
    p->status =
        c->problem == ATTI_MANY_LABELS
            ? att_op_sigmoid_loss(p->t, &b->io->loss, b->io->logits, b->io->seq_values)
            : att_op_squared_error(p->t, &b->io->loss, b->io->logits,
                                   b->io->seq_values);
}

static void sequence_head(builder *b)
{
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    int bert = c->kind == ATTI_BERT;
    att_var x = ATT_NO_VAR;
    if (atti_prog_ok(p)) p->status = att_op_pool(p->t, &x, p->y, b->io->src_offsets, 3);
    if (!bert) dropout(b, &x, head_dropout(c));
    x = atti_prog_dense(p, x, c->hidden, c->hidden, 1, ATT_ACT_TANH,
                        bert ? "bert.pooler.dense" : "classifier.dense");
    dropout(b, &x, head_dropout(c));
    b->io->logits = atti_prog_dense(p, x, c->n_labels, c->hidden, 1, ATT_ACT_NONE,
                                    bert ? "classifier" : "classifier.out_proj");
    if (!b->opts->inference) sequence_loss(b);
}

static void masked_head(builder *b)
{
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    int bert = c->kind == ATTI_BERT;
    const char *base = bert ? "cls.predictions.transform." : "lm_head.";
    char name[64];
    snprintf(name, sizeof name, "%sdense", base);
    /* RoBERTa's head is fixed to gelu; BERT's takes hidden_act. */
    att_activation act = bert ? (att_activation)c->activation : ATT_ACT_GELU;
    att_var x = atti_prog_dense(p, p->y, c->hidden, c->hidden, 1, act, name), y = x;
    snprintf(name, sizeof name, "%s%s", base, bert ? "LayerNorm" : "layer_norm");
    atti_prog_norm n = norm(b, name);
    if (atti_prog_ok(p))
        p->status = att_op_add_norm(p->t, &y, x, ATT_NO_VAR, ATT_NO_VAR, n.gamma,
                                    n.beta, 0, n.eps, 0.0f);
    att_var bias = atti_prog_param(p, 1, c->vocab_size,
                                   bert ? "cls.predictions.bias" : "lm_head.bias");
    att_var table = word_table(b);
    if (!atti_prog_ok(p)) return;
    if (b->opts->inference) {
        p->status =
            att_op_linear(p->t, &b->io->logits, y, table, bias, ATT_ACT_NONE, 0.0f);
        return;
    }
    p->status = att_tape_input(p->t, &b->io->row_labels, "row_labels", ATT_I32,
                               b->io->src_rows, 1);
    if (atti_prog_ok(p))
        p->status = att_op_vocab_loss(p->t, &b->io->loss, &b->io->stats, y, table, bias,
                                      b->io->row_labels, b->opts->label_smoothing, -1);
}

/* The base class ends in the pooler, whose result takes the place of logits. */
static void pooler(builder *b)
{
    const atti_encoder_config *c = b->c;
    att_var x = ATT_NO_VAR;
    if (atti_prog_ok(&b->p))
        b->p.status = att_op_pool(b->p.t, &x, b->p.y, b->io->src_offsets, 3);
    b->io->logits = atti_prog_dense(&b->p, x, c->hidden, c->hidden, 1, ATT_ACT_TANH,
                                    "pooler.dense");
}

att_status atti_encoder_build(const void *cfg, const atti_params *params,
                              att_tape *tape, const atti_program_opts *opts,
                              atti_program_io *io)
{
    const atti_encoder_config *c = cfg;
    builder b = {.p = {.t = tape, .ps = params, .training = opts->training},
                 .c = c,
                 .opts = opts,
                 .io = io,
                 .prefix = atti_encoder_prefix(c)};
    ATTI_TRY(atti_prog_rows(tape, io, 0));
    if (c->types > 1)
        ATTI_TRY(att_tape_input(tape, &io->src_types, "src_types", ATT_I32,
                                io->src_rows, 1));
    embed(&b);
    for (int64_t i = 0; i < c->layers; i++) layer(&b, i);
    io->hidden = b.p.y;
    switch (c->head) {
    case ATTI_HEAD_TOKENS: token_head(&b); break;
    case ATTI_HEAD_SEQUENCE: sequence_head(&b); break;
    case ATTI_HEAD_MASKED_LM: masked_head(&b); break;
    case ATTI_HEAD_NONE: pooler(&b); break;
    case ATTI_HEAD_LM:
    default: return atti_fail(ATT_EBUG, "encoder: head %d", (int)c->head);
    }
    return b.p.status;
}
