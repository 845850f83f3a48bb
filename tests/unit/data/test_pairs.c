/* Corpora as users have them: what is read, what is left out and counted, what is
 * refused. Tokens are words here: a word's id is 10 + its length. */
#include "base/alloc.h"
#include "data/text/pairs.h"
#include "support.h"
#include <stdlib.h>
#include <string.h>

static att_status words(void *ctx, int side, const char *text, size_t n, int32_t **ids,
                        size_t *n_ids, size_t *cap)
{
    (void)ctx, (void)side;
    size_t i = 0;
    while (i < n) {
        size_t start = i;
        while (i < n && text[i] != ' ') i++;
        if (i > start) {
            att_status st = atti_grow(ids, cap, *n_ids + 1, sizeof **ids, "ids");
            if (st != ATT_OK) return st;
            (*ids)[(*n_ids)++] = 10 + (int32_t)(i - start);
        }
        i++;
    }
    return ATT_OK;
}

static atti_pairs_opts options(const char *const *src, const char *const *tgt)
{
    return (atti_pairs_opts){.source = src,
                             .target = tgt,
                             .n_files = 1,
                             .temp_dir = support_temp(""),
                             .encode = words,
                             .vocab_size = {1000, 1000},
                             .eos = {0, 0},
                             .max_length = 20};
}

static att_status open_text(atti_pairs *p, const char *a, size_t na, const char *b,
                            size_t nb)
{
    const char *src = support_temp("a"), *tgt = support_temp("b");
    support_write(src, a, na);
    support_write(tgt, b, nb);
    atti_pairs_opts o = options(&src, &tgt);
    return atti_pairs_open(p, &o);
}

#define OPEN(p, a, b) open_text((p), (a), sizeof(a) - 1, (b), sizeof(b) - 1)

static void reads_back_what_was_tokenised(void **state)
{
    (void)state;
    atti_pairs p;
    int32_t s[64], t[64], scratch[128];
    assert_ok(OPEN(&p, "a bb ccc\nd\n", "xxxx\ny zz"));
    assert_int_equal(p.n, 2);
    assert_int_equal(p.tokens[0], 6);
    assert_int_equal(p.tokens[1], 5);
    assert_ok(atti_pairs_read(&p, 0, s, t, scratch));
    assert_int_equal(p.len[0][0], 4);
    assert_int_equal(s[0], 11);
    assert_int_equal(s[2], 13);
    assert_int_equal(s[3], 0);
    assert_int_equal(t[0], 14);
    assert_int_equal(t[1], 0);
    assert_ok(atti_pairs_read(&p, 1, s, t, scratch));
    assert_int_equal(t[1], 12);
    atti_pairs_close(&p);
}

static void wide_ids_need_four_bytes(void **state)
{
    (void)state;
    const char *src = support_temp("a"), *tgt = support_temp("b");
    atti_pairs p;
    int32_t s[8], t[8], scratch[16];
    support_write_text(src, "a bb\n");
    support_write_text(tgt, "c\n");
    atti_pairs_opts o = options(&src, &tgt);
    o.vocab_size[1] = 70000;
    o.eos[1] = 69999;
    assert_ok(atti_pairs_open(&p, &o));
    assert_int_equal(p.id_bytes, 4);
    assert_ok(atti_pairs_read(&p, 0, s, t, scratch));
    assert_int_equal(t[1], 69999);
    assert_int_equal(s[1], 12);
    atti_pairs_close(&p);
}

static void crlf_bom_and_a_missing_last_newline_change_nothing(void **state)
{
    (void)state;
    atti_pairs p;
    int32_t s[8], t[8], scratch[16];
    assert_ok(OPEN(&p,
                   "\xef\xbb\xbf"
                   "ab\r\ncd\r\n",
                   "x\r\nyy"));
    assert_int_equal(p.n, 2);
    assert_int_equal(p.invalid, 0);
    assert_ok(atti_pairs_read(&p, 0, s, t, scratch));
    assert_int_equal(s[0], 12);
    assert_int_equal(t[0], 11);
    atti_pairs_close(&p);
}

static void unusable_lines_are_left_out_and_counted(void **state)
{
    (void)state;
    atti_pairs p;
    assert_ok(OPEN(&p,
                   "good\n\nfull\n  \t \nbad \xff\xfe\n"
                   "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n"
                   "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n",
                   "gut\nvoll\n\nx\ny\nz\nz\n"));
    assert_int_equal(p.lines, 7);
    assert_int_equal(p.n, 2);
    assert_int_equal(p.empty, 3);
    assert_int_equal(p.invalid, 1);
    assert_int_equal(p.too_long, 1);
    assert_int_equal(p.longest[0], 20);
    atti_pairs_close(&p);
}

static void a_line_of_megabytes_is_only_long(void **state)
{
    (void)state;
    size_t n = 3 << 20;
    char *a = malloc(n + 16);
    memset(a, 'x', n);
    memcpy(a + n, "\nok\n", 5);
    atti_pairs p;
    assert_ok(open_text(&p, a, n + 4, "eins\nzwei\n", 10));
    assert_int_equal(p.too_long, 1);
    assert_int_equal(p.n, 1);
    atti_pairs_close(&p);
    free(a);
}

static void more_lines_than_a_window_keep_their_order(void **state)
{
    (void)state;
    enum { N = 10000 };
    char *a = malloc(N * 12), *b = malloc(N * 12);
    size_t na = 0, nb = 0;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < 1 + i % 9; k++) a[na++] = 'a';
        for (int k = 0; k < 1 + i % 7; k++) b[nb++] = 'b';
        a[na++] = b[nb++] = '\n';
    }
    atti_pairs p;
    int32_t s[8], t[8], scratch[16];
    assert_ok(open_text(&p, a, na, b, nb));
    assert_int_equal(p.n, N);
    for (int i = 0; i < N; i++) {
        assert_ok(atti_pairs_read(&p, i, s, t, scratch));
        assert_int_equal(s[0], 11 + i % 9);
        assert_int_equal(t[0], 11 + i % 7);
    }
    atti_pairs_close(&p);
    free(a);
    free(b);
}

static void unequal_files_are_refused_with_both_numbers(void **state)
{
    (void)state;
    atti_pairs p;
    assert_fails(OPEN(&p, "a\nb\nc\n", "x\ny\n"), ATT_EFORMAT, "3 lines");
    assert_fails(OPEN(&p, "a\nb\nc\n", "x\ny\n"), ATT_EFORMAT, "2");
}

static void nothing_usable_is_refused_with_the_counts(void **state)
{
    (void)state;
    atti_pairs p;
    assert_fails(OPEN(&p, "\n\n", "x\ny\n"), ATT_EFORMAT, "2 empty");
    assert_fails(OPEN(&p, "", ""), ATT_EFORMAT, "none of 0");
    const char *src = support_temp("absent"), *tgt = src;
    atti_pairs_opts o = options(&src, &tgt);
    assert_fails(atti_pairs_open(&p, &o), ATT_ENOTFOUND, "absent");
}

static void ids_outside_the_vocabulary_are_refused(void **state)
{
    (void)state;
    const char *src = support_temp("a"), *tgt = support_temp("b");
    atti_pairs p;
    support_write_text(src, "abcdef\n");
    support_write_text(tgt, "x\n");
    atti_pairs_opts o = options(&src, &tgt);
    o.vocab_size[0] = 16;
    assert_fails(atti_pairs_open(&p, &o), ATT_EFORMAT, "token id 16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_tokenised),
        cmocka_unit_test(wide_ids_need_four_bytes),
        cmocka_unit_test(crlf_bom_and_a_missing_last_newline_change_nothing),
        cmocka_unit_test(unusable_lines_are_left_out_and_counted),
        cmocka_unit_test(a_line_of_megabytes_is_only_long),
        cmocka_unit_test(more_lines_than_a_window_keep_their_order),
        cmocka_unit_test(unequal_files_are_refused_with_both_numbers),
        cmocka_unit_test(nothing_usable_is_refused_with_the_counts),
        cmocka_unit_test(ids_outside_the_vocabulary_are_refused),
    };
    return cmocka_run_group_tests(tests, support_temp_setup, support_temp_teardown);
}
