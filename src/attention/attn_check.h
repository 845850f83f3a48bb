/* attn_check.h - helpers that the files of the check share: shapes in messages, expected
 * shapes, extents in memory. Nothing outside attn_check*.c and attn_desc.c needs it. */
#ifndef ATTI_ATTN_CHECK_H
#define ATTI_ATTN_CHECK_H

#include "attention/attn_internal.h"

/* "[2,3,4]" of a shape, for messages. */
typedef struct atti_shape_text {
    char s[160];
} atti_shape_text;
atti_shape_text atti_attn_shape_text(const att_tensor *t);

/* A tensor that can be read at all: known dtype, ndim and dims in range, data where
 * there are elements, every address within 2^63 bytes. */
ATT_MUST_CHECK att_status atti_attn_sane(const att_tensor *t, const char *name);
/* sane, of dtype, of exactly this shape. */
ATT_MUST_CHECK att_status atti_attn_expect(const att_tensor *t, const char *name,
                                           int32_t dtype, int32_t ndim,
                                           const int64_t *shape);
/* expect, and contiguous. */
ATT_MUST_CHECK att_status atti_attn_expect_packed(const att_tensor *t, const char *name,
                                                  int32_t dtype, int32_t ndim,
                                                  const int64_t *shape);
bool atti_attn_packed(const att_tensor *t);

/* ATT_EINVAL when writing `out` could touch an element of `in`, or (out == in) the same
 * element twice. Rows of one fused buffer that lie side by side do not overlap. */
ATT_MUST_CHECK att_status atti_attn_disjoint(const att_tensor *out,
                                             const char *out_name, const att_tensor *in,
                                             const char *in_name);
/* The same against every operand that a call reads. */
ATT_MUST_CHECK att_status atti_attn_apart(const att_tensor *out, const char *out_name,
                                          const att_attention_args *args);
ATT_MUST_CHECK att_status atti_attn_unfolded(const att_tensor *out, const char *name);

/* Ranges of the descriptor's own numbers and of their combinations. */
ATT_MUST_CHECK att_status atti_attn_check_desc(const att_attention_desc *desc);
/* Second half of resolve: everything but q, k, v, out, offsets. */
ATT_MUST_CHECK att_status atti_attn_resolve_extras(atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_resolve_bias(atti_attn_bias *out,
                                                 const atti_attn_call *c,
                                                 const att_tensor *t, const char *name);
ATT_MUST_CHECK att_status atti_attn_resolve_edges(atti_attn_call *c);
ATT_MUST_CHECK att_status atti_attn_resolve_params(atti_attn_call *c);
/* A row-wise operand [B,H,T] or [N,H] (lse, advantage, picked). */
ATT_MUST_CHECK att_status atti_attn_resolve_rowwise(atti_attn_view *w,
                                                    const atti_attn_call *c,
                                                    const att_tensor *t,
                                                    const char *name, int32_t dtype);
/* A view like q's or k's; expects shape and dtype. per_query picks q's rows. */
void atti_attn_make_view(atti_attn_view *w, const att_tensor *t);

#endif
