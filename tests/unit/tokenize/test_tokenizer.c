/* The tokenizer against SentencePiece's own outputs (tests/golden/spm, made by
 * tools/make_golden_spm.py), and what must hold for any model. */
#include "attend/tape.h"
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "support.h"
#include <stdlib.h>
#include <string.h>

static const char *const models[] = {"bpe", "unigram", "bytes", "identity"};
enum { N_MODELS = sizeof models / sizeof *models };

static const char *golden(const char *stem, const char *suffix)
{
    static char name[200];
    snprintf(name, sizeof name, "spm/%s%s", stem, suffix);
    return support_golden(name);
}

static att_tokenizer *open_golden(const char *stem)
{
    att_tokenizer *t = NULL;
    assert_ok(att_tokenizer_open(&t, golden(stem, ".model"), NULL));
    return t;
}

/* One line of the golden file: {"text", "ids", "decoded"}. */
static void check_case(const att_tokenizer *t, const atti_json *c)
{
    size_t len = 0, n = 0, cap = 0;
    const char *text = atti_json_string(atti_json_get(c, "text"), &len);
    const atti_json *want = atti_json_get(c, "ids");
    int32_t *ids = NULL;
    char *back = NULL;
    assert_ok(att_tokenizer_encode(t, text, len, &ids, &n, &cap));
    assert_int_equal(n, atti_json_count(want));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ids[i], (int)atti_json_number(atti_json_at(want, i)));
    }
    assert_ok(att_tokenizer_decode(t, ids, n, &back));
    assert_string_equal(back, atti_json_string(atti_json_get(c, "decoded"), NULL));
    att_free(back);
    att_free(ids);
}

static void ids_and_texts_equal_sentencepieces(void **state)
{
    (void)state;
    for (int m = 0; m < N_MODELS; m++) {
        att_tokenizer *t = open_golden(models[m]);
        atti_json *root = NULL;
        assert_ok(atti_json_load(&root, golden(models[m], ".json"), 1 << 22, 0));
        assert_int_equal(att_tokenizer_size(t),
                         (int)atti_json_number(atti_json_get(root, "size")));
        const atti_json *cases = atti_json_get(root, "cases");
        assert_true(atti_json_count(cases) > 20);
        for (size_t i = 0; i < atti_json_count(cases); i++) {
            check_case(t, atti_json_at(cases, i));
        }
        atti_json_destroy(root);
        att_tokenizer_destroy(t);
    }
}

static void invalid_utf8_becomes_the_replacement_character(void **state)
{
    (void)state;
    for (int m = 0; m < N_MODELS; m++) {
        att_tokenizer *t = open_golden(models[m]);
        int32_t *a = NULL, *b = NULL;
        size_t na = 0, nb = 0, ca = 0, cb = 0;
        assert_ok(att_tokenizer_encode(t, "a \xff\xc3 b", 6, &a, &na, &ca));
        const char *same = "a \xef\xbf\xbd\xef\xbf\xbd b";
        assert_ok(att_tokenizer_encode(t, same, strlen(same), &b, &nb, &cb));
        assert_int_equal(na, nb);
        assert_memory_equal(a, b, na * sizeof *a);
        att_free(a);
        att_free(b);
        att_tokenizer_destroy(t);
    }
}

static void decode_takes_anything(void **state)
{
    (void)state;
    att_tokenizer *t = open_golden("bpe");
    const int32_t ids[] = {-1, 5, INT32_MAX, 7, 1, att_tokenizer_size(t), INT32_MIN};
    char *text = NULL;
    assert_ok(att_tokenizer_decode(t, ids, 7, &text));
    assert_non_null(strstr(text, "\xe2\x81\x87")); /* the unknown sign */
    att_free(text);
    assert_ok(att_tokenizer_decode(t, NULL, 0, &text));
    assert_string_equal(text, "");
    att_free(text);
    att_tokenizer_destroy(t);
}

static void vocab_json_gives_the_ids(void **state)
{
    (void)state;
    const char *vocab = support_temp("vocab.json");
    const char *spm[1] = {golden("bpe", ".model")};
    att_tokenizer *own = open_golden("bpe"), *t = NULL;
    assert_ok(att_tokenizer_write_vocab(vocab, spm, 1));
    assert_ok(att_tokenizer_open(&t, golden("bpe", ".model"), vocab));
    assert_string_equal(att_tokenizer_piece(t, 0), "</s>");
    assert_string_equal(att_tokenizer_piece(t, 1), "<unk>");
    assert_int_equal(att_tokenizer_eos(t), 0);
    assert_int_equal(att_tokenizer_unk(t), 1);
    assert_int_equal(att_tokenizer_pad(t), att_tokenizer_size(t) - 1);
    assert_null(att_tokenizer_piece(t, att_tokenizer_size(t)));
    assert_null(att_tokenizer_piece(t, -1));
    int32_t *a = NULL, *b = NULL;
    size_t na = 0, nb = 0, ca = 0, cb = 0;
    const char *text = "ein mann steht .";
    assert_ok(att_tokenizer_encode(own, text, strlen(text), &a, &na, &ca));
    assert_ok(att_tokenizer_encode(t, text, strlen(text), &b, &nb, &cb));
    assert_int_equal(na, nb);
    for (size_t i = 0; i < na; i++) {
        assert_string_equal(att_tokenizer_piece(own, a[i]),
                            att_tokenizer_piece(t, b[i]));
        assert_int_equal(att_tokenizer_id(t, att_tokenizer_piece(t, b[i])), b[i]);
    }
    assert_int_equal(att_tokenizer_id(t, "no such piece"), att_tokenizer_unk(t));
    char *back = NULL;
    assert_ok(att_tokenizer_decode(t, b, nb, &back));
    assert_string_equal(back, text);
    att_free(back);
    att_free(a);
    att_free(b);
    att_tokenizer_destroy(t);
    att_tokenizer_destroy(own);
}

static void refuses_vocab(const char *json, const char *part)
{
    const char *vocab = support_temp("bad.json");
    att_tokenizer *t = NULL;
    support_write_text(vocab, json);
    assert_fails(att_tokenizer_open(&t, golden("bpe", ".model"), vocab), ATT_EFORMAT,
                 part);
}

static void broken_vocabularies_are_refused(void **state)
{
    (void)state;
    refuses_vocab("[1,2]", "object");
    refuses_vocab("{}", "object");
    refuses_vocab("{\"</s>\":0,\"<unk>\":1,\"a\":1}", "both have id 1");
    refuses_vocab("{\"</s>\":0,\"<unk>\":1,\"a\":7}", "not in 0..2");
    refuses_vocab("{\"</s>\":0,\"<unk>\":1,\"a\":-1}", "not in 0..2");
    refuses_vocab("{\"</s>\":0,\"<unk>\":1,\"a\":\"x\"}", "not in 0..2");
    refuses_vocab("{\"</s>\":0,\"<unk>\":1,\"a\":1.5}", "not in 0..2");
    refuses_vocab("{\"</s>\":0,\"a\":1}", "<unk>");
    refuses_vocab("{\"<unk>\":0,\"a\":1}", "</s>");
    refuses_vocab("{\"</s>\":0,\"</s>\":1}", "</s>");
}

static void language_tokens_are_kept_whole(void **state)
{
    (void)state;
    const char *vocab = support_temp("lang.json");
    support_write_text(vocab, "{\"</s>\":0,\"<unk>\":1,\">>deu<<\":2,\"\xe2\x96\x81"
                              "ein\":3,\"<pad>\":4}");
    att_tokenizer *t = NULL;
    int32_t *ids = NULL;
    size_t n = 0, cap = 0;
    assert_ok(att_tokenizer_open(&t, golden("bpe", ".model"), vocab));
    assert_ok(att_tokenizer_encode(t, ">>deu<< ein", 11, &ids, &n, &cap));
    assert_int_equal(n, 2);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 3);
    att_free(ids);
    att_tokenizer_destroy(t);
}

/* A directory whose only file is XLM-R's: SentencePiece's ids one higher, fairseq's four
 * special tokens first, one at either end of a text. */
static void xlm_roberta_is_numbered_by_fairseq(void **state)
{
    (void)state;
    static const char text[] = "the dog sleeps";
    const att_text_pair in = {.text = text, .len = sizeof text - 1};
    att_tokenizer *own = open_golden("unigram"), *t = NULL;
    int32_t *plain = NULL, *ids = NULL, *framed = NULL;
    size_t n = 0, cap = 0, m = 0, mcap = 0, k = 0;
    char dir[300], file[400], *again = NULL;
    snprintf(dir, sizeof dir, "%s", support_temp("xlmr"));
    snprintf(file, sizeof file, "%s/sentencepiece.bpe.model", dir);
    assert_ok(atti_mkdir_all(dir));
    atti_blob b;
    assert_ok(atti_blob_open(&b, golden("unigram", ".model"), 0));
    assert_ok(atti_write_file(file, b.data, b.size));
    atti_blob_close(&b);
    assert_ok(att_tokenizer_open_dir(&t, dir));
    assert_int_equal(att_tokenizer_size(t), att_tokenizer_size(own) + 2);
    assert_string_equal(att_tokenizer_piece(t, 0), "<s>");
    assert_string_equal(att_tokenizer_piece(t, att_tokenizer_size(t) - 1), "<mask>");
    assert_int_equal(att_tokenizer_pad(t), 1);
    assert_int_equal(att_tokenizer_eos(t), 2);
    assert_int_equal(att_tokenizer_unk(t), 3);
    assert_ok(att_tokenizer_encode(own, text, sizeof text - 1, &plain, &n, &cap));
    assert_ok(att_tokenizer_encode(t, text, sizeof text - 1, &ids, &m, &mcap));
    assert_int_equal(n, m);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(ids[i], plain[i] == att_tokenizer_unk(own) ? 3 : plain[i] + 1);
    assert_ok(att_tokenizer_encode_model(t, &in, &framed, NULL, &k));
    assert_int_equal(k, m + 2);
    assert_int_equal(framed[0], 0);
    assert_int_equal(framed[k - 1], 2);
    assert_ok(att_tokenizer_decode(t, framed, k, &again));
    assert_string_equal(again, text);
    att_free(again);
    atti_free(plain);
    atti_free(ids);
    atti_free(framed);
    att_tokenizer_destroy(own);
    att_tokenizer_destroy(t);
}

static void training_gives_the_same_bytes_for_any_thread_count(void **state)
{
    (void)state;
    char *corpus = strdup(support_golden("spm/corpus.txt"));
    const char *files[1] = {corpus};
    for (int unigram = 0; unigram < 2; unigram++) {
        char *first = NULL;
        size_t n = 0;
        for (int threads = 1; threads <= 3; threads++) {
            att_tokenizer_train_opts o;
            att_tokenizer_train_opts_init(&o);
            o.vocab_size = 200;
            o.unigram = unigram;
            o.max_sentences = 150;
            int32_t before = att_set_threads(threads);
            assert_ok(att_tokenizer_train(support_temp("t.spm"), files, 1, &o));
            att_set_threads(before);
            size_t m = 0;
            char *bytes = support_read(support_temp("t.spm"), &m);
            if (first) {
                assert_int_equal(m, n);
                assert_memory_equal(bytes, first, n);
                free(bytes);
            } else {
                first = bytes;
                n = m;
            }
        }
        free(first);
    }
    free(corpus);
}

static void identity_keeps_tokenised_text_as_it_is(void **state)
{
    (void)state;
    const char *files[1] = {support_golden("spm/corpus.txt")};
    att_tokenizer_train_opts o;
    att_tokenizer *t = NULL;
    att_tokenizer_train_opts_init(&o);
    o.vocab_size = 300;
    o.normalise = 0;
    assert_ok(att_tokenizer_train(support_temp("raw.spm"), files, 1, &o));
    assert_ok(att_tokenizer_open(&t, support_temp("raw.spm"), NULL));
    static const char *const texts[] = {"a man &apos;s hat &quot; is red &quot; .",
                                        "a b , c . d", "ein \xc2\xbd mann"};
    for (int i = 0; i < 2; i++) {
        int32_t *ids = NULL;
        size_t n = 0, cap = 0;
        char *back = NULL;
        assert_ok(att_tokenizer_encode(t, texts[i], strlen(texts[i]), &ids, &n, &cap));
        assert_ok(att_tokenizer_decode(t, ids, n, &back));
        assert_string_equal(back, texts[i]);
        att_free(back);
        att_free(ids);
    }
    att_tokenizer_destroy(t);
}

static void a_small_corpus_gives_a_smaller_vocabulary(void **state)
{
    (void)state;
    const char *file = support_temp("tiny.txt");
    const char *files[1] = {file};
    att_tokenizer_train_opts o;
    att_tokenizer *t = NULL;
    support_write_text(file, "i am a student\n\xff\xfe rubbish\nyou are a teacher\n");
    att_tokenizer_train_opts_init(&o);
    assert_ok(att_tokenizer_train(support_temp("tiny.spm"), files, 1, &o));
    assert_ok(att_tokenizer_open(&t, support_temp("tiny.spm"), NULL));
    assert_true(att_tokenizer_size(t) > 10 && att_tokenizer_size(t) < 100);
    att_tokenizer_destroy(t);
    o.vocab_size = 8; /* fewer than there are letters */
    assert_fails(att_tokenizer_train(support_temp("no.spm"), files, 1, &o), ATT_EINVAL,
                 "at least");
    support_write_text(file, "\n\n");
    o.vocab_size = 100;
    assert_fails(att_tokenizer_train(support_temp("no.spm"), files, 1, &o), ATT_EFORMAT,
                 "no line of text");
}

/* The trainer of SentencePiece ends the program on some of these. */
static void odd_corpora_are_trained_on_or_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"   \n\t\n",
                                        "\x01\x02\n",
                                        "\xe2\x80\x8b\n",
                                        "\xe2\x96\x81\n",
                                        "\xef\xbb\xbf\n",
                                        "a\n",
                                        "a\tb\n",
                                        ".\n",
                                        "\xc2\xa0\n",
                                        "\xe3\x80\x80\n",
                                        "<unk> </s>\n",
                                        "a a a a a\n",
                                        "\xf0\x9f\x98\x80\n",
                                        "\xe1\x9a\x80\n",
                                        "\xd8\x9c \xe1\x9a\x80\n",
                                        "\xe2\x96\x85\n",
                                        "a\xe2\x96\x85\n",
                                        "\xef\xbf\xbd\n"};
    const char *file = support_temp("odd.txt");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int kind = 0; kind < 8; kind++) {
            att_tokenizer_train_opts o;
            char *path = strdup(file), *out = strdup(support_temp("odd.spm"));
            const char *files[1] = {path};
            att_tokenizer_train_opts_init(&o);
            o.unigram = kind & 1;
            o.normalise = kind >> 1 & 1;
            o.byte_fallback = kind >> 2 & 1;
            o.vocab_size = 400;
            support_write_text(path, texts[i]);
            att_status st = att_tokenizer_train(out, files, 1, &o);
            assert_true(st == ATT_OK || st == ATT_EINVAL || st == ATT_EFORMAT);
            if (st != ATT_OK) assert_null(strstr(att_error_message(), ".cc("));
            free(out);
            free(path);
        }
    }
}

static void bad_arguments_are_named(void **state)
{
    (void)state;
    att_tokenizer *t = NULL;
    assert_fails(att_tokenizer_open(NULL, "x", NULL), ATT_EINVAL, "out");
    assert_fails(att_tokenizer_open(&t, NULL, NULL), ATT_EINVAL, "spm_path");
    assert_fails(att_tokenizer_open(&t, "/no/such.spm", NULL), ATT_ENOTFOUND,
                 "such.spm");
    assert_fails(att_tokenizer_train("x", NULL, 0, NULL), ATT_EINVAL, "no files");
    assert_fails(att_tokenizer_write_vocab(NULL, NULL, 0), ATT_EINVAL, "vocab_path");
    assert_null(t);
    att_tokenizer_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_texts_equal_sentencepieces),
        cmocka_unit_test(invalid_utf8_becomes_the_replacement_character),
        cmocka_unit_test(decode_takes_anything),
        cmocka_unit_test(vocab_json_gives_the_ids),
        cmocka_unit_test(broken_vocabularies_are_refused),
        cmocka_unit_test(language_tokens_are_kept_whole),
        cmocka_unit_test(xlm_roberta_is_numbered_by_fairseq),
        cmocka_unit_test(training_gives_the_same_bytes_for_any_thread_count),
        cmocka_unit_test(identity_keeps_tokenised_text_as_it_is),
        cmocka_unit_test(a_small_corpus_gives_a_smaller_vocabulary),
        cmocka_unit_test(odd_corpora_are_trained_on_or_refused),
        cmocka_unit_test(bad_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
