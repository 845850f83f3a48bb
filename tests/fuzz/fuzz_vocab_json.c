/* fuzz_vocab_json.c - a Marian vocab.json from a stranger: refused, or pieces and ids that
 * find each other. */
#include "fuzz_file.h"
#include "tokenize/tokenizer_vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    atti_vocab v;
    if (atti_vocab_load(&v, fuzz_write("vocab.json", data, size)) != ATT_OK) return 0;
    for (int32_t i = 0; i < v.n; i++) {
        if (atti_vocab_find(&v, atti_vocab_piece(&v, i)) != i) abort();
    }
    if (atti_vocab_find(&v, "no such piece, surely") >= v.n) abort();
    atti_vocab_deinit(&v);
    return 0;
}
