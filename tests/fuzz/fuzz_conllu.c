/* fuzz_conllu.c - labelled words from a stranger: refused with a line's number, or
 * sentences whose words and labels are strings of UTF-8. */
#include "base/str.h"
#include "data/text/conllu.h"
#include "fuzz_file.h"

static void check(const char *s, int may_be_empty)
{
    if (!atti_utf8_valid(s, strlen(s)) || (!may_be_empty && !*s)) abort();
}

static void read_all(const char *path, atti_tag_format format)
{
    atti_tag_reader *r = NULL;
    atti_tagged s;
    int64_t line = 0;
    if (atti_tags_open(&r, path, format, 4) != ATT_OK) return;
    while (atti_tags_next(r, &s) == ATT_OK && s.n > 0) {
        for (int32_t i = 0; i < s.n; i++) {
            check(s.word[i], 0);
            if (s.label[i]) check(s.label[i], 0);
            if (s.line[i] <= line) abort(); /* lines rise */
            line = s.line[i];
        }
    }
    atti_tags_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_write("input", data, size);
    for (int k = 0; k < 3; k++) read_all(path, (atti_tag_format)k);
    return 0;
}
