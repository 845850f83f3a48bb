/* fuzz_tokenizer_files.c - vocab.txt, or vocab.json with merges.txt, from a stranger:
 * refused, or safe to encode and decode with. An input is vocab.txt; with a form feed in
 * it, it is vocab.json before that and merges.txt behind. */
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include "fuzz_file.h"

static void use(const att_tokenizer *t)
{
    static const char text[] =
        "\xef\xac\x81 The caf\xc3\xa9's 1234 [MASK]<s> \xff\xc3 e\xcc\x81 a\xce\xa3 "
        "\xe5\xad\xa6\xe7\x94\x9f\xf0\x9f\x98\x80  zzzzzzzzzz <unk></s>\r\n \n";
    const att_text_pair in = {text, sizeof text - 1, text + 4, 9};
    int32_t *ids = NULL;
    size_t n = 0;
    char *back = NULL;
    if (att_tokenizer_encode_model(t, &in, &ids, NULL, &n) == ATT_OK) {
        for (size_t i = 0; i < n; i++)
            if (ids[i] < 0 || !att_tokenizer_piece(t, ids[i])) abort();
        if (att_tokenizer_decode(t, ids, n, &back) == ATT_OK) atti_free(back);
    }
    atti_free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, '\f', size) : NULL;
    att_tokenizer *t = NULL;
    fuzz_dir();
    fuzz_clear();
    if (cut) {
        fuzz_write("vocab.json", data, (size_t)(cut - data));
        fuzz_write("merges.txt", cut + 1, (size_t)(data + size - cut - 1));
    } else {
        fuzz_write("vocab.txt", data, size);
    }
    if (att_tokenizer_open_dir(&t, fuzz_dir()) != ATT_OK) return 0;
    use(t);
    att_tokenizer_destroy(t);
    return 0;
}
