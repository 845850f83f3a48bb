/* nn_block.c - encoder and decoder: sub-layers closed by residual, dropout and norm in one
 * pass over memory, post-norm or pre-norm. */
#include "nn/nn_internal.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

void att_nn_block_opts_init(att_nn_block_opts *o)
{
    if (!o) return;
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->name = "layers.#.";
    o->layers = 1;
    o->eps = 1e-5f;
    o->last_norm = "layer_norm";
    att_nn_attention_opts_init(&o->self);
    att_nn_attention_opts_init(&o->cross);
    att_nn_ffn_opts_init(&o->ffn);
}

/* Post-norm: y is the stream. Pre-norm: h is the stream and y its norm, made by the same
 * operator that closes the sub-layer before. */
typedef struct stack {
    att_nn *nn;
    const att_nn_block_opts *o;
    att_nn_names names;
    att_var y, h;
    att_var offsets, memory, memory_offsets;
    att_var kv; /* keys and values of all cross-attentions, or ATT_NO_VAR */
    int decoder;
    int64_t sub; /* sub-layers so far */
} stack;

static att_status layer_name(const stack *s, atti_nn_name *out, int64_t layer)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)layer);
    return atti_nn_numbered(out, s->o->name, number);
}

/* The n-th norm of the stack; behind the last sub-layer it is the last norm. */
static att_status norm_params(const stack *s, int64_t n, att_var *gamma, att_var *beta)
{
    const char *enc[2] = {s->names.self_norm, s->names.ffn_norm};
    const char *dec[3] = {s->names.self_norm, s->names.cross_norm, s->names.ffn_norm};
    int64_t per = s->decoder ? 3 : 2, c = att_tape_cols(s->nn->tape, s->y);
    atti_nn_name name, full;
    if (n / per < s->o->layers) {
        ATTI_TRY(layer_name(s, &full, n / per));
        ATTI_TRY(atti_nn_print(&name, "%s%s", full.s,
                               s->decoder ? dec[n % per] : enc[n % per]));
    } else {
        ATTI_TRY(atti_nn_print(&name, "%s", s->o->last_norm));
    }
    *beta = ATT_NO_VAR;
    ATTI_TRY(atti_nn_print(&full, "%s%s", name.s, s->names.weight));
    ATTI_TRY(atti_nn_get(s->nn, gamma, full.s, 1, c, ATT_NN_ONE, NULL));
    if (s->o->rms_norm) return ATT_OK;
    ATTI_TRY(atti_nn_print(&full, "%s%s", name.s, s->names.bias));
    return atti_nn_get(s->nn, beta, full.s, 1, c, ATT_NN_ZERO, NULL);
}

static att_status begin(stack *s, att_var x)
{
    att_var gamma, beta;
    s->y = s->h = x;
    if (!s->o->pre_norm) return ATT_OK;
    ATTI_TRY(norm_params(s, 0, &gamma, &beta));
    return att_op_add_norm(s->nn->tape, &s->y, x, ATT_NO_VAR, ATT_NO_VAR, gamma, beta,
                           s->o->rms_norm != 0, s->o->eps, 0.0f);
}

/* z [N,C] without its bias goes back into the stream. */
static att_status close_sublayer(stack *s, att_var z, att_var bias)
{
    const att_nn_block_opts *o = s->o;
    att_var gamma, beta;
    int64_t n = s->sub++;
    ATTI_TRY(norm_params(s, o->pre_norm ? n + 1 : n, &gamma, &beta));
    if (o->pre_norm)
        return att_op_add_norm_both(s->nn->tape, &s->y, &s->h, z, bias, s->h, gamma,
                                    beta, o->rms_norm != 0, o->eps, o->dropout);
    return att_op_add_norm(s->nn->tape, &s->y, z, bias, s->y, gamma, beta,
                           o->rms_norm != 0, o->eps, o->dropout);
}

static att_status attend(stack *s, int64_t i, int cross)
{
    att_nn_attention_opts o = cross ? s->o->cross : s->o->self;
    atti_nn_name prefix, name;
    att_var z, bias;
    ATTI_TRY(layer_name(s, &prefix, i));
    ATTI_TRY(atti_nn_print(&name, "%s%s", prefix.s,
                           cross ? s->names.cross_attn : s->names.self_attn));
    o.name = name.s;
    o.names = &s->names;
    o.q_offsets = s->offsets;
    o.k_offsets = cross ? s->memory_offsets : ATT_NO_VAR;
    o.kv = ATT_NO_VAR;
    if (cross && s->kv != ATT_NO_VAR) {
        int64_t g = o.n_kv_heads ? o.n_kv_heads : o.n_heads;
        int64_t d = o.d ? o.d : att_tape_cols(s->nn->tape, s->y) / o.n_heads;
        int64_t k = g * (o.dk ? o.dk : d), v = g * (o.e ? o.e : d);
        o.kv = s->kv;
        o.k_col = i * (k + v), o.v_col = o.k_col + k;
    }
    ATTI_TRY(
        atti_nn_attention(s->nn, &z, &bias, s->y, cross ? s->memory : ATT_NO_VAR, &o));
    return close_sublayer(s, z, bias);
}

static att_status feed_forward(stack *s, int64_t i)
{
    att_nn_ffn_opts o = s->o->ffn;
    atti_nn_name prefix;
    att_var z, bias;
    ATTI_TRY(layer_name(s, &prefix, i));
    o.name = prefix.s;
    o.names = &s->names;
    ATTI_TRY(atti_nn_feed_forward(s->nn, &z, &bias, s->y, &o));
    return close_sublayer(s, z, bias);
}

/* One product for the keys and values of all layers, where the parameters allow it: it
 * spares the memory all but one of `layers` readings, and its gradient as many
 * additions. */
static att_status all_keys(stack *s)
{
    const att_nn_attention_opts *o = &s->o->cross;
    const int32_t kv = ATT_NN_K | ATT_NN_V;
    int64_t n = 2 * s->o->layers, heads = o->n_heads > 0 ? o->n_heads : 1;
    int64_t g = o->n_kv_heads ? o->n_kv_heads : heads, *rows = NULL;
    int64_t d = o->d ? o->d : att_tape_cols(s->nn->tape, s->y) / heads;
    const char *piece[2] = {s->names.k, s->names.v};
    atti_nn_name *name = NULL, prefix, braces;
    char number[32];
    int32_t with = o->biases & kv;
    s->kv = ATT_NO_VAR;
    if ((o->projections & kv) != kv || (with != 0 && with != kv)) return ATT_OK;
    if (!strchr(s->o->name, '#')) return ATT_OK;
    att_status st = atti_alloc(&name, (size_t)n, sizeof *name, "names");
    if (st == ATT_OK) st = atti_alloc(&rows, (size_t)n, sizeof *rows, "names");
    for (int64_t i = 0; i < n && st == ATT_OK; i++) {
        st = layer_name(s, &prefix, i / 2);
        if (st == ATT_OK)
            st = atti_nn_print(&name[i], "%s%s%s", prefix.s, s->names.cross_attn,
                               piece[i % 2]);
        if (st == ATT_OK)
            rows[i] = g * (i % 2 ? (o->e ? o->e : d) : (o->dk ? o->dk : d));
    }
    snprintf(number, sizeof number, "{0..%lld}", (long long)(s->o->layers - 1));
    if (st == ATT_OK) st = atti_nn_numbered(&prefix, s->o->name, number);
    if (st == ATT_OK)
        st = atti_nn_print(&braces, "%s%s", prefix.s, s->names.cross_attn);
    prefix = braces;
    if (st == ATT_OK) st = atti_nn_braces(&braces, prefix.s, piece, 2);
    if (st == ATT_OK) {
        atti_nn_join j = {name, rows, (int32_t)n, braces.s};
        st = atti_nn_project(s->nn, &s->kv, s->memory, &j, &s->names, with);
    }
    atti_free(name);
    atti_free(rows);
    return st;
}

static att_status run(stack *s, att_var *y, att_var x)
{
    if (s->o->layers < 1 || s->o->layers > 10000)
        return atti_fail(ATT_EINVAL, "blocks: %lld layers, in 1..10000",
                         (long long)s->o->layers);
    if (!s->o->name || (s->o->pre_norm && !s->o->last_norm))
        return atti_fail(ATT_EINVAL, "blocks: a name is NULL");
    if (s->o->layers > 1 && !strchr(s->o->name, '#'))
        return atti_fail(ATT_EINVAL, "blocks: %lld layers, and no '#' in the name '%s'",
                         (long long)s->o->layers, s->o->name);
    ATTI_TRY(atti_nn_names(&s->names, s->o->names));
    ATTI_TRY(begin(s, x));
    if (s->decoder) ATTI_TRY(all_keys(s));
    for (int64_t i = 0; i < s->o->layers; i++) {
        ATTI_TRY(attend(s, i, 0));
        if (s->decoder) ATTI_TRY(attend(s, i, 1));
        ATTI_TRY(feed_forward(s, i));
    }
    *y = s->y;
    return ATT_OK;
}

att_status att_nn_encoder(att_nn *nn, att_var *y, att_var x, att_var offsets,
                          const att_nn_block_opts *o)
{
    ATTI_TRY(atti_nn_check(nn, y, o, o ? o->size : 0, sizeof *o, "encoder"));
    stack s = {.nn = nn, .o = o, .offsets = offsets};
    s.memory = s.memory_offsets = s.kv = ATT_NO_VAR;
    return run(&s, y, x);
}

att_status att_nn_decoder(att_nn *nn, att_var *y, att_var x, att_var offsets,
                          att_var memory, att_var memory_offsets,
                          const att_nn_block_opts *o)
{
    ATTI_TRY(atti_nn_check(nn, y, o, o ? o->size : 0, sizeof *o, "decoder"));
    if (memory == ATT_NO_VAR || memory_offsets == ATT_NO_VAR)
        return atti_fail(ATT_EINVAL, "decoder: no memory, or no offsets of it");
    stack s = {.nn = nn, .o = o, .offsets = offsets, .decoder = 1};
    s.memory = memory, s.memory_offsets = memory_offsets;
    s.kv = ATT_NO_VAR;
    return run(&s, y, x);
}
