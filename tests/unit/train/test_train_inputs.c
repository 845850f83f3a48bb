/* test_train_inputs.c - vectors of a file stay as they are where they are frozen, and are
 * learned from where not; one-hot inputs are the identity, before and after. */
#include "attend/model.h"
#include "attend/tape.h"
#include "attend/tokenizer.h"
#include "base/alloc.h"
#include "base/file.h"
#include "tokenize/lexicon.h"
#include "train_case.h"
#include <math.h>
#include <string.h>

static const char *write_vectors(int64_t width)
{
    static const char *const words[] = {"the", "dog", "cat", "a", "."};
    static char path[300];
    char text[8000];
    size_t n = 0;
    for (int w = 0; w < 5; w++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", words[w]);
        for (int64_t i = 0; i < width; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, " %d.5", (int)(w + i) % 3);
        n += (size_t)snprintf(text + n, sizeof text - n, "\n");
    }
    (void)snprintf(path, sizeof path, "%s", support_temp("vectors"));
    assert_ok(atti_write_file(path, text, n));
    return path;
}

/* Numbers of the rows that stand in the file which are as they are there: all or none. */
static void train_with(const char *name, int frozen, int expect_same)
{
    char dir[300];
    (void)snprintf(dir, sizeof dir, "%s", support_temp(name));
    att_train_opts o = case_options(dir);
    att_model *m = NULL;
    att_tensor t;
    int64_t same = 0, rows = 0;
    o.arch = "rnn";
    o.separate_vocab = 1;
    o.valid_source = o.valid_target = NULL;
    o.average = 0;
    o.vectors = write_vectors(o.d_model);
    o.freeze_vectors = frozen;
    assert_ok(att_train_translate(&o, NULL));
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_model_tensor(m, &t, "model.encoder.embed_tokens.weight"));
    const float *w = t.data;
    for (int64_t i = 0; i < t.shape[0]; i++) {
        int is = 1;
        for (int64_t k = 0; k < t.shape[1] && is; k++) {
            float v = w[i * t.shape[1] + k] - 0.5f;
            is = v == 0.0f || v == 1.0f || v == 2.0f;
        }
        same += is;
        rows++;
    }
    assert_true(expect_same ? same >= 1 && same <= 5 : same == 0);
    assert_true(rows > 10);
    att_model_destroy(m);
}

static void frozen_rows_stay(void **state)
{
    (void)state;
    train_with("frozen", 1, 1);
    train_with("begun", 0, 0);
}

/* ---- which row is whose --------------------------------------------------------------- */

enum { TAGGED = 5, WIDE = 16 };
static const char *const tagged[TAGGED] = {"the", "dog", "cat", "a", "."};

/* "the" is the most frequent word, so its row is the first behind the special ones. */
static att_train_opts tag_options(const char *dir)
{
    static char path[300];
    static const char *list[1];
    att_train_opts o = case_options(dir);
    FILE *f;
    (void)snprintf(path, sizeof path, "%s", support_temp("tagged"));
    assert_non_null(f = fopen(path, "w"));
    for (int i = 0; i < 60; i++)
        fprintf(f, "%s\tD\nbrown\tJ\n%s\tN\nsleeps\tV\n.\tP\n\n", i % 3 ? "the" : "a",
                i % 2 ? "dog" : "cat");
    assert_int_equal(fclose(f), 0);
    list[0] = path;
    o.train_source = list;
    o.train_target = NULL;
    o.valid_source = o.valid_target = NULL;
    o.word_dim = WIDE;
    o.min_count = 1;
    o.average = 0;
    o.after = "4u";
    o.overwrite = 1;
    o.vectors = write_vectors(WIDE);
    o.freeze_vectors = 1;
    return o;
}

/* Row `row` holds the vector of word k of the file. */
static void assert_row(const att_tensor *t, int64_t row, int k)
{
    const float *w = (const float *)t->data + row * t->shape[1];
    assert_int_equal(t->shape[1], WIDE);
    for (int64_t i = 0; i < WIDE; i++)
        if (w[i] != (float)((k + i) % 3) + 0.5f)
            fail_msg("'%s', row %d: number %d is %g", tagged[k], (int)row, (int)i,
                     (double)w[i]);
}

/* The row that the encoder gives a word is the one that has its vector. */
static void words_have_their_own_vectors(void **state)
{
    (void)state;
    static const char *const archs[] = {"words", "window", "rnn", "rnn-lstm"};
    char dir[300], path[400];
    (void)snprintf(dir, sizeof dir, "%s", support_temp("own"));
    for (size_t a = 0; a < sizeof archs / sizeof *archs; a++) {
        att_train_opts o = tag_options(dir);
        att_model *m = NULL;
        atti_lexicon x;
        att_tensor t;
        o.arch = archs[a];
        assert_ok(att_train_tag(&o, NULL));
        assert_ok(att_model_load(&m, dir));
        assert_ok(att_model_tensor(m, &t, "model.words.weight"));
        assert_ok(
            atti_lexicon_load(&x, case_path(path, sizeof path, dir, "lexicon.json")));
        for (int k = 0; k < TAGGED; k++) {
            int32_t *ids = NULL;
            size_t n = 0, cap = 0;
            assert_ok(
                atti_lexicon_encode(&x, tagged[k], strlen(tagged[k]), &ids, &n, &cap));
            assert_row(&t, ids[0] - ATTI_LEXICON_CHARS, k);
            atti_free(ids);
        }
        atti_lexicon_deinit(&x);
        att_model_destroy(m);
    }
}

/* XLM-R's layout, other pieces between those of the words. */
static const char *write_pieces(void)
{
    static const char text[] =
        "{\"version\":\"1.0\",\"added_tokens\":[{\"id\":0,\"content\":\"<s>\","
        "\"special\":true},{\"id\":1,\"content\":\"<pad>\",\"special\":true},"
        "{\"id\":2,\"content\":\"</s>\",\"special\":true},{\"id\":3,\"content\":"
        "\"<unk>\",\"special\":true}],\"normalizer\":null,\"pre_tokenizer\":{\"type\":"
        "\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"always\",\"split\":"
        "true},\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"Unigram\","
        "\"unk_id\":3,\"vocab\":[[\"<s>\",0],[\"<pad>\",0],[\"</s>\",0],[\"<unk>\",0],"
        "[\"▁\",-9],[\"the\",-8],[\"▁.\",-2],[\"▁dog\",-2],[\"a\",-9],[\"▁cat\",-2],"
        "[\"▁brown\",-3],[\"▁a\",-2],[\"▁sleeps\",-3],[\"▁the\",-2]]}}";
    static char path[300];
    (void)snprintf(path, sizeof path, "%s.json", support_temp("given"));
    assert_ok(atti_write_file(path, text, sizeof text - 1));
    return path;
}

/* The same of sub-words. */
static void pieces_have_their_own_vectors(void **state)
{
    (void)state;
    char dir[300];
    (void)snprintf(dir, sizeof dir, "%s", support_temp("pieces"));
    att_train_opts o = tag_options(dir);
    att_model *m = NULL;
    att_tokenizer *tok = NULL;
    att_tensor t;
    o.arch = "xlm-roberta";
    o.tokenizer = write_pieces();
    assert_ok(att_train_tag(&o, NULL));
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_tokenizer_open_dir(&tok, dir));
    assert_ok(att_model_tensor(m, &t, "roberta.embeddings.word_embeddings.weight"));
    for (int k = 0; k < TAGGED; k++) {
        int32_t *ids = NULL;
        size_t n = 0, cap = 0;
        assert_ok(
            att_tokenizer_encode(tok, tagged[k], strlen(tagged[k]), &ids, &n, &cap));
        assert_int_equal(n, 1);
        assert_row(&t, ids[0], k);
        att_free(ids);
    }
    att_tokenizer_destroy(tok);
    att_model_destroy(m);
}

static void one_hot_is_the_identity(void **state)
{
    (void)state;
    char dir[300];
    (void)snprintf(dir, sizeof dir, "%s", support_temp("hot"));
    att_train_opts o = case_options(dir);
    att_model *m = NULL;
    att_tensor t;
    o.arch = "rnn";
    o.valid_source = o.valid_target = NULL;
    o.average = 2;
    o.ema = 0.01f;
    o.one_hot = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_model_tensor(m, &t, "model.shared.weight"));
    const float *w = t.data;
    assert_int_equal(t.shape[0], t.shape[1]);
    for (int64_t i = 0; i < t.shape[0]; i++)
        for (int64_t k = 0; k < t.shape[1]; k++) {
            int one = i == k && i != t.shape[0] - 1; /* the last is <pad> */
            assert_true(w[i * t.shape[1] + k] == (one ? 1.0f : 0.0f));
        }
    att_model_destroy(m);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    att_train_opts o = case_options(support_temp("no"));
    o.freeze_vectors = 1;
    assert_fails(att_train_check(&o), ATT_EINVAL, "needs --vectors");
    o.vectors = "x";
    assert_fails(att_train_check(&o), ATT_EINVAL, "--separate-vocab");
    o.one_hot = 1;
    assert_fails(att_train_check(&o), ATT_EINVAL, "no vectors of a file");
    o.vectors = NULL;
    o.freeze_vectors = 0;
    assert_fails(att_train_check(&o), ATT_EINVAL, "--arch rnn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frozen_rows_stay, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(words_have_their_own_vectors,
                                        support_temp_setup, support_temp_teardown),
        cmocka_unit_test_setup_teardown(pieces_have_their_own_vectors,
                                        support_temp_setup, support_temp_teardown),
        cmocka_unit_test_setup_teardown(one_hot_is_the_identity, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, support_temp_setup,
                                        support_temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
