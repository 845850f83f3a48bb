/* test_train_inputs.c - vectors of a file stay as they are where they are frozen, and are
 * learned from where not; one-hot inputs are the identity, before and after. */
#include "attend/model.h"
#include "attend/tape.h"
#include "base/file.h"
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
        cmocka_unit_test_setup_teardown(one_hot_is_the_identity, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, support_temp_setup,
                                        support_temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
