/* nn_linear.c - projections and the feed-forward layer. */
#include "nn/nn_internal.h"

#include <string.h>

att_status att_nn_linear(att_nn *nn, att_var *y, att_var x, const char *name,
                         int64_t out, int32_t bias, att_activation act, float dropout)
{
    att_nn_names names;
    atti_nn_name full;
    att_var w, b = ATT_NO_VAR;
    if (!nn || !y || !name) return atti_fail(ATT_EINVAL, "linear: an argument is NULL");
    att_nn_names_init(&names);
    ATTI_TRY(atti_nn_print(&full, "%s%s", name, names.weight));
    ATTI_TRY(atti_nn_get(nn, &w, full.s, out, att_tape_cols(nn->tape, x), ATT_NN_XAVIER,
                         NULL));
    if (bias) {
        ATTI_TRY(atti_nn_print(&full, "%s%s", name, names.bias));
        ATTI_TRY(atti_nn_get(nn, &b, full.s, 1, out, ATT_NN_ZERO, NULL));
    }
    return att_op_linear(nn->tape, y, x, w, b, act, dropout);
}

att_status atti_nn_last(att_nn *nn, att_var *y, att_var *bias, att_var x,
                        const char *name, const att_nn_names *names, int64_t out,
                        int32_t has_bias)
{
    atti_nn_name full;
    att_var w, b = ATT_NO_VAR;
    ATTI_TRY(atti_nn_print(&full, "%s%s", name, names->weight));
    ATTI_TRY(atti_nn_get(nn, &w, full.s, out, att_tape_cols(nn->tape, x), ATT_NN_XAVIER,
                         NULL));
    if (has_bias) {
        ATTI_TRY(atti_nn_print(&full, "%s%s", name, names->bias));
        ATTI_TRY(atti_nn_get(nn, &b, full.s, 1, out, ATT_NN_ZERO, NULL));
    }
    if (bias) *bias = b;
    return att_op_linear(nn->tape, y, x, w, bias ? ATT_NO_VAR : b, ATT_ACT_NONE, 0.0f);
}

void att_nn_ffn_opts_init(att_nn_ffn_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->name = "";
    o->activation = ATT_ACT_RELU;
}

/* [N,2F] or two [N,F]: the gate and what it lets through. */
static att_status gated(att_nn *nn, att_var *y, att_var x, const att_nn_ffn_opts *o,
                        const att_nn_names *names, int64_t hidden)
{
    const char *piece[2] = {names->ffn_gate, names->ffn_in};
    const int64_t rows[2] = {hidden, hidden};
    atti_nn_name name[2], braces;
    att_var half[2], both;
    for (int i = 0; i < 2; i++)
        ATTI_TRY(atti_nn_print(&name[i], "%s%s", o->name, piece[i]));
    ATTI_TRY(atti_nn_braces(&braces, o->name, piece, 2));
    atti_nn_join j = {name, rows, 2, braces.s};
    ATTI_TRY(atti_nn_project(nn, &both, x, &j, names, !o->no_bias));
    for (int i = 0; i < 2; i++) {
        if (both != ATT_NO_VAR)
            ATTI_TRY(att_op_slice_cols(nn->tape, &half[i], both, i * hidden,
                                       (i + 1) * hidden));
        else
            ATTI_TRY(atti_nn_last(nn, &half[i], NULL, x, name[i].s, names, hidden,
                                  !o->no_bias));
    }
    ATTI_TRY(att_op_glu(nn->tape, y, half[0], half[1], o->activation));
    if (o->dropout > 0.0f) ATTI_TRY(att_op_dropout(nn->tape, y, *y, o->dropout));
    return ATT_OK;
}

att_status atti_nn_feed_forward(att_nn *nn, att_var *y, att_var *bias, att_var x,
                                const att_nn_ffn_opts *o)
{
    att_nn_names names;
    atti_nn_name full;
    int64_t cols = att_tape_cols(nn->tape, x);
    int64_t hidden = o->hidden ? o->hidden : 4 * cols;
    att_var f = ATT_NO_VAR;
    if (!o->name) return atti_fail(ATT_EINVAL, "feed_forward: name is NULL");
    ATTI_TRY(atti_nn_names(&names, o->names));
    if (o->gated) {
        ATTI_TRY(gated(nn, &f, x, o, &names, hidden));
    } else {
        att_var w, b = ATT_NO_VAR;
        ATTI_TRY(atti_nn_print(&full, "%s%s%s", o->name, names.ffn_in, names.weight));
        ATTI_TRY(atti_nn_get(nn, &w, full.s, hidden, cols, ATT_NN_XAVIER, NULL));
        if (!o->no_bias) {
            ATTI_TRY(atti_nn_print(&full, "%s%s%s", o->name, names.ffn_in, names.bias));
            ATTI_TRY(atti_nn_get(nn, &b, full.s, 1, hidden, ATT_NN_ZERO, NULL));
        }
        ATTI_TRY(att_op_linear(nn->tape, &f, x, w, b, o->activation, o->dropout));
    }
    ATTI_TRY(atti_nn_print(&full, "%s%s", o->name, names.ffn_out));
    return atti_nn_last(nn, y, bias, f, full.s, &names, cols, !o->no_bias);
}

att_status att_nn_feed_forward(att_nn *nn, att_var *y, att_var x,
                               const att_nn_ffn_opts *o)
{
    ATTI_TRY(atti_nn_check(nn, y, o, o ? o->size : 0, sizeof *o, "feed_forward"));
    return atti_nn_feed_forward(nn, y, NULL, x, o);
}
