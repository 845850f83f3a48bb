/* Byte pair encoding of every kind against the tokenizers library, and its costs. */
#include "base/alloc.h"
#include "tok_golden.h"
#include <time.h>

static void equals_the_original(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2", "llama3", "clip", "prefixed", "llama2"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) tok_check_json(names[i]);
}

static void vocab_and_merges_files_do_too(void **state)
{
    (void)state;
    tok_check_dir("dir_gpt2");
    tok_check_dir("dir_roberta");
}

/* One pre-token of 400 000 letters: a loop over all pairs for each merge would take
 * minutes, and recursion would end the stack. */
static void a_long_word_is_no_attack(void **state)
{
    (void)state;
    enum { N = 400000 };
    att_tokenizer *t = tok_open_json("gpt2.json");
    char *text = malloc(N);
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    char *back = NULL;
    for (size_t i = 0; i < N; i++) text[i] = "aneis"[i % 5];
    clock_t start = clock();
    assert_ok(att_tokenizer_encode(t, text, N, &ids, &n, &cap));
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20.0);
    assert_ok(att_tokenizer_decode(t, ids, n, &back));
    assert_int_equal(strlen(back), N);
    assert_memory_equal(back, text, N);
    att_free(back);
    att_free(ids);
    free(text);
    att_tokenizer_destroy(t);
}

static void byte_level_gives_every_text_back(void **state)
{
    (void)state;
    att_tokenizer *t = tok_open_json("llama3.json");
    char text[256];
    for (int i = 0; i < 255; i++) text[i] = (char)(i % 127 + 1);
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    char *back = NULL;
    assert_ok(att_tokenizer_encode(t, text, 255, &ids, &n, &cap));
    assert_ok(att_tokenizer_decode(t, ids, n, &back));
    assert_memory_equal(back, text, 255);
    att_free(back);
    att_free(ids);
    att_tokenizer_destroy(t);
}

/* A C string would end there; what follows is not lost. */
static void a_zero_byte_does_not_end_a_text(void **state)
{
    (void)state;
    static const char *const names[] = {"gpt2.json", "llama3.json", "llama2.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        att_tokenizer *t = tok_open_json(names[i]);
        int32_t *ids = NULL;
        size_t n = 0, cap = 0;
        char *back = NULL;
        assert_ok(att_tokenizer_encode(t, "on\0the\0", 7, &ids, &n, &cap));
        assert_ok(att_tokenizer_decode(t, ids, n, &back));
        assert_string_equal(back, "on\xef\xbf\xbdthe\xef\xbf\xbd");
        att_free(back);
        att_free(ids);
        att_tokenizer_destroy(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_original),
        cmocka_unit_test(vocab_and_merges_files_do_too),
        cmocka_unit_test(a_long_word_is_no_attack),
        cmocka_unit_test(byte_level_gives_every_text_back),
        cmocka_unit_test(a_zero_byte_does_not_end_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
