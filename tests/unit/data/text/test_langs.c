/* test_langs.c - tokens of target languages in text, in options and in front of lines. */
#include "data/text/langs.h"
#include "data/text/pairs.h"
#include "base/alloc.h"
#include "base/file.h"
#include "support.h"
#include <stdio.h>
#include <string.h>

static size_t token(const char *s)
{
    return atti_lang_token(s, strlen(s));
}

static void tokens_begin_a_line(void **state)
{
    (void)state;
    assert_int_equal(token(">>de<< ein Hund"), 6);
    assert_int_equal(token(">>zh_Hans<<"), 11);
    assert_int_equal(token(">>de<<"), 6);
    static const char *const none[] = {"",        "de",      ">>",      ">><<",
                                       ">>de<",   ">>d e<<", " >>de<<", ">>de>>",
                                       ">>d<e<<", ">>d,e<<", "<<de>>"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(token(none[i]), 0);
    char longest[80];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, ">>", 2);
    memcpy(longest + ATTI_LANG_MAX - 2, "<<", 3);
    assert_int_equal(token(longest), ATTI_LANG_MAX);
    memcpy(longest + ATTI_LANG_MAX - 2, "x<<", 4);
    assert_int_equal(token(longest), 0);
}

static void words_become_tokens(void **state)
{
    (void)state;
    char out[ATTI_LANG_MAX + 1];
    assert_ok(atti_lang_of_word(out, "de"));
    assert_string_equal(out, ">>de<<");
    assert_ok(atti_lang_of_word(out, ">>zh_Hans<<"));
    assert_string_equal(out, ">>zh_Hans<<");
    assert_fails(atti_lang_of_word(out, ""), ATT_EINVAL, "no target language");
    assert_fails(atti_lang_of_word(out, "d e"), ATT_EINVAL, "'d e'");
    assert_fails(atti_lang_of_word(out, ">>de"), ATT_EINVAL, "'>>de'");
    assert_fails(atti_lang_of_word(out, NULL), ATT_EINVAL, "''");
}

/* What an encoder was given, a line each. */
typedef struct heard {
    char text[400];
    size_t n;
} heard;

static att_status hear(void *ctx, int side, const char *text, size_t n, int32_t **ids,
                       size_t *n_ids, size_t *cap)
{
    heard *h = ctx;
    if (side == 0) {
        memcpy(h->text + h->n, text, n);
        h->n += n;
        h->text[h->n++] = '|';
    }
    ATTI_TRY(atti_grow(ids, cap, *n_ids + 1, sizeof **ids, "ids"));
    (*ids)[(*n_ids)++] = 1;
    return ATT_OK;
}

static const char *write_text(const char *name, const char *text)
{
    const char *path = support_temp(name);
    assert_ok(atti_write_file(path, text, strlen(text)));
    return path;
}

static void files_have_their_own(void **state)
{
    (void)state;
    char a[300], b[300];
    (void)snprintf(a, sizeof a, "%s", write_text("a", "one\n>>fr<< two\n \nthree\n"));
    (void)snprintf(b, sizeof b, "%s", write_text("b", "x\nx\nx\nx\n"));
    const char *source[2] = {a, a}, *target[2] = {b, b}, *prefix[2] = {">>de<<", NULL};
    heard h = {.n = 0};
    atti_pairs p;
    atti_pairs_opts o = {.source = source,
                         .target = target,
                         .n_files = 2,
                         .prefix = prefix,
                         .encode = hear,
                         .encode_ctx = &h,
                         .vocab_size = {5, 5},
                         .eos = {-1, -1},
                         .max_length = 10};
    assert_ok(atti_pairs_open(&p, &o));
    h.text[h.n] = 0;
    assert_string_equal(h.text,
                        ">>de<< one|>>fr<< two|>>de<< three|one|>>fr<< two|three|");
    assert_int_equal(p.n, 6);
    assert_int_equal(p.empty, 2);
    atti_pairs_close(&p);
    atti_langs l = {NULL, 0, 0};
    assert_ok(atti_langs_add(&l, ">>de<<", 6));
    assert_ok(atti_langs_read(&l, a));
    assert_ok(atti_langs_read(&l, a));
    assert_int_equal(l.n, 2);
    assert_string_equal(l.token[1], ">>fr<<");
    atti_langs_deinit(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_begin_a_line),
        cmocka_unit_test(words_become_tokens),
        cmocka_unit_test_setup_teardown(files_have_their_own, support_temp_setup,
                                        support_temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
