/* fuzz_config.c - a config.json from a stranger, by its model_type: refused, or within the
 * hard ranges and the same after it was written and read again. */
#include "base/alloc.h"
#include "models/decoder/decoder_config.h"
#include "models/encoder/encoder_config.h"
#include "models/family.h"
#include "models/marian/marian_config.h"
#include "models/rnn/rnn_build.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_config(const atti_family **f, void **cfg, const char *text, size_t n)
{
    atti_json *root = NULL;
    const char *type = NULL, *arch = NULL;
    if (atti_json_parse(&root, text, n, 0, "fuzz") != ATT_OK) return 0;
    att_status st = atti_json_get_str(&type, root, "model_type", "marian");
    if (st == ATT_OK) st = atti_json_get_str(&arch, root, "architecture", "");
    *f = st == ATT_OK ? atti_family_find_arch(type, *arch ? arch : NULL) : NULL;
    st = *f ? (*f)->config_read(cfg, root, "fuzz") : ATT_ENOTSUP;
    atti_json_destroy(root);
    return st == ATT_OK;
}

static size_t bytes_of(const atti_family *f, const void *cfg)
{
    if (f->build == atti_rnn_build) return sizeof(atti_rnn_config);
    if (f->shape == ATTI_DECODER) return sizeof(atti_decoder_config);
    if (f->shape == ATTI_SEQ2SEQ) return sizeof(atti_marian_config);
    return ((const atti_encoder_config *)cfg)->bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const atti_family *f = NULL, *g = NULL;
    void *a = NULL, *b = NULL;
    atti_jsonw w = {.indent = 0};
    if (!read_config(&f, &a, (const char *)data, size)) return 0;
    if (f->config_write(a, &w) != ATT_OK) __builtin_trap();
    /* Dropout and epsilon are written so that they read back as the same float. */
    if (!read_config(&g, &b, w.s.data, w.s.len)) __builtin_trap();
    if (bytes_of(f, a) != bytes_of(g, b)) __builtin_trap();
    if (memcmp(a, b, bytes_of(f, a)) != 0) __builtin_trap();
    atti_str_deinit(&w.s);
    atti_free(a);
    atti_free(b);
    return 0;
}
