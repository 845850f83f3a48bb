/* test_vectors.c - vectors of words: both headers, words with blanks, and what is refused. */
#include "data/text/vectors.h"
#include "base/file.h"
#include "support.h"
#include <stdio.h>
#include <string.h>

typedef struct seen {
    char words[200];
    float last[4];
} seen;

static att_status see(void *ctx, const char *word, size_t n, const float *value,
                      int64_t width)
{
    seen *s = ctx;
    strncat(s->words, word, n);
    strcat(s->words, "|");
    for (int64_t i = 0; i < width && i < 4; i++) s->last[i] = value[i];
    return ATT_OK;
}

static att_status read_text(atti_vectors *v, seen *s, const char *text)
{
    const char *path = support_temp("vectors");
    memset(s, 0, sizeof *s);
    assert_ok(atti_write_file(path, text, strlen(text)));
    return atti_vectors_read(v, path, see, s);
}

static void both_forms_are_read(void **state)
{
    (void)state;
    atti_vectors v;
    seen s;
    assert_ok(read_text(&v, &s, "dog 1 -2.5 3e-1\ncat .5 +1 0\r\n\nfish 1 2 3"));
    assert_string_equal(s.words, "dog|cat|fish|");
    assert_int_equal(v.width, 3);
    assert_int_equal(v.words, 3);
    assert_true(s.last[0] == 1.0f && s.last[2] == 3.0f);
    assert_ok(read_text(&v, &s, "2 3\ndog 1 2 3 \n\tcat 4 5 6.5\n"));
    assert_string_equal(s.words, "dog|cat|");
    assert_true(s.last[2] == 6.5f);
    /* Words that are numbers, and words with blanks in them. */
    assert_ok(read_text(&v, &s, "2 3\n7 1 2 3\n. . . 4 5 6\n"));
    assert_string_equal(s.words, "7|. . .|");
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {
        {"", "no vectors"},
        {"\n\n", "no vectors"},
        {"2 3\n", "no vectors"},
        {"dog\n", "vectors of 0 numbers"},
        {"1 2\n", "no vectors"},
        {"9 0\ndog\n", "vectors of 0 numbers"},
        {"9 70000\ndog 1\n", "70000 numbers"},
        {"dog 1 2\ncat 1\n", ":2: no word"},
        {"dog 1 2\ncat 1 2 3\n", ":2: more than 2 numbers"},
        {"dog 1 2\ncat 1 x\n", ":2: column 3, 'x', is no finite number"},
        {"dog 1 2\ncat 1 nan\n", "'nan'"},
        {"dog 1 2\ncat 1 1e99\n", "'1e99'"},
        {"dog 1 2\ncat 1 0x10\n", "'0x10'"},
        {"dog 1 2\ncat 1 1-2\n", "'1-2'"},
        {"2 2\ncat 1 -\n", "'-'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        atti_vectors v;
        seen s;
        assert_fails(read_text(&v, &s, bad[i].text), ATT_EFORMAT, bad[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_forms_are_read, support_temp_setup,
                                        support_temp_teardown),
        cmocka_unit_test_setup_teardown(what_is_none_is_refused, support_temp_setup,
                                        support_temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
