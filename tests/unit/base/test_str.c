/* test_str.c - the builder, UTF-8, numbers, random numbers. */
#include "support.h"

#include "base/rng.h"
#include "base/str.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

static void builder_appends_and_gives_away(void **state)
{
    (void)state;
    atti_str s = {0};
    for (int i = 0; i < 1000; i++) {
        atti_str_add(&s, "ab");
        atti_str_addf(&s, "%d,", i % 10);
    }
    assert_int_equal(s.len, 4000);
    assert_int_equal(strlen(s.data), 4000);
    assert_memory_equal(s.data + 3996, "ab9,", 5);
    atti_str_add_n(&s, "x\0y", 3);
    assert_int_equal(s.len, 4003);
    char *text = NULL;
    assert_ok(atti_str_take(&text, &s));
    assert_null(s.data);
    assert_memory_equal(text + 4000, "x\0y", 4);
    atti_free(text);

    assert_ok(atti_str_take(&text, &s)); /* nothing appended: an empty text, not NULL */
    assert_string_equal(text, "");
    atti_free(text);
    atti_str_deinit(&s);
}

static void builder_remembers_its_first_failure(void **state)
{
    (void)state;
    atti_str s = {0};
    atti_str_add(&s, "kept");
    atti_alloc_fail_at(1);
    for (int i = 0; i < 100; i++) atti_str_add(&s, "more text");
    assert_int_equal(s.status, ATT_ENOMEM);
    atti_str_addf(&s, "%d", 7);
    char *text = NULL;
    assert_int_equal(atti_str_take(&text, &s), ATT_ENOMEM);
    assert_null(text);
    atti_str_clear(&s);
    atti_str_add(&s, "again");
    assert_string_equal(s.data, "again");
    atti_str_deinit(&s);
}

static void utf8_round_trips_every_code(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        char text[4];
        uint32_t back = 1;
        int n = atti_utf8_encode(text, code);
        int m = atti_utf8_decode(&back, text, (size_t)n);
        bool surrogate = code >= 0xd800 && code <= 0xdfff;
        if (m != n || back != (surrogate ? 0xfffd : code)) fail_msg("U+%04X", code);
        if (n > 1 && atti_utf8_len(text, (size_t)n - 1) != 0)
            fail_msg("cut U+%04X", code);
    }
    char text[4];
    assert_int_equal(atti_utf8_encode(text, 0x110000), 3);
    assert_memory_equal(text, "\xef\xbf\xbd", 3);
}

static void utf8_refuses_what_is_not_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xc2",
        "\xc2\x41",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xe4\xbd",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xf0\x9f\x98",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[64];
        /* At every distance from the start, to meet the eight-byte steps too. */
        for (size_t pad = 0; pad < 20; pad++) {
            memset(text, 'a', sizeof text);
            memcpy(text + pad, bad[i], strlen(bad[i]));
            assert_false(atti_utf8_valid(text, 40));
            assert_false(atti_utf8_valid(text, pad + strlen(bad[i])));
            assert_true(atti_utf8_valid(text, pad));
        }
    }
    assert_true(atti_utf8_valid("", 0));
    assert_true(atti_utf8_valid("a\0b", 3));
    assert_true(atti_utf8_valid("\xe6\x88\x91\xe6\x98\xaf\xf0\x9f\x98\x80", 10));
}

static void whole_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      " 1",
                                      "1 ",
                                      "1x",
                                      "0x10",
                                      "1.0",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999"};
    int64_t v = 5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(atti_parse_i64(&v, bad[i]));
    }
    assert_int_equal(v, 5);
    assert_true(atti_parse_i64(&v, "9223372036854775807") && v == INT64_MAX);
    assert_true(atti_parse_i64(&v, "-9223372036854775808") && v == INT64_MIN);
    assert_true(atti_parse_i64(&v, "+007") && v == 7);
    assert_true(atti_parse_i64(&v, "-0") && v == 0);
}

static void real_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",      " 1",     "1 ",      "1e",  "e5",    ".",      "0x1",    "1..2",
        "1e+-3", "nan(1)", "infinit", "1,5", "1e999", "-1e999", "1e400.", "1d5"};
    double v = 5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (atti_parse_f64(&v, bad[i])) fail_msg("'%s' was taken as %g", bad[i], v);
    }
    assert_true(v == 5);
    assert_true(atti_parse_f64(&v, "-1.5e-3") && v == -1.5e-3);
    assert_true(atti_parse_f64(&v, ".5") && v == 0.5);
    assert_true(atti_parse_f64(&v, "5.") && v == 5);
    assert_true(atti_parse_f64(&v, "1e-999") && v == 0);
    assert_true(atti_parse_f64(&v, "1.7976931348623157e308") && v == DBL_MAX);
    assert_true(atti_parse_f64(&v, "NaN") && isnan(v));
    assert_true(atti_parse_f64(&v, "-Infinity") && isinf(v) && v < 0);
    assert_int_equal(atti_scan_f64(&v, "-1e999"), -1);
    assert_true(isinf(v) && v < 0);
    assert_int_equal(atti_scan_f64(&v, "1e9x"), 0);
}

static void numbers_ignore_the_locale(void **state)
{
    (void)state;
    static const char *const comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8",
                                        "de_DE"};
    const char *found = NULL;
    for (size_t i = 0; i < 4 && !found; i++) found = setlocale(LC_NUMERIC, comma[i]);
    if (!found) support_skip("no locale with a decimal comma is installed");
    double v = 0;
    bool good = atti_parse_f64(&v, "1.5");
    setlocale(LC_NUMERIC, "C");
    assert_true(good && v == 1.5);
}

static void random_numbers_are_fixed_for_ever(void **state)
{
    (void)state;
    /* Checkpoints and goldens depend on these: a change breaks resuming. */
    assert_int_equal(atti_mix64(0), 0xe220a8397b1dcdafULL); /* SplitMix64, seed 0 */
    assert_int_equal(atti_mix32(1), 0x688990c0u);
    assert_int_equal(atti_mix32(0xffffffffu), 0x6768824au);
    assert_int_equal(atti_key(1, 2, 3), 0x6ae515c1c0ac7e37ULL);
    assert_int_equal(atti_drop_bits(5, 7), 0xc9f4fdd7u);
    atti_rng a = {atti_key(1, 2, 3), 0}, b = {atti_key(1, 2, 3), 5};
    uint64_t sixth = 0;
    for (int i = 0; i < 6; i++) sixth = atti_rng_u64(&a);
    assert_int_equal(sixth, atti_rng_u64(&b));
    assert_int_equal(a.counter, 6);
}

static void normal_numbers_have_the_right_moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    atti_rng r = {atti_key(7, 0, 0), 0};
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    for (int i = 0; i < N; i++) {
        double x = atti_rng_normal(&r);
        m1 += x;
        m2 += x * x;
        m3 += x * x * x;
        m4 += x * x * x * x;
    }
    assert_int_equal(r.counter, 2 * N);
    /* Deviations of the sample moments are 1, sqrt 2, sqrt 15, sqrt 96 over sqrt N; five
     * of them are allowed. */
    double d = 5 / sqrt((double)N);
    assert_true(fabs(m1 / N) < d);
    assert_true(fabs(m2 / N - 1) < d * sqrt(2));
    assert_true(fabs(m3 / N) < d * sqrt(15));
    assert_true(fabs(m4 / N - 3) < d * sqrt(96));
}

static void draws_below_n_are_even(void **state)
{
    (void)state;
    atti_rng r = {atti_key(9, 0, 0), 0};
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) counts[atti_rng_below(&r, 7)]++;
    /* Binomial with deviation 92.6; five of them. */
    for (int i = 0; i < 7; i++) assert_in_range(counts[i], 10000 - 463, 10000 + 463);
    for (int i = 0; i < 100; i++) assert_int_equal(atti_rng_below(&r, 1), 0);
}

static void dropout_keeps_the_right_share(void **state)
{
    (void)state;
    atti_drop d = atti_drop_make(0.3f, atti_key(1, 1, 1));
    int kept = 0;
    for (uint64_t row = 0; row < 100; row++) {
        uint32_t key = atti_drop_rowkey(d.key, row);
        for (uint32_t col = 0; col < 1000; col++)
            kept += atti_drop_bits(key, col) >= d.threshold;
    }
    /* 100,000 draws: deviation 145, five of them. */
    assert_in_range(kept, 70000 - 725, 70000 + 725);
    d = atti_drop_make(0.0f, 1);
    assert_true(d.threshold == 0 && d.scale == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(builder_appends_and_gives_away),
        cmocka_unit_test(builder_remembers_its_first_failure),
        cmocka_unit_test(utf8_round_trips_every_code),
        cmocka_unit_test(utf8_refuses_what_is_not_strict),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(real_numbers),
        cmocka_unit_test(numbers_ignore_the_locale),
        cmocka_unit_test(random_numbers_are_fixed_for_ever),
        cmocka_unit_test(normal_numbers_have_the_right_moments),
        cmocka_unit_test(draws_below_n_are_even),
        cmocka_unit_test(dropout_keeps_the_right_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
