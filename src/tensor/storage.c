/* storage.c - the reference count behind tensors. */
#include "tensor/storage.h"
#include "base/alloc.h"
#include <stdatomic.h>

struct att_storage {
    atomic_int_least64_t owners;
    void *data;
    att_deleter *deleter;
    void *user;
};

att_status atti_storage_create(att_storage **out, void *data, att_deleter *deleter,
                               void *user)
{
    att_storage *s = NULL;
    ATTI_TRY(atti_alloc(&s, 1, sizeof *s, "tensor storage"));
    atomic_init(&s->owners, 1);
    s->data = data;
    s->deleter = deleter;
    s->user = user;
    *out = s;
    return ATT_OK;
}

void atti_storage_retain(att_storage *s)
{
    if (s) atomic_fetch_add_explicit(&s->owners, 1, memory_order_relaxed);
}

void atti_storage_release(att_storage *s)
{
    if (!s) return;
    /* Release pairs with acquire: what other owners wrote is visible to the deleter. */
    if (atomic_fetch_sub_explicit(&s->owners, 1, memory_order_acq_rel) != 1) return;
    if (s->deleter) s->deleter(s->user, s->data);
    atti_free(s);
}
