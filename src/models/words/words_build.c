/* words_build.c - encoders of words as a program: a word's own vector beside what a
 * recurrent network read from its characters; a Transformer, a window or a recurrent
 * network over the words; a label a word or a text. */
#include "models/words/words_build.h"

#include "models/program.h"

#include <stdio.h>

typedef struct builder {
    atti_prog p;
    const atti_encoder_config *c;
    const atti_program_opts *opts;
    atti_program_io *io;
} builder;

static att_var dropped(builder *b, att_var x)
{
    att_var y = x;
    float p = atti_prog_drop(&b->p, b->c->hidden_dropout);
    if (atti_prog_ok(&b->p) && p > 0.0f) b->p.status = att_op_dropout(b->p.t, &y, x, p);
    return y;
}

static att_var concat(builder *b, const att_var *x, int32_t n)
{
    att_var y = ATT_NO_VAR;
    if (atti_prog_ok(&b->p)) b->p.status = att_op_concat(b->p.t, &y, x, n);
    return y;
}

/* One layer of recurrent cells; *last as of att_op_rnn, or NULL. */
static att_var recur(builder *b, att_rnn_cell cell, int one_way, int64_t h, int64_t in,
                     att_var x, att_var offsets, att_var *last, const char *base)
{
    static const char *const way[] = {"forward", "backward"};
    int64_t g = (cell == ATT_RNN_LSTM ? 4 : 3) * h;
    att_op_rnn_opts o;
    att_var y = ATT_NO_VAR;
    att_op_rnn_opts_init(&o);
    o.cell = cell;
    o.direction = one_way ? 0 : 2;
    o.x = x;
    o.offsets = offsets;
    for (int k = 0; k < (one_way ? 1 : 2); k++) {
        o.w_ih[k] = atti_prog_param(&b->p, g, in, "%s.%s.weight_ih", base, way[k]);
        o.w_hh[k] = atti_prog_param(&b->p, g, h, "%s.%s.weight_hh", base, way[k]);
        o.b_ih[k] = atti_prog_param(&b->p, 1, g, "%s.%s.bias_ih", base, way[k]);
        o.b_hh[k] = atti_prog_param(&b->p, 1, g, "%s.%s.bias_hh", base, way[k]);
    }
    if (atti_prog_ok(&b->p)) b->p.status = att_op_rnn(b->p.t, &y, last, &o);
    return y;
}

/* ---- a word ---- */

static att_var embed(builder *b, att_var ids, att_var table)
{
    att_var y = ATT_NO_VAR;
    if (atti_prog_ok(&b->p))
        b->p.status = att_op_embed(b->p.t, &y, ids, table, 1.0f, ATT_NO_VAR, ATT_NO_VAR,
                                   -1, 0.0f);
    return y;
}

static att_var word_vectors(builder *b)
{
    const atti_encoder_config *c = b->c;
    int64_t width = c->word_size + 2 * c->char_hidden;
    att_var table =
        atti_prog_param(&b->p, c->vocab_size, c->word_size, "model.words.weight");
    att_var part[2] = {embed(b, b->io->tgt_ids, table), ATT_NO_VAR}, x = part[0];
    if (c->char_hidden > 0) {
        att_var chars = atti_prog_param(&b->p, c->char_vocab, c->char_size,
                                        "model.characters.weight");
        att_var e = embed(b, b->io->src_ids, chars);
        (void)recur(b, ATT_RNN_GRU, 0, c->char_hidden, c->char_size, e,
                    b->io->src_offsets, &part[1], "model.characters");
        x = concat(b, part, 2);
    }
    b->io->vectors = x;
    x = dropped(b, x);
    return dropped(
        b, atti_prog_dense(&b->p, x, c->hidden, width, 1, ATT_ACT_NONE, "model.input"));
}

/* ---- between words ---- */

static atti_prog_norm norm_at(builder *b, int64_t n)
{
    const atti_encoder_config *c = b->c;
    char name[96];
    if (n / 2 >= c->layers)
        (void)snprintf(name, sizeof name, "model.norm");
    else
        (void)snprintf(name, sizeof name, "model.layers.%lld.%s.norm",
                       (long long)(n / 2), n % 2 ? "mlp" : "attention");
    return (atti_prog_norm){
        .gamma = atti_prog_param(&b->p, 1, c->hidden, "%s.weight", name),
        .beta = atti_prog_param(&b->p, 1, c->hidden, "%s.bias", name),
        .eps = c->norm_eps};
}

/* h = h + drop(x W^T + bias), y = the next sub-layer's norm of it. */
static void close_sublayer(builder *b, int64_t n, att_var x, int64_t in,
                           const char *name)
{
    const atti_encoder_config *c = b->c;
    att_var z = atti_prog_dense(&b->p, x, c->hidden, in, 0, ATT_ACT_NONE, name);
    att_var bias = atti_prog_param(&b->p, 1, c->hidden, "%s.bias", name);
    atti_prog_norm next = norm_at(b, n + 1);
    atti_prog_close_pre(&b->p, z, bias, &next, c->hidden_dropout);
}

static void transformer_layer(builder *b, int64_t i)
{
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    int64_t h = c->hidden;
    char name[96];
    att_op_attention_opts o;
    att_var a = ATT_NO_VAR;
    att_op_attention_opts_init(&o);
    o.n_heads = (int32_t)c->heads;
    o.d = h / c->heads;
    o.q_offsets = b->io->tgt_offsets;
    o.desc.dropout = atti_prog_drop(p, c->attention_dropout);
    o.desc.rope = ATT_ROPE_HALF;
    (void)snprintf(name, sizeof name, "model.layers.%lld.attention.{query,key,value}",
                   (long long)i);
    if (atti_prog_neighbours(p, "%s.weight", name) &&
        atti_prog_neighbours(p, "%s.bias", name)) {
        o.q = o.k = o.v = atti_prog_dense(p, p->y, 3 * h, h, 1, ATT_ACT_NONE, name);
        o.k_col = h, o.v_col = 2 * h;
    } else { /* widths that leave gaps between the parameters */
        static const char *const part[] = {"query", "key", "value"};
        att_var *to[] = {&o.q, &o.k, &o.v};
        for (int k = 0; k < 3; k++) {
            (void)snprintf(name, sizeof name, "model.layers.%lld.attention.%s",
                           (long long)i, part[k]);
            *to[k] = atti_prog_dense(p, p->y, h, h, 1, ATT_ACT_NONE, name);
        }
    }
    if (atti_prog_ok(p)) p->status = att_op_attention(p->t, &a, &o);
    (void)snprintf(name, sizeof name, "model.layers.%lld.attention.output",
                   (long long)i);
    close_sublayer(b, 2 * i, a, h, name);
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.up", (long long)i);
    att_var f =
        atti_prog_dense(p, p->y, c->ffn, h, 1, (att_activation)c->activation, name);
    (void)snprintf(name, sizeof name, "model.layers.%lld.mlp.down", (long long)i);
    close_sublayer(b, 2 * i + 1, f, c->ffn, name);
}

static void transformer(builder *b, att_var x)
{
    atti_prog_norm n = norm_at(b, 0);
    b->p.h = x;
    if (atti_prog_ok(&b->p))
        b->p.status = att_op_add_norm(b->p.t, &b->p.y, x, ATT_NO_VAR, ATT_NO_VAR,
                                      n.gamma, n.beta, 0, n.eps, 0.0f);
    for (int64_t i = 0; i < b->c->layers; i++) transformer_layer(b, i);
}

/* The words beside each other in one row; beyond the ends are zeros. */
static att_var beside(builder *b, att_var x)
{
    att_var part[ATTI_IO_NEAR + 1] = {x};
    int32_t n = 2 * (int32_t)b->c->reach;
    for (int32_t i = 0; i < n; i++)
        if (atti_prog_ok(&b->p))
            b->p.status = att_op_gather_rows(b->p.t, &part[i + 1], x, b->io->near[i]);
    return concat(b, part, n + 1);
}

static void window(builder *b, att_var x)
{
    const atti_encoder_config *c = b->c;
    int64_t width = (2 * c->reach + 1) * c->hidden;
    char name[96];
    x = beside(b, x);
    for (int64_t i = 0; i < c->layers; i++, width = c->hidden) {
        (void)snprintf(name, sizeof name, "model.layers.%lld.dense", (long long)i);
        x = atti_prog_dense(&b->p, x, c->hidden, width, 1,
                            (att_activation)c->activation, name);
        if (i + 1 < c->layers) x = dropped(b, x);
    }
    b->p.y = x;
}

static void recurrent(builder *b, att_var x)
{
    const atti_encoder_config *c = b->c;
    int64_t h = c->one_way ? c->hidden : c->hidden / 2;
    char name[96];
    for (int64_t i = 0; i < c->layers; i++) {
        (void)snprintf(name, sizeof name, "model.layers.%lld", (long long)i);
        x = recur(b, (att_rnn_cell)c->cell, c->one_way, h, c->hidden, x,
                  b->io->tgt_offsets, NULL, name);
        if (i + 1 < c->layers) x = dropped(b, x);
    }
    b->p.y = x;
}

/* ---- heads ---- */

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

static void value_loss(builder *b)
{
    atti_prog *p = &b->p;
    if (atti_prog_ok(p))
        p->status = att_tape_input(p->t, &b->io->seq_values, "seq_values", ATT_F32,
                                   b->io->seqs, b->c->n_labels);
    if (!atti_prog_ok(p)) return;
    p->status =
        b->c->problem == ATTI_MANY_LABELS
            ? att_op_sigmoid_loss(p->t, &b->io->loss, b->io->logits, b->io->seq_values)
            : att_op_squared_error(p->t, &b->io->loss, b->io->logits,
                                   b->io->seq_values);
}

static void token_head(builder *b)
{
    const atti_encoder_config *c = b->c;
    att_var x = dropped(b, b->p.y);
    b->io->logits = atti_prog_dense(&b->p, x, c->n_labels, c->hidden, 1, ATT_ACT_NONE,
                                    "classifier");
    if (!b->opts->inference)
        label_loss(b, b->io->tgt_rows, &b->io->row_labels, "row_labels");
}

/* The mean of the words, their maximum, and their mean by learned attention. */
static void sequence_head(builder *b)
{
    const atti_encoder_config *c = b->c;
    atti_prog *p = &b->p;
    att_var part[3] = {ATT_NO_VAR, ATT_NO_VAR, ATT_NO_VAR}, y = p->y;
    att_var e =
        atti_prog_dense(p, y, c->heads, c->hidden, 1, ATT_ACT_NONE, "classifier.query");
    for (int k = 0; k < 2; k++)
        if (atti_prog_ok(p))
            p->status = att_op_pool(p->t, &part[k], y, b->io->tgt_offsets, k);
    if (atti_prog_ok(p)) {
        att_var alpha;
        p->status =
            att_op_pool_softmax(p->t, &part[2], &alpha, y, e, b->io->tgt_offsets);
    }
    att_var x = dropped(b, concat(b, part, 3));
    x = atti_prog_dense(p, x, c->hidden, 3 * c->hidden, 1, ATT_ACT_TANH,
                        "classifier.dense");
    x = dropped(b, x);
    b->io->logits = atti_prog_dense(p, x, c->n_labels, c->hidden, 1, ATT_ACT_NONE,
                                    "classifier.out_proj");
    if (b->opts->inference) return;
    if (c->problem == ATTI_ONE_LABEL)
        label_loss(b, b->io->seqs, &b->io->seq_labels, "seq_labels");
    else
        value_loss(b);
}

/* ---- the whole ---- */

static att_status inputs(att_tape *t, const atti_encoder_config *c, atti_program_io *io)
{
    char name[24];
    atti_program_io_init(io);
    ATTI_TRY(att_tape_symbol(t, &io->src_rows, "char_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->tgt_rows, "word_rows"));
    ATTI_TRY(att_tape_symbol(t, &io->seqs, "seqs"));
    ATTI_TRY(att_tape_symbol_plus(t, &io->seqs1, io->seqs, 1));
    ATTI_TRY(att_tape_symbol_plus(t, &io->words1, io->tgt_rows, 1));
    ATTI_TRY(att_tape_input(t, &io->tgt_ids, "words", ATT_I32, io->tgt_rows, 1));
    ATTI_TRY(att_tape_input(t, &io->tgt_offsets, "seq_words", ATT_I32, io->seqs1, 1));
    if (c->char_hidden > 0) {
        ATTI_TRY(att_tape_input(t, &io->src_ids, "chars", ATT_I32, io->src_rows, 1));
        ATTI_TRY(
            att_tape_input(t, &io->src_offsets, "word_chars", ATT_I32, io->words1, 1));
    }
    if (c->core != ATTI_CORE_WINDOW) return ATT_OK;
    io->reach = (int32_t)c->reach;
    for (int32_t i = 0; i < 2 * io->reach; i++) {
        (void)snprintf(name, sizeof name, "%s_%d", i % 2 ? "after" : "before",
                       (int)(i / 2) + 1);
        ATTI_TRY(att_tape_input(t, &io->near[i], name, ATT_I32, io->tgt_rows, 1));
    }
    return ATT_OK;
}

att_status atti_words_build(const void *cfg, const atti_params *params, att_tape *tape,
                            const atti_program_opts *opts, atti_program_io *io)
{
    const atti_encoder_config *c = cfg;
    builder b = {.p = {.t = tape, .ps = params, .training = opts->training},
                 .c = c,
                 .opts = opts,
                 .io = io};
    ATTI_TRY(inputs(tape, c, io));
    att_var x = word_vectors(&b);
    switch (c->core) {
    case ATTI_CORE_TRANSFORMER: transformer(&b, x); break;
    case ATTI_CORE_WINDOW: window(&b, x); break;
    case ATTI_CORE_RNN: recurrent(&b, x); break;
    }
    io->hidden = b.p.y;
    if (c->head == ATTI_HEAD_TOKENS)
        token_head(&b);
    else
        sequence_head(&b);
    return b.p.status;
}
