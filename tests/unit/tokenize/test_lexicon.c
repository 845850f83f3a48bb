/* The lexicon of models of words: what it keeps, how a word is read, which files it refuses. */
#include "base/alloc.h"
#include "base/file.h"
#include "support.h"
#include "tokenize/lexicon.h"
#include <string.h>

static void see(atti_lexicon *x, const char *text)
{
    size_t at = 0, n = 0;
    const char *word;
    while ((word = atti_lexicon_next_word(text, strlen(text), &at, &n)) != NULL)
        assert_ok(atti_lexicon_see(x, word, n));
}

static size_t encode(const atti_lexicon *x, const char *word, int32_t ids[64])
{
    int32_t *list = NULL;
    size_t n = 0, cap = 0;
    assert_ok(atti_lexicon_encode(x, word, strlen(word), &list, &n, &cap));
    assert_true(n >= 1 && n <= 1 + ATTI_LEXICON_WORD_CHARS);
    memcpy(ids, list, n * sizeof *ids);
    atti_free(list);
    return n;
}

static void keeps_frequent_words_and_every_character(void **state)
{
    (void)state;
    atti_lexicon x = {0}, y = {0};
    int32_t a[64], b[64];
    see(&x, " the Dog\tthe cat the dog once\n");
    assert_ok(atti_lexicon_keep(&x, 2, 100));
    /* the (3), dog (2); t h e D o g c a n d */
    assert_int_equal(atti_lexicon_words(&x), ATTI_LEXICON_FIRST + 2);
    assert_int_equal(atti_lexicon_chars(&x), 1 + 10);
    assert_int_equal(encode(&x, "the", a), 4);
    assert_int_equal(a[0], ATTI_LEXICON_CHARS + ATTI_LEXICON_FIRST);
    assert_int_equal(encode(&x, "The", b), 4);
    assert_int_equal(b[0], a[0]);                  /* one word, */
    assert_int_equal(b[1], ATTI_LEXICON_CHAR_UNK); /* a T that was not seen */
    assert_memory_equal(b + 2, a + 2, 2 * sizeof a[0]);
    encode(&x, "once", a);
    assert_int_equal(a[0], ATTI_LEXICON_CHARS + ATTI_LEXICON_UNK);
    const char *path = support_temp("lexicon.json");
    assert_ok(atti_lexicon_save(&x, path));
    assert_ok(atti_lexicon_load(&y, path));
    assert_int_equal(atti_lexicon_words(&y), atti_lexicon_words(&x));
    /* Every number has its name, and none beside them. */
    assert_string_equal(atti_lexicon_word(&y, ATTI_LEXICON_END), "</s>");
    assert_string_equal(atti_lexicon_word(&y, ATTI_LEXICON_FIRST), "the");
    assert_null(atti_lexicon_word(&y, ATTI_LEXICON_FIRST + 2));
    assert_null(atti_lexicon_word(&y, -1));
    assert_string_equal(atti_lexicon_char(&y, ATTI_LEXICON_CHAR_UNK), "<unk>");
    assert_string_equal(atti_lexicon_char(&y, 10), "t");
    assert_null(atti_lexicon_char(&y, 11));
    assert_int_equal(encode(&x, "Dogü", a), encode(&y, "Dogü", b));
    assert_memory_equal(a, b, 5 * sizeof a[0]);
    atti_lexicon_deinit(&x);
    atti_lexicon_deinit(&y);
}

static void a_long_word_gives_both_its_ends(void **state)
{
    (void)state;
    atti_lexicon x = {0};
    int32_t a[64];
    char word[101];
    see(&x, "ab ab");
    assert_ok(atti_lexicon_keep(&x, 1, 100));
    for (size_t n = 31; n <= 100; n++) {
        memset(word, 'a', n);
        memset(word + n - 16, 'b', 16);
        word[n] = '\0';
        assert_int_equal(encode(&x, word, a), 1 + (n < 32 ? n : 32));
        if (n < 32) continue;
        for (int i = 1; i <= 32; i++) assert_int_equal(a[i], i <= 16 ? 1 : 2);
    }
    assert_fails(
        atti_lexicon_encode(&x, "", 0, &(int32_t *){NULL}, &(size_t){0}, &(size_t){0}),
        ATT_EINVAL, "empty");
    atti_lexicon_deinit(&x);
}

static void refuses(const char *json, const char *part)
{
    atti_lexicon x;
    const char *path = support_temp("bad.json");
    assert_ok(atti_write_file(path, json, strlen(json)));
    assert_fails(atti_lexicon_load(&x, path), ATT_EFORMAT, part);
    assert_null(x.code);
}

static void broken_files_are_refused(void **state)
{
    (void)state;
    refuses("[]", "characters");
    refuses("{\"characters\":\"ab\"}", "words");
    refuses("{\"characters\":\"ba\",\"words\":[]}", "rising");
    refuses("{\"characters\":\"aa\",\"words\":[]}", "rising");
    refuses("{\"characters\":\"a\",\"words\":[1]}", "word 0");
    refuses("{\"characters\":\"a\",\"words\":[\"x\",\"x\"]}", "both");
    refuses("{\"characters\":\"a\",\"words\":[\"x\",\"\"]}", "word 1 is empty");
    refuses("{\"characters\":\"a\",\"words\":[\"x\\u0000\"]}", "zero byte");
    refuses("{\"characters\":\"\\u0000a\",\"words\":[]}", "character is zero");
    refuses("{\"characters\":", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_frequent_words_and_every_character),
        cmocka_unit_test(a_long_word_gives_both_its_ends),
        cmocka_unit_test(broken_files_are_refused),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
