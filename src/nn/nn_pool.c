/* nn_pool.c - pooling by additive attention with a learned question, and documents made of
 * sentences made of words (Yang et al. 2016). */
#include "nn/nn_internal.h"

#include <string.h>

att_status att_nn_attention_pool(att_nn *nn, att_var *y, att_var *alpha, att_var x,
                                 att_var offsets, const char *name, int64_t hidden)
{
    atti_nn_name full;
    att_var u, k, e, a;
    if (!nn || !y || !name)
        return atti_fail(ATT_EINVAL, "attention_pool: an argument is NULL");
    if (hidden < 0)
        return atti_fail(ATT_EINVAL, "attention_pool: hidden %lld", (long long)hidden);
    int64_t cols = att_tape_cols(nn->tape, x);
    if (hidden == 0) hidden = cols < 128 ? cols : 128;
    ATTI_TRY(atti_nn_print(&full, "%sproj", name));
    ATTI_TRY(att_nn_linear(nn, &k, x, full.s, hidden, 1, ATT_ACT_TANH, 0.0f));
    ATTI_TRY(atti_nn_print(&full, "%scontext", name));
    ATTI_TRY(atti_nn_get(nn, &u, full.s, 1, hidden, ATT_NN_XAVIER, NULL));
    ATTI_TRY(att_op_matmul(nn->tape, &e, k, u, 1));
    ATTI_TRY(att_op_pool_softmax(nn->tape, y, &a, x, e, offsets));
    if (alpha) *alpha = a;
    return ATT_OK;
}

void att_nn_hierarchy_opts_init(att_nn_hierarchy_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->name = "";
    o->word_weights = o->sentence_weights = NULL;
}

static att_status level(att_nn *nn, att_var *y, att_var *alpha, att_var x,
                        att_var offsets, const att_nn_block_opts *blocks,
                        const att_nn_hierarchy_opts *o, const char *what)
{
    atti_nn_name name;
    if (blocks) ATTI_TRY(att_nn_encoder(nn, &x, x, offsets, blocks));
    ATTI_TRY(atti_nn_print(&name, "%s%s_pool.", o->name, what));
    return att_nn_attention_pool(nn, y, alpha, x, offsets, name.s, o->hidden);
}

att_status att_nn_hierarchy(att_nn *nn, att_var *y, att_var x, att_var word_offsets,
                            att_var sentence_offsets, const att_nn_hierarchy_opts *o)
{
    att_var sentences;
    ATTI_TRY(atti_nn_check(nn, y, o, o ? o->size : 0, sizeof *o, "hierarchy"));
    if (!o->name) return atti_fail(ATT_EINVAL, "hierarchy: name is NULL");
    ATTI_TRY(
        level(nn, &sentences, o->word_weights, x, word_offsets, o->words, o, "word"));
    return level(nn, y, o->sentence_weights, sentences, sentence_offsets, o->sentences,
                 o, "sentence");
}
