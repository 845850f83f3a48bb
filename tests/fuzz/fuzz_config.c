/* fuzz_config.c - a config.json from a stranger: refused, or within the hard ranges and the
 * same after it was written and read again. */
#include "base/alloc.h"
#include "models/marian/marian_config.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_config(void **cfg, const char *text, size_t n)
{
    atti_json *root = NULL;
    if (atti_json_parse(&root, text, n, 0, "fuzz") != ATT_OK) return 0;
    att_status st = atti_marian_config_read(cfg, root, "fuzz");
    atti_json_destroy(root);
    return st == ATT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *a = NULL, *b = NULL;
    atti_jsonw w = {.indent = 0};
    if (!read_config(&a, (const char *)data, size)) return 0;
    if (atti_marian_config_write(a, &w) != ATT_OK) __builtin_trap();
    /* Dropout and epsilon are written so that they read back as the same float. */
    if (!read_config(&b, w.s.data, w.s.len)) __builtin_trap();
    if (memcmp(a, b, sizeof(atti_marian_config)) != 0) __builtin_trap();
    atti_str_deinit(&w.s);
    atti_free(a);
    atti_free(b);
    return 0;
}
