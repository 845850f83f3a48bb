/* tape_place.c - offsets in one arena for buffers whose lives are known: largest first,
 * each into the tightest gap that is free during its whole life. */
#include "autograd/tape_place.h"
#include "base/alloc.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    const atti_plan_buffer *x = *(atti_plan_buffer *const *)a,
                           *y = *(atti_plan_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->root < y->root ? -1 : x->root > y->root;
}

/* The smallest gap that holds b among the placed buffers that live when it does. */
static size_t best_gap(atti_plan_buffer *const *placed, size_t n,
                       const atti_plan_buffer *b)
{
    size_t best = SIZE_MAX, best_size = SIZE_MAX, cursor = 0;
    for (size_t i = 0; i < n; i++) { /* placed is sorted by offset */
        const atti_plan_buffer *o = placed[i];
        if (o->birth > b->death || b->birth > o->death) continue;
        if (o->at > cursor && o->at - cursor >= b->bytes &&
            o->at - cursor < best_size) {
            best = cursor;
            best_size = o->at - cursor;
        }
        if (o->at + o->bytes > cursor) cursor = o->at + o->bytes;
    }
    return best != SIZE_MAX ? best : cursor;
}

att_status atti_plan_place(atti_plan_buffer *buf, size_t n_buf, size_t *total)
{
    atti_plan_buffer **order = NULL, **placed = NULL;
    ATTI_TRY(atti_alloc(&order, n_buf * 2, sizeof *order, "tape plan"));
    placed = order + n_buf;
    size_t n = 0, n_placed = 0;
    *total = 0;
    for (size_t i = 0; i < n_buf; i++)
        if (buf[i].root == (int32_t)i && buf[i].bytes > 0) order[n++] = &buf[i];
    qsort(order, n, sizeof *order, by_size);
    for (size_t i = 0; i < n; i++) {
        atti_plan_buffer *b = order[i];
        b->at = best_gap(placed, n_placed, b);
        if (b->at + b->bytes > *total) *total = b->at + b->bytes;
        size_t k = n_placed++;
        for (; k > 0 && placed[k - 1]->at > b->at; k--) placed[k] = placed[k - 1];
        placed[k] = b;
    }
    atti_free(order);
    return ATT_OK;
}

size_t atti_plan_most_alive(const atti_plan_buffer *buf, size_t n_buf, int is_grad)
{
    size_t most = 0;
    int32_t last = 0;
    for (size_t i = 0; i < n_buf; i++)
        if (buf[i].death > last) last = buf[i].death;
    for (int32_t time = 0; time <= last; time++) {
        size_t now = 0;
        for (size_t i = 0; i < n_buf; i++)
            if (buf[i].root == (int32_t)i && buf[i].is_grad == is_grad &&
                buf[i].birth <= time && time <= buf[i].death)
                now += buf[i].bytes;
        if (now > most) most = now;
    }
    return most;
}
