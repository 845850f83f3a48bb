/* fuzz_tokenizer_json.c - a tokenizer.json from a stranger: refused, or safe to encode and
 * decode with. The bytes are the file; the text is fixed and rich. */
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] =
        "\xef\xac\x81 The caf\xc3\xa9's 1234 [MASK]<s> \xff\xc3 e\xcc\x81 a\xce\xa3 "
        "\xe5\xad\xa6\xe7\x94\x9f\xf0\x9f\x98\x80  zzzzzzzzzz \xe2\x96\x81 <unk></s>\r\n \n";
    att_tokenizer *t = NULL;
    if (att_tokenizer_open_json(&t, data, size, "fuzz") != ATT_OK) return 0;
    int32_t *ids = NULL;
    size_t n = 0;
    char *back = NULL;
    att_text_pair in = {text, sizeof text - 1, text + 4, 9};
    if (att_tokenizer_encode_model(t, &in, &ids, NULL, &n) == ATT_OK &&
        att_tokenizer_decode(t, ids, n, &back) == ATT_OK) {
        atti_free(back);
    }
    atti_free(ids);
    att_tokenizer_destroy(t);
    return 0;
}
