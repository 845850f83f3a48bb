/* attn_call.c - the public entry points: check, choose a path, lend it scratch. */
#include "attention/attn_internal.h"
#include "attention/attn_ref.h"
#include "base/alloc.h"
#include "kernels/kernels.h"
#include <string.h>

typedef enum path { PATH_REF, PATH_EDGES, PATH_DECODE, PATH_FAST, PATH_GENERIC } path;

/* The fast backward gives dq, dk and dv; a call that wants more takes the generic one. */
static path choose_rest(const atti_attn_call *c, int backward, bool wants_params)
{
    if (!wants_params && atti_attn_fast_takes(c, backward)) return PATH_FAST;
    return PATH_GENERIC;
}

/* By the call's form; PATH_DECODE then asks each sequence, and what it does not take
 * goes the way of choose_rest(). */
static path choose(const atti_attn_call *c, int backward, bool wants_params)
{
    if (c->dtype == ATT_F64) return PATH_REF;
    if (!backward && atti_attn_edges_takes(c)) return PATH_EDGES;
    if (!backward && atti_attn_decode_takes(c)) return PATH_DECODE;
    return choose_rest(c, backward, wants_params);
}

static size_t decode_bytes(const atti_attn_call *c)
{
    size_t own = atti_attn_decode_workspace(c), rest = 0;
    if (c->paged || (!c->ragged && !c->k_len)) return own; /* takes all or none */
    rest = choose_rest(c, 0, false) == PATH_FAST ? atti_attn_fast_workspace(c, 0)
                                                 : atti_attn_generic_workspace(c, 0);
    return own > rest ? own : rest;
}

static size_t scratch_bytes(const atti_attn_call *c, int backward, bool wants_params)
{
    switch (choose(c, backward, wants_params)) {
    case PATH_REF: return 0;
    case PATH_EDGES: return atti_attn_edges_workspace(c);
    case PATH_DECODE: return decode_bytes(c);
    case PATH_FAST: return atti_attn_fast_workspace(c, backward);
    default: return atti_attn_generic_workspace(c, backward);
    }
}

att_status att_attention_check(const att_attention_desc *desc,
                               const att_attention_args *args)
{
    atti_attn_call c;
    return atti_attn_resolve(&c, desc, args);
}

att_status att_attention_workspace(size_t *bytes, const att_attention_desc *desc,
                                   const att_attention_args *args, int32_t backward)
{
    atti_attn_call c;
    if (!bytes) return atti_fail(ATT_EINVAL, "attention: bytes is NULL");
    ATTI_TRY(atti_kernels_check());
    ATTI_TRY(atti_attn_resolve(&c, desc, args));
    size_t least = scratch_bytes(&c, backward != 0, false), most = least;
    /* Which gradients will be wanted is not known yet. */
    bool params = c.bias.data || c.sink_logit || c.alibi;
    if (backward && params) most = scratch_bytes(&c, 1, true);
    *bytes = most > least ? most : least;
    return ATT_OK;
}

/* The caller's scratch, or one for this call (*own, to be freed). */
static att_status lend(atti_attn_call *c, void **own, int backward, bool wants_params)
{
    const att_attention_args *a = c->args;
    size_t need = scratch_bytes(c, backward, wants_params);
    *own = NULL;
    if (a->workspace && a->workspace_bytes < need)
        return atti_fail(ATT_EINVAL,
                         "attention: workspace of %zu bytes, %zu are needed",
                         a->workspace_bytes, need);
    c->workspace = a->workspace;
    c->workspace_bytes = a->workspace_bytes;
    if (a->workspace || need == 0) return ATT_OK;
    ATTI_TRY(atti_alloc_raw(own, need, 1, "attention scratch"));
    c->workspace = *own;
    c->workspace_bytes = need;
    return ATT_OK;
}

static att_status decode_and_rest(atti_attn_call *c)
{
    bool rest = false;
    ATTI_TRY(atti_attn_decode_forward(c, &rest));
    if (!rest) return ATT_OK;
    c->split = true;
    return choose_rest(c, 0, false) == PATH_FAST ? atti_attn_fast_forward(c)
                                                 : atti_attn_generic_forward(c);
}

att_status att_attention_forward(const att_attention_desc *desc,
                                 const att_attention_args *args)
{
    atti_attn_call c;
    void *own;
    ATTI_TRY(atti_kernels_check());
    ATTI_TRY(atti_attn_resolve(&c, desc, args));
    if (!args->out) return atti_fail(ATT_EINVAL, "attention: out is missing");
    ATTI_TRY(lend(&c, &own, 0, false));
    att_status st;
    switch (choose(&c, 0, false)) {
    case PATH_REF: st = atti_attn_ref_forward(&c); break;
    case PATH_EDGES: st = atti_attn_edges_forward(&c); break;
    case PATH_DECODE: st = decode_and_rest(&c); break;
    case PATH_FAST: st = atti_attn_fast_forward(&c); break;
    default: st = atti_attn_generic_forward(&c);
    }
    atti_free(own);
    return st;
}

att_status att_attention_backward(const att_attention_desc *desc,
                                  const att_attention_args *args,
                                  const att_attention_grads *grads)
{
    atti_attn_call c;
    atti_attn_grad_call g;
    void *own;
    ATTI_TRY(atti_kernels_check());
    ATTI_TRY(atti_attn_resolve(&c, desc, args));
    ATTI_TRY(atti_attn_resolve_grads(&g, &c, grads));
    ATTI_TRY(lend(&c, &own, 1, g.wants_params));
    att_status st;
    switch (choose(&c, 1, g.wants_params)) {
    case PATH_REF: st = atti_attn_ref_backward(&c, &g); break;
    case PATH_FAST: st = atti_attn_fast_backward(&c, &g); break;
    default: st = atti_attn_generic_backward(&c, &g);
    }
    atti_free(own);
    return st;
}
