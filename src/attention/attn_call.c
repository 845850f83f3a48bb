/* attn_call.c - the public entry points: check, choose a path, lend it scratch. */
#include "attention/attn_internal.h"
#include "attention/attn_ref.h"
#include "base/alloc.h"
#include "kernels/kernels.h"
#include <string.h>

typedef enum path { PATH_REF, PATH_EDGES, PATH_DECODE, PATH_FAST, PATH_GENERIC } path;

static path choose_rest(const atti_attn_call *c, const atti_attn_grad_call *g)
{
    if (atti_attn_fast_takes(c, g != NULL) && (!g || atti_attn_fast_takes_grads(g)))
        return PATH_FAST;
    return PATH_GENERIC;
}

/* By the call's form; PATH_DECODE then asks each sequence, and what it does not take
 * goes the way of choose_rest(). */
static path choose_forward(const atti_attn_call *c)
{
    if (c->dtype == ATT_F64) return PATH_REF;
    if (atti_attn_edges_takes(c)) return PATH_EDGES;
    if (atti_attn_decode_takes(c)) return PATH_DECODE;
    return choose_rest(c, NULL);
}

static path choose_backward(const atti_attn_call *c, const atti_attn_grad_call *g)
{
    if (c->dtype == ATT_F64) return PATH_REF;
    if (atti_attn_edges_takes_grads(c, g)) return PATH_EDGES;
    return choose_rest(c, g);
}

static size_t decode_bytes(const atti_attn_call *c)
{
    size_t own = atti_attn_decode_workspace(c), rest = 0;
    if (c->paged || (!c->ragged && !c->k_len)) return own; /* takes all or none */
    rest = choose_rest(c, NULL) == PATH_FAST ? atti_attn_fast_workspace(c, 0)
                                             : atti_attn_generic_workspace(c, 0);
    return own > rest ? own : rest;
}

static size_t forward_bytes(const atti_attn_call *c)
{
    switch (choose_forward(c)) {
    case PATH_REF: return 0;
    case PATH_EDGES: return atti_attn_edges_workspace(c);
    case PATH_DECODE: return decode_bytes(c);
    case PATH_FAST: return atti_attn_fast_workspace(c, 0);
    default: return atti_attn_generic_workspace(c, 0);
    }
}

static size_t backward_bytes(const atti_attn_call *c, path way)
{
    switch (way) {
    case PATH_REF: return 0;
    case PATH_EDGES: return atti_attn_edges_grad_workspace(c);
    case PATH_FAST: return atti_attn_fast_workspace(c, 1);
    default: return atti_attn_generic_workspace(c, 1);
    }
}

/* Which gradients will be wanted is not known yet: enough for any. */
static size_t any_backward_bytes(const atti_attn_call *c)
{
    atti_attn_grad_call none;
    memset(&none, 0, sizeof none);
    size_t least = backward_bytes(c, choose_backward(c, &none)), most = least;
    bool params = c->bias.data || c->sink_logit || c->alibi || c->edge_bias;
    if (params && c->dtype != ATT_F64) most = backward_bytes(c, PATH_GENERIC);
    return most > least ? most : least;
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
    *bytes = backward ? any_backward_bytes(&c) : forward_bytes(&c);
    return ATT_OK;
}

/* The caller's scratch, or one for this call (*own, to be freed). */
static att_status lend(atti_attn_call *c, const att_attention_grads *g, void **own,
                       size_t need)
{
    const att_attention_args *a = c->args;
    *own = NULL;
    if (a->workspace && a->workspace_bytes < need)
        return atti_fail(ATT_EINVAL,
                         "attention: workspace of %zu bytes, %zu are needed",
                         a->workspace_bytes, need);
    ATTI_TRY(atti_attn_workspace_apart(a, g, need));
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
    return choose_rest(c, NULL) == PATH_FAST ? atti_attn_fast_forward(c)
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
    ATTI_TRY(lend(&c, NULL, &own, forward_bytes(&c)));
    att_status st;
    switch (choose_forward(&c)) {
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
    const path way = choose_backward(&c, &g);
    ATTI_TRY(lend(&c, grads, &own, backward_bytes(&c, way)));
    att_status st;
    switch (way) {
    case PATH_REF: st = atti_attn_ref_backward(&c, &g); break;
    case PATH_EDGES: st = atti_attn_edges_backward(&c, &g); break;
    case PATH_FAST: st = atti_attn_fast_backward(&c, &g); break;
    default: st = atti_attn_generic_backward(&c, &g);
    }
    atti_free(own);
    return st;
}
