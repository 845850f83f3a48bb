/* attn_check_grads.c - where gradients go: each has the shape and dtype of its operand,
 * exists only if the operand does, and overlaps nothing that is read. */
#include "attention/attn_check.h"
#include <string.h>

/* A gradient like operand t. NULL grad = not wanted. */
static att_status like(const att_tensor *grad, const att_tensor *t, const char *name,
                       const char *of)
{
    if (!grad) return ATT_OK;
    if (!t)
        return atti_fail(ATT_EINVAL, "attention: %s is wanted but there is no %s", name,
                         of);
    ATTI_TRY(atti_attn_expect(grad, name, t->dtype, t->ndim, t->shape));
    return atti_attn_unfolded(grad, name);
}

static att_status row_grad(atti_attn_view *w, const att_tensor *grad,
                           const att_tensor *t, const char *name, const char *of)
{
    if (!grad) return ATT_OK;
    ATTI_TRY(like(grad, t, name, of));
    if (grad->shape[grad->ndim - 1] > 1 && grad->stride[grad->ndim - 1] != 1)
        return atti_fail(ATT_EINVAL, "%s: the last dimension has stride %lld, not 1",
                         name, (long long)grad->stride[grad->ndim - 1]);
    atti_attn_make_view(w, grad);
    return ATT_OK;
}

static att_status param_grad(void **out, bool *any, const att_tensor *grad,
                             const att_tensor *t, const char *name, const char *of)
{
    if (!grad) return ATT_OK;
    ATTI_TRY(like(grad, t, name, of));
    if (!atti_attn_packed(grad))
        return atti_fail(ATT_EINVAL, "%s is not contiguous", name);
    *out = grad->data;
    *any = true;
    return ATT_OK;
}

static att_status bias_grad(atti_attn_grad_call *g, const atti_attn_call *c,
                            const att_tensor *grad)
{
    if (!grad) return ATT_OK;
    ATTI_TRY(like(grad, c->args->bias, "dbias", "bias"));
    int64_t *stride[4] = {&g->dbias_sb, &g->dbias_sh, &g->dbias_st, &g->dbias_ss};
    for (int32_t i = 0; i < 4; i++) {
        int32_t at = i - (4 - grad->ndim);
        int64_t n = at >= 0 ? grad->shape[at] : 1;
        g->dbias_shape[i] = n;
        *stride[i] = n == 1 ? 0 : grad->stride[at];
    }
    g->dbias = grad->data;
    g->wants_params = true;
    return ATT_OK;
}

static att_status no_overlap(const atti_attn_call *c, const att_attention_grads *d)
{
    const att_attention_args *a = c->args;
    const att_tensor *out[] = {
        d->dq,       d->dk,       d->dv,          d->dbias,         d->dscore_w,
        d->dscore_b, d->dprior_w, d->dsink_logit, d->dalibi_slopes, d->dt5_table,
        d->drel_k,   d->drel_v,   d->dedge_bias};
    const char *out_name[] = {
        "dq",       "dk",       "dv",          "dbias",         "dscore_w",
        "dscore_b", "dprior_w", "dsink_logit", "dalibi_slopes", "dt5_table",
        "drel_k",   "drel_v",   "dedge_bias"};
    const size_t n_out = sizeof out / sizeof out[0];
    for (size_t o = 0; o < n_out; o++) {
        ATTI_TRY(atti_attn_apart(out[o], out_name[o], a));
        ATTI_TRY(atti_attn_disjoint(out[o], out_name[o], d->dout, "dout"));
        ATTI_TRY(atti_attn_disjoint(out[o], out_name[o], a->out, "out"));
        ATTI_TRY(atti_attn_disjoint(out[o], out_name[o], a->lse, "lse"));
        for (size_t p = 0; p < o; p++)
            ATTI_TRY(atti_attn_disjoint(out[o], out_name[o], out[p], out_name[p]));
    }
    return ATT_OK;
}

static att_status params(atti_attn_grad_call *g, const atti_attn_call *c,
                         const att_attention_grads *d)
{
    const att_attention_args *a = c->args;
    bool *any = &g->wants_params;
    ATTI_TRY(
        param_grad(&g->dscore_w, any, d->dscore_w, a->score_w, "dscore_w", "score_w"));
    ATTI_TRY(
        param_grad(&g->dscore_b, any, d->dscore_b, a->score_b, "dscore_b", "score_b"));
    ATTI_TRY(
        param_grad(&g->dprior_w, any, d->dprior_w, a->prior_w, "dprior_w", "prior_w"));
    ATTI_TRY(param_grad(&g->dsink_logit, any, d->dsink_logit, a->sink_logit,
                        "dsink_logit", "sink_logit"));
    ATTI_TRY(param_grad(&g->dalibi, any, d->dalibi_slopes, a->alibi_slopes,
                        "dalibi_slopes", "alibi_slopes"));
    ATTI_TRY(
        param_grad(&g->dt5, any, d->dt5_table, a->t5_table, "dt5_table", "t5_table"));
    ATTI_TRY(param_grad(&g->drel_k, any, d->drel_k, a->rel_k, "drel_k", "rel_k"));
    ATTI_TRY(param_grad(&g->drel_v, any, d->drel_v, a->rel_v, "drel_v", "rel_v"));
    ATTI_TRY(param_grad(&g->dedge_bias, any, d->dedge_bias, a->edge_bias, "dedge_bias",
                        "edge_bias"));
    return bias_grad(g, c, d->dbias);
}

att_status atti_attn_resolve_grads(atti_attn_grad_call *g, const atti_attn_call *c,
                                   const att_attention_grads *grads)
{
    memset(g, 0, sizeof *g);
    if (!grads) return atti_fail(ATT_EINVAL, "attention: grads is NULL");
    if (grads->size != sizeof *grads)
        return atti_fail(
            ATT_EINVAL,
            "attention: grads.size is %u, this library's is %zu: start from "
            "att_attention_grads_init()",
            grads->size, sizeof *grads);
    const att_attention_args *a = c->args;
    if (c->paged)
        return atti_fail(ATT_ENOTSUP, "attention: a paged cache has no backward");
    if (!a->out || !a->lse)
        return atti_fail(ATT_EINVAL, "attention: backward needs %s of the forward call",
                         a->out ? "lse" : "out");
    if (!grads->dout) return atti_fail(ATT_EINVAL, "attention: dout is missing");
    ATTI_TRY(
        atti_attn_expect(grads->dout, "dout", c->dtype, a->out->ndim, a->out->shape));
    if (c->e > 1 && grads->dout->stride[a->out->ndim - 1] != 1)
        return atti_fail(ATT_EINVAL, "dout: the last dimension has stride %lld, not 1",
                         (long long)grads->dout->stride[a->out->ndim - 1]);
    if (c->desc->reinforce && !a->advantage)
        return atti_fail(ATT_EINVAL, "attention: reinforce without advantage");
    g->grads = grads;
    g->accumulate = grads->accumulate != 0;
    atti_attn_make_view(&g->dout, grads->dout);
    ATTI_TRY(row_grad(&g->dq, grads->dq, a->q, "dq", "q"));
    ATTI_TRY(row_grad(&g->dk, grads->dk, a->k, "dk", "k"));
    ATTI_TRY(row_grad(&g->dv, grads->dv, a->v, "dv", "v"));
    ATTI_TRY(params(g, c, grads));
    return no_overlap(c, grads);
}
