/* matmul_scratch.c - a small stock of scratch blocks. Tasks of any thread take one and
 * give it back; the stock holds at most as many blocks as were ever in use at once,
 * because a block that is too small is freed when a larger one has to be made.
 *
 * Thread numbers cannot index it: two callers' teams may run at the same time. */
#include "base/alloc.h"
#include "base/checked.h"
#include "kernels/matmul_core.h"
#include <stdatomic.h>

typedef struct block {
    struct block *next;
    size_t bytes;
} block;

#define HEAD 64 /* keeps the memory behind the header aligned */
_Static_assert(sizeof(block) <= HEAD, "the header fits before the memory");

static struct {
    atomic_flag busy;
    block *free;
} stock = {ATOMIC_FLAG_INIT, NULL};

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&stock.busy, memory_order_acquire))
        continue;
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&stock.busy, memory_order_release);
}

/* The smallest block that is large enough, or failing that *discard = the largest of
 * the others; what is returned is no longer in the stock. */
static block *pick(size_t bytes, block **discard)
{
    block **best = NULL, **small = NULL;
    for (block **b = &stock.free; *b; b = &(*b)->next) {
        if ((*b)->bytes >= bytes) {
            if (!best || (*b)->bytes < (*best)->bytes) best = b;
        } else if (!small || (*b)->bytes > (*small)->bytes) {
            small = b;
        }
    }
    block **from = best ? best : small;
    if (!from) return NULL;
    block *b = *from;
    *from = b->next;
    if (best) return b;
    *discard = b;
    return NULL;
}

att_status atti_scratch_take(void *out_ptr, size_t count, size_t size)
{
    size_t bytes, total;
    if (!atti_mul_size(&bytes, count, size) || !atti_add_size(&total, bytes, HEAD)) {
        return atti_fail(ATT_ENOMEM, "matmul scratch: %zu x %zu bytes overflow", count,
                         size);
    }
    block *discard = NULL;
    lock();
    block *b = pick(bytes, &discard);
    unlock();
    atti_free(discard);
    if (!b) {
        ATTI_TRY(atti_alloc_raw(&b, total, 1, "matmul scratch"));
        b->bytes = bytes;
    }
    *(void **)out_ptr = (unsigned char *)b + HEAD;
    return ATT_OK;
}

void atti_scratch_give(void *p)
{
    if (!p) return;
    block *b = (block *)(void *)((unsigned char *)p - HEAD);
    lock();
    b->next = stock.free;
    stock.free = b;
    unlock();
}

void atti_scratch_trim(void)
{
    lock();
    block *b = stock.free;
    stock.free = NULL;
    unlock();
    while (b) {
        block *next = b->next;
        atti_free(b);
        b = next;
    }
}
