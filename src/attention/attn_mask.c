/* attn_mask.c - who sees whom, as runs of keys: what a row does not see is not read. */
#include "attention/attn_generic.h"

static void add_run(atti_gen_row *r, int64_t s0, int64_t n)
{
    if (n <= 0) return;
    r->runs[r->n_runs++] = (atti_gen_run){s0, r->n, n};
    r->n += n;
}

static const unsigned char *mask_row(const atti_gen_row *r, int64_t *col0)
{
    const atti_attn_call *c = r->p->c;
    int64_t i = r->b, row = r->t;
    *col0 = 0;
    if (c->block > 0) {
        i = r->pos / c->block;
        row = r->pos % c->block;
        *col0 = i * c->block;
    }
    return c->block_mask + ((i % c->mask_blocks) * c->mask_t + row) * c->mask_s;
}

static void masked_runs(atti_gen_row *r, int64_t lo, int64_t hi)
{
    if (lo >= hi) return;
    int64_t col0, first = -1;
    const unsigned char *mask = mask_row(r, &col0);
    for (int64_t s = lo; s < hi; s++) {
        bool seen = mask[s - col0] != 0;
        if (seen && first < 0) first = s;
        if (!seen && first >= 0) {
            add_run(r, first, s - first);
            first = -1;
        }
    }
    if (first >= 0) add_run(r, first, hi - first);
}

void atti_gen_visible(atti_gen_row *r)
{
    const atti_attn_call *c = r->p->c;
    r->n = r->n_runs = 0;
    if (c->edges) {
        r->edge0 = atti_attn_edge_begin(c, r->t);
        r->n = r->n_runs = atti_attn_edge_begin(c, r->t + 1) - r->edge0;
        return;
    }
    int64_t sink, lo, hi;
    atti_attn_span(c, r->n_q, r->n_k, r->t, &sink, &lo, &hi);
    if (c->block_mask) {
        masked_runs(r, 0, sink);
        masked_runs(r, lo, hi);
        return;
    }
    if (sink == lo && sink > 0) {
        add_run(r, 0, hi); /* sinks and window touch */
        return;
    }
    add_run(r, 0, sink);
    add_run(r, lo, hi - lo);
}
