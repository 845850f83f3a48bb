/* fuzz_safetensors_index.c - a model.safetensors.index.json from a stranger over two good
 * shards, a.safetensors and b.safetensors: refused, or every tensor readable. */
#include "attend/safetensors.h"
#include "fuzz_file.h"

static void write_shard(const char *file, const char *tensor)
{
    char bytes[200] = {0};
    int n = snprintf(
        bytes + 8, sizeof bytes - 8,
        "{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", tensor);
    while (n % 8) bytes[8 + n++] = ' ';
    bytes[0] = (char)n;
    fuzz_write(file, bytes, 8 + (size_t)n + 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int shards;
    att_safetensors *f = NULL;
    volatile unsigned sum = 0;
    if (!shards++) {
        write_shard("a.safetensors", "x.weight");
        write_shard("b.safetensors", "y.weight");
    }
    const char *path = fuzz_write("model.safetensors.index.json", data, size);
    if (att_safetensors_open(&f, path) != ATT_OK) return 0;
    for (int64_t i = 0; i < att_safetensors_count(f); i++) {
        att_safetensors_entry e;
        att_tensor t;
        if (att_safetensors_entry_at(f, i, &e) != ATT_OK) abort();
        if (att_safetensors_find(f, e.name) != i) abort();
        if (att_safetensors_get(f, &t, e.name) != ATT_OK) abort();
        for (size_t j = 0; j < e.bytes; j++) sum += ((const uint8_t *)t.data)[j];
        att_tensor_deinit(&t);
    }
    att_safetensors_close(f);
    return 0;
}
