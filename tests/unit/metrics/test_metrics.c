/* BLEU and chrF against sacreBLEU: tests/golden/metrics.json, written by
 * tools/make_golden_metrics.py.
 *
 * Counts and signatures must be equal. Scores are quotients and logarithms of equal
 * integers taken in the same order in double precision; 1e-10 (of 100) leaves room for
 * another libm's last bits only. The bootstrap is computed in single precision there:
 * 24 bits of a score up to 100 are 6e-6, a few operations make 1e-4. */
#include "attend/metrics.h"
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_LINES = 128, MAX_REFS = 4 };

static atti_json *golden;

typedef struct texts {
    const char *name;
    const char *hyps[MAX_LINES];
    const char *lines[MAX_REFS][MAX_LINES];
    const char *const *refs[MAX_REFS];
    int32_t n_refs;
    int64_t n;
} texts;

static void read_texts(texts *t, const atti_json *c)
{
    const atti_json *hyps = atti_json_get(c, "hyps"), *refs = atti_json_get(c, "refs");

    memset(t, 0, sizeof *t);
    t->name = atti_json_string(atti_json_get(c, "name"), NULL);
    t->n = (int64_t)atti_json_count(hyps);
    t->n_refs = (int32_t)atti_json_count(refs);
    assert_in_range(t->n, 1, MAX_LINES);
    assert_in_range(t->n_refs, 1, MAX_REFS);
    for (int64_t i = 0; i < t->n; i++) {
        t->hyps[i] = atti_json_string(atti_json_at(hyps, (size_t)i), NULL);
        for (int32_t r = 0; r < t->n_refs; r++)
            t->lines[r][i] = atti_json_string(
                atti_json_at(atti_json_at(refs, (size_t)r), (size_t)i), NULL);
    }
    for (int32_t r = 0; r < t->n_refs; r++) t->refs[r] = t->lines[r];
}

static double num(const atti_json *o, const char *key)
{
    return atti_json_number(atti_json_get(o, key));
}

static int truth(const atti_json *o, const char *key)
{
    return atti_json_truth(atti_json_get(o, key));
}

static void same(const texts *t, const char *what, const char *signature, double want,
                 double got, double tolerance)
{
    if (fabs(want - got) <= tolerance) return;
    fail_msg("%s: %s of '%s': %.12g, sacreBLEU has %.12g", t->name, what, signature,
             got, want);
}

static int32_t smooth_of(const atti_json *e)
{
    static const char *const names[] = {"exp", "none", "floor", "add-k"};
    const char *name = atti_json_string(atti_json_get(e, "smooth"), NULL);
    int32_t i = 0;

    while (strcmp(names[i], name) != 0) i++;
    return i;
}

static void check_bleu(const texts *t, const atti_json *e)
{
    const char *signature = atti_json_string(atti_json_get(e, "signature"), NULL);
    att_bleu_tokenize tokenize;
    att_bleu_opts o;
    att_bleu b;

    att_bleu_opts_init(&o);
    assert_int_equal(
        att_bleu_tokenize_find(&tokenize,
                               atti_json_string(atti_json_get(e, "tokenize"), NULL)),
        ATT_OK);
    o.tokenize = (int32_t)tokenize;
    o.lowercase = truth(e, "lowercase");
    o.smooth = smooth_of(e);
    o.smooth_value = num(e, "smooth_value");
    o.effective_order = truth(e, "effective_order");
    o.bootstrap = (int32_t)num(e, "bootstrap");
    att_status st = att_bleu_corpus(&b, t->hyps, t->refs, t->n_refs, t->n, &o);
    if (st == ATT_ENOTSUP) return; /* no utf8proc: intl and lower case */
    assert_int_equal(st, ATT_OK);
    assert_string_equal(b.signature, signature);
    same(t, "hyp_len", signature, num(e, "hyp_len"), (double)b.hyp_len, 0);
    same(t, "ref_len", signature, num(e, "ref_len"), (double)b.ref_len, 0);
    for (size_t k = 0; k < 4; k++)
        same(t, "precision", signature,
             atti_json_number(atti_json_at(atti_json_get(e, "precisions"), k)),
             b.precisions[k], 1e-10);
    same(t, "penalty", signature, num(e, "penalty"), b.brevity_penalty, 1e-12);
    same(t, "BLEU", signature, num(e, "score"), b.score, 1e-10);
    if (o.bootstrap == 0) return;
    same(t, "mean", signature, num(e, "mean"), b.mean, 1e-4);
    same(t, "interval", signature, num(e, "interval"), b.interval, 1e-4);
}

static void check_chrf(const texts *t, const atti_json *e)
{
    const char *signature = atti_json_string(atti_json_get(e, "signature"), NULL);
    att_chrf_opts o;
    att_chrf c;

    att_chrf_opts_init(&o);
    o.char_order = (int32_t)num(e, "char_order");
    o.word_order = (int32_t)num(e, "word_order");
    o.beta = (int32_t)num(e, "beta");
    o.lowercase = truth(e, "lowercase");
    o.whitespace = truth(e, "whitespace");
    o.bootstrap = (int32_t)num(e, "bootstrap");
    att_status st = att_chrf_corpus(&c, t->hyps, t->refs, t->n_refs, t->n, &o);
    if (st == ATT_ENOTSUP) return;
    assert_int_equal(st, ATT_OK);
    assert_string_equal(c.signature, signature);
    assert_string_equal(c.name, atti_json_string(atti_json_get(e, "name"), NULL));
    same(t, "chrF", signature, num(e, "score"), c.score, 1e-10);
    if (o.bootstrap == 0) return;
    same(t, "mean", signature, num(e, "mean"), c.mean, 1e-4);
    same(t, "interval", signature, num(e, "interval"), c.interval, 1e-4);
}

static void each(const char *key, void (*check)(const texts *, const atti_json *))
{
    const atti_json *cases = atti_json_get(golden, "cases");

    assert_true(atti_json_count(cases) >= 10);
    for (size_t i = 0; i < atti_json_count(cases); i++) {
        const atti_json *list = atti_json_get(atti_json_at(cases, i), key);
        texts t;

        read_texts(&t, atti_json_at(cases, i));
        assert_true(atti_json_count(list) > 0);
        for (size_t k = 0; k < atti_json_count(list); k++)
            check(&t, atti_json_at(list, k));
    }
}

static void test_bleu(void **state)
{
    (void)state;
    each("bleu", check_bleu);
}

static void test_chrf(void **state)
{
    (void)state;
    each("chrf", check_chrf);
}

/* A megabyte in one line: linear work, and no recursion to overflow. */
static void test_long_line(void **state)
{
    const size_t n = 1 << 20;
    char *line = malloc(n + 1);
    const char *hyp = line;
    const char *const *refs = &hyp;
    att_bleu b;
    att_chrf c;

    (void)state;
    assert_non_null(line);
    for (size_t i = 0; i < n; i++)
        line[i] = i % 7 == 6 ? ' ' : (char)('a' + i * i % 23);
    line[n] = 0;
    assert_int_equal(att_bleu_corpus(&b, &hyp, &refs, 1, 1, NULL), ATT_OK);
    assert_float_equal(b.score, 100.0, 1e-9);
    assert_int_equal(att_chrf_corpus(&c, &hyp, &refs, 1, 1, NULL), ATT_OK);
    assert_float_equal(c.score, 100.0, 1e-9);
    free(line);
}

static void test_invalid_utf8(void **state)
{
    const char *hyp = "ab\xff\xc3", *ref = "ab\xef\xbf\xbd\xef\xbf\xbd";
    const char *const *refs = &ref;
    att_chrf c;

    (void)state;
    assert_int_equal(att_chrf_corpus(&c, &hyp, &refs, 1, 1, NULL), ATT_OK);
    assert_float_equal(c.score, 100.0, 1e-9);
}

static void expect(att_status got, att_status want, const char *words)
{
    assert_int_equal(got, want);
    if (!strstr(att_error_message(), words))
        fail_msg("message '%s' lacks '%s'", att_error_message(), words);
}

static void test_bad_arguments(void **state)
{
    const char *hyps[2] = {"a", "b"}, *lines[2] = {"a", NULL};
    const char *const *refs = lines;
    att_bleu b = {.score = -7};
    att_chrf c = {.score = -7};
    att_bleu_tokenize t;
    att_bleu_opts o;
    att_chrf_opts p;

    (void)state;
    att_bleu_opts_init(&o);
    att_chrf_opts_init(&p);
    expect(att_bleu_corpus(NULL, hyps, &refs, 1, 1, NULL), ATT_EINVAL, "result");
    expect(att_bleu_corpus(&b, hyps, &refs, 1, 0, NULL), ATT_EINVAL, "0 sentences");
    expect(att_bleu_corpus(&b, hyps, &refs, 0, 1, NULL), ATT_EINVAL, "0 references");
    expect(att_bleu_corpus(&b, hyps, &refs, 1, 2, NULL), ATT_EINVAL, "no reference");
    expect(att_chrf_corpus(&c, hyps, &refs, 1, 2, NULL), ATT_EINVAL, "no reference");
    expect(att_chrf_corpus(&c, NULL, &refs, 1, 2, NULL), ATT_EINVAL, "no texts");
    o.tokenize = 9;
    expect(att_bleu_corpus(&b, hyps, &refs, 1, 1, &o), ATT_EINVAL, "9 not in");
    o.tokenize = 0;
    o.smooth = -1;
    expect(att_bleu_corpus(&b, hyps, &refs, 1, 1, &o), ATT_EINVAL, "-1 not in");
    o.size = 3;
    expect(att_bleu_corpus(&b, hyps, &refs, 1, 1, &o), ATT_EINVAL, "size 3");
    p.char_order = 0;
    expect(att_chrf_corpus(&c, hyps, &refs, 1, 1, &p), ATT_EINVAL, "order 0");
    p.char_order = 6;
    p.beta = 0;
    expect(att_chrf_corpus(&c, hyps, &refs, 1, 1, &p), ATT_EINVAL, "beta 0");
    expect(att_bleu_tokenize_find(&t, "moses"), ATT_ENOTFOUND, "13a, zh");
    assert_null(att_bleu_tokenize_name((att_bleu_tokenize)77));
    assert_true(b.score == -7 && c.score == -7);
}

/* Every allocation fails once: a code, a message and nothing leaked (the sanitizers
 * see the latter). */
static void test_out_of_memory(void **state)
{
    const char *hyp = "the cat sat on the mat", *ref = "the cat is on the mat";
    const char *const *refs = &ref;
    att_bleu_opts o;
    att_chrf_opts p;
    att_bleu b;
    att_chrf c;

    (void)state;
    att_bleu_opts_init(&o);
    att_chrf_opts_init(&p);
    o.bootstrap = p.bootstrap = 10;
    p.word_order = 2;
    for (int which = 0; which < 2; which++) {
        att_status st = ATT_ENOMEM;

        for (uint64_t at = 1; st != ATT_OK; at++) {
            assert_in_range(at, 1, 200);
            atti_alloc_fail_at(at);
            st = which ? att_chrf_corpus(&c, &hyp, &refs, 1, 1, &p)
                       : att_bleu_corpus(&b, &hyp, &refs, 1, 1, &o);
            atti_alloc_fail_at(0);
            if (st != ATT_OK) assert_int_equal(st, ATT_ENOMEM);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    if (atti_json_load(&golden, ATTEND_SOURCE_DIR "/tests/golden/metrics.json", 1 << 24,
                       0) == ATT_OK)
        return 0;
    fprintf(stderr, "%s\n", att_error_message());
    return 1;
}

static int teardown(void **state)
{
    (void)state;
    atti_json_destroy(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bleu),          cmocka_unit_test(test_chrf),
        cmocka_unit_test(test_long_line),     cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_bad_arguments), cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
