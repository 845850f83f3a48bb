/* fuzz_vectors.c - vectors of words from a stranger: refused, or each word with as many
 * finite numbers as the first. */
#include "data/text/vectors.h"
#include <math.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float value[ATTI_VECTORS_WIDEST];
    atti_vectors v = {.name = "fuzz"};
    const char *text = (const char *)data, *word;
    size_t n_word;
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t n = end ? (size_t)(end - text) : size;
        int64_t width = v.width;
        if (atti_vectors_line(&v, text, n, &word, &n_word, value) != ATT_OK) return 0;
        if (width && v.width != width) __builtin_trap();
        if (word && (n_word == 0 || word < text || word + n_word > text + n))
            __builtin_trap();
        for (int64_t i = 0; word && i < v.width; i++)
            if (!isfinite(value[i])) __builtin_trap();
        size -= n < size ? n + 1 : n;
        text += n + 1;
    }
    return 0;
}
