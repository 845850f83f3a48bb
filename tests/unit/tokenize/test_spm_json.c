/* A SentencePiece model and the tokenizer.json made of it give the same ids and texts. */
#include "attend/tape.h" /* att_free */
#include "attend/tokenizer.h"
#include "base/file.h"
#include "support.h"
#include "tokenize/spm_json.h"
#include <stdio.h>
#include <string.h>

/* Words of a few syllables: enough for pieces that overlap in many ways. */
static const char *write_corpus(void)
{
    static const char *const part[] = {"ba",  "na", "an", "the",
                                       "her", "re", "in", "ing"};
    static char path[300];
    (void)snprintf(path, sizeof path, "%s", support_temp("corpus"));
    FILE *f = fopen(path, "w");
    unsigned r = 7;
    assert_non_null(f);
    for (int line = 0; line < 400; line++) {
        for (int word = 0; word < 8; word++) {
            for (int k = 0; k < 1 + word % 3; k++) {
                r = r * 1664525U + 1013904223U;
                fputs(part[r >> 29], f);
            }
            fputc(word < 7 ? ' ' : '\n', f);
        }
    }
    assert_int_equal(fclose(f), 0);
    return path;
}

static void assert_same(const att_tokenizer *a, const att_tokenizer *b,
                        const char *text)
{
    int32_t *x = NULL, *y = NULL;
    size_t n = 0, m = 0, cap_x = 0, cap_y = 0;
    char *s = NULL, *t = NULL;
    assert_ok(att_tokenizer_encode(a, text, strlen(text), &x, &n, &cap_x));
    assert_ok(att_tokenizer_encode(b, text, strlen(text), &y, &m, &cap_y));
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n * sizeof *x);
    assert_ok(att_tokenizer_decode(a, x, n, &s));
    assert_ok(att_tokenizer_decode(b, y, m, &t));
    assert_string_equal(s, t);
    assert_string_equal(s, text);
    att_free(x);
    att_free(y);
    att_free(s);
    att_free(t);
}

static void compare(int unigram)
{
    static const char *const extra[] = {
        "banana",    "x", "héé 日本 b\xf0\x9f\x98\x80", "thethe herein\nan\n\ning",
        "inginging",
    };
    const char *corpus = write_corpus();
    const char *model = support_temp("model");
    att_tokenizer_train_opts o;
    att_tokenizer *a = NULL, *b = NULL;
    atti_blob spm, text;
    atti_str json = {0};
    char line[400];
    att_tokenizer_train_opts_init(&o);
    o.vocab_size = 330;
    o.unigram = unigram;
    o.byte_fallback = 1;
    o.normalise = 0;
    assert_ok(att_tokenizer_train(model, &corpus, 1, &o));
    assert_ok(atti_blob_open(&spm, model, 0));
    assert_ok(atti_spm_to_json(&json, spm.data, spm.size, "model", unigram));
    assert_ok(att_tokenizer_open_memory(&a, spm.data, spm.size, "model"));
    assert_ok(att_tokenizer_open_json(&b, json.data, json.len, "json"));
    assert_int_equal(att_tokenizer_size(a), att_tokenizer_size(b));
    for (int32_t i = 0; i < att_tokenizer_size(a); i++)
        assert_string_equal(att_tokenizer_piece(a, i), att_tokenizer_piece(b, i));
    for (size_t i = 0; i < sizeof extra / sizeof *extra; i++)
        assert_same(a, b, extra[i]);
    assert_ok(atti_blob_open(&text, corpus, 0));
    for (size_t at = 0; at < text.size;) {
        const char *s = (const char *)text.data + at;
        size_t n = (size_t)((const char *)memchr(s, '\n', text.size - at) - s);
        (void)snprintf(line, sizeof line, "%.*s", (int)n, s);
        assert_same(a, b, line);
        at += n + 1;
    }
    atti_blob_close(&text);
    atti_blob_close(&spm);
    atti_str_deinit(&json);
    att_tokenizer_destroy(a);
    att_tokenizer_destroy(b);
}

static void unigram_says_the_same(void **state)
{
    (void)state;
    compare(1);
}

static void bpe_says_the_same(void **state)
{
    (void)state;
    compare(0);
}

static void no_model_is_refused(void **state)
{
    (void)state;
    static const unsigned char cut[] = {0x0a, 0x20, 0x0a};
    static const unsigned char kind[] = {0x0a, 0x05, 0x0a, 0x01, 'a', 0x18, 0x30};
    atti_str json = {0};
    assert_fails(atti_spm_to_json(&json, cut, sizeof cut, "cut", 1), ATT_EFORMAT,
                 "cut: no SentencePiece");
    assert_fails(atti_spm_to_json(&json, kind, sizeof kind, "kind", 0), ATT_EFORMAT,
                 "kind: no SentencePiece");
    assert_null(json.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unigram_says_the_same, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(bpe_says_the_same, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test(no_model_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
