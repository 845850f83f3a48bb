/* nn_names.c - how a layer's parameters are called. */
#include "nn/nn_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void att_nn_names_init(att_nn_names *n)
{
    static const att_nn_names usual = {.size = sizeof(att_nn_names),
                                       .weight = ".weight",
                                       .bias = ".bias",
                                       .q = "q_proj",
                                       .k = "k_proj",
                                       .v = "v_proj",
                                       .o = "out_proj",
                                       .self_attn = "self_attn.",
                                       .cross_attn = "encoder_attn.",
                                       .self_norm = "self_attn_layer_norm",
                                       .cross_norm = "encoder_attn_layer_norm",
                                       .ffn_norm = "final_layer_norm",
                                       .ffn_in = "fc1",
                                       .ffn_gate = "gate",
                                       .ffn_out = "fc2",
                                       .score_w = "score_w",
                                       .score_b = "score_b",
                                       .rel_k = "rel_k",
                                       .rel_v = "rel_v",
                                       .t5_table = "relative_attention_bias.weight",
                                       .sink_logit = "sink_logit",
                                       .alibi_slopes = "alibi_slopes",
                                       .prior_w = "prior_w"};
    if (n) *n = usual;
}

att_status atti_nn_names(att_nn_names *out, const att_nn_names *names)
{
    att_nn_names_init(out);
    if (!names) return ATT_OK;
    if (names->size != sizeof *names)
        return atti_fail(ATT_EINVAL, "nn: names were not initialised");
    *out = *names;
    return ATT_OK;
}

att_status atti_nn_print(atti_nn_name *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(out->s, sizeof out->s, fmt, args);
    va_end(args);
    if (n >= 0 && n < (int)sizeof out->s) return ATT_OK;
    return atti_fail(ATT_EINVAL, "nn: a name longer than %d characters: %.40s...",
                     ATTI_NN_NAME - 1, out->s);
}

att_status atti_nn_numbered(atti_nn_name *out, const char *prefix, const char *number)
{
    const char *at = strchr(prefix, '#');
    if (!at) return atti_nn_print(out, "%s", prefix);
    return atti_nn_print(out, "%.*s%s%s", (int)(at - prefix), prefix, number, at + 1);
}

/* What all end in is written once, behind the braces. */
static size_t common_end(const char *const *piece, int32_t n)
{
    size_t same = strlen(piece[0]);
    for (int32_t i = 1; i < n; i++) {
        size_t a = strlen(piece[0]), b = strlen(piece[i]), k = 0;
        while (k < a && k < b && piece[0][a - 1 - k] == piece[i][b - 1 - k]) k++;
        if (k < same) same = k;
    }
    return same;
}

att_status atti_nn_braces(atti_nn_name *out, const char *prefix,
                          const char *const *piece, int32_t n)
{
    atti_nn_name list = {""}, next;
    size_t same = common_end(piece, n);
    for (int32_t i = 0; i < n; i++) {
        ATTI_TRY(atti_nn_print(&next, "%s%s%.*s", list.s, i ? "," : "",
                               (int)(strlen(piece[i]) - same), piece[i]));
        list = next;
    }
    return atti_nn_print(out, "%s{%s}%s", prefix, list.s,
                         piece[0] + strlen(piece[0]) - same);
}
