/* tok_golden.h - a tokenizer against the golden cases of tools/make_golden_tokenizers.py.
 * Every mismatch is told, so that one run shows all of them. */
#ifndef ATTEND_TESTS_TOK_GOLDEN_H
#define ATTEND_TESTS_TOK_GOLDEN_H

#include "attend/tokenizer.h"
#include "attend/tape.h"
#include "base/json.h"
#include "support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline const char *tok_golden(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "tokenizers/%s", name);
    return support_golden(path);
}

static inline att_tokenizer *tok_open_json(const char *name)
{
    size_t n = 0;
    char *text = support_read(tok_golden(name), &n);
    att_tokenizer *t = NULL;
    assert_ok(att_tokenizer_open_json(&t, text, n, name));
    free(text);
    return t;
}

static inline int tok_same_ids(const char *what, size_t k, const int32_t *ids, size_t n,
                               const atti_json *want)
{
    int same = n == atti_json_count(want);
    for (size_t i = 0; i < n && same; i++) {
        same = ids[i] == (int32_t)atti_json_number(atti_json_at(want, i));
    }
    if (same) return 0;
    print_error("%s: case %zu:\n  got  ", what, k);
    for (size_t i = 0; i < n; i++) print_error(" %d", ids[i]);
    print_error("\n  want ");
    for (size_t i = 0; i < atti_json_count(want); i++) {
        print_error(" %d", (int)atti_json_number(atti_json_at(want, i)));
    }
    print_error("\n");
    return 1;
}

static inline size_t tok_unhex(char *out, const char *hex)
{
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (char)strtoul(two, NULL, 16);
    }
    return n;
}

/* The original's text, in which a C string has U+FFFD for a zero byte. */
static inline int tok_same_text(const char *got, const char *want, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int zero = want[i] == '\0';
        if (strncmp(got, zero ? "\xef\xbf\xbd" : want + i, zero ? 3 : 1) != 0) return 0;
        got += zero ? 3 : 1;
    }
    return *got == '\0';
}

static inline int tok_check_case(const char *what, const att_tokenizer *t, size_t k,
                                 const atti_json *c)
{
    char raw[256];
    size_t len = 0, n = 0, cap = 0;
    const char *text = atti_json_string(atti_json_get(c, "text"), &len);
    const atti_json *decoded = atti_json_get(c, "decoded");
    if (!text) {
        len = tok_unhex(raw, atti_json_string(atti_json_get(c, "hex"), NULL));
        text = raw;
    }
    int32_t *ids = NULL;
    char *back = NULL;
    assert_ok(att_tokenizer_encode(t, text, len, &ids, &n, &cap));
    int bad = tok_same_ids(what, k, ids, n, atti_json_get(c, "ids"));
    if (!bad && decoded) {
        assert_ok(att_tokenizer_decode(t, ids, n, &back));
        size_t want_n = 0;
        const char *want = atti_json_string(decoded, &want_n);
        bad = !tok_same_text(back, want, want_n);
        if (bad)
            print_error("%s: case %zu: '%s', expected '%s'\n", what, k, back, want);
        att_free(back);
    }
    att_free(ids);
    return bad;
}

static inline int tok_check_pair(const char *what, const att_tokenizer *t, size_t k,
                                 const atti_json *c)
{
    att_text_pair in = {0};
    int32_t *ids = NULL, *types = NULL;
    size_t n = 0;
    in.text = atti_json_string(atti_json_get(c, "a"), &in.len);
    in.pair = atti_json_string(atti_json_get(c, "b"), &in.pair_len);
    assert_ok(att_tokenizer_encode_model(t, &in, &ids, &types, &n));
    int bad = tok_same_ids(what, k, ids, n, atti_json_get(c, "ids"));
    bad += tok_same_ids(what, k, types, n, atti_json_get(c, "types"));
    att_free(ids);
    att_free(types);
    return bad;
}

/* All cases of a file; t is closed. */
static inline void tok_check_cases(const char *what, att_tokenizer *t, const char *file)
{
    atti_json *root = NULL;
    int bad = 0;
    assert_ok(atti_json_load(&root, tok_golden(file), 1 << 22, 0));
    assert_int_equal(att_tokenizer_size(t),
                     (int)atti_json_number(atti_json_get(root, "size")));
    const atti_json *cases = atti_json_get(root, "cases");
    const atti_json *pairs = atti_json_get(root, "pairs");
    assert_true(atti_json_count(cases) > 20 && atti_json_count(pairs) == 3);
    for (size_t i = 0; i < atti_json_count(cases); i++) {
        bad += tok_check_case(what, t, i, atti_json_at(cases, i));
    }
    for (size_t i = 0; i < 3; i++) {
        bad += tok_check_pair(what, t, i, atti_json_at(pairs, i));
    }
    atti_json_destroy(root);
    att_tokenizer_destroy(t);
    assert_int_equal(bad, 0);
}

static inline void tok_check_json(const char *name)
{
    char file[100];
    snprintf(file, sizeof file, "%s.json", name);
    att_tokenizer *t = tok_open_json(file);
    snprintf(file, sizeof file, "%s.cases.json", name);
    tok_check_cases(name, t, file);
}

static inline void tok_check_dir(const char *name)
{
    char file[100];
    att_tokenizer *t = NULL;
    assert_ok(att_tokenizer_open_dir(&t, tok_golden(name)));
    snprintf(file, sizeof file, "%s/cases.json", name);
    tok_check_cases(name, t, file);
}

#endif
