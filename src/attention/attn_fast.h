/* attn_fast.h - how the fast path cuts a call into tasks. Internal to attn_fast_*.c. */
#ifndef ATTI_ATTN_FAST_H
#define ATTI_ATTN_FAST_H

#include "attention/attn_internal.h"
#include "kernels/attn_kernels.h"

/* One call in flight. Units are numbered over (sequence, head or key head, group of
 * tiles); a task is `batch` consecutive units. The cut depends on shapes alone, and no
 * unit writes what another one writes at the same time. */
typedef struct atti_attn_fast {
    const atti_attn_call *c;
    const atti_attn_grad_call *g; /* NULL in forward */
    const atti_attn_kernels *k;
    atti_attn_problem base; /* what all units share */
    int64_t *start;         /* [B+1]: first unit of each sequence */
    int64_t units, batch;
    int64_t group_tiles; /* forward: tiles of a unit */
    int64_t parts, step; /* backward: see attn_fast_backward.c */
    char *scratch;       /* one slot a thread */
    size_t slot;
    /* The operands the kernels see: the call's own, or f32 copies (attn_fast_stage.c). */
    atti_attn_view q, keys, v, out, dout, dq, dk, dv;
    bool add_dq, add_dkv; /* gradients are added to what the views hold */
    float *rope;          /* [longest S, R]: cos and sin by position */
    void *owned;          /* workspace made here because the caller's was too small */
} atti_attn_fast;

/* The call's products are done by tiles of bf16. */
bool atti_attn_fast_tiled(const atti_attn_call *c);
/* Workspace, problem and thread slots; units of sequence b = count(f, b). */
ATT_MUST_CHECK att_status atti_attn_fast_begin(atti_attn_fast *f,
                                               const atti_attn_call *c,
                                               const atti_attn_grad_call *g);
void atti_attn_fast_end(atti_attn_fast *f);
/* Copies in f32, rotated where the call wants it: bytes, before the kernels, after them. */
size_t atti_attn_fast_stage_bytes(const atti_attn_call *c, int backward);
void atti_attn_fast_stage_in(atti_attn_fast *f, char *space);
void atti_attn_fast_stage_out(atti_attn_fast *f);
/* Multiplications and additions of sequence b and one head, about: what is visible. */
double atti_attn_fast_flops(const atti_attn_fast *f, int64_t b);
/* Fills start and batch from the units of each sequence. */
void atti_attn_fast_number(atti_attn_fast *f,
                           int64_t (*count)(const atti_attn_fast *, int64_t));
/* Forward over all units; within a backward call it leaves lse alone. */
void atti_attn_fast_run_forward(atti_attn_fast *f);
/* Element `off` of an operand that may have no rows, and no memory then. */
static inline float *atti_attn_fast_row(const atti_attn_view *w, int64_t off)
{
    return w->data ? (float *)w->data + off : NULL;
}
/* The sequence that owns a unit. */
int64_t atti_attn_fast_find(const atti_attn_fast *f, int64_t unit);
/* The unit that this thread most likely does after the last one of `task`, or -1: tasks are
 * handed out at an even step, up or down, while all take about the same time. Called once
 * a task. */
int64_t atti_attn_fast_guess(const atti_attn_fast *f, int64_t task, void *scratch);
/* The problem of sequence b and query head h. */
void atti_attn_fast_problem(atti_attn_problem *p, const atti_attn_fast *f, int64_t b,
                            int64_t h);
int64_t atti_attn_fast_tiles(const atti_attn_fast *f, int64_t n_q);

#endif
