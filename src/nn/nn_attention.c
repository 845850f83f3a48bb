/* nn_attention.c - multi-head attention as a layer: projections, a member of the family, and
 * the matrix that mixes the heads. */
#include "nn/nn_internal.h"

#include <string.h>

void att_nn_attention_opts_init(att_nn_attention_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->name = "";
    att_attention_desc_init(&o->desc);
    o->n_heads = 1;
    o->projections = o->biases = ATT_NN_QKVO;
    o->score_per_head = o->score_b = 1;
    o->rel = ATT_NN_K | ATT_NN_V;
    o->q_offsets = o->k_offsets = o->t5_table = o->kv = ATT_NO_VAR;
    o->bias = o->prior = o->block_mask = o->advantage = ATT_NO_VAR;
    o->edge_row_ptr = o->edge_col = o->edge_bias = ATT_NO_VAR;
    o->prior_w_per_head = 1;
}

typedef struct layer {
    att_nn *nn;
    const att_nn_attention_opts *o;
    att_nn_names names;
    att_op_attention_opts op;
    int64_t h, g, d, dk, e;
} layer;

static att_status sizes(layer *l, att_var x)
{
    const att_nn_attention_opts *o = l->o;
    int64_t cols = att_tape_cols(l->nn->tape, x);
    if (cols < 0) return atti_fail(ATT_EINVAL, "attention: x is no value of this tape");
    l->h = o->n_heads;
    l->g = o->n_kv_heads ? o->n_kv_heads : l->h;
    if (l->h < 1 || l->g < 1 || l->h % l->g != 0)
        return atti_fail(ATT_EINVAL, "attention: %lld heads, %lld key heads",
                         (long long)l->h, (long long)l->g);
    if (o->d == 0 && cols % l->h != 0)
        return atti_fail(ATT_ESHAPE, "attention: %lld columns in %lld heads",
                         (long long)cols, (long long)l->h);
    l->d = o->d ? o->d : cols / l->h;
    l->dk = o->dk ? o->dk : l->d;
    l->e = o->e ? o->e : l->d;
    if (l->d < 1 || l->dk < 1 || l->e < 1 || l->d > 256 || l->dk > 256 || l->e > 256)
        return atti_fail(ATT_EINVAL, "attention: widths %lld, %lld, %lld, in 1..256",
                         (long long)l->d, (long long)l->dk, (long long)l->e);
    if (l->dk != l->d && o->desc.score != ATT_SCORE_BILINEAR)
        return atti_fail(
            ATT_ESHAPE,
            "attention: queries of width %lld against keys of %lld have no "
            "inner product; the bilinear score has",
            (long long)l->d, (long long)l->dk);
    return ATT_OK;
}

static att_status own(layer *l, att_var *v, const char *piece, int64_t rows,
                      int64_t cols, int32_t first)
{
    atti_nn_name name;
    ATTI_TRY(atti_nn_print(&name, "%s%s", l->o->name, piece));
    return atti_nn_get(l->nn, v, name.s, rows, cols, first, NULL);
}

/* What the member needs as parameters. */
static att_status parameters(layer *l)
{
    const att_nn_attention_opts *o = l->o;
    const att_attention_desc *d = &o->desc;
    int64_t heads = o->score_per_head ? l->h : 1;
    if (d->score == ATT_SCORE_BILINEAR) {
        ATTI_TRY(own(l, &l->op.score_w, l->names.score_w, heads * l->d, l->dk,
                     ATT_NN_XAVIER));
    } else if (d->score == ATT_SCORE_ADDITIVE || d->score == ATT_SCORE_GAT) {
        ATTI_TRY(own(l, &l->op.score_w, l->names.score_w, heads, l->d, ATT_NN_XAVIER));
        if (o->score_b)
            ATTI_TRY(
                own(l, &l->op.score_b, l->names.score_b, heads, l->d, ATT_NN_ZERO));
    }
    if (d->shaw_clip > 0) {
        int64_t rows = 2 * (int64_t)d->shaw_clip + 1;
        if (o->rel & ATT_NN_K)
            ATTI_TRY(own(l, &l->op.rel_k, l->names.rel_k, rows, l->d, ATT_NN_XAVIER));
        if (o->rel & ATT_NN_V)
            ATTI_TRY(own(l, &l->op.rel_v, l->names.rel_v, rows, l->e, ATT_NN_XAVIER));
    }
    l->op.t5_table = o->t5_table;
    if (d->t5_buckets > 0 && o->t5_table == ATT_NO_VAR)
        ATTI_TRY(own(l, &l->op.t5_table, l->names.t5_table, d->t5_buckets, l->h,
                     ATT_NN_XAVIER));
    if (o->sink_logit)
        ATTI_TRY(own(l, &l->op.sink_logit, l->names.sink_logit, 1, l->h, ATT_NN_ZERO));
    if (o->learned_slopes)
        ATTI_TRY(
            own(l, &l->op.alibi_slopes, l->names.alibi_slopes, 1, l->h, ATT_NN_ONE));
    if (o->prior != ATT_NO_VAR)
        ATTI_TRY(own(l, &l->op.prior_w, l->names.prior_w, 1,
                     o->prior_w_per_head ? l->h : 1, ATT_NN_ZERO));
    return ATT_OK;
}

/* What is given as values. */
static void pairs(layer *l)
{
    const att_nn_attention_opts *o = l->o;
    att_op_attention_opts *op = &l->op;
    op->bias = o->bias, op->prior = o->prior;
    op->bias_per_sequence = o->bias_per_sequence;
    op->bias_per_head = o->bias_per_head;
    op->prior_per_sequence = o->prior_per_sequence;
    op->prior_per_head = o->prior_per_head;
    op->block_mask = o->block_mask, op->block_masks = o->block_masks;
    op->edge_row_ptr = o->edge_row_ptr, op->edge_col = o->edge_col;
    op->edge_bias = o->edge_bias;
    op->advantage = o->advantage;
}

/* Queries, keys or values of one input: those in bits, as one product if may be. */
static att_status project(layer *l, att_var x, int32_t bits)
{
    const att_nn_attention_opts *o = l->o;
    const char *all[3] = {l->names.q, l->names.k, l->names.v}, *piece[3];
    const int64_t width[3] = {l->h * l->d, l->g * l->dk, l->g * l->e};
    att_var *to[3] = {&l->op.q, &l->op.k, &l->op.v}, both = ATT_NO_VAR;
    int64_t *col[3] = {&l->op.q_col, &l->op.k_col, &l->op.v_col}, rows[3], at = 0;
    atti_nn_name name[3], braces;
    int32_t n = 0, which[3], with = 0;
    for (int i = 0; i < 3; i++) {
        if (!(bits & 1 << i)) continue;
        if (!(o->projections & 1 << i)) {
            if (att_tape_cols(l->nn->tape, x) != width[i])
                return atti_fail(ATT_ESHAPE,
                                 "attention: heads of %lld columns in all, and no "
                                 "projection from %lld",
                                 (long long)width[i],
                                 (long long)att_tape_cols(l->nn->tape, x));
            *to[i] = x;
            continue;
        }
        ATTI_TRY(atti_nn_print(&name[n], "%s%s", o->name, all[i]));
        piece[n] = all[i];
        rows[n] = width[i];
        with += (o->biases & 1 << i) != 0;
        which[n++] = i;
    }
    if (n > 1 && (with == 0 || with == n)) {
        ATTI_TRY(atti_nn_braces(&braces, o->name, piece, n));
        atti_nn_join j = {name, rows, n, braces.s};
        ATTI_TRY(atti_nn_project(l->nn, &both, x, &j, &l->names, with));
    }
    for (int i = 0; i < n; i++) {
        *to[which[i]] = both;
        *col[which[i]] = at;
        if (both != ATT_NO_VAR)
            at += rows[i];
        else
            ATTI_TRY(atti_nn_last(l->nn, to[which[i]], NULL, x, name[i].s, &l->names,
                                  rows[i], (o->biases & 1 << which[i]) != 0));
    }
    return ATT_OK;
}

att_status atti_nn_attention(att_nn *nn, att_var *y, att_var *bias, att_var x,
                             att_var memory, const att_nn_attention_opts *o)
{
    layer l = {.nn = nn, .o = o};
    att_var a = ATT_NO_VAR;
    atti_nn_name name;
    int cross = memory != ATT_NO_VAR || o->kv != ATT_NO_VAR;
    if (!o->name) return atti_fail(ATT_EINVAL, "attention: name is NULL");
    ATTI_TRY(atti_nn_names(&l.names, o->names));
    ATTI_TRY(sizes(&l, x));
    att_op_attention_opts_init(&l.op);
    l.op.desc = o->desc;
    l.op.n_heads = (int32_t)l.h, l.op.n_kv_heads = (int32_t)l.g;
    l.op.d = l.d, l.op.dk = l.dk, l.op.e = l.e;
    l.op.q_offsets = o->q_offsets;
    if (cross) {
        if (o->k_offsets == ATT_NO_VAR && o->edge_row_ptr == ATT_NO_VAR)
            return atti_fail(ATT_EINVAL, "attention: a memory without k_offsets");
        l.op.k_offsets = o->k_offsets;
    }
    pairs(&l);
    ATTI_TRY(parameters(&l));
    ATTI_TRY(project(&l, x, cross ? ATT_NN_Q : ATT_NN_Q | ATT_NN_K | ATT_NN_V));
    if (o->kv != ATT_NO_VAR) {
        l.op.k = l.op.v = o->kv;
        l.op.k_col = o->k_col, l.op.v_col = o->v_col;
    } else if (cross) {
        ATTI_TRY(project(&l, memory, ATT_NN_K | ATT_NN_V));
    }
    ATTI_TRY(att_op_attention(nn->tape, &a, &l.op));
    if (!(o->projections & ATT_NN_O)) {
        if (o->out && o->out != l.h * l.e)
            return atti_fail(
                ATT_ESHAPE,
                "attention: %lld columns wanted, heads have %lld and there "
                "is no output projection",
                (long long)o->out, (long long)(l.h * l.e));
        *y = a;
        if (bias) *bias = ATT_NO_VAR;
        return ATT_OK;
    }
    ATTI_TRY(atti_nn_print(&name, "%s%s", o->name, l.names.o));
    return atti_nn_last(nn, y, bias, a, name.s, &l.names,
                        o->out ? o->out : att_tape_cols(nn->tape, x),
                        (o->biases & ATT_NN_O) != 0);
}

att_status att_nn_attention(att_nn *nn, att_var *y, att_var x, att_var memory,
                            const att_nn_attention_opts *o)
{
    ATTI_TRY(atti_nn_check(nn, y, o, o ? o->size : 0, sizeof *o, "attention"));
    return atti_nn_attention(nn, y, NULL, x, memory, o);
}
