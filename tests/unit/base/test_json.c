/* test_json.c - what model directories hold, what must be refused, and writing. */
#include "support.h"

#include "atti_config.h"
#include "base/json.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef ATTI_HAVE_JANSSON
static atti_json *parse(const char *text)
{
    atti_json *root = NULL;
    assert_ok(atti_json_parse(&root, text, strlen(text), 0, "test.json"));
    return root;
}

static void refuse(const char *text, const char *part)
{
    atti_json *root = NULL;
    assert_fails(atti_json_parse(&root, text, strlen(text), 0, "test.json"),
                 ATT_EFORMAT, part);
    assert_null(root);
}

static void reads_what_python_writes(void **state)
{
    (void)state;
    atti_json *root =
        parse("\xef\xbb\xbf{\r\n \"n\": 6.0, \"nan\": NaN, \"inf\": Infinity,"
              "\"minf\":-Infinity, \"big\": 1000000000000000019884624838656,"
              "\"huge\": -1e400, \"null\": null, \"yes\": true,"
              "\"min\": -9223372036854775808, \"over\": 9223372036854775808,"
              "\"face\": \"\\uD83D\\uDE00\", \"text\": \"NaN \\\" Infinity\","
              "\"nul\": \"a\\u0000b\", \"list\": [1, [2, NaN], {}]}\r\n");
    int64_t i;
    double d;
    bool b;
    const char *s;
    size_t len;
    assert_ok(atti_json_get_i64(&i, root, "n", 1, 0, 10));
    assert_int_equal(i, 6);
    assert_true(isnan(atti_json_number(atti_json_get(root, "nan"))));
    assert_true(atti_json_is_number(atti_json_get(root, "nan")));
    assert_false(atti_json_is_string(atti_json_get(root, "nan")));
    assert_true(atti_json_number(atti_json_get(root, "inf")) > DBL_MAX);
    assert_true(atti_json_number(atti_json_get(root, "minf")) < -DBL_MAX);
    assert_true(atti_json_number(atti_json_get(root, "huge")) < -DBL_MAX);
    assert_true(atti_json_number(atti_json_get(root, "big")) == 1e30);
    assert_true(atti_json_number(atti_json_get(root, "over")) == 9223372036854775808.0);
    assert_ok(atti_json_get_i64(&i, root, "min", 0, INT64_MIN, 0));
    assert_true(i == INT64_MIN);
    assert_null(atti_json_get(root, "null"));
    assert_ok(atti_json_get_f64(&d, root, "null", 2.5));
    assert_true(d == 2.5);
    assert_ok(atti_json_get_bool(&b, root, "yes", false));
    assert_true(b);
    assert_ok(atti_json_get_str(&s, root, "face", NULL));
    assert_string_equal(s, "\xf0\x9f\x98\x80");
    assert_ok(atti_json_get_str(&s, root, "text", NULL));
    assert_string_equal(s, "NaN \" Infinity");
    assert_memory_equal(atti_json_string(atti_json_get(root, "nul"), &len), "a\0b", 4);
    assert_int_equal(len, 3);
    const atti_json *list = atti_json_get(root, "list");
    assert_int_equal(atti_json_count(list), 3);
    assert_int_equal(atti_json_count(atti_json_at(list, 1)), 2);
    assert_true(isnan(atti_json_number(atti_json_at(atti_json_at(list, 1), 1))));
    assert_null(atti_json_at(list, 3));
    atti_json_destroy(root);
}

static void typed_members_name_key_and_values(void **state)
{
    (void)state;
    atti_json *root =
        parse("{\"n\": 7, \"x\": 1.5, \"s\": \"t\", \"o\": {}, \"big\": 1e30}");
    int64_t i = -5;
    double d = -5;
    bool b = true;
    const char *s = "kept";
    assert_fails(atti_json_get_i64(&i, root, "n", 0, 8, 9), ATT_EFORMAT, "'n' is 7");
    assert_fails(atti_json_get_i64(&i, root, "n", 0, 1, 6), ATT_EFORMAT, "1..6");
    assert_fails(atti_json_get_i64(&i, root, "x", 0, 0, 9), ATT_EFORMAT, "'x' is 1.5");
    assert_fails(atti_json_get_i64(&i, root, "big", 0, 0, INT64_MAX), ATT_EFORMAT,
                 "'big'");
    assert_fails(atti_json_get_i64(&i, root, "s", 0, 0, 9), ATT_EFORMAT, "a string");
    assert_fails(atti_json_get_f64(&d, root, "o", 0), ATT_EFORMAT, "an object");
    assert_fails(atti_json_get_bool(&b, root, "n", 0), ATT_EFORMAT, "a number");
    assert_fails(atti_json_get_str(&s, root, "n", 0), ATT_EFORMAT, "'n'");
    assert_true(i == -5 && d == -5 && b && !strcmp(s, "kept"));
    assert_ok(
        atti_json_get_i64(&i, root, "absent", 3, 100, 200)); /* defaults are free */
    assert_int_equal(i, 3);
    assert_ok(atti_json_get_str(&s, root, "absent", NULL));
    assert_null(s);
    /* Members of what is no object are absent, not a crash. */
    assert_null(atti_json_get(atti_json_get(root, "n"), "k"));
    assert_null(atti_json_get(NULL, "k"));
    assert_null(atti_json_at(root, 0));
    assert_int_equal(atti_json_count(atti_json_get(root, "s")), 0);
    assert_int_equal(atti_json_count(NULL), 0);
    assert_true(isnan(atti_json_number(NULL)));
    assert_null(atti_json_string(NULL, NULL));
    atti_json_destroy(root);
    atti_json_destroy(NULL);
}

static void refuses_with_a_position(void **state)
{
    (void)state;
    refuse("", "test.json:1:1: ");
    refuse("{\"a\": 1,\n  \"b\" 2}", "test.json:2:");
    /* The column counts what the file has, not what the pre-pass put in. */
    refuse("{\"a\": NaN, \"b\": Infinity, x}", "test.json:1:28: ");
    refuse("[1, 2,]", "test.json:1:");
    refuse("[1] x", "test.json:1:");
    refuse("[01]", ":1:");
    refuse("[1.]", ":1:");
    refuse("[nan]", ":1:");
    refuse("[NaNs]", ":1:");
    refuse("[+1]", ":1:");
    refuse("[1e+-3]", ":1:");
    refuse("{NaN: 1}", ":1:");
    refuse("[\"\\ud800\"]", ":1:");
    refuse("[\"\xff\"]", ":1:");
    refuse("[\"a\nb\"]", ":");
    refuse("[\"open", ":");
    refuse("[\"\\u0000attend:nan\"]", "begins with a NUL");
    refuse("\"\\", ":");
}

static void depth_and_length_are_bounded(void **state)
{
    (void)state;
    char text[400];
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    text[128] = '\0';
    atti_json_destroy(parse(text));
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    text[130] = '\0';
    refuse(text, "test.json:1:65: nested");
    size_t n = 1 << 20;
    char *deep = malloc(n);
    for (size_t i = 0; i < n; i++) deep[i] = i % 5 ? '[' : '{';
    atti_json *root = NULL;
    assert_fails(atti_json_parse(&root, deep, n, 0, "deep"), ATT_EFORMAT, "nested");
    memset(deep, '9', n);
    assert_fails(atti_json_parse(&root, deep, n, 0, "wide"), ATT_EFORMAT, "number");
    free(deep);
    /* Brackets in strings do not nest. */
    memset(text, '[', 200);
    text[0] = text[199] = '"';
    text[200] = '\0';
    atti_json_destroy(parse(text));
}

static void duplicates_are_refused_on_request(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": 1, \"a\": 2}";
    atti_json *root = parse(text);
    assert_true(atti_json_number(atti_json_get(root, "a")) == 2);
    atti_json_destroy(root);
    assert_fails(
        atti_json_parse(&root, text, strlen(text), ATTI_JSON_NO_DUPLICATES, "t"),
        ATT_EFORMAT, "t:1:");
}

static bool collect(void *ctx, const char *key, const atti_json *value)
{
    atti_str *s = ctx;
    atti_str_addf(s, "%s=%g;", key, atti_json_number(value));
    return strcmp(key, "stop") != 0;
}

static void members_come_in_file_order(void **state)
{
    (void)state;
    atti_json *root = parse("{\"z\": 1, \"a\": 2, \"m\": null, \"stop\": 4, \"x\": 5}");
    atti_str s = {0};
    atti_json_each(root, collect, &s);
    assert_string_equal(s.data, "z=1;a=2;m=nan;stop=4;");
    atti_str_deinit(&s);
    atti_json_destroy(root);
}

static void files_are_loaded_within_a_limit(void **state)
{
    (void)state;
    const char *path = support_temp("c.json");
    atti_json *root;
    support_write_text(path, "{\"a\": [1, 2\n");
    assert_fails(atti_json_load(&root, path, 100, 0), ATT_EFORMAT, "c.json:2:");
    assert_fails(atti_json_load(&root, path, 3, 0), ATT_EFORMAT, "limit is 3");
    assert_fails(atti_json_load(&root, support_temp("no.json"), 3, 0), ATT_ENOTFOUND,
                 "no.json");
    support_write_text(path, "{\"a\": [1, 2]}\n");
    assert_ok(atti_json_load(&root, path, 100, 0));
    atti_json_destroy(root);
}

#else
static void reading_is_not_supported(void **state)
{
    (void)state;
    atti_json *root = NULL;
    assert_fails(atti_json_parse(&root, "{}", 2, 0, "test.json"), ATT_ENOTSUP,
                 "jansson");
    assert_null(root);
    assert_null(atti_json_get(NULL, "key"));
}
#endif

static void writes_nested_values(void **state)
{
    (void)state;
    for (int indent = 0; indent <= 2; indent += 2) {
        atti_jsonw w = {.indent = indent};
        atti_jsonw_object(&w, NULL);
        atti_jsonw_str(&w, "text", "a\"b\\c\n\t\x01 \xe5\xad\xa6 \xff");
        atti_jsonw_str(&w, "none", NULL);
        atti_jsonw_array(&w, "list");
        atti_jsonw_i64(&w, NULL, INT64_MIN);
        atti_jsonw_bool(&w, NULL, true);
        atti_jsonw_array(&w, NULL);
        atti_jsonw_end(&w, ']');
        atti_jsonw_end(&w, ']');
        atti_jsonw_raw(&w, "raw", "{}");
        atti_jsonw_end(&w, '}');
        assert_int_equal(w.depth, 0);
        static const char *const want[2] = {
            "{\"text\": \"a\\\"b\\\\c\\n\\t\\u0001 \xe5\xad\xa6 \xef\xbf\xbd\", \"none\": null, "
            "\"list\": [-9223372036854775808, true, []], \"raw\": {}}",
            "{\n  \"text\": \"a\\\"b\\\\c\\n\\t\\u0001 \xe5\xad\xa6 \xef\xbf\xbd\",\n"
            "  \"none\": null,\n  \"list\": [\n    -9223372036854775808,\n    true,\n"
            "    []\n  ],\n  \"raw\": {}\n}",
        };
        assert_string_equal(w.s.data, want[indent / 2]);
#ifdef ATTI_HAVE_JANSSON
        atti_json_destroy(parse(w.s.data));
#endif
        atti_str_deinit(&w.s);
    }
}

static void writes_the_shortest_numbers(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {1, "1.0"},
                 {-0.0, "-0.0"},
                 {1e30, "1e+30"},
                 {1.0 / 3, "0.3333333333333333"},
                 {NAN, "null"},
                 {-INFINITY, "null"},
                 {5e-324, "4.94065645841247e-324"},
                 {0.30000000000000004, "0.30000000000000004"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        atti_jsonw w = {0};
        atti_jsonw_f64(&w, NULL, cases[i].value);
        assert_string_equal(w.s.data, cases[i].text);
        atti_str_deinit(&w.s);
    }
    atti_jsonw w = {0};
    atti_jsonw_f32(&w, NULL, 0.1f);
    assert_string_equal(w.s.data, "0.1");
    atti_str_deinit(&w.s);
    /* Every float bit pattern in steps: text and back is the identity. */
    for (uint32_t bits = 1; bits < 0x7f800000u; bits += 65521u) {
        float x, y;
        memcpy(&x, &bits, sizeof x);
        atti_str_clear(&w.s);
        w.comma = false;
        atti_jsonw_f32(&w, NULL, x);
        y = strtof(w.s.data, NULL);
        assert_memory_equal(&x, &y, sizeof x);
    }
    atti_str_deinit(&w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef ATTI_HAVE_JANSSON
        cmocka_unit_test(reads_what_python_writes),
        cmocka_unit_test(typed_members_name_key_and_values),
        cmocka_unit_test(refuses_with_a_position),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(duplicates_are_refused_on_request),
        cmocka_unit_test(members_come_in_file_order),
        cmocka_unit_test(files_are_loaded_within_a_limit),
#else
        cmocka_unit_test(reading_is_not_supported),
#endif
        cmocka_unit_test(writes_nested_values),
        cmocka_unit_test(writes_the_shortest_numbers),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
