/* BPE-dropout: without dropout the merges give what SentencePiece gives; with it the
 * same text in other pieces, as the key says. */
#include "attend/tape.h"
#include "base/rng.h"
#include "support.h"
#include "tokenize/bpe_dropout.h"
#include <stdio.h>
#include <string.h>

enum { ROOM = 4000 };

static const char *golden(const char *stem, const char *suffix)
{
    static char name[200];
    snprintf(name, sizeof name, "spm/%s%s", stem, suffix);
    return support_golden(name);
}

typedef void case_fn(const att_tokenizer *t, const int32_t *ids, int64_t n, void *ctx);

/* Calls f for the ids of every line that the models were trained on. */
static void each_line(const char *stem, case_fn *f, void *ctx)
{
    att_tokenizer *t = NULL;
    char line[4096];
    FILE *text = fopen(golden("corpus", ".txt"), "rb");
    assert_non_null(text);
    assert_ok(att_tokenizer_open(&t, golden(stem, ".model"), NULL));
    while (fgets(line, sizeof line, text)) {
        size_t n = 0, cap = 0;
        int32_t *ids = NULL;
        assert_ok(att_tokenizer_encode(t, line, strcspn(line, "\n"), &ids, &n, &cap));
        f(t, ids, (int64_t)n, ctx);
        att_free(ids);
    }
    fclose(text);
    att_tokenizer_destroy(t);
}

static void is_the_same(const att_tokenizer *t, const int32_t *ids, int64_t n,
                        void *ctx)
{
    atti_bpe_dropout *d = NULL;
    int32_t out[ROOM];
    assert_ok(atti_bpe_dropout_open(&d, t, 0.0));
    assert_int_equal(atti_bpe_dropout_draw(d, 7, ids, n, out, ROOM), n);
    if (n > 0) assert_memory_equal(out, ids, (size_t)n * sizeof *ids);
    *(int64_t *)ctx += n;
    atti_bpe_dropout_close(d);
}

static void without_dropout_merges_are_sentencepieces(void **state)
{
    (void)state;
    static const char *const stems[] = {"bpe", "bytes", "identity"};
    for (size_t i = 0; i < sizeof stems / sizeof *stems; i++) {
        int64_t n = 0;
        each_line(stems[i], is_the_same, &n);
        assert_true(n > 3000);
    }
}

typedef struct counts {
    int64_t plain, drawn, differ;
    double p;
} counts;

static void is_the_same_text(const att_tokenizer *t, const int32_t *ids, int64_t n,
                             void *ctx)
{
    counts *c = ctx;
    atti_bpe_dropout *d = NULL;
    int32_t out[ROOM], again[ROOM], other[ROOM];
    char *a = NULL, *b = NULL;
    assert_ok(atti_bpe_dropout_open(&d, t, c->p));
    int64_t m = atti_bpe_dropout_draw(d, 7, ids, n, out, ROOM);
    assert_int_equal(atti_bpe_dropout_draw(d, 7, ids, n, again, ROOM), m);
    if (m > 0) assert_memory_equal(out, again, (size_t)m * sizeof *out);
    assert_ok(att_tokenizer_decode(t, ids, (size_t)n, &a));
    assert_ok(att_tokenizer_decode(t, out, (size_t)m, &b));
    assert_string_equal(a, b);
    int64_t k = atti_bpe_dropout_draw(d, 8, ids, n, other, ROOM);
    c->differ += k != m || memcmp(out, other, (size_t)m * sizeof *out) != 0;
    c->plain += n;
    c->drawn += m;
    /* What has no room comes as it is. */
    assert_in_range(atti_bpe_dropout_draw(d, 7, ids, n, other, n), 0, n);
    att_free(a);
    att_free(b);
    atti_bpe_dropout_close(d);
}

static void dropout_keeps_the_text(void **state)
{
    (void)state;
    counts some = {.p = 0.1}, nearly_all = {.p = 0.99};
    each_line("bpe", is_the_same_text, &some);
    each_line("bpe", is_the_same_text, &nearly_all);
    /* More pieces the more merges are left out, and other ones by another key. */
    assert_true(some.drawn > some.plain + some.plain / 20);
    assert_true(nearly_all.drawn > some.drawn + some.drawn / 10);
    assert_true(some.differ > 100);
}

/* One word of two possible merges in a row: how often each is left out is known. With
 * probability p a step makes no merge, and then the word stays as it is. */
static void merges_are_left_out_as_often_as_asked(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    att_tokenizer *t = NULL;
    atti_bpe_dropout *d = NULL;
    assert_ok(att_tokenizer_open(&t, golden("bpe", ".model"), NULL));
    assert_ok(atti_bpe_dropout_open(&d, t, 0.3));
    int32_t piece = -1; /* of two characters that no other merge makes */
    for (int32_t i = 0; i < att_tokenizer_size(t) && piece < 0; i++) {
        const char *s = att_tokenizer_piece(t, i);
        if (s && strlen(s) == 2 && (unsigned char)s[0] < 128 && s[0] != '<') piece = i;
    }
    assert_true(piece >= 0);
    int64_t whole = 0;
    for (uint64_t k = 0; k < DRAWS; k++) {
        int32_t out[8];
        int64_t n = atti_bpe_dropout_draw(d, atti_mix64(k), &piece, 1, out, 8);
        assert_in_range(n, 1, 2);
        whole += n == 1;
    }
    /* Five standard deviations of a binomial of 20,000 and 0.7: 324. */
    assert_in_range(whole, 14000 - 324, 14000 + 324);
    atti_bpe_dropout_close(d);
    att_tokenizer_destroy(t);
}

static void other_vocabularies_are_refused(void **state)
{
    (void)state;
    att_tokenizer *t = NULL;
    atti_bpe_dropout *d = NULL;
    assert_ok(att_tokenizer_open(&t, golden("unigram", ".model"), NULL));
    assert_fails(atti_bpe_dropout_open(&d, t, 0.1), ATT_ENOTSUP, "BPE merges");
    att_tokenizer_destroy(t);
    assert_ok(att_tokenizer_open(&t, golden("bpe", ".model"), NULL));
    assert_fails(atti_bpe_dropout_open(&d, t, 1.0), ATT_EINVAL, "0..1");
    att_tokenizer_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_dropout_merges_are_sentencepieces),
        cmocka_unit_test(dropout_keeps_the_text),
        cmocka_unit_test(merges_are_left_out_as_often_as_asked),
        cmocka_unit_test(other_vocabularies_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
