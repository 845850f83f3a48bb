/* Labelled texts: which column is which, and what is refused. */
#include "data/text/tsv_text.h"
#include "support.h"
#include <stdio.h>

static const char *file_of(const char *text)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", support_temp("texts"));
    support_write_text(path, text);
    return path;
}

/* "label:text " of all rows. */
static att_status show(char *out, size_t cap, const char *text, const char *columns)
{
    atti_tsv_text *t = NULL;
    atti_tsv_row row;
    size_t n = 0;
    out[0] = '\0';
    ATTI_TRY(atti_tsv_text_open(&t, file_of(text), columns));
    att_status st;
    while ((st = atti_tsv_text_next(t, &row)) == ATT_OK && row.text)
        n += (size_t)snprintf(out + n, cap - n, "%s:%s ", row.label, row.text);
    atti_tsv_text_close(t);
    return st;
}

static void columns(void **state)
{
    (void)state;
    static const struct {
        const char *text, *columns, *want;
    } cases[] = {
        {"0\ta\n1\tb\n0\tc\n", NULL, "0:a 1:b 0:c "},
        {"a\t0\nb\t1\nc\t0\n", NULL, "0:a 1:b 0:c "},
        {"aa\t0\nbb\t1\n", NULL, "0:aa 1:bb "}, /* as many of both: the shorter ones */
        {"sentence\tlabel\na\t0\n", NULL, "0:a "},
        {"Label\tid\tTEXT\n1\t7\ta\n", NULL, "1:a "},
        {"7\tx\ta\n", "id,label,text", "x:a "},
        {"label\ttext\nx\ta\n", "label,text", "x:a "}, /* the names are no row */
        {"0\ta\n\n\r\n1\tb", NULL, "0:a 1:b "},
        {"0\t\n1\tb\n0\tc\n", NULL, "0: 1:b 0:c "},
        {"\xef\xbb\xbf"
         "0\ta\r\n1\t\"b\n0\tc\n",
         NULL, "0:a 1:\"b 0:c "},
    };
    char got[1000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(show(got, sizeof got, cases[i].text, cases[i].columns));
        assert_string_equal(got, cases[i].want);
    }
}

static void refused(void **state)
{
    (void)state;
    char got[1000];
    assert_fails(show(got, sizeof got, "0\ta\nb\n", NULL), ATT_EFORMAT,
                 "texts:2: a column is missing");
    assert_fails(show(got, sizeof got, "0\ta\n\tb\n", "label,text"), ATT_EFORMAT,
                 "texts:2: the label is empty");
    assert_fails(show(got, sizeof got, "0\ta\tb\n", NULL), ATT_EFORMAT,
                 "texts:1: more");
    assert_fails(show(got, sizeof got, "0\t\xff\n", NULL), ATT_EFORMAT,
                 "texts:1: not UTF-8");
    assert_fails(show(got, sizeof got, "", NULL), ATT_EFORMAT, "is empty");
    assert_fails(show(got, sizeof got, "0\ta\n", "one,two"), ATT_EINVAL, "one,two");
    assert_ok(atti_tsv_columns_check(NULL));
}

static void sentiment(void **state)
{
    (void)state;
    atti_tsv_text *t = NULL;
    atti_tsv_row row;
    int n = 0, good = 0;
    assert_ok(atti_tsv_text_open(&t, support_data("sentiment-sst2/dev.tsv"), NULL));
    for (;;) {
        assert_ok(atti_tsv_text_next(t, &row));
        if (!row.text) break;
        n++;
        good += row.label[0] == '1';
    }
    atti_tsv_text_close(t);
    assert_int_equal(n, 872);
    assert_int_equal(good, 444);
}

static att_status read_one(void *ctx)
{
    char got[1000];
    return show(got, sizeof got, ctx, NULL);
}

static void failing_memory(void **state)
{
    (void)state;
    static char text[] = "0\ta\n1\tb\n";
    support_fail_every_alloc(read_one, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns),
        cmocka_unit_test(refused),
        cmocka_unit_test(sentiment),
        cmocka_unit_test(failing_memory),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
