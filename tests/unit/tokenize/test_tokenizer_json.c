/* Every stage of a tokenizer.json by itself, and files that must be refused. */
#include "base/alloc.h"
#include "tok_golden.h"

/* {parts, "model": ...} with the golden file's one model. */
static att_tokenizer *open_parts(const atti_json *root, const char *parts)
{
    atti_str s = {0};
    att_tokenizer *t = NULL;
    atti_str_addf(&s, "{%s%s\"model\":", parts, *parts ? "," : "");
    atti_str_add(&s, atti_json_string(atti_json_get(root, "model"), NULL));
    atti_str_add(&s, "}");
    assert_ok(s.status);
    assert_ok(att_tokenizer_open_json(&t, s.data, s.len, parts));
    atti_str_deinit(&s);
    return t;
}

static int check_stage(const atti_json *root, const atti_json *variant)
{
    const char *parts = atti_json_string(atti_json_get(variant, "parts"), NULL);
    const atti_json *texts = atti_json_get(root, "texts");
    att_tokenizer *t = open_parts(root, parts);
    int bad = 0;
    for (size_t i = 0; i < atti_json_count(texts); i++) {
        size_t len = 0, n = 0, cap = 0, want_n = 0;
        const char *text = atti_json_string(atti_json_at(texts, i), &len);
        const char *want =
            atti_json_string(atti_json_at(atti_json_get(variant, "out"), i), &want_n);
        int32_t *ids = NULL;
        assert_ok(att_tokenizer_encode(t, text, len, &ids, &n, &cap));
        char *got = calloc(n + 1, 1);
        for (size_t k = 0; k < n; k++) got[k] = (char)ids[k]; /* ids are bytes */
        if (n != want_n || memcmp(got, want, n) != 0) {
            print_error("%.200s\n  text '%s'\n  got  '%s'\n  want '%s'\n", parts, text,
                        got, want);
            bad++;
        }
        free(got);
        att_free(ids);
    }
    att_tokenizer_destroy(t);
    return bad;
}

static void every_stage_equals_the_original(void **state)
{
    (void)state;
    atti_json *root = NULL;
    int bad = 0;
    assert_ok(atti_json_load(&root, tok_golden("stages.json"), 1 << 23, 0));
    const atti_json *v = atti_json_get(root, "variants");
    assert_true(atti_json_count(v) > 60);
    for (size_t i = 0; i < atti_json_count(v); i++) {
        bad += check_stage(root, atti_json_at(v, i));
    }
    atti_json_destroy(root);
    assert_int_equal(bad, 0);
}

static int check_decoder(const atti_json *root, const atti_json *variant)
{
    const char *parts = atti_json_string(atti_json_get(variant, "parts"), NULL);
    const atti_json *lists = atti_json_get(root, "ids");
    att_tokenizer *t = open_parts(root, parts);
    int bad = 0;
    for (size_t i = 0; i < atti_json_count(lists); i++) {
        const atti_json *list = atti_json_at(lists, i);
        size_t n = atti_json_count(list);
        const char *want =
            atti_json_string(atti_json_at(atti_json_get(variant, "out"), i), NULL);
        int32_t ids[64];
        char *got = NULL;
        assert_true(n <= 64);
        for (size_t k = 0; k < n; k++) {
            ids[k] = (int32_t)atti_json_number(atti_json_at(list, k));
        }
        assert_ok(att_tokenizer_decode(t, ids, n, &got));
        if (strcmp(got, want) != 0) {
            print_error("%.200s\n  case %zu\n  got  '%s'\n  want '%s'\n", parts, i, got,
                        want);
            bad++;
        }
        att_free(got);
    }
    att_tokenizer_destroy(t);
    return bad;
}

static void every_decoder_equals_the_original(void **state)
{
    (void)state;
    atti_json *root = NULL;
    int bad = 0;
    assert_ok(atti_json_load(&root, tok_golden("decoders.json"), 1 << 22, 0));
    const atti_json *v = atti_json_get(root, "variants");
    assert_true(atti_json_count(v) > 10);
    for (size_t i = 0; i < atti_json_count(v); i++) {
        bad += check_decoder(root, atti_json_at(v, i));
    }
    atti_json_destroy(root);
    assert_int_equal(bad, 0);
}

typedef struct bad_file {
    const char *name;
    att_status code;
    const char *part; /* what the message must say */
} bad_file;

static const bad_file list[] = {
    {"empty", ATT_EFORMAT, "empty.json"},
    {"cut", ATT_EFORMAT, "cut.json"},
    {"deep", ATT_EFORMAT, "deep.json"},
    {"array", ATT_EFORMAT, "not a JSON object"},
    {"duplicate_key", ATT_EFORMAT, "duplicate"},
    {"no_model", ATT_EFORMAT, "no 'model'"},
    {"model_type", ATT_ENOTSUP, "'CharBPE'"},
    {"id_twice", ATT_EFORMAT, "both have id 0"},
    {"id_negative", ATT_EFORMAT, "not in 0.."},
    {"id_fraction", ATT_EFORMAT, "not in 0.."},
    {"id_huge", ATT_EFORMAT, "not in 0.."},
    {"id_desert", ATT_EFORMAT, "id 8388608 in a vocabulary of 2"},
    {"id_text", ATT_EFORMAT, "not in 0.."},
    {"vocab_empty", ATT_EFORMAT, "empty vocabulary"},
    {"vocab_array", ATT_EFORMAT, "'vocab' is no object"},
    {"long_piece", ATT_EFORMAT, "at most 65536"},
    {"no_unk", ATT_EFORMAT, "'[UNK]' is no piece"},
    {"wordpiece_no_unk", ATT_EFORMAT, "'[UNK]' is no piece"},
    {"merge_left", ATT_EFORMAT, "merge 0: 'c' is no piece"},
    {"merge_right", ATT_EFORMAT, "merge 0: 'c' is no piece"},
    {"merge_both", ATT_EFORMAT, "merge 0: 'ba' is no piece"},
    {"merge_one", ATT_EFORMAT, "merge 0 is no pair"},
    {"merge_three", ATT_EFORMAT, "merge 0 is no pair"},
    {"merge_number", ATT_EFORMAT, "merge 0 is no pair"},
    {"merge_triple", ATT_EFORMAT, "merge 0 is no pair"},
    {"merges_missing", ATT_EFORMAT, "'merges' is no list"},
    {"dropout", ATT_ENOTSUP, "dropout is 0.1"},
    {"flag_type", ATT_EFORMAT, "'byte_fallback' is a string"},
    {"unigram_unk", ATT_EFORMAT, "'unk_id' is 2"},
    {"unigram_score", ATT_EFORMAT, "piece 1 is not [text, score]"},
    {"unigram_nan", ATT_EFORMAT, "piece 0 is not [text, score]"},
    {"unigram_pair", ATT_EFORMAT, "piece 1 is not [text, score]"},
    {"unigram_twice", ATT_EFORMAT, "both 'a'"},
    {"added_id", ATT_EFORMAT, "has id 7, the vocabulary says 1"},
    {"added_same_id", ATT_EFORMAT, "both have id 1"},
    {"added_twice", ATT_EFORMAT, "comes twice"},
    {"added_empty", ATT_EFORMAT, "empty added token"},
    {"added_no_id", ATT_EFORMAT, "id -1"},
    {"added_desert", ATT_EFORMAT, "id 4194304 in a vocabulary of 3"},
    {"normalizer_type", ATT_ENOTSUP, "normalizer type 'Unidecode'"},
    {"normalizer_untyped", ATT_EFORMAT, "normalizer has no 'type'"},
    {"sequence_empty", ATT_EFORMAT, "without 'normalizers'"},
    {"steps", ATT_EFORMAT, "more than 64 steps"},
    {"replace_regex", ATT_ENOTSUP, "'(a*)*b' is not known"},
    {"charsmap_base64", ATT_EFORMAT, "byte 2 is no base64"},
    {"charsmap_loop", ATT_EFORMAT, "back to its own"},
    {"pre_type", ATT_ENOTSUP, "'UnicodeScripts'"},
    {"pre_regex", ATT_ENOTSUP, "'[aeiou]+' is not known"},
    {"pre_behavior", ATT_ENOTSUP, "'Sideways'"},
    {"pre_scheme", ATT_ENOTSUP, "'last'"},
    {"pre_replacement", ATT_EFORMAT, "'replacement' is empty"},
    {"decoder_type", ATT_ENOTSUP, "decoder type 'CTC'"},
    {"post_type", ATT_ENOTSUP, "post_processor type 'Other'"},
    {"post_id", ATT_EFORMAT, "id 9 is no piece"},
    {"template_token", ATT_EFORMAT, "special token '[X]'"},
    {"template_sequence", ATT_EFORMAT, "sequence 'C'"},
};

static void every_broken_file_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char name[100];
        size_t n = 0;
        att_tokenizer *t = NULL;
        snprintf(name, sizeof name, "bad/%s.json", list[i].name);
        char *text = support_read(tok_golden(name), &n);
        assert_fails(att_tokenizer_open_json(&t, text, n, name), list[i].code,
                     list[i].part);
        assert_null(t);
        free(text);
    }
}

static void directories_are_told_apart(void **state)
{
    (void)state;
    att_tokenizer *t = NULL;
    assert_fails(att_tokenizer_open_dir(&t, tok_golden("bad")), ATT_EIO,
                 "no source.spm, tokenizer.json");
    assert_fails(att_tokenizer_open_dir(&t, NULL), ATT_EINVAL, "model_dir is NULL");
    assert_fails(att_tokenizer_open_json(NULL, "", 0, "x"), ATT_EINVAL, "out is NULL");
    assert_fails(att_tokenizer_encode_model(NULL, NULL, NULL, NULL, NULL), ATT_EINVAL,
                 "tokenizer is NULL");
    assert_null(t);
}

static att_status open_and_use(void *ctx)
{
    att_tokenizer *t = NULL;
    int32_t *ids = NULL;
    size_t n = 0;
    char *back = NULL;
    static const char text[] = "The caf\xc3\xa9, 12 [MASK] \xe5\xad\xa6";
    const char *path = ctx;
    att_status st = att_tokenizer_open_dir(&t, path);
    att_text_pair in = {text, sizeof text - 1, text, 5};
    if (st == ATT_OK) st = att_tokenizer_encode_model(t, &in, &ids, NULL, &n);
    if (st == ATT_OK) st = att_tokenizer_decode(t, ids, n, &back);
    att_free(back);
    att_free(ids);
    att_tokenizer_destroy(t);
    return st;
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    char path[400];
    snprintf(path, sizeof path, "%s", tok_golden("dir_bert"));
    assert_true(support_fail_every_alloc(open_and_use, path) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_equals_the_original),
        cmocka_unit_test(every_decoder_equals_the_original),
        cmocka_unit_test(every_broken_file_is_refused_by_name),
        cmocka_unit_test(directories_are_told_apart),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
