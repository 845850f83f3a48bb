/* fuzz_spm.c - a SentencePiece model from a stranger: refused, or safe to encode and
 * decode with. The bytes are the model; the text is fixed and rich. */
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "\xef\xac\x81 aaaa bbb \xe2\x85\xa7 <sep> \xff\xc3 ein mann e\xcc\x81 "
        "\xe5\xad\xa6\xe7\x94\x9f\xf0\x9f\x98\x80  zzzzzzzzzz \xe2\x96\x81 <unk></s>";
    att_tokenizer *t = NULL;
    if (att_tokenizer_open_memory(&t, data, size, "fuzz") != ATT_OK) return 0;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    char *back = NULL;
    if (att_tokenizer_encode(t, text, sizeof text - 1, &ids, &n, &cap) == ATT_OK &&
        att_tokenizer_decode(t, ids, n, &back) == ATT_OK) {
        atti_free(back);
    }
    atti_free(ids);
    att_tokenizer_destroy(t);
    return 0;
}
