/* fuzz_safetensors.c - a weight file from a stranger: refused, or every tensor readable
 * inside its bounds. */
#include "attend/safetensors.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    att_safetensors *f = NULL;
    if (att_safetensors_open_memory(&f, data, size, "fuzz") != ATT_OK) return 0;
    volatile unsigned sum = 0;
    for (int64_t i = 0; i < att_safetensors_count(f); i++) {
        att_safetensors_entry e;
        att_tensor t;
        if (att_safetensors_entry_at(f, i, &e) != ATT_OK) __builtin_trap();
        if (att_safetensors_find(f, e.name) != i) __builtin_trap();
        if (att_safetensors_get(f, &t, e.name) != ATT_OK) continue;
        for (size_t j = 0; j < e.bytes; j++) sum += ((const uint8_t *)t.data)[j];
        att_tensor_deinit(&t);
    }
    att_safetensors_close(f);
    return 0;
}
