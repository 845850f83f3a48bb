/* test_train_bf16.c - trainings whose products round their operands to bf16: they learn a
 * small corpus by heart as float32 does, give the same bytes for any number of threads and
 * interrupted or not, and are another training than float32's. On processors without
 * bf16 the same rounding is emulated, so this runs everywhere. */
#include "attend/decode.h"
#include "train_case.h"

#include <math.h>

static att_train_opts bf16_options(const char *dir)
{
    att_train_opts o = case_options(dir);
    o.precision = 1;
    return o;
}

static char *target_of(int line)
{
    char text[4096];
    FILE *f = fopen(case_target, "r");
    assert_non_null(f);
    for (int i = 0; i <= line; i++) assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    text[strcspn(text, "\n")] = 0;
    return strdup(text);
}

static char *source_of(int line)
{
    const char *keep = case_target;
    case_target = case_source;
    char *s = target_of(line);
    case_target = keep;
    return s;
}

static void learns_by_heart(void **state)
{
    (void)state;
    char *dir = strdup(support_temp("by_heart"));
    att_train_opts o = bf16_options(dir);
    o.d_model = 32, o.ffn = 64;
    o.dropout = o.label_smoothing = 0.0f;
    o.lr = 0.01f;
    o.after = "160u", o.save_freq = "160u", o.valid_freq = "160u";
    o.average = 0;
    assert_ok(att_train_translate(&o, NULL));
    att_model *m = NULL;
    att_session *s = NULL;
    assert_ok(att_model_load(&m, dir));
    assert_ok(att_session_create(&s, m, NULL));
    for (int i = 0; i < CASE_PAIRS; i++) {
        char *from = source_of(i), *to = target_of(i);
        const char *text[1] = {from};
        att_result *r = NULL;
        assert_ok(att_translate(s, &r, text, NULL, 1));
        assert_string_equal(to, att_result_sentence(r, 0)->hypotheses[0].text);
        att_result_destroy(r);
        free(from), free(to);
    }
    att_session_destroy(s);
    att_model_destroy(m);
    free(dir);
}

static void threads_do_not_show(void **state)
{
    (void)state;
    char *one = strdup(support_temp("one")), *three = strdup(support_temp("three"));
    att_train_opts o = bf16_options(one);
    int32_t before = att_set_threads(1);
    assert_ok(att_train_translate(&o, NULL));
    o = bf16_options(three);
    (void)att_set_threads(3);
    assert_ok(att_train_translate(&o, NULL));
    (void)att_set_threads(before);
    assert_same_model(one, three);
    free(one), free(three);
}

/* stop() counts the updates it was asked before. */
static int32_t asked;
static int32_t stop_at_eleven(void *user)
{
    (void)user;
    return ++asked == 11;
}

static void resumed_gives_the_same_bytes(void **state)
{
    (void)state;
    char *whole = strdup(support_temp("whole")), *cut = strdup(support_temp("cut"));
    att_train_opts o = bf16_options(whole);
    assert_ok(att_train_translate(&o, NULL));
    o = bf16_options(cut);
    o.stop = stop_at_eleven;
    asked = 0;
    assert_int_equal(ATT_ECANCELLED, att_train_translate(&o, NULL));
    o.stop = NULL;
    o.resume = 1;
    /* Going on in another precision would be another training. */
    o.precision = 0;
    assert_int_equal(ATT_EINVAL, att_train_translate(&o, NULL));
    assert_non_null(strstr(att_error_message(), "--precision"));
    o.precision = 1;
    assert_ok(att_train_translate(&o, NULL));
    assert_same_model(whole, cut);
    free(whole), free(cut);
}

static void is_not_float32(void **state)
{
    (void)state;
    char *a = strdup(support_temp("bf16")), *b = strdup(support_temp("f32"));
    att_train_opts o = bf16_options(a);
    assert_ok(att_train_translate(&o, NULL));
    o = bf16_options(b);
    o.precision = 0;
    assert_ok(att_train_translate(&o, NULL));
    char x[400], y[400];
    size_t n = 0, m = 0;
    char *p = support_read(case_path(x, sizeof x, a, "model.safetensors"), &n);
    char *q = support_read(case_path(y, sizeof y, b, "model.safetensors"), &m);
    assert_true(n != m || memcmp(p, q, n) != 0);
    free(p), free(q), free(a), free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_by_heart),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(resumed_gives_the_same_bytes),
        cmocka_unit_test(is_not_float32),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
