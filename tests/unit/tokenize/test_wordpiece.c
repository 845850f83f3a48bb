/* WordPiece (tokenizer.json and vocab.txt) and Unigram against the originals. */
#include "tok_golden.h"

static void wordpiece_equals_the_original(void **state)
{
    (void)state;
    tok_check_json("bert");
}

static void vocab_txt_equals_the_original(void **state)
{
    (void)state;
    tok_check_dir("dir_bert");
    tok_check_dir("dir_bert_cased");
    tok_check_dir("dir_bert_accents");
}

static void unigram_equals_the_original(void **state)
{
    (void)state;
    tok_check_json("xlmr");
    tok_check_json("t5");
}

static void special_ids_are_known(void **state)
{
    (void)state;
    att_tokenizer *t = NULL;
    assert_ok(att_tokenizer_open_dir(&t, tok_golden("dir_bert")));
    assert_string_equal(att_tokenizer_piece(t, att_tokenizer_unk(t)), "[UNK]");
    assert_string_equal(att_tokenizer_piece(t, att_tokenizer_pad(t)), "[PAD]");
    assert_int_equal(att_tokenizer_eos(t), -1);
    assert_int_equal(att_tokenizer_id(t, "no such piece"), att_tokenizer_unk(t));
    assert_null(att_tokenizer_piece(t, att_tokenizer_size(t)));
    att_tokenizer_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wordpiece_equals_the_original),
        cmocka_unit_test(vocab_txt_equals_the_original),
        cmocka_unit_test(unigram_equals_the_original),
        cmocka_unit_test(special_ids_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
