/* fuzz_lexicon.c - a lexicon.json from a stranger: refused, or words and characters whose
 * ids stay in their ranges, and the same after they were written and read again. In the
 * corpus a first byte '!' marks an input that must be refused, '=' one that must be read. */
#include "base/alloc.h"
#include "fuzz_file.h"
#include "tokenize/lexicon.h"

/* libFuzzer changes inputs and leaves their marks, so they count for the replay alone:
 * only libFuzzer calls this. */
static int marks_count = 1;
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    marks_count = 0;
    return 0;
}

static int load(atti_lexicon *x, const void *data, size_t size)
{
    int good = atti_lexicon_load(x, fuzz_write("lexicon.json", data, size)) == ATT_OK;
    if (!good && !att_error_message()[0]) abort();
    return good;
}

static void check_ids(const atti_lexicon *x, const char *word, size_t n)
{
    int32_t *ids = NULL;
    size_t n_ids = 0, cap = 0;
    if (atti_lexicon_encode(x, word, n, &ids, &n_ids, &cap) != ATT_OK) abort();
    if (n_ids < 2 || n_ids > 1 + ATTI_LEXICON_WORD_CHARS) abort();
    if (ids[0] < ATTI_LEXICON_CHARS) abort();
    if (ids[0] - ATTI_LEXICON_CHARS >= atti_lexicon_words(x)) abort();
    for (size_t i = 1; i < n_ids; i++)
        if (ids[i] < 0 || ids[i] >= atti_lexicon_chars(x)) abort();
    atti_free(ids);
}

static void check_same(const atti_lexicon *x, const atti_lexicon *y)
{
    if (x->n_codes != y->n_codes || x->words.n != y->words.n) abort();
    if (x->words.text_n != y->words.text_n) abort();
    if (x->n_codes && memcmp(x->code, y->code, x->n_codes * sizeof *x->code) != 0)
        abort();
    if (x->words.text_n && memcmp(x->words.text, y->words.text, x->words.text_n) != 0)
        abort();
}

static void check(const atti_lexicon *x)
{
    atti_lexicon y;
    if (atti_lexicon_chars(x) > ATTI_LEXICON_CHARS) abort();
    for (size_t i = 1; i < x->n_codes; i++)
        if (x->code[i] <= x->code[i - 1]) abort();
    for (size_t i = 0; i < x->words.n; i++)
        check_ids(x, x->words.text + x->words.list[i].at, x->words.list[i].len);
    check_ids(x, "\xc3\x9cn-seen", 8);
    const char *path = fuzz_path("again.json");
    if (atti_lexicon_save(x, path) != ATT_OK) abort();
    if (atti_lexicon_load(&y, path) != ATT_OK) abort();
    check_same(x, &y);
    atti_lexicon_deinit(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char mark = size && (data[0] == '!' || data[0] == '=') ? (char)data[0] : 0;
    size_t skip = mark ? 1 : 0;
    atti_lexicon x;
    int good = size ? load(&x, data + skip, size - skip) : load(&x, "", 0);
    if (marks_count && ((mark == '!' && good) || (mark == '=' && !good))) abort();
    if (!good) return 0;
    check(&x);
    atti_lexicon_deinit(&x);
    return 0;
}
