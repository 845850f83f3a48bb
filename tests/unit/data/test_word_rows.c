/* Runs of words taken apart: words, characters, and who stands beside whom. */
#include "data/word_rows.h"
#include "support.h"
#include "tokenize/lexicon.h"

#define W(i) (ATTI_LEXICON_CHARS + (i))

static void words_characters_and_neighbours(void **state)
{
    (void)state;
    const int32_t ids[] = {W(1), W(7), 3, 4, W(2), W(1), W(9), 5, W(8), 6, 6, W(2)};
    const int32_t offsets[] = {0, 5, 5, 12};
    atti_word_rows w = {0};
    for (int again = 0; again < 2; again++) {
        assert_ok(atti_word_rows_make(&w, ids, offsets, 3, 2));
        const int32_t word[] = {1, 7, 2, 1, 9, 8, 2}, chars[] = {3, 4, 5, 6, 6};
        const int32_t char_at[] = {0, 0, 2, 2, 2, 3, 5, 5}, seq_at[] = {0, 3, 3, 7};
        const int32_t near[4][7] = {{-1, 0, 1, -1, 3, 4, 5},
                                    {1, 2, -1, 4, 5, 6, -1},
                                    {-1, -1, 0, -1, -1, 3, 4},
                                    {2, -1, -1, 5, 6, -1, -1}};
        assert_int_equal(w.n_words, 7);
        assert_int_equal(w.n_chars, 5);
        assert_memory_equal(w.word, word, sizeof word);
        assert_memory_equal(w.chars, chars, sizeof chars);
        assert_memory_equal(w.char_at, char_at, sizeof char_at);
        assert_memory_equal(w.seq_at, seq_at, sizeof seq_at);
        assert_memory_equal(w.near, near, sizeof near);
    }
    assert_ok(atti_word_rows_make(&w, ids, offsets, 0, 2));
    assert_int_equal(w.n_words, 0);
    const int32_t headless[] = {3, W(1)}, two[] = {0, 2};
    assert_fails(atti_word_rows_make(&w, headless, two, 1, 0), ATT_EINVAL,
                 "begin with a word");
    atti_word_rows_deinit(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_characters_and_neighbours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
