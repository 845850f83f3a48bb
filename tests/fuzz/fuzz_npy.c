/* fuzz_npy.c - an array file from a stranger: refused, or every element readable. The first
 * byte of an archive is that of a zip, so both formats are reached. */
#include "attend/npy.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(att_tensor *t)
{
    volatile unsigned sum = 0;
    size_t bytes = (size_t)att_tensor_count(t) * att_dtype_size((att_dtype)t->dtype);
    if (!att_tensor_contiguous(t)) __builtin_trap();
    for (size_t i = 0; i < bytes; i++) sum += ((const uint8_t *)t->data)[i];
    att_tensor_deinit(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    att_tensor t;
    att_npz *z = NULL;
    if (att_npy_load_memory(&t, data, size, "fuzz") == ATT_OK) look(&t);
    if (att_npz_open_memory(&z, data, size, "fuzz") != ATT_OK) return 0;
    for (int64_t i = 0; i < att_npz_count(z); i++) {
        if (att_npz_find(z, att_npz_name(z, i)) != i) __builtin_trap();
        if (att_npz_get(z, &t, att_npz_name(z, i)) == ATT_OK) look(&t);
    }
    att_npz_close(z);
    return 0;
}
